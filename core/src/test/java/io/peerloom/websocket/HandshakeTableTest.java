package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The opening handshake over real sockets, both sides of it, polled and blocking, against a peer
 * that knows only bytes: a table of what may come, keyed by the section that says what is due. RFC
 * 6455 sections 4 and 10, RFC 9112 for the lines, RFC 7692 for compression.
 */
class HandshakeTableTest {

    /** How the side under test is used. */
    enum Api {
        POLLED,
        BLOCKING
    }

    private static final int CASES = 457;

    /** So that nobody shortens the table unseen. */
    @Test
    void thereAreSoManyCases() {
        assertThat(serverCases().size() + clientCases().size()).isEqualTo(CASES);
    }

    private static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** For the names of tests. */
    private static String printable(String text) {
        String plain =
                text.replace("\r", "\\r").replace("\n", "\\n").replaceAll("[^\\x20-\\x7E]", "?");
        return plain.length() > 100 ? plain.substring(0, 100) + "..." : plain;
    }

    // ---- the server's side ----

    /** What a server was told before it listened. */
    enum Setting {
        PLAIN,
        /** Pages of {@code https://game.example} may connect. */
        ORIGINS,
        /** It speaks {@code alpha} and {@code beta}. */
        PROTOCOLS,
        COMPRESSION,
        /** Its upgrade handler answers as the path says. */
        HANDLER;

        WebSocketServer server() {
            var server = new WebSocketServer();
            WebSocketOptions options =
                    WebSocketOptions.defaults()
                            .withLimits(Limits.defaults().withMaxHeadBytes(HEAD));
            switch (this) {
                case ORIGINS ->
                        options = options.withOrigins(OriginPolicy.of("https://game.example"));
                case PROTOCOLS -> options = options.withProtocols("alpha", "beta");
                case COMPRESSION -> options = options.withCompression(Compression.defaults());
                case HANDLER -> server.setUpgradeHandler(HandshakeTableTest::decide);
                case PLAIN -> {}
            }
            server.setOptions(options);
            return server;
        }
    }

    private static final int HEAD = 4096;

    private static UpgradeResponse decide(UpgradeRequest request) {
        return switch (request.path()) {
            case "/401" -> UpgradeResponse.refuse(401).withHeader("WWW-Authenticate", "Basic");
            case "/302" -> UpgradeResponse.refuse(302).withHeader("Location", "/elsewhere");
            case "/503" -> UpgradeResponse.refuse(503).withHeader("Retry-After", "5");
            case "/page" -> UpgradeResponse.page("<p>hello</p>");
            default -> UpgradeResponse.accept().withHeader("X-Path", request.path());
        };
    }

    /**
     * A request.
     *
     * @param section of RFC 6455, unless it names another
     * @param request all that is sent
     * @param status of the answer
     * @param contains what the answer's head must contain; with "!" before it, what it may not
     */
    record Request(
            String section, Setting setting, String request, int status, List<String> contains) {
        @Override
        public String toString() {
            return section + " " + status + " " + printable(request);
        }
    }

    private static final String GOOD =
            """
            GET /chat HTTP/1.1\r
            Host: localhost\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            Sec-WebSocket-Version: 13\r
            \r
            """;

    /** A table under construction. */
    private static final class Requests {
        final List<Request> all = new ArrayList<>();
        private String section;
        private Setting setting;

        void section(String name, Setting with) {
            section = name;
            setting = with;
        }

        private void add(int status, String request, String... contains) {
            all.add(new Request(section, setting, request, status, List.of(contains)));
        }

        /** The good request with a part replaced. */
        void with(int status, String part, String other, String... contains) {
            assertThat(GOOD).contains(part);
            add(status, GOOD.replace(part, other), contains);
        }

        /** The good request with more lines. */
        void plus(int status, String lines, String... contains) {
            add(status, GOOD.replace("\r\n\r\n", "\r\n" + lines + "\r\n\r\n"), contains);
        }
    }

    static List<Request> serverCases() {
        var t = new Requests();
        requestLines(t);
        requiredHeaders(t);
        lines(t);
        bodies(t);
        sizes(t);
        origins(t);
        subprotocols(t);
        extensions(t);
        handlers(t);
        plainRequests(t);
        return t.all;
    }

