package io.peerloom.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** RFC 9112 section 6: bodies of refusals, in wire bytes, with any chunking. */
class ResponseBodyTest {
    private static final int MOST = 20;

    /**
     * A response.
     *
     * @param head status and header lines, with bars between
     * @param sent what follows the head
     * @param body what of it is the body
     * @param done whether the end of the connection is not waited for
     * @param complete whether it is all of it, once the connection has ended
     */
    record Case(String head, String sent, String body, boolean done, boolean complete) {}

    static Stream<Case> cases() {
        String chunked = "403|Transfer-Encoding: chunked";
        return Stream.of(
                new Case("403", "nobody knows", "nobody knows", false, true),
                new Case("403", "", "", false, true),
                new Case("403", "x".repeat(MOST), "x".repeat(MOST), true, false),
                new Case("403", "x".repeat(MOST + 1), "x".repeat(MOST), true, false),
                new Case("403|Content-Length: 2", "hello", "he", true, true),
                new Case("403|Content-Length: 0", "hello", "", true, true),
                new Case("403|Content-Length: 6", "hello", "hello", false, false),
                new Case("403|Content-Length: 20", "x".repeat(30), "x".repeat(20), true, true),
                new Case("403|Content-Length: 21", "x".repeat(30), "x".repeat(20), true, false),
                new Case("403|Content-Length: 2|content-length: 2", "hello", "he", true, true),
                new Case("403|Content-Length: 2|Content-Length: 3", "hello", "hello", false, true),
                new Case("403|Content-Length: -2", "hello", "hello", false, true),
                new Case("403|Content-Length: " + "9".repeat(19), "hello", "hello", false, true),
                new Case("403|Content-Length:", "hello", "hello", false, true),
                new Case("204|Content-Length: 2", "hello", "", true, true),
                new Case("304", "hello", "", true, true),
                new Case("101", "hello", "", true, true),
                new Case("403|Transfer-Encoding: gzip", "hello", "hello", false, true),
                new Case("403|Transfer-Encoding: chunked, gzip", "hello", "hello", false, true),
                new Case(
                        "403|Transfer-Encoding: gzip, CHUNKED", "1\r\na\r\n0\r\n", "a", true, true),
                new Case(chunked, "0\r\n\r\n", "", true, true),
                new Case(chunked + "|Content-Length: 1", "2\r\nab\r\n0\r\n", "ab", true, true),
                new Case(
                        chunked,
                        "2\r\nab\r\n0A;x=y\r\n0123456789\r\n00\r\nT: x\r\n",
                        "ab0123456789",
                        true,
                        true),
                new Case(chunked, "3 \r\nabc\r\n0\r\n", "abc", true, true),
                new Case(chunked, "2\nab\n0\n", "ab", true, true),
                new Case(chunked, "2\r\nab", "ab", false, false),
                new Case(chunked, "2\r\na", "a", false, false),
                new Case(chunked, "2\r\nab\r\n", "ab", false, false),
                new Case(chunked, "", "", false, false),
                new Case(chunked, "2\r\nabc\r\n0\r\n", "ab", true, false),
                new Case(chunked, "x\r\n", "", true, false),
                new Case(chunked, "\r\n", "", true, false),
                new Case(chunked, "\n", "", true, false),
                new Case(chunked, "00000000\r\n", "", true, false),
                new Case(chunked, "fffffff\r\n" + "x".repeat(30), "x".repeat(20), true, false),
                new Case(
                        chunked,
                        "14\r\n" + "x".repeat(20) + "\r\n1\r\ny",
                        "x".repeat(20),
                        true,
                        false));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theBodyIs(Case c) throws HandshakeException {
        byte[] sent = c.sent().getBytes(StandardCharsets.ISO_8859_1);
        for (int step : List.of(1, 3, sent.length + 1)) {
            var body = new ResponseBody(head(c.head()), MOST);
            boolean done = body.feed(sent, 0, 0);
            for (int at = 0; at < sent.length && !done; at += step) {
                done = body.feed(sent, at, Math.min(sent.length, at + step));
            }
            assertThat(done).as("done, in steps of %d", step).isEqualTo(c.done());
            body.end();
            assertThat(body.bytes()).asString(StandardCharsets.ISO_8859_1).isEqualTo(c.body());
            assertThat(body.isComplete()).as("complete").isEqualTo(c.complete());
            assertThat(body.feed(sent, 0, sent.length)).isTrue();
        }
    }

    private static ResponseHead head(String lines) throws HandshakeException {
        String text = "HTTP/1.1 " + lines.replace("|", "\r\n") + "\r\n\r\n";
        byte[] head = text.getBytes(StandardCharsets.ISO_8859_1);
        HeadParser parser = HeadParser.response(1000, 10);
        assertThat(parser.feed(head, 0, head.length)).isTrue();
        return parser.responseHead();
    }
}
