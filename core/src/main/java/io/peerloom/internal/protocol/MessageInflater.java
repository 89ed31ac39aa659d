package io.peerloom.internal.protocol;

import java.util.Objects;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decompresses the messages of one direction of a connection (RFC 7692 section 7.2.2), piece by
 * piece as they come in. Belongs to the read role: one thread at a time.
 *
 * <p>For each message: {@link #feed} and {@link #take} in turns, then {@link #feedEnd}, {@link
 * #take} to the last byte, and {@link #completed}.
 *
 * <p>A final block (section 7.2.3.4) ends a stream and not the message: what follows it is a new
 * stream, and the next message is read like any other.
 */
final class MessageInflater {

    private static final byte[] EMPTY = {};

    /** What the sender took off: the length of an empty stored block. */
    private static final byte[] TAIL = {0, 0, (byte) 0xFF, (byte) 0xFF};

    /** The same, and a final block behind it, which is read as such only if nothing is missing. */
    private static final byte[] FINAL_TAIL = {
        0, 0, (byte) 0xFF, (byte) 0xFF, 1, 0, 0, (byte) 0xFF, (byte) 0xFF
    };

    private final DeflatePool pool;
    private final boolean keepsContext;

    /** Borrowed; null between messages unless the context is kept, and before the first. */
    private Inflater inflater;

    /** What was fed last. */
    private byte[] input = EMPTY;

    private int inputEnd;

    /** Whether anything came since the message or, inside it, a new stream began. */
    private boolean begun;

    /** The tail was fed. */
    private boolean ending;

    /** The stream ended inside the tail; and there, at its very end. */
    private boolean endedInTail;

    private boolean endedWithTail;

    /**
     * A decompressor that has borrowed nothing yet.
     *
     * @param pool where to borrow from
     * @param keepsContext whether matches reach into earlier messages
     */
    MessageInflater(DeflatePool pool, boolean keepsContext) {
        this.pool = pool;
        this.keepsContext = keepsContext;
    }

    /** Gives it more of the message; all before must have been taken. */
    void feed(byte[] data, int from, int size) {
        if (size == 0) {
            return;
        }
        if (inflater == null) {
            inflater = pool.borrowInflater();
        }
        begun = true;
        input(data, from, size);
    }

    /** Tells it that the message is complete. */
    void feedEnd() {
        ending = true;
        if (begun) {
            byte[] tail = keepsContext ? TAIL : FINAL_TAIL;
            input(tail, 0, tail.length);
        }
    }

    private void input(byte[] data, int from, int size) {
        input = data;
        inputEnd = from + size;
        inflater.setInput(data, from, size);
    }

    /**
     * Takes what comes out.
     *
     * @return how many bytes; 0 if it needs more input
     */
    int take(byte[] dst, int at, int room) throws ProtocolException {
        if (inflater == null) {
            return 0;
        }
        try {
            while (true) {
                int n = inflater.inflate(dst, at, room);
                if (n > 0 || !inflater.finished()) {
                    return n;
                }
                int left = inflater.getRemaining();
                if (ending) {
                    endedInTail = true;
                    endedWithTail = left == 0;
                    return 0;
                }
                inflater.reset(); // at least two bits were used, so this goes on with less
                begun = left > 0;
                if (left == 0) {
                    return 0;
                }
                inflater.setInput(input, inputEnd - left, left);
            }
        } catch (DataFormatException e) {
            throw new ProtocolException(
                    CloseCode.INVALID_DATA,
                    "compressed message is not DEFLATE data: "
                            + Objects.requireNonNullElse(e.getMessage(), "damaged"));
        }
    }

    /**
     * Ends the message, all of which was taken.
     *
     * @throws ProtocolException if something is missing at its end; with a context that is kept not
     *     every such case can be seen
     */
    void completed() throws ProtocolException {
        boolean cut = begun && (keepsContext ? endedInTail : !endedWithTail);
        if (keepsContext && !cut) {
            if (inflater != null) {
                inflater.setInput(EMPTY); // lets go of the input
            }
            forget();
        } else {
            release();
        }
        if (cut) {
            throw new ProtocolException(
                    CloseCode.INVALID_DATA, "compressed message ends inside a DEFLATE block");
        }
    }

    /** Gives back what was borrowed. */
    void release() {
        if (inflater != null) {
            pool.giveBack(inflater);
            inflater = null;
        }
        forget();
    }

    private void forget() {
        input = EMPTY;
        begun = false;
        ending = false;
        endedInTail = false;
        endedWithTail = false;
    }
}
