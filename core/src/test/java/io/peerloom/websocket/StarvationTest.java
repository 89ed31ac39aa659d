package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.testing.Program;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Connections that are busy all the time keep nobody out, not even where a single carrier runs them
 * all. A carrier runs its own queue until that is empty, and threads that yield to each other keep
 * it filled; what platform threads start, as the acceptor does, waits elsewhere.
 */
@Tag("slow")
class StarvationTest {

    /** So many that the first has work again before the last has had its turn. */
    private static final int BUSY = 600;

    /** Frames on the way at once on each of them. */
    private static final int AHEAD = 16;

    /**
     * What the handler does with each message, in nanoseconds: far more than the load does, so that
     * it is the server that has work waiting, on a machine that is busy otherwise as well.
     */
    private static final int WORK = 5_000;

    private static final int NEW = 5;

    /** For all new ones together; who waits until the busy ones pause gets in by chance only. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final byte[] FRAME = RawPeer.masked(0x82, new byte[8]);
    private static final int ECHO_BYTES = 2 + 8;

    @TempDir Path folder;

    /** Runs in a JVM of its own, with one carrier. */
    static final class Echo {
        private Echo() {}

        public static void main(String[] args) throws Exception {
            try (var server = new WebSocketServer()) {
                server.start(
                        0,
                        peer -> {
                            for (Message m; (m = peer.receive()) != null; ) {
                                work();
                                peer.send(m);
                            }
                        });
                System.out.println("port " + server.getLocalPort());
                System.in.read(); // until the test is over
            }
        }

        private static void work() {
            for (long start = System.nanoTime(); System.nanoTime() - start < WORK; ) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void newConnectionsAreServedBesideBusyOnes() throws Exception {
        var command =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djdk.virtualThreadScheduler.parallelism=1",
                        "-Djdk.virtualThreadScheduler.maxPoolSize=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Echo.class.getName());
        try (var server = Program.start("server", folder, command, List.of());
                var load = new Load()) {
            int port = Integer.parseInt(server.await("port ").substring(5));
            for (int i = 0; i < BUSY; i++) {
                load.open(port);
            }
            load.start();
            load.awaitProgress();
            long start = System.nanoTime();
            for (int i = 0; i < NEW; i++) {
                try (var peer = RawPeer.connect(port)) {
                    long left = PATIENCE.toNanos() - (System.nanoTime() - start);
                    assertThat(left).as("time left for connection " + i).isPositive();
                    peer.socket.setSoTimeout((int) Duration.ofNanos(left).toMillis() + 1);
                    peer.write(RawPeer.request(""));
                    assertThat(peer.readHead()).startsWith("HTTP/1.1 101 ");
                    peer.write(FRAME);
                    assertThat(peer.readFrame().payload()).hasSize(8);
                }
            }
            load.awaitProgress();
        }
    }

    /** Keeps connections busy: for each frame that comes back it sends the next one. */
    private static final class Load implements AutoCloseable {
        private final Selector selector = Selector.open();
        private final ByteBuffer frames = ByteBuffer.allocateDirect(AHEAD * FRAME.length);
        private final ByteBuffer in = ByteBuffer.allocateDirect(AHEAD * ECHO_BYTES);
        private final Thread thread = new Thread(this::run, "load");
        private final AtomicLong echoes = new AtomicLong();

        /** Written by the thread before it ends. */
        private volatile Throwable failure;

        private volatile boolean closed;

        Load() throws IOException {
            while (frames.hasRemaining()) {
                frames.put(FRAME);
            }
        }

        /** A connection whose handshake is done. */
        void open(int port) throws IOException {
            var channel =
                    SocketChannel.open(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            try {
                var peer = new RawPeer(channel.socket());
                peer.write(RawPeer.request(""));
                assertThat(peer.readHead()).startsWith("HTTP/1.1 101 ");
                channel.configureBlocking(false);
                channel.register(selector, SelectionKey.OP_READ, new int[1]);
            } catch (Throwable e) {
                channel.close();
                throw e;
            }
        }

        void start() {
            thread.start();
        }

        private void run() {
            try {
                for (SelectionKey key : selector.keys()) {
                    send(key, AHEAD);
                }
                while (!closed) {
                    selector.select();
                    for (SelectionKey key : selector.selectedKeys()) {
                        echoed(key);
                    }
                    selector.selectedKeys().clear();
                }
            } catch (IOException | RuntimeException | AssertionError e) {
                failure = e;
            }
        }

        /** The attachment holds the bytes of a frame that is not yet there as a whole. */
        private void echoed(SelectionKey key) throws IOException {
            if (((SocketChannel) key.channel()).read(in.clear()) < 0) {
                throw new EOFException();
            }
            int[] part = (int[]) key.attachment();
            int bytes = part[0] + in.position();
            part[0] = bytes % ECHO_BYTES;
            int count = bytes / ECHO_BYTES;
            echoes.addAndGet(count);
            send(key, count);
        }

        /** So little that the socket's buffer has room for it. */
        private void send(SelectionKey key, int count) throws IOException {
            frames.position(0).limit(count * FRAME.length);
            ((SocketChannel) key.channel()).write(frames);
            assertThat(frames.hasRemaining()).isFalse();
        }

        /** Waits until each connection has been busy once more. */
        void awaitProgress() {
            long before = echoes.get();
            await().atMost(60, TimeUnit.SECONDS)
                    .until(() -> failure != null || echoes.get() - before >= BUSY * AHEAD);
            assertThat(failure).isNull();
        }

        @Override
        public void close() throws Exception {
            closed = true;
            selector.wakeup();
            thread.join();
            for (SelectionKey key : selector.keys()) {
                key.channel().close();
            }
            selector.close();
        }
    }
}
