package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static io.peerloom.websocket.RawPeer.hex;
import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import io.peerloom.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What has broken other implementations, by the number of its advisory, and the test that would
 * fail without the protection: here, or where the thing is tested anyway.
 */
class KnownAttacksTest {

    private static final String HERE = "io.peerloom.websocket.KnownAttacksTest";
    private static final String PROTOCOL = "io.peerloom.internal.protocol.";
    private static final String WEBSOCKET = "io.peerloom.websocket.";

    static Stream<Arguments> attacks() {
        return Stream.of(
                known("CVE-2020-11050", WEBSOCKET + "TlsTest$Trust", "badOnesAreRefused"),
                known("CVE-2022-4492", WEBSOCKET + "TlsTest$Trust", "theAuthorityOfTheTests"),
                known("CVE-2020-13935", HERE, "lengthsBeyondAllBounds"),
                known("CVE-2020-27813", PROTOCOL + "FramingTest$Limits", "anAnnouncedLengthFails"),
                known("CVE-2024-23672", WEBSOCKET + "ClosingTest", "aCloseThatIsNeverAnswered"),
                known("CVE-2022-25762", WEBSOCKET + "RaceTest", "closeWhileAnotherThreadSends"),
                known("CVE-2026-42498", HERE, "aRedirectIsNotFollowed"),
                known("CVE-2026-48779", HERE, "aMillionFragments"),
                known("CVE-2026-45736", HERE, "nothingOfAnEarlierMessageIsSent"),
                known("CVE-2024-37890", HERE, "tooManyHeadersAndMissingOnes"),
                known("CVE-2021-32640", HERE, "listsOfTokensAreReadInLinearTime"),
                known("CVE-2020-7662", HERE, "listsOfTokensAreReadInLinearTime"),
                known("CVE-2020-7663", PROTOCOL + "PermessageDeflateTest$Choice", "aHugeHeader"),
                known("prototype names, 2017", HERE, "namesOfAnotherLanguagesPrototypes"),
                known("CVE-2018-1000518", WEBSOCKET + "CompressionTest", "aBombClosesWith1009"),
                known("CVE-2026-1526", WEBSOCKET + "CompressionTest", "aBombClosesWith1009"),
                known("CVE-2026-2229", PROTOCOL + "PermessageDeflateTest$Look", "whatWasNot"),
                known("CVE-2026-1528", HERE, "lengthsBeyondAllBounds"),
                known("CVE-2026-1527", HERE, "nothingIsInjectedIntoARequest"),
                known("CVE-2023-43669", HERE, "aHeadOfSingleBytesIsReadInLinearTime"),
                known("CVE-2021-33880", HERE, "nothingHereComparesPasswords"),
                known("CVE-2025-58056", PROTOCOL + "HandshakeTest$Server", "oneLineTooMany"),
                known("CVE-2026-33870", PROTOCOL + "HeadParserTest", "malformedRequests"),
                known("CVE-2026-42587", PROTOCOL + "DeflateTest$Limits", "whatComesInIsCounted"),
                known("CVE-2025-52882", HERE, "pagesOfOthersAreKeptOut"),
                known("CVE-2025-49596", HERE, "aReboundNameIsNotServed"),
                known("CVE-2023-1108", WEBSOCKET + "TlsTest$TheEnd", "aCloseThatIsNotAnswered"),
                known("CVE-2026-29035", PROTOCOL + "DeflateTest", "whatOthersCompressIsRead"),
                known("CVE-2024-13009", WEBSOCKET + "CompressionTest", "everythingIsGivenBack"),
                known("CVE-2025-66614", WEBSOCKET + "TlsTest$Trust", "theNamesOfTlsAndHttp"),
                known("Safari 15.0", WEBSOCKET + "CompressionTest", "theUpgradeHandlerMayForbid"),
                known("Slowloris", HERE, "aRequestByteByByteEndsByTheDeadline"),
                known("CVE-2026-33871", WEBSOCKET + "WebSocketServerTest", "ofAFloodOfPings"),
                known("predictable masks", HERE, "masksCannotBePredicted"),
                known("quadratic joining", HERE, "fragmentsAreJoinedInLinearTime"));
    }

    private static Arguments known(String attack, String type, String method) {
        return Arguments.of(attack, type, method);
    }

