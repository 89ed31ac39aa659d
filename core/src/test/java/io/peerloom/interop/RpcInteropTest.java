package io.peerloom.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.RpcMethod;
import io.peerloom.multiplayer.SceneMultiplayer;
import io.peerloom.multiplayer.SceneNode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Color;
import io.peerloom.variant.Variant.NodePath;
import io.peerloom.variant.Variant.PackedByteArray;
import io.peerloom.variant.Variant.PackedStringArray;
import io.peerloom.variant.Variant.StringName;
import io.peerloom.variant.Variant.Vector3;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls of {@code @rpc} methods between Java and Godot 4, either being the server. */
@Tag("interop")
class RpcInteropTest {

    /** At least one of each form that arguments have on the wire. */
    private static final List<Variant> VALUES =
            List.of(
                    Variant.of(true),
                    Variant.of(false),
                    Variant.of(0),
                    Variant.of(-1),
                    Variant.of(127),
                    Variant.of(128),
                    Variant.of(-128),
                    Variant.of(-129),
                    Variant.of(32767),
                    Variant.of(32768),
                    Variant.of(-32769),
                    Variant.of(Integer.MAX_VALUE),
                    Variant.of(1L << 31),
                    Variant.of(Long.MIN_VALUE),
                    Variant.of(0.5),
                    Variant.of(0.1),
                    Variant.of("grüße"),
                    Variant.Nil.NIL,
                    new Vector3(1, 2, -3),
                    new Color(1, 0.5f, 0, 1),
                    new StringName("name"),
                    NodePath.of("/root/Main:position"),
                    Variant.of(List.of(1, true, "x")),
                    Variant.of(Map.of("k", List.of(2))),
                    PackedStringArray.of("a", "ü"),
                    PackedByteArray.of((byte) 1, (byte) 2),
                    PackedByteArray.of());

    @TempDir Path folder;

    /** A scene of ours, and what it heard. */
    private static final class Ours implements SceneMultiplayer.Listener, AutoCloseable {
        final WebSocketMultiplayerPeer peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
        final SceneMultiplayer scene = new SceneMultiplayer(peer, this);
        final List<String> heard = new ArrayList<>();
        final List<List<Variant>> answers = new ArrayList<>();
        final SceneNode main =
                scene.addNode(
                        "/root/Main",
                        heard("zebra"),
                        RpcMethod.anyPeer(
                                "echo",
                                (from, arguments) -> scene.rpc(from, "Main", "answer", "echo", 0)),
                        RpcMethod.anyPeer("answer", (from, arguments) -> answers.add(arguments)),
                        heard("nothing"),
                        heard("three"),
                        RpcMethod.authority(
                                "by_authority", (from, all) -> hear(from, "by_authority", all)),
                        RpcMethod.called("order"),
                        heard("configured").withRpcConfig());
        final SceneNode inner =
                scene.addNode("/root/Main/Inner", heard("zebra"), heard("aardvark"));

        private RpcMethod heard(String name) {
            return RpcMethod.anyPeer(name, (from, arguments) -> hear(from, name, arguments));
        }

        private void hear(int from, String name, List<Variant> arguments) {
            heard.add(from + " " + name + " " + arguments);
        }

        @Override
        public void connectionSucceeded() {
            heard.add("succeeded");
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
        public void packetRefused(int id, String reason) {
            heard.add("refused " + id + " " + reason);
        }

        void call(int target, String method, Object... arguments) {
            assertThat(main.rpc(target, method, arguments)).isEqualTo(ErrorCode.OK);
        }

        void order(int whom, int target, String method, String arguments) {
            call(whom, "order", target, method, arguments);
        }

        /** Every value there and back. */
        void echoes(int engine, Program program) {
            for (Variant value : VALUES) {
                answers.clear();
                call(engine, "echo", value);
                until("echo of " + value, program, this, () -> !answers.isEmpty());
                assertThat(answers)
                        .containsExactly(List.of(value, Variant.of(value.type().godot4())));
            }
        }

        @Override
        public void close() {
            scene.close();
        }
    }

    private static void until(
            String what, Program program, Ours ours, Callable<Boolean> condition, Ours... others) {
        Transcript.until(
                what + ", ours heard " + ours.heard,
                program,
                () -> {
                    ours.scene.poll();
                    for (Ours other : others) {
                        other.scene.poll();
                    }
                    return condition.call();
                });
    }

    private static void hears(Ours ours, String line, Program program, Ours... others) {
        until(line, program, ours, () -> ours.heard.contains(line), others);
    }

    private static void told(Program program, String line, Ours ours, Ours... others) {
        until(line, program, ours, () -> program.lines().contains(line), others);
    }

    private Program start(String... arguments) {
        return Partner.GODOT4.startScript(Partner.home(folder), "godot4_rpc.gd", arguments);
    }

    private Program client(String url) {
        return start("--role=client", "--url=" + url);
    }

