package io.peerloom.internal.protocol;

import java.nio.charset.StandardCharsets;
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

    /**
     * Whom is asked: the host of a target that is a whole URL, which counts more than the Host
     * header (RFC 9112 section 3.2.2), or that of the Host header.
     *
     * @return host and perhaps port as they were written; empty if it says neither
     */
    public String authority() {
        int from = authorityStart();
        return from < 0 ? first("Host").orElse("") : target.substring(from, authorityEnd(from));
    }

    /**
     * What is asked for there (RFC 9112 section 3.3).
     *
     * @return path and query of the target, beginning with a slash; empty for targets without:
     *     {@code *} and that of CONNECT
     */
    public String pathAndQuery() {
        if (target.startsWith("/")) {
            return target;
        }
        int from = authorityStart();
        if (from < 0) {
            return "";
        }
        String rest = target.substring(authorityEnd(from));
        return rest.startsWith("/") ? rest : "/" + rest;
    }

    /** Where the authority of a target begins that is a whole URL; -1 of any other. */
    int authorityStart() {
        int scheme = target.indexOf("://");
        return scheme > 0 && HttpSyntax.isToken(target.substring(0, scheme)) ? scheme + 3 : -1;
    }

    private int authorityEnd(int from) {
        int at = from;
        while (at < target.length() && target.charAt(at) != '/' && target.charAt(at) != '?') {
            at++;
        }
        return at;
    }

    /**
     * The head in the bytes of the wire, which {@link HeadParser} makes the same head of: a tenth
     * of the memory, for who keeps it without looking at it.
     *
     * @return the bytes, without the white space that stood around values
     */
    public byte[] toBytes() {
        var text = new StringBuilder(256);
        text.append(method).append(' ').append(target).append(' ').append(version());
        for (Header header : headers()) {
            text.append("\r\n").append(header.name()).append(':').append(header.value());
        }
        return text.append("\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /**
     * The head that {@link #toBytes} was called of.
     *
     * @param bytes what it returned
     * @return an equal head
     */
    public static RequestHead of(byte[] bytes) {
        HeadParser parser = HeadParser.request(bytes.length, bytes.length);
        try {
            parser.feed(bytes, 0, bytes.length);
        } catch (HandshakeException e) {
            throw new IllegalArgumentException("not the bytes of a head", e);
        }
        return parser.requestHead();
    }

    @Override
    public String toString() {
        return method + " " + target;
    }
}
