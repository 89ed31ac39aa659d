package io.peerloom.internal.protocol;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The alphabet of HTTP/1.1 (RFC 9110 section 5.6, RFC 9112), for what comes in and for what goes
 * out. What goes out is checked without mercy, since a line break that gets into a head writes a
 * head of its own.
 */
public final class HttpSyntax {
    private HttpSyntax() {}

    /** Whether names of methods, headers and subprotocols may hold this character. */
    static boolean isTokenChar(int c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || switch (c) {
                    case '!',
                            '#',
                            '$',
                            '%',
                            '&',
                            '\'',
                            '*',
                            '+',
                            '-',
                            '.',
                            '^',
                            '_',
                            '`',
                            '|',
                            '~' ->
                            true;
                    default -> false;
                };
    }

    /** Whether a header's value may hold this byte: printable, or a tab, or beyond ASCII. */
    static boolean isValueChar(int c) {
        return (c >= ' ' && c != 0x7F) || c == '\t';
    }

    /** Whether a request's target may hold this character: printable ASCII. */
    static boolean isTargetChar(int c) {
        return c > ' ' && c < 0x7F;
    }

    /** Whether a name of a host may hold this character (RFC 3986 section 3.2.2). */
    static boolean isNameChar(int c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || "-._~!$&'()*+;=%".indexOf(c) >= 0;
    }

    /**
     * Whether a Host header may say it: a name or an address in brackets, and perhaps a port (RFC
     * 3986 section 3.2, without userinfo, and without the comma, which would make a list of it).
     */
    static boolean isAuthority(String text) {
        String host = host(text);
        boolean brackets = host.length() > 2 && host.startsWith("[") && host.endsWith("]");
        String name = brackets ? host.substring(1, host.length() - 1) : host;
        return !name.isEmpty()
                && name.chars().allMatch(c -> isNameChar(c) || (brackets && c == ':'))
                && port(text).chars().allMatch(HttpSyntax::isDigit);
    }

    static boolean isDigit(int c) {
        return c >= '0' && c <= '9';
    }

    /**
     * The host of an authority.
     *
     * @param authority a host and perhaps a port, as in the Host header
     * @return the part before the port; an IPv6 address in its brackets
     */
    public static String host(String authority) {
        return authority.substring(0, endOfHost(authority));
    }

    /** The digits after an authority's colon; empty if there are none. */
    static String port(String authority) {
        return authority.substring(Math.min(endOfHost(authority) + 1, authority.length()));
    }

    private static int endOfHost(String authority) {
        int colon = authority.lastIndexOf(':');
        return colon > authority.lastIndexOf(']') ? colon : authority.length();
    }

    static boolean isToken(String text) {
        return !text.isEmpty() && text.chars().allMatch(HttpSyntax::isTokenChar);
    }

    /** Without the spaces and tabs around it, and without more than those. */
    static String trim(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isBlank(text.charAt(from))) {
            from++;
        }
        while (to > from && isBlank(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    static boolean isBlank(int c) {
        return c == ' ' || c == '\t';
    }

    /** Appends headers of the caller's, each as a line. */
    static void append(StringBuilder head, List<Header> headers, Set<String> reserved) {
        for (Header header : headers) {
            if (!isToken(header.name())) {
                throw new IllegalArgumentException(
                        "header name " + quote(header.name()) + " is not a token");
            }
            for (String name : reserved) {
                if (name.equalsIgnoreCase(header.name())) {
                    throw new IllegalArgumentException(
                            "header " + header.name() + " belongs to the handshake");
                }
            }
            append(head, header.name(), header.value());
        }
    }

    /** Appends one header line with a name of ours. */
    static void append(StringBuilder head, String name, String value) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (!isValueChar(c) || (c >= 0x80 && c < 0xA0) || c > 0xFF) {
                throw new IllegalArgumentException(
                        String.format(
                                "value of header %s has character U+%04X at index %d",
                                name, (int) c, i));
            }
        }
        head.append(name).append(": ").append(value).append("\r\n");
    }

    /** Refuses subprotocols that are no tokens, or named twice (RFC 6455 section 4.1). */
    static void checkProtocols(List<String> protocols) {
        Set<String> seen = new HashSet<>();
        for (String protocol : protocols) {
            if (!isToken(protocol)) {
                throw new IllegalArgumentException(
                        "subprotocol " + quote(protocol) + " is not a token");
            }
            if (!seen.add(protocol)) {
                throw new IllegalArgumentException("subprotocol " + protocol + " named twice");
            }
        }
    }

    /**
     * For messages: quoted, cut to a decent length, and with nothing but printable ASCII.
     *
     * @param text what somebody else wrote
     * @return what can be shown and logged
     */
    public static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length() && i < 60; i++) {
            char c = text.charAt(i);
            if (c >= ' ' && c < 0x7F) {
                quoted.append(c);
            } else {
                quoted.append(String.format("\\u%04X", (int) c));
            }
        }
        return quoted.append(text.length() > 60 ? "...\"" : "\"").toString();
    }
}
