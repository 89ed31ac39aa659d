package io.peerloom.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.bench.Entry.Kind;
import io.peerloom.bench.LoadGenerator.Plan;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketPeer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.client.WebSocketClient;
import org.java_websocket.handshake.ServerHandshake;

/**
 * The clients, each as the manual of its library has it, and each to be run in a process of its own
 * against {@link WireEcho}. All do the same: they open their connections, send as many messages on
 * each as may be in flight, and then send every message back that they receive; with {@code
 * TCP_NODELAY} where it can be asked for, with a mask of its own for each frame, without
 * compression, and with room for messages of {@link Servers#MAX_MESSAGE} bytes. The first message
 * that each connection receives is compared byte by byte, and the size of all the others.
 */
public final class Clients {
    /** Opens all connections and lets them send; returns when all are open. */
    @FunctionalInterface
    interface Start {
        void on(Load load) throws Exception;
    }

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Set<Mode> PLAIN = EnumSet.of(Mode.PLAIN);

    /** All clients. A further one is a line here. */
    static final List<Entry<Start>> ALL =
            List.of(
                    entry("peerloom-blocking", Clients::blocking),
                    entry("peerloom-poll", Clients::polled),
                    entry("peerloom-async", Clients::async),
                    entry("netty-epoll", Clients::nettyEpoll),
                    entry("netty-nio", Clients::nettyNio),
                    entry("netty-epoll-unsafe", Clients::nettyEpoll, Servers.UNSAFE),
                    entry("netty-nio-unsafe", Clients::nettyNio, Servers.UNSAFE),
                    entry("jdk", Clients::jdk),
                    entry("jetty", Clients::jetty),
                    entry("java-websocket", Clients::javaWebSocket),
                    entry("okhttp", Clients::okHttp));

    private static Entry<Start> entry(String name, Start start, String... jvmOptions) {
        return new Entry<>(name, Kind.WEBSOCKET, start, PLAIN, jvmOptions);
    }

    private Clients() {}

    /**
     * Runs one plan and prints the result.
     *
     * @param args the client's name, and what makes a {@link Plan}; several names, with commas, run
     *     one after the other, which tests do and measurements do not
     * @throws Exception if it could not connect
     */
    public static void main(String[] args) throws Exception {
        Logger.getLogger("").setLevel(Level.WARNING);
        Plan plan = Plan.parse(List.of(args).subList(1, args.length).toArray(String[]::new));
        for (String name : args[0].split(",")) {
            Start start = Entry.named(name, ALL).start();
            try {
                System.out.println(LoadGenerator.RESULT + run(start, plan, System.out::println));
            } catch (IOException e) {
                System.err.println(name + ": " + e.getMessage());
                System.exit(1);
            }
        }
        System.exit(0); // some have threads of their own, which would wait
    }

    /**
     * Runs one plan.
     *
     * @param says is told when the window begins and ends
     * @throws IOException if something else came back than was sent, or nothing
     */
    static Result run(Start start, Plan plan, Consumer<String> says) throws Exception {
        var load = new Load(plan);
        start.on(load);
        Thread.sleep(plan.warmup());
        load.awaitFirst();
        long[] before = load.received();
        says.accept(LoadGenerator.BEGIN);
        long allocated = Subject.allocated();
        Snapshot from = snapshot(plan);
        Thread.sleep(plan.window());
        long[] after = load.received();
        Snapshot to = snapshot(plan);
        allocated = Subject.allocated() - allocated;
        says.accept(LoadGenerator.END);
        long messages = 0;
        long total = 0;
        int starved = 0;
        for (int i = 0; i < before.length; i++) {
            messages += after[i] - before[i];
            total += after[i];
            starved += after[i] == before[i] ? 1 : 0;
        }
        if (load.failure != null) {
            throw load.failure;
        }
        return new Result(
                messages,
                to.nanos - from.nanos,
                to.own - from.own,
                to.server - from.server,
                starved,
                total,
                allocated);
    }

    private record Snapshot(long nanos, long own, long server) {}

    private static Snapshot snapshot(Plan plan) {
        ProcessHandle own = ProcessHandle.current();
        long server =
                plan.serverPid() == 0
                        ? 0
                        : LoadGenerator.cpu(ProcessHandle.of(plan.serverPid()).orElseThrow());
        return new Snapshot(System.nanoTime(), LoadGenerator.cpu(own), server);
    }

