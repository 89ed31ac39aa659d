package io.peerloom.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs all JMH benchmarks in about ten minutes, one short fork each, and writes them as Markdown:
 * nanoseconds, how many times an {@code arraycopy} of as many bytes that is, and what must be
 * reached. The benchmarks' own annotations ask for longer runs, which JMH's main class does.
 */
public final class Micro {
    /** Bytes of payload, the columns of the table. */
    private static final List<Integer> SIZES = List.of(16, 125, 1_024, 4_096, 65_536, 1_048_576);

    /** Up to this size what must be reached is nanoseconds, beyond it is copies. */
    private static final int LARGEST_IN_NANOS = 125;

    private static final String YARDSTICK = "MaskingBenchmark.arraycopy";

    /**
     * A line of the table: its name, its benchmark, what must be reached at each size or nothing.
     */
    private record Line(String name, String benchmark, List<Double> most) {
        Line(String name, String benchmark) {
            this(name, benchmark, List.of());
        }
    }

    private static final List<Line> LINES =
            List.of(
                    new Line("`System.arraycopy`, the yardstick", YARDSTICK),
                    new Line("byte loop in place", "MaskingBenchmark.byteLoop"),
                    new Line(
                            "mask in place",
                            "MaskingBenchmark.inPlace",
                            List.of(3.0, 6.0, 1.0, 1.0, 1.0, 1.0)),
                    new Line("mask in place, Undertow", "LibraryBenchmark.maskUndertow"),
                    new Line("mask in place, unaligned", "MaskingBenchmark.inPlaceUnaligned"),
                    new Line("mask while copying", "MaskingBenchmark.copying"),
                    new Line("mask while copying, unaligned", "MaskingBenchmark.copyingUnaligned"),
                    new Line(
                            "encode a masked frame, key included",
                            "FrameBenchmark.encodeMasked",
                            List.of(15.0, 20.0, 2.0, 1.5, 1.25, 1.25)),
                    new Line("the same, Netty", "LibraryBenchmark.encodeNetty"),
                    new Line("the same, Jetty", "LibraryBenchmark.encodeJetty"),
                    new Line("the same, Java-WebSocket", "LibraryBenchmark.encodeJavaWebSocket"),
                    new Line("the same, OkHttp", "LibraryBenchmark.encodeOkHttp"),
                    new Line("encode an unmasked frame", "FrameBenchmark.encodeUnmasked"),
                    new Line("encode an unmasked frame of text", "FrameBenchmark.encodeText"),
                    new Line(
                            "decode a masked frame to a message of its own",
                            "FrameBenchmark.decode",
                            List.of(25.0, 30.0, 3.0, 2.0, 2.0, 2.0)),
                    new Line("the same, Netty", "LibraryBenchmark.decodeNetty"),
                    new Line("the same, Jetty, in place", "LibraryBenchmark.decodeJetty"),
                    new Line("the same, Java-WebSocket", "LibraryBenchmark.decodeJavaWebSocket"),
                    new Line("the same, OkHttp", "LibraryBenchmark.decodeOkHttp"),
                    new Line("the same, Helidon", "LibraryBenchmark.decodeHelidon"),
                    new Line("the same, ours, of text", "FrameBenchmark.decodeText"),
                    new Line(
                            "the same, ours, " + FrameBenchmark.MANY + " frames in one buffer",
                            "FrameBenchmark.decodeMany"),
                    new Line("`Utf8.check`, ASCII", "Utf8Benchmark.check ascii"),
                    new Line("`CharsetDecoder`, ASCII", "Utf8Benchmark.decoder ascii"),
                    new Line("`new String`, ASCII", "Utf8Benchmark.newString ascii"),
                    new Line("`Utf8.check`, mixed text", "Utf8Benchmark.check mixed"),
                    new Line("`CharsetDecoder`, mixed text", "Utf8Benchmark.decoder mixed"),
                    new Line("`new String`, mixed text", "Utf8Benchmark.newString mixed"),
                    new Line("deflate, the JDK alone", "DeflateBenchmark.deflateJdk"),
                    new Line("deflate a message", "DeflateBenchmark.deflate"),
                    new Line("the same, Netty", "DeflateBenchmark.deflateNetty"),
                    new Line("the same, Java-WebSocket", "DeflateBenchmark.deflateJavaWebSocket"),
                    new Line("inflate, the JDK alone", "DeflateBenchmark.inflateJdk"),
                    new Line("inflate a message, from its frame", "DeflateBenchmark.inflate"),
                    new Line("the same, Netty", "DeflateBenchmark.inflateNetty"),
                    new Line("the same, Java-WebSocket", "DeflateBenchmark.inflateJavaWebSocket"),
                    new Line(
                            "encode a game's state as a `Variant`", "VariantBenchmark.encodeState"),
                    new Line("decode a game's state", "VariantBenchmark.decodeState"),
                    new Line("encode a packed array", "VariantBenchmark.encodePacked"),
                    new Line("decode a packed array", "VariantBenchmark.decodePacked"));

