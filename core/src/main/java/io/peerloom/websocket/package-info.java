/**
 * WebSockets (RFC 6455, RFC 7692): a peer that is client or server, polled or blocking; a server
 * that is polled or runs a handler for each connection; and Godot 3's client and server with their
 * events. Groups of peers are in {@code io.peerloom.multiplayer}.
 *
 * <p>A connection is an internal object that belongs to no thread. Its roles (see {@code
 * io.peerloom.internal.link}) publish facts that never go back: the protocol's state, the other
 * side's close frame, the cause of the end. A {@link io.peerloom.websocket.WebSocketPeer} is what
 * its user sees of it: {@code poll()} folds the facts in, so that between two polls every getter
 * agrees with every other.
 *
 * <p>That object is {@code WebSocketConnection}, and it is in five files. {@code Inbound} is what
 * the read role does, {@code Outbound} what the write role does. {@code Closing} is the close
 * handshake, from its first sign to the outcome, with the tables of both; {@code Deadlines} says
 * what is due. These two have no thread and no socket. {@code WebSocketConnection} itself opens the
 * connection and puts them together.
 *
 * <p>A connection is opened by a {@code ClientSide} or a {@code ServerSide}, made for it and run
 * once on its thread: a wire, TLS if it is asked for, the two heads. {@code Handshaking} is what
 * the two have in common, streams as wires included.
 *
 * <p>A {@link io.peerloom.websocket.WebSocketServer} puts three parts together: {@code Admission}
 * decides which connections get in, and knows which are still in; a {@code ServerConnection} takes
 * one of them from its acceptance to its end, with a handler's thread or without; {@code Poller}
 * gathers those that have news, and calls the listener for them.
 *
 * <p>With {@code wss:} the same bytes go through TLS, over TCP, Unix sockets and streams alike: a
 * client by its URL, a server by {@link io.peerloom.websocket.WebSocketOptions#tls}. TLS begins and
 * ends within the deadlines of the handshake and of closing; both sides send close_notify behind
 * their close frames, and whether the other side's came is of no interest once both frames passed.
 *
 * <p>Closing, from our side: {@code close()} accepts nothing more to send, and the close frame
 * follows what was accepted; what arrives until the other side's close frame is still delivered, as
 * long as somebody takes it; then the server ends the stream first (RFC 6455 section 7.1.1). From
 * the other side: its close frame is answered behind what was accepted, whether or not anybody
 * polls. A close timeout counts from the last progress. When it is over the user is told, and the
 * socket lingers for another side that is still reading. What was accepted or had arrived and is
 * lost all the same makes the end an unclean one, with its cause. After a broken protocol the other
 * side is told why by a close frame, and its input is read and dropped for a while, since a socket
 * that is closed with unread input resets the connection and takes the close frame away with it.
 * Every one of these waits has a deadline.
 */
package io.peerloom.websocket;
