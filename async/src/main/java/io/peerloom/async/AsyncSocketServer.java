package io.peerloom.async;

import io.peerloom.Limits;
import io.peerloom.stream.SocketServer;
import io.peerloom.stream.StreamPeerSocket;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * A server of stream connections, TCP or Unix domain, that are accepted through futures.
 *
 * <p>Any number of {@link #accept} may be outstanding; they are answered in the order in which they
 * were called. To cancel one loses no connection. Threads: as those of {@link AsyncStreamPeer}.
 */
public final class AsyncSocketServer {

    private final SocketServer server;
    private final Executor executor;
    private final Inlet inlet;

    /** Done when it has stopped. */
    private final Pending<Void> stopped;

    private AsyncSocketServer(SocketServer server, Executor executor) {
        if (!server.isListening()) {
            throw new IllegalStateException("the server does not listen");
        }
        this.server = server;
        this.executor = executor;
        var nesting = new Nesting(executor);
        this.inlet = new Inlet(nesting);
        this.stopped = new Pending<>(inlet);
    }

    /**
     * Wraps a server. It must not be used directly any more, but to ask for its address.
     *
     * @param server a server that listens
     * @return its futures
     * @throws IllegalStateException if it does not listen
     */
    public static AsyncSocketServer of(SocketServer server) {
        return new AsyncSocketServer(server, null);
    }

    /**
     * Wraps a server as {@link #of(SocketServer)} does, with all stages on an executor.
     *
     * @param server a server that listens
     * @param executor runs the stages of the server's and its connections' futures
     * @return its futures
     * @throws IllegalStateException if it does not listen
     */
    public static AsyncSocketServer of(SocketServer server, Executor executor) {
        return new AsyncSocketServer(server, Objects.requireNonNull(executor, "executor"));
    }

    /**
     * Asks for the next connection.
     *
     * @return the connected peer; null when the server was stopped
     */
    public CompletableFuture<AsyncStreamPeer> accept() {
        var waiter = new Pending<AsyncStreamPeer>(inlet);
        if (inlet.answerAtOnce(waiter)) {
            waiter.run();
        } else {
            inlet.waiting.add(waiter);
            inlet.ensure();
        }
        return waiter;
    }

    /**
     * Stops to listen, and closes the connections that were not accepted. Those that were live on.
     *
     * @return done when the address is free again; every call returns a future of its own
     */
    public CompletableFuture<Void> stop() {
        inlet.stopping = true;
        server.wakeup();
        inlet.ensure();
        return stopped.copy();
    }

    /** What accepts. Its role is that of the server's owner. */
    private final class Inlet extends Relay<Pending<AsyncStreamPeer>> {
        /** Any thread sets it. */
        private volatile boolean stopping;

        /** Written under the role. */
        private volatile boolean over;

        /** A connection that nobody waited for any more when it came. Belongs to the role. */
        private StreamPeerSocket stash;

        Inlet(Nesting nesting) {
            super(nesting);
        }

        @Override
        boolean hasMoreWork() {
            return stopping && !over;
        }

        /** Answers a call that its holder does not have yet, if a connection is at hand. */
        boolean answerAtOnce(Pending<AsyncStreamPeer> waiter) {
            if (!tryAcquireAtOnce(this)) {
                return false;
            }
            try {
                StreamPeerSocket peer = stopping ? null : stash;
                if (peer != null) {
                    stash = null;
                } else if (!stopping && server.isConnectionAvailable()) {
                    peer = server.takeSocketConnection();
                }
                if (peer == null) {
                    return false;
                }
                waiter.claim(); // nobody has it yet who could give it up
                waiter.decide(wrap(peer), null);
                return true;
            } finally {
                release();
            }
        }

        @Override
        Pending<?> step() {
            nesting.run();
            if (stopping && !over) {
                server.stop();
                if (stash != null) {
                    stash.disconnectFromHost();
                    stash = null;
                }
                over = true;
                return stopped; // with null, and nobody else completes it
            }
            StreamPeerSocket peer = stash;
            stash = null;
            if (peer == null && !over) {
                server.awaitConnection(Limits.NEVER);
                peer = server.takeSocketConnection();
                if (peer == null) {
                    return null; // stopping, or gone again
                }
            }
            Pending<AsyncStreamPeer> waiter = claimNext();
            if (waiter == null) {
                stash = peer;
            } else {
                waiter.decide(peer == null ? null : wrap(peer), null);
            }
            return waiter;
        }

        private AsyncStreamPeer wrap(StreamPeerSocket peer) {
            return executor == null ? AsyncStreamPeer.of(peer) : AsyncStreamPeer.of(peer, executor);
        }
    }
}
