package io.peerloom.websocket;

import static io.peerloom.websocket.RawPeer.masked;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.testing.FaultProxy;
import io.peerloom.testing.FaultProxy.Fault;
import io.peerloom.testing.FaultProxy.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/**
 * A fault in each phase of a connection, in both roles, against a peer that knows only bytes and
 * fragments its messages. What the proxy let through before the fault is delivered, all of it and
 * nothing else; harmless faults change nothing; each connection ends once, and says why.
 */
@Tag("slow")
class FaultPhasesTest {

    /** Which side is tested. */
    enum Role {
        SERVER,
        CLIENT
    }

    /** How it is used. */
    enum Way {
        POLLED,
        BLOCKING
    }

    /** What the bytes-only peer is about to send, or has sent, when it happens. */
    enum Phase {
        CONNECT,
        HANDSHAKE,
        OPEN,
        FRAGMENTED,
        CLOSING,
        /** All was sent. */
        AFTER
    }

    private static final Limits SHORT =
            Limits.defaults()
                    .withHandshakeTimeout(Duration.ofMillis(500))
                    .withCloseTimeout(Duration.ofMillis(250))
                    .withHeartbeatInterval(Duration.ofMillis(250))
                    .withHeartbeatTimeout(Duration.ofMillis(250));

    private static final int MESSAGES = 12;

