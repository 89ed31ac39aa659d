package io.peerloom.bench;

import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Dictionary;
import io.peerloom.variant.Variant.Int;
import io.peerloom.variant.Variant.PackedFloat32Array;
import io.peerloom.variant.Variant.Vector2i;
import io.peerloom.variant.Variant.Vector3;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
 * Values of about {@code size} bytes, encoded into a new array and decoded from one: the state of a
 * game, which is an array of dictionaries of five small entries each, and a packed array of floats.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class VariantBenchmark {
    /** Bytes of the encoded value, about. */
    @Param({"1024", "65536"})
    public int size;

    private Variant state;
    private Variant floats;
    private byte[] stateBytes;
    private byte[] floatsBytes;

    /** As many players as fit. */
    @Setup
    public void fill() throws VariantException {
        var players = new ArrayList<Variant>();
        int left = size;
        while (left > 0) {
            var player = new LinkedHashMap<String, Object>();
            player.put("id", players.size());
            player.put("name", "player " + players.size());
            player.put("position", new Vector3(players.size(), 1.5, -2.25));
            player.put("health", 0.75);
            player.put("alive", true);
            players.add(Variant.of(player));
            left -= VariantCodec.GODOT4.encode(players.getLast()).length;
        }
        state = Variant.of((Object) List.copyOf(players));
        floats = PackedFloat32Array.of(new float[size / Float.BYTES]);
        stateBytes = VariantCodec.GODOT4.encode(state);
        floatsBytes = VariantCodec.GODOT4.encode(floats);
    }

    /** The state to bytes. */
    @Benchmark
    public byte[] encodeState() throws VariantException {
        return VariantCodec.GODOT4.encode(state);
    }

    /** The state from bytes. */
    @Benchmark
    public Variant decodeState() throws VariantException {
        return VariantCodec.GODOT4.decode(stateBytes);
    }

    /** The packed array to bytes. */
    @Benchmark
    public byte[] encodePacked() throws VariantException {
        return VariantCodec.GODOT4.encode(floats);
    }

    /** The packed array from bytes. */
    @Benchmark
    public Variant decodePacked() throws VariantException {
        return VariantCodec.GODOT4.decode(floatsBytes);
    }

    /**
     * A dictionary with {@code keys} vectors as keys, decoded, encoded and asked for each of them.
     * They are a square grid, or {@code (i, -31 * i)}, which have one hash code as records of Java:
     * neither may matter, and the time for a key stays nearly the same however many there are.
     */
    @State(Scope.Thread)
    @BenchmarkMode(Mode.AverageTime)
    @OutputTimeUnit(TimeUnit.MICROSECONDS)
    @Warmup(iterations = 3, time = 2)
    @Measurement(iterations = 5, time = 2)
    @Fork(
            value = 1,
            jvmArgs = {"-XX:+UseSerialGC", "-Xms2g", "-Xmx2g"})
    public static class Keys {
        private static final VariantCodec CODEC =
                VariantCodec.GODOT4.withMaxValues(1 << 22).withMaxBytes(1 << 26);

        /** How many keys there are. */
        @Param({"1000", "1000000"})
        public int keys;

        /** How they are chosen. */
        @Param({"grid", "chosen"})
        public String shape;

        private Dictionary dictionary;
        private byte[] bytes;

        /** Makes the dictionary and its bytes. */
        @Setup
        public void fill() throws VariantException {
            int side = (int) Math.sqrt(keys);
            var map = new LinkedHashMap<Vector2i, Integer>();
            for (int i = 0; i < keys; i++) {
                map.put(
                        shape.equals("grid")
                                ? new Vector2i(i % side, i / side)
                                : new Vector2i(i, -31 * i),
                        i);
            }
            dictionary = (Dictionary) Variant.of(map);
            bytes = CODEC.encode(dictionary);
        }

        /** The dictionary from bytes. */
        @Benchmark
        public Variant decode() throws VariantException {
            return CODEC.decode(bytes);
        }

        /** The dictionary to bytes. */
        @Benchmark
        public byte[] encode() throws VariantException {
            return CODEC.encode(dictionary);
        }

        /** Each key is looked up. */
        @Benchmark
        public long get() {
            long sum = 0;
            for (Variant key : dictionary.entries().keySet()) {
                sum += ((Int) dictionary.get(key)).value();
            }
            return sum;
        }
    }
}