    private static String url(Ours server) {
        return "ws://127.0.0.1:" + server.peer.getLocalPort() + "/";
    }

    private static Ours server() {
        var server = new Ours();
        assertThat(server.peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        return server;
    }

    private static int id(Program client, Ours server) {
        until("its number", client, server, () -> !client.with("id ").isEmpty());
        return Integer.parseInt(client.with("id ").getFirst());
    }

    private static List<String> problems(Program program) {
        return program.lines().stream().filter(line -> line.contains("ERROR")).toList();
    }

    @Test
    void ourServerAndAnEngineCallEachOther() {
        try (var server = server();
                var a = client(url(server))) {
            int id = id(a, server);
            server.echoes(id, a); // at first by path
            server.echoes(id, a); // now by number, in both directions

            server.call(id, "three", 1, "two", List.of(3));
            told(a, "call 1 Main three [1, \"two\", [3]]", server);
            server.call(0, "nothing");
            told(a, "call 1 Main nothing []", server);
            server.call(id, "zebra", 5);
            told(a, "call 1 Main zebra [5]", server);
            server.call(id, "by_authority", 6);
            told(a, "call 1 Main by_authority [6]", server);
            server.call(id, "configured", 7);
            told(a, "call 1 Main configured [7]", server);
            for (int i = 0; i < 2; i++) {
                assertThat(server.inner.rpc(id, "aardvark", i)).isEqualTo(ErrorCode.OK);
                told(a, "call 1 Inner aardvark [" + i + "]", server);
                server.order(id, 1, "Inner.aardvark", "[" + i + "]");
                hears(server, id + " aardvark [" + i + "]", a);
            }

            server.order(id, 1, "three", "[1, [true], null]");
            hears(server, id + " three [1, [true], null]", a);
            server.order(id, 0, "nothing", "[]");
            hears(server, id + " nothing []", a);
            server.order(id, 1, "configured", "[8]");
            hears(server, id + " configured [8]", a);
            server.order(id, 1, "by_authority", "[8]");
            hears(server, "refused " + id + " by_authority at Main is its authority's to call", a);
            // What an engine sends as no argument at all.
            server.order(id, 1, "zebra", "[PackedByteArray()]");
            hears(server, id + " zebra []", a);
            assertThat(problems(a)).isEmpty();
            assertThat(server.heard).filteredOn(line -> line.startsWith("refused")).hasSize(1);

            server.order(id, 0, "quit", "");
            hears(server, "disconnected " + id, a);
        }
    }

    @Test
    void enginesCallEachOtherThroughOurServer() {
        try (var server = server();
                var a = client(url(server));
                var b = client(url(server))) {
            int first = id(a, server);
            int second = id(b, server);
            told(a, "connected " + second, server);
            told(b, "connected " + first, server);
            for (int i = 0; i < 3; i++) {
                server.order(first, second, "zebra", "[" + i + "]");
                told(b, "call " + first + " Main zebra [" + i + "]", server);
                server.order(second, 0, "three", "[" + i + ", 2, \"ü\"]");
                told(a, "call " + second + " Main three [" + i + ", 2, \"ü\"]", server);
                hears(server, second + " three [" + i + ", 2, \"ü\"]", b);
                // Both confirmed by now: the number alone, and one packet for all.
            }
            server.call(-first, "zebra", "not a");
            server.call(0, "zebra", "all");
            told(a, "call 1 Main zebra [\"all\"]", server);
            told(b, "call 1 Main zebra [\"all\"]", server);
            assertThat(b.lines()).contains("call 1 Main zebra [\"not a\"]");
            assertThat(a.lines()).doesNotContain("call 1 Main zebra [\"not a\"]");
            assertThat(problems(a)).isEmpty();
            assertThat(problems(b)).isEmpty();
            assertThat(server.heard).noneMatch(line -> line.startsWith("refused"));
            assertThat(server.heard).noneMatch(line -> line.contains("zebra"));
        }
    }

    @Test
    void ourClientsCallAnEngineAndEachOther() {
        try (var host = start("--role=server");
                var a = new Ours();
                var b = new Ours()) {
            String url = "ws://127.0.0.1:" + host.await("listening ").split(" ")[1] + "/";
            assertThat(a.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            hears(a, "connected 1", host);
            a.echoes(1, host);
            a.echoes(1, host);
            assertThat(b.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            until("each other", host, a, () -> b.scene.getPeers().size() == 2, b);
            int first = a.peer.getUniqueId();
            int second = b.peer.getUniqueId();
            hears(a, "connected " + second, host, b);

            try (var c = client(url)) {
                until("its number", c, a, () -> a.scene.getPeers().size() == 3, b);
                int third = Integer.parseInt(c.await("id ").split(" ")[1]);
                for (int i = 0; i < 2; i++) {
                    a.call(second, "zebra", i);
                    hears(b, first + " zebra [" + i + "]", host, a);
                    a.call(third, "three", i, 2, 3);
                    told(c, "call " + first + " Main three [" + i + ", 2, 3]", a, b);
                    a.order(third, second, "three", "[" + i + ", 5, 6]");
                    hears(b, third + " three [" + i + ", 5, 6]", c, a);
                    a.call(0, "configured", i);
                    told(c, "call " + first + " Main configured [" + i + "]", a, b);
                    told(host, "call " + first + " Main configured [" + i + "]", a, b);
                    hears(b, first + " configured [" + i + "]", host, a);
                    a.order(1, 0, "by_authority", "[" + i + "]");
                    hears(a, "1 by_authority [" + i + "]", host, b);
                    hears(b, "1 by_authority [" + i + "]", host, a);
                    a.call(-1, "zebra", "not the host");
                    told(c, "call " + first + " Main zebra [\"not the host\"]", a, b);
                }
                assertThat(problems(c)).isEmpty();
            }
            assertThat(host.lines()).noneMatch(line -> line.contains("not the host"));
            assertThat(problems(host)).isEmpty();
            assertThat(a.heard).noneMatch(line -> line.startsWith("refused"));
            assertThat(b.heard).noneMatch(line -> line.startsWith("refused"));

            // The engine knows who may do what, too.
            a.call(1, "by_authority", 1);
            until("its refusal", host, a, () -> !problems(host).isEmpty(), b);
            assertThat(problems(host).getFirst()).contains("by_authority").contains("not allowed");
            a.order(1, 0, "quit", "");
            hears(a, "disconnected 1", host, b);
            assertThat(a.heard).contains("disconnected " + second);
        }
    }

    /** Which announces nobody, and drops what it is to relay: also what is for itself, too. */
    @Test
    void ourClientsCallAServerThatDoesNotRelay() {
        try (var host = start("--role=server", "--alone");
                var a = new Ours();
                var b = new Ours()) {
            String url = "ws://127.0.0.1:" + host.await("listening ").split(" ")[1] + "/";
            assertThat(a.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            assertThat(b.peer.createClient(url)).isEqualTo(ErrorCode.OK);
            hears(a, "connected 1", host, b);
            hears(b, "connected 1", host, a);
            String from = a.peer.getUniqueId() + " ";
            for (int i = 0; i < 2; i++) { // by path, then by number
                a.call(0, "zebra", i);
                told(host, "call " + from + "Main zebra [" + i + "]", a, b);
                a.call(-b.peer.getUniqueId(), "configured", i);
                told(host, "call " + from + "Main configured [" + i + "]", a, b);
                a.call(-1, "zebra", "not the host");
                assertThat(a.scene.sendBytes(("bytes " + i).getBytes(UTF_8), 0))
                        .isEqualTo(ErrorCode.OK);
                told(host, "packet " + from + "bytes " + i, a, b);
            }
            assertThat(host.lines()).noneMatch(line -> line.contains("not the host"));
            assertThat(problems(host)).isEmpty();
            assertThat(a.heard).containsExactly("succeeded", "connected 1");
            assertThat(b.heard).containsExactly("succeeded", "connected 1");
        }
    }

    @Test
    void theEngineTooIsToldOfItsSuccessFirst() {
        try (var server = server();
                var a = client(url(server))) {
            told(a, "connected 1", server);
            assertThat(a.lines())
                    .filteredOn(line -> line.startsWith("id ") || line.startsWith("connected "))
                    .containsExactly("id " + id(a, server), "connected 1");
        }
    }

    @Test
    void anEngineWithOtherMethodsIsNotMisunderstood() {
        try (var server = server();
                var a = start("--role=client", "--url=" + url(server), "--other")) {
            int id = id(a, server);
            String refusal = "refused " + id + " has other methods at Main";
            hears(server, refusal, a);
            hears(server, "refused " + id + " a call by a peer that has other methods at Main", a);
            assertThat(server.main.rpc(id, "echo", 1)).isEqualTo(ErrorCode.INVALID_DATA);
            until("its error", a, server, () -> !problems(a).isEmpty());
            assertThat(problems(a).getFirst()).contains("checksum");
        }
    }

    @Test
    void anEngineRefusesWhatWeDeclareWrongly() {
        try (var server = server();
                var a = client(url(server))) {
            int id = id(a, server);
            var wrong = server.scene.addNode("/root/Nowhere", RpcMethod.called("x"));
            assertThat(wrong.rpc(id, "x")).isEqualTo(ErrorCode.OK);
            until("its error", a, server, () -> !problems(a).isEmpty());
            assertThat(problems(a).getFirst()).contains("Nowhere");

            server.scene.removeNode(server.inner);
            var inner = server.scene.addNode("/root/Main/Inner", RpcMethod.called("zebra"));
            assertThat(inner.rpc(id, "zebra", 1)).isEqualTo(ErrorCode.OK);
            hears(server, "refused " + id + " has other methods at Main/Inner", a);
            assertThat(inner.rpc(id, "zebra", 1)).isEqualTo(ErrorCode.INVALID_DATA);
        }
    }
}
