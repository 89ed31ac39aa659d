package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A stream peer on a {@link StreamLink}: what sockets and TLS have in common, which is all but how
 * a connection comes about and what Godot calls its states and errors.
 */
abstract sealed class LinkedStreamPeer extends StreamPeer implements AutoCloseable
        permits StreamPeerSocket, StreamPeerTLS {

    /**
     * What the peer is at one time.
     *
     * @param status in the words of sockets
     * @param link the connection; null when NONE or ERROR
     * @param failure why the last connection failed or broke; empty while all is well
     * @param left the connection that was left by disconnecting, which may still fail; or null
     */
    private record State(
            Peer.Status status, StreamLink link, Optional<Throwable> failure, StreamLink left) {
        State(Peer.Status status, StreamLink link, Throwable cause) {
            this(status, link, Optional.ofNullable(cause), null);
        }

        State(Peer.Status status, StreamLink link) {
            this(status, link, Optional.empty(), null);
        }
    }

    /** How a read says that the stream ended in order. */
    private static final int ENDED = -1;

    /** How a read says that the connection broke. */
    private static final int BROKEN = -2;

    /** How a read says that there is no connection, or none any more. */
    private static final int UNCONNECTED = -3;

    /** Set before connecting by the owner; read by it. */
    private Limits limits = Limits.defaults();

    /**
     * Moved by {@link #move} alone, as a whole, so that any thread may disconnect at any time: of
     * two threads that would move it one is first, and the other finds that there is nothing to do.
     */
    private final AtomicReference<State> state =
            new AtomicReference<>(new State(Peer.Status.NONE, null));

    /** Where {@link #awaitActivity} waits while there is no link to wait at. */
    private final WaitPoint unlinked = new WaitPoint();

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private final AtomicBoolean woken = new AtomicBoolean();

    LinkedStreamPeer() {}

    /** {@return the limits of the next connection} */
    public Limits getLimits() {
        return limits;
    }

    /**
     * Sets the limits of the next connection. Of a stream's concern: connect, TLS handshake, write
     * and close timeout, and the sizes of both queues, where a message is a piece that was read or
     * put.
     *
     * @param limits the limits
     */
    public void setLimits(Limits limits) {
        this.limits = Objects.requireNonNull(limits, "limits");
    }

    /** What the class calls a put or get without a connection. */
    abstract ErrorCode unconnected();

    /** What it calls one that meets a broken connection, and a poll that does. */
    abstract ErrorCode broken();

    /** What its status is after a poll has met a broken connection. */
    abstract Peer.Status statusWhenBroken();

    /** The connection is established. On the owner's thread. */
    void entered(StreamLink link) {}

    // ---- status ----

    /** Looks what happened to the connection, and moves the status accordingly. */
    final ErrorCode fold() {
        State now = state.get();
        StreamLink current = now.link();
        if (current == null) {
            return ErrorCode.OK;
        }
        if (now.status() == Peer.Status.CONNECTING) {
            ErrorCode code = concludeConnecting(now);
            if (status() == Peer.Status.CONNECTED) {
                current.startReader();
            }
            return code;
        }
        current.startReader();
        if (!current.isDrained()) {
            return ErrorCode.OK;
        }
        Throwable cause = current.failure();
        if (cause == null) {
            move(now, new State(Peer.Status.NONE, null));
            return ErrorCode.OK;
        }
        return move(now, new State(statusWhenBroken(), null, cause)) ? broken() : ErrorCode.OK;
    }

    private ErrorCode concludeConnecting(State now) {
        StreamLink current = now.link();
        if (current.phase() == StreamLink.Phase.CONNECTING) {
            return ErrorCode.OK;
        }
        if (current.wasConnected()) { // perhaps it is over again; what arrived comes first
            entered(current);
            move(now, new State(Peer.Status.CONNECTED, current));
            return ErrorCode.OK;
        }
        Throwable cause = current.failure();
        if (!move(now, new State(Peer.Status.ERROR, null, cause))) {
            return ErrorCode.OK;
        }
        return cause instanceof UnknownHostException
                ? ErrorCode.CANT_RESOLVE
                : ErrorCode.CONNECTION_ERROR;
    }

    /** The status in the words of sockets. */
    final Peer.Status status() {
        return state.get().status();
    }

    /**
     * The one method that moves the status.
     *
     * @return false if another thread disconnected since {@code from} was looked at, so that there
     *     is nothing to move any more
     */
    private boolean move(State from, State to) {
        if (!state.compareAndSet(from, to)) {
            return false;
        }
        if (from.link() != null && to.link() == null) {
            from.link().close();
        }
        return true;
    }

    /** {@return whether there is another side, or one is being connected to} */
    final boolean hasTarget() {
        return state.get().link() != null;
    }

    /** The connection, or null. */
    final StreamLink link() {
        return state.get().link();
    }

    /** Closes the connection, or gives it up; the status is NONE after it. Any thread. */
    final void disconnect() {
        State now = state.get();
        while (now.status() != Peer.Status.NONE
                && !move(now, new State(Peer.Status.NONE, null, now.failure(), now.link()))) {
            now = state.get();
        }
    }

    /** Closes the connection: what was put before is still sent. Idempotent; any thread. */
    @Override
    public abstract void close();

    /**
     * {@return why the last call or connection failed, or why the connection broke, if it did} An
     * orderly end is no failure. After disconnecting it says why what was put before could not be
     * delivered, once that is known. Kept until the next connection begins. Not Godot's.
     */
    public Optional<Throwable> getFailure() {
        State now = state.get();
        if (now.failure().isEmpty() && now.left() != null) {
            Throwable cause = now.left().undelivered();
            if (cause != null) {
                State known = new State(now.status(), now.link(), Optional.of(cause), null);
                state.compareAndSet(now, known); // to be returned again; another may move it
                return known.failure();
            }
        }
        return now.failure();
    }

    // ---- connecting, for the subclasses; on the owner's thread ----

    /** Keeps why something could not be begun, and nothing else. There must be no connection. */
    final void setFailure(Throwable cause) {
        State now = state.get();
        move(now, new State(now.status(), null, cause));
    }

    /** Adopts a link that is connecting. There must be no connection. */
    final void begin(StreamLink link) {
        if (!move(state.get(), new State(Peer.Status.CONNECTING, link))) {
            link.close();
        }
    }

    /** Adopts a link that is connected. */
    final void adopt(StreamLink link) {
        move(state.get(), new State(Peer.Status.CONNECTED, link));
    }

    /** Waits until it is not connecting any more; false if interrupted meanwhile. */
    final boolean awaitConnected() {
        StreamLink current = link();
        return current == null || isSettled(current);
    }

    private static boolean isSettled(StreamLink current) {
        return current.await(() -> current.phase() != StreamLink.Phase.CONNECTING, Nanos.FOREVER);
    }

    /**
     * Waits until connected, and starts no thread that reads; for the blocking factories of the
     * subclasses.
     */
    final void finishConnecting() throws IOException {
        State now = state.get();
        now.link().claim();
        if (!isSettled(now.link())) {
            disconnect();
            throw new InterruptedIOException("interrupted while connecting");
        }
        if (concludeConnecting(now) != ErrorCode.OK) {
            Throwable cause = getFailure().orElse(null);
            throw cause instanceof IOException e ? e : new IOException(cause);
        }
    }

    // ---- data ----

    /** The connection to put into or get from, or null. */
    private static StreamLink connected(State now) {
        return now.status() == Peer.Status.CONNECTED ? now.link() : null;
    }

    @Override
    public ErrorCode putData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length == 0) {
            return ErrorCode.OK; // as in Godot, whatever the status
        }
        StreamLink current = connected(state.get());
        if (current == null) {
            return unconnected();
        }
        return current.put(data, offset, length) ? ErrorCode.OK : broken();
    }

    @Override
    public int putPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length == 0) {
            return 0;
        }
        StreamLink current = connected(state.get());
        return current == null ? -1 : current.putPartial(data, offset, length);
    }

    @Override
    public ErrorCode getData(byte[] data, int offset, int length) {
        return getData(data, offset, length, Limits.NEVER);
    }

    /**
     * Reads exactly so many bytes, waiting for them for a time. An interrupt ends the wait and
     * stays set; the connection lives. There is one exception: without a time ({@link
     * Limits#NEVER}) a virtual thread reads the socket itself, and Java closes a socket whose
     * reader is interrupted.
     *
     * @param data where to
     * @param offset where the first byte goes
     * @param length how many bytes
     * @param timeout how long to wait at the most; {@link Limits#NEVER} as long as the connection
     *     lives
     * @return OK; TIMEOUT when they were not there in time or the thread was interrupted, FILE_EOF
     *     when the stream ended before them, another code when it broke or there is no connection,
     *     as the class says. What did arrive is in the array then, and gone from the stream
     */
    public ErrorCode getData(byte[] data, int offset, int length, Duration timeout) {
        Objects.checkFromIndexSize(offset, length, data.length);
        long deadline = deadline(timeout);
        for (int done = 0; done < length; ) {
            int n = read(data, offset + done, length - done, left(deadline));
            switch (n) {
                case 0 -> {
                    return ErrorCode.TIMEOUT;
                }
                case ENDED -> {
                    return ErrorCode.FILE_EOF;
                }
                case BROKEN -> {
                    return broken();
                }
                case UNCONNECTED -> {
                    return unconnected();
                }
                default -> done += n;
            }
        }
        return ErrorCode.OK;
    }

    /**
     * Reads what is there, waiting for at least one byte for a time: the blocking call of {@code
     * java.io}, for handlers on virtual threads. An interrupt ends the wait and stays set; the
     * connection lives. There is one exception: without a time ({@link Limits#NEVER}) a virtual
     * thread reads the socket itself, and Java closes a socket whose reader is interrupted.
     *
     * @param data where to
     * @param offset where the first byte goes
     * @param length how many bytes at the most; 0 gives 0
     * @param timeout how long to wait at the most; {@link Limits#NEVER} as long as the connection
     *     lives
     * @return how many bytes were read; 0 when there were none in time or the thread was
     *     interrupted, -1 at the end of the stream or when it broke ({@link #getFailure} tells) or
     *     there is no connection
     */
    public int read(byte[] data, int offset, int length, Duration timeout) {
        Objects.checkFromIndexSize(offset, length, data.length);
        return length == 0 ? 0 : Math.max(-1, read(data, offset, length, left(deadline(timeout))));
    }

    private static long deadline(Duration timeout) {
        long nanos = Nanos.of(timeout);
        return nanos == Nanos.FOREVER ? Nanos.FOREVER : System.nanoTime() + nanos;
    }

    private static long left(long deadline) {
        return deadline == Nanos.FOREVER ? Nanos.FOREVER : deadline - System.nanoTime();
    }

    /** At least one byte; or 0 when the time was up, or one of the three words for never. */
    private int read(byte[] data, int offset, int length, long nanos) {
        State now = state.get();
        StreamLink current = connected(now);
        if (current == null) {
            return UNCONNECTED;
        }
        long deadline = nanos == Nanos.FOREVER ? nanos : System.nanoTime() + nanos;
        while (true) {
            int n = current.take(data, offset, length);
            if (n > 0) {
                return n;
            }
            if (current.isDrained()) {
                return meetEnd(now);
            }
            n = current.waitForInput(data, offset, length, left(deadline));
            if (n > 0) {
                return n;
            }
            if (current.available() > 0 || current.isDrained()) {
                continue;
            }
            if (left(deadline) <= 0 || Thread.currentThread().isInterrupted()) {
                return 0;
            }
        }
    }

    /** A read disconnects when it meets the end, unless another thread has done so. */
    private int meetEnd(State now) {
        Throwable cause = now.link().failure();
        if (!move(now, new State(Peer.Status.NONE, null, cause))) {
            return UNCONNECTED;
        }
        return cause == null ? ENDED : BROKEN;
    }

    @Override
    public int getPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length == 0) {
            return 0;
        }
        State now = state.get();
        StreamLink current = connected(now);
        if (current == null) {
            return -1;
        }
        current.startReader();
        int n = current.take(data, offset, length);
        return n == 0 && current.isDrained() ? Math.max(-1, meetEnd(now)) : n;
    }

    /**
     * {@return how many bytes can be read without waiting, or -1 when there is no connection} Grows
     * between polls. Godot: {@code get_available_bytes}.
     */
    @Override
    public int getAvailableBytes() {
        State now = state.get();
        if (now.link() == null) {
            return -1;
        }
        if (now.status() != Peer.Status.CONNECTED) {
            return 0;
        }
        now.link().startReader();
        return now.link().available();
    }

    // ---- waiting ----

    /**
     * Waits until the next poll would change something: the status, or what can be read. It returns
     * at once if that is so already. Not Godot's.
     *
     * @param timeout how long to wait at the most; zero or negative to look and not wait
     * @return true if the next poll would change something, or if {@link #wakeup} was called; false
     *     if the time is over, or if the calling thread is or gets interrupted, which leaves its
     *     interrupt status set
     */
    public boolean awaitActivity(Duration timeout) {
        State now = state.get();
        StreamLink current = now.link();
        long nanos = Nanos.of(timeout);
        boolean active;
        if (current == null) { // nothing but a wakeup can happen
            active = unlinked.await(() -> woken.get() || hasTarget(), nanos);
        } else if (now.status() == Peer.Status.CONNECTING) {
            active =
                    current.await(
                            () -> woken.get() || current.phase() != StreamLink.Phase.CONNECTING,
                            nanos);
        } else {
            current.startReader();
            active =
                    current.await(
                            () -> woken.get() || current.available() > 0 || current.isDrained(),
                            nanos);
        }
        return woken.getAndSet(false) || active; // one that comes after this is for the next wait
    }

    /**
     * Makes the wait that another thread is in, or else the next one, return at once with true.
     * Several calls before that count as one. Any thread. Not Godot's.
     */
    public void wakeup() {
        woken.set(true);
        StreamLink current = state.get().link();
        if (current != null) {
            current.wake();
        }
        unlinked.signal();
    }
}
