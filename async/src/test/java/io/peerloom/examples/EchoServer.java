package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.async.AsyncWebSocketServer;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Sends every message back, in its kind. Written in each of the three ways to use a peer. */
public final class EchoServer implements AutoCloseable {

    private static final String USAGE =
            """
            usage: EchoServer [--port N | --uds PATH] [--host ADDRESS]
                              [--api poll|blocking|async] [--max-message BYTES]
                              [--deflate] [--tls KEYSTORE PASSWORD]
              --port N             the TCP port to listen on; 0, the default, lets the system choose
              --uds PATH           the Unix domain socket to listen on
              --host ADDRESS       the address to listen on, * for all; 127.0.0.1 by default
              --api API            how messages are echoed; blocking by default
              --max-message BYTES  the largest message; 1 MiB by default
              --deflate            agrees to permessage-deflate
              --tls KEYSTORE PASSWORD
                                   speaks TLS, with the certificate of a PKCS #12 file\
            """;

    private static final List<String> NAMES =
            List.of("port", "uds", "host", "api", "max-message", Arguments.DEFLATE, Arguments.TLS);

    /** How long clients have to answer the close frame when the server is closed. */
    private static final Duration FAREWELL = Duration.ofSeconds(1);

    private final WebSocketServer server = new WebSocketServer();
    private final String address;

    /** The loop of the polled server; null for the other two. */
    private Thread loop;

    private volatile boolean stopping;

    /**
     * Starts to listen.
     *
     * @throws IllegalArgumentException if the arguments are none, with a message for their author
     * @throws IOException if the system does not let it listen
     */
    public EchoServer(String... args) throws IOException {
        var arguments = new Arguments(NAMES, args);
        if (arguments.has("uds") && (arguments.has("port") || arguments.has("host"))) {
            throw new IllegalArgumentException("--uds goes with neither --port nor --host");
        }
        String host = arguments.get("host", "127.0.0.1");
        int port = arguments.number("port", 0, 0, 65_535);
        Path path = arguments.has("uds") ? Path.of(arguments.get("uds", "")) : null;
        Limits limits = arguments.limits().withCloseTimeout(FAREWELL);
        server.setBindIp(host);
        server.setOptions(arguments.options(true).withLimits(limits));
        switch (arguments.api()) {
            case BLOCKING -> start(port, path, EchoServer::echo);
            case ASYNC -> start(port, path, AsyncWebSocketServer.adapt(EchoServer::echoAsync));
            case POLL -> poll(port, path);
        }
        address = path != null ? path.toString() : host + ":" + server.getLocalPort();
    }

    private void start(int port, Path path, WebSocketServer.Handler handler) throws IOException {
        if (path != null) {
            server.start(path, handler);
        } else {
            server.start(port, handler);
        }
    }

    // ---- blocking ----

    private static void echo(WebSocketPeer peer) {
        for (Message message; (message = peer.receive()) != null; ) {
            peer.send(message);
        }
    }

    // ---- async ----

    private static CompletionStage<Void> echoAsync(AsyncWebSocketPeer peer) {
        var done = new CompletableFuture<Void>();
        echoNext(peer, done);
        return done;
    }

    private static void echoNext(AsyncWebSocketPeer peer, CompletableFuture<Void> done) {
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (message == null) { // closed, or broken, which a server of echoes can take
                done.complete(null);
                return;
            }
            CompletionStage<Void> sent = peer.send(message);
            sent.whenComplete((nothing, why) -> echoNext(peer, done)); // which tells of an end too
        });
    }

    // ---- poll ----

    private void poll(int port, Path path) throws IOException {
        var echoes = new PolledEchoes(server);
        server.setListener(echoes);
        ErrorCode result = path != null ? server.listen(path) : server.listen(port);
        if (result != ErrorCode.OK) {
            throw new IOException("cannot listen: " + result, server.getFailure().orElse(null));
        }
        loop =
                Thread.ofVirtual()
                        .name("echo-poll")
                        .start(() -> {
                            while (!stopping) {
                                server.awaitActivity(echoes.patience());
                                server.poll();
                                echoes.retry();
                            }
                        });
    }

    /** All on the thread that polls. */
    private static final class PolledEchoes implements WebSocketServer.Listener {
        private static final Duration LONG = Duration.ofSeconds(Long.MAX_VALUE); // no timer
        private static final Duration SHORT = Duration.ofMillis(1);

        private final WebSocketServer server;

        /**
         * Who reads too slowly, each with the message that there was no room for. No more of their
         * messages are taken meanwhile, so that they have to stop sending: nothing is lost, and the
         * memory stays bounded.
         */
        private final Map<Integer, Message> stalled = new HashMap<>();

        PolledEchoes(WebSocketServer server) {
            this.server = server;
        }

        Duration patience() {
            return stalled.isEmpty() ? LONG : SHORT;
        }

        @Override
        public void dataReceived(int id) {
            if (stalled.isEmpty() || !stalled.containsKey(id)) {
                WebSocketPeer peer = server.getPeer(id);
                Message message = peer.takeMessage();
                if (peer.send(message) == ErrorCode.OUT_OF_MEMORY) {
                    stalled.put(id, message);
                }
            }
        }

        @Override
        public void clientDisconnected(int id, boolean wasCleanClose) {
            stalled.remove(id);
        }

        void retry() {
            if (!stalled.isEmpty()) {
                stalled.entrySet()
                        .removeIf(entry -> {
                            WebSocketPeer peer = server.getPeer(entry.getKey());
                            Message message = entry.getValue();
                            while (message != null) {
                                if (peer.send(message) == ErrorCode.OUT_OF_MEMORY) {
                                    entry.setValue(message);
                                    return false;
                                }
                                message = peer.takeMessage();
                            }
                            return true;
                        });
            }
        }
    }

    // ---- as a program ----

    /** {@return where it listens: {@code ADDRESS:PORT}, or the path of its socket} */
    public String address() {
        return address;
    }

    /** {@return the TCP port that it listens on, or 0} */
    public int port() {
        return server.getLocalPort();
    }

    /** Says goodbye to all clients; returns when they have answered, or had the time to. */
    @Override
    public void close() {
        stopping = true;
        server.wakeup();
        try {
            if (loop != null) {
                loop.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        server.close();
    }

    /**
     * Runs until it is told to end, by SIGTERM or SIGINT, and then exits with 0; with 1 if it
     * cannot listen; with 2 if the arguments are none.
     */
    public static void main(String[] args) throws InterruptedException {
        EchoServer echo;
        try {
            echo = new EchoServer(args);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.println(USAGE);
            System.exit(2);
            return;
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(1);
            return;
        }
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(() -> {
                            try {
                                // A client that does not even read could hold it up for longer.
                                Thread.startVirtualThread(echo::close)
                                        .join(FAREWELL.plusMillis(500));
                            } catch (InterruptedException e) {
                                // then it ends a little earlier
                            }
                            Runtime.getRuntime().halt(0); // else the signal would be the exit code
                        }));
        System.out.println("listening on " + echo.address());
        echo.server.join();
    }
}
