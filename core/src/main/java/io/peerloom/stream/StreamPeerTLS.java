package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.StreamWire;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.HttpSyntax;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/**
 * TLS 1.2 or 1.3 over another stream, as its client or its server, that never blocks a game loop.
 * Godot: {@code StreamPeerTLS} (4.x) and {@code StreamPeerSSL} (3.x).
 *
 * <p>{@link #connectToStream connectToStream} and {@link #acceptStream(StreamPeer, TLSOptions)
 * acceptStream} begin to shake hands over a connected stream, and {@link #poll} moves the
 * {@linkplain #getStatus status}:
 *
 * <table>
 * <caption>what {@link #poll} does</caption>
 * <tr><th>before</th><th>seen</th><th>after</th><th>returns</th></tr>
 * <tr><td>DISCONNECTED, ERROR, ERROR_HOSTNAME_MISMATCH</td><td></td><td>the same</td>
 *     <td>OK</td></tr>
 * <tr><td>HANDSHAKING</td><td>still pending</td><td>HANDSHAKING</td><td>OK</td></tr>
 * <tr><td>HANDSHAKING</td><td>hands are shaken</td><td>CONNECTED</td><td>OK</td></tr>
 * <tr><td>HANDSHAKING</td><td>the certificate is for another host</td>
 *     <td>ERROR_HOSTNAME_MISMATCH</td><td>CONNECTION_ERROR</td></tr>
 * <tr><td>HANDSHAKING</td><td>not trusted, no TLS, cut off, out of time</td><td>ERROR</td>
 *     <td>CONNECTION_ERROR</td></tr>
 * <tr><td>CONNECTED</td><td>bytes to read</td><td>CONNECTED</td><td>OK</td></tr>
 * <tr><td>CONNECTED</td><td>the other side has ended TLS, nothing left to read</td>
 *     <td>DISCONNECTED</td><td>OK</td></tr>
 * <tr><td>CONNECTED</td><td>cut off or broken, nothing left to read</td><td>DISCONNECTED</td>
 *     <td>CONNECTION_ERROR</td></tr>
 * </table>
 *
 * <p>A put or get that is not CONNECTED says {@link ErrorCode#UNCONFIGURED}; a get that meets the
 * end disconnects and says {@link ErrorCode#FILE_EOF}, one that meets a broken connection, or one
 * that was cut off without TLS's own end, {@link ErrorCode#CONNECTION_ERROR}, as Godot's do.
 *
 * <p><b>The stream beneath</b> belongs to this peer from the call on: it is read and written by
 * threads of this peer, and disconnected when TLS ends or fails. It need not be polled, but may be,
 * as Godot's has to. It may be TLS itself. A {@link StreamPeer} of one's own has to allow {@code
 * putData} and {@code getData} on two threads at once, and should be {@link AutoCloseable}, with a
 * {@code close} that makes both return: otherwise a thread waits in it for as long as it likes.
 *
 * <p><b>Different from Godot's</b>: a certificate for another host is told apart (the engines of
 * both generations say ERROR for whatever a poll finds, ERROR_HOSTNAME_MISMATCH for whatever the
 * call that begins finds); a server is HANDSHAKING until hands are shaken, where Godot's claims to
 * be CONNECTED at once; there is a deadline, {@link Limits#handshakeTimeout}; from ERROR, {@link
 * #disconnectFromStream} leads back to DISCONNECTED, where Godot's stays; the stream beneath is
 * disconnected with it, where Godot's lives for as long as somebody refers to it.
 *
 * <p>Threads, and what blocks for how long: as in {@link StreamPeerSocket}.
 */
public final class StreamPeerTLS extends LinkedStreamPeer {

    /** Where a connection is, in Godot's five values. */
    public enum Status {
        /** Never connected, or ended by either side. Godot: {@code STATUS_DISCONNECTED}. */
        DISCONNECTED(0),

        /** Shaking hands. Godot: {@code STATUS_HANDSHAKING}. */
        HANDSHAKING(1),

        /** Established, or ended with something left to read. Godot: {@code STATUS_CONNECTED}. */
        CONNECTED(2),

        /** Hands could not be shaken; {@link #getFailure} says why. Godot: {@code STATUS_ERROR}. */
        ERROR(3),

        /**
         * The server's certificate is for another host. Godot: {@code
         * STATUS_ERROR_HOSTNAME_MISMATCH}.
         */
        ERROR_HOSTNAME_MISMATCH(4);

        private final int value;

        Status(int value) {
            this.value = value;
        }

