package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.internal.queue.WaitPoint;
import io.peerloom.testing.Blackhole;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Addresses that answer, refuse or hang, in every order. Time-outs are long where they must not be
 * needed, so that whoever waits for the wrong thing fails by {@link Timeout}.
 */
@Timeout(60)
class ConnectorTest {

    private static final Duration LONG = Duration.ofMinutes(10);

    private final WaitPoint news = new WaitPoint();
    private final AtomicBoolean cancelled = new AtomicBoolean();

    private Connector connector(Duration timeout) {
        return new Connector(timeout, cancelled::get, news);
    }

    private static InetSocketAddress four(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private static InetSocketAddress six(int port) {
        return Connector.localAddress("::1", port);
    }

    private static ServerSocketChannel listen() throws IOException {
        return ServerSocketChannel.open().bind(four(0));
    }

    /** Bound but not listening: the system refuses connections to it and gives it to nobody. */
    private static SocketChannel refusing() throws IOException {
        return SocketChannel.open().bind(four(0));
    }

    // ---- RFC 8305, sections 5 and 6: connection attempts ----

    @Test
    void theFirstThatAnswersIsUsed() throws Exception {
        try (var first = listen();
                var second = listen()) {
            var addresses = List.of(first.getLocalAddress(), second.getLocalAddress());
            try (SocketChannel channel = connector(LONG).connect(addresses, null)) {
                assertThat(channel.isBlocking()).isTrue();
                assertThat(channel.getRemoteAddress()).isEqualTo(first.getLocalAddress());
            }
        }
    }

    /** The next one does not wait for its turn when the one before has failed. */
    @Test
    void afterARefusalTheNextIsTriedAtOnce() throws Exception {
        try (var refusing = refusing();
                var open = listen()) {
            SocketAddress no = refusing.getLocalAddress();
            // a quarter of a second each would not fit into the time
            var addresses = new ArrayList<SocketAddress>(Collections.nCopies(400, no));
            addresses.add(open.getLocalAddress());
            try (SocketChannel channel =
                    connector(Duration.ofSeconds(30)).connect(addresses, null)) {
                assertThat(channel.getRemoteAddress()).isEqualTo(open.getLocalAddress());
            }
        }
    }

    @Test
    void oneThatHangsIsOvertaken() throws Exception {
        try (var hole = Blackhole.tcp();
                var refusing = refusing();
                var open = listen()) {
            var addresses =
                    List.of(
                            hole.address(),
                            refusing.getLocalAddress(),
                            hole.address(),
                            open.getLocalAddress());
            try (SocketChannel channel = connector(LONG).connect(addresses, null)) {
                assertThat(channel.getRemoteAddress()).isEqualTo(open.getLocalAddress());
            }
        }
    }

    /** The first attempt is not given up when the second begins. */
    @Test
    void oneThatIsSlowMayStillWin() throws Exception {
        try (var hole = Blackhole.tcp();
                var other = Blackhole.tcp()) {
            var result =
                    inBackground(() ->
                            connector(LONG)
                                    .connect(List.of(hole.address(), other.address()), null));
            hole.acceptAll(); // the kernel asks again after a second
            try (SocketChannel channel = result.get()) {
                assertThat(channel.getRemoteAddress()).isEqualTo(hole.address());
            }
        }
    }

    /** Localhost with both families, of which the server has one (godot#67969). */
    @Test
    void fallsBackFromOneFamilyToTheOther() throws Exception {
        try (var open = listen()) {
            int port = ((InetSocketAddress) open.getLocalAddress()).getPort();
            var addresses = List.of(six(port), four(port));
            try (SocketChannel channel = connector(LONG).connect(addresses, null)) {
                assertThat(channel.getRemoteAddress()).isEqualTo(addresses.get(1));
            }
        }
    }

    @Test
    void whenAllRefuseEachIsTold() throws Exception {
        try (var one = refusing();
                var two = refusing()) {
            var addresses = List.of(one.getLocalAddress(), two.getLocalAddress());
            assertThatExceptionOfType(ConnectException.class)
                    .isThrownBy(() -> connector(LONG).connect(addresses, null))
                    .withMessageContaining(addresses.get(0).toString())
                    .satisfies(e -> {
                        assertThat(e.getCause()).isNotNull();
                        assertThat(e.getSuppressed())
                                .singleElement()
                                .satisfies(other ->
                                        assertThat(other)
                                                .hasMessageContaining(addresses.get(1).toString()));
                    });
        }
    }

    @Test
    void theTimeIsForAllOfThemTogether() throws Exception {
        try (var hole = Blackhole.tcp();
                var refusing = refusing()) {
            var addresses = List.of(refusing.getLocalAddress(), hole.address(), hole.address());
            assertThatExceptionOfType(SocketTimeoutException.class)
                    .isThrownBy(() -> connector(Duration.ofMillis(400)).connect(addresses, null))
                    .withMessageContaining("400 ms")
                    .satisfies(e ->
                            assertThat(e.getSuppressed())
                                    .singleElement()
                                    .isInstanceOf(ConnectException.class));
        }
    }

    /** What was under way is freed: the leak guard looks. */
    @Test
    void givingUpEndsAllAttempts() throws Exception {
        try (var hole = Blackhole.tcp()) {
            var addresses = List.of(hole.address(), hole.address(), hole.address());
            var result = inBackground(() -> connector(LONG).connect(addresses, null));
            cancelled.set(true);
            news.signal();
            assertThatExceptionOfType(ExecutionException.class)
                    .isThrownBy(result::get)
                    .withCauseInstanceOf(AsynchronousCloseException.class);
        }
    }

    /** A kind of address that this system has no socket for is as good as one that refuses. */
    @Test
    void whatCannotBeTriedIsAFailureAmongOthers() throws Exception {
        var unresolved = InetSocketAddress.createUnresolved("nowhere.invalid", 1);
        try (var open = listen()) {
            var addresses = List.of(unresolved, open.getLocalAddress());
            try (SocketChannel channel = connector(LONG).connect(addresses, null)) {
                assertThat(channel.getRemoteAddress()).isEqualTo(open.getLocalAddress());
            }
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> connector(LONG).connect(List.of(unresolved), null));
        }
    }

