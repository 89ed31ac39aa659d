package io.peerloom;

import java.time.Duration;
import java.util.Objects;

/**
 * What bounds a connection, so that no other side can make it hold more or wait longer than the
 * caller meant. It is immutable, and read when a connection begins: changing a peer's limits later
 * does not touch the connection that it has.
 *
 * <p>Every bound is finite unless the caller says otherwise, and is never lifted by a number such
 * as 0 or -1, which are refused. In words: {@link #NEVER} for a time, {@link #UNBOUNDED} for a size
 * or a count, {@link #unbounded()} for all of them.
 *
 * <p>Sizes are in bytes. {@link Integer#MAX_VALUE} is at the same time the largest size that a Java
 * array can have, so a lifted bound still ends there.
 */
public final class Limits {

    /**
     * A time that does not come, 292 years: the longest that can be counted in nanoseconds. For the
     * durations among the limits.
     */
    public static final Duration NEVER = Duration.ofNanos(Long.MAX_VALUE);

    /** A size or a count without a bound of its own. For the numbers among the limits. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    /** The bounds, for the one constructor that changes one. */
    private enum Bound {
        CONNECT_TIMEOUT,
        HANDSHAKE_TIMEOUT,
        MAX_HEAD_BYTES,
        MAX_HEADERS,
        MAX_MESSAGE_BYTES,
        MAX_FRAGMENTS,
        INBOUND_BYTES,
        INBOUND_MESSAGES,
        OUTBOUND_BYTES,
        OUTBOUND_MESSAGES,
        CLOSE_TIMEOUT,
        LINGER_TIMEOUT,
        WRITE_TIMEOUT,
        HEARTBEAT_INTERVAL,
        HEARTBEAT_TIMEOUT
    }

    private static final Limits UNBOUNDED_LIMITS = new Limits();

    private static final Limits DEFAULTS =
            UNBOUNDED_LIMITS
                    .withConnectTimeout(Duration.ofSeconds(30))
                    .withHandshakeTimeout(Duration.ofSeconds(10))
                    .withMaxHeadBytes(16 * 1024)
                    .withMaxHeaders(100)
                    .withMaxMessageBytes(1024 * 1024)
                    .withMaxFragments(1024)
                    .withInboundBytes(1024 * 1024)
                    .withInboundMessages(2048)
                    .withOutboundBytes(1024 * 1024)
                    .withOutboundMessages(2048)
                    .withCloseTimeout(Duration.ofSeconds(5))
                    .withLingerTimeout(Duration.ofMinutes(5))
                    .withWriteTimeout(Duration.ofSeconds(30))
                    .withHeartbeatInterval(Duration.ofSeconds(20))
                    .withHeartbeatTimeout(Duration.ofSeconds(20));

    private final Duration connectTimeout;
    private final Duration handshakeTimeout;
    private final int maxHeadBytes;
    private final int maxHeaders;
    private final int maxMessageBytes;
    private final int maxFragments;
    private final int inboundBytes;
    private final int inboundMessages;
    private final int outboundBytes;
    private final int outboundMessages;
    private final Duration closeTimeout;
    private final Duration lingerTimeout;
    private final Duration writeTimeout;
    private final Duration heartbeatInterval;
    private final Duration heartbeatTimeout;

    /** No bounds at all. */
    private Limits() {
        connectTimeout = NEVER;
        handshakeTimeout = NEVER;
        maxHeadBytes = UNBOUNDED;
        maxHeaders = UNBOUNDED;
        maxMessageBytes = UNBOUNDED;
        maxFragments = UNBOUNDED;
        inboundBytes = UNBOUNDED;
        inboundMessages = UNBOUNDED;
        outboundBytes = UNBOUNDED;
        outboundMessages = UNBOUNDED;
        closeTimeout = NEVER;
        lingerTimeout = NEVER;
        writeTimeout = NEVER;
        heartbeatInterval = NEVER;
        heartbeatTimeout = NEVER;
    }

