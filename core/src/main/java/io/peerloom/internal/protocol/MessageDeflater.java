package io.peerloom.internal.protocol;

import java.util.Arrays;
import java.util.zip.Deflater;

/**
 * Compresses the messages of one direction of a connection (RFC 7692 section 7.2.1). Belongs to the
 * write role: one thread at a time.
 *
 * <p>The JDK's compressor always has a window of 2^15 bytes. A smaller one is kept to by beginning
 * anew after each half of it, with the half before as the dictionary: no match reaches further back
 * than both.
 */
public final class MessageDeflater {

    private static final byte[] EMPTY = {};

    /** What a flush ends with and RFC 7692 takes off: the length of an empty stored block. */
    private static final int TAIL = 4;

    private static final int FIRST_ROOM = 256;

    private final DeflatePool pool;
    private final boolean keepsContext;

    /** Half of the window in bytes; 0 for the window that the JDK has anyway. */
    private final int half;

    /** Borrowed; null between messages unless the context is kept, and before the first. */
    private Deflater deflater;

    /** The last bytes that were compressed, at most half a window; only of a smaller window. */
    private byte[] history = EMPTY;

    /** How many bytes were compressed since the compressor began anew. */
    private int since;

    private byte[] packed = EMPTY;
    private int length;

    /**
     * A compressor that has borrowed nothing yet.
     *
     * @param pool where to borrow from
     * @param windowBits how far back matches may reach: 2 to this power, 8 to 15
     * @param keepsContext whether matches may reach into earlier messages
     */
    public MessageDeflater(DeflatePool pool, int windowBits, boolean keepsContext) {
        this.pool = pool;
        this.keepsContext = keepsContext;
        this.half = windowBits < PermessageDeflate.MAX_BITS ? 1 << (windowBits - 1) : 0;
    }

    /**
     * Compresses a message, unless it would not become shorter: then it is to be sent as it is, and
     * nothing of it is remembered.
     *
     * @param data the message; not kept
     * @return whether there is something in {@link #packed}
     */
    public boolean deflate(byte[] data) {
        if (deflater == null) {
            deflater = pool.borrowDeflater();
        }
        packed = new byte[Math.min(data.length, FIRST_ROOM) + TAIL];
        length = 0;
        boolean shrunk = data.length > 0 && (half == 0 ? run(data, 0, data.length) : pieces(data));
        if (!shrunk) {
            // What was compressed by now, the other side will never see.
            deflater.reset();
            history = EMPTY;
            since = 0;
            packed = EMPTY;
        }
        if (keepsContext) {
            deflater.setInput(EMPTY); // lets go of the message
        } else {
            release();
        }
        return shrunk;
    }

    /**
     * The compressed message, in the first bytes of an array of the caller's own.
     *
     * @return the array, once
     */
    public byte[] packed() {
        byte[] taken = packed;
        packed = EMPTY;
        return taken;
    }

    /** {@return how many bytes of {@link #packed} the message takes} */
    public int length() {
        return length - TAIL;
    }

    /**
     * Whether a message that was compressed by itself with a full window, for many connections at
     * once, may be sent in place of one that was compressed here.
     *
     * @param size of the message before it was compressed
     * @return false if it could refer too far back, or an own context would miss it
     */
    public boolean takesForeign(int size) {
        return !keepsContext && (half == 0 || size <= 2 * half);
    }

    /** Gives back what was borrowed; what comes after it begins with an empty window. */
    public void release() {
        if (deflater != null) {
            pool.giveBack(deflater);
            deflater = null;
        }
        history = EMPTY;
        since = 0;
    }

    private boolean pieces(byte[] data) {
        for (int at = 0; at < data.length; ) {
            if (since == half) {
                deflater.reset();
                deflater.setDictionary(history);
                since = 0;
            }
            int piece = Math.min(half - since, data.length - at);
            if (!run(data, at, piece)) {
                return false;
            }
            remember(data, at, piece);
            since += piece;
            at += piece;
        }
        return true;
    }

    private void remember(byte[] data, int at, int size) {
        int before = Math.min(history.length, half - size);
        byte[] last = new byte[before + size];
        System.arraycopy(history, history.length - before, last, 0, before);
        System.arraycopy(data, at, last, before, size);
        history = last;
    }

    /** Compresses and flushes; false as soon as it takes more room than the message itself. */
    private boolean run(byte[] data, int from, int size) {
        deflater.setInput(data, from, size);
        while (true) {
            int room = packed.length - length;
            int n = deflater.deflate(packed, length, room, Deflater.SYNC_FLUSH);
            length += n;
            if (n < room) {
                return true; // the room never is larger than the message and the tail
            }
            if (length - TAIL >= data.length) {
                return false;
            }
            packed = Arrays.copyOf(packed, (int) Math.min(2L * length, data.length + (long) TAIL));
        }
    }
}
