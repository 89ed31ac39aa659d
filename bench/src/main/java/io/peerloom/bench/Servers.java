package io.peerloom.bench;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.websocket.WsConfig;
import io.helidon.webserver.websocket.WsRouting;
import io.helidon.websocket.WsListener;
import io.helidon.websocket.WsSession;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.codec.http.websocketx.extensions.WebSocketServerExtensionHandler;
import io.netty.handler.codec.http.websocketx.extensions.compression.PerMessageDeflateServerExtensionHandshaker;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.IdentityCipherSuiteFilter;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.peerloom.ErrorCode;
import io.peerloom.async.AsyncWebSocketPeer;
import io.peerloom.async.AsyncWebSocketServer;
import io.peerloom.bench.Entry.Kind;
import io.peerloom.stream.TLSOptions;
import io.peerloom.websocket.Compression;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.websockets.WebSocketProtocolHandshakeHandler;
import io.undertow.websockets.core.AbstractReceiveListener;
import io.undertow.websockets.core.BufferedBinaryMessage;
import io.undertow.websockets.core.WebSocketCallback;
import io.undertow.websockets.core.WebSocketChannel;
import io.undertow.websockets.core.WebSockets;
import io.undertow.websockets.extensions.PerMessageDeflateHandshake;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.PfxOptions;
import jakarta.websocket.OnMessage;
import jakarta.websocket.server.ServerEndpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;
import org.java_websocket.WebSocket;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.server.DefaultSSLWebSocketServerFactory;

/**
 * The echo servers, each as the manual of its library has it, and each to be run in a process of
 * its own. All do the same: they send back every message in its kind, with {@code TCP_NODELAY}, on
 * 127.0.0.1, with room for messages of {@value #MAX_MESSAGE} bytes and everything else as the
 * library sets it; none compresses or encrypts unless its {@link Mode} says so. Where a library
 * lets choose between frames and messages, the cheaper way is taken. The raw ones do less, which is
 * the point of them.
 */
public final class Servers {
    /** What messages there must be room for. */
    static final int MAX_MESSAGE = 1 << 20;

    private static final String HOST = "127.0.0.1";

    /** How a server is told to be. */
    record Setup(Mode mode) {
        /** Where {@link Certificate} put the server's certificate. */
        SSLContext sslContext() throws IOException {
            return Certificate.sslContext();
        }
    }

    /** Starts a server on a port that the system chooses, and returns the port. */
    @FunctionalInterface
    interface Start {
        int on(Setup setup) throws Exception;
    }

    private static final Set<Mode> PLAIN = EnumSet.of(Mode.PLAIN);
    private static final Set<Mode> SECURE = EnumSet.of(Mode.PLAIN, Mode.TLS);
    private static final Set<Mode> ALL_MODES = EnumSet.allOf(Mode.class);

    /** Netty's faster way since JDK 24, which it does not take by itself. */
    static final String[] UNSAFE = {
        "-XX:+IgnoreUnrecognizedVMOptions", // the next one came with JDK 23
        "--sun-misc-unsafe-memory-access=allow",
        "-Dio.netty.noUnsafe=false"
    };

    /** The server that others are compared with. */
    static final Entry<Start> RAW = new Entry<>("raw", Kind.BYTES, RawServers::plain, SECURE);

