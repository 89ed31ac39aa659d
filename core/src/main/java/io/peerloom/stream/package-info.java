/**
 * Streams of bytes and the typed values on them.
 *
 * <p>{@link io.peerloom.stream.StreamPeer} is the codec: it turns numbers and strings into the
 * bytes that Godot writes and back, in either byte order, over four primitive calls that move
 * bytes. Its subclasses are the carriers, and only they know where bytes come from, what blocks and
 * for how long. {@link io.peerloom.stream.StreamPeerBuffer} carries them in memory, {@link
 * io.peerloom.stream.StreamPeerSocket} over sockets, {@link io.peerloom.stream.StreamPeerTLS} over
 * another stream. The last two are the same but for how a connection comes about: a link of {@code
 * internal.link}, whose wire is a socket, or TLS over a stream that is read and written by the
 * link's threads from then on. TLS over TLS, and a WebSocket over either, is one more storey.
 *
 * <p>The two directions of a stream share nothing. A typed put encodes its value, length prefix
 * included, into an array of its own and hands it over in one call, so that values of several
 * threads never mix where the carrier takes a call as a whole; its outcome is its result. The typed
 * gets share one small array and one {@link io.peerloom.stream.StreamPeer#lastResult() result},
 * which belong to the one thread that receives, as everything on the receiving side does.
 *
 * <p>A length that comes over the wire is a claim. It is compared with a limit before anything
 * else, and beyond the first few kilobytes memory is taken only as the bytes come.
 */
package io.peerloom.stream;
