package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * One direction of a connection, from bytes to messages and control frames (RFC 6455 sections 5 to
 * 8, RFC 7692). Belongs to the read role: one thread at a time.
 *
 * <p>Bytes come in one of two ways. {@link #decode} takes them from the caller's read buffer.
 * Within a large payload the socket may write straight into the message instead: {@link
 * #directCapacity} says how much, {@link #directFilled} that it is there. Any mixture, in any
 * pieces, gives the same events.
 *
 * <p>A frame that lies whole in the buffer and is a message of its own passes without touching any
 * other state: one allocation, one pass. Else the message grows in one array. An announced length
 * never allocates more than 64 KiB or 32 times what has arrived of the message, whichever is more.
 *
 * <p>A {@link Event#CLOSE} and a {@link ProtocolException} are the end: from then on input is
 * refused with {@link IllegalStateException}, and nothing more is held.
 */
public final class FrameDecoder {
    /** What came in. */
    public enum Event {
        /** Nothing complete: the input is used as far as it can be. */
        NEED_INPUT,
        /** A whole text message, valid UTF-8, in {@link FrameDecoder#payload()}. */
        TEXT,
        /** A whole binary message, in {@link FrameDecoder#payload()}. */
        BINARY,
        /** A ping to answer with a pong of the same {@link FrameDecoder#payload()}. */
        PING,
        /** A pong, with its {@link FrameDecoder#payload()}. */
        PONG,
        /** The end of this direction, with {@link FrameDecoder#closeCode()} and its reason. */
        CLOSE
    }

    private static final VarHandle SHORTS =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle KEYS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final byte[] EMPTY = {};

    private static final byte WHOLE_TEXT = (byte) 0x81;
    private static final byte WHOLE_BINARY = (byte) 0x82;

    /** What an announced length may allocate before anything came. */
    private static final int FIRST_STAGE = 64 * 1024;

    /** What an announced length may allocate for each byte that came. */
    private static final int STAGE_FACTOR = 32;

    /** Below this a read of its own into the message does not pay. */
    private static final int DIRECT_MINIMUM = 4 * 1024;

    /** What a compressed message may take on the wire beyond its limit, and a quarter of that. */
    private static final int PACKED_EXTRA = 1024;

    /** Compressed payloads are unmasked in pieces of this size. */
    private static final int UNMASK_PIECE = 4 * 1024;

    /** The room that decompressing begins with. */
    private static final int INFLATE_FIRST = 512;

    /** The longest array that every JVM makes. */
    private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;

    private final boolean expectMasked;
    private final int maxMessageBytes;
    private final int maxFragments;

    /** For compressed messages; null if none were agreed on. */
    private MessageInflater inflater;

    /** See {@link #consumed()}. */
    private int consumed;

    /** The payload to hand over, null when it was. */
    private byte[] payload;

    private int closeCode;
    private String closeReason;

    /** After a close frame or an exception. */
    private boolean ended;

    // The message under way, across frames.

    /** {@link Opcode#TEXT}, {@link Opcode#BINARY}, or 0 between messages. */
    private int messageOpcode;

    /** What has arrived of the message, from 0 to {@link #length}; longer than that. */
    private byte[] message = EMPTY;

    private int length;
    private int fragments;

    /** Whether it is compressed, and how many of its compressed bytes came. */
    private boolean packed;

    private long packedLength;

    /** Of {@link Utf8}: inside a character of a text message, else between characters. */
    private int utf8State = Utf8.ACCEPT;

    // The frame under way, one of this message. Control frames are never under way.

    /** Whether it ends the message. */
    private boolean fin;

    /** How much of its payload is missing. */
    private int remaining;

    /** Its key, turned so that the next byte of the payload meets the lowest byte. */
    private int key;

    /**
     * Makes a decoder that holds no buffer yet.
     *
     * @param expectMasked whether we are the server: clients mask every frame, servers none
     * @param maxMessageBytes the longest message to take, whole and not per frame; more is a
     *     failure with {@link CloseCode#TOO_BIG}
     * @param maxFragments the most frames of one message, empty ones counted; more is a failure
     *     with {@link CloseCode#TOO_BIG}
     * @throws IllegalArgumentException if a limit is not positive
     */
    public FrameDecoder(boolean expectMasked, int maxMessageBytes, int maxFragments) {
        if (maxMessageBytes <= 0 || maxFragments <= 0) {
            throw new IllegalArgumentException(
                    "limits of " + maxMessageBytes + " bytes and " + maxFragments + " fragments");
        }
        this.expectMasked = expectMasked;
        this.maxMessageBytes = Math.min(maxMessageBytes, LONGEST_ARRAY);
        this.maxFragments = maxFragments;
    }

    /**
     * Takes compressed messages from now on (RFC 7692). The message limit counts what comes out; on
     * the wire a message may take a quarter more.
     *
     * @param pool where to borrow what decompresses them
     * @param keepsContext whether they refer to earlier ones; if not, nothing is borrowed between
     *     messages
     */
    public void inflate(DeflatePool pool, boolean keepsContext) {
        inflater = new MessageInflater(pool, keepsContext);
    }

    /** Gives back what was borrowed: nothing more will be decoded. */
    public void release() {
        end();
    }

    /**
     * Reads from the buffer until one event is complete or the input is used as far as it can be.
     * What {@link #consumed()} leaves must come again, at the front of the next input. Data is used
     * up as it comes; headers and control frames are taken whole or not at all.
     *
     * @param buf holds the input; not changed and not kept
     * @param from the index of the first byte
     * @param to the index after the last byte
     * @return what came; call again with the rest of the buffer unless it is {@link
     *     Event#NEED_INPUT}
     * @throws ProtocolException if the other side broke the protocol or went over a limit
     * @throws IllegalStateException after {@link Event#CLOSE} or an exception
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public Event decode(byte[] buf, int from, int to) throws ProtocolException {
        Objects.checkFromToIndex(from, to, buf.length);
        refuseAfterEnd();
        int at = from;
        if (remaining > 0) {
            int part = Math.min(remaining, to - at);
            absorb(buf, at, part);
            at += part;
            consumed = at;
            if (remaining > 0) {
                return Event.NEED_INPUT;
            }
            if (fin) {
                return complete();
            }
        }
        while (to - at >= 2) {
            int first = buf[at];
            int second = buf[at + 1];
            int opcode = first & 0x0F;
            if (((first & 0x70) != 0 && !beginsCompressed(first)) || second < 0 != expectMasked) {
                throw badHeader(first, second);
            }
            if (opcode >= Opcode.CLOSE) {
                int size = second & 0x7F;
                if (opcode > Opcode.PONG || first >= 0 || size > 125) {
                    throw badHeader(first, second);
                }
                int body = at + (expectMasked ? 6 : 2);
                if (size > to - body) {
                    break;
                }
                consumed = body + size;
                return control(opcode, copyOf(buf, body, size));
            }
            if (opcode > Opcode.BINARY || (opcode == 0) != (messageOpcode != 0)) {
                throw badHeader(first, second);
            }

            int body = at + 2;
            long announced = second & 0x7F;
            if (announced > 125) {
                body += announced == 126 ? Short.BYTES : Long.BYTES;
                if (body > to) {
                    break;
                }
                announced = extendedLength(buf, at);
            }
            boolean compressed = packed || (first & FrameEncoder.COMPRESSED) != 0;
            long room = compressed ? packedRoom() : maxMessageBytes - length;
            // Unsigned, and before any sum: 2^64 - 1 must not slip under the limit.
            if (Long.compareUnsigned(announced, room) > 0) {
                throw tooBig(announced);
            }
            if (expectMasked) {
                body += Integer.BYTES;
                if (body > to) {
                    break;
                }
            }
            int size = (int) announced;

            if (first < 0 && messageOpcode == 0 && size <= to - body && !compressed) {
                consumed = body + size;
                return whole(opcode, copyOf(buf, body, size));
            }

            if (++fragments > maxFragments) {
                throw fail(CloseCode.TOO_BIG, "message of more than " + maxFragments + " frames");
            }
            if (opcode != Opcode.CONTINUATION) {
                messageOpcode = opcode;
                packed = compressed;
            }
            fin = first < 0;
            remaining = size;
            key = expectMasked ? (int) KEYS.get(buf, body - Integer.BYTES) : 0;
            int part = Math.min(size, to - body);
            absorb(buf, body, part);
            at = body + part;
            if (remaining > 0) {
                break;
            }
            if (fin) {
                consumed = at;
                return complete();
            }
        }
        consumed = at;
        return Event.NEED_INPUT;
    }

    /**
     * Whether the input begins with a frame that {@link #decode} makes a message of, or an
     * exception: a whole message in one frame, neither compressed nor longer than 64 KiB. For
     * reading ahead, which must not meet what calls for an answer.
     *
     * @param buf holds the input
     * @param from the index of the first byte
     * @param to the index after the last byte
     * @return whether it does; false also if too little is there to tell
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public boolean isMessageNext(byte[] buf, int from, int to) {
        Objects.checkFromToIndex(from, to, buf.length);
        int left = to - from - (expectMasked ? 6 : 2);
        if (left < 0 || (buf[from] != WHOLE_TEXT && buf[from] != WHOLE_BINARY)) {
            return false;
        }
        int size = buf[from + 1] & 0x7F;
        if (size <= 125) {
            return size <= left;
        }
        left -= Short.BYTES;
        return size == 126 && left >= 0 && ((short) SHORTS.get(buf, from + 2) & 0xFFFF) <= left;
    }

    /**
     * Where the last {@link #decode} stopped. Everything before is used up. After {@link
     * Event#NEED_INPUT} what is left is less than a header, or than a control frame: at most 130
     * bytes.
     *
     * @return an index in the buffer that it was given
     */
    public int consumed() {
        return consumed;
    }

    /**
     * The payload of the event just returned, for {@link Event#TEXT}, {@link Event#BINARY}, {@link
     * Event#PING} and {@link Event#PONG}. The array is as long as the payload and belongs to the
     * caller, once: the decoder lets go of it.
     *
     * @return the payload; null if it was taken or there is none
     */
    public byte[] payload() {
        byte[] taken = payload;
        payload = null;
        return taken;
    }

    /**
     * The code of the close frame that came.
     *
     * @return a {@linkplain CloseCode#isValidOnWire valid} code; {@link CloseCode#NO_STATUS} if the
     *     frame had none; 0 if no close frame came
     */
    public int closeCode() {
        return closeCode;
    }

    /**
     * The reason in the close frame that came. The NUL that Godot 3 puts at its end is taken off.
     *
     * @return the reason, empty if the frame had none; null if no close frame came
     */
    public String closeReason() {
        return closeReason;
    }

    /**
     * How many bytes the socket may write straight into the message, into {@link #directArray()}
     * from {@link #directOffset()} on. Offered inside a large payload, once the input is used up.
     *
     * @return the most that {@link #directFilled} will take; 0 to go on with {@link #decode}
     */
    public int directCapacity() {
        return remaining > DIRECT_MINIMUM && !packed
                ? Math.min(remaining, message.length - length)
                : 0;
    }

    /**
     * The array to write into. Good until the next call of {@link #directFilled} or {@link
     * #decode}.
     *
     * @return the message under way
     */
    public byte[] directArray() {
        return message;
    }

    /**
     * Where in {@link #directArray()} to write.
     *
     * @return the index for the next byte
     */
    public int directOffset() {
        return length;
    }

    /**
     * Takes what was written into {@link #directArray()}.
     *
     * @param n how many bytes, at most {@link #directCapacity()}
     * @return the message's event if that completes it, else {@link Event#NEED_INPUT}
     * @throws ProtocolException if the text turns out not to be UTF-8
     * @throws IllegalStateException after {@link Event#CLOSE} or an exception
     * @throws IndexOutOfBoundsException if that many were not offered
     */
    public Event directFilled(int n) throws ProtocolException {
        refuseAfterEnd();
        Objects.checkFromIndexSize(0, n, directCapacity());
        if (expectMasked) {
            Masking.apply(message, length, n, key, 0);
        }
        arrived(n);
        return remaining == 0 && fin ? complete() : Event.NEED_INPUT;
    }

    /**
     * Whether a message has begun and not ended, so that the end of the input would cut it.
     *
     * @return true inside a data frame and between fragments
     */
    public boolean inMessage() {
        return messageOpcode != 0;
    }

    // Single frames

    /** A payload that lies whole in the buffer after its key, unmasked, in an array of its own. */
    private byte[] copyOf(byte[] buf, int body, int size) {
        if (size == 0) {
            return EMPTY;
        }
        // The copy spares the JVM the clearing of the array, and is in the cache when it is masked.
        byte[] copy = Arrays.copyOfRange(buf, body, body + size);
        if (expectMasked) {
            Masking.apply(copy, 0, size, (int) KEYS.get(buf, body - Integer.BYTES), 0);
        }
        return copy;
    }

    private Event whole(int opcode, byte[] data) throws ProtocolException {
        if (opcode == Opcode.BINARY) {
            payload = data;
            return Event.BINARY;
        }
        if (Utf8.check(Utf8.ACCEPT, data, 0, data.length) != Utf8.ACCEPT) {
            throw fail(
                    CloseCode.INVALID_DATA,
                    "text message of " + data.length + " bytes is not valid UTF-8");
        }
        payload = data;
        return Event.TEXT;
    }

    private Event control(int opcode, byte[] data) throws ProtocolException {
        if (opcode == Opcode.CLOSE) {
            return close(data);
        }
        payload = data;
        return opcode == Opcode.PING ? Event.PING : Event.PONG;
    }

    private Event close(byte[] data) throws ProtocolException {
        int code = CloseCode.NO_STATUS;
        String reason = "";
        if (data.length == 1) {
            throw fail(CloseCode.PROTOCOL_ERROR, "close frame with a payload of 1 byte");
        }
        if (data.length >= Short.BYTES) {
            code = (short) SHORTS.get(data, 0) & 0xFFFF;
            if (!CloseCode.isValidOnWire(code)) {
                throw fail(CloseCode.PROTOCOL_ERROR, "close frame with code " + code);
            }
            int end = data.length;
            if (Utf8.check(Utf8.ACCEPT, data, Short.BYTES, end) != Utf8.ACCEPT) {
                throw fail(CloseCode.INVALID_DATA, "close reason is not valid UTF-8");
            }
            if (end > Short.BYTES && data[end - 1] == 0) {
                end--; // Godot 3 sends its C string whole.
            }
            reason = new String(data, Short.BYTES, end - Short.BYTES, StandardCharsets.UTF_8);
        }
        end();
        closeCode = code;
        closeReason = reason;
        return Event.CLOSE;
    }

    // The message under way

    /** Takes the next bytes of the frame under way from the buffer. */
    private void absorb(byte[] buf, int from, int size) throws ProtocolException {
        if (packed) {
            unpack(buf, from, size);
            return;
        }
        if (size > message.length - length) {
            grow(size);
        }
        if (expectMasked) {
            Masking.copy(buf, from, message, length, size, key, 0);
        } else {
            System.arraycopy(buf, from, message, length, size);
        }
        arrived(size);
    }

    /** Counts bytes that stand unmasked at the message's end, and makes room for what follows. */
    private void arrived(int size) throws ProtocolException {
        checkText(size);
        length += size;
        used(size);
        int room = message.length - length;
        if (remaining > room && room < DIRECT_MINIMUM) {
            grow(0);
        }
    }

    /** Counts bytes of the frame under way. */
    private void used(int size) {
        remaining -= size;
        key = Integer.rotateRight(key, (size & 3) << 3);
    }

    /** Checks bytes behind the message's end, if it is text. */
    private void checkText(int size) throws ProtocolException {
        if (messageOpcode == Opcode.TEXT) {
            utf8State = Utf8.check(utf8State, message, length, length + size);
            if (utf8State == Utf8.REJECT) {
                throw fail(
                        CloseCode.INVALID_DATA,
                        "text message is not valid UTF-8 in bytes "
                                + length
                                + " to "
                                + (length + size));
            }
        }
    }

    // Compressed messages

    /** Whether a frame has RSV1 and no other reserved bit, and may (RFC 7692 section 6). */
    private boolean beginsCompressed(int first) {
        return inflater != null && (first & 0x78) == FrameEncoder.COMPRESSED && (first & 0x0F) != 0;
    }

    /** What the message under way may still take on the wire. */
    private long packedRoom() {
        return (long) maxMessageBytes + maxMessageBytes / 4 + PACKED_EXTRA - packedLength;
    }

    /** Takes the next bytes of a compressed frame from the buffer. */
    private void unpack(byte[] buf, int from, int size) throws ProtocolException {
        packedLength += size;
        if (!expectMasked) {
            inflater.feed(buf, from, size);
            takeInflated();
            used(size);
            return;
        }
        byte[] piece = new byte[Math.min(size, UNMASK_PIECE)];
        for (int done = 0; done < size; ) {
            int part = Math.min(size - done, piece.length);
            Masking.copy(buf, from + done, piece, 0, part, key, 0);
            inflater.feed(piece, 0, part);
            takeInflated();
            used(part);
            done += part;
        }
    }

    /** Appends to the message what comes out, up to its limit. */
    private void takeInflated() throws ProtocolException {
        try {
            while (true) {
                if (length == message.length && !makeRoom()) {
                    if (inflater.take(new byte[1], 0, 1) > 0) {
                        throw fail(
                                CloseCode.TOO_BIG,
                                "compressed message of more than " + maxMessageBytes + " bytes");
                    }
                    return;
                }
                int n = inflater.take(message, length, message.length - length);
                if (n == 0) {
                    return;
                }
                checkText(n);
                length += n;
            }
        } catch (ProtocolException e) {
            end();
            throw e;
        }
    }

    /** Doubles the message's array, if the limit allows. */
    private boolean makeRoom() {
        if (length == maxMessageBytes) {
            return false;
        }
        int wanted = (int) Math.min(Math.max(2L * length, INFLATE_FIRST), maxMessageBytes);
        message = Arrays.copyOf(message, wanted);
        return true;
    }

    /**
     * Makes room for the rest of the frame, as far as what has arrived allows it. It is exact where
     * the message's end is known, and doubles where it is not.
     *
     * @param size bytes that are here and not yet in the message; they fit afterwards
     */
    private void grow(int size) {
        int known = length + remaining;
        long wanted = fin ? known : Math.max(known, Math.min(2L * message.length, maxMessageBytes));
        long earned = Math.max(FIRST_STAGE, (long) STAGE_FACTOR * (length + size));
        message = Arrays.copyOf(message, (int) Math.min(wanted, earned));
    }

    private Event complete() throws ProtocolException {
        if (packed) {
            inflater.feedEnd();
            takeInflated();
            try {
                inflater.completed();
            } catch (ProtocolException e) {
                end();
                throw e;
            }
        }
        if (utf8State != Utf8.ACCEPT) {
            throw fail(
                    CloseCode.INVALID_DATA,
                    "text message of " + length + " bytes ends inside a UTF-8 sequence");
        }
        Event event = messageOpcode == Opcode.TEXT ? Event.TEXT : Event.BINARY;
        payload = message.length == length ? message : Arrays.copyOf(message, length);
        reset();
        return event;
    }

    private void reset() {
        messageOpcode = 0;
        message = EMPTY;
        length = 0;
        fragments = 0;
        remaining = 0;
        packed = false;
        packedLength = 0;
    }

    // Failures

    private void refuseAfterEnd() {
        if (ended) {
            throw new IllegalStateException("input after the end of the connection");
        }
    }

    private void end() {
        ended = true;
        payload = null;
        reset();
        if (inflater != null) {
            inflater.release();
        }
    }

    private ProtocolException fail(int code, String what) {
        end();
        return new ProtocolException(code, what);
    }

    /** Reads and judges the length that follows 126 or 127. */
    private long extendedLength(byte[] buf, int at) throws ProtocolException {
        if ((buf[at + 1] & 0x7F) == 126) {
            int announced = (short) SHORTS.get(buf, at + 2) & 0xFFFF;
            if (announced < 126) {
                throw fail(CloseCode.PROTOCOL_ERROR, "length " + announced + " written in 16 bits");
            }
            return announced;
        }
        long announced = (long) LONGS.get(buf, at + 2);
        if (announced >= 0 && announced <= 0xFFFF) {
            throw fail(CloseCode.PROTOCOL_ERROR, "length " + announced + " written in 64 bits");
        }
        if (announced < 0) {
            throw fail(
                    CloseCode.PROTOCOL_ERROR,
                    "length 0x" + Long.toHexString(announced) + " has its top bit set");
        }
        return announced;
    }

    private ProtocolException tooBig(long announced) {
        return fail(
                CloseCode.TOO_BIG,
                "frame of "
                        + announced
                        + " bytes, "
                        + (packed ? packedLength : length)
                        + " before it, at most "
                        + maxMessageBytes
                        + " in a message");
    }

    /** Names what is wrong with the first two bytes of a frame. */
    private ProtocolException badHeader(int first, int second) {
        int opcode = first & 0x0F;
        String what;
        if ((first & 0x70) != 0) {
            String bit = (first & 0x40) != 0 ? "RSV1" : (first & 0x20) != 0 ? "RSV2" : "RSV3";
            what = "reserved bit " + bit + " set";
        } else if (second < 0 != expectMasked) {
            what = expectMasked ? "client's frame is not masked" : "server's frame is masked";
        } else if (opcode > Opcode.PONG || (opcode > Opcode.BINARY && opcode < Opcode.CLOSE)) {
            what = "unknown opcode " + opcode;
        } else if (opcode >= Opcode.CLOSE) {
            what = first >= 0 ? "control frame is not final" : "control frame over 125 bytes";
        } else if (opcode == Opcode.CONTINUATION) {
            what = "continuation without a message";
        } else {
            what = "new message inside a fragmented one";
        }
        return fail(
                CloseCode.PROTOCOL_ERROR,
                String.format("%s, in frame header 0x%02X%02X", what, first & 0xFF, second & 0xFF));
    }
}