    @ParameterizedTest(name = "{0}: {1}#{2}")
    @MethodSource("attacks")
    void everyOneHasItsTest(String attack, String type, String method) throws Exception {
        List<Method> tests =
                Arrays.stream(Class.forName(type).getDeclaredMethods())
                        .filter(m -> m.getName().startsWith(method))
                        .filter(m -> m.getAnnotations().length > 0)
                        .toList();
        assertThat(tests).as(attack).hasSize(1);
    }

    // ---- tests that have no other place ----

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    private static WebSocketServer serve() throws IOException {
        return WebSocketServer.serve(0, KnownAttacksTest::echo);
    }

    private static String answer(WebSocketServer server, String request) throws IOException {
        try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
            raw.write(ascii(request));
            return raw.readHead();
        }
    }

    /** How many bytes the task allocates on this thread. */
    private static long allocated(Task task) throws Exception {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        task.run();
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    private interface Task {
        void run() throws Exception;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "82ff ffffffffffffffff 01020304", // -1
                "82ff 8000000000000000 01020304", // the top bit
                "82ff 7fffffffffffffff 01020304",
                "82ff 0000000100000005 01020304", // 5 as an int
                "82ff 0000000080000000 01020304", // negative as an int
                "82ff 0000000000100001 01020304", // one over the limit
            })
    void lengthsBeyondAllBounds(String header) throws Exception {
        try (var server = serve();
                RawPeer raw = RawPeer.open(server.getLocalPort());
                RawPeer other = RawPeer.open(server.getLocalPort())) {
            raw.write(hex(header));
            assertThat(raw.readFrame().closeCode())
                    .isEqualTo(header.charAt(5) >= '8' ? 1002 : 1009);
            assertThat(raw.readEnd()).isTrue();
            other.write(masked(0x81, ascii("still here")));
            assertThat(other.readFrame().payload()).isEqualTo(ascii("still here"));
        }
    }

    @Test
    void aRedirectIsNotFollowed() throws Exception {
        try (var first = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var second = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            second.setSoTimeout(1);
            var failure =
                    CompletableFuture.supplyAsync(() -> {
                        try {
                            WebSocketPeer.connect(
                                            "ws://127.0.0.1:" + first.getLocalPort(),
                                            Options.defaults()
                                                    .withHeader("Authorization", "secret"))
                                    .close();
                            return null;
                        } catch (IOException e) {
                            return e.getMessage();
                        }
                    });
            try (var raw = new RawPeer(first.accept())) {
                assertThat(raw.readHead()).contains("Authorization: secret");
                raw.write(
                        ascii(
                                "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:"
                                        + second.getLocalPort()
                                        + "/\r\nContent-Length: 0\r\n\r\n"));
                assertThat(failure.join()).isEqualTo("server answered 302 \"Found\"");
            }
            assertThatExceptionOfType(java.net.SocketTimeoutException.class)
                    .isThrownBy(second::accept);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aMillionFragments(int size) throws Exception {
        try (var server = serve();
                RawPeer raw = RawPeer.open(server.getLocalPort())) {
            var fragments = new ByteArrayOutputStream();
            fragments.writeBytes(masked(0x02, new byte[size]));
            for (int i = 1; i < Limits.defaults().maxFragments(); i++) {
                fragments.writeBytes(masked(0x00, new byte[size]));
            }
            raw.write(fragments.toByteArray());
            raw.write(masked(0x89, new byte[0]));
            assertThat(raw.readFrame().first()).as("as many may come").isEqualTo(0x8A);
            raw.write(masked(0x00, new byte[size]));
            assertThat(raw.readFrame().closeCode()).isEqualTo(1009);
        }
    }

    /** What stands in a buffer that is used again must not go out with a shorter message. */
    @Test
    void nothingOfAnEarlierMessageIsSent() throws Exception {
        try (var server = serve();
                RawPeer raw = RawPeer.open(server.getLocalPort())) {
            for (int length : new int[] {60_000, 10, 500, 0, 125, 20_000, 1}) {
                byte[] data = new byte[length];
                Arrays.fill(data, (byte) length);
                raw.write(masked(0x82, data));
                assertThat(raw.readFrame().payload()).isEqualTo(data);
            }
            raw.write(masked(0x88, RawPeer.closePayload(4000, "a reason that is not repeated")));
            assertThat(raw.readFrame().payload()).isEqualTo(hex("0fa0"));
            assertThat(raw.readEnd()).isTrue();
        }
    }

    @Test
    void tooManyHeadersAndMissingOnes() throws Exception {
        try (var server = serve()) {
            String request = new String(RawPeer.request(""), StandardCharsets.US_ASCII);
            String many = "X: y\r\n".repeat(101);
            assertThat(answer(server, request.replace("\r\n\r\n", "\r\n" + many + "\r\n")))
                    .startsWith("HTTP/1.1 431 ");
            for (String line : request.split("\r\n")) {
                if (!line.startsWith("GET ")) {
                    assertThat(answer(server, request.replace(line + "\r\n", "")))
                            .as("without %s", line)
                            .matches("(?s)HTTP/1\\.1 4(00|26) .*");
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection"})
    void listsOfTokensAreReadInLinearTime(String header) throws Exception {
        var server = new WebSocketServer();
        try (server) {
            server.setOptions(
                    Options.defaults()
                            .withProtocols("game")
                            .withCompression(Compression.defaults()));
            server.start(0, KnownAttacksTest::echo);
            for (String list :
                    new String[] {
                        "a,".repeat(7_000),
                        " ,\t".repeat(4_000),
                        "a ; b=c ,".repeat(1_500),
                        " ".repeat(14_000)
                    }) {
                String request =
                        new String(
                                RawPeer.request(header + ": " + list + "x\r\n"),
                                StandardCharsets.US_ASCII);
                assertThat(answer(server, request)).matches("(?s)HTTP/1\\.1 (101|400) .*");
            }
        }
    }

    @Test
    void aHeadOfSingleBytesIsReadInLinearTime() throws Exception {
        long small = allocated(() -> parse(2_000));
        long large = allocated(() -> parse(16_000));

        assertThat(large).as("eight times the bytes").isLessThan(small * 12);
    }

    private static void parse(int length) throws Exception {
        var parser = io.peerloom.internal.protocol.HeadParser.request(length + 100, 100);
        byte[] head = ascii("GET / HTTP/1.1\r\nX: " + "y".repeat(length) + "\r\n\r\n");
        for (int i = 0; i < head.length; i++) {
            parser.feed(head, i, i + 1);
        }
        assertThat(parser.requestHead().first("X").orElseThrow()).hasSize(length);
    }

    @Test
    void fragmentsAreJoinedInLinearTime() throws Exception {
        long small = allocated(() -> join(1_000));
        long large = allocated(() -> join(8_000));

        assertThat(large).as("eight times the fragments").isLessThan(small * 12);
    }

    private static void join(int fragments) throws Exception {
        var decoder = new io.peerloom.internal.protocol.FrameDecoder(true, 1 << 24, fragments);
        byte[] first = masked(0x01, ascii("0123456789".repeat(10)));
        byte[] next = masked(0x00, ascii("0123456789".repeat(10)));
        byte[] last = masked(0x80, ascii("0123456789".repeat(10)));
        decoder.decode(first, 0, first.length);
        for (int i = 2; i < fragments; i++) {
            decoder.decode(next, 0, next.length);
        }
        decoder.decode(last, 0, last.length);
        assertThat(decoder.payload()).hasSize(fragments * 100);
    }

    @ParameterizedTest
    @ValueSource(strings = {"constructor", "__proto__", "hasOwnProperty", "toString", "null"})
    void namesOfAnotherLanguagesPrototypes(String name) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(Options.defaults().withCompression(Compression.defaults()));
            server.start(0, KnownAttacksTest::echo);
            assertThat(
                            answer(
                                    server,
                                    new String(
                                            RawPeer.request(
                                                    "Sec-WebSocket-Extensions: "
                                                            + name
                                                            + "; "
                                                            + name
                                                            + "="
                                                            + name
                                                            + "\r\n"),
                                            StandardCharsets.US_ASCII)))
                    .startsWith("HTTP/1.1 101 ")
                    .doesNotContain(name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\r\nX: y", "a\nb", "a\rb", "a\u0000b", "a b\u0085c"})
    void nothingIsInjectedIntoARequest(String evil) {
        Options plain = Options.defaults();
        for (Options options :
                List.of(
                        plain.withHeader("X", evil),
                        plain.withHeader("X" + evil, "y"),
                        plain.withHeaders(List.of(evil)),
                        plain.withProtocols(evil))) {
            assertThatExceptionOfType(IllegalArgumentException.class)
                    .isThrownBy(() -> WebSocketPeer.connect("ws://127.0.0.1:1/", options));
        }
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> WebSocketPeer.connect("ws://127.0.0.1:1/" + evil));
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(
                        () -> new WebSocketServer().setOptions(plain.withHeaders(List.of(evil))));
    }

    /** Who checks passwords does it in an upgrade handler of his own. */
    @Test
    void nothingHereComparesPasswords() {
        for (Class<?> type : List.of(UpgradeRequest.class, Options.class, WebSocketServer.class)) {
            assertThat(Arrays.stream(type.getMethods()).map(Method::getName))
                    .noneMatch(name -> name.toLowerCase(java.util.Locale.ROOT).contains("passw"));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost.evil.example",
                "http://evil-localhost",
                "http://evil.example/localhost",
                "http://localhost@evil.example",
                "http://localhost:81",
                "file://localhost",
                "null",
            })
    void pagesOfOthersAreKeptOut(String origin) throws Exception {
        try (var server = serve()) {
            assertThat(
                            answer(
                                    server,
                                    new String(
                                            RawPeer.request("Origin: " + origin + "\r\n"),
                                            StandardCharsets.US_ASCII)))
                    .startsWith("HTTP/1.1 403 ");
        }
    }

    @Test
    void aReboundNameIsNotServed() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setAllowedHosts(Set.of("LocalHost", "127.0.0.1", "[::1]"));
            server.start(0, KnownAttacksTest::echo);
            String request = new String(RawPeer.request(""), StandardCharsets.US_ASCII);
            for (String host :
                    new String[] {"localhost", "127.0.0.1:9080", "[::1]:1", "LOCALHOST"}) {
                assertThat(answer(server, request.replace("Host: localhost", "Host: " + host)))
                        .as(host)
                        .startsWith("HTTP/1.1 101 ");
            }
            for (String host :
                    new String[] {"rebound.example", "localhost.evil.example", "[::2]"}) {
                String evil =
                        request.replace(
                                "Host: localhost", "Origin: http://" + host + "\r\nHost: " + host);
                assertThat(answer(server, evil)).as(host).startsWith("HTTP/1.1 421 ");
                assertThat(answer(server, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
                        .startsWith("HTTP/1.1 421 ");
            }
        }
    }

    @Test
    void aRequestByteByByteEndsByTheDeadline() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(
                    Options.defaults()
                            .withLimits(
                                    Limits.defaults()
                                            .withHandshakeTimeout(Duration.ofMillis(300))));
            server.start(0, KnownAttacksTest::echo);
            try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                // Each byte is a sign of life, and none of them buys any time.
                await().pollInterval(Duration.ofMillis(20))
                        .until(() -> {
                            try {
                                raw.write(ascii("G"));
                                return false;
                            } catch (IOException e) {
                                return true; // it does not take any more
                            }
                        });
            }
        }
    }

    /** RFC 6455 section 10.3: neither from each other, nor from other connections. */
    @Test
    void masksCannotBePredicted() throws Exception {
        Set<Integer> keys = new HashSet<>();
        int[] ones = new int[32];
        int count = 0;
        for (int connection = 0; connection < 8; connection++) {
            var masks = new io.peerloom.internal.protocol.MaskKeys();
            for (int i = 0; i < 1000; i++) {
                int key = masks.next();
                keys.add(key);
                count++;
                for (int bit = 0; bit < 32; bit++) {
                    ones[bit] += key >>> bit & 1;
                }
            }
        }
        assertThat(keys)
                .as("of 8000 random numbers hardly any two are equal")
                .hasSizeGreaterThan(7990);
        for (int bit = 0; bit < 32; bit++) { // 4000 on average, with a deviation of 45
            assertThat(ones[bit]).as("bit %d of %d", bit, count).isBetween(3600, 4400);
        }
    }
}
