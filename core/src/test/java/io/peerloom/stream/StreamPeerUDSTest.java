package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer.Status;
import io.peerloom.testing.Blackhole;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class StreamPeerUDSTest extends StreamPeerSocketTest {

    @TempDir Path folder;

    private int paths;

    private Path newPath() {
        return folder.resolve("s" + paths++);
    }

    private static Path pathOf(SocketAddress address) {
        return ((UnixDomainSocketAddress) address).getPath();
    }

    private final Map<SocketServer, Path> listening = new HashMap<>();

    @Override
    StreamPeerUDS newPeer() {
        return new StreamPeerUDS();
    }

    @Override
    UDSServer newServer() {
        return new UDSServer();
    }

    @Override
    ErrorCode listen(SocketServer server) {
        Path path = newPath();
        listening.put(server, path);
        return ((UDSServer) server).listen(path);
    }

    @Override
    SocketAddress addressOf(SocketServer server) {
        return UnixDomainSocketAddress.of(listening.get(server));
    }

    @Override
    ErrorCode connect(StreamPeerSocket peer, SocketAddress to) {
        return ((StreamPeerUDS) peer).connectToHost(pathOf(to));
    }

    @Override
    ServerSocketChannel newRawServer() throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(newPath()));
    }

    /** Of a socket that was closed, whose file is left. */
    @Override
    SocketAddress refusingAddress() throws IOException {
        try (ServerSocketChannel server = newRawServer()) {
            return server.getLocalAddress();
        }
    }

    @Override
    Blackhole newBlackhole() throws IOException {
        return Blackhole.unix(newPath());
    }

    /** Unix sockets know a reset, too: when a socket is closed with something unread. */
    @Override
    void reset(StreamPeerSocket peer, SocketChannel raw) throws Exception {
        // on the connection's own virtual thread the byte is there when the call returns
        var put =
                on(
                        true,
                        () -> {
                            peer.link().claim();
                            return peer.putData(new byte[1]);
                        });
        assertThat(put.get()).isEqualTo(ErrorCode.OK);
        raw.close();
    }

    // ---- paths ----

    @Test
    void tellsThePath() {
        UDSServer server = closing(new UDSServer());
        assertThat(listen(server)).isEqualTo(ErrorCode.OK);
        Path path = pathOf(addressOf(server));
        StreamPeerUDS client = closing(new StreamPeerUDS());
        assertThat(client.getConnectedPath()).isEmpty();
        assertThat(client.connectToHost(path)).isEqualTo(ErrorCode.OK);
        assertThat(client.getConnectedPath()).isEqualTo(path.toString());
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(client.getConnectedPath()).isEqualTo(path.toString());
        assertThat(server.awaitConnection(PATIENCE)).isTrue();
        StreamPeerUDS accepted = closing(server.takeConnection());
        assertThat(accepted.getConnectedPath()).isEmpty(); // as in Godot
        client.disconnectFromHost();
        assertThat(client.getConnectedPath()).isEmpty();
    }

    /** One of Godot's cases. */
    @Test
    void anotherPath() {
        Path path = folder.resolve("peerloom alternative ✩.sock");
        UDSServer server = closing(new UDSServer());
        assertThat(server.listen(path)).isEqualTo(ErrorCode.OK);
        StreamPeerUDS client = closing(new StreamPeerUDS());
        assertThat(client.connectToHost(path)).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        client.put32(42);
        assertThat(take(server).get32()).isEqualTo(42);
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "the limit is another one")
    void aPathHasToFit() {
        String base = folder + "/";
        for (int length : new int[] {106, 107, 200}) {
            // the limit is one of bytes in UTF-8
            Path path =
                    Path.of(
                            base
                                    + "é".repeat((length - base.length()) / 2)
                                    + "x".repeat((length - base.length()) % 2));
            ErrorCode expected = length == 106 ? ErrorCode.OK : ErrorCode.INVALID_PARAMETER;
            UDSServer server = closing(new UDSServer());
            assertThat(server.listen(path)).isEqualTo(expected);
            StreamPeerUDS peer = closing(new StreamPeerUDS());
            assertThat(peer.connectToHost(path)).isEqualTo(expected);
            assertThat(closing(new StreamPeerUDS()).bind(Path.of(path + "")))
                    .isEqualTo(length == 106 ? ErrorCode.ALREADY_IN_USE : expected);
            if (length == 106) {
                assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
            } else {
                assertThat(peer.getStatus()).isEqualTo(Status.NONE);
                assertThat(peer.getConnectedPath()).isEmpty();
            }
        }
        assertThat(closing(new UDSServer()).listen(Path.of("")))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(closing(new StreamPeerUDS()).connectToHost(Path.of("")))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(closing(new StreamPeerUDS()).bind(Path.of("")))
                .isEqualTo(ErrorCode.INVALID_PARAMETER);
    }

    /** Only a programmer can have a path that is in no folder of the system. */
    @Test
    void aPathOfAnotherKindIsAMistake() {
        Path elsewhere = Path.of(URI.create("jrt:/java.base"));
        StreamPeerUDS peer = closing(new StreamPeerUDS());
        assertThatIllegalArgumentException().isThrownBy(() -> peer.connectToHost(elsewhere));
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThatIllegalArgumentException().isThrownBy(() -> peer.bind(elsewhere));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> closing(new UDSServer()).listen(elsewhere));
    }

    @Test
    void connectsToNothing() throws Exception {
        Path plain = Files.writeString(newPath(), "not a socket");
        for (Path path : List.of(newPath(), plain, folder, folder.resolve("no/such/folder"))) {
            StreamPeerUDS peer = closing(new StreamPeerUDS());
            assertThat(peer.connectToHost(path)).isEqualTo(ErrorCode.OK);
            assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
            assertThat(peer.getStatus()).isEqualTo(Status.ERROR);
            assertThat(peer.getFailure()).get().asString().contains(path.toString());
        }
    }

    // ---- a full backlog ----

    /**
     * More than the backlog holds, while nobody accepts: they wait, and none believes itself in.
     */
    @Test
    void aFullBacklogIsWaitedFor() throws Exception {
        try (var hole = newBlackhole()) {
            List<StreamPeerSocket> peers = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                peers.add(connecting(Limits.defaults(), hole.address()));
            }
            for (StreamPeerSocket peer : peers) {
                assertThat(peer.awaitActivity(SHORT)).isFalse();
                assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).isEqualTo(Status.CONNECTING);
            }
            hole.acceptAll();
            for (StreamPeerSocket peer : peers) {
                assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            }
        }
    }

    // ---- a path of its own ----

    /** In Godot this fails, although its documentation presents it as the way to do it. */
    @Test
    void bindsAndConnects() throws Exception {
        ServerSocketChannel server = closing(newRawServer());
        StreamPeerUDS peer = closing(new StreamPeerUDS());
        Path own = newPath();
        assertThat(peer.bind(own)).isEqualTo(ErrorCode.OK);
        assertThat(peer.getStatus()).isEqualTo(Status.NONE);
        assertThat(peer.bind(newPath())).isEqualTo(ErrorCode.ALREADY_IN_USE);
        assertThat(connect(peer, server.getLocalAddress())).isEqualTo(ErrorCode.OK);
        SocketChannel raw = closing(server.accept());
        assertThat(raw.getRemoteAddress()).isEqualTo(UnixDomainSocketAddress.of(own));
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        assertThat(peer.bind(newPath())).isEqualTo(ErrorCode.ALREADY_IN_USE);
        peer.putString("bound");
        assertThat(readFully(raw, 9)).endsWith(ascii("bound"));
        peer.disconnectFromHost();
        assertThat(own).exists(); // the caller's to delete
    }

    @Test
    void refusesToBindWhatCannotBe() throws Exception {
        StreamPeerUDS peer = closing(new StreamPeerUDS());
        Path plain = Files.writeString(newPath(), "not a socket");
        assertThat(peer.bind(plain)).isEqualTo(ErrorCode.ALREADY_EXISTS);
        assertThat(peer.getFailure()).get().isInstanceOf(BindException.class);
        assertThat(peer.bind(pathOf(refusingAddress()))).isEqualTo(ErrorCode.ALREADY_EXISTS);
        assertThat(peer.bind(folder.resolve("no/such/folder"))).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(peer.bind(newPath())).isEqualTo(ErrorCode.OK); // none of that is in the way
        peer.disconnectFromHost();
        assertThat(peer.bind(newPath())).isEqualTo(ErrorCode.OK);
        assertThat(connect(peer, refusingAddress())).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(peer, Status.CONNECTING)).isEqualTo(ErrorCode.CONNECTION_ERROR);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there are no POSIX permissions")
    void aFolderThatMayNotBeWritten() throws Exception {
        Path locked = Files.createDirectory(newPath());
        Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-x------"));
        assumeThat(Files.isWritable(locked)).as("the super-user may do anything").isFalse();
        StreamPeerUDS peer = closing(new StreamPeerUDS());
        assertThat(peer.bind(locked.resolve("s"))).isEqualTo(ErrorCode.UNAUTHORIZED);
    }

    // ---- connecting and waiting for it ----

    @Test
    void connectsForTools() throws Exception {
        SocketServer server = listening();
        try (StreamPeerUDS peer = StreamPeerUDS.connect(pathOf(addressOf(server)))) {
            assertThat(peer.getStatus()).isEqualTo(Status.CONNECTED);
            assertThat(peer.getConnectedPath()).isEqualTo(pathOf(addressOf(server)).toString());
            peer.putUtf8String("hello");
            assertThat(take(server).getUtf8String()).isEqualTo("hello");
        }
        assertThatExceptionOfType(ConnectException.class)
                .isThrownBy(() -> StreamPeerUDS.connect(newPath()));
        assertThatIllegalArgumentException().isThrownBy(() -> StreamPeerUDS.connect(Path.of("")));
    }

    // ---- the server ----

    @Test
    void listensWhereItIsTold() throws Exception {
        UDSServer server = closing(new UDSServer());
        Path plain = Files.writeString(newPath(), "not a socket");
        assertThat(server.listen(plain)).isEqualTo(ErrorCode.ALREADY_EXISTS);
        assertThat(server.getFailure()).get().isInstanceOf(BindException.class);
        assertThat(plain).hasContent("not a socket");
        assertThat(server.listen(folder)).isEqualTo(ErrorCode.ALREADY_EXISTS);
        assertThat(server.listen(folder.resolve("no/such/folder")))
                .isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(server.isListening()).isFalse();

        Path left = pathOf(refusingAddress());
        assertThat(server.listen(left)).isEqualTo(ErrorCode.OK); // a socket's file is replaced
        assertThat(server.getFailure()).isEmpty();
        assertThat(server.listen(newPath())).isEqualTo(ErrorCode.ALREADY_IN_USE);
        StreamPeerUDS.connect(left).close();
        server.stop();
        assertThat(left).doesNotExist();
        assertThat(server.listen(left)).isEqualTo(ErrorCode.OK);
    }

    /** Once its file is out of the way; and the old server's stop does not take the new one's. */
    @Test
    void aServerMayTakeThePlaceOfAnother() throws Exception {
        UDSServer old = closing(new UDSServer());
        assertThat(listen(old)).isEqualTo(ErrorCode.OK);
        Path path = pathOf(addressOf(old));
        UDSServer successor = closing(new UDSServer());
        assertThat(successor.listen(path)).isEqualTo(ErrorCode.ALREADY_IN_USE);
        Files.delete(path);
        assertThat(successor.listen(path)).isEqualTo(ErrorCode.OK);
        old.stop();
        StreamPeerUDS client = closing(new StreamPeerUDS());
        assertThat(client.connectToHost(path)).isEqualTo(ErrorCode.OK);
        assertThat(pollWhile(client, Status.CONNECTING)).isEqualTo(ErrorCode.OK);
        take(successor);
        successor.stop();
        assertThat(path).doesNotExist();
    }
}
