package io.peerloom.internal.protocol;

/**
 * The opening handshake failed by the other side's doing (RFC 6455 section 4). The message names
 * the cause. There is no stack trace, for the same reasons as in {@link ProtocolException}.
 */
public final class HandshakeException extends Exception {
    private static final long serialVersionUID = 1L;

    /** See {@link #status()}. */
    private final int status;

    /**
     * Makes the exception.
     *
     * @param status see {@link #status()}
     * @param message what was wrong
     */
    public HandshakeException(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    /**
     * The HTTP status that belongs to the failure. On a server it is the one to answer with: 400,
     * 405, 426, 431 or 505. On a client it is the one that the server answered with, and 0 if what
     * it answered cannot be read.
     *
     * @return an HTTP status, or 0
     */
    public int status() {
        return status;
    }
}
