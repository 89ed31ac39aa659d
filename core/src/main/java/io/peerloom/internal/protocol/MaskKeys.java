package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/**
 * The masking keys of one client connection: unpredictable, as RFC 6455 section 10.3 asks, so that
 * no script can choose the bytes that leave. Belongs to the write role: one thread at a time.
 *
 * <p>Keys come in batches, since a call of {@link SecureRandom} costs far more than the bytes it
 * gives. The batches grow with use, and one that is used up is dropped: a connection that says
 * little holds little.
 */
public final class MaskKeys {
    private static final VarHandle INTS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int FIRST_BATCH = 8 * Integer.BYTES;
    private static final int LARGEST_BATCH = 256 * Integer.BYTES;
    private static final byte[] NONE = {};

    /** Null until the first key. */
    private SecureRandom random;

    /** The batch under way. */
    private byte[] batch = NONE;

    /** Where in the batch the next key stands. */
    private int at;

    /** The length of the next batch in bytes. */
    private int nextBatch = FIRST_BATCH;

    /** Makes a source of keys. Nothing random is made before it is asked for. */
    public MaskKeys() {}

    /**
     * A key that was never given out before.
     *
     * @return the four bytes, the first one on the wire lowest
     */
    public int next() {
        if (at == batch.length) {
            refill();
        }
        int key = (int) INTS.get(batch, at);
        at += Integer.BYTES;
        if (at == batch.length) {
            batch = NONE;
            at = 0;
        }
        return key;
    }

    private void refill() {
        if (random == null) {
            random = new SecureRandom();
        }
        batch = new byte[nextBatch];
        random.nextBytes(batch);
        nextBatch = Math.min(4 * nextBatch, LARGEST_BATCH);
    }
}
