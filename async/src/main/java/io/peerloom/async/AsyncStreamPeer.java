package io.peerloom.async;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerUDS;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * A stream of bytes through futures: a {@link StreamPeerSocket}, TCP or Unix domain, whose calls
 * return at once.
 *
 * <p><b>Reading.</b> Any number of reads may be outstanding; they are answered in the order in
 * which they were called. Bytes are read when somebody asks for them, so the other side is held
 * back by the system's own window. To cancel a read, or to let it time out, loses nothing: the
 * bytes go to the next one.
 *
 * <p><b>Writing.</b> Any thread may {@link #write} at any time; the bytes of one call stay
 * together, the calls of one thread in order. While the other side takes nothing the future is not
 * done; who does not wait for it has stored the bytes itself.
 *
 * <p><b>Threads.</b> As those of {@link AsyncWebSocketPeer}: any may call, none is blocked, and
 * stages run on virtual threads of this library or on a given executor.
 */
public final class AsyncStreamPeer {

    /** Enough for an idle connection to wait with. */
    private static final int SMALL = 512;

    private static final int LARGE = 64 * 1024;

    /** What an array can have, nearly. */
    private static final int MOST = Integer.MAX_VALUE - 8;

    private static final byte[] NOTHING = {};

    /** Stands for the end among what is written; known by its identity. */
    private static final byte[] CLOSE = new byte[0];

    private final StreamPeerSocket peer;
    private final Executor executor;
    private final Inlet inlet;
    private final Outlet<byte[]> outlet;

    /** No more is accepted for writing, and reads find the end. Any thread sets it. */
    private volatile boolean closing;

    private AsyncStreamPeer(StreamPeerSocket peer, Executor executor) {
        this.peer = peer;
        this.executor = executor;
        var nesting = new Nesting(executor);
        this.inlet = new Inlet(nesting);
        this.outlet = new Outbox(nesting);
    }

    // ---- opening ----

    /**
     * Connects over TCP. Whatever completes the future before, its holder who cancels it or a
     * timeout set on it, gives the connection up.
     *
     * @param host a name or an address
     * @param port 1 to 65535
     * @return the connected peer; or it fails with {@link PeerException}: {@link
     *     ErrorCode#INVALID_PARAMETER} if these are no host and port; {@link
     *     ErrorCode#CANT_RESOLVE} if the host has no address; {@link ErrorCode#CONNECTION_ERROR} if
     *     none answered, or not in time
     */
    public static CompletableFuture<AsyncStreamPeer> connect(String host, int port) {
        Objects.requireNonNull(host, "host");
        return Relay.connect(
                () -> StreamPeerTCP.connect(host, port),
                connected -> new AsyncStreamPeer(connected, null),
                StreamPeerSocket::disconnectFromHost,
                null);
    }

    /**
     * Connects to a Unix domain socket, otherwise as {@link #connect(String, int)}.
     *
     * @param path the socket's file
     * @return the connected peer; or it fails with {@link PeerException}: {@link
     *     ErrorCode#INVALID_PARAMETER} if the path is empty or too long; {@link
     *     ErrorCode#CONNECTION_ERROR} if there is no socket, or nobody listens
     */
    public static CompletableFuture<AsyncStreamPeer> connect(Path path) {
        Objects.requireNonNull(path, "path");
        return Relay.connect(
                () -> StreamPeerUDS.connect(path),
                connected -> new AsyncStreamPeer(connected, null),
                StreamPeerSocket::disconnectFromHost,
                null);
    }

    /**
     * Wraps a connected peer. It must not be used directly any more.
     *
     * @param peer the connected peer; one that was never polled is faster
     * @return its futures
     */
    public static AsyncStreamPeer of(StreamPeerSocket peer) {
        return new AsyncStreamPeer(Objects.requireNonNull(peer, "peer"), null);
    }

    /**
     * Wraps a connected peer as {@link #of(StreamPeerSocket)} does, with all stages on an executor.
     *
     * @param peer the connected peer
     * @param executor runs the stages of this peer's futures
     * @return its futures
     */
    public static AsyncStreamPeer of(StreamPeerSocket peer, Executor executor) {
        return new AsyncStreamPeer(
                Objects.requireNonNull(peer, "peer"), Objects.requireNonNull(executor, "executor"));
    }

    // ---- reading ----

    /**
     * Asks for some bytes: those that are there, or the first that come.
     *
     * @param most how many at the most, at least 1
     * @return at least one byte; null at the end of the stream, and when it was closed; or it fails
     *     with {@link PeerException}, {@link ErrorCode#FAILED} and the cause, when the connection
     *     broke
     * @throws IllegalArgumentException if less than one byte is asked for
     */
    public CompletableFuture<byte[]> read(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("a read of at most " + most + " bytes");
        }
        return add(new Read(inlet, 1, most, false));
    }

    /**
     * Asks for so many bytes, no less and no more. Memory is taken as they come.
     *
     * @param bytes how many, at least 0
     * @return the bytes; or it fails with {@link PeerException}: {@link ErrorCode#FILE_EOF} if the
     *     stream ended before them, or was closed, {@link ErrorCode#FAILED} and the cause if the
     *     connection broke. Those that did come are there for {@link #read} then
     * @throws IllegalArgumentException if the number is negative, or no array has so many
     */
    public CompletableFuture<byte[]> readExactly(int bytes) {
        if (bytes < 0 || bytes > MOST) {
            throw new IllegalArgumentException("a read of " + bytes + " bytes");
        }
        return add(new Read(inlet, bytes, bytes, true));
    }

    private Read add(Read read) {
        if (inlet.answerAtOnce(read)) {
            read.run();
            return read;
        }
        inlet.waiting.add(read);
        if (closing) {
            answerAll(); // close has done so before this one was there, or does it now
        } else {
            inlet.ensure();
        }
        return read;
    }

    /** After closing: nothing will come any more for those who wait. Any thread; never waits. */
    private void answerAll() {
        for (Read read; (read = inlet.claimNext()) != null; ) {
            read.decideEnd(null);
            if (executor != null) {
                Relay.complete(read, executor);
            } else {
                Relay.start(read);
            }
        }
    }

    /** A read that is not answered. */
    private static final class Read extends Pending<byte[]> {
        private final int least;
        private final int most;
        private final boolean exactly;

        Read(Relay<Read> inlet, int least, int most, boolean exactly) {
            super(inlet);
            this.least = least;
            this.most = most;
            this.exactly = exactly;
        }

        /** The answer when there are not enough bytes. */
        void decideEnd(Throwable cause) {
            ErrorCode code = cause != null ? ErrorCode.FAILED : exactly ? ErrorCode.FILE_EOF : null;
            decide(null, code == null ? null : new PeerException(code, cause));
        }
    }

    /** What reads. Its role is that of the peer's receiving thread, and owns the buffer. */
    private final class Inlet extends Relay<Read> {
        // ---- the role's ----

        /** What was read and not taken: from one index to below the other. */
        private byte[] buffer = NOTHING;

        private int from;
        private int to;

        /** How much to ask for at once; large while much comes. */
        private int room = SMALL;

        /** No more will come. */
        private boolean ended;

        Inlet(Nesting nesting) {
            super(nesting);
        }

        /** Answers a read that its holder does not have yet, if there are enough bytes. */
        boolean answerAtOnce(Read read) {
            if (!tryAcquireAtOnce(this)) {
                return false;
            }
            try {
                if (to - from < read.least || closing) {
                    return false;
                }
                read.claim(); // nobody has it yet who could give it up
                answer(read);
                return true;
            } finally {
                release();
            }
        }

        @Override
        Pending<?> step() {
            nesting.run();
            for (Read read; (read = waiting.peek()) != null; ) {
                if (read.isOpen() && to - from < read.least && !ended && !closing) {
                    fill();
                } else {
                    waiting.remove(read);
                    if (read.claim()) {
                        answer(read);
                        return read;
                    }
                }
            }
            return null;
        }

        private void answer(Read read) {
            int n = Math.min(read.most, to - from);
            if (n < read.least || closing) {
                read.decideEnd(peer.getFailure().orElse(null));
            } else {
                read.decide(Arrays.copyOfRange(buffer, from, from + n), null);
                from += n;
            }
        }

        /** Waits for more. Whose read it is may be decided after that. */
        private void fill() {
            int have = to - from;
            if (have == 0) {
                from = to = 0;
                if (buffer.length > room) {
                    buffer = NOTHING; // an idle connection holds no large buffer
                }
            }
            if (buffer.length - to < room) {
                byte[] larger = buffer;
                if (buffer.length - have < room) { // grows with what has come, not with what may
                    long size = have + (long) Math.max(room, have);
                    larger = new byte[(int) Math.min(size, MOST)];
                }
                System.arraycopy(buffer, from, larger, 0, have);
                buffer = larger;
                from = 0;
                to = have;
            }
            int free = buffer.length - to;
            int n = peer.read(buffer, to, free, Limits.NEVER);
            if (n < 0) {
                ended = true;
                return;
            }
            to += n;
            if (n == free) {
                room = LARGE;
            } else if (n <= SMALL / 4) {
                room = SMALL;
            }
        }
    }

    // ---- writing ----

    /**
     * Writes bytes.
     *
     * <p>The future is done when core has accepted all of them: they were given to the system, or
     * are in the peer's outbound queue and will be, unless the connection breaks. A future that is
     * cancelled, or completed in another way, before the bytes had their turn takes them back;
     * after that, cancelling has no effect.
     *
     * @param data the bytes; not copied, do not change them before the future is done
     * @return done when they were accepted; or it fails with {@link PeerException} and {@link
     *     ErrorCode#FAILED} if the connection was closed or broke, or the other side took nothing
     *     for {@link Limits#writeTimeout}
     */
    public CompletableFuture<Void> write(byte[] data) {
        Objects.requireNonNull(data, "data");
        return closing
                ? Stage.failed(inlet.nesting, new PeerException(ErrorCode.FAILED, null))
                : outlet.send(data, inlet);
    }

    private final class Outbox extends Outlet<byte[]> {
        Outbox(Nesting nesting) {
            super(nesting);
        }

        @Override
        ErrorCode put(byte[] data) {
            if (data == CLOSE) {
                peer.disconnectFromHost();
                return ErrorCode.OK;
            }
            return peer.putData(data);
        }

        @Override
        Throwable cause() {
            return peer.getFailure().orElse(null);
        }
    }

    // ---- closing ----

    /**
     * Closes the connection. What was written before leaves first, as long as the other side takes
     * it; reads that are not answered find the end now, and what was not read is dropped.
     *
     * @return done when core has all that was written and lets the connection go by its own
     *     deadlines; it does not fail
     */
    public CompletableFuture<Void> close() {
        closing = true;
        answerAll();
        return outlet.sendLast(CLOSE).toCompletableFuture();
    }
}
