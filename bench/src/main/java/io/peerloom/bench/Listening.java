package io.peerloom.bench;

import java.io.IOException;

/**
 * What every echo server here does once it listens on a port of 127.0.0.1: it says so in the line
 * that {@link Sockets} waits for, and ends when its standard input does, so that no server outlives
 * the process that started it, however that one ended.
 */
final class Listening {
    /** The line's beginning; the port follows. */
    static final String LINE = "listening on 127.0.0.1:";

    private Listening() {}

    /**
     * Prints the line and returns. The process lives on until the end of its standard input.
     *
     * @param port the port on 127.0.0.1
     */
    static void on(int port) {
        System.out.println(LINE + port);
        Thread.ofPlatform()
                .name("parent")
                .start(() -> {
                    try {
                        while (System.in.read() >= 0) {}
                    } catch (IOException e) {
                        // as good as its end
                    }
                    Runtime.getRuntime().halt(0);
                });
    }
}
