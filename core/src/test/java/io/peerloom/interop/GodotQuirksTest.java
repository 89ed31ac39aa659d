package io.peerloom.interop;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import io.peerloom.websocket.WebSocketServer;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What was said of Godot from reading its source, shown by the engines themselves: the marks [D].
 * It is why Peerloom does these things otherwise, or keeps from doing them to Godot. A failure here
 * means that Godot has changed.
 */
@Tag("interop")
class GodotQuirksTest {

    @TempDir Path folder;

    private Program start(Partner engine, String... arguments) {
        return engine.startScript(
                Partner.home(folder),
                engine == Partner.GODOT3 ? "godot3_quirks.gd" : "godot4_quirks.gd",
                arguments);
    }

    private List<String> run(Partner engine, String... arguments) {
        try (Program godot = start(engine, arguments)) {
            godot.awaitExit();
            assertThat(godot.lines()).as(godot.toString()).contains("end");
            return godot.lines();
        }
    }

    /** Section 1.5: what its documentation presents as the prelude of connecting forbids it. */
    @Test
    void aUnixPeerThatWasBoundCannotConnect() {
        assertThat(run(Partner.GODOT4, "--quirk=uds", "--path=" + folder.resolve("s")))
                .containsSubsequence(
                        "listen 0", "bind 0", "connect 22", "available false", "unbound connect 0");
    }

    /** Section 1.9: put_packet takes one byte more than get_packet can ever give. */
    @ParameterizedTest
    @EnumSource(names = {"GODOT3", "GODOT4"})
    void aPacketPeerStreamSendsWhatItCannotReceive(Partner engine) {
        assertThat(run(engine, "--quirk=packets"))
                .contains(
                        "packet 65531 put 0 count 1 got 65531 error 0",
                        "packet 65532 put 0 count 0 got 0 error 2",
                        "packet 65533 put 31 count 0 got 0 error 2");
    }

    /**
     * Section 1.9: a length of 2^31 or more is not seen by get_available_packet_count, and for
     * get_packet it is an empty packet and OK. The place in the ring then moves back by as much: -1
     * puts all that follows out of step, -4 is read again and again, and -2^31 goes round the whole
     * ring to where it should be, so that "D" and "E" are seen.
     */
    @ParameterizedTest
    @CsvSource({
        "GODOT3, ffffffff, got 0 error 2 count 0",
        "GODOT4, ffffffff, got 0 error 2 count 0",
        "GODOT3, fcffffff, got 0 error 0 count 0",
        "GODOT4, fcffffff, got 0 error 0 count 0",
        "GODOT3, 00000080, got 1 error 0 count 1",
        "GODOT4, 00000080, got 1 error 0 count 1",
    })
    void aNegativeLengthIsAnEmptyPacket(Partner engine, String length, String next) {
        List<String> told =
                run(engine, "--quirk=length", "--hex=" + length + "01000000440100000045");
        assertThat(told).anyMatch(line -> line.startsWith("got 0 error 0")).contains("count 0");
        assertThat(told.stream().filter(line -> line.startsWith("got ")).toList().get(1))
                .isEqualTo(next);
    }

    /** Section 1.9: a length that does not fit into the buffer is waited for without an error. */
    @ParameterizedTest
    @EnumSource(names = {"GODOT3", "GODOT4"})
    void aLengthBeyondTheBufferIsWaitedForForEver(Partner engine) {
        assertThat(run(engine, "--quirk=length", "--hex=fdff0000", "--fill=70000"))
                .containsSubsequence("count 0", "got 0 error 2 count 0", "got 0 error 2 count 0");
    }

    /** Section 4.5: the values whose bytes were derived; 4.6.3 writes the same. */
    @Test
    void theDerivedBytesAreTheEngines() {
        assertThat(run(Partner.GODOT4, "--quirk=values"))
                .containsSubsequence(
                        "value 0100000001000000",
                        "value 0400000005000000476f646f74000000",
                        "value 050000000000803f00000040",
                        "value 1c00000002000000020000002a000000040000000200000048690000",
                        "value 1b0000000100000002000000010000000200000002000000",
                        "value 1d0000000300000001020300",
                        "value 22000000010000000200000061000000",
                        "value 1600000002000080010000000100000004000000726f6f74"
                                + "01000000410000000100000078000000",
                        "value 03000100000000000000f87f",
                        "value 00000000",
                        "object 5");
    }

