package io.peerloom.internal.link;

import io.peerloom.internal.queue.MpscQueue;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.Serial;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One connection from the attempt to its end: its wire, the read and the write role, what waits to
 * be sent, and its deadlines.
 *
 * <p><b>Roles.</b> Whoever holds the read role owns the wire's input and whatever the subclass
 * hangs on it (a decoder); whoever holds the write role owns the output, the {@code out} buffer and
 * the encoder. A role is a flag taken by compare-and-set and given back by a volatile write, which
 * orders everything done under it before everything done by the next holder; nobody waits for a
 * role. A thread that cannot have the write role leaves its element in the queue: the holder looks
 * at the queue again after it gave the role back, so nothing is left behind.
 *
 * <p><b>Writer threads</b> exist only while there is something to write: {@link #kick} starts a
 * virtual thread that takes the role, writes everything that waits in as few calls as possible, and
 * ends. {@link #kickAll} has one do so for many links.
 *
 * <p><b>Phases</b>, moved by {@link #move} alone and never back:
 *
 * <table>
 * <caption>phases of a link</caption>
 * <tr><th>from</th><th>event</th><th>to</th></tr>
 * <tr><td>CONNECTING</td><td>the wire is there</td><td>CONNECTED</td></tr>
 * <tr><td>CONNECTING</td><td>failed, timed out, given up</td><td>ENDED</td></tr>
 * <tr><td>CONNECTED</td><td>finished, broken, timed out, given up</td><td>ENDED</td></tr>
 * </table>
 *
 * @param <E> what is queued for sending
 */
public abstract class Link<E> implements Watchdog.Watched {

    /** How far a link has come. */
    public enum Phase {
        /** Resolving, connecting; for a WebSocket, also while hands are shaken. */
        CONNECTING,
        /** There is a wire. */
        CONNECTED,
        /** Over; {@link #failure} tells why, unless it ended well. */
        ENDED
    }

    /** Output is collected up to here before it is written. */
    private static final int OUT_LIMIT = 128 * 1024;

    private static final int OUT_FIRST = 512;

    /** From here on a payload is written from its own array rather than copied behind others. */
    private static final int GATHER = 16 * 1024;

    /** The outcome of a link that ended well. */
    private static final Object CLEAN = new Object();

    private static final VarHandle PHASE;
    private static final VarHandle OUTCOME;
    private static final VarHandle WRITE_ROLE;
    private static final VarHandle READ_ROLE;
    private static final VarHandle WRITER_DUE;

    static {
        try {
            var lookup = MethodHandles.lookup();
            PHASE = lookup.findVarHandle(Link.class, "phase", Phase.class);
            OUTCOME = lookup.findVarHandle(Link.class, "outcome", Object.class);
            WRITE_ROLE = lookup.findVarHandle(Link.class, "writeRole", boolean.class);
            READ_ROLE = lookup.findVarHandle(Link.class, "readRole", boolean.class);
            WRITER_DUE = lookup.findVarHandle(Link.class, "writerDue", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Signalled on every change that a waiting thread of this link may be waiting for. */
    protected final WaitPoint news = new WaitPoint();

    /** What waits to be sent; the write role is its consumer. */
    protected final MpscQueue<E> outbound;

    /** The clock that enforces this link's deadlines. */
    protected final Watchdog watchdog;

    private final Duration writeTimeout;

    /** Moved by compare-and-set, see {@link #move}. */
    private volatile Phase phase = Phase.CONNECTING;

    /**
     * Null, then once {@link #CLEAN} or the cause: by compare-and-set, before the phase is ENDED.
     */
    @SuppressWarnings("unused") // through OUTCOME
    private volatile Object outcome;

    /** Written by the thread that connects, before the phase becomes CONNECTED; not after that. */
    private volatile Wire wire;

    @SuppressWarnings("unused") // through WRITE_ROLE
    private volatile boolean writeRole;

    @SuppressWarnings("unused") // through READ_ROLE
    private volatile boolean readRole;

    /**
     * Time of the last {@link Threads#letOthersRun}, in its units; 0 before the first read. The
     * read role's.
     */
    private int lastLap;

    /**
     * The thread whose connection this is: the only one that waits inside the socket when it sends.
     * Written by that thread alone; any other sees a thread that it is not, however old.
     */
    private Thread owner;

    /** The socket's afterlife, if it has one; written before the phase is ENDED. */
    private volatile Lingering lingering;

    /** Whether the ended link's roles have let go of what they held. Written under the roles. */
    private volatile boolean inputDropped;

    private volatile boolean outputDropped;

    /** A writer thread was started and has not tried to take the role yet. */
    @SuppressWarnings("unused") // through WRITER_DUE
    private volatile boolean writerDue;

    /** Output was left in the buffer when the write role was given back. Written under the role. */
    private volatile boolean heldBack;

    /**
     * Tick in which the write under way began, or 0. Written under the role, read by the watchdog.
     */
    private volatile long writeSince;

    /**
     * The output buffer and how much of it is filled; belong to the write role. Null while idle.
     */
    private byte[] out;

    private int outLength;

    /** How many elements were held back since the last write; the write role's. */
    private int held;

    /** How many bytes the wire has taken. Written under the write role; others read it to guess. */
    private long written;

    /** How many elements that were accepted could not be written. Written under the write role. */
    private volatile int discarded;

    /**
     * A link that is connecting.
     *
     * @param watchdog the clock for its deadlines; the subclass adds the link to it
     * @param maxCount how many elements may wait to be sent
     * @param maxBytes how many bytes may wait to be sent
     * @param writeTimeout how long one write may make no progress before the link is ended
     */
    protected Link(Watchdog watchdog, int maxCount, int maxBytes, Duration writeTimeout) {
        this.watchdog = watchdog;
        this.outbound = new MpscQueue<>(maxCount, maxBytes);
        this.writeTimeout = writeTimeout;
    }

    // ---- phases ----

    /** {@return how far the link has come} Any thread. */
    public final Phase phase() {
        return phase;
    }

    /** {@return why it ended, or null: not ended, or ended well} Any thread. */
    public final Throwable failure() {
        return outcome instanceof Throwable cause ? cause : null;
    }

    /** {@return the wire, or null while there is none yet} Any thread. */
    public final Wire wire() {
        return wire;
    }

    /** The one method that moves the phase. */
    private boolean move(Phase from, Phase to) {
        return PHASE.compareAndSet(this, from, to);
    }

    /**
     * Hands the link a wire that is not ready yet, so that ending the link closes it. By the thread
     * that connects, before {@link #connected}.
     *
     * @param early what is to be read and written later, or what that stands on
     * @return false if the link had been given up meanwhile: the wire is closed then
     */
    protected final boolean connecting(Wire early) {
        wire = early;
        if (phase == Phase.ENDED) { // either we see it, or who ended it sees the wire
            early.close();
            return false;
        }
        return true;
    }

    /**
     * Hands the link its wire. Called once, by the thread that connected or accepted.
     *
     * @param connected what to read and write from now on
     * @return false if the link had been given up meanwhile: the wire is closed then
     */
    protected final boolean connected(Wire connected) {
        wire = connected;
        if (move(Phase.CONNECTING, Phase.CONNECTED)) {
            news.signal();
            return true;
        }
        connected.close();
        return false;
    }

    /**
     * Ends the link, now: closes the wire, drops what was not sent, wakes all that wait. Any
     * thread; only the first call has an effect.
     *
     * @param cause why, or null when it ended well
     * @return whether this call ended it
     */
    public final boolean end(Throwable cause) {
        return end(cause, null);
    }

    /**
     * Ends the link, but keeps the socket half-closed until the other side has read the last bytes:
     * see {@link Lingering}. Any thread, once connected; only the first call has an effect.
     *
     * @param cause why, or null when it ended well
     * @param most how long the socket may linger
     */
    protected final void endAndLinger(Throwable cause, Duration most) {
        end(cause, new Lingering(wire, watchdog, writeTimeout, most));
    }

    private boolean end(Throwable cause, Lingering after) {
        if (!OUTCOME.compareAndSet(this, null, cause == null ? CLEAN : cause)) {
            return false;
        }
        lingering = after;
        if (!move(Phase.CONNECTING, Phase.ENDED)) {
            move(Phase.CONNECTED, Phase.ENDED);
        }
        outbound.close();
        if (after != null) {
            watchdog.linger(after);
        } else if (wire != null) {
            wire.close();
        }
        watchdog.remove(this);
        letGo();
        ended();
        news.signal();
        return true;
    }

    /**
     * {@return why the other side may not have read the last that was sent, though the link ended
     * well; or null} Any thread.
     */
    public final Throwable loss() {
        Lingering after = lingering;
        return after == null ? null : after.loss();
    }

    /**
     * Called once, on the thread that ended the link, after the wire was closed. Must not block.
     */
    protected abstract void ended();

    @Override
    public void tick(long now) {
        if (outbound.hasArrivals()) {
            kick(); // see isKickedLater
        }
        long since = writeSince;
        if (since != 0 && now - since > Nanos.of(writeTimeout)) {
            end(
                    new SocketTimeoutException(
                            "the other side took nothing for " + writeTimeout.toMillis() + " ms"));
        } else if (out != null && !writeRole && tryAcquireWrite()) { // a racy look, then the role
            if (outLength == 0) { // an idle connection holds no buffer
                out = null;
                wire.trim();
            }
            releaseWrite();
        }
    }

    // ---- the thread whose connection it is ----

    /**
     * Makes the connection the calling thread's own: it opened it, serves it, or reads from it. An
     * interrupt of a virtual thread that waits inside a socket closes the socket, so a thread waits
     * in no other than its own.
     */
    public final void claim() {
        if (owner != Thread.currentThread()) {
            owner = Thread.currentThread();
        }
    }

    /** {@return whether the connection is the calling thread's own} */
    protected final boolean isOwner() {
        return owner == Thread.currentThread();
    }

    /**
     * {@return whether the calling thread may use the socket itself: it is virtual, and not
     * interrupted, which would close the socket rather than read or write}
     */
    protected static boolean mayWaitInSocket() {
        Thread current = Thread.currentThread();
        return current.isVirtual() && !current.isInterrupted();
    }

    /**
     * {@return what a read or write threw, in words if it was an interrupt that closed the socket}
     *
     * @param e what it threw
     */
    protected static IOException interrupted(IOException e) {
        if (!(e instanceof ClosedByInterruptException)) {
            return e;
        }
        var end = new InterruptedIOException("a thread was interrupted that waited in the socket");
        end.initCause(e);
        return end;
    }

    // ---- the read role ----

    /**
     * Takes the read role if nobody has it.
     *
     * @return whether this thread has it now
     */
    protected final boolean tryAcquireRead() {
        return !readRole && READ_ROLE.compareAndSet(this, false, true);
    }

    /** Gives the read role back. */
    protected final void releaseRead() {
        readRole = false;
        if (phase == Phase.ENDED) {
            letGo();
        }
    }

    /**
     * Before a read of the wire, under the read role: see {@link Threads#letOthersRun}. Not before
     * the first: there is nothing to guess from yet, and a stack that is first parked in the read,
     * where it is the deepest, needs no second piece of memory for that later.
     */
    protected final void letOthersRun() {
        lastLap = lastLap == 0 ? 1 : Threads.letOthersRun(lastLap);
    }

    /**
     * Lets go of what the roles hold, once the link has ended. A thread that cannot have a role
     * leaves this to the holder: either the holder sees, after it gave the role back, that the link
     * has ended, or this thread sees the role free. If the socket lingers, its two halves get the
     * roles and keep them.
     */
    private void letGo() {
        Lingering after = lingering;
        if (!inputDropped && tryAcquireRead()) {
            inputDropped = true;
            dropInput();
            if (after == null) {
                readRole = false;
            } else {
                Threads.start("peerloom-linger", after::drainInput);
            }
        }
        if (!outputDropped && tryAcquireWrite()) {
            discard();
            if (after == null) {
                releaseWrite();
            } else {
                Threads.start("peerloom-linger", after::shutOutput);
            }
        }
    }

    /** Called under the read role when nothing will be read any more, to let go of buffers. */
    protected void dropInput() {}

    /** Called under the write role when nothing will be written any more; perhaps repeatedly. */
    protected void dropOutput() {}

    /**
     * {@return whether some thread has the read role} Any thread; a guess by the time it is used.
     */
    protected final boolean isReadRoleTaken() {
        return readRole;
    }

    // ---- the write role ----

    /**
     * Puts an element into the output buffer with {@link #room} and {@link #filled}, or writes it
     * through with {@link #writeThrough}. Called under the write role.
     *
     * @param element what was queued or sent
     * @throws IOException if the wire broke
     */
    protected abstract void encode(E element) throws IOException;

    /**
     * {@return what an element weighs in the queue, in bytes}
     *
     * @param element what was queued
     */
    protected abstract int weight(E element);

    /**
     * Encodes what overtakes the queue. Called under the write role, before each element.
     *
     * @throws IOException if the wire broke
     */
    protected void encodeUrgent() throws IOException {}

    /** {@return whether {@link #encodeUrgent} would encode something} Any thread. */
    protected boolean hasUrgent() {
        return false;
    }

    /**
     * Encodes what follows the last element, and whatever else the end of the output takes. Called
     * under the write role, when the queue is closed and all that it accepted is encoded; perhaps
     * repeatedly.
     *
     * @throws IOException if the wire broke
     */
    protected void encodeLast() throws IOException {}

    /** {@return whether {@link #encodeLast} would do something} Any thread. */
    protected boolean isLastDue() {
        return false;
    }

    /** Whether the write role has something to do, but for what waits in the queue. */
    private boolean isMoreDue() {
        return heldBack
                || hasUrgent()
                || (outbound.isClosed() && isLastDue() && outbound.isEmpty());
    }

    private boolean tryAcquireWrite() {
        return WRITE_ROLE.compareAndSet(this, false, true);
    }

    /**
     * Gives the write role back and sees to what was queued while it was held: has it written, or
     * dropped if the link has ended. Who queues later sees the role free; see {@link #kick}.
     */
    private void releaseWrite() {
        writeRole = false;
        if (outbound.hasArrivals() || (phase != Phase.ENDED && isMoreDue())) {
            kick();
        } else if (phase == Phase.ENDED) {
            letGo();
        }
    }

    /**
     * Has what waits written soon, by a virtual thread of its own unless somebody is at it. Any
     * thread; never blocks.
     */
    protected final void kick() {
        // Who holds the role looks at the queue after giving it back; so if it is held now, the
        // holder will see what was queued before this call.
        if (!writeRole && !writerDue && WRITER_DUE.compareAndSet(this, false, true)) {
            Threads.start("peerloom-writer", this::drain);
        }
    }

    /**
     * Has what waits on many links written soon, one after the other by one virtual thread:
     * starting one for each would cost as much as the rest. Any thread; never blocks.
     *
     * @param links whose queues to write
     */
    public static void kickAll(Link<?>[] links) {
        for (Link<?> link : links) {
            link.writerDue = true;
        }
        Threads.start("peerloom-writers", new Convoy(links));
    }

    /**
     * Writes for many links. Who takes the first starts a second thread that queues behind it: it
     * finds nothing left to do, unless the first waits for an other side that does not read. Then
     * it goes on with the rest, after it started a third. So nobody waits for a slow one's sake.
     */
    private static final class Convoy extends AtomicInteger implements Runnable {
        @Serial private static final long serialVersionUID = 1;

        /** After so many it lets others run. */
        private static final int STRETCH = 64;

        private final transient Link<?>[] links;

        Convoy(Link<?>[] links) {
            this.links = links;
        }

        @Override
        public void run() {
            int next = getAndIncrement();
            if (next < links.length - 1) {
                Threads.start("peerloom-writers", this);
            }
            for (; next < links.length; next = getAndIncrement()) {
                links[next].drain();
                if (next % STRETCH == STRETCH - 1) {
                    Thread.yield();
                }
            }
        }
    }

    /**
     * For a reader thread about to read: if the writer that a platform thread started is still not
     * running, because the carriers are busy with threads like this one, starts one that queues
     * among them.
     */
    protected final void kickAgain() {
        if (writerDue && !writeRole) {
            Threads.start("peerloom-writer", this::drain);
        }
    }

    private void drain() {
        beforeWriting();
        writerDue = false; // before the attempt: who fails to see it fall starts no other in vain
        if (tryAcquireWrite()) {
            try {
                writeAll();
            } finally {
                releaseWrite();
            }
        }
    }

    /** Called on a writer thread, before it tries to take the role. Must not block. */
    protected void beforeWriting() {}

    /** Writes all that waits, in as few calls as possible. Under the write role. */
    private void writeAll() {
        int count = 0;
        long bytes = 0;
        try {
            if (phase == Phase.ENDED) {
                discard();
                return;
            }
            do {
                count = 0;
                bytes = 0;
                outbound.refill();
                encodeUrgent();
                for (E element; (element = outbound.take()) != null; ) {
                    count++;
                    bytes += weight(element);
                    encode(element);
                    encodeUrgent();
                }
                if (outbound.isClosedAfter(count)) {
                    encodeLast();
                }
                flushBuffer();
                if (count > 0) {
                    outbound.release(count, bytes);
                    news.signal(); // there is room again
                }
            } while (count > 0 && outbound.hasArrivals());
        } catch (IOException e) {
            outbound.release(count, bytes);
            lost(count + held);
            broken(e);
        } catch (RuntimeException | Error e) { // a bug; nobody may wait for what it left undone
            outbound.release(count, bytes);
            end(e);
            throw e;
        }
    }

    private void broken(IOException e) {
        outbound.close();
        writeFailed(interrupted(e));
        writeSince = 0; // after it, for those who look at isWriting
        discard();
        news.signal(); // nobody need wait for room any more
    }

    /**
     * Called under the write role when the wire takes no more. What waits to be sent is dropped
     * after it.
     *
     * @param cause why
     */
    protected void writeFailed(IOException cause) {
        end(cause);
    }

    /** Drops what waits. Under the write role. */
    private void discard() {
        outLength = 0;
        out = null;
        heldBack = false;
        outputDropped = phase == Phase.ENDED;
        dropOutput();
        outbound.refill();
        for (E element; (element = outbound.take()) != null; ) {
            outbound.release(1, weight(element));
            lost(1);
        }
    }

    private void lost(int more) {
        int before = discarded;
        discarded = before + more;
    }

    /**
     * {@return how many elements were accepted and could not be written} Those of a write that
     * failed count as well, though some of them may have gone out. Any thread.
     */
    protected final int discarded() {
        return discarded;
    }

    /** What became of {@link #sendNow}. */
    protected enum SendNow {
        /** The write role was taken, or others wait: nothing was sent, use the queue. */
        IMPOSSIBLE,
        /** It is with the system, or held back. */
        DONE,
        /** The link broke before or while it was written. */
        BROKEN
    }

    /**
     * Sends an element on the calling thread if the write role is free and nothing waits: without
     * the queue, without another thread. May block until the other side takes the bytes.
     *
     * @param element what to send
     * @param holdBack leave it in the buffer if it fits: more will follow before this thread calls
     *     {@link #flush}. A writer thread sees to it in the meantime, if this one is slow.
     * @return what became of it
     */
    protected final SendNow sendNow(E element, boolean holdBack) {
        if (!outbound.isOpenAndEmpty() || !tryAcquireWrite()) {
            return SendNow.IMPOSSIBLE;
        }
        try {
            if (phase != Phase.CONNECTED || outbound.isClosed()) { // what is last may be out
                return SendNow.BROKEN;
            }
            encodeUrgent();
            encode(element);
            if (holdBack) {
                if (outLength > 0) {
                    held++;
                    if (!heldBack) { // a volatile write costs as much as the rest
                        heldBack = true;
                    }
                }
            } else {
                flushBuffer();
            }
            return SendNow.DONE;
        } catch (IOException e) {
            lost(held);
            broken(e);
            return SendNow.BROKEN;
        } catch (RuntimeException | Error e) {
            end(e);
            throw e;
        } finally {
            releaseWrite();
        }
    }

    /**
     * Writes what this thread held back, and what is urgent, unless another thread is at it. May
     * block. What others queued is not written, since this thread is about to read: the other side
     * may be one that takes no more before something was read. A writer sees to that.
     */
    protected final void flush() {
        if ((heldBack || hasUrgent()) && tryAcquireWrite()) {
            try {
                if (phase == Phase.CONNECTED) {
                    encodeUrgent();
                    flushBuffer();
                }
            } catch (IOException e) {
                lost(held);
                broken(e);
            } catch (RuntimeException | Error e) {
                end(e);
                throw e;
            } finally {
                releaseWrite();
            }
        }
    }

    /** As {@link #flush}, and has the rest written too; if it may not wait in the socket, all. */
    protected final void flushSoon() {
        if (isOwner() && mayWaitInSocket()) {
            flush();
        }
        if (outbound.hasArrivals() || isMoreDue()) {
            kick();
        }
    }

    /**
     * Makes room in the output buffer, writing what is there if that would make it too large. Under
     * the write role.
     *
     * @param bytes how many bytes are needed in one piece
     * @return the buffer; the room begins at {@link #filled()}
     * @throws IOException if the wire broke
     */
    protected final byte[] room(int bytes) throws IOException {
        if (out == null) {
            out = new byte[Math.max(bytes, OUT_FIRST)];
        } else if (bytes > out.length - outLength) {
            if (outLength + bytes > OUT_LIMIT) {
                flushBuffer();
            }
            if (bytes > out.length - outLength) {
                int size = Math.max(outLength + bytes, Math.min(out.length * 4, OUT_LIMIT));
                byte[] larger = new byte[size];
                System.arraycopy(out, 0, larger, 0, outLength);
                out = larger;
            }
        }
        return out;
    }

    /** {@return where the free part of the output buffer begins} Under the write role. */
    protected final int filled() {
        return outLength;
    }

    /**
     * Says how far the output buffer is filled now. Under the write role.
     *
     * @param end the index after the last byte
     */
    protected final void filled(int end) {
        outLength = end;
    }

    /**
     * Sends bytes behind what is in the output buffer: copied there if they are few, written from
     * their own array if they are many. Under the write role.
     *
     * @param data the bytes
     * @param offset where they begin
     * @param length how many
     * @throws IOException if the wire broke
     */
    protected final void writeThrough(byte[] data, int offset, int length) throws IOException {
        if (length < GATHER) {
            byte[] buffer = room(length);
            System.arraycopy(data, offset, buffer, outLength, length);
            outLength += length;
            return;
        }
        int done = 0;
        if (outLength > 0) {
            writeSince = stamp();
            int n = wire.write(out, outLength, data, offset, length);
            if (n < outLength) {
                writeFully(out, n, outLength - n);
            } else {
                done = n - outLength;
                written += outLength;
            }
            outLength = 0;
            held = 0;
        }
        written += done;
        writeFully(data, offset + done, length - done);
        heldBack = false;
    }

    /**
     * Writes what is in the output buffer. Under the write role; may block.
     *
     * @throws IOException if the wire broke
     */
    protected final void flushBuffer() throws IOException {
        if (heldBack) {
            heldBack = false;
        }
        if (outLength > 0) {
            writeFully(out, 0, outLength);
            outLength = 0;
            held = 0;
            if (out.length > OUT_LIMIT) {
                out = null;
            }
        }
    }

    /** Writes all of it; the watchdog counts the time since the last byte that was taken. */
    private void writeFully(byte[] data, int offset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            writeSince = stamp();
            done += wire.write(data, offset + done, length - done);
        }
        writeSince = 0;
        written += length;
    }

    /** {@return how many bytes the wire has taken} Any thread; a guess without the write role. */
    protected final long written() {
        return written;
    }

    /** {@return whether a write is under way} Any thread; a guess by the time it is used. */
    protected final boolean isWriting() {
        return writeSince != 0;
    }

    /** The current tick, never 0. */
    private long stamp() {
        return watchdog.now() | 1;
    }

    /**
     * {@return how many bytes were accepted for sending and are not yet with the system} Any
     * thread; what is held back in the buffer is not counted.
     */
    public final int outboundBytes() {
        return outbound.bytes();
    }

    // ---- queueing ----

    /**
     * Queues an element and has it written. Any thread; never blocks.
     *
     * @param element what to send
     * @return false if there is no room; nothing was queued
     */
    protected final boolean enqueue(E element) {
        if (!outbound.offer(element, weight(element))) {
            return false;
        }
        if (!isKickedLater()) {
            kick();
        }
        return true;
    }

    /**
     * Asked after something was queued, on the thread that queued it: whether it calls {@link
     * #kick} soon, because it is about to queue more. Should it be long in coming, the watchdog's
     * next tick sees to it.
     *
     * @return false to have a writer started at once
     */
    protected boolean isKickedLater() {
        return false;
    }

    /**
     * Queues an element, waiting for room. Any thread that may block. It has no time of its own: as
     * long as the queue is full somebody writes, and a write that makes no progress ends the link.
     * An interrupt does not end the wait, and stays set.
     *
     * @param element what to send
     * @return false if the queue is {@linkplain #closeOutput closed}
     */
    protected final boolean enqueueOrWait(E element) {
        int weight = weight(element);
        boolean interrupted = false;
        boolean queued = outbound.offer(element, weight);
        while (!queued && !outbound.isClosed()) {
            interrupted |= Thread.interrupted(); // with the status set, waiting would be spinning
            news.await(() -> outbound.fits(weight) || outbound.isClosed(), Nanos.FOREVER);
            queued = outbound.offer(element, weight);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (queued) {
            kick();
        }
        return queued;
    }

    /**
     * Accepts nothing for sending from now on: what was accepted is written, then {@linkplain
     * #encodeLast the last}. Any thread; never blocks.
     */
    protected final void closeOutput() {
        outbound.close();
        news.signal(); // nobody need wait for room any more
        kick();
    }

    /** {@return whether nothing is accepted for sending any more} Any thread; never goes back. */
    protected final boolean isOutputClosed() {
        return outbound.isClosed();
    }
}
