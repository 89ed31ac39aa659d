package io.peerloom.bench.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.peerloom.internal.queue.MpscQueue;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** The queue: nothing is lost or doubled, a producer's order is kept, both bounds hold. */
public final class QueueStress {
    private QueueStress() {}

    /** Takes all there is, each as a further decimal digit. */
    private static int takeAll(MpscQueue<Integer> queue, int before) {
        int digits = before;
        queue.refill();
        for (Integer element; (element = queue.take()) != null; ) {
            queue.release(1, 1);
            digits = digits * 10 + element;
        }
        return digits;
    }

    /** Two producers and the consumer; the rest is taken when all are done. */
    @JCStressTest
    @Outcome(
            id = {"123", "213", "231"},
            expect = ACCEPTABLE,
            desc = "2 before 3")
    @Outcome(expect = FORBIDDEN, desc = "lost, doubled or out of order")
    @State
    public static class EveryElementOnceInItsOrder {
        private final MpscQueue<Integer> queue = new MpscQueue<>(10, 10);
        private int taken;

        /** A producer. */
        @Actor
        public void one() {
            queue.offer(1, 1);
        }

        /** Another one. */
        @Actor
        public void twoAndThree() {
            queue.offer(2, 1);
            queue.offer(3, 1);
        }

        /** The consumer. */
        @Actor
        public void consumer() {
            taken = takeAll(queue, 0);
        }

        /** What came later. */
        @Arbiter
        public void rest(I_Result r) {
            r.r1 = takeAll(queue, taken);
        }
    }

    /** One place and two who want it. */
    @JCStressTest
    @Outcome(
            id = {"true, false", "false, true"},
            expect = ACCEPTABLE,
            desc = "one has it")
    @Outcome(expect = FORBIDDEN, desc = "none or both")
    @State
    public static class OnePlaceIsTakenOnce {
        private final MpscQueue<Integer> queue = new MpscQueue<>(1, 10);

        /** A producer. */
        @Actor
        public void one(ZZ_Result r) {
            r.r1 = queue.offer(1, 1);
        }

        /** Another one. */
        @Actor
        public void other(ZZ_Result r) {
            r.r2 = queue.offer(2, 1);
        }
    }

    /**
     * A producer, a thread that closes, and the consumer that takes until it has all that was
     * accepted: what comes last is then behind the element, or the element was refused.
     */
    @JCStressTest
    @Outcome(
            id = {"1, 1", "0, 0"},
            expect = ACCEPTABLE,
            desc = "accepted and taken before the last, or refused")
    @Outcome(expect = FORBIDDEN, desc = "accepted behind the last")
    @State
    public static class NothingIsAcceptedBehindTheClose {
        private final MpscQueue<Integer> queue = new MpscQueue<>(10, 10);

        /** A producer. */
        @Actor
        public void producer(II_Result r) {
            r.r1 = queue.offer(1, 1) ? 1 : 0;
        }

        /** A thread that closes. */
        @Actor
        public void closer() {
            queue.close();
        }

        /** The consumer, up to the moment in which it would write what comes last. */
        @Actor
        public void consumer(II_Result r) {
            int taken = 0;
            while (!queue.isClosedAfter(taken)) {
                queue.refill();
                while (queue.take() != null) {
                    taken++;
                }
                Thread.onSpinWait();
            }
            r.r2 = taken;
        }
    }

    /** A large element, which has no room until another is released. */
    @JCStressTest
    @Outcome(
            id = {"0, 0", "1, 6"},
            expect = ACCEPTABLE,
            desc = "refused, or accepted and counted")
    @Outcome(expect = FORBIDDEN, desc = "counted wrongly")
    @State
    public static class BytesAreCountedWhileTheyComeAndGo {
        private final MpscQueue<Integer> queue = new MpscQueue<>(10, 10);

        /** With six of ten bytes taken. */
        public BytesAreCountedWhileTheyComeAndGo() {
            queue.offer(1, 6);
            queue.refill();
            queue.take();
        }

        /** The consumer, done with it. */
        @Actor
        public void consumer() {
            queue.release(1, 6);
        }

        /** A producer. */
        @Actor
        public void producer(II_Result r) {
            r.r1 = queue.offer(2, 6) ? 1 : 0;
        }

        /** What the queue counts in the end. */
        @Arbiter
        public void count(II_Result r) {
            r.r2 = queue.bytes();
        }
    }
}
