package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.AMPLE;
import static io.peerloom.internal.protocol.Wire.frame;
import static io.peerloom.internal.protocol.Wire.join;
import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.internal.protocol.Wire.Reader;
import io.peerloom.internal.protocol.Wire.Seen;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** What holds for every stream of frames, however the network cuts it. */
class FrameStreamTest {
    private static final byte[] KEY = {(byte) 0x9c, 0x01, (byte) 0xf3, 0x55};

    /** The same key as the encoder takes it. */
    private static final int KEY_NUMBER = 0x55f3019c;

    /** A message in the fragments that it is sent in, with a control frame before some of them. */
    record Sent(boolean text, List<byte[]> fragments, List<Seen> controls) {
        Seen whole() {
            byte[] payload = join(fragments.toArray(byte[][]::new));
            return new Seen(
                    text ? FrameDecoder.Event.TEXT : FrameDecoder.Event.BINARY,
                    ByteBuffer.wrap(payload),
                    0,
                    null);
        }
    }

    /** Something that writes a frame. */
    private interface Framer {
        byte[] write(boolean fin, int opcode, byte[] payload);
    }

    /** A stream, and what is to be seen of it. */
    private static final class Stream {
        final byte[] wire;
        final List<Seen> expected;

        Stream(byte[] wire, List<Seen> expected) {
            this.wire = wire;
            this.expected = expected;
        }

        static Stream of(List<Sent> messages, Seen end, Framer framer) {
            ByteArrayOutputStream wire = new ByteArrayOutputStream();
            List<Seen> expected = new ArrayList<>();
            for (Sent message : messages) {
                int opcode = message.text() ? Opcode.TEXT : Opcode.BINARY;
                int last = message.fragments().size() - 1;
                for (int i = 0; i <= last; i++) {
                    if (i < message.controls().size()) {
                        Seen control = message.controls().get(i);
                        int kind =
                                control.event() == FrameDecoder.Event.PING
                                        ? Opcode.PING
                                        : Opcode.PONG;
                        wire.writeBytes(framer.write(true, kind, control.payload().array()));
                        expected.add(control);
                    }
                    byte[] fragment = message.fragments().get(i);
                    wire.writeBytes(
                            framer.write(
                                    i == last, i == 0 ? opcode : Opcode.CONTINUATION, fragment));
                }
                expected.add(message.whole());
            }
            byte[] close = FrameEncoder.closePayload(end.code(), end.reason());
            wire.writeBytes(framer.write(true, Opcode.CLOSE, close));
            expected.add(end);
            return new Stream(wire.toByteArray(), expected);
        }
    }

    @Property(tries = 300)
    void anyChunkingGivesTheSameEvents(
            @ForAll("messages") List<Sent> messages,
            @ForAll("chunks") List<Integer> chunks,
            @ForAll boolean masked,
            @ForAll boolean direct) {
        byte[] key = masked ? KEY : null;
        Stream stream =
                Stream.of(
                        messages,
                        Seen.close(1001, "caf\u00e9"),
                        (fin, opcode, payload) ->
                                frame(fin ? 0x80 | opcode : opcode, payload, key));

        Reader reader = new Reader(new FrameDecoder(masked, AMPLE, AMPLE), direct);
        feed(reader, stream.wire, chunks);

        assertThat(reader.all()).isEqualTo(stream.expected);
    }

    @Property(tries = 300)
    void whatIsEncodedIsDecoded(@ForAll("messages") List<Sent> messages, @ForAll boolean masked) {
        Stream stream =
                Stream.of(
                        messages,
                        Seen.close(CloseCode.NO_STATUS, ""),
                        (fin, opcode, payload) -> encode(fin, opcode, payload, masked));

        Reader reader = new Reader(new FrameDecoder(masked, AMPLE, AMPLE), false);
        reader.read(stream.wire);

        assertThat(reader.all()).isEqualTo(stream.expected);
    }

