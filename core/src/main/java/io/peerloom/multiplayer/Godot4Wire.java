package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.List;

/**
 * The wire of Godot 4's {@code WebSocketMultiplayerPeer}: the server's first message is the
 * client's number, and every other message is a payload as it is.
 */
final class Godot4Wire implements Wire {

    private static final int SERVER = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    @Override
    public ErrorCode absent() {
        return ErrorCode.INVALID_PARAMETER;
    }

    @Override
    public ErrorCode toItself() {
        return ErrorCode.INVALID_PARAMETER;
    }

    @Override
    public List<byte[]> welcome(int id, Collection<Integer> others) {
        return List.of(
                ByteBuffer.allocate(Integer.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(id)
                        .array());
    }

    @Override
    public byte[] came(int id) {
        return null;
    }

    @Override
    public byte[] gone(int id) {
        return null;
    }

    @Override
    public byte[] packet(int from, int to, byte[] payload) {
        return payload.clone();
    }

    @Override
    public int target(byte[] message, int sender) {
        return SERVER;
    }

    @Override
    public byte[] payload(byte[] message) {
        return message;
    }

    @Override
    public void read(byte[] message, boolean numbered, Reader reader) {
        if (numbered) {
            reader.packet(SERVER, message);
            return;
        }
        if (message.length != Integer.BYTES) {
            throw new IllegalArgumentException("a number of four bytes has to come first");
        }
        reader.number(ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).getInt());
        reader.came(SERVER);
    }
}
