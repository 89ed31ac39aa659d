package io.peerloom.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.multiplayer.SceneMultiplayer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Groups of Java and Godot 3, and of Java and Godot 4, either being the server. */
@Tag("interop")
class MultiplayerInteropTest {

    @TempDir Path folder;

    /** Our member, and what it heard. */
    private static final class Ours implements WebSocketMultiplayerPeer.Listener, AutoCloseable {
        final WebSocketMultiplayerPeer peer;
        final List<String> heard = new ArrayList<>();

        Ours(Generation generation) {
            peer = new WebSocketMultiplayerPeer(generation);
            peer.setListener(this);
        }

        @Override
        public void peerConnected(int id) {
            heard.add("connected " + id);
        }

        @Override
        public void peerDisconnected(int id) {
            heard.add("disconnected " + id);
        }

        @Override
        public void connectionSucceeded() {
            heard.add("succeeded");
        }

        @Override
        public void connectionFailed() {
            heard.add("failed");
        }

        @Override
        public void serverDisconnected() {
            heard.add("server gone");
        }

        @Override
        public void packetRefused(int id, String reason) {
            heard.add("refused " + id + " " + reason);
        }

        void send(int target, String text) {
            peer.setTargetPeer(target);
            assertThat(peer.putPacket(text.getBytes(UTF_8))).isEqualTo(ErrorCode.OK);
        }

        /** Polls until it holds; the failure shows what the other told. */
        void until(String what, Transcript other, Callable<Boolean> condition) {
            Transcript.until(
                    what + ", ours heard " + heard,
                    other,
                    () -> {
                        peer.poll();
                        while (peer.getAvailablePacketCount() > 0) {
                            heard.add(
                                    "packet "
                                            + peer.getPacketPeer()
                                            + " "
                                            + text(peer.getPacket()));
                        }
                        return condition.call();
                    });
        }

        void hears(Transcript other, String line) {
            until(line, other, () -> heard.contains(line));
        }

        void told(Transcript other, String line) {
            until(line, other, () -> other.lines().contains(line));
        }

        @Override
        public void close() {
            peer.close();
        }

        private static String text(byte[] packet) {
            return new String(packet, UTF_8);
        }
    }

    private Program start(Generation generation, String... arguments) {
        boolean three = generation == Generation.GODOT3;
        return (three ? Partner.GODOT3 : Partner.GODOT4)
                .startScript(
                        Partner.home(folder),
                        three ? "godot3_multiplayer.gd" : "godot4_multiplayer.gd",
                        arguments);
    }

    private Program client(Ours server) {
        return start(
                server.peer.getGeneration(),
                "--role=client",
                "--url=ws://127.0.0.1:" + server.peer.getLocalPort() + "/");
    }

    private static int id(Ours server, Program client) {
        server.until("its number", client, () -> !client.with("id ").isEmpty());
        return Integer.parseInt(client.with("id ").getFirst());
    }

