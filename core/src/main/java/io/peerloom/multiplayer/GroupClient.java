package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.Peer;
import io.peerloom.multiplayer.Inbox.Source;
import io.peerloom.multiplayer.News.Kind;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.ConnectionStatus;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** A group's client: the one connection to its server, by way of which it reaches the others. */
final class GroupClient implements Membership, Wire.Reader {

    /** Is told that the connection is over, before the listener is. */
    @FunctionalInterface
    interface Loss {
        /** It ended by a failure or in order, with its cause, if there is one. */
        void lost(boolean failed, Optional<Throwable> cause);
    }

    /** More peers than any server announces; a client that is told of more closes. */
    static final int MOST_ANNOUNCED = 65_536;

    private static final int SERVER = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    /** Beyond any time that a deadline can be set to, and still safe to add to a clock reading. */
    private static final Duration CENTURY = Duration.ofDays(36_500);

    private final Wire wire;
    private final WebSocketPeer peer;
    private final Source server;
    private final Inbox inbox;
    private final News news;

    private final Loss lost;

    /** The server, once there is a number, and whom it has announced. */
    private final Set<Integer> announced = new LinkedHashSet<>();

    private final Set<Integer> ids = Collections.unmodifiableSet(announced);

    /** How long the server may take to give a number. */
    private final Duration patience;

    private final BooleanSupplier step = this::step;

    private boolean connected;
    private int id;

    /** What went wrong here, rather than in the connection; or null. */
    private Throwable failure;

    /** When there must be a number; counts once the WebSocket is open. */
    private long numberDeadline;

    private boolean numberAwaited;
    private boolean closed;

    /** Takes over a peer that connects. */
    GroupClient(
            Wire wire, WebSocketPeer peer, Duration patience, Inbox inbox, News news, Loss lost) {
        this.wire = wire;
        this.peer = peer;
        this.patience = patience;
        this.inbox = inbox;
        this.news = news;
        this.lost = lost;
        server = new Source(SERVER, peer);
    }

    @Override
    public int id() {
        return id;
    }

    @Override
    public ConnectionStatus status() {
        return connected ? ConnectionStatus.CONNECTED : ConnectionStatus.CONNECTING;
    }

    @Override
    public Set<Integer> ids() {
        return ids;
    }

    @Override
    public WebSocketPeer peer(int of) {
        return of == SERVER ? peer : null;
    }

    // ---- what happens ----

    @Override
    public ErrorCode poll() {
        ErrorCode result = peer.poll();
        if (!connected && !numberAwaited && peer.isConnectedToHost()) {
            numberAwaited = true;
            numberDeadline = System.nanoTime() + nanos(patience);
        }
        boolean late = isNumberLate(); // before we look whether it has come
        news.tellAll(step);
        if (closed) {
            return ErrorCode.OK;
        }
        if (late && !connected && !news.isInterrupted()) {
            failure = new IllegalStateException("the server gave no number in time");
            peer.abort();
        }
        if (result == ErrorCode.OK) {
            result = peer.poll(); // the end is seen once all messages are taken
        }
        if (peer.getReadyState() == WebSocketPeer.State.CLOSED
                && peer.getAvailablePacketCount() == 0) {
            end();
            news.tellAll(() -> false);
        }
        return result;
    }

    private boolean isNumberLate() {
        return numberAwaited && !connected && System.nanoTime() - numberDeadline > 0;
    }

    /** Looks at the next message; false if there is none, or no room for it. */
    private boolean step() {
        if (closed) {
            return false;
        }
        if (server.refused) {
            server.discard();
        }
        Message message = inbox.hasRoom(server) ? peer.takeMessage() : null;
        if (message == null) {
            return false;
        }
        try {
            wire.read(message.bytes(), id != 0, this);
        } catch (IllegalArgumentException e) {
            failure = e;
            server.refused = true;
            peer.close(1002, e.getMessage());
            news.addRefused(SERVER, e.getMessage());
        }
        return true;
    }

    @Override
    public void packet(int from, byte[] payload) {
        inbox.add(server, from, payload);
        news.add(Kind.PACKET, from);
    }

    @Override
    public void number(int given) {
        if (given <= SERVER || id != 0) {
            throw new IllegalArgumentException("no number for a client, or a second one: " + given);
        }
        id = given;
    }

    @Override
    public void came(int other) {
        if (id == 0 || other <= 0 || other == id) {
            throw new IllegalArgumentException("peer " + other + " cannot be announced here");
        }
        if (announced.size() >= MOST_ANNOUNCED) {
            throw new IllegalArgumentException("more peers than " + MOST_ANNOUNCED);
        }
        if (!announced.add(other)) {
            return;
        }
        if (other == SERVER) {
            connected = true;
            news.add(Kind.SUCCEEDED, SERVER);
        }
        news.add(Kind.PEER_CONNECTED, other);
    }

    @Override
    public void gone(int other) {
        if (announced.remove(other)) {
            news.add(Kind.PEER_DISCONNECTED, other);
        }
    }

    /** The connection to the server is over. */
    private void end() {
        closed = true;
        for (int other : List.copyOf(announced)) {
            gone(other);
        }
        news.add(connected ? Kind.SERVER_DISCONNECTED : Kind.FAILED, SERVER);
        lost.lost(
                failure != null || peer.getStatus() == Peer.Status.ERROR,
                failure != null ? Optional.of(failure) : peer.getFailure());
    }

    // ---- sending ----

    /** Everything goes to the server, so without it nobody is there. */
    @Override
    public ErrorCode send(int target, byte[] packet) {
        ErrorCode result = peer.send(Message.binary(wire.packet(id, target, packet)));
        return result == ErrorCode.FAILED ? wire.absent() : result;
    }

    // ---- waiting and the end ----

    @Override
    public boolean awaitActivity(Duration timeout) {
        if (peer.getAvailablePacketCount() > 0 && inbox.hasRoom(server)) {
            return true;
        }
        if (!numberAwaited || connected) {
            return peer.awaitActivity(timeout);
        }
        Duration left = Duration.ofNanos(numberDeadline - System.nanoTime() + 1);
        return peer.awaitActivity(left.compareTo(timeout) < 0 ? left : timeout) || isNumberLate();
    }

    private static long nanos(Duration time) {
        return (time.compareTo(CENTURY) < 0 ? time : CENTURY).toNanos();
    }

    @Override
    public void wakeup() {
        peer.wakeup();
    }

    @Override
    public void close() {
        closed = true;
        announced.clear();
        peer.close();
    }
}
