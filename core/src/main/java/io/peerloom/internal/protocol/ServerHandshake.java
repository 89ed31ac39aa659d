package io.peerloom.internal.protocol;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** The server's half of the opening handshake (RFC 6455 section 4.2). */
public final class ServerHandshake {
    /** What only this class may write into an answer that accepts. */
    private static final Set<String> ACCEPT_HEADERS =
            Set.of(
                    "Upgrade",
                    "Connection",
                    "Sec-WebSocket-Accept",
                    "Sec-WebSocket-Protocol",
                    "Sec-WebSocket-Extensions",
                    "Content-Length",
                    "Transfer-Encoding");

    /** What only this class may write into an answer that refuses. */
    private static final Set<String> REFUSE_HEADERS =
            Set.of("Connection", "Content-Length", "Content-Type", "Transfer-Encoding");

    private ServerHandshake() {}

    /**
     * Checks that a request asks for a WebSocket, and asks well.
     *
     * @param request the request
     * @throws HandshakeException if not: 400; 405 for another method than GET; 426 for another
     *     version of WebSocket, or none; 505 for another version of HTTP than 1.1 and later 1.x
     */
    public static void check(RequestHead request) throws HandshakeException {
        if (!request.method().equals("GET")) {
            throw new HandshakeException(405, "method " + request.method());
        }
        if (!request.isVersion11()) {
            throw new HandshakeException(505, "version " + request.version());
        }
        checkTarget(request);
        // A body behind the head is where requests are smuggled. An upgrade has none.
        if (request.first("Transfer-Encoding").isPresent()) {
            throw bad("Transfer-Encoding in an upgrade");
        }
        for (String length : request.all("Content-Length")) {
            if (!length.equals("0")) {
                throw bad("Content-Length " + HttpSyntax.quote(length) + " in an upgrade");
            }
        }
        if (!request.hasToken("Upgrade", "websocket")) {
            throw new HandshakeException(426, "no Upgrade to websocket");
        }
        if (!request.hasToken("Connection", "upgrade")) {
            throw bad("no upgrade in Connection");
        }
        List<String> versions = request.all("Sec-WebSocket-Version");
        if (versions.size() > 1) {
            throw bad("Sec-WebSocket-Version " + versions.size() + " times");
        }
        if (!versions.equals(List.of("13"))) {
            throw new HandshakeException(
                    426,
                    versions.isEmpty()
                            ? "no Sec-WebSocket-Version"
                            : "Sec-WebSocket-Version " + HttpSyntax.quote(versions.get(0)));
        }
        String key = only(request, "Sec-WebSocket-Key");
        if (!WebSocketKey.isKey(key)) {
            throw bad("Sec-WebSocket-Key " + HttpSyntax.quote(key) + " is not 16 bytes in base64");
        }
    }

    /**
     * Checks that a request, for whatever it asks, says in a way that cannot be misread whom it
     * asks and for what (RFC 9112 section 3.2). A Host may be empty, and one beside a target that
     * is a whole URL may be another: the URL's counts.
     *
     * @param request the request
     * @throws HandshakeException with 400 if there is not one Host, but for HTTP/1.0, or if the
     *     target is not of a form that belongs to the method; with 505 if it is not HTTP/1
     */
    public static void checkTarget(RequestHead request) throws HandshakeException {
        if (!request.version().startsWith("HTTP/1.")) {
            throw new HandshakeException(505, "version " + request.version());
        }
        boolean old = request.version().equals("HTTP/1.0") && request.first("Host").isEmpty();
        String host = old ? "" : only(request, "Host");
        if (!host.isEmpty() && !HttpSyntax.isAuthority(host)) {
            throw bad("Host " + HttpSyntax.quote(host) + " is not a host");
        }
        String target = request.target();
        if (target.indexOf('#') >= 0) { // RFC 6455 section 3
            throw bad("target " + HttpSyntax.quote(target) + " with a fragment");
        }
        boolean good =
                switch (request.method()) {
                    case "CONNECT" ->
                            HttpSyntax.isAuthority(target) && !HttpSyntax.port(target).isEmpty();
                    case "OPTIONS" -> target.equals("*") || isPath(request);
                    default -> isPath(request);
                };
        if (!good) {
            throw bad(
                    "target "
                            + HttpSyntax.quote(target)
                            + (request.method().equals("CONNECT")
                                    ? " is no host with a port"
                                    : " is no path on a host"));
        }
    }

    private static boolean isPath(RequestHead request) {
        String target = request.target();
        int authority = request.authorityStart();
        if (target.startsWith("/") || authority < 0) {
            return target.startsWith("/");
        }
        return switch (target.substring(0, authority).toLowerCase(Locale.ROOT)) {
            case "http://", "https://", "ws://", "wss://" ->
                    HttpSyntax.isAuthority(request.authority());
            default -> false;
        };
    }

