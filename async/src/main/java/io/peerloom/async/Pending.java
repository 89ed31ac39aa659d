package io.peerloom.async;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * A future that either the library answers or its holder gives up (by cancelling it, by a timeout,
 * by completing it), and never both: whoever {@linkplain #claim claims} it first may complete it.
 *
 * <p>A plain future cannot be used here. To complete it is to run its stages, so it must not be
 * done under a role; but the role's holder has to know at once whether a message found its taker or
 * goes to the next one. So the library claims under the role, when the message is there, and
 * completes after it, in {@link #run}.
 */
class Pending<T> extends Stage<T> implements Runnable {
    private static final VarHandle CLAIMED;

    static {
        try {
            CLAIMED = MethodHandles.lookup().findVarHandle(Pending.class, "claimed", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Whose answer it is; where it waits, to be taken out when it is given up. */
    private final Relay<?> relay;

    /** By compare-and-set, once, by whoever decides the outcome. */
    @SuppressWarnings("unused") // through CLAIMED
    private volatile boolean claimed;

    /**
     * The outcome; written by the thread that claimed it for the library, and handed with the
     * object to the thread that completes it.
     */
    private T value;

    private Throwable failure;

    Pending(Relay<?> relay) {
        super(relay.nesting);
        this.relay = relay;
    }

    /** Whether the outcome is the caller's to decide. Any thread; true once. */
    final boolean claim() {
        return !claimed && CLAIMED.compareAndSet(this, false, true);
    }

    /** Whether nobody has decided the outcome yet. */
    final boolean isOpen() {
        return !claimed;
    }

    /** Keeps the outcome until {@link #run}. For the library, after a claim. */
    final void decide(T result, Throwable cause) {
        value = result;
        failure = cause;
    }

    /**
     * Completes it, and so runs the stages that hang on it. For the library, after {@link #decide}.
     */
    @Override
    public final void run() {
        if (failure == null) {
            super.complete(value);
        } else {
            super.completeExceptionally(failure);
        }
    }

    /** Keeps a failure as the outcome until {@link #run}. For the library, after a claim. */
    final void fail(Throwable cause) {
        decide(null, cause);
    }

    private boolean giveUp() {
        if (!claim()) {
            return false;
        }
        relay.waiting.remove(this); // else an idle peer would collect those that timed out
        return true;
    }

    // ---- who takes the value does not nest ----

    @Override
    public T get() throws InterruptedException, ExecutionException {
        relay.took();
        return super.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit)
            throws InterruptedException, ExecutionException, TimeoutException {
        relay.took();
        return super.get(timeout, unit);
    }

    @Override
    public T join() {
        relay.took();
        return super.join();
    }

    @Override
    public T getNow(T otherwise) {
        relay.took();
        return super.getNow(otherwise);
    }

    // ---- what the holder may do: everything by which a future can be completed from outside ----

    @Override
    public boolean complete(T result) {
        return giveUp() && super.complete(result);
    }

    @Override
    public boolean completeExceptionally(Throwable cause) {
        return giveUp() && super.completeExceptionally(cause);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return giveUp() ? super.cancel(mayInterruptIfRunning) : isCancelled();
    }

    @Override
    public CompletableFuture<T> completeAsync(Supplier<? extends T> supplier, Executor executor) {
        executor.execute(() -> {
            try {
                complete(supplier.get());
            } catch (Throwable e) { // it belongs to the future, as in the method overridden
                completeExceptionally(e);
            }
        });
        return this;
    }

    @Override
    public void obtrudeValue(T result) {
        giveUp();
        super.obtrudeValue(result);
    }

    @Override
    public void obtrudeException(Throwable cause) {
        giveUp();
        super.obtrudeException(cause);
    }
}
