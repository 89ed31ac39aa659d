package io.peerloom.stream;

import io.peerloom.Limits;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Output;
import io.peerloom.internal.link.StreamWire;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.queue.MpscQueue;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * One connection of a {@link LinkedStreamPeer}: chunks of bytes in both directions.
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

    /** Makes TLS over a stream. Runs on the link's own thread. */
    interface Securer {
        TlsWire secure(Wire stream) throws IOException;
    }

    private static final int READ_SMALL = 512;
    private static final int READ_LARGE = 64 * 1024;

    /** How long the end of the input waits for a write under way: a blocked one may take longer. */
    private static final long VERDICT = Duration.ofMillis(50).toNanos();

    private final Limits limits;

    /** Written by the thread that connects, before the phase becomes CONNECTED. */
    private volatile boolean established;

    /** The tick since which TLS shakes hands, 0 before. The watchdog's. */
    private long handshakeSince;

    /** What was read and not yet taken; the reader thread adds, the receiving thread takes. */
    private final MpscQueue<byte[]> inbound;

    /**
     * Bytes queued so far, counted by the read role once they are in the queue, and bytes taken so
     * far, counted by the receiving thread. What lies between them can be taken; the queue's own
     * count runs ahead of that, because it is raised before an element is in.
     */
    private volatile long arrived;

    private volatile long taken;

    /** Written by the read role, then read by all: the other side will send no more. */
    private volatile boolean inputEnded;

    /** Written by the write role: nothing can be sent any more, for this cause. */
    private volatile IOException broken;

    /** Written by whoever disconnects: input is of no interest any more. */
    private volatile boolean closing;

    /** The end of our stream is sent. Written by the write role. */
    private volatile boolean shut;

    /** Ticks in which a read, or the sending of an element, last began or ended; by the roles. */
    private volatile long lastInput;

    private volatile long lastOutput;

    /** The watchdog's: the tick since which all is said and done on our side, 0 before. */
    private long endingSince;

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
        link.establish(new ChannelWire(channel));
        watchdog.add(link);
        return link;
    }

    private void open(Opener opener) {
        var connector = new Connector(limits.connectTimeout(), () -> phase() == Phase.ENDED, news);
        open(() -> {
            SocketChannel channel = opener.open(connector);
            if (establish(new ChannelWire(channel))) {
                watch();
            }
        });
    }

    /** Begins to shake TLS hands over a stream, which is the link's from now on. */
    static StreamLink secure(Limits limits, Wire stream, Securer securer) {
        var watchdog =
                new Watchdog(
                        limits.handshakeTimeout(), limits.closeTimeout(), limits.writeTimeout());
        var link = new StreamLink(limits, watchdog);
        link.connecting(stream);
        Threads.start(
                "peerloom-tls", () -> link.open(() -> link.shakeHands(securer.secure(stream))));
        return link;
    }

    private void shakeHands(TlsWire tls) throws IOException {
        if (!connecting(tls)) {
            return;
        }
        watch();
        tls.handshake();
        establish(tls);
    }

    /** Has the deadlines kept. */
    private void watch() {
        watchdog.add(this);
        if (phase() == Phase.ENDED) { // ended between the two lines, and removed in vain
            watchdog.remove(this);
        }
    }

    private boolean establish(Wire wire) {
        lastInput = System.nanoTime();
        established = true;
        return connected(wire);
    }

    /** What opens a link, on its own thread. */
    private interface Opening {
        void run() throws IOException;
    }

    private void open(Opening opening) {
        try {
            opening.run();
        } catch (IOException e) {
            end(e);
        } catch (RuntimeException | Error e) { // a bug, or no thread to be had
            end(e);
            throw e;
        }
    }

    /**
     * Whether it ever was connected; asked once it has left the phase CONNECTING. A wire that came
     * too late, after the link had been given up, is not told apart, but then nobody asks.
     */
    boolean wasConnected() {
        return established;
    }

    /** Why what was put may not have reached the other side; null if it did, or nothing was put. */
    Throwable undelivered() {
        if (!established || (written() == 0 && discarded() == 0)) {
            return null;
        }
        Throwable cause = failure();
        if (cause == null) {
            cause = loss();
        }
        Wire beneath = wire() instanceof TlsWire tls ? tls.lower() : wire();
        return cause == null && beneath instanceof StreamWire stream ? stream.failure() : cause;
    }

    /** The socket, or null while there is none, and beneath TLS. */
    SocketChannel channel() {
        return wire() instanceof ChannelWire wire ? wire.channel() : null;
    }

    /** The TLS that it is, or null. */
    TlsWire tls() {
        return established && wire() instanceof TlsWire tls ? tls : null;
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
                letOthersRun();
                int n = wire().read(buffer, 0, buffer.length);
                lastInput = watchdog.now();
                if (n < 0) {
                    endInput();
                    break;
                }
                boolean full = n == buffer.length;
                if (!closing) {
                    inbound.add(full ? buffer : Arrays.copyOf(buffer, n), n);
                    long now = arrived + n;
                    arrived = now;
                    news.signal();
                }
                if (full) {
                    buffer = new byte[READ_LARGE]; // more is here; the full one is the queue's
                } else if (n <= READ_SMALL / 4 && buffer.length > READ_SMALL) {
                    buffer = new byte[READ_SMALL];
                }
            }
            if (closing) {
                endWhenSent();
            }
        } catch (EOFException e) {
            if (closing) {
                endWhenSent(); // TLS that was not ended in order, but all that is left is to end
            } else {
                endBroken(e);
            }
        } catch (IOException e) {
            endBroken(e);
        } finally {
            releaseRead();
        }
    }

    /**
     * Under the read role: the other side has ended its stream, or so it looks. The system tells of
     * a reset only once, and if a write is being told, reads meet an end; so a write under way may
     * say first what became of it.
     */
    private void endInput() {
        if (isWriting() && !closing) {
            news.await(() -> !isWriting() || broken != null || isOver(), VERDICT);
        }
        inputEnded = true;
        IOException cause = broken; // either we see it, or its writer sees that the input ended
        if (cause != null) {
            end(cause);
        }
        news.signal();
    }

    /** Under the read role: the connection broke, unless it is our own write that found out. */
    private void endBroken(IOException e) {
        IOException cause = broken;
        end(cause == null ? interrupted(e) : cause);
    }

    private boolean isOver() {
        return phase() == Phase.ENDED;
    }

    /** The number of bytes that can be taken without waiting. Receiving thread. */
    int available() {
        return (int) Math.min(arrived - taken, Integer.MAX_VALUE);
    }

    /** Whether everything that arrived was taken and no more will come, or can. Any thread. */
    boolean isDrained() {
        // The end is read first: what was queued before it is then seen by the second look. With a
        // broken output the end of the input is not all: who sees to it ends the link right after.
        return closing || ((isOver() || (inputEnded && broken == null)) && inbound.isEmpty());
    }

    /** Takes what is there, without waiting. Receiving thread only. */
    int take(byte[] dst, int offset, int length) {
        int done = 0;
        while (done < length) {
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
            int n = Math.min(length - done, chunk.length - chunkPosition);
            System.arraycopy(chunk, chunkPosition, dst, offset + done, n);
            chunkPosition += n;
            done += n;
            if (chunkPosition == chunk.length) {
                chunk = null;
                inbound.release(1, n);
            } else {
                inbound.release(0, n);
            }
        }
        if (done > 0) {
            long now = taken + done;
            taken = now;
            news.signal(); // the reader may wait for room
        }
        return done;
    }

    /**
     * Waits until something can be taken or never will be. Receiving thread only.
     *
     * @return the bytes put into {@code dst} if this thread could read them itself, else 0
     */
    int waitForInput(byte[] dst, int offset, int length, long nanos) {
        if (nanos == Nanos.FOREVER
                && mayWaitInSocket()
                && phase() == Phase.CONNECTED
                && !inputEnded
                && tryAcquireRead()) {
            claim();
            try {
                if (available() > 0 || inputEnded) { // a reader left it here before it went
                    return 0;
                }
                letOthersRun();
                int n = wire().read(dst, offset, length);
                if (n < 0) {
                    endInput();
                    return 0;
                }
                return n;
            } catch (IOException e) {
                endBroken(e);
                return 0;
            } finally {
                lastInput = watchdog.now();
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
    protected void encode(byte[] element, Output out) throws IOException {
        out.write(element, 0, element.length);
        lastOutput = watchdog.now();
    }

    @Override
    protected boolean isLastDue() {
        return closing && !shut && broken == null;
    }

    @Override
    protected void encodeLast(Output out) throws IOException {
        if (isLastDue()) {
            out.flush();
            wire().shutdownOutput();
            shut = true;
            news.signal();
        }
    }

    /**
     * The other side takes no more. What it sent before may still be in the system's buffer, so the
     * link ends when that was read; at the latest by the watchdog.
     */
    @Override
    protected void writeFailed(IOException cause) {
        broken = cause;
        if (closing || inputEnded || isOver()) {
            end(cause);
        } else {
            startReader(); // who has the read role instead meets the end itself
        }
    }

    @Override
    protected int weight(byte[] element) {
        return element.length;
    }

    /**
     * Sends all of it in one piece, waiting as long as the other side takes something now and then.
     *
     * @return false if it was not accepted; what was accepted goes before the end of our stream
     */
    boolean put(byte[] data, int offset, int length) {
        boolean whole = offset == 0 && length == data.length;
        if (isOwner() && mayWaitInSocket()) {
            byte[] piece = whole ? data : Arrays.copyOfRange(data, offset, offset + length);
            SendNow sent = sendNow(piece, false);
            if (sent != SendNow.IMPOSSIBLE) {
                return sent == SendNow.DONE;
            }
        }
        return enqueueOrWait(Arrays.copyOfRange(data, offset, offset + length));
    }

    /**
     * Queues as much as there is room for.
     *
     * @return how many bytes, or -1 if none will be accepted any more
     */
    int putPartial(byte[] data, int offset, int length) {
        int n = Math.min(length, limits.outboundBytes() - outboundBytes());
        if (n > 0 && enqueue(Arrays.copyOfRange(data, offset, offset + n))) {
            return n;
        }
        return isOutputClosed() ? -1 : 0;
    }

    // ---- the end ----

    /**
     * Lets the connection go: what was accepted is sent, then our end of the stream; the socket is
     * closed when the other side has ended its own. A socket closed with unread input resets the
     * connection, which would take our last bytes away from the other side; so input is read and
     * dropped meanwhile, for the close timeout, and then while the socket lingers.
     */
    void close() {
        closing = true;
        if (phase() != Phase.CONNECTED || broken != null) {
            end(broken);
            return;
        }
        closeOutput();
        drainAfterClose();
    }

    private void drainAfterClose() {
        if (inputEnded) {
            endWhenSent();
        } else {
            startReader(); // a thread that has the read role instead comes here after its read
        }
    }

    /** Both sides are done once our end of the stream is sent. */
    private void endWhenSent() {
        if (shut) {
            end(null);
        } else {
            Threads.start(
                    "peerloom-closer",
                    () -> {
                        news.await(() -> shut || isOver(), Nanos.FOREVER); // a stall has a bound
                        end(null);
                    });
        }
    }

    /**
     * Four things have a time. TLS has its handshake's. After our end of the stream the other side
     * may take the close timeout to end its own; then the socket lingers. If the other side has
     * ended its own first, or takes no more, and nobody here disconnects, the socket is kept for
     * that long after the last that was sent or read. And if nobody has read for that long, nobody
     * would ever see the end, so a thread begins to read.
     */
    @Override
    public void tick(long now) {
        super.tick(now);
        if (phase() == Phase.CONNECTING) {
            if (handshakeSince == 0) {
                handshakeSince = now | 1;
            } else if (now - handshakeSince > Nanos.of(limits.handshakeTimeout())) {
                end(
                        new SocketTimeoutException(
                                "the TLS handshake took longer than "
                                        + limits.handshakeTimeout().toMillis()
                                        + " ms"));
            }
            return;
        }
        boolean ending = closing || inputEnded || broken != null;
        if (!ending) {
            if (!isReadRoleTaken() && now - lastInput > Nanos.of(limits.closeTimeout())) {
                startReader();
            }
        } else if (endingSince == 0 || isWriting() || !outbound.isEmpty()) {
            endingSince = now | 1; // a stalled write has a bound of its own
        } else if (closing) {
            if (now - endingSince > Nanos.of(limits.closeTimeout())) {
                endAndLinger(null, limits.lingerTimeout());
            }
        } else if (now - later(endingSince, later(lastInput, lastOutput))
                > Nanos.of(limits.closeTimeout())) {
            end(broken);
        }
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }

    @Override
    protected void ended() {}

    /** Wakes whoever waits for news. */
    void wake() {
        news.signal();
    }

    /** Waits for a condition on this link's state. */
    boolean await(BooleanSupplier condition, long nanos) {
        return news.await(condition, nanos);
    }
}
