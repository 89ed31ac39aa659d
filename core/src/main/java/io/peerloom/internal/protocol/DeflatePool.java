package io.peerloom.internal.protocol;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * The compressors and decompressors of a group of connections, lent for one message or, where the
 * context is kept, for as long as the connection lasts. A compressor takes about 256 KiB outside
 * the heap, a decompressor about 40 KiB, and making one costs more than using it; so a few are kept
 * while they are in use, and none when they are not.
 *
 * <p>Any thread; never blocks.
 */
public final class DeflatePool {

    private final int level;
    private final Shelf<Deflater> deflaters;
    private final Shelf<Inflater> inflaters;

    /** How many connections may borrow. */
    private final AtomicInteger members = new AtomicInteger();

    /** How many things are lent. */
    private final AtomicInteger lent = new AtomicInteger();

    /** Whether anything was borrowed since the last {@link #trim} that had its turn. */
    private volatile boolean used;

    /** When that was. */
    private volatile long trimmed = System.nanoTime();

    /** Things of one kind that wait to be borrowed: a stack, each of whose nodes is used once. */
    private static final class Shelf<T> {
        private final AtomicReference<Node<T>> top = new AtomicReference<>();
        private final AtomicInteger count = new AtomicInteger();
        private final int capacity;

        private record Node<T>(T thing, Node<T> below) {}

        Shelf(int capacity) {
            this.capacity = capacity;
        }

        T take() {
            Node<T> node = top.getAndUpdate(n -> n == null ? null : n.below);
            if (node == null) {
                return null;
            }
            count.decrementAndGet();
            return node.thing;
        }

        boolean put(T thing) {
            if (count.incrementAndGet() > capacity) {
                count.decrementAndGet();
                return false;
            }
            top.updateAndGet(below -> new Node<>(thing, below));
            return true;
        }
    }

    /**
     * An empty pool.
     *
     * @param level of compression, 0 to 9, or -1 for zlib's own choice
     * @param capacity how many of each kind to keep while they are not lent
     */
    public DeflatePool(int level, int capacity) {
        this.level = level;
        deflaters = new Shelf<>(capacity);
        inflaters = new Shelf<>(capacity);
    }

    /** Counts a connection that may borrow. */
    public void join() {
        members.incrementAndGet();
    }

    /** Counts a connection out; after the last one nothing is kept. */
    public void leave() {
        if (members.decrementAndGet() == 0) {
            clear();
        }
    }

    /**
     * Lets go of what is kept, if nothing was borrowed for a while. To be called now and then, by
     * one thread: the watchdog's.
     *
     * @param now {@link System#nanoTime}, or a little before
     * @param nanos how long a while is, at least
     */
    public void trim(long now, long nanos) {
        long last = trimmed;
        if (now - last < nanos) {
            return;
        }
        trimmed = now;
        if (used) {
            used = false;
        } else {
            clear();
        }
    }

    private void clear() {
        for (Deflater deflater; (deflater = deflaters.take()) != null; ) {
            deflater.end();
        }
        for (Inflater inflater; (inflater = inflaters.take()) != null; ) {
            inflater.end();
        }
    }

    /** {@return how many compressors and decompressors are lent} */
    public int lent() {
        return lent.get();
    }

    /** {@return how many compressors and decompressors wait to be lent} */
    public int kept() {
        return deflaters.count.get() + inflaters.count.get();
    }

    Deflater borrowDeflater() {
        used = true;
        lent.incrementAndGet();
        Deflater deflater = deflaters.take();
        return deflater != null ? deflater : new Deflater(level, true);
    }

    Inflater borrowInflater() {
        used = true;
        lent.incrementAndGet();
        Inflater inflater = inflaters.take();
        return inflater != null ? inflater : new Inflater(true);
    }

    void giveBack(Deflater deflater) {
        deflater.reset(); // lets go of the message too
        lent.decrementAndGet();
        if (!deflaters.put(deflater)) {
            deflater.end();
        } else if (members.get() == 0) {
            clear(); // the last connection left before it was put back
        }
    }

    void giveBack(Inflater inflater) {
        inflater.reset();
        lent.decrementAndGet();
        if (!inflaters.put(inflater)) {
            inflater.end();
        } else if (members.get() == 0) {
            clear();
        }
    }
}
