package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import io.peerloom.testing.FaultProxy;
import io.peerloom.testing.FaultProxy.Fault;
import io.peerloom.testing.FaultProxy.Kind;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Accepted and told is delivered and told: every kind of sender, over every carrier, meets every
 * kind of end while the other side reads fast, slowly or not at all. Messages are numbered by their
 * sending thread. However it ends, what arrives is a beginning of what was accepted, without a gap;
 * if it is not all of it, one of the two ends says so.
 */
class DeliveryTest {

    private static final Duration BOUND = Duration.ofSeconds(30);

    private static final Limits LIMITS =
            Limits.defaults()
                    .withCloseTimeout(Duration.ofMillis(400))
                    .withLingerTimeout(Duration.ofSeconds(3))
                    .withWriteTimeout(Duration.ofMillis(1500))
                    .withHeartbeatInterval(Duration.ofMillis(400))
                    .withHeartbeatTimeout(Duration.ofMillis(400))
                    .withInboundMessages(50)
                    .withInboundBytes(50_000)
                    .withOutboundMessages(40)
                    .withOutboundBytes(40_000);

    enum Carrier {
        TCP,
        UNIX,
        TLS
    }

    /** How, and on which threads, it sends. */
    enum Sending {
        /** A polled peer, one platform thread. */
        POLLED(1),
        /** A polled peer, several threads that try again when there is no room. */
        POLLED_BY_MANY(3),
        /** A blocking peer, on its own virtual thread. */
        OWN(1),
        /** A blocking peer, on several other virtual threads, which wait for room. */
        FOREIGN(3),
        /** A blocking peer, on several platform threads, which wait for room. */
        PLATFORM(3),
        /** A blocking peer, on virtual threads that are interrupted all the time. */
        INTERRUPTED(2),
        /** A server's broadcast. */
        BROADCAST(1);

        final int threads;

        Sending(int threads) {
            this.threads = threads;
        }

        boolean isBlocking() {
            return this == OWN || this == FOREIGN || this == PLATFORM || this == INTERRUPTED;
        }
    }

    enum End {
        /** The sender closes behind its last message. */
        CLOSE_AFTER,
        /** The sender's side closes while its threads are sending. */
        CLOSE_AMID,
        /** The reader closes while the other side is sending. */
        OTHER_CLOSES,
        /** Both close at once, amid the messages. */
        BOTH_CLOSE,
        /** The server stops amid the messages. */
        STOP,
        /** The network resets the connection. */
        RESET,
        /** The sender's bytes end, as if it had gone, and the rest is on. */
        END_OF_STREAM,
        /** Nothing passes any more, and nobody is told. */
        BLACK_HOLE;

        boolean isNetworks() {
            return this == RESET || this == END_OF_STREAM || this == BLACK_HOLE;
        }
    }

    enum Reading {
        FAST,
        SLOW,
        /** Takes nothing before the sender's side has ended. */
        STUCK
    }

    private static Path folder;

    @BeforeContainer
    static void before() throws Exception {
        folder = Files.createTempDirectory("peerloom-delivery");
        Certificates.authority(); // made here, and in no test's time
    }

    @AfterContainer
    static void after() throws Exception {
        Files.delete(folder);
    }

    @Property(tries = 50, generation = GenerationMode.RANDOMIZED)
    void overTcp(
            @ForAll boolean fromServer,
            @ForAll Sending sending,
            @ForAll End end,
            @ForAll Reading reading,
            @ForAll int seed)
            throws Exception {
        check(Carrier.TCP, fromServer, sending, end, reading, seed);
    }

    @Property(tries = 30)
    void overOthers(
            @ForAll Carrier carrier,
            @ForAll boolean fromServer,
            @ForAll Sending sending,
            @ForAll End end,
            @ForAll Reading reading,
            @ForAll int seed)
            throws Exception {
        check(carrier, fromServer, sending, end, reading, seed);
    }

    private static void check(
            Carrier carrier,
            boolean fromServer,
            Sending sending,
            End end,
            Reading reading,
            int seed)
            throws Exception {
        if ((sending == Sending.BROADCAST && !fromServer)
                || (carrier == Carrier.UNIX && end.isNetworks())) {
            return; // a client has no broadcast, and the proxy is TCP's
        }
        try (var run = new Run(carrier, fromServer, sending, end, reading, new Random(seed))) {
            run.go();
        }
    }