        /** {@return Godot's number} */
        public int value() {
            return value;
        }
    }

    /** What TLS stands on; set with every connection by the owner, and read by it. */
    private StreamPeer stream;

    /** What {@link #getSslSession} has returned last. The owner's. */
    private Optional<SSLSession> session = Optional.empty();

    /** Not Godot 3's default. The owner's. */
    private boolean blockingHandshake;

    /** A peer that is not connected. */
    public StreamPeerTLS() {}

    @Override
    ErrorCode unconnected() {
        return ErrorCode.UNCONFIGURED;
    }

    @Override
    ErrorCode broken() {
        return ErrorCode.CONNECTION_ERROR;
    }

    @Override
    Peer.Status statusWhenBroken() {
        return Peer.Status.NONE;
    }

    // ---- shaking hands ----

    /**
     * Connects over a stream, waiting for the outcome: for handlers on virtual threads, and for
     * tools.
     *
     * @param stream a connected stream; belongs to TLS from now on
     * @param commonName as for {@link #connectToStream(StreamPeer, String, TLSOptions)}
     * @param options a client's
     * @return the connected peer
     * @throws IOException if hands could not be shaken, with a message that says why: a {@link
     *     javax.net.ssl.SSLException}, of which a {@link SSLPeerUnverifiedException} means a
     *     certificate for another host; an {@link InterruptedIOException} if the thread was
     *     interrupted, which stays so
     * @throws IllegalArgumentException if the stream is not connected, the name is none, or the
     *     options are a server's
     */
    public static StreamPeerTLS connect(StreamPeer stream, String commonName, TLSOptions options)
            throws IOException {
        var peer = new StreamPeerTLS();
        return finish(peer, peer.connectToStream(stream, commonName, options));
    }

    /**
     * Accepts a client over a stream, waiting for the outcome: for handlers on virtual threads.
     *
     * @param stream a connected stream; belongs to TLS from now on
     * @param options a server's
     * @return the connected peer
     * @throws IOException if hands could not be shaken, with a message that says why; an {@link
     *     InterruptedIOException} if the thread was interrupted, which stays so
     * @throws IllegalArgumentException if the stream is not connected, or the options are a
     *     client's
     */
    public static StreamPeerTLS accept(StreamPeer stream, TLSOptions options) throws IOException {
        var peer = new StreamPeerTLS();
        return finish(peer, peer.acceptStream(stream, options));
    }

    private static StreamPeerTLS finish(StreamPeerTLS peer, ErrorCode begun) throws IOException {
        if (begun != ErrorCode.OK) {
            throw new IllegalArgumentException(peer.getFailure().orElseThrow());
        }
        peer.finishConnecting();
        return peer;
    }

    /**
     * Begins to shake hands as the client, trusting whom the JDK trusts, as {@link
     * #connectToStream(StreamPeer, String, TLSOptions)} does.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param commonName the name or address that the server's certificate must be for
     * @return as there
     */
    public ErrorCode connectToStream(StreamPeer connected, String commonName) {
        return connectToStream(connected, commonName, null);
    }

