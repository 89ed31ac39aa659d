package io.peerloom.async;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.websocket.HandshakeResponse;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeRequest;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import javax.net.ssl.SSLSession;

/**
 * A WebSocket through futures: a {@link WebSocketPeer} whose calls return at once.
 *
 * <pre>{@code
 * AsyncWebSocketPeer.connect("wss://example.com/feed")
 *         .thenCompose(peer -> peer.sendText("subscribe").thenCompose(sent -> peer.receive()))
 *         .orTimeout(5, SECONDS)
 *         .thenAccept(message -> log.info("{}", message));
 * }</pre>
 *
 * <p><b>Receiving.</b> Any number of {@link #receive} may be outstanding; they are answered in the
 * order in which they were called, and at once if a message is at hand. What is read ahead of them
 * is bounded by {@link Limits#inboundBytes} and {@link Limits#inboundMessages}; beyond that the
 * other side is held back by TCP itself. To cancel a receive, or to let it time out, loses nothing:
 * the message goes to the next one. Where many small messages come, {@link #receiveBatch} takes all
 * that are at hand.
 *
 * <p><b>Sending.</b> Any thread may {@link #send} at any time; the messages of one thread stay in
 * order. What the other side does not take is not dropped: the future is not done until there is
 * room. To wait for it is the sender's part of the bargain: what it sends without waiting, it has
 * stored itself.
 *
 * <p><b>The end.</b> A close is not a failure: a receive then has null for an answer. A connection
 * that broke fails the receives with {@link PeerException}. Both are seen after the last message;
 * {@link #closed} tells of both, once, also to those who do not receive.
 *
 * <p><b>Threads.</b> Any thread may call any method; none blocks. Stages run on virtual threads of
 * this library, where they may block without holding anything else up, or on an executor given when
 * the peer was made. While nothing is asked for, there is no thread of this class. As with any
 * future, a stage added to one that is done already runs at once, on the thread that adds it; where
 * such stages have nested 40 deep, it runs on another thread instead. So a chain may be as long as
 * one likes ({@code receive().thenCompose(...)} that ends in the next {@code receive()}): its stack
 * does not grow.
 */
public final class AsyncWebSocketPeer {

    /** How long a read ahead waits for an answer to what came before. */
    private static final long ANSWERS_FIRST = Duration.ofMillis(250).toNanos();

    private final WebSocketPeer peer;
    private final Inlet inlet;
    private final Outlet<Object> outlet;

    /** The one terminal event; completed by the thread that saw the end. */
    private final Pending<CloseInfo> closed;

    /** How it ended, null before. Written once, by the inlet's holder, read by all. */
    private volatile CloseInfo end;

    /** No more is accepted for sending. Any thread sets it. */
    private volatile boolean closing;

    private AsyncWebSocketPeer(WebSocketPeer peer, Executor executor) {
        this.peer = peer;
        var nesting = new Nesting(executor);
        this.inlet = new Inlet(nesting);
        this.closed = new Pending<>(inlet);
        this.outlet = new Outbox(nesting);
    }

    // ---- opening ----

    /**
     * Connects, with the default options, see {@link #connect(String, WebSocketOptions)}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @return the open peer
     */
    public static CompletableFuture<AsyncWebSocketPeer> connect(String url) {
        return connect(url, WebSocketOptions.defaults());
    }

    /**
     * Connects. Whatever completes the future before the connection is open, its holder who cancels
     * it or a timeout set on it, gives the connection up. A timeout on a stage that depends on it
     * does not, and neither does it close an open peer: what is not to be lost has to be closed.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @param options what to ask for
     * @return the open peer; or it fails with {@link PeerException}: {@link
     *     ErrorCode#INVALID_PARAMETER} if the URL is none, or a header or subprotocol cannot be
     *     sent; {@link ErrorCode#CANT_RESOLVE} if the host has no address; {@link
     *     ErrorCode#CONNECTION_ERROR} if it was refused, not answered in time, or no WebSocket: the
     *     cause of an answer that can be read is an {@link
     *     io.peerloom.websocket.UpgradeFailedException}
     */
    public static CompletableFuture<AsyncWebSocketPeer> connect(
            String url, WebSocketOptions options) {
        return connecting(url, options, null);
    }

