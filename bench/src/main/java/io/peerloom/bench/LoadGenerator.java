package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;

/**
 * Keeps an echo server busy and counts what comes back. It runs in a process of its own, has
 * nothing of Peerloom in it, and costs as little as one thread with a selector can: the masked
 * frames are encoded once, before the start, and lie as often as may be in flight side by side in
 * one buffer, of which each connection writes as much as it owes in one call; of what comes back
 * only the lengths of frames are looked at, and the payload is passed over.
 *
 * <p>Each connection keeps a fixed number of messages in flight: it answers each read by as many
 * new messages as that read completed. A server that echoes bytes gets the same bytes as one that
 * speaks WebSocket, and the whole frame counts as its message.
 *
 * <p>The first message that each connection gets back is compared byte by byte. At the end nothing
 * more is sent, and everything must come back. A server that sends anything else, closes, or says
 * nothing for ten seconds, is a failure of the run.
 */
final class LoadGenerator {
    /**
     * What to do.
     *
     * @param port where the server listens on 127.0.0.1
     * @param webSocket whether it speaks WebSocket; else it echoes bytes
     * @param connections how many
     * @param payload bytes of each message
     * @param inFlight messages of each connection that are sent and not back
     * @param warmup how long to run before counting
     * @param window how long to count
     * @param serverPid the server's process, 0 if nobody wants to know its CPU time
     */
    record Plan(
            int port,
            boolean webSocket,
            int connections,
            int payload,
            int inFlight,
            Duration warmup,
            Duration window,
            long serverPid) {
        List<String> toArguments() {
            return List.of(
                    Integer.toString(port),
                    Boolean.toString(webSocket),
                    Integer.toString(connections),
                    Integer.toString(payload),
                    Integer.toString(inFlight),
                    warmup.toString(),
                    window.toString(),
                    Long.toString(serverPid));
        }

        static Plan parse(String[] args) {
            return new Plan(
                    Integer.parseInt(args[0]),
                    Boolean.parseBoolean(args[1]),
                    Integer.parseInt(args[2]),
                    Integer.parseInt(args[3]),
                    Integer.parseInt(args[4]),
                    Duration.parse(args[5]),
                    Duration.parse(args[6]),
                    Long.parseLong(args[7]));
        }
    }

    /**
     * What was counted in the window. CPU times are those that the system counts for the process,
     * in /proc/PID/stat on Linux, in steps of 10 ms.
     *
     * @param messages that came back
     * @param nanos the window's true length
     * @param serverCpuNanos CPU time of the server
     * @param loadCpuNanos CPU time of this process
     * @param starved how many connections got nothing back in the window
     * @param total messages that came back in the whole run, all that were sent
     */
    record Result(
            long messages,
            long nanos,
            long serverCpuNanos,
            long loadCpuNanos,
            int starved,
            long total) {
        @Override
        public String toString() {
            return "%d %d %d %d %d %d"
                    .formatted(messages, nanos, serverCpuNanos, loadCpuNanos, starved, total);
        }

        static Result parse(String line) {
            String[] fields = line.split(" ");
            return new Result(
                    Long.parseLong(fields[0]),
                    Long.parseLong(fields[1]),
                    Long.parseLong(fields[2]),
                    Long.parseLong(fields[3]),
                    Integer.parseInt(fields[4]),
                    Long.parseLong(fields[5]));
        }

        double perSecond() {
            return messages * 1e9 / nanos;
        }

        double serverMicrosPerMessage() {
            return serverCpuNanos / 1e3 / messages;
        }

        /** The part of one core that the server had. */
        double serverShare() {
            return (double) serverCpuNanos / nanos;
        }

        /** The part of one core that this process had; near 1 it is itself what is measured. */
        double loadShare() {
            return (double) loadCpuNanos / nanos;
        }
    }

    /** How long a server may say nothing. */
    private static final long SILENCE_NANOS = Duration.ofSeconds(10).toNanos();

