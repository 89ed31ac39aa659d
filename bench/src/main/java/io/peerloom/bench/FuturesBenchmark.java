package io.peerloom.bench;

import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A message of {@value #SIZE} bytes received through a future, over a socket of this machine, from
 * a server in the same process that sends as fast as it can: by who receives.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
@State(Scope.Thread)
public class FuturesBenchmark {
    private static final int SIZE = 64;
    private static final int MESSAGES = 20_000;

    /** Who receives. */
    @Param({
        "virtual",
        "platform",
        "batch",
        "stages",
        "kotlin-run-blocking",
        "kotlin-default-dispatcher"
    })
    String receiver;

    private WebSocketServer server;
    private AsyncWebSocketPeer peer;

    /** Connects. */
    @Setup(Level.Trial)
    public void connect() throws IOException {
        Message message = Message.binary(new byte[SIZE]);
        server =
                WebSocketServer.serve(
                        0,
                        client -> {
                            while (client.send(message) == ErrorCode.OK) {
                                // until the client drops the connection
                            }
                        });
        peer = AsyncWebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort()).join();
    }

    /** Drops the connection. */
    @TearDown(Level.Trial)
    public void drop() {
        peer.abort().join();
        server.close();
    }

    /** Returns how many bytes were received. */
    @Benchmark
    @OperationsPerInvocation(MESSAGES)
    public int receive() throws InterruptedException {
        return switch (receiver) {
            case "virtual" -> {
                var bytes = new CompletableFuture<Integer>();
                Thread.startVirtualThread(() -> bytes.complete(oneByOne(peer)));
                yield bytes.join();
            }
            case "platform" -> oneByOne(peer);
            case "batch" -> batches(peer);
            case "stages" -> {
                var bytes = new CompletableFuture<Integer>();
                inStages(peer, MESSAGES, 0, bytes);
                yield bytes.join();
            }
            case "kotlin-run-blocking" -> Coroutines.onThisThread(peer, MESSAGES);
            case "kotlin-default-dispatcher" -> Coroutines.onDefaultDispatcher(peer, MESSAGES);
            default -> throw new IllegalArgumentException(receiver);
        };
    }

    private static int oneByOne(AsyncWebSocketPeer peer) {
        int bytes = 0;
        for (int i = 0; i < MESSAGES; i++) {
            bytes += peer.receive().join().size();
        }
        return bytes;
    }

    private static int batches(AsyncWebSocketPeer peer) {
        int bytes = 0;
        for (int left = MESSAGES; left > 0; ) {
            for (Message message : peer.receiveBatch(left).join()) {
                bytes += message.size();
                left--;
            }
        }
        return bytes;
    }

    private static void inStages(
            AsyncWebSocketPeer peer, int left, int bytes, CompletableFuture<Integer> done) {
        if (left == 0) {
            done.complete(bytes);
            return;
        }
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (failure != null) {
                done.completeExceptionally(failure);
            } else {
                inStages(peer, left - 1, bytes + message.size(), done);
            }
        });
    }
}
