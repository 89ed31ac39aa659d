package io.peerloom.bench;

import io.peerloom.bench.LoadGenerator.Result;
import io.peerloom.bench.Sockets.Cell;
import io.peerloom.bench.Sockets.Server;
import io.peerloom.bench.Sockets.Settings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What {@link Sockets} measured, as Markdown: one table of all cells, with what Peerloom must reach
 * beside the raw echo of the same run, and one table for each cell with all that was counted. Where
 * the load's core is near 100 % and the server's is not, the load generator was what was measured.
 */
final class SocketReport {
    /** Stands where a measurement did not come to its end. */
    private static final String FAILED = "failed";

    /** Beside the raw echo on virtual threads of the same run. */
    private static final Map<Cell, Double> TARGETS =
            Map.of(
                    new Cell(1, 64, 1), 0.95,
                    new Cell(50, 64, 1), 1.0,
                    new Cell(50, 64, 16), 0.9,
                    new Cell(200, 1024, 1), 1.05,
                    new Cell(50, 16_384, 1), 0.85,
                    new Cell(8, 1_048_576, 1), 0.85);

    private record Place(Server server, Cell cell) {}

    private final Machine machine;
    private final Settings settings;
    private final boolean pinned;
    private final Map<Place, List<Result>> results = new HashMap<>();
    private final Map<Place, Integer> failures = new HashMap<>();

    SocketReport(Machine machine, Settings settings, boolean pinned) {
        this.machine = machine;
        this.settings = settings;
        this.pinned = pinned;
    }

    void add(Server server, Cell cell, Result result) {
        results.computeIfAbsent(new Place(server, cell), place -> new ArrayList<>()).add(result);
    }

    void addFailure(Server server, Cell cell) {
        failures.merge(new Place(server, cell), 1, Integer::sum);
    }

    /** Whether nothing failed. */
    boolean isWhole() {
        return failures.isEmpty();
    }

    /** As people read it: {@code 50×16 KiB×1}. */
    static String name(Cell cell) {
        return "%d×%s×%d".formatted(cell.connections(), bytes(cell.payload()), cell.inFlight());
    }

    /** As people read it: {@code 16 KiB}. */
    static String bytes(int count) {
        if (count >= 1 << 20 && count % (1 << 20) == 0) {
            return (count >> 20) + " MiB";
        }
        return count >= 1 << 10 && count % (1 << 10) == 0 ? (count >> 10) + " KiB" : count + " B";
    }

    /** One measurement in a line. */
    static String brief(Result result) {
        return "%s k msg/s, %s µs of server CPU each, server %s, load %s"
                .formatted(
                        figure(result.perSecond() / 1e3),
                        figure(result.serverMicrosPerMessage()),
                        percent(result.serverShare()),
                        percent(result.loadShare()));
    }

    @Override
    public String toString() {
        var text = new StringBuilder("# Echo over sockets\n\n");
        text.append(machine).append("  \n");
        text.append("servers: `").append(String.join(" ", Sockets.SERVER_JVM));
        settings.jvmOptions().forEach(option -> text.append(' ').append(option));
        text.append(
                "`%s; %d rounds of %s s, each after %s s of warm-up; medians\n\n"
                        .formatted(
                                pinned ? " on core 0, load on core 1" : ", nothing pinned",
                                settings.rounds(),
                                figure(settings.window().toMillis() / 1e3),
                                figure(settings.warmup().toMillis() / 1e3)));
        overview(text);
        settings.cells().forEach(cell -> details(text, cell));
        return text.toString();
    }

    private void overview(StringBuilder text) {
        text.append("Thousand messages per second, and beside `raw`, one virtual thread a socket:");
        text.append("\n\n| connections × payload × in flight |");
        settings.cells().forEach(cell -> text.append(' ').append(name(cell)).append(" |"));
        text.append("\n|---|").append("---:|".repeat(settings.cells().size())).append('\n');
        for (Server server : settings.servers()) {
            text.append("| ").append(server.name()).append(" |");
            for (Cell cell : settings.cells()) {
                text.append(' ').append(speed(server, cell));
                String ratio = ratio(server, cell);
                text.append(ratio.isEmpty() ? "" : " (" + ratio + ")").append(" |");
            }
            text.append('\n');
        }
        text.append("| *Peerloom must reach* |");
        for (Cell cell : settings.cells()) {
            Double target = TARGETS.get(cell);
            text.append(target == null ? "  |" : " *" + figure(target) + "×* |");
        }
        text.append('\n');
    }

    private void details(StringBuilder text, Cell cell) {
        text.append("\n## ").append(name(cell)).append("\n\n");
        text.append("| server | k msg/s | least to most | beside raw | server CPU, µs per message");
        text.append(" | server's core | load's core | starved | failed |\n");
        text.append("|---|").append("---:|".repeat(8)).append('\n');
        for (Server server : settings.servers()) {
            List<Result> all = of(server, cell);
            double[] speeds = all.stream().mapToDouble(Result::perSecond).sorted().toArray();
            int starved = all.stream().mapToInt(Result::starved).max().orElse(0);
            int failed = failures.getOrDefault(new Place(server, cell), 0);
            var columns =
                    List.of(
                            server.name(),
                            speed(server, cell),
                            speeds.length == 0
                                    ? "–"
                                    : figure(speeds[0] / 1e3)
                                            + " to "
                                            + figure(speeds[speeds.length - 1] / 1e3),
                            ratio(server, cell),
                            figure(median(all, Result::serverMicrosPerMessage)),
                            percent(median(all, Result::serverShare)),
                            percent(median(all, Result::loadShare)),
                            starved == 0 ? "–" : starved + " connections",
                            failed == 0 ? "–" : failed + " times " + FAILED);
            text.append("| ").append(String.join(" | ", columns)).append(" |\n");
        }
    }

    private List<Result> of(Server server, Cell cell) {
        return results.getOrDefault(new Place(server, cell), List.of());
    }

    private String speed(Server server, Cell cell) {
        List<Result> all = of(server, cell);
        return all.isEmpty() ? FAILED : figure(median(all, Result::perSecond) / 1e3);
    }

    /** Beside the raw echo; empty for that itself, and if it was not measured. */
    private String ratio(Server server, Cell cell) {
        double ratio =
                median(of(server, cell), Result::perSecond)
                        / median(of(Sockets.RAW, cell), Result::perSecond);
        return server.equals(Sockets.RAW) || Double.isNaN(ratio)
                ? ""
                : String.format(Locale.ROOT, "%.2f×", ratio);
    }

    private static double median(List<Result> all, ToDoubleFunction<Result> what) {
        double[] sorted = all.stream().mapToDouble(what).sorted().toArray();
        int half = sorted.length / 2;
        return sorted.length == 0
                ? Double.NaN
                : sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "–" : Math.round(100 * share) + " %";
    }

    /** With as many digits as mean something: three. */
    static String figure(double value) {
        if (!Double.isFinite(value)) {
            return "–";
        }
        String format =
                value >= 100 ? "%,.0f" : value >= 10 ? "%.1f" : value >= 0.1 ? "%.2f" : "%.3f";
        return String.format(Locale.ROOT, format, value);
    }
}
