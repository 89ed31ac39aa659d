package io.peerloom.internal.protocol;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The client's half of one opening handshake (RFC 6455 section 4.1). Immutable. */
public final class ClientHandshake {
    private static final Set<String> RESERVED =
            Set.of(
                    "Host",
                    "Upgrade",
                    "Connection",
                    "Sec-WebSocket-Key",
                    "Sec-WebSocket-Version",
                    "Sec-WebSocket-Protocol",
                    "Sec-WebSocket-Extensions",
                    "Sec-WebSocket-Accept",
                    "Content-Length",
                    "Transfer-Encoding");

    private final String key;
    private final List<String> protocols;
    private final byte[] request;

    /** What was offered, or null. */
    private final PermessageDeflate deflate;

    private ClientHandshake(
            String key, List<String> protocols, PermessageDeflate deflate, byte[] request) {
        this.key = key;
        this.protocols = protocols;
        this.deflate = deflate;
        this.request = request;
    }

    /**
     * Composes a request without extensions.
     *
     * @param host the Host header: the host, IPv6 in brackets, with the port unless it is the
     *     default one
     * @param target path and query, from the slash on, in printable ASCII
     * @param protocols the subprotocols to offer, the preferred one first; may be empty
     * @param headers more headers, none that belongs to the handshake
     * @param nonce 16 random bytes
     * @return the handshake
     * @throws IllegalArgumentException if any of it cannot be written; the message names it
     */
    public static ClientHandshake of(
            String host,
            String target,
            List<String> protocols,
            List<Header> headers,
            byte[] nonce) {
        return of(host, target, protocols, headers, null, nonce);
    }

    /**
     * Composes a request.
     *
     * @param host the Host header: the host, IPv6 in brackets, with the port unless it is the
     *     default one
     * @param target path and query, from the slash on, in printable ASCII
     * @param protocols the subprotocols to offer, the preferred one first; may be empty
     * @param headers more headers, none that belongs to the handshake
     * @param deflate the compression to offer, null for none
     * @param nonce 16 random bytes
     * @return the handshake
     * @throws IllegalArgumentException if any of it cannot be written; the message names it
     */
    public static ClientHandshake of(
            String host,
            String target,
            List<String> protocols,
            List<Header> headers,
            PermessageDeflate deflate,
            byte[] nonce) {
        if (!HttpSyntax.isAuthority(host)) {
            throw new IllegalArgumentException("host " + HttpSyntax.quote(host) + " is not a host");
        }
        boolean path = target.startsWith("/") && target.indexOf('#') < 0;
        if (!path || !target.chars().allMatch(HttpSyntax::isTargetChar)) {
            throw new IllegalArgumentException(
                    "target " + HttpSyntax.quote(target) + " is not a path in printable ASCII");
        }
        if (nonce.length != 16) {
            throw new IllegalArgumentException("nonce of " + nonce.length + " bytes");
        }
        HttpSyntax.checkProtocols(protocols);
        String key = Base64.getEncoder().encodeToString(nonce);
        // Godot's servers read the first lines in this order, and split at the comma alone.
        StringBuilder head =
                new StringBuilder(256)
                        .append("GET ")
                        .append(target)
                        .append(" HTTP/1.1\r\nHost: ")
                        .append(host)
                        .append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
                        .append("Sec-WebSocket-Key: ")
                        .append(key)
                        .append("\r\nSec-WebSocket-Version: 13\r\n");
        if (!protocols.isEmpty()) {
            HttpSyntax.append(head, "Sec-WebSocket-Protocol", String.join(",", protocols));
        }
        if (deflate != null) {
            HttpSyntax.append(head, Extension.HEADER, deflate.offer());
        }
        HttpSyntax.append(head, headers, RESERVED);
        byte[] request = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        return new ClientHandshake(key, List.copyOf(protocols), deflate, request);
    }

    /**
     * The request to send.
     *
     * @return the head, in an array of the caller's own
     */
    public byte[] request() {
        return request.clone();
    }

    /**
     * Checks the answer.
     *
     * @param response what the server answered
     * @return the subprotocol that the server chose, if it chose one
     * @throws HandshakeException if the server refused, or opened something else than was asked for
     */
    public Optional<String> verify(ResponseHead response) throws HandshakeException {
        if (response.status() != 101) {
            throw failure(response, "server answered " + refusal(response));
        }
        if (!response.isVersion11()) {
            throw failure(response, "server answered with version " + response.version());
        }
        if (!response.hasToken("Upgrade", "websocket")) {
            throw failure(response, "answer without an Upgrade to websocket");
        }
        if (!response.hasToken("Connection", "upgrade")) {
            throw failure(response, "answer without upgrade in Connection");
        }
        List<String> accepts = response.all("Sec-WebSocket-Accept");
        if (!accepts.equals(List.of(WebSocketKey.accept(key)))) {
            throw failure(
                    response,
                    accepts.isEmpty()
                            ? "answer without Sec-WebSocket-Accept"
                            : "Sec-WebSocket-Accept "
                                    + HttpSyntax.quote(accepts.get(0))
                                    + " does not belong to our key");
        }
        List<String> extensions = response.list(Extension.HEADER);
        if (deflate == null && !extensions.isEmpty()) {
            throw failure(
                    response,
                    "extension " + HttpSyntax.quote(extensions.get(0)) + " that was not asked for");
        }
        List<String> chosen = response.all("Sec-WebSocket-Protocol");
        if (chosen.isEmpty()) {
            return Optional.empty();
        }
        if (chosen.size() > 1 || !protocols.contains(chosen.get(0))) {
            throw failure(
                    response,
                    "subprotocol "
                            + HttpSyntax.quote(String.join(", ", chosen))
                            + " that was not asked for");
        }
        return Optional.of(chosen.get(0));
    }

    /**
     * The compression that the server chose.
     *
     * @param response an answer that passed {@link #verify}
     * @return what was agreed on; nothing if nothing was offered, or the server declined
     * @throws HandshakeException if the server chose what was not offered
     */
    public Optional<PermessageDeflate.Agreement> deflate(ResponseHead response)
            throws HandshakeException {
        return deflate == null ? Optional.empty() : deflate.verify(response);
    }

    private static String refusal(ResponseHead response) {
        String reason = response.reason();
        return response.status() + (reason.isEmpty() ? "" : " " + HttpSyntax.quote(reason));
    }

    private static HandshakeException failure(ResponseHead response, String what) {
        return new HandshakeException(response.status(), what);
    }
}
