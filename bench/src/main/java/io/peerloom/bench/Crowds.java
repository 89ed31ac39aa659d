package io.peerloom.bench;

import com.sun.management.ThreadMXBean;
import io.peerloom.ErrorCode;
import io.peerloom.bench.Entry.Kind;
import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.bench.LoadGenerator.Role;
import io.peerloom.bench.Sockets.Cell;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/**
 * What many connections cost a server: memory while they are idle, a poll while few of them are
 * active, a broadcast to all of them, and one of them that does not read.
 *
 * <p>Idle memory is the difference between two moments after collections: when some connections
 * have come and gone, and when all are there and had one message echoed. The young generation is
 * small and the old one is given back, so that what is resident is what is needed.
 */
final class Crowds {
    /** How many connections come and go before idle memory is measured. */
    private static final int FIRST = 500;

    private static final List<String> IDLE_JVM =
            List.of(
                    "-XX:+UseSerialGC",
                    "-Xmx1g",
                    "-Xmn16m",
                    "-XX:MinHeapFreeRatio=5",
                    "-XX:MaxHeapFreeRatio=10");

    private static final int POLLS = 200_000;
    private static final int BROADCASTS = 20;
    private static final int BROADCAST_SIZE = 1024;

    private static final String ROW_HEAD =
            """
            | | k msg/s alone | beside | CPU, µs per message, alone | beside |
            |---|---:|---:|---:|---:|
            """;

    private static final String POLL = "poll";
    private static final String BROADCAST = "broadcast";

    private final Sockets sockets;
    private final int size;
    private boolean failed;

    /**
     * Measures.
     *
     * @param size how many connections a crowd has
     */
    Crowds(Sockets sockets, int size) {
        this.sockets = sockets;
        this.size = size;
    }

    private static Plan plan(int port, boolean webSocket, int connections, int payload) {
        Duration none = Duration.ZERO;
        return new Plan(port, webSocket, Mode.PLAIN, connections, payload, 1, none, none, 0);
    }

    /** Returns when all are there. */
    private Child crowd(int port, boolean webSocket, int connections, int payload)
            throws IOException, InterruptedException {
        Plan plan = plan(port, webSocket, connections, payload);
        Child crowd = sockets.other(LoadGenerator.class, Role.CROWD.with(plan));
        try {
            crowd.await(LoadGenerator.READY, Duration.ofMinutes(2));
            return crowd;
        } catch (IOException | InterruptedException e) {
            crowd.close();
            throw e;
        }
    }

    // Idle memory

    /** Whether anything failed so far. */
    boolean hasFailed() {
        return failed;
    }

    /** A table of the servers. */
    String idle(List<Entry<Servers.Start>> servers) throws InterruptedException {
        var text = new StringBuilder("## Idle connections\n\n");
        text.append(
                "KB for each of %,d connections, `%s`:\n\n"
                        .formatted(size, String.join(" ", IDLE_JVM)));
        text.append("| | resident | live heap |\n|---|---:|---:|\n");
        for (Entry<Servers.Start> server : servers) {
            String figures;
            try {
                figures = idle(server);
            } catch (IOException e) { // the others are worth having
                failed = true;
                figures = "failed | " + e.getMessage();
            }
            System.out.println("idle, " + server.name() + ": " + figures);
            text.append("| ").append(server.name()).append(" | ").append(figures).append(" |\n");
        }
        return text.toString();
    }

    private String idle(Entry<Servers.Start> server) throws IOException, InterruptedException {
        List<String> arguments = List.of(server.mainName(), Mode.PLAIN.name());
        boolean webSocket = server.kind() == Kind.WEBSOCKET;
        try (Child echo = sockets.subject(IDLE_JVM, server, Servers.class, arguments)) {
            int port = Integer.parseInt(echo.await(Subject.LISTENING, Child.PATIENCE));
            crowd(port, webSocket, Math.min(FIRST, size), 64).close();
            Thread.sleep(500); // the server sees them go
            long[] before = numbers(echo.ask(Subject.MEMORY));
            Child crowd = crowd(port, webSocket, size, 64);
            try {
                long[] after = numbers(echo.ask(Subject.MEMORY));
                return SocketReport.figure((after[1] - before[1]) / 1e3 / size)
                        + " | "
                        + SocketReport.figure((after[0] - before[0]) / 1e3 / size);
            } finally {
                crowd.close();
            }
        }
    }

