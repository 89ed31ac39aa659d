package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.internal.link.Acceptor;
import java.io.IOException;
import java.net.BindException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Listens for connections over a Unix domain socket. Godot: {@code UDSServer} (4.6). */
public final class UDSServer extends SocketServer {

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
        try {
            start(Acceptor.listen(socket));
            return ErrorCode.OK;
        } catch (BindException e) {
            return fail(ErrorCode.ALREADY_IN_USE, e);
        } catch (IOException e) {
            return fail(ErrorCode.CANT_CREATE, e);
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
