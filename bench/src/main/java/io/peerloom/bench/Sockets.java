package io.peerloom.bench;

import io.peerloom.bench.Entry.Kind;
import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.bench.LoadGenerator.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Measures over real sockets: echo servers, each against the {@link LoadGenerator}, and clients,
 * each against {@link WireEcho}.
 *
 * <p>Every measurement is a fresh process on core 0 for what is measured, and a fresh one on core 1
 * for the other side, warmed up together; then the echoes of a fixed time are counted, the CPU time
 * of both, and what was allocated. In a round every server has its turn in every cell, so that what
 * changes on the machine over time falls on all alike. The figures are medians over the rounds.
 * Where there is no {@code taskset}, or one core only, nobody is pinned, and the report says so.
 *
 * <p>All servers do the same work, see {@link Servers}, and all clients, see {@link Clients}. The
 * servers of {@link Kind#BYTES} skip masking and framing, which is the point of them.
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

    /** What can be measured. */
    enum Part {
        /** The {@link #CELLS} with every server. */
        SERVERS,
        /** Those of them without TLS and compression with every client. */
        CLIENTS,
        /** The memory of idle connections. */
        IDLE,
        /** {@code poll()} when nothing happened, with many peers. */
        POLL,
        /** Few active connections among many idle ones. */
        ACTIVE,
        /** One message to many. */
        BROADCAST,
        /** One that sends and does not read, among many. */
        SLOW,
        /** The three ways to use one connection. */
        WAYS
    }

    /** Those of {@link Part#WAYS}. */
    private static final List<Cell> WAYS = List.of(new Cell(1, 64, 1), new Cell(1, 64, 64));

    /**
     * What to measure.
     *
     * @param parts which of all
     * @param cells the loads
     * @param servers the servers
     * @param clients the clients
     * @param crowd how many connections are many
     * @param rounds how often
     * @param window how long each time
     * @param warmup how long before each time
     * @param jvmOptions of whatever is measured, beside {@link #SUBJECT_JVM}
     * @param out where the report goes; null for the console only
     */
    record Settings(
            Set<Part> parts,
            List<Cell> cells,
            List<Entry<Servers.Start>> servers,
            List<Entry<Clients.Start>> clients,
            int crowd,
            int rounds,
            Duration window,
            Duration warmup,
            List<String> jvmOptions,
            Path out) {
        static Settings parse(String[] args) {
            Map<String, String> given =
                    new HashMap<>(
                            Map.ofEntries(
                                    Map.entry("--parts", "servers"),
                                    Map.entry("--cells", ""),
                                    Map.entry("--servers", ""),
                                    Map.entry("--clients", ""),
                                    Map.entry("--crowd", "10000"),
                                    Map.entry("--rounds", "5"),
                                    Map.entry("--seconds", "3"),
                                    Map.entry("--warmup", "3"),
                                    Map.entry("--jvm", ""),
                                    Map.entry("--before", ""),
                                    Map.entry("--out", "")));
            for (int i = 0; i < args.length; i += 2) {
                if (i + 1 == args.length || given.replace(args[i], args[i + 1]) == null) {
                    throw new IllegalArgumentException(
                            args[i] + ": an option of " + given.keySet() + " and its value");
                }
            }
            List<Cell> cells = split(given.get("--cells"), ",").stream().map(Cell::parse).toList();
            String before = given.get("--before");
            return new Settings(
                    split(given.get("--parts"), ",").stream()
                            .map(part -> Part.valueOf(part.toUpperCase(Locale.ROOT)))
                            .collect(Collectors.toCollection(() -> EnumSet.noneOf(Part.class))),
                    cells.isEmpty() ? CELLS : cells,
                    chosen(given.get("--servers"), Servers.ALL, before),
                    chosen(given.get("--clients"), Clients.ALL, before),
                    Integer.parseInt(given.get("--crowd")),
                    Integer.parseInt(given.get("--rounds")),
                    seconds(given.get("--seconds")),
                    seconds(given.get("--warmup")),
                    split(given.get("--jvm"), " "),
                    given.get("--out").isEmpty() ? null : Path.of(given.get("--out")));
        }

        /** Those of the names, or all, and beside each of ours the same with other classes. */
        private static <S> List<Entry<S>> chosen(String names, List<Entry<S>> all, String before) {
            var chosen = new ArrayList<Entry<S>>();
            for (String name :
                    names.isEmpty()
                            ? all.stream().filter(Entry::runsHere).map(Entry::name).toList()
                            : split(names, ",")) {
                Entry<S> entry = Entry.named(name, all);
                chosen.add(entry);
                if (!before.isEmpty() && entry.isOurs()) {
                    chosen.add(entry.before(before));
                }
            }
            return List.copyOf(chosen);
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

    private static final List<String> OTHER_JVM =
            List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=1g");

    private static final int SUBJECT_CORE = 0;
    private static final int OTHER_CORE = 1;

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
     * @param args {@code --parts servers,clients,idle,poll,active,broadcast,slow,ways --cells
     *     50x64x1,50x1024x1xdeflate --servers raw,peerloom-blocking --clients jdk --crowd 10000
     *     --rounds 5 --seconds 3 --warmup 3 --jvm "-Djdk.pollerMode=1" --before CLASSPATH --out
     *     FILE}, each of them optional; all cells and servers if not said otherwise, and the report
     *     on the console only. {@code --before} measures beside each server of Peerloom the same
     *     with other classes, in the same rounds
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
        try {
            boolean tls = settings.cells().stream().anyMatch(cell -> cell.mode() == Mode.TLS);
            Path certificate = tls ? Certificate.make(folder) : null;
            return new Sockets(settings, certificate).measureAll();
        } finally {
            Certificate.delete(folder);
        }
    }

    private boolean measureAll() throws IOException, InterruptedException {
        var text = new StringBuilder("# Over sockets\n\n");
        text.append(Machine.here()).append("  \n");
        text.append("what is measured: `").append(String.join(" ", SUBJECT_JVM));
        settings.jvmOptions().forEach(option -> text.append(' ').append(option));
        text.append('`').append(pinned ? " on core 0, the other side on core 1" : ", not pinned");
        text.append(
                "; %d rounds of %s s, each after %s s of warm-up; medians\n"
                        .formatted(
                                settings.rounds(),
                                SocketReport.figure(settings.window().toMillis() / 1e3),
                                SocketReport.figure(settings.warmup().toMillis() / 1e3)));
        boolean whole = true;
        for (Part part : settings.parts()) {
            text.append('\n');
            try {
                whole &= measure(part, text);
            } catch (IOException e) {
                whole = false;
                text.append("## ").append(part).append("\n\nfailed, ").append(e.getMessage());
                text.append('\n');
            }
        }
        System.out.println(text);
        if (settings.out() != null) {
            write(settings.out(), text.toString());
        }
        return whole;
    }

    private static void write(Path out, String text) throws IOException {
        Files.createDirectories(out.toAbsolutePath().getParent());
        Files.writeString(out, text);
        System.out.println("written to " + out);
    }

    /** Returns whether nothing failed. */
    private boolean measure(Part part, StringBuilder text)
            throws IOException, InterruptedException {
        var crowds = new Crowds(this, settings.crowd());
        switch (part) {
            case SERVERS -> {
                var report =
                        new SocketReport(
                                "Echo servers",
                                SocketReport.SERVER_TARGETS,
                                settings.cells(),
                                settings.servers());
                measure(report, settings.cells(), settings.servers(), this::alone);
                return add(report, "servers", text);
            }
            case CLIENTS -> {
                List<Cell> cells =
                        settings.cells().stream()
                                .filter(cell -> cell.mode() == Mode.PLAIN)
                                .toList();
                var report =
                        new SocketReport(
                                "Clients, against one fast server",
                                SocketReport.CLIENT_TARGETS,
                                cells,
                                settings.clients());
                measure(report, cells, settings.clients(), this::client);
                return add(report, "clients", text);
            }
            case WAYS -> {
                List<Entry<Servers.Start>> ours =
                        Servers.ALL.stream().filter(Entry::isOurs).toList();
                var report = new SocketReport("Ways to use one connection", Map.of(), WAYS, ours);
                measure(report, WAYS, ours, this::alone);
                return add(report, "ways", text);
            }
            case IDLE -> text.append(crowds.idle(settings.servers()));
            case POLL -> text.append(crowds.polls());
            case ACTIVE -> text.append(crowds.active());
            case BROADCAST -> text.append(crowds.broadcasts());
            case SLOW -> text.append(crowds.slowReader());
        }
        return !crowds.hasFailed();
    }

    /** Adds the tables and, if they go to a file, pictures beside it. */
    private boolean add(SocketReport report, String name, StringBuilder text) throws IOException {
        text.append(report);
        picture(report, EnumSet.of(Mode.PLAIN), name, text);
        picture(report, EnumSet.of(Mode.TLS, Mode.DEFLATE), name + "-tls-deflate", text);
        return report.isWhole();
    }

    private void picture(SocketReport report, Set<Mode> modes, String name, StringBuilder text)
            throws IOException {
        Optional<String> svg = report.plot(modes);
        if (settings.out() != null && svg.isPresent()) {
            String file = settings.out().getFileName().toString().replaceFirst("\\.md$", "");
            Path picture = settings.out().resolveSibling(file + "-" + name + ".svg");
            write(picture, svg.get());
            text.append("\n![%s](%s)\n".formatted(name, picture.getFileName()));
        }
    }

    @FunctionalInterface
    private interface Measure<S> {
        Result of(Entry<S> entry, Cell cell) throws IOException, InterruptedException;
    }

    private <S> void measure(
            SocketReport report, List<Cell> cells, List<Entry<S>> entries, Measure<S> measure)
            throws InterruptedException {
        for (int round = 1; round <= settings.rounds(); round++) {
            for (Cell cell : cells) {
                for (Entry<S> entry : entries) {
                    if (!entry.modes().contains(cell.mode())) {
                        continue;
                    }
                    String what =
                            "round %d, %s, %s: "
                                    .formatted(round, SocketReport.name(cell), entry.name());
                    try {
                        Result result = measure.of(entry, cell);
                        report.add(entry, cell, result);
                        System.out.println(what + SocketReport.brief(result));
                    } catch (IOException e) {
                        report.addFailure(entry, cell);
                        System.out.println(what + "failed, " + e.getMessage());
                    }
                }
            }
        }
    }

    /** Beside what all have, what an entry and the command line ask for. */
    private List<String> jvm(Entry<?> entry) {
        var jvm = new ArrayList<>(SUBJECT_JVM);
        jvm.addAll(entry.jvmOptions());
        jvm.addAll(settings.jvmOptions());
        return jvm;
    }

    private Child subject(Entry<?> entry, Class<?> main, List<String> arguments)
            throws IOException {
        return subject(jvm(entry), entry, main, arguments);
    }

    /** A child that is measured, without the JVM options of the command line. */
    Child subject(List<String> jvm, Entry<?> entry, Class<?> main, List<String> arguments)
            throws IOException {
        int core = pinned ? SUBJECT_CORE : Child.ANY_CORE;
        return new Child(core, jvm, certificate, entry.classPath(), main, arguments);
    }

    /** A child that is measured and is no entry. */
    Child subject(Class<?> main, List<String> arguments) throws IOException {
        int core = pinned ? SUBJECT_CORE : Child.ANY_CORE;
        return new Child(core, SUBJECT_JVM, certificate, "", main, arguments);
    }

    /** A child on the other side. */
    Child other(Class<?> main, List<String> arguments) throws IOException {
        int core = pinned ? OTHER_CORE : Child.ANY_CORE;
        return new Child(core, OTHER_JVM, certificate, "", main, arguments);
    }

    private Plan plan(int port, Entry<?> entry, Cell cell, long serverPid) {
        return new Plan(
                port,
                entry.kind() == Kind.WEBSOCKET,
                cell.mode(),
                cell.connections(),
                cell.payload(),
                cell.inFlight(),
                settings.warmup(),
                settings.window(),
                serverPid);
    }

    /** What there is to do before a server is measured. */
    @FunctionalInterface
    interface Beside {
        /** Starts another child, which ends when the measurement does; or null. */
        Child start(int port, Kind kind) throws IOException, InterruptedException;
    }

    private Result alone(Entry<Servers.Start> server, Cell cell)
            throws IOException, InterruptedException {
        return server(server, cell, (port, kind) -> null);
    }

    Result server(Entry<Servers.Start> server, Cell cell, Beside beside)
            throws IOException, InterruptedException {
        List<String> arguments = List.of(server.mainName(), cell.mode().name());
        try (Child echo = subject(server, Servers.class, arguments)) {
            int port = Integer.parseInt(echo.await(Subject.LISTENING, Child.PATIENCE));
            Plan plan = plan(port, server, cell, echo.process.pid());
            Child besides = beside.start(port, server.kind());
            try (Child load = other(LoadGenerator.class, Role.LOAD.with(plan))) {
                load.await(LoadGenerator.BEGIN, settings.warmup().plus(Child.PATIENCE));
                long before = echo.allocated();
                load.await(LoadGenerator.END, settings.window().plus(Child.PATIENCE));
                long after = echo.allocated();
                return Result.parse(load.await(LoadGenerator.RESULT, Child.PATIENCE))
                        .withAllocated(after - before);
            } finally {
                if (besides != null) {
                    besides.close();
                }
            }
        }
    }

    private Result client(Entry<Clients.Start> client, Cell cell)
            throws IOException, InterruptedException {
        try (Child echo = other(WireEcho.class, List.of())) {
            int port = Integer.parseInt(echo.await(Subject.LISTENING, Child.PATIENCE));
            var arguments = new ArrayList<>(List.of(client.mainName()));
            arguments.addAll(plan(port, client, cell, echo.process.pid()).toArguments());
            try (Child load = subject(client, Clients.class, arguments)) {
                Duration patience = settings.warmup().plus(settings.window()).plus(Child.PATIENCE);
                return Result.parse(load.await(LoadGenerator.RESULT, patience));
            }
        }
    }
}
