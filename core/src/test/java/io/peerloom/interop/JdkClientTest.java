package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.testing.Transcript;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The JDK's own WebSocket client against our server. It needs no other program, so it always runs;
 * the other programs are in {@link WebSocketInteropTest}.
 */
class JdkClientTest {

    /** What our handler saw: messages as they came, then how it ended. */
    private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();

    private record End(int code, String reason, boolean clean, boolean byPeer) {}

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpClient http = HttpClient.newBuilder().executor(threads).build();
    private final Listener listener = new Listener();
    private WebSocketServer server;

    @BeforeEach
    void start() throws Exception {
        server = new WebSocketServer();
        server.setOptions(WebSocketOptions.defaults().withProtocols("chat", "arena"));
        server.setUpgradeHandler(request ->
                request.path().equals("/private")
                        ? UpgradeResponse.refuse(403)
                        : UpgradeResponse.accept());
        server.start(0, this::echo);
    }

    @AfterEach
    void stop() {
        http.shutdownNow();
        server.close();
        http.close();
        threads.close();
    }

    /** Echoes; the text "close" closes, the text "drop" drops. */
    private void echo(WebSocketPeer peer) {
        for (Message message; (message = peer.receive()) != null; ) {
            seen.add(message);
            if (message.equals(Message.text("close"))) {
                peer.close(4002, "genug");
            } else if (message.equals(Message.text("drop"))) {
                peer.abort();
            } else {
                peer.send(message);
            }
        }
        seen.add(
                new End(
                        peer.getCloseCode(),
                        peer.getCloseReason(),
                        peer.wasCleanClose(),
                        peer.wasClosedByPeer()));
    }

    @Test
    void textBinaryEmptyAndLongThereAndBack() throws Exception {
        WebSocket socket = connect("/");
        String text = "Grüße ✩ 🎮 ".repeat(3_000); // some 60 kB
        var bytes = new byte[65_535];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8));
        }
        for (String each : new String[] {"hello", "", text}) {
            await(socket.sendText(each, true));
            assertThat(take()).isEqualTo(Message.text(each));
            assertThat(listener.take()).isEqualTo(each);
        }
        for (byte[] each : new byte[][] {{1, 2, 3}, {}, bytes}) {
            await(socket.sendBinary(ByteBuffer.wrap(each), true));
            assertThat(take()).isEqualTo(Message.binary(each));
            assertThat(listener.take()).isEqualTo(ByteBuffer.wrap(each));
        }
    }

    /** RFC 6455 section 5.4: a message in pieces, with a ping between them. */
    @Test
    void fragmentsWithAPingBetweenThem() throws Exception {
        WebSocket socket = connect("/");
        await(socket.sendText("Grü", false));
        await(socket.sendPing(ByteBuffer.wrap(new byte[] {7, 8})));
        await(socket.sendText("", false));
        await(socket.sendText("ße", true));
        assertThat(listener.take()).isEqualTo("pong 2");
        assertThat(take()).isEqualTo(Message.text("Grüße"));
        assertThat(listener.take()).isEqualTo("Grüße");
    }

    @Test
    void theClientCloses() throws Exception {
        WebSocket socket = connect("/");
        await(socket.sendText("last", true));
        await(socket.sendClose(4001, "tschüss"));
        assertThat(take()).isEqualTo(Message.text("last"));
        assertThat(take()).isEqualTo(new End(4001, "tschüss", true, true));
        assertThat(listener.take()).isEqualTo("last");
        assertThat(listener.take()).isEqualTo("closed 4001 tschüss"); // our answer
        assertThat(socket.isInputClosed()).isTrue();
    }

    @Test
    void theServerCloses() throws Exception {
        WebSocket socket = connect("/");
        await(socket.sendText("close", true));
        assertThat(take()).isEqualTo(Message.text("close"));
        assertThat(listener.take()).isEqualTo("closed 4002 genug");
        // The JDK's answer has the code and no reason.
        assertThat(take()).isEqualTo(new End(4002, "", true, false));
    }

    @Test
    void theClientGoesAway() throws Exception {
        WebSocket socket = connect("/");
        socket.abort();
        assertThat(take()).isEqualTo(new End(1006, "", false, true));
    }

    @Test
    void theServerDrops() throws Exception {
        WebSocket socket = connect("/");
        await(socket.sendText("drop", true));
        assertThat(take()).isEqualTo(Message.text("drop"));
        assertThat(take()).isEqualTo(new End(1006, "", false, false));
        assertThat(listener.take()).isEqualTo("closed 1006 ");
    }

    @Test
    void subprotocols() throws Exception {
        WebSocket first =
                await(
                        http.newWebSocketBuilder()
                                .subprotocols("x", "arena", "chat")
                                .buildAsync(uri("/"), listener));
        assertThat(first.getSubprotocol()).isEqualTo("arena"); // the client's preference
        assertThat(connect("/").getSubprotocol()).isEmpty();
    }

    @Test
    void aRefusal() {
        assertThatThrownBy(() -> connect("/private"))
                .hasCauseInstanceOf(WebSocketHandshakeException.class)
                .satisfies(e ->
                        assertThat(
                                        ((WebSocketHandshakeException) e.getCause())
                                                .getResponse()
                                                .statusCode())
                                .isEqualTo(403));
        assertThat(seen).isEmpty();
    }

    private URI uri(String path) {
        return URI.create("ws://127.0.0.1:" + server.getLocalPort() + path);
    }

    private WebSocket connect(String path) throws Exception {
        return await(http.newWebSocketBuilder().buildAsync(uri(path), listener));
    }

    private static <T> T await(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private Object take() throws Exception {
        return take(seen);
    }

    private static Object take(BlockingQueue<Object> queue) throws Exception {
        Object next = queue.poll(Transcript.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        if (next == null) {
            throw new TimeoutException("nothing came");
        }
        return next;
    }

    /** What the JDK's client saw; a message in pieces is put together. */
    private static final class Listener implements WebSocket.Listener {
        private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        private final ByteArrayOutputStream binary = new ByteArrayOutputStream();

        Object take() throws Exception {
            return JdkClientTest.take(told);
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                told.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
            var piece = new byte[data.remaining()];
            data.get(piece);
            binary.writeBytes(piece);
            if (last) {
                told.add(ByteBuffer.wrap(binary.toByteArray()));
                binary.reset();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onPong(WebSocket socket, ByteBuffer data) {
            told.add("pong " + data.remaining());
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            told.add("closed " + code + " " + reason);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            told.add("error " + error);
        }
    }
}
