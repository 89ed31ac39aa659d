package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.time.Duration;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clock of a group of links: now and then it looks at each of them, and lets each enforce its
 * own deadlines. Its thread runs while the group has members.
 *
 * <p>A server's is a platform thread, which ticks on time also when all carriers are busy; the
 * clock of one link alone, of which there may be many, is a virtual thread.
 *
 * <p>Deadlines need no timer each, and the thread that reads or writes needs no clock: it notes
 * {@link #now}, which is as old as the last tick. So every deadline is kept with the precision of a
 * tick, which is an eighth of the shortest, between 5 milliseconds and a second.
 */
public final class Watchdog {

    /** What a watchdog looks at. */
    @FunctionalInterface
    public interface Watched {
        /**
         * Looks at the deadlines. Called on the watchdog's thread; must neither block nor throw.
         *
         * @param now {@link System#nanoTime} of this tick
         */
        void tick(long now);
    }

    private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);

    private static final long FINEST = Duration.ofMillis(5).toNanos();
    private static final long COARSEST = Duration.ofSeconds(1).toNanos();

    /** How many links of a group may linger at once. */
    static final int MOST_LINGERING = 1_024;

    private final long period;
    private final boolean shared;
    private final WaitPoint emptied = new WaitPoint();
    private final Set<Watched> members = ConcurrentHashMap.newKeySet();

    /** Those that linger, the oldest first; null in a group of one. Any thread adds and removes. */
    private final Queue<Lingering> lingering;

    /** Whether the thread runs, or is about to look for members again before it ends. */
    private final AtomicBoolean running = new AtomicBoolean();

    /** Written by the tick and when it starts, read by all. */
    private volatile long now = System.nanoTime();

    /**
     * A watchdog for one link, without members yet.
     *
     * @param deadlines what its members will enforce; the shortest decides how often it looks
     */
    public Watchdog(Duration... deadlines) {
        this(false, deadlines);
    }

    /**
     * A watchdog for the links of a server, without members yet.
     *
     * @param deadlines what its members will enforce; the shortest decides how often it looks
     * @return the watchdog
     */
    public static Watchdog shared(Duration... deadlines) {
        return new Watchdog(true, deadlines);
    }

    private Watchdog(boolean shared, Duration... deadlines) {
        this.shared = shared;
        lingering = shared ? new ConcurrentLinkedQueue<>() : null;
        long shortest = COARSEST * 8;
        for (Duration deadline : deadlines) {
            shortest = Math.min(shortest, Nanos.of(deadline));
        }
        period = Math.max(FINEST, Math.min(COARSEST, shortest / 8));
    }

    /** {@return the time of the last tick, on the scale of {@link System#nanoTime}} */
    public long now() {
        return now;
    }

    /** {@return the time between two ticks in nanoseconds: how imprecise {@link #now} is} */
    public long period() {
        return period;
    }

    /**
     * Begins to look at a member. Any thread.
     *
     * @param member what to look at
     */
    public void add(Watched member) {
        members.add(member);
        start();
    }

    /**
     * Looks at a member no more, except for a tick that is under way. Any thread.
     *
     * @param member what to forget
     */
    public void remove(Watched member) {
        members.remove(member);
        if (members.isEmpty()) {
            emptied.signal();
        }
    }

    /** Begins to look at a link that lingers; if they are too many, the oldest is given up. */
    void linger(Lingering one) {
        add(one);
        if (shared) {
            lingering.add(one);
            while (lingering.size() > MOST_LINGERING) {
                Lingering oldest = lingering.poll();
                if (oldest != null) {
                    oldest.giveUp("too many closed connections wait for their other sides");
                }
            }
        }
    }

    /** Forgets a link that lingered. */
    void forget(Lingering one) {
        if (shared) {
            lingering.remove(one);
        }
        remove(one);
    }

    /**
     * Calls for each member. Any thread; who is added or removed meanwhile may be left out.
     *
     * @param action what to do with each
     */
    public void forEach(Consumer<? super Watched> action) {
        members.forEach(action);
    }

    private void start() {
        if (!running.get() && running.compareAndSet(false, true)) {
            now = System.nanoTime();
            if (shared) {
                Threads.startBlocking("peerloom-watchdog", this::run);
            } else {
                Threads.start("peerloom-watchdog", this::run);
            }
        }
    }

    private void run() {
        while (!emptied.await(members::isEmpty, period)) {
            long time = System.nanoTime();
            now = time;
            for (Watched member : members) {
                try {
                    member.tick(time);
                } catch (RuntimeException e) {
                    LOG.error("a deadline could not be looked at", e);
                }
            }
        }
        running.set(false);
        if (!members.isEmpty()) { // added since: either add saw the flag fall, or we see its member
            start();
        }
    }
}
