package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.async.PeerException;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;

/**
 * Sends messages to an echo server and checks that each comes back, in order and unchanged. Written
 * in each of the three ways to use a peer.
 */
public final class EchoClient {

    private static final String USAGE =
            """
            usage: EchoClient --url URL [--uds PATH] [--api poll|blocking|async]
                              [--count N [--size BYTES] [--connections N] [--pipeline N]]
                              [--max-message BYTES] [--deflate] [--tls KEYSTORE PASSWORD]
                   or: EchoClient --url URL --agent NAME [--api ...] [--count-path PATH]
                              [--case-path PATH] [--done-path PATH] ...
              --url URL            what to ask for: ws://HOST:PORT/PATH, or wss:
              --uds PATH           the Unix domain socket to connect to instead of HOST:PORT
              --api API            how it is done; blocking by default
              --count N            sends so many messages on each connection; otherwise each line of
                                   the standard input is one, and what comes back is printed
              --size BYTES         the size of each; 64 by default
              --connections N      how many connections there are; 1 by default
              --pipeline N         how many messages wait for their echo at a time, as long as
                                   they have less than 64 KiB together; 1 by default
              --max-message BYTES  the largest message; 1 MiB by default
              --deflate            offers permessage-deflate
              --tls KEYSTORE PASSWORD
                                   trusts the certificates of a PKCS #12 file
              --agent NAME         runs the cases of a test suite's server, echoing every message
                                   until the server closes, and has it report them by this name
              --count-path PATH    answers with the number of cases; /getCaseCount by default
              --case-path PATH     is case %d; '/runCase?case=%d&agent=%s' by default, where %s is
                                   the name
              --done-path PATH     writes the report; '/updateReports?agent=%s' by default\
            """;

    private static final List<String> NAMES =
            List.of(
                    "url",
                    "uds",
                    "api",
                    "count",
                    "size",
                    "connections",
                    "pipeline",
                    "max-message",
                    Arguments.DEFLATE,
                    Arguments.TLS,
                    "agent",
                    "count-path",
                    "case-path",
                    "done-path");

    /**
     * A window that fits into the sockets' buffers: who sends more before he reads may wait for a
     * server that waits for him.
     */
    private static final int WINDOW_BYTES = 64 * 1024;

    private final String url;
    private final Path path;
    private final WebSocketOptions options;
    private final Arguments.Api api;

    private EchoClient(Arguments arguments) throws IOException {
        url = arguments.get("url", "");
        if (url.isEmpty()) {
            throw new IllegalArgumentException("--url is missing");
        }
        path = arguments.has("uds") ? Path.of(arguments.get("uds", "")) : null;
        options = arguments.options(false);
        api = arguments.api();
    }

    /** What was sent did not come back. */
    private static final class NotEchoed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotEchoed(String message) {
            super(message);
        }

