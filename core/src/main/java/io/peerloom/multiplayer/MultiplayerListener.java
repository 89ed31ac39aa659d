package io.peerloom.multiplayer;

/**
 * The events that a {@link WebSocketMultiplayerPeer} and a {@link SceneMultiplayer} have in common.
 * All of them come from {@code poll}, on its thread. Each is told once, also when a method throws:
 * {@code poll} throws that on, and the next one tells the rest.
 *
 * <p>A method may call everything but {@code poll}.
 */
public interface MultiplayerListener {

    /**
     * A peer has come. Godot: {@code peer_connected}.
     *
     * @param id its number; 1 for the server
     */
    default void peerConnected(int id) {}

    /**
     * A peer has gone. Comes exactly once for each {@link #peerConnected}, unless {@code close}
     * came first. Packets of it that wait can still be taken. Godot: {@code peer_disconnected}.
     *
     * @param id its number
     */
    default void peerDisconnected(int id) {}

    /**
     * This client has its number, and can send. {@link #peerConnected} for the server comes right
     * after it. Godot: {@code connection_succeeded}, {@code connected_to_server}.
     */
    default void connectionSucceeded() {}

    /**
     * This client could not connect, or got no number; {@link WebSocketMultiplayerPeer#getFailure}
     * has the cause. Godot: {@code connection_failed}.
     */
    default void connectionFailed() {}

    /** The connection to the server is over. Godot: {@code server_disconnected}. */
    default void serverDisconnected() {}

    /**
     * A packet was dropped, or its sender was closed for it. Not Godot's, which prints it.
     *
     * @param id who sent it
     * @param reason what is wrong with it
     */
    default void packetRefused(int id, String reason) {}
}
