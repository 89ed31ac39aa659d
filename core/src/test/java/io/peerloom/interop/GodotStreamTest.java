package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Peer.Status;
import io.peerloom.stream.SocketServer;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.UDSServer;
import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Godot 4.6's {@code StreamPeerTCP} and {@code StreamPeerUDS} against ours, either side being the
 * server, ours polled and blocking.
 */
@Tag("interop")
class GodotStreamTest {

    private static final int MANY = 1_000_000;

    /** What godot4_stream.gd prints for one value of each type. */
    private static final List<String> VALUES =
            List.of(
                    "-128",
                    "255",
                    "-32768",
                    "65535",
                    "-2147483648",
                    "4294967295",
                    "-9223372036854775808",
                    "-1", // GDScript has no unsigned type: the largest
                    bits(0.333251953125),
                    bits(0.15625),
                    bits(1.0 / 3),
                    "Godot",
                    "Grüße ✩ 🎮");

    private enum Transport {
        TCP,
        UDS
    }

    private enum Role {
        SERVER,
        CLIENT
    }

    private enum Mode {
        POLLED,
        BLOCKING
    }

    @TempDir Path folder;

    static Stream<Arguments> ways() {
        return Stream.of(Transport.values())
                .flatMap(t ->
                        Stream.of(Role.values())
                                .flatMap(r ->
                                        Stream.of(Mode.values()).map(m -> Arguments.of(t, r, m))));
    }

