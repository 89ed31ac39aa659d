package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.testing.LogCapture;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.IntSupplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Listeners and methods that throw, each time they are called, or that poll. */
class MultiplayerListenerTest {

    /** What every callback does. */
    private enum Deed {
        NOTHING,
        THROW,
        /** What only a program can mend, and what Java wants declared. */
        THROW_ERROR,
        THROW_CHECKED,
        POLL;

        void run(Runnable poll) {
            switch (this) {
                case NOTHING -> {}
                case THROW -> throw new IllegalArgumentException("thrown on purpose");
                case THROW_ERROR -> throw new AssertionError("thrown on purpose");
                case THROW_CHECKED ->
                        MultiplayerListenerTest.<RuntimeException>sneak(
                                new Exception("thrown on purpose"));
                case POLL ->
                        assertThatThrownBy(poll::run)
                                .isInstanceOf(IllegalStateException.class)
                                .hasMessageContaining("called by a callback");
            }
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }

    /** A member of a group, and in order what it was told. */
    private abstract static class Member implements AutoCloseable {
        final List<String> heard = new ArrayList<>();
        final Deed deed;

        Member(Deed deed) {
            this.deed = deed;
        }

        abstract void poll();

        abstract WebSocketMultiplayerPeer peer();

        void hear(String what) {
            heard.add(what);
            deed.run(this::poll);
        }

        /** A poll that lets nothing out but what was thrown on purpose. */
        void pollOnce() {
            try {
                poll();
            } catch (Throwable e) {
                assertThat(e).hasMessage("thrown on purpose");
            }
        }

        /** Of whom that is about: in the order of the events. */
        List<String> about(int id) {
            return heard.stream()
                    .filter(line -> line.startsWith(id + " "))
                    .map(line -> line.substring(line.indexOf(' ') + 1))
                    .toList();
        }

        @Override
        public void close() {
            peer().close();
        }
    }

    private static final class PeerMember extends Member
            implements WebSocketMultiplayerPeer.Listener {
        private final WebSocketMultiplayerPeer peer;

        PeerMember(Generation generation, Deed deed) {
            super(deed);
            peer = new WebSocketMultiplayerPeer(generation);
            peer.setListener(this);
        }

        @Override
        void poll() {
            peer.poll();
        }

        @Override
        WebSocketMultiplayerPeer peer() {
            return peer;
        }

        @Override
        public void peerConnected(int id) {
            hear(id + " connected");
        }

        @Override
        public void peerDisconnected(int id) {
            hear(id + " disconnected");
        }

        @Override
        public void connectionSucceeded() {
            hear("1 succeeded");
        }

        @Override
        public void connectionFailed() {
            hear("1 failed");
        }

        @Override
        public void serverDisconnected() {
            hear("1 gone");
        }

        @Override
        public void peerPacket(int id) {
            assertThat(peer.getPacketPeer()).isEqualTo(id);
            hear(id + " packet " + new String(peer.getPacket(), UTF_8));
        }

        @Override
        public void packetRefused(int id, String reason) {
            hear(id + " refused");
        }
    }

    private static final class SceneMember extends Member implements SceneMultiplayer.Listener {
        private final WebSocketMultiplayerPeer peer =
                new WebSocketMultiplayerPeer(Generation.GODOT4);
        final SceneMultiplayer scene = new SceneMultiplayer(peer, this);
        final SceneNode node =
                scene.addNode(
                        "Main",
                        RpcMethod.anyPeer(
                                "call", (from, arguments) -> hear(from + " call " + arguments)));

        SceneMember(Deed deed) {
            super(deed);
        }

        @Override
        void poll() {
            scene.poll();
        }

        @Override
        WebSocketMultiplayerPeer peer() {
            return peer;
        }

        @Override
        public void peerConnected(int id) {
            hear(id + " connected");
        }

        @Override
        public void peerDisconnected(int id) {
            hear(id + " disconnected");
        }

        @Override
        public void connectionSucceeded() {
            hear("1 succeeded");
        }

        @Override
        public void connectionFailed() {
            hear("1 failed");
        }

