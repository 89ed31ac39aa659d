package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Peer;
import io.peerloom.stream.TLSOptions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A WebSocket client that tells what happens by callbacks from {@link #poll}. Godot 3: {@code
 * WebSocketClient}, with its signals as a {@link Listener}.
 *
 * <p>It is a {@link WebSocketPeer} with events: what that class says of polling, threads and errors
 * holds. Unlike the peer's state, the closing event does not wait until all packets were taken;
 * they can be taken from {@link #getPeer} in the callbacks, and after them.
 */
public final class WebSocketClient implements Peer, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketClient.class);

    /**
     * The events, all from {@link #poll} and on its thread. Each is told once, also when a method
     * throws: {@code poll} throws that on, and the next one tells the rest.
     *
     * <p>A method may call everything but {@link WebSocketClient#poll}.
     */
    public interface Listener {

        /**
         * The connection is open. Godot 3: {@code connection_established}.
         *
         * @param protocol the subprotocol, {@code ""} for none
         */
        default void connectionEstablished(String protocol) {}

        /**
         * The open connection is over. Comes exactly once for each {@link #connectionEstablished},
         * after all data; of one that was still closing when the client was connected again, with
         * the next poll, before anything of the new one. Godot 3: {@code connection_closed}.
         *
         * @param wasCleanClose whether the server's close frame has come
         */
        default void connectionClosed(boolean wasCleanClose) {}

        /**
         * The connection could not be opened; {@link WebSocketClient#getFailure} tells why. Godot
         * 3: {@code connection_error}.
         */
        default void connectionError() {}

        /**
         * A message has arrived and can be taken from {@link #getPeer}. Comes once for each message
         * that was not taken by an earlier call. Godot 3: {@code data_received}.
         */
        default void dataReceived() {}

        /**
         * The server began to close; the answer is on its way. Godot 3: {@code
         * server_close_request}.
         *
         * @param code its close code, 1005 if it sent none
         * @param reason its reason, {@code ""} if it gave none
         */
        default void serverCloseRequest(int code, String reason) {}
    }

    private final WebSocketPeer peer = new WebSocketPeer();
    private Listener listener = new Listener() {};

    /** Whom to trust instead of what the options say; empty for that. */
    private Optional<X509Certificate> trusted = Optional.empty();

    // What the listener was told of the connection. Each is set before the call, so that none is
    // told twice.

    private boolean established;

    /** How many messages; wraps. */
    private int messagesTold;

    private boolean closeTold;
    private boolean ended = true;

    /** What a poll would have returned whose listener threw. */
    private ErrorCode result = ErrorCode.OK;

    /** The listener is being called. */
    private boolean polling;

    /** Was open, and closing when another took its place: its end is to be told of. Or null. */
    private WebSocketConnection replaced;

    /** A client that is not connected. */
    public WebSocketClient() {}

    /**
     * Sets who hears of the events.
     *
     * @param listener called from {@link #poll}
     */
    public void setListener(Listener listener) {
        this.listener = Objects.requireNonNull(listener, "listener");
    }

    /**
     * Begins to connect. Godot 3: {@code connect_to_url}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @return as {@link WebSocketPeer#connectToUrl}
     */
    public ErrorCode connectToUrl(String url) {
        WebSocketConnection last = peer.connection();
        ErrorCode begun =
                peer.connectToUrl(
                        url, trusted.map(c -> TLSOptions.client(List.of(c))).orElse(null));
        if (begun == ErrorCode.OK) {
            if (established && !ended) {
                replaced = last;
            }
            established = false;
            messagesTold = 0;
            closeTold = false;
            ended = false;
            result = ErrorCode.OK;
        }
        return begun;
    }

    /**
     * Begins to connect. Godot 3: {@code connect_to_url}; its {@code gd_mp_api} is a class of its
     * own here.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @param protocols the subprotocols to offer, the preferred one first
     * @param headers more header lines, each {@code "Name: value"}
     * @return as {@link #connectToUrl(String)}
     */
    public ErrorCode connectToUrl(String url, List<String> protocols, List<String> headers) {
        WebSocketPeer.State now = peer.getReadyState();
        if (now == WebSocketPeer.State.CLOSED || now == WebSocketPeer.State.CLOSING) {
            peer.setOptions(peer.getOptions().withProtocols(protocols).withHeaders(headers));
        }
        return connectToUrl(url);
    }

    /**
     * Bounds what waits of the next connection, and with it the size of a received message. Godot
     * 3: {@code set_buffers}.
     *
     * @param inputBufferSizeKb what was received and not taken, in KiB
     * @param inputMaxPackets how many messages that may be
     * @param outputBufferSizeKb what waits to be sent, in KiB
     * @param outputMaxPackets how many messages that may be
     * @return OK; FAILED unless closed
     * @throws IllegalArgumentException if a number is 0 or negative
     * @throws ArithmeticException if a size is 2 GiB or more
     */
    public ErrorCode setBuffers(
            int inputBufferSizeKb,
            int inputMaxPackets,
            int outputBufferSizeKb,
            int outputMaxPackets) {
        if (peer.getReadyState() != WebSocketPeer.State.CLOSED) {
            return ErrorCode.FAILED;
        }
        peer.setOptions(
                peer.getOptions()
                        .withBuffers(
                                inputBufferSizeKb,
                                inputMaxPackets,
                                outputBufferSizeKb,
                                outputMaxPackets));
        return ErrorCode.OK;
    }

    /**
     * {@return whom {@link #setTrustedSslCertificate} has told to trust; empty for nobody} Godot 3:
     * {@code trusted_ssl_certificate}.
     */
    public Optional<X509Certificate> getTrustedSslCertificate() {
        return trusted;
    }

    /**
     * Sets whom to trust, and nobody else, for the next {@code wss:} connection, instead of {@link
     * WebSocketOptions#tls}. Godot 3: {@code trusted_ssl_certificate}.
     *
     * @param certificate an authority's, or the server's own; null for what the options say
     */
    public void setTrustedSslCertificate(X509Certificate certificate) {
        trusted = Optional.ofNullable(certificate);
    }

    /** Begins to close with code 1000. Godot 3: {@code disconnect_from_host}. */
    public void disconnectFromHost() {
        disconnectFromHost(1000, "");
    }

    /**
     * Begins to close. Godot 3: {@code disconnect_from_host}.
     *
     * @param code as for {@link WebSocketPeer#close(int, String)}
     * @param reason as for {@link WebSocketPeer#close(int, String)}
     */
    public void disconnectFromHost(int code, String reason) {
        peer.close(code, reason);
    }

    /** Drops the connection without a close frame, see {@link WebSocketPeer#abort}. */
    public void abort() {
        peer.abort();
    }

    /** The same as {@link #disconnectFromHost()}. */
    @Override
    public void close() {
        disconnectFromHost();
    }

    /**
     * Looks what happened and calls the listener. Godot 3: {@code poll}.
     *
     * @return as {@link WebSocketPeer#poll}
     * @throws IllegalStateException if it is called by the listener; nothing else has happened then
     * @throws RuntimeException what the listener threw, an {@link Error} likewise; it is logged,
     *     with the URL. What was told counts as told, the rest of the news waits for the next poll
     */
    @Override
    public ErrorCode poll() {
        if (polling) {
            throw new IllegalStateException(
                    "poll() was called by a callback of the same client's poll()");
        }
        polling = true;
        try {
            WebSocketConnection before = replaced;
            if (before != null) {
                replaced = null;
                listener.connectionClosed(before.outcome().clean());
            }
            if (!ended) {
                step();
            }
        } catch (Throwable e) {
            LOG.warn("a callback for {} failed: {}", peer.getRequestedUrl(), e.toString());
            throw e;
        } finally {
            polling = false;
        }
        ErrorCode answer = result;
        result = ErrorCode.OK;
        return answer;
    }

    /**
     * Tells what there is to tell. What that is follows from what the listener was told before, and
     * not from what this call did: it may throw, or poll the peer itself.
     */
    private void step() {
        WebSocketConnection connection = peer.connection();
        peer.fetch();
        if (!established && peer.isConnectedToHost()) {
            established = true;
            listener.connectionEstablished(peer.getSelectedProtocol());
        }
        while (peer.connection() == connection && isMessageDue(connection)) {
            messagesTold++;
            listener.dataReceived();
        }
        if (peer.connection() != connection) {
            return; // the listener has connected anew
        }
        connection.doneWithTaken();
        ErrorCode found = peer.settle(false); // before we look at the close frame, which was first
        if (found != ErrorCode.OK) {
            result = found;
        }
        if (!closeTold
                && established
                && connection.isCloseRequested()
                && !connection.hasArrivals()) { // which it was behind
            closeTold = true;
            listener.serverCloseRequest(connection.peerCloseCode(), connection.peerCloseReason());
        }
        if (peer.getReadyState() == WebSocketPeer.State.CLOSED && peer.connection() == connection) {
            ended = true;
            if (established) {
                listener.connectionClosed(peer.wasCleanClose());
            } else {
                listener.connectionError();
            }
        }
    }

    /** Whether there is a message that the listener was not told of. */
    private boolean isMessageDue(WebSocketConnection connection) {
        int here = peer.getAvailablePacketCount();
        int due = connection.arrived() - messagesTold;
        if (due > here) { // some of them were taken meanwhile
            messagesTold += due - here;
        }
        return due > 0 && here > 0;
    }

    /**
     * {@return the connection as a peer, to send with and to take packets from} Godot 3: {@code
     * get_peer}.
     *
     * @param id 1, the server
     * @throws IllegalArgumentException for another id
     */
    public WebSocketPeer getPeer(int id) {
        if (id != 1) {
            throw new IllegalArgumentException("a client has peer 1, the server, alone: " + id);
        }
        return peer;
    }

    /** {@return the server's address} Godot 3: {@code get_connected_host}. */
    public String getConnectedHost() {
        return peer.getConnectedHost();
    }

    /** {@return the server's port} Godot 3: {@code get_connected_port}. */
    public int getConnectedPort() {
        return peer.getConnectedPort();
    }

    /** {@return the status, under Godot 3's name} Godot 3: {@code get_connection_status}. */
    public Status getConnectionStatus() {
        return peer.getStatus();
    }

    @Override
    public Status getStatus() {
        return peer.getStatus();
    }

    @Override
    public boolean awaitActivity(Duration timeout) {
        return replaced != null || peer.awaitActivity(timeout);
    }

    @Override
    public void wakeup() {
        peer.wakeup();
    }

    @Override
    public Optional<Throwable> getFailure() {
        return peer.getFailure();
    }
}
