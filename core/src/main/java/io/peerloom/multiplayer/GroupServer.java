package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.Inbox.Source;
import io.peerloom.multiplayer.News.Kind;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.ConnectionStatus;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * A group's server: takes its clients in, hands on what is for others, and keeps what is for the
 * server itself.
 *
 * <p>A connection that has something new is put into a list, which {@link #step} works off one
 * message at a time: in a callback of the {@link WebSocketServer}, so that what the listener
 * answers goes out before the answer to a close frame; or in the next poll, if the listener has
 * thrown.
 */
final class GroupServer implements Membership, WebSocketServer.Listener {

    private static final int SERVER = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    private final Wire wire;
    private final WebSocketServer server;
    private final Inbox inbox;
    private final News news;

    /** The connections of clients, from when they are open to when they are over. */
    private final Map<Integer, Source> connections = new HashMap<>();

    /** The clients that have joined the group. */
    private final Map<Integer, Source> clients = new LinkedHashMap<>();

    private final Set<Integer> ids = Collections.unmodifiableSet(clients.keySet());

    /** Connections to look at. Empty outside of a poll, unless the listener has thrown. */
    private final ArrayDeque<Source> due = new ArrayDeque<>();

    /** Connections with messages for which the inbox has no room. */
    private final Set<Source> full = new LinkedHashSet<>();

    private final BooleanSupplier step = this::step;

    private boolean closed;

    /** Takes over a server that is about to listen. */
    GroupServer(Wire wire, WebSocketServer server, Inbox inbox, News news) {
        this.wire = wire;
        this.server = server;
        this.inbox = inbox;
        this.news = news;
        server.setListener(this);
    }

    @Override
    public int id() {
        return SERVER;
    }

    @Override
    public ConnectionStatus status() {
        return ConnectionStatus.CONNECTED;
    }

    @Override
    public Set<Integer> ids() {
        return ids;
    }

    @Override
    public WebSocketPeer peer(int id) {
        Source client = clients.get(id);
        return client == null ? null : client.peer;
    }

    int localPort() {
        return server.getLocalPort();
    }

    // ---- what happens ----

    @Override
    public ErrorCode poll() {
        if (!full.isEmpty()) {
            full.forEach(this::lookAt);
            full.clear();
        }
        news.tellAll(step);
        if (!closed) {
            server.poll();
        }
        return ErrorCode.OK;
    }

    @Override
    public void clientConnected(int id, String protocol) {
        if (!closed) {
            var client = new Source(id, server.getPeer(id));
            connections.put(id, client);
            lookAt(client);
            news.tellAll(step);
        }
    }

    @Override
    public void dataReceived(int id) {
        if (!closed) {
            lookAt(connections.get(id));
            news.tellAll(step);
        }
    }

    @Override
    public void clientDisconnected(int id, boolean wasCleanClose) {
        if (!closed) {
            Source client = connections.remove(id);
            client.over = true;
            full.remove(client);
            lookAt(client);
            news.tellAll(step);
        }
    }

    private void lookAt(Source client) {
        if (!client.due) {
            client.due = true;
            due.add(client);
        }
    }

    /** Looks at the next thing of the connection that waits longest; false if there is none. */
    private boolean step() {
        Source client = due.peek();
        if (client == null) {
            return false;
        }
        if (!client.joined) {
            join(client);
            return true;
        }
        if (client.refused) {
            client.discard();
        } else if (client.over || inbox.hasRoom(client)) { // the last ones are bounded by its queue
            Message message = client.peer.takeMessage();
            if (message != null) {
                read(client, message.bytes());
                return true;
            }
        }
        due.remove();
        client.due = false;
        if (client.peer.getAvailablePacketCount() > 0) {
            full.add(client);
        } else if (client.over) {
            leave(client);
        }
        return true;
    }

    private void join(Source client) {
        for (byte[] message : wire.welcome(client.id, clients.keySet())) {
            announce(client, message);
        }
        announce(wire.came(client.id));
        client.joined = true;
        clients.put(client.id, client);
        news.add(Kind.PEER_CONNECTED, client.id);
    }

    private void leave(Source client) {
        clients.remove(client.id);
        inbox.left(client);
        announce(wire.gone(client.id));
        news.add(Kind.PEER_DISCONNECTED, client.id);
    }

    private void announce(byte[] message) {
        if (message != null) {
            for (Source client : clients.values()) {
                announce(client, message);
            }
        }
    }

    private static void announce(Source client, byte[] message) {
        if (client.peer.send(Message.binary(message)) == ErrorCode.OUT_OF_MEMORY) {
            closeTooSlow(client.peer);
        }
    }

    /**
     * Closes a client that has missed a message about the group, since it cannot go on without. The
     * code is one that Godot knows: it takes 1012 to 1014 for a breach of the protocol.
     */
    static void closeTooSlow(WebSocketPeer client) {
        client.close(1008, "too slow for the news of this group");
    }

    private void read(Source client, byte[] message) {
        int target;
        try {
            target = wire.target(message, client.id);
        } catch (IllegalArgumentException e) {
            client.refused = true;
            client.peer.close(1002, e.getMessage());
            news.addRefused(client.id, e.getMessage());
            return;
        }
        if (target != SERVER) {
            relay(client, message, target);
        }
        if (target == SERVER || (target <= 0 && target != -SERVER)) {
            inbox.add(client, client.id, wire.payload(message));
            news.add(Kind.PACKET, client.id);
        }
    }

    private void relay(Source client, byte[] message, int target) {
        switch (send(client.id, target, message)) {
            case OK -> {}
            case OUT_OF_MEMORY ->
                    news.addRefused(client.id, "a receiver's queue is full; target " + target);
            default -> news.addRefused(client.id, "there is no peer " + target);
        }
    }

    // ---- sending ----

    @Override
    public ErrorCode send(int target, byte[] packet) {
        return target == SERVER
                ? wire.toItself()
                : send(SERVER, target, wire.packet(SERVER, target, packet));
    }

    /** Sends to clients; never waits. Of several, those whose connection closes do not count. */
    private ErrorCode send(int from, int target, byte[] message) {
        if (target > 0) {
            Source client = clients.get(target);
            ErrorCode result =
                    client == null ? ErrorCode.FAILED : client.peer.send(Message.binary(message));
            return result == ErrorCode.FAILED ? wire.absent() : result;
        }
        Map<Integer, ErrorCode> missed =
                server.broadcast(
                        Message.binary(message),
                        id -> id != from && id != -target && clients.containsKey(id));
        return missed.containsValue(ErrorCode.OUT_OF_MEMORY)
                ? ErrorCode.OUT_OF_MEMORY
                : ErrorCode.OK;
    }

    // ---- waiting and the end ----

    @Override
    public boolean awaitActivity(Duration timeout) {
        return !due.isEmpty()
                || (!full.isEmpty() && full.stream().anyMatch(inbox::hasRoom))
                || server.awaitActivity(timeout);
    }

    @Override
    public void wakeup() {
        server.wakeup();
    }

    @Override
    public void close() {
        closed = true;
        due.clear();
        full.clear();
        clients.clear();
        server.stop();
    }
}
