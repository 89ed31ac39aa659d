package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import io.peerloom.testing.FaultProxy;
import io.peerloom.testing.FaultProxy.Fault;
import io.peerloom.testing.FaultProxy.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;

/**
 * Connections through a network that splits, delays, stalls, resets and half-closes, in any phase.
 * Whatever it does: what arrives is what was sent, in order and without a gap; a clean end means
 * that all arrived; each side hears of exactly one end; and everything is let go of.
 */
@Tag("slow")
class FaultTest {

    private static final Limits SHORT =
            Limits.defaults()
                    .withConnectTimeout(Duration.ofSeconds(2))
                    .withHandshakeTimeout(Duration.ofMillis(700))
                    .withCloseTimeout(Duration.ofMillis(300))
                    .withWriteTimeout(Duration.ofMillis(700))
                    .withHeartbeatInterval(Duration.ofMillis(200))
                    .withHeartbeatTimeout(Duration.ofMillis(200));

    private static final int MESSAGES = 60;

    /** How the two sides are used. */
    enum Way {
        BLOCKING,
        POLLED,
        COMPRESSED,
        TLS
    }

    /** What one side saw. */
    private static final class Story {
        final List<Message> received = new ArrayList<>();
        final AtomicInteger ends = new AtomicInteger();
        volatile WebSocketPeer peer;
    }

    @Provide
    Arbitrary<List<Fault>> plans() {
        Arbitrary<Integer> offsets =
                Arbitraries.frequencyOf(
                        net.jqwik.api.Tuple.of(1, Arbitraries.integers().between(0, 300)),
                        net.jqwik.api.Tuple.of(3, Arbitraries.integers().between(0, 40_000)));
        Arbitrary<Kind> kinds =
                Arbitraries.frequency(
                        net.jqwik.api.Tuple.of(4, Kind.SPLIT),
                        net.jqwik.api.Tuple.of(4, Kind.DELAY),
                        net.jqwik.api.Tuple.of(1, Kind.STALL),
                        net.jqwik.api.Tuple.of(2, Kind.RESET),
                        net.jqwik.api.Tuple.of(1, Kind.HALF_CLOSE));
        return Combinators.combine(
                        Arbitraries.of(true, false),
                        offsets,
                        kinds,
                        Arbitraries.integers().between(1, 40))
                .as(Fault::new)
                .list()
                .ofMaxSize(4);
    }

    private static Message message(int number) {
        int size = number % 20 == 19 ? 9_000 : 4 + number * 7;
        return Message.binary(ByteBuffer.allocate(size).putInt(number).array());
    }

    private static WebSocketOptions options(Way way, boolean server) {
        WebSocketOptions options = WebSocketOptions.defaults().withLimits(SHORT);
        return switch (way) {
            case BLOCKING, POLLED -> options;
            case COMPRESSED ->
                    options.withCompression(
                            Compression.defaults()
                                    .withContextTakeover(true, true)
                                    .withThreshold(1));
            case TLS ->
                    options.withTls(
                            server
                                    ? TLSOptions.server(Certificates.showing(Certificates.GOOD))
                                    : TLSOptions.client(Certificates.trusting()));
        };
    }

    @Property(tries = 60)
    void whateverTheNetworkDoes(@ForAll("plans") List<Fault> plan, @ForAll Way way)
            throws Exception {
        Queue<Story> served = new ConcurrentLinkedQueue<>();
        var client = new Story();
        try (var server = new WebSocketServer()) {
            server.setOptions(options(way, true));
            var stop = new AtomicBoolean();
            Thread loop = null;
            if (way == Way.POLLED) {
                server.setListener(listener(server, served));
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
                loop =
                        Thread.ofPlatform()
                                .start(() -> {
                                    while (!stop.get()) {
                                        server.awaitActivity(Duration.ofSeconds(5));
                                        server.poll();
                                    }
                                });
            } else {
                server.start(0, peer -> serve(peer, served));
            }
            try (var proxy = new FaultProxy(server.getLocalPort(), plan)) {
                String scheme = way == Way.TLS ? "wss" : "ws";
                String url = scheme + "://localhost:" + proxy.port() + "/";
                if (way == Way.POLLED) {
                    polled(url, client);
                } else {
                    blocking(url, options(way, false), client);
                }
            }
            await().atMost(Duration.ofSeconds(30))
                    .until(() ->
                            server.getPeerIds().isEmpty()
                                    && served.stream().allMatch(s -> s.ends.get() > 0));
            stop.set(true);
            server.wakeup();
            if (loop != null) {
                loop.join();
            }
        }
        assertThat(served).hasSizeLessThanOrEqualTo(1);
        Story theirs = served.isEmpty() ? new Story() : served.element();
        checkPrefix(client.received);
        checkPrefix(theirs.received);
        assertThat(client.received.size()).isLessThanOrEqualTo(theirs.received.size());
        if (client.peer != null) {
            checkEnd(client);
            if (client.peer.wasCleanClose()) {
                assertThat(theirs.received).as("a clean close").hasSize(MESSAGES);
                assertThat(client.received).hasSize(MESSAGES);
            }
        }
        if (theirs.peer != null) {
            checkEnd(theirs);
        }
    }