    // ---- a local address of one's own ----

    /** One port, one socket at a time: the attempts follow each other, each bound anew. */
    @Test
    void aBoundSocketTriesTheAddressesInTurn() throws Exception {
        try (var refusing = refusing();
                var open = listen()) {
            SocketChannel bound = SocketChannel.open().bind(four(0));
            SocketAddress local = bound.getLocalAddress();
            var addresses =
                    List.of(
                            refusing.getLocalAddress(),
                            refusing.getLocalAddress(),
                            open.getLocalAddress());
            try (SocketChannel channel = connector(LONG).connect(addresses, bound)) {
                assertThat(channel.getRemoteAddress()).isEqualTo(open.getLocalAddress());
                assertThat(channel.getLocalAddress()).isEqualTo(local);
            }
        }
    }

    @Test
    void aBoundSocketIsClosedWhenConnectingFails() throws Exception {
        try (var refusing = refusing()) {
            SocketChannel bound = SocketChannel.open().bind(four(0));
            assertThatThrownBy(() ->
                            connector(LONG).connect(List.of(refusing.getLocalAddress()), bound))
                    .isInstanceOf(ConnectException.class);
            assertThat(bound.isOpen()).isFalse();
        }
    }

    // ---- Unix domain sockets ----

    /**
     * A full backlog is no refusal: it waits. On a virtual thread the JDK would not, but fail, or
     * in some releases believe itself connected.
     */
    @Test
    void aFullBacklogOfAUnixSocketIsWaitedFor(@TempDir Path folder) throws Exception {
        Path path = folder.resolve("full");
        try (var hole = Blackhole.unix(path)) {
            List<SocketAddress> address = List.of(UnixDomainSocketAddress.of(path));
            assertThatExceptionOfType(SocketTimeoutException.class)
                    .isThrownBy(() -> connector(Duration.ofMillis(200)).connect(address, null));
            var result = inBackground(() -> connector(LONG).connect(address, null));
            hole.acceptAll();
            try (SocketChannel channel = result.get()) {
                assertThat(channel.isConnected()).isTrue();
            }
        }
    }

