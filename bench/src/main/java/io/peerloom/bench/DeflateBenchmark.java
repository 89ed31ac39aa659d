package io.peerloom.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.extensions.WebSocketExtension;
import io.netty.handler.codec.http.websocketx.extensions.WebSocketExtensionData;
import io.netty.handler.codec.http.websocketx.extensions.compression.PerMessageDeflateServerExtensionHandshaker;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.MessageDeflater;
import io.peerloom.internal.protocol.Opcode;
import io.peerloom.internal.protocol.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.framing.BinaryFrame;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * permessage-deflate of one message of JSON lines, each message by itself, at zlib's default level.
 *
 * <p>Compressing ends with the bytes of the message and without RFC 7692's tail. Decompressing
 * begins with them and ends with the message in an array or buffer of its own, and within a limit
 * on its size; ours takes the client's masked frame, and so unmasks too. The yardstick is one call
 * of the JDK into an array that is there already. Netty's handlers run in an embedded channel;
 * Jetty's cannot be had without a session.
 */
@State(Scope.Thread)
@BenchmarkMode(org.openjdk.jmh.annotations.Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"-XX:+UseSerialGC", "-Xms1g", "-Xmx1g"})
public class DeflateBenchmark {
    private static final int MAX_MESSAGE = 1 << 20;
    private static final int LEVEL = 6;
    private static final int WINDOW_BITS = 15;
    private static final int TAIL = 4;

    /** Bytes of message. */
    @Param({"1024", "4096", "65536"})
    public int size;

    private byte[] message;
    private byte[] packed;
    private byte[] packedWithTail;
    private byte[] frame;
    private byte[] out;

    private final DeflatePool pool = new DeflatePool(LEVEL, 1);
    private final MessageDeflater deflater = new MessageDeflater(pool, WINDOW_BITS, false);
    private final FrameDecoder decoder = new FrameDecoder(true, MAX_MESSAGE, 1);
    private final Deflater jdkDeflater = new Deflater(LEVEL, true);
    private final Inflater jdkInflater = new Inflater(true);
    private EmbeddedChannel nettyEncoder;
    private EmbeddedChannel nettyDecoder;
    private final PerMessageDeflateExtension javaWebSocket = new PerMessageDeflateExtension(LEVEL);

    /** A message, and what it becomes. */
    @Setup
    public void fill() {
        pool.join(); // it keeps nothing while nobody is there
        message = LoadGenerator.payload(size, Mode.DEFLATE);
        out = new byte[2 * size];
        int length = deflateJdk();
        packedWithTail = Arrays.copyOf(out, length);
        packed = Arrays.copyOf(out, length - TAIL);
        frame = new byte[FrameEncoder.frameLength(packed.length, true)];
        FrameEncoder.encode(frame, 0, true, Opcode.BINARY, packed, 0, packed.length, true, 7);
        frame[0] |= (byte) FrameEncoder.COMPRESSED;
        decoder.inflate(pool, false);
        var parameters = new HashMap<String, String>();
        parameters.put("server_no_context_takeover", null);
        parameters.put("client_no_context_takeover", null);
        WebSocketExtension netty =
                new PerMessageDeflateServerExtensionHandshaker(
                                LEVEL, false, WINDOW_BITS, true, true, MAX_MESSAGE)
                        .handshakeExtension(
                                new WebSocketExtensionData("permessage-deflate", parameters));
        nettyEncoder = new EmbeddedChannel(netty.newExtensionEncoder());
        nettyDecoder = new EmbeddedChannel(netty.newExtensionDecoder());
        javaWebSocket.setServerNoContextTakeover(true);
        javaWebSocket.setClientNoContextTakeover(true);
        javaWebSocket.setThreshold(0);
    }

    /** The yardstick. */
    @Benchmark
    public int deflateJdk() {
        jdkDeflater.reset();
        jdkDeflater.setInput(message);
        return jdkDeflater.deflate(out, 0, out.length, Deflater.SYNC_FLUSH);
    }

    /** Ours. */
    @Benchmark
    public byte[] deflate() {
        deflater.deflate(message);
        byte[] result = deflater.packed();
        deflater.release();
        return result;
    }

    /** Netty's. */
    @Benchmark
    public int deflateNetty() {
        nettyEncoder.writeOutbound(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(message)));
        WebSocketFrame result = nettyEncoder.readOutbound();
        int length = result.content().readableBytes();
        result.release();
        return length;
    }

    /** Java-WebSocket's. */
    @Benchmark
    public ByteBuffer deflateJavaWebSocket() {
        var result = new BinaryFrame();
        result.setPayload(ByteBuffer.wrap(message));
        javaWebSocket.encodeFrame(result);
        return result.getPayloadData();
    }

    /** The yardstick. */
    @Benchmark
    public int inflateJdk() throws DataFormatException {
        jdkInflater.reset();
        jdkInflater.setInput(packedWithTail);
        return jdkInflater.inflate(out);
    }

    /** Ours, from the frame. */
    @Benchmark
    public byte[] inflate() throws ProtocolException {
        decoder.decode(frame, 0, frame.length);
        return decoder.payload();
    }

    /** Netty's. */
    @Benchmark
    public int inflateNetty() {
        ByteBuf content = Unpooled.wrappedBuffer(packed);
        nettyDecoder.writeInbound(new BinaryWebSocketFrame(true, 4, content));
        WebSocketFrame result = nettyDecoder.readInbound();
        int length = result.content().readableBytes();
        result.release();
        return length;
    }

    /** Java-WebSocket's. */
    @Benchmark
    public ByteBuffer inflateJavaWebSocket() throws InvalidDataException {
        var result = new BinaryFrame();
        result.setRSV1(true);
        result.setPayload(ByteBuffer.wrap(packed));
        javaWebSocket.decodeFrame(result);
        return result.getPayloadData();
    }
}
