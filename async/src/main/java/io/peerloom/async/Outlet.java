package io.peerloom.async;

import io.peerloom.ErrorCode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * What sends: its role keeps what is sent in order while some of it waits for room.
 *
 * @param <E> what is sent
 */
abstract class Outlet<E> extends Relay<Outlet.Turn<E>> {

    /** An element that waits for its turn. */
    static final class Turn<E> extends Pending<Void> {
        private final E element;

        Turn(Relay<?> outlet, E element) {
            super(outlet);
            this.element = element;
        }
    }

    Outlet(Nesting nesting) {
        super(nesting);
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
        if (!receiving.isRunByThisThread() || !tryAcquireAtOnce(receiving)) {
            return handOver(element);
        }
        ErrorCode result;
        try {
            result = put(element);
        } finally {
            release();
        }
        return result == ErrorCode.OK
                ? Stage.done(nesting, null)
                : Stage.failed(nesting, new PeerException(result, cause()));
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
        var turn = new Turn<>(this, element);
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
