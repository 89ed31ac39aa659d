package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.link.PlaintextException;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.HeadParser;
import io.peerloom.internal.protocol.PermessageDeflate;
import io.peerloom.internal.protocol.RequestHead;
import io.peerloom.internal.protocol.ServerHandshake;
import io.peerloom.stream.StreamPeer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server's side of one opening: reads the request, has it judged, answers it. */
final class ServerSide extends Handshaking {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketServer.class);

    /**
     * What plain HTTP gets on a port that speaks TLS. Clients show the reason phrase rather than
     * the body.
     */
    private static final byte[] SPEAKS_TLS =
            """
            HTTP/1.1 400 This port speaks TLS
            Connection: close
            Content-Type: text/plain; charset=utf-8
            Content-Length: 42

            this port speaks TLS: use wss: or https:
            """
                    .replace("\n", "\r\n")
                    .getBytes(StandardCharsets.US_ASCII);

    private static final int SPEAKS_TLS_BODY = 42;

    /** As {@link UpgradeRequest#plainName} makes them; empty for any. */
    private final Set<String> hosts;

    private final UpgradeHandler handler;
    private final String remoteAddress;

    /** Null over a stream. */
    private final Wire accepted;

    /**
     * On a socket that a server has accepted.
     *
     * @throws IllegalArgumentException if a header cannot be sent
     */
    ServerSide(
            Options options,
            UpgradeHandler handler,
            Set<String> hosts,
            Wire accepted,
            String remoteAddress) {
        this(options, null, handler, hosts, accepted, remoteAddress);
    }

    /**
     * Over a stream, for any upgrade.
     *
     * @throws IllegalArgumentException if a header cannot be sent
     */
    ServerSide(Options options, StreamPeer carrier, String remoteAddress) {
        this(options, carrier, request -> UpgradeResponse.accept(), Set.of(), null, remoteAddress);
    }

    private ServerSide(
            Options options,
            StreamPeer carrier,
            UpgradeHandler handler,
            Set<String> hosts,
            Wire accepted,
            String remoteAddress) {
        super(options, carrier);
        ServerHandshake.checkHeaders(headers);
        this.handler = handler;
        this.hosts =
                hosts.stream()
                        .map(UpgradeRequest::plainName)
                        .collect(Collectors.toUnmodifiableSet());
        this.accepted = accepted;
        this.remoteAddress = remoteAddress;
    }

    @Override
    Wire socket(WebSocketConnection connection) {
        return accepted;
    }

    @Override
    Wire secured(Wire plain) {
        SSLContext context = options.sslContext();
        if (context == null) {
            return plain;
        }
        try {
            return TlsWire.server(
                    plain,
                    context,
                    options.clientAuth() == Options.ClientAuth.WANTED,
                    options.clientAuth() == Options.ClientAuth.REQUIRED);
        } catch (Throwable e) { // a context that cannot be used
            plain.close();
            throw e;
        }
    }

    /** Shakes TLS hands, and tells who speaks plain HTTP that this is the wrong way. */
    private static SSLSession shakeTls(WebSocketConnection connection, TlsWire tls)
            throws IOException {
        try {
            tls.handshake();
            return tls.session();
        } catch (PlaintextException e) {
            connection.claimAnswer();
            if (e.isHttp()) {
                int body = e.isHead() ? SPEAKS_TLS_BODY : 0;
                tls.answerInPlain(Arrays.copyOf(SPEAKS_TLS, SPEAKS_TLS.length - body));
            }
            throw e;
        }
    }

    @Override
    String shakeHands(WebSocketConnection connection, SSLSession beneath)
            throws IOException, HandshakeException {
        Limits limits = options.limits();
        HeadParser parser = HeadParser.request(limits.maxHeadBytes(), limits.maxHeaders());
        SSLSession session =
                connection.wire() instanceof TlsWire tls ? shakeTls(connection, tls) : beneath;
        try {
            readHead(connection.wire(), parser);
            RequestHead head = parser.requestHead();
            var plain = new UpgradeRequest(head, remoteAddress, false, session);
            boolean upgrade = !isPlain(head);
            if (upgrade) {
                ServerHandshake.check(head);
            } else {
                ServerHandshake.checkTarget(head);
            }
            if (!hosts.isEmpty() && !hosts.contains(UpgradeRequest.plainName(plain.host()))) {
                throw new HandshakeException(421, "host not served here: " + plain.host());
            }
            if (!upgrade) {
                return answerPlain(connection, plain);
            }
            if (!isOriginAllowed(head, session != null)) {
                throw new HandshakeException(
                        403, "origin not allowed: " + head.first("Origin").orElse(""));
            }
            Compression wish = options.compression();
            Optional<PermessageDeflate.Agreement> deflate =
                    wish == null ? Optional.empty() : wish.wish().accept(head);
            var asked = new UpgradeRequest(head, remoteAddress, true, session);
            UpgradeResponse response = decide(asked);
            if (response.status() != 101) {
                refuse(connection, head.method(), response);
                throw new HandshakeException(
                        response.status(), "refused with status " + response.status());
            }
            String protocol =
                    ServerHandshake.selectProtocol(head, options.protocols()).orElse(null);
            var extra = new ArrayList<>(headers);
            extra.addAll(response.headers());
            if (!response.compression()) {
                deflate = Optional.empty();
            }
            deflate.ifPresent(connection::compress);
            byte[] answer =
                    ServerHandshake.accept(
                            head,
                            protocol,
                            deflate.map(PermessageDeflate.Agreement::text).orElse(null),
                            extra);
            asked.pack();
            connection.request(asked);
            connection.claimAnswer();
            write(connection.wire(), answer);
            return protocol == null ? "" : protocol;
        } catch (HandshakeException e) {
            if (!connection.wasAnswered()) {
                String method = parser.isHead() ? "HEAD" : "GET";
                refuse(connection, method, page(e.status(), e.getMessage()));
            }
            throw e;
        }
    }

    /**
     * A request that does not even try to upgrade: a browser that was pointed here, a load
     * balancer's probe, of any method. An offer of another protocol, as of h2c by Java's own
     * client, may be ignored (RFC 9110 section 7.8).
     */
    private static boolean isPlain(RequestHead head) {
        return !head.hasToken("Upgrade", "websocket") && head.first("Sec-WebSocket-Key").isEmpty();
    }

    private boolean isOriginAllowed(RequestHead head, boolean secure) throws HandshakeException {
        try {
            return ServerHandshake.originAllowed(head, secure, options.origins()::allows);
        } catch (RuntimeException e) {
            LOG.warn("origin policy failed for {}", head, e);
            throw new HandshakeException(500, "the server failed");
        }
    }

    private String answerPlain(WebSocketConnection connection, UpgradeRequest request)
            throws IOException, HandshakeException {
        UpgradeResponse response = decide(request);
        if (response.status() == 101) {
            boolean get = request.method().equals("GET") || request.method().equals("HEAD");
            response =
                    page(
                            get ? 426 : 405,
                            "this is a WebSocket server; connect with "
                                    + (request.isSecure() ? "wss://" : "ws://"));
        }
        refuse(connection, request.method(), response);
        return null;
    }

    /** A handler that throws is the server's fault, and not the client's business. */
    private UpgradeResponse decide(UpgradeRequest request) throws HandshakeException {
        try {
            return Objects.requireNonNull(handler.handle(request), "the answer");
        } catch (Throwable e) { // checked ones too: not every language declares them
            LOG.warn(
                    "the upgrade handler failed for {} from {}",
                    request,
                    request.remoteAddress(),
                    e);
            throw new HandshakeException(500, "the server failed");
        } finally {
            Thread.interrupted(); // it may have left that, which would close the channel
        }
    }

    private static UpgradeResponse page(int status, String text) {
        return UpgradeResponse.respond(
                status,
                "text/plain; charset=utf-8",
                (text + '\n').getBytes(StandardCharsets.UTF_8));
    }

    private static void refuse(
            WebSocketConnection connection, String method, UpgradeResponse response)
            throws IOException {
        byte[] answer =
                ServerHandshake.refuse(
                        method,
                        response.status(),
                        response.headers(),
                        response.body(),
                        response.contentType());
        connection.claimAnswer();
        write(connection.wire(), answer);
        linger(connection.wire());
    }
}
