package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A stream of bytes over a socket that never blocks a game loop: Godot's {@code StreamPeerSocket}
 * (4.6).
 *
 * <p>{@link #poll} moves the {@linkplain #getStatus status}, as in Godot:
 *
 * <table>
 * <caption>what {@link #poll} does</caption>
 * <tr><th>before</th><th>seen</th><th>after</th><th>returns</th></tr>
 * <tr><td>NONE, ERROR</td><td></td><td>the same</td><td>OK</td></tr>
 * <tr><td>CONNECTING</td><td>still pending</td><td>CONNECTING</td><td>OK</td></tr>
 * <tr><td>CONNECTING</td><td>connected</td><td>CONNECTED</td><td>OK</td></tr>
 * <tr><td>CONNECTING</td><td>refused, unreachable, timed out</td><td>ERROR</td>
 *     <td>CONNECTION_ERROR</td></tr>
 * <tr><td>CONNECTING</td><td>the name has no address</td><td>ERROR</td><td>CANT_RESOLVE</td></tr>
 * <tr><td>CONNECTED</td><td>bytes to read</td><td>CONNECTED</td><td>OK</td></tr>
 * <tr><td>CONNECTED</td><td>the other side closed, nothing left to read</td><td>NONE</td>
 *     <td>OK</td></tr>
 * <tr><td>CONNECTED</td><td>connection broken, nothing left to read</td><td>ERROR</td>
 *     <td>FAILED</td></tr>
 * </table>
 *
 * <p>From ERROR, {@link #disconnectFromHost} leads back to NONE; only from there a connection can
 * be begun. A read that meets the end disconnects at once and says {@link ErrorCode#FILE_EOF}, one
 * that meets a broken connection disconnects and says {@link ErrorCode#FAILED}, as Godot's do.
 *
 * <p>Unlike Godot's, the peer resolves names without blocking, and what it accepted for sending
 * leaves before the connection is closed.
 *
 * <p>Threads: one thread at a time polls and receives. Any thread may put data, disconnect and
 * {@link #wakeup}; the bytes of one call stay together. {@code putPartialData}, {@code
 * getPartialData}, {@code poll} and the getters never block. {@code putData} waits while the other
 * side takes nothing, at most {@link Limits#writeTimeout} without progress. {@code getData} waits
 * for as long as the connection lives, which keepalive probes of the system bound; {@link
 * #getData(byte[], int, int, Duration)} waits for a time. On a virtual thread both use the socket
 * directly as long as the peer was not polled, which is the fastest way. To end such a call,
 * disconnect: an interrupt of a virtual thread inside of the socket closes the connection, as
 * everywhere in {@code java.nio}; everywhere else it ends the wait and does no harm.
 *
 * <p>Of a peer that nobody polls or reads from for {@link Limits#closeTimeout} a thread of its own
 * reads from then on, so that the end of the connection is seen and the socket let go of.
 */
public abstract sealed class StreamPeerSocket extends StreamPeer implements Peer, AutoCloseable
        permits StreamPeerTCP, StreamPeerUDS {

    /**
     * What the peer is at one time.
     *
     * @param status what {@link #getStatus} says
     * @param link the connection; null when NONE or ERROR
     * @param failure why the last connection failed or broke; null while all is well
     */
    private record State(Status status, StreamLink link, Throwable failure) {}

    /** How a read says that the stream ended in order. */
    private static final int ENDED = -1;

    /** How a read says that the connection broke, or that there is none. */
    private static final int FAILED = -2;

    /** Set before connecting by the owner; read by it. */
    private Limits limits = Limits.defaults();

    /**
     * Moved by {@link #move} alone, as a whole, so that any thread may disconnect at any time: of
     * two threads that would move it one is first, and the other finds that there is nothing to do.
     */
    private final AtomicReference<State> state =
            new AtomicReference<>(new State(Status.NONE, null, null));

    /** Opened and bound for the next connection, or null; taken by who connects or disconnects. */
    private final AtomicReference<SocketChannel> bound = new AtomicReference<>();

    /** Where {@link #awaitActivity} waits while there is no link to wait at. */
    private final WaitPoint unlinked = new WaitPoint();

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private final AtomicBoolean woken = new AtomicBoolean();

    StreamPeerSocket() {}

    /** {@return the limits of the next connection} */
    public Limits getLimits() {
        return limits;
    }

    /**
     * Sets the limits of the next connection. Of a stream's concern: connect, write and close
     * timeout, and the sizes of both queues, where a message is a piece that was read or put.
     *
     * @param limits the limits
     */
    public void setLimits(Limits limits) {
        this.limits = Objects.requireNonNull(limits, "limits");
    }

    // ---- status ----

    /**
     * Looks what happened to the connection and moves the status accordingly. Godot: {@code
     * StreamPeerSocket.poll}.
     *
     * @return as in the table above
     */
    @Override
    public ErrorCode poll() {
        State now = state.get();
        StreamLink current = now.link();
        if (current == null) {
            return ErrorCode.OK;
        }
        if (now.status() == Status.CONNECTING) {
            ErrorCode code = concludeConnecting(now);
            if (getStatus() == Status.CONNECTED) {
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
            move(now, new State(Status.NONE, null, null));
            return ErrorCode.OK;
        }
        return move(now, new State(Status.ERROR, null, cause)) ? ErrorCode.FAILED : ErrorCode.OK;
    }

    private ErrorCode concludeConnecting(State now) {
        StreamLink current = now.link();
        if (current.phase() == StreamLink.Phase.CONNECTING) {
            return ErrorCode.OK;
        }
        if (current.wasConnected()) { // perhaps it is over again; what arrived comes first
            entered(current.channel());
            move(now, new State(Status.CONNECTED, current, null));
            return ErrorCode.OK;
        }
        Throwable cause = current.failure();
        if (!move(now, new State(Status.ERROR, null, cause))) {
            return ErrorCode.OK;
        }
        return cause instanceof UnknownHostException
                ? ErrorCode.CANT_RESOLVE
                : ErrorCode.CONNECTION_ERROR;
    }

    @Override
    public Status getStatus() {
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

    /** The connection is established: look at its addresses. On the owner's thread. */
    void entered(SocketChannel channel) {}

    /** {@return whether there is another side, or one is being connected to} */
    final boolean hasTarget() {
        return state.get().link() != null;
    }

    /**
     * Closes the connection, or gives up connecting; the status is NONE after it. What was put
     * before is still sent. Idempotent; any thread; does not block. Godot: {@code
     * disconnect_from_host}.
     *
     * <p>A thread that waits in {@code getData} or {@code read} is told that there is no connection
     * any more. If it is a virtual thread that reads from the socket itself, that happens when the
     * other side has closed its end as well, and after {@link Limits#closeTimeout} at the latest.
     */
    public void disconnectFromHost() {
        State now = state.get();
        while (now.status() != Status.NONE
                && !move(now, new State(Status.NONE, null, now.failure()))) {
            now = state.get();
        }
        closeQuietly(bound.getAndSet(null));
    }

    /** The same as {@link #disconnectFromHost}. */
    @Override
    public void close() {
        disconnectFromHost();
    }

    /**
     * {@return why connecting or binding failed or the connection broke, if it did} An orderly end
     * is no failure. Kept until the next connection begins.
     */
    @Override
    public Optional<Throwable> getFailure() {
        return Optional.ofNullable(state.get().failure());
    }

    // ---- connecting, for the subclasses; on the owner's thread ----

    /** {@return whether it is bound, or not in a status to be bound in} */
    final boolean isInUse() {
        return bound.get() != null || getStatus() != Status.NONE;
    }

    /** Keeps a channel for the next connection. */
    final void setBound(SocketChannel channel) {
        bound.set(channel);
    }

    /** {@return the channel that was kept, which is the caller's now; null if there is none} */
    final SocketChannel takeBound() {
        return bound.getAndSet(null);
    }

    static void closeQuietly(SocketChannel channel) {
        if (channel != null) {
            new ChannelWire(channel).close();
        }
    }

    /** Keeps why something could not be begun. */
    final void setFailure(Throwable cause) {
        move(state.get(), new State(Status.NONE, null, cause));
    }

    /** Begins to connect. The status must be NONE. */
    final void begin(StreamLink.Opener opener) {
        State now = state.get();
        StreamLink link = StreamLink.connect(limits, opener);
        if (!move(now, new State(Status.CONNECTING, link, null))) {
            link.close();
        }
    }

    /** Adopts an accepted connection. */
    final void adopt(Limits serverLimits, Watchdog watchdog, SocketChannel channel) {
        limits = serverLimits;
        StreamLink link = StreamLink.accepted(serverLimits, watchdog, channel);
        move(state.get(), new State(Status.CONNECTED, link, null));
    }

    /** The channel of the current connection, or else the one that was bound, or null. */
    final SocketChannel channel() {
        StreamLink current = state.get().link();
        return current == null ? bound.get() : current.channel();
    }

    /**
     * Waits until connected, and starts no thread that reads; for the blocking factories of the
     * subclasses.
     */
    final void finishConnecting() throws IOException {
        State now = state.get();
        StreamLink current = now.link();
        if (!current.await(() -> current.phase() != StreamLink.Phase.CONNECTING, Nanos.FOREVER)) {
            disconnectFromHost();
            throw new InterruptedIOException("interrupted while connecting");
        }
        if (concludeConnecting(now) != ErrorCode.OK) {
            Throwable cause = state.get().failure();
            throw cause instanceof IOException e ? e : new IOException(cause);
        }
    }

    // ---- data ----

    /** The connection to put into or get from, or null. */
    private static StreamLink connected(State now) {
        return now.status() == Status.CONNECTED ? now.link() : null;
    }

    @Override
    public ErrorCode putData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length == 0) {
            return ErrorCode.OK; // as in Godot, whatever the status
        }
        StreamLink current = connected(state.get());
        return current != null && current.put(data, offset, length)
                ? ErrorCode.OK
                : ErrorCode.FAILED;
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
     * Reads exactly so many bytes, waiting for them for a time.
     *
     * @param data where to
     * @param offset where the first byte goes
     * @param length how many bytes
     * @param timeout how long to wait at the most; {@link Limits#NEVER} as long as the connection
     *     lives
     * @return OK; TIMEOUT when they were not there in time or the thread was interrupted, FILE_EOF
     *     when the stream ended before them, FAILED when it broke or there is no connection. What
     *     did arrive is in the array then, and gone from the stream
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
                case FAILED -> {
                    return ErrorCode.FAILED;
                }
                default -> done += n;
            }
        }
        return ErrorCode.OK;
    }

    /**
     * Reads what is there, waiting for at least one byte for a time: the blocking call of {@code
     * java.io}, for handlers on virtual threads.
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

    /** At least one byte; or 0 when the time was up, {@link #ENDED}, or {@link #FAILED}. */
    private int read(byte[] data, int offset, int length, long nanos) {
        State now = state.get();
        StreamLink current = connected(now);
        if (current == null) {
            return FAILED;
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
            if (current.available() == 0
                    && !current.isDrained()
                    && (left(deadline) <= 0 || Thread.currentThread().isInterrupted())) {
                return 0;
            }
        }
    }

    /** A read disconnects when it meets the end, unless another thread has done so. */
    private int meetEnd(State now) {
        Throwable cause = now.link().failure();
        return move(now, new State(Status.NONE, null, cause)) && cause == null ? ENDED : FAILED;
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
        if (now.status() != Status.CONNECTED) {
            return 0;
        }
        now.link().startReader();
        return now.link().available();
    }

    // ---- waiting ----

    @Override
    public boolean awaitActivity(Duration timeout) {
        State now = state.get();
        StreamLink current = now.link();
        long nanos = Nanos.of(timeout);
        boolean active;
        if (current == null) { // nothing but a wakeup can happen
            active = unlinked.await(() -> woken.get() || hasTarget(), nanos);
        } else if (now.status() == Status.CONNECTING) {
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

    @Override
    public void wakeup() {
        woken.set(true);
        StreamLink current = state.get().link();
        if (current != null) {
            current.wake();
        }
        unlinked.signal();
    }
}
