package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket and the virtual thread that accepts from it.
 *
 * <p>A failure to accept (no descriptors left, a connection reset while it waited) does not end it:
 * it tries again, a little later.
 */
public final class Acceptor {

    private static final Logger LOG = LoggerFactory.getLogger(Acceptor.class);

    /** How long to leave a system alone that could not accept. */
    private static final long PAUSE = Duration.ofMillis(50).toNanos();

    private static final Duration CLOSING = Duration.ofSeconds(5);

    private final ServerSocketChannel channel;
    private final WaitPoint news;
    private final CountDownLatch done = new CountDownLatch(1);

    /** Written by {@link #close}, read by the accepting thread. */
    private volatile boolean closed;

    /**
     * Starts to accept.
     *
     * @param channel bound and in blocking mode; closed by {@link #close}
     * @param mayAccept tells whether another connection is wanted now
     * @param news signalled when {@code mayAccept} may have changed
     * @param handler gets each connection, on the accepting thread; must not block
     */
    public Acceptor(
            ServerSocketChannel channel,
            BooleanSupplier mayAccept,
            WaitPoint news,
            Consumer<SocketChannel> handler) {
        this.channel = channel;
        this.news = news;
        Threads.start("peerloom-acceptor", () -> run(mayAccept, handler));
    }

    private void run(BooleanSupplier mayAccept, Consumer<SocketChannel> handler) {
        try {
            while (!closed) {
                if (!mayAccept.getAsBoolean()) {
                    news.await(() -> closed || mayAccept.getAsBoolean(), Nanos.FOREVER);
                    continue;
                }
                try {
                    handler.accept(channel.accept());
                } catch (AsynchronousCloseException e) {
                    return;
                } catch (ClosedChannelException e) {
                    return;
                } catch (IOException e) {
                    LOG.warn("cannot accept a connection, trying again: {}", e.toString());
                    news.await(() -> closed, PAUSE);
                }
            }
        } finally {
            done.countDown();
        }
    }

    /**
     * {@return the address that is listened on}
     *
     * @throws IOException if it was closed
     */
    public SocketAddress address() throws IOException {
        return channel.getLocalAddress();
    }

    /** Stops to listen; the address is free again when this returns. Any thread, idempotent. */
    public void close() {
        closed = true;
        try {
            channel.close();
        } catch (IOException e) {
            LOG.warn("cannot close a listening socket: {}", e.toString());
        }
        news.signal();
        try {
            if (!done.await(CLOSING.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("the accepting thread did not end in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
