package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.testing.Blackhole;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What stream peers over TCP and over Unix sockets have in common, against each other and against
 * plain channels of the JDK. Numbers of sections are those of Godot's facts: 2.1 is the table of
 * {@code poll}, 2.2 that of reads and writes.
 */
@Timeout(60)
abstract class StreamPeerSocketTest {

    static final Duration PATIENCE = Duration.ofSeconds(20);
    static final Duration SHORT = Duration.ofMillis(200);

    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    // ---- what differs ----

    abstract StreamPeerSocket newPeer();

    abstract SocketServer newServer();

    /** Listens at an address that nobody has. */
    abstract ErrorCode listen(SocketServer server);

    abstract SocketAddress addressOf(SocketServer server);

    abstract ErrorCode connect(StreamPeerSocket peer, SocketAddress to);

    abstract ServerSocketChannel newRawServer() throws IOException;

    abstract SocketAddress refusingAddress() throws IOException;

    abstract Blackhole newBlackhole() throws IOException;

    /** Ends the connection so that the peer sees it broken rather than closed. */
    abstract void reset(StreamPeerSocket peer, SocketChannel raw) throws Exception;

    // ---- what is closed after each test ----

    final <T extends AutoCloseable> T closing(T resource) {
        open.push(resource);
        return resource;
    }

    @AfterEach
    final void closeAll() throws Exception {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }

    // ---- connections to test with ----

    /** Two ends of one connection. */
    record Pair(StreamPeerSocket client, StreamPeerSocket server) {}

    /** A peer and what it is connected to. */
    record RawPair(StreamPeerSocket peer, SocketChannel raw) {}

    final SocketServer listening() {
        SocketServer server = closing(newServer());
        assertThat(listen(server)).isEqualTo(ErrorCode.OK);
        return server;
    }

    final StreamPeerSocket peer(Limits limits) {
        StreamPeerSocket peer = closing(newPeer());
        peer.setLimits(limits);
        return peer;
    }

