package io.peerloom.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks up tests that are named in a text, {@code `TestClass.test`}, in core's and async's sources.
 */
public final class NamedTests {

    private static final Pattern NAME = Pattern.compile("`(\\w+Test)\\.(\\w+)`");

    private static final List<Path> SOURCES =
            List.of(Path.of("..", "core", "src", "test"), Path.of("..", "async", "src", "test"));

    private NamedTests() {}

    /** How many a text names. */
    public static long count(String text) {
        return NAME.matcher(text).results().count();
    }

    /** Those that a text names and that are no tests. */
    public static List<String> missing(String text) {
        return NAME.matcher(text)
                .results()
                .filter(name -> !exists(name.group(1), name.group(2)))
                .map(MatchResult::group)
                .toList();
    }

    /** Whether there is a method of that name and its annotations, which are above it, say test. */
    private static boolean exists(String type, String method) {
        return SOURCES.stream()
                .flatMap(NamedTests::files)
                .filter(file -> file.endsWith(type + ".java"))
                .map(NamedTests::read)
                .anyMatch(source -> {
                    int at = source.indexOf(" void " + method + "(");
                    if (at < 0) {
                        return false;
                    }
                    String above = source.substring(source.lastIndexOf("\n\n", at), at);
                    return Pattern.compile("@(Test|ParameterizedTest|Property)\\b")
                            .matcher(above)
                            .find();
                });
    }

    private static Stream<Path> files(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