    private static void requestLines(Requests t) {
        t.section("4.2.1 (1)", Setting.PLAIN);
        for (String target :
                new String[] {
                    "/",
                    "/chat?room=1&x=%20",
                    "/a%20b/../c",
                    "//double",
                    "/?u=http://a/b",
                    "/:80",
                    "/~!$&'()*+,;=@-._",
                    "http://localhost/chat",
                    "ws://LOCALHOST/chat?x",
                    "http://localhost",
                    "http://localhost:80/chat",
                    "http://localhost:/chat",
                    "http://localhost?x",
                    "HTTPS://localhost:443?",
                    "wss://[::1]:8080/chat",
                    // RFC 9112 section 3.2.2: whatever the Host says, as that of a proxy
                    "http://other.example/chat",
                    "http://localhost:81/chat"
                }) {
            t.with(101, "/chat", target);
        }
        for (String target :
                new String[] {
                    "*",
                    "chat",
                    "/chat#part",
                    "http://user@localhost/chat",
                    "http:///chat",
                    "http://:80/chat",
                    "http://?x",
                    "http://localhost:x/chat",
                    "http://localhost:8:0/chat",
                    "http://[::1/chat",
                    "http://a,b/chat",
                    "http:/localhost/chat",
                    "://localhost/chat",
                    "h@p://localhost/chat",
                    "ftp://localhost/chat",
                    "localhost:80",
                    "",
                    "/a b",
                    " /chat",
                    "/chat ",
                    "/\t",
                    "/\u0000",
                    "/\u007f",
                    "/\u00e9"
                }) {
            t.with(400, "/chat", target);
        }
        for (String method :
                new String[] {"POST", "HEAD", "PUT", "DELETE", "TRACE", "get", "GETT"}) {
            t.with(405, "GET", method, "Allow: GET");
        }
        t.with(405, "GET /chat", "OPTIONS *", "Allow: GET");
        t.with(405, "GET /chat", "CONNECT localhost:80", "Allow: GET");
        t.with(405, "GET /chat HTTP/1.1", "PRI * HTTP/2.0");
        for (String method : new String[] {"G T", "G(T", "", "G\u00cbT", "G\tT"}) {
            t.with(400, "GET", method);
        }
        for (String version : new String[] {"HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3.1"}) {
            t.with(505, "HTTP/1.1", version);
        }
        t.with(101, "HTTP/1.1", "HTTP/1.2"); // RFC 9110 section 2.5
        for (String version :
                new String[] {
                    "http/1.1", "HTTP/11", "HTTP/1.10", "HTTP/1", "HTTP/ 1.1", "ICY/1.1"
                }) {
            t.with(400, "HTTP/1.1", version);
        }
        t.with(400, " HTTP/1.1", "");
        t.add(101, "\r\n" + GOOD); // RFC 9112 section 2.2
        t.add(400, "\r\n\r\n" + GOOD);
        t.add(400, "\r" + GOOD);
        t.add(400, "\n" + GOOD);
        t.add(400, "SSH-2.0-OpenSSH_9.6\r\n\r\n");
        t.add(400, "\u0016\u0003\u0001\u0002\u0000\u0001 and so on\r\n\r\n", "!101");
    }

