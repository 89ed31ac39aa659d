package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.ascii;
import static io.peerloom.websocket.RawPeer.hex;
import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.websocket.WebSocketPeer.State;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** permessage-deflate (RFC 7692) over real sockets: agreed on, used, and let go of. */
class CompressionTest {

    private static final Compression KEEPING =
            Compression.defaults().withContextTakeover(true, true).withThreshold(1);

    /** {@code {"abc...":"abc..."}} over and over. */
    private static final String LONG = "{\"name\":\"value\",\"list\":[1,2,3]}".repeat(100);

    private static void echo(WebSocketPeer peer) {
        for (Message m; (m = peer.receive()) != null; ) {
            peer.send(m);
        }
    }

    private static WebSocketOptions with(Compression compression) {
        return WebSocketOptions.defaults().withCompression(compression);
    }

    private static WebSocketServer serve(WebSocketOptions options, WebSocketServer.Handler handler)
            throws IOException {
        var server = new WebSocketServer();
        server.setOptions(options);
        server.start(0, handler);
        return server;
    }

    private static String url(WebSocketServer server) {
        return "ws://127.0.0.1:" + server.getLocalPort() + "/";
    }

    private static List<Message> messages() {
        var random = new Random(1);
        var messages = new ArrayList<Message>();
        for (int length : new int[] {0, 1, 125, 126, 1023, 1024, 5_000, 65_535, 65_536, 200_000}) {
            messages.add(
                    Message.text(LONG.repeat(length / LONG.length() + 1).substring(0, length)));
            byte[] noise = new byte[length];
            random.nextBytes(noise);
            messages.add(Message.binary(noise));
            messages.add(Message.binary(new byte[length]));
            messages.add(messages.get(0).compressed(true));
        }
        messages.add(Message.text("ä€😀".repeat(1000)));
        return messages;
    }

