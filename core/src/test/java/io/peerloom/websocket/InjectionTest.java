package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.peerloom.ErrorCode;
import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.stream.StreamPeerTCP;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/**
 * Whatever text a user gives, where it can come to stand in a head: either it is refused at the
 * call, or what leaves is one head with the lines that were asked for, and not a CR, LF or NUL more
 * (CVE-2026-1527 and its kin).
 */
class InjectionTest {

    private static final Set<String> REQUEST =
            Set.of("host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version");

    /** Text that wants out of its line, and what looks like it. */
    @Provide
    Arbitrary<String> evil() {
        Arbitrary<String> piece =
                Arbitraries.frequencyOf(
                        Tuple.of(4, Arbitraries.of("a", "game", "X", "1", "~", "-", ".", "é", "名")),
                        Tuple.of(3, Arbitraries.of("\r\n", "\r", "\n", "\u0000", "\r\n\r\n")),
                        Tuple.of(
                                3,
                                Arbitraries.of(": ", ":", " ", "\t", ",", "/", "?", "#", "@", "%")),
                        Tuple.of(
                                1,
                                Arbitraries.of("\u0085", "\u2028", "\u010d", "\u010a", "\u560d")),
                        Tuple.of(1, Arbitraries.of("%0d%0a", "\\r\\n", "%00", "\ud800", "\u007f")),
                        Tuple.of(
                                1,
                                Arbitraries.of(
                                        "\r\nX-Injected: 1",
                                        "\r\n\r\nGET /in HTTP/1.1\r\nHost: x")),
                        Tuple.of(1, Arbitraries.strings().ofMaxLength(4)));
        Arbitrary<String> any = piece.list().ofMaxSize(6).map(pieces -> String.join("", pieces));
        Arbitrary<String> one = // in a text that is good but for it
                Arbitraries.of("\r", "\n", "\u0000", "\r\n", "\n\r", "\u010a")
                        .map(bad -> "a" + bad + "b");
        return Arbitraries.frequencyOf(Tuple.of(3, any), Tuple.of(1, one));
    }

    /** Where in a client's request it is put. */
    enum Asked {
        HEADER_NAME,
        HEADER_VALUE,
        HEADER_LINE,
        PROTOCOL,
        SECOND_PROTOCOL,
        HOST,
        AFTER_HOST,
        PATH,
        QUERY
    }

    /** What a client is made with. */
    enum By {
        CONNECT,
        CONNECT_TO_STREAM,
        CLIENT
    }

