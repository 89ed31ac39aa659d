package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.websocket.WebSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What each way to send answers in each state that its target can be in: the code of the Javadoc,
 * every time.
 */
class MultiplayerSendTest {

    /** What has become of the target when something is sent to it. */
    private enum State {
        THERE,
        /** {@code disconnectPeer}, and no poll since. */
        CLOSING,
        /** The same by force. */
        FORCED,
        /** It broke the rules, or left, and a poll has told so. */
        GONE,
        /** Nobody ever had this number. */
        UNKNOWN,
        /** Its queue is full, and stays so: it does not read. */
        FULL,
        /** Nor would it be there to get it. */
        FULL_AND_FORCED,
        /** The sender itself is closed. */
        STOPPED;

        boolean isFull() {
            return this == FULL || this == FULL_AND_FORCED;
        }

        /** The answer for it alone. */
        ErrorCode one(Generation generation) {
            return switch (this) {
                case THERE -> ErrorCode.OK;
                case FULL -> ErrorCode.OUT_OF_MEMORY;
                case STOPPED -> ErrorCode.UNCONFIGURED;
                case CLOSING, FORCED, GONE, UNKNOWN, FULL_AND_FORCED ->
                        generation == Generation.GODOT4
                                ? ErrorCode.INVALID_PARAMETER
                                : ErrorCode.FAILED;
            };
        }

        /**
         * The answer of a server for several, of which it is one: who is not there is not meant.
         */
        ErrorCode several() {
            return switch (this) {
                case FULL -> ErrorCode.OUT_OF_MEMORY;
                case STOPPED -> ErrorCode.UNCONFIGURED;
                case THERE, CLOSING, FORCED, GONE, UNKNOWN, FULL_AND_FORCED -> ErrorCode.OK;
            };
        }
    }

    /** Enough for all that a test sends, but for the message that fills a queue. */
    private static final int ROOM = 1 << 16;

    /** More than the system's buffers of a connection hold. */
    private static final int HUGE = 16 << 20;

    private static final int TIMES = 10;

    private final List<Runnable> polls = new ArrayList<>();
    private final List<WebSocketMultiplayerPeer> peers = new ArrayList<>();

    @AfterEach
    void end() {
        for (WebSocketMultiplayerPeer peer : peers) {
            List.copyOf(peer.getPeerIds()).forEach(id -> peer.disconnectPeer(id, true));
            peer.close();
        }
    }

    private WebSocketMultiplayerPeer peer(Generation generation) {
        Limits limits =
                Limits.defaults()
                        .withOutboundBytes(ROOM)
                        .withInboundBytes(ROOM)
                        .withMaxMessageBytes(2 * HUGE);
        var peer =
                new WebSocketMultiplayerPeer(
                        generation, WebSocketOptions.defaults().withLimits(limits));
        peers.add(peer);
        return peer;
    }

    /** A scene with a node. */
    private final class Scene {
        final WebSocketMultiplayerPeer peer = peer(Generation.GODOT4);
        final List<String> refused = new ArrayList<>();
        final SceneMultiplayer scene =
                new SceneMultiplayer(
                        peer,
                        new SceneMultiplayer.Listener() {
                            @Override
                            public void packetRefused(int id, String reason) {
                                refused.add(id + " " + reason);
                            }
                        });
        final SceneNode node =
                scene.addNode("Main", RpcMethod.anyPeer("hear", (from, arguments) -> {}));

        Scene() {
            polls.add(scene::poll);
        }

        int id() {
            return peer.getUniqueId();
        }

        ErrorCode call(int target, String argument) {
            return node.rpc(target, "hear", argument);
        }

        ErrorCode send(int target, String text) {
            return scene.sendBytes(("yy" + text).getBytes(UTF_8), target);
        }

        /** Has a peer confirm the number of the node. */
        void warm(int target) {
            assertThat(call(target, "")).isEqualTo(ErrorCode.OK);
            until(() -> node.side(target).confirmed);
        }
    }

    private void until(Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .atMost(Duration.ofSeconds(30))
                .until(() -> {
                    polls.forEach(Runnable::run);
                    return condition.call();
                });
    }

