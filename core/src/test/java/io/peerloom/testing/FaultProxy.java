package io.peerloom.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A TCP proxy that does to each connection what networks do, at given places of its byte streams.
 * It runs on platform threads, so that it is never in the way of what is tested.
 */
public final class FaultProxy implements AutoCloseable {

    /** What happens. */
    public enum Kind {
        /** From here on bytes arrive in pieces of that many. */
        SPLIT,
        /** They stop for that many milliseconds. */
        DELAY,
        /** They stop for good, and nobody is told. */
        STALL,
        /** Both connections are reset. */
        RESET,
        /** This direction ends, the other one goes on. */
        HALF_CLOSE
    }

    /**
     * One fault.
     *
     * @param up whether it is in what the client sends
     * @param offset after how many bytes of that direction
     * @param kind what happens
     * @param amount of {@link Kind#SPLIT} and {@link Kind#DELAY}
     */
    public record Fault(boolean up, int offset, Kind kind, int amount) {}

    private static final int BUFFER = 16 * 1024;

    private final ServerSocket listening;
    private final int target;
    private final List<Fault> plan;
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private final Queue<Thread> threads = new ConcurrentLinkedQueue<>();
    private final AtomicInteger passedUp = new AtomicInteger();
    private final AtomicInteger passedDown = new AtomicInteger();
    private final CountDownLatch closed = new CountDownLatch(1);

    /** Starts a proxy in front of a port of this machine. */
    public FaultProxy(int target, List<Fault> plan) throws IOException {
        this.target = target;
        this.plan = plan.stream().sorted(Comparator.comparingInt(Fault::offset)).toList();
        listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    /**
     * How many bytes of one direction it has passed on, of all connections together.
     *
     * @param up what clients sent
     */
    public int passed(boolean up) {
        return (up ? passedUp : passedDown).get();
    }

    /** Where to connect to. */
    public int port() {
        return listening.getLocalPort();
    }

    private void start(Runnable task) {
        Thread thread = Thread.ofPlatform().daemon().name("fault-proxy").unstarted(task);
        threads.add(thread);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listening.accept();
                Socket server = new Socket();
                sockets.add(client);
                sockets.add(server);
                server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                start(() -> pump(true, client, server));
                start(() -> pump(false, server, client));
            }
        } catch (IOException e) {
            // closed
        }
    }

    /** Moves bytes one way until they end, or a fault ends them. */
    private void pump(boolean up, Socket from, Socket to) {
        var faults = new ArrayList<>(plan.stream().filter(f -> f.up() == up).toList());
        byte[] buffer = new byte[BUFFER];
        int offset = 0;
        int piece = BUFFER;
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            while (true) {
                while (!faults.isEmpty() && faults.get(0).offset() <= offset) {
                    Fault fault = faults.remove(0);
                    switch (fault.kind()) {
                        case SPLIT -> piece = Math.clamp(fault.amount(), 1, BUFFER);
                        case DELAY -> closed.await(fault.amount(), TimeUnit.MILLISECONDS);
                        case STALL -> {
                            return;
                        }
                        case RESET -> {
                            reset(from);
                            reset(to);
                            return;
                        }
                        case HALF_CLOSE -> {
                            to.shutdownOutput();
                            return;
                        }
                    }
                }
                int next = faults.isEmpty() ? BUFFER : faults.get(0).offset() - offset;
                int n = in.read(buffer, 0, Math.min(piece, next));
                if (n < 0) {
                    to.shutdownOutput();
                    return;
                }
                out.write(buffer, 0, n);
                offset += n;
                (up ? passedUp : passedDown).addAndGet(n);
            }
        } catch (IOException e) {
            reset(from); // one side is gone: the other hears of it
            reset(to);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // it was closed before
        }
    }

    /** Resets what is left of all connections. */
    @Override
    public void close() throws IOException {
        closed.countDown();
        listening.close();
        sockets.forEach(FaultProxy::reset);
        try {
            for (Thread thread : threads) {
                if (!thread.join(Duration.ofSeconds(20))) {
                    throw new AssertionError("a thread of the proxy does not end");
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        sockets.forEach(FaultProxy::reset); // connected while we looked
    }
}
