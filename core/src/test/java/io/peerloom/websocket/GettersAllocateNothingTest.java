package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.multiplayer.SceneMultiplayer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.packet.PacketPeerStream;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerTLS;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.UDSServer;
import io.peerloom.testing.Blackhole;
import io.peerloom.testing.Certificates;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every getter, and {@code poll}, of every peer and server, in its statuses: when nothing happened,
 * a call allocates nothing. They are found by reflection, so that a new one is measured as well.
 */
class GettersAllocateNothingTest {

    private static final int CALLS = 1000;

    /** What takes, moves or does something, and is no getter. */
    private static final Set<String> ACTIONS =
            Set.of(
                    "close",
                    "stop",
                    "disconnectFromHost",
                    "disconnectFromStream",
                    "wakeup",
                    "ping",
                    "abort",
                    "join",
                    "receive",
                    "takeMessage",
                    "takeConnection",
                    "takeSocketConnection",
                    "getPacket",
                    "getVar");

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir Path folder;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final List<String> found = new ArrayList<>();
    private int measured;

    private <T extends AutoCloseable> T closing(T one) {
        open.push(one);
        return one;
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private static boolean isGetter(Method method) {
        if (method.getParameterCount() > 0
                || Modifier.isStatic(method.getModifiers())
                || method.isBridge()
                || method.getDeclaringClass() == Object.class
                || ACTIONS.contains(method.getName())) {
            return false;
        }
        return method.getDeclaringClass() != StreamPeer.class // its getters take from the stream
                || method.getName().equals("getAvailableBytes")
                || method.getName().equals("isBigEndianEnabled");
    }

    private void measure(String status, Object subject) throws Exception {
        for (Method method : subject.getClass().getMethods()) {
            if (!isGetter(method)) {
                continue;
            }
            MethodHandle getter =
                    MethodHandles.lookup()
                            .unreflect(method)
                            .asType(MethodType.methodType(void.class, Object.class));
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 6 && least >= CALLS; i++) {
                least = Math.min(least, allocated(getter, subject));
            }
            measured++;
            if (least >= CALLS) { // a byte a call
                found.add(
                        status
                                + " "
                                + subject.getClass().getSimpleName()
                                + "."
                                + method.getName()
                                + ": "
                                + least / CALLS);
            }
        }
    }

