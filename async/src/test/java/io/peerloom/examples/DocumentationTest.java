package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.websocket.WebSocketPeer;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The pages of documentation say what is so: their code compiles, the README's programs run, their
 * links lead somewhere, and the members that they name exist.
 */
@Timeout(120)
class DocumentationTest {

    private static final Path ROOT = Path.of("..");

    private static final String README = "README.md";

    private static final Pattern CODE = Pattern.compile("(?ms)^```java\n(.*?)^```$");

    private static final Pattern PROGRAM = Pattern.compile("(?m)^public class (\\w+) \\{$");

    /** What the pages' code takes for granted. */
    private static final String GIVEN =
            """
            interface Game {
                boolean running();
                void tick();
                String input();
                void apply(byte[] packet, boolean text);
                void left(int code, String reason, Optional<Throwable> failure);
                void score(int points);
                void answered(byte[] bytes);
            }
            interface World {
                boolean running();
                void tick();
                void join(int id);
                void apply(int id, byte[] packet);
                void leave(int id);
                byte[] snapshot();
                void say(String line);
                void move(double x, double y, double z);
                void ignored(Variant other);
                List<String> players();
            }
            interface Lobby { void join(int from, Variant name); }
            Game game;
            World world;
            Lobby lobby;
            Logger log;
            String token;
            int player;
            SSLContext context;
            SSLContext trustingOurAuthority;
            StreamPeerTCP tcp;
            Path key;
            Path certificate;
            Path its;
            SceneMultiplayer scene;
            """;

    /** What is another thing on another page. */
    private static final Map<String, String> GIVEN_BY_PAGE =
            Map.of(
                    "websockets.md", "WebSocketServer server; WebSocketPeer peer;",
                    "streams.md", "TCPServer server;",
                    "variant.md", "PacketPeer peer;");