        @Override
        public void serverDisconnected() {
            hear("1 gone");
        }

        @Override
        public void peerPacket(int from, byte[] bytes) {
            hear(from + " packet " + new String(bytes, UTF_8));
        }

        @Override
        public void other(int from, byte[] packet) {
            hear(from + " other");
        }

        @Override
        public void packetRefused(int id, String reason) {
            hear(id + " refused");
        }
    }

    private final List<Member> members = new ArrayList<>();

    @AfterEach
    void end() {
        members.forEach(Member::close);
    }

    private void until(Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .atMost(Duration.ofSeconds(30))
                .until(() -> {
                    members.forEach(Member::pollOnce);
                    return condition.call();
                });
    }

    private <M extends Member> M serve(M member) {
        members.add(member);
        assertThat(member.peer().createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        return member;
    }

    private <M extends Member> M join(M member, Member server) {
        members.add(member);
        assertThat(member.peer().createClient("ws://127.0.0.1:" + server.peer().getLocalPort()))
                .isEqualTo(ErrorCode.OK);
        until(() ->
                member.peer().getPeerIds().contains(1)
                        && server.about(member.peer().getUniqueId()).contains("connected"));
        return member;
    }

    private static void put(Member from, int target, String text) {
        from.peer().setTargetPeer(target);
        assertThat(from.peer().putPacket(text.getBytes(UTF_8))).isEqualTo(ErrorCode.OK);
    }

    /** Sends three packets and leaves at once: they, and then the end, are one poll's news. */
    @ParameterizedTest
    @EnumSource
    void aServerHearsOfAllWhateverItsListenerDoes(Deed deed) {
        for (Generation generation : Generation.values()) {
            members.clear();
            PeerMember server = serve(new PeerMember(generation, deed));
            PeerMember a = join(new PeerMember(generation, Deed.NOTHING), server);
            PeerMember b = join(new PeerMember(generation, Deed.NOTHING), server);
            int first = a.peer().getUniqueId();
            int second = b.peer().getUniqueId();
            for (PeerMember each : List.of(a, b)) {
                for (int i = 0; i < 3; i++) {
                    put(each, 1, "" + i);
                }
            }
            a.peer().close();
            if (generation == Generation.GODOT3) {
                b.peer().getPeer(1).send(new byte[] {9}); // no packet of that wire
            } else {
                b.peer().close();
            }
            until(() -> server.peer().getPeerIds().isEmpty() && ends(server, first, second));
            assertThat(server.about(first))
                    .containsExactly(
                            "connected", "packet 0", "packet 1", "packet 2", "disconnected");
            if (generation == Generation.GODOT3) {
                assertThat(server.about(second))
                        .containsExactly(
                                "connected",
                                "packet 0",
                                "packet 1",
                                "packet 2",
                                "refused",
                                "disconnected");
            } else {
                assertThat(server.about(second))
                        .containsExactly(
                                "connected", "packet 0", "packet 1", "packet 2", "disconnected");
            }
            members.forEach(Member::close);
        }
    }

    private static boolean ends(Member member, int... ids) {
        for (int id : ids) {
            if (!member.about(id).contains("disconnected")) {
                return false;
            }
        }
        return true;
    }

    @ParameterizedTest
    @EnumSource
    void aClientHearsOfAllWhateverItsListenerDoes(Deed deed) {
        for (Generation generation : Generation.values()) {
            members.clear();
            PeerMember server = serve(new PeerMember(generation, Deed.NOTHING));
            PeerMember b = join(new PeerMember(generation, Deed.NOTHING), server);
            PeerMember a = join(new PeerMember(generation, deed), server);
            boolean announces = generation == Generation.GODOT3;
            int second = b.peer().getUniqueId();
            until(() -> !announces || a.about(second).contains("connected"));
            for (int i = 0; i < 3; i++) {
                put(server, 0, "" + i);
            }
            server.peer().close();
            until(() -> a.about(1).contains("gone"));
            assertThat(a.about(1))
                    .containsExactly(
                            "succeeded",
                            "connected",
                            "packet 0",
                            "packet 1",
                            "packet 2",
                            "disconnected",
                            "gone");
            assertThat(a.about(second))
                    .isEqualTo(announces ? List.of("connected", "disconnected") : List.of());

            // A second life, begun while there may be news of the first.
            a.heard.clear();
            assertThat(a.peer().createClient("ws://127.0.0.1:1/")).isEqualTo(ErrorCode.OK);
            until(() -> !a.heard.isEmpty());
            assertThat(a.heard).containsExactly("1 failed");
            members.forEach(Member::close);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aScenesServerHearsOfAllWhateverItsListenerDoes(Deed deed) {
        SceneMember server = serve(new SceneMember(deed));
        SceneMember a = join(new SceneMember(Deed.NOTHING), server);
        SceneMember b = join(new SceneMember(Deed.NOTHING), server);
        int first = a.peer().getUniqueId();
        int second = b.peer().getUniqueId();
        until(() -> a.scene.getPeers().size() == 2 && b.scene.getPeers().size() == 2);
        for (SceneMember each : List.of(a, b)) {
            for (int i = 0; i < 3; i++) {
                assertThat(each.node.rpc(1, "call", i)).isEqualTo(ErrorCode.OK);
                assertThat(each.scene.sendBytes(("" + i).getBytes(UTF_8), 1))
                        .isEqualTo(ErrorCode.OK);
            }
            // To be relayed to nobody, which is refused, and then the server's to hear.
            put(each, 1, "\007\003U\0\0\0\003z");
            put(each, 1, "\004rest");
            each.scene.close();
        }
        until(() -> ends(server, first, second));
        for (int id : new int[] {first, second}) {
            assertThat(server.about(id))
                    .containsExactly(
                            "connected",
                            "call [0]",
                            "packet 0",
                            "call [1]",
                            "packet 1",
                            "call [2]",
                            "packet 2",
                            "refused",
                            "other",
                            "disconnected");
        }
        assertThat(server.peer().getPeerIds()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void aScenesClientHearsOfAllWhateverItsListenerDoes(Deed deed) {
        SceneMember server = serve(new SceneMember(Deed.NOTHING));
        SceneMember b = join(new SceneMember(Deed.NOTHING), server);
        SceneMember a = join(new SceneMember(deed), server);
        int second = b.peer().getUniqueId();
        IntSupplier known = () -> a.scene.getPeers().size();
        until(() -> known.getAsInt() == 2 && b.scene.getPeers().size() == 2);
        for (int i = 0; i < 3; i++) {
            assertThat(server.node.rpc(0, "call", i)).isEqualTo(ErrorCode.OK);
            assertThat(b.node.rpc(a.peer().getUniqueId(), "call", i)).isEqualTo(ErrorCode.OK);
        }
        until(() -> a.about(second).size() == 4);
        server.scene.close();
        until(() -> a.about(1).contains("gone"));
        assertThat(a.about(1))
                .containsExactly(
                        "succeeded",
                        "connected",
                        "call [0]",
                        "call [1]",
                        "call [2]",
                        "disconnected",
                        "gone");
        assertThat(a.about(second))
                .containsExactly("connected", "call [0]", "call [1]", "call [2]", "disconnected");
        assertThat(a.scene.getPeers()).isEmpty();
    }

    /** Wherever it was called: in the peer's poll, or in the scene's own share. */
    @Test
    void whatIsThrownIsLoggedOnceWithItsPeer() {
        try (var log = new LogCapture()) {
            SceneMember server = serve(new SceneMember(Deed.THROW));
            SceneMember a = join(new SceneMember(Deed.NOTHING), server);
            int id = a.peer().getUniqueId();
            assertThat(a.node.rpc(1, "call", 1)).isEqualTo(ErrorCode.OK);
            assertThat(a.scene.sendBytes("x".getBytes(UTF_8), 1)).isEqualTo(ErrorCode.OK);
            a.scene.close();
            until(() -> ends(server, id));
            assertThat(server.heard).hasSize(4);
            assertThat(log.warnings())
                    .hasSize(4)
                    .allMatch(line ->
                            line.contains("a callback for peer " + id)
                                    && line.contains("thrown on purpose"));
        }
    }
}
