package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.peerloom.ErrorCode;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A node whose {@code @rpc} methods are called, and answered, by Java. {@link
 * SceneMultiplayer#addNode} makes it. It stands for a node with that path and exactly those methods
 * in the engines; no tree of nodes is kept here.
 *
 * <p><b>Threads.</b> As for {@link SceneMultiplayer}.
 */
public final class SceneNode {

    /** Added to the number of a method that {@code Node.rpc_config} makes callable. */
    private static final int OF_NODE = 0x8000;

    /** What this end and a peer know of each other's names for this node. */
    static final class Side {
        /** Our number for this node was sent to it. */
        boolean told;

        /** It has confirmed our number. */
        boolean confirmed;

        /** It has other methods, so that a method's number does not mean the same there. */
        boolean differs;

        /** Its number for this node; null before it has sent one. */
        Integer theirs;
    }

    private final SceneMultiplayer scene;
    private final String path;

    /** Our number for it. */
    final int id;

    private final Map<Integer, RpcMethod> methods = new HashMap<>();
    private final Map<String, Integer> numbers = new HashMap<>();
    private final String checksum;

    /** By the number of the peer: only of peers that are there. */
    private final Map<Integer, Side> sides = new HashMap<>();

    private int authority = WebSocketMultiplayerPeer.TARGET_PEER_SERVER;

    /** The path is relative to the root of the engines' multiplayer. */
    SceneNode(SceneMultiplayer scene, String path, int id, List<RpcMethod> declared) {
        this.scene = scene;
        this.path = path;
        this.id = id;
        StringBuilder names = new StringBuilder();
        for (boolean ofNode : new boolean[] {true, false}) { // of two with one name the script's
            Stream<RpcMethod> sorted =
                    declared.stream()
                            .filter(method -> method.isRpcConfig() == ofNode)
                            .sorted((a, b) -> compare(a.name(), b.name()));
            String last = null;
            int number = ofNode ? OF_NODE : 0;
            for (RpcMethod method : (Iterable<RpcMethod>) sorted::iterator) {
                if (method.name().equals(last)) {
                    throw new IllegalArgumentException("two methods '" + last + "' at " + path);
                }
                last = method.name();
                names.append(last);
                numbers.put(last, number);
                methods.put(number++, method);
            }
            if ((number & ~OF_NODE) >= OF_NODE) {
                throw new IllegalArgumentException("too many methods at " + path);
            }
        }
        checksum = md5(names.toString());
    }

    /** By code points, as engines sort, which is also the order of UTF-8. */
    private static int compare(String a, String b) {
        return Arrays.compareUnsigned(a.getBytes(UTF_8), b.getBytes(UTF_8));
    }

    private static String md5(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("MD5").digest(text.getBytes(UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has MD5", e);
        }
    }

    /**
     * {@return the path, relative to the root of the engines' multiplayer} Godot: {@code get_path}.
     */
    public String getPath() {
        return path;
    }

    /**
     * {@return the peer that may call methods of {@link RpcMethod.Mode#AUTHORITY} here, 1 at first}
     * Godot: {@code get_multiplayer_authority}.
     */
    public int getMultiplayerAuthority() {
        return authority;
    }

    /**
     * Sets the peer that may call methods of {@link RpcMethod.Mode#AUTHORITY} here. Nothing is
     * sent: engines have a setting of their own. Godot: {@code set_multiplayer_authority}.
     *
     * @param id a peer's number
     */
    public void setMultiplayerAuthority(int id) {
        authority = id;
    }

    /**
     * Calls a method of this node in engines, or in other Java. Godot: {@code rpc}, {@code rpc_id}.
     *
     * @param target 0 for all others, an id for one, a negative id for all but that one
     * @param method its name
     * @param arguments what {@link io.peerloom.variant.Variant#of(Object)} takes, at most 255; an
     *     engine that has another number of parameters refuses the call
     * @return OK if it was taken; UNCONFIGURED unless connected; INVALID_PARAMETER if the target is
     *     not there, its connection is closing (for a client's targets that to the server), or it
     *     is this end; INVALID_DATA if the receiver has other methods at this path; OUT_OF_MEMORY
     *     if its queue is full, or the arguments have more bytes than the peer's {@link
     *     WebSocketMultiplayerPeer#getVariantCodec} allows; another code of {@link
     *     io.peerloom.variant.VariantException} if it cannot encode them. Of several receivers the
     *     others get it, and those whose connection to this server is closing do not count
     * @throws IllegalArgumentException if this node was not declared to have the method, there are
     *     too many arguments, or there is no {@code Variant} for one; IllegalStateException if the
     *     node was removed
     */
    public ErrorCode rpc(int target, String method, Object... arguments) {
        Integer number = numbers.get(method);
        if (number == null) {
            throw new IllegalArgumentException("no method '" + method + "' declared at " + path);
        }
        return scene.call(this, target, number, arguments);
    }

    String checksum() {
        return checksum;
    }

    /** The method with a number, or null. */
    RpcMethod method(int number) {
        return methods.get(number);
    }

    Map<Integer, Side> sides() {
        return sides;
    }

    Side side(int peer) {
        return sides.computeIfAbsent(peer, key -> new Side());
    }
}
