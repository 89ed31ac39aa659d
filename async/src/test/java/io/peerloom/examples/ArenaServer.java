package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeRequest;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A small shared arena for browsers, Godot 4 and Java: a game loop at 60 Hz on one platform thread,
 * which never does more for the network than {@link WebSocketServer#poll} and {@link
 * WebSocketServer#broadcast}. It serves its page at {@code /}, a client for Godot 4 at {@code
 * /arena.gd} and the WebSocket at {@code /arena}.
 *
 * <p><b>Binary messages</b> are little-endian: {@code PackedByteArray.decode_float} and the like in
 * Godot, a {@code DataView} in a browser, a {@link ByteBuffer} here. Places are in units, speeds in
 * units a second, the world is 1400 by 1000 with (0, 0) at its top left.
 *
 * <table>
 * <caption>a snapshot, from the server 60 times a second: all that moves</caption>
 * <tr><th>offset</th><th>type</th><th>what</th></tr>
 * <tr><td>0</td><td>u8</td><td>1</td></tr>
 * <tr><td>1</td><td>u8</td><td>number of players, <i>p</i></td></tr>
 * <tr><td>2</td><td>u8</td><td>number of orbs, <i>o</i></td></tr>
 * <tr><td>3</td><td>u8</td><td>0</td></tr>
 * <tr><td>4</td><td>u32</td><td>tick: counts the steps since the server began</td></tr>
 * <tr><td>8</td><td>f32 f32</td><td>the moon's centre; its radius is 44</td></tr>
 * <tr><td>16</td><td>f32 f32</td><td>the well's centre; its radius is 64</td></tr>
 * <tr><td>24</td><td><i>p</i> times 24</td><td>u32 id, f32 x, f32 y, f32 speed x, f32 speed y, u16
 *     score, u16 round-trip time in tenths of a millisecond, 65535 if not known; radius 20</td></tr>
 * <tr><td>24 + 24<i>p</i></td><td><i>o</i> times 8</td><td>f32 x, f32 y; radius 8. An orb that is
 *     far from where it was has been taken, and is a new one</td></tr>
 * </table>
 *
 * <table>
 * <caption>steering, from a client, 9 bytes, at most 90 a second</caption>
 * <tr><th>offset</th><th>type</th><th>what</th></tr>
 * <tr><td>0</td><td>u8</td><td>1: go to a place; 2: go into a direction</td></tr>
 * <tr><td>1</td><td>f32 f32</td><td>the place; or the direction, (0, 0) to stop</td></tr>
 * </table>
 *
 * <p><b>Text messages</b> are a word, its arguments, and a space between each; the last argument
 * goes on to the end. From a client:
 *
 * <ul>
 *   <li>{@code join NAME} puts an avatar into the world; later, it changes the name.
 *   <li>{@code chat TEXT} says something to all.
 * </ul>
 *
 * From the server:
 *
 * <ul>
 *   <li>{@code welcome ID WIDTH HEIGHT TICKS}: the first message; the client's own id, the size of
 *       the world, and how many ticks a second has.
 *   <li>{@code player ID HUE NAME}: somebody is there, or has another name; the hue is in degrees.
 *   <li>{@code left ID CODE}: somebody is gone, with that close code.
 *   <li>{@code chat ID TEXT}: somebody said something.
 *   <li>{@code fell ID...}: the moon fell into the well, and these get five points each.
 *   <li>{@code won ID}: the round is over, and the scores are zero.
 *   <li>{@code note TEXT}: a remark to this client alone.
 * </ul>
 *
 * <p><b>Nobody can hurt it.</b> Messages are at most 1 KiB; what is no message of the above ends
 * its sender's connection, and so does talking without end (1008). Names and texts lose what is not
 * visible and are short. Who takes the snapshots too slowly is dropped (4008), who does not join in
 * half a minute too (4000).
 */
public final class ArenaServer implements AutoCloseable {

    private static final int MOST_PLAYERS = 64;
    private static final int MOST_NAME = 18;
    private static final int MOST_CHAT = 200;
    private static final int TPS = ArenaWorld.TICKS_PER_SECOND;
    private static final long TICK = TimeUnit.SECONDS.toNanos(1) / TPS;
    private static final long JOIN_TICKS = 30 * TPS;

    /** After so many messages too many the patience is over. */
    private static final int PATIENCE = 400;

