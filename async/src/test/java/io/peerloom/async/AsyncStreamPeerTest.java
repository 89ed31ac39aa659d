package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.stream.SocketServer;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.UDSServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams and their servers through futures, over real sockets. */
@Timeout(120)
class AsyncStreamPeerTest {

    /** Where to listen and how to get there. */
    private enum Kind {
        TCP {
            @Override
            SocketServer listen(Path folder) {
                var server = new TCPServer();
                assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                return server;
            }

            @Override
            CompletableFuture<AsyncStreamPeer> connect(SocketServer server, Path folder) {
                return AsyncStreamPeer.connect("127.0.0.1", ((TCPServer) server).getLocalPort());
            }
        },
        UNIX {
            @Override
            SocketServer listen(Path folder) {
                var server = new UDSServer();
                assertThat(server.listen(folder.resolve("s"))).isEqualTo(ErrorCode.OK);
                return server;
            }

            @Override
            CompletableFuture<AsyncStreamPeer> connect(SocketServer server, Path folder) {
                return AsyncStreamPeer.connect(folder.resolve("s"));
            }
        };

        abstract SocketServer listen(Path folder);

        abstract CompletableFuture<AsyncStreamPeer> connect(SocketServer server, Path folder);
    }

    private static PeerException failureOf(CompletableFuture<?> future) {
        try {
            Object value = future.join();
            throw new AssertionError("did not fail: " + value);
        } catch (CompletionException e) {
            assertThat(e.getCause()).isInstanceOf(PeerException.class);
            return (PeerException) e.getCause();
        }
    }

    /** A peer connected to a plain socket, where every byte and every end can be seen. */
    private record Pair(AsyncStreamPeer peer, Socket other) implements AutoCloseable {
        static Pair connected() throws IOException {
            try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                var connecting = AsyncStreamPeer.connect("127.0.0.1", listening.getLocalPort());
                Socket accepted = listening.accept();
                return new Pair(connecting.join(), accepted);
            }
        }

        void send(byte... data) throws IOException {
            other.getOutputStream().write(data);
        }

