package io.peerloom.internal.queue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A lock-free queue for many producers and one consumer, bounded in elements and in bytes, that the
 * consumer empties a batch at a time.
 *
 * <p>Producers push onto a stack with one compare-and-set; the consumer detaches the whole stack
 * with one exchange and turns it round ({@link #refill}), after which it owns the batch and takes
 * from it without touching shared memory ({@link #take}). That is the two halves of a peer: what
 * has arrived, which threads may extend at any time, and what has been polled, which changes only
 * when its owner says so. It costs nothing while empty: an idle connection holds no array.
 *
 * <p>What counts against the bounds is everything accepted and not yet {@linkplain #release
 * released}, so elements that were taken but are still being written keep their place.
 *
 * <p>The elements of one producer stay in its order; elements of different producers are ordered by
 * their compare-and-set.
 *
 * <p>It can be {@linkplain #close closed}. An element is accepted or refused in the same atomic
 * step that looks whether it is closed, so what was accepted was accepted before that, and the
 * consumer knows when it has all of it ({@link #isClosedAfter}). What must follow the last element
 * is written then, and nothing can slip in behind it.
 *
 * @param <E> the elements
 */
public final class MpscQueue<E> {

    private static final class Node<E> {
        final E element;

        /** In the stack: the element pushed before. In the batch: the one pushed after. */
        Node<E> next;

        Node(E element) {
            this.element = element;
        }
    }

    /**
     * The sign bit says whether it is closed, then come the elements, then their bytes: one word,
     * so that all three are tested and kept at once.
     */
    private static final long CLOSED = Long.MIN_VALUE;

    private static final int COUNT_SHIFT = 40;
    private static final long ONE = 1L << COUNT_SHIFT;
    private static final long BYTES = ONE - 1;

    /** More would leave the word's count no room; {@link #add} may still go as far beyond. */
    private static final int MOST = 1 << (Long.SIZE - COUNT_SHIFT - 2);

    private static final VarHandle TOP;
    private static final VarHandle USED;

    static {
        try {
            var lookup = MethodHandles.lookup();
            TOP = lookup.findVarHandle(MpscQueue.class, "top", Node.class);
            USED = lookup.findVarHandle(MpscQueue.class, "used", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final int maxCount;
    private final int maxBytes;

    /**
     * The newest arrival; pushed by producers, detached by the consumer, both by atomic exchange.
     */
    @SuppressWarnings("unused") // through TOP
    private volatile Node<E> top;

    /** Whether closed; count and bytes accepted and not released. Changed atomically, by all. */
    @SuppressWarnings("unused") // through USED
    private volatile long used;

    /** The batch: oldest and newest element and their number. Belongs to the consumer. */
    private Node<E> first;

    private Node<E> last;
    private int available;

    /**
     * An empty queue.
     *
     * @param maxCount how many elements {@link #offer} accepts, at least 1; 4 million at the most
     *     are accepted in any case
     * @param maxBytes how many bytes {@link #offer} accepts, at least 1, and one element more if
     *     that is larger than all of this
     */
    public MpscQueue(int maxCount, int maxBytes) {
        this.maxCount = Math.min(maxCount, MOST);
        this.maxBytes = maxBytes;
    }

    /**
     * Appends an element if it {@linkplain #fits fits} and the queue is not closed. One that is
     * heavier than the bound fits when less than the bound waits: to wait until the queue is empty
     * would be no alternative, since with others adding to it, it may never be. Any thread.
     *
     * @param element the element
     * @param bytes what it weighs, at least 0
     * @return whether it was accepted
     */
    public boolean offer(E element, int bytes) {
        while (true) {
            long now = used;
            if (!hasRoom(now, bytes)) {
                return false;
            }
            // A place is taken only if there is one. Taking it first and giving it back would make
            // the queue look full for a moment, and nobody would wake those it has refused.
            if (USED.compareAndSet(this, now, now + (ONE | bytes))) {
                push(element);
                return true;
            }
        }
    }

    /**
     * Appends an element whatever the bounds say: for a producer that asks {@link #isFull} before
     * it fetches more, and for the one last element that must not be lost. Any thread.
     *
     * @param element the element
     * @param bytes what it weighs, at least 0
     */
    public void add(E element, int bytes) {
        USED.getAndAdd(this, ONE | bytes);
        push(element);
    }

    /**
     * Appends elements as {@link #add} does, one behind the other, at the price of one. Any thread.
     *
     * @param elements the elements, the oldest first
     * @param count how many of them, at least 1
     * @param bytes what they weigh together, at least 0
     */
    public void addAll(E[] elements, int count, long bytes) {
        USED.getAndAdd(this, ((long) count << COUNT_SHIFT) + bytes);
        var oldest = new Node<>(elements[0]);
        Node<E> newest = oldest;
        for (int i = 1; i < count; i++) {
            var node = new Node<>(elements[i]);
            node.next = newest;
            newest = node;
        }
        push(newest, oldest);
    }

    private boolean hasRoom(long now, int bytes) {
        long taken = now & BYTES;
        return now >= 0
                && (now >>> COUNT_SHIFT) < maxCount
                && (bytes > maxBytes ? taken < maxBytes : taken + bytes <= maxBytes);
    }

    /**
     * Refuses what is offered from now on; what was accepted stays. Any thread.
     *
     * @return whether this call closed it
     */
    public boolean close() {
        return ((long) USED.getAndBitwiseOr(this, CLOSED) & CLOSED) == 0;
    }

    /** {@return whether it was closed} Any thread. */
    public boolean isClosed() {
        return used < 0;
    }

    /**
     * {@return whether it is closed, and everything it accepted was taken} Once true it stays so.
     * Consumer only.
     *
     * @param unreleased how many elements the consumer has taken and not yet released
     */
    public boolean isClosedAfter(int unreleased) {
        long now = used;
        return now < 0 && count(now) == unreleased;
    }

    private static int count(long now) {
        return (int) ((now & ~CLOSED) >>> COUNT_SHIFT);
    }

    private void push(E element) {
        var node = new Node<>(element);
        push(node, node);
    }

    /** Puts a part of a stack, linked already, on top of it. */
    private void push(Node<E> newest, Node<E> oldest) {
        Node<E> old;
        do {
            old = top;
            oldest.next = old;
        } while (!TOP.compareAndSet(this, old, newest));
    }

    /**
     * Gives back the place of elements that are done with, taken or not yet accepted. Any thread.
     *
     * @param count how many elements
     * @param bytes what they weighed together
     */
    public void release(int count, long bytes) {
        USED.getAndAdd(this, -(((long) count << COUNT_SHIFT) + bytes));
    }

    /**
     * Moves what has arrived into the consumer's batch. Consumer only.
     *
     * @return how many elements {@link #take} will give now
     */
    public int refill() {
        if (top == null) {
            return available;
        }
        @SuppressWarnings("unchecked")
        var newest = (Node<E>) TOP.getAndSet(this, null);
        Node<E> oldest = null;
        int moved = 0;
        for (Node<E> node = newest; node != null; moved++) {
            Node<E> older = node.next;
            node.next = oldest;
            oldest = node;
            node = older;
        }
        if (first == null) {
            first = oldest;
        } else {
            last.next = oldest;
        }
        last = newest;
        available += moved;
        return available;
    }

    /**
     * Takes the oldest element of the batch, without looking for new arrivals. Its place stays
     * occupied until {@link #release}. Consumer only.
     *
     * @return the element, or null when the batch is used up
     */
    public E take() {
        Node<E> node = first;
        if (node == null) {
            return null;
        }
        first = node.next;
        node.next = null; // an old node that was promoted must not keep younger ones alive
        if (first == null) {
            last = null;
        }
        available--;
        return node.element;
    }

    /** {@return how many elements the batch holds} Consumer only. */
    public int available() {
        return available;
    }

    /** {@return whether something has arrived that {@link #refill} would move} Any thread. */
    public boolean hasArrivals() {
        return top != null;
    }

    /** {@return whether either bound is reached} Any thread. */
    public boolean isFull() {
        return isFullWith(0, 0);
    }

    /**
     * {@return whether either bound is reached once more has been added} Any thread.
     *
     * @param count how many elements more
     * @param bytes what they weigh together
     */
    public boolean isFullWith(int count, long bytes) {
        long now = used;
        return count(now) + count >= maxCount || (now & BYTES) + bytes >= maxBytes;
    }

    /**
     * {@return whether {@link #offer} would accept an element now} Any thread; a guess by the time
     * it is used.
     *
     * @param bytes what the element weighs
     */
    public boolean fits(int bytes) {
        return hasRoom(used, bytes);
    }

    /** {@return whether nothing is accepted that was not released} Any thread. */
    public boolean isEmpty() {
        return (used & ~CLOSED) == 0;
    }

    /** {@return whether it is empty and not closed} Any thread. */
    public boolean isOpenAndEmpty() {
        return used == 0;
    }

    /** {@return how many bytes are accepted and not released} Any thread. */
    public int bytes() {
        return (int) Math.min(used & BYTES, Integer.MAX_VALUE);
    }

    /** {@return how many elements are accepted and not released} Any thread. */
    public int count() {
        return count(used);
    }
}
