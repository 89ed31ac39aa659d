package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.testing.Blackhole;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamPeerTCPTest extends StreamPeerSocketTest {

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    @Override
    StreamPeerTCP newPeer() {
        return new StreamPeerTCP();
    }

    @Override
    TCPServer newServer() {
        return new TCPServer();
    }

    @Override
    ErrorCode listen(SocketServer server) {
        return ((TCPServer) server).listen(0, "127.0.0.1");
    }

    @Override
    SocketAddress addressOf(SocketServer server) {
        return loopback(((TCPServer) server).getLocalPort());
    }

    @Override
    ErrorCode connect(StreamPeerSocket peer, SocketAddress to) {
        return ((StreamPeerTCP) peer)
                .connectToHost("127.0.0.1", ((InetSocketAddress) to).getPort());
    }

    @Override
    ServerSocketChannel newRawServer() throws IOException {
        return ServerSocketChannel.open().bind(loopback(0));
    }

    /** Of a socket that is bound, so that nobody else gets the port, but does not listen. */
    @Override
    SocketAddress refusingAddress() throws IOException {
        return closing(SocketChannel.open().bind(loopback(0))).getLocalAddress();
    }

    @Override
    Blackhole newBlackhole() throws IOException {
        return Blackhole.tcp();
    }

    @Override
    void reset(StreamPeerSocket peer, SocketChannel raw) throws IOException {
        raw.setOption(StandardSocketOptions.SO_LINGER, 0);
        raw.close();
    }

    private TCPServer listeningOn(String address) {
        TCPServer server = closing(new TCPServer());
        assertThat(server.listen(0, address)).isEqualTo(ErrorCode.OK);
        return server;
    }

    private StreamPeerTCP connected(String host, int port) {
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.connectToHost(host, port)).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        return peer;
    }

    // ---- hosts and ports ----

    @Test
    void tellsTheOtherSide() {
        TCPServer server = listeningOn("127.0.0.1");
        int port = server.getLocalPort();
        StreamPeerTCP client = closing(new StreamPeerTCP());
        assertThat(client.getConnectedHost()).isEmpty();
        assertThat(client.getConnectedPort()).isZero();
        assertThat(client.getLocalPort()).isZero();
        assertThat(client.connectToHost("localhost", port)).isEqualTo(ErrorCode.OK);
        assertThat(client.getConnectedHost()).isEqualTo("localhost"); // the target, for now
        assertThat(client.getConnectedPort()).isEqualTo(port);
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(client.getConnectedHost()).isEqualTo("127.0.0.1");
        assertThat(client.getConnectedPort()).isEqualTo(port);
        assertThat(client.getLocalPort()).isPositive();

        assertThat(server.awaitConnection(PATIENCE)).isTrue();
        StreamPeerTCP accepted = closing(server.takeConnection());
        assertThat(accepted.getConnectedHost()).isEqualTo("127.0.0.1");
        assertThat(accepted.getConnectedPort()).isEqualTo(client.getLocalPort());
        assertThat(accepted.getLocalPort()).isEqualTo(port); // 0 in Godot, by a slip

        client.disconnectFromHost();
        assertThat(client.getConnectedHost()).isEmpty();
        assertThat(client.getConnectedPort()).isZero();
        assertThat(client.getLocalPort()).isZero();
        assertThat(pollWhile(accepted, Status.CONNECTED)).isEqualTo(ErrorCode.OK);
        assertThat(accepted.getConnectedHost()).isEmpty();
        assertThat(accepted.getConnectedPort()).isZero();
    }

    /** Complaint 4, godot#18323: while connecting, Godot 3 says yes. */
    @Test
    void isConnectedToHostAgreesWithTheStatus() {
        TCPServer server = listeningOn("127.0.0.1");
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.isConnectedToHost()).isFalse();
        peer.connectToHost("127.0.0.1", server.getLocalPort());
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
        assertThat(peer.isConnectedToHost()).isFalse();
        pollWhile(peer, Status.CONNECTING);
        assertThat(peer.isConnectedToHost()).isTrue();
        peer.disconnectFromHost();
        assertThat(peer.isConnectedToHost()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"::1", "[::1]"})
    void connectsByIpv6(String host) {
        TCPServer server = listeningOn("::1");
        StreamPeerTCP client = connected(host, server.getLocalPort());
        assertThat(client.getConnectedHost()).isEqualTo("0:0:0:0:0:0:0:1"); // as Godot tells it
    }

    @ParameterizedTest
    @CsvSource({
        "'', 80",
        "127.0.0.1, 0",
        "127.0.0.1, -1",
        "127.0.0.1, 65536",
        "zoo:bar, 80",
        "[::1, 80",
        "1:2, 80",
    })
    void whatCanNeverWorkIsRefusedAtOnce(String host, int port) {
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.connectToHost(host, port)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.getConnectedHost()).isEmpty();
        assertThatNullPointerException().isThrownBy(() -> peer.connectToHost(null, 80));
    }

    /** RFC 2606 section 2: there is no such name. The call does not wait to find that out. */
    @ParameterizedTest
    @ValueSource(strings = {"peerloom.invalid", "999.1.1.1"})
    void aNameWithoutAddress(String host) {
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.connectToHost(host, 80)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CANT_RESOLVE);
        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
        assertThat(peer.getFailure()).get().isInstanceOf(UnknownHostException.class);
        assertThat(peer.getConnectedHost()).isEmpty();
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void aRefusalTellsWho() throws Exception {
        int port = ((InetSocketAddress) refusingAddress()).getPort();
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.connectToHost("127.0.0.1", port)).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(peer.getFailure())
                .get()
                .isInstanceOf(ConnectException.class)
                .asString()
                .contains("127.0.0.1:" + port);
    }

    // ---- the local side ----

    @Test
    void bindsALocalPort() throws Exception {
        ServerSocketChannel server = closing(newRawServer());
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.bind(0, "127.0.4.1")).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        int local = peer.getLocalPort();
        assertThat(local).isPositive();
        assertThat(peer.bind(0)).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(connect(peer, server.getLocalAddress())).isEqualTo(ErrorCode.OK);
        SocketChannel raw = closing(server.accept());
        assertThat(raw.getRemoteAddress()).hasToString("/127.0.4.1:" + local);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getLocalPort()).isEqualTo(local);
        assertThat(peer.bind(0)).isEqualTo(ErrorCode.ALREADY_IN_USE);
    }

    @Test
    void bindsAnyAddress() {
        TCPServer server = listeningOn("*");
        for (String host : List.of("127.0.0.1", "::1", "localhost")) {
            StreamPeerTCP peer = closing(new StreamPeerTCP());
            assertThat(peer.bind(0)).isEqualTo(ErrorCode.OK);
            int local = peer.getLocalPort();
            assertThat(peer.connectToHost(host, server.getLocalPort())).isEqualTo(ErrorCode.OK);
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
            assertThat(server.awaitConnection(PATIENCE)).isTrue();
            assertThat(closing(server.takeConnection()).getConnectedPort()).isEqualTo(local);
        }
    }

    @Test
    void refusesToBindWhatCannotBe() throws Exception {
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        for (int port : new int[] {-901, -1, 65_536, 70_000}) {
            assertThat(peer.bind(port)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        }
        assertThat(peer.bind(0, "nonsense")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.bind(0, "zoo:bar")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.getFailure()).get().isInstanceOf(BindException.class);
        assertThat(peer.bind(0, "192.0.2.1")).isEqualTo(ErrorCode.UNAVAILABLE); // RFC 5737
        assertThat(peer.getFailure()).get().isInstanceOf(BindException.class);
        ServerSocketChannel server = closing(newRawServer());
        int taken = ((InetSocketAddress) server.getLocalAddress()).getPort();
        assertThat(peer.bind(taken, "127.0.0.1")).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(peer.getLocalPort()).isZero();
        // and none of that is in the way of anything
        assertThat(peer.bind(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        assertThat(connect(peer, server.getLocalAddress())).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
    }

    @Test
    void disconnectingUnbinds() throws Exception {
        StreamPeerTCP peer = closing(new StreamPeerTCP());
        assertThat(peer.bind(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
        int port = peer.getLocalPort();
        peer.disconnectFromHost();
        assertThat(peer.getLocalPort()).isZero();
        closing(ServerSocketChannel.open()).bind(loopback(port)); // it is free
        assertThat(peer.bind(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);

        // and so does failing to connect, with the socket that was bound
        assertThat(connect(peer, refusingAddress())).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(peer.getLocalPort()).isZero();
    }

    // ---- options ----

    @Test
    void nagleIsOnUnlessTurnedOff() throws Exception {
        RawPair pair = polled();
        StreamPeerTCP peer = (StreamPeerTCP) pair.peer();
        assertThat(peer.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isFalse();
        peer.setNoDelay(true);
        assertThat(peer.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
        peer.setNoDelay(false);
        assertThat(peer.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isFalse();

        StreamPeerTCP accepted = (StreamPeerTCP) accepted(Limits.defaults()).peer();
        assertThat(accepted.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isFalse();
        accepted.setNoDelay(true);
        assertThat(accepted.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
    }

    /** So that a stream whose other side has vanished ends, though nothing is sent. */
    @Test
    void keepaliveIsOn() throws Exception {
        TCPServer server = listeningOn("127.0.0.1");
        StreamPeerTCP client = connected("127.0.0.1", server.getLocalPort());
        for (StreamPeerSocket peer : List.of(client, take(server))) {
            assertThat(peer.channel().getOption(StandardSocketOptions.SO_KEEPALIVE)).isTrue();
        }
    }

    @Test
    void nagleMayBeTurnedOffBeforeThereIsASocket() throws Exception {
        ServerSocketChannel server = closing(newRawServer());
        for (boolean before : new boolean[] {true, false}) {
            StreamPeerTCP peer = closing(new StreamPeerTCP());
            if (before) {
                peer.setNoDelay(true);
            }
            assertThat(connect(peer, server.getLocalAddress())).isEqualTo(ErrorCode.OK);
            peer.setNoDelay(true);
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
            assertThat(peer.channel().getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
            peer.disconnectFromHost();
            peer.setNoDelay(true); // harmless
        }
    }

    // ---- connecting and waiting for it ----

    @Test
    void connectsForTools() throws Exception {
        TCPServer server = listeningOn("127.0.0.1");
        try (StreamPeerTCP peer = StreamPeerTCP.connect("localhost", server.getLocalPort())) {
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            assertThat(peer.getConnectedHost()).isEqualTo("127.0.0.1");
            assertThat(peer.getConnectedPort()).isEqualTo(server.getLocalPort());
            peer.putUtf8String("hello");
            assertThat(take(server).getUtf8String()).isEqualTo("hello");
        }
        int refused = ((InetSocketAddress) refusingAddress()).getPort();
        assertThatExceptionOfType(ConnectException.class)
                .isThrownBy(() -> StreamPeerTCP.connect("127.0.0.1", refused));
        assertThatExceptionOfType(UnknownHostException.class)
                .isThrownBy(() -> StreamPeerTCP.connect("peerloom.invalid", 80));
        assertThatIllegalArgumentException().isThrownBy(() -> StreamPeerTCP.connect("x", 0));
    }

    @Test
    void anInterruptEndsConnecting() throws Exception {
        try (var hole = Blackhole.tcp()) {
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(InterruptedIOException.class)
                    .isThrownBy(() -> StreamPeerTCP.connect("127.0.0.1", hole.port()));
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    // ---- the server ----

    @Test
    void listensWhereItIsTold() throws Exception {
        TCPServer server = closing(new TCPServer());
        assertThat(server.getLocalPort()).isZero();
        for (int port : new int[] {-1, 65_536, 70_000}) {
            assertThat(server.listen(port)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        }
        for (String address : List.of("nonsense", "", "localhost", "zoo:bar", "999.1.1.1")) {
            assertThat(server.listen(0, address)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        }
        assertThat(server.listen(0, "192.0.2.1")).isEqualTo(ErrorCode.UNAVAILABLE); // RFC 5737
        assertThat(server.getFailure()).get().isInstanceOf(BindException.class);
        ServerSocketChannel other = closing(newRawServer());
        int taken = ((InetSocketAddress) other.getLocalAddress()).getPort();
        assertThat(server.listen(taken, "127.0.0.1")).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(server.isListening()).isFalse();
        assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
        assertThat(server.getFailure()).isEmpty();
        assertThat(server.getLocalPort()).isPositive();
        assertThat(server.listen(0)).isEqualTo(ErrorCode.ALREADY_IN_USE); // it listens already
        assertThat(server.isListening()).isTrue();
        connected("127.0.0.1", server.getLocalPort());
        connected("::1", server.getLocalPort());
    }

    /** With connections open, and at once: what a restart needs. */
    @Test
    void thePortIsFreeAfterStop() {
        TCPServer server = listeningOn("127.0.0.1");
        int port = server.getLocalPort();
        for (int i = 0; i < 20; i++) {
            Pair pair = pair(server, Limits.defaults());
            server.stop();
            assertThat(server.getLocalPort()).isZero();
            assertThat(server.listen(port, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            assertThat(pair.client().poll()).isEqualTo(ErrorCode.OK);
            assertThat(pair.client().getStatus()).isEqualTo(Status.CONNECTED);
        }
    }

    @Test
    void takesPeersOfItsKind() {
        TCPServer server = listeningOn("127.0.0.1");
        assertThat(server.takeConnection()).isNull();
        connected("127.0.0.1", server.getLocalPort());
        assertThat(server.awaitConnection(PATIENCE)).isTrue();
        assertThat(closing(server.takeConnection()).getStatus()).isEqualTo(Status.CONNECTED);
        assertThat(server.awaitConnection(Duration.ZERO)).isFalse();
    }
}
