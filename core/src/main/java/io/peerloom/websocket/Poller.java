package io.peerloom.websocket;

import io.peerloom.internal.link.Link;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.queue.MpscQueue;
import io.peerloom.internal.queue.WaitPoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rounds of a polled server: which connections have news, the calls of the listener for them,
 * and that what the listener sends is written together at the end of the round. A round costs what
 * has news, however many are connected.
 */
final class Poller {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketServer.class);

    private static final WebSocketServer.Listener SILENT = new WebSocketServer.Listener() {};

    /** Where the polling thread waits for connections with news. */
    private final WaitPoint news;

    /** Connections with news; any thread adds, the polling thread takes. */
    private final MpscQueue<ServerConnection> ready =
            new MpscQueue<>(Integer.MAX_VALUE, Integer.MAX_VALUE);

    /** The thread that is in {@link #poll}; null if none is. Any other sees that it is not it. */
    private volatile Thread polling;

    /** {@link #awaitActivity} was called since the last poll; the polling thread's. */
    private boolean awaited;

    /** Whether the last poll was awaited, or the next one is. Written by the polling thread. */
    private volatile boolean attentive;

    /**
     * Connections to which the listener sent something in this poll, or whose reader waits for the
     * end of it; the polling thread's.
     */
    private final List<ServerConnection> unwritten = new ArrayList<>();

    /** Written and read by the polling thread. */
    private WebSocketServer.Listener listener = SILENT;

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private volatile boolean woken;

    Poller(WaitPoint news) {
        this.news = news;
    }

    void listener(WebSocketServer.Listener events) {
        listener = events;
    }

    // ---- what a connection reports; any thread ----

    /** A connection that is not in the queue has news. */
    void ready(ServerConnection connection) {
        ready.add(connection, 0);
        news.signal();
    }

    /** As {@link WebSocketConnection.Owner#queued}. */
    boolean queued(ServerConnection connection) {
        if (polling != Thread.currentThread()) {
            return false;
        }
        if (!connection.unwrittenToo) {
            connection.unwrittenToo = true;
            unwritten.add(connection);
        }
        return true;
    }

    /** As {@link WebSocketConnection.Owner#isAttentive}. */
    boolean isAttentive() {
        return attentive;
    }

    // ---- the rounds ----

    /** As {@link WebSocketServer#poll}. */
    void poll() {
        if (polling != null) {
            throw new IllegalStateException(
                    polling == Thread.currentThread()
                            ? "poll() was called by a callback of the same server's poll()"
                            : "another thread polls the same server");
        }
        polling = Thread.currentThread();
        if (!awaited && attentive) {
            attentive = false;
        }
        awaited = false;
        try {
            for (int n = ready.refill(); n > 0; n--) {
                ServerConnection one = ready.take();
                ready.release(1, 0);
                one.set(false); // before looking: what changes from now on is news again
                try {
                    one.step(listener);
                } catch (Throwable e) {
                    one.changed(); // what it was not told of
                    LOG.warn("a callback for {} failed: {}", one, e.toString());
                    throw e;
                } finally {
                    if (one.connection.isResting()) {
                        one.queued();
                    }
                }
            }
        } finally {
            polling = null;
            writeSoon();
        }
    }

    /** Has the answers of a poll written: all those of a connection in one go. */
    private void writeSoon() {
        int count = unwritten.size();
        if (count > 0) {
            var due = new WebSocketConnection[count];
            for (int i = 0; i < count; i++) {
                ServerConnection one = unwritten.get(i);
                one.unwrittenToo = false;
                due[i] = one.connection;
            }
            unwritten.clear();
            Link.kickAll(due);
        }
    }

    /** As {@link WebSocketServer#awaitActivity}. */
    boolean awaitActivity(Duration timeout) {
        attentive = true;
        awaited = true;
        BooleanSupplier due = () -> woken || ready.available() > 0 || ready.hasArrivals();
        boolean active = due.getAsBoolean();
        if (!active) {
            active = news.await(due, Nanos.of(timeout));
            if (active) {
                Thread.yield(); // whoever woke us may be about to bring more
            }
        }
        woken = false;
        return active;
    }

    /** As {@link WebSocketServer#wakeup}. */
    void wakeup() {
        woken = true;
        news.signal();
    }
}
