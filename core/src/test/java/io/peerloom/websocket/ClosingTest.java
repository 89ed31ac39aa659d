package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 6455 section 7 over real sockets, against a peer that knows only bytes. */
class ClosingTest {

    /** How the side under test is driven. */
    enum Api {
        POLL,
        BLOCKING
    }

    /** What was seen of a connection by the code that uses it. */
    record Ending(
            List<String> messages, int code, String reason, boolean byPeer, Throwable cause) {}

    /** Serves one connection and tells how it went; both ways of driving give the same. */
    private static Ending serveOne(
            Api api, Limits limits, Consumer<WebSocketPeer> opened, Client client)
            throws Exception {
        WebSocketOptions options = WebSocketOptions.defaults().withLimits(limits);
        var result = new CompletableFuture<Ending>();
        try (var server = new WebSocketServer()) {
            server.setOptions(options);
            if (api == Api.BLOCKING) {
                server.start(
                        0,
                        peer -> {
                            opened.accept(peer);
                            var messages = new ArrayList<String>();
                            for (Message m; (m = peer.receive()) != null; ) {
                                messages.add(m.text());
                            }
                            result.complete(ending(peer, messages));
                        });
                client.run(server.getLocalPort());
            } else {
                var messages = new ArrayList<String>();
                server.setListener(
                        new WebSocketServer.Listener() {
                            @Override
                            public void clientConnected(int id, String protocol) {
                                opened.accept(server.getPeer(id));
                            }

                            @Override
                            public void dataReceived(int id) {
                                messages.add(server.getPeer(id).takeMessage().text());
                            }

                            @Override
                            public void clientDisconnected(int id, boolean wasCleanClose) {
                                result.complete(ending(server.getPeer(id), messages));
                            }
                        });
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
                var loop =
                        Thread.ofPlatform()
                                .start(() -> {
                                    while (!result.isDone()) {
                                        server.awaitActivity(Duration.ofSeconds(1));
                                        server.poll();
                                    }
                                });
                client.run(server.getLocalPort());
                result.get(20, TimeUnit.SECONDS);
                loop.join();
            }
            return result.get(20, TimeUnit.SECONDS);
        }
    }

    private static Ending ending(WebSocketPeer peer, List<String> messages) {
        return new Ending(
                messages,
                peer.getCloseCode(),
                peer.getCloseReason(),
                peer.wasClosedByPeer(),
                peer.getFailure().orElse(null));
    }

    interface Client {
        void run(int port) throws Exception;
    }

    private static final Limits QUICK = Limits.defaults().withCloseTimeout(Duration.ofMillis(300));

