package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The opening handshake, RFC 6455 sections 1.3, 4 and 10.2. */
class HandshakeTest {
    /** "the sample nonce", the key of the RFC's examples. */
    private static final byte[] NONCE = utf8("the sample nonce");

    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    @Nested
    @DisplayName("4.1 Client requirements")
    class Client {
        /** The lines stand in the order in which Godot writes its own. */
        @Test
        void theRequest() {
            ClientHandshake handshake =
                    ClientHandshake.of(
                            "server.example.com:8080",
                            "/chat?x=%20y",
                            List.of("chat", "superchat"),
                            List.of(new Header("Origin", "http://example.com")),
                            NONCE);

            assertThat(handshake.request())
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo(
                            """
                            GET /chat?x=%20y HTTP/1.1\r
                            Host: server.example.com:8080\r
                            Upgrade: websocket\r
                            Connection: Upgrade\r
                            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                            Sec-WebSocket-Version: 13\r
                            Sec-WebSocket-Protocol: chat,superchat\r
                            Origin: http://example.com\r
                            \r
                            """);
        }

        @Test
        void theRequestBelongsToTheCaller() {
            ClientHandshake handshake = client();
            handshake.request()[0] = 'X';

            assertThat(handshake.request()).startsWith('G', 'E', 'T');
        }

