package io.peerloom.multiplayer;

import io.peerloom.Limits;
import io.peerloom.websocket.WebSocketPeer;
import java.util.ArrayDeque;

/**
 * The packets that have arrived and were not taken, bounded for each connection that they came by.
 * The polling thread's.
 */
final class Inbox {

    /** The other end of a connection. */
    static final class Source {
        final int id;
        final WebSocketPeer peer;

        /** It is in the list of what the next step looks at. */
        boolean due;

        /** Of a server's client: it has joined the group. */
        boolean joined;

        /** Its connection is over, and all that came by it has been read from the socket. */
        boolean over;

        /** It broke the rules: nothing more is taken from it. */
        boolean refused;

        private int waiting;
        private long waitingBytes;

        /** It has left: what waits of it counts as {@link Inbox#orphans}. */
        private boolean left;

        Source(int id, WebSocketPeer peer) {
            this.id = id;
            this.peer = peer;
        }

        /** Drops all that has come by it. */
        void discard() {
            while (peer.takeMessage() != null) {
                // gone
            }
        }
    }

    private static final class Packet {
        final Source source;
        final int from;
        final byte[] payload;

        Packet(Source source, int from, byte[] payload) {
            this.source = source;
            this.from = from;
            this.payload = payload;
        }
    }

    private final int maxPackets;
    private final long maxBytes;
    private final ArrayDeque<Packet> packets = new ArrayDeque<>();

    /** What waits of clients that have left. */
    private int orphans;

    private long orphanBytes;

    Inbox(Limits limits) {
        maxPackets = limits.inboundMessages();
        maxBytes = limits.inboundBytes();
    }

    int size() {
        return packets.size();
    }

    /** Who sent the packet that is taken next; 1 if there is none. */
    int from() {
        return packets.isEmpty()
                ? WebSocketMultiplayerPeer.TARGET_PEER_SERVER
                : packets.peek().from;
    }

    boolean hasRoom(Source source) {
        return source.waiting < maxPackets && source.waitingBytes < maxBytes;
    }

    /** Whether those who came and went have left so much that nobody else is let in. */
    boolean isFullOfOrphans() {
        return orphans >= maxPackets || orphanBytes >= maxBytes;
    }

    /** Keeps a packet, also where there is no room. */
    void add(Source source, int from, byte[] payload) {
        packets.add(new Packet(source, from, payload));
        source.waiting++;
        source.waitingBytes += payload.length;
    }

    /** What waits of a client that has left stays, on the common account. */
    void left(Source source) {
        source.left = true;
        orphans += source.waiting;
        orphanBytes += source.waitingBytes;
    }

    byte[] take() {
        Packet packet = packets.remove();
        Source source = packet.source;
        source.waiting--;
        source.waitingBytes -= packet.payload.length;
        if (source.left) {
            orphans--;
            orphanBytes -= packet.payload.length;
        }
        return packet.payload;
    }
}
