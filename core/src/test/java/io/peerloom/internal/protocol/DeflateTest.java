package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.AMPLE;
import static io.peerloom.internal.protocol.Wire.frame;
import static io.peerloom.internal.protocol.Wire.hex;
import static io.peerloom.internal.protocol.Wire.join;
import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import com.jcraft.jzlib.GZIPException;
import com.jcraft.jzlib.JZlib;
import io.peerloom.internal.protocol.FrameDecoder.Event;
import io.peerloom.internal.protocol.Wire.Reader;
import io.peerloom.internal.protocol.Wire.Seen;
import java.io.ByteArrayOutputStream;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 7692: compressed messages on the wire, beside another zlib. */
class DeflateTest {

    private static final byte[] TAIL = {0, 0, (byte) 0xFF, (byte) 0xFF};
    private static final byte[] KEY = {1, 2, 3, 4};

    private final DeflatePool pool = new DeflatePool(-1, 2);

    private Reader client(boolean keepsContext) {
        return reader(keepsContext, AMPLE, AMPLE);
    }

    private Reader reader(boolean keepsContext, int maxMessage, int maxFragments) {
        var decoder = new FrameDecoder(false, maxMessage, maxFragments);
        decoder.inflate(pool, keepsContext);
        return new Reader(decoder, true);
    }

    /** A frame with RSV1. */
    private static byte[] packed(int first, byte[] payload) {
        return frame(first | 0x40, payload, null);
    }

    private byte[] deflate(byte[] data) {
        var deflater = new MessageDeflater(pool, 15, false);
        assertThat(deflater.deflate(data)).isTrue();
        return Arrays.copyOf(deflater.packed(), deflater.length());
    }

    /** What another zlib makes of it, with a window of its own size. */
    private static final class OtherInflater {
        private final com.jcraft.jzlib.Inflater zlib;

        OtherInflater(int bits) {
            try {
                zlib = new com.jcraft.jzlib.Inflater(bits, true);
            } catch (GZIPException e) {
                throw new IllegalStateException(e);
            }
        }

        byte[] inflate(byte[] packed, int length) {
            byte[] in = join(Arrays.copyOf(packed, length), TAIL);
            var all = new ByteArrayOutputStream();
            byte[] out = new byte[1000];
            zlib.setInput(in, true);
            do {
                zlib.setOutput(out);
                int result = zlib.inflate(JZlib.Z_SYNC_FLUSH);
                if (result != JZlib.Z_OK && result != JZlib.Z_BUF_ERROR) {
                    throw new IllegalStateException("zlib says " + result + " " + zlib.msg);
                }
                all.write(out, 0, out.length - zlib.avail_out);
            } while (zlib.avail_out == 0);
            return all.toByteArray();
        }
    }

    /** How another zlib compresses, with a window of its own size. */
    private static final class OtherDeflater {
        private final com.jcraft.jzlib.Deflater zlib;

        OtherDeflater(int bits) {
            try {
                zlib = new com.jcraft.jzlib.Deflater(9, bits, true);
            } catch (GZIPException e) {
                throw new IllegalStateException(e);
            }
        }

        byte[] deflate(byte[] data) {
            byte[] out = new byte[data.length * 2 + 100];
            zlib.setInput(data, true);
            zlib.setOutput(out);
            assertThat(zlib.deflate(JZlib.Z_SYNC_FLUSH)).isEqualTo(JZlib.Z_OK);
            int length = out.length - zlib.avail_out;
            assertThat(Arrays.copyOfRange(out, length - 4, length)).isEqualTo(TAIL);
            return Arrays.copyOf(out, length - 4);
        }
    }

    /** Text of few words with much repetition near and far, and some noise. */
    private static byte[] prose(long seed, int length) {
        var random = new Random(seed);
        byte[] text = new byte[length];
        for (int at = 0; at < length; ) {
            int n = Math.min(length - at, 3 + random.nextInt(40));
            int back = at == 0 ? 0 : random.nextInt(Math.min(at, 40_000));
            boolean fresh = at < n || random.nextInt(4) == 0;
            for (int i = 0; i < n; i++) {
                text[at + i] =
                        fresh
                                ? (byte) ('a' + random.nextInt(26))
                                : text[Math.max(0, at - back) + i];
            }
            at += n;
        }
        return text;
    }

    @Nested
    @DisplayName("7.2.3 Examples")
    class Examples {
        @Test
        void oneBlock() {
            assertThat(client(false).read(hex("c107 f248cdc9c90700")).all())
                    .containsExactly(Seen.text("Hello"));
        }

