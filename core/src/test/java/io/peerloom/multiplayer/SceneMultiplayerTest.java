package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.PackedByteArray;
import io.peerloom.variant.Variant.Vector3;
import io.peerloom.variant.VariantCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.assertj.core.api.ThrowingConsumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls between Java and Java, and their bytes, which Godot 4.6.3 produced. */
class SceneMultiplayerTest {

    private static final HexFormat HEX = HexFormat.of();

    /** The methods of the engine's script from which the bytes are. */
    private static final String[] NAMES = {
        "hello", "fast", "ordered", "auth", "Zed", "_under", "äther"
    };

    private static final String CHECKSUM = "1306979644b4d828efd40cb9901546fb";

    private final List<Member> members = new ArrayList<>();

    /** A scene, and what it heard. */
    private final class Member implements SceneMultiplayer.Listener {
        final WebSocketMultiplayerPeer peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
        final SceneMultiplayer scene = new SceneMultiplayer(peer, this);
        final List<String> heard = new ArrayList<>();

        Member() {
            members.add(this);
        }

        /** Joins, and waits until that is known to all of the others. */
        Member join(Member server) {
            assertThat(peer.createClient("ws://127.0.0.1:" + server.peer.getLocalPort()))
                    .isEqualTo(ErrorCode.OK);
            int others = server.scene.getPeers().size() + 1;
            until(() -> members.stream().allMatch(each -> each.scene.getPeers().size() == others));
            return this;
        }

        SceneNode node(String path) {
            return scene.addNode(
                    path,
                    RpcMethod.anyPeer("hello", (from, arguments) -> hear("hello", from, arguments)),
                    RpcMethod.authority("auth", (from, arguments) -> hear("auth", from, arguments)),
                    RpcMethod.called("silent"));
        }

        private void hear(String method, int from, List<Variant> arguments) {
            heard.add(from + " " + method + " " + arguments);
        }

        @Override
        public void peerConnected(int id) {
            heard.add("+" + id);
        }

        @Override
        public void peerDisconnected(int id) {
            heard.add("-" + id);
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
        public void peerPacket(int from, byte[] bytes) {
            heard.add(from + ": " + new String(bytes, UTF_8));
        }

        @Override
        public void other(int from, byte[] packet) {
            heard.add(from + " other " + HEX.formatHex(packet));
        }

        @Override
        public void packetRefused(int id, String reason) {
            heard.add("refused " + id + ": " + reason);
        }

        int id() {
            return peer.getUniqueId();
        }

        /** Says a packet as it is to the server, as only a bad client does. */
        void raw(String hex) {
            assertThat(peer.putPacket(HEX.parseHex(hex))).isEqualTo(ErrorCode.OK);
        }
    }

    @AfterEach
    void end() {
        members.forEach(member -> member.scene.close());
    }

    private void until(Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .atMost(Duration.ofSeconds(30))
                .until(() -> {
                    members.forEach(member -> member.scene.poll());
                    return condition.call();
                });
    }

    private void hears(Member member, String line) {
        until(() -> member.heard.contains(line));
    }

