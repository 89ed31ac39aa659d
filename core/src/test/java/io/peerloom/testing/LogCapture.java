package io.peerloom.testing;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What is logged, and what else goes to {@link System#err}, between its making and its closing;
 * that of all threads. Tests of one JVM do not run in parallel.
 */
public final class LogCapture implements AutoCloseable {

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** Begins to keep. */
    public LogCapture() {
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    }

    /**
     * Returns what was kept.
     *
     * @return the lines, oldest first
     */
    public List<String> lines() {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    /**
     * Returns the warnings among what was kept.
     *
     * @return their first lines, oldest first
     */
    public List<String> warnings() {
        return lines().stream().filter(line -> line.contains("WARN")).toList();
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
