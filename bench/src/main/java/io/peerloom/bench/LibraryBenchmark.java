package io.peerloom.bench;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.websocket.ClientWsFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameDecoder;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameEncoder;
import io.netty.handler.codec.http.websocketx.WebSocketDecoderConfig;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.Opcode;
import io.undertow.websockets.core.protocol.version07.Masker;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import okhttp3.internal.ws.WebSocketReader;
import okhttp3.internal.ws.WebSocketWriter;
import okio.Buffer;
import okio.ByteString;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.websocket.core.Frame;
import org.eclipse.jetty.websocket.core.OpCode;
import org.eclipse.jetty.websocket.core.internal.Generator;
import org.eclipse.jetty.websocket.core.internal.Parser;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.enums.Role;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.framing.BinaryFrame;
import org.java_websocket.framing.Framedata;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The operations of {@link FrameBenchmark} as other libraries have them.
 *
 * <p>Encoding goes from a payload that is there already to a client's frame, with a key of the
 * library's own choice, in the buffer that the library would write from. Decoding goes from a
 * client's frame that is whole in a buffer to what the library hands out as the payload, unmasked,
 * with its checks: an array or buffer of its own in Java-WebSocket, Netty and OkHttp, and the read
 * buffer itself, unmasked where it is, in Jetty. Netty's are run in an embedded channel, which is
 * the only way to them and costs some 100 ns. OkHttp reads from buffers of its own only, so the
 * copy into them, which a socket would do, is in its figure. Helidon's encoder cannot be had
 * without a socket. Undertow's frames cannot be had at all; its XOR in place can.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {
            "-XX:+UseSerialGC",
            "-Xms1g",
            "-Xmx1g",
            "-XX:+IgnoreUnrecognizedVMOptions", // the next one came with JDK 23
            "--sun-misc-unsafe-memory-access=allow",
            "-Dio.netty.noUnsafe=false"
        })
public class LibraryBenchmark {
    private static final int MAX_MESSAGE = 1 << 20;

    /** Bytes of payload. */
    @Param({"16", "125", "1024", "4096", "65536", "1048576"})
    public int size;

    private byte[] payload;
    private byte[] frame;
    private final Random random = new Random(1);

    private EmbeddedChannel nettyEncoder;
    private EmbeddedChannel nettyDecoder;
    private final Generator jettyGenerator = new Generator();
    private final Parser jettyParser = new Parser(ByteBufferPool.NON_POOLING);
    private ByteBuffer jettyOut;
    private final Draft_6455 javaWebSocketClient = new Draft_6455();
    private final Draft_6455 javaWebSocketServer = new Draft_6455();
    private final Buffer okHttpOut = new Buffer();
    private final Buffer okHttpIn = new Buffer();
    private WebSocketWriter okHttpWriter;
    private WebSocketReader okHttpReader;
    private ByteString okHttpPayload;
    private ByteString okHttpMessage;
    private Masker undertowMasker;
    private ByteBuffer undertowBuffer;

    /** A random message and its frame, and what the libraries need. */
    @Setup
    public void fill() throws ReflectiveOperationException {
        payload = new byte[size];
        random.nextBytes(payload);
        frame = new byte[FrameEncoder.frameLength(size, true)];
        int key = random.nextInt();
        FrameEncoder.encode(frame, 0, true, Opcode.BINARY, payload, 0, size, true, key);
        nettyEncoder = new EmbeddedChannel(new WebSocket13FrameEncoder(true));
        nettyDecoder =
                new EmbeddedChannel(
                        new WebSocket13FrameDecoder(
                                WebSocketDecoderConfig.newBuilder()
                                        .expectMaskedFrames(true)
                                        .maxFramePayloadLength(MAX_MESSAGE)
                                        .build()));
        jettyOut = ByteBuffer.allocateDirect(frame.length + Generator.MAX_HEADER_LENGTH);
        javaWebSocketClient.setParseMode(Role.CLIENT);
        javaWebSocketServer.setParseMode(Role.SERVER);
        okHttpPayload = ByteString.of(payload);
        okHttpWriter = new WebSocketWriter(true, okHttpOut, random, false, false, 1024);
        okHttpReader = new WebSocketReader(false, okHttpIn, new OkHttpMessages(), false, false);
        Constructor<Masker> masker = Masker.class.getDeclaredConstructor(int.class);
        masker.setAccessible(true); // not public, and its methods are
        undertowMasker = masker.newInstance(key);
        undertowBuffer = ByteBuffer.allocateDirect(size).put(payload);
    }