    /**
     * Connects, with all stages on an executor.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @param options what to ask for
     * @param executor runs the stages of this peer's futures, and of this one
     * @return as {@link #connect(String, WebSocketOptions)}
     */
    public static CompletableFuture<AsyncWebSocketPeer> connect(
            String url, WebSocketOptions options, Executor executor) {
        return connecting(url, options, Objects.requireNonNull(executor, "executor"));
    }

    private static CompletableFuture<AsyncWebSocketPeer> connecting(
            String url, WebSocketOptions options, Executor executor) {
        Objects.requireNonNull(url, "url");
        Objects.requireNonNull(options, "options");
        return Relay.connect(
                () -> WebSocketPeer.connect(url, options),
                open -> new AsyncWebSocketPeer(open, executor),
                unwanted -> unwanted.abort(),
                executor);
    }

    /**
     * Wraps an open peer of the blocking kind: from {@link WebSocketPeer#connect(String)}, or as
     * given to the handler of a {@link WebSocketServer}. It must not be used directly any more. (Of
     * a polled one, a full queue fails the send with {@link ErrorCode#OUT_OF_MEMORY} at once.)
     *
     * @param peer the open peer
     * @return its futures
     */
    public static AsyncWebSocketPeer of(WebSocketPeer peer) {
        return new AsyncWebSocketPeer(Objects.requireNonNull(peer, "peer"), null);
    }

    /**
     * Wraps an open peer as {@link #of(WebSocketPeer)} does, with all stages on an executor.
     *
     * @param peer the open peer
     * @param executor runs the stages of this peer's futures
     * @return its futures
     */
    public static AsyncWebSocketPeer of(WebSocketPeer peer, Executor executor) {
        return new AsyncWebSocketPeer(
                Objects.requireNonNull(peer, "peer"), Objects.requireNonNull(executor, "executor"));
    }

    // ---- receiving ----

    /**
     * Asks for the next message.
     *
     * @return the message; null when the connection was closed, by either side, and all that came
     *     before was received; or it fails with {@link PeerException}, {@link ErrorCode#FAILED} and
     *     the cause, when the connection broke
     */
    public CompletableFuture<Message> receive() {
        return inlet.ask(new ReceiveOne(inlet));
    }

