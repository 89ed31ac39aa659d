package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.ConnectionStatus;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbered peers over both of Godot's wires, between Java and Java, and against bad ones. */
class WebSocketMultiplayerPeerTest {

    /** A member of the group, and what its listener heard. */
    private final class Member implements WebSocketMultiplayerPeer.Listener {
        final WebSocketMultiplayerPeer peer;
        final List<String> heard = new ArrayList<>();

        Member(WebSocketMultiplayerPeer peer) {
            this.peer = peer;
            peer.setListener(this);
            members.add(this);
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
        public void packetRefused(int id, String reason) {
            heard.add("refused " + id + ": " + reason);
        }

        int id() {
            return peer.getUniqueId();
        }

        ErrorCode send(int target, String text) {
            peer.setTargetPeer(target);
            return peer.putPacket(text.getBytes(UTF_8));
        }

        /** Everything that waits, each as {@code sender:text}. */
        List<String> received() {
            var all = new ArrayList<String>();
            while (peer.getAvailablePacketCount() > 0) {
                all.add(peer.getPacketPeer() + ":" + new String(peer.getPacket(), UTF_8));
            }
            return all;
        }
    }

    private final List<Member> members = new ArrayList<>();
    private WebSocketPeer raw;

    @AfterEach
    void end() {
        if (raw != null) {
            raw.abort();
        }
        members.forEach(member -> member.peer.close());
    }

    private void until(Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .atMost(Duration.ofSeconds(30))
                .until(() -> {
                    members.forEach(member -> member.peer.poll());
                    if (raw != null) {
                        raw.poll();
                    }
                    return condition.call();
                });
    }

    private Member server(Generation generation) {
        return server(new WebSocketMultiplayerPeer(generation));
    }

