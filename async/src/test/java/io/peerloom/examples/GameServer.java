package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.WebSocketServer;

/** A server in a game loop: all callbacks come from {@code poll()}, on the loop's thread. */
public final class GameServer {

    /** The world, all on the thread of its loop. */
    public interface World {
        boolean running();

        void tick();

        /** What everybody is to see. */
        byte[] snapshot();

        void join(int player);

        void apply(int player, byte[] input);

        void leave(int player);

        /** Players can come from now on. */
        void open(int port);
    }

    private GameServer() {}

    /** Serves until the world does not run any more. */
    public static void serve(int port, World world) {
        try (var server = new WebSocketServer()) {
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            world.join(id);
                        }

                        @Override
                        public void dataReceived(int id) {
                            world.apply(id, server.getPeer(id).getPacket());
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            world.leave(id);
                        }
                    });
            if (server.listen(port) != ErrorCode.OK) {
                throw new IllegalStateException(server.getFailure().orElseThrow());
            }
            world.open(server.getLocalPort());
            while (world.running()) {
                server.poll(); // costs what was active, not how many are connected
                world.tick();
                server.broadcast(world.snapshot()); // encoded once
            }
        }
    }
}
