package io.peerloom.stream;

import io.peerloom.Limits;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.queue.MpscQueue;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Arrays;

/**
 * One connection of a {@link StreamPeerSocket}: chunks of bytes in both directions.
 *
 * <p>Input is read either by a reader thread, which queues what it reads, or by a virtual thread
 * that asks for data while there is no reader thread. Output is written by whoever has the write
 * role.
 */
final class StreamLink extends Link<byte[]> {

    /** Makes the connection: resolves, connects, sets options. Runs on the link's own thread. */
    interface Opener {
        SocketChannel open(Connector connector) throws IOException;
    }

    /** Queued behind the last data: what follows it is the end of our stream. */
    private static final byte[] SHUTDOWN = new byte[0];

    private static final int READ_SMALL = 512;
    private static final int READ_LARGE = 64 * 1024;

    private final Limits limits;

    /** What was read and not yet taken; the reader thread adds, the receiving thread takes. */
    private final MpscQueue<byte[]> inbound;

    /** Written by the read role, then read by all: the other side will send no more. */
    private volatile boolean inputEnded;

    /** Written by the watchdog: the tick in which it first saw the input ended, or closing. */
    private long lingerSince;

    /** Written once by the receiving thread: input is of no interest any more. */
    private volatile boolean closing;

    /** The chunk being taken and how far; belongs to the receiving thread. */
    private byte[] chunk;

    private int chunkPosition;

    private StreamLink(Limits limits, Watchdog watchdog) {
        super(watchdog, limits.outboundMessages(), limits.outboundBytes(), limits.writeTimeout());
        this.limits = limits;
        this.inbound = new MpscQueue<>(limits.inboundMessages(), limits.inboundBytes());
    }

    /** The clock of a server's connections. */
    static Watchdog watchdog(Limits limits) {
        return Watchdog.shared(limits.closeTimeout(), limits.writeTimeout());
    }

    /** Begins to connect on a thread of the link's own. */
    static StreamLink connect(Limits limits, Opener opener) {
        var link =
                new StreamLink(limits, new Watchdog(limits.closeTimeout(), limits.writeTimeout()));
        Threads.start("peerloom-connector", () -> link.open(opener));
        return link;
    }

    /** Wraps a connection that a server accepted. */
    static StreamLink accepted(Limits limits, Watchdog watchdog, SocketChannel channel) {
        var link = new StreamLink(limits, watchdog);
        link.connected(new ChannelWire(channel));
        watchdog.add(link);
        return link;
    }

    private void open(Opener opener) {
        var connector = new Connector(limits.connectTimeout(), () -> phase() == Phase.ENDED, news);
        try {
            if (connected(new ChannelWire(opener.open(connector)))) {
                watchdog.add(this);
                if (phase() == Phase.ENDED) { // ended between the two lines, and removed in vain
                    watchdog.remove(this);
                }
            }
        } catch (IOException e) {
            end(e);
        }
    }

    SocketChannel channel() {
        return wire() instanceof ChannelWire wire ? wire.channel() : null;
    }

    // ---- input ----

    /** Has a thread read from now on, if none does. Called by the receiving thread. */
    void startReader() {
        if (!isReadRoleTaken() && !inputEnded && phase() == Phase.CONNECTED && tryAcquireRead()) {
            Threads.start("peerloom-reader", this::readLoop);
        }
    }

    private void readLoop() {
        byte[] buffer = new byte[READ_SMALL];
        try {
            while (!inputEnded) {
                if (inbound.isFull() && !closing) {
                    news.await(() -> !inbound.isFull() || closing || isOver(), Nanos.FOREVER);
                    if (isOver()) {
                        return;
                    }
                }
                Threads.letOthersRun();
                int n = wire().read(buffer, 0, buffer.length);
                if (n < 0) {
                    inputEnded = true;
                } else if (!closing) {
                    inbound.add(Arrays.copyOf(buffer, n), n);
                }
                news.signal();
                if (n == buffer.length) {
                    buffer = new byte[READ_LARGE];
                } else if (n <= READ_SMALL / 4 && buffer.length > READ_SMALL) {
                    buffer = new byte[READ_SMALL];
                }
            }
            if (closing) {
                endWhenSent();
            }
        } catch (IOException e) {
            end(e);
        } finally {
            releaseRead();
        }
    }

    private boolean isOver() {
        return phase() == Phase.ENDED;
    }

    /** The number of bytes that can be taken without waiting. Any thread. */
    int available() {
        return inbound.bytes();
    }

    /** Whether everything that arrived was taken and no more will come, or can. */
    boolean isDrained() {
        // the end is read first: what was queued before it is then seen by the second look
        return closing || ((inputEnded || isOver()) && inbound.isEmpty());
    }

    boolean hasInputEnded() {
        return inputEnded;
    }