    /**
     * What the bytes-only peer sends.
     *
     * @param bytes all of it; a server's head stands for one with the right accept value
     * @param stops where each phase ends
     * @param ends where each message ends
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Script(byte[] bytes, Map<Phase, Integer> stops, List<Integer> ends) {

        static Script of(Role tested) {
            boolean client = tested == Role.SERVER;
            var all = new ByteArrayOutputStream();
            Map<Phase, Integer> stops = new EnumMap<>(Phase.class);
            stops.put(Phase.CONNECT, 0);
            List<Integer> ends = new ArrayList<>();
            all.writeBytes(client ? RawPeer.request("") : head("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
            stops.put(Phase.HANDSHAKE, all.size());
            for (int i = 0; i < MESSAGES; i++) {
                byte[] payload = message(i);
                if (i == MESSAGES / 2) {
                    stops.put(Phase.OPEN, all.size());
                }
                if (i < MESSAGES / 2) {
                    all.writeBytes(frame(client, 0x82, payload));
                } else { // in three fragments, with a ping between them
                    int third = payload.length / 3;
                    all.writeBytes(frame(client, 0x02, Arrays.copyOf(payload, third)));
                    all.writeBytes(
                            frame(client, 0x00, Arrays.copyOfRange(payload, third, 2 * third)));
                    all.writeBytes(frame(client, 0x89, new byte[] {1}));
                    all.writeBytes(
                            frame(
                                    client,
                                    0x80,
                                    Arrays.copyOfRange(payload, 2 * third, payload.length)));
                }
                ends.add(all.size());
            }
            stops.put(Phase.FRAGMENTED, all.size());
            all.writeBytes(frame(client, 0x88, RawPeer.closePayload(1000, "")));
            stops.put(Phase.CLOSING, all.size());
            stops.put(Phase.AFTER, all.size());
            return new Script(all.toByteArray(), stops, ends);
        }

        /** A place in a phase. */
        int offset(Phase phase, int percent) {
            int to = stops.get(phase);
            int from = 0; // where the phase before it ends
            for (Map.Entry<Phase, Integer> other : stops.entrySet()) {
                if (other.getKey().compareTo(phase) < 0) {
                    from = other.getValue();
                }
            }
            return from + (to - from) * percent / 100;
        }
    }

    private static byte[] head(String accept) {
        return RawPeer.ascii(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        + "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                        + accept
                        + "\r\n\r\n");
    }

    private static byte[] frame(boolean client, int first, byte[] payload) {
        if (client) {
            return masked(first, payload);
        }
        ByteBuffer frame = ByteBuffer.allocate(payload.length + 4).put((byte) first);
        if (payload.length < 126) {
            frame.put((byte) payload.length);
        } else {
            frame.put((byte) 126).putShort((short) payload.length);
        }
        frame.put(payload);
        return Arrays.copyOf(frame.array(), frame.position());
    }

    private static byte[] message(int number) {
        return ByteBuffer.allocate(number % 4 == 3 ? 3000 : 40).putInt(number).array();
    }

    /** What the tested side saw. */
    private static final class Story {
        final List<byte[]> received = new ArrayList<>();
        final AtomicInteger opens = new AtomicInteger();
        final AtomicInteger ends = new AtomicInteger();
        volatile boolean clean;
        volatile int code;
        volatile Throwable failure;

        void end(WebSocketPeer peer) {
            clean = peer.wasCleanClose();
            code = peer.getCloseCode();
            failure = peer.getFailure().orElse(null);
            ends.incrementAndGet();
        }
    }

    @Property(tries = 30)
    void harmlessFaults(
            @ForAll Role role,
            @ForAll Way way,
            @ForAll Phase phase,
            @ForAll boolean inbound,
            @ForAll @IntRange(max = 99) int percent,
            @ForAll @IntRange(min = 1, max = 50) int amount,
            @ForAll boolean split)
            throws Exception {
        Script script = Script.of(role);
        int offset = script.offset(phase, percent);
        Kind kind = split ? Kind.SPLIT : Kind.DELAY;
        List<Fault> plan =
                List.of(
                        fault(role, inbound, offset, kind, amount),
                        // a stall, but shorter than any limit
                        fault(role, !inbound, offset, Kind.DELAY, 2 * amount));
        var run = new Run(role, way, script, plan, Limits.defaults());
        run.go();
        assertThat(run.story.opens.get()).isEqualTo(1);
        assertThat(run.story.received).hasSize(MESSAGES);
        assertThat(run.story.clean).isTrue();
        assertThat(run.story.code).isEqualTo(1000);
        assertThat(run.echoes).as("and all answers").hasSize(MESSAGES);
        assertThat(run.closeCode).isEqualTo(1000);
    }

    @Property(tries = 50)
    void harmfulFaults(
            @ForAll Role role,
            @ForAll Way way,
            @ForAll Phase phase,
            @ForAll boolean inbound,
            @ForAll @IntRange(max = 99) int percent,
            @ForAll @IntRange(min = 1, max = 50) int piece,
            @ForAll @IntRange(max = 5) int which)
            throws Exception {
        Script script = Script.of(role);
        Kind kind = which == 0 ? Kind.STALL : which < 3 ? Kind.RESET : Kind.HALF_CLOSE;
        int offset = inbound ? script.offset(phase, percent) : 3 * percent;
        List<Fault> plan =
                List.of(
                        fault(role, inbound, 0, Kind.SPLIT, piece),
                        fault(role, inbound, offset, kind, 0));
        var run = new Run(role, way, script, plan, SHORT);
        run.go();
        Story story = run.story;
        if (role == Role.CLIENT) {
            assertThat(story.ends.get()).as("one end, opened or not").isEqualTo(1);
        } else {
            assertThat(story.ends.get())
                    .as("as many ends as beginnings")
                    .isEqualTo(story.opens.get());
        }
        int passed = run.passed;
        long complete = script.ends().stream().filter(end -> end <= passed).count();
        if (kind == Kind.HALF_CLOSE && story.opens.get() == 1) {
            assertThat(story.received).as("all that came through").hasSize((int) complete);
        }
        assertThat(story.received.size())
                .as("no more than came")
                .isLessThanOrEqualTo((int) complete);
        assertThat(run.echoes.size())
                .as("what is answered was received")
                .isLessThanOrEqualTo(story.received.size());
        if (story.ends.get() == 1) {
            if (story.clean) {
                assertThat(passed).as("the close frame came").isEqualTo(script.bytes().length);
                assertThat(story.received).hasSize(MESSAGES);
                assertThat(story.code).isEqualTo(1000);
            } else {
                assertThat(story.failure).as("what is lost is told of").isNotNull();
                assertThat(story.code)
                        .as("that of a close frame, if one came")
                        .isIn(
                                passed == script.bytes().length
                                        ? List.of(1000, 1006)
                                        : List.of(1006));
            }
        }
    }

    /** As the proxy sees it: up is from the client to the server. */
    private static Fault fault(Role role, boolean inbound, int offset, Kind kind, int amount) {
        return new Fault(inbound == (role == Role.SERVER), offset, kind, amount);
    }

    /** A connection, from the first byte to the end of both sides. */
    private static final class Run {
        final Role role;
        final Way way;
        final Script script;
        final List<Fault> plan;
        final WebSocketOptions options;
        final Story story = new Story();

        // what the bytes-only peer saw
        final List<byte[]> echoes = new ArrayList<>();
        int closeCode;

        /** How much of the script came through. */
        int passed;

        Run(Role role, Way way, Script script, List<Fault> plan, Limits limits) {
            this.role = role;
            this.way = way;
            this.script = script;
            this.plan = plan;
            this.options = WebSocketOptions.defaults().withLimits(limits);
        }

        void go() throws Exception {
            if (role == Role.SERVER) {
                server();
            } else {
                client();
            }
            for (int i = 0; i < story.received.size(); i++) {
                assertThat(story.received.get(i)).as("message %d", i).isEqualTo(message(i));
            }
            for (int i = 0; i < echoes.size(); i++) {
                assertThat(echoes.get(i)).as("answer %d", i).isEqualTo(message(i));
            }
        }

        private void server() throws Exception {
            var stop = new AtomicBoolean();
            Thread loop = null;
            try (var server = new WebSocketServer()) {
                server.setOptions(options);
                if (way == Way.BLOCKING) {
                    server.start(0, this::echo);
                } else {
                    server.setListener(listener(server));
                    assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
                    loop =
                            Thread.ofPlatform()
                                    .start(() -> {
                                        while (!stop.get()) {
                                            server.awaitActivity(Duration.ofSeconds(5));
                                            server.poll();
                                        }
                                    });
                }
                try (var proxy = new FaultProxy(server.getLocalPort(), plan)) {
                    try (RawPeer raw = RawPeer.connect(proxy.port())) {
                        CompletableFuture<Void> talk = talkAlone(raw);
                        if (stalls()) {
                            await().pollInterval(Duration.ofMillis(5))
                                    .until(() -> server.live() > 0 || story.opens.get() > 0);
                        } else {
                            talk.get(30, TimeUnit.SECONDS);
                        }
                        await().until(() -> server.live() == 0);
                        raw.close();
                        talk.get(30, TimeUnit.SECONDS);
                    }
                    passed = proxy.passed(true);
                } finally {
                    stop.set(true);
                    server.wakeup();
                    if (loop != null) {
                        loop.join();
                        server.poll(); // what is left of the news
                    }
                }
            }
        }

        private void client() throws Exception {
            try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    var proxy = new FaultProxy(listening.getLocalPort(), plan)) {
                String url = "ws://127.0.0.1:" + proxy.port() + "/";
                var done =
                        CompletableFuture.runAsync(
                                () -> {
                                    if (way == Way.BLOCKING) {
                                        connectAndEcho(url);
                                    } else {
                                        poll(url);
                                    }
                                },
                                task -> Thread.ofVirtual().start(task));
                try (var raw = new RawPeer(listening.accept())) {
                    CompletableFuture<Void> talk = talkAlone(raw);
                    done.get(30, TimeUnit.SECONDS);
                    if (stalls()) {
                        raw.close(); // nobody else will end it
                    }
                    talk.get(30, TimeUnit.SECONDS);
                }
                passed = proxy.passed(false);
            }
        }

        private boolean stalls() {
            return plan.stream().anyMatch(fault -> fault.kind() == Kind.STALL);
        }

        private CompletableFuture<Void> talkAlone(RawPeer raw) {
            return CompletableFuture.runAsync(
                    () -> talk(raw), task -> Thread.ofPlatform().start(task));
        }

        /** The bytes-only side: sends its script and reads until nothing comes any more. */
        private void talk(RawPeer raw) {
            try {
                byte[] rest = script.bytes();
                if (role == Role.CLIENT) {
                    String key =
                            raw.readHead().replaceAll("(?s).*Sec-WebSocket-Key: (\\S+).*", "$1");
                    byte[] head = head(RawPeer.acceptOf(key));
                    System.arraycopy(head, 0, rest, 0, head.length);
                } else {
                    raw.write(Arrays.copyOf(rest, script.stops().get(Phase.HANDSHAKE)));
                    raw.readHead();
                    rest =
                            Arrays.copyOfRange(
                                    rest, script.stops().get(Phase.HANDSHAKE), rest.length);
                }
                raw.write(rest);
                while (true) {
                    RawPeer.Frame frame = raw.readFrame();
                    if (frame.first() == 0x82) {
                        echoes.add(frame.payload());
                    } else if (frame.first() == 0x88) {
                        closeCode = frame.closeCode();
                        if (role == Role.CLIENT) {
                            raw.socket.shutdownOutput(); // the server ends the stream
                        }
                    }
                }
            } catch (IOException e) {
                try { // the end, or the fault
                    raw.socket.shutdownOutput();
                } catch (IOException broken) {
                    e.addSuppressed(broken);
                }
            }
        }

        // ---- the tested side ----

        private void echo(WebSocketPeer peer) {
            story.opens.incrementAndGet();
            for (Message m; (m = peer.receive()) != null; ) {
                story.received.add(m.bytes());
                peer.send(m);
            }
            await().until(() -> {
                peer.poll();
                return peer.getReadyState() == WebSocketPeer.State.CLOSED;
            });
            story.end(peer);
        }

        private void connectAndEcho(String url) {
            try (var peer = WebSocketPeer.connect(url, options)) {
                echo(peer);
            } catch (IOException e) {
                story.failure = e;
                story.code = 1006;
                story.ends.incrementAndGet();
            }
        }

        private WebSocketServer.Listener listener(WebSocketServer server) {
            return new WebSocketServer.Listener() {
                @Override
                public void clientConnected(int id, String protocol) {
                    story.opens.incrementAndGet();
                }

                @Override
                public void dataReceived(int id) {
                    Message message = server.getPeer(id).takeMessage();
                    story.received.add(message.bytes());
                    server.getPeer(id).send(message);
                }

                @Override
                public void clientDisconnected(int id, boolean wasCleanClose) {
                    story.end(server.getPeer(id));
                }
            };
        }

        private void poll(String url) {
            var client = new WebSocketClient();
            client.getPeer(1).setOptions(options);
            client.setListener(
                    new WebSocketClient.Listener() {
                        @Override
                        public void connectionEstablished(String protocol) {
                            story.opens.incrementAndGet();
                        }

                        @Override
                        public void dataReceived() {
                            Message message = client.getPeer(1).takeMessage();
                            story.received.add(message.bytes());
                            client.getPeer(1).send(message);
                        }

                        @Override
                        public void connectionClosed(boolean wasCleanClose) {
                            story.end(client.getPeer(1));
                        }

                        @Override
                        public void connectionError() {
                            story.end(client.getPeer(1));
                        }
                    });
            assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.OK);
            while (story.ends.get() == 0) {
                client.awaitActivity(Duration.ofSeconds(5));
                client.poll();
            }
            client.poll();
        }
    }
}
