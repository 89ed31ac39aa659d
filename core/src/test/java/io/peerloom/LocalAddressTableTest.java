package io.peerloom;

import static io.peerloom.ErrorCode.ALREADY_EXISTS;
import static io.peerloom.ErrorCode.ALREADY_IN_USE;
import static io.peerloom.ErrorCode.INVALID_PARAMETER;
import static io.peerloom.ErrorCode.OK;
import static io.peerloom.ErrorCode.UNAUTHORIZED;
import static io.peerloom.ErrorCode.UNAVAILABLE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.UDSServer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every way in which a local address can be wrong, for every class that takes one: one code for
 * each, with its cause, and nothing that is another's is touched.
 */
class LocalAddressTableTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir Path folder;

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private <T extends AutoCloseable> T closing(T one) {
        open.add(one);
        return one;
    }

    /** What takes addresses of a kind: tries one, and tells why not. */
    private interface Taker<A> extends AutoCloseable {
        ErrorCode take(A address);

        Optional<Throwable> failure();
    }

    private record Simple<A>(
            java.util.function.Function<A, ErrorCode> taking,
            java.util.function.Supplier<Optional<Throwable>> failing,
            AutoCloseable closing)
            implements Taker<A> {
        @Override
        public ErrorCode take(A address) {
            return taking.apply(address);
        }

        @Override
        public Optional<Throwable> failure() {
            return failing.get();
        }

        @Override
        public void close() throws Exception {
            closing.close();
        }
    }

    // ---- Unix sockets ----

    /**
     * A way to be wrong.
     *
     * @param listening what is said to who listens
     * @param binding what is said to who binds; null where nothing is
     */
    private record Way<A>(
            String name, Callable<A> address, ErrorCode listening, ErrorCode binding) {}

    private List<Way<Path>> unixWays() {
        return List.of(
                new Way<>("empty", () -> Path.of(""), INVALID_PARAMETER, INVALID_PARAMETER),
                new Way<>(
                        "too long",
                        () -> Path.of("/" + "x".repeat(106)),
                        INVALID_PARAMETER,
                        INVALID_PARAMETER),
                new Way<>("a live server", this::live, ALREADY_IN_USE, ALREADY_IN_USE),
                new Way<>("one with a full backlog", this::busy, ALREADY_IN_USE, ALREADY_IN_USE),
                new Way<>(
                        "a link to a live server",
                        () -> Files.createSymbolicLink(path(), live()),
                        ALREADY_IN_USE,
                        ALREADY_IN_USE),
                new Way<>("a server that is gone", this::stale, OK, ALREADY_EXISTS),
                new Way<>("one that is just gone", this::fresh, OK, ALREADY_EXISTS),
                new Way<>(
                        "a file",
                        () -> Files.writeString(path(), "mine"),
                        ALREADY_EXISTS,
                        ALREADY_EXISTS),
                new Way<>(
                        "a folder",
                        () -> Files.createDirectory(path()),
                        ALREADY_EXISTS,
                        ALREADY_EXISTS),
                new Way<>(
                        "a link to nothing",
                        () -> Files.createSymbolicLink(path(), path()),
                        ALREADY_EXISTS,
                        ALREADY_EXISTS),
                new Way<>("a pipe", this::pipe, ALREADY_EXISTS, ALREADY_EXISTS),
                new Way<>("no such folder", () -> path().resolve("x"), UNAVAILABLE, UNAVAILABLE),
                new Way<>(
                        "in a file",
                        () -> Files.writeString(path(), "").resolve("x"),
                        UNAVAILABLE,
                        UNAVAILABLE),
                new Way<>("a locked folder", this::locked, UNAUTHORIZED, UNAUTHORIZED));
    }

    private int paths;

    private Path path() {
        return folder.resolve("s" + paths++);
    }

    private Path live() {
        Path path = path();
        assertThat(closing(new UDSServer()).listen(path)).isEqualTo(OK);
        return path;
    }

    private Path busy() throws IOException {
        Path path = path();
        closing(io.peerloom.testing.Blackhole.unix(path));
        return path;
    }

    private Path fresh() throws IOException {
        Path path = path();
        var address = UnixDomainSocketAddress.of(path);
        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address).close();
        return path;
    }

    private Path stale() throws IOException {
        Instant before = Instant.now().minusSeconds(60);
        return Files.setLastModifiedTime(fresh(), FileTime.from(before));
    }

    private Path pipe() throws Exception {
        Path path = path();
        int code;
        try {
            code = new ProcessBuilder("mkfifo", path.toString()).start().waitFor();
        } catch (IOException e) {
            code = -1;
        }
        assumeThat(code).as("mkfifo").isZero();
        return path;
    }

    private Path locked() throws IOException {
        Path locked = Files.createDirectory(path());
        Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-x------"));
        assumeThat(Files.isWritable(locked)).as("the super-user may do anything").isFalse();
        return locked.resolve("s");
    }

    private static Stream<Taker<Path>> listeners() {
        var uds = new UDSServer();
        var polled = new WebSocketServer();
        var blocking = new WebSocketServer();
        return Stream.of(
                new Simple<>(uds::listen, uds::getFailure, uds),
                new Simple<>(polled::listen, polled::getFailure, polled),
                new Simple<>(
                        path -> {
                            try {
                                blocking.start(path, peer -> {});
                                return OK;
                            } catch (IOException e) {
                                assertThat(e).isSameAs(blocking.getFailure().orElseThrow());
                                return polled(path);
                            }
                        },
                        blocking::getFailure,
                        blocking));
    }

    /** Which code it would have been. */
    private static ErrorCode polled(Path path) {
        try (var server = new WebSocketServer()) {
            return server.listen(path);
        }
    }

    private static Taker<Path> binder() {
        var peer = new StreamPeerUDS();
        return new Simple<>(peer::bind, peer::getFailure, peer);
    }

    @TestFactory
    Stream<DynamicTest> unix() {
        return unixWays().stream()
                .map(way ->
                        DynamicTest.dynamicTest(
                                way.name(),
                                () -> {
                                    for (Taker<Path> listener : listeners().toList()) {
                                        check(
                                                way.address().call(),
                                                listener,
                                                way.listening(),
                                                path());
                                    }
                                    check(way.address().call(), binder(), way.binding(), path());
                                }));
    }

    private <A> void check(A address, Taker<A> taker, ErrorCode expected, A good) throws Exception {
        Object before = address instanceof Path path ? look(path) : null;
        try (taker) {
            assertThat(taker.take(address)).as("%s", address).isEqualTo(expected);
            if (expected == OK) {
                return;
            }
            assertThat(taker.failure())
                    .get()
                    .asInstanceOf(
                            org.assertj.core.api.InstanceOfAssertFactories.type(
                                    BindException.class))
                    .extracting(Throwable::getMessage)
                    .asString()
                    .contains(address.toString());
            if (address instanceof Path path) {
                assertThat(look(path)).isEqualTo(before);
            }
            assertThat(taker.take(good)).as("afterwards").isEqualTo(OK);
        }
    }

    /** Which file is there, and who answers. */
    private static String look(Path path) throws IOException {
        if (!Files.exists(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)
                || path.toString().isEmpty()) {
            return "";
        }
        return Files.readAttributes(path, "unix:ino,mode", java.nio.file.LinkOption.NOFOLLOW_LINKS)
                .toString();
    }

    /** The first server goes on to serve. */
    @Test
    void aLiveServerKeepsItsPath() throws Exception {
        UDSServer first = closing(new UDSServer());
        Path path = path();
        assertThat(first.listen(path)).isEqualTo(OK);
        for (Taker<Path> second : listeners().toList()) {
            try (second) {
                assertThat(second.take(path)).isEqualTo(ALREADY_IN_USE);
            }
        }
        while (first.awaitConnection(Duration.ZERO)) { // those that asked who is there
            first.takeConnection().close();
        }
        closing(StreamPeerUDS.connect(path)).putUtf8String("here?");
        String heard = "";
        while (heard.isEmpty()) {
            assertThat(first.awaitConnection(PATIENCE)).isTrue();
            try (StreamPeerUDS peer = first.takeConnection()) {
                byte[] bytes = new byte[9];
                heard =
                        peer.getData(bytes, 0, 9) == OK
                                ? new String(bytes, 4, 5, java.nio.charset.StandardCharsets.UTF_8)
                                : "";
            }
        }
        assertThat(heard).isEqualTo("here?");
        first.stop();
        assertThat(path).doesNotExist();
    }

    /** However many begin at a time where a server has left its file: one has it, and keeps it. */
    @Test
    void oneOfManyGetsWhatIsLeft() throws Exception {
        int many = 6;
        try (var threads = Executors.newFixedThreadPool(many)) {
            for (int round = 0; round < 30; round++) {
                Path path = round % 2 == 0 ? stale() : fresh();
                var barrier = new CyclicBarrier(many);
                var results = new ArrayList<Future<ErrorCode>>();
                var servers = new ArrayList<UDSServer>();
                for (int i = 0; i < many; i++) {
                    UDSServer server = closing(new UDSServer());
                    servers.add(server);
                    results.add(
                            threads.submit(() -> {
                                barrier.await();
                                return server.listen(path);
                            }));
                }
                int winners = 0;
                for (Future<ErrorCode> result : results) {
                    ErrorCode code = result.get();
                    assertThat(code).isIn(OK, ALREADY_IN_USE);
                    winners += code == OK ? 1 : 0;
                }
                assertThat(winners).as("round %d", round).isOne();
                StreamPeerUDS.connect(path).close();
                servers.forEach(UDSServer::stop);
                assertThat(path).doesNotExist();
            }
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    /** A name of Linux that is no file: the JDK has no way to say it. */
    @Test
    void abstractNamesCannotBeSaid() {
        assertThatExceptionOfType(InvalidPathException.class)
                .isThrownBy(() -> new UDSServer().listen(Path.of("\0abstract")));
    }

    @Test
    void theTargetOfAConnection() {
        StreamPeerUDS peer = closing(new StreamPeerUDS());
        for (String path : List.of("", "/" + "x".repeat(106))) {
            assertThat(peer.connectToHost(Path.of(path))).isEqualTo(INVALID_PARAMETER);
            assertThat(peer.getFailure()).get().isInstanceOf(BindException.class);
            assertThat(peer.getStatus()).isEqualTo(Peer.Status.NONE);
        }
    }

    // ---- TCP ----

    private record Address(String host, int port) {
        @Override
        public String toString() {
            return Integer.toString(port);
        }
    }

    private Address taken() throws IOException {
        var other =
                closing(ServerSocketChannel.open())
                        .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        return new Address("127.0.0.1", ((InetSocketAddress) other.getLocalAddress()).getPort());
    }

    private static Address privileged() {
        try (var probe = SocketChannel.open()) {
            probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 1));
            assumeThat(false).as("the super-user may do anything").isTrue();
        } catch (IOException e) {
            // as it should be
        }
        return new Address("127.0.0.1", 1);
    }

    private static Stream<Taker<Address>> tcpTakers() {
        var peer = new StreamPeerTCP();
        var server = new TCPServer();
        var webSockets = new WebSocketServer();
        var group = new WebSocketMultiplayerPeer(WebSocketMultiplayerPeer.Generation.GODOT4);
        return Stream.of(
                new Simple<>(a -> peer.bind(a.port(), a.host()), peer::getFailure, peer),
                new Simple<>(a -> server.listen(a.port(), a.host()), server::getFailure, server),
                new Simple<>(
                        a -> {
                            webSockets.setBindIp(a.host());
                            return webSockets.listen(a.port());
                        },
                        webSockets::getFailure,
                        webSockets),
                new Simple<>(
                        a -> group.createServer(a.port(), a.host()), group::getFailure, group));
    }

    @TestFactory
    Stream<DynamicTest> tcp() {
        return Stream.of(
                        new Way<>(
                                "a port below",
                                () -> new Address("*", -1),
                                INVALID_PARAMETER,
                                null),
                        new Way<>(
                                "a port above",
                                () -> new Address("*", 65_536),
                                INVALID_PARAMETER,
                                null),
                        new Way<>(
                                "a name",
                                () -> new Address("localhost", 0),
                                INVALID_PARAMETER,
                                null),
                        new Way<>("nothing", () -> new Address("", 0), INVALID_PARAMETER, null),
                        new Way<>("nonsense", () -> new Address("a:b", 0), INVALID_PARAMETER, null),
                        new Way<>("a port in use", this::taken, ALREADY_IN_USE, null),
                        new Way<>( // RFC 5737
                                "another's", () -> new Address("192.0.2.1", 0), UNAVAILABLE, null),
                        new Way<>( // RFC 3849
                                "another's IPv6",
                                () -> new Address("2001:db8::1", 4000),
                                UNAVAILABLE,
                                null),
                        new Way<>(
                                "a privileged port",
                                LocalAddressTableTest::privileged,
                                UNAUTHORIZED,
                                null))
                .map(way ->
                        DynamicTest.dynamicTest(
                                way.name(),
                                () -> {
                                    for (Taker<Address> taker : tcpTakers().toList()) {
                                        check(
                                                way.address().call(),
                                                taker,
                                                way.listening(),
                                                new Address("127.0.0.1", 0));
                                    }
                                }));
    }
}
