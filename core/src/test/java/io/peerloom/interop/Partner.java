package io.peerloom.interop;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assertions;

/**
 * The other programs, and where they are on this machine. One that is missing skips its tests, or
 * fails them if the system property {@code peerloom.interop.required} is true.
 */
enum Partner {
    /** Godot 3.2.3; its path in {@code PEERLOOM_GODOT3}, else {@code godot3-server} on the path. */
    GODOT3("godot3_websocket.gd"),
    /**
     * Godot 4.6: a folder in {@code PEERLOOM_GODOT4}, else {@code ~/.cache/peerloom/godot4}, with a
     * script {@code run} that starts {@code usr/bin/godot} in it; or else {@code godot} on the
     * path.
     */
    GODOT4("godot4_websocket.gd"),
    /**
     * Node with the package ws; the folder that holds its {@code node_modules} in {@code
     * PEERLOOM_NODE_MODULES}, else {@code ~/.cache/peerloom/node}.
     */
    NODE("node_websocket.js");

    private final String script;

    Partner(String script) {
        this.script = script;
    }

    /** Starts this partner's WebSocket program. */
    Program start(Path home, String... arguments) {
        return startScript(home, script, arguments);
    }

    /** Starts another program of the test resources. */
    Program startScript(Path home, String script, String... arguments) {
        var command = new ArrayList<>(command(resource(script)));
        command.addAll(List.of(arguments));
        return Program.start(name(), home, command, environment());
    }

    private List<String> command(String path) {
        return switch (this) {
            case GODOT3 -> List.of(find("PEERLOOM_GODOT3", "godot3-server"), "--script", path);
            case GODOT4 -> {
                var command = new ArrayList<String>();
                Path folder = folder("PEERLOOM_GODOT4", "godot4");
                if (Files.isExecutable(folder.resolve("run"))) {
                    command.add(folder.resolve("run").toString());
                    command.add("usr/bin/godot");
                } else {
                    command.add(onPath("godot").orElseGet(() -> missing(folder.toString())));
                }
                command.addAll(List.of("--headless", "--no-header", "--script", path, "--"));
                yield command;
            }
            case NODE -> List.of(onPath("node").orElseGet(() -> missing("node")), path);
        };
    }

    private List<String> environment() {
        if (this != NODE) {
            return List.of();
        }
        Path modules = folder("PEERLOOM_NODE_MODULES", "node").resolve("node_modules");
        if (!Files.isDirectory(modules.resolve("ws"))) {
            missing(modules.resolve("ws").toString());
        }
        return List.of("NODE_PATH", modules.toString());
    }

    private static String resource(String name) {
        try {
            return Path.of(Partner.class.getResource(name).toURI()).toString();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
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
    static String missing(String what) {
        String reason = "not on this machine: " + what;
        return Boolean.getBoolean("peerloom.interop.required")
                ? Assertions.fail(reason)
                : abort(reason);
    }

    /** A folder for what a program leaves behind. */
    static Path home(Path folder) {
        try {
            return Files.createDirectories(folder.resolve("home"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
