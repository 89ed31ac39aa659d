package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.testing.Certificates;
import io.peerloom.testing.FaultProxy;
import io.peerloom.testing.FaultProxy.Fault;
import io.peerloom.testing.FaultProxy.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Accepted and told is delivered and told, for streams: every way to put bytes, over TCP, Unix
 * sockets and TLS, meets every kind of end while the other side reads fast, slowly or not at all.
 * What arrives is a beginning of what was accepted; if it is not all of it, the side that put it
 * says so, unless the other side let go of it first.
 */
class StreamDeliveryTest {

    private static final Duration BOUND = Duration.ofSeconds(30);

    private static final Limits LIMITS =
            Limits.defaults()
                    .withCloseTimeout(Duration.ofMillis(300))
                    .withLingerTimeout(Duration.ofSeconds(4))
                    .withWriteTimeout(Duration.ofMillis(1500))
                    .withOutboundBytes(40_000);

    enum Carrier {
        TCP,
        UNIX,
        TLS
    }

    /** How, and on which thread, bytes are put. */
    enum Putting {
        /** As much as there is room for, on a platform thread. */
        PARTIAL,
        /** Waiting for room, on a platform thread. */
        PLATFORM,
        /** On a virtual thread that the connection is not the own of. */
        FOREIGN,
        /** On the virtual thread that connected. */
        OWN,
        /** On a virtual thread that is interrupted all the time. */
        INTERRUPTED
    }

    enum End {
        /** The putting side disconnects behind its last byte. */
        DISCONNECT_AFTER,
        /** It disconnects while the other thread is putting. */
        DISCONNECT_AMID,
        /** The other side disconnects. */
        OTHER_DISCONNECTS,
        /** The network resets the connection. */
        RESET,
        /** Nothing passes any more. */
        BLACK_HOLE;

        boolean isNetworks() {
            return this == RESET || this == BLACK_HOLE;
        }
    }

    enum Reading {
        FAST,
        SLOW,
        /** It also answers now and then, into a socket that may be closed already. */
        SLOW_AND_CHATTY,
        STUCK
    }

    private static final int TOTAL = 900_000;

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

    @Property(tries = 60)
    void whatIsAcceptedArrivesOrItsLossIsSaid(
            @ForAll Carrier carrier,
            @ForAll Putting putting,
            @ForAll End end,
            @ForAll Reading reading,
            @ForAll @IntRange(min = 20_000, max = 500_000) int amid)
            throws Exception {
        if (carrier == Carrier.UNIX && end.isNetworks()) {
            return; // the proxy is TCP's
        }
        try (var run = new Run(carrier, putting, end, reading, amid)) {
            run.go();
        }
    }

    /** One connection, both sides of it ours. */
    private static final class Run implements AutoCloseable {
        final Carrier carrier;
        final Putting putting;
        final End end;
        final Reading reading;
        final int amid;
        final SocketServer server;
        final FaultProxy proxy;
        final Path socket;
        final AtomicBoolean go = new AtomicBoolean();
        final AtomicLong sent = new AtomicLong();
        final AtomicLong received = new AtomicLong();
        final AtomicReference<Throwable> wrong = new AtomicReference<>();
        final AtomicReference<LinkedStreamPeer> near = new AtomicReference<>();
        LinkedStreamPeer far;

