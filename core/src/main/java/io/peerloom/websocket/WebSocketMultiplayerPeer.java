package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.queue.WaitPoint;
import io.peerloom.packet.PacketPeer;
import io.peerloom.stream.TLSOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A group of numbered peers that send packets to each other through a server: Godot 4's {@code
 * WebSocketMultiplayerPeer}, and what {@code gd_mp_api} makes of Godot 3's {@code WebSocketServer}
 * and {@code WebSocketClient}. Java can be the server or a client of either generation; one group
 * speaks one {@link Generation}.
 *
 * <p>The server is 1; a client gets another positive number from it. {@link #createServer} or
 * {@link #createClient}, then {@link #poll} in every round of a game loop, which calls the {@link
 * Listener} on that thread; {@link #getPacketPeer} and {@link #getPacket} for what arrived; {@link
 * #setTargetPeer} and {@link #putPacket} to send.
 *
 * <p><b>The wires.</b> In Godot 3 every binary message has a header of nine bytes: its type, the
 * sender and the target, little-endian. The server numbers and announces the peers, and relays. In
 * Godot 4 the first message of the server is the client's number, four bytes little-endian, and all
 * others are payloads as they are: a client talks to the server alone, and whatever its target, the
 * packet goes there. (Among Godot 4's own scenes {@code SceneMultiplayer} announces and relays,
 * with packets of its own inside of these.)
 *
 * <p><b>What others do wrong.</b> A client of Godot 3's wire that sends a packet without a whole
 * header, of a type that is the server's, or in another's name is closed with 1002 and the reason;
 * a server that breaks its own rules likewise. A packet for a peer that is not there (it may just
 * have left), or whose queue is full, is dropped, and {@link Listener#packetRefused} tells. Nobody
 * else is touched. A peer's packets that nobody takes are bounded by {@link Limits#inboundMessages}
 * and {@link Limits#inboundBytes} twice, once here and once in its connection; then it has to wait.
 *
 * <p><b>Different from Godot.</b> The end of an established connection is told by {@code
 * peerDisconnected} and {@code serverDisconnected} on both wires (Godot 3 says {@code
 * connection_failed}), also after a forced {@link #disconnectPeer}. A client of Godot 3's wire is
 * CONNECTED when the server has announced itself, not before it has its number. A full queue is
 * {@link ErrorCode#OUT_OF_MEMORY}. In Godot 3's wire a packet for all but the server (-1) does not
 * reach the server. {@link #close} sends close frames.
 *
 * <p><b>Threads.</b> One thread at a time uses it; {@link #wakeup} is for any.
 */
public final class WebSocketMultiplayerPeer extends PacketPeer implements Peer, AutoCloseable {

    /** The target of a packet for everybody. Godot: {@code TARGET_PEER_BROADCAST}. */
    public static final int TARGET_PEER_BROADCAST = 0;

    /** The server's number. Godot: {@code TARGET_PEER_SERVER}. */
    public static final int TARGET_PEER_SERVER = 1;

    /** More peers than any server announces; a client that is told of more closes. */
    private static final int MOST_ANNOUNCED = 65_536;

    private static final Listener SILENT = new Listener() {};

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

    /** The events, all from {@link #poll} and on its thread. */
    public interface Listener {
        /**
         * A peer has come. Godot: {@code peer_connected}.
         *
         * @param id its number; 1 for the server
         */
        default void peerConnected(int id) {}

        /**
         * A peer has gone. Comes exactly once for each {@link #peerConnected}, unless {@link
         * WebSocketMultiplayerPeer#close} came first. Its packets are still to be had. Godot:
         * {@code peer_disconnected}.
         *
         * @param id its number
         */
        default void peerDisconnected(int id) {}

        /** This client has its number. Godot: {@code connection_succeeded}. */
        default void connectionSucceeded() {}

        /**
         * This client could not connect, or got no number; {@link
         * WebSocketMultiplayerPeer#getFailure} tells why. Godot: {@code connection_failed}.
         */
        default void connectionFailed() {}

        /**
         * A packet has come and waits behind those before it. Godot 3: {@code peer_packet}. A
         * {@link SceneMultiplayer}, which takes the packets itself, does not pass it on.
         *
         * @param id who sent it
         */
        default void peerPacket(int id) {}

        /** The connection to the server is over. Godot: {@code server_disconnected}. */
        default void serverDisconnected() {}

        /**
         * A packet was dropped, or its sender closed for it. Not Godot's, which prints it.
         *
         * @param id who sent it
         * @param reason what is wrong with it
         */
        default void packetRefused(int id, String reason) {}
    }

    /** A packet that waits to be taken. */
    private record Packet(Source source, int from, Message data) {}

    /** The other end of a connection. */
    private static final class Source {
        final int id;
        final WebSocketPeer peer;

        /** What waits in {@link #packets} of it. */
        int waiting;

        long waitingBytes;
        boolean gone;

        /** It broke the rules: nothing more is taken from it. */
        boolean refused;

        Source(int id, WebSocketPeer peer) {
            this.id = id;
            this.peer = peer;
        }
    }

    private final Generation generation;
    private WebSocketOptions options;
    private Listener listener = SILENT;

    /** Of a server; null otherwise. Volatile for {@link #wakeup}. */
    private volatile WebSocketServer server;

    /** Of a client; null otherwise. Volatile for {@link #wakeup}. */
    private volatile Source upstream;

    /** Of a server: its clients. */
    private final Map<Integer, Source> sources = new LinkedHashMap<>();

    private final Set<Integer> sourceIds = Collections.unmodifiableSet(sources.keySet());

    /** Of a client: who was announced. */
    private final Set<Integer> announced = new LinkedHashSet<>();

    private final Set<Integer> announcedIds = Collections.unmodifiableSet(announced);

    /** Of a server: clients with messages to look at. */
    private final Set<Source> dirty = new LinkedHashSet<>();

    private final ArrayDeque<Packet> packets = new ArrayDeque<>();

    /** What waits of clients that have gone. */
    private int orphans;

    private long orphanBytes;

    private ConnectionStatus status = ConnectionStatus.DISCONNECTED;

    /** Whether it is disconnected because something failed, and not by a call. */
    private boolean failed;

    private Optional<Throwable> failure = Optional.empty();
    private int uniqueId;
    private int targetPeer;
    private boolean refusing;
    private TransferMode transferMode = TransferMode.RELIABLE;
    private int transferChannel;

    /** Of a client whose WebSocket is open: when it must have its number. */
    private long idDeadline;

    private boolean idAwaited;

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private volatile boolean woken;

    /** Where {@link #awaitActivity} waits while there is neither server nor client. */
    private final WaitPoint idle = new WaitPoint();

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
    }

    // ---- settings ----

    /**
     * Sets who hears of the events.
     *
     * @param listener called from {@link #poll}
     */
    public void setListener(Listener listener) {
        this.listener = Objects.requireNonNull(listener, "listener");
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
     * Bounds what waits of each of the next connections, and with it the size of a received
     * message. Godot 3: {@code set_buffers}.
     *
     * @param inputBufferSizeKb what was received and not taken, in KiB
     * @param inputMaxPackets how many messages that may be
     * @param outputBufferSizeKb what waits to be sent, in KiB
     * @param outputMaxPackets how many messages that may be
     * @return OK; FAILED unless disconnected
     * @throws IllegalArgumentException if a number is 0 or negative
     * @throws ArithmeticException if a size is 2 GiB or more
     */
    public ErrorCode setBuffers(
            int inputBufferSizeKb,
            int inputMaxPackets,
            int outputBufferSizeKb,
            int outputMaxPackets) {
        if (status != ConnectionStatus.DISCONNECTED) {
            return ErrorCode.FAILED;
        }
        options =
                options.withBuffers(
                        inputBufferSizeKb, inputMaxPackets, outputBufferSizeKb, outputMaxPackets);
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

    /** {@return the bound of what a peer's connection has received, in bytes} */
    public int getInboundBufferSize() {
        return options.limits().inboundBytes();
    }

    /**
     * Bounds a received message and all that were received of a peer and not taken. Godot: {@code
     * inbound_buffer_size}.
     *
     * @param bytes at least 1
     */
    public void setInboundBufferSize(int bytes) {
        options = options.withInboundBufferSize(bytes);
    }

    /** {@return the bound of what waits to be sent to a peer, in bytes} */
    public int getOutboundBufferSize() {
        return options.limits().outboundBytes();
    }

    /**
     * Bounds what waits to be sent to a peer. Godot: {@code outbound_buffer_size}.
     *
     * @param bytes at least 1
     */
    public void setOutboundBufferSize(int bytes) {
        options = options.withOutboundBufferSize(bytes);
    }

    /** {@return the bound of messages that wait, in each direction of a connection} */
    public int getMaxQueuedPackets() {
        return options.limits().inboundMessages();
    }

    /**
     * Bounds the messages that wait, in each direction of a connection. Godot: {@code
     * max_queued_packets}.
     *
     * @param packets at least 1
     */
    public void setMaxQueuedPackets(int packets) {
        options = options.withMaxQueuedPackets(packets);
    }

    /** {@return the time for a handshake, in seconds} Godot: {@code get_handshake_timeout}. */
    public double getHandshakeTimeout() {
        return Nanos.of(options.limits().handshakeTimeout()) / 1e9;
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
     * Becomes a server, one that speaks TLS. Godot 4: {@code create_server}.
     *
     * @param port the TCP port, 0 for a free one
     * @param bindAddress where to listen, {@code "*"} for all addresses
     * @param tls a server's; null for none
     * @return as {@link #createServer(int, String)}; also INVALID_PARAMETER if they are a client's
     */
    public ErrorCode createServer(int port, String bindAddress, TLSOptions tls) {
        if (status != ConnectionStatus.DISCONNECTED) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (tls != null && !tls.isServer()) {
            failure =
                    Optional.of(
                            new IllegalArgumentException("TLS options of a client, for a server"));
            return ErrorCode.INVALID_PARAMETER;
        }
        var starting = new WebSocketServer();
        starting.setOptions(tls == null ? options : options.withTls(tls));
        starting.setBindIp(bindAddress);
        starting.setUpgradeHandler(request ->
                isFullOfOrphans() || refusing
                        ? UpgradeResponse.refuse(503)
                        : UpgradeResponse.accept());
        starting.setListener(new Joining());
        ErrorCode result = starting.listen(port);
        if (result != ErrorCode.OK) {
            failure = starting.getFailure();
            return result;
        }
        reset();
        server = starting;
        uniqueId = TARGET_PEER_SERVER;
        status = ConnectionStatus.CONNECTED;
        return ErrorCode.OK;
    }

    /**
     * Becomes a client; {@link #poll} tells the outcome. Godot 4: {@code create_client}; Godot 3:
     * {@code connect_to_url}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @return OK if connecting has begun; ALREADY_IN_USE unless disconnected; INVALID_PARAMETER as
     *     {@link WebSocketPeer#connectToUrl}
     */
    public ErrorCode createClient(String url) {
        return createClient(url, null);
    }

    /**
     * Becomes a client that has its own idea of whom to trust. Godot 4: {@code create_client}.
     *
     * @param url as for {@link WebSocketPeer#connectToUrl}
     * @param tls a client's, for {@code wss:}; null for what the JDK trusts
     * @return as {@link #createClient(String)}; also INVALID_PARAMETER if they are a server's
     */
    public ErrorCode createClient(String url, TLSOptions tls) {
        if (status != ConnectionStatus.DISCONNECTED) {
            return ErrorCode.ALREADY_IN_USE;
        }
        var peer = new WebSocketPeer(options);
        ErrorCode result = peer.connectToUrl(url, tls);
        if (result != ErrorCode.OK) {
            failure = peer.getFailure();
            return result;
        }
        reset();
        upstream = new Source(TARGET_PEER_SERVER, peer);
        status = ConnectionStatus.CONNECTING;
        return ErrorCode.OK;
    }

    private void reset() {
        server = null;
        upstream = null;
        sources.clear();
        announced.clear();
        dirty.clear();
        packets.clear();
        orphans = 0;
        orphanBytes = 0;
        uniqueId = 0;
        idAwaited = false;
        failure = Optional.empty();
        failed = false;
        status = ConnectionStatus.DISCONNECTED;
    }

    private boolean isFullOfOrphans() {
        Limits limits = options.limits();
        return orphans >= limits.inboundMessages() || orphanBytes >= limits.inboundBytes();
    }

    // ---- polling ----

    @Override
    public ErrorCode poll() {
        if (server != null) {
            server.poll();
            if (!dirty.isEmpty()) {
                for (Source source : new ArrayList<>(dirty)) {
                    if (isCurrent(source)) {
                        take(source, false);
                    }
                }
            }
            return ErrorCode.OK;
        }
        return upstream == null ? ErrorCode.OK : pollClient(upstream);
    }

    private ErrorCode pollClient(Source up) {
        WebSocketPeer peer = up.peer;
        ErrorCode result = peer.poll();
        boolean late = false;
        if (status == ConnectionStatus.CONNECTING && peer.isConnectedToHost()) {
            if (!idAwaited) {
                idAwaited = true;
                idDeadline = System.nanoTime() + Nanos.of(options.limits().handshakeTimeout());
            }
            late = System.nanoTime() - idDeadline > 0;
        }
        take(up, false);
        if (upstream != up) {
            return ErrorCode.OK; // a listener has closed it
        }
        if (late && status == ConnectionStatus.CONNECTING) {
            failed = true;
            failure = Optional.of(new IllegalStateException("the server gave no number in time"));
            peer.abort();
        }
        if (result == ErrorCode.OK) {
            result = peer.poll();
        }
        if (peer.getReadyState() == WebSocketPeer.State.CLOSED
                && peer.getAvailablePacketCount() == 0) {
            lost(peer);
        }
        return result;
    }

    /** The connection to the server is over. */
    private void lost(WebSocketPeer peer) {
        boolean was = status == ConnectionStatus.CONNECTED;
        if (!failed) {
            failed = peer.getStatus() == Status.ERROR;
            failure = peer.getFailure();
        }
        upstream = null;
        status = ConnectionStatus.DISCONNECTED;
        uniqueId = 0;
        List<Integer> known = List.copyOf(announced);
        announced.clear();
        for (int id : known) {
            listener.peerDisconnected(id);
        }
        if (was) {
            listener.serverDisconnected();
        } else {
            listener.connectionFailed();
        }
    }

    /** Whether it is of the present server or client: a listener may close, and open another. */
    private boolean isCurrent(Source source) {
        return source == upstream || sources.get(source.id) == source;
    }

    /** Looks at the messages of a connection, as many as there is room for. */
    private void take(Source source, boolean all) {
        if (source.refused) {
            discard(source);
        }
        Limits limits = options.limits();
        boolean taken = false;
        while (isCurrent(source) && source.peer.getAvailablePacketCount() > 0) {
            if (!all
                    && (source.waiting >= limits.inboundMessages()
                            || source.waitingBytes >= limits.inboundBytes())) {
                break;
            }
            byte[] message = source.peer.takeMessage().bytes();
            taken = true;
            try {
                if (source == upstream) {
                    fromServer(source, message);
                } else {
                    fromClient(source, message);
                }
            } catch (IllegalArgumentException e) {
                String reason = e.getMessage();
                if (server == null) {
                    failed = true;
                    failure = Optional.of(e);
                }
                source.refused = true;
                discard(source);
                source.peer.close(1002, reason);
                listener.packetRefused(source.id, reason);
                break;
            }
        }
        if (taken) {
            source.peer.connection().doneWithTaken();
        }
        if (source.peer.getAvailablePacketCount() == 0) {
            dirty.remove(source);
        }
    }

    /** What follows a breach of the rules is not looked at. */
    private static void discard(Source source) {
        while (source.peer.takeMessage() != null) {
            // gone
        }
        source.peer.connection().doneWithTaken();
    }

    private void fromClient(Source source, byte[] message) {
        if (generation == Generation.GODOT4) {
            keep(source, source.id, message);
            return;
        }
        MultiplayerPacket packet = MultiplayerPacket.parse(message);
        if (packet.type() != MultiplayerPacket.DATA) {
            throw new IllegalArgumentException("packets of that type are the server's");
        }
        if (packet.from() != source.id) {
            throw new IllegalArgumentException("a packet in the name of another peer");
        }
        int to = packet.to();
        if (to != TARGET_PEER_SERVER) {
            relay(source, message, to);
        }
        boolean forServer = to == TARGET_PEER_SERVER || (to <= 0 && to != -TARGET_PEER_SERVER);
        if (forServer && sources.get(source.id) == source) { // a listener may have closed it
            keep(source, source.id, packet.payload());
        }
    }

    private void relay(Source source, byte[] message, int to) {
        if (to > 0 && !sources.containsKey(to)) {
            listener.packetRefused(source.id, "there is no peer " + to);
            return;
        }
        if (send(message, source.id, to) == ErrorCode.OUT_OF_MEMORY) {
            listener.packetRefused(source.id, "a receiver's queue is full; target " + to);
        }
    }

    private void fromServer(Source source, byte[] message) {
        if (generation == Generation.GODOT4) {
            if (status == ConnectionStatus.CONNECTED) {
                keep(source, TARGET_PEER_SERVER, message);
                return;
            }
            if (message.length != Integer.BYTES) {
                throw new IllegalArgumentException("a number of four bytes has to come first");
            }
            number(ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).getInt());
            arrived(TARGET_PEER_SERVER);
            return;
        }
        MultiplayerPacket packet = MultiplayerPacket.parse(message);
        switch (packet.type()) {
            case MultiplayerPacket.DATA -> keep(source, packet.from(), packet.payload());
            case MultiplayerPacket.ID -> number(packet.subject());
            case MultiplayerPacket.ADD -> arrived(packet.subject());
            default -> {
                if (announced.remove(packet.subject())) {
                    listener.peerDisconnected(packet.subject());
                }
            }
        }
    }

    private void number(int id) {
        if (id <= TARGET_PEER_SERVER || uniqueId != 0) {
            throw new IllegalArgumentException("no number for a client, or a second one: " + id);
        }
        uniqueId = id;
    }

    private void arrived(int id) {
        if (uniqueId == 0 || id <= 0 || id == uniqueId) {
            throw new IllegalArgumentException("peer " + id + " cannot be announced here");
        }
        if (announced.size() >= MOST_ANNOUNCED) {
            throw new IllegalArgumentException("more peers than " + MOST_ANNOUNCED);
        }
        if (!announced.add(id)) {
            return;
        }
        boolean first = id == TARGET_PEER_SERVER;
        if (first) {
            status = ConnectionStatus.CONNECTED;
        }
        listener.peerConnected(id);
        if (first && upstream != null) {
            listener.connectionSucceeded();
        }
    }

    private void keep(Source source, int from, byte[] data) {
        packets.add(new Packet(source, from, Message.binary(data)));
        source.waiting++;
        source.waitingBytes += data.length;
        listener.peerPacket(from);
    }

    /** The clients of a server. */
    private final class Joining implements WebSocketServer.Listener {

        @Override
        public void clientConnected(int id, String protocol) {
            var joining = new Source(id, server.getPeer(id));
            if (generation == Generation.GODOT4) {
                tell(
                        joining,
                        ByteBuffer.allocate(Integer.BYTES)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putInt(id)
                                .array());
            } else {
                tell(joining, MultiplayerPacket.about(MultiplayerPacket.ID, id));
                tell(joining, MultiplayerPacket.about(MultiplayerPacket.ADD, TARGET_PEER_SERVER));
                byte[] news = MultiplayerPacket.about(MultiplayerPacket.ADD, id);
                for (Source other : sources.values()) {
                    tell(other, news);
                    tell(joining, MultiplayerPacket.about(MultiplayerPacket.ADD, other.id));
                }
            }
            sources.put(id, joining);
            listener.peerConnected(id);
        }

        @Override
        public void dataReceived(int id) {
            Source source = sources.get(id);
            if (source != null) {
                dirty.add(source);
            }
        }

        @Override
        public void clientDisconnected(int id, boolean wasCleanClose) {
            Source source = sources.get(id);
            if (source == null) {
                return;
            }
            take(source, true); // bounded by its connection's queue
            if (!isCurrent(source)) {
                return; // a listener has closed it
            }
            sources.remove(id);
            dirty.remove(source);
            source.gone = true;
            orphans += source.waiting;
            orphanBytes += source.waitingBytes;
            if (generation == Generation.GODOT3) {
                byte[] news = MultiplayerPacket.about(MultiplayerPacket.DEL, id);
                for (Source other : sources.values()) {
                    tell(other, news);
                }
            }
            listener.peerDisconnected(id);
        }
    }

    /** Who misses a message of the server's own cannot go on. */
    private static void tell(Source source, byte[] message) {
        if (source.peer.send(Message.binary(message)) == ErrorCode.OUT_OF_MEMORY) {
            source.peer.close(1013, "too slow for the news of this group");
        }
    }

    /** Sends to a server's clients; never blocks. */
    private ErrorCode send(byte[] message, int from, int to) {
        if (to > 0) {
            return sources.get(to).peer.send(Message.binary(message));
        }
        if (sources.isEmpty()) {
            return ErrorCode.OK;
        }
        WebSocketConnection.Frame frame =
                WebSocketConnection.frame(
                        Message.binary(message), options.compression(), server.deflatePool());
        ErrorCode result = ErrorCode.OK;
        for (Source other : sources.values()) {
            if (other.id != from
                    && other.id != -to
                    && other.peer.send(frame) == ErrorCode.OUT_OF_MEMORY) {
                result = ErrorCode.OUT_OF_MEMORY;
            }
        }
        return result;
    }

    // ---- packets ----

    /**
     * The peer that the next packets go to. Godot: {@code set_target_peer}.
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
        return packets.isEmpty() ? TARGET_PEER_SERVER : packets.peek().from;
    }

    @Override
    public int getAvailablePacketCount() {
        return packets.size();
    }

    @Override
    protected ErrorCode checkPacket() {
        if (!packets.isEmpty()) {
            return ErrorCode.OK;
        }
        return status == ConnectionStatus.CONNECTED
                ? ErrorCode.UNAVAILABLE
                : ErrorCode.UNCONFIGURED;
    }

    @Override
    protected byte[] takePacket() {
        Packet packet = packets.remove();
        Source source = packet.source;
        source.waiting--;
        source.waitingBytes -= packet.data.size();
        if (source.gone) {
            orphans--;
            orphanBytes -= packet.data.size();
        }
        return packet.data.bytes();
    }

    /**
     * {@return OK if it was taken; UNCONFIGURED unless connected; for a target that is not there
     * INVALID_PARAMETER, or FAILED with Godot 3's wire; OUT_OF_MEMORY if a receiver's queue is
     * full: then that receiver does not get it, and the others do}
     */
    @Override
    protected ErrorCode sendPacket(byte[] packet) {
        if (status != ConnectionStatus.CONNECTED) {
            return ErrorCode.UNCONFIGURED;
        }
        boolean headed = generation == Generation.GODOT3;
        if (server != null && targetPeer > 0 && !sources.containsKey(targetPeer)) {
            if (!headed) {
                return ErrorCode.INVALID_PARAMETER;
            }
            return targetPeer == TARGET_PEER_SERVER ? ErrorCode.OK : ErrorCode.FAILED;
        }
        byte[] message =
                headed ? MultiplayerPacket.data(uniqueId, targetPeer, packet) : packet.clone();
        return server != null
                ? send(message, TARGET_PEER_SERVER, targetPeer)
                : upstream.peer.send(Message.binary(message));
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
     * Closes the connection to a peer: a server to a client, a client to the server, 1. {@link
     * Listener#peerDisconnected} follows from {@link #poll}. Godot: {@code disconnect_peer}.
     *
     * @param id its number; nothing happens if there is no connection to it
     * @param force true to break off without a close frame
     */
    public void disconnectPeer(int id, boolean force) {
        WebSocketPeer peer = getPeer(id);
        if (peer != null) {
            peer.close(force ? -1 : 1000, "");
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
        WebSocketServer stopping = server;
        Source up = upstream;
        Optional<Throwable> before = failure;
        reset();
        failure = before;
        if (stopping != null) {
            stopping.stop();
        }
        if (up != null) {
            up.peer.close();
        }
    }

    // ---- who and what ----

    /** {@return the status} Godot: {@code get_connection_status}. */
    public ConnectionStatus getConnectionStatus() {
        return status;
    }

    @Override
    public Status getStatus() {
        return switch (status) {
            case CONNECTING -> Status.CONNECTING;
            case CONNECTED -> Status.CONNECTED;
            case DISCONNECTED -> failed ? Status.ERROR : Status.NONE;
        };
    }

    /** {@return this peer's number; 0 as long as there is none} Godot: {@code get_unique_id}. */
    public int getUniqueId() {
        return uniqueId;
    }

    /** {@return a random number for a client, 2 or more} Godot: {@code generate_unique_id}. */
    public static int generateUniqueId() {
        return ThreadLocalRandom.current().nextInt(2, Integer.MAX_VALUE);
    }

    /**
     * {@return the connection to a peer, or null} To look at: what is received or sent through it
     * is not part of the group's talk. Godot: {@code get_peer}.
     *
     * @param id a client's number for a server, 1 for a client
     */
    public WebSocketPeer getPeer(int id) {
        if (upstream != null) {
            return id == TARGET_PEER_SERVER ? upstream.peer : null;
        }
        Source source = sources.get(id);
        return source == null ? null : source.peer;
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
        return server != null ? sourceIds : announcedIds;
    }

    /** {@return the TCP port of a server, or 0} Not Godot's. */
    public int getLocalPort() {
        return server == null ? 0 : server.getLocalPort();
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

    /** {@return what was set; all packets are reliable all the same} */
    public TransferMode getTransferMode() {
        return transferMode;
    }

    /**
     * Does nothing but to be remembered. Godot: {@code set_transfer_mode}.
     *
     * @param mode any
     */
    public void setTransferMode(TransferMode mode) {
        transferMode = Objects.requireNonNull(mode, "mode");
    }

    /** {@return what was set; there is one channel all the same} */
    public int getTransferChannel() {
        return transferChannel;
    }

    /**
     * Does nothing but to be remembered. Godot 4: {@code set_transfer_channel}.
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
        WebSocketServer serving = server;
        Source up = upstream;
        boolean active;
        if (serving != null) {
            active = woken || hasRoomForWaiting() || serving.awaitActivity(timeout);
        } else if (up != null) {
            long nanos = Nanos.of(timeout);
            boolean bounded = idAwaited && status == ConnectionStatus.CONNECTING;
            if (bounded) {
                nanos = Math.min(nanos, idDeadline - System.nanoTime() + 1);
            }
            active = woken || up.peer.awaitActivity(Duration.ofNanos(nanos));
            active |= bounded && System.nanoTime() - idDeadline > 0;
        } else {
            active = idle.await(() -> woken, Nanos.of(timeout));
        }
        woken = false;
        return active;
    }

    private boolean hasRoomForWaiting() {
        Limits limits = options.limits();
        for (Source source : dirty) {
            if (source.waiting < limits.inboundMessages()
                    && source.waitingBytes < limits.inboundBytes()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void wakeup() {
        woken = true;
        WebSocketServer serving = server;
        Source up = upstream;
        if (serving != null) {
            serving.wakeup();
        }
        if (up != null) {
            up.peer.wakeup();
        }
        idle.signal();
    }
}
