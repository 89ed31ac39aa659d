package io.peerloom.internal.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A lost wake-up shows as a test that does not end; the time-out turns it into a failure. */
@Timeout(120)
class WaitPointTest {

    private final WaitPoint point = new WaitPoint();

    private static Thread start(boolean virtual, Runnable task) {
        return virtual ? Thread.ofVirtual().start(task) : Thread.ofPlatform().start(task);
    }

    /**
     * Two threads take turns for many rounds, each waking the other right after its own write, so
     * that the wake-up falls into every place of the other's way to sleep.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noWakeUpIsLostBetweenTwoThreads(boolean virtual) throws Exception {
        int rounds = 20_000;
        var turn = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int side = 0; side < 2; side++) {
            int own = side;
            threads.add(
                    start(
                            virtual,
                            () -> {
                                for (int round = own; round < rounds; round += 2) {
                                    int mine = round;
                                    if (!point.await(() -> turn.get() == mine, WaitPoint.FOREVER)) {
                                        return;
                                    }
                                    turn.set(mine + 1);
                                    point.signal();
                                }
                            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(turn).hasValue(rounds);
    }

    /** Many threads at one point, each for a condition of its own, each woken in every round. */
    @Test
    void noWakeUpIsLostAmongManyWaiters() throws Exception {
        int rounds = 500;
        int waiters = 8;
        var round = new AtomicInteger();
        var done = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int w = 0; w < waiters; w++) {
            threads.add(
                    start(
                            w % 2 == 0,
                            () -> {
                                for (int r = 1; r <= rounds; r++) {
                                    int mine = r;
                                    point.await(() -> round.get() >= mine, WaitPoint.FOREVER);
                                    done.incrementAndGet();
                                    point.signal();
                                }
                            }));
        }
        for (int r = 1; r <= rounds; r++) {
            round.set(r);
            point.signal();
            int all = r * waiters;
            point.await(() -> done.get() >= all, WaitPoint.FOREVER);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(done).hasValue(rounds * waiters);
    }

    @Test
    void doesNotWaitWhereItNeedNot() {
        assertThat(point.await(() -> true, WaitPoint.FOREVER)).isTrue();
        assertThat(point.await(() -> true, -1)).isTrue();
        assertThat(point.await(() -> false, 0)).isFalse();
        assertThat(point.await(() -> false, -1)).isFalse();
        assertThat(point.await(() -> false, Long.MIN_VALUE)).isFalse();
    }

    @Test
    void waitsForAsLongAsItWasTold() {
        long begin = System.nanoTime();
        assertThat(point.await(() -> false, Duration.ofMillis(30).toNanos())).isFalse();
        assertThat(System.nanoTime() - begin).isGreaterThanOrEqualTo(30_000_000);
    }

    /** The condition is what counts, not that somebody signalled. */
    @Test
    void aSignalAloneEndsNoWait() throws Exception {
        var looked = new AtomicInteger();
        var held = new AtomicBoolean();
        var outcome = new AtomicReference<Boolean>();
        BooleanSupplier condition =
                () -> {
                    looked.incrementAndGet();
                    return held.get();
                };
        Thread waiter =
                Thread.ofPlatform()
                        .start(() -> outcome.set(point.await(condition, WaitPoint.FOREVER)));
        await().until(() -> waiter.getState() == Thread.State.WAITING);
        int before = looked.get();
        point.signal();
        await().until(() -> looked.get() > before);
        assertThat(waiter.isAlive()).isTrue();
        held.set(true);
        point.signal();
        waiter.join();
        assertThat(outcome.get()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anInterruptEndsTheWaitAndIsKept(boolean virtual) throws Exception {
        var outcome = new AtomicReference<Boolean>();
        var interrupted = new AtomicBoolean();
        var inside = new CountDownLatch(1);
        Thread waiter =
                start(
                        virtual,
                        () -> {
                            inside.countDown();
                            outcome.set(point.await(() -> false, WaitPoint.FOREVER));
                            interrupted.set(Thread.currentThread().isInterrupted());
                        });
        inside.await();
        waiter.interrupt(); // before it parks or while it is parked: either way
        waiter.join();
        assertThat(outcome.get()).isFalse();
        assertThat(interrupted).isTrue();
    }

    @Test
    void anInterruptedThreadDoesNotWaitButLooks() {
        Thread.currentThread().interrupt();
        try {
            var looks = new AtomicInteger();
            assertThat(point.await(() -> looks.incrementAndGet() >= 2, WaitPoint.FOREVER)).isTrue();
            assertThat(point.await(() -> false, WaitPoint.FOREVER)).isFalse();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
