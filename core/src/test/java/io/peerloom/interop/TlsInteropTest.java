package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerloom.ErrorCode;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.TLSOptions.ClientAuth;
import io.peerloom.testing.Certificates;
import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import io.peerloom.testing.Transcript;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code wss:} between this library and the TLS of others. */
class TlsInteropTest {

    private static final WebSocketOptions SERVING =
            WebSocketOptions.defaults()
                    .withTls(TLSOptions.server(Certificates.showing(Certificates.GOOD)));

    private static final WebSocketOptions TRUSTING =
            WebSocketOptions.defaults().withTls(TLSOptions.client(Certificates.trusting()));

    @TempDir Path folder;

    /** Completed by our server's handler: how the connection ended. */
    private final CompletableFuture<WebSocketPeer> ended = new CompletableFuture<>();

    private WebSocketServer server(WebSocketOptions options) throws IOException {
        var server = new WebSocketServer();
        server.setOptions(options);
        server.start(
                0,
                peer -> {
                    for (Message m; (m = peer.receive()) != null; ) {
                        peer.send(m);
                    }
                    ended.complete(peer);
                });
        return server;
    }

    private WebSocketPeer end() throws Exception {
        return ended.get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    // ---- the JDK ----

    @Test
    void theJdksClient() throws Exception {
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        HttpClient http =
                HttpClient.newBuilder()
                        .executor(threads)
                        .sslContext(Certificates.trusting())
                        .build();
        try (var server = server(SERVING)) {
            var echoed = new CompletableFuture<String>();
            var listener =
                    new WebSocket.Listener() {
                        private final StringBuilder text = new StringBuilder();

                        @Override
                        public CompletionStage<?> onText(
                                WebSocket socket, CharSequence data, boolean last) {
                            text.append(data);
                            if (last) {
                                echoed.complete(text.toString());
                            }
                            socket.request(1);
                            return null;
                        }
                    };
            WebSocket socket =
                    http.newWebSocketBuilder()
                            .buildAsync(
                                    URI.create("wss://localhost:" + server.getLocalPort() + "/"),
                                    listener)
                            .get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            String long60 = "Grüße ".repeat(10_000);
            socket.sendText(long60, true).get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(echoed.get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .isEqualTo(long60);
            socket.sendClose(4001, "").get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(end().getCloseCode()).isEqualTo(4001);
        } finally {
            http.shutdownNow();
            http.close();
            threads.close();
        }
    }

    // ---- Node's ws ----

    @Test
    @Tag("interop")
    void nodesClient() throws Exception {
        Path ca = Certificates.savePem(folder.resolve("ca.pem"), null);
        try (var server = server(SERVING);
                var client =
                        Partner.NODE.start(
                                Partner.home(folder),
                                "--role=client",
                                "--url=wss://localhost:" + server.getLocalPort() + "/",
                                "--ca=" + ca,
                                "--steps=text:5,binary:70000,text:65535,await:3,close:4001:bye")) {
            client.awaitExit();
            assertThat(client.with("open")).hasSize(1);
            assertThat(client.messages()).isEqualTo(sent(client));
            assertThat(client.with("close ")).containsExactly("4001 bye");
            assertThat(end().getCloseCode()).isEqualTo(4001);
            assertThat(end().getFailure()).isEmpty();
        }
    }

    private static List<String> sent(Program program) {
        return program.with("sent ");
    }

    @Test
    @Tag("interop")
    void nodesClientDoesNotTrustUs() throws Exception {
        try (var server = server(SERVING);
                var client =
                        Partner.NODE.start(
                                Partner.home(folder),
                                "--role=client",
                                "--url=wss://localhost:" + server.getLocalPort() + "/")) {
            client.awaitExit();
            assertThat(client.with("open")).isEmpty();
            assertThat(client.with("error ")).hasSize(1);
            try (var other =
                    WebSocketPeer.connect(
                            "wss://localhost:" + server.getLocalPort() + "/", TRUSTING)) {
                assertThat(other.sendText("still here")).isEqualTo(ErrorCode.OK);
                assertThat(other.receive()).isEqualTo(Message.text("still here"));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Tag("interop")
    void nodesServer(boolean withCertificate) throws Exception {
        Path pfx = Certificates.save(folder.resolve("good.p12"), Certificates.GOOD);
        Path ca = Certificates.savePem(folder.resolve("ca.pem"), null);
        var arguments =
                new ArrayList<>(
                        List.of(
                                "--role=server",
                                "--tls=" + pfx,
                                "--password=" + Certificates.PASSWORD,
                                "--steps=echo:3"));
        WebSocketOptions options = TRUSTING;
        if (withCertificate) {
            arguments.add("--ca=" + ca); // and unauthorized ones are rejected: Node's default
            options =
                    WebSocketOptions.defaults()
                            .withTls(TLSOptions.client(Certificates.showing(Certificates.CLIENT)));
        }
        try (var program =
                Partner.NODE.start(Partner.home(folder), arguments.toArray(String[]::new))) {
            program.await("listening ");
            String url = "wss://localhost:" + program.with("listening ").getFirst() + "/";
            try (var client = WebSocketPeer.connect(url, options)) {
                for (int length : new int[] {0, 500, 100_000}) {
                    Message message = Message.binary(new byte[length]);
                    assertThat(client.send(message)).isEqualTo(ErrorCode.OK);
                    assertThat(client.receive()).isEqualTo(message);
                }
                client.close(4002, "");
                assertThat(client.receive()).isNull();
                assertThat(client.getCloseCode()).isEqualTo(4002);
                assertThat(client.getFailure()).isEmpty();
            }
            program.awaitExit();
            assertThat(program.with("close ")).containsExactly("4002 ");
        }
    }

    @Test
    @Tag("interop")
    void nodesServerOfAnotherName() throws Exception {
        Path pfx = Certificates.save(folder.resolve("other.p12"), Certificates.OTHER_NAME);
        try (var program =
                Partner.NODE.start(
                        Partner.home(folder),
                        "--role=server",
                        "--tls=" + pfx,
                        "--password=" + Certificates.PASSWORD)) {
            program.await("listening ");
            String url = "wss://localhost:" + program.with("listening ").getFirst() + "/";
            assertThatExceptionOfType(SSLPeerUnverifiedException.class)
                    .isThrownBy(() -> WebSocketPeer.connect(url, TRUSTING))
                    .withMessageStartingWith("the server's certificate is not for localhost");
        }
    }

    // ---- OpenSSL ----

    /** OpenSSL as a client that types: letters at the beginning of a line are its commands. */
    private Program sClient(WebSocketServer server, String version) throws IOException {
        Path ca = Certificates.savePem(folder.resolve("ca.pem"), null);
        return Program.start(
                "s_client",
                Partner.home(folder),
                List.of(
                        Programs.openssl(),
                        "s_client",
                        "-connect",
                        "127.0.0.1:" + server.getLocalPort(),
                        "-servername",
                        "localhost",
                        "-verify_hostname",
                        "localhost",
                        "-verify_return_error",
                        "-CAfile",
                        ca.toString(),
                        version),
                List.of());
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static void upgrade(Program client) {
        client.type(
                ascii(
                        """
                        GET / HTTP/1.1
                        Host: localhost
                        Upgrade: websocket
                        Connection: Upgrade
                        Sec-WebSocket-Version: 13
                        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

                        """
                                .replace("\n", "\r\n")));
        client.await("HTTP/1.1 101 ");
    }

    /** A text frame, its mask all zeros; a line, so that it is seen when it comes back. */
    private static void say(Program client, String word) {
        byte[] text = ascii(word + "\n");
        byte[] frame = new byte[6 + text.length];
        frame[0] = (byte) 0x81;
        frame[1] = (byte) (0x80 | text.length);
        System.arraycopy(text, 0, frame, 6, text.length);
        client.type(frame);
        Transcript.until(
                word, client, () -> client.lines().stream().anyMatch(line -> line.endsWith(word)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-tls1_3", "-tls1_2"})
    @Tag("interop")
    void opensslsClient(String version) throws Exception {
        try (var server = server(SERVING);
                var client = sClient(server, version)) {
            upgrade(client);
            assertThat(String.join("\n", client.lines())).contains("Verify return code: 0 (ok)");
            say(client, "hello");
            client.type(ascii("Q\n"));
            client.awaitExit();
            assertThat(end().getFailure().orElseThrow())
                    .hasMessage("the other side closed the connection without a close frame");
        }
    }

    /** RFC 8446 section 4.6.3: both sides take new keys, and the answer comes with our data. */
    @Test
    @Tag("interop")
    void newKeysAreTaken() throws Exception {
        try (var server = server(SERVING);
                var client = sClient(server, "-tls1_3")) {
            upgrade(client);
            for (String word : new String[] {"one", "two", "three"}) {
                say(client, word);
                newKeys(client, "K");
                newKeys(client, "k");
            }
            say(client, "last");
        }
    }

    /** FIELD section 3, row 30, one layer below: frames that carry nothing and cost much. */
    @Test
    @Tag("interop")
    void whoAsksForNewKeysForEverIsRefused() throws Exception {
        try (var server = server(SERVING);
                var client = sClient(server, "-tls1_3")) {
            upgrade(client);
            for (int i = 0; i < 64; i++) {
                newKeys(client, "K");
            }
            say(client, "as often as that");
            client.type(ascii("K\n"));
            assertThat(end().getFailure().orElseThrow())
                    .isInstanceOf(SSLException.class)
                    .hasMessageContaining("TLS records without data");
        }
    }

    private static void newKeys(Program client, String command) {
        int before = client.with("KEYUPDATE").size();
        client.type(ascii(command + "\n"));
        Awaitility.await()
                .atMost(Transcript.PATIENCE)
                .pollInterval(Duration.ofMillis(2))
                .until(() -> client.with("KEYUPDATE").size() > before);
    }

    @Test
    @Tag("interop")
    void renegotiationIsRefused() throws Exception {
        try (var server = server(SERVING);
                var client = sClient(server, "-tls1_2")) {
            upgrade(client);
            say(client, "hello");
            client.type(ascii("R\n"));
            assertThat(end().getFailure().orElseThrow())
                    .hasMessage("the other side wants to negotiate anew");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "-tls1_3, false, false, 'server answered 200 \"ok\"'",
        "-tls1_2, false, false, 'server answered 200 \"ok\"'",
        "-tls1_3, true, true, 'server answered 200 \"ok\"'",
        "-tls1_3, true, false, 'alert certificate_required (it wants a certificate from us)'",
    })
    @Tag("interop")
    void opensslsServer(String version, boolean asks, boolean shows, String outcome)
            throws Exception {
        Path pem = Certificates.savePem(folder.resolve("good.pem"), Certificates.GOOD);
        Path ca = Certificates.savePem(folder.resolve("ca.pem"), null);
        var command =
                new ArrayList<>(
                        List.of(
                                Programs.openssl(),
                                "s_server",
                                "-accept",
                                "127.0.0.1:0",
                                "-cert",
                                pem.toString(),
                                "-key",
                                pem.toString(),
                                "-www",
                                version));
        if (asks) {
            command.addAll(List.of("-Verify", "2", "-verify_return_error", "-CAfile"));
            command.add(ca.toString());
        }
        WebSocketOptions options =
                shows
                        ? WebSocketOptions.defaults()
                                .withTls(
                                        TLSOptions.client(
                                                Certificates.showing(Certificates.CLIENT)))
                        : TRUSTING;
        try (var program = Program.start("s_server", Partner.home(folder), command, List.of())) {
            program.await("ACCEPT ");
            String address = program.with("ACCEPT ").getFirst();
            String url = "wss://localhost:" + address.substring(address.indexOf(':') + 1) + "/";
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> WebSocketPeer.connect(url, options))
                    .withMessageContaining(outcome);
        }
    }

    @Test
    @Tag("interop")
    void opensslsClientWithoutACertificateIsRefused() throws Exception {
        try (var server =
                        server(SERVING.withTls(SERVING.tls().withClientAuth(ClientAuth.REQUIRED)));
                var client = sClient(server, "-tls1_3")) {
            Transcript.until(
                    "alert",
                    client,
                    () ->
                            client.lines().stream()
                                    .anyMatch(line -> line.contains("certificate required")));
        }
    }
}