    /** What both generations have in common. */
    @ParameterizedTest
    @EnumSource
    void enginesJoinOurServer(Generation generation) {
        try (var server = new Ours(generation)) {
            assertThat(server.peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            try (var a = client(server);
                    var b = client(server)) {
                int first = id(server, a);
                int second = id(server, b);
                assertThat(server.peer.getPeerIds()).containsExactlyInAnyOrder(first, second);
                assertThat(a.lines()).contains("connected 1");

                server.send(0, "hello all");
                server.send(second, "hello you");
                server.send(-second, "hello others");
                server.told(a, "packet 1 hello others");
                server.told(b, "packet 1 hello you");
                assertThat(a.with("packet ")).containsExactly("1 hello all", "1 hello others");
                assertThat(b.with("packet ")).containsExactly("1 hello all", "1 hello you");

                server.send(first, "send 1 grüße");
                server.hears(a, "packet " + first + " grüße");

                server.send(second, "quit");
                server.hears(b, "disconnected " + second);
                server.peer.disconnectPeer(first, false);
                server.told(a, "status 0");
                server.hears(a, "disconnected " + first);
                assertThat(server.heard)
                        .filteredOn(line -> line.startsWith("disconnected"))
                        .hasSize(2);
            }
        }
    }

    /** Godot 3's server announces and relays; so does ours. */
    @Test
    void enginesOfGodot3SeeEachOtherThroughOurServer() {
        try (var server = new Ours(Generation.GODOT3)) {
            assertThat(server.peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            try (var a = client(server);
                    var b = client(server)) {
                int first = id(server, a);
                int second = id(server, b);
                server.told(a, "connected " + second);
                server.told(b, "connected " + first);

                server.send(first, "send " + second + " secret");
                server.told(b, "packet " + first + " secret");
                server.send(first, "send 0 for all");
                server.hears(a, "packet " + first + " for all");
                server.told(b, "packet " + first + " for all");
                server.send(first, "send -" + second + " not you");
                server.hears(a, "packet " + first + " not you");
                server.send(first, "send -1 not the server");
                server.told(b, "packet " + first + " not the server");
                assertThat(b.with("packet " + first + " "))
                        .containsExactly("secret", "for all", "not the server");
                assertThat(server.heard)
                        .filteredOn(line -> line.startsWith("packet"))
                        .containsExactly(
                                "packet " + first + " for all", "packet " + first + " not you");

                a.kill();
                server.told(b, "disconnected " + first);
                server.hears(b, "disconnected " + first);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void ourClientJoinsAnEngine(Generation generation) {
        boolean three = generation == Generation.GODOT3;
        try (var server = start(generation, "--role=server");
                var a = new Ours(generation);
                var b = new Ours(generation)) {
            String url = url(server);
            assertThat(a.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            a.hears(server, "succeeded");
            assertThat(b.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            b.hears(server, "succeeded");
            int first = a.peer.getUniqueId();
            int second = b.peer.getUniqueId();
            a.told(server, "connected " + first);
            a.told(server, "connected " + second);
            if (three) {
                a.hears(server, "connected " + second);
                b.hears(server, "connected " + first);
                a.send(second, "direct");
                b.hears(server, "packet " + first + " direct");
            }

            a.send(1, "send " + second + " from the engine");
            b.hears(server, "packet 1 from the engine");
            a.send(1, "send 0 grüße");
            a.hears(server, "packet 1 grüße");
            b.hears(server, "packet 1 grüße");
            assertThat(server.lines())
                    .contains("packet " + first + " send 0 grüße")
                    .doesNotContain("packet " + first + " direct");

            a.send(1, "drop " + second);
            b.hears(server, "server gone");
            a.told(server, "disconnected " + second);
            if (three) {
                a.hears(server, "disconnected " + second);
            }
            a.send(1, "quit");
            a.hears(server, "server gone");
            assertThat(a.heard).contains("disconnected 1").doesNotContain("failed");
        }
    }

    /** What an engine's server says to those who join and to those who are there, byte for byte. */
    @ParameterizedTest
    @EnumSource
    void theFirstMessagesOfAnEngine(Generation generation) throws Exception {
        try (var server = start(generation, "--role=server");
                var a = WebSocketPeer.connect(url(server))) {
            String own = hex(a.receive(Transcript.PATIENCE).bytes());
            if (generation == Generation.GODOT4) {
                assertThat(own).hasSize(8);
                return;
            }
            String header = "0100000000000000";
            assertThat(own).startsWith("03" + header).hasSize(26);
            assertThat(hex(a.receive(Transcript.PATIENCE).bytes()))
                    .isEqualTo("01" + header + "01000000");
            try (var b = WebSocketPeer.connect(url(server))) {
                String other = hex(b.receive(Transcript.PATIENCE).bytes()).substring(18);
                assertThat(hex(b.receive(Transcript.PATIENCE).bytes()))
                        .isEqualTo("01" + header + "01000000");
                assertThat(hex(b.receive(Transcript.PATIENCE).bytes()))
                        .isEqualTo("01" + header + own.substring(18));
                assertThat(hex(a.receive(Transcript.PATIENCE).bytes()))
                        .isEqualTo("01" + header + other);
                b.close();
                assertThat(hex(a.receive(Transcript.PATIENCE).bytes()))
                        .isEqualTo("02" + header + other);
            }
        }
    }

    private static String url(Program server) {
        return "ws://127.0.0.1:" + server.await("listening ").split(" ")[1] + "/";
    }

    private static String hex(byte[] message) {
        return HexFormat.of().formatHex(message);
    }

    @ParameterizedTest
    @EnumSource
    void newEnginesAreRefusedWhenSaid(Generation generation) {
        try (var server = new Ours(generation)) {
            assertThat(server.peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            server.peer.setRefuseNewConnections(true);
            try (var a = client(server)) {
                server.told(a, "status 0");
                assertThat(a.with("id ")).isEmpty();
                assertThat(server.heard).isEmpty();
            }
        }
    }

    /** An engine that refuses drops the connection, and ours says that it failed. */
    @ParameterizedTest
    @EnumSource
    void anEngineMayRefuseOurClient(Generation generation) {
        try (var server = start(generation, "--role=server");
                var a = new Ours(generation);
                var b = new Ours(generation)) {
            String url = url(server);
            assertThat(a.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            a.hears(server, "succeeded");
            a.send(1, "refuse");
            a.told(server, "refusing");
            assertThat(b.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            b.until("an end", server, () -> !b.heard.isEmpty());
            assertThat(b.heard).containsExactly("failed");
            assertThat(b.peer.getFailure()).isPresent();
        }
    }

    /** The one who looks at the server's own -1: Godot 3 gives it to itself all the same. */
    @Test
    void godot3sServerGetsWhatIsForAllButIt() {
        try (var server = start(Generation.GODOT3, "--role=server");
                var a = new Ours(Generation.GODOT3)) {
            String url = url(server);
            assertThat(a.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            a.hears(server, "succeeded");
            a.send(-1, "not for you");
            a.send(1, "end");
            a.told(server, "packet " + a.peer.getUniqueId() + " end");
            assertThat(server.with("packet "))
                    .containsExactly(
                            a.peer.getUniqueId() + " not for you", a.peer.getUniqueId() + " end");
        }
    }

    /** What Godot 4 does above the peer: scenes that know of each other. */
    @Test
    void scenesOfGodot4SeeEachOtherThroughOurServer() {
        var heard = new Transcript("our server");
        var listener =
                new SceneMultiplayer.Listener() {
                    @Override
                    public void peerDisconnected(int id) {
                        heard.add("disconnected " + id);
                    }

                    @Override
                    public void peerPacket(int from, byte[] bytes) {
                        heard.add("packet " + from + " " + new String(bytes, UTF_8));
                    }

                    @Override
                    public void packetRefused(int id, String reason) {
                        heard.add("refused " + reason);
                    }
                };
        try (var peer = new WebSocketMultiplayerPeer(Generation.GODOT4)) {
            var scene = new SceneMultiplayer(peer, listener);
            assertThat(peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            String url = "--url=ws://127.0.0.1:" + peer.getLocalPort() + "/";
            try (var a = Partner.GODOT4.startScript(folder, "godot4_scene.gd", url);
                    var b = Partner.GODOT4.startScript(folder, "godot4_scene.gd", url)) {
                await(scene, a, "id ");
                await(scene, b, "id ");
                int first = Integer.parseInt(a.with("id ").getFirst());
                int second = Integer.parseInt(b.with("id ").getFirst());
                await(scene, a, "connected " + second);
                await(scene, b, "connected " + first);

                send(scene, first, "send " + second + " secret");
                await(scene, b, "packet " + first + " secret");
                send(scene, first, "send 0 for all");
                await(scene, b, "packet " + first + " for all");
                send(scene, first, "send -" + second + " not you");
                await(scene, heard, "packet " + first + " not you");
                send(scene, first, "send 1 only you");
                await(scene, heard, "packet " + first + " only you");
                assertThat(heard.lines())
                        .containsExactly(
                                "packet " + first + " for all",
                                "packet " + first + " not you",
                                "packet " + first + " only you");

                send(scene, first, "quit");
                await(scene, b, "disconnected " + first);
                assertThat(b.with("packet "))
                        .containsExactly(first + " secret", first + " for all");
                assertThat(heard.lines()).last().isEqualTo("disconnected " + first);
            }
        }
    }

    /** Room for its number and for the first news, but not for the second. */
    @Test
    void anEngineLearnsThatItIsTooSlow() {
        Limits limits = Limits.defaults().withOutboundBytes(10);
        try (var peer =
                        new WebSocketMultiplayerPeer(
                                Generation.GODOT4, WebSocketOptions.defaults().withLimits(limits));
                var a = new Ours(Generation.GODOT4);
                var b = new Ours(Generation.GODOT4)) {
            var scene = new SceneMultiplayer(peer, new SceneMultiplayer.Listener() {});
            assertThat(peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            String url = "ws://127.0.0.1:" + peer.getLocalPort() + "/";
            for (Ours each : List.of(a, b)) {
                assertThat(each.peer.createClient(url)).isEqualTo(ErrorCode.OK);
                Awaitility.await()
                        .atMost(Transcript.PATIENCE)
                        .until(() -> {
                            scene.poll();
                            each.peer.poll();
                            return each.peer.getUniqueId() > 0;
                        });
            }
            try (var engine =
                    Partner.GODOT4.startScript(folder, "godot4_scene.gd", "--url=" + url)) {
                await(scene, engine, "closed ");
                assertThat(engine.with("closed "))
                        .containsExactly("1008 too slow for the news of this group");
            }
        }
    }

    private static void send(SceneMultiplayer scene, int target, String text) {
        assertThat(scene.sendBytes(text.getBytes(UTF_8), target)).isEqualTo(ErrorCode.OK);
    }

    private static void await(SceneMultiplayer scene, Transcript other, String beginning) {
        Transcript.until(
                "'" + beginning + "'",
                other,
                () -> {
                    scene.poll();
                    return !other.with(beginning).isEmpty();
                });
    }
}