        Run(Carrier carrier, Putting putting, End end, Reading reading, int amid) throws Exception {
            this.carrier = carrier;
            this.putting = putting;
            this.end = end;
            this.reading = reading;
            this.amid = amid;
            socket = Files.createTempFile(folder, "s", "");
            Files.delete(socket);
            if (carrier == Carrier.UNIX) {
                var unix = new UDSServer();
                unix.setLimits(LIMITS);
                assertThat(unix.listen(socket)).isEqualTo(ErrorCode.OK);
                server = unix;
                proxy = null;
            } else {
                var tcp = new TCPServer();
                tcp.setLimits(LIMITS);
                assertThat(tcp.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                server = tcp;
                Kind kind = end == End.RESET ? Kind.RESET : Kind.STALL;
                proxy =
                        end.isNetworks()
                                ? new FaultProxy(
                                        tcp.getLocalPort(), List.of(new Fault(true, amid, kind, 0)))
                                : null;
            }
        }

        /** The client's side, which puts; on the thread that the connection is the own of. */
        private void connect() throws Exception {
            LinkedStreamPeer plain;
            if (carrier == Carrier.UNIX) {
                var peer = new StreamPeerUDS();
                peer.setLimits(LIMITS);
                assertThat(peer.connectToHost(socket)).isEqualTo(ErrorCode.OK);
                plain = peer;
            } else {
                var peer = new StreamPeerTCP();
                peer.setLimits(LIMITS);
                int port = proxy == null ? ((TCPServer) server).getLocalPort() : proxy.port();
                assertThat(peer.connectToHost("127.0.0.1", port)).isEqualTo(ErrorCode.OK);
                plain = peer;
            }
            settle(plain);
            if (carrier == Carrier.TLS) {
                var tls = new StreamPeerTLS();
                tls.setLimits(LIMITS);
                TLSOptions options = TLSOptions.client(Certificates.trusting());
                assertThat(tls.connectToStream((StreamPeerTCP) plain, "localhost", options))
                        .isEqualTo(ErrorCode.OK);
                settle(tls);
                plain = tls;
            }
            plain.link().claim();
            near.set(plain);
            if (putting == Putting.OWN) {
                await().pollInterval(Duration.ofMillis(1)).atMost(BOUND).untilTrue(go);
                put();
            }
        }

        private static void settle(LinkedStreamPeer peer) {
            await().pollInterval(Duration.ofMillis(1))
                    .atMost(BOUND)
                    .until(() -> {
                        peer.fold();
                        return peer.status() != Peer.Status.CONNECTING;
                    });
            assertThat(peer.status()).as("%s", peer.getFailure()).isEqualTo(Peer.Status.CONNECTED);
        }

        private void put() {
            byte[] piece = new byte[10_000];
            if (putting == Putting.INTERRUPTED) {
                Thread.currentThread().interrupt();
            }
            while (sent.get() < TOTAL) {
                for (int i = 0; i < piece.length; i++) {
                    piece[i] = (byte) ((sent.get() + i) % 251);
                }
                if (putting == Putting.PARTIAL) {
                    int n = near.get().putPartialData(piece, 0, piece.length);
                    if (n < 0) {
                        return;
                    }
                    sent.addAndGet(n);
                    if (n == 0) {
                        LockSupport.parkNanos(100_000);
                    }
                } else if (near.get().putData(piece, 0, piece.length) == ErrorCode.OK) {
                    sent.addAndGet(piece.length);
                } else {
                    return;
                }
            }
            if (putting == Putting.INTERRUPTED) {
                assertThat(Thread.currentThread().isInterrupted()).isTrue();
            }
        }

        private void read() {
            byte[] buffer = new byte[20_000];
            if (reading == Reading.STUCK) {
                await().atMost(BOUND).until(() -> near.get().status() != Peer.Status.CONNECTED);
            }
            while (true) {
                int n = far.read(buffer, 0, buffer.length, BOUND);
                if (n <= 0) {
                    assertThat(n).as("the end").isEqualTo(-1);
                    return;
                }
                for (int i = 0; i < n; i++) {
                    assertThat(buffer[i]).isEqualTo((byte) ((received.get() + i) % 251));
                }
                received.addAndGet(n);
                if (reading != Reading.FAST) {
                    LockSupport.parkNanos(10_000_000);
                    if (reading == Reading.SLOW_AND_CHATTY) {
                        far.putPartialData(new byte[] {1}, 0, 1);
                    }
                }
            }
        }

        private Thread thread(boolean virtual, Callable<?> task) {
            return (virtual ? Thread.ofVirtual() : Thread.ofPlatform())
                    .start(() -> {
                        try {
                            task.call();
                        } catch (Throwable e) {
                            wrong.compareAndSet(null, e);
                        }
                    });
        }

        void go() throws Exception {
            Thread connecting =
                    thread(
                            true,
                            () -> {
                                connect();
                                return null;
                            });
            var accepted = new AtomicReference<StreamPeerSocket>();
            await().atMost(BOUND)
                    .until(() -> {
                        if (server.isConnectionAvailable()) {
                            accepted.set(server.takeSocketConnection());
                        }
                        return accepted.get() != null;
                    });
            far = accepted.get();
            if (carrier == Carrier.TLS) {
                var tls = new StreamPeerTLS();
                tls.setLimits(LIMITS);
                TLSOptions options = TLSOptions.server(Certificates.showing(Certificates.GOOD));
                assertThat(tls.acceptStream(accepted.get(), options)).isEqualTo(ErrorCode.OK);
                settle(tls);
                far = tls;
            }
            await().atMost(BOUND).until(() -> near.get() != null || wrong.get() != null);
            assertThat(wrong).hasValue(null);
            go.set(true);
            Thread putter =
                    putting == Putting.OWN
                            ? connecting
                            : thread(
                                    putting == Putting.FOREIGN || putting == Putting.INTERRUPTED,
                                    () -> {
                                        put();
                                        return null;
                                    });
            Thread reader =
                    thread(
                            false,
                            () -> {
                                read();
                                return null;
                            });
            if (end == End.DISCONNECT_AMID || end == End.OTHER_DISCONNECTS) {
                await().pollInterval(Duration.ofMillis(1))
                        .atMost(BOUND)
                        .until(() -> sent.get() >= Math.min(amid, 40_000) || !putter.isAlive());
                (end == End.DISCONNECT_AMID ? near.get() : far).close();
            }
            assertThat(putter.join(BOUND)).as("the putting thread ends").isTrue();
            near.get().close();
            if (end == End.BLACK_HOLE) {
                await("that the loss is said")
                        .atMost(BOUND)
                        .until(() -> near.get().getFailure().isPresent());
                far.close(); // a stream has no heartbeat that would tell it
            }
            assertThat(reader.join(BOUND)).as("the reading thread ends").isTrue();
            assertThat(wrong).hasValue(null);
            assertThat(received.get()).isLessThanOrEqualTo(sent.get() + 10_000);
            if (received.get() < sent.get() && end != End.OTHER_DISCONNECTS) {
                await("that the loss of " + (sent.get() - received.get()) + " is said")
                        .atMost(BOUND)
                        .until(() -> near.get().getFailure().isPresent());
            }
            if (!end.isNetworks() && end != End.OTHER_DISCONNECTS && reading != Reading.STUCK) {
                assertThat(received).hasValue(sent.get());
            }
        }

        @Override
        public void close() throws Exception {
            go.set(true);
            if (near.get() != null) {
                near.get().close();
            }
            if (far != null) {
                far.close();
            }
            server.close();
            if (proxy != null) {
                proxy.close();
            }
        }
    }
}
