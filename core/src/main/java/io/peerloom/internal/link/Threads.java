package io.peerloom.internal.link;

/** The threads that Peerloom starts, so that a thread dump tells what each is for. */
public final class Threads {

    private Threads() {}

    /**
     * Starts a virtual thread.
     *
     * @param name what it is for
     * @param task what it runs
     * @return the thread, started
     */
    public static Thread start(String name, Runnable task) {
        return Thread.ofVirtual().name(name).inheritInheritableThreadLocals(false).start(task);
    }

    /** About 8 ms: how often {@link #letOthersRun} pauses being polite. A power of two. */
    private static final long POLITE_PERIOD = 1L << 23;

    /** About 1 ms: for how long it does. */
    private static final long IMPOLITE = 1L << 20;

    /**
     * For a virtual thread that is about to read from a socket: lets the other threads of its
     * carrier run first. Often the next bytes are there by then, which saves the failed read, the
     * registration with the poller, the parking and the wake-up.
     *
     * <p>A carrier runs its own queue until that is empty, before it looks at what was submitted
     * from elsewhere. Threads that yield to each other keep the queue filled for as long as their
     * connections are busy; meanwhile whoever was woken by a platform thread would wait, perhaps
     * for ever: on JDK 21 that is everybody who waits for a socket. So for an eighth of the time,
     * by the clock and thus for all connections of the process at once, nobody yields: they meet an
     * empty socket and park, the queue runs empty, and the others have their turn.
     */
    public static void letOthersRun() {
        if ((System.nanoTime() & (POLITE_PERIOD - 1)) >= IMPOLITE) {
            Thread.yield();
        }
    }

    /**
     * Starts a platform thread, for calls of the system that would block a virtual thread together
     * with its carrier. It keeps no JVM alive.
     *
     * @param name what it is for
     * @param task what it runs
     * @return the thread, started
     */
    public static Thread startBlocking(String name, Runnable task) {
        return Thread.ofPlatform()
                .daemon()
                .name(name)
                .inheritInheritableThreadLocals(false)
                .start(task);
    }
}
