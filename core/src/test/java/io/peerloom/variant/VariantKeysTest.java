package io.peerloom.variant;

import static io.peerloom.variant.VariantCodec.GODOT4;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerloom.variant.Variant.*;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What is one key for a dictionary, and that no choice of keys makes it slow. The engines show the
 * first in {@code KeysInteropTest}.
 */
class VariantKeysTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final int MANY = 20_000;

    private static Variant decode(String hex) throws VariantException {
        return GODOT4.decode(HEX.parseHex(hex.replace(" ", "")));
    }

    private static String encode(Variant value) throws VariantException {
        return HEX.formatHex(GODOT4.encode(value));
    }

    /** Not from a map of Java, where what is {@code equals} is one key already. */
    private static Dictionary dictionary(Object... keysAndValues) {
        var keys = new Variant[keysAndValues.length / 2];
        var values = new Variant[keys.length];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Variant.of(keysAndValues[2 * i]);
            values[i] = Variant.of(keysAndValues[2 * i + 1]);
        }
        return new Dictionary(new Entries(keys, values));
    }

    // Names and texts

    /** {@code {move = 7}} as Godot 4.6.3 sends it. */
    @Test
    void aNameIsFoundByItsText() throws VariantException {
        String hex = "1b000000 01000000 15000000 04000000 6d6f7665 02000000 07000000";
        Dictionary order = (Dictionary) decode(hex);
        assertThat(order.get("move")).isEqualTo(Variant.of(7));
        assertThat(order.get(new StringName("move"))).isEqualTo(Variant.of(7));
        assertThat(order.entries().get(new Text("move"))).isEqualTo(Variant.of(7));
        assertThat(order.entries().containsKey(new Text("move"))).isTrue();
        assertThat(order.entries().keySet()).containsExactly(new StringName("move"));
        assertThat(encode(order)).isEqualTo(hex.replace(" ", ""));
        assertThat(dictionary("move", 7).get(new StringName("move"))).isEqualTo(Variant.of(7));
    }

    @Test
    void aTextAndANameAreOneKey() throws VariantException {
        String text = "04000000 01000000 61000000";
        String name = "15000000 01000000 61000000";
        String one = "02000000 01000000";
        String two = "02000000 02000000";
        Variant textFirst = decode("1b000000 02000000" + text + one + name + two);
        Variant nameFirst = decode("1b000000 02000000" + name + one + text + two);
        assertThat(textFirst).hasToString("{\"a\": 2}");
        assertThat(nameFirst).hasToString("{&\"a\": 2}");
        assertThat(textFirst).isEqualTo(nameFirst).hasSameHashCodeAs(nameFirst);
        assertThat(dictionary("a", 1, new StringName("a"), 2)).hasToString("{\"a\": 2}");
        assertThat(dictionary(0.0, 1, -0.0, 2)).hasToString("{0.0: 2}");
    }

    /** What 4.6.3 says of these pairs: whether the second finds the first. */
    @Test
    void keysOfTheEngine() {
        for (Object[] pair :
                new Object[][] {
                    {"a", new StringName("a")},
                    {0.0, -0.0},
                    {Double.NaN, Double.longBitsToDouble(0x7ff8000000000001L)},
                    {new Vector2(0.0, Double.NaN), new Vector2(-0.0, Double.NaN)},
                    {new Color(0, 1, 1, 1), new Color(-0f, 1, 1, 1)},
                    {List.of(0.0, "a"), List.of(-0.0, "a")},
                    {
                        new Array(List.of(Variant.of(1)), ContainerType.of(Variant.Type.INT)),
                        List.of(1)
                    },
                    {Map.of("a", 0.0), Map.of(new StringName("a"), -0.0)},
                    {
                        new Dictionary(
                                Map.of(Variant.of(1), Variant.of(2)),
                                ContainerType.of(Variant.Type.INT),
                                ContainerType.ANY),
                        Map.of(1, 2)
                    },
                    {new double[] {0.0, Double.NaN}, new double[] {-0.0, Double.NaN}},
                    {new float[] {0}, new float[] {-0f}},
                    {
                        PackedVector2Array.of(new Vector2(0, Double.NaN)),
                        PackedVector2Array.of(new Vector2(-0.0, Double.NaN))
                    },
                    {
                        PackedColorArray.of(new Color(0, 1, 1, 1)),
                        PackedColorArray.of(new Color(-0f, 1, 1, 1))
                    },
                }) {
            one(pair[0], pair[1]);
        }
        for (Object[] pair :
                new Object[][] {
                    {1, 1.0},
                    {true, 1},
                    {null, false},
                    {"a", NodePath.of("a")},
                    {new Vector2(1, 2), new Vector2i(1, 2)},
                    {List.of("a"), List.of(new StringName("a"))},
                    {List.of(1), List.of(1.0)},
                    {Map.of(1, "a"), Map.of(1, new StringName("a"))},
                    {dictionary(1, 2, 3, 4), dictionary(3, 4, 1, 2)},
                    {new int[] {1}, new long[] {1}},
                    {PackedStringArray.of("a"), List.of("a")},
                    {new double[] {1, 2}, new double[] {1}},
                    {PackedVector2Array.of(), PackedVector3Array.of()},
                }) {
            two(pair[0], pair[1]);
        }
    }

    private static void one(Object a, Object b) {
        assertThat(VariantHash.sameKey(Variant.of(a), Variant.of(b))).as("%s, %s", a, b).isTrue();
        assertThat(VariantHash.ofKey(Variant.of(a))).isEqualTo(VariantHash.ofKey(Variant.of(b)));
        Dictionary both = dictionary(a, 1, b, 2);
        assertThat(both.size()).isEqualTo(1);
        assertThat(both.entries().keySet().iterator().next()).isEqualTo(Variant.of(a));
        assertThat(both.get(a)).isEqualTo(both.get(b)).isEqualTo(Variant.of(2));
        assertThat(dictionary(a, 1)).isEqualTo(dictionary(b, 1));
        assertThat(dictionary(a, 1)).hasSameHashCodeAs(dictionary(b, 1));
    }

    private static void two(Object a, Object b) {
        assertThat(dictionary(a, 1).get(b)).as("%s, %s", a, b).isEqualTo(Nil.NIL);
        assertThat(dictionary(a, 1, b, 2).size()).isEqualTo(2);
        assertThat(dictionary(a, 1)).isNotEqualTo(dictionary(b, 1));
    }

    /** In the engine, a key that holds a NaN is lost: nothing finds it, itself neither. */
    @Test
    void nanIsItselfWithinAKeyToo() {
        one(List.of(Double.NaN), List.of(Double.NaN));
        one(Map.of(1, Double.NaN), Map.of(1, Double.NaN));
    }

    /** The engine makes the key fit to its declared type; here, where no number changes by it. */
    @Test
    void typedDictionariesAreAskedWithEitherKindOfNumber() {
        var any = ContainerType.ANY;
        var floats =
                new Dictionary(
                        Map.of(Variant.of(1.0), Variant.of("a")),
                        ContainerType.of(Variant.Type.FLOAT),
                        any);
        var ints =
                new Dictionary(
                        Map.of(Variant.of(1), Variant.of("a")),
                        ContainerType.of(Variant.Type.INT),
                        any);
        assertThat(floats.get(1)).isEqualTo(floats.get(1.0)).isEqualTo(Variant.of("a"));
        assertThat(ints.get(1.0)).isEqualTo(ints.get(1)).isEqualTo(Variant.of("a"));
        assertThat(ints.get(1.5)).isEqualTo(Nil.NIL);
        assertThat(dictionary(1, "a").get(1.0)).isEqualTo(Nil.NIL);
    }

    // Equality of dictionaries

    @Test
    void dictionariesAreEqualInAnyOrder() {
        for (int size : new int[] {2, 8, 9, 100}) {
            var there = new LinkedHashMap<Integer, Object>();
            var back = new LinkedHashMap<Integer, Object>();
            for (int i = 0; i < size; i++) {
                there.put(i, "v" + i);
                back.put(size - 1 - i, "v" + (size - 1 - i));
            }
            Variant a = Variant.of(there);
            Variant b = Variant.of(back);
            assertThat(a).isEqualTo(b).hasSameHashCodeAs(b);
            two(a, b);
            back.put(0, "other");
            assertThat(a).isNotEqualTo(Variant.of(back));
            back.remove(0);
            assertThat(a).isNotEqualTo(Variant.of(back));
            back.put(size, "v0");
            assertThat(a).isNotEqualTo(Variant.of(back));
        }
    }

    @Test
    void entriesAreAMapLikeAnyOther() {
        Map<Variant, Variant> entries = dictionary("a", 1, "b", 2).entries();
        assertThat(entries)
                .isEqualTo(Map.of(Variant.of("a"), Variant.of(1), Variant.of("b"), Variant.of(2)))
                .isNotEqualTo(Map.of(Variant.of("a"), Variant.of(1)));
        assertThat(((Map<?, ?>) entries).get((Object) "a")).as("not a Variant").isNull();
        assertThat(entries.containsValue(Variant.of(2))).isTrue();
        assertThat(new Dictionary(entries).entries()).isSameAs(entries);
        var iterator = entries.entrySet().iterator();
        iterator.next();
        iterator.next();
        assertThat(iterator.hasNext()).isFalse();
        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(iterator::next);
    }

    /** Java's hash maps do not find an array again, and take 1 and 1L for two keys. */
    @Test
    void asJavaHasIt() {
        Dictionary dictionary =
                dictionary(1, "one", new byte[] {1}, "bytes", List.of(1), "list", "null", null);
        Map<?, ?> map = (Map<?, ?>) dictionary.toJava();
        assertThat(map.get(1)).isEqualTo(map.get(1L)).isEqualTo("one");
        assertThat(map.get(new byte[] {1})).isEqualTo("bytes");
        assertThat(map.get(List.of(1))).isEqualTo("list");
        assertThat(map.get("null")).isNull();
        assertThat(map.containsKey("null")).isTrue();
        assertThat(map.containsKey("other")).isFalse();
        assertThat(map.containsKey(new Object())).isFalse();
        assertThat(Variant.of(map)).isEqualTo(dictionary);
        assertThat(dictionary("a", 1).toJava()).isEqualTo(Map.of("a", 1L));
        assertThat(Map.of("a", 1L)).isEqualTo(dictionary("a", 1).toJava());
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> ((Map<?, ?>) dictionary.toJava()).clear());
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> ((List<?>) Variant.of(List.of(1)).toJava()).clear());
    }

    // Hashes

    /**
     * The i-th of 2^15 keys of a type that all have one hash code where the hash is Java's usual
     * one: 31 times one part plus the next, high and low half of a number combined, {@code Aa} like
     * {@code BB}. Null for types of which there are one or two.
     */
    private static Variant colliding(Variant.Type type, int i) {
        int minus = 0x3f80_0000 - 31 * i;
        long number = (long) i << 32 | i;
        var v2 = new Vector2(Double.longBitsToDouble(i), Double.longBitsToDouble(minus));
        var v2i = new Vector2i(i, minus);
        var v3 = new Vector3(v2.x(), v2.y(), 3);
        var v4 = new Vector4(v2.x(), v2.y(), 3, 4);
        var color = new Color(Float.intBitsToFloat(i), Float.intBitsToFloat(minus), 0, 1);
        String text = text(i);
        byte[] raw = (text + "A".repeat(18)).getBytes(US_ASCII);
        return switch (type) {
            case NIL, BOOL, CALLABLE -> null;
            case INT -> Variant.of(number);
            case FLOAT -> Variant.of(Double.longBitsToDouble(number));
            case STRING -> new Text(text);
            case STRING_NAME -> new StringName(text);
            case VECTOR2 -> v2;
            case VECTOR2I -> v2i;
            case RECT2 -> new Rect2(v2, v2);
            case RECT2I -> new Rect2i(new Vector2i(0, 0), v2i);
            case VECTOR3 -> v3;
            case VECTOR3I -> new Vector3i(5, i, minus);
            case TRANSFORM2D -> new Transform2D(v2, v2, v2);
            case VECTOR4 -> v4;
            case VECTOR4I -> new Vector4i(0, i, minus, 0);
            case PLANE -> new Plane(v3, 0);
            case QUATERNION -> new Quaternion(v2.x(), v2.y(), 0, 1);
            case AABB -> new AABB(v3, v3);
            case BASIS -> new Basis(v3, v3, v3);
            case TRANSFORM3D -> new Transform3D(new Basis(v3, v3, v3), v3);
            case PROJECTION -> new Projection(v4, v4, v4, v4);
            case COLOR -> color;
            case NODE_PATH -> new NodePath(List.of(text), List.of(), true);
            case RID -> new RID(number);
            case OBJECT ->
                    i % 2 == 0
                            ? new EncodedObjectAsID(1 + number)
                            : new FullObject(text, Map.of(text, Variant.of(number)));
            case SIGNAL -> new Signal(text, 5);
            case DICTIONARY -> Variant.of(Map.of(Map.of(i, i), number));
            case ARRAY -> Variant.of(List.of(i, minus, "", 0));
            case PACKED_BYTE_ARRAY -> new PackedByteArray(raw);
            case PACKED_INT32_ARRAY -> new PackedInt32Array(raw);
            case PACKED_INT64_ARRAY -> new PackedInt64Array(raw);
            case PACKED_FLOAT32_ARRAY -> new PackedFloat32Array(raw);
            case PACKED_FLOAT64_ARRAY -> new PackedFloat64Array(raw);
            case PACKED_STRING_ARRAY -> PackedStringArray.of(text, "", text);
            case PACKED_VECTOR2_ARRAY -> new PackedVector2Array(raw, false);
            case PACKED_VECTOR3_ARRAY -> new PackedVector3Array(raw, false);
            case PACKED_COLOR_ARRAY -> new PackedColorArray(raw);
            case PACKED_VECTOR4_ARRAY -> new PackedVector4Array(raw, false);
        };
    }

    private static String text(int i) {
        var text = new StringBuilder();
        for (int bit = 0; bit < 15; bit++) {
            text.append((i >> bit & 1) == 0 ? "Aa" : "BB");
        }
        return text.toString();
    }

    /** Every type of key, chosen for one hash code: all of them arrive, and each is found. */
    @ParameterizedTest
    @EnumSource(Variant.Type.class)
    void keysChosenForTheirHashCode(Variant.Type type) throws VariantException {
        if (colliding(type, 0) == null) {
            return;
        }
        VariantCodec codec = GODOT4.withFullObjects(true).withDoublePrecision(true);
        var keys = IntStream.range(1, MANY).mapToObj(i -> colliding(type, i)).toList();
        var map = new LinkedHashMap<Variant, Variant>();
        keys.forEach(key -> map.put(key, Variant.of(map.size())));
        Dictionary dictionary = (Dictionary) codec.decode(codec.encode(new Dictionary(map)));
        assertThat(dictionary.entries().keySet().toArray()).isEqualTo(keys.toArray());
        for (int i = 0; i < keys.size(); i++) {
            assertThat(dictionary.get(keys.get(i))).isEqualTo(Variant.of(i));
        }
        assertThat(dictionary).isEqualTo(new Dictionary(map));
        // Of so many random numbers of 32 bits, one pair in 25 times would be equal.
        assertThat(new HashSet<>(keys.stream().map(Variant::hashCode).toList()))
                .hasSizeGreaterThan(keys.size() - 5);
        assertThat(new HashSet<>(keys.stream().map(VariantHash::ofKey).toList()))
                .hasSizeGreaterThan(keys.size() - 5);
    }

    /** What numbers and vectors honest games have: a grid, a line, powers of two, all around 0. */
    @Property(tries = 30)
    void honestKeys(
            @ForAll int start, @ForAll @net.jqwik.api.constraints.IntRange(min = 1) int step)
            throws VariantException {
        var map = new LinkedHashMap<Variant, Variant>();
        for (int i = 0; i < 40; i++) {
            int x = start + i * step;
            map.put(Variant.of((long) x), Variant.of(i));
            map.put(Variant.of((long) x << 32), Variant.of(i));
            map.put(Variant.of((double) x), Variant.of(i));
            map.put(Variant.of("player " + x), Variant.of(i));
            for (int j = 0; j < 40; j++) {
                int y = start + j * step;
                map.put(new Vector2i(x, y), Variant.of(j));
                map.put(new Vector2(i, j), Variant.of(j));
                map.put(new Vector3i(x, y, 0), Variant.of(j));
                map.put(Variant.of(List.of(x, y)), Variant.of(j));
            }
        }
        var dictionary = new Dictionary(map);
        assertThat(dictionary.size()).isEqualTo(map.size());
        assertThat(GODOT4.decode(GODOT4.encode(dictionary))).isEqualTo(dictionary);
        assertThat(new HashSet<>(map.keySet().stream().map(VariantHash::ofKey).toList()))
                .hasSizeGreaterThan(map.size() - 5);
    }

    /** Each level is hashed once, and not again for each level around it. */
    @Test
    void keysWithinKeys() throws VariantException {
        Variant key = Variant.of(1);
        for (int depth = 1; depth <= 250; depth++) {
            var map = new LinkedHashMap<Variant, Variant>();
            for (int i = 0; i < 9; i++) {
                map.put(Variant.of(i + 10), Nil.NIL);
            }
            map.put(key, Variant.of(depth));
            key = new Dictionary(map);
        }
        Dictionary decoded = (Dictionary) GODOT4.decode(GODOT4.encode(key));
        assertThat(decoded).isEqualTo(key).hasSameHashCodeAs(key);
        assertThat(decoded.get(((Dictionary) key).entries().keySet().toArray()[9]))
                .isEqualTo(Variant.of(250));
    }

    // Anything

    /** Of few parts, so that many of them are equal. */
    @Provide
    static Arbitrary<Variant> keys() {
        Arbitrary<Variant> parts =
                Arbitraries.of(
                        Nil.NIL,
                        Variant.of(0),
                        Variant.of(0.0),
                        Variant.of(-0.0),
                        Variant.of(Double.NaN),
                        new Text("a"),
                        new StringName("a"),
                        NodePath.of("a"),
                        new Vector2(0, -0.0),
                        new Vector2(-0.0, Double.NaN),
                        new Vector2i(0, 0),
                        PackedFloat32Array.of(-0f),
                        PackedFloat32Array.of(0f),
                        PackedVector3Array.of(new Vector3(0, 0.1, -0.0)),
                        PackedVector3Array.of(new Vector3(-0.0, 0.1, 0)),
                        new EncodedObjectAsID(1),
                        new FullObject("a", Map.of("a", Variant.of(-0.0))),
                        new Array(List.of(), ContainerType.of(Variant.Type.INT)));
        return containers(containers(parts));
    }

    private static Arbitrary<Variant> containers(Arbitrary<Variant> parts) {
        return Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(4, parts),
                net.jqwik.api.Tuple.of(1, parts.list().ofMaxSize(2).map(Array::new)),
                net.jqwik.api.Tuple.of(
                        1, Arbitraries.maps(parts, parts).ofMaxSize(2).map(Dictionary::new)));
    }

    /** A text of a key that is equal to another's if and only if they are one key. */
    private static String model(Variant key) {
        return key instanceof StringName(String name) ? model(new Text(name)) : part(key);
    }

    private static String part(Variant part) {
        return switch (part) {
            case Array array -> array.elements().stream().map(VariantKeysTest::part).toList() + "";
            case Dictionary dictionary -> {
                var text = new StringBuilder("{");
                dictionary
                        .entries()
                        .forEach((key, value) ->
                                text.append(model(key))
                                        .append(':')
                                        .append(part(value))
                                        .append(','));
                yield text + "}";
            }
            case FullObject object -> object.toString();
            case Real(double number) -> number == 0 ? "0.0" : part.toString();
            case Vector2(double x, double y) -> "Vector2 " + (x + 0.0) + " " + (y + 0.0);
            default -> part.toString().replace("(-0", "(0").replace("-0)", "0)");
        };
    }

    @Property
    void sameKeysHaveTheSameHash(@ForAll("keys") Variant a, @ForAll("keys") Variant b) {
        boolean same = model(a).equals(model(b));
        assertThat(VariantHash.sameKey(a, b)).isEqualTo(same);
        assertThat(VariantHash.sameKey(b, a)).isEqualTo(same);
        assertThat(VariantHash.sameKey(a, a)).isTrue();
        assertThat(VariantHash.ofKey(a) == VariantHash.ofKey(b)).isEqualTo(same);
        if (a.equals(b)) {
            assertThat(a.hashCode()).isEqualTo(b.hashCode());
        } else {
            assertThat(a.hashCode()).isNotEqualTo(b.hashCode());
        }
    }

    /** Few keys and many, with and without a table: the first key, its place, the last value. */
    @Property
    void dictionariesKeepTheFirstKeyAndTheLastValue(
            @ForAll @Size(max = 30) List<@net.jqwik.api.From("keys") Variant> keys,
            @ForAll("keys") Variant sought) {
        var firsts = new LinkedHashMap<String, Variant>();
        var lasts = new LinkedHashMap<String, Variant>();
        var values = new ArrayList<Variant>();
        for (Variant key : keys) {
            firsts.putIfAbsent(model(key), key);
            lasts.put(model(key), Variant.of(values.size()));
            values.add(Variant.of(values.size()));
        }
        var entries = new Entries(keys.toArray(new Variant[0]), values.toArray(new Variant[0]));
        assertThat(entries.keySet().toArray()).isEqualTo(firsts.values().toArray());
        assertThat(entries.values().toArray()).isEqualTo(lasts.values().toArray());
        assertThat(entries.get(sought)).isEqualTo(lasts.get(model(sought)));
    }
}