    /** A copy in which one bound is another; a time or a size, as it takes. */
    private Limits(Limits from, Bound bound, Duration time, int size) {
        connectTimeout = bound == Bound.CONNECT_TIMEOUT ? time : from.connectTimeout;
        handshakeTimeout = bound == Bound.HANDSHAKE_TIMEOUT ? time : from.handshakeTimeout;
        maxHeadBytes = bound == Bound.MAX_HEAD_BYTES ? size : from.maxHeadBytes;
        maxHeaders = bound == Bound.MAX_HEADERS ? size : from.maxHeaders;
        maxMessageBytes = bound == Bound.MAX_MESSAGE_BYTES ? size : from.maxMessageBytes;
        maxFragments = bound == Bound.MAX_FRAGMENTS ? size : from.maxFragments;
        inboundBytes = bound == Bound.INBOUND_BYTES ? size : from.inboundBytes;
        inboundMessages = bound == Bound.INBOUND_MESSAGES ? size : from.inboundMessages;
        outboundBytes = bound == Bound.OUTBOUND_BYTES ? size : from.outboundBytes;
        outboundMessages = bound == Bound.OUTBOUND_MESSAGES ? size : from.outboundMessages;
        closeTimeout = bound == Bound.CLOSE_TIMEOUT ? time : from.closeTimeout;
        lingerTimeout = bound == Bound.LINGER_TIMEOUT ? time : from.lingerTimeout;
        writeTimeout = bound == Bound.WRITE_TIMEOUT ? time : from.writeTimeout;
        heartbeatInterval = bound == Bound.HEARTBEAT_INTERVAL ? time : from.heartbeatInterval;
        heartbeatTimeout = bound == Bound.HEARTBEAT_TIMEOUT ? time : from.heartbeatTimeout;
    }

    /**
     * Returns the limits that a connection has when nobody says anything: connecting 30 s;
     * handshake 10 s; head 16 KiB in 100 lines; message 1 MiB in 1,024 frames; each queue 1 MiB in
     * 2,048 messages; closing 5 s, lingering 5 minutes; stalled write 30 s; ping after 20 s of
     * silence, closed after 20 s more.
     *
     * @return the defaults, always the same object
     */
    public static Limits defaults() {
        return DEFAULTS;
    }

    /**
     * Returns limits that limit nothing: no time ends anything (so no ping is ever sent), and what
     * waits or arrives is bounded by nothing but the machine's memory. Only for tests, and for two
     * ends that trust each other. To lift a single bound, give {@link #NEVER} or {@link #UNBOUNDED}
     * to its method below.
     *
     * @return limits whose every bound is {@link #NEVER} or {@link #UNBOUNDED}, always the same
     *     object
     */
    public static Limits unbounded() {
        return UNBOUNDED_LIMITS;
    }

    /**
     * {@return how long connecting may take: resolving, trying the addresses, TCP} When it is over,
     * the status is {@link Peer.Status#ERROR} and poll returns {@link ErrorCode#CONNECTION_ERROR}.
     */
    public Duration connectTimeout() {
        return connectTimeout;
    }

    /**
     * Returns these limits with another {@link #connectTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withConnectTimeout(Duration value) {
        return with(Bound.CONNECT_TIMEOUT, "connectTimeout", value);
    }

    /**
     * {@return how long the whole handshake (TLS, upgrade) may take} It counts from the start of
     * the handshake and not from its last byte. When it is over, the connection is closed; a server
     * answers with status 408 where it still can.
     */
    public Duration handshakeTimeout() {
        return handshakeTimeout;
    }

    /**
     * Returns these limits with another {@link #handshakeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHandshakeTimeout(Duration value) {
        return with(Bound.HANDSHAKE_TIMEOUT, "handshakeTimeout", value);
    }

    /**
     * {@return how many bytes the head of an upgrade request or answer may have} They count from
     * its first byte to the empty line that ends it. A larger one is refused with status 431.
     */
    public int maxHeadBytes() {
        return maxHeadBytes;
    }