    /** Those without a size, in a table of their own. */
    private static final List<String> QUEUES =
            List.of("ours", "linked", "blocking", "jctools", "jctools-unbounded");

    /**
     * Who receives through futures, in a table of their own; the first is what the others are of.
     */
    private static final List<String> RECEIVERS =
            List.of(
                    "virtual",
                    "platform",
                    "batch",
                    "stages",
                    "kotlin-run-blocking",
                    "kotlin-default-dispatcher");

    /** What the throughput of each must be at least, of that of the first. */
    private static final double LEAST_OF_FIRST = 0.5;

    /** Of a benchmark at a size, over its iterations, in nanoseconds per operation. */
    record Score(double least, double median, double most) {
        static Score of(double... nanos) {
            double[] sorted = nanos.clone();
            Arrays.sort(sorted);
            return new Score(sorted[0], sorted[sorted.length / 2], sorted[sorted.length - 1]);
        }
    }

    /**
     * A benchmark at a size.
     *
     * @param benchmark class and method, and the name of the text, queue or receiver behind a space
     *     if there is one
     * @param size bytes; 0 if it has none
     */
    record Key(String benchmark, int size) {}

    private Micro() {}

    /**
     * Measures and writes the report.
     *
     * @param args {@code --out FILE}, without which the report is on the console only, and {@code
     *     --only REGEX}, without which all benchmarks run
     * @throws RunnerException if JMH fails
     * @throws IOException if the report cannot be written
     */
    public static void main(String[] args) throws RunnerException, IOException {
        String only = Micro.class.getPackageName();
        Path out = null;
        for (int i = 0; i < args.length; i += 2) {
            if (i + 1 < args.length && args[i].equals("--out")) {
                out = Path.of(args[i + 1]).toAbsolutePath();
            } else if (i + 1 < args.length && args[i].equals("--only")) {
                only = args[i + 1];
            } else {
                System.err.println("only --out FILE and --only REGEX are understood");
                System.exit(2);
            }
        }
        var options =
                new OptionsBuilder()
                        .include(only)
                        .forks(1)
                        .warmupIterations(2)
                        .warmupTime(TimeValue.milliseconds(500))
                        .measurementIterations(3)
                        .measurementTime(TimeValue.milliseconds(500))
                        .shouldFailOnError(true)
                        .build();
        String report = report(Machine.here(), scores(new Runner(options).run()));
        System.out.println(report);
        if (out != null) {
            Files.createDirectories(out.getParent());
            Files.writeString(out, report);
            System.out.println("written to " + out);
        }
    }

    private static Map<Key, Score> scores(Collection<RunResult> results) {
        var scores = new HashMap<Key, Score>();
        for (RunResult result : results) {
            String benchmark = result.getParams().getBenchmark();
            benchmark = benchmark.substring(Micro.class.getPackageName().length() + 1);
            String text = result.getParams().getParam("text");
            String queue = result.getParams().getParam("queue");
            String receiver = result.getParams().getParam("receiver");
            String which = text != null ? text : queue != null ? queue : receiver;
            String size = result.getParams().getParam("size");
            double[] nanos =
                    result.getBenchmarkResults().stream()
                            .flatMap(fork -> fork.getIterationResults().stream())
                            .map(IterationResult::getPrimaryResult)
                            .mapToDouble(iteration -> iteration.getScore())
                            .toArray();
            scores.put(
                    new Key(
                            which == null ? benchmark : benchmark + " " + which,
                            size == null ? 0 : Integer.parseInt(size)),
                    Score.of(nanos));
        }
        return scores;
    }