    /**
     * Checks headers that are to be written into every answer that accepts.
     *
     * @param extra the headers
     * @throws IllegalArgumentException if one cannot be written, or belongs to the handshake; the
     *     message names it
     */
    public static void checkHeaders(List<Header> extra) {
        HttpSyntax.append(new StringBuilder(), extra, ACCEPT_HEADERS);
    }

    /**
     * Checks an answer that {@link #refuse} is to write.
     *
     * @param status as there
     * @param extra as there
     * @param length of the body
     * @param contentType as there
     * @throws IllegalArgumentException as there
     */
    public static void checkRefusal(
            int status, List<Header> extra, int length, String contentType) {
        head(status, extra, length, contentType);
    }

    /**
     * Chooses the subprotocol: the first of the client's, in the client's order, that is ours.
     *
     * @param request the request
     * @param supported ours
     * @return the choice; nothing if the client names none that is ours
     */
    public static Optional<String> selectProtocol(RequestHead request, List<String> supported) {
        for (String protocol : request.list("Sec-WebSocket-Protocol")) {
            if (supported.contains(protocol)) {
                return Optional.of(protocol);
            }
        }
        return Optional.empty();
    }

    /**
     * The answer that opens the WebSocket without extensions.
     *
     * @param request a request that passed {@link #check}
     * @param protocol the subprotocol, one of the client's; null for none
     * @param extra more headers, none that belongs to the handshake
     * @return the head
     * @throws IllegalArgumentException if the client did not ask for the protocol, or a header
     *     cannot be written
     */
    public static byte[] accept(RequestHead request, String protocol, List<Header> extra) {
        return accept(request, protocol, null, extra);
    }

