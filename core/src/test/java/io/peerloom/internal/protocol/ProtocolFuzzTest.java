package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.AMPLE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.ErrorCode;
import io.peerloom.internal.protocol.Wire.Reader;
import io.peerloom.internal.protocol.Wire.Seen;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Targets for the fuzzer Jazzer, each a nested class, and the replay of what it found worth
 * keeping: the files under {@code ProtocolFuzzTestInputs}, one folder for each target. The replay
 * is without Jazzer, whose agent would stay and change the classes of all later tests.
 *
 * <p>The first byte of an input holds choices (role, limits), the next four say in which pieces the
 * rest comes. What comes in pieces must be judged as what comes whole, and by no other exception
 * than the documented ones.
 */
class ProtocolFuzzTest {
    private static final int CHOICES = 5;

    /** Tight ones, at which everything overflows soon, and some that are in nobody's way. */
    private static final int[][] FRAME_LIMITS = {
        {50, 2}, {7000, 6}, {1 << 20, 1024}, {AMPLE, AMPLE}
    };

    private static final int[][] HEAD_LIMITS = {{200, 3}, {500, 10}, {4096, 30}, {16 * 1024, 100}};

    private static final List<VariantCodec.Dialect> DIALECTS =
            List.of(VariantCodec.Dialect.values());

    /** All that a server may answer a bad request with, before anybody is asked. */
    private static final Set<Integer> REFUSALS = Set.of(400, 405, 426, 431, 505);

    /** The nonce of RFC 6455 section 1.3, whose answer the inputs know. */
    private static final ClientHandshake CLIENT =
            ClientHandshake.of(
                    "example.com",
                    "/chat?room=1",
                    List.of("chat", "superchat"),
                    List.of(),
                    "the sample nonce".getBytes(StandardCharsets.US_ASCII));

    /** A target as Jazzer calls it. */
    public static final class Frames {
        private Frames() {}

        public static void fuzzerTestOneInput(byte[] input) {
            frames(input);
        }
    }

    /** A target as Jazzer calls it. */
    public static final class RequestHeads {
        private RequestHeads() {}

        public static void fuzzerTestOneInput(byte[] input) {
            requestHead(input);
        }
    }

    /** A target as Jazzer calls it. */
    public static final class ResponseHeads {
        private ResponseHeads() {}

        public static void fuzzerTestOneInput(byte[] input) {
            responseHead(input);
        }
    }

    /** A target as Jazzer calls it. */
    public static final class Extensions {
        private Extensions() {}

        public static void fuzzerTestOneInput(byte[] input) {
            extensions(input);
        }
    }

    /** A target as Jazzer calls it. */
    public static final class Inflation {
        private Inflation() {}

        public static void fuzzerTestOneInput(byte[] input) {
            inflation(input);
        }
    }

    /** A target as Jazzer calls it. */
    public static final class Variants {
        private Variants() {}

        public static void fuzzerTestOneInput(byte[] input) {
            variant(input);
        }
    }

    @Test
    void whatTheFuzzerKeptOfVariantsHolds() throws IOException {
        replay("Variants", ProtocolFuzzTest::variant);
    }

    @Test
    void whatTheFuzzerKeptOfExtensionsHolds() throws IOException {
        replay("Extensions", ProtocolFuzzTest::extensions);
    }

    @Test
    void whatTheFuzzerKeptOfInflationHolds() throws IOException {
        replay("Inflation", ProtocolFuzzTest::inflation);
    }

    @Test
    void whatTheFuzzerKeptOfFramesHolds() throws IOException {
        replay("Frames", ProtocolFuzzTest::frames);
    }

    @Test
    void whatTheFuzzerKeptOfRequestHeadsHolds() throws IOException {
        replay("RequestHeads", ProtocolFuzzTest::requestHead);
    }

    @Test
    void whatTheFuzzerKeptOfResponseHeadsHolds() throws IOException {
        replay("ResponseHeads", ProtocolFuzzTest::responseHead);
    }

    private static void replay(String target, Consumer<byte[]> check) throws IOException {
        URL folder = ProtocolFuzzTest.class.getResource("ProtocolFuzzTestInputs/" + target);
        try (Stream<Path> files = Files.list(Path.of(URI.create(folder.toString())))) {
            List<Path> inputs = files.sorted().toList();
            assertThat(inputs).isNotEmpty();
            for (Path file : inputs) {
                byte[] input = Files.readAllBytes(file);
                assertThatCode(() -> check.accept(input))
                        .as("%s/%s", target, file.getFileName())
                        .doesNotThrowAnyException();
            }
        }
    }

