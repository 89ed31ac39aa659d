package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.Acceptor;
import io.peerloom.internal.link.LocalAddress;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.ServerHandshake;
import io.peerloom.internal.queue.WaitPoint;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.UDSServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/**
 * A WebSocket server. Godot 3: {@code WebSocketServer}, with its signals as a {@link Listener}.
 *
 * <p><b>Polled</b>: {@link #listen}, then {@link #poll} in every round of a game loop, which calls
 * the listener on that thread. A poll costs what was active since the last one, however many are
 * connected.
 *
 * <p><b>Blocking</b>: {@link #serve}, which runs a {@link Handler} on a virtual thread of its own
 * for each connection. This is the fastest way.
 *
 * <p>Both answer plain HTTP requests and refuse bad ones with a status; {@link #setUpgradeHandler}
 * decides about the good ones. A request with an {@code Origin}, so one from a browser, must come
 * from the page's own host or from one of {@link WebSocketOptions#withOrigins}.
 *
 * <p>With {@link WebSocketOptions#withTls} it speaks TLS, {@code wss:}, and nothing else.
 *
 * <p>Threads: one thread listens, stops and polls, and gets the callbacks. Any thread may {@link
 * #broadcast}, {@link #getPeer}, {@link #disconnectPeer}, {@link #wakeup}.
 */
public final class WebSocketServer implements AutoCloseable {

    /**
     * The events of a polled server, all from {@link #poll} and on its thread. Each is told once,
     * also when a method throws: {@code poll} throws that on, and the next one tells the rest.
     *
     * <p>A method may call everything but {@link WebSocketServer#poll}.
     */
    public interface Listener {

        /**
         * A client's connection is open. Godot 3: {@code client_connected}.
         *
         * @param id names the client from now on
         * @param protocol the subprotocol, {@code ""} for none
         */
        default void clientConnected(int id, String protocol) {}

        /**
         * A connection is over; its peer can be had for the last time. Comes exactly once for each
         * {@link #clientConnected}, after all of its data. Godot 3: {@code client_disconnected}.
         *
         * @param id the client
         * @param wasCleanClose whether the client's close frame came
         */
        default void clientDisconnected(int id, boolean wasCleanClose) {}

        /**
         * The client began to close; the answer is on its way. Godot 3: {@code
         * client_close_request}.
         *
         * @param id the client
         * @param code its close code, 1005 if it sent none
         * @param reason its reason, {@code ""} if it gave none
         */
        default void clientCloseRequest(int id, int code, String reason) {}

        /**
         * A message has arrived and can be taken from {@link #getPeer}. Comes once for each message
         * that was not taken by an earlier call. Godot 3: {@code data_received}.
         *
         * @param id the client
         */
        default void dataReceived(int id) {}
    }

    /** What a blocking server does with a connection. */
    @FunctionalInterface
    public interface Handler {

        /**
         * Serves a connection until it returns, on a virtual thread of its own. After it the
         * connection is closed: with code 1000, or 1011 if it threw, unless that was done already.
         *
         * <p>It has to return once the connection is over: {@link WebSocketPeer#receive()} returns
         * null then, {@code send} returns FAILED. A handler that does neither, because it waits for
         * something to send, learns of the end by {@link WebSocketPeer#awaitClosed} in another
         * thread. {@link WebSocketServer#getUnfinishedPeers} lists those that have not returned.
         *
         * @param peer the open peer
         * @throws Exception if serving failed; what it throws, an {@link Error} too, is logged
         */
        void handle(WebSocketPeer peer) throws Exception;
    }

    /** Where the polling thread waits for connections with news, and the accepting thread. */
    private final WaitPoint news = new WaitPoint();

    /** Where others wait for the server to stop and its connections to end. */
    private final WaitPoint ends = new WaitPoint();

    private final Admission admission = new Admission(ends);
    private final Poller poller = new Poller(news);

    /** The open connections by id. */
    private final Map<Integer, WebSocketPeer> peers = new ConcurrentHashMap<>();

    private final Set<Integer> peerIds = Collections.unmodifiableSet(peers.keySet());

