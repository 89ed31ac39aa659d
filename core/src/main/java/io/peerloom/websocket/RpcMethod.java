package io.peerloom.websocket;

import io.peerloom.variant.Variant;
import java.util.List;
import java.util.Objects;

/**
 * A method of a node that engines and Java call on each other: what {@code @rpc} says of it in
 * GDScript. Immutable. The static methods make the usual ones:
 *
 * <pre>{@code
 * @rpc("any_peer") func join(name)     RpcMethod.anyPeer("join", (from, arguments) -> ...)
 * @rpc func joined(names)              RpcMethod.called("joined")      if only Java calls it
 * @rpc func joined(names)              RpcMethod.authority("joined", (from, arguments) -> ...)
 * }</pre>
 *
 * <p>Whether a method is reliable, its channel and {@code call_local} are not on the wire of a
 * WebSocket and need not be told.
 *
 * @param name as in the script
 * @param mode who may call it here; an engine goes by what its own script says
 * @param ofNode true if it is not the script that says so, but {@code Node.rpc_config}
 * @param handler who answers; null if nobody may call it here
 */
public record RpcMethod(String name, Mode mode, boolean ofNode, Handler handler) {

    /** Who may call. Godot: {@code MultiplayerAPI.RPCMode}. */
    public enum Mode {
        /** Who has the node's authority, see {@link SceneNode#setMultiplayerAuthority}. */
        AUTHORITY,
        /** Every peer. */
        ANY_PEER
    }

    /** Answers calls. */
    @FunctionalInterface
    public interface Handler {
        /**
         * A peer has called. Runs on the thread of {@link SceneMultiplayer#poll}, which throws on
         * what this throws.
         *
         * @param from who; Godot: {@code get_remote_sender_id}
         * @param arguments what with, unmodifiable: as many, and of such types, as the caller chose
         */
        void called(int from, List<Variant> arguments);
    }

    /**
     * Checks it.
     *
     * @throws IllegalArgumentException if the name is empty or has a NUL
     */
    public RpcMethod {
        Objects.requireNonNull(mode, "mode");
        if (name.isEmpty() || name.indexOf(0) >= 0) {
            throw new IllegalArgumentException("no name of a method: '" + name + "'");
        }
    }

    /**
     * {@return a method of {@code @rpc("any_peer")} that is answered here}
     *
     * @param name as in the script
     * @param handler who answers
     */
    public static RpcMethod anyPeer(String name, Handler handler) {
        return new RpcMethod(name, Mode.ANY_PEER, false, Objects.requireNonNull(handler));
    }

    /**
     * {@return a method of plain {@code @rpc} that is answered here}
     *
     * @param name as in the script
     * @param handler who answers
     */
    public static RpcMethod authority(String name, Handler handler) {
        return new RpcMethod(name, Mode.AUTHORITY, false, Objects.requireNonNull(handler));
    }

    /**
     * {@return a method that is only called from here}
     *
     * @param name as in the script
     */
    public static RpcMethod called(String name) {
        return new RpcMethod(name, Mode.AUTHORITY, false, null);
    }

    /** {@return the same, but as one that {@code Node.rpc_config} has made callable} */
    public RpcMethod configuredOnNode() {
        return new RpcMethod(name, mode, true, handler);
    }
}