    private static final String USAGE =
            """
            usage: ArenaServer [--port N] [--host ADDRESS] [--bots N] [--seconds N] [--attached]
              --port N        the port to listen on; 0 lets the system choose (8080)
              --host ADDRESS  the address to listen on; 0.0.0.0 opens it to the network (127.0.0.1)
              --bots N        how many players to bring along, 0 to 16 (2)
              --seconds N     end after so many seconds (68 years)
              --attached      end when the process that started it has ended\
            """;

    /** So many a second, and so many at once. It counts ticks and needs no clock. */
    private static final class Allowance {
        private final double perTick;
        private final double most;
        private double left;
        private long seen;

        Allowance(double perSecond, double most, long now) {
            this.perTick = perSecond / TPS;
            this.most = most;
            this.left = most;
            this.seen = now;
        }

        boolean take(long now) {
            left = Math.min(most, left + (now - seen) * perTick);
            seen = now;
            if (left < 1) {
                return false;
            }
            left--;
            return true;
        }
    }

    /** A connection that is open. */
    private final class Client {
        final int id;
        final WebSocketPeer peer;
        final long since = world.tick();
        final Allowance steering = new Allowance(90, 180, since);
        final Allowance talking = new Allowance(1, 5, since);

        /** Null until it has joined. */
        ArenaWorld.Avatar avatar;

        int hue;
        String name = "";
        int patience = PATIENCE;
        boolean warned;

        /** Nothing it still sends counts. */
        boolean expelled;

        Client(int id, WebSocketPeer peer) {
            this.id = id;
            this.peer = peer;
        }

        String introduction() {
            return "player " + id + ' ' + hue + ' ' + name;
        }

        void expel(int code, String reason) {
            expelled = true;
            server.disconnectPeer(id, code, reason);
        }
    }

    private final WebSocketServer server = new WebSocketServer();
    private final ArenaWorld world;
    private final Map<Integer, Client> clients = new LinkedHashMap<>();
    private final List<ArenaBot> bots = new ArrayList<>();
    private final Allowance arrivals;
    private final String page = resource("arena.html");
    private final String script = resource("arena.gd");
    private int joined;

    /** The loop's thread while it runs, for {@link #stop}. */
    private volatile Thread loop;

    private volatile boolean stopped;

    /**
     * An arena that does not listen yet.
     *
     * @param seed of all that is random in it
     */
    public ArenaServer(long seed) {
        world = new ArenaWorld(seed);
        arrivals = new Allowance(40, 120, 0);
        server.setOptions(
                WebSocketOptions.defaults()
                        .withLimits(
                                Limits.defaults()
                                        .withMaxMessageBytes(1024)
                                        .withInboundBytes(16 * 1024)
                                        .withInboundMessages(128)
                                        .withOutboundBytes(512 * 1024)
                                        .withOutboundMessages(1024)
                                        .withCloseTimeout(Duration.ofSeconds(1))
                                        .withHeartbeatInterval(Duration.ofSeconds(10))
                                        .withHeartbeatTimeout(Duration.ofSeconds(10))));
        server.setMaxConnections(4 * MOST_PLAYERS);
        server.setMaxPendingHandshakes(MOST_PLAYERS);
        server.setUpgradeHandler(this::answer);
        server.setListener(
                new WebSocketServer.Listener() {
                    @Override
                    public void clientConnected(int id, String protocol) {
                        welcome(new Client(id, server.getPeer(id)));
                    }

                    @Override
                    public void dataReceived(int id) {
                        Client client = clients.get(id);
                        Message message = client.peer.takeMessage();
                        if (!client.expelled) {
                            received(client, message);
                        }
                    }

                    @Override
                    public void clientDisconnected(int id, boolean wasCleanClose) {
                        gone(clients.remove(id));
                    }
                });
    }

