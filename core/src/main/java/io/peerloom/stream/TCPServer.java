package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.LocalAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.Objects;

/** Listens for TCP connections. Godot: {@code TCPServer} (4.x), {@code TCP_Server} (3.x). */
public final class TCPServer extends SocketServer {

    /** A server that does not listen yet. */
    public TCPServer() {}

    /**
     * Listens on all addresses.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @return as {@link #listen(int, String)}
     */
    public ErrorCode listen(int port) {
        return listen(port, "*");
    }

    /**
     * Listens on one address or on all. Godot: {@code listen}.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @param bindAddress an address of this machine; {@code "*"} for all of both families, {@code
     *     "0.0.0.0"} for all of IPv4. {@code "::"} is IPv6 only in Godot; Java cannot ask for that,
     *     so that it means the same as {@code "*"} where the system's sockets are dual-stack
     * @return OK; ALREADY_IN_USE if it listens already, or another has the port; INVALID_PARAMETER
     *     if it is not an address or the port is out of range; UNAUTHORIZED if the port is not for
     *     us; UNAVAILABLE if the address is not of this machine; CANT_CREATE if there is no socket
     *     to be had. The cause is in {@link #getFailure}. (Godot says ALREADY_IN_USE of all that
     *     the system refuses.)
     */
    public ErrorCode listen(int port, String bindAddress) {
        if (isListening()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        Objects.requireNonNull(bindAddress, "bindAddress");
        return listen(() -> LocalAddress.listen(LocalAddress.of(bindAddress, port)));
    }

    /** {@return the port that is listened on, or 0} Godot: {@code get_local_port}. */
    public int getLocalPort() {
        return localAddress() instanceof InetSocketAddress address ? address.getPort() : 0;
    }

    /**
     * Takes an accepted connection.
     *
     * @return a connected peer, or null if there is none. Godot: {@code take_connection}
     */
    public StreamPeerTCP takeConnection() {
        for (SocketChannel channel; (channel = takeChannel()) != null; ) {
            try {
                return new StreamPeerTCP(getLimits(), watchdog(), channel);
            } catch (IOException e) { // gone before it was taken
                new ChannelWire(channel).close();
            }
        }
        return null;
    }

    @Override
    public StreamPeerTCP takeSocketConnection() {
        return takeConnection();
    }
}
