package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** RFC 9112: heads in wire bytes. */
class HeadParserTest {
    private static final String CHAT =
            """
            GET /chat?room=1 HTTP/1.1\r
            Host: server.example.com\r
            Upgrade: websocket\r
            Connection:keep-alive , \tUpgrade\t \r
            Empty:\r
            Sec-WebSocket-Protocol: chat,, superchat \r
            X-Name: caf\u00e9: "a b"\r
            sec-websocket-protocol: third\r
            \r
            """;

    @Example
    void aRequest() throws HandshakeException {
        RequestHead head = request(CHAT);

        assertThat(head.method()).isEqualTo("GET");
        assertThat(head.target()).isEqualTo("/chat?room=1");
        assertThat(head.version()).isEqualTo("HTTP/1.1");
        assertThat(head).hasToString("GET /chat?room=1");
        assertThat(head.headers())
                .containsExactly(
                        new Header("Host", "server.example.com"),
                        new Header("Upgrade", "websocket"),
                        new Header("Connection", "keep-alive , \tUpgrade"),
                        new Header("Empty", ""),
                        new Header("Sec-WebSocket-Protocol", "chat,, superchat"),
                        new Header("X-Name", "caf\u00e9: \"a b\""),
                        new Header("sec-websocket-protocol", "third"));
    }

    @Example
    void aHeadIsKeptAsBytes() throws HandshakeException {
        RequestHead head = request(CHAT);

        RequestHead again = RequestHead.of(head.toBytes());

        assertThat(again.headers()).isEqualTo(head.headers());
        assertThat(again).hasToString(head.toString());
        assertThat(again.version()).isEqualTo(head.version());
        assertThat(RequestHead.of(again.toBytes()).headers()).isEqualTo(head.headers());
        assertThatIllegalArgumentException().isThrownBy(() -> RequestHead.of(new byte[] {1}));
    }

    @Example
    void headersAreFoundByNameInAnyCase() throws HandshakeException {
        RequestHead head = request(CHAT);

        assertThat(head.first("HOST")).contains("server.example.com");
        assertThat(head.first("empty")).contains("");
        assertThat(head.first("Origin")).isEmpty();
        assertThat(head.all("SEC-WEBSOCKET-PROTOCOL")).containsExactly("chat,, superchat", "third");
        assertThat(head.all("Origin")).isEmpty();
        assertThat(head.list("Sec-WebSocket-Protocol"))
                .containsExactly("chat", "superchat", "third");
        assertThat(head.hasToken("connection", "upgrade")).isTrue();
        assertThat(head.hasToken("Connection", "KEEP-ALIVE")).isTrue();
        assertThat(head.hasToken("Connection", "keep")).isFalse();
        assertThat(head.hasToken("Sec-WebSocket-Protocol", "third")).isTrue();
        assertThat(head.hasToken("Sec-WebSocket-Protocol", "")).isFalse();
    }

    @Example
    void aResponse() throws HandshakeException {
        ResponseHead head = response("HTTP/1.1 404 Not  Found\r\nServer: x\r\n\r\n");

        assertThat(head.version()).isEqualTo("HTTP/1.1");
        assertThat(head.status()).isEqualTo(404);
        assertThat(head.reason()).isEqualTo("Not  Found");
        assertThat(head.headers()).containsExactly(new Header("Server", "x"));
        assertThat(head).hasToString("404 Not  Found");
    }

    /** The space before an empty reason is the sender's duty, and often forgotten. */
    @Example
    void aResponseWithoutAReason() throws HandshakeException {
        assertThat(response("HTTP/1.0 200\r\n\r\n")).hasToString("200");
        assertThat(response("HTTP/1.0 200 \r\n\r\n").reason()).isEmpty();
    }

    @Example
    void whatFollowsTheHeadIsNotTouched() throws HandshakeException {
        byte[] head = latin1(CHAT);
        byte[] input = join(new byte[5], head, new byte[] {(byte) 0x81, 0, 13, 10});
        HeadParser parser = HeadParser.request(1000, 10);

        assertThat(parser.feed(input, 5, input.length)).isTrue();
        assertThat(parser.consumed()).isEqualTo(5 + head.length);
        assertThatIllegalStateException().isThrownBy(() -> parser.feed(input, 0, 1));
        assertThatIllegalStateException().isThrownBy(parser::responseHead);
    }