        @Test
        void twoFragmentsWithThePingBetween() {
            assertThat(client(false).read(hex("4103f248cd 8901f0 8004c9c90700")).all())
                    .containsExactly(Seen.ping((byte) 0xF0), Seen.text("Hello"));
        }

        @Test
        void sharingTheWindow() {
            Reader client = client(true).read(hex("c107 f248cdc9c90700 c105 f200110000"));

            assertThat(client.all()).containsExactly(Seen.text("Hello"), Seen.text("Hello"));
            assertThat(client(false).read(hex("c107 f248cdc9c90700 c105 f200110000")).all())
                    .as("there is no window to refer to")
                    .containsExactly(Seen.text("Hello"), Seen.failure(1007));
        }

        @Test
        void noCompression() {
            assertThat(client(false).read(hex("c10b 000500faff48656c6c6f00")).all())
                    .containsExactly(Seen.text("Hello"));
        }

        @ParameterizedTest
        @ValueSource(booleans = {true, false})
        void aFinalBlock(boolean keepsContext) {
            Reader client =
                    client(keepsContext)
                            .read(hex("c108 f348cdc9c9070000"))
                            .read(hex("c107 f248cdc9c90700"))
                            .read(hex("c107 f348cdc9c90700"))
                            .read(hex("c108 f348cdc9c9070000"));

            assertThat(client.all())
                    .as("the stream ends, the connection goes on; also without the empty block")
                    .hasSize(4)
                    .containsOnly(Seen.text("Hello"));
        }

        @Test
        void aFinalBlockInsideAMessage() {
            assertThat(client(false).read(hex("c10f f348cdc9c90700f248cdc9c90700f2")).seen)
                    .as("two streams, and a byte that begins a third")
                    .containsExactly(Seen.failure(1007));
            assertThat(client(false).read(hex("c10e f348cdc9c90700f248cdc9c90700")).all())
                    .containsExactly(Seen.text("HelloHello"));
        }

        @Test
        void twoBlocksInOneMessage() {
            assertThat(client(false).read(hex("c10d f248050000 00ffff cac9c90700")).all())
                    .containsExactly(Seen.text("Hello"));
        }

        @ParameterizedTest
        @ValueSource(booleans = {true, false})
        void anEmptyMessage(boolean keepsContext) {
            Reader client = client(keepsContext).read(hex("c10100 c20100 c100 4100 8000"));

            assertThat(client.read(hex("c107 f248cdc9c90700")).all())
                    .as("as one byte, as none, in two frames")
                    .containsExactly(
                            Seen.text(""),
                            Seen.binary(),
                            Seen.text(""),
                            Seen.text(""),
                            Seen.text("Hello"));
        }

        @Test
        void aMessageMayComePlain() {
            assertThat(client(true).read(hex("c107 f248cdc9c90700 8101 61 c105 f200110000")).all())
                    .as("it is no part of the window")
                    .containsExactly(Seen.text("Hello"), Seen.text("a"), Seen.text("Hello"));
        }
    }

    @Nested
    @DisplayName("6 The bit RSV1")
    class Rsv1 {
        @ParameterizedTest
        @ValueSource(
                strings = {
                    "c900", // ping
                    "ca00", // pong
                    "c800", // close
                    "4103f248cd c004c9c90700", // a continuation
                    "0203f248cd c004c9c90700",
                    "e10100", // RSV2 beside it
                    "d10100", // RSV3 beside it
                    "a10100",
                    "c30100", // an unknown opcode
                })
        void elsewhereItIsAProtocolError(String wire) {
            List<Seen> seen = client(false).read(hex(wire)).seen;

            assertThat(seen).containsExactly(Seen.failure(1002));
        }

        @Test
        void withoutAnAgreementItIsToo() {
            Reader client = Reader.client().read(hex("c107 f248cdc9c90700"));

            assertThat(client.seen).containsExactly(Seen.failure(1002));
            assertThat(client.failure).isEqualTo("reserved bit RSV1 set, in frame header 0xC107");
        }
    }

    @Nested
    @DisplayName("Bad data")
    class BadData {
        @ParameterizedTest
        @ValueSource(
                strings = {
                    "c101 07", // block type 3
                    "c103 ffffff",
                    "c105 000500fafe", // a stored length that is not the complement of its inverse
                    "c105 f200110000", // a distance beyond the window
                })
        void itIsInvalidData(String wire) {
            for (boolean keepsContext : new boolean[] {true, false}) {
                Reader client = client(keepsContext).read(hex(wire));

                assertThat(client.seen).containsExactly(Seen.failure(1007));
                assertThat(client.failure).startsWith("compressed message is not DEFLATE data");
                assertThat(pool.lent()).isZero();
            }
        }

