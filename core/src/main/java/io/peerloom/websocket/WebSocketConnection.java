package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.CloseCode;
import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.HeadParser;
import io.peerloom.internal.protocol.MaskKeys;
import io.peerloom.internal.protocol.Masking;
import io.peerloom.internal.protocol.MessageDeflater;
import io.peerloom.internal.protocol.Opcode;
import io.peerloom.internal.protocol.PermessageDeflate;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.internal.protocol.ResponseBody;
import io.peerloom.internal.protocol.ServerHandshake;
import io.peerloom.internal.queue.MpscQueue;
import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One WebSocket connection, from the opening handshake to the end of its socket: the protocol of
 * {@code internal.protocol} on a {@link Link}.
 *
 * <p>It publishes facts that never go back: the {@link #state()}, the other side's close frame, the
 * cause of the end. {@link WebSocketPeer} folds them into what its user sees.
 *
 * <p><b>Polled</b> connections have a reader thread from the opening on. <b>Direct</b> ones are
 * read by the virtual thread that calls {@link #receive}; only if nobody receives for a second or
 * two, so that pings and closes go unanswered, a reader thread takes over for the rest of the
 * connection.
 */
final class WebSocketConnection extends Link<WebSocketConnection.Outgoing> implements Runnable {

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

    /** What can be queued for sending. */
    sealed interface Outgoing permits Message, Frame {
        /** What it counts for in the queue, in bytes. */
        int weight();
    }

    /** A server's frame, encoded once for many connections. */
    static final class Frame implements Outgoing {
        private final byte[] bytes;

        /** The same message, compressed with a full window and no context; or null. */
        private final byte[] packed;

        /** The length of the message. */
        private final int size;

        private Frame(byte[] bytes, byte[] packed, int size) {
            this.bytes = bytes;
            this.packed = packed;
            this.size = size;
        }

        @Override
        public int weight() {
            return bytes.length;
        }
    }

    /** A pong that is due, and those before it. */
    private static final class Pong {
        private final byte[] payload;
        private final Pong before;
        private final int count;

        Pong(byte[] payload, Pong before) {
            this.payload = payload;
            this.before = before;
            this.count = before == null ? 1 : before.count + 1;
        }
    }

    /** How the connection ended, as its user sees it (RFC 6455 sections 7.1.5 to 7.1.7). */
    record End(int code, String reason, boolean byPeer, boolean clean, Throwable cause) {}

    /** What an idle or quiet connection reads into. */
    private static final int READ_SMALL = 64;

    /** How many times larger the buffer is made that a read has filled. */
    private static final int READ_GROWTH = 8;

    private static final int READ_LARGE = 64 * 1024;

    /** What heads are read into, and what is of no interest. */
    private static final int READ_HEAD = 1024;

    /** The most that one read asks for when it reads into a message. */
    private static final int READ_DIRECT = 128 * 1024;

    /** Masked payloads pass through the output buffer in pieces of this size. */
    private static final int MASK_PIECE = 64 * 1024;

    /** How many messages of one read are decoded at a time. */
    private static final int AHEAD = 32;

    /** How long a pool of compressors may lie unused. */
    private static final long POOL_IDLE = Duration.ofSeconds(1).toNanos();

    /**
     * How long the answer to a close frame, or to a broken protocol, waits for a user who is still
     * at the messages before it: so that his answers to them go out first. Who does not poll that
     * often has no answers to wait for.
     */
    private static final long COURTESY = Duration.ofMillis(250).toNanos();

    /** How long a server may take to end the stream after we told it what it did wrong. */
    private static final long SERVER_FIRST = Duration.ofMillis(500).toNanos();

    /**
     * With more bytes sent than this since the other side was last heard of, a ping goes in front
     * of our close frame: its pong says that the other side has read all of them.
     */
    private static final int PING_BEFORE_CLOSE = 64 * 1024;

    /**
     * How long the body of a refusal may stand still: many servers give it no length, and leave the
     * connection open behind it.
     */
    private static final long REFUSAL_SILENCE = Duration.ofMillis(500).toNanos();

    /**
     * How many pongs may be due at a time. With one more, only the newest ping is answered (RFC
     * 6455 section 5.5.3): a flood of pings that nobody reads the answers of must not fill our
     * memory.
     */
    private static final int PONGS = 32;

    private static final byte[] NO_BYTES = {};

    /** What a direct connection has queued while no reader thread was needed; stays empty. */
    private static final MpscQueue<Message> NONE = new MpscQueue<>(1, 1);

    private static final VarHandle STATE;
    private static final VarHandle PONG;
    private static final VarHandle PING;
    private static final VarHandle ANSWERED;
    private static final VarHandle CLOSING;
    private static final VarHandle CLOSE_FRAME;
    private static final VarHandle RESTING;

    static {
        try {
            var lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(WebSocketConnection.class, "state", ConnectionState.class);
            PONG = lookup.findVarHandle(WebSocketConnection.class, "pong", Pong.class);
            ANSWERED = lookup.findVarHandle(WebSocketConnection.class, "answered", boolean.class);
            CLOSING = lookup.findVarHandle(WebSocketConnection.class, "closing", boolean.class);
            CLOSE_FRAME =
                    lookup.findVarHandle(WebSocketConnection.class, "closeFrame", byte[].class);
            RESTING = lookup.findVarHandle(WebSocketConnection.class, "resting", Thread.class);
            PING = lookup.findVarHandle(WebSocketConnection.class, "ping", byte[].class);
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

    /**
     * Messages read by a reader thread and not yet taken by the receiving thread. A direct
     * connection has {@link #NONE} until it is replaced under the read role, before its reader
     * starts: who still sees that sees an empty queue, as it was then, and is told of what comes.
     */
    private volatile MpscQueue<Message> inbound;

    /** The server; null for a client. */
    private final Owner owner;

    // ---- facts, published by the roles and the watchdog, read by all ----

    /** Moved by compare-and-set, see {@link #move}. */
    private volatile ConnectionState state = ConnectionState.CONNECTING;

    /** The other side's close frame; the code is written last, by the read role. */
    private String peerCloseReason = "";

    private volatile int peerCloseCode = -1;

    /** Whether the other side's close frame came before ours went out. Written before its code. */
    private boolean peerClosedFirst;

    /** What the other side did wrong; written once by the read role, before our close frame. */
    private volatile ProtocolException violation;

    /**
     * Why the wire takes no more; written once under the write role. The end is left to the reader,
     * which may still find what the other side sent before it went: its close frame above all.
     */
    private volatile IOException writeFailure;

    /**
     * The payload of our close frame, which follows the last message: of whatever comes first, our
     * own close, the answer to the other side's, or the word on what it did wrong. Set by
     * compare-and-set, before the queue is closed.
     */
    @SuppressWarnings("unused") // through CLOSE_FRAME
    private volatile byte[] closeFrame;

    /** Our stream is to end after our close frame. */
    private volatile boolean shutdownDue;

    /** The end of our stream was sent. Written by the write role. */
    private volatile boolean shut;

    /** Set by {@link #close}: the user has closed or dropped the connection. */
    private volatile boolean closing;

    /** Whether its user has asked to end it; what its peer says of it depends on that. */
    private volatile boolean closeCalled;

    /** Nobody takes messages any more: those that find no room are dropped. */
    private volatile boolean dropping;

    /**
     * How many messages were dropped: all from the first one on that found no room. Written by the
     * read role.
     */
    private volatile int dropped;

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

    /**
     * The pongs that are due, newest first; added to by the read role, taken whole by the write
     * role, both by atomic exchange.
     */
    @SuppressWarnings("unused") // through PONG
    private volatile Pong pong;

    /** Payload of a ping to send; set by anybody, taken by the write role. */
    @SuppressWarnings("unused") // through PING
    private volatile byte[] ping;

    /**
     * Payload of the last ping that went out, until its pong comes in; set by the write role, taken
     * by the read role.
     */
    private volatile byte[] unanswered;

    /** Payload of the ping in front of our close frame; null if there is none. The write role's. */
    private volatile byte[] lastPing;

    /** The other side has read all that was sent before our close frame. Read role. */
    private volatile boolean allRead;

    /** Time of the last answered ping there and back in nanoseconds, or -1. Read role. */
    private volatile long roundTrip = -1;

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

    /** A server has answered the request, or is about to; the first to set it answers. */
    @SuppressWarnings("unused") // through ANSWERED
    private volatile boolean answered;

    /** Payload of the close frame that was asked for while the handshake was being answered. */
    private volatile byte[] closeAfterOpening;

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

    // ---- the write role's ----

    private final MaskKeys keys;

    /** Null if no compression was agreed on; written before the state becomes OPEN. */
    private MessageDeflater deflater;

    // ---- the watchdog's ----

    /** The tick since which the handshake, or the closing, is under way; 0 before. */
    private long handshakeSince;

    private long closingSince;

    /** The tick in which the closing was first seen, and is counted as a whole from. */
    private long closingFirst;

    /** A ping went out, in the tick of that time, and nothing has come in since. */
    private boolean pinged;

    private long pingedAt;

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
        this.direct = direct;
        this.limits = limits;
        this.compression = options.compression();
        this.pool = pool;
        if (pool != null) {
            pool.join();
        }
        this.owner = owner;
        this.inbound = direct ? NONE : inboundQueue();
        this.decoder = new FrameDecoder(!client, limits.maxMessageBytes(), limits.maxFragments());
        this.keys = client ? new MaskKeys() : null;
    }

    private MpscQueue<Message> inboundQueue() {
        return new MpscQueue<>(limits.inboundMessages(), limits.inboundBytes());
    }

    /** The clock of one connection alone. */
    static Watchdog watchdog(Limits limits) {
        return new Watchdog(deadlines(limits));
    }

    /** The clock of a server's connections. */
    static Watchdog sharedWatchdog(Limits limits) {
        return Watchdog.shared(deadlines(limits));
    }

    private static Duration[] deadlines(Limits limits) {
        return new Duration[] {
            limits.handshakeTimeout(),
            limits.closeTimeout(),
            limits.writeTimeout(),
            limits.heartbeatInterval(),
            limits.heartbeatTimeout()
        };
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
     *     #run reads}, and gives it the read role
     */
    boolean open(Opener opener) {
        tryAcquireRead();
        boolean open = false;
        boolean held = true;
        try {
            String chosen = opener.open(this);
            if (chosen != null) {
                protocol = chosen;
                lastRead = watchdog.now();
                lastReceive = lastRead;
                opened = true;
                if (direct) {
                    // Before anybody knows: who then finds the role taken would wait for a reader.
                    held = false;
                    releaseRead();
                }
                open = move(ConnectionState.Event.OPENED);
                byte[] closeNow = closeAfterOpening;
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
                releaseDirect();
            }
        }
        return held && open;
    }

    /** {@link #open opens} the connection and, if it is polled, reads until the end. */
    void run(Opener opener) {
        if (open(opener)) {
            run();
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

    /** For the opener: reads a head; what follows it stays in the buffer. */
    void readHead(HeadParser parser) throws IOException, HandshakeException {
        buffer = new byte[READ_HEAD];
        boolean complete = false;
        while (!complete) {
            position = 0;
            limit = wire().read(buffer, 0, buffer.length);
            if (limit < 0) {
                limit = 0;
                throw new EOFException("the other side closed the connection during the handshake");
            }
            complete = parser.feed(buffer, 0, limit);
            position = parser.consumed();
        }
        if (position == limit) {
            position = limit = 0;
            buffer = NO_BYTES;
        }
    }

    /**
     * For a client's opener: reads the body of an answer that opened nothing.
     *
     * @param failure makes the connection's failure of what has come of the body so far, which is
     *     what it ends with should the time for the handshake run out
     */
    void readBody(ResponseBody body, Supplier<IOException> failure) {
        boolean done = body.feed(buffer, position, limit);
        byte[] bytes = new byte[READ_HEAD];
        try {
            while (!done) {
                refusalRead = watchdog.now();
                refusal = failure.get();
                int n = wire().read(bytes, 0, bytes.length);
                done = n < 0 || body.feed(bytes, 0, n);
                if (n < 0) {
                    body.end();
                }
            }
        } catch (IOException e) {
            LOG.debug("! {}", e.getMessage()); // the answer is there, however its body ends
        }
    }

    /** For the opener: compresses from now on as was agreed. */
    void compress(PermessageDeflate.Agreement agreement) {
        PermessageDeflate agreed = agreement.parameters();
        boolean serverKeeps = !agreed.serverNoContextTakeover();
        boolean clientKeeps = !agreed.clientNoContextTakeover();
        decoder.inflate(pool, client ? serverKeeps : clientKeeps);
        deflater =
                new MessageDeflater(
                        pool,
                        client ? agreed.clientMaxWindowBits() : agreed.serverMaxWindowBits(),
                        client ? clientKeeps : serverKeeps);
        extensions = agreement.text();
    }

    /** For the opener: writes before anybody else can. */
    void writeHead(byte[] head) throws IOException {
        for (int done = 0; done < head.length; ) {
            done += wire().write(head, done, head.length - done);
        }
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
        dropping = true;
        news.signal();
        news.await(() -> phase() == Phase.ENDED, Nanos.FOREVER); // the close deadline bounds it
    }

    /**
     * For the opener: after an answer that refuses, lets the other side read it before the socket
     * goes. Bounded by the handshake's deadline.
     */
    void linger() throws IOException {
        wire().shutdownOutput();
        byte[] rest = new byte[READ_HEAD];
        long most = 1 << 20;
        try {
            for (int n; most > 0 && (n = wire().read(rest, 0, rest.length)) >= 0; most -= n) {
                // dropped
            }
        } catch (EOFException e) {
            LOG.debug("! {}", e.getMessage()); // TLS without its end: nobody counts on more here
        }
    }

    // ---- state ----

    ConnectionState state() {
        return state;
    }

    /** Whether it ever was open. */
    boolean wasOpened() {
        return opened;
    }

    /** Whether no message will come any more, but those that were read already. */
    boolean isOver() {
        ConnectionState now = state;
        return (now != ConnectionState.CONNECTING && !now.canReceive()) || violation != null;
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
        return roundTrip;
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
        Pong due = pong;
        return new Held(
                inbound.count(),
                inbound.bytes(),
                outbound.count(),
                outbound.bytes(),
                due == null ? 0 : due.count);
    }

    /** Whether something may still be sent. */
    boolean isOpenForSending() {
        return state.canSend() && !isOutputClosed();
    }

    /** The one method that moves the state; false if the event does not apply any more. */
    private boolean move(ConnectionState.Event event) {
        while (true) {
            ConnectionState before = state;
            boolean possible =
                    switch (event) {
                        case OPENED -> before == ConnectionState.CONNECTING;
                        case SEND_CLOSE -> before.canSend();
                        case RECEIVE_CLOSE -> before.canReceive();
                        case DISCONNECTED -> before != ConnectionState.CLOSED;
                    };
            if (!possible) {
                return false;
            }
            if (STATE.compareAndSet(this, before, before.after(event))) {
                return true;
            }
        }
    }

    /** Tells all who wait, and the server's poll, to look again. */
    private void changed() {
        wakeReader();
        announce();
    }

    private void announce() {
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
        move(ConnectionState.Event.DISCONNECTED);
        if (LOG.isDebugEnabled()) {
            LOG.debug("= ended: {}", clip(outcome().toString()));
        }
        if (owner != null) {
            owner.ended();
        }
        changed();
    }

    /** How it ended, once {@link #state} is CLOSED. */
    End outcome() {
        ProtocolException wrong = violation;
        if (wrong != null) {
            return new End(
                    wrong.closeCode(),
                    wrong.getMessage(),
                    false,
                    false,
                    new java.net.ProtocolException(wrong.getMessage()));
        }
        int code = peerCloseCode;
        if (code >= 0) {
            IOException lost = lost(writeFailure);
            return new End(code, peerCloseReason, peerClosedFirst, lost == null, lost);
        }
        return new End(CloseCode.ABNORMAL, "", !closing, false, failure());
    }

    /** What was lost although both sides closed; null if nothing was. */
    private IOException lost(IOException cause) {
        int in = dropped;
        int out = discarded();
        if (in == 0 && out == 0) {
            return null;
        }
        return new IOException(
                (in > 0
                                ? in
                                        + " received messages were dropped: after the close nobody"
                                        + " took them"
                                : "")
                        + (in > 0 && out > 0 ? "; " : "")
                        + (out > 0 ? out + " messages that were accepted could not be sent" : ""),
                cause);
    }

    /** Whether the other side's close frame came before one of ours. Any thread. */
    boolean isCloseRequested() {
        return peerCloseCode >= 0 && peerClosedFirst;
    }

    int peerCloseCode() {
        return peerCloseCode;
    }

    String peerCloseReason() {
        return peerCloseCode >= 0 ? peerCloseReason : "";
    }

    // ---- reading ----

    /** Has a thread read from now on, if none does. */
    private void startReader() {
        if (phase() == Phase.CONNECTED && tryAcquireRead()) {
            if (inbound == NONE) {
                inbound = inboundQueue();
            }
            Threads.start("peerloom-reader", this);
        }
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
                if (inbound.isFull() && !dropping) {
                    awaitRoom();
                }
                Message message = decode();
                if (message == null) {
                    if (!starved) {
                        break;
                    }
                    if (untold && limit < buffer.length && owner != null && owner.isAttentive()) {
                        rest();
                    }
                    boolean large = prepareRead();
                    letOthersRun();
                    int n =
                            large
                                    ? wire().read(
                                                    decoder.directArray(),
                                                    decoder.directOffset(),
                                                    directRoom())
                                    : wire().read(buffer, limit, buffer.length - limit);
                    arrived(n, large);
                    continue;
                }
                if (dropped > 0 || (dropping && inbound.isFull())) {
                    int before = dropped;
                    dropped = before + 1; // and all that follow: never a message behind a hole
                    continue;
                }
                untold = true;
                if (closing) {
                    lastQueued = watchdog.now();
                }
                if (!decoder.isMessageNext(buffer, position, limit)) {
                    inbound.add(message, message.size());
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
            end(e);
        } finally {
            releaseRead();
        }
    }

    /**
     * Waits until the user takes messages. After a close that has a bound, which begins anew with
     * each message taken: beyond it nobody seems to be there who takes the rest.
     */
    private void awaitRoom() {
        tell();
        blocked = true;
        boolean wasClosing = closing;
        boolean changed =
                news.await(
                        () ->
                                !inbound.isFull()
                                        || dropping
                                        || closing != wasClosing
                                        || phase() == Phase.ENDED,
                        wasClosing ? Nanos.of(limits.closeTimeout()) : Nanos.FOREVER);
        if (!changed) {
            dropping = true;
        }
        lastRead = watchdog.now();
        blocked = false;
    }

    /**
     * Tells of the messages that were queued, and lets the polling thread answer them and the
     * writer write that before it asks the kernel for more: on a busy connection that is there by
     * then, which saves what {@link Threads#letOthersRun} saves on a direct one. Only while the
     * polling thread waits for news; should it not poll then after all, the next tick ends the
     * rest. It does not wait at {@link #news}, which would cost each idle connection a queue of
     * waiters, and wake it at every change.
     *
     * <p>The polling thread looks at {@link #resting} after it was told, which is after it was set;
     * so does whoever closes or ends the connection, after he said so.
     */
    private void rest() {
        untold = false;
        resting = Thread.currentThread();
        announce();
        while (resting != null && !closing && phase() != Phase.ENDED) {
            LockSupport.park(this);
        }
        resting = null;
    }

    /** Whether its reader waits for {@link #beforeWriting}. Any thread. */
    boolean isResting() {
        return resting != null;
    }

    /** Ends the reader's rest, if it does. Any thread; never blocks. */
    private void wakeReader() {
        if (resting != null) {
            LockSupport.unpark((Thread) RESTING.getAndSet(this, null));
        }
    }

    /** Before and not after it: the writer may have to wait for an other side that waits for us. */
    @Override
    protected void beforeWriting() {
        wakeReader();
    }

    /**
     * Queues a message together with those that follow it in the buffer, as far as there is room.
     */
    private void queueAll(Message message, Message[] batch) {
        long bytes = message.size();
        int count = 1;
        batch[0] = message;
        while (count < batch.length && !inbound.isFullWith(count, bytes)) {
            Message next = decodeNext();
            if (next == null) {
                break;
            }
            batch[count++] = next;
            bytes += next.size();
        }
        inbound.addAll(batch, count, bytes);
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
            while (state.canReceive() && violation == null) {
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
                        addPong(decoder.payload());
                        kick();
                    }
                    case PONG -> pongReceived(decoder.payload());
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
        if (isOwner()) {
            flush(); // what was held back while there was more to answer
        } else {
            kickAgain();
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
            changed();
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
        long now = watchdog.now();
        long before = lastRead;
        wasQuiet = now - before > 2 * watchdog.period();
        if (now != before) {
            lastRead = now;
            writtenBefore = written();
        }
    }

    /** For the watchdog. Most of the time it has not ticked since, and a volatile write is dear. */
    private void receivesNow() {
        long now = watchdog.now();
        if (lastReceive != now) {
            lastReceive = now;
        }
    }

    private void addPong(byte[] payload) {
        Pong before;
        Pong added;
        do {
            before = pong;
            added = new Pong(payload, before == null || before.count == PONGS ? null : before);
        } while (!PONG.compareAndSet(this, before, added));
    }

    private void encodePongs(Pong newest) throws IOException {
        if (newest.before != null) {
            encodePongs(newest.before);
        }
        control(Opcode.PONG, newest.payload);
    }

    /** A pong that nobody asked for, or that answers an older ping, says nothing. */
    private void pongReceived(byte[] payload) {
        byte[] asked = unanswered;
        if (asked == null || !Arrays.equals(asked, payload)) {
            return;
        }
        unanswered = null; // unless another went out meanwhile; then its pong says nothing
        roundTrip = System.nanoTime() - ByteBuffer.wrap(payload).getLong();
        if (asked == lastPing) {
            allRead = true;
        }
    }

    private void closeReceived() {
        awaitAnswers();
        peerCloseReason = decoder.closeReason();
        peerClosedFirst = state == ConnectionState.OPEN && !closing;
        int code = decoder.closeCode();
        if (LOG.isDebugEnabled()) {
            LOG.debug("< close {} \"{}\"", code, clip(peerCloseReason));
        }
        peerCloseCode = code;
        move(ConnectionState.Event.RECEIVE_CLOSE);
        if (!client) {
            shutdownDue = true; // the server ends the stream first (section 7.1.1)
        }
        lastWord(FrameEncoder.closePayload(code, peerCloseReason));
    }

    /**
     * Accepts nothing more to send, and has our close frame follow what was accepted. Any thread;
     * of several close frames the first goes out.
     */
    private void lastWord(byte[] payload) {
        CLOSE_FRAME.compareAndSet(this, null, payload);
        closeOutput();
        changed();
    }

    /**
     * Before the last words to the other side: lets the user answer the messages that came before.
     * The receiving thread writes {@link #handled} before it looks at {@link #courteous}, we look
     * at it after we wrote that: so one of us sees the other.
     */
    private void awaitAnswers() {
        tell();
        if (handled - queued < 0 && !closing) {
            courteous = true;
            news.await(() -> handled - queued >= 0 || closing || phase() == Phase.ENDED, COURTESY);
        }
    }

    /** For the receiving thread: it has come back for more, so it is done with what it took. */
    void doneWithTaken() {
        if (handled != taken) {
            handled = taken;
            if (courteous) {
                news.signal();
            }
        }
    }

    /** The other side broke the protocol: tell it why, and expect nothing of it any more. */
    private void fail(ProtocolException e) {
        awaitAnswers();
        LOG.debug("! {} {}", e.closeCode(), e.getMessage());
        violation = e;
        if (client) {
            Threads.start("peerloom-writer", this::endLater);
        } else {
            shutdownDue = true;
        }
        lastWord(FrameEncoder.closePayload(e.closeCode(), clip(e.getMessage())));
    }

    /**
     * After a broken protocol a client leaves the end of the stream to the server for a while
     * (section 7.1.1): there are servers that drop what they have not read when it ends, our close
     * frame included.
     */
    private void endLater() {
        news.await(() -> phase() == Phase.ENDED, SERVER_FIRST);
        shutdownDue = true;
        kick();
    }

    /** As much of a text in ASCII as fits into a close frame; good for a log too, on one line. */
    private static String clip(String text) {
        String plain = text.replaceAll("[^\\x20-\\x7E]", "?");
        return plain.substring(
                0, Math.min(plain.length(), FrameEncoder.MAX_CONTROL_PAYLOAD - Short.BYTES));
    }

    /**
     * After the last message: reads and drops until the other side ends the stream, so that it can
     * read our last bytes; a socket closed with unread input would take them away. The close
     * deadline bounds it. Under the read role.
     */
    private void drain() throws IOException {
        flush();
        byte[] rest = buffer.length > 0 ? buffer : new byte[READ_HEAD];
        buffer = NO_BYTES;
        try {
            while (wire().read(rest, 0, rest.length) >= 0) {
                // dropped
            }
        } catch (EOFException e) {
            LOG.debug("! {}", e.getMessage()); // the close frames said what TLS did not
        }
        if (client && wire() instanceof TlsWire) {
            endTls();
        }
        // It may have ended before it took our close frame, or while that is being written.
        news.await(
                () -> !state.canSend() || phase() == Phase.ENDED || writeFailure != null,
                Nanos.FOREVER); // the watchdog bounds it
        end(null);
    }

    /**
     * TLS wants to be ended by both sides: sends our close_notify, or waits for whoever is writing
     * to do it. The close deadline bounds it.
     */
    private void endTls() {
        shutdownDue = true;
        kick();
        if (!shut) {
            news.await(
                    () -> shut || writeFailure != null || phase() == Phase.ENDED,
                    Nanos.FOREVER); // the watchdog bounds it
        }
    }

    /** Moves what arrived to the receiving thread; how many messages it has now. */
    int refill() {
        inbound.refill();
        return available();
    }

    /** How many messages the receiving thread has without another {@link #refill}. */
    int available() {
        return aheadTo - aheadFrom + inbound.available();
    }

    /**
     * How many messages {@link #refill} has given the receiving thread in all; of a polled
     * connection, and wraps.
     */
    int arrived() {
        return taken + inbound.available();
    }

    /** The next message that was {@link #refill refilled}, or null. Receiving thread only. */
    Message take() {
        if (aheadFrom < aheadTo) {
            Message next = ahead[aheadFrom];
            ahead[aheadFrom++] = null;
            return next;
        }
        Message message = inbound.take();
        if (message != null) {
            taken++;
            freed++;
            long bytes = (long) freedBytes + message.size();
            boolean closes = closing;
            if (closes) {
                lastTaken = watchdog.now();
            }
            if (closes
                    || inbound.available() == 0
                    || freed >= limits.inboundMessages() / 4
                    || bytes >= limits.inboundBytes() / 4) {
                inbound.release(freed, bytes);
                freed = 0;
                bytes = 0;
                news.signal(); // the reader may wait for room
            }
            freedBytes = (int) bytes;
        }
        return message;
    }

    /** Whether a poll would find something: messages, or another state. */
    boolean hasArrivals() {
        return inbound.hasArrivals();
    }

    boolean await(BooleanSupplier condition, long nanos) {
        return news.await(condition, nanos);
    }

    void wake() {
        changed();
    }

    /**
     * The next message, read by the calling thread itself if it may: if the connection is direct,
     * the thread virtual, and nobody else reads. Receiving thread only.
     *
     * @return null if it may not, or if the connection is ending: {@link #receive} tells
     */
    Message receiveDirectly() {
        doneWithTaken();
        Message message = take();
        if (message != null
                || !direct
                || state == ConnectionState.CONNECTING
                || isOver()
                || !mayWaitInSocket()
                || !tryAcquireRead()) {
            return message;
        }
        claim();
        receivesNow();
        try {
            if (inbound.hasArrivals()) {
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
                    flush();
                    return null;
                }
                boolean large = prepareRead();
                letOthersRun();
                int n =
                        large
                                ? wire().read(
                                                decoder.directArray(),
                                                decoder.directOffset(),
                                                directRoom())
                                : wire().read(buffer, limit, buffer.length - limit);
                arrived(n, large);
            }
        } catch (IOException e) {
            end(interrupted(e));
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
            ConnectionState now = state;
            boolean over = isOver();
            if (inbound.hasArrivals()) {
                continue;
            }
            if (over) {
                return null;
            }
            flushSoon();
            if (now != ConnectionState.CONNECTING) {
                startReader();
            }
            boolean more =
                    news.await(
                            () ->
                                    inbound.hasArrivals()
                                            || interrupted.getAsBoolean()
                                            || (state != now && state != ConnectionState.OPEN)
                                            || (now == ConnectionState.CONNECTING && state != now)
                                            || violation != null,
                            nanos == Nanos.FOREVER ? nanos : deadline - System.nanoTime());
            if (!inbound.hasArrivals() && (!more || interrupted.getAsBoolean())) {
                return null;
            }
        }
    }

    /** Has the connection read now, for a user who does not wait in {@link #receive}. */
    void watch() {
        if (direct && state == ConnectionState.OPEN && !isReadRoleTaken()) {
            startReader();
        }
    }

    /**
     * Gives the read role back. A close that was begun meanwhile found it taken, so the reader that
     * sees the closing through is started here: either it sees the role free, or we see it closing.
     */
    private void releaseDirect() {
        releaseRead();
        if (closing || peerCloseCode >= 0 || violation != null || writeFailure != null) {
            startReader();
        }
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
        if (!state.canSend()) {
            return Sent.CLOSED;
        }
        if (direct && isOwner() && mayWaitInSocket()) {
            SendNow sent = sendNow(message, position < limit || aheadFrom < aheadTo);
            if (sent != SendNow.IMPOSSIBLE) {
                return sent == SendNow.DONE ? Sent.OK : Sent.CLOSED;
            }
        }
        Message queued = shared ? message.copy() : message;
        return (direct ? enqueueOrWait(queued) : enqueue(queued)) ? Sent.OK : refused();
    }

    /** Queues a frame that was encoded before; never waits. */
    Sent send(Frame frame) {
        if (!state.canSend()) {
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
        ping = pingPayload();
        kick();
        return true;
    }

    private static byte[] pingPayload() {
        return ByteBuffer.allocate(Long.BYTES).putLong(System.nanoTime()).array();
    }

    private void sendPing(byte[] payload) throws IOException {
        unanswered = payload;
        control(Opcode.PING, payload);
    }

    /**
     * Begins to close: what was accepted is sent, then our close frame; the other side's reply is
     * awaited until the close deadline.
     *
     * @param payload of the close frame
     */
    void close(byte[] payload) {
        if (state == ConnectionState.CONNECTING) {
            if (client || ANSWERED.compareAndSet(this, false, true)) {
                closing = true;
                end(null);
                return;
            }
            closeAfterOpening = payload; // the answer is on its way, the close frame goes after it
            if (state == ConnectionState.CONNECTING) {
                return;
            }
        }
        closeOnce(payload);
    }

    /** Notes that its user closes it. Any thread, before {@link #close} or {@link #abort}. */
    void closeCalled() {
        closeCalled = true;
    }

    boolean isCloseCalled() {
        return closeCalled;
    }

    private void closeOnce(byte[] payload) {
        if (!state.canSend() || !CLOSING.compareAndSet(this, false, true)) {
            return;
        }
        lastWord(payload);
        startReader(); // somebody must read the reply
    }

    /** Drops the connection without a close frame. */
    void abort() {
        closing = true;
        end(null);
    }

    @Override
    protected void writeFailed(IOException cause) {
        if (writeFailure == null) {
            writeFailure = cause;
        }
        startReader(); // if nobody reads; who does meets the end
        changed();
    }

    @Override
    protected int weight(Outgoing element) {
        return element.weight();
    }

    @Override
    protected void encode(Outgoing element) throws IOException {
        switch (element) {
            case Message message -> encode(message);
            case Frame frame -> {
                boolean packed =
                        frame.packed != null
                                && deflater != null
                                && deflater.takesForeign(frame.size);
                byte[] bytes = packed ? frame.packed : frame.bytes;
                writeThrough(bytes, 0, bytes.length);
            }
        }
    }

    @Override
    protected boolean isLastDue() {
        return writeFailure == null && (state.canSend() || (shutdownDue && !shut));
    }

    @Override
    protected void encodeLast() throws IOException {
        byte[] last = closeFrame; // null if the link ended meanwhile, which closes its output too
        if (last != null && state.canSend()) {
            if (closing && peerCloseCode < 0 && written() - writtenBefore > PING_BEFORE_CLOSE) {
                byte[] payload = pingPayload();
                lastPing = payload;
                sendPing(payload);
            }
            control(Opcode.CLOSE, last);
            flushBuffer();
            LOG.debug("> close");
            move(ConnectionState.Event.SEND_CLOSE);
            if (violation != null) {
                move(ConnectionState.Event.DISCONNECTED); // nothing is expected of it any more
            }
            changed();
        }
        if (shutdownDue && !shut) {
            flushBuffer();
            wire().shutdownOutput();
            shut = true;
            news.signal();
        }
    }

    private void encode(Message message) throws IOException {
        byte[] data = message.bytes();
        int opcode = message.isText() ? Opcode.TEXT : Opcode.BINARY;
        int length = data.length;
        if (deflater != null
                && message.wantsCompression(compression.threshold())
                && deflater.deflate(data)) {
            data = deflater.packed();
            length = deflater.length();
            opcode |= FrameEncoder.COMPRESSED;
        }
        if (client) {
            int key = keys.next();
            if (length <= MASK_PIECE) {
                byte[] out = room(FrameEncoder.frameLength(length, true));
                filled(
                        FrameEncoder.encode(
                                out, filled(), true, opcode, data, 0, length, true, key));
                return;
            }
            byte[] out = room(FrameEncoder.headerLength(length, true));
            filled(FrameEncoder.putHeader(out, filled(), true, opcode, length, true, key));
            for (int done = 0; done < length; ) { // pieces are a multiple of 4: the key fits each
                int piece = Math.min(length - done, MASK_PIECE);
                out = room(piece);
                Masking.copy(data, done, out, filled(), piece, key, 0);
                filled(filled() + piece);
                done += piece;
            }
        } else {
            byte[] out = room(FrameEncoder.headerLength(length, false));
            filled(FrameEncoder.putHeader(out, filled(), true, opcode, length, false, 0));
            writeThrough(data, 0, length);
        }
    }

    private void control(int opcode, byte[] payload) throws IOException {
        byte[] out = room(FrameEncoder.frameLength(payload.length, client));
        filled(
                FrameEncoder.encode(
                        out,
                        filled(),
                        true,
                        opcode,
                        payload,
                        0,
                        payload.length,
                        client,
                        client ? keys.next() : 0));
    }

    @Override
    protected void dropInput() {
        buffer = NO_BYTES;
        position = limit = 0;
        decoder.release();
    }

    @Override
    protected void dropOutput() {
        if (deflater != null) {
            deflater.release();
        }
    }

    @Override
    protected boolean isKickedLater() {
        return owner != null && owner.queued();
    }

    @Override
    protected boolean hasUrgent() {
        return pong != null || ping != null;
    }

    @Override
    protected void encodeUrgent() throws IOException {
        if (pong != null) {
            Pong due = (Pong) PONG.getAndSet(this, null);
            if (due != null && state.canSend()) {
                encodePongs(due);
            }
        }
        if (ping != null) {
            byte[] payload = (byte[]) PING.getAndSet(this, null);
            if (payload != null && state.canSend()) {
                sendPing(payload);
            }
        }
    }

    // ---- deadlines ----

    @Override
    public void tick(long now) {
        super.tick(now);
        wakeReader();
        if (pool != null) {
            pool.trim(now, POOL_IDLE);
        }
        ConnectionState current = state;
        if (current == ConnectionState.CONNECTING) {
            if (handshakeSince == 0) {
                handshakeSince = now | 1;
            } else if (now - handshakeSince > Nanos.of(limits.handshakeTimeout())) {
                handshakeTimedOut(now);
            } else if (refusal != null && now - refusalRead > REFUSAL_SILENCE) {
                end(refusal);
            }
        } else if (current != ConnectionState.OPEN || violation != null || writeFailure != null) {
            closing(now, current);
        } else {
            heartbeat(now);
            if (direct && !isReadRoleTaken() && now - lastReceive > 2 * watchdog.period()) {
                startReader(); // nobody receives, so nobody answers pings or sees the end
            }
        }
    }

    /**
     * The close timeout, counted from the last progress. While what was accepted before is still
     * being written, the write timeout counts instead, and while messages wait for room, {@link
     * #awaitRoom} has the same timeout of its own.
     */
    private void closing(long now, ConnectionState current) {
        if (closingSince == 0) {
            closingFirst = now;
            closingSince = now | 1;
        } else if (isWriting() || !outbound.isEmpty()) {
            closingSince = now | 1;
        } else if ((blocked || isTaking())
                && now - closingFirst < Nanos.of(limits.lingerTimeout())) {
            closingSince = now | 1;
        } else if (now - closingSince > Nanos.of(limits.closeTimeout())) {
            IOException cause =
                    current == ConnectionState.CLOSED
                            ? null
                            : writeFailure != null
                                    ? writeFailure
                                    : timeout(
                                            "no answer to our close frame for ",
                                            limits.closeTimeout());
            if (writeFailure != null || allRead) {
                end(cause);
            } else {
                endAndLinger(cause, limits.lingerTimeout());
            }
        }
    }

    /** Whether messages have come in and been taken since {@link #closingSince}. */
    private boolean isTaking() {
        return (lastQueued | 1) - closingSince >= 0 && (lastTaken | 1) - closingSince >= 0;
    }

    private void handshakeTimedOut(long now) {
        IOException cause =
                refusal != null
                        ? refusal
                        : timeout(
                                "the opening handshake took longer than ",
                                limits.handshakeTimeout());
        boolean unheard = client || phase() == Phase.CONNECTING; // there is no wire to answer on
        if (unheard || !ANSWERED.compareAndSet(this, false, true)) {
            end(cause); // should our answer below block, a later tick comes here
            return;
        }
        // On a busy machine the thread below may not run before the next tick, which would end it.
        long grace = Nanos.of(limits.handshakeTimeout()) - Nanos.of(limits.closeTimeout());
        handshakeSince = (now - Math.max(0, grace)) | 1;
        Threads.start(
                "peerloom-writer",
                () -> {
                    try {
                        writeHead(ServerHandshake.refuse(408, List.of(), NO_BYTES, null));
                    } catch (IOException e) {
                        cause.addSuppressed(e);
                    }
                    end(cause);
                });
    }

    private void heartbeat(long now) {
        long read = lastRead;
        if (blocked || !isReadRoleTaken()) {
            pinged = false; // we are the ones who do not read
        } else if (pinged && read - pingedAt >= 0) {
            pinged = false; // not even the pong is needed: any byte is a sign of life
        } else if (pinged) {
            if (now - pingedAt > Nanos.of(limits.heartbeatTimeout())) {
                end(timeout("no sign of life after a ping for ", limits.heartbeatTimeout()));
            }
        } else if (now - read > Nanos.of(limits.heartbeatInterval())) {
            pinged = true;
            pingedAt = now;
            ping();
        }
    }

    private static SocketTimeoutException timeout(String what, Duration time) {
        return new SocketTimeoutException(what + time.toMillis() + " ms");
    }

    /**
     * A server's frame, to be sent to many.
     *
     * @param compression how to compress it too, with a compressor of the pool; null not to
     */
    static Frame frame(Message message, Compression compression, DeflatePool pool) {
        byte[] data = message.bytes();
        int opcode = message.isText() ? Opcode.TEXT : Opcode.BINARY;
        byte[] packed = null;
        if (compression != null && message.wantsCompression(compression.threshold())) {
            var deflater = new MessageDeflater(pool, PermessageDeflate.MAX_BITS, false);
            if (deflater.deflate(data)) {
                packed =
                        frame(
                                opcode | FrameEncoder.COMPRESSED,
                                deflater.packed(),
                                deflater.length());
            }
        }
        return new Frame(frame(opcode, data, data.length), packed, data.length);
    }

    private static byte[] frame(int opcode, byte[] data, int length) {
        byte[] bytes = new byte[FrameEncoder.frameLength(length, false)];
        FrameEncoder.encode(bytes, 0, true, opcode, data, 0, length, false, 0);
        return bytes;
    }
}
