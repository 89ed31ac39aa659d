package io.peerloom.internal.protocol;

import java.io.ByteArrayOutputStream;
import java.util.List;

/**
 * Collects the body of a response that opened no WebSocket, as far as a limit (RFC 9112 section 6).
 * It is for people to read and nothing depends on it, so what is wrong with its framing ends it and
 * is no failure.
 *
 * <p>Used by one thread at a time.
 */
public final class ResponseBody {
    private enum State {
        /** So many bytes are to come as {@link #left} says. */
        DATA,
        CHUNK_SIZE,
        /** The rest of the line with the size. */
        CHUNK_EXTENSION,
        /** The line break behind a chunk. */
        CHUNK_END,
        /** Nothing more is to be read. */
        DONE
    }

    /** The most digits of a chunk's size: more would be more than any limit. */
    private static final int SIZE_DIGITS = 7;

    private final int most;
    private final boolean chunked;

    /** The end of the connection ends the body. */
    private final boolean untilClose;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private State state;

    /** Bytes to come of the body or of the chunk, or the chunk's size as far as it was read. */
    private long left;

    private int digits;
    private boolean complete;

    /**
     * Begins behind a head.
     *
     * @param head the response's
     * @param most how many bytes to keep; what follows them is not read
     */
    public ResponseBody(ResponseHead head, int most) {
        this.most = most;
        List<String> codings = head.list("Transfer-Encoding");
        List<String> lengths = head.all("Content-Length");
        chunked = !codings.isEmpty() && codings.getLast().equalsIgnoreCase("chunked");
        boolean none = head.status() < 200 || head.status() == 204 || head.status() == 304;
        boolean sized =
                codings.isEmpty()
                        && lengths.stream().distinct().count() == 1
                        && lengths.getFirst().matches("\\d{1,18}");
        untilClose = !none && !chunked && !sized;
        left = none ? 0 : sized ? Long.parseLong(lengths.getFirst()) : Long.MAX_VALUE;
        state = none ? State.DONE : chunked ? State.CHUNK_SIZE : State.DATA;
        if (left == 0) {
            finish(true);
        }
    }

    /**
     * Takes the next bytes.
     *
     * @param buf holds them; not changed and not kept
     * @param from the index of the first byte
     * @param to the index after the last byte
     * @return whether no more need be read
     */
    public boolean feed(byte[] buf, int from, int to) {
        int at = from;
        while (at < to && state != State.DONE) {
            if (state == State.DATA) {
                int room = most - bytes.size();
                int part = (int) Math.min(Math.min(left, to - at), room);
                bytes.write(buf, at, part);
                at += part;
                left -= part;
                if (left == 0) {
                    endOfData();
                } else if (part == room) {
                    finish(false);
                }
            } else {
                framing(buf[at++] & 0xFF);
            }
        }
        return state == State.DONE;
    }

    private void endOfData() {
        if (chunked) {
            state = State.CHUNK_END;
        } else {
            finish(true);
        }
    }

    private void framing(int c) {
        int digit = Character.digit(c, 16);
        if (state == State.CHUNK_SIZE && digit >= 0 && digits < SIZE_DIGITS) {
            left = digits++ == 0 ? digit : left * 16 + digit;
        } else if (state == State.CHUNK_SIZE && (digit >= 0 || digits == 0)) {
            finish(false);
        } else if (c == '\n' && state == State.CHUNK_END) {
            state = State.CHUNK_SIZE;
            digits = 0;
        } else if (c == '\n' && left == 0) {
            finish(true); // what follows are trailers
        } else if (c == '\n') {
            state = State.DATA;
        } else if (state == State.CHUNK_SIZE) {
            state = State.CHUNK_EXTENSION;
        } else if (state == State.CHUNK_END && c != '\r') {
            finish(false);
        }
    }

    private void finish(boolean whole) {
        state = State.DONE;
        complete = whole;
    }

    /** The connection has ended. */
    public void end() {
        if (state != State.DONE) {
            finish(untilClose);
        }
    }

    /**
     * The body as far as it came, was to be kept, and could be read.
     *
     * @return a copy
     */
    public byte[] bytes() {
        return bytes.toByteArray();
    }

    /**
     * Whether that is all of it.
     *
     * @return false if the limit or a fault cut it off
     */
    public boolean isComplete() {
        return complete;
    }
}
