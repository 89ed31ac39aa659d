package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Autobahn Testsuite against the echo programs, in both roles and in each of the three ways to
 * use a peer. Every case has to pass strictly; those that the suite calls informational have no
 * right answer. Most cases of large messages (9.3 to 9.8), which take most of the time, are left to
 * the blocking server.
 */
@Tag("autobahn")
class AutobahnInteropTest {

    private static final Duration PATIENCE = Duration.ofMinutes(20);

    private static final String LARGE =
            "\"9.3.*\", \"9.4.*\", \"9.5.*\", \"9.6.*\", \"9.7.*\", \"9.8.*\"";

    /** How many cases there are, and how many of them the line above leaves out. */
    private static final int ALL = 301;

    private static final int MANY = 42;

    @TempDir Path folder;

    /** At the same time, since most of it is waiting: for what must not come. */
    @Test
    void everyCaseInBothRolesAndAllWays() {
        var runs = new ArrayList<CompletableFuture<Void>>();
        for (String api : List.of("blocking", "poll", "async")) {
            runs.add(run(() -> ourServer(api, folder.resolve("server-" + api))));
            runs.add(run(() -> ourClient(api, folder.resolve("client-" + api))));
        }
        runs.forEach(CompletableFuture::join);
    }

    private interface Run {
        void run() throws Exception;
    }

    private static CompletableFuture<Void> run(Run task) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        task.run();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                },
                suite -> Thread.ofPlatform().start(suite));
    }

    private static void ourServer(String api, Path folder) throws Exception {
        try (var echo = new EchoServer("--api", api, "--max-message", "16777216")) {
            String spec =
                    """
                    {"outdir": "%s", "servers": [{"agent": "peerloom", "url": "ws://%s"}],
                     "cases": ["*"], "exclude-cases": [%s], "exclude-agent-cases": {}}
                    """
                            .formatted(folder, echo.address(), api.equals("blocking") ? "" : LARGE);
            try (Program suite = suite(folder, "fuzzingclient", spec)) {
                suite.awaitExit(PATIENCE);
                assertAllPassed(
                        api + " server", folder, suite, api.equals("blocking") ? ALL : ALL - MANY);
            }
        }
    }

    private static void ourClient(String api, Path folder) throws Exception {
        String url = "ws://127.0.0.1:" + unusedPort();
        String spec =
                """
                {"url": "%s", "outdir": "%s", "webport": 0,
                 "cases": ["*"], "exclude-cases": [%s], "exclude-agent-cases": {}}
                """
                        .formatted(url, folder, LARGE);
        try (Program suite = suite(folder, "fuzzingserver", spec)) {
            Awaitility.await()
                    .atMost(PATIENCE) // six of them start at the same time
                    .until(() -> !suite.with("Ok, will run ").isEmpty());
            // It says so a little before it listens.
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() ->
                            EchoClient.run(
                                            InputStream.nullInputStream(),
                                            new PrintStream(
                                                    OutputStream.nullOutputStream(),
                                                    true,
                                                    StandardCharsets.UTF_8),
                                            "--url",
                                            url,
                                            "--api",
                                            api,
                                            "--agent",
                                            "peerloom",
                                            "--max-message",
                                            "16777216")
                                    == 0);
            assertAllPassed(api + " client", folder, suite, ALL - MANY);
        }
    }

    private static Program suite(Path folder, String mode, String spec) throws IOException {
        Files.createDirectories(folder);
        Path file = Files.writeString(folder.resolve("spec.json"), spec);
        var command = new ArrayList<>(Programs.autobahn());
        command.addAll(List.of("-m", mode, "-s", file.toString()));
        return Program.start("Autobahn", folder, command, List.of());
    }

    private static void assertAllPassed(String who, Path folder, Program suite, int expected)
            throws IOException {
        Path index = folder.resolve("index.json");
        assertThat(index).as("%s", suite).exists();
        JsonObject cases =
                JsonParser.parseString(Files.readString(index))
                        .getAsJsonObject()
                        .getAsJsonObject("peerloom");
        var failed = new ArrayList<String>();
        cases.entrySet()
                .forEach(entry -> {
                    JsonObject result = entry.getValue().getAsJsonObject();
                    String behavior = result.get("behavior").getAsString();
                    String closing = result.get("behaviorClose").getAsString();
                    if (!List.of("OK", "INFORMATIONAL").contains(behavior)
                            || !List.of("OK", "INFORMATIONAL").contains(closing)) {
                        failed.add(entry.getKey() + " " + behavior + ", closing " + closing);
                    }
                });
        assertThat(failed).as(who).isEmpty();
        assertThat(cases.size()).as("%s: cases", who).isEqualTo(expected);
    }

    private static int unusedPort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
