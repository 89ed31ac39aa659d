package io.peerloom.internal.link;

import java.io.Serial;
import javax.net.ssl.SSLException;

/** The other side does not speak TLS, as its first bytes show. */
public final class PlaintextException extends SSLException {
    @Serial private static final long serialVersionUID = 1;

    /**
     * Makes the exception.
     *
     * @param message who it is, and what he sent
     */
    PlaintextException(String message) {
        super(message);
    }
}