    static List<Path> pages() throws IOException {
        var pages = new ArrayList<Path>();
        for (String folder : List.of("", "core/docs", "async", "bench")) {
            try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        assertThat(pages).hasSizeGreaterThan(8);
        return pages;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> code(Path page) {
        return CODE.matcher(read(page)).results().map(block -> block.group(1)).toList();
    }

    // ---- code ----

    /** The sources of what users see, by the simple name of the class. */
    private static Map<String, Path> api() throws IOException {
        var sources = new TreeMap<String, Path>();
        for (String module : List.of("core", "async")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                files.filter(file -> file.toString().endsWith(".java"))
                        .filter(file -> !file.toString().contains("internal"))
                        .filter(file -> !file.getFileName().toString().contains("-info"))
                        .forEach(file ->
                                sources.put(
                                        file.getFileName().toString().replace(".java", ""), file));
            }
        }
        return sources;
    }

    private static String packageOf(Path source) {
        String folder = source.getParent().toString().replace('\\', '/');
        return folder.substring(folder.indexOf("io/peerloom")).replace('/', '.');
    }

    /** All that a user could import, so that the pages need no import lines. */
    private static String imports() throws IOException {
        var lines = new TreeSet<String>();
        for (var source : api().entrySet()) {
            String text = read(source.getValue());
            if (Pattern.compile("(?m)^public [^\n{]*\\b" + source.getKey() + "\\b")
                    .matcher(text)
                    .find()) {
                String name = packageOf(source.getValue());
                lines.add("import " + name + "." + source.getKey() + ";");
                for (var nested : List.of("Dialect", "Generation", "ClientAuth")) {
                    if (text.contains("    public enum " + nested + " {")) {
                        lines.add("import " + name + "." + source.getKey() + "." + nested + ";");
                    }
                }
            }
        }
        return String.join("\n", lines)
                + """

                import static java.util.concurrent.TimeUnit.SECONDS;
                import io.peerloom.Peer.Status;
                import io.peerloom.variant.Variant.*;
                import java.nio.file.Files;
                import java.nio.file.Path;
                import java.time.Duration;
                import java.util.List;
                import java.util.Map;
                import java.util.Optional;
                import javax.net.ssl.SSLContext;
                import org.slf4j.Logger;
                """;
    }

    private static String classPath() {
        return System.getProperty(
                "surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static void compile(Path folder, String name, String source) throws IOException {
        Path file = Files.writeString(folder.resolve(name + ".java"), source);
        var said = new StringWriter();
        var compiler = ToolProvider.getSystemJavaCompiler();
        try (var files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            boolean compiled =
                    compiler.getTask(
                                    said,
                                    files,
                                    null,
                                    List.of(
                                            "-proc:none",
                                            "-cp",
                                            classPath(),
                                            "-d",
                                            folder.toString()),
                                    null,
                                    files.getJavaFileObjects(file))
                            .call();
            assertThat(compiled).as("%s%n%s", said, source).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void itsCodeCompiles(Path page, @TempDir Path folder) throws IOException {
        String name = page.getFileName().toString();
        var source = new StringBuilder(imports());
        source.append("class Page {\n").append(GIVEN);
        source.append(GIVEN_BY_PAGE.getOrDefault(name, "")).append('\n');
        int blocks = 0;
        for (String block : code(page)) {
            if (!PROGRAM.matcher(block).find()) {
                source.append("void block" + blocks++ + "() throws Exception {\n");
                source.append(block).append("}\n");
            }
        }
        if (blocks > 0) {
            compile(folder, "Page", source.append("}\n").toString());
        }
    }

    // ---- the README ----

    @Test
    void theReadmeIsShort() {
        assertThat(read(ROOT.resolve(README)).lines()).hasSizeLessThanOrEqualTo(150);
    }

    private static int unusedPort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Process run(Path folder, String program) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        folder + System.getProperty("path.separator") + classPath(),
                        program)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static boolean answers(int port) {
        try (var peer = WebSocketPeer.connect("ws://localhost:" + port)) {
            return peer.isConnectedToHost();
        } catch (IOException e) {
            return false; // not yet
        }
    }

    /** As they stand, but for the port: one that is fixed may be taken on this machine. */
    @Test
    @Tag("slow")
    void itsProgramsRun(@TempDir Path folder) throws Exception {
        String port = String.valueOf(unusedPort());
        for (String block : code(ROOT.resolve(README))) {
            List<String> names =
                    PROGRAM.matcher(block).results().map(found -> found.group(1)).toList();
            assertThat(names).as(block).hasSize(1);
            assertThat(block).contains("9080");
            compile(folder, names.getFirst(), block.replace("9080", port));
        }
        Process server = run(folder, "BlockingServer");
        try {
            await().atMost(60, TimeUnit.SECONDS)
                    .until(() -> !server.isAlive() || answers(Integer.parseInt(port)));
            assertThat(outputOf(run(folder, "GameClient")))
                    .startsWith("frame 1\nframe 2\n")
                    .endsWith("\nclosed with 1000\n");
            assertThat(outputOf(run(folder, "FuturesClient"))).isEqualTo("hello\n");
        } finally {
            server.destroy();
            server.waitFor();
        }
    }

    private static String outputOf(Process program) throws Exception {
        try (var out = program.getInputStream()) {
            String text = new String(out.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(program.waitFor()).as(text).isZero();
            return text.replace(System.lineSeparator(), "\n");
        } finally {
            program.destroyForcibly();
        }
    }

    // ---- links and names ----

    private static String anchor(String heading) {
        return heading.toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} _-]", "")
                .replace(' ', '-');
    }

    @ParameterizedTest
    @MethodSource("pages")
    void itsLinksLeadSomewhere(Path page) {
        Pattern.compile("\\]\\((?!https?:)([^)#]*)(?:#([^)]+))?\\)")
                .matcher(read(page))
                .results()
                .forEach(link -> {
                    Path target =
                            link.group(1).isEmpty()
                                    ? page
                                    : page.resolveSibling(link.group(1)).normalize();
                    assertThat(target).as(link.group()).exists();
                    if (link.group(2) != null) {
                        assertThat(
                                        Pattern.compile("(?m)^#+ (.*)$")
                                                .matcher(read(target))
                                                .results()
                                                .map(heading -> anchor(heading.group(1))))
                                .as(link.group())
                                .contains(link.group(2));
                    }
                });
    }

    /** A member in backticks behind its class, such as {@code `Limits.writeTimeout`}. */
    @ParameterizedTest
    @MethodSource("pages")
    void theMembersThatItNamesExist(Path page) throws IOException {
        Map<String, Path> api = api();
        List<String> missing =
                Pattern.compile("`(?:io\\.peerloom\\.[\\w.]*)?([A-Z]\\w+)\\.(\\w+)")
                        .matcher(read(page))
                        .results()
                        .filter(name -> api.containsKey(name.group(1)))
                        .filter(name ->
                                !Pattern.compile("\\b" + name.group(2) + "\\b")
                                        .matcher(read(api.get(name.group(1))))
                                        .find())
                        .map(MatchResult::group)
                        .toList();
        assertThat(missing).isEmpty();
    }
}