    final StreamPeerSocket connecting(Limits limits, SocketAddress to) {
        StreamPeerSocket peer = peer(limits);
        assertThat(connect(peer, to)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
        return peer;
    }

    final Pair pair() {
        return pair(listening(), Limits.defaults());
    }

    final Pair pair(SocketServer server, Limits limits) {
        server.setLimits(limits);
        StreamPeerSocket client = connecting(limits, addressOf(server));
        StreamPeerSocket accepted = take(server);
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(client.getStatus()).isEqualTo(Status.CONNECTED);
        return new Pair(client, accepted);
    }

    final StreamPeerSocket take(SocketServer server) {
        assertThat(server.awaitConnection(PATIENCE)).isTrue();
        assertThat(server.isConnectionAvailable()).isTrue();
        StreamPeerSocket peer = closing(server.takeSocketConnection());
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        return peer;
    }

    /** A peer that connected and is polled, so that a thread of its own reads. */
    final RawPair polled(Limits limits) throws IOException {
        ServerSocketChannel server = closing(newRawServer());
        StreamPeerSocket peer = connecting(limits, server.getLocalAddress());
        SocketChannel raw = closing(server.accept());
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        return new RawPair(peer, raw);
    }

    final RawPair polled() throws IOException {
        return polled(Limits.defaults());
    }

    /** A peer that was accepted and never polled, so that nobody reads unless it is asked to. */
    final RawPair accepted(Limits limits) throws IOException {
        SocketServer server = listening();
        server.setLimits(limits);
        SocketChannel raw = closing(SocketChannel.open(addressOf(server)));
        return new RawPair(take(server), raw);
    }

    // ---- waiting ----

    /** Polls until the status is another one; the answer of the poll that moved it. */
    static ErrorCode pollWhile(StreamPeerSocket peer, Status status) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            peer.awaitActivity(Duration.ofMillis(100));
            ErrorCode code = peer.poll();
            if (peer.getStatus() != status) {
                return code;
            }
            assertThat(code).isEqualTo(ErrorCode.OK);
            assertThat(System.nanoTime() - deadline).as("still " + status).isNegative();
        }
    }

    static void awaitAvailable(StreamPeerSocket peer, int bytes) {
        await().untilAsserted(() -> assertThat(peer.getAvailableBytes()).isEqualTo(bytes));
    }

    /** Runs on another thread. */
    static <T> CompletableFuture<T> on(boolean virtual, Callable<T> task) {
        var result = new CompletableFuture<T>();
        Runnable runnable =
                () -> {
                    try {
                        result.complete(task.call());
                    } catch (Throwable e) {
                        result.completeExceptionally(e);
                    }
                };
        if (virtual) {
            Thread.ofVirtual().start(runnable);
        } else {
            Thread.ofPlatform().start(runnable);
        }
        return result;
    }

    static void writeFully(SocketChannel raw, byte[] data) throws IOException {
        for (ByteBuffer rest = ByteBuffer.wrap(data); rest.hasRemaining(); ) {
            raw.write(rest);
        }
    }

    static byte[] readFully(SocketChannel raw, int length) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(length);
        while (all.hasRemaining() && raw.read(all) >= 0) {
            // more
        }
        return Arrays.copyOf(all.array(), all.position());
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Bytes that tell where they come from, so that a loss or a repetition shows. */
    static byte[] pattern(int length, long seed) {
        var bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    static String text(StreamPeerSocket peer, int length) {
        var bytes = new byte[length];
        assertThat(peer.getData(bytes, 0, length, PATIENCE)).isEqualTo(ErrorCode.OK);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    // ---- Godot's own cases (section 7, TCPServer and UDSServer) ----

    @Test
    void aServerListensAndAccepts() {
        SocketServer server = closing(newServer());
        assertThat(server.isListening()).isFalse();
        assertThat(server.isConnectionAvailable()).isFalse();
        assertThat(server.takeSocketConnection()).isNull();
        assertThat(listen(server)).isEqualTo(ErrorCode.OK);
        assertThat(server.isListening()).isTrue();
        assertThat(server.isConnectionAvailable()).isFalse();

        StreamPeerSocket client = connecting(Limits.defaults(), addressOf(server));
        StreamPeerSocket accepted = take(server);
        assertThat(server.isConnectionAvailable()).isFalse();
        assertThat(accepted.poll()).isEqualTo(ErrorCode.OK);
        assertThat(accepted.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(client.getStatus()).isEqualTo(Status.CONNECTED);

        assertThat(client.putString("Hello World!")).isEqualTo(ErrorCode.OK);
        assertThat(accepted.getString()).isEqualTo("Hello World!");
        assertThat(accepted.putFloat(3.1415f)).isEqualTo(ErrorCode.OK);
        assertThat(client.getFloat()).isEqualTo(3.1415f);
    }

    @Test
    void fiveClientsAtOnce() {
        SocketServer server = listening();
        List<StreamPeerSocket> clients = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            clients.add(connecting(Limits.defaults(), addressOf(server)));
        }
        for (StreamPeerSocket client : clients) {
            assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        }
        List<String> received = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            assertThat(clients.get(i).putString("Hello " + i)).isEqualTo(ErrorCode.OK);
        }
        for (int i = 0; i < 5; i++) {
            received.add(take(server).getString());
        }
        assertThat(received)
                .containsExactlyInAnyOrder("Hello 0", "Hello 1", "Hello 2", "Hello 3", "Hello 4");
    }

    @Test
    void aStoppedServerAcceptsNoMore() {
        SocketServer server = listening();
        SocketAddress address = addressOf(server);
        StreamPeerSocket taken = pair(server, Limits.defaults()).server();
        server.stop();
        server.stop();
        assertThat(server.isListening()).isFalse();
        assertThat(taken.poll()).isEqualTo(ErrorCode.OK);
        assertThat(taken.getStatus()).isEqualTo(Status.CONNECTED); // it lives on

        StreamPeerSocket late = connecting(Limits.defaults(), address);
        assertThat(pollWhile(late, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(late.getStatus()).isEqualTo(Status.ERROR);
        assertThat(server.isConnectionAvailable()).isFalse();
        assertThat(server.takeSocketConnection()).isNull();
        late.disconnectFromHost();
        assertThat(late.getStatus()).isEqualTo(Status.NONE);
    }

    @Test
    void theServerDisconnects() {
        Pair pair = pair();
        assertThat(pair.client().putString("Hello World!")).isEqualTo(ErrorCode.OK);
        assertThat(pair.server().getString()).isEqualTo("Hello World!");
        pair.server().disconnectFromHost();
        assertThat(pair.server().getStatus()).isEqualTo(Status.NONE);
        assertThat(pollWhile(pair.client(), Status.CONNECTED)).isEqualTo(ErrorCode.OK);
        assertThat(pair.client().getStatus()).isEqualTo(Status.NONE);
        assertThat(pair.client().getString()).isEmpty();
        assertThat(pair.server().getString()).isEmpty();
    }

    /** Godot's mock socket, which takes and gives one byte a call. */
    @Test
    void allIsPutAndGotHoweverTheBytesCome() throws Exception {
        RawPair pair = polled();
        for (byte b : ascii("Hello, World!")) {
            writeFully(pair.raw(), new byte[] {b});
            await().until(() -> pair.peer().getAvailableBytes() > 0);
            assertThat(pair.peer().getU8()).isEqualTo(b);
        }
        var got = on(true, () -> text(pair.peer(), 5));
        for (byte b : ascii("Hello")) {
            writeFully(pair.raw(), new byte[] {b});
        }
        assertThat(got.get()).isEqualTo("Hello");
        for (byte b : ascii("World")) {
            assertThat(pair.peer().putU8(b)).isEqualTo(ErrorCode.OK);
        }
        assertThat(readFully(pair.raw(), 5)).isEqualTo(ascii("World"));
    }

    // ---- sections 2.1 and 2.2, row by row ----

    /** Both are without a connection, and answer alike. */
    @ParameterizedTest
    @EnumSource(
            value = Status.class,
            names = {"NONE", "ERROR"})
    void withoutConnection(Status status) throws Exception {
        StreamPeerSocket peer = peer(Limits.defaults());
        if (status == Status.ERROR) {
            assertThat(connect(peer, refusingAddress())).isEqualTo(ErrorCode.OK);
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        }
        assertThat(peer.getStatus()).isEqualTo(status);
        var bytes = new byte[3];
        assertThat(peer.putData(bytes)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.putPartialData(bytes)).isEqualTo(-1);
        assertThat(peer.getData(bytes)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getData(bytes, 0, 3, PATIENCE)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getPartialData(bytes)).isEqualTo(-1);
        assertThat(peer.read(bytes, 0, 3, PATIENCE)).isEqualTo(-1);
        assertThat(peer.getAvailableBytes()).isEqualTo(-1);
        assertNothingIsNothing(peer);
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(status);
        assertThat(peer.getFailure().isPresent()).isEqualTo(status == Status.ERROR);
    }

    /** As {@link StreamPeer} has it, whatever the status. */
    private static void assertNothingIsNothing(StreamPeerSocket peer) {
        assertThat(peer.putData(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(peer.putPartialData(new byte[0])).isZero();
        assertThat(peer.getData(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(peer.getPartialData(new byte[0])).isZero();
    }

    @Test
    void whileConnecting() throws Exception {
        try (var hole = newBlackhole()) {
            StreamPeerSocket peer = connecting(Limits.defaults(), hole.address());
            var bytes = new byte[3];
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
            assertThat(peer.putData(bytes)).isEqualTo(ErrorCode.FAILED);
            assertThat(peer.putPartialData(bytes)).isEqualTo(-1);
            assertThat(peer.getData(bytes)).isEqualTo(ErrorCode.FAILED);
            assertThat(peer.getPartialData(bytes)).isEqualTo(-1);
            assertThat(peer.getAvailableBytes()).isZero();
            assertNothingIsNothing(peer);
            assertThat(connect(peer, hole.address())).isEqualTo(ErrorCode.ALREADY_IN_USE);
            assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);

            hole.acceptAll();
            assertThat(peer.awaitActivity(PATIENCE)).isTrue();
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING); // only a poll moves it
            assertThat(peer.putData(bytes)).isEqualTo(ErrorCode.FAILED);
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            assertThat(peer.putData(bytes)).isEqualTo(ErrorCode.OK);
        }
    }

    @Test
    void connectingTakesTooLong() throws Exception {
        try (var hole = newBlackhole()) {
            StreamPeerSocket peer =
                    connecting(Limits.defaults().withConnectTimeout(SHORT), hole.address());
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
            assertThat(peer.getFailure()).get().isInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void fromErrorOnlyDisconnectingLeadsOn() throws Exception {
        StreamPeerSocket peer = connecting(Limits.defaults(), refusingAddress());
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        SocketServer server = listening();
        assertThat(connect(peer, addressOf(server))).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        Throwable cause = peer.getFailure().orElseThrow();
        peer.disconnectFromHost();
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.getFailure()).containsSame(cause); // until it is connected anew
        assertThat(connect(peer, addressOf(server))).isEqualTo(ErrorCode.OK);
        assertThat(peer.getFailure()).isEmpty();
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(connect(peer, addressOf(server))).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
    }

    @Test
    void whileConnected() throws Exception {
        RawPair pair = polled();
        StreamPeerSocket peer = pair.peer();
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getAvailableBytes()).isZero();
        assertThat(peer.getPartialData(new byte[3])).isZero();
        assertNothingIsNothing(peer);
        assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();

        writeFully(pair.raw(), ascii("abcde"));
        awaitAvailable(peer, 5);
        assertThat(peer.awaitActivity(Duration.ZERO)).isTrue();
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        var bytes = ascii("......");
        assertThat(peer.getPartialData(bytes, 1, 2)).isEqualTo(2);
        assertThat(bytes).isEqualTo(ascii(".ab..."));
        assertThat(peer.getAvailableBytes()).isEqualTo(3);
        assertThat(peer.getPartialData(bytes)).isEqualTo(3);
        assertThat(bytes).isEqualTo(ascii("cde..."));
        assertThat(peer.getPartialData(bytes)).isZero();

        assertThat(peer.putPartialData(ascii(".xyz."), 1, 3)).isEqualTo(3);
        assertThat(peer.putData(ascii(".uvw."), 1, 3)).isEqualTo(ErrorCode.OK);
        assertThat(readFully(pair.raw(), 6)).isEqualTo(ascii("xyzuvw"));
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(peer.getFailure()).isEmpty();
    }

    /** FIN with nothing left to read: NONE and OK. */
    @Test
    void theOtherSideCloses() throws Exception {
        RawPair pair = polled();
        StreamPeerSocket peer = pair.peer();
        pair.raw().close();
        assertThat(peer.awaitActivity(PATIENCE)).isTrue();
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.getAvailableBytes()).isEqualTo(-1);
        assertThat(peer.getFailure()).isEmpty();
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(connect(peer, addressOf(listening()))).isEqualTo(ErrorCode.OK); // as it is
    }

    @Test
    void whatCameBeforeTheEndIsReadFirst() throws Exception {
        RawPair pair = polled();
        StreamPeerSocket peer = pair.peer();
        writeFully(pair.raw(), ascii("last words"));
        pair.raw().close();
        awaitAvailable(peer, 10);
        assertThat(text(peer, 4)).isEqualTo("last");
        for (int i = 0; i < 3; i++) {
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        }
        assertThat(text(peer, 6)).isEqualTo(" words");
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(pollWhile(peer, Status.CONNECTED)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
    }

    /** A read that meets the end disconnects at once, with or without a thread that reads. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReadMeetsTheEnd(boolean polled) throws Exception {
        for (boolean virtual : new boolean[] {false, true}) {
            RawPair pair = polled ? polled() : accepted(Limits.defaults());
            StreamPeerSocket peer = pair.peer();
            writeFully(pair.raw(), ascii("ab"));
            pair.raw().close();
            var bytes = new byte[4];
            assertThat(on(virtual, () -> peer.getData(bytes)).get()).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(bytes).containsExactly('a', 'b', 0, 0);
            assertThat(peer.getStatus()).isEqualTo(Status.NONE);
            assertThat(peer.getData(bytes)).isEqualTo(ErrorCode.FAILED);

            RawPair other = polled ? polled() : accepted(Limits.defaults());
            other.raw().close();
            assertThat(on(virtual, () -> other.peer().read(bytes, 0, 4, PATIENCE)).get())
                    .isEqualTo(-1);
            assertThat(other.peer().getStatus()).isEqualTo(Status.NONE);
            assertThat(other.peer().getFailure()).isEmpty();

            RawPair third = polled ? polled() : accepted(Limits.defaults());
            third.raw().close();
            await().until(() -> third.peer().getPartialData(bytes) == -1);
            assertThat(third.peer().getStatus()).isEqualTo(Status.NONE);
        }
    }

    /** RST: ERROR and FAILED, once, and only when all is read that came before it. */
    @Test
    void theConnectionBreaks() throws Exception {
        RawPair pair = polled();
        StreamPeerSocket peer = pair.peer();
        writeFully(pair.raw(), ascii("abc"));
        awaitAvailable(peer, 3);
        reset(peer, pair.raw());
        assertThat(text(peer, 2)).isEqualTo("ab");
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(text(peer, 1)).isEqualTo("c");
        assertThat(pollWhile(peer, Status.CONNECTED)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        assertThat(peer.getFailure()).get().isInstanceOf(IOException.class);
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        assertThat(peer.putData(new byte[1])).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getAvailableBytes()).isEqualTo(-1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReadMeetsABrokenConnection(boolean polled) throws Exception {
        for (boolean virtual : new boolean[] {false, true}) {
            RawPair pair = polled ? polled() : accepted(Limits.defaults());
            StreamPeerSocket peer = pair.peer();
            reset(peer, pair.raw());
            var bytes = new byte[4];
            assertThat(on(virtual, () -> peer.getData(bytes)).get()).isEqualTo(ErrorCode.FAILED);
            assertThat(peer.getStatus()).isEqualTo(Status.NONE); // ERROR is poll's alone
            assertThat(peer.getFailure()).get().isInstanceOf(IOException.class);
        }
    }

    /**
     * The other side says something and leaves, and it is our own write that finds out: what it
     * said is still there to read.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aFailedPutLeavesWhatCameBefore(boolean virtual) throws Exception {
        RawPair pair = accepted(Limits.defaults());
        StreamPeerSocket peer = pair.peer();
        writeFully(pair.raw(), ascii("bye"));
        pair.raw().close();
        await().until(() -> on(virtual, () -> peer.putData(new byte[100])).get() != ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(peer.putPartialData(new byte[1])).isEqualTo(-1);
        assertThat(text(peer, 3)).isEqualTo("bye");
        assertThat(pollWhile(peer, Status.CONNECTED)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR); // what was put is lost
        assertThat(peer.getFailure()).get().isInstanceOf(IOException.class);
    }

    // ---- half-closed connections ----

    /**
     * A request, its end, then the answer, as old protocols do it: as long as the receiver does not
     * look for the end it can answer, for longer than any close timeout.
     */
    @Test
    void anAnswerMayFollowTheEndOfTheRequest() throws Exception {
        RawPair pair = accepted(Limits.defaults().withCloseTimeout(SHORT));
        StreamPeerSocket peer = pair.peer();
        writeFully(pair.raw(), ascii("what?"));
        pair.raw().shutdownOutput();
        assertThat(text(peer, 5)).isEqualTo("what?");
        var answers = new AtomicInteger();
        await().pollInterval(SHORT.dividedBy(20))
                .during(SHORT.multipliedBy(4))
                .until(() -> {
                    answers.incrementAndGet();
                    return peer.putData(ascii("that. ")) == ErrorCode.OK;
                });
        peer.disconnectFromHost();
        assertThat(readFully(pair.raw(), 1 << 20)).hasSize(6 * answers.get());
    }

    // ---- much data ----

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void muchDataBothWaysAtOnce(boolean virtual) throws Exception {
        Pair pair = pair();
        int length = 8 << 20;
        byte[] there = pattern(length, 1);
        byte[] back = pattern(length, 2);
        List<CompletableFuture<?>> all = new ArrayList<>();
        for (boolean client : new boolean[] {true, false}) {
            StreamPeerSocket peer = client ? pair.client() : pair.server();
            byte[] out = client ? there : back;
            byte[] in = client ? back : there;
            all.add(
                    on(
                            virtual,
                            () -> {
                                var sizes = new Random(3);
                                for (int done = 0; done < length; ) {
                                    int n = Math.min(length - done, 1 + sizes.nextInt(100_000));
                                    assertThat(peer.putData(out, done, n)).isEqualTo(ErrorCode.OK);
                                    done += n;
                                }
                                return null;
                            }));
            all.add(
                    on(
                            virtual,
                            () -> {
                                var sizes = new Random(4);
                                var got = new byte[length];
                                for (int done = 0; done < length; ) {
                                    int n = Math.min(length - done, 1 + sizes.nextInt(50_000));
                                    assertThat(peer.getData(got, done, n, PATIENCE))
                                            .isEqualTo(ErrorCode.OK);
                                    done += n;
                                }
                                assertThat(crc(got)).isEqualTo(crc(in));
                                return null;
                            }));
        }
        for (CompletableFuture<?> one : all) {
            one.get();
        }
        assertThat(pair.client().poll()).isEqualTo(ErrorCode.OK);
        assertThat(pair.client().getAvailableBytes()).isZero();
        assertThat(pair.server().getAvailableBytes()).isZero();
    }

    private static long crc(byte[] bytes) {
        var crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    /** In a game loop nothing may wait, in either direction. */
    @Test
    void muchDataInALoopThatNeverWaits() {
        Limits limits = Limits.defaults().withOutboundBytes(50_000).withInboundBytes(50_000);
        Pair pair = pair(listening(), limits);
        int length = 2 << 20;
        byte[] out = pattern(length, 5);
        var in = new byte[length];
        int put = 0;
        int got = 0;
        while (got < length) {
            assertThat(pair.client().poll()).isEqualTo(ErrorCode.OK);
            assertThat(pair.server().poll()).isEqualTo(ErrorCode.OK);
            int n = pair.client().putPartialData(out, put, Math.min(30_000, length - put));
            assertThat(n).isBetween(0, 30_000);
            put += n;
            n = pair.server().getPartialData(in, got, Math.min(20_000, length - got));
            assertThat(n).isNotNegative();
            got += n;
            if (n == 0) {
                pair.server().awaitActivity(Duration.ofMillis(10));
            }
        }
        assertThat(crc(in)).isEqualTo(crc(out));
    }

    /**
     * What {@code getAvailableBytes} promises, a read gets without waiting, while more arrives all
     * the time.
     */
    @Test
    void whatIsAvailableCanBeRead() throws Exception {
        RawPair pair = polled();
        int length = 300_000;
        var writing =
                on(
                        false,
                        () -> {
                            byte[] out = pattern(length, 6);
                            for (int done = 0; done < length; done += 30) {
                                pair.raw().write(ByteBuffer.wrap(out, done, 30));
                            }
                            return null;
                        });
        var in = new byte[length];
        for (int got = 0; got < length; ) {
            int there = pair.peer().getAvailableBytes();
            int n = pair.peer().getPartialData(in, got, there);
            assertThat(n).isEqualTo(there);
            got += n;
        }
        writing.get();
        assertThat(crc(in)).isEqualTo(crc(pattern(length, 6)));
    }

    /** However many threads put, and however large the pieces: a call's bytes stay together. */
    @Test
    void theBytesOfOneCallStayTogether() throws Exception {
        Limits limits = Limits.defaults().withOutboundBytes(20_000);
        Pair pair = pair(listening(), limits);
        int putters = 8;
        int each = 150;
        List<CompletableFuture<?>> all = new ArrayList<>();
        for (int p = 0; p < putters; p++) {
            int putter = p;
            StreamPeerSocket peer = pair.client();
            all.add(
                    on(
                            p % 2 == 0,
                            () -> {
                                var random = new Random(putter);
                                for (int i = 0; i < each; i++) {
                                    // some larger than the whole queue may be
                                    int size =
                                            random.nextInt(random.nextInt(20) == 0 ? 60_000 : 500);
                                    byte[] data = new byte[12 + size];
                                    Arrays.fill(data, (byte) (putter + i));
                                    ByteBuffer.wrap(data).putInt(putter).putInt(i).putInt(size);
                                    assertThat(peer.putData(data)).isEqualTo(ErrorCode.OK);
                                }
                                return null;
                            }));
        }
        int[] next = new int[putters];
        StreamPeerSocket server = pair.server();
        server.setBigEndian(true);
        for (int n = 0; n < putters * each; n++) {
            int putter = server.get32();
            assertThat(putter).isBetween(0, putters - 1);
            int i = server.get32();
            assertThat(i).isEqualTo(next[putter]++);
            var data = new byte[server.get32()];
            assertThat(server.getData(data)).isEqualTo(ErrorCode.OK);
            for (byte b : data) {
                assertThat(b).isEqualTo((byte) (putter + i));
            }
        }
        for (CompletableFuture<?> one : all) {
            one.get();
        }
    }

    // ---- back-pressure ----

    /** Who is not read from takes no more than its bound, and loses nothing. */
    @Test
    void whoIsNotReadFromStopsTheSender() throws Exception {
        int bound = 10_000;
        RawPair pair = polled(Limits.defaults().withInboundBytes(bound));
        StreamPeerSocket peer = pair.peer();
        pair.raw().configureBlocking(false);
        byte[] out = pattern(32 << 20, 7);
        ByteBuffer rest = ByteBuffer.wrap(out);
        // the system's own buffers fill up as well; then a while nothing moves
        await().during(Duration.ofMillis(300))
                .until(() -> {
                    peer.poll();
                    assertThat(peer.getAvailableBytes()).isLessThan(bound + 64 * 1024);
                    return pair.raw().write(rest) == 0;
                });
        assertThat(rest.position()).isGreaterThan(bound).isLessThan(out.length);
        int sent = rest.position();
        pair.raw().close();
        var in = new byte[sent];
        assertThat(peer.getData(in, 0, sent, PATIENCE)).isEqualTo(ErrorCode.OK);
        assertThat(crc(in)).isEqualTo(crc(Arrays.copyOf(out, sent)));
        assertThat(pollWhile(peer, Status.CONNECTED)).isEqualTo(ErrorCode.OK);
    }

    /** So many small pieces may wait, however few bytes they are. */
    @Test
    void piecesAreCountedToo() throws Exception {
        RawPair pair = polled(Limits.defaults().withInboundMessages(3));
        byte[] out = pattern(20_000, 8);
        var writing =
                on(
                        false,
                        () -> {
                            for (byte b : out) {
                                writeFully(pair.raw(), new byte[] {b});
                            }
                            return null;
                        });
        var in = new byte[out.length];
        assertThat(pair.peer().getData(in, 0, in.length, PATIENCE)).isEqualTo(ErrorCode.OK);
        assertThat(in).isEqualTo(out);
        writing.get();
    }

    @Test
    void aFullQueueTakesWhatFits() throws Exception {
        RawPair pair = polled(Limits.defaults().withOutboundBytes(5_000));
        var sent = new ByteArrayOutputStream();
        byte[] piece = pattern(40_000, 9);
        // once the system takes nothing, neither do we
        await().during(Duration.ofMillis(300))
                .until(() -> {
                    int n;
                    boolean none = true;
                    while ((n = pair.peer().putPartialData(piece)) > 0) {
                        assertThat(n).isLessThanOrEqualTo(5_000);
                        sent.write(piece, 0, n);
                        none = false;
                        Thread.yield();
                    }
                    return n == 0 && none;
                });
        assertThat(readFully(pair.raw(), sent.size())).isEqualTo(sent.toByteArray());
        await().until(() -> pair.peer().putPartialData(piece) > 0);
    }

    // ---- stalled writes ----

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whoTakesNothingIsGivenUp(boolean virtual) throws Exception {
        RawPair pair = polled(Limits.defaults().withWriteTimeout(SHORT).withOutboundBytes(5_000));
        StreamPeerSocket peer = pair.peer();
        assertThat(
                        on(
                                        virtual,
                                        () -> {
                                            ErrorCode code = ErrorCode.OK;
                                            while (code == ErrorCode.OK) {
                                                code = peer.putData(new byte[50_000]);
                                            }
                                            return code;
                                        })
                                .get())
                .isEqualTo(ErrorCode.FAILED);
        assertThat(pollWhile(peer, Status.CONNECTED)).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        assertThat(peer.getFailure()).get().isInstanceOf(SocketTimeoutException.class);
    }

    /** The time counts from the last progress: who takes little by little is not given up. */
    @Test
    @Tag("slow")
    void whoTakesSlowlyIsNotGivenUp() throws Exception {
        Duration timeout = Duration.ofSeconds(2);
        RawPair pair = polled(Limits.defaults().withWriteTimeout(timeout).withOutboundBytes(5_000));
        byte[] out = pattern(32 << 20, 10);
        var putting =
                on(
                        false,
                        () -> {
                            int half = out.length / 2;
                            assertThat(pair.peer().putData(out, 0, half)).isEqualTo(ErrorCode.OK);
                            return pair.peer().putData(out, half, half); // waits for the first
                        });
        var in = ByteBuffer.allocate(out.length);
        await().pollInterval(Duration.ofMillis(50))
                .during(timeout.multipliedBy(2))
                .atMost(Duration.ofSeconds(30))
                .until(() -> {
                    in.limit(Math.min(in.capacity(), in.position() + 100_000));
                    return pair.raw().read(in) > 0;
                });
        assertThat(putting).isNotDone();
        assertThat(pair.peer().getStatus()).isEqualTo(Status.CONNECTED);
        in.limit(in.capacity());
        while (in.hasRemaining()) {
            assertThat(pair.raw().read(in)).isPositive();
        }
        assertThat(putting.get()).isEqualTo(ErrorCode.OK);
        assertThat(crc(in.array())).isEqualTo(crc(out));
    }

    // ---- waiting ----

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReadWithATimeGivesUpAndTheDataStillCome(boolean virtual) throws Exception {
        RawPair pair = accepted(Limits.defaults());
        StreamPeerSocket peer = pair.peer();
        var bytes = new byte[3];
        assertThat(peer.getData(bytes, 0, 3, Duration.ZERO)).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(on(virtual, () -> peer.getData(bytes, 0, 3, Duration.ofMillis(20))).get())
                .isEqualTo(ErrorCode.TIMEOUT);
        assertThat(on(virtual, () -> peer.read(bytes, 0, 3, Duration.ofMillis(20))).get()).isZero();
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        writeFully(pair.raw(), ascii("ab"));
        awaitAvailable(peer, 2);
        assertThat(on(virtual, () -> peer.getData(bytes, 0, 3, Duration.ofMillis(20))).get())
                .isEqualTo(ErrorCode.TIMEOUT);
        assertThat(bytes).startsWith('a', 'b'); // what had come is gone from the stream
        writeFully(pair.raw(), ascii("cde"));
        assertThat(on(virtual, () -> text(peer, 3)).get()).isEqualTo("cde");
        assertThat(peer.getData(bytes, 0, 3, Duration.ofSeconds(-1))).isEqualTo(ErrorCode.TIMEOUT);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReadWithoutATimeWaits(boolean polled) throws Exception {
        for (boolean virtual : new boolean[] {false, true}) {
            RawPair pair = polled ? polled() : accepted(Limits.defaults());
            var bytes = new byte[4];
            var got = on(virtual, () -> pair.peer().getData(bytes));
            writeFully(pair.raw(), ascii("ab"));
            assertThat(got).isNotDone();
            writeFully(pair.raw(), ascii("cd"));
            assertThat(got.get()).isEqualTo(ErrorCode.OK);
            assertThat(bytes).isEqualTo(ascii("abcd"));
        }
    }

    @Test
    void awaitActivityEndsWhenAPollWouldSeeSomething() throws Exception {
        RawPair pair = polled();
        StreamPeerSocket peer = pair.peer();
        assertThat(peer.awaitActivity(Duration.ofMillis(20))).isFalse();
        assertThat(peer.awaitActivity(Duration.ofMillis(-20))).isFalse();
        var waiting = on(false, () -> peer.awaitActivity(Duration.ofDays(100_000)));
        writeFully(pair.raw(), ascii("a"));
        assertThat(waiting.get()).isTrue();
        assertThat(peer.awaitActivity(Duration.ZERO)).isTrue(); // as long as it is not read
        assertThat(peer.getU8()).isEqualTo('a');
        assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
        waiting = on(true, () -> peer.awaitActivity(Limits.NEVER));
        pair.raw().close();
        assertThat(waiting.get()).isTrue();
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.awaitActivity(Duration.ofMillis(20))).isFalse();
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.class,
            names = {"NONE", "CONNECTING", "CONNECTED"})
    void wakeupEndsAWaitOrElseTheNext(Status status) throws Exception {
        try (var hole = newBlackhole()) {
            StreamPeerSocket peer =
                    switch (status) {
                        case NONE -> peer(Limits.defaults());
                        case CONNECTING -> connecting(Limits.defaults(), hole.address());
                        default -> polled().peer();
                    };
            assertThat(peer.getStatus()).isEqualTo(status);
            for (boolean virtual : new boolean[] {false, true}) {
                var waiting = on(virtual, () -> peer.awaitActivity(Limits.NEVER));
                peer.wakeup(); // whether it waits already or not
                assertThat(waiting.get()).isTrue();
                assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
                peer.wakeup();
                peer.wakeup();
                assertThat(peer.awaitActivity(Limits.NEVER)).isTrue();
                assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
            }
        }
    }

    /** A wake-up that comes in the moment in which a wait ends by itself is for the next one. */
    @Test
    void noWakeupIsLost() throws Exception {
        StreamPeerSocket peer = peer(Limits.defaults());
        int rounds = 20_000;
        var stop = new AtomicBoolean();
        var seen = new Semaphore(0);
        var waiting =
                on(
                        false,
                        () -> {
                            while (!stop.get()) {
                                if (peer.awaitActivity(Duration.ofNanos(1))) {
                                    seen.release();
                                }
                            }
                            return null;
                        });
        for (int i = 0; i < rounds; i++) {
            peer.wakeup();
            assertThat(seen.tryAcquire(20, TimeUnit.SECONDS)).isTrue();
        }
        stop.set(true);
        waiting.get();
    }

    @Test
    void anInterruptEndsTheWaitAndIsKept() throws Exception {
        RawPair pair = polled();
        Thread.currentThread().interrupt();
        assertThat(pair.peer().awaitActivity(Limits.NEVER)).isFalse();
        assertThat(pair.peer().getData(new byte[1])).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(pair.peer().poll()).isEqualTo(ErrorCode.OK);
        assertThat(pair.peer().getStatus()).isEqualTo(Status.CONNECTED);
    }

    /** On a virtual thread, too, an interrupt from before the call does no harm to the socket. */
    @Test
    void anInterruptedVirtualThreadDoesNotBreakTheConnection() throws Exception {
        RawPair pair = accepted(Limits.defaults());
        StreamPeerSocket peer = pair.peer();
        assertThat(
                        on(
                                        true,
                                        () -> {
                                            Thread.currentThread().interrupt();
                                            ErrorCode code = peer.putData(ascii("abc"));
                                            assertThat(peer.getData(new byte[1]))
                                                    .isEqualTo(ErrorCode.TIMEOUT);
                                            return code;
                                        })
                                .get())
                .isEqualTo(ErrorCode.OK);
        assertThat(readFully(pair.raw(), 3)).isEqualTo(ascii("abc"));
        writeFully(pair.raw(), ascii("d"));
        assertThat(text(peer, 1)).isEqualTo("d");
    }

    // ---- disconnecting ----

    /** All that was put before arrives, however slowly it is read, and then the end. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatWasPutBeforeDisconnectingArrives(boolean virtual) throws Exception {
        Limits limits = Limits.defaults().withOutboundBytes(8 << 20);
        RawPair pair = polled(limits);
        byte[] out = pattern(6 << 20, 11);
        var putting =
                on(
                        virtual,
                        () -> {
                            for (int done = 0; done < out.length; done += 1 << 20) {
                                assertThat(pair.peer().putData(out, done, 1 << 20))
                                        .isEqualTo(ErrorCode.OK);
                            }
                            pair.peer().disconnectFromHost();
                            return pair.peer().getStatus();
                        });
        if (!virtual) { // then it was only queued, and disconnecting did not wait for it
            assertThat(putting.get()).isEqualTo(Status.NONE);
        }
        byte[] in = readFully(pair.raw(), out.length + 1);
        assertThat(in).hasSize(out.length);
        assertThat(crc(in)).isEqualTo(crc(out));
        assertThat(putting.get()).isEqualTo(Status.NONE);
    }

    /** A socket closed with unread input is reset, and takes away what the other side has not. */
    @Test
    void whatTheOtherSideStillSendsDoesNotTakeAwayOurLastBytes() throws Exception {
        RawPair pair = polled(Limits.defaults().withInboundBytes(1_000).withOutboundBytes(4 << 20));
        byte[] out = pattern(3 << 20, 12);
        var stop = new AtomicBoolean();
        var sending =
                on(
                        false,
                        () -> {
                            while (!stop.get()) {
                                pair.raw().write(ByteBuffer.allocate(10_000));
                            }
                            pair.raw().shutdownOutput();
                            return null;
                        });
        await().until(() -> pair.peer().getAvailableBytes() >= 1_000);
        assertThat(pair.peer().putData(out)).isEqualTo(ErrorCode.OK);
        pair.peer().disconnectFromHost();
        byte[] in = readFully(pair.raw(), out.length + 1);
        stop.set(true);
        assertThat(in).hasSize(out.length);
        assertThat(crc(in)).isEqualTo(crc(out));
        sending.get();
    }

    /** Another thread's put at the moment of disconnecting neither breaks it nor pretends. */
    @RepeatedTest(30)
    void puttingWhileAnotherThreadDisconnects() throws Exception {
        RawPair pair = polled();
        var puts = new ArrayList<CompletableFuture<Integer>>();
        for (int p = 0; p < 3; p++) {
            puts.add(
                    on(
                            p > 0,
                            () -> {
                                int n = 0;
                                while (pair.peer().putData(ascii("ab")) == ErrorCode.OK) {
                                    n++;
                                }
                                return n;
                            }));
        }
        var under = new CountDownLatch(1);
        var reading =
                on(
                        false,
                        () -> {
                            int n = readFully(pair.raw(), 10_000).length;
                            under.countDown();
                            return n + readFully(pair.raw(), 100_000_000).length;
                        });
        under.await();
        pair.peer().disconnectFromHost();
        int accepted = 0;
        for (CompletableFuture<Integer> put : puts) {
            accepted += put.get();
        }
        // one more per thread may have been sent whose caller was told that it failed
        assertThat(reading.get() / 2).isBetween(accepted, accepted + puts.size());
    }

    @Test
    void disconnectingIsIdempotent() {
        StreamPeerSocket peer = peer(Limits.defaults());
        peer.disconnectFromHost();
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        Pair pair = pair();
        pair.client().disconnectFromHost();
        pair.client().disconnectFromHost();
        pair.client().close();
        assertThat(pair.client().getStatus()).isEqualTo(Status.NONE);
        assertThat(pair.client().getAvailableBytes()).isEqualTo(-1);
        assertThat(pollWhile(pair.server(), Status.CONNECTED)).isEqualTo(ErrorCode.OK);
    }

    @Test
    void disconnectingWhileConnecting() throws Exception {
        try (var hole = newBlackhole()) {
            StreamPeerSocket peer = connecting(Limits.defaults(), hole.address());
            peer.disconnectFromHost();
            assertThat(peer.getStatus()).isEqualTo(Status.NONE);
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getFailure()).isEmpty();
            // and the same peer can go elsewhere at once
            assertThat(connect(peer, addressOf(listening()))).isEqualTo(ErrorCode.OK);
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        }
    }

    /** The old connection is still sending its last bytes while the new one begins. */
    @Test
    void connectingAnewWhileTheOldConnectionCloses() throws Exception {
        RawPair pair = polled(Limits.defaults().withOutboundBytes(8 << 20));
        byte[] out = pattern(6 << 20, 13);
        assertThat(pair.peer().putData(out)).isEqualTo(ErrorCode.OK);
        pair.peer().disconnectFromHost();
        SocketServer server = listening();
        assertThat(connect(pair.peer(), addressOf(server))).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(pair.peer(), Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        pair.peer().putData(ascii("new"));
        assertThat(text(take(server), 3)).isEqualTo("new");
        assertThat(crc(readFully(pair.raw(), out.length + 1))).isEqualTo(crc(out));
    }

    /** While it is connecting, and its owner polls or connects. */
    @Test
    void anotherThreadGivesUpConnecting() throws Exception {
        try (var hole = newBlackhole()) {
            StreamPeerSocket peer = peer(Limits.defaults());
            for (int i = 0; i < 300; i++) {
                var start = new AtomicBoolean();
                var disconnecting =
                        on(
                                false,
                                () -> {
                                    while (!start.get()) {
                                        Thread.onSpinWait();
                                    }
                                    peer.disconnectFromHost();
                                    return null;
                                });
                start.set(true);
                connect(peer, hole.address());
                for (int polls = 0; polls < 100; polls++) {
                    assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                }
                disconnecting.get();
                peer.disconnectFromHost();
                assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                assertThat(peer.getAvailableBytes()).isEqualTo(-1);
            }
        }
    }

    /** Any thread may disconnect; what the owner sees after that is NONE, whatever it was doing. */
    @RepeatedTest(50)
    void anotherThreadDisconnects() throws Exception {
        SocketServer server = listening();
        StreamPeerSocket peer = connecting(Limits.defaults(), addressOf(server));
        var start = new CountDownLatch(1);
        var disconnecting =
                on(
                        true,
                        () -> {
                            start.await();
                            peer.disconnectFromHost();
                            return null;
                        });
        start.countDown();
        while (!disconnecting.isDone()) {
            peer.awaitActivity(Duration.ofMillis(1));
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        }
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.getAvailableBytes()).isEqualTo(-1);
        assertThat(connect(peer, addressOf(server))).isEqualTo(ErrorCode.OK);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anotherThreadDisconnectsWhileOneReads(boolean virtual) throws Exception {
        RawPair pair = accepted(Limits.defaults().withCloseTimeout(SHORT));
        var bytes = new byte[1];
        var reading = on(virtual, () -> pair.peer().getData(bytes));
        await().during(Duration.ofMillis(20)).until(() -> !reading.isDone());
        pair.peer().disconnectFromHost();
        assertThat(reading.get()).isEqualTo(ErrorCode.FAILED); // there is no connection any more
        assertThat(pair.peer().getStatus()).isEqualTo(Status.NONE);
    }

    // ---- letting go ----

    @Test
    void aThousandShortConnections() {
        SocketServer server = listening();
        StreamPeerSocket client = peer(Limits.defaults());
        for (int i = 0; i < 1_000; i++) {
            assertThat(connect(client, addressOf(server))).isEqualTo(ErrorCode.OK);
            assertThat(server.awaitConnection(PATIENCE)).isTrue();
            StreamPeerSocket accepted = server.takeSocketConnection();
            assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
            client.put32(i);
            assertThat(accepted.get32()).isEqualTo(i);
            accepted.putUtf8String("bye " + i);
            accepted.disconnectFromHost();
            assertThat(client.getUtf8String()).isEqualTo("bye " + i);
            assertThat(pollWhile(client, Status.CONNECTED)).isEqualTo(ErrorCode.OK);
            assertThat(client.getStatus()).isEqualTo(Status.NONE);
        }
    }

    /** Dropped by the other side, and its owner does not care: it goes by its own deadline. */
    @ParameterizedTest
    @ValueSource(strings = {"connected", "accepted", "polled", "unread"})
    void whoIsNeverPolledLetsGoOfItsSocket(String how) throws Exception {
        Limits limits = Limits.defaults().withCloseTimeout(SHORT);
        RawPair pair;
        if (how.equals("connected")) {
            ServerSocketChannel server = closing(newRawServer());
            StreamPeerSocket peer = connecting(limits, server.getLocalAddress());
            pair = new RawPair(peer, closing(server.accept()));
            await().until(() -> peer.channel() != null);
        } else {
            pair = how.equals("polled") ? polled(limits) : accepted(limits);
        }
        if (how.equals("unread")) {
            writeFully(pair.raw(), ascii("unread"));
        }
        SocketChannel channel = pair.peer().channel();
        pair.raw().close();
        await().until(() -> !channel.isOpen());
        // what it has, it has
        if (how.equals("unread")) {
            assertThat(text(pair.peer(), 6)).isEqualTo("unread");
        }
        if (how.equals("connected")) {
            assertThat(pair.peer().poll()).isEqualTo(ErrorCode.OK);
        }
        assertThat(pollWhile(pair.peer(), Status.CONNECTED)).isEqualTo(ErrorCode.OK);
        assertThat(pair.peer().getStatus()).isEqualTo(Status.NONE);
    }

    /** The other side never closes its end. */
    @Test
    void theLingerTimeoutEndsTheWaitForTheOtherSide() throws Exception {
        RawPair pair = polled(Limits.defaults().withCloseTimeout(SHORT).withLingerTimeout(SHORT));
        SocketChannel channel = pair.peer().channel();
        pair.peer().putData(ascii("last"));
        pair.peer().disconnectFromHost();
        await().until(() -> !channel.isOpen());
        assertThat(readFully(pair.raw(), 5)).isEqualTo(ascii("last"));
        assertThat(pair.peer().getStatus()).isEqualTo(Status.NONE);
        assertThat(pair.peer().getFailure()).as("nobody knows that it was read").isPresent();
    }

    /** Neither the closing nor its write timeout may be lost because the queue is full. */
    @Test
    void disconnectingFromWhoTakesNothing() throws Exception {
        RawPair pair =
                polled(Limits.defaults().withWriteTimeout(SHORT).withOutboundBytes(32 << 20));
        SocketChannel channel = pair.peer().channel();
        assertThat(pair.peer().putData(new byte[20 << 20])).isEqualTo(ErrorCode.OK);
        pair.peer().disconnectFromHost();
        await().until(() -> !channel.isOpen());
    }

    @Test
    void aServerLetsGoOfWhatNobodyTook() throws Exception {
        SocketServer server = listening();
        SocketChannel raw = closing(SocketChannel.open(addressOf(server)));
        assertThat(server.awaitConnection(PATIENCE)).isTrue();
        server.stop();
        assertThat(server.isConnectionAvailable()).isFalse();
        assertThat(raw.read(ByteBuffer.allocate(1))).isEqualTo(-1);
    }

    /** More connect than the server accepts ahead of its owner; all are served in the end. */
    @Test
    void connectionsWaitUntilTheyAreTaken() throws Exception {
        SocketServer server = listening();
        int clients = SocketServer.AHEAD + 20;
        List<SocketChannel> raw = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            raw.add(closing(SocketChannel.open(addressOf(server))));
        }
        for (int i = 0; i < clients; i++) {
            take(server).putU8(1);
        }
        for (SocketChannel one : raw) {
            assertThat(readFully(one, 1)).containsExactly(1);
        }
        assertThat(server.isConnectionAvailable()).isFalse();
    }

    @Test
    void awaitConnectionEndsWhenThereIsOneOrByWakeup() throws Exception {
        SocketServer server = listening();
        assertThat(server.awaitConnection(Duration.ofMillis(20))).isFalse();
        assertThat(server.awaitConnection(Duration.ofMillis(-20))).isFalse();
        var waiting = on(true, () -> server.awaitConnection(Limits.NEVER));
        server.wakeup();
        assertThat(waiting.get()).isFalse();
        server.wakeup();
        assertThat(server.awaitConnection(Limits.NEVER)).isFalse();
        waiting = on(false, () -> server.awaitConnection(Limits.NEVER));
        closing(SocketChannel.open(addressOf(server)));
        assertThat(waiting.get()).isTrue();
        assertThat(server.awaitConnection(Limits.NEVER)).isTrue(); // it is still there
    }

    // ---- what only a programmer gets wrong ----

    @Test
    void programmersMistakesAreExceptions() {
        StreamPeerSocket peer = peer(Limits.defaults());
        assertThatNullPointerException().isThrownBy(() -> peer.setLimits(null));
        assertThatNullPointerException().isThrownBy(() -> newServer().setLimits(null));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> peer.putData(new byte[3], 2, 2));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> peer.getData(new byte[3], 2, 2, PATIENCE));
    }
}
