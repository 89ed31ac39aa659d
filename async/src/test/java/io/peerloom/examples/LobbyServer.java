package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.RpcMethod;
import io.peerloom.multiplayer.SceneMultiplayer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Array;
import io.peerloom.variant.Variant.Dictionary;
import io.peerloom.variant.Variant.Text;
import io.peerloom.variant.VariantCodec;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A lobby and match server for games in Godot: players join by name, list who is there, are matched
 * in pairs, take turns, and leave. Godot 4 and Godot 3 have a port each, and play with each other.
 *
 * <p>Each port is a {@link WebSocketMultiplayerPeer}, polled by one thread, to which everything
 * here belongs. Godot 4 calls {@code @rpc} methods of its node {@code /root/Lobby}, and is called
 * there ({@code lobby4.gd}); Godot 3 sends each call as a value, {@code ["join", "Ann"]}, and gets
 * such values ({@code lobby3.gd}).
 *
 * <table>
 * <caption>the calls</caption>
 * <tr><td>join(name)</td><td>joined(name)</td></tr>
 * <tr><td>list()</td><td>listed(names)</td></tr>
 * <tr><td>play()</td><td>matched(opponent, begins), as soon as there is an opponent</td></tr>
 * <tr><td>turn(state)</td><td>turned(state), to the opponent</td></tr>
 * <tr><td>leave()</td><td>ended(reason), to both of a match</td></tr>
 * <tr><td>anything wrong</td><td>refused(reason)</td></tr>
 * </table>
 */
public final class LobbyServer implements AutoCloseable {

    private static final List<String> CALLS = List.of("join", "list", "play", "turn", "leave");
    private static final List<String> ANSWERS =
            List.of("joined", "listed", "matched", "turned", "ended", "refused");

    private static final Duration TICK = Duration.ofMillis(10);

    /** How to reach a player, whichever Godot it has. */
    private interface Line {
        ErrorCode tell(String answer, Object... arguments);
    }

    /** Who is connected. */
    private static final class Player {
        final Line line;

        /** Null before it has joined. */
        String name;

        Player opponent;
        boolean itsTurn;

        Player(Line line) {
            this.line = line;
        }
    }

    private final WebSocketMultiplayerPeer four = new WebSocketMultiplayerPeer(Generation.GODOT4);
    private final WebSocketMultiplayerPeer three = new WebSocketMultiplayerPeer(Generation.GODOT3);
    private final SceneMultiplayer scene;
    private final Map<Integer, Player> fours = new HashMap<>();
    private final Map<Integer, Player> threes = new HashMap<>();

    /** Who has joined. */
    private final Map<String, Player> byName = new LinkedHashMap<>();

    /** Who waits for an opponent; null if nobody does. */
    private Player waiting;

