package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What every server that is measured does beside serving: once it listens on a port of 127.0.0.1 it
 * says so in the line that {@link Sockets} waits for; it answers the questions on its standard
 * input; and it ends when that input does, so that no server outlives the process that started it,
 * however that one ended.
 */
final class Subject {
    /** The first line's beginning; the port follows. */
    static final String LISTENING = "listening on 127.0.0.1:";

    /** How many bytes were allocated so far. */
    static final String ALLOCATED = "allocated";

    /** How many bytes live on the heap after a collection, and how many the process has. */
    static final String MEMORY = "memory";

    private Subject() {}

    /** Answers a question. */
    @FunctionalInterface
    interface Answer {
        Object get() throws Exception;
    }

    /** Says that a server listens on a port of 127.0.0.1. */
    static void listening(int port) {
        System.out.println(LISTENING + port);
    }

    /**
     * Answers the questions, each in a line that begins with it. Returns at once; the process lives
     * on until the end of its standard input.
     *
     * @param more answers beside those that every server has
     */
    static void obeyParent(Map<String, Answer> more) {
        var answers = new HashMap<String, Answer>(more);
        answers.put(ALLOCATED, Subject::allocated);
        answers.put(MEMORY, Subject::memory);
        Thread.ofPlatform()
                .name("parent")
                .start(() -> {
                    int code = 0;
                    try (var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8))) {
                        for (String line; (line = lines.readLine()) != null; ) {
                            System.out.println(line + ' ' + answers.get(line).get());
                        }
                    } catch (Exception e) {
                        e.printStackTrace();
                        code = 1;
                    }
                    Runtime.getRuntime().halt(code);
                });
    }

    /** Bytes that all threads of this process have allocated so far, virtual ones by carriers. */
    static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getTotalThreadAllocatedBytes();
    }

    private static String memory() throws IOException {
        System.gc();
        System.gc(); // what the first one left to cleaners and reference handlers
        long live = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        return live + " " + resident();
    }

    /** -1 where the system does not tell. */
    private static long resident() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            return -1;
        }
        try (Stream<String> lines = Files.lines(status)) {
            String line = lines.filter(l -> l.startsWith("VmRSS:")).findFirst().orElseThrow();
            return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
    }
}
