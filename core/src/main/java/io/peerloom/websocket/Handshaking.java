package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.StreamWire;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.HeadParser;
import io.peerloom.internal.protocol.Header;
import io.peerloom.internal.protocol.HttpSyntax;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerTLS;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The opening of one connection, from the wire to the end of the handshake: what its two sides have
 * in common. It takes a socket or a stream, adds TLS if that is asked for, and exchanges the heads.
 *
 * <p>Whoever wants the connection makes one; the constructor throws if a setting cannot be sent. It
 * is run once, on the connection's thread.
 */
abstract sealed class Handshaking implements WebSocketConnection.Opener
        permits ClientSide, ServerSide {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketPeer.class);

    /** What heads are read into, and bodies, and what is of no interest. */
    static final int READ_SIZE = 1024;

    final Options options;

    /** Of the options: to add to our head. */
    final List<Header> headers;

    /** What to open it over; null for a socket of its own. */
    private final StreamPeer stream;

    // what follows belongs to the connection's thread

    /** What was read last, and which part of it is behind the head. */
    byte[] buffer;

    int position;
    int limit;

    /**
     * @param stream {@linkplain #isCarrier a carrier}, or null
     * @throws IllegalArgumentException if a header line is none
     */
    Handshaking(Options options, StreamPeer stream) {
        this.options = options;
        this.headers = headers(options.headers());
        this.stream = stream;
    }

    /** The socket to open it over, where there is no stream. */
    abstract Wire socket(WebSocketConnection connection) throws IOException;

    /**
     * The wire to speak on: with TLS, if that is asked for. Closes what it was given if it throws:
     * nobody else has that yet.
     */
    abstract Wire secured(Wire plain) throws IOException;

    /**
     * Exchanges the heads.
     *
     * @param beneath the session of TLS that is not the connection's own; null for none
     * @return the subprotocol, "" for none; null if the request was answered in another way
     */
    abstract String shakeHands(WebSocketConnection connection, SSLSession beneath)
            throws IOException, HandshakeException;

    @Override
    public final String open(WebSocketConnection connection)
            throws IOException, HandshakeException {
        connection.attach(secured(stream == null ? socket(connection) : wire(stream)));
        SSLSession beneath = stream instanceof StreamPeerTLS tls ? awaitSession(tls) : null;
        String protocol = shakeHands(connection, beneath);
        if (protocol != null) {
            connection.behindHead(buffer, position, limit);
        }
        buffer = null; // the thread of a polled client keeps this object for as long as it reads
        return protocol;
    }

    /**
     * Opens the connection, and reads it if it is polled, on a thread of its own.
     *
     * @param what for logs: what is opened
     */
    final void start(WebSocketConnection connection, String what) {
        Threads.start(
                "peerloom-websocket",
                () -> {
                    try {
                        connection.run(this);
                    } catch (Throwable e) { // of an SSLContext, say: the connection ended with it
                        LOG.warn("opening {} failed", what, e);
                    }
                });
    }

    /** Godot's header lines as headers. */
    static List<Header> headers(List<String> lines) {
        var headers = new ArrayList<Header>(lines.size());
        for (String line : lines) {
            int colon = line.indexOf(':');
            if (colon < 0) {
                throw new IllegalArgumentException(
                        "header without a colon: " + HttpSyntax.quote(line));
            }
            headers.add(new Header(line.substring(0, colon), line.substring(colon + 1).strip()));
        }
        return headers;
    }

    // ---- heads ----

    /** Reads a head; what came behind it stays in the buffer. */
    final void readHead(Wire wire, HeadParser parser) throws IOException, HandshakeException {
        buffer = new byte[READ_SIZE];
        boolean complete = false;
        while (!complete) {
            int n = wire.read(buffer, 0, buffer.length);
            if (n < 0) {
                throw new EOFException("the other side closed the connection during the handshake");
            }
            complete = parser.feed(buffer, 0, n);
            position = parser.consumed();
            limit = n;
        }
    }

    /** Writes a head, and its body if it has one, before anybody else can write. */
    static void write(Wire wire, byte[] head) throws IOException {
        for (int done = 0; done < head.length; ) {
            done += wire.write(head, done, head.length - done);
        }
    }

    /**
     * After an answer that refuses: lets the other side read it before the socket goes. Bounded by
     * the handshake's deadline.
     */
    static void linger(Wire wire) throws IOException {
        wire.shutdownOutput();
        byte[] rest = new byte[READ_SIZE];
        long most = 1 << 20;
        try {
            for (int n; most > 0 && (n = wire.read(rest, 0, rest.length)) >= 0; most -= n) {
                // dropped
            }
        } catch (EOFException e) {
            LOG.debug("! {}", e.getMessage()); // TLS without its end: nobody counts on more here
        }
    }

    // ---- streams as carriers ----

    /** Whether a WebSocket can be opened over it now. */
    static boolean isCarrier(StreamPeer stream) {
        return switch (stream) {
            case StreamPeerSocket socket -> socket.getStatus() == Peer.Status.CONNECTED;
            case StreamPeerTLS tls ->
                    tls.getStatus() == StreamPeerTLS.Status.CONNECTED
                            || tls.getStatus() == StreamPeerTLS.Status.HANDSHAKING;
            default -> false;
        };
    }

    static IllegalArgumentException notACarrier(StreamPeer stream) {
        return new IllegalArgumentException("not a connected stream of a socket or TLS: " + stream);
    }

    /** The socket beneath, if it is TCP's; or null. */
    static StreamPeerTCP tcp(StreamPeer carrier) {
        StreamPeer socket = carrier;
        while (socket instanceof StreamPeerTLS tls) {
            socket = tls.getStream();
        }
        return socket instanceof StreamPeerTCP tcp ? tcp : null;
    }

    private static Wire wire(StreamPeer carrier) {
        return switch (carrier) {
            case StreamPeerSocket socket ->
                    new StreamWire(
                            (dst, at, length) -> socket.read(dst, at, length, Limits.NEVER),
                            (src, at, length) -> socket.putData(src, at, length) == ErrorCode.OK,
                            socket::getFailure,
                            socket::disconnectFromHost);
            case StreamPeerTLS tls ->
                    new StreamWire(
                            (dst, at, length) -> tls.read(dst, at, length, Limits.NEVER),
                            (src, at, length) -> tls.putData(src, at, length) == ErrorCode.OK,
                            tls::getFailure,
                            tls::disconnectFromStream);
            default -> throw new IllegalArgumentException("a stream of another kind: " + carrier);
        };
    }

    /**
     * Waits until the TLS of a stream is ready; on the connection's thread, which has the stream
     * now. The stream's deadline bounds this, and so does the connection's, which closes the
     * stream.
     */
    private static SSLSession awaitSession(StreamPeerTLS tls) throws IOException {
        while (tls.getStatus() == StreamPeerTLS.Status.HANDSHAKING) {
            tls.awaitActivity(Limits.NEVER);
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedIOException("interrupted while shaking TLS hands");
            }
            tls.poll();
        }
        return tls.getSslSession()
                .orElseThrow(() ->
                        tls.getFailure().orElse(null) instanceof IOException e
                                ? e
                                : new IOException("the TLS stream is not connected any more"));
    }
}