    /** A lobby that nobody can enter yet. */
    public LobbyServer() {
        scene =
                new SceneMultiplayer(
                        four,
                        new SceneMultiplayer.Listener() {
                            @Override
                            public void peerConnected(int id) {
                                fours.put(id, new Player(to4(id)));
                            }

                            @Override
                            public void peerDisconnected(int id) {
                                leave(fours.remove(id));
                            }
                        });
        scene.addNode(
                "/root/Lobby",
                Stream.concat(
                                CALLS.stream().map(this::answered),
                                ANSWERS.stream().map(RpcMethod::called))
                        .toArray(RpcMethod[]::new));
        three.setVariantCodec(VariantCodec.GODOT3);
        three.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void peerConnected(int id) {
                        threes.put(id, new Player(to3(id)));
                    }

                    @Override
                    public void peerDisconnected(int id) {
                        readThree(); // what it said before it went
                        leave(threes.remove(id));
                    }
                });
    }

    private RpcMethod answered(String call) {
        return RpcMethod.anyPeer(
                call, (from, arguments) -> called(fours.get(from), call, arguments));
    }

    private Line to4(int id) {
        return (answer, arguments) -> scene.rpc(id, "/root/Lobby", answer, arguments);
    }

    private Line to3(int id) {
        return (answer, arguments) -> {
            three.setTargetPeer(id);
            return three.putVar(
                    Variant.of(Stream.concat(Stream.of(answer), Stream.of(arguments)).toList()));
        };
    }

    // ---- the loop ----

    /**
     * Lets players in.
     *
     * @param host where to listen
     * @param port4 for Godot 4, 0 for a free one
     * @param port3 for Godot 3, 0 for a free one
     */
    public void listen(String host, int port4, int port3) throws IOException {
        if (four.createServer(port4, host) != ErrorCode.OK) {
            throw new IOException("cannot listen on " + port4, four.getFailure().orElse(null));
        }
        if (three.createServer(port3, host) != ErrorCode.OK) {
            throw new IOException("cannot listen on " + port3, three.getFailure().orElse(null));
        }
    }

    /** {@return the port for Godot 4} */
    public int port4() {
        return four.getLocalPort();
    }

    /** {@return the port for Godot 3} */
    public int port3() {
        return three.getLocalPort();
    }

    /** Serves as long as the condition holds. */
    public void run(BooleanSupplier goesOn) {
        while (goesOn.getAsBoolean()) {
            scene.poll();
            three.poll();
            readThree();
            four.awaitActivity(TICK); // Godot 3 has to wait until then
        }
    }

    private void readThree() {
        while (three.getAvailablePacketCount() > 0) {
            Player player = threes.get(three.getPacketPeer());
            if (three.getVar() instanceof Array call
                    && call.size() > 0
                    && call.get(0) instanceof Text(String name)) {
                called(player, name, call.elements().subList(1, call.size()));
            } else {
                player.line.tell("refused", "a call is an array with a name");
            }
        }
    }

    @Override
    public void close() {
        scene.close();
        three.close();
    }

    // ---- the lobby ----

    /** A player has called, with whatever it liked. */
    private void called(Player player, String call, List<Variant> arguments) {
        Variant argument = arguments.size() == 1 ? arguments.getFirst() : Variant.Nil.NIL;
        String problem =
                switch (call) {
                    case "join" ->
                            argument instanceof Text(String name)
                                    ? join(player, name)
                                    : "join(name)";
                    case "list" -> {
                        player.line.tell("listed", List.copyOf(byName.keySet()));
                        yield null;
                    }
                    case "play" -> play(player);
                    case "turn" ->
                            argument instanceof Dictionary state
                                    ? turn(player, state)
                                    : "turn(state), which is a dictionary";
                    case "leave" -> {
                        leave(player);
                        yield null;
                    }
                    default -> "there is no such call";
                };
        if (problem != null) {
            player.line.tell("refused", problem);
        }
    }

    private String join(Player player, String name) {
        if (player.name != null) {
            return "you have joined";
        }
        if (!name.matches("[\\p{L}\\p{N} ]{1,20}")) {
            return "a name has 1 to 20 letters and digits";
        }
        if (byName.putIfAbsent(name, player) != null) {
            return "the name is taken";
        }
        player.name = name;
        player.line.tell("joined", name);
        return null;
    }

    private String play(Player player) {
        if (player.name == null || player.opponent != null || player == waiting) {
            return "not now";
        }
        if (waiting == null) {
            waiting = player;
            return null;
        }
        Player first = waiting;
        waiting = null;
        first.opponent = player;
        player.opponent = first;
        first.itsTurn = true;
        first.line.tell("matched", player.name, true);
        player.line.tell("matched", first.name, false);
        return null;
    }

    private String turn(Player player, Dictionary state) {
        if (!player.itsTurn) {
            return "it is not your turn";
        }
        // Godot 3 does not have all the types of Godot 4, and a queue may be full.
        if (player.opponent.line.tell("turned", state) != ErrorCode.OK) {
            return "your opponent cannot be told";
        }
        player.itsTurn = false;
        player.opponent.itsTurn = true;
        return null;
    }

    /** Out of its match, and out of the lobby. */
    private void leave(Player player) {
        if (player.name == null) {
            return;
        }
        byName.remove(player.name);
        if (waiting == player) {
            waiting = null;
        }
        Player other = player.opponent;
        if (other != null) {
            other.opponent = null;
            other.itsTurn = false;
            other.line.tell("ended", player.name + " has left");
        }
        player.line.tell("ended", "you have left");
        player.name = null;
        player.opponent = null;
        player.itsTurn = false;
    }

    /** Serves until it is killed: {@code --host}, {@code --port}, {@code --port3}. */
    public static void main(String[] args) throws IOException {
        try (var lobby = new LobbyServer()) {
            var arguments = new Arguments(List.of("host", "port", "port3"), args);
            lobby.listen(
                    arguments.get("host", "127.0.0.1"),
                    arguments.number("port", 9080, 0, 65_535),
                    arguments.number("port3", 9081, 0, 65_535));
            System.out.printf(
                    "listening for Godot 4 on %d, for Godot 3 on %d%n",
                    lobby.port4(), lobby.port3());
            lobby.run(() -> true);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage() + "\noptions: --host --port --port3");
            System.exit(2);
        }
    }
}
