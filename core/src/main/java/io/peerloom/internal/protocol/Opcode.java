package io.peerloom.internal.protocol;

/** What a frame holds: the low four bits of its first byte (RFC 6455 section 5.2). */
public final class Opcode {
    /** A further part of the message that is under way. */
    public static final int CONTINUATION = 0;

    /** A text message, or its first part. */
    public static final int TEXT = 1;

    /** A binary message, or its first part. */
    public static final int BINARY = 2;

    /** The end of one direction. The lowest of the control frames. */
    public static final int CLOSE = 8;

    /** A question whether the other side lives. */
    public static final int PING = 9;

    /** The answer to a ping, or a sign of life nobody asked for. */
    public static final int PONG = 10;

    private Opcode() {}
}
