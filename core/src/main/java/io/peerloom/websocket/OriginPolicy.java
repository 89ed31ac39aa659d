package io.peerloom.websocket;

import io.peerloom.internal.link.HostNames;
import io.peerloom.internal.protocol.HttpSyntax;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The web pages whose scripts may connect to a server (RFC 6455 section 10.2). Browsers let every
 * page connect anywhere, with the user's cookies, and say in the {@code Origin} header which page
 * it is; it is for the server to refuse, with 403. What is no browser sends no {@code Origin}, and
 * is let in.
 *
 * <p>A page of the very host that the request asks for may connect under every policy, unless it
 * came without TLS to a server with it. Immutable; any thread.
 */
public final class OriginPolicy {

    private static final OriginPolicy SAME_HOST = new OriginPolicy("same host", origin -> false);
    private static final OriginPolicy ANY = new OriginPolicy("any", origin -> true);

    /** Scheme, host and port of a pattern. */
    private static final Pattern PARTS =
            Pattern.compile(
                    "([a-z][a-z0-9+.-]*)://(\\*\\.)?([^*/?#@\\[\\]:]+|\\[[0-9a-f:.]+])"
                            + "(?::(\\*|[0-9]{1,5}))?");

    private final String name;
    private final Predicate<String> allowed;

    private OriginPolicy(String name, Predicate<String> allowed) {
        this.name = name;
        this.allowed = allowed;
    }

    /** {@return only pages of the server's own host: the policy unless another is set} */
    public static OriginPolicy sameHost() {
        return SAME_HOST;
    }

    /**
     * Every page, wherever it is from. For servers that trust nobody for being asked by a browser:
     * where there are no cookies or where messages prove who sends them.
     *
     * @return the policy
     */
    public static OriginPolicy any() {
        return ANY;
    }

    /**
     * Pages of some origins.
     *
     * @param patterns as for {@link #of(Collection)}
     * @return the policy
     * @throws IllegalArgumentException as there
     */
    public static OriginPolicy of(String... patterns) {
        return of(List.of(patterns));
    }

    /**
     * Pages of some origins.
     *
     * @param patterns each an origin as browsers send it: scheme, host and port, such as {@code
     *     "https://game.example"} or {@code "http://localhost:3000"}, without a port where it is
     *     the scheme's, or {@code "null"}, the origin of files and of frames without rights. In
     *     place of the first labels of the host may be a star: {@code "https://*.game.example"} is
     *     each host below {@code game.example}, at any depth, and not itself. A star as the port is
     *     any port, or none: {@code "http://localhost:*"}. Case does not matter here, and a name
     *     beyond ASCII becomes what browsers send
     * @return the policy
     * @throws IllegalArgumentException if one can be no browser's origin, say for a path, and a
     *     slash is one; for all origins there is {@link #any}
     */
    public static OriginPolicy of(Collection<String> patterns) {
        List<Origin> all = patterns.stream().map(Origin::parse).toList();
        return new OriginPolicy(
                String.join(", ", patterns),
                origin -> all.stream().anyMatch(one -> one.matches(origin)));
    }

    /**
     * Pages whose origin a test lets in.
     *
     * @param test gets the origin as the browser sent it; runs on the connection's own virtual
     *     thread, so on many at once. If it throws, that is logged and the client is answered 500
     * @return the policy
     */
    public static OriginPolicy matching(Predicate<String> test) {
        return new OriginPolicy("a predicate", Objects.requireNonNull(test, "test"));
    }

    boolean allows(String origin) {
        return allowed.test(origin);
    }

    /** {@return what it lets in, for people} */
    @Override
    public String toString() {
        return name;
    }

    /**
     * A pattern. Origins come from anybody and may be long, so that they are not matched by a
     * regular expression, which takes a frame of the stack for each label.
     *
     * @param scheme with its colon and slashes
     * @param below whether labels come before the rest
     * @param rest host and port, the port left out if it is the scheme's or any
     * @param anyPort whether any port may follow
     */
    private record Origin(String scheme, boolean below, String rest, boolean anyPort) {

        static Origin parse(String given) {
            String pattern = given.toLowerCase(Locale.ROOT);
            if (pattern.equals("null") || pattern.equals("file://")) {
                return new Origin(pattern, false, "", false);
            }
            var parts = PARTS.matcher(pattern);
            if (!parts.matches()) {
                throw new IllegalArgumentException(
                        HttpSyntax.quote(given)
                                + " is no origin: scheme://host or scheme://host:port, and no"
                                + " more");
            }
            String scheme = parts.group(1);
            String port = parts.group(4);
            boolean any = "*".equals(port);
            boolean standard =
                    any
                            || port == null
                            || (scheme.equals("http") && port.equals("80"))
                            || (scheme.equals("https") && port.equals("443"));
            return new Origin(
                    scheme + "://",
                    parts.group(2) != null,
                    HostNames.toAscii(parts.group(3)) + (standard ? "" : ":" + port),
                    any);
        }

        boolean matches(String origin) {
            if (!origin.startsWith(scheme)) {
                return false;
            }
            String host = origin.substring(scheme.length());
            int colon = host.lastIndexOf(':');
            if (anyPort && colon > host.lastIndexOf(']') && isPort(host.substring(colon + 1))) {
                host = host.substring(0, colon);
            }
            return below
                    ? host.endsWith("." + rest)
                            && areLabels(host.substring(0, host.length() - rest.length() - 1))
                    : host.equals(rest);
        }

        private static boolean isPort(String text) {
            return !text.isEmpty()
                    && text.length() <= 5
                    && text.chars().allMatch(c -> c >= '0' && c <= '9');
        }

        private static boolean areLabels(String text) {
            return !text.isEmpty()
                    && !("." + text + ".").contains("..")
                    && text.chars()
                            .allMatch(c ->
                                    (c >= 'a' && c <= 'z')
                                            || (c >= '0' && c <= '9')
                                            || "-_.".indexOf(c) >= 0);
        }
    }
}
