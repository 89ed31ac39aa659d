package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.peerloom.stream.SocketServer;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.UDSServer;
import io.peerloom.testing.Certificates;
import io.peerloom.websocket.Compression;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * No virtual thread is ever pinned to its carrier: on a machine of two cores two of them would stop
 * everything. The JDK's own recorder is asked, on whichever JDK the tests run.
 */
class PinningTest {

    private static final Limits SHORT =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofMillis(200))
                    .withCloseTimeout(Duration.ofMillis(200));

    private static final WebSocketOptions PLAIN = WebSocketOptions.defaults();

    @TempDir Path folder;

    /** What is recorded while the task runs. */
    private List<RecordedEvent> pinned(Task task) throws Exception {
        Path file = folder.resolve("recording.jfr");
        try (var recording = new Recording()) {
            recording
                    .enable("jdk.VirtualThreadPinned")
                    .withThreshold(Duration.ZERO)
                    .withStackTrace();
            recording.start();
            task.run();
            recording.stop();
            recording.dump(file);
        }
        var events = new ArrayList<>(RecordingFile.readAllEvents(file));
        Files.delete(file);
        return events;
    }

    private interface Task {
        void run() throws Exception;
    }

    @Test
    void nothingPins() throws Exception {
        // The first time the JDK loads and initialises classes, which pins on every JDK.
        everything();

        assertThat(pinned(this::everything)).isEmpty();
    }

    /** Parks while the class is initialised: a frame of the JVM is on the stack. */
    private static final class Pins {
        static final boolean PARKED;

        static {
            LockSupport.parkNanos(Duration.ofMillis(30).toNanos());
            PARKED = true;
        }

        private Pins() {}
    }

    @Test
    void thisWouldBeSeen() throws Exception {
        List<RecordedEvent> events =
                pinned(() ->
                        Thread.ofVirtual().start(() -> assertThat(Pins.PARKED).isTrue()).join());

        assertThat(events).hasSize(1);
    }

    private void everything() throws Exception {
        WebSocketOptions tls =
                PLAIN.withTls(TLSOptions.server(Certificates.showing(Certificates.GOOD)));
        WebSocketOptions packed =
                PLAIN.withCompression(
                        Compression.defaults().withContextTakeover(true, true).withThreshold(1));
        webSockets("ws", PLAIN);
        webSockets("ws", packed);
        webSockets("wss", tls.withCompression(Compression.defaults()));
        polled();
        failures(tls.withLimits(SHORT));
        try (var server = new TCPServer()) {
            assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            streams(server, StreamPeerTCP.connect("127.0.0.1", server.getLocalPort()));
        }
        Path socket = folder.resolve("s");
        try (var server = new UDSServer()) {
            assertThat(server.listen(socket)).isEqualTo(ErrorCode.OK);
            streams(server, StreamPeerUDS.connect(socket));
        }
    }

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    /** Eight clients on virtual threads, with small and large messages. */
    private static void webSockets(String scheme, WebSocketOptions options) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(options);
            server.start(0, PinningTest::echo);
            String url = scheme + "://localhost:" + server.getLocalPort() + "/";
            var clients = new ArrayList<Thread>();
            var failures = new ConcurrentLinkedQueue<Throwable>();
            for (int i = 0; i < 8; i++) {
                clients.add(
                        Thread.ofVirtual()
                                .start(() -> {
                                    try (var peer = WebSocketPeer.connect(url, options)) {
                                        for (int n = 0; n < 80; n++) {
                                            byte[] data = new byte[n % 40 == 0 ? 200_000 : n];
                                            peer.send(data);
                                            Message echo = peer.receive();
                                            assertThat(echo.size()).isEqualTo(data.length);
                                        }
                                        peer.ping();
                                        peer.close(1000, "done");
                                        assertThat(peer.receive()).isNull();
                                    } catch (IOException | AssertionError e) {
                                        failures.add(e);
                                    }
                                }));
            }
            for (Thread client : clients) {
                client.join();
            }
            assertThat(failures).isEmpty();
        }
    }

    private static void polled() {
        try (var server = new WebSocketServer();
                var client = new WebSocketPeer(PLAIN)) {
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void dataReceived(int id) {
                            WebSocketPeer peer = server.getPeer(id);
                            peer.send(peer.takeMessage());
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            client.connectToUrl("ws://localhost:" + server.getLocalPort() + "/");
            await().until(() -> {
                server.poll();
                client.poll();
                return client.getReadyState() == WebSocketPeer.State.OPEN;
            });
            for (int i = 0; i < 100; i++) {
                client.send(new byte[i]);
                await().pollDelay(Duration.ZERO)
                        .pollInterval(Duration.ofNanos(1))
                        .until(() -> {
                            server.awaitActivity(
                                    Duration.ofMillis(10)); // has none while the echo is out
                            server.poll();
                            client.awaitActivity(Duration.ofMillis(10));
                            client.poll();
                            return client.getAvailablePacketCount() > 0;
                        });
                client.getPacket();
            }
            client.close();
            await().until(() -> {
                server.poll();
                client.poll();
                return client.getReadyState() == WebSocketPeer.State.CLOSED;
            });
        }
    }

    /** Handshakes that fail, time out and are given up; a name that does not exist. */
    private static void failures(WebSocketOptions tls) throws Exception {
        try (var server = new WebSocketServer();
                var silent = new TCPServer()) {
            server.setOptions(tls);
            server.start(0, PinningTest::echo);
            assertThat(silent.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            for (String url :
                    List.of(
                            "wss://localhost:" + server.getLocalPort(),
                            "ws://localhost:" + server.getLocalPort(),
                            "ws://127.0.0.1:" + silent.getLocalPort(),
                            "ws://name.invalid")) {
                assertThatExceptionOfType(IOException.class)
                        .isThrownBy(() -> WebSocketPeer.connect(url, PLAIN.withLimits(SHORT)));
            }
        }
    }

    private static void streams(SocketServer server, StreamPeerSocket client) {
        await().until(server::isConnectionAvailable);
        try (var accepted = server.takeSocketConnection()) {
            Thread echo =
                    Thread.ofVirtual()
                            .start(() -> {
                                byte[] data = new byte[100_000];
                                accepted.getData(data);
                                accepted.putData(data);
                            });
            client.putData(new byte[100_000]);
            await().until(() -> {
                client.poll();
                return client.getAvailableBytes() == 100_000;
            });
            await().until(() -> !echo.isAlive());
            client.disconnectFromHost();
        }
    }
}
