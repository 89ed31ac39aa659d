package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * What was accepted before a close reaches another side that reads slowly, and sends meanwhile:
 * also when the close timeout is long over (RFC 6455 section 7.1.1).
 */
class LingerTest {

    private static final Limits LIMITS =
            Limits.defaults()
                    .withCloseTimeout(Duration.ofMillis(100))
                    .withLingerTimeout(Duration.ofSeconds(20));

    private static final int MESSAGES = 150;

    @Test
    void theTailIsNotLostByAReset() throws Exception {
        var served = new AtomicReference<WebSocketPeer>();
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withLimits(LIMITS));
            server.start(
                    0,
                    peer -> {
                        served.set(peer);
                        for (int i = 0; i < MESSAGES; i++) {
                            assertThat(peer.send(message(i))).isEqualTo(ErrorCode.OK);
                        }
                    });
            try (var raw = RawPeer.open(server.getLocalPort())) {
                await().until(() -> served.get() != null && server.getPeerIds().isEmpty());
                await().until(() -> served.get().awaitClosed(Duration.ofSeconds(20)));
                assertThat(served.get().poll()).isEqualTo(ErrorCode.FAILED);
                assertThat(served.get().getCloseCode()).isEqualTo(1006);
                assertThat(served.get().getFailure()).isPresent();
                for (int i = 0; i < MESSAGES; i++) {
                    if (i % 10 == 0) { // each of these would meet a socket that is closed
                        raw.write(RawPeer.masked(0x8A, new byte[0]));
                        raw.write(
                                RawPeer.masked(
                                        0x81, "still here".getBytes(StandardCharsets.UTF_8)));
                    }
                    assertThat(raw.readFrame().payload()).isEqualTo(message(i));
                }
                assertThat(raw.readFrame().first()).as("the ping in front").isEqualTo(0x89);
                assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
                assertThat(raw.readEnd()).as("our end of the stream").isTrue();
            }
        }
    }

    private static byte[] message(int number) {
        byte[] message = new byte[10_000];
        message[0] = (byte) number;
        return message;
    }

    @Test
    void whoIsTurnedAwayCanReadWhy() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setMaxConnections(1);
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var first = RawPeer.connect(server.getLocalPort())) {
                await().until(() -> server.live() == 1);
                for (int i = 0; i < 20; i++) {
                    try (var next = RawPeer.connect(server.getLocalPort())) {
                        next.write(RawPeer.request(""));
                        assertThat(next.readAll()).startsWith("HTTP/1.1 503 ");
                    }
                }
            }
        }
    }
}