        @Test
        void aMessageThatIsCutIsSeen() {
            byte[] whole = deflate(prose(1, 3_000));
            for (int length = 1; length < whole.length; length++) {
                Reader client = client(false).read(packed(0x82, Arrays.copyOf(whole, length)));

                assertThat(client.seen).as("cut at %d", length).hasSize(1);
                assertThat(client.seen.get(0).code()).as("cut at %d", length).isEqualTo(1007);
            }
            assertThat(pool.lent()).isZero();
        }

        /** A stored block of four bytes, which the tail fills, ending the stream with it. */
        @Test
        void aMessageThatTakesTheTailForItsOwnIsSeenWithAContextToo() {
            Reader client = client(true).read(hex("c205 010400fbff"));

            assertThat(client.seen).containsExactly(Seen.failure(1007));
            assertThat(client.failure).isEqualTo("compressed message ends inside a DEFLATE block");
        }

        @Test
        void invalidTextFailsAsSoonAsItComesOut() {
            byte[] bad = join(utf8("abc".repeat(1000)), new byte[] {(byte) 0xFF}, prose(3, 5_000));
            byte[] good = deflate(utf8("abc".repeat(1000)));
            byte[] wire = packed(0x81, deflate(bad));
            Reader client = client(false);
            int at = 0;
            while (at < wire.length && client.seen.isEmpty()) {
                client.read(new byte[] {wire[at++]});
            }

            assertThat(client.seen).containsExactly(Seen.failure(1007));
            assertThat(client.failure).contains("not valid UTF-8");
            assertThat(at).as("bytes read").isLessThan(good.length + 400);
        }

        @Test
        void textThatEndsInsideACharacterFails() {
            byte[] cut = Arrays.copyOf(utf8("aaaaaaaaaaaaaaaaaaaa\u00e9"), 21);

            assertThat(client(false).read(packed(0x81, deflate(cut))).all())
                    .containsExactly(Seen.failure(1007));
        }
    }

    @Nested
    @DisplayName("Limits")
    class Limits {
        @Test
        void theyCountWhatComesOut() {
            byte[] exact = deflate(new byte[10_000]);
            byte[] more = deflate(new byte[10_001]);

            assertThat(reader(false, 10_000, 9).read(packed(0x82, exact)).all())
                    .containsExactly(Seen.binary(new byte[10_000]));
            Reader client = reader(false, 10_000, 9).read(packed(0x82, more));
            assertThat(client.seen).containsExactly(Seen.failure(1009));
            assertThat(client.failure).isEqualTo("compressed message of more than 10000 bytes");
            assertThat(pool.lent()).isZero();
        }

        @Test
        void aBombIsStoppedAtTheLimit() {
            byte[] bomb = deflate(new byte[50_000_000]);
            assertThat(bomb.length).isLessThan(60_000);
            Reader client = reader(false, 1 << 20, 9);
            long before = allocated();
            client.read(packed(0x82, bomb));
            long bytes = allocated() - before;

            assertThat(client.seen).containsExactly(Seen.failure(1009));
            assertThat(bytes).as("bytes allocated").isLessThan(4L << 20);
            assertThat(client.decoder.directArray()).isEmpty();
        }

        /** Empty blocks make nothing, so a limit on what comes out would not stop them. */
        @Test
        void whatComesInIsCountedToo() {
            byte[] empty = hex("000000ffff");
            byte[] blocks = new byte[2_000];
            for (int at = 0; at < blocks.length; at += empty.length) {
                System.arraycopy(empty, 0, blocks, at, empty.length);
            }
            Reader client = reader(false, 4_000, 99).read(packed(0x02, blocks));
            client.read(frame(0x00, blocks, null)).read(frame(0x00, blocks, null));

            assertThat(client.seen).as("6,000 bytes of the 6,024 that it may take").isEmpty();
            assertThat(client.read(frame(0x00, blocks, null)).seen)
                    .containsExactly(Seen.failure(1009));
            assertThat(client.failure).contains("frame of 2000 bytes, 6000 before it");
        }

