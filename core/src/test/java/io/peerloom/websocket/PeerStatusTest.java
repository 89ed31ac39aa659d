package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.Peer.Status;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerTLS;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Blackhole;
import io.peerloom.testing.Certificates;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The contract of {@link Peer.Status}, of all peers and in all the ways in which a connection may
 * go; and that each can be connected again after each. The other side is a plain socket.
 */
class PeerStatusTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir Path folder;

    private enum Kind {
        TCP,
        UDS,
        TLS_CLIENT,
        TLS_SERVER,
        WEB_SOCKET,
        WEB_SOCKET_OVER_A_STREAM,
        WEB_SOCKET_ACCEPTED,
        WEB_SOCKET_CLIENT,
        MULTIPLAYER_3,
        MULTIPLAYER_4;

        boolean isSocket() {
            return this == TCP || this == UDS;
        }

        boolean isTls() {
            return this == TLS_CLIENT || this == TLS_SERVER;
        }

        boolean isWebSocket() {
            return !isSocket() && !isTls();
        }

        boolean isMultiplayer() {
            return this == MULTIPLAYER_3 || this == MULTIPLAYER_4;
        }

        /** Whether it connects by itself, and is not given a stream. */
        boolean connects() {
            return !isTls() && this != WEB_SOCKET_OVER_A_STREAM && this != WEB_SOCKET_ACCEPTED;
        }

        /** Whether a disconnect of its own takes effect at once. */
        boolean leavesAtOnce() {
            return !isWebSocket() || isMultiplayer();
        }
    }

    private enum Fate {
        REFUSED,
        TIMEOUT,
        GIVEN_UP,
        OWN_CLOSE,
        OWN_CLOSE_UNANSWERED,
        OWN_CLOSE_AFTER_A_RESET,
        OTHERS_CLOSE,
        RESET,
        TLS_FAILURE,
        REFUSED_UPGRADE,
        VIOLATION,
        BAD_CALL;

        boolean befalls(Kind kind) {
            return switch (this) {
                case REFUSED -> kind.connects();
                case TLS_FAILURE -> kind.isTls() || (kind.connects() && kind.isWebSocket());
                case REFUSED_UPGRADE -> kind.isWebSocket();
                case VIOLATION, OWN_CLOSE_UNANSWERED -> !kind.isSocket();
                default -> true;
            };
        }
    }

    /**
     * What the contract says.
     *
     * @param status of the end
     * @param code what the poll returns that finds the end
     * @param failed whether there is a failure to tell of
     */
    private record Expected(Status status, ErrorCode code, boolean failed) {}

    private static Expected expected(Kind kind, Fate fate) {
        return switch (fate) {
            case REFUSED, TIMEOUT, TLS_FAILURE, REFUSED_UPGRADE ->
                    new Expected(Status.ERROR, ErrorCode.CONNECTION_ERROR, true);
            case GIVEN_UP, OWN_CLOSE, OTHERS_CLOSE ->
                    new Expected(Status.NONE, ErrorCode.OK, false);
            case OWN_CLOSE_UNANSWERED, OWN_CLOSE_AFTER_A_RESET ->
                    kind.leavesAtOnce()
                            ? new Expected(Status.NONE, ErrorCode.OK, false)
                            : new Expected(Status.NONE, ErrorCode.FAILED, true);
            case RESET, VIOLATION ->
                    kind.isTls() // as in Godot, where TLS that breaks is DISCONNECTED
                            ? new Expected(Status.NONE, ErrorCode.CONNECTION_ERROR, true)
                            : new Expected(Status.ERROR, ErrorCode.FAILED, true);
            case BAD_CALL -> new Expected(Status.NONE, ErrorCode.OK, true);
        };
    }

    /** The other end of a connection. */
    private static final class Far implements AutoCloseable {
        private final AutoCloseable socket;
        final InputStream in;
        final OutputStream out;

        Far(Socket socket) throws IOException {
            this.socket = socket;
            socket.setSoTimeout((int) PATIENCE.toMillis());
            in = socket.getInputStream();
            out = socket.getOutputStream();
        }

        Far(SocketChannel channel) {
            socket = channel;
            in = Channels.newInputStream(channel);
            out = Channels.newOutputStream(channel);
        }

        /** The same with TLS, once hands are shaken. */
        Far secure(SSLContext context, boolean client) throws IOException {
            var secured =
                    (SSLSocket)
                            context.getSocketFactory()
                                    .createSocket((Socket) socket, "localhost", 0, true);
            secured.setUseClientMode(client);
            secured.startHandshake();
            return new Far(secured);
        }

        String readHead() throws IOException {
            var head = new ByteArrayOutputStream();
            while (!head.toString(java.nio.charset.StandardCharsets.ISO_8859_1)
                    .endsWith("\r\n\r\n")) {
                int next = in.read();
                assertThat(next)
                        .as(head.toString(java.nio.charset.StandardCharsets.ISO_8859_1))
                        .isNotNegative();
                head.write(next);
            }
            return head.toString(java.nio.charset.StandardCharsets.ISO_8859_1);
        }

        void write(String hex) throws IOException {
            out.write(RawPeer.hex(hex));
            out.flush();
        }

        void say(String text) throws IOException {
            out.write(RawPeer.ascii(text));
            out.flush();
        }

        /** A peer with unread bytes of a Unix socket meets a reset as well. */
        void reset() throws Exception {
            if (socket instanceof Socket plain) {
                plain.setSoLinger(true, 0);
            }
            socket.close();
        }

        @Override
        public void close() throws Exception {
            socket.close();
        }
    }

    /** TLS has a status of its own. */
    private record TlsPeer(StreamPeerTLS tls) implements Peer {
        @Override
        public ErrorCode poll() {
            return tls.poll();
        }

        @Override
        public Status getStatus() {
            return switch (tls.getStatus()) {
                case DISCONNECTED -> Status.NONE;
                case HANDSHAKING -> Status.CONNECTING;
                case CONNECTED -> Status.CONNECTED;
                case ERROR, ERROR_HOSTNAME_MISMATCH -> Status.ERROR;
            };
        }

        @Override
        public boolean awaitActivity(Duration timeout) {
            return tls.awaitActivity(timeout);
        }

        @Override
        public void wakeup() {
            tls.wakeup();
        }

        @Override
        public Optional<Throwable> getFailure() {
            return tls.getFailure();
        }
    }

    /** A peer of a kind, and whoever is at the other end. */
    private final class Subject implements AutoCloseable {
        final Kind kind;
        final Peer peer;
        final List<AutoCloseable> open = new ArrayList<>();
        final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        final ServerSocketChannel unix = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        final Path path;
        final SocketChannel deaf = SocketChannel.open();
        Far far;

        /** The same beneath TLS. */
        Far plain;

        /** How many holes there were. */
        int holes;

        Subject(Kind kind, Fate fate) throws IOException {
            this.kind = kind;
            path = folder.resolve(kind + "-" + fate);
            unix.bind(UnixDomainSocketAddress.of(path));
            deaf.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            peer =
                    switch (kind) {
                        case TCP -> new StreamPeerTCP();
                        case UDS -> new StreamPeerUDS();
                        case TLS_CLIENT, TLS_SERVER -> new TlsPeer(new StreamPeerTLS());
                        case WEB_SOCKET, WEB_SOCKET_OVER_A_STREAM, WEB_SOCKET_ACCEPTED ->
                                new WebSocketPeer();
                        case WEB_SOCKET_CLIENT -> new WebSocketClient();
                        case MULTIPLAYER_3 -> new WebSocketMultiplayerPeer(Generation.GODOT3);
                        case MULTIPLAYER_4 -> new WebSocketMultiplayerPeer(Generation.GODOT4);
                    };
        }

        /** Of the next connection. */
        void setLimits(Limits limits) {
            WebSocketOptions options = WebSocketOptions.defaults().withLimits(limits);
            switch (peer) {
                case StreamPeerTCP tcp -> tcp.setLimits(limits);
                case StreamPeerUDS uds -> uds.setLimits(limits);
                case TlsPeer(StreamPeerTLS tls) -> tls.setLimits(limits);
                case WebSocketPeer webSocket -> webSocket.setOptions(options);
                case WebSocketClient client -> client.getPeer(1).setOptions(options);
                case WebSocketMultiplayerPeer group -> group.setOptions(options);
                default -> throw new AssertionError(peer);
            }
        }

        ErrorCode begin() throws IOException {
            ErrorCode code = begin("ws", listener.getLocalPort(), path);
            if (code == ErrorCode.OK) {
                accept();
            }
            return code;
        }

        void accept() throws IOException {
            if (kind == Kind.UDS) {
                far = new Far(unix.accept());
            } else if (kind.connects()) {
                far = new Far(listener.accept());
            }
            plain = far;
            open.add(far);
        }

        /** Begins to connect, to wherever it can be told to. */
        ErrorCode begin(String scheme, int port, Path file) throws IOException {
            String url = scheme + "://127.0.0.1:" + port + "/";
            return switch (kind) {
                case TCP -> ((StreamPeerTCP) peer).connectToHost("127.0.0.1", port);
                case UDS -> ((StreamPeerUDS) peer).connectToHost(file);
                case TLS_CLIENT -> tls().connectToStream(stream(), "localhost", trusting());
                case TLS_SERVER -> tls().acceptStream(stream(), serving());
                case WEB_SOCKET -> ((WebSocketPeer) peer).connectToUrl(url);
                case WEB_SOCKET_OVER_A_STREAM ->
                        ((WebSocketPeer) peer).connectToStream(stream(), url);
                case WEB_SOCKET_ACCEPTED -> ((WebSocketPeer) peer).acceptStream(stream());
                case WEB_SOCKET_CLIENT -> ((WebSocketClient) peer).connectToUrl(url);
                case MULTIPLAYER_3, MULTIPLAYER_4 ->
                        ((WebSocketMultiplayerPeer) peer).createClient(url);
            };
        }

        /** What can never work. */
        ErrorCode beginWrongly() {
            String url = "ws://nobody here/";
            var unconnected = new StreamPeerTCP();
            return switch (kind) {
                case TCP -> ((StreamPeerTCP) peer).connectToHost("127.0.0.1", 65_536);
                case UDS -> ((StreamPeerUDS) peer).connectToHost(Path.of("x".repeat(200)));
                case TLS_CLIENT -> tls().connectToStream(unconnected, "localhost", trusting());
                case TLS_SERVER -> tls().acceptStream(unconnected, serving());
                case WEB_SOCKET -> ((WebSocketPeer) peer).connectToUrl(url);
                case WEB_SOCKET_OVER_A_STREAM ->
                        ((WebSocketPeer) peer).connectToStream(unconnected, "ws://localhost/");
                case WEB_SOCKET_ACCEPTED -> ((WebSocketPeer) peer).acceptStream(unconnected);
                case WEB_SOCKET_CLIENT -> ((WebSocketClient) peer).connectToUrl(url);
                case MULTIPLAYER_3, MULTIPLAYER_4 ->
                        ((WebSocketMultiplayerPeer) peer).createClient(url);
            };
        }

        private StreamPeerTLS tls() {
            return ((TlsPeer) peer).tls();
        }

        private StreamPeer stream() throws IOException {
            StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", listener.getLocalPort());
            open.add(stream);
            far = new Far(listener.accept());
            return stream;
        }

        /** The other end's part until the connection is established. */
        void welcome() throws Exception {
            switch (kind) {
                case TCP, UDS -> {}
                case TLS_CLIENT -> far = far.secure(Certificates.showing(Certificates.GOOD), false);
                case TLS_SERVER -> far = far.secure(Certificates.trusting(), true);
                case WEB_SOCKET_ACCEPTED -> {
                    far.say(
                            new String(
                                    RawPeer.request(""),
                                    java.nio.charset.StandardCharsets.US_ASCII));
                    assertThat(far.readHead()).startsWith("HTTP/1.1 101 ");
                }
                default -> {
                    String key =
                            far.readHead().replaceAll("(?s).*Sec-WebSocket-Key: (\\S+).*", "$1");
                    far.say(
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                                    + RawPeer.acceptOf(key)
                                    + "\r\n\r\n");
                }
            }
            if (kind == Kind.MULTIPLAYER_4) {
                far.write("82 04 02000000");
            } else if (kind == Kind.MULTIPLAYER_3) {
                far.write("82 0d 03 01000000 00000000 02000000");
                far.write("82 0d 01 01000000 00000000 01000000");
            }
        }

        void connect() throws Exception {
            assertThat(begin()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
            assertThat(peer.getFailure()).isEmpty();
            welcome();
            assertThat(pollWhile(Status.CONNECTING)).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
        }

        /** Polls until the status is another; what the last of them returned. */
        ErrorCode pollWhile(Status status) {
            ErrorCode[] last = {ErrorCode.OK};
            await().atMost(PATIENCE)
                    .pollInSameThread()
                    .until(() -> {
                        peer.awaitActivity(Duration.ofMillis(100));
                        last[0] = peer.poll();
                        assertThat(last[0] == ErrorCode.OK || peer.getStatus() != status).isTrue();
                        return peer.getStatus() != status;
                    });
            return last[0];
        }

        void disconnect() {
            switch (peer) {
                case StreamPeerTCP tcp -> tcp.disconnectFromHost();
                case StreamPeerUDS uds -> uds.disconnectFromHost();
                case TlsPeer(StreamPeerTLS tls) -> tls.disconnectFromStream();
                case WebSocketPeer webSocket -> webSocket.close();
                case WebSocketClient client -> client.disconnectFromHost();
                case WebSocketMultiplayerPeer group -> group.close();
                default -> throw new AssertionError(peer);
            }
        }

        /** The other end's close frame, or its end of the stream. */
        void farCloses() throws Exception {
            if (kind == Kind.WEB_SOCKET_ACCEPTED) {
                far.out.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
            } else if (kind.isWebSocket()) {
                far.write("88 02 03e8");
            } else {
                far.close();
            }
        }

        @Override
        public void close() throws Exception {
            disconnect();
            for (AutoCloseable one : open) {
                one.close();
            }
            if (far != null) {
                far.close();
            }
            listener.close();
            unix.close();
            deaf.close();
        }
    }

    private static TLSOptions trusting() {
        return TLSOptions.client(List.of(Certificates.authority()));
    }

    private static TLSOptions serving() {
        var entry = Certificates.entry(Certificates.GOOD);
        return TLSOptions.server(
                entry.getPrivateKey(),
                Stream.of(entry.getCertificateChain())
                        .map(java.security.cert.X509Certificate.class::cast)
                        .toList());
    }

    /** Lets the fate befall the peer, until its end was seen; what the poll that saw it said. */
    private static ErrorCode befall(Subject subject, Fate fate) throws Exception {
        Duration soon = Duration.ofMillis(300);
        Limits limits = Limits.defaults();
        subject.setLimits(
                switch (fate) {
                    case TIMEOUT -> limits.withConnectTimeout(soon).withHandshakeTimeout(soon);
                    case OWN_CLOSE_UNANSWERED -> limits.withCloseTimeout(soon);
                    default -> limits;
                });
        Peer peer = subject.peer;
        Kind kind = subject.kind;
        switch (fate) {
            case REFUSED -> {
                int port = ((InetSocketAddress) subject.deaf.getLocalAddress()).getPort();
                Path nobody = subject.path.resolveSibling("nobody");
                assertThat(subject.begin("ws", port, nobody)).isEqualTo(ErrorCode.OK);
                return subject.pollWhile(Status.CONNECTING);
            }
            case TIMEOUT, GIVEN_UP -> {
                Path file = subject.path.resolveSibling("hole-" + kind + fate + subject.holes++);
                try (Blackhole hole = kind == Kind.UDS ? Blackhole.unix(file) : Blackhole.tcp()) {
                    if (kind.isSocket()) {
                        int port = kind == Kind.UDS ? 0 : hole.port();
                        assertThat(subject.begin("ws", port, file)).isEqualTo(ErrorCode.OK);
                    } else {
                        assertThat(subject.begin()).isEqualTo(ErrorCode.OK);
                    }
                    if (fate == Fate.GIVEN_UP) {
                        subject.disconnect();
                        assertThat(peer.getStatus())
                                .isEqualTo(kind.leavesAtOnce() ? Status.NONE : Status.CONNECTING);
                        return kind.leavesAtOnce()
                                ? peer.poll()
                                : subject.pollWhile(Status.CONNECTING);
                    }
                    return subject.pollWhile(Status.CONNECTING);
                }
            }
            case TLS_FAILURE -> {
                int port = subject.listener.getLocalPort();
                assertThat(subject.begin("wss", port, null)).isEqualTo(ErrorCode.OK);
                subject.accept();
                subject.far.say("this is no TLS\r\n\r\n");
                return subject.pollWhile(Status.CONNECTING);
            }
            case REFUSED_UPGRADE -> {
                assertThat(subject.begin()).isEqualTo(ErrorCode.OK);
                if (kind == Kind.WEB_SOCKET_ACCEPTED) {
                    subject.far.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    assertThat(subject.far.readHead()).startsWith("HTTP/1.1 4");
                } else {
                    subject.far.readHead();
                    subject.far.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                }
                return subject.pollWhile(Status.CONNECTING);
            }
            case BAD_CALL -> {
                assertThat(subject.beginWrongly()).isEqualTo(ErrorCode.INVALID_PARAMETER);
                return peer.poll();
            }
            default -> subject.connect();
        }
        switch (fate) {
            case OWN_CLOSE, OWN_CLOSE_UNANSWERED -> {
                subject.disconnect();
                if (kind.leavesAtOnce()) {
                    assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                    return peer.poll();
                }
                assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
                if (fate == Fate.OWN_CLOSE) {
                    subject.farCloses();
                }
            }
            case OWN_CLOSE_AFTER_A_RESET -> {
                subject.plain.reset();
                assertThat(peer.awaitActivity(PATIENCE)).isTrue();
                subject.disconnect();
                if (kind.leavesAtOnce()) {
                    assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                    return peer.poll();
                }
            }
            case OTHERS_CLOSE -> subject.farCloses();
            case RESET -> {
                if (peer instanceof StreamPeerUDS uds) {
                    uds.putU8(1); // what the other end has not read when it closes
                }
                subject.plain.reset();
            }
            case VIOLATION -> {
                if (kind.isTls()) {
                    subject.plain.write("17 0303 0020" + "00".repeat(32)); // a record of nobody
                } else {
                    subject.far.write("ff 00");
                }
            }
            default -> throw new AssertionError(fate);
        }
        return subject.pollWhile(Status.CONNECTED);
    }

    @TestFactory
    Stream<DynamicTest> everyPeerInEveryWay() {
        return Stream.of(Kind.values())
                .flatMap(kind ->
                        EnumSet.allOf(Fate.class).stream()
                                .filter(fate -> fate.befalls(kind))
                                .map(fate ->
                                        DynamicTest.dynamicTest(
                                                kind + " " + fate, () -> check(kind, fate))));
    }

    private void check(Kind kind, Fate fate) throws Exception {
        Expected expected = expected(kind, fate);
        try (var subject = new Subject(kind, fate)) {
            Peer peer = subject.peer;
            assertThat(peer.getStatus()).isEqualTo(Status.NONE);
            for (int round = 0; round < 2; round++) {
                ErrorCode code = befall(subject, fate);
                // what was left by disconnecting may still fail, sooner or later
                boolean settled = !(kind.leavesAtOnce() && fate.name().startsWith("OWN_CLOSE_"));
                boolean failure = settled ? peer.getFailure().isPresent() : expected.failed();
                assertThat(new Expected(peer.getStatus(), code, failure)).isEqualTo(expected);
                assertThat(peer.poll()).as("it is told once").isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).isEqualTo(expected.status());

                // a call that is refused changes nothing
                if (!(kind.isSocket() && expected.status() == Status.ERROR)) {
                    assertThat(subject.beginWrongly()).isEqualTo(ErrorCode.INVALID_PARAMETER);
                    assertThat(peer.getFailure()).isPresent();
                    assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                    assertThat(peer.getStatus()).isEqualTo(expected.status());
                }
                if (round == 0) { // ERROR is left by disconnecting
                    boolean failed = peer.getFailure().isPresent();
                    if (kind.isSocket() && expected.status() == Status.ERROR) {
                        assertThat(subject.begin()).isEqualTo(ErrorCode.ALREADY_IN_USE);
                        assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
                    }
                    subject.disconnect();
                    assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                    if (failed) {
                        assertThat(peer.getFailure()).isPresent();
                    }
                    assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                } else if (kind.isSocket()) {
                    subject.disconnect();
                }
                // and by the calls that do so themselves
                subject.setLimits(Limits.defaults());
                subject.connect();
                if (round == 0) {
                    subject.disconnect();
                    if (!kind.leavesAtOnce()) {
                        subject.farCloses();
                        assertThat(subject.pollWhile(Status.CONNECTED)).isEqualTo(ErrorCode.OK);
                    }
                    assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                }
            }
        }
    }

    /** The other thing that a multiplayer peer can be. */
    @TestFactory
    Stream<DynamicTest> aMultiplayerServer() {
        return Stream.of(Generation.values())
                .map(generation ->
                        DynamicTest.dynamicTest(
                                generation.name(),
                                () -> {
                                    try (var taken = new ServerSocket(0);
                                            var peer = new WebSocketMultiplayerPeer(generation)) {
                                        int port = taken.getLocalPort();
                                        assertThat(peer.createServer(port))
                                                .isEqualTo(ErrorCode.ALREADY_IN_USE);
                                        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                                        assertThat(peer.getFailure()).isPresent();
                                        assertThat(peer.createServer(0)).isEqualTo(ErrorCode.OK);
                                        assertThat(peer.getFailure()).isEmpty();
                                        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
                                        assertThat(peer.createServer(0))
                                                .isEqualTo(ErrorCode.ALREADY_IN_USE);
                                        assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
                                        peer.close();
                                        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                                    }
                                }));
    }
}
