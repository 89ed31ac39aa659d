package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens at the same time, a thousand times over. The leak guard looks on. */
@Tag("slow")
class RaceTest {

    private static final Limits QUICK = Limits.defaults().withCloseTimeout(Duration.ofSeconds(2));
    private static final Duration BOUND = Duration.ofSeconds(20);

    private static void pollUntilClosed(WebSocketPeer peer) {
        long deadline = System.nanoTime() + BOUND.toNanos();
        while (peer.getReadyState() != State.CLOSED) {
            assertThat(deadline - System.nanoTime()).as("time left to close").isPositive();
            peer.awaitActivity(Duration.ofMillis(100));
            peer.poll();
            while (peer.takeMessage() != null) {
                // taken
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void closeWhileAnotherThreadSends(boolean blocking) throws Exception {
        var received = new ConcurrentLinkedQueue<Integer>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            int count = 0;
                            for (Message m; (m = peer.receive()) != null; count++) {
                                assertThat(ByteBuffer.wrap(m.bytes()).getInt()).isEqualTo(count);
                            }
                            received.add(peer.wasCleanClose() ? count : -1);
                        })) {
            String url = "ws://127.0.0.1:" + server.getLocalPort();
            for (int round = 0; round < 1_000; round++) {
                received.clear();
                var peer = blocking ? WebSocketPeer.connect(url) : open(url);
                var started = new CountDownLatch(1);
                var accepted = new AtomicInteger();
                Runnable send =
                        () -> {
                            for (int i = 0; ; i++) {
                                byte[] data = ByteBuffer.allocate(4).putInt(i).array();
                                ErrorCode code = peer.send(data);
                                if (code == ErrorCode.FAILED) {
                                    return;
                                }
                                if (code == ErrorCode.OUT_OF_MEMORY) {
                                    i--;
                                    Thread.onSpinWait();
                                    continue;
                                }
                                accepted.incrementAndGet();
                                started.countDown();
                            }
                        };
                var sender = Thread.ofVirtual().start(send);
                assertThat(started.await(20, TimeUnit.SECONDS)).isTrue();
                int before = accepted.get();
                peer.close(1000, "");
                pollUntilClosed(peer);
                sender.join();
                assertThat(peer.wasCleanClose()).as("%s", peer.getFailure()).isTrue();
                while (received.isEmpty()) {
                    Thread.onSpinWait();
                }
                // what was accepted before the close arrived; what raced with it may or may not
                assertThat(received.poll()).isBetween(before, accepted.get());
            }
        }
    }

    private static WebSocketPeer open(String url) {
        var peer = new WebSocketPeer(WebSocketOptions.defaults().withLimits(QUICK));
        assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
        while (peer.getReadyState() == State.CONNECTING) {
            peer.awaitActivity(BOUND);
            peer.poll();
        }
        assertThat(peer.getReadyState()).as("%s", peer.getFailure()).isEqualTo(State.OPEN);
        return peer;
    }

