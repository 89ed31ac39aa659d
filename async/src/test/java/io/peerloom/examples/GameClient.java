package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.WebSocketPeer;
import java.util.Optional;

/** A client in a game loop: Godot's idiom, line for line. */
public final class GameClient {

    /** The game, all on the thread of its loop. */
    public interface Game {
        boolean running();

        void tick();

        /** What the player did since the last time. */
        String input();

        void apply(byte[] packet, boolean text);

        /** The connection is over, or could not be opened. */
        void left(int code, String reason, Optional<Throwable> failure);
    }

    private GameClient() {}

    /** Plays until the game does not run any more. */
    public static void play(String url, Game game) {
        try (var peer = new WebSocketPeer()) {
            // returns at once: DNS, TCP and handshake run elsewhere
            if (peer.connectToUrl(url) != ErrorCode.OK) {
                game.left(peer.getCloseCode(), "", peer.getFailure());
            }
            while (game.running()) {
                peer.poll(); // never blocks, never locks
                switch (peer.getReadyState()) {
                    case OPEN -> {
                        while (peer.getAvailablePacketCount() > 0) {
                            game.apply(peer.getPacket(), peer.wasStringPacket());
                        }
                        peer.sendText(game.input());
                    }
                    case CLOSED ->
                            game.left(
                                    peer.getCloseCode(), peer.getCloseReason(), peer.getFailure());
                    default -> {}
                }
                game.tick();
            }
        }
    }
}
