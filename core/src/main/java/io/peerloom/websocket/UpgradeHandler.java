package io.peerloom.websocket;

/**
 * Decides what a server answers to a request: a WebSocket, a refusal, a page.
 *
 * <p>A polled server calls it from {@link WebSocketServer#poll}; until then the request waits, as
 * long as the handshake's deadline allows. A server of blocking handlers calls it on the
 * connection's own virtual thread, so on many at once.
 *
 * <p>If it throws, whatever that is, or returns null, the client is answered 500 and it is logged,
 * with the client's address; a polled server's {@link WebSocketServer#poll} throws it on, too. It
 * may not call that {@code poll} itself, which answers with an {@link IllegalStateException}.
 */
@FunctionalInterface
public interface UpgradeHandler {

    /**
     * Answers a request.
     *
     * @param request the request: an upgrade whose form, version and {@code Origin} are in order,
     *     or a plain request of any method, say the {@code OPTIONS / HTTP/1.0} by which HAProxy
     *     looks whether the server lives
     * @return the answer
     */
    UpgradeResponse handle(UpgradeRequest request);
}
