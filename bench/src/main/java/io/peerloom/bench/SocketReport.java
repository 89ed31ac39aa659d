package io.peerloom.bench;

import io.peerloom.bench.Entry.Kind;
import io.peerloom.bench.Sockets.Cell;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * What {@link Sockets} measured of servers or of clients, as Markdown: one table of all cells, with
 * what Peerloom must reach beside the raw echo and beside the best other library of the same run,
 * and one table for each cell with all that was counted.
 */
final class SocketReport {
    /** Stands where a measurement did not come to its end. */
    private static final String FAILED = "failed";

    /** Stands where there is nothing to measure. */
    private static final String NONE = "–";

    /**
     * Above this part of its core, and above that of what is measured, the other side is the limit.
     */
    private static final double BUSY = 0.95;

    /** What must be reached beside the best library and, of servers, beside the raw echo. */
    record Target(double library, double raw) {}

    static final Map<Cell, Target> SERVER_TARGETS =
            Map.of(
                    new Cell(1, 64, 1), new Target(1.0, 0.95),
                    new Cell(50, 64, 1), new Target(1.05, 1.0),
                    new Cell(50, 64, 16), new Target(2.0, 0.9),
                    new Cell(200, 1_024, 1), new Target(1.15, 1.05),
                    new Cell(50, 16_384, 1), new Target(1.4, 0.85),
                    new Cell(8, 1_048_576, 1), new Target(1.4, 0.85));

    static final Map<Cell, Target> CLIENT_TARGETS =
            Map.of(
                    new Cell(1, 64, 1), new Target(1.0, Double.NaN),
                    new Cell(50, 64, 1), new Target(1.0, Double.NaN),
                    new Cell(50, 64, 16), new Target(1.5, Double.NaN),
                    new Cell(200, 1_024, 1), new Target(1.0, Double.NaN),
                    new Cell(50, 16_384, 1), new Target(1.5, Double.NaN),
                    new Cell(8, 1_048_576, 1), new Target(1.5, Double.NaN));

    private record Place(String server, Cell cell) {}

    private final String title;
    private final Map<Cell, Target> targets;
    private final List<Cell> cells;
    private final List<? extends Entry<?>> entries;
    private final Map<Place, List<Result>> results = new HashMap<>();
    private final Map<Place, Integer> failures = new HashMap<>();

    SocketReport(
            String title,
            Map<Cell, Target> targets,
            List<Cell> cells,
            List<? extends Entry<?>> entries) {
        this.title = title;
        this.targets = targets;
        this.cells = cells;
        this.entries = entries;
    }

    void add(Entry<?> server, Cell cell, Result result) {
        results.computeIfAbsent(new Place(server.name(), cell), place -> new ArrayList<>())
                .add(result);
    }

    void addFailure(Entry<?> server, Cell cell) {
        failures.merge(new Place(server.name(), cell), 1, Integer::sum);
    }

    /** Whether nothing failed. */
    boolean isWhole() {
        return failures.isEmpty();
    }

    /** As people read it: {@code 50×16 KiB×1}. */
    static String name(Cell cell) {
        String mode =
                switch (cell.mode()) {
                    case PLAIN -> "";
                    case TLS -> " TLS";
                    case DEFLATE -> " deflate";
                };
        return "%d×%s×%d%s"
                .formatted(cell.connections(), bytes(cell.payload()), cell.inFlight(), mode);
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
        return "%s k msg/s, %s µs of CPU and %s B allocated each, core %s, the other side's %s"
                .formatted(
                        figure(result.perSecond() / 1e3),
                        figure(result.microsPerMessage()),
                        figure(result.allocatedPerMessage()),
                        percent(result.subjectShare()),
                        percent(result.otherShare()));
    }

    @Override
    public String toString() {
        var text = new StringBuilder("## ").append(title).append("\n\n");
        overview(text);
        cells.forEach(cell -> details(text, cell));
        return text.toString();
    }

    /** The cells of some modes as a picture; empty if there are none. */
    Optional<String> plot(Set<Mode> modes) {
        List<Plot.Panel> panels =
                cells.stream()
                        .filter(cell -> modes.contains(cell.mode()))
                        .map(cell -> new Plot.Panel(name(cell), bars(cell)))
                        .toList();
        return panels.isEmpty()
                ? Optional.empty()
                : Optional.of(Plot.svg(title + ", thousand messages per second", panels));
    }

    /** Of those that can do what the cell asks for. */
    private List<Plot.Bar> bars(Cell cell) {
        return entries.stream()
                .filter(entry -> entry.modes().contains(cell.mode()))
                .map(entry -> bar(entry, cell))
                .toList();
    }

    private Plot.Bar bar(Entry<?> entry, Cell cell) {
        Plot.Kind kind =
                entry.isOurs()
                        ? Plot.Kind.OURS
                        : entry.kind() == Kind.BYTES ? Plot.Kind.CEILING : Plot.Kind.LIBRARY;
        return new Plot.Bar(
                entry.name(), kind, median(of(entry.name(), cell), Result::perSecond) / 1e3);
    }