    /**
     * The answer that opens the WebSocket.
     *
     * @param request a request that passed {@link #check}
     * @param protocol the subprotocol, one of the client's; null for none
     * @param extensions the value of the header that names those that were agreed on; null for none
     * @param extra more headers, none that belongs to the handshake
     * @return the head
     * @throws IllegalArgumentException if the client did not ask for the protocol, or a header
     *     cannot be written
     */
    public static byte[] accept(
            RequestHead request, String protocol, String extensions, List<Header> extra) {
        String key = request.first("Sec-WebSocket-Key").orElseThrow();
        // Godot's clients compare all of the Connection value with "upgrade".
        StringBuilder head =
                new StringBuilder(192)
                        .append("HTTP/1.1 101 Switching Protocols\r\n")
                        .append("Upgrade: websocket\r\n")
                        .append("Connection: Upgrade\r\n")
                        .append("Sec-WebSocket-Accept: ")
                        .append(WebSocketKey.accept(key))
                        .append("\r\n");
        if (protocol != null) {
            if (!request.list("Sec-WebSocket-Protocol").contains(protocol)) {
                throw new IllegalArgumentException(
                        "the client did not ask for subprotocol " + HttpSyntax.quote(protocol));
            }
            HttpSyntax.append(head, "Sec-WebSocket-Protocol", protocol);
        }
        if (extensions != null) {
            HttpSyntax.append(head, Extension.HEADER, extensions);
        }
        HttpSyntax.append(head, extra, ACCEPT_HEADERS);
        return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /**
     * An answer to a request that is not known, or to a GET, as {@link #refuse(String, int, List,
     * byte[], String)}.
     *
     * @param status as there
     * @param extra as there
     * @param body as there
     * @param contentType as there
     * @return as there
     * @throws IllegalArgumentException as there
     */
    public static byte[] refuse(int status, List<Header> extra, byte[] body, String contentType) {
        return refuse("GET", status, extra, body, contentType);
    }

    /**
     * An answer that opens no WebSocket; the connection is to be closed after it. It need not be a
     * failure: a plain page has status 200.
     *
     * @param method the request's: the answer to HEAD is that to GET without the body, and a 2xx to
     *     CONNECT has none either (RFC 9112 section 6.3)
     * @param status 200 to 599
     * @param extra more headers, none that belongs to the framing
     * @param body the body, empty for none; 204, 205 and 304 have none
     * @param contentType of the body, null if there is none
     * @return head and body
     * @throws IllegalArgumentException if that is no such status, or a header cannot be written, or
     *     there is a body where none may be
     */
    public static byte[] refuse(
            String method, int status, List<Header> extra, byte[] body, String contentType) {
        boolean tunnel = method.equals("CONNECT") && status < 300;
        byte[] text = head(status, extra, tunnel ? -1 : body.length, contentType);
        if (tunnel || method.equals("HEAD")) {
            return text;
        }
        byte[] answer = Arrays.copyOf(text, Math.addExact(text.length, body.length));
        System.arraycopy(body, 0, answer, text.length, body.length);
        return answer;
    }

    /** With a negative length it says none. */
    private static byte[] head(int status, List<Header> extra, int length, String contentType) {
        if (status < 200 || status > 599) {
            throw new IllegalArgumentException("status " + status + " ends no handshake");
        }
        boolean unframed = status == 204 || status == 304;
        if ((unframed || status == 205) && length > 0) {
            throw new IllegalArgumentException("status " + status + " with a body");
        }
        StringBuilder head =
                new StringBuilder(192)
                        .append("HTTP/1.1 ")
                        .append(status)
                        .append(' ')
                        .append(reason(status))
                        .append("\r\n");
        if (status == 426) {
            head.append("Upgrade: websocket\r\nConnection: Upgrade, close\r\n");
        } else {
            head.append("Connection: close\r\n");
        }
        if (status == 405 && extra.stream().noneMatch(h -> h.name().equalsIgnoreCase("Allow"))) {
            head.append("Allow: GET\r\n");
        }
        // Godot's clients take no answer with fewer than three header lines.
        if (contentType == null || status == 426) {
            head.append("Sec-WebSocket-Version: 13\r\n");
        }
        if (length < 0 || unframed) {
            head.append("Vary: Upgrade\r\n");
        } else {
            HttpSyntax.append(head, "Content-Length", Integer.toString(length));
        }
        if (contentType != null) {
            HttpSyntax.append(head, "Content-Type", contentType);
        }
        HttpSyntax.append(head, extra, REFUSE_HEADERS);
        return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /**
     * Whether the page that opens this connection may do so (RFC 6455 section 10.2). Browsers let
     * every page connect anywhere and leave it to the server to look; what is no browser sends no
     * Origin. A page of this very host may, on the default port of its scheme where none is named,
     * and one that the list allows. A page that did not come over TLS is not of a host that was
     * reached over TLS: anybody on the way may have written it. The other way round it may be,
     * since the TLS may end at a proxy before us.
     *
     * @param request the request
     * @param secure whether the request came over TLS
     * @param allowed whether to let another origin in, given as the browser wrote it, such as
     *     {@code https://play.example.com:8443} or {@code null}
     * @return whether to go on; an answer of 403 is due if not
     */
    public static boolean originAllowed(
            RequestHead request, boolean secure, Predicate<String> allowed) {
        List<String> origins = request.all("Origin");
        if (origins.isEmpty()) {
            return true;
        }
        if (origins.size() > 1) {
            return false;
        }
        String origin = origins.get(0);
        return isOriginOf(origin, request.authority(), secure) || allowed.test(origin);
    }

    private static boolean isOriginOf(String origin, String host, boolean secure) {
        String plain = origin.toLowerCase(Locale.ROOT);
        int defaultPort;
        String authority;
        if (plain.startsWith("http://") && !secure) {
            defaultPort = 80;
            authority = plain.substring("http://".length());
        } else if (plain.startsWith("https://")) {
            defaultPort = 443;
            authority = plain.substring("https://".length());
        } else {
            return false;
        }
        return HttpSyntax.isAuthority(authority)
                && withPort(authority, defaultPort)
                        .equals(withPort(host.toLowerCase(Locale.ROOT), defaultPort));
    }

    /** With the default port written out, if there is no port. */
    private static String withPort(String authority, int defaultPort) {
        String port = HttpSyntax.port(authority);
        return HttpSyntax.host(authority) + ':' + (port.isEmpty() ? defaultPort : port);
    }

    private static String only(RequestHead request, String name) throws HandshakeException {
        List<String> values = request.all(name);
        if (values.size() != 1) {
            throw bad(values.isEmpty() ? "no " + name : name + " " + values.size() + " times");
        }
        return values.get(0);
    }

    private static HandshakeException bad(String what) {
        return new HandshakeException(400, what);
    }

    private static String reason(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 204 -> "No Content";
            case 301 -> "Moved Permanently";
            case 302 -> "Found";
            case 304 -> "Not Modified";
            case 307 -> "Temporary Redirect";
            case 308 -> "Permanent Redirect";
            case 400 -> "Bad Request";
            case 401 -> "Unauthorized";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 408 -> "Request Timeout";
            case 421 -> "Misdirected Request";
            case 426 -> "Upgrade Required";
            case 429 -> "Too Many Requests";
            case 431 -> "Request Header Fields Too Large";
            case 500 -> "Internal Server Error";
            case 503 -> "Service Unavailable";
            case 505 -> "HTTP Version Not Supported";
            default -> ""; // may be empty; the space before it may not be missing
        };
    }
}
