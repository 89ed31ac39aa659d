package io.peerloom.bench;

import io.peerloom.bench.Servers.Setup;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * The ceilings: bytes back as they came, with no protocol at all. A read of at most 64 KiB, a write
 * of what it brought, and again.
 */
final class RawServers {
    private static final int BUFFER = 64 * 1024;
    private static final int BACKLOG = 1024;

    private RawServers() {}

    /** What is done beside reading and writing. */
    private enum Way {
        PLAIN,
        YIELDING,
        COPYING
    }

    /** One virtual thread a socket, in the plainest way there is. */
    static int plain(Setup setup) throws IOException {
        return blocking(setup, Way.PLAIN);
    }

    /** The same with one yield before each read: see PERFORMANCE section 5. */
    static int yielding(Setup setup) throws IOException {
        return blocking(setup, Way.YIELDING);
    }

    /**
     * That, with what each read brought in an array of its own: the least that a server does which
     * hands messages to somebody who may keep them.
     */
    static int copying(Setup setup) throws IOException {
        return blocking(setup, Way.COPYING);
    }

    private static int blocking(Setup setup, Way way) throws IOException {
        InetAddress address = InetAddress.getLoopbackAddress();
        ServerSocket server =
                setup.mode() == Mode.TLS
                        ? setup.sslContext()
                                .getServerSocketFactory()
                                .createServerSocket(0, BACKLOG, address)
                        : new ServerSocket(0, BACKLOG, address);
        accept(server, socket -> echo(socket, way));
        return server.getLocalPort();
    }

    /** Gives each connection a virtual thread. */
    static void accept(ServerSocket server, Consumer<Socket> serve) {
        Thread.ofVirtual()
                .start(() -> {
                    try {
                        while (true) {
                            Socket socket = server.accept();
                            Thread.ofVirtual().start(() -> serve.accept(socket));
                        }
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    private static void echo(Socket accepted, Way way) {
        try (Socket socket = accepted) {
            socket.setTcpNoDelay(true);
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[BUFFER];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                if (way == Way.COPYING) {
                    out.write(Arrays.copyOf(buffer, n));
                } else {
                    out.write(buffer, 0, n);
                }
                if (way != Way.PLAIN) {
                    Thread.yield();
                }
            }
        } catch (IOException e) {
            // the client is gone
        }
    }

    /**
     * All sockets on one thread with one selector and one direct buffer: the ceiling of what Java
     * reaches without threads to wake. What the kernel does not take at once is copied aside, and
     * no more is read of that socket until it is out.
     */
    static int selector(Setup setup) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
        server.configureBlocking(false);
        var loop = new SelectorLoop(server, Selector.open());
        server.register(loop.selector, SelectionKey.OP_ACCEPT);
        Thread.ofPlatform().name("selector").start(loop);
        return server.socket().getLocalPort();
    }

    private static final class SelectorLoop implements Runnable {
        private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        private final ServerSocketChannel server;
        private final Selector selector;

        SelectorLoop(ServerSocketChannel server, Selector selector) {
            this.server = server;
            this.selector = selector;
        }

        @Override
        public void run() {
            try {
                while (true) {
                    selector.select(this::ready);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void ready(SelectionKey key) {
            try {
                if (key.isAcceptable()) {
                    SocketChannel channel = server.accept();
                    channel.configureBlocking(false);
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                    channel.register(selector, SelectionKey.OP_READ);
                } else if (key.isReadable()) {
                    read(key);
                } else {
                    flush(key, (ByteBuffer) key.attachment());
                }
            } catch (IOException e) {
                close(key);
            }
        }

        private void read(SelectionKey key) throws IOException {
            var channel = (SocketChannel) key.channel();
            buffer.clear();
            if (channel.read(buffer) < 0) {
                close(key);
                return;
            }
            channel.write(buffer.flip());
            if (buffer.hasRemaining()) {
                if (key.attachment() == null) {
                    key.attach(ByteBuffer.allocateDirect(BUFFER));
                }
                ((ByteBuffer) key.attachment()).clear().put(buffer).flip();
                key.interestOps(SelectionKey.OP_WRITE);
            }
        }

        private static void flush(SelectionKey key, ByteBuffer left) throws IOException {
            ((SocketChannel) key.channel()).write(left);
            if (!left.hasRemaining()) {
                key.interestOps(SelectionKey.OP_READ);
            }
        }

        private static void close(SelectionKey key) {
            try {
                key.channel().close();
            } catch (IOException e) {
                // gone already
            }
        }
    }
}
