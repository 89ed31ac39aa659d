package io.peerloom.examples;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The arena without any network: what moves in it, sixty steps a second, and how that looks as
 * bytes. Everybody steers an avatar, collects orbs for a point each, and together pushes the moon
 * into the well, for five points to each who touched it last. Who has {@link #GOAL} points wins the
 * round, and a new one begins. Owned by one thread.
 */
final class ArenaWorld {

    static final int TICKS_PER_SECOND = 60;
    static final double WIDTH = 1400;
    static final double HEIGHT = 1000;
    static final double AVATAR_RADIUS = 20;
    static final double MOON_RADIUS = 44;
    static final double WELL_RADIUS = 64;
    static final double ORB_RADIUS = 8;
    static final int ORBS = 16;

    /** Points that win a round. */
    static final int GOAL = 100;

    /** First byte of a snapshot. */
    static final int SNAPSHOT = 1;

    static final int HEADER_BYTES = 24;
    static final int PLAYER_BYTES = 24;
    static final int ORB_BYTES = 8;

    /** A round trip that nobody has measured yet, in a snapshot. */
    static final int UNKNOWN_ROUND_TRIP = 0xffff;

    private static final double STEP = 1.0 / TICKS_PER_SECOND;
    private static final double TOP_SPEED = 430;

    /** How quickly an avatar takes the speed it wants, and a push wears off, per second. */
    private static final double GRIP = 7;

    /** Within this distance of its aim an avatar slows down. */
    private static final double BRAKING = 90;

    /** Within this distance of an avatar an orb is drawn to it. */
    private static final double PULL = 95;

    /** Avatars weigh one, the moon this much. */
    private static final double MOON_MASS = 4;

    private static final int TOUCH_TICKS = 6 * TICKS_PER_SECOND;

    /** What has a place and a speed, in units and units a second. */
    static class Body {
        double x;
        double y;
        double vx;
        double vy;

        final double distance(double otherX, double otherY) {
            return Math.hypot(otherX - x, otherY - y);
        }

        final void move() {
            x += vx * STEP;
            y += vy * STEP;
        }

        /** Stays within the walls, which give back a part of the speed. */
        final void bounce(double radius, double part) {
            if (x < radius || x > WIDTH - radius) {
                x = Math.clamp(x, radius, WIDTH - radius);
                vx *= -part;
            }
            if (y < radius || y > HEIGHT - radius) {
                y = Math.clamp(y, radius, HEIGHT - radius);
                vy *= -part;
            }
        }
    }

    /** One player's. */
    static final class Avatar extends Body {
        final int id;
        int score;

        /** In tenths of a millisecond. */
        int roundTrip = UNKNOWN_ROUND_TRIP;

        private boolean aiming;
        private double aimX;
        private double aimY;

        private long touchedMoon = Long.MIN_VALUE / 2;

        private Avatar(int id) {
            this.id = id;
        }

        /** Goes to a place and stays there. */
        void goTo(double x, double y) {
            aiming = true;
            aimX = Math.clamp(x, 0, WIDTH);
            aimY = Math.clamp(y, 0, HEIGHT);
        }

        /** Goes into a direction: (0, 0) stops, a vector of length one or more is full speed. */
        void head(double dx, double dy) {
            aiming = false;
            double length = Math.max(1, Math.hypot(dx, dy));
            aimX = dx / length;
            aimY = dy / length;
        }

        private void steer() {
            double wishX = aimX;
            double wishY = aimY;
            if (aiming) {
                double distance = distance(aimX, aimY);
                double part = Math.min(1, distance / BRAKING) / Math.max(distance, 1);
                wishX = (aimX - x) * part;
                wishY = (aimY - y) * part;
            }
            double grip = 1 - Math.exp(-GRIP * STEP);
            vx += (wishX * TOP_SPEED - vx) * grip;
            vy += (wishY * TOP_SPEED - vy) * grip;
        }
    }

    /** What a round is made of, told from within {@link #step}. */
    interface Events {
        /** The moon fell into the well; these get five points each. */
        void moonFell(List<Avatar> by);

        /** A round is won; all scores are zero again. */
        void roundWon(Avatar by);
    }

    private final Random random;
    private final List<Avatar> avatars = new ArrayList<>();
    private final Body[] orbs = new Body[ORBS];
    private final Body moon = new Body();
    private final Body well = new Body();
    private long tick;

    ArenaWorld(long seed) {
        random = new Random(seed);
        for (int i = 0; i < ORBS; i++) {
            orbs[i] = new Body();
            place(orbs[i], 40, 0);
        }
        newMoon();
    }

    long tick() {
        return tick;
    }

    List<Avatar> avatars() {
        return avatars;
    }

    Body moon() {
        return moon;
    }

    Body well() {
        return well;
    }

    Body orb(int index) {
        return orbs[index];
    }

    Avatar join(int id) {
        var avatar = new Avatar(id);
        place(avatar, 100, 60);
        avatar.goTo(avatar.x, avatar.y);
        avatars.add(avatar);
        return avatar;
    }

    void leave(Avatar avatar) {
        avatars.remove(avatar);
    }

    /** A place at random, away from the walls and, if there is one to be found, from everybody. */
    private void place(Body body, double fromWalls, double fromAvatars) {
        for (int attempt = 0; attempt < 16; attempt++) {
            body.x = fromWalls + random.nextDouble() * (WIDTH - 2 * fromWalls);
            body.y = fromWalls + random.nextDouble() * (HEIGHT - 2 * fromWalls);
            if (avatars.stream().noneMatch(a -> a.distance(body.x, body.y) < fromAvatars)
                    && body.distance(moon.x, moon.y) > MOON_RADIUS + fromAvatars) {
                break;
            }
        }
        body.vx = 0;
        body.vy = 0;
    }

    private void newMoon() {
        moon.x = WIDTH / 2;
        moon.y = HEIGHT / 2;
        moon.vx = 0;
        moon.vy = 0;
        place(well, 150, 220);
    }

    void step(Events events) {
        tick++;
        for (Avatar avatar : avatars) {
            avatar.steer();
            avatar.move();
        }
        for (int i = 0; i < avatars.size(); i++) {
            Avatar avatar = avatars.get(i);
            for (int j = i + 1; j < avatars.size(); j++) {
                collide(avatar, avatars.get(j), 2 * AVATAR_RADIUS, 1, 0.35);
            }
            if (collide(avatar, moon, AVATAR_RADIUS + MOON_RADIUS, MOON_MASS, 1)) {
                avatar.touchedMoon = tick;
            }
        }
        avatars.forEach(avatar -> avatar.bounce(AVATAR_RADIUS, 0.4));
        stepMoon(events);
        for (Body orb : orbs) {
            stepOrb(orb);
        }
        for (Avatar avatar : avatars) {
            if (avatar.score >= GOAL) {
                avatars.forEach(each -> each.score = 0);
                events.roundWon(avatar);
                break;
            }
        }
    }

    /**
     * Two that overlap are moved apart and exchange speed; each moves the less the heavier it is.
     *
     * @param reach at which centre distance they touch
     * @param mass of the second, where the first has one
     * @param firmness how much of the overlap is undone in one step: below one is soft
     */
    private static boolean collide(Body one, Body two, double reach, double mass, double firmness) {
        double dx = two.x - one.x;
        double dy = two.y - one.y;
        double distance = Math.hypot(dx, dy);
        if (distance >= reach) {
            return false;
        }
        double nx = distance > 1e-6 ? dx / distance : 1; // exactly one upon the other: sideways
        double ny = distance > 1e-6 ? dy / distance : 0;
        double overlap = (reach - distance) * firmness;
        double share = mass / (1 + mass);
        one.x -= nx * overlap * share;
        one.y -= ny * overlap * share;
        two.x += nx * overlap * (1 - share);
        two.y += ny * overlap * (1 - share);
        double closing = (one.vx - two.vx) * nx + (one.vy - two.vy) * ny;
        if (closing > 0) {
            double impulse = 1.5 * closing * share;
            one.vx -= nx * impulse;
            one.vy -= ny * impulse;
            two.vx += nx * impulse / mass;
            two.vy += ny * impulse / mass;
        }
        return true;
    }

    private void stepMoon(Events events) {
        double distance = moon.distance(well.x, well.y);
        double pull = Math.max(0, 1 - distance / 190) * 420 * STEP / Math.max(distance, 1);
        moon.vx += (well.x - moon.x) * pull;
        moon.vy += (well.y - moon.y) * pull;
        double drag = Math.exp(-0.55 * STEP);
        moon.vx *= drag;
        moon.vy *= drag;
        moon.move();
        moon.bounce(MOON_RADIUS, 0.8);
        if (distance < 24) {
            List<Avatar> by =
                    avatars.stream().filter(a -> tick - a.touchedMoon < TOUCH_TICKS).toList();
            by.forEach(avatar -> avatar.score += 5);
            newMoon();
            events.moonFell(by);
        }
    }

    private void stepOrb(Body orb) {
        Avatar nearest = null;
        double reach = PULL;
        for (Avatar avatar : avatars) {
            double distance = avatar.distance(orb.x, orb.y);
            if (distance < reach) {
                reach = distance;
                nearest = avatar;
            }
        }
        if (nearest != null && reach < AVATAR_RADIUS + ORB_RADIUS) {
            nearest.score++;
            place(orb, 40, 160);
            return;
        }
        if (nearest != null) {
            double pull = 2600 * (1 - reach / PULL) * STEP / Math.max(reach, 1);
            orb.vx += (nearest.x - orb.x) * pull;
            orb.vy += (nearest.y - orb.y) * pull;
        }
        double drag = Math.exp(-3 * STEP);
        orb.vx *= drag;
        orb.vy *= drag;
        orb.move();
        orb.bounce(ORB_RADIUS, 0.5);
    }

    /** The whole state, laid out as {@link ArenaServer} says. */
    byte[] snapshot() {
        ByteBuffer out =
                ByteBuffer.allocate(HEADER_BYTES + avatars.size() * PLAYER_BYTES + ORBS * ORB_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
        out.put((byte) SNAPSHOT).put((byte) avatars.size()).put((byte) ORBS).put((byte) 0);
        out.putInt((int) tick);
        out.putFloat((float) moon.x).putFloat((float) moon.y);
        out.putFloat((float) well.x).putFloat((float) well.y);
        for (Avatar avatar : avatars) {
            out.putInt(avatar.id);
            out.putFloat((float) avatar.x).putFloat((float) avatar.y);
            out.putFloat((float) avatar.vx).putFloat((float) avatar.vy);
            out.putShort((short) avatar.score).putShort((short) avatar.roundTrip);
        }
        for (Body orb : orbs) {
            out.putFloat((float) orb.x).putFloat((float) orb.y);
        }
        return out.array();
    }
}
