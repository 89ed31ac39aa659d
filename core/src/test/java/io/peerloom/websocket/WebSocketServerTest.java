package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server answers, whom it lets in, and whom it tells; RFC 6455 section 4.2. */
class WebSocketServerTest {

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    /** What a server answers to bytes. */
    private static String answer(WebSocketServer server, String request) throws IOException {
        try (var raw = RawPeer.connect(server.getLocalPort())) {
            raw.write(RawPeer.ascii(request));
            return raw.readAll();
        }
    }

    private static String upgrade(String more) {
        return new String(RawPeer.request(more), java.nio.charset.StandardCharsets.US_ASCII);
    }

    @Test
    void theHandshakeSampleOfTheStandard() throws Exception {
        try (var server = WebSocketServer.serve(0, WebSocketServerTest::echo);
                var raw = RawPeer.connect(server.getLocalPort())) {
            raw.write(RawPeer.request(""));
            assertThat(raw.readHead())
                    .isEqualTo(
                            """
                            HTTP/1.1 101 Switching Protocols\r
                            Upgrade: websocket\r
                            Connection: Upgrade\r
                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                            \r
                            """);
        }
    }

    @Test
    void framesThatComeWithTheRequestAreNotLost() throws Exception {
        try (var server = WebSocketServer.serve(0, WebSocketServerTest::echo);
                var raw = RawPeer.connect(server.getLocalPort())) {
            byte[] head = RawPeer.request("");
            byte[] frame = RawPeer.masked(0x81, RawPeer.ascii("early"));
            byte[] both = new byte[head.length + frame.length];
            System.arraycopy(head, 0, both, 0, head.length);
            System.arraycopy(frame, 0, both, head.length, frame.length);
            raw.write(both);
            raw.readHead();
            assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("early"));
        }
    }

    @Test
    void badRequestsAreAnsweredWithAStatusThatFits() throws Exception {
        Limits limits =
                Limits.defaults()
                        .withMaxHeadBytes(1024)
                        .withHandshakeTimeout(Duration.ofSeconds(2));
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withLimits(limits));
            server.start(0, WebSocketServerTest::echo);
            assertThat(answer(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                    .startsWith("HTTP/1.1 426 ")
                    .contains("\r\nSec-WebSocket-Version: 13\r\n");
            assertThat(answer(server, upgrade("").replace("Version: 13", "Version: 8")))
                    .startsWith("HTTP/1.1 426 ");
            assertThat(answer(server, upgrade("").replace("GET", "POST")))
                    .startsWith("HTTP/1.1 405 ");
            assertThat(answer(server, upgrade("X: " + "y".repeat(2000) + "\r\n")))
                    .startsWith("HTTP/1.1 431 ");
            assertThat(answer(server, upgrade("Transfer-Encoding: chunked\r\n")))
                    .startsWith("HTTP/1.1 400 ");
            assertThat(answer(server, "\u0016\u0003\u0001 this is TLS\r\n\r\n"))
                    .startsWith("HTTP/1.1 400 ");
        }
    }

    @Test
    void aSlowRequestIsAnswered408ByItsAbsoluteDeadline() throws Exception {
        Limits limits = Limits.defaults().withHandshakeTimeout(Duration.ofMillis(300));
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withLimits(limits));
            server.start(0, WebSocketServerTest::echo);
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.ascii("GET / HT"));
                assertThat(raw.readAll()).startsWith("HTTP/1.1 408 ");
            }
        }
    }

    @Test
    void pagesOfOtherOriginsAreKeptOut() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(
                    server.getOptions().withOrigins(OriginPolicy.of("https://game.example")));
            server.start(0, WebSocketServerTest::echo);
            assertThat(answer(server, upgrade("Origin: http://evil.example\r\n")))
                    .startsWith("HTTP/1.1 403 ");
            assertThat(answer(server, upgrade("Origin: https://game.example.evil.example\r\n")))
                    .startsWith("HTTP/1.1 403 ");
            for (String origin : List.of("http://localhost", "https://game.example")) {
                try (var raw = RawPeer.connect(server.getLocalPort())) {
                    raw.write(RawPeer.request("Origin: " + origin + "\r\n"));
                    assertThat(raw.readHead()).as(origin).startsWith("HTTP/1.1 101 ");
                }
            }
        }
    }

    private static UpgradeResponse decide(UpgradeRequest request) {
        if (!request.isUpgrade()) {
            return UpgradeResponse.page("<p>hello</p>").withHeader("X-Seen", request.path());
        }
        return request.header("Authorization").filter("token"::equals).isPresent()
                ? UpgradeResponse.accept().withHeader("X-Room", request.query())
                : UpgradeResponse.refuse(401);
    }

    private static void checkDecisions(WebSocketServer server) throws IOException {
        assertThat(answer(server, "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .startsWith("HTTP/1.1 200 ")
                .contains("X-Seen: /page")
                .endsWith("<p>hello</p>");
        assertThat(answer(server, upgrade(""))).startsWith("HTTP/1.1 401 ");
        try (var raw = RawPeer.connect(server.getLocalPort())) {
            raw.write(
                    RawPeer.ascii(
                            upgrade("Authorization: token\r\n").replace("/chat", "/chat?room=7")));
            assertThat(raw.readHead()).startsWith("HTTP/1.1 101 ").contains("X-Room: room=7");
        }
    }

    @Test
    void theUpgradeHandlerOfABlockingServerDecides() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(WebSocketServerTest::decide);
            server.start(0, WebSocketServerTest::echo);
            checkDecisions(server);
        }
    }

    @Test
    void theUpgradeHandlerOfAPolledServerDecidesInPoll() throws Exception {
        try (var server = new WebSocketServer()) {
            var threads = new ArrayList<Thread>();
            server.setUpgradeHandler(request -> {
                threads.add(Thread.currentThread());
                return decide(request);
            });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            var checked =
                    CompletableFuture.runAsync(
                            () -> {
                                try {
                                    checkDecisions(server);
                                } catch (IOException e) {
                                    throw new AssertionError(e);
                                } finally {
                                    server.wakeup();
                                }
                            },
                            task -> Thread.ofVirtual().start(task));
            while (!checked.isDone()) {
                server.awaitActivity(Duration.ofSeconds(1));
                server.poll();
            }
            checked.get(1, TimeUnit.SECONDS);
            assertThat(threads).hasSize(3).containsOnly(Thread.currentThread());
        }
    }

    private static UpgradeResponse stumble(UpgradeRequest request) {
        return switch (request.path()) {
            case "/null" -> null;
            case "/throw" -> throw new IllegalStateException("a handler's own failure");
            case "/inject" -> UpgradeResponse.accept().withHeader("X", "a\r\nSet-Cookie: b");
            case "/twice" -> UpgradeResponse.accept().withHeader("sec-websocket-accept", "x");
            case "/refuse" -> UpgradeResponse.refuse(403).withHeader("Content-Length", "7");
            case "/type" -> UpgradeResponse.respond(200, "text/html\r\nX: y", new byte[1]);
            default -> UpgradeResponse.accept();
        };
    }

    /** It fails at its call, the client hears of nothing else, and no place is lost. */
    private static void checkStumbles(WebSocketServer server) throws IOException {
        for (String path : List.of("null", "throw", "inject", "twice", "refuse", "type")) {
            assertThat(answer(server, upgrade("").replace("/chat", "/" + path)))
                    .as(path)
                    .startsWith("HTTP/1.1 500 ")
                    .doesNotContain("own failure", "Cookie");
            assertThat(answer(server, "GET /" + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                    .as(path)
                    .startsWith("HTTP/1.1 500 ");
        }
        RawPeer.open(server.getLocalPort()).close();
    }

    @Test
    void anUpgradeHandlerThatFailsIsAnswered500AndItsPlaceIsFreeAgain() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setMaxPendingHandshakes(6); // half as many as fail
            server.setUpgradeHandler(WebSocketServerTest::stumble);
            server.start(0, WebSocketServerTest::echo);
            checkStumbles(server);
        }
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(WebSocketServerTest::stumble);
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            var checked =
                    CompletableFuture.runAsync(
                            () -> {
                                try {
                                    checkStumbles(server);
                                } catch (IOException e) {
                                    throw new AssertionError(e);
                                } finally {
                                    server.wakeup();
                                }
                            },
                            task -> Thread.ofVirtual().start(task));
            int thrown = 0;
            while (!checked.isDone()) {
                server.awaitActivity(Duration.ofSeconds(1));
                try {
                    server.poll();
                } catch (IllegalArgumentException
                        | IllegalStateException
                        | NullPointerException e) {
                    thrown++;
                }
            }
            checked.get(1, TimeUnit.SECONDS);
            assertThat(thrown).isEqualTo(12);
        }
    }

    @Test
    void theFirstOfTheClientsSubprotocolsThatIsOursIsSpoken() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withProtocols("alpha", "beta"));
            server.start(0, WebSocketServerTest::echo);
            String url = "ws://127.0.0.1:" + server.getLocalPort();
            try (var peer =
                    WebSocketPeer.connect(
                            url,
                            WebSocketOptions.defaults().withProtocols("gamma", "beta", "alpha"))) {
                assertThat(peer.getSelectedProtocol()).isEqualTo("beta");
            }
            try (var peer = WebSocketPeer.connect(url)) {
                assertThat(peer.getSelectedProtocol()).isEmpty();
            }
        }
    }

    @Test
    void connectionsOverTheBoundsAreTurnedAway() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setMaxConnections(2);
            server.start(0, WebSocketServerTest::echo);
            try (var one = RawPeer.open(server.getLocalPort());
                    var two = RawPeer.open(server.getLocalPort())) {
                try (var three = RawPeer.connect(server.getLocalPort())) {
                    assertThat(three.readAll()).startsWith("HTTP/1.1 503 ");
                }
                two.write(RawPeer.masked(0x88, new byte[0]));
                assertThat(two.readFrame().first()).isEqualTo(0x88);
                assertThat(two.readEnd()).isTrue();
                one.write(RawPeer.masked(0x81, RawPeer.ascii("still here")));
                assertThat(one.readFrame().payload()).isEqualTo(RawPeer.ascii("still here"));
            }
            await().untilAsserted(() -> RawPeer.open(server.getLocalPort()).close());
        }
    }

    @Test
    void aTakenPortIsAnErrorWithItsCause() throws Exception {
        try (var first = WebSocketServer.serve(0, WebSocketServerTest::echo);
                var second = new WebSocketServer()) {
            int port = first.getLocalPort();
            assertThat(second.listen(port)).isEqualTo(ErrorCode.ALREADY_IN_USE);
            assertThat(second.getFailure()).get().isInstanceOf(BindException.class);
            assertThatThrownBy(() -> WebSocketServer.serve(port, WebSocketServerTest::echo))
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining(Integer.toString(port));
            second.setBindIp("not an address");
            assertThat(second.listen(0)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        }
    }

    @Test
    void aHandlerThatThrowsClosesWith1011AndTheOthersGoOn() throws Exception {
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            if (peer.receive().text().equals("throw")) {
                                throw new IllegalStateException("a handler's own failure");
                            }
                            echo(peer);
                        })) {
            String url = "ws://127.0.0.1:" + server.getLocalPort();
            try (var bad = WebSocketPeer.connect(url);
                    var good = WebSocketPeer.connect(url)) {
                good.sendText("go on");
                bad.sendText("throw");
                assertThat(bad.receive()).isNull();
                assertThat(bad.getCloseCode()).isEqualTo(1011);
                good.sendText("a");
                assertThat(good.receive().text()).isEqualTo("a");
            }
        }
    }

    private static int idOf(WebSocketServer server, RawPeer client) {
        return server.getPeerIds().stream()
                .filter(id -> server.getPeerPort(id) == client.socket.getLocalPort())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aBroadcastReachesAllAndTellsWhomItDidNotReachAndWhy() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(
                    WebSocketOptions.defaults()
                            .withLimits(Limits.defaults().withOutboundMessages(4)));
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var fast = RawPeer.connect(server.getLocalPort());
                    var slow = RawPeer.connect(server.getLocalPort())) {
                for (RawPeer raw : List.of(fast, slow)) {
                    raw.write(RawPeer.request(""));
                    raw.readHead();
                }
                await().until(() -> {
                    server.poll();
                    return server.getPeerIds().size() == 2;
                });
                byte[] large = new byte[100_000];
                int sent = 0;
                Map<Integer, ErrorCode> missed = Map.of();
                // the slow one's buffers fill, in the system and here; then it alone misses some
                while (missed.isEmpty()) {
                    assertThat(sent++).isLessThan(10_000);
                    missed = server.broadcast(large);
                    assertThat(fast.readFrame().payload()).hasSize(100_000);
                }
                int slowId = idOf(server, slow);
                assertThat(missed).isEqualTo(Map.of(slowId, ErrorCode.OUT_OF_MEMORY));

                // one that is closing is another case, and only who is asked for is told of
                int fastId = idOf(server, fast);
                server.disconnectPeer(fastId);
                var both = Map.of(fastId, ErrorCode.FAILED, slowId, ErrorCode.OUT_OF_MEMORY);
                await().until(() -> server.broadcast(large).equals(both));
                Message message = Message.binary(large);
                assertThat(server.broadcast(message, id -> id == fastId))
                        .isEqualTo(Map.of(fastId, ErrorCode.FAILED));
                assertThat(server.broadcast(message, id -> false)).isEmpty();
                assertThat(slow.readFrame().payload()).hasSize(100_000);
            }
        }
    }

    @Test
    void webSocketsOverAUnixSocket(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("ws.sock");
        try (var server = new WebSocketServer()) {
            server.start(socket, WebSocketServerTest::echo);
            try (var peer =
                    WebSocketPeer.connect(
                            StreamPeerUDS.connect(socket),
                            "ws://localhost/chat",
                            WebSocketOptions.defaults())) {
                peer.sendText("over a file");
                assertThat(peer.receive().text()).isEqualTo("over a file");
            }
        }
        assertThat(Files.exists(socket)).isFalse();
    }

    @Test
    void acceptStreamTakesWhatGodotsServerWouldTake() throws Exception {
        try (var listener = new TCPServer();
                var server = new WebSocketPeer();
                var client = new WebSocketPeer()) {
            assertThat(listener.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort() + "/a?b");
            assertThat(listener.awaitConnection(Duration.ofSeconds(20))).isTrue();
            assertThat(server.acceptStream(listener.takeConnection())).isEqualTo(ErrorCode.OK);
            assertThat(server.getReadyState()).isEqualTo(State.CONNECTING);
            await().until(() -> {
                server.poll();
                client.poll();
                return server.getReadyState() == State.OPEN && client.getReadyState() == State.OPEN;
            });
            assertThat(server.getRequestedUrl())
                    .isEqualTo("ws://127.0.0.1:" + listener.getLocalPort() + "/a?b");
            assertThat(server.getConnectedHost()).isEqualTo("127.0.0.1");
            server.sendText("from the server");
            await().until(() -> {
                client.poll();
                return client.getAvailablePacketCount() == 1;
            });
            assertThat(client.getPacket()).isEqualTo(RawPeer.ascii("from the server"));
            assertThat(client.wasStringPacket()).isTrue();
            server.close(3000, "enough");
            await().until(() -> {
                server.poll();
                client.poll();
                return server.getReadyState() == State.CLOSED
                        && client.getReadyState() == State.CLOSED;
            });
            assertThat(client.getCloseCode()).isEqualTo(3000);
            assertThat(server.getCloseCode()).isEqualTo(3000);
            assertThat(server.wasClosedByPeer()).isFalse();
        }
    }

    /** Godot 3's {@code set_buffers}; its sizes are in KiB. */
    @Test
    void buffersAreSetBeforeListening() throws Exception {
        try (var server = new WebSocketServer()) {
            assertThat(server.setBuffers(1, 2, 3, 4)).isEqualTo(ErrorCode.OK);
            assertThat(server.getOptions().limits().outboundBytes()).isEqualTo(3072);
            server.start(0, WebSocketServerTest::echo);
            assertThat(server.setBuffers(9, 9, 9, 9)).isEqualTo(ErrorCode.FAILED);
            try (var client = RawPeer.open(server.getLocalPort())) {
                client.write(RawPeer.masked(0x82, new byte[1024]));
                assertThat(client.readFrame().payload()).hasSize(1024);
                client.write(RawPeer.masked(0x82, new byte[1025]));
                assertThat(client.readFrame().closeCode()).isEqualTo(1009);
            }
        }
    }

    /** RFC 6455 section 5.5.3: each ping has its pong, unless there are far too many. */
    @Test
    void pingsAreAnsweredInTheirOrder() throws Exception {
        try (var server = WebSocketServer.serve(0, WebSocketServerTest::echo);
                RawPeer client = RawPeer.open(server.getLocalPort())) {
            var pings = new ByteArrayOutputStream();
            for (int i = 0; i < 30; i++) {
                pings.writeBytes(RawPeer.masked(0x89, new byte[] {(byte) i}));
            }
            client.write(pings.toByteArray());
            for (int i = 0; i < 30; i++) {
                assertThat(client.readFrame()).isEqualTo(new RawPeer.Frame(0x8A, hex(i)));
            }
        }
    }

    private static String hex(int value) {
        return String.format("%02x", value);
    }

    @Test
    void ofAFloodOfPingsTheLastIsAnswered() throws Exception {
        try (var server = WebSocketServer.serve(0, WebSocketServerTest::echo);
                RawPeer client = RawPeer.open(server.getLocalPort())) {
            for (int i = 0; i < 100; i++) {
                var pings = new ByteArrayOutputStream();
                for (int j = 0; j < 100; j++) {
                    pings.writeBytes(RawPeer.masked(0x89, new byte[] {(byte) i, (byte) j}));
                }
                client.write(pings.toByteArray());
            }
            int last = -1;
            while (last != (99 << 8 | 99)) {
                byte[] payload = client.readFrame().payload();
                int number = payload[0] << 8 | payload[1];
                assertThat(number).as("in their order, none twice").isGreaterThan(last);
                last = number;
            }
        }
    }

    /** Too much for the buffers of the system, so that who does not read it has the writer wait. */
    private static final int TOO_MUCH = 64 << 20;

    @Test
    void inOnePollThoseWhoDoNotReadHoldNobodyUp() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(
                    WebSocketOptions.defaults()
                            .withLimits(
                                    Limits.defaults()
                                            .withWriteTimeout(Duration.ofSeconds(60))
                                            .withOutboundBytes(2 * TOO_MUCH)));
            Message tooMuch = Message.binary(new byte[TOO_MUCH]);
            var ids = new ArrayList<Integer>();
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            ids.add(id);
                        }

                        @Override
                        public void dataReceived(int id) {
                            Message message = server.getPeer(id).takeMessage();
                            ids.forEach(other -> {
                                if (other != id) {
                                    assertThat(server.getPeer(other).send(tooMuch))
                                            .isEqualTo(ErrorCode.OK);
                                }
                            });
                            server.getPeer(id).send(message);
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var deaf = RawPeer.connect(server.getLocalPort());
                    var deafToo = RawPeer.connect(server.getLocalPort());
                    var raw = RawPeer.connect(server.getLocalPort())) {
                for (RawPeer client : List.of(deaf, deafToo, raw)) {
                    client.write(RawPeer.request(""));
                }
                await().until(() -> {
                    server.poll();
                    return ids.size() == 3;
                });
                raw.readHead();
                raw.write(RawPeer.masked(0x82, RawPeer.ascii("me too")));
                var answer =
                        CompletableFuture.supplyAsync(
                                () -> {
                                    try {
                                        return raw.readFrame().payload();
                                    } catch (IOException e) {
                                        throw new AssertionError(e);
                                    }
                                },
                                task -> Thread.ofVirtual().start(task));
                await().until(() -> {
                    server.poll();
                    return answer.isDone();
                });
                assertThat(answer.get()).isEqualTo(RawPeer.ascii("me too"));
            }
        }
    }

    @Test
    void pingsAndClosesAreAnsweredThoughTheOneWhoAwaitedNewsDoesNotPoll() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(
                    WebSocketOptions.defaults()
                            .withLimits(
                                    Limits.defaults().withHeartbeatTimeout(Duration.ofSeconds(1))));
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.request(""));
                raw.readHead();
                assertThat(server.awaitActivity(Duration.ofSeconds(20))).isTrue();
                server.poll();
                server.awaitActivity(Duration.ZERO);
                for (int i = 0; i < 3; i++) {
                    raw.write(RawPeer.masked(0x82, RawPeer.ascii("data")));
                    await().until(() -> server.awaitActivity(Duration.ZERO));
                    raw.write(RawPeer.masked(0x89, RawPeer.ascii("ping " + i)));
                    assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("ping " + i));
                }
                raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
                assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
                assertThat(raw.readEnd()).isTrue();
            }
        }
    }
}
