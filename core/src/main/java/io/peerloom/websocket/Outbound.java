package io.peerloom.websocket;

import io.peerloom.internal.link.Output;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.MaskKeys;
import io.peerloom.internal.protocol.Masking;
import io.peerloom.internal.protocol.MessageDeflater;
import io.peerloom.internal.protocol.Opcode;
import io.peerloom.internal.protocol.PermessageDeflate;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What a connection sends: messages and frames shared by many connections, which can be queued; and
 * pongs, pings and the close frame, which cannot. The write role encodes them here, one after the
 * other, with a client's masks and with compression where that was agreed on.
 */
final class Outbound {

    /** A server's frame, encoded once for many connections. */
    static final class Frame {
        private final byte[] bytes;

        /** The same message, compressed with a full window and no context; or null. */
        private final byte[] packed;

        /** The length of the message. */
        private final int size;

        private Frame(byte[] bytes, byte[] packed, int size) {
            this.bytes = bytes;
            this.packed = packed;
            this.size = size;
        }
    }

    /** A pong that is due, and those before it. */
    private static final class Pong {
        private final byte[] payload;
        private final Pong before;
        private final int count;

        Pong(byte[] payload, Pong before) {
            this.payload = payload;
            this.before = before;
            this.count = before == null ? 1 : before.count + 1;
        }
    }

    /** Masked payloads pass through the output buffer in pieces of this size. */
    private static final int MASK_PIECE = 64 * 1024;

    /**
     * With more bytes sent than this since the other side was last heard of, a ping goes in front
     * of our close frame: its pong says that the other side has read all of them.
     */
    private static final int PING_BEFORE_CLOSE = 64 * 1024;

    /**
     * How many pongs may be due at a time. With one more, only the newest ping is answered (RFC
     * 6455 section 5.5.3): a flood of pings that nobody reads the answers of must not fill our
     * memory.
     */
    private static final int PONGS = 32;

    private static final VarHandle PONG;
    private static final VarHandle PING;

