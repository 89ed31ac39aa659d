package io.peerloom.variant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.peerloom.variant.Variant.*;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Values as Java sees them: made, taken apart, compared, printed. */
class VariantTest {
    private static final ContainerType INTS = ContainerType.of(Variant.Type.INT);

    @Test
    void whatJavaHas() {
        assertThat(Variant.of((Object) null)).isEqualTo(Nil.NIL);
        assertThat(Variant.of(true)).isEqualTo(new Bool(true));
        assertThat(Variant.of((Object) true)).isEqualTo(new Bool(true));
        for (Object seven : new Object[] {(byte) 7, (short) 7, 7, 7L}) {
            assertThat(Variant.of(seven)).isEqualTo(new Int(7));
        }
        assertThat(Variant.of(7)).isEqualTo(new Int(7));
        assertThat(Variant.of(0.5f)).isEqualTo(new Real(0.5));
        assertThat(Variant.of((Object) 0.1)).isEqualTo(new Real(0.1));
        assertThat(Variant.of("a")).isEqualTo(new Text("a"));
        assertThat(Variant.of(java.nio.CharBuffer.wrap("a"))).isEqualTo(new Text("a"));
        Variant vector = new Vector3(1, 2, 3);
        assertThat(Variant.of(vector)).isSameAs(vector);
        assertThat(Variant.of(new byte[] {1, -1}))
                .isEqualTo(PackedByteArray.of((byte) 1, (byte) -1));
        assertThat(Variant.of(new int[] {1})).isEqualTo(PackedInt32Array.of(1));
        assertThat(Variant.of(new long[] {1})).isEqualTo(PackedInt64Array.of(1));
        assertThat(Variant.of(new float[] {1})).isEqualTo(PackedFloat32Array.of(1));
        assertThat(Variant.of(new double[] {1})).isEqualTo(PackedFloat64Array.of(1));
        assertThat(Variant.of(new String[] {"a"})).isEqualTo(PackedStringArray.of("a"));
        assertThat(Variant.of(new Object[] {1, "a"}))
                .isEqualTo(new Array(List.of(new Int(1), new Text("a"))))
                .isEqualTo(Variant.of(List.of(1, "a")));
        assertThat(Variant.of(Map.of("a", List.of(1))))
                .isEqualTo(new Dictionary(Map.of(new Text("a"), Variant.of(List.of(1)))));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Variant.of(List.of(new Thread())))
                .withMessageContaining("java.lang.Thread");
        var itself = new ArrayList<Object>();
        itself.add(itself);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Variant.of(itself))
                .withMessageContaining("holds itself");
    }

    @Test
    void backToJava() {
        var map = new LinkedHashMap<Object, Object>();
        map.put("z", Arrays.asList(1L, 0.5, null, true, "text"));
        map.put(2L, Map.of());
        assertThat(Variant.of(map).toJava()).isEqualTo(map);
        assertThat(((Map<?, ?>) Variant.of(map).toJava()).keySet().toArray())
                .containsExactly("z", 2L);
        assertThat(Variant.of(new byte[] {1}).toJava()).isEqualTo(new byte[] {1});
        assertThat(Variant.of(new int[] {1}).toJava()).isEqualTo(new int[] {1});
        assertThat(Variant.of(new long[] {1}).toJava()).isEqualTo(new long[] {1});
        assertThat(Variant.of(new float[] {1}).toJava()).isEqualTo(new float[] {1});
        assertThat(Variant.of(new double[] {1}).toJava()).isEqualTo(new double[] {1});
        assertThat(PackedStringArray.of("a").toJava()).isEqualTo(List.of("a"));
        assertThat(new StringName("a").toJava()).isEqualTo("a");
        var v = new Vector2(1, 2);
        assertThat(v.toJava()).isSameAs(v);
        assertThat(PackedVector2Array.of(v, v).toJava()).isEqualTo(List.of(v, v));
        var red = new Color(1, 0, 0, 1);
        assertThat(PackedColorArray.of(red).toJava()).isEqualTo(List.of(red));
    }

    @Test
    void takenApartByPatterns() {
        Variant value = Variant.of(Map.of("action", "move", "to", new Vector3(1, 2, 3)));
        String seen =
                switch (value) {
                    case Dictionary order when order.get("action") instanceof Text(String action) ->
                            action
                                    + switch (order.get("to")) {
                                        case Vector3(double x, double y, double z) -> x + y + z;
                                        case Variant other -> other;
                                    };
                    case Variant other -> "not understood: " + other;
                };
        assertThat(seen).isEqualTo("move6.0");
    }

    @Test
    void nothingChangesThem() {
        var list = new ArrayList<Variant>(List.of(Nil.NIL));
        var map = new HashMap<Variant, Variant>(Map.of(Nil.NIL, Nil.NIL));
        byte[] bytes = {1};
        int[] ints = {1};
        var array = new Array(list);
        var dictionary = new Dictionary(map);
        var packedBytes = PackedByteArray.of(bytes);
        var packedInts = PackedInt32Array.of(ints);
        list.add(Nil.NIL);
        map.clear();
        bytes[0] = 9;
        ints[0] = 9;
        packedBytes.toArray()[0] = 9;
        packedInts.toArray()[0] = 9;
        assertThat(array.size()).isEqualTo(1);
        assertThat(dictionary.size()).isEqualTo(1);
        assertThat(packedBytes.get(0)).isEqualTo(1);
        assertThat(packedInts.get(0)).isEqualTo(1);
        assertThat(packedBytes.asByteBuffer().isReadOnly()).isTrue();
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> array.elements().clear());
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> dictionary.entries().clear());
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> dictionary.entries().put(Nil.NIL, Nil.NIL));
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> PackedVector2Array.of(new Vector2(1, 2)).asList().clear());
    }

    @Test
    void packedElements() {
        assertThat(PackedByteArray.of((byte) -1).get(0)).isEqualTo(255);
        assertThat(PackedInt32Array.of(1, -2).get(1)).isEqualTo(-2);
        assertThat(PackedInt64Array.of(1, Long.MIN_VALUE).get(1)).isEqualTo(Long.MIN_VALUE);
        assertThat(PackedFloat32Array.of(1, 0.1f).get(1)).isEqualTo(0.1f);
        assertThat(PackedFloat64Array.of(1, 0.1).get(1)).isEqualTo(0.1);
        var color = new Color(0.1f, 0.2f, 0.3f, 0.4f);
        assertThat(PackedColorArray.of(color, color).get(1)).isEqualTo(color);
        var v2 = new Vector2(0.5, 0.1);
        var v3 = new Vector3(0.5, 0.1, 3);
        var v4 = new Vector4(0.5, 0.25, 3, 4);
        assertThat(PackedVector2Array.of(v2, v2).get(1)).isEqualTo(v2);
        assertThat(PackedVector3Array.of(v3, v3).asList()).containsExactly(v3, v3);
        assertThat(PackedVector4Array.of(v4).asList()).containsExactly(v4);
        assertThat(PackedVector3Array.of(v3, v3, v3).size()).isEqualTo(3);
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> PackedVector3Array.of(v3).get(1));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> PackedInt32Array.of(1, 2).get(2));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> PackedInt32Array.of(1, 2).get(-1));
    }

    @Test
    void equality() {
        assertThat(Variant.of(1)).isNotEqualTo(Variant.of(1.0));
        assertThat(Variant.of(Double.NaN)).isEqualTo(Variant.of(Double.NaN));
        assertThat(new Text("a")).isNotEqualTo(new StringName("a"));
        assertThat(PackedInt32Array.of()).isNotEqualTo(PackedFloat32Array.of());
        assertThat(PackedInt32Array.of(1)).isEqualTo(PackedInt32Array.of(1));
        assertThat(PackedInt32Array.of(1, 2)).isNotEqualTo(PackedInt32Array.of(1));
        assertThat(new Array(List.of())).isNotEqualTo(new Array(List.of(), INTS));
        assertThat(Variant.of(Map.of(1, 2))).isEqualTo(Variant.of(Map.of(1, 2)));
        assertThat(Variant.of(Map.of(1, 2))).isNotEqualTo(Variant.of(Map.of(1, 3)));
        assertThat(new Nil()).isEqualTo(Nil.NIL);
    }

    @Test
    void dictionariesAreAskedWithJavasValues() {
        var dictionary = (Dictionary) Variant.of(Map.of("a", 1, 2, "b"));
        assertThat(dictionary.get("a")).isEqualTo(Variant.of(1));
        assertThat(dictionary.get(2)).isEqualTo(Variant.of("b"));
        assertThat(dictionary.get("c")).isEqualTo(Nil.NIL);
        assertThat(dictionary.entries().containsKey(Variant.of("c"))).isFalse();
        assertThat(dictionary.entries().containsKey(Variant.of("a"))).isTrue();
    }

    @Test
    void typedContainersHoldWhatTheySay() {
        assertThat(new Array(List.of(Variant.of(1)), INTS).get(0)).isEqualTo(Variant.of(1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Array(List.of(Variant.of(1.0)), INTS))
                .withMessage("float among int");
        assertThatIllegalArgumentException().isThrownBy(() -> new Array(List.of(Nil.NIL), INTS));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        new Dictionary(
                                Map.of(Variant.of(1), Variant.of("a")), ContainerType.ANY, INTS));
        var nodes = ContainerType.ofClass("Node");
        var objects = List.<Variant>of(Nil.NIL, new EncodedObjectAsID(1));
        assertThat(new Array(objects, nodes).elements()).isEqualTo(objects);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Array(List.of(Variant.of(1)), nodes));
        assertThat(ContainerType.of(Variant.Type.OBJECT))
                .isEqualTo(ContainerType.ofClass("Object"));
        assertThatIllegalArgumentException().isThrownBy(() -> ContainerType.of(Variant.Type.NIL));
        assertThatIllegalArgumentException().isThrownBy(() -> ContainerType.ofClass(""));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ContainerType(ContainerType.Kind.NONE, Variant.Type.INT, ""));
    }

    @Test
    void nothingIsNull() {
        assertThatNullPointerException().isThrownBy(() -> new Text(null));
        assertThatNullPointerException().isThrownBy(() -> new Array(Arrays.asList(Nil.NIL, null)));
        assertThatNullPointerException().isThrownBy(() -> new Rect2(null, new Vector2(1, 2)));
        var map = new HashMap<Variant, Variant>();
        map.put(Nil.NIL, null);
        assertThatNullPointerException().isThrownBy(() -> new Dictionary(map));
        assertThatIllegalArgumentException().isThrownBy(() -> new FullObject("", Map.of()));
    }

    @ParameterizedTest
    @CsvSource({
        "'', '', false, ''",
        "A, A, false, A",
        "/root/Main, /root/Main, true, root|Main",
        "A/B:position:x, A/B:position:x, false, A|B",
        ":x, :x, false, ''",
        "/, /, true, ''",
        "A//B/, A/B, false, A|B",
        "../A, ../A, false, ..|A",
    })
    void nodePaths(String text, String path, boolean absolute, String names) {
        NodePath read = NodePath.of(text);
        assertThat(read.path()).isEqualTo(path);
        assertThat(read.absolute()).isEqualTo(absolute);
        assertThat(String.join("|", read.names())).isEqualTo(names);
        assertThat(NodePath.of(path)).isEqualTo(read);
    }

    @Test
    void printed() {
        var map = new LinkedHashMap<Object, Object>();
        map.put("a \"quoted\"\\\n\t\r\u0001", Arrays.asList(1, 1.0, 0.1, 1e300, true, null));
        map.put(2, Map.of());
        assertThat(Variant.of(map))
                .hasToString(
                        "{\"a \\\"quoted\\\"\\\\\\n\\t\\r\\u0001\": [1, 1.0, 0.1, 1.0E300, true,"
                                + " null], 2: {}}");
        assertThat(
                        new Array(
                                List.of(
                                        new Real(Double.NaN),
                                        new Real(Double.NEGATIVE_INFINITY),
                                        new StringName("n"),
                                        NodePath.of("/a:b"),
                                        new RID(5),
                                        new EncodedObjectAsID(6),
                                        new Callable(),
                                        new Signal("hit", 7))))
                .hasToString(
                        "[nan, -inf, &\"n\", NodePath(\"/a:b\"), RID(5), EncodedObjectAsID(6),"
                                + " Callable(), Signal(7, \"hit\")]");
        assertThat(new Array(List.of(Variant.of(1)), INTS)).hasToString("Array[int]([1])");
        assertThat(
                        new Dictionary(
                                Map.of(Variant.of(1), Nil.NIL),
                                INTS,
                                ContainerType.ofClass("Node")))
                .hasToString("Dictionary[int, Node]({1: null})");
        assertThat(new FullObject("Node", Map.of("name", Variant.of("x"))))
                .hasToString("Object(Node, \"name\": \"x\")");
        assertThat(new Vector2(0.1, (double) 0.1f)).hasToString("Vector2(0.1, 0.1)");
        assertThat(PackedVector2Array.of(new Vector2(1, 0.1)))
                .hasToString("PackedVector2Array(1, 0.1)");
    }

    /** Godot 4's numbers run from 0 on, Godot 3's too, and names are those of typed arrays. */
    @ParameterizedTest
    @EnumSource(Variant.Type.class)
    void types(Variant.Type type) {
        List<Variant.Type> all = List.of(Variant.Type.values());
        assertThat(all.get(type.godot4())).isEqualTo(type);
        assertThat(all)
                .filteredOn(t -> t.godot3() >= 0)
                .hasSize(27)
                .extracting(Variant.Type::godot3)
                .doesNotHaveDuplicates()
                .allMatch(n -> n < 27);
    }
}
