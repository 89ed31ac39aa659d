package io.peerloom;

/**
 * What a call answers when the network or the other side, and not the caller, decides how it ends.
 *
 * <p>Names and numbers are those of Godot's {@code Error} enumeration, the names without their
 * prefix {@code ERR_}. The numbers have been the same in every Godot from 3.1 to 4.7. Only the
 * codes that some method of this library returns are here. What only a programmer can get wrong is
 * an exception instead ({@link NullPointerException}, {@link IllegalArgumentException}).
 *
 * <p>A code says which kind of thing happened; the cause itself, with its message and stack, is
 * kept in {@link Peer#getFailure()}.
 */
public enum ErrorCode {
    /** It worked. Godot: {@code OK}. */
    OK(0),

    /**
     * It did not work, and no other code says it better: the peer is not connected, or the socket
     * reported an error in the middle of a transfer. Godot: {@code FAILED}.
     */
    FAILED(1),

    /**
     * There is nothing of what was asked for: no packet waits, or an address cannot be bound.
     * Asking again later may succeed. Godot: {@code ERR_UNAVAILABLE}.
     */
    UNAVAILABLE(2),

    /**
     * Something that the call needs was never set, such as the stream beneath a packet peer, or has
     * not come about yet, such as a TLS session. Godot: {@code ERR_UNCONFIGURED}.
     */
    UNCONFIGURED(3),

    /**
     * It is not allowed: the operating system refused access to a path or a port, or encoded data
     * hold an object where objects are not accepted. Godot: {@code ERR_UNAUTHORIZED}.
     */
    UNAUTHORIZED(4),

    /**
     * A bounded buffer has no room for it, and nothing of it was taken. Despite the name the
     * machine's memory need not be short: it is Godot's answer to a full outbound queue. Godot:
     * {@code ERR_OUT_OF_MEMORY}.
     */
    OUT_OF_MEMORY(6),

    /**
     * The other side has ended the stream before all of it was there. Godot: {@code ERR_FILE_EOF}.
     */
    FILE_EOF(18),

    /** The operating system would not give a socket. Godot: {@code ERR_CANT_CREATE}. */
    CANT_CREATE(20),

    /**
     * The peer or server is in use already (it has to be disconnected or stopped first), or the
     * address that it should listen at is taken. Godot: {@code ERR_ALREADY_IN_USE}.
     */
    ALREADY_IN_USE(22),

    /** The time that bounds the call is over. Godot: {@code ERR_TIMEOUT}. */
    TIMEOUT(24),

    /** A host name could not be turned into an address. Godot: {@code ERR_CANT_RESOLVE}. */
    CANT_RESOLVE(26),

    /**
     * A connection could not be established, or broke: refused, unreachable, not answered in time,
     * or ended by a TLS error. Godot: {@code ERR_CONNECTION_ERROR}.
     */
    CONNECTION_ERROR(27),

    /**
     * Bytes that came in do not follow the format that they should have. Godot: {@code
     * ERR_INVALID_DATA}.
     */
    INVALID_DATA(30),

    /**
     * A value is outside of what can ever work, such as a port above 65,535, a URL that cannot be
     * parsed, or a packet larger than the buffer it has to pass. Asking again will not help. Godot:
     * {@code ERR_INVALID_PARAMETER}.
     */
    INVALID_PARAMETER(31),

    /**
     * Something has that name already, such as the file of a Unix socket. Godot: {@code
     * ERR_ALREADY_EXISTS}.
     */
    ALREADY_EXISTS(32),

    /** Something else is going on that has to end first. Godot: {@code ERR_BUSY}. */
    BUSY(44);

    private final int value;

    ErrorCode(int value) {
        this.value = value;
    }

    /**
     * Returns the number that Godot gives to this code, which is not the {@link #ordinal()}.
     *
     * @return the number in Godot's {@code Error} enumeration, 0 for {@link #OK}
     */
    public int value() {
        return value;
    }
}
