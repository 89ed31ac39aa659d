package io.peerloom.bench.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Output;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.link.Wire;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZI_Result;
import org.openjdk.jcstress.infra.results.ZZI_Result;
import org.openjdk.jcstress.infra.results.ZZZ_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** A link's phases and its write role, under sends, ends and looks from several threads. */
public final class LinkStress {
    private LinkStress() {}

    /** Waits for what a writer thread does soon. */
    private static boolean comesTrue(BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }

    /** Takes all that is written, and counts it. */
    private static final class Sink implements Wire {
        final AtomicInteger bytes = new AtomicInteger();
        volatile boolean closed;

        @Override
        public int read(byte[] dst, int offset, int length) {
            return -1;
        }

        @Override
        public int write(byte[] src, int offset, int length) throws IOException {
            if (closed) {
                throw new IOException("closed");
            }
            bytes.addAndGet(length);
            return length;
        }

        @Override
        public void shutdownOutput() {}

        @Override
        public void close() {
            closed = true;
        }
    }

    /** Sends bytes as they are. */
    private static final class Bytes extends Link<byte[]> {
        final Sink sink = new Sink();
        final AtomicInteger ends = new AtomicInteger();

        Bytes() {
            super(new Watchdog(Duration.ofSeconds(60)), 10, 1000, Duration.ofSeconds(10));
        }

        boolean open() {
            return connected(sink);
        }

        boolean put(int length) {
            return enqueue(new byte[length]);
        }

        boolean putNow(int length) {
            return sendNow(new byte[length], false) == SendNow.DONE || put(length);
        }

        @Override
        protected void encode(byte[] element, Output out) throws IOException {
            out.write(element, 0, element.length);
        }

        @Override
        protected int weight(byte[] element) {
            return element.length;
        }

        @Override
        protected void ended() {
            ends.incrementAndGet();
        }
    }

    /** Two threads that send, one of them on its own. */
    @JCStressTest
    @Outcome(id = "true, true, 12", expect = ACCEPTABLE, desc = "all of both")
    @Outcome(expect = FORBIDDEN, desc = "something was left behind")
    @State
    public static class WhatIsQueuedIsWritten {
        private final Bytes link = new Bytes();

        /** Connected. */
        public WhatIsQueuedIsWritten() {
            link.open();
        }

        /** Queues. */
        @Actor
        public void queue(ZZI_Result r) {
            r.r1 = link.put(5);
        }

        /** Writes itself if it can. */
        @Actor
        public void write(ZZI_Result r) {
            r.r2 = link.putNow(7);
        }

        /** What was written in the end. */
        @Arbiter
        public void written(ZZI_Result r) {
            comesTrue(() -> link.sink.bytes.get() == 12);
            r.r3 = link.sink.bytes.get();
        }
    }

    /** A send and the end of the link: written or dropped, nothing stays in the queue. */
    @JCStressTest
    @Outcome(
            id = {"true, 0", "false, 0"},
            expect = ACCEPTABLE,
            desc = "nothing is kept")
    @Outcome(expect = FORBIDDEN, desc = "queued for nobody")
    @State
    public static class NothingIsKeptAfterTheEnd {
        private final Bytes link = new Bytes();

        /** Connected. */
        public NothingIsKeptAfterTheEnd() {
            link.open();
        }

        /** Sends. */
        @Actor
        public void send(ZI_Result r) {
            r.r1 = link.put(5);
        }

        /** Ends it. */
        @Actor
        public void end() {
            link.end(null);
        }

        /** What is left. */
        @Arbiter
        public void left(ZI_Result r) {
            comesTrue(() -> link.outboundBytes() == 0);
            r.r2 = link.outboundBytes();
        }
    }

    /** Two ends: one counts, and its cause is the cause. */
    @JCStressTest
    @Outcome(
            id = {"true, false, 1", "false, true, 1"},
            expect = ACCEPTABLE,
            desc = "one end")
    @Outcome(expect = FORBIDDEN, desc = "none, two, or the other's cause")
    @State
    public static class OneEnd {
        private final Bytes link = new Bytes();
        private final IOException cause = new IOException();

        /** Connected. */
        public OneEnd() {
            link.open();
        }

        /** Ends well. */
        @Actor
        public void well(ZZI_Result r) {
            r.r1 = link.end(null);
        }

        /** Ends with a cause. */
        @Actor
        public void badly(ZZI_Result r) {
            r.r2 = link.end(cause);
        }

        /** How often it ended, if the cause is that of the one who ended it. */
        @Arbiter
        public void ends(ZZI_Result r) {
            boolean right = link.failure() == (r.r2 ? cause : null);
            r.r3 = right && link.phase() == Link.Phase.ENDED ? link.ends.get() : -1;
        }
    }

    /** Connecting is given up just as it succeeds: the socket is closed by one of both. */
    @JCStressTest
    @Outcome(
            id = {"true, true, true", "false, true, true"},
            expect = ACCEPTABLE,
            desc = "closed")
    @Outcome(expect = FORBIDDEN, desc = "the socket stays open")
    @State
    public static class GivenUpWhileConnecting {
        private final Bytes link = new Bytes();

        /** Connects. */
        @Actor
        public void connect(ZZZ_Result r) {
            r.r1 = link.open();
        }

        /** Gives up. */
        @Actor
        public void giveUp(ZZZ_Result r) {
            r.r2 = link.end(null);
        }

        /** Whether the socket is closed. */
        @Arbiter
        public void closed(ZZZ_Result r) {
            r.r3 = link.sink.closed;
        }
    }

    /** Who sees the phase sees what belongs to it. */
    @JCStressTest
    @Outcome(
            id = {"false, false", "false, true", "true, true"},
            expect = ACCEPTABLE,
            desc = "not yet, or all of it")
    @Outcome(id = "true, false", expect = FORBIDDEN, desc = "connected without a wire")
    @State
    public static class TheWireIsThereBeforeThePhase {
        private final Bytes link = new Bytes();

        /** Connects. */
        @Actor
        public void connect() {
            link.open();
        }

        /** Looks. */
        @Actor
        public void look(ZZ_Result r) {
            r.r1 = link.phase() == Link.Phase.CONNECTED;
            r.r2 = link.wire() != null;
        }
    }

    /** Who sees the end sees its cause. */
    @JCStressTest
    @Outcome(
            id = {"false, false", "false, true", "true, true"},
            expect = ACCEPTABLE,
            desc = "not yet, or all of it")
    @Outcome(id = "true, false", expect = FORBIDDEN, desc = "an end without its cause")
    @State
    public static class TheCauseIsThereBeforeTheEnd {
        private final Bytes link = new Bytes();

        /** Ends it. */
        @Actor
        public void end() {
            link.end(new IOException());
        }

        /** Looks. */
        @Actor
        public void look(ZZ_Result r) {
            r.r1 = link.phase() == Link.Phase.ENDED;
            r.r2 = link.failure() != null;
        }
    }
}
