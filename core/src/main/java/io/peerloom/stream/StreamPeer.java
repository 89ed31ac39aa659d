package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * A stream of bytes with typed values on it: Godot's {@code StreamPeer}.
 *
 * <p>A subclass moves bytes; this class turns values into bytes and back, exactly as Godot 3 and
 * Godot 4 do. Unlike Godot's, every typed put returns an {@link ErrorCode}, and what became of the
 * last typed get is kept in {@link #lastResult()}; Godot loses both. A game may ignore them as it
 * does in Godot.
 *
 * <h2>Threads</h2>
 *
 * A typed put is one call of {@link #putData(byte[], int, int)} with the whole encoded value in an
 * array of its own, and so it may run on any thread for which the subclass allows {@code putData},
 * and two of them never mix their bytes when {@code putData} is atomic. Everything that reads, and
 * {@link #lastResult()} and {@link #limitValueBytes(int)}, belongs to one receiving thread at a
 * time, which need not be one of those that put.
 *
 * <h2>Streams of one's own</h2>
 *
 * A subclass moves bytes, by the five abstract methods and nothing else: what is built on them
 * cannot be overridden, so a value has the same bytes on every stream. {@link StreamPeerTLS} and
 * {@code PacketPeerStream} run over such a stream. Godot: {@code StreamPeerExtension}.
 *
 * <h2>Failures</h2>
 *
 * What the network or the other side can cause is an {@link ErrorCode}, never an exception. A typed
 * get that fails returns 0, the empty string or null; the bytes of the value that had arrived are
 * gone, and the stream is best given up. What only a programmer can cause is an exception: {@link
 * IndexOutOfBoundsException}, {@link NullPointerException}, {@link IllegalArgumentException}.
 */
public abstract class StreamPeer {
    /**
     * The values are always accessed in big-endian order and reversed for little-endian streams: a
     * handle chosen at run time would not be a constant for the compiler.
     */
    private static final VarHandle SHORT =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);

    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    /** The bits of 2^-14, the smallest number that Godot writes as a half. */
    private static final int HALF_MIN_NORMAL = 0x3880_0000;

    /** The low bits of a float's significand for which a half has no room. */
    private static final int HALF_LOST_BITS = 0x1fff;

    /** What {@link #limitValueBytes(int)} starts with: 8 MiB. */
    private static final int DEFAULT_MAX_VALUE_BYTES = 8 << 20;

    /**
     * A value is read in pieces of this size at first: a length alone does not make us allocate.
     */
    private static final int FIRST_CHUNK = 8 << 10;

    /** Written by anyone, read by all that put and by the one that gets. */
    private volatile boolean bigEndian;

    /**
     * Receiving thread only: where the fixed-size getters read to. Putters have their own array.
     */
    private final byte[] scratch = new byte[Long.BYTES];

    /** Receiving thread only. */
    private ErrorCode lastResult = ErrorCode.OK;

    /** Receiving thread only. */
    private int maxValueBytes = DEFAULT_MAX_VALUE_BYTES;

    /** Written by anyone, read by all that put and by the one that gets. */
    private volatile VariantCodec variantCodec = VariantCodec.GODOT4;

    /** For subclasses. The stream is little-endian at first, as Godot's is. */
    protected StreamPeer() {}

    // Bytes

    /**
     * Sends the whole array, as {@link #putData(byte[], int, int)} does.
     *
     * @param data the bytes to send; not kept
     * @return {@link ErrorCode#OK} when all of it was taken
     */
    public final ErrorCode putData(byte[] data) {
        return putData(data, 0, data.length);
    }

    /**
     * Sends all of the given bytes, or says why not: Godot's {@code put_data}. It may block, but
     * only within a bound that the subclass documents. A length of 0 is {@link ErrorCode#OK} and
     * does not touch the stream.
     *
     * <p>For implementers: check the bounds with {@link java.util.Objects#checkFromIndexSize(int,
     * int, int)}; keep no reference to {@code data} after the return; where several threads may
     * put, let no bytes of another call come between those of this one, because each typed put
     * relies on it.
     *
     * @param data the bytes to send; not kept
     * @param offset index of the first one
     * @param length how many
     * @return {@link ErrorCode#OK} when all of them were taken; otherwise some may have been
     * @throws IndexOutOfBoundsException if the range is not inside the array
     */
    public abstract ErrorCode putData(byte[] data, int offset, int length);

    /**
     * Sends what fits now, as {@link #putPartialData(byte[], int, int)} does.
     *
     * @param data the bytes to send; not kept
     * @return how many were taken, from the front; -1 when the stream is not connected any more
     */
    public final int putPartialData(byte[] data) {
        return putPartialData(data, 0, data.length);
    }

    /**
     * Sends as many of the given bytes as the stream takes without blocking: Godot's {@code
     * put_partial_data}, with a number in the manner of {@code java.nio} instead of a pair. A
     * length of 0 gives 0 and does not touch the stream.
     *
     * @param data the bytes to send; not kept
     * @param offset index of the first one
     * @param length how many at most
     * @return how many were taken, from the front, perhaps 0; -1 when the stream is not connected
     *     any more
     * @throws IndexOutOfBoundsException if the range is not inside the array
     */
    public abstract int putPartialData(byte[] data, int offset, int length);

    /**
     * Fills the whole array, as {@link #getData(byte[], int, int)} does.
     *
     * @param data where the bytes go
     * @return {@link ErrorCode#OK} when it was filled
     */
    public final ErrorCode getData(byte[] data) {
        return getData(data, 0, data.length);
    }

    /**
     * Receives exactly as many bytes as asked for, or says why not: Godot's {@code get_data}. It
     * may block, but only within a bound that the subclass documents. A length of 0 is {@link
     * ErrorCode#OK} and does not touch the stream. After a failure the bytes that had arrived of
     * those asked for have been taken from the stream, and the content of the range is undefined.
     *
     * @param data where the bytes go
     * @param offset index of the first one
     * @param length how many
     * @return {@link ErrorCode#OK} when all of them are there
     * @throws IndexOutOfBoundsException if the range is not inside the array
     */
    public abstract ErrorCode getData(byte[] data, int offset, int length);

    /**
     * Receives what is there now, as {@link #getPartialData(byte[], int, int)} does.
     *
     * @param data where the bytes go
     * @return how many there were, perhaps 0; -1 at the end of the stream
     */
    public final int getPartialData(byte[] data) {
        return getPartialData(data, 0, data.length);
    }

    /**
     * Receives what is there now, without blocking: Godot's {@code get_partial_data}, with a number
     * in the manner of {@code java.nio} instead of a pair. A length of 0 gives 0 and does not touch
     * the stream.
     *
     * @param data where the bytes go
     * @param offset index of the first one
     * @param length how many at most
     * @return how many there were, perhaps 0; -1 at the end of the stream
     * @throws IndexOutOfBoundsException if the range is not inside the array
     */
    public abstract int getPartialData(byte[] data, int offset, int length);

    /**
     * How many bytes can be received without blocking: Godot's {@code get_available_bytes}.
     *
     * @return the number of bytes; the subclass says what a stream that is not open gives
     */
    public abstract int getAvailableBytes();

    // Settings

    /**
     * Whether numbers and lengths travel with the most significant byte first: Godot's {@code
     * is_big_endian_enabled}.
     *
     * @return false unless it was set
     */
    public final boolean isBigEndianEnabled() {
        return bigEndian;
    }

    /**
     * Chooses the order of the bytes of numbers and lengths: Godot's {@code set_big_endian}. Any
     * thread may call it; it counts for the puts and gets that begin afterwards.
     *
     * @param enable true for the most significant byte first
     */
    public final void setBigEndian(boolean enable) {
        bigEndian = enable;
    }

    /**
     * How {@link #putVar(Variant)} and {@link #getVar()} encode. Not Godot's.
     *
     * @return the codec; {@link VariantCodec#GODOT4} unless it was set
     */
    public final VariantCodec getVariantCodec() {
        return variantCodec;
    }

    /**
     * Chooses how {@link #putVar(Variant)} and {@link #getVar()} encode: which Godot is at the
     * other end, and the limits. Any thread may call it; it counts for the puts and gets that begin
     * afterwards. Not Godot's.
     *
     * @param codec such as {@link VariantCodec#GODOT3}
     */
    public final void setVariantCodec(VariantCodec codec) {
        variantCodec = Objects.requireNonNull(codec, "codec");
    }

    /**
     * The longest string or {@link #getVar() value} that the gets accept. Not Godot's.
     *
     * @return the limit in bytes, without the length prefix; 8 MiB unless it was set
     */
    public final int maxValueBytes() {
        return maxValueBytes;
    }

    /**
     * Sets the longest string or {@link #getVar() value} that the gets accept. A longer one gives
     * the empty string or null and {@link ErrorCode#INVALID_DATA}. Not Godot's, which believes any
     * length up to 2 GiB. Whatever the limit, memory is taken only as the bytes arrive. Receiving
     * thread only.
     *
     * @param bytes the limit in bytes, without the length prefix
     * @throws IllegalArgumentException if it is negative
     */
    public final void limitValueBytes(int bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("limit of " + bytes + " bytes");
        }
        maxValueBytes = bytes;
    }

    /**
     * What became of the last typed get: {@link ErrorCode#OK}, what {@link #getData(byte[], int,
     * int)} answered, {@link ErrorCode#INVALID_DATA} for a length that is negative or beyond {@link
     * #maxValueBytes()}, or what {@link #getVar()} tells. Not Godot's, which loses it. The puts
     * return their outcome instead, because they may run on other threads. Receiving thread only.
     *
     * @return the outcome; {@link ErrorCode#OK} before the first get
     */
    public final ErrorCode lastResult() {
        return lastResult;
    }

    // Typed puts

    /**
     * Sends the low 8 bits: Godot's {@code put_8}.
     *
     * @param value the number; its higher bits are dropped
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode put8(int value) {
        return putData(new byte[] {(byte) value}, 0, Byte.BYTES);
    }

    /**
     * Sends the low 8 bits: Godot's {@code put_u8}. The same bytes as {@link #put8(int)}.
     *
     * @param value the number; its higher bits are dropped
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putU8(int value) {
        return put8(value);
    }

    /**
     * Sends the low 16 bits: Godot's {@code put_16}.
     *
     * @param value the number; its higher bits are dropped
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode put16(int value) {
        short bits = (short) value;
        byte[] data = new byte[Short.BYTES];
        SHORT.set(data, 0, bigEndian ? bits : Short.reverseBytes(bits));
        return putData(data, 0, Short.BYTES);
    }

    /**
     * Sends the low 16 bits: Godot's {@code put_u16}. The same bytes as {@link #put16(int)}.
     *
     * @param value the number; its higher bits are dropped
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putU16(int value) {
        return put16(value);
    }

    /**
     * Sends 32 bits: Godot's {@code put_32}.
     *
     * @param value the number
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode put32(int value) {
        byte[] data = new byte[Integer.BYTES];
        setInt(data, value);
        return putData(data, 0, Integer.BYTES);
    }

    /**
     * Sends the low 32 bits: Godot's {@code put_u32}.
     *
     * @param value the number; its higher bits are dropped
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putU32(long value) {
        return put32((int) value);
    }

    /**
     * Sends 64 bits: Godot's {@code put_64}.
     *
     * @param value the number
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode put64(long value) {
        byte[] data = new byte[Long.BYTES];
        LONG.set(data, 0, bigEndian ? value : Long.reverseBytes(value));
        return putData(data, 0, Long.BYTES);
    }

    /**
     * Sends 64 bits: Godot's {@code put_u64}. The same bytes as {@link #put64(long)}.
     *
     * @param value the number; negative ones stand for those from 2^63 on
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putU64(long value) {
        return put64(value);
    }

    /**
     * Sends an IEEE 754 binary16 number: Godot's {@code put_half} (4.4 and later).
     *
     * <p>The bytes are Godot's, and so is the rounding: towards zero, with everything below the
     * smallest normal number, 2^-14, and negative zero sent as zero. From 65,536 on it is infinite.
     * A number that {@link #getHalf()} gave, other than those small ones and NaN, comes out as it
     * was.
     *
     * @param value the number
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int magnitude = bits & Integer.MAX_VALUE;
        int half;
        if (magnitude < HALF_MIN_NORMAL) {
            half = 0;
        } else if (Float.isNaN(value)) {
            half = bits >>> 16 | Short.MAX_VALUE; // Godot sets every bit but the sign
        } else {
            half = Float.floatToFloat16(Float.intBitsToFloat(bits & ~HALF_LOST_BITS));
        }
        return put16(half);
    }

    /**
     * Sends an IEEE 754 binary32 number: Godot's {@code put_float}.
     *
     * @param value the number
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putFloat(float value) {
        return put32(Float.floatToRawIntBits(value));
    }

    /**
     * Sends an IEEE 754 binary64 number: Godot's {@code put_double}.
     *
     * @param value the number
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putDouble(double value) {
        return put64(Double.doubleToRawLongBits(value));
    }

    /**
     * Sends a 32-bit length and then the text as ASCII, without a terminating zero: Godot's {@code
     * put_string}. Each code point beyond ASCII becomes one space, as in Godot; {@link
     * #putUtf8String(String)} keeps them.
     *
     * @param value the text
     * @return the outcome of {@link #putData(byte[], int, int)}
     */
    public final ErrorCode putString(String value) {
        int length = value.codePointCount(0, value.length());
        byte[] data = new byte[lengthWithPrefix(length)];
        setInt(data, length);
        for (int at = 0, to = Integer.BYTES; at < value.length(); to++) {
            int codePoint = value.codePointAt(at);
            data[to] = codePoint < 0x80 ? (byte) codePoint : (byte) ' ';
            at += Character.charCount(codePoint);
        }
        return putData(data, 0, data.length);
    }

    /**
     * Sends a 32-bit length in bytes and then the text as UTF-8, without a terminating zero:
     * Godot's {@code put_utf8_string}. A Godot that receives it ends the text at its first NUL.
     *
     * @param value the text
     * @return the outcome of {@link #putData(byte[], int, int)}
     * @throws IllegalArgumentException if the text has a surrogate without its partner, for which
     *     there is no UTF-8; nothing was sent
     */
    public final ErrorCode putUtf8String(String value) {
        for (int at = 0; at < value.length(); at++) {
            if (Character.isSurrogate(value.charAt(at))) {
                if (Character.charCount(value.codePointAt(at)) == 1) {
                    throw new IllegalArgumentException("unpaired surrogate at index " + at);
                }
                at++;
            }
        }
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        byte[] data = new byte[lengthWithPrefix(text.length)];
        setInt(data, text.length);
        System.arraycopy(text, 0, data, Integer.BYTES, text.length);
        return putData(data, 0, data.length);
    }

    /**
     * Sends a value: Godot's {@code put_var}.
     *
     * @param value the value
     * @return the outcome as of {@link #putVar(Variant, boolean)}
     */
    public final ErrorCode putVar(Variant value) {
        return putVar(value, false);
    }

    /**
     * Sends a 32-bit length and then a value: Godot's {@code put_var}. Only the length is in the
     * stream's byte order. It can be received as a packet of a {@code PacketPeerStream}, if the
     * stream is little-endian.
     *
     * @param value the value
     * @param fullObjects whether objects are sent with all that they hold; also true if the {@link
     *     #getVariantCodec() codec} says so
     * @return the outcome of {@link #putData(byte[], int, int)}; if nothing was sent since the
     *     codec cannot encode the value, the {@link VariantException#code()} of it, such as {@link
     *     ErrorCode#INVALID_PARAMETER} for a type that Godot 3 does not have
     */
    public final ErrorCode putVar(Variant value, boolean fullObjects) {
        VariantCodec codec = variantCodec;
        byte[] data;
        try {
            data =
                    codec.withFullObjects(fullObjects || codec.fullObjects())
                            .encode(value, Integer.BYTES);
        } catch (VariantException e) {
            return e.code();
        }
        setInt(data, data.length - Integer.BYTES);
        return putData(data, 0, data.length);
    }

    // Typed gets

    /**
     * Receives a signed 8-bit number: Godot's {@code get_8}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final byte get8() {
        return receive(Byte.BYTES) ? scratch[0] : 0;
    }

    /**
     * Receives an unsigned 8-bit number: Godot's {@code get_u8}.
     *
     * @return the number, 0 to 255; 0 after a failure, which {@link #lastResult()} tells
     */
    public final int getU8() {
        return Byte.toUnsignedInt(get8());
    }

    /**
     * Receives a signed 16-bit number: Godot's {@code get_16}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final short get16() {
        if (!receive(Short.BYTES)) {
            return 0;
        }
        short bits = (short) SHORT.get(scratch, 0);
        return bigEndian ? bits : Short.reverseBytes(bits);
    }

    /**
     * Receives an unsigned 16-bit number: Godot's {@code get_u16}.
     *
     * @return the number, 0 to 65,535; 0 after a failure, which {@link #lastResult()} tells
     */
    public final int getU16() {
        return Short.toUnsignedInt(get16());
    }

    /**
     * Receives a signed 32-bit number: Godot's {@code get_32}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final int get32() {
        if (!receive(Integer.BYTES)) {
            return 0;
        }
        int bits = (int) INT.get(scratch, 0);
        return bigEndian ? bits : Integer.reverseBytes(bits);
    }

    /**
     * Receives an unsigned 32-bit number: Godot's {@code get_u32}.
     *
     * @return the number, 0 to 2^32 - 1; 0 after a failure, which {@link #lastResult()} tells
     */
    public final long getU32() {
        return Integer.toUnsignedLong(get32());
    }

    /**
     * Receives a signed 64-bit number: Godot's {@code get_64}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final long get64() {
        if (!receive(Long.BYTES)) {
            return 0;
        }
        long bits = (long) LONG.get(scratch, 0);
        return bigEndian ? bits : Long.reverseBytes(bits);
    }

    /**
     * Receives an unsigned 64-bit number: Godot's {@code get_u64}. As in Godot, those from 2^63 on
     * come out negative; {@link Long#toUnsignedString(long)} and its relatives read them.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final long getU64() {
        return get64();
    }

    /**
     * Receives an IEEE 754 binary16 number, small ones included: Godot's {@code get_half} (4.4 and
     * later).
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final float getHalf() {
        return Float.float16ToFloat(get16());
    }

    /**
     * Receives an IEEE 754 binary32 number: Godot's {@code get_float}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final float getFloat() {
        return Float.intBitsToFloat(get32());
    }

    /**
     * Receives an IEEE 754 binary64 number: Godot's {@code get_double}.
     *
     * @return the number; 0 after a failure, which {@link #lastResult()} tells
     */
    public final double getDouble() {
        return Double.longBitsToDouble(get64());
    }

    /**
     * Receives a 32-bit length and then that many bytes of text, one character each: Godot's {@code
     * get_string} without an argument. The bytes beyond ASCII are read as Latin-1. The text ends at
     * its first NUL; what follows it within the length is taken from the stream and dropped.
     *
     * @return the text; empty after a failure, which {@link #lastResult()} tells. A length of 2^31
     *     or more is {@link ErrorCode#INVALID_DATA}, and so is one beyond {@link #maxValueBytes()}
     */
    public final String getString() {
        return getString(-1);
    }

    /**
     * Receives text of a known size, one character a byte: Godot's {@code get_string}. Otherwise as
     * {@link #getString()}.
     *
     * @param bytes how many bytes; a negative number has the length read from the stream
     * @return the text; empty after a failure, which {@link #lastResult()} tells
     */
    public final String getString(int bytes) {
        byte[] data = receiveValue(bytes);
        int length = 0;
        while (length < data.length && data[length] != 0) {
            length++;
        }
        return new String(data, 0, length, StandardCharsets.ISO_8859_1);
    }

    /**
     * Receives a 32-bit length and then that many bytes of UTF-8: Godot's {@code get_utf8_string}
     * without an argument. What is not UTF-8 becomes U+FFFD; that is not a failure. Unlike in
     * Godot, a NUL does not end the text and a byte order mark at its start stays: a string of Java
     * comes back as it was put.
     *
     * @return the text; empty after a failure, which {@link #lastResult()} tells. A length of 2^31
     *     or more is {@link ErrorCode#INVALID_DATA}, and so is one beyond {@link #maxValueBytes()}
     */
    public final String getUtf8String() {
        return getUtf8String(-1);
    }

    /**
     * Receives UTF-8 of a known size: Godot's {@code get_utf8_string}. Otherwise as {@link
     * #getUtf8String()}.
     *
     * @param bytes how many bytes; a negative number has the length read from the stream
     * @return the text; empty after a failure, which {@link #lastResult()} tells
     */
    public final String getUtf8String(int bytes) {
        return new String(receiveValue(bytes), StandardCharsets.UTF_8);
    }

    /**
     * Receives a value, which has no full objects: Godot's {@code get_var}.
     *
     * @return the value; {@link Variant.Nil} after a failure, which {@link #lastResult()} tells
     */
    public final Variant getVar() {
        return getVar(false);
    }

    /**
     * Receives a 32-bit length and then that many bytes with a value: Godot's {@code get_var}.
     *
     * @param allowObjects whether the value may have objects with all that they hold; also true if
     *     the {@link #getVariantCodec() codec} says so
     * @return the value; {@link Variant.Nil} after a failure, which {@link #lastResult()} tells: a
     *     length of 2^31 or more is {@link ErrorCode#INVALID_DATA}, and so is one beyond {@link
     *     #maxValueBytes()}; for bytes that hold no value, or one beyond the limits of the codec,
     *     it is the {@link VariantException#code()}, and the stream goes on behind them
     */
    public final Variant getVar(boolean allowObjects) {
        byte[] data = receiveValue(-1);
        if (lastResult == ErrorCode.OK) {
            VariantCodec codec = variantCodec;
            try {
                return codec.withFullObjects(allowObjects || codec.fullObjects()).decode(data);
            } catch (VariantException e) {
                lastResult = e.code();
            }
        }
        return Variant.Nil.NIL;
    }

    private void setInt(byte[] data, int value) {
        INT.set(data, 0, bigEndian ? value : Integer.reverseBytes(value));
    }

    private static int lengthWithPrefix(int length) {
        return Math.addExact(Integer.BYTES, length);
    }

    private boolean receive(int length) {
        lastResult = getData(scratch, 0, length);
        return lastResult == ErrorCode.OK;
    }

    /**
     * Receives a value of so many bytes, or of a length that stands before it.
     *
     * @return its bytes; none after a failure, which is in {@link #lastResult}
     */
    private byte[] receiveValue(int bytes) {
        int length = bytes;
        if (bytes < 0) {
            length = get32();
            if (lastResult != ErrorCode.OK) {
                return new byte[0];
            }
        }
        if (length < 0 || length > maxValueBytes) {
            lastResult = ErrorCode.INVALID_DATA;
            return new byte[0];
        }
        // The length is only a claim: beyond the first chunk, take memory as the bytes arrive.
        byte[] data = new byte[Math.min(length, Math.max(FIRST_CHUNK, getAvailableBytes()))];
        int have = 0;
        while (true) {
            lastResult = getData(data, have, data.length - have);
            if (lastResult != ErrorCode.OK) {
                return new byte[0];
            }
            have = data.length;
            if (have == length) {
                return data;
            }
            data = Arrays.copyOf(data, have > length / 2 ? length : 2 * have);
        }
    }
}