        static void check(Message sent, Message received) {
            if (!sent.equals(received)) {
                throw new NotEchoed("sent " + sent + ", received " + received);
            }
        }
    }

    /** The messages of one connection: what to send, and what becomes of each echo. */
    private static final class Exchange {
        private final Iterator<Message> messages;
        private final int window;
        private final PrintStream out;
        private final java.util.ArrayDeque<Message> unanswered = new java.util.ArrayDeque<>();
        private Message refused;

        Exchange(Iterator<Message> messages, int window, PrintStream out) {
            this.messages = messages;
            this.window = window;
            this.out = out;
        }

        /** The next message to send; null if there is none, or the window is full. */
        Message next() {
            if (unanswered.size() >= window || (refused == null && !messages.hasNext())) {
                return null;
            }
            Message message = refused != null ? refused : messages.next();
            refused = null;
            unanswered.add(message);
            return message;
        }

        /** The last one could not be sent for want of room: it will be the next again. */
        void refused() {
            refused = unanswered.pollLast();
        }

        boolean wasRefused() {
            return refused != null;
        }

        /** Checks an echo; null is the end of the connection. */
        void received(Message echo) {
            Message sent = unanswered.poll();
            NotEchoed.check(sent, echo);
            if (out != null) {
                out.println(echo.text());
            }
        }

        /** Whether everything was sent and came back. Called with all sent that may be. */
        boolean isDone() {
            return unanswered.isEmpty() && refused == null;
        }
    }

    // ---- blocking ----

    private void echo(Exchange exchange) throws IOException {
        try (WebSocketPeer peer =
                path == null
                        ? WebSocketPeer.connect(url, options)
                        : WebSocketPeer.connect(StreamPeerUDS.connect(path), url, options)) {
            send(peer, exchange);
            while (!exchange.isDone()) {
                exchange.received(peer.receive());
                send(peer, exchange);
            }
        }
    }

    private static void send(WebSocketPeer peer, Exchange exchange) {
        for (Message message; (message = exchange.next()) != null; ) {
            ErrorCode result = peer.send(message);
            if (result == ErrorCode.OUT_OF_MEMORY
                    && message.size() <= peer.getOutboundBufferSize()) { // else it never fits
                exchange.refused();
                return;
            }
            if (result != ErrorCode.OK) {
                throw new NotEchoed("cannot send: " + result);
            }
        }
    }

    // ---- poll ----

    private void poll(Exchange exchange) throws IOException {
        try (var peer = new WebSocketPeer(options)) {
            ErrorCode result =
                    path == null
                            ? peer.connectToUrl(url)
                            : peer.connectToStream(StreamPeerUDS.connect(path), url);
            boolean opened = false;
            while (result == ErrorCode.OK) {
                switch (peer.getReadyState()) {
                    case OPEN -> {
                        while (peer.getAvailablePacketCount() > 0) {
                            exchange.received(peer.takeMessage());
                        }
                        send(peer, exchange);
                        if (exchange.isDone()) {
                            return;
                        }
                        opened = true;
                    }
                    case CLOSED -> {
                        throw new NotEchoed("closed with code " + peer.getCloseCode());
                    }
                    default -> {}
                }
                // A game would draw a frame instead. Nothing tells of room in the queue.
                peer.awaitActivity(
                        exchange.wasRefused() ? Duration.ofMillis(1) : Duration.ofMinutes(1));
                result = peer.poll();
            }
            Throwable cause = peer.getFailure().orElse(null);
            if (opened) {
                throw new NotEchoed("the connection broke: " + cause);
            }
            throw new IOException("cannot open " + url, cause);
        }
    }

    // ---- async ----

    private CompletionStage<Void> echoAsync(Exchange exchange) throws IOException {
        CompletableFuture<AsyncWebSocketPeer> connected =
                path == null
                        ? AsyncWebSocketPeer.connect(url, options)
                        : CompletableFuture.completedFuture(
                                AsyncWebSocketPeer.of(
                                        WebSocketPeer.connect(
                                                StreamPeerUDS.connect(path), url, options)));
        return connected.thenCompose(peer -> {
            var done = new CompletableFuture<Void>();
            sendAsync(peer, exchange, done);
            receiveNext(peer, exchange, done);
            return done.handle((nothing, failure) -> peer) // in either case
                    .thenCompose(AsyncWebSocketPeer::close)
                    .thenCompose(end -> done);
        });
    }

    private static void sendAsync(
            AsyncWebSocketPeer peer, Exchange exchange, CompletableFuture<Void> done) {
        for (Message message; (message = exchange.next()) != null; ) {
            CompletionStage<Void> sent = peer.send(message);
            sent.whenComplete((nothing, failure) -> {
                if (failure != null) {
                    done.completeExceptionally(failure);
                }
            });
        }
    }

    private static void receiveNext(
            AsyncWebSocketPeer peer, Exchange exchange, CompletableFuture<Void> done) {
        if (exchange.isDone()) {
            done.complete(null);
            return;
        }
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((echo, failure) -> {
            try {
                if (failure != null) {
                    throw new NotEchoed("the connection broke: " + failure);
                }
                exchange.received(echo);
                sendAsync(peer, exchange, done);
                receiveNext(peer, exchange, done);
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
        });
    }

    // ---- as a program ----

    private CompletionStage<Void> begin(Exchange exchange) {
        var done = new CompletableFuture<Void>();
        Runnable exchanging =
                () -> {
                    try {
                        switch (api) {
                            case BLOCKING -> echo(exchange);
                            case POLL -> poll(exchange);
                            case ASYNC -> {
                                CompletionStage<Void> end = echoAsync(exchange);
                                end.whenComplete((nothing, failure) -> {
                                    if (failure != null) {
                                        done.completeExceptionally(failure);
                                    } else {
                                        done.complete(null);
                                    }
                                });
                                return;
                            }
                        }
                        done.complete(null);
                    } catch (IOException | RuntimeException e) {
                        done.completeExceptionally(e);
                    }
                };
        if (api == Arguments.Api.POLL) {
            Thread.ofPlatform().name("game-loop").start(exchanging);
        } else {
            Thread.ofVirtual().start(exchanging);
        }
        return done;
    }

    /** Messages that differ from each other and between connections. */
    private static Stream<Message> messages(int connection, int count, int size) {
        return Stream.iterate(0, i -> i < count, i -> i + 1)
                .map(i -> {
                    byte[] data = new byte[size];
                    for (int j = 0; j < size; j++) {
                        data[j] = (byte) (connection * 31 + (i >> (8 * (j & 3))) + j / 4);
                    }
                    return Message.binary(data);
                });
    }

    /**
     * Does what the command line says.
     *
     * @param in the lines to send, unless messages are counted
     * @param out what comes back, or one line that counts it
     * @return 0 if all came back
     * @throws IllegalArgumentException if the arguments are none
     * @throws IOException if it cannot connect
     */
    static int run(InputStream in, PrintStream out, String... args) throws IOException {
        var arguments = new Arguments(NAMES, args);
        var client = new EchoClient(arguments);
        if (arguments.has("agent")) {
            return new SuiteClient(client.url, client.path, client.options, client.api)
                    .run(
                            arguments.get("agent", ""),
                            arguments.get("count-path", "/getCaseCount"),
                            arguments.get("case-path", "/runCase?case=%d&agent=%s"),
                            arguments.get("done-path", "/updateReports?agent=%s"),
                            out);
        }
        boolean counted = arguments.has("count");
        int count = arguments.number("count", 1, 1, Integer.MAX_VALUE);
        int size = arguments.number("size", 64, 0, Integer.MAX_VALUE);
        int connections = arguments.number("connections", 1, 1, 65_535);
        int pipeline = arguments.number("pipeline", 1, 1, 65_535);
        int window = Math.max(1, Math.min(pipeline, WINDOW_BYTES / Math.max(1, size)));
        long began = System.nanoTime();
        var ends = new ArrayList<CompletionStage<Void>>();
        if (counted) {
            for (int i = 0; i < connections; i++) {
                var messages = messages(i, count, size).iterator();
                ends.add(client.begin(new Exchange(messages, window, null)));
            }
        } else {
            var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            ends.add(
                    client.begin(
                            new Exchange(lines.lines().map(Message::text).iterator(), 1, out)));
        }
        try {
            for (CompletionStage<Void> end : ends) {
                end.toCompletableFuture().join();
            }
        } catch (CompletionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof IOException broken) {
                throw broken;
            }
            if (cause instanceof PeerException refused && refused.code() != ErrorCode.FAILED) {
                throw new IOException(
                        "cannot open " + client.url + ": " + cause.getMessage(), cause);
            }
            out.println(cause.getMessage());
            return 1;
        }
        if (counted) {
            double seconds = (System.nanoTime() - began) / 1e9;
            long all = (long) count * connections;
            out.printf(
                    "%d messages of %d bytes came back in %.2f s, %.0f in a second%n",
                    all, size, seconds, all / seconds);
        }
        return 0;
    }

    /** Exits with 0 if all came back, 1 if not, 2 if the arguments are none. */
    public static void main(String[] args) {
        int result = 1;
        try {
            result = run(System.in, System.out, args);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.println(USAGE);
            result = 2;
        } catch (IOException e) {
            System.err.println(e.getMessage());
        }
        System.exit(result);
    }
}
