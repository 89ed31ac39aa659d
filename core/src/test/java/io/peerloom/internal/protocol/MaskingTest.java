package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.hex;
import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** RFC 6455 section 5.3, Client-to-Server Masking, and where its keys come from. */
class MaskingTest {
    /** The masked "Hello" of section 5.7. */
    @Example
    void theExampleOfTheRfc() {
        byte[] data = utf8("Hello");

        Masking.apply(data, 0, 5, 0x3d21fa37, 0);

        assertThat(data).isEqualTo(hex("7f 9f 4d 51 58"));
    }

    /** Every length over all vector widths and tails, at every alignment. */
    @Example
    void everyLengthAndOffsetAgreesWithTheRfcsFormula() {
        for (int length = 0; length <= 140; length++) {
            for (int offset = 0; offset <= 8; offset++) {
                check(new byte[length + 17], offset, length, 0x89abcdef, length & 3);
            }
        }
    }

    @Property
    void anyRangeAgreesWithTheRfcsFormula(
            @ForAll @Size(max = 5_000) byte[] data,
            @ForAll int key,
            @ForAll @IntRange(max = 3) int phase,
            @ForAll @IntRange(max = 5_000) int from,
            @ForAll @IntRange(max = 5_000) int to) {
        int a = Math.min(from, data.length);
        int b = Math.min(to, data.length);
        check(data, Math.min(a, b), Math.abs(a - b), key, phase);
    }

    private static void check(byte[] data, int offset, int length, int key, int phase) {
        byte[] inPlace = data.clone();
        Masking.apply(inPlace, offset, length, key, phase);
        assertThat(inPlace).isEqualTo(formula(data, offset, length, key, phase));

        byte[] twice = inPlace.clone();
        Masking.apply(twice, offset, length, key, phase);
        assertThat(twice).isEqualTo(data);

        byte[] source = data.clone();
        byte[] copy = new byte[length + 11];
        Masking.copy(source, offset, copy, 5, length, key, phase);
        assertThat(source).isEqualTo(data);
        assertThat(ByteBuffer.wrap(copy, 5, length))
                .isEqualTo(ByteBuffer.wrap(inPlace, offset, length));
        assertThat(ByteBuffer.wrap(copy, 0, 5)).isEqualTo(ByteBuffer.allocate(5));
        assertThat(ByteBuffer.wrap(copy, 5 + length, 6)).isEqualTo(ByteBuffer.allocate(6));
    }

    /** Transformed octet i is original octet i XOR key octet i modulo 4. */
    private static byte[] formula(byte[] data, int offset, int length, int key, int phase) {
        byte[] octets = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(key).array();
        byte[] result = data.clone();
        for (int i = 0; i < length; i++) {
            result[offset + i] ^= octets[(phase + i) % 4];
        }
        return result;
    }

    /** What arrives in pieces is unmasked in pieces: the phase carries over. */
    @Property
    void aPayloadMayBeCutAnywhere(
            @ForAll @Size(min = 1, max = 300) byte[] data,
            @ForAll int key,
            @ForAll @IntRange(max = 300) int cut) {
        byte[] whole = data.clone();
        Masking.apply(whole, 0, whole.length, key, 0);
        int middle = cut % data.length;
        byte[] parts = data.clone();

        Masking.apply(parts, 0, middle, key, 0);
        Masking.apply(parts, middle, data.length - middle, key, middle & 3);

        assertThat(parts).isEqualTo(whole);
    }

    @Example
    void aRangeBeyondTheArrayIsRefusedAndNothingChanged() {
        byte[] data = new byte[20];
        for (int length : new int[] {3, 20, Integer.MAX_VALUE, -1}) {
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> Masking.apply(data, 18, length, -1, 0));
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> Masking.copy(data, 18, new byte[99], 0, length, -1, 0));
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> Masking.copy(new byte[99], 0, data, 18, length, -1, 0));
        }
        assertThat(data).containsOnly(0);
    }

    /** RFC 8439 section 2.3.2. */
    @Example
    void theBlockFunctionIsChaCha20() {
        ByteBuffer input =
                ByteBuffer.wrap(
                                hex(
                                        "657870616e642033322d62797465206b"
                                                + "000102030405060708090a0b0c0d0e0f"
                                                + "101112131415161718191a1b1c1d1e1f"
                                                + "01000000000000090000004a00000000"))
                        .order(ByteOrder.LITTLE_ENDIAN);
        int[] state = new int[16];
        input.asIntBuffer().get(state);
        int[] before = state.clone();
        int[] block = new int[16];

        MaskKeys.chacha20(state, block);

        ByteBuffer output = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        output.asIntBuffer().put(block);
        assertThat(output.array())
                .isEqualTo(
                        hex(
                                "10f1e7e4d13b5915500fdd1fa32071c4"
                                        + "c7d1f4c733c068030422aa9ac3d46c4e"
                                        + "d2826446079faa0914c2d705d98b02a2"
                                        + "b5129cd1de164eb9cbd083e8a2503c4e"));
        assertThat(state).isEqualTo(before);
    }

    /** Section 10.3: no key tells the next, nor the keys of another connection. */
    @Example
    void keysDoNotRepeat() {
        MaskKeys one = new MaskKeys();
        MaskKeys other = new MaskKeys();
        Set<Long> pairs = new HashSet<>();
        int everSet = 0;
        int everClear = 0;
        for (int i = 0; i < 1000; i++) {
            int a = one.next();
            int b = other.next();
            everSet |= a & b;
            everClear |= ~a & ~b;
            pairs.add((long) a << 32 | (b & 0xFFFF_FFFFL));
        }

        // Pairs of 64 bits: by chance two of a thousand meet once in 10^13 runs.
        assertThat(pairs).hasSize(1000);
        assertThat(everSet).as("bits that were set").isEqualTo(-1);
        assertThat(everClear).as("bits that were clear").isEqualTo(-1);
    }
}
