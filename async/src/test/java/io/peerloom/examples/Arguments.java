package io.peerloom.examples;

import io.peerloom.Limits;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A command line of {@code --name value} pairs. */
final class Arguments {

    /** Which of the three ways to use a peer. */
    enum Api {
        POLL,
        BLOCKING,
        ASYNC
    }

    private final Map<String, String> values = new HashMap<>();

    /**
     * Reads a command line.
     *
     * @param names the names that are known
     * @throws IllegalArgumentException for any other, for one that comes twice or has no value
     */
    Arguments(List<String> names, String... args) {
        for (int i = 0; i < args.length; i += 2) {
            String name = args[i];
            if (!name.startsWith("--") || !names.contains(name.substring(2))) {
                throw new IllegalArgumentException("unknown argument: " + name);
            }
            if (i + 1 == args.length) {
                throw new IllegalArgumentException(name + " needs a value");
            }
            if (values.put(name.substring(2), args[i + 1]) != null) {
                throw new IllegalArgumentException(name + " is given twice");
            }
        }
    }

    String get(String name, String ifAbsent) {
        return values.getOrDefault(name, ifAbsent);
    }

    boolean has(String name) {
        return values.containsKey(name);
    }

    int number(String name, int ifAbsent, int least, int most) {
        String value = values.get(name);
        if (value == null) {
            return ifAbsent;
        }
        try {
            int number = Integer.parseInt(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below, like a number out of range
        }
        throw new IllegalArgumentException(
                "--" + name + " is a number from " + least + " to " + most + ": " + value);
    }

    Api api() {
        String value = get("api", "blocking");
        for (Api api : Api.values()) {
            if (api.name().toLowerCase(java.util.Locale.ROOT).equals(value)) {
                return api;
            }
        }
        throw new IllegalArgumentException("--api is poll, blocking or async: " + value);
    }

    /** The limits of connections: the defaults, unless {@code --max-message} asks for more. */
    Limits limits() {
        Limits limits = Limits.defaults();
        int bytes = number("max-message", 0, 1, Limits.UNBOUNDED);
        if (bytes == 0) {
            return limits;
        }
        // Test suites cut a message into pieces of 64 bytes; some of the largest wait at once.
        int several = (int) Math.min(4L * bytes, Limits.UNBOUNDED);
        return limits.withMaxMessageBytes(bytes)
                .withMaxFragments(Math.max(limits.maxFragments(), bytes / 64 + 1))
                .withInboundBytes(Math.max(limits.inboundBytes(), several))
                .withOutboundBytes(Math.max(limits.outboundBytes(), several));
    }
}
