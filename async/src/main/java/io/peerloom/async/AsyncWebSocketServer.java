package io.peerloom.async;

import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/**
 * A WebSocket server whose connections are served through futures.
 *
 * <pre>{@code
 * try (var server = AsyncWebSocketServer.serve(9080, peer -> peer.send("hello"))) {
 *     server.join();
 * }
 * }</pre>
 *
 * <p>It is a {@link WebSocketServer} with another kind of handler, and has its settings: make them
 * there, and start it with an {@linkplain #adapt adapted} handler.
 *
 * <p>Threads: any.
 */
public final class AsyncWebSocketServer implements AutoCloseable {

    /** What an asynchronous server does with a connection. */
    @FunctionalInterface
    public interface Handler {

        /**
         * Begins to serve a connection. Called on a virtual thread of the connection's own. A
         * handler that does not receive learns of the end by {@link AsyncWebSocketPeer#closed}.
         * When the stage is done the connection is closed: with code 1000, or 1011 if it failed or
         * the handler threw, unless that was done already; what was sent is sent before.
         *
         * @param peer the open peer
         * @return done when the connection is served; not null
         * @throws Exception if serving failed; it is logged, as is a failure of the stage that is
         *     not the connection's
         */
        CompletionStage<?> handle(AsyncWebSocketPeer peer) throws Exception;
    }

    private final WebSocketServer server;

    private AsyncWebSocketServer(WebSocketServer server) {
        this.server = server;
    }

    /**
     * Serves connections, from any address, with the default settings.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @param handler serves one connection
     * @return the server, listening
     * @throws IOException if the system refuses the port
     */
    public static AsyncWebSocketServer serve(int port, Handler handler) throws IOException {
        return new AsyncWebSocketServer(WebSocketServer.serve(port, adapt(handler)));
    }

    /**
     * Makes a handler of futures one for {@link WebSocketServer#start(int,
     * WebSocketServer.Handler)}.
     *
     * @param handler serves one connection
     * @return the same for a server of blocking handlers
     */
    public static WebSocketServer.Handler adapt(Handler handler) {
        Objects.requireNonNull(handler, "handler");
        return peer -> AsyncWebSocketPeer.serve(peer, handler, null);
    }

    /**
     * Makes a handler of futures one for {@link WebSocketServer#start(int,
     * WebSocketServer.Handler)}, with all stages on an executor.
     *
     * @param handler serves one connection; it is called on a virtual thread of the connection's
     * @param executor runs the stages of the peers' futures
     * @return the same for a server of blocking handlers
     */
    public static WebSocketServer.Handler adapt(Handler handler, Executor executor) {
        Objects.requireNonNull(handler, "handler");
        Objects.requireNonNull(executor, "executor");
        return peer -> AsyncWebSocketPeer.serve(peer, handler, executor);
    }

    /** {@return the TCP port that is listened on, or 0} */
    public int getLocalPort() {
        return server.getLocalPort();
    }

    /**
     * Stops listening, and begins to close all connections with code 1001. Does not block.
     *
     * @return done when all of them have ended and their handlers' stages are done; or when the
     *     deadlines of {@link WebSocketServer#close} have passed, whatever handlers do
     */
    public CompletableFuture<Void> stop() {
        var stopped = new CompletableFuture<Void>();
        Relay.start(() -> {
            server.close();
            stopped.complete(null);
        });
        return stopped;
    }

    /**
     * Stops, and waits until all connections have ended and their handlers' stages are done, as
     * {@link #stop}: milliseconds when clients and handlers behave, and with the default limits 50
     * seconds at the most; see {@link WebSocketServer#close}.
     */
    @Override
    public void close() {
        server.close();
    }

    /**
     * {@return the peers whose connection is over, but whose handler's stage is not done} Only to
     * ask who and what they are. See {@link WebSocketServer#getUnfinishedPeers}. Any thread.
     */
    public List<WebSocketPeer> getUnfinishedPeers() {
        return server.getUnfinishedPeers();
    }

    /**
     * Waits until the server stops, and then for its connections and handlers as long as {@link
     * #close} does.
     *
     * @throws InterruptedException if the waiting thread is interrupted
     */
    public void join() throws InterruptedException {
        server.join();
    }
}
