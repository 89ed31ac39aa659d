package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static io.peerloom.websocket.RawPeer.hex;
import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ten thousand connections that end in every way, and nothing of them is left. */
@Tag("slow")
class ManyEndsTest {

    private static final int CONNECTIONS = 10_000;

    /** As many at a time. */
    private static final int AT_ONCE = 100;

    private static final WebSocketOptions OPTIONS =
            WebSocketOptions.defaults()
                    .withLimits(
                            Limits.defaults()
                                    .withHandshakeTimeout(Duration.ofMillis(500))
                                    .withCloseTimeout(Duration.ofMillis(500)))
                    .withCompression(
                            Compression.defaults()
                                    .withContextTakeover(true, true)
                                    .withThreshold(1));

    /** The ways; each gets an open or unopened connection and leaves it to its fate. */
    private static void end(int way, int port) throws IOException {
        switch (way) {
            case 0, 1, 2 -> {
                WebSocketOptions options = way == 0 ? OPTIONS : WebSocketOptions.defaults();
                try (var peer = WebSocketPeer.connect("ws://127.0.0.1:" + port, options)) {
                    peer.sendText(way == 1 ? "close" : "hello hello hello hello");
                    peer.receive();
                    if (way == 2) {
                        peer.abort();
                    } else {
                        peer.close();
                    }
                    peer.receive();
                }
            }
            case 3 -> {
                try (var raw = RawPeer.connect(port)) {
                    raw.write(ascii("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
                    assertThat(raw.readAll()).startsWith("HTTP/1.1 426 ");
                }
            }
            case 4 -> RawPeer.connect(port).reset();
            case 5 -> RawPeer.connect(port).close();
            case 6 -> {
                try (var raw = RawPeer.connect(port)) { // and waits for the deadline
                    raw.write(ascii("GET / HTTP/1.1\r\n"));
                    assertThat(raw.readAll()).startsWith("HTTP/1.1 408 ");
                }
            }
            default -> open(way, port);
        }
    }

    private static void open(int way, int port) throws IOException {
        try (var raw = RawPeer.connect(port)) {
            raw.write(RawPeer.request("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
            raw.readHead();
            raw.write(masked(0xC1, hex("f248cdc9c90700")));
            assertThat(raw.readFrame().first()).isIn(0x81, 0xC1);
            switch (way) {
                case 7 -> raw.reset();
                case 8 -> raw.socket.shutdownOutput();
                case 9 -> {
                    raw.write(masked(0x88, RawPeer.closePayload(1001, "")));
                    assertThat(raw.readFrame().closeCode()).isEqualTo(1001);
                }
                case 10 -> {
                    raw.write(masked(0x83, new byte[0]));
                    assertThat(raw.readFrame().closeCode()).isEqualTo(1002);
                }
                case 11 -> {
                    raw.write(masked(0x81, hex("ff")));
                    assertThat(raw.readFrame().closeCode()).isEqualTo(1007);
                }
                case 12 -> raw.write(hex("c2fe1000 01020304 05")); // the rest never comes
                case 13 -> {
                    raw.write(masked(0x42, hex("f2"))); // nor here
                    raw.reset();
                }
                case 14 -> {
                    raw.write(hex("82ff 7fffffffffffffff 01020304"));
                    assertThat(raw.readFrame().closeCode()).isEqualTo(1009);
                }
                default -> raw.write(masked(0x81, ascii("close"))); // and reads no answer
            }
        }
    }

    private static final int WAYS = 16;

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            if (m.text().equals("close")) {
                peer.close(4000, "");
            } else {
                peer.send(m);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingIsLeft(boolean polled) throws Exception {
        long before = descriptors();
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        var next = new AtomicInteger();
        var opened = new AtomicInteger();
        var ended = new AtomicInteger();
        Queue<WebSocketConnection> connections = new ConcurrentLinkedQueue<>();
        DeflatePool pool;
        try (var server = new WebSocketServer()) {
            server.setOptions(OPTIONS);
            var stop = new java.util.concurrent.atomic.AtomicBoolean();
            Thread loop = null;
            if (polled) {
                server.setListener(counting(server, connections, opened, ended));
                server.listen(0);
                loop =
                        Thread.ofPlatform()
                                .start(() -> {
                                    while (!stop.get()) {
                                        server.awaitActivity(Duration.ofSeconds(5));
                                        server.poll();
                                    }
                                });
            } else {
                server.start(
                        0,
                        peer -> {
                            connections.add(peer.connection());
                            opened.incrementAndGet();
                            echo(peer);
                            ended.incrementAndGet();
                        });
            }
            pool = server.deflatePool();
            int port = server.getLocalPort();
            try (var workers =
                    Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().factory())) {
                for (int i = 0; i < AT_ONCE; i++) {
                    workers.execute(() -> {
                        for (int n; (n = next.getAndIncrement()) < CONNECTIONS / 2; ) {
                            try {
                                end(n % WAYS, port);
                            } catch (IOException | AssertionError e) {
                                failures.add(new AssertionError("way " + n % WAYS, e));
                            }
                        }
                    });
                }
                workers.shutdown();
                assertThat(workers.awaitTermination(5, TimeUnit.MINUTES)).isTrue();
            }
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> server.getPeerIds().isEmpty() && ended.get() == opened.get());
            await().until(() -> pool.lent() == 0);
            await().until(() ->
                    connections.stream()
                            .map(WebSocketConnection::held)
                            .allMatch(held -> held.messagesOut() == 0 && held.bytesOut() == 0));
            stop.set(true);
            server.wakeup();
            if (loop != null) {
                loop.join();
            }
        }
        // A busy machine may well miss a deadline of half a second.
        failures.removeIf(e ->
                e.getCause() instanceof SocketTimeoutException
                        || e.getCause() instanceof IOException);
        assertThat(failures).isEmpty();
        assertThat(opened.get()).as("connections that were open").isGreaterThan(CONNECTIONS / 4);
        assertThat(ended.get()).as("and their ends").isEqualTo(opened.get());
        assertThat(pool.kept()).isZero();
        await().until(() -> descriptors() <= before + 8);
    }

    private static WebSocketServer.Listener counting(
            WebSocketServer server,
            Queue<WebSocketConnection> connections,
            AtomicInteger opened,
            AtomicInteger ended) {
        return new WebSocketServer.Listener() {
            @Override
            public void clientConnected(int id, String protocol) {
                connections.add(server.getPeer(id).connection());
                opened.incrementAndGet();
            }

            @Override
            public void dataReceived(int id) {
                WebSocketPeer peer = server.getPeer(id);
                Message message = peer.takeMessage();
                if (message.text().equals("close")) {
                    peer.close(4000, "");
                } else {
                    peer.send(message);
                }
            }

            @Override
            public void clientDisconnected(int id, boolean wasCleanClose) {
                ended.incrementAndGet();
            }
        };
    }

    /** How many descriptors this process has open; 0 where the system does not tell. */
    private static long descriptors() throws IOException {
        Path all = Path.of("/proc/self/fd");
        if (!Files.isDirectory(all)) {
            return 0;
        }
        try (Stream<Path> open = Files.list(all)) {
            return open.count();
        }
    }
}
