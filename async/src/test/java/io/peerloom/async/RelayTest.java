package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import java.util.ArrayList;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The role and the baton, without a peer. */
@Timeout(120)
class RelayTest {

    /** Numbers what waits. Its count is a plain field, which only the role protects. */
    private static final class Counter extends Relay<Pending<Integer>> {
        private final AtomicInteger inside = new AtomicInteger();
        private int count;
        private int failAt = -1;

        Counter(Executor executor) {
            super(new Nesting(executor));
        }

        Pending<Integer> next() {
            var pending = new Pending<Integer>(this);
            waiting.add(pending);
            ensure();
            return pending;
        }

        @Override
        Pending<?> step() {
            assertThat(inside.incrementAndGet()).isEqualTo(1);
            Pending<Integer> next = claimNext();
            if (count == failAt) {
                throw new IllegalStateException("a bug");
            }
            if (next != null) {
                next.decide(count++, null);
            }
            inside.decrementAndGet();
            return next;
        }
    }

    /** Many threads bring work and give some of it up: each of the rest is answered, once. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingIsLeftBehind(boolean withExecutor) throws Exception {
        var counter = new Counter(withExecutor ? Thread::startVirtualThread : null);
        var answered = new AtomicInteger();
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < 6; t++) {
            boolean givesUp = t % 2 == 0;
            threads.add(
                    Thread.startVirtualThread(() -> {
                        int last = -1;
                        for (int i = 0; i < 5_000; i++) {
                            var next = counter.next();
                            if (givesUp && i % 3 == 0 && next.cancel(false)) {
                                continue;
                            }
                            if (i % 5 == 0) { // now and then wait, so that threads come and go
                                int number = next.join();
                                assertThat(number).isGreaterThan(last);
                                last = number;
                                answered.incrementAndGet();
                            } else {
                                var counted = next.thenAccept(n -> answered.incrementAndGet());
                                if (i == 4_999) {
                                    counted.join();
                                }
                            }
                        }
                    }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        // whatever is left is answered before what is asked for now
        int total = counter.next().join();
        await().until(() -> answered.get() == total);
        assertThat(counter.waiting).isEmpty();
    }

    /** A bug of ours must not leave anybody waiting for ever, nor start thread after thread. */
    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void aBugIsToldToAllWhoWait(int failAt) {
        var handler = Thread.getDefaultUncaughtExceptionHandler();
        var uncaught = new AtomicInteger();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.incrementAndGet());
        try {
            var counter = new Counter(null);
            counter.failAt = failAt;
            for (int i = 0; i < failAt; i++) {
                assertThat(counter.next().join()).isEqualTo(i);
            }
            counter.waiting.add(new Pending<>(counter)); // which the step takes with it
            for (int i = 0; i < 5; i++) {
                var next = counter.next();
                assertThatThrownBy(next::join)
                        .isInstanceOf(CompletionException.class)
                        .cause()
                        .isInstanceOfSatisfying(
                                PeerException.class,
                                e -> assertThat(e.code()).isEqualTo(ErrorCode.FAILED))
                        .hasRootCauseMessage("a bug");
            }
            // It may come only now, and Awaitility would take it for a failure of its own.
            await().dontCatchUncaughtExceptions().until(() -> uncaught.get() == 1);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(handler);
        }
    }
}