    private static String resource(String name) {
        try (InputStream in = ArenaServer.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- the loop ----

    /**
     * Begins to listen.
     *
     * @param host an address of this machine; {@code 0.0.0.0} for all
     * @param port 0 lets the system choose
     * @throws IOException if the system refuses
     */
    public void listen(String host, int port) throws IOException {
        server.setBindIp(host.equals("localhost") ? "127.0.0.1" : host);
        if (server.listen(port) != ErrorCode.OK) {
            throw new IOException(server.getFailure().orElseThrow());
        }
    }

    /** {@return the port that is listened on} */
    public int port() {
        return server.getLocalPort();
    }

    /** {@return how many have joined} */
    public int players() {
        return world.avatars().size();
    }

    /**
     * Brings a bot along, which lives on this loop.
     *
     * @param bot not connected to anything else
     */
    public void add(ArenaBot bot) {
        bots.add(bot);
    }

    /** One round of the loop: hear, move, tell. Never blocks. */
    public void step() {
        server.poll();
        world.step(referee);
        server.broadcast(world.snapshot());
        for (Client client : clients.values()) {
            if ((client.id + world.tick()) % TPS == 0) { // not all in the same tick
                examine(client);
            }
        }
        bots.forEach(ArenaBot::step);
    }

    /**
     * Runs the loop until {@link #stop}, on this thread and no other.
     *
     * @param goesOn asked before every round
     */
    public void run(BooleanSupplier goesOn) {
        loop = Thread.currentThread();
        long due = System.nanoTime();
        while (!stopped && goesOn.getAsBoolean()) {
            step();
            due += TICK;
            long early = due - System.nanoTime();
            if (early < -15 * TICK) {
                due -= early; // the machine stood still: go on from here, do not hurry after it
            }
            while ((early = due - System.nanoTime()) > 0 && !stopped) {
                LockSupport.parkNanos(early);
            }
        }
    }

    /** Ends {@link #run}. Any thread. */
    public void stop() {
        stopped = true;
        LockSupport.unpark(loop);
    }

    /** Says good-bye to all with code 1001 and waits a moment for their answers. */
    @Override
    public void close() {
        server.stop();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1200);
        boolean open = true;
        while (open && System.nanoTime() < end) {
            open = false;
            for (Client client : clients.values()) {
                client.peer.poll();
                while (client.peer.takeMessage() != null) {
                    // the end is seen after what came before it
                }
                open |= client.peer.getReadyState() != WebSocketPeer.State.CLOSED;
            }
            LockSupport.parkNanos(TICK / 4);
        }
        bots.forEach(ArenaBot::close);
    }

    // ---- the clients ----

    private UpgradeResponse answer(UpgradeRequest request) {
        if (request.isUpgrade()) {
            if (!request.path().equals("/arena")) {
                return UpgradeResponse.refuse(404);
            }
            if (!arrivals.take(world.tick())) {
                return UpgradeResponse.refuse(429);
            }
            return clients.size() < 2 * MOST_PLAYERS
                    ? UpgradeResponse.accept()
                    : UpgradeResponse.refuse(503);
        }
        return switch (request.path()) {
            case "/" ->
                    UpgradeResponse.page(page)
                            .withHeader(
                                    "Content-Security-Policy",
                                    "default-src 'none'; script-src 'unsafe-inline'; style-src"
                                            + " 'unsafe-inline'; img-src data:; connect-src 'self';"
                                            + " base-uri 'none'; form-action 'none';"
                                            + " frame-ancestors 'none'")
                            .withHeader("X-Content-Type-Options", "nosniff")
                            .withHeader("Referrer-Policy", "no-referrer")
                            .withHeader("Cache-Control", "no-store");
            case "/arena.gd" -> plain(200, script);
            case "/arena" -> UpgradeResponse.accept(); // 426: connect with ws://
            default -> plain(404, "There is nothing here; the arena is at /\n");
        };
    }

    private static UpgradeResponse plain(int status, String text) {
        return UpgradeResponse.respond(
                        status, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8))
                .withHeader("X-Content-Type-Options", "nosniff");
    }

    private void welcome(Client client) {
        clients.put(client.id, client);
        client.peer.sendText(
                "welcome %d %d %d %d"
                        .formatted(
                                client.id, (int) ArenaWorld.WIDTH, (int) ArenaWorld.HEIGHT, TPS));
        for (Client other : clients.values()) {
            if (other.avatar != null) {
                client.peer.sendText(other.introduction());
            }
        }
        client.peer.ping();
    }

    private void gone(Client client) {
        if (client.avatar != null) {
            world.leave(client.avatar);
            server.broadcast("left " + client.id + ' ' + client.peer.getCloseCode());
        }
    }

    /** Once a second for each. */
    private void examine(Client client) {
        if (client.expelled) {
            return;
        }
        int behind = client.peer.getCurrentOutboundBufferedAmount();
        if (behind > 2 * TPS * world.snapshot().length) {
            client.expel(4008, "too slow");
        } else if (client.avatar == null && world.tick() - client.since > JOIN_TICKS) {
            client.expel(4000, "did not join");
        } else if (client.avatar != null) {
            client.avatar.roundTrip =
                    client.peer
                            .getRoundTripTime()
                            .map(time -> (int) Math.min(time.toNanos() / 100_000, 65_534))
                            .orElse(ArenaWorld.UNKNOWN_ROUND_TRIP);
        }
        client.peer.ping();
    }

