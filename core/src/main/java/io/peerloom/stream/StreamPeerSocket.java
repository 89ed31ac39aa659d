package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
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
 * directly as long as the peer was not polled, which is the fastest way.
 */
public abstract sealed class StreamPeerSocket extends StreamPeer implements Peer, AutoCloseable
        permits StreamPeerTCP, StreamPeerUDS {

    /** Set before connecting by the owner; read by it. */
    private Limits limits = Limits.defaults();

    /** Moved by {@link #move} alone; volatile because puts on other threads look at it. */
    private volatile Status status = Status.NONE;

    /** The current connection, or null when NONE or ERROR. */
    private volatile StreamLink link;

    /** Why the last connection ended; null while all is well. */
    private volatile Throwable failure;

    /** Where {@link #awaitActivity} waits while there is no link to wait at. */
    private final WaitPoint unlinked = new WaitPoint();

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private volatile boolean woken;

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
        StreamLink current = link;
        if (current == null) {
            return ErrorCode.OK;
        }
        if (status == Status.CONNECTING) {
            switch (current.phase()) {
                case CONNECTING -> {}
                case CONNECTED -> {
                    move(Status.CONNECTED);
                    arrived();
                    current.startReader();
                }
                case ENDED -> {
                    Throwable cause = current.failure();
                    leave(Status.ERROR, cause);
                    return cause instanceof UnknownHostException
                            ? ErrorCode.CANT_RESOLVE
                            : ErrorCode.CONNECTION_ERROR;
                }
            }
            return ErrorCode.OK;
        }
        current.startReader();
        if (current.isDrained()) {
            Throwable cause = current.failure();
            if (cause == null) {
                disconnectFromHost();
            } else {
                leave(Status.ERROR, cause);
                return ErrorCode.FAILED;
            }
        }
        return ErrorCode.OK;
    }

    @Override
    public Status getStatus() {
        return status;
    }

    /** The one method that moves the status. */
    private void move(Status to) {
        status = to;
    }

    private void leave(Status to, Throwable cause) {
        failure = cause;
        StreamLink current = link;
        link = null;
        if (current != null) {
            current.close();
        }
        left();
        move(to);
    }

    /** The connection is gone; forget its addresses. */
    void left() {}

    /**
     * Closes the connection, or gives up connecting; the status is NONE after it. What was put
     * before is still sent. Idempotent; any thread; does not block. Godot: {@code
     * disconnect_from_host}.
     */
    public void disconnectFromHost() {
        leave(Status.NONE, null);
    }

    /** The same as {@link #disconnectFromHost}. */
    @Override
    public void close() {
        disconnectFromHost();
    }

    /**
     * {@return why connecting failed or the connection broke, if it did} An orderly end is no
     * failure. Kept until the next connection begins.
     */
    @Override
    public Optional<Throwable> getFailure() {
        return Optional.ofNullable(failure);
    }

    // ---- connecting, for the subclasses ----

    /** Keeps why something could not be begun. */
    final void setFailure(Throwable cause) {
        failure = cause;
    }

    /** Begins to connect. The status must be NONE. */
    final void begin(StreamLink.Opener opener) {
        failure = null;
        link = StreamLink.connect(limits, opener);
        move(Status.CONNECTING);
    }

    /** Adopts an accepted connection. */
    final void adopt(Limits serverLimits, Watchdog watchdog, SocketChannel channel) {
        limits = serverLimits;
        link = StreamLink.accepted(serverLimits, watchdog, channel);
        move(Status.CONNECTED);
    }

    /** The channel of the current connection, or null. */
    final SocketChannel channel() {
        StreamLink current = link;
        return current == null ? null : current.channel();
    }

    /** Waits until connected; for the blocking factories of the subclasses. */
    final void finishConnecting() throws IOException {
        StreamLink current = link;
        if (!current.await(() -> current.phase() != StreamLink.Phase.CONNECTING, Nanos.FOREVER)) {
            leave(Status.NONE, null); // interrupted: nobody will have the peer
            throw new InterruptedIOException("interrupted while connecting");
        }
        if (current.failure() instanceof IOException e) {
            leave(Status.ERROR, e);
            throw e;
        }
        move(Status.CONNECTED);
        arrived();
    }

    /** Connecting has succeeded; the addresses are known. */
    void arrived() {}

    // ---- data ----

    @Override
    public ErrorCode putData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length == 0) {
            return ErrorCode.OK; // as in Godot, whatever the status
        }
        StreamLink current = link;
        if (status != Status.CONNECTED || current == null) {
            return ErrorCode.FAILED;
        }
        return current.put(data, offset, length) ? ErrorCode.OK : ErrorCode.FAILED;
    }

    @Override
    public int putPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        StreamLink current = link;
        if (status != Status.CONNECTED
                || current == null
                || current.phase() != StreamLink.Phase.CONNECTED) {
            return -1;
        }
        return current.putPartial(data, offset, length);
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
     * @return OK; TIMEOUT when they were not there in time, FILE_EOF when the stream ended before
     *     them, FAILED when it broke or there is no connection. What did arrive is in the array
     *     then, and gone from the stream
     */
    public ErrorCode getData(byte[] data, int offset, int length, Duration timeout) {
        Objects.checkFromIndexSize(offset, length, data.length);
        long deadline = deadline(timeout);
        for (int done = 0; done < length; ) {
            int n = read(data, offset + done, length - done, left(deadline));
            if (n > 0) {
                done += n;
            } else if (n == 0) {
                return ErrorCode.TIMEOUT;
            } else {
                return failure == null && ended ? ErrorCode.FILE_EOF : ErrorCode.FAILED;
            }
        }
        return ErrorCode.OK;
    }

    /** The last connection ended in order, seen by a read. Belongs to the receiving thread. */
    private boolean ended;

    /**
     * Reads what is there, waiting for at least one byte for a time: the blocking call of {@code
     * java.io}, for handlers on virtual threads.
     *
     * @param data where to
     * @param offset where the first byte goes
     * @param length how many bytes at the most, at least 1
     * @param timeout how long to wait at the most; {@link Limits#NEVER} as long as the connection
     *     lives
     * @return how many bytes were read; 0 when there were none in time, -1 at the end of the stream
     *     or when it broke ({@link #getFailure} tells) or there is no connection
     */
    public int read(byte[] data, int offset, int length, Duration timeout) {
        Objects.checkFromIndexSize(offset, length, data.length);
        return read(data, offset, length, left(deadline(timeout)));
    }

    private static long deadline(Duration timeout) {
        long nanos = Nanos.of(timeout);
        return nanos == Nanos.FOREVER ? Nanos.FOREVER : System.nanoTime() + nanos;
    }

    private static long left(long deadline) {
        return deadline == Nanos.FOREVER ? Nanos.FOREVER : deadline - System.nanoTime();
    }

    private int read(byte[] data, int offset, int length, long nanos) {
        StreamLink current = link;
        ended = false;
        if (status != Status.CONNECTED || current == null) {
            return -1;
        }
        while (true) {
            int n = current.take(data, offset, length);
            if (n > 0 || length == 0) {
                return n;
            }
            if (current.isDrained()) {
                return meetEnd(current);
            }
            long before = nanos == Nanos.FOREVER ? 0 : System.nanoTime();
            n = current.waitForInput(data, offset, length, nanos);
            if (n > 0) {
                return n;
            }
            if (nanos != Nanos.FOREVER) {
                nanos -= System.nanoTime() - before;
            }
            if (current.available() == 0
                    && !current.isDrained()
                    && (nanos <= 0 || Thread.currentThread().isInterrupted())) {
                return 0;
            }
        }
    }

    private int meetEnd(StreamLink current) {
        Throwable cause = current.failure();
        ended = cause == null;
        leave(Status.NONE, cause);
        return -1;
    }

    @Override
    public int getPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        StreamLink current = link;
        ended = false;
        if (status != Status.CONNECTED || current == null) {
            return -1;
        }
        current.startReader();
        int n = current.take(data, offset, length);
        return n == 0 && length > 0 && current.isDrained() ? meetEnd(current) : n;
    }

    /**
     * {@return how many bytes can be read without waiting, or -1 when there is no connection} Grows
     * between polls. Godot: {@code get_available_bytes}.
     */
    @Override
    public int getAvailableBytes() {
        StreamLink current = link;
        if (current == null || status != Status.CONNECTED) {
            return current == null ? -1 : 0;
        }
        current.startReader();
        return current.available();
    }

    // ---- waiting ----

    @Override
    public boolean awaitActivity(Duration timeout) {
        StreamLink current = link;
        Status now = status;
        long nanos = Nanos.of(timeout);
        boolean active;
        if (current == null) { // nothing but a wakeup can happen
            active = unlinked.await(() -> woken || link != null, nanos);
        } else {
            if (now == Status.CONNECTED) {
                current.startReader();
            }
            active =
                    current.await(
                            () ->
                                    woken
                                            || (now == Status.CONNECTING
                                                    ? current.phase() != StreamLink.Phase.CONNECTING
                                                    : current.available() > 0
                                                            || current.isDrained()),
                            nanos);
        }
        woken = false;
        return active;
    }

    @Override
    public void wakeup() {
        woken = true;
        StreamLink current = link;
        if (current != null) {
            current.wake();
        }
        unlinked.signal();
    }
}
