package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.HttpSyntax;
import io.peerloom.stream.TLSOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a client asks for, or a server answers, beside the address. Immutable; the {@code with}
 * methods return changed copies.
 */
public final class WebSocketOptions {

    private static final WebSocketOptions DEFAULTS =
            new WebSocketOptions(
                    List.of(), List.of(), Limits.defaults(), null, null, OriginPolicy.sameHost());

    private final List<String> protocols;
    private final List<String> headers;
    private final Limits limits;
    private final Compression compression;
    private final TLSOptions tls;
    private final OriginPolicy origins;

    private WebSocketOptions(
            List<String> protocols,
            List<String> headers,
            Limits limits,
            Compression compression,
            TLSOptions tls,
            OriginPolicy origins) {
        this.protocols = protocols.stream().map(String::strip).toList();
        this.headers = List.copyOf(headers);
        this.limits = Objects.requireNonNull(limits, "limits");
        this.compression = compression;
        this.tls = tls;
        this.origins = Objects.requireNonNull(origins, "origins");
    }

    /**
     * {@return no subprotocol, no header, the default limits, no compression, the JDK's trust,
     * pages of the server's own host}
     */
    public static WebSocketOptions defaults() {
        return DEFAULTS;
    }

    /**
     * {@return the subprotocols that are supported, the preferred one first (RFC 6455 section 1.9)}
     * A client offers them, a server picks the first of the client's that is among them.
     */
    public List<String> protocols() {
        return protocols;
    }

    /**
     * {@return more header lines for the handshake, each {@code "Name: value"}} Names and values
     * are checked when the connection is opened.
     */
    public List<String> headers() {
        return headers;
    }

    /** {@return what the connection may cost} */
    public Limits limits() {
        return limits;
    }

    /** {@return how to compress messages, if the other side agrees; null not to} */
    public Compression compression() {
        return compression;
    }

    /**
     * {@return of a client: whom to trust, and which certificate to show, for {@code wss:} URLs;
     * null for the JDK's default} Of a server: its certificate, which makes it speak TLS and
     * nothing else; null for a server without TLS.
     */
    public TLSOptions tls() {
        return tls;
    }

    /** {@return which web pages may connect to a server} */
    public OriginPolicy origins() {
        return origins;
    }

    /**
     * These options with other subprotocols.
     *
     * @param supported the preferred one first
     * @return the changed copy
     */
    public WebSocketOptions withProtocols(String... supported) {
        return withProtocols(List.of(supported));
    }

    /**
     * These options with other subprotocols.
     *
     * @param supported the preferred one first
     * @return the changed copy
     */
    public WebSocketOptions withProtocols(List<String> supported) {
        return new WebSocketOptions(supported, headers, limits, compression, tls, origins);
    }

    /**
     * These options with other header lines.
     *
     * @param lines each {@code "Name: value"}
     * @return the changed copy
     */
    public WebSocketOptions withHeaders(List<String> lines) {
        return new WebSocketOptions(protocols, lines, limits, compression, tls, origins);
    }

    /**
     * These options with one more header.
     *
     * @param name its name
     * @param value its value; what cannot be sent is refused when connecting or listening
     * @return the changed copy
     * @throws IllegalArgumentException if the name has a colon, which would end it
     */
    public WebSocketOptions withHeader(String name, String value) {
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
    public WebSocketOptions withLimits(Limits other) {
        return new WebSocketOptions(protocols, headers, other, compression, tls, origins);
    }

    /**
     * These options with compression (RFC 7692).
     *
     * @param wish how; null for none
     * @return the changed copy
     */
    public WebSocketOptions withCompression(Compression wish) {
        return new WebSocketOptions(protocols, headers, limits, wish, tls, origins);
    }

    /**
     * These options with TLS: a client's or a server's, for the side that they are given to. A
     * JDK's {@code SSLContext} makes them by {@link TLSOptions#client(javax.net.ssl.SSLContext)} or
     * {@link TLSOptions#server(javax.net.ssl.SSLContext)}. Names are always checked, and there is
     * no way to trust everybody.
     *
     * @param other for clients: whom to trust; for servers: the certificate; null for none
     * @return the changed copy
     */
    public WebSocketOptions withTls(TLSOptions other) {
        return new WebSocketOptions(protocols, headers, limits, compression, other, origins);
    }

    /**
     * These options with another choice of web pages whose scripts may connect to a server, {@link
     * WebSocketServer} and {@link WebSocketPeer#acceptStream} alike.
     *
     * @param allowed which pages
     * @return the changed copy
     */
    public WebSocketOptions withOrigins(OriginPolicy allowed) {
        return new WebSocketOptions(protocols, headers, limits, compression, tls, allowed);
    }

    /** Godot's {@code inbound_buffer_size}: a message is bounded as what it has to fit into. */
    WebSocketOptions withInboundBufferSize(int bytes) {
        return withLimits(limits.withInboundBytes(bytes).withMaxMessageBytes(bytes));
    }

    /** Godot's {@code outbound_buffer_size}. */
    WebSocketOptions withOutboundBufferSize(int bytes) {
        return withLimits(limits.withOutboundBytes(bytes));
    }

    /** Godot's {@code max_queued_packets}. */
    WebSocketOptions withMaxQueuedPackets(int packets) {
        return withLimits(limits.withInboundMessages(packets).withOutboundMessages(packets));
    }

    /** Godot 3's {@code set_buffers}. */
    WebSocketOptions withBuffers(int inKib, int inPackets, int outKib, int outPackets) {
        WebSocketOptions sized =
                withInboundBufferSize(Math.multiplyExact(inKib, 1 << 10))
                        .withOutboundBufferSize(Math.multiplyExact(outKib, 1 << 10));
        return sized.withLimits(
                sized.limits.withInboundMessages(inPackets).withOutboundMessages(outPackets));
    }

    /** A pool for a connection, or for the connections of a server; null without compression. */
    DeflatePool deflatePool() {
        return compression == null ? null : compression.pool();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof WebSocketOptions that
                && protocols.equals(that.protocols)
                && headers.equals(that.headers)
                && limits.equals(that.limits)
                && Objects.equals(compression, that.compression)
                && Objects.equals(tls, that.tls)
                && origins.equals(that.origins);
    }

    @Override
    public int hashCode() {
        return Objects.hash(protocols, headers, limits, compression, tls, origins);
    }

    /** {@return every option with its value; of the headers the names, as values may be secrets} */
    @Override
    public String toString() {
        return "WebSocketOptions[protocols="
                + protocols
                + ", headers="
                + headers.stream().map(line -> HttpSyntax.quote(line.split(":", 2)[0])).toList()
                + ", limits="
                + limits
                + ", compression="
                + compression
                + ", tls="
                + tls
                + ", origins="
                + origins
                + "]";
    }
}
