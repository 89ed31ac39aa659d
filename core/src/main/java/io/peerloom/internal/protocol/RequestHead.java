package io.peerloom.internal.protocol;

import java.util.List;

/** The head of an HTTP request. Immutable. */
public final class RequestHead extends HttpHead {
    private final String method;
    private final String target;

    RequestHead(String method, String target, String version, List<Header> headers) {
        super(version, headers);
        this.method = method;
        this.target = target;
    }

    /**
     * The method.
     *
     * @return a token such as {@code GET}
     */
    public String method() {
        return method;
    }

    /**
     * What is asked for.
     *
     * @return the target as it was written, printable ASCII without spaces
     */
    public String target() {
        return target;
    }

    @Override
    public String toString() {
        return method + " " + target;
    }
}
