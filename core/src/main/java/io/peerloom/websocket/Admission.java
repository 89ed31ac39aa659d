package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Lingering;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.protocol.ServerHandshake;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who gets in to a server, and who is still in: counts the connections, turns away those beyond the
 * bounds, and waits for the last ones to leave.
 *
 * <p>A connection {@linkplain #enter enters}, finishes its handshake, {@linkplain #ended ends} and
 * {@linkplain #left leaves}. A polled one leaves when it ends. A served one leaves when its handler
 * has returned, before its end or after it.
 *
 * <p>The accepting thread lets connections in; any thread may call the rest.
 */
final class Admission {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketServer.class);

    /** A fatal alert before any handshake: internal_error, the nearest to 503 that TLS has. */
    private static final byte[] TLS_ALERT = {21, 3, 3, 0, 2, 2, 80};

    /** How many handlers that have not returned are logged one by one. */
    private static final int REPORTED = 10;

    /** Signalled whenever a connection has ended or left. */
    private final WaitPoint ends;

    // bounds, written by the server's owner, read by the accepting thread
    private volatile int maxConnections = 65_536;
    private volatile int maxPendingHandshakes = 4_096;
    private volatile int maxConnectionsPerAddress = 65_536;

    /** How many connections an address has, which share its text. */
    private record Neighbours(String address, int count) {}

    /** By address; added to by the accepting thread, removed from by whoever leaves. */
    private final Map<String, Neighbours> perAddress = new ConcurrentHashMap<>();

    /** Connections that have not ended, or whose handlers have not returned. */
    private final AtomicInteger live = new AtomicInteger();

    /** Connections that have not ended. */
    private final AtomicInteger open = new AtomicInteger();

    /** Connections whose opening handshake is under way. */
    private final AtomicInteger pending = new AtomicInteger();

    /** Served connections that have ended and whose handlers have not returned. */
    private final Set<ServerConnection> unfinished = ConcurrentHashMap.newKeySet();

    Admission(WaitPoint ends) {
        this.ends = ends;
    }

    // ---- bounds ----

    void maxConnections(int most) {
        maxConnections = positive(most);
    }

    void maxPendingHandshakes(int most) {
        maxPendingHandshakes = positive(most);
    }

    void maxConnectionsPerAddress(int most) {
        maxConnectionsPerAddress = positive(most);
    }

    private static int positive(int most) {
        if (most < 1) {
            throw new IllegalArgumentException("not a bound: " + most);
        }
        return most;
    }

    // ---- the way in; on the accepting thread ----

    /** Whether a further connection from an address is beyond one of the bounds. */
    boolean isFull(String address) {
        Neighbours before = perAddress.get(address);
        return live.get() >= maxConnections
                || pending.get() >= maxPendingHandshakes
                || (before != null && before.count >= maxConnectionsPerAddress);
    }

    /**
     * Lets a connection in, which has its handshake to do.
     *
     * @return the address, in the text that all of its connections share
     */
    String enter(String address) {
        Neighbours now =
                perAddress.merge(
                        address,
                        new Neighbours(address, 1),
                        (old, one) -> new Neighbours(old.address, old.count + 1));
        live.incrementAndGet();
        open.incrementAndGet();
        pending.incrementAndGet();
        return now.address;
    }

    /**
     * Answers a connection that is not let in: by 503, with TLS by an alert. An answer of a hundred
     * bytes fits into a fresh socket's buffer: this does not block.
     */
    static void turnAway(SocketChannel channel, Limits limits, boolean tls, Watchdog watchdog)
            throws IOException {
        byte[] answer =
                tls ? TLS_ALERT.clone() : ServerHandshake.refuse(503, List.of(), new byte[0], null);
        channel.write(ByteBuffer.wrap(answer));
        // Closed at once, with the request unread, the socket would be reset and the answer lost.
        Lingering.letGo(
                new ChannelWire(channel),
                watchdog,
                limits.closeTimeout(),
                limits.handshakeTimeout());
    }

    // ---- the way out; any thread, each once for each connection ----

    /** A connection's handshake is over, whatever came of it. */
    void handshakeOver() {
        pending.decrementAndGet();
    }

    /** A connection has ended. */
    void ended(ServerConnection connection) {
        boolean served = connection.isServed();
        if (served) { // it has not left before its handler has
            unfinished.add(connection);
            if (connection.hasReturned()) {
                // either we see that, or the handler's thread sees what we added
                unfinished.remove(connection);
            }
        }
        open.decrementAndGet();
        if (served) {
            ends.signal();
        } else {
            left(connection);
        }
    }

    /**
     * A connection has left; a served one {@linkplain ServerConnection#hasReturned has returned}.
     */
    void left(ServerConnection connection) {
        unfinished.remove(connection);
        perAddress.computeIfPresent(
                connection.address,
                (key, old) -> old.count > 1 ? new Neighbours(old.address, old.count - 1) : null);
        live.decrementAndGet();
        ends.signal();
    }

    // ---- who is in; any thread ----

    /** How many connections have not left, those in their handshake included. */
    int live() {
        return live.get();
    }

    /** The peers of served connections that have ended and not left. */
    List<WebSocketPeer> unfinished() {
        if (unfinished.isEmpty()) { // as a rule; and then it is no news and allocates nothing
            return List.of();
        }
        return unfinished.stream().map(connection -> connection.peer).toList();
    }

    /**
     * Waits for the connections to end and to leave, and logs which have not.
     *
     * @param limits of the connections; they bound both waits
     * @param reported set when something was logged; nothing is logged if it is set
     */
    void awaitLast(Limits limits, AtomicBoolean reported) {
        long most =
                Nanos.of(limits.closeTimeout())
                        + Nanos.of(limits.writeTimeout())
                        + Nanos.of(limits.handshakeTimeout());
        ends.await(() -> open.get() == 0, Math.min(most, Nanos.FOREVER));
        if (!ends.await(() -> live.get() == 0, Nanos.of(limits.closeTimeout()))
                && !Thread.currentThread().isInterrupted()
                && reported.compareAndSet(false, true)) {
            int still = open.get();
            if (still > 0) {
                LOG.warn("{} connections have not ended", still);
            }
            List<ServerConnection> late = List.copyOf(unfinished);
            for (ServerConnection one : late.subList(0, Math.min(late.size(), REPORTED))) {
                LOG.warn("the handler of {} has not returned after the end", one);
            }
            if (late.size() > REPORTED) {
                LOG.warn("{} more handlers have not returned", late.size() - REPORTED);
            }
        }
    }
}
