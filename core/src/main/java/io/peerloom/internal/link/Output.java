package io.peerloom.internal.link;

import java.io.IOException;

/**
 * The output of a link: gathers bytes in a buffer and writes them to the wire in as few calls as
 * possible. It belongs to the write role of its {@link Link}, which hands it to whatever encodes;
 * only where it says so may other threads ask.
 */
public final class Output {

    /** Bytes are gathered up to here before they are written. */
    private static final int LIMIT = 128 * 1024;

    private static final int FIRST = 512;

    /** From here on a payload is written from its own array rather than copied behind others. */
    private static final int GATHER = 16 * 1024;

    /** Has the wire and the clock. */
    private final Link<?> link;

    /** What was gathered, and how much that is. The write role's. Null while idle. */
    private byte[] buffer;

    private int filled;

    /** How many elements were held back since the last write. The write role's. */
    private int held;

    /** Bytes were left in the buffer when the write role was given back. Written under the role. */
    private volatile boolean heldBack;

    /**
     * Tick in which the write under way began, or 0. Written under the role, read by the watchdog.
     */
    private volatile long writeSince;

    /** How many bytes the wire has taken. Written under the role; others read it to guess. */
    private long written;

    Output(Link<?> link) {
        this.link = link;
    }

    // ---- gathering and writing; under the write role ----

    /**
     * Makes room in the buffer, writing what is there if that would make it too large.
     *
     * @param bytes how many bytes are needed in one piece
     * @return the buffer; the room begins at {@link #filled()}
     * @throws IOException if the wire broke
     */
    public byte[] room(int bytes) throws IOException {
        if (buffer != null && bytes > buffer.length - filled && filled + bytes > LIMIT) {
            flush();
        }
        if (buffer == null) {
            buffer = new byte[Math.max(bytes, FIRST)];
        } else if (bytes > buffer.length - filled) {
            int size = Math.max(filled + bytes, Math.min(buffer.length * 4, LIMIT));
            byte[] larger = new byte[size];
            System.arraycopy(buffer, 0, larger, 0, filled);
            buffer = larger;
        }
        return buffer;
    }

    /** {@return where the free part of the buffer begins} */
    public int filled() {
        return filled;
    }

    /**
     * Says how far the buffer is filled now.
     *
     * @param end the index after the last byte
     */
    public void filled(int end) {
        filled = end;
    }

    /**
     * Sends bytes behind what is in the buffer: copied there if they are few, written from their
     * own array if they are many. May block.
     *
     * @param data the bytes
     * @param offset where they begin
     * @param length how many
     * @throws IOException if the wire broke
     */
    public void write(byte[] data, int offset, int length) throws IOException {
        if (length < GATHER) {
            byte[] out = room(length);
            System.arraycopy(data, offset, out, filled, length);
            filled += length;
            return;
        }
        int done = 0;
        if (filled > 0) {
            writeSince = stamp();
            int n = link.wire().write(buffer, filled, data, offset, length);
            written += n;
            if (n < filled) {
                writeFully(buffer, n, filled - n);
            } else {
                done = n - filled;
            }
            filled = 0;
            held = 0;
        }
        writeFully(data, offset + done, length - done);
        heldBack = false;
    }

    /**
     * Writes what is in the buffer. May block.
     *
     * @throws IOException if the wire broke
     */
    public void flush() throws IOException {
        if (heldBack) {
            heldBack = false;
        }
        if (filled > 0) {
            writeFully(buffer, 0, filled);
            filled = 0;
            held = 0;
            if (buffer.length > LIMIT) {
                buffer = null;
            }
        }
    }

    /** Writes all of it; the watchdog counts the time since the last byte that was taken. */
    private void writeFully(byte[] data, int offset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            writeSince = stamp();
            done += link.wire().write(data, offset + done, length - done);
        }
        writeSince = 0;
        written += length;
    }

    /** The current tick, never 0. */
    private long stamp() {
        return link.watchdog.now() | 1;
    }

    // ---- for the link; under the write role ----

    /**
     * Leaves the last element in the buffer, unless it was written: {@link #isHeldBack} until the
     * next write.
     */
    void holdBack() {
        if (filled > 0) {
            held++;
            if (!heldBack) { // a volatile write costs as much as the rest
                heldBack = true;
            }
        }
    }

    /** How many elements were held back and not written. */
    int held() {
        return held;
    }

    /** No write is under way any more: it failed. */
    void failed() {
        writeSince = 0;
    }

    /** Drops what was gathered. */
    void drop() {
        filled = 0;
        buffer = null;
        heldBack = false;
    }

    /** Lets go of the buffer if nothing is in it: an idle connection holds none. */
    void trim() {
        if (filled == 0) {
            buffer = null;
            link.wire().trim();
        }
    }

    // ---- any thread ----

    /** Whether something was held back that nobody has written since. */
    boolean isHeldBack() {
        return heldBack;
    }

    /** Whether there is a buffer to {@link #trim}; a guess without the write role. */
    boolean hasBuffer() {
        return buffer != null;
    }

    /** Whether a write is under way; a guess by the time it is used. */
    boolean isWriting() {
        return writeSince != 0;
    }

    /** Whether the write under way has made no progress for so many nanoseconds. */
    boolean isStalled(long now, long nanos) {
        long since = writeSince;
        return since != 0 && now - since > nanos;
    }

    /** How many bytes the wire has taken; a guess without the write role. */
    long written() {
        return written;
    }
}