    private static long[] numbers(String text) {
        return Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
    }

    // Polling, broadcasting, a slow reader

    String polls() throws IOException, InterruptedException {
        var text =
                new StringBuilder(
                        """
                        ## A poll with nothing to do

                        `poll()` of a server when nothing happened:

                        | idle peers | ns | B allocated |
                        |---:|---:|---:|
                        """);
        for (int peers : List.of(0, size / 100, size)) {
            try (Child server = sockets.subject(Crowds.class, List.of("peerloom"))) {
                int port = Integer.parseInt(server.await(Subject.LISTENING, Child.PATIENCE));
                Child crowd = peers == 0 ? null : crowd(port, true, peers, BROADCAST_SIZE);
                server.ask(POLL); // warms up
                long[] figures = numbers(server.ask(POLL));
                text.append(
                        "| %,d | %s | %s |\n"
                                .formatted(
                                        peers,
                                        SocketReport.figure((double) figures[0] / POLLS),
                                        SocketReport.figure((double) figures[1] / POLLS)));
                if (crowd != null) {
                    crowd.close();
                }
            }
        }
        return text.toString();
    }

    String active() throws IOException, InterruptedException {
        var text =
                new StringBuilder(
                        "## Active among idle\n\n"
                                + "Ten connections with a message of 64 B in flight each, ");
        text.append("alone and beside %,d idle ones:\n\n".formatted(size)).append(ROW_HEAD);
        var cell = new Cell(10, 64, 1);
        for (String name : List.of("peerloom-poll", "peerloom-blocking", "netty-epoll-unsafe")) {
            Entry<Servers.Start> server = Entry.named(name, Servers.ALL);
            Result alone = sockets.server(server, cell, (port, kind) -> null);
            Result beside =
                    sockets.server(server, cell, (port, kind) -> crowd(port, true, size, 64));
            text.append(row(name, alone, beside));
        }
        return text.toString();
    }

    String slowReader() throws IOException, InterruptedException {
        int connections = Math.max(1, size / 10);
        var text = new StringBuilder("## A slow reader\n\n");
        text.append("%,d connections with a message ".formatted(connections));
        text.append("of 64 B in flight each, alone and beside one that sends and does not read:");
        text.append("\n\n").append(ROW_HEAD);
        var cell = new Cell(connections, 64, 1);
        for (String name : List.of("raw", "peerloom-poll", "peerloom-blocking")) {
            Entry<Servers.Start> server = Entry.named(name, Servers.ALL);
            Result alone = sockets.server(server, cell, (port, kind) -> null);
            Result beside = sockets.server(server, cell, this::deaf);
            text.append(row(name, alone, beside));
        }
        return text.toString();
    }

    private Child deaf(int port, Kind kind) throws IOException, InterruptedException {
        Plan plan = plan(port, kind == Kind.WEBSOCKET, 1, 64);
        Child deaf = sockets.other(LoadGenerator.class, Role.DEAF.with(plan));
        deaf.await(LoadGenerator.READY, Child.PATIENCE);
        return deaf;
    }

    private static String row(String name, Result alone, Result beside) {
        return "| %s | %s | %s | %s | %s |\n"
                .formatted(
                        name,
                        SocketReport.figure(alone.perSecond() / 1e3),
                        SocketReport.figure(beside.perSecond() / 1e3),
                        SocketReport.figure(alone.microsPerMessage()),
                        SocketReport.figure(beside.microsPerMessage()));
    }

