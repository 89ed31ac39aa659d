package io.peerloom.stream;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.Acceptor;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.LocalAddress;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.Watchdog;
import io.peerloom.internal.queue.MpscQueue;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Listens for stream connections. Godot: {@code SocketServer} (4.6), {@code TCP_Server} (3.x).
 *
 * <p>A virtual thread accepts ahead of the calls that take, up to {@value #AHEAD} connections; more
 * wait in the system's backlog.
 *
 * <p>Threads: one thread at a time listens, stops and takes; any thread may {@link #wakeup}.
 * Nothing blocks but {@link #awaitConnection} and, for a moment, {@link #stop}, which returns when
 * the address is free again.
 */
public abstract sealed class SocketServer implements AutoCloseable permits TCPServer, UDSServer {

    /** How many accepted connections wait to be taken. */
    static final int AHEAD = 64;

    private Limits limits = Limits.defaults();
    private Optional<Throwable> failure = Optional.empty();
    private Acceptor acceptor;
    private Watchdog watchdog = StreamLink.watchdog(limits);
    private final WaitPoint news = new WaitPoint();

    /** Accepted and not taken; the accepting thread adds, the owner takes. */
    private MpscQueue<SocketChannel> accepted = new MpscQueue<>(AHEAD, 1);

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private final AtomicBoolean woken = new AtomicBoolean();

    SocketServer() {}

    /** {@return the limits of connections taken from now on} */
    public Limits getLimits() {
        return limits;
    }

    /**
     * Sets the limits of connections taken from now on.
     *
     * @param limits the limits
     */
    public void setLimits(Limits limits) {
        this.limits = Objects.requireNonNull(limits, "limits");
        watchdog = StreamLink.watchdog(limits);
    }

    /** Begins to accept from a bound channel. */
    private void start(ServerSocketChannel channel) {
        failure = Optional.empty();
        var queue = new MpscQueue<SocketChannel>(AHEAD, 1);
        accepted = queue;
        acceptor =
                new Acceptor(
                        channel,
                        () -> !queue.isFull(),
                        news,
                        connection -> {
                            queue.add(connection, 0);
                            news.signal();
                        });
    }

    /** Opens what listens. */
    interface Opener {
        ServerSocketChannel open() throws LocalAddress.Refusal;
    }

    /** Begins to accept from what an opener opens; it must not listen yet. */
    final ErrorCode listen(Opener opener) {
        try {
            start(opener.open());
            return ErrorCode.OK;
        } catch (LocalAddress.Refusal e) {
            failure = Optional.of(e);
            return StreamPeerSocket.code(e);
        }
    }

    /** The next accepted connection, or null. */
    final SocketChannel takeChannel() {
        MpscQueue<SocketChannel> queue = accepted;
        if (queue.refill() == 0) {
            return null;
        }
        SocketChannel channel = queue.take();
        queue.release(1, 0);
        news.signal();
        return channel;
    }

    final Watchdog watchdog() {
        return watchdog;
    }

    /** The address that is listened on, or null. */
    final SocketAddress localAddress() {
        try {
            return acceptor == null ? null : acceptor.address();
        } catch (IOException e) {
            return null;
        }
    }

    /** {@return whether it listens} Godot: {@code is_listening}. */
    public boolean isListening() {
        return acceptor != null;
    }

    /** {@return whether a connection can be taken} Godot: {@code is_connection_available}. */
    public boolean isConnectionAvailable() {
        return accepted.refill() > 0;
    }

    /**
     * Takes an accepted connection.
     *
     * @return a connected peer, or null if there is none. Godot: {@code take_socket_connection}
     */
    public abstract StreamPeerSocket takeSocketConnection();

    /**
     * Waits until {@link #isConnectionAvailable}.
     *
     * @param timeout how long to wait at the most
     * @return whether a connection can be taken; false also after {@link #wakeup}
     */
    public boolean awaitConnection(Duration timeout) {
        MpscQueue<SocketChannel> queue = accepted;
        if (!isConnectionAvailable()) {
            news.await(() -> woken.get() || queue.hasArrivals(), Nanos.of(timeout));
        }
        woken.set(false);
        return isConnectionAvailable();
    }

    /** Ends the wait that another thread is in, or else the next one. Any thread. */
    public void wakeup() {
        woken.set(true);
        news.signal();
    }

    /**
     * Stops to listen and closes what was accepted and not taken; connections that were taken stay.
     * When it returns, the address can be listened on again. Idempotent. Godot: {@code stop}.
     */
    public void stop() {
        Acceptor current = acceptor;
        acceptor = null;
        if (current != null) {
            current.close();
            for (SocketChannel channel; (channel = takeChannel()) != null; ) {
                new ChannelWire(channel).close();
            }
        }
    }

    /** The same as {@link #stop}. */
    @Override
    public void close() {
        stop();
    }

    /** {@return why the last call that failed did} Kept until it listens again. */
    public Optional<Throwable> getFailure() {
        return failure;
    }
}
