package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Where and of what figures were taken: without that they mean nothing.
 *
 * @param cpu the processor's name
 * @param cores how many cores this process may use
 * @param system operating system and its version
 * @param jdk the JVM and its version
 * @param commit what git calls the sources, {@code +} behind it if they were changed since; or
 *     "unknown commit"
 */
record Machine(String cpu, int cores, String system, String jdk, String commit) {
    /** This one. */
    static Machine here() {
        return new Machine(
                processor(),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                "JDK %s (%s)"
                        .formatted(
                                System.getProperty("java.vm.version"),
                                System.getProperty("java.vendor")),
                sources());
    }

    /** All of it in one line. */
    @Override
    public String toString() {
        return "%s, %d cores; %s; %s; %s".formatted(cpu, cores, system, jdk, commit);
    }

    private static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) { // not Linux
            return System.getProperty("os.arch");
        }
    }

    private static String sources() {
        String commit = firstLine("git", "rev-parse", "--short=10", "HEAD");
        if (commit.isEmpty()) {
            return "unknown commit";
        }
        String changed = firstLine("git", "status", "--porcelain", "--untracked-files=no");
        return "commit " + commit + (changed.isEmpty() ? "" : "+");
    }

    /** What a command answers; empty if there is no such command, or it fails. */
    static String firstLine(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
            String all = new String(process.getInputStream().readAllBytes(), UTF_8);
            return process.waitFor() == 0 ? all.lines().findFirst().orElse("") : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
