package io.peerloom.bench;

import io.peerloom.internal.queue.MpscQueue;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;
import org.jctools.queues.varhandle.MpscVarHandleArrayQueue;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;
import org.openjdk.jmh.infra.Control;

/**
 * An element through a queue: by one thread that puts in {@value #BATCH} and takes them out, and by
 * two, one at each end, which call again when the queue is full or empty. Nobody parks.
 *
 * <p>All but {@code ConcurrentLinkedQueue} and JCTools' unbounded one are bounded, to {@value
 * #BOUND} elements. Ours counts bytes beside, which the others do not.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class QueueBenchmark {
    private static final int BOUND = 2048;
    private static final int BATCH = 16;
    private static final int WEIGHT = 64;
    private static final String ELEMENT = "element";

    /** One way to say it all. */
    private interface Ends {
        boolean offer(String element);

        String poll();
    }

    private record JdkEnds(Queue<String> queue) implements Ends {
        @Override
        public boolean offer(String element) {
            return queue.offer(element);
        }

        @Override
        public String poll() {
            return queue.poll();
        }
    }

    private record OurEnds(MpscQueue<String> queue) implements Ends {
        @Override
        public boolean offer(String element) {
            return queue.offer(element, WEIGHT);
        }

        @Override
        public String poll() {
            String element = queue.take();
            if (element == null) {
                if (queue.refill() == 0) {
                    return null;
                }
                element = queue.take();
            }
            queue.release(1, WEIGHT);
            return element;
        }
    }

    private static Ends ends(String queue) {
        return switch (queue) {
            case "ours" -> new OurEnds(new MpscQueue<>(BOUND, BOUND * WEIGHT));
            case "linked" -> new JdkEnds(new ConcurrentLinkedQueue<>());
            case "blocking" -> new JdkEnds(new ArrayBlockingQueue<>(BOUND));
            case "jctools" -> new JdkEnds(new MpscVarHandleArrayQueue<>(BOUND));
            case "jctools-unbounded" -> new JdkEnds(new MpscUnboundedVarHandleArrayQueue<>(BOUND));
            default -> throw new IllegalArgumentException(queue);
        };
    }

    /** For one thread. */
    @State(Scope.Thread)
    public static class Any {
        /** Which queue. */
        @Param({"ours", "linked", "blocking", "jctools", "jctools-unbounded"})
        public String queue;

        private Ends ends;

        /** An empty one. */
        @Setup
        public void make() {
            ends = ends(queue);
        }
    }

    /** For two threads: one that is faster must wait for the other. */
    @State(Scope.Group)
    public static class Bounded {
        /** Which queue. */
        @Param({"ours", "blocking", "jctools"})
        public String queue;

        private Ends ends;

        /** An empty one. */
        @Setup
        public void make() {
            ends = ends(queue);
        }
    }

    /** In and out. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void alone(Any any, Blackhole taken) {
        for (int i = 0; i < BATCH; i++) {
            any.ends.offer(ELEMENT);
        }
        for (int i = 0; i < BATCH; i++) {
            taken.consume(any.ends.poll());
        }
    }

    /** In. */
    @Benchmark
    @Group("handover")
    @GroupThreads(1)
    public void in(Bounded bounded, Control control) {
        while (!bounded.ends.offer(ELEMENT) && !control.stopMeasurement) {
            Thread.onSpinWait();
        }
    }

    /** Out. */
    @Benchmark
    @Group("handover")
    @GroupThreads(1)
    public String out(Bounded bounded, Control control) {
        String element = bounded.ends.poll();
        while (element == null && !control.stopMeasurement) {
            Thread.onSpinWait();
            element = bounded.ends.poll();
        }
        return element;
    }
}
