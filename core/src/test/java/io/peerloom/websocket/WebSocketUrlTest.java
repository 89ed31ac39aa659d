package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.peerloom.ErrorCode;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer.Generation;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 3986, RFC 6874, IDNA and RFC 6455 section 3: the URLs of clients. */
class WebSocketUrlTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // url | secure | host | port | Host | target
                "ws://example.com|false|example.com|80|example.com|/",
                "ws://example.com:9080/chat?a=b|false|example.com|9080|example.com:9080|/chat?a=b",
                "wss://example.com|true|example.com|443|example.com|/",
                "wss://example.com:443/|true|example.com|443|example.com|/",
                "wss://example.com:80/|true|example.com|80|example.com:80|/",
                "WS://Example.COM/|false|Example.COM|80|Example.COM|/",
                "http://example.com/|false|example.com|80|example.com|/",
                "HTTPS://example.com/|true|example.com|443|example.com|/",
                "example.com|false|example.com|80|example.com|/",
                "localhost:9080/x|false|localhost|9080|localhost:9080|/x",
                "localhost:9080?x|false|localhost|9080|localhost:9080|/?x",
                // "://" where it is no scheme's
                "example.com/?u=http://a/b|false|example.com|80|example.com|/?u=http://a/b",
                "example.com?u=ws://a|false|example.com|80|example.com|/?u=ws://a",
                "example.com/a://b|false|example.com|80|example.com|/a://b",
                "ws://example.com?u=wss://a|false|example.com|80|example.com|/?u=wss://a",
                "wss://h/?a@b:c|true|h|443|h|/?a@b:c",
                // registered names, RFC 3986 section 3.2.2
                "ws://my_service/|false|my_service|80|my_service|/",
                "ws://node-1.7:81/|false|node-1.7|81|node-1.7:81|/",
                "ws://pod.0a1b/|false|pod.0a1b|80|pod.0a1b|/",
                "ws://-a.b-/|false|-a.b-|80|-a.b-|/",
                "ws://a!$&'()*+;=~b/|false|a!$&'()*+;=~b|80|a!$&'()*+;=~b|/",
                "ws://a%62c/|false|abc|80|abc|/",
                "ws://example.com./|false|example.com.|80|example.com.|/",
                "ws://127.0.0.1:1|false|127.0.0.1|1|127.0.0.1:1|/",
                "ws://example.com:/|false|example.com|80|example.com|/",
                "ws://example.com:0080/|false|example.com|80|example.com|/",
                // IDNA
                "ws://münchen.example/|false|xn--mnchen-3ya.example|80|xn--mnchen-3ya.example|/",
                "ws://MÜNCHEN.example:81|false|xn--mnchen-3ya.example|81|xn--mnchen-3ya.example:81|/",
                "ws://m%C3%BCnchen.example|false|xn--mnchen-3ya.example|80|xn--mnchen-3ya.example|/",
                "ws://xn--mnchen-3ya.example|false|xn--mnchen-3ya.example|80|xn--mnchen-3ya.example|/",
                "ws://例え。テスト/|false|xn--r8jz45g.xn--zckzah|80|xn--r8jz45g.xn--zckzah|/",
                "ws://\uD83D\uDE00.example/|false|xn--e28h.example|80|xn--e28h.example|/",
                "ws://größe_1.example/|false|``|0|``|``",
                // addresses of IPv6, and their zones, RFC 6874
                "ws://[::1]/|false|::1|80|[::1]|/",
                "wss://[2001:DB8::7]:9|true|2001:DB8::7|9|[2001:DB8::7]:9|/",
                "ws://[::ffff:1.2.3.4]|false|::ffff:1.2.3.4|80|[::ffff:1.2.3.4]|/",
                "ws://[fe80::1%25eth0]/x|false|fe80::1%eth0|80|[fe80::1]|/x",
                "ws://[fe80::1%eth0]:81|false|fe80::1%eth0|81|[fe80::1]:81|/",
                "wss://[fe80::1%25en%2d1]|true|fe80::1%en-1|443|[fe80::1]|/",
                "ws://[fe80::1%251]|false|fe80::1%1|80|[fe80::1]|/",
                // what is beyond ASCII in path and query
                "ws://h/ü?ä=😀|false|h|80|h|/%C3%BC?%C3%A4=%F0%9F%98%80",
                "ws://h/%20?a[0]=%5B|false|h|80|h|/%20?a[0]=%5B",
                "ws://h//a/../b|false|h|80|h|//a/../b",
            })
    void isTakenApart(
            String url, boolean secure, String host, int port, String header, String target) {
        if (port == 0) {
            assertThatIllegalArgumentException().isThrownBy(() -> WebSocketUrl.parse(url));
            return;
        }
        assertThat(WebSocketUrl.parse(url))
                .isEqualTo(new WebSocketUrl(secure, host, port, header, target));
    }

    /** What is refused, and where the message says that it is. */
    static Stream<String[]> refused() {
        return Stream.of(
                new String[][] {
                    {"", "no host, at index 0"},
                    {"ws://", "no host, at index 5"},
                    {"ws:///a", "no host, at index 5"},
                    {"ws://:80/", "no host, at index 5"},
                    {"/a", "no host, at index 0"},
                    {"ftp://h/", "scheme is neither ws nor wss, at index 0"},
                    {"://h/", "scheme is neither"},
                    {"w s://h/", "scheme is neither"},
                    {"ws:h", "'h' in the port, at index 3"},
                    {"ws:/h", "scheme without two slashes, or no port, at index 2"},
                    {"ws://h:x/", "'x' in the port, at index 7"},
                    {"ws://h:-1/", "'-' in the port, at index 7"},
                    {"ws://h:0/", "port out of range, at index 7"},
                    {"ws://h:65536", "port out of range, at index 7"},
                    {"ws://h:99999999999999999999", "port out of range, at index 7"},
                    {"ws://h:1:2/", "':' in the port, at index 8"},
                    {"ws://::1/", "no host, at index 5"},
                    {"ws://a::1/", "':' in the port, at index 7"},
                    {"ws://secret:pass@h/", "URL with a user, at index 5"},
                    {"ws://h/#f", "fragment, at index 7"},
                    {"ws://h#f", "fragment, at index 6"},
                    {"ws://h?a#f", "fragment, at index 8"},
                    {"ws://a b/", "U+0020 in a host, at index 6"},
                    {" ws://h/", "scheme is neither"},
                    {"ws://h/ ", "U+0020 in the path, at index 7"},
                    {"ws://h/a\nb", "U+000A in the path, at index 8"},
                    {"ws://h\r\nX: y/", "U+000D in a host, at index 6"},
                    {"ws://h\u0000/", "U+0000 in a host, at index 6"},
                    {"ws://h/?\u001b[2J", "U+001B in the query, at index 8"},
                    {"ws://h/\u0085", "U+0085 in the path, at index 7"},
                    {"ws://h/\u2028", "U+2028 in the path, at index 7"},
                    {"ws://h/\u00a0", "U+00A0 in the path, at index 7"},
                    {"ws://h/\u007f", "U+007F in the path, at index 7"},
                    {"ws://h/a\\b", "'\\' in the path, at index 8"},
                    {"ws://h/[", "'[' in the path, at index 7"},
                    {"ws://h/?a|b", "'|' in the query, at index 9"},
                    {"ws://h/%", "percent sign without two hexadecimal digits, at index 7"},
                    {"ws://h/%4", "percent sign without two hexadecimal digits, at index 7"},
                    {"ws://h/%4x", "percent sign without two hexadecimal digits, at index 7"},
                    {"ws://h%/", "percent sign without two hexadecimal digits, at index 6"},
                    {"ws://h%2/", "percent sign without two hexadecimal digits, at index 6"},
                    {"ws://h%ff/", "not UTF-8, at index 5"},
                    {"ws://h%2fa/", "'/' in a host, at index 5"},
                    {"ws://h%40a/", "'@' in a host, at index 5"},
                    {"ws://h%3a80/", "':' in a host, at index 5"},
                    {"ws://h%00/", "U+0000 in a host, at index 5"},
                    {"ws://h%25/", "'%' in a host, at index 5"},
                    {"ws://a,b/", "',' in a host, at index 6"},
                    {"ws://a\"b/", "'\"' in a host, at index 6"},
                    {"ws://a]/", "']' in a host, at index 6"},
                    {"ws://h/\ud800", "unpaired surrogate, at index 7"},
                    {"ws://h%41\ud800/", "unpaired surrogate, at index 9"},
                    // IDNA
                    {"ws://straße.example/", "U+00DF at index 4"},
                    {"ws://ς.example/", "U+03C2 at index 0"},
                    {"ws://a\u200db.example/", "U+200D at index 1"},
                    {
                        "ws://c\u2100.example/", "U+002F at index 2 of a host comes of IDNA"
                    }, // CVE-2019-9636
                    {"ws://a\uff0fb.example/", "U+002F at index 1 of a host comes of IDNA"},
                    {"ws://a\uff1ab.example/", "comes of IDNA"},
                    {"ws://ü..example/", "no name of a host by IDNA"},
                    {"ws://" + "ü".repeat(64) + ".example/", "no name of a host by IDNA"},
                    {"ws://ü\u202e.example/", "IDNA"},
                    // addresses
                    {"ws://[::1/", "bracket that does not end, at index 5"},
                    {"ws://[/]", "bracket that does not end, at index 5"},
                    {"ws://[]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[h]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[1.2.3.4]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[v1.x:y]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[::1::2]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[:::]/", "no IPv6 address in brackets, at index 6"},
                    {"ws://[::1]a/", "text behind an address, at index 10"},
                    {"ws://[fe80::1%25]/", "no zone behind a percent sign, at index 13"},
                    {"ws://[fe80::1%]/", "no zone behind a percent sign, at index 13"},
                    {"ws://[fe80::1%25a%2Fb]/", "'/' in a zone, at index 16"},
                    {"ws://[fe80::1%25a%0Ab]/", "U+000A in a zone, at index 16"},
                    {"ws://[fe80::1%25a%zz]/", "percent sign without"},
                });
    }

    @ParameterizedTest
    @MethodSource("refused")
    void isRefusedWithItsPlace(String url, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebSocketUrl.parse(url))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.getMessage()).matches("[ -~]{1,500}"))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret", "pass"));
    }

    /** Nothing that is thrown at it is anything but taken or refused in print. */
    @Test
    void everyCharacterEverywhereIsTakenOrRefused() {
        String url = "ws://[fe80::1%25e]:80/p?q";
        String name = "wss://a.b:81/p?q";
        for (String whole : new String[] {url, name}) {
            for (int at = 0; at <= whole.length(); at++) {
                for (int c = 0; c < 0x180; c++) {
                    String changed = whole.substring(0, at) + (char) c + whole.substring(at);
                    try {
                        WebSocketUrl parsed = WebSocketUrl.parse(changed);
                        assertThat(parsed.target()).matches("/[!-~]*").doesNotContain("#");
                        assertThat(parsed.hostHeader())
                                .matches("[!-~]+")
                                .doesNotContain("%", "@", "/");
                        assertThat(parsed.port()).isBetween(1, 65_535);
                    } catch (IllegalArgumentException e) {
                        assertThat(e.getMessage()).matches("[ -~]{1,500}");
                    }
                }
            }
        }
    }

    /** Every call that takes a URL takes them all, and says why not. */
    @ParameterizedTest
    @ValueSource(strings = {"ws://a b/", "ws://h/\n", "ws://straße/", "ftp://h/"})
    void everyCallNamesWhatItRefuses(String url) throws Exception {
        try (var peer = new WebSocketPeer();
                var client = new WebSocketClient();
                var group = new WebSocketMultiplayerPeer(Generation.GODOT4)) {
            assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.INVALID_PARAMETER);
            assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.INVALID_PARAMETER);
            assertThat(group.createClient(url)).isEqualTo(ErrorCode.INVALID_PARAMETER);
            for (Throwable failure :
                    new Throwable[] {
                        peer.getFailure().orElseThrow(),
                        client.getFailure().orElseThrow(),
                        group.getFailure().orElseThrow()
                    }) {
                assertThat(failure).hasMessageContaining("index");
                assertThat(failure.getMessage()).matches("[ -~]{1,500}");
            }
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebSocketPeer.connect(url))
                .withMessageContaining("index");
    }
}
