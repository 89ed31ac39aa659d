package io.peerloom.variant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.peerloom.variant.Variant.*;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Values against the bytes that Godot 3.2.3 and Godot 4.6.3 made of them ({@code vectors}), in both
 * directions. What the file has as the engine's text is compared with our text.
 */
class VariantVectorsTest {
    private static final HexFormat HEX = HexFormat.of();

    /** What Godot 3 calls otherwise than Godot 4. */
    private static final Map<String, String> OLD_NAMES =
            Map.of(
                    "Quat(", "Quaternion(",
                    "Transform(", "Transform3D(",
                    "PoolIntArray(", "PackedInt32Array(",
                    "PoolRealArray(", "PackedFloat32Array(",
                    "Pool", "Packed");

    @TestFactory
    Stream<DynamicTest> godot4() {
        List<JsonObject> rows = rows("godot4");
        assertThat(rows).hasSize(157);
        return rows.stream().map(row -> test(VariantCodec.GODOT4, row));
    }

    @TestFactory
    Stream<DynamicTest> godot3() {
        List<JsonObject> rows = rows("godot3");
        assertThat(rows).hasSize(103);
        return rows.stream().map(row -> test(VariantCodec.GODOT3, row));
    }

    private static List<JsonObject> rows(String name) {
        try (Reader file =
                new InputStreamReader(
                        VariantVectorsTest.class.getResourceAsStream(
                                "/io/peerloom/vectors/" + name + ".json"),
                        StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(file)
                    .getAsJsonObject()
                    .getAsJsonArray("variants")
                    .asList()
                    .stream()
                    .map(JsonElement::getAsJsonObject)
                    .toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static DynamicTest test(VariantCodec codec, JsonObject row) {
        return dynamicTest(row.get("name") + " " + row.get("value"), () -> check(codec, row));
    }

    private static void check(VariantCodec codec, JsonObject row) throws VariantException {
        byte[] bytes = HEX.parseHex(row.get("hex").getAsString());
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Variant value = codec.decode(buffer);
        assertThat(buffer.remaining()).isZero();
        boolean old = codec == VariantCodec.GODOT3;
        assertThat(old ? value.type().godot3() : value.type().godot4())
                .isEqualTo(row.get("type").getAsInt());

        JsonArray told = row.getAsJsonArray("value");
        if (row.get("name").getAsString().matches("(array|dictionary) typed.*")) {
            Variant untyped =
                    value instanceof Array array
                            ? new Array(array.elements())
                            : new Dictionary(((Dictionary) value).entries());
            assertThat(untyped).isNotEqualTo(value).isEqualTo(expected(told));
        } else {
            Object expected = expected(told);
            if (expected instanceof String) {
                assertThat(value.toString()).isEqualTo(expected);
            } else {
                assertThat(old ? rounded(value) : value).isEqualTo(expected);
            }
        }

        if (old && value.type() == Variant.Type.NODE_PATH) {
            // 3.2.3 leaves the bytes that pad a name as they were in its memory.
            for (int at : new int[] {21, 22, 23, 29, 30, 31, 49, 50, 51}) {
                if (row.get("name").getAsString().equals("node_path")) {
                    bytes[at] = 0;
                }
            }
        }
        assertThat(HEX.formatHex(codec.encode(value))).isEqualTo(HEX.formatHex(bytes));
        assertThat(codec.decode(codec.encode(value))).isEqualTo(value);
    }

    /** The value, or the engine's text of it. */
    private static Object expected(JsonArray told) {
        String kind = told.get(0).getAsString();
        JsonElement content = told.size() > 1 ? told.get(1) : null;
        return switch (kind) {
            case "null", "Nil" -> Nil.NIL;
            case "bool" -> Variant.of(content.getAsBoolean());
            case "int" -> Variant.of(content.getAsLong());
            case "float" -> real(content.getAsString());
            case "String" -> new Text(content.getAsString());
            case "StringName" -> new StringName(content.getAsString());
            case "NodePath" -> NodePath.of(content.getAsString());
            case "Array" -> new Array(values(content));
            case "Dictionary" -> {
                var map = new LinkedHashMap<Variant, Variant>();
                for (JsonElement entry : content.getAsJsonArray()) {
                    List<Variant> pair = values(entry);
                    map.put(pair.get(0), pair.get(1));
                }
                yield new Dictionary(map);
            }
            case "PackedByteArray" -> PackedByteArray.of(HEX.parseHex(content.getAsString()));
            default ->
                    content.isJsonArray()
                            ? packed(kind, values(content))
                            : modern(content.getAsString());
        };
    }

    private static Variant value(JsonArray told) {
        Object expected = expected(told);
        return expected instanceof String text ? vector(text) : (Variant) expected;
    }

    private static List<Variant> values(JsonElement list) {
        return list.getAsJsonArray().asList().stream()
                .map(element -> value(element.getAsJsonArray()))
                .toList();
    }

    /** In Godot 4's file by its bytes, in Godot 3's as text, which there has 1e300 as inf. */
    private static Variant real(String told) {
        if (told.length() == 16) {
            long bits = Long.reverseBytes(HexFormat.fromHexDigitsToLong(told));
            return Variant.of(Double.longBitsToDouble(bits));
        }
        return Variant.of(told.equals("inf") ? 1e300 : Double.parseDouble(told));
    }

    /** With numbers as Godot 3 prints them, in six digits. */
    private static Variant rounded(Variant value) {
        if (value instanceof Real real) {
            var decimal = new BigDecimal(real.value());
            return new Real(
                    decimal.round(new MathContext(6, RoundingMode.HALF_EVEN)).doubleValue());
        } else if (value instanceof Array array) {
            return new Array(array.elements().stream().map(VariantVectorsTest::rounded).toList());
        } else if (value instanceof Dictionary dictionary) {
            var map = new LinkedHashMap<Variant, Variant>();
            dictionary.entries().forEach((key, v) -> map.put(rounded(key), rounded(v)));
            return new Dictionary(map);
        }
        return value;
    }

    /** The few of which there are elements, from their texts. */
    private static Variant vector(String text) {
        var n = new ArrayList<Double>();
        for (String number : text.substring(text.indexOf('(') + 1, text.length() - 1).split(", ")) {
            n.add((double) Float.parseFloat(number));
        }
        return switch (text.substring(0, text.indexOf('('))) {
            case "Vector2" -> new Vector2(n.get(0), n.get(1));
            case "Vector3" -> new Vector3(n.get(0), n.get(1), n.get(2));
            case "Vector4" -> new Vector4(n.get(0), n.get(1), n.get(2), n.get(3));
            case "Color" ->
                    new Color(
                            n.get(0).floatValue(),
                            n.get(1).floatValue(),
                            n.get(2).floatValue(),
                            n.get(3).floatValue());
            default -> throw new AssertionError(text);
        };
    }

    private static Variant packed(String kind, List<Variant> elements) {
        Stream<Object> java = elements.stream().map(Variant::toJava);
        return switch (kind) {
            case "PackedInt32Array" ->
                    PackedInt32Array.of(java.mapToInt(i -> ((Long) i).intValue()).toArray());
            case "PackedInt64Array" -> PackedInt64Array.of(java.mapToLong(i -> (Long) i).toArray());
            case "PackedFloat32Array" -> {
                var floats = new float[elements.size()];
                for (int i = 0; i < floats.length; i++) {
                    floats[i] = ((Double) elements.get(i).toJava()).floatValue();
                }
                yield PackedFloat32Array.of(floats);
            }
            case "PackedFloat64Array" ->
                    PackedFloat64Array.of(java.mapToDouble(d -> (Double) d).toArray());
            case "PackedStringArray" -> PackedStringArray.of(java.toArray(String[]::new));
            case "PackedVector2Array" -> PackedVector2Array.of(elements.toArray(new Vector2[0]));
            case "PackedVector3Array" -> PackedVector3Array.of(elements.toArray(new Vector3[0]));
            case "PackedVector4Array" -> PackedVector4Array.of(elements.toArray(new Vector4[0]));
            case "PackedColorArray" -> PackedColorArray.of(elements.toArray(new Color[0]));
            default -> throw new AssertionError(kind);
        };
    }

    /** Text of Godot 3 as Godot 4 would have it. */
    private static String modern(String text) {
        String modern = text.replace("( ", "(").replace(" )", ")");
        for (String name :
                List.of("Quat(", "Transform(", "PoolIntArray(", "PoolRealArray(", "Pool")) {
            if (modern.startsWith(name)) {
                return OLD_NAMES.get(name) + modern.substring(name.length());
            }
        }
        return modern;
    }
}
