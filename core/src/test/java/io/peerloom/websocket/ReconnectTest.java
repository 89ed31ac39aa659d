package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * A WebSocket that is connected again while its last connection is closing, as Godot 4.3 and later
 * allow: the old one sees its close through by itself, and nothing of it is seen in the new one.
 */
class ReconnectTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** How the old connection came to be closing. */
    private enum Closing {
        OWN_CLOSE,
        OWN_CLOSE_WITH_PACKETS_LEFT,
        BOTH_CLOSE,
        DROPPED,
        GIVEN_UP_CONNECTING
    }

    /** What the old connection's other side then does. */
    private enum Old {
        ANSWERS,
        ANSWERS_AFTER_MESSAGES,
        IS_SILENT,
        RESETS
    }

    /** By which call it is connected again. */
    private enum Again {
        URL,
        STREAM,
        ACCEPT
    }

    private static final Duration CLOSE_TIMEOUT = Duration.ofMillis(500);

    private static WebSocketPeer newPeer() {
        var limits = Limits.defaults().withCloseTimeout(CLOSE_TIMEOUT);
        return new WebSocketPeer(WebSocketOptions.defaults().withLimits(limits));
    }

    private static String url(ServerSocket listener) {
        return "ws://127.0.0.1:" + listener.getLocalPort() + "/";
    }

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    private static void poll(Peer peer, java.util.concurrent.Callable<Boolean> until) {
        await().atMost(PATIENCE)
                .pollInSameThread()
                .until(() -> {
                    peer.awaitActivity(Duration.ofMillis(20));
                    assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                    return until.call();
                });
    }

    @TestFactory
    Stream<DynamicTest> whileClosing() {
        return Stream.of(Closing.values())
                .flatMap(closing ->
                        Stream.of(Old.values())
                                .flatMap(old ->
                                        Stream.of(Again.values())
                                                .map(again ->
                                                        DynamicTest.dynamicTest(
                                                                closing + " " + old + " " + again,
                                                                () ->
                                                                        check(
                                                                                closing, old,
                                                                                again)))));
    }

    private static void check(Closing closing, Old old, Again again) throws Exception {
        try (var listener = listen();
                WebSocketPeer peer = newPeer()) {
            assertThat(peer.connectToUrl(url(listener))).isEqualTo(ErrorCode.OK);
            try (var one = new RawPeer(listener.accept())) {
                beginToClose(closing, peer, one);
                assertThat(peer.getReadyState()).isEqualTo(State.CLOSING);
                WebSocketConnection before = peer.connection();

                try (RawPeer two = again(again, peer, listener)) {
                    assertThat(peer.getReadyState()).isEqualTo(State.CONNECTING);
                    assertThat(peer.getCloseCode()).isEqualTo(-1);
                    assertThat(peer.getFailure()).isEmpty();
                    assertThat(peer.getAvailablePacketCount()).isZero();
                    finishOld(closing, old, one);
                    if (again == Again.ACCEPT) {
                        two.write(RawPeer.request(""));
                        assertThat(two.readHead()).startsWith("HTTP/1.1 101 ");
                    } else {
                        two.answer("");
                    }
                    poll(peer, () -> peer.getReadyState() == State.OPEN);

                    // the old one ends, once, by its own deadline at the latest
                    poll(peer, () -> before.phase() == WebSocketConnection.Phase.ENDED);
                    assertThat(peer.getReadyState()).isEqualTo(State.OPEN);
                    assertThat(peer.getFailure()).isEmpty();
                    assertThat(peer.getAvailablePacketCount()).isZero();
                    assertThat(before.outcome().clean())
                            .isEqualTo(
                                    closing == Closing.BOTH_CLOSE
                                            || (closing.name().startsWith("OWN")
                                                    && old.name().startsWith("ANSWERS")));

                    // and the new one works
                    assertThat(peer.sendText("new")).isEqualTo(ErrorCode.OK);
                    assertThat(two.readFrame().payload()).isEqualTo(RawPeer.ascii("new"));
                    byte[] hello = RawPeer.ascii("hello");
                    two.write(
                            again == Again.ACCEPT
                                    ? RawPeer.masked(0x81, hello)
                                    : RawPeer.hex("81 05 68656c6c6f"));
                    poll(peer, () -> peer.getAvailablePacketCount() > 0);
                    assertThat(peer.getPacket()).isEqualTo(hello);
                    peer.close(4000, "");
                    assertThat(two.readFrame().closeCode()).isEqualTo(4000);
                    byte[] reply = RawPeer.closePayload(4000, "");
                    two.write(
                            again == Again.ACCEPT
                                    ? RawPeer.masked(0x88, reply)
                                    : RawPeer.hex("88 02 0fa0"));
                    poll(peer, () -> peer.getReadyState() == State.CLOSED);
                    assertThat(peer.getCloseCode()).isEqualTo(4000);
                }
            }
        }
    }

    private static void beginToClose(Closing closing, WebSocketPeer peer, RawPeer one)
            throws Exception {
        if (closing == Closing.GIVEN_UP_CONNECTING) {
            one.readHead();
            peer.close();
            return;
        }
        one.answer("");
        poll(peer, () -> peer.getReadyState() == State.OPEN);
        switch (closing) {
            case OWN_CLOSE -> {
                assertThat(peer.sendText("last of one")).isEqualTo(ErrorCode.OK);
                peer.close(4001, "one");
                assertThat(one.readFrame().payload()).isEqualTo(RawPeer.ascii("last of one"));
                assertThat(one.readFrame().closeCode()).isEqualTo(4001);
            }
            case OWN_CLOSE_WITH_PACKETS_LEFT -> {
                one.write(RawPeer.hex("81 03 6f6c64"));
                poll(peer, () -> peer.getAvailablePacketCount() == 1);
                peer.close(4001, "one");
                assertThat(one.readFrame().closeCode()).isEqualTo(4001);
            }
            case BOTH_CLOSE -> {
                one.write(RawPeer.hex("88 02 0fa1"));
                assertThat(one.readFrame().closeCode()).isEqualTo(4001); // its answer
                peer.close(); // before a poll has seen it
            }
            case DROPPED -> peer.abort();
            default -> throw new AssertionError(closing);
        }
    }

    private static RawPeer again(Again again, WebSocketPeer peer, ServerSocket listener)
            throws IOException {
        if (again == Again.URL) {
            assertThat(peer.connectToUrl(url(listener))).isEqualTo(ErrorCode.OK);
            return new RawPeer(listener.accept());
        }
        StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", listener.getLocalPort());
        var two = new RawPeer(listener.accept());
        assertThat(
                        again == Again.STREAM
                                ? peer.connectToStream(stream, "ws://localhost/")
                                : peer.acceptStream(stream))
                .isEqualTo(ErrorCode.OK);
        return two;
    }

    private static void finishOld(Closing closing, Old old, RawPeer one) throws IOException {
        boolean open = closing.name().startsWith("OWN");
        switch (old) {
            case ANSWERS -> {
                if (open) {
                    one.write(RawPeer.hex("88 02 0fa1"));
                    one.socket.shutdownOutput();
                }
            }
            case ANSWERS_AFTER_MESSAGES -> {
                if (open) {
                    for (int i = 0; i < 100; i++) {
                        one.write(RawPeer.hex("81 03 6f6c64"));
                    }
                    one.write(RawPeer.hex("88 02 0fa1"));
                    one.socket.shutdownOutput();
                }
            }
            case IS_SILENT -> {}
            case RESETS -> one.reset();
        }
    }

    /** In the other states, and with what cannot be, nothing changes. */
    @Test
    void onlyWhileClosingOrClosed() throws Exception {
        try (var listener = listen();
                WebSocketPeer peer = newPeer()) {
            String url = url(listener);
            assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
            assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.ALREADY_IN_USE);
            try (var one = new RawPeer(listener.accept())) {
                one.answer("");
                poll(peer, () -> peer.getReadyState() == State.OPEN);
                assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.ALREADY_IN_USE);
                peer.close(4001, "one");
                assertThat(peer.connectToUrl("ftp://nobody"))
                        .isEqualTo(ErrorCode.INVALID_PARAMETER);
                assertThat(peer.getFailure()).isPresent();
                assertThat(peer.getReadyState()).isEqualTo(State.CLOSING); // Godot's is CLOSED
                assertThat(one.readFrame().closeCode()).isEqualTo(4001);
                one.write(RawPeer.hex("88 02 0fa1"));
                poll(peer, () -> peer.getReadyState() == State.CLOSED);
                assertThat(peer.getCloseCode()).isEqualTo(4001);
            }
        }
    }

    /** The stream of the old connection is no stream for the new one. */
    @Test
    void notOverTheStreamThatIsClosing() throws Exception {
        try (var listener = listen();
                WebSocketPeer peer = newPeer()) {
            StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", listener.getLocalPort());
            assertThat(peer.connectToStream(stream, "ws://localhost/")).isEqualTo(ErrorCode.OK);
            try (var one = new RawPeer(listener.accept())) {
                one.answer("");
                poll(peer, () -> peer.getReadyState() == State.OPEN);
                peer.close(4001, "");
                assertThat(peer.connectToStream(stream, "ws://localhost/"))
                        .isEqualTo(ErrorCode.INVALID_PARAMETER);
                assertThat(peer.acceptStream(stream)).isEqualTo(ErrorCode.INVALID_PARAMETER);
                assertThat(one.readFrame().closeCode()).isEqualTo(4001);
            }
        }
    }

    /** A close by another thread that comes late is the old connection's, never the new one's. */
    @Test
    void aLateCloseIsNotTheNewOnes() throws Exception {
        try (var listener = listen();
                WebSocketPeer peer = newPeer()) {
            peer.connectToUrl(url(listener));
            try (var one = new RawPeer(listener.accept())) {
                one.answer("");
                poll(peer, () -> peer.getReadyState() == State.OPEN);
                WebSocketConnection before = peer.connection();
                peer.close(4001, "");
                assertThat(peer.connectToUrl(url(listener))).isEqualTo(ErrorCode.OK);
                before.closeCalled(); // what the other thread's close then does
                before.close(RawPeer.closePayload(4001, ""));
                try (var two = new RawPeer(listener.accept())) {
                    assertThat(peer.getReadyState()).isEqualTo(State.CONNECTING);
                    two.answer("");
                    poll(peer, () -> peer.getReadyState() == State.OPEN);
                }
            }
        }
    }

    /** Of each connection that was opened, the client with callbacks tells the end once. */
    @Test
    void theClientTellsOfBoth() throws Exception {
        var heard = new ArrayList<String>();
        try (var listener = listen();
                var client = new WebSocketClient()) {
            client.setListener(
                    new WebSocketClient.Listener() {
                        @Override
                        public void connectionEstablished(String protocol) {
                            heard.add("open");
                        }

                        @Override
                        public void connectionClosed(boolean wasCleanClose) {
                            heard.add("closed " + wasCleanClose);
                        }

                        @Override
                        public void connectionError() {
                            heard.add("error");
                        }

                        @Override
                        public void dataReceived() {
                            heard.add(client.getPeer(1).takeMessage().text());
                        }
                    });
            assertThat(client.connectToUrl(url(listener))).isEqualTo(ErrorCode.OK);
            try (var one = new RawPeer(listener.accept())) {
                one.answer("");
                poll(client, () -> client.getPeer(1).getReadyState() == State.OPEN);
                client.disconnectFromHost(4001, "");
                assertThat(client.connectToUrl(url(listener), List.of("x"), List.of()))
                        .isEqualTo(ErrorCode.OK);
                assertThat(heard).containsExactly("open"); // callbacks come from polls alone
                assertThat(client.awaitActivity(Duration.ZERO)).isTrue();
                try (var two = new RawPeer(listener.accept())) {
                    client.poll();
                    assertThat(heard).containsExactly("open", "closed false");
                    assertThat(one.readFrame().closeCode()).isEqualTo(4001);
                    one.write(RawPeer.hex("81 03 6f6c64"));
                    one.write(RawPeer.hex("88 02 0fa1"));
                    one.socket.shutdownOutput();
                    assertThat(one.readEnd()).isTrue();
                    two.answer("Sec-WebSocket-Protocol: x\r\n");
                    two.write(RawPeer.hex("81 03 6e6577"));
                    poll(client, () -> heard.contains("new"));
                    two.write(RawPeer.hex("88 02 03e8"));
                    poll(client, () -> client.getPeer(1).getReadyState() == State.CLOSED);
                    client.poll();
                    assertThat(heard)
                            .containsExactly("open", "closed false", "open", "new", "closed true");
                }
            }
        }
    }
}
