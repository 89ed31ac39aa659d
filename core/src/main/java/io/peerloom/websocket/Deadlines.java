package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.Nanos;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * How long a connection waits: for the opening handshake, for the answer to our close frame, for a
 * sign of life; and the short times that no setting has. It only says what is due. The watchdog
 * asks it at each tick, through {@link WebSocketConnection#tick}, which does it. Its fields are the
 * watchdog's.
 */
final class Deadlines {

    /**
     * How long the answer to a close frame, or to a broken protocol, waits for a user who is still
     * at the messages before it, so that its answers to them go out first. A user who does not poll
     * that often has no answers to wait for. (The async module, which sees nothing of this package,
     * has the same time for its receivers.)
     */
    static final long COURTESY = Duration.ofMillis(250).toNanos();

    /** How long a server may take to end the stream after we said what it did wrong. */
    static final long SERVER_FIRST = Duration.ofMillis(500).toNanos();

    /** How long a pool of compressors may lie unused. */
    static final long POOL_IDLE = Duration.ofSeconds(1).toNanos();

    /**
     * How long the body of a refusal may stand still: many servers give it no length, and leave the
     * connection open behind it.
     */
    private static final long REFUSAL_SILENCE = Duration.ofMillis(500).toNanos();

    /** What the heartbeat wants. */
    enum Beat {
        NOTHING,
        /** Nothing was heard for the interval: send a ping. */
        PING,
        /** Nor after the ping: the other side is gone. */
        DEAD
    }

    private final Limits limits;

    /** What is being counted. One comes after the other, so they share a field. */
    private enum Stage {
        NOTHING,
        HANDSHAKE,
        PING,
        CLOSE
    }

    private Stage stage = Stage.NOTHING;

    /** The tick from which it is counted: of a close, that of the last progress. */
    private long since;

    /** The tick in which the closing was first seen, and is counted as a whole from. */
    private long closingFirst;

    Deadlines(Limits limits) {
        this.limits = limits;
    }

    /** All that a connection's clock has to keep. */
    static Duration[] of(Limits limits) {
        return new Duration[] {
            limits.handshakeTimeout(),
            limits.closeTimeout(),
            limits.writeTimeout(),
            limits.heartbeatInterval(),
            limits.heartbeatTimeout()
        };
    }

    // ---- the opening handshake ----

    /** Whether the opening handshake has taken too long. It is counted from the first call. */
    boolean isHandshakeOver(long now) {
        if (stage != Stage.HANDSHAKE) {
            stage = Stage.HANDSHAKE;
            since = now;
            return false;
        }
        return now - since > Nanos.of(limits.handshakeTimeout());
    }

    /**
     * Gives the answer to a late request the time of a close. On a busy machine its thread may not
     * run before the next tick, which would end the connection.
     */
    void answerLate(long now) {
        long grace = Nanos.of(limits.handshakeTimeout()) - Nanos.of(limits.closeTimeout());
        since = now - Math.max(0, grace);
    }

    SocketTimeoutException handshakeTimeout() {
        return timeout("the opening handshake took longer than ", limits.handshakeTimeout());
    }

    /** Whether the body of a refusal, of which something last came at that time, stands still. */
    static boolean isRefusalOver(long now, long lastRead) {
        return now - lastRead > REFUSAL_SILENCE;
    }

    // ---- the close ----

    /**
     * Whether the close has taken too long since its last progress. It is counted from the first
     * call. While what was accepted before is still being written, the write timeout counts
     * instead. While messages wait for room, their reader has the same timeout of its own; and
     * while they come in and are taken, the linger timeout bounds it.
     *
     * @param writing whether something is being written, or waits for that
     * @param blocked whether the reader waits for room
     * @param lastQueued when a message was last queued
     * @param lastTaken when a message was last taken
     */
    boolean isCloseOver(
            long now, boolean writing, boolean blocked, long lastQueued, long lastTaken) {
        if (stage != Stage.CLOSE) {
            stage = Stage.CLOSE;
            closingFirst = now;
            since = now;
        } else if (writing) {
            since = now;
        } else if ((blocked || (lastQueued - since >= 0 && lastTaken - since >= 0))
                && now - closingFirst < Nanos.of(limits.lingerTimeout())) {
            since = now;
        } else {
            return now - since > Nanos.of(limits.closeTimeout());
        }
        return false;
    }

    SocketTimeoutException closeTimeout() {
        return timeout("no answer to our close frame for ", limits.closeTimeout());
    }

    // ---- while it is open ----

    /**
     * What the heartbeat wants of an open connection.
     *
     * @param lastRead when something last came in
     * @param reading whether we read at all: else silence is not the other side's fault
     */
    Beat heartbeat(long now, long lastRead, boolean reading) {
        boolean pinged = stage == Stage.PING; // and nothing has come in since
        if (!reading || (pinged && lastRead - since >= 0)) {
            stage = Stage.NOTHING; // not even the pong is needed: any byte is a sign of life
        } else if (pinged) {
            return now - since > Nanos.of(limits.heartbeatTimeout()) ? Beat.DEAD : Beat.NOTHING;
        } else if (now - lastRead > Nanos.of(limits.heartbeatInterval())) {
            stage = Stage.PING;
            since = now;
            return Beat.PING;
        }
        return Beat.NOTHING;
    }

    SocketTimeoutException heartbeatTimeout() {
        return timeout("no sign of life after a ping for ", limits.heartbeatTimeout());
    }

    private static SocketTimeoutException timeout(String what, Duration time) {
        return new SocketTimeoutException(what + time.toMillis() + " ms");
    }
}
