package io.peerloom.async;

import io.peerloom.ErrorCode;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/**
 * What sends: its role keeps what is sent in order while some of it waits for room.
 *
 * @param <E> what is sent
 */
abstract class Outlet<E> extends Relay<Outlet.Turn<E>> {

    /** An element that waits for its turn. */
    static final class Turn<E> extends Pending<Void> {
        private final E element;

        Turn(Collection<?> queue, E element) {
            super(queue);
            this.element = element;
        }
    }

    Outlet(Executor executor) {
        super(executor);
    }

    /** Gives an element to core, waiting for room. Under the role. */
    abstract ErrorCode put(E element);

    /** Why the connection is over, as far as is known; may be null. Any thread. */
    abstract Throwable cause();

    /**
     * Sends an element behind all that the calling thread has sent before.
     *
     * <p>The calling thread does it itself if it is the one that runs the stages of the peer's own
     * receives: it has given its role back, so that it may wait for room as any stage may wait, and
     * core collects the answers to a burst and writes them at once if they come from the thread
     * that reads. Any other thread must not wait, since the next one to be sent to may be another
     * peer. After some in a row the rest is handed over too.
     */
    final CompletableFuture<Void> send(E element, Relay<?> receiving) {
        if (tryAcquireDirectly(receiving)) {
            ErrorCode result = null;
            try {
                if (waiting.isEmpty()) { // else somebody was first
                    result = put(element);
                }
            } finally {
                release();
            }
            if (result != null) {
                return result == ErrorCode.OK
                        ? CompletableFuture.completedFuture(null)
                        : CompletableFuture.failedFuture(new PeerException(result, cause()));
            }
        }
        return handOver(element);
    }

    /**
     * Sends an element behind all that was sent before, by another thread.
     *
     * @return done when that is done; nobody who has it can take the element back
     */
    final CompletionStage<Void> sendLast(E element) {
        return handOver(element).copy();
    }

    private Turn<E> handOver(E element) {
        var turn = new Turn<>(waiting, element);
        waiting.add(turn);
        ensure();
        return turn;
    }

    @Override
    final Pending<?> step() {
        Turn<E> turn = claimNext();
        if (turn == null) {
            return null;
        }
        ErrorCode result = put(turn.element);
        turn.decide(null, result == ErrorCode.OK ? null : new PeerException(result, cause()));
        return turn;
    }
}
