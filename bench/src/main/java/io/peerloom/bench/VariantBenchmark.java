package io.peerloom.bench;

import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.PackedFloat32Array;
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
}
