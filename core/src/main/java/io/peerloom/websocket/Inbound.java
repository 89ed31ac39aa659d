package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Link.Phase;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.internal.queue.MpscQueue;
import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a connection receives: reads bytes, decodes messages, and hands them over to the thread that
 * receives. A polled connection has a reader thread, which queues them; a direct one is read by the
 * thread that calls {@link #receive}, until nobody does for a while.
 *
 * <p>It is the reader thread's own {@link Runnable}, and the thread that receives directly reads in
 * {@link #receiveDirectly}: an idle connection is parked in these two, and each frame on its stack
 * is memory for as long as that lasts. That is why they look alike, and call the wire themselves.
 *
 * <p>It answers nothing by itself: pongs and close frames are {@linkplain Outbound left to} the
 * write role.
 */
final class Inbound implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketPeer.class);

    /** What an idle or quiet connection reads into. */
    private static final int READ_SMALL = 64;

    /** How many times larger the buffer is made that a read has filled. */
    private static final int READ_GROWTH = 8;

    private static final int READ_LARGE = 64 * 1024;

    /** What heads are read into, and what is of no interest. */
    static final int READ_HEAD = 1024;

    /** The most that one read asks for when it reads into a message. */
    private static final int READ_DIRECT = 128 * 1024;

    /** How many messages of one read are decoded at a time. */
    private static final int AHEAD = 32;

    private static final byte[] NO_BYTES = {};

    /** What a direct connection has queued while no reader thread was needed; stays empty. */
    private static final MpscQueue<Message> NONE = new MpscQueue<>(1, 1);

    private static final VarHandle RESTING;

    static {
        try {
            RESTING = MethodHandles.lookup().findVarHandle(Inbound.class, "resting", Thread.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What it needs of it is not kept here too: an idle connection pays for each field. */
    private final WebSocketConnection link;

    private final Closing closing;
    private final Outbound out;

    /**
     * Messages read by a reader thread and not yet taken by the receiving thread. A direct
     * connection has {@link #NONE} until it is replaced under the read role, before its reader
     * starts: who still sees that sees an empty queue, as it was then, and is told of what comes.
     */
    private volatile MpscQueue<Message> queue;

    // ---- published by the read role and the receiving thread, read by all ----

    /** Nobody takes messages any more: those that find no room are dropped. */
    private volatile boolean dropping;

    /** Tick in which bytes last came in. Written by the read role, read by the watchdog. */
    private volatile long lastRead;

    /** The reader waits for room in the queue: silence is not the other side's fault. Read role. */
    private volatile boolean blocked;

    /**
     * Ticks in which, after a close, a message was queued or taken: that is progress. Written by
     * the read role and the receiving thread.
     */
    private volatile long lastQueued;

    private volatile long lastTaken;

    /** Tick in which {@link #receive} last read itself. Written by the read role. */
    private volatile long lastReceive;

    // ---- the receiving thread's ----

    /**
     * Messages that it decoded ahead on a direct connection, older than all that is queued, and
     * where they begin and end; null while there are none.
     */
    private Message[] ahead;

    private int aheadFrom;
    private int aheadTo;

    /** What it has taken of the queue, and not yet told the queue of: an atomic operation each. */
    private int freed;

    private int freedBytes;

    /** How many messages it has taken. This and the next two wrap, and only differences count. */
    private int taken;

    /**
     * How many of them it is done with. Written by the receiving thread when it comes back for
     * more, read by a reader thread.
     */
    private volatile int handled;

    /** A reader thread waits for {@link #handled}; written by it. */
    private volatile boolean courteous;

    // ---- the read role's ----

    /** How many messages a reader thread has queued. */
    private int queued;

    /** Some of them were not told of yet: those of one read are told of together. */
    private boolean untold;

    private final FrameDecoder decoder;
    private byte[] buffer = NO_BYTES;
    private int position;
    private int limit;

    /** {@link #decode} has used up what came in. */
    private boolean starved;

    /** How many bytes a read put straight into the message, which the decoder does not know of. */
    private int filledDirectly;

    /** What is wrong with the frame that was met reading ahead, until its turn comes. */
    private ProtocolException deferred;

    /**
     * The reader thread, while it {@linkplain #rest rests}. Set by it, cleared by whoever wakes it.
     */
    @SuppressWarnings("unused") // through RESTING
    private volatile Thread resting;

    /**
     * How much was written when {@link #lastRead} changed. Read by the write role too, as a guess.
     */
    private long writtenBefore;

    /** Whether the last read had to wait for long. */
    private boolean wasQuiet;

    Inbound(WebSocketConnection link, Closing closing, Outbound out) {
        this.link = link;
        this.closing = closing;
        this.out = out;
        this.queue = link.isDirect() ? NONE : newQueue();
        Limits limits = link.limits();
        this.decoder =
                new FrameDecoder(!link.isClient(), limits.maxMessageBytes(), limits.maxFragments());
    }

    private MpscQueue<Message> newQueue() {
        return new MpscQueue<>(link.limits().inboundMessages(), link.limits().inboundBytes());
    }

    // ---- for the opener, which has the read role ----

    /** What came behind the head is read first. */
    void behindHead(byte[] bytes, int from, int to) {
        if (from < to) {
            buffer = bytes;
            position = from;
            limit = to;
        }
    }

    /** Decompresses from now on. */
    void inflate(DeflatePool pool, boolean keepsContext) {
        decoder.inflate(pool, keepsContext);
    }

    /** The handshake succeeded: the clocks of reading begin. */
    void opened() {
        lastRead = link.watchdog().now();
        lastReceive = lastRead;
    }

    // ---- what one may ask; any thread ----

    /** How many messages were read and not yet taken. */
    int count() {
        return queue.count();
    }

    /** And their bytes. */
    int bytes() {
        return queue.bytes();
    }

    /** Whether the reader waits for room. */
    boolean isBlocked() {
        return blocked;
    }

    long lastRead() {
        return lastRead;
    }

    long lastReceive() {
        return lastReceive;
    }

    long lastQueued() {
        return lastQueued;
    }

    long lastTaken() {
        return lastTaken;
    }

    /** How much was written when something last came in. A guess without the read role. */
    long writtenBefore() {
        return writtenBefore;
    }

    /** Whether more is here to be received and answered. Receiving thread; a guess. */
    boolean hasMore() {
        return position < limit || aheadFrom < aheadTo;
    }

    // ---- reading ----

    /** Has a thread read from now on, if none does. Any thread; never blocks. */
    void startReader() {
        if (link.phase() == Phase.CONNECTED && link.tryAcquireRead()) {
            if (queue == NONE) {
                queue = newQueue();
            }
            Threads.start("peerloom-reader", this);
        }
    }

    /** Nobody takes messages any more. Tell of it by {@link WebSocketConnection#news}. */
    void drop() {
        dropping = true;
    }

    /** Lets go of what it holds, once nothing will be read. Under the read role. */
    void release() {
        buffer = NO_BYTES;
        position = limit = 0;
        decoder.release();
    }

    /**
     * Reads until the end; the caller has the read role, or was given it, and loses it. A reader
     * thread runs this and nothing around it: an idle connection is parked in here, and each frame
     * on its stack is memory for as long as that lasts.
     */
    @Override
    public void run() {
        Message[] batch = null;
        try {
            while (true) {
                if (queue.isFull() && !dropping) {
                    awaitRoom();
                }
                Message message = decode();
                if (message == null) {
                    if (!starved) {
                        break;
                    }
                    if (untold && limit < buffer.length && link.isAttentive()) {
                        rest();
                    }
                    boolean large = prepareRead();
                    link.letOthersRun();
                    int n =
                            large
                                    ? link.wire()
                                            .read(
                                                    decoder.directArray(),
                                                    decoder.directOffset(),
                                                    directRoom())
                                    : link.wire().read(buffer, limit, buffer.length - limit);
                    arrived(n, large);
                    continue;
                }
                if (closing.hasDropped() || (dropping && queue.isFull())) {
                    closing.messageDropped(); // and all that follow: never a message behind a hole
                    continue;
                }
                untold = true;
                if (closing.isBegun()) {
                    lastQueued = link.watchdog().now();
                }
                if (!decoder.isMessageNext(buffer, position, limit)) {
                    queue.add(message, message.size());
                    queued++;
                    continue;
                }
                if (batch == null) {
                    batch = new Message[AHEAD];
                }
                queueAll(message, batch);
            }
            tell();
            drain();
        } catch (IOException e) {
            link.end(e);
        } finally {
            link.releaseRead();
        }
    }

    /**
     * Waits until the user takes messages. After a close that has a bound, which begins anew with
     * each message taken: beyond it nobody seems to be there who takes the rest.
     */
    private void awaitRoom() {
        tell();
        blocked = true;
        boolean wasClosing = closing.isBegun();
        boolean changed =
                link.news()
                        .await(
                                () ->
                                        !queue.isFull()
                                                || dropping
                                                || closing.isBegun() != wasClosing
                                                || link.phase() == Phase.ENDED,
                                wasClosing
                                        ? Nanos.of(link.limits().closeTimeout())
                                        : Nanos.FOREVER);
        if (!changed) {
            dropping = true;
        }
        lastRead = link.watchdog().now();
        blocked = false;
    }

    /**
     * Tells of the messages that were queued, and lets the polling thread answer them and the
     * writer write that before it asks the kernel for more: on a busy connection that is there by
     * then, which saves what {@link Threads#letOthersRun} saves on a direct one. Only while the
     * polling thread waits for news; should it not poll then after all, the next tick ends the
     * rest. It does not wait at {@link WebSocketConnection#news}, which would cost each idle
     * connection a queue of waiters, and wake it at every change.
     *
     * <p>The polling thread looks at {@link #resting} after it was told, which is after it was set;
     * so does whoever closes or ends the connection, after it said so.
     */
    private void rest() {
        untold = false;
        resting = Thread.currentThread();
        link.announce();
        while (resting != null && !closing.isBegun() && link.phase() != Phase.ENDED) {
            LockSupport.park(this);
        }
        resting = null;
    }

    /** Whether its reader rests, until somebody is about to write. Any thread. */
    boolean isResting() {
        return resting != null;
    }

    /** Ends the reader's rest, if it does. Any thread; never blocks. */
    void wake() {
        if (resting != null) {
            LockSupport.unpark((Thread) RESTING.getAndSet(this, null));
        }
    }

    /**
     * Queues a message together with those that follow it in the buffer, as far as there is room.
     */
    private void queueAll(Message message, Message[] batch) {
        long bytes = message.size();
        int count = 1;
        batch[0] = message;
        while (count < batch.length && !queue.isFullWith(count, bytes)) {
            Message next = decodeNext();
            if (next == null) {
                break;
            }
            batch[count++] = next;
            bytes += next.size();
        }
        queue.addAll(batch, count, bytes);
        queued += count;
        Arrays.fill(batch, 0, count, null);
    }

    /**
     * Decodes what has come in up to the next message, answering what comes before it. Under the
     * read role.
     *
     * @return null if more must be read, then it is {@link #starved}; or if no message will come:
     *     the other side sent its close frame or broke the protocol
     */
    private Message decode() {
        starved = false;
        try {
            while (closing.canReceive()) {
                if (deferred != null) {
                    throw deferred;
                }
                FrameDecoder.Event event = FrameDecoder.Event.NEED_INPUT;
                if (filledDirectly > 0) {
                    int n = filledDirectly;
                    filledDirectly = 0;
                    event = decoder.directFilled(n);
                } else if (position < limit) {
                    event = decoder.decode(buffer, position, limit);
                    position = decoder.consumed();
                }
                switch (event) {
                    case NEED_INPUT -> {
                        starved = true;
                        return null;
                    }
                    case TEXT -> {
                        return new Message(decoder.payload(), true);
                    }
                    case BINARY -> {
                        return new Message(decoder.payload(), false);
                    }
                    case PING -> {
                        out.answer(decoder.payload());
                        link.kick();
                    }
                    case PONG -> out.pongReceived(decoder.payload());
                    case CLOSE -> closeReceived();
                }
            }
        } catch (ProtocolException e) {
            fail(e);
        }
        return null;
    }

    /**
     * Decodes the messages that are next in the buffer, so that the receiving thread takes them
     * without the read role: each of its two atomic operations would cost as much as the decoding.
     * Under the read role, on the receiving thread, which has taken all that was queued.
     */
    private void readAhead() {
        aheadFrom = 0;
        aheadTo = 0;
        for (Message next; aheadTo < AHEAD && (next = decodeNext()) != null; ) {
            if (ahead == null) {
                ahead = new Message[AHEAD];
            }
            ahead[aheadTo++] = next;
        }
    }

    /**
     * The message that the rest of the buffer begins with; null if it does not begin with a whole
     * one, or with anything else, or with something bad, which waits for its turn. Under the read
     * role.
     */
    private Message decodeNext() {
        if (deferred != null || !decoder.isMessageNext(buffer, position, limit)) {
            return null;
        }
        try {
            boolean text = decoder.decode(buffer, position, limit) == FrameDecoder.Event.TEXT;
            position = decoder.consumed();
            return new Message(decoder.payload(), text);
        } catch (ProtocolException e) {
            deferred = e;
            return null;
        }
    }

    /**
     * Before a read of the wire, which its callers do by themselves: an idle connection is parked
     * in it, and each frame on its stack is memory for as long as that lasts. Sees to what has
     * waited for this moment, and to the place where the bytes go. Under the read role.
     *
     * @return whether they go straight into the message, rather than to the end of the buffer
     */
    private boolean prepareRead() throws IOException {
        tell();
        if (link.isOwner()) {
            link.flush(); // what was held back while there was more to answer
        } else {
            link.kickAgain();
        }
        if (position == limit && decoder.directCapacity() > 0) {
            return true;
        }
        int left = limit - position;
        int size = buffer.length;
        if (limit == size && size > 0) {
            size = Math.min(size * READ_GROWTH, READ_LARGE); // the last read filled it: bytes flow
        } else if (size < READ_SMALL || wasQuiet) {
            size = READ_SMALL; // an idle connection gives its large buffer back, with a pong at
            // the latest
        }
        if (size != buffer.length) {
            byte[] other = new byte[Math.max(size, left + READ_SMALL)];
            System.arraycopy(buffer, position, other, 0, left);
            buffer = other;
        } else if (position > 0 && left > 0) {
            System.arraycopy(buffer, position, buffer, 0, left);
        }
        position = 0;
        limit = left;
        return false;
    }

    /** How much to ask for when a read goes straight into the message. */
    private int directRoom() {
        return Math.min(decoder.directCapacity(), READ_DIRECT);
    }

    /** Tells of the messages that were queued. Under the read role, before anything that waits. */
    private void tell() {
        if (untold) {
            untold = false;
            link.changed();
        }
    }

    /** After a read: so many bytes are where {@link #prepareRead} said, or it is the end. */
    private void arrived(int n, boolean intoMessage) throws IOException {
        if (n < 0) {
            throw new EOFException(
                    decoder.inMessage()
                            ? "the other side closed the connection inside a message"
                            : "the other side closed the connection without a close frame");
        }
        if (intoMessage) {
            filledDirectly = n;
        } else {
            limit += n;
        }
        long now = link.watchdog().now();
        long before = lastRead;
        wasQuiet = now - before > 2 * link.watchdog().period();
        if (now != before) {
            lastRead = now;
            writtenBefore = link.written();
        }
    }

    /**
     * For the link.watchdog(). Most of the time it has not ticked since, and a volatile write is
     * dear.
     */
    private void receivesNow() {
        long now = link.watchdog().now();
        if (lastReceive != now) {
            lastReceive = now;
        }
    }

    private void closeReceived() {
        awaitAnswers();
        int code = decoder.closeCode();
        String reason = decoder.closeReason();
        if (LOG.isDebugEnabled()) {
            LOG.debug("< close {} \"{}\"", code, Closing.clip(reason));
        }
        closing.peerClosed(code, reason);
        link.lastWord();
    }

    /**
     * Before the last words to the other side: lets the user answer the messages that came before.
     * The receiving thread writes {@link #handled} before it looks at {@link #courteous}, we look
     * at it after we wrote that: so one of us sees the other.
     */
    private void awaitAnswers() {
        tell();
        if (handled - queued < 0 && !closing.isBegun()) {
            courteous = true;
            link.news()
                    .await(
                            () ->
                                    handled - queued >= 0
                                            || closing.isBegun()
                                            || link.phase() == Phase.ENDED,
                            Deadlines.COURTESY);
        }
    }

    /** For the receiving thread: it has come back for more, so it is done with what it took. */
    void doneWithTaken() {
        if (handled != taken) {
            handled = taken;
            if (courteous) {
                link.news().signal();
            }
        }
    }

    /** The other side broke the protocol: tell it why, and expect nothing of it any more. */
    private void fail(ProtocolException e) {
        awaitAnswers();
        LOG.debug("! {} {}", e.closeCode(), e.getMessage());
        closing.violated(e);
        if (link.isClient()) {
            link.endLater();
        }
        link.lastWord();
    }

    /**
     * After the last message: reads and drops until the other side ends the stream, so that it can
     * read our last bytes; a socket closed with unread input would take them away. The close
     * deadline bounds it. Under the read role.
     */
    private void drain() throws IOException {
        link.flush();
        byte[] rest = buffer.length > 0 ? buffer : new byte[READ_HEAD];
        buffer = NO_BYTES;
        try {
            while (link.wire().read(rest, 0, rest.length) >= 0) {
                // dropped
            }
        } catch (EOFException e) {
            LOG.debug("! {}", e.getMessage()); // the close frames said what TLS did not
        }
        if (link.isClient() && link.wire() instanceof TlsWire) {
            endTls();
        }
        // It may have ended before it took our close frame, or while that is being written.
        link.news()
                .await(
                        () ->
                                !closing.canSend()
                                        || link.phase() == Phase.ENDED
                                        || closing.writeFailure() != null,
                        Nanos.FOREVER); // the watchdog bounds it
        link.end(null);
    }

    /**
     * TLS wants to be ended by both sides: sends our close_notify, or waits for whoever is writing
     * to do it. The close deadline bounds it.
     */
    private void endTls() {
        link.endStream();
        if (!closing.isStreamEnded()) {
            link.news()
                    .await(
                            () ->
                                    closing.isStreamEnded()
                                            || closing.writeFailure() != null
                                            || link.phase() == Phase.ENDED,
                            Nanos.FOREVER); // the watchdog bounds it
        }
    }

    /** Moves what arrived to the receiving thread; how many messages it has now. */
    int refill() {
        queue.refill();
        return available();
    }

    /** How many messages the receiving thread has without another {@link #refill}. */
    int available() {
        return aheadTo - aheadFrom + queue.available();
    }

    /**
     * How many messages {@link #refill} has given the receiving thread in all; of a polled
     * connection, and wraps.
     */
    int arrived() {
        return taken + queue.available();
    }

    /** The next message that was {@link #refill refilled}, or null. Receiving thread only. */
    Message take() {
        if (aheadFrom < aheadTo) {
            Message next = ahead[aheadFrom];
            ahead[aheadFrom++] = null;
            return next;
        }
        Message message = queue.take();
        if (message != null) {
            taken++;
            freed++;
            long bytes = (long) freedBytes + message.size();
            boolean closes = closing.isBegun();
            if (closes) {
                lastTaken = link.watchdog().now();
            }
            if (closes
                    || queue.available() == 0
                    || freed >= link.limits().inboundMessages() / 4
                    || bytes >= link.limits().inboundBytes() / 4) {
                queue.release(freed, bytes);
                freed = 0;
                bytes = 0;
                link.news().signal(); // the reader may wait for room
            }
            freedBytes = (int) bytes;
        }
        return message;
    }

    /** Whether a poll would find something: messages, or another state. */
    boolean hasArrivals() {
        return queue.hasArrivals();
    }

    /**
     * The next message, read by the calling thread itself if it may: if the connection is direct,
     * the thread virtual, and nobody else reads. Receiving thread only.
     *
     * @return null if it may not, or if the connection is ending: {@link #receive} finds out
     */
    Message receiveDirectly() {
        doneWithTaken();
        Message message = take();
        if (message != null
                || !link.isDirect()
                || closing.state() == ConnectionState.CONNECTING
                || closing.isOver()
                || !Link.mayWaitInSocket()
                || !link.tryAcquireRead()) {
            return message;
        }
        link.claim();
        receivesNow();
        try {
            if (queue.hasArrivals()) {
                return null; // a reader left it here before it went
            }
            if (wasQuiet) {
                ahead = null; // as for the buffer
            }
            while (true) {
                message = decode();
                if (message != null) {
                    if (position < limit) {
                        readAhead();
                    }
                    return message;
                }
                if (!starved) {
                    link.flush();
                    return null;
                }
                boolean large = prepareRead();
                link.letOthersRun();
                int n =
                        large
                                ? link.wire()
                                        .read(
                                                decoder.directArray(),
                                                decoder.directOffset(),
                                                directRoom())
                                : link.wire().read(buffer, limit, buffer.length - limit);
                arrived(n, large);
            }
        } catch (IOException e) {
            link.end(Link.interrupted(e));
            return null;
        } finally {
            receivesNow();
            releaseDirect();
        }
    }

    /**
     * The next message, waiting for it. Receiving thread only.
     *
     * @param nanos how long at the most; only without a bound it may read on this thread
     * @param interrupted ends the wait, with null
     * @return null when the time is up or no message will come
     */
    Message receive(long nanos, BooleanSupplier interrupted) {
        long deadline = System.nanoTime() + nanos;
        doneWithTaken();
        while (true) {
            if (refill() > 0) {
                return take();
            }
            if (nanos == Nanos.FOREVER) {
                Message message = receiveDirectly();
                if (message != null) {
                    return message;
                }
            }
            ConnectionState now = closing.state();
            boolean over = closing.isOver();
            if (queue.hasArrivals()) {
                continue;
            }
            if (over) {
                return null;
            }
            link.flushSoon();
            if (now != ConnectionState.CONNECTING) {
                startReader();
            }
            boolean more =
                    link.news()
                            .await(
                                    () ->
                                            queue.hasArrivals()
                                                    || interrupted.getAsBoolean()
                                                    || closing.hasMoved(now),
                                    nanos == Nanos.FOREVER ? nanos : deadline - System.nanoTime());
            if (!queue.hasArrivals() && (!more || interrupted.getAsBoolean())) {
                return null;
            }
        }
    }

    /**
     * Gives the read role back. A close that was begun meanwhile found it taken, so the reader that
     * sees the closing through is started here: either it sees the role free, or we see it closing.
     */
    void releaseDirect() {
        link.releaseRead();
        if (closing.needsReader()) {
            startReader();
        }
    }
}
