package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.LocalAddress;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.protocol.HttpSyntax;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.Objects;

/**
 * A TCP stream. Godot: {@code StreamPeerTCP}.
 *
 * <p>A host name may have several addresses; they are tried a quarter of a second apart, families
 * in turn, and the first that answers is used (RFC 8305). Keepalive probes are on, so that a peer
 * whose machine or network is gone does not stay connected for ever.
 */
public final class StreamPeerTCP extends StreamPeerSocket {

    /** The target while connecting, the remote end while connected. The owner's. */
    private String host = "";

    private int port;

    /** Nagle's algorithm is on unless the user turns it off, as in Godot. */
    private volatile boolean noDelay;

    /** A peer that is not connected. */
    public StreamPeerTCP() {}

    /** A connection that a server accepted. */
    StreamPeerTCP(Limits limits, Watchdog watchdog, SocketChannel channel) throws IOException {
        var remote = (InetSocketAddress) channel.getRemoteAddress();
        host = remote.getAddress().getHostAddress();
        port = remote.getPort();
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        adopt(limits, watchdog, channel);
    }

    /**
     * Connects, waiting for the outcome: for handlers on virtual threads, and for tools.
     *
     * @param host a name or an address
     * @param port 1 to 65535
     * @return the connected peer
     * @throws IOException if the name has no address, none answered, or {@link
     *     Limits#connectTimeout} was over; a {@link java.io.InterruptedIOException} if the thread
     *     was interrupted, which stays so
     */
    public static StreamPeerTCP connect(String host, int port) throws IOException {
        var peer = new StreamPeerTCP();
        if (peer.connectToHost(host, port) != ErrorCode.OK) {
            throw new IllegalArgumentException(
                    "not a host and port: " + HttpSyntax.quote(host) + ", " + port);
        }
        peer.finishConnecting();
        return peer;
    }

    /**
     * Chooses the local port of the next connection, on any address.
     *
     * @param localPort 0 to 65535; 0 lets the system choose
     * @return as {@link #bind(int, String)}
     */
    public ErrorCode bind(int localPort) {
        return bind(localPort, "*");
    }

    /**
     * Chooses the local port and address of the next connection. Does not change the status. Godot:
     * {@code StreamPeerTCP.bind}.
     *
     * @param localPort 0 to 65535; 0 lets the system choose
     * @param localHost an address of this machine, or {@code "*"} for any
     * @return OK; ALREADY_IN_USE if bound or connected already, or if another has the port;
     *     otherwise as {@link TCPServer#listen(int, String)}, with the cause in {@link
     *     #getFailure}. (Godot says UNAVAILABLE of all that the system refuses.)
     */
    public ErrorCode bind(int localPort, String localHost) {
        Objects.requireNonNull(localHost, "localHost");
        return bind(() -> LocalAddress.bind(LocalAddress.of(localHost, localPort)));
    }

    /**
     * Begins to connect; {@link #poll} tells the outcome. Returns at once: the name is resolved
     * elsewhere. Godot: {@code connect_to_host}.
     *
     * @param targetHost a name, also one beyond ASCII (by IDNA), or an address; an IPv6 address may
     *     stand in brackets, and have a zone behind a percent sign
     * @param targetPort 1 to 65535
     * @return OK if connecting has begun; ALREADY_IN_USE unless the status is NONE;
     *     INVALID_PARAMETER for an empty host, a port out of range or a malformed address
     */
    public ErrorCode connectToHost(String targetHost, int targetPort) {
        Objects.requireNonNull(targetHost, "host");
        if (getStatus() != Status.NONE) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (targetHost.isEmpty()
                || targetPort < 1
                || targetPort > 65_535
                || (Connector.isLiteral(targetHost)
                        && Connector.localAddress(targetHost, targetPort) == null)) {
            setFailure(
                    new IllegalArgumentException(
                            "not a host and port: \"" + targetHost + "\", " + targetPort));
            return ErrorCode.INVALID_PARAMETER;
        }
        host = targetHost;
        port = targetPort;
        SocketChannel local = takeBound();
        boolean immediately = noDelay;
        begin(connector -> {
            SocketChannel channel = null;
            try {
                channel = connector.connect(connector.resolve(targetHost, targetPort), local);
                channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
                channel.setOption(StandardSocketOptions.TCP_NODELAY, immediately);
                return channel;
            } catch (IOException e) {
                closeQuietly(channel);
                closeQuietly(local);
                throw e;
            }
        });
        return ErrorCode.OK;
    }

    @Override
    void entered(SocketChannel channel) {
        try {
            if (channel.getRemoteAddress() instanceof InetSocketAddress address) {
                host = address.getAddress().getHostAddress();
                port = address.getPort();
            }
        } catch (IOException e) {
            // closed meanwhile: the target stays, and a later poll will tell
        }
        setNoDelay(noDelay); // it may have been set while connecting
    }

    /**
     * {@return whether the status is CONNECTED} Godot 3: {@code is_connected_to_host}, which is
     * also true while connecting. As {@link #getStatus}, it changes in {@link #poll} alone.
     */
    public boolean isConnectedToHost() {
        return getStatus() == Status.CONNECTED;
    }

    /**
     * {@return the host given to connect while connecting, the address of the other side while
     * connected, {@code ""} otherwise} Godot: {@code get_connected_host}.
     */
    public String getConnectedHost() {
        return hasTarget() ? host : "";
    }

    /**
     * {@return the port of the other side while connecting and connected, 0 otherwise} Godot:
     * {@code get_connected_port}.
     */
    public int getConnectedPort() {
        return hasTarget() ? port : 0;
    }

    /**
     * {@return the local port when bound or connected, 0 otherwise} Godot: {@code get_local_port}.
     */
    public int getLocalPort() {
        try {
            SocketChannel channel = channel();
            return channel != null && channel.getLocalAddress() instanceof InetSocketAddress local
                    ? local.getPort()
                    : 0;
        } catch (IOException e) { // closed
            return 0;
        }
    }

    /**
     * Turns Nagle's algorithm off or on, for this connection and the next. It is on at first, as in
     * Godot. Godot: {@code set_no_delay}, which demands an open socket; here it may be called
     * before.
     *
     * @param enabled whether small pieces are sent without waiting to be joined with others
     */
    public void setNoDelay(boolean enabled) {
        noDelay = enabled;
        SocketChannel channel = channel();
        if (channel != null) {
            try {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, enabled);
            } catch (IOException e) {
                // the connection is over; nothing is sent on it any more
            }
        }
    }
}
