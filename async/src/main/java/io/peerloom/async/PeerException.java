package io.peerloom.async;

import io.peerloom.ErrorCode;
import java.util.Objects;

/**
 * How a future of this package fails: a code that core would have returned, and what caused it. It
 * is immutable apart from what every {@link Throwable} lets its holder add, and may be read by any
 * thread.
 */
public final class PeerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    /**
     * Creates the failure. The message names the code and, if there is a cause, what the cause says
     * of itself.
     *
     * @param code what core returned
     * @param cause what lies beneath it, normally from {@link io.peerloom.Peer#getFailure()}; null
     *     if nothing does
     * @throws IllegalArgumentException if the code is {@link ErrorCode#OK}, which is no failure
     */
    public PeerException(ErrorCode code, Throwable cause) {
        super(cause == null ? code.name() : code.name() + ": " + cause, cause);
        this.code = Objects.requireNonNull(code);
        if (code == ErrorCode.OK) {
            throw new IllegalArgumentException("OK is no failure");
        }
    }

    /**
     * Returns the code that core returned.
     *
     * @return the code, never {@link ErrorCode#OK}
     */
    public ErrorCode code() {
        return code;
    }
}
