package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * The server's share of Godot 4's {@code SceneMultiplayer} over a {@link WebSocketMultiplayerPeer}:
 * it announces the clients to each other, relays what one sends to another, and exchanges raw bytes
 * ({@code send_bytes}, {@code peer_packet}). Scenes are not replicated, and nobody is asked to
 * authenticate.
 *
 * <p><b>The packets</b>, seen with Godot 4.6.3; numbers are little-endian, ids have four bytes:
 *
 * <table>
 * <caption>what a payload of the multiplayer peer holds</caption>
 * <tr><th>bytes</th><th>meaning</th><th>how it was seen</th></tr>
 * <tr><td>3, bytes</td><td>raw bytes</td><td>{@code send_bytes} of an engine's client and host gave
 *     03 686579 for "hey"; the same sent to a host gave {@code peer_packet}</td></tr>
 * <tr><td>7, 1, id</td><td>server: a peer has come</td><td>a host sent it to each of two Java
 *     clients about the other</td></tr>
 * <tr><td>7, 2, id</td><td>server: a peer has gone</td><td>a host sent it when one of them left
 *     </td></tr>
 * <tr><td>7, 3, target, packet</td><td>client: relay this; a target is 0 for all, an id for one, a
 *     negative id for all but that one</td><td>sent to a host with each of the three; 0 and the
 *     negative one also reached the host itself</td></tr>
 * <tr><td>7, 3, source, packet</td><td>server: relayed</td><td>what the other Java client got then
 *     </td></tr>
 * </table>
 *
 * <p>The first byte of all others (calls, paths, spawning and synchronizing of nodes) is 0 to 6 and
 * has flags above (a call of an engine's client was seen as 20 hexadecimal: type 0); they go to
 * {@link Listener#other} as they are. A relayed packet that is again of type 7, or is empty, is
 * dropped, and so is whatever has the form of none of these; {@link Listener#packetRefused} tells.
 *
 * <p>Threads: as the peer, which belongs to this object: poll this one, and leave the peer's
 * packets, target and listener alone.
 */
public final class SceneMultiplayer {

    private static final int RAW = 3;
    private static final int SYSTEM = 7;
    private static final int ADD = 1;
    private static final int DEL = 2;
    private static final int RELAY = 3;

    /** Type, kind, id. */
    private static final int HEADER = 6;

    /** The low bits of the first byte are the type, the others flags of it. */
    private static final int TYPE_MASK = 7;

    /** The events, all from {@link #poll}; those of the peer among them. */
    public interface Listener extends WebSocketMultiplayerPeer.Listener {
        /**
         * Raw bytes have arrived. Godot: {@code peer_packet}.
         *
         * @param from who sent them
         * @param bytes what was sent
         */
        default void peerPacket(int from, byte[] bytes) {}

        /**
         * A packet of another type has arrived, such as a call.
         *
         * @param from who sent it
         * @param packet all of it
         */
        default void other(int from, byte[] packet) {}
    }

    private final WebSocketMultiplayerPeer peer;
    private final Listener listener;

    /**
     * Takes over a peer.
     *
     * @param peer of Godot 4's generation, that is or becomes a server
     * @param listener who hears of the events
     * @throws IllegalArgumentException if the peer speaks Godot 3's wire
     */
    public SceneMultiplayer(WebSocketMultiplayerPeer peer, Listener listener) {
        if (peer.getGeneration() != WebSocketMultiplayerPeer.Generation.GODOT4) {
            throw new IllegalArgumentException("there is no SceneMultiplayer in Godot 3");
        }
        this.peer = peer;
        this.listener = Objects.requireNonNull(listener, "listener");
        peer.setListener(
                new WebSocketMultiplayerPeer.Listener() {
                    @Override
                    public void peerConnected(int id) {
                        announce(id);
                        listener.peerConnected(id);
                    }

                    @Override
                    public void peerDisconnected(int id) {
                        read(); // what it sent goes before the news that it has gone
                        byte[] news = system(DEL, id, new byte[0]);
                        for (int other : peer.getPeerIds()) {
                            tell(other, news);
                        }
                        listener.peerDisconnected(id);
                    }

                    @Override
                    public void packetRefused(int id, String reason) {
                        listener.packetRefused(id, reason);
                    }
                });
    }

    /**
     * Polls the peer, announces, relays, and calls the listener.
     *
     * @return as {@link WebSocketMultiplayerPeer#poll}
     */
    public ErrorCode poll() {
        ErrorCode result = peer.poll();
        read();
        return result;
    }

    /**
     * Sends raw bytes. Godot: {@code send_bytes}.
     *
     * @param bytes what to send
     * @param target as for {@link WebSocketMultiplayerPeer#setTargetPeer}
     * @return as {@link WebSocketMultiplayerPeer#putPacket}
     */
    public ErrorCode sendBytes(byte[] bytes, int target) {
        byte[] packet = new byte[1 + bytes.length];
        packet[0] = RAW;
        System.arraycopy(bytes, 0, packet, 1, bytes.length);
        return put(target, packet);
    }

    private ErrorCode put(int target, byte[] packet) {
        peer.setTargetPeer(target);
        return peer.putPacket(packet);
    }

    private static byte[] system(int kind, int id, byte[] packet) {
        return ByteBuffer.allocate(HEADER + packet.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) SYSTEM)
                .put((byte) kind)
                .putInt(id)
                .put(packet)
                .array();
    }

    /** Who misses the news of the group cannot go on. */
    private void announce(int id) {
        byte[] news = system(ADD, id, new byte[0]);
        for (int other : peer.getPeerIds()) {
            if (other != id) {
                tell(other, news);
                tell(id, system(ADD, other, new byte[0]));
            }
        }
    }

    private void tell(int id, byte[] news) {
        if (put(id, news) == ErrorCode.OUT_OF_MEMORY) {
            peer.getPeer(id).close(1013, "too slow for the news of this group");
        }
    }

    private void read() {
        while (peer.getAvailablePacketCount() > 0) {
            int from = peer.getPacketPeer();
            byte[] packet = peer.getPacket();
            if (packet.length > 0 && (packet[0] & TYPE_MASK) == SYSTEM) {
                relay(from, packet);
            } else {
                deliver(from, packet);
            }
        }
    }

    private void deliver(int from, byte[] packet) {
        if (packet.length == 0) {
            listener.packetRefused(from, "an empty packet");
        } else if (packet[0] == RAW) {
            listener.peerPacket(from, Arrays.copyOfRange(packet, 1, packet.length));
        } else {
            listener.other(from, packet);
        }
    }

    private void relay(int from, byte[] packet) {
        if (packet.length <= HEADER
                || packet[1] != RELAY
                || (packet[HEADER] & TYPE_MASK) == SYSTEM) {
            listener.packetRefused(from, "a system packet that is none to relay");
            return;
        }
        int target = ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN).getInt(2);
        byte[] inner = Arrays.copyOfRange(packet, HEADER, packet.length);
        boolean one = target > 0;
        if (one && target != 1 && !peer.getPeerIds().contains(target)) {
            listener.packetRefused(from, "there is no peer " + target);
            return;
        }
        byte[] relayed = system(RELAY, from, inner);
        ErrorCode result = ErrorCode.OK;
        if (one) {
            result = target == 1 ? ErrorCode.OK : put(target, relayed);
        } else {
            for (int other : peer.getPeerIds()) {
                if (other != from && other != -target && put(other, relayed) != ErrorCode.OK) {
                    result = ErrorCode.OUT_OF_MEMORY;
                }
            }
        }
        if (result != ErrorCode.OK) {
            listener.packetRefused(from, "a receiver's queue is full; target " + target);
        }
        if (target <= 1 && target != -1) {
            deliver(from, inner);
        }
    }
}