    // set by the owner before listening, read by the accepting thread from then on
    private WebSocketOptions options = WebSocketOptions.defaults();
    private PrivateKey privateKey;
    private X509Certificate sslCertificate;
    private List<X509Certificate> caChain = List.of();
    private String bindIp = "*";
    private Set<String> hosts = Set.of();
    private UpgradeHandler upgradeHandler;
    private Handler handler;

    private volatile Acceptor acceptor;

    /** Of the last time it began to listen; null before. Written by the owner, before accepting. */
    private volatile ServerConnection.Shared current;

    private Optional<Throwable> failure = Optional.empty();

    /** A server that does not listen yet. */
    public WebSocketServer() {}

    // ---- settings ----

    /**
     * Sets who hears of the events of a polled server.
     *
     * @param listener called from {@link #poll}
     */
    public void setListener(Listener listener) {
        poller.listener(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Sets the subprotocols, headers, limits and TLS of connections, before listening.
     *
     * @param options the options
     * @throws IllegalArgumentException if a header cannot be sent, or the TLS options are a
     *     client's
     */
    public void setOptions(WebSocketOptions options) {
        // Fails here rather than in every handshake.
        ServerHandshake.checkHeaders(Handshaking.headers(options.headers()));
        ServerSide.checkTls(options);
        this.options = options;
    }

    /** {@return the options} */
    public WebSocketOptions getOptions() {
        return options;
    }

    /**
     * Sets who decides about requests, before listening; without, every good upgrade is accepted,
     * and a plain request is answered with 426, or 405 if it is neither GET nor HEAD.
     *
     * @param handler see {@link UpgradeHandler} for its thread
     */
    public void setUpgradeHandler(UpgradeHandler handler) {
        upgradeHandler = Objects.requireNonNull(handler, "handler");
    }

    /**
     * Sets the hosts that requests may ask for, before listening; others are answered 421. For
     * servers that only the machine itself is to reach: a page whose own name was made to lead here
     * (DNS rebinding) has an {@code Origin} that is equal to its {@code Host}, but not this host.
     *
     * @param names without ports, say {@code "localhost"} and {@code "127.0.0.1"}; empty, as at
     *     first, for any
     */
    public void setAllowedHosts(Set<String> names) {
        hosts =
                names.stream()
                        .map(name -> name.toLowerCase(Locale.ROOT))
                        .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * {@return the address that is bound to by {@link #listen(int)}, {@code "*"} for all} Godot 3:
     * {@code bind_ip}.
     */
    public String getBindIp() {
        return bindIp;
    }

    /**
     * Sets the address that is bound to, before listening. Godot 3: {@code bind_ip}.
     *
     * @param address an address of this machine, or {@code "*"}
     */
    public void setBindIp(String address) {
        bindIp = Objects.requireNonNull(address, "address");
    }

    /**
     * Bounds what waits of each connection, and with it the size of a received message. Godot 3:
     * {@code set_buffers}.
     *
     * @param inputBufferSizeKb what was received and not taken, in KiB
     * @param inputMaxPackets how many messages that may be
     * @param outputBufferSizeKb what waits to be sent, in KiB
     * @param outputMaxPackets how many messages that may be
     * @return OK; FAILED while listening
     * @throws IllegalArgumentException if a number is 0 or negative
     * @throws ArithmeticException if a size is 2 GiB or more
     */
    public ErrorCode setBuffers(
            int inputBufferSizeKb,
            int inputMaxPackets,
            int outputBufferSizeKb,
            int outputMaxPackets) {
        if (isListening()) {
            return ErrorCode.FAILED;
        }
        options =
                options.withBuffers(
                        inputBufferSizeKb, inputMaxPackets, outputBufferSizeKb, outputMaxPackets);
        return ErrorCode.OK;
    }

    /** {@return the key of {@link #setPrivateKey}; empty for none} Godot 3: {@code private_key}. */
    public Optional<PrivateKey> getPrivateKey() {
        return Optional.ofNullable(privateKey);
    }

    /**
     * Sets the key to speak TLS with, before listening. With {@link #setSslCertificate} it makes
     * the server speak TLS and nothing else, instead of {@link WebSocketOptions#tls}. Listening
     * throws an {@link IllegalArgumentException} if the two do not belong together, and an {@link
     * IllegalStateException} if one of them is missing. Godot 3: {@code private_key}.
     *
     * @param key as {@link TLSOptions#privateKey} reads it; null for none
     */
    public void setPrivateKey(PrivateKey key) {
        privateKey = key;
    }

    /**
     * {@return the certificate of {@link #setSslCertificate}; empty for none} Godot 3: {@code
     * ssl_certificate}.
     */
    public Optional<X509Certificate> getSslCertificate() {
        return Optional.ofNullable(sslCertificate);
    }

    /**
     * Sets the certificate that belongs to the {@linkplain #setPrivateKey key}, before listening.
     * Godot 3: {@code ssl_certificate}.
     *
     * @param certificate the server's own; null for none
     */
    public void setSslCertificate(X509Certificate certificate) {
        sslCertificate = certificate;
    }

    /** {@return the certificates of {@link #setCaChain}} Godot 3: {@code ca_chain}. */
    public List<X509Certificate> getCaChain() {
        return caChain;
    }

    /**
     * Sets who signed the {@linkplain #setSslCertificate certificate}, and who signed that, as far
     * as clients do not know them, before listening. Godot 3: {@code ca_chain}.
     *
     * @param chain from the certificate on; empty for nobody
     */
    public void setCaChain(List<X509Certificate> chain) {
        caChain = List.copyOf(chain);
    }

    /** The options, with the TLS that the three above ask for; never without it by an oversight. */
    private WebSocketOptions secured() {
        if (privateKey == null && sslCertificate == null) {
            return options;
        }
        if (privateKey == null || sslCertificate == null) {
            throw new IllegalStateException(
                    "TLS takes a private key and a certificate, and there is no "
                            + (privateKey == null ? "key" : "certificate"));
        }
        var chain = new ArrayList<X509Certificate>();
        chain.add(sslCertificate);
        chain.addAll(caChain);
        TLSOptions made = TLSOptions.server(privateKey, chain);
        TLSOptions other = options.tls();
        return options.withTls(other == null ? made : made.withClientAuth(other.clientAuth()));
    }

    /**
     * Bounds the number of connections; further ones are answered 503 (with TLS: by an alert).
     * 65,536 at first.
     *
     * @param most at least 1
     */
    public void setMaxConnections(int most) {
        admission.maxConnections(most);
    }

    /**
     * Bounds the number of connections that have not finished their handshake; further ones are
     * answered 503. 4,096 at first.
     *
     * @param most at least 1
     */
    public void setMaxPendingHandshakes(int most) {
        admission.maxPendingHandshakes(most);
    }

    /**
     * Bounds the number of connections from one address; further ones are answered 503 (with TLS:
     * by an alert). 65,536 at first.
     *
     * @param most at least 1
     */
    public void setMaxConnectionsPerAddress(int most) {
        admission.maxConnectionsPerAddress(most);
    }

    // ---- listening ----

    /**
     * Listens on a TCP port, polled. Godot 3: {@code listen}.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @return OK; ALREADY_IN_USE if it listens already; otherwise as {@link TCPServer#listen(int,
     *     String)}, with the cause in {@link #getFailure}; CANT_CREATE also if there is something
     *     wrong with the key and certificate
     */
    public ErrorCode listen(int port) {
        return listenTcp(port);
    }

    /**
     * Listens on a TCP port with subprotocols, polled. Godot 3: {@code listen}.
     *
     * @param port as above
     * @param protocols the subprotocols, see {@link WebSocketOptions#protocols}
     * @return as above
     */
    public ErrorCode listen(int port, List<String> protocols) {
        options = options.withProtocols(protocols);
        return listenTcp(port);
    }

    /**
     * Listens on a Unix domain socket, polled. Not Godot's.
     *
     * @param socket its file; that of a server that is gone is replaced, and {@link #stop} deletes
     *     it
     * @return OK; ALREADY_IN_USE if it listens already; otherwise as {@link
     *     UDSServer#listen(Path)}, with the cause in {@link #getFailure}
     */
    public ErrorCode listen(Path socket) {
        return listenUnix(socket);
    }

    private ErrorCode listenTcp(int port) {
        if (isListening()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        try {
            WebSocketOptions with = secured();
            start(LocalAddress.listen(LocalAddress.of(bindIp, port)), with);
            return ErrorCode.OK;
        } catch (IOException e) {
            return refused(e);
        }
    }

    private ErrorCode listenUnix(Path socket) {
        if (isListening()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        try {
            WebSocketOptions with = secured();
            start(LocalAddress.listen(LocalAddress.of(socket)), with);
            return ErrorCode.OK;
        } catch (IOException e) {
            return refused(e);
        }
    }

    private ErrorCode refused(IOException e) {
        failure = Optional.of(e);
        return e instanceof LocalAddress.Refusal refusal
                ? ErrorCode.valueOf(refusal.reason().name())
                : ErrorCode.CANT_CREATE;
    }

    /** Where its connections borrow compressors; null without compression, or before listening. */
    DeflatePool deflatePool() {
        return current == null ? null : current.pool();
    }

    /** As {@link Admission#live}. */
    int live() {
        return admission.live();
    }

    private void start(java.nio.channels.ServerSocketChannel channel, WebSocketOptions with) {
        failure = Optional.empty();
        var shared =
                new ServerConnection.Shared(
                        with,
                        handler,
                        upgradeHandler,
                        hosts,
                        WebSocketConnection.sharedWatchdog(with.limits()),
                        with.deflatePool(),
                        peers,
                        admission,
                        poller,
                        new AtomicBoolean(),
                        new AtomicBoolean());
        current = shared;
        acceptor =
                new Acceptor(
                        channel,
                        () -> true,
                        news,
                        accepted -> ServerConnection.accept(accepted, shared));
    }

    /**
     * Serves connections with blocking code, each on a virtual thread of its own, from any address.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @param handler serves one connection
     * @return the server, listening; closing it ends all
     * @throws IOException if the system refuses the port
     */
    public static WebSocketServer serve(int port, Handler handler) throws IOException {
        var server = new WebSocketServer();
        server.start(port, handler);
        return server;
    }

    /**
     * Begins to serve connections with blocking code, with the settings made before.
     *
     * @param port 0 to 65535; 0 lets the system choose, see {@link #getLocalPort}
     * @param connections serves one connection
     * @throws IOException if the system refuses the address
     * @throws IllegalStateException if it listens already
     */
    public void start(int port, Handler connections) throws IOException {
        begin(connections);
        finish(listenTcp(port));
    }

    /**
     * Begins to serve connections over a Unix domain socket with blocking code, with the settings
     * made before.
     *
     * @param socket its file; that of a server that is gone is replaced, and {@link #stop} deletes
     *     it
     * @param connections serves one connection
     * @throws IOException if the system refuses the path
     * @throws IllegalStateException if it listens already
     */
    public void start(Path socket, Handler connections) throws IOException {
        begin(connections);
        finish(listenUnix(socket));
    }

    private void begin(Handler connections) {
        if (isListening()) {
            throw new IllegalStateException("the server listens already");
        }
        handler = Objects.requireNonNull(connections, "handler");
    }

    private void finish(ErrorCode result) throws IOException {
        if (result != ErrorCode.OK) {
            handler = null;
            throw failure.orElse(null) instanceof IOException e ? e : new IOException("in use");
        }
    }

    /** {@return whether it listens} Godot 3: {@code is_listening}. Any thread. */
    public boolean isListening() {
        return acceptor != null;
    }

    /** {@return the TCP port that is listened on, or 0} Not Godot's. Any thread. */
    public int getLocalPort() {
        Acceptor current = acceptor;
        try {
            return current != null && current.address() instanceof InetSocketAddress address
                    ? address.getPort()
                    : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    /** {@return why the last attempt to listen failed} Kept until it listens. */
    public Optional<Throwable> getFailure() {
        return failure;
    }

    /**
     * Waits until the server stops, and then for its connections and handlers as long as {@link
     * #close} does.
     *
     * @throws InterruptedException if the waiting thread is interrupted
     */
    public void join() throws InterruptedException {
        while (isListening() && !Thread.currentThread().isInterrupted()) {
            ends.await(() -> !isListening(), Nanos.of(Duration.ofSeconds(1)));
        }
        awaitEnds();
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /**
     * Stops listening and begins to close all connections with code 1001, going away; there are no
     * more events. The address is free when it returns, which takes a moment (at most five seconds,
     * on a machine that does not get around to it). The connections end by their own deadlines,
     * whatever handlers do; {@link #close} and {@link #join} wait for that. Godot 3: {@code stop}.
     */
    public void stop() {
        Acceptor current = acceptor;
        if (current == null) {
            return;
        }
        current.close();
        acceptor = null;
        byte[] goingAway = FrameEncoder.closePayload(1001, "");
        ServerConnection.Shared ours = this.current;
        ours.stopped().set(true);
        ours.watchdog()
                .forEach(member -> {
                    if (member instanceof WebSocketConnection connection) {
                        connection.close(goingAway);
                    }
                });
        peers.clear();
        ends.signal();
    }

    /**
     * Stops, as {@link #stop} does, and waits until all connections have ended: usually as long as
     * the slowest client takes to answer the close frame, at most {@link Limits#closeTimeout}; and
     * {@link Limits#handshakeTimeout} and {@link Limits#writeTimeout} longer if a client is stuck
     * in a handshake or does not read. Then it waits until all handlers have returned, at most
     * {@link Limits#closeTimeout} more. Those that have not are logged, and listed by {@link
     * #getUnfinishedPeers}. With the default limits that is a few milliseconds for clients and
     * handlers that behave, and 50 seconds at the most. An interrupt ends the wait, and stays.
     */
    @Override
    public void close() {
        stop();
        awaitEnds();
    }

    /** Waits for the ends of connections and handlers, and logs which have not come. */
    private void awaitEnds() {
        ServerConnection.Shared ours = current;
        if (ours != null && !ours.reported().get()) {
            admission.awaitLast(ours.options().limits(), ours.reported());
        }
    }

    /**
     * {@return the peers whose connection is over, but whose {@link Handler} or {@link
     * UpgradeHandler} has not returned} Of a blocking server, and empty when all is well; after
     * {@link #close}, those that it has not waited for any longer. Any thread.
     */
    public List<WebSocketPeer> getUnfinishedPeers() {
        return admission.unfinished();
    }

    // ---- polling ----

    /**
     * Calls the listener for all that happened since the last poll. Never blocks, but for what the
     * listener does; costs what was active. What the listener sends leaves when it has been called
     * for all. Godot 3: {@code poll}.
     *
     * @throws IllegalStateException if it is called by the listener or the upgrade handler, or
     *     while another thread polls; nothing else has happened then
     * @throws RuntimeException what the listener or the upgrade handler threw, an {@link Error}
     *     likewise; it is logged, with the client. What was told counts as told, the rest of the
     *     news waits for the next poll
     */
    public void poll() {
        poller.poll();
    }

    /**
     * Waits until the next {@link #poll} would do something. Poll right after it: who has sent a
     * message is not read from before that, nor are his pings answered, for up to a second.
     *
     * @param timeout how long to wait at the most
     * @return false when the time is up
     */
    public boolean awaitActivity(Duration timeout) {
        return poller.awaitActivity(timeout);
    }

    /** Ends the wait that another thread is in, or else the next one. Any thread. */
    public void wakeup() {
        poller.wakeup();
    }

    // ---- peers ----

    /**
     * {@return the peer of a client, or null} Godot 3: {@code get_peer}. Any thread; what the peer
     * says of itself moves in {@link #poll}.
     *
     * @param id the client
     */
    public WebSocketPeer getPeer(int id) {
        return peers.get(id);
    }

    /**
     * {@return whether a client of that id is connected} Godot 3: {@code has_peer}. Any thread.
     *
     * @param id the client
     */
    public boolean hasPeer(int id) {
        return peers.containsKey(id);
    }

    /** {@return the ids of all connected clients; a view that follows the changes} Any thread. */
    public Set<Integer> getPeerIds() {
        return peerIds;
    }

    /**
     * {@return the address of a client, {@code ""} if there is none} Godot 3: {@code
     * get_peer_address}.
     *
     * @param id the client
     */
    public String getPeerAddress(int id) {
        WebSocketPeer peer = peers.get(id);
        return peer == null ? "" : peer.getConnectedHost();
    }

    /**
     * {@return the port of a client, 0 if there is none} Godot 3: {@code get_peer_port}.
     *
     * @param id the client
     */
    public int getPeerPort(int id) {
        WebSocketPeer peer = peers.get(id);
        return peer == null ? 0 : peer.getConnectedPort();
    }

    /**
     * Begins to close a client's connection with code 1000. Godot 3: {@code disconnect_peer}.
     *
     * @param id the client; nothing happens if there is none
     */
    public void disconnectPeer(int id) {
        disconnectPeer(id, 1000, "");
    }

    /**
     * Begins to close a client's connection. Godot 3: {@code disconnect_peer}. Any thread.
     *
     * @param id the client; nothing happens if there is none
     * @param code as for {@link WebSocketPeer#close(int, String)}
     * @param reason as for {@link WebSocketPeer#close(int, String)}
     */
    public void disconnectPeer(int id, int code, String reason) {
        WebSocketPeer peer = peers.get(id);
        if (peer != null) {
            peer.close(code, reason);
        }
    }

    /**
     * Drops a client's connection without a close frame, see {@link WebSocketPeer#abort}. Any
     * thread. Not Godot's.
     *
     * @param id the client; nothing happens if there is none
     */
    public void abortPeer(int id) {
        WebSocketPeer peer = peers.get(id);
        if (peer != null) {
            peer.abort();
        }
    }

    /**
     * Sends a binary message to all clients; see {@link #broadcast(Message, IntPredicate)}.
     *
     * @param message the payload; not kept
     * @return the clients that did not take it, and why
     */
    public Map<Integer, ErrorCode> broadcast(byte[] message) {
        return broadcast(Message.binary(message));
    }

    /**
     * Sends a text message to all clients; see {@link #broadcast(Message, IntPredicate)}.
     *
     * @param message the text
     * @return the clients that did not take it, and why
     * @throws IllegalArgumentException if the text has an unpaired surrogate
     */
    public Map<Integer, ErrorCode> broadcast(String message) {
        return broadcast(Message.text(message));
    }

    /**
     * Sends a message to all clients; see {@link #broadcast(Message, IntPredicate)}.
     *
     * @param message the message
     * @return the clients that did not take it, and why
     */
    public Map<Integer, ErrorCode> broadcast(Message message) {
        return broadcast(message, id -> true);
    }

    /**
     * Sends a message to many clients, and never waits for one that does not read: that one does
     * not take it, which the answer tells. Any thread. Not Godot's.
     *
     * <p>The message is encoded once, and the bytes are shared; compressed once, too, where
     * compression was agreed on, but sent as it is to those with whom the server keeps a context.
     *
     * @param message the message
     * @param receivers which clients get it, by their ids
     * @return the ids of the receivers that did not take it, each with what {@link
     *     WebSocketPeer#send} says then: {@link ErrorCode#OUT_OF_MEMORY} if its queue is full,
     *     because it reads too slowly, and {@link ErrorCode#FAILED} if its connection is closing.
     *     Empty if all took it; not changed later
     */
    public Map<Integer, ErrorCode> broadcast(Message message, IntPredicate receivers) {
        Objects.requireNonNull(message, "message");
        Objects.requireNonNull(receivers, "receivers");
        ServerConnection.Shared settings = current;
        Outbound.Frame frame = null;
        Map<Integer, ErrorCode> missed = null;
        for (Map.Entry<Integer, WebSocketPeer> client : peers.entrySet()) {
            if (!receivers.test(client.getKey())) {
                continue;
            }
            if (frame == null) {
                frame = Outbound.frame(message, settings.options().compression(), settings.pool());
            }
            ErrorCode result = client.getValue().send(frame);
            if (result != ErrorCode.OK) {
                if (missed == null) {
                    missed = new HashMap<>();
                }
                missed.put(client.getKey(), result);
            }
        }
        return missed == null ? Map.of() : Collections.unmodifiableMap(missed);
    }
}
