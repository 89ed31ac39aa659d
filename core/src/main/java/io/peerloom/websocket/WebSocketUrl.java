package io.peerloom.websocket;

import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.HostNames;
import io.peerloom.internal.protocol.HttpSyntax;
import io.peerloom.internal.protocol.Utf8;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;

/**
 * A {@code ws:} URL taken apart (RFC 6455 section 3, RFC 3986). Without a scheme it is {@code ws:},
 * as in Godot; {@code http:} and {@code https:} are taken for {@code ws:} and {@code wss:}.
 *
 * @param secure whether it is {@code wss:}
 * @param host name in ASCII, or address; an IPv6 address without its brackets, with its zone behind
 *     a percent sign
 * @param port the port, the scheme's default if the URL has none
 * @param hostHeader what the Host header says: without the zone, which means nothing to others (RFC
 *     6874 section 1), and without the port when it is the default
 * @param target path and query, at least {@code "/"}
 */
record WebSocketUrl(boolean secure, String host, int port, String hostHeader, String target) {

    /**
     * Takes a URL apart.
     *
     * @throws IllegalArgumentException naming what is wrong with it, and where; the message is
     *     printable, and has no user information
     */
    static WebSocketUrl parse(String url) {
        return new Parser(url).parse();
    }

    private static final class Parser {
        private final String url;

        Parser(String url) {
            this.url = url;
        }

        WebSocketUrl parse() {
            int start = 0;
            boolean secure = false;
            int scheme = url.indexOf("://");
            if (scheme >= 0 && endOf(0, "/?#") > scheme) { // not one within path or query
                start = scheme + 3;
                secure =
                        switch (url.substring(0, scheme).toLowerCase(Locale.ROOT)) {
                            case "ws", "http" -> false;
                            case "wss", "https" -> true;
                            default -> throw bad("scheme is neither ws nor wss", 0);
                        };
            }
            int end = endOf(start, "/?#");
            int user = url.lastIndexOf('@', end - 1);
            if (user >= start) { // it may be a password: it is not told on
                throw new IllegalArgumentException("URL with a user, at index " + start);
            }
            boolean literal = url.startsWith("[", start);
            int bracket = url.indexOf(']', start);
            if (literal && (bracket < 0 || bracket >= end)) {
                throw bad("bracket that does not end", start);
            }
            int endOfHost = literal ? bracket + 1 : endOf(start, ":/?#");
            if (endOfHost == start) {
                throw bad("no host", start);
            }
            if (start == 0 && url.startsWith(":/", endOfHost)) {
                throw bad("scheme without two slashes, or no port", endOfHost);
            }
            if (endOfHost < end && url.charAt(endOfHost) != ':') {
                throw bad("text behind an address", endOfHost);
            }
            String host = literal ? address(start + 1, endOfHost - 1) : name(start, endOfHost);
            int standard = secure ? 443 : 80;
            int port = endOfHost + 1 < end ? port(endOfHost + 1, end) : standard;
            int zone = host.indexOf('%');
            String shown = zone < 0 ? host : host.substring(0, zone);
            shown = literal ? '[' + shown + ']' : shown;
            return new WebSocketUrl(
                    secure, host, port, port == standard ? shown : shown + ':' + port, target(end));
        }

        /** Where the first of the characters stands, or the end. */
        private int endOf(int from, String characters) {
            int at = from;
            while (at < url.length() && characters.indexOf(url.charAt(at)) < 0) {
                at++;
            }
            return at;
        }

        private int port(int from, int to) {
            int port = 0;
            for (int at = from; at < to; at++) {
                char c = url.charAt(at);
                if (c < '0' || c > '9') {
                    throw bad(naming(c) + " in the port", at);
                }
                port = Math.min(port * 10 + (c - '0'), 100_000);
            }
            if (port < 1 || port > 65_535) {
                throw bad("port out of range", from);
            }
            return port;
        }

