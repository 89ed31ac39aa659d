package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An echo that reads no more before its answers are taken, and a client whose one thread has sent
 * until nothing goes any more when the other begins to receive: which must not wait for what the
 * first has queued, or nobody would ever read.
 */
class FullBothWaysTest {

    @ParameterizedTest(name = "sends on a virtual thread: {0}, receives on one: {1}, by time: {2}")
    @CsvSource({
        "true, true, false",
        "true, true, true",
        "true, false, false",
        "false, true, false",
        "false, true, true",
        "false, false, false"
    })
    @Timeout(25) // less than Limits.writeTimeout, which would end it
    void whoReceivesDoesNotWaitForWhatOthersSend(boolean sends, boolean receives, boolean byTime)
            throws Exception {
        int count = 600;
        byte[] payload = new byte[64 * 1024]; // far more in all than any system buffers
        var sent = new AtomicInteger();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            for (Message m; (m = peer.receive()) != null; ) {
                                peer.send(m);
                            }
                        })) {
            var peer = WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort());
            var sender =
                    start(
                            sends,
                            () -> {
                                for (int i = 0; i < count; i++) {
                                    byte[] data = payload.clone();
                                    ByteBuffer.wrap(data).putInt(i);
                                    assertThat(peer.send(Message.binary(data)))
                                            .isEqualTo(ErrorCode.OK);
                                    sent.incrementAndGet();
                                }
                            });
            var last = new AtomicInteger(-1);
            await().pollInterval(Duration.ofMillis(200))
                    .until(() -> last.getAndSet(sent.get()) == sent.get());
            assertThat(sent.get()).isLessThan(count);
            var receiver =
                    start(
                            receives,
                            () -> {
                                for (int i = 0; i < count; i++) {
                                    Message next =
                                            byTime ? peer.receive(Limits.NEVER) : peer.receive();
                                    assertThat(ByteBuffer.wrap(next.bytes()).getInt()).isEqualTo(i);
                                }
                            });
            try {
                receiver.get();
                sender.get();
            } finally {
                peer.abort();
            }
        }
    }

    private static CompletableFuture<Void> start(boolean virtual, Runnable task) {
        return CompletableFuture.runAsync(
                task, (virtual ? Thread.ofVirtual() : Thread.ofPlatform())::start);
    }
}
