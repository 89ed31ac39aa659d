package io.peerloom.websocket;

import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Connector;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.ClientHandshake;
import io.peerloom.internal.protocol.HandshakeException;
import io.peerloom.internal.protocol.HeadParser;
import io.peerloom.internal.protocol.ResponseBody;
import io.peerloom.internal.protocol.ResponseHead;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerTLS;
import io.peerloom.stream.TLSOptions;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The client's side of one opening: connects, sends the request, verifies the answer. */
final class ClientSide extends Handshaking {

    private static final Logger LOG = LoggerFactory.getLogger(WebSocketPeer.class);

    private final WebSocketUrl url;
    private final TLSOptions tls;
    private final boolean noDelay;

    /** Whether it adds TLS of its own; a stream that has TLS gets no more. */
    private final boolean addsTls;

    private final ClientHandshake handshake;

    /**
     * @param tls for {@code wss:}, instead of the options' context; null for that
     * @param noDelay for a socket of its own
     * @param stream as for {@link Handshaking}; null to connect to the URL's host
     * @throws IllegalArgumentException if a header or subprotocol cannot be sent
     */
    ClientSide(
            WebSocketUrl url, Options options, TLSOptions tls, boolean noDelay, StreamPeer stream) {
        super(options, stream);
        this.url = url;
        this.tls = tls;
        this.noDelay = noDelay;
        addsTls = url.secure() && !(stream instanceof StreamPeerTLS);
        byte[] nonce = new byte[16];
        new SecureRandom().nextBytes(nonce);
        handshake =
                ClientHandshake.of(
                        url.hostHeader(),
                        url.target(),
                        options.protocols(),
                        headers,
                        options.compression() == null ? null : options.compression().wish(),
                        nonce);
    }

    @Override
    Wire socket(WebSocketConnection connection) throws IOException {
        Connector connector = connection.connector();
        SocketChannel channel = connector.connect(connector.resolve(url.host(), url.port()), null);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, noDelay);
        return new ChannelWire(channel);
    }

    /** On the connection's thread: the default context may have files to read. */
    @Override
    Wire secured(Wire plain) throws IOException {
        if (!addsTls) {
            return plain;
        }
        try {
            if (tls != null) {
                String override = tls.getCommonNameOverride();
                return TlsWire.client(
                        plain,
                        tls.getSslContext(),
                        override.isEmpty() ? url.host() : override,
                        url.port());
            }
            SSLContext context = options.sslContext();
            SSLContext trusted = context != null ? context : SSLContext.getDefault();
            return TlsWire.client(plain, trusted, url.host(), url.port());
        } catch (NoSuchAlgorithmException | IllegalArgumentException | IllegalStateException e) {
            plain.close(); // no default context, or a host that is no name for TLS
            throw new IOException("no TLS with " + url.host() + ": " + e.getMessage(), e);
        }
    }

    @Override
    String shakeHands(WebSocketConnection connection, SSLSession beneath)
            throws IOException, HandshakeException {
        Wire wire = connection.wire();
        write(wire, handshake.request());
        int most = options.limits().maxHeadBytes();
        HeadParser parser = HeadParser.response(most, options.limits().maxHeaders());
        readHead(wire, parser);
        ResponseHead answer = parser.responseHead();
        try {
            String protocol = handshake.verify(answer).orElse("");
            handshake.deflate(answer).ifPresent(connection::compress);
            connection.response(new HandshakeResponse(answer, new byte[0], true));
            return protocol;
        } catch (HandshakeException e) {
            var body = new ResponseBody(answer, most);
            readBody(connection, body, () -> failure(e, answer, body));
            throw failure(e, answer, body);
        }
    }

    /**
     * Reads the body of an answer that opened nothing.
     *
     * @param failure makes the connection's failure of what has come of the body so far
     */
    private void readBody(
            WebSocketConnection connection, ResponseBody body, Supplier<IOException> failure) {
        boolean done = body.feed(buffer, position, limit);
        byte[] bytes = new byte[READ_SIZE];
        try {
            while (!done) {
                connection.refused(failure.get());
                int n = connection.wire().read(bytes, 0, bytes.length);
                done = n < 0 || body.feed(bytes, 0, n);
                if (n < 0) {
                    body.end();
                }
            }
        } catch (IOException e) {
            LOG.debug("! {}", e.getMessage()); // the answer is there, however its body ends
        }
    }

    private static UpgradeFailedException failure(
            HandshakeException why, ResponseHead answer, ResponseBody body) {
        return new UpgradeFailedException(
                why.getMessage(), new HandshakeResponse(answer, body.bytes(), body.isComplete()));
    }
}
