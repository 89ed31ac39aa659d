package io.peerloom.bench;

import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.bench.LoadGenerator.Result;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Measures echo servers over real sockets, each against the {@link LoadGenerator}.
 *
 * <p>Every measurement is a fresh server in a process of its own on core 0, and a fresh load
 * generator on core 1, warmed up together; then the echoes of a fixed time are counted, and the CPU
 * time of both. In a round every server has its turn in every cell, so that what changes on the
 * machine over time falls on all alike. The figures are medians over the rounds. Where there is no
 * {@code taskset}, or one core only, nobody is pinned, and the report says so.
 *
 * <p>All servers do the same: an echo of every message, with {@code TCP_NODELAY}, without
 * compression, with the same heap and collector. Those of {@link Kind#BYTES} echo bytes and so skip
 * masking and framing, which is the point of them.
 *
 * <p>A further server is a class with a main that calls {@link Listening#on}, and a line in {@link
 * #SERVERS}.
 */
public final class Sockets {
    /** What a server speaks. */
    enum Kind {
        /** Bytes come back as they are. */
        BYTES,
        /** RFC 6455. */
        WEBSOCKET
    }

    /**
     * A server to measure.
     *
     * @param name what it is called on the command line and in the report
     * @param kind what it speaks
     * @param main its class
     * @param arguments the arguments of its main
     * @param jvmOptions beside those that all have
     */
    record Server(
            String name,
            Kind kind,
            Class<?> main,
            List<String> arguments,
            List<String> jvmOptions) {
        Server(String name, Kind kind, Class<?> main, String... arguments) {
            this(name, kind, main, List.of(arguments), List.of());
        }
    }

    /** The server that others are compared with. */
    static final Server RAW = new Server("raw", Kind.BYTES, RawVirtualEcho.class);

    /** All servers. */
    static final List<Server> SERVERS =
            List.of(
                    new Server("raw-selector", Kind.BYTES, RawSelectorEcho.class),
                    RAW,
                    new Server(
                            "peerloom-blocking",
                            Kind.WEBSOCKET,
                            PeerloomEcho.class,
                            "--api",
                            "blocking"),
                    new Server(
                            "peerloom-poll", Kind.WEBSOCKET, PeerloomEcho.class, "--api", "poll"));

    /**
     * A load.
     *
     * @param connections how many
     * @param payload bytes of each message
     * @param inFlight messages of each connection under way
     */
    record Cell(int connections, int payload, int inFlight) {
        /** From {@code connections x payload x in flight}, as in {@code 50x64x16}. */
        static Cell parse(String text) {
            String[] parts = text.split("x");
            if (parts.length != 3) {
                throw new IllegalArgumentException("not a cell: " + text);
            }
            return new Cell(
                    Integer.parseInt(parts[0]),
                    Integer.parseInt(parts[1]),
                    Integer.parseInt(parts[2]));
        }
    }

    /**
     * What to measure.
     *
     * @param cells the loads
     * @param servers the servers
     * @param rounds how often
     * @param window how long each time
     * @param warmup how long before each time
     * @param jvmOptions of all servers, beside {@link #SERVER_JVM}
     * @param out where the report goes; null for the console only
     */
    record Settings(
            List<Cell> cells,
            List<Server> servers,
            int rounds,
            Duration window,
            Duration warmup,
            List<String> jvmOptions,
            Path out) {
        static Settings parse(String[] args) {
            Map<String, String> given =
                    new HashMap<>(
                            Map.of(
                                    "--cells",
                                    "1x64x1,50x64x1,50x64x16,200x1024x1,50x16384x1,8x1048576x1",
                                    "--servers",
                                    String.join(",", SERVERS.stream().map(Server::name).toList()),
                                    "--rounds",
                                    "5",
                                    "--seconds",
                                    "3",
                                    "--warmup",
                                    "3",
                                    "--jvm",
                                    "",
                                    "--out",
                                    ""));
            for (int i = 0; i < args.length; i += 2) {
                if (i + 1 == args.length || given.replace(args[i], args[i + 1]) == null) {
                    throw new IllegalArgumentException(
                            args[i] + ": an option of " + given.keySet() + " and its value");
                }
            }
            return new Settings(
                    split(given.get("--cells"), ",").stream().map(Cell::parse).toList(),
                    split(given.get("--servers"), ",").stream().map(Settings::server).toList(),
                    Integer.parseInt(given.get("--rounds")),
                    seconds(given.get("--seconds")),
                    seconds(given.get("--warmup")),
                    split(given.get("--jvm"), " "),
                    given.get("--out").isEmpty() ? null : Path.of(given.get("--out")));
        }

        private static Server server(String name) {
            return SERVERS.stream()
                    .filter(server -> server.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("not a server: " + name));
        }

        private static List<String> split(String text, String separator) {
            return Arrays.stream(text.split(separator)).filter(part -> !part.isEmpty()).toList();
        }

        private static Duration seconds(String text) {
            return Duration.ofMillis(Math.round(1_000 * Double.parseDouble(text)));
        }
    }

    /** The JVM options of every server. */
    static final List<String> SERVER_JVM = List.of("-XX:+UseSerialGC", "-Xms1g", "-Xmx1g");

    private static final List<String> LOAD_JVM =
            List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=1g");

    private static final int SERVER_CORE = 0;
    private static final int LOAD_CORE = 1;

    /** How long a server may take to listen, and a load generator beyond its plan. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Settings settings;
    private final boolean pinned;

    private Sockets(Settings settings) {
        this.settings = settings;
        pinned =
                Runtime.getRuntime().availableProcessors() > 1
                        && !Machine.firstLine("taskset", "-c", "1", "echo", "there").isEmpty();
    }

    /**
     * Measures and writes the report.
     *
     * @param args {@code --cells 50x64x1,50x64x16 --servers raw,peerloom-blocking --rounds 5
     *     --seconds 3 --warmup 3 --jvm "-Djdk.pollerMode=1" --out FILE}, each of them optional; all
     *     cells and servers if not said otherwise, and the report on the console only
     * @throws IOException if a process cannot be started, or the report not be written
     * @throws InterruptedException if the thread is
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        Settings settings;
        try {
            settings = Settings.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        System.exit(run(settings) ? 0 : 1);
    }

    /** Measures and writes the report; returns whether every measurement came to its end. */
    static boolean run(Settings settings) throws IOException, InterruptedException {
        SocketReport report = new Sockets(settings).measureAll();
        System.out.println(report);
        if (settings.out() != null) {
            Path out = settings.out().toAbsolutePath();
            Files.createDirectories(out.getParent());
            Files.writeString(out, report.toString());
            System.out.println("written to " + out);
        }
        return report.isWhole();
    }

    private SocketReport measureAll() throws IOException, InterruptedException {
        var report = new SocketReport(Machine.here(), settings, pinned);
        for (int round = 1; round <= settings.rounds(); round++) {
            for (Cell cell : settings.cells()) {
                for (Server server : settings.servers()) {
                    String what =
                            "round %d, %s, %s: "
                                    .formatted(round, SocketReport.name(cell), server.name());
                    try {
                        Result result = measure(server, cell);
                        report.add(server, cell, result);
                        System.out.println(what + SocketReport.brief(result));
                    } catch (IOException e) {
                        report.addFailure(server, cell);
                        System.out.println(what + e.getMessage());
                    }
                }
            }
        }
        return report;
    }

    private Result measure(Server server, Cell cell) throws IOException, InterruptedException {
        var jvm = new ArrayList<>(SERVER_JVM);
        jvm.addAll(server.jvmOptions());
        jvm.addAll(settings.jvmOptions());
        Process echo = java(SERVER_CORE, jvm, server.main(), server.arguments());
        try {
            var plan =
                    new Plan(
                            port(echo),
                            server.kind() == Kind.WEBSOCKET,
                            cell.connections(),
                            cell.payload(),
                            cell.inFlight(),
                            settings.warmup(),
                            settings.window(),
                            echo.pid());
            return load(plan);
        } finally {
            end(echo);
        }
    }

    /** Waits for the server's line and returns the port. */
    private static int port(Process echo) throws IOException, InterruptedException {
        // The reader goes on, so that a talkative server never waits for somebody to listen.
        var port = new CompletableFuture<Integer>();
        Thread.ofVirtual()
                .start(() -> {
                    try (var lines =
                            new BufferedReader(
                                    new InputStreamReader(
                                            echo.getInputStream(), StandardCharsets.UTF_8))) {
                        for (String line; (line = lines.readLine()) != null; ) {
                            if (line.startsWith(Listening.LINE)) {
                                port.complete(
                                        Integer.valueOf(line.substring(Listening.LINE.length())));
                            }
                        }
                        port.completeExceptionally(new IOException("it ended"));
                    } catch (IOException e) {
                        port.completeExceptionally(e);
                    }
                });
        try {
            return port.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the server does not listen", e);
        }
    }

    private Result load(Plan plan) throws IOException, InterruptedException {
        Process load = java(LOAD_CORE, LOAD_JVM, LoadGenerator.class, plan.toArguments());
        try {
            Duration most = plan.warmup().plus(plan.window()).plus(PATIENCE);
            if (!load.waitFor(most.toMillis(), TimeUnit.MILLISECONDS) || load.exitValue() != 0) {
                throw new IOException("the load generator failed");
            }
            return Result.parse(
                    new String(load.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                            .strip());
        } finally {
            end(load);
        }
    }

    private static void end(Process process) throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Starts a class in a JVM like this one, whose errors are seen here. */
    private Process java(int core, List<String> jvm, Class<?> main, List<String> arguments)
            throws IOException {
        var command = new ArrayList<String>();
        if (pinned) {
            command.addAll(List.of("taskset", "-c", Integer.toString(core)));
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvm);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }
}
