package io.peerloom.examples;

import io.peerloom.Limits;
import io.peerloom.stream.TLSOptions;
import io.peerloom.websocket.Compression;
import io.peerloom.websocket.WebSocketOptions;
import java.io.File;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A command line of {@code --name value} pairs, but for {@code --deflate}, which has no value, and
 * {@code --tls}, which has two.
 */
final class Arguments {

    /** Which of the three ways to use a peer. */
    enum Api {
        POLL,
        BLOCKING,
        ASYNC
    }

    static final String DEFLATE = "deflate";
    static final String TLS = "tls";

    private final Map<String, String> values = new HashMap<>();

    /** The second value of {@code --tls}. */
    private String password = "";

    /**
     * Reads a command line.
     *
     * @param names the names that are known
     * @throws IllegalArgumentException for any other, for one that comes twice or has no value
     */
    Arguments(List<String> names, String... args) {
        for (int i = 0; i < args.length; i++) {
            String argument = args[i];
            if (!argument.startsWith("--") || !names.contains(argument.substring(2))) {
                throw new IllegalArgumentException("unknown argument: " + argument);
            }
            String name = argument.substring(2);
            String value = "";
            for (int n = name.equals(TLS) ? 2 : name.equals(DEFLATE) ? 0 : 1; n > 0; n--) {
                if (++i == args.length) {
                    throw new IllegalArgumentException(argument + " needs a value");
                }
                if (!value.isEmpty()) {
                    password = args[i];
                } else {
                    value = args[i];
                }
            }
            if (values.put(name, value) != null) {
                throw new IllegalArgumentException(argument + " is given twice");
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

    /**
     * What the connection is to have: {@link #limits}, compression if {@code --deflate} is there,
     * and TLS.
     *
     * @param server whether the key store has the own certificate, or those to trust
     * @throws IOException if the key store cannot be read
     */
    WebSocketOptions options(boolean server) throws IOException {
        WebSocketOptions options = WebSocketOptions.defaults().withLimits(limits());
        if (has(DEFLATE)) {
            options =
                    options.withCompression(
                            Compression.defaults()
                                    .withContextTakeover(true, true)
                                    .withThreshold(64));
        }
        if (has(TLS)) {
            try {
                options =
                        options.withTls(
                                server
                                        ? TLSOptions.server(context(true))
                                        : TLSOptions.client(context(false)));
            } catch (GeneralSecurityException e) {
                throw new IOException("key store " + get(TLS, "") + ": " + e.getMessage(), e);
            }
        }
        return options;
    }

    private SSLContext context(boolean server) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(new File(get(TLS, "")), password.toCharArray());
        var context = SSLContext.getInstance("TLS");
        if (server) {
            var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, password.toCharArray());
            context.init(keys.getKeyManagers(), null, null);
        } else {
            var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted(store));
            context.init(null, trust.getTrustManagers(), null);
        }
        return context;
    }

    /**
     * All certificates of a store, those of its own keys too: a server's store serves its clients.
     */
    private static KeyStore trusted(KeyStore store) throws GeneralSecurityException, IOException {
        var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        for (String alias : Collections.list(store.aliases())) {
            trusted.setCertificateEntry(alias, store.getCertificate(alias));
        }
        return trusted;
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
