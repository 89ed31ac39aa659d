package io.peerloom.internal.protocol;

/**
 * Where a WebSocket connection stands. It moves only by {@link #after}:
 *
 * <table>
 * <caption>The state after an event; a dash where the event cannot happen</caption>
 * <tr><th>state</th><th>{@link Event#OPENED}</th><th>{@link Event#SEND_CLOSE}</th>
 *     <th>{@link Event#RECEIVE_CLOSE}</th><th>{@link Event#DISCONNECTED}</th></tr>
 * <tr><td>CONNECTING</td><td>OPEN</td><td>-</td><td>-</td><td>CLOSED</td></tr>
 * <tr><td>OPEN</td><td>-</td><td>CLOSE_SENT</td><td>CLOSE_RECEIVED</td><td>CLOSED</td></tr>
 * <tr><td>CLOSE_SENT</td><td>-</td><td>-</td><td>CLOSED</td><td>CLOSED</td></tr>
 * <tr><td>CLOSE_RECEIVED</td><td>-</td><td>CLOSED</td><td>-</td><td>CLOSED</td></tr>
 * <tr><td>CLOSED</td><td>-</td><td>-</td><td>-</td><td>CLOSED</td></tr>
 * </table>
 */
public enum ConnectionState {
    /** The opening handshake is under way. */
    CONNECTING,
    /** Messages go both ways. */
    OPEN,
    /** Our close frame is out: nothing more of ours follows, the other side may still send. */
    CLOSE_SENT,
    /** The other side's close frame is in: nothing more of its follows, ours is due. */
    CLOSE_RECEIVED,
    /** Both close frames passed, or the transport is gone. */
    CLOSED;

    /** What moves a connection. */
    public enum Event {
        /** The opening handshake succeeded. */
        OPENED,
        /** Our close frame goes out. */
        SEND_CLOSE,
        /** The other side's close frame came in. */
        RECEIVE_CLOSE,
        /** The transport ended, or the handshake failed. May be told again. */
        DISCONNECTED
    }

    /**
     * The state that an event leads to.
     *
     * @param event what happened
     * @return the next state
     * @throws IllegalStateException if that cannot happen in this state
     */
    public ConnectionState after(Event event) {
        ConnectionState next =
                switch (event) {
                    case OPENED -> this == CONNECTING ? OPEN : null;
                    case SEND_CLOSE ->
                            this == OPEN ? CLOSE_SENT : this == CLOSE_RECEIVED ? CLOSED : null;
                    case RECEIVE_CLOSE ->
                            this == OPEN ? CLOSE_RECEIVED : this == CLOSE_SENT ? CLOSED : null;
                    case DISCONNECTED -> CLOSED;
                };
        if (next == null) {
            throw new IllegalStateException(event + " in state " + this);
        }
        return next;
    }

    /**
     * Whether frames of ours may still go out: the connection was opened and our close frame has
     * not been sent.
     *
     * @return true in {@link #OPEN} and {@link #CLOSE_RECEIVED}
     */
    public boolean canSend() {
        return this == OPEN || this == CLOSE_RECEIVED;
    }

    /**
     * Whether frames of the other side may still come in.
     *
     * @return true in {@link #OPEN} and {@link #CLOSE_SENT}
     */
    public boolean canReceive() {
        return this == OPEN || this == CLOSE_SENT;
    }
}