    /** Section 4.4: 1,024 levels of arrays are read, and not one more. Godot 3.2.3 has no limit. */
    @Test
    void depthHasItsLimitInGodot4() {
        assertThat(run(Partner.GODOT4, "--quirk=depth"))
                .containsSubsequence("depth 1024 type 28", "depth 1025 type 0");
        assertThat(run(Partner.GODOT3, "--quirk=depth"))
                .containsSubsequence("depth 1025 type 19", "depth 5000 type 19");
    }

    /** Section 1.5's question mark. */
    @Test
    void connectingMayTake30Seconds() {
        assertThat(run(Partner.GODOT4, "--quirk=settings"))
                .containsSubsequence("tcp 30", "unix 30");
    }

    /**
     * Section 2.3: while closing, a WebSocketPeer can connect; the old connection is cut off, its
     * close frame unanswered. An address that is none ends it too.
     */
    @Test
    void connectingWhileClosingCutsTheOldConnectionOff() throws Exception {
        var paths = new ConcurrentLinkedQueue<String>();
        try (var server = new WebSocketServer()) {
            server.start(
                    0,
                    peer -> {
                        String path = peer.getUpgradeRequest().orElseThrow().target();
                        while (peer.receive() != null) {
                            // dropped
                        }
                        paths.add(path + " " + peer.getCloseCode());
                    });
            String url = "ws://127.0.0.1:" + server.getLocalPort();
            assertThat(run(Partner.GODOT4, "--quirk=reconnect", "--url=" + url))
                    .containsSubsequence(
                            "3 again 0 now 0 packets 0 code -1",
                            "0 again 22 now 0 packets 0 code -1",
                            "state 1",
                            "1 again 22 now 1 packets 0 code -1",
                            "2 again 31 now 3 packets 0 code -1",
                            "3 again 0 now 0 packets 0 code -1",
                            "state 1",
                            "2 again 0 now 0 packets 0 code -1",
                            "3 again 0 now 0 packets 0 code -1",
                            "state 1",
                            "state 3",
                            "3 again 0 now 0 packets 0 code -1",
                            "state 3",
                            "3 again 0 now 0 packets 0 code -1",
                            "state 1");
        }
        assertThat(paths).contains("/two 4002", "/four 4004", "/five 1006");
    }

    // ---- Godot 4's WebSocketPeer as a server, against raw bytes ----

    /** A client of Godot's server, which writes its frames by hand. */
    private static final class Raw implements Closeable {
        final Socket socket;

        Raw(Program godot) throws IOException {
            int port = Integer.parseInt(godot.await("listening ").split(" ")[1]);
            socket = new Socket(InetAddress.getLoopbackAddress(), port);
            socket.setTcpNoDelay(true);
        }

        /** With so many bytes more in its head. */
        void request(int more) throws IOException {
            String head =
                    """
                    GET / HTTP/1.1\r
                    Host: localhost\r
                    Upgrade: websocket\r
                    Connection: Upgrade\r
                    Sec-WebSocket-Version: 13\r
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                    """;
            if (more > 0) {
                head += "X-More: " + "x".repeat(more) + "\r\n";
            }
            socket.getOutputStream().write((head + "\r\n").getBytes(US_ASCII));
        }

        Raw open() throws IOException {
            request(0);
            var head = new ByteArrayOutputStream();
            while (!head.toString(US_ASCII).endsWith("\r\n\r\n")) {
                int next = socket.getInputStream().read();
                assertThat(next).as(head.toString(US_ASCII)).isNotNegative();
                head.write(next);
            }
            assertThat(head.toString(US_ASCII)).startsWith("HTTP/1.1 101 ");
            return this;
        }

        /** Frames in one write; the key is zero, so that payloads are as they are. */
        void send(Object... firstBytesAndPayloads) throws IOException {
            var frames = new ByteArrayOutputStream();
            for (int i = 0; i < firstBytesAndPayloads.length; i += 2) {
                byte[] payload = ((String) firstBytesAndPayloads[i + 1]).getBytes(US_ASCII);
                frames.write((int) firstBytesAndPayloads[i]);
                if (payload.length < 126) {
                    frames.write(0x80 | payload.length);
                } else {
                    frames.write(0xFE);
                    frames.write(payload.length >> 8);
                    frames.write(payload.length);
                }
                frames.write(new byte[4]);
                frames.write(payload);
            }
            socket.getOutputStream().write(frames.toByteArray());
        }

