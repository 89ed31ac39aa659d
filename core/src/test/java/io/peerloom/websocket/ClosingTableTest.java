package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.websocket.Closing.End;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The tables of {@link Closing}: every order of up to six events, with every question asked after
 * each of them. What is expected is worked out from which events happened, and in which order.
 */
class ClosingTableTest {

    private static final int LENGTH = 6;

    private static final byte[] OURS = FrameEncoder.closePayload(1000, "ours");
    private static final byte[] ANSWER = FrameEncoder.closePayload(3000, "theirs");
    private static final byte[] SCOLD = FrameEncoder.closePayload(1002, "wrong");

    @SuppressWarnings("StaticAssignmentOfThrowable") // told apart by identity, never thrown
    private static final IOException BROKEN = new IOException("broken");

    @SuppressWarnings("StaticAssignmentOfThrowable")
    private static final IOException WHY = new IOException("why it ended");

    private enum Event {
        OPENED,
        BEGIN,
        PEER_CLOSED,
        VIOLATED,
        SENT,
        END_STREAM,
        STREAM_ENDED,
        WRITE_FAILED,
        MESSAGE_DROPPED,
        DROP,
        DISCONNECTED
    }

    /** What the events so far should have led to: sets and firsts, no states. */
    private static final class Expected {
        private final boolean client;
        private boolean opened;
        private boolean begun;
        private boolean peer;
        private boolean peerFirst;
        private boolean wrong;
        private boolean ours;
        private boolean streamDue;
        private boolean streamEnded;
        private boolean failed;
        private boolean dropped;
        private boolean over;
        private byte[] frame;

        Expected(boolean client) {
            this.client = client;
        }

        /** Whether the roles could let this happen now; else the order is not gone on with. */
        boolean allows(Event event) {
            return switch (event) {
                case OPENED -> !opened;
                // the decoder is not asked any more when nothing counts
                case PEER_CLOSED, VIOLATED -> opened && !over && !peer && !wrong;
                case SENT -> opened && !over && !ours && frame != null && !failed;
                case STREAM_ENDED -> streamDue && !streamEnded;
                case BEGIN, END_STREAM, WRITE_FAILED, MESSAGE_DROPPED, DROP, DISCONNECTED -> true;
            };
        }

        /** Whether our close frame is not out and could go out. */
        boolean canSend() {
            return opened && !over && !ours;
        }

        void happened(Event event) {
            switch (event) {
                case OPENED -> opened = !over;
                case BEGIN -> {
                    if (canSend() && !begun) {
                        begun = true;
                        frame(OURS);
                    }
                }
                case PEER_CLOSED -> {
                    peer = true;
                    peerFirst = !begun && !ours;
                    streamDue |= !client;
                    frame(ANSWER);
                }
                case VIOLATED -> {
                    wrong = true;
                    streamDue |= !client;
                    frame(SCOLD);
                }
                case SENT -> {
                    ours = true;
                    over = wrong;
                }
                case END_STREAM -> streamDue = true;
                case STREAM_ENDED -> streamEnded = true;
                case WRITE_FAILED -> failed = true;
                case MESSAGE_DROPPED -> dropped = true;
                case DROP -> begun = true;
                case DISCONNECTED -> over = true;
            }
            over |= ours && peer;
        }

        private void frame(byte[] payload) {
            if (frame == null) {
                frame = payload;
            }
        }

        ConnectionState state() {
            return over
                    ? ConnectionState.CLOSED
                    : peer
                            ? ConnectionState.CLOSE_RECEIVED
                            : ours
                                    ? ConnectionState.CLOSE_SENT
                                    : opened ? ConnectionState.OPEN : ConnectionState.CONNECTING;
        }
    }

    private static void happen(Closing closing, Event event) {
        switch (event) {
            case OPENED -> closing.opened();
            case BEGIN -> closing.begin(OURS);
            case PEER_CLOSED -> closing.peerClosed(3000, "theirs");
            case VIOLATED -> closing.violated(new ProtocolException(1002, "wrong"));
            case SENT -> closing.sent();
            case END_STREAM -> closing.endStream();
            case STREAM_ENDED -> closing.streamEnded();
            case WRITE_FAILED -> closing.writeFailed(BROKEN);
            case MESSAGE_DROPPED -> closing.messageDropped();
            case DROP -> closing.drop();
            case DISCONNECTED -> closing.disconnected();
        }
    }