    /**
     * Returns these limits with another {@link #maxHeadBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxHeadBytes(int value) {
        return with(Bound.MAX_HEAD_BYTES, "maxHeadBytes", value);
    }

    /** {@return how many header lines such a head may have} More are refused with status 431. */
    public int maxHeaders() {
        return maxHeaders;
    }

    /**
     * Returns these limits with another {@link #maxHeaders()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxHeaders(int value) {
        return with(Bound.MAX_HEADERS, "maxHeaders", value);
    }

    /**
     * {@return how many payload bytes one incoming message may have} All its fragments count, after
     * inflation. A larger one closes the connection with code 1009.
     */
    public int maxMessageBytes() {
        return maxMessageBytes;
    }

    /**
     * Returns these limits with another {@link #maxMessageBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxMessageBytes(int value) {
        return with(Bound.MAX_MESSAGE_BYTES, "maxMessageBytes", value);
    }

    /**
     * {@return how many frames one incoming message may come in} Empty ones count. More close the
     * connection with code 1009.
     */
    public int maxFragments() {
        return maxFragments;
    }

    /**
     * Returns these limits with another {@link #maxFragments()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxFragments(int value) {
        return with(Bound.MAX_FRAGMENTS, "maxFragments", value);
    }

    /**
     * {@return how many received bytes may wait to be taken by the caller} Beyond them reading
     * stops, and so, by TCP's own window, does the sender; nothing is dropped.
     */
    public int inboundBytes() {
        return inboundBytes;
    }

    /**
     * Returns these limits with another {@link #inboundBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withInboundBytes(int value) {
        return with(Bound.INBOUND_BYTES, "inboundBytes", value);
    }

    /**
     * {@return how many received messages may wait to be taken by the caller} Beyond them reading
     * stops, as for {@link #inboundBytes}.
     */
    public int inboundMessages() {
        return inboundMessages;
    }

    /**
     * Returns these limits with another {@link #inboundMessages()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withInboundMessages(int value) {
        return with(Bound.INBOUND_MESSAGES, "inboundMessages", value);
    }

    /**
     * {@return how many accepted bytes may wait to be written to the socket} Beyond them sending
     * returns {@link ErrorCode#OUT_OF_MEMORY} and takes nothing; a blocking peer waits first. A
     * message that is larger than this bound is accepted when less than the bound waits, so the
     * most that can wait is the bound and one message.
     */
    public int outboundBytes() {
        return outboundBytes;
    }

    /**
     * Returns these limits with another {@link #outboundBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withOutboundBytes(int value) {
        return with(Bound.OUTBOUND_BYTES, "outboundBytes", value);
    }

    /**
     * {@return how many accepted messages may wait to be written to the socket} Beyond them sending
     * is refused, as for {@link #outboundBytes}.
     */
    public int outboundMessages() {
        return outboundMessages;
    }

    /**
     * Returns these limits with another {@link #outboundMessages()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withOutboundMessages(int value) {
        return with(Bound.OUTBOUND_MESSAGES, "outboundMessages", value);
    }

    /**
     * {@return how long a closing handshake may make no progress} It counts from our close frame,
     * or from the last message that arrived after it and was taken by the caller. When it is over,
     * the connection has ended: the close code is 1006 unless the other side's close frame came.
     * The socket may then {@linkplain #lingerTimeout linger}. A server that stops waits as long
     * again for handlers that have not returned.
     */
    public Duration closeTimeout() {
        return closeTimeout;
    }

    /**
     * Returns these limits with another {@link #closeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withCloseTimeout(Duration value) {
        return with(Bound.CLOSE_TIMEOUT, "closeTimeout", value);
    }

    /**
     * {@return how long the socket of a closed connection is kept at the most} What was accepted
     * before the close may still be in the system's buffers when the close timeout is over, and a
     * socket that is closed while the other side goes on sending would take it away. So the socket
     * is only half-closed then: what still comes in is read and dropped until the other side ends
     * its stream, until it was silent for {@link #writeTimeout}, or until this time is over. It
     * costs a thread and a small buffer meanwhile, and nobody waits for it.
     */
    public Duration lingerTimeout() {
        return lingerTimeout;
    }