    private static void checkPrefix(List<Message> received) {
        for (int i = 0; i < received.size(); i++) {
            assertThat(received.get(i)).as("message %d", i).isEqualTo(message(i));
        }
    }

    private static void checkEnd(Story story) {
        story.peer.poll();
        assertThat(story.ends.get()).isEqualTo(1);
        assertThat(story.peer.getReadyState()).isEqualTo(WebSocketPeer.State.CLOSED);
        if (story.peer.wasCleanClose()) {
            assertThat(story.peer.getStatus()).isEqualTo(Status.NONE);
        } else {
            assertThat(story.peer.getCloseCode()).isEqualTo(1006);
            assertThat(story.peer.getFailure()).as("what was lost is told").isPresent();
        }
    }

    // ---- the server's side ----

    private static void serve(WebSocketPeer peer, Queue<Story> served) {
        var story = new Story();
        story.peer = peer;
        served.add(story);
        for (Message m; (m = peer.receive()) != null; ) {
            story.received.add(m);
            peer.send(m);
        }
        await().until(() -> {
            peer.poll();
            return peer.getReadyState() == WebSocketPeer.State.CLOSED;
        });
        story.ends.incrementAndGet();
    }

    private static WebSocketServer.Listener listener(WebSocketServer server, Queue<Story> served) {
        return new WebSocketServer.Listener() {
            @Override
            public void clientConnected(int id, String protocol) {
                var story = new Story();
                story.peer = server.getPeer(id);
                served.add(story);
            }

            @Override
            public void dataReceived(int id) {
                WebSocketPeer peer = server.getPeer(id);
                Message message = peer.takeMessage();
                served.element().received.add(message);
                peer.send(message);
            }

            @Override
            public void clientDisconnected(int id, boolean wasCleanClose) {
                served.element().ends.incrementAndGet();
            }
        };
    }

    // ---- the client's side ----

    private static void blocking(String url, WebSocketOptions options, Story story)
            throws InterruptedException {
        Thread thread =
                Thread.ofVirtual()
                        .start(() -> {
                            try (var peer = WebSocketPeer.connect(url, options)) {
                                story.peer = peer;
                                int sent = 0;
                                boolean open = true;
                                while (open && story.received.size() < MESSAGES) {
                                    while (sent < MESSAGES && sent - story.received.size() < 8) {
                                        peer.send(message(sent++));
                                    }
                                    Message echo = peer.receive();
                                    open = echo != null;
                                    if (open) {
                                        story.received.add(echo);
                                    }
                                }
                                peer.close();
                                assertThat(peer.receive()).isNull();
                                await().until(() -> {
                                    peer.poll();
                                    return peer.getReadyState() == WebSocketPeer.State.CLOSED;
                                });
                                story.ends.incrementAndGet();
                            } catch (IOException e) {
                                assertThat(e).hasMessageNotContaining("null");
                            }
                        });
        assertThat(thread.join(Duration.ofSeconds(60))).isTrue();
    }

    private static void polled(String url, Story story) {
        try (var peer = new WebSocketPeer(WebSocketOptions.defaults().withLimits(SHORT))) {
            assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
            int sent = 0;
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (peer.getReadyState() != WebSocketPeer.State.CLOSED) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                peer.awaitActivity(Duration.ofMillis(100));
                peer.poll();
                if (peer.isConnectedToHost()) {
                    story.peer = peer;
                }
                while (peer.getAvailablePacketCount() > 0) {
                    story.received.add(peer.takeMessage());
                }
                while (peer.getReadyState() == WebSocketPeer.State.OPEN
                        && sent < MESSAGES
                        && sent - story.received.size() < 8
                        && peer.send(message(sent)) == ErrorCode.OK) {
                    sent++;
                }
                if (story.received.size() == MESSAGES) {
                    peer.close();
                }
            }
            story.ends.incrementAndGet();
        }
    }
}
