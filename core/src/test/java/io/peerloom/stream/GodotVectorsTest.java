package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The bytes of {@link StreamPeer} against those that Godot 4.6.3 wrote ({@code
 * vectors/godot4.json}, rows "stream_peer"), and what that engine read and wrote in corners that
 * the file does not hold (the tables below, from runs of the engine).
 */
class GodotVectorsTest {
    private static final HexFormat HEX = HexFormat.of();

    /**
     * How to put a row's argument, how to get it back, and what to expect then: Godot's value after
     * the trip, which the width of the type may have changed.
     */
    private record Method(
            BiFunction<StreamPeer, JsonElement, ErrorCode> put,
            Function<StreamPeer, Object> get,
            Function<JsonElement, Object> expected) {}

    /** The arguments in the file that are not halves, and what a half makes of them. */
    private static final Map<Float, Float> HALVES =
            Map.of(0.1f, 0x1.998p-4f, 1e-7f, 0f, 70_000f, Float.POSITIVE_INFINITY);

    private static Method method(String name) {
        return switch (name) {
            case "put_8" ->
                    new Method(
                            (s, a) -> s.put8(a.getAsInt()),
                            StreamPeer::get8,
                            a -> (byte) a.getAsInt());
            case "put_u8" ->
                    new Method(
                            (s, a) -> s.putU8(a.getAsInt()),
                            StreamPeer::getU8,
                            a -> a.getAsInt() & 0xff);
            case "put_16" ->
                    new Method(
                            (s, a) -> s.put16(a.getAsInt()),
                            StreamPeer::get16,
                            a -> (short) a.getAsInt());
            case "put_u16" ->
                    new Method(
                            (s, a) -> s.putU16(a.getAsInt()),
                            StreamPeer::getU16,
                            a -> a.getAsInt() & 0xffff);
            case "put_32" ->
                    new Method(
                            (s, a) -> s.put32((int) a.getAsLong()),
                            StreamPeer::get32,
                            a -> (int) a.getAsLong());
            case "put_u32" ->
                    new Method(
                            (s, a) -> s.putU32(a.getAsLong()),
                            StreamPeer::getU32,
                            a -> a.getAsLong() & 0xffff_ffffL);
            case "put_64" ->
                    new Method(
                            (s, a) -> s.put64(a.getAsLong()),
                            StreamPeer::get64,
                            a -> a.getAsLong());
            case "put_u64" ->
                    new Method(
                            (s, a) -> s.putU64(a.getAsLong()),
                            StreamPeer::getU64,
                            a -> a.getAsLong());
            case "put_half" ->
                    new Method(
                            (s, a) -> s.putHalf(a.getAsFloat()),
                            StreamPeer::getHalf,
                            a -> HALVES.getOrDefault(a.getAsFloat(), a.getAsFloat()));
            case "put_float" ->
                    new Method(
                            (s, a) -> s.putFloat(a.getAsFloat()),
                            StreamPeer::getFloat,
                            a -> a.getAsFloat());
            case "put_double" ->
                    new Method(
                            (s, a) -> s.putDouble(a.getAsDouble()),
                            StreamPeer::getDouble,
                            a -> a.getAsDouble());
            case "put_string" ->
                    new Method(
                            (s, a) -> s.putString(a.getAsString()),
                            StreamPeer::getString,
                            a -> a.getAsString().replaceAll("\\P{ASCII}", " "));
            case "put_utf8_string" ->
                    new Method(
                            (s, a) -> s.putUtf8String(a.getAsString()),
                            StreamPeer::getUtf8String,
                            a -> a.getAsString());
            case "put_var" ->
                    new Method(
                            (s, a) -> s.putVar(printed(a.getAsString())),
                            StreamPeer::getVar,
                            a -> printed(a.getAsString()));
            default -> null;
        };
    }

    /** The file has values as the engine prints them, which for these is JSON. */
    private static Variant printed(String text) {
        return Variant.of(java(JsonParser.parseString(text)));
    }

    private static Object java(JsonElement json) {
        if (json.isJsonArray()) {
            return json.getAsJsonArray().asList().stream().map(GodotVectorsTest::java).toList();
        }
        if (json.isJsonObject()) {
            var map = new LinkedHashMap<String, Object>();
            json.getAsJsonObject().asMap().forEach((key, value) -> map.put(key, java(value)));
            return map;
        }
        if (json.isJsonNull()) {
            return null;
        }
        JsonPrimitive scalar = json.getAsJsonPrimitive();
        if (scalar.isBoolean()) {
            return scalar.getAsBoolean();
        }
        if (scalar.isString()) {
            return scalar.getAsString();
        }
        String number = scalar.getAsString();
        return number.contains(".") ? (Object) Double.valueOf(number) : Long.valueOf(number);
    }

