package io.peerloom.bench.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.peerloom.internal.queue.WaitPoint;
import java.util.concurrent.TimeUnit;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.openjdk.jcstress.infra.results.Z_Result;

/** Parking and unparking: no wake-up is lost. One that is, shows as a wait of its whole time. */
public final class WaitStress {
    private WaitStress() {}

    private static final long LONG = TimeUnit.SECONDS.toNanos(30);

    /** Whether the wait ended by the signal. */
    private static boolean wasWoken(WaitPoint point, java.util.function.BooleanSupplier condition) {
        long start = System.nanoTime();
        return point.await(condition, LONG) && System.nanoTime() - start < LONG / 2;
    }

    /** One waits, one signals. */
    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "woken")
    @Outcome(expect = FORBIDDEN, desc = "slept on")
    @State
    public static class TheSignalIsSeen {
        private final WaitPoint point = new WaitPoint();
        private volatile boolean done;

        /** Waits. */
        @Actor
        public void waiter(Z_Result r) {
            r.r1 = wasWoken(point, () -> done);
        }

        /** Signals. */
        @Actor
        public void signaller() {
            done = true;
            point.signal();
        }
    }

    /** Each waits for the other. */
    @JCStressTest
    @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "both woken")
    @Outcome(expect = FORBIDDEN, desc = "one slept on")
    @State
    public static class ThereAndBack {
        private final WaitPoint point = new WaitPoint();
        private volatile boolean there;
        private volatile boolean back;

        /** Goes first. */
        @Actor
        public void first(ZZ_Result r) {
            there = true;
            point.signal();
            r.r1 = wasWoken(point, () -> back);
        }

        /** Answers. */
        @Actor
        public void second(ZZ_Result r) {
            r.r2 = wasWoken(point, () -> there);
            back = true;
            point.signal();
        }
    }
}
