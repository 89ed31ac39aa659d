package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.channels.AsynchronousCloseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The three bounds of a socket that lingers, and its end in order. */
class LingeringTest {

    private static final Duration LONG = Duration.ofMinutes(10);
    private static final Duration SHORT = Duration.ofMillis(60);

    /** Bytes that come in when the test says so. */
    private static final class Line implements Wire {
        private static final int CLOSED = -2;

        /** What the next reads return: a number of bytes, or -1. */
        final LinkedBlockingQueue<Integer> input = new LinkedBlockingQueue<>();

        volatile boolean shut;
        volatile boolean closed;

        @Override
        public int read(byte[] dst, int offset, int length) throws IOException {
            try {
                int n = closed ? CLOSED : input.take();
                if (n == CLOSED || closed) {
                    throw new AsynchronousCloseException();
                }
                return n;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public int write(byte[] src, int offset, int length) {
            throw new AssertionError("nothing is written any more");
        }

        @Override
        public void shutdownOutput() {
            shut = true;
        }

        @Override
        public void close() {
            closed = true;
            input.add(CLOSED);
        }
    }

    private final Line line = new Line();

    private static Watchdog watchdog(Duration shortest) {
        return Watchdog.shared(shortest);
    }

    @Test
    void itEndsWhenTheOtherSideDoes() {
        Lingering.letGo(line, watchdog(LONG), LONG, LONG);
        await().until(() -> line.shut);
        line.input.add(100);
        await().until(line.input::isEmpty);
        assertThat(line.closed).isFalse();
        line.input.add(-1);
        await().until(() -> line.closed);
    }

    @Test
    void silenceEndsIt() {
        Lingering.letGo(line, watchdog(SHORT), SHORT, LONG);
        await().until(() -> line.closed);
        assertThat(line.shut).isTrue();
    }

    @Test
    void neverEndingBytesEndIt() throws Exception {
        Lingering.letGo(line, watchdog(SHORT), LONG, SHORT.multipliedBy(3));
        while (!line.closed) {
            line.input.offer(1, 1, TimeUnit.MILLISECONDS);
        }
    }

    @Test
    void theOldestGoesFirst() {
        Watchdog group = watchdog(LONG);
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < Watchdog.MOST_LINGERING + 3; i++) {
            var each = new Line();
            lines.add(each);
            Lingering.letGo(each, group, LONG, LONG);
        }
        for (int i = 0; i < lines.size(); i++) {
            assertThat(lines.get(i).closed).as("line %d", i).isEqualTo(i < 3);
        }
        lines.forEach(Line::close);
    }
}
