package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.TLSOptions.ClientAuth;
import io.peerloom.testing.Certificates;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.Principal;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code wss://} in both roles, and against the JDK's own sockets. */
class TlsTest {

    private static final WebSocketOptions TRUSTING =
            WebSocketOptions.defaults().withTls(TLSOptions.client(Certificates.trusting()));

    private static final Limits QUICK_END =
            Limits.defaults().withCloseTimeout(Duration.ofMillis(400));

    private static final Limits SHORT =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofMillis(400))
                    .withCloseTimeout(Duration.ofMillis(400));

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    private static WebSocketOptions serving(String alias) {
        return WebSocketOptions.defaults().withTls(TLSOptions.server(Certificates.showing(alias)));
    }

    private static WebSocketOptions demanding(ClientAuth demand) {
        WebSocketOptions options = serving(Certificates.GOOD);
        return options.withTls(options.tls().withClientAuth(demand));
    }

    private static WebSocketServer serve(WebSocketOptions options, WebSocketServer.Handler handler)
            throws IOException {
        var server = new WebSocketServer();
        server.setOptions(options);
        server.start(0, handler);
        return server;
    }

    private static String url(WebSocketServer server) {
        return "wss://localhost:" + server.getLocalPort() + "/";
    }

    private static List<Message> messages() {
        var messages = new ArrayList<Message>();
        for (int length : new int[] {0, 1, 125, 500, 16_384, 16_385, 70_000, 1 << 20}) {
            byte[] data = new byte[length];
            for (int i = 0; i < length; i++) {
                data[i] = (byte) (i * 31 + (i >> 8));
            }
            messages.add(Message.binary(data));
        }
        messages.add(Message.text("größe".repeat(3000)));
        return messages;
    }

    private static void pollUntil(WebSocketPeer peer, State state) {
        await().until(() -> {
            peer.poll();
            return peer.getReadyState() == state;
        });
    }

    /** {@code private_key}, {@code ssl_certificate}, {@code trusted_ssl_certificate}. */
    @Nested
    @DisplayName("By the names of Godot 3")
    class Godot3 {
        @Test
        void aServerShowsItsCertificateAndAClientTrustsIt() throws Exception {
            try (var server = new WebSocketServer();
                    var client = new WebSocketClient()) {
                server.setPrivateKey(Certificates.entry(Certificates.GOOD).getPrivateKey());
                server.setSslCertificate(Certificates.certificate(Certificates.GOOD));
                server.setCaChain(List.of(Certificates.authority()));
                server.start(0, TlsTest::echo);

                client.connectToUrl(url(server));
                await().until(() -> client.poll() != ErrorCode.OK); // nobody has vouched for it
                assertThat(client.getFailure()).get().isInstanceOf(SSLException.class);

                client.setTrustedSslCertificate(server.getCaChain().getFirst());
                client.connectToUrl(url(server));
                await().until(() -> {
                    client.poll();
                    return client.getStatus() == Status.CONNECTED;
                });
                assertThat(client.getPeer(1).getSslSession().orElseThrow().getPeerCertificates())
                        .containsExactly(
                                server.getSslCertificate().orElseThrow(), Certificates.authority());
            }
        }

        @Test
        void aKeyWithoutACertificateIsNotALessSecureServer() {
            try (var server = new WebSocketServer()) {
                server.setPrivateKey(Certificates.entry(Certificates.GOOD).getPrivateKey());
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(() -> server.listen(0))
                        .withMessageContaining("no certificate");
                server.setSslCertificate(Certificates.authority());
                assertThatExceptionOfType(IllegalArgumentException.class)
                        .isThrownBy(() -> server.listen(0));
                assertThat(server.isListening()).isFalse();
                server.setPrivateKey(null);
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(() -> server.listen(0))
                        .withMessageContaining("no key");
                assertThat(server.getPrivateKey()).isEmpty();
            }
        }
    }

    @Nested
    @DisplayName("Messages")
    class Messages {
        @ParameterizedTest
        @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
        void blocking(String protocol) throws Exception {
            String context = protocol.equals("TLSv1.3") ? "TLS" : protocol;
            WebSocketOptions options =
                    WebSocketOptions.defaults()
                            .withTls(TLSOptions.client(Certificates.context(context, null)));
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo);
                    var client = WebSocketPeer.connect(url(server), options)) {
                assertThat(client.getSslSession().orElseThrow().getProtocol()).isEqualTo(protocol);
                assertThat(client.getConnectedPort()).isEqualTo(server.getLocalPort());
                for (Message message : messages()) {
                    assertThat(client.send(message)).isEqualTo(ErrorCode.OK);
                    assertThat(client.receive()).isEqualTo(message);
                }
                client.close(4001, "bye");
                assertThat(client.receive()).isNull();
                assertThat(client.wasCleanClose()).isTrue();
                assertThat(client.getFailure()).isEmpty();
            }
        }

        @Test
        void polledOnBothSidesWithManyUnderWay() {
            try (var server = new WebSocketServer();
                    var client = new WebSocketPeer(TRUSTING)) {
                server.setOptions(
                        serving(Certificates.GOOD)
                                .withLimits(Limits.defaults().withOutboundBytes(8 << 20)));
                server.setListener(
                        new WebSocketServer.Listener() {
                            @Override
                            public void dataReceived(int id) {
                                WebSocketPeer peer = server.getPeer(id);
                                peer.send(peer.takeMessage());
                            }
                        });
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
                assertThat(client.connectToUrl(url(server))).isEqualTo(ErrorCode.OK);
                assertThat(client.getSslSession()).isEmpty();
                await().until(() -> {
                    server.poll();
                    client.poll();
                    return client.getReadyState() == State.OPEN;
                });
                List<Message> all = messages();
                var received = new ArrayList<Message>();
                var sent = new AtomicInteger();
                await().until(() -> {
                    while (sent.get() < all.size()
                            && client.send(all.get(sent.get())) == ErrorCode.OK) {
                        sent.incrementAndGet();
                    }
                    server.poll();
                    client.poll();
                    while (client.getAvailablePacketCount() > 0) {
                        received.add(client.takeMessage());
                    }
                    return received.size() == all.size();
                });
                assertThat(received).isEqualTo(all);
                client.close();
                await().until(() -> {
                    server.poll();
                    client.poll();
                    return client.getReadyState() == State.CLOSED;
                });
                assertThat(client.wasCleanClose()).isTrue();
            }
        }

        @Test
        void overAUnixSocket(@TempDir Path folder) throws Exception {
            Path socket = folder.resolve("s");
            try (var server = new WebSocketServer()) {
                server.setOptions(serving(Certificates.GOOD));
                server.start(socket, TlsTest::echo);
                try (var client =
                        WebSocketPeer.connect(
                                StreamPeerUDS.connect(socket), "wss://localhost/", TRUSTING)) {
                    for (Message message : messages()) {
                        client.send(message);
                        assertThat(client.receive()).isEqualTo(message);
                    }
                }
                var stream = StreamPeerUDS.connect(socket);
                assertThatExceptionOfType(SSLPeerUnverifiedException.class)
                        .isThrownBy(
                                () -> WebSocketPeer.connect(stream, "wss://elsewhere/", TRUSTING));
            }
        }

        @Test
        void anAcceptedStreamMayCarryIt() throws Exception {
            try (var listening = new TCPServer();
                    var client = new WebSocketPeer(TRUSTING);
                    var accepted = new WebSocketPeer(serving(Certificates.GOOD))) {
                assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                client.connectToUrl("wss://127.0.0.1:" + listening.getLocalPort());
                await().until(listening::isConnectionAvailable);
                StreamPeerTCP stream = listening.takeConnection();
                assertThat(accepted.acceptStream(stream)).isEqualTo(ErrorCode.OK);
                pollUntil(client, State.OPEN);
                pollUntil(accepted, State.OPEN);
                assertThat(accepted.getRequestedUrl()).startsWith("wss://127.0.0.1:");
                client.sendText("hello");
                await().until(() -> {
                    accepted.poll();
                    return accepted.getAvailablePacketCount() > 0;
                });
                assertThat(accepted.takeMessage()).isEqualTo(Message.text("hello"));
                accepted.close();
                pollUntil(client, State.CLOSED);
                pollUntil(accepted, State.CLOSED);
            }
        }
    }

    @Nested
    @DisplayName("Certificates")
    class Trust {
        /** CVE-2020-11050, CVE-2022-4492: the name is checked, always. */
        @ParameterizedTest
        @CsvSource({
            "other, the server's certificate is not for localhost",
            "expired, the server's certificate has expired",
            "early, the server's certificate is not valid yet",
            "self, the server's certificate is not trusted",
        })
        void badOnesAreRefusedWithTheirReason(String alias, String why) throws Exception {
            try (var server = serve(serving(alias).withLimits(SHORT), TlsTest::echo);
                    var polled = new WebSocketPeer(TRUSTING)) {
                assertThatExceptionOfType(SSLException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url(server), TRUSTING))
                        .withMessageStartingWith(why);
                polled.connectToUrl(url(server));
                await().until(() -> {
                    ErrorCode result = polled.poll();
                    assertThat(result).isIn(ErrorCode.OK, ErrorCode.CONNECTION_ERROR);
                    return result == ErrorCode.CONNECTION_ERROR;
                });
                assertThat(polled.getStatus()).isEqualTo(Status.ERROR);
                assertThat(polled.getFailure().orElseThrow()).hasMessageStartingWith(why);
                if (alias.equals("other")) {
                    assertThat(polled.getFailure().orElseThrow())
                            .isInstanceOf(SSLPeerUnverifiedException.class);
                }
            }
        }

        @Test
        void theAuthorityOfTheTestsIsNotTrustedByDefault() throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo)) {
                assertThatExceptionOfType(SSLException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url(server)))
                        .withMessageStartingWith("the server's certificate is not trusted");
            }
        }

        /** Godot 4: options that are given when connecting, instead of a context. */
        @Test
        void godot4sOptions() throws Exception {
            var authority = List.of(Certificates.authority());
            try (var server = serve(serving(Certificates.OTHER_NAME), TlsTest::echo);
                    var client = new WebSocketPeer()) {
                assertThat(client.connectToUrl(url(server), TLSOptions.client(authority)))
                        .isEqualTo(ErrorCode.OK);
                pollUntil(client, State.CLOSED);
                assertThat(client.getFailure().orElseThrow())
                        .isInstanceOf(SSLPeerUnverifiedException.class);
                var named = TLSOptions.client(authority, "other.example");
                assertThat(client.connectToUrl(url(server), named)).isEqualTo(ErrorCode.OK);
                pollUntil(client, State.OPEN);
                client.abort();
                pollUntil(client, State.CLOSED);
                assertThat(client.connectToUrl(url(server), TLSOptions.client()))
                        .isEqualTo(ErrorCode.OK);
                pollUntil(client, State.CLOSED);
                assertThat(client.getFailure().orElseThrow())
                        .hasMessageStartingWith("the server's certificate is not trusted");
            }
        }

        /** Godot 3: properties of the server and the client. */
        @Test
        void godot3sProperties() {
            var entry = Certificates.entry(Certificates.GOOD);
            try (var server = new WebSocketServer();
                    var client = new WebSocketClient()) {
                server.setPrivateKey(entry.getPrivateKey());
                server.setSslCertificate(Certificates.certificate(Certificates.EXPIRED));
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> server.listen(0))
                        .withMessageStartingWith("the key does not belong to the certificate");
                assertThat(server.isListening()).isFalse();
                server.setSslCertificate(Certificates.certificate(Certificates.GOOD));
                server.setCaChain(List.of(Certificates.authority()));
                assertThat(server.getPrivateKey()).contains(entry.getPrivateKey());
                assertThat(server.getSslCertificate())
                        .contains(Certificates.certificate(Certificates.GOOD));
                assertThat(server.getCaChain()).containsExactly(Certificates.authority());
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);

                client.setTrustedSslCertificate(Certificates.authority());
                assertThat(client.getTrustedSslCertificate()).contains(Certificates.authority());
                assertThat(client.connectToUrl(url(server))).isEqualTo(ErrorCode.OK);
                await().until(() -> {
                    server.poll();
                    client.poll();
                    return client.getStatus() == Status.CONNECTED;
                });
                assertThat(client.getPeer(1).getSslSession()).isPresent();
            }
        }

        @Test
        void aServerWithoutACertificateIsRefused() throws Exception {
            try (var server =
                    serve(
                            WebSocketOptions.defaults()
                                    .withTls(TLSOptions.server(Certificates.trusting())),
                            TlsTest::echo)) {
                assertThatExceptionOfType(SSLException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url(server), TRUSTING))
                        .withMessage(
                                "the server gave up TLS with alert handshake_failure (nothing that"
                                        + " both sides can do, or no certificate of ours)");
            }
        }

        @ParameterizedTest
        @CsvSource({
            "NONE, client, ''",
            "NONE, , ''",
            "WANTED, client, CN=client",
            "WANTED, , ''",
            "REQUIRED, client, CN=client",
        })
        void clientsMayShowTheirs(ClientAuth demand, String alias, String name) throws Exception {
            var seen = new CompletableFuture<String>();
            WebSocketOptions options = demanding(demand);
            try (var server =
                            serve(
                                    options,
                                    peer -> {
                                        seen.complete(name(peer.getUpgradeRequest().orElseThrow()));
                                        echo(peer);
                                    });
                    var client =
                            WebSocketPeer.connect(
                                    url(server),
                                    TRUSTING.withTls(
                                            TLSOptions.client(
                                                    Certificates.context("TLS", alias))))) {
                client.sendText("x");
                assertThat(client.receive()).isEqualTo(Message.text("x"));
                assertThat(seen.join()).isEqualTo(name);
            }
        }

        /** One object holds a side's TLS, and the other side has no use for it. */
        @Test
        void theOtherSidesOptionsAreRefusedAtTheCall() throws Exception {
            WebSocketOptions serving = serving(Certificates.GOOD);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new WebSocketServer().setOptions(TRUSTING))
                    .withMessage("TLS options of a client, for a server");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> WebSocketPeer.connect("wss://localhost:1/", serving))
                    .withMessage("TLS options of a server, for a client");
            try (var peer = new WebSocketPeer(serving)) {
                assertThat(peer.connectToUrl("wss://localhost:1/"))
                        .isEqualTo(ErrorCode.INVALID_PARAMETER);
                assertThat(peer.getFailure().orElseThrow())
                        .hasMessage("TLS options of a server, for a client");
                assertThat(peer.getRequestedUrl()).isEmpty();
            }
            try (var listening = new TCPServer();
                    var there = new WebSocketPeer(TRUSTING)) {
                assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                try (var here = StreamPeerTCP.connect("127.0.0.1", listening.getLocalPort())) {
                    assertThat(listening.awaitConnection(Duration.ofSeconds(20))).isTrue();
                    try (StreamPeerTCP accepted = listening.takeConnection()) {
                        assertThat(there.acceptStream(accepted))
                                .isEqualTo(ErrorCode.INVALID_PARAMETER);
                        assertThat(there.getFailure().orElseThrow())
                                .hasMessage("TLS options of a client, for a server");
                    }
                    assertThat(here.getFailure()).isEmpty();
                }
            }
        }

        private String name(UpgradeRequest request) {
            try {
                Principal principal = request.sslSession().orElseThrow().getPeerPrincipal();
                return principal.getName();
            } catch (SSLPeerUnverifiedException e) {
                return "";
            }
        }

        @ParameterizedTest
        @CsvSource({
            "TLS, , certificate_required (it wants a certificate from us)",
            "TLSv1.2, , 'handshake_failure (nothing that both sides can do, or no certificate'",
            "TLS, self, certificate_required (it wants a certificate from us)",
        })
        void aClientWithoutOneThatIsRequiredIsRefused(String protocol, String alias, String why)
                throws Exception {
            WebSocketOptions options = demanding(ClientAuth.REQUIRED);
            WebSocketOptions client =
                    WebSocketOptions.defaults()
                            .withTls(TLSOptions.client(Certificates.context(protocol, alias)));
            try (var server = serve(options, TlsTest::echo)) {
                assertThatExceptionOfType(IOException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url(server), client))
                        .withMessageContaining(why);
            }
        }

        /**
         * Names in TLS are those of name servers: an IDN is told and checked in ASCII, a dot at the
         * end and a zone are not told. The Host header has no zone either, and may have the dot,
         * which makes no other host of it (RFC 6066 section 3).
         */
        @ParameterizedTest
        @CsvSource({
            "münchen.example, idn, xn--mnchen-3ya.example, xn--mnchen-3ya.example",
            "MÜNCHEN.example., idn, xn--mnchen-3ya.example, xn--mnchen-3ya.example.",
            "m%C3%BCnchen.example, idn, xn--mnchen-3ya.example, xn--mnchen-3ya.example",
            "localhost., good, localhost, localhost.",
            "LOCALHOST, good, localhost, LOCALHOST",
            "[::1%25lo], good, '', [::1]",
            "[::1%251], good, '', [::1]",
        })
        void theHostOfAUrlInTlsAndInHttp(String host, String alias, String told, String header)
                throws Exception {
            Queue<String> seen = new ConcurrentLinkedQueue<>();
            try (var server = new WebSocketServer()) {
                server.setOptions(serving(alias));
                server.setUpgradeHandler(request -> {
                    seen.add(
                            request.serverName().orElse("")
                                    + " "
                                    + request.header("Host").orElseThrow()
                                    + " "
                                    + request.isMisdirected());
                    return UpgradeResponse.accept();
                });
                server.start(0, TlsTest::echo);
                // Over a stream, so that nobody is asked for the address.
                var tcp = StreamPeerTCP.connect("127.0.0.1", server.getLocalPort());
                WebSocketPeer.connect(tcp, "wss://" + host + "/", TRUSTING).close();
            }
            assertThat(seen).containsExactly(told + " " + header + " false");
        }

        /**
         * The JDK checks no certificate for such a name, and one that is not checked is no good.
         */
        @Test
        void aNameThatTlsCannotHaveIsNamed() throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo)) {
                var tcp = StreamPeerTCP.connect("127.0.0.1", server.getLocalPort());
                assertThatExceptionOfType(IOException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(tcp, "wss://my_service/", TRUSTING))
                        .withMessageStartingWith("no TLS with my_service: ");
            }
        }

        /** CVE-2025-66614: who lets in by host must know what TLS was told. */
        @Test
        void theNamesOfTlsAndHttpCanBeCompared() throws Exception {
            Queue<String> seen = new ConcurrentLinkedQueue<>();
            try (var server = new WebSocketServer()) {
                server.setOptions(serving(Certificates.GOOD));
                server.setUpgradeHandler(request -> {
                    seen.add(request.serverName() + " " + request.isMisdirected());
                    return request.isMisdirected()
                            ? UpgradeResponse.refuse(421)
                            : UpgradeResponse.accept();
                });
                server.start(0, TlsTest::echo);
                WebSocketPeer.connect(url(server), TRUSTING).close();
                WebSocketPeer.connect("wss://127.0.0.1:" + server.getLocalPort() + "/", TRUSTING)
                        .close();
                try (RawPeer raw = secure(server)) {
                    String request = new String(RawPeer.request(""), StandardCharsets.US_ASCII);
                    raw.write(ascii(request.replace("Host: localhost", "Host: admin.example")));
                    assertThat(raw.readHead()).startsWith("HTTP/1.1 421 Misdirected Request");
                }
            }
            assertThat(seen)
                    .containsExactly(
                            "Optional[localhost] false",
                            "Optional.empty false",
                            "Optional[localhost] true");
        }
    }

    /** A client of the JDK's, as an independent other side. */
    private static RawPeer secure(WebSocketServer server) throws IOException {
        SSLSocket socket =
                layered(
                        new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort()),
                        "localhost");
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setServerNames(List.of(new SNIHostName("localhost"))); // a name without a dot
        socket.setSSLParameters(parameters);
        return new RawPeer(socket);
    }

    private static SSLSocket layered(Socket plain, String host) throws IOException {
        SSLContext context = Certificates.trusting();
        return (SSLSocket)
                context.getSocketFactory().createSocket(plain, host, plain.getPort(), true);
    }

    @Nested
    @DisplayName("Who speaks something else")
    class Strangers {
        @Test
        void plainHttpOnATlsPortIsAnsweredInPlain() throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo);
                    RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.request(""));
                assertThat(raw.readAll())
                        .startsWith("HTTP/1.1 400 ")
                        .endsWith("\r\n\r\nthis port speaks TLS: use wss: or https:\r\n")
                        .contains("Content-Length: 42\r\n");
            }
        }

        @Test
        void anAnswerToHeadInPlainHasNoBody() throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo);
                    RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(ascii("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
                assertThat(raw.readAll())
                        .startsWith("HTTP/1.1 400 ")
                        .endsWith("Content-Length: 42\r\n\r\n");
            }
        }

        @Test
        void ourPlainClientOnATlsPortIsTold() throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo)) {
                assertThatExceptionOfType(IOException.class)
                        .isThrownBy(() ->
                                WebSocketPeer.connect(url(server).replace("wss:", "ws:"), TRUSTING))
                        .withMessage("server answered 400 \"This port speaks TLS\"");
            }
        }

        @Test
        void whoIsOneTooManyGetsAnAlert() throws Exception {
            try (var server = new WebSocketServer()) {
                server.setOptions(serving(Certificates.GOOD));
                server.setMaxConnections(1);
                server.start(0, TlsTest::echo);
                try (var first = WebSocketPeer.connect(url(server), TRUSTING)) {
                    assertThatExceptionOfType(SSLException.class)
                            .isThrownBy(() -> WebSocketPeer.connect(url(server), TRUSTING))
                            .withMessage("the server gave up TLS with alert internal_error");
                    first.sendText("still here");
                    assertThat(first.receive()).isEqualTo(Message.text("still here"));
                }
            }
        }

        /** RFC 6455 section 10.2: a page that anybody could have changed is not the host's own. */
        @ParameterizedTest
        @CsvSource({
            "https://localhost, 101",
            "https://localhost:443, 101",
            "http://localhost, 403",
            "https://elsewhere.example, 403",
        })
        void aPageOfOurHostMustHaveComeOverTls(String origin, int status) throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo);
                    RawPeer raw = secure(server)) {
                raw.write(RawPeer.request("Origin: " + origin + "\r\n"));
                assertThat(raw.readHead()).startsWith("HTTP/1.1 " + status + " ");
            }
        }

        /** The stream below has no half-open state, so it ends without close_notify. */
        @Test
        void aRefusalIsKeptThoughTheStreamIsCutOffAfterIt() throws Exception {
            var listening = new TCPServer();
            assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            var peer = new WebSocketPeer(serving(Certificates.GOOD));
            try (var plain =
                    new Socket(InetAddress.getLoopbackAddress(), listening.getLocalPort())) {
                await().until(listening::isConnectionAvailable);
                assertThat(peer.acceptStream(listening.takeConnection())).isEqualTo(ErrorCode.OK);
                try (var raw = new RawPeer(layered(plain, "localhost"))) {
                    raw.write(RawPeer.request("Origin: https://elsewhere.example\r\n"));
                    assertThat(raw.readHead()).startsWith("HTTP/1.1 403 ");
                    pollUntil(peer, State.CLOSED);
                    assertThat(peer.getFailure().orElseThrow())
                            .hasMessage("origin not allowed: https://elsewhere.example");
                }
            } finally {
                listening.stop();
            }
        }

        /** What a user's own trust manager throws is a failed connection, not a lost thread. */
        @Test
        void aTrustManagerThatFailsIsNamed() throws Exception {
            var context = SSLContext.getInstance("TLS");
            var failing =
                    new X509TrustManager() {
                        @Override
                        public void checkClientTrusted(X509Certificate[] chain, String type) {
                            throw new IllegalStateException("no idea");
                        }

                        @Override
                        public void checkServerTrusted(X509Certificate[] chain, String type) {
                            throw new IllegalStateException("no idea");
                        }

                        @Override
                        public X509Certificate[] getAcceptedIssuers() {
                            return new X509Certificate[0];
                        }
                    };
            context.init(null, new TrustManager[] {failing}, null);
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo)) {
                assertThatExceptionOfType(SSLException.class)
                        .isThrownBy(() ->
                                WebSocketPeer.connect(
                                        url(server),
                                        WebSocketOptions.defaults()
                                                .withTls(TLSOptions.client(context))))
                        .withStackTraceContaining("no idea");
            }
        }

        /** Most servers answer with an alert. */
        @Test
        void anAlertForAnAnswerIsUnderstood() throws Exception {
            try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                var failure =
                        CompletableFuture.supplyAsync(() -> {
                            try {
                                WebSocketPeer.connect("ws://127.0.0.1:" + listening.getLocalPort())
                                        .close();
                                return null;
                            } catch (IOException e) {
                                return e.getMessage();
                            }
                        });
                try (var raw = new RawPeer(listening.accept())) {
                    raw.write(RawPeer.hex("15 0303 0002 0246"));
                    assertThat(failure.join()).isEqualTo("the server speaks TLS: use wss:");
                }
            }
        }

        @Test
        void tlsOnAPlainPortIsNamedOnBothSides() throws Exception {
            try (var server = serve(WebSocketOptions.defaults(), TlsTest::echo)) {
                assertThatExceptionOfType(SSLException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url(server), TRUSTING))
                        .withMessage("the server does not speak TLS: it begins with \"HTTP/\"");
                try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                    raw.write(RawPeer.hex("16 0301 0005 0100000100"));
                    assertThat(raw.readAll())
                            .startsWith("HTTP/1.1 400 ")
                            .contains("the client speaks TLS, on a port that does not");
                }
            }
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "16", "160301", "1603010200010001fc0303"})
        void aHandshakeThatDoesNotGoOnEndsByTheDeadline(String start) throws Exception {
            try (var server = serve(serving(Certificates.GOOD).withLimits(SHORT), TlsTest::echo);
                    RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.hex(start));
                assertThat(raw.drain()).isLessThan(1000);
            }
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "16030148010203", // a record that is too long
                    "160301000401000000", // an empty hello
                    "1403010001ff", // a change of ciphers before anything
                    "15030100020100", // an alert
                    "17030300050000000000", // data
                })
        void nonsenseEndsTheConnection(String bytes) throws Exception {
            try (var server = serve(serving(Certificates.GOOD), TlsTest::echo);
                    RawPeer raw = RawPeer.connect(server.getLocalPort());
                    var other = WebSocketPeer.connect(url(server), TRUSTING)) {
                raw.write(RawPeer.hex(bytes));
                raw.drain();
                other.sendText("still here");
                assertThat(other.receive()).isEqualTo(Message.text("still here"));
            }
        }

        @Test
        void manyFailedHandshakesLeaveNothingBehind() throws Exception {
            try (var server = serve(serving(Certificates.OTHER_NAME), TlsTest::echo)) {
                for (int i = 0; i < 200; i++) {
                    switch (i % 4) {
                        case 0 ->
                                assertThatExceptionOfType(SSLException.class)
                                        .isThrownBy(
                                                () -> WebSocketPeer.connect(url(server), TRUSTING));
                        case 1 -> RawPeer.connect(server.getLocalPort()).close();
                        case 2 -> RawPeer.connect(server.getLocalPort()).reset();
                        default -> {
                            try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                                raw.write(RawPeer.hex("16030100"));
                            }
                        }
                    }
                }
            } // and the leak guard looks
        }
    }

    @Nested
    @DisplayName("The end")
    class TheEnd {
        private RawPeer open(WebSocketServer server, Socket plain) throws IOException {
            var raw = new RawPeer(layered(plain, "localhost"));
            raw.write(RawPeer.request(""));
            assertThat(raw.readHead()).startsWith("HTTP/1.1 101 ");
            assertThat(server.isListening()).isTrue();
            return raw;
        }

        private WebSocketServer server(CompletableFuture<WebSocketPeer> ended) throws IOException {
            return serve(
                    serving(Certificates.GOOD).withLimits(QUICK_END),
                    peer -> {
                        echo(peer);
                        ended.complete(peer);
                    });
        }

        @Test
        void closeNotifyFollowsTheServersCloseFrame() throws Exception {
            var ended = new CompletableFuture<WebSocketPeer>();
            try (var server = server(ended);
                    Socket plain =
                            new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort());
                    RawPeer raw = open(server, plain)) {
                raw.write(masked(0x88, RawPeer.closePayload(4001, "")));
                assertThat(raw.readFrame().closeCode()).isEqualTo(4001);
                assertThat(raw.readEnd()).as("not an exception, as without close_notify").isTrue();
                raw.close();
                assertThat(ended.join().wasCleanClose()).isTrue();
            }
        }

        @Test
        void closeNotifyFollowsTheClientsCloseFrame() throws Exception {
            try (var listening =
                            Certificates.showing(Certificates.GOOD)
                                    .getServerSocketFactory()
                                    .createServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    var client = new WebSocketPeer(TRUSTING)) {
                client.connectToUrl("wss://localhost:" + listening.getLocalPort());
                try (var raw = new RawPeer(listening.accept())) {
                    raw.answer("");
                    pollUntil(client, State.OPEN);
                    client.close(4002, "");
                    assertThat(raw.readFrame().closeCode()).isEqualTo(4002);
                    raw.write(new byte[] {(byte) 0x88, 2, 0x0F, (byte) 0xA2});
                    raw.socket.shutdownOutput();
                    assertThat(raw.readEnd()).isTrue();
                }
                pollUntil(client, State.CLOSED);
                assertThat(client.getCloseCode()).isEqualTo(4002);
                assertThat(client.getFailure()).isEmpty();
            }
        }

        @Test
        void aStreamThatIsCutOffIsToldApartFromOneThatEnds() throws Exception {
            for (boolean cut : new boolean[] {true, false}) {
                var ended = new CompletableFuture<WebSocketPeer>();
                try (var server = server(ended);
                        Socket plain =
                                new Socket(
                                        InetAddress.getLoopbackAddress(), server.getLocalPort());
                        RawPeer raw = open(server, plain)) {
                    raw.write(masked(0x81, ascii("last words")));
                    assertThat(raw.readFrame().payload()).isEqualTo(ascii("last words"));
                    if (cut) {
                        plain.shutdownOutput();
                    } else {
                        raw.socket.shutdownOutput();
                    }
                    WebSocketPeer peer = ended.join();
                    peer.poll();
                    assertThat(peer.getCloseCode()).isEqualTo(1006);
                    assertThat(peer.getFailure().orElseThrow())
                            .isInstanceOf(EOFException.class)
                            .hasMessage(
                                    cut
                                            ? "the TLS stream was cut off: it has no close_notify"
                                            : "the other side closed the connection without a"
                                                    + " close frame");
                }
            }
        }

        /** CVE-2023-1108: closing a TLS connection that answers nothing ends by its deadline. */
        @Test
        void aCloseThatIsNotAnsweredEnds() throws Exception {
            try (var server =
                            serve(
                                    serving(Certificates.GOOD).withLimits(QUICK_END),
                                    peer -> peer.close(4003, ""));
                    Socket plain =
                            new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort());
                    RawPeer raw = open(server, plain)) {
                assertThat(raw.readFrame().closeCode()).isEqualTo(4003);
                assertThat(plain.getInputStream().readAllBytes()).hasSizeLessThan(200);
            }
        }

        @Test
        void renegotiationIsRefused() throws Exception {
            var ended = new CompletableFuture<WebSocketPeer>();
            try (var server = server(ended);
                    Socket plain =
                            new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort())) {
                SSLSocket secure = layered(plain, "localhost");
                secure.setEnabledProtocols(new String[] {"TLSv1.2"});
                try (var raw = new RawPeer(secure)) {
                    raw.write(RawPeer.request(""));
                    assertThat(raw.readHead()).startsWith("HTTP/1.1 101 ");
                    secure.startHandshake();
                    assertThatExceptionOfType(IOException.class).isThrownBy(raw::readFrame);
                }
                WebSocketPeer peer = ended.join();
                peer.poll();
                assertThat(peer.getFailure().orElseThrow())
                        .hasMessage("the other side wants to negotiate anew");
            }
        }
    }
}