    /** The report; lines that were not measured are left out. */
    static String report(Machine machine, Map<Key, Score> scores) {
        var text = new StringBuilder("# Inner loops\n\n").append(machine).append("\n\n");
        text.append("Nanoseconds per operation (times `arraycopy` of as many bytes), median of a ");
        text.append("short run:\n\n|");
        SIZES.forEach(size -> text.append(" | ").append(SocketReport.bytes(size)));
        text.append(" |\n|---|").append("---:|".repeat(SIZES.size())).append('\n');
        var spreads = new ArrayList<String>();
        for (Line line : LINES) {
            if (SIZES.stream().noneMatch(s -> scores.containsKey(new Key(line.benchmark(), s)))) {
                continue;
            }
            var measured = new StringBuilder("| " + line.name() + " |");
            var wanted = new StringBuilder("| *must reach* |");
            for (int i = 0; i < SIZES.size(); i++) {
                int size = SIZES.get(i);
                Score score = scores.get(new Key(line.benchmark(), size));
                if (score == null) {
                    measured.append("  |");
                    wanted.append("  |");
                    continue;
                }
                Optional<Double> copies =
                        Optional.ofNullable(scores.get(new Key(YARDSTICK, size)))
                                .map(copy -> score.median() / copy.median());
                measured.append(' ').append(SocketReport.figure(score.median()));
                copies.ifPresent(
                        times -> measured.append(String.format(Locale.ROOT, " (%.2f×)", times)));
                measured.append(" |");
                if (!line.most().isEmpty()) {
                    wanted.append(wanted(line.most().get(i), size, score.median(), copies));
                }
                spreads.add(
                        "| %s | %s | %s | %s | %s |\n"
                                .formatted(
                                        line.benchmark(),
                                        SocketReport.bytes(size),
                                        SocketReport.figure(score.least()),
                                        SocketReport.figure(score.median()),
                                        SocketReport.figure(score.most())));
            }
            text.append(measured).append('\n');
            if (!line.most().isEmpty()) {
                text.append(wanted).append('\n');
            }
        }
        queues(text, scores);
        receivers(text, scores);
        text.append("\n| benchmark | size | least | median | most |\n|---|---:|---:|---:|---:|\n");
        spreads.forEach(text::append);
        return text.toString();
    }

    private static void queues(StringBuilder text, Map<Key, Score> scores) {
        if (QUEUES.stream().noneMatch(q -> scores.containsKey(queue("alone", q)))) {
            return;
        }
        text.append("\nNanoseconds for an element through a queue:\n\n");
        text.append("| | one thread | a thread at each end |\n|---|---:|---:|\n");
        for (String queue : QUEUES) {
            text.append("| ").append(queue);
            for (String way : List.of("alone", "handover")) {
                Score score = scores.get(queue(way, queue));
                text.append(" | ").append(score == null ? "" : figures(score));
            }
            text.append(" |\n");
        }
    }

    private static Key queue(String way, String queue) {
        return new Key("QueueBenchmark." + way + " " + queue, 0);
    }

    private static void receivers(StringBuilder text, Map<Key, Score> scores) {
        Score first = scores.get(receiver(RECEIVERS.getFirst()));
        if (first == null) {
            return;
        }
        text.append("\nNanoseconds for a message of 64 B through a future, by who receives:\n\n");
        text.append("| | | throughput | *must reach* |\n|---|---:|---:|---:|\n");
        for (String receiver : RECEIVERS) {
            Score score = scores.get(receiver(receiver));
            if (score == null) {
                continue;
            }
            double share = first.median() / score.median();
            text.append("| ").append(receiver).append(" | ").append(figures(score));
            text.append(
                    String.format(
                            Locale.ROOT,
                            " | %.2f× | *≥ %.2f×* %s |\n",
                            share,
                            LEAST_OF_FIRST,
                            share >= LEAST_OF_FIRST ? "✓" : "✗"));
        }
    }

    private static Key receiver(String receiver) {
        return new Key("FuturesBenchmark.receive " + receiver, 0);
    }

    private static String figures(Score score) {
        return "%s (%s to %s)"
                .formatted(
                        SocketReport.figure(score.median()),
                        SocketReport.figure(score.least()),
                        SocketReport.figure(score.most()));
    }

    private static String wanted(double most, int size, double nanos, Optional<Double> copies) {
        if (size <= LARGEST_IN_NANOS) {
            return " *≤ %s ns* %s |"
                    .formatted(SocketReport.figure(most), nanos <= most ? "✓" : "✗");
        }
        return " *≤ %s×* %s |"
                .formatted(
                        SocketReport.figure(most),
                        copies.map(times -> times <= most ? "✓" : "✗").orElse("?"));
    }
}
