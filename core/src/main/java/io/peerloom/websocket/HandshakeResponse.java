package io.peerloom.websocket;

import io.peerloom.internal.protocol.HttpSyntax;
import io.peerloom.internal.protocol.ResponseHead;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What a server answered to a client's handshake, whether that opened the WebSocket or refused it
 * (RFC 6455 section 4.2.2): see {@link WebSocketPeer#getHandshakeResponse} and {@link
 * UpgradeFailedException#response}. Answers with a status of 100 to 199 before it, other than 101,
 * are left out. Immutable; any thread.
 */
public final class HandshakeResponse {

    private final ResponseHead head;
    private final byte[] body;
    private final boolean bodyComplete;

    HandshakeResponse(ResponseHead head, byte[] body, boolean bodyComplete) {
        this.head = head;
        this.body = body;
        this.bodyComplete = bodyComplete;
    }

    /** {@return the HTTP status: 101 if the server opened the WebSocket} */
    public int status() {
        return head.status();
    }

    /** {@return the words behind the status, without control characters; may be empty} */
    public String reason() {
        return head.reason();
    }

    /**
     * {@return the value of the first header of a name} A value that was folded over several lines
     * has a space for each fold.
     *
     * @param name the name, in any case
     */
    public Optional<String> header(String name) {
        return head.first(name);
    }

    /**
     * {@return the values of all headers of a name, in order}
     *
     * @param name the name, in any case
     */
    public List<String> headers(String name) {
        return head.all(name);
    }

    /** {@return all header lines in order, each {@code "Name: value"}} */
    public List<String> headerLines() {
        return head.headers().stream().map(line -> line.name() + ": " + line.value()).toList();
    }

    /**
     * {@return the body of a refusal, without the framing of chunks, as far as {@link
     * io.peerloom.Limits#maxHeadBytes}; a copy} Empty for a status of 101. A coding such as gzip is
     * left as it is.
     */
    public byte[] body() {
        return body.clone();
    }

    /** {@return the {@linkplain #body body} read as UTF-8} */
    public String bodyText() {
        return new String(body, StandardCharsets.UTF_8);
    }

    /**
     * {@return whether the body is whole} Not if it was longer than the limit, if nothing more of
     * it came for half a second or so, or if the connection or the time for the handshake ended
     * first.
     */
    public boolean isBodyComplete() {
        return bodyComplete;
    }

    /** {@return status and reason, printable} */
    @Override
    public String toString() {
        String reason = head.reason();
        return head.status() + (reason.isEmpty() ? "" : " " + HttpSyntax.quote(reason));
    }
}