    private final class OkHttpMessages implements WebSocketReader.FrameCallback {
        @Override
        public void onReadMessage(ByteString bytes) {
            okHttpMessage = bytes;
        }

        @Override
        public void onReadMessage(String text) {}

        @Override
        public void onReadPing(ByteString bytes) {}

        @Override
        public void onReadPong(ByteString bytes) {}

        @Override
        public void onReadClose(int code, String reason) {}
    }

    /** Netty's client; returns how many bytes it made. */
    @Benchmark
    public int encodeNetty() {
        nettyEncoder.writeOutbound(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(payload)));
        int length = 0;
        for (ByteBuf part; (part = nettyEncoder.readOutbound()) != null; ) {
            length += part.readableBytes();
            part.release();
        }
        return length;
    }

    /** Jetty's client. */
    @Benchmark
    public ByteBuffer encodeJetty() {
        Frame message = new Frame(OpCode.BINARY, ByteBuffer.wrap(payload));
        byte[] mask = new byte[4];
        random.nextBytes(mask);
        message.setMask(mask);
        BufferUtil.clear(jettyOut);
        jettyGenerator.generateWholeFrame(message, jettyOut);
        return jettyOut;
    }

    /** Java-WebSocket's client. */
    @Benchmark
    public ByteBuffer encodeJavaWebSocket() {
        var message = new BinaryFrame();
        message.setPayload(ByteBuffer.wrap(payload));
        message.setTransferemasked(true);
        return javaWebSocketClient.createBinaryFrame(message);
    }

    /** OkHttp's client. */
    @Benchmark
    public Buffer encodeOkHttp() throws IOException {
        okHttpWriter.writeMessageFrame(2, okHttpPayload);
        okHttpOut.clear();
        return okHttpOut;
    }

    /** Netty's server; returns how many bytes the message has. */
    @Benchmark
    public int decodeNetty() {
        nettyDecoder.writeInbound(Unpooled.wrappedBuffer(frame));
        BinaryWebSocketFrame message = nettyDecoder.readInbound();
        int length = message.content().readableBytes();
        message.release();
        return length;
    }

    /** Jetty's server. */
    @Benchmark
    public ByteBuffer decodeJetty() {
        Frame.Parsed message = jettyParser.parse(ByteBuffer.wrap(frame));
        message.demask();
        return message.getPayload();
    }

    /** Java-WebSocket's server. */
    @Benchmark
    public List<Framedata> decodeJavaWebSocket() throws InvalidDataException {
        return javaWebSocketServer.translateFrame(ByteBuffer.wrap(frame));
    }

    /** OkHttp has no server, but its reader can play one. */
    @Benchmark
    public ByteString decodeOkHttp() throws IOException {
        okHttpIn.write(frame);
        okHttpReader.processNextFrame();
        return okHttpMessage;
    }

    /** Helidon's server. */
    @Benchmark
    public BufferData decodeHelidon() {
        return ClientWsFrame.read(null, new DataReader(() -> frame), MAX_MESSAGE).payloadData();
    }

    /** Undertow's XOR. */
    @Benchmark
    public ByteBuffer maskUndertow() {
        undertowMasker.afterRead(undertowBuffer, 0, size);
        return undertowBuffer;
    }
}