    /** Bit 0: a server's decoder. Bit 1: write into the message where offered. 2 and 3: limits. */
    static void frames(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        boolean server = (input[0] & 1) != 0;
        boolean direct = (input[0] & 2) != 0;
        int[] limits = FRAME_LIMITS[(input[0] >> 2) & 3];
        Reader whole = new Reader(new FrameDecoder(server, limits[0], limits[1]), false);
        Reader cut = new Reader(new FrameDecoder(server, limits[0], limits[1]), direct);
        compare(whole, cut, input, limits[0]);
    }

    /** Bit 0: a server's decoder. Bit 1: the context is kept. 2 and 3: limits. */
    static void inflation(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        boolean server = (input[0] & 1) != 0;
        boolean keepsContext = (input[0] & 2) != 0;
        int[] limits = FRAME_LIMITS[(input[0] >> 2) & 3];
        DeflatePool pool = new DeflatePool(-1, 2);
        pool.join();
        FrameDecoder one = new FrameDecoder(server, limits[0], limits[1]);
        FrameDecoder other = new FrameDecoder(server, limits[0], limits[1]);
        try {
            one.inflate(pool, keepsContext);
            other.inflate(pool, keepsContext);
            compare(new Reader(one, false), new Reader(other, true), input, limits[0]);
            if (!keepsContext && !one.inMessage()) {
                assertThat(pool.lent()).as("lent between messages").isZero();
            }
        } finally {
            one.release();
            other.release();
            pool.leave();
        }
        assertThat(pool.lent()).as("not given back").isZero();
        assertThat(pool.kept()).as("kept for nobody").isZero();
    }

    /**
     * A message that is too long and bad DEFLATE data too may be refused for either: zlib keeps
     * back what came out before the bad data, if it gets both at once.
     */
    private static List<Seen> judged(List<Seen> seen) {
        return seen.stream()
                .map(s ->
                        s.event() == null && s.code() == CloseCode.INVALID_DATA
                                ? Seen.failure(CloseCode.TOO_BIG)
                                : s)
                .toList();
    }

    /** Reads an input whole and in pieces. */
    private static void compare(Reader whole, Reader cut, byte[] input, int most) {
        byte[] wire = rest(input);
        whole.read(wire);
        inPieces(input, (from, to) -> cut.read(Arrays.copyOfRange(input, from, to)));

        assertThat(judged(cut.seen)).isEqualTo(judged(whole.seen));
        assertThat(cut.kept()).isEqualTo(whole.kept()).hasSizeLessThanOrEqualTo(130);
        assertThat(cut.decoder.inMessage()).isEqualTo(whole.decoder.inMessage());
        for (int i = 0; i < whole.seen.size(); i++) {
            Seen seen = whole.seen.get(i);
            assertThat(seen.ends() && i < whole.seen.size() - 1).as("event after an end").isFalse();
            if (seen.payload() != null) {
                assertThat(seen.payload().remaining()).isLessThanOrEqualTo(Math.max(125, most));
            }
        }
        if (!whole.seen.isEmpty() && whole.seen.get(whole.seen.size() - 1).ends()) {
            assertThatThrownBy(() -> whole.decoder.decode(wire, 0, wire.length))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(whole.decoder.directArray()).as("memory held after the end").isEmpty();
        }
    }

    /**
     * The first byte: whether we begin each message anew, whether the other side should. The next
     * two: window bits. The rest: the values of the header's lines, one behind the other.
     */
    static void extensions(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        PermessageDeflate wish =
                new PermessageDeflate(
                        (input[0] & 1) != 0,
                        (input[0] & 2) != 0,
                        8 + (input[1] & 7),
                        8 + (input[2] & 7));
        List<Header> lines = new ArrayList<>();
        for (String line : new String(rest(input), StandardCharsets.ISO_8859_1).split("\n", -1)) {
            lines.add(new Header("Sec-WebSocket-Extensions", HttpSyntax.trim(line)));
        }
        try {
            wish.accept(new RequestHead("GET", "/", "HTTP/1.1", lines))
                    .ifPresent(agreement -> agreedAsServer(wish, agreement));
        } catch (HandshakeException e) {
            assertThat(e.status()).isEqualTo(400);
        }
        try {
            wish.verify(new ResponseHead("HTTP/1.1", 101, "", lines))
                    .ifPresent(agreement -> {
                        PermessageDeflate agreed = agreement.parameters();
                        assertThat(agreed.clientMaxWindowBits())
                                .isLessThanOrEqualTo(wish.clientMaxWindowBits());
                        assertThat(agreed.clientNoContextTakeover())
                                .isIn(true, wish.clientNoContextTakeover());
                    });
        } catch (HandshakeException e) {
            assertThat(e.status()).isEqualTo(101);
        }
    }

