package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.LocalAddress;
import io.peerloom.internal.link.Watchdog;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;

/**
 * A stream over a Unix domain socket. Godot: {@code StreamPeerUDS} (4.6).
 *
 * <p>Unlike Godot's, it works on every system where the JDK has such sockets, and a peer that was
 * {@linkplain #bind bound} can connect.
 */
public final class StreamPeerUDS extends StreamPeerSocket {

    /** The path that was connected to; "" for accepted peers, as in Godot. The owner's. */
    private String path = "";

    /** A peer that is not connected. */
    public StreamPeerUDS() {}

    /** A connection that a server accepted. */
    StreamPeerUDS(Limits limits, Watchdog watchdog, SocketChannel channel) {
        adopt(limits, watchdog, channel);
    }

    /**
     * Connects, waiting for the outcome: for handlers on virtual threads, and for tools.
     *
     * @param path the socket's file
     * @return the connected peer
     * @throws IOException if there is no socket, nobody listens, or {@link Limits#connectTimeout}
     *     was over; a {@link java.io.InterruptedIOException} if the thread was interrupted, which
     *     stays so
     */
    public static StreamPeerUDS connect(Path path) throws IOException {
        var peer = new StreamPeerUDS();
        if (peer.connectToHost(path) != ErrorCode.OK) {
            Throwable why = peer.getFailure().orElseThrow();
            throw new IllegalArgumentException(why.getMessage(), why);
        }
        peer.finishConnecting();
        return peer;
    }

    /**
     * Gives the next connection a path of its own on this side. The file is the caller's to delete.
     * Does not change the status. Godot: {@code StreamPeerUDS.bind}.
     *
     * @param localPath where no file is yet
     * @return OK; ALREADY_IN_USE if bound or connected already; otherwise as {@link
     *     UDSServer#listen(Path)}, with the cause in {@link #getFailure}, but that no file is
     *     replaced: one that a server has left is ALREADY_EXISTS
     */
    public ErrorCode bind(Path localPath) {
        return bind(() -> LocalAddress.bind(LocalAddress.of(localPath)));
    }

    /**
     * Begins to connect; {@link #poll} tells the outcome. Godot: {@code connect_to_host}, which
     * connects at once; here a missing file is found by the poll.
     *
     * @param target the socket's file
     * @return OK if connecting has begun; ALREADY_IN_USE unless the status is NONE;
     *     INVALID_PARAMETER if the path is empty or longer than 106 bytes, with the cause in {@link
     *     #getFailure}
     */
    public ErrorCode connectToHost(Path target) {
        if (getStatus() != Status.NONE) {
            return ErrorCode.ALREADY_IN_USE;
        }
        List<UnixDomainSocketAddress> address;
        try {
            address = List.of(LocalAddress.of(target));
        } catch (LocalAddress.Refusal e) {
            return refuse(e);
        }
        path = target.toString();
        SocketChannel local = takeBound();
        begin(connector -> connector.connect(address, local));
        return ErrorCode.OK;
    }

    /**
     * {@return the path given to {@link #connectToHost} while connecting and connected; {@code ""}
     * otherwise and on peers that a server accepted} Godot: {@code get_connected_path}.
     */
    public String getConnectedPath() {
        return hasTarget() ? path : "";
    }
}
