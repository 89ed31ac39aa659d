package io.peerloom.internal.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/**
 * The masking keys of one client connection: unpredictable, as RFC 6455 section 10.3 asks, so that
 * no script can choose the bytes that leave. Belongs to the write role: one thread at a time.
 *
 * <p>The system's {@link SecureRandom} gives one seed of 256 bits, and ChaCha20 (RFC 8439) makes
 * the keys from it, 16 at a time. Asked for every key, or for batches of them, the default {@code
 * SecureRandom} costs 40 to 60 ns a key and enters a monitor on each call, which pins a virtual
 * thread's carrier on JDK 21; a key from here costs about 5 ns.
 */
public final class MaskKeys {
    private static final VarHandle INTS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int BLOCK = 16;
    private static final int SEED = 8;
    private static final int COUNTER = 12;

    /** "expand 32-byte k", which begins every state of ChaCha20. */
    private static final int[] CONSTANTS = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    /** Constants, seed, block counter, nonce. Null until the first key. */
    private int[] state;

    /** The keys that are ready, from {@link #at} on. */
    private int[] block;

    private int at = BLOCK;

    private long blocks;

    /** Makes a source of keys. Nothing random is made before it is asked for. */
    public MaskKeys() {}

    /**
     * The next key.
     *
     * @return the four bytes, the first one on the wire lowest
     */
    public int next() {
        if (at == BLOCK) {
            refill();
        }
        return block[at++];
    }

    private void refill() {
        if (state == null) {
            state = seeded();
            block = new int[BLOCK];
        }
        state[COUNTER] = (int) blocks;
        state[COUNTER + 1] = (int) (blocks >>> Integer.SIZE);
        blocks++;
        chacha20(state, block);
        at = 0;
    }

    private static int[] seeded() {
        byte[] seed = new byte[SEED * Integer.BYTES];
        new SecureRandom().nextBytes(seed);
        int[] state = new int[BLOCK];
        System.arraycopy(CONSTANTS, 0, state, 0, CONSTANTS.length);
        for (int i = 0; i < SEED; i++) {
            state[CONSTANTS.length + i] = (int) INTS.get(seed, i * Integer.BYTES);
        }
        return state;
    }

    /** The block function of RFC 8439 section 2.3. */
    static void chacha20(int[] state, int[] out) {
        System.arraycopy(state, 0, out, 0, BLOCK);
        for (int i = 0; i < 10; i++) {
            quarterRound(out, 0, 4, 8, 12);
            quarterRound(out, 1, 5, 9, 13);
            quarterRound(out, 2, 6, 10, 14);
            quarterRound(out, 3, 7, 11, 15);
            quarterRound(out, 0, 5, 10, 15);
            quarterRound(out, 1, 6, 11, 12);
            quarterRound(out, 2, 7, 8, 13);
            quarterRound(out, 3, 4, 9, 14);
        }
        for (int i = 0; i < BLOCK; i++) {
            out[i] += state[i];
        }
    }

    private static void quarterRound(int[] x, int a, int b, int c, int d) {
        x[a] += x[b];
        x[d] = Integer.rotateLeft(x[d] ^ x[a], 16);
        x[c] += x[d];
        x[b] = Integer.rotateLeft(x[b] ^ x[c], 12);
        x[a] += x[b];
        x[d] = Integer.rotateLeft(x[d] ^ x[a], 8);
        x[c] += x[d];
        x[b] = Integer.rotateLeft(x[b] ^ x[c], 7);
    }
}
