package io.peerloom.internal.queue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The place where Peerloom's threads park for each other. (A polled connection's reader that rests
 * has a cheaper one of its own, for itself alone.)
 *
 * <p>A waiter enters itself, then looks at the condition, then parks; whoever changes what the
 * condition reads does so by a volatile write and calls {@link #signal} after it. Both are
 * synchronization actions, so either the signaller sees the waiter or the waiter sees the change:
 * no wake-up is lost. Any number of threads may wait, for different conditions. While nobody ever
 * waited, it costs one null field.
 */
public final class WaitPoint {

    /** About 73 years: a time without end, and still safe to add to any clock reading. */
    public static final long FOREVER = Long.MAX_VALUE / 4;

    private static final VarHandle WAITERS;

    static {
        try {
            WAITERS =
                    MethodHandles.lookup()
                            .findVarHandle(WaitPoint.class, "waiters", ConcurrentLinkedQueue.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The threads that wait; made by the first of them, then never replaced. */
    private volatile ConcurrentLinkedQueue<Thread> waiters;

    /**
     * Waits until the condition holds, the time is up, or the thread is interrupted.
     *
     * @param condition reads volatile state only; called on this thread, any number of times
     * @param nanos how long to wait at the most; not waiting at all when it is not positive, and
     *     without a timer from {@link #FOREVER} on
     * @return whether the condition held at the end
     */
    public boolean await(BooleanSupplier condition, long nanos) {
        if (condition.getAsBoolean()) {
            return true;
        }
        if (nanos <= 0) {
            return false;
        }
        long deadline = System.nanoTime() + Math.min(nanos, FOREVER);
        var queue = waiters;
        if (queue == null) {
            WAITERS.compareAndSet(this, null, new ConcurrentLinkedQueue<Thread>());
            queue = waiters;
        }
        Thread self = Thread.currentThread();
        queue.add(self);
        try {
            while (!condition.getAsBoolean()) {
                long left = deadline - System.nanoTime();
                if (left <= 0 || self.isInterrupted()) {
                    return condition.getAsBoolean();
                }
                if (nanos >= FOREVER) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, left);
                }
            }
            return true;
        } finally {
            queue.remove(self);
        }
    }

    /** Lets every waiter look at its condition again. Any thread; never blocks. */
    public void signal() {
        var queue = waiters;
        if (queue != null && !queue.isEmpty()) {
            for (Thread waiter : queue) {
                LockSupport.unpark(waiter);
            }
        }
    }
}