        @Test
        void anAnnouncedLengthIsRefusedAtOnce() {
            assertThat(reader(false, 4_000, 9).read(hex("c27f 7fffffffffffffff")).seen)
                    .containsExactly(Seen.failure(1009));
            assertThat(reader(false, 4_000, 9).read(hex("c27e 1789")).seen)
                    .as("6,025 bytes")
                    .containsExactly(Seen.failure(1009));
        }

        @Test
        void fragmentsAreCounted() {
            assertThat(reader(false, 4_000, 3).read(hex("4201f2 0000 0000 0000")).seen)
                    .containsExactly(Seen.failure(1009));
        }

        private long allocated() {
            return ((com.sun.management.ThreadMXBean)
                            java.lang.management.ManagementFactory.getThreadMXBean())
                    .getCurrentThreadAllocatedBytes();
        }
    }

    @Nested
    @DisplayName("What is held")
    class Held {
        @Test
        void nothingWithoutAContext() {
            Reader client = client(false);
            assertThat(pool.lent()).isZero();
            client.read(hex("4103f248cd"));
            assertThat(pool.lent()).as("inside a message").isEqualTo(1);
            client.read(hex("8004c9c90700"));
            assertThat(pool.lent()).as("between messages").isZero();
            client.read(hex("4103f248cd"));
            client.decoder.release();
            assertThat(pool.lent()).as("after the end").isZero();
        }

        @Test
        void oneForTheWholeConnectionWithAContext() {
            Reader client = client(true).read(hex("c107 f248cdc9c90700"));
            var deflater = new MessageDeflater(pool, 15, true);
            assertThat(deflater.deflate(new byte[100])).isTrue();

            assertThat(pool.lent()).isEqualTo(2);
            client.decoder.release();
            deflater.release();
            deflater.release();
            assertThat(pool.lent()).isZero();
        }

        @Test
        void thePoolKeepsFewAndNoneForNobody() {
            pool.join();
            pool.join();
            var deflaters = new ArrayList<MessageDeflater>();
            for (int i = 0; i < 5; i++) {
                deflaters.add(new MessageDeflater(pool, 15, true));
                deflaters.get(i).deflate(new byte[100]);
                client(true).read(hex("c107 f248cdc9c90700")).decoder.release();
            }
            assertThat(pool.lent()).isEqualTo(5);
            deflaters.forEach(MessageDeflater::release);
            assertThat(pool.kept()).as("two compressors, one decompressor").isEqualTo(3);
            pool.leave();
            assertThat(pool.kept()).isEqualTo(3);
            pool.leave();
            assertThat(pool.kept()).isZero();
            client(false).read(hex("c107 f248cdc9c90700"));
            assertThat(pool.kept()).as("given back late").isZero();
            deflate(new byte[100]);
            assertThat(pool.kept()).isZero();
        }

        @Test
        void thePoolLetsGoOfWhatLiesUnused() {
            pool.join();
            deflate(new byte[100]);
            long now = System.nanoTime();
            pool.trim(now + 10, 1_000_000_000_000L);
            assertThat(pool.kept()).as("too soon").isEqualTo(1);
            pool.trim(now + 2_000, 1_000);
            assertThat(pool.kept()).as("used since").isEqualTo(1);
            pool.trim(now + 4_000, 1_000);
            assertThat(pool.kept()).isZero();
            pool.leave();
        }

        @Test
        void noMessageIsHeld() {
            var deflater = new MessageDeflater(pool, 15, true);
            var sent = new WeakReference<>(deflated(deflater));
            Reader client = client(true);
            var received = new WeakReference<>(inflated(client));

            await().until(() -> {
                System.gc();
                return sent.get() == null && received.get() == null;
            });
            deflater.release();
            client.decoder.release();
        }

        private byte[] deflated(MessageDeflater deflater) {
            byte[] data = prose(5, 1_000);
            assertThat(deflater.deflate(data)).isTrue();
            assertThat(deflater.packed()).isNotEmpty();
            assertThat(deflater.packed()).as("handed over once").isEmpty();
            return data;
        }

        private byte[] inflated(Reader client) {
            byte[] wire = packed(0x82, deflate(prose(6, 1_000)));
            try {
                assertThat(client.decoder.decode(wire, 0, wire.length)).isEqualTo(Event.BINARY);
            } catch (ProtocolException e) {
                fail(e);
            }
            client.decoder.payload();
            return wire;
        }
    }

