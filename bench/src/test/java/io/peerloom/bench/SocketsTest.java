package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.bench.Sockets.Cell;
import io.peerloom.bench.Sockets.Settings;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** The harness measures echoes and nothing else; how fast they are is not asked here. */
class SocketsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /**
     * Every server in every mode that it can do, in one process. That a run came to its end says
     * that the first messages came back right and all came back, however slow the machine was.
     */
    @Test
    void everyServerEchoes(@TempDir Path folder) throws Exception {
        Path certificate = Certificate.make(folder);
        System.setProperty(Certificate.PROPERTY, certificate.toString());
        record Start(Entry<Servers.Start> server, Mode mode) {}
        List<Start> starts =
                Servers.ALL.stream()
                        .filter(Entry::runsHere)
                        .filter(server -> !server.name().endsWith("unsafe")) // the JVM's options
                        .flatMap(server ->
                                server.modes().stream().map(mode -> new Start(server, mode)))
                        .toList();
        List<String> arguments =
                starts.stream()
                        .flatMap(start -> Stream.of(start.server().name(), start.mode().name()))
                        .toList();
        try (var servers =
                new Child(Child.ANY_CORE, List.of(), certificate, "", Servers.class, arguments)) {
            for (Start start : starts) {
                int port = Integer.parseInt(servers.await(Subject.LISTENING, PATIENCE));
                for (Cell cell : List.of(new Cell(3, 1_024, 4), new Cell(2, 70_000, 2))) {
                    Plan plan =
                            new Plan(
                                    port,
                                    start.server().kind() == Entry.Kind.WEBSOCKET,
                                    start.mode(),
                                    cell.connections(),
                                    cell.payload(),
                                    cell.inFlight(),
                                    Duration.ZERO,
                                    Duration.ofMillis(20),
                                    0);
                    assertThat(LoadGenerator.run(plan, line -> {}).total())
                            .as("%s of %s", plan, start.server().name())
                            .isGreaterThanOrEqualTo((long) cell.connections() * cell.inFlight());
                }
            }
        } finally {
            System.clearProperty(Certificate.PROPERTY);
        }
    }

    /** As the command does it, in processes of their own. */
    @Test
    void aRunEndsWithAReport(@TempDir Path folder) throws Exception {
        Path out = folder.resolve("results").resolve("sockets.md");
        String[] arguments = {
            "--parts",
            "servers,clients,idle,broadcast",
            "--cells",
            "3x64x4",
            "--servers",
            "raw,peerloom-blocking",
            "--clients",
            "peerloom-blocking",
            "--crowd",
            "20",
            "--rounds",
            "1",
            "--seconds",
            "0.2",
            "--warmup",
            "0.1",
            "--out",
            out.toString()
        };
        assertThat(Sockets.run(Settings.parse(arguments))).isTrue();
        assertThat(Files.readString(out))
                .contains(
                        "| connections × payload × in flight | 3×64 B×4 |\n",
                        "\n| raw | ",
                        "\n| peerloom-blocking | ",
                        "\n## Clients",
                        "\n## Idle",
                        "\n## Broadcast",
                        "\n![servers](sockets-servers.svg)\n");
        assertThat(texts(out.resolveSibling("sockets-servers.svg")))
                .contains("3×64 B×4", "raw", "peerloom-blocking");
        assertThat(texts(out.resolveSibling("sockets-clients.svg"))).contains("peerloom-blocking");
    }

    /** Those of a picture, which must be well-formed. */
    private static List<String> texts(Path svg) throws Exception {
        var texts = new ArrayList<String>();
        NodeList nodes =
                DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(svg.toFile())
                        .getElementsByTagName("text");
        for (int i = 0; i < nodes.getLength(); i++) {
            texts.add(nodes.item(i).getTextContent());
        }
        return texts;
    }

    @Test
    void barsAreAsLongAsTheirValues() throws Exception {
        String svg =
                Plot.svg(
                        "a < b & c",
                        List.of(
                                new Plot.Panel(
                                        "one",
                                        List.of(
                                                new Plot.Bar("x", Plot.Kind.OURS, 200),
                                                new Plot.Bar("y", Plot.Kind.LIBRARY, 50),
                                                new Plot.Bar(
                                                        "z", Plot.Kind.CEILING, Double.NaN)))));
        Element root =
                DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(new InputSource(new StringReader(svg)))
                        .getDocumentElement();
        assertThat(root.getElementsByTagName("text").item(0).getTextContent())
                .isEqualTo("a < b & c");
        NodeList bars = root.getElementsByTagName("rect");
        assertThat(bars.getLength()).isEqualTo(1 + 3); // the first is the background
        double longest = width(bars, 1);
        assertThat(width(bars, 2)).isCloseTo(longest / 4, within(0.1));
        assertThat(width(bars, 3)).isZero();
    }

    private static double width(NodeList bars, int index) {
        return Double.parseDouble(((Element) bars.item(index)).getAttribute("width"));
    }

    /** In one process. What a client received is compared with what it sent. */
    @Test
    void everyClientReceivesWhatItSent() throws Exception {
        List<String> names =
                Clients.ALL.stream()
                        .filter(Entry::runsHere)
                        .map(Entry::name)
                        .filter(name -> !name.endsWith("unsafe")) // the JVM's options
                        .toList();
        try (var server =
                new Child(Child.ANY_CORE, List.of(), null, "", WireEcho.class, List.of())) {
            int port = Integer.parseInt(server.await(Subject.LISTENING, PATIENCE));
            Duration window = Duration.ofMillis(20);
            var plan = new Plan(port, true, Mode.PLAIN, 2, 70_000, 2, Duration.ZERO, window, 0);
            var arguments = new ArrayList<>(List.of(String.join(",", names)));
            arguments.addAll(plan.toArguments());
            try (var clients =
                    new Child(Child.ANY_CORE, List.of(), null, "", Clients.class, arguments)) {
                for (String name : names) {
                    Result result = Result.parse(clients.await(LoadGenerator.RESULT, PATIENCE));
                    assertThat(result.total()).as(name).isGreaterThanOrEqualTo(2);
                }
            }
        }
    }

    @Test
    void whatIsMeasuredIsSaidOnTheCommandLine() {
        String[] arguments = {
            "--parts",
            "poll,servers",
            "--cells",
            "50x64x16,1x16384x1xtls",
            "--servers",
            "raw,peerloom-poll",
            "--clients",
            "jdk",
            "--crowd",
            "7",
            "--rounds",
            "2",
            "--seconds",
            "0.5",
            "--warmup",
            "4",
            "--jvm",
            "-Xint -Da=b",
            "--before",
            "old",
            "--out",
            "x.md"
        };
        Entry<Servers.Start> poll = Entry.named("peerloom-poll", Servers.ALL);
        assertThat(Settings.parse(arguments))
                .isEqualTo(
                        new Settings(
                                EnumSet.of(Sockets.Part.SERVERS, Sockets.Part.POLL),
                                List.of(new Cell(50, 64, 16), new Cell(1, 16_384, 1, Mode.TLS)),
                                List.of(Servers.RAW, poll, poll.before("old")),
                                List.of(Entry.named("jdk", Clients.ALL)),
                                7,
                                2,
                                Duration.ofMillis(500),
                                Duration.ofSeconds(4),
                                List.of("-Xint", "-Da=b"),
                                Path.of("x.md")));
        assertThatThrownBy(() -> Settings.parse(new String[] {"--server", "raw"}))
                .hasMessageContaining("--server:");
        assertThatThrownBy(() -> Settings.parse(new String[] {"--cells", "50x64"}))
                .hasMessageContaining("50x64");
        assertThatThrownBy(() -> Settings.parse(new String[] {"--servers", "grizzly"}))
                .hasMessageContaining("grizzly");
    }

    @Test
    void theReportHoldsMediansAndWhatTheyAreComparedWith() {
        var cell = new Cell(50, 64, 1);
        var large = new Cell(8, 1_048_576, 1);
        Entry<Servers.Start> poll = Entry.named("peerloom-poll", Servers.ALL);
        Entry<Servers.Start> netty = Entry.named("netty-nio", Servers.ALL);
        var report =
                new SocketReport(
                        "Servers",
                        SocketReport.SERVER_TARGETS,
                        List.of(cell, large),
                        List.of(Servers.RAW, poll, netty));
        report.add(Servers.RAW, cell, counted(200_000, 2.0, 0.5, 0));
        report.add(Servers.RAW, cell, counted(400_000, 2.0, 1.0, 0));
        report.add(Servers.RAW, cell, counted(100_000, 2.0, 0.25, 0));
        report.add(poll, cell, counted(180_000, 2.0, 0.5, 3));
        report.add(poll, cell, counted(220_000, 2.0, 0.5, 0));
        report.addFailure(poll, cell);
        report.add(netty, cell, counted(160_000, 2.0, 0.5, 0));
        report.add(Servers.RAW, large, counted(4_000, 2.0, 0.5, 0));
        report.addFailure(poll, large);
        assertThat(report.toString())
                .isEqualTo(
                        """
                        ## Servers

                        Thousand messages per second, and beside `raw`, one virtual thread a socket; * where the other side's core was the one that was full:

                        | connections × payload × in flight | 50×64 B×1 | 8×1 MiB×1 |
                        |---|---:|---:|
                        | raw | 100 | 2.00 |
                        | peerloom-poll | 100 (1.00×) | failed |
                        | netty-nio | 80.0 (0.80×) | – |
                        | *must reach, beside raw* | *1.00×* | *0.85×* |
                        | *must reach, beside the best library* | *1.05×* | *1.40×* |
                        | peerloom-poll beside the best library | 1.25× | – |

                        ### 50×64 B×1

                        | | k msg/s | least to most | beside raw | CPU, µs per message | allocated, B per message | its core | the other side's core | starved | failed |
                        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
                        | raw | 100 | 50.0 to 200 |  | 2.50 | 100 | 25 % | 50 % | – | – |
                        | peerloom-poll | 100 | 90.0 to 110 | 1.00× | 2.53 | 100 | 25 % | 50 % | 3 connections | 1 times failed |
                        | netty-nio | 80.0 | 80.0 to 80.0 | 0.80× | 3.13 | 100 | 25 % | 50 % | – | – |

                        ### 8×1 MiB×1

                        | | k msg/s | least to most | beside raw | CPU, µs per message | allocated, B per message | its core | the other side's core | starved | failed |
                        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
                        | raw | 2.00 | 2.00 to 2.00 |  | 125 | 100 | 25 % | 50 % | – | – |
                        | peerloom-poll | failed | – |  | – | – | – | – | – | 1 times failed |
                        | netty-nio | – | – |  | – | – | – | – | – | – |
                        """);
    }

    private static Result counted(long messages, double seconds, double serverCpu, int starved) {
        return new Result(
                messages,
                Math.round(seconds * 1e9),
                Math.round(serverCpu * 1e9),
                Math.round(seconds * 0.5e9),
                starved,
                2 * messages,
                100 * messages);
    }

    // The load generator against servers that answer each message of 200 bytes in their own way

    /** RFC 6455 section 5.4: the frames of a message, with a control frame between them. */
    @Test
    void messagesAreCountedAndNotFrames() throws Exception {
        try (var server =
                new OddServer((payload, out) -> {
                    out.write(new byte[] {0x02, 2, payload[0], payload[1]});
                    out.write(new byte[] {(byte) 0x89, 1, 7});
                    out.write(new byte[] {0x00, 0});
                    out.write(new byte[] {(byte) 0x80, 126, 0}); // cut inside its length
                    out.write((byte) (payload.length - 2));
                    out.write(payload, 2, payload.length - 2);
                })) {
            Result result = LoadGenerator.run(plan(server.port(), true), line -> {});
            assertThat(result.total())
                    .isEqualTo(server.answered.get())
                    .isGreaterThanOrEqualTo(2 * 3);
        }
    }

    @Test
    void whatIsNotAnEchoIsNotCounted() throws Exception {
        assertRefused(
                "what came back is not what was sent",
                (payload, out) -> {
                    payload[150] ^= 1;
                    out.write(frame(0x82, payload));
                });
        assertRefused(
                "a message of 199 bytes came back",
                (payload, out) -> out.write(frame(0x82, Arrays.copyOf(payload, 199))));
        assertRefused(
                "a frame of 201 bytes came back",
                (payload, out) -> out.write(frame(0x82, Arrays.copyOf(payload, 201))));
        assertRefused( // text
                "a frame 0x817E came back", (payload, out) -> out.write(frame(0x81, payload)));
        assertRefused( // compressed, which was not agreed on
                "a frame 0xC27E came back", (payload, out) -> out.write(frame(0xC2, payload)));
        assertRefused( // masked
                "a frame 0x82FE came back",
                (payload, out) -> out.write(new byte[] {(byte) 0x82, (byte) 0xFE, 0, 0}));
        assertRefused( // a close frame
                "a frame 0x8800 came back",
                (payload, out) -> out.write(new byte[] {(byte) 0x88, 0}));
        assertRefused("the server closed after 0 messages", (payload, out) -> out.close());
    }

    @Test
    void bytesAreComparedToo() throws Exception {
        try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual()
                    .start(() -> {
                        try (Socket socket = server.accept()) {
                            byte[] some = socket.getInputStream().readNBytes(100);
                            some[99] ^= 1;
                            socket.getOutputStream().write(some);
                            socket.getInputStream().readAllBytes();
                        } catch (IOException e) {
                            // the client has seen enough
                        }
                    });
            assertThatThrownBy(
                            () -> LoadGenerator.run(plan(server.getLocalPort(), false), line -> {}))
                    .hasMessage("what came back is not what was sent");
        }
    }

    private static void assertRefused(String why, Answer answer) throws IOException {
        try (var server = new OddServer(answer)) {
            assertThatThrownBy(() -> LoadGenerator.run(plan(server.port(), true), line -> {}))
                    .isInstanceOf(IOException.class)
                    .hasMessage(why);
        }
    }

    private static Plan plan(int port, boolean webSocket) {
        return new Plan(
                port, webSocket, Mode.PLAIN, 2, 200, 3, Duration.ZERO, Duration.ofMillis(50), 0);
    }

    private static byte[] frame(int first, byte[] payload) {
        byte[] frame = new byte[4 + payload.length];
        frame[0] = (byte) first;
        frame[1] = 126;
        frame[3] = (byte) payload.length;
        System.arraycopy(payload, 0, frame, 4, payload.length);
        return frame;
    }

    private interface Answer {
        void write(byte[] payload, OutputStream out) throws IOException;
    }

    /** Shakes hands properly, and answers every message as it was told to. */
    private static final class OddServer implements AutoCloseable {
        private final ServerSocket server =
                new ServerSocket(0, 2, InetAddress.getLoopbackAddress());
        private final Answer answer;
        final AtomicLong answered = new AtomicLong();

        OddServer(Answer answer) throws IOException {
            this.answer = answer;
            Thread.ofVirtual().start(this::accept);
        }

        int port() {
            return server.getLocalPort();
        }

        private void accept() {
            try {
                while (true) {
                    Socket socket = server.accept();
                    Thread.ofVirtual().start(() -> serve(socket));
                }
            } catch (IOException e) {
                // closed: the test is over
            }
        }

        private void serve(Socket accepted) {
            try (Socket socket = accepted) {
                socket.setTcpNoDelay(true);
                var in = new DataInputStream(socket.getInputStream());
                OutputStream out = socket.getOutputStream();
                var head = new StringBuilder();
                while (head.indexOf("\r\n\r\n") < 0) {
                    head.append((char) in.readUnsignedByte());
                }
                String name = "Sec-WebSocket-Key: ";
                int key = head.indexOf(name) + name.length();
                String accept = LoadGenerator.accept(head.substring(key, head.indexOf("\r", key)));
                out.write(
                        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                        + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                                        + accept
                                        + "\r\n\r\n")
                                .getBytes(ISO_8859_1));
                while (in.readUnsignedByte() == 0x82) {
                    assertThat(in.readUnsignedByte()).isEqualTo(0xFE); // masked, with 16 bits
                    byte[] payload = new byte[in.readUnsignedShort()];
                    byte[] mask = in.readNBytes(4);
                    in.readFully(payload);
                    for (int i = 0; i < payload.length; i++) {
                        payload[i] ^= mask[i & 3];
                    }
                    answered.incrementAndGet();
                    answer.write(payload, out);
                }
            } catch (IOException e) {
                // the client has seen enough
            }
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }
}
