package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.peerloom.internal.protocol.Masking;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Locale;
import java.util.Map;

/**
 * The server that clients are measured against: as near to the {@linkplain RawServers#selector raw
 * selector} as one that unmasks can be. All connections are on one thread; what a read brought goes
 * out with one write, frame for frame as it came, unmasked on the way and no more; a payload is not
 * waited for, nor kept. It trusts its clients.
 */
final class WireEcho {
    private static final int BUFFER = 256 * 1024;

    /** Of a client's frame. */
    private static final int LONGEST_HEADER = 14;

    private static final int CLOSE = 8;
    private static final int PING_TO_PONG = 9 ^ 10;
    private static final int PING = 9;

    private final ServerSocketChannel server;
    private final Selector selector;
    private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER);
    private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER + LONGEST_HEADER);
    private final byte[] read = new byte[BUFFER + LONGEST_HEADER];

    /** What of it goes out; never more than was read, since a server's header is shorter. */
    private final byte[] write = new byte[BUFFER + LONGEST_HEADER];

    private WireEcho(ServerSocketChannel server, Selector selector) {
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
        Subject.listening(start());
        Subject.obeyParent(Map.of());
    }

    /** Starts a server and returns its port. */
    static int start() throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        server.configureBlocking(false);
        Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        var echo = new WireEcho(server, selector);
        Thread.ofPlatform().name("wire-echo").daemon().start(echo::run);
        return server.socket().getLocalPort();
    }

    private void run() {
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
                channel.register(selector, SelectionKey.OP_READ).attach(new Connection());
            } else if (key.isReadable()) {
                read(key, (Connection) key.attachment());
            } else {
                flush(key, (Connection) key.attachment());
            }
        } catch (IOException e) {
            close(key);
        }
    }

    private void read(SelectionKey key, Connection connection) throws IOException {
        var channel = (SocketChannel) key.channel();
        if (channel.read(in.clear()) < 0) {
            close(key);
            return;
        }
        in.flip();
        int length = connection.takePiece(read);
        in.get(read, length, in.remaining());
        int written = connection.echo(read, length + in.limit(), write);
        out.clear().put(write, 0, written).flip();
        channel.write(out);
        if (out.hasRemaining()) {
            connection.unsent = ByteBuffer.allocateDirect(out.remaining()).put(out).flip();
            key.interestOps(SelectionKey.OP_WRITE);
        } else if (connection.closing) {
            close(key);
        }
    }

    private static void flush(SelectionKey key, Connection connection) throws IOException {
        ((SocketChannel) key.channel()).write(connection.unsent);
        if (!connection.unsent.hasRemaining()) {
            connection.unsent = null;
            key.interestOps(SelectionKey.OP_READ);
            if (connection.closing) {
                close(key);
            }
        }
    }

    private static void close(SelectionKey key) {
        try {
            key.channel().close();
        } catch (IOException e) {
            // gone already
        }
    }

    private static final class Connection {
        /** The request's head so far; null when it has been answered. */
        private StringBuilder head = new StringBuilder();

        /** The frame under way. */
        private int key;

        private int phase;
        private long remaining;

        /** The piece of a header that the last read ended with. */
        private final byte[] piece = new byte[LONGEST_HEADER];

        private int pieceLength;
        private ByteBuffer unsent;
        private boolean closing;

        int takePiece(byte[] to) {
            System.arraycopy(piece, 0, to, 0, pieceLength);
            int length = pieceLength;
            pieceLength = 0;
            return length;
        }

        int echo(byte[] from, int end, byte[] to) {
            if (head != null) {
                return shakeHands(from, end, to);
            }
            int at = 0;
            int written = 0;
            while (at < end) {
                if (remaining == 0) {
                    int header = headerLength(from, at, end);
                    if (header < 0) {
                        pieceLength = end - at;
                        System.arraycopy(from, at, piece, 0, pieceLength);
                        break;
                    }
                    int first = from[at] & 0xFF;
                    int opcode = first & 0x0F;
                    closing |= opcode == CLOSE;
                    to[written] = (byte) (opcode == PING ? first ^ PING_TO_PONG : first);
                    int lengthOfLength = header - 6;
                    to[written + 1] = (byte) (from[at + 1] & 0x7F);
                    System.arraycopy(from, at + 2, to, written + 2, lengthOfLength);
                    remaining = payloadLength(from, at);
                    key = littleEndianInt(from, at + 2 + lengthOfLength);
                    phase = 0;
                    at += header;
                    written += 2 + lengthOfLength;
                }
                int part = (int) Math.min(remaining, end - at);
                Masking.copy(from, at, to, written, part, key, phase);
                phase = (phase + part) & 3;
                remaining -= part;
                at += part;
                written += part;
            }
            return written;
        }

        private static int headerLength(byte[] from, int at, int end) {
            if (end - at < 2) {
                return -1;
            }
            int length = from[at + 1] & 0x7F;
            int header = length < 126 ? 6 : length == 126 ? 8 : 14;
            return end - at < header ? -1 : header;
        }

        private static long payloadLength(byte[] from, int at) {
            int length = from[at + 1] & 0x7F;
            if (length < 126) {
                return length;
            }
            long value = 0;
            for (int i = 0; i < (length == 126 ? 2 : 8); i++) {
                value = (value << 8) | (from[at + 2 + i] & 0xFF);
            }
            return value;
        }

        private static int littleEndianInt(byte[] from, int at) {
            return (from[at] & 0xFF)
                    | ((from[at + 1] & 0xFF) << 8)
                    | ((from[at + 2] & 0xFF) << 16)
                    | (from[at + 3] << 24);
        }

        /** A client sends no frame before it has the answer. */
        private int shakeHands(byte[] from, int end, byte[] to) {
            head.append(new String(from, 0, end, ISO_8859_1));
            if (head.indexOf("\r\n\r\n") < 0) {
                return 0;
            }
            String name = "\r\nsec-websocket-key:";
            int at = head.toString().toLowerCase(Locale.ROOT).indexOf(name) + name.length();
            String nonce = head.substring(at, head.indexOf("\r", at)).strip();
            head = null;
            byte[] answer =
                    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                                    + LoadGenerator.accept(nonce)
                                    + "\r\n\r\n")
                            .getBytes(ISO_8859_1);
            System.arraycopy(answer, 0, to, 0, answer.length);
            return answer.length;
        }
    }
}
