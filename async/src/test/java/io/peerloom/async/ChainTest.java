package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.stream.TCPServer;
import io.peerloom.testing.Program;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A stage that asks for the next future and adds itself to that, as often as one likes: the stack
 * is as deep after a hundred thousand steps as after a few, whoever runs the stages, and whether
 * the futures are done by then or not. Cold code makes the difference: there the answer is often
 * faster than the caller that adds its stage.
 */
@Timeout(300)
class ChainTest {
    private static final int STEPS = 100_000;

    /**
     * How many of these stages may run within each other: 40 while their thread is the one that
     * receives, and 40 more if another one is that meanwhile. And how many frames that is.
     */
    private static final int NESTED = 81;

    private static final int FRAMES = 600;

    /** The same where futures that are not ours lie between. */
    private static final int NESTED_IN_OTHERS = 150;

    private static final int FRAMES_IN_OTHERS = 4_000;

    /** What a chain is made of. */
    private enum Kind {
        RECEIVE(Feed.FLOOD) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return peer.receive();
            }
        },
        RECEIVE_BATCH(Feed.FLOOD) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return peer.receiveBatch(2);
            }
        },
        RECEIVE_AND_DERIVE(Feed.FLOOD) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return peer.receive()
                        .thenApply(Message::text)
                        .whenComplete((text, failure) -> {})
                        .copy();
            }
        },
        RECEIVE_IN_OTHERS(Feed.FLOOD) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return CompletableFuture.completedFuture(0).thenCompose(x -> peer.receive());
            }
        },
        SEND(Feed.DRAIN) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return peer.sendText("x");
            }
        },
        ECHO(Feed.ECHO) {
            @Override
            CompletableFuture<?> step(AsyncWebSocketPeer peer) {
                return peer.receive().thenCompose(peer::send);
            }
        };

        private final Feed feed;

        Kind(Feed feed) {
            this.feed = feed;
        }

        abstract CompletableFuture<?> step(AsyncWebSocketPeer peer);
    }

    /** What the other side does. */
    private enum Feed {
        FLOOD {
            @Override
            void serve(WebSocketPeer peer) {
                var message = Message.text("x");
                while (peer.send(message) == ErrorCode.OK) {
                    // until the client drops the connection
                }
            }
        },
        DRAIN {
            @Override
            void serve(WebSocketPeer peer) {
                while (peer.receive() != null) {
                    // dropped
                }
            }
        },
        ECHO {
            @Override
            void serve(WebSocketPeer peer) {
                for (int i = 0; i < 64; i++) {
                    peer.sendText("x");
                }
                for (Message m; (m = peer.receive()) != null; ) {
                    peer.send(m);
                }
            }
        };

        abstract void serve(WebSocketPeer peer);
    }

    /** Who runs it. */
    private enum Runner {
        /** A platform thread begins, and goes on as long as futures are done. */
        PLATFORM,
        VIRTUAL,
        /** A stage begins. */
        STAGE,
        /** All stages are on an executor that runs them at once, or on one thread. */
        DIRECT_EXECUTOR,
        EXECUTOR
    }

    /** Runs it and measures how deep it gets. */
    private static final class Chain {
        private final Supplier<CompletableFuture<?>> step;
        private final ThreadLocal<int[]> nesting = ThreadLocal.withInitial(() -> new int[1]);
        private final AtomicInteger nested = new AtomicInteger();
        private final AtomicInteger frames = new AtomicInteger();

        Chain(Supplier<CompletableFuture<?>> step) {
            this.step = step;
        }

        CompletableFuture<Void> run(int steps) {
            int[] here = nesting.get();
            here[0]++;
            if (here[0] > nested.get()) {
                nested.accumulateAndGet(here[0], Math::max);
                long depth = StackWalker.getInstance().walk(walked -> walked.count());
                frames.accumulateAndGet((int) depth, Math::max);
            }
            try {
                return steps == 0
                        ? CompletableFuture.completedFuture(null)
                        : step.get().thenCompose(x -> run(steps - 1));
            } finally {
                here[0]--;
            }
        }

        @Override
        public String toString() {
            return nested + " nested, " + frames + " frames";
        }

        void check(boolean inOthers) {
            assertThat(nested.get()).isLessThanOrEqualTo(inOthers ? NESTED_IN_OTHERS : NESTED);
            assertThat(frames.get()).isLessThan(inOthers ? FRAMES_IN_OTHERS : FRAMES);
        }
    }

    private static Chain run(Kind kind, Runner runner, int steps) throws Exception {
        try (var server = WebSocketServer.serve(0, kind.feed::serve);
                var single = Executors.newSingleThreadExecutor()) {
            Executor executor =
                    switch (runner) {
                        case DIRECT_EXECUTOR -> Runnable::run;
                        case EXECUTOR -> single;
                        default -> null;
                    };
            WebSocketPeer open = WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort());
            AsyncWebSocketPeer peer =
                    executor == null
                            ? AsyncWebSocketPeer.of(open)
                            : AsyncWebSocketPeer.of(open, executor);
            var chain = new Chain(() -> kind.step(peer));
            var begun = new CompletableFuture<CompletableFuture<Void>>();
            Runnable begin = () -> begun.complete(chain.run(steps));
            switch (runner) {
                case VIRTUAL -> Thread.startVirtualThread(begin);
                case STAGE -> {
                    CompletableFuture<?> first =
                            kind.feed == Feed.DRAIN ? peer.sendText("x") : peer.receive();
                    first.thenRun(begin).join();
                }
                default -> Thread.ofPlatform().start(begin);
            }
            begun.get(200, TimeUnit.SECONDS).get(200, TimeUnit.SECONDS);
            peer.abort().join();
            return chain;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aChainHasAStackOfConstantDepth(Kind kind) throws Exception {
        for (Runner runner : Runner.values()) {
            run(kind, runner, STEPS).check(kind == Kind.RECEIVE_IN_OTHERS);
        }
    }

    /** Code that is never compiled is as cold after any number of steps as at the first. */
    @Test
    void soItIsWhileTheCodeIsCold(@TempDir Path folder) throws Exception {
        var command =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xint",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Cold.class.getName());
        try (Program cold = Program.start("cold", folder, command, List.of())) {
            cold.awaitExit(Duration.ofMinutes(4));
            assertThat(cold.await("all are well")).isNotEmpty();
        }
    }

    /** What runs in a JVM of its own. */
    static final class Cold {
        private Cold() {}

        public static void main(String[] args) throws Exception {
            for (Kind kind : Kind.values()) {
                for (Runner runner : List.of(Runner.PLATFORM, Runner.STAGE)) {
                    Chain chain =
                            run(kind, runner, args.length > 0 ? Integer.parseInt(args[0]) : 20_000);
                    System.out.println(kind + " " + runner + ": " + chain);
                    if (args.length == 0) {
                        chain.check(kind == Kind.RECEIVE_IN_OTHERS);
                    }
                }
            }
            System.out.println("all are well");
        }
    }

    // ---- streams and their servers ----

    @ParameterizedTest
    @EnumSource
    void soHasOneOfAStream(Direction direction) throws Exception {
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var peer = AsyncStreamPeer.connect("127.0.0.1", listening.getLocalPort());
            try (Socket other = listening.accept()) {
                Thread serving = Thread.startVirtualThread(() -> direction.serve(other));
                AsyncStreamPeer connected = peer.join();
                var chain = new Chain(() -> direction.step(connected));
                chain.run(STEPS).get(200, TimeUnit.SECONDS);
                other.close();
                serving.join();
                connected.close().join();
                chain.check(false);
            }
        }
    }

    private enum Direction {
        READ {
            @Override
            CompletableFuture<?> step(AsyncStreamPeer peer) {
                return peer.readExactly(1);
            }

            @Override
            void move(Socket other, byte[] buffer) throws IOException {
                other.getOutputStream().write(buffer);
            }
        },
        WRITE {
            @Override
            CompletableFuture<?> step(AsyncStreamPeer peer) {
                return peer.write(new byte[1]);
            }

            @Override
            void move(Socket other, byte[] buffer) throws IOException {
                if (other.getInputStream().read(buffer) < 0) {
                    throw new SocketException("the end");
                }
            }
        };

        abstract CompletableFuture<?> step(AsyncStreamPeer peer);

        abstract void move(Socket other, byte[] buffer) throws IOException;

        void serve(Socket other) {
            byte[] buffer = new byte[4_096];
            try {
                while (true) {
                    move(other, buffer);
                }
            } catch (IOException e) {
                assertThat(other.isClosed() || e.getMessage().equals("the end")).isTrue();
            }
        }
    }

    @Test
    void soHasOneOfAccepts() throws Exception {
        int steps = 2_000;
        var listening = new TCPServer();
        assertThat(listening.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        int port = listening.getLocalPort();
        var server = AsyncSocketServer.of(listening);
        var accepted = new ArrayList<AsyncStreamPeer>();
        var chain = new Chain(() -> server.accept().thenAccept(accepted::add));
        Thread connecting =
                Thread.startVirtualThread(() -> {
                    Deque<SocketChannel> open = new ArrayDeque<>();
                    try {
                        for (int i = 0; i < steps; i++) {
                            open.add(
                                    SocketChannel.open(
                                            new InetSocketAddress(
                                                    InetAddress.getLoopbackAddress(), port)));
                            if (open.size() > 100) {
                                open.remove().close();
                            }
                        }
                        for (SocketChannel channel : open) {
                            channel.close();
                        }
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                });
        chain.run(steps).get(200, TimeUnit.SECONDS);
        connecting.join();
        for (AsyncStreamPeer peer : accepted) {
            peer.close().join();
        }
        server.stop().join();
        chain.check(false);
    }
}
