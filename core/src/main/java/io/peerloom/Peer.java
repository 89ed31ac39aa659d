package io.peerloom;

import java.time.Duration;
import java.util.Optional;

/**
 * One end of a connection that is driven by {@link #poll()}: what a stream peer and a WebSocket
 * peer have in common.
 *
 * <p><b>Who moves what.</b> The status moves only on the thread that calls {@link #poll()}, or in
 * the call that causes the change (connecting, closing). Between two polls every getter agrees with
 * every other, whatever the network does meanwhile. The work itself (resolving, connecting,
 * reading, writing, answering, closing at a deadline) does not wait for a poll: a peer that is
 * never polled still lets go of its socket and its threads.
 *
 * <p><b>Threads.</b> {@link #wakeup()}, and whatever sends or closes, may be called by any thread
 * at any time. Polling, waiting, receiving and the getters belong to one thread at a time; handing
 * the peer to another thread is safe when that hand-over itself is (a queue, a future, {@link
 * Thread#start()}).
 *
 * <p><b>Errors.</b> Nothing that a network or the other side does is thrown by a method of this
 * interface. It becomes an {@link ErrorCode} and a {@link Status}, and its cause is kept in {@link
 * #getFailure()}.
 *
 * <p><b>The end.</b> What arrived before the end stays readable, in order, until it is taken, and
 * the end is seen after it. There is exactly one end for each connection.
 */
public interface Peer {
    /**
     * Folds in what happened since the last poll, moving the status where {@link Status} says so.
     * It never blocks, and allocates nothing when nothing happened. It may be called in any status
     * and as often as one likes, typically once in each round of a game loop. A callback that it
     * calls may do everything but call it again: that is an {@link IllegalStateException}.
     *
     * <p>Godot: {@code StreamPeerSocket.poll}, {@code WebSocketPeer.poll} (which returns nothing
     * there).
     *
     * @return {@link ErrorCode#OK}, also when there was nothing to do and when the other side has
     *     closed in order; {@link ErrorCode#CONNECTION_ERROR} from the poll that finds that
     *     connecting has failed; {@link ErrorCode#FAILED} from the poll that finds that an
     *     established connection broke. An error is returned once, the polls after it return {@code
     *     OK} again.
     */
    ErrorCode poll();

    /**
     * Returns the status that the last {@link #poll()}, or the last call that connected or closed
     * this peer, has set. It does no work of its own and never blocks.
     *
     * <p>Godot: {@code StreamPeerSocket.get_status} of Godot 4. In Godot 3 the same getter also
     * polls; here it does not.
     *
     * @return the status, never null
     */
    Status getStatus();

    /**
     * Waits until the next {@link #poll()} would change something: the status, or what can be read.
     * It returns at once if that is so already. It does not poll itself. A virtual thread gives its
     * carrier back while it waits.
     *
     * <p>Godot has no such method: a loop without frames to draw would have to sleep or spin there.
     *
     * @param timeout how long to wait at most; zero or negative to look and not wait
     * @return true if the next poll would change something, or if {@link #wakeup()} was called;
     *     false if the time is over, or if the calling thread is or gets interrupted, which leaves
     *     its interrupt status set
     */
    boolean awaitActivity(Duration timeout);

    /**
     * Makes the wait that another thread is in, or else the next one, return at once with true.
     * Several calls before that count as one. Any thread may call it at any time, also when the
     * connection has ended.
     */
    void wakeup();

    /**
     * Returns the cause of the last failure, for a log or a message. It stays until the peer is
     * connected anew.
     *
     * <p>Godot has no such method: the cause is lost there.
     *
     * @return what made the status {@link Status#ERROR}, or made the last call answer with an
     *     error; empty if nothing failed since the peer was last connected, or if the failure has
     *     no cause beyond its code
     */
    Optional<Throwable> getFailure();

    /**
     * Where a connection is, in Godot's four values.
     *
     * <table>
     *   <caption>How the status moves</caption>
     *   <tr><th>from</th><th>on</th><th>to</th></tr>
     *   <tr><td>NONE</td><td>a connect call that found nothing wrong at once</td><td>CONNECTING</td></tr>
     *   <tr><td>NONE</td><td>an established socket taken over (accepted by a server)</td><td>CONNECTED</td></tr>
     *   <tr><td>CONNECTING</td><td>poll: established</td><td>CONNECTED</td></tr>
     *   <tr><td>CONNECTING</td><td>poll: refused, unreachable, not trusted, out of time</td><td>ERROR</td></tr>
     *   <tr><td>CONNECTED</td><td>poll: the other side has closed in order, and all that came before it was taken</td><td>NONE</td></tr>
     *   <tr><td>CONNECTED</td><td>poll: broken</td><td>ERROR</td></tr>
     *   <tr><td>CONNECTED</td><td>a read of a stream that meets the end, in order or not</td><td>NONE</td></tr>
     *   <tr><td>any</td><td>the caller disconnects</td><td>NONE</td></tr>
     * </table>
     *
     * <p>A connect call that is refused leaves the status as it is. A disconnect by the caller
     * leads to {@code NONE} at once, and never to {@code ERROR}; only a WebSocket that is
     * connecting or connected stays so until a poll has seen its end, because the other side is
     * given time to answer. If something fails meanwhile, that poll and {@link #getFailure} tell.
     *
     * <p>{@code ERROR} is left only by disconnecting. The calls that open a WebSocket, and those
     * that begin a multiplayer peer, do that themselves, as Godot's do; a stream socket in {@code
     * ERROR} answers {@link ErrorCode#ALREADY_IN_USE} until it is disconnected, as Godot's does.
     */
    enum Status {
        /**
         * Not connected: never was, or was closed in order by either side. Godot: {@code
         * STATUS_NONE}.
         */
        NONE(0),

        /**
         * On the way: resolving, connecting, or shaking hands. Godot: {@code STATUS_CONNECTING}.
         */
        CONNECTING(1),

        /** Established, or ended with something left to read. Godot: {@code STATUS_CONNECTED}. */
        CONNECTED(2),

        /** Failed; the cause is in {@link Peer#getFailure()}. Godot: {@code STATUS_ERROR}. */
        ERROR(3);

        private final int value;

        Status(int value) {
            this.value = value;
        }

        /**
         * Returns the number that Godot gives to this status.
         *
         * @return 0 to 3, in the order of the constants
         */
        public int value() {
            return value;
        }
    }
}
