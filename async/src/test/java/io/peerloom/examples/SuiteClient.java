package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.async.CloseInfo;
import io.peerloom.async.PeerException;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The client that conformance suites test, by the protocol of the Autobahn Testsuite: it asks how
 * many cases there are, and opens a connection for each, on which it echoes until the suite closes
 * it. Written in each of the three ways to use a peer.
 */
final class SuiteClient {

    /** No case of a suite takes longer. */
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final String base;
    private final Path socket;
    private final WebSocketOptions options;
    private final Arguments.Api api;

    SuiteClient(String url, Path socket, WebSocketOptions options, Arguments.Api api) {
        URI uri = URI.create(url);
        this.base = uri.getScheme() + "://" + uri.getRawAuthority();
        this.socket = socket;
        this.options = options;
        this.api = api;
    }

    /** Runs all cases, whatever becomes of each; 0 if the suite answered, 1 if not. */
    int run(String agent, String countPath, String casePath, String donePath, PrintStream out) {
        String name = URLEncoder.encode(agent, StandardCharsets.UTF_8);
        var answer = new StringBuilder();
        try {
            connect(fill(countPath, 0, name), message -> answer.append(message.text()), false);
            int cases = Integer.parseInt(answer.toString().strip());
            int broken = 0;
            for (int i = 1; i <= cases; i++) {
                try {
                    connect(fill(casePath, i, name), message -> {}, true);
                } catch (IOException e) { // many a case breaks the connection on purpose
                    broken++;
                    out.println("case " + i + ": " + e.getMessage());
                }
            }
            connect(fill(donePath, 0, name), message -> {}, false);
            out.println(cases + " cases were run, " + broken + " did not open");
            return 0;
        } catch (IOException | NumberFormatException e) {
            out.println("no test suite at " + base + ": " + e.getMessage());
            return 1;
        }
    }

    private static String fill(String path, int number, String name) {
        return path.replace("%d", Integer.toString(number)).replace("%s", name);
    }

    /** Opens a connection and hears, and perhaps echoes, its messages until it is closed. */
    private void connect(String path, Consumer<Message> heard, boolean echo) throws IOException {
        switch (api) {
            case BLOCKING -> blocking(path, heard, echo);
            case POLL -> polled(path, heard, echo);
            case ASYNC -> async(path, heard, echo);
        }
    }

    private WebSocketPeer open(String url) throws IOException {
        return socket == null
                ? WebSocketPeer.connect(url, options)
                : WebSocketPeer.connect(StreamPeerUDS.connect(socket), url, options);
    }

    // ---- blocking ----

    private void blocking(String path, Consumer<Message> heard, boolean echo) throws IOException {
        var done = new CompletableFuture<Void>();
        Thread.ofVirtual() // on which it reads and writes by itself
                .start(() -> {
                    try (WebSocketPeer peer = open(base + path)) {
                        for (Message message; (message = peer.receive()) != null; ) {
                            heard.accept(message);
                            if (echo) {
                                peer.send(message);
                            }
                        }
                        awaitEnd(peer);
                        done.complete(null);
                    } catch (IOException | RuntimeException e) {
                        done.completeExceptionally(e);
                    }
                });
        await(done);
    }

    /** The suite must have seen the end of a case before it is asked for another. */
    private static void awaitEnd(WebSocketPeer peer) {
        while (peer.poll() == ErrorCode.OK && peer.getReadyState() != WebSocketPeer.State.CLOSED) {
            peer.awaitActivity(PATIENCE);
        }
    }

    private static void await(CompletableFuture<?> done) throws IOException {
        try {
            done.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        }
    }

    // ---- poll ----

    private void polled(String path, Consumer<Message> heard, boolean echo) throws IOException {
        try (var peer = new WebSocketPeer(options)) {
            ErrorCode result =
                    socket == null
                            ? peer.connectToUrl(base + path)
                            : peer.connectToStream(StreamPeerUDS.connect(socket), base + path);
            boolean opened = false; // not seen where the close came together with the opening
            Message unsent = null; // the queue was full
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (result == ErrorCode.OK
                    && peer.getReadyState() != WebSocketPeer.State.CLOSED
                    && System.nanoTime() < deadline) {
                peer.awaitActivity(Duration.ofMillis(unsent == null ? 1000 : 1));
                result = peer.poll();
                opened |= peer.isConnectedToHost();
                while (unsent == null || (echo && peer.send(unsent) != ErrorCode.OUT_OF_MEMORY)) {
                    unsent = null;
                    if (peer.getAvailablePacketCount() == 0) {
                        break;
                    }
                    Message message = peer.takeMessage();
                    heard.accept(message);
                    unsent = echo ? message : null;
                }
            }
            if (!opened && peer.getFailure().isPresent()) {
                throw new IOException("cannot open " + path, peer.getFailure().get());
            }
        }
    }

    // ---- async ----

    private void async(String path, Consumer<Message> heard, boolean echo) throws IOException {
        CompletionStage<AsyncWebSocketPeer> connected =
                socket == null
                        ? AsyncWebSocketPeer.connect(base + path, options)
                        : CompletableFuture.completedFuture(
                                AsyncWebSocketPeer.of(open(base + path)));
        var done = new CompletableFuture<Void>();
        connected.whenComplete((peer, failure) -> {
            if (failure == null) {
                next(peer, heard, echo, done);
            } else {
                Throwable cause =
                        failure instanceof PeerException refused ? refused.getCause() : failure;
                done.completeExceptionally(cause);
            }
        });
        await(done);
    }

    private static void next(
            AsyncWebSocketPeer peer,
            Consumer<Message> heard,
            boolean echo,
            CompletableFuture<Void> done) {
        CompletionStage<Message> received = peer.receive();
        received.whenComplete((message, failure) -> {
            if (message == null) { // closed, or broken, as the case wanted it
                CompletionStage<CloseInfo> end = peer.closed();
                end.whenComplete((info, broken) -> done.complete(null));
                return;
            }
            heard.accept(message);
            if (echo) {
                CompletionStage<Void> sent = peer.send(message);
                sent.whenComplete((nothing, why) -> next(peer, heard, true, done));
            } else {
                next(peer, heard, false, done);
            }
        });
    }
}