    /** All servers. A further one is a line here. */
    static final List<Entry<Start>> ALL =
            List.of(
                    new Entry<>("raw-selector", Kind.BYTES, RawServers::selector, PLAIN),
                    RAW,
                    new Entry<>("raw-yield", Kind.BYTES, RawServers::yielding, SECURE),
                    new Entry<>("raw-yield-copy", Kind.BYTES, RawServers::copying, SECURE),
                    new Entry<>("peerloom-blocking", Kind.WEBSOCKET, Servers::blocking, ALL_MODES),
                    new Entry<>("peerloom-poll", Kind.WEBSOCKET, Servers::polled, ALL_MODES),
                    new Entry<>("peerloom-async", Kind.WEBSOCKET, Servers::async, ALL_MODES),
                    new Entry<>("netty-epoll", Kind.WEBSOCKET, Servers::nettyEpoll, ALL_MODES),
                    new Entry<>("netty-nio", Kind.WEBSOCKET, Servers::nettyNio, ALL_MODES),
                    new Entry<>(
                            "netty-epoll-unsafe",
                            Kind.WEBSOCKET,
                            Servers::nettyEpoll,
                            ALL_MODES,
                            UNSAFE),
                    new Entry<>(
                            "netty-nio-unsafe",
                            Kind.WEBSOCKET,
                            Servers::nettyNio,
                            ALL_MODES,
                            UNSAFE),
                    new Entry<>(
                            "netty-epoll-openssl",
                            Kind.WEBSOCKET,
                            Servers::nettyOpenSsl,
                            EnumSet.of(Mode.TLS),
                            UNSAFE),
                    new Entry<>("vertx", Kind.WEBSOCKET, Servers::vertx, ALL_MODES),
                    new Entry<>("undertow", Kind.WEBSOCKET, Servers::undertow, ALL_MODES),
                    new Entry<>("jetty", Kind.WEBSOCKET, Servers::jetty, ALL_MODES),
                    new Entry<>(
                            "java-websocket", Kind.WEBSOCKET, Servers::javaWebSocket, ALL_MODES),
                    new Entry<>("helidon", Kind.WEBSOCKET, Servers::helidon, SECURE),
                    new Entry<>("tyrus", Kind.WEBSOCKET, Servers::tyrus, PLAIN));

    private Servers() {}

    /**
     * Serves until the standard input ends.
     *
     * @param args the server's name and its mode; what follows are further servers in this process,
     *     which tests have and measurements do not
     * @throws Exception if one cannot be started
     */
    public static void main(String[] args) throws Exception {
        Logger.getLogger("").setLevel(Level.WARNING);
        for (int i = 0; i < args.length; i += 2) {
            var setup = new Setup(Mode.valueOf(args[i + 1]));
            Subject.listening(Entry.named(args[i], ALL).start().on(setup));
        }
        Subject.obeyParent(Map.of());
    }

    // Peerloom, as a user would write it

    private static WebSocketServer peerloom(Setup setup) throws IOException {
        var server = new WebSocketServer();
        server.setBindIp(HOST);
        WebSocketOptions options = WebSocketOptions.defaults();
        server.setOptions(
                switch (setup.mode()) {
                    case PLAIN -> options;
                    case TLS -> options.withTls(TLSOptions.server(setup.sslContext()));
                    case DEFLATE -> options.withCompression(Compression.defaults());
                });
        return server;
    }

    /** An echo that was lost would be counted nowhere: the load generator would wait for it. */
    private static void accepted(ErrorCode code) {
        if (code != ErrorCode.OK && code != ErrorCode.FAILED) { // FAILED: the client is gone
            throw new IllegalStateException("the echo was not accepted: " + code);
        }
    }

    /** A handler on each connection's own virtual thread receives and sends. */
    private static int blocking(Setup setup) throws IOException {
        WebSocketServer server = peerloom(setup);
        server.start(
                0,
                peer -> {
                    for (Message message; (message = peer.receive()) != null; ) {
                        accepted(peer.send(message));
                    }
                });
        return server.getLocalPort();
    }

    /** One thread polls the server whenever something happened, and answers in the listener. */
    private static int polled(Setup setup) throws IOException {
        WebSocketServer server = peerloom(setup);
        var echoes = new PolledEchoes(server);
        server.setListener(echoes);
        if (server.listen(0) != ErrorCode.OK) {
            throw new IOException(server.getFailure().orElse(null));
        }
        Thread.ofVirtual()
                .name("poll")
                .start(() -> {
                    while (true) {
                        server.awaitActivity(echoes.patience());
                        server.poll();
                        echoes.retry();
                    }
                });
        return server.getLocalPort();
    }

    /**
     * Echoes in the thread that polls. Who does not read, no more is taken of, until there is room.
     */
    private static final class PolledEchoes implements WebSocketServer.Listener {
        private static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE); // no timer

        private final WebSocketServer server;

        /** Who does not read, with the message that there was no room for. */
        private final Map<Integer, Message> stalled = new HashMap<>();