    /**
     * Begins to shake hands as the client; {@link #poll} tells the outcome. Godot 4: {@code
     * connect_to_stream}.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param commonName the name or address that the server's certificate must be for, unless the
     *     options have another; a name is also told to the server (RFC 6066 section 3)
     * @param options a client's; null for {@link TLSOptions#client()}
     * @return OK if it has begun; ALREADY_IN_USE if the status is HANDSHAKING or CONNECTED;
     *     INVALID_PARAMETER if the stream is not connected, the name is none, or the options are a
     *     server's, with the reason in {@link #getFailure}
     */
    public ErrorCode connectToStream(StreamPeer connected, String commonName, TLSOptions options) {
        Objects.requireNonNull(connected, "stream");
        Objects.requireNonNull(commonName, "commonName");
        TLSOptions with = options == null ? TLSOptions.client() : options;
        String override = with.getCommonNameOverride();
        String name = override.isEmpty() ? commonName : override;
        if (isInUse()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (with.isServer()) {
            return refuse("TLS options of a server, for a client");
        }
        if (!TlsWire.isHost(name)) {
            return refuse("not the name or address of a host: " + HttpSyntax.quote(name));
        }
        int port = connected instanceof StreamPeerTCP tcp ? tcp.getConnectedPort() : -1;
        return begin(connected, lower -> TlsWire.client(lower, with.context(), name, port));
    }

    /**
     * Begins to shake hands as the client. Godot 3: {@code connect_to_stream}.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param validateCerts has to be true: false, Godot 3's default, would trust everybody, and is
     *     refused with INVALID_PARAMETER
     * @param forHostname the name or address that the server's certificate must be for
     * @return as {@link #connectToStream(StreamPeer, String, TLSOptions)}
     */
    public ErrorCode connectToStream(
            StreamPeer connected, boolean validateCerts, String forHostname) {
        return connectToStream(connected, validateCerts, forHostname, null);
    }

    /**
     * Begins to shake hands as the client. Godot 3.2: {@code connect_to_stream}.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param validateCerts has to be true: false, Godot 3's default, would trust everybody, and is
     *     refused with INVALID_PARAMETER
     * @param forHostname the name or address that the server's certificate must be for
     * @param validCertificate whom to trust: an authority, or the server's own certificate; null
     *     for whom the JDK trusts
     * @return as {@link #connectToStream(StreamPeer, String, TLSOptions)}
     */
    public ErrorCode connectToStream(
            StreamPeer connected,
            boolean validateCerts,
            String forHostname,
            X509Certificate validCertificate) {
        if (!validateCerts && !isInUse()) {
            return refuse("certificates are always validated; trust the server's own, if need be");
        }
        return connectToStream(
                connected,
                forHostname,
                validCertificate == null
                        ? TLSOptions.client()
                        : TLSOptions.client(List.of(validCertificate)));
    }

    /**
     * Begins to shake hands as the server; {@link #poll} tells the outcome. Godot 4: {@code
     * accept_stream}, after which the status says CONNECTED there, whatever comes of it.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param serverOptions a server's
     * @return OK if it has begun; ALREADY_IN_USE if the status is HANDSHAKING or CONNECTED;
     *     INVALID_PARAMETER if the stream is not connected, or the options are a client's, with the
     *     reason in {@link #getFailure}
     */
    public ErrorCode acceptStream(StreamPeer connected, TLSOptions serverOptions) {
        Objects.requireNonNull(connected, "stream");
        Objects.requireNonNull(serverOptions, "serverOptions");
        if (isInUse()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (!serverOptions.isServer()) {
            return refuse("TLS options of a client, for a server");
        }
        return begin(
                connected,
                lower ->
                        TlsWire.server(
                                lower,
                                serverOptions.context(),
                                serverOptions.clientAuth() == TLSOptions.ClientAuth.WANTED,
                                serverOptions.clientAuth() == TLSOptions.ClientAuth.REQUIRED));
    }

    /**
     * Begins to shake hands as the server. Godot 3.2: {@code accept_stream}.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param privateKey the server's key
     * @param certificate the server's certificate
     * @return as {@link #acceptStream(StreamPeer, TLSOptions)}
     * @throws IllegalArgumentException if the key does not belong to the certificate
     */
    public ErrorCode acceptStream(
            StreamPeer connected, PrivateKey privateKey, X509Certificate certificate) {
        return acceptStream(connected, privateKey, certificate, List.of());
    }

    /**
     * Begins to shake hands as the server. Godot 3.2: {@code accept_stream}.
     *
     * @param connected a connected stream; belongs to TLS from now on
     * @param privateKey the server's key
     * @param certificate the server's certificate
     * @param chain who signed it, and who signed that, as far as clients do not know them
     * @return as {@link #acceptStream(StreamPeer, TLSOptions)}
     * @throws IllegalArgumentException if the key does not belong to the certificate
     */
    public ErrorCode acceptStream(
            StreamPeer connected,
            PrivateKey privateKey,
            X509Certificate certificate,
            List<X509Certificate> chain) {
        var all = new ArrayList<X509Certificate>();
        all.add(certificate);
        all.addAll(chain);
        return acceptStream(connected, TLSOptions.server(privateKey, all));
    }

    private boolean isInUse() {
        return link() != null;
    }

    /** Before anything has begun. */
    private ErrorCode refuse(String why) {
        setFailure(new IllegalArgumentException(why));
        return ErrorCode.INVALID_PARAMETER;
    }

    private ErrorCode begin(StreamPeer connected, StreamLink.Securer securer) {
        Wire lower =
                switch (connected) {
                    case StreamPeerSocket socket when socket.getStatus() == Peer.Status.CONNECTED ->
                            wire(socket);
                    case StreamPeerTLS tls
                            when tls != this && tls.getStatus() == Status.CONNECTED ->
                            wire(tls);
                    case LinkedStreamPeer other -> null;
                    default -> wire(connected);
                };
        if (lower == null) {
            return refuse("the stream is not connected");
        }
        stream = connected;
        begin(StreamLink.secure(getLimits(), lower, securer));
        if (blockingHandshake) {
            if (awaitConnected()) {
                return poll();
            }
            disconnectFromStream(); // interrupted
            return ErrorCode.FAILED;
        }
        return ErrorCode.OK;
    }

    private static Wire wire(LinkedStreamPeer peer) {
        return new StreamWire(
                (dst, offset, length) -> peer.read(dst, offset, length, Limits.NEVER),
                (src, offset, length) -> peer.putData(src, offset, length) == ErrorCode.OK,
                peer::getFailure,
                peer::disconnect);
    }

    /** Of somebody else's stream, of which nothing is known but the four calls. */
    private static Wire wire(StreamPeer peer) {
        return new StreamWire(
                (dst, offset, length) -> {
                    int n = peer.getPartialData(dst, offset, length);
                    return n != 0 ? n : peer.getData(dst, offset, 1) == ErrorCode.OK ? 1 : -1;
                },
                (src, offset, length) -> peer.putData(src, offset, length) == ErrorCode.OK,
                Optional::empty,
                () -> {
                    if (peer instanceof AutoCloseable closeable) {
                        try {
                            closeable.close();
                        } catch (Exception e) {
                            // it is given up either way
                        }
                    }
                });
    }

    // ---- status ----

    /**
     * Looks what happened to the connection and moves the status accordingly. Never blocks. Godot:
     * {@code poll}, which returns nothing.
     *
     * @return as in the table above
     */
    public ErrorCode poll() {
        return fold();
    }

    /** {@return the status as of the last poll} Godot: {@code get_status}. */
    public Status getStatus() {
        return switch (status()) {
            case NONE -> Status.DISCONNECTED;
            case CONNECTING -> Status.HANDSHAKING;
            case CONNECTED -> Status.CONNECTED;
            case ERROR ->
                    getFailure().orElse(null) instanceof SSLPeerUnverifiedException
                            ? Status.ERROR_HOSTNAME_MISMATCH
                            : Status.ERROR;
        };
    }

    /**
     * {@return how many bytes can be read without waiting, 0 unless CONNECTED} Grows between polls.
     * Godot: {@code get_available_bytes}.
     */
    @Override
    public int getAvailableBytes() {
        return Math.max(0, super.getAvailableBytes());
    }

    /**
     * {@return the stream beneath, while HANDSHAKING or CONNECTED; null otherwise} Godot 4: {@code
     * get_stream}.
     */
    public StreamPeer getStream() {
        return link() == null ? null : stream;
    }

    /** {@return the session with its certificates, once CONNECTED} Not Godot's. */
    public Optional<SSLSession> getSslSession() {
        StreamLink current = status() == Peer.Status.CONNECTED ? link() : null;
        TlsWire tls = current == null ? null : current.tls();
        SSLSession now = tls == null ? null : tls.session();
        if (session.orElse(null) != now) {
            session = Optional.ofNullable(now);
        }
        return session;
    }

    /**
     * Ends TLS and the stream beneath, or gives up shaking hands; the status is DISCONNECTED after
     * it. What was put before is still sent, then TLS's own end (RFC 8446 section 6.1), so that the
     * other side can tell that nothing was cut off. Idempotent; any thread; does not block. Godot:
     * {@code disconnect_from_stream}.
     */
    public void disconnectFromStream() {
        disconnect();
    }

    /** The same as {@link #disconnectFromStream}. */
    @Override
    public void close() {
        disconnectFromStream();
    }

    /**
     * {@return whether {@link #connectToStream connectToStream} and {@link
     * #acceptStream(StreamPeer, TLSOptions) acceptStream} wait for the outcome} Godot 3: {@code
     * blocking_handshake}, which is true at first there.
     */
    public boolean isBlockingHandshakeEnabled() {
        return blockingHandshake;
    }

    /**
     * Chooses whether {@link #connectToStream connectToStream} and {@link #acceptStream(StreamPeer,
     * TLSOptions) acceptStream} wait for the outcome, {@link Limits#handshakeTimeout} at the most;
     * they return what {@link #poll} would have then, or FAILED if the thread is interrupted. False
     * at first. Godot 3: {@code blocking_handshake}, which is true at first there.
     *
     * @param enabled whether to wait
     */
    public void setBlockingHandshakeEnabled(boolean enabled) {
        blockingHandshake = enabled;
    }
}
