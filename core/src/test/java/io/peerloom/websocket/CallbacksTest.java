package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.stream.TLSOptions;
import io.peerloom.testing.LogCapture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A user's code that throws, or calls us back: each event is told once, each connection's end too,
 * whatever the callback did; what it threw is seen by whoever polls, or logged with its connection.
 */
class CallbacksTest {

    private static final int MESSAGES = 3;

    /** How a connection comes to its end. */
    private enum End {
        CLOSE_FRAME,
        NO_CLOSE_FRAME,
        VIOLATION,
        RESET,
        OUR_CLOSE,
        OUR_ABORT,
        REFUSED;

        /** Whether the other side brings it about right behind its messages. */
        boolean follows() {
            return this == CLOSE_FRAME || this == NO_CLOSE_FRAME || this == VIOLATION;
        }

        boolean isClean() {
            return this == CLOSE_FRAME || this == OUR_CLOSE;
        }

        /** What the other side writes; masked if it is a client. */
        byte[] bytes(boolean masked) {
            var out = new ByteArrayOutputStream();
            for (int i = 0; i < MESSAGES; i++) {
                out.writeBytes(frame(masked, 0x81, RawPeer.ascii("" + i)));
            }
            if (this == CLOSE_FRAME) {
                out.writeBytes(frame(masked, 0x88, RawPeer.closePayload(1000, "enough")));
            } else if (this == VIOLATION) {
                out.writeBytes(frame(masked, 0x83, new byte[0]));
            }
            return out.toByteArray();
        }

        private static byte[] frame(boolean masked, int first, byte[] payload) {
            if (masked) {
                return RawPeer.masked(first, payload);
            }
            byte[] frame = new byte[payload.length + 2];
            frame[0] = (byte) first;
            frame[1] = (byte) payload.length;
            System.arraycopy(payload, 0, frame, 2, payload.length);
            return frame;
        }
    }

    /** What a callback throws: not every language knows checked exceptions. */
    private enum Thrown {
        UNCHECKED,
        ERROR,
        CHECKED;

        private Throwable make() {
            return switch (this) {
                case UNCHECKED -> new IllegalStateException("of the test");
                case ERROR -> new LinkageError("of the test");
                case CHECKED -> new IOException("of the test");
            };
        }

        <E extends Throwable> void sneak() throws E {
            @SuppressWarnings("unchecked")
            E mine = (E) make();
            throw mine;
        }
    }