    /**
     * Asks for the messages that are at hand, or the first that comes: for those who would
     * otherwise pay for a future, and perhaps for the way from thread to thread, with each of many
     * small ones.
     *
     * @param most how many at the most, at least 1
     * @return at least one message, in order; none when the connection was closed, by either side,
     *     and all that came before was received; or it fails as {@link #receive} does. The list is
     *     the caller's
     * @throws IllegalArgumentException if less than one message is asked for
     */
    public CompletableFuture<List<Message>> receiveBatch(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("a batch of at most " + most + " messages");
        }
        return inlet.ask(new ReceiveBatch(inlet, most));
    }

    /** What waits for a message. */
    private abstract static class Receive<T> extends Pending<T> {
        /** Whether a thread asked that is not at the stages of the last answer. */
        private final boolean stranger;

        Receive(Relay<?> inlet) {
            super(inlet);
            this.stranger = !inlet.isRunByThisThread();
        }

        /** What is answered when there is a message, and perhaps there are more. Under the role. */
        abstract T answer(Message first, Supplier<Message> more);

        /** What is answered when the connection was closed. */
        abstract T answerClosed();
    }

    private static final class ReceiveOne extends Receive<Message> {
        ReceiveOne(Relay<?> inlet) {
            super(inlet);
        }

        @Override
        Message answer(Message first, Supplier<Message> more) {
            return first;
        }

        @Override
        Message answerClosed() {
            return null;
        }
    }

    private static final class ReceiveBatch extends Receive<List<Message>> {
        private final int most;

        ReceiveBatch(Relay<?> inlet, int most) {
            super(inlet);
            this.most = most;
        }

        @Override
        List<Message> answer(Message first, Supplier<Message> more) {
            var batch = new ArrayList<Message>();
            batch.add(first);
            for (Message next; batch.size() < most && (next = more.get()) != null; ) {
                batch.add(next);
            }
            return batch;
        }

        @Override
        List<Message> answerClosed() {
            return new ArrayList<>();
        }
    }

    /** What receives. Its role is that of the peer's receiving thread. */
    private final class Inlet extends Relay<Receive<?>> {
        /** After how many answers to strangers in a row the connection is read ahead. */
        private static final int STRANGERS = 4;

        /** A message that nobody waited for any more when it came. Written under the role. */
        private volatile Message stash;

        /** What followed it, if the end was told before that; else null. Belongs to the role. */
        private ArrayDeque<Message> rest;

        /**
         * {@link #watch Watches} for the end while a message lies here, or while core reads ahead.
         * Written under the role.
         */
        private volatile Thread watcher;

        /** The connection is over, and nobody receives. Written by that thread, once. */
        private volatile boolean over;

        /** Somebody wants to hear of the end, without receiving. Any thread sets it. */
        private volatile boolean endWanted;

        /** How many strangers in a row were answered in a step. Belongs to the role. */
        private int strangers;

        /** The connection's own threads read it ahead. Written under the role, once. */
        private volatile boolean readAhead;

        /**
         * A message was handed out since it was last cleared. Set under the role; cleared by who
         * waits for what becomes of it: {@link #awaitAnswer} under the role, or {@link #watch}.
         */
        private volatile boolean handedOut;

        /** Who waits for what becomes of it; written by it. */
        private volatile Thread courteous;

        /** The peer was told to close: the end need not wait for messages to be taken. */
        private volatile boolean closeBegun;

        /** A server's thread for this connection while it attends to it, and whether it is idle. */
        private volatile Thread home;

        private volatile boolean homeIdle;

        Inlet(Nesting nesting) {
            super(nesting);
        }

        /** Answers a receive at once, or has it wait. */
        <T> Receive<T> ask(Receive<T> receive) {
            if (answerAtOnce(receive)) {
                receive.run();
            } else {
                waiting.add(receive);
                wanted();
            }
            return receive;
        }

        /** After a receive was added. */
        private void wanted() {
            ensure();
            LockSupport.unpark(courteous);
            if (closeBegun && end == null && isBusy()) {
                peer.wakeup(); // it may be waiting for the end, and take no messages meanwhile
            }
        }

        /** Answers a receive that its holder does not have yet, if a message is at hand. */
        private boolean answerAtOnce(Receive<?> receive) {
            if (!tryAcquireAtOnce(this)) {
                return false;
            }
            try {
                Message next = atHand();
                if (next == null) {
                    return false;
                }
                receive.claim(); // nobody has it yet who could give it up
                answer(receive, next);
                return true;
            } finally {
                release();
            }
        }

        /** The next message if it is here; null if it has to be waited for. */
        private Message atHand() {
            Message next = takeHere();
            if (next == null && readAhead) {
                peer.poll(); // which would have core read ahead if it does not yet
                next = peer.takeMessage();
            }
            return next;
        }

        /** The next message that was read and is not with core's threads any more; or null. */
        private Message takeHere() {
            Message next = stash;
            if (next == null) {
                return peer.takeMessage();
            }
            stash = rest == null ? null : rest.poll();
            if (!readAhead) {
                dismissWatcher(); // somebody receives again, and so sees the end
            }
            return next;
        }

        /** Answers one that is claimed with a message and perhaps more. */
        private <T> void answer(Receive<T> receive, Message message) {
            if (!handedOut) {
                handedOut = true;
            }
            receive.decide(receive.answer(message, this::takeHere), null);
        }

        void awaitEnd() {
            endWanted = true;
            ensure();
        }

        void closeBegun() {
            closeBegun = true;
            ensure();
            LockSupport.unpark(courteous);
        }

        @Override
        boolean hasMoreWork() {
            return end == null
                    && (closeBegun
                            || (endWanted
                                    && ((stash == null && !readAhead) || over || watcher == null)));
        }

        @Override
        Pending<?> step() {
            nesting.run();
            Message message = next();
            if (message == null && end == null) {
                return peer.getReadyState() == WebSocketPeer.State.CLOSED ? ended() : null;
            }
            Receive<?> waiter = claimNext();
            if (waiter == null) {
                putBack(message); // given up meanwhile; the next receive gets it
            } else if (message == null) {
                answerEnd(waiter);
            } else {
                strangers = waiter.stranger ? strangers + 1 : 0;
                answer(waiter, message);
            }
            return waiter;
        }

        private <T> void answerEnd(Receive<T> waiter) {
            boolean broke = end.failure().isPresent();
            waiter.decide(broke ? null : waiter.answerClosed(), broke ? failed() : null);
        }

        /** Waits for the next message; null if there is none, or it is not time to take it. */
        private Message next() {
            Message kept = stash;
            if (!waiting.isEmpty()) {
                return kept == null ? receive() : takeHere();
            }
            if (closeBegun) {
                awaitClose();
            } else if (endWanted && end == null) {
                if (over) {
                    takeRest();
                } else if (kept == null && !readAhead) {
                    awaitAnswer();
                    if (waiting.isEmpty() && !closeBegun) {
                        return peer.receive();
                    }
                } else if (watcher == null) {
                    watcher = Relay.start(this::watch);
                }
            }
            return null;
        }

        /** Puts a message in front that was taken for somebody who has given it up. */
        private void putBack(Message message) {
            if (stash != null) {
                rest.addFirst(stash);
            }
            stash = message;
        }

        /**
         * Waits for the end on a thread of its own, where the role's holder cannot read up to it: a
         * message is in front of it that nobody receives, or core reads ahead. When the end is
         * there, somebody has {@link #ANSWERS_FIRST} to receive, again after each message, so that
         * the end comes after the messages. An interrupt says that it is no longer of interest.
         */
        private void watch() {
            if (!peer.awaitClosed(Limits.NEVER)) {
                return;
            }
            do {
                handedOut = false;
                long deadline = System.nanoTime() + ANSWERS_FIRST;
                for (long left = ANSWERS_FIRST; left > 0; left = deadline - System.nanoTime()) {
                    if (Thread.interrupted()) {
                        return;
                    }
                    LockSupport.parkNanos(this, left);
                }
            } while (handedOut);
            over = true;
            ensure();
        }

        private void dismissWatcher() {
            if (watcher != null) {
                watcher.interrupt();
                watcher = null;
            }
        }

        /** After the end: what came before it is kept here, so that the peer can see it. */
        private void takeRest() {
            rest = new ArrayDeque<>();
            do {
                peer.poll();
                for (Message next; (next = peer.takeMessage()) != null; ) {
                    rest.add(next);
                }
            } while (peer.getReadyState() != WebSocketPeer.State.CLOSED);
            if (stash == null) {
                stash = rest.poll();
            }
        }

        /**
         * Waits for the next message; after the end it does not wait, and gives what is left.
         *
         * <p>To read on this thread is the fastest way as long as it also runs the stages that ask
         * for the next message. For strangers it would have to be started, or woken, each time. So
         * for them the connection is read ahead, as it is for polled peers: a receive with a time
         * limit has it do that, and it goes on for good.
         */
        private Message receive() {
            if (strangers >= STRANGERS && !readAhead) {
                readAhead = true;
                Message here = peer.receive(Duration.ZERO);
                if (here != null || peer.getReadyState() == WebSocketPeer.State.CLOSED) {
                    return here;
                }
            }
            return peer.receive();
        }

        /**
         * Before something is read that nobody asked for, and that may be the end: gives who has
         * the last message some time to answer it, as core does where a peer is polled. Who
         * receives again is done with it.
         */
        private void awaitAnswer() {
            if (!handedOut) {
                return;
            }
            handedOut = false;
            long deadline = System.nanoTime() + ANSWERS_FIRST;
            courteous = Thread.currentThread();
            for (long left = ANSWERS_FIRST;
                    left > 0 && waiting.isEmpty() && !closeBegun;
                    left = deadline - System.nanoTime()) {
                LockSupport.parkNanos(this, left);
                Thread.interrupted(); // which would keep it from parking
            }
            courteous = null;
        }

        /** Waits for the end of a connection that is being closed, or for somebody to receive. */
        private void awaitClose() {
            while (waiting.isEmpty()) {
                peer.poll();
                if (peer.getReadyState() == WebSocketPeer.State.CLOSED) {
                    return;
                }
                peer.awaitActivity(Limits.NEVER);
                Thread.interrupted(); // which would keep it from waiting
            }
        }

        private Pending<?> ended() {
            end =
                    new CloseInfo(
                            peer.getCloseCode(),
                            peer.getCloseReason(),
                            peer.wasClosedByPeer(),
                            peer.wasCleanClose(),
                            peer.getFailure());
            dismissWatcher();
            wakeHome();
            closed.decide(end, null); // nobody else ever does
            return closed;
        }

        // ---- at home ----

        /**
         * Works on the calling virtual thread, a server's for this connection, until a condition
         * holds; whoever makes it hold calls {@link #wakeHome} after it.
         */
        void attend(BooleanSupplier done) {
            home = Thread.currentThread();
            while (!done.getAsBoolean()) {
                run();
                homeIdle = true;
                while (!isDue() && !done.getAsBoolean()) {
                    LockSupport.park(this);
                    Thread.interrupted(); // which would keep it from parking
                }
                homeIdle = false;
            }
            // Whoever found the thread idle just before it was not has set the flag already.
            home = null;
            if (isDue()) {
                super.launch();
            }
        }

        void wakeHome() {
            LockSupport.unpark(home); // nothing happens if it is null
        }

        @Override
        void launch() {
            Thread here = home;
            if (here != null && homeIdle) {
                LockSupport.unpark(here);
            } else {
                super.launch();
            }
        }
    }

    // ---- sending ----

    /**
     * Sends a text message, see {@link #send(Message)}.
     *
     * @param text any Unicode text
     * @return done when it was accepted
     * @throws IllegalArgumentException if the text has an unpaired surrogate
     */
    public CompletableFuture<Void> sendText(String text) {
        return send(Message.text(text));
    }

    /**
     * Sends a binary message, see {@link #send(Message)}.
     *
     * @param data the payload; not copied, do not change it before the future is done
     * @return done when it was accepted
     */
    public CompletableFuture<Void> send(byte[] data) {
        return send(Message.binary(data));
    }

    /**
     * Sends a message.
     *
     * <p>The future is done when core has accepted the message: it was given to the system, or it
     * is in the peer's outbound queue, which {@link Limits#outboundBytes} and {@link
     * Limits#outboundMessages} bound, and will be given to the system unless the connection breaks.
     * As long as there is no room the future is not done, and no message is dropped. Nothing is
     * said of whether the other side has received it.
     *
     * <p>A future that is cancelled, or completed in another way, before the message had its turn
     * takes the message back; after that, cancelling has no effect.
     *
     * <p>A stage of {@link #receive} that runs on this library's own thread and sends to the same
     * peer writes the message itself, the fastest way to answer; it may wait for room then. No
     * other thread ever does.
     *
     * @param message the message; not copied
     * @return done when it was accepted; or it fails with {@link PeerException}: {@link
     *     ErrorCode#FAILED} if the connection is closing or has ended, {@link
     *     ErrorCode#OUT_OF_MEMORY} if there was no room for {@link Limits#writeTimeout}
     */
    public CompletableFuture<Void> send(Message message) {
        Objects.requireNonNull(message, "message");
        if (closing || end != null) {
            return Stage.failed(inlet.nesting, failed());
        }
        return outlet.send(message, inlet);
    }

    /** What is sent last. */
    private record Close(int code, String reason) {}

    private final class Outbox extends Outlet<Object> {
        Outbox(Nesting nesting) {
            super(nesting);
        }

        @Override
        ErrorCode put(Object element) {
            if (element instanceof Message message) {
                return peer.send(message);
            }
            var close = (Close) element;
            peer.close(close.code, close.reason);
            inlet.closeBegun();
            return ErrorCode.OK;
        }

        @Override
        Throwable cause() {
            return AsyncWebSocketPeer.this.cause();
        }
    }

    private Throwable cause() {
        CloseInfo known = end;
        return known == null ? null : known.failure().orElse(null);
    }

    private PeerException failed() {
        return new PeerException(ErrorCode.FAILED, cause());
    }

    // ---- closing ----

    /**
     * Closes with code 1000 and no reason, see {@link #close(int, String)}.
     *
     * @return how it ended
     */
    public CompletableFuture<CloseInfo> close() {
        return close(1000, "");
    }

    /**
     * Closes the connection: what was sent before leaves first, waiting for room if need be, then
     * the close frame; the other side has {@link Limits#closeTimeout} to answer it. What it had
     * sent can still be received. Nothing is accepted for sending any more. Once closing, the
     * arguments have no effect.
     *
     * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999; 1005 for a close frame without a
     *     code
     * @param reason at most 123 bytes in UTF-8
     * @return how it ended, as {@link #closed}; it does not fail
     * @throws IllegalArgumentException for another code, a longer reason, or an unpaired surrogate
     *     in it
     */
    public CompletableFuture<CloseInfo> close(int code, String reason) {
        new WebSocketPeer().close(code, reason); // not connected, it checks them and does no more
        beginToClose(code, reason);
        return closed();
    }

    /**
     * Drops the connection at once: without a close frame, and with it whatever was not sent. Also
     * when it is closing already.
     *
     * @return how it ended, as {@link #closed}; it does not fail
     */
    public CompletableFuture<CloseInfo> abort() {
        closing = true;
        peer.abort();
        inlet.closeBegun();
        return closed();
    }

    private void beginToClose(int code, String reason) {
        if (!closing) {
            closing = true;
            outlet.sendLast(new Close(code, reason));
        }
    }

    /**
     * {@return how the connection ended, once it has: exactly one event, on every path} It comes
     * when the messages before it were received. For messages that nobody receives, and for an
     * answer to the last one, it waits a quarter of a second, and after a close of one's own not at
     * all; they can be received after it. It does not fail. Every call returns a future of its own,
     * so that to cancel it means nothing to others.
     *
     * <p>Whoever does not receive hears of the other side's end as {@link
     * WebSocketPeer#awaitClosed} says: behind more messages than {@link Limits#inboundBytes} and
     * {@link Limits#inboundMessages} allow it is not seen.
     */
    public CompletableFuture<CloseInfo> closed() {
        inlet.awaitEnd();
        return closed.copy();
    }

    /** {@return the code of {@link #closed}, -1 before it} Godot: {@code get_close_code}. */
    public int getCloseCode() {
        CloseInfo known = end;
        return known == null ? -1 : known.code();
    }

    /**
     * {@return the reason of {@link #closed}, {@code ""} before it} Godot: {@code
     * get_close_reason}.
     */
    public String getCloseReason() {
        CloseInfo known = end;
        return known == null ? "" : known.reason();
    }

    /** {@return what broke the connection; empty before its end, and if nothing did} */
    public Optional<Throwable> getFailure() {
        return Optional.ofNullable(cause());
    }

    // ---- who and what: known since the peer was opened, and never changed ----

    /** {@return the subprotocol that was agreed on, {@code ""} for none} */
    public String getSelectedProtocol() {
        return peer.getSelectedProtocol();
    }

    /** {@return the URL that was asked for: by us, or, on a server, by the client} */
    public String getRequestedUrl() {
        return peer.getRequestedUrl();
    }

    /** {@return the request that a server's peer was opened with; empty on clients} */
    public Optional<UpgradeRequest> getUpgradeRequest() {
        return peer.getUpgradeRequest();
    }

    /**
     * {@return what the server answered to our handshake; empty on servers} Of one that refused,
     * the {@link PeerException} of {@link #connect(String)} has it: its cause is a {@link
     * io.peerloom.websocket.UpgradeFailedException}.
     */
    public Optional<HandshakeResponse> getHandshakeResponse() {
        return peer.getHandshakeResponse();
    }

    /** {@return the TLS session, with the certificates; empty without TLS} */
    public Optional<SSLSession> getSslSession() {
        return peer.getSslSession();
    }

    /** {@return the extensions that were agreed on, {@code ""} for none} */
    public String getExtensions() {
        return peer.getExtensions();
    }

    /** {@return the address of the other side, {@code ""} where there is none} */
    public String getConnectedHost() {
        return peer.getConnectedHost();
    }

    /** {@return the port of the other side, 0 where there is none} */
    public int getConnectedPort() {
        return peer.getConnectedPort();
    }

    // ---- for the server ----

    /** Serves a connection on the calling virtual thread, which receives for it. */
    static void serve(WebSocketPeer peer, AsyncWebSocketServer.Handler handler, Executor executor)
            throws Exception {
        new AsyncWebSocketPeer(peer, executor).serve(handler);
    }

    private void serve(AsyncWebSocketServer.Handler handler) throws Exception {
        inlet.endWanted = true; // the thread is there anyway
        CompletionStage<?> served;
        try {
            served = Objects.requireNonNull(handler.handle(this), "stage of the handler");
        } catch (Throwable e) { // Errors, and the checked ones of other languages
            served = CompletableFuture.failedStage(e);
        }
        var outcome = new CompletableFuture<Throwable>();
        served.whenComplete((result, failure) -> {
            outcome.complete(failure instanceof CompletionException e ? e.getCause() : failure);
            beginToClose(failure == null ? 1000 : 1011, ""); // this thread may be reading
            inlet.wakeHome();
        });
        inlet.attend(() -> end != null && outcome.isDone());
        Throwable failure = outcome.join();
        // That a connection broke is no failure of its handler.
        if (failure instanceof Exception e && end.failure().isEmpty()) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
    }
}
