package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.LocalAddress;
import io.peerloom.internal.link.Watchdog;
import java.nio.channels.SocketChannel;
import java.time.Duration;
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
public abstract sealed class StreamPeerSocket extends LinkedStreamPeer implements Peer
        permits StreamPeerTCP, StreamPeerUDS {

    /** Opened and bound for the next connection, or null; taken by who connects or disconnects. */
    private final AtomicReference<SocketChannel> bound = new AtomicReference<>();

    StreamPeerSocket() {}

    @Override
    final ErrorCode unconnected() {
        return ErrorCode.FAILED;
    }

    @Override
    final ErrorCode broken() {
        return ErrorCode.FAILED;
    }

    @Override
    final Status statusWhenBroken() {
        return Status.ERROR;
    }

    @Override
    final void entered(StreamLink link) {
        entered(link.channel());
    }

    /** The connection is established: look at its addresses. On the owner's thread. */
    void entered(SocketChannel channel) {}

    /**
     * Looks what happened to the connection and moves the status accordingly. Godot: {@code
     * StreamPeerSocket.poll}.
     *
     * @return as in the table above
     */
    @Override
    public ErrorCode poll() {
        return fold();
    }

    @Override
    public Status getStatus() {
        return status();
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
        disconnect();
        closeQuietly(bound.getAndSet(null));
    }

    /** The same as {@link #disconnectFromHost}. */
    @Override
    public void close() {
        disconnectFromHost();
    }

    // ---- connecting, for the subclasses; on the owner's thread ----

    /** Opens a channel with an address of its own. */
    interface Binder {
        SocketChannel open() throws LocalAddress.Refusal;
    }

    /** Keeps for the next connection what a binder opens. */
    final ErrorCode bind(Binder binder) {
        if (bound.get() != null || getStatus() != Status.NONE) {
            return ErrorCode.ALREADY_IN_USE;
        }
        try {
            bound.set(binder.open());
            return ErrorCode.OK;
        } catch (LocalAddress.Refusal e) {
            return refuse(e);
        }
    }

    /** What is wrong with an address, which is kept as the failure. There must be no connection. */
    final ErrorCode refuse(LocalAddress.Refusal refusal) {
        setFailure(refusal);
        return code(refusal);
    }

    /** The one place that says what a refusal is. */
    static ErrorCode code(LocalAddress.Refusal refusal) {
        return ErrorCode.valueOf(refusal.reason().name());
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

    /** Begins to connect. The status must be NONE. */
    final void begin(StreamLink.Opener opener) {
        begin(StreamLink.connect(getLimits(), opener));
    }

    /** Adopts an accepted connection. */
    final void adopt(Limits serverLimits, Watchdog watchdog, SocketChannel channel) {
        setLimits(serverLimits);
        adopt(StreamLink.accepted(serverLimits, watchdog, channel));
    }

    /** The channel of the current connection, or else the one that was bound, or null. */
    final SocketChannel channel() {
        StreamLink current = link();
        return current == null ? bound.get() : current.channel();
    }
}