    @Example
    void aHeadIsNotGivenOutBeforeItIsComplete() throws HandshakeException {
        HeadParser parser = HeadParser.request(1000, 10);

        assertThat(parser.feed(latin1("GET / HTTP/1.1\r\n\r"), 0, 17)).isFalse();
        assertThat(parser.consumed()).isEqualTo(17);
        assertThatIllegalStateException().isThrownBy(parser::requestHead);
        assertThat(parser.feed(latin1("\n"), 0, 1)).isTrue();
        assertThat(parser.requestHead().headers()).isEmpty();
    }

    /** Each line is wrong in one way, and what refuses it names that way. */
    @Example
    void malformedRequestsAreRefused() {
        refused("GET / HTTP/1.1\nHost: a\r\n\r\n", "line feed without");
        refused("GET / HTTP/1.1\rHost: a\r\n\r\n", "carriage return without");
        refused("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "not three parts");
        refused("\rGET / HTTP/1.1\r\n\r\n", "carriage return without");
        refused("GET /\r\n\r\n", "not three parts");
        refused("GET  / HTTP/1.1\r\n\r\n", "target \"\"");
        refused("GET / HTTP/1.1 \r\n\r\n", "not a version");
        refused("GET / /a HTTP/1.1\r\n\r\n", "not a version");
        refused(" GET / HTTP/1.1\r\n\r\n", "method \"\"");
        refused("G(T / HTTP/1.1\r\n\r\n", "method \"G(T\"");
        refused("GET /\u00e9 HTTP/1.1\r\n\r\n", "target \"/\\u00E9\"");
        refused("GET /\tb HTTP/1.1\r\n\r\n", "target");
        refused("GET / http/1.1\r\n\r\n", "not a version");
        refused("GET / HTTP/11\r\n\r\n", "not a version");
        refused("GET / HTTP/1.10\r\n\r\n", "not a version");
        refused("GET / HTTP/1,1\r\n\r\n", "not a version");
        refused("GET / HTTP/a.1\r\n\r\n", "not a version");
        refused("GET /\u0000 HTTP/1.1\r\n\r\n", "byte 0x00");
        refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "whitespace in or after header name");
        refused("GET / HTTP/1.1\r\nHo st: a\r\n\r\n", "whitespace in or after header name");
        refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded");
        refused("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "folded");
        refused("GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", "folded");
        refused("GET / HTTP/1.1\r\nHost\r\n\r\n", "without a colon");
        refused("GET / HTTP/1.1\r\n: a\r\n\r\n", "without a name");
        refused("GET / HTTP/1.1\r\nHo\u00e9t: a\r\n\r\n", "byte 0xE9 in header name");
        refused("GET / HTTP/1.1\r\nHost\u0000: a\r\n\r\n", "byte 0x00 in header name");
        refused("GET / HTTP/1.1\r\nHost: a\u0000\r\n\r\n", "byte 0x00");
        refused("GET / HTTP/1.1\r\nHost: a\u007f\r\n\r\n", "byte 0x7F");
        refused("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "line feed without");
        refused("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "carriage return without");
        refused("GET / HTTP/1.1\r\nHost: a\r\n\n", "without a colon");
        refused("GET / HTTP/1.1\r\nHost: a\r\n\rX", "carriage return without");
    }

    @Example
    void malformedResponsesAreRefused() {
        for (String line :
                List.of(
                        "HTTP/1.1\r\n",
                        "HTTP/1.1 \r\n",
                        "HTTP/1.1 10\r\n",
                        "HTTP/1.1 1010 x\r\n",
                        "HTTP/1.1 099 x\r\n",
                        "HTTP/1.1 -10 x\r\n",
                        "HTTP/1.1 101x\r\n",
                        "HTTP/1.1  101 x\r\n",
                        "101 Switching\r\n",
                        "SSH-2.0-OpenSSH\r\n",
                        "\r\n")) {
            assertThatExceptionOfType(HandshakeException.class)
                    .as(line)
                    .isThrownBy(() -> response(line + "\r\n"))
                    .satisfies(e -> assertThat(e.status()).isZero());
        }
    }

    @Example
    void aHeadThatIsTooLongIsRefusedAtTheByteThatIsTooMuch() throws HandshakeException {
        byte[] head = latin1(CHAT);
        HeadParser exact = HeadParser.request(head.length, 10);
        HeadParser tooShort = HeadParser.request(head.length - 1, 10);

        assertThat(exact.feed(head, 0, head.length)).isTrue();
        assertThat(tooShort.feed(head, 0, head.length - 1)).isFalse();
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> tooShort.feed(head, head.length - 1, head.length))
                .satisfies(e -> assertThat(e.status()).isEqualTo(431));
        assertThatIllegalStateException().isThrownBy(() -> tooShort.feed(head, 0, 1));
    }

    @Example
    void tooManyHeadersAreRefused() throws HandshakeException {
        byte[] head = latin1("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");

        assertThat(HeadParser.request(1000, 3).feed(head, 0, head.length)).isTrue();
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> HeadParser.request(1000, 2).feed(head, 0, head.length))
                .withMessageContaining("more than 2 header lines")
                .satisfies(e -> assertThat(e.status()).isEqualTo(431));
    }

    @Example
    void limitsAreNotLiftedByANumber() {
        assertThatIllegalArgumentException().isThrownBy(() -> HeadParser.request(0, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> HeadParser.response(1, 0));
    }

    /** A message may end in a log: nothing in it starts a line or goes on for pages. */
    @Example
    void messagesAreCutAndPrintable() {
        String evil = "x\u001b[2J" + "y".repeat(9000);

        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> request("GET / " + "\u00e9".repeat(5000) + "\r\n\r\n"))
                .satisfies(HeadParserTest::isDecent);
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> request("GET / HTTP/1.1\r\nA: " + evil + "\r\n\r\n"))
                .satisfies(HeadParserTest::isDecent);
    }

