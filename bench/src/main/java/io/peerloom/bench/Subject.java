package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;

/**
 * What every server that is measured does beside serving: once it listens on a port of 127.0.0.1 it
 * says so in the line that {@link Sockets} waits for; it answers each line on its standard input by
 * one that tells how much it has allocated; and it ends when that input does, so that no server
 * outlives the process that started it, however that one ended.
 */
final class Subject {
    /** The first line's beginning; the port follows. */
    static final String LISTENING = "listening on 127.0.0.1:";

    /** The beginning of an answer; bytes follow. */
    static final String ALLOCATED = "allocated ";

    private Subject() {}

    /** Says that a server listens on a port of 127.0.0.1. */
    static void listening(int port) {
        System.out.println(LISTENING + port);
    }

    /** Returns at once. The process lives on until the end of its standard input. */
    static void obeyParent() {
        Thread.ofPlatform()
                .name("parent")
                .start(() -> {
                    try (var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8))) {
                        while (lines.readLine() != null) {
                            System.out.println(ALLOCATED + allocated());
                        }
                    } catch (IOException e) {
                        // as good as its end
                    }
                    Runtime.getRuntime().halt(0);
                });
    }

    /** Bytes that all threads of this process have allocated so far, virtual ones by carriers. */
    static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getTotalThreadAllocatedBytes();
    }
}