        /** All that comes until nothing has come for a while. */
        String received() throws IOException {
            socket.setSoTimeout(1000);
            var bytes = new ByteArrayOutputStream();
            try {
                for (int next; (next = socket.getInputStream().read()) >= 0; ) {
                    bytes.write(next);
                }
            } catch (SocketTimeoutException e) {
                // that was all
            }
            return HexFormat.of().formatHex(bytes.toByteArray());
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** Until it has polled so often again. */
    private static void rounds(Program godot, int times) {
        int before = godot.with("tick ").size();
        Transcript.until(
                times + " rounds", godot, () -> godot.with("tick ").size() >= before + times);
    }

    /** Section 2.5: no more than 4,096 bytes; whoever sends more is neither served nor dropped. */
    @ParameterizedTest
    @CsvSource({"3900, true", "4096, false"})
    void aLongHeadLeavesGodotsServerConnecting(int more, boolean opens) throws IOException {
        try (Program godot = start(Partner.GODOT4, "--quirk=server");
                var raw = new Raw(godot)) {
            raw.request(more);
            godot.await(opens ? "state 1" : "state 0");
            rounds(godot, 5);
            if (!opens) {
                assertThat(godot.with("state ")).containsExactly("0 code -1");
                assertThat(raw.received()).isEmpty();
                raw.socket.shutdownOutput();
                rounds(godot, 5);
                assertThat(godot.with("state ")).as("after the end").containsExactly("0 code -1");
            }
        }
    }

    /** Section 2.5: a longer reason is not sent, nothing is, and the peer hangs in CLOSING. */
    @ParameterizedTest
    @ValueSource(ints = {123, 124})
    void aLongReasonIsNotSentAndHangs(int length) throws IOException {
        try (Program godot = start(Partner.GODOT4, "--quirk=server", "--reason=" + length);
                var raw = new Raw(godot)) {
            raw.open();
            godot.await("state 2");
            String sent = raw.received();
            rounds(godot, 5);
            if (length == 123) {
                assertThat(sent).isEqualTo("887d03e8" + "78".repeat(123));
                raw.send(0x88, "\u0003h"); // not the code, but a close frame
                godot.await("state 3");
            } else {
                assertThat(sent).isEmpty();
                assertThat(godot.with("state 3")).isEmpty();
            }
        }
    }

    /** Section 2.5, hazard (b): the payload of a ping between fragments becomes part of them. */
    @Test
    void aPingBetweenFragmentsIsTakenForAFragment() throws IOException {
        try (Program godot = start(Partner.GODOT4, "--quirk=server");
                var raw = new Raw(godot)) {
            raw.open();
            raw.send(0x01, "ab", 0x89, "PING", 0x80, "cd", 0x81, "whole");
            godot.await("packet 5 whole");
            assertThat(godot.with("packet ")).containsExactly("8 abPINGcd", "5 whole");
            raw.send(0x01, "ab", 0x89, "", 0x80, "cd");
            godot.await("packet 4 abcd"); // without a payload it is harmless
        }
    }

    /**
     * Section 2.5, hazard (a): a fragmented message larger than the buffer, none of its fragments
     * being so, is not refused: it stops everything, and Godot does not even see the end of TCP. As
     * one frame it is answered with 1009.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aLargeFragmentedMessageStopsEverything(boolean large) throws IOException {
        String part = "x".repeat(large ? 40_000 : 30_000);
        try (Program godot = start(Partner.GODOT4, "--quirk=server");
                var raw = new Raw(godot)) {
            raw.open();
            raw.send(0x01, part, 0x80, part, 0x81, "after");
            if (large) {
                godot.await("state 1");
                rounds(godot, 5);
                raw.socket.shutdownOutput();
                rounds(godot, 5);
                assertThat(godot.with("packet ")).isEmpty();
                assertThat(godot.with("state 3")).isEmpty();
            } else {
                godot.await("packet 60000");
                godot.await("packet 5 after");
            }
        }
    }
}
