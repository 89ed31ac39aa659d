package io.peerloom.async;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The threads of this JVM, the virtual ones included, which {@link Thread} does not list. */
final class ThreadDump {

    private ThreadDump() {}

    /** How many threads have a name that begins so. */
    static long count(String name) throws IOException {
        Path folder = Files.createTempDirectory("threads");
        Path dump = folder.resolve("dump");
        try {
            ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                    .dumpThreads(
                            dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
            try (Stream<String> lines = Files.lines(dump)) {
                return lines.filter(line -> line.matches("#\\d+ \"" + name + ".*")).count();
            }
        } finally {
            Files.deleteIfExists(dump);
            Files.delete(folder);
        }
    }
}