    private static List<JsonObject> rows() {
        try (Reader file =
                new InputStreamReader(
                        GodotVectorsTest.class.getResourceAsStream(
                                "/io/peerloom/vectors/godot4.json"),
                        StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(file)
                    .getAsJsonObject()
                    .getAsJsonArray("stream_peer")
                    .asList()
                    .stream()
                    .map(JsonElement::getAsJsonObject)
                    .toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void everyRowIsKnown() {
        assertThat(rows()).hasSize(176);
        assertThat(rows())
                .extracting(row -> row.get("method").getAsString())
                .filteredOn(name -> method(name) == null)
                .isEmpty();
    }

    @TestFactory
    Stream<DynamicTest> theBytesOfGodotInBothDirections() {
        return rows().stream()
                .map(row ->
                        dynamicTest(
                                row.toString(),
                                () -> check(method(row.get("method").getAsString()), row)));
    }

    private static void check(Method method, JsonObject row) {
        JsonElement arg = row.get("arg");
        byte[] bytes = HEX.parseHex(row.get("hex").getAsString());
        boolean bigEndian = row.get("big_endian").getAsBoolean();

        StreamPeerBuffer out = new StreamPeerBuffer();
        out.setBigEndian(bigEndian);
        assertThat(method.put().apply(out, arg)).isEqualTo(ErrorCode.OK);
        assertThat(out.getDataArray()).isEqualTo(bytes);

        StreamPeerBuffer in = new StreamPeerBuffer();
        in.setBigEndian(bigEndian);
        in.setDataArray(bytes);
        assertThat(method.get().apply(in)).isEqualTo(method.expected().apply(arg));
        assertThat(in.lastResult()).isEqualTo(ErrorCode.OK);
        assertThat(in.getAvailableBytes()).isZero();
    }

    /**
     * Floats by their bits, and the half that the engine made of them: it rounds towards zero, has
     * no subnormals and no negative zero, and one NaN of each sign.
     */
    @ParameterizedTest
    @CsvSource({
        "387f0000, 0000", // the largest below 2^-14
        "387fffff, 0000",
        "38800000, 0400", // 2^-14
        "b8800000, 8400",
        "3f801fff, 3c00", // nearly the half after 1
        "3f7ff000, 3bff", // half-way between the half before 1, and 1
        "477fdfff, 7bfe",
        "477fffff, 7bff", // nearly 65,536
        "47800000, 7c00",
        "4787e000, 7c00",
        "80000000, 0000", // -0
        "ff800000, fc00",
        "7f800001, 7fff", // NaNs
        "ff800001, ffff",
        "ffc00000, ffff",
    })
    void halvesAreRoundedAsGodotDoes(String floatBits, String halfBits) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setBigEndian(true);
        stream.putHalf(Float.intBitsToFloat(HexFormat.fromHexDigits(floatBits)));
        assertThat(HEX.formatHex(stream.getDataArray())).isEqualTo(halfBits);
    }

    /** The engine does read the halves that it would not write. */
    @ParameterizedTest
    @CsvSource({
        "0001, 0x1p-24",
        "03ff, 0x1.ff8p-15",
        "83ff, -0x1.ff8p-15",
        "8000, -0.0",
        "fc00, -Infinity",
        "7e01, NaN",
    })
    void smallHalvesAreRead(String halfBits, Float value) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setBigEndian(true);
        stream.setDataArray(HEX.parseHex(halfBits));
        assertThat(stream.getHalf()).isEqualTo(value);
    }

    /**
     * Bytes that get_string read in the engine, its text (as UTF-16) and where its position was
     * afterwards. Where that is beyond the data's first value, the rest of the value was dropped.
     */
    @ParameterizedTest
    @CsvSource({
        "05000000610062c3bc, 0061, 9", // ends at the NUL
        "0400000061ff8041, 006100ff00800041, 8", // Latin-1
        "0300000020ac7f, 002000ac007f, 7",
        "00000000ff, '', 4",
        "00000080616263, '', 4", // a length of 2^31: refused before it is read
        "ffffffff616263, '', 4",
        "0500000061, '', 5", // short text, short length, nothing
        "0400, '', 2",
        "'', '', 0",
    })
    void getStringReadsWhatGodotReads(String bytes, String text, int position) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setDataArray(HEX.parseHex(bytes));
        assertThat(stream.getString()).isEqualTo(utf16(text));
        assertThat(stream.getPosition()).isEqualTo(position);

        // UTF-8 takes the same bytes from the stream, whatever it makes of them.
        stream.seek(0);
        stream.getUtf8String();
        assertThat(stream.getPosition()).isEqualTo(position);
    }

    /** Without a length on the wire; U+FFFD stands for what the engine replaced. */
    @ParameterizedTest
    @CsvSource({
        "61f0, 0061fffd",
        "fffe61, fffdfffd0061",
        "c0af, fffdfffd",
        "f0908041, fffd0041",
        "f09f9880, d83dde00",
    })
    void malformedUtf8IsReplacedAsGodotDoes(String bytes, String text) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setDataArray(HEX.parseHex(bytes));
        assertThat(stream.getUtf8String(bytes.length() / 2)).isEqualTo(utf16(text));
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.OK);
    }

    private static String utf16(String hex) {
        return new String(HEX.parseHex(hex), StandardCharsets.UTF_16BE);
    }
}
