package io.peerloom.bench.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.MessageDeflater;
import java.nio.charset.StandardCharsets;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** The pool of compressors: none is lent twice, none is lost. */
public final class PoolStress {
    private PoolStress() {}

    private static final byte[] TEXT =
            "the same, the same, the same, the same".getBytes(StandardCharsets.US_ASCII);

    private static int deflate(MessageDeflater deflater) {
        return deflater.deflate(TEXT) ? deflater.length() : -1;
    }

    /** One kept compressor and two who want one; both give theirs back. */
    @JCStressTest
    @Outcome(id = "0, 0, 0, 1", expect = ACCEPTABLE, desc = "all right, one is kept")
    @Outcome(id = "0, 0, 0, 2", expect = ACCEPTABLE, desc = "all right, two are kept")
    @Outcome(expect = FORBIDDEN, desc = "shared, lost or miscounted")
    @State
    public static class OneForEach {
        private final DeflatePool pool = new DeflatePool(1, 2);
        private final int expected;

        /** With one compressor in it. */
        public OneForEach() {
            pool.join();
            var first = new MessageDeflater(pool, 15, false);
            expected = deflate(first);
        }

        private int compress() {
            var deflater = new MessageDeflater(pool, 15, false);
            return deflate(deflater) - expected;
        }

        /** Compresses. */
        @Actor
        public void one(IIII_Result r) {
            r.r1 = compress();
        }

        /** Compresses too. */
        @Actor
        public void other(IIII_Result r) {
            r.r2 = compress();
        }

        /** What the pool counts in the end, before it is emptied. */
        @Arbiter
        public void count(IIII_Result r) {
            r.r3 = pool.lent();
            r.r4 = pool.kept();
            pool.leave();
        }
    }

    /** The last connection leaves while it gives back: nothing is kept for nobody. */
    @JCStressTest
    @Outcome(id = "0, 0, 0, 0", expect = ACCEPTABLE, desc = "nothing is kept")
    @Outcome(expect = FORBIDDEN, desc = "native memory is left behind")
    @State
    public static class NothingIsKeptForNobody {
        private final DeflatePool pool = new DeflatePool(1, 2);
        private final MessageDeflater deflater = new MessageDeflater(pool, 15, true);

        /** With one compressor lent. */
        public NothingIsKeptForNobody() {
            pool.join();
            deflate(deflater);
        }

        /** Gives back. */
        @Actor
        public void giveBack() {
            deflater.release();
        }

        /** Leaves. */
        @Actor
        public void leave() {
            pool.leave();
        }

        /** What is there in the end. */
        @Arbiter
        public void count(IIII_Result r) {
            r.r3 = pool.lent();
            r.r4 = pool.kept();
        }
    }
}
