package io.peerloom.internal.link;

import io.peerloom.internal.queue.MpscQueue;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

/**
 * Resolves a name and connects to the first of its addresses that answers: "happy eyeballs", RFC
 * 8305.
 *
 * <p>Attempts start a quarter of a second apart, or as soon as the one before failed, alternating
 * between address families; each runs on a virtual thread of its own, and the first that connects
 * wins. All of it blocks only the calling (virtual) thread and stays within one deadline.
 */
public final class Connector {

    /** RFC 8305 section 8, Connection Attempt Delay: recommended value. */
    private static final long STAGGER = Duration.ofMillis(250).toNanos();

    private final WaitPoint news;
    private final BooleanSupplier cancelled;
    private final Duration timeout;
    private final long deadline;

    /**
     * One effort to connect.
     *
     * @param timeout how long resolving and connecting may take together
     * @param cancelled tells whether nobody wants the connection any more
     * @param news signalled when {@code cancelled} changes
     */
    public Connector(Duration timeout, BooleanSupplier cancelled, WaitPoint news) {
        this.timeout = timeout;
        this.deadline = System.nanoTime() + Nanos.of(timeout);
        this.cancelled = cancelled;
        this.news = news;
    }

    /**
     * Resolves a host name. The system's resolver blocks the thread that calls it, carrier and all,
     * so it gets a platform thread of its own unless the name is an address.
     *
     * @param host a name, or an address literal; an IPv6 literal may stand in brackets
     * @param port for the result
     * @return its addresses in the order to try them, at least one
     * @throws UnknownHostException if there is none
     * @throws IOException if the time was up or the effort cancelled
     */
    public List<InetSocketAddress> resolve(String host, int port) throws IOException {
        InetAddress[] found;
        if (isLiteral(host)) {
            found = InetAddress.getAllByName(host); // parses, does not ask
        } else {
            var result = new AtomicReference<Object>();
            Thread.ofPlatform()
                    .daemon()
                    .name("peerloom-resolve")
                    .start(() -> {
                        try {
                            result.set(InetAddress.getAllByName(host));
                        } catch (UnknownHostException | RuntimeException e) {
                            result.set(e);
                        }
                        news.signal();
                    });
            await(() -> result.get() != null, deadline - System.nanoTime(), "resolving " + host);
            Object outcome = result.get();
            if (outcome instanceof UnknownHostException) {
                throw new UnknownHostException("cannot resolve host \"" + host + "\"");
            }
            if (outcome instanceof RuntimeException e) {
                throw new IOException("cannot resolve host \"" + host + "\"", e);
            }
            found = (InetAddress[]) outcome;
        }
        return alternate(found).stream().map(a -> new InetSocketAddress(a, port)).toList();
    }

    /**
     * {@return whether a host is an IPv4 or IPv6 address rather than a name}
     *
     * @param host the host as written in a URL or a call
     */
    public static boolean isLiteral(String host) {
        return host.indexOf(':') >= 0
                || (!host.isEmpty()
                        && host.chars().allMatch(c -> c == '.' || (c >= '0' && c <= '9')));
    }