    private static void requiredHeaders(Requests t) {
        String host = "Host: localhost";
        t.section("4.2.1 (2)", Setting.PLAIN);
        for (String good :
                new String[] {
                    "host:localhost",
                    "HOST: \t localhost \t",
                    "Host: [::1]:1",
                    "Host: localhost:",
                    "Host: my_service",
                    "Host:" // RFC 9112 section 3.2: of a target without a host
                }) {
            t.with(101, host, good);
        }
        for (String bad :
                new String[] {
                    "X: y",
                    "Host: a b",
                    "Host: :80",
                    "Host: a:b",
                    "Host: a:1:2",
                    "Host: ::1",
                    "Host: [::1",
                    "Host: []",
                    "Host: [a]b",
                    "Host: a,b",
                    "Host: a/b",
                    "Host: a@b",
                    "Host: a\r\nHost: b",
                    "Host: a\r\nhost: a",
                }) {
            t.with(400, host, bad);
        }
        t.section("4.2.1 (3)", Setting.PLAIN);
        for (String good :
                new String[] {
                    "upgrade: WebSocket",
                    "Upgrade: h2c, websocket",
                    "Upgrade: h2c\r\nUpgrade: websocket"
                }) {
            t.with(101, "Upgrade: websocket", good);
        }
        for (String bad :
                new String[] {
                    "X: y",
                    "Upgrade:",
                    "Upgrade: h2c",
                    "Upgrade: websockets",
                    "Upgrade: websocket/13"
                }) {
            t.with(
                    426,
                    "Upgrade: websocket",
                    bad,
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13");
        }
        t.section("4.2.1 (4)", Setting.PLAIN);
        for (String good :
                new String[] {
                    "connection: upgrade",
                    "Connection: keep-alive, Upgrade",
                    "Connection: ,,UPGRADE ,",
                    "Connection: keep-alive\r\nConnection: Upgrade",
                    "Connection: close, Upgrade"
                }) {
            t.with(101, "Connection: Upgrade", good, "Connection: Upgrade");
        }
        for (String bad :
                new String[] {
                    "X: y",
                    "Connection:",
                    "Connection: close",
                    "Connection: upgraded",
                    "Connection: up grade",
                    "Connection: \"Upgrade\""
                }) {
            t.with(400, "Connection: Upgrade", bad);
        }
        String key = "dGhlIHNhbXBsZSBub25jZQ==";
        t.section("4.2.1 (5)", Setting.PLAIN);
        t.with(101, key, key + " ", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (String bad :
                new String[] {
                    "",
                    "dGhlIHNhbXBsZSBub25jZQ",
                    "dGhlIHNhbXBsZSBub25jZQ=",
                    "dGhlIHNhbXBsZSBub25j",
                    "dGhlIHNhbXBsZSBub25jZWQ=",
                    "dGhlIHNhbXBsZSBub25jZQ===",
                    "dGhl*HNhbXBsZSBub25jZQ==",
                    "dGhl HNhbXBsZSBub25jZQ==",
                    key + ", " + key,
                    key + "\r\nSec-WebSocket-Key: " + key,
                    key + "\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="
                }) {
            t.with(400, key, bad);
        }
        t.with(400, "Sec-WebSocket-Key", "X");
        t.section("4.2.1 (6), 4.4", Setting.PLAIN);
        for (String bad :
                new String[] {"8", "7", "0", "14", "25", "013", "+13", "13.0", "13, 8", ""}) {
            t.with(426, "Version: 13", "Version: " + bad, "Sec-WebSocket-Version: 13");
        }
        t.with(426, "Sec-WebSocket-Version: 13", "X: y", "Sec-WebSocket-Version: 13");
        t.with(400, "Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13");
        t.with(400, "Version: 13", "Version: 13\r\nSec-WebSocket-Version: 8");
    }

    /** What two readers of one request could read differently is how requests are smuggled. */
    private static void lines(Requests t) {
        t.section("RFC 9112 5", Setting.PLAIN);
        for (String good :
                new String[] {
                    "X:y",
                    "X:",
                    "X: \t y \t",
                    "X: caf\u00e9",
                    "!#$%&'*+-.^_`|~: y",
                    "X: a: b",
                    "X: \"\\\"\""
                }) {
            t.plus(101, good);
        }
        for (String bad :
                new String[] {
                    "X : y",
                    "X\t: y",
                    "X y: z",
                    "X",
                    ": y",
                    " X: y",
                    "\tX: y",
                    "X: y\r\n folded",
                    "X: y\r\n\tfolded",
                    "X: y\r\n ",
                    "X: a\nY: b",
                    "X: a\rY: b",
                    "X: a\r\r\nY: b",
                    "X: a\r Y: b",
                    "X: a\u0000",
                    "X: a\u0001",
                    "X: a\u007f",
                    "X: a\u000b",
                    "X\u0000: a",
                    "X(: a",
                    "X\u00e9: a",
                    "X@: a",
                    "\"X\": a",
                }) {
            t.plus(400, bad);
        }
        t.add(400, GOOD.replace("\r\n", "\n"));
        t.add(400, GOOD.replace("13\r\n\r\n", "13\n\n"));
        t.add(400, GOOD.replace("13\r\n\r\n", "13\r\n\n"));
        t.add(400, GOOD.replace("13\r\n\r\n", "13\r\n\rX"));
        t.add(400, GOOD.replace("HTTP/1.1\r\n", "HTTP/1.1\n"));
        t.add(400, GOOD.replace("HTTP/1.1\r\n", "HTTP/1.1\r\n\tX: y\r\n"));
    }

    private static void bodies(Requests t) {
        t.section("RFC 9112 6", Setting.PLAIN);
        t.plus(101, "Content-Length: 0");
        t.plus(101, "Content-Length: 0\r\ncontent-length: 0");
        for (String length :
                new String[] {
                    "5", "00", "+0", "-0", "-1", "0x0", "0, 5", "0,0", "", "0 0", "\u00b2", "1e0"
                }) {
            t.plus(400, "Content-Length: " + length);
        }
        t.plus(400, "Content-Length: 0\r\nContent-Length: 5");
        t.plus(400, "Content-Length: 5\r\nContent-Length: 0");
        for (String coding :
                new String[] {
                    ": chunked",
                    ":chunked",
                    ":\tchunked",
                    ": Chunked",
                    ": identity",
                    ": gzip, chunked",
                    ": chunked, identity",
                    ": xchunked",
                    ": \"chunked\"",
                    ": chunked;q=1",
                    ":",
                    " : chunked",
                    ":\r\n chunked",
                    ": x\r\n\tchunked",
                    ": chunked\r\nTransfer-Encoding: identity",
                    ": chunked\r\nContent-Length: 0",
                    ": chunked\r\nContent-Length: 5",
                }) {
            t.plus(400, "Transfer-Encoding" + coding);
            t.plus(400, "transfer-encoding" + coding);
        }
        // Chunks that one reader ends here and another one there.
        for (String chunk :
                new String[] {
                    "0\r\n\r\n",
                    "5;x=\r\nhello\r\n0\r\n\r\n",
                    "5;x=\"\r\n\r\nGET /in HTTP/1.1\r\n\"\r\nhello\r\n0\r\n\r\n",
                    "5\nhello\r\n0\r\n\r\n",
                    "5 ;\nhello\n0\n\n",
                    "0;\nGET /in HTTP/1.1\r\n\r\n",
                    "ffffffffffffffff\r\n",
                }) {
            t.add(400, GOOD.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n") + chunk);
        }
    }

    private static void sizes(Requests t) {
        t.section("limits", Setting.PLAIN);
        String pad = GOOD.replace("\r\n\r\n", "\r\nX: \r\n\r\n");
        String full = "y".repeat(HEAD - pad.length());
        t.plus(101, "X: " + full);
        t.plus(431, "X: y" + full);
        t.plus(101, "X: y\r\n".repeat(95).strip());
        t.plus(431, "X: y\r\n".repeat(96).strip());
        t.add(431, "GET /" + "a".repeat(HEAD) + " HTTP/1.1\r\n\r\n");
        t.add(431, "G".repeat(HEAD + 1));
        t.add(431, "GET / HTTP/1.1\r\n" + "X".repeat(HEAD));
        t.add(431, "GET / HTTP/1.1\r\nX:" + " ".repeat(HEAD));
        t.add(431, "GET / HTTP/1.1\r\n" + "X: y\r\n".repeat(1000));
    }

    private static void origins(Requests t) {
        t.section("10.2", Setting.ORIGINS);
        for (String good :
                new String[] {
                    "http://localhost",
                    "https://localhost",
                    "HTTP://LOCALHOST",
                    "http://localhost:80",
                    "https://game.example"
                }) {
            t.plus(101, "Origin: " + good);
        }
        for (String bad :
                new String[] {
                    "https://evil.example",
                    "https://localhost.evil.example",
                    "https://evil-localhost",
                    "http://localhost:81",
                    "https://localhost:80",
                    "http://user@localhost",
                    "http://localhost/",
                    "http://localhost#",
                    "http://game.example",
                    "https://game.example:444",
                    "https://game.example.evil.example",
                    "https://evilgame.example",
                    "https://GAME.example",
                    "file://",
                    "null",
                    "",
                    "localhost",
                    "https://game.example, https://evil.example",
                    "https://game.example\r\nOrigin: https://evil.example",
                    "https://evil.example\r\nOrigin: https://game.example",
                }) {
            t.plus(403, "Origin: " + bad);
        }
        t.plus(101, "Sec-WebSocket-Origin: https://evil.example"); // of an old draft
    }

    private static void subprotocols(Requests t) {
        String header = "Sec-WebSocket-Protocol: ";
        t.section("4.2.2 (5)", Setting.PROTOCOLS);
        t.plus(101, "X: y", "!" + header);
        t.plus(101, header + "alpha", header + "alpha\r\n");
        t.plus(101, header + "beta, alpha", header + "beta\r\n");
        t.plus(101, header + "gamma,beta", header + "beta\r\n");
        t.plus(101, header + "gamma\r\n" + header + "alpha", header + "alpha\r\n");
        t.plus(101, header + "gamma", "!" + header);
        t.plus(101, header + "Alpha, alphabet, alph, \"alpha\"", "!" + header);
        t.plus(101, header, "!" + header);
        t.plus(101, header + ",, ,", "!" + header);
        t.plus(101, header + ",beta,", header + "beta\r\n");
        t.section("4.2.2 (5)", Setting.PLAIN);
        t.plus(101, header + "alpha", "!" + header);
    }

    private static void extensions(Requests t) {
        String header = "Sec-WebSocket-Extensions: ";
        t.section("9.1", Setting.PLAIN);
        t.plus(101, header + "permessage-deflate", "!" + header);
        t.plus(101, header + "x; y=z, w", "!" + header);
        t.section("RFC 7692 5", Setting.COMPRESSION);
        t.plus(101, header + "permessage-deflate", header + "permessage-deflate");
        t.plus(101, header + "x-unknown, permessage-deflate", header + "permessage-deflate");
        t.plus(101, header + "permessage-deflate; client_max_window_bits", header);
        t.plus(101, header + "permessage-deflate; unknown", "!" + header);
        t.plus(101, header + "permessage-deflate; server_max_window_bits=7", "!" + header);
        t.plus(101, header + "permessage-deflate; server_max_window_bits", "!" + header);
        t.plus(101, header + "permessage-deflate; x, permessage-deflate", header);
        t.plus(101, header + "x-webkit-deflate-frame", "!" + header);
        t.plus(400, header + "permessage-deflate;;");
        t.plus(400, header + "permessage-deflate; =1");
        t.plus(400, header + "permessage deflate");
        t.plus(400, header + "permessage-deflate; x=\"");
    }

    private static void handlers(Requests t) {
        t.section("4.2.2", Setting.HANDLER);
        t.with(101, "/chat", "/chat?a=b", "X-Path: /chat\r\n");
        t.with(101, "/chat", "http://localhost/abs?a", "X-Path: /abs\r\n");
        t.with(401, "/chat", "/401", "WWW-Authenticate: Basic", "Connection: close");
        t.with(302, "/chat", "/302", "Location: /elsewhere", "Connection: close");
        t.with(503, "/chat", "/503", "Retry-After: 5", "Connection: close");
        t.with(200, "/chat", "/page", "Content-Type: text/html", "Content-Length: 12");
        // Not asked about what is wrong anyway.
        t.with(403, "/chat HTTP/1.1", "/page HTTP/1.1\r\nOrigin: http://evil.example");
        t.with(400, "/chat HTTP/1.1", "/page HTTP/1.1\r\nTransfer-Encoding: chunked");
    }

    private static void plainRequests(Requests t) {
        String host = "\r\nHost: localhost\r\n\r\n";
        t.section("plain HTTP", Setting.PLAIN);
        t.add(426, "GET / HTTP/1.1" + host, "Upgrade: websocket", "Sec-WebSocket-Version: 13");
        t.add(426, "GET / HTTP/1.0" + host);
        t.add(426, "GET / HTTP/1.0\r\n\r\n");
        t.add(426, "GET http://localhost/ HTTP/1.1" + host);
        t.add(400, "GET / HTTP/1.1\r\n\r\n");
        t.add(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
        t.add(426, "GET http://other.example/ HTTP/1.1" + host);
        t.add(426, "HEAD / HTTP/1.1" + host, "Content-Length: 47");
        t.add(405, "OPTIONS / HTTP/1.0\r\n\r\n", "Allow: GET");
        t.add(405, "OPTIONS * HTTP/1.1" + host, "Allow: GET");
        t.add(405, "CONNECT localhost:80 HTTP/1.1" + host, "Allow: GET");
        t.add(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        t.add(400, "HEAD / HTTP/1.1\r\n\r\n");
        t.add(400, "HEAD / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n");
        t.add(400, "HEAD /\u00e9 HTTP/1.1" + host);
        t.add(400, "\r\nHEAD / HTTP" + host);
        t.add(431, "HEAD /" + "a".repeat(HEAD) + " HTTP/1.1" + host);
        t.add(405, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
        t.add(
                426,
                """
                GET / HTTP/1.1\r
                Host: localhost\r
                Connection: Upgrade, HTTP2-Settings\r
                Upgrade: h2c\r
                HTTP2-Settings: AAMAAABkAAQAAP__\r
                \r
                """);
        t.section("plain HTTP", Setting.HANDLER);
        t.add(200, "GET /page HTTP/1.1" + host, "Content-Length: 12");
        t.add(200, "GET /page HTTP/1.0\r\n\r\n", "Connection: close");
        t.add(200, "HEAD /page HTTP/1.1" + host, "Content-Length: 12", "!hello");
        t.add(200, "OPTIONS /page HTTP/1.0\r\n\r\n", "Content-Length: 12", "hello");
        t.add(426, "GET /other HTTP/1.1" + host);
        t.add(400, "GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    }

    static Stream<Arguments> servers() {
        return Stream.of(Setting.values())
                .flatMap(setting -> Stream.of(Api.values()).map(api -> Arguments.of(setting, api)));
    }

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    private static void echoPolled(WebSocketServer server, AtomicBoolean stop) {
        server.setListener(
                new WebSocketServer.Listener() {
                    @Override
                    public void dataReceived(int id) {
                        server.getPeer(id).send(server.getPeer(id).takeMessage());
                    }
                });
        assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
        while (!stop.get()) {
            server.awaitActivity(Duration.ofSeconds(1));
            server.poll();
        }
    }

    @ParameterizedTest
    @MethodSource("servers")
    void aServerAnswers(Setting setting, Api api) throws Exception {
        var stop = new AtomicBoolean();
        Thread loop = null;
        try (WebSocketServer server = setting.server()) {
            if (api == Api.BLOCKING) {
                server.start(0, HandshakeTableTest::echo);
            } else {
                loop = Thread.ofPlatform().start(() -> echoPolled(server, stop));
                await().until(server::isListening);
            }
            try {
                int port = server.getLocalPort();
                assertAll(
                        serverCases().stream()
                                .filter(c -> c.setting() == setting)
                                .map(c -> () -> check(c, port)));
            } finally {
                stop.set(true);
                server.wakeup();
                if (loop != null) {
                    loop.join();
                }
            }
        }
    }

    private static void check(Request c, int port) throws IOException {
        try (RawPeer raw = RawPeer.connect(port)) {
            byte[] frame = masked(0x81, latin1("early"));
            String behind = c.status() == 101 ? latin1Of(frame) : GOOD.replace("chat", "smuggled");
            raw.write(latin1(c.request() + behind));
            String head;
            if (c.status() == 101) {
                head = raw.readHead();
            } else {
                head = raw.readAll();
                assertThat(head.split("HTTP/1\\.1 ", -1)).as("%s: one answer", c).hasSize(2);
                assertThat(head)
                        .as("%s", c)
                        .containsPattern("\r\nConnection: (Upgrade, )?close\r\n");
                if (c.request().strip().startsWith("HEAD ")) {
                    assertThat(head).as("%s", c).endsWith("\r\n\r\n").containsOnlyOnce("\r\n\r\n");
                }
                // What Godot's clients ask of an answer: its first line and three more.
                assertThat(head.split("\r\n\r\n")[0].split("\r\n"))
                        .as("%s", c)
                        .hasSizeGreaterThanOrEqualTo(4);
            }
            assertThat(head).as("%s", c).startsWith("HTTP/1.1 " + c.status() + " ");
            for (String part : c.contains()) {
                if (part.startsWith("!")) {
                    assertThat(head).as("%s", c).doesNotContain(part.substring(1));
                } else {
                    assertThat(head).as("%s", c).contains(part);
                }
            }
            if (c.status() == 101) {
                assertThat(raw.readFrame().payload()).as("%s", c).isEqualTo(latin1("early"));
                raw.write(masked(0x88, RawPeer.closePayload(1000, "")));
                assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
                assertThat(raw.readEnd()).as("%s", c).isTrue();
            }
        } catch (IOException e) {
            throw new AssertionError(c.toString(), e);
        }
    }

    private static String latin1Of(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    // ---- the client's side ----

    /**
     * An answer.
     *
     * @param answer all that is sent; {@code $} stands for the right accept value
     * @param protocol what the open connection speaks; null if it may not open
     * @param why what the failure says
     */
    record Answer(
            String section, WebSocketOptions options, String answer, String protocol, String why) {
        @Override
        public String toString() {
            return section + " " + printable(answer);
        }
    }

    private static final String RIGHT =
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: $\r
            \r
            """;

    /** A table under construction. */
    private static final class Answers {
        final List<Answer> all = new ArrayList<>();
        private String section;
        private WebSocketOptions options;

        void section(String name, WebSocketOptions with) {
            section = name;
            options = with;
        }

        void opens(String answer, String protocol) {
            all.add(new Answer(section, options, answer, protocol, null));
        }

        void fails(String answer, String why) {
            all.add(new Answer(section, options, answer, null, why));
        }

        void opensWith(String part, String other) {
            assertThat(RIGHT).contains(part);
            opens(RIGHT.replace(part, other), "");
        }

        void failsWith(String part, String other, String why) {
            assertThat(RIGHT).contains(part);
            fails(RIGHT.replace(part, other), why);
        }

        static String plus(String lines) {
            return RIGHT.replace("\r\n\r\n", "\r\n" + lines + "\r\n\r\n");
        }
    }

    static List<Answer> clientCases() {
        var t = new Answers();
        WebSocketOptions plain =
                WebSocketOptions.defaults().withLimits(Limits.defaults().withMaxHeadBytes(HEAD));
        t.section("4.1, server's (1)", plain);
        t.opens(RIGHT, "");
        t.opensWith("101 Switching Protocols", "101 Web Socket Protocol Handshake");
        t.opensWith("101 Switching Protocols", "101 ");
        t.opensWith("101 Switching Protocols", "101");
        for (int status :
                new int[] {
                    200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 407, 408, 426, 429, 500, 503,
                    505, 599
                }) {
            t.failsWith("101", Integer.toString(status), "server answered " + status);
        }
        t.fails("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", "302");
        t.section("RFC 9110 15.2", plain);
        t.opens("HTTP/1.1 100 Continue\r\n\r\n" + RIGHT, "");
        t.opens("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX: y\r\n z\r\n\r\n" + RIGHT, "");
        t.opens("HTTP/1.0 199\r\nUpgrade: x\r\n\r\nHTTP/1.1 102 \r\n\r\n" + RIGHT, "");
        t.opens("HTTP/1.1 102 Processing\r\n\r\n".repeat(8) + RIGHT, "");
        t.fails("HTTP/1.1 102 Processing\r\n\r\n".repeat(9) + RIGHT, "more than 8 answers");
        t.fails(
                ("HTTP/1.1 103 x\r\nX: " + "y".repeat(1500) + "\r\n\r\n").repeat(3) + RIGHT,
                "more than 4096 bytes");
        t.fails(
                "HTTP/1.1 100 x\r\n\r\n" + RIGHT.replace("101 Sw", "403 Sw"),
                "server answered 403");
        t.fails("HTTP/1.1 100 x\r\n\r\n\r\n" + RIGHT, "");
        t.failsWith("101", "100", ""); // nothing behind it
        t.section("4.1, server's (1)", plain);
        for (String line :
                new String[] {
                    "HTTP/1.1 1010 x",
                    "HTTP/1.1 10 x",
                    "HTTP/1.1 101x",
                    "HTTP/1.1  101 x",
                    "HTTP/1.1 0101 x",
                    "HTTP/1.1 -101",
                    "http/1.1 101 x",
                    "HTTP/1 101 x",
                    "101 x",
                    "ICY 200 OK",
                    "SSH-2.0-OpenSSH_9.6",
                    "",
                    " HTTP/1.1 101 x"
                }) {
            t.failsWith("HTTP/1.1 101 Switching Protocols", line, "");
        }
        t.failsWith("HTTP/1.1", "HTTP/1.0", "version HTTP/1.0");
        t.failsWith("HTTP/1.1", "HTTP/2.0", "version HTTP/2.0");
        t.opensWith("HTTP/1.1", "HTTP/1.2"); // RFC 9110 section 2.5
        t.fails("\u0015\u0003\u0003\u0000\u0002\u0002(", "TLS");

        t.section("4.1, server's (2)", plain);
        t.opensWith("Upgrade: websocket", "UPGRADE:WebSocket");
        for (String bad :
                new String[] {"X: y", "Upgrade:", "Upgrade: h2c", "Upgrade: websockets"}) {
            t.failsWith("Upgrade: websocket", bad, "without an Upgrade to websocket");
        }
        t.section("4.1, server's (3)", plain);
        for (String good :
                new String[] {
                    "connection: upgrade",
                    "Connection: keep-alive, Upgrade",
                    "Connection: keep-alive\r\nConnection: UPGRADE"
                }) {
            t.opensWith("Connection: Upgrade", good);
        }
        for (String bad :
                new String[] {"X: y", "Connection:", "Connection: close", "Connection: upgraded"}) {
            t.failsWith("Connection: Upgrade", bad, "without upgrade in Connection");
        }
        t.section("4.1, server's (4)", plain);
        t.opensWith("Sec-WebSocket-Accept: $", "sec-websocket-accept:\t$ ");
        for (String bad :
                new String[] {
                    "X: y",
                    "Sec-WebSocket-Accept:",
                    "Sec-WebSocket-Accept: $x",
                    "Sec-WebSocket-Accept: x$",
                    "Sec-WebSocket-Accept: \"$\"",
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    "Sec-WebSocket-Accept: $\r\nSec-WebSocket-Accept: $",
                    "Sec-WebSocket-Accept: $, $",
                    "Sec-WebSocket-Accept: ^"
                }) {
            t.failsWith("Sec-WebSocket-Accept: $", bad, "Sec-WebSocket-Accept");
        }
        String extensions = "Sec-WebSocket-Extensions: ";
        t.section("4.1, server's (5)", plain);
        t.opens(Answers.plus(extensions), "");
        t.fails(Answers.plus(extensions + "permessage-deflate"), "was not asked for");
        t.fails(Answers.plus(extensions + "x"), "was not asked for");
        t.section("RFC 7692 5", plain.withCompression(Compression.defaults()));
        t.opens(RIGHT, "");
        String deflate = extensions + "permessage-deflate";
        t.opens(Answers.plus(deflate), "");
        t.opens(Answers.plus(deflate + "; server_no_context_takeover"), "");
        for (String bad :
                new String[] {
                    extensions + "x",
                    deflate + ", x",
                    deflate + ", permessage-deflate",
                    deflate + "\r\n" + deflate,
                    deflate + "; unknown",
                    deflate + ";",
                    deflate + "; server_max_window_bits=16",
                    deflate + "; server_max_window_bits=7",
                    deflate + "; server_max_window_bits",
                    deflate + "; server_max_window_bits=08",
                    deflate + "; client_no_context_takeover=1",
                    deflate + "; server_no_context_takeover; server_no_context_takeover"
                }) {
            t.fails(Answers.plus(bad), "");
        }
        String protocol = "Sec-WebSocket-Protocol: ";
        t.section("4.1, server's (6)", plain);
        for (String bad : new String[] {"alpha", "", "x y"}) {
            t.fails(Answers.plus(protocol + bad), "was not asked for");
        }
        t.section("4.1, server's (6)", plain.withProtocols("alpha", "beta"));
        t.opens(RIGHT, "");
        t.opens(Answers.plus(protocol + "alpha"), "alpha");
        t.opens(Answers.plus(protocol + " beta "), "beta");
        for (String bad :
                new String[] {
                    "gamma",
                    "Alpha",
                    "alpha, beta",
                    "alpha,",
                    "",
                    "alpha\r\nSec-WebSocket-Protocol: alpha",
                    "alpha\r\nSec-WebSocket-Protocol: beta"
                }) {
            t.fails(Answers.plus(protocol + bad), "was not asked for");
        }

        t.section("RFC 9112 5", plain);
        t.opens(Answers.plus("X: caf\u00e9\t\"\r\nY:"), "");
        for (String folded :
                new String[] {
                    "X: y\r\n folded",
                    "X: y \t\r\n\t \tfolded\r\n twice",
                    "X:\r\n y",
                    "X: y\r\n ",
                    "X: y\r\n \r\n z\r\nY: z"
                }) {
            t.opens(Answers.plus(folded), "");
        }
        t.opensWith("Connection: Upgrade", "Connection:\r\n Upgrade");
        t.opensWith("Accept: $", "Accept:\r\n\t$ \r\n ");
        for (String bad :
                new String[] {
                    "X : y",
                    "X",
                    ": y",
                    " X: y",
                    "X: y\r\n z\u0000",
                    "X: y\r\n \u0000",
                    "X: y\r\n \nz",
                    "X: a\nY: b",
                    "X: a\rY: b",
                    "X: a\u0000",
                    "X: a\u007f",
                    "X\u00e9: y",
                    "X y: z"
                }) {
            t.fails(Answers.plus(bad), "");
        }
        t.fails(RIGHT.replace("\r\n", "\n"), "line feed");
        t.failsWith("Protocols\r\n", "Protocols\r\n \r\n", "folded");
        t.section("limits", plain);
        t.fails(Answers.plus("X: " + "y".repeat(HEAD)), "more than 4096 bytes");
        t.fails("HTTP/1.1 101 " + "y".repeat(HEAD), "more than 4096 bytes");
        t.opens(Answers.plus("X: y\r\n".repeat(97).strip()), "");
        t.fails(Answers.plus("X: y\r\n".repeat(98).strip()), "more than 100 header lines");
        t.section("cut off", plain);
        t.fails("", "closed the connection during the handshake");
        t.fails("HTTP/1.1 101 Swi", "closed the connection during the handshake");
        t.fails(RIGHT.substring(0, RIGHT.length() - 1), "closed the connection during");
        return t.all;
    }

    static Stream<Api> apis() {
        return Stream.of(Api.values());
    }

    @ParameterizedTest
    @MethodSource("apis")
    void aClientJudges(Api api) throws Exception {
        try (var listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String url = "ws://127.0.0.1:" + listening.getLocalPort() + "/";
            assertAll(clientCases().stream().map(c -> () -> check(c, api, url, listening, false)));
            assertAll(
                    clientCases().stream()
                            .filter(c -> c.answer().length() < 300)
                            .map(c -> () -> check(c, api, url, listening, true)));
        }
    }

    /** How it went, seen by the client: an open peer, or why not. */
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
            peer.awaitActivity(Duration.ofSeconds(1));
            peer.poll();
        }
        if (peer.isConnectedToHost()) {
            return new Outcome(peer, null);
        }
        assertThat(peer.getReadyState()).isEqualTo(WebSocketPeer.State.CLOSED);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        assertThat(peer.getCloseCode()).isEqualTo(1006);
        assertThat(peer.send(new byte[1])).isNotEqualTo(ErrorCode.OK);
        return new Outcome(null, peer.getFailure().orElseThrow());
    }

    private static void check(
            Answer c, Api api, String url, ServerSocket listening, boolean bytewise)
            throws Exception {
        var connecting =
                CompletableFuture.supplyAsync(
                        () -> connect(api, url, c.options()),
                        task -> Thread.ofVirtual().start(task));
        try (var raw = new RawPeer(listening.accept())) {
            String key = raw.readHead().replaceAll("(?s).*Sec-WebSocket-Key: (\\S+).*", "$1");
            String head = c.answer().replace("$", RawPeer.acceptOf(key)).replace("^", key);
            // The first frames come in the same segment as the head.
            String frames =
                    c.section().equals("cut off")
                            ? ""
                            : "\u0081\u0005early\u0088\u0002\u0003\u00e8";
            byte[] answer = latin1(head + frames);
            for (int i = 0; bytewise && i < answer.length; i++) {
                raw.write(new byte[] {answer[i]});
            }
            if (!bytewise) {
                raw.write(answer);
            }
            raw.socket.shutdownOutput();
            Outcome outcome = connecting.get(20, TimeUnit.SECONDS);
            if (c.protocol() == null) {
                assertThat(outcome.failure()).as("%s", c).isNotNull();
                assertThat(outcome.failure().getMessage()).as("%s", c).contains(c.why());
                raw.drain();
                return;
            }
            assertThat(outcome.peer()).as("%s: %s", c, outcome.failure()).isNotNull();
            try (WebSocketPeer peer = outcome.peer()) {
                assertThat(peer.getSelectedProtocol()).as("%s", c).isEqualTo(c.protocol());
                assertThat(peer.receive(Duration.ofSeconds(20)).text()).isEqualTo("early");
                assertThat(peer.receive(Duration.ofSeconds(20))).as("%s", c).isNull();
                assertThat(peer.getCloseCode()).as("%s", c).isEqualTo(1000);
            }
        } catch (IOException e) {
            assertThat(c.protocol()).as("%s: %s", c, e).isNull(); // it may well reset
        }
    }
}
