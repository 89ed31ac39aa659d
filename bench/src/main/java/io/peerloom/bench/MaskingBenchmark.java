package io.peerloom.bench;

import io.peerloom.internal.protocol.Masking;
import java.util.Random;
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
 * The XOR over a payload, beside {@code System.arraycopy} of as many bytes and beside the loop over
 * bytes that stands in the RFC.
 *
 * <p>All do it to the same {@code size} bytes, with the same key and no allocation. In place reads
 * and writes one array, while copying reads one and writes another, as arraycopy does. The
 * unaligned ones begin at index 3, and copy to index 6, where the payload of a short masked frame
 * begins.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class MaskingBenchmark {
    private static final int FROM = 3;
    private static final int TO = 6;

    /** Bytes of payload. */
    @Param({"16", "125", "1024", "4096", "65536", "1048576"})
    public int size;

    private byte[] source;
    private byte[] target;
    private int key;

    /** Random bytes, with room for the unaligned ones. */
    @Setup
    public void fill() {
        var random = new Random(size);
        source = new byte[size + TO];
        random.nextBytes(source);
        target = new byte[size + TO];
        key = random.nextInt();
    }

    /** The yardstick. */
    @Benchmark
    public byte[] arraycopy() {
        System.arraycopy(source, 0, target, 0, size);
        return target;
    }

    /** One byte after the other, in place. */
    @Benchmark
    public byte[] byteLoop() {
        for (int i = 0; i < size; i++) {
            target[i] ^= (byte) (key >>> ((i & 3) << 3));
        }
        return target;
    }

    /** {@link Masking#apply}. */
    @Benchmark
    public byte[] inPlace() {
        Masking.apply(target, 0, size, key, 0);
        return target;
    }

    /** {@link Masking#apply} at an odd index, in the middle of a frame. */
    @Benchmark
    public byte[] inPlaceUnaligned() {
        Masking.apply(target, FROM, size, key, 1);
        return target;
    }

    /** {@link Masking#copy}. */
    @Benchmark
    public byte[] copying() {
        Masking.copy(source, 0, target, 0, size, key, 0);
        return target;
    }

    /** {@link Masking#copy} between odd indexes, in the middle of a frame. */
    @Benchmark
    public byte[] copyingUnaligned() {
        Masking.copy(source, FROM, target, TO, size, key, 1);
        return target;
    }
}
