package io.peerloom.examples;

import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A player without hands: a client of {@link ArenaServer} in the idiom of a game loop. It collects
 * orbs, helps with the moon, says a line now and then, and comes back with growing pauses when the
 * server goes. Owned by the thread that steps it.
 */
public final class ArenaBot implements AutoCloseable {

    private static final int TPS = ArenaWorld.TICKS_PER_SECOND;

    private static final List<String> NAMES =
            List.of(
                    "Penelope",
                    "Jacquard",
                    "Arachne",
                    "Clotho",
                    "Ananse",
                    "Minerva",
                    "Neith",
                    "Ix");

    private static final List<String> REMARKS =
            List.of(
                    "anybody for the moon?",
                    "push it into the well, there are five points in it",
                    "I only call poll(), and never wait for anybody",
                    "one thread, sixty times a second",
                    "nice weave");

    /** Where somebody was when the last snapshot was taken. */
    private record Place(double x, double y) {
        double distance(Place other) {
            return Math.hypot(other.x - x, other.y - y);
        }

        Place plus(double dx, double dy) {
            return new Place(x + dx, y + dy);
        }
    }

    private final WebSocketPeer peer = new WebSocketPeer();
    private final String url;
    private final String name;
    private final Random random;
    private final Map<Integer, String> names = new HashMap<>();

    private int id;
    private byte[] snapshot;
    private long tick;

    /**
     * The ticks until which it sees to the moon rather than to orbs, stands still, and is silent.
     */
    private long pushesUntil;

    private long restsUntil;
    private long silentUntil;
    private long welcomed;

    private long connectsAt;
    private int attempts;
    private boolean closed;

    /**
     * A bot that begins to connect when it is first stepped.
     *
     * @param url of the arena's WebSocket
     * @param name its own
     * @param seed of its whims
     */
    public ArenaBot(String url, String name, long seed) {
        this.url = url;
        this.name = name;
        random = new Random(seed);
    }

    /**
     * {@return a name for a bot}
     *
     * @param index of the bot, from 0
     */
    public static String name(int index) {
        return NAMES.get(index % NAMES.size()) + " (bot)";
    }

    /** One round of the loop; never blocks. */
    public void step() {
        tick++;
        peer.poll();
        for (Message m; (m = peer.takeMessage()) != null; ) {
            if (m.isText()) {
                heard(m.text());
            } else {
                snapshot = m.bytes();
            }
        }
        switch (peer.getReadyState()) {
            case OPEN -> {
                if (id != 0 && snapshot != null && tick % 6 == 0) {
                    think(ByteBuffer.wrap(snapshot).order(ByteOrder.LITTLE_ENDIAN));
                }
            }
            case CLOSED -> {
                if (!closed && tick >= connectsAt) {
                    id = 0;
                    snapshot = null;
                    names.clear();
                    connectsAt = tick + TPS * Math.min(8, 1L << Math.min(attempts++, 3));
                    peer.connectToUrl(url);
                }
            }
            default -> {}
        }
    }

    private void heard(String message) {
        String[] words = message.split(" ", 4);
        switch (words[0]) {
            case "welcome" -> {
                id = Integer.parseInt(words[1]);
                attempts = 0;
                welcomed = tick;
                silentUntil = tick + 5 * TPS + random.nextInt(15 * TPS);
                peer.sendText("join " + name);
            }
            case "player" -> {
                boolean isNew = names.put(Integer.valueOf(words[1]), words[3]) == null;
                if (isNew && tick - welcomed > TPS && !words[3].endsWith("(bot)")) {
                    say("hello, " + words[3]);
                }
            }
            case "left" -> names.remove(Integer.valueOf(words[1]));
            case "fell" -> say("into the well it goes");
            case "won" -> {
                String winner = names.get(Integer.valueOf(words[1]));
                say(Integer.parseInt(words[1]) == id ? "that was fun" : "well done, " + winner);
            }
            default -> {}
        }
    }

    private void say(String line) {
        if (tick >= silentUntil) {
            peer.sendText("chat " + line);
            silentUntil = tick + 12 * TPS + random.nextInt(20 * TPS);
        }
    }

