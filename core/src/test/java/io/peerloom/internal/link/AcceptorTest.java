package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class AcceptorTest {

    private final WaitPoint news = new WaitPoint();
    private final Queue<SocketChannel> accepted = new ConcurrentLinkedQueue<>();

    @TempDir Path folder;

    @AfterEach
    void closeWhatWasAccepted() throws IOException {
        for (SocketChannel channel : accepted) {
            channel.close();
        }
    }

    private Acceptor start(ServerSocketChannel channel) {
        return new Acceptor(channel, () -> true, news, accepted::add);
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** The accepting thread holds the socket until it has seen the end; close waits for that. */
    @Test
    void theAddressIsFreeOnceItIsClosed() throws Exception {
        ServerSocketChannel channel = LocalAddress.listen(loopback(0));
        int port = ((InetSocketAddress) channel.getLocalAddress()).getPort();
        for (int i = 0; i < 50; i++) {
            Acceptor acceptor = start(channel);
            SocketChannel.open(loopback(port)).close();
            acceptor.close();
            acceptor.close(); // once more changes nothing
            assertThat(channel.isOpen()).isFalse();
            channel = LocalAddress.listen(loopback(port));
        }
        channel.close();
    }

    @Test
    void whoMayNotAcceptLeavesConnectionsToTheSystem() throws Exception {
        var room = new AtomicInteger();
        ServerSocketChannel channel = LocalAddress.listen(loopback(0));
        var acceptor =
                new Acceptor(
                        channel,
                        () -> room.get() > 0,
                        news,
                        connection -> {
                            room.decrementAndGet();
                            accepted.add(connection);
                        });
        try (var one = SocketChannel.open(channel.getLocalAddress());
                var two = SocketChannel.open(channel.getLocalAddress())) {
            assertThat(one.isConnected() && two.isConnected()).isTrue();
            room.incrementAndGet();
            news.signal();
            await().until(() -> accepted.size() == 1);
            room.incrementAndGet();
            news.signal();
            await().until(() -> accepted.size() == 2);
            assertThat(room).hasValue(0);
        } finally {
            acceptor.close(); // while it waits for room
        }
    }

    @Test
    void theFileOfASocketGoesWithIt() throws Exception {
        Path path = folder.resolve("own");
        Acceptor acceptor = start(LocalAddress.listen(LocalAddress.of(path)));
        SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
        acceptor.close();
        assertThat(path).doesNotExist();
    }

    @Test
    void aSocketThatIsLeftOverIsReplaced() throws Exception {
        Path path = folder.resolve("left");
        LocalAddress.listen(LocalAddress.of(path)).close(); // the JDK leaves the file
        assertThat(path).exists();
        Acceptor acceptor = start(LocalAddress.listen(LocalAddress.of(path)));
        SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
        acceptor.close();
    }

    /** When somebody has made room for it: Godot's would take the new file. */
    @Test
    void theFileOfASuccessorStays() throws Exception {
        Path path = folder.resolve("shared");
        Acceptor old = start(LocalAddress.listen(LocalAddress.of(path)));
        Files.delete(path);
        Acceptor successor = start(LocalAddress.listen(LocalAddress.of(path)));
        old.close();
        SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
        successor.close();
        assertThat(path).doesNotExist();
    }

    @Test
    void whatIsNoSocketIsLeftAlone() throws Exception {
        Path path = folder.resolve("plain");
        Files.writeString(path, "not a socket");
        assertThatExceptionOfType(BindException.class)
                .isThrownBy(() -> LocalAddress.listen(LocalAddress.of(path)))
                .withMessageContaining(path.toString());
        Files.delete(path);

        // nor is what somebody put in our place
        Acceptor acceptor = start(LocalAddress.listen(LocalAddress.of(path)));
        Files.delete(path);
        Files.writeString(path, "not a socket");
        acceptor.close();
        assertThat(path).hasContent("not a socket");
    }
}
