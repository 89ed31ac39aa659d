package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.FloatRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@link StreamPeer}: round trips, failures, hostile lengths, and that puts keep out of each
 * other's way. The bytes themselves are in {@link GodotVectorsTest}.
 */
class StreamPeerTest {
    /** What a carrier sees: each call of putData, with a copy of its bytes. */
    private static class Carrier extends StreamPeer {
        final List<byte[]> puts = new ArrayList<>();
        final StreamPeerBuffer arrived = new StreamPeerBuffer();

        /** What the carrier answers to a put, and to a get of more than has arrived. */
        ErrorCode outcome = ErrorCode.OK;

        /** Runs in the middle of a put, before its bytes are read, as another thread might. */
        Consumer<Carrier> meanwhile = carrier -> {};

        int largestArray;
        int gets;

        @Override
        public ErrorCode putData(byte[] data, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, data.length);
            Consumer<Carrier> once = meanwhile;
            meanwhile = carrier -> {};
            once.accept(this);
            puts.add(Arrays.copyOfRange(data, offset, offset + length));
            return outcome;
        }

        @Override
        public int putPartialData(byte[] data, int offset, int length) {
            return putData(data, offset, length) == ErrorCode.OK ? length : -1;
        }

        @Override
        public ErrorCode getData(byte[] data, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, data.length);
            largestArray = Math.max(largestArray, data.length);
            gets++;
            return arrived.getData(data, offset, length) == ErrorCode.OK ? ErrorCode.OK : outcome;
        }

        @Override
        public int getPartialData(byte[] data, int offset, int length) {
            return arrived.getPartialData(data, offset, length);
        }

        /** As Godot's sockets: nothing is known about what a socket would give. */
        @Override
        public int getAvailableBytes() {
            return -1;
        }
    }

    private static StreamPeerBuffer buffer(boolean bigEndian) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setBigEndian(bigEndian);
        return stream;
    }

    // Godot's own cases (its tests of StreamPeer)

    @Test
    void littleEndianByDefault() {
        assertThat(new StreamPeerBuffer().isBigEndianEnabled()).isFalse();
    }

    @Test
    void godotsRoundTrips() {
        for (boolean bigEndian : new boolean[] {false, true}) {
            StreamPeerBuffer stream = buffer(bigEndian);
            stream.put8(42);
            stream.putU8(42);
            stream.put16(42);
            stream.putU16(42);
            stream.put32(42);
            stream.putU32(42);
            stream.put64(42);
            stream.putU64(42);
            stream.putHalf(3.1415927f);
            stream.putFloat(42);
            stream.putDouble(42);
            stream.putString("Hello, World!");
            stream.putUtf8String("Hello✩, World✩!");
            stream.seek(0);
            assertThat(stream.get8()).isEqualTo((byte) 42);
            assertThat(stream.getU8()).isEqualTo(42);
            assertThat(stream.get16()).isEqualTo((short) 42);
            assertThat(stream.getU16()).isEqualTo(42);
            assertThat(stream.get32()).isEqualTo(42);
            assertThat(stream.getU32()).isEqualTo(42);
            assertThat(stream.get64()).isEqualTo(42);
            assertThat(stream.getU64()).isEqualTo(42);
            assertThat(stream.getHalf()).isEqualTo(3.140625f);
            assertThat(stream.getFloat()).isEqualTo(42);
            assertThat(stream.getDouble()).isEqualTo(42);
            assertThat(stream.getString()).isEqualTo("Hello, World!");
            assertThat(stream.getUtf8String()).isEqualTo("Hello✩, World✩!");
            assertThat(stream.getAvailableBytes()).isZero();
            assertThat(stream.lastResult()).isEqualTo(ErrorCode.OK);
        }
    }

    /** Of Godot's tests of its marshalls; its C string is one of a PackedStringArray here. */
    @Test
    void godotsPrimitives() {
        StreamPeerBuffer stream = buffer(false);
        stream.putU16(0x1234);
        stream.putU32(0x12345678);
        stream.putU64(0xf123456789abcdefL);
        stream.putHalf(0.33325195f);
        stream.putFloat(0.15625f);
        stream.putDouble(1.0 / 3);
        stream.putVar(Variant.PackedStringArray.of("Godot"));
        assertThat(HexFormat.of().formatHex(stream.getDataArray()))
                .isEqualTo(
                        "3412"
                                + "78563412"
                                + "efcdab89674523f1"
                                + "5535"
                                + "0000203e"
                                + "555555555555d53f"
                                + "14000000 22000000 01000000 06000000 476f646f740000 00"
                                        .replace(" ", ""));
        stream.seek(0);
        assertThat(stream.getU16()).isEqualTo(0x1234);
        assertThat(stream.getU32()).isEqualTo(0x12345678);
        assertThat(stream.getU64()).isEqualTo(0xf123456789abcdefL);
        assertThat(stream.getHalf()).isEqualTo(0.33325195f);
        assertThat(stream.getFloat()).isEqualTo(0.15625f);
        assertThat(stream.getDouble()).isEqualTo(1.0 / 3);
        assertThat(stream.getVar()).isEqualTo(Variant.PackedStringArray.of("Godot"));
    }

    @Test
    void stringsOfAnEmptyStreamAreEmpty() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThat(stream.getString()).isEmpty();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getUtf8String()).isEmpty();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_PARAMETER);
    }

    // Round trips

    @Property
    void integers(@ForAll boolean bigEndian, @ForAll long value) {
        StreamPeerBuffer stream = buffer(bigEndian);
        stream.put8((int) value);
        stream.putU8((int) value);
        stream.put16((int) value);
        stream.putU16((int) value);
        stream.put32((int) value);
        stream.putU32(value);
        stream.put64(value);
        stream.putU64(value);
        assertThat(stream.getSize()).isEqualTo(30);
        stream.seek(0);
        assertThat(stream.get8()).isEqualTo((byte) value);
        assertThat(stream.getU8()).isEqualTo((int) (value & 0xff));
        assertThat(stream.get16()).isEqualTo((short) value);
        assertThat(stream.getU16()).isEqualTo((int) (value & 0xffff));
        assertThat(stream.get32()).isEqualTo((int) value);
        assertThat(stream.getU32()).isEqualTo(value & 0xffff_ffffL);
        assertThat(stream.get64()).isEqualTo(value);
        assertThat(stream.getU64()).isEqualTo(value);
    }

    /** By their bits, so that NaN payloads and both zeros count. */
    @Property
    void floats(@ForAll boolean bigEndian, @ForAll int bits, @ForAll long moreBits) {
        StreamPeerBuffer stream = buffer(bigEndian);
        stream.putFloat(Float.intBitsToFloat(bits));
        stream.putDouble(Double.longBitsToDouble(moreBits));
        stream.seek(0);
        assertThat(Float.floatToRawIntBits(stream.getFloat())).isEqualTo(bits);
        assertThat(Double.doubleToRawLongBits(stream.getDouble())).isEqualTo(moreBits);
    }

    /** All of them: what Godot can write comes back, what it cannot is zero. */
    @Test
    void halves() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            boolean bigEndian = bits % 2 == 1;
            StreamPeerBuffer stream = buffer(bigEndian);
            stream.put16(bits);
            stream.seek(0);
            float value = stream.getHalf();
            stream.clear();
            stream.putHalf(value);
            stream.seek(0);
            boolean zero = (bits & 0x7c00) == 0;
            boolean nan = (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0;
            assertThat(stream.getU16()).isEqualTo(zero ? 0 : nan ? bits | 0x7fff : bits);
        }
    }

    /** The half is not beyond the number, and the next one is. */
    @Property
    void halvesAreRoundedTowardsZero(@ForAll @FloatRange(min = -70_000, max = 70_000) float value) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.putHalf(value);
        stream.seek(0);
        int bits = stream.getU16();
        float half = Float.float16ToFloat((short) bits);
        float next = Float.float16ToFloat((short) (bits + 1));
        if (Math.abs(value) < 0x1p-14f) {
            assertThat(bits).isZero();
        } else if (Math.abs(value) < 65_536) {
            assertThat(Math.signum(half)).isEqualTo(Math.signum(value));
            assertThat(Math.abs(half)).isLessThanOrEqualTo(Math.abs(value));
            assertThat(Math.abs(next)).isGreaterThan(Math.abs(value));
        } else {
            assertThat(half).isEqualTo(value < 0 ? Float.NEGATIVE_INFINITY : 1 / 0f);
        }
    }

    /** Every kind of code point, NUL and U+FEFF too: they are not lost between two of us. */
    @Provide
    Arbitrary<String> texts() {
        return Arbitraries.oneOf(
                        Arbitraries.integers().between(0, 0x7f),
                        Arbitraries.integers().between(0x80, 0xd7ff),
                        Arbitraries.integers().between(0xe000, 0x10ffff))
                .list()
                .ofMaxSize(60)
                .map(codePoints ->
                        codePoints.stream().map(Character::toString).collect(Collectors.joining()));
    }

    @Property
    void utf8Strings(@ForAll boolean bigEndian, @ForAll("texts") String text) {
        StreamPeerBuffer stream = buffer(bigEndian);
        stream.putUtf8String(text);
        stream.put8(1);
        stream.seek(0);
        assertThat(stream.getUtf8String()).isEqualTo(text);
        assertThat(stream.getAvailableBytes()).isEqualTo(1);
    }

    /** ASCII to the first NUL comes back, the rest is one space a code point. */
    @Property
    void strings(@ForAll boolean bigEndian, @ForAll("texts") String text) {
        StreamPeerBuffer stream = buffer(bigEndian);
        stream.putString(text);
        stream.put8(1);
        int codePoints = (int) text.codePoints().count();
        assertThat(stream.getSize()).isEqualTo(4 + codePoints + 1);
        stream.seek(0);
        String expected = text.replaceAll("\\P{ASCII}", " ").replaceAll("(?s)\0.*", "");
        assertThat(stream.getString()).isEqualTo(expected);
        assertThat(stream.getAvailableBytes()).isEqualTo(1);
        // The same again with the length given by the caller.
        stream.seek(4);
        assertThat(stream.getString(codePoints)).isEqualTo(expected);
    }

    @Test
    void stringsOfGivenLength() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setDataArray("ABé".getBytes(StandardCharsets.UTF_8));
        assertThat(stream.getString(0)).isEmpty();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.OK);
        assertThat(stream.getString(2)).isEqualTo("AB");
        assertThat(stream.getUtf8String(2)).isEqualTo("é");
        // Any negative number asks for a length on the wire, as in Godot.
        stream.setDataArray(new byte[] {1, 0, 0, 0, 'A'});
        assertThat(stream.getString(-5)).isEqualTo("A");
    }

    // Surrogates without a partner

    @ParameterizedTest
    @MethodSource("brokenTexts")
    void utf8RefusesUnpairedSurrogates(String text, int index) {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> stream.putUtf8String(text))
                .withMessageContaining("index " + index);
        assertThat(stream.getSize()).isZero();
        // To ASCII they are one more thing that it does not have.
        stream.putString(text);
        stream.seek(0);
        assertThat(stream.getString()).hasSize((int) text.codePoints().count()).contains(" ");
    }

    static Stream<Arguments> brokenTexts() {
        return Stream.of(
                Arguments.of("\ud83d", 0),
                Arguments.of("\ude00", 0),
                Arguments.of("ab\ud83d", 2),
                Arguments.of("\ud83dab", 0),
                Arguments.of("\ud83d\ud83d\ude00", 0),
                Arguments.of("\ud83d\ude00\ude00", 2));
    }

    // Puts: one call, one array, one outcome

    static Stream<BiFunction<StreamPeer, Integer, ErrorCode>> puts() {
        return Stream.of(
                StreamPeer::put8,
                StreamPeer::putU8,
                StreamPeer::put16,
                StreamPeer::putU16,
                StreamPeer::put32,
                (stream, value) -> stream.putU32(value),
                (stream, value) -> stream.put64(value),
                (stream, value) -> stream.putU64(value),
                (stream, value) -> stream.putHalf(value),
                (stream, value) -> stream.putFloat(value),
                (stream, value) -> stream.putDouble(value),
                (stream, value) -> stream.putString("text " + value),
                (stream, value) -> stream.putUtf8String("täxt " + value));
    }

    /**
     * While a put is on its way to the carrier, other threads put and the receiving thread gets.
     * Here they do so at the worst moment, each time: with any array shared between them, the bytes
     * of the first put change under the carrier.
     */
    @ParameterizedTest
    @MethodSource("puts")
    void aPutIsOneCallThatNothingElseTouches(BiFunction<StreamPeer, Integer, ErrorCode> put) {
        StreamPeerBuffer alone = new StreamPeerBuffer();
        assertThat(put.apply(alone, 17)).isEqualTo(ErrorCode.OK);

        Carrier carrier = new Carrier();
        carrier.arrived.setDataArray(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1});
        carrier.meanwhile =
                c -> {
                    assertThat(put.apply(c, 99)).isEqualTo(ErrorCode.OK);
                    c.get64();
                };
        assertThat(put.apply(carrier, 17)).isEqualTo(ErrorCode.OK);
        assertThat(carrier.puts).hasSize(2);
        assertThat(carrier.puts.get(1)).isEqualTo(alone.getDataArray());
        assertThat(carrier.puts.get(0)).isNotEqualTo(alone.getDataArray());
    }

    @ParameterizedTest
    @MethodSource("puts")
    void aPutReturnsItsOutcomeAndLeavesThatOfTheGets(
            BiFunction<StreamPeer, Integer, ErrorCode> put) {
        Carrier carrier = new Carrier();
        carrier.outcome = ErrorCode.OUT_OF_MEMORY;
        assertThat(put.apply(carrier, 1)).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(carrier.lastResult()).isEqualTo(ErrorCode.OK);
    }

    // Gets that fail

    static Stream<Arguments> gets() {
        return Stream.of(
                get(1, StreamPeer::get8, (byte) 0),
                get(1, StreamPeer::getU8, 0),
                get(2, StreamPeer::get16, (short) 0),
                get(2, StreamPeer::getU16, 0),
                get(4, StreamPeer::get32, 0),
                get(4, StreamPeer::getU32, 0L),
                get(8, StreamPeer::get64, 0L),
                get(8, StreamPeer::getU64, 0L),
                get(2, StreamPeer::getHalf, 0f),
                get(4, StreamPeer::getFloat, 0f),
                get(8, StreamPeer::getDouble, 0d),
                get(4, StreamPeer::getString, ""), // short lengths
                get(4, StreamPeer::getUtf8String, ""),
                get(5, stream -> stream.getString(5), ""), // short texts
                get(5, stream -> stream.getUtf8String(5), ""));
    }

    private static Arguments get(int bytes, Function<StreamPeer, Object> get, Object nothing) {
        return Arguments.of(bytes, get, nothing);
    }

    @ParameterizedTest
    @MethodSource("gets")
    void aGetThatFailsIsNothingAndTellsWhy(
            int bytes, Function<StreamPeer, Object> get, Object nothing) {
        for (int there = 0; there < bytes; there++) {
            Carrier carrier = new Carrier();
            carrier.outcome = ErrorCode.FILE_EOF;
            // A success before it, so that the array and the outcome of that one are still around.
            carrier.arrived.put64(-1);
            byte[] some = new byte[there];
            Arrays.fill(some, (byte) 1);
            carrier.arrived.putData(some);
            carrier.arrived.seek(0);
            assertThat(carrier.get64()).isEqualTo(-1);
            assertThat(carrier.lastResult()).isEqualTo(ErrorCode.OK);

            assertThat(get.apply(carrier)).isEqualTo(nothing);
            assertThat(carrier.lastResult()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(carrier.arrived.getAvailableBytes()).isZero();
        }
    }

    @Test
    void theNextGetForgetsTheFailure() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThat(stream.get32()).isZero();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_PARAMETER);
        stream.put32(7);
        stream.seek(0);
        assertThat(stream.get32()).isEqualTo(7);
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.OK);
    }

    // Lengths that lie

    static Stream<Function<StreamPeer, String>> stringGets() {
        return Stream.of(StreamPeer::getString, StreamPeer::getUtf8String);
    }

    @ParameterizedTest
    @MethodSource("stringGets")
    void aLengthBeyondTheLimitIsRefusedUnread(Function<StreamPeer, String> get) {
        assertThat(new StreamPeerBuffer().maxValueBytes()).isEqualTo(8 << 20);
        for (int length : new int[] {Integer.MIN_VALUE, -1, (8 << 20) + 1, Integer.MAX_VALUE}) {
            Carrier carrier = new Carrier();
            carrier.arrived.put32(length);
            carrier.arrived.putData(new byte[16]);
            carrier.arrived.seek(0);
            assertThat(get.apply(carrier)).isEmpty();
            assertThat(carrier.lastResult()).isEqualTo(ErrorCode.INVALID_DATA);
            assertThat(carrier.arrived.getPosition()).isEqualTo(4);
            assertThat(carrier.gets).isEqualTo(1); // only that of the length
        }
    }

    @Test
    void theLimitHoldsForLengthsOfTheCallerToo() {
        // "stream.getString(stream.get32())" is as common, and as hostile.
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.limitValueBytes(3);
        assertThat(stream.maxValueBytes()).isEqualTo(3);
        stream.setDataArray(new byte[] {'a', 'b', 'c', 'd'});
        assertThat(stream.getString(4)).isEmpty();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(stream.getUtf8String(3)).isEqualTo("abc");
        stream.limitValueBytes(0);
        assertThat(stream.getString(1)).isEmpty();
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThatIllegalArgumentException().isThrownBy(() -> stream.limitValueBytes(-1));
        assertThat(stream.maxValueBytes()).isZero();
    }

    @ParameterizedTest
    @MethodSource("stringGets")
    void memoryIsTakenAsTheBytesArrive(Function<StreamPeer, String> get) {
        for (int arriving : new int[] {0, 1, 8_192, 100_000}) {
            Carrier carrier = new Carrier();
            carrier.limitValueBytes(Integer.MAX_VALUE);
            carrier.outcome = ErrorCode.FILE_EOF;
            carrier.arrived.put32(Integer.MAX_VALUE);
            carrier.arrived.putData(new byte[arriving]);
            carrier.arrived.seek(0);
            assertThat(get.apply(carrier)).isEmpty();
            assertThat(carrier.lastResult()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(carrier.largestArray).isLessThanOrEqualTo(Math.max(8_192, 2 * arriving));
        }
    }

    /** Around the sizes at which the array grows: nothing is lost, doubled or left over. */
    @Test
    @Tag("slow")
    void longStringsArriveWhole() {
        for (int size : new int[] {8_191, 8_192, 8_193, 16_384, 16_385, 24_577, 100_000, 8 << 20}) {
            String text =
                    IntStream.range(0, size)
                            .mapToObj(i -> Character.toString(' ' + i % 89))
                            .collect(Collectors.joining());
            Carrier carrier = new Carrier();
            carrier.arrived.putUtf8String(text);
            carrier.arrived.put8(1);
            carrier.arrived.seek(0);
            assertThat(carrier.getUtf8String()).isEqualTo(text);
            assertThat(carrier.largestArray).isEqualTo(size);
            assertThat(carrier.arrived.getAvailableBytes()).isEqualTo(1);
        }
    }

    @Test
    void whatIsThereAlreadyIsReadAtOnce() {
        Carrier carrier =
                new Carrier() {
                    @Override
                    public int getAvailableBytes() {
                        return arrived.getAvailableBytes();
                    }
                };
        carrier.arrived.putString("x".repeat(100_000));
        carrier.arrived.seek(0);
        assertThat(carrier.getString()).hasSize(100_000);
        assertThat(carrier.gets).isEqualTo(2);
    }

    // Whole arrays

    @Test
    void wholeArraysAreTheirRanges() {
        Carrier carrier = new Carrier();
        assertThat(carrier.putData(new byte[] {1, 2})).isEqualTo(ErrorCode.OK);
        assertThat(carrier.putPartialData(new byte[] {3})).isEqualTo(1);
        assertThat(carrier.puts).containsExactly(new byte[] {1, 2}, new byte[] {3});
        carrier.arrived.setDataArray(new byte[] {4, 5, 6});
        byte[] two = new byte[2];
        assertThat(carrier.getData(two)).isEqualTo(ErrorCode.OK);
        assertThat(two).containsExactly(4, 5);
        assertThat(carrier.getPartialData(two)).isEqualTo(1);
        assertThat(two).containsExactly(6, 5);
        // They are not typed gets.
        assertThat(carrier.getData(two)).isEqualTo(carrier.outcome);
        assertThat(carrier.lastResult()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void theProgrammersMistakesAreExceptions() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        byte[] four = new byte[4];
        for (int[] range : new int[][] {{-1, 1}, {0, 5}, {4, 1}, {2, -1}, {1, Integer.MAX_VALUE}}) {
            for (BiFunction<Integer, Integer, Object> call :
                    List.<BiFunction<Integer, Integer, Object>>of(
                            (offset, length) -> stream.putData(four, offset, length),
                            (offset, length) -> stream.putPartialData(four, offset, length),
                            (offset, length) -> stream.getData(four, offset, length),
                            (offset, length) -> stream.getPartialData(four, offset, length))) {
                assertThatExceptionOfType(IndexOutOfBoundsException.class)
                        .isThrownBy(() -> call.apply(range[0], range[1]));
            }
        }
        assertThatNullPointerException().isThrownBy(() -> stream.putData(null));
        assertThatNullPointerException().isThrownBy(() -> stream.getData(null));
        assertThatNullPointerException().isThrownBy(() -> stream.putString(null));
        assertThatNullPointerException().isThrownBy(() -> stream.putUtf8String(null));
        assertThat(stream.getSize()).isZero();
    }

    // Values

    /** Godot's own case; the length is in the stream's byte order, the value never. */
    @Test
    void valuesInBothByteOrders() throws VariantException {
        Variant value = Variant.of(List.of("Hello, World!", 42));
        for (boolean bigEndian : new boolean[] {false, true}) {
            StreamPeerBuffer stream = buffer(bigEndian);
            assertThat(stream.putVar(value)).isEqualTo(ErrorCode.OK);
            stream.seek(0);
            byte[] bytes = new byte[stream.get32()];
            stream.getData(bytes);
            assertThat(VariantCodec.GODOT4.decode(bytes)).isEqualTo(value);
            assertThat(stream.getAvailableBytes()).isZero();
            stream.seek(0);
            assertThat(stream.getVar()).isEqualTo(value);
            assertThat(stream.lastResult()).isEqualTo(ErrorCode.OK);
        }
    }

    /** The length and the value are one put. */
    @Test
    void aValueIsPutInOneCall() {
        var carrier = new Carrier();
        carrier.putVar(Variant.of(1));
        assertThat(carrier.puts).hasSize(1);
        assertThat(carrier.puts.get(0)).containsExactly(8, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0);
    }

    @Test
    void theCodecSaysWhoseValuesTheyAre() {
        var carrier = new Carrier();
        assertThat(carrier.getVariantCodec()).isEqualTo(VariantCodec.GODOT4);
        carrier.setVariantCodec(VariantCodec.GODOT3);
        Variant bytes = Variant.of(new byte[4]);
        carrier.putVar(bytes);
        assertThat(carrier.puts.get(0)).startsWith(12, 0, 0, 0, 20, 0, 0, 0);
        assertThat(carrier.putVar(new Variant.Vector2i(1, 2)))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(carrier.puts).hasSize(1);
        carrier.arrived.setDataArray(carrier.puts.get(0));
        assertThat(carrier.getVar()).isEqualTo(bytes);
        assertThatThrownBy(() -> carrier.setVariantCodec(null))
                .isInstanceOf(NullPointerException.class);
    }

    @Test
    void fullObjectsOnlyWhenBothSidesAsk() {
        StreamPeerBuffer stream = buffer(false);
        Variant object = new Variant.FullObject("Node", Map.of("name", Variant.of("x")));
        assertThat(stream.putVar(object)).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(stream.getSize()).isZero();
        for (int i = 0; i < 3; i++) {
            assertThat(stream.putVar(object, true)).isEqualTo(ErrorCode.OK);
        }
        stream.put8(7);
        stream.seek(0);
        assertThat(stream.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(stream.getVar(true)).isEqualTo(object);
        stream.setVariantCodec(VariantCodec.GODOT4.withFullObjects(true));
        assertThat(stream.getVar()).isEqualTo(object);
        assertThat(stream.get8()).as("the stream goes on").isEqualTo((byte) 7);
    }

    /** Lengths as they come, and what becomes of them; the limit is that of strings. */
    @ParameterizedTest
    @CsvSource({
        "'', INVALID_PARAMETER", // the buffer's answer to nothing
        "00000000, INVALID_DATA",
        "04000000ff000000, INVALID_DATA",
        "0400000004000000, INVALID_DATA",
        "080000000400000005000000, FILE_EOF",
        "0800000000000000, INVALID_PARAMETER",
        "ffffffff00000000, INVALID_DATA",
        "0000008000000000, INVALID_DATA",
        "ffffff7f00000000, INVALID_DATA",
        "0100800000000000, INVALID_DATA", // one byte over 8 MiB
    })
    void valuesThatAreNone(String hex, ErrorCode result) {
        StreamPeerBuffer stream = buffer(false);
        stream.setDataArray(HexFormat.of().parseHex(hex));
        assertThat(stream.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(stream.lastResult()).isEqualTo(result);
    }

    @Test
    void theLimitOfTheCodecCountsToo() {
        StreamPeerBuffer stream = buffer(false);
        stream.setVariantCodec(VariantCodec.GODOT4.withMaxBytes(16));
        assertThat(stream.putVar(Variant.of("12345678"))).isEqualTo(ErrorCode.OK);
        assertThat(stream.putVar(Variant.of("123456789"))).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        stream.limitValueBytes(15);
        stream.seek(0);
        assertThat(stream.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(stream.lastResult()).isEqualTo(ErrorCode.INVALID_DATA);
        stream.limitValueBytes(16);
        stream.seek(0);
        assertThat(stream.getVar()).isEqualTo(Variant.of("12345678"));
    }
}
