package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Peer.Status;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Godot 3's client and its signals, against a server of ours and against raw bytes. */
class WebSocketClientTest {

    private final List<String> log = new ArrayList<>();
    private final WebSocketClient client = new WebSocketClient();

    WebSocketClientTest() {
        client.setListener(
                new WebSocketClient.Listener() {
                    @Override
                    public void connectionEstablished(String protocol) {
                        log.add("established " + protocol);
                    }

                    @Override
                    public void connectionClosed(boolean wasCleanClose) {
                        log.add("closed " + wasCleanClose);
                    }

                    @Override
                    public void connectionError() {
                        log.add("error");
                    }

                    @Override
                    public void dataReceived() {
                        log.add("data " + client.getPeer(1).takeMessage().text());
                    }

                    @Override
                    public void serverCloseRequest(int code, String reason) {
                        log.add("close request " + code + " " + reason);
                    }
                });
    }

    @AfterEach
    void close() {
        client.close();
    }

    private void pollUntil(String last) {
        await().until(() -> {
            client.poll();
            return log.contains(last);
        });
    }

    @Test
    void theSignalsOfAConnectionThatTheServerCloses() throws Exception {
        var server = new WebSocketServer();
        try (server) {
            server.setOptions(WebSocketOptions.defaults().withProtocols("arena"));
            server.start(
                    0,
                    peer -> {
                        peer.sendText("one");
                        peer.sendText("two");
                        assertThat(peer.receive().text()).isEqualTo("three");
                        peer.close(4000, "enough");
                    });
            String url = "ws://localhost:" + server.getLocalPort() + "/";
            assertThat(client.connectToUrl(url, List.of("arena"), List.of("X-Token: 1")))
                    .isEqualTo(ErrorCode.OK);
            assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.ALREADY_IN_USE);
            assertThat(client.getConnectionStatus()).isEqualTo(Status.CONNECTING);
            pollUntil("data two");
            assertThat(client.getConnectionStatus()).isEqualTo(Status.CONNECTED);
            assertThat(client.getConnectedPort()).isEqualTo(server.getLocalPort());
            client.getPeer(1).sendText("three");
            pollUntil("closed true");
            assertThat(log)
                    .containsExactly(
                            "established arena",
                            "data one",
                            "data two",
                            "close request 4000 enough",
                            "closed true");
            client.poll();
            assertThat(log).hasSize(5); // exactly one end
            assertThat(client.getStatus()).isEqualTo(Status.NONE);
            assertThat(client.getPeer(1).getCloseCode()).isEqualTo(4000);
        }
    }

    @Test
    void whoClosesHimselfGetsNoRequestAndTheClientCanBeUsedAgain() throws Exception {
        var server =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            while (peer.receive() != null) {
                                // taken
                            }
                        });
        try (server) {
            for (int round = 0; round < 3; round++) {
                log.clear();
                client.connectToUrl("ws://127.0.0.1:" + server.getLocalPort());
                pollUntil("established ");
                client.disconnectFromHost(1000, "done");
                pollUntil("closed true");
                assertThat(log).containsExactly("established ", "closed true");
            }
        }
    }

    @Test
    void aConnectionThatBreaksIsNotClosedCleanly() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            client.connectToUrl("ws://127.0.0.1:" + listener.getLocalPort());
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                pollUntil("established ");
                raw.reset();
            }
            pollUntil("closed false");
            assertThat(log).containsExactly("established ", "closed false");
            assertThat(client.getStatus()).isEqualTo(Status.ERROR);
            assertThat(client.getFailure()).isPresent();
        }
    }

    @Test
    void aRefusedConnectionAndAnUnknownHostAreErrorsWithTheirCauses() throws Exception {
        int port;
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            port = listener.getLocalPort();
        }
        client.connectToUrl("ws://127.0.0.1:" + port);
        pollUntil("error");
        assertThat(log).containsExactly("error");
        assertThat(client.getFailure()).get().isInstanceOf(ConnectException.class);
        log.clear();
        client.connectToUrl("ws://no-such-host.invalid/");
        pollUntil("error");
        assertThat(client.getFailure()).get().isInstanceOf(UnknownHostException.class);
    }

    @Test
    void anUpgradeThatIsRefusedTellsTheStatus() throws Exception {
        var server = new WebSocketServer();
        try (server) {
            server.setUpgradeHandler(request -> UpgradeResponse.refuse(403));
            server.start(0, peer -> {});
            client.connectToUrl("ws://127.0.0.1:" + server.getLocalPort());
            pollUntil("error");
            assertThat(client.getFailure()).get().asString().contains("403");
        }
    }

    /** Godot 3's {@code set_buffers}; its sizes are in KiB. */
    @Test
    void buffersAreSetBeforeConnecting() throws Exception {
        assertThat(client.setBuffers(2, 3, 4, 5)).isEqualTo(ErrorCode.OK);
        var limits = client.getPeer(1).getOptions().limits();
        assertThat(limits.inboundBytes()).isEqualTo(2048);
        assertThat(limits.maxMessageBytes()).isEqualTo(2048);
        assertThat(limits.inboundMessages()).isEqualTo(3);
        assertThat(limits.outboundBytes()).isEqualTo(4096);
        assertThat(limits.outboundMessages()).isEqualTo(5);
        assertThatThrownBy(() -> client.setBuffers(0, 3, 4, 5)).hasMessageContaining("0");
        assertThatThrownBy(() -> client.setBuffers(1 << 21, 3, 4, 5))
                .isInstanceOf(ArithmeticException.class);

        var server = WebSocketServer.serve(0, peer -> peer.send(new byte[2049]));
        try (server) {
            client.connectToUrl("ws://127.0.0.1:" + server.getLocalPort());
            assertThat(client.setBuffers(9, 9, 9, 9)).isEqualTo(ErrorCode.FAILED);
            pollUntil("closed false");
            assertThat(client.getPeer(1).getCloseCode()).isEqualTo(1009);
        }
    }

    @Test
    void aClientHasOnePeer() {
        assertThatThrownBy(() -> client.getPeer(2)).hasMessageContaining("2");
        assertThat(client.connectToUrl("ftp://localhost/")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(client.getFailure()).get().asString().contains("neither ws nor wss");
        assertThat(client.connectToUrl("ws://local host/")).isEqualTo(ErrorCode.INVALID_PARAMETER);
    }
}
