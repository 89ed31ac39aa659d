package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * A strict check of UTF-8 that comes in pieces (RFC 3629; RFC 6455 section 8.1). It refuses
 * overlong forms, surrogates and what lies beyond U+10FFFF, at the very byte after which no valid
 * text can follow.
 */
public final class Utf8 {
    /** Between two characters: where a text begins, and where it may end. */
    public static final int ACCEPT = 0;

    /** Not UTF-8, whatever follows. */
    public static final int REJECT = -1;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /** The bit that no byte of ASCII has, in each of eight bytes. */
    private static final long HIGH = 0x8080_8080_8080_8080L;

    private Utf8() {}

    /**
     * Goes on checking.
     *
     * @param state what the call for the bytes before these returned, {@link #ACCEPT} for the first
     * @param data holds the bytes
     * @param from the index of the first byte
     * @param to the index after the last byte
     * @return {@link #ACCEPT} between characters, {@link #REJECT} if the text is not UTF-8, and
     *     another number inside a character, which only a later call understands
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public static int check(int state, byte[] data, int from, int to) {
        Objects.checkFromToIndex(from, to, data.length);
        int at = from;
        int next = state;
        while (next > ACCEPT && at < to) { // the rest of a character that was cut
            next = step(next, data[at++] & 0xFF);
        }
        if (next != ACCEPT) {
            return next;
        }
        while (at <= to - Long.BYTES) {
            long high = (long) LONGS.get(data, at) & HIGH;
            if (high == 0) {
                at = skipAscii(data, at + Long.BYTES, to);
                continue;
            }
            at += Long.numberOfTrailingZeros(high) >>> 3;
            while (at <= to - Integer.BYTES && data[at] < 0) {
                int width = widthOf((int) INTS.get(data, at));
                if (width == 0) {
                    return REJECT;
                }
                at += width;
            }
        }
        while (at < to && next != REJECT) {
            next = step(next, data[at++] & 0xFF);
        }
        return next;
    }

    /** Passes ASCII in strides of 32 bytes. What it leaves need not begin with another byte. */
    private static int skipAscii(byte[] data, int from, int to) {
        int at = from;
        for (; at <= to - 4 * Long.BYTES; at += 4 * Long.BYTES) {
            long four =
                    (long) LONGS.get(data, at)
                            | (long) LONGS.get(data, at + Long.BYTES)
                            | (long) LONGS.get(data, at + 2 * Long.BYTES)
                            | (long) LONGS.get(data, at + 3 * Long.BYTES);
            if ((four & HIGH) != 0) {
                break;
            }
        }
        return at;
    }

    /**
     * How many bytes the character beyond ASCII takes that these four little-endian bytes begin
     * with; 0 if they begin with none.
     */
    private static int widthOf(int bytes) {
        if ((bytes & 0xC0E0) == 0x80C0) {
            return (bytes & 0x1E) != 0 ? 2 : 0; // C0 and C1 would be overlong
        }
        if ((bytes & 0xC0C0F0) == 0x8080E0) {
            int top = bytes & 0x200F; // 0: overlong. D with bit 5 of the next: a surrogate
            return top != 0 && top != 0x200D ? 3 : 0;
        }
        if ((bytes & 0xC0C0C0F8) == 0x808080F0) {
            int plane = (bytes & 0x07) << 2 | (bytes >>> 12 & 0x03); // U+10000 is 1 << 16
            return plane >= 1 && plane <= 16 ? 4 : 0;
        }
        return 0;
    }

    /**
     * One byte further. A state inside a character holds, from the lowest byte on: how many bytes
     * are missing, the least and the greatest value that the next one may have.
     */
    private static int step(int state, int octet) {
        if (state == ACCEPT) {
            return begin(octet);
        }
        int missing = state & 0xFF;
        if (octet < (state >>> 8 & 0xFF) || octet > state >>> 16) {
            return REJECT;
        }
        return missing == 1 ? ACCEPT : inside(missing - 1, 0x80, 0xBF);
    }

    /** The state after the first byte of a character: the table of RFC 3629 section 4. */
    private static int begin(int octet) {
        if (octet < 0x80) {
            return ACCEPT;
        }
        if (octet < 0xC2 || octet > 0xF4) {
            return REJECT;
        }
        if (octet < 0xE0) {
            return inside(1, 0x80, 0xBF);
        }
        if (octet < 0xF0) {
            return inside(2, octet == 0xE0 ? 0xA0 : 0x80, octet == 0xED ? 0x9F : 0xBF);
        }
        return inside(3, octet == 0xF0 ? 0x90 : 0x80, octet == 0xF4 ? 0x8F : 0xBF);
    }

    private static int inside(int missing, int least, int greatest) {
        return greatest << 16 | least << 8 | missing;
    }

    /**
     * Encodes text strictly: where {@link String#getBytes} would put a question mark and say
     * nothing, it fails.
     *
     * @param text any text
     * @return its bytes
     * @throws IllegalArgumentException if the text has an unpaired surrogate, which UTF-8 cannot
     *     express; the message names its index
     */
    public static byte[] encode(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        if (mayHaveReplaced(text, utf8) && !new String(utf8, StandardCharsets.UTF_8).equals(text)) {
            for (int i = 0; ; i += Character.charCount(text.codePointAt(i))) {
                int character = text.codePointAt(i);
                if (character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE) {
                    throw new IllegalArgumentException("unpaired surrogate at index " + i);
                }
            }
        }
        return utf8;
    }

    /**
     * Whether the encoding may have put a question mark for a surrogate. A string of Latin-1 is a
     * copy of its bytes, and its methods are vectorised.
     */
    private static boolean mayHaveReplaced(String text, byte[] utf8) {
        var bytes = new String(utf8, StandardCharsets.ISO_8859_1);
        return bytes.length() == text.length() ? !bytes.equals(text) : bytes.indexOf('?') >= 0;
    }
}
