package io.peerloom.internal.protocol;

/**
 * The other side broke the WebSocket protocol, or went over a limit. The connection cannot go on:
 * answer with a close frame of {@link #closeCode()} and drop it (RFC 6455 section 7.1.7).
 *
 * <p>It carries no stack trace, since it tells of the other side's doing and not of a place in our
 * code, and since a hostile peer must not be able to make us walk stacks.
 */
public final class ProtocolException extends Exception {
    private static final long serialVersionUID = 1L;

    /** The code to close with. */
    private final int closeCode;

    /**
     * Makes the exception.
     *
     * @param closeCode what to close with, of {@link CloseCode}
     * @param message what was wrong, and where
     */
    public ProtocolException(int closeCode, String message) {
        super(message, null, false, false);
        this.closeCode = closeCode;
    }

    /**
     * The code for the close frame that answers this.
     *
     * @return one of {@link CloseCode#PROTOCOL_ERROR}, {@link CloseCode#INVALID_DATA} and {@link
     *     CloseCode#TOO_BIG}
     */
    public int closeCode() {
        return closeCode;
    }
}