    /** Takes what is there, without waiting. Receiving thread only. */
    int take(byte[] dst, int offset, int length) {
        int taken = 0;
        while (taken < length) {
            if (chunk == null) {
                chunk = inbound.take();
                if (chunk == null) {
                    if (inbound.refill() == 0) {
                        break;
                    }
                    chunk = inbound.take();
                }
                chunkPosition = 0;
            }
            int n = Math.min(length - taken, chunk.length - chunkPosition);
            System.arraycopy(chunk, chunkPosition, dst, offset + taken, n);
            chunkPosition += n;
            taken += n;
            if (chunkPosition == chunk.length) {
                chunk = null;
                inbound.release(1, n);
            } else {
                inbound.release(0, n);
            }
        }
        if (taken > 0) {
            news.signal(); // the reader may wait for room
        }
        return taken;
    }

    /**
     * Waits until something can be taken or never will be. Receiving thread only.
     *
     * @return the bytes put into {@code dst} if this thread could read them itself, else 0
     */
    int waitForInput(byte[] dst, int offset, int length, long nanos) {
        if (nanos == Nanos.FOREVER
                && Thread.currentThread().isVirtual()
                && phase() == Phase.CONNECTED
                && !inputEnded
                && tryAcquireRead()) {
            try {
                if (available() > 0 || inputEnded) { // a reader left it here before it went
                    return 0;
                }
                Threads.letOthersRun();
                int n = wire().read(dst, offset, length);
                if (n < 0) {
                    inputEnded = true;
                    return 0;
                }
                return n;
            } catch (IOException e) {
                end(e);
                return 0;
            } finally {
                releaseRead();
                if (closing) {
                    drainAfterClose();
                }
            }
        }
        startReader();
        news.await(() -> available() > 0 || isDrained(), nanos);
        return 0;
    }

    // ---- output ----

    @Override
    protected void encode(byte[] element) throws IOException {
        if (element == SHUTDOWN) {
            flushBuffer();
            wire().shutdownOutput();
        } else {
            writeThrough(element, 0, element.length);
        }
    }

    @Override
    protected int weight(byte[] element) {
        return element.length;
    }

    /**
     * Sends all of it in one piece, waiting as long as the other side takes something now and then.
     */
    boolean put(byte[] data, int offset, int length) {
        boolean whole = offset == 0 && length == data.length;
        if (length == 0) {
            return true;
        }
        if (Thread.currentThread().isVirtual()) {
            byte[] piece = whole ? data : Arrays.copyOfRange(data, offset, offset + length);
            SendNow sent = sendNow(piece, false);
            if (sent != SendNow.IMPOSSIBLE) {
                return sent == SendNow.DONE;
            }
        }
        return phase() == Phase.CONNECTED
                && enqueueOrWait(Arrays.copyOfRange(data, offset, offset + length));
    }

    /** Queues as much as there is room for. */
    int putPartial(byte[] data, int offset, int length) {
        int room = limits.outboundBytes() - outboundBytes();
        int n = Math.min(length, room);
        if (n <= 0 || !enqueue(Arrays.copyOfRange(data, offset, offset + n))) {
            return 0;
        }
        return n;
    }

    // ---- the end ----

    /**
     * Lets the connection go: what was accepted is sent, then our end of the stream, then the other
     * side gets until the close timeout to read it before the socket is closed. A socket closed
     * with unread input resets the connection, which would take our last bytes away from the other
     * side; so input is read and dropped meanwhile.
     */
    void close() {
        closing = true;
        if (phase() != Phase.CONNECTED) {
            end(null);
            return;
        }
        outbound.add(SHUTDOWN, 0);
        kick();
        news.signal();
        drainAfterClose();
    }

    private void drainAfterClose() {
        if (inputEnded) {
            endWhenSent();
        } else {
            startReader(); // who has the read role instead comes here after its read
        }
    }

    /** Both sides are done once our last bytes are written. */
    private void endWhenSent() {
        if (outbound.isEmpty()) {
            end(null);
        } else {
            Threads.start(
                    "peerloom-closer",
                    () -> {
                        news.await(() -> outbound.isEmpty() || isOver(), Nanos.FOREVER);
                        end(null);
                    });
        }
    }

    @Override
    public void tick(long now) {
        super.tick(now);
        // A stalled write has a bound of its own, so the time begins when all is written.
        if ((closing || inputEnded) && outbound.isEmpty()) {
            if (lingerSince == 0) {
                lingerSince = now | 1;
            } else if (now - lingerSince > Nanos.of(limits.closeTimeout())) {
                end(null);
            }
        }
    }

    @Override
    protected void ended() {}

    /** Wakes whoever waits for news. */
    void wake() {
        news.signal();
    }

    /** Waits for a condition on this link's state. */
    boolean await(java.util.function.BooleanSupplier condition, long nanos) {
        return news.await(condition, nanos);
    }
}
