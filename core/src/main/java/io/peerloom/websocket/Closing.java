package io.peerloom.websocket;

import io.peerloom.internal.protocol.CloseCode;
import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.ConnectionState.Event;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.ProtocolException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How a connection closes: where it stands, both close frames, what went wrong, and the outcome
 * (RFC 6455 section 7). It has no thread, no socket and no clock: the roles say what happened, and
 * ask what is due.
 *
 * <p>What is written here never goes back. So any thread may ask, and what it was told stays true.
 *
 * <table>
 * <caption>What happens, and what is due then</caption>
 * <tr><th>event</th><th>by</th><th>state</th><th>our close frame</th><th>end of our stream</th></tr>
 * <tr><td>{@link #opened}</td><td>the opener</td><td>CONNECTING to OPEN</td><td></td><td></td></tr>
 * <tr><td>{@link #begin}</td><td>the user</td><td></td><td>due, unless another is</td><td></td></tr>
 * <tr><td>{@link #peerClosed}</td><td>the read role</td><td>OPEN to CLOSE_RECEIVED, CLOSE_SENT to
 *     CLOSED</td><td>due, unless another is or was</td><td>due at a server</td></tr>
 * <tr><td>{@link #violated}</td><td>the read role</td><td></td><td>due, unless another is or
 *     was</td><td>due at a server</td></tr>
 * <tr><td>{@link #sent}</td><td>the write role</td><td>OPEN to CLOSE_SENT, CLOSE_RECEIVED to
 *     CLOSED, and after a violation to CLOSED</td><td>done</td><td></td></tr>
 * <tr><td>{@link #endStream}</td><td>any thread</td><td></td><td></td><td>due</td></tr>
 * <tr><td>{@link #streamEnded}</td><td>the write role</td><td></td><td></td><td>done</td></tr>
 * <tr><td>{@link #writeFailed}</td><td>the write role</td><td></td><td>not any more</td><td>not any
 *     more</td></tr>
 * <tr><td>{@link #drop}</td><td>the user</td><td></td><td></td><td></td></tr>
 * <tr><td>{@link #disconnected}</td><td>who ends the link</td><td>CLOSED</td><td>not any
 *     more</td><td></td></tr>
 * </table>
 *
 * <p>The outcome is that of the first row that applies. "We began" means that the user closed or
 * dropped the connection.
 *
 * <table>
 * <caption>The outcome</caption>
 * <tr><th>what happened</th><th>code and reason</th><th>by the other side</th><th>clean</th>
 *     <th>cause</th></tr>
 * <tr><td>the other side broke the protocol</td><td>ours</td><td>no</td><td>no</td><td>what it did
 *     wrong</td></tr>
 * <tr><td>its close frame came, messages were lost</td><td>its own</td><td>if it came before
 *     ours</td><td>no</td><td>how many, and why</td></tr>
 * <tr><td>its close frame came</td><td>its own</td><td>if it came before ours</td><td>yes</td>
 *     <td>none</td></tr>
 * <tr><td>no close frame came</td><td>1006, ""</td><td>unless we began</td><td>no</td><td>why the
 *     link ended, if not well</td></tr>
 * </table>
 */
final class Closing {

    /** How the connection ended, as its user sees it (RFC 6455 sections 7.1.5 to 7.1.7). */
    record End(int code, String reason, boolean byPeer, boolean clean, Throwable cause) {}

    private static final VarHandle STATE;
    private static final VarHandle BEGUN;
    private static final VarHandle FRAME;

    static {
        try {
            var lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(Closing.class, "state", ConnectionState.class);
            BEGUN = lookup.findVarHandle(Closing.class, "begun", boolean.class);
            FRAME = lookup.findVarHandle(Closing.class, "frame", byte[].class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final boolean client;

    /** Moved by compare-and-set, see {@link #move}. */
    private volatile ConnectionState state = ConnectionState.CONNECTING;

    /** The other side's close frame; the code is written last, by the read role. */
    private String peerReason = "";

    private volatile int peerCode = -1;

    /** Whether the other side's close frame came before ours went out. Written before its code. */
    private boolean peerFirst;

    /** What the other side did wrong; written once by the read role, before our close frame. */
    private volatile ProtocolException violation;

    /**
     * Why the wire takes no more; written once under the write role. The end is left to the reader,
     * which may still find what the other side sent before it went: its close frame above all.
     */
    private volatile IOException writeFailure;

    /**
     * The payload of our close frame, which follows the last message: of whatever comes first, our
     * own close, the answer to the other side's, or the word on what it did wrong. Set by
     * compare-and-set, before the queue is closed.
     */
    @SuppressWarnings("unused") // through FRAME
    private volatile byte[] frame;

    /** Payload of the close frame that was asked for while the handshake was being answered. */
    private volatile byte[] postponed;

    /** Our stream is to end after our close frame. Written by any thread. */
    private volatile boolean streamEndDue;

    /** The end of our stream was sent. Written by the write role. */
    private volatile boolean streamEnded;

    /** The user has closed or dropped the connection. Set by the user's thread. */
    private volatile boolean begun;

    /** Whether its user has asked to end it; what its peer says of it depends on that. */
    private volatile boolean called;

    /**
     * How many messages were dropped: all from the first one on that found no room. Written by the
     * read role.
     */
    private volatile int dropped;

    Closing(boolean client) {
        this.client = client;
    }

    // ---- what one may ask; any thread ----

    ConnectionState state() {
        return state;
    }

    /** Whether our close frame is not out, so that messages may go out before it. */
    boolean canSend() {
        return state.canSend();
    }

    /** Whether frames of the other side still count. */
    boolean canReceive() {
        return state.canReceive() && violation == null;
    }

    /** Whether no message will come any more, but those that were read already. */
    boolean isOver() {
        ConnectionState now = state;
        return (now != ConnectionState.CONNECTING && !now.canReceive()) || violation != null;
    }

    /** Whether a thread that waits for messages has to look again: it saw this state before. */
    boolean hasMoved(ConnectionState seen) {
        ConnectionState now = state;
        return (now != seen && (now != ConnectionState.OPEN || seen == ConnectionState.CONNECTING))
                || violation != null;
    }

    /** Whether it was opened, and nothing has begun that ends it but our own wish. */
    boolean isOpen() {
        return state == ConnectionState.OPEN && violation == null && writeFailure == null;
    }

    /** Whether some thread has to read until the end, though nobody receives. */
    boolean needsReader() {
        return begun || peerCode >= 0 || violation != null || writeFailure != null;
    }

    /** Whether the user has closed or dropped the connection. */
    boolean isBegun() {
        return begun;
    }

    /** Whether the user has, and the other side's close frame is not in. */
    boolean isOursFirst() {
        return begun && peerCode < 0;
    }

    boolean isCalled() {
        return called;
    }

    /** Whether the other side's close frame came before one of ours. */
    boolean isRequested() {
        return peerCode >= 0 && peerFirst;
    }

    /** The code of the other side's close frame; -1 while there is none. */
    int peerCode() {
        return peerCode;
    }

    String peerReason() {
        return peerCode >= 0 ? peerReason : "";
    }

    /** Why the wire takes no more, or null. */
    IOException writeFailure() {
        return writeFailure;
    }

    /** Whether messages were dropped. */
    boolean hasDropped() {
        return dropped > 0;
    }

    /** The close frame that was asked for while the handshake was being answered, or null. */
    byte[] postponed() {
        return postponed;
    }

    // ---- what the write role has to do ----

    /** Whether our close frame or the end of our stream is to be sent behind the last message. */
    boolean isLastDue() {
        return writeFailure == null && (isFrameDue() || isStreamEndDue());
    }

    boolean isFrameDue() {
        return frame != null && state.canSend();
    }

    /** The payload of our close frame. */
    byte[] frame() {
        return frame;
    }

    boolean isStreamEndDue() {
        return streamEndDue && !streamEnded;
    }

    boolean isStreamEnded() {
        return streamEnded;
    }

    // ---- what happens ----

    /** The handshake succeeded; false if the connection has ended meanwhile. */
    boolean opened() {
        return move(Event.OPENED);
    }

    /** Notes that its user ends it, in whatever way. Before the rest of it. */
    void called() {
        called = true;
    }

    /**
     * The user closes while the handshake is being answered: the close frame goes after the answer.
     *
     * @return whether the opener will see to it; else it is open by now
     */
    boolean postpone(byte[] payload) {
        postponed = payload;
        return state == ConnectionState.CONNECTING;
    }

    /**
     * The user closes.
     *
     * @return false if our close frame is out, or it was closed before
     */
    boolean begin(byte[] payload) {
        if (!state.canSend() || !BEGUN.compareAndSet(this, false, true)) {
            return false;
        }
        FRAME.compareAndSet(this, null, payload);
        return true;
    }

    /** The user drops the connection, which ends without our close frame. */
    void drop() {
        begun = true;
    }

    /** The other side's close frame came in. It is answered in kind. */
    void peerClosed(int code, String reason) {
        peerReason = reason;
        peerFirst = state == ConnectionState.OPEN && !begun;
        peerCode = code;
        move(Event.RECEIVE_CLOSE);
        if (!client) {
            streamEndDue = true; // the server ends the stream first (section 7.1.1)
        }
        FRAME.compareAndSet(this, null, FrameEncoder.closePayload(code, reason));
    }

    /**
     * The other side broke the protocol. It is told why, and nothing is expected of it any more. A
     * client leaves the end of the stream to the server for a while, see {@link #endStream}.
     */
    void violated(ProtocolException e) {
        violation = e;
        if (!client) {
            streamEndDue = true;
        }
        byte[] payload = FrameEncoder.closePayload(e.closeCode(), clip(e.getMessage()));
        FRAME.compareAndSet(this, null, payload);
    }

    /** Our close frame is with the system. */
    void sent() {
        move(Event.SEND_CLOSE);
        if (violation != null) {
            move(Event.DISCONNECTED); // nothing is expected of it any more
        }
    }

    /** Our stream is to end behind our close frame. */
    void endStream() {
        streamEndDue = true;
    }

    void streamEnded() {
        streamEnded = true;
    }

    /** The wire takes no more. */
    void writeFailed(IOException cause) {
        if (writeFailure == null) {
            writeFailure = cause;
        }
    }

    /** A message came in that nobody will take. */
    void messageDropped() {
        int before = dropped;
        dropped = before + 1;
    }

    /** The link has ended. */
    void disconnected() {
        move(Event.DISCONNECTED);
    }

    /** The one method that moves the state; false if the event does not apply any more. */
    private boolean move(Event event) {
        while (true) {
            ConnectionState before = state;
            boolean possible =
                    switch (event) {
                        case OPENED -> before == ConnectionState.CONNECTING;
                        case SEND_CLOSE -> before.canSend();
                        case RECEIVE_CLOSE -> before.canReceive();
                        case DISCONNECTED -> before != ConnectionState.CLOSED;
                    };
            if (!possible) {
                return false;
            }
            if (STATE.compareAndSet(this, before, before.after(event))) {
                return true;
            }
        }
    }

    // ---- the outcome ----

    /**
     * How it ended, once the {@link #state} is CLOSED.
     *
     * @param unsent how many messages were accepted and could not be sent
     * @param failure why the link ended, or null
     */
    End outcome(int unsent, Throwable failure) {
        ProtocolException wrong = violation;
        if (wrong != null) {
            return new End(
                    wrong.closeCode(),
                    wrong.getMessage(),
                    false,
                    false,
                    new java.net.ProtocolException(wrong.getMessage()));
        }
        int code = peerCode;
        if (code >= 0) {
            IOException lost = lost(dropped, unsent, writeFailure);
            return new End(code, peerReason, peerFirst, lost == null, lost);
        }
        return new End(CloseCode.ABNORMAL, "", !begun, false, failure);
    }

    /** What was lost although both sides closed; null if nothing was. */
    private static IOException lost(int in, int out, IOException cause) {
        if (in == 0 && out == 0) {
            return null;
        }
        return new IOException(
                (in > 0
                                ? in
                                        + " received messages were dropped: after the close nobody"
                                        + " took them"
                                : "")
                        + (in > 0 && out > 0 ? "; " : "")
                        + (out > 0 ? out + " messages that were accepted could not be sent" : ""),
                cause);
    }

    /** As much of a text in ASCII as fits into a close frame; good for a log too, on one line. */
    static String clip(String text) {
        String plain = text.replaceAll("[^\\x20-\\x7E]", "?");
        return plain.substring(
                0, Math.min(plain.length(), FrameEncoder.MAX_CONTROL_PAYLOAD - Short.BYTES));
    }
}
