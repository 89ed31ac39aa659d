package io.peerloom.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * Bytes back as they came, with one virtual thread a socket, in the plainest way there is: a read
 * of at most 64 KiB, a write of what it brought, and again. No protocol at all, so this is what
 * Peerloom is measured against.
 */
public final class RawVirtualEcho {
    private static final int BUFFER = 64 * 1024;

    private RawVirtualEcho() {}

    /**
     * Serves until the standard input ends.
     *
     * @param args none
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        var server = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> accept(server));
        Listening.on(server.getLocalPort());
    }

    private static void accept(ServerSocket server) {
        try {
            while (true) {
                Socket socket = server.accept();
                Thread.ofVirtual().start(() -> echo(socket));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void echo(Socket accepted) {
        try (Socket socket = accepted) {
            socket.setTcpNoDelay(true);
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[BUFFER];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                out.write(buffer, 0, n);
            }
        } catch (IOException e) {
            // the client is gone
        }
    }
}
