package io.peerloom.internal.link;

import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A stream peer as a wire: of a WebSocket, or of TLS. On virtual threads its blocking calls use the
 * socket directly, so that nothing is handed over in between.
 *
 * <p>Stream peers belong to a package that this one may not know; so what is needed of one comes as
 * functions.
 */
public final class StreamWire implements Wire {

    /** Reads at least one byte, waiting for it. */
    @FunctionalInterface
    public interface Reading {
        /**
         * Reads.
         *
         * @param dst where to
         * @param offset where its first byte goes
         * @param length how many at the most
         * @return how many; 0 if the wait was given up, negative if none will come
         */
        int read(byte[] dst, int offset, int length);
    }

    /** Writes all of it, waiting for room. */
    @FunctionalInterface
    public interface Writing {
        /**
         * Writes.
         *
         * @param src the bytes
         * @param offset where they begin
         * @param length how many
         * @return whether they were accepted
         */
        boolean write(byte[] src, int offset, int length);
    }

    private final Reading reading;
    private final Writing writing;
    private final Supplier<Optional<Throwable>> failure;
    private final Runnable disconnecting;

    /**
     * Takes over a stream.
     *
     * @param reading how it is read
     * @param writing how it is written
     * @param failure why it broke, if it did
     * @param disconnecting sends what was accepted, then closes it; any thread, idempotent
     */
    public StreamWire(
            Reading reading,
            Writing writing,
            Supplier<Optional<Throwable>> failure,
            Runnable disconnecting) {
        this.reading = reading;
        this.writing = writing;
        this.failure = failure;
        this.disconnecting = disconnecting;
    }

    /** {@return why the stream broke, or what was put into it may not have arrived; or null} */
    public Throwable failure() {
        return failure.get().orElse(null);
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        int n = reading.read(dst, offset, length);
        if (n > 0) {
            return n;
        }
        Optional<Throwable> cause = failure.get();
        if (n == 0) {
            throw new IOException("the wait for the stream was given up", cause.orElse(null));
        }
        if (cause.isPresent()) {
            throw new IOException(cause.get().getMessage(), cause.get());
        }
        return -1;
    }

    @Override
    public int write(byte[] src, int offset, int length) throws IOException {
        if (!writing.write(src, offset, length)) {
            throw new IOException(
                    "the stream is not connected any more", failure.get().orElse(null));
        }
        return length;
    }

    /**
     * A stream peer, like Godot's, has no half-open state: what was written is sent, then closed.
     */
    @Override
    public void shutdownOutput() {
        disconnecting.run();
    }

    @Override
    public void close() {
        disconnecting.run();
    }
}
