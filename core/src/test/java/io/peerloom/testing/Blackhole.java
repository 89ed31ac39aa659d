package io.peerloom.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.condition.OS;

/**
 * A listening socket that answers nobody: its backlog is full, so that whoever connects to it
 * neither gets through nor is refused, until {@link #acceptAll}. On Linux only; elsewhere the test
 * is skipped.
 */
public final class Blackhole implements AutoCloseable {

    private final ServerSocketChannel server;
    private final List<SocketChannel> fill = new ArrayList<>();

    private Blackhole(ServerSocketChannel server) {
        this.server = server;
    }

    /**
     * A TCP socket on 127.0.0.1. The kernel keeps two connections for a backlog of one and drops
     * what asks for more.
     */
    public static Blackhole tcp() throws IOException {
        skipWhereRefused();
        var server = ServerSocketChannel.open(StandardProtocolFamily.INET);
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
        var hole = new Blackhole(server);
        for (int i = 0; i < 6; i++) {
            SocketChannel channel = SocketChannel.open();
            hole.fill.add(channel);
            channel.configureBlocking(false);
            channel.connect(server.getLocalAddress());
        }
        await().until(() -> {
            int through = 0;
            for (SocketChannel channel : hole.fill) {
                if (channel.isConnected() || channel.finishConnect()) {
                    through++;
                }
            }
            return through >= 2;
        });
        return hole;
    }

    /** A Unix socket; there a full backlog is said at once to those who do not wait. */
    public static Blackhole unix(Path path) throws IOException {
        skipWhereRefused();
        var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path), 1);
        var hole = new Blackhole(server);
        boolean room = true;
        while (room) {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.configureBlocking(false);
            try {
                room = channel.connect(UnixDomainSocketAddress.of(path));
            } catch (
                    IOException e) { // what the JDK makes of EAGAIN differs from release to release
                room = false;
            }
            if (room) {
                hole.fill.add(channel);
            } else {
                channel.close();
            }
        }
        return hole;
    }

    private static void skipWhereRefused() {
        assumeTrue(OS.LINUX.isCurrentOs(), "elsewhere a full backlog may refuse at once");
    }

    public SocketAddress address() throws IOException {
        return server.getLocalAddress();
    }

    public int port() throws IOException {
        return ((InetSocketAddress) address()).getPort();
    }

    /**
     * Lets the next ones in: accepts, and drops, what filled the backlog, and no more than that.
     */
    public void acceptAll() throws IOException {
        int through = 0;
        for (SocketChannel channel : fill) { // those that wait as well, or they would be the next
            if (channel.isConnected()) {
                through++;
            }
            channel.close();
        }
        for (; through > 0; through--) {
            server.accept().close();
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (SocketChannel channel : fill) {
            channel.close();
        }
    }
}
