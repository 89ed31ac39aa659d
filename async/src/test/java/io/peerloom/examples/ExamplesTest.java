package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketServer;
import io.peerloom.packet.PacketPeerStream;
import io.peerloom.stream.StreamPeerBuffer;
import io.peerloom.stream.UDSServer;
import io.peerloom.testing.Certificates;
import io.peerloom.variant.Variant;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples do what they say: each is run, with another one on the other side. */
@Timeout(120)
class ExamplesTest {

    // ---- the sketches ----

    /** A world that keeps what it was told and ends when its only player has left. */
    private static final class Arena implements GameServer.World {
        final CompletableFuture<Integer> port = new CompletableFuture<>();
        final List<String> told = Collections.synchronizedList(new ArrayList<>());
        private final HashSet<Integer> players = new HashSet<>();
        private boolean left;

        @Override
        public boolean running() {
            return !left;
        }

        @Override
        public void tick() {
            Thread.yield();
        }

        @Override
        public byte[] snapshot() {
            return new byte[] {(byte) players.size()};
        }

        @Override
        public void join(int player) {
            told.add("joined");
            players.add(player);
        }

        @Override
        public void apply(int player, byte[] input) {
            assertThat(players).contains(player);
            told.add(new String(input, StandardCharsets.UTF_8));
        }

        @Override
        public void leave(int player) {
            players.remove(player);
            told.add("left");
            left = true;
        }

        @Override
        public void open(int localPort) {
            port.complete(localPort);
        }
    }

    @Test
    void aGameClientPlaysWithAGameServer() throws Exception {
        var arena = new Arena();
        Thread server = Thread.ofPlatform().start(() -> GameServer.serve(0, arena));
        var seen = new ArrayList<Integer>();
        GameClient.play(
                "ws://127.0.0.1:" + arena.port.join() + "/arena",
                new GameClient.Game() {
                    private int inputs;

                    @Override
                    public boolean running() {
                        return seen.size() < 3;
                    }

                    @Override
                    public void tick() {
                        Thread.yield();
                    }

                    @Override
                    public String input() {
                        return "input " + inputs++;
                    }

                    @Override
                    public void apply(byte[] packet, boolean text) {
                        assertThat(text).isFalse();
                        seen.add((int) packet[0]);
                    }

                    @Override
                    public void left(int code, String reason, Optional<Throwable> failure) {
                        throw new AssertionError(code + " " + failure);
                    }
                });
        server.join();
        assertThat(seen).containsOnly(1);
        assertThat(arena.told.getFirst()).isEqualTo("joined");
        assertThat(arena.told.getLast()).isEqualTo("left");
        for (int i = 1; i < arena.told.size() - 1; i++) {
            assertThat(arena.told.get(i)).isEqualTo("input " + (i - 1));
        }
    }

    @Test
    void aGameClientHearsThatThereIsNoServer() throws Exception {
        var why = new ArrayList<Throwable>();
        for (String url : List.of("ws://127.0.0.1:" + unusedPort() + "/", "no URL")) {
            var left = new AtomicInteger();
            GameClient.play(
                    url,
                    new GameClient.Game() {
                        @Override
                        public boolean running() {
                            return left.get() == 0;
                        }

                        @Override
                        public void tick() {
                            Thread.yield();
                        }

                        @Override
                        public String input() {
                            throw new AssertionError("never open");
                        }

                        @Override
                        public void apply(byte[] packet, boolean text) {
                            throw new AssertionError("never open");
                        }

                        @Override
                        public void left(int code, String reason, Optional<Throwable> failure) {
                            why.add(failure.orElseThrow());
                            left.incrementAndGet();
                        }
                    });
        }
        assertThat(why.get(0)).isInstanceOf(IOException.class);
        assertThat(why.get(1)).isInstanceOf(IllegalArgumentException.class);
    }

    private static int unusedPort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    void aQuestionIsAnsweredThroughFutures() throws Exception {
        try (var server = BlockingServer.echo(0)) {
            String url = "ws://127.0.0.1:" + server.getLocalPort() + "/feed";
            assertThat(FuturesClient.ask(url, "Bearer 1", "what?").join()).isEqualTo("what?");
        }
        try (var server =
                AsyncWebSocketServer.serve(
                        0,
                        peer ->
                                peer.receive()
                                        .thenCompose(m ->
                                                peer.sendText(
                                                        peer.getUpgradeRequest()
                                                                .orElseThrow()
                                                                .header("Authorization")
                                                                .orElse("none"))))) {
            String url = "ws://127.0.0.1:" + server.getLocalPort() + "/feed";
            assertThat(FuturesClient.ask(url, "Bearer 2", "who?").join()).isEqualTo("Bearer 2");
        }
        int unused = unusedPort();
        assertThatThrownBy(() -> FuturesClient.ask("ws://127.0.0.1:" + unused, "", "").join())
                .isInstanceOf(CompletionException.class)
                .hasRootCauseInstanceOf(IOException.class);
    }

