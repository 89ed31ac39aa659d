package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.packet.PacketPeer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A member of a group of numbered peers that send packets to each other through a server. Godot 4:
 * {@code WebSocketMultiplayerPeer}; Godot 3: {@code WebSocketServer} and {@code WebSocketClient}
 * with {@code gd_mp_api}. Java can be the server or a client of either {@link Generation}; one
 * group speaks one of them.
 *
 * <p>The server is number 1; a client gets another positive number from it. Call {@link
 * #createServer} or {@link #createClient}, then {@link #poll} in every round of a game loop, which
 * calls the {@link Listener} on that thread. {@link #getPacketPeer} and {@link #getPacket} take
 * what arrived; {@link #setTargetPeer} and {@link #putPacket} send.
 *
 * <p><b>The wires.</b> With Godot 3 the server announces the peers to each other and relays their
 * packets. With Godot 4 a client talks to the server alone: whatever its target is, the packet goes
 * there ({@link SceneMultiplayer}, one level higher, announces and relays). The bytes of both are
 * in this package's description.
 *
 * <p><b>What others do wrong.</b> On Godot 3's wire, a client that sends a packet without a whole
 * header, of a type that only a server sends, or in the name of another peer, is closed with 1002
 * and the reason; so is a server that breaks the rules of its wire. A packet for a peer that is not
 * there (it may just have left), or whose queue is full, is dropped, and {@link
 * Listener#packetRefused} says so. Nobody else is affected. Packets of a peer that are not taken
 * are bounded by {@link Limits#inboundMessages} and {@link Limits#inboundBytes} twice, once here
 * and once in its connection; after that, the peer has to wait.
 *
 * <p><b>Different from Godot.</b> The end of an established connection is told by {@code
 * peerDisconnected} and {@code serverDisconnected} on both wires (Godot 3 says {@code
 * connection_failed}), also after a forced {@link #disconnectPeer}. On Godot 3's wire, a client is
 * CONNECTED when the server has announced itself, not before it has its number; {@code
 * connectionSucceeded} comes before {@code peerConnected(1)}, as in Godot 4 (Godot 3: after it);
 * and a packet for all but the server (-1) does not reach the server. A full queue is {@link
 * ErrorCode#OUT_OF_MEMORY}. {@link #close} sends close frames.
 *
 * <p><b>Threads.</b> One thread at a time uses it; any thread may call {@link #wakeup}.
 */
public final class WebSocketMultiplayerPeer extends PacketPeer implements Peer, AutoCloseable {

    /** The target of a packet for everybody. Godot: {@code TARGET_PEER_BROADCAST}. */
    public static final int TARGET_PEER_BROADCAST = 0;

    /** The server's number. Godot: {@code TARGET_PEER_SERVER}. */
    public static final int TARGET_PEER_SERVER = 1;

    /** Which Godot's wire is spoken. */
    public enum Generation {
        /** Of {@code gd_mp_api}, 3.1 to 3.6. */
        GODOT3,
        /** Of {@code WebSocketMultiplayerPeer}, 4.0 and later. */
        GODOT4
    }

    /** Godot: {@code ConnectionStatus}. */
    public enum ConnectionStatus {
        /** Neither a server nor a client. */
        DISCONNECTED(0),
        /** A client without its number. */
        CONNECTING(1),
        /** A server, or a client with its number. */
        CONNECTED(2);

        private final int value;

        ConnectionStatus(int value) {
            this.value = value;
        }

        /** {@return Godot's number} */
        public int value() {
            return value;
        }
    }

    /**
     * How packets are to travel; over a WebSocket all are reliable. Godot: {@code TransferMode}.
     */
    public enum TransferMode {
        /** May be lost. */
        UNRELIABLE(0),
        /** May be lost, keep their order. */
        UNRELIABLE_ORDERED(1),
        /** Arrive, in order. */
        RELIABLE(2);

        private final int value;

        TransferMode(int value) {
            this.value = value;
        }

        /** {@return Godot's number} */
        public int value() {
            return value;
        }
    }

    /** The events of a group, all from {@link #poll} and on its thread. */
    public interface Listener extends MultiplayerListener {

        /**
         * A packet has arrived, and waits behind those that came before it. Godot 3: {@code
         * peer_packet}.
         *
         * @param id who sent it
         */
        default void peerPacket(int id) {}
    }

    private final Generation generation;
    private final Wire wire;
    private final News news = new News();
    private WebSocketOptions options;

    /** What it is now; null for neither server nor client. Volatile for {@link #wakeup}. */
    private volatile Membership membership;

    /** What has arrived for the last or present server or client. */
    private Inbox inbox;

    /** Whether it is disconnected because something failed, and not by a call. */
    private boolean failed;

    private Optional<Throwable> failure = Optional.empty();
    private int targetPeer;
    private boolean refusing;
    private TransferMode transferMode = TransferMode.RELIABLE;
    private int transferChannel;

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private volatile boolean woken;

    /** Never connected: {@link #awaitActivity} waits at it while there is no membership. */
    private final WebSocketPeer idle = new WebSocketPeer();

    /**
     * Neither a server nor a client yet, with the default options but Godot's handshake timeout of
     * three seconds.
     *
     * @param generation which wire to speak
     */
    public WebSocketMultiplayerPeer(Generation generation) {
        this(
                generation,
                WebSocketOptions.defaults()
                        .withLimits(Limits.defaults().withHandshakeTimeout(Duration.ofSeconds(3))));
    }

    /**
     * Neither a server nor a client yet.
     *
     * @param generation which wire to speak
     * @param options for its connections
     */
    public WebSocketMultiplayerPeer(Generation generation, WebSocketOptions options) {
        this.generation = Objects.requireNonNull(generation, "generation");
        this.options = Objects.requireNonNull(options, "options");
        wire = Wire.of(generation);
        inbox = new Inbox(options.limits());
    }

    // ---- settings ----

    /**
     * Sets the listener that is called for each event.
     *
     * @param listener called by {@link #poll}
     */
    public void setListener(Listener listener) {
        news.setListener(listener);
    }

    /** {@return which wire it speaks} */
    public Generation getGeneration() {
        return generation;
    }

    /** {@return the options for connections} */
    public WebSocketOptions getOptions() {
        return options;
    }

    /**
     * Sets the options for the next server or client, among them Godot's {@code
     * supported_protocols}, {@code handshake_headers} and buffer sizes.
     *
     * @param options for its connections
     */
    public void setOptions(WebSocketOptions options) {
        this.options = Objects.requireNonNull(options, "options");
    }

    /**
     * Limits the messages that wait in each direction of the next connections, and with that the
     * size of a received message. Godot 3: {@code set_buffers}.
     *
     * @param inputBufferSizeKb the size of the messages that were received and not taken, in KiB
     * @param inputMaxPackets their number
     * @param outputBufferSizeKb the size of the messages that wait to be sent, in KiB
     * @param outputMaxPackets their number
     * @return OK; FAILED unless disconnected
     * @throws IllegalArgumentException if a number is 0 or negative
     * @throws ArithmeticException if a size is 2 GiB or more
     */
    public ErrorCode setBuffers(
            int inputBufferSizeKb,
            int inputMaxPackets,
            int outputBufferSizeKb,
            int outputMaxPackets) {
        if (membership != null) {
            return ErrorCode.FAILED;
        }
        int inputBytes = Math.multiplyExact(inputBufferSizeKb, 1 << 10);
        options =
                options.withLimits(
                        options.limits()
                                .withInboundBytes(inputBytes)
                                .withMaxMessageBytes(inputBytes)
                                .withInboundMessages(inputMaxPackets)
                                .withOutboundBytes(Math.multiplyExact(outputBufferSizeKb, 1 << 10))
                                .withOutboundMessages(outputMaxPackets));
        return ErrorCode.OK;
    }

    /** {@return the subprotocols to offer or accept} Godot: {@code supported_protocols}. */
    public List<String> getSupportedProtocols() {
        return options.protocols();
    }

    /**
     * Sets the subprotocols to offer or accept. Godot: {@code supported_protocols}.
     *
     * @param protocols as for {@link WebSocketPeer#setSupportedProtocols}
     */
    public void setSupportedProtocols(List<String> protocols) {
        options = options.withProtocols(protocols);
    }

    /** {@return the header lines to add to the handshake} Godot: {@code handshake_headers}. */
    public List<String> getHandshakeHeaders() {
        return options.headers();
    }

    /**
     * Sets the header lines to add to the handshake. Godot: {@code handshake_headers}.
     *
     * @param headers as for {@link WebSocketPeer#setHandshakeHeaders}
     */
    public void setHandshakeHeaders(List<String> headers) {
        options = options.withHeaders(headers);
    }

    /**
     * {@return the limit of the messages that were received from a peer and not taken, in bytes}
     * Godot: {@code get_inbound_buffer_size}.
     */
    public int getInboundBufferSize() {
        return options.limits().inboundBytes();
    }

    /**
     * Limits the size of a received message, and of all messages that were received from a peer and
     * not taken. Godot: {@code inbound_buffer_size}.
     *
     * @param bytes at least 1
     */
    public void setInboundBufferSize(int bytes) {
        options =
                options.withLimits(
                        options.limits().withInboundBytes(bytes).withMaxMessageBytes(bytes));
    }

    /**
     * {@return the limit of the messages that wait to be sent to a peer, in bytes} Godot: {@code
     * get_outbound_buffer_size}.
     */
    public int getOutboundBufferSize() {
        return options.limits().outboundBytes();
    }

    /**
     * Limits the size of the messages that wait to be sent to a peer. Godot: {@code
     * outbound_buffer_size}.
     *
     * @param bytes at least 1
     */
    public void setOutboundBufferSize(int bytes) {
        options = options.withLimits(options.limits().withOutboundBytes(bytes));
    }

    /**
     * {@return the most messages that wait in each direction of a connection} Godot: {@code
     * get_max_queued_packets}.
     */
    public int getMaxQueuedPackets() {
        return options.limits().inboundMessages();
    }

    /**
     * Limits the number of messages that wait in each direction of a connection. Godot: {@code
     * max_queued_packets}.
     *
     * @param packets at least 1
     */
    public void setMaxQueuedPackets(int packets) {
        options =
                options.withLimits(
                        options.limits()
                                .withInboundMessages(packets)
                                .withOutboundMessages(packets));
    }

    /** {@return the time for a handshake, in seconds} Godot: {@code get_handshake_timeout}. */
    public double getHandshakeTimeout() {
        return options.limits().handshakeTimeout().toNanos() / 1e9;
    }

    /**
     * Sets the time for the next handshakes, 3 seconds at first. A server gives it to each TLS and
     * WebSocket handshake, a client to its own and then to the server for its number. Godot: {@code
     * set_handshake_timeout}.
     *
     * @param seconds more than 0
     * @throws IllegalArgumentException if it is not
     */
    public void setHandshakeTimeout(double seconds) {
        if (!(seconds > 0)) {
            throw new IllegalArgumentException("handshake timeout of " + seconds + " seconds");
        }
        Duration time = Duration.ofNanos(Math.max(1, (long) (seconds * 1e9)));
        options = options.withLimits(options.limits().withHandshakeTimeout(time));
    }

    // ---- opening ----

    /**
     * Becomes a server on all addresses. Godot 4: {@code create_server}; Godot 3: {@code listen}.
     *
     * @param port the TCP port, 0 for a free one
     * @return as {@link #createServer(int, String)}
     */
    public ErrorCode createServer(int port) {
        return createServer(port, "*");
    }

    /**
     * Becomes a server. Godot 4: {@code create_server}.
     *
     * @param port the TCP port, 0 for a free one
     * @param bindAddress where to listen, {@code "*"} for all addresses
     * @return OK; ALREADY_IN_USE unless disconnected; else as {@link WebSocketServer#listen(int)}
     */
    public ErrorCode createServer(int port, String bindAddress) {
        return createServer(port, bindAddress, null);
    }

    /**
     * Becomes a server that speaks TLS. Godot 4: {@code create_server}.
     *
     * @param port the TCP port, 0 for a free one
     * @param bindAddress where to listen, {@code "*"} for all addresses
     * @param tls a server's; null for none
     * @return as {@link #createServer(int, String)}; also INVALID_PARAMETER if they are a client's
     */
    public ErrorCode createServer(int port, String bindAddress, TLSOptions tls) {
        if (membership != null) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (tls != null && !tls.isServer()) {
            failure =
                    Optional.of(
                            new IllegalArgumentException("TLS options of a client, for a server"));
            return ErrorCode.INVALID_PARAMETER;
        }
        var ours = new Inbox(options.limits());
        var server = new WebSocketServer();
        server.setOptions(tls == null ? options : options.withTls(tls));
        server.setBindIp(bindAddress);
        server.setUpgradeHandler(request ->
                ours.isFullOfOrphans() || refusing
                        ? UpgradeResponse.refuse(503)
                        : UpgradeResponse.accept());
        var starting = new GroupServer(wire, server, ours, news);
        ErrorCode result = server.listen(port);
        if (result == ErrorCode.OK) {
            begin(starting, ours);
        } else {
            failure = server.getFailure();
        }
        return result;
    }

    /**
     * Becomes a client. It connects in the background, and {@link #poll} reports the outcome. Godot
     * 4: {@code create_client}; Godot 3: {@code connect_to_url}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @return OK if connecting has begun; ALREADY_IN_USE unless disconnected; INVALID_PARAMETER as
     *     {@link WebSocketPeer#connectToUrl}
     */
    public ErrorCode createClient(String url) {
        return createClient(url, null);
    }

    /**
     * Becomes a client, with the server certificates that it trusts. Godot 4: {@code
     * create_client}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @param tls a client's, for {@code wss:}; null for what the JDK trusts
     * @return as {@link #createClient(String)}; also INVALID_PARAMETER if they are a server's
     */
    public ErrorCode createClient(String url, TLSOptions tls) {
        if (membership != null) {
            return ErrorCode.ALREADY_IN_USE;
        }
        var peer = new WebSocketPeer(options);
        ErrorCode result = peer.connectToUrl(url, tls);
        if (result == ErrorCode.OK) {
            Duration patience = options.limits().handshakeTimeout();
            var ours = new Inbox(options.limits());
            begin(new GroupClient(wire, peer, patience, ours, news, this::lost), ours);
        } else {
            failure = peer.getFailure();
        }
        return result;
    }

    private void begin(Membership starting, Inbox its) {
        inbox = its;
        news.forgetPackets();
        failed = false;
        failure = Optional.empty();
        membership = starting;
    }

    private void lost(boolean byFailure, Optional<Throwable> cause) {
        membership = null;
        failed = byFailure;
        failure = cause;
    }

    // ---- polling ----

    /**
     * Looks at what happened and calls the listener for each event.
     *
     * @return as {@link Peer#poll}
     * @throws IllegalStateException if it is called by the listener; nothing else has happened then
     * @throws RuntimeException what the listener threw, an {@link Error} likewise; it is logged,
     *     with the peer that the event was about. What was told counts as told, the rest of the
     *     news waits for the next poll
     */
    @Override
    public ErrorCode poll() {
        news.begin();
        try {
            ErrorCode result = ErrorCode.OK;
            if (membership != null) {
                result = membership.poll();
            } else {
                news.tellAll(() -> false);
            }
            news.rethrow();
            return result;
        } finally {
            news.end();
        }
    }

    // ---- packets ----

    /**
     * Chooses the peer that the next packets go to. Godot: {@code set_target_peer}.
     *
     * @param id 0 for all, which is so at first; an id for one; a negative id for all but that one
     */
    public void setTargetPeer(int id) {
        targetPeer = id;
    }

    /**
     * {@return who sent the packet that {@link #getPacket} gives next; 1 if there is none} Godot:
     * {@code get_packet_peer}.
     */
    public int getPacketPeer() {
        return inbox.from();
    }

    @Override
    public int getAvailablePacketCount() {
        return inbox.size();
    }

    @Override
    protected ErrorCode checkPacket() {
        if (inbox.size() > 0) {
            return ErrorCode.OK;
        }
        return isConnected() ? ErrorCode.UNAVAILABLE : ErrorCode.UNCONFIGURED;
    }

    @Override
    protected byte[] takePacket() {
        return inbox.take();
    }

    /**
     * {@return OK if it was taken; UNCONFIGURED unless connected; for a target that is not there,
     * or whose connection is closing, INVALID_PARAMETER, or FAILED with Godot 3's wire;
     * OUT_OF_MEMORY if a receiver's queue is full: then that receiver does not get it, and the
     * others do} A client reaches everybody through the server: while that connection closes, no
     * target is there. Of several receivers, those whose connection is closing do not count.
     */
    @Override
    protected ErrorCode sendPacket(byte[] packet) {
        return isConnected() ? membership.send(targetPeer, packet) : ErrorCode.UNCONFIGURED;
    }

    private boolean isConnected() {
        return getConnectionStatus() == ConnectionStatus.CONNECTED;
    }

    // ---- ends ----

    /**
     * Closes the connection to a peer with a close frame. Godot: {@code disconnect_peer}.
     *
     * @param id as for {@link #disconnectPeer(int, boolean)}
     */
    public void disconnectPeer(int id) {
        disconnectPeer(id, false);
    }

    /**
     * Closes the connection to a peer: a server to a client, a client to the server, 1. Nothing can
     * be sent to it from now on. {@link Listener#peerDisconnected} follows from {@link #poll}.
     * Godot: {@code disconnect_peer}.
     *
     * @param id its number; nothing happens if there is no connection to it
     * @param force true to end it at once, without a close frame
     */
    public void disconnectPeer(int id, boolean force) {
        WebSocketPeer peer = getPeer(id);
        if (peer != null && force) {
            peer.abort();
        } else if (peer != null) {
            peer.close();
        }
    }

    /**
     * Ends the server or the connection, without an event; what was not taken is gone. A server's
     * clients get a close frame with 1001, a client's server one with 1000; the connections end by
     * their own deadlines. Godot 4: {@code close}; Godot 3: {@code stop}, {@code
     * disconnect_from_host}.
     */
    @Override
    public void close() {
        Membership closing = membership;
        membership = null;
        failed = false;
        inbox = new Inbox(options.limits());
        news.clear();
        if (closing != null) {
            closing.close();
        }
    }

    // ---- who and what ----

    /** {@return the status} Godot: {@code get_connection_status}. */
    public ConnectionStatus getConnectionStatus() {
        return membership == null ? ConnectionStatus.DISCONNECTED : membership.status();
    }

    @Override
    public Status getStatus() {
        return switch (getConnectionStatus()) {
            case CONNECTING -> Status.CONNECTING;
            case CONNECTED -> Status.CONNECTED;
            case DISCONNECTED -> failed ? Status.ERROR : Status.NONE;
        };
    }

    /** {@return this peer's number; 0 as long as there is none} Godot: {@code get_unique_id}. */
    public int getUniqueId() {
        return membership == null ? 0 : membership.id();
    }

    /** {@return a random number for a client, 2 or more} Godot: {@code generate_unique_id}. */
    public static int generateUniqueId() {
        return ThreadLocalRandom.current().nextInt(2, Integer.MAX_VALUE);
    }

    /**
     * {@return the connection to a peer, or null} It is there to be looked at: do not send or
     * receive through it. Godot: {@code get_peer}.
     *
     * @param id a client's number for a server, 1 for a client
     */
    public WebSocketPeer getPeer(int id) {
        return membership == null ? null : membership.peer(id);
    }

    /**
     * {@return the address of a peer, {@code ""} if there is none} Godot: {@code get_peer_address}.
     *
     * @param id as for {@link #getPeer}
     */
    public String getPeerAddress(int id) {
        WebSocketPeer peer = getPeer(id);
        return peer == null ? "" : peer.getConnectedHost();
    }

    /**
     * {@return the port of a peer, 0 if there is none} Godot: {@code get_peer_port}.
     *
     * @param id as for {@link #getPeer}
     */
    public int getPeerPort(int id) {
        WebSocketPeer peer = getPeer(id);
        return peer == null ? 0 : peer.getConnectedPort();
    }

    /** {@return the numbers of all peers that are known, a view} Not Godot's. */
    public Set<Integer> getPeerIds() {
        return membership == null ? Set.of() : membership.ids();
    }

    /** {@return the TCP port of a server, or 0} Not Godot's. */
    public int getLocalPort() {
        return membership instanceof GroupServer server ? server.localPort() : 0;
    }

    /** {@return whether a server answers new clients with 503} */
    public boolean isRefusingNewConnections() {
        return refusing;
    }

    /**
     * Sets whether a server answers new clients with 503. Godot: {@code refuse_new_connections},
     * which drops them.
     *
     * @param refuse true to refuse
     */
    public void setRefuseNewConnections(boolean refuse) {
        refusing = refuse;
    }

    /** {@return what was set; every packet travels reliably} Godot: {@code get_transfer_mode}. */
    public TransferMode getTransferMode() {
        return transferMode;
    }

    /**
     * Keeps a transfer mode for {@link #getTransferMode}; it has no effect. Godot: {@code
     * set_transfer_mode}.
     *
     * @param mode any
     */
    public void setTransferMode(TransferMode mode) {
        transferMode = Objects.requireNonNull(mode, "mode");
    }

    /** {@return what was set; every packet travels in one channel} Godot 4. */
    public int getTransferChannel() {
        return transferChannel;
    }

    /**
     * Keeps a channel for {@link #getTransferChannel}; it has no effect. Godot 4: {@code
     * set_transfer_channel}.
     *
     * @param channel any
     */
    public void setTransferChannel(int channel) {
        transferChannel = channel;
    }

    /** {@return 0} Godot 4: {@code get_packet_channel}. */
    public int getPacketChannel() {
        return 0;
    }

    /** {@return RELIABLE} Godot 4: {@code get_packet_mode}. */
    public TransferMode getPacketMode() {
        return TransferMode.RELIABLE;
    }

    /** {@return true} Godot 4: {@code is_server_relay_supported}. */
    public boolean isServerRelaySupported() {
        return true;
    }

    @Override
    public Optional<Throwable> getFailure() {
        return failure;
    }

    @Override
    public boolean awaitActivity(Duration timeout) {
        Membership now = membership;
        boolean active =
                woken
                        || !news.isEmpty()
                        || (now != null ? now.awaitActivity(timeout) : idle.awaitActivity(timeout));
        woken = false;
        return active;
    }

    @Override
    public void wakeup() {
        woken = true;
        Membership now = membership;
        if (now != null) {
            now.wakeup();
        } else {
            idle.wakeup();
        }
    }
}
