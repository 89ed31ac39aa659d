package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.RpcMethod;
import io.peerloom.multiplayer.SceneMultiplayer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Text;
import io.peerloom.variant.VariantCodec;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The lobby with players of Java that do not behave, and with the scripts in both Godots. */
class LobbyTest {

    private final LobbyServer lobby = new LobbyServer();

    /** Written by the test, read by the loop. */
    private volatile boolean over;

    private final Thread loop = new Thread(() -> lobby.run(() -> !over), "lobby");

    @TempDir Path folder;

    @BeforeEach
    void start() throws IOException {
        lobby.listen("127.0.0.1", 0, 0);
        loop.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        over = true;
        loop.join();
        lobby.close();
    }

    /** A player of Java that looks to the lobby like one of Godot 4. */
    private final class Guest implements AutoCloseable {
        final WebSocketMultiplayerPeer peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
        final SceneMultiplayer scene =
                new SceneMultiplayer(peer, new SceneMultiplayer.Listener() {});
        final List<String> heard = new ArrayList<>();

        Guest() {
            scene.addNode(
                    "/root/Lobby",
                    Stream.concat(
                                    Stream.of("join", "list", "play", "turn", "leave")
                                            .map(RpcMethod::called),
                                    Stream.of(
                                                    "joined", "listed", "matched", "turned",
                                                    "ended", "refused")
                                            .map(this::heard))
                            .toArray(RpcMethod[]::new));
            peer.createClient("ws://127.0.0.1:" + lobby.port4());
            Awaitility.await()
                    .until(() -> {
                        scene.poll();
                        return scene.getPeers().contains(1);
                    });
        }

        private RpcMethod heard(String name) {
            return RpcMethod.authority(name, (from, arguments) -> heard.add(name + arguments));
        }

        /** Calls, and waits for the next answer. */
        String ask(String call, Object... arguments) {
            tell(call, arguments);
            return hear();
        }

        void tell(String call, Object... arguments) {
            assertThat(scene.rpc(1, "/root/Lobby", call, arguments)).isEqualTo(ErrorCode.OK);
        }

        String hear() {
            Awaitility.await()
                    .until(() -> {
                        scene.poll();
                        return !heard.isEmpty();
                    });
            return heard.removeFirst();
        }

        @Override
        public void close() {
            scene.close();
        }
    }

    @Test
    void whoDoesNotKeepTheRulesIsToldThem() {
        try (var ann = new Guest();
                var ben = new Guest();
                var three = new WebSocketMultiplayerPeer(Generation.GODOT3)) {
            assertThat(ann.ask("play")).isEqualTo("refused[\"not now\"]");
            assertThat(ann.ask("join")).isEqualTo("refused[\"join(name)\"]");
            assertThat(ann.ask("join", 5)).isEqualTo("refused[\"join(name)\"]");
            assertThat(ann.ask("join", "<b>")).startsWith("refused[\"a name has 1 to 20");
            assertThat(ann.ask("join", "Ann")).isEqualTo("joined[\"Ann\"]");
            assertThat(ann.ask("join", "Ann")).isEqualTo("refused[\"you have joined\"]");
            assertThat(ben.ask("join", "Ann")).isEqualTo("refused[\"the name is taken\"]");
            assertThat(ben.ask("join", "Ben")).isEqualTo("joined[\"Ben\"]");
            assertThat(ben.ask("list")).isEqualTo("listed[[\"Ann\", \"Ben\"]]");

            ann.tell("play");
            assertThat(ann.ask("play")).isEqualTo("refused[\"not now\"]");
            assertThat(ben.ask("play")).isEqualTo("matched[\"Ann\", false]");
            assertThat(ann.hear()).isEqualTo("matched[\"Ben\", true]");
            assertThat(ben.ask("turn", Map.of())).isEqualTo("refused[\"it is not your turn\"]");
            assertThat(ann.ask("turn", 1)).startsWith("refused[\"turn(state)");
            ann.tell("turn", Map.of("count", 1));
            assertThat(ben.hear()).isEqualTo("turned[{\"count\": 1}]");

            // In the other Godot's words.
            three.setVariantCodec(VariantCodec.GODOT3);
            three.createClient("ws://127.0.0.1:" + lobby.port3());
            Awaitility.await()
                    .until(() -> {
                        three.poll();
                        return three.getConnectionStatus()
                                == WebSocketMultiplayerPeer.ConnectionStatus.CONNECTED;
                    });
            three.setTargetPeer(1);
            for (Object call : List.of("join", List.of(), List.of(1), List.of("fly"))) {
                three.putVar(Variant.of(call));
                Awaitility.await()
                        .until(() -> {
                            three.poll();
                            return three.getAvailablePacketCount() > 0;
                        });
                assertThat(((Variant.Array) three.getVar()).get(0)).isEqualTo(new Text("refused"));
            }

            ann.close();
            assertThat(ben.hear()).isEqualTo("ended[\"Ann has left\"]");
            assertThat(ben.ask("list")).isEqualTo("listed[[\"Ben\"]]");
            assertThat(ben.ask("leave")).isEqualTo("ended[\"you have left\"]");
            assertThat(ben.ask("list")).isEqualTo("listed[[]]");
        }
    }

