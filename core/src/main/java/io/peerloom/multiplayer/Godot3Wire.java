package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * The wire of Godot 3 ({@code gd_mp_api}): every message has a header of nine bytes, its type, the
 * sender and the target. Numbers are little-endian.
 */
final class Godot3Wire implements Wire {

    /** A packet of one peer for others. */
    static final int DATA = 0;

    /** A peer has come; its id follows. */
    static final int ADD = 1;

    /** A peer has gone; its id follows. */
    static final int DEL = 2;

    /** The receiver's own id follows. */
    static final int ID = 3;

    /** Type, sender and target. */
    private static final int HEADER = 9;

    private static final int FROM = 1;
    private static final int TO = 5;

    private static final int SERVER = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    @Override
    public ErrorCode absent() {
        return ErrorCode.FAILED;
    }

    /** Godot 3 takes such a packet, and nobody gets it. */
    @Override
    public ErrorCode toItself() {
        return ErrorCode.OK;
    }

    @Override
    public List<byte[]> welcome(int id, Collection<Integer> others) {
        var messages = new ArrayList<byte[]>(2 + others.size());
        messages.add(about(ID, id));
        messages.add(about(ADD, SERVER));
        for (int other : others) {
            messages.add(about(ADD, other));
        }
        return messages;
    }

    @Override
    public byte[] came(int id) {
        return about(ADD, id);
    }

    @Override
    public byte[] gone(int id) {
        return about(DEL, id);
    }

    /** A server's message about a peer. */
    static byte[] about(int type, int id) {
        return header(type, SERVER, 0, Integer.BYTES).putInt(id).array();
    }

    @Override
    public byte[] packet(int from, int to, byte[] payload) {
        return header(DATA, from, to, payload.length).put(payload).array();
    }

    private static ByteBuffer header(int type, int from, int to, int length) {
        return ByteBuffer.allocate(Math.addExact(HEADER, length))
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) type)
                .putInt(from)
                .putInt(to);
    }

    @Override
    public int target(byte[] message, int sender) {
        ByteBuffer header = parse(message);
        if (header.get(0) != DATA) {
            throw new IllegalArgumentException("packets of that type are the server's");
        }
        if (header.getInt(FROM) != sender) {
            throw new IllegalArgumentException("a packet in the name of another peer");
        }
        return header.getInt(TO);
    }

    @Override
    public byte[] payload(byte[] message) {
        return Arrays.copyOfRange(message, HEADER, message.length);
    }

    @Override
    public void read(byte[] message, boolean numbered, Reader reader) {
        ByteBuffer header = parse(message);
        switch (header.get(0)) {
            case DATA -> reader.packet(header.getInt(FROM), payload(message));
            case ID -> reader.number(header.getInt(HEADER));
            case ADD -> reader.came(header.getInt(HEADER));
            default -> reader.gone(header.getInt(HEADER));
        }
    }

    /** Checks that there is a whole header of a known type, and a peer where it is about one. */
    private static ByteBuffer parse(byte[] message) {
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
        return header;
    }
}
