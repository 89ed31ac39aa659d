package io.peerloom.async;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.Executor;

/**
 * How deep the stages of one peer's futures are nested.
 *
 * <p>A stage that is added to a future which is done runs at once, within the call that adds it. If
 * it asks for the next future, which may be done too, and adds the next stage to that, a chain of a
 * hundred thousand messages would be a recursion of as many calls. So every {@link Stage} is added
 * between {@link #enter} and {@link #exit}; what would be nested too deep is given to another
 * thread, see {@link #execute}, and begins anew there.
 *
 * <p>Two threads can nest at a time: the one that made the last step of what receives, which is the
 * one to be fast, and one guest. A third one finds no place and is told that it is too deep, which
 * costs it another thread and nothing else.
 */
final class Nesting implements Executor {

    /** From this depth on nothing should be done at once. */
    private static final int DEEP = 32;

    /**
     * How many stages may run within each other. More than is deep: a stage that is added to a
     * future which is not done needs no other thread, and only what was done in the moment before
     * that goes so much deeper.
     */
    private static final int MOST = 40;

    private static final VarHandle GUEST;

    static {
        try {
            GUEST = MethodHandles.lookup().findVarHandle(Nesting.class, "guest", Level.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** How deep a thread is; read and written by that thread alone. */
    static final class Level {
        private final Thread thread;
        private int depth;

        private Level(Thread thread) {
            this.thread = thread;
        }
    }

    /** Runs the stages; null for the thread that made the step. */
    final Executor executor;

    /**
     * The thread that made the last step. Written under the role of what receives. Other threads
     * may see an old one, but none sees itself unless it wrote it last.
     */
    private Level runner;

    /** Set by compare-and-set by the guest itself, cleared by it. */
    private volatile Level guest;

    Nesting(Executor executor) {
        this.executor = executor;
    }

    /** The calling thread makes a step. Under the role of what receives. */
    void run() {
        Thread self = Thread.currentThread();
        if (runner == null || runner.thread != self) {
            runner = new Level(self);
        }
    }

    /**
     * Whether the calling thread may not nest any deeper, so that nothing should be done at once.
     */
    boolean isDeep() {
        Thread self = Thread.currentThread();
        Level level = runner;
        if (level == null || level.thread != self) {
            level = guest;
        }
        return level != null && level.thread == self && level.depth >= DEEP;
    }

    /**
     * Before a stage is added, which may run it.
     *
     * @return for {@link #exit}; null if it must not run within this call
     */
    Level enter() {
        Thread self = Thread.currentThread();
        Level level = runner;
        if (level == null || level.thread != self) {
            level = guest;
            if (level == null) {
                level = new Level(self);
                if (!GUEST.compareAndSet(this, null, level)) {
                    return null;
                }
            } else if (level.thread != self) {
                return null;
            }
        }
        if (level.depth == MOST) {
            return null;
        }
        level.depth++;
        return level;
    }

    /** After it. */
    void exit(Level level) {
        if (--level.depth == 0 && guest == level) {
            guest = null;
        }
    }

    /**
     * Runs what would be nested too deep: on a thread of its own, from which the executor, if there
     * is one, gets it. That executor may be one that runs it at once.
     */
    @Override
    public void execute(Runnable stage) {
        Relay.start(() -> Relay.complete(stage, executor));
    }
}
