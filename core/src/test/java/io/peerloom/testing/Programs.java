package io.peerloom.testing;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assertions;

/**
 * The other programs of the tests tagged {@code interop}, and where they are on this machine: each
 * named by an environment variable, or else at its usual place. One that is missing skips its
 * tests, or fails them if the system property {@code peerloom.interop.required} is true.
 */
public final class Programs {

    private Programs() {}

    /**
     * Returns the command that runs a script in Godot 3: {@code PEERLOOM_GODOT3}, else {@code
     * godot3-server}. Arguments follow.
     */
    public static List<String> godot3(String script) {
        return List.of(find("PEERLOOM_GODOT3", "godot3-server"), "--script", script);
    }

    /**
     * Returns the command that runs a script in Godot 4.6 without a window: {@code run
     * usr/bin/godot} in the folder {@code PEERLOOM_GODOT4}, or in {@code ~/.cache/peerloom/godot4};
     * else {@code godot}. Arguments follow.
     */
    public static List<String> godot4(String script) {
        var command = new ArrayList<String>();
        Path run = folder("PEERLOOM_GODOT4", "godot4").resolve("run");
        if (Files.isExecutable(run)) {
            command.add(run.toString());
            command.add("usr/bin/godot");
        } else {
            command.add(onPath("godot").orElseGet(() -> missing(run.toString())));
        }
        command.addAll(List.of("--headless", "--no-header", "--script", script, "--"));
        return command;
    }

    /** Returns the command that runs a script in Node.js. Arguments follow. */
    public static List<String> node(String script) {
        return List.of(onPath("node").orElseGet(() -> missing("node")), script);
    }

    /**
     * Returns what Node.js needs in its environment to find a package, name and value: in the
     * folder that has {@code node_modules}, which is {@code PEERLOOM_NODE_MODULES} or {@code
     * ~/.cache/peerloom/node}.
     */
    public static List<String> nodeEnvironment(String needed) {
        Path modules = folder("PEERLOOM_NODE_MODULES", "node").resolve("node_modules");
        if (!Files.isDirectory(modules.resolve(needed))) {
            missing(modules.resolve(needed).toString());
        }
        return List.of("NODE_PATH", modules.toString());
    }

    /** Returns the command of OpenSSL, {@code openssl}. Arguments follow. */
    public static String openssl() {
        return onPath("openssl").orElseGet(() -> missing("openssl"));
    }

    /** Returns the command of Chromium: {@code PEERLOOM_CHROMIUM}, else {@code chromium}. */
    public static String chromium() {
        return find("PEERLOOM_CHROMIUM", "chromium");
    }

    /**
     * Returns the command that runs the Autobahn Testsuite. Arguments follow. Its two jars are put
     * into {@code target/autobahn} by the profile {@code interop}.
     */
    public static List<String> autobahn() {
        Path python = Path.of("target", "autobahn", "jython-standalone.jar").toAbsolutePath();
        Path suite = python.resolveSibling("suite");
        if (!Files.exists(python) || !Files.exists(suite)) {
            missing(suite.toString());
        }
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                python.toString(),
                "org.python.util.jython",
                "-u", // what it tells is waited for
                "-c",
                "import sys; sys.path[0:0] = ['%s']; sys.argv[0] = 'wstest'; ".formatted(suite)
                        + "from autobahntestsuite import wstest; wstest.run()");
    }

    private static Path folder(String variable, String name) {
        String set = System.getenv(variable);
        return set != null
                ? Path.of(set)
                : Path.of(System.getProperty("user.home"), ".cache", "peerloom", name);
    }

    private static String find(String variable, String name) {
        String set = System.getenv(variable);
        return (set == null ? onPath(name) : Optional.of(set).filter(p -> new File(p).canExecute()))
                .orElseGet(() -> missing(set == null ? name : set));
    }

    private static Optional<String> onPath(String name) {
        return List.of(System.getenv("PATH").split(File.pathSeparator)).stream()
                .map(folder -> new File(folder, name))
                .filter(File::canExecute)
                .map(File::getPath)
                .findFirst();
    }

    /** Never returns. */
    private static String missing(String what) {
        String reason = "not on this machine: " + what;
        return Boolean.getBoolean("peerloom.interop.required")
                ? Assertions.fail(reason)
                : abort(reason);
    }
}
