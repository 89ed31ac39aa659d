package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.internal.link.LocalAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Listens for connections over a Unix domain socket. Godot: {@code UDSServer} (4.6). */
public final class UDSServer extends SocketServer {

    /** A server that does not listen yet. */
    public UDSServer() {}

    /**
     * Listens on a path. The file that a server has left there is replaced; one at which somebody
     * answers (Godot takes it away), or of another kind, is not. To tell, it is connected to: a
     * server that is there gets a connection that ends at once. Godot: {@code listen}.
     *
     * @param socket the socket's file, deleted again by {@link #stop}; a name without a file, as
     *     Linux has them, is none
     * @return OK; ALREADY_IN_USE if it listens already, or somebody answers there;
     *     INVALID_PARAMETER if the path is empty or longer than 106 bytes; ALREADY_EXISTS if it is
     *     that of another kind of file; UNAUTHORIZED if the folder may not be written; UNAVAILABLE
     *     if the system refuses for another reason, such as a missing folder; CANT_CREATE if there
     *     is no socket to be had. The cause is in {@link #getFailure}. (Godot says ALREADY_IN_USE
     *     of all that the system refuses.)
     */
    public ErrorCode listen(Path socket) {
        if (isListening()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        return listen(() -> LocalAddress.listen(LocalAddress.of(socket)));
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
