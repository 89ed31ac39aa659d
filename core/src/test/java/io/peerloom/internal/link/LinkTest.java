package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.internal.link.Link.Phase;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Phases, roles and deferred output of a link whose wire is an array. */
@Timeout(60)
class LinkTest {

    private static final Duration LONG = Duration.ofMinutes(10);

    /** Takes what is written while its gate is open, at most so many bytes a call. */
    private static final class MemoryWire implements Wire {
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private final List<byte[]> writes = new ArrayList<>();
        private final List<Thread> writers = new ArrayList<>();
        private boolean open = true;
        private boolean closed;
        private boolean shut;
        private int waiting;
        private int most = Integer.MAX_VALUE;
        private IOException broken;
        private BooleanSupplier ready = () -> true;

        void set(Runnable change) {
            lock.lock();
            try {
                change.run();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        void shutGate() {
            set(() -> open = false);
        }

        void openGate() {
            set(() -> open = true);
        }

        void breakWith(IOException cause) {
            set(() -> broken = cause);
        }

        /** Whether a thread is inside of a write and may not go on. */
        boolean isBlocking() {
            lock.lock();
            try {
                return waiting > 0;
            } finally {
                lock.unlock();
            }
        }

        byte[] written() {
            lock.lock();
            try {
                var all = new ByteArrayOutputStream();
                writes.forEach(all::writeBytes);
                return all.toByteArray();
            } finally {
                lock.unlock();
            }
        }

        int calls() {
            lock.lock();
            try {
                return writes.size();
            } finally {
                lock.unlock();
            }
        }

        List<Thread> writers() {
            lock.lock();
            try {
                return List.copyOf(writers);
            } finally {
                lock.unlock();
            }
        }

        boolean isClosed() {
            lock.lock();
            try {
                return closed;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public int write(byte[] src, int offset, int length) throws IOException {
            while (!ready.getAsBoolean()) {
                Thread.yield();
            }
            lock.lock();
            try {
                waiting++;
                try {
                    while (!open && !closed && broken == null) {
                        changed.awaitUninterruptibly();
                    }
                } finally {
                    waiting--;
                }
                if (closed) {
                    throw new AsynchronousCloseException();
                }
                if (broken != null) {
                    throw broken;
                }
                assertThat(length).isPositive();
                assertThat(shut).as("written after the end of the stream").isFalse();
                int n = Math.min(length, most);
                var piece = new byte[n];
                System.arraycopy(src, offset, piece, 0, n);
                writes.add(piece);
                writers.add(Thread.currentThread());
                return n;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public int read(byte[] dst, int offset, int length) throws IOException {
            throw new EOFException("this wire is only written");
        }

        @Override
        public void shutdownOutput() {
            set(() -> shut = true);
        }

        @Override
        public void close() {
            set(() -> closed = true);
        }
    }

    /** Passes byte arrays through, and checks that the write role has one holder at a time. */
    private static final class MemoryLink extends Link<byte[]> {
        final AtomicInteger endings = new AtomicInteger();
        private final AtomicBoolean encoding = new AtomicBoolean();

        MemoryLink(Watchdog watchdog, int maxCount, int maxBytes, Duration writeTimeout) {
            super(watchdog, maxCount, maxBytes, writeTimeout);
        }

        boolean connect(Wire wire) {
            return connected(wire);
        }

        boolean sendHere(byte[] element, boolean holdBack) {
            return sendNow(element, holdBack) != SendNow.IMPOSSIBLE;
        }

        boolean queue(byte[] element) {
            return enqueue(element);
        }

        boolean queueOrWait(byte[] element) {
            return enqueueOrWait(element);
        }

        void flushNow() {
            flush();
        }

        boolean isQueueEmpty() {
            return outbound.isEmpty();
        }

        @Override
        protected void encode(byte[] element, Output out) throws IOException {
            assertThat(encoding.compareAndSet(false, true)).as("one at a time").isTrue();
            try {
                out.write(element, 0, element.length);
            } finally {
                encoding.set(false);
            }
        }

        @Override
        protected int weight(byte[] element) {
            return element.length;
        }

        @Override
        protected void ended() {
            endings.incrementAndGet();
        }
    }

    private final MemoryWire wire = new MemoryWire();
    private final Watchdog watchdog = new Watchdog(LONG);
    private MemoryLink link = new MemoryLink(watchdog, 100, 10_000, LONG);

    @AfterEach
    void end() {
        link.end(null);
    }

    private static byte[] bytes(int... values) {
        var bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    private static CompletableFuture<Boolean> inBackground(BooleanSupplier task) {
        var result = new CompletableFuture<Boolean>();
        Thread.ofVirtual().start(() -> result.complete(task.getAsBoolean()));
        return result;
    }

    // ---- phases, by their table ----

    @Test
    void connectsAndEnds() {
        assertThat(link.phase()).isEqualTo(Phase.CONNECTING);
        assertThat(link.connect(wire)).isTrue();
        assertThat(link.phase()).isEqualTo(Phase.CONNECTED);
        assertThat(link.wire()).isSameAs(wire);
        assertThat(wire.isClosed()).isFalse();
        assertThat(link.end(null)).isTrue();
        assertThat(link.phase()).isEqualTo(Phase.ENDED);
        assertThat(link.failure()).isNull();
        assertThat(wire.isClosed()).isTrue();
        assertThat(link.endings).hasValue(1);
    }

    @Test
    void failsToConnect() {
        var cause = new IOException("refused");
        assertThat(link.end(cause)).isTrue();
        assertThat(link.phase()).isEqualTo(Phase.ENDED);
        assertThat(link.failure()).isSameAs(cause);
        assertThat(link.connect(wire)).isFalse();
        assertThat(link.phase()).isEqualTo(Phase.ENDED);
        assertThat(wire.isClosed()).isTrue();
    }

    @Test
    void theFirstCauseStays() {
        link.connect(wire);
        var cause = new IOException("first");
        assertThat(link.end(cause)).isTrue();
        assertThat(link.end(new IOException("second"))).isFalse();
        assertThat(link.end(null)).isFalse();
        assertThat(link.failure()).isSameAs(cause);
        assertThat(link.endings).hasValue(1);
    }

    /** Connecting, failing and giving up at the same moment: one end, and no open wire is left. */
    @RepeatedTest(200)
    void endsOnceWhateverRaces() throws Exception {
        var start = new CountDownLatch(1);
        var ends = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            threads.add(
                    Thread.ofVirtual()
                            .start(() -> {
                                awaitQuietly(start);
                                if (link.end(new IOException())) {
                                    ends.incrementAndGet();
                                }
                            }));
        }
        threads.add(
                Thread.ofVirtual()
                        .start(() -> {
                            awaitQuietly(start);
                            link.connect(wire);
                        }));
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(ends).hasValue(1);
        assertThat(link.endings).hasValue(1);
        assertThat(link.phase()).isEqualTo(Phase.ENDED);
        assertThat(wire.isClosed()).isTrue();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- deferred output ----

    @Test
    void whatIsQueuedIsWrittenByAThreadOfTheLinks() {
        link.connect(wire);
        assertThat(link.queue(bytes(1, 2))).isTrue();
        assertThat(link.queue(bytes(3))).isTrue();
        await().until(link::isQueueEmpty);
        assertThat(wire.written()).containsExactly(1, 2, 3);
        assertThat(wire.writers())
                .allSatisfy(writer -> {
                    assertThat(writer.isVirtual()).isTrue();
                    assertThat(writer.getName()).isEqualTo("peerloom-writer");
                });
    }

    @Test
    void whatIsSentIsWrittenByTheSender() {
        link.connect(wire);
        assertThat(link.sendHere(bytes(1), false)).isTrue();
        assertThat(wire.written()).containsExactly(1);
        assertThat(wire.writers()).containsExactly(Thread.currentThread());
    }

    /** While one write is under way, all that comes meanwhile is collected for the next. */
    @Test
    void whatWaitsLeavesInOneWrite() {
        link.connect(wire);
        wire.shutGate();
        link.queue(bytes(0));
        await().until(wire::isBlocking);
        for (int i = 1; i < 100; i++) {
            assertThat(link.queue(bytes(i))).isTrue();
        }
        assertThat(link.outboundBytes()).isEqualTo(100); // the one under way counts as well
        assertThat(link.queue(bytes(100))).isFalse();
        wire.openGate();
        await().until(link::isQueueEmpty);
        assertThat(wire.calls()).isEqualTo(2);
        assertThat(wire.written()).hasSize(100).startsWith(0, 1, 2).endsWith(98, 99);
    }

    @Test
    void whoCannotHaveTheRoleIsTold() {
        link.connect(wire);
        wire.shutGate();
        link.queue(bytes(1));
        await().until(wire::isBlocking);
        assertThat(link.sendHere(bytes(2), false)).isFalse();
        wire.openGate();
        await().until(link::isQueueEmpty);
        assertThat(wire.written()).containsExactly(1);
    }

    /** A sender on its own thread may not overtake what it has queued before. */
    @Test
    void nothingIsSentPastTheQueue() {
        link.connect(wire);
        wire.shutGate();
        var sending = inBackground(() -> link.sendHere(bytes(1), false));
        await().until(wire::isBlocking);
        assertThat(link.queue(bytes(2))).isTrue();
        assertThat(link.sendHere(bytes(3), false)).isFalse();
        wire.openGate();
        assertThat(sending.join()).isTrue();
        await().until(link::isQueueEmpty); // nobody asked for it: who gave the role back saw to it
        assertThat(wire.written()).containsExactly(1, 2);
    }

    @Test
    void whatIsHeldBackLeavesWithWhatFollows() {
        link.connect(wire);
        wire.shutGate();
        link.queue(bytes(0));
        await().until(wire::isBlocking); // so that the writer thread cannot come in between
        assertThat(link.sendHere(bytes(9), true)).isFalse();
        wire.openGate();
        await().until(link::isQueueEmpty);

        assertThat(link.sendHere(bytes(1), true)).isTrue();
        assertThat(link.sendHere(bytes(2), true)).isTrue();
        assertThat(link.sendHere(bytes(3), false)).isTrue();
        await().until(() -> wire.written().length == 4);
        assertThat(wire.written()).containsExactly(0, 1, 2, 3);
    }

    /** The sender may take its time to come back, or never do so. */
    @Test
    void whatIsHeldBackIsWrittenWithoutItsSender() {
        link.connect(wire);
        assertThat(link.sendHere(bytes(1), true)).isTrue();
        await().until(() -> wire.written().length == 1);
        link.flushNow(); // there is nothing any more
        assertThat(wire.calls()).isEqualTo(1);
    }

    @Test
    void aLargeElementFollowsWhatIsInTheBuffer() {
        link = new MemoryLink(watchdog, 100, 1_000_000, LONG);
        link.connect(wire);
        var large = new byte[100_000];
        large[99_999] = 7;
        for (int most : new int[] {Integer.MAX_VALUE, 60_000, 2}) {
            int before = wire.written().length;
            wire.set(() -> wire.most = most);
            link.sendHere(bytes(5), true);
            if (!link.sendHere(large, false)) { // the writer is at what was held back
                link.queue(large);
            }
            await().until(() -> wire.written().length == before + 100_001);
            assertThat(wire.written()[before]).isEqualTo((byte) 5);
            assertThat(wire.written()).endsWith(0, 7);
        }
    }

    /**
     * Whatever way many threads send, and in whatever pieces the wire takes it: the bytes of an
     * element stay together, the elements of a thread in its order, and nothing is left behind.
     */
    @RepeatedTest(8)
    void elementsStayWholeAndInOrder() throws Exception {
        int senders = 4;
        int each = 400;
        var random = new Random(42);
        link = new MemoryLink(watchdog, 50, 20_000, LONG);
        wire.most = 1 + random.nextInt(30_000);
        link.connect(wire);
        List<Thread> threads = new ArrayList<>();
        Queue<String> refused = new ConcurrentLinkedQueue<>();
        for (int s = 0; s < senders; s++) {
            int sender = s;
            var own = new Random(sender);
            Thread.Builder builder = s % 2 == 0 ? Thread.ofPlatform() : Thread.ofVirtual();
            threads.add(
                    builder.start(() -> {
                        for (int i = 0; i < each; i++) {
                            // now and then heavier than the queue's bound, or gathered, or empty
                            int size = own.nextInt(own.nextInt(50) == 0 ? 30_000 : 300);
                            byte[] element =
                                    ByteBuffer.allocate(12 + size)
                                            .putInt(sender)
                                            .putInt(i)
                                            .putInt(size)
                                            .array();
                            boolean holdBack = own.nextInt(4) == 0;
                            if ((own.nextInt(3) == 0 || !link.sendHere(element, holdBack))
                                    && !link.queueOrWait(element)) {
                                refused.add(sender + "/" + i);
                            }
                            if (own.nextInt(10) == 0) {
                                link.flushNow();
                            }
                        }
                    }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(refused).isEmpty();
        int[] next = new int[senders];
        await().until(() -> complete(wire.written(), senders * each));
        ByteBuffer all = ByteBuffer.wrap(wire.written());
        while (all.hasRemaining()) {
            int sender = all.getInt();
            assertThat(all.getInt()).isEqualTo(next[sender]++);
            int size = all.getInt();
            for (int i = 0; i < size; i++) {
                assertThat(all.get()).isZero();
            }
        }
        assertThat(link.isQueueEmpty()).isTrue();
    }

    private static boolean complete(byte[] written, int elements) {
        ByteBuffer all = ByteBuffer.wrap(written);
        int n = 0;
        for (; all.remaining() >= 12; n++) {
            int size = all.getInt(all.position() + 8);
            if (all.remaining() < 12 + size) {
                return false;
            }
            all.position(all.position() + 12 + size);
        }
        return n == elements && !all.hasRemaining();
    }

    // ---- room ----

    @Test
    void whoWaitsForRoomGetsIt() {
        link = new MemoryLink(watchdog, 100, 10, LONG);
        link.connect(wire);
        wire.shutGate();
        assertThat(link.queue(new byte[10])).isTrue();
        assertThat(link.queue(new byte[1])).isFalse();
        var waiting = inBackground(() -> link.queueOrWait(new byte[10]));
        var heavy = inBackground(() -> link.queueOrWait(new byte[30])); // heavier than the bound
        assertThat(waiting).isNotDone();
        wire.openGate();
        assertThat(waiting.join()).isTrue();
        assertThat(heavy.join()).isTrue();
        await().until(() -> wire.written().length == 50);
    }

    /** An element heavier than the bound gets its turn among others that never leave a gap. */
    @Test
    void aHeavyElementDoesNotStarve() throws Exception {
        link = new MemoryLink(watchdog, 1_000, 1_000, LONG);
        var stop = new AtomicBoolean();
        wire.ready = () -> stop.get() || link.outboundBytes() >= 900; // they are always faster
        link.connect(wire);
        List<Thread> others = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            others.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                while (!stop.get()) {
                                    link.queueOrWait(new byte[300]);
                                }
                            }));
        }
        await().until(() -> wire.calls() > 10);
        var heavy = inBackground(() -> link.queueOrWait(new byte[5_000]));
        await().until(heavy::isDone);
        stop.set(true);
        for (Thread other : others) {
            other.join();
        }
        assertThat(heavy.join()).isTrue();
    }

    // ---- the end ----

    @Test
    void whoWaitsForRoomIsToldOfTheEnd() {
        link.connect(wire);
        wire.shutGate();
        link.queue(new byte[10_000]);
        var waiting = inBackground(() -> link.queueOrWait(new byte[1]));
        link.end(new IOException("over"));
        assertThat(waiting.join()).isFalse();
        await().until(link::isQueueEmpty);
    }

    @Test
    void aBrokenWireEndsTheLinkAndEmptiesTheQueue() {
        link.connect(wire);
        wire.shutGate();
        link.queue(bytes(1));
        await().until(wire::isBlocking);
        link.queue(bytes(2));
        var cause = new IOException("broken");
        wire.breakWith(cause);
        await().until(() -> link.phase() == Phase.ENDED);
        assertThat(link.failure()).isSameAs(cause);
        await().until(link::isQueueEmpty);
        assertThat(link.outboundBytes()).isZero();
    }

    /** The same when it breaks under a sender while others queue behind it. */
    @Test
    void aBrokenWireUnderASenderLeavesNothingQueued() {
        link.connect(wire);
        wire.shutGate();
        var sending = inBackground(() -> link.sendHere(bytes(1), false));
        await().until(wire::isBlocking);
        link.queue(bytes(2));
        var cause = new IOException("broken");
        wire.breakWith(cause);
        sending.join();
        assertThat(link.failure()).isSameAs(cause);
        await().until(link::isQueueEmpty);
        link.queue(bytes(3)); // too late, and gone as well
        await().until(link::isQueueEmpty);
    }

    @Test
    void aStalledWriteEndsTheLink() {
        var clock = new Watchdog(Duration.ofMillis(100));
        link = new MemoryLink(clock, 100, 10_000, Duration.ofMillis(100));
        link.connect(wire);
        clock.add(link);
        wire.shutGate();
        var sending = inBackground(() -> link.sendHere(bytes(1), false));
        await().until(() -> wire.isBlocking() || link.phase() == Phase.ENDED);
        link.queue(bytes(2));
        await().until(() -> link.phase() == Phase.ENDED);
        assertThat(link.failure())
                .isInstanceOf(SocketTimeoutException.class)
                .hasMessageContaining("100 ms");
        sending.join();
        await().until(link::isQueueEmpty);
    }

    /** Only a write has a time; a link on which nothing is written may live for ever. */
    @Test
    void anIdleLinkIsNotStalled() {
        link.connect(wire);
        link.sendHere(bytes(1), false);
        link.tick(System.nanoTime() + Duration.ofDays(1).toNanos());
        assertThat(link.phase()).isEqualTo(Phase.CONNECTED);
    }

    // ---- the clock ----

    @Test
    void aWatchdogRunsWhileThereIsSomethingToWatch() {
        var clock = new Watchdog(Duration.ofMillis(1));
        assertThat(clock.period()).isEqualTo(Duration.ofMillis(5).toNanos());
        for (int round = 0; round < 3; round++) { // its thread ends in between: the guard looks
            var ticks = new AtomicInteger();
            Watchdog.Watched member = now -> ticks.incrementAndGet();
            clock.add(member);
            await().until(() -> ticks.get() >= 2);
            clock.remove(member);
        }
        assertThat(new Watchdog(LONG).period()).isEqualTo(Duration.ofSeconds(1).toNanos());
    }

    /** Members that come and go while its thread is on its way out are not forgotten. */
    @RepeatedTest(50)
    void aWatchdogForgetsNobody() {
        var clock = new Watchdog(Duration.ofMillis(1));
        Watchdog.Watched first = now -> {};
        var ticks = new AtomicInteger();
        Watchdog.Watched second = now -> ticks.incrementAndGet();
        clock.add(first);
        clock.remove(first);
        clock.add(second);
        await().until(() -> ticks.get() > 0);
        clock.remove(second);
    }
}
