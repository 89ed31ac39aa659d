package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.BindException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnsupportedAddressTypeException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
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

    /** How many connections the system keeps for us; it may allow fewer. */
    private static final int BACKLOG = 1024;

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
                identity = identity(path);
            }
        } catch (IOException e) { // nobody can know what is there later, so it stays
            LOG.warn("cannot look at the file of a socket: {}", e.toString());
        }
        this.file = path;
        this.fileIdentity = identity;
        Threads.startBlocking("peerloom-acceptor", () -> run(mayAccept, handler));
    }

    /**
     * Opens a TCP socket that listens.
     *
     * @param address where; an IPv4 address gets an IPv4 socket, so that no other family is bound
     *     with it
     * @return a bound channel
     * @throws IOException if the system refuses; a {@link BindException} if it is the address
     */
    public static ServerSocketChannel listen(InetSocketAddress address) throws IOException {
        ServerSocketChannel channel =
                address.getAddress() instanceof Inet4Address
                        ? ServerSocketChannel.open(StandardProtocolFamily.INET)
                        : ServerSocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            try {
                channel.bind(address, BACKLOG);
            } catch (UnsupportedAddressTypeException e) {
                channel.bind(Connector.withoutIpv6(address), BACKLOG);
            }
            return channel;
        } catch (IOException e) {
            channel.close();
            throw bindFailure(address.toString(), e);
        }
    }

    /**
     * Opens a Unix domain socket that listens. A socket's file that is there already is replaced.
     *
     * @param path where
     * @return a bound channel
     * @throws IOException if the system refuses; a {@link BindException} if it is the path
     */
    public static ServerSocketChannel listen(Path path) throws IOException {
        ServerSocketChannel channel;
        try {
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        } catch (UnsupportedOperationException e) {
            throw new IOException("this system has no Unix domain sockets", e);
        }
        try {
            unlink(path);
            channel.bind(UnixDomainSocketAddress.of(path), BACKLOG);
            return channel;
        } catch (IOException e) {
            channel.close();
            throw bindFailure(path.toString(), e);
        }
    }

    private static BindException bindFailure(String where, IOException e) {
        var failure = new BindException("cannot listen on " + where + ": " + e.getMessage());
        failure.initCause(e);
        return failure;
    }

    /** Deletes a socket's file, if there is one; a file of another kind stays. */
    private static void unlink(Path path) throws IOException {
        if (identity(path) != null) {
            Files.deleteIfExists(path);
        }
    }

    /** Which socket's file is there, by the system's own number for it; null if there is none. */
    private static Object identity(Path path) throws IOException {
        try {
            var attributes =
                    Files.readAttributes(
                            path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!attributes.isOther()) { // not a file, folder or link: a socket, or a device
                return null;
            }
            return attributes.fileKey() == null ? "unknown" : attributes.fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /**
     * Deletes our own socket's file. A server that was started on the same path meanwhile has put
     * its own there, which must stay. As long as our socket is open, no other file can have its
     * number.
     */
    private void unlink() {
        try {
            if (fileIdentity != null && fileIdentity.equals(identity(file))) {
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
