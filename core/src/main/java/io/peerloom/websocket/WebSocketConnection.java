package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Output;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.MessageDeflater;
import io.peerloom.internal.protocol.PermessageDeflate;
import io.peerloom.internal.protocol.ServerHandshake;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.channels.AsynchronousCloseException;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One WebSocket connection, from the opening handshake to the end of its socket: it puts the halves
 * together on a {@link Link}. {@link Inbound} is the read role's, {@link Outbound} the write
 * role's, {@link Closing} the close handshake, which both take part in, and {@link Deadlines} says
 * what the tick has to do. What is here is the opening, and which part calls which.
 *
 * <p>It publishes facts that never go back: the {@link #state()}, the other side's close frame, the
 * cause of the end. {@link WebSocketPeer} folds them into what its user sees.
 *
 * <p><b>Polled</b> connections have a reader thread from the opening on. <b>Direct</b> ones are
 * read by the virtual thread that calls {@link Inbound#receive}; only if nobody receives for a
 * second or two, so that pings and closes go unanswered, a reader thread takes over for the rest of
 * the connection.
 */
final class WebSocketConnection extends Link<Object> {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketPeer.class);

    /** What a server wants to hear of its connections. */
    interface Owner {
        /** Something changed that a poll would see. Any thread; must not block. */
        void changed();

        /** The connection has ended. Called once, by the thread that ended it; must not block. */
        void ended();

        /**
         * Something was queued for sending. On the thread that did it.
         *
         * @return whether the owner calls {@link #kickAll} when this thread has queued the rest
         */
        boolean queued();

        /**
         * Whether who polls waits for news, so that it will look at a change at once and then call
         * {@link #kickAll}. Any thread; a guess by the time it is used.
         */
        boolean isAttentive();
    }

    private static final byte[] NO_BYTES = {};

    private static final VarHandle ANSWERED;

    static {
        try {
            var lookup = MethodHandles.lookup();
            ANSWERED = lookup.findVarHandle(WebSocketConnection.class, "answered", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final boolean client;
    private final boolean direct;
    private final Limits limits;

    /** What to agree on, and where to borrow for it; both null for no compression. */
    private final Compression compression;

    private final DeflatePool pool;

    /** The server; null for a client. */
    private final Owner owner;

    private final Closing closing;
    private final Deadlines deadlines;
    private final Outbound out;

    /** Reader threads and receiving threads call it themselves, with no frame of ours between. */
    final Inbound in;

    // ---- facts, published by the roles and the watchdog, read by all ----

    /** The handshake succeeded; written before the state becomes OPEN. */
    private volatile boolean opened;

    /** The subprotocol, "" for none; written before the state becomes OPEN. */
    private String protocol = "";

    /** A server's: what the client asked for; written like the protocol. */
    private UpgradeRequest request;

    /** A client's: what the server answered; written like the protocol. */
    private HandshakeResponse response;

    /**
     * A client's: what it ends with if time runs out while it reads why the server refused. Written
     * by the opener, read by the watchdog.
     */
    private volatile IOException refusal;

    /** Tick in which the last of its body came. Written like it, and before it. */
    private volatile long refusalRead;

    /** The extensions in the words of the handshake, "" for none; written like the protocol. */
    private String extensions = "";

    /** A server has answered the request, or is about to; the first to set it answers. */
    @SuppressWarnings("unused") // through ANSWERED
    private volatile boolean answered;

    WebSocketConnection(
            boolean client,
            boolean direct,
            WebSocketOptions options,
            DeflatePool pool,
            Watchdog watchdog,
            Owner owner) {
        this(client, direct, options, options.limits(), pool, watchdog, owner);
    }

    private WebSocketConnection(
            boolean client,
            boolean direct,
            WebSocketOptions options,
            Limits limits,
            DeflatePool pool,
            Watchdog watchdog,
            Owner owner) {
        super(watchdog, limits.outboundMessages(), limits.outboundBytes(), limits.writeTimeout());
        this.client = client;
        this.closing = new Closing(client);
        this.deadlines = new Deadlines(limits);
        this.out = new Outbound(client, closing);
        this.direct = direct;
        this.limits = limits;
        this.compression = options.compression();
        this.pool = pool;
        if (pool != null) {
            pool.join();
        }
        this.owner = owner;
        this.in = new Inbound(this, closing, out);
    }

    /** The clock of one connection alone. */
    static Watchdog watchdog(Limits limits) {
        return new Watchdog(Deadlines.of(limits));
    }

    /** The clock of a server's connections. */
    static Watchdog sharedWatchdog(Limits limits) {
        return Watchdog.shared(Deadlines.of(limits));
    }

    // ---- opening ----

    /** Makes the wire and shakes hands on it; the thread that runs it has the read role. */
    @FunctionalInterface
    interface Opener {
        /**
         * Shakes hands.
         *
         * @return the subprotocol, "" for none; null if the connection was answered and ended
         */
        String open(WebSocketConnection connection) throws IOException, HandshakeException;
    }

    /**
     * Opens the connection on the calling virtual thread.
     *
     * @return whether it is polled and open: whoever called has to see that some thread {@linkplain
     *     Inbound#run reads}, and gives it the read role
     */
    boolean open(Opener opener) {
        tryAcquireRead();
        boolean open = false;
        boolean held = true;
        try {
            String chosen = opener.open(this);
            if (chosen != null) {
                protocol = chosen;
                in.opened();
                opened = true;
                if (direct) {
                    // Before anybody knows: who then finds the role taken would wait for a reader.
                    held = false;
                    releaseRead();
                }
                open = closing.opened();
                byte[] closeNow = closing.postponed();
                if (open && closeNow != null) {
                    closeOnce(closeNow);
                }
                if (open) {
                    LOG.debug("= open, protocol \"{}\"", chosen);
                    changed();
                }
            }
            if (!open) {
                end(
                        chosen == null
                                ? new java.net.ProtocolException("not a request for a WebSocket")
                                : null);
            }
        } catch (IOException e) {
            end(e);
        } catch (HandshakeException e) {
            end(new java.net.ProtocolException(e.getMessage()));
        } catch (RuntimeException | Error e) {
            open = false;
            end(e);
            throw e;
        } finally {
            if (held && !open) {
                in.releaseDirect();
            }
        }
        return held && open;
    }

    /** {@link #open opens} the connection and, if it is polled, reads until the end. */
    void run(Opener opener) {
        if (open(opener)) {
            in.run();
        }
    }

    /** For the opener: a connector that gives up when the connection is given up. */
    Connector connector() {
        return new Connector(limits.connectTimeout(), () -> phase() == Phase.ENDED, news);
    }

    /**
     * For the opener: takes the wire and starts the handshake's clock. A client's TLS is shaken
     * here, a server's by {@link ServerSide}.
     */
    void attach(Wire wire) throws IOException {
        if (!connected(wire)) {
            throw new AsynchronousCloseException();
        }
        watchdog.add(this);
        if (phase() == Phase.ENDED) {
            watchdog.remove(this); // it ended between the two lines above
            throw new AsynchronousCloseException();
        }
        if (client && wire instanceof TlsWire tls) {
            tls.handshake();
        }
    }

    /** For the opener: what came behind the head, to be read first. */
    void behindHead(byte[] bytes, int from, int to) {
        in.behindHead(bytes, from, to);
    }

    /**
     * For a client's opener, whenever more of the body of a refusal has come.
     *
     * @param soFar what the connection ends with should the time for the handshake run out now
     */
    void refused(IOException soFar) {
        refusalRead = watchdog.now();
        refusal = soFar;
    }

    /** For the opener: compresses from now on as was agreed. */
    void compress(PermessageDeflate.Agreement agreement) {
        PermessageDeflate agreed = agreement.parameters();
        boolean serverKeeps = !agreed.serverNoContextTakeover();
        boolean clientKeeps = !agreed.clientNoContextTakeover();
        in.inflate(pool, client ? serverKeeps : clientKeeps);
        out.compress(
                new MessageDeflater(
                        pool,
                        client ? agreed.clientMaxWindowBits() : agreed.serverMaxWindowBits(),
                        client ? clientKeeps : serverKeeps),
                compression);
        extensions = agreement.text();
    }

    /**
     * For a server's opener: claims the right to answer the request. The deadline and a close claim
     * it too, so that whoever comes first decides what the client sees.
     *
     * @throws IOException if the request was answered already
     */
    void claimAnswer() throws IOException {
        if (!ANSWERED.compareAndSet(this, false, true)) {
            throw new AsynchronousCloseException();
        }
    }

    boolean wasAnswered() {
        return answered;
    }

    /** For a server's handler that is done: sees the closing through, on the calling thread. */
    void finish() {
        in.drop();
        news.signal();
        news.await(() -> phase() == Phase.ENDED, Nanos.FOREVER); // the close deadline bounds it
    }

    // ---- state ----

    ConnectionState state() {
        return closing.state();
    }

    /** Whether it ever was open. */
    boolean wasOpened() {
        return opened;
    }

    /** Whether no message will come any more, but those that were read already. */
    boolean isOver() {
        return closing.isOver();
    }

    /** For its halves. */
    WaitPoint news() {
        return news;
    }

    Limits limits() {
        return limits;
    }

    boolean isDirect() {
        return direct;
    }

    Watchdog watchdog() {
        return watchdog;
    }

    String protocol() {
        return protocol;
    }

    String extensions() {
        return extensions;
    }

    boolean isClient() {
        return client;
    }

    /**
     * What the client asked for; null on clients, and unless it {@linkplain #wasOpened was opened}.
     */
    UpgradeRequest request() {
        return opened ? request : null;
    }

    /** What the server answered; null on servers, and unless it was opened. */
    HandshakeResponse response() {
        return opened ? response : null;
    }

    /** For the client's opener. */
    void response(HandshakeResponse answer) {
        response = answer;
    }

    /** For the server's opener. */
    void request(UpgradeRequest asked) {
        request = asked;
    }

    long roundTripNanos() {
        return out.roundTrip();
    }

    /**
     * What waits here for its user or for the other side, and counts against the limits.
     *
     * @param messagesIn how many messages were read and not yet taken
     * @param bytesIn and their bytes
     * @param messagesOut how many messages were accepted and are not yet with the system
     * @param bytesOut and their bytes
     * @param pongs how many pongs are due
     */
    record Held(int messagesIn, int bytesIn, int messagesOut, int bytesOut, int pongs) {}

    /** What it holds now. Any thread. */
    Held held() {
        return new Held(in.count(), in.bytes(), outbound.count(), outbound.bytes(), out.pongs());
    }

    /** Whether something may still be sent. */
    boolean isOpenForSending() {
        return closing.canSend() && !isOutputClosed();
    }

    /** Tells all who wait, and the server's poll, to look again. */
    void changed() {
        in.wake();
        announce();
    }

    /** The same for a reader that rests, which is not to be woken. */
    void announce() {
        news.signal();
        if (owner != null) {
            owner.changed();
        }
    }

    @Override
    protected void ended() {
        if (pool != null) {
            pool.leave();
        }
        closing.disconnected();
        if (LOG.isDebugEnabled()) {
            LOG.debug("= ended: {}", Closing.clip(outcome().toString()));
        }
        if (owner != null) {
            owner.ended();
        }
        changed();
    }

    /** How it ended, once {@link #state} is CLOSED. */
    Closing.End outcome() {
        return closing.outcome(discarded(), failure());
    }

    /** Whether the other side's close frame came before one of ours. Any thread. */
    boolean isCloseRequested() {
        return closing.isRequested();
    }

    int peerCloseCode() {
        return closing.peerCode();
    }

    String peerCloseReason() {
        return closing.peerReason();
    }

    // ---- the reader, and what it says ----

    /** Has the connection read now, for a user who does not wait in {@link Inbound#receive}. */
    void watch() {
        if (direct && closing.state() == ConnectionState.OPEN && !isReadRoleTaken()) {
            in.startReader();
        }
    }

    /** Whether its reader waits for {@link #beforeWriting}. Any thread. */
    boolean isResting() {
        return in.isResting();
    }

    /** Before and not after it: the writer may have to wait for an other side that waits for us. */
    @Override
    protected void beforeWriting() {
        in.wake();
    }

    /** Whether the server's poll waits for news, see {@link Owner#isAttentive}. */
    boolean isAttentive() {
        return owner != null && owner.isAttentive();
    }

    /** Accepts nothing more to send: our close frame follows what was accepted. Any thread. */
    void lastWord() {
        closeOutput();
        changed();
    }

    /**
     * After a broken protocol a client leaves the end of the stream to the server for a while
     * (section 7.1.1): there are servers that drop what they have not read when it ends, our close
     * frame included.
     */
    void endLater() {
        Threads.start(
                "peerloom-writer",
                () -> {
                    news.await(() -> phase() == Phase.ENDED, Deadlines.SERVER_FIRST);
                    endStream();
                });
    }

    /** Has the end of our stream sent, behind our close frame. Any thread. */
    void endStream() {
        closing.endStream();
        kick();
    }

    // ---- receiving, for the receiving thread; see Inbound ----

    int refill() {
        return in.refill();
    }

    int available() {
        return in.available();
    }

    int arrived() {
        return in.arrived();
    }

    Message take() {
        return in.take();
    }

    void doneWithTaken() {
        in.doneWithTaken();
    }

    /** Whether a poll would find messages. Any thread. */
    boolean hasArrivals() {
        return in.hasArrivals();
    }

    boolean await(BooleanSupplier condition, long nanos) {
        return news.await(condition, nanos);
    }

    void wake() {
        changed();
    }

    // ---- sending ----

    /** What became of a send. */
    enum Sent {
        OK,
        FULL,
        CLOSED
    }

    /**
     * Sends a message: on a polled connection by queueing it; on a direct one by writing it,
     * waiting if need be.
     *
     * @param shared whether the caller may change the bytes after the return, so that they must be
     *     copied if they are queued
     */
    Sent send(Message message, boolean shared) {
        if (!closing.canSend()) {
            return Sent.CLOSED;
        }
        if (direct && isOwner() && mayWaitInSocket()) {
            SendNow sent = sendNow(message, in.hasMore());
            if (sent != SendNow.IMPOSSIBLE) {
                return sent == SendNow.DONE ? Sent.OK : Sent.CLOSED;
            }
        }
        Message queued = shared ? message.copy() : message;
        return (direct ? enqueueOrWait(queued) : enqueue(queued)) ? Sent.OK : refused();
    }

    /** Queues a frame that was encoded before; never waits. */
    Sent send(Outbound.Frame frame) {
        if (!closing.canSend()) {
            return Sent.CLOSED;
        }
        return enqueue(frame) ? Sent.OK : refused();
    }

    private Sent refused() {
        return isOutputClosed() ? Sent.CLOSED : Sent.FULL;
    }

    /** Sends a ping that measures the round trip; a waiting one is replaced. */
    boolean ping() {
        if (!isOpenForSending()) {
            return false;
        }
        out.ping();
        kick();
        return true;
    }

    /**
     * Begins to close: what was accepted is sent, then our close frame; the other side's reply is
     * awaited until the close deadline.
     *
     * @param payload of the close frame
     */
    void close(byte[] payload) {
        if (closing.state() == ConnectionState.CONNECTING) {
            if (client || ANSWERED.compareAndSet(this, false, true)) {
                abort();
                return;
            }
            if (closing.postpone(payload)) { // the answer is on its way, our frame goes after it
                return;
            }
        }
        closeOnce(payload);
    }

    /** Notes that its user closes it. Any thread, before {@link #close} or {@link #abort}. */
    void closeCalled() {
        closing.called();
    }

    boolean isCloseCalled() {
        return closing.isCalled();
    }

    private void closeOnce(byte[] payload) {
        if (closing.begin(payload)) {
            lastWord();
            in.startReader(); // somebody must read the reply
        }
    }

    /** Drops the connection without a close frame. */
    void abort() {
        closing.drop();
        end(null);
    }

    @Override
    protected void writeFailed(IOException cause) {
        closing.writeFailed(cause);
        in.startReader(); // if no thread reads; one that does meets the end
        changed();
    }

    @Override
    protected int weight(Object element) {
        return Outbound.weight(element);
    }

    @Override
    protected void encode(Object element, Output output) throws IOException {
        out.encode(element, output);
    }

    @Override
    protected boolean isLastDue() {
        return closing.isLastDue();
    }

    @Override
    protected void encodeLast(Output output) throws IOException {
        if (closing.isFrameDue()) {
            out.encodeClose(output, written() - in.writtenBefore());
            output.flush();
            LOG.debug("> close");
            closing.sent();
            changed();
        }
        if (closing.isStreamEndDue()) {
            output.flush();
            wire().shutdownOutput();
            closing.streamEnded();
            news.signal();
        }
    }

    @Override
    protected void dropInput() {
        in.release();
    }

    @Override
    protected void dropOutput() {
        out.release();
    }

    @Override
    protected boolean isKickedLater() {
        return owner != null && owner.queued();
    }

    @Override
    protected boolean hasUrgent() {
        return out.hasUrgent();
    }

    @Override
    protected void encodeUrgent(Output output) throws IOException {
        out.encodeUrgent(output);
    }

    // ---- deadlines ----

    @Override
    public void tick(long now) {
        super.tick(now);
        in.wake();
        if (pool != null) {
            pool.trim(now, Deadlines.POOL_IDLE);
        }
        if (closing.state() == ConnectionState.CONNECTING) {
            IOException refused = refusal;
            if (deadlines.isHandshakeOver(now)) {
                handshakeTimedOut(now);
            } else if (refused != null && Deadlines.isRefusalOver(now, refusalRead)) {
                end(refused);
            }
        } else if (!closing.isOpen()) {
            boolean writing = isWriting() || !outbound.isEmpty();
            if (deadlines.isCloseOver(
                    now, writing, in.isBlocked(), in.lastQueued(), in.lastTaken())) {
                closeTimedOut();
            }
        } else {
            switch (deadlines.heartbeat(now, in.lastRead(), !in.isBlocked() && isReadRoleTaken())) {
                case PING -> ping();
                case DEAD -> end(deadlines.heartbeatTimeout());
                case NOTHING -> {}
            }
            if (direct && !isReadRoleTaken() && now - in.lastReceive() > 2 * watchdog.period()) {
                in.startReader(); // nobody receives, so nobody answers pings or sees the end
            }
        }
    }

    private void handshakeTimedOut(long now) {
        IOException refused = refusal;
        IOException cause = refused != null ? refused : deadlines.handshakeTimeout();
        boolean unheard = client || phase() == Phase.CONNECTING; // there is no wire to answer on
        if (unheard || !ANSWERED.compareAndSet(this, false, true)) {
            end(cause); // should our answer below block, a later tick comes here
            return;
        }
        deadlines.answerLate(now);
        Threads.start(
                "peerloom-writer",
                () -> {
                    try {
                        byte[] answer = ServerHandshake.refuse(408, List.of(), NO_BYTES, null);
                        Handshaking.write(wire(), answer);
                    } catch (IOException e) {
                        cause.addSuppressed(e);
                    }
                    end(cause);
                });
    }

    private void closeTimedOut() {
        IOException failed = closing.writeFailure();
        IOException cause =
                closing.state() == ConnectionState.CLOSED
                        ? null
                        : failed != null ? failed : deadlines.closeTimeout();
        if (failed != null || out.isAllRead()) {
            end(cause);
        } else {
            endAndLinger(cause, limits.lingerTimeout());
        }
    }
}
