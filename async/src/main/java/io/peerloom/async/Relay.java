package io.peerloom.async;

import io.peerloom.ErrorCode;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.UnknownHostException;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * One kind of blocking work on one peer (to receive, or to send), done one step at a time by
 * whichever virtual thread has the role; threads come and go as there is work.
 *
 * <p><b>The role</b> is {@link #busy}, taken by compare-and-set and given back by a volatile write:
 * what a step does to the peer and to the subclass's plain fields happens before the next step.
 * Nobody waits for it. It is given back <em>before</em> the future that a step has answered is
 * completed, so that no stage runs under it.
 *
 * <p><b>The baton.</b> The thread that made the step also runs the stages of its future, unless
 * there is an executor: to hand every message over would cost more than all the rest. Should a
 * stage block, though, the work must go on. So before it runs them it sees to it that a successor
 * is on its way ({@link #ensure}) if there is more work, and so does whoever brings work, a stage
 * that receives again included. Most of the time the successor finds the thread back at its post,
 * or no work left, and ends; there is at most one on its way, so a burst of messages costs one.
 *
 * <p><b>Nothing is left behind.</b> Who brings work makes it visible first and looks at {@link
 * #busy} and {@link #due} after it. If it finds the role taken, the holder is yet to give it back
 * and looks for work after that; if it finds a successor due, that one is yet to clear the flag and
 * looks for work after that. All of these are volatile accesses, so one of the two sees the other.
 *
 * @param <P> what waits for an answer
 */
abstract class Relay<P extends Pending<?>> implements Runnable {
    private static final ThreadFactory THREADS =
            Thread.ofVirtual()
                    .name("peerloom-async")
                    .inheritInheritableThreadLocals(false)
                    .factory();

    /** How often a successor lets others go first. */
    private static final int COURTESY = 16;

    /**
     * How often in a row a thread does at once what is asked for. {@link Nesting} bounds the stack
     * of what is chained to our futures; but they may be wrapped into futures that know nothing of
     * it.
     */
    private static final int AT_ONCE = 16;

    private static final VarHandle BUSY;
    private static final VarHandle DUE;

    static {
        try {
            var lookup = MethodHandles.lookup();
            BUSY = lookup.findVarHandle(Relay.class, "busy", boolean.class);
            DUE = lookup.findVarHandle(Relay.class, "due", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Of all the futures of the peer. */
    final Nesting nesting;

    /** What waits for an answer, oldest first. Any thread adds, the holder of the role takes. */
    final ConcurrentLinkedQueue<P> waiting = new ConcurrentLinkedQueue<>();

    private volatile boolean busy;

    /** A thread was started, or woken, and has not looked for work yet. */
    private volatile boolean due;

    /** Who made the last step. Written under the role, before {@link #busy} is. */
    private Thread runner;

    /**
     * How many steps had an answer that somebody waited for, modulo 2^32: whoever asked for it had
     * added its stage by then, which so is not run within the call that adds it. Written under the
     * role.
     */
    private int rounds;

    /** How often something was done at once since so many of them. Written under the role. */
    private int atOnce;

    private int atOnceSince;

    /**
     * The thread that last took the value from one of our futures, so that it is done with that: it
     * is in a loop, and not in a recursion. Written by that thread without any order; others may
     * see an old one, but none sees itself unless it wrote it.
     */
    private Thread taker;

    /** What a step threw: a bug, since nothing that a peer does is thrown. Else null. */
    private volatile Throwable bug;

    Relay(Nesting nesting) {
        this.nesting = nesting;
    }

    /** Whether a step would do something although nothing waits for an answer. Any thread. */
    boolean hasMoreWork() {
        return false;
    }

    /**
     * Does one piece of work, for which it may block; called when there is some, and gets on with
     * it. Under the role.
     *
     * @return what is claimed and can be completed now, or null
     */
    abstract Pending<?> step();

    private boolean hasWork() {
        return !waiting.isEmpty() || (bug == null && hasMoreWork());
    }

    /** Takes and claims the oldest that waits and was not given up; null if there is none. */
    final P claimNext() {
        for (P next; (next = waiting.poll()) != null; ) {
            if (next.claim()) {
                return next;
            }
        }
        return null;
    }

    /** Whether somebody is at it. Any thread; a guess by the time it is used. */
    final boolean isBusy() {
        return busy;
    }

    final boolean isDue() {
        return due;
    }

    /** Takes the role for the calling thread if it is free. */
    final boolean tryAcquire() {
        return !busy && BUSY.compareAndSet(this, false, true);
    }

    /** Gives the role back and sees to what was brought meanwhile. */
    final void release() {
        busy = false;
        if (hasWork()) {
            ensure();
        }
    }

    /**
     * Whether the calling thread made the last step, so that it is at the stages of what that
     * answered. It is meant for such a thread: any other reads an old value at the most, and no
     * value is that thread unless it wrote it.
     */
    final boolean isRunByThisThread() {
        return runner == Thread.currentThread();
    }

    /**
     * Takes the role for the calling thread if it may do at once what it asks for. It may not while
     * somebody waits, who is first; nor when it is {@linkplain Nesting#isDeep deep} in stages; nor
     * after some in a row of which it has not {@linkplain #took taken} the value, since with
     * futures that are done already, a stage that asks again and again would be a recursion without
     * end. What is asked for then is done in a step.
     *
     * @param receiving what receives on the same peer
     */
    final boolean tryAcquireAtOnce(Relay<?> receiving) {
        if (!waiting.isEmpty() || nesting.isDeep() || !tryAcquire()) {
            return false;
        }
        if (atOnceSince != receiving.rounds || taker == Thread.currentThread()) {
            atOnceSince = receiving.rounds;
            atOnce = 0;
            taker = null;
        }
        if (waiting.isEmpty() && atOnce++ < AT_ONCE) {
            return true;
        }
        release();
        return false;
    }

    /** The calling thread takes the value of an answer. */
    final void took() {
        taker = Thread.currentThread();
    }

    /** Has somebody look for work. Any thread, after it brought some; never blocks. */
    final void ensure() {
        if (!busy && !due && DUE.compareAndSet(this, false, true)) {
            launch();
        }
    }

    /** Brings a thread that will {@link #run}. */
    void launch() {
        start(isRunByThisThread() ? this::succeed : this);
    }

    /**
     * What a successor runs. Most stages are over in no time, and their thread is the better one to
     * go on: it has the connection's state at hand, and core writes its answers together. So give
     * it that time, if the machine has nothing else to do.
     */
    private void succeed() {
        for (int i = 0; i < COURTESY && !busy; i++) {
            Thread.yield();
        }
        run();
    }

    /** Works until there is no work, or somebody else is at it. */
    @Override
    public final void run() {
        due = false;
        while (hasWork() && tryAcquire()) {
            // A stage may have left its thread interrupted, and that would close a channel which
            // the thread reads.
            Thread.interrupted();
            Pending<?> answered = null;
            runner = Thread.currentThread();
            try {
                if (bug == null) {
                    answered = step();
                    if (answered != null && answered.getNumberOfDependents() > 0) {
                        rounds++;
                    }
                } else {
                    answered = claimNext();
                    if (answered != null) {
                        answered.fail(new PeerException(ErrorCode.FAILED, bug));
                    }
                }
            } catch (RuntimeException | Error e) {
                bug = e; // nobody may wait for ever for what cannot be done any more
                throw e;
            } finally {
                release();
            }
            if (answered != null) {
                complete(answered, nesting.executor);
            }
        }
    }

    /** Completes a future where its stages may run. Never under a role. */
    static void complete(Runnable future, Executor executor) {
        if (executor != null) {
            try {
                executor.execute(future);
                return;
            } catch (RejectedExecutionException e) {
                // Shut down, or full. Nobody would ever hear of the outcome; so it is told here.
            }
        }
        future.run();
    }

    static Thread start(Runnable task) {
        Thread thread = THREADS.newThread(task);
        thread.start();
        return thread;
    }

    /**
     * Connects on a thread of its own. Whatever ends the future before that, a timeout or its
     * holder, interrupts that thread, by which core's blocking calls give up.
     */
    static <P, A> CompletableFuture<A> connect(
            Callable<P> connect, Function<P, A> wrap, Consumer<P> drop, Executor executor) {
        var future = new CompletableFuture<A>();
        Thread thread =
                THREADS.newThread(() -> {
                    try {
                        P peer = connect.call();
                        complete(
                                () -> {
                                    if (!future.complete(wrap.apply(peer))) {
                                        drop.accept(peer);
                                    }
                                },
                                executor);
                    } catch (Exception e) {
                        var failure = new PeerException(code(e), e);
                        complete(() -> future.completeExceptionally(failure), executor);
                    }
                });
        CompletionStage<A> outcome = future;
        outcome.whenComplete((peer, failure) -> {
            if (failure != null && Thread.currentThread() != thread) {
                thread.interrupt();
            }
        });
        thread.start();
        return future;
    }

    private static ErrorCode code(Exception e) {
        return e instanceof IllegalArgumentException
                ? ErrorCode.INVALID_PARAMETER
                : e instanceof UnknownHostException
                        ? ErrorCode.CANT_RESOLVE
                        : e instanceof IOException ? ErrorCode.CONNECTION_ERROR : ErrorCode.FAILED;
    }
}
