package io.peerloom.variant;

import static io.peerloom.variant.VariantCodec.GODOT3;
import static io.peerloom.variant.VariantCodec.GODOT4;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant.*;
import io.peerloom.variant.VariantCodec.Dialect;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the vectors do not hold: what Godot 4.6.3 was seen to do in the corners, the dialects, the
 * limits, and whatever comes over a wire.
 */
class VariantCodecTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final ContainerType INTS = ContainerType.of(Variant.Type.INT);

    private static byte[] bytes(String hex) {
        return HEX.parseHex(hex.replace(" ", ""));
    }

    private static Variant decode(VariantCodec codec, String hex) throws VariantException {
        return codec.decode(bytes(hex));
    }

    private static String encode(VariantCodec codec, Variant value) throws VariantException {
        return HEX.formatHex(codec.encode(value));
    }

    private static void same(VariantCodec codec, Variant value, String hex)
            throws VariantException {
        assertThat(encode(codec, value)).isEqualTo(hex.replace(" ", ""));
        assertThat(decode(codec, hex)).isEqualTo(value);
    }

    private static VariantException refused(VariantCodec codec, byte[] bytes) {
        return catchThrowableOfType(VariantException.class, () -> codec.decode(bytes));
    }

    private static void refused(VariantCodec codec, String hex, ErrorCode code, String message) {
        VariantException e = refused(codec, bytes(hex));
        assertThat(e).as("%s", hex).isNotNull().hasMessageContaining(message);
        assertThat(e.code()).isEqualTo(code);
    }

    private static void notEncoded(
            VariantCodec codec, Variant value, ErrorCode code, String message) {
        VariantException e =
                catchThrowableOfType(VariantException.class, () -> codec.encode(value));
        assertThat(e).isNotNull().hasMessageContaining(message);
        assertThat(e.code()).isEqualTo(code);
    }

    // Godot's own cases

    /**
     * The values of Godot's tests of its marshalls: numbers of both widths, a typed array, a typed
     * dictionary; then those whose bytes were derived from its source, which the engine wrote alike
     * (GodotQuirksTest).
     */
    @Test
    void godotsMarshalls() throws VariantException {
        Variant large = Variant.of(0xf123456789abcdefL);
        same(GODOT4, Nil.NIL, "00000000");
        same(GODOT4, Variant.of(0x12345678), "02000000 78563412");
        same(GODOT4, large, "02000100 efcdab89674523f1");
        same(GODOT4, Variant.of(0.15625), "03000000 0000203e");
        same(GODOT4, Variant.of(1.0 / 3), "03000100 555555555555d53f");
        same(
                GODOT4,
                new Array(List.of(large), INTS),
                "1c000100 02000000 01000000 02000100 efcdab89674523f1");
        same(
                GODOT4,
                new Dictionary(Map.of(large, large), INTS, INTS),
                "1b000500 02000000 02000000 01000000 02000100 efcdab89674523f1"
                        + "02000100 efcdab89674523f1");

        same(GODOT4, Variant.of(true), "01000000 01000000");
        same(GODOT4, Variant.of("Godot"), "04000000 05000000 476f646f 74000000");
        same(GODOT4, new Vector2(1, 2), "05000000 0000803f 00000040");
        same(
                GODOT4,
                Variant.of(List.of(42, "Hi")),
                "1c000000 02000000 02000000 2a000000 04000000 02000000 48690000");
        same(
                GODOT4,
                Variant.of(Map.of(1, 2)),
                "1b000000 01000000 02000000 01000000 02000000 02000000");
        same(GODOT4, PackedByteArray.of(new byte[] {1, 2, 3}), "1d000000 03000000 01020300");
        same(GODOT3, PackedByteArray.of(new byte[] {1, 2, 3}), "14000000 03000000 01020300");
        same(GODOT4, PackedStringArray.of("a"), "22000000 01000000 02000000 61000000");
        same(
                GODOT4,
                NodePath.of("/root/A:x"),
                "16000000 02000080 01000000 01000000 04000000 726f6f74 01000000 41000000"
                        + "01000000 78000000");
        same(GODOT4, Variant.of(Double.NaN), "03000100 000000000000f87f");
        same(GODOT4, new EncodedObjectAsID(5), "18000100 0500000000000000");
    }

    @ParameterizedTest
    @ValueSource(strings = {"00", "ff000000"})
    void godotsMarshallsThatFail(String hex) {
        assertThat(refused(GODOT4, bytes(hex)).code()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(refused(GODOT3, bytes(hex)).code()).isEqualTo(ErrorCode.INVALID_DATA);
    }

    // What the engine does

    /** As Godot 4.6.3 wrote them; the numbers of its objects are others each time. */
    @Test
    void whatTheVectorsLeaveOut() throws VariantException {
        same(GODOT4, new RID(0), "17000000 0000000000000000");
        same(GODOT4, new RID(5), "17000000 0500000000000000");
        same(GODOT4, new Callable(), "19000000");
        same(GODOT4, new Signal("", 0), "1a000000 00000000 0000000000000000");
        same(GODOT4, new Signal("hit", 7), "1a000000 03000000 68697400 0700000000000000");
        same(GODOT4, new EncodedObjectAsID(0x80000604_000005acL), "18000100 ac05000004060080");
        same(
                GODOT4,
                new Array(List.of(Variant.of(1.5)), ContainerType.of(Variant.Type.FLOAT)),
                "1c000100 03000000 01000000 03000000 0000c03f");
        same(
                GODOT4,
                new Array(List.of(new EncodedObjectAsID(1), Nil.NIL), ContainerType.ENCODED_OBJECT),
                "1c000200 11000000 456e636f6465644f626a656374417349 44000000 02000000"
                        + "18000100 0100000000000000 00000000");
        same(
                GODOT4,
                new Dictionary(
                        Map.of(Variant.of("a"), new EncodedObjectAsID(1)),
                        ContainerType.of(Variant.Type.STRING),
                        ContainerType.ENCODED_OBJECT),
                "1b000900 04000000 11000000 456e636f6465644f626a656374417349 44000000 01000000"
                        + "04000000 01000000 61000000 18000100 0100000000000000");
        same(
                GODOT4.withFullObjects(true),
                new FullObject("RefCounted", Map.of("script", Nil.NIL)),
                "18000000 0a000000 526566436f756e7465640000 01000000"
                        + "06000000 7363726970740000 00000000");
    }

    @Test
    void whatTheEngineAlsoReads() throws VariantException {
        assertThat(decode(GODOT4, "01000000 00010000")).isEqualTo(Variant.of(true));
        assertThat(decode(GODOT4, "02fffeff 05000000")).isEqualTo(Variant.of(5));
        assertThat(decode(GODOT4, "1c000000 01000080 00000000"))
                .isEqualTo(new Array(List.of(Nil.NIL)));
        assertThat(
                        decode(
                                GODOT4,
                                "1b000000 02000000 02000000 01000000 02000000 01000000"
                                        + "02000000 01000000 02000000 02000000"))
                .isEqualTo(Variant.of(Map.of(1, 2)));
        assertThat(
                        decode(
                                GODOT4,
                                "16000000 01000080 00000000 02000000"
                                        + "01000000 61ffffff 01000000 62ffffff"))
                .isEqualTo(NodePath.of("a:b"));
        assertThat(decode(GODOT4, "1d000000 01000000 61"))
                .as("bytes without their padding")
                .isEqualTo(PackedByteArray.of((byte) 'a'));
        assertThat(decode(GODOT4, "22000000 02000000 01000000 61000000 02000000 62000000"))
                .as("strings with and without their NUL")
                .isEqualTo(PackedStringArray.of("a", "b"));
        assertThat(decode(GODOT4, "1c000100 00000000 01000000 00000000"))
                .as("an array of the type of null is one without a type")
                .isEqualTo(new Array(List.of(Nil.NIL)));
        assertThat(decode(GODOT4, "00000000 ffffffff")).as("bytes behind it").isEqualTo(Nil.NIL);
        assertThat(decode(GODOT4, "18000100 0000000000000000"))
                .as("the number of no object")
                .isEqualTo(Nil.NIL);
        assertThat(decode(GODOT4.withFullObjects(true), "18000000 00000000"))
                .as("an object of no class")
                .isEqualTo(Nil.NIL);
    }

    /**
     * Components in double precision, as an engine built for it writes them, and this one reads.
     */
    @Test
    void doublePrecision() throws VariantException {
        VariantCodec wide = GODOT4.withDoublePrecision(true);
        same(wide, new Vector2(1.5, 2.5), "05000100 000000000000f83f 0000000000000440");
        same(
                wide,
                PackedVector2Array.of(new Vector2(1.5, 0.1)),
                "23000100 01000000 000000000000f83f 9a9999999999b93f");
        same(
                wide,
                PackedVector2Array.of(new Vector2(1.5, 2.5)),
                "23000100 01000000 000000000000f83f 0000000000000440");
        same(wide, new Color(1, 0, 0, 1), "14000000 0000803f 00000000 00000000 0000803f");
        same(wide, new Vector2i(1, 2), "06000000 01000000 02000000");
        assertThat(encode(GODOT4, PackedVector2Array.of(new Vector2(1.5, 0.1))))
                .isEqualTo("23000000010000000000c03fcdcccc3d");
        assertThat(encode(GODOT3.withDoublePrecision(true), new Vector2(1.5, 2.5)))
                .isEqualTo("050000000000c03f00002040");
        assertThat(decode(GODOT3, "05000100 0000c03f 00002040"))
                .as("Godot 3 has no such flag")
                .isEqualTo(new Vector2(1.5, 2.5));
    }

    // Dialects

    @Test
    void typesThatADialectDoesNotHave() throws VariantException {
        for (Variant value :
                List.of(
                        new Vector2i(1, 2),
                        new Rect2i(new Vector2i(1, 2), new Vector2i(3, 4)),
                        new Vector3i(1, 2, 3),
                        new Vector4(1, 2, 3, 4),
                        new Vector4i(1, 2, 3, 4),
                        new StringName("a"),
                        new Callable(),
                        new Signal("a", 1),
                        PackedInt64Array.of(1),
                        PackedFloat64Array.of(1),
                        PackedVector4Array.of())) {
            notEncoded(
                    GODOT3, value, ErrorCode.INVALID_PARAMETER, "GODOT_3 has no " + value.type());
            assertThat(GODOT4.decode(GODOT4.encode(value))).isEqualTo(value);
        }
        VariantCodec old = VariantCodec.of(Dialect.GODOT_4_0);
        notEncoded(old, PackedVector4Array.of(), ErrorCode.INVALID_PARAMETER, "GODOT_4_0 has no");
        refused(old, "26000000 00000000", ErrorCode.INVALID_DATA, "no type 38");
        refused(GODOT3, "1b000000 00000000", ErrorCode.INVALID_DATA, "no type 27");
        refused(GODOT4, "27000000 00000000", ErrorCode.INVALID_DATA, "no type 39");
        refused(GODOT4, "ff", ErrorCode.INVALID_DATA, "of 4 bytes, of which there are 1");
        refused(GODOT4, "ff000000", ErrorCode.INVALID_DATA, "no type 255");
    }

    /** A type is left out where the other side could not read it, and everything else is there. */
    @Test
    void typesOfContainersAreThoseOfTheDialect() throws VariantException {
        var array = new Array(List.of(Variant.of(7)), INTS);
        var dictionary = new Dictionary(Map.of(Variant.of(7), array), INTS, ContainerType.ANY);
        VariantCodec v40 = VariantCodec.of(Dialect.GODOT_4_0);
        VariantCodec v43 = VariantCodec.of(Dialect.GODOT_4_3);
        String untyped = "1c000000010000000200000007000000";
        String typed = "1c00010002000000010000000200000007000000";
        assertThat(encode(v40, array)).isEqualTo(untyped);
        assertThat(encode(v43, array)).isEqualTo(typed);
        assertThat(encode(GODOT3, array)).isEqualTo("13" + untyped.substring(2));
        assertThat(encode(v40, dictionary)).isEqualTo("1b000000010000000200000007000000" + untyped);
        assertThat(encode(v43, dictionary)).isEqualTo("1b000000010000000200000007000000" + typed);
        same(GODOT4, dictionary, "1b000100 02000000 01000000 02000000 07000000" + typed);
        assertThat(v43.decode(v43.encode(array))).isEqualTo(array);
        refused(v40, typed, ErrorCode.INVALID_DATA, "typed container in GODOT_4_0");
        refused(
                v43,
                "1b000100 02000000 00000000",
                ErrorCode.INVALID_DATA,
                "typed container in GODOT_4_3");
        refused(
                v43,
                "1b000400 02000000 00000000",
                ErrorCode.INVALID_DATA,
                "typed container in GODOT_4_3");
    }

    @Test
    void classesAndScriptsOfContainersTravelWithFullObjectsOnly() throws VariantException {
        var nodes = new Array(List.of(Nil.NIL), ContainerType.ofClass("Node"));
        var enemies = new Array(List.of(), ContainerType.ofScript("res://enemy.gd"));
        VariantCodec full = GODOT4.withFullObjects(true);
        same(full, nodes, "1c000200 04000000 4e6f6465 01000000 00000000");
        same(full, enemies, "1c000300 0e000000 7265733a2f2f656e656d792e67640000 00000000");
        var ids = new Array(List.of(Nil.NIL), ContainerType.ENCODED_OBJECT);
        assertThat(GODOT4.decode(GODOT4.encode(nodes))).isEqualTo(ids);
        assertThat(GODOT4.decode(full.encode(nodes))).isEqualTo(ids);
        assertThat(decode(GODOT4, "1c000100 18000000 00000000"))
                .isEqualTo(new Array(List.of(), ContainerType.ENCODED_OBJECT));
        assertThat(decode(full, "1c000100 18000000 00000000"))
                .isEqualTo(new Array(List.of(), ContainerType.ofClass("Object")));
        refused(full, "1c000200 00000000 00000000", ErrorCode.INVALID_DATA, "without a name");
        refused(GODOT4, "1c000100 63000000 00000000", ErrorCode.INVALID_DATA, "no type 99");
    }

    /** Before the engine has the script, the properties that it declares are set on nothing. */
    @Test
    void theScriptOfAnObjectComesFirst() throws VariantException {
        var properties = new LinkedHashMap<String, Variant>();
        properties.put("life", Variant.of(5));
        properties.put("script", Variant.of("res://a.gd"));
        properties.put("name", Nil.NIL);
        var object = new FullObject("Node", properties);
        String head = "18000000 04000000 4e6f6465 03000000";
        String script = "06000000 7363726970740000 04000000 0a000000 7265733a 2f2f612e 67640000";
        String life = "04000000 6c696665 02000000 05000000";
        String name = "04000000 6e616d65 00000000";
        same(GODOT4.withFullObjects(true), object, head + script + life + name);
        String old = head.replace("18", "11") + script + life + name;
        same(GODOT3.withFullObjects(true), object, old);
        assertThat(object.properties().keySet()).containsExactly("life", "script", "name");
    }

    @Test
    void fullObjectsHaveToBeAllowed() {
        var object = new FullObject("Node", Map.of());
        notEncoded(GODOT4, object, ErrorCode.UNAUTHORIZED, "full object");
        notEncoded(GODOT3, Variant.of(List.of(object)), ErrorCode.UNAUTHORIZED, "full object");
        refused(
                GODOT4,
                "1c000000 01000000 18000000 04000000 4e6f6465 00000000",
                ErrorCode.UNAUTHORIZED,
                "at 12: full object");
    }

    // Malformed

    @ParameterizedTest
    @CsvSource({
        "'', INVALID_DATA",
        "'000000', INVALID_DATA",
        "'01000000', INVALID_DATA",
        "'02000100 00000000', INVALID_DATA",
        "'03000100 00000000', INVALID_DATA",
        "'04000000', INVALID_DATA",
        "'04000000 01000000', FILE_EOF",
        "'04000000 01000000 61', FILE_EOF", // padding has to be there
        "'04000000 ffffffff', FILE_EOF",
        "'04000000 fdffff7f 00000000', FILE_EOF", // the padding overflows an int
        "'04000000 01000000 ff000000', INVALID_DATA", // not UTF-8
        "'04000000 03000000 eda08000', INVALID_DATA", // a surrogate
        "'04000000 02000000 c0800000', INVALID_DATA", // overlong
        "'05000000 00000000', INVALID_DATA",
        "'16000000 01000000 61000000', INVALID_DATA", // a path of Godot 2
        "'16000000 01000080 00000000 00000000', INVALID_DATA",
        "'16000000 00000080 ffffffff 00000000', INVALID_DATA",
        "'16000000 00000080 ffffffff 02000000', INVALID_DATA", // and one more is none
        "'16000000 00000080 ffffff7f 02000000', INVALID_DATA",
        "'17000000 00000000', INVALID_DATA",
        "'1b000000 01000000 00000000', INVALID_DATA",
        "'1c000000 01000000', INVALID_DATA",
        "'1c000000 ffffffff', INVALID_DATA",
        "'1c000100 02000000 01000000 04000000 00000000', INVALID_DATA", // a string as an int
        "'1b000400 02000000 01000000 02000000 01000000 00000000', INVALID_DATA",
        "'1d000000 ffffffff', INVALID_DATA",
        "'1d000000 02000000 61', INVALID_DATA",
        "'1c000000 02000000 1d000000 01000000 61', INVALID_DATA",
        "'1e000000 01000000 6100', INVALID_DATA",
        "'1f000000 00000040 00000000', INVALID_DATA", // the size overflows an int
        "'22000000 ffffffff', INVALID_DATA",
        "'22000000 02000000 00000000', INVALID_DATA",
        "'25000000 01000000 0000000000000000', INVALID_DATA",
    })
    void malformed(String hex, ErrorCode code) {
        refused(GODOT4, hex, code, "value of " + bytes(hex).length + " bytes, at ");
    }

    @Test
    void anyValueCutOffAnywhereIsRefused() throws VariantException {
        for (Variant value : oneOfEach()) {
            byte[] whole = GODOT4.withFullObjects(true).encode(value);
            int least = value instanceof PackedByteArray ? 11 : whole.length;
            for (int length = 0; length < least; length++) {
                byte[] cut = java.util.Arrays.copyOf(whole, length);
                assertThat(refused(GODOT4.withFullObjects(true), cut))
                        .as("%s of %s", length, value)
                        .isNotNull();
            }
        }
    }

    // Limits

    /** As deep as usual on a usual stack, and as deep as Godot 4.6.3 goes on a large one. */
    @ParameterizedTest
    @CsvSource({"256, 1", "1024, 4"})
    void depth(int levels, int stackMib) throws Exception {
        VariantCodec codec = GODOT4.withMaxDepth(levels);
        byte[] deep = nested(levels);
        var work =
                new FutureTask<>(() -> {
                    Variant value = codec.decode(deep);
                    assertThat(codec.encode(value)).isEqualTo(deep);
                    assertThat(value.toString().length()).isEqualTo(2 * levels + 2);
                    Variant same = codec.decode(deep);
                    assertThat(value.equals(same)).isTrue();
                    assertThat(value.hashCode()).isEqualTo(same.hashCode());

                    for (int more : new int[] {levels + 1, 100_000}) {
                        assertThat(refused(codec, nested(more)).code())
                                .isEqualTo(ErrorCode.OUT_OF_MEMORY);
                    }
                    notEncoded(
                            codec,
                            new Array(List.of(value)),
                            ErrorCode.OUT_OF_MEMORY,
                            "deeper than " + levels);
                    return true;
                });
        new Thread(null, work, "with its own stack", (long) stackMib << 20).start();
        assertThat(work.get(1, TimeUnit.MINUTES)).isTrue();
    }

    @Test
    void noDepth() throws VariantException {
        VariantCodec flat = GODOT4.withMaxDepth(0);
        notEncoded(flat, Variant.of(List.of(1)), ErrorCode.OUT_OF_MEMORY, "deeper than 0");
        assertThat(flat.decode(flat.encode(Variant.of(List.of()))))
                .isEqualTo(Variant.of(List.of()));
        assertThat(refused(flat, nested(1)).code()).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(GODOT4.maxDepth()).isEqualTo(256);
    }

    private static byte[] nested(int depth) {
        ByteBuffer buffer = ByteBuffer.allocate(8 * (depth + 1)).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < depth; i++) {
            buffer.putInt(28).putInt(1);
        }
        return buffer.putInt(28).putInt(0).array();
    }

    @Test
    void values() throws VariantException {
        VariantCodec few = GODOT4.withMaxValues(4);
        byte[] three = GODOT4.encode(Variant.of(List.of(1, 2, 3)));
        assertThat(few.decode(three)).isEqualTo(Variant.of(List.of(1, 2, 3)));
        for (Variant many :
                List.of(
                        Variant.of(List.of(1, 2, 3, 4)),
                        Variant.of(Map.of(1, 2, 3, 4)),
                        Variant.of(List.of(List.of(1, 2), 3)),
                        PackedStringArray.of("a", "b", "c", "d"),
                        NodePath.of("a/b/c:d"))) {
            assertThat(refused(few, GODOT4.encode(many)).code()).isEqualTo(ErrorCode.OUT_OF_MEMORY);
            assertThat(few.withMaxValues(5).decode(GODOT4.encode(many))).isEqualTo(many);
        }
        Variant packed = PackedInt32Array.of(new int[100]);
        assertThat(few.decode(GODOT4.encode(packed))).isEqualTo(packed);
    }

    @Test
    void size() throws VariantException {
        Variant value = Variant.of("a".repeat(92));
        VariantCodec hundred = GODOT4.withMaxBytes(100);
        assertThat(hundred.decode(hundred.encode(value))).isEqualTo(value);
        notEncoded(hundred, Variant.of("a".repeat(93)), ErrorCode.OUT_OF_MEMORY, "than 100 bytes");
        assertThat(refused(hundred, GODOT4.encode(Variant.of("a".repeat(93))))).isNotNull();
        assertThat(GODOT4.encode(value, 4)).hasSize(104).startsWith(0, 0, 0, 0, 4, 0, 0, 0, 92);
    }

    /** It has more than 2^200 bytes: found out before anything of it is written. */
    @Test
    void aValueThatHoldsTheSameTwiceAgainAndAgain() {
        Variant value = Nil.NIL;
        for (int i = 0; i < 200; i++) {
            value = new Array(List.of(value, value));
        }
        notEncoded(GODOT4, value, ErrorCode.OUT_OF_MEMORY, "larger than 8388608 bytes");
    }

    /**
     * Arrays within arrays, each of which claims all the rest of the message for its elements: what
     * is allowed once is not allowed a thousand times.
     */
    @Test
    void claimsAddUp() {
        int size = 1 << 20;
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.position() < 8 * 1000) {
            buffer.putInt(28).putInt((size - buffer.position() - 4) / 4);
        }
        long before = allocated();
        assertThat(refused(GODOT4, buffer.array()).code()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(allocated() - before).isLessThan(8L * size);
    }

    @Test
    void limitsThatCannotBe() {
        assertThatIllegalArgumentException().isThrownBy(() -> GODOT4.withMaxDepth(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> GODOT4.withMaxDepth(1025));
        assertThatIllegalArgumentException().isThrownBy(() -> GODOT4.withMaxValues(0));
        assertThatIllegalArgumentException().isThrownBy(() -> GODOT4.withMaxBytes(3));
        assertThatThrownBy(() -> VariantCodec.of(null)).isInstanceOf(NullPointerException.class);
    }

    @Test
    void settings() {
        VariantCodec codec =
                VariantCodec.of(Dialect.GODOT_4_3)
                        .withFullObjects(true)
                        .withDoublePrecision(true)
                        .withMaxDepth(1)
                        .withMaxValues(2)
                        .withMaxBytes(4);
        assertThat(codec)
                .hasToString(
                        "VariantCodec[dialect=GODOT_4_3, fullObjects=true, doublePrecision=true,"
                                + " maxDepth=1, maxValues=2, maxBytes=4]");
        assertThat(VariantCodec.of(Dialect.GODOT_4_4)).isEqualTo(GODOT4).hasSameHashCodeAs(GODOT4);
        VariantCodec[] others = {
            VariantCodec.of(Dialect.GODOT_4_0),
            GODOT4.withFullObjects(true),
            GODOT4.withDoublePrecision(true),
            GODOT4.withMaxDepth(1),
            GODOT4.withMaxValues(1),
            GODOT4.withMaxBytes(4)
        };
        assertThat(others).doesNotHaveDuplicates().doesNotContain(GODOT4);
        assertThat(GODOT4.toString()).contains("maxDepth=256, maxValues=1048576, maxBytes=8388608");
    }

    // Text

    @ParameterizedTest
    @ValueSource(
            strings = {"\0", "a\0b", "\u007f\u0080\u07ff\u0800\uffff", "\ufffd", "\ufeffx", "😀"})
    void textIsKept(String text) throws VariantException {
        for (Variant value :
                List.of(new Text(text), new StringName(text), PackedStringArray.of(text, text))) {
            assertThat(GODOT4.decode(GODOT4.encode(value))).isEqualTo(value);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\ud83d", "\ude00", "a\ude00\ud83d", "\ud83d\ud83d\ude00"})
    void textThatIsNotUnicode(String text) {
        notEncoded(GODOT4, new Text(text), ErrorCode.INVALID_PARAMETER, "unpaired surrogate");
    }

    @Property
    void textAsTheJdkEncodesIt(@ForAll String any) throws VariantException {
        String text = any.replaceAll("\\p{Cs}", "");
        byte[] expected = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        byte[] encoded = GODOT4.encode(new Text(text));
        assertThat(encoded).hasSize(8 + (expected.length + 3) / 4 * 4).startsWith(4, 0, 0, 0);
        assertThat(ByteBuffer.wrap(encoded, 8, expected.length))
                .isEqualTo(ByteBuffer.wrap(expected));
        assertThat(ByteBuffer.wrap(encoded).order(ByteOrder.LITTLE_ENDIAN).getInt(4))
                .isEqualTo(expected.length);
    }

    // Buffers

    @Test
    void valuesOneBehindTheOther() throws VariantException {
        byte[] one = GODOT4.encode(Variant.of("one"));
        byte[] two = GODOT4.encode(Variant.of(2));
        for (ByteBuffer buffer :
                List.of(
                        ByteBuffer.allocate(100).position(3).slice(),
                        ByteBuffer.allocateDirect(100))) {
            buffer.put((byte) 9).put(one).put(two).put((byte) 24).flip();
            assertThat(buffer.get()).isEqualTo((byte) 9);
            assertThat(GODOT4.decode(buffer)).isEqualTo(Variant.of("one"));
            assertThat(GODOT4.decode(buffer)).isEqualTo(Variant.of(2));
            assertThatThrownBy(() -> GODOT4.decode(buffer)).isInstanceOf(VariantException.class);
            assertThat(buffer.remaining()).isEqualTo(1);
        }
        ByteBuffer readOnly = ByteBuffer.wrap(one).asReadOnlyBuffer();
        assertThat(GODOT4.decode(readOnly)).isEqualTo(Variant.of("one"));
    }

    // Anything

    @Property(tries = 300)
    @Tag("slow")
    void whatGoesInComesOut(@ForAll("variants") Variant value, @ForAll Dialect dialect)
            throws VariantException {
        VariantCodec codec = VariantCodec.of(dialect).withFullObjects(true);
        byte[] bytes;
        try {
            bytes = codec.encode(value);
        } catch (VariantException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_PARAMETER);
            assertThat(e).hasMessageContaining(dialect + " has no ");
            assertThat(dialect).isIn(Dialect.GODOT_3, Dialect.GODOT_4_0);
            return;
        }
        assertThat(bytes.length % 4).isZero();
        Variant decoded = codec.decode(bytes);
        if (dialect == Dialect.GODOT_4_4) {
            assertThat(decoded).isEqualTo(value).hasSameHashCodeAs(value).hasToString("" + value);
            assertThat(codec.encode(decoded)).isEqualTo(bytes);
        }
        assertThat(codec.decode(codec.encode(decoded))).isEqualTo(decoded);
    }

    @Property(tries = 300)
    void whatGoesInDoubleComesOut(@ForAll("variants") Variant value) throws VariantException {
        VariantCodec wide = GODOT4.withFullObjects(true).withDoublePrecision(true);
        assertThat(wide.decode(wide.encode(value))).isEqualTo(value);
        assertThat(GODOT4.withFullObjects(true).decode(wide.encode(value))).isEqualTo(value);
    }

    /** Some bytes changed, some cut out or put in: a value or a refusal, and no more memory. */
    @Property(tries = 1500)
    @Tag("slow")
    void whateverComes(
            @ForAll("variants") Variant value,
            @ForAll Dialect dialect,
            @ForAll @Size(min = 1, max = 6) List<@IntRange(max = 1 << 20) Integer> places,
            @ForAll @Size(min = 6, max = 6) List<Byte> bytes,
            @ForAll boolean fullObjects)
            throws VariantException {
        byte[] data = GODOT4.withFullObjects(true).encode(value);
        for (int i = 0; i < places.size(); i++) {
            int at = places.get(i) / 3 % data.length;
            switch (places.get(i) % 3) {
                case 0 -> data[at] = bytes.get(i);
                case 1 -> data[at] ^= (byte) (1 << (bytes.get(i) & 7));
                default -> System.arraycopy(data, 0, data, at & ~3, data.length - (at & ~3));
            }
        }
        survives(VariantCodec.of(dialect).withFullObjects(fullObjects), data);
    }

    @Property(tries = 1500)
    void randomBytes(
            @ForAll @IntRange(max = 38) int type,
            @ForAll @Size(max = 200) List<@IntRange(min = -2, max = 40) Byte> rest,
            @ForAll Dialect dialect)
            throws VariantException {
        var data = new byte[4 + rest.size()];
        data[0] = (byte) type;
        for (int i = 0; i < rest.size(); i++) {
            data[4 + i] = rest.get(i);
        }
        survives(VariantCodec.of(dialect).withFullObjects(true), data);
    }

    /** What the codec does with bytes of any kind; for the fuzzer too. */
    static void survives(VariantCodec codec, byte[] data) throws VariantException {
        Variant value = null;
        try {
            codec.decode(data); // the first time of all also loads classes
        } catch (VariantException e) {
            // the same again
        }
        long before = allocated();
        long used;
        try {
            value = codec.decode(data);
            used = allocated() - before;
        } catch (VariantException e) {
            used = allocated() - before;
            assertThat(e.code())
                    .isIn(
                            ErrorCode.INVALID_DATA,
                            ErrorCode.FILE_EOF,
                            ErrorCode.UNAUTHORIZED,
                            ErrorCode.OUT_OF_MEMORY);
            assertThat(e.getMessage()).hasSizeLessThan(300);
        }
        assertThat(used).isLessThan(200_000 + 100L * data.length);
        if (value != null) {
            Variant again = codec.decode(codec.withDoublePrecision(true).encode(value));
            assertThat(again.toString()).isEqualTo(value.toString());
            if (!value.toString().contains("nan")) { // its bits may change where it is widened
                assertThat(again).isEqualTo(value);
            }
        }
    }

    /** By this thread so far, in bytes. */
    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean())
                .getCurrentThreadAllocatedBytes();
    }

    @ParameterizedTest
    @EnumSource(Variant.Type.class)
    void thereIsOneOfEachType(Variant.Type type) {
        assertThat(oneOfEach()).anyMatch(value -> value.type() == type);
    }

    private static List<Variant> oneOfEach() {
        var v2 = new Vector2(1.5, -2.25);
        var v3 = new Vector3(1, 2, 3);
        var v4 = new Vector4(1, 2, 3, 4);
        var basis = new Basis(v3, v3, v3);
        return List.of(
                Nil.NIL,
                Variant.of(true),
                Variant.of(1L << 40),
                Variant.of(0.1),
                Variant.of("text"),
                v2,
                new Vector2i(1, 2),
                new Rect2(v2, v2),
                new Rect2i(new Vector2i(1, 2), new Vector2i(3, 4)),
                v3,
                new Vector3i(1, 2, 3),
                new Transform2D(v2, v2, v2),
                v4,
                new Vector4i(1, 2, 3, 4),
                new Plane(v3, 4),
                new Quaternion(1, 2, 3, 4),
                new AABB(v3, v3),
                basis,
                new Transform3D(basis, v3),
                new Projection(v4, v4, v4, v4),
                new Color(0.1f, 0.2f, 0.3f, 1),
                new StringName("name"),
                NodePath.of("/root/a:b:c"),
                new RID(1L << 33),
                new EncodedObjectAsID(-5),
                new FullObject("Node", Map.of("name", Variant.of("x"))),
                new Callable(),
                new Signal("hit", 3),
                new Dictionary(Map.of(Variant.of("k"), v2)),
                new Array(List.of(Variant.of(1), Variant.of("two"))),
                new Array(List.of(Variant.of(1)), INTS),
                PackedByteArray.of((byte) 1, (byte) 2, (byte) -1),
                PackedInt32Array.of(1, -2),
                PackedInt64Array.of(1, -2),
                PackedFloat32Array.of(1.5f, 0.1f),
                PackedFloat64Array.of(1.5, 0.1),
                PackedStringArray.of("", "a", "żółć"),
                PackedVector2Array.of(v2, v2),
                PackedVector3Array.of(v3),
                PackedColorArray.of(new Color(1, 0, 0, 1)),
                PackedVector4Array.of(v4, v4));
    }

    /** Values of all types; components of vectors are floats, which come back as they were. */
    @Provide
    static Arbitrary<Variant> variants() {
        Arbitrary<Variant> scalar =
                Arbitraries.oneOf(
                        Arbitraries.of(oneOfEach()),
                        Arbitraries.longs().map(Variant::of),
                        Arbitraries.integers().map(Variant::of),
                        Arbitraries.doubles().map(Variant::of),
                        Arbitraries.strings()
                                .ofMaxLength(9)
                                .map(s -> new Text(s.replaceAll("\\p{Cs}", ""))),
                        Arbitraries.floats()
                                .tuple4()
                                .map(f -> new Quaternion(f.get1(), f.get2(), f.get3(), f.get4())),
                        Arbitraries.bytes()
                                .array(byte[].class)
                                .ofMaxSize(9)
                                .map(PackedByteArray::of),
                        Arbitraries.integers()
                                .array(int[].class)
                                .ofMaxSize(5)
                                .map(PackedInt32Array::of),
                        Arbitraries.doubles()
                                .array(double[].class)
                                .ofMaxSize(5)
                                .map(PackedFloat64Array::of),
                        Arbitraries.floats()
                                .tuple3()
                                .map(f -> new Vector3(f.get1(), f.get2(), f.get3()))
                                .array(Vector3[].class)
                                .ofMaxSize(4)
                                .map(PackedVector3Array::of),
                        Arbitraries.strings()
                                .alpha()
                                .list()
                                .ofMaxSize(4)
                                .map(PackedStringArray::new));
        return containers(containers(containers(scalar)));
    }

    private static Arbitrary<Variant> containers(Arbitrary<Variant> elements) {
        return Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(4, elements),
                net.jqwik.api.Tuple.of(2, elements.list().ofMaxSize(4).map(Array::new)),
                net.jqwik.api.Tuple.of(
                        1,
                        Arbitraries.longs()
                                .map(n -> Variant.of((Object) n))
                                .list()
                                .ofMaxSize(3)
                                .map(list -> new Array(list, INTS))),
                net.jqwik.api.Tuple.of(
                        2, Arbitraries.maps(elements, elements).ofMaxSize(4).map(Dictionary::new)),
                net.jqwik.api.Tuple.of(
                        1,
                        Combinators.combine(
                                        Arbitraries.strings().alpha().ofMinLength(1).ofMaxLength(5),
                                        Arbitraries.maps(
                                                        Arbitraries.strings()
                                                                .alpha()
                                                                .ofMaxLength(5),
                                                        elements)
                                                .ofMaxSize(3))
                                .as(FullObject::new)));
    }
}
