package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.peerloom.internal.protocol.Utf8;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Whether {@code size} bytes are UTF-8, asked in three ways of the same valid text: {@link
 * Utf8#check}; the JDK's {@link CharsetDecoder}, which reports what is wrong; and {@code new
 * String}, which does not, but is the JDK's fastest way. The last two do more, since characters
 * come out of them: into a buffer that is there already, and into a new string.
 *
 * <p>The mixed text is mostly ASCII with characters of two, three and four bytes in every line.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class Utf8Benchmark {
    private static final String ASCII_LINE = "{\"move\": [12.5, -3.25, 0.0], \"jump\": true}\n";
    private static final String MIXED_LINE =
            "Zoë sagt: „bis später“, Ольга: пока, 明: 再见 \uD83C\uDFB2\n";

    /** Bytes of text. */
    @Param({"125", "4096", "65536"})
    public int size;

    /** Which text. */
    @Param({"ascii", "mixed"})
    public String text;

    private byte[] bytes;
    private CharsetDecoder decoder;
    private ByteBuffer in;
    private CharBuffer out;

    /** Whole lines as far as they fit, then full stops. */
    @Setup
    public void fill() {
        byte[] line = (text.equals("ascii") ? ASCII_LINE : MIXED_LINE).getBytes(UTF_8);
        ByteBuffer buffer = ByteBuffer.allocate(size);
        while (buffer.remaining() >= line.length) {
            buffer.put(line);
        }
        while (buffer.hasRemaining()) {
            buffer.put((byte) '.');
        }
        bytes = buffer.array();
        decoder = UTF_8.newDecoder(); // reports malformed input unless told otherwise
        in = ByteBuffer.wrap(bytes);
        out = CharBuffer.allocate(size);
    }

    /** Ours, which makes nothing. */
    @Benchmark
    public int check() {
        return Utf8.check(Utf8.ACCEPT, bytes, 0, size);
    }

    /** The JDK's, strict. */
    @Benchmark
    public CoderResult decoder() {
        return decoder.reset().decode(in.clear(), out.clear(), true);
    }

    /** The JDK's, which replaces what is wrong. */
    @Benchmark
    public String newString() {
        return new String(bytes, UTF_8);
    }
}