    /** One connection, both sides of it ours. */
    private static final class Run implements AutoCloseable {
        private static final int EACH = 300;

        final boolean fromServer;
        final Sending sending;
        final End end;
        final Reading reading;
        final Random random;

        final WebSocketServer server = new WebSocketServer();
        final FaultProxy proxy;
        final WebSocketPeer client;
        final AtomicReference<WebSocketPeer> accepted = new AtomicReference<>();
        final CountDownLatch served = new CountDownLatch(1);
        final AtomicBoolean over = new AtomicBoolean();
        final List<Thread> threads = new ArrayList<>();

        /** By sending thread. */
        final AtomicInteger[] sent;

        /** By sending thread; the reading thread's until it is over. */
        final int[] received;

        final AtomicInteger total = new AtomicInteger();
        final AtomicInteger ends = new AtomicInteger();
        final AtomicReference<String> gap = new AtomicReference<>();

        Run(
                Carrier carrier,
                boolean fromServer,
                Sending sending,
                End end,
                Reading reading,
                Random random)
                throws Exception {
            this.fromServer = fromServer;
            this.sending = sending;
            this.end = end;
            this.reading = reading;
            this.random = random;
            sent = new AtomicInteger[sending.threads];
            for (int i = 0; i < sent.length; i++) {
                sent[i] = new AtomicInteger();
            }
            received = new int[sending.threads];
            WebSocketOptions options = WebSocketOptions.defaults().withLimits(LIMITS);
            boolean tls = carrier == Carrier.TLS;
            server.setOptions(
                    tls
                            ? options.withTls(
                                    TLSOptions.server(Certificates.showing(Certificates.GOOD)))
                            : options);
            WebSocketOptions clients =
                    tls ? options.withTls(TLSOptions.client(Certificates.trusting())) : options;
            boolean blocking = fromServer && sending.isBlocking();
            Path socket = carrier == Carrier.UNIX ? Files.createTempFile(folder, "s", "") : null;
            if (socket != null) {
                Files.delete(socket);
            }
            if (blocking) {
                if (socket != null) {
                    server.start(socket, this::serve);
                } else {
                    server.start(0, this::serve);
                }
            } else {
                server.setListener(
                        new WebSocketServer.Listener() {
                            @Override
                            public void clientConnected(int id, String protocol) {
                                accepted.set(server.getPeer(id));
                            }

                            @Override
                            public void clientDisconnected(int id, boolean wasCleanClose) {
                                ends.incrementAndGet();
                            }
                        });
                assertThat(socket != null ? server.listen(socket) : server.listen(0))
                        .isEqualTo(ErrorCode.OK);
                thread(
                        false,
                        "poll",
                        () -> {
                            while (!over.get()) {
                                server.poll();
                                server.awaitActivity(Duration.ofMillis(20));
                            }
                        });
            }
            if (socket != null) {
                proxy = null;
                client = WebSocketPeer.connect(StreamPeerUDS.connect(socket), "ws://x/", clients);
            } else {
                proxy = end.isNetworks() ? new FaultProxy(server.getLocalPort(), plan()) : null;
                int port = proxy == null ? server.getLocalPort() : proxy.port();
                String url = (tls ? "wss" : "ws") + "://localhost:" + port;
                if (!fromServer && !sending.isBlocking()) {
                    client = new WebSocketPeer(clients);
                    assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.OK);
                    await().atMost(BOUND)
                            .until(() ->
                                    client.poll() != null
                                            && client.getReadyState()
                                                    != WebSocketPeer.State.CONNECTING);
                } else {
                    client = WebSocketPeer.connect(url, clients);
                }
            }
            await().atMost(BOUND).until(() -> accepted.get() != null);
        }

        /** Behind every handshake, in what the sender sends. */
        private List<Fault> plan() {
            Kind kind =
                    switch (end) {
                        case RESET -> Kind.RESET;
                        case END_OF_STREAM -> Kind.HALF_CLOSE;
                        default -> Kind.STALL;
                    };
            int offset = 8_000 + random.nextInt(60_000);
            return List.of(
                    new Fault(!fromServer, offset, kind, 0),
                    new Fault(fromServer, 8_000, kind, 0)); // hardly met: answers are short
        }