    /** Encodes from the middle of an array into the middle of another. */
    private static byte[] encode(boolean fin, int opcode, byte[] payload, boolean masked) {
        byte[] source = join(new byte[7], payload, new byte[3]);
        int length = FrameEncoder.frameLength(payload.length, masked);
        byte[] target = new byte[length + 9];
        int end =
                FrameEncoder.encode(
                        target, 4, fin, opcode, source, 7, payload.length, masked, KEY_NUMBER);
        assertThat(end).isEqualTo(4 + length);
        byte[] header = new byte[14];
        assertThat(
                        FrameEncoder.putHeader(
                                header, 0, fin, opcode, payload.length, masked, KEY_NUMBER))
                .isEqualTo(FrameEncoder.headerLength(payload.length, masked))
                .isEqualTo(length - payload.length);
        return Arrays.copyOfRange(target, 4, end);
    }

    /**
     * Damaged streams under tight limits: the decoder may say what it likes, but the same thing for
     * every chunking, and by no other exception than its own.
     */
    @Property(tries = 2000)
    void hostileInputIsJudgedTheSameInAnyChunking(
            @ForAll("damaged") Damaged stream, @ForAll("chunks") List<Integer> chunks) {
        boolean masked = stream.masked;
        byte[] wire = stream.wire;
        Reader whole = new Reader(new FrameDecoder(masked, 7000, 6), false).read(wire);

        for (boolean direct : new boolean[] {false, true}) {
            Reader cut = new Reader(new FrameDecoder(masked, 7000, 6), direct);
            feed(cut, wire, chunks);

            assertThat(cut.seen).isEqualTo(whole.seen);
            assertThat(cut.kept()).isEqualTo(whole.kept());
            assertThat(cut.decoder.inMessage()).isEqualTo(whole.decoder.inMessage());
        }
        assertThat(whole.seen.stream().filter(Seen::ends).count()).isLessThanOrEqualTo(1);
        assertThat(whole.kept()).hasSizeLessThanOrEqualTo(130);
        for (Seen seen : whole.seen) {
            if (seen.payload() != null) {
                assertThat(seen.payload().remaining()).isLessThanOrEqualTo(7000);
            }
        }
    }

    @Property(tries = 2000)
    void noiseIsRefusedInOrder(
            @ForAll @Size(max = 60) byte[] wire,
            @ForAll @IntRange(min = 1, max = 8) int chunk,
            @ForAll boolean masked) {
        Reader whole = new Reader(new FrameDecoder(masked, 50, 2), false).read(wire);
        Reader cut = new Reader(new FrameDecoder(masked, 50, 2), true);

        feed(cut, wire, List.of(chunk));

        assertThat(cut.seen).isEqualTo(whole.seen);
    }

    private static void feed(Reader reader, byte[] wire, List<Integer> chunks) {
        int at = 0;
        for (int i = 0; at < wire.length; i++) {
            int to = Math.min(wire.length, at + chunks.get(i % chunks.size()));
            reader.read(Arrays.copyOfRange(wire, at, to));
            at = to;
        }
    }

    /** Sizes at which something changes: headers, the direct way, the first stage of memory. */
    private static Arbitrary<Integer> sizes() {
        return Arbitraries.frequencyOf(
                Tuple.of(10, Arbitraries.integers().between(0, 30)),
                Tuple.of(5, Arbitraries.integers().between(120, 135)),
                Tuple.of(3, Arbitraries.integers().between(4090, 4110)),
                Tuple.of(2, Arbitraries.integers().between(5_000, 20_000)),
                Tuple.of(1, Arbitraries.integers().between(65_500, 140_000)));
    }

    @Provide
    Arbitrary<List<Sent>> messages() {
        Arbitrary<Seen> controls =
                Combinators.combine(
                                Arbitraries.bytes().array(byte[].class).ofMaxSize(125),
                                Arbitraries.of(true, false))
                        .as((payload, ping) -> ping ? Seen.ping(payload) : Seen.pong(payload));
        Arbitrary<Sent> message =
                Combinators.combine(
                                Arbitraries.of(true, false),
                                sizes().list().ofMinSize(1).ofMaxSize(5),
                                Arbitraries.strings().ofMinLength(1).ofMaxLength(20),
                                controls.list().ofMaxSize(3))
                        .as(FrameStreamTest::message);
        return message.list().ofMaxSize(5);
    }

