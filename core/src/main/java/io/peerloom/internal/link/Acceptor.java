package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket and the thread that accepts from it. It is a platform thread, one for each
 * server, so that a machine whose carriers are all busy still accepts, refuses and stops.
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

    /** A Unix socket's file, and which one it is; both null for TCP. */
    private final Path file;

    private final Object fileIdentity;

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
        Path path = null;
        Object identity = null;
        try {
            if (channel.getLocalAddress() instanceof UnixDomainSocketAddress address) {
                path = address.getPath();
                identity = LocalAddress.identity(path);
            }
        } catch (IOException e) { // nobody can know what is there later, so it stays
            LOG.warn("cannot look at the file of a socket: {}", e.toString());
        }
        this.file = path;
        this.fileIdentity = identity;
        Threads.startBlocking("peerloom-acceptor", () -> run(mayAccept, handler));
    }

    /**
     * Deletes our own socket's file. A server that was started on the same path meanwhile has put
     * its own there, which must stay. As long as our socket is open, no other file can have its
     * number.
     */
    private void unlink() {
        try {
            if (fileIdentity != null && fileIdentity.equals(LocalAddress.identity(file))) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) { // it stays, and the next to listen there replaces it
            LOG.warn("cannot delete the file of a socket: {}", e.toString());
        }
    }

    private void run(BooleanSupplier mayAccept, Consumer<SocketChannel> handler) {
        boolean failing = false; // it is told once, not twenty times a second
        try {
            while (!closed) {
                if (!mayAccept.getAsBoolean()) {
                    news.await(() -> closed || mayAccept.getAsBoolean(), Nanos.FOREVER);
                    continue;
                }
                try {
                    handler.accept(channel.accept());
                    failing = false;
                } catch (ClosedChannelException e) {
                    return;
                } catch (IOException e) {
                    if (!failing) {
                        LOG.warn("cannot accept a connection, trying again: {}", e.toString());
                        failing = true;
                    }
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

    /**
     * Stops to listen; the address is free again, and a Unix socket's file gone, when this returns.
     * Any thread, idempotent.
     */
    public void close() {
        if (!closed) {
            unlink();
        }
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
