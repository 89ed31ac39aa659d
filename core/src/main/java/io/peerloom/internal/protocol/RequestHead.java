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
