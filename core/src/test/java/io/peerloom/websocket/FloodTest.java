package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static io.peerloom.websocket.RawPeer.hex;
import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.HeadParser;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serial;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Floods, and what they make a server hold: counted by its own queues, by the connections that it
 * lets in, and by what the parsers allocate; and others, who are served all the while. Each prints
 * the most that it saw.
 */
@Tag("slow")
class FloodTest {

    /** How the server is used. */
    enum Way {
        POLLED,
        BLOCKING
    }

    /** Deadlines that are not what ends these connections. */
    private static final Limits LIMITS =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofSeconds(60))
                    .withWriteTimeout(Duration.ofSeconds(60))
                    .withCloseTimeout(Duration.ofSeconds(2))
                    .withHeartbeatInterval(Duration.ofSeconds(60));

    private static void seen(String flood, Object way, String what, Object... numbers) {
        System.out.printf("flood of %s, %s: %s%n", flood, way, what.formatted(numbers));
    }

    /**
     * A server that echoes to everybody but those who ask for {@code /ignore}: of them it takes
     * nothing until it is told to.
     */
    private static final class Target implements AutoCloseable {
        final WebSocketServer server = new WebSocketServer();
        final Map<String, WebSocketPeer> peers = new ConcurrentHashMap<>();
        final Queue<Message> taken = new ConcurrentLinkedQueue<>();
        final AtomicInteger ends = new AtomicInteger();

        /** Opened: {@code /ignore} is ignored no more. */
        private final CountDownLatch taking = new CountDownLatch(1);

        private final AtomicBoolean stop = new AtomicBoolean();
        private Thread loop;

        Target(WebSocketOptions options) {
            server.setOptions(options);
        }

        Target listen(Way way) throws IOException {
            if (way == Way.BLOCKING) {
                server.start(0, this::handle);
                return this;
            }
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            WebSocketPeer peer = server.getPeer(id);
                            peers.put(path(peer), peer);
                        }

                        @Override
                        public void dataReceived(int id) {
                            WebSocketPeer peer = server.getPeer(id);
                            if (!path(peer).equals("/ignore")) {
                                peer.send(peer.takeMessage());
                            }
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            ends.incrementAndGet();
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            loop =
                    Thread.ofPlatform()
                            .start(() -> {
                                while (!stop.get()) {
                                    server.awaitActivity(Duration.ofMillis(50));
                                    server.poll();
                                    WebSocketPeer ignored = peers.get("/ignore");
                                    if (ignored != null && taking.getCount() == 0) {
                                        ignored.poll();
                                        while (ignored.getAvailablePacketCount() > 0) {
                                            taken.add(ignored.takeMessage());
                                        }
                                    }
                                }
                            });
            return this;
        }

        private static String path(WebSocketPeer peer) {
            return peer.getUpgradeRequest().orElseThrow().path();
        }

        private void handle(WebSocketPeer peer) throws InterruptedException {
            peers.put(path(peer), peer);
            try {
                boolean ignored = path(peer).equals("/ignore");
                if (ignored) {
                    taking.await();
                }
                for (Message m; (m = peer.receive()) != null; ) {
                    if (ignored) {
                        taken.add(m);
                    } else {
                        peer.send(m);
                    }
                }
            } finally {
                ends.incrementAndGet();
            }
        }

        int port() {
            return server.getLocalPort();
        }

        void take() {
            taking.countDown();
            server.wakeup();
        }

        /** What the server holds for the connection that asked for this path. */
        WebSocketConnection.Held held(String path) {
            return connection(path).held();
        }

        WebSocketConnection connection(String path) {
            WebSocketPeer peer = peers.get(path);
            if (peer == null) {
                await().until(() -> peers.containsKey(path));
                peer = peers.get(path);
            }
            return peer.connection();
        }

        @Override
        public void close() {
            take();
            stop.set(true);
            server.wakeup();
            if (loop != null) {
                try {
                    loop.join();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
            server.close();
        }
    }

    /** A client with a small window, so that what it does not read stays with the server. */
    private static RawPeer connect(int port) throws IOException {
        var socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        return new RawPeer(socket);
    }

    private static RawPeer open(int port, String path, String headers) throws IOException {
        RawPeer peer = connect(port);
        String request = new String(RawPeer.request(headers), StandardCharsets.US_ASCII);
        peer.write(ascii(request.replace("/chat", path)));
        String head = peer.readHead();
        if (!head.startsWith("HTTP/1.1 101 ")) {
            peer.close();
            throw new IOException(head);
        }
        return peer;
    }

    private static RawPeer open(int port, String path) throws IOException {
        return open(port, path, "");
    }

    /** Many attackers; closed before the server, so that it need not wait for their answers. */
    private static final class Crowd extends ArrayList<RawPeer> implements AutoCloseable {
        @Serial private static final long serialVersionUID = 1;

        @Override
        public void close() throws IOException {
            for (RawPeer attacker : this) {
                attacker.close();
            }
        }
    }

    /** Somebody else, who wants to be served now. */
    private static void echoes(RawPeer other, String text) throws IOException {
        other.write(masked(0x81, ascii(text)));
        assertThat(other.readFrame().payload()).isEqualTo(ascii(text));
    }

    /** Writes on a thread of its own, which ends when the connection is closed. */
    private static Thread writing(RawPeer attacker, byte[] bytes, int times, AtomicInteger done) {
        return Thread.ofPlatform()
                .start(() -> {
                    try {
                        for (int i = 0; i < times; i++) {
                            attacker.write(bytes);
                            done.incrementAndGet();
                        }
                    } catch (IOException e) {
                        // the end of the test
                    }
                });
    }

    private static byte[] repeated(byte[] bytes, int times) {
        var all = new ByteArrayOutputStream();
        for (int i = 0; i < times; i++) {
            all.writeBytes(bytes);
        }
        return all.toByteArray();
    }

    /** How many bytes a task allocates on this thread: no less than what it still holds after. */
    private static long allocated(Task task) throws Exception {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        task.run(); // classes are loaded
        long before = threads.getCurrentThreadAllocatedBytes();
        task.run();
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    private interface Task {
        void run() throws Exception;
    }

    // ---- control frames ----

    /** Who sends pings and reads no pongs: at most 32 are due, of all others only the last. */
    @ParameterizedTest
    @EnumSource
    void pings(Way way) throws Exception {
        int batches = 40;
        int batch = 500;
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker = open(target.port(), "/ignore")) {
            int data = 0;
            int pings = 0;
            int due = 0;
            var most = new AtomicInteger();
            for (int round = 1; due == 0; round++) { // until the system's buffers are full
                assertThat(round).isLessThan(100);
                data += fill(target, "/ignore");
                for (int i = 0; i < batches; i++) {
                    attacker.write(repeated(masked(0x89, new byte[125]), batch));
                    pings += batch;
                    most.accumulateAndGet(target.held("/ignore").pongs(), Math::max);
                    echoes(other, "during it");
                }
                attacker.write(masked(0x89, ascii("the last one")));
                attacker.write(masked(0x81, ascii("all of them were read")));
                int read = round;
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> {
                            most.accumulateAndGet(target.held("/ignore").pongs(), Math::max);
                            return target.held("/ignore").messagesIn() == read;
                        });
                due = target.held("/ignore").pongs();
            }
            assertThat(most.get()).isLessThanOrEqualTo(32);
            int pongs = 0;
            byte[] last = {};
            for (int left = data; left > 0 || last.length == 125; ) {
                RawPeer.Frame frame = attacker.readFrame();
                if (frame.first() == 0x8A) {
                    pongs++;
                    last = frame.payload();
                } else {
                    left--;
                }
            }
            assertThat(last).isEqualTo(ascii("the last one"));
            assertThat(pongs).isBetween(due, pings - 1);
            seen(
                    "pings",
                    way,
                    "%,d of 125 bytes, at most %d pongs due, %,d sent",
                    pings,
                    most.get(),
                    pongs);
        }
    }

    /** Sends to who does not read until no more is taken; how many messages were. */
    private static int fill(Target target, String path) {
        WebSocketConnection connection = target.connection(path);
        var frame = Outbound.frame(Message.binary(new byte[50_000]), null, null);
        int taken = 0;
        long before;
        do { // until the system takes no more, either
            before = taken;
            while (connection.send(frame) == WebSocketConnection.Sent.OK) {
                taken++;
            }
            assertThat(connection.held().bytesOut()).isLessThanOrEqualTo(LIMITS.outboundBytes());
            Thread.yield();
        } while (taken > before);
        return taken;
    }

    /** Pongs that nobody asked for, and a close frame over and over: nothing is held for them. */
    @ParameterizedTest
    @EnumSource
    void pongsAndWhatFollowsAClose(Way way) throws Exception {
        var done = new AtomicInteger();
        try (var target =
                        new Target(
                                        WebSocketOptions.defaults()
                                                .withLimits(
                                                        LIMITS.withCloseTimeout(
                                                                Duration.ofMillis(300))))
                                .listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker = open(target.port(), "/attacker")) {
            for (int i = 0; i < 20; i++) {
                attacker.write(repeated(masked(0x8A, new byte[125]), 500));
                assertThat(target.held("/attacker"))
                        .isEqualTo(new WebSocketConnection.Held(0, 0, 0, 0, 0));
            }
            attacker.write(masked(0x88, RawPeer.closePayload(1000, "")));
            byte[] after = masked(0x82, new byte[50_000]);
            Thread writer = writing(attacker, after, Integer.MAX_VALUE, done);
            // It reads neither our close frame nor the end, and goes on until it is cut off.
            int most = 0;
            while (target.ends.get() == 0) {
                most = Math.max(most, target.held("/attacker").bytesIn());
                echoes(other, "during it");
            }
            writer.join();
            seen(
                    "data after a close",
                    way,
                    "%,d bytes written, at most %d held",
                    (long) done.get() * after.length,
                    most);
            assertThat(most).isZero();
        }
    }

    // ---- messages that nobody takes ----

    /** One-byte frames: the queue's count stops the reading, the sender waits, nothing is lost. */
    @ParameterizedTest
    @EnumSource
    void smallMessagesThatNobodyTakes(Way way) throws Exception {
        int batch = 1000;
        int batches = 100;
        var done = new AtomicInteger();
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker = open(target.port(), "/ignore")) {
            Thread writer =
                    writing(attacker, repeated(masked(0x82, new byte[1]), batch), batches, done);
            int bound = LIMITS.inboundMessages();
            await().until(() -> target.held("/ignore").messagesIn() >= bound);
            for (int i = 0; i < 50; i++) {
                echoes(other, "during it");
                assertThat(target.held("/ignore").messagesIn()).isEqualTo(bound);
                assertThat(target.held("/ignore").bytesIn()).isEqualTo(bound);
            }
            target.take();
            writer.join();
            await().until(() -> target.taken.size() == batch * batches);
            seen(
                    "one-byte frames",
                    way,
                    "%,d, at most %,d held, all taken in the end",
                    batch * batches,
                    bound);
        }
    }

    /** The same in bytes: one message more than the bound at the most. */
    @ParameterizedTest
    @EnumSource
    void largeMessagesThatNobodyTakes(Way way) throws Exception {
        int size = 100_000;
        int count = 50;
        var done = new AtomicInteger();
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker = open(target.port(), "/ignore")) {
            Thread writer = writing(attacker, masked(0x82, new byte[size]), count, done);
            await().until(() -> target.held("/ignore").bytesIn() >= LIMITS.inboundBytes());
            int most = 0;
            for (int i = 0; i < 50; i++) {
                echoes(other, "during it");
                most = Math.max(most, target.held("/ignore").bytesIn());
            }
            assertThat(most).isBetween(LIMITS.inboundBytes(), LIMITS.inboundBytes() + size - 1);
            target.take();
            writer.join();
            await().until(() -> target.taken.size() == count);
            seen("large messages", way, "%d x %,d, at most %,d bytes held", count, size, most);
        }
    }

    /** A thousand times a kilobyte that becomes a megabyte: what comes out counts. */
    @ParameterizedTest
    @EnumSource
    void manyBombs(Way way) throws Exception {
        int size = LIMITS.maxMessageBytes();
        byte[] bomb = masked(0xC2, deflated(size));
        assertThat(bomb.length).isLessThan(1100);
        var done = new AtomicInteger();
        try (var target =
                        new Target(
                                        WebSocketOptions.defaults()
                                                .withLimits(LIMITS)
                                                .withCompression(Compression.defaults()))
                                .listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker =
                        open(
                                target.port(),
                                "/ignore",
                                "Sec-WebSocket-Extensions: permessage-deflate\r\n")) {
            Thread writer = writing(attacker, bomb, 1000, done);
            await().until(() -> target.held("/ignore").bytesIn() >= LIMITS.inboundBytes());
            int most = 0;
            for (int i = 0; i < 50; i++) {
                echoes(other, "during it");
                most = Math.max(most, target.held("/ignore").bytesIn());
            }
            seen("bombs", way, "1,000 x %d bytes, at most %,d held", bomb.length, most);
            assertThat(most).isEqualTo(size); // the first one fills the queue
            DeflatePool pool = target.server.deflatePool();
            await().until(() -> pool.lent() == 0);
            attacker.reset();
            writer.join();
        }
    }

    private static byte[] deflated(int zeros) {
        var deflater = new Deflater(9, true);
        deflater.setInput(new byte[zeros]);
        byte[] packed = new byte[zeros / 500];
        int length = deflater.deflate(packed, 0, packed.length, Deflater.SYNC_FLUSH);
        deflater.end();
        return Arrays.copyOf(packed, length - 4); // RFC 7692 section 7.2.1
    }

    // ---- messages under way ----

    /**
     * A frame that announces all that is allowed and then comes a byte at a time: what is allocated
     * follows what came, not what was said. And many who do so, among others.
     */
    @ParameterizedTest
    @EnumSource
    void hugeLengthsAndSlowWriters(Way way) throws Exception {
        byte[] header = hex("82ff 0000000000100000 00000000");
        byte[] drop = {1};
        long most =
                allocated(() -> {
                    var decoder = new FrameDecoder(true, 1 << 20, 1024);
                    decoder.decode(header, 0, header.length);
                    for (int i = 0; i < 4000; i++) {
                        decoder.decode(drop, 0, 1);
                    }
                });
        assertThat(most).isLessThan(64 * 1024 + 1024);

        int many = 100;
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                var attackers = new Crowd()) {
            for (int i = 0; i < many; i++) {
                RawPeer attacker = open(target.port(), "/attacker" + i);
                attackers.add(attacker);
                attacker.write(header);
            }
            for (int round = 0; round < 20; round++) {
                for (RawPeer attacker : attackers) {
                    attacker.write(drop);
                }
                echoes(other, "during it");
            }
            for (int i = 0; i < many; i++) {
                assertThat(target.held("/attacker" + i))
                        .isEqualTo(new WebSocketConnection.Held(0, 0, 0, 0, 0));
            }
            seen(
                    "huge lengths, byte by byte",
                    way,
                    "%d connections, each at most %,d bytes allocated for 1 MiB announced",
                    many,
                    most);
        }
    }

    /** Fragments without an end: as many as allowed, and then no more; in one array. */
    @ParameterizedTest
    @EnumSource
    void emptyAndTinyFragments(Way way) throws Exception {
        for (int size : new int[] {0, 1}) {
            byte[] first = masked(0x02, new byte[size]);
            byte[] next = masked(0x00, new byte[size]);
            int most = LIMITS.maxFragments();
            long bytes =
                    allocated(() -> {
                        var decoder = new FrameDecoder(true, 1 << 20, most);
                        decoder.decode(first, 0, first.length);
                        for (int i = 1; i < most; i++) {
                            decoder.decode(next, 0, next.length);
                        }
                        assertThatExceptionOfType(ProtocolException.class)
                                .isThrownBy(() -> decoder.decode(next, 0, next.length));
                    });
            var done = new AtomicInteger();
            try (var target =
                            new Target(
                                            WebSocketOptions.defaults()
                                                    .withLimits(
                                                            LIMITS.withCloseTimeout(
                                                                    Duration.ofMillis(200))))
                                    .listen(way);
                    RawPeer other = RawPeer.open(target.port());
                    RawPeer attacker = open(target.port(), "/attacker")) {
                attacker.write(first);
                Thread writer = writing(attacker, repeated(next, 1000), Integer.MAX_VALUE, done);
                assertThat(attacker.readFrame().closeCode()).isEqualTo(1009);
                while (target.ends.get() == 0) {
                    echoes(other, "during it");
                    assertThat(target.held("/attacker").bytesIn()).isZero();
                }
                writer.join();
            }
            seen(
                    "fragments of " + size + " bytes",
                    way,
                    "closed at %,d with 1009; %,d bytes allocated; %,d,000 were written",
                    most + 1,
                    bytes,
                    done.get());
            assertThat(bytes).isLessThan(64 * 1024);
        }
    }

    // ---- slow readers ----

    /** Who reads nothing: the queue's bound is what is held for him, and the sender is told. */
    @ParameterizedTest
    @EnumSource
    void slowReadersOfABroadcast(Way way) throws Exception {
        var message = Message.binary(new byte[50_000]);
        int slow = 5;
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                var attackers = new Crowd()) {
            for (int i = 0; i < slow; i++) {
                attackers.add(open(target.port(), "/slow" + i));
            }
            await().until(() -> target.peers.size() == slow + 1);
            int most = 0;
            int broadcasts = 0;
            int missed = 0;
            while (missed < 20 * slow) {
                missed += target.server.broadcast(message).size();
                broadcasts++;
                assertThat(broadcasts).isLessThan(10_000);
                for (int i = 0; i < slow; i++) {
                    most = Math.max(most, target.held("/slow" + i).bytesOut());
                }
                assertThat(other.readFrame().payload()).hasSize(message.size());
            }
            int bound = LIMITS.outboundBytes();
            assertThat(most).isBetween(bound - message.size(), bound);
            // What was not told to be missed arrives.
            var got = new AtomicInteger();
            List<Thread> readers = new ArrayList<>();
            for (RawPeer attacker : attackers) {
                readers.add(
                        Thread.ofPlatform()
                                .start(() -> {
                                    try {
                                        while (attacker.readFrame().payload().length > 0) {
                                            got.incrementAndGet();
                                        }
                                    } catch (IOException e) {
                                        // the end of the test
                                    }
                                }));
            }
            int accepted = broadcasts * slow - missed;
            await().until(() -> got.get() >= accepted);
            target.server.broadcast(new byte[0]);
            for (Thread reader : readers) {
                reader.join();
            }
            assertThat(got.get()).isEqualTo(accepted);
            seen(
                    "slow readers of a broadcast",
                    way,
                    "%d, at most %,d bytes held for one, %d of %,d messages missed and told of",
                    slow,
                    most,
                    missed,
                    broadcasts * slow);
        }
    }

    /** What a polled user or another thread sends to one who does not read: all of it or a code. */
    @ParameterizedTest
    @EnumSource
    void slowReadersOfTheirOwnMessages(Way way) throws Exception {
        var message = Message.binary(new byte[1000]);
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer other = RawPeer.open(target.port());
                RawPeer attacker = open(target.port(), "/attacker")) {
            var asked = new AtomicInteger();
            // Echoes to somebody who never reads them: a polled server is told that they do not
            // fit, a blocking one stands still at the first, and reads no more.
            Thread writer =
                    writing(attacker, repeated(masked(0x82, message.bytes()), 100), 100, asked);
            int most = 0;
            int mostIn = 0;
            for (int i = 0; i < 100 || (way == Way.POLLED && writer.isAlive()); i++) {
                WebSocketConnection.Held held = target.held("/attacker");
                most = Math.max(most, held.bytesOut());
                mostIn = Math.max(mostIn, held.bytesIn());
                echoes(other, "during it");
            }
            seen(
                    "echoes that nobody reads",
                    way,
                    "%,d messages read from it, at most %,d bytes held in, %,d out",
                    asked.get() * 100,
                    mostIn,
                    most);
            assertThat(most).isLessThanOrEqualTo(LIMITS.outboundBytes());
            assertThat(mostIn).isLessThanOrEqualTo(LIMITS.inboundBytes() + message.size());
            attacker.reset();
            writer.join();
        }
    }

    /**
     * The other side's close frame is answered behind what waits to be sent: what would come behind
     * that answer is refused, not taken and lost.
     */
    @ParameterizedTest
    @EnumSource
    void nothingIsTakenBehindACloseFrame(Way way) throws Exception {
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS)).listen(way);
                RawPeer attacker = open(target.port(), "/attacker")) {
            int data = fill(target, "/attacker");
            attacker.write(masked(0x88, RawPeer.closePayload(1000, "")));
            WebSocketPeer peer = target.peers.get("/attacker");
            await().until(() -> peer.connection().isCloseRequested());
            int bytes = target.held("/attacker").bytesOut();
            for (int i = 0; i < 10_000 && target.held("/attacker").bytesOut() == bytes; i++) {
                assertThat(peer.ping()).isEqualTo(ErrorCode.FAILED);
                assertThat(peer.send(Message.text(""))).isEqualTo(ErrorCode.FAILED);
            }
            for (int i = 0; i < data; i++) {
                assertThat(attacker.readFrame().payload()).hasSize(50_000);
            }
            assertThat(attacker.readFrame().closeCode()).isEqualTo(1000);
            assertThat(attacker.readEnd()).isTrue();
        }
    }

    /** A large page for one who never reads it: until the handshake's deadline, and no longer. */
    @ParameterizedTest
    @EnumSource
    void aPageThatNobodyReads(Way way) throws Exception {
        Limits limits = LIMITS.withHandshakeTimeout(Duration.ofMillis(500));
        byte[] page = new byte[20_000_000];
        try (var target = new Target(WebSocketOptions.defaults().withLimits(limits))) {
            target.server.setUpgradeHandler(request ->
                    request.isUpgrade()
                            ? UpgradeResponse.accept()
                            : UpgradeResponse.respond(200, "text/plain", page));
            target.server.setMaxPendingHandshakes(10);
            target.listen(way);
            try (RawPeer other = RawPeer.open(target.port());
                    var attackers = new Crowd()) {
                echoes(other, "so its handshake is over on both sides");
                for (int i = 0; i < 10; i++) {
                    RawPeer attacker = connect(target.port());
                    attackers.add(attacker);
                    attacker.write(ascii("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
                }
                assertThat(attackers).hasSize(10);
                echoes(other, "during it");
                // None of them reads or goes away, and still there is room again.
                await().ignoreExceptions()
                        .untilAsserted(() -> open(target.port(), "/late").close());
            }
        }
    }

    // ---- connections ----

    /**
     * Connections that say nothing, or a byte at a time, or a head that never ends: the bound on
     * handshakes is how many there are, the bound on heads what each may hold.
     */
    @ParameterizedTest
    @ValueSource(strings = {"POLLED", "BLOCKING", "TLS"})
    void halfOpenHandshakes(String kind) throws Exception {
        Way way = kind.equals("POLLED") ? Way.POLLED : Way.BLOCKING;
        int bound = 50;
        int over = 150;
        long head =
                allocated(() -> {
                    int most = LIMITS.maxHeadBytes();
                    var parser = HeadParser.request(most, LIMITS.maxHeaders());
                    byte[] line = ascii("X: " + "y".repeat(160) + "\r\n");
                    byte[] start = ascii("GET / HTTP/1.1\r\n");
                    parser.feed(start, 0, start.length);
                    int fed = start.length;
                    for (; fed + line.length <= most; fed += line.length) {
                        parser.feed(line, 0, line.length);
                    }
                    assertThatExceptionOfType(HandshakeException.class)
                            .isThrownBy(() -> parser.feed(line, 0, line.length));
                });
        WebSocketOptions options = WebSocketOptions.defaults().withLimits(LIMITS);
        if (kind.equals("TLS")) {
            options = options.withTls(TLSOptions.server(Certificates.showing(Certificates.GOOD)));
        }
        try (var target = new Target(options)) {
            target.server.setMaxPendingHandshakes(bound);
            target.listen(way);
            int turnedAway = 0;
            try (Client other = new Client(kind, target.port());
                    var attackers = new Crowd()) {
                other.echoes("so its handshake is over on both sides");
                for (int i = 0; i < bound + over; i++) {
                    attackers.add(connect(target.port()));
                }
                for (RawPeer attacker : attackers.subList(bound, bound + over)) {
                    assertThat(attacker.readAll())
                            .startsWith(kind.equals("TLS") ? "\u0015\u0003" : "HTTP/1.1 503 ");
                    turnedAway++;
                }
                other.echoes("during it");
                byte[] start = kind.equals("TLS") ? hex("16 0301 0200") : ascii("GET / HT");
                for (byte b : start) {
                    for (RawPeer attacker : attackers.subList(0, bound)) {
                        attacker.write(new byte[] {b});
                    }
                    other.echoes("during it");
                }
                try (RawPeer late = connect(target.port())) {
                    assertThat(late.drain()).as("there is no room").isPositive();
                }
                for (RawPeer attacker : attackers) {
                    attacker.close();
                }
                await().ignoreExceptions()
                        .untilAsserted(() -> new Client(kind, target.port()).close());
                other.echoes("after it");
            }
            seen(
                    "half-open handshakes",
                    kind,
                    "%d, let in %d, turned away %d; a head of %,d bytes allocates %,d in all",
                    bound + over,
                    bound,
                    turnedAway,
                    LIMITS.maxHeadBytes(),
                    head);
            assertThat(head).isLessThan(4L * LIMITS.maxHeadBytes());
        }
    }

    /** One of ours, with TLS or without. */
    private static final class Client implements AutoCloseable {
        private final WebSocketPeer peer;

        Client(String kind, int port) throws IOException {
            boolean tls = kind.equals("TLS");
            WebSocketOptions options = WebSocketOptions.defaults();
            peer =
                    WebSocketPeer.connect(
                            (tls ? "wss" : "ws") + "://localhost:" + port + "/other",
                            tls
                                    ? options.withTls(TLSOptions.client(Certificates.trusting()))
                                    : options);
        }

        void echoes(String text) {
            peer.sendText(text);
            assertThat(peer.receive().text()).isEqualTo(text);
        }

        @Override
        public void close() {
            peer.close();
            assertThat(peer.receive()).isNull();
        }
    }

    /** All of them end by their deadline, whatever they send meanwhile. */
    @ParameterizedTest
    @EnumSource
    void halfOpenHandshakesEndByThemselves(Way way) throws Exception {
        int bound = 20;
        Limits limits = LIMITS.withHandshakeTimeout(Duration.ofMillis(400));
        try (var target = new Target(WebSocketOptions.defaults().withLimits(limits))) {
            target.server.setMaxPendingHandshakes(bound);
            target.listen(way);
            try (RawPeer other = RawPeer.open(target.port());
                    var attackers = new Crowd()) {
                echoes(other, "so its handshake is over on both sides");
                for (int i = 0; i < bound; i++) {
                    attackers.add(connect(target.port()));
                }
                for (RawPeer attacker : attackers) {
                    var done = new AtomicInteger();
                    Thread writer = writing(attacker, ascii("GET"), 1, done);
                    assertThat(attacker.readAll()).startsWith("HTTP/1.1 408 ");
                    writer.join();
                }
                echoes(other, "after it");
                open(target.port(), "/late").close();
            }
        }
    }

    /** Many from one address, in every way of ending: their number is bounded, others get in. */
    @ParameterizedTest
    @EnumSource
    void connectionsFromOneAddress(Way way) throws Exception {
        int bound = 30;
        try (var target = new Target(WebSocketOptions.defaults().withLimits(LIMITS));
                var attackers = new Crowd()) {
            target.server.setMaxConnectionsPerAddress(bound);
            target.listen(way);
            for (int i = 0; i < bound; i++) {
                attackers.add(open(target.port(), "/attacker" + i));
            }
            for (int i = 0; i < 200; i++) {
                try (RawPeer one = connect(target.port())) {
                    assertThat(one.readAll()).startsWith("HTTP/1.1 503 ");
                }
            }
            for (RawPeer attacker : attackers) {
                echoes(attacker, "who is in stays in");
            }
            // What failed in any way is counted off again.
            for (int i = 0; i < bound; i++) {
                switch (i % 3) {
                    case 0 -> attackers.get(i).reset();
                    case 1 -> attackers.get(i).write(hex("ffff"));
                    default -> attackers.get(i).write(masked(0x88, new byte[0]));
                }
                attackers.get(i).close();
            }
            attackers.clear();
            await().ignoreExceptions()
                    .untilAsserted(() -> {
                        while (attackers.size() < bound) {
                            attackers.add(open(target.port(), "/again" + attackers.size()));
                        }
                    });
            try (RawPeer one = connect(target.port())) {
                assertThat(one.readAll()).startsWith("HTTP/1.1 503 ");
            }
            seen("connections from one address", way, "%d let in, 201 turned away", bound);
            var elsewhere = new Socket();
            try {
                var another = InetAddress.getByAddress(new byte[] {127, 0, 0, 2});
                elsewhere.bind(new InetSocketAddress(another, 0));
                elsewhere.connect(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), target.port()));
            } catch (IOException e) {
                elsewhere.close();
                assumeTrue(false, "this machine has one address");
            }
            try (RawPeer other = new RawPeer(elsewhere)) {
                other.write(RawPeer.request(""));
                assertThat(other.readHead()).startsWith("HTTP/1.1 101 ");
                echoes(other, "another address");
            }
        }
    }
}