    @Test
    void givingUpEndsTheWaitForAUnixSocket(@TempDir Path folder) throws Exception {
        Path path = folder.resolve("full");
        try (var hole = Blackhole.unix(path)) {
            assertThat(hole.address()).isEqualTo(UnixDomainSocketAddress.of(path));
            var result =
                    inBackground(() ->
                            connector(LONG)
                                    .connect(List.of(UnixDomainSocketAddress.of(path)), null));
            cancelled.set(true);
            news.signal();
            assertThatExceptionOfType(ExecutionException.class)
                    .isThrownBy(result::get)
                    .withCauseInstanceOf(AsynchronousCloseException.class);
        }
    }

    // ---- names ----

    @Test
    void aNameIsResolved() throws Exception {
        assertThat(connector(LONG).resolve("localhost", 80))
                .isNotEmpty()
                .allSatisfy(address -> {
                    assertThat(address.getAddress().isLoopbackAddress()).isTrue();
                    assertThat(address.getPort()).isEqualTo(80);
                });
    }

    /** RFC 2606 section 2 reserves the domain for names that do not exist. */
    @Test
    void aNameWithoutAddressIsUnknown() {
        assertThatExceptionOfType(UnknownHostException.class)
                .isThrownBy(() -> connector(LONG).resolve("peerloom.invalid", 80))
                .withMessageContaining("peerloom.invalid")
                .withCauseInstanceOf(UnknownHostException.class);
    }

    /** IDNA; and what can be no name is not asked for, nor shown. */
    @ParameterizedTest
    @CsvSource({
        "peerloom-ü.invalid, xn--peerloom--y9a.invalid",
        "ｌocalhost\u3002invalid, localhost.invalid",
        "'a b', U+0020 at index 1",
        "straße.invalid, U+00DF at index 4",
        "'a\u001b[2J', U+001B at index 1",
        "c℀.invalid, U+002F at index 2",
    })
    void aNameIsLookedUpInAscii(String host, String told) {
        assertThatExceptionOfType(UnknownHostException.class)
                .isThrownBy(() -> connector(LONG).resolve(host, 80))
                .withMessageContaining(told)
                .satisfies(e -> assertThat(e.getMessage()).matches("[ -~]+"));
    }

    /** RFC 6874: of an address the zone says over which interface. */
    @Test
    void aZoneIsPartOfTheAddress() throws Exception {
        var resolved = connector(LONG).resolve("fe80::1%1", 80).getFirst().getAddress();
        assertThat(((java.net.Inet6Address) resolved).getScopeId()).isEqualTo(1);
        assertThatExceptionOfType(UnknownHostException.class)
                .isThrownBy(() -> connector(LONG).resolve("fe80::1%nope", 80))
                .withMessage("no interface of that zone: \"fe80::1%nope\"");
    }

