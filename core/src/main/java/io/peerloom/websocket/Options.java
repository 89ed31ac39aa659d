package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.HttpSyntax;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.SSLContext;

/**
 * What a client asks for, or a server answers, beside the address. Immutable; the {@code with}
 * methods return changed copies.
 *
 * @param protocols the subprotocols that are supported, the preferred one first (RFC 6455 section
 *     1.9); a client offers them, a server picks the first of the client's that is among them
 * @param headers more header lines for the handshake, each {@code "Name: value"}; names and values
 *     are checked when the connection is opened
 * @param limits what the connection may cost
 * @param compression how to compress messages, if the other side agrees; null not to
 * @param sslContext of a client: whom to trust, and which certificate to show, for {@code wss:}
 *     URLs; null for the JDK's default. Of a server: its certificate, which makes it speak TLS and
 *     nothing else; null for a server without TLS
 * @param clientAuth what a server with TLS wants of its clients' certificates
 * @param origins which web pages may connect to a server
 */
public record Options(
        List<String> protocols,
        List<String> headers,
        Limits limits,
        Compression compression,
        SSLContext sslContext,
        ClientAuth clientAuth,
        OriginPolicy origins) {

    /** What a server with TLS wants of its clients' certificates. */
    public enum ClientAuth {
        /** Nothing. */
        NONE,
        /** They may show one. */
        WANTED,
        /** They must show one that the {@link Options#sslContext} trusts. */
        REQUIRED
    }

    /**
     * Takes copies.
     *
     * @param protocols see above
     * @param headers see above
     * @param limits see above
     * @param compression see above
     * @param sslContext see above
     * @param clientAuth see above
     * @param origins see above
     */
    public Options {
        protocols = protocols.stream().map(String::strip).toList();
        headers = List.copyOf(headers);
        Objects.requireNonNull(limits, "limits");
        Objects.requireNonNull(clientAuth, "clientAuth");
        Objects.requireNonNull(origins, "origins");
    }

    /**
     * {@return no subprotocol, no header, the default limits, no compression, the JDK's trust,
     * pages of the server's own host}
     */
    public static Options defaults() {
        return new Options(
                List.of(),
                List.of(),
                Limits.defaults(),
                null,
                null,
                ClientAuth.NONE,
                OriginPolicy.sameHost());
    }

    /**
     * These options with other subprotocols.
     *
     * @param supported the preferred one first
     * @return the changed copy
     */
    public Options withProtocols(String... supported) {
        return withProtocols(List.of(supported));
    }

    /**
     * These options with other subprotocols.
     *
     * @param supported the preferred one first
     * @return the changed copy
     */
    public Options withProtocols(List<String> supported) {
        return new Options(
                supported, headers, limits, compression, sslContext, clientAuth, origins);
    }

    /**
     * These options with other header lines.
     *
     * @param lines each {@code "Name: value"}
     * @return the changed copy
     */
    public Options withHeaders(List<String> lines) {
        return new Options(protocols, lines, limits, compression, sslContext, clientAuth, origins);
    }

    /**
     * These options with one more header.
     *
     * @param name its name
     * @param value its value; what cannot be sent is refused when connecting or listening
     * @return the changed copy
     * @throws IllegalArgumentException if the name has a colon, which would end it
     */
    public Options withHeader(String name, String value) {
        if (name.indexOf(':') >= 0) {
            throw new IllegalArgumentException(
                    "header name with a colon: " + HttpSyntax.quote(name));
        }
        var more = new ArrayList<>(headers);
        more.add(name + ": " + value);
        return withHeaders(more);
    }

    /**
     * These options with other limits.
     *
     * @param other the limits
     * @return the changed copy
     */
    public Options withLimits(Limits other) {
        return new Options(protocols, headers, other, compression, sslContext, clientAuth, origins);
    }

    /**
     * These options with compression (RFC 7692).
     *
     * @param wish how; null for none
     * @return the changed copy
     */
    public Options withCompression(Compression wish) {
        return new Options(protocols, headers, limits, wish, sslContext, clientAuth, origins);
    }

    /**
     * These options with TLS settings. There is no way to trust everybody: a test's certificate
     * goes into the context's trust store. Names are always checked.
     *
     * @param context for clients: whom to trust; for servers: the certificate
     * @return the changed copy
     */
    public Options withSslContext(SSLContext context) {
        return new Options(protocols, headers, limits, compression, context, clientAuth, origins);
    }

    /**
     * These options with another demand on clients' certificates.
     *
     * @param demand what a server wants
     * @return the changed copy
     */
    public Options withClientAuth(ClientAuth demand) {
        return new Options(protocols, headers, limits, compression, sslContext, demand, origins);
    }

    /**
     * These options with another choice of web pages whose scripts may connect to a server, {@link
     * WebSocketServer} and {@link WebSocketPeer#acceptStream} alike.
     *
     * @param allowed which pages
     * @return the changed copy
     */
    public Options withOrigins(OriginPolicy allowed) {
        return new Options(
                protocols, headers, limits, compression, sslContext, clientAuth, allowed);
    }

    /** Godot's {@code inbound_buffer_size}: a message is bounded as what it has to fit into. */
    Options withInboundBufferSize(int bytes) {
        return withLimits(limits.withInboundBytes(bytes).withMaxMessageBytes(bytes));
    }

    /** Godot's {@code outbound_buffer_size}. */
    Options withOutboundBufferSize(int bytes) {
        return withLimits(limits.withOutboundBytes(bytes));
    }

    /** Godot's {@code max_queued_packets}. */
    Options withMaxQueuedPackets(int packets) {
        return withLimits(limits.withInboundMessages(packets).withOutboundMessages(packets));
    }

    /** Godot 3's {@code set_buffers}. */
    Options withBuffers(int inKib, int inPackets, int outKib, int outPackets) {
        Options sized =
                withInboundBufferSize(Math.multiplyExact(inKib, 1 << 10))
                        .withOutboundBufferSize(Math.multiplyExact(outKib, 1 << 10));
        return sized.withLimits(
                sized.limits.withInboundMessages(inPackets).withOutboundMessages(outPackets));
    }

    /** A pool for a connection, or for the connections of a server; null without compression. */
    DeflatePool deflatePool() {
        return compression == null ? null : compression.pool();
    }
}
