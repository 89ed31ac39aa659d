package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The shape of this module, as the compiled classes have it and the JDK's own tools read it: which
 * package may import which, and what main code never does.
 */
class ImportTableTest {
    private static final String OURS = "io.peerloom";

    /**
     * What each package may import of this module, and of other modules besides {@code java.base}.
     * Names are without {@code io.peerloom.}, and the package of that name itself is {@code
     * peerloom}. A package may always import itself.
     */
    private static final Map<String, List<String>> MAY_IMPORT =
            Map.of(
                    "peerloom",
                    List.of(),
                    "variant",
                    List.of("peerloom"),
                    "stream",
                    List.of("peerloom", "variant", "internal.*", "org.slf4j"),
                    "packet",
                    List.of("peerloom", "variant", "stream", "org.slf4j"),
                    "websocket",
                    List.of("peerloom", "variant", "packet", "stream", "internal.*", "org.slf4j"),
                    "multiplayer",
                    List.of("peerloom", "variant", "packet", "stream", "websocket", "org.slf4j"),
                    "internal.queue",
                    List.of(),
                    "internal.link",
                    List.of("internal.queue", "org.slf4j"),
                    "internal.protocol",
                    List.of());

    /** The protocol is sans-I/O: bytes in, events and bytes out. Its own classes of java.base. */
    private static final Pattern NOT_IN_PROTOCOL =
            Pattern.compile(
                    "java\\.nio\\.channels\\..*|java\\.net\\.(.*Socket.*|Inet.*)"
                        + "|java\\.time\\.Clock|java\\.lang\\.Thread(\\$.*)?|java\\.util\\.Timer.*"
                        + "|java\\.util\\.concurrent\\.(locks\\.)?[A-Z].*");

    /** A line of jdeps: a class, one that it refers to, and the module where that one is. */
    private static final Pattern EDGE =
            Pattern.compile("\\s+(io\\.peerloom\\S*)\\s+->\\s+(\\S+)\\s+(\\S.*?)\\s*");

    private static final Path CLASSES = locationOf(Peer.class);

    @Test
    void everyPackageImportsOnlyWhatTheTableAllows() {
        List<String> edges = new ArrayList<>();
        List<String> offending = new ArrayList<>();
        for (Matcher edge : edges()) {
            edges.add(edge.group());
            String from = packageOf(edge.group(1));
            String to = edge.group(2);
            String module = edge.group(3);
            List<String> allowed = MAY_IMPORT.get(from);
            if (allowed == null) {
                offending.add(from + " is not in the table (" + edge.group(1) + ")");
                continue;
            }
            String target = to.startsWith(OURS) ? packageOf(to) : module;
            if (!target.equals("java.base") && !target.equals(from) && !allows(allowed, target)) {
                offending.add(from + " -> " + target + ": " + edge.group(1) + " -> " + to);
            }
            if (from.equals("internal.protocol") && NOT_IN_PROTOCOL.matcher(to).matches()) {
                offending.add(from + " is sans-I/O: " + edge.group(1) + " -> " + to);
            }
        }

        assertThat(offending).as("imports that the table does not allow").isEmpty();
        assertThat(edges)
                .as("what jdeps printed, lest this test understands none of it")
                .anyMatch(edge -> edge.contains("Peer") && edge.contains("ErrorCode"));
    }

    @Test
    void everyPackageIsExportedButTheInnerOnes() throws Exception {
        ModuleDescriptor module;
        try (var in = Files.newInputStream(CLASSES.resolve("module-info.class"))) {
            module = ModuleDescriptor.read(in);
        }
        Set<String> packages = new TreeSet<>();
        for (Matcher edge : edges()) {
            packages.add(packageOf(edge.group(1)));
        }
        packages.removeIf(name -> name.startsWith("internal."));

        Set<String> exported = new TreeSet<>();
        for (ModuleDescriptor.Exports exports : module.exports()) {
            exported.add(packageOf(exports.source() + ".Any"));
        }

        assertThat(exported).contains("peerloom").isEqualTo(packages);
    }

    /**
     * On JDK 21 to 23 a virtual thread that blocks within a monitor keeps its carrier; a
     * thread-local costs each of a million threads; static state is shared by connections that
     * never agreed to share.
     */
    @Test
    @Tag("slow")
    void noMonitorNoThreadLocalNoMutableStatic() throws Exception {
        List<String> args = new ArrayList<>(List.of("-p", "-c"));
        try (Stream<Path> files = Files.walk(CLASSES)) {
            files.map(Path::toString)
                    .filter(name -> name.endsWith(".class") && !name.endsWith("-info.class"))
                    .forEach(args::add);
        }
        Pattern classLine = Pattern.compile("(?:\\S+ )*(?:class|interface) (io\\.peerloom\\S*).*");
        Pattern bad =
                Pattern.compile(
                        ".*\\bmonitorenter\\b.*" // a block
                                + "|  \\S.*\\bsynchronized .*" // a method
                                + "|.*java/lang/(Inheritable)?ThreadLocal\\b.*"
                                + "|  (?!.*\\bfinal )\\S[^(]*\\bstatic [^({]*;"); // a field

        List<String> offending = new ArrayList<>();
        List<String> classes = new ArrayList<>();
        for (String line : run("javap", args)) {
            Matcher start = classLine.matcher(line);
            if (start.matches()) {
                classes.add(start.group(1));
            } else if (bad.matcher(line).matches()) {
                offending.add(classes.getLast() + ": " + line.strip());
            }
        }

        assertThat(classes).contains("io.peerloom.Peer", "io.peerloom.Limits");
        assertThat(offending).isEmpty();
    }

    private static List<Matcher> edges() {
        List<String> lines =
                run(
                        "jdeps",
                        List.of(
                                "--multi-release",
                                "21",
                                "--module-path",
                                locationOf(org.slf4j.Logger.class).toString(),
                                "-verbose:class",
                                "-filter:none",
                                CLASSES.toString()));
        return lines.stream().map(EDGE::matcher).filter(Matcher::matches).toList();
    }

    private static boolean allows(List<String> allowed, String target) {
        return allowed.contains(target)
                || (target.startsWith("internal.") && allowed.contains("internal.*"));
    }

    /** {@code io.peerloom.internal.link.Link$Phase} is in {@code internal.link}. */
    private static String packageOf(String className) {
        String name = className.substring(0, className.lastIndexOf('.'));
        return name.equals(OURS) ? "peerloom" : name.substring(OURS.length() + 1);
    }

    private static List<String> run(String tool, List<String> args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code =
                ToolProvider.findFirst(tool)
                        .orElseThrow()
                        .run(
                                new PrintWriter(out),
                                new PrintWriter(err),
                                args.toArray(String[]::new));
        assertThat(code).as("%s says: %s%s", tool, out, err).isZero();
        return out.toString().lines().toList();
    }

    private static Path locationOf(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
