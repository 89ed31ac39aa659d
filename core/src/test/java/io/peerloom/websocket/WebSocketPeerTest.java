package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
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

    /** What one read brought is decoded together; that may not show. */
    @Test
    void messagesOfOneReadComeInOrderBeforeWhatBrokeTheProtocol() throws Exception {
        var seen = new LinkedBlockingQueue<String>();
        WebSocketServer.Handler handler =
                peer -> {
                    seen.add(peer.receive().text());
                    while (peer.getAvailablePacketCount() > 0 && seen.size() < 20) {
                        seen.add(peer.takeMessage().text());
                        peer.sendText("to " + seen.size());
                    }
                    for (Message m; (m = peer.receive()) != null; ) {
                        seen.add(m.text());
                        peer.sendText("to " + seen.size());
                    }
                    seen.add("end " + peer.getCloseCode());
                };
        try (var server = WebSocketServer.serve(0, handler);
                var raw = RawPeer.open(server.getLocalPort())) {
            var wire = new ByteArrayOutputStream();
            var expected = new ArrayList<String>();
            for (int i = 1; i <= 70; i++) {
                wire.writeBytes(RawPeer.masked(0x81, RawPeer.ascii("m" + i)));
                expected.add("m" + i);
            }
            wire.writeBytes(RawPeer.masked(0x81, new byte[] {(byte) 0xFF}));
            expected.add("end 1007");
            raw.write(wire.toByteArray());
            for (int i = 2; i <= 70; i++) {
                assertThat(new String(raw.readFrame().payload(), StandardCharsets.UTF_8))
                        .isEqualTo("to " + i);
            }
            assertThat(raw.readFrame().closeCode()).isEqualTo(1007);
            await().until(() -> seen.size() == expected.size());
            assertThat(seen).containsExactlyElementsOf(expected);
        }
    }
}