    @Test
    void aGameAsksForItsScoreOverAStream(@TempDir Path folder) {
        Path socket = folder.resolve("game.sock");
        try (var server = new UDSServer()) {
            assertThat(server.listen(socket)).isEqualTo(ErrorCode.OK);
            Thread.startVirtualThread(() -> {
                assertThat(server.awaitConnection(java.time.Duration.ofMinutes(1))).isTrue();
                try (var stream = server.takeConnection()) {
                    stream.put32(stream.getUtf8String().length() * 100);
                }
            });
            assertThat(StreamGame.score(socket, "Zoë", Thread::yield)).hasValue(300);
        }
        assertThat(StreamGame.score(socket, "Zoë", Thread::yield)).isEqualTo(OptionalInt.empty());
    }

    /** The bytes that Godot 4 sends for {"move": Vector3(1, 2, 3)}, a text, and true. */
    @Test
    void valuesOfGodot() {
        var stream = new StreamPeerBuffer();
        stream.setDataArray(
                HexFormat.of()
                        .parseHex(
                                "240000001b00000001000000"
                                        + "04000000040000006d6f7665090000000000803f0000004000004040"
                                        + "0c000000040000000200000068690000"
                                        + "080000000100000001000000"));
        int orders = stream.getSize();
        var seen = new ArrayList<String>();
        VariantGame.round(
                new PacketPeerStream(stream),
                new VariantGame.World() {
                    @Override
                    public void move(double x, double y, double z) {
                        seen.add("move " + x + " " + y + " " + z);
                    }

                    @Override
                    public void say(String line) {
                        seen.add("say " + line);
                    }

                    @Override
                    public void ignored(Variant order) {
                        seen.add("ignored " + order);
                    }

                    @Override
                    public List<String> players() {
                        return List.of("Zoë", "Bo");
                    }
                });
        assertThat(seen).containsExactly("move 1.0 2.0 3.0", "say hi", "ignored true");
        stream.seek(orders);
        assertThat(stream.getVar()).hasToString("{\"players\": [\"Zoë\", \"Bo\"]}");
    }

    // ---- the echo programs ----

    private static String run(String... args) throws IOException {
        return type("", args);
    }