        @ParameterizedTest
        @ValueSource(
                strings = {"", "a b", "a\r\nX: y", "user@a", "a/b", "a?b", "a#b", "a,b", "\u00e4"})
        void aHostThatCouldBeSomethingElseIsRefused(String host) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ClientHandshake.of(host, "/", List.of(), List.of(), NONCE))
                    .withMessageStartingWith("host \"");
        }

        @ParameterizedTest
        @ValueSource(strings = {"localhost", "127.0.0.1:80", "[::1]:9080", "xn--bcher-kva.example"})
        void aHostIsTaken(String host) {
            byte[] request = ClientHandshake.of(host, "/", List.of(), List.of(), NONCE).request();

            assertThat(new String(request, StandardCharsets.US_ASCII))
                    .contains("\r\nHost: " + host + "\r\n");
        }

        /** Section 3: no fragment. Section 10.1 of RFC 9110 apart, no line of one's own either. */
        @ParameterizedTest
        @ValueSource(
                strings = {"", "chat", "/a b", "/a\r\nX: y", "/a\u0000", "/\u00e9", "/a#b", "*"})
        void aTargetThatIsNoPathIsRefused(String target) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ClientHandshake.of("a", target, List.of(), List.of(), NONCE))
                    .withMessageStartingWith("target \"");
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "a b", "a,b", "a\r\nX: y", "\u00e4", "a\"", "a/b", "a\u007f"})
        void aProtocolThatIsNoTokenIsRefused(String protocol) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> ClientHandshake.of("a", "/", List.of(protocol), List.of(), NONCE))
                    .withMessageContaining("is not a token");
        }

        @Test
        void aProtocolNamedTwiceIsRefused() {
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            ClientHandshake.of("a", "/", List.of("x", "y", "x"), List.of(), NONCE))
                    .withMessageContaining("x named twice");
        }

        @ParameterizedTest
        @ValueSource(ints = {0, 15, 17})
        void aNonceHas16Bytes(int length) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            ClientHandshake.of("a", "/", List.of(), List.of(), new byte[length]));
        }

        @Test
        void theAnswerOpens() throws HandshakeException {
            assertThat(client().verify(answer(ACCEPT))).isEmpty();
            assertThat(client("chat").verify(answer(ACCEPT))).isEmpty();
            assertThat(
                            client("chat", "superchat")
                                    .verify(answer(ACCEPT, "Sec-WebSocket-Protocol: superchat")))
                    .contains("superchat");
        }

        /** Proxies and servers add to the list; the JDK's and Godot's clients stumble over it. */
        @Test
        void connectionIsAList() throws HandshakeException {
            ResponseHead head =
                    response(
                            """
                            HTTP/1.1 101 Web Socket Protocol Handshake\r
                            connection: keep-alive, upgrade\r
                            UPGRADE: WebSocket\r
                            Sec-WebSocket-Accept:%s\r
                            Sec-WebSocket-Extensions:\r
                            \r
                            """
                                    .formatted(ACCEPT));

            assertThat(client().verify(head)).isEmpty();
        }

        @Test
        void aRefusalIsNamedWithItsStatus() {
            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(
                            () -> client().verify(response("HTTP/1.1 403 Forbidden here\r\n\r\n")))
                    .withMessage("server answered 403 \"Forbidden here\"")
                    .satisfies(e -> assertThat(e.status()).isEqualTo(403));
            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> client().verify(response("HTTP/1.0 200\r\n\r\n")))
                    .withMessage("server answered 200");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "HTTP/1.0 101 OK|Upgrade: websocket|Connection: Upgrade|version HTTP/1.0",
                    "HTTP/1.1 101 OK|X: websocket|Connection: Upgrade|without an Upgrade",
                    "HTTP/1.1 101 OK|Upgrade: h2c|Connection: Upgrade|without an Upgrade",
                    "HTTP/1.1 101 OK|Upgrade: websocket|X: Upgrade|without upgrade in Connection",
                    "HTTP/1.1 101 OK|Upgrade: websocket|Connection: close|without upgrade in",
                })
        void anAnswerThatOpensSomethingElse(
                String status, String upgrade, String connection, String why)
                throws HandshakeException {
            ResponseHead head =
                    response(
                            String.join(
                                    "\r\n",
                                    status,
                                    upgrade,
                                    connection,
                                    "Sec-WebSocket-Accept: " + ACCEPT,
                                    "",
                                    ""));

            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> client().verify(head))
                    .withMessageContaining(why);
        }

        @Test
        void theAcceptKeyBelongsToOurs() {
            fails(client(), answer(ACCEPT.replace('s', 'S')), "does not belong to our key");
            fails(client(), answer(ACCEPT + "x"), "does not belong to our key");
            fails(client(), answer(ACCEPT, "Sec-WebSocket-Accept: " + ACCEPT), "does not belong");
            fails(
                    client(),
                    responseOf(
                            "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
                    "without Sec-WebSocket-Accept");
        }

        @Test
        void nothingUnaskedForIsAccepted() {
            fails(
                    client(),
                    answer(ACCEPT, "Sec-WebSocket-Protocol: chat"),
                    "subprotocol \"chat\" that was not asked for");
            fails(client("chat"), answer(ACCEPT, "Sec-WebSocket-Protocol: Chat"), "\"Chat\"");
            fails(client("chat"), answer(ACCEPT, "Sec-WebSocket-Protocol:"), "subprotocol");
            fails(
                    client("a", "b"),
                    answer(ACCEPT, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"),
                    "subprotocol");
            fails(client("a", "b"), answer(ACCEPT, "Sec-WebSocket-Protocol: a, b"), "subprotocol");
            fails(
                    client(),
                    answer(ACCEPT, "Sec-WebSocket-Extensions: permessage-deflate"),
                    "extension \"permessage-deflate\" that was not asked for");
        }

        private static void fails(ClientHandshake client, ResponseHead head, String why) {
            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> client.verify(head))
                    .withMessageContaining(why)
                    .satisfies(e -> assertThat(e.status()).isEqualTo(101));
        }
    }

    /** CVE-2026-1527 and its kin: whatever a caller passes, one header stays one header. */
    @Nested
    @DisplayName("Headers of the caller's")
    class Injection {
        @ParameterizedTest
        @ValueSource(strings = {"", "a b", "a:", "a\r\nb", "\u00e4", "a\u0000", ":a", " a"})
        void aNameIsAToken(String name) {
            List<Header> headers = List.of(new Header(name, "x"));

            refusedEverywhere(headers, "is not a token");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "a\r\nX: y",
                    "a\r",
                    "a\n",
                    "\u0000",
                    "a\u001f",
                    "\u007f",
                    "\u0085",
                    "\u010d"
                })
        void aValueIsOneLine(String value) {
            List<Header> headers = List.of(new Header("X-Name", value));

            refusedEverywhere(headers, "value of header X-Name has character U+");
        }

        @Test
        void aValueMayHoldTabsAndBytesBeyondAscii() {
            List<Header> headers = List.of(new Header("X-Name", "a\tb \u00e9"));
            byte[] request = ClientHandshake.of("a", "/", List.of(), headers, NONCE).request();

            assertThat(new String(request, StandardCharsets.ISO_8859_1))
                    .endsWith("\r\nX-Name: a\tb \u00e9\r\n\r\n");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "Upgrade",
                    "CONNECTION",
                    "sec-websocket-accept",
                    "Sec-WebSocket-Protocol",
                    "Sec-WebSocket-Extensions",
                    "Content-Length",
                    "Transfer-Encoding"
                })
        void whatTheHandshakeWritesIsNotWrittenTwice(String name) {
            List<Header> headers = List.of(new Header(name, "x"));

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.accept(upgrade(), null, headers))
                    .withMessageContaining("belongs to the handshake");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ClientHandshake.of("a", "/", List.of(), headers, NONCE))
                    .withMessageContaining("belongs to the handshake");
        }

        private static void refusedEverywhere(List<Header> headers, String why) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ClientHandshake.of("a", "/", List.of(), headers, NONCE))
                    .withMessageContaining(why)
                    .satisfies(e -> assertThat(e.getMessage()).matches("[ -~]+"));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.accept(upgrade(), null, headers))
                    .withMessageContaining(why);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.refuse(404, headers, new byte[0], null))
                    .withMessageContaining(why);
        }
    }

    @Nested
    @DisplayName("4.2 Server requirements")
    class Server {
        @Test
        void aGoodRequestPasses() {
            assertThatNoException().isThrownBy(() -> ServerHandshake.check(upgrade()));
            passes("Connection: Upgrade", "Connection: keep-alive, Upgrade");
            passes("Upgrade: websocket", "upgrade: h2c, WebSocket");
            passes("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade");
            passes("GET /chat", "GET http://server.example.com/chat");
            passes("Host: server.example.com", "Host: [::1]:9080");
            passes("Host: server.example.com", "Host: a\r\nContent-Length: 0");
            passes("Host: server.example.com", "Host:");
            passes("GET /chat", "GET http://other.example/chat");
            passes("GET /chat", "GET ws://other.example");
            passes("GET /chat", "GET http://server.example.com?x");
            passes("HTTP/1.1", "HTTP/1.2");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                quoteCharacter = '`',
                value = {
                    "GET /|POST /|405|method POST",
                    "GET /|get /|405|method get",
                    "HTTP/1.1|HTTP/1.0|505|version HTTP/1.0",
                    "HTTP/1.1|HTTP/2.0|505|version HTTP/2.0",
                    "GET /chat|GET *|400|target \"*\" is no path on a host",
                    "GET /chat|GET chat|400|target \"chat\" is no path on a host",
                    "GET /chat|GET http://a@server.example.com/|400|is no path on a host",
                    "Host:|X:|400|no Host",
                    "Host: server.example.com|Host: a b|400|is not a host",
                    "Host: server.example.com|Host: a@b|400|is not a host",
                    "Upgrade: websocket|X: y|426|no Upgrade to websocket",
                    "Upgrade: websocket|Upgrade: h2c|426|no Upgrade to websocket",
                    "Upgrade: websocket|Upgrade: websocketx|426|no Upgrade to websocket",
                    "Connection: Upgrade|X: y|400|no upgrade in Connection",
                    "Connection: Upgrade|Connection: close|400|no upgrade in Connection",
                    "Sec-WebSocket-Version: 13|X: y|426|no Sec-WebSocket-Version",
                    "Version: 13|Version: 8|426|Sec-WebSocket-Version \"8\"",
                    "Version: 13|Version: 13, 8|426|Sec-WebSocket-Version \"13, 8\"",
                    "Version: 13|Version: 013|426|Sec-WebSocket-Version \"013\"",
                    "Sec-WebSocket-Key: |X: |400|no Sec-WebSocket-Key",
                    "Key: dGhlIHNhbXBsZSBub25jZQ==|Key:|400|16 bytes",
                    "Key: dGhlIHNhbXBsZSBub25jZQ==|Key: dGhlIHNhbXBsZSBub25jZQ|400|16 bytes",
                    "Key: dGhlIHNhbXBsZSBub25jZQ==|Key: dGhlIHNhbXBsZSBub25j|400|16 bytes",
                    "Key: dGhlIHNhbXBsZSBub25jZQ==|Key: dGhlIHNhbXBsZSBub25jZSE=|400|16 bytes",
                    "Key: dGhlIHNhbXBsZSBub25jZQ==|Key: dGhl*HNhbXBsZSBub25jZQ==|400|16 bytes",
                })
        void aBadRequestIsRefusedWithItsStatus(String good, String bad, int status, String why)
                throws HandshakeException {
            refused(request(upgradeText().replace(good, bad)), status, why);
        }

        /** What two readers of one request could read differently is how requests are smuggled. */
        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                quoteCharacter = '`',
                value = {
                    "Host: b|Host 2 times",
                    "host: server.example.com|Host 2 times",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Key 2 times",
                    "Sec-WebSocket-Version: 13|Sec-WebSocket-Version 2 times",
                    "Transfer-Encoding: chunked|Transfer-Encoding in an upgrade",
                    "Transfer-Encoding: identity|Transfer-Encoding in an upgrade",
                    "Content-Length: 5|Content-Length \"5\" in an upgrade",
                    "Content-Length: 00|Content-Length \"00\" in an upgrade",
                    "Content-Length: +0|Content-Length \"+0\" in an upgrade",
                    "Content-Length:|Content-Length \"\" in an upgrade",
                })
        void oneLineTooManyIsRefused(String line, String why) throws HandshakeException {
            refused(request(upgradeText(line)), 400, why);
        }

        /** RFC 9112 section 3.2: for requests that ask for no WebSocket, too. */
        @Test
        void everyRequestHasOneHost() throws HandshakeException {
            String rest = "\r\nX: y\r\n\r\n";
            for (String good :
                    List.of(
                            "GET / HTTP/1.0",
                            "GET / HTTP/1.0\r\nHost: a",
                            "GET / HTTP/1.1\r\nHost: a",
                            "GET / HTTP/1.1\r\nHost:",
                            "GET http://A/ HTTP/1.1\r\nHost: a",
                            "GET http://b/ HTTP/1.1\r\nHost: a",
                            "GET http://b/ HTTP/1.0",
                            "GET http://a HTTP/1.1\r\nHost: a")) {
                ServerHandshake.checkTarget(request(good + rest));
            }
            for (String bad :
                    List.of(
                            "GET / HTTP/1.1",
                            "GET / HTTP/1.1\r\nHost: a\r\nHost: a",
                            "GET / HTTP/1.0\r\nHost: a\r\nHost: b",
                            "GET / HTTP/1.0\r\nHost: a b",
                            "GET http://b/ HTTP/1.1",
                            "GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b",
                            "GET /a#b HTTP/1.1\r\nHost: a")) {
                refusedHost(request(bad + rest));
            }
        }

        private static void refusedHost(RequestHead head) {
            assertThatExceptionOfType(HandshakeException.class)
                    .as(head.toString())
                    .isThrownBy(() -> ServerHandshake.checkTarget(head))
                    .satisfies(e -> assertThat(e.status()).isEqualTo(400));
        }

        @Test
        void theClientsFirstProtocolThatIsOursIsChosen() throws HandshakeException {
            RequestHead head =
                    request(
                            upgradeText(
                                    "Sec-WebSocket-Protocol: first, second",
                                    "Sec-WebSocket-Protocol: third"));

            assertThat(ServerHandshake.selectProtocol(head, List.of("third", "second")))
                    .contains("second");
            assertThat(ServerHandshake.selectProtocol(head, List.of("third"))).contains("third");
            assertThat(ServerHandshake.selectProtocol(head, List.of("First"))).isEmpty();
            assertThat(ServerHandshake.selectProtocol(head, List.of())).isEmpty();
            assertThat(ServerHandshake.selectProtocol(upgrade(), List.of("first"))).isEmpty();
        }

        /** Godot's client wants "Connection: Upgrade", exactly, and at least three headers. */
        @Test
        void theAnswerThatOpens() {
            assertThat(ServerHandshake.accept(upgrade(), null, List.of()))
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo(
                            """
                            HTTP/1.1 101 Switching Protocols\r
                            Upgrade: websocket\r
                            Connection: Upgrade\r
                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                            \r
                            """);
        }

        @Test
        void theAnswerWithAProtocolAndMore() throws HandshakeException {
            RequestHead head = request(upgradeText("Sec-WebSocket-Protocol: a, b"));

            assertThat(ServerHandshake.accept(head, "b", List.of(new Header("Server", "x y"))))
                    .asString(StandardCharsets.US_ASCII)
                    .endsWith(
                            """
                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                            Sec-WebSocket-Protocol: b\r
                            Server: x y\r
                            \r
                            """);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.accept(head, "c", List.of()))
                    .withMessageContaining("did not ask for subprotocol \"c\"");
        }

        @Test
        void bothHalvesFitTogether() throws HandshakeException {
            byte[] nonce = utf8("0123456789abcdef");
            ClientHandshake client =
                    ClientHandshake.of("a:1", "/x", List.of("p", "q"), List.of(), nonce);
            RequestHead request =
                    request(new String(client.request(), StandardCharsets.ISO_8859_1));

            ServerHandshake.check(request);
            Optional<String> chosen = ServerHandshake.selectProtocol(request, List.of("q"));
            byte[] answer = ServerHandshake.accept(request, chosen.orElseThrow(), List.of());

            assertThat(request.first("Sec-WebSocket-Key"))
                    .contains(Base64.getEncoder().encodeToString(nonce));
            assertThat(client.verify(response(new String(answer, StandardCharsets.ISO_8859_1))))
                    .contains("q");
        }

        @Test
        void aRefusal() {
            assertThat(
                            ServerHandshake.refuse(
                                    403,
                                    List.of(new Header("X-Why", "origin")),
                                    utf8("no\n"),
                                    "text/plain"))
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo(
                            """
                            HTTP/1.1 403 Forbidden\r
                            Connection: close\r
                            Content-Length: 3\r
                            Content-Type: text/plain\r
                            X-Why: origin\r
                            \r
                            no
                            """);
        }

        /**
         * Section 4.4: the versions that we speak; RFC 9110 section 15.5.22: what to upgrade to.
         */
        @Test
        void refusalsSayWhatWouldBeRight() {
            assertThat(ServerHandshake.refuse(426, List.of(), new byte[0], null))
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo(
                            """
                            HTTP/1.1 426 Upgrade Required\r
                            Upgrade: websocket\r
                            Connection: Upgrade, close\r
                            Sec-WebSocket-Version: 13\r
                            Content-Length: 0\r
                            \r
                            """);
            assertThat(ServerHandshake.refuse(405, List.of(), new byte[0], null))
                    .asString(StandardCharsets.US_ASCII)
                    .contains("\r\nAllow: GET\r\n", "\r\nConnection: close\r\n");
        }

        /** RFC 9110 section 10.2.1: the program may know of more methods. */
        @Test
        void theProgramsAllowCountsMore() {
            List<Header> own = List.of(new Header("allow", "GET, OPTIONS"));

            assertThat(ServerHandshake.refuse(405, own, new byte[0], null))
                    .asString(StandardCharsets.US_ASCII)
                    .contains("\r\nallow: GET, OPTIONS\r\n")
                    .doesNotContain("Allow: GET");
        }

        /** RFC 9110 sections 9.3.2 and 9.3.6, RFC 9112 section 6.3. */
        @Test
        void headAndConnectHaveNoBody() throws HandshakeException {
            byte[] body = utf8("hello");
            for (int status = 200; status < 600; status++) {
                byte[] page = status == 204 || status == 205 || status == 304 ? new byte[0] : body;
                byte[] get = ServerHandshake.refuse("GET", status, List.of(), page, null);
                byte[] head = ServerHandshake.refuse("HEAD", status, List.of(), page, null);
                byte[] connect = ServerHandshake.refuse("CONNECT", status, List.of(), page, null);

                assertThat(get).startsWith(head).hasSize(head.length + page.length);
                if (status < 300) {
                    String tunnel = new String(connect, StandardCharsets.ISO_8859_1);
                    assertThat(tunnel).endsWith("\r\n\r\n").doesNotContain("Content-Length");
                } else {
                    assertThat(connect).isEqualTo(get);
                }
                for (byte[] answer : List.of(head, connect)) {
                    String text = new String(answer, StandardCharsets.ISO_8859_1);
                    int end = text.indexOf("\r\n\r\n") + 4;
                    // Godot's clients take no answer with fewer.
                    assertThat(response(text.substring(0, end)).headers())
                            .hasSizeGreaterThanOrEqualTo(3);
                }
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.refuse(205, List.of(), body, null));
        }

        @Test
        void everyStatusMakesAHeadThatParses() throws HandshakeException {
            for (int status = 200; status < 600; status++) {
                byte[] answer = ServerHandshake.refuse(status, List.of(), new byte[0], null);
                ResponseHead head = response(new String(answer, StandardCharsets.ISO_8859_1));

                assertThat(head.status()).isEqualTo(status);
                assertThat(head.hasToken("Connection", "close")).isTrue();
                assertThat(head.first("Content-Length").isPresent())
                        .isEqualTo(status != 204 && status != 304);
            }
            for (int status : new int[] {-1, 101, 199, 600}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(
                                () -> ServerHandshake.refuse(status, List.of(), new byte[0], null));
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ServerHandshake.refuse(204, List.of(), utf8("x"), null));
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            ServerHandshake.refuse(200, List.of(), utf8("x"), "text/html\r\nX: y"));
        }

        private static void passes(String good, String also) {
            assertThatNoException()
                    .as(also)
                    .isThrownBy(() ->
                            ServerHandshake.check(request(upgradeText().replace(good, also))));
        }

        private static void refused(RequestHead head, int status, String why) {
            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> ServerHandshake.check(head))
                    .withMessageContaining(why)
                    .satisfies(e -> assertThat(e.status()).isEqualTo(status));
        }
    }

    @Nested
    @DisplayName("10.2 Origin")
    class OriginOfThePage {
        @ParameterizedTest
        @CsvSource({
            "http://play.example, play.example, true",
            "https://play.example, play.example, true",
            "HTTPS://Play.Example, play.example, true",
            "http://play.example, play.example:80, true",
            "https://play.example, play.example:443, true",
            "https://play.example, play.example:80, false",
            "http://play.example:8080, play.example:8080, true",
            "http://play.example:8080, play.example, false",
            "http://play.example, play.example:8080, false",
            "http://localhost:3000, localhost:9080, false",
            "http://[::1]:9080, '[::1]:9080', true",
            "http://[::1], '[::1]', true",
            "http://[::1], '[::1]:80', true",
            // Suffixes and prefixes of the host are other people's hosts.
            "http://evilplay.example, play.example, false",
            "http://play.example.evil, play.example, false",
            "http://evil/play.example, play.example, false",
            "http://play.example@evil, play.example, false",
            "http://evil#play.example, play.example, false",
            "http://, play.example, false",
            "null, play.example, false",
            "file://, play.example, false",
            "play.example, play.example, false",
            "ftp://play.example, play.example, false",
            "chrome-extension://play.example, play.example, false",
        })
        void aPageOfThisHostMayConnect(String origin, String host, boolean allowed)
                throws HandshakeException {
            RequestHead head = request("GET / HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + origin);

            assertThat(ServerHandshake.originAllowed(head, false, any -> false)).isEqualTo(allowed);
        }

        @Test
        void whatIsNoBrowserSendsNone() {
            assertThat(ServerHandshake.originAllowed(upgrade(), false, any -> false)).isTrue();
            assertThat(ServerHandshake.originAllowed(upgrade(), true, any -> false)).isTrue();
        }

        @ParameterizedTest
        @CsvSource({
            "https://game.example, true",
            "https://game.example:8443, false",
            "http://game.example, false",
            "https://game.example., false",
            "https://xgame.example, false",
            "null, true",
        })
        void theListIsExact(String origin, boolean allowed) throws HandshakeException {
            Set<String> list = Set.of("https://game.example", "null");
            RequestHead head = request("GET / HTTP/1.1\r\nHost: a\r\nOrigin: " + origin);

            assertThat(ServerHandshake.originAllowed(head, false, list::contains))
                    .isEqualTo(allowed);
        }

        @Test
        void aPageWithoutTlsMayNotConnectToAServerWithIt() throws HandshakeException {
            RequestHead plain = request("GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a");
            RequestHead secure = request("GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://a");

            assertThat(ServerHandshake.originAllowed(plain, true, any -> false)).isFalse();
            assertThat(ServerHandshake.originAllowed(secure, true, any -> false)).isTrue();
        }

        @Test
        void twoOriginsAreNone() throws HandshakeException {
            RequestHead head =
                    request("GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nOrigin: b");

            assertThat(ServerHandshake.originAllowed(head, false, any -> true)).isFalse();
        }

        @Test
        void withoutAHostNothingIsEqualToIt() throws HandshakeException {
            RequestHead head = request("GET / HTTP/1.1\r\nOrigin: http://a");

            assertThat(ServerHandshake.originAllowed(head, false, any -> false)).isFalse();
        }

        private static RequestHead request(String head) throws HandshakeException {
            return HandshakeTest.request(head + "\r\n\r\n");
        }
    }

    private static ClientHandshake client(String... protocols) {
        return ClientHandshake.of("a", "/", List.of(protocols), List.of(), NONCE);
    }

    /** The RFC's request, with more lines at its end. */
    private static String upgradeText(String... more) {
        List<String> lines =
                new ArrayList<>(
                        List.of(
                                "GET /chat HTTP/1.1",
                                "Host: server.example.com",
                                "Upgrade: websocket",
                                "Connection: Upgrade",
                                "Sec-WebSocket-Key: " + KEY,
                                "Sec-WebSocket-Version: 13"));
        lines.addAll(List.of(more));
        return String.join("\r\n", lines) + "\r\n\r\n";
    }

    private static RequestHead upgrade() {
        try {
            return request(upgradeText());
        } catch (HandshakeException e) {
            throw new AssertionError(e);
        }
    }

    private static ResponseHead answer(String accept, String... more) {
        List<String> lines =
                new ArrayList<>(
                        List.of(
                                "HTTP/1.1 101 Switching Protocols",
                                "Upgrade: websocket",
                                "Connection: Upgrade",
                                "Sec-WebSocket-Accept: " + accept));
        lines.addAll(List.of(more));
        return responseOf(String.join("\r\n", lines) + "\r\n\r\n");
    }

    private static ResponseHead responseOf(String head) {
        try {
            return response(head);
        } catch (HandshakeException e) {
            throw new AssertionError(e);
        }
    }

    private static RequestHead request(String head) throws HandshakeException {
        HeadParser parser = HeadParser.request(4096, 100);
        byte[] bytes = head.getBytes(StandardCharsets.ISO_8859_1);
        assertThat(parser.feed(bytes, 0, bytes.length)).as("complete").isTrue();
        return parser.requestHead();
    }

    private static ResponseHead response(String head) throws HandshakeException {
        HeadParser parser = HeadParser.response(4096, 100);
        byte[] bytes = head.getBytes(StandardCharsets.ISO_8859_1);
        assertThat(parser.feed(bytes, 0, bytes.length)).as("complete").isTrue();
        return parser.responseHead();
    }
}