    @Nested
    @DisplayName("7.2.1 Compressing")
    class Compressing {
        @Test
        void whatDoesNotBecomeShorterIsLeftAlone() {
            var noise = new byte[5_000];
            new Random(7).nextBytes(noise);
            for (int bits : new int[] {8, 15}) {
                for (boolean keepsContext : new boolean[] {true, false}) {
                    var deflater = new MessageDeflater(pool, bits, keepsContext);
                    assertThat(deflater.deflate(noise)).isFalse();
                    assertThat(deflater.deflate(new byte[0])).isFalse();
                    assertThat(deflater.deflate(new byte[1])).isFalse();
                    assertThat(deflater.deflate(new byte[3_000])).isTrue();
                    deflater.release();
                }
            }
            assertThat(pool.lent()).isZero();
        }

        @Test
        void aContextMakesTheSecondMessageShorter() {
            var deflater = new MessageDeflater(pool, 15, true);
            byte[] data = prose(9, 2_000);
            assertThat(deflater.deflate(data)).isTrue();
            int first = deflater.length();
            assertThat(deflater.deflate(data)).isTrue();
            assertThat(deflater.length()).isLessThan(first / 10);
            deflater.release();
        }

        @Test
        void whatIsCompressedForManyFitsWhoseWindowIsLargeEnough() {
            assertThat(new MessageDeflater(pool, 15, false).takesForeign(1 << 30)).isTrue();
            assertThat(new MessageDeflater(pool, 15, true).takesForeign(10)).isFalse();
            assertThat(new MessageDeflater(pool, 10, false).takesForeign(1024)).isTrue();
            assertThat(new MessageDeflater(pool, 10, false).takesForeign(1025)).isFalse();
        }

        /** So that the property below can fail. */
        @Test
        void aFullWindowDoesNotFitASmallOne() {
            byte[] data = join(prose(10, 3_000), prose(10, 3_000));
            byte[] packed = deflate(data);

            byte[] read = null;
            try {
                read = new OtherInflater(9).inflate(packed, packed.length);
            } catch (IllegalStateException e) {
                // zlib may also say so
            }
            assertThat(read).isNotEqualTo(data);
            assertThat(new OtherInflater(15).inflate(packed, packed.length)).isEqualTo(data);
        }
    }

    // ---- properties ----

    @Provide
    Arbitrary<List<byte[]>> messages() {
        Arbitrary<byte[]> prose =
                Arbitraries.longs()
                        .flatMap(seed ->
                                Arbitraries.integers()
                                        .between(0, 70_000)
                                        .map(length -> prose(seed, length)));
        Arbitrary<byte[]> noise = Arbitraries.bytes().array(byte[].class).ofMaxSize(600);
        Arbitrary<byte[]> same =
                Arbitraries.integers().between(0, 100_000).map(length -> new byte[length]);
        return Arbitraries.frequencyOf(
                        net.jqwik.api.Tuple.of(6, prose),
                        net.jqwik.api.Tuple.of(2, noise),
                        net.jqwik.api.Tuple.of(1, same))
                .list()
                .ofMinSize(1)
                .ofMaxSize(6);
    }

    @Property(tries = 150)
    void noMatchReachesBeyondTheWindow(
            @ForAll("messages") List<byte[]> messages,
            @ForAll @IntRange(min = 8, max = 15) int bits,
            @ForAll boolean keepsContext) {
        var deflater = new MessageDeflater(pool, bits, keepsContext);
        var inflater = new OtherInflater(bits);
        for (byte[] message : messages) {
            if (deflater.deflate(message)) {
                int length = deflater.length();
                assertThat(length).isLessThan(message.length);
                if (!keepsContext) {
                    inflater = new OtherInflater(bits);
                }
                assertThat(inflater.inflate(deflater.packed(), length)).isEqualTo(message);
            }
        }
        deflater.release();
        assertThat(pool.lent()).isZero();
    }