    String broadcasts() throws IOException, InterruptedException {
        var text = new StringBuilder("## Broadcast\n\nA message of 1 KiB to each of ");
        text.append("%,d connections, mean of %d, until ".formatted(size, BROADCASTS));
        text.append("the last one has it:\n\n");
        text.append("| | µs per peer | CPU, µs per peer | B allocated per peer |\n");
        text.append("|---|---:|---:|---:|\n");
        for (String kind : List.of("raw", "peerloom")) {
            try (Child server = sockets.subject(Crowds.class, List.of(kind))) {
                int port = Integer.parseInt(server.await(Subject.LISTENING, Child.PATIENCE));
                try (Child crowd = crowd(port, kind.equals("peerloom"), size, BROADCAST_SIZE)) {
                    broadcast(server, crowd); // warms up
                    long allocated = server.allocated();
                    long cpu = LoadGenerator.cpu(server.process.toHandle());
                    long nanos = System.nanoTime();
                    broadcast(server, crowd);
                    nanos = System.nanoTime() - nanos;
                    cpu = LoadGenerator.cpu(server.process.toHandle()) - cpu;
                    allocated = server.allocated() - allocated;
                    double peers = (double) BROADCASTS * size;
                    text.append(
                            "| %s | %s | %s | %s |\n"
                                    .formatted(
                                            kind.equals("raw") ? "raw, a loop of writes" : kind,
                                            SocketReport.figure(nanos / 1e3 / peers),
                                            SocketReport.figure(cpu / 1e3 / peers),
                                            SocketReport.figure(allocated / peers)));
                }
            }
        }
        return text.toString();
    }

    private static void broadcast(Child server, Child crowd)
            throws IOException, InterruptedException {
        for (int i = 0; i < BROADCASTS; i++) {
            crowd.tell("1");
            server.ask(BROADCAST);
            crowd.await(LoadGenerator.GOT, Child.PATIENCE);
        }
    }

    // The servers of that

    /**
     * Serves until the standard input ends.
     *
     * @param args {@code peerloom} or {@code raw}
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        if (args[0].equals("raw")) {
            raw();
        } else {
            polled();
        }
    }

    private static void polled() throws IOException {
        var server = new WebSocketServer();
        server.setBindIp("127.0.0.1");
        server.setListener(
                new WebSocketServer.Listener() {
                    @Override
                    public void dataReceived(int id) {
                        WebSocketPeer peer = server.getPeer(id);
                        peer.send(peer.takeMessage());
                    }
                });
        if (server.listen(0) != ErrorCode.OK) {
            throw new IOException(server.getFailure().orElse(null));
        }
        Message message = Message.binary(new byte[BROADCAST_SIZE]);
        Queue<Runnable> orders = new ConcurrentLinkedQueue<>();
        Thread.ofPlatform()
                .name("poll")
                .start(() -> {
                    while (true) {
                        server.awaitActivity(Duration.ofSeconds(1));
                        server.poll();
                        for (Runnable order; (order = orders.poll()) != null; ) {
                            order.run();
                        }
                    }
                });
        Subject.listening(server.getLocalPort());
        Subject.obeyParent(
                Map.of(
                        POLL,
                        () -> onLoop(server, orders, () -> polls(server)),
                        BROADCAST,
                        () -> onLoop(server, orders, () -> server.broadcast(message))));
    }

    private static Object onLoop(WebSocketServer server, Queue<Runnable> orders, Supplier<?> what) {
        var done = new CompletableFuture<Object>();
        orders.add(() -> done.complete(what.get()));
        server.wakeup();
        return done.join();
    }

    /** Nanoseconds and bytes of many polls. */
    private static String polls(WebSocketServer server) {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long bytes = threads.getCurrentThreadAllocatedBytes();
        long nanos = System.nanoTime();
        for (int i = 0; i < POLLS; i++) {
            server.poll();
        }
        nanos = System.nanoTime() - nanos;
        bytes = threads.getCurrentThreadAllocatedBytes() - bytes;
        return nanos + " " + bytes;
    }

    private static void raw() throws IOException {
        var server = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
        byte[] message = new byte[BROADCAST_SIZE + 8]; // as a client's frame of it
        RawServers.accept(
                server,
                socket -> {
                    try {
                        socket.setTcpNoDelay(true);
                        InputStream in = socket.getInputStream();
                        OutputStream out = socket.getOutputStream();
                        byte[] first = in.readNBytes(message.length);
                        sockets.add(socket);
                        out.write(first);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
        Subject.listening(server.getLocalPort());
        Subject.obeyParent(
                Map.of(
                        BROADCAST,
                        () -> {
                            for (Socket socket : sockets) {
                                socket.getOutputStream().write(message);
                            }
                            return sockets.size();
                        }));
    }
}