        /** A blocking server's handler: its thread is the connection's own. */
        private void serve(WebSocketPeer peer) {
            accepted.set(peer);
            if (sending == Sending.OWN) {
                send(peer, 0);
            }
            try {
                if (!served.await(BOUND.toSeconds(), TimeUnit.SECONDS)) {
                    throw new AssertionError("the test forgot its handler");
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        private Thread thread(boolean virtual, String name, Runnable task) {
            Thread thread =
                    (virtual ? Thread.ofVirtual() : Thread.ofPlatform()).name(name).start(task);
            threads.add(thread);
            return thread;
        }

        private void send(WebSocketPeer peer, int who) {
            for (int i = 0; i < EACH; i++) {
                byte[] message = message(who, i);
                ErrorCode code;
                do {
                    code = sending == Sending.BROADCAST ? broadcast(message) : peer.send(message);
                    if (code == ErrorCode.OUT_OF_MEMORY) {
                        LockSupport.parkNanos(100_000);
                    }
                } while (code == ErrorCode.OUT_OF_MEMORY);
                if (code != ErrorCode.OK) {
                    return;
                }
                sent[who].incrementAndGet();
                total.incrementAndGet();
            }
        }

        private ErrorCode broadcast(byte[] message) {
            if (server.broadcast(message).isEmpty()) {
                return server.getPeerIds().isEmpty() ? ErrorCode.FAILED : ErrorCode.OK;
            }
            return accepted.get().send(new byte[0]) == ErrorCode.FAILED
                    ? ErrorCode.FAILED
                    : ErrorCode.OUT_OF_MEMORY;
        }

        private static byte[] message(int who, int number) {
            return ByteBuffer.allocate(8 + number % 5 * 300).putInt(who).putInt(number).array();
        }

        private void take(Message message) {
            if (message.size() == 0) {
                return;
            }
            ByteBuffer bytes = ByteBuffer.wrap(message.bytes());
            int who = bytes.getInt();
            int number = bytes.getInt();
            if (number != received[who]) {
                gap.compareAndSet(null, "got " + number + ", expected " + received[who]);
            }
            received[who] = number + 1;
        }

        private boolean isOver(WebSocketPeer peer) {
            return peer.getReadyState() == WebSocketPeer.State.CLOSED;
        }

        /** Takes everything until the end is seen, in its own time. */
        private void read(WebSocketPeer peer, boolean polledByServer, WebSocketPeer sender) {
            long deadline = System.nanoTime() + BOUND.toNanos();
            int taken = 0;
            while (System.nanoTime() < deadline) {
                if (reading == Reading.STUCK && !over.get() && !isOver(sender)) {
                    LockSupport.parkNanos(1_000_000);
                    if (!polledByServer) {
                        peer.poll();
                    }
                    continue;
                }
                if (!polledByServer) {
                    peer.poll();
                }
                Message message = peer.takeMessage();
                if (message != null) {
                    take(message);
                    if (reading == Reading.SLOW && ++taken % 20 == 0) {
                        LockSupport.parkNanos(5_000_000);
                    }
                } else if (isOver(peer)) {
                    return;
                } else if (polledByServer) {
                    LockSupport.parkNanos(500_000);
                } else {
                    peer.awaitActivity(Duration.ofMillis(5));
                }
            }
            gap.compareAndSet(null, "the reader has not seen the end");
        }

        void go() throws Exception {
            WebSocketPeer sender = fromServer ? accepted.get() : client;
            WebSocketPeer reader = fromServer ? client : accepted.get();
            if (!fromServer) {
                // the polling thread takes on a server: one thread at a time does
                over.set(true);
                threads.get(0).join();
                threads.clear();
                over.set(false);
            }
            Thread reads =
                    thread(
                            false,
                            "reader",
                            () -> {
                                read(reader, false, sender);
                            });
            var senders = new ArrayList<Thread>();
            for (int i = 0; i < sending.threads; i++) {
                int who = i;
                if (fromServer && sending == Sending.OWN) {
                    continue; // its handler sends
                }
                boolean virtual = sending.isBlocking() && sending != Sending.PLATFORM;
                senders.add(
                        thread(
                                virtual,
                                "sender",
                                () -> {
                                    if (sending == Sending.INTERRUPTED) {
                                        Thread.currentThread().interrupt();
                                    }
                                    if (!fromServer && sending == Sending.OWN) {
                                        sender.connection().claim();
                                    }
                                    send(sender, who);
                                    if (sending == Sending.INTERRUPTED) {
                                        assertThat(Thread.currentThread().isInterrupted()).isTrue();
                                    }
                                }));
            }
            if (!fromServer) {
                thread(
                        false,
                        "sender's poll",
                        () -> {
                            while (!over.get() && !isOver(sender)) {
                                sender.poll();
                                sender.awaitActivity(Duration.ofMillis(20));
                            }
                        });
            }
            int amid = 20 + random.nextInt(200);
            if (end != End.CLOSE_AFTER && !end.isNetworks()) {
                await().pollInterval(Duration.ofMillis(1))
                        .atMost(BOUND)
                        .until(() -> total.get() >= Math.min(amid, 20 + 5 * sending.threads));
            }
            switch (end) {
                case CLOSE_AFTER -> {
                    for (Thread each : senders) {
                        each.join();
                    }
                    if (fromServer && sending == Sending.OWN) {
                        await().atMost(BOUND)
                                .until(() ->
                                        sent[0].get() == EACH
                                                || !sender.isConnectedToHost()
                                                || !sender.connection().isOpenForSending());
                    }
                    sender.close();
                }
                case CLOSE_AMID -> sender.close();
                case OTHER_CLOSES -> reader.close();
                case BOTH_CLOSE -> {
                    sender.close();
                    reader.close();
                }
                case STOP -> server.stop();
                default -> {}
            }
            for (Thread each : senders) {
                assertThat(each.join(BOUND)).as("a sender ends").isTrue();
            }
            if (fromServer && !sending.isBlocking()) {
                await().atMost(BOUND)
                        .until(() -> sender.connection().state().name().equals("CLOSED"));
            } else {
                await().atMost(BOUND)
                        .until(() -> {
                            if (fromServer) {
                                sender.poll();
                            }
                            return isOver(sender);
                        });
            }
            if (end == End.STOP && fromServer && !sending.isBlocking()) {
                over.set(true); // no more events: the peer is seen by its own poll
                threads.get(0).join();
                sender.poll();
            }
            if (fromServer && !sending.isBlocking()) {
                await().atMost(BOUND).until(() -> isOver(sender));
            }
            assertThat(reads.join(BOUND)).as("the reader ends").isTrue();
            over.set(true);
            served.countDown();
            for (Thread thread : threads) {
                assertThat(thread.join(BOUND)).isTrue();
            }

            assertThat(gap).hasValue(null);
            int delivered = 0;
            for (int i = 0; i < received.length; i++) {
                assertThat(received[i])
                        .as("no more than it has sent")
                        .isLessThanOrEqualTo(
                                sent[i].get()
                                        + 1); // one may have gone out, and its sender heard of the
                // end
                delivered += received[i];
            }
            String story =
                    sending
                            + " "
                            + end
                            + " "
                            + reading
                            + ": "
                            + total
                            + " accepted, "
                            + delivered
                            + " delivered; sender "
                            + tell(sender)
                            + "; reader "
                            + tell(reader);
            if (delivered < total.get()) {
                assertThat(isTold(sender) || isTold(reader)).as(story).isTrue();
            }
            if (sender.wasCleanClose() && reader.wasCleanClose()) {
                assertThat(delivered).as(story).isGreaterThanOrEqualTo(total.get());
            }
            if (end == End.CLOSE_AFTER && reading != Reading.STUCK) {
                assertThat(delivered).as(story).isEqualTo(sending.threads * EACH);
            }
        }

        private static boolean isTold(WebSocketPeer peer) {
            return !peer.wasCleanClose()
                    && (peer.getFailure().isPresent() || peer.getCloseCode() == 1006);
        }

        private static String tell(WebSocketPeer peer) {
            return peer.getCloseCode()
                    + (peer.wasCleanClose() ? " clean " : " not clean ")
                    + peer.getFailure().map(Throwable::getMessage).orElse("");
        }

        @Override
        public void close() throws Exception {
            over.set(true);
            served.countDown();
            client.abort();
            server.close();
            if (proxy != null) {
                proxy.close();
            }
        }
    }
}
