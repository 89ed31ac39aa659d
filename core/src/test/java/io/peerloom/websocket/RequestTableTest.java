package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertAll;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a server makes of each method, each form of target, each version of HTTP and each Host
 * together: which of them reach the program's handler, with which host and path, and what the
 * others are answered. The rules stand beside the values, with their sections of RFC 9110 and RFC
 * 9112, and every combination goes over a socket.
 */
class RequestTableTest {

    /** RFC 9110 section 9; and one that nobody has heard of. */
    enum Method {
        GET,
        HEAD,
        OPTIONS,
        POST,
        PUT,
        DELETE,
        TRACE,
        CONNECT,
        PURGE
    }

    /** RFC 9112 section 3.2. */
    private enum Form {
        ORIGIN,
        ABSOLUTE,
        AUTHORITY,
        ASTERISK,
        /** None of them. */
        BAD
    }

    /**
     * A target.
     *
     * @param host of an absolute one
     * @param path with the query
     */
    private record Target(Form form, String text, String host, String path) {}

    private static final List<Target> TARGETS =
            List.of(
                    new Target(Form.ORIGIN, "/p?q=1", null, "/p?q=1"),
                    new Target(Form.ORIGIN, "/?u=http://x/y", null, "/?u=http://x/y"),
                    new Target(Form.ABSOLUTE, "http://o.example/p?q=1", "o.example", "/p?q=1"),
                    new Target(Form.ABSOLUTE, "http://o.example:80/p", "o.example", "/p?"),
                    new Target(Form.ABSOLUTE, "https://o.example?q=1", "o.example", "/?q=1"),
                    new Target(Form.ABSOLUTE, "ws://o.example", "o.example", "/?"),
                    new Target(Form.ABSOLUTE, "WSS://[::1]:8443/p?", "[::1]", "/p?"),
                    new Target(Form.AUTHORITY, "o.example:80", null, "?"),
                    new Target(Form.ASTERISK, "*", null, "?"),
                    new Target(Form.BAD, "http://u@o.example/p", null, null),
                    new Target(Form.BAD, "http:///p", null, null),
                    new Target(Form.BAD, "ftp://o.example/p", null, null),
                    new Target(Form.BAD, "p", null, null));

    /** A Host header, or none, or two. */
    private enum Host {
        NONE("", null),
        NAMED("Host: localhost:9080\r\n", "localhost"),
        EMPTY("Host:\r\n", ""),
        PROXY("Host: proxy.example:3128\r\n", "proxy.example"),
        TWICE("Host: localhost\r\nHost: localhost\r\n", null),
        BAD("Host: a b\r\n", null);

        final String lines;
        final String host;

        Host(String lines, String host) {
            this.lines = lines;
            this.host = host;
        }
    }

    private static final List<String> VERSIONS =
            List.of("HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/2.0");

    private static final String UPGRADE =
            """
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            Sec-WebSocket-Version: 13\r
            """;

    /** What is due, or 200 or 101 if the handler is to be asked. */
    private static int due(
            Method method, Target target, String version, Host host, boolean upgrade) {
        if (upgrade && method != Method.GET) {
            return 405; // RFC 6455 section 4.1
        }
        if (version.equals("HTTP/2.0") || (upgrade && version.equals("HTTP/1.0"))) {
            return 505;
        }
        boolean hostGood = switch (host) { // RFC 9112 section 3.2
                    case NONE -> version.equals("HTTP/1.0");
                    case NAMED, EMPTY, PROXY -> true;
                    case TWICE, BAD -> false;
                };
        boolean targetGood = switch (target.form()) { // sections 3.2.1 to 3.2.4
                    case ORIGIN, ABSOLUTE -> method != Method.CONNECT;
                    case AUTHORITY -> method == Method.CONNECT;
                    case ASTERISK -> method == Method.OPTIONS;
                    case BAD -> false;
                };
        return !hostGood || !targetGood ? 400 : upgrade ? 101 : 200;
    }

    private static UpgradeResponse tell(UpgradeRequest request) {
        String seen =
                request.method()
                        + ' '
                        + request.host()
                        + ' '
                        + request.path()
                        + '?'
                        + request.query();
        UpgradeResponse response =
                request.isUpgrade() ? UpgradeResponse.accept() : UpgradeResponse.page(seen);
        return response.withHeader("X-Seen", seen);
    }

    @ParameterizedTest
    @EnumSource
    void everyCombination(Method method) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(RequestTableTest::tell);
            server.start(0, peer -> {});
            int port = server.getLocalPort();
            var all = new ArrayList<org.junit.jupiter.api.function.Executable>();
            for (Target target : TARGETS) {
                for (String version : VERSIONS) {
                    for (Host host : Host.values()) {
                        all.add(() -> check(port, method, target, version, host, false));
                        if (method == Method.GET || target == TARGETS.getFirst()) {
                            all.add(() -> check(port, method, target, version, host, true));
                        }
                    }
                }
            }
            assertAll(all);
        }
    }

    private static void check(
            int port, Method method, Target target, String version, Host host, boolean upgrade)
            throws IOException {
        String request =
                method
                        + " "
                        + target.text()
                        + " "
                        + version
                        + "\r\n"
                        + host.lines
                        + (upgrade ? UPGRADE : "")
                        + "\r\n";
        int due = due(method, target, version, host, upgrade);
        String answer;
        try (RawPeer raw = RawPeer.connect(port)) {
            raw.write(request.getBytes(StandardCharsets.US_ASCII));
            answer = due == 101 ? raw.readHead() : raw.readAll();
        }
        assertThat(answer).as(request).startsWith("HTTP/1.1 " + due + " ");
        int end = answer.indexOf("\r\n\r\n") + 4;
        String head = answer.substring(0, end);
        String body = answer.substring(end);
        boolean tunnel = method == Method.CONNECT && due == 200; // RFC 9110 section 9.3.6
        if (method == Method.HEAD || tunnel) {
            assertThat(body).as(request).isEmpty();
        } else if (due != 101) {
            assertThat(head).as(request).contains("\r\nContent-Length: " + body.length() + "\r\n");
        }
        assertThat(head.contains("\r\nContent-Length:"))
                .as(request)
                .isEqualTo(!tunnel && due != 101);
        if (due == 200 || due == 101) {
            // RFC 9112 section 3.2.2: the host of the target counts more than the Host.
            String asked = target.host() != null ? target.host() : host.host;
            String path = target.path().contains("?") ? target.path() : target.path() + "?";
            String seen = method + " " + (asked == null ? "" : asked) + " " + path;
            assertThat(head).as(request).contains("\r\nX-Seen: " + seen + "\r\n");
            if (due == 200 && method != Method.HEAD && !tunnel) {
                assertThat(body).as(request).isEqualTo(seen);
            }
        } else {
            assertThat(head).as(request).doesNotContain("X-Seen");
        }
    }
}
