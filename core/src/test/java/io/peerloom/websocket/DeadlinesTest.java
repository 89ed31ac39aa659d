package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.Limits;
import io.peerloom.websocket.Deadlines.Beat;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** When the deadlines of a connection are over, by a clock that is a number. */
class DeadlinesTest {

    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private static final Limits LIMITS =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofSeconds(10))
                    .withCloseTimeout(Duration.ofSeconds(3))
                    .withLingerTimeout(Duration.ofSeconds(30))
                    .withHeartbeatInterval(Duration.ofSeconds(20))
                    .withHeartbeatTimeout(Duration.ofSeconds(5));

    /** A clock may begin anywhere, and wraps. */
    private static final long[] STARTS = {0, 1, -SECOND, Long.MAX_VALUE - SECOND};

    @Test
    void theHandshakeIsCountedFromTheFirstLook() {
        for (long start : STARTS) {
            var deadlines = new Deadlines(LIMITS);
            assertThat(deadlines.isHandshakeOver(start)).isFalse();
            assertThat(deadlines.isHandshakeOver(start + 10 * SECOND)).isFalse();
            assertThat(deadlines.isHandshakeOver(start + 10 * SECOND + 2)).isTrue();
            deadlines.answerLate(start + 11 * SECOND);
            assertThat(deadlines.isHandshakeOver(start + 14 * SECOND)).isFalse();
            assertThat(deadlines.isHandshakeOver(start + 14 * SECOND + 2)).isTrue();
        }
    }

    @Test
    void theCloseIsCountedFromTheLastProgress() {
        for (long start : STARTS) {
            var deadlines = new Deadlines(LIMITS);
            long never = start - 1000 * SECOND;
            assertThat(deadlines.isCloseOver(start, false, false, never, never)).isFalse();
            long writing = start + 100 * SECOND; // has a timeout of its own
            assertThat(deadlines.isCloseOver(writing, true, false, never, never)).isFalse();
            long end = writing + 3 * SECOND;
            assertThat(deadlines.isCloseOver(end, false, false, never, never)).isFalse();
            assertThat(deadlines.isCloseOver(end + 2, false, false, never, never)).isTrue();
        }
    }

    @Test
    void whoTakesWhatStillComesInHasLonger() {
        for (long start : STARTS) {
            var deadlines = new Deadlines(LIMITS);
            deadlines.isCloseOver(start, false, false, start, start);
            for (int i = 2; i < 30; i += 2) {
                long now = start + i * SECOND;
                assertThat(deadlines.isCloseOver(now, false, false, now, now)).isFalse();
            }
            long now = start + 32 * SECOND; // the linger timeout is over, the last progress 4 s ago
            assertThat(deadlines.isCloseOver(now, false, true, now, now)).isTrue();
        }
    }

    @Test
    void bothQueueingAndTakingAreProgress() {
        var deadlines = new Deadlines(LIMITS);
        deadlines.isCloseOver(0, false, false, -1, -1);
        long now = 4 * SECOND;
        assertThat(deadlines.isCloseOver(now, false, false, now, -SECOND)).isTrue();
        assertThat(deadlines.isCloseOver(now, false, false, -SECOND, now)).isTrue();
        assertThat(deadlines.isCloseOver(now, false, false, now, now)).isFalse();
    }

    @Test
    void theHeartbeatPingsThenGivesUp() {
        for (long start : STARTS) {
            var deadlines = new Deadlines(LIMITS);
            long ping = start + 20 * SECOND + 1;
            assertThat(deadlines.heartbeat(ping - 1, start, true)).isEqualTo(Beat.NOTHING);
            assertThat(deadlines.heartbeat(ping, start, true)).isEqualTo(Beat.PING);
            assertThat(deadlines.heartbeat(ping + 5 * SECOND, start, true)).isEqualTo(Beat.NOTHING);
            assertThat(deadlines.heartbeat(ping + 5 * SECOND + 1, start, true))
                    .isEqualTo(Beat.DEAD);
        }
    }

    @Test
    void anythingThatComesInIsASignOfLife() {
        var deadlines = new Deadlines(LIMITS);
        assertThat(deadlines.heartbeat(21 * SECOND, 0, true)).isEqualTo(Beat.PING);
        long read = 22 * SECOND;
        assertThat(deadlines.heartbeat(30 * SECOND, read, true)).isEqualTo(Beat.NOTHING);
        assertThat(deadlines.heartbeat(41 * SECOND, read, true)).isEqualTo(Beat.NOTHING);
        assertThat(deadlines.heartbeat(43 * SECOND, read, true)).isEqualTo(Beat.PING);
    }

    @Test
    void silenceIsNotTheOtherSidesFaultWhileWeDoNotRead() {
        var deadlines = new Deadlines(LIMITS);
        assertThat(deadlines.heartbeat(21 * SECOND, 0, true)).isEqualTo(Beat.PING);
        assertThat(deadlines.heartbeat(60 * SECOND, 0, false)).isEqualTo(Beat.NOTHING);
        assertThat(deadlines.heartbeat(61 * SECOND, 60 * SECOND, true)).isEqualTo(Beat.NOTHING);
    }

    @Test
    void aRefusalsBodyMayPause() {
        assertThat(Deadlines.isRefusalOver(SECOND / 2, 0)).isFalse();
        assertThat(Deadlines.isRefusalOver(SECOND / 2 + 1, 0)).isTrue();
    }
}