    private static void isDecent(HandshakeException e) {
        assertThat(e.getMessage()).matches("[ -~]{1,500}");
        assertThat(e.getStackTrace()).isEmpty();
    }

    /** Any chunking, of good heads and bad, ends in the same head or the same complaint. */
    @Property
    void anyChunkingGivesTheSame(@ForAll("heads") byte[] head, @ForAll("cuts") List<Integer> cuts) {
        String whole = outcome(head, List.of(head.length + 1));

        assertThat(outcome(head, cuts)).isEqualTo(whole);
        assertThat(outcome(head, List.of(1))).isEqualTo(whole);
    }

    /** The same of responses, with folds and with responses before the response. */
    @Property
    void anyChunkingOfResponsesGivesTheSame(
            @ForAll("heads") byte[] head, @ForAll("cuts") List<Integer> cuts) {
        String text = new String(head, StandardCharsets.ISO_8859_1);
        byte[] response =
                latin1(
                        text.replaceFirst("GET / HTTP/1.1", "HTTP/1.1 100 Go")
                                        .replaceFirst("rest$", "")
                                + text.replaceFirst("GET / HTTP/1.1", "HTTP/1.1 101 On"));
        String whole = responseOutcome(response, List.of(response.length + 1));

        assertThat(responseOutcome(response, cuts)).isEqualTo(whole);
        assertThat(responseOutcome(response, List.of(1))).isEqualTo(whole);
    }

    private static String responseOutcome(byte[] head, List<Integer> cuts) {
        HeadParser parser = HeadParser.response(800, 8);
        return outcome(parser, parser::responseHead, head, cuts);
    }

    private static String outcome(byte[] head, List<Integer> cuts) {
        HeadParser parser = HeadParser.request(400, 8);
        return outcome(parser, parser::requestHead, head, cuts);
    }

    private static String outcome(
            HeadParser parser,
            Supplier<? extends HttpHead> result,
            byte[] head,
            List<Integer> cuts) {
        int at = 0;
        try {
            for (int i = 0; at < head.length; i++) {
                int to = Math.min(head.length, at + cuts.get(i % cuts.size()));
                if (parser.feed(head, at, to)) {
                    HttpHead parsed = result.get();
                    return parsed + parsed.version() + parsed.headers() + parser.consumed();
                }
                assertThat(parser.consumed()).isEqualTo(to);
                at = to;
            }
            return "incomplete";
        } catch (HandshakeException e) {
            return e.status() + " " + e.getMessage();
        }
    }

    @Provide
    Arbitrary<List<Integer>> cuts() {
        return Arbitraries.integers().between(1, 90).list().ofMinSize(1).ofMaxSize(6);
    }