    private Member server() {
        var server = new Member();
        assertThat(server.peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        return server;
    }

    // ---- the bytes ----

    private static SceneNode engines(RpcMethod... more) {
        var scene =
                new SceneMultiplayer(
                        new WebSocketMultiplayerPeer(Generation.GODOT4),
                        new SceneMultiplayer.Listener() {});
        var methods = new ArrayList<>(List.of(more));
        for (String name : NAMES) {
            methods.add(RpcMethod.called(name));
        }
        return scene.addNode("/root/Main", methods.toArray(RpcMethod[]::new));
    }

    @Test
    void methodsAreNumberedAndSummedAsInTheEngine() {
        SceneNode node = engines();
        assertThat(List.of(0, 1, 2, 3, 4, 5, 6))
                .extracting(number -> node.method(number).name())
                .containsExactly("Zed", "_under", "auth", "fast", "hello", "ordered", "äther");
        assertThat(node.checksum()).isEqualTo(CHECKSUM);
        assertThat(node.method(7)).isNull();

        SceneNode configured =
                engines(
                        RpcMethod.called("node_config").withRpcConfig(),
                        RpcMethod.called("hello").withRpcConfig());
        assertThat(configured.checksum()).isEqualTo("3b1d0b905c7c57712cebfef1a906816b");
        assertThat(configured.method(0x8001).name()).isEqualTo("node_config");
        assertThat(configured.method(0x8000).isRpcConfig()).isTrue();
        assertThat(configured.method(4).isRpcConfig()).isFalse();
    }

    @Test
    void namesAreSortedByCodePoints() {
        SceneNode node =
                new SceneMultiplayer(
                                new WebSocketMultiplayerPeer(Generation.GODOT4),
                                new SceneMultiplayer.Listener() {})
                        .addNode("A", RpcMethod.called("𝒳"), RpcMethod.called("ﬀ"));
        assertThat(node.method(0).name()).isEqualTo("ﬀ");
    }

    @Test
    void namesOfNodesAreTheEnginesBytes() {
        String told =
                "01" + HEX.formatHex(CHECKSUM.getBytes(UTF_8)) + "00" + "01000000" + "4d61696e00";
        assertThat(RpcPacket.simplifyPath(CHECKSUM, 1, "Main")).isEqualTo(HEX.parseHex(told));
        var name = new RpcPacket.Name(CHECKSUM, 1, "Main");
        assertThat(RpcPacket.parseName(HEX.parseHex(told))).isEqualTo(name);
        assertThat(RpcPacket.parseName(HEX.parseHex(told.substring(0, told.length() - 2))))
                .isEqualTo(name);
        assertThat(RpcPacket.confirmPath(true, 9)).isEqualTo(HEX.parseHex("020109000000"));
        assertThat(RpcPacket.confirmPath(false, 10)).isEqualTo(HEX.parseHex("02000a000000"));
        assertThat(RpcPacket.parseConfirmation(HEX.parseHex("02000a000000")))
                .isEqualTo(new RpcPacket.Confirmation(false, 10));
    }

    @ParameterizedTest
    @CsvSource({
        "a006000080044d61696e00, 4",
        "e00700008001804d61696e00, 32769",
        "e0070000802b014d61696e00, 299"
    })
    void callsByPathAreTheEnginesBytes(String hex, int method) throws Exception {
        var none = RpcPacket.encode(List.of(), VariantCodec.GODOT4);
        assertThat(RpcPacket.call("Main", method, none)).isEqualTo(HEX.parseHex(hex));
        RpcPacket.Call call = RpcPacket.parseCall(HEX.parseHex(hex), VariantCodec.GODOT4);
        assertThat(call.path()).isEqualTo("Main");
        assertThat(call.method()).isEqualTo(method);
        assertThat(call.arguments()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "000104010205, 1, 4",
        "40010180010205, 1, 32769",
        "40022b01010207, 2, 299",
        "00ff04010205, 255, 4",
        "10000104010205, 256, 4"
    })
    void callsByNumberAreTheEnginesBytes(String hex, int node, int method) throws Exception {
        RpcPacket.Call call = RpcPacket.parseCall(HEX.parseHex(hex), VariantCodec.GODOT4);
        assertThat(call.path()).isNull();
        assertThat(call.node()).isEqualTo(node);
        assertThat(call.method()).isEqualTo(method);
        var arguments = RpcPacket.encode(call.arguments(), VariantCodec.GODOT4);
        assertThat(RpcPacket.call(node, method, arguments)).isEqualTo(HEX.parseHex(hex));
    }

    @Test
    void aNodeBeyond65535HasFourBytes() throws Exception {
        var none = RpcPacket.encode(List.of(), VariantCodec.GODOT4);
        byte[] packet = RpcPacket.call(65_536, 1, none);
        assertThat(packet).isEqualTo(HEX.parseHex("a00000010001"));
        assertThat(RpcPacket.parseCall(packet, VariantCodec.GODOT4).node()).isEqualTo(65_536);
    }

    /** What stood between the method and the path, for one argument each. */
    private static final Map<String, Variant> ARGUMENTS =
            Map.ofEntries(
                    Map.entry("0181", Variant.of(true)),
                    Map.entry("0101", Variant.of(false)),
                    Map.entry("010200", Variant.of(0)),
                    Map.entry("0102ff", Variant.of(-1)),
                    Map.entry("01027f", Variant.of(127)),
                    Map.entry("01428000", Variant.of(128)),
                    Map.entry("010280", Variant.of(-128)),
                    Map.entry("01427fff", Variant.of(-129)),
                    Map.entry("0142ff7f", Variant.of(32767)),
                    Map.entry("018200800000", Variant.of(32768)),
                    Map.entry("01420080", Variant.of(-32768)),
                    Map.entry("0182ff7fffff", Variant.of(-32769)),
                    Map.entry("0182ffffff7f", Variant.of(Integer.MAX_VALUE)),
                    Map.entry("01c20000008000000000", Variant.of(1L << 31)),
                    Map.entry("018200000080", Variant.of(Integer.MIN_VALUE)),
                    Map.entry("01c2ffffff7fffffffff", Variant.of(Integer.MIN_VALUE - 1L)),
                    Map.entry("01030000000000003f", Variant.of(0.5)),
                    Map.entry("01030001009a9999999999b93f", Variant.of(0.1)),
                    Map.entry("01040000000200000068690000", Variant.of("hi")),
                    Map.entry("0100000000", Variant.Nil.NIL),
                    Map.entry(
                            "011c00000002000000020000000100000001000000" + "01000000",
                            Variant.of(List.of(1, true))),
                    Map.entry("01090000000000803f0000004000004040", new Vector3(1, 2, 3)),
                    Map.entry(
                            "011b0000000100000004000000010000006b0000000200000001000000",
                            Variant.of(Map.of("k", 1))),
                    Map.entry("0119000000", new Variant.Callable()));

    @Test
    void argumentsAreTheEnginesBytes() throws Exception {
        for (Map.Entry<String, Variant> each : ARGUMENTS.entrySet()) {
            var encoded = RpcPacket.encode(List.of(each.getValue()), VariantCodec.GODOT4);
            assertThat(encoded.raw).isFalse();
            assertThat(HEX.formatHex(encoded.bytes)).isEqualTo(each.getKey());
            byte[] packet = HEX.parseHex("0001" + "04" + each.getKey());
            assertThat(RpcPacket.parseCall(packet, VariantCodec.GODOT4).arguments())
                    .containsExactly(each.getValue());
        }
    }

    @Test
    void bytesAloneHaveNoCount() throws Exception {
        Variant bytes = PackedByteArray.of((byte) 1, (byte) 2, (byte) 3);
        var alone = RpcPacket.encode(List.of(bytes), VariantCodec.GODOT4);
        assertThat(RpcPacket.call("Main", 4, alone))
                .isEqualTo(HEX.parseHex("a009000080040102034d61696e00"));
        assertThat(RpcPacket.call(1, 4, alone)).isEqualTo(HEX.parseHex("800104010203"));
        for (byte[] packet :
                List.of(RpcPacket.call("Main", 4, alone), RpcPacket.call(1, 4, alone))) {
            assertThat(RpcPacket.parseCall(packet, VariantCodec.GODOT4).arguments())
                    .containsExactly(bytes);
        }

        var two =
                RpcPacket.encode(
                        List.of(
                                PackedByteArray.of((byte) 1, (byte) 2),
                                PackedByteArray.of((byte) 3)),
                        VariantCodec.GODOT4);
        assertThat(HEX.formatHex(two.bytes))
                .isEqualTo("02" + "1d0000000200000001020000" + "1d0000000100000003000000");
        var empty = RpcPacket.encode(List.of(PackedByteArray.of()), VariantCodec.GODOT4);
        assertThat(empty.raw).isFalse();
    }

    @Test
    void argumentsAreBounded() {
        VariantCodec small = VariantCodec.GODOT4.withMaxBytes(64);
        var many = new ArrayList<Variant>();
        for (int i = 0; i < 9; i++) {
            many.add(Variant.of(1L << 40));
        }
        assertThatThrownBy(() -> RpcPacket.encode(many, small)).hasMessageContaining("64 bytes");
        Member alone = new Member();
        SceneNode node = alone.node("A");
        assertThatThrownBy(() -> node.rpc(0, "hello", new Object[256]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("256 arguments");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "00", // no node
                "0001", // no method
                "3001020304050607", // no such width
                "000104", // no count
                "00010400", // a count of none
                "00010402" + "0205", // fewer than counted
                "000104ff" + "02050205", // many fewer
                "00010401" + "0205" + "00", // something behind
                "00010401" + "42ff", // an integer cut off
                "00010401" + "c200000000000000", // a long one
                "00010401" + "3f000000", // no such type
                "00010401" + "44000000" + "00000000", // flags where only integers have them
                "00010401" + "0400000002000000", // a string cut off
                "00010401" + "1c000000ffffff7f", // an array of very many
                "a0ffffff8004" + "4d61696e00", // the path beyond the end
                "a00500008004" + "4d61696e00", // within the head
                "a00b000080044d61696e00", // just behind the end
                "a006000080" + "04" + "ff00", // not UTF-8
                "2006000080040102054d61696e00" // arguments behind the path
            })
    void whatIsNoCallIsNotRead(String hex) {
        byte[] packet = HEX.parseHex(hex);
        assertThatThrownBy(() -> RpcPacket.parseCall(packet, VariantCodec.GODOT4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("(?s).{10,300}");
    }

    @Provide
    Arbitrary<byte[]> mutants() {
        Arbitrary<String> vectors =
                Arbitraries.of(
                        ARGUMENTS.keySet().stream()
                                .flatMap(each ->
                                        Stream.of(
                                                "000104" + each,
                                                "20"
                                                        + le(6 + each.length() / 2)
                                                        + "04"
                                                        + each
                                                        + "4d61696e00"))
                                .sorted()
                                .toList());
        Arbitrary<List<Integer>> changes = Arbitraries.integers().list().ofMaxSize(4);
        return Combinators.combine(vectors, changes, Arbitraries.integers().between(0, 60))
                .as((vector, mutations, cut) -> {
                    byte[] packet = HEX.parseHex(vector);
                    for (int mutation : mutations) {
                        packet[Math.floorMod(mutation >> 8, packet.length)] = (byte) mutation;
                    }
                    return cut < 20 ? Arrays.copyOf(packet, Math.max(1, cut)) : packet;
                });
    }

    private static String le(int offset) {
        return HEX.formatHex(new byte[] {(byte) offset, (byte) (offset >> 8), 0, (byte) 0x80});
    }

    /**
     * A changed packet is refused with a sentence, or is a call that says the same when written: in
     * double precision, since a changed flag may have made it so.
     */
    @Property(tries = 20_000)
    void aChangedCallIsRefusedOrRead(@ForAll("mutants") byte[] packet) throws Exception {
        RpcPacket.Call call;
        try {
            call = RpcPacket.parseCall(packet, VariantCodec.GODOT4);
        } catch (IllegalArgumentException e) {
            assertThat(e.getMessage()).isNotEmpty().hasSizeLessThan(400);
            return;
        }
        VariantCodec exact = VariantCodec.GODOT4.withDoublePrecision(true);
        var arguments = RpcPacket.encode(call.arguments(), exact);
        byte[] again =
                call.path() == null
                        ? RpcPacket.call(call.node(), call.method(), arguments)
                        : RpcPacket.call(call.path(), call.method(), arguments);
        RpcPacket.Call back = RpcPacket.parseCall(again, VariantCodec.GODOT4);
        assertThat(back.arguments().toString()).isEqualTo(call.arguments().toString());
        assertThat(back.path()).isEqualTo(call.path());
        assertThat(back.method()).isEqualTo(call.method());
    }

    /** Whatever comes, it is refused with a sentence or read. */
    @Property
    void anyBytesAreANameOrNone(@ForAll byte[] bytes, @ForAll @IntRange(max = 60) int zeros) {
        byte[] packet = Arrays.copyOf(bytes, bytes.length + zeros);
        for (ThrowingConsumer<byte[]> reader :
                List.<ThrowingConsumer<byte[]>>of(
                        RpcPacket::parseName, RpcPacket::parseConfirmation)) {
            try {
                reader.accept(packet);
            } catch (IllegalArgumentException e) {
                assertThat(e.getMessage()).isNotEmpty().hasSizeLessThan(100);
            }
        }
    }

    // ---- calls ----

    @Test
    void aServerAndItsClientsCallEachOther() {
        Member server = server();
        SceneNode ours = server.node("/root/Main");
        Member a = new Member();
        a.node("Main");
        a.join(server);
        Member b = new Member();
        b.node("/root/Main");
        b.join(server);
        assertThat(a.heard).startsWith("succeeded", "+1").contains("+" + b.id());
        assertThat(b.heard).contains("+1", "+" + a.id());

        for (int round = 0; round < 2; round++) { // by path, then by number
            int it = round;
            assertThat(ours.rpc(0, "hello", it, "all")).isEqualTo(ErrorCode.OK);
            assertThat(server.scene.rpc(a.id(), "/root/Main", "auth", true))
                    .isEqualTo(ErrorCode.OK);
            assertThat(server.scene.rpc(-a.id(), "Main", "hello", it, "not a"))
                    .isEqualTo(ErrorCode.OK);
            assertThat(a.scene.rpc(1, "/root/Main", "hello", List.of(it))).isEqualTo(ErrorCode.OK);
            assertThat(a.scene.rpc(b.id(), "/root/Main", "hello", it, "b")).isEqualTo(ErrorCode.OK);
            assertThat(b.scene.rpc(0, "/root/Main", "hello", it, "from b")).isEqualTo(ErrorCode.OK);
            hears(a, "1 hello [" + it + ", \"all\"]");
            hears(a, "1 auth [true]");
            hears(b, "1 hello [" + it + ", \"all\"]");
            hears(b, "1 hello [" + it + ", \"not a\"]");
            hears(server, a.id() + " hello [[" + it + "]]");
            hears(b, a.id() + " hello [" + it + ", \"b\"]");
            hears(server, b.id() + " hello [" + it + ", \"from b\"]");
            hears(a, b.id() + " hello [" + it + ", \"from b\"]");
            until(() ->
                    ours.sides().values().stream().allMatch(side -> side.confirmed)
                            && ours.sides().size() == 2);
        }
        assertThat(a.heard).noneMatch(line -> line.contains("not a"));
        assertThat(members)
                .allSatisfy(each ->
                        assertThat(each.heard).noneMatch(line -> line.startsWith("refused")));

        int gone = b.id();
        b.scene.close();
        hears(a, "-" + gone);
        assertThat(ours.sides()).hasSize(1);
        assertThat(a.scene.rpc(gone, "Main", "hello")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        members.remove(b);
        server.scene.close();
        hears(a, "server gone");
        assertThat(a.heard).contains("-1");
        assertThat(a.scene.rpc(1, "Main", "hello")).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(a.scene.getPeers()).isEmpty();
    }

    @Test
    void rawBytesOfAClientAreRelayed() {
        Member server = server();
        Member a = new Member().join(server);
        Member b = new Member().join(server);
        assertThat(a.scene.sendBytes("b".getBytes(UTF_8), b.id())).isEqualTo(ErrorCode.OK);
        assertThat(a.scene.sendBytes("all".getBytes(UTF_8), 0)).isEqualTo(ErrorCode.OK);
        assertThat(a.scene.sendBytes("server".getBytes(UTF_8), 1)).isEqualTo(ErrorCode.OK);
        assertThat(a.scene.sendBytes("nobody".getBytes(UTF_8), 5))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        hears(server, a.id() + ": server");
        hears(b, a.id() + ": all");
        assertThat(b.heard).containsSubsequence(a.id() + ": b", a.id() + ": all");
        assertThat(server.heard).contains(a.id() + ": all").doesNotContain(a.id() + ": b");
    }

    @Test
    void whoHasOtherMethodsIsToldSoAndNotObeyed() {
        Member server = server();
        SceneNode ours = server.node("Main");
        Member a = new Member();
        a.scene.addNode("Main", RpcMethod.called("hello"));
        a.join(server);
        assertThat(a.scene.rpc(1, "Main", "hello")).isEqualTo(ErrorCode.OK);
        hears(server, "refused " + a.id() + ": has other methods at Main");
        hears(a, "refused 1: has other methods at Main");
        until(() -> server.heard.getLast().contains("a call by a peer that has other methods"));
        assertThat(a.scene.rpc(1, "Main", "hello")).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(ours.rpc(a.id(), "hello")).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(ours.rpc(0, "hello")).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(server.heard).noneMatch(line -> line.contains(" hello ["));
    }

    @Test
    void onlyTheAuthorityMayCallWhatIsIts() {
        Member server = server();
        SceneNode ours = server.node("Main");
        Member a = new Member();
        a.node("Main");
        a.join(server);
        a.scene.rpc(1, "Main", "auth");
        hears(server, "refused " + a.id() + ": auth at Main is its authority's to call");
        ours.setMultiplayerAuthority(a.id());
        a.scene.rpc(1, "Main", "auth");
        hears(server, a.id() + " auth []");
        a.scene.rpc(1, "Main", "silent");
        hears(server, "refused " + a.id() + ": nobody answers silent at Main");
    }

    @Test
    void aNumberStandsForOneNode() {
        Member server = server();
        server.node("One");
        SceneNode two = server.node("Two");
        Member a = new Member().join(server);
        String checksum = HEX.formatHex(two.checksum().getBytes(UTF_8)) + "00";
        String one = "4f6e6500";
        a.raw("01" + checksum + "05000000" + one);
        a.raw("800501"); // hello of One
        a.raw("01" + checksum + "06000000" + one); // made anew there
        a.raw("800601");
        a.raw("800501"); // the old number
        a.raw("01" + checksum + "06000000" + "54776f00"); // now it is Two
        a.raw("800601");
        a.raw("01" + checksum + "07000000" + one); // which takes nothing from Two
        a.raw("800601");
        a.raw("037a");
        hears(server, a.id() + ": z");
        assertThat(server.heard)
                .containsExactly(
                        "+" + a.id(),
                        a.id() + " hello []",
                        a.id() + " hello []",
                        "refused " + a.id() + ": a call of a node by a number that was not told: 5",
                        a.id() + " hello []",
                        a.id() + " hello []",
                        a.id() + ": z");

        server.scene.removeNode(two);
        a.raw("800601");
        hears(server, "refused " + a.id() + ": a call of a node by a number that was not told: 6");
        assertThatThrownBy(() -> two.rpc(0, "hello")).isInstanceOf(IllegalStateException.class);
        server.node("Two");
    }

    @ParameterizedTest
    @CsvSource({
        "00, a call without a whole head",
        "a006000080014e6f706500, not declared: Nope",
        "800101, was not told: 1",
        "01, without a path",
        "02, cut off",
        "020177000000, was not told",
        "0700, none to relay"
    })
    void whatAClientGetsWrongIsTold(String hex, String reason) {
        Member server = server();
        server.node("Main");
        Member a = new Member().join(server);
        a.raw(hex);
        a.raw("037a");
        hears(server, a.id() + ": z");
        assertThat(server.heard)
                .hasSize(3)
                .element(1)
                .asString()
                .startsWith("refused " + a.id())
                .contains(reason);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "07", // nothing
                "0701ID", // the receiver itself
                "070101000000", // the server
                "070177000000", // a good one; then once more
                "070255000000", // of one unknown
                "070355000000037a", // from one unknown
                "070377000000", // nothing relayed
                "0703770000000701aa000000" // news by way of a relay
            })
    void aClientBelievesNoNonsense(String hex) {
        var server = new WebSocketMultiplayerPeer(Generation.GODOT4);
        Member a = new Member();
        try (server) {
            assertThat(server.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            a.peer.createClient("ws://127.0.0.1:" + server.getLocalPort());
            until(() -> {
                server.poll();
                return a.id() > 0 && server.getPeerIds().size() == 1;
            });
            String own = String.format("%08x", Integer.reverseBytes(a.id()));
            server.putPacket(HEX.parseHex("070177000000"));
            server.putPacket(HEX.parseHex(hex.replace("ID", own)));
            server.putPacket(HEX.parseHex("0379"));
            until(() -> {
                server.poll();
                return a.heard.contains("1: y");
            });
            assertThat(a.heard).hasSize(5).startsWith("succeeded", "+1", "+119");
            assertThat(a.heard.get(3)).startsWith("refused 1: a system packet that makes no sense");
            assertThat(a.scene.getPeers()).containsExactlyInAnyOrder(1, 0x77);
        }
    }

    @Test
    void aMethodIsChangedInCopies() {
        RpcMethod method = RpcMethod.called("x");
        RpcMethod other = method.withMode(RpcMethod.Mode.ANY_PEER).withRpcConfig();
        assertThat(method.mode()).isEqualTo(RpcMethod.Mode.AUTHORITY);
        assertThat(method.isRpcConfig()).isFalse();
        assertThat(other.mode()).isEqualTo(RpcMethod.Mode.ANY_PEER);
        assertThat(other.isRpcConfig()).isTrue();
        assertThat(other.name()).isEqualTo("x");
        assertThat(other).hasToString("x[ANY_PEER, only called]");
        assertThat(other.withHandler((from, arguments) -> {})).hasToString("x[ANY_PEER, answered]");
        assertThatThrownBy(() -> RpcMethod.called("")).hasMessageContaining("no name");
        assertThatThrownBy(() -> RpcMethod.anyPeer("x", null))
                .isInstanceOf(NullPointerException.class);
    }

    @Test
    void whatWasNotDeclaredIsAnError() {
        Member alone = new Member();
        SceneNode node = alone.node("/root/A");
        assertThatThrownBy(() -> alone.node("A")).hasMessageContaining("declared already");
        assertThatThrownBy(() -> alone.node("/root/")).hasMessageContaining("no path");
        assertThatThrownBy(() -> alone.scene.rpc(1, "B", "hello")).hasMessageContaining("B");
        assertThatThrownBy(() -> node.rpc(1, "nope")).hasMessageContaining("nope");
        assertThatThrownBy(() ->
                        alone.scene.addNode("C", RpcMethod.called("x"), RpcMethod.called("x")))
                .hasMessageContaining("two methods 'x'");
        assertThatThrownBy(() -> node.rpc(1, "hello", new Object()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(node.rpc(1, "hello")).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(alone.scene.sendBytes(new byte[1], 1)).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(node.getPath()).isEqualTo("A");
        assertThat(alone.node("/root").getPath()).isEqualTo(".");
        assertThat(alone.node("../Out").getPath()).isEqualTo("../Out");
        assertThat(alone.node("/rooted").getPath()).isEqualTo("/rooted");
        alone.node("C"); // the failed attempt has taken nothing
    }
}
