/**
 * Packets: bytes that arrive together or not at all.
 *
 * <p>{@link io.peerloom.packet.PacketPeer} holds what all packet peers have in common and leaves to
 * its subclasses how packets travel. To receive is to ask and then to take, by one thread, so that
 * nothing is taken when the answer is an error; to send is one call with one whole packet, by any
 * thread that the subclass allows.
 *
 * <p>{@link io.peerloom.packet.PacketPeerStream} is one of them, over any stream; the WebSocket
 * peers are the others.
 */
package io.peerloom.packet;
