package io.peerloom.examples;

import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;

/** A server of blocking handlers: one virtual thread a connection, the fastest way. */
public final class BlockingServer {

    private BlockingServer() {}

    /** Echoes on a port until the server is closed. */
    public static WebSocketServer echo(int port) throws IOException {
        return WebSocketServer.serve(
                port,
                peer -> {
                    for (Message m; (m = peer.receive()) != null; ) {
                        peer.send(m); // null: closed; why is in peer.getCloseCode()
                    }
                });
    }

    /** Echoes on port 9080. */
    public static void main(String[] args) throws Exception {
        try (var server = echo(9080)) {
            server.join();
        }
    }
}
