package io.peerloom.interop;

import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The other programs that speak WebSocket. */
enum Partner {
    /** Godot 3.2. */
    GODOT3("godot3_websocket.gd"),
    /** Godot 4.6. */
    GODOT4("godot4_websocket.gd"),
    /** Node.js with the package ws. */
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
            case GODOT3 -> Programs.godot3(path);
            case GODOT4 -> Programs.godot4(path);
            case NODE -> Programs.node(path);
        };
    }

    private List<String> environment() {
        return this == NODE ? Programs.nodeEnvironment("ws") : List.of();
    }

    private static String resource(String name) {
        try {
            return Path.of(Partner.class.getResource(name).toURI()).toString();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
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
