package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.Program;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.*;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The engines say which values are one key of a dictionary, which of their spellings stays, and
 * what becomes of an object whose properties come in another order than theirs.
 */
@Tag("interop")
class KeysInteropTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final double NAN = Double.NaN;

    @TempDir Path folder;

    private List<String> run(Partner engine, String... arguments) {
        String script = engine == Partner.GODOT3 ? "godot3_keys.gd" : "godot4_keys.gd";
        try (Program godot = engine.startScript(Partner.home(folder), script, arguments)) {
            godot.awaitExit();
            assertThat(godot.lines()).as(godot.toString()).contains("end");
            return godot.lines();
        }
    }

    private static List<String> told(List<String> lines, String what) {
        return lines.stream()
                .filter(line -> line.startsWith(what))
                .map(line -> line.substring(what.length()))
                .toList();
    }

    /** Every pair of some seventy keys, and a message in which all of them follow one another. */
    @ParameterizedTest
    @EnumSource(names = {"GODOT3", "GODOT4"})
    void keys(Partner engine) throws VariantException {
        boolean old = engine == Partner.GODOT3;
        VariantCodec codec = old ? VariantCodec.GODOT3 : VariantCodec.GODOT4;
        List<Variant> keys = old ? keys3() : keys4();
        byte[] all = all(codec, keys);
        List<String> told =
                run(engine, "--keys=" + hex(codec, keys), "--all=" + HEX.formatHex(all));

        var rows = new ArrayList<String>();
        for (Variant a : keys) {
            Map<Variant, Variant> one = new Dictionary(Map.of(a, Nil.NIL)).entries();
            rows.add(
                    keys.stream()
                            .map(b -> one.containsKey(b) ? "1" : "0")
                            .collect(Collectors.joining()));
        }
        assertThat(told(told, "row ")).isEqualTo(rows);
        assertThat(told(told, "all "))
                .containsExactly(HEX.formatHex(codec.encode(codec.decode(all))));
    }

    /**
     * Where we do otherwise. In the engine nothing finds a key that holds a NaN, not even the same
     * key. Godot 3 compares dictionaries as objects, each of which is another one, and packed
     * floats by their bits.
     */
    @Test
    void keysThatTheEngineLoses() throws VariantException {
        List<Variant> keys4 = List.of(Variant.of(List.of(NAN)), Variant.of(Map.of(1, NAN)));
        List<Variant> keys3 =
                List.of(
                        Variant.of(Map.of(1, 2)),
                        PackedFloat32Array.of(Float.NaN),
                        PackedFloat32Array.of(0f),
                        PackedFloat32Array.of(-0f));
        String four = hex(VariantCodec.GODOT4, keys4);
        String three = hex(VariantCodec.GODOT3, keys3);
        assertThat(told(run(Partner.GODOT4, "--keys=" + four), "row ")).containsExactly("00", "00");
        assertThat(told(run(Partner.GODOT3, "--keys=" + three), "row "))
                .containsExactly("0000", "0000", "0010", "0001");
        for (Variant key : keys4) {
            assertThat(new Dictionary(Map.of(key, Variant.of(1))).get(key))
                    .isEqualTo(Variant.of(1));
        }
    }

    /** With {@code script} behind them, they would still be those of the script: 1 and none. */
    @Test
    void anObjectWithItsScript() throws IOException {
        Path home = Partner.home(folder);
        Files.writeString(home.resolve("project.godot"), "config_version=5\n");
        Files.writeString(
                home.resolve("hero.gd"),
                "extends RefCounted\n@export var life := 1\n@export var title := \"none\"\n");
        var properties = new LinkedHashMap<String, Variant>();
        properties.put("life", Variant.of(7));
        properties.put("script", Variant.of((Object) "res://hero.gd"));
        properties.put("title", Variant.of((Object) "Ann"));
        byte[] bytes =
                VariantCodec.GODOT4
                        .withFullObjects(true)
                        .encode(new FullObject("RefCounted", properties));
        assertThat(run(Partner.GODOT4, "--object=" + HEX.formatHex(bytes)))
                .contains("object 7 Ann");
    }

    private static String hex(VariantCodec codec, List<Variant> keys) throws VariantException {
        var hex = new ArrayList<String>();
        for (Variant key : keys) {
            hex.add(HEX.formatHex(codec.encode(key)));
        }
        return String.join(",", hex);
    }

    /** A dictionary of all the keys, each with its number, which no dictionary of ours is. */
    private static byte[] all(VariantCodec codec, List<Variant> keys) throws VariantException {
        ByteBuffer all = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        all.put(codec.encode(new Dictionary(Map.of())), 0, 4).putInt(keys.size());
        for (int i = 0; i < keys.size(); i++) {
            all.put(codec.encode(keys.get(i))).put(codec.encode(Variant.of(i)));
        }
        return HEX.parseHex(HEX.formatHex(all.array(), 0, all.position()));
    }

    private static Variant of(Object value) {
        return Variant.of(value);
    }

    private static List<Variant> keys3() {
        var keys = new ArrayList<Variant>();
        for (Object key :
                new Object[] {null, true, false, 0, 1, 1L << 32, 1.0, 0.0, -0.0, NAN, "a"}) {
            keys.add(of(key));
        }
        keys.add(NodePath.of("abcd"));
        keys.add(of("abcd"));
        for (double zero : new double[] {0.0, -0.0}) {
            var v2 = new Vector2(zero, 1);
            var v3 = new Vector3(1, zero, NAN);
            keys.add(v2);
            keys.add(v3);
            keys.add(new Rect2(v2, v2));
            keys.add(new Transform2D(v2, v2, v2));
            keys.add(new Plane(new Vector3(0, 1, zero), zero));
            keys.add(new Quaternion(zero, 0, 0, 1));
            keys.add(new AABB(new Vector3(0, 0, zero), new Vector3(1, 1, 1)));
            keys.add(
                    new Basis(new Vector3(1, 0, zero), new Vector3(0, 1, 0), new Vector3(0, 0, 1)));
            keys.add(new Color((float) zero, 0, 0, 1));
            keys.add(of(List.of(zero, "a")));
            keys.add(of(List.of(List.of(zero))));
            keys.add(PackedVector2Array.of(v2, v2));
            keys.add(PackedColorArray.of(new Color((float) zero, 0, 0, 1)));
        }
        keys.add(of(List.of(1)));
        keys.add(of(List.of(1.0)));
        keys.add(of(List.of()));
        keys.add(PackedByteArray.of((byte) 1));
        keys.add(PackedInt32Array.of(1));
        keys.add(PackedFloat32Array.of(1));
        keys.add(PackedStringArray.of("a"));
        keys.add(of(List.of("a")));
        return keys;
    }

    private static List<Variant> keys4() {
        var keys = new ArrayList<>(keys3());
        var any = ContainerType.ANY;
        var ints = ContainerType.of(Variant.Type.INT);
        var one = Map.of(of(1), of(2));
        keys.add(2, new StringName("a"));
        keys.add(new StringName("a"));
        keys.add(new StringName("abcd"));
        keys.add(of(List.of(new StringName("a"))));
        for (double zero : new double[] {0.0, -0.0}) {
            var v4 = new Vector4(zero, 1, 2, NAN);
            var name = zero == 0 && 1 / zero > 0 ? of("a") : new StringName("a");
            keys.add(v4);
            keys.add(new Projection(v4, v4, v4, v4));
            keys.add(PackedVector4Array.of(v4));
            keys.add(PackedFloat64Array.of(zero, NAN));
            keys.add(PackedFloat32Array.of((float) zero, Float.NaN));
            keys.add(of(Map.of(name, zero)));
            keys.add(of(Map.of(zero, List.of(name))));
        }
        keys.add(new Dictionary(one));
        keys.add(new Dictionary(one, ints, any));
        keys.add(new Array(List.of(of(1)), ints));
        var there = new LinkedHashMap<Object, Object>();
        there.put(1, 2);
        there.put(3, 4);
        keys.add(of(there));
        var back = new LinkedHashMap<Object, Object>();
        back.put(3, 4);
        back.put(1, 2);
        keys.add(of(back));
        keys.add(new Vector2i(0, 1));
        keys.add(new Vector3i(0, 1, 2));
        keys.add(new RID(5));
        keys.add(new Callable());
        keys.add(new Signal("", 0));
        keys.add(PackedInt64Array.of(1));
        keys.add(PackedFloat64Array.of(1));
        return keys;
    }
}