    private static void agreedAsServer(
            PermessageDeflate wish, PermessageDeflate.Agreement agreement) {
        PermessageDeflate agreed = agreement.parameters();
        assertThat(agreed.serverMaxWindowBits()).isLessThanOrEqualTo(wish.serverMaxWindowBits());
        assertThat(agreed.serverNoContextTakeover()).isIn(true, wish.serverNoContextTakeover());
        assertThat(agreement.text()).matches("[a-z0-9_;= -]+");
        // The client, told so, understands the same.
        var answer =
                new ResponseHead(
                        "HTTP/1.1",
                        101,
                        "",
                        List.of(new Header("Sec-WebSocket-Extensions", agreement.text())));
        try {
            assertThat(agreed.verify(answer).orElseThrow().parameters()).isEqualTo(agreed);
        } catch (HandshakeException e) {
            throw new AssertionError(agreement.text(), e);
        }
    }

    /**
     * Bits 0 and 1 of the first byte: the dialect. Bit 2: full objects. Bit 3: tight limits. What
     * is decoded is encoded as a value that is equal, and the same bytes once more.
     */
    static void variant(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        VariantCodec codec =
                VariantCodec.of(DIALECTS.get(input[0] & 3))
                        .withFullObjects((input[0] & 4) != 0)
                        .withDoublePrecision(true);
        if ((input[0] & 8) != 0) {
            codec = codec.withMaxDepth(3).withMaxValues(20).withMaxBytes(200);
        }
        ByteBuffer wire = ByteBuffer.wrap(input, CHOICES, input.length - CHOICES);
        Variant value;
        try {
            value = codec.decode(wire);
            assertThat(wire.position()).isGreaterThanOrEqualTo(CHOICES + 4);
        } catch (VariantException e) {
            assertThat(wire.position()).isEqualTo(CHOICES);
            assertThat(e.code())
                    .isIn(
                            ErrorCode.INVALID_DATA,
                            ErrorCode.FILE_EOF,
                            ErrorCode.UNAUTHORIZED,
                            ErrorCode.OUT_OF_MEMORY);
            assertThat(e).message().hasSizeLessThan(300);
            return;
        }
        try {
            byte[] bytes = codec.withMaxBytes(1 << 20).encode(value);
            Variant again = codec.withMaxBytes(1 << 20).decode(bytes);
            assertThat(again.toString()).isEqualTo(value.toString());
            if (!value.toString().contains("nan")) { // its bits may change where it is widened
                assertThat(again.equals(value)).as("%s and %s", value, again).isTrue();
                assertThat(again.hashCode()).isEqualTo(value.hashCode());
                assertThat(codec.withMaxBytes(1 << 20).encode(again)).isEqualTo(bytes);
            }
        } catch (VariantException e) {
            throw new AssertionError(value.toString(), e);
        }
    }

    /** Bits 2 and 3 of the first byte: limits. */
    static void requestHead(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        RequestHead request = (RequestHead) head(input, true);
        if (request == null) {
            return;
        }
        boolean allowed = ServerHandshake.originAllowed(request, false, origin -> false);
        assertThat(allowed || request.first("Origin").isPresent()).isTrue();
        try {
            ServerHandshake.check(request);
        } catch (HandshakeException e) {
            assertThat(e.status()).isIn(REFUSALS);
            return;
        }
        assertThat(request.method()).isEqualTo("GET");
        String protocol =
                ServerHandshake.selectProtocol(request, List.of("chat", "superchat")).orElse(null);
        byte[] answer = ServerHandshake.accept(request, protocol, List.of());
        ResponseHead read =
                (ResponseHead) parse(HeadParser.response(16 * 1024, 100), false, answer).head;
        assertThat(read.headers()).hasSize(protocol == null ? 3 : 4);
        assertThat(read.first("Sec-WebSocket-Protocol").orElse(null)).isEqualTo(protocol);
    }

