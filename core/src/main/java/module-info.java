/**
 * Godot's socket peers on the JVM: streams, packets and WebSockets on virtual threads, read by
 * polling, by blocking, or by waiting. Start at {@link io.peerloom.Peer}.
 */
module io.peerloom.core {
    requires org.slf4j;

    exports io.peerloom;
    exports io.peerloom.multiplayer;
    exports io.peerloom.packet;
    exports io.peerloom.stream;
    exports io.peerloom.variant;
    exports io.peerloom.websocket;
}
