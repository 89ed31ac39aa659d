package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.Certificates;
import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import io.peerloom.websocket.Compression;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketClient;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * WebSockets between this library and Godot 3, Godot 4 and Node's ws, either side being the server,
 * ours polled and blocking. Both sides tell what they see, in the same words, and the two
 * transcripts have to agree.
 */
@Tag("interop")
class WebSocketInteropTest {

    /** How our side is used. */
    enum Mode {
        /** {@code WebSocketPeer}, or the server with its listener, from a loop. */
        POLLED,
        /** From a virtual thread. */
        BLOCKING,
        /** {@code WebSocketClient} with its listener, from a loop. */
        LISTENING
    }

    /** What our side does. */
    private interface Part {
        /** Called once, before anything is received. */
        default void opened(WebSocketPeer peer) {
            assertThat(peer.isConnectedToHost()).isTrue();
        }

        default void received(WebSocketPeer peer, Message message) {
            assertThat(peer.wasStringPacket()).isEqualTo(message.isText());
        }
    }

    private static final Part ECHO =
            new Part() {
                @Override
                public void received(WebSocketPeer peer, Message message) {
                    peer.send(message);
                }
            };

    private static final Part LISTEN = new Part() {};

    /** Lengths around which frames change their shape, and the most that a Godot takes unasked. */
    private static final int[] LENGTHS = {5, 125, 126, 127, 65_535};

    @TempDir Path folder;

    static Stream<Arguments> clients() {
        return Stream.of(Partner.values())
                .flatMap(p -> Stream.of(Mode.values()).map(m -> Arguments.of(p, m)));
    }

    static Stream<Arguments> servers() {
        return clients().filter(way -> way.get()[1] != Mode.LISTENING);
    }

    // ---- our server ----

