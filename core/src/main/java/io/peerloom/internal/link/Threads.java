package io.peerloom.internal.link;

import java.util.concurrent.locks.LockSupport;

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

    /** About 67 ms, as a shift of nanoseconds: how long a turn of {@link #letOthersRun} is. */
    private static final int TURN = 26;

    /**
     * For a virtual thread that is about to read from a socket: lets the other threads of its
     * carrier run first. Often the next bytes are there by then, which saves the failed read, the
     * registration with the poller, the parking and the wake-up.
     *
     * <p>A carrier runs its own queue until that is empty, before it looks at what was submitted
     * from elsewhere. Threads that yield to each other keep the queue filled for as long as their
     * connections are busy; meanwhile whoever was started or woken by a platform thread would wait,
     * perhaps for ever: new connections, and on JDK 21 everybody who waits for a socket. So at the
     * beginning of each turn, by the clock and thus of all threads alike, a thread parks for a
     * moment instead: a timer brings it back, from elsewhere and behind those who wait there.
     * However many they are, the queue has run empty when each of them was asked once.
     *
     * @param turn what the last call on the same connection returned
     * @return the turn of now
     */
    public static int letOthersRun(int turn) {
        int now = (int) (System.nanoTime() >>> TURN);
        if (now - turn == 1) { // who was quiet for longer keeps nobody's queue filled
            LockSupport.parkNanos(1);
        } else {
            Thread.yield();
        }
        return now;
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