    private void serve(WebSocketMultiplayerPeer peer) {
        assertThat(peer.createServer(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
    }

    private void join(WebSocketMultiplayerPeer client, WebSocketMultiplayerPeer server) {
        int before = server.getPeerIds().size();
        assertThat(client.createClient("ws://127.0.0.1:" + server.getLocalPort()))
                .isEqualTo(ErrorCode.OK);
        until(() -> client.getPeerIds().contains(1) && server.getPeerIds().size() > before);
    }

    /** Brings a target, to which the peer has a connection, into a state; which number it has. */
    private int bring(WebSocketMultiplayerPeer peer, int target, State state) {
        switch (state) {
            case THERE -> {}
            case FULL -> fill(peer, target);
            case CLOSING -> peer.disconnectPeer(target);
            case FORCED -> peer.disconnectPeer(target, true);
            case FULL_AND_FORCED -> {
                fill(peer, target);
                peer.disconnectPeer(target, true);
            }
            case GONE -> {
                peer.disconnectPeer(target);
                until(() -> !peer.getPeerIds().contains(target));
            }
            case UNKNOWN -> {
                return 77;
            }
            case STOPPED -> peer.close();
        }
        return target;
    }

    /**
     * Nobody polls the target: it reads the first message and then waits for room, the second one
     * does not fit into the system's buffers.
     */
    private static void fill(WebSocketMultiplayerPeer peer, int target) {
        peer.setTargetPeer(target);
        for (int i = 0; i < 2; i++) {
            Awaitility.await()
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> peer.putPacket(new byte[HUGE]) == ErrorCode.OK);
        }
    }

    private static Stream<Arguments> generationsAndStates() {
        return Stream.of(Generation.values())
                .flatMap(generation ->
                        Stream.of(State.values()).map(state -> Arguments.of(generation, state)));
    }

    @ParameterizedTest
    @MethodSource("generationsAndStates")
    void aServersPacket(Generation generation, State state) {
        WebSocketMultiplayerPeer server = peer(generation);
        WebSocketMultiplayerPeer a = peer(generation);
        WebSocketMultiplayerPeer b = peer(generation);
        for (WebSocketMultiplayerPeer each : List.of(server, a, b)) {
            polls.add(each::poll);
        }
        serve(server);
        join(a, server);
        join(b, server);
        int target = bring(server, a.getUniqueId(), state);
        byte[] packet = {'x'};
        for (int i = 0; i < TIMES; i++) {
            server.setTargetPeer(target);
            assertThat(server.putPacket(packet)).isEqualTo(state.one(generation));
            server.setTargetPeer(-b.getUniqueId()); // the target alone, if it is there
            assertThat(server.putPacket(packet)).isEqualTo(state.several());
            if (!state.isFull()) {
                server.setTargetPeer(0);
                assertThat(server.putPacket(packet)).isEqualTo(state.several());
            }
        }
        if (!state.isFull() && state != State.STOPPED) { // and the other one has all of its packets
            until(() -> b.getAvailablePacketCount() == TIMES);
        }
    }

    @ParameterizedTest
    @MethodSource("generationsAndStates")
    void aClientsPacket(Generation generation, State state) {
        WebSocketMultiplayerPeer server = peer(generation);
        WebSocketMultiplayerPeer a = peer(generation);
        polls.add(server::poll);
        polls.add(a::poll);
        serve(server);
        join(a, server);
        bring(a, 1, state);
        ErrorCode expected =
                switch (state) {
                    case UNKNOWN -> ErrorCode.OK; // it does not ask: the server does
                    case GONE -> ErrorCode.UNCONFIGURED; // with the server
                    default -> state.one(generation);
                };
        byte[] packet = {'x'};
        for (int target : new int[] {1, 0, -77, 77}) {
            a.setTargetPeer(target);
            for (int i = 0; i < TIMES; i++) {
                assertThat(a.putPacket(packet)).isEqualTo(expected);
            }
        }
    }

    /** Which both ends know of each other's number for the node, or not yet. */
    private static Stream<Arguments> warmthsAndStates() {
        return Stream.of(true, false)
                .flatMap(warm -> Stream.of(State.values()).map(state -> Arguments.of(warm, state)));
    }

    @ParameterizedTest
    @MethodSource("warmthsAndStates")
    void aServersCall(boolean warm, State state) {
        var server = new Scene();
        var a = new Scene();
        var b = new Scene();
        serve(server.peer);
        join(a.peer, server.peer);
        join(b.peer, server.peer);
        if (warm) {
            server.warm(a.id());
            server.warm(b.id());
        }
        int other = b.id();
        int target = bring(server.peer, a.id(), state);
        String argument = "x";
        for (int i = 0; i < TIMES; i++) {
            assertThat(server.call(target, argument)).isEqualTo(state.one(Generation.GODOT4));
            assertThat(server.send(target, argument)).isEqualTo(state.one(Generation.GODOT4));
            assertThat(server.call(-other, argument)).isEqualTo(state.several());
            assertThat(server.send(-other, argument)).isEqualTo(state.several());
        }
        if (!state.isFull()) {
            assertThat(server.call(0, argument)).isEqualTo(state.several());
            assertThat(server.send(0, argument)).isEqualTo(state.several());
        }
    }

    @ParameterizedTest
    @MethodSource("warmthsAndStates")
    void aClientsCall(boolean warm, State state) {
        var server = new Scene();
        var a = new Scene();
        var b = new Scene();
        serve(server.peer);
        join(a.peer, server.peer);
        join(b.peer, server.peer);
        until(() -> a.scene.getPeers().size() == 2 && b.scene.getPeers().size() == 2);
        int other = b.id();
        if (warm) {
            a.warm(1);
            a.warm(other);
        }
        int target = bring(a.peer, 1, state);
        ErrorCode expected =
                state == State.GONE ? ErrorCode.UNCONFIGURED : state.one(Generation.GODOT4);
        String argument = "x";
        int[] targets =
                state == State.UNKNOWN ? new int[] {target} : new int[] {1, 0, other, -other, -1};
        for (int each : targets) {
            for (int i = 0; i < TIMES; i++) {
                assertThat(a.call(each, argument)).isEqualTo(expected);
                assertThat(a.send(each, argument)).isEqualTo(expected);
            }
        }
    }

    /** That somebody is not there any more is not told as a full queue, nor passed over. */
    @ParameterizedTest
    @EnumSource
    void aRelayToWhoIsGoing(Generation generation) {
        boolean four = generation == Generation.GODOT4;
        var refused = new ArrayList<String>();
        WebSocketMultiplayerPeer server = peer(generation);
        WebSocketMultiplayerPeer a = peer(generation);
        WebSocketMultiplayerPeer b = peer(generation);
        Runnable dropB = () -> server.disconnectPeer(b.getUniqueId(), true);
        if (four) {
            var listener =
                    new SceneMultiplayer.Listener() {
                        @Override
                        public void peerPacket(int from, byte[] bytes) {
                            dropB.run();
                        }

                        @Override
                        public void packetRefused(int id, String reason) {
                            refused.add(id + " " + reason);
                        }
                    };
            polls.add(new SceneMultiplayer(server, listener)::poll);
        } else {
            server.setListener(
                    new WebSocketMultiplayerPeer.Listener() {
                        @Override
                        public void peerPacket(int from) {
                            dropB.run();
                        }

                        @Override
                        public void packetRefused(int id, String reason) {
                            refused.add(id + " " + reason);
                        }
                    });
            polls.add(server::poll);
        }
        polls.add(a::poll);
        polls.add(b::poll);
        serve(server);
        join(a, server);
        join(b, server);
        int target = b.getUniqueId();
        a.setTargetPeer(1);
        assertThat(a.putPacket(new byte[] {3, 1})).isEqualTo(ErrorCode.OK);
        a.setTargetPeer(four ? 1 : target);
        byte[] relayed =
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put((byte) 7)
                        .put((byte) 3)
                        .putInt(target)
                        .put((byte) 3)
                        .put((byte) 2)
                        .array();
        assertThat(a.putPacket(four ? relayed : new byte[] {2})).isEqualTo(ErrorCode.OK);
        until(() -> !refused.isEmpty());
        assertThat(refused).containsExactly(a.getUniqueId() + " there is no peer " + target);
    }
}
