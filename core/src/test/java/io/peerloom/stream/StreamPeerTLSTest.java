package io.peerloom.stream;

import static io.peerloom.stream.StreamPeerTLS.Status.CONNECTED;
import static io.peerloom.stream.StreamPeerTLS.Status.DISCONNECTED;
import static io.peerloom.stream.StreamPeerTLS.Status.ERROR;
import static io.peerloom.stream.StreamPeerTLS.Status.ERROR_HOSTNAME_MISMATCH;
import static io.peerloom.stream.StreamPeerTLS.Status.HANDSHAKING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.testing.Certificates;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS over streams, between two of ours and against the JDK's own sockets. */
class StreamPeerTLSTest {

    private static final Limits SHORT =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofMillis(400))
                    .withCloseTimeout(Duration.ofMillis(400));

    private static final int PATIENCE_MILLIS = 20_000;

    private enum Transport {
        TCP,
        UDS,
        /** Over TLS over TCP. */
        TLS
    }

    @TempDir Path folder;

    private final List<AutoCloseable> open = new ArrayList<>();
    private int paths;

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable each : open.reversed()) {
            each.close();
        }
    }

    private <T extends AutoCloseable> T closing(T resource) {
        open.add(resource);
        return resource;
    }

    private static TLSOptions trusting() {
        return TLSOptions.client(List.of(Certificates.authority()));
    }

    private static TLSOptions serving(String alias) {
        return TLSOptions.server(Certificates.showing(alias));
    }

    /** Two streams that are connected with each other: the accepted one, then the other. */
    private StreamPeer[] streams(Transport transport) throws IOException {
        switch (transport) {
            case TCP -> {
                try (var server = new TCPServer()) {
                    assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                    var there = closing(StreamPeerTCP.connect("127.0.0.1", server.getLocalPort()));
                    assertThat(server.awaitConnection(Duration.ofSeconds(20))).isTrue();
                    return new StreamPeer[] {closing(server.takeConnection()), there};
                }
            }
            case UDS -> {
                try (var server = new UDSServer()) {
                    Path path = folder.resolve("s" + paths++);
                    assertThat(server.listen(path)).isEqualTo(ErrorCode.OK);
                    var there = closing(StreamPeerUDS.connect(path));
                    assertThat(server.awaitConnection(Duration.ofSeconds(20))).isTrue();
                    return new StreamPeer[] {closing(server.takeConnection()), there};
                }
            }
            case TLS -> {
                StreamPeer[] beneath = streams(Transport.TCP);
                var pair = new Pair(beneath, serving(Certificates.GOOD), "localhost", trusting());
                pair.connect();
                return new StreamPeer[] {pair.server, pair.client};
            }
        }
        throw new AssertionError();
    }

    private final class Pair {
        final StreamPeerTLS server = closing(new StreamPeerTLS());
        final StreamPeerTLS client = closing(new StreamPeerTLS());
        private final StreamPeer[] beneath;
        private final String name;
        private final TLSOptions serving;
        private final TLSOptions asking;

        Pair(StreamPeer[] beneath, TLSOptions serving, String name, TLSOptions asking) {
            this.beneath = beneath;
            this.name = name;
            this.serving = serving;
            this.asking = asking;
        }

        void begin() {
            assertThat(server.acceptStream(beneath[0], serving)).isEqualTo(ErrorCode.OK);
            assertThat(client.connectToStream(beneath[1], name, asking)).isEqualTo(ErrorCode.OK);
            assertThat(server.getStatus()).isEqualTo(HANDSHAKING);
            assertThat(client.getStatus()).isEqualTo(HANDSHAKING);
            assertThat(client.getStream()).isSameAs(beneath[1]);
            assertThat(client.getSslSession()).isEmpty();
        }

        Pair connect() {
            begin();
            for (StreamPeerTLS peer : new StreamPeerTLS[] {server, client}) {
                assertThat(pollWhile(peer, HANDSHAKING)).isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).as("%s", peer.getFailure()).isEqualTo(CONNECTED);
            }
            return this;
        }
    }

    private Pair pair(Transport transport) throws IOException {
        return new Pair(streams(transport), serving(Certificates.GOOD), "localhost", trusting())
                .connect();
    }

    /** Polls until the status is another; what the poll that saw it returned. */
    private static ErrorCode pollWhile(StreamPeerTLS peer, StreamPeerTLS.Status status) {
        while (true) {
            assertThat(peer.awaitActivity(Duration.ofSeconds(20))).isTrue();
            ErrorCode result = peer.poll();
            if (peer.getStatus() != status) {
                return result;
            }
        }
    }

    private static byte[] bytes(int length) {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++) {
            data[i] = (byte) (i * 31 + (i >> 9));
        }
        return data;
    }

    private static CompletableFuture<ErrorCode> putting(StreamPeerTLS peer, byte[] data) {
        var result = new CompletableFuture<ErrorCode>();
        Thread.ofVirtual().start(() -> result.complete(peer.putData(data)));
        return result;
    }

    private static <T> T soon(CompletableFuture<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    // ---- data ----

    @ParameterizedTest
    @EnumSource(Transport.class)
    void valuesGoBothWays(Transport transport) throws Exception {
        Pair pair = pair(transport);
        pair.client.putUtf8String("größe");
        pair.client.put64(Long.MIN_VALUE);
        assertThat(pair.server.getUtf8String()).isEqualTo("größe");
        assertThat(pair.server.get64()).isEqualTo(Long.MIN_VALUE);
        pair.server.setBigEndian(true);
        pair.server.putDouble(Math.PI);
        pair.client.setBigEndian(true);
        assertThat(pair.client.getDouble()).isEqualTo(Math.PI);
        assertThat(pair.client.getSslSession().orElseThrow().getProtocol()).isEqualTo("TLSv1.3");
        assertThat(pair.server.getSslSession()).isPresent();
    }

    /** More than all buffers hold, both ways at once, polled and blocking. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void manyBytesGoBothWaysAtOnce(Transport transport) throws Exception {
        Pair pair = pair(transport);
        byte[] there = bytes(5_000_000);
        byte[] back = bytes(4_000_000);
        var putThere = putting(pair.client, there);
        var putBack = putting(pair.server, back);
        byte[] atClient = new byte[back.length];
        var got = new CompletableFuture<ErrorCode>();
        Thread.ofVirtual().start(() -> got.complete(pair.client.getData(atClient)));
        byte[] atServer = new byte[there.length];
        for (int done = 0; done < atServer.length; ) {
            assertThat(pair.server.awaitActivity(Duration.ofSeconds(20))).isTrue();
            assertThat(pair.server.poll()).isEqualTo(ErrorCode.OK);
            int available = pair.server.getAvailableBytes();
            int n = pair.server.getPartialData(atServer, done, atServer.length - done);
            assertThat(n).isGreaterThanOrEqualTo(available);
            done += n;
        }
        assertThat(soon(putThere)).isEqualTo(ErrorCode.OK);
        assertThat(soon(putBack)).isEqualTo(ErrorCode.OK);
        assertThat(soon(got)).isEqualTo(ErrorCode.OK);
        assertThat(Arrays.equals(atServer, there)).isTrue();
        assertThat(Arrays.equals(atClient, back)).isTrue();
    }

    @Test
    void aPartialPutTakesWhatFitsAndNeverBlocks() throws Exception {
        Pair pair = pair(Transport.TCP);
        byte[] data = bytes(20_000_000);
        int[] done = {0};
        await().until(() -> { // until the other side, which reads nothing, takes no more
            int n = pair.client.putPartialData(data, done[0], data.length - done[0]);
            done[0] += n;
            return n == 0 && done[0] > pair.client.getLimits().outboundBytes();
        });
        byte[] received = new byte[done[0]];
        assertThat(pair.server.getData(received)).isEqualTo(ErrorCode.OK);
        assertThat(Arrays.equals(received, Arrays.copyOf(data, received.length))).isTrue();
    }

    /** As Godot's loop has to do it: the stream beneath is polled too. */
    @Test
    void theStreamBeneathMayBePolled() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var pair = new Pair(beneath, serving(Certificates.GOOD), "localhost", trusting());
        pair.begin();
        byte[] data = bytes(1_000_000);
        byte[] received = new byte[data.length];
        int[] done = {0, 0};
        await().until(() -> {
            for (int i = 0; i < 2; i++) {
                ((StreamPeerSocket) beneath[i]).poll();
                ((StreamPeerSocket) beneath[i]).getAvailableBytes();
            }
            pair.client.poll();
            pair.server.poll();
            if (pair.client.getStatus() == CONNECTED && pair.server.getStatus() == CONNECTED) {
                done[0] += pair.client.putPartialData(data, done[0], data.length - done[0]);
                done[1] += pair.server.getPartialData(received, done[1], received.length - done[1]);
            }
            return done[1] == received.length;
        });
        assertThat(Arrays.equals(received, data)).isTrue();
        pair.client.disconnectFromStream();
        await().until(() -> {
            ((StreamPeerSocket) beneath[0]).poll();
            assertThat(pair.server.poll()).isEqualTo(ErrorCode.OK);
            return pair.server.getStatus() == DISCONNECTED;
        });
        assertThat(pair.server.getFailure()).isEmpty();
    }

    /** A stream of the user's own: nothing but the four calls, which block or do not. */
    private static final class Foreign extends StreamPeer implements AutoCloseable {
        private final StreamPeerSocket inner;

        Foreign(StreamPeer inner) {
            this.inner = (StreamPeerSocket) inner;
        }

        @Override
        public ErrorCode putData(byte[] data, int offset, int length) {
            return inner.putData(data, offset, length);
        }

        @Override
        public int putPartialData(byte[] data, int offset, int length) {
            return inner.putPartialData(data, offset, length);
        }

        @Override
        public ErrorCode getData(byte[] data, int offset, int length) {
            return inner.getData(data, offset, length);
        }

        @Override
        public int getPartialData(byte[] data, int offset, int length) {
            return inner.getPartialData(data, offset, length);
        }

        @Override
        public int getAvailableBytes() {
            return inner.getAvailableBytes();
        }

        @Override
        public void close() {
            inner.close();
        }
    }

    @Test
    void anyStreamMayCarryIt() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        beneath[0] = new Foreign(beneath[0]);
        beneath[1] = new Foreign(beneath[1]);
        Pair pair =
                new Pair(beneath, serving(Certificates.GOOD), "localhost", trusting()).connect();
        byte[] data = bytes(300_000);
        var put = putting(pair.client, data);
        byte[] received = new byte[data.length];
        assertThat(pair.server.getData(received)).isEqualTo(ErrorCode.OK);
        assertThat(soon(put)).isEqualTo(ErrorCode.OK);
        assertThat(received).isEqualTo(data);
        pair.server.disconnectFromStream();
        assertThat(pair.client.getData(received)).isEqualTo(ErrorCode.FILE_EOF);
    }

    /** A buffer is no connection: its end comes before any answer. */
    @Test
    void aBufferIsNoConnection() {
        var peer = closing(new StreamPeerTLS());
        assertThat(peer.connectToStream(new StreamPeerBuffer(), "localhost", trusting()))
                .isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(peer.getStatus()).isEqualTo(ERROR);
        assertThat(peer.getFailure().orElseThrow()).isInstanceOf(EOFException.class);
    }

    // ---- whom to trust ----

    @ParameterizedTest
    @CsvSource({
        "other, ERROR_HOSTNAME_MISMATCH, the server's certificate is not for localhost",
        "expired, ERROR, the server's certificate has expired",
        "early, ERROR, the server's certificate is not valid yet",
        "self, ERROR, the server's certificate is not trusted",
    })
    void badCertificatesAreRefusedWithTheirReason(
            String alias, StreamPeerTLS.Status status, String why) throws Exception {
        for (Transport transport : Transport.values()) {
            var pair = new Pair(streams(transport), serving(alias), "localhost", trusting());
            pair.begin();
            assertThat(pollWhile(pair.client, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(pair.client.getStatus()).isEqualTo(status);
            assertThat(pair.client.getFailure().orElseThrow()).hasMessageStartingWith(why);
            assertThat(pair.client.getStream()).isNull();
            assertThat(pair.client.poll()).isEqualTo(ErrorCode.OK);
            assertThat(pair.client.putData(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
            assertThat(pollWhile(pair.server, HANDSHAKING))
                    .isIn(
                            ErrorCode.OK, // TLS 1.3: a server is done before it hears of it
                            ErrorCode.CONNECTION_ERROR);
            pair.client.disconnectFromStream();
            assertThat(pair.client.getStatus()).isEqualTo(DISCONNECTED);
        }
    }

    @Test
    void theServerHearsWhy() throws Exception {
        var pair =
                new Pair(
                        streams(Transport.TCP),
                        serving(Certificates.GOOD),
                        "localhost",
                        TLSOptions.client(Certificates.context("TLSv1.2", null)));
        pair.connect();
        StreamPeer[] others = streams(Transport.TCP);
        var old =
                new Pair(
                        others,
                        serving(Certificates.SELF_SIGNED),
                        "localhost",
                        TLSOptions.client(Certificates.context("TLSv1.2", null)));
        old.begin();
        assertThat(pollWhile(old.server, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(old.server.getFailure().orElseThrow())
                .isInstanceOf(SSLException.class)
                .hasMessageStartingWith("the client gave up TLS with alert certificate_unknown");
        assertThat(old.server.getStatus()).isEqualTo(ERROR);
    }

    @ParameterizedTest
    @CsvSource({
        "NONE, , true",
        "WANTED, , true",
        "WANTED, client, true",
        "REQUIRED, client, true",
        "REQUIRED, , false"
    })
    void aServerAsksForCertificatesOfClients(
            TLSOptions.ClientAuth demand, String alias, boolean good) throws Exception {
        var pair =
                new Pair(
                        streams(Transport.TCP),
                        serving(Certificates.GOOD).withClientAuth(demand),
                        "localhost",
                        TLSOptions.client(Certificates.context("TLS", alias)));
        pair.begin();
        assertThat(pollWhile(pair.server, HANDSHAKING))
                .isEqualTo(good ? ErrorCode.OK : ErrorCode.CONNECTION_ERROR);
        assertThat(pair.server.getStatus()).isEqualTo(good ? CONNECTED : ERROR);
        if (good && alias != null) {
            assertThat(pair.server.getSslSession().orElseThrow().getPeerPrincipal().getName())
                    .isEqualTo("CN=client");
        }
        assertThatThrownBy(() -> trusting().withClientAuth(demand))
                .isInstanceOf(IllegalStateException.class);
    }

    /** A server's own certificate may be trusted; that does not make it one of another host. */
    @Test
    void aSelfSignedCertificateMayBeTrusted() throws Exception {
        TLSOptions pinned =
                TLSOptions.client(List.of(Certificates.certificate(Certificates.SELF_SIGNED)));
        new Pair(streams(Transport.TCP), serving(Certificates.SELF_SIGNED), "localhost", pinned)
                .connect();
        var wrong =
                new Pair(
                        streams(Transport.TCP),
                        serving(Certificates.SELF_SIGNED),
                        "elsewhere",
                        pinned);
        wrong.begin();
        pollWhile(wrong.client, HANDSHAKING);
        assertThat(wrong.client.getStatus()).isEqualTo(ERROR_HOSTNAME_MISMATCH);
        assertThat(wrong.client.getFailure().orElseThrow())
                .isInstanceOf(SSLPeerUnverifiedException.class);
        // and nobody else
        var other =
                new Pair(streams(Transport.TCP), serving(Certificates.GOOD), "localhost", pinned);
        other.begin();
        pollWhile(other.client, HANDSHAKING);
        assertThat(other.client.getStatus()).isEqualTo(ERROR);
    }

    /** A certificate that is trusted itself has its dates all the same; JSSE ignores them. */
    @Test
    void aTrustedCertificateExpiresToo() throws Exception {
        TLSOptions pinned =
                TLSOptions.client(List.of(Certificates.certificate(Certificates.EXPIRED)));
        var pair =
                new Pair(
                        streams(Transport.TCP), serving(Certificates.EXPIRED), "localhost", pinned);
        pair.begin();
        assertThat(pollWhile(pair.client, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(pair.client.getStatus()).isEqualTo(ERROR);
        assertThat(pair.client.getFailure().orElseThrow())
                .hasMessageStartingWith("the server's certificate has expired");
    }

    @Test
    void anotherNameMayBeExpected() throws Exception {
        List<X509Certificate> authority = List.of(Certificates.authority());
        new Pair(
                        streams(Transport.TCP),
                        serving(Certificates.OTHER_NAME),
                        "localhost",
                        TLSOptions.client(authority, "other.example"))
                .connect();
        var wrong =
                new Pair(
                        streams(Transport.TCP),
                        serving(Certificates.OTHER_NAME),
                        "other.example",
                        TLSOptions.client(authority, "localhost"));
        wrong.begin();
        pollWhile(wrong.client, HANDSHAKING);
        assertThat(wrong.client.getStatus()).isEqualTo(ERROR_HOSTNAME_MISMATCH);
    }

    @Test
    void addressesAreNamesToo() throws Exception {
        new Pair(streams(Transport.TCP), serving(Certificates.GOOD), "127.0.0.1", trusting())
                .connect();
        var pair =
                new Pair(
                        streams(Transport.TCP), serving(Certificates.GOOD), "10.0.0.1", trusting());
        pair.begin();
        pollWhile(pair.client, HANDSHAKING);
        assertThat(pair.client.getStatus()).isEqualTo(ERROR_HOSTNAME_MISMATCH);
    }

    // ---- wrong use ----

    @Test
    void wrongParametersAreToldAtOnce() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var peer = closing(new StreamPeerTLS());
        assertThat(peer.connectToStream(new StreamPeerTCP(), "localhost"))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.connectToStream(new StreamPeerTLS(), "localhost"))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.connectToStream(peer, "localhost")).isEqualTo(ErrorCode.INVALID_PARAMETER);
        for (String name : new String[] {"", "two words", "-", "[::1]", "::zz", "a..b"}) {
            assertThat(peer.connectToStream(beneath[1], name, trusting()))
                    .as(name)
                    .isEqualTo(ErrorCode.INVALID_PARAMETER);
            assertThat(peer.getFailure().orElseThrow())
                    .hasMessage("not the name or address of a host: \"" + name + "\"");
        }
        assertThat(peer.connectToStream(beneath[1], "a\n\u001b[2J", trusting()))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.getFailure().orElseThrow().getMessage()).matches("[ -~]+");
        assertThat(peer.connectToStream(beneath[1], "localhost", serving(Certificates.GOOD)))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.acceptStream(beneath[0], trusting()))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.connectToStream(beneath[1], false, "localhost"))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.getFailure().orElseThrow())
                .hasMessageStartingWith("certificates are always validated");
        assertThat(peer.getStatus()).isEqualTo(DISCONNECTED);
        assertThat(((StreamPeerSocket) beneath[1]).getStatus())
                .as("nothing was begun")
                .isEqualTo(Peer.Status.CONNECTED);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> StreamPeerTLS.accept(beneath[0], trusting()))
                .withMessageContaining("TLS options of a client, for a server");
    }

    @Test
    void oneConnectionAtATime() throws Exception {
        Pair pair = pair(Transport.TCP);
        StreamPeer other = streams(Transport.TCP)[0];
        assertThat(pair.client.connectToStream(other, "localhost"))
                .isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(pair.client.connectToStream(other, false, "localhost"))
                .isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(pair.client.acceptStream(other, serving(Certificates.GOOD)))
                .isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(pair.client.getStatus()).isEqualTo(CONNECTED);
        pair.client.disconnectFromStream();
        // and another after it, without more ado
        StreamPeer[] beneath = streams(Transport.TCP);
        var server = closing(new StreamPeerTLS());
        server.acceptStream(beneath[0], serving(Certificates.GOOD));
        assertThat(pair.client.connectToStream(beneath[1], "localhost", trusting()))
                .isEqualTo(ErrorCode.OK);
        pollWhile(pair.client, HANDSHAKING);
        assertThat(pair.client.getStatus()).isEqualTo(CONNECTED);
    }

    @Test
    void nothingIsPutOrGotWithoutAConnection() {
        var peer = new StreamPeerTLS();
        assertThat(peer.getStatus()).isEqualTo(DISCONNECTED);
        assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
        assertThat(peer.putData(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.getData(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.putPartialData(new byte[1])).isEqualTo(-1);
        assertThat(peer.getPartialData(new byte[1])).isEqualTo(-1);
        assertThat(peer.getAvailableBytes()).isZero();
        assertThat(peer.getStream()).isNull();
        assertThat(peer.getSslSession()).isEmpty();
        peer.disconnectFromStream();
        assertThat(peer.awaitActivity(Duration.ZERO)).isFalse();
        peer.wakeup();
        assertThat(peer.awaitActivity(Duration.ZERO)).isTrue();
    }

    // ---- Godot 3 ----

    @Test
    void godot3sCalls() throws Exception {
        var store = Certificates.entry(Certificates.GOOD);
        StreamPeer[] beneath = streams(Transport.TCP);
        var server = closing(new StreamPeerTLS());
        var client = closing(new StreamPeerTLS());
        assertThat(client.isBlockingHandshakeEnabled()).isFalse();
        assertThat(
                        server.acceptStream(
                                beneath[0],
                                store.getPrivateKey(),
                                (X509Certificate) store.getCertificate(),
                                List.of(Certificates.authority())))
                .isEqualTo(ErrorCode.OK);
        client.setBlockingHandshakeEnabled(true);
        assertThat(client.connectToStream(beneath[1], true, "localhost", Certificates.authority()))
                .isEqualTo(ErrorCode.OK);
        assertThat(client.getStatus()).isEqualTo(CONNECTED);

        StreamPeer[] others = streams(Transport.TCP);
        var second = closing(new StreamPeerTLS());
        assertThat(
                        second.acceptStream(
                                others[0],
                                store.getPrivateKey(),
                                (X509Certificate) store.getCertificate()))
                .isEqualTo(ErrorCode.OK);
        client.disconnectFromStream();
        assertThat(client.connectToStream(others[1], true, "localhost"))
                .as("nobody but us knows the authority")
                .isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(client.getStatus()).isEqualTo(ERROR);
    }

    @Test
    void aBlockingHandshakeEndsWithTheThreadsInterrupt() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var client = closing(new StreamPeerTLS());
        client.setBlockingHandshakeEnabled(true);
        Thread.currentThread().interrupt();
        assertThat(client.connectToStream(beneath[1], "localhost", trusting()))
                .isEqualTo(ErrorCode.FAILED);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(client.getStatus()).isEqualTo(DISCONNECTED);
    }

    // ---- blocking factories ----

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theBlockingWay(boolean virtual) throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var echoed = new CompletableFuture<Throwable>();
        Runnable echo =
                () -> {
                    try (var server =
                            StreamPeerTLS.accept(beneath[0], serving(Certificates.GOOD))) {
                        byte[] buffer = new byte[1000];
                        for (int n;
                                (n = server.read(buffer, 0, buffer.length, Limits.NEVER)) > 0; ) {
                            server.putData(buffer, 0, n);
                        }
                        echoed.complete(server.getFailure().orElse(null));
                    } catch (Throwable e) {
                        echoed.complete(e);
                    }
                };
        Thread thread = virtual ? Thread.ofVirtual().start(echo) : Thread.ofPlatform().start(echo);
        try (var client = StreamPeerTLS.connect(beneath[1], "localhost", trusting())) {
            for (int i = 0; i < 200; i++) {
                client.put32(i);
                assertThat(client.get32()).isEqualTo(i);
            }
        }
        assertThat(soon(echoed)).isNull();
        thread.join();
    }

    @Test
    void aBlockingHandshakeThatFailsThrows() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var server = closing(new StreamPeerTLS());
        server.acceptStream(beneath[0], serving(Certificates.OTHER_NAME));
        assertThatExceptionOfType(SSLPeerUnverifiedException.class)
                .isThrownBy(() -> StreamPeerTLS.connect(beneath[1], "localhost", trusting()))
                .withMessageStartingWith("the server's certificate is not for localhost");
    }

    // ---- the end ----

    @ParameterizedTest
    @EnumSource(Transport.class)
    void whatCameBeforeTheEndIsReadAndTheEndIsSeen(Transport transport) throws Exception {
        Pair pair = pair(transport);
        byte[] data = bytes(200_000);
        assertThat(soon(putting(pair.client, data))).isEqualTo(ErrorCode.OK);
        pair.client.disconnectFromStream();
        assertThat(pair.client.getStatus()).isEqualTo(DISCONNECTED);
        assertThat(pair.client.getStream()).isNull();
        byte[] received = new byte[data.length];
        int[] done = {0};
        await().until(() -> {
            assertThat(pair.server.poll()).isEqualTo(ErrorCode.OK);
            if (pair.server.getStatus() == DISCONNECTED) {
                return true;
            }
            done[0] +=
                    Math.max(
                            0,
                            pair.server.getPartialData(
                                    received,
                                    done[0],
                                    Math.min(70_000, received.length - done[0])));
            return false;
        });
        assertThat(received).isEqualTo(data);
        assertThat(pair.server.getFailure()).as("an orderly end").isEmpty();
        assertThat(pair.server.putData(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
    }

    @Test
    void aGetMeetsTheEnd() throws Exception {
        Pair pair = pair(Transport.TCP);
        pair.client.put16(0x0102);
        pair.client.disconnectFromStream();
        byte[] four = new byte[4];
        assertThat(pair.server.getData(four)).isEqualTo(ErrorCode.FILE_EOF);
        assertThat(four).containsExactly(2, 1, 0, 0);
        assertThat(pair.server.getStatus()).isEqualTo(DISCONNECTED);
        assertThat(pair.server.getData(four)).isEqualTo(ErrorCode.UNCONFIGURED);
    }

    /** Cut off: the TCP stream ends in order, TLS does not. */
    @Test
    void aStreamThatIsCutOffIsToldApart() throws Exception {
        for (boolean polled : new boolean[] {true, false}) {
            StreamPeer[] beneath = streams(Transport.TCP);
            Pair pair =
                    new Pair(beneath, serving(Certificates.GOOD), "localhost", trusting())
                            .connect();
            pair.client.put8(7);
            assertThat(pair.server.get8()).isEqualTo((byte) 7);
            ((StreamPeerSocket) beneath[1]).disconnectFromHost();
            if (polled) {
                assertThat(pollWhile(pair.server, CONNECTED)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            } else {
                assertThat(pair.server.getData(new byte[1])).isEqualTo(ErrorCode.CONNECTION_ERROR);
            }
            assertThat(pair.server.getStatus()).isEqualTo(DISCONNECTED);
            assertThat(pair.server.getFailure().orElseThrow())
                    .isInstanceOf(EOFException.class)
                    .hasMessage("the TLS stream was cut off: it has no close_notify");
        }
    }

    @Test
    void disconnectingGivesUpTheHandshake() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var client = closing(new StreamPeerTLS());
        client.connectToStream(beneath[1], "localhost", trusting());
        client.disconnectFromStream();
        assertThat(client.getStatus()).isEqualTo(DISCONNECTED);
        assertThat(client.poll()).isEqualTo(ErrorCode.OK);
        await().until(() -> {
            ((StreamPeerSocket) beneath[0]).poll();
            ((StreamPeerSocket) beneath[0]).getPartialData(new byte[1000]);
            return ((StreamPeerSocket) beneath[0]).getStatus() == Peer.Status.NONE;
        });
    }

    @Test
    void aWaitEndsWhenAnotherThreadDisconnects() throws Exception {
        Pair pair = pair(Transport.TCP);
        var waiting = new CountDownLatch(1);
        var result = new CompletableFuture<ErrorCode>();
        Thread.ofPlatform()
                .start(() -> {
                    waiting.countDown();
                    result.complete(pair.client.getData(new byte[1]));
                });
        waiting.await();
        pair.client.disconnectFromStream();
        assertThat(soon(result)).isEqualTo(ErrorCode.UNCONFIGURED);
    }

    // ---- against the JDK's sockets ----

    private static SSLSocket layered(Socket plain, boolean server) throws IOException {
        var factory =
                (server ? Certificates.showing(Certificates.GOOD) : Certificates.trusting())
                        .getSocketFactory();
        var secure = (SSLSocket) factory.createSocket(plain, "localhost", plain.getPort(), true);
        secure.setUseClientMode(!server);
        secure.setSoTimeout(PATIENCE_MILLIS);
        return secure;
    }

    /** A stream of ours whose other side is a plain socket of the JDK. */
    private Socket[] plain(StreamPeerTCP[] ours) throws IOException {
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            ours[0] = closing(StreamPeerTCP.connect("127.0.0.1", listening.getLocalPort()));
            return new Socket[] {closing(listening.accept())};
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theJdksSocketsAgree(boolean server) throws Exception {
        var ours = new StreamPeerTCP[1];
        Socket plain = plain(ours)[0];
        var peer = closing(new StreamPeerTLS());
        if (server) {
            peer.acceptStream(ours[0], serving(Certificates.GOOD));
        } else {
            peer.connectToStream(ours[0], "localhost", trusting());
        }
        try (SSLSocket secure = layered(plain, !server)) {
            secure.getOutputStream().write(bytes(100));
            byte[] received = new byte[100];
            pollWhile(peer, HANDSHAKING);
            assertThat(peer.getStatus()).isEqualTo(CONNECTED);
            assertThat(peer.getData(received)).isEqualTo(ErrorCode.OK);
            assertThat(received).isEqualTo(bytes(100));
            peer.putData(bytes(50_000));
            assertThat(secure.getInputStream().readNBytes(50_000)).isEqualTo(bytes(50_000));
            peer.disconnectFromStream();
            assertThat(secure.getInputStream().read())
                    .as("close_notify, or this throws")
                    .isEqualTo(-1);
        }
    }

    /**
     * RFC 8446 section 4.6.3: the JDK's client takes new keys, and asks us to, when it is told to
     * shake hands again. As often as it likes, if it says something in between.
     */
    @ParameterizedTest
    @CsvSource({"64, 0, true", "65, 0, false", "1000, 16, true", "100, 1, false"})
    @Tag("slow")
    void newKeysNowAndThenAreFine(int times, int between, boolean fine) throws Exception {
        var ours = new StreamPeerTCP[1];
        Socket plain = plain(ours)[0];
        var peer = closing(new StreamPeerTLS());
        peer.acceptStream(ours[0], serving(Certificates.GOOD));
        try (SSLSocket secure = layered(plain, false)) {
            secure.startHandshake();
            pollWhile(peer, HANDSHAKING);
            int sent = 0;
            try {
                for (int i = 0; i < times; i++) {
                    for (int k = 0; k < between; k++, sent++) {
                        secure.getOutputStream().write(k);
                    }
                    secure.startHandshake();
                }
                secure.getOutputStream().write(1);
            } catch (IOException e) {
                assertThat(fine).as("cut off: %s", e).isFalse();
            }
            if (fine) {
                assertThat(peer.getData(new byte[sent + 1])).isEqualTo(ErrorCode.OK);
                peer.put32(1);
                assertThat(secure.getInputStream().readNBytes(4)).hasSize(4);
            } else {
                await().until(() -> {
                    peer.getPartialData(new byte[1000]);
                    return peer.getStatus() == DISCONNECTED;
                });
                assertThat(peer.getFailure().orElseThrow())
                        .isInstanceOf(SSLException.class)
                        .hasMessage("the other side sends TLS records without data");
            }
        }
    }

    @Test
    void whoSpeaksNoTlsIsNamed() throws Exception {
        for (boolean server : new boolean[] {false, true}) {
            var ours = new StreamPeerTCP[1];
            Socket plain = plain(ours)[0];
            var peer = closing(new StreamPeerTLS());
            if (server) {
                peer.acceptStream(ours[0], serving(Certificates.GOOD));
            } else {
                peer.connectToStream(ours[0], "localhost", trusting());
            }
            plain.getOutputStream()
                    .write("220 mail.example\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(pollWhile(peer, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(peer.getStatus()).isEqualTo(ERROR);
            assertThat(peer.getFailure().orElseThrow())
                    .hasMessage(
                            (server ? "the client" : "the server")
                                    + " does not speak TLS: it begins with \"220 m\"");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aHandshakeThatDoesNotGoOnEndsByTheDeadline(boolean server) throws Exception {
        var ours = new StreamPeerTCP[1];
        Socket plain = plain(ours)[0];
        var peer = closing(new StreamPeerTLS());
        peer.setLimits(SHORT);
        if (server) {
            peer.acceptStream(ours[0], serving(Certificates.GOOD));
        } else {
            peer.connectToStream(ours[0], "localhost", trusting());
        }
        plain.getOutputStream().write(0x16);
        assertThat(pollWhile(peer, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
        assertThat(peer.getStatus()).isEqualTo(ERROR);
        assertThat(peer.getFailure().orElseThrow())
                .isInstanceOf(SocketTimeoutException.class)
                .hasMessage("the TLS handshake took longer than 400 ms");
        assertThat(ours[0].getStatus()).isEqualTo(Peer.Status.NONE);
        plain.setSoTimeout(PATIENCE_MILLIS);
        while (plain.getInputStream().read() >= 0) {
            // a client hello, if anything, and then the end
        }
    }

    @Test
    void aStalledPutEndsTheConnection() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var pair = new Pair(beneath, serving(Certificates.GOOD), "localhost", trusting());
        pair.client.setLimits(SHORT.withWriteTimeout(Duration.ofMillis(300)));
        ((StreamPeerSocket) beneath[0])
                .setLimits(Limits.defaults()); // the other side only stops to read
        pair.connect();
        ErrorCode result;
        do {
            result = pair.client.putData(new byte[100_000]);
        } while (result == ErrorCode.OK);
        assertThat(result).isEqualTo(ErrorCode.CONNECTION_ERROR);
        await().until(() -> {
            pair.client.poll();
            return pair.client.getStatus() == DISCONNECTED;
        });
        assertThat(pair.client.getFailure().orElseThrow())
                .hasMessage("the other side took nothing for 300 ms");
    }

    @Test
    void manyHandshakesThatFailLeaveNothingBehind() throws Exception {
        for (int i = 0; i < 60; i++) {
            var ours = new StreamPeerTCP[1];
            Socket plain = plain(ours)[0];
            var peer = new StreamPeerTLS();
            peer.setLimits(SHORT);
            if (i % 2 == 0) {
                peer.acceptStream(ours[0], serving(Certificates.GOOD));
            } else {
                peer.connectToStream(ours[0], "localhost", trusting());
            }
            switch (i % 3) {
                case 0 -> plain.close();
                case 1 -> {
                    plain.setSoLinger(true, 0);
                    plain.close();
                }
                default -> {
                    plain.getOutputStream().write(new byte[] {22, 3, 1, 0, 1, 0});
                    plain.close();
                }
            }
            assertThat(pollWhile(peer, HANDSHAKING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(peer.getStatus()).isEqualTo(ERROR);
        } // and the leak guard looks
    }

    // ---- beneath a WebSocket ----

    private static void pollUntil(State state, WebSocketPeer... peers) {
        await().until(() -> {
            boolean all = true;
            for (WebSocketPeer peer : peers) {
                peer.poll();
                all &= peer.getReadyState() == state;
            }
            return all;
        });
    }

    /** Godot's idiom: the stream is handed over while hands are still being shaken. */
    @ParameterizedTest
    @CsvSource({"TCP, false", "TCP, true", "UDS, true", "TLS, true"})
    void aWebSocketIsAcceptedOverIt(Transport transport, boolean settled) throws Exception {
        StreamPeer[] beneath = streams(transport);
        var tls = closing(new StreamPeerTLS());
        assertThat(tls.acceptStream(beneath[0], serving(Certificates.GOOD)))
                .isEqualTo(ErrorCode.OK);
        var server = closing(new WebSocketPeer());
        var client =
                closing(
                        new WebSocketPeer(
                                WebSocketOptions.defaults()
                                        .withTls(TLSOptions.client(Certificates.trusting()))));
        if (settled) { // the client's hands are shaken by the WebSocket that it is over
            var mine = closing(new StreamPeerTLS());
            assertThat(mine.connectToStream(beneath[1], "localhost", trusting()))
                    .isEqualTo(ErrorCode.OK);
            pollWhile(tls, HANDSHAKING);
            assertThat(client.connectToStream(mine, "wss://localhost/chat"))
                    .isEqualTo(ErrorCode.OK);
        } else {
            assertThat(client.connectToStream(beneath[1], "wss://localhost/chat"))
                    .isEqualTo(ErrorCode.OK);
        }
        assertThat(server.acceptStream(tls)).isEqualTo(ErrorCode.OK);
        pollUntil(State.OPEN, server, client);
        assertThat(server.getRequestedUrl()).isEqualTo("wss://localhost/chat");
        assertThat(server.getUpgradeRequest().orElseThrow().isSecure()).isTrue();
        assertThat(server.getSslSession()).isPresent();
        assertThat(client.getSslSession()).isPresent();
        if (transport == Transport.TCP) {
            assertThat(server.getConnectedHost()).isEqualTo("127.0.0.1");
        }
        for (int length : new int[] {0, 5, 70_000, 1 << 20}) {
            Message message = Message.binary(bytes(length));
            client.send(message);
            await().until(() -> {
                server.poll();
                return server.getAvailablePacketCount() > 0;
            });
            server.send(server.takeMessage());
            await().until(() -> {
                client.poll();
                return client.getAvailablePacketCount() > 0;
            });
            assertThat(client.takeMessage()).isEqualTo(message);
        }
        client.close(4001, "bye");
        pollUntil(State.CLOSED, server, client);
        assertThat(server.getCloseCode()).isEqualTo(4001);
        assertThat(client.getCloseCode()).isEqualTo(4001);
        assertThat(tls.getStatus()).isEqualTo(DISCONNECTED);
    }

    @Test
    void aWebSocketHearsWhyHandsCouldNotBeShaken() throws Exception {
        StreamPeer[] beneath = streams(Transport.TCP);
        var tls = closing(new StreamPeerTLS());
        tls.acceptStream(beneath[0], serving(Certificates.OTHER_NAME));
        var mine = closing(new StreamPeerTLS());
        mine.connectToStream(beneath[1], "localhost", trusting());
        var client = closing(new WebSocketPeer());
        assertThat(client.connectToStream(mine, "wss://localhost/")).isEqualTo(ErrorCode.OK);
        pollUntil(State.CLOSED, client);
        assertThat(client.getFailure().orElseThrow())
                .isInstanceOf(SSLPeerUnverifiedException.class);
    }

    @Test
    void aWebSocketIsNotOpenedOverJustAnything() throws Exception {
        var socket = new WebSocketPeer();
        assertThat(socket.acceptStream(new StreamPeerTLS())).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(socket.acceptStream(new StreamPeerBuffer()))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(socket.connectToStream(new StreamPeerTLS(), "ws://localhost/"))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        WebSocketPeer.connect(
                                new StreamPeerBuffer(),
                                "ws://localhost/",
                                WebSocketOptions.defaults()));
        assertThat(socket.connectToUrl("wss://localhost/", serving(Certificates.GOOD)))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
    }

    // ---- wakeups ----

    @Test
    void wakeupEndsAWait() throws Exception {
        Pair pair = pair(Transport.TCP);
        pair.client.wakeup();
        assertThat(pair.client.awaitActivity(Duration.ofSeconds(20))).isTrue();
        assertThat(pair.client.awaitActivity(Duration.ZERO)).isFalse();
    }
}