    @Test
    void disconnectAtAnyMomentOfConnecting() throws Exception {
        var served = new AtomicInteger();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            served.incrementAndGet();
                            while (peer.receive() != null) {
                                // taken
                            }
                        })) {
            String url = "ws://localhost:" + server.getLocalPort();
            var peer = new WebSocketPeer(WebSocketOptions.defaults().withLimits(QUICK));
            for (int round = 0; round < 1_000; round++) {
                assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
                int spins = ThreadLocalRandom.current().nextInt(1 + round * 20);
                for (int i = 0; i < spins; i++) {
                    Thread.onSpinWait();
                }
                if (round % 3 == 0) {
                    peer.abort();
                } else {
                    peer.close();
                }
                pollUntilClosed(peer);
            }
        }
        assertThat(served.get()).isLessThanOrEqualTo(1_000);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aServerIsStoppedUnderLoad(boolean blocking) throws Exception {
        for (int round = 0; round < 500; round++) {
            var server = new WebSocketServer();
            server.setOptions(WebSocketOptions.defaults().withLimits(QUICK));
            Thread loop = null;
            var stopping = new CountDownLatch(1);
            if (blocking) {
                server.start(
                        0,
                        peer -> {
                            for (Message m; (m = peer.receive()) != null; ) {
                                peer.send(m);
                            }
                        });
            } else {
                server.setListener(
                        new WebSocketServer.Listener() {
                            @Override
                            public void dataReceived(int id) {
                                var peer = server.getPeer(id);
                                peer.send(peer.takeMessage());
                            }
                        });
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
                loop =
                        Thread.ofPlatform()
                                .start(() -> {
                                    while (stopping.getCount() > 0) {
                                        server.awaitActivity(Duration.ofMillis(20));
                                        server.poll();
                                    }
                                    server.close();
                                });
            }
            String url = "ws://127.0.0.1:" + server.getLocalPort();
            var exchanged = new CountDownLatch(8);
            var clients = new ArrayList<Thread>();
            var failures = new ConcurrentLinkedQueue<Throwable>();
            for (int c = 0; c < 4; c++) {
                clients.add(
                        Thread.ofVirtual()
                                .uncaughtExceptionHandler((thread, e) -> failures.add(e))
                                .start(() -> exchange(url, exchanged)));
            }
            assertThat(exchanged.await(20, TimeUnit.SECONDS)).isTrue();
            if (loop != null) {
                stopping.countDown();
                loop.join();
            } else {
                server.close();
            }
            for (Thread client : clients) {
                assertThat(client.join(BOUND)).isTrue();
            }
            assertThat(failures).isEmpty();
        }
    }

    private static void exchange(String url, CountDownLatch exchanged) {
        try (var peer = WebSocketPeer.connect(url, WebSocketOptions.defaults().withLimits(QUICK))) {
            byte[] data = new byte[1_000];
            while (peer.send(data) == ErrorCode.OK && peer.receive() != null) {
                exchanged.countDown();
            }
            while (peer.receive() != null) {
                // what was on its way when a send was refused
            }
            assertThat(peer.isConnectedToHost()).isFalse();
        } catch (IOException e) {
            exchanged.countDown(); // the server was gone before it was reached
        }
    }

    /**
     * The other side sends its close frame and is gone, while we are writing: the write that fails
     * must not hide the close frame, which is there to be read. The end is clean only if nothing
     * that was accepted before it is lost.
     */
    @Test
    void aCloseFrameIsSeenAlthoughOurWriteFails() throws Exception {
        int rounds = 200;
        var ends = new ArrayList<String>();
        try (var server = new WebSocketServer()) {
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            WebSocketPeer peer = server.getPeer(id);
                            ends.add(
                                    peer.getCloseCode()
                                            + " "
                                            + (wasCleanClose == peer.getFailure().isEmpty()));
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            int port = server.getLocalPort();
            var clients =
                    CompletableFuture.runAsync(
                            () -> {
                                byte[] close = RawPeer.masked(0x88, RawPeer.closePayload(1001, ""));
                                for (int i = 0; i < rounds; i++) {
                                    try (var raw = RawPeer.open(port)) {
                                        raw.readFrame();
                                        raw.write(close);
                                    } catch (IOException e) {
                                        throw new UncheckedIOException(e);
                                    }
                                }
                            },
                            task -> Thread.ofPlatform().start(task));
            byte[] snapshot = new byte[400];
            long deadline = System.nanoTime() + 4 * BOUND.toNanos();
            while (ends.size() < rounds && !clients.isCompletedExceptionally()) {
                assertThat(deadline - System.nanoTime()).as("time left").isPositive();
                server.poll();
                server.broadcast(snapshot);
                server.awaitActivity(Duration.ofNanos(50_000));
            }
            clients.get(20, TimeUnit.SECONDS);
        }
        assertThat(ends).hasSize(rounds).containsOnly("1001 true");
    }

    @Test
    void thePortIsFreeWhenStopReturns() throws Exception {
        int port = 0;
        for (int round = 0; round < 100; round++) {
            try (var server = new WebSocketServer()) {
                ErrorCode listening = server.listen(port);
                if (port == 0) {
                    port = server.getLocalPort();
                }
                assertThat(listening).as("%s", server.getFailure()).isEqualTo(ErrorCode.OK);
                var peer = new WebSocketPeer(WebSocketOptions.defaults().withLimits(QUICK));
                peer.connectToUrl("ws://127.0.0.1:" + port);
                while (peer.getReadyState() == State.CONNECTING) {
                    server.poll();
                    peer.poll();
                    Thread.onSpinWait();
                }
                server.stop();
                pollUntilClosed(peer);
                assertThat(peer.getCloseCode()).isEqualTo(1001);
            }
        }
    }

    @Test
    void manyThreadsSendOnOnePeerAndEachKeepsItsOrder() throws Exception {
        int threads = 8;
        int each = 2_000;
        var done = new CountDownLatch(1);
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            int[] next = new int[threads];
                            for (int n = 0; n < threads * each; n++) {
                                var data = ByteBuffer.wrap(peer.receive().bytes());
                                int from = data.getInt();
                                assertThat(data.getInt()).isEqualTo(next[from]++);
                            }
                            done.countDown();
                        })) {
            var peer = WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort());
            var senders = new ArrayList<Thread>();
            for (int t = 0; t < threads; t++) {
                int from = t;
                Runnable send =
                        () -> {
                            for (int i = 0; i < each; i++) {
                                // longer and shorter, so that they meet in every phase of a write
                                byte[] data = new byte[8 + (i % 7) * 3_000];
                                ByteBuffer.wrap(data).putInt(from).putInt(i);
                                assertThat(peer.send(data)).isEqualTo(ErrorCode.OK);
                            }
                        };
                senders.add(
                        t % 2 == 0
                                ? Thread.ofVirtual().start(send)
                                : Thread.ofPlatform().start(send));
            }
            for (Thread sender : senders) {
                assertThat(sender.join(BOUND)).isTrue();
            }
            assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
            peer.close(1000, "");
            pollUntilClosed(peer);
        }
    }
}