    /** One value of each type there and back, in both byte orders; then Godot closes. */
    @ParameterizedTest
    @MethodSource("ways")
    void values(Transport transport, Role ours, Mode mode) throws IOException {
        try (var pair = new Pair(transport, ours, mode, "values,write,big,values,write,close")) {
            StreamPeerSocket peer = pair.peer;
            for (boolean big : new boolean[] {false, true}) {
                peer.setBigEndian(big);
                peer.put8(-128);
                peer.putU8(255);
                peer.put16(-32768);
                peer.putU16(65535);
                peer.put32(Integer.MIN_VALUE);
                peer.putU32(4294967295L);
                peer.put64(Long.MIN_VALUE);
                peer.putU64(-1);
                peer.putHalf(0.333251953125f);
                peer.putFloat(0.15625f);
                peer.putDouble(1.0 / 3);
                peer.putString("Godot");
                peer.putUtf8String("Grüße ✩ 🎮");
                assertThat(peer.lastResult()).isEqualTo(ErrorCode.OK);

                assertThat(
                                List.of(
                                        "" + peer.get8(),
                                        "" + peer.getU8(),
                                        "" + peer.get16(),
                                        "" + peer.getU16(),
                                        "" + peer.get32(),
                                        "" + peer.getU32(),
                                        "" + peer.get64(),
                                        "" + peer.getU64(),
                                        bits(peer.getHalf()),
                                        bits(peer.getFloat()),
                                        bits(peer.getDouble()),
                                        peer.getString(),
                                        peer.getUtf8String()))
                        .isEqualTo(VALUES);
                assertThat(peer.lastResult()).isEqualTo(ErrorCode.OK);
            }
            pair.godot.await("end");
            assertThat(pair.godot.with("value "))
                    .isEqualTo(Stream.of(VALUES, VALUES).flatMap(List::stream).toList());
            pair.pollUntilNot(Status.CONNECTED);
            assertThat(pair.lastPoll).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.NONE);
            assertThat(peer.getFailure()).isEmpty();
        }
    }

    /**
     * More than the buffers of both sides hold; Godot writes in pieces as they fit, then in one
     * call. What we put before we disconnect arrives, and the end is an orderly one.
     */
    @ParameterizedTest
    @MethodSource("ways")
    void manyBytes(Transport transport, Role ours, Mode mode) throws Exception {
        String steps = "get:%1$d,partial:%1$d,put:%1$d,get:%1$d,gone".formatted(MANY);
        try (var pair = new Pair(transport, ours, mode, steps)) {
            var bytes = new byte[MANY];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) (i * 31 + (i >> 9));
            }
            pair.put(bytes);
            byte[] first = pair.get(MANY);
            byte[] second = pair.get(MANY);
            pair.put(bytes);
            pair.peer.disconnectFromHost();
            assertThat(pair.peer.getStatus()).isEqualTo(Status.NONE);
            pair.godot.await("end");

            assertThat(pair.godot.with("put 0 ")).containsExactly(sha256(first), sha256(second));
            assertThat(pair.godot.with("got "))
                    .containsExactly(
                            "0 " + MANY + " " + sha256(bytes), "0 " + MANY + " " + sha256(bytes));
            assertThat(pair.godot.with("status ")).containsExactly("2 0", "0 0");
        }
    }

    /**
     * Godot 4.6: unread bytes keep a closed connection CONNECTED; the poll after them says NONE.
     */
    @ParameterizedTest
    @MethodSource("ways")
    void unreadBytesBeforeTheEnd(Transport transport, Role ours, Mode mode) throws IOException {
        try (var pair = new Pair(transport, ours, mode, "put:5,close")) {
            pair.godot.await("end");
            StreamPeerSocket peer = pair.peer;
            pair.fill(5);
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            assertThat(peer.getPartialData(new byte[3])).isEqualTo(3);
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            assertThat(peer.getPartialData(new byte[9])).isEqualTo(2);
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            pair.pollUntilNot(Status.CONNECTED);
            assertThat(pair.lastPoll).isEqualTo(ErrorCode.OK);
            assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        }
    }

    /** A read that meets the end says so, without a poll. */
    @ParameterizedTest
    @MethodSource("ways")
    void aReadMeetsTheEnd(Transport transport, Role ours, Mode mode) throws IOException {
        try (var pair = new Pair(transport, ours, mode, "put:2,close")) {
            var four = new byte[4];
            assertThat(pair.peer.getData(four)).isEqualTo(ErrorCode.FILE_EOF);
            assertThat(four).containsExactly(0, 7, 0, 0); // what did arrive
            assertThat(pair.peer.getStatus()).isEqualTo(Status.NONE);
            assertThat(pair.peer.getPartialData(four)).isEqualTo(-1);
        }
    }

    /** A process that dies says nothing: its system ends the stream in order. */
    @ParameterizedTest
    @MethodSource("ways")
    void godotIsKilled(Transport transport, Role ours, Mode mode) throws IOException {
        try (var pair = new Pair(transport, ours, mode, "wait:1")) {
            pair.godot.await("status 2");
            pair.godot.kill();
            pair.pollUntilNot(Status.CONNECTED);
            assertThat(pair.lastPoll).isEqualTo(ErrorCode.OK);
            assertThat(pair.peer.getStatus()).isEqualTo(Status.NONE);
        }
    }

    /** A stream whose reader leaves bytes unread is not ended but reset. */
    @ParameterizedTest
    @MethodSource("ways")
    void godotClosesWithoutReading(Transport transport, Role ours, Mode mode) throws IOException {
        try (var pair = new Pair(transport, ours, mode, "wait:5,close")) {
            assertThat(pair.peer.putData(new byte[5])).isEqualTo(ErrorCode.OK);
            pair.godot.await("end");
            assertThat(pair.godot.with("available ")).containsExactly("5");
            pair.pollUntilNot(Status.CONNECTED);
            assertThat(pair.lastPoll).isEqualTo(ErrorCode.FAILED);
            assertThat(pair.peer.getStatus()).isEqualTo(Status.ERROR);
            assertThat(pair.peer.getFailure()).isPresent();
            assertThat(pair.peer.putData(new byte[1])).isEqualTo(ErrorCode.FAILED);
            pair.peer.disconnectFromHost();
            assertThat(pair.peer.getStatus()).isEqualTo(Status.NONE);
        }
    }

    /** The engine and our peer, connected with each other. */
    private final class Pair implements AutoCloseable {
        final Program godot;
        final StreamPeerSocket peer;
        private final Mode mode;
        ErrorCode lastPoll;

        Pair(Transport transport, Role ours, Mode mode, String steps) throws IOException {
            this.mode = mode;
            String path = folder.resolve("socket").toString();
            Program started = null;
            try {
                if (ours == Role.CLIENT) {
                    started = godot(transport, "server", path, 0, steps);
                    peer = connect(transport, started.await("listening ").split(" ")[1]);
                } else if (transport == Transport.TCP) {
                    try (var server = new TCPServer()) {
                        assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                        started = godot(transport, "client", "", server.getLocalPort(), steps);
                        peer = accept(server, started);
                    }
                } else {
                    try (var server = new UDSServer()) {
                        assertThat(server.listen(Path.of(path))).isEqualTo(ErrorCode.OK);
                        started = godot(transport, "client", path, 0, steps);
                        peer = accept(server, started);
                    }
                }
            } catch (Throwable e) {
                if (started != null) {
                    started.close();
                }
                throw e;
            }
            godot = started;
        }

        private StreamPeerSocket accept(SocketServer server, Program client) {
            assertThat(server.awaitConnection(Transcript.PATIENCE)).as("%s", client).isTrue();
            return server.takeSocketConnection();
        }

        private Program godot(
                Transport transport, String role, String path, int port, String steps) {
            return Partner.GODOT4.startScript(
                    Partner.home(folder),
                    "godot4_stream.gd",
                    "--role=" + role,
                    transport == Transport.UDS ? "--path=" + path : "--port=" + port,
                    "--steps=" + steps);
        }

        private StreamPeerSocket connect(Transport transport, String address) throws IOException {
            if (mode == Mode.BLOCKING) {
                return transport == Transport.TCP
                        ? StreamPeerTCP.connect("127.0.0.1", Integer.parseInt(address))
                        : StreamPeerUDS.connect(Path.of(address));
            }
            StreamPeerSocket connecting;
            ErrorCode begun;
            if (transport == Transport.TCP) {
                var tcp = new StreamPeerTCP();
                begun = tcp.connectToHost("127.0.0.1", Integer.parseInt(address));
                connecting = tcp;
            } else {
                var uds = new StreamPeerUDS();
                begun = uds.connectToHost(Path.of(address));
                connecting = uds;
            }
            assertThat(begun).isEqualTo(ErrorCode.OK);
            while (connecting.getStatus() == Status.CONNECTING) {
                assertThat(connecting.awaitActivity(Transcript.PATIENCE)).isTrue();
                assertThat(connecting.poll()).isEqualTo(ErrorCode.OK);
            }
            assertThat(connecting.getStatus()).isEqualTo(Status.CONNECTED);
            return connecting;
        }

        /** Waits until so many bytes are there, and takes none. */
        void fill(int bytes) {
            Transcript.until("bytes", godot, () -> peer.getAvailableBytes() >= bytes);
        }

        void put(byte[] data) {
            if (mode == Mode.BLOCKING) {
                assertThat(peer.putData(data)).isEqualTo(ErrorCode.OK);
                return;
            }
            for (int done = 0; done < data.length; ) {
                int from = done;
                int[] n = {0};
                Transcript.until(
                        "room",
                        godot,
                        () -> {
                            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                            n[0] = peer.putPartialData(data, from, data.length - from);
                            return n[0] != 0;
                        });
                assertThat(n[0]).isPositive();
                done += n[0];
            }
        }

        byte[] get(int length) {
            var data = new byte[length];
            if (mode == Mode.BLOCKING) {
                assertThat(peer.getData(data)).isEqualTo(ErrorCode.OK);
                return data;
            }
            for (int done = 0; done < length; ) {
                assertThat(peer.awaitActivity(Transcript.PATIENCE)).as("%s", godot).isTrue();
                assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                int n = peer.getPartialData(data, done, length - done);
                assertThat(n).isNotNegative();
                done += n;
            }
            return data;
        }

        void pollUntilNot(Status status) {
            while (peer.getStatus() == status) {
                assertThat(peer.awaitActivity(Transcript.PATIENCE)).as("%s", godot).isTrue();
                lastPoll = peer.poll();
            }
        }

        @Override
        public void close() {
            peer.close();
            godot.close();
        }
    }

    /** As the engine's script tells it. */
    private static String bits(double value) {
        return "%016x".formatted(Double.doubleToLongBits(value));
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