    /**
     * Returns these limits with another {@link #lingerTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withLingerTimeout(Duration value) {
        return with(Bound.LINGER_TIMEOUT, "lingerTimeout", value);
    }

    /**
     * {@return how long a write may make no progress because the other side does not read} When it
     * is over, the connection is closed, and {@link Peer#getFailure()} says why.
     */
    public Duration writeTimeout() {
        return writeTimeout;
    }

    /**
     * Returns these limits with another {@link #writeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withWriteTimeout(Duration value) {
        return with(Bound.WRITE_TIMEOUT, "writeTimeout", value);
    }

    /** {@return how long the other side may be silent before it is sent a ping} */
    public Duration heartbeatInterval() {
        return heartbeatInterval;
    }

    /**
     * Returns these limits with another {@link #heartbeatInterval()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHeartbeatInterval(Duration value) {
        return with(Bound.HEARTBEAT_INTERVAL, "heartbeatInterval", value);
    }

    /**
     * {@return how long the other side may stay silent after that ping} When it is over, the
     * connection is closed with code 1006, and {@link Peer#getFailure()} says why.
     */
    public Duration heartbeatTimeout() {
        return heartbeatTimeout;
    }

    /**
     * Returns these limits with another {@link #heartbeatTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHeartbeatTimeout(Duration value) {
        return with(Bound.HEARTBEAT_TIMEOUT, "heartbeatTimeout", value);
    }

    private Limits with(Bound bound, String name, Duration value) {
        Objects.requireNonNull(value, name);
        if (value.isZero() || value.isNegative() || value.compareTo(NEVER) > 0) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + value
                            + ", which is no time to wait; for none use Limits.NEVER");
        }
        return new Limits(this, bound, value, 0);
    }

    private Limits with(Bound bound, String name, int value) {
        if (value <= 0) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", not positive; for no bound use Limits.UNBOUNDED");
        }
        return new Limits(this, bound, null, value);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Limits that
                && connectTimeout.equals(that.connectTimeout)
                && handshakeTimeout.equals(that.handshakeTimeout)
                && maxHeadBytes == that.maxHeadBytes
                && maxHeaders == that.maxHeaders
                && maxMessageBytes == that.maxMessageBytes
                && maxFragments == that.maxFragments
                && inboundBytes == that.inboundBytes
                && inboundMessages == that.inboundMessages
                && outboundBytes == that.outboundBytes
                && outboundMessages == that.outboundMessages
                && closeTimeout.equals(that.closeTimeout)
                && lingerTimeout.equals(that.lingerTimeout)
                && writeTimeout.equals(that.writeTimeout)
                && heartbeatInterval.equals(that.heartbeatInterval)
                && heartbeatTimeout.equals(that.heartbeatTimeout);
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                lingerTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /** {@return every bound with its value} */
    @Override
    public String toString() {
        return "Limits["
                + "connectTimeout="
                + connectTimeout
                + ", handshakeTimeout="
                + handshakeTimeout
                + ", maxHeadBytes="
                + maxHeadBytes
                + ", maxHeaders="
                + maxHeaders
                + ", maxMessageBytes="
                + maxMessageBytes
                + ", maxFragments="
                + maxFragments
                + ", inboundBytes="
                + inboundBytes
                + ", inboundMessages="
                + inboundMessages
                + ", outboundBytes="
                + outboundBytes
                + ", outboundMessages="
                + outboundMessages
                + ", closeTimeout="
                + closeTimeout
                + ", lingerTimeout="
                + lingerTimeout
                + ", writeTimeout="
                + writeTimeout
                + ", heartbeatInterval="
                + heartbeatInterval
                + ", heartbeatTimeout="
                + heartbeatTimeout
                + "]";
    }
}
