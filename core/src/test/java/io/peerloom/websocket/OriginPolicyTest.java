package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.stream.TCPServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 6455 section 10.2: which pages may connect. */
class OriginPolicyTest {

    @ParameterizedTest
    @CsvSource({
        "https://game.example, https://game.example, true",
        "https://game.example, http://game.example, false",
        "https://game.example, https://game.example:8443, false",
        "https://game.example, https://www.game.example, false",
        "https://game.example, https://game.example.evil, false",
        "https://game.example, https://game-example, false",
        "https://game.example, 'https://game.example ', false",
        "https://Game.Example, https://game.example, true",
        "https://game.example:443, https://game.example, true",
        "http://game.example:80, http://game.example, true",
        "http://game.example:443, http://game.example, false",
        "http://game.example:443, http://game.example:443, true",
        "https://münchen.example, https://xn--mnchen-3ya.example, true",
        "http://[::1]:3000, http://[::1]:3000, true",
        "null, null, true",
        "null, https://null, false",
        "file://, file://, true",
        "capacitor://localhost, capacitor://localhost, true",
        // a star for labels
        "https://*.game.example, https://a.game.example, true",
        "https://*.game.example, https://a.b-c.game.example, true",
        "https://*.game.example, https://game.example, false",
        "https://*.game.example, https://.game.example, false",
        "https://*.game.example, https://evilgame.example, false",
        "https://*.game.example, https://evil.example/.game.example, false",
        "https://*.game.example, https://evil.example#.game.example, false",
        "https://*.game.example, https://evil.example?.game.example, false",
        "https://*.game.example, https://evil.example:1.game.example, false",
        "https://*.game.example, https://u@a.game.example, false",
        "https://*.game.example, https://a.game.example:1, false",
        "https://*.game.example, https://a.game.exampleX, false",
        "https://*.game.example, https://a.gameXexample, false",
        "https://*.game.example, http://a.game.example, false",
        "https://*.game.example, https://a..game.example, false",
        // a star for the port
        "http://localhost:*, http://localhost:3000, true",
        "http://localhost:*, http://localhost, true",
        "http://localhost:*, http://localhost:, false",
        "http://localhost:*, http://localhost:3000x, false",
        "http://localhost:*, http://localhost:30.evil, false",
        "http://localhost:*, http://localhost.evil:3000, false",
        "http://localhost:*, https://localhost:3000, false",
        "http://*.game.example:*, http://a.game.example:1, true",
    })
    void aPatternIsAnOriginWithStars(String pattern, String origin, boolean allowed) {
        assertThat(OriginPolicy.of("https://x.example", pattern).allows(origin)).isEqualTo(allowed);
        assertThat(OriginPolicy.of("https://x.example").allows(origin)).isFalse();
        assertThat(OriginPolicy.of(pattern)).hasToString(pattern);
    }

    /** Anybody may send one, and it takes no stack. */
    @Test
    void aLongOriginIsJudgedLikeAShortOne() {
        OriginPolicy policy = OriginPolicy.of("https://*.game.example:*");
        String labels = "a.".repeat(500_000);
        assertThat(policy.allows("https://" + labels + "game.example")).isTrue();
        assertThat(policy.allows("https://" + labels + "evil.example")).isFalse();
        assertThat(policy.allows("https://" + labels + ".game.example")).isFalse();
        assertThat(policy.allows("https://game.example:" + "1".repeat(500_000))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "*",
                "game.example",
                "*.game.example",
                "https://",
                "https://game.example/",
                "https://*",
                "https://*.",
                "https://a.*.example",
                "https://*game.example",
                "*://game.example",
                "https://game.example:",
                "https://game.example:x",
                "https://u@game.example",
                "https://game.example, https://b",
                "https://a b",
                "https://straße.example",
                "https://game.example\n"
            })
    void whatCanBeNoOriginIsRefused(String pattern) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OriginPolicy.of(pattern))
                .satisfies(e -> assertThat(e.getMessage()).matches("[ -~]+"));
    }

    /** Everything of this library that takes the server's side of a handshake. */
    enum Side {
        SERVER,
        POLLED_SERVER,
        STREAM
    }

    private static String answer(Side side, OriginPolicy policy, String origin) throws IOException {
        String request =
                new String(
                        RawPeer.request(origin.isEmpty() ? "" : "Origin: " + origin + "\r\n"),
                        StandardCharsets.US_ASCII);
        WebSocketOptions options = WebSocketOptions.defaults().withOrigins(policy);
        if (side == Side.STREAM) {
            try (var listener = new TCPServer();
                    var peer = new WebSocketPeer(options)) {
                assertThat(listener.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
                try (var raw = RawPeer.connect(listener.getLocalPort())) {
                    await().until(listener::isConnectionAvailable);
                    assertThat(peer.acceptStream(listener.takeConnection()))
                            .isEqualTo(ErrorCode.OK);
                    raw.write(RawPeer.ascii(request));
                    return raw.readHead().substring(9, 12);
                }
            }
        }
        try (var server = new WebSocketServer()) {
            server.setOptions(options);
            if (side == Side.SERVER) {
                server.start(0, peer -> {});
            } else {
                assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            }
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.ascii(request));
                return raw.readHead().substring(9, 12);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everySideHasAPolicy(Side side) throws Exception {
        OriginPolicy pattern = OriginPolicy.of("https://*.game.example");
        OriginPolicy ends = OriginPolicy.matching(origin -> origin.endsWith("!"));
        OriginPolicy broken =
                OriginPolicy.matching(origin -> {
                    throw new IllegalStateException("as a test wants it");
                });
        String own = "http://localhost";
        String game = "https://a.game.example";
        String evil = "https://evil.example";

        for (OriginPolicy policy :
                new OriginPolicy[] {
                    OriginPolicy.sameHost(), OriginPolicy.any(), pattern, ends, broken
                }) {
            assertThat(answer(side, policy, own)).as("%s", policy).isEqualTo("101");
            assertThat(answer(side, policy, "")).as("%s", policy).isEqualTo("101");
        }
        assertThat(answer(side, OriginPolicy.sameHost(), game)).isEqualTo("403");
        assertThat(answer(side, OriginPolicy.any(), evil)).isEqualTo("101");
        assertThat(answer(side, OriginPolicy.any(), "null")).isEqualTo("101");
        assertThat(answer(side, pattern, game)).isEqualTo("101");
        assertThat(answer(side, pattern, evil)).isEqualTo("403");
        assertThat(answer(side, ends, evil)).isEqualTo("403");
        assertThat(answer(side, ends, evil + "!")).isEqualTo("101");
        assertThat(answer(side, broken, evil)).isEqualTo("500");
    }

    @Test
    void untilOneIsSetItIsTheOwnHostAlone() {
        assertThat(WebSocketOptions.defaults().origins()).isSameAs(OriginPolicy.sameHost());
        assertThat(WebSocketOptions.defaults().origins().allows("https://game.example")).isFalse();
    }
}
