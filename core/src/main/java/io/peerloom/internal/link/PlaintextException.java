package io.peerloom.internal.link;

import java.io.Serial;
import javax.net.ssl.SSLException;

/** The other side does not speak TLS, as its first bytes show. */
public final class PlaintextException extends SSLException {
    @Serial private static final long serialVersionUID = 1;

    /** See {@link #isHttp}. */
    private final boolean http;

    /** See {@link #isHead}. */
    private final boolean head;

    /**
     * Makes the exception.
     *
     * @param message who it is, and what it sent
     * @param http whether that looks like HTTP
     * @param head whether that looks like a HEAD request
     */
    PlaintextException(String message, boolean http, boolean head) {
        super(message);
        this.http = http;
        this.head = head;
    }

    /** {@return whether the other side seems to speak HTTP, so that an answer makes sense} */
    public boolean isHttp() {
        return http;
    }

    /** {@return whether the request is a HEAD, whose answer has no body} */
    public boolean isHead() {
        return head;
    }
}
