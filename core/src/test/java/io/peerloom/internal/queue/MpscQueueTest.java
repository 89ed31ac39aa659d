package io.peerloom.internal.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class MpscQueueTest {

    // ---- one thread: every call against a model of two plain deques ----

    enum Verb {
        OFFER,
        ADD,
        ADD_ALL,
        REFILL,
        TAKE,
        RELEASE,
        CLOSE
    }

    record Step(Verb verb, int weight) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        return Combinators.combine(
                        Arbitraries.of(Verb.class), Arbitraries.integers().between(0, 14))
                .as(Step::new)
                .list()
                .ofMaxSize(100);
    }

    @Property
    void followsTheModel(@ForAll("steps") List<Step> steps) {
        int maxCount = 5;
        int maxBytes = 10;
        var queue = new MpscQueue<Integer>(maxCount, maxBytes);
        Deque<Integer> arrived = new ArrayDeque<>(); // an element is its own weight
        Deque<Integer> batch = new ArrayDeque<>();
        Deque<Integer> taken = new ArrayDeque<>();
        boolean closed = false;
        for (Step step : steps) {
            int weight = step.weight();
            int count = arrived.size() + batch.size() + taken.size();
            int bytes = sum(arrived) + sum(batch) + sum(taken);
            boolean room = count < maxCount && bytes + weight <= maxBytes;
            switch (step.verb()) {
                case OFFER -> {
                    boolean heavy = weight > maxBytes;
                    boolean fits =
                            !closed && (room || (heavy && count < maxCount && bytes < maxBytes));
                    assertThat(queue.fits(weight)).isEqualTo(fits);
                    assertThat(queue.offer(weight, weight)).isEqualTo(fits);
                    if (fits) {
                        arrived.add(weight);
                    }
                }
                case CLOSE -> {
                    assertThat(queue.close()).isEqualTo(!closed);
                    closed = true;
                }
                case ADD -> {
                    queue.add(weight, weight);
                    arrived.add(weight);
                }
                case ADD_ALL -> {
                    assertThat(queue.isFullWith(2, 2L * weight))
                            .isEqualTo(count + 2 >= maxCount || bytes + 2 * weight >= maxBytes);
                    queue.addAll(new Integer[] {weight, weight, null}, 2, 2L * weight);
                    arrived.add(weight);
                    arrived.add(weight);
                }
                case REFILL -> {
                    batch.addAll(arrived);
                    arrived.clear();
                    assertThat(queue.refill()).isEqualTo(batch.size());
                }
                case TAKE -> {
                    Integer expected = batch.poll();
                    assertThat(queue.take()).isEqualTo(expected);
                    if (expected != null) {
                        taken.add(expected);
                    }
                }
                case RELEASE -> {
                    queue.release(taken.size(), sum(taken));
                    taken.clear();
                }
            }
            count = arrived.size() + batch.size() + taken.size();
            bytes = sum(arrived) + sum(batch) + sum(taken);
            assertThat(queue.count()).isEqualTo(count);
            assertThat(queue.bytes()).isEqualTo(bytes);
            assertThat(queue.available()).isEqualTo(batch.size());
            assertThat(queue.hasArrivals()).isEqualTo(!arrived.isEmpty());
            assertThat(queue.isEmpty()).isEqualTo(count == 0);
            assertThat(queue.isClosed()).isEqualTo(closed);
            assertThat(queue.isOpenAndEmpty()).isEqualTo(count == 0 && !closed);
            assertThat(queue.isClosedAfter(taken.size()))
                    .isEqualTo(closed && arrived.isEmpty() && batch.isEmpty());
            assertThat(queue.isFull()).isEqualTo(count >= maxCount || bytes >= maxBytes);
        }
    }

    private static int sum(Deque<Integer> weights) {
        return weights.stream().mapToInt(Integer::intValue).sum();
    }

    /** A part of an element may be given back before the rest, as a stream does with its chunks. */
    @Example
    void anElementMayBeReleasedInParts() {
        var queue = new MpscQueue<String>(1, 10);
        queue.add("chunk", 10);
        queue.release(0, 4);
        assertThat(queue.bytes()).isEqualTo(6);
        assertThat(queue.isFull()).isTrue(); // by count
        queue.release(1, 6);
        assertThat(queue.isEmpty()).isTrue();
    }

    /** "No bound" is the largest int: neither sum nor count may run over into the other. */
    @Example
    void lacksNoRoomWithoutBounds() {
        var queue = new MpscQueue<Integer>(Integer.MAX_VALUE, Integer.MAX_VALUE);
        assertThat(queue.offer(1, Integer.MAX_VALUE)).isTrue();
        assertThat(queue.isFull()).isTrue();
        queue.add(2, Integer.MAX_VALUE);
        assertThat(queue.bytes()).isEqualTo(Integer.MAX_VALUE); // as near as an int comes
        assertThat(queue.count()).isEqualTo(2);
        queue.release(2, 2L * Integer.MAX_VALUE);
        assertThat(queue.isEmpty()).isTrue();
        assertThat(queue.fits(Integer.MAX_VALUE)).isTrue();
    }

    // ---- many threads ----

    private static final int PRODUCERS = 4;

    /** So long nobody waits on any machine, unless a wake-up was lost. */
    private static final long PATIENCE = Duration.ofSeconds(60).toNanos();

    private record Numbered(int producer, int number, int weight) {}

    /**
     * As peers use it: who finds no room waits for it, who finds nothing waits for an arrival. Per
     * producer nothing is skipped and nothing comes twice, and nobody is left waiting.
     */
    @Property(tries = 15)
    void keepsOrderAndBoundsUnderManyProducers(
            @ForAll("bounds") int maxCount, @ForAll("weights") int heaviest) throws Exception {
        int each = 1_000;
        int maxBytes = 2 * heaviest;
        var queue = new MpscQueue<Numbered>(maxCount, maxBytes);
        var news = new WaitPoint();
        var over = new AtomicBoolean();
        List<Thread> producers = new ArrayList<>();
        for (int p = 0; p < PRODUCERS; p++) {
            int producer = p;
            Thread.Builder builder = p % 2 == 0 ? Thread.ofPlatform() : Thread.ofVirtual();
            producers.add(
                    builder.start(() -> {
                        for (int i = 0; i < each; i++) {
                            var element = new Numbered(producer, i, 1 + i % heaviest);
                            while (!queue.offer(element, element.weight())) {
                                if (!news.await(() -> queue.fits(element.weight()), PATIENCE)) {
                                    return;
                                }
                            }
                            news.signal();
                            if (queue.count() > maxCount || queue.bytes() > maxBytes) {
                                over.set(true);
                            }
                        }
                    }));
        }
        int[] next = new int[PRODUCERS];
        for (int received = 0; received < PRODUCERS * each; ) {
            assertThat(news.await(queue::hasArrivals, PATIENCE)).isTrue();
            queue.refill();
            for (Numbered element; (element = queue.take()) != null; received++) {
                assertThat(element.number()).isEqualTo(next[element.producer()]++);
                queue.release(1, element.weight());
            }
            news.signal();
        }
        for (Thread producer : producers) {
            producer.join();
        }
        assertThat(over).as("the bounds were passed for a moment").isFalse();
        assertThat(queue.isEmpty()).isTrue();
        assertThat(queue.hasArrivals()).isFalse();
    }

    @Provide
    Arbitrary<Integer> bounds() {
        return Arbitraries.of(1, 2, 7, 64, 100_000);
    }

    @Provide
    Arbitrary<Integer> weights() {
        return Arbitraries.of(1, 3, 1_000_000);
    }

    /**
     * Two producers that race for the last place: one of them gets it. If both could be refused, a
     * producer that waits for room would sleep with room there and nobody left to wake it.
     */
    @Example
    void oneOfThoseWhoRaceForTheLastPlaceGetsIt() throws Exception {
        int rounds = 20_000;
        var queue = new MpscQueue<Integer>(1, 1);
        var accepted = new AtomicInteger();
        var round = new AtomicInteger();
        var arrived = new AtomicInteger();
        var ended = new CountDownLatch(2);
        for (int p = 0; p < 2; p++) {
            Thread.ofPlatform()
                    .start(() -> {
                        for (int r = 1; r <= rounds; r++) {
                            while (round.get() < r) {
                                Thread.yield();
                            }
                            if (queue.offer(r, 0)) {
                                accepted.incrementAndGet();
                            }
                            arrived.incrementAndGet();
                        }
                        ended.countDown();
                    });
        }
        int lost = 0;
        for (int r = 1; r <= rounds; r++) {
            round.set(r);
            while (arrived.get() < 2 * r) {
                Thread.yield();
            }
            if (accepted.getAndSet(0) != 1) {
                lost++;
            }
            queue.refill();
            while (queue.take() != null) {
                queue.release(1, 0);
            }
        }
        ended.await();
        assertThat(lost).isZero();
    }

    /** One element heavier than the bound fills the queue: a second has to wait. */
    @Example
    void onlyOneOfTheHeavyIsAdmitted() throws Exception {
        int rounds = 5_000;
        var queue = new MpscQueue<Integer>(10, 10);
        var inside = new AtomicInteger();
        var most = new AtomicInteger();
        List<Thread> producers = new ArrayList<>();
        for (int p = 0; p < 3; p++) {
            producers.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                for (int r = 0; r < rounds; r++) {
                                    while (!queue.offer(r, 11)) {
                                        Thread.yield();
                                    }
                                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                                }
                            }));
        }
        for (int received = 0; received < 3 * rounds; ) {
            if (queue.refill() == 0) {
                Thread.yield();
                continue;
            }
            assertThat(queue.take()).isNotNull();
            received++;
            while (inside.get() == 0) { // its producer has not counted itself yet
                Thread.yield();
            }
            inside.decrementAndGet();
            queue.release(1, 11);
        }
        for (Thread producer : producers) {
            producer.join();
        }
        assertThat(most).hasValue(1);
    }

    /**
     * Whatever is accepted is accepted before the close: the consumer that goes on until the queue
     * {@link MpscQueue#isClosedAfter isClosedAfter} has all of it, and nothing comes later.
     */
    @Property(tries = 200)
    void whatIsAcceptedIsTakenBeforeTheCloseIsSeen(@ForAll("closings") int closeAfter)
            throws Exception {
        var queue = new MpscQueue<Integer>(64, 64);
        var accepted = new AtomicInteger();
        List<Thread> producers = new ArrayList<>();
        for (int p = 0; p < PRODUCERS; p++) {
            producers.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                while (!queue.isClosed()) {
                                    if (queue.offer(1, 1)) {
                                        accepted.incrementAndGet();
                                    }
                                }
                            }));
        }
        int received = 0;
        int unreleased = 0;
        while (!queue.isClosedAfter(unreleased)) {
            queue.release(unreleased, unreleased);
            unreleased = 0;
            queue.refill();
            while (queue.take() != null) {
                received++;
                unreleased++;
                if (received == closeAfter) {
                    assertThat(queue.close()).isTrue();
                }
            }
        }
        for (Thread producer : producers) {
            producer.join();
        }
        assertThat(queue.hasArrivals()).isFalse();
        assertThat(received).isEqualTo(accepted.get());
    }

    @Provide
    Arbitrary<Integer> closings() {
        return Arbitraries.integers().between(1, 2_000);
    }
}
