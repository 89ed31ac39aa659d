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

    /** Clock units of 65 microseconds, as a shift of nanoseconds. */
    private static final int UNIT = 16;

    /** 67 ms, as a shift of clock units: the shortest turn of {@link #letOthersRun}. */
    private static final int TURN = 10;

    /** How many times longer than a lap of all threads a turn is at least, as a shift: 8. */
    private static final int LAPS = 3;

    /**
     * For a virtual thread that is about to read from a socket: lets the other threads of its
     * carrier run first. Often the next bytes are there by then, which saves the failed read, the
     * registration with the poller, the parking and the wake-up.
     *
     * <p>A carrier runs its own queue until that is empty, before it looks at what was submitted
     * from elsewhere. Threads that yield to each other keep the queue filled for as long as their
     * connections are busy; meanwhile whoever was started or woken by a platform thread would wait,
     * perhaps for ever: new connections, and on JDK 21 everybody who waits for a socket. So once in
     * a turn a thread parks for a moment instead: a timer brings it back, from elsewhere. However
     * many they are, the queue has run empty when each of them was asked once.
     *
     * <p>Turns begin by the clock and thus for all threads alike. They have to be longer than all
     * of them together need to come round once, which is the time since the last call: else the
     * first would park again before the last has come back, and what comes back would be what the
     * carrier runs for ever.
     *
     * @param last what the last call on the same connection returned, any number before the first
     * @return the time, in units of its own
     */
    public static int letOthersRun(int last) {
        int now = (int) (System.nanoTime() >>> UNIT);
        int lap = Integer.SIZE - Integer.numberOfLeadingZeros(now - last);
        int turn = Math.min(Math.max(TURN, lap + LAPS), Integer.SIZE - 1);
        if ((now ^ last) >>> turn != 0) {
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