    private void overview(StringBuilder text) {
        boolean raw = entries.contains(Servers.RAW);
        text.append("Thousand messages per second");
        text.append(raw ? ", and beside `raw`, one virtual thread a socket; " : "; ");
        text.append("* where the other side's core was the one that was full:");
        text.append("\n\n| connections × payload × in flight |");
        cells.forEach(cell -> text.append(' ').append(name(cell)).append(" |"));
        text.append("\n|---|").append("---:|".repeat(cells.size())).append('\n');
        for (Entry<?> entry : entries) {
            text.append("| ").append(entry.name()).append(" |");
            for (Cell cell : cells) {
                text.append(' ').append(speed(entry, cell));
                if (isLimitedByOther(of(entry.name(), cell))) {
                    text.append('*');
                }
                String ratio = ratio(of(entry.name(), cell), raw(cell));
                text.append(ratio.isEmpty() || entry.equals(Servers.RAW) ? "" : " (" + ratio + ")")
                        .append(" |");
            }
            text.append('\n');
        }
        if (raw) {
            wanted(text, "beside raw", Target::raw);
        }
        wanted(text, "beside the best library", Target::library);
        for (Entry<?> entry : entries) {
            if (!entry.isOurs()) {
                continue;
            }
            text.append("| ").append(entry.name()).append(" beside the best library |");
            for (Cell cell : cells) {
                String ratio = ratio(of(entry.name(), cell), best(cell));
                text.append(' ').append(ratio.isEmpty() ? NONE : ratio).append(" |");
            }
            text.append('\n');
        }
    }

    private void wanted(StringBuilder text, String beside, ToDoubleFunction<Target> of) {
        text.append("| *must reach, ").append(beside).append("* |");
        for (Cell cell : cells) {
            Target target = targets.get(cell);
            text.append(target == null ? "  |" : " *" + times(of.applyAsDouble(target)) + "* |");
        }
        text.append('\n');
    }

    private void details(StringBuilder text, Cell cell) {
        text.append("\n### ").append(name(cell)).append("\n\n");
        text.append("| | k msg/s | least to most | beside raw | CPU, µs per message");
        text.append(" | allocated, B per message | its core | the other side's core | starved |");
        text.append(" failed |\n");
        text.append("|---|").append("---:|".repeat(9)).append('\n');
        for (Entry<?> entry : entries) {
            if (!entry.modes().contains(cell.mode())) {
                continue;
            }
            List<Result> all = of(entry.name(), cell);
            double[] speeds = all.stream().mapToDouble(Result::perSecond).sorted().toArray();
            int starved = all.stream().mapToInt(Result::starved).max().orElse(0);
            int failed = failures.getOrDefault(new Place(entry.name(), cell), 0);
            var columns =
                    List.of(
                            entry.name(),
                            speed(entry, cell),
                            speeds.length == 0
                                    ? NONE
                                    : figure(speeds[0] / 1e3)
                                            + " to "
                                            + figure(speeds[speeds.length - 1] / 1e3),
                            entry.equals(Servers.RAW) ? "" : ratio(all, raw(cell)),
                            figure(median(all, Result::microsPerMessage)),
                            figure(median(all, Result::allocatedPerMessage)),
                            percent(median(all, Result::subjectShare)),
                            percent(median(all, Result::otherShare)),
                            starved == 0 ? NONE : starved + " connections",
                            failed == 0 ? NONE : failed + " times " + FAILED);
            text.append("| ").append(String.join(" | ", columns)).append(" |\n");
        }
    }

    private List<Result> of(String server, Cell cell) {
        return results.getOrDefault(new Place(server, cell), List.of());
    }

    private double raw(Cell cell) {
        return median(of(Servers.RAW.name(), cell), Result::perSecond);
    }

    /** The median of the fastest library that is not ours; NaN if none was measured. */
    private double best(Cell cell) {
        DoubleStream medians =
                entries.stream()
                        .filter(entry -> entry.kind() == Kind.WEBSOCKET)
                        .filter(entry -> !entry.isOurs())
                        .mapToDouble(entry -> median(of(entry.name(), cell), Result::perSecond));
        return medians.filter(Double::isFinite).max().orElse(Double.NaN);
    }

    private static boolean isLimitedByOther(List<Result> all) {
        double other = median(all, Result::otherShare);
        return other > BUSY && other > median(all, Result::subjectShare);
    }

    private String speed(Entry<?> entry, Cell cell) {
        List<Result> all = of(entry.name(), cell);
        if (all.isEmpty()) {
            return failures.containsKey(new Place(entry.name(), cell)) ? FAILED : NONE;
        }
        return figure(median(all, Result::perSecond) / 1e3);
    }

    /** How many times as fast; empty if one of the two was not measured. */
    private static String ratio(List<Result> all, double other) {
        double ratio = median(all, Result::perSecond) / other;
        return Double.isNaN(ratio) ? "" : times(ratio);
    }

    private static String times(double ratio) {
        return String.format(Locale.ROOT, "%.2f×", ratio);
    }

    private static double median(List<Result> all, ToDoubleFunction<Result> what) {
        double[] sorted = all.stream().mapToDouble(what).sorted().toArray();
        int half = sorted.length / 2;
        return sorted.length == 0
                ? Double.NaN
                : sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? NONE : Math.round(100 * share) + " %";
    }

    /** With as many digits as mean something: three. */
    static String figure(double value) {
        if (!Double.isFinite(value)) {
            return NONE;
        }
        String format =
                value >= 100 ? "%,.0f" : value >= 10 ? "%.1f" : value >= 0.1 ? "%.2f" : "%.3f";
        return String.format(Locale.ROOT, format, value);
    }
}
