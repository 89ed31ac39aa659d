package io.peerloom.bench;

import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.MaskKeys;
import io.peerloom.internal.protocol.Opcode;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.internal.protocol.Utf8;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * Frames. What they are compared with is {@link MaskingBenchmark#arraycopy} of as many bytes.
 *
 * <p>Each operation is one binary message of {@code size} bytes in one frame. Encoding goes from an
 * array into another that is there already, header and payload; masked, it takes a fresh key of
 * {@link MaskKeys}, whose share of {@code SecureRandom} is in the figure. Decoding takes a client's
 * frame out of a read buffer that holds it whole, checks it, and ends with the unmasked payload in
 * a new array of its own, whose allocation is in the figure. Text comes from a string, and is
 * checked to be UTF-8 when it is decoded. None of them touches a socket.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class FrameBenchmark {
    /** How many frames {@link Many} holds. */
    static final int MANY = 64;

    private static final int MAX_MESSAGE = 1 << 20;

    /** One message and its frame. */
    @State(Scope.Thread)
    public static class One {
        /** Bytes of payload. */
        @Param({"16", "125", "1024", "4096", "65536", "1048576"})
        public int size;

        private byte[] payload;
        private byte[] buffer;

        /** Letters and digits. */
        private String text;

        private byte[] textFrame;

        /** A client's frame, for decoding only: what is encoded goes into the buffer. */
        private byte[] frame;

        private final MaskKeys keys = new MaskKeys();
        private final FrameDecoder decoder = new FrameDecoder(true, MAX_MESSAGE, 1);

        /** A random message. */
        @Setup
        public void fill() {
            payload = randomPayload(size);
            buffer = new byte[FrameEncoder.frameLength(size, true)];
            frame = new byte[buffer.length];
            FrameEncoder.encode(frame, 0, true, Opcode.BINARY, payload, 0, size, true, keys.next());
            text = HexFormat.of().formatHex(payload).substring(0, size);
            textFrame = new byte[buffer.length];
            byte[] letters = Utf8.encode(text);
            FrameEncoder.encode(
                    textFrame, 0, true, Opcode.TEXT, letters, 0, size, true, keys.next());
        }
    }

    /** A read buffer as a busy connection fills it: small frames side by side. */
    @State(Scope.Thread)
    public static class Many {
        /** Bytes of payload in each frame. */
        @Param({"16", "125", "1024"})
        public int size;

        private byte[] frames;
        private final FrameDecoder decoder = new FrameDecoder(true, MAX_MESSAGE, 1);

        /** Random messages. */
        @Setup
        public void fill() {
            var keys = new MaskKeys();
            byte[] payload = randomPayload(size);
            frames = new byte[MANY * FrameEncoder.frameLength(size, true)];
            int at = 0;
            while (at < frames.length) {
                at =
                        FrameEncoder.encode(
                                frames,
                                at,
                                true,
                                Opcode.BINARY,
                                payload,
                                0,
                                size,
                                true,
                                keys.next());
            }
        }
    }

    private static byte[] randomPayload(int size) {
        byte[] payload = new byte[size];
        new Random(size).nextBytes(payload);
        return payload;
    }

    /** A client's frame, key included. */
    @Benchmark
    public byte[] encodeMasked(One one) {
        FrameEncoder.encode(
                one.buffer,
                0,
                true,
                Opcode.BINARY,
                one.payload,
                0,
                one.size,
                true,
                one.keys.next());
        return one.buffer;
    }

    /** A server's frame. */
    @Benchmark
    public byte[] encodeUnmasked(One one) {
        FrameEncoder.encode(one.buffer, 0, true, Opcode.BINARY, one.payload, 0, one.size, false, 0);
        return one.buffer;
    }

    /** A server's frame of a string. */
    @Benchmark
    public byte[] encodeText(One one) {
        byte[] bytes = Utf8.encode(one.text);
        FrameEncoder.encode(one.buffer, 0, true, Opcode.TEXT, bytes, 0, bytes.length, false, 0);
        return one.buffer;
    }

    /** A client's frame of ASCII to bytes that were checked. */
    @Benchmark
    public byte[] decodeText(One one) throws ProtocolException {
        one.decoder.decode(one.textFrame, 0, one.textFrame.length);
        return one.decoder.payload();
    }

    /** A client's frame to a message of its own. */
    @Benchmark
    public byte[] decode(One one) throws ProtocolException {
        one.decoder.decode(one.frame, 0, one.frame.length);
        return one.decoder.payload();
    }

    /** The same where {@value #MANY} of them came with one read; per frame. */
    @Benchmark
    @OperationsPerInvocation(MANY)
    public void decodeMany(Many many, Blackhole messages) throws ProtocolException {
        FrameDecoder decoder = many.decoder;
        for (int at = 0; at < many.frames.length; at = decoder.consumed()) {
            decoder.decode(many.frames, at, many.frames.length);
            messages.consume(decoder.payload());
        }
    }
}