    @Property(tries = 600)
    void ofAClient(@ForAll("evil") String evil, @ForAll Asked where, @ForAll By by)
            throws Exception {
        WebSocketOptions options = WebSocketOptions.defaults();
        String host = "127.0.0.1";
        String tail = "/";
        switch (where) {
            case HEADER_NAME -> {
                if (evil.indexOf(':') >= 0) {
                    return; // refused at the call, see below
                }
                options = options.withHeader(evil, "v");
            }
            case HEADER_VALUE -> options = options.withHeader("X-Given", evil);
            case HEADER_LINE -> options = options.withHeaders(List.of(evil));
            case PROTOCOL -> options = options.withProtocols(evil);
            case SECOND_PROTOCOL -> options = options.withProtocols("first", evil);
            case HOST -> host = evil;
            case AFTER_HOST -> tail = evil;
            case PATH -> tail = "/" + evil;
            case QUERY -> tail = "/?" + evil;
        }
        boolean address = where != Asked.HOST && where != Asked.AFTER_HOST;
        if (by == By.CLIENT && !address) {
            return; // would be looked up
        }
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = listening.getLocalPort();
            String url = "ws://" + host + (address ? ":" + port : "") + tail;
            Client client = client(by, url, options, port);
            if (client == null) {
                return; // refused at the call
            }
            try (client;
                    var raw = new RawPeer(listening.accept())) {
                String head = raw.readHead();
                raw.write(ascii("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
                client.over();
                assertThat(raw.readAll()).as("behind the head").isEmpty();
                List<String> names = names(head, "GET [!-~]+ HTTP/1\\.1");
                var expected = new TreeSet<>(REQUEST);
                if (!options.protocols().isEmpty()) {
                    expected.add("sec-websocket-protocol");
                }
                for (String line : options.headers()) {
                    expected.add(line.substring(0, line.indexOf(':')).toLowerCase(Locale.ROOT));
                }
                assertThat(names).as("%s", head).containsExactlyInAnyOrderElementsOf(expected);
            }
        }
    }

    /** One that asks for a connection, and will be refused it. */
    private interface Client extends AutoCloseable {
        /** Waits until it has been. */
        void over() throws Exception;

        @Override
        void close();
    }

    /** Null if the call refuses. */
    private static Client client(By by, String url, WebSocketOptions options, int port)
            throws Exception {
        return switch (by) {
            case CONNECT -> blocking(url, options, port);
            case CONNECT_TO_STREAM -> polled(url, options, port);
            case CLIENT -> ofGodot3(url, options);
        };
    }

    private static Client blocking(String url, WebSocketOptions options, int port)
            throws Exception {
        StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", port);
        var done =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                WebSocketPeer.connect(stream, url, options).close();
                                return "open";
                            } catch (IllegalArgumentException e) {
                                return "refused";
                            } catch (IOException e) {
                                return e.getMessage();
                            }
                        },
                        task -> Thread.ofVirtual().start(task));
        if (isRefused(url, options)) {
            assertThat(done.get(20, TimeUnit.SECONDS)).isEqualTo("refused");
            stream.close();
            return null;
        }
        return of(() -> assertThat(done.join()).startsWith("server answered 400"), stream::close);
    }

    private static Client polled(String url, WebSocketOptions options, int port) throws Exception {
        StreamPeerTCP stream = StreamPeerTCP.connect("127.0.0.1", port);
        var peer = new WebSocketPeer(options);
        if (peer.connectToStream(stream, url) != ErrorCode.OK) {
            assertThat(peer.getFailure()).get().isInstanceOf(IllegalArgumentException.class);
            stream.close();
            return null;
        }
        return of(
                () -> {
                    while (peer.poll() == ErrorCode.OK) {
                        peer.awaitActivity(Duration.ofSeconds(1));
                    }
                },
                peer::close);
    }

    private static Client ofGodot3(String url, WebSocketOptions options) {
        var client = new WebSocketClient();
        if (client.connectToUrl(url, options.protocols(), options.headers()) != ErrorCode.OK) {
            return null;
        }
        return of(
                () -> {
                    while (client.poll() == ErrorCode.OK) {
                        client.awaitActivity(Duration.ofSeconds(1));
                    }
                },
                client::close);
    }

    /** Asked of the polled way, which says at once what the blocking one throws. */
    private static boolean isRefused(String url, WebSocketOptions options) throws IOException {
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var stream = StreamPeerTCP.connect("127.0.0.1", listening.getLocalPort());
                var peer = new WebSocketPeer(options)) {
            return peer.connectToStream(stream, url) != ErrorCode.OK;
        }
    }

    private interface Wait {
        void run() throws Exception;
    }

    private static Client of(Wait over, Runnable close) {
        return new Client() {
            @Override
            public void over() throws Exception {
                over.run();
            }

            @Override
            public void close() {
                close.run();
            }
        };
    }

    /**
     * The names of a head's lines, in lower case.
     *
     * @param first what its first line must match
     */
    private static List<String> names(String head, String first) {
        assertThat(head).endsWith("\r\n\r\n");
        String[] lines = head.substring(0, head.length() - 4).split("\r\n", -1);
        var names = new ArrayList<String>();
        for (int i = 0; i < lines.length; i++) {
            assertThat(lines[i])
                    .as("line %d of %s", i, head)
                    .matches("[\\t\\x20-\\x7E\\xA0-\\xFF]+");
            if (i == 0) {
                assertThat(lines[i]).matches(first);
            } else {
                assertThat(lines[i]).matches("[!#$%&'*+.^_`|~0-9A-Za-z-]+: .*");
                names.add(lines[i].substring(0, lines[i].indexOf(':')).toLowerCase(Locale.ROOT));
            }
        }
        return names;
    }

    /** Where in a server's answer it is put. */
    enum Answered {
        OPTIONS_NAME,
        OPTIONS_VALUE,
        OPTIONS_LINE,
        ACCEPT_NAME,
        ACCEPT_VALUE,
        REFUSE_NAME,
        REFUSE_VALUE,
        CONTENT_TYPE,
        BODY,
        /** It is the client who sends it. */
        REQUEST
    }

    @Property(tries = 500)
    void ofAServer(@ForAll("evil") String evil, @ForAll Answered where) throws Exception {
        WebSocketOptions options = WebSocketOptions.defaults();
        Supplier<UpgradeResponse> answer = UpgradeResponse::accept;
        switch (where) {
            case OPTIONS_NAME -> {
                if (evil.indexOf(':') >= 0) {
                    return; // refused at the call, see below
                }
                options = options.withHeader(evil, "v");
            }
            case OPTIONS_VALUE -> options = options.withHeader("X-Given", evil);
            case OPTIONS_LINE -> options = options.withHeaders(List.of(evil));
            case ACCEPT_NAME -> answer = () -> UpgradeResponse.accept().withHeader(evil, "v");
            case ACCEPT_VALUE -> answer = () -> UpgradeResponse.accept().withHeader("X", evil);
            case REFUSE_NAME -> answer = () -> UpgradeResponse.refuse(403).withHeader(evil, "v");
            case REFUSE_VALUE -> answer = () -> UpgradeResponse.refuse(302).withHeader("X", evil);
            case CONTENT_TYPE ->
                    answer = () -> UpgradeResponse.respond(200, evil, new byte[] {1, 2});
            case BODY ->
                    answer =
                            () ->
                                    UpgradeResponse.respond(
                                            200,
                                            "text/plain",
                                            evil.getBytes(StandardCharsets.UTF_8));
            case REQUEST -> {}
        }
        try (var server = new WebSocketServer()) {
            try {
                server.setOptions(options);
            } catch (IllegalArgumentException e) {
                return; // refused at the call
            }
            Supplier<UpgradeResponse> given = answer;
            server.setUpgradeHandler(request -> {
                try {
                    return given.get();
                } catch (IllegalArgumentException e) { // at the call, where its user can see it
                    return UpgradeResponse.refuse(500);
                }
            });
            server.start(0, WebSocketPeer::receive);
            try (RawPeer raw = RawPeer.connect(server.getLocalPort())) {
                if (where == Answered.REQUEST) {
                    raw.write(("GET /" + evil + " HTTP/1.1\r\n").getBytes(StandardCharsets.UTF_8));
                    raw.write((evil + "\r\n" + evil + "\r\n").getBytes(StandardCharsets.UTF_8));
                }
                raw.write(RawPeer.request(""));
                String head = raw.readHead();
                boolean open = head.startsWith("HTTP/1.1 101 ");
                List<String> names = names(head, "HTTP/1\\.1 [1-5][0-9][0-9] [A-Za-z -]*");
                var expected = new ArrayList<>(List.of("connection"));
                if (open) {
                    expected.addAll(List.of("upgrade", "sec-websocket-accept"));
                    switch (where) {
                        case OPTIONS_NAME, OPTIONS_VALUE, OPTIONS_LINE -> {
                            String line = options.headers().get(0);
                            expected.add(line.substring(0, line.indexOf(':')));
                        }
                        case ACCEPT_NAME -> expected.add(evil);
                        case ACCEPT_VALUE -> expected.add("X");
                        default -> {}
                    }
                    raw.write(RawPeer.masked(0x88, new byte[0]));
                    assertThat(raw.readAll()).isEqualTo("\u0088\u0000");
                } else {
                    int length =
                            Integer.parseInt(
                                    head.replaceAll(
                                            "(?s).*\r\nContent-Length: (\\d+)\r\n.*", "$1"));
                    assertThat(raw.readAll()).hasSize(length);
                    expected.add("content-length");
                    boolean typed = head.contains("\r\nContent-Type: ");
                    expected.add(typed ? "content-type" : "sec-websocket-version");
                    if (head.startsWith("HTTP/1.1 403 ") || head.startsWith("HTTP/1.1 302 ")) {
                        expected.add(where == Answered.REFUSE_NAME ? evil : "X");
                    }
                }
                assertThat(names)
                        .as("%s", head)
                        .containsExactlyInAnyOrderElementsOf(
                                expected.stream().map(n -> n.toLowerCase(Locale.ROOT)).toList());
            }
        }
    }

    /** A reason stands in a frame: what comes out there is what went in, or nothing. */
    @Property
    void ofACloseReason(@ForAll("evil") String evil) throws Exception {
        byte[] payload;
        try {
            payload = FrameEncoder.closePayload(1000, evil);
        } catch (IllegalArgumentException e) {
            boolean unpaired =
                    evil.codePoints()
                            .anyMatch(c ->
                                    c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
            assertThat(unpaired || evil.getBytes(StandardCharsets.UTF_8).length > 123).isTrue();
            return;
        }
        byte[] frame = RawPeer.masked(0x88, payload);
        var decoder = new FrameDecoder(true, 1000, 1);
        assertThat(decoder.decode(frame, 0, frame.length)).isEqualTo(FrameDecoder.Event.CLOSE);
        String told = evil.endsWith("\u0000") ? evil.substring(0, evil.length() - 1) : evil;
        assertThat(decoder.closeReason()).isEqualTo(told);
    }

    /** It would end the name: {@code X: a} with the value {@code b} would leave as X, "a: b". */
    @Example
    void aNameWithAColonIsRefusedAtTheCall() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebSocketOptions.defaults().withHeader("X: a", "b"))
                .withMessageContaining("\"X: a\"");
    }
}
