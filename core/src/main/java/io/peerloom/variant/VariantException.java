package io.peerloom.variant;

import io.peerloom.ErrorCode;
import java.io.IOException;
import java.util.Objects;

/**
 * Thrown by {@link VariantCodec} when bytes cannot be decoded or a value cannot be encoded. The
 * message says what is wrong and where, and quotes nothing of the data.
 */
public final class VariantException extends IOException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    /**
     * Creates an exception.
     *
     * @param code the code that Godot's own codec returns in this case
     * @param message what is wrong, and where
     */
    public VariantException(ErrorCode code, String message) {
        super(message);
        this.code = Objects.requireNonNull(code, "code");
    }

    /**
     * Returns the kind of failure.
     *
     * @return when decoding, {@link ErrorCode#INVALID_DATA} for what is malformed or cut off, and
     *     {@link ErrorCode#FILE_EOF} for a string that is cut off; when encoding, {@link
     *     ErrorCode#INVALID_PARAMETER} for a type that the dialect does not have and for text that
     *     is not Unicode; in both directions, {@link ErrorCode#UNAUTHORIZED} for a full object
     *     where they are not allowed, and {@link ErrorCode#OUT_OF_MEMORY} for what exceeds a limit
     *     of the codec
     */
    public ErrorCode code() {
        return code;
    }
}
