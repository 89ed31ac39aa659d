package io.peerloom.multiplayer;

import java.util.ArrayDeque;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events that a listener has not been told yet, and the rules of telling: in order, each once,
 * and no further one in a poll in which the listener has thrown. The polling thread's.
 */
final class News {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketMultiplayerPeer.class);

    /** What can happen, each with its method of the listener. */
    enum Kind {
        PEER_CONNECTED,
        PEER_DISCONNECTED,
        SUCCEEDED,
        FAILED,
        PACKET,
        SERVER_DISCONNECTED,
        REFUSED
    }

    private record Event(Kind kind, int id, String reason) {}

    private final ArrayDeque<Event> events = new ArrayDeque<>();
    private WebSocketMultiplayerPeer.Listener listener = new WebSocketMultiplayerPeer.Listener() {};

    /** What the listener has thrown in this poll. */
    private Throwable thrown;

    private boolean polling;

    void setListener(WebSocketMultiplayerPeer.Listener listener) {
        this.listener = Objects.requireNonNull(listener, "listener");
    }

    void add(Kind kind, int id) {
        events.add(new Event(kind, id, ""));
    }

    /** Adds that a packet was dropped. */
    void addRefused(int id, String reason) {
        events.add(new Event(Kind.REFUSED, id, reason));
    }

    /** Outside of a poll this is so only after the listener has thrown. */
    boolean isEmpty() {
        return events.isEmpty();
    }

    void clear() {
        events.clear();
    }

    /** Drops what is about packets that can no longer be taken; the ends of connections stay. */
    void forgetPackets() {
        events.removeIf(event -> event.kind == Kind.PACKET);
    }

    /** Whether the listener has thrown in this poll. */
    boolean isInterrupted() {
        return thrown != null;
    }

    // ---- a poll ----

    /**
     * Begins a poll.
     *
     * @throws IllegalStateException if the last one has not ended
     */
    void begin() {
        if (polling) {
            throw new IllegalStateException(
                    "poll() was called by a callback of the same peer's poll()");
        }
        polling = true;
    }

    /**
     * Tells everything, and has somebody look for more whenever there is no event left, until there
     * is nothing, or the listener has thrown.
     *
     * @param more looks at one more thing that happened, and says whether there was one
     */
    void tellAll(BooleanSupplier more) {
        while (thrown == null) {
            Event event = events.poll(); // gone before it is told: never told twice
            if (event == null) {
                if (!more.getAsBoolean()) {
                    return;
                }
            } else {
                try {
                    tell(event);
                } catch (Throwable e) {
                    LOG.warn("a callback for peer {} failed: {}", event.id, e.toString());
                    thrown = e;
                }
            }
        }
    }

    private void tell(Event event) {
        switch (event.kind) {
            case PEER_CONNECTED -> listener.peerConnected(event.id);
            case PEER_DISCONNECTED -> listener.peerDisconnected(event.id);
            case SUCCEEDED -> listener.connectionSucceeded();
            case FAILED -> listener.connectionFailed();
            case PACKET -> listener.peerPacket(event.id);
            case SERVER_DISCONNECTED -> listener.serverDisconnected();
            case REFUSED -> listener.packetRefused(event.id, event.reason);
        }
    }

    /** Throws what the listener has thrown in this poll, whatever that is. */
    void rethrow() {
        if (thrown != null) {
            throw News.<RuntimeException>asIs(thrown);
        }
    }

    /** Ends a poll. */
    void end() {
        thrown = null;
        polling = false;
    }

    /** Listeners in other languages may throw what Java wants declared. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> T asIs(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