    static Stream<Compression> ways() {
        return Stream.of(
                Compression.defaults(),
                Compression.defaults().withThreshold(1).withLevel(1),
                KEEPING,
                KEEPING.withContextTakeover(true, false).withWindowBits(12, 9),
                KEEPING.withWindowBits(9, 10).withLevel(9),
                Compression.defaults().withWindowBits(10, 15).withLevel(0));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void bothSidesAgreeAndAllArrives(Compression way) throws Exception {
        try (var server = serve(with(Compression.defaults()), CompressionTest::echo)) {
            try (var client = WebSocketPeer.connect(url(server), with(way))) {
                assertThat(client.getExtensions()).startsWith("permessage-deflate");
                for (Message message : messages()) {
                    client.send(message);
                    assertThat(client.receive()).isEqualTo(message);
                }
            }
            try (var client = new WebSocketPeer(with(way))) {
                assertThat(client.connectToUrl(url(server))).isEqualTo(ErrorCode.OK);
                List<Message> all = messages();
                var received = new ArrayList<Message>();
                int sent = 0;
                while (received.size() < all.size()) {
                    assertThat(client.awaitActivity(Duration.ofSeconds(20))).isTrue();
                    assertThat(client.poll()).isEqualTo(ErrorCode.OK);
                    while (client.getAvailablePacketCount() > 0) {
                        received.add(client.takeMessage());
                    }
                    while (client.getReadyState() == State.OPEN
                            && sent < all.size()
                            && sent - received.size() < 3) {
                        assertThat(client.send(all.get(sent++))).isEqualTo(ErrorCode.OK);
                    }
                }
                assertThat(received).isEqualTo(all);
            }
        }
    }

    @Test
    void whoDoesNotWantItGetsNone() throws Exception {
        try (var server = serve(with(KEEPING), CompressionTest::echo);
                var other = serve(WebSocketOptions.defaults(), CompressionTest::echo);
                var plain = WebSocketPeer.connect(url(server));
                var alone = WebSocketPeer.connect(url(other), with(KEEPING))) {
            for (WebSocketPeer client : List.of(plain, alone)) {
                assertThat(client.getExtensions()).isEmpty();
                client.sendText(LONG);
                assertThat(client.receive()).isEqualTo(Message.text(LONG));
            }
        }
    }

    @Test
    void theUpgradeHandlerMayForbidIt() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(with(Compression.defaults()));
            server.setUpgradeHandler(request ->
                    request.target().equals("/old")
                            ? UpgradeResponse.accept()
                                    .withoutCompression()
                                    .withHeader("X-Plain", "yes")
                            : UpgradeResponse.accept());
            server.start(0, CompressionTest::echo);
            try (var plain = WebSocketPeer.connect(url(server) + "old", with(KEEPING));
                    var packed = WebSocketPeer.connect(url(server), with(KEEPING))) {
                assertThat(plain.getExtensions()).isEmpty();
                assertThat(packed.getExtensions())
                        .isEqualTo(
                                "permessage-deflate; server_no_context_takeover;"
                                        + " client_no_context_takeover");
            }
        }
    }

    private static RawPeer open(WebSocketServer server, String offer) throws IOException {
        RawPeer peer = RawPeer.connect(server.getLocalPort());
        peer.write(RawPeer.request("Sec-WebSocket-Extensions: " + offer + "\r\n"));
        String head = peer.readHead();
        assertThat(head).startsWith("HTTP/1.1 101 ").contains("permessage-deflate");
        return peer;
    }

    @Test
    void whatIsCompressedOnTheWireAndWhatIsNot() throws Exception {
        var first = Message.text(LONG);
        try (var server =
                        serve(
                                with(Compression.defaults()),
                                peer -> {
                                    peer.receive();
                                    peer.send(first);
                                    peer.send(first.compressed(false));
                                    peer.send(Message.text(LONG.substring(0, 1023)));
                                    peer.send(Message.text("aaaaaaaaaaaaaaaaaa").compressed(true));
                                    peer.send(Message.text("abc").compressed(true));
                                });
                RawPeer client = open(server, "permessage-deflate")) {
            client.write(masked(0xC1, hex("f248cdc9c90700")));
            RawPeer.Frame packed = client.readFrame();
            assertThat(packed.first()).isEqualTo(0xC1);
            assertThat(packed.payload()).hasSizeLessThan(200);
            RawPeer.Frame plain = client.readFrame();
            assertThat(plain.first()).isEqualTo(0x81);
            assertThat(plain.payload()).isEqualTo(ascii(LONG));
            assertThat(client.readFrame().first()).as("under the threshold").isEqualTo(0x81);
            assertThat(client.readFrame().first()).as("forced").isEqualTo(0xC1);
            assertThat(client.readFrame()).as("it would not shrink").isEqualTo(text("abc"));
            assertThat(client.readFrame().closeCode()).isEqualTo(1000);
        }
    }

    private static RawPeer.Frame text(String text) {
        return new RawPeer.Frame(0x81, HexFormat.of().formatHex(ascii(text)));
    }

    @Test
    void aBroadcastIsCompressedOnceForAllWhoCanReadIt() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(with(Compression.defaults().withContextTakeover(true, true)));
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            assertThat(server.broadcast(LONG)).as("nobody is there").isEmpty();
            var clients = new ArrayList<RawPeer>();
            var expected = new int[] {0xC1, 0xC1, 0x81, 0x81, 0x81};
            for (String offer :
                    new String[] {
                        "permessage-deflate; server_no_context_takeover",
                        "permessage-deflate; server_no_context_takeover;"
                                + " server_max_window_bits=12",
                        "permessage-deflate; server_no_context_takeover;"
                                + " server_max_window_bits=11",
                        "permessage-deflate",
                        null
                    }) {
                RawPeer client = RawPeer.connect(server.getLocalPort());
                clients.add(client);
                client.write(
                        RawPeer.request(
                                offer == null
                                        ? ""
                                        : "Sec-WebSocket-Extensions: " + offer + "\r\n"));
                await().until(() -> {
                    server.poll();
                    return server.getPeerIds().size() == clients.size();
                });
                client.readHead();
            }
            assertThat(LONG.length()).isBetween(1 << 11, 1 << 12);
            assertThat(server.broadcast(LONG)).isEmpty();
            for (int i = 0; i < expected.length; i++) {
                assertThat(clients.get(i).readFrame().first()).as("%d", i).isEqualTo(expected[i]);
                clients.get(i).close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"permessage-deflate;", "permessage-deflate; a=\"", "=", ";"})
    void aMalformedHeaderIsAnswered400(String offer) throws Exception {
        try (var server = serve(with(Compression.defaults()), CompressionTest::echo);
                RawPeer client = RawPeer.connect(server.getLocalPort())) {
            client.write(RawPeer.request("Sec-WebSocket-Extensions: " + offer + "\r\n"));
            assertThat(client.readAll()).startsWith("HTTP/1.1 400 ").contains("malformed");
        }
    }

    /** CVE-2018-1000518, CVE-2026-1526: a small message that becomes a huge one. */
    @Test
    void aBombClosesWith1009InBothRolesAndTheOthersGoOn() throws Exception {
        var bomb = Message.binary(new byte[20_000_000]);
        Limits limits = Limits.defaults();
        Limits larger =
                limits.withMaxMessageBytes(bomb.size())
                        .withOutboundBytes(bomb.size())
                        .withInboundBytes(bomb.size());
        try (var server = serve(with(KEEPING), CompressionTest::echo);
                var bomber = serve(with(KEEPING).withLimits(larger), peer -> peer.send(bomb));
                var other = WebSocketPeer.connect(url(server), with(KEEPING));
                var client = WebSocketPeer.connect(url(server), with(KEEPING).withLimits(larger));
                var victim = WebSocketPeer.connect(url(bomber), with(KEEPING))) {
            client.send(bomb);
            assertThat(client.receive()).isNull();
            assertThat(client.getCloseCode()).isEqualTo(1009);
            assertThat(victim.receive()).isNull();
            assertThat(victim.getCloseCode()).isEqualTo(1009);
            other.sendText(LONG);
            assertThat(other.receive()).isEqualTo(Message.text(LONG));
        }
    }

    /** However a connection ends, and inside a message too, what it had borrowed is given back. */
    @Test
    void everythingIsGivenBack() throws Exception {
        DeflatePool pool;
        try (var server = serve(with(KEEPING), CompressionTest::echo)) {
            pool = server.deflatePool();
            for (int round = 0; round < 60; round++) {
                try (RawPeer client = open(server, "permessage-deflate")) {
                    client.write(masked(0xC1, hex("f248cdc9c90700")));
                    assertThat(client.readFrame().first()).isIn(0xC1, 0x81);
                    switch (round % 6) {
                        case 0 -> client.write(masked(0x88, RawPeer.closePayload(1000, "")));
                        case 1 -> client.write(masked(0xC1, hex("07")));
                        case 2 -> client.reset();
                        case 3 -> client.write(masked(0x42, hex("f248cd")));
                        case 4 -> client.socket.shutdownOutput();
                        default -> {
                            client.write(masked(0x42, hex("f2")));
                            client.reset();
                        }
                    }
                    if (round % 6 < 2) {
                        assertThat(client.readFrame().first()).isEqualTo(0x88);
                    }
                }
            }
            await().until(() -> pool.lent() == 0);
            try (var client = WebSocketPeer.connect(url(server), with(KEEPING))) {
                client.sendText(LONG);
                assertThat(client.receive()).isEqualTo(Message.text(LONG));
                assertThat(pool.lent()).as("one of each for as long as it lasts").isEqualTo(2);
            }
        }
        await().until(() -> pool.lent() == 0 && pool.kept() == 0);
    }

    @Test
    void anIdleServerKeepsNone() throws Exception {
        WebSocketOptions options =
                with(Compression.defaults())
                        .withLimits(Limits.defaults().withCloseTimeout(Duration.ofMillis(200)));
        try (var server = serve(options, CompressionTest::echo);
                var client = WebSocketPeer.connect(url(server), options)) {
            client.sendText(LONG);
            assertThat(client.receive()).isEqualTo(Message.text(LONG));
            assertThat(server.deflatePool().lent()).isZero();
            await().until(() -> server.deflatePool().kept() == 0);
            client.sendText(LONG);
            assertThat(client.receive()).isEqualTo(Message.text(LONG));
        }
    }

    @Test
    void settingsAreChecked() {
        Compression good = Compression.defaults();
        assertThatIllegalArgumentException().isThrownBy(() -> good.withLevel(10));
        assertThatIllegalArgumentException().isThrownBy(() -> good.withLevel(-2));
        assertThatIllegalArgumentException().isThrownBy(() -> good.withThreshold(0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> good.withWindowBits(8, 15))
                .withMessage("window bits 8");
        assertThatIllegalArgumentException().isThrownBy(() -> good.withWindowBits(15, 16));
    }
}
