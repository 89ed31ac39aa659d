package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.async.AsyncWebSocketServer;
import io.peerloom.async.CloseInfo;
import io.peerloom.websocket.ConformanceCases.Case;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cases of {@link ConformanceCases} through futures, in both roles. */
class AsyncConformanceTest {

    /** Echoes until the end. */
    private static CompletionStage<Void> echo(
            AsyncWebSocketPeer peer, BlockingQueue<Integer> ends) {
        var done = new CompletableFuture<Void>();
        next(peer, ends, done);
        return done;
    }

    private static void next(
            AsyncWebSocketPeer peer, BlockingQueue<Integer> ends, CompletableFuture<Void> done) {
        CompletionStage<Message> received = peer.receive();
        received.whenComplete((message, failure) -> {
            if (message != null) {
                CompletionStage<Void> sent = peer.send(message);
                sent.whenComplete((nothing, why) -> next(peer, ends, done));
                return;
            }
            CompletionStage<CloseInfo> closed = peer.closed();
            closed.whenComplete((info, why) -> {
                ends.add(peer.getCloseCode());
                done.complete(null);
            });
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 9})
    void ourServer(int family) throws Exception {
        BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();
        try (var server = new WebSocketServer()) {
            server.setOptions(ConformanceTest.OPTIONS);
            server.start(0, AsyncWebSocketServer.adapt(peer -> echo(peer, ends)));
            for (Case c : ConformanceCases.family(family)) {
                try (RawPeer raw = RawPeer.open(server.getLocalPort())) {
                    ConformanceTest.play(c, raw, true);
                    assertThat(raw.readEnd()).as("%s: the server ends TCP first", c).isTrue();
                } catch (IOException e) {
                    throw new AssertionError(c.toString(), e);
                }
                assertThat(ends.poll(20, TimeUnit.SECONDS)).as("%s", c).isEqualTo(c.code());
            }
        }
        assertThat(ends).as("one end each").isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 9})
    void ourClient(int family) throws Exception {
        BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();
        try (var listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            listening.setSoTimeout(20_000);
            String url = "ws://127.0.0.1:" + listening.getLocalPort();
            for (Case c : ConformanceCases.family(family)) {
                CompletionStage<Void> client =
                        AsyncWebSocketPeer.connect(url, ConformanceTest.OPTIONS)
                                .thenCompose(peer -> echo(peer, ends));
                try (RawPeer raw = new RawPeer(listening.accept())) {
                    raw.answer("");
                    ConformanceTest.play(c, raw, false);
                    raw.socket.shutdownOutput(); // a server ends TCP first
                    assertThat(raw.readEnd()).as("%s", c).isTrue();
                } catch (IOException e) {
                    throw new AssertionError(c.toString(), e);
                }
                assertThat(ends.poll(20, TimeUnit.SECONDS)).as("%s", c).isEqualTo(c.code());
                client.toCompletableFuture().get(20, TimeUnit.SECONDS);
            }
        }
        assertThat(ends).as("one end each").isEmpty();
    }
}
