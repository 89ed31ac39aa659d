package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.ConnectionStatus;
import io.peerloom.websocket.WebSocketPeer;
import java.time.Duration;
import java.util.Set;

/**
 * What a {@link WebSocketMultiplayerPeer} is from its creation as a server or client to the end of
 * that. The polling thread's, but for {@link #wakeup}.
 */
sealed interface Membership permits GroupServer, GroupClient {

    /** Its own number, 0 as long as it has none. */
    int id();

    ConnectionStatus status();

    /** The numbers of all peers that are known, a view. */
    Set<Integer> ids();

    /** The connection to a peer, or null. */
    WebSocketPeer peer(int id);

    /** Looks at what happened, and tells it. */
    ErrorCode poll();

    /** Sends a packet. The status is CONNECTED. */
    ErrorCode send(int target, byte[] packet);

    /** Waits for what the next poll would see. */
    boolean awaitActivity(Duration timeout);

    /** Ends that wait, or the next one. Any thread. */
    void wakeup();

    /** Ends all connections. It tells nothing from now on. */
    void close();
}