    private static long allocated(MethodHandle getter, Object subject) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            for (int i = 0; i < CALLS; i++) {
                getter.invokeExact(subject);
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    private static void until(Peer peer, Peer.Status status) {
        await().pollInSameThread()
                .until(() -> {
                    peer.awaitActivity(Duration.ofMillis(20));
                    peer.poll();
                    return peer.getStatus() == status;
                });
    }

    private void report() {
        assertThat(measured).isGreaterThan(10);
        assertThat(found).as("bytes a call").isEmpty();
    }

    @Test
    void tcp() throws Exception {
        TCPServer server = closing(new TCPServer());
        measure("idle", server);
        server.listen(-1);
        measure("refused", server);
        assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        measure("listening", server);
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        measure("NONE", peer);
        peer.bind(0, "127.0.0.1");
        measure("bound", peer);
        peer.disconnectFromHost();
        try (Blackhole hole = Blackhole.tcp()) {
            peer.connectToHost("127.0.0.1", hole.port());
            measure("CONNECTING", peer);
            peer.disconnectFromHost();
        }
        peer.connectToHost("localhost", server.getLocalPort());
        until(peer, Peer.Status.CONNECTED);
        assertThat(server.awaitConnection(Duration.ofSeconds(20))).isTrue();
        measure("with a connection", server);
        measure("CONNECTED", peer);
        StreamPeerTCP other = closing(server.takeConnection());
        measure("accepted", other);
        other.putU8(1);
        other.disconnectFromHost();
        await().until(() -> peer.getAvailableBytes() == 1);
        await().until(() -> peer.awaitActivity(Duration.ZERO));
        peer.poll();
        measure("CONNECTED, ended by the other side", peer);
        peer.getU8();
        until(peer, Peer.Status.NONE);
        measure("NONE again", peer);
        try (var refusing = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = refusing.getLocalPort();
            refusing.close();
            peer.connectToHost("127.0.0.1", port);
            until(peer, Peer.Status.ERROR);
        }
        measure("ERROR", peer);
        server.stop();
        measure("stopped", server);
        report();
    }

    @Test
    void unixAndWhatIsOverIt() throws Exception {
        Path path = folder.resolve("s");
        UDSServer server = closing(new UDSServer());
        assertThat(server.listen(path)).isEqualTo(ErrorCode.OK);
        measure("listening", server);
        StreamPeerUDS peer = closing(StreamPeerUDS.connect(path));
        measure("CONNECTED", peer);
        assertThat(server.awaitConnection(Duration.ofSeconds(20))).isTrue();
        StreamPeerUDS other = closing(server.takeConnection());
        measure("accepted", other);

        var packets = new PacketPeerStream();
        measure("without a stream", packets);
        packets.setStreamPeer(peer);
        measure("with a stream", packets);

        var entry = Certificates.entry(Certificates.GOOD);
        var serving =
                TLSOptions.server(
                        entry.getPrivateKey(),
                        Stream.of(entry.getCertificateChain())
                                .map(X509Certificate.class::cast)
                                .toList());
        StreamPeerTLS tls = closing(new StreamPeerTLS());
        measure("DISCONNECTED", tls);
        tls.connectToStream(
                peer, "localhost", TLSOptions.client(List.of(Certificates.authority())));
        measure("HANDSHAKING", tls);
        StreamPeerTLS end = closing(StreamPeerTLS.accept(other, serving));
        await().pollInSameThread()
                .until(() -> {
                    tls.poll();
                    return tls.getStatus() == StreamPeerTLS.Status.CONNECTED;
                });
        measure("CONNECTED", tls);
        measure("accepted", end);
        measure("beneath TLS", peer);
        end.close();
        await().pollInSameThread()
                .until(() -> {
                    tls.poll();
                    return tls.getStatus() == StreamPeerTLS.Status.DISCONNECTED;
                });
        measure("DISCONNECTED again", tls);
        StreamPeerUDS plain = closing(StreamPeerUDS.connect(path));
        assertThat(server.awaitConnection(Duration.ofSeconds(20))).isTrue();
        server.takeConnection().close();
        tls.connectToStream(plain, "localhost");
        await().pollInSameThread()
                .until(() -> {
                    tls.poll();
                    return tls.getStatus() == StreamPeerTLS.Status.ERROR;
                });
        measure("ERROR", tls);
        report();
    }

    @Test
    void webSockets() throws Exception {
        WebSocketServer server = closing(new WebSocketServer());
        measure("idle", server);
        server.listen(-1);
        measure("refused", server);
        assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
        measure("listening", server);
        String url = "ws://127.0.0.1:" + server.getLocalPort() + "/a?b";
        WebSocketPeer peer = closing(new WebSocketPeer());
        measure("never connected", peer);
        try (Blackhole hole = Blackhole.tcp()) {
            peer.connectToUrl("ws://127.0.0.1:" + hole.port() + "/");
            measure("CONNECTING", peer);
            peer.close();
            until(peer, Peer.Status.NONE);
        }
        measure("given up", peer);
        peer.connectToUrl(url);
        until(peer, Peer.Status.CONNECTED);
        server.poll();
        measure("with a connection", server);
        measure("OPEN", peer);
        peer.ping();
        await().until(() -> peer.getRoundTripTime().isPresent());
        measure("OPEN, with a round trip", peer);
        int id = server.getPeerIds().iterator().next();
        WebSocketPeer other = server.getPeer(id);
        measure("accepted", other);
        other.sendText("one");
        await().pollInSameThread()
                .until(() -> {
                    peer.poll();
                    return peer.getAvailablePacketCount() == 1;
                });
        measure("OPEN, with a packet", peer);
        peer.close();
        measure("CLOSING", peer);
        until(peer, Peer.Status.NONE);
        measure("CLOSED", peer);
        peer.connectToUrl("ftp://x");
        measure("refused", peer);

        WebSocketPeer refused = closing(new WebSocketPeer());
        try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Limits limits = Limits.defaults().withHandshakeTimeout(Duration.ofMillis(50));
            refused.setOptions(WebSocketOptions.defaults().withLimits(limits));
            refused.connectToUrl("ws://127.0.0.1:" + silent.getLocalPort());
            until(refused, Peer.Status.ERROR);
        }
        measure("ERROR", refused);

        WebSocketClient client = closing(new WebSocketClient());
        measure("never connected", client);
        client.setTrustedSslCertificate(Certificates.authority());
        client.connectToUrl(url);
        measure("CONNECTING", client);
        until(client, Peer.Status.CONNECTED);
        measure("OPEN", client);
        client.close();
        until(client, Peer.Status.NONE);
        measure("CLOSED", client);
        server.stop();
        measure("stopped", server);
        report();
    }

    @Test
    void multiplayer() throws Exception {
        for (Generation generation : Generation.values()) {
            var server = closing(new WebSocketMultiplayerPeer(generation));
            measure("idle", server);
            assertThat(server.createServer(0)).isEqualTo(ErrorCode.OK);
            var client = closing(new WebSocketMultiplayerPeer(generation));
            client.createClient("ws://127.0.0.1:" + server.getLocalPort());
            measure("CONNECTING", client);
            await().pollInSameThread()
                    .until(() -> {
                        server.poll();
                        client.poll();
                        return client.getStatus() == Peer.Status.CONNECTED;
                    });
            server.poll();
            measure("serving", server);
            measure("CONNECTED", client);
            if (generation == Generation.GODOT4) {
                var scene = new SceneMultiplayer(client, new SceneMultiplayer.Listener() {});
                measure("over a client", scene);
            }
            server.close();
            until(client, Peer.Status.NONE);
            measure("lost", client);
            measure("stopped", server);
        }
        report();
    }
}
