package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The demo, over real sockets; the arena's loop and its players' take turns on one thread. */
@Tag("slow")
class ArenaTest {

    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final ArenaServer arena = new ArenaServer(1);
    private final List<Player> players = new ArrayList<>();
    private final List<ArenaBot> bots = new ArrayList<>();

    /** A client with a memory. */
    private final class Player {
        final WebSocketPeer peer = new WebSocketPeer();
        final List<String> texts = new ArrayList<>();
        ByteBuffer snapshot = ByteBuffer.allocate(ArenaWorld.HEADER_BYTES);

        Player() {
            assertThat(peer.connectToUrl("ws://127.0.0.1:" + arena.port() + "/arena"))
                    .isEqualTo(ErrorCode.OK);
            players.add(this);
        }

        Player(String name) {
            this();
            until(() -> peer.getReadyState() == State.OPEN);
            peer.sendText("join " + name);
            until(() -> texts.stream().anyMatch(text -> text.startsWith("player " + id())));
        }

        void poll() {
            peer.poll();
            for (Message m; (m = peer.takeMessage()) != null; ) {
                if (m.isText()) {
                    texts.add(m.text());
                } else {
                    snapshot = ByteBuffer.wrap(m.bytes()).order(ByteOrder.LITTLE_ENDIAN);
                }
            }
        }

        int id() {
            return Integer.parseInt(texts.get(0).split(" ")[1]);
        }

        boolean isClosed() {
            return peer.getReadyState() == State.CLOSED;
        }

        /** Where in the last snapshot somebody is, -1 if nowhere. */
        int offset(int id) {
            for (int i = 0; i < (snapshot.get(1) & 0xff); i++) {
                int at = ArenaWorld.HEADER_BYTES + i * ArenaWorld.PLAYER_BYTES;
                if (snapshot.getInt(at) == id) {
                    return at;
                }
            }
            return -1;
        }

        double distance(int id, double x, double y) {
            int at = offset(id);
            return at < 0
                    ? Double.MAX_VALUE
                    : Math.hypot(snapshot.getFloat(at + 4) - x, snapshot.getFloat(at + 8) - y);
        }

        void steer(int how, double x, double y) {
            peer.send(steering(how, x, y));
        }
    }