    private static Place place(ByteBuffer in, int offset) {
        return new Place(in.getFloat(offset), in.getFloat(offset + 4));
    }

    /** Chooses where to go, ten times a second. */
    private void think(ByteBuffer in) {
        int players = in.get(1) & 0xff;
        int orbs = in.get(2) & 0xff;
        Place self = null;
        var others = new ArrayList<Place>();
        for (int i = 0, at = ArenaWorld.HEADER_BYTES; i < players; i++) {
            if (in.getInt(at) == id) {
                self = place(in, at + 4);
            } else {
                others.add(place(in, at + 4));
            }
            at += ArenaWorld.PLAYER_BYTES;
        }
        if (self == null || tick < restsUntil) {
            return;
        }
        if (random.nextInt(50) == 0) { // every five seconds
            switch (random.nextInt(5)) {
                case 0, 1 -> restsUntil = tick + TPS + random.nextInt(TPS);
                case 2 -> say(REMARKS.get(random.nextInt(REMARKS.size())));
                default -> pushesUntil = tick + 8 * TPS;
            }
        }
        Place aim = self;
        if (tick < pushesUntil) {
            aim = behind(place(in, 8), place(in, 16), self);
        } else {
            double least = Double.MAX_VALUE;
            for (int i = 0; i < orbs; i++) {
                int at = ArenaWorld.HEADER_BYTES + players * ArenaWorld.PLAYER_BYTES;
                Place orb = place(in, at + i * ArenaWorld.ORB_BYTES);
                double effort = orb.distance(self);
                for (Place other : others) {
                    if (other.distance(orb) < orb.distance(self)) {
                        effort += 150; // somebody else will get that one
                    }
                }
                if (effort < least) {
                    least = effort;
                    aim = orb;
                }
            }
        }
        steer(self, aim);
    }

    /** Not quite at full speed: others shall have a chance. */
    private void steer(Place self, Place aim) {
        double distance = Math.max(1, self.distance(aim));
        double speed = 0.5 * Math.min(1, distance / 60);
        peer.send(
                ByteBuffer.allocate(9)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put((byte) 2)
                        .putFloat((float) ((aim.x - self.x) / distance * speed))
                        .putFloat((float) ((aim.y - self.y) / distance * speed))
                        .array());
    }

    /** Where to go in order to push the moon to the well: around it first, if need be. */
    private static Place behind(Place moon, Place well, Place self) {
        double way = Math.max(1, moon.distance(well));
        double nx = (well.x - moon.x) / way;
        double ny = (well.y - moon.y) / way;
        double ahead = (self.x - moon.x) * nx + (self.y - moon.y) * ny;
        double aside = (self.x - moon.x) * -ny + (self.y - moon.y) * nx;
        double clear = ArenaWorld.MOON_RADIUS + ArenaWorld.AVATAR_RADIUS + 16;
        if (ahead > -ArenaWorld.MOON_RADIUS) {
            double side = aside < 0 ? -clear : clear;
            return moon.plus(-nx * clear - ny * side, -ny * clear + nx * side);
        }
        return Math.abs(aside) < 14
                ? moon.plus(nx * 30, ny * 30)
                : moon.plus(-nx * clear, -ny * clear);
    }

    /** Leaves, and does not come back. */
    @Override
    public void close() {
        closed = true;
        peer.close();
    }

    /**
     * Plays in an arena that runs elsewhere, until it is killed.
     *
     * @param args the URL of its WebSocket, {@code ws://127.0.0.1:8080/arena} without; and a name
     */
    public static void main(String[] args) {
        String url = args.length > 0 ? args[0] : "ws://127.0.0.1:8080/arena";
        String name = args.length > 1 ? args[1] : name(new Random().nextInt(NAMES.size()));
        System.out.println("bot: " + name + " plays at " + url + "; Ctrl-C ends it");
        try (var bot = new ArenaBot(url, name, System.nanoTime())) {
            while (!Thread.currentThread().isInterrupted()) {
                bot.step();
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1) / TPS);
            }
        }
    }
}
