package io.peerloom.bench.stress;

import io.peerloom.internal.queue.MpscQueue;
import org.jetbrains.kotlinx.lincheck.LinChecker;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The queue under Lincheck's model checker, which runs its interleavings one by one and looks for
 * one whose results no order of the calls explains. Without bounds: with them, a place is taken a
 * moment before its element is seen, so that "full" and "empty" may be told at the same time.
 */
@Param(name = "element", gen = IntGen.class, conf = "1:9")
public class QueueModel {
    private final MpscQueue<Integer> queue = new MpscQueue<>(1_000, 1_000_000);

    /** The model, as Lincheck makes it. */
    public QueueModel() {}

    /**
     * Any thread.
     *
     * @param element what to queue
     * @return whether it was accepted
     */
    @Operation
    public boolean offer(@Param(name = "element") int element) {
        return queue.offer(element, element);
    }

    /** Any thread. */
    @Operation
    public void add(@Param(name = "element") int element) {
        queue.add(element, element);
    }

    /** {@return the oldest element, or null} The consumer. */
    @Operation(nonParallelGroup = "consumer")
    public Integer take() {
        Integer element = queue.take();
        if (element == null && queue.refill() > 0) {
            element = queue.take();
        }
        if (element != null) {
            queue.release(1, element);
        }
        return element;
    }

    /** {@return whether there is something that was not taken} The consumer. */
    @Operation(nonParallelGroup = "consumer")
    public boolean hasMore() {
        return queue.available() > 0 || queue.hasArrivals();
    }

    /**
     * Checks it; ends with an exception if an interleaving cannot be explained.
     *
     * @param args how many scenarios, and how many interleavings of each
     */
    public static void main(String[] args) {
        int scenarios = Integer.parseInt(args[0]);
        int interleavings = Integer.parseInt(args[1]);
        LinChecker.check(
                QueueModel.class,
                new ModelCheckingOptions()
                        .threads(3)
                        .actorsPerThread(3)
                        .iterations(scenarios)
                        .invocationsPerIteration(interleavings));
        System.out.printf(
                "Lincheck: %d scenarios of up to %d interleavings each, all explained%n",
                scenarios, interleavings);
    }
}
