package io.peerloom.websocket;

import io.peerloom.internal.protocol.Utf8;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * A {@code ws:} URL taken apart (RFC 6455 section 3). Without a scheme it is {@code ws:}, as in
 * Godot.
 *
 * @param secure whether it is {@code wss:}
 * @param host name or address; an IPv6 address without its brackets
 * @param port the port, the scheme's default if the URL has none
 * @param hostHeader what the Host header says: the port left out when it is the default
 * @param target path and query, at least {@code "/"}
 */
record WebSocketUrl(boolean secure, String host, int port, String hostHeader, String target) {

    /**
     * Takes a URL apart.
     *
     * @throws IllegalArgumentException naming what is wrong with it
     */
    static WebSocketUrl parse(String url) {
        URI uri;
        try {
            uri = new URI(url.contains("://") ? url : "ws://" + url);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("not a URL: \"" + url + "\": " + e.getMessage(), e);
        }
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        boolean secure = scheme.equals("wss");
        if (!secure && !scheme.equals("ws")) {
            throw new IllegalArgumentException("scheme is neither ws nor wss: \"" + url + "\"");
        }
        String host = uri.getHost();
        if (host == null || host.isEmpty()) {
            throw new IllegalArgumentException("no host in URL: \"" + url + "\"");
        }
        if (uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "user or fragment in URL: \"" + url + "\""); // RFC 6455 section 3
        }
        int standard = secure ? 443 : 80;
        int port = uri.getPort() < 0 ? standard : uri.getPort();
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("port out of range in URL: \"" + url + "\"");
        }
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        String target = uri.getRawQuery() == null ? path : path + '?' + uri.getRawQuery();
        boolean brackets = host.startsWith("[");
        return new WebSocketUrl(
                secure,
                brackets ? host.substring(1, host.length() - 1) : host,
                port,
                port == standard ? host : host + ':' + port,
                escaped(target));
    }

    /** What is not ASCII as the bytes of its UTF-8 (RFC 3987 section 3.1). */
    private static String escaped(String target) {
        var escaped = new StringBuilder(target.length());
        for (byte b : Utf8.encode(target)) {
            if (b > ' ' && b < 0x7F) {
                escaped.append((char) b);
            } else {
                escaped.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
            }
        }
        return escaped.toString();
    }
}
