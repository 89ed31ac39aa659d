package io.peerloom.internal.link;

import java.io.IOException;

/**
 * The bytes of a connection, as a blocking pair of calls: a socket, a stream peer, TLS over either.
 *
 * <p>One thread at a time reads (it holds the read role), one at a time writes (the write role);
 * {@link #close} may come from any thread at any time and makes both return.
 */
public interface Wire {

    /**
     * Reads at least one byte, waiting for it as long as it takes.
     *
     * @param dst where to
     * @param offset where its first byte goes
     * @param length how many at the most, at least 1
     * @return how many bytes were read, or -1 at the end of the stream
     * @throws IOException if the connection broke or was closed
     */
    int read(byte[] dst, int offset, int length) throws IOException;

    /**
     * Writes at least one byte, waiting as long as it takes until the other side makes room.
     *
     * @param src the bytes
     * @param offset where they begin
     * @param length how many, at least 1
     * @return how many of them were written
     * @throws IOException if the connection broke or was closed
     */
    int write(byte[] src, int offset, int length) throws IOException;

    /**
     * Writes at least one byte of two runs of bytes, the second behind the first, in one system
     * call if it can.
     *
     * @param head the first bytes, from index 0
     * @param headLength how many of them, at least 1
     * @param src the second bytes
     * @param offset where they begin
     * @param length how many of them
     * @return how many of both together were written
     * @throws IOException if the connection broke or was closed
     */
    default int write(byte[] head, int headLength, byte[] src, int offset, int length)
            throws IOException {
        return write(head, 0, headLength);
    }

    /**
     * Tells the other side that nothing more will come, and keeps reading possible.
     *
     * @throws IOException if the connection broke or was closed
     */
    void shutdownOutput() throws IOException;

    /**
     * Lets go of buffers that wait for nothing, now that nothing is written. Under the write role.
     */
    default void trim() {}

    /** Lets go of the connection at once. Any thread, idempotent, never throws, never waits. */
    void close();
}