    /** Lines that are mostly right, with a byte changed now and then. */
    @Provide
    Arbitrary<byte[]> heads() {
        Arbitrary<String> lines =
                Arbitraries.frequencyOf(
                        Tuple.of(
                                20, Arbitraries.of("Host: a", "Upgrade:websocket", "X: \u00e9 ,b")),
                        Tuple.of(1, Arbitraries.strings().ofMaxLength(300)),
                        Tuple.of(1, Arbitraries.of(" folded", "no colon", "a :b", "\u0000: ", "")));
        Arbitrary<String> ends =
                Arbitraries.frequencyOf(
                        Tuple.of(60, Arbitraries.just("\r\n")),
                        Tuple.of(1, Arbitraries.of("\n", "\r", "\r\r\n", "")));
        return lines.list()
                .ofMaxSize(10)
                .flatMap(body ->
                        ends.map(end ->
                                "GET / HTTP/1.1\r\n"
                                        + String.join("\r\n", body)
                                        + end
                                        + "\r\nrest"))
                .flatMap(text ->
                        Arbitraries.integers()
                                .between(0, 2000)
                                .flatMap(index ->
                                        Arbitraries.bytes().map(b -> change(text, index, b))));
    }

    private static byte[] change(String text, int index, byte value) {
        byte[] bytes = latin1(text);
        if (index < bytes.length) {
            bytes[index] = value;
        }
        return bytes;
    }

    /**
     * No byte is looked at twice: a head sent in single bytes takes as many steps as it is long.
     */
    @Example
    void aHeadOfSingleBytesIsParsedInLinearTime() throws HandshakeException {
        byte[] head = latin1("GET / HTTP/1.1\r\nA: " + "x".repeat(2_000_000) + "\r\n\r\n");
        HeadParser parser = HeadParser.request(head.length, 1);
        boolean complete = false;
        for (int i = 0; i < head.length; i++) {
            complete = parser.feed(head, i, i + 1);
        }

        assertThat(complete).isTrue();
        assertThat(parser.requestHead().first("A").orElseThrow()).hasSize(2_000_000);
    }

