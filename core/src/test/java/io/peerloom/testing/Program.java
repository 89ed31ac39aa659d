package io.peerloom.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that runs beside a test; closing it kills it and waits until it is gone. */
public final class Program extends Transcript implements AutoCloseable {

    private final Process process;
    private final Thread reader;

    /**
     * Starts a program.
     *
     * @param name for failures
     * @param home an existing folder: where it runs, and where it may leave what it likes
     * @param command the program and its arguments
     * @param environment variables to set: name, value, name, value
     */
    public static Program start(
            String name, Path home, List<String> command, List<String> environment) {
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.directory(home.toFile());
        for (String variable :
                List.of("HOME", "TMPDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")) {
            builder.environment().put(variable, home.toString());
        }
        builder.environment().put("LANG", "C.UTF-8");
        for (int i = 0; i < environment.size(); i += 2) {
            builder.environment().put(environment.get(i), environment.get(i + 1));
        }
        try {
            return new Program(name, builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Program(String name, Process process) {
        super(name);
        this.process = process;
        reader =
                Thread.ofVirtual()
                        .start(() -> {
                            try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
                                lines.lines().forEach(this::add);
                            } catch (IOException | UncheckedIOException e) {
                                add("(output broke off: " + e + ")");
                            }
                        });
    }

    @Override
    protected boolean isOver() {
        return !process.isAlive() && !reader.isAlive();
    }

    /** Types a line, with its end, or whatever bytes. */
    public void type(byte[] input) {
        try {
            process.getOutputStream().write(input);
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until the program has ended by itself and all of its output is here. */
    public void awaitExit() {
        awaitExit(PATIENCE);
    }

    /**
     * Waits, for so long at the most, until it has ended by itself and all of its output is here.
     */
    public void awaitExit(Duration patience) {
        try {
            if (!process.waitFor(patience.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("did not end; " + this);
            }
            reader.join(PATIENCE);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Ends it as {@code kill -9} does: the system closes its sockets, the program says nothing. */
    public void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    @Override
    public void close() {
        kill();
        awaitExit();
    }
}
