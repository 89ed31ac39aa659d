package io.peerloom.internal.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the heads of requests and responses share: their header lines. Immutable. */
public abstract sealed class HttpHead permits RequestHead, ResponseHead {
    private final String version;
    private final List<Header> headers;

    /**
     * Keeps what was parsed.
     *
     * @param version such as {@code HTTP/1.1}
     * @param headers in the order of the wire
     */
    HttpHead(String version, List<Header> headers) {
        this.version = version;
        this.headers = List.copyOf(headers);
    }

    /**
     * The version of the protocol.
     *
     * @return {@code HTTP/} and two digits with a dot between
     */
    public final String version() {
        return version;
    }

    /**
     * Whether it is HTTP/1.1 or a later 1.x, which is to be read as 1.1 (RFC 9110 section 2.5, RFC
     * 6455 section 4.2.1).
     *
     * @return whether a WebSocket can be opened with it
     */
    public final boolean isVersion11() {
        return version.startsWith("HTTP/1.") && !version.equals("HTTP/1.0");
    }

    /**
     * All header lines.
     *
     * @return in the order of the wire; cannot be changed
     */
    public final List<Header> headers() {
        return headers;
    }

    /**
     * The value of the first header line of a name.
     *
     * @param name in any case
     * @return the value, which may be empty, or nothing if there is no such line
     */
    public final Optional<String> first(String name) {
        for (Header header : headers) {
            if (header.name().equalsIgnoreCase(name)) {
                return Optional.of(header.value());
            }
        }
        return Optional.empty();
    }

    /**
     * The values of all header lines of a name.
     *
     * @param name in any case
     * @return the values in the order of the wire
     */
    public final List<String> all(String name) {
        List<String> values = new ArrayList<>(1);
        for (Header header : headers) {
            if (header.name().equalsIgnoreCase(name)) {
                values.add(header.value());
            }
        }
        return values;
    }

    /**
     * The elements of a list that may be spread over several lines (RFC 9110 section 5.6.1). Empty
     * elements are left out.
     *
     * @param name in any case
     * @return the elements without the whitespace around them, in the order of the wire
     */
    public final List<String> list(String name) {
        List<String> elements = new ArrayList<>(1);
        for (Header header : headers) {
            if (header.name().equalsIgnoreCase(name)) {
                split(header.value(), elements);
            }
        }
        return elements;
    }

    /**
     * Whether a list holds a token.
     *
     * @param name the header, in any case
     * @param token what to look for, in any case
     * @return whether one of the list's elements is the token
     */
    public final boolean hasToken(String name, String token) {
        for (String element : list(name)) {
            if (element.equalsIgnoreCase(token)) {
                return true;
            }
        }
        return false;
    }

    private static void split(String value, List<String> elements) {
        for (int from = 0; from <= value.length(); ) {
            int comma = value.indexOf(',', from);
            int to = comma < 0 ? value.length() : comma;
            String element = HttpSyntax.trim(value.substring(from, to));
            if (!element.isEmpty()) {
                elements.add(element);
            }
            from = to + 1;
        }
    }
}
