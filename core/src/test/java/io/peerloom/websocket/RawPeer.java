package io.peerloom.websocket;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;

/**
 * The other side of a connection, written byte by byte from RFC 6455 and sharing nothing with the
 * code under test. Every read has a bound.
 */
final class RawPeer implements Closeable {

    /** The sample of RFC 6455 section 1.3, so that the accept value is known. */
    static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    private static final int TIMEOUT_MILLIS = 20_000;

    final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;

    RawPeer(Socket socket) throws IOException {
        this.socket = socket;
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    static RawPeer connect(int port) throws IOException {
        return new RawPeer(new Socket(InetAddress.getLoopbackAddress(), port));
    }

    /** A client whose handshake is done. */
    static RawPeer open(int port) throws IOException {
        RawPeer peer = connect(port);
        peer.write(request(""));
        String head = peer.readHead();
        if (!head.startsWith("HTTP/1.1 101 ")) {
            throw new IOException(head);
        }
        return peer;
    }

    static byte[] request(String moreHeaders) {
        return ascii(
                "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                        + "Connection: Upgrade\r\nSec-WebSocket-Key: "
                        + KEY
                        + "\r\nSec-WebSocket-Version: 13\r\n"
                        + moreHeaders
                        + "\r\n");
    }

    /**
     * As a server: answers the request with 101 and more header lines, each with its end; the key
     * that was in the request.
     */
    String answer(String moreHeaders) throws IOException {
        String key = readHead().replaceAll("(?s).*Sec-WebSocket-Key: (\\S+).*", "$1");
        write(
                ascii(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                                + acceptOf(key)
                                + "\r\n"
                                + moreHeaders
                                + "\r\n"));
        return key;
    }

    /** RFC 6455 section 4.2.2, item 5.4. */
    static String acceptOf(String key) {
        try {
            byte[] text = ascii(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-1").digest(text));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    /** A client's frame with the key 01020304. */
    static byte[] masked(int firstByte, byte[] payload) {
        byte[] key = {1, 2, 3, 4};
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 14);
        frame.put((byte) firstByte);
        if (payload.length < 126) {
            frame.put((byte) (0x80 | payload.length));
        } else if (payload.length < 65_536) {
            frame.put((byte) 0xFE).putShort((short) payload.length);
        } else {
            frame.put((byte) 0xFF).putLong(payload.length);
        }
        frame.put(key);
        for (int i = 0; i < payload.length; i++) {
            frame.put((byte) (payload[i] ^ key[i % 4]));
        }
        byte[] bytes = new byte[frame.position()];
        frame.flip().get(bytes);
        return bytes;
    }

    static byte[] closePayload(int code, String reason) {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(2 + text.length).putShort((short) code).put(text).array();
    }

    void write(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    String readHead() throws IOException {
        var head = new ByteArrayOutputStream();
        while (true) {
            head.write(in.readByte());
            String text = head.toString(StandardCharsets.ISO_8859_1);
            if (text.endsWith("\r\n\r\n")) {
                return text;
            }
        }
    }

    /** A server's frame: its first byte and its payload. */
    record Frame(int first, String payloadHex) {
        byte[] payload() {
            return HexFormat.of().parseHex(payloadHex);
        }

        int closeCode() {
            return ByteBuffer.wrap(payload()).getShort() & 0xFFFF;
        }
    }

    /** Reads a frame, masked or not. */
    Frame readFrame() throws IOException {
        int first = in.readUnsignedByte();
        int second = in.readUnsignedByte();
        long length = second & 0x7F;
        if (length == 126) {
            length = in.readUnsignedShort();
        } else if (length == 127) {
            length = in.readLong();
        }
        byte[] key = new byte[4];
        if ((second & 0x80) != 0) {
            in.readFully(key);
        }
        byte[] payload = new byte[(int) length];
        in.readFully(payload);
        for (int i = 0; i < payload.length; i++) {
            payload[i] ^= key[i % 4];
        }
        return new Frame(first, HexFormat.of().formatHex(payload));
    }

    byte[] readRaw(int length) throws IOException {
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    /** Whether the stream ends here, in order. */
    boolean readEnd() throws IOException {
        return in.read() < 0;
    }

    String readAll() throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }

    /** Reads and drops all that comes until the other side ends the stream; how many bytes. */
    long drain() throws IOException {
        long n = 0;
        byte[] rest = new byte[65_536];
        try {
            for (int r; (r = in.read(rest)) >= 0; n += r) {
                // dropped
            }
        } catch (EOFException e) {
            return n;
        }
        return n;
    }

    /** Breaks the connection: the other side sees a reset. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
