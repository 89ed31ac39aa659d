package io.peerloom.websocket;

import java.io.Serial;
import java.net.ProtocolException;
import java.util.Objects;

/**
 * A server answered a client's handshake, but not with the WebSocket that was asked for: it refused
 * with a status, or opened something else (RFC 6455 section 4.1). It is what {@link
 * WebSocketPeer#connect(String)} throws then, what {@link WebSocketPeer#getFailure} has, and the
 * cause of the exception in the futures of the {@code async} module.
 *
 * <p>Immutable apart from what every {@link Throwable} lets its holder add; any thread.
 */
public final class UpgradeFailedException extends ProtocolException {
    @Serial private static final long serialVersionUID = 1;

    /** Not written when the exception is. */
    private final transient HandshakeResponse response;

    UpgradeFailedException(String message, HandshakeResponse response) {
        super(message);
        this.response = Objects.requireNonNull(response, "response");
    }

    /**
     * {@return what the server answered: its status, headers and the beginning of its body} With a
     * status of 101 the {@linkplain #getMessage message} says what else was wrong. Null in an
     * exception that came through Java's serialization.
     */
    public HandshakeResponse response() {
        return response;
    }
}