    /** What all connections share. */
    static final class Load {
        private final Plan plan;
        private final byte[] payload;
        private final URI uri;

        /** One for each connection. */
        private final List<Slot> slots = new ArrayList<>();

        /** The first that a connection found wrong. */
        private volatile IOException failure;

        Load(Plan plan) {
            this.plan = plan;
            payload = LoadGenerator.payload(plan.payload(), plan.mode());
            uri = URI.create("ws://127.0.0.1:" + plan.port() + "/");
            for (int i = 0; i < plan.connections(); i++) {
                slots.add(new Slot());
            }
        }

        private long[] received() {
            return slots.stream().mapToLong(slot -> slot.messages.getAcquire()).toArray();
        }

        /** Waits until each connection has received something. */
        private void awaitFirst() throws IOException, InterruptedException {
            long end = System.nanoTime() + PATIENCE.toNanos();
            while (slots.stream().anyMatch(slot -> slot.messages.get() == 0)) {
                if (failure != null) {
                    throw failure;
                }
                if (System.nanoTime() - end > 0) {
                    throw new IOException("nothing came back on some connections");
                }
                Thread.sleep(1);
            }
        }

        /** A payload that nobody else has: a client may mask it where it is. */
        private byte[] payload() {
            return payload.clone();
        }

        private void failed(Throwable why) {
            failure = new IOException(why);
        }

        /** What one connection received. One thread at a time tells it. */
        private final class Slot {
            /** Written by that thread only, read by the one that measures. */
            private final AtomicLong messages = new AtomicLong();

            private long size;

            /** A message or, if it is not the last one, a part of it. */
            void received(ByteBuffer part, boolean last) {
                if (messages.getPlain() == 0
                        && !part.duplicate()
                                .equals(ByteBuffer.wrap(payload, (int) size, part.remaining()))) {
                    failed(new IOException("what came back is not what was sent"));
                }
                received(part.remaining(), last);
            }

            void received(int length, boolean last) {
                size += length;
                if (last) {
                    if (size != payload.length) {
                        failed(new IOException("a message of " + size + " bytes came back"));
                    }
                    size = 0;
                    messages.setRelease(messages.getPlain() + 1);
                }
            }

            void received(Message message) {
                if (messages.getPlain() == 0) {
                    received(ByteBuffer.wrap(message.bytes()), true);
                } else {
                    received(message.size(), true);
                }
            }
        }
    }

    // Peerloom, as a user would write it

    private static void accepted(ErrorCode code) {
        if (code != ErrorCode.OK) {
            throw new IllegalStateException("a message was not accepted: " + code);
        }
    }

    /** Each connection on a virtual thread of its own. */
    private static void blocking(Load load) throws IOException {
        for (Load.Slot slot : load.slots) {
            WebSocketPeer peer = WebSocketPeer.connect(load.uri.toString());
            Thread.ofVirtual()
                    .start(() -> {
                        for (int i = 0; i < load.plan.inFlight(); i++) {
                            accepted(peer.send(Message.binary(load.payload)));
                        }
                        for (Message message; (message = peer.receive()) != null; ) {
                            slot.received(message);
                            accepted(peer.send(message));
                        }
                    });
        }
    }

    /** Each connection polled by a virtual thread of its own, whenever something happened. */
    private static void polled(Load load) throws IOException {
        for (Load.Slot slot : load.slots) {
            WebSocketPeer peer = new WebSocketPeer();
            accepted(peer.connectToUrl(load.uri.toString()));
            while (peer.getReadyState() == WebSocketPeer.State.CONNECTING) {
                peer.awaitActivity(Duration.ofSeconds(1));
                peer.poll();
            }
            if (peer.getReadyState() != WebSocketPeer.State.OPEN) {
                throw new IOException("not connected", peer.getFailure().orElse(null));
            }
            Thread.ofVirtual()
                    .start(() -> {
                        for (int i = 0; i < load.plan.inFlight(); i++) {
                            accepted(peer.send(Message.binary(load.payload)));
                        }
                        while (peer.getReadyState() == WebSocketPeer.State.OPEN) {
                            peer.awaitActivity(Duration.ofSeconds(1));
                            peer.poll();
                            for (Message m; (m = peer.takeMessage()) != null; ) {
                                slot.received(m);
                                accepted(peer.send(m));
                            }
                        }
                    });
        }
    }

