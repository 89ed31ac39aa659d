package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.testing.NamedTests;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What users of Godot complain about: that each row of the table in core/docs/godot.md names tests
 * that exist, and the tests that have no other place.
 */
class ComplaintsTest {

    @Test
    void theTableNamesATestForEachComplaint() throws IOException {
        List<MatchResult> rows =
                Pattern.compile("(?m)^\\| (\\d+) \\|.*$")
                        .matcher(Files.readString(Path.of("docs", "godot.md")))
                        .results()
                        .toList();
        for (int i = 0; i < rows.size(); i++) {
            String row = rows.get(i).group();
            assertThat(rows.get(i).group(1)).isEqualTo("" + (i + 1));
            assertThat(NamedTests.count(row)).as(row).isPositive();
            assertThat(NamedTests.missing(row)).as(row).isEmpty();
        }
        assertThat(rows).hasSize(30);
    }

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    }

    private static String url(ServerSocket listener) {
        return "ws://127.0.0.1:" + listener.getLocalPort() + "/";
    }

    private static void pollUntil(WebSocketPeer peer, State state) {
        await().until(() -> {
            peer.poll();
            return peer.getReadyState() == state;
        });
    }

    /** Row 2: the handshake, pongs and data need no poll; the first one sees what has become. */
    @Test
    void onePollIsEnough() throws Exception {
        try (var listener = listen();
                var client = new WebSocketPeer()) {
            client.connectToUrl(url(listener));
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                raw.write(RawPeer.hex("8902 6869"));
                assertThat(raw.readFrame()).isEqualTo(new RawPeer.Frame(0x8A, "6869"));
                assertThat(client.getReadyState()).isEqualTo(State.CONNECTING);
                assertThat(client.poll()).isEqualTo(ErrorCode.OK);
                assertThat(client.getReadyState()).isEqualTo(State.OPEN);
            }
        }
    }

    /** Row 8: what does not fit is refused with a code, and all that was taken arrives in order. */
    @Test
    void aFullQueueIsACodeAndTheConnectionGoesOn() throws Exception {
        Limits limits = Limits.defaults().withOutboundBytes(100_000);
        try (var listener = listen();
                var client = new WebSocketPeer(Options.defaults().withLimits(limits))) {
            client.connectToUrl(url(listener));
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                pollUntil(client, State.OPEN);
                int sent = 0;
                for (int refused = 0; refused < 100; client.poll()) {
                    var message = String.format("%08d", sent) + "x".repeat(20_000);
                    ErrorCode code = client.sendText(message);
                    if (code == ErrorCode.OK) {
                        sent++;
                    } else {
                        assertThat(code).isEqualTo(ErrorCode.OUT_OF_MEMORY);
                        refused++;
                    }
                    assertThat(client.getCurrentOutboundBufferedAmount())
                            .isLessThanOrEqualTo(100_000);
                    assertThat(sent).as("never refused").isLessThan(100_000);
                }
                assertThat(client.getReadyState()).isEqualTo(State.OPEN);
                for (int i = 0; i < sent; i++) {
                    assertThat(new String(raw.readFrame().payload(), StandardCharsets.US_ASCII))
                            .startsWith(String.format("%08d", i));
                }
                await().until(() -> client.sendText("more") == ErrorCode.OK);
                assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("more"));
            }
        }
    }

    /** Row 9: a message and a close frame in one write. */
    @Test
    void theLastMessageBeforeACloseIsRead() throws Exception {
        try (var listener = listen();
                var client = new WebSocketPeer()) {
            client.connectToUrl(url(listener));
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                raw.write(RawPeer.hex("81046c617374 88020fa1"));
                await().until(() -> {
                    client.poll();
                    return client.getAvailablePacketCount() == 1;
                });
                assertThat(raw.readFrame().closeCode()).isEqualTo(4001);
            }
            for (int i = 0; i < 10; i++) {
                client.poll();
                assertThat(client.getReadyState()).isEqualTo(State.OPEN); // until it was taken
            }
            assertThat(client.getPacket()).isEqualTo(RawPeer.ascii("last"));
            pollUntil(client, State.CLOSED);
            assertThat(client.getCloseCode()).isEqualTo(4001);
        }
    }

    /** Row 11: whatever its length, a message leaves as one frame. */
    @ParameterizedTest
    @ValueSource(ints = {0, 125, 126, 65_535, 65_536, 1_000_000})
    void aMessageLeavesInOneFrame(int length) throws Exception {
        try (var server = WebSocketServer.serve(0, peer -> peer.send(new byte[length]));
                var raw = RawPeer.open(server.getLocalPort())) {
            RawPeer.Frame frame = raw.readFrame();
            assertThat(frame.first()).as("final and binary").isEqualTo(0x82);
            assertThat(frame.payload()).hasSize(length);
        }
    }

    /** Row 12. */
    @Test
    void theRoundTripIsTimed() throws Exception {
        try (var server = WebSocketServer.serve(0, ComplaintsTest::echo);
                var client = new WebSocketPeer()) {
            client.connectToUrl("ws://127.0.0.1:" + server.getLocalPort());
            pollUntil(client, State.OPEN);
            assertThat(client.getRoundTripTime()).isEmpty();
            assertThat(client.ping()).isEqualTo(ErrorCode.OK);
            await().until(() -> {
                client.poll();
                return client.getRoundTripTime().isPresent();
            });
            assertThat(client.getRoundTripTime().orElseThrow())
                    .isBetween(Duration.ofNanos(1), Duration.ofMinutes(1));
        }
    }

    /** Row 14: a tunnel of a proxy (RFC 9110 section 9.3.6) is a stream like any other. */
    @Test
    void aWebSocketThroughAProxysTunnel() throws Exception {
        try (var server = WebSocketServer.serve(0, ComplaintsTest::echo);
                var listener = listen()) {
            String target = "127.0.0.1:" + server.getLocalPort();
            var proxy = CompletableFuture.runAsync(() -> tunnel(listener));
            StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", listener.getLocalPort());
            stream.putData(
                    RawPeer.ascii(
                            "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"));
            var answer = new StringBuilder();
            while (answer.indexOf("\r\n\r\n") < 0) {
                answer.append((char) stream.getU8());
            }
            assertThat(answer.toString()).startsWith("HTTP/1.1 200 ");
            try (var peer =
                    WebSocketPeer.connect(stream, "ws://" + target + "/", Options.defaults())) {
                peer.sendText("through it");
                assertThat(peer.receive()).isEqualTo(Message.text("through it"));
            }
            proxy.join();
        }
    }

    /** A proxy that serves one client. */
    private static void tunnel(ServerSocket listener) {
        try (var client = new RawPeer(listener.accept())) {
            String port = client.readHead().replaceAll("(?s)CONNECT [\\d.]+:(\\d+) .*", "$1");
            try (var server =
                    new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(port))) {
                client.write(RawPeer.ascii("HTTP/1.1 200 Connection established\r\n\r\n"));
                var back =
                        Thread.ofVirtual()
                                .start(() -> {
                                    try {
                                        server.getInputStream()
                                                .transferTo(client.socket.getOutputStream());
                                        client.socket.shutdownOutput();
                                    } catch (IOException e) {
                                        // the other direction tells
                                    }
                                });
                client.socket.getInputStream().transferTo(server.getOutputStream());
                server.shutdownOutput();
                back.join();
            }
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Row 16. */
    @Test
    void anIpv6LiteralIsAUrl() throws Exception {
        byte[] loopback = new byte[16];
        loopback[15] = 1;
        try (var listener = new ServerSocket(0, 5, InetAddress.getByAddress(loopback));
                var client = new WebSocketPeer()) {
            assertThat(client.connectToUrl("ws://[::1]:" + listener.getLocalPort() + "/chat?a=b"))
                    .isEqualTo(ErrorCode.OK);
            try (var raw = new RawPeer(listener.accept())) {
                assertThat(raw.readHead())
                        .startsWith("GET /chat?a=b HTTP/1.1\r\n")
                        .contains("\r\nHost: [::1]:" + listener.getLocalPort() + "\r\n");
            }
        }
    }

    /** Row 18: what can be known at once is told at once, and the rest by a poll. */
    @Test
    void theOutcomeOfConnectingIsAPollsCode() throws Exception {
        int nobody;
        try (var listener = listen()) {
            nobody = listener.getLocalPort();
        }
        try (var client = new WebSocketPeer()) {
            for (String bad : List.of("", "ftp://localhost/", "ws://local host/", "ws://:80/")) {
                assertThat(client.connectToUrl(bad)).as(bad).isEqualTo(ErrorCode.INVALID_PARAMETER);
                assertThat(client.getFailure()).as(bad).isPresent();
            }
            assertThat(client.connectToUrl("ws://127.0.0.1:" + nobody)).isEqualTo(ErrorCode.OK);
            await().until(() -> client.poll() == ErrorCode.CONNECTION_ERROR);
            assertThat(client.getReadyState()).isEqualTo(State.CLOSED);
            assertThat(client.getFailure()).get().isInstanceOf(ConnectException.class);
        }
    }

    /** Row 20: with a code, with an empty close frame, without any. */
    @ParameterizedTest
    @CsvSource({"88020fa1, 4001, 4001", "8800, 1005, 0", "'', 1006, -1"})
    void closeCodesAreTheStandardsAndGodotsBesideThem(String last, int code, int godots)
            throws Exception {
        try (var listener = listen();
                var client = new WebSocketPeer()) {
            client.connectToUrl(url(listener));
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                pollUntil(client, State.OPEN);
                assertThat(client.getGodotCloseCode()).isEqualTo(-1);
                raw.write(RawPeer.hex(last));
                raw.socket.shutdownOutput();
                pollUntil(client, State.CLOSED);
            }
            assertThat(client.getCloseCode()).isEqualTo(code);
            assertThat(client.getGodotCloseCode()).isEqualTo(godots);
            assertThat(client.wasClosedByPeer()).isTrue();
            assertThat(client.getFailure().isPresent()).isEqualTo(code == 1006);
        }
    }

    /** Row 28: a client that offers subprotocols to a server that has none goes without. */
    @Test
    void subprotocolsThatNobodyHasAreLeftOut() throws Exception {
        try (var server = WebSocketServer.serve(0, ComplaintsTest::echo);
                var raw = RawPeer.connect(server.getLocalPort())) {
            raw.write(RawPeer.request("Sec-WebSocket-Protocol: mqtt, chat\r\n"));
            assertThat(raw.readHead())
                    .startsWith("HTTP/1.1 101 ")
                    .doesNotContain("Sec-WebSocket-Protocol");
            raw.write(RawPeer.masked(0x81, RawPeer.ascii("hi")));
            assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("hi"));
        }
    }
}
