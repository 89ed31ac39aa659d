package io.peerloom.bench;

import io.netty.channel.epoll.Epoll;
import java.io.File;
import java.util.List;
import java.util.Set;

/**
 * A server or client to measure.
 *
 * @param <S> how it is started
 * @param name what it is called on the command line and in the report
 * @param kind what it speaks
 * @param start starts it, in a process of its own
 * @param modes what it can do
 * @param jvmOptions beside those that all have
 * @param classPath what its class path begins with; empty, or with the separator at its end
 */
record Entry<S>(
        String name,
        Kind kind,
        S start,
        Set<Mode> modes,
        List<String> jvmOptions,
        String classPath) {
    /** What is spoken. */
    enum Kind {
        /** Bytes come back as they are. */
        BYTES,
        /** RFC 6455. */
        WEBSOCKET
    }

    private static final String OURS = "peerloom";
    private static final String BEFORE = " before";

    Entry(String name, Kind kind, S start, Set<Mode> modes, String... jvmOptions) {
        this(name, kind, start, modes, List.of(jvmOptions), "");
    }

    /** Of the entries, that of the name. */
    static <S> Entry<S> named(String name, List<Entry<S>> entries) {
        return entries.stream()
                .filter(entry -> entry.name.equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException(
                                "nothing is called %s; there are %s"
                                        .formatted(
                                                name, entries.stream().map(Entry::name).toList())));
    }

    /** Whether this system has what it takes: Netty's native transport is for Linux. */
    boolean runsHere() {
        return !name.contains("epoll") || Epoll.isAvailable();
    }

    boolean isOurs() {
        return name.startsWith(OURS);
    }

    /** The same with other classes. */
    Entry<S> before(String path) {
        return new Entry<>(
                name + BEFORE, kind, start, modes, jvmOptions, path + File.pathSeparator);
    }

    /** What the main that starts it knows it by. */
    String mainName() {
        return name.replace(BEFORE, "");
    }
}
