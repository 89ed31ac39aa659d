package io.peerloom.websocket;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A message of Godot 3's multiplayer wire ({@code gd_mp_api}): nine bytes of header, then what it
 * carries. Numbers are little-endian. Immutable as long as nobody writes into the array; any
 * thread.
 */
final class MultiplayerPacket {

    /** What one game tells another. */
    static final int DATA = 0;

    /** A peer has come; its id follows. */
    static final int ADD = 1;

    /** A peer has gone; its id follows. */
    static final int DEL = 2;

    /** The receiver's own id follows. */
    static final int ID = 3;

    /** Type, sender and target. */
    static final int HEADER = 9;

    private final ByteBuffer message;

    /** Takes a whole message of a known type; the array is not copied. */
    private MultiplayerPacket(ByteBuffer message) {
        this.message = message;
    }

    /** Composes the message that carries a payload. */
    static byte[] data(int from, int to, byte[] payload) {
        return header(DATA, from, to, payload.length).put(payload).array();
    }

    /** Composes a server's message about a peer. */
    static byte[] about(int type, int id) {
        return header(type, 1, 0, Integer.BYTES).putInt(id).array();
    }

    private static ByteBuffer header(int type, int from, int to, int length) {
        return ByteBuffer.allocate(Math.addExact(HEADER, length))
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) type)
                .putInt(from)
                .putInt(to);
    }

    /**
     * Reads a message.
     *
     * @throws IllegalArgumentException if it has no whole header, is of no known type, or is about
     *     a peer and does not name one; the message says which
     */
    static MultiplayerPacket parse(byte[] message) {
        if (message.length < HEADER) {
            throw new IllegalArgumentException(
                    "a packet of " + message.length + " bytes has no header");
        }
        ByteBuffer header = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        int type = header.get(0);
        if (type < DATA || type > ID) {
            throw new IllegalArgumentException("no packet has type " + type);
        }
        if (type != DATA && message.length < HEADER + Integer.BYTES) {
            throw new IllegalArgumentException("a packet of type " + type + " names no peer");
        }
        return new MultiplayerPacket(header);
    }

    /** {@return one of the constants above} */
    int type() {
        return message.get(0);
    }

    /** {@return the sender's id} */
    int from() {
        return message.getInt(1);
    }

    /** {@return 0 for all, an id for one, a negative id for all but that one} */
    int to() {
        return message.getInt(5);
    }

    /** {@return the peer that it is about} Not of {@link #DATA}. */
    int subject() {
        return message.getInt(HEADER);
    }

    /** {@return a copy of what it carries} */
    byte[] payload() {
        byte[] payload = new byte[message.limit() - HEADER];
        message.get(HEADER, payload);
        return payload;
    }
}
