package io.peerloom;

import java.time.Duration;

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
 *
 * @param connectTimeout how long connecting may take: resolving, trying the addresses, TCP. When it
 *     is over, the status is {@link Peer.Status#ERROR} and poll answers {@link
 *     ErrorCode#CONNECTION_ERROR}
 * @param handshakeTimeout how long the whole handshake (proxy, TLS, upgrade) may take, counted from
 *     its start and not from its last byte. When it is over, the connection is closed; a server
 *     answers with status 408 where it still can
 * @param maxHeadBytes the bytes that the head of an upgrade request or answer may have, from its
 *     first byte to the empty line that ends it. A larger one is refused with status 431
 * @param maxHeaders the header lines that such a head may have. More are refused with status 431
 * @param maxMessageBytes the payload bytes that one incoming message may have, all fragments
 *     together and after inflation. A larger one closes the connection with code 1009
 * @param maxFragments the frames that one incoming message may come in, empty ones counted. More
 *     close the connection with code 1009
 * @param inboundBytes the bytes that may wait to be taken by the caller. Beyond them reading stops,
 *     and so, by TCP's own window, does the sender; nothing is dropped
 * @param inboundMessages the messages that may wait to be taken by the caller, with the same
 *     outcome
 * @param outboundBytes the bytes that may wait to be written to the socket. Beyond them sending
 *     answers {@link ErrorCode#OUT_OF_MEMORY} and takes nothing
 * @param outboundMessages the messages that may wait to be written to the socket, with the same
 *     outcome
 * @param closeTimeout how long to wait for the other side's part of a closing handshake. When it is
 *     over, the socket is closed and the close code is 1006. A server that stops waits as long
 *     again for handlers that have not returned
 * @param writeTimeout how long a write may make no progress because the other side does not read.
 *     When it is over, the connection is closed, and {@link Peer#getFailure()} says why
 * @param heartbeatInterval how long the other side may be silent before it is sent a ping
 * @param heartbeatTimeout how long it may stay silent after that ping. When it is over, the
 *     connection is closed with code 1006, and {@link Peer#getFailure()} says why
 */
public record Limits(
        Duration connectTimeout,
        Duration handshakeTimeout,
        int maxHeadBytes,
        int maxHeaders,
        int maxMessageBytes,
        int maxFragments,
        int inboundBytes,
        int inboundMessages,
        int outboundBytes,
        int outboundMessages,
        Duration closeTimeout,
        Duration writeTimeout,
        Duration heartbeatInterval,
        Duration heartbeatTimeout) {

    /**
     * A time that does not come, 292 years: the longest that can be counted in nanoseconds. For the
     * durations of this record.
     */
    public static final Duration NEVER = Duration.ofNanos(Long.MAX_VALUE);

    /** A size or a count without a bound of its own. For the numbers of this record. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    private static final Limits DEFAULTS =
            new Limits(
                    Duration.ofSeconds(30),
                    Duration.ofSeconds(10),
                    16 * 1024,
                    100,
                    1024 * 1024,
                    1024,
                    1024 * 1024,
                    2048,
                    1024 * 1024,
                    2048,
                    Duration.ofSeconds(5),
                    Duration.ofSeconds(30),
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20));

    private static final Limits UNBOUNDED_LIMITS =
            new Limits(
                    NEVER, NEVER, UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED,
                    UNBOUNDED, UNBOUNDED, NEVER, NEVER, NEVER, NEVER);

    /**
     * Checks every component.
     *
     * @throws NullPointerException if a duration is null
     * @throws IllegalArgumentException if a duration is zero, negative or longer than {@link
     *     #NEVER}, or if a number is zero or negative; the message names the component
     */
    public Limits {
        checkTime("connectTimeout", connectTimeout);
        checkTime("handshakeTimeout", handshakeTimeout);
        checkSize("maxHeadBytes", maxHeadBytes);
        checkSize("maxHeaders", maxHeaders);
        checkSize("maxMessageBytes", maxMessageBytes);
        checkSize("maxFragments", maxFragments);
        checkSize("inboundBytes", inboundBytes);
        checkSize("inboundMessages", inboundMessages);
        checkSize("outboundBytes", outboundBytes);
        checkSize("outboundMessages", outboundMessages);
        checkTime("closeTimeout", closeTimeout);
        checkTime("writeTimeout", writeTimeout);
        checkTime("heartbeatInterval", heartbeatInterval);
        checkTime("heartbeatTimeout", heartbeatTimeout);
    }

    /**
     * Returns the limits that a connection has when nobody says anything: connecting 30 s;
     * handshake 10 s; head 16 KiB in 100 lines; message 1 MiB in 1,024 frames; each queue 1 MiB in
     * 2,048 messages; closing 5 s; stalled write 30 s; ping after 20 s of silence, closed after 20
     * s more.
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
     * @return limits whose every component is {@link #NEVER} or {@link #UNBOUNDED}, always the same
     *     object
     */
    public static Limits unbounded() {
        return UNBOUNDED_LIMITS;
    }

    /**
     * Returns these limits with another {@link #connectTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withConnectTimeout(Duration value) {
        return new Limits(
                value,
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
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #handshakeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHandshakeTimeout(Duration value) {
        return new Limits(
                connectTimeout,
                value,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #maxHeadBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxHeadBytes(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                value,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #maxHeaders()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxHeaders(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                value,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #maxMessageBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxMessageBytes(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                value,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #maxFragments()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withMaxFragments(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                value,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #inboundBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withInboundBytes(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                value,
                inboundMessages,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #inboundMessages()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withInboundMessages(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                value,
                outboundBytes,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #outboundBytes()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withOutboundBytes(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                value,
                outboundMessages,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #outboundMessages()}.
     *
     * @param value the number; {@link #UNBOUNDED} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero or negative
     */
    public Limits withOutboundMessages(int value) {
        return new Limits(
                connectTimeout,
                handshakeTimeout,
                maxHeadBytes,
                maxHeaders,
                maxMessageBytes,
                maxFragments,
                inboundBytes,
                inboundMessages,
                outboundBytes,
                value,
                closeTimeout,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #closeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withCloseTimeout(Duration value) {
        return new Limits(
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
                value,
                writeTimeout,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #writeTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withWriteTimeout(Duration value) {
        return new Limits(
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
                value,
                heartbeatInterval,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #heartbeatInterval()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHeartbeatInterval(Duration value) {
        return new Limits(
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
                writeTimeout,
                value,
                heartbeatTimeout);
    }

    /**
     * Returns these limits with another {@link #heartbeatTimeout()}.
     *
     * @param value the time; {@link #NEVER} for no bound
     * @return the changed copy
     * @throws IllegalArgumentException if it is zero, negative or longer than {@link #NEVER}
     */
    public Limits withHeartbeatTimeout(Duration value) {
        return new Limits(
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
                writeTimeout,
                heartbeatInterval,
                value);
    }

    private static void checkTime(String name, Duration value) {
        if (!value.isPositive() || value.compareTo(NEVER) > 0) {
            throw new IllegalArgumentException(
                    name + " must be positive, and not longer than Limits.NEVER: " + value);
        }
    }

    private static void checkSize(String name, int value) {
        if (value <= 0) {
            throw new IllegalArgumentException(name + " must be positive: " + value);
        }
    }
}