        PolledEchoes(WebSocketServer server) {
            this.server = server;
        }

        Duration patience() {
            return stalled.isEmpty() ? FOREVER : Duration.ofMillis(1);
        }

        @Override
        public void dataReceived(int id) {
            if (stalled.isEmpty() || !stalled.containsKey(id)) {
                WebSocketPeer peer = server.getPeer(id);
                Message left = echo(peer, peer.takeMessage());
                if (left != null) {
                    stalled.put(id, left);
                }
            }
        }

        @Override
        public void clientDisconnected(int id, boolean wasCleanClose) {
            stalled.remove(id);
        }

        /** Returns what there was no room for, or null. */
        private static Message echo(WebSocketPeer peer, Message message) {
            ErrorCode code = peer.send(message);
            if (code == ErrorCode.OUT_OF_MEMORY) {
                return message;
            }
            accepted(code);
            return null;
        }

        void retry() {
            stalled.entrySet()
                    .removeIf(entry -> {
                        WebSocketPeer peer = server.getPeer(entry.getKey());
                        Message next = entry.getValue();
                        while (next != null) {
                            Message left = echo(peer, next);
                            if (left != null) {
                                entry.setValue(left);
                                return false;
                            }
                            next = peer.takeMessage();
                        }
                        return true;
                    });
        }
    }

    /** A future of the next message, and when it is there, one of its sending, and so on. */
    private static int async(Setup setup) throws IOException {
        WebSocketServer server = peerloom(setup);
        server.start(
                0,
                AsyncWebSocketServer.adapt(peer -> {
                    var done = new CompletableFuture<Void>();
                    echoNext(peer, done);
                    return done;
                }));
        return server.getLocalPort();
    }

    private static void echoNext(AsyncWebSocketPeer peer, CompletableFuture<Void> done) {
        CompletionStage<Message> next = peer.receive();
        next.whenComplete((message, failure) -> {
            if (message == null) {
                done.complete(null);
                return;
            }
            CompletionStage<Void> sent = peer.send(message);
            sent.whenComplete((nothing, why) -> echoNext(peer, done));
        });
    }

    // Netty: frames as they come, flushed once for what one read brought

    private static int nettyEpoll(Setup setup) throws Exception {
        IoHandlerFactory transport = EpollIoHandler.newFactory();
        return netty(setup, jdkSsl(setup), transport, EpollServerSocketChannel.class);
    }

    private static int nettyNio(Setup setup) throws Exception {
        IoHandlerFactory transport = NioIoHandler.newFactory();
        return netty(setup, jdkSsl(setup), transport, NioServerSocketChannel.class);
    }

    /** TLS by BoringSSL, in C. */
    private static int nettyOpenSsl(Setup setup) throws Exception {
        SslContext ssl =
                SslContextBuilder.forServer(Certificate.keys())
                        .sslProvider(SslProvider.OPENSSL)
                        .build();
        IoHandlerFactory transport = EpollIoHandler.newFactory();
        return netty(setup, ssl, transport, EpollServerSocketChannel.class);
    }

    private static int netty(
            Setup setup,
            SslContext ssl,
            IoHandlerFactory transport,
            Class<? extends ServerChannel> channel)
            throws Exception {
        EventLoopGroup loops =
                new MultiThreadIoEventLoopGroup(
                        Runtime.getRuntime().availableProcessors(), transport);
        var server =
                new ServerBootstrap()
                        .group(loops)
                        .channel(channel)
                        .option(ChannelOption.SO_BACKLOG, 1024)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childHandler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel ch) {
                                        nettyPipeline(ch, ssl, setup.mode());
                                    }
                                });
        var bound = server.bind(HOST, 0).sync().channel().localAddress();
        return ((InetSocketAddress) bound).getPort();
    }

    private static void nettyPipeline(SocketChannel channel, SslContext ssl, Mode mode) {
        ChannelPipeline pipeline = channel.pipeline();
        if (ssl != null) {
            pipeline.addLast(ssl.newHandler(channel.alloc()));
        }
        pipeline.addLast(new HttpServerCodec(), new HttpObjectAggregator(65_536));
        if (mode == Mode.DEFLATE) {
            pipeline.addLast(
                    new WebSocketServerExtensionHandler(
                            new PerMessageDeflateServerExtensionHandshaker(
                                    6, false, 15, true, true, MAX_MESSAGE)));
        }
        pipeline.addLast(
                new WebSocketServerProtocolHandler(
                        WebSocketServerProtocolConfig.newBuilder()
                                .websocketPath("/")
                                .allowExtensions(mode == Mode.DEFLATE)
                                .maxFramePayloadLength(MAX_MESSAGE)
                                .build()),
                new NettyEcho());
    }

    @SuppressWarnings("FutureReturnValueIgnored") // what fails closes the channel
    private static final class NettyEcho extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof WebSocketFrame) {
                context.write(message, context.voidPromise());
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    /** Null without TLS. */
    private static SslContext jdkSsl(Setup setup) throws Exception {
        if (setup.mode() != Mode.TLS) {
            return null;
        }
        return new JdkSslContext(
                setup.sslContext(),
                false,
                null,
                IdentityCipherSuiteFilter.INSTANCE,
                null,
                ClientAuth.NONE,
                null,
                false);
    }

    // Vert.x: messages, over Netty with its native transport

    private static int vertx(Setup setup) throws Exception {
        Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
        var options =
                new HttpServerOptions()
                        .setHost(HOST)
                        .setPort(0)
                        .setMaxWebSocketFrameSize(MAX_MESSAGE)
                        .setMaxWebSocketMessageSize(MAX_MESSAGE)
                        .setPerMessageWebSocketCompressionSupported(setup.mode() == Mode.DEFLATE)
                        .setPerFrameWebSocketCompressionSupported(false)
                        .setWebSocketAllowServerNoContext(true)
                        .setWebSocketPreferredClientNoContext(true);
        if (setup.mode() == Mode.TLS) {
            options.setSsl(true)
                    .setKeyCertOptions(
                            new PfxOptions()
                                    .setPath(Certificate.path().toString())
                                    .setPassword(Certificate.PASSWORD));
        }
        return vertx.createHttpServer(options)
                .webSocketHandler(socket -> socket.binaryMessageHandler(socket::writeBinaryMessage))
                .listen()
                .toCompletionStage()
                .toCompletableFuture()
                .get()
                .actualPort();
    }

    // Undertow: messages

    private static int undertow(Setup setup) throws IOException {
        WebSocketProtocolHandshakeHandler handler =
                Handlers.websocket((exchange, channel) -> {
                    channel.getReceiveSetter().set(new UndertowEcho());
                    channel.resumeReceives();
                });
        if (setup.mode() == Mode.DEFLATE) {
            handler.addExtension(new PerMessageDeflateHandshake(false, true, true));
        }
        Undertow.Builder builder = Undertow.builder().setHandler(handler);
        Undertow server =
                (setup.mode() == Mode.TLS
                                ? builder.addHttpsListener(0, HOST, setup.sslContext())
                                : builder.addHttpListener(0, HOST))
                        .build();
        server.start();
        return ((InetSocketAddress) server.getListenerInfo().getFirst().getAddress()).getPort();
    }

    private static final class UndertowEcho extends AbstractReceiveListener {
        @Override
        protected void onFullBinaryMessage(
                WebSocketChannel channel, BufferedBinaryMessage message) {
            var data = message.getData();
            WebSockets.sendBinary(
                    data.getResource(),
                    channel,
                    new WebSocketCallback<Void>() {
                        @Override
                        public void complete(WebSocketChannel which, Void nothing) {
                            data.free();
                        }

                        @Override
                        public void onError(WebSocketChannel which, Void nothing, Throwable why) {
                            data.free();
                        }
                    });
        }

        @Override
        protected long getMaxBinaryBufferSize() {
            return MAX_MESSAGE;
        }
    }

    // Jetty: messages, with the buffers that it read them into

    private static int jetty(Setup setup) throws Exception {
        var server = new Server();
        ServerConnector connector;
        if (setup.mode() == Mode.TLS) {
            var factory = new SslContextFactory.Server();
            factory.setSslContext(setup.sslContext());
            connector =
                    new ServerConnector(
                            server,
                            new SslConnectionFactory(factory, "http/1.1"),
                            new HttpConnectionFactory());
        } else {
            connector = new ServerConnector(server);
        }
        connector.setHost(HOST);
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(
                WebSocketUpgradeHandler.from(
                        server,
                        container -> {
                            container.setMaxBinaryMessageSize(MAX_MESSAGE);
                            container.setMaxFrameSize(MAX_MESSAGE);
                            container.addMapping(
                                    "/", (request, response, callback) -> new JettyEcho());
                        }));
        server.start();
        return connector.getLocalPort();
    }

    /** Jetty wants the class to be public. */
    public static final class JettyEcho implements Session.Listener.AutoDemanding {
        private Session session;

        @Override
        public void onWebSocketOpen(Session opened) {
            session = opened;
        }

        @Override
        public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
            session.sendBinary(payload, callback);
        }
    }

    // Java-WebSocket: messages

    private static int javaWebSocket(Setup setup) throws Exception {
        var started = new CompletableFuture<Integer>();
        List<org.java_websocket.drafts.Draft> drafts;
        if (setup.mode() == Mode.DEFLATE) {
            var deflate = new PerMessageDeflateExtension();
            deflate.setServerNoContextTakeover(true);
            deflate.setClientNoContextTakeover(true);
            drafts = List.of(new Draft_6455(deflate));
        } else {
            drafts = List.of(new Draft_6455());
        }
        var server = new JavaWebSocketEcho(drafts, started);
        if (setup.mode() == Mode.TLS) {
            server.setWebSocketFactory(new DefaultSSLWebSocketServerFactory(setup.sslContext()));
        }
        server.setTcpNoDelay(true);
        server.start();
        return started.get();
    }

    private static final class JavaWebSocketEcho extends org.java_websocket.server.WebSocketServer {
        private final CompletableFuture<Integer> started;

        JavaWebSocketEcho(
                List<org.java_websocket.drafts.Draft> drafts, CompletableFuture<Integer> started) {
            super(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Runtime.getRuntime().availableProcessors(),
                    drafts);
            this.started = started;
        }

        @Override
        public void onStart() {
            started.complete(getPort());
        }

        @Override
        public void onMessage(WebSocket socket, ByteBuffer message) {
            socket.send(message);
        }

        @Override
        public void onMessage(WebSocket socket, String message) {
            socket.send(message);
        }

        @Override
        public void onError(WebSocket socket, Exception why) {
            started.completeExceptionally(why);
        }

        @Override
        public void onOpen(WebSocket socket, ClientHandshake handshake) {}

        @Override
        public void onClose(WebSocket socket, int code, String reason, boolean remote) {}
    }

    // Helidon: frames, on virtual threads

    private static int helidon(Setup setup) throws IOException {
        var builder =
                WebServer.builder()
                        .host(HOST)
                        .port(0)
                        .shutdownHook(false)
                        .addProtocol(WsConfig.builder().maxFrameLength(MAX_MESSAGE).build())
                        .addRouting(WsRouting.builder().endpoint("/", new HelidonEcho()));
        if (setup.mode() == Mode.TLS) {
            builder.tls(Tls.builder().sslContext(setup.sslContext()).build());
        }
        return builder.build().start().port();
    }

    private static final class HelidonEcho implements WsListener {
        @Override
        public void onMessage(WsSession session, BufferData payload, boolean last) {
            session.send(payload, last);
        }
    }

    // Tyrus on Grizzly: messages

    private static int tyrus(Setup setup) throws Exception {
        var server = new org.glassfish.tyrus.server.Server(HOST, -1, "/", null, TyrusEcho.class);
        server.start();
        return server.getPort();
    }

    /** Tyrus wants the class to be public. */
    @ServerEndpoint("/")
    public static final class TyrusEcho {
        /** What is returned is sent. */
        @OnMessage(maxMessageSize = MAX_MESSAGE)
        public ByteBuffer echo(ByteBuffer message) {
            return message;
        }
    }
}
