package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
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
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;

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
     * @param mode what the connections do beside that
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
            Mode mode,
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
                    mode.name(),
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
                    Mode.valueOf(args[2]),
                    Integer.parseInt(args[3]),
                    Integer.parseInt(args[4]),
                    Integer.parseInt(args[5]),
                    Duration.parse(args[6]),
                    Duration.parse(args[7]),
                    Long.parseLong(args[8]));
        }
    }

    /** What this process is there for. */
    enum Role {
        /** To run a plan and print the result. */
        LOAD,

        /**
         * To be there: each connection has a message of its plan echoed, {@link #READY} is said,
         * and from then on all that comes is read. A line with a number on the standard input is
         * answered with {@link #GOT} when each connection has received as many messages more. Ends
         * when that input does.
         */
        CROWD,

        /** To send and send and read nothing. Says {@link #READY} when it has begun. */
        DEAF;

        List<String> with(Plan plan) {
            return Stream.concat(Stream.of(name()), plan.toArguments().stream()).toList();
        }
    }

    static final String READY = "ready";
    static final String GOT = "got";

    /** The lines before and after the window, and the beginning of the one with the result. */
    static final String BEGIN = "begin";

    static final String END = "end";

    static final String RESULT = "result ";

    /** How long a server may say nothing. */
    private static final long SILENCE_NANOS = Duration.ofSeconds(10).toNanos();

    private static final int READ_BUFFER = 256 * 1024;

    /** The longest header that a server sends. */
    private static final int HEADER = 10;

    private static final int BOTH = SelectionKey.OP_READ | SelectionKey.OP_WRITE;
    private static final int FIN = 0x80;
    private static final int RSV1 = 0x40;

    /** What an empty stored block adds, and what a message grows by that does not compress. */
    private static final int DEFLATE_SLACK = 1024;

    /** What RFC 7692 section 7.2.1 takes off the end of a message. */
    private static final byte[] DEFLATE_TAIL = {0, 0, (byte) 0xFF, (byte) 0xFF};

    private static final int CONTINUATION = 0;
    private static final int BINARY = 2;
    private static final int PING = 9;
    private static final int PONG = 10;

    /** What is asked for where messages are compressed. */
    static final String OFFER =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    /** What a client sends last: a masked close frame with code 1000. */
    private static final byte[] GOODBYE = {(byte) 0x88, (byte) 0x82, 0, 0, 0, 0, 3, (byte) 0xE8};

    /** A masked pong, with nothing in it. */
    private static final byte[] SIGN_OF_LIFE = {(byte) 0x8A, (byte) 0x80, 0, 0, 0, 0};

    private final Plan plan;

    /** Null without TLS. */
    private final SSLContext sslContext;

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

    /** Whether this is a crowd, which shows signs of life. */
    private boolean staying;

    private long received;

    /** When {@link #received} was seen to change, and to what. */
    private long lastChange;

    private long lastReceived;

    private LoadGenerator(Plan plan) throws IOException {
        this.plan = plan;
        sslContext = plan.mode() == Mode.TLS ? Certificate.sslContext() : null;
        var random = new Random(plan.payload());
        byte[] payload = payload(plan.payload(), plan.mode());
        byte[] key = new byte[4];
        random.nextBytes(key);
        byte[] frame =
                plan.mode() == Mode.DEFLATE
                        ? frame(FIN | RSV1 | BINARY, deflate(payload), key)
                        : frame(FIN | BINARY, payload, key);
        frameLength = frame.length;
        expected = ByteBuffer.wrap(plan.webSocket() ? payload : frame);
        batch = ByteBuffer.allocateDirect(Math.multiplyExact(plan.inFlight() + 1, frameLength));
        while (batch.hasRemaining()) {
            batch.put(frame);
        }
    }

    /**
     * Plays a role.
     *
     * @param args the {@link Role} and what makes a {@link Plan}
     */
    public static void main(String[] args) {
        try {
            Plan plan = Plan.parse(Arrays.copyOfRange(args, 1, args.length));
            switch (Role.valueOf(args[0])) {
                case LOAD -> System.out.println(RESULT + run(plan, System.out::println));
                case CROWD -> new LoadGenerator(plan).crowd();
                case DEAF -> new LoadGenerator(plan).deaf();
            }
        } catch (IOException e) {
            System.err.println("load generator: " + e.getMessage());
            System.exit(1);
        }
    }

    /**
     * Runs one plan on this thread.
     *
     * @param says is told when the window begins and ends
     * @throws IOException if the server did anything but echo
     */
    static Result run(Plan plan, Consumer<String> says) throws IOException {
        var generator = new LoadGenerator(plan);
        try (Selector selector = Selector.open()) {
            return generator.run(selector, says);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            for (Connection connection : generator.connections) {
                connection.wire.close();
            }
        }
    }

    private Result run(Selector selector, Consumer<String> says) throws IOException {
        for (int i = 0; i < plan.connections(); i++) {
            connections.add(new Connection(connect()));
        }
        lastChange = System.nanoTime();
        for (Connection connection : connections) {
            connection.start(selector);
        }
        runFor(selector, plan.warmup());
        long[] before = connections.stream().mapToLong(c -> c.received).toArray();
        says.accept(BEGIN);
        Snapshot start = snapshot();
        runFor(selector, plan.window());
        Snapshot end = snapshot();
        says.accept(END);
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
                connection.wire.write(ByteBuffer.wrap(GOODBYE));
            }
        }
        return new Result(
                end.messages - start.messages,
                end.nanos - start.nanos,
                end.serverCpu - start.serverCpu,
                end.loadCpu - start.loadCpu,
                starved,
                received,
                -1);
    }

    private void crowd() throws IOException {
        sending = false;
        staying = true;
        var wanted = new AtomicLong(plan.connections());
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < plan.connections(); i++) {
                var connection = new Connection(connect());
                connections.add(connection);
                connection.start(selector);
                selector.selectNow(this::ready); // the first ones may be pinged before the last
            }
            Thread.ofPlatform()
                    .daemon()
                    .start(() -> {
                        var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
                        lines.lines()
                                .forEach(line -> {
                                    long more = Long.parseLong(line) * plan.connections();
                                    wanted.addAndGet(more);
                                    selector.wakeup();
                                });
                        System.exit(0);
                    });
            long reached = 0;
            while (true) {
                selector.select(this::ready);
                long now = wanted.get(); // the next line may come as soon as this one is answered
                if (received >= now && reached != now) {
                    System.out.println(reached == 0 ? READY : GOT);
                    reached = now;
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private void deaf() throws IOException {
        for (int i = 0; i < plan.connections(); i++) {
            Wire wire = connect();
            ByteBuffer frames = batch.duplicate();
            Thread.ofPlatform()
                    .daemon()
                    .start(() -> {
                        try {
                            while (true) {
                                wire.write(frames.clear());
                            }
                        } catch (IOException e) {
                            // the server has had enough
                        }
                    });
        }
        System.out.println(READY);
        while (System.in.read() >= 0) {}
    }

    private record Snapshot(long messages, long nanos, long serverCpu, long loadCpu) {}

    private Snapshot snapshot() {
        long server = plan.serverPid() == 0 ? 0 : cpu(ProcessHandle.of(plan.serverPid()).get());
        return new Snapshot(received, System.nanoTime(), server, cpu(ProcessHandle.current()));
    }

    /** CPU time of a process: on Linux from /proc/PID/stat, in steps of 10 ms. */
    static long cpu(ProcessHandle process) {
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
        private final Wire wire;
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

        private boolean compressed;

        /** The first message, if it is compressed. */
        private ByteArrayOutputStream collected = new ByteArrayOutputStream(0);

        /** The piece of a header that the last read ended with. */
        private final byte[] piece = new byte[HEADER];

        private int pieceLength;

        Connection(Wire wire) {
            this.wire = wire;
        }

        void start(Selector selector) throws IOException {
            wire.channel().configureBlocking(false);
            key = wire.channel().register(selector, SelectionKey.OP_READ, this);
            send(plan.inFlight());
        }

        private void send(int messages) throws IOException {
            sent += messages;
            owed += messages * frameLength;
            write();
        }

        void write() throws IOException {
            batch.limit(at + owed).position(at);
            int written = wire.write(batch);
            owed -= written;
            at = (at + written) % frameLength;
            int interest = owed == 0 && !wire.holds() ? SelectionKey.OP_READ : BOTH;
            if (key.interestOps() != interest) {
                key.interestOps(interest);
            }
        }

        void read() throws IOException {
            do {
                in.clear().put(piece, 0, pieceLength).limit(pieceLength + READ_BUFFER);
                if (wire.read(in) < 0) {
                    throw new IOException("the server closed after " + received + " messages");
                }
                pieceLength = 0;
                int messages = plan.webSocket() ? frames(in.position()) : bytes(in.position());
                if (messages > 0) {
                    received += messages;
                    LoadGenerator.this.received += messages;
                    if (sending) {
                        send(messages);
                        continue;
                    }
                }
                if (owed > 0 || wire.holds()) {
                    write();
                }
            } while (wire.hasMore());
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
                        if (compressed) {
                            collect(from, part);
                        } else {
                            compare(from, part);
                        }
                    }
                    size += part;
                }
                from += part;
                remaining -= part;
                if (remaining == 0) {
                    between = true;
                    if (data && last) {
                        if (compressed) {
                            if (received + messages == 0) {
                                compareCollected();
                            }
                        } else if (plan.mode() == Mode.DEFLATE) {
                            throw new IOException("a message came back as it was, not compressed");
                        } else if (size != plan.payload()) {
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
            boolean deflated = plan.mode() == Mode.DEFLATE && (opcode & RSV1) != 0 && size == 0;
            if (deflated) {
                opcode &= ~RSV1;
            }
            boolean control = opcode == PING || opcode == PONG;
            boolean fits = opcode == BINARY ? size == 0 : opcode == CONTINUATION || control;
            if (!fits || length > 127) {
                throw new IOException("a frame 0x%02X%02X came back".formatted(first, length));
            }
            data = !control;
            if (opcode == PING && owed == 0 && staying) {
                wire.write(ByteBuffer.wrap(SIGN_OF_LIFE));
            }
            if (data && opcode != CONTINUATION) {
                compressed = deflated;
            }
            last = (first & FIN) != 0;
            remaining =
                    length < 126
                            ? length
                            : length == 126 ? in.getShort(from + 2) & 0xFFFF : in.getLong(from + 2);
            long most = (long) plan.payload() + (compressed ? DEFLATE_SLACK : 0);
            if (data && (remaining < 0 || remaining > most - size)) {
                throw new IOException("a frame of " + remaining + " bytes came back");
            }
            return payload;
        }

        private void collect(int from, int length) {
            byte[] part = new byte[length];
            in.get(from, part);
            collected.writeBytes(part);
        }

        private void compareCollected() throws IOException {
            byte[] inflated = new byte[expected.capacity() + 1];
            Inflater inflater = new Inflater(true);
            collected.writeBytes(DEFLATE_TAIL);
            inflater.setInput(collected.toByteArray());
            try {
                int length = inflater.inflate(inflated);
                if (!ByteBuffer.wrap(inflated, 0, length).equals(expected)) {
                    throw new IOException("what came back is not what was sent");
                }
            } catch (DataFormatException e) {
                throw new IOException("what came back is not what was sent", e);
            } finally {
                inflater.end();
                collected = null;
            }
        }

        private void compare(int from, int length) throws IOException {
            if (length > expected.capacity() - size
                    || !in.slice(from, length).equals(expected.slice((int) size, length))) {
                throw new IOException("what came back is not what was sent");
            }
        }
    }

    /**
     * A message as all of a run are: random bytes, or if it is to be compressed, lines of JSON with
     * random figures.
     */
    static byte[] payload(int size, Mode mode) {
        var random = new Random(size);
        byte[] payload = new byte[size];
        if (mode != Mode.DEFLATE) {
            random.nextBytes(payload);
            return payload;
        }
        ByteBuffer text = ByteBuffer.wrap(payload);
        while (text.hasRemaining()) {
            byte[] line =
                    "{\"player\":%d,\"position\":[%.2f,%.2f,%.2f],\"jump\":%b}\n"
                            .formatted(
                                    random.nextInt(1000),
                                    random.nextDouble() * 100,
                                    random.nextDouble() * 100,
                                    random.nextDouble() * 10,
                                    random.nextBoolean())
                            .getBytes(ISO_8859_1);
            text.put(line, 0, Math.min(line.length, text.remaining()));
        }
        return payload;
    }

    private static byte[] deflate(byte[] payload) {
        Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
        try {
            deflater.setInput(payload);
            byte[] deflated = new byte[payload.length + DEFLATE_SLACK];
            int length =
                    deflater.deflate(deflated, 0, deflated.length, Deflater.SYNC_FLUSH)
                            - DEFLATE_TAIL.length;
            return Arrays.copyOf(deflated, length);
        } finally {
            deflater.end();
        }
    }

    private Wire connect() throws IOException {
        SocketChannel channel =
                SocketChannel.open(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), plan.port()));
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            Wire wire =
                    plan.mode() == Mode.TLS
                            ? TlsWire.handshake(channel, sslContext)
                            : new PlainWire(channel);
            if (plan.webSocket()) {
                upgrade(wire);
            }
            return wire;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** The opening handshake of RFC 6455 section 4, read byte by byte so that no frame is eaten. */
    private void upgrade(Wire wire) throws IOException {
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
                %s
                """
                        .formatted(
                                plan.port(),
                                key,
                                plan.mode() == Mode.DEFLATE
                                        ? "Sec-WebSocket-Extensions: " + OFFER + "\n"
                                        : "")
                        .replace("\n", "\r\n");
        wire.write(ByteBuffer.wrap(request.getBytes(ISO_8859_1)));
        var head = new ByteArrayOutputStream();
        ByteBuffer octet = ByteBuffer.allocate(1);
        do {
            if (wire.read(octet.clear()) < 0) {
                throw new IOException("the server closed in the handshake: " + head);
            }
            head.write(octet.array(), 0, octet.position());
        } while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n"));
        String text = head.toString(ISO_8859_1);
        if (!text.startsWith("HTTP/1.1 101 ") || !text.contains(accept(key))) {
            throw new IOException("the server refused: " + text);
        }
        if (plan.mode() == Mode.DEFLATE && !text.contains("server_no_context_takeover")) {
            throw new IOException("the server does not compress as it was asked to: " + text);
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
    private static byte[] frame(int first, byte[] payload, byte[] key) {
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 14);
        frame.put((byte) first);
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

    /** What a connection's bytes go through. Not blocking once the channel is not. */
    private interface Wire {
        SocketChannel channel();

        int write(ByteBuffer bytes) throws IOException;

        int read(ByteBuffer bytes) throws IOException;

        /** Whether something that was written has not gone out. */
        boolean holds();

        /** Whether there may be something to read, though the socket has no more. */
        boolean hasMore();

        void close() throws IOException;
    }

    private record PlainWire(SocketChannel channel) implements Wire {
        @Override
        public int write(ByteBuffer bytes) throws IOException {
            return channel.write(bytes);
        }

        @Override
        public int read(ByteBuffer bytes) throws IOException {
            return channel.read(bytes);
        }

        @Override
        public boolean holds() {
            return false;
        }

        @Override
        public boolean hasMore() {
            return false;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /** TLS as the JDK has it. */
    private static final class TlsWire implements Wire {
        /** A write makes no more records than fit in here, and the next one goes on. */
        private static final int OUT_BUFFER = 128 * 1024;

        private static final int IN_BUFFER = 64 * 1024;

        private final SocketChannel channel;
        private final SSLEngine engine;
        private final ByteBuffer out = ByteBuffer.allocate(OUT_BUFFER).flip();
        private final ByteBuffer in = ByteBuffer.allocate(IN_BUFFER).flip();

        /** What of a record did not fit where it was asked for. */
        private final ByteBuffer rest;

        private boolean starved;

        private TlsWire(SocketChannel channel, SSLEngine engine) {
            this.channel = channel;
            this.engine = engine;
            rest = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize()).flip();
        }

        static TlsWire handshake(SocketChannel channel, SSLContext context) throws IOException {
            SSLEngine engine = context.createSSLEngine("localhost", channel.socket().getPort());
            engine.setUseClientMode(true);
            var wire = new TlsWire(channel, engine);
            engine.beginHandshake();
            while (true) {
                switch (engine.getHandshakeStatus()) {
                    case NEED_WRAP -> wire.write(ByteBuffer.allocate(0));
                    case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> wire.unwrap(wire.rest.clear());
                    case NEED_TASK -> engine.getDelegatedTask().run();
                    case FINISHED, NOT_HANDSHAKING -> {
                        wire.rest.flip();
                        return wire;
                    }
                }
            }
        }

        @Override
        public SocketChannel channel() {
            return channel;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            int from = bytes.position();
            out.compact();
            do {
                SSLEngineResult result = engine.wrap(bytes, out);
                if (result.getStatus() != SSLEngineResult.Status.OK) {
                    break; // full
                }
            } while (bytes.hasRemaining());
            out.flip();
            channel.write(out);
            return bytes.position() - from;
        }

        @Override
        public int read(ByteBuffer bytes) throws IOException {
            if (rest.hasRemaining()) {
                int length = Math.min(rest.remaining(), bytes.remaining());
                bytes.put(bytes.position(), rest, rest.position(), length);
                bytes.position(bytes.position() + length);
                rest.position(rest.position() + length);
                return length;
            }
            if (bytes.remaining() >= rest.capacity()) {
                return unwrap(bytes);
            }
            int read = unwrap(rest.clear());
            rest.flip();
            return read <= 0 ? read : read(bytes);
        }

        /** Takes all records that are there and fit. */
        private int unwrap(ByteBuffer bytes) throws IOException {
            int from = bytes.position();
            starved = false;
            while (true) {
                SSLEngineResult result = engine.unwrap(in, bytes);
                switch (result.getStatus()) {
                    case OK -> {
                        if (engine.getHandshakeStatus()
                                        != SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING
                                || bytes.remaining() < rest.capacity()) {
                            return bytes.position() - from;
                        }
                    }
                    case BUFFER_UNDERFLOW -> {
                        if (bytes.position() > from) {
                            starved = true;
                            return bytes.position() - from;
                        }
                        in.compact();
                        int read = channel.read(in);
                        in.flip();
                        if (read <= 0) {
                            starved = true;
                            return read;
                        }
                    }
                    case BUFFER_OVERFLOW -> {
                        return bytes.position() - from;
                    }
                    case CLOSED -> {
                        return -1;
                    }
                }
            }
        }

        @Override
        public boolean holds() {
            return out.hasRemaining();
        }

        @Override
        public boolean hasMore() {
            return rest.hasRemaining() || !starved;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
