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
        if (length < Long.BYTES) {
            applyShort(data, offset, length, mask);
            return;
        }
        long wide = widen(mask);
        // The last 8 bytes as one, whatever of them the loop changes too.
        int end = offset + length - Long.BYTES;
        long last = (long) LONGS.get(data, end) ^ turn(wide, length);
        for (int at = offset; at < end; at += Long.BYTES) {
            LONGS.set(data, at, (long) LONGS.get(data, at) ^ wide);
        }
        LONGS.set(data, end, last);
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
        if (length < Long.BYTES) {
            System.arraycopy(src, srcOffset, dst, dstOffset, length);
            applyShort(dst, dstOffset, length, mask);
            return;
        }
        long wide = widen(mask);
        int at = 0;
        // Two offsets that differ keep the JIT from turning a plain loop into vectors, since it
        // cannot tell that no store meets a later load. Within one body it can see that.
        for (; at <= length - 4 * Long.BYTES; at += 4 * Long.BYTES) {
            int from = srcOffset + at;
            int to = dstOffset + at;
            long a = (long) LONGS.get(src, from) ^ wide;
            long b = (long) LONGS.get(src, from + Long.BYTES) ^ wide;
            long c = (long) LONGS.get(src, from + 2 * Long.BYTES) ^ wide;
            long d = (long) LONGS.get(src, from + 3 * Long.BYTES) ^ wide;
            LONGS.set(dst, to, a);
            LONGS.set(dst, to + Long.BYTES, b);
            LONGS.set(dst, to + 2 * Long.BYTES, c);
            LONGS.set(dst, to + 3 * Long.BYTES, d);
        }
        for (; at < length - Long.BYTES; at += Long.BYTES) {
            LONGS.set(dst, dstOffset + at, (long) LONGS.get(src, srcOffset + at) ^ wide);
        }
        at = length - Long.BYTES; // the last 8 bytes as one, some of them for the second time
        LONGS.set(dst, dstOffset + at, (long) LONGS.get(src, srcOffset + at) ^ turn(wide, length));
    }

    private static void applyShort(byte[] data, int offset, int length, int mask) {
        int rest = mask;
        int end = offset + length;
        int at = offset;
        if (length >= Integer.BYTES) {
            INTS.set(data, at, (int) INTS.get(data, at) ^ rest);
            at += Integer.BYTES;
        }
        for (; at < end; at++) {
            data[at] ^= (byte) rest;
            rest >>>= Byte.SIZE;
        }
    }

    /** The mask for the 8 bytes that end a range of this length. */
    private static long turn(long wide, int length) {
        return Long.rotateRight(wide, (length & 3) << 3);
    }

    /** The mask twice, side by side. */
    private static long widen(int mask) {
        return (mask & 0xFFFF_FFFFL) | ((long) mask << Integer.SIZE);
    }
}
