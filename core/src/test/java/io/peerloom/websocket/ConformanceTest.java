package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.ProtocolException;
import io.peerloom.websocket.ConformanceCases.Case;
import io.peerloom.websocket.ConformanceCases.Close;
import io.peerloom.websocket.ConformanceCases.Echo;
import io.peerloom.websocket.ConformanceCases.Send;
import io.peerloom.websocket.ConformanceCases.Step;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The cases of {@link ConformanceCases}: against the protocol alone, its input cut in several ways,
 * and over sockets, in both roles, polled and blocking, against a peer that knows only bytes. The
 * module of futures runs them its own way, with {@link #play}.
 */
class ConformanceTest {

    /** The side under test, and how it is used. */
    enum Api {
        POLLED,
        BLOCKING
    }

    private static final Limits LIMITS =
            Limits.defaults()
                    .withMaxMessageBytes(ConformanceCases.LIMIT)
                    .withMaxFragments(ConformanceCases.FRAGMENTS)
                    .withInboundBytes(2 * ConformanceCases.LIMIT)
                    .withOutboundBytes(2 * ConformanceCases.LIMIT);

    static final Options OPTIONS = Options.defaults().withLimits(LIMITS);

    static Stream<Arguments> families() {
        return Stream.of(1, 2, 3, 4, 5, 6, 7, 9)
                .flatMap(f -> Stream.of(Api.values()).map(api -> Arguments.of(f, api)));
    }

    /** So that the number in core/docs/websockets.md stays true. */
    @Test
    void thereAreSoManyCases() {
        assertThat(ConformanceCases.all()).hasSize(CASES);
    }

    private static final int CASES = 371;

    // ---- the protocol alone ----

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 9})
    void anyChunking(int family) {
        for (Case c : ConformanceCases.family(family)) {
            for (boolean client : new boolean[] {true, false}) {
                byte[] wire = wire(c, client);
                check(c, wire, client, wire.length);
                check(c, wire, client, -1);
                if (wire.length < 10_000) {
                    check(c, wire, client, 1);
                    check(c, wire, client, 7);
                }
            }
        }
    }

    private static byte[] wire(Case c, boolean client) {
        var wire = new ByteArrayOutputStream();
        for (Step step : c.steps()) {
            if (step instanceof Send send) {
                wire.writeBytes(frame(send, client));
            }
        }
        return wire.toByteArray();
    }

    /** The bytes of a frame that are sent. */
    private static byte[] frame(Send send, boolean client) {
        byte[] payload = send.payload();
        byte[] frame =
                client ? RawPeer.masked(send.first(), payload) : plain(send.first(), payload);
        return Arrays.copyOf(frame, frame.length - payload.length + send.sent());
    }

    private static byte[] plain(int first, byte[] payload) {
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 10).put((byte) first);
        if (payload.length < 126) {
            frame.put((byte) payload.length);
        } else if (payload.length < 65_536) {
            frame.put((byte) 126).putShort((short) payload.length);
        } else {
            frame.put((byte) 127).putLong(payload.length);
        }
        frame.put(payload);
        return Arrays.copyOf(frame.array(), frame.position());
    }

    /** Feeds the bytes in chunks, of random size if it is negative. */
    private static void check(Case c, byte[] wire, boolean client, int chunk) {
        var expected = new ArrayList<String>();
        for (Step step : c.steps()) {
            if (step instanceof Echo echo) {
                expected.add(tell(echo.first(), echo.payload()));
            } else if (step instanceof Close close) {
                expected.add("close " + close.code());
            }
        }
        var decoder = new FrameDecoder(client, LIMITS.maxMessageBytes(), LIMITS.maxFragments());
        var seen = new ArrayList<String>();
        var random = new Random(c.id().hashCode());
        byte[] kept = {};
        for (int at = 0; at < wire.length && (seen.isEmpty() || !ends(seen)); ) {
            int most = chunk < 0 ? 1 + random.nextInt(1 << random.nextInt(20)) : chunk;
            int n = Math.min(most, wire.length - at);
            byte[] input = Arrays.copyOf(kept, kept.length + n);
            System.arraycopy(wire, at, input, kept.length, n);
            at += n;
            kept = decode(decoder, input, seen);
        }
        assertThat(seen).as("%s as a %s's", c, client ? "client" : "server").isEqualTo(expected);
    }

    private static boolean ends(List<String> seen) {
        return seen.get(seen.size() - 1).startsWith("close ");
    }

    private static byte[] decode(FrameDecoder decoder, byte[] input, List<String> seen) {
        try {
            int at = 0;
            while (true) {
                FrameDecoder.Event event = decoder.decode(input, at, input.length);
                at = decoder.consumed();
                switch (event) {
                    case NEED_INPUT -> {
                        return Arrays.copyOfRange(input, at, input.length);
                    }
                    case TEXT -> seen.add(tell(0x81, decoder.payload()));
                    case BINARY -> seen.add(tell(0x82, decoder.payload()));
                    case PING -> seen.add(tell(0x8A, decoder.payload()));
                    case PONG -> decoder.payload();
                    case CLOSE -> {
                        seen.add("close " + decoder.closeCode());
                        return new byte[0];
                    }
                }
            }
        } catch (ProtocolException e) {
            seen.add("close " + e.closeCode());
            return new byte[0];
        }
    }

    private static String tell(int first, byte[] payload) {
        return Integer.toHexString(first) + " " + payload.length + " " + Arrays.hashCode(payload);
    }

    // ---- our server ----

    @ParameterizedTest
    @MethodSource("families")
    void ourServer(int family, Api api) throws Exception {
        BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();
        try (var server = new Server(api, OPTIONS, ends)) {
            for (Case c : ConformanceCases.family(family)) {
                try (RawPeer raw = RawPeer.open(server.port())) {
                    play(c, raw, true);
                    assertThat(raw.readEnd()).as("%s: the server ends TCP first", c).isTrue();
                } catch (IOException e) {
                    throw new AssertionError(c.toString(), e);
                }
                assertThat(ends.poll(20, TimeUnit.SECONDS)).as("%s", c).isEqualTo(c.code());
            }
        }
        assertThat(ends).as("one end each").isEmpty();
    }

    /** Plays the other side's part. */
    static void play(Case c, RawPeer raw, boolean client) throws IOException {
        var unsent = new ByteArrayOutputStream();
        for (Step step : c.steps()) {
            switch (step) {
                case Send send -> {
                    byte[] frame = frame(send, client);
                    if (send.chop() == 0) {
                        unsent.writeBytes(frame); // goes out with what follows
                    } else {
                        flush(unsent, raw);
                        for (int at = 0; at < frame.length; at += send.chop()) {
                            raw.write(
                                    Arrays.copyOfRange(
                                            frame, at, Math.min(frame.length, at + send.chop())));
                        }
                    }
                }
                case Echo echo -> {
                    flush(unsent, raw);
                    assertThat(raw.readFrame())
                            .as("%s", c)
                            .isEqualTo(
                                    new RawPeer.Frame(
                                            echo.first(),
                                            HexFormat.of().formatHex(echo.payload())));
                }
                case Close close -> {
                    flush(unsent, raw);
                    RawPeer.Frame frame = raw.readFrame();
                    assertThat(frame.first()).as("%s", c).isEqualTo(0x88);
                    assertThat(frame.payload().length == 0 ? 1005 : frame.closeCode())
                            .as("%s", c)
                            .isEqualTo(close.code());
                }
            }
        }
    }

    private static void flush(ByteArrayOutputStream unsent, RawPeer raw) throws IOException {
        if (unsent.size() > 0) {
            byte[] bytes = unsent.toByteArray();
            unsent.reset();
            if (bytes.length < 50_000) {
                raw.write(bytes);
                return;
            }
            // The echo of the beginning may have to be read before the end can be written.
            Thread.ofVirtual()
                    .start(() -> {
                        try {
                            raw.write(bytes);
                        } catch (IOException e) {
                            // what is read tells
                        }
                    });
        }
    }

    /** A server that echoes, and tells of each connection how it ended. */
    private static final class Server implements AutoCloseable {
        private final WebSocketServer server = new WebSocketServer();
        private final AtomicBoolean stop = new AtomicBoolean();
        private Thread loop;

        Server(Api api, Options options, BlockingQueue<Integer> ends) throws IOException {
            server.setOptions(options);
            if (api == Api.BLOCKING) {
                server.start(0, peer -> ends.add(blocking(peer)));
                return;
            }
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void dataReceived(int id) {
                            WebSocketPeer peer = server.getPeer(id);
                            assertThat(peer.send(peer.takeMessage())).isEqualTo(ErrorCode.OK);
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            ends.add(server.getPeer(id).getCloseCode());
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            loop =
                    Thread.ofPlatform()
                            .start(() -> {
                                while (!stop.get()) {
                                    server.awaitActivity(Duration.ofSeconds(5));
                                    server.poll();
                                }
                            });
        }

        int port() {
            return server.getLocalPort();
        }

        @Override
        public void close() throws InterruptedException {
            stop.set(true);
            server.wakeup();
            if (loop != null) {
                loop.join();
            }
            server.close();
        }
    }

    private static int blocking(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
        while (peer.poll() == ErrorCode.OK && peer.getReadyState() != WebSocketPeer.State.CLOSED) {
            assertThat(peer.awaitActivity(Duration.ofSeconds(20))).isTrue();
        }
        return peer.getCloseCode();
    }

    // ---- our client ----

    @ParameterizedTest
    @MethodSource("families")
    void ourClient(int family, Api api) throws Exception {
        BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();
        try (var listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            listening.setSoTimeout(20_000);
            String url = "ws://127.0.0.1:" + listening.getLocalPort();
            for (Case c : ConformanceCases.family(family)) {
                Thread client =
                        Thread.ofVirtual()
                                .start(() ->
                                        ends.add(
                                                api == Api.BLOCKING
                                                        ? connected(url)
                                                        : polled(url)));
                try (RawPeer raw = new RawPeer(listening.accept())) {
                    raw.answer("");
                    play(c, raw, false);
                    raw.socket.shutdownOutput(); // a server ends TCP first
                    assertThat(raw.readEnd()).as("%s", c).isTrue();
                } catch (IOException e) {
                    throw new AssertionError(c.toString(), e);
                }
                assertThat(ends.poll(20, TimeUnit.SECONDS)).as("%s", c).isEqualTo(c.code());
                client.join();
            }
        }
        assertThat(ends).as("one end each").isEmpty();
    }

    private static int connected(String url) {
        try (var peer = WebSocketPeer.connect(url, OPTIONS)) {
            return blocking(peer);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int polled(String url) {
        try (var peer = new WebSocketPeer(OPTIONS)) {
            assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
            do {
                assertThat(peer.awaitActivity(Duration.ofSeconds(20))).isTrue();
                peer.poll();
                while (peer.getAvailablePacketCount() > 0) {
                    peer.send(peer.takeMessage());
                }
            } while (peer.getReadyState() != WebSocketPeer.State.CLOSED);
            return peer.getCloseCode();
        }
    }

    // ---- families 12 and 13: compression ----

    /** Each size twice, with every combination of parameters, in all directions of both. */
    @ParameterizedTest
    @CsvSource({"POLLED", "BLOCKING"})
    void compression(Api api) throws Exception {
        BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();
        Options options =
                OPTIONS.withCompression(
                        Compression.defaults().withContextTakeover(true, true).withThreshold(1));
        int cases = 0;
        try (var server = new Server(api, options, ends)) {
            for (int bits = 8; bits <= 16; bits++) { // 16: not said
                for (int flags = 0; flags < 4; flags++) {
                    boolean serverForgets = (flags & 1) != 0;
                    boolean clientForgets = (flags & 2) != 0;
                    String offer =
                            "permessage-deflate"
                                    + (serverForgets ? "; server_no_context_takeover" : "")
                                    + (clientForgets ? "; client_no_context_takeover" : "")
                                    + (bits < 16 ? "; server_max_window_bits=" + bits : "");
                    cases += compressed(server.port(), offer, serverForgets, clientForgets);
                    assertThat(ends.poll(20, TimeUnit.SECONDS)).isEqualTo(1000);
                }
            }
        }
        assertThat(cases).isEqualTo(COMPRESSED_CASES);
    }

    private static final int COMPRESSED_CASES = 9 * 4 * 11;

    private static int compressed(
            int port, String offer, boolean serverForgets, boolean clientForgets)
            throws IOException, DataFormatException {
        int cases = 0;
        var deflater = new Deflater(9, true);
        var inflater = new Inflater(true);
        try (RawPeer raw = RawPeer.connect(port)) {
            raw.write(RawPeer.request("Sec-WebSocket-Extensions: " + offer + "\r\n"));
            assertThat(raw.readHead()).contains("\r\nSec-WebSocket-Extensions: " + offer + "\r\n");
            for (int size :
                    new int[] {1, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072}) {
                byte[] data = RawPeer.ascii("{\"name\":\"value\",\"n\":" + size + "}");
                byte[] message = new byte[size];
                for (int i = 0; i < size; i++) {
                    message[i] = (byte) (data[i % data.length] + (i / 5_000) % 3);
                }
                for (int twice = 0; twice < 2; twice++) {
                    raw.write(RawPeer.masked(0xC2, deflated(deflater, message)));
                    RawPeer.Frame echo = raw.readFrame();
                    assertThat(echo.first()).as(offer).isIn(0x82, 0xC2);
                    byte[] back =
                            echo.first() == 0x82
                                    ? echo.payload()
                                    : inflated(inflater, echo.payload(), size);
                    assertThat(back).as("%s, %d bytes", offer, size).isEqualTo(message);
                    if (clientForgets) {
                        deflater.reset();
                    }
                    if (serverForgets) {
                        inflater.reset();
                    }
                }
                cases++;
            }
            raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
            assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
            assertThat(raw.readEnd()).isTrue();
        } finally {
            deflater.end();
            inflater.end();
        }
        return cases;
    }

    private static byte[] deflated(Deflater deflater, byte[] message) {
        byte[] out = new byte[message.length * 2 + 100];
        deflater.setInput(message);
        int n = deflater.deflate(out, 0, out.length, Deflater.SYNC_FLUSH);
        return Arrays.copyOf(out, n - 4);
    }

    private static byte[] inflated(Inflater inflater, byte[] packed, int size)
            throws DataFormatException {
        byte[] in = Arrays.copyOf(packed, packed.length + 4);
        in[in.length - 1] = (byte) 0xFF;
        in[in.length - 2] = (byte) 0xFF;
        byte[] out = new byte[size + 1];
        inflater.setInput(in);
        int n = 0;
        for (int got; (got = inflater.inflate(out, n, out.length - n)) > 0; ) {
            n += got;
        }
        return Arrays.copyOf(out, n);
    }
}
