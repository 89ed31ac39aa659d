package io.peerloom.bench;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.time.Duration;

/**
 * Peerloom's echo server, as a user would write it, with nothing set but the address.
 *
 * <ul>
 *   <li>{@code --api blocking}: a handler on each connection's own virtual thread receives and
 *       sends.
 *   <li>{@code --api poll}: the main thread polls the server whenever something happened, and
 *       answers in the listener.
 * </ul>
 */
public final class PeerloomEcho {
    private PeerloomEcho() {}

    /**
     * Serves until the standard input ends.
     *
     * @param args {@code --api blocking} or {@code --api poll}
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        var server = new WebSocketServer();
        server.setBindIp("127.0.0.1");
        switch (String.join(" ", args)) {
            case "--api blocking" -> {
                server.start(0, PeerloomEcho::echo);
                Listening.on(server.getLocalPort());
            }
            case "--api poll" -> poll(server);
            default -> throw new IllegalArgumentException("--api blocking or --api poll");
        }
    }

    private static void echo(WebSocketPeer peer) {
        for (Message message; (message = peer.receive()) != null; ) {
            accepted(peer.send(message));
        }
    }

    private static void poll(WebSocketServer server) throws IOException {
        server.setListener(
                new WebSocketServer.Listener() {
                    @Override
                    public void dataReceived(int id) {
                        WebSocketPeer peer = server.getPeer(id);
                        accepted(peer.send(peer.takeMessage()));
                    }
                });
        if (server.listen(0) != ErrorCode.OK) {
            throw new IOException(server.getFailure().orElse(null));
        }
        Listening.on(server.getLocalPort());
        while (true) {
            server.awaitActivity(Duration.ofSeconds(1));
            server.poll();
        }
    }

    /** An echo that was lost would be counted nowhere: the load generator would wait for it. */
    private static void accepted(ErrorCode code) {
        if (code != ErrorCode.OK && code != ErrorCode.FAILED) { // FAILED: the client is gone
            throw new IllegalStateException("the echo was not accepted: " + code);
        }
    }
}
