package io.peerloom.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A class in a JVM like this one, whose errors are seen here. */
final class Child implements AutoCloseable {
    /** How long an answer may take, or the first line. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** For a child that is not pinned. */
    static final int ANY_CORE = -1;

    private static final String ENDED = "ended";

    final Process process;
    private final PrintStream in;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    /**
     * Starts it.
     *
     * @param core the core it is pinned to, or {@link #ANY_CORE}
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
        if (core != ANY_CORE) {
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
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        in = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        // It goes on reading, so that a talkative child never waits for somebody to listen.
        Thread.ofVirtual().start(this::listen);
    }

    private void listen() {
        try (var reader =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
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

    /** Asks a {@link Subject} and returns its answer. */
    String ask(String question) throws IOException, InterruptedException {
        tell(question);
        return await(question + " ", PATIENCE);
    }

    void tell(String line) {
        in.println(line);
    }

    long allocated() throws IOException, InterruptedException {
        return Long.parseLong(ask(Subject.ALLOCATED));
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
