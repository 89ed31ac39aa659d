package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.time.Duration;

/** Durations as nanoseconds that can be added to {@link System#nanoTime} without overflow. */
public final class Nanos {

    /** For ever, and still safe to add to any clock reading. */
    public static final long FOREVER = WaitPoint.FOREVER;

    private Nanos() {}

    /**
     * Converts a duration.
     *
     * @param duration any
     * @return its nanoseconds, at most {@link #FOREVER}, at least 0
     */
    public static long of(Duration duration) {
        if (duration.isNegative()) {
            return 0;
        }
        // about 146 years in seconds and beyond would overflow toNanos
        return duration.toSeconds() >= FOREVER / 1_000_000_000 ? FOREVER : duration.toNanos();
    }
}
