package io.peerloom.internal.protocol;

import java.util.List;

/** The head of an HTTP response. Immutable. */
public final class ResponseHead extends HttpHead {
    private final int status;
    private final String reason;

    ResponseHead(String version, int status, String reason, List<Header> headers) {
        super(version, headers);
        this.status = status;
        this.reason = reason;
    }

    /**
     * The status.
     *
     * @return 100 to 999
     */
    public int status() {
        return status;
    }

    /**
     * The words behind the status, for people.
     *
     * @return without control characters; may be empty
     */
    public String reason() {
        return reason;
    }

    @Override
    public String toString() {
        return reason.isEmpty() ? Integer.toString(status) : status + " " + reason;
    }
}
