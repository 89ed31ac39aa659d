package io.peerloom.websocket;

import io.peerloom.Limits;
import io.peerloom.internal.protocol.DeflatePool;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

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
 */
public record Options(
        List<String> protocols, List<String> headers, Limits limits, Compression compression) {

    /**
     * Takes copies.
     *
     * @param protocols see above
     * @param headers see above
     * @param limits see above
     * @param compression see above
     */
    public Options {
        protocols = protocols.stream().map(String::strip).toList();
        headers = List.copyOf(headers);
        Objects.requireNonNull(limits, "limits");
    }

    /** {@return no subprotocol, no header, the default limits, no compression} */
    public static Options defaults() {
        return new Options(List.of(), List.of(), Limits.defaults(), null);
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
        return new Options(supported, headers, limits, compression);
    }

    /**
     * These options with other header lines.
     *
     * @param lines each {@code "Name: value"}
     * @return the changed copy
     */
    public Options withHeaders(List<String> lines) {
        return new Options(protocols, lines, limits, compression);
    }

    /**
     * These options with one more header.
     *
     * @param name its name
     * @param value its value
     * @return the changed copy
     */
    public Options withHeader(String name, String value) {
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
        return new Options(protocols, headers, other, compression);
    }

    /**
     * These options with compression (RFC 7692).
     *
     * @param wish how; null for none
     * @return the changed copy
     */
    public Options withCompression(Compression wish) {
        return new Options(protocols, headers, limits, wish);
    }

    /** A pool for a connection, or for the connections of a server; null without compression. */
    DeflatePool deflatePool() {
        return compression == null ? null : compression.pool();
    }
}