        @Override
        public void close() throws IOException {
            other.close();
            peer.close().join();
        }
    }

    @ParameterizedTest
    @EnumSource
    void bytesGoBothWays(Kind kind, @TempDir Path folder) {
        SocketServer listening = kind.listen(folder);
        var server = AsyncSocketServer.of(listening);
        var accepting = server.accept();
        var client = kind.connect(listening, folder).join();
        var served = accepting.join();
        byte[] large = new byte[5_000_000];
        new Random(1).nextBytes(large);
        // At once and both ways: neither is done before the other side has read.
        var there = client.write(large);
        var back = served.write(large);
        assertThat(served.readExactly(large.length).join()).isEqualTo(large);
        assertThat(client.readExactly(large.length).join()).isEqualTo(large);
        there.join();
        back.join();
        client.write(new byte[] {1, 2, 3}).join();
        assertThat(served.readExactly(2).join()).containsExactly(1, 2);
        assertThat(served.readExactly(0).join()).isEmpty();
        assertThat(served.read(100).join()).containsExactly(3);
        client.close().join();
        assertThat(served.read(1).join()).isNull();
        served.close().join();
        server.stop().join();
    }

    @Test
    void aConnectionThatIsRefusedIsAFailure(@TempDir Path folder) throws Exception {
        int unused;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            unused = socket.getLocalPort();
        }
        assertThat(failureOf(AsyncStreamPeer.connect("127.0.0.1", unused)).code())
                .isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(failureOf(AsyncStreamPeer.connect(folder.resolve("none"))).code())
                .isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(failureOf(AsyncStreamPeer.connect("127.0.0.1", 0)).code())
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(failureOf(AsyncStreamPeer.connect(Path.of(""))).code())
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
    }

    /** Nobody answers where the backlog is full: only giving up ends it. */
    @Test
    void connectingCanBeGivenUp() throws Exception {
        try (var full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var fillers = new ArrayList<SocketChannel>();
            for (int i = 0; i < 8; i++) { // more than any system adds to a backlog of 1
                SocketChannel filler = SocketChannel.open();
                filler.configureBlocking(false);
                filler.connect(full.getLocalSocketAddress());
                fillers.add(filler);
            }
            var cancelled = AsyncStreamPeer.connect("127.0.0.1", full.getLocalPort());
            await().until(() -> ThreadDump.count("peerloom-connect\"") == 1);
            assertThat(cancelled.cancel(true)).isTrue();
            await().until(() -> ThreadDump.count("peerloom-connect") == 0);
            var late = AsyncStreamPeer.connect("127.0.0.1", full.getLocalPort());
            assertThat(late.orTimeout(1, TimeUnit.MILLISECONDS))
                    .failsWithin(java.time.Duration.ofMinutes(1));
            await().until(() -> ThreadDump.count("peerloom-connect") == 0);
            for (SocketChannel filler : fillers) {
                filler.close();
            }
        }
    }

    // ---- reading ----

    /** Whatever reads are given up, each byte is read once and in order. */
    @Property(tries = 100)
    void toGiveUpAReadLosesNothing(
            @ForAll @Size(60) List<@IntRange(min = -12, max = 12) Integer> sizes,
            @ForAll @Size(60) List<@IntRange(min = 0, max = 3) Integer> patience)
            throws Exception {
        byte[] sent = new byte[100];
        new Random(2).nextBytes(sent);
        try (var pair = Pair.connected()) {
            Thread writer =
                    Thread.startVirtualThread(() -> {
                        try {
                            for (int i = 0; i < sent.length; i++) {
                                pair.send(sent[i]);
                                Thread.yield();
                            }
                            pair.other.shutdownOutput();
                        } catch (IOException e) {
                            throw new AssertionError(e);
                        }
                    });
            var received = new ByteArrayOutputStream();
            for (int i = 0; i < sizes.size(); i++) {
                int size = sizes.get(i);
                var read = // exactly so many, or at most
                        size <= 0 ? pair.peer.readExactly(-size) : pair.peer.read(size);
                switch (patience.get(i)) {
                    case 0 -> read.cancel(false);
                    case 1 -> Thread.startVirtualThread(() -> read.cancel(true)).join();
                    case 2 -> read.orTimeout(10, TimeUnit.MICROSECONDS);
                    default -> {}
                }
                byte[] data = read.exceptionally(failure -> null).join();
                if (data != null) {
                    assertThat(data.length).isLessThanOrEqualTo(Math.abs(size));
                    received.writeBytes(data);
                }
            }
            for (byte[] rest; (rest = pair.peer.read(64).join()) != null; ) {
                received.writeBytes(rest);
            }
            writer.join();
            assertThat(received.toByteArray()).isEqualTo(sent);
        }
    }

    @Test
    void outstandingReadsAreAnsweredInOrder() throws Exception {
        try (var pair = Pair.connected()) {
            var first = pair.peer.readExactly(2);
            var second = pair.peer.read(10);
            var third = pair.peer.readExactly(1);
            pair.send((byte) 1, (byte) 2);
            assertThat(first.join()).containsExactly(1, 2);
            assertThat(second).isNotDone();
            pair.send((byte) 3);
            assertThat(second.join()).containsExactly(3);
            pair.send((byte) 4);
            assertThat(third.join()).containsExactly(4);
        }
    }

    @Test
    void anEndWithinWhatWasAskedForLeavesTheRestThere() throws Exception {
        try (var pair = Pair.connected()) {
            var two = pair.peer.readExactly(2);
            pair.send((byte) 1);
            pair.other.shutdownOutput();
            assertThat(failureOf(two).code()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(failureOf(pair.peer.readExactly(2)).code()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(pair.peer.readExactly(1).join()).containsExactly(1);
            assertThat(pair.peer.read(1).join()).isNull();
            assertThat(failureOf(pair.peer.readExactly(1)).code()).isEqualTo(ErrorCode.FILE_EOF);
        }
    }

    @Test
    void aConnectionThatBreaksIsAFailureWithItsCause() throws Exception {
        try (var pair = Pair.connected()) {
            var read = pair.peer.read(1);
            pair.other.setSoLinger(true, 0); // a reset instead of an end
            pair.other.close();
            PeerException failure = failureOf(read);
            assertThat(failure.code()).isEqualTo(ErrorCode.FAILED);
            assertThat(failure).hasCauseInstanceOf(SocketException.class);
            assertThat(failureOf(pair.peer.write(new byte[1])).code()).isEqualTo(ErrorCode.FAILED);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
    void lessThanOneByteIsNoRead(int most) throws Exception {
        try (var pair = Pair.connected()) {
            assertThatIllegalArgumentException().isThrownBy(() -> pair.peer.read(most));
            assertThatIllegalArgumentException().isThrownBy(() -> pair.peer.readExactly(-1));
        }
    }

    // ---- writing ----

    /** The other side does not read, and no system buffers that much. */
    @Test
    void aSlowReaderHoldsTheWriterBackAndLosesNothing() throws Exception {
        int pieces = 1_000;
        try (var pair = Pair.connected()) {
            byte[] piece = new byte[64 * 1024];
            Arrays.fill(piece, (byte) 7);
            var written = new ArrayList<CompletableFuture<Void>>();
            for (int i = 0; i < pieces; i++) {
                written.add(pair.peer.write(piece));
            }
            written.get(0).join();
            var takenBack = pair.peer.write(new byte[] {1});
            assertThat(takenBack.cancel(false)).isTrue();
            var closed = pair.peer.close(); // after all of them
            assertThat(written.get(pieces - 1)).isNotDone();
            assertThat(closed).isNotDone();
            byte[] got = new byte[piece.length];
            for (int i = 0; i < pieces; i++) {
                assertThat(pair.other.getInputStream().readNBytes(got, 0, got.length))
                        .isEqualTo(got.length);
                assertThat(got).isEqualTo(piece);
            }
            assertThat(pair.other.getInputStream().read()).isEqualTo(-1);
            closed.join();
            for (var write : written) {
                write.join();
            }
        }
    }

    @Test
    void theBytesOfACallStayTogetherAndThoseOfAThreadInOrder() throws Exception {
        int threads = 4;
        int each = 300;
        int size = 1_000;
        try (var pair = Pair.connected()) {
            for (int t = 0; t < threads; t++) {
                byte name = (byte) t;
                Thread.startVirtualThread(() -> {
                    for (int i = 0; i < each; i++) {
                        byte[] data = new byte[size];
                        Arrays.fill(data, name);
                        data[1] = (byte) i;
                        var unused = pair.peer.write(data);
                    }
                });
            }
            byte[] next = new byte[threads];
            byte[] data = new byte[size];
            for (int i = 0; i < threads * each; i++) {
                assertThat(pair.other.getInputStream().readNBytes(data, 0, size)).isEqualTo(size);
                byte[] expected = new byte[size];
                Arrays.fill(expected, data[0]);
                expected[1] = next[data[0]]++;
                assertThat(data).isEqualTo(expected);
            }
        }
    }

    // ---- the end ----

    /** The other side does not close, and those who wait hear of ours all the same. */
    @Test
    void toCloseAnswersTheReads() throws Exception {
        try (var pair = Pair.connected()) {
            var some = pair.peer.read(10);
            var exactly = pair.peer.readExactly(10);
            pair.peer.write(new byte[] {9}).join();
            pair.peer.close().join();
            assertThat(some.join()).isNull();
            assertThat(failureOf(exactly).code()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(pair.peer.read(1).join()).isNull();
            assertThat(failureOf(pair.peer.write(new byte[1])).code()).isEqualTo(ErrorCode.FAILED);
            assertThat(pair.other.getInputStream().readAllBytes()).containsExactly(9);
        }
    }

    @Test
    void toCancelAFutureOfACloseDoesNotUndoIt() throws Exception {
        try (var pair = Pair.connected()) {
            pair.peer.close().cancel(true);
            assertThat(pair.other.getInputStream().read()).isEqualTo(-1);
        }
    }

    // ---- servers ----

    @Test
    void acceptsAreAnsweredInOrderAndNoConnectionIsLost() throws Exception {
        var listening = new TCPServer();
        assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        var server = AsyncSocketServer.of(listening);
        var peers = new ArrayList<AsyncStreamPeer>();
        for (int i = 0; i < 100; i++) {
            var givenUp = server.accept();
            var accept = server.accept();
            var connecting = AsyncStreamPeer.connect("127.0.0.1", listening.getLocalPort());
            AsyncStreamPeer accepted;
            if (givenUp.cancel(false)) {
                accepted = accept.join();
            } else {
                accepted = givenUp.join();
                assertThat(accept.cancel(false)).isTrue();
            }
            AsyncStreamPeer client = connecting.join();
            client.write(new byte[] {(byte) i}).join();
            assertThat(accepted.readExactly(1).join()).containsExactly(i);
            peers.add(client);
            peers.add(accepted);
        }
        var waiting = server.accept();
        server.stop().join();
        assertThat(waiting.join()).isNull();
        assertThat(server.accept().join()).isNull();
        server.stop().join();
        for (AsyncStreamPeer peer : peers) { // they live on
            peer.close().join();
        }
        assertThatIllegalStateException().isThrownBy(() -> AsyncSocketServer.of(listening));
    }

    @Test
    void toStopClosesWhatWasNotAccepted() throws Exception {
        var listening = new TCPServer();
        assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        var server = AsyncSocketServer.of(listening);
        server.accept().cancel(false); // whoever waits for it takes the next one, for nobody
        try (var client = new Socket(InetAddress.getLoopbackAddress(), listening.getLocalPort())) {
            await().until(() -> ThreadDump.count("peerloom-async") == 0);
            server.stop().join();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void noThreadIsLeftOfAThousandConnections() throws Exception {
        long before = ThreadDump.count("peerloom");
        var listening = new TCPServer();
        assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        var server = AsyncSocketServer.of(listening);
        for (int i = 0; i < 1_000; i++) {
            var accepting = server.accept();
            var client = AsyncStreamPeer.connect("127.0.0.1", listening.getLocalPort()).join();
            var accepted = accepting.join();
            var read = accepted.read(1);
            client.write(new byte[] {1}).join();
            assertThat(read.join()).containsExactly(1);
            client.close().join();
            assertThat(accepted.read(1).join()).isNull();
            accepted.close().join();
        }
        server.stop().join();
        await().until(() -> ThreadDump.count("peerloom") <= before);
    }
}
