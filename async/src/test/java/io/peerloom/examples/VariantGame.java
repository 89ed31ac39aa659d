package io.peerloom.examples;

import io.peerloom.packet.PacketPeer;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Dictionary;
import io.peerloom.variant.Variant.Text;
import io.peerloom.variant.Variant.Vector3;
import java.util.List;
import java.util.Map;

/** Godot's values in Java: a WebSocket or a stream of packets, polled in a game loop. */
public final class VariantGame {

    /** What the game does. */
    public interface World {
        void move(double x, double y, double z);

        void say(String line);

        void ignored(Variant order);

        List<String> players();
    }

    private VariantGame() {}

    /** Obeys a client's orders, and tells it who plays. */
    public static void round(PacketPeer peer, World world) {
        while (peer.getAvailablePacketCount() > 0) {
            switch (peer.getVar()) {
                case Text(String line) -> world.say(line);
                case Dictionary order
                        when order.get("move") instanceof Vector3(double x, double y, double z) ->
                        world.move(x, y, z);
                case Variant other -> world.ignored(other);
            }
        }
        peer.putVar(Variant.of(Map.of("players", world.players())));
    }
}
