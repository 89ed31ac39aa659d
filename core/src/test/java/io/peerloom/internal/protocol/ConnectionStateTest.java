package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.ConnectionState.CLOSED;
import static io.peerloom.internal.protocol.ConnectionState.CLOSE_RECEIVED;
import static io.peerloom.internal.protocol.ConnectionState.CLOSE_SENT;
import static io.peerloom.internal.protocol.ConnectionState.CONNECTING;
import static io.peerloom.internal.protocol.ConnectionState.OPEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.peerloom.internal.protocol.ConnectionState.Event;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Walks the table of the state machine, the entries that are not there too. */
class ConnectionStateTest {
    private static final Map<ConnectionState, Map<Event, ConnectionState>> TABLE =
            Map.of(
                    CONNECTING,
                    Map.of(Event.OPENED, OPEN, Event.DISCONNECTED, CLOSED),
                    OPEN,
                    Map.of(
                            Event.SEND_CLOSE, CLOSE_SENT,
                            Event.RECEIVE_CLOSE, CLOSE_RECEIVED,
                            Event.DISCONNECTED, CLOSED),
                    CLOSE_SENT,
                    Map.of(Event.RECEIVE_CLOSE, CLOSED, Event.DISCONNECTED, CLOSED),
                    CLOSE_RECEIVED,
                    Map.of(Event.SEND_CLOSE, CLOSED, Event.DISCONNECTED, CLOSED),
                    CLOSED,
                    Map.of(Event.DISCONNECTED, CLOSED));

    @Test
    void everyStateAndEvent() {
        for (ConnectionState state : ConnectionState.values()) {
            for (Event event : Event.values()) {
                ConnectionState next = TABLE.get(state).get(event);
                if (next != null) {
                    assertThat(state.after(event)).as("%s, %s", state, event).isEqualTo(next);
                } else {
                    assertThatIllegalStateException()
                            .isThrownBy(() -> state.after(event))
                            .withMessage(event + " in state " + state);
                }
            }
        }
    }

    @Test
    void whatMayStillPass() {
        Set<ConnectionState> senders = EnumSet.of(OPEN, CLOSE_RECEIVED);
        Set<ConnectionState> receivers = EnumSet.of(OPEN, CLOSE_SENT);
        for (ConnectionState state : ConnectionState.values()) {
            assertThat(state.canSend()).as("%s", state).isEqualTo(senders.contains(state));
            assertThat(state.canReceive()).as("%s", state).isEqualTo(receivers.contains(state));
        }
    }
}
