package io.peerloom.websocket;

import io.peerloom.internal.protocol.Header;
import io.peerloom.internal.protocol.ServerHandshake;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * How a server answers an {@link UpgradeRequest}: with a WebSocket, or with a plain HTTP response
 * after which the connection is closed. Immutable.
 */
public final class UpgradeResponse {

    private static final byte[] NO_BODY = {};

    /** 101, or the status of a plain response. */
    private final int status;

    private final List<Header> headers;
    private final String contentType;
    private final byte[] body;

    /** Whether the connection may be compressed. */
    private final boolean compression;

    private UpgradeResponse(
            int status,
            List<Header> headers,
            String contentType,
            byte[] body,
            boolean compression) {
        this.status = status;
        this.headers = headers;
        this.contentType = contentType;
        this.body = body;
        this.compression = compression;
    }

    /**
     * Opens the WebSocket. To a plain HTTP request it means 426, Upgrade Required, for GET and
     * HEAD, and 405, Method Not Allowed, for other methods.
     *
     * @return the response
     */
    public static UpgradeResponse accept() {
        return new UpgradeResponse(101, List.of(), null, NO_BODY, true);
    }

    /**
     * Refuses with a status.
     *
     * @param status 400 to 599, say 401 or 403
     * @return the response
     */
    public static UpgradeResponse refuse(int status) {
        return respond(status, null, NO_BODY);
    }

    /**
     * Answers with a page or a file. To HEAD it goes without the body.
     *
     * @param status 200 to 599
     * @param contentType of the body, say {@code "text/html; charset=utf-8"}; null without a body
     * @param body the body, perhaps empty; not copied
     * @return the response
     * @throws IllegalArgumentException for another status, a body where none may be (204, 205,
     *     304), or a content type that cannot be sent
     */
    public static UpgradeResponse respond(int status, String contentType, byte[] body) {
        ServerHandshake.checkRefusal(status, List.of(), body.length, contentType);
        return new UpgradeResponse(status, List.of(), contentType, body, true);
    }

    /**
     * Answers with a page.
     *
     * @param html its text
     * @return the response, in UTF-8
     */
    public static UpgradeResponse page(String html) {
        return respond(200, "text/html; charset=utf-8", html.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * This response with one more header.
     *
     * @param name its name
     * @param value its value
     * @return the changed copy
     * @throws IllegalArgumentException if it cannot be sent, or belongs to the handshake: nothing
     *     that a client sent can add a line to the answer
     */
    public UpgradeResponse withHeader(String name, String value) {
        var more = new ArrayList<>(headers);
        more.add(new Header(name, value));
        if (status == 101) {
            ServerHandshake.checkHeaders(more);
        } else {
            ServerHandshake.checkRefusal(status, more, body.length, contentType);
        }
        return new UpgradeResponse(status, List.copyOf(more), contentType, body, compression);
    }

    /**
     * This response without {@linkplain WebSocketOptions#withCompression compression}, for clients
     * that are known to get it wrong.
     *
     * @return the changed copy
     */
    public UpgradeResponse withoutCompression() {
        return new UpgradeResponse(status, headers, contentType, body, false);
    }

    boolean compression() {
        return compression;
    }

    /** {@return 101 for a WebSocket, otherwise the HTTP status} */
    public int status() {
        return status;
    }

    List<Header> headers() {
        return headers;
    }

    String contentType() {
        return contentType;
    }

    byte[] body() {
        return body;
    }
}
