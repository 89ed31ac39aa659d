package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.NetworkChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Test;

/**
 * The status of a peer under any order of its owner's calls and of what the other side does,
 * against the table of {@link StreamPeerSocket}. The other side is a plain channel; between two
 * steps the test waits until the peer could know of the last one.
 */
class StreamPeerSocketStatusTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** What the other side has done, as far as the peer can know. */
    private enum Network {
        NONE,
        REFUSED,
        OPEN,
        CLOSED,
        BROKEN
    }

    /** The peer, the other side, and what the table says that the peer should be. */
    private static final class World implements AutoCloseable {
        final ServerSocketChannel server;
        final SocketChannel refusing;
        final StreamPeerTCP peer = new StreamPeerTCP();
        SocketChannel raw;

        Status status = Status.NONE;
        Network network = Network.NONE;
        boolean failed;

        /** Something was put on this connection; it was left by disconnecting. */
        boolean hasPut;

        boolean left;
        int unread;
        byte nextSent;
        byte nextRead;

        World() {
            try {
                var any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
                server = ServerSocketChannel.open().bind(any);
                refusing = SocketChannel.open().bind(any); // and does not listen
                peer.setLimits(Limits.defaults().withCloseTimeout(Duration.ofMinutes(10)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void connect(boolean toNobody) {
            try {
                NetworkChannel target = toNobody ? refusing : server;
                int port = ((InetSocketAddress) target.getLocalAddress()).getPort();
                ErrorCode code = peer.connectToHost("127.0.0.1", port);
                if (status != Status.NONE) {
                    assertThat(code).isEqualTo(ErrorCode.ALREADY_IN_USE);
                    return;
                }
                assertThat(code).isEqualTo(ErrorCode.OK);
                status = Status.CONNECTING;
                failed = false;
                hasPut = false;
                left = false;
                unread = 0;
                nextSent = 0;
                nextRead = 0;
                if (toNobody) {
                    network = Network.REFUSED;
                } else {
                    closeRaw();
                    raw = server.accept();
                    network = Network.OPEN;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** The row of the table that a poll would use, or null when it would change nothing. */
        private Status afterPoll() {
            return switch (status) {
                case NONE, ERROR -> null;
                case CONNECTING -> network == Network.REFUSED ? Status.ERROR : Status.CONNECTED;
                case CONNECTED ->
                        unread > 0 || network == Network.OPEN
                                ? null
                                : network == Network.CLOSED ? Status.NONE : Status.ERROR;
            };
        }

        /** Waits until a poll would see the last step; that is what awaitActivity is for. */
        void settle() {
            if (afterPoll() != null || (status == Status.CONNECTED && unread > 0)) {
                assertThat(peer.awaitActivity(PATIENCE)).isTrue();
            } else {
                assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
            }
            if (status == Status.CONNECTED && peer.getAvailableBytes() != unread) {
                await().pollInSameThread()
                        .pollInterval(Duration.ofMillis(1))
                        .until(() -> peer.getAvailableBytes() == unread);
            }
        }

        void poll() {
            Status next = afterPoll();
            ErrorCode expected = ErrorCode.OK;
            if (next == Status.ERROR) {
                expected =
                        status == Status.CONNECTING ? ErrorCode.CONNECTION_ERROR : ErrorCode.FAILED;
                failed = true;
            }
            assertThat(peer.poll()).isEqualTo(expected);
            status = next == null ? status : next;
            forget();
        }

        /** Without a connection it does not matter what the other side does. */
        private void forget() {
            if (status == Status.NONE || status == Status.ERROR) {
                network = Network.NONE;
                unread = 0;
            }
        }

        void send(int bytes) {
            if (network != Network.OPEN) {
                return;
            }
            ByteBuffer data = ByteBuffer.allocate(bytes);
            while (data.hasRemaining()) {
                data.put(nextSent++);
            }
            data.flip();
            try {
                while (data.hasRemaining()) {
                    raw.write(data);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            unread += bytes;
        }

        void closeOther(boolean orderly) {
            if (network != Network.OPEN) {
                return;
            }
            try {
                if (orderly) {
                    raw.shutdownOutput();
                } else {
                    raw.setOption(StandardSocketOptions.SO_LINGER, 0);
                    raw.close();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            network = orderly ? Network.CLOSED : Network.BROKEN;
        }

        /** A read that finds nothing more than the end disconnects. */
        void read(int bytes, boolean all) {
            var data = new byte[bytes];
            int expected = Math.min(bytes, unread);
            boolean end = status == Status.CONNECTED && network != Network.OPEN;
            if (all) {
                Duration time = end ? PATIENCE : Duration.ZERO; // the end may be on its way
                ErrorCode code = peer.getData(data, 0, bytes, time);
                if (status != Status.CONNECTED) {
                    assertThat(code).isEqualTo(ErrorCode.FAILED);
                    return;
                }
                boolean metEnd = expected < bytes && end;
                assertThat(code)
                        .isEqualTo(
                                expected == bytes
                                        ? ErrorCode.OK
                                        : !metEnd
                                                ? ErrorCode.TIMEOUT
                                                : network == Network.CLOSED
                                                        ? ErrorCode.FILE_EOF
                                                        : ErrorCode.FAILED);
                took(data, expected);
                if (metEnd) {
                    meetEnd();
                }
            } else {
                int n = peer.getPartialData(data);
                if (status != Status.CONNECTED || (expected == 0 && end)) {
                    assertThat(n).isEqualTo(-1);
                    if (status == Status.CONNECTED) {
                        meetEnd();
                    }
                    return;
                }
                assertThat(n).isEqualTo(expected);
                took(data, expected);
            }
        }

        private void took(byte[] data, int length) {
            for (int i = 0; i < length; i++) {
                assertThat(data[i]).isEqualTo(nextRead++);
            }
            unread -= length;
        }

        private void meetEnd() {
            failed |= network == Network.BROKEN;
            status = Status.NONE;
            forget();
        }

        void put(int bytes) {
            ErrorCode code = peer.putData(new byte[bytes]);
            if (status != Status.CONNECTED) {
                assertThat(code).isEqualTo(ErrorCode.FAILED);
            } else if (network == Network.OPEN || network == Network.CLOSED) {
                assertThat(code).isEqualTo(ErrorCode.OK); // its input may still be open
            } else {
                assertThat(code).isIn(ErrorCode.OK, ErrorCode.FAILED);
            }
            hasPut |= status == Status.CONNECTED;
        }

        void disconnect() {
            left |= status == Status.CONNECTED;
            peer.disconnectFromHost();
            status = Status.NONE;
            forget();
        }

        void check() {
            assertThat(peer.getStatus()).isEqualTo(status);
            if (!(left && hasPut)) { // else what was put may turn out to be lost, sooner or later
                assertThat(peer.getFailure().isPresent()).isEqualTo(failed);
            }
            boolean there = status == Status.CONNECTING || status == Status.CONNECTED;
            assertThat(peer.getConnectedHost()).isEqualTo(there ? "127.0.0.1" : "");
            assertThat(peer.getConnectedPort() > 0).isEqualTo(there);
            if (status == Status.CONNECTED) {
                assertThat(peer.getAvailableBytes()).isEqualTo(unread);
            } else {
                assertThat(peer.getAvailableBytes()).isEqualTo(there ? 0 : -1);
            }
        }

        private void closeRaw() throws IOException {
            if (raw != null) {
                raw.close();
            }
        }

        @Override
        public void close() {
            try (server;
                    refusing;
                    peer) {
                closeRaw();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String toString() {
            return status + "/" + network + "/" + unread;
        }
    }

    private enum Verb {
        CONNECT,
        CONNECT_TO_NOBODY,
        POLL,
        SEND,
        CLOSE,
        BREAK,
        GET,
        GET_PARTIAL,
        PUT,
        DISCONNECT
    }

    private record Step(Verb verb, int number) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Verb> verbs =
                Arbitraries.frequencyOf( // so that it comes to something in a few steps
                        Tuple.of(3, Arbitraries.of(Verb.CONNECT)),
                        Tuple.of(5, Arbitraries.of(Verb.POLL)),
                        Tuple.of(4, Arbitraries.of(Verb.SEND, Verb.GET, Verb.GET_PARTIAL)),
                        Tuple.of(3, Arbitraries.of(Verb.class)));
        return Combinators.combine(verbs, Arbitraries.integers().between(1, 3_000))
                .as(Step::new)
                .list()
                .ofMinSize(5)
                .ofMaxSize(40);
    }

    @Property(tries = 150)
    void followsTheTable(@ForAll("steps") List<Step> steps) {
        try (World world = new World()) {
            for (Step step : steps) {
                switch (step.verb()) {
                    case CONNECT -> world.connect(false);
                    case CONNECT_TO_NOBODY -> world.connect(true);
                    case POLL -> world.poll();
                    case SEND -> world.send(step.number());
                    case CLOSE -> world.closeOther(true);
                    case BREAK -> world.closeOther(false);
                    case GET -> world.read(step.number(), true);
                    case GET_PARTIAL -> world.read(step.number(), false);
                    case PUT -> world.put(step.number());
                    case DISCONNECT -> world.disconnect();
                }
                world.settle();
                world.check();
            }
        }
    }

    /**
     * The system tells of a reset only once. If a write of ours is told, the read that follows
     * meets what looks like an orderly end.
     */
    @Test
    void aResetThatAWriteMeetsIsNotTakenForTheEnd() {
        try (World world = new World()) {
            for (int i = 0; i < 300; i++) {
                world.connect(false);
                world.settle();
                world.poll();
                world.put(100);
                world.put(100);
                world.closeOther(false);
                world.read(1, true);
            }
        }
    }
}
