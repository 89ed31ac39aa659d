package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.WebSocketPeer.State;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Peers against each other, over real sockets. */
class WebSocketPeerTest {

    @Test
    void blockingClientAndBlockingServerEcho() throws Exception {
        try (var server =
                        WebSocketServer.serve(
                                0,
                                peer -> {
                                    for (Message m; (m = peer.receive()) != null; ) {
                                        peer.send(m);
                                    }
                                });
                var client = WebSocketPeer.connect("ws://127.0.0.1:" + server.getLocalPort())) {
            client.sendText("héllo");
            assertThat(client.receive()).isEqualTo(Message.text("héllo"));
            byte[] large = new byte[300_000];
            large[299_999] = 7;
            client.send(large);
            assertThat(client.receive()).isEqualTo(Message.binary(large));
            client.close(4001, "bye");
            assertThat(client.receive()).isNull();
            assertThat(client.getCloseCode()).isEqualTo(4001);
            assertThat(client.wasCleanClose()).isTrue();
        }
    }

    @Test
    void polledClientAndPolledServerEcho() {
        var log = new ArrayList<String>();
        try (var server = new WebSocketServer();
                var client = new WebSocketPeer()) {
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            log.add("connected");
                        }

                        @Override
                        public void dataReceived(int id) {
                            var peer = server.getPeer(id);
                            peer.send(peer.takeMessage());
                            log.add("data");
                        }

                        @Override
                        public void clientCloseRequest(int id, int code, String reason) {
                            log.add("closing " + code + " " + reason);
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            log.add("gone " + wasCleanClose);
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            assertThat(client.connectToUrl("ws://localhost:" + server.getLocalPort() + "/x"))
                    .isEqualTo(ErrorCode.OK);
            assertThat(client.getReadyState()).isEqualTo(State.CONNECTING);
            await().until(() -> {
                server.poll();
                client.poll();
                return client.getReadyState() == State.OPEN;
            });
            client.sendText("a");
            client.send(new byte[] {1, 2});
            await().until(() -> {
                server.poll();
                client.poll();
                return client.getAvailablePacketCount() == 2;
            });
            assertThat(client.takeMessage()).isEqualTo(Message.text("a"));
            assertThat(client.getPacket()).containsExactly(1, 2);
            client.close(4002, "so long");
            await().until(() -> {
                server.poll();
                client.poll();
                return client.getReadyState() == State.CLOSED && log.size() == 5;
            });
            assertThat(client.getCloseCode()).isEqualTo(4002);
            assertThat(log)
                    .isEqualTo(
                            List.of(
                                    "connected",
                                    "data",
                                    "data",
                                    "closing 4002 so long",
                                    "gone true"));
        }
    }
}
