package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What a client learns of the server's answer, whether it opened the WebSocket or refused it. */
class HandshakeResponseTest {

    /** How the client is used. */
    enum Api {
        POLLED,
        BLOCKING
    }

    private static final int MOST = 600;

    private static final WebSocketOptions OPTIONS =
            WebSocketOptions.defaults()
                    .withLimits(
                            Limits.defaults()
                                    .withMaxHeadBytes(MOST)
                                    .withHandshakeTimeout(Duration.ofSeconds(20)));

    /** The peer of a polled client, its failure, or that of a blocking one. */
    private record Outcome(WebSocketPeer peer, Throwable failure) {}

    private static Outcome connect(Api api, String url, WebSocketOptions options) {
        if (api == Api.BLOCKING) {
            try {
                return new Outcome(WebSocketPeer.connect(url, options), null);
            } catch (IOException e) {
                return new Outcome(null, e);
            }
        }
        var peer = new WebSocketPeer(options);
        assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
        while (peer.getReadyState() == WebSocketPeer.State.CONNECTING) {
            assertThat(peer.getHandshakeResponse()).isEmpty();
            peer.awaitActivity(Duration.ofSeconds(1));
            peer.poll();
        }
        return new Outcome(peer, peer.getFailure().orElse(null));
    }

    private static CompletableFuture<Outcome> connecting(
            Api api, ServerSocket listening, WebSocketOptions options) {
        String url = "ws://127.0.0.1:" + listening.getLocalPort() + "/";
        return CompletableFuture.supplyAsync(
                () -> connect(api, url, options), task -> Thread.ofVirtual().start(task));
    }

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    }

    /**
     * A refusal.
     *
     * @param framing header lines, each with its end
     * @param sent what follows the head
     * @param body what of it is the body
     * @param complete whether it is all of it
     * @param ends whether the server ends the stream; else the answer must do without that
     */
    record Refusal(String framing, String sent, String body, boolean complete, boolean ends) {}

    static Stream<Arguments> refusals() {
        String length = "Content-Length: ";
        String chunked = "Transfer-Encoding: chunked\r\n";
        String page = "{\"error\": \"nö\"}";
        String sent =
                new String(page.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        return Stream.of(
                        new Refusal(length + "16\r\n", sent, page, true, false),
                        new Refusal(length + "16\r\n", sent + "more", page, true, false),
                        new Refusal(length + "17\r\n", sent, page, false, true),
                        new Refusal(length + "0\r\n", "", "", true, false),
                        new Refusal("", sent, page, true, true),
                        new Refusal(
                                chunked, "10;x\r\n" + sent + "\r\n0\r\n\r\n", page, true, false),
                        new Refusal(chunked, "10\r\n" + sent + "\r\n", page, false, true),
                        new Refusal("", "y".repeat(5000), "y".repeat(MOST), false, false),
                        new Refusal(
                                length + "5000\r\n",
                                "y".repeat(5000),
                                "y".repeat(MOST),
                                false,
                                false))
                .flatMap(r -> Stream.of(Api.values()).map(api -> Arguments.of(r, api)));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void aRefusalIsReadable(Refusal refusal, Api api) throws Exception {
        try (var listening = listen()) {
            var connecting = connecting(api, listening, OPTIONS);
            try (var raw = new RawPeer(listening.accept())) {
                raw.readHead();
                String answer =
                        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow Down\r\nRetry-After: 5\r\n"
                                + "X: a\r\n  folded\r\nx: b\r\n"
                                + refusal.framing()
                                + "\r\n"
                                + refusal.sent();
                raw.write(answer.getBytes(StandardCharsets.ISO_8859_1));
                if (refusal.ends()) {
                    raw.socket.shutdownOutput();
                }
                Outcome outcome = connecting.join();
                assertThat(outcome.failure())
                        .isInstanceOf(java.net.ProtocolException.class)
                        .hasMessage("server answered 429 \"Slow Down\"");
                HandshakeResponse response =
                        ((UpgradeFailedException) outcome.failure()).response();
                assertThat(response.status()).isEqualTo(429);
                assertThat(response.reason()).isEqualTo("Slow Down");
                assertThat(response).hasToString("429 \"Slow Down\"");
                assertThat(response.header("retry-after")).contains("5");
                assertThat(response.header("Nothing")).isEmpty();
                assertThat(response.headers("x")).containsExactly("a folded", "b");
                assertThat(response.headerLines()).startsWith("Retry-After: 5", "X: a folded");
                assertThat(response.bodyText()).isEqualTo(refusal.body());
                assertThat(response.isBodyComplete()).isEqualTo(refusal.complete());
                if (outcome.peer() != null) {
                    assertThat(outcome.peer().getHandshakeResponse()).containsSame(response);
                }
            }
        }
    }

    /**
     * Neither for as long as the handshake may take, which is a minute here, nor past that: the
     * refusal is told with what came of its body.
     */
    @ParameterizedTest
    @CsvSource({"POLLED, 300", "BLOCKING, 300", "POLLED, 60000", "BLOCKING, 60000"})
    void aBodyThatDoesNotEndIsNotWaitedForForEver(Api api, int handshakeMillis) throws Exception {
        WebSocketOptions hurried =
                OPTIONS.withLimits(
                        OPTIONS.limits().withHandshakeTimeout(Duration.ofMillis(handshakeMillis)));
        try (var listening = listen()) {
            var connecting = connecting(api, listening, hurried);
            try (var raw = new RawPeer(listening.accept())) {
                raw.readHead();
                raw.write(RawPeer.ascii("HTTP/1.1 403 No\r\n\r\nbecause"));
                assertThat(connecting.get(40, TimeUnit.SECONDS).failure())
                        .isInstanceOfSatisfying(
                                UpgradeFailedException.class,
                                e -> {
                                    assertThat(e.response().status()).isEqualTo(403);
                                    assertThat(e.response().bodyText()).isEqualTo("because");
                                    assertThat(e.response().isBodyComplete()).isFalse();
                                });
            }
        }
    }

    /** A reset behind the head, say: what is known of the answer is the failure all the same. */
    @ParameterizedTest
    @EnumSource
    void aBodyThatBreaksOffIsNotTheFailure(Api api) throws Exception {
        try (var listening = listen()) {
            var connecting = connecting(api, listening, OPTIONS);
            try (var raw = new RawPeer(listening.accept())) {
                raw.readHead();
                raw.write(RawPeer.ascii("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n"));
                raw.socket.shutdownOutput();
                assertThat(connecting.get(40, TimeUnit.SECONDS).failure())
                        .isInstanceOf(UpgradeFailedException.class)
                        .hasMessageContaining("403");
            }
        }
    }

    /** A 101 that opens something else is kept as well. */
    @ParameterizedTest
    @EnumSource
    void anAnswerThatIsWrongIsReadable(Api api) throws Exception {
        try (var listening = listen()) {
            var connecting = connecting(api, listening, OPTIONS);
            try (var raw = new RawPeer(listening.accept())) {
                raw.readHead();
                raw.write(
                        RawPeer.ascii(
                                "HTTP/1.1 101 On\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"));
                assertThat(connecting.get(40, TimeUnit.SECONDS).failure())
                        .isInstanceOfSatisfying(
                                UpgradeFailedException.class,
                                e -> {
                                    assertThat(e.response().status()).isEqualTo(101);
                                    assertThat(e.response().header("Upgrade")).contains("h2c");
                                    assertThat(e.response().body()).isEmpty();
                                });
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theHeadersOfAGoodAnswerAreReadable(Api api) throws Exception {
        try (var listening = listen()) {
            var connecting = connecting(api, listening, OPTIONS);
            try (var raw = new RawPeer(listening.accept())) {
                raw.answer("Set-Cookie: a=b\r\nset-cookie: c=d\r\nX-Room:\r\n\tseven\r\n");
                Outcome outcome = connecting.join();
                assertThat(outcome.failure()).isNull();
                try (WebSocketPeer peer = outcome.peer()) {
                    HandshakeResponse response = peer.getHandshakeResponse().orElseThrow();
                    assertThat(response.status()).isEqualTo(101);
                    assertThat(response.headers("Set-Cookie")).containsExactly("a=b", "c=d");
                    assertThat(response.header("x-room")).contains("seven");
                    assertThat(response.body()).isEmpty();
                    assertThat(response.isBodyComplete()).isTrue();
                    raw.write(RawPeer.hex("8802 03e8"));
                    assertThat(peer.receive()).isNull();
                    peer.poll();
                    assertThat(peer.getHandshakeResponse()).containsSame(response);
                    peer.abort();
                }
            }
        }
    }

    /** With both sides ours: what the program answered is what the program gets. */
    @ParameterizedTest
    @EnumSource
    void bothSidesFitTogether(Api api) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(request ->
                    UpgradeResponse.respond(402, "application/json", RawPeer.ascii("[1]"))
                            .withHeader("X-Price", "3"));
            server.start(0, peer -> {});
            Outcome outcome = connect(api, "ws://127.0.0.1:" + server.getLocalPort(), OPTIONS);
            HandshakeResponse response = ((UpgradeFailedException) outcome.failure()).response();
            assertThat(response.status()).isEqualTo(402);
            assertThat(response.header("X-Price")).contains("3");
            assertThat(response.header("Content-Type")).contains("application/json");
            assertThat(response.bodyText()).isEqualTo("[1]");
            assertThat(response.isBodyComplete()).isTrue();
        }
    }

    /** A server's peers have been asked, not answered. */
    @ParameterizedTest
    @EnumSource
    void aServersPeerHasNone(Api api) throws Exception {
        var seen = new CompletableFuture<Boolean>();
        try (var server =
                        WebSocketServer.serve(
                                0, peer -> seen.complete(peer.getHandshakeResponse().isEmpty()));
                WebSocketPeer peer =
                        connect(api, "ws://127.0.0.1:" + server.getLocalPort(), OPTIONS).peer()) {
            assertThat(seen.join()).isTrue();
            assertThat(peer.getHandshakeResponse()).isPresent();
            assertThat(new WebSocketPeer().getHandshakeResponse()).isEmpty();
        }
    }
}
