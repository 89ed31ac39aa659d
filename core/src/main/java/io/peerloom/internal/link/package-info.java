/**
 * A connected socket and the threads that serve it: connecting, accepting, reading, writing,
 * deadlines.
 *
 * <h2>Who does what</h2>
 *
 * <p>A {@link io.peerloom.internal.link.Link} has a read role and a write role, each a flag that
 * one thread holds at a time. What belongs to a role (a decoder, an output buffer) needs no lock:
 * the compare-and-set that takes the flag and the volatile write that gives it back order one
 * holder after the other. Nobody ever waits for a role. Threads meet in the queues and nowhere
 * else.
 *
 * <ul>
 *   <li>A <b>reader</b> is a virtual thread that holds the read role until the input ends, and puts
 *       what it read into a queue. It never writes and never runs the user's code.
 *   <li>A <b>direct</b> read is one by the user's own virtual thread, which takes the role for the
 *       time of one call. No other thread is involved; so where nobody reads for a while, a reader
 *       takes over, since somebody has to answer pings and to see the end.
 *   <li>A <b>writer</b> exists while there is something to write: {@code kick} starts a virtual
 *       thread that takes the write role, writes all that waits in as few calls as it can, and
 *       ends. What a server's poll sent to many is written by one for all of them ({@code
 *       kickAll}), with another behind it that goes on if the first has to wait. The virtual thread
 *       that a connection is the own of (it opened it, serves it, or reads from it) writes by
 *       itself when it finds the role free and nothing waiting. No other thread does: Java closes a
 *       socket when a virtual thread that waits in it is interrupted, and an interrupt may break no
 *       connection but the thread's own.
 *   <li>The {@link io.peerloom.internal.link.Watchdog} enforces deadlines. It closes, and never
 *       waits: closing the channel is what makes a blocked read or write return. Nobody is
 *       interrupted.
 *   <li>The {@link io.peerloom.internal.link.Acceptor} and a server's watchdog are platform
 *       threads: carriers that are all busy do not keep a server from accepting, refusing, timing
 *       out and stopping. So is the thread that resolves a name, since the system's resolver would
 *       take a carrier with it.
 * </ul>
 *
 * <h2>The end of the output</h2>
 *
 * <p>The queue of what waits to be sent can be closed. It accepts an element or refuses it in the
 * same atomic step, so what was accepted is in front of the end, and the write role knows when it
 * has all of it; then it encodes what comes last (a close frame, the end of the stream). Nothing
 * can be accepted behind that.
 *
 * <p>A connection whose close timeout is over may still have much in the system's buffers. Its
 * socket {@linkplain io.peerloom.internal.link.Lingering lingers} then, half-closed.
 *
 * <h2>TLS</h2>
 *
 * <p>A {@link io.peerloom.internal.link.TlsWire} is a wire over another wire, and knows nothing of
 * what it carries. Hands are shaken on one thread, before anybody has a role, within the handshake
 * deadline of whoever uses it; from then on what reading needs belongs to the read role and what
 * writing needs to the write role, and the engine takes both at once. The reader does not write
 * here either: what TLS owes as an answer leaves with the next data. Failures tell apart who speaks
 * no TLS ({@link io.peerloom.internal.link.PlaintextException}), whose certificate is made out to
 * others ({@link javax.net.ssl.SSLPeerUnverifiedException}), all else that TLS refuses ({@link
 * javax.net.ssl.SSLException}), and a stream that was cut off ({@link java.io.EOFException}).
 *
 * <p>What TLS stands on may be a stream peer, by a {@link io.peerloom.internal.link.StreamWire};
 * and then it may itself be the wire of a stream peer, whose link is connecting while hands are
 * shaken.
 *
 * <h2>What a virtual thread's read costs</h2>
 *
 * <p>A read that finds nothing fails once, registers with the poller, parks, and is woken later.
 * {@link io.peerloom.internal.link.Threads#letOthersRun} gives the bytes time to arrive before it,
 * and says why that may not be done always. Where another thread answers, a polled server's, that
 * time is too short; there the reader parks until the answers of its message are about to be
 * written, which makes it the next in the queue of the same carrier.
 */
package io.peerloom.internal.link;
