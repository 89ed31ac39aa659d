package io.peerloom.internal.link;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * The socket of a link that has ended while the other side may still be reading what was sent.
 *
 * <p>What was written last may be in the system's buffers for as long as the other side is slow. A
 * socket that is closed then, and meets one more byte of the other side, is reset by the system,
 * and what is in its buffers is gone (RFC 6455 section 7.1.1, RFC 1122 section 4.2.2.13). So the
 * output is shut down, and what comes in is read and dropped until the other side ends its stream.
 *
 * <p>That is bounded three times: by the silence of the other side, by a total time, and by how
 * many of a {@link Watchdog} linger at once. The two halves run on threads of their own, each under
 * its role of the link, which it keeps for good.
 */
public final class Lingering implements Watchdog.Watched {

    private static final int READ_SIZE = 1024;

    private final Wire wire;
    private final Watchdog watchdog;
    private final long silence;
    private final long total;
    private final long since;

    /** Tick in which something last came in. Written by the input half, read by the watchdog. */
    private volatile long lastRead;

    /** Why it ended before the other side had ended its stream. Written by the first to know. */
    private volatile IOException loss;

    Lingering(Wire wire, Watchdog watchdog, Duration silence, Duration total) {
        this.wire = wire;
        this.watchdog = watchdog;
        this.silence = Nanos.of(silence);
        this.total = Nanos.of(total);
        since = watchdog.now();
        lastRead = since;
    }

    /**
     * Lets go of a connection that got its last answer before it became a link: as for a link, the
     * other side can read the answer first. Any thread; does not block.
     *
     * @param wire what the answer was written to
     * @param watchdog keeps the bounds
     * @param silence how long the other side may be silent
     * @param total how long it may take to end its stream
     */
    public static void letGo(Wire wire, Watchdog watchdog, Duration silence, Duration total) {
        var after = new Lingering(wire, watchdog, silence, total);
        watchdog.linger(after);
        Threads.start(
                "peerloom-linger",
                () -> {
                    after.shutOutput();
                    after.drainInput();
                });
    }

    /** Ends our stream. On a thread of its own with the write role; the watchdog bounds it. */
    void shutOutput() {
        try {
            wire.shutdownOutput();
        } catch (IOException e) {
            lost(e);
            wire.close();
        }
    }

    /** Reads until the other side ends its stream. On a thread of its own with the read role. */
    void drainInput() {
        byte[] rest = new byte[READ_SIZE];
        try {
            int lap =
                    Threads.letOthersRun(
                            0); // another side that never stops sending keeps no carrier
            while (wire.read(rest, 0, rest.length) >= 0) {
                lastRead = watchdog.now();
                lap = Threads.letOthersRun(lap);
            }
        } catch (EOFException e) {
            // TLS that was not ended in order; but it was ended
        } catch (IOException e) {
            lost(e);
        } finally {
            wire.close();
            watchdog.forget(this);
        }
    }

    @Override
    public void tick(long now) {
        if (now - lastRead > silence) {
            giveUp("the other side was silent and did not end its stream");
        } else if (now - since > total) {
            giveUp("the other side did not end its stream in time");
        }
    }

    /** Closes the socket, come what may. Any thread; never blocks. */
    void giveUp(String why) {
        lost(new SocketTimeoutException(why + "; it may not have read the last that was sent"));
        wire.close();
        watchdog.forget(this);
    }

    private void lost(IOException cause) {
        if (loss == null) { // of two that race, either is true
            loss = cause;
        }
    }

    /** {@return why the other side may not have read everything, or null} Any thread. */
    IOException loss() {
        return loss;
    }
}
