package io.peerloom.examples;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import java.util.concurrent.CompletableFuture;

/** Futures: connect, ask, take the answer, close; within five seconds. */
public final class FuturesClient {

    private FuturesClient() {}

    /** The first answer of a server to a question. */
    public static CompletableFuture<String> ask(String url, String token, String question) {
        return AsyncWebSocketPeer.connect(
                        url, WebSocketOptions.defaults().withHeader("Authorization", token))
                .thenCompose(peer -> {
                    var answer =
                            peer.sendText(question)
                                    .thenCompose(sent -> peer.receive())
                                    .thenApply(Message::text)
                                    .orTimeout(5, SECONDS);
                    return answer.handle((text, failure) -> peer) // in either case
                            .thenCompose(AsyncWebSocketPeer::close)
                            .thenCompose(end -> answer);
                });
    }
}