    private static void check(Closing closing, Expected expected, Object after) {
        ConnectionState state = expected.state();
        boolean canSend = expected.canSend();
        boolean frameDue = canSend && expected.frame != null;
        boolean streamEndDue = expected.streamDue && !expected.streamEnded;
        List<Object> actual =
                List.of(
                        closing.state(),
                        closing.canSend(),
                        closing.canReceive(),
                        closing.isOver(),
                        closing.isOpen(),
                        closing.isBegun(),
                        closing.isOursFirst(),
                        closing.isRequested(),
                        closing.needsReader(),
                        closing.isFrameDue(),
                        closing.isStreamEndDue(),
                        closing.isStreamEnded(),
                        closing.isLastDue(),
                        closing.hasDropped(),
                        closing.peerCode(),
                        closing.peerReason());
        List<Object> wanted =
                List.of(
                        state,
                        canSend,
                        expected.opened && !expected.over && !expected.peer && !expected.wrong,
                        state != ConnectionState.CONNECTING
                                && (expected.over || expected.peer || expected.wrong),
                        state == ConnectionState.OPEN && !expected.wrong && !expected.failed,
                        expected.begun,
                        expected.begun && !expected.peer,
                        expected.peerFirst,
                        expected.begun || expected.peer || expected.wrong || expected.failed,
                        frameDue,
                        streamEndDue,
                        expected.streamEnded,
                        !expected.failed && (frameDue || streamEndDue),
                        expected.dropped,
                        expected.peer ? 3000 : -1,
                        expected.peer ? "theirs" : "");
        if (!actual.equals(wanted)) { // 1,000 times faster than to describe each
            assertThat(actual).describedAs("after %s", after).isEqualTo(wanted);
        }
        if (!Arrays.equals(expected.frame, closing.frame())) {
            assertThat(closing.frame()).describedAs("after %s", after).isEqualTo(expected.frame);
        }
        for (int unsent = 0; unsent < 2; unsent++) {
            checkOutcome(closing.outcome(unsent, WHY), expected, unsent > 0, after);
        }
    }

    private static void checkOutcome(End end, Expected expected, boolean unsent, Object after) {
        boolean lost = expected.dropped || unsent;
        int code = expected.wrong ? 1002 : expected.peer ? 3000 : 1006;
        String reason = expected.wrong ? "wrong" : expected.peer ? "theirs" : "";
        boolean byPeer = !expected.wrong && (expected.peer ? expected.peerFirst : !expected.begun);
        boolean clean = !expected.wrong && expected.peer && !lost;
        if (end.code() == code
                && end.reason().equals(reason)
                && end.byPeer() == byPeer
                && end.clean() == clean
                && hasCause(end.cause(), expected, lost)) {
            return;
        }
        assertThat(end)
                .describedAs("after %s", after)
                .isEqualTo(new End(code, reason, byPeer, clean, end.cause()));
        assertThat(hasCause(end.cause(), expected, lost))
                .describedAs("cause %s after %s", end.cause(), after)
                .isTrue();
    }

    private static boolean hasCause(Throwable cause, Expected expected, boolean lost) {
        if (expected.wrong) {
            return cause instanceof java.net.ProtocolException
                    && cause.getMessage().equals("wrong");
        }
        if (!expected.peer) {
            return cause == WHY;
        }
        return lost
                ? cause instanceof IOException
                        && cause.getCause() == (expected.failed ? BROKEN : null)
                : cause == null;
    }

    private static int walk(boolean client, Deque<Event> path) {
        var closing = new Closing(client);
        var expected = new Expected(client);
        for (Event event : path) {
            if (!expected.allows(event)) {
                return 0;
            }
            happen(closing, event);
            expected.happened(event);
        }
        check(closing, expected, path);
        int walked = 1;
        if (path.size() < LENGTH) {
            for (Event event : Event.values()) {
                path.addLast(event);
                walked += walk(client, path);
                path.removeLast();
            }
        }
        return walked;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyOrderOfEvents(boolean client) {
        assertThat(walk(client, new ArrayDeque<>())).isGreaterThan(100_000);
    }

    @Test
    void threadsThatWaitForMessagesLookAgain() {
        var closing = new Closing(true);
        assertThat(closing.hasMoved(ConnectionState.CONNECTING)).isFalse();
        closing.opened();
        assertThat(closing.hasMoved(ConnectionState.CONNECTING)).isTrue();
        assertThat(closing.hasMoved(ConnectionState.OPEN)).isFalse();
        closing.begin(OURS);
        assertThat(closing.hasMoved(ConnectionState.OPEN)).isFalse();
        closing.sent();
        assertThat(closing.hasMoved(ConnectionState.OPEN)).isTrue();
        assertThat(closing.hasMoved(ConnectionState.CLOSE_SENT)).isFalse();
        closing.peerClosed(1000, "");
        assertThat(closing.hasMoved(ConnectionState.CLOSE_SENT)).isTrue();
        var wrong = new Closing(false);
        wrong.opened();
        wrong.violated(new ProtocolException(1002, "wrong"));
        assertThat(wrong.hasMoved(ConnectionState.OPEN)).isTrue();
    }

    @Test
    void aCloseDuringTheHandshakesAnswerIsPostponed() {
        var closing = new Closing(false);
        assertThat(closing.postpone(OURS)).isTrue();
        assertThat(closing.isFrameDue()).isFalse();
        closing.opened();
        assertThat(closing.postponed()).isSameAs(OURS);
        assertThat(closing.postpone(ANSWER)).as("it is open by now").isFalse();
    }

    @Test
    void whatTheUserAskedIsRemembered() {
        var closing = new Closing(true);
        assertThat(closing.isCalled()).isFalse();
        closing.called();
        assertThat(closing.isCalled()).isTrue();
        assertThat(closing.isBegun()).as("its peer says so, the connection does not").isFalse();
    }

    @Test
    void aLongReasonIsCutAndPlain() {
        assertThat(Closing.clip("ä\n" + "x".repeat(200))).hasSize(123).startsWith("??x");
    }
}
