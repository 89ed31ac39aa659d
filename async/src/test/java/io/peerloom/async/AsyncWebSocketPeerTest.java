package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeFailedException;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebSockets through futures, over real sockets, against core's own blocking peers. */
@Timeout(120)
class AsyncWebSocketPeerTest {

    private static String url(WebSocketServer server) {
        return "ws://127.0.0.1:" + server.getLocalPort() + "/path";
    }

    /** The other side, blocking: echoes until the client closes. */
    private static WebSocketServer echoServer() throws IOException {
        return WebSocketServer.serve(
                0,
                peer -> {
                    for (Message m; (m = peer.receive()) != null; ) {
                        peer.send(m);
                    }
                });
    }

    /** Sends so many numbers, then serves until the client closes. */
    private static WebSocketServer countingServer(int count) throws IOException {
        return WebSocketServer.serve(
                0,
                peer -> {
                    for (int i = 0; i < count; i++) {
                        peer.sendText(Integer.toString(i));
                    }
                    peer.receive();
                });
    }

    private static Message number(int n) {
        return Message.text(Integer.toString(n));
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

    // ---- opening ----

    @Test
    void talksToABlockingServer() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setBindIp("127.0.0.1");
            server.setOptions(WebSocketOptions.defaults().withProtocols("v2.game"));
            server.start(
                    0,
                    peer -> {
                        for (Message m; (m = peer.receive()) != null; ) {
                            peer.send(m);
                        }
                    });
            var peer =
                    AsyncWebSocketPeer.connect(
                                    url(server),
                                    WebSocketOptions.defaults().withProtocols("v1.game", "v2.game"))
                            .join();
            assertThat(peer.getSelectedProtocol()).isEqualTo("v2.game");
            assertThat(peer.getRequestedUrl()).isEqualTo(url(server));
            assertThat(peer.getConnectedHost()).isEqualTo("127.0.0.1");
            assertThat(peer.getConnectedPort()).isEqualTo(server.getLocalPort());
            assertThat(peer.getUpgradeRequest()).isEmpty();
            assertThat(peer.getCloseCode()).isEqualTo(-1);
            peer.sendText("héllo").join();
            peer.send(new byte[] {1, 2, 3}).join();
            peer.send(Message.binary(new byte[300_000])).join();
            assertThat(peer.receive().join()).isEqualTo(Message.text("héllo"));
            assertThat(peer.receive().join()).isEqualTo(Message.binary(new byte[] {1, 2, 3}));
            assertThat(peer.receive().join()).isEqualTo(Message.binary(new byte[300_000]));
            peer.close().join();
        }
    }

    @Test
    void aRefusedConnectionIsAFailureWithItsCause() throws Exception {
        int unused;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            unused = socket.getLocalPort();
        }
        var failure = failureOf(AsyncWebSocketPeer.connect("ws://127.0.0.1:" + unused));
        assertThat(failure.code()).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(failure).hasRootCauseInstanceOf(java.net.ConnectException.class);
    }

    @Test
    void aServerThatRefusesTheUpgradeIsAFailure() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(
                    request -> UpgradeResponse.page("<p>no</p>").withHeader("X-Why", "because"));
            server.start(0, peer -> {});
            var failure = failureOf(AsyncWebSocketPeer.connect(url(server)));
            assertThat(failure.code()).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(failure.getCause())
                    .isInstanceOfSatisfying(
                            UpgradeFailedException.class,
                            refused -> {
                                assertThat(refused.response().status()).isEqualTo(200);
                                assertThat(refused.response().header("X-Why")).contains("because");
                                assertThat(refused.response().bodyText()).isEqualTo("<p>no</p>");
                            });
        }
    }

    @Test
    void theServersAnswerIsReadable() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(
                    request -> UpgradeResponse.accept().withHeader("X-Room", "seven"));
            server.start(0, peer -> peer.receive());
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(peer.getHandshakeResponse().orElseThrow().header("X-Room"))
                    .contains("seven");
            peer.close().join();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://127.0.0.1/", "ws://", "ws://host:99999/", "ws://a\nb/"})
    void whatIsNoUrlIsAnInvalidParameter(String url) {
        assertThat(failureOf(AsyncWebSocketPeer.connect(url)).code())
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
    }

    /** The other side sees the connection go before it ever answered the handshake. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void toGiveUpConnectingClosesTheSocket(boolean byTimeout) throws Exception {
        try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var connecting =
                    AsyncWebSocketPeer.connect("ws://127.0.0.1:" + silent.getLocalPort() + "/");
            try (Socket accepted = silent.accept()) {
                if (byTimeout) {
                    assertThatThrownBy(() -> connecting.orTimeout(1, TimeUnit.MILLISECONDS).get())
                            .isInstanceOf(ExecutionException.class)
                            .hasCauseInstanceOf(TimeoutException.class);
                } else {
                    assertThat(connecting.cancel(false)).isTrue();
                    assertThatThrownBy(connecting::join).isInstanceOf(CancellationException.class);
                }
                accepted.getInputStream().readAllBytes(); // the request, and then the end
            }
        }
    }

    /** Whoever wins the race, nobody is left with a connection that he does not know of. */
    @Test
    void aCancelledConnectLeavesNothingOpen() throws Exception {
        var open = new AtomicInteger();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            open.incrementAndGet();
                            peer.receive();
                            open.decrementAndGet();
                        })) {
            var random = new Random(1);
            for (int i = 0; i < 300; i++) {
                var connecting = AsyncWebSocketPeer.connect(url(server));
                for (int spin = random.nextInt(40); spin > 0; spin--) {
                    Thread.yield();
                }
                if (!connecting.cancel(true)) {
                    connecting.join().close().join();
                }
            }
            await().until(() -> open.get() == 0);
        }
    }

    // ---- receiving ----

    @Test
    void outstandingReceivesAreAnsweredInOrder() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var received = IntStream.range(0, 500).mapToObj(i -> peer.receive()).toList();
            for (int i = 0; i < 500; i++) {
                peer.send(number(i)).join();
            }
            for (int i = 0; i < 500; i++) {
                assertThat(received.get(i).join()).isEqualTo(number(i));
            }
            peer.close().join();
        }
    }

    /** Ways to wait for a message, most of which give up. */
    private enum Patience {
        WAIT {
            @Override
            void apply(CompletableFuture<Message> receive) {
                receive.exceptionally(e -> null).join();
            }
        },
        CANCEL {
            @Override
            void apply(CompletableFuture<Message> receive) {
                receive.cancel(true);
            }
        },
        CANCEL_ELSEWHERE {
            @Override
            void apply(CompletableFuture<Message> receive) throws InterruptedException {
                Thread.startVirtualThread(() -> receive.cancel(false)).join();
            }
        },
        FAIL_IN_A_MOMENT {
            @Override
            void apply(CompletableFuture<Message> receive) {
                Thread.yield();
                Thread.yield();
                receive.completeExceptionally(new IllegalStateException("enough"));
            }
        },
        TIME_OUT {
            @Override
            void apply(CompletableFuture<Message> receive) {
                receive.orTimeout(50, TimeUnit.MICROSECONDS).exceptionally(e -> null).join();
            }
        },
        SUBSTITUTE {
            @Override
            void apply(CompletableFuture<Message> receive) {
                receive.completeOnTimeout(null, 50, TimeUnit.MICROSECONDS).join();
            }
        },
        SUPPLY {
            @Override
            void apply(CompletableFuture<Message> receive) {
                receive.completeAsync(() -> null).join();
            }
        };

        abstract void apply(CompletableFuture<Message> receive) throws InterruptedException;
    }

    /** Each message is received once and in order, however often a receive was given up. */
    @Property(tries = 40)
    void toGiveUpAReceiveLosesNothing(
            @ForAll @Size(60) List<Patience> patience,
            @ForAll @IntRange(min = 1, max = 3) int outstanding)
            throws Exception {
        int count = 20;
        try (var server = countingServer(count)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var seen = new ArrayList<Message>();
            for (int round = 0; seen.size() < count; round++) {
                var receives = new ArrayList<CompletableFuture<Message>>();
                for (int i = 0; i < outstanding; i++) {
                    receives.add(peer.receive());
                }
                for (var receive : receives) {
                    (round < patience.size() && seen.size() < count - outstanding
                                    ? patience.get(round)
                                    : seen.size() < count ? Patience.WAIT : Patience.CANCEL)
                            .apply(receive);
                    receive.handle((message, failure) -> message).join();
                    if (!receive.isCompletedExceptionally() && receive.join() != null) {
                        seen.add(receive.join());
                    }
                }
            }
            assertThat(seen)
                    .isEqualTo(
                            IntStream.range(0, count)
                                    .mapToObj(AsyncWebSocketPeerTest::number)
                                    .toList());
            peer.close().join();
        }
    }

    /** An idle peer that is asked again and again, with a timeout each, must not fill up. */
    @Test
    void aReceiveThatWasGivenUpIsForgotten() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var first = new WeakReference<>(peer.receive());
            first.get().cancel(false);
            var second = new WeakReference<>(peer.receive());
            second.get().completeExceptionally(new TimeoutException());
            await().until(() -> {
                System.gc();
                return first.get() == null && second.get() == null;
            });
            peer.close().join();
        }
    }

    // ---- receiving from any thread ----

    /** Threads that are not at the stages of the peer's receives. */
    private enum Stranger {
        PLATFORM,
        VIRTUAL,
        EXECUTOR;

        void run(Callable<Void> task) throws Exception {
            var done = new CompletableFuture<Void>();
            Runnable all =
                    () -> {
                        try {
                            done.complete(task.call());
                        } catch (Throwable e) {
                            done.completeExceptionally(e);
                        }
                    };
            switch (this) {
                case PLATFORM -> Thread.ofPlatform().start(all);
                case VIRTUAL -> Thread.startVirtualThread(all);
                case EXECUTOR -> {
                    try (var executor = Executors.newSingleThreadExecutor()) {
                        executor.execute(all);
                    }
                }
            }
            done.get();
        }
    }

    /** Of messages that wait for a receive, next to none waits for a thread as well. */
    @ParameterizedTest
    @EnumSource
    void whatIsAtHandIsReceivedAtOnceWhoeverAsks(Stranger stranger) throws Exception {
        int count = 20_000;
        try (var server = countingServer(count)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var end = peer.closed(); // who waits for it is not in the way
            stranger.run(() -> {
                int atOnce = 0;
                for (int i = 0; i < count; i++) {
                    var next = peer.receive();
                    atOnce += next.isDone() ? 1 : 0;
                    assertThat(next.get()).isEqualTo(number(i));
                }
                assertThat(atOnce).isGreaterThan(count * 3 / 4);
                return null;
            });
            assertThat(peer.close().join()).isEqualTo(end.join());
        }
    }

    /** What is read ahead is bounded: then the other side waits, and nothing is lost. */
    @ParameterizedTest
    @EnumSource
    void whatIsReadAheadIsBounded(Stranger stranger) throws Exception {
        int count = 1_500;
        byte[] padding = new byte[64 * 1024];
        var sent = new AtomicInteger();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            for (int i = 0; i < count; i++) {
                                byte[] message = padding.clone();
                                ByteBuffer.wrap(message).putInt(i);
                                assertThat(peer.send(Message.binary(message)))
                                        .isEqualTo(ErrorCode.OK);
                                sent.incrementAndGet();
                            }
                            peer.receive();
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            stranger.run(() -> {
                for (int i = 0; i < count; i++) {
                    if (i == 100) { // by now it is read ahead
                        var before = new AtomicInteger(-1);
                        await().pollInterval(500, TimeUnit.MILLISECONDS)
                                .until(() -> before.getAndSet(sent.get()) == sent.get());
                        assertThat(sent.get()).isLessThan(count);
                    }
                    Message next = peer.receive().get();
                    assertThat(ByteBuffer.wrap(next.bytes()).getInt()).isEqualTo(i);
                }
                return null;
            });
            peer.close().join();
        }
    }

    /** What was read ahead stays there when the connection ends, and the end comes after it. */
    @ParameterizedTest
    @EnumSource
    void whatIsReadAheadOutlivesTheConnection(Stranger stranger) throws Exception {
        int count = 500;
        var over = new CompletableFuture<Integer>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            for (int i = 0; i < count; i++) {
                                peer.sendText(Integer.toString(i));
                            }
                            peer.close(4004, "");
                            peer.receive();
                            over.complete(peer.getCloseCode());
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            stranger.run(() -> {
                for (int i = 0; i < count; i++) {
                    if (i == 100) {
                        assertThat(over.get()).isEqualTo(4004); // though 400 are unread
                    }
                    assertThat(peer.receive().get()).isEqualTo(number(i));
                }
                assertThat(peer.receive().get()).isNull();
                return null;
            });
            assertThat(peer.closed().join().code()).isEqualTo(4004);
        }
    }

    /** A request and its answer, again and again, with a time limit each and with some given up. */
    @ParameterizedTest
    @EnumSource
    void aReceiveThatTimesOutLeavesTheConnectionUsable(Stranger stranger) throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            stranger.run(() -> {
                for (int i = 0; i < 200; i++) {
                    var early =
                            i % 2 == 0
                                    ? peer.receive().orTimeout(1, TimeUnit.MILLISECONDS)
                                    : peer.receiveBatch(3).orTimeout(1, TimeUnit.MILLISECONDS);
                    assertThatThrownBy(early::get).hasCauseInstanceOf(TimeoutException.class);
                    var cancelled = peer.receiveBatch(2);
                    assertThat(cancelled.cancel(true)).isTrue();
                    peer.send(number(i)).get();
                    assertThat(peer.receive().orTimeout(60, TimeUnit.SECONDS).get())
                            .isEqualTo(number(i));
                }
                return null;
            });
            peer.close().join();
        }
    }

    /** Several batches at a time, some of which are given up. */
    @Property(tries = 40)
    void batchesKeepTheOrderAndLoseNothing(
            @ForAll @Size(20) List<@IntRange(min = 1, max = 40) Integer> sizes,
            @ForAll @Size(20) List<Boolean> givenUp,
            @ForAll @IntRange(min = 1, max = 4) int outstanding)
            throws Exception {
        int count = 300;
        try (var server = countingServer(count)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var seen = new ArrayList<Message>();
            int asked = 0;
            while (seen.size() < count) {
                var batches = new ArrayList<CompletableFuture<List<Message>>>();
                for (int i = 0; i < outstanding; i++, asked++) {
                    int most = sizes.get(asked % sizes.size());
                    var batch = peer.receiveBatch(most);
                    if (!givenUp.get(asked % givenUp.size()) || !batch.cancel(true)) {
                        batches.add(
                                batch.thenApply(messages -> {
                                    assertThat(messages).hasSizeBetween(1, most);
                                    return messages;
                                }));
                    }
                }
                batches.add(peer.receive().thenApply(List::of));
                for (var batch : batches) {
                    if (seen.size() < count) {
                        seen.addAll(batch.join());
                    } // else it waits for the end
                }
            }
            assertThat(seen)
                    .isEqualTo(
                            IntStream.range(0, count)
                                    .mapToObj(AsyncWebSocketPeerTest::number)
                                    .toList());
            peer.close().join();
        }
    }

    @Test
    void aBatchAtTheEndIsEmptyOrFails() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThatIllegalArgumentException().isThrownBy(() -> peer.receiveBatch(0));
            var early = peer.receiveBatch(10);
            peer.close().join();
            assertThat(early.join()).isEmpty();
            assertThat(peer.receiveBatch(10).join()).isEmpty();
        }
        try (var server = WebSocketServer.serve(0, peer -> peer.abort())) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(failureOf(peer.receiveBatch(10)).code()).isEqualTo(ErrorCode.FAILED);
        }
    }

    // ---- stages ----

    /** A stage waits for the next message of the same peer, which it must not keep from coming. */
    @Test
    void aStageMayBlockOnTheSamePeer() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var both =
                    peer.receive()
                            .thenApply(first -> {
                                peer.sendText("two").join();
                                return first.text() + " " + peer.receive().join().text();
                            });
            peer.sendText("one").join();
            assertThat(both.join()).isEqualTo("one two");
            // the same where both were asked for before
            var second = new CompletableFuture<Message>();
            var outer = peer.receive().thenApply(first -> first.text() + second.join().text());
            var inner = peer.receive().thenAccept(second::complete);
            peer.sendText("a").join();
            peer.sendText("b").join();
            assertThat(outer.join()).isEqualTo("ab");
            inner.join();
            peer.close().join();
        }
    }

    /** All of these stages wait for each other: none may hold up the sends of the rest. */
    @Test
    void stagesOfSendsMayBlock() throws Exception {
        try (var server = countingServer(0)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var all = new CountDownLatch(20);
            var met = new ArrayList<CompletableFuture<Void>>();
            for (int i = 0; i < 20; i++) {
                met.add(
                        peer.send(number(i))
                                .thenRun(() -> {
                                    all.countDown();
                                    if (Thread.currentThread().isVirtual()) {
                                        awaitQuietly(all);
                                    } // else it was done at once, and this is the test's thread
                                }));
            }
            CompletableFuture.allOf(met.toArray(CompletableFuture[]::new)).join();
            peer.close().join();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void stagesRunOnVirtualThreadsUnlessThereIsAnExecutor() throws Exception {
        ThreadFactory named = task -> new Thread(task, "mine");
        try (var server = echoServer();
                var executor = Executors.newSingleThreadExecutor(named)) {
            var own = AsyncWebSocketPeer.connect(url(server)).join();
            var thread = own.receive().thenApply(m -> Thread.currentThread());
            own.sendText("x").join();
            assertThat(thread.join().isVirtual()).isTrue();
            own.close().join();

            var connected =
                    AsyncWebSocketPeer.connect(url(server), WebSocketOptions.defaults(), executor);
            var peer = connected.join();
            var receiving = peer.receive().thenApply(m -> Thread.currentThread().getName());
            var closing = peer.closed().thenApply(end -> Thread.currentThread().getName());
            peer.sendText("x").join();
            assertThat(receiving.join()).isEqualTo("mine");
            peer.close().join();
            assertThat(closing.join()).isEqualTo("mine");
        }
    }

    /** A message must not vanish with an executor that was shut down. */
    @Test
    void anExecutorThatRefusesIsDoneWithout() throws Exception {
        try (var server = echoServer()) {
            var peer =
                    AsyncWebSocketPeer.of(
                            WebSocketPeer.connect(url(server)),
                            task -> {
                                throw new RejectedExecutionException("closed");
                            });
            peer.sendText("x").join();
            assertThat(peer.receive().join()).isEqualTo(Message.text("x"));
            peer.close().join();
        }
    }

    /** An interrupted thread cannot read a channel without closing it. */
    @Test
    void aStageThatLeavesItsThreadInterruptedDoesNoHarm() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            for (int i = 0; i < 50; i++) {
                var next =
                        peer.receive()
                                .thenCompose(m -> {
                                    Thread.currentThread().interrupt();
                                    return peer.receive();
                                });
                peer.sendText("a").join();
                peer.sendText("b").join();
                assertThat(next.join()).isEqualTo(Message.text("b"));
            }
            peer.close().join();
        }
    }

    /** A stage that sends again when it was sent is a loop, not a recursion. */
    @Test
    void aStreamOfSendsDoesNotOverflowTheStack() throws Exception {
        int count = 100_000;
        var last = new CompletableFuture<Message>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            peer.sendText("go");
                            for (int i = 0; i < count; i++) {
                                Message m = peer.receive();
                                if (!number(i).equals(m)) {
                                    last.complete(m);
                                    return;
                                }
                            }
                            last.complete(number(count));
                            peer.receive();
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var sent = new CompletableFuture<Void>();
            peer.receive().thenAccept(go -> sendFrom(0, count, peer, sent)).join();
            sent.join();
            assertThat(last.join()).isEqualTo(number(count));
            peer.close().join();
        }
    }

    /**
     * Messages that came together are taken without a step each, in order, and without overflow.
     */
    @Test
    @Tag("slow")
    void aStreamOfReceivesDoesNotOverflowTheStack() throws Exception {
        int count = 20_000;
        try (var server = countingServer(count)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var done = new CompletableFuture<Void>();
            var deepest = new AtomicInteger();
            receiveFrom(0, count, peer, done, deepest);
            done.join();
            assertThat(deepest.get()).isGreaterThan(1);
            peer.close().join();
        }
    }

    private static void receiveFrom(
            int i,
            int count,
            AsyncWebSocketPeer peer,
            CompletableFuture<Void> done,
            AtomicInteger deepest) {
        if (i == count) {
            done.complete(null);
            return;
        }
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (!number(i).equals(message)) {
                done.completeExceptionally(new AssertionError(i + " is " + message, failure));
                return;
            }
            long nested =
                    StackWalker.getInstance()
                            .walk(frames ->
                                    frames.filter(f -> f.getMethodName().equals("receiveFrom"))
                                            .count());
            deepest.accumulateAndGet((int) nested, Math::max);
            receiveFrom(i + 1, count, peer, done, deepest);
        });
    }

    private static void sendFrom(
            int i, int count, AsyncWebSocketPeer peer, CompletableFuture<Void> done) {
        if (i == count) {
            done.complete(null);
            return;
        }
        CompletionStage<Void> sent = peer.send(number(i));
        sent.whenComplete((nothing, failure) -> {
            if (failure != null) {
                done.completeExceptionally(failure);
            } else {
                sendFrom(i + 1, count, peer, done);
            }
        });
    }

    // ---- sending ----

    @Test
    void theMessagesOfEachThreadStayInOrder() throws Exception {
        int threads = 8;
        int each = 500;
        var received = new LinkedBlockingQueue<Message>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            peer.sendText("go");
                            for (Message m; (m = peer.receive()) != null; ) {
                                received.add(m);
                            }
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var senders = new ArrayList<Thread>();
            var sent = new LinkedBlockingQueue<CompletableFuture<Void>>();
            for (int t = 0; t < threads; t++) {
                int name = t;
                Runnable sending =
                        () -> {
                            for (int i = 0; i < each; i++) {
                                sent.add(peer.sendText(name + ":" + i));
                            }
                        };
                if (t == 0) { // one of them on the thread that receives, which writes by itself
                    sent.add(peer.receive().thenRun(sending));
                } else {
                    senders.add(
                            t % 2 == 0
                                    ? Thread.startVirtualThread(sending)
                                    : Thread.ofPlatform().start(sending));
                }
            }
            for (Thread sender : senders) {
                sender.join();
            }
            await().until(() -> sent.size() == threads * each + 1);
            for (var future : sent) {
                future.join();
            }
            peer.close().join();
            await().until(() -> received.size() == threads * each);
            Map<String, Integer> next = new HashMap<>();
            for (Message message : received) {
                String[] parts = message.text().split(":");
                assertThat(Integer.parseInt(parts[1])).isEqualTo(next.getOrDefault(parts[0], 0));
                next.merge(parts[0], 1, Integer::sum);
            }
            assertThat(next).hasSize(threads);
        }
    }

    /**
     * The other side does not read, and no system buffers that much: the last futures cannot be
     * done. Then it reads, and gets everything but what was taken back.
     */
    @Test
    void aSlowReaderHoldsTheSenderBackAndLosesNothing() throws Exception {
        int count = 1_500;
        byte[] payload = new byte[64 * 1024];
        var mayRead = new CountDownLatch(1);
        var read = new AtomicInteger();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            mayRead.await();
                            for (Message m; (m = peer.receive()) != null; ) {
                                if (m.size() == payload.length) {
                                    read.incrementAndGet();
                                }
                            }
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var sent = new ArrayList<CompletableFuture<Void>>();
            for (int i = 0; i < count; i++) {
                sent.add(peer.send(payload));
            }
            await().until(() -> sent.get(0).isDone());
            var takenBack = peer.sendText("never mind");
            assertThat(takenBack.cancel(false)).isTrue();
            assertThat(sent.get(count - 1)).isNotDone();
            var closed = peer.close(); // comes after all of them
            assertThat(sent.get(count - 1)).isNotDone();
            mayRead.countDown();
            CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)).join();
            assertThat(closed.join().clean()).isTrue();
            await().until(() -> read.get() == count);
            assertThat(sent.get(0).cancel(false)).isFalse();
        }
    }

    @Test
    void nothingIsAcceptedAfterAClose() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var closed = peer.close(4000, "done");
            assertThat(failureOf(peer.sendText("late")).code()).isEqualTo(ErrorCode.FAILED);
            assertThat(closed.join().code()).isEqualTo(4000);
            assertThat(failureOf(peer.sendText("later")).code()).isEqualTo(ErrorCode.FAILED);
        }
    }

    // ---- the end ----

    @Test
    void aCloseOfOursAnswersTheReceivesWithNull() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var first = peer.receive();
            var second = peer.receive();
            var closed = peer.close(4001, "bye");
            assertThat(first.join()).isNull();
            assertThat(second.join()).isNull();
            assertThat(peer.receive().join()).isNull();
            CloseInfo end = closed.join();
            assertThat(end.code()).isEqualTo(4001);
            assertThat(end.clean()).isTrue();
            assertThat(end.byPeer()).isFalse();
            assertThat(end.failure()).isEmpty();
            assertThat(peer.getCloseCode()).isEqualTo(4001);
        }
    }

    @Test
    void aCloseOfTheOtherSideComesAfterItsMessages() throws Exception {
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            peer.sendText("a");
                            peer.sendText("b");
                            peer.close(4002, "so long");
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var events = new AtomicInteger();
            var counted = peer.closed().thenAccept(end -> events.incrementAndGet());
            assertThat(peer.receive().join()).isEqualTo(Message.text("a"));
            assertThat(events.get()).isZero();
            assertThat(peer.receive().join()).isEqualTo(Message.text("b"));
            assertThat(peer.receive().join()).isNull();
            counted.join();
            CloseInfo end = peer.closed().join();
            assertThat(end).isEqualTo(new CloseInfo(4002, "so long", true, true, end.failure()));
            assertThat(end.failure()).isEmpty();
            assertThat(peer.getCloseReason()).isEqualTo("so long");
            assertThat(peer.close().join()).isEqualTo(end);
            assertThat(events.get()).isEqualTo(1);
        }
    }

    /** Nobody receives, so that nobody of ours would read: whoever asks for the end hears of it. */
    @Test
    void theEndIsToldToWhoDoesNotReceive() throws Exception {
        try (var server = WebSocketServer.serve(0, peer -> peer.close(4003, ""))) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(peer.closed().join().code()).isEqualTo(4003);
        }
    }

    /** How the connection ends of somebody who does not receive. */
    private enum End {
        OTHER_CLOSES,
        OTHER_DROPS,
        SERVER_STOPS
    }

    /** Messages that nobody receives do not keep the end back, nor does it take them away. */
    @ParameterizedTest
    @CsvSource({
        "OTHER_CLOSES, 1, false",
        "OTHER_CLOSES, 1, true",
        "OTHER_CLOSES, 100, false",
        "OTHER_DROPS, 1, false",
        "OTHER_DROPS, 100, true",
        "SERVER_STOPS, 1, false",
        "SERVER_STOPS, 100, true"
    })
    void theEndIsToldThoughMessagesWereNotReceived(End end, int messages, boolean givenUp)
            throws Exception {
        var sent = new CompletableFuture<Void>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            for (int i = 0; i < messages; i++) {
                                peer.send(number(i));
                            }
                            if (end == End.SERVER_STOPS) {
                                sent.complete(null);
                                peer.receive();
                            } else if (end == End.OTHER_DROPS) {
                                peer.abort();
                            } else {
                                peer.close(4003, "");
                            }
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            int from = 0;
            if (givenUp) { // so that a message waits already when the end is asked for
                var early = peer.receive();
                if (!early.cancel(true)) { // the message was faster
                    assertThat(early.join()).isEqualTo(number(from++));
                }
            }
            var closed = peer.closed();
            if (end == End.SERVER_STOPS) {
                sent.join();
                server.stop();
            }
            CloseInfo info = closed.get(20, TimeUnit.SECONDS);
            assertThat(info.code())
                    .isEqualTo(
                            switch (end) {
                                case OTHER_CLOSES -> 4003;
                                case OTHER_DROPS -> 1006;
                                case SERVER_STOPS -> 1001;
                            });
            for (int i = from; i < messages; i++) {
                assertThat(peer.receive().join()).isEqualTo(number(i));
            }
            if (end == End.OTHER_DROPS) {
                assertThat(failureOf(peer.receive()).code()).isEqualTo(ErrorCode.FAILED);
            } else {
                assertThat(peer.receive().join()).isNull();
            }
            assertThat(peer.closed().join()).isEqualTo(info);
        }
    }

    /** What arrived before our close is there after it, and does not hold the end up. */
    @Test
    void messagesCanBeReceivedAfterAClose() throws Exception {
        try (var server = countingServer(100)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(peer.receive().join()).isEqualTo(number(0));
            var closing = peer.close();
            var alongside = peer.receive();
            assertThat(closing.join().clean()).isTrue();
            assertThat(alongside.join()).isEqualTo(number(1));
            for (int i = 2; i < 100; i++) {
                assertThat(peer.receive().join()).isEqualTo(number(i));
            }
            assertThat(peer.receive().join()).isNull();
        }
    }

    @Test
    void aConnectionThatBreaksFailsTheReceives() throws Exception {
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            peer.sendText("last");
                            peer.receive();
                            peer.abort();
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(peer.receive().join()).isEqualTo(Message.text("last"));
            var next = peer.receive();
            peer.sendText("go").join();
            PeerException failure = failureOf(next);
            assertThat(failure.code()).isEqualTo(ErrorCode.FAILED);
            assertThat(failure).hasCauseInstanceOf(IOException.class);
            CloseInfo end = peer.closed().join();
            assertThat(end.code()).isEqualTo(1006);
            assertThat(end.clean()).isFalse();
            assertThat(end.byPeer()).isTrue();
            assertThat(end.failure()).contains(failure.getCause());
            assertThat(peer.getFailure()).isEqualTo(end.failure());
            assertThat(failureOf(peer.receive())).hasCause(failure.getCause());
            assertThat(failureOf(peer.sendText("x"))).hasCause(failure.getCause());
        }
    }

    @Test
    void aNegativeCodeDropsTheConnection() throws Exception {
        var served = new CompletableFuture<WebSocketPeer>();
        try (var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            peer.receive();
                            served.complete(peer);
                        })) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var receive = peer.receive();
            CloseInfo end = peer.abort().join();
            assertThat(end.code()).isEqualTo(1006);
            assertThat(end.clean()).isFalse();
            assertThat(receive.join()).isNull(); // we wanted it so
            assertThat(served.join().wasCleanClose()).isFalse();
        }
    }

    @Test
    void badCloseCodesAndReasonsAreRefusedAtTheCall() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThatIllegalArgumentException().isThrownBy(() -> peer.close(1006, ""));
            assertThatIllegalArgumentException().isThrownBy(() -> peer.close(5000, ""));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> peer.close(1000, "x".repeat(124)));
            assertThatIllegalArgumentException().isThrownBy(() -> peer.sendText("\ud800"));
            peer.sendText("still open").join();
            assertThat(peer.receive().join()).isEqualTo(Message.text("still open"));
            peer.close().join();
        }
    }

    @Test
    void aServerThatStopsSaysGoodbye() throws Exception {
        var server = echoServer();
        var peer = AsyncWebSocketPeer.connect(url(server)).join();
        var receive = peer.receive();
        server.close();
        assertThat(receive.join()).isNull();
        assertThat(peer.closed().join().code()).isEqualTo(1001);
    }

    /** To cancel one's own view of the end is nobody else's business. */
    @Test
    void theEndCannotBeCancelled() throws Exception {
        try (var server = echoServer()) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            var mine = peer.closed();
            var yours = peer.closed();
            assertThat(mine.cancel(true)).isTrue();
            assertThat(peer.close().join()).isEqualTo(yours.join());
        }
    }

    // ---- threads ----

    @Test
    void anIdlePeerHasNoThread() throws Exception {
        try (var server = countingServer(1)) {
            var peer = AsyncWebSocketPeer.connect(url(server)).join();
            assertThat(peer.receive().join()).isEqualTo(number(0));
            await().until(() -> ThreadDump.count("peerloom-async") == 0);
            var waiting = peer.receive();
            await().until(() -> ThreadDump.count("peerloom-async") == 1);
            peer.close().join();
            assertThat(waiting.join()).isNull();
            await().until(() -> ThreadDump.count("peerloom-async") == 0);
        }
    }

    @Test
    void aThousandConnectionsLeaveNoThread() throws Exception {
        long before = ThreadDump.count("peerloom");
        try (var server =
                AsyncWebSocketServer.serve(
                        0,
                        peer ->
                                peer.receive()
                                        .thenCompose(peer::send)
                                        .thenCompose(x -> peer.receive()))) {
            String url = "ws://127.0.0.1:" + server.getLocalPort() + "/";
            for (int i = 0; i < 1_000; i++) {
                Message message = number(i);
                var echoed =
                        AsyncWebSocketPeer.connect(url)
                                .thenCompose(peer ->
                                        peer.send(message)
                                                .thenCompose(sent -> peer.receive())
                                                .thenCompose(echo -> {
                                                    assertThat(echo).isEqualTo(message);
                                                    return peer.close();
                                                }));
                assertThat(echoed.join().clean()).isTrue();
            }
        }
        await().until(() -> ThreadDump.count("peerloom") <= before);
    }

    // ---- servers ----

    @Test
    void servesThroughFutures() throws Exception {
        var peers = new AtomicReference<AsyncWebSocketPeer>();
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withProtocols("echo"));
            server.start(
                    0,
                    AsyncWebSocketServer.adapt(peer -> {
                        peers.set(peer);
                        return echoUntil("end", peer);
                    }));
            try (var client =
                    WebSocketPeer.connect(
                            url(server), WebSocketOptions.defaults().withProtocols("echo"))) {
                for (int i = 0; i < 1_000; i++) {
                    client.send(number(i));
                }
                for (int i = 0; i < 1_000; i++) {
                    assertThat(client.receive()).isEqualTo(number(i));
                }
                assertThat(peers.get().getSelectedProtocol()).isEqualTo("echo");
                assertThat(peers.get().getRequestedUrl()).isEqualTo(url(server));
                assertThat(peers.get().getUpgradeRequest().orElseThrow().path()).isEqualTo("/path");
                client.sendText("end");
                assertThat(client.receive()).isEqualTo(Message.text("end"));
                assertThat(client.receive()).isNull();
                assertThat(client.getCloseCode()).isEqualTo(1000);
            }
        }
    }

    private static CompletableFuture<Void> echoUntil(String last, AsyncWebSocketPeer peer) {
        var done = new CompletableFuture<Void>();
        echoNext(last, peer, done);
        return done;
    }

    private static void echoNext(
            String last, AsyncWebSocketPeer peer, CompletableFuture<Void> done) {
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (message == null) {
                done.complete(null);
                return;
            }
            CompletionStage<Void> sent = peer.send(message);
            if (message.text().equals(last)) {
                done.complete(null); // before it is known to be sent: it is sent all the same
            } else {
                sent.whenComplete((nothing, e) -> echoNext(last, peer, done));
            }
        });
    }

    /** A handler that fails closes with 1011, whether it throws or its stage fails. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aHandlerThatFailsClosesWith1011(boolean throwing) throws Exception {
        try (var server =
                AsyncWebSocketServer.serve(
                        0,
                        peer -> {
                            if (throwing) {
                                throw new IllegalStateException("thrown");
                            }
                            return peer.receive()
                                    .thenAccept(m -> {
                                        throw new IllegalStateException("in a stage");
                                    });
                        })) {
            var peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()).join();
            if (!throwing) {
                peer.sendText("x").join();
            }
            assertThat(peer.closed().join().code()).isEqualTo(1011);
        }
    }

    /** Its own thread is the only one that a connection of a server needs. */
    @Test
    void aServedPeerThatWaitsHasOneThread() throws Exception {
        try (var server = AsyncWebSocketServer.serve(0, peer -> echoUntil("end", peer));
                var client =
                        WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort() + "/")) {
            await().until(() -> { // a busy machine may let another thread step in now and then
                client.sendText("x");
                assertThat(client.receive()).isEqualTo(Message.text("x"));
                return ThreadDump.count("peerloom-async") == 0;
            });
            client.sendText("end");
            client.receive();
            assertThat(client.receive()).isNull();
        }
    }

    @Test
    void stoppingAServerEndsItsConnections() throws Exception {
        var server = AsyncWebSocketServer.serve(0, peer -> echoUntil("end", peer));
        var peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()).join();
        peer.sendText("x").join();
        assertThat(peer.receive().join()).isEqualTo(Message.text("x"));
        var closed = peer.closed();
        server.stop().join();
        assertThat(closed.join().code()).isEqualTo(1001);
        server.join();
    }

    /** A handler that only waits for the end hears of it, and the server need not wait for it. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aHandlerThatDoesNotReceiveHearsOfTheEnd(boolean stops) throws Exception {
        var ended = new CompletableFuture<CloseInfo>();
        try (var server =
                AsyncWebSocketServer.serve(0, peer -> peer.closed().thenAccept(ended::complete))) {
            var peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()).join();
            peer.sendText("nobody takes it").join();
            if (stops) {
                server.stop().get(20, TimeUnit.SECONDS); // 45, and in vain, as it was
                assertThat(ended).isDone();
            } else {
                peer.close(4000, "").join();
                assertThat(ended.get(20, TimeUnit.SECONDS).code()).isEqualTo(4000);
            }
            await().until(() -> server.getUnfinishedPeers().isEmpty());
        }
    }

    @Test
    void aServerStopsThoughAStageIsNeverDone() throws Exception {
        var never = new CompletableFuture<Void>();
        var core = new WebSocketServer();
        core.setOptions(
                WebSocketOptions.defaults()
                        .withLimits(Limits.defaults().withCloseTimeout(Duration.ofMillis(500))));
        core.start(0, AsyncWebSocketServer.adapt(peer -> never));
        var peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + core.getLocalPort()).join();
        var closed = peer.closed();
        core.close();
        assertThat(closed.join().code()).isEqualTo(1001);
        assertThat(core.getUnfinishedPeers()).hasSize(1);
        never.complete(null);
        await().until(() -> core.getUnfinishedPeers().isEmpty());
    }

    /** What other languages do not declare, and what is no exception, closes with 1011 as well. */
    @ParameterizedTest
    @ValueSource(classes = {IOException.class, LinkageError.class})
    void whateverAHandlerThrowsClosesWith1011(Class<? extends Throwable> kind) throws Exception {
        var ended = new CompletableFuture<CompletableFuture<CloseInfo>>();
        try (var server =
                AsyncWebSocketServer.serve(
                        0,
                        peer -> {
                            ended.complete(peer.closed());
                            sneak(kind.getConstructor(String.class).newInstance("of the test"));
                            return null;
                        })) {
            var peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()).join();
            assertThat(peer.closed().join().code()).isEqualTo(1011);
            assertThat(ended.join().get(20, TimeUnit.SECONDS).code()).isEqualTo(1011);
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <E extends Throwable> void sneak(Throwable e) throws E {
        throw (E) e;
    }
}
