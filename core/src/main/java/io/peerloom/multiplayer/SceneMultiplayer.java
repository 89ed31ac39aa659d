package io.peerloom.multiplayer;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remote calls between Java and the nodes of Godot 4, in both directions, over a {@link
 * WebSocketMultiplayerPeer} that is server or client. Godot 4: {@code SceneMultiplayer}. Beside the
 * calls of {@code @rpc} methods there are raw bytes ({@code send_bytes}, {@code peer_packet}), and
 * the peers see each other through the server, which announces and relays. Nodes are not
 * replicated, and peers are not authenticated.
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
 * for a node, {@link Listener#packetRefused} says so, its calls of that node are refused, and
 * {@link #rpc} to it answers INVALID_DATA; Godot only prints an error, and calls what is at that
 * place.
 *
 * <p><b>To all.</b> As in the engine, a client calls each peer that it knows: the server directly,
 * which so hears of it even if its {@code server_relay} is off, and the others through the server.
 *
 * <p><b>The packets</b> are described with this package. Those of other types (spawning and
 * synchronizing of nodes) go to {@link Listener#other} as they are. A relayed packet that is again
 * of type 7, or is empty, is dropped. So is a packet that has none of the known forms, or that
 * calls what is not declared here or not allowed; {@link Listener#packetRefused} says so. What is
 * kept of a peer is one number for each declared node; values are bounded by the peer's {@link
 * WebSocketMultiplayerPeer#getVariantCodec}.
 *
 * <p><b>Threads.</b> As for the peer, which belongs to this object: poll and close this one, and
 * leave the peer's packets, target and listener alone.
 */
public final class SceneMultiplayer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(SceneMultiplayer.class);

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

    private static final String ROOT = "/root/";

    /** The events of a group, all from {@link #poll} and on its thread. */
    public interface Listener extends MultiplayerListener {

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

    /** A call of the listener or of a method, and the peer that it is about. */
    private record Due(int id, Runnable call) {}

    private final WebSocketMultiplayerPeer peer;
    private final Listener listener;

    /** The declared nodes by path. */
    private final Map<String, SceneNode> nodes = new HashMap<>();

    /** The declared nodes by the number that this end gives them. */
    private final Map<Integer, SceneNode> numbered = new HashMap<>();

    /** By peer, and then by the number that it has given to a node: at most one for each node. */
    private final Map<Integer, Map<Integer, SceneNode>> told = new HashMap<>();

    /** Of a client: the server, and the peers that it has announced. */
    private final Set<Integer> announced = new LinkedHashSet<>();

    private final Set<Integer> announcedView = Collections.unmodifiableSet(announced);

    private int lastNumber;

    /** What the peer has told, each of which waits for the packets that came before it. */
    private final ArrayDeque<Runnable> happened = new ArrayDeque<>();

    /** Calls of the listener and of methods that are due. */
    private final ArrayDeque<Due> due = new ArrayDeque<>();

    private boolean polling;

    /** It is the peer's poll that has called. */
    private boolean inPeer;

    /**
     * Takes over a peer.
     *
     * @param peer of Godot 4's generation, that is or becomes a server or a client, and knows
     *     nobody yet
     * @param listener called for each event
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

    /** What the peer tells, in its poll. */
    private final class Events implements WebSocketMultiplayerPeer.Listener {

        @Override
        public void peerConnected(int id) {
            happened(() -> joined(id));
        }

        @Override
        public void peerDisconnected(int id) {
            happened(() -> left(id));
        }

        @Override
        public void connectionSucceeded() {
            happened(() -> {
                forgetAll();
                announced.add(SERVER);
                due(SERVER, listener::connectionSucceeded);
            });
        }

        @Override
        public void connectionFailed() {
            happened(() -> due(SERVER, listener::connectionFailed));
        }

        @Override
        public void serverDisconnected() {
            happened(() -> due(SERVER, listener::serverDisconnected));
        }

        @Override
        public void packetRefused(int id, String reason) {
            happened(() -> refused(id, reason));
        }

        private void happened(Runnable event) {
            happened.add(event);
            inPeer = true;
            try {
                advance();
            } finally {
                inPeer = false;
            }
        }
    }

    private void joined(int id) {
        if (isServer()) {
            forget(id);
            announce(id);
        }
        due(id, () -> listener.peerConnected(id));
    }

    private void left(int id) {
        if (id == SERVER) {
            for (int other : List.copyOf(announced)) {
                if (other != SERVER) {
                    gone(other);
                }
            }
        } else {
            byte[] news = system(DEL, id, new byte[0]);
            for (int other : peer.getPeerIds()) {
                tell(other, news);
            }
        }
        gone(id);
    }

    private void due(int id, Runnable call) {
        due.add(new Due(id, call));
    }

    private void refused(int from, String reason) {
        due(from, () -> listener.packetRefused(from, reason));
    }

    private boolean isServer() {
        return peer.getUniqueId() == SERVER;
    }

    private void gone(int id) {
        announced.remove(id);
        forget(id);
        due(id, () -> listener.peerDisconnected(id));
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
     * @throws IllegalStateException if it is called by the listener or a method; nothing else has
     *     happened then
     * @throws RuntimeException what the listener or a method threw, an {@link Error} likewise; it
     *     is logged, with the peer that it was about. What was told counts as told, the rest of the
     *     news and calls waits for the next poll
     */
    public ErrorCode poll() {
        if (polling) {
            throw new IllegalStateException(
                    "poll() was called by a callback of the same scene's poll()");
        }
        polling = true;
        try {
            advance();
            ErrorCode result = peer.poll();
            advance();
            return result;
        } finally {
            polling = false;
        }
    }

    /**
     * Calls whoever is to be called, reads the packets, and then sees to what the peer has told. If
     * somebody who is called throws, the rest stays where it is.
     */
    private void advance() {
        while (true) {
            if (!due.isEmpty()) {
                call(due.remove());
            } else if (peer.getAvailablePacketCount() > 0) {
                read();
            } else if (!happened.isEmpty()) {
                happened.remove().run();
            } else {
                return;
            }
        }
    }

    private void call(Due next) {
        try {
            next.call.run();
        } catch (Throwable e) {
            if (!inPeer) { // whose poll logs it
                LOG.warn("a callback for peer {} failed: {}", next.id, e.toString());
            }
            throw e;
        }
    }

    /** Closes the peer, without an event; the declared nodes stay for its next life. */
    @Override
    public void close() {
        peer.close();
        happened.clear();
        due.clear();
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
     * @param path the path of the node: from {@code /root/} on, or relative to the root of the
     *     engines' multiplayer, which itself is {@code "."}. It has to be relative if the engines
     *     have another root than {@code /root}
     * @param methods all methods of that node that may be called in the engines: those marked
     *     {@code @rpc} in its script, inherited ones too, and those given to {@code
     *     Node.rpc_config}
     * @return the node
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
     * Undoes a declaration: calls of the node are refused from now on.
     *
     * @param node what {@link #addNode} has returned
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

    /** Sends a call, and before it our number for the node to receivers that do not have it yet. */
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
        for (int id : target > 0 ? Set.of(target) : getPeers()) {
            if (id == -target) {
                continue;
            }
            SceneNode.Side side = node.side(id);
            ErrorCode code = ErrorCode.OK;
            if (!side.told) {
                code = send(id, RpcPacket.simplifyPath(node.checksum(), node.id, node.getPath()));
                side.told = code == ErrorCode.OK;
            }
            if (code == ErrorCode.OK && side.differs) {
                code = ErrorCode.INVALID_DATA;
            }
            if (code == ErrorCode.OK) {
                (side.confirmed ? byNumber : byPath).add(id);
            }
            result = worse(result, code, target);
        }
        byte[] packet = RpcPacket.call(node.id, method, arguments);
        if (byPath.isEmpty() && result == ErrorCode.OK && isServer()) {
            return put(target, packet); // the same bytes to all
        }
        for (int id : byNumber) { // a peer that a client does not know yet does not have the number
            result = worse(result, send(id, packet), target);
        }
        packet = RpcPacket.call(node.getPath(), method, arguments);
        for (int id : byPath) {
            result = worse(result, send(id, packet), target);
        }
        return result;
    }

    /**
     * Joins two outcomes of one call: a full queue goes before other methods, and of several
     * targets a client that is just leaving does not count. If it is a client that calls and a
     * target is not there, then the server is not, and so nobody is.
     */
    private ErrorCode worse(ErrorCode a, ErrorCode b, int target) {
        for (ErrorCode code :
                List.of(
                        ErrorCode.INVALID_PARAMETER,
                        ErrorCode.OUT_OF_MEMORY,
                        ErrorCode.INVALID_DATA)) {
            if ((a == code || b == code)
                    && (code != ErrorCode.INVALID_PARAMETER || target > 0 || !isServer())) {
                return code;
            }
        }
        return ErrorCode.OK;
    }

    // ---- sending ----

    /**
     * Sends raw bytes. Godot: {@code send_bytes}.
     *
     * @param bytes what to send
     * @param target 0 for all others, an id for one, a negative id for all but that one
     * @return OK if it was taken; UNCONFIGURED unless connected; INVALID_PARAMETER if the target is
     *     not there, or its connection is closing, which for a client's targets is that to the
     *     server; OUT_OF_MEMORY if a receiver's queue is full: then that receiver does not get it,
     *     and the others do
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
        if (target > 0 || isServer() || getPeers().size() > 1) {
            return send(target, packet);
        }
        // The server alone is there, and may be one that does not relay.
        return target == -SERVER ? ErrorCode.OK : put(SERVER, packet);
    }

    /** Sends to a peer. A client reaches everybody but the server through the server. */
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

    /** Tells the new peer of the others, and them of it. */
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
            GroupServer.closeTooSlow(peer.getPeer(id));
        }
    }

    // ---- receiving ----

    private void read() {
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

    /** Sees to a packet that is not of the group itself; whoever it is for is called after that. */
    private void deliver(int from, byte[] packet) {
        try {
            if (packet.length == 0) {
                throw new IllegalArgumentException("an empty packet");
            }
            switch (packet[0] & TYPE_MASK) {
                case RpcPacket.CALL -> {
                    RpcPacket.Call call = RpcPacket.parseCall(packet, peer.getVariantCodec());
                    RpcMethod.Handler handler = called(from, call).handler();
                    due(from, () -> handler.called(from, call.arguments()));
                }
                case RpcPacket.SIMPLIFY_PATH -> named(from, RpcPacket.parseName(packet));
                case RpcPacket.CONFIRM_PATH -> confirmed(from, RpcPacket.parseConfirmation(packet));
                case RAW -> {
                    byte[] bytes = Arrays.copyOfRange(packet, 1, packet.length);
                    due(from, () -> listener.peerPacket(from, bytes));
                }
                default -> due(from, () -> listener.other(from, packet));
            }
        } catch (IllegalArgumentException e) {
            refused(from, e.getMessage());
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

    /** Text of another peer for a message on one line. */
    private static String quoted(String path) {
        return path.length() <= 200 && path.chars().noneMatch(Character::isISOControl)
                ? path
                : "(" + path.length() + " characters)";
    }

    /** On a server: passes a packet on, the only system packet that a client may send. */
    private void relay(int from, byte[] packet) {
        if (packet.length <= HEADER
                || packet[1] != RELAY
                || (packet[HEADER] & TYPE_MASK) == SYSTEM) {
            refused(from, "a system packet that is none to relay");
            return;
        }
        int target = subject(packet);
        byte[] inner = Arrays.copyOfRange(packet, HEADER, packet.length);
        boolean one = target > 0;
        byte[] relayed = system(RELAY, from, inner);
        boolean absent = false;
        boolean full = false;
        for (int other : one ? List.of(target) : peer.getPeerIds()) {
            if (one ? other != SERVER : other != from && other != -target) {
                ErrorCode result = put(other, relayed);
                absent |= one && result == ErrorCode.INVALID_PARAMETER;
                full |= result == ErrorCode.OUT_OF_MEMORY;
            }
        }
        if (absent || full) {
            refused(
                    from,
                    absent
                            ? "there is no peer " + target
                            : "a receiver's queue is full; target " + target);
        }
        if (target <= SERVER && target != -SERVER) {
            deliver(from, inner);
        }
    }

    /** On a client: what the server says about the others, or passes on from them. */
    private void news(byte[] packet) {
        int id = packet.length < HEADER ? 0 : subject(packet);
        boolean known = announced.contains(id);
        if (id > SERVER && id != peer.getUniqueId()) {
            if (packet[1] == ADD && !known && announced.size() < GroupClient.MOST_ANNOUNCED) {
                announced.add(id);
                due(id, () -> listener.peerConnected(id));
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
        refused(SERVER, "a system packet that makes no sense, about " + id);
    }

    private static int subject(byte[] packet) {
        return ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN).getInt(2);
    }
}
