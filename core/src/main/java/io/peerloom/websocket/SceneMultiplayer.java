package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Godot 4's {@code SceneMultiplayer} over a {@link WebSocketMultiplayerPeer}, as server and as
 * client: calls of {@code @rpc} methods in both directions, raw bytes ({@code send_bytes}, {@code
 * peer_packet}), and peers that see each other through the server, which announces and relays.
 * Nodes are not replicated, and nobody is asked to authenticate.
 *
 * <pre>{@code
 * var peer = new WebSocketMultiplayerPeer(Generation.GODOT4);
 * var scene = new SceneMultiplayer(peer, new SceneMultiplayer.Listener() {});
 * scene.addNode("/root/Main",                              // all the @rpc methods of its script
 *         RpcMethod.anyPeer("join", (from, arguments) -> world.join(from, arguments.getFirst())),
 *         RpcMethod.called("joined"));
 * peer.createServer(9080);
 * while (world.running()) {
 *     scene.poll();
 *     scene.rpc(0, "/root/Main", "joined", world.names());
 * }
 * }</pre>
 *
 * <p><b>Nodes.</b> A method travels as its place among all methods of its node that may be called,
 * so both ends need the same list, and compare a checksum of the names. If a peer has another list
 * for a node, {@link Listener#packetRefused} tells, its calls of that node are refused, and {@link
 * #rpc} to it answers INVALID_DATA; Godot only prints an error, and calls what is at that place.
 *
 * <p><b>The packets</b> are told in this package's description. Those of other types (spawning and
 * synchronizing of nodes) go to {@link Listener#other} as they are. A relayed packet that is again
 * of type 7, or is empty, is dropped, and so is whatever has the form of none of these, or is a
 * call of what is not declared here or not allowed; {@link Listener#packetRefused} tells. What is
 * kept of a peer is one number for each declared node; values are bounded by the peer's {@link
 * WebSocketMultiplayerPeer#getVariantCodec}.
 *
 * <p>Threads: as the peer, which belongs to this object: poll and close this one, and leave the
 * peer's packets, target and listener alone.
 */
public final class SceneMultiplayer implements AutoCloseable {

    private static final int RAW = 3;
    private static final int SYSTEM = 7;
    private static final int ADD = 1;
    private static final int DEL = 2;
    private static final int RELAY = 3;

    /** Type, kind, id. */
    private static final int HEADER = 6;

    /** The low bits of the first byte are the type, the others flags of it. */
    private static final int TYPE_MASK = 7;

    private static final int SERVER = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    /** More peers than any server announces. */
    private static final int MOST_ANNOUNCED = 65_536;

    private static final String ROOT = "/root/";

    /** The events, all from {@link #poll}; those of the peer among them. */
    public interface Listener extends WebSocketMultiplayerPeer.Listener {
        /**
         * Raw bytes have arrived. Godot: {@code peer_packet}.
         *
         * @param from who sent them
         * @param bytes what was sent
         */
        default void peerPacket(int from, byte[] bytes) {}

        /**
         * A packet of another type has arrived, such as one that spawns a node.
         *
         * @param from who sent it
         * @param packet all of it
         */
        default void other(int from, byte[] packet) {}
    }

    private final WebSocketMultiplayerPeer peer;
    private final Listener listener;

    /** By path. */
    private final Map<String, SceneNode> nodes = new HashMap<>();

    /** By our numbers. */
    private final Map<Integer, SceneNode> numbered = new HashMap<>();

    /** By the numbers that each peer has given: one for a node at the most. */
    private final Map<Integer, Map<Integer, SceneNode>> told = new HashMap<>();

    /** Of a client: the server, and whom it has announced. */
    private final Set<Integer> announced = new LinkedHashSet<>();

    private final Set<Integer> announcedView = Collections.unmodifiableSet(announced);

    private int lastNumber;

    /**
     * Takes over a peer.
     *
     * @param peer of Godot 4's generation, that is or becomes a server or a client, and knows
     *     nobody yet
     * @param listener who hears of the events
     * @throws IllegalArgumentException if the peer speaks Godot 3's wire
     */
    public SceneMultiplayer(WebSocketMultiplayerPeer peer, Listener listener) {
        if (peer.getGeneration() != WebSocketMultiplayerPeer.Generation.GODOT4) {
            throw new IllegalArgumentException("there is no SceneMultiplayer in Godot 3");
        }
        this.peer = peer;
        this.listener = Objects.requireNonNull(listener, "listener");
        peer.setListener(new Events());
    }

    /** What the peer tells. */
    private final class Events implements WebSocketMultiplayerPeer.Listener {

        @Override
        public void peerConnected(int id) {
            if (isServer()) {
                forget(id);
                announce(id);
            } else {
                forgetAll();
                announced.add(id);
            }
            listener.peerConnected(id);
        }

        @Override
        public void peerDisconnected(int id) {
            try {
                read(); // what it sent goes before the news that it has gone
            } finally {
                left(id);
            }
        }

        private void left(int id) {
            if (id == SERVER) {
                for (int other : List.copyOf(announced)) {
                    if (other != SERVER) {
                        gone(other);
                    }
                }
                gone(SERVER);
                return;
            }
            if (!isServer()) {
                return; // whom it has called has closed it
            }
            byte[] news = system(DEL, id, new byte[0]);
            for (int other : peer.getPeerIds()) {
                tell(other, news);
            }
            gone(id);
        }

        @Override
        public void connectionSucceeded() {
            listener.connectionSucceeded();
        }

        @Override
        public void connectionFailed() {
            listener.connectionFailed();
        }

        @Override
        public void serverDisconnected() {
            listener.serverDisconnected();
        }

        @Override
        public void packetRefused(int id, String reason) {
            listener.packetRefused(id, reason);
        }
    }

    private boolean isServer() {
        return peer.getUniqueId() == SERVER;
    }

    private void gone(int id) {
        announced.remove(id);
        forget(id);
        listener.peerDisconnected(id);
    }

    private void forget(int id) {
        told.remove(id);
        nodes.values().forEach(node -> node.sides().remove(id));
    }

    private void forgetAll() {
        announced.clear();
        told.clear();
        nodes.values().forEach(node -> node.sides().clear());
    }

    /**
     * Polls the peer, announces, relays, answers calls, and calls the listener.
     *
     * @return as {@link WebSocketMultiplayerPeer#poll}
     */
    public ErrorCode poll() {
        ErrorCode result = peer.poll();
        read();
        return result;
    }

    /** Closes the peer, without an event; the declared nodes stay for its next life. */
    @Override
    public void close() {
        peer.close();
        forgetAll();
    }

    /**
     * {@return the numbers of all peers that can be sent to, a view} A client's own is not among
     * them. Godot: {@code get_peers}.
     */
    public Set<Integer> getPeers() {
        return isServer() ? peer.getPeerIds() : announcedView;
    }

    // ---- nodes and calls ----

    /**
     * Declares a node, so that it can be called, and answers calls.
     *
     * @param path with {@code /root/} before it, or relative to the root of the engines'
     *     multiplayer, {@code "."} for that itself, which has to be if they were given another root
     *     than {@code /root}
     * @param methods all methods of that node that may be called in the engines: those marked
     *     {@code @rpc} in its script, inherited ones too, and those given to {@code
     *     Node.rpc_config}
     * @return it
     * @throws IllegalArgumentException if the path is empty, has a NUL, or is declared already, or
     *     two methods have one name
     */
    public SceneNode addNode(String path, RpcMethod... methods) {
        String relative = relative(path);
        if (relative.isEmpty() || relative.indexOf(0) >= 0) {
            throw new IllegalArgumentException("no path of a node: '" + path + "'");
        }
        if (nodes.containsKey(relative)) {
            throw new IllegalArgumentException(path + " is declared already");
        }
        var node = new SceneNode(this, relative, lastNumber + 1, List.of(methods));
        lastNumber++;
        nodes.put(relative, node);
        numbered.put(node.id, node);
        return node;
    }

    /**
     * Takes a node back: calls of it are refused from now on.
     *
     * @param node one of {@link #addNode}
     */
    public void removeNode(SceneNode node) {
        if (numbered.remove(node.id, node)) {
            nodes.remove(node.getPath());
            node.sides()
                    .forEach((from, side) -> {
                        if (side.theirs != null) {
                            told.get(from).remove(side.theirs);
                        }
                    });
            node.sides().clear();
        }
    }

    private static String relative(String path) {
        return path.equals("/root")
                ? "."
                : path.startsWith(ROOT) ? path.substring(ROOT.length()) : path;
    }

    /**
     * Calls a method of a declared node in engines, or in other Java. Godot: {@code rpc_id}.
     *
     * @param target as of {@link SceneNode#rpc}
     * @param path of the node, as for {@link #addNode}
     * @param method its name
     * @param arguments as of {@link SceneNode#rpc}
     * @return as of {@link SceneNode#rpc}
     * @throws IllegalArgumentException as of {@link SceneNode#rpc}, and if there is no such node
     */
    public ErrorCode rpc(int target, String path, String method, Object... arguments) {
        SceneNode node = nodes.get(relative(path));
        if (node == null) {
            throw new IllegalArgumentException("no node declared at " + path);
        }
        return node.rpc(target, method, arguments);
    }

    /** Calls, after telling who does not know it yet our number for the node. */
    ErrorCode call(SceneNode node, int target, int method, Object[] values) {
        if (numbered.get(node.id) != node) {
            throw new IllegalStateException(node.getPath() + " was removed");
        }
        if (values.length > RpcPacket.MOST_ARGUMENTS) {
            throw new IllegalArgumentException(values.length + " arguments");
        }
        List<Variant> variants = Stream.of(values).map(Variant::of).toList();
        if (peer.getConnectionStatus() != WebSocketMultiplayerPeer.ConnectionStatus.CONNECTED) {
            return ErrorCode.UNCONFIGURED;
        }
        if (target > 0 && !getPeers().contains(target)) {
            return ErrorCode.INVALID_PARAMETER;
        }
        RpcPacket.Arguments arguments;
        try {
            arguments = RpcPacket.encode(variants, peer.getVariantCodec());
        } catch (VariantException e) {
            return e.code();
        }
        ErrorCode result = ErrorCode.OK;
        var byNumber = new ArrayList<Integer>();
        var byPath = new ArrayList<Integer>();
        var all = target > 0 ? Set.of(target) : getPeers();
        for (int id : all) {
            if (id == -target) {
                continue;
            }
            SceneNode.Side side = node.side(id);
            if (!side.told) {
                side.told =
                        send(id, RpcPacket.simplifyPath(node.checksum(), node.id, node.getPath()))
                                == ErrorCode.OK;
            }
            if (!side.told) {
                result = ErrorCode.OUT_OF_MEMORY;
            } else if (side.differs) {
                result = ErrorCode.INVALID_DATA;
            } else {
                (side.confirmed ? byNumber : byPath).add(id);
            }
        }
        if (byPath.isEmpty() && result == ErrorCode.OK) {
            return send(target, RpcPacket.call(node.id, method, arguments)); // encoded once
        }
        byte[] packet = RpcPacket.call(node.id, method, arguments);
        for (int id : byNumber) {
            result = worse(result, send(id, packet));
        }
        packet = RpcPacket.call(node.getPath(), method, arguments);
        for (int id : byPath) {
            result = worse(result, send(id, packet));
        }
        return result;
    }

    private static ErrorCode worse(ErrorCode before, ErrorCode now) {
        return now == ErrorCode.OK ? before : now;
    }

    // ---- sending ----

    /**
     * Sends raw bytes. Godot: {@code send_bytes}.
     *
     * @param bytes what to send
     * @param target 0 for all others, an id for one, a negative id for all but that one
     * @return OK if it was taken; UNCONFIGURED unless connected; INVALID_PARAMETER if the target is
     *     not there; OUT_OF_MEMORY if a receiver's queue is full: then that receiver does not get
     *     it, and the others do
     */
    public ErrorCode sendBytes(byte[] bytes, int target) {
        if (peer.getConnectionStatus() != WebSocketMultiplayerPeer.ConnectionStatus.CONNECTED) {
            return ErrorCode.UNCONFIGURED;
        }
        if (target > 0 && !getPeers().contains(target)) {
            return ErrorCode.INVALID_PARAMETER;
        }
        byte[] packet = new byte[1 + bytes.length];
        packet[0] = RAW;
        System.arraycopy(bytes, 0, packet, 1, bytes.length);
        return send(target, packet);
    }

    /** A client reaches all but the server by way of it. */
    private ErrorCode send(int target, byte[] packet) {
        return isServer() || target == SERVER
                ? put(target, packet)
                : put(SERVER, system(RELAY, target, packet));
    }

    private ErrorCode put(int target, byte[] packet) {
        peer.setTargetPeer(target);
        return peer.putPacket(packet);
    }

    private static byte[] system(int kind, int id, byte[] packet) {
        return ByteBuffer.allocate(Math.addExact(HEADER, packet.length))
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) SYSTEM)
                .put((byte) kind)
                .putInt(id)
                .put(packet)
                .array();
    }

    /** Who misses the news of the group cannot go on. */
    private void announce(int id) {
        byte[] news = system(ADD, id, new byte[0]);
        for (int other : peer.getPeerIds()) {
            if (other != id) {
                tell(other, news);
                tell(id, system(ADD, other, new byte[0]));
            }
        }
    }

    private void tell(int id, byte[] news) {
        if (put(id, news) == ErrorCode.OUT_OF_MEMORY) {
            peer.getPeer(id).close(1013, "too slow for the news of this group");
        }
    }

    // ---- receiving ----

    private void read() {
        while (peer.getAvailablePacketCount() > 0) {
            int from = peer.getPacketPeer();
            byte[] packet = peer.getPacket();
            if (packet.length == 0 || (packet[0] & TYPE_MASK) != SYSTEM) {
                deliver(from, packet);
            } else if (isServer()) {
                relay(from, packet);
            } else {
                news(packet);
            }
        }
    }

    private void deliver(int from, byte[] packet) {
        RpcPacket.Call call = null;
        RpcMethod method = null;
        try {
            if (packet.length == 0) {
                throw new IllegalArgumentException("an empty packet");
            }
            switch (packet[0] & TYPE_MASK) {
                case RpcPacket.CALL -> {
                    call = RpcPacket.parseCall(packet, peer.getVariantCodec());
                    method = called(from, call);
                }
                case RpcPacket.SIMPLIFY_PATH -> named(from, RpcPacket.parseName(packet));
                case RpcPacket.CONFIRM_PATH -> confirmed(from, RpcPacket.parseConfirmation(packet));
                default -> {
                    // the listener's
                }
            }
        } catch (IllegalArgumentException e) {
            listener.packetRefused(from, e.getMessage());
            return;
        }
        if (method != null) {
            method.handler().called(from, call.arguments());
            return;
        }
        switch (packet[0] & TYPE_MASK) {
            case RpcPacket.SIMPLIFY_PATH, RpcPacket.CONFIRM_PATH -> {}
            case RAW -> listener.peerPacket(from, Arrays.copyOfRange(packet, 1, packet.length));
            default -> listener.other(from, packet);
        }
    }

    /** The method that a call is of, if it may be called. */
    private RpcMethod called(int from, RpcPacket.Call call) {
        SceneNode node =
                call.path() != null
                        ? nodes.get(relative(call.path()))
                        : told.getOrDefault(from, Map.of()).get(call.node());
        if (node == null) {
            throw new IllegalArgumentException(
                    call.path() != null
                            ? "a call of a node that is not declared: " + quoted(call.path())
                            : "a call of a node by a number that was not told: " + call.node());
        }
        if (node.side(from).differs) {
            throw new IllegalArgumentException(
                    "a call by a peer that has other methods at " + node.getPath());
        }
        RpcMethod method = node.method(call.method());
        if (method == null) {
            throw new IllegalArgumentException(
                    "no method has number " + call.method() + " at " + node.getPath());
        }
        if (method.handler() == null) {
            throw new IllegalArgumentException(
                    "nobody answers " + method.name() + " at " + node.getPath());
        }
        if (method.mode() == RpcMethod.Mode.AUTHORITY && from != node.getMultiplayerAuthority()) {
            throw new IllegalArgumentException(
                    method.name() + " at " + node.getPath() + " is its authority's to call");
        }
        return method;
    }

    /** Keeps a peer's number for a node, and answers. */
    private void named(int from, RpcPacket.Name name) {
        SceneNode node = nodes.get(relative(name.path()));
        if (node == null) {
            throw new IllegalArgumentException(
                    "a number for a node that is not declared: " + quoted(name.path()));
        }
        Map<Integer, SceneNode> numbers = told.computeIfAbsent(from, key -> new HashMap<>());
        SceneNode.Side side = node.side(from);
        if (side.theirs != null) {
            numbers.remove(side.theirs); // of a node that is gone there
        }
        side.theirs = name.node();
        side.differs = !name.checksum().equals(node.checksum());
        SceneNode other = numbers.put(name.node(), node);
        if (other != null) {
            other.side(from).theirs = null;
        }
        send(from, RpcPacket.confirmPath(!side.differs, name.node()));
        if (side.differs) {
            throw new IllegalArgumentException("has other methods at " + node.getPath());
        }
    }

    private void confirmed(int from, RpcPacket.Confirmation confirmation) {
        SceneNode node = numbered.get(confirmation.node());
        if (node == null || !node.side(from).told) {
            throw new IllegalArgumentException("confirms a node of which it was not told");
        }
        SceneNode.Side side = node.side(from);
        side.confirmed = true;
        if (!confirmation.same()) {
            side.differs = true;
            throw new IllegalArgumentException("has other methods at " + node.getPath());
        }
    }

    /** Of what a peer has sent, no more than a line can show. */
    private static String quoted(String path) {
        return path.length() <= 200 && path.chars().noneMatch(Character::isISOControl)
                ? path
                : "(" + path.length() + " characters)";
    }

    /** A server's share of system packets. */
    private void relay(int from, byte[] packet) {
        if (packet.length <= HEADER
                || packet[1] != RELAY
                || (packet[HEADER] & TYPE_MASK) == SYSTEM) {
            listener.packetRefused(from, "a system packet that is none to relay");
            return;
        }
        int target = subject(packet);
        byte[] inner = Arrays.copyOfRange(packet, HEADER, packet.length);
        boolean one = target > 0;
        if (one && target != SERVER && !peer.getPeerIds().contains(target)) {
            listener.packetRefused(from, "there is no peer " + target);
            return;
        }
        byte[] relayed = system(RELAY, from, inner);
        ErrorCode result = ErrorCode.OK;
        if (one) {
            result = target == SERVER ? ErrorCode.OK : put(target, relayed);
        } else {
            for (int other : peer.getPeerIds()) {
                if (other != from && other != -target && put(other, relayed) != ErrorCode.OK) {
                    result = ErrorCode.OUT_OF_MEMORY;
                }
            }
        }
        if (result != ErrorCode.OK) {
            listener.packetRefused(from, "a receiver's queue is full; target " + target);
        }
        if (target <= SERVER && target != -SERVER) {
            deliver(from, inner);
        }
    }

    /** A client's share: what the server says of the others, or passes on of them. */
    private void news(byte[] packet) {
        int id = packet.length < HEADER ? 0 : subject(packet);
        boolean known = announced.contains(id);
        if (id > SERVER && id != peer.getUniqueId()) {
            if (packet[1] == ADD && !known && announced.size() < MOST_ANNOUNCED) {
                announced.add(id);
                listener.peerConnected(id);
                return;
            }
            if (packet[1] == DEL && known) {
                gone(id);
                return;
            }
            if (packet[1] == RELAY
                    && known
                    && packet.length > HEADER
                    && (packet[HEADER] & TYPE_MASK) != SYSTEM) {
                deliver(id, Arrays.copyOfRange(packet, HEADER, packet.length));
                return;
            }
        }
        listener.packetRefused(SERVER, "a system packet that makes no sense, about " + id);
    }

    private static int subject(byte[] packet) {
        return ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN).getInt(2);
    }
}