    static {
        try {
            var lookup = MethodHandles.lookup();
            PONG = lookup.findVarHandle(Outbound.class, "pong", Pong.class);
            PING = lookup.findVarHandle(Outbound.class, "ping", byte[].class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What masks a client's frames; null on a server, which masks none. The write role's. */
    private final MaskKeys keys;

    private final Closing closing;

    /** Null if no compression was agreed on; written before the state becomes OPEN. */
    private MessageDeflater deflater;

    /** From how many bytes on a message is compressed; written like the deflater. */
    private int threshold;

    /**
     * The pongs that are due, newest first; added to by the read role, taken whole by the write
     * role, both by atomic exchange.
     */
    @SuppressWarnings("unused") // through PONG
    private volatile Pong pong;

    /** Payload of a ping to send; set by anybody, taken by the write role. */
    @SuppressWarnings("unused") // through PING
    private volatile byte[] ping;

    /**
     * Payload of the last ping that went out, until its pong comes in; set by the write role, taken
     * by the read role.
     */
    private volatile byte[] unanswered;

    /** Payload of the ping in front of our close frame; null if there is none. The write role's. */
    private volatile byte[] lastPing;

    /** The other side has read all that was sent before our close frame. Read role. */
    private volatile boolean allRead;

    /** Time of the last answered ping there and back in nanoseconds, or -1. Read role. */
    private volatile long roundTrip = -1;

    Outbound(boolean client, Closing closing) {
        this.keys = client ? new MaskKeys() : null;
        this.closing = closing;
    }

    /** For the opener: compresses from now on. */
    void compress(MessageDeflater by, Compression compression) {
        threshold = compression.threshold();
        deflater = by;
    }

    /** Lets go of what the compressor holds. Under the write role. */
    void release() {
        if (deflater != null) {
            deflater.release();
        }
    }

    // ---- what can be queued ----

    /** What an element counts for in the queue, in bytes. */
    static int weight(Object element) {
        return element instanceof Message message ? message.size() : ((Frame) element).bytes.length;
    }

    /** Encodes a message or a shared frame. Under the write role. */
    void encode(Object element, Output out) throws IOException {
        if (element instanceof Message message) {
            encode(message, out);
        } else {
            var frame = (Frame) element;
            boolean packed =
                    frame.packed != null && deflater != null && deflater.takesForeign(frame.size);
            byte[] bytes = packed ? frame.packed : frame.bytes;
            out.write(bytes, 0, bytes.length);
        }
    }

    private void encode(Message message, Output out) throws IOException {
        byte[] data = message.bytes();
        int opcode = message.isText() ? Opcode.TEXT : Opcode.BINARY;
        int length = data.length;
        if (deflater != null && message.wantsCompression(threshold) && deflater.deflate(data)) {
            data = deflater.packed();
            length = deflater.length();
            opcode |= FrameEncoder.COMPRESSED;
        }
        if (keys == null) {
            byte[] to = out.room(FrameEncoder.headerLength(length, false));
            out.filled(FrameEncoder.putHeader(to, out.filled(), true, opcode, length, false, 0));
            out.write(data, 0, length);
        } else if (length <= MASK_PIECE) {
            encode(opcode, data, length, out);
        } else {
            int key = keys.next();
            byte[] to = out.room(FrameEncoder.headerLength(length, true));
            out.filled(FrameEncoder.putHeader(to, out.filled(), true, opcode, length, true, key));
            for (int done = 0; done < length; ) { // pieces are a multiple of 4: the key fits each
                int piece = Math.min(length - done, MASK_PIECE);
                to = out.room(piece);
                Masking.copy(data, done, to, out.filled(), piece, key, 0);
                out.filled(out.filled() + piece);
                done += piece;
            }
        }
    }

    /** A whole frame, gathered in one piece. */
    private void encode(int opcode, byte[] data, int length, Output out) throws IOException {
        boolean masked = keys != null;
        byte[] to = out.room(FrameEncoder.frameLength(length, masked));
        int key = masked ? keys.next() : 0;
        out.filled(
                FrameEncoder.encode(to, out.filled(), true, opcode, data, 0, length, masked, key));
    }

    private void control(int opcode, byte[] payload, Output out) throws IOException {
        encode(opcode, payload, payload.length, out);
    }

    /**
     * A server's frame, to be sent to many.
     *
     * @param compression how to compress it too, with a compressor of the pool; null not to
     */
    static Frame frame(Message message, Compression compression, DeflatePool pool) {
        byte[] data = message.bytes();
        int opcode = message.isText() ? Opcode.TEXT : Opcode.BINARY;
        byte[] packed = null;
        if (compression != null && message.wantsCompression(compression.threshold())) {
            var deflater = new MessageDeflater(pool, PermessageDeflate.MAX_BITS, false);
            if (deflater.deflate(data)) {
                packed =
                        frame(
                                opcode | FrameEncoder.COMPRESSED,
                                deflater.packed(),
                                deflater.length());
            }
        }
        return new Frame(frame(opcode, data, data.length), packed, data.length);
    }

    private static byte[] frame(int opcode, byte[] data, int length) {
        byte[] bytes = new byte[FrameEncoder.frameLength(length, false)];
        FrameEncoder.encode(bytes, 0, true, opcode, data, 0, length, false, 0);
        return bytes;
    }

    // ---- pings and pongs ----

    /** Has a ping sent that measures the round trip; a waiting one is replaced. Any thread. */
    void ping() {
        ping = pingPayload();
    }

    private static byte[] pingPayload() {
        return ByteBuffer.allocate(Long.BYTES).putLong(System.nanoTime()).array();
    }

    private void sendPing(byte[] payload, Output out) throws IOException {
        unanswered = payload;
        control(Opcode.PING, payload, out);
    }

    /** Has a ping answered that came in. Under the read role. */
    void answer(byte[] payload) {
        Pong before;
        Pong added;
        do {
            before = pong;
            added = new Pong(payload, before == null || before.count == PONGS ? null : before);
        } while (!PONG.compareAndSet(this, before, added));
    }

    /** Whether pongs or a ping are due. Any thread. */
    boolean hasUrgent() {
        return pong != null || ping != null;
    }

    /** Encodes the pongs and the ping that are due. Under the write role. */
    void encodeUrgent(Output out) throws IOException {
        if (pong != null) {
            Pong due = (Pong) PONG.getAndSet(this, null);
            if (due != null && closing.canSend()) {
                encodePongs(due, out);
            }
        }
        if (ping != null) {
            byte[] payload = (byte[]) PING.getAndSet(this, null);
            if (payload != null && closing.canSend()) {
                sendPing(payload, out);
            }
        }
    }

    private void encodePongs(Pong newest, Output out) throws IOException {
        if (newest.before != null) {
            encodePongs(newest.before, out);
        }
        control(Opcode.PONG, newest.payload, out);
    }

    /**
     * A pong came in. One that nobody asked for, or that answers an older ping, says nothing. Under
     * the read role.
     */
    void pongReceived(byte[] payload) {
        byte[] asked = unanswered;
        if (asked == null || !Arrays.equals(asked, payload)) {
            return;
        }
        unanswered = null; // unless another went out meanwhile; then its pong says nothing
        roundTrip = System.nanoTime() - ByteBuffer.wrap(payload).getLong();
        if (asked == lastPing) {
            allRead = true;
        }
    }

    /** How many pongs are due. Any thread. */
    int pongs() {
        Pong due = pong;
        return due == null ? 0 : due.count;
    }

    /** Time of the last answered ping there and back in nanoseconds, or -1. Any thread. */
    long roundTrip() {
        return roundTrip;
    }

    // ---- the close frame ----

    /**
     * Encodes our close frame, if need be with a ping in front of it. Under the write role.
     *
     * @param unheard how many bytes were sent since the other side was last heard of
     */
    void encodeClose(Output out, long unheard) throws IOException {
        if (closing.isOursFirst() && unheard > PING_BEFORE_CLOSE) {
            byte[] payload = pingPayload();
            lastPing = payload;
            sendPing(payload, out);
        }
        control(Opcode.CLOSE, closing.frame(), out);
    }

    /** Whether the other side is known to have read all that was sent before our close frame. */
    boolean isAllRead() {
        return allRead;
    }
}
