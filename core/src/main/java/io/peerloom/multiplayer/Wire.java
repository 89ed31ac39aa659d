package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import java.util.Collection;
import java.util.List;

/**
 * How one generation of Godot writes the messages of a group: bytes in and bytes out, no state. The
 * tables are in this package's description. Reading throws {@link IllegalArgumentException}, with a
 * sentence that names the fault, for a message that breaks the rules of the wire.
 */
sealed interface Wire permits Godot3Wire, Godot4Wire {

    /** What a client reads in a message of its server. */
    interface Reader {
        /** A packet has arrived. */
        void packet(int from, byte[] payload);

        /** The server gives this client its number. */
        void number(int id);

        /** A peer has come. */
        void came(int id);

        /** A peer has gone. */
        void gone(int id);
    }

    static Wire of(Generation generation) {
        return switch (generation) {
            case GODOT3 -> new Godot3Wire();
            case GODOT4 -> new Godot4Wire();
        };
    }

    /** The answer to sending to a peer that is not there. */
    ErrorCode absent();

    /** The answer to a server that sends to itself. */
    ErrorCode toItself();

    /** What a server sends first to a client that joins, in this order. */
    List<byte[]> welcome(int id, Collection<Integer> others);

    /** What a server then sends to the others; null for nothing. */
    byte[] came(int id);

    /** What a server sends to the others when a client has left; null for nothing. */
    byte[] gone(int id);

    /** Composes the message that carries a packet. */
    byte[] packet(int from, int to, byte[] payload);

    /**
     * A server reads the head of a client's message.
     *
     * @return whom the packet is for: 0 for all, an id for one, a negative id for all but that one
     */
    int target(byte[] message, int sender);

    /** The payload of a message whose head was read. */
    byte[] payload(byte[] message);

    /**
     * A client reads a message of its server.
     *
     * @param numbered whether the client has its number
     */
    void read(byte[] message, boolean numbered, Reader reader);
}
