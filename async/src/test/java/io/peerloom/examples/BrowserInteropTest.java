package io.peerloom.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.websocket.Compression;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.UpgradeResponse;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketServer;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A browser's own WebSocket at our server, compressed. */
@Tag("interop")
class BrowserInteropTest {

    /** Sends texts and binaries, short and long, the same twice, and compares what comes back. */
    private static final String SCRIPT =
            """
            new Promise((resolve, reject) => {
              const socket = new WebSocket('ws://' + location.host + '/echo');
              socket.binaryType = 'arraybuffer';
              const sent = [];
              for (const text of ['', 'a', 'Grüße ✩ 🎮 '.repeat(5), '{"x":1},'.repeat(9000)]) {
                sent.push(text, text, new TextEncoder().encode(text).buffer);
              }
              sent.push(crypto.getRandomValues(new Uint8Array(20000)).buffer);
              const plain = d => typeof d === 'string' ? d : 'b' + new Uint8Array(d).join();
              let echoes = 0;
              socket.onopen = () => sent.forEach(message => socket.send(message));
              socket.onmessage = event => {
                if (plain(event.data) !== plain(sent[echoes])) {
                  reject('echo ' + echoes + ' differs');
                } else if (++echoes === sent.length) {
                  socket.close(4001, socket.extensions);
                }
              };
              socket.onclose = event =>
                  resolve(event.wasClean + ' ' + event.code + ' ' + echoes + ' ' + socket.extensions);
            })
            """;

    @TempDir Path folder;

    @Test
    void chromiumCompresses() throws Exception {
        Compression defaults = Compression.defaults();
        try (var chromium = new Chromium(folder)) {
            check(chromium, null, "");
            check(
                    chromium,
                    defaults,
                    "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
            check(
                    chromium,
                    defaults.withContextTakeover(true, true).withThreshold(1).withWindowBits(9, 10),
                    "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10");
        }
    }

    private static void check(Chromium chromium, Compression way, String agreed) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withCompression(way));
            server.setUpgradeHandler(request ->
                    request.isUpgrade()
                            ? UpgradeResponse.accept()
                            : UpgradeResponse.page("<title>echo</title>"));
            server.start(
                    0,
                    peer -> {
                        for (Message m; (m = peer.receive()) != null; ) {
                            peer.send(m);
                        }
                    });
            var tab = chromium.new Tab("http://127.0.0.1:" + server.getLocalPort() + "/");
            assertThat(tab.evaluate(SCRIPT).getAsString()).isEqualTo("true 4001 13 " + agreed);
            tab.close();
        }
    }
}
