package io.peerloom.bench;

import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.bench.Servers.Kind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Measures echo servers over real sockets, each against the {@link LoadGenerator}.
 *
 * <p>Every measurement is a fresh server in a process of its own on core 0, and a fresh load
 * generator on core 1, warmed up together; then the echoes of a fixed time are counted, the CPU
 * time of both, and what the server allocated. In a round every server has its turn in every cell,
 * so that what changes on the machine over time falls on all alike. The figures are medians over
 * the rounds. Where there is no {@code taskset}, or one core only, nobody is pinned, and the report
 * says so.
 *
 * <p>All servers do the same work, see {@link Servers}. Those of {@link Kind#BYTES} skip masking
 * and framing, which is the point of them.
 */
public final class Sockets {
    /**
     * A load.
     *
     * @param connections how many
     * @param payload bytes of each message
     * @param inFlight messages of each connection under way
     * @param mode what the connections do beside that
     */
    record Cell(int connections, int payload, int inFlight, Mode mode) {
        Cell(int connections, int payload, int inFlight) {
            this(connections, payload, inFlight, Mode.PLAIN);
        }

        /**
         * From {@code connections x payload x in flight}, as in {@code 50x64x16}, or with a mode.
         */
        static Cell parse(String text) {
            String[] parts = text.split("x", 4);
            try {
                return new Cell(
                        Integer.parseInt(parts[0]),
                        Integer.parseInt(parts[1]),
                        Integer.parseInt(parts[2]),
                        parts.length == 3
                                ? Mode.PLAIN
                                : Mode.valueOf(parts[3].toUpperCase(Locale.ROOT)));
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                throw new IllegalArgumentException(
                        "not a cell, as 50x64x16 or 50x1024x1xtls is: " + text, e);
            }
        }
    }

    /** Those of PERFORMANCE section 1, then TLS, then permessage-deflate. */
    static final List<Cell> CELLS =
            List.of(
                    new Cell(1, 64, 1),
                    new Cell(50, 64, 1),
                    new Cell(50, 64, 16),
                    new Cell(200, 1_024, 1),
                    new Cell(50, 16_384, 1),
                    new Cell(8, 1_048_576, 1),
                    new Cell(50, 64, 1, Mode.TLS),
                    new Cell(50, 64, 16, Mode.TLS),
                    new Cell(50, 16_384, 1, Mode.TLS),
                    new Cell(50, 1_024, 1, Mode.DEFLATE),
                    new Cell(50, 16_384, 1, Mode.DEFLATE));

    /**
     * What to measure.
     *
     * @param cells the loads
     * @param servers the servers
     * @param rounds how often
     * @param window how long each time
     * @param warmup how long before each time
     * @param jvmOptions of all servers, beside {@link #SUBJECT_JVM}
     * @param out where the report goes; null for the console only
     */
    record Settings(
            List<Cell> cells,
            List<Servers.Entry> servers,
            int rounds,
            Duration window,
            Duration warmup,
            List<String> jvmOptions,
            Path out) {
        static Settings parse(String[] args) {
            Map<String, String> given =
                    new HashMap<>(
                            Map.of(
                                    "--cells", "",
                                    "--servers", "",
                                    "--rounds", "5",
                                    "--seconds", "3",
                                    "--warmup", "3",
                                    "--jvm", "",
                                    "--before", "",
                                    "--out", ""));
            for (int i = 0; i < args.length; i += 2) {
                if (i + 1 == args.length || given.replace(args[i], args[i + 1]) == null) {
                    throw new IllegalArgumentException(
                            args[i] + ": an option of " + given.keySet() + " and its value");
                }
            }
            List<Cell> cells = split(given.get("--cells"), ",").stream().map(Cell::parse).toList();
            List<Servers.Entry> servers =
                    split(given.get("--servers"), ",").stream().map(Servers::named).toList();
            return new Settings(
                    cells.isEmpty() ? CELLS : cells,
                    withBefore(servers.isEmpty() ? Servers.ALL : servers, given.get("--before")),
                    Integer.parseInt(given.get("--rounds")),
                    seconds(given.get("--seconds")),
                    seconds(given.get("--warmup")),
                    split(given.get("--jvm"), " "),
                    given.get("--out").isEmpty() ? null : Path.of(given.get("--out")));
        }

        /** Sets beside each server of ours the same with other classes. */
        private static List<Servers.Entry> withBefore(List<Servers.Entry> servers, String path) {
            var all = new ArrayList<Servers.Entry>();
            for (Servers.Entry server : servers) {
                all.add(server);
                if (!path.isEmpty() && server.name().startsWith("peerloom")) {
                    all.add(server.before(path));
                }
            }
            return List.copyOf(all);
        }

        private static List<String> split(String text, String separator) {
            return Arrays.stream(text.split(separator)).filter(part -> !part.isEmpty()).toList();
        }

        private static Duration seconds(String text) {
            return Duration.ofMillis(Math.round(1_000 * Double.parseDouble(text)));
        }
    }

    /** The JVM options of whatever is measured. */
    static final List<String> SUBJECT_JVM = List.of("-XX:+UseSerialGC", "-Xms1g", "-Xmx1g");

    private static final List<String> LOAD_JVM =
            List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=1g");

    private static final int SUBJECT_CORE = 0;
    private static final int OTHER_CORE = 1;

    /** How long a server may take to listen, and a load generator beyond its plan. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Settings settings;
    private final boolean pinned;
    private final Path certificate;

    private Sockets(Settings settings, Path certificate) {
        this.settings = settings;
        this.certificate = certificate;
        pinned =
                Runtime.getRuntime().availableProcessors() > 1
                        && !Machine.firstLine("taskset", "-c", "1", "echo", "there").isEmpty();
    }

    /**
     * Measures and writes the report.
     *
     * @param args {@code --cells 50x64x1,50x1024x1xdeflate --servers raw,peerloom-blocking --rounds
     *     5 --seconds 3 --warmup 3 --jvm "-Djdk.pollerMode=1" --before CLASSPATH --out FILE}, each
     *     of them optional; all cells and servers if not said otherwise, and the report on the
     *     console only. {@code --before} measures beside each server of Peerloom the same with
     *     other classes, in the same rounds
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
        Path folder = Files.createTempDirectory("bench");
        SocketReport report;
        try {
            boolean tls = settings.cells().stream().anyMatch(cell -> cell.mode() == Mode.TLS);
            Path certificate = tls ? Certificate.make(folder) : null;
            report = new Sockets(settings, certificate).measureAll();
        } finally {
            Certificate.delete(folder);
        }
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
                for (Servers.Entry server : settings.servers()) {
                    if (!server.modes().contains(cell.mode())) {
                        continue;
                    }
                    String what =
                            "round %d, %s, %s: "
                                    .formatted(round, SocketReport.name(cell), server.name());
                    try {
                        Result result = measure(server, cell);
                        report.add(server, cell, result);
                        System.out.println(what + SocketReport.brief(result));
                    } catch (IOException e) {
                        report.addFailure(server, cell);
                        System.out.println(what + "failed, " + e.getMessage());
                    }
                }
            }
        }
        return report;
    }

    private Result measure(Servers.Entry server, Cell cell)
            throws IOException, InterruptedException {
        var jvm = new ArrayList<>(SUBJECT_JVM);
        jvm.addAll(server.jvmOptions());
        jvm.addAll(settings.jvmOptions());
        try (var echo =
                new Child(
                        pinned ? SUBJECT_CORE : -1,
                        jvm,
                        certificate,
                        server.classPath(),
                        Servers.class,
                        List.of(server.mainName(), cell.mode().name()))) {
            int port = Integer.parseInt(echo.await(Subject.LISTENING, PATIENCE));
            var plan =
                    new Plan(
                            port,
                            server.kind() == Kind.WEBSOCKET,
                            cell.mode(),
                            cell.connections(),
                            cell.payload(),
                            cell.inFlight(),
                            settings.warmup(),
                            settings.window(),
                            echo.process.pid());
            try (var load =
                    new Child(
                            pinned ? OTHER_CORE : -1,
                            LOAD_JVM,
                            certificate,
                            "",
                            LoadGenerator.class,
                            plan.toArguments())) {
                load.await(LoadGenerator.BEGIN, settings.warmup().plus(PATIENCE));
                long before = echo.allocated();
                load.await(LoadGenerator.END, settings.window().plus(PATIENCE));
                long after = echo.allocated();
                return Result.parse(load.await(LoadGenerator.RESULT, PATIENCE))
                        .withAllocated(after - before);
            }
        }
    }

    /** A class in a JVM like this one, whose errors are seen here. */
    static final class Child implements AutoCloseable {
        private static final String ENDED = "ended";

        private final Process process;
        private final PrintStream in;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

        /**
         * Starts it.
         *
         * @param core the core it is pinned to; -1 for any
         * @param jvm its JVM's options
         * @param certificate what TLS takes; null if there is none
         * @param classPath what its class path begins with
         */
        Child(
                int core,
                List<String> jvm,
                Path certificate,
                String classPath,
                Class<?> main,
                List<String> arguments)
                throws IOException {
            var command = new ArrayList<String>();
            if (core >= 0) {
                command.addAll(List.of("taskset", "-c", Integer.toString(core)));
            }
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(jvm);
            command.add("--enable-native-access=ALL-UNNAMED"); // Netty's epoll
            command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
            if (certificate != null) {
                command.add("-D" + Certificate.PROPERTY + "=" + certificate);
            }
            String own = System.getProperty("java.class.path");
            command.addAll(List.of("-cp", classPath + own, main.getName()));
            command.addAll(arguments);
            process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            in = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
            // It goes on reading, so that a talkative child never waits for somebody to listen.
            Thread.ofVirtual().start(this::listen);
        }

        private void listen() {
            try (var reader =
                    new BufferedReader(
                            new InputStreamReader(
                                    process.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line; (line = reader.readLine()) != null; ) {
                    lines.add(line);
                }
            } catch (IOException e) {
                // as good as its end
            }
            lines.add(ENDED);
        }

        /** Waits for a line that begins so, and returns the rest of it. */
        String await(String beginning, Duration patience) throws IOException, InterruptedException {
            long end = System.nanoTime() + patience.toNanos();
            while (true) {
                String line = lines.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (line == null || line.equals(ENDED)) {
                    throw new IOException(
                            (line == null ? "too slow" : "ended") + ", no \"" + beginning + "\"");
                }
                if (line.startsWith(beginning)) {
                    return line.substring(beginning.length());
                }
            }
        }

        long allocated() throws IOException, InterruptedException {
            in.println();
            return Long.parseLong(await(Subject.ALLOCATED, PATIENCE));
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }
}