    private static void until(Callable<Boolean> condition) {
        await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(5)).until(condition);
    }

    private static Throwable thrownBy(Runnable poll) {
        try {
            poll.run();
            return null;
        } catch (Throwable e) {
            return e;
        }
    }

    private static Limits limits() {
        return Limits.defaults().withCloseTimeout(Duration.ofSeconds(2));
    }

    // ---- listeners that throw ----

    /** Counts the events, and has one of a kind throw. */
    private static class Trap {
        private final String method;
        private final int countdown;
        private int calls;
        Throwable thrown;

        /** What happened to each connection, in order. */
        final Map<Integer, List<String>> events = new LinkedHashMap<>();

        Trap(String method, int countdown) {
            this.method = method;
            this.countdown = countdown;
        }

        List<String> of(int id) {
            return events.computeIfAbsent(id, key -> new ArrayList<>());
        }

        long count(String prefix) {
            return events.values().stream()
                    .flatMap(List::stream)
                    .filter(event -> event.startsWith(prefix))
                    .count();
        }

        /** At the beginning of a callback, before or after it did its work. */
        void spring(String called, boolean early) {
            if (called.equals(method) && early == (countdown % 2 == 0)) {
                if (++calls == countdown) {
                    Thrown kind =
                            countdown == 1
                                    ? Thrown.UNCHECKED
                                    : countdown == 2 ? Thrown.ERROR : Thrown.CHECKED;
                    thrown = kind.make();
                    CallbacksTest.<RuntimeException>sneak(thrown);
                }
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable e) throws E {
        throw (E) e;
    }

    /** A server's listener that takes each message it is told of. */
    private static final class ServerTrap extends Trap implements WebSocketServer.Listener {
        private final WebSocketServer server;

        ServerTrap(WebSocketServer server, String method, int countdown) {
            super(method, countdown);
            this.server = server;
        }

        @Override
        public void clientConnected(int id, String protocol) {
            of(id).add("connected");
            spring("clientConnected", true);
            assertThat(server.hasPeer(id)).isTrue();
            spring("clientConnected", false);
        }

        @Override
        public void dataReceived(int id) {
            of(id).add("data");
            spring("dataReceived", true);
            of(id).add(server.getPeer(id).takeMessage().text());
            spring("dataReceived", false);
        }

        @Override
        public void clientCloseRequest(int id, int code, String reason) {
            of(id).add("request " + code + ' ' + reason);
            spring("clientCloseRequest", true);
            spring("clientCloseRequest", false);
        }

        @Override
        public void clientDisconnected(int id, boolean wasCleanClose) {
            for (Message m; (m = server.getPeer(id).takeMessage()) != null; ) {
                of(id).add(m.text()); // the one that it was told of and threw
            }
            of(id).add("disconnected " + wasCleanClose);
            spring("clientDisconnected", true);
            spring("clientDisconnected", false);
        }
    }

    private static Stream<Arguments> throwingServerListeners() {
        return combine(
                List.of(
                        "clientConnected",
                        "dataReceived",
                        "clientCloseRequest",
                        "clientDisconnected"),
                Arrays.stream(End.values()).filter(end -> end != End.REFUSED).toList());
    }

    private static Stream<Arguments> combine(List<String> methods, List<End> ends) {
        return methods.stream()
                .flatMap(method ->
                        ends.stream()
                                .filter(end ->
                                        end == End.CLOSE_FRAME || !method.endsWith("CloseRequest"))
                                .filter(end ->
                                        end == End.REFUSED == method.equals("connectionError"))
                                .flatMap(end ->
                                        IntStream.rangeClosed(1, 3)
                                                .mapToObj(n -> Arguments.of(method, n, end))));
    }

    @ParameterizedTest
    @MethodSource("throwingServerListeners")
    void aServersListenerThatThrows(String method, int nth, End end) throws Exception {
        int clients = 3;
        var raws = new ArrayList<RawPeer>();
        try (var server = new WebSocketServer();
                var log = new LogCapture()) {
            server.setOptions(WebSocketOptions.defaults().withLimits(limits()));
            var trap = new ServerTrap(server, method, nth);
            server.setListener(trap);
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            for (int i = 0; i < clients; i++) {
                RawPeer raw = RawPeer.open(server.getLocalPort());
                raws.add(raw);
                raw.write(end.bytes(true));
                if (end.follows()) {
                    raw.socket.shutdownOutput();
                }
            }
            var thrown = new ArrayList<Throwable>();
            Runnable poll =
                    () -> {
                        Throwable e = thrownBy(server::poll);
                        if (e != null) {
                            thrown.add(e);
                        }
                    };
            if (end.follows()) { // all of it comes with the same poll
                until(() -> server.live() == 0);
            } else {
                until(() -> {
                    poll.run();
                    return trap.count("data") == (long) clients * MESSAGES;
                });
            }
            switch (end) {
                case RESET -> {
                    for (RawPeer raw : raws) {
                        raw.reset();
                    }
                }
                case OUR_CLOSE -> {
                    trap.events.keySet().forEach(id -> server.disconnectPeer(id));
                    for (RawPeer raw : raws) {
                        raw.write(RawPeer.masked(0x88, raw.readFrame().payload()));
                        raw.socket.shutdownOutput();
                    }
                }
                case OUR_ABORT -> trap.events.keySet().forEach(id -> server.abortPeer(id));
                default -> {}
            }
            until(() -> {
                poll.run();
                return trap.count("disconnected") == clients;
            });
            assertThat(server.getPeerIds()).isEmpty();
            for (int i = 0; i < 3; i++) {
                poll.run(); // nothing is told twice
            }
            assertThat(thrown).containsExactly(trap.thrown).doesNotContainNull();
            assertThat(trap.events).hasSize(clients);
            trap.events.forEach((id, events) -> checkEvents(events, "connected", end));
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .containsPattern("client \\d+ from 127.0.0.1:\\d+ at ws://localhost/chat")
                    .contains(trap.thrown.toString());
        } finally {
            for (RawPeer raw : raws) {
                raw.close();
            }
        }
    }

    private static void checkEvents(List<String> events, String first, End end) {
        assertThat(events).first().isEqualTo(first);
        assertThat(Collections.frequency(events, first)).isEqualTo(1);
        assertThat(Collections.frequency(events, "data")).isEqualTo(MESSAGES);
        assertThat(events.stream().filter(e -> e.length() == 1)).containsExactly("0", "1", "2");
        int requests = end == End.CLOSE_FRAME ? 1 : 0;
        assertThat(Collections.frequency(events, "request 1000 enough")).isEqualTo(requests);
        if (requests == 1) {
            assertThat(events.indexOf("request 1000 enough"))
                    .isGreaterThan(events.lastIndexOf("data"));
        }
        assertThat(events).last().isEqualTo("disconnected " + end.isClean());
        assertThat(events.stream().filter(e -> e.startsWith("disconnected"))).hasSize(1);
    }

    /** A client's listener; a connection of it is a number. */
    private static final class ClientTrap extends Trap implements WebSocketClient.Listener {
        private final WebSocketClient client;
        private int round;

        ClientTrap(WebSocketClient client, String method, int countdown) {
            super(method, countdown);
            this.client = client;
        }

        @Override
        public void connectionEstablished(String protocol) {
            of(round).add("established");
            spring("connectionEstablished", true);
            spring("connectionEstablished", false);
        }

        @Override
        public void dataReceived() {
            of(round).add("data");
            spring("dataReceived", true);
            of(round).add(client.getPeer(1).takeMessage().text());
            spring("dataReceived", false);
        }

        @Override
        public void serverCloseRequest(int code, String reason) {
            of(round).add("request " + code + ' ' + reason);
            spring("serverCloseRequest", true);
            spring("serverCloseRequest", false);
        }

        @Override
        public void connectionClosed(boolean wasCleanClose) {
            for (Message m; (m = client.getPeer(1).takeMessage()) != null; ) {
                of(round).add(m.text());
            }
            of(round).add("disconnected " + wasCleanClose);
            spring("connectionClosed", true);
            spring("connectionClosed", false);
        }

        @Override
        public void connectionError() {
            of(round).add("error");
            spring("connectionError", true);
            spring("connectionError", false);
        }
    }

    private static Stream<Arguments> throwingClientListeners() {
        return combine(
                List.of(
                        "connectionEstablished",
                        "connectionError",
                        "dataReceived",
                        "serverCloseRequest",
                        "connectionClosed"),
                List.of(End.values()));
    }

    @ParameterizedTest
    @MethodSource("throwingClientListeners")
    void aClientsListenerThatThrows(String method, int nth, End end) throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketClient();
                var log = new LogCapture()) {
            client.getPeer(1).setOptions(WebSocketOptions.defaults().withLimits(limits()));
            var trap = new ClientTrap(client, method, nth);
            client.setListener(trap);
            String url = "ws://127.0.0.1:" + listener.getLocalPort() + "/chat";
            var thrown = new ArrayList<Throwable>();
            Runnable poll =
                    () -> {
                        Throwable e = thrownBy(client::poll);
                        if (e != null) {
                            thrown.add(e);
                        }
                    };
            for (int round = 0; round < 3; round++) {
                trap.round = round;
                assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.OK);
                try (var raw = new RawPeer(listener.accept())) {
                    if (end == End.REFUSED) {
                        raw.readHead();
                        raw.write(RawPeer.ascii("HTTP/1.1 403 Forbidden\r\n\r\n"));
                    } else {
                        raw.answer("");
                        raw.write(end.bytes(false));
                    }
                    if (end == End.NO_CLOSE_FRAME) {
                        raw.socket.shutdownOutput();
                    }
                    WebSocketConnection connection = client.getPeer(1).connection();
                    if (end == End.CLOSE_FRAME || end == End.VIOLATION) {
                        raw.readFrame(); // its close frame
                        raw.socket.shutdownOutput();
                    }
                    List<String> events = trap.of(round);
                    if (end.follows() || end == End.REFUSED) {
                        until(() -> connection.phase().name().equals("ENDED"));
                    } else {
                        until(() -> {
                            poll.run();
                            return trap.count("data") == (trap.round + 1L) * MESSAGES;
                        });
                    }
                    switch (end) {
                        case RESET -> raw.reset();
                        case OUR_CLOSE -> {
                            client.disconnectFromHost();
                            byte[] payload = raw.readFrame().payload();
                            raw.write(RawPeer.hex("8802"));
                            raw.write(payload);
                            raw.socket.shutdownOutput();
                        }
                        case OUR_ABORT -> client.abort();
                        default -> {}
                    }
                    until(() -> {
                        poll.run();
                        return events.stream()
                                .anyMatch(e -> e.startsWith("disconnected") || e.equals("error"));
                    });
                    for (int i = 0; i < 3; i++) {
                        poll.run();
                    }
                    if (end == End.REFUSED) {
                        assertThat(events).containsExactly("error");
                    } else {
                        checkEvents(events, "established", end);
                    }
                }
            }
            assertThat(thrown).containsExactly(trap.thrown).doesNotContainNull();
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .contains(url)
                    .contains(trap.thrown.toString());
        }
    }

    /** The poll that tells of a failure returns it, or, if its listener threw, the next one. */
    @Test
    void theCodeOfAPollIsNotLostToTheListener() throws Exception {
        try (var client = new WebSocketClient()) {
            client.setListener(
                    new WebSocketClient.Listener() {
                        @Override
                        public void connectionError() {
                            throw new IllegalStateException("of the test");
                        }
                    });
            client.connectToUrl("ws://no-such-host.invalid/");
            until(() -> thrownBy(client::poll) != null);
            assertThat(client.poll()).isEqualTo(ErrorCode.CANT_RESOLVE);
            assertThat(client.poll()).isEqualTo(ErrorCode.OK);
        }
    }

    // ---- callbacks that call us ----

    /** What a callback of a server may do beside poll. */
    private enum Act {
        NOTHING,
        DISCONNECT,
        ABORT,
        BROADCAST,
        POLL_THE_PEER,
        RECEIVE,
        AWAIT,
        WAKE_UP,
        STOP,
        STOP_AND_LISTEN;

        void on(WebSocketServer server, int id) {
            switch (this) {
                case NOTHING -> {}
                case DISCONNECT -> server.disconnectPeer(id);
                case ABORT -> server.abortPeer(id);
                case BROADCAST -> server.broadcast("to all");
                case POLL_THE_PEER -> server.getPeer(id).poll();
                case RECEIVE -> server.getPeer(id).receive(Duration.ZERO);
                case AWAIT -> server.awaitActivity(Duration.ZERO);
                case WAKE_UP -> server.wakeup();
                case STOP -> server.stop();
                case STOP_AND_LISTEN -> {
                    server.stop();
                    server.listen(0);
                }
            }
        }
    }

    private static Stream<Arguments> acts() {
        return Stream.of(
                        "clientConnected",
                        "dataReceived",
                        "clientCloseRequest",
                        "clientDisconnected")
                .flatMap(method -> Arrays.stream(Act.values()).map(a -> Arguments.of(method, a)));
    }

    @ParameterizedTest
    @MethodSource("acts")
    void aServersListenerMayCallAllElse(String method, Act act) throws Exception {
        try (var server = new WebSocketServer()) {
            server.setOptions(WebSocketOptions.defaults().withLimits(limits()));
            var events = new ArrayList<String>();
            Consumer<String> on =
                    event -> {
                        events.add(event);
                        String[] words = event.split(" ");
                        if (words[0].equals(method)) {
                            act.on(server, Integer.parseInt(words[1]));
                        }
                    };
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            on.accept("clientConnected " + id);
                        }

                        @Override
                        public void dataReceived(int id) {
                            on.accept("dataReceived " + id);
                        }

                        @Override
                        public void clientCloseRequest(int id, int code, String reason) {
                            on.accept("clientCloseRequest " + id);
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            on.accept("clientDisconnected " + id);
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var raw = RawPeer.open(server.getLocalPort())) {
                raw.write(End.CLOSE_FRAME.bytes(true));
                raw.socket.shutdownOutput();
                until(() -> server.live() == 0);
                boolean stops = act == Act.STOP || act == Act.STOP_AND_LISTEN;
                String last = stops ? method : "clientDisconnected";
                until(() -> {
                    server.poll();
                    return events.stream().anyMatch(e -> e.startsWith(last));
                });
                server.poll();
                if (stops) { // and after that, no more events
                    assertThat(events).last().asString().startsWith(method);
                } else {
                    assertThat(events).last().asString().startsWith("clientDisconnected");
                    assertThat(server.getPeerIds()).isEmpty();
                }
                assertThat(events.stream().filter(e -> e.startsWith(last))).hasSize(1);
                assertThat(server.isListening()).isEqualTo(act != Act.STOP);
            }
        }
    }

    /** The one rule of all classes that call back from their poll. */
    private static void assertRefused(Runnable poll, String what) {
        assertThat(thrownBy(poll))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("poll()")
                .hasMessageContaining(what);
    }

    @Test
    void noCallbackOfAServerMayPollIt() throws Exception {
        try (var server = new WebSocketServer()) {
            var events = new ArrayList<String>();
            Consumer<String> on =
                    event -> {
                        assertRefused(server::poll, "same server");
                        events.add(event);
                    };
            server.setUpgradeHandler(request -> {
                on.accept("upgrade");
                return UpgradeResponse.accept();
            });
            server.setListener(
                    new WebSocketServer.Listener() {
                        @Override
                        public void clientConnected(int id, String protocol) {
                            on.accept("connected");
                        }

                        @Override
                        public void dataReceived(int id) {
                            on.accept("data " + server.getPeer(id).takeMessage().text());
                        }

                        @Override
                        public void clientCloseRequest(int id, int code, String reason) {
                            on.accept("request");
                        }

                        @Override
                        public void clientDisconnected(int id, boolean wasCleanClose) {
                            on.accept("disconnected");
                        }
                    });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                raw.write(RawPeer.request(""));
                raw.write(End.CLOSE_FRAME.bytes(true));
                until(() -> {
                    server.poll();
                    return events.contains("disconnected");
                });
                assertThat(events)
                        .containsExactly(
                                "upgrade",
                                "connected",
                                "data 0",
                                "data 1",
                                "data 2",
                                "request",
                                "disconnected");
            }
        }
    }

    @Test
    void noCallbackOfAClientMayPollIt() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var client = new WebSocketClient()) {
            var events = new ArrayList<String>();
            Consumer<String> on =
                    event -> {
                        assertRefused(client::poll, "same client");
                        events.add(event);
                    };
            client.setListener(
                    new WebSocketClient.Listener() {
                        @Override
                        public void connectionEstablished(String protocol) {
                            on.accept("established");
                        }

                        @Override
                        public void dataReceived() {
                            on.accept("data " + client.getPeer(1).takeMessage().text());
                        }

                        @Override
                        public void serverCloseRequest(int code, String reason) {
                            on.accept("request");
                        }

                        @Override
                        public void connectionClosed(boolean wasCleanClose) {
                            on.accept("closed");
                        }

                        @Override
                        public void connectionError() {
                            on.accept("error");
                        }
                    });
            String url = "ws://127.0.0.1:" + listener.getLocalPort() + "/chat";
            client.connectToUrl(url);
            try (var raw = new RawPeer(listener.accept())) {
                raw.answer("");
                raw.write(End.CLOSE_FRAME.bytes(false));
                raw.readFrame();
                raw.socket.shutdownOutput();
                until(() -> {
                    client.poll();
                    return events.contains("closed");
                });
            }
            client.connectToUrl(url);
            try (var raw = new RawPeer(listener.accept())) {
                raw.readHead();
            }
            until(() -> {
                client.poll();
                return events.contains("error");
            });
            assertThat(events)
                    .containsExactly(
                            "established",
                            "data 0",
                            "data 1",
                            "data 2",
                            "request",
                            "closed",
                            "error");
        }
    }

    /** The end of the connection that was replaced is told, once, before what is new. */
    @Test
    void aClientConnectsAnewFromItsCallbacks() throws Exception {
        try (var server = WebSocketServer.serve(0, peer -> peer.sendText("welcome"));
                var client = new WebSocketClient()) {
            String url = "ws://127.0.0.1:" + server.getLocalPort() + "/";
            var events = new ArrayList<String>();
            client.setListener(
                    new WebSocketClient.Listener() {
                        @Override
                        public void connectionEstablished(String protocol) {
                            events.add("established");
                            assertThat(client.connectToUrl(url))
                                    .isEqualTo(ErrorCode.ALREADY_IN_USE);
                        }

                        @Override
                        public void dataReceived() {
                            events.add("data");
                            client.getPeer(1).takeMessage();
                            client.abort();
                            client.getPeer(1).poll();
                            if (events.size() < 8) {
                                assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.OK);
                            }
                        }

                        @Override
                        public void connectionClosed(boolean wasCleanClose) {
                            events.add("closed");
                        }
                    });
            assertThat(client.connectToUrl(url)).isEqualTo(ErrorCode.OK);
            until(() -> {
                client.poll();
                return Collections.frequency(events, "closed") == 3;
            });
            List<String> once = List.of("established", "data", "closed");
            assertThat(events)
                    .isEqualTo(Stream.of(once, once, once).flatMap(List::stream).toList());
        }
    }

    // ---- handlers that throw ----

    /** What a client is answered to an upgrade. */
    private static String statusOf(int port) throws IOException {
        try (var raw = RawPeer.connect(port)) {
            raw.write(RawPeer.request(""));
            return raw.readHead().lines().findFirst().orElseThrow();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUpgradeHandlerOfABlockingServerThatThrows(Thrown kind) throws Exception {
        try (var server = new WebSocketServer();
                var log = new LogCapture()) {
            server.setUpgradeHandler(request -> {
                kind.<RuntimeException>sneak();
                return UpgradeResponse.accept();
            });
            server.start(0, peer -> {});
            assertThat(statusOf(server.getLocalPort())).startsWith("HTTP/1.1 500 ");
            until(() -> server.live() == 0);
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .contains("GET /chat")
                    .contains("127.0.0.1");
            assertThat(log.lines()).noneMatch(line -> line.startsWith("Exception in thread"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUpgradeHandlerOfAPolledServerThatThrows(Thrown kind) throws Exception {
        try (var server = new WebSocketServer();
                var log = new LogCapture()) {
            server.setUpgradeHandler(request -> {
                kind.<RuntimeException>sneak();
                return UpgradeResponse.accept();
            });
            assertThat(server.listen(0)).isEqualTo(ErrorCode.OK);
            int port = server.getLocalPort();
            var status =
                    CompletableFuture.supplyAsync(
                            () -> {
                                try {
                                    return statusOf(port);
                                } catch (IOException e) {
                                    return e.toString();
                                }
                            },
                            task -> Thread.ofVirtual().start(task));
            var thrown = new ArrayList<Throwable>();
            until(() -> {
                Throwable e = thrownBy(server::poll);
                if (e != null) {
                    thrown.add(e);
                }
                return status.isDone();
            });
            assertThat(status.get()).startsWith("HTTP/1.1 500 ");
            assertThat(thrown).singleElement().hasToString(kind.make().toString());
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .contains("a client from 127.0.0.1:");
        }
    }

    /** Its thread writes the answer; an interrupt would close the channel instead. */
    @Test
    void anUpgradeHandlerThatLeavesItsThreadInterrupted() throws Exception {
        try (var server = new WebSocketServer()) {
            server.setUpgradeHandler(request -> {
                Thread.currentThread().interrupt();
                return UpgradeResponse.accept();
            });
            server.start(0, peer -> {});
            assertThat(statusOf(server.getLocalPort())).startsWith("HTTP/1.1 101 ");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHandlerThatThrows(Thrown kind) throws Exception {
        try (var server = WebSocketServer.serve(0, peer -> kind.<RuntimeException>sneak());
                var log = new LogCapture()) {
            try (var raw = RawPeer.open(server.getLocalPort())) {
                assertThat(raw.readFrame().closeCode()).isEqualTo(1011);
                int port = raw.socket.getLocalPort();
                raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1011, "")));
                raw.socket.shutdownOutput();
                until(() -> server.live() == 0);
                assertThat(log.warnings())
                        .singleElement()
                        .asString()
                        .contains("from 127.0.0.1:" + port)
                        .contains("ws://localhost/chat");
                assertThat(log.lines()).noneMatch(line -> line.startsWith("Exception in thread"));
            }
        }
    }

    /** It would not wait for the close frame's answer, and leave before its connection has. */
    @Test
    void aHandlerThatLeavesItsThreadInterrupted() throws Exception {
        try (var server = WebSocketServer.serve(0, peer -> Thread.currentThread().interrupt());
                var raw = RawPeer.open(server.getLocalPort())) {
            assertThat(raw.readFrame().closeCode()).isEqualTo(1000);
            assertThat(server.live()).isEqualTo(1);
            raw.write(RawPeer.masked(0x88, RawPeer.closePayload(1000, "")));
            assertThat(raw.readEnd()).isTrue();
            raw.close();
            until(() -> server.live() == 0);
        }
    }

    /** Nothing of a user's goes to a thread's default handler. */
    @Test
    void aContextThatCannotBeUsed() throws Exception {
        SSLContext never = SSLContext.getInstance("TLS"); // and never initialized
        try (var server = new WebSocketServer();
                var log = new LogCapture()) {
            server.setOptions(WebSocketOptions.defaults().withTls(TLSOptions.server(never)));
            server.start(0, peer -> {});
            try (var raw = RawPeer.connect(server.getLocalPort())) {
                assertThat(raw.readEnd()).isTrue();
                int port = raw.socket.getLocalPort();
                until(() -> server.live() == 0);
                assertThat(log.warnings()).singleElement().asString().contains("127.0.0.1:" + port);
            }
            assertThat(log.lines()).noneMatch(line -> line.startsWith("Exception in thread"));
        }
        try (var listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                var peer =
                        new WebSocketPeer(
                                WebSocketOptions.defaults().withTls(TLSOptions.client(never)));
                var log = new LogCapture()) {
            peer.connectToUrl("wss://localhost:" + listener.getLocalPort() + "/");
            until(() -> peer.poll() == ErrorCode.CONNECTION_ERROR);
            assertThat(log.lines()).noneMatch(line -> line.startsWith("Exception in thread"));
        }
    }
}