    private void received(Client client, Message message) {
        boolean talk = message.isText();
        if (!(talk ? client.talking : client.steering).take(world.tick())) {
            if (--client.patience < 0) {
                client.expel(1008, "too many messages");
            } else if (talk && !client.warned) {
                client.warned = true;
                client.peer.sendText("note Slowly, please: that was not sent.");
            }
        } else if (!(talk ? heard(client, message.text()) : steered(client, message.bytes()))) {
            client.expel(1008, "no message of the arena");
        }
    }

    private static boolean steered(Client client, byte[] message) {
        if (message.length != 9) {
            return false;
        }
        ByteBuffer in = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        int how = in.get();
        float x = in.getFloat();
        float y = in.getFloat();
        if (how < 1 || how > 2 || !Float.isFinite(x) || !Float.isFinite(y)) {
            return false;
        }
        if (client.avatar == null) {
            return true; // too early, and harmless
        }
        if (how == 1) {
            client.avatar.goTo(x, y);
        } else {
            client.avatar.head(x, y);
        }
        return true;
    }

    private boolean heard(Client client, String message) {
        client.warned = false;
        int space = message.indexOf(' ');
        String word = space < 0 ? message : message.substring(0, space);
        String rest = space < 0 ? "" : message.substring(space + 1);
        switch (word) {
            case "join" -> join(client, rest);
            case "chat" -> {
                String text = visible(rest, MOST_CHAT);
                if (client.avatar != null && !text.isEmpty()) {
                    server.broadcast("chat " + client.id + ' ' + text);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void join(Client client, String wish) {
        if (client.avatar == null) {
            if (world.avatars().size() >= MOST_PLAYERS) {
                client.expel(4003, "the arena is full");
                return;
            }
            client.avatar = world.join(client.id);
            client.hue = (joined++ * 137 + 165) % 360; // far from the one before
        }
        String name = visible(wish, MOST_NAME);
        client.name = unique(name.isEmpty() ? "Somebody" : name, client);
        server.broadcast(client.introduction());
    }

    private String unique(String name, Client owner) {
        String tried = name;
        for (int n = 2; isTaken(tried, owner); n++) {
            tried = visible(name, MOST_NAME - 3) + ' ' + n;
        }
        return tried;
    }

    private boolean isTaken(String name, Client owner) {
        return clients.values().stream()
                .anyMatch(other -> other != owner && other.name.equalsIgnoreCase(name));
    }

    /**
     * A text as others may see it: one line, no control or formatting characters (which could turn
     * its direction, say), no piles of combining marks, no spaces at the ends or in rows.
     *
     * @param most how many code points at the most
     */
    static String visible(String text, int most) {
        var out = new StringBuilder();
        int length = 0;
        int marks = 0;
        boolean space = false;
        boolean seen = false;
        for (int i = 0, c; i < text.length() && length < most; i += Character.charCount(c)) {
            c = text.codePointAt(i);
            int type = Character.getType(c);
            boolean mark = type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK;
            boolean joiner = c == 0x200d; // joins emoji
            if (Character.isWhitespace(c) || Character.isSpaceChar(c)) {
                space = length > 0;
            } else if (mark || joiner) {
                if (seen && !space && ++marks <= 2) {
                    out.appendCodePoint(c);
                    length++;
                }
            } else if (type != Character.CONTROL
                    && type != Character.FORMAT
                    && type != Character.PRIVATE_USE
                    && type != Character.SURROGATE
                    && !looksBlank(c)) {
                if (space) {
                    if (length + 2 > most) {
                        break;
                    }
                    out.append(' ');
                    length++;
                    space = false;
                }
                out.appendCodePoint(c);
                length++;
                marks = 0;
                seen = true;
            }
        }
        return out.toString();
    }

    /** Letters and symbols that show nothing. */
    private static boolean looksBlank(int c) {
        return c == 0x115f || c == 0x1160 || c == 0x2800 || c == 0x3164 || c == 0xffa0;
    }

    private final ArenaWorld.Events referee =
            new ArenaWorld.Events() {
                @Override
                public void moonFell(List<ArenaWorld.Avatar> by) {
                    var line = new StringBuilder("fell");
                    by.forEach(avatar -> line.append(' ').append(avatar.id));
                    server.broadcast(line.toString());
                }

                @Override
                public void roundWon(ArenaWorld.Avatar by) {
                    server.broadcast("won " + by.id);
                }
            };

    // ---- the command ----

    /**
     * Runs an arena until it is told to end; {@code --help} tells the options. The exit status is 0
     * also after Ctrl-C or SIGTERM, which close all connections with code 1001; 1 if the port
     * cannot be had, 2 if the options make no sense.
     *
     * @param args the options
     */
    public static void main(String[] args) {
        int status = run(args, System.out);
        if (status != 0) {
            System.exit(status);
        }
    }

    /** The command, without leaving the virtual machine. */
    static int run(String[] args, PrintStream out) {
        int port = 8080;
        String host = "127.0.0.1";
        int bots = 2;
        long seconds = Integer.MAX_VALUE;
        Optional<ProcessHandle> parent = Optional.empty();
        try {
            for (int i = 0; i < args.length; i++) {
                if (args[i].equals("--help")) {
                    out.println(USAGE);
                    return 0;
                }
                if (args[i].equals("--attached")) {
                    parent = ProcessHandle.current().parent();
                    continue;
                }
                String option = args[i];
                if (++i == args.length) {
                    throw new IllegalArgumentException(option + " without a value");
                }
                switch (option) {
                    case "--port" -> port = number(args[i], 0, 65_535);
                    case "--host" -> host = args[i];
                    case "--bots" -> bots = number(args[i], 0, 16);
                    case "--seconds" -> seconds = number(args[i], 0, Integer.MAX_VALUE);
                    default -> throw new IllegalArgumentException("unknown option " + option);
                }
            }
        } catch (IllegalArgumentException e) {
            out.println("arena: " + e.getMessage());
            out.println(USAGE);
            return 2;
        }
        var arena = new ArenaServer(System.nanoTime());
        try {
            arena.listen(host, port);
        } catch (IOException e) {
            out.println(
                    "arena: cannot listen on port %d of %s: %s"
                            .formatted(port, host, e.getCause().getMessage()));
            out.println("arena: is it taken? --port N chooses another, --port 0 any free one");
            return 1;
        }
        String authority = reachable(host) + ':' + arena.port();
        announce(out, host, authority, bots);
        for (int i = 0; i < bots; i++) {
            arena.add(new ArenaBot("ws://" + authority + "/arena", ArenaBot.name(i), i));
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        ProcessHandle leader = parent.orElse(null);
        runUntilSignal(
                arena, () -> System.nanoTime() - end < 0 && (leader == null || leader.isAlive()));
        return 0;
    }

    private static int number(String value, int least, int most) {
        try {
            int number = Integer.parseInt(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // the same as out of bounds
        }
        throw new IllegalArgumentException(value + " is no number from " + least + " to " + most);
    }

    /** Where this machine itself finds a server that listens there. */
    private static String reachable(String host) {
        return switch (host) {
            case "*", "0.0.0.0", "localhost" -> "127.0.0.1";
            case "::" -> "[::1]";
            default -> host.indexOf(':') < 0 ? host : '[' + host + ']';
        };
    }

    private static void announce(PrintStream out, String host, String authority, int bots) {
        boolean everywhere = host.equals("*") || host.equals("0.0.0.0") || host.equals("::");
        String port = authority.substring(authority.lastIndexOf(':'));
        out.println("arena: http://" + authority + "/");
        out.println("  browser   open it, twice to meet yourself");
        out.println("  Godot 4   curl -O http://" + authority + "/arena.gd");
        out.println("            godot --script arena.gd -- --url=ws://" + authority + "/arena");
        out.println("  bots      " + bots + " (--bots N)");
        out.println(
                everywhere
                        ? "  network   "
                                + String.join(
                                        ", ",
                                        localAddresses().stream()
                                                .map(each -> "http://" + each + port + "/")
                                                .toList())
                        : "  network   this machine only; --host 0.0.0.0 opens it to all others");
        out.println("  stop      Ctrl-C");
        out.flush();
    }

    private static List<String> localAddresses() {
        try {
            return NetworkInterface.networkInterfaces()
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(each -> each instanceof Inet4Address && !each.isLoopbackAddress())
                    .map(each -> each.getHostAddress())
                    .toList();
        } catch (SocketException e) {
            return List.of();
        }
    }

    /**
     * A signal ends the loop in order: the hook lets it, and sees to it that it takes no longer.
     */
    private static void runUntilSignal(ArenaServer arena, BooleanSupplier goesOn) {
        Thread loop = Thread.currentThread();
        var hook =
                new Thread(() -> {
                    arena.stop();
                    try {
                        loop.join(1_700);
                    } catch (InterruptedException e) {
                        // then without waiting
                    }
                    Runtime.getRuntime().halt(0); // a signal's own status is not 0
                });
        Runtime.getRuntime().addShutdownHook(hook);
        try (arena) {
            arena.run(goesOn);
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the hook is running: it waits for this thread, and has the last word
            }
        }
    }
}
