/**
 * The WebSocket protocol without any input or output: RFC 6455 with its HTTP upgrade and RFC 7692,
 * as bytes in and events out, values in and bytes out. Nothing here knows a socket, a thread, a
 * clock or a logger, so all of it can be tested in wire bytes.
 *
 * <p>A connection begins with {@link io.peerloom.internal.protocol.HeadParser}, which reads the
 * other side's head, and {@link io.peerloom.internal.protocol.ServerHandshake} or {@link
 * io.peerloom.internal.protocol.ClientHandshake}, which judge it and write ours. From then on the
 * two directions are apart. {@link io.peerloom.internal.protocol.FrameDecoder} belongs to whoever
 * reads the socket, {@link io.peerloom.internal.protocol.FrameEncoder} is stateless, and {@link
 * io.peerloom.internal.protocol.MaskKeys} belongs to whoever writes. Where {@link
 * io.peerloom.internal.protocol.PermessageDeflate} was agreed on, a {@link
 * io.peerloom.internal.protocol.MessageDeflater} stands before the one, the decoder decompresses by
 * itself, and both borrow from a {@link io.peerloom.internal.protocol.DeflatePool}, the one thing
 * here that threads share. {@link io.peerloom.internal.protocol.ConnectionState} says which frames
 * may still pass.
 *
 * <p>What the other side does wrong is a {@link io.peerloom.internal.protocol.ProtocolException} or
 * a {@link io.peerloom.internal.protocol.HandshakeException}, which tell what to answer with. What
 * our own caller does wrong is an unchecked exception. No other exception leaves this package,
 * whatever the bytes are.
 *
 * <p>No allocation goes by what the other side announces; it goes by what it sent. No loop over its
 * bytes starts again from the front.
 */
package io.peerloom.internal.protocol;
