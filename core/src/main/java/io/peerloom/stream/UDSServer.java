package io.peerloom.stream;

import io.peerloom.ErrorCode;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** Listens for connections over a Unix domain socket. Godot: {@code UDSServer} (4.6). */
public final class UDSServer extends SocketServer {

    private Path path;

    /** A server that does not listen yet. */
    public UDSServer() {}

    /**
     * Listens on a path. A socket's file that is there already is replaced, as in Godot; a file of
     * another kind is not. Godot: {@code listen}.
     *
     * @param socket the socket's file, deleted again by {@link #stop}
     * @return OK; INVALID_PARAMETER if the path is empty or too long; ALREADY_IN_USE if it listens
     *     already or the system refuses the path, with the cause in {@link #getFailure};
     *     CANT_CREATE if there is no socket to be had
     */
    public ErrorCode listen(Path socket) {
        if (isListening()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (!StreamPeerUDS.isValid(socket)) {
            return ErrorCode.INVALID_PARAMETER;
        }
        ServerSocketChannel channel;
        try {
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        } catch (IOException | UnsupportedOperationException e) {
            return fail(ErrorCode.CANT_CREATE, e);
        }
        try {
            bind(channel, socket);
        } catch (IOException e) {
            return fail(ErrorCode.ALREADY_IN_USE, e);
        }
        path = socket;
        start(channel);
        return ErrorCode.OK;
    }

    private static void bind(ServerSocketChannel channel, Path socket) throws IOException {
        try {
            if (isSocket(socket)) {
                Files.delete(socket);
            }
            channel.bind(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** A socket is neither file, folder nor link to the JDK. */
    private static boolean isSocket(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther();
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void stop() {
        super.stop();
        Path own = path;
        path = null;
        if (own != null && isSocket(own)) {
            try {
                Files.delete(own);
            } catch (IOException e) {
                fail(ErrorCode.FAILED, e); // somebody else deleted it, or may now forbid it
            }
        }
    }

    /**
     * Takes an accepted connection.
     *
     * @return a connected peer, or null if there is none. Godot: {@code take_connection}
     */
    public StreamPeerUDS takeConnection() {
        SocketChannel channel = takeChannel();
        return channel == null ? null : new StreamPeerUDS(getLimits(), watchdog(), channel);
    }

    @Override
    public StreamPeerUDS takeSocketConnection() {
        return takeConnection();
    }
}