    /** Bits 2 and 3 of the first byte: limits. */
    static void responseHead(byte[] input) {
        if (input.length < CHOICES) {
            return;
        }
        ResponseHead response = (ResponseHead) head(input, false);
        if (response == null) {
            return;
        }
        assertThat(response.status()).isBetween(100, 999);
        try {
            CLIENT.verify(response)
                    .ifPresent(protocol -> assertThat(protocol).isIn("chat", "superchat"));
            assertThat(response.status()).isEqualTo(101);
        } catch (HandshakeException e) {
            assertThat(e.status()).isEqualTo(response.status());
        }
    }

    /** Parses a head whole and in pieces, and compares; null if it is none. */
    private static HttpHead head(byte[] input, boolean request) {
        int[] limits = HEAD_LIMITS[(input[0] >> 2) & 3];
        byte[] wire = rest(input);
        Parsed whole = parse(parser(request, limits), request, wire);
        HeadParser parser = parser(request, limits);
        Parsed[] cut = {new Parsed(null, 0, null)};
        inPieces(
                input,
                (from, to) -> {
                    if (cut[0].over()) {
                        return;
                    }
                    int before = cut[0].consumed;
                    Parsed next = feed(parser, request, input, from, to);
                    cut[0] = new Parsed(next.head, before + next.consumed - from, next.failure);
                });

        assertThat(cut[0].failure == null).isEqualTo(whole.failure == null);
        if (whole.failure != null) {
            assertThat(cut[0].failure).hasMessage(whole.failure.getMessage());
            assertThat(whole.failure.status()).isIn(request ? Set.of(400, 431) : Set.of(0));
            assertThat(whole.failure.getMessage())
                    .as("no message longer than a line of a log")
                    .hasSizeLessThan(500)
                    .matches("\\p{Print}*");
        }
        assertThat(cut[0].head == null).isEqualTo(whole.head == null);
        if (whole.head == null) {
            return null;
        }
        assertThat(cut[0].consumed).isEqualTo(whole.consumed).isLessThanOrEqualTo(limits[0]);
        assertThat(cut[0].head.headers()).isEqualTo(whole.head.headers());
        assertThat(whole.head.headers()).hasSizeLessThanOrEqualTo(limits[1]);
        for (Header header : whole.head.headers()) {
            assertThat(HttpSyntax.isToken(header.name())).isTrue();
            assertThat(header.value()).doesNotContain("\r", "\n", "\0");
        }
        return whole.head;
    }

    private static HeadParser parser(boolean request, int[] limits) {
        return request
                ? HeadParser.request(limits[0], limits[1])
                : HeadParser.response(limits[0], limits[1]);
    }

    /** How far a parser came. */
    private record Parsed(HttpHead head, int consumed, HandshakeException failure) {
        boolean over() {
            return head != null || failure != null;
        }
    }

    private static Parsed parse(HeadParser parser, boolean request, byte[] wire) {
        return feed(parser, request, wire, 0, wire.length);
    }

    private static Parsed feed(HeadParser parser, boolean request, byte[] wire, int from, int to) {
        try {
            if (!parser.feed(wire, from, to)) {
                assertThat(parser.consumed()).isEqualTo(to);
                return new Parsed(null, to, null);
            }
        } catch (HandshakeException e) {
            assertThatThrownBy(() -> parser.feed(wire, 0, 0))
                    .isInstanceOf(IllegalStateException.class);
            return new Parsed(null, 0, e);
        }
        HttpHead head = request ? parser.requestHead() : parser.responseHead();
        return new Parsed(head, parser.consumed(), null);
    }

    private static byte[] rest(byte[] input) {
        return Arrays.copyOfRange(input, CHOICES, input.length);
    }

    /** Takes a piece of the input. */
    private interface Piece {
        void take(int from, int to);
    }

    /** Cuts the input behind the choices: up to 64 pieces as they say, the rest as the last one. */
    private static void inPieces(byte[] input, Piece piece) {
        int at = CHOICES;
        for (int i = 0; at < input.length; i++) {
            int size = i < 64 ? 1 + (input[1 + i % 4] & 0xFF) : input.length;
            int to = Math.min(input.length, at + size);
            piece.take(at, to);
            at = to;
        }
    }
}
