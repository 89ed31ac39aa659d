package io.peerloom.internal.link;

import java.io.Serial;
import javax.net.ssl.SSLException;

/** The other side does not speak TLS, as its first bytes show. */
public final class PlaintextException extends SSLException {
    @Serial private static final long serialVersionUID = 1;

    /** See {@link #isHttp}. */
    private final boolean http;

    /**
     * Makes the exception.
     *
     * @param message who it is, and what he sent
     * @param http whether that looks like HTTP
     */
    PlaintextException(String message, boolean http) {
        super(message);
        this.http = http;
    }

    /** {@return whether the other side seems to speak HTTP, so that an answer makes sense} */
    public boolean isHttp() {
        return http;
    }
}