    /** Fragments of these sizes, of text with characters cut wherever a fragment ends. */
    private static Sent message(
            boolean text, List<Integer> sizes, String seed, List<Seen> controls) {
        int total = sizes.stream().mapToInt(Integer::intValue).sum();
        byte[] unit = utf8(seed);
        byte[] payload = new byte[total];
        for (int at = 0; at < total; at += unit.length) {
            if (total - at < unit.length) {
                Arrays.fill(payload, at, total, (byte) '.');
            } else {
                System.arraycopy(unit, 0, payload, at, unit.length);
            }
        }
        List<byte[]> fragments = new ArrayList<>();
        int at = 0;
        for (int size : sizes) {
            fragments.add(Arrays.copyOfRange(payload, at, at + size));
            at += size;
        }
        return new Sent(text, fragments, controls);
    }

    @Provide
    Arbitrary<List<Integer>> chunks() {
        return Arbitraries.frequencyOf(
                        Tuple.of(3, Arbitraries.integers().between(1, 20)),
                        Tuple.of(3, Arbitraries.integers().between(1, 5_000)),
                        Tuple.of(1, Arbitraries.integers().between(1, 100_000)))
                .list()
                .ofMinSize(1)
                .ofMaxSize(6);
    }

    /** A stream that a decoder for one of the two roles may understand for a while. */
    static final class Damaged {
        final boolean masked;
        final byte[] wire;

        Damaged(boolean masked, byte[] wire) {
            this.masked = masked;
            this.wire = wire;
        }

        /** For reports of a failing sample. */
        @Override
        public String toString() {
            return (masked ? "masked " : "plain ") + HexFormat.of().formatHex(wire);
        }
    }

    /** Frames that are mostly right, one after the other, some with a byte changed. */
    @Provide
    Arbitrary<Damaged> damaged() {
        Arbitrary<List<Integer>> firstBytes =
                Arbitraries.frequency(
                        Tuple.of(6, List.of(0x81)),
                        Tuple.of(6, List.of(0x82)),
                        Tuple.of(6, List.of(0x01, 0x80)),
                        Tuple.of(6, List.of(0x02, 0x00, 0x89, 0x80)),
                        Tuple.of(3, List.of(0x01, 0x00, 0x00, 0x8a, 0x00, 0x00, 0x80)),
                        Tuple.of(2, List.of(0x89)),
                        Tuple.of(1, List.of(0x88)),
                        Tuple.of(1, List.of(0x00)),
                        Tuple.of(1, List.of(0x01, 0x82)),
                        Tuple.of(1, List.of(0xc1)));
        Arbitrary<byte[]> payloads =
                Arbitraries.frequencyOf(
                        Tuple.of(2, Arbitraries.bytes().array(byte[].class).ofMaxSize(12)),
                        Tuple.of(9, Arbitraries.strings().ofMaxLength(8).map(Wire::utf8)),
                        Tuple.of(2, Arbitraries.just(new byte[] {3, (byte) 0xe8, 'o', 'k'})),
                        Tuple.of(2, Arbitraries.integers().between(120, 7100).map(byte[]::new)));
        Arbitrary<Integer> unlikely =
                Arbitraries.frequencyOf(
                        Tuple.of(9, Arbitraries.just(99)),
                        Tuple.of(1, Arbitraries.integers().between(0, 20)));
        return Arbitraries.of(true, false)
                .flatMap(masked ->
                        Combinators.combine(
                                        firstBytes,
                                        payloads.list().ofMinSize(1).ofMaxSize(7),
                                        unlikely,
                                        Arbitraries.bytes())
                                .as((opcodes, data, index, value) ->
                                        damage(frames(opcodes, data, masked), index, value))
                                .list()
                                .ofMaxSize(6)
                                .map(list -> join(list.toArray(byte[][]::new)))
                                .map(wire -> new Damaged(masked, wire)));
    }

    private static byte[] frames(List<Integer> firstBytes, List<byte[]> payloads, boolean masked) {
        ByteArrayOutputStream wire = new ByteArrayOutputStream();
        for (int i = 0; i < firstBytes.size(); i++) {
            byte[] payload = payloads.get(i % payloads.size());
            wire.writeBytes(frame(firstBytes.get(i), payload, masked ? KEY : null));
        }
        return wire.toByteArray();
    }

    private static byte[] damage(byte[] wire, int index, byte value) {
        if (index < wire.length) {
            wire[index] = value;
        }
        return wire;
    }
}