    private static void refused(String head, String why) {
        assertThatExceptionOfType(HandshakeException.class)
                .as(head)
                .isThrownBy(() -> request(head))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.status()).isEqualTo(400));
    }

    @Example
    void whoSpeaksTlsIsToldApart() {
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> request("\u0016\u0003\u0001"))
                .withMessage("the client speaks TLS, on a port that does not");
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> response("\u0015\u0003\u0003"))
                .withMessage("the server speaks TLS: use wss:");
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> response("\u0013"))
                .withMessageStartingWith("byte 0x13");
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> response("\u0018"))
                .withMessageStartingWith("byte 0x18");
    }

    /** RFC 3986 section 3.2.2: unreserved and sub-delims but for the comma. */
    @Example
    void aNameOfAHostHasItsOwnCharacters() {
        String allowed =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+;=%";
        for (int c = 0; c < 256; c++) {
            assertThat(HttpSyntax.isNameChar(c)).as("%02x", c).isEqualTo(allowed.indexOf(c) >= 0);
        }
    }

    /** RFC 3986 section 3.2, without userinfo. */
    @Example
    void anAuthorityIsAHostAndPerhapsAPort() {
        for (String good : List.of("a", "a:", "a:80", "my_service", "1.7", "[::1]", "[::1]:80")) {
            assertThat(HttpSyntax.isAuthority(good)).as(good).isTrue();
        }
        for (String bad :
                List.of(
                        "", ":80", "a:b", "a:1:2", "::1", "[::1", "::1]", "[]", "[]:1", "[a]b",
                        "[[a]]", "a@b", "a/", "a b", "a,b", "\u00e4", "a:/", "a::", "[::1]:x")) {
            assertThat(HttpSyntax.isAuthority(bad)).as(bad).isFalse();
        }
    }

    /** RFC 9112 section 2.2. */
    @Example
    void anEmptyLineBeforeARequestIsPassedOver() throws HandshakeException {
        assertThat(request("\r\n" + CHAT).headers()).isEqualTo(request(CHAT).headers());
        assertThat(HeadParser.request(1000, 10).feed(latin1("\r\n"), 0, 2)).isFalse();
    }

    /** RFC 9112 section 5.2: in a response each fold is a space; in a request it is refused. */
    @Example
    void aFoldedLineOfAResponseIsJoined() throws HandshakeException {
        String start = "HTTP/1.1 200 OK\r\n";
        assertThat(
                        response(
                                        start
                                                + "A: x \t\r\n"
                                                + " \t y\tz\r\n"
                                                + "\tw \r\n"
                                                + "B:\r\n"
                                                + " b\r\n"
                                                + "C: c\r\n"
                                                + " \r\n"
                                                + "\t\r\n"
                                                + "D: d\r\n"
                                                + "  \r\n\r\n")
                                .headers())
                .containsExactly(
                        new Header("A", "x y\tz w"),
                        new Header("B", "b"),
                        new Header("C", "c"),
                        new Header("D", "d"));
        for (String bad : List.of(" A: x\r\n\r\n", "A: x\r\n \n\r\n", "A: x\r\n \u0000\r\n\r\n")) {
            assertThatExceptionOfType(HandshakeException.class)
                    .as(bad)
                    .isThrownBy(() -> response(start + bad));
        }
    }

    /** RFC 9110 section 15.2: some of them, and within the bytes of one head. */
    @Example
    void interimResponsesArePassedOver() throws HandshakeException {
        String early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        String switching = "HTTP/1.1 101 S\r\nA: b\r\n\r\n";

        assertThat(response("HTTP/1.1 100 Continue\r\n\r\n" + early + switching).headers())
                .containsExactly(new Header("A", "b"));
        assertThat(response(early.repeat(8) + switching).status()).isEqualTo(101);
        assertThat(response("HTTP/1.1 199 x\r\n\r\nHTTP/1.1 200 x\r\n\r\n").status())
                .isEqualTo(200);
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> response(early.repeat(9) + switching))
                .withMessage("more than 8 answers before the answer");
        byte[] all = latin1(early.repeat(2) + switching);
        assertThat(HeadParser.response(all.length, 1).feed(all, 0, all.length)).isTrue();
        assertThatExceptionOfType(HandshakeException.class)
                .isThrownBy(() -> HeadParser.response(all.length - 1, 1).feed(all, 0, all.length))
                .withMessageStartingWith("head of more than");
    }

    /** A HEAD is known from its first bytes on, so that no refusal of it has a body. */
    @Example
    void aHeadRequestIsKnownBeforeItIsComplete() throws HandshakeException {
        for (String head :
                List.of(
                        "HEAD / HTTP/1.1\r\n\r\n",
                        "\r\nHEAD / HTTP/1.1\r\n\r\n",
                        "HEAD ",
                        "HEAD /\u00e9 HTTP/1.1\r\n",
                        "HEAD / HTTP/1.1\r\nX : y",
                        "HEAD /" + "x".repeat(10_000))) {
            assertThat(isHead(head)).as(head).isTrue();
        }
        for (String other :
                List.of(
                        "",
                        "HEAD",
                        "HEA D / HTTP/1.1",
                        "HEADS / ",
                        "head / ",
                        "GET /HEAD ",
                        "PUTS /")) {
            assertThat(isHead(other)).as(other).isFalse();
        }
    }

    private static boolean isHead(String head) {
        HeadParser parser = HeadParser.request(5000, 10);
        byte[] bytes = latin1(head);
        try {
            parser.feed(bytes, 0, bytes.length);
        } catch (HandshakeException e) {
            assertThat(e.status()).isBetween(400, 431);
        }
        return parser.isHead();
    }

    /** RFC 9112 sections 3.2.2 and 3.3. */
    @Example
    void aTargetIsAPathOrAUrlOrNeither() throws HandshakeException {
        asks("/a?b", "h", "/a?b");
        asks("/?u=http://x/y", "h", "/?u=http://x/y");
        asks("http://o:81/a?b", "o:81", "/a?b");
        asks("HTTP://o?b/c", "o", "/?b/c");
        asks("ws://o", "o", "/");
        asks("*", "h", "");
        asks("o:80", "h", "");
        asks("://o/a", "h", "");
        asks("a/b://o/a", "h", "");
        assertThat(request("GET / HTTP/1.0\r\n\r\n").authority()).isEmpty();
    }

    private static void asks(String target, String authority, String path)
            throws HandshakeException {
        RequestHead head = request("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
        assertThat(head.authority()).as(target).isEqualTo(authority);
        assertThat(head.pathAndQuery()).as(target).isEqualTo(path);
    }

    private static RequestHead request(String head) throws HandshakeException {
        return parse(HeadParser.request(10_000, 100), head).requestHead();
    }

    private static ResponseHead response(String head) throws HandshakeException {
        return parse(HeadParser.response(10_000, 100), head).responseHead();
    }

    private static HeadParser parse(HeadParser parser, String head) throws HandshakeException {
        byte[] bytes = latin1(head);
        assertThat(parser.feed(bytes, 0, bytes.length)).as("complete").isTrue();
        return parser;
    }

    private static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