    /** Six turns in all; who is told of the sixth leaves. */
    @Tag("interop")
    @ParameterizedTest
    @CsvSource({"4, 4", "3, 3", "4, 3"})
    void enginesAreMatchedAndPlay(int anns, int bens) {
        try (var ann = start(anns, "Ann");
                var ben = start(bens, "Ben")) {
            ann.awaitExit();
            ben.awaitExit();
            boolean annBegins = ann.lines().toString().matches("(?s).*matched Ben [tT]rue.*");
            Program first = annBegins ? ann : ben;
            Program second = annBegins ? ben : ann;
            String begins = annBegins ? "Ann" : "Ben";
            String follows = annBegins ? "Ben" : "Ann";
            assertThat(first.lines()).contains("joined " + begins);
            assertThat(first.with("listed ").getFirst()).contains(begins);
            assertThat(first.with("matched ")).hasSize(1);
            assertThat(first.with("turned "))
                    .containsExactly(follows + " 2", follows + " 4", follows + " 6");
            assertThat(second.with("matched " + begins + " ").getFirst()).matches("[fF]alse");
            assertThat(second.with("turned "))
                    .containsExactly(begins + " 1", begins + " 3", begins + " 5");
            assertThat(first.with("over: ")).containsExactly("you have left");
            assertThat(second.with("over: ")).containsExactly(begins + " has left");
        }
    }

    @Tag("interop")
    @Test
    void enginesAreToldWhatIsWrong() {
        try (var ann = new Guest()) {
            assertThat(ann.ask("join", "Ann")).isEqualTo("joined[\"Ann\"]");
            for (int generation : new int[] {3, 4}) {
                try (var other = start(generation, "Ann")) {
                    assertThat(other.await("over: ")).isEqualTo("over: refused, the name is taken");
                }
                try (var ben = start(generation, "Ben")) {
                    ben.await("listed ");
                    assertThat(ann.ask("play")).isEqualTo("matched[\"Ben\", false]");
                    assertThat(ann.hear()).startsWith("turned[");
                    ben.kill();
                    assertThat(ann.hear()).isEqualTo("ended[\"Ben has left\"]");
                }
            }
        }
    }

    private Program start(int generation, String name) {
        boolean three = generation == 3;
        String script = script(three ? "lobby3.gd" : "lobby4.gd");
        var command = new ArrayList<>(three ? Programs.godot3(script) : Programs.godot4(script));
        command.add("--url=ws://127.0.0.1:" + (three ? lobby.port3() : lobby.port4()) + "/");
        command.add("--name=" + name);
        return Program.start(name, folder, command, List.of());
    }

    private static String script(String name) {
        try {
            return Path.of(LobbyServer.class.getResource(name).toURI()).toString();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