    @Property(tries = 150)
    void whatOthersCompressIsReadInAnyPieces(
            @ForAll("messages") List<byte[]> messages,
            @ForAll @IntRange(min = 9, max = 15) int bits,
            @ForAll boolean keepsContext,
            @ForAll boolean masked,
            @ForAll long seed) {
        var random = new Random(seed);
        var wire = new ByteArrayOutputStream();
        var expected = new ArrayList<Seen>();
        var deflater = new OtherDeflater(bits);
        for (byte[] message : messages) {
            expected.add(Seen.binary(message));
            if (message.length == 0 || random.nextInt(5) == 0) {
                wire.writeBytes(frame(0x82, message, masked ? KEY : null));
                continue;
            }
            if (!keepsContext) {
                deflater = new OtherDeflater(bits);
            }
            byte[] packed = deflater.deflate(message);
            int first = 0x42;
            for (int at = 0; first >= 0; ) {
                int n = Math.min(packed.length - at, random.nextInt(packed.length + 10));
                boolean last = at + n == packed.length;
                byte[] part = Arrays.copyOfRange(packed, at, at + n);
                wire.writeBytes(frame(last ? first | 0x80 : first, part, masked ? KEY : null));
                if (!last && random.nextBoolean()) {
                    wire.writeBytes(frame(0x89, part.length > 9 ? KEY : part, masked ? KEY : null));
                    expected.add(expected.size() - 1, Seen.ping(part.length > 9 ? KEY : part));
                }
                at += n;
                first = last ? -1 : 0;
            }
        }
        var decoder = new FrameDecoder(masked, AMPLE, AMPLE);
        decoder.inflate(pool, keepsContext);
        var reader = new Reader(decoder, true);
        byte[] bytes = wire.toByteArray();
        for (int at = 0; at < bytes.length; ) {
            int n = Math.min(bytes.length - at, 1 + random.nextInt(random.nextInt(20_000) + 1));
            reader.read(Arrays.copyOfRange(bytes, at, at + n));
            at += n;
        }

        assertThat(reader.all()).isEqualTo(expected);
        decoder.release();
        assertThat(pool.lent()).isZero();
    }

    @Test
    void whatIsGivenBackIsLentAgainUpToTheCapacity() {
        var three =
                List.of(
                        new MessageDeflater(pool, 15, true),
                        new MessageDeflater(pool, 15, true),
                        new MessageDeflater(pool, 15, true));
        byte[] text = utf8("again and again and again and again");
        pool.join();
        three.forEach(deflater -> assertThat(deflater.deflate(text)).isTrue());
        assertThat(pool.lent()).isEqualTo(3);
        assertThat(pool.kept()).isZero();

        three.forEach(MessageDeflater::release);
        assertThat(pool.lent()).isZero();
        assertThat(pool.kept()).isEqualTo(2);

        assertThat(three.get(0).deflate(text)).isTrue();
        assertThat(pool.kept()).isEqualTo(1);
        three.get(0).release();
        pool.leave();
        assertThat(pool.kept()).isZero();
    }

    @Test
    void soAreInflaters() {
        byte[] packed = packed(0x81, deflate(utf8("once once once once once once once")));
        var three = List.of(client(true), client(true), client(true));
        pool.join();
        three.forEach(reader -> reader.read(packed));
        assertThat(pool.lent()).isEqualTo(3);

        three.forEach(reader -> reader.decoder.release());
        assertThat(pool.lent()).isZero();
        assertThat(pool.kept()).isEqualTo(2);

        Reader fourth = client(true).read(packed);
        assertThat(pool.kept()).isEqualTo(1);
        assertThat(fourth.all()).isEqualTo(three.get(0).all());
        fourth.decoder.release();
        pool.leave();
        assertThat(pool.kept()).isZero();
    }

    /**
     * The four bytes that end a message (RFC 7692 section 7.2.2) must not be needed for a block.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFinalBlockThatTakesFromTheEndOfTheMessageIsCut(boolean keepsContext) {
        Reader reader = client(keepsContext).read(packed(0x82, new byte[] {1}));

        assertThat(reader.failure).contains("ends inside a DEFLATE block");
        reader.decoder.release();
    }

    /** RFC 7692 has none such, and nothing is missing in it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCompressedMessageOfNoBytesIsEmpty(boolean keepsContext) {
        Reader reader = client(keepsContext).read(packed(0x82, new byte[0]));

        assertThat(reader.all()).isEqualTo(List.of(Seen.binary(new byte[0])));
        assertThat(pool.lent()).isZero();
        reader.decoder.release();
    }

    @Test
    void aPoolIsTrimmedOnceItLayUnusedForAWhile() {
        pool.join();
        deflate(utf8("something something something"));
        assertThat(pool.kept()).isEqualTo(1);
        long now = System.nanoTime();

        pool.trim(now, Long.MAX_VALUE / 2);
        assertThat(pool.kept()).as("asked too soon").isEqualTo(1);
        pool.trim(now, 0);
        assertThat(pool.kept()).as("used since the last time").isEqualTo(1);
        pool.trim(now, 0);
        assertThat(pool.kept()).isZero();
        pool.leave();
    }
}