    private static byte[] steering(int how, double x, double y) {
        return ByteBuffer.allocate(9)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) how)
                .putFloat((float) x)
                .putFloat((float) y)
                .array();
    }

    private void until(BooleanSupplier condition) {
        await().atMost(PATIENCE)
                .pollInSameThread()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(3))
                .until(() -> {
                    arena.step();
                    bots.forEach(ArenaBot::step);
                    players.forEach(Player::poll);
                    return condition.getAsBoolean();
                });
    }

    @BeforeEach
    void listen() throws IOException {
        arena.listen("127.0.0.1", 0);
    }

    @AfterEach
    void leave() {
        players.forEach(player -> player.peer.close());
        bots.forEach(ArenaBot::close);
        arena.close();
        await().atMost(PATIENCE)
                .until(() -> {
                    players.forEach(Player::poll);
                    return players.stream().allMatch(Player::isClosed);
                });
    }

    private HttpResponse<String> get(String path) {
        try (var http = HttpClient.newHttpClient()) {
            CompletableFuture<HttpResponse<String>> answer =
                    http.sendAsync(
                            HttpRequest.newBuilder(
                                            URI.create("http://127.0.0.1:" + arena.port() + path))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            until(answer::isDone);
            return answer.join();
        }
    }

    @Test
    void pageAndScriptAreServed() {
        HttpResponse<String> page = get("/");
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Type")).contains("text/html; charset=utf-8");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
                .startsWith("default-src 'none'");
        assertThat(page.body())
                .contains("window.arena = {")
                .doesNotContain("innerHTML") // what others write is text, never markup
                .doesNotContainPattern("(?:src|href)=\"(?!data:)"); // needs nothing from elsewhere

        HttpResponse<String> script = get("/arena.gd");
        assertThat(script.statusCode()).isEqualTo(200);
        assertThat(script.headers().firstValue("Content-Type"))
                .contains("text/plain; charset=utf-8");
        assertThat(script.body()).contains("extends SceneTree");

        assertThat(get("/elsewhere").statusCode()).isEqualTo(404);
        assertThat(get("/arena").statusCode()).isEqualTo(426);
    }

    @Test
    void playersMeet() {
        var ada = new Player("Ada");
        var grace = new Player("  ada ");
        assertThat(ada.texts.get(0)).isEqualTo("welcome " + ada.id() + " 1400 1000 60");
        String introduction = "player " + ada.id() + " 165 Ada";
        assertThat(grace.texts).contains(introduction, "player " + grace.id() + " 302 ada 2");
        assertThat(arena.players()).isEqualTo(2);

        // each sees where the other goes, and who says what
        ada.steer(1, 200, 800);
        until(() -> grace.distance(ada.id(), 200, 800) < 30);
        grace.steer(2, 3, 0);
        until(() -> ada.offset(grace.id()) > 0);
        double y = ada.snapshot.getFloat(ada.offset(grace.id()) + 8);
        until(() ->
                ada.distance(grace.id(), 1380, y) < 150); // the wall; somebody may be in the way
        ada.peer.sendText("chat good evening");
        until(() -> grace.texts.contains("chat " + ada.id() + " good evening"));
        assertThat(ada.texts).contains("chat " + ada.id() + " good evening");
        grace.peer.sendText("join Grace");
        until(() -> ada.texts.contains("player " + grace.id() + " 302 Grace"));

        // the server has pinged both, and tells how long that took
        until(() -> grace.snapshot.getShort(grace.offset(ada.id()) + 22) != -1);
        int tick = grace.snapshot.getInt(4);
        until(() -> grace.snapshot.getInt(4) > tick);

        grace.peer.close(4001, "tea");
        until(() -> ada.texts.contains("left " + grace.id() + " 4001"));
        until(() -> ada.offset(grace.id()) < 0);
        assertThat(ada.offset(ada.id())).isPositive();

        arena.close();
        await().atMost(PATIENCE)
                .until(() -> {
                    ada.poll();
                    return ada.isClosed();
                });
        assertThat(ada.peer.getCloseCode()).isEqualTo(1001);
    }

    @Test
    void newcomersHearOfAllAndBotsPlay() {
        bots.add(new ArenaBot("ws://127.0.0.1:" + arena.port() + "/arena", ArenaBot.name(0), 5));
        until(() -> arena.players() == 1);
        var ada = new Player("Ada");
        assertThat(ada.texts.get(1)).endsWith(" 165 Penelope (bot)");
        int bot = Integer.parseInt(ada.texts.get(1).split(" ")[1]);
        until(() -> ada.offset(bot) > 0 && ada.snapshot.getShort(ada.offset(bot) + 20) > 2);
        until(() -> ada.texts.stream().anyMatch(text -> text.startsWith("chat " + bot)));
    }

    static List<Message> notOfTheArena() {
        return List.of(
                Message.text(""),
                Message.text("dance"),
                Message.text("JOIN me"),
                Message.text("\u0000"),
                Message.binary(new byte[0]),
                Message.binary(new byte[8]),
                Message.binary(new byte[10]),
                Message.binary(steering(0, 1, 1)),
                Message.binary(steering(3, 1, 1)),
                Message.binary(steering(-1, 1, 1)),
                Message.binary(steering(1, Double.NaN, 1)),
                Message.binary(steering(2, 1, Double.NEGATIVE_INFINITY)));
    }

    @ParameterizedTest
    @MethodSource("notOfTheArena")
    void nonsenseEndsItsSenderOnly(Message nonsense) {
        var ada = new Player("Ada");
        var eve = new Player("Eve");
        eve.peer.send(nonsense);
        until(eve::isClosed);
        assertThat(eve.peer.getCloseCode()).isEqualTo(1008);
        until(() -> ada.texts.contains("left " + eve.id() + " 1008"));
        assertUnharmed(ada);
    }

    private void assertUnharmed(Player player) {
        player.peer.sendText("chat still here");
        until(() -> player.texts.contains("chat " + player.id() + " still here"));
        player.steer(1, 700, 120);
        until(() -> player.distance(player.id(), 700, 120) < 40);
    }

    @Test
    void excessEndsItsSenderOnly() throws IOException {
        var ada = new Player("Ada");

        var large = new Player("large");
        large.peer.send(new byte[2000]);
        until(large::isClosed);
        assertThat(large.peer.getCloseCode()).isEqualTo(1009);

        // talking: five at once are fine, a few more are not sent on and noted once
        var mallory = new Player("Mallory");
        for (int i = 0; i < 20; i++) {
            mallory.peer.sendText("chat line " + i);
        }
        until(() -> mallory.texts.stream().anyMatch(text -> text.startsWith("note ")));
        mallory.steer(2, 0, 0);
        until(() -> mallory.offset(mallory.id()) > 0);
        assertThat(ada.texts.stream().filter(text -> text.contains(" line ")).count())
                .isBetween(4L, 8L);
        assertThat(mallory.texts.stream().filter(text -> text.startsWith("note "))).hasSize(1);

        // without end is another thing
        until(() -> {
            for (int i = 0; i < 50; i++) {
                mallory.peer.sendText("chat x");
                mallory.steer(2, 1, 0);
            }
            return mallory.isClosed();
        });
        assertThat(mallory.peer.getCloseCode()).isEqualTo(1008);

        // places far outside are places at the wall
        ada.steer(1, 1e30, -1e30);
        until(() -> ada.distance(ada.id(), 1380, 20) < 30);

        // no WebSocket at all
        for (String request : List.of("\u0001\u0002\u0003\r\n\r\n", "POST / HTTP/1.1\r\n\r\n")) {
            try (var socket = new Socket(InetAddress.getLoopbackAddress(), arena.port())) {
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
                var answer = CompletableFuture.supplyAsync(() -> statusLine(socket));
                until(answer::isDone);
                assertThat(answer.join()).startsWith("HTTP/1.1 4");
            }
        }
        assertUnharmed(ada);
    }

    private static String statusLine(Socket socket) {
        try {
            return new String(socket.getInputStream().readNBytes(12), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return e.toString();
        }
    }

    static List<Arguments> writtenAndShown() {
        return List.of(
                Arguments.of("Ada", "Ada"),
                Arguments.of("  Ada\t\n  Lovelace  ", "Ada Lovelace"),
                Arguments.of("<b>Ada</b>&amp;", "<b>Ada</b>&amp;"),
                Arguments.of("a\u0000b\u0007c\u001b[31md", "abc[31md"),
                Arguments.of("\u202eadA\u202c\u2066x", "adAx"),
                Arguments.of("A\u0301\u0302\u0303\u0304B", "A\u0301\u0302B"),
                Arguments.of("\u0301\u200d\u3164\u2800", ""),
                Arguments.of("   ", ""),
                Arguments.of(
                        "\ud83d\udc69\u200d\ud83d\udcbb ok", "\ud83d\udc69\u200d\ud83d\udcbb ok"),
                Arguments.of("abcdefghij klmnopqrst", "abcdefghij klmnopq"),
                Arguments.of("abcdefghijklmnopq rst", "abcdefghijklmnopq"),
                Arguments.of("\u2028one\u2029two", "one two"));
    }

    @ParameterizedTest
    @MethodSource("writtenAndShown")
    void textsShowWhatIsVisible(String text, String shown) {
        assertThat(ArenaServer.visible(text, 18)).isEqualTo(shown);
    }

    /** However they are steered, all stay within the walls, and points come from somewhere. */
    @ParameterizedTest
    @CsvSource({"1, 1", "2, 7", "3, 20"})
    void worldStaysWhole(long seed, int crowd) {
        var random = new Random(seed);
        var world = new ArenaWorld(seed);
        int[] rounds = {0};
        var referee =
                new ArenaWorld.Events() {
                    @Override
                    public void moonFell(List<ArenaWorld.Avatar> by) {
                        assertThat(by).allMatch(avatar -> avatar.score >= 5);
                    }

                    @Override
                    public void roundWon(ArenaWorld.Avatar by) {
                        rounds[0]++;
                        assertThat(world.avatars()).allMatch(avatar -> avatar.score == 0);
                    }
                };
        for (int i = 0; i < crowd; i++) {
            world.join(i);
        }
        for (int tick = 0; tick < 100_000 && rounds[0] == 0; tick++) {
            for (ArenaWorld.Avatar avatar : world.avatars()) {
                ArenaWorld.Body orb = world.orb(random.nextInt(ArenaWorld.ORBS));
                switch (random.nextInt(150)) {
                    case 0 -> avatar.head(random.nextGaussian() * 3, random.nextGaussian() * 3);
                    case 1 -> avatar.goTo(world.moon().x, world.moon().y);
                    case 2, 3, 4, 5 -> avatar.goTo(orb.x, orb.y);
                    default -> {}
                }
            }
            world.step(referee);
            for (ArenaWorld.Avatar avatar : world.avatars()) {
                assertWithin(avatar, ArenaWorld.AVATAR_RADIUS);
            }
            assertWithin(world.moon(), ArenaWorld.MOON_RADIUS);
            for (int i = 0; i < ArenaWorld.ORBS; i++) {
                assertWithin(world.orb(i), ArenaWorld.ORB_RADIUS);
            }
        }
        assertThat(rounds[0]).isOne();
    }

    private static void assertWithin(ArenaWorld.Body body, double radius) {
        if (!(body.x >= radius
                && body.x <= ArenaWorld.WIDTH - radius
                && body.y >= radius
                && body.y <= ArenaWorld.HEIGHT - radius
                && Math.hypot(body.vx, body.vy) < 5000)) {
            throw new AssertionError(body.x + ", " + body.y + ", " + body.vx + ", " + body.vy);
        }
    }

    @Test
    void moonInTheWellPaysThoseWhoPushedIt() {
        var world = new ArenaWorld(1);
        ArenaWorld.Avatar pusher = world.join(1);
        ArenaWorld.Avatar idler = world.join(2);
        var paid = new ArrayList<ArenaWorld.Avatar>();
        var referee =
                new ArenaWorld.Events() {
                    @Override
                    public void moonFell(List<ArenaWorld.Avatar> by) {
                        paid.addAll(by);
                    }

                    @Override
                    public void roundWon(ArenaWorld.Avatar by) {}
                };
        idler.x = world.well().x < 700 ? 1300 : 100; // out of the way
        idler.y = world.well().y < 500 ? 900 : 100;
        idler.goTo(idler.x, idler.y);
        world.moon().x = world.well().x + 110;
        world.moon().y = world.well().y;
        pusher.x = world.moon().x + 60;
        pusher.y = world.moon().y;
        double x = world.well().x;
        double y = world.well().y;
        for (int tick = 0; tick < 600 && paid.isEmpty(); tick++) {
            pusher.goTo(x, y);
            world.step(referee);
        }
        assertThat(paid).containsExactly(pusher);
        assertThat(pusher.score).isGreaterThanOrEqualTo(5);
        assertThat(world.moon().distance(700, 500)).isZero(); // a new one
    }

    // ---- the command ----

    private static int run(ByteArrayOutputStream out, String... args) {
        return ArenaServer.run(args, new PrintStream(out, true, StandardCharsets.UTF_8));
    }

    @Test
    void commandEndsByItself() {
        var out = new ByteArrayOutputStream();
        assertThat(run(out, "--port", "0", "--attached", "--bots", "1", "--seconds", "1")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .containsPattern("(?m)^arena: http://127\\.0\\.0\\.1:\\d+/$")
                .contains("Ctrl-C", "--host 0.0.0.0", "arena.gd");
    }

    @Test
    void commandSaysWhatIsWrong() throws IOException {
        var out = new ByteArrayOutputStream();
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThat(run(out, "--port", port)).isEqualTo(1);
            assertThat(out.toString(StandardCharsets.UTF_8))
                    .contains("cannot listen on port " + port, "--port N");
        }
        assertThat(run(out, "--host", "nowhere.invalid", "--port", "0")).isEqualTo(1);
        for (String[] args :
                List.of(
                        new String[] {"--port"},
                        new String[] {"--port", "x"},
                        new String[] {"--port", "65536"},
                        new String[] {"--bots", "-1"},
                        new String[] {"--dance", "1"})) {
            out.reset();
            assertThat(run(out, args)).isEqualTo(2);
            assertThat(out.toString(StandardCharsets.UTF_8)).contains("usage:");
        }
        assertThat(run(out, "--help")).isZero();
    }

    /** In a process of its own, as there a signal really comes. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there is no SIGTERM")
    void signalClosesAllAndExitsWithZero() throws Exception {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                ArenaServer.class.getName(),
                                "--port",
                                "0",
                                "--seconds",
                                "120")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            String url = lines.readLine().replace("arena: http:", "ws:");
            try (var ada = WebSocketPeer.connect(url + "arena")) {
                ada.sendText("join Ada");
                boolean joined = false;
                while (!joined) {
                    Message message = ada.receive(PATIENCE);
                    assertThat(message).isNotNull();
                    joined = message.isText() && message.text().endsWith(" Ada");
                }
                process.destroy(); // SIGTERM
                while (ada.receive(PATIENCE) != null) {
                    // snapshots that were on their way
                }
                assertThat(ada.getCloseCode()).isEqualTo(1001);
            }
            assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).isZero();
        } finally {
            process.destroyForcibly();
        }
    }
}
