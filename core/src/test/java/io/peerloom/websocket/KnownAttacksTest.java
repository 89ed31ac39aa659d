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
import java.io.Serial;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Provider;
import java.security.SecureRandomSpi;
import java.security.Security;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.crypto.Cipher;
import javax.crypto.spec.ChaCha20ParameterSpec;
import javax.crypto.spec.SecretKeySpec;
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

    /** The rows of the list that this project keeps of what broke others, from 1. */
    private static final int ROWS = 32;

    private static final List<Known> KNOWN =
            List.of(
                    known(1, "CVE-2020-11050", WEBSOCKET + "TlsTest$Trust", "badOnesAreRefused"),
                    known(2, "CVE-2022-4492", WEBSOCKET + "TlsTest$Trust", "badOnesAreRefused"),
                    known(3, "CVE-2020-13935", HERE, "lengthsBeyondAllBounds"),
                    known(4, "CVE-2020-27813", HERE, "lengthsBeyondAllBounds"),
                    known(4, "CVE-2020-27813", PROTOCOL + "FramingTest$Limits", "anAnnounced"),
                    known(5, "CVE-2024-23672", WEBSOCKET + "ClosingTest", "aCloseThatIsNever"),
                    known(6, "CVE-2022-25762", WEBSOCKET + "RaceTest", "closeWhileAnother"),
                    known(7, "CVE-2026-42498", HERE, "aRedirectIsNotFollowed"),
                    known(8, "CVE-2026-48779", HERE, "aMillionFragments"),
                    known(9, "CVE-2026-45736", HERE, "nothingOfAnEarlierMessageIsSent"),
                    known(10, "CVE-2024-37890", HERE, "tooManyHeadersAndMissingOnes"),
                    known(11, "CVE-2021-32640", HERE, "listsOfTokensAreReadInLinearTime"),
                    known(12, "CVE-2020-7662", HERE, "listsOfTokensAreReadInLinearTime"),
                    known(12, "CVE-2020-7663", PROTOCOL + "PermessageDeflateTest$Choice", "aHuge"),
                    known(13, "prototype names, 2017", HERE, "namesOfAnotherLanguagesPrototypes"),
                    known(14, "CVE-2018-1000518", WEBSOCKET + "CompressionTest", "aBombCloses"),
                    known(15, "CVE-2026-1526", WEBSOCKET + "CompressionTest", "aBombCloses"),
                    known(15, "CVE-2026-1526", WEBSOCKET + "FloodTest", "manyBombs"),
                    known(16, "CVE-2026-2229", PROTOCOL + "PermessageDeflateTest$Look", "whatWas"),
                    known(16, "CVE-2026-2229", WEBSOCKET + "HandshakeTableTest", "aClientJudges"),
                    known(17, "CVE-2026-1528", HERE, "lengthsBeyondAllBounds"),
                    known(18, "CVE-2026-1527", WEBSOCKET + "InjectionTest", "ofAClient"),
                    known(18, "CVE-2026-1527", WEBSOCKET + "InjectionTest", "ofAServer"),
                    known(19, "CVE-2023-43669", HERE, "aHeadOfSingleBytesIsReadInLinearTime"),
                    known(19, "CVE-2023-43669", PROTOCOL + "HeadParserTest", "aHeadOfSingleBytes"),
                    known(20, "CVE-2021-33880", HERE, "nothingHereComparesPasswords"),
                    smuggled("CVE-2025-58056"), // chunks that end in a bare line feed
                    smuggled("CVE-2026-33870"), // chunk extensions in quotes
                    smuggled("CVE-2026-42580"),
                    smuggled("CVE-2026-42581"),
                    smuggled("CVE-2026-42582"),
                    smuggled("CVE-2026-42583"),
                    smuggled("CVE-2026-42584"),
                    smuggled("CVE-2026-42585"),
                    smuggled("CVE-2026-42586"),
                    smuggled("CVE-2026-42587"),
                    smuggled("CVE-2026-89044"),
                    known(21, "malformed lines", PROTOCOL + "HeadParserTest", "malformedRequests"),
                    known(22, "CVE-2026-42587", PROTOCOL + "DeflateTest$Limits", "whatComesIn"),
                    known(22, "CVE-2026-42587", WEBSOCKET + "FloodTest", "manyBombs"),
                    known(23, "CVE-2025-52882", HERE, "pagesOfOthersAreKeptOut"),
                    known(23, "CVE-2025-49596", HERE, "aReboundNameIsNotServed"),
                    known(24, "CVE-2023-1108", WEBSOCKET + "TlsTest$TheEnd", "aCloseThatIsNot"),
                    known(25, "CVE-2026-29035", PROTOCOL + "DeflateTest", "whatOthersCompress"),
                    known(26, "CVE-2024-13009", WEBSOCKET + "CompressionTest", "everythingIs"),
                    known(27, "CVE-2025-66614", WEBSOCKET + "TlsTest$Trust", "theNamesOfTlsAnd"),
                    known(28, "Safari 15.0", WEBSOCKET + "CompressionTest", "theUpgradeHandlerMay"),
                    known(29, "Slowloris", HERE, "aRequestByteByByteEndsByTheDeadline"),
                    known(29, "Slowloris", WEBSOCKET + "FloodTest", "halfOpenHandshakes"),
                    known(29, "Slowloris", WEBSOCKET + "FloodTest", "halfOpenHandshakesEnd"),
                    known(29, "Slowloris", WEBSOCKET + "FloodTest", "connectionsFromOneAddress"),
                    known(30, "ping floods", WEBSOCKET + "FloodTest", "pings"),
                    known(30, "close floods", WEBSOCKET + "FloodTest", "pongsAndWhatFollows"),
                    known(30, "CVE-2026-33871", WEBSOCKET + "FloodTest", "emptyAndTinyFragments"),
                    known(30, "one-byte frames", WEBSOCKET + "FloodTest", "smallMessagesThat"),
                    known(31, "predictable masks", HERE, "masksCannotBePredicted"),
                    known(32, "quadratic joining", HERE, "fragmentsAreJoinedInLinearTime"),
                    known(32, "quadratic joining", HERE, "textIsCheckedOnce"));

    /** Which row, what, and the test: its class and how its name begins. */
    private record Known(int row, String attack, String type, String method) {}

    private static Known known(int row, String attack, String type, String method) {
        return new Known(row, attack, type, method);
    }

    /**
     * The table has every shape that these used: what frames a body, folded lines, doubled ones.
     */
    private static Known smuggled(String attack) {
        return known(21, attack, WEBSOCKET + "HandshakeTableTest", "aServerAnswers");
    }

    static Stream<Arguments> attacks() {
        return KNOWN.stream().map(k -> Arguments.of(k.row + " " + k.attack, k.type, k.method));
    }

    @Test
    void everyRowIsThere() {
        assertThat(KNOWN.stream().map(Known::row).distinct())
                .containsExactlyElementsOf(IntStream.rangeClosed(1, ROWS).boxed().toList());
    }

    @ParameterizedTest(name = "{0}: {1}#{2}")
    @MethodSource("attacks")
    void everyOneHasItsTest(String attack, String type, String method) throws Exception {
        List<Method> tests =
                Arrays.stream(Class.forName(type).getDeclaredMethods())
                        .filter(m -> m.getName().startsWith(method))
                        .filter(m -> m.getAnnotations().length > 0)
                        .toList();
        assertThat(tests).as(attack).isNotEmpty();
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

    /** Redirects are not followed, so nothing of the request can go where one leads. */
    @ParameterizedTest
    @ValueSource(ints = {300, 301, 302, 303, 307, 308})
    void aRedirectIsNotFollowed(int status) throws Exception {
        try (var first = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var second = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            second.setSoTimeout(1);
            var failure =
                    CompletableFuture.supplyAsync(() -> {
                        try {
                            WebSocketPeer.connect(
                                            "ws://127.0.0.1:" + first.getLocalPort(),
                                            WebSocketOptions.defaults()
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
                                "HTTP/1.1 "
                                        + status
                                        + " Found\r\nLocation: ws://127.0.0.1:"
                                        + second.getLocalPort()
                                        + "/\r\nContent-Length: 0\r\n\r\n"));
                assertThat(failure.join()).isEqualTo("server answered " + status + " \"Found\"");
            }
            assertThatExceptionOfType(SocketTimeoutException.class).isThrownBy(second::accept);
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
            raw.write(masked(0x88, RawPeer.closePayload(4000, "a")));
            assertThat(raw.readFrame().payload()).isEqualTo(hex("0fa0 61"));
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
                    WebSocketOptions.defaults()
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
        long small = allocated(() -> list(20_000));
        long large = allocated(() -> list(160_000));
        assertThat(large).as("eight times the elements").isLessThan(small * 12);
    }

    private static void list(int elements) throws Exception {
        byte[] head = ascii("GET / HTTP/1.1\r\nX: " + "a ,".repeat(elements) + "\r\n\r\n");
        var parser = io.peerloom.internal.protocol.HeadParser.request(head.length, 1);
        parser.feed(head, 0, head.length);
        assertThat(parser.requestHead().list("X")).hasSize(elements);
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

    /** A text that comes byte by byte is not looked at from its beginning with each. */
    @Test
    void textIsCheckedOnce() throws Exception {
        int length = 4_000_000; // squared it would not end before the build is given up
        var decoder = new io.peerloom.internal.protocol.FrameDecoder(true, 1 << 24, 10);
        byte[] frame = masked(0x81, ascii("x".repeat(length)));
        for (int i = 0; i < frame.length; ) {
            decoder.decode(frame, i, Math.min(frame.length, i < 14 ? 14 : i + 1));
            i = decoder.consumed();
        }
        assertThat(decoder.payload()).hasSize(length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"constructor", "__proto__", "hasOwnProperty", "toString", "null"})
    void namesOfAnotherLanguagesPrototypes(String name) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withCompression(Compression.defaults()));
            server.start(0, KnownAttacksTest::echo);
            for (String extension : List.of(name, "permessage-deflate")) {
                String header =
                        "Sec-WebSocket-Extensions: %s; %s=%s%n".formatted(extension, name, name);
                String request = new String(RawPeer.request(""), StandardCharsets.US_ASCII);
                assertThat(
                                answer(
                                        server,
                                        request.replace(
                                                "\r\n\r\n", "\r\n" + header.strip() + "\r\n\r\n")))
                        .startsWith("HTTP/1.1 101 ")
                        .doesNotContain(name, "Sec-WebSocket-Extensions");
            }
        }
    }

    @Test
    void nothingHereComparesPasswords() throws Exception {
        Path classes =
                Path.of(
                        WebSocketServer.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                                .toURI());
        int looked = 0;
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                String constants = Files.readString(file, StandardCharsets.ISO_8859_1);
                assertThat(constants.toLowerCase(Locale.ROOT))
                        .as("%s", file)
                        .doesNotContain("authorization", "authenticate", "password", "basic ");
                looked++;
            }
        }
        assertThat(looked).isGreaterThan(50);
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
                    WebSocketOptions.defaults()
                            .withLimits(
                                    Limits.defaults()
                                            .withHandshakeTimeout(Duration.ofMillis(300))));
            server.start(0, KnownAttacksTest::echo);
            try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                // Each byte is a sign of life, and none of them buys any time.
                raw.socket.setSoTimeout(1);
                await().pollInterval(Duration.ofMillis(20))
                        .until(() -> {
                            try {
                                raw.write(ascii("G"));
                                assertThat(raw.readHead()).startsWith("HTTP/1.1 408 ");
                                return true;
                            } catch (SocketTimeoutException e) {
                                return false; // no answer yet
                            } catch (IOException e) {
                                return true; // it does not take any more
                            }
                        });
            }
        }
    }

    /** Gives numbers that the test knows, and tells which it gave. */
    public static final class Told extends SecureRandomSpi {
        @Serial private static final long serialVersionUID = 1;
        private static final Queue<byte[]> GIVEN = new ConcurrentLinkedQueue<>();

        @Override
        protected void engineSetSeed(byte[] seed) {}

        @Override
        protected void engineNextBytes(byte[] bytes) {
            new SplittableRandom(GIVEN.size()).nextBytes(bytes);
            GIVEN.add(bytes.clone());
        }

        @Override
        protected byte[] engineGenerateSeed(int size) {
            return new byte[size];
        }
    }

    /** Makes {@link Told} what {@code new SecureRandom()} is. */
    private static final class Teller extends Provider {
        @Serial private static final long serialVersionUID = 1;

        Teller() {
            super("Teller", "1", "tells what it gives");
            put("SecureRandom.Told", Told.class.getName());
        }
    }

    /**
     * RFC 6455 section 10.3 and 4.1: what is on the wire is the key stream of ChaCha20, by the
     * JDK's own, of a seed that the system's SecureRandom gave, and each connection has its own; so
     * is the nonce of the handshake, without the stream.
     */
    @Test
    void masksCannotBePredicted() throws Exception {
        Told.GIVEN.clear();
        Security.insertProviderAt(new Teller(), 1);
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            for (int connection = 0; connection < 3; connection++) {
                masksOf(listening);
            }
        } finally {
            Security.removeProvider("Teller");
        }
        assertThat(Told.GIVEN.stream().map(Arrays::hashCode).distinct())
                .as("nothing was given twice, and nothing else used")
                .hasSize(6);
    }

    private static void masksOf(ServerSocket listening) throws Exception {
        int frames = 100; // so that several blocks of the cipher are needed
        int before = Told.GIVEN.size();
        var opening =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return WebSocketPeer.connect(
                                        "ws://127.0.0.1:" + listening.getLocalPort());
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        },
                        task -> Thread.ofVirtual().start(task));
        try (var raw = new RawPeer(listening.accept())) {
            String key = raw.answer("");
            try (WebSocketPeer peer = opening.join()) {
                for (int i = 0; i < frames; i++) {
                    peer.send(new byte[4]); // masked zeros: the key itself
                }
                byte[] wire = raw.readRaw(frames * (2 + 4 + 4));
                List<byte[]> given = List.copyOf(Told.GIVEN).subList(before, Told.GIVEN.size());
                assertThat(given).hasSize(2);
                assertThat(Base64.getDecoder().decode(key)).isEqualTo(given.get(0));
                byte[] seed = given.get(1);
                assertThat(seed).as("256 bits").hasSize(32);
                var cipher = Cipher.getInstance("ChaCha20");
                cipher.init(
                        Cipher.ENCRYPT_MODE,
                        new SecretKeySpec(seed, "ChaCha20"),
                        new ChaCha20ParameterSpec(new byte[12], 0));
                byte[] stream = cipher.doFinal(new byte[4 * frames]);
                for (int i = 0; i < frames; i++) {
                    assertThat(Arrays.copyOfRange(wire, 10 * i + 2, 10 * i + 6))
                            .as("mask of frame %d", i)
                            .isEqualTo(Arrays.copyOfRange(stream, 4 * i, 4 * i + 4))
                            .isEqualTo(Arrays.copyOfRange(wire, 10 * i + 6, 10 * i + 10));
                }
                raw.write(hex("8800"));
            }
        }
    }
}