    /** A future of the next message, and when it is there, one of its sending, and so on. */
    private static void async(Load load) {
        for (Load.Slot slot : load.slots) {
            AsyncWebSocketPeer peer = AsyncWebSocketPeer.connect(load.uri.toString()).join();
            for (int i = 0; i < load.plan.inFlight(); i++) {
                peer.send(Message.binary(load.payload))
                        .exceptionally(why -> {
                            load.failed(why);
                            return null;
                        });
            }
            echoNext(peer, slot);
        }
    }

    private static void echoNext(AsyncWebSocketPeer peer, Load.Slot slot) {
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (message != null) {
                slot.received(message);
                CompletionStage<Void> sent = peer.send(message);
                sent.whenComplete((nothing, why) -> echoNext(peer, slot));
            }
        });
    }

    // Netty: frames as they come, flushed once for what one read brought

    private static void nettyEpoll(Load load) throws Exception {
        netty(load, EpollIoHandler.newFactory(), EpollSocketChannel.class);
    }

    private static void nettyNio(Load load) throws Exception {
        netty(load, NioIoHandler.newFactory(), NioSocketChannel.class);
    }

    private static void netty(
            Load load, IoHandlerFactory transport, Class<? extends SocketChannel> channel)
            throws Exception {
        EventLoopGroup loops =
                new MultiThreadIoEventLoopGroup(
                        Runtime.getRuntime().availableProcessors(), transport);
        for (Load.Slot slot : load.slots) {
            var bootstrap =
                    new Bootstrap()
                            .group(loops)
                            .channel(channel)
                            .option(ChannelOption.TCP_NODELAY, true)
                            .handler(
                                    new ChannelInitializer<SocketChannel>() {
                                        @Override
                                        protected void initChannel(SocketChannel ch) {
                                            ch.pipeline()
                                                    .addLast(
                                                            new HttpClientCodec(),
                                                            new HttpObjectAggregator(65_536),
                                                            new WebSocketClientProtocolHandler(
                                                                    WebSocketClientProtocolConfig
                                                                            .newBuilder()
                                                                            .webSocketUri(load.uri)
                                                                            .maxFramePayloadLength(
                                                                                    Servers
                                                                                            .MAX_MESSAGE)
                                                                            .build()),
                                                            new NettyEcho(load, slot));
                                        }
                                    });
            bootstrap.connect(InetAddress.getLoopbackAddress(), load.plan.port()).sync();
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // what fails closes the channel
    private static final class NettyEcho extends ChannelInboundHandlerAdapter {
        private final Load load;
        private final Load.Slot slot;

        NettyEcho(Load load, Load.Slot slot) {
            this.load = load;
            this.slot = slot;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
                for (int i = 0; i < load.plan.inFlight(); i++) {
                    context.write(
                            new BinaryWebSocketFrame(
                                    context.alloc()
                                            .directBuffer(load.payload.length)
                                            .writeBytes(load.payload)),
                            context.voidPromise());
                }
                context.flush();
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof BinaryWebSocketFrame frame) {
                if (slot.messages.getPlain() == 0) {
                    slot.received(frame.content().nioBuffer(), frame.isFinalFragment());
                } else {
                    slot.received(frame.content().readableBytes(), frame.isFinalFragment());
                }
                context.write(frame, context.voidPromise());
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            load.failed(cause);
            context.close();
        }
    }

    // The JDK: parts of messages, one send at a time as it asks for

    private static void jdk(Load load) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (Load.Slot slot : load.slots) {
            java.net.http.WebSocket socket =
                    client.newWebSocketBuilder()
                            .buildAsync(load.uri, new JdkEcho(load, slot))
                            .get(10, TimeUnit.SECONDS);
            for (int i = 0; i < load.plan.inFlight(); i++) {
                socket.sendBinary(ByteBuffer.wrap(load.payload()), true).join();
            }
            socket.request(1);
        }
    }

    private record JdkEcho(Load load, Load.Slot slot) implements java.net.http.WebSocket.Listener {
        @Override
        public void onOpen(java.net.http.WebSocket socket) {
            // asked for when the first messages are out
        }

        @Override
        public CompletionStage<?> onBinary(
                java.net.http.WebSocket socket, ByteBuffer part, boolean last) {
            slot.received(part, last);
            return socket.sendBinary(part, last).thenRun(() -> socket.request(1));
        }

        @Override
        public void onError(java.net.http.WebSocket socket, Throwable why) {
            load.failed(why);
        }
    }

    // Jetty: messages, with the buffers that it read them into

    private static void jetty(Load load) throws Exception {
        var client = new WebSocketClient();
        client.setMaxBinaryMessageSize(Servers.MAX_MESSAGE);
        client.setMaxFrameSize(Servers.MAX_MESSAGE);
        client.start();
        for (Load.Slot slot : load.slots) {
            Session session =
                    client.connect(new JettyEcho(load, slot), load.uri).get(10, TimeUnit.SECONDS);
            for (int i = 0; i < load.plan.inFlight(); i++) {
                session.sendBinary(ByteBuffer.wrap(load.payload()), Callback.NOOP);
            }
        }
    }

    /** Jetty wants the class to be public. */
    public static final class JettyEcho implements Session.Listener.AutoDemanding {
        private final Load load;
        private final Load.Slot slot;
        private Session session;

        private JettyEcho(Load load, Load.Slot slot) {
            this.load = load;
            this.slot = slot;
        }

        @Override
        public void onWebSocketOpen(Session opened) {
            session = opened;
        }

        @Override
        public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
            slot.received(payload, true);
            session.sendBinary(payload, callback);
        }

        @Override
        public void onWebSocketError(Throwable why) {
            load.failed(why);
        }
    }

    // Java-WebSocket: messages

    private static void javaWebSocket(Load load) throws Exception {
        for (Load.Slot slot : load.slots) {
            var client = new JavaWebSocketEcho(load, slot);
            client.setTcpNoDelay(true);
            if (!client.connectBlocking(10, TimeUnit.SECONDS)) {
                throw new IOException("not connected");
            }
            for (int i = 0; i < load.plan.inFlight(); i++) {
                client.send(load.payload());
            }
        }
    }

    private static final class JavaWebSocketEcho extends org.java_websocket.client.WebSocketClient {
        private final Load load;
        private final Load.Slot slot;

        JavaWebSocketEcho(Load load, Load.Slot slot) {
            super(load.uri);
            this.load = load;
            this.slot = slot;
        }

        @Override
        public void onMessage(ByteBuffer message) {
            slot.received(message, true);
            send(message);
        }

        @Override
        public void onMessage(String message) {}

        @Override
        public void onOpen(ServerHandshake handshake) {}

        @Override
        public void onClose(int code, String reason, boolean remote) {}

        @Override
        public void onError(Exception why) {
            load.failed(why);
        }
    }

    // OkHttp: messages

    private static void okHttp(Load load) {
        var client = new OkHttpClient();
        var request = new Request.Builder().url(load.uri.toString()).build();
        load.slots.forEach(slot -> client.newWebSocket(request, new OkHttpEcho(load, slot)));
    }

    private static final class OkHttpEcho extends WebSocketListener {
        private final Load load;
        private final Load.Slot slot;

        OkHttpEcho(Load load, Load.Slot slot) {
            this.load = load;
            this.slot = slot;
        }

        @Override
        public void onOpen(okhttp3.WebSocket socket, Response response) {
            for (int i = 0; i < load.plan.inFlight(); i++) {
                socket.send(ByteString.of(load.payload));
            }
        }

        @Override
        public void onMessage(okhttp3.WebSocket socket, ByteString message) {
            if (slot.messages.getPlain() == 0) {
                slot.received(message.asByteBuffer(), true);
            } else {
                slot.received(message.size(), true);
            }
            if (!socket.send(message)) {
                load.failed(new IOException("a message was not accepted"));
            }
        }

        @Override
        public void onFailure(okhttp3.WebSocket socket, Throwable why, Response response) {
            load.failed(why);
        }
    }
}
