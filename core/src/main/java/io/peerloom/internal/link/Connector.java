package io.peerloom.internal.link;

import io.peerloom.internal.queue.MpscQueue;
import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnsupportedAddressTypeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/**
 * Resolves a name and connects to the first of its addresses that answers: "happy eyeballs", RFC
 * 8305.
 *
 * <p>Attempts start a quarter of a second apart, or as soon as the one before failed, alternating
 * between address families; each runs on a virtual thread of its own, and the first that connects
 * wins. All of it blocks only the calling (virtual) thread and stays within one deadline.
 */
public final class Connector {

    private static final String BYTE = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";

    /** Four decimal numbers; a shorter form or another base is not taken for an address. */
    private static final Pattern IPV4 = Pattern.compile(BYTE + "(?:\\." + BYTE + "){3}");

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
     * @param host a name, also one beyond ASCII, or an address literal; an IPv6 literal may stand
     *     in brackets
     * @param port for the result
     * @return its addresses in the order to try them, at least one
     * @throws UnknownHostException if there is none
     * @throws IOException if the time was up or the effort cancelled
     */
    public List<InetSocketAddress> resolve(String host, int port) throws IOException {
        InetAddress[] found;
        if (isLiteral(host)) {
            InetAddress address = parse(host);
            if (address == null) {
                String what =
                        host.indexOf('%') >= 0 ? "no interface of that zone" : "not an address";
                throw new UnknownHostException(what + ": \"" + host + "\"");
            }
            found = new InetAddress[] {address};
        } else {
            String name = ascii(host);
            var result = new AtomicReference<Object>();
            Threads.startBlocking(
                    "peerloom-resolve",
                    () -> {
                        try {
                            result.set(InetAddress.getAllByName(name));
                        } catch (UnknownHostException | RuntimeException e) {
                            result.set(e);
                        }
                        news.signal();
                    });
            await(() -> result.get() != null, deadline - System.nanoTime(), "resolving " + name);
            if (!(result.get() instanceof InetAddress[] addresses)) {
                var failure = new UnknownHostException("cannot resolve host \"" + name + "\"");
                failure.initCause((Exception) result.get());
                throw failure;
            }
            found = addresses;
        }
        return alternate(found).stream().map(a -> new InetSocketAddress(a, port)).toList();
    }

    private static String ascii(String host) throws UnknownHostException {
        try {
            return HostNames.toAscii(host);
        } catch (IllegalArgumentException e) {
            var failure = new UnknownHostException("cannot resolve host: " + e.getMessage());
            failure.initCause(e);
            throw failure;
        }
    }

    /**
     * {@return whether a host has the form of an IPv4 or IPv6 address rather than of a name} With a
     * colon it can be no name, whatever else it is.
     *
     * @param host the host as written in a URL or a call
     */
    public static boolean isLiteral(String host) {
        return host.indexOf(':') >= 0 || IPV4.matcher(host).matches();
    }

    /** The address that a host of such a form is, or null: asks nobody, so it does not block. */
    private static InetAddress parse(String host) {
        // The JDK looks up what does not begin like an address as if it were a name, colons or not.
        char first = host.charAt(0);
        if (!HexFormat.isHexDigit(first) && first != ':' && first != '[') {
            return null;
        }
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            return null;
        }
    }

    /**
     * {@return the address to bind to, or null if the host is no address}
     *
     * @param host an address literal, or {@code "*"} for all addresses of both families
     * @param port 0 to 65535
     */
    public static InetSocketAddress localAddress(String host, int port) {
        boolean any = host.equals("*");
        InetAddress address = any ? parse("::") : isLiteral(host) ? parse(host) : null;
        return address == null ? null : new InetSocketAddress(address, port);
    }

    /**
     * Binds a channel to a {@linkplain #localAddress local address}.
     *
     * @param channel open and not bound
     * @param address where
     * @throws IOException if the system refuses; the channel stays open
     */
    public static void bind(SocketChannel channel, InetSocketAddress address) throws IOException {
        try {
            channel.bind(address);
        } catch (UnsupportedAddressTypeException e) {
            channel.bind(withoutIpv6(address));
        }
    }

    /**
     * {@return what to try next when the system has no socket of an address's kind} All addresses
     * of both families are those of IPv4 on a system, or in a JVM, without IPv6.
     *
     * @param address that was refused
     * @throws BindException if there is nothing else to try
     */
    static InetSocketAddress withoutIpv6(InetSocketAddress address) throws BindException {
        if (!address.getAddress().isAnyLocalAddress()
                || address.getAddress() instanceof Inet4Address) {
            throw new BindException("no socket of this kind of address here: " + address);
        }
        return new InetSocketAddress(address.getPort());
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
     * @param bound an open channel with a local address of its own, or null to open one for each
     *     attempt. A local address is used by one socket at a time, so with it the next attempt
     *     begins when the one before has failed
     * @return the connected channel, in blocking mode
     * @throws IOException if none answered, or the time was up, or the effort was cancelled; what
     *     the other addresses said is in its suppressed exceptions. {@code bound} is closed then
     */
    public SocketChannel connect(List<? extends SocketAddress> addresses, SocketChannel bound)
            throws IOException {
        var results = new MpscQueue<Attempt>(addresses.size(), 1);
        var open = new ArrayList<SocketChannel>();
        SocketAddress local = null;
        if (bound != null) {
            open.add(bound);
            local = bound.getLocalAddress();
        }
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
                        boolean first = bound != null && next == 1;
                        var attempt = new Attempt(address, first ? bound : open(address, open));
                        if (local != null && !first) {
                            attempt.channel.bind(local);
                        }
                        start(attempt, results);
                        running++;
                        nextAt = now + (local == null ? STAGGER : Nanos.FOREVER);
                    } catch (IOException | UnsupportedOperationException e) {
                        // no descriptor, no sockets of that kind
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
                            new ChannelWire(done.channel).close();
                            failure = merge(failure, describe(done.address, done.failure));
                            nextAt = System.nanoTime();
                        }
                    }
                }
            }
            return winner;
        } catch (SocketTimeoutException e) {
            if (failure != null) {
                e.addSuppressed(failure);
            }
            throw e;
        } finally {
            for (SocketChannel channel : open) {
                if (channel != winner) {
                    new ChannelWire(channel).close();
                }
            }
        }
    }

    private static SocketChannel open(SocketAddress address, List<SocketChannel> open)
            throws IOException {
        SocketChannel channel =
                address instanceof InetSocketAddress
                        ? SocketChannel.open()
                        : SocketChannel.open(StandardProtocolFamily.UNIX);
        open.add(channel);
        return channel;
    }

    /**
     * Begins an attempt on a thread of its own. For a Unix socket it has to be a platform thread:
     * where the backlog is full, a socket in non-blocking mode, which is the mode in which virtual
     * threads have it, gets no connection in progress that could be waited for, but an error, and
     * some releases of the JDK take that for success. A socket in blocking mode waits.
     */
    private void start(Attempt attempt, MpscQueue<Attempt> results) {
        Runnable task = () -> run(attempt, results);
        if (attempt.address instanceof InetSocketAddress) {
            Threads.start("peerloom-connect", task);
        } else {
            Threads.startBlocking("peerloom-connect", task);
        }
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

    private static IOException describe(SocketAddress address, Exception e) {
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