    @ParameterizedTest
    @EnumSource(Api.class)
    void theOtherSidesCloseIsAnsweredWithItsCodeAndThenTheServerEndsTheStream(Api api)
            throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                raw.write(RawPeer.masked(0x81, RawPeer.ascii("last words")));
                                raw.write(RawPeer.masked(0x88, RawPeer.closePayload(4000, "bye")));
                                var frame = raw.readFrame();
                                assertThat(frame.first()).isEqualTo(0x88);
                                assertThat(frame.closeCode()).isEqualTo(4000);
                                assertThat(raw.readEnd()).isTrue();
                            }
                        });
        assertThat(end).isEqualTo(new Ending(List.of("last words"), 4000, "bye", true, null));
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void anEmptyCloseFrameIs1005AndAnsweredEmpty(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                raw.write(RawPeer.masked(0x88, new byte[0]));
                                assertThat(raw.readFrame()).isEqualTo(new RawPeer.Frame(0x88, ""));
                                assertThat(raw.readEnd()).isTrue();
                            }
                        });
        assertThat(end).isEqualTo(new Ending(List.of(), 1005, "", true, null));
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void endOfStreamWithoutACloseFrameIs1006WithItsCause(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                raw.write(RawPeer.masked(0x81, RawPeer.ascii("one")));
                                raw.write(RawPeer.masked(0x01, RawPeer.ascii("half a mess")));
                            }
                        });
        assertThat(end.messages()).containsExactly("one");
        assertThat(end.code()).isEqualTo(1006);
        assertThat(end.byPeer()).isTrue();
        assertThat(end.cause())
                .isInstanceOf(EOFException.class)
                .hasMessageContaining("inside a message");
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void aResetIs1006WithItsCauseAndWhatCameBeforeIsNotLost(Api api) throws Exception {
        var got = new CompletableFuture<Void>();
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> got.complete(null),
                        port -> {
                            var raw = RawPeer.open(port);
                            raw.write(RawPeer.masked(0x81, RawPeer.ascii("one")));
                            got.get(10, TimeUnit.SECONDS);
                            raw.write(RawPeer.masked(0x89, RawPeer.ascii("there?")));
                            // the pong shows that all before it was read
                            assertThat(raw.readFrame().first()).isEqualTo(0x8A);
                            raw.reset();
                        });
        assertThat(end.messages()).containsExactly("one");
        assertThat(end.code()).isEqualTo(1006);
        assertThat(end.cause()).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void aBrokenProtocolIsToldToTheOtherSideBeforeTheSocketGoes(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                raw.write(RawPeer.masked(0x81, RawPeer.ascii("good")));
                                raw.write(RawPeer.masked(0x83, RawPeer.ascii("bad")));
                                // unread input must not turn our close frame into a reset
                                raw.write(RawPeer.masked(0x82, new byte[200_000]));
                                assertThat(raw.readFrame().closeCode()).isEqualTo(1002);
                                assertThat(raw.readEnd()).isTrue();
                            }
                        });
        assertThat(end.messages()).containsExactly("good");
        assertThat(end.code()).isEqualTo(1002);
        assertThat(end.byPeer()).isFalse();
        assertThat(end.cause()).hasMessageContaining("opcode 3");
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void aMessageOverTheLimitIs1009(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults().withMaxMessageBytes(1000),
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                raw.write(RawPeer.hex("82 FF 00000000 7FFFFFFF 00000000"));
                                assertThat(raw.readFrame().closeCode()).isEqualTo(1009);
                            }
                        });
        assertThat(end.code()).isEqualTo(1009);
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void whatWasSentBeforeACloseLeavesBeforeTheCloseFrame(Api api) throws Exception {
        byte[] large = new byte[100_000];
        serveOne(
                api,
                Limits.defaults(),
                peer -> {
                    for (int i = 0; i < 5; i++) {
                        assertThat(peer.send(large)).isEqualTo(ErrorCode.OK);
                    }
                    peer.close(4321, "done");
                    assertThat(peer.sendText("too late")).isEqualTo(ErrorCode.FAILED);
                },
                port -> {
                    try (var raw = RawPeer.open(port)) {
                        for (int i = 0; i < 5; i++) {
                            assertThat(raw.readFrame().payload()).hasSize(100_000);
                        }
                        RawPeer.Frame ping = raw.readFrame();
                        assertThat(ping.first())
                                .as("behind so much there is a ping")
                                .isEqualTo(0x89);
                        assertThat(ping.payload()).hasSize(Long.BYTES);
                        assertThat(raw.readFrame())
                                .isEqualTo(
                                        new RawPeer.Frame(
                                                0x88,
                                                java.util.HexFormat.of()
                                                        .formatHex(
                                                                RawPeer.closePayload(
                                                                        4321, "done"))));
                        raw.write(RawPeer.masked(0x88, RawPeer.closePayload(4321, "")));
                        assertThat(raw.readEnd()).isTrue();
                    }
                });
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void dataThatComesAfterOurCloseFrameIsStillDelivered(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        Limits.defaults(),
                        peer -> peer.close(4321, "done"),
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                assertThat(raw.readFrame().closeCode()).isEqualTo(4321);
                                raw.write(RawPeer.masked(0x81, RawPeer.ascii("on its way")));
                                raw.write(RawPeer.masked(0x88, RawPeer.closePayload(4321, "")));
                                assertThat(raw.readEnd()).isTrue();
                            }
                        });
        assertThat(end).isEqualTo(new Ending(List.of("on its way"), 4321, "", false, null));
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void aCloseThatIsNeverAnsweredEndsByItsDeadline(Api api) throws Exception {
        Ending end =
                serveOne(
                        api,
                        QUICK,
                        peer -> peer.close(1000, ""),
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
                                assertThat(raw.readEnd()).isTrue(); // and nothing was answered
                            } catch (SocketException e) {
                                assertThat(e).hasMessageContaining("reset");
                            }
                        });
        assertThat(end.code()).isEqualTo(1006);
        assertThat(end.cause()).isInstanceOf(SocketTimeoutException.class);
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void bothSidesClosingAtOnceIsClean(Api api) throws Exception {
        for (int i = 0; i < 50; i++) {
            Ending end =
                    serveOne(
                            api,
                            Limits.defaults(),
                            peer -> peer.close(4001, "ours"),
                            port -> {
                                try (var raw = RawPeer.open(port)) {
                                    raw.write(
                                            RawPeer.masked(
                                                    0x88, RawPeer.closePayload(4002, "theirs")));
                                    int code = raw.readFrame().closeCode();
                                    assertThat(code).isIn(4001, 4002);
                                    assertThat(raw.readEnd()).isTrue();
                                }
                            });
            assertThat(end.code()).isEqualTo(4002);
            assertThat(end.cause()).isNull();
        }
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void aSilentPeerIsPingedAndThenDropped(Api api) throws Exception {
        Limits limits =
                Limits.defaults()
                        .withHeartbeatInterval(Duration.ofMillis(100))
                        .withHeartbeatTimeout(Duration.ofMillis(200));
        Ending end =
                serveOne(
                        api,
                        limits,
                        peer -> {},
                        port -> {
                            try (var raw = RawPeer.open(port)) {
                                var ping = raw.readFrame();
                                assertThat(ping.first()).isEqualTo(0x89);
                                raw.write(RawPeer.masked(0x8A, ping.payload()));
                                assertThat(raw.readFrame().first()).isEqualTo(0x89); // again
                                raw.drain(); // and now nothing
                            } catch (SocketException e) {
                                assertThat(e).hasMessageContaining("reset");
                            }
                        });
        assertThat(end.code()).isEqualTo(1006);
        assertThat(end.cause()).hasMessageContaining("no sign of life");
    }

    @Test
    void aHandlerThatNeverReceivesStillAnswersPingsAndCloses() throws Exception {
        var release = new CompletableFuture<Void>();
        try (var server = WebSocketServer.serve(0, peer -> release.get(20, TimeUnit.SECONDS));
                var raw = RawPeer.open(server.getLocalPort())) {
            raw.write(RawPeer.masked(0x89, RawPeer.ascii("hi")));
            assertThat(raw.readFrame()).isEqualTo(new RawPeer.Frame(0x8A, "6869"));
            raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
            assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
            release.complete(null);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1004, 1005, 1006, 1015, 1016, 2999, 5000, 999, 65_536, -1, -1000})
    void codesThatMayNotBeSentAreRefusedAtTheCall(int code) {
        try (var peer = new WebSocketPeer()) {
            assertThatThrownBy(() -> peer.close(code, "x"))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aNegativeCodeNeitherDropsTheConnectionNorClosesIt() throws Exception {
        try (WebSocketServer server = WebSocketServer.serve(0, end -> end.send(end.receive()));
                var peer = WebSocketPeer.connect("ws://localhost:" + server.getLocalPort())) {
            assertThatThrownBy(() -> peer.close(peer.getGodotCloseCode(), ""))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("abort()");
            assertThat(peer.send(Message.text("still here"))).isEqualTo(ErrorCode.OK);
            assertThat(peer.receive().text()).isEqualTo("still here");
        }
    }

    @Test
    void aReasonThatIsTooLongIsRefusedAtTheCall() {
        try (var peer = new WebSocketPeer()) {
            assertThatThrownBy(() -> peer.close(1000, "é".repeat(62)))
                    .hasMessageContaining("124 bytes");
        }
    }

    // ---- the client's side ----

    @Test
    void theClientWaitsForTheServerToEndTheStream() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketPeer()) {
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort());
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                raw.write(RawPeer.hex("81 02 6869")); // in one piece with the close
                raw.write(RawPeer.hex("88 05 0FA0 627965"));
                var frame = raw.readFrame();
                assertThat(frame.closeCode()).isEqualTo(4000);
                await().until(() -> {
                    client.poll();
                    return client.getAvailablePacketCount() == 1;
                });
                // the packet is readable although the close came with it, and the close is after it
                assertThat(client.getReadyState()).isEqualTo(State.OPEN);
                assertThat(client.poll()).isEqualTo(ErrorCode.OK);
                assertThat(client.getReadyState()).isEqualTo(State.OPEN);
                assertThat(client.getPacket()).isEqualTo(RawPeer.ascii("hi"));
                await().until(() -> {
                    client.poll();
                    return client.getReadyState() == State.CLOSED;
                });
                assertThat(client.getCloseCode()).isEqualTo(4000);
                assertThat(client.getCloseReason()).isEqualTo("bye");
                assertThat(client.wasClosedByPeer()).isTrue();
                assertThat(client.getStatus()).isEqualTo(Status.NONE);
                raw.socket.shutdownOutput();
                assertThat(raw.readEnd()).isTrue();
            }
        }
    }

    @Test
    void giveUpWhileConnectingEndsWithoutAnError() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketPeer()) {
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort());
            try (var raw = new RawPeer(listener.accept())) {
                raw.readHead();
                client.close(1000, "");
                assertThat(client.poll()).isEqualTo(ErrorCode.OK);
                assertThat(client.getReadyState()).isEqualTo(State.CLOSED);
                assertThat(client.getStatus()).isEqualTo(Status.NONE);
                assertThat(raw.readEnd()).isTrue();
            }
        }
    }

    @Test
    void aHandshakeThatIsNeverAnsweredFailsByItsDeadline() throws Exception {
        Limits limits = Limits.defaults().withHandshakeTimeout(Duration.ofMillis(200));
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketPeer(WebSocketOptions.defaults().withLimits(limits))) {
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort());
            var results = new ArrayList<ErrorCode>();
            await().until(() -> {
                client.awaitActivity(Duration.ofMillis(100));
                results.add(client.poll());
                return client.getReadyState() == State.CLOSED;
            });
            assertThat(results.get(results.size() - 1)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(client.getStatus()).isEqualTo(Status.ERROR);
            assertThat(client.getCloseCode()).isEqualTo(1006);
            assertThat(client.getGodotCloseCode()).isEqualTo(-1);
            assertThat(client.getFailure())
                    .get()
                    .isInstanceOf(SocketTimeoutException.class)
                    .asString()
                    .contains("200 ms");
        }
    }

    /** RFC 6455 section 7.1.7 and 5.5.1: what came before was good, and is answered. */
    @ParameterizedTest
    @CsvSource({"c100, 1002", "8800, 1005", "880203e9, 1001", "8101ff, 1007"})
    void theAnswersToEarlierMessagesGoOutFirst(String last, int code) throws Exception {
        byte[] wire = RawPeer.hex(last);
        byte[] payload = Arrays.copyOfRange(wire, 2, wire.length);
        try (var server = new WebSocketServer()) {
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void dataReceived(int id) {
                            WebSocketPeer peer = server.getPeer(id);
                            peer.send(peer.takeMessage());
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            var stop = new AtomicBoolean();
            Thread loop =
                    Thread.ofPlatform()
                            .start(() -> {
                                while (!stop.get()) {
                                    server.awaitActivity(Duration.ofSeconds(20));
                                    server.poll();
                                }
                            });
            try {
                for (int round = 0; round < 50; round++) {
                    try (RawPeer raw = RawPeer.open(server.getLocalPort())) {
                        var all = new ByteArrayOutputStream();
                        for (int i = 0; i < 5; i++) {
                            all.writeBytes(RawPeer.masked(0x82, new byte[] {(byte) i}));
                        }
                        all.writeBytes(RawPeer.masked(wire[0] & 0xFF, payload));
                        raw.write(all.toByteArray());
                        for (int i = 0; i < 5; i++) {
                            assertThat(raw.readFrame().payload()).containsExactly(i);
                        }
                        RawPeer.Frame close = raw.readFrame();
                        assertThat(close.first()).isEqualTo(0x88);
                        assertThat(close.payload().length == 0 ? 1005 : close.closeCode())
                                .isEqualTo(code);
                        assertThat(raw.readEnd()).isTrue();
                    }
                }
            } finally {
                stop.set(true);
                server.wakeup();
                loop.join();
            }
        }
    }

    /** Who does not poll has no answers to wait for: the close is answered all the same. */
    @Test
    void nobodyNeedPollForACloseToBeAnswered() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketPeer()) {
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort());
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                raw.write(RawPeer.hex("810161 880203e9"));
                assertThat(raw.readFrame().closeCode()).isEqualTo(1001);
            }
        }
    }
}
