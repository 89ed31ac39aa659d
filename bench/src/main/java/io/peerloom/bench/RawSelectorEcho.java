package io.peerloom.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/**
 * Bytes back as they came, all sockets on one thread with one selector and one direct buffer of 64
 * KiB: the ceiling of what Java reaches without a protocol and without threads to wake. What the
 * kernel does not take at once is copied aside, and no more is read of that socket until it is out.
 */
public final class RawSelectorEcho {
    private static final int BUFFER = 64 * 1024;

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    private final ServerSocketChannel server;
    private final Selector selector;

    private RawSelectorEcho(ServerSocketChannel server, Selector selector) {
        this.server = server;
        this.selector = selector;
    }

    /**
     * Serves until the standard input ends.
     *
     * @param args none
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        server.configureBlocking(false);
        Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        Listening.on(server.socket().getLocalPort());
        var echo = new RawSelectorEcho(server, selector);
        while (true) {
            selector.select(echo::ready);
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