        /** An IPv6 address, with its zone (RFC 6874), whose percent sign need not be escaped. */
        private String address(int from, int to) {
            int percent = url.indexOf('%', from);
            int end = percent < 0 || percent > to ? to : percent;
            String address = url.substring(from, end);
            boolean six =
                    address.indexOf(':') >= 0
                            && address.chars()
                                    .allMatch(c -> c == ':' || c == '.' || HexFormat.isHexDigit(c));
            if (!six || Connector.localAddress(address, 0) == null) {
                throw bad("no IPv6 address in brackets", from);
            }
            if (end == to) {
                return address;
            }
            int start = url.startsWith("%25", end) ? end + 3 : end + 1;
            String zone = decoded(start, to);
            for (int i = 0; i < zone.length(); i++) {
                char c = zone.charAt(i);
                if (c <= ' ' || c >= 0x7F || "[]/?#@%:".indexOf(c) >= 0) {
                    throw bad(naming(c) + " in a zone", start);
                }
            }
            if (zone.isEmpty()) {
                throw bad("no zone behind a percent sign", end);
            }
            return address + '%' + zone;
        }

        /** A registered name (RFC 3986 section 3.2.2). */
        private String name(int from, int to) {
            String name = decoded(from, to);
            for (int i = 0; i < name.length(); i++) {
                char c = name.charAt(i);
                boolean good = c >= 0x80 || Character.isLetterOrDigit(c);
                if (!good && "-._~!$&'()*+;=".indexOf(c) < 0) {
                    int at = name.length() == to - from ? from + i : from; // else it was escaped
                    throw bad(naming(c) + " in a host", at);
                }
            }
            try {
                return HostNames.toAscii(name);
            } catch (IllegalArgumentException e) {
                throw bad(e.getMessage(), from);
            }
        }

        /** Without percent signs; the bytes behind them are UTF-8. */
        private String decoded(int from, int to) {
            String text = url.substring(from, to);
            if (text.indexOf('%') < 0) {
                return text;
            }
            var bytes = new ByteArrayOutputStream();
            for (int at = from; at < to; ) {
                if (url.charAt(at) == '%') {
                    checkEscape(at, to);
                    bytes.write(HexFormat.fromHexDigits(url, at + 1, at + 3));
                    at += 3;
                } else {
                    int next = url.offsetByCodePoints(at, 1);
                    bytes.writeBytes(utf8(at, next));
                    at = next;
                }
            }
            try {
                ByteBuffer all = ByteBuffer.wrap(bytes.toByteArray());
                return StandardCharsets.UTF_8.newDecoder().decode(all).toString();
            } catch (CharacterCodingException e) {
                throw bad("escaped bytes that are not UTF-8", from);
            }
        }

        private void checkEscape(int at, int to) {
            boolean good =
                    at + 2 < to
                            && HexFormat.isHexDigit(url.charAt(at + 1))
                            && HexFormat.isHexDigit(url.charAt(at + 2));
            if (!good) {
                throw bad("percent sign without two hexadecimal digits", at);
            }
        }

        /** Path and query; what is not ASCII as the bytes of its UTF-8 (RFC 3987 section 3.1). */
        private String target(int from) {
            var target = new StringBuilder(url.length() - from + 1);
            if (!url.startsWith("/", from)) {
                target.append('/');
            }
            boolean query = false;
            for (int at = from; at < url.length(); ) {
                int c = url.codePointAt(at);
                int next = at + Character.charCount(c);
                query |= c == '?';
                if (c == '#') {
                    throw bad("fragment", at); // RFC 6455 section 3
                } else if (c == '%') {
                    checkEscape(at, url.length());
                } else if (c <= ' '
                        || c == 0x7F
                        || (!query && (c == '[' || c == ']'))
                        || "\"<>\\^`{|}".indexOf(c) >= 0
                        || Character.isISOControl(c)
                        || Character.isSpaceChar(c)) {
                    throw bad(naming(c) + (query ? " in the query" : " in the path"), at);
                }
                if (c < 0x80) {
                    target.append((char) c);
                } else {
                    for (byte b : utf8(at, next)) {
                        target.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
                    }
                }
                at = next;
            }
            return target.toString();
        }

        private byte[] utf8(int from, int to) {
            if (to - from == 1 && Character.isSurrogate(url.charAt(from))) {
                throw bad("unpaired surrogate", from);
            }
            return Utf8.encode(url.substring(from, to));
        }

        private static String naming(int c) {
            return c > ' ' && c < 0x7F ? "'" + (char) c + "'" : String.format("U+%04X", c);
        }

        private IllegalArgumentException bad(String what, int index) {
            return new IllegalArgumentException(
                    what + ", at index " + index + " of URL " + HttpSyntax.quote(url));
        }
    }
}
