package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes frames (RFC 6455 section 5.2) into the caller's array. It allocates nothing and remembers
 * nothing. A client passes {@code masked} and a fresh key of {@link MaskKeys}, a server neither.
 */
public final class FrameEncoder {
    private static final VarHandle SHORTS =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle KEYS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int FIN = 0x80;
    private static final int MASK = 0x80;

    /**
     * Added to the opcode of a frame with the first or only part of a compressed message: the bit
     * RSV1 (RFC 7692 section 6).
     */
    public static final int COMPRESSED = 0x40;

    /** The most that a control frame may carry (RFC 6455 section 5.5). */
    public static final int MAX_CONTROL_PAYLOAD = 125;

    private static final byte[] EMPTY = {};

    private FrameEncoder() {}

    /**
     * The length of a frame's header.
     *
     * @param payloadLength bytes of payload, not negative
     * @param masked whether the header holds a key
     * @return 2 to 14
     */
    public static int headerLength(int payloadLength, boolean masked) {
        int plain = payloadLength <= 125 ? 2 : payloadLength <= 0xFFFF ? 4 : 10;
        return masked ? plain + Integer.BYTES : plain;
    }

    /**
     * The length of a whole frame.
     *
     * @param payloadLength bytes of payload, not negative
     * @param masked whether the header holds a key
     * @return header and payload
     * @throws ArithmeticException if no array can be that long
     */
    public static int frameLength(int payloadLength, boolean masked) {
        return Math.addExact(payloadLength, headerLength(payloadLength, masked));
    }

    /**
     * Writes a frame's header, for a payload that goes another way. A masked payload is the
     * caller's to mask.
     *
     * @param dst takes it
     * @param at where it goes
     * @param fin whether the frame ends its message
     * @param opcode one of {@link Opcode}, perhaps with {@link #COMPRESSED}
     * @param payloadLength bytes of payload, not negative, at most 125 in a control frame
     * @param masked whether the header holds a key
     * @param key the key, the first byte on the wire lowest; ignored if not masked
     * @return the index after the header
     * @throws IllegalArgumentException if a control frame is too long or not final
     * @throws IndexOutOfBoundsException if the array is too short
     */
    public static int putHeader(
            byte[] dst,
            int at,
            boolean fin,
            int opcode,
            int payloadLength,
            boolean masked,
            int key) {
        if ((opcode & Opcode.CLOSE) != 0 && (payloadLength > MAX_CONTROL_PAYLOAD || !fin)) {
            throw new IllegalArgumentException(
                    "control frame of " + payloadLength + " bytes, final: " + fin);
        }
        dst[at] = (byte) (fin ? FIN | opcode : opcode);
        int maskBit = masked ? MASK : 0;
        int next;
        if (payloadLength <= 125) {
            dst[at + 1] = (byte) (maskBit | payloadLength);
            next = at + 2;
        } else if (payloadLength <= 0xFFFF) {
            dst[at + 1] = (byte) (maskBit | 126);
            SHORTS.set(dst, at + 2, (short) payloadLength);
            next = at + 4;
        } else {
            dst[at + 1] = (byte) (maskBit | 127);
            LONGS.set(dst, at + 2, (long) payloadLength);
            next = at + 10;
        }
        if (masked) {
            KEYS.set(dst, next, key);
            next += Integer.BYTES;
        }
        return next;
    }

    /**
     * Writes a whole frame. The payload is masked, where that is asked for, while it is copied.
     *
     * @param dst takes the frame; not the payload's array
     * @param at where it goes
     * @param fin whether the frame ends its message
     * @param opcode one of {@link Opcode}, perhaps with {@link #COMPRESSED}
     * @param payload holds the payload; not changed
     * @param offset where it begins
     * @param length how long it is, at most 125 in a control frame
     * @param masked whether to mask, as clients must and servers must not
     * @param key the key, the first byte on the wire lowest; ignored if not masked
     * @return the index after the frame
     * @throws IllegalArgumentException if a control frame is too long or not final
     * @throws IndexOutOfBoundsException if an array is too short
     */
    public static int encode(
            byte[] dst,
            int at,
            boolean fin,
            int opcode,
            byte[] payload,
            int offset,
            int length,
            boolean masked,
            int key) {
        int body = putHeader(dst, at, fin, opcode, length, masked, key);
        if (masked) {
            Masking.copy(payload, offset, dst, body, length, key, 0);
        } else {
            System.arraycopy(payload, offset, dst, body, length);
        }
        return body + length;
    }

    /**
     * The payload of a close frame (RFC 6455 section 5.5.1).
     *
     * @param code one that is {@linkplain CloseCode#isValidOnWire valid}, or {@link
     *     CloseCode#NO_STATUS} for a close frame without a code
     * @param reason at most 123 bytes in UTF-8; may be empty, and is empty without a code
     * @return the payload, 0 or 2 to 125 bytes
     * @throws IllegalArgumentException if the code may not be sent, or the reason is too long or
     *     not Unicode
     */
    public static byte[] closePayload(int code, String reason) {
        if (code == CloseCode.NO_STATUS) {
            if (!reason.isEmpty()) {
                throw new IllegalArgumentException("close reason without a close code");
            }
            return EMPTY;
        }
        if (!CloseCode.isValidOnWire(code)) {
            throw new IllegalArgumentException("close code " + code + " may not be sent");
        }
        // getBytes would put '?' for a lone surrogate, and nobody would know.
        for (int i = 0; i < reason.length(); i++) {
            int character = reason.codePointAt(i);
            if (character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE) {
                throw new IllegalArgumentException(
                        "close reason has an unpaired surrogate at index " + i);
            }
            i += Character.charCount(character) - 1;
        }
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        if (text.length > MAX_CONTROL_PAYLOAD - Short.BYTES) {
            throw new IllegalArgumentException(
                    "close reason of " + text.length + " bytes in UTF-8, at most 123 fit");
        }
        byte[] payload = new byte[Short.BYTES + text.length];
        SHORTS.set(payload, 0, (short) code);
        System.arraycopy(text, 0, payload, Short.BYTES, text.length);
        return payload;
    }
}
