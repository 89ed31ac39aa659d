package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import io.peerloom.testing.Transcript;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo as its visitors have it: its page in Chromium, its script in Godot 4. */
@Tag("interop")
class ArenaInteropTest {

    private final ArenaServer arena = new ArenaServer(1);
    private final Thread loop = new Thread(() -> arena.run(() -> true), "arena");

    @TempDir Path folder;

    @BeforeEach
    void start() throws IOException {
        arena.listen("127.0.0.1", 0);
        loop.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        arena.stop();
        loop.join();
        arena.close();
    }

    /**
     * Two pages see each other join, move, talk, change the name, leave and come back; then one is
     * closed, and then the server goes away.
     */
    @Test
    void twoTabsSeeEachOther() throws Exception {
        try (var chromium = new Chromium(folder)) {
            var ann = chromium.new Tab(page());
            var ben = chromium.new Tab(page());
            for (Chromium.Tab tab : List.of(ann, ben)) {
                until(tab, "arena.state === 'open' && arena.players.size === 2 && !!arena.me");
                until(tab, "document.querySelectorAll('#board li').length === 2");
                until(tab, "document.getElementById('state').textContent === 'Connected'");
            }
            int annsId = ann.evaluate("arena.id").getAsInt();
            int bensId = ben.evaluate("arena.id").getAsInt();
            assertThat(annsId).isNotEqualTo(bensId);

            // Snapshots go on arriving, and are a picture of the same world.
            int seen = ann.evaluate("arena.snapshots").getAsInt();
            until(ann, "arena.snapshots > %d".formatted(seen + 60));
            until(ann, "arena.players.get(%d).rtt !== null".formatted(bensId));

            // A corner each, and each sees both in their corners.
            ann.evaluate("arena.goTo(100, 100)");
            ben.evaluate("arena.goTo(1300, 900)");
            for (Chromium.Tab tab : List.of(ann, ben)) {
                until(tab, at(annsId, 100, 100));
                until(tab, at(bensId, 1300, 900));
            }

            // By keyboard; not only ASCII, and no markup.
            ann.evaluate("arena.rename('Ännchen ✩')");
            until(ben, "arena.players.get(%d).name === 'Ännchen ✩'".formatted(annsId));
            ann.evaluate("document.getElementById('text').focus()");
            ann.type("Grüße <b>🎮</b>");
            ann.press("Enter", 13, "\r");
            for (Chromium.Tab tab : List.of(ann, ben)) {
                until(tab, "document.getElementById('log').innerText.includes('Grüße <b>🎮</b>')");
            }

            // One leaves by the button, with a code and a reason, and comes back.
            until(ben, "document.getElementById('leave').textContent === 'Disconnect'");
            ben.click("#leave");
            until(ben, "arena.state === 'closed' && arena.closeCode === 1000");
            until(ann, "arena.players.size === 1");
            until(ann, told(" left (1000)"));
            ben.click("#leave");
            until(ben, "arena.state === 'open' && arena.players.size === 2");
            until(ann, "arena.players.size === 2");

            // A tab that is closed goes away (RFC 6455 section 7.4.1).
            ben.close();
            until(ann, "arena.players.size === 1");
            until(ann, told(" left (1001)"));

            // A server that stops goes away as well, and the page tries again.
            arena.stop();
            loop.join();
            arena.close();
            until(ann, "arena.closeCode === 1001 && arena.attempts > 0");
            until(ann, "document.getElementById('gone').classList.contains('on')");
            assertThat(ann.evaluate("arena.errors").getAsJsonArray()).isEmpty();
        }
    }

    /** Godot 4 with the script that the server hands out, and a page, in one arena. */
    @Test
    void godotMeetsTheBrowser() throws Exception {
        try (var chromium = new Chromium(folder)) {
            var tab = chromium.new Tab(page());
            until(tab, "arena.state === 'open' && !!arena.me");
            tab.evaluate("arena.rename('Page')");
            try (var godot = godot("--name=Gerda", "--say=Grüße ✩")) {
                godot.await("welcome ");
                godot.await("player Page");
                until(tab, "[...arena.players.values()].some(p => p.name === 'Gerda')");
                until(tab, "document.getElementById('log').innerText.includes('Grüße ✩')");
                tab.evaluate("arena.say('willkommen 🎮')");
                godot.await("Page: willkommen 🎮");
                // It collects orbs by itself, and the page sees what they count.
                until(
                        tab,
                        "[...arena.players.values()].some(p => p.name === 'Gerda' && p.score > 0)");
                godot.kill();
                until(tab, "arena.players.size === 1");
                until(tab, told("Gerda left (1006)"));
            }
        }
    }

    /** Godot 4 leaves by itself and is told of the server's going away. */
    @Test
    void godotLeavesAndIsLeft() throws Exception {
        try (var godot = godot("--name=Gerda", "--seconds=1")) {
            godot.await("closed 1000 ");
        }
        try (var godot = godot("--name=Gerda")) {
            godot.await("player Gerda");
            arena.stop();
            loop.join();
            arena.close();
            godot.await("closed 1001 ");
        }
    }

    private String page() {
        return "http://127.0.0.1:" + arena.port() + "/";
    }

    private static String at(int id, int x, int y) {
        return "Math.hypot(arena.players.get(%1$d).x - %2$d, arena.players.get(%1$d).y - %3$d) < 30"
                .formatted(id, x, y);
    }

    /** What the page was told, whatever came after it: the moon may fall at any time. */
    private static String told(String ending) {
        return "arena.messages.some(m => m.text.endsWith('%s'))".formatted(ending);
    }

    private static void until(Chromium.Tab tab, String condition) {
        try {
            Awaitility.await()
                    .atMost(Transcript.PATIENCE)
                    .pollInSameThread()
                    .until(() -> tab.evaluate(condition).getAsBoolean());
        } catch (ConditionTimeoutException e) {
            String state = "[arena.state, arena.closeCode, arena.players.size, arena.messages]";
            throw new AssertionError("not " + condition + ": " + tab.evaluate(state), e);
        }
    }

    private Program godot(String... options) throws URISyntaxException {
        var script = Path.of(ArenaServer.class.getResource("arena.gd").toURI());
        var command = new ArrayList<>(Programs.godot4(script.toString()));
        command.add("--url=ws://127.0.0.1:" + arena.port() + "/arena");
        command.addAll(List.of(options));
        return Program.start("Godot 4", folder, command, List.of());
    }
}