    private static String type(String input, String... args) throws IOException {
        var out = new ByteArrayOutputStream();
        int result =
                EchoClient.run(
                        new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        args);
        return result + " " + out.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource({
        "blocking, blocking", "blocking, poll", "blocking, async",
        "poll, blocking", "poll, poll", "poll, async",
        "async, blocking", "async, poll", "async, async"
    })
    void everyServerEchoesEveryClient(String server, String client) throws Exception {
        try (var echo = new EchoServer("--api", server)) {
            String url = "ws://" + echo.address() + "/";
            assertThat(type("one\ntwö\n\n", "--url", url, "--api", client))
                    .isEqualTo("0 one\ntwö\n\n");
            assertThat(
                            run(
                                    "--url",
                                    url,
                                    "--api",
                                    client,
                                    "--count",
                                    "500",
                                    "--connections",
                                    "20",
                                    "--pipeline",
                                    "16"))
                    .startsWith("0 10000 messages of 64 bytes came back");
            assertThat(run("--url", url, "--api", client, "--count", "4", "--size", "1000000"))
                    .startsWith("0 4 messages");
            assertThat(run("--url", url, "--api", client, "--count", "2", "--size", "0"))
                    .startsWith("0 2 messages");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    void theyMeetAtAUnixSocketToo(String api, @TempDir Path folder) throws Exception {
        String path = folder.resolve("echo.sock").toString();
        try (var echo = new EchoServer("--uds", path, "--api", api)) {
            assertThat(echo.address()).isEqualTo(path);
            assertThat(echo.port()).isZero();
            assertThat(
                            run(
                                    "--url",
                                    "ws://localhost/",
                                    "--uds",
                                    path,
                                    "--api",
                                    api,
                                    "--count",
                                    "1000",
                                    "--pipeline",
                                    "16"))
                    .startsWith("0 1000 messages");
        }
        assertThat(Files.exists(Path.of(path))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    void largerMessagesAreAskedFor(String api) throws Exception {
        String[] client = {"--api", api, "--count", "2", "--size", "3000000", "--url"};
        try (var echo = new EchoServer("--api", api)) {
            assertThat(run(with(client, "ws://" + echo.address()))).startsWith("1 ");
        }
        try (var echo = new EchoServer("--api", api, "--max-message", "3000000")) {
            String url = "ws://" + echo.address();
            assertThat(run(with(client, url, "--max-message", "3000000"))).startsWith("0 2 ");
        }
    }

    private static String[] with(String[] some, String... more) {
        var all = new ArrayList<>(List.of(some));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    /**
     * A client that sends for a long time before it reads: the server has to stop reading, and then
     * has all of it to send. Nothing may be lost, in whichever way it is written.
     */
    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    void aClientThatDoesNotReadGetsItsEchoesLater(String api) throws Exception {
        int count = 600;
        byte[] payload = new byte[64 * 1024]; // far more in all than any system buffers
        var sent = new AtomicInteger();
        try (var echo = new EchoServer("--api", api)) {
            WebSocketPeer peer = WebSocketPeer.connect("ws://" + echo.address());
            Thread sender =
                    Thread.startVirtualThread(() -> {
                        for (int i = 0; i < count; i++) {
                            byte[] data = payload.clone();
                            data[0] = (byte) i;
                            assertThat(peer.send(Message.binary(data))).isEqualTo(ErrorCode.OK);
                            sent.incrementAndGet();
                        }
                    });
            // it comes to a halt: the same number twice, and not all
            var last = new AtomicInteger(-1);
            await().pollInterval(java.time.Duration.ofMillis(200))
                    .until(() -> last.getAndSet(sent.get()) == sent.get());
            assertThat(sent.get()).isLessThan(count);
            Thread receiver =
                    Thread.startVirtualThread(() -> {
                        for (int i = 0; i < count; i++) {
                            Message message = peer.receive();
                            assertThat(message.size()).isEqualTo(payload.length);
                            assertThat(message.bytes()[0]).isEqualTo((byte) i);
                        }
                        peer.close();
                    });
            sender.join();
            receiver.join();
            assertThat(sent.get()).isEqualTo(count);
            assertThat(peer.receive()).isNull();
            assertThat(peer.getCloseCode()).isEqualTo(1000);
        }
    }

    @Test
    void argumentsThatAreNoneAreRefused() {
        List<String[]> bad =
                List.of(
                        new String[] {"--port"},
                        new String[] {"--port", "x"},
                        new String[] {"--port", "65536"},
                        new String[] {"--port", "1", "--port", "2"},
                        new String[] {"--api", "none"},
                        new String[] {"--max-message", "0"},
                        new String[] {"--uds", "a", "--port", "1"},
                        new String[] {"--what", "1"},
                        new String[] {"port", "1"});
        for (String[] args : bad) {
            assertThatIllegalArgumentException().isThrownBy(() -> new EchoServer(args).close());
        }
        assertThatIllegalArgumentException().isThrownBy(() -> run("--count", "1"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> run("--url", "ws://x", "--size", "-1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    @Tag("slow")
    void theyCompressAndEncrypt(String api, @TempDir Path folder) throws Exception {
        String own = Certificates.save(folder.resolve("own"), Certificates.GOOD).toString();
        String trusted = Certificates.save(folder.resolve("trusted"), null).toString();
        String password = Certificates.PASSWORD;
        try (var echo =
                new EchoServer("--api", api, "--tls", own, password, "--deflate", "--port", "0")) {
            String url = "wss://" + echo.address() + "/";
            for (String store : List.of(trusted, own)) {
                assertThat(
                                run(
                                        "--url",
                                        url,
                                        "--api",
                                        api,
                                        "--count",
                                        "50",
                                        "--size",
                                        "5000",
                                        "--deflate",
                                        "--tls",
                                        store,
                                        password))
                        .startsWith("0 50 messages of 5000 bytes");
            }
            assertThatThrownBy(() -> run("--url", url, "--api", api, "--count", "1"))
                    .isInstanceOf(IOException.class);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new EchoServer("--tls", own).close())
                .withMessage("--tls needs a value");
        assertThatThrownBy(() -> new EchoServer("--tls", own, "wrong").close())
                .isInstanceOf(IOException.class);
    }

    /** The protocol of the Autobahn Testsuite's server, with cases that end in several ways. */
    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    void theClientRunsTheCasesOfASuite(String api) throws Exception {
        var asked = new ConcurrentLinkedQueue<String>();
        var echoed = new ConcurrentLinkedQueue<Message>();
        try (var suite =
                WebSocketServer.serve(
                        0,
                        peer -> {
                            String path = peer.getUpgradeRequest().orElseThrow().target();
                            asked.add(path);
                            switch (path) {
                                case "/n" -> peer.sendText("3");
                                case "/c?n=1&me=a+b" -> {
                                    for (var m : List.of("one", "two")) {
                                        peer.sendText(m);
                                        echoed.add(peer.receive());
                                    }
                                    peer.send(new byte[70_000]);
                                    echoed.add(peer.receive());
                                }
                                case "/c?n=2&me=a+b" -> {
                                    peer.sendText("three"); // so that it is seen to be open
                                    echoed.add(peer.receive());
                                    peer.abort();
                                }
                                default -> {}
                            }
                        })) {
            assertThat(
                            run(
                                    "--url",
                                    "ws://127.0.0.1:" + suite.getLocalPort(),
                                    "--api",
                                    api,
                                    "--agent",
                                    "a b",
                                    "--count-path",
                                    "/n",
                                    "--case-path",
                                    "/c?n=%d&me=%s",
                                    "--done-path",
                                    "/done"))
                    .isEqualTo("0 3 cases were run, 0 did not open\n");
        }
        assertThat(asked)
                .containsExactly("/n", "/c?n=1&me=a+b", "/c?n=2&me=a+b", "/c?n=3&me=a+b", "/done");
        assertThat(echoed)
                .containsExactly(
                        Message.text("one"),
                        Message.text("two"),
                        Message.binary(new byte[70_000]),
                        Message.text("three"));
    }

    @Test
    void aClientWithoutAServerCannotConnect() throws Exception {
        int unused = unusedPort();
        for (String api : List.of("blocking", "poll", "async")) {
            assertThatThrownBy(() ->
                            run("--url", "ws://127.0.0.1:" + unused, "--api", api, "--count", "1"))
                    .isInstanceOf(IOException.class);
        }
    }

    // ---- as programs ----

    private static Process program(Class<?> main, String... args) throws IOException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-cp");
        // what the tests run with; the launcher of the tests may hide it behind a jar of its own
        command.add(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")));
        command.add(main.getName());
        command.addAll(List.of(args));
        return new ProcessBuilder(command).start();
    }

    private static String all(InputStream in) {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"blocking", "poll", "async"})
    @Tag("slow")
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there is no SIGTERM")
    void aServerThatIsToldToEndSaysGoodbyeAndExitsWithZero(String api) throws Exception {
        Process server = program(EchoServer.class, "--api", api);
        try {
            BufferedReader out = server.inputReader();
            String line = out.readLine();
            assertThat(line).matches("listening on 127\\.0\\.0\\.1:\\d+");
            String url = "ws://" + line.substring("listening on ".length()) + "/";
            try (var peer = WebSocketPeer.connect(url)) {
                peer.sendText("hello");
                assertThat(peer.receive()).isEqualTo(Message.text("hello"));
                server.toHandle().destroy(); // SIGTERM
                assertThat(peer.receive()).isNull();
                assertThat(peer.getCloseCode()).isEqualTo(1001);
            }
            assertThat(server.waitFor()).isZero();
            assertThat(out.readLine()).isNull(); // exactly one line
        } finally {
            server.destroyForcibly();
        }
    }

    @Test
    void theClientIsAProgramToo() throws Exception {
        try (var echo = new EchoServer()) {
            Process client =
                    program(EchoClient.class, "--url", "ws://" + echo.address(), "--count", "10");
            assertThat(all(client.getInputStream())).startsWith("10 messages of 64 bytes");
            assertThat(client.waitFor()).isZero();
        }
    }

    @Test
    void badArgumentsExitWithTwoAndUsage() throws Exception {
        for (Class<?> main : List.of(EchoServer.class, EchoClient.class)) {
            Process process = program(main, "--bogus", "1");
            assertThat(all(process.getErrorStream()))
                    .startsWith("unknown argument: --bogus")
                    .contains("usage: " + main.getSimpleName());
            assertThat(process.waitFor()).isEqualTo(2);
        }
    }
}
