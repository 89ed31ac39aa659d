package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.Limits;
import io.peerloom.testing.LogCapture;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How a blocking server and its handlers hear of the end, and who waits for whom how long. */
class StopTest {

    /** Clients that do not answer a close frame hold a server up for this long. */
    private static final Duration CLOSE = Duration.ofMillis(500);

    private static WebSocketOptions options() {
        return WebSocketOptions.defaults().withLimits(Limits.defaults().withCloseTimeout(CLOSE));
    }

    /** How the connection ends of a handler that only sends. */
    private enum End {
        CLIENT_CLOSES,
        CLIENT_GOES,
        CLIENT_BREAKS,
        SERVER_STOPS,
        SERVER_DISCONNECTS,
        ANOTHER_THREAD_CLOSES
    }

    /** Messages that nobody takes do not keep it from the end, nor does waiting cost them. */
    @ParameterizedTest
    @EnumSource
    void aHandlerThatDoesNotReceiveHearsOfTheEnd(End end) throws Exception {
        var served = new CompletableFuture<WebSocketPeer>();
        var code = new CompletableFuture<Integer>();
        try (var server = new WebSocketServer()) {
            server.setOptions(options());
            server.start(
                    0,
                    peer -> {
                        assertThat(peer.awaitClosed(Duration.ZERO)).isFalse();
                        assertThat(peer.awaitClosed(Duration.ofMillis(1))).isFalse();
                        peer.sendText("news");
                        served.complete(peer);
                        assertThat(peer.awaitClosed(Limits.NEVER)).isTrue();
                        assertThat(peer.receive().text()).isEqualTo("nobody takes it");
                        assertThat(peer.receive()).isNull();
                        code.complete(peer.getCloseCode());
                    });
            try (var raw = RawPeer.open(server.getLocalPort())) {
                assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("news"));
                raw.write(RawPeer.masked(0x81, RawPeer.ascii("nobody takes it")));
                WebSocketPeer peer = served.get(20, TimeUnit.SECONDS);
                // once it is in, a reset cannot take it away: a reader has taken over
                await().until(() -> peer.connection().held().messagesIn() == 1);
                switch (end) {
                    case CLIENT_CLOSES ->
                            raw.write(RawPeer.masked(0x88, RawPeer.closePayload(4000, "")));
                    case CLIENT_GOES -> raw.socket.shutdownOutput();
                    case CLIENT_BREAKS -> raw.reset();
                    case SERVER_STOPS -> server.stop();
                    case SERVER_DISCONNECTS ->
                            server.getPeerIds().forEach(id -> server.disconnectPeer(id));
                    case ANOTHER_THREAD_CLOSES -> peer.close();
                }
                int seen = code.get(20, TimeUnit.SECONDS);
                assertThat(seen).isEqualTo(end == End.CLIENT_CLOSES ? 4000 : 1006);
                await().until(() -> server.live() == 0);
                assertThat(server.getUnfinishedPeers()).isEmpty();
            }
        }
    }

    @Test
    void awaitingTheEndOfAPeerThatNeverBegan() {
        assertThat(new WebSocketPeer().awaitClosed(Limits.NEVER)).isTrue();
    }

    @Test
    void anInterruptEndsTheWaitAndNothingElse() throws Exception {
        var interrupted = new CompletableFuture<Boolean>();
        try (var server = new WebSocketServer()) {
            server.start(
                    0,
                    peer -> {
                        Thread.currentThread().interrupt();
                        boolean ended = peer.awaitClosed(Limits.NEVER);
                        interrupted.complete(!ended && Thread.interrupted());
                        peer.sendText("still open");
                        peer.receive();
                    });
            try (var raw = RawPeer.open(server.getLocalPort())) {
                assertThat(interrupted.get(20, TimeUnit.SECONDS)).isTrue();
                assertThat(raw.readFrame().payload()).isEqualTo(RawPeer.ascii("still open"));
            }
        }
    }

    /** What a server's handler never returns from. */
    private enum Stuck {
        HANDLER,
        UPGRADE_HANDLER
    }

    @ParameterizedTest
    @EnumSource
    void aServerStopsThoughAHandlerDoesNotReturn(Stuck stuck) throws Exception {
        var release = new CountDownLatch(1);
        var inside = new AtomicInteger();
        try (var log = new LogCapture()) {
            var server = new WebSocketServer();
            server.setOptions(options());
            server.setUpgradeHandler(request -> {
                if (stuck == Stuck.UPGRADE_HANDLER) {
                    inside.incrementAndGet();
                    awaitUninterruptibly(release);
                }
                return UpgradeResponse.accept();
            });
            server.start(
                    0,
                    peer -> {
                        inside.incrementAndGet();
                        awaitUninterruptibly(release);
                    });
            var joined = new CompletableFuture<Duration>();
            Thread.ofVirtual()
                    .start(() -> {
                        long begun = System.nanoTime();
                        try {
                            server.join();
                            joined.complete(Duration.ofNanos(System.nanoTime() - begun));
                        } catch (InterruptedException e) {
                            joined.completeExceptionally(e);
                        }
                    });
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.request(""));
                await().until(() -> inside.get() == 1);
                assertThat(server.getUnfinishedPeers()).isEmpty();
                long begun = System.nanoTime();
                server.close();
                // Far from the 50 seconds that the limits allow for clients that do not behave.
                assertThat(Duration.ofNanos(System.nanoTime() - begun))
                        .isBetween(CLOSE, Duration.ofSeconds(20));
                joined.get(20, TimeUnit.SECONDS);
                assertThat(server.getUnfinishedPeers())
                        .singleElement()
                        .extracting(WebSocketPeer::getConnectedPort)
                        .isEqualTo(raw.socket.getLocalPort());
                assertThat(log.warnings())
                        .singleElement()
                        .asString()
                        .contains("has not returned")
                        .contains("127.0.0.1:" + raw.socket.getLocalPort());
                server.close(); // nor does it wait again
                assertThat(log.warnings()).hasSize(1);
            }
            release.countDown();
            await().until(() -> server.live() == 0);
            assertThat(server.getUnfinishedPeers()).isEmpty();
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        for (boolean open = false; !open; ) {
            try {
                open = latch.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                // goes on
            }
        }
    }

    /** However many, the log stays readable. */
    @Test
    void manyHandlersThatDoNotReturnAreCounted() throws Exception {
        var release = new CountDownLatch(1);
        var raws = new ArrayList<RawPeer>();
        try (var log = new LogCapture()) {
            var server = new WebSocketServer();
            server.setOptions(options());
            server.start(0, peer -> awaitUninterruptibly(release));
            for (int i = 0; i < 15; i++) {
                raws.add(RawPeer.open(server.getLocalPort()));
            }
            server.close();
            assertThat(server.getUnfinishedPeers()).hasSize(15);
            assertThat(log.warnings()).hasSize(11).last().asString().contains("5 more");
            release.countDown();
            await().until(() -> server.live() == 0);
        } finally {
            for (RawPeer raw : raws) {
                raw.close();
            }
        }
    }
}