    /**
     * Text, binary, empty and long ones from the client, each back to it; then the client closes.
     */
    @ParameterizedTest
    @MethodSource("servers")
    void theirClientTalksAndCloses(Partner partner, Mode mode) throws Exception {
        String empties = partner == Partner.GODOT3 ? "" : "text:0,binary:0,";
        int count = 2 * LENGTHS.length + (partner == Partner.GODOT3 ? 0 : 2);
        String steps =
                empties
                        + Arrays.stream(LENGTHS)
                                .mapToObj(n -> "text:" + n + ",binary:" + n + ",")
                                .reduce("", String::concat)
                        + "await:"
                        + count
                        + ",close:4001:bye";
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), ECHO);
                var client = client(partner, server.url(), steps)) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(client.with("sent ")).as("%s", client).hasSize(count);
            assertThat(server.transcript.messages()).isEqualTo(client.with("sent "));
            assertThat(client.messages()).isEqualTo(client.with("sent "));
            assertThat(server.transcript.lines()).first().isEqualTo("open ");
            // Godot 3 sends a NUL after its reason, which is not part of it.
            assertThat(server.transcript.lines()).last().isEqualTo("close 4001 bye clean peer");
            // Our answer repeats the code, as RFC 6455 section 5.5.1 has it, and the reason.
            assertThat(client.with("close "))
                    .containsExactly(partner == Partner.GODOT3 ? "-1 " : "4001 bye");
        }
    }

    /** The messages before a close arrive, however close behind them it follows. */
    @ParameterizedTest
    @MethodSource("servers")
    void theLastMessagesBeforeAClientsCloseArrive(Partner partner, Mode mode) throws Exception {
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), LISTEN);
                var client =
                        client(
                                partner,
                                server.url(),
                                "text:5,binary:40000,text:7,close:4001:bye")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(server.transcript.messages()).isEqualTo(client.with("sent ")).hasSize(3);
            assertThat(server.transcript.lines()).last().isEqualTo("close 4001 bye clean peer");
        }
    }

    @ParameterizedTest
    @MethodSource("servers")
    void ourServerCloses(Partner partner, Mode mode) throws Exception {
        var closeOnFirst =
                new Part() {
                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        peer.close(4002, "genug für heute");
                    }
                };
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), closeOnFirst);
                var client = client(partner, server.url(), "text:5")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(client.with("close ")).containsExactly("4002 genug für heute");
            assertThat(server.transcript.lines())
                    .last()
                    .isEqualTo("close 4002 genug für heute clean own");
        }
    }

    /** A process that is killed says nothing; its system closes the socket. */
    @ParameterizedTest
    @MethodSource("servers")
    void theirClientIsKilled(Partner partner, Mode mode) throws Exception {
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), ECHO);
                var client = client(partner, server.url(), "text:5")) {
            client.awaitMessages(1);
            client.kill();
            server.transcript.await("close ");

            assertThat(server.transcript.lines()).last().isEqualTo("close 1006  unclean peer");
        }
    }

    @ParameterizedTest
    @MethodSource("servers")
    void ourServerDropsTheConnection(Partner partner, Mode mode) throws Exception {
        var dropOnFirst =
                new Part() {
                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        peer.abort();
                    }
                };
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), dropOnFirst);
                var client = client(partner, server.url(), "text:5")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(client.with("close ")).containsExactly(abnormal(partner));
            assertThat(server.transcript.lines()).last().isEqualTo("close 1006  unclean own");
        }
    }

    /** The client's first choice among those that the server has (RFC 6455 section 4.2.2). */
    @ParameterizedTest
    @MethodSource("servers")
    void theirClientsSubprotocol(Partner partner, Mode mode) throws Exception {
        try (var server =
                        new OurServer(
                                mode, WebSocketOptions.defaults().withProtocols("b", "a"), ECHO);
                var client = client(partner, server.url(), "close", "--protocols=x,a,b")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(client.with("open ")).containsExactly("a");
            assertThat(server.transcript.with("open ")).containsExactly("a");
            assertThat(server.transcript.lines()).last().isEqualTo("close 1000  clean peer");
        }
    }

    @ParameterizedTest
    @MethodSource("servers")
    void ourServerRefuses(Partner partner, Mode mode) throws Exception {
        try (var server =
                        new OurServer(
                                mode, WebSocketOptions.defaults(), UpgradeResponse.refuse(403));
                var client = client(partner, server.url(), "text:5")) {
            client.await("close ");

            assertThat(client.with("close ")).containsExactly(abnormal(partner));
            assertThat(client.with("open ")).isEmpty();
            assertThat(server.transcript.lines()).isEmpty();
            if (partner == Partner.NODE) { // the others do not tell what they were answered
                assertThat(client.with("error "))
                        .containsExactly("Unexpected server response: 403");
            }
        }
    }

    /** Everything by which a server refuses an upgrade. */
    static Stream<Arguments> refusals() {
        return Stream.of(Partner.GODOT3, Partner.GODOT4)
                .flatMap(engine ->
                        Stream.of(
                                        "204", "205", "304", "403", "405", "426", "500", "503",
                                        "page", "throws", "host", "tls")
                                .map(refusal -> Arguments.of(engine, refusal)));
    }

    /**
     * Engines look at an answer's status only if it has three header lines; of one with fewer they
     * print that, and not what the server said.
     */
    @ParameterizedTest
    @MethodSource("refusals")
    void enginesReadTheStatusOfARefusal(Partner engine, String refusal) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(request ->
                    switch (refusal) {
                        case "page" -> UpgradeResponse.page("hello");
                        case "throws" -> throw new IllegalStateException("for a test");
                        default -> UpgradeResponse.refuse(Integer.parseInt(refusal));
                    });
            if (refusal.equals("tls")) {
                server.setOptions(
                        WebSocketOptions.defaults()
                                .withTls(
                                        TLSOptions.server(
                                                Certificates.showing(Certificates.GOOD))));
            } else if (refusal.equals("host")) {
                server.setAllowedHosts(Set.of("another.example"));
            }
            server.setBindIp("127.0.0.1");
            server.start(0, peer -> {});
            String url = "ws://127.0.0.1:" + server.getLocalPort() + "/";
            try (var client = client(engine, url, "text:5")) {
                client.await("close ");
                String status =
                        switch (refusal) {
                            case "page" -> "200";
                            case "throws" -> "500";
                            case "host" -> "421";
                            case "tls" -> "400";
                            default -> refusal;
                        };
                // Godot 3 does not name the status.
                String said = engine == Partner.GODOT3 ? "Invalid protocol or status code" : status;
                Transcript.until(
                        "line about the status",
                        client,
                        () ->
                                client.lines().stream()
                                        .anyMatch(line ->
                                                line.startsWith("ERROR") && line.contains(said)));
                assertThat(client.lines())
                        .as("%s", client)
                        .noneMatch(line -> line.contains("Not enough response headers"));
            }
        }
    }

    // ---- our client ----

    @ParameterizedTest
    @MethodSource("clients")
    void ourClientTalksAndCloses(Partner partner, Mode mode) throws Exception {
        List<Message> messages =
                Stream.concat(
                                Stream.of(Message.text(""), Message.binary(new byte[0])),
                                Arrays.stream(LENGTHS)
                                        .mapToObj(n -> List.of(text(n), binary(n)))
                                        .flatMap(List::stream))
                        .toList();
        List<String> told = messages.stream().map(WebSocketInteropTest::tell).toList();
        // Godot 3 gets an empty message, and cannot send one.
        List<String> echoed = partner == Partner.GODOT3 ? told.subList(2, told.size()) : told;
        var talk =
                new Part() {
                    int left = echoed.size();

                    @Override
                    public void opened(WebSocketPeer peer) {
                        for (Message message : messages) {
                            assertThat(peer.send(message)).isEqualTo(ErrorCode.OK);
                        }
                    }

                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        if (--left == 0) {
                            peer.close(4001, "bye");
                        }
                    }
                };
        try (var server = server(partner, "echo")) {
            Transcript client = ourClient(mode, url(server), WebSocketOptions.defaults(), talk);
            server.await("close ");
            client.await("close ");

            assertThat(server.messages()).as("%s", server).isEqualTo(told);
            assertThat(client.messages()).isEqualTo(echoed);
            assertThat(server.with("close ")).containsExactly("4001 bye");
            assertThat(client.lines()).last().isEqualTo("close 4001 bye clean own");
        }
    }

    @ParameterizedTest
    @MethodSource("clients")
    void theirServerTalksAndCloses(Partner partner, Mode mode) throws Exception {
        try (var server = server(partner, "text:5,binary:40000,text:7,close:4002:enough")) {
            Transcript client = ourClient(mode, url(server), WebSocketOptions.defaults(), LISTEN);
            server.await("close ");
            client.await("close ");

            assertThat(client.messages()).isEqualTo(server.with("sent ")).hasSize(3);
            assertThat(client.lines()).last().isEqualTo("close 4002 enough clean peer");
            assertThat(server.with("close "))
                    .containsExactly(partner == Partner.GODOT3 ? "-1 " : "4002 enough");
        }
    }

    @ParameterizedTest
    @MethodSource("clients")
    void theirServerIsKilled(Partner partner, Mode mode) throws Exception {
        try (var server = server(partner, "text:5")) {
            Transcript client = ourClient(mode, url(server), WebSocketOptions.defaults(), LISTEN);
            client.awaitMessages(1);
            server.kill();
            client.await("close ");

            assertThat(client.lines()).last().isEqualTo("close 1006  unclean peer");
        }
    }

    @ParameterizedTest
    @MethodSource("clients")
    void ourClientDropsTheConnection(Partner partner, Mode mode) throws Exception {
        var dropOnFirst =
                new Part() {
                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        peer.abort();
                    }
                };
        try (var server = server(partner, "text:5")) {
            Transcript client =
                    ourClient(mode, url(server), WebSocketOptions.defaults(), dropOnFirst);
            server.await("close ");
            client.await("close ");

            assertThat(server.with("close ")).containsExactly(abnormal(partner));
            assertThat(client.lines()).last().isEqualTo("close 1006  unclean own");
        }
    }

    @ParameterizedTest
    @MethodSource("clients")
    void ourClientsSubprotocol(Partner partner, Mode mode) throws Exception {
        var closeAtOnce =
                new Part() {
                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        peer.close();
                    }
                };
        try (var server = server(partner, "text:5", "--protocols=b,a")) {
            var offer = WebSocketOptions.defaults().withProtocols("x", "b");
            Transcript client = ourClient(mode, url(server), offer, closeAtOnce);
            server.await("close ");
            client.await("close ");

            assertThat(server.with("open ")).containsExactly("b");
            assertThat(client.with("open ")).containsExactly("b");
            assertThat(client.lines()).last().isEqualTo("close 1000  clean own");
        }
    }

    // ---- what nobody polls for ----

    /**
     * Godot 4 closes a connection whose pings stay unanswered for an interval. Ours answers them
     * though the game does not poll.
     */
    @Test
    void heartbeatsOfGodotAreAnsweredWithoutPolling() throws Exception {
        try (var server =
                server(Partner.GODOT4, "text:5,await:1,delay:1500,text:7", "--heartbeat=0.2")) {
            var peer = new WebSocketPeer();
            assertThat(peer.connectToUrl(url(server))).isEqualTo(ErrorCode.OK);
            while (peer.getAvailablePacketCount() == 0) {
                assertThat(peer.awaitActivity(Transcript.PATIENCE)).isTrue();
                peer.poll();
            }
            assertThat(peer.getPacket()).hasSize(5);
            peer.sendText("go");
            // no poll from here on, for seven intervals
            assertThat(peer.awaitActivity(Transcript.PATIENCE)).isTrue();
            assertThat(peer.poll()).isEqualTo(ErrorCode.OK);
            assertThat(peer.getPacket()).as("%s", server).hasSize(7);
            peer.close();
            server.await("close ");
            assertThat(server.with("close ")).containsExactly("1000 ");
        }
    }

    /** Our pings are answered inside the other side's poll, and timed without one of ours. */
    @ParameterizedTest
    @EnumSource(Partner.class)
    void ourPingsAreAnswered(Partner partner) throws Exception {
        try (var server = server(partner, "echo");
                var peer = WebSocketPeer.connect(url(server))) {
            assertThat(peer.getRoundTripTime()).isEmpty();
            assertThat(peer.ping()).isEqualTo(ErrorCode.OK);
            peer.sendText("after the ping");
            assertThat(peer.receive(Transcript.PATIENCE).text()).isEqualTo("after the ping");
            Awaitility.await()
                    .atMost(Transcript.PATIENCE)
                    .until(() -> peer.getRoundTripTime().isPresent());
            peer.close(1000, "");
            assertThat(peer.receive(Transcript.PATIENCE)).isNull();
            server.await("close ");
            assertThat(server.with("close ")).containsExactly("1000 ");
        }
    }

    // ---- what only Node's ws can do ----

    /** Node offers compression, and is content without; a message of the largest default size. */
    @ParameterizedTest
    @EnumSource(names = {"POLLED", "BLOCKING"})
    void compressionIsOffered(Mode mode) throws Exception {
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), ECHO);
                var client =
                        client(
                                Partner.NODE,
                                server.url(),
                                "text:1000000,binary:1000000,await:2,close",
                                "--deflate=true")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(server.transcript.messages()).isEqualTo(client.with("sent ")).hasSize(2);
            assertThat(client.messages()).isEqualTo(client.with("sent "));
        }
        try (var server = server(Partner.NODE, "echo", "--deflate=true")) {
            List<Message> messages = List.of(text(100_000), binary(100_000));
            var talk =
                    new Part() {
                        int left = messages.size();

                        @Override
                        public void opened(WebSocketPeer peer) {
                            messages.forEach(peer::send);
                        }

                        @Override
                        public void received(WebSocketPeer peer, Message message) {
                            if (--left == 0) {
                                peer.close();
                            }
                        }
                    };
            Transcript client = ourClient(mode, url(server), WebSocketOptions.defaults(), talk);
            server.await("close ");
            client.await("close ");

            assertThat(client.messages())
                    .isEqualTo(messages.stream().map(WebSocketInteropTest::tell).toList())
                    .isEqualTo(server.messages());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"POLLED", "BLOCKING"})
    void overAUnixSocket(Mode mode) throws Exception {
        Path socket = folder.resolve("s");
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), ECHO, null, socket);
                var client =
                        client(
                                Partner.NODE,
                                "ws+unix:" + socket + ":/arena",
                                "text:5,binary:65535,await:2,close:4001:bye")) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(server.transcript.messages()).isEqualTo(client.with("sent ")).hasSize(2);
            assertThat(client.messages()).isEqualTo(client.with("sent "));
            assertThat(server.transcript.lines()).last().isEqualTo("close 4001 bye clean peer");
        }
        try (var server = new OurServer(mode, WebSocketOptions.defaults(), ECHO, null, socket)) {
            var stream = StreamPeerUDS.connect(socket);
            try (var peer =
                    WebSocketPeer.connect(stream, "ws://x/arena", WebSocketOptions.defaults())) {
                peer.sendText("hello");
                assertThat(peer.receive(Transcript.PATIENCE).text()).isEqualTo("hello");
            }
            server.transcript.await("close 1000 ");
        }
    }

    /** Windows of all sizes, with and without a context; an empty one is ws's own choice. */
    static Stream<Arguments> compressions() {
        Compression plain = Compression.defaults().withThreshold(1);
        Compression keeping = plain.withContextTakeover(true, true);
        return Stream.of(
                Arguments.of(plain, "{\"threshold\":0}"),
                Arguments.of(keeping, "{\"threshold\":0}"),
                Arguments.of(keeping.withWindowBits(9, 15), "{\"threshold\":0}"),
                Arguments.of(
                        keeping.withWindowBits(10, 9),
                        "{\"threshold\":0,\"clientMaxWindowBits\":9}"),
                Arguments.of(
                        keeping.withWindowBits(15, 12),
                        "{\"threshold\":0,\"serverMaxWindowBits\":11,\"clientMaxWindowBits\":14}"),
                Arguments.of(
                        plain.withWindowBits(13, 13),
                        "{\"threshold\":0,\"serverNoContextTakeover\":true}"),
                Arguments.of(
                        plain.withContextTakeover(false, true).withWindowBits(14, 11),
                        "{\"clientNoContextTakeover\":true,\"serverMaxWindowBits\":9}"));
    }

    private static final String MANY =
            Arrays.stream(LENGTHS)
                    .mapToObj(n -> "text:" + n + ",binary:" + n + ",text:" + n + ",")
                    .reduce("", String::concat);

    @ParameterizedTest
    @MethodSource("compressions")
    void theirClientCompresses(Compression way, String theirs) throws Exception {
        WebSocketOptions options = WebSocketOptions.defaults().withCompression(way);
        int count = 3 * LENGTHS.length;
        try (var server = new OurServer(Mode.BLOCKING, options, ECHO);
                var client =
                        client(
                                Partner.NODE,
                                server.url(),
                                MANY + "await:" + count + ",close:4001:bye",
                                "--deflate=" + theirs)) {
            client.await("close ");
            server.transcript.await("close ");

            assertThat(client.with("deflate ")).as("%s", client).hasSize(1);
            assertThat(server.transcript.messages()).isEqualTo(client.with("sent ")).hasSize(count);
            assertThat(client.messages()).isEqualTo(client.with("sent "));
            assertThat(server.transcript.lines()).last().isEqualTo("close 4001 bye clean peer");
        }
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void theirServerCompresses(Compression way, String theirs) throws Exception {
        WebSocketOptions options = WebSocketOptions.defaults().withCompression(way);
        int count = 2 * LENGTHS.length;
        var part =
                new Part() {
                    private int left = 2 * count;

                    @Override
                    public void opened(WebSocketPeer peer) {
                        assertThat(peer.getExtensions()).startsWith("permessage-deflate");
                        for (int length : LENGTHS) {
                            assertThat(peer.send(text(length))).isEqualTo(ErrorCode.OK);
                            assertThat(peer.send(binary(length))).isEqualTo(ErrorCode.OK);
                        }
                    }

                    @Override
                    public void received(WebSocketPeer peer, Message message) {
                        if (--left == count) {
                            opened(peer); // the same again, from the context if there is one
                        } else if (left == 0) {
                            peer.close(4001, "bye");
                        }
                    }
                };
        try (var server = server(Partner.NODE, "echo", "--deflate=" + theirs)) {
            Transcript client = ourClient(Mode.BLOCKING, url(server), options, part);
            client.await("close ");
            server.await("close ");

            assertThat(server.with("deflate ")).as("%s", server).hasSize(1);
            assertThat(client.messages()).isEqualTo(server.messages()).hasSize(2 * count);
            assertThat(client.lines()).last().isEqualTo("close 4001 bye clean own");
        }
    }

    // ---- their side ----

    private Program client(Partner partner, String url, String steps, String... more) {
        return start(partner, steps, more, "--role=client", "--url=" + url);
    }

    private Program server(Partner partner, String steps, String... more) {
        return start(partner, steps, more, "--role=server");
    }

    private Program start(Partner partner, String steps, String[] more, String... role) {
        String[] arguments =
                Stream.of(Stream.of(role), Stream.of("--steps=" + steps), Stream.of(more))
                        .flatMap(a -> a)
                        .toArray(String[]::new);
        return partner.start(Partner.home(folder), arguments);
    }

    private static String url(Program server) {
        return "ws://127.0.0.1:" + server.await("listening ").split(" ")[1] + "/";
    }

    /** What a partner tells of a connection that ended without a close frame. */
    private static String abnormal(Partner partner) {
        return partner == Partner.NODE ? "1006 " : "-1 ";
    }

    // ---- our side ----

    private static final class OurServer implements AutoCloseable {
        final Transcript transcript = new Transcript("our server");
        private final WebSocketServer server = new WebSocketServer();
        private volatile boolean closing;
        private Thread loop;

        OurServer(Mode mode, WebSocketOptions options, Part part) throws IOException {
            this(mode, options, part, null, null);
        }

        OurServer(Mode mode, WebSocketOptions options, UpgradeResponse answer) throws IOException {
            this(mode, options, LISTEN, answer, null);
        }

        OurServer(
                Mode mode, WebSocketOptions options, Part part, UpgradeResponse answer, Path socket)
                throws IOException {
            server.setOptions(options);
            server.setBindIp("127.0.0.1");
            if (answer != null) {
                server.setUpgradeHandler(request -> answer);
            }
            if (mode == Mode.BLOCKING) {
                if (socket != null) {
                    server.start(socket, peer -> blocking(peer, part, transcript));
                } else {
                    server.start(0, peer -> blocking(peer, part, transcript));
                }
                return;
            }
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            transcript.add("open " + protocol);
                            part.opened(server.getPeer(id));
                        }

                        @Override
                        public void dataReceived(int id) {
                            hear(server.getPeer(id), part, transcript);
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            WebSocketPeer peer = server.getPeer(id);
                            assertThat(peer.wasCleanClose()).isEqualTo(wasCleanClose);
                            transcript.add(end(peer));
                        }
                    });
            ErrorCode listening = socket != null ? server.listen(socket) : server.listen(0);
            assertThat(listening).isEqualTo(ErrorCode.OK);
            loop =
                    guarded(
                            transcript,
                            () -> {
                                while (!closing) {
                                    if (server.awaitActivity(Transcript.PATIENCE)) {
                                        server.poll();
                                    }
                                }
                            });
        }

        String url() {
            return "ws://127.0.0.1:" + server.getLocalPort() + "/arena";
        }

        @Override
        public void close() {
            if (loop != null) {
                closing = true;
                server.wakeup();
                Awaitility.await().atMost(Transcript.PATIENCE).until(() -> !loop.isAlive());
            }
            server.close();
        }
    }

    private static Transcript ourClient(
            Mode mode, String url, WebSocketOptions options, Part part) {
        var transcript = new Transcript("our client");
        guarded(
                transcript,
                () -> {
                    switch (mode) {
                        case POLLED -> polled(url, options, part, transcript);
                        case BLOCKING -> {
                            try (var peer = WebSocketPeer.connect(url, options)) {
                                blocking(peer, part, transcript);
                            }
                        }
                        case LISTENING -> listening(url, options, part, transcript);
                    }
                });
        return transcript;
    }

    private interface Task {
        void run() throws Exception;
    }

    /**
     * What goes wrong on our side's thread belongs into its transcript, and so into the failure.
     */
    private static Thread guarded(Transcript transcript, Task task) {
        return Thread.ofVirtual()
                .start(() -> {
                    try {
                        task.run();
                    } catch (Exception | AssertionError e) {
                        transcript.add("failed: " + e);
                    }
                });
    }

    private static void blocking(WebSocketPeer peer, Part part, Transcript transcript) {
        transcript.add("open " + peer.getSelectedProtocol());
        part.opened(peer);
        for (Message message; (message = peer.receive()) != null; ) {
            transcript.add(tell(message));
            part.received(peer, message);
        }
        transcript.add(end(peer));
    }

    private static void polled(
            String url, WebSocketOptions options, Part part, Transcript transcript) {
        var peer = new WebSocketPeer(options);
        assertThat(peer.connectToUrl(url)).isEqualTo(ErrorCode.OK);
        var state = WebSocketPeer.State.CONNECTING;
        while (peer.getReadyState() != WebSocketPeer.State.CLOSED) {
            assertThat(peer.awaitActivity(Transcript.PATIENCE)).isTrue();
            peer.poll();
            if (state == WebSocketPeer.State.CONNECTING && peer.isConnectedToHost()) {
                transcript.add("open " + peer.getSelectedProtocol());
                part.opened(peer);
            }
            state = peer.getReadyState();
            while (peer.getAvailablePacketCount() > 0) {
                hear(peer, part, transcript);
            }
        }
        transcript.add(end(peer));
    }

    private static void listening(
            String url, WebSocketOptions options, Part part, Transcript transcript) {
        var client = new WebSocketClient();
        client.setListener(
                new WebSocketClient.Listener() {
                    @Override
                    public void connectionEstablished(String protocol) {
                        transcript.add("open " + protocol);
                        part.opened(client.getPeer(1));
                    }

                    @Override
                    public void dataReceived() {
                        hear(client.getPeer(1), part, transcript);
                    }

                    @Override
                    public void connectionClosed(boolean wasCleanClose) {
                        assertThat(client.getPeer(1).wasCleanClose()).isEqualTo(wasCleanClose);
                        transcript.add(end(client.getPeer(1)));
                    }
                });
        assertThat(client.connectToUrl(url, options.protocols(), options.headers()))
                .isEqualTo(ErrorCode.OK);
        while (transcript.with("close ").isEmpty()) {
            assertThat(client.awaitActivity(Transcript.PATIENCE)).isTrue();
            client.poll();
        }
    }

    /** Takes a packet in Godot's way. */
    private static void hear(WebSocketPeer peer, Part part, Transcript transcript) {
        byte[] packet = peer.getPacket();
        Message message =
                peer.wasStringPacket()
                        ? Message.text(new String(packet, StandardCharsets.UTF_8))
                        : Message.binary(packet);
        transcript.add(tell(message));
        part.received(peer, message);
    }

    private static String end(WebSocketPeer peer) {
        return "close "
                + peer.getCloseCode()
                + " "
                + peer.getCloseReason()
                + (peer.wasCleanClose() ? " clean" : " unclean")
                + (peer.wasClosedByPeer() ? " peer" : " own");
    }

    private static String tell(Message message) {
        return (message.isText() ? "text " : "binary ")
                + message.size()
                + " "
                + HexFormat.of().formatHex(sha256(message.bytes()));
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A text of that many bytes in UTF-8, with characters of two, three and four bytes. */
    private static Message text(int size) {
        String unit = "Grüße ✩ 🎮 ";
        int units = size / unit.getBytes(StandardCharsets.UTF_8).length;
        String most = unit.repeat(units);
        int rest = size - most.getBytes(StandardCharsets.UTF_8).length;
        return Message.text(most + "z".repeat(rest));
    }

    private static Message binary(int size) {
        var bytes = new byte[size];
        IntStream.range(0, size).forEach(i -> bytes[i] = (byte) (i * 31 + (i >> 8)));
        return Message.binary(bytes);
    }
}
