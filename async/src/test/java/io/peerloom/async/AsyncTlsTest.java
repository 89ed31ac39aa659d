package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketServer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code wss:} through futures, on both sides. */
@Timeout(120)
class AsyncTlsTest {

    private static WebSocketServer echoes(String certificate) throws Exception {
        var server = new WebSocketServer();
        server.setOptions(
                WebSocketOptions.defaults()
                        .withTls(TLSOptions.server(Certificates.showing(certificate))));
        server.start(0, AsyncWebSocketServer.adapt(AsyncTlsTest::echo));
        return server;
    }

    private static CompletionStage<Void> echo(AsyncWebSocketPeer peer) {
        return peer.receive()
                .thenCompose(message ->
                        message == null
                                ? CompletableFuture.completedFuture(null)
                                : peer.send(message).thenCompose(sent -> echo(peer)));
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Test
    void messagesGoBothWaysAndTheEndIsClean() throws Exception {
        try (var server = echoes(Certificates.GOOD)) {
            String url = "wss://localhost:" + server.getLocalPort() + "/";
            WebSocketOptions options =
                    WebSocketOptions.defaults().withTls(TLSOptions.client(Certificates.trusting()));
            AsyncWebSocketPeer client = get(AsyncWebSocketPeer.connect(url, options));

            for (int size : new int[] {0, 1, 20_000, 300_000}) {
                Message message = Message.binary(new byte[size]);
                get(client.send(message));
                assertThat(get(client.receive())).isEqualTo(message);
            }
            assertThat(client.getSslSession().orElseThrow().getPeerCertificates())
                    .contains(Certificates.certificate(Certificates.GOOD));
            CloseInfo end = get(client.close(4000, "done"));
            assertThat(end.code()).isEqualTo(4000);
            assertThat(get(client.receive())).isNull();
        }
    }

    @ParameterizedTest
    @CsvSource({"OTHER_NAME, true", "EXPIRED, false", "SELF_SIGNED, false"})
    void aBadCertificateIsTheCause(String which, boolean name) throws Exception {
        String alias = (String) Certificates.class.getField(which).get(null);
        try (var server = echoes(alias)) {
            String url = "wss://localhost:" + server.getLocalPort() + "/";
            WebSocketOptions options =
                    WebSocketOptions.defaults().withTls(TLSOptions.client(Certificates.trusting()));

            assertThatThrownBy(() -> get(AsyncWebSocketPeer.connect(url, options)))
                    .isInstanceOf(CompletionException.class)
                    .cause()
                    .isInstanceOfSatisfying(
                            PeerException.class,
                            e -> {
                                assertThat(e.code()).isEqualTo(ErrorCode.CONNECTION_ERROR);
                                assertThat(e.getCause())
                                        .isInstanceOf(
                                                name
                                                        ? SSLPeerUnverifiedException.class
                                                        : SSLException.class);
                            });
        }
    }

    /** The handshake of TLS counts against the same deadline as that of the WebSocket. */
    @Test
    void aServerThatSaysNothingIsGivenUp() throws Exception {
        try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String url = "wss://localhost:" + silent.getLocalPort() + "/";
            WebSocketOptions options =
                    WebSocketOptions.defaults()
                            .withTls(TLSOptions.client(Certificates.trusting()))
                            .withLimits(
                                    Limits.defaults().withHandshakeTimeout(Duration.ofMillis(300)));

            CompletionStage<AsyncWebSocketPeer> connecting =
                    AsyncWebSocketPeer.connect(url, options);

            await().until(() -> connecting.toCompletableFuture().isDone());
            assertThatThrownBy(() -> get(connecting))
                    .cause()
                    .isInstanceOf(PeerException.class)
                    .hasRootCauseInstanceOf(java.net.SocketTimeoutException.class);
        }
    }
}