    @Test
    void aNameNobodyWantsAnyMoreIsNotWaitedFor() {
        cancelled.set(true);
        assertThatExceptionOfType(AsynchronousCloseException.class)
                .isThrownBy(() -> connector(LONG).resolve("peerloom.invalid", 80));
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 127.0.0.1",
        "::1, 0:0:0:0:0:0:0:1",
        "[::1], 0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1, 127.0.0.1",
        "*, 0:0:0:0:0:0:0:0",
    })
    void aLiteralIsParsed(String host, String expected) {
        InetSocketAddress address = Connector.localAddress(host, 5);
        assertThat(address.getAddress().getHostAddress()).isEqualTo(expected);
        assertThat(address.getPort()).isEqualTo(5);
    }

    /**
     * A colon is in no name, so these are broken addresses; asking the system what they mean, as
     * the JDK would for some, could block for long.
     */
    @ParameterizedTest
    @ValueSource(strings = {"zoo:bar", "1:2", "[::1", "::1]", ":", "[zoo:]", ":::", "fe80::1%nope"})
    void aBrokenLiteralIsNoAddressAndNoName(String host) {
        assertThat(Connector.isLiteral(host)).isTrue();
        assertThat(Connector.localAddress(host, 5)).isNull();
        assertThatExceptionOfType(UnknownHostException.class)
                .isThrownBy(() -> connector(LONG).resolve(host, 5));
    }

    /** Digits and dots that are no IPv4 address: the JDK would ask the system for some of them. */
    @ParameterizedTest
    @ValueSource(strings = {"999.1.1.1", "1.2.3", "1.2.3.4.5", "...", "1", "localhost", "a.b.c.d"})
    void whatIsNoAddressByItsFormIsAName(String host) {
        assertThat(Connector.isLiteral(host)).isFalse();
        assertThat(Connector.localAddress(host, 5)).isNull();
    }

    // ---- listening ----

    @Test
    void allAddressesAreOfBothFamilies() throws Exception {
        try (var server = LocalAddress.listen(Connector.localAddress("*", 0))) {
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            for (InetSocketAddress address : List.of(four(port), six(port))) {
                connector(LONG).connect(List.of(address), null).close();
            }
        }
    }

    @Test
    void anIpv4AddressIsListenedOnAlone() throws Exception {
        try (var server = LocalAddress.listen(Connector.localAddress("0.0.0.0", 0))) {
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            connector(LONG).connect(List.of(four(port)), null).close();
            InetSocketAddress six = six(port);
            assertThatExceptionOfType(ConnectException.class)
                    .isThrownBy(() -> connector(LONG).connect(List.of(six), null));
        }
    }

    @Test
    void whatTheSystemRefusesIsABindException() throws Exception {
        // RFC 5737: of nobody's machine
        assertThatExceptionOfType(BindException.class)
                .isThrownBy(() -> LocalAddress.listen(Connector.localAddress("192.0.2.1", 0)))
                .withMessageContaining("192.0.2.1");
        assertThatExceptionOfType(BindException.class)
                .isThrownBy(() -> LocalAddress.listen(LocalAddress.of(Path.of("/nowhere/at/all"))));
    }

    /** Servers are often told to do without IPv6; all addresses are those of IPv4 then. */
    @Test
    void withoutIpv6AllAddressesAreThoseOfIpv4() throws Exception {
        var process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Djava.net.preferIPv4Stack=true",
                                "-cp",
                                System.getProperty("java.class.path"),
                                WithoutIpv6.class.getName())
                        .redirectErrorStream(true)
                        .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }

    /** Runs in a JVM of its own. */
    static final class WithoutIpv6 {
        private WithoutIpv6() {}

        public static void main(String[] args) throws Exception {
            try (var server = LocalAddress.listen(Connector.localAddress("*", 0))) {
                var address = (InetSocketAddress) server.getLocalAddress();
                if (!(address.getAddress() instanceof Inet4Address)) {
                    throw new AssertionError(address);
                }
                var connector = new Connector(Duration.ofSeconds(30), () -> false, new WaitPoint());
                connector.connect(List.of(four(address.getPort())), null).close();
            }
            try (var six = LocalAddress.listen(Connector.localAddress("::1", 0))) {
                throw new AssertionError(six);
            } catch (BindException e) {
                return;
            }
        }
    }

    // ---- what the tests do in the background ----

    @FunctionalInterface
    private interface Task {
        SocketChannel run() throws Exception;
    }

    /** Runs on a virtual thread, as connectors do, and has got so far that it waits. */
    private static CompletableFuture<SocketChannel> inBackground(Task task) {
        var result = new CompletableFuture<SocketChannel>();
        Thread thread =
                Thread.ofVirtual()
                        .start(() -> {
                            try {
                                result.complete(task.run());
                            } catch (Throwable e) {
                                result.completeExceptionally(e);
                            }
                        });
        await().atMost(20, TimeUnit.SECONDS)
                .until(() ->
                        thread.getState() == Thread.State.TIMED_WAITING
                                || thread.getState() == Thread.State.WAITING
                                || result.isDone());
        return result;
    }
}
