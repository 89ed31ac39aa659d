package io.peerloom.websocket;

import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Threads;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.DeflatePool;
import java.io.IOException;
import java.io.Serial;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server's connection from its acceptance to its end. It is served, and this is what its
 * handler's thread runs, or it is polled, and {@link #step} is what the polling thread does about
 * it. The flag that it is itself: whether it waits in the queue of the {@link Poller}.
 */
final class ServerConnection extends AtomicBoolean implements Runnable, WebSocketConnection.Owner {
    @Serial private static final long serialVersionUID = 1;

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketServer.class);

    /**
     * What all connections of a server share that were accepted since it began to listen, and what
     * was set then.
     *
     * @param handler serves the connections; null if they are polled
     * @param upgrades decides about requests; null to accept all
     * @param watchdog has all connections that have not ended
     * @param pool where they borrow compressors; null without compression
     * @param peers the open connections by id; each enters itself and leaves
     * @param poller hears of polled connections' news
     * @param stopped the server was stopped: there are no more events
     * @param reported it was logged which handlers have not returned after that
     */
    record Shared(
            WebSocketOptions options,
            WebSocketServer.Handler handler,
            UpgradeHandler upgrades,
            Set<String> hosts,
            Watchdog watchdog,
            DeflatePool pool,
            Map<Integer, WebSocketPeer> peers,
            Admission admission,
            Poller poller,
            AtomicBoolean stopped,
            AtomicBoolean reported) {}

    final transient WebSocketConnection connection;
    final transient WebSocketPeer peer;

    /** The other side's; {@code ""} on a Unix socket. */
    final String address;

    private final transient Shared shared;

    /**
     * A polled server's upgrade handler is asked in poll: null, then the {@link UpgradeRequest} by
     * the handshake's thread, then its {@link UpgradeResponse} by the polling thread.
     */
    private transient volatile Object upgrade;

    /** Its handler has returned. Written by the thread that ran it. */
    private volatile boolean returned;

    // what follows belongs to the polling thread, or the handler's if there is one

    /** 0 before it is announced. */
    private int id;

    // What the listener was told. Each is set before the call, so that none is told twice.

    /** How many messages; wraps. */
    private int messagesTold;

    private boolean closeTold;

    private boolean endTold;

    /** It waits for the end of a poll to be written. The {@link Poller}'s. */
    boolean unwrittenToo;

    private ServerConnection(String address, int port, Shared shared) {
        this.address = address;
        this.shared = shared;
        connection =
                new WebSocketConnection(
                        false, isServed(), shared.options, shared.pool, shared.watchdog, this);
        peer = new WebSocketPeer(shared.options, connection, address, port);
    }

    // ---- from its acceptance to its opening ----

    /** The accepting thread's share: lets a connection in or turns it away; must not block. */
    static void accept(SocketChannel channel, Shared shared) {
        Admission admission = shared.admission;
        try {
            var remote = channel.getRemoteAddress() instanceof InetSocketAddress inet ? inet : null;
            String address = remote == null ? "" : remote.getAddress().getHostAddress();
            if (admission.isFull(address)) {
                boolean tls = shared.options.tls() != null;
                Admission.turnAway(channel, shared.options.limits(), tls, shared.watchdog);
                return;
            }
            if (remote != null) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            var accepted =
                    new ServerConnection(
                            admission.enter(address),
                            remote == null ? 0 : remote.getPort(),
                            shared);
            // From now on, for stop: it waits for this thread before it looks at the watchdog's.
            shared.watchdog.add(accepted.connection);
            Threads.start("peerloom-websocket", () -> accepted.shakeHands(channel));
        } catch (IOException e) { // gone before it was looked at
            new ChannelWire(channel).close();
        }
    }

    /**
     * The thread of the handshake, which ends with it. What serves the connection from then on
     * begins with a stack of its own: a parked stack keeps the size that it once had, and the
     * handshake's is the deepest.
     */
    private void shakeHands(SocketChannel channel) {
        boolean reader = false;
        try {
            reader = connection.open(c -> side(new ChannelWire(channel)).open(c));
        } catch (Throwable e) { // of an SSLContext, say: the connection has ended with it
            LOG.warn("the handshake with {} failed", this, e);
        } finally {
            shared.admission.handshakeOver();
            if (reader) {
                Threads.start("peerloom-reader", connection.in);
            } else if (isServed() && connection.wasOpened()) {
                Threads.start("peerloom-websocket", this);
            } else if (isServed()) {
                leave();
            }
        }
    }

    private ServerSide side(Wire accepted) {
        UpgradeHandler upgrades = shared.upgrades;
        if (upgrades == null) {
            upgrades = request -> UpgradeResponse.accept();
        } else if (!isServed()) {
            upgrades = this::ask;
        }
        return new ServerSide(shared.options, upgrades, shared.hosts, accepted, address);
    }

    /** Hands a request to the polling thread and waits for its answer. */
    private UpgradeResponse ask(UpgradeRequest request) {
        upgrade = request;
        changed();
        connection.await(
                () -> upgrade instanceof UpgradeResponse || connection.phase() == Link.Phase.ENDED,
                Nanos.FOREVER); // the handshake's deadline ends it
        return upgrade instanceof UpgradeResponse given ? given : UpgradeResponse.refuse(503);
    }

    /** The polling thread's part of that. */
    private void answer(UpgradeRequest request) {
        UpgradeResponse given = UpgradeResponse.refuse(500);
        try {
            given = Objects.requireNonNull(shared.upgrades.handle(request), "the answer");
        } finally {
            upgrade = given;
            connection.wake();
        }
    }

    private void announce() {
        int free;
        do {
            free = ThreadLocalRandom.current().nextInt(2, Integer.MAX_VALUE);
        } while (shared.peers.putIfAbsent(free, peer) != null);
        id = free;
    }

    // ---- what it is; any thread ----

    /** Whether it has a handler with a thread of its own; it is polled otherwise. */
    boolean isServed() {
        return shared.handler != null;
    }

    /** Whether a served one's handler has returned, or never was to run. */
    boolean hasReturned() {
        return returned;
    }

    /** For logs: which client, from where, and what it asked for; without its number at first. */
    @Override
    public String toString() {
        String who = id == 0 ? "a client" : "client " + id;
        String from = address.isEmpty() ? "" : " from " + address + ':' + peer.getConnectedPort();
        UpgradeRequest request = connection.request();
        return who + from + (request == null ? "" : " at " + request.url());
    }

    // ---- what its connection reports ----

    @Override
    public boolean queued() {
        return shared.poller.queued(this);
    }

    @Override
    public boolean isAttentive() {
        return shared.poller.isAttentive();
    }

    @Override
    public void changed() {
        if (isServed()) {
            return; // its handler's thread sees for itself
        }
        if (!get() && compareAndSet(false, true)) {
            shared.poller.ready(this);
        }
    }

    @Override
    public void ended() {
        shared.admission.ended(this);
    }

    // ---- served ----

    /**
     * The handler's thread. The handler reads in this very method: an idle connection is parked in
     * there, and each frame on its stack is memory for as long as that lasts.
     */
    @Override
    public void run() {
        int code = 1011;
        connection.claim();
        try {
            if (isOpen()) {
                shared.handler.handle(peer);
                code = 1000;
            }
        } catch (Throwable e) { // an Error of the handler's is its own affair, too
            LOG.warn("the handler of {} failed", this, e);
        } finally {
            served(code);
        }
    }

    private boolean isOpen() {
        peer.fetch();
        if (peer.isConnectedToHost()) {
            announce();
            return true;
        }
        return false;
    }

    /** The handler has returned. */
    private void served(int code) {
        Thread.interrupted(); // it may have left that, which would keep us from waiting
        try {
            if (id != 0) {
                peer.close(code, "");
                shared.peers.remove(id, peer);
                connection.finish();
            }
        } finally {
            leave();
        }
    }

    private void leave() {
        returned = true;
        shared.admission.left(this);
    }

    // ---- polled ----

    /**
     * The polling thread's share: tells the listener what there is to tell. What that is follows
     * from what it was told before, and not from what this call did: a listener may throw, or poll
     * the peer itself.
     */
    void step(WebSocketServer.Listener listener) {
        if (isSilent()) {
            return;
        }
        if (upgrade instanceof UpgradeRequest request) {
            answer(request);
        }
        peer.fetch();
        if (id == 0) {
            if (!peer.isConnectedToHost()) {
                return; // in the handshake, or over without ever having been open
            }
            announce();
            listener.clientConnected(id, peer.getSelectedProtocol());
        }
        while (!isSilent() && isMessageDue()) {
            messagesTold++;
            listener.dataReceived(id);
        }
        connection.doneWithTaken();
        peer.settle(false); // before we look at the close frame, which was first
        if (!isSilent()
                && !closeTold
                && connection.isCloseRequested()
                && !connection.hasArrivals()) { // which it was behind
            closeTold = true;
            listener.clientCloseRequest(
                    id, connection.peerCloseCode(), connection.peerCloseReason());
        }
        if (!isSilent() && !peer.isConnectedToHost()) {
            endTold = true;
            try {
                listener.clientDisconnected(id, peer.wasCleanClose());
            } finally {
                shared.peers.remove(id, peer);
            }
        }
    }

    /** Whether the listener hears no more of it: it was told of the end, or has stopped all. */
    private boolean isSilent() {
        return endTold || shared.stopped.get();
    }

    /** Whether there is a message that the listener was not told of. */
    private boolean isMessageDue() {
        int here = peer.getAvailablePacketCount();
        int due = connection.arrived() - messagesTold;
        if (due > here) { // some of them were taken meanwhile
            messagesTold += due - here;
        }
        return due > 0 && here > 0;
    }
}