    /**
     * {@return the address to bind to, or null if the host is no address}
     *
     * @param host an address literal, or {@code "*"} for all addresses of both families
     * @param port 0 to 65535
     */
    public static InetSocketAddress localAddress(String host, int port) {
        boolean any = host.equals("*");
        if (!any && !isLiteral(host)) {
            return null;
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(any ? "::" : host), port);
        } catch (UnknownHostException e) {
            return any ? new InetSocketAddress(port) : null;
        }
    }

    /** RFC 8305 section 4: the families take turns, beginning with that of the first address. */
    private static List<InetAddress> alternate(InetAddress[] found) {
        Deque<InetAddress> first = new ArrayDeque<>();
        Deque<InetAddress> second = new ArrayDeque<>();
        boolean six = found[0] instanceof Inet6Address;
        Arrays.stream(found)
                .forEach(a -> ((a instanceof Inet6Address) == six ? first : second).add(a));
        var order = new ArrayList<InetAddress>();
        while (!first.isEmpty() || !second.isEmpty()) {
            if (!first.isEmpty()) {
                order.add(first.poll());
            }
            if (!second.isEmpty()) {
                order.add(second.poll());
            }
        }
        return order;
    }

    /** One address being tried; written by its thread before it enters the queue of results. */
    private static final class Attempt {
        final SocketAddress address;
        final SocketChannel channel;
        IOException failure;

        Attempt(SocketAddress address, SocketChannel channel) {
            this.address = address;
            this.channel = channel;
        }
    }

    /**
     * Connects to the first address that answers.
     *
     * @param addresses in the order to try them, at least one
     * @param bound an open channel to use for the only attempt, or null to open one each
     * @return the connected channel, in blocking mode
     * @throws IOException if none answered, or the time was up, or the effort was cancelled; what
     *     the other addresses said is in its suppressed exceptions
     */
    public SocketChannel connect(List<? extends SocketAddress> addresses, SocketChannel bound)
            throws IOException {
        var results = new MpscQueue<Attempt>(addresses.size(), 1);
        var open = new ArrayList<SocketChannel>();
        SocketChannel winner = null;
        IOException failure = null;
        int next = 0;
        int running = 0;
        long nextAt = System.nanoTime();
        try {
            while (winner == null) {
                long now = System.nanoTime();
                if (next < addresses.size() && now - nextAt >= 0) {
                    SocketAddress address = addresses.get(next++);
                    try {
                        var attempt = new Attempt(address, bound != null ? bound : open(address));
                        open.add(attempt.channel);
                        running++;
                        nextAt = now + STAGGER;
                        Threads.start("peerloom-connect", () -> run(attempt, results));
                    } catch (IOException e) { // no descriptor, no such address family
                        failure = merge(failure, describe(address, e));
                        nextAt = now;
                    }
                } else if (running == 0 && next == addresses.size()) {
                    throw failure;
                } else {
                    long left = deadline - now;
                    boolean more = next < addresses.size();
                    await(
                            results::hasArrivals,
                            more ? Math.min(left, nextAt - now) : left,
                            more && nextAt - now < left
                                    ? null
                                    : "connecting to " + addresses.get(0));
                    results.refill();
                    for (Attempt done; winner == null && (done = results.take()) != null; ) {
                        running--;
                        if (done.failure == null) {
                            winner = done.channel;
                        } else {
                            failure = merge(failure, describe(done.address, done.failure));
                            nextAt = System.nanoTime();
                        }
                    }
                }
            }
            return winner;
        } finally {
            for (SocketChannel channel : open) {
                if (channel != winner) {
                    new ChannelWire(channel).close();
                }
            }
        }
    }

    private static SocketChannel open(SocketAddress address) throws IOException {
        return address instanceof InetSocketAddress
                ? SocketChannel.open()
                : SocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    }

    private void run(Attempt attempt, MpscQueue<Attempt> results) {
        try {
            attempt.channel.connect(attempt.address);
        } catch (IOException e) {
            attempt.failure = e;
        } catch (RuntimeException e) { // unresolved or unsupported address
            attempt.failure = new IOException(e);
        }
        results.add(attempt, 0);
        news.signal();
    }

    private static IOException describe(SocketAddress address, IOException e) {
        var described =
                new ConnectException("cannot connect to " + address + ": " + e.getMessage());
        described.initCause(e);
        return described;
    }

    private static IOException merge(IOException all, IOException one) {
        if (all == null) {
            return one;
        }
        all.addSuppressed(one);
        return all;
    }

    /** Waits within the deadline; {@code what} is null where running out of time is no failure. */
    private void await(BooleanSupplier condition, long nanos, String what) throws IOException {
        boolean held =
                news.await(() -> condition.getAsBoolean() || cancelled.getAsBoolean(), nanos);
        if (cancelled.getAsBoolean()) {
            throw new AsynchronousCloseException();
        }
        if (!held && what != null) {
            throw new SocketTimeoutException(
                    what + " took longer than " + timeout.toMillis() + " ms");
        }
    }
}
