package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * The XOR that clients put over every payload (RFC 6455 section 5.3). Masking and unmasking are the
 * same.
 *
 * <p>A key is the four bytes of the frame as a little-endian number: the byte that comes first on
 * the wire is the lowest. A phase is the place of the first byte in the frame's payload, modulo 4.
 *
 * <p>The loops go over {@code long}s of a byte array, in the plain form that the JIT turns into
 * vector instructions.
 */
public final class Masking {
    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private Masking() {}

    /**
     * Masks or unmasks in place.
     *
     * @param data holds the bytes
     * @param offset where they begin
     * @param length how many they are
     * @param key the four bytes of the key, the first one lowest
     * @param phase where in the payload the first byte stands, modulo 4: 0 to 3
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public static void apply(byte[] data, int offset, int length, int key, int phase) {
        Objects.checkFromIndexSize(offset, length, data.length);
        int mask = Integer.rotateRight(key, phase << 3);
        long wide = widen(mask);
        int end = offset + length;
        int at = offset;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            LONGS.set(data, at, (long) LONGS.get(data, at) ^ wide);
        }
        if (at <= end - Integer.BYTES) {
            INTS.set(data, at, (int) INTS.get(data, at) ^ mask);
            at += Integer.BYTES;
        }
        for (; at < end; at++) {
            data[at] ^= (byte) mask;
            mask >>>= Byte.SIZE;
        }
    }

    /**
     * Masks or unmasks while copying. Touches each byte once, where a copy and {@link #apply} would
     * touch it twice.
     *
     * @param src holds the bytes; not changed
     * @param srcOffset where they begin
     * @param dst takes them; must not be the same range of the same array
     * @param dstOffset where they go
     * @param length how many they are
     * @param key the four bytes of the key, the first one lowest
     * @param phase where in the payload the first byte stands, modulo 4: 0 to 3
     * @throws IndexOutOfBoundsException if a range is not within its array
     */
    public static void copy(
            byte[] src, int srcOffset, byte[] dst, int dstOffset, int length, int key, int phase) {
        Objects.checkFromIndexSize(srcOffset, length, src.length);
        Objects.checkFromIndexSize(dstOffset, length, dst.length);
        int mask = Integer.rotateRight(key, phase << 3);
        long wide = widen(mask);
        int at = 0;
        for (; at <= length - Long.BYTES; at += Long.BYTES) {
            LONGS.set(dst, dstOffset + at, (long) LONGS.get(src, srcOffset + at) ^ wide);
        }
        if (at <= length - Integer.BYTES) {
            INTS.set(dst, dstOffset + at, (int) INTS.get(src, srcOffset + at) ^ mask);
            at += Integer.BYTES;
        }
        for (; at < length; at++) {
            dst[dstOffset + at] = (byte) (src[srcOffset + at] ^ mask);
            mask >>>= Byte.SIZE;
        }
    }

    /** The mask twice, side by side. */
    private static long widen(int mask) {
        return (mask & 0xFFFF_FFFFL) | ((long) mask << Integer.SIZE);
    }
}