    private static final int READ_BUFFER = 256 * 1024;

    /** The longest header that a server sends. */
    private static final int HEADER = 10;

    private static final int BOTH = SelectionKey.OP_READ | SelectionKey.OP_WRITE;
    private static final int FIN = 0x80;
    private static final int CONTINUATION = 0;
    private static final int BINARY = 2;
    private static final int PING = 9;
    private static final int PONG = 10;

    /** What a client sends last: a masked close frame with code 1000. */
    private static final byte[] GOODBYE = {(byte) 0x88, (byte) 0x82, 0, 0, 0, 0, 3, (byte) 0xE8};

    private final Plan plan;

    /** What has to come back for the first message. */
    private final ByteBuffer expected;

    private final int frameLength;

    /** One frame more than may be in flight, so that a write can begin inside any of the first. */
    private final ByteBuffer batch;

    /** One read; before it there is room for the piece of a header that the last one ended with. */
    private final ByteBuffer in = ByteBuffer.allocateDirect(HEADER + READ_BUFFER);

    private final List<Connection> connections = new ArrayList<>();

    /** False at the end, when only what is in flight is waited for. */
    private boolean sending = true;

    private long received;

    /** When {@link #received} was seen to change, and to what. */
    private long lastChange;

    private long lastReceived;

    private LoadGenerator(Plan plan) {
        this.plan = plan;
        var random = new Random(plan.payload());
        byte[] payload = new byte[plan.payload()];
        random.nextBytes(payload);
        byte[] key = new byte[4];
        random.nextBytes(key);
        byte[] frame = frame(payload, key);
        frameLength = frame.length;
        expected = ByteBuffer.wrap(plan.webSocket() ? payload : frame);
        batch = ByteBuffer.allocateDirect(Math.multiplyExact(plan.inFlight() + 1, frameLength));
        while (batch.hasRemaining()) {
            batch.put(frame);
        }
    }

    /**
     * Runs one plan, whose parts are the arguments, and prints the result.
     *
     * @param args see {@link Plan}
     */
    public static void main(String[] args) {
        try {
            System.out.println(run(Plan.parse(args)));
        } catch (IOException e) {
            System.err.println("load generator: " + e.getMessage());
            System.exit(1);
        }
    }

    /**
     * Runs one plan on this thread.
     *
     * @throws IOException if the server did anything but echo
     */
    static Result run(Plan plan) throws IOException {
        var generator = new LoadGenerator(plan);
        try (Selector selector = Selector.open()) {
            return generator.run(selector);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            for (Connection connection : generator.connections) {
                connection.channel.close();
            }
        }
    }

    private Result run(Selector selector) throws IOException {
        for (int i = 0; i < plan.connections(); i++) {
            connections.add(new Connection(connect()));
        }
        lastChange = System.nanoTime();
        for (Connection connection : connections) {
            connection.start(selector);
        }
        runFor(selector, plan.warmup());
        long[] before = connections.stream().mapToLong(c -> c.received).toArray();
        Snapshot start = snapshot();
        runFor(selector, plan.window());
        Snapshot end = snapshot();
        int starved = 0;
        for (int i = 0; i < before.length; i++) {
            starved += connections.get(i).received == before[i] ? 1 : 0;
        }
        sending = false;
        while (connections.stream().anyMatch(c -> c.received < c.sent)) {
            runFor(selector, Duration.ofMillis(1));
        }
        if (plan.webSocket()) {
            for (Connection connection : connections) {
                connection.channel.write(ByteBuffer.wrap(GOODBYE));
            }
        }
        return new Result(
                end.messages - start.messages,
                end.nanos - start.nanos,
                end.serverCpu - start.serverCpu,
                end.loadCpu - start.loadCpu,
                starved,
                received);
    }

    private record Snapshot(long messages, long nanos, long serverCpu, long loadCpu) {}

