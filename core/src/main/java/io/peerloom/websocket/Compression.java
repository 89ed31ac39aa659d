package io.peerloom.websocket;

import io.peerloom.internal.protocol.DeflatePool;
import io.peerloom.internal.protocol.PermessageDeflate;
import java.util.Objects;

/**
 * How messages are compressed, if the other side agrees: permessage-deflate (RFC 7692). It is off
 * unless it is {@linkplain WebSocketOptions#withCompression asked for}. Immutable; the {@code with}
 * methods return changed copies.
 *
 * <p>By default neither side keeps its context: each message is compressed by itself, with a
 * compressor that is borrowed for the moment, and an idle connection holds none. Keeping the
 * context makes small, similar messages much smaller, at about 300 KiB of memory outside the heap
 * for each connection and side that does.
 *
 * <p>A message is sent as it is if it is shorter than the threshold, unless it {@linkplain
 * Message#compressed says otherwise}, and if it would not become shorter.
 */
public final class Compression {

    /** What RFC 7692 allows and many implementations of zlib do not do. */
    private static final int NEVER_PROPOSED = PermessageDeflate.MIN_BITS;

    /** How many compressors to keep for each processor while they are in use. */
    private static final int POOLED = 2;

    private static final Compression DEFAULTS =
            new Compression(
                    -1, 1024, true, true, PermessageDeflate.MAX_BITS, PermessageDeflate.MAX_BITS);

    private final int level;
    private final int threshold;
    private final boolean serverNoContextTakeover;
    private final boolean clientNoContextTakeover;
    private final int serverMaxWindowBits;
    private final int clientMaxWindowBits;

    private Compression(
            int level,
            int threshold,
            boolean serverNoContextTakeover,
            boolean clientNoContextTakeover,
            int serverMaxWindowBits,
            int clientMaxWindowBits) {
        if (level < -1 || level > 9) {
            throw new IllegalArgumentException("compression level " + level);
        }
        if (threshold < 1) {
            throw new IllegalArgumentException("compression threshold " + threshold);
        }
        checkBits(serverMaxWindowBits);
        checkBits(clientMaxWindowBits);
        this.level = level;
        this.threshold = threshold;
        this.serverNoContextTakeover = serverNoContextTakeover;
        this.clientNoContextTakeover = clientNoContextTakeover;
        this.serverMaxWindowBits = serverMaxWindowBits;
        this.clientMaxWindowBits = clientMaxWindowBits;
    }

    private static void checkBits(int bits) {
        if (bits <= NEVER_PROPOSED || bits > PermessageDeflate.MAX_BITS) {
            throw new IllegalArgumentException("window bits " + bits);
        }
    }

    /** {@return no context on either side, full windows, from 1 KiB on} */
    public static Compression defaults() {
        return DEFAULTS;
    }

    /** {@return 0 to 9, from fast to small; -1 for zlib's own choice, which is 6} */
    public int level() {
        return level;
    }

    /** {@return the least number of bytes to compress, at least 1} */
    public int threshold() {
        return threshold;
    }

    /** {@return whether the server shall keep no context} */
    public boolean serverNoContextTakeover() {
        return serverNoContextTakeover;
    }

    /** {@return whether the client shall keep no context} */
    public boolean clientNoContextTakeover() {
        return clientNoContextTakeover;
    }

    /**
     * {@return how far back the server shall look for repetitions: 2 to this power, 9 to 15}
     * Smaller is worse and spares the client memory.
     */
    public int serverMaxWindowBits() {
        return serverMaxWindowBits;
    }

    /** {@return how far back the client shall look, as {@link #serverMaxWindowBits}} */
    public int clientMaxWindowBits() {
        return clientMaxWindowBits;
    }

    /**
     * This with another level.
     *
     * @param other 0 to 9, or -1
     * @return the changed copy
     * @throws IllegalArgumentException if it is another number
     */
    public Compression withLevel(int other) {
        return new Compression(
                other,
                threshold,
                serverNoContextTakeover,
                clientNoContextTakeover,
                serverMaxWindowBits,
                clientMaxWindowBits);
    }

    /**
     * This with another threshold.
     *
     * @param bytes at least 1
     * @return the changed copy
     * @throws IllegalArgumentException if it is less
     */
    public Compression withThreshold(int bytes) {
        return new Compression(
                level,
                bytes,
                serverNoContextTakeover,
                clientNoContextTakeover,
                serverMaxWindowBits,
                clientMaxWindowBits);
    }

    /**
     * This with the context kept or not.
     *
     * @param server whether the server shall keep it
     * @param client whether the client shall
     * @return the changed copy
     */
    public Compression withContextTakeover(boolean server, boolean client) {
        return new Compression(
                level, threshold, !server, !client, serverMaxWindowBits, clientMaxWindowBits);
    }

    /**
     * This with other windows.
     *
     * @param server 9 to 15
     * @param client 9 to 15
     * @return the changed copy
     * @throws IllegalArgumentException if one is another number
     */
    public Compression withWindowBits(int server, int client) {
        return new Compression(
                level, threshold, serverNoContextTakeover, clientNoContextTakeover, server, client);
    }

    PermessageDeflate wish() {
        return new PermessageDeflate(
                serverNoContextTakeover,
                clientNoContextTakeover,
                serverMaxWindowBits,
                clientMaxWindowBits);
    }

    DeflatePool pool() {
        return new DeflatePool(level, POOLED * Runtime.getRuntime().availableProcessors());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Compression that
                && level == that.level
                && threshold == that.threshold
                && serverNoContextTakeover == that.serverNoContextTakeover
                && clientNoContextTakeover == that.clientNoContextTakeover
                && serverMaxWindowBits == that.serverMaxWindowBits
                && clientMaxWindowBits == that.clientMaxWindowBits;
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                level,
                threshold,
                serverNoContextTakeover,
                clientNoContextTakeover,
                serverMaxWindowBits,
                clientMaxWindowBits);
    }

    /** {@return every setting with its value} */
    @Override
    public String toString() {
        return "Compression[level="
                + level
                + ", threshold="
                + threshold
                + ", serverNoContextTakeover="
                + serverNoContextTakeover
                + ", clientNoContextTakeover="
                + clientNoContextTakeover
                + ", serverMaxWindowBits="
                + serverMaxWindowBits
                + ", clientMaxWindowBits="
                + clientMaxWindowBits
                + "]";
    }
}