    private Member server(WebSocketMultiplayerPeer peer) {
        var member = new Member(peer);
        assertThat(peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        return member;
    }

    private Member client(Member server) {
        var member = new Member(new WebSocketMultiplayerPeer(server.peer.getGeneration()));
        assertThat(member.peer.createClient(url(server))).isEqualTo(ErrorCode.OK);
        assertThat(member.peer.getConnectionStatus()).isEqualTo(ConnectionStatus.CONNECTING);
        until(() ->
                member.peer.getConnectionStatus() == ConnectionStatus.CONNECTED
                        && server.peer.getPeerIds().contains(member.id()));
        return member;
    }

    private static String url(Member server) {
        return "ws://127.0.0.1:" + server.peer.getLocalPort() + "/";
    }

    /** A client that speaks WebSocket alone. */
    private int rawClient(Member server) {
        raw = new WebSocketPeer();
        assertThat(raw.connectToUrl(url(server))).isEqualTo(ErrorCode.OK);
        until(() -> raw.getAvailablePacketCount() > 0);
        ByteBuffer id = ByteBuffer.wrap(raw.getPacket()).order(ByteOrder.LITTLE_ENDIAN);
        return id.getInt(id.limit() - 4);
    }

    // ---- the wire ----

    private static final Godot3Wire WIRE = new Godot3Wire();

    /** What a client reads in a message of Godot 3's wire. */
    private static String read(byte[] message) {
        var read = new ArrayList<String>();
        WIRE.read(
                message,
                true,
                new Wire.Reader() {
                    @Override
                    public void packet(int from, byte[] payload) {
                        read.add("packet " + from + " " + HexFormat.of().formatHex(payload));
                    }

                    @Override
                    public void number(int id) {
                        read.add("number " + id);
                    }

                    @Override
                    public void came(int id) {
                        read.add("came " + id);
                    }

                    @Override
                    public void gone(int id) {
                        read.add("gone " + id);
                    }
                });
        assertThat(read).hasSize(1);
        return read.getFirst();
    }

    @Test
    void theHeaderOfGodot3IsNineLittleEndianBytes() {
        assertThat(Godot3Wire.about(Godot3Wire.ID, 0x12345678))
                .isEqualTo(HexFormat.of().parseHex("03010000000000000078563412"));
        assertThat(WIRE.packet(7, 1, new byte[] {'A'}))
                .isEqualTo(HexFormat.of().parseHex("00070000000100000041"));

        byte[] packet = WIRE.packet(-2, -9, new byte[] {1, 2});
        assertThat(read(packet)).isEqualTo("packet -2 0102");
        assertThat(WIRE.target(packet, -2)).isEqualTo(-9);
        assertThat(WIRE.payload(packet)).containsExactly(1, 2);
        assertThat(read(Godot3Wire.about(1, 77))).isEqualTo("came 77");
        assertThat(read(Godot3Wire.about(2, 77))).isEqualTo("gone 77");
        assertThat(read(Godot3Wire.about(3, 77))).isEqualTo("number 77");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0007000000010000",
                "040100000000000000",
                "ff0100000000000000",
                "01010000000000000007",
                "030100000000000000070000"
            })
    void whatIsNoPacketIsNotRead(String hex) {
        byte[] message = HexFormat.of().parseHex(hex);
        assertThatThrownBy(() -> read(message))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("packet");
        assertThatThrownBy(() -> WIRE.target(message, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("packet");
    }

    @Test
    void theFirstMessagesOfAServerAreGodots() {
        Member four = server(Generation.GODOT4);
        raw = new WebSocketPeer();
        raw.connectToUrl(url(four));
        until(() -> raw.getAvailablePacketCount() == 1);
        byte[] id = raw.getPacket();
        assertThat(raw.wasStringPacket()).isFalse();
        assertThat(id).hasSize(4);
        assertThat(four.heard)
                .containsExactly("+" + ByteBuffer.wrap(id).order(ByteOrder.LITTLE_ENDIAN).getInt());
        raw.abort();

        Member three = server(Generation.GODOT3);
        Member other = client(three);
        raw = new WebSocketPeer();
        raw.connectToUrl(url(three));
        until(() -> raw.getAvailablePacketCount() == 3);
        String first = read(raw.getPacket());
        assertThat(first).startsWith("number ");
        assertThat(raw.getPacket()).isEqualTo(Godot3Wire.about(Godot3Wire.ADD, 1));
        assertThat(raw.getPacket()).isEqualTo(Godot3Wire.about(Godot3Wire.ADD, other.id()));
        until(() -> other.heard.contains("+" + first.substring("number ".length())));
    }

    // ---- Java and Java ----

    @ParameterizedTest
    @EnumSource
    void aServerAndItsClientsTalk(Generation generation) {
        Member server = server(generation);
        Member a = client(server);
        Member b = client(server);
        assertThat(server.heard).containsExactly("+" + a.id(), "+" + b.id());
        assertThat(a.heard).startsWith("succeeded", "+1");
        assertThat(server.id()).isEqualTo(1);

        server.send(0, "all");
        server.send(a.id(), "a");
        server.send(-a.id(), "not a");
        until(() -> a.peer.getAvailablePacketCount() == 2 && b.peer.getAvailablePacketCount() == 2);
        assertThat(a.received()).containsExactly("1:all", "1:a");
        assertThat(b.received()).containsExactly("1:all", "1:not a");

        a.send(1, "to the server");
        until(() -> server.peer.getAvailablePacketCount() == 1);
        assertThat(server.received()).containsExactly(a.id() + ":to the server");

        int gone = b.id();
        b.peer.close();
        until(() -> server.heard.contains("-" + gone));
        assertThat(b.heard).doesNotContain("server gone");
        assertThat(server.peer.getPeerIds()).containsExactly(a.id());

        server.peer.close();
        until(() -> a.heard.contains("server gone"));
        assertThat(a.heard).endsWith("-1", "server gone");
        assertThat(a.peer.getConnectionStatus()).isEqualTo(ConnectionStatus.DISCONNECTED);
    }

    @Test
    void aServerOfGodot3Relays() {
        Member server = server(Generation.GODOT3);
        Member a = client(server);
        Member b = client(server);
        Member c = client(server);
        until(() -> a.heard.contains("+" + c.id()) && c.heard.contains("+" + a.id()));

        a.send(0, "all");
        a.send(b.id(), "b");
        a.send(-b.id(), "not b");
        a.send(-1, "not the server");
        a.send(1, "end");
        until(() -> b.peer.getAvailablePacketCount() == 3 && c.peer.getAvailablePacketCount() == 3);
        String from = a.id() + ":";
        assertThat(server.received()).containsExactly(from + "all", from + "not b", from + "end");
        assertThat(b.received()).containsExactly(from + "all", from + "b", from + "not the server");
        assertThat(c.received())
                .containsExactly(from + "all", from + "not b", from + "not the server");
        assertThat(a.received()).isEmpty();

        server.peer.disconnectPeer(b.id(), true);
        int gone = b.id();
        until(() -> a.heard.contains("-" + gone) && b.heard.contains("server gone"));
        assertThat(server.heard).endsWith("-" + gone);
    }

    /** Godot 3's {@code peer_packet}, once for each packet, whoever relayed it. */
    @ParameterizedTest
    @EnumSource
    void everyPacketIsTold(Generation generation) {
        Member server = server(generation);
        Member a = client(server);
        var told = new ArrayList<String>();
        server.peer.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void peerPacket(int id) {
                        told.add(id + " waits with " + server.peer.getAvailablePacketCount());
                    }
                });
        a.send(1, "one");
        a.send(0, "two");
        a.send(1, "three");
        until(() -> told.size() == 3);
        assertThat(told)
                .containsExactly(
                        a.id() + " waits with 1",
                        a.id() + " waits with 2",
                        a.id() + " waits with 3");
        a.peer.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void peerPacket(int id) {
                        told.add("from " + id);
                    }
                });
        server.send(0, "back");
        until(() -> told.contains("from 1"));
    }

    /** Even while a packet to all is being handed on. */
    @Test
    void aListenerMayCloseTheGroupOnAPacket() {
        Member server = server(Generation.GODOT3);
        Member a = client(server);
        Member b = client(server);
        int id = a.id();
        server.peer.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void peerPacket(int from) {
                        server.peer.close();
                    }
                });
        a.send(0, "last");
        a.send(0, "too late");
        until(() -> a.heard.contains("server gone") && b.heard.contains("server gone"));
        assertThat(b.received()).first().isEqualTo(id + ":last");
        assertThat(server.peer.getAvailablePacketCount()).isZero();
    }

    @Test
    void theSettingsHaveGodotsNames() {
        var peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
        peer.setSupportedProtocols(List.of(" arena ", "chat"));
        peer.setHandshakeHeaders(List.of("X-Group: 1"));
        peer.setInboundBufferSize(5000);
        peer.setOutboundBufferSize(6000);
        peer.setMaxQueuedPackets(7);
        assertThat(peer.getSupportedProtocols()).containsExactly("arena", "chat");
        assertThat(peer.getHandshakeHeaders()).containsExactly("X-Group: 1");
        assertThat(peer.getInboundBufferSize()).isEqualTo(5000);
        assertThat(peer.getOutboundBufferSize()).isEqualTo(6000);
        assertThat(peer.getMaxQueuedPackets()).isEqualTo(7);
        Limits limits = peer.getOptions().limits();
        assertThat(limits.maxMessageBytes()).isEqualTo(5000);
        assertThat(limits.outboundMessages()).isEqualTo(7);
        assertThat(peer.getHandshakeTimeout()).isEqualTo(3); // untouched

        assertThat(peer.setBuffers(1, 2, 3, 4)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getInboundBufferSize()).isEqualTo(1024);
        assertThat(peer.getOptions().limits().outboundMessages()).isEqualTo(4);
        Member server = server(peer);
        assertThat(peer.setBuffers(9, 9, 9, 9)).isEqualTo(ErrorCode.FAILED);

        var client = new Member(new WebSocketMultiplayerPeer(Generation.GODOT4));
        client.peer.setSupportedProtocols(List.of("chat"));
        client.peer.createClient(url(server));
        until(() -> client.id() != 0);
        assertThat(client.peer.getPeer(1).getSelectedProtocol()).isEqualTo("chat");
        client.send(1, "x".repeat(1025));
        until(() -> client.heard.contains("server gone"));
        assertThat(server.received()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoIsDisconnectedGetsACloseFrame(boolean alone) {
        Member server = server(Generation.GODOT4);
        int id = rawClient(server);
        if (alone) {
            server.peer.disconnectPeer(id);
        } else {
            server.peer.close();
        }
        until(() -> raw.getReadyState() == WebSocketPeer.State.CLOSED);
        assertThat(raw.getCloseCode()).isEqualTo(alone ? 1000 : 1001);
    }

    @ParameterizedTest
    @EnumSource
    void callsInTheWrongStateAreRefused(Generation generation) {
        var peer = new WebSocketMultiplayerPeer(generation);
        assertThat(peer.putPacket(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.createClient("ftp://x/")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.getFailure()).isPresent();

        Member server = server(peer);
        assertThat(peer.createServer(0)).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(peer.createClient(url(server))).isEqualTo(ErrorCode.ALREADY_IN_USE);
        peer.getPacket();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);
        boolean four = generation == Generation.GODOT4;
        assertThat(server.send(99, "x"))
                .isEqualTo(four ? ErrorCode.INVALID_PARAMETER : ErrorCode.FAILED);
        assertThat(server.send(0, "nobody there")).isEqualTo(ErrorCode.OK);
    }

    @ParameterizedTest
    @EnumSource
    void overTls(Generation generation) {
        TLSOptions serving = TLSOptions.server(Certificates.showing(Certificates.GOOD));
        TLSOptions trusting = TLSOptions.client(List.of(Certificates.authority()));
        var server = new Member(new WebSocketMultiplayerPeer(generation));
        assertThat(server.peer.createServer(0, "127.0.0.1", trusting))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(server.peer.createServer(0, "127.0.0.1", serving)).isEqualTo(ErrorCode.OK);
        String url = url(server).replace("ws:", "wss:");
        var client = new Member(new WebSocketMultiplayerPeer(generation));
        assertThat(client.peer.createClient(url, serving)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(client.peer.createClient(url, trusting)).isEqualTo(ErrorCode.OK);
        until(() -> server.peer.getPeerIds().contains(client.id()));
        assertThat(server.send(client.id(), "hello")).isEqualTo(ErrorCode.OK);
        until(() -> client.peer.getAvailablePacketCount() > 0);
        var stranger = new Member(new WebSocketMultiplayerPeer(generation));
        assertThat(stranger.peer.createClient(url)).isEqualTo(ErrorCode.OK);
        until(() -> !stranger.heard.isEmpty());
        assertThat(stranger.heard).containsExactly("failed");
        assertThat(stranger.peer.getFailure().orElseThrow()).hasMessageContaining("not trusted");
    }

    @Test
    void newClientsAreRefusedWhenSaid() {
        Member server = server(Generation.GODOT4);
        Member first = client(server);
        server.peer.setRefuseNewConnections(true);
        var second = new Member(new WebSocketMultiplayerPeer(Generation.GODOT4));
        second.peer.createClient(url(server));
        until(() -> !second.heard.isEmpty());
        assertThat(second.heard).containsExactly("failed");
        assertThat(second.peer.getFailure().orElseThrow()).hasMessageContaining("503");
        assertThat(server.heard).containsExactly("+" + first.id());
    }

    // ---- those who do it wrong ----

    @ParameterizedTest
    @EnumSource
    void whoDoesNotShakeHandsIsDroppedInTime(Generation generation) throws Exception {
        var peer = new WebSocketMultiplayerPeer(generation);
        peer.setHandshakeTimeout(0.2);
        Member server = server(peer);
        try (var silent = new Socket(InetAddress.getLoopbackAddress(), peer.getLocalPort())) {
            silent.setSoTimeout(30_000);
            server.peer.poll();
            byte[] answer = silent.getInputStream().readAllBytes(); // until the end
            assertThat(new String(answer, UTF_8)).startsWith("HTTP/1.1 408 ");
        }
        server.peer.poll();
        assertThat(server.heard).isEmpty();
        client(server); // and others can still come
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "00", // no header
                "09ID00000000", // no such type
                "02ID0000000005000000", // the server's
                "000500000000000000AA" // another's name
            })
    void aClientThatBreaksTheRulesIsClosedAndNobodyElse(String hex) {
        Member server = server(Generation.GODOT3);
        Member other = client(server);
        int id = rawClient(server);
        String own = String.format("%08x", Integer.reverseBytes(id));
        raw.send(HexFormat.of().parseHex(hex.replace("ID", own)));
        raw.send(WIRE.packet(id, 0, "too late".getBytes(UTF_8)));
        until(() -> {
            while (raw.getAvailablePacketCount() > 0) {
                raw.getPacket();
            }
            return raw.getReadyState() == WebSocketPeer.State.CLOSED;
        });
        assertThat(raw.getCloseCode()).isEqualTo(1002);
        assertThat(raw.getCloseReason()).contains("packet");
        until(() -> other.heard.contains("-" + id));
        assertThat(server.heard).contains("-" + id).anyMatch(e -> e.startsWith("refused " + id));
        assertThat(server.received()).isEmpty();

        other.send(1, "still here");
        until(() -> server.peer.getAvailablePacketCount() == 1);
        assertThat(other.received()).isEmpty();
    }

    /** Of a listener that makes the server anew: nothing of the old one follows. */
    @Test
    void aServerCanBeMadeAnewWithinAnEvent() {
        Member server = server(Generation.GODOT3);
        int id = rawClient(server);
        server.peer.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void packetRefused(int from, String reason) {
                        server.packetRefused(from, "");
                        server.peer.close();
                        assertThat(server.peer.createServer(0, "127.0.0.1"))
                                .isEqualTo(ErrorCode.OK);
                    }

                    @Override
                    public void peerDisconnected(int from) {
                        server.peerDisconnected(from);
                    }
                });
        raw.send(WIRE.packet(id, 1, "of the old one".getBytes(UTF_8)));
        raw.send(new byte[] {0});
        raw.close();
        // Whoever has answered the close has the packets too: both are news of the next poll.
        Awaitility.await()
                .until(() -> {
                    raw.poll();
                    while (raw.getAvailablePacketCount() > 0) {
                        raw.getPacket();
                    }
                    return raw.getReadyState() == WebSocketPeer.State.CLOSED;
                });
        until(() -> server.heard.contains("refused " + id + ": "));
        server.peer.poll();
        assertThat(server.heard).containsExactly("+" + id, "refused " + id + ": ");
        assertThat(server.received()).isEmpty();
        assertThat(server.peer.getConnectionStatus()).isEqualTo(ConnectionStatus.CONNECTED);
    }

    @Test
    void aPacketForNobodyIsDroppedAndTold() {
        Member server = server(Generation.GODOT3);
        Member a = client(server);
        assertThat(a.send(12345, "lost")).isEqualTo(ErrorCode.OK);
        a.send(1, "next");
        until(() -> server.peer.getAvailablePacketCount() == 1);
        assertThat(server.heard).endsWith("refused " + a.id() + ": there is no peer 12345");
        assertThat(a.peer.getConnectionStatus()).isEqualTo(ConnectionStatus.CONNECTED);
    }

    @Test
    void packetsThatNobodyTakesAreBoundedAndNothingIsLost() {
        Limits limits = Limits.defaults().withInboundMessages(8);
        Member server =
                server(
                        new WebSocketMultiplayerPeer(
                                Generation.GODOT4, WebSocketOptions.defaults().withLimits(limits)));
        Member flood = client(server);
        Member other = client(server);
        int count = 200;
        for (int i = 0; i < count; i++) {
            assertThat(flood.send(1, "" + i)).isEqualTo(ErrorCode.OK);
        }
        until(() -> server.peer.getAvailablePacketCount() >= 8);
        other.send(1, "me");
        until(() -> server.peer.getAvailablePacketCount() >= 9);
        assertThat(server.peer.getAvailablePacketCount()).isEqualTo(9);
        assertThat(server.received()).contains(other.id() + ":me");

        var rest = new ArrayList<String>();
        until(() -> {
            rest.addAll(server.received());
            return rest.size() == count - 8;
        });
        assertThat(rest).last().isEqualTo(flood.id() + ":" + (count - 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"01000000", "00000080", "0200000000", "02"})
    void aNumberThatIsNoneEndsAClient(String hex) {
        var client = new Member(new WebSocketMultiplayerPeer(Generation.GODOT4));
        try (var bad = new WebSocketServer()) {
            badServer(bad, hex);
            client.peer.createClient("ws://127.0.0.1:" + bad.getLocalPort());
            until(() -> {
                bad.poll();
                return client.heard.contains("failed");
            });
        }
        assertThat(client.peer.getConnectionStatus()).isEqualTo(ConnectionStatus.DISCONNECTED);
        assertThat(client.peer.getFailure().orElseThrow()).hasMessageContaining("number");
    }

    @ParameterizedTest
    @EnumSource
    void aServerThatGivesNoNumberIsLeftInTime(Generation generation) {
        var client = new Member(new WebSocketMultiplayerPeer(generation));
        client.peer.setHandshakeTimeout(1);
        try (var silent = new WebSocketServer()) {
            badServer(silent, "");
            client.peer.createClient("ws://127.0.0.1:" + silent.getLocalPort());
            until(() -> {
                silent.poll();
                return client.heard.contains("failed");
            });
        }
        assertThat(client.peer.getFailure().orElseThrow()).hasMessageContaining("in time");
    }

    private static void badServer(WebSocketServer server, String hex) {
        server.setBindIp("127.0.0.1");
        server.setListener(
                new WebSocketServer.Listener() {
                    @Override
                    public void clientConnected(int id, String protocol) {
                        if (!hex.isEmpty()) {
                            server.getPeer(id).send(HexFormat.of().parseHex(hex));
                        }
                    }
                });
        assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
    }

    /** Of {@link SceneMultiplayer}: what a client may not ask to be relayed. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "07", // nothing
                "0701ID", // the server's news
                "0703ID", // nothing to relay
                "0703ID0701ID", // news by way of a relay
                "0703EEEEEE6E0361" // for nobody
            })
    void whatASceneMayNotRelayIsDroppedAndTold(String hex) {
        var told = new ArrayList<String>();
        var peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
        var scene =
                new SceneMultiplayer(
                        peer,
                        new SceneMultiplayer.Listener() {
                            @Override
                            public void packetRefused(int id, String reason) {
                                told.add("refused " + id);
                            }

                            @Override
                            public void peerPacket(int from, byte[] bytes) {
                                told.add(from + ":" + new String(bytes, UTF_8));
                            }
                        });
        assertThat(peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        var bad = new Member(new WebSocketMultiplayerPeer(Generation.GODOT4));
        var other = new Member(new WebSocketMultiplayerPeer(Generation.GODOT4));
        try (peer) {
            for (Member member : List.of(bad, other)) {
                member.peer.createClient("ws://127.0.0.1:" + peer.getLocalPort());
                until(() -> {
                    scene.poll();
                    return member.id() != 0;
                });
            }
            String victim = String.format("%08x", Integer.reverseBytes(other.id()));
            bad.peer.putPacket(HexFormat.of().parseHex(hex.replace("ID", victim)));
            bad.peer.putPacket(HexFormat.of().parseHex("0703" + victim + "0361"));
            bad.peer.putPacket(new byte[] {3, 'z'});
            until(() -> {
                scene.poll();
                return told.contains(bad.id() + ":z");
            });
            assertThat(told).containsExactly("refused " + bad.id(), bad.id() + ":z");
            until(() -> other.peer.getAvailablePacketCount() >= 2);
            other.peer.getPacket(); // that the bad one is there
            byte[] relayed = other.peer.getPacket();
            assertThat(relayed).startsWith(7, 3).endsWith(3, 'a').hasSize(8);
            assertThat(other.peer.getAvailablePacketCount()).isZero();
        }
    }
}