    private Snapshot snapshot() {
        long server = plan.serverPid() == 0 ? 0 : cpu(ProcessHandle.of(plan.serverPid()).get());
        return new Snapshot(received, System.nanoTime(), server, cpu(ProcessHandle.current()));
    }

    private static long cpu(ProcessHandle process) {
        return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
    }

    private void runFor(Selector selector, Duration time) throws IOException {
        long end = System.nanoTime() + time.toNanos();
        for (long now; (now = System.nanoTime()) < end; ) {
            if (received != lastReceived) {
                lastReceived = received;
                lastChange = now;
            } else if (now - lastChange > SILENCE_NANOS) {
                throw new IOException("nothing came back for ten seconds");
            }
            selector.select(this::ready, Math.max(1, (end - now) / 1_000_000));
        }
    }

    private void ready(SelectionKey key) {
        var connection = (Connection) key.attachment();
        try {
            if (key.isReadable()) {
                connection.read();
            } else {
                connection.write();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One connection: what it owes the server, and where it stands in what comes back. */
    private final class Connection {
        private final SocketChannel channel;
        private SelectionKey key;

        /** Messages that were begun to be sent, and that came back whole. */
        private long sent;

        private long received;

        /** Bytes to send, and where in the batch they begin: inside the first frame. */
        private int owed;

        private int at;

        /** Whether a frame comes next, and not the rest of one. */
        private boolean between = true;

        /** The frame under way: whether it counts, whether it ends its message, what is to come. */
        private boolean data;

        private boolean last;
        private long remaining;

        /** The message under way: what of it has come, over all of its frames. */
        private long size;

        /** The piece of a header that the last read ended with. */
        private final byte[] piece = new byte[HEADER];

        private int pieceLength;

        Connection(SocketChannel channel) {
            this.channel = channel;
        }

        void start(Selector selector) throws IOException {
            channel.configureBlocking(false);
            key = channel.register(selector, SelectionKey.OP_READ, this);
            send(plan.inFlight());
        }

        private void send(int messages) throws IOException {
            sent += messages;
            owed += messages * frameLength;
            write();
        }

        void write() throws IOException {
            batch.limit(at + owed).position(at);
            int written = channel.write(batch);
            owed -= written;
            at = (at + written) % frameLength;
            int interest = owed == 0 ? SelectionKey.OP_READ : BOTH;
            if (key.interestOps() != interest) {
                key.interestOps(interest);
            }
        }

        void read() throws IOException {
            in.clear().put(piece, 0, pieceLength).limit(pieceLength + READ_BUFFER);
            if (channel.read(in) < 0) {
                throw new IOException("the server closed after " + received + " messages");
            }
            pieceLength = 0;
            int messages = plan.webSocket() ? frames(in.position()) : bytes(in.position());
            if (messages > 0) {
                received += messages;
                LoadGenerator.this.received += messages;
                if (sending) {
                    send(messages);
                    return;
                }
            }
            if (owed > 0) {
                write();
            }
        }

        /** Counts what a server of bytes sent: each frame's length of them is a message. */
        private int bytes(int to) throws IOException {
            if (received == 0) {
                compare(0, (int) Math.min(to, frameLength - size));
            }
            size += to;
            int messages = (int) (size / frameLength);
            size %= frameLength;
            return messages;
        }

        /** Counts what a WebSocket server sent, whatever frames it puts a message in. */
        private int frames(int to) throws IOException {
            int messages = 0;
            int from = 0;
            while (from < to) {
                if (between) {
                    int payload = header(from, to);
                    if (payload < 0) {
                        pieceLength = to - from;
                        in.get(from, piece, 0, pieceLength);
                        break;
                    }
                    from = payload;
                    between = false;
                }
                int part = (int) Math.min(remaining, to - from);
                if (data) {
                    if (received + messages == 0) {
                        compare(from, part);
                    }
                    size += part;
                }
                from += part;
                remaining -= part;
                if (remaining == 0) {
                    between = true;
                    if (data && last) {
                        if (size != plan.payload()) {
                            throw new IOException("a message of " + size + " bytes came back");
                        }
                        size = 0;
                        messages++;
                    }
                }
            }
            return messages;
        }

        /** Takes a header and returns where its payload begins; -1 if it is not whole. */
        private int header(int from, int to) throws IOException {
            if (to - from < 2) {
                return -1;
            }
            int first = in.get(from) & 0xFF;
            int length = in.get(from + 1) & 0xFF; // a mask's bit makes it too long
            int payload = from + (length < 126 ? 2 : length == 126 ? 4 : 10);
            if (payload > to) {
                return -1;
            }
            int opcode = first & ~FIN; // a reserved bit makes it none
            boolean control = opcode == PING || opcode == PONG;
            boolean fits = opcode == BINARY ? size == 0 : opcode == CONTINUATION || control;
            if (!fits || length > 127) {
                throw new IOException("a frame 0x%02X%02X came back".formatted(first, length));
            }
            data = !control;
            last = (first & FIN) != 0;
            remaining =
                    length < 126
                            ? length
                            : length == 126 ? in.getShort(from + 2) & 0xFFFF : in.getLong(from + 2);
            if (data && (remaining < 0 || remaining > plan.payload() - size)) {
                throw new IOException("a frame of " + remaining + " bytes came back");
            }
            return payload;
        }

        private void compare(int from, int length) throws IOException {
            if (length > expected.capacity() - size
                    || !in.slice(from, length).equals(expected.slice((int) size, length))) {
                throw new IOException("what came back is not what was sent");
            }
        }
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel =
                SocketChannel.open(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), plan.port()));
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            if (plan.webSocket()) {
                upgrade(channel);
            }
            return channel;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** The opening handshake of RFC 6455 section 4, read byte by byte so that no frame is eaten. */
    private static void upgrade(SocketChannel channel) throws IOException {
        byte[] nonce = new byte[16];
        new Random().nextBytes(nonce);
        String key = Base64.getEncoder().encodeToString(nonce);
        String request =
                """
                GET / HTTP/1.1
                Host: 127.0.0.1:%d
                Upgrade: websocket
                Connection: Upgrade
                Sec-WebSocket-Key: %s
                Sec-WebSocket-Version: 13

                """
                        .formatted(channel.socket().getPort(), key)
                        .replace("\n", "\r\n");
        channel.write(ByteBuffer.wrap(request.getBytes(ISO_8859_1)));
        channel.socket().setSoTimeout((int) (SILENCE_NANOS / 1_000_000));
        InputStream answer = channel.socket().getInputStream();
        var head = new ByteArrayOutputStream();
        do {
            int octet = answer.read();
            if (octet < 0) {
                throw new IOException("the server closed in the handshake: " + head);
            }
            head.write(octet);
        } while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n"));
        String text = head.toString(ISO_8859_1);
        if (!text.startsWith("HTTP/1.1 101 ") || !text.contains(accept(key))) {
            throw new IOException("the server refused: " + text);
        }
    }

    /** What a server answers to a key (RFC 6455 section 4.2.2). */
    static String accept(String key) {
        try {
            byte[] text = (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(ISO_8859_1);
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-1").digest(text));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every JDK has it
        }
    }

    /** A client's frame of RFC 6455 section 5.2: binary, final, masked. */
    private static byte[] frame(byte[] payload, byte[] key) {
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 14);
        frame.put((byte) (FIN | BINARY));
        if (payload.length < 126) {
            frame.put((byte) (0x80 | payload.length));
        } else if (payload.length < 65_536) {
            frame.put((byte) (0x80 | 126)).putShort((short) payload.length);
        } else {
            frame.put((byte) (0x80 | 127)).putLong(payload.length);
        }
        frame.put(key);
        for (int i = 0; i < payload.length; i++) {
            frame.put((byte) (payload[i] ^ key[i & 3]));
        }
        return Arrays.copyOf(frame.array(), frame.position());
    }
}
