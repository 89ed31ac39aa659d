package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.Watchdog;
import java.io.IOException;
import java.net.BindException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;

/**
 * A stream over a Unix domain socket. Godot: {@code StreamPeerUDS} (4.6).
 *
 * <p>Unlike Godot's, it works on every system where the JDK has such sockets, and a peer that was
 * {@linkplain #bind bound} can connect.
 */
public final class StreamPeerUDS extends StreamPeerSocket {

    /** What the JDK takes, on Linux, and Godot as well: one less than would fit. */
    private static final int MAX_PATH_BYTES = 106;

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
            throw new IllegalArgumentException("not the path of a socket: \"" + path + "\"");
        }
        peer.finishConnecting();
        return peer;
    }

    /**
     * Gives the next connection a path of its own on this side. The file is the caller's to delete.
     * Does not change the status. Godot: {@code StreamPeerUDS.bind}.
     *
     * @param localPath where no file is yet
     * @return OK; INVALID_PARAMETER if the path is empty or too long; ALREADY_IN_USE if bound or
     *     connected already; ALREADY_EXISTS if there is a file; UNAUTHORIZED if the folder cannot
     *     be written; UNAVAILABLE if the system refuses for another reason. The cause is in {@link
     *     #getFailure}
     */
    public ErrorCode bind(Path localPath) {
        if (!isValid(localPath)) {
            return ErrorCode.INVALID_PARAMETER;
        }
        if (isInUse()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.bind(UnixDomainSocketAddress.of(localPath));
            setBound(channel);
            return ErrorCode.OK;
        } catch (IOException | UnsupportedOperationException e) {
            closeQuietly(channel);
            setFailure(e);
            return bindError(e, localPath);
        }
    }

    /** Why a path could not be bound. */
    static ErrorCode bindError(Exception e, Path path) {
        if (e instanceof BindException && Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return ErrorCode.ALREADY_EXISTS;
        }
        Path folder = path.toAbsolutePath().getParent();
        if (e instanceof AccessDeniedException
                || (folder != null && Files.isDirectory(folder) && !Files.isWritable(folder))) {
            return ErrorCode.UNAUTHORIZED;
        }
        return ErrorCode.UNAVAILABLE;
    }

    /** Whether a path may be a socket's. */
    static boolean isValid(Path path) {
        String text = UnixDomainSocketAddress.of(path).toString(); // not of another file system
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        return length > 0 && length <= MAX_PATH_BYTES;
    }

    /**
     * Begins to connect; {@link #poll} tells the outcome. Godot: {@code connect_to_host}, which
     * connects at once; here a missing file is found by the poll.
     *
     * @param target the socket's file
     * @return OK if connecting has begun; ALREADY_IN_USE unless the status is NONE;
     *     INVALID_PARAMETER if the path is empty or too long
     */
    public ErrorCode connectToHost(Path target) {
        if (getStatus() != Status.NONE) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (!isValid(target)) {
            return ErrorCode.INVALID_PARAMETER;
        }
        path = target.toString();
        SocketChannel local = takeBound();
        var address = List.of(UnixDomainSocketAddress.of(target));
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
