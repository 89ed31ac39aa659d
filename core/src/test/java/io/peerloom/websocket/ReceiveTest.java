package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What waiting calls promise: that all getters agree at once, and what an interrupt does. */
class ReceiveTest {

    private static final Duration BOUND = Duration.ofSeconds(20);

    enum Waiting {
        RECEIVE,
        RECEIVE_FOR_A_TIME
    }

    enum End {
        OWN_CLOSE,
        OTHER_CLOSE,
        ABORT,
        OTHER_ABORT,
        BROKEN_PROTOCOL
    }

    /** A blocking server's handler that hands its peer out, and ends when the test does. */
    private static final class Served implements AutoCloseable {
        final WebSocketServer server = new WebSocketServer();
        final AtomicReference<WebSocketPeer> peer = new AtomicReference<>();
        final CountDownLatch done = new CountDownLatch(1);

        Served() throws Exception {
            server.start(
                    0,
                    accepted -> {
                        peer.set(accepted);
                        done.await(BOUND.toSeconds(), TimeUnit.SECONDS);
                    });
        }

        String url() {
            return "ws://127.0.0.1:" + server.getLocalPort();
        }

        WebSocketPeer peer() {
            await().atMost(BOUND).until(() -> peer.get() != null);
            return peer.get();
        }

        @Override
        public void close() {
            done.countDown();
            server.close();
        }
    }

    private static <T> CompletableFuture<T> on(boolean virtual, Callable<T> task) {
        var result = new CompletableFuture<T>();
        (virtual ? Thread.ofVirtual() : Thread.ofPlatform())
                .start(() -> {
                    try {
                        result.complete(task.call());
                    } catch (Throwable e) {
                        result.completeExceptionally(e);
                    }
                });
        return result;
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void whenAReceiveSaysThatItIsOverAllGettersSaySo(
            @ForAll boolean virtual, @ForAll Waiting waiting, @ForAll End end) throws Exception {
        for (int round = 0; round < 5; round++) {
            try (var served = new Served();
                    var raw = RawPeer.open(served.server.getLocalPort())) {
                WebSocketPeer peer = served.peer();
                var story =
                        on(
                                virtual,
                                () -> {
                                    Message message =
                                            waiting == Waiting.RECEIVE
                                                    ? peer.receive()
                                                    : peer.receive(BOUND);
                                    return message
                                            + " "
                                            + peer.getReadyState()
                                            + " "
                                            + (peer.getStatus() == Peer.Status.CONNECTED)
                                            + " "
                                            + (peer.getCloseCode() != -1);
                                });
                switch (end) {
                    case OWN_CLOSE -> {
                        peer.close();
                        raw.readFrame();
                        raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
                    }
                    case OTHER_CLOSE ->
                            raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1001, "")));
                    case ABORT -> peer.abort();
                    case OTHER_ABORT -> raw.close();
                    case BROKEN_PROTOCOL -> raw.write(RawPeer.hex("FF 80 00000000"));
                }
                assertThat(story.get(BOUND.toSeconds(), TimeUnit.SECONDS))
                        .isEqualTo("null CLOSED false true");
            }
        }
    }

    /**
     * Without a reader of its own the message would be seen by the second tick of the watchdog, two
     * seconds later: never within the time below. On a busy machine one of several tries will do.
     */
    @Test
    void aBlockingPeersActivityIsSeenAtOnce() throws Exception {
        Duration lessThanTwoTicks = Duration.ofMillis(1500);
        WebSocketOptions slowTicks =
                WebSocketOptions.defaults()
                        .withLimits(Limits.unbounded().withHandshakeTimeout(Duration.ofMinutes(1)));
        boolean seen = false;
        for (int i = 0; i < 5 && !seen; i++) {
            try (var served = new Served();
                    var client = WebSocketPeer.connect(served.url(), slowTicks)) {
                served.peer().sendText("here");
                seen = client.awaitActivity(lessThanTwoTicks);
                assertThat(client.receive(BOUND)).isEqualTo(Message.text("here"));
                client.abort();
            }
        }
        assertThat(seen).isTrue();
    }

    /** It ends the wait, stays set, and the connection lives. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void anInterruptEndsAWaitAndNoConnection(
            @ForAll boolean virtual, @ForAll boolean before, @ForAll boolean forever)
            throws Exception {
        try (var served = new Served();
                var client = WebSocketPeer.connect(served.url())) {
            var waiter = new AtomicReference<Thread>();
            var story =
                    on(
                            virtual,
                            () -> {
                                waiter.set(Thread.currentThread());
                                if (before) {
                                    Thread.currentThread().interrupt();
                                }
                                Message none = client.receive(forever ? Limits.NEVER : BOUND);
                                return none
                                        + " "
                                        + Thread.interrupted()
                                        + " "
                                        + client.getReadyState();
                            });
            await().atMost(BOUND)
                    .until(() ->
                            story.isDone()
                                    || (waiter.get() != null
                                            && (waiter.get().getState() == Thread.State.WAITING
                                                    || waiter.get().getState()
                                                            == Thread.State.TIMED_WAITING)));
            if (!before) {
                waiter.get().interrupt();
            }
            assertThat(story.get(BOUND.toSeconds(), TimeUnit.SECONDS)).isEqualTo("null true OPEN");
            served.peer().sendText("after it");
            assertThat(client.receive(BOUND)).isEqualTo(Message.text("after it"));
        }
    }

    /** One interrupted thread that sends to several peers ends none of them, and loses nothing. */
    @Test
    void anInterruptedThreadSendsToManyAndEndsNone() throws Exception {
        int peers = 5;
        try (var server = new WebSocketServer()) {
            var connected = new ConcurrentLinkedQueue<WebSocketPeer>();
            var done = new CountDownLatch(1);
            server.start(
                    0,
                    peer -> {
                        connected.add(peer);
                        done.await(BOUND.toSeconds(), TimeUnit.SECONDS);
                    });
            var clients = new ArrayList<WebSocketPeer>();
            for (int i = 0; i < peers; i++) {
                clients.add(WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()));
            }
            await().atMost(BOUND).until(() -> connected.size() == peers);
            var codes =
                    on(
                            true,
                            () -> {
                                Thread.currentThread().interrupt();
                                var all = new ArrayList<ErrorCode>();
                                for (int i = 0; i < 100; i++) {
                                    for (WebSocketPeer peer : connected) {
                                        all.add(peer.sendText("number " + i));
                                    }
                                }
                                assertThat(Thread.currentThread().isInterrupted()).isTrue();
                                return all;
                            });
            assertThat(codes.get(BOUND.toSeconds(), TimeUnit.SECONDS)).containsOnly(ErrorCode.OK);
            for (WebSocketPeer client : clients) {
                for (int i = 0; i < 100; i++) {
                    assertThat(client.receive(BOUND)).isEqualTo(Message.text("number " + i));
                }
                client.close();
            }
            done.countDown();
        }
    }
}
