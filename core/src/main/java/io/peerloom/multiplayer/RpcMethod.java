package io.peerloom.multiplayer;

import io.peerloom.variant.Variant;
import java.util.List;
import java.util.Objects;

/**
 * A method of a node that engines and Java call on each other, with what {@code @rpc} says of it in
 * GDScript. Immutable; the {@code with} methods return changed copies. The static methods make the
 * usual ones:
 *
 * <pre>{@code
 * @rpc("any_peer") func join(name)     RpcMethod.anyPeer("join", (from, arguments) -> ...)
 * @rpc func joined(names)              RpcMethod.called("joined")      if only Java calls it
 * @rpc func joined(names)              RpcMethod.authority("joined", (from, arguments) -> ...)
 * }</pre>
 *
 * <p>Whether a method is reliable, its channel and {@code call_local} are not declared here: a
 * WebSocket does not carry them.
 */
public final class RpcMethod {

    /** Who may call. Godot: {@code MultiplayerAPI.RPCMode}. */
    public enum Mode {
        /**
         * The peer that has the node's authority, see {@link SceneNode#setMultiplayerAuthority}.
         */
        AUTHORITY,
        /** Every peer. */
        ANY_PEER
    }

    /** Answers calls. */
    @FunctionalInterface
    public interface Handler {
        /**
         * Answers a call. It runs on the thread of {@link SceneMultiplayer#poll}, which throws on
         * what this throws.
         *
         * @param from the peer that calls; Godot: {@code get_remote_sender_id}
         * @param arguments unmodifiable: as many, and of such types, as the caller chose
         */
        void called(int from, List<Variant> arguments);
    }

    private final String name;
    private final Mode mode;
    private final boolean ofNode;
    private final Handler handler;

    private RpcMethod(String name, Mode mode, boolean ofNode, Handler handler) {
        this.name = name;
        this.mode = Objects.requireNonNull(mode, "mode");
        this.ofNode = ofNode;
        this.handler = handler;
    }

    /**
     * {@return a method of {@code @rpc("any_peer")} that is answered here}
     *
     * @param name as in the script
     * @param handler answers the calls
     * @throws IllegalArgumentException if the name is empty or has a NUL
     */
    public static RpcMethod anyPeer(String name, Handler handler) {
        return called(name).withMode(Mode.ANY_PEER).withHandler(handler);
    }

    /**
     * {@return a method of plain {@code @rpc} that is answered here}
     *
     * @param name as in the script
     * @param handler answers the calls
     * @throws IllegalArgumentException if the name is empty or has a NUL
     */
    public static RpcMethod authority(String name, Handler handler) {
        return called(name).withHandler(handler);
    }

    /**
     * {@return a method that is only called from here}
     *
     * @param name as in the script
     * @throws IllegalArgumentException if the name is empty or has a NUL
     */
    public static RpcMethod called(String name) {
        if (name.isEmpty() || name.indexOf(0) >= 0) {
            throw new IllegalArgumentException("no name of a method: '" + name + "'");
        }
        return new RpcMethod(name, Mode.AUTHORITY, false, null);
    }

    /**
     * {@return this method, but with other callers allowed}
     *
     * @param callers who may call it here; an engine goes by what its own script says
     */
    public RpcMethod withMode(Mode callers) {
        return new RpcMethod(name, callers, ofNode, handler);
    }

    /**
     * {@return this method, answered here}
     *
     * @param answer answers the calls
     */
    public RpcMethod withHandler(Handler answer) {
        return new RpcMethod(name, mode, ofNode, Objects.requireNonNull(answer, "handler"));
    }

    /**
     * {@return this method, but one that the engine's {@code Node.rpc_config} makes callable,
     * rather than {@code @rpc} in its script}
     */
    public RpcMethod withRpcConfig() {
        return new RpcMethod(name, mode, true, handler);
    }

    /** {@return the name, as in the script} */
    public String name() {
        return name;
    }

    /** {@return who may call it here} */
    public Mode mode() {
        return mode;
    }

    /** {@return whether {@code Node.rpc_config} makes it callable} */
    public boolean isRpcConfig() {
        return ofNode;
    }

    /** Who answers; null if nobody may call it here. */
    Handler handler() {
        return handler;
    }

    /** {@return name, mode, and whether it is answered here} */
    @Override
    public String toString() {
        return name + "[" + mode + (handler == null ? ", only called" : ", answered") + "]";
    }
}
