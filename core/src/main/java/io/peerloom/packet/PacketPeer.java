package io.peerloom.packet;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.util.Objects;

/**
 * Something that sends and receives whole packets: Godot's {@code PacketPeer}.
 *
 * <p>The rules that all of them share are here: the outcome of a {@link #getPacket()} is kept, an
 * empty packet is not sent, and the size of encoded values is bounded. A subclass moves the
 * packets: it implements {@link #getAvailablePacketCount()}, {@link #checkPacket()}, {@link
 * #takePacket()} and {@link #sendPacket(byte[])}, and can override nothing else. Anybody may write
 * one, for a transport of one's own. Godot: {@code PacketPeerExtension}.
 *
 * <h2>Threads</h2>
 *
 * {@link #putPacket(byte[])} and {@link #putVar(Variant)} may be called by any thread for which the
 * subclass allows it. {@link #getAvailablePacketCount()}, {@link #getPacket()}, {@link #getVar()}
 * and {@link #getPacketError()} belong to one receiving thread at a time.
 */
public abstract class PacketPeer {
    private static final int MIN_ENCODE_BUFFER_MAX_SIZE = 1 << 10;

    private static final int MAX_ENCODE_BUFFER_MAX_SIZE = 256 << 20;

    /** Receiving thread only. */
    private ErrorCode packetError = ErrorCode.OK;

    /** Read by whichever threads put. */
    private volatile int encodeBufferMaxSize = 8 << 20;

    /** Written by anyone, read by whichever threads put and by the one that gets. */
    private volatile VariantCodec variantCodec = VariantCodec.GODOT4;

    /** Receiving thread only. */
    private boolean objectDecodingAllowed;

    /** For subclasses. */
    protected PacketPeer() {}

    /**
     * How many packets {@link #getPacket()} can take now: Godot's {@code
     * get_available_packet_count}. Does not block.
     *
     * @return the number of complete packets
     */
    public abstract int getAvailablePacketCount();

    /**
     * Takes the oldest packet that has arrived: Godot's {@code get_packet}. Does not block.
     *
     * @return its bytes, which are the caller's from now on; an empty array when there is none, and
     *     then {@link #getPacketError()} tells why
     */
    public final byte[] getPacket() {
        packetError = checkPacket();
        return packetError == ErrorCode.OK ? takePacket() : new byte[0];
    }

    /**
     * What became of the last {@link #getPacket()} or {@link #getVar()}: Godot's {@code
     * get_packet_error}, of which its documentation says the same, while its {@code get_var} leaves
     * it alone. It tells an empty packet from none, and null from no value. No other method changes
     * it.
     *
     * @return {@link ErrorCode#OK} after a packet and before the first call, {@link
     *     ErrorCode#UNAVAILABLE} when none was waiting, what {@link #getVar(boolean)} tells of
     *     values, or what else the subclass documents
     */
    public final ErrorCode getPacketError() {
        return packetError;
    }

    /**
     * Sends a packet: Godot's {@code put_packet}. As in Godot, an empty one is {@link ErrorCode#OK}
     * and nothing is sent, whatever the state of the peer.
     *
     * @param packet its bytes; not kept
     * @return {@link ErrorCode#OK} when all of it was taken, or what the subclass documents; then
     *     nothing of it was
     */
    public final ErrorCode putPacket(byte[] packet) {
        return packet.length == 0 ? ErrorCode.OK : sendPacket(packet);
    }

    /**
     * Takes the oldest packet as a value, which has no full objects: Godot's {@code get_var}.
     *
     * @return the value; {@link Variant.Nil} after a failure, which {@link #getPacketError()} tells
     */
    public final Variant getVar() {
        return getVar(false);
    }

    /**
     * Takes the oldest packet as a value: Godot's {@code get_var}. Does not block.
     *
     * @param allowObjects whether the value may have objects with all that they hold; also true if
     *     the {@link #getVariantCodec() codec} or {@link #isObjectDecodingAllowed()} says so
     * @return the value; {@link Variant.Nil} after a failure, which {@link #getPacketError()}
     *     tells: if there is a packet, but it holds no value, or one beyond the limits of the
     *     codec, that is the {@link VariantException#code()}, and the packet is taken all the same
     */
    public final Variant getVar(boolean allowObjects) {
        byte[] packet = getPacket();
        if (packetError == ErrorCode.OK) {
            VariantCodec codec = variantCodec;
            try {
                return codec.withFullObjects(
                                allowObjects || objectDecodingAllowed || codec.fullObjects())
                        .decode(packet);
            } catch (VariantException e) {
                packetError = e.code();
            }
        }
        return Variant.Nil.NIL;
    }

    /**
     * Sends a value as a packet: Godot's {@code put_var}.
     *
     * @param value the value
     * @return the outcome as of {@link #putVar(Variant, boolean)}
     */
    public final ErrorCode putVar(Variant value) {
        return putVar(value, false);
    }

    /**
     * Sends a value as a packet: Godot's {@code put_var}.
     *
     * @param value the value
     * @param fullObjects whether objects are sent with all that they hold; also true if the {@link
     *     #getVariantCodec() codec} says so
     * @return the outcome of {@link #putPacket(byte[])}; {@link ErrorCode#OUT_OF_MEMORY} if the
     *     value has more than {@link #getEncodeBufferMaxSize()} bytes; if the codec cannot encode
     *     it, the {@link VariantException#code()}, such as {@link ErrorCode#INVALID_PARAMETER} for
     *     a type that Godot 3 does not have. Then nothing was sent
     */
    public final ErrorCode putVar(Variant value, boolean fullObjects) {
        VariantCodec codec = variantCodec;
        try {
            return putPacket(
                    codec.withFullObjects(fullObjects || codec.fullObjects())
                            .withMaxBytes(encodeBufferMaxSize)
                            .encode(value));
        } catch (VariantException e) {
            return e.code();
        }
    }

    /**
     * How {@link #putVar(Variant)} and {@link #getVar()} encode. Not Godot's.
     *
     * @return the codec; {@link VariantCodec#GODOT4} unless it was set
     */
    public final VariantCodec getVariantCodec() {
        return variantCodec;
    }

    /**
     * Chooses how {@link #putVar(Variant)} and {@link #getVar()} encode: which Godot is at the
     * other end, and the limits; the size of what is sent is bounded by {@link
     * #getEncodeBufferMaxSize()} instead of the codec. Any thread may call it; it counts for the
     * calls that begin afterwards. Not Godot's.
     *
     * @param codec such as {@link VariantCodec#GODOT3}
     */
    public final void setVariantCodec(VariantCodec codec) {
        variantCodec = Objects.requireNonNull(codec, "codec");
    }

    /**
     * Whether every {@link #getVar()} may have full objects: Godot 3's {@code
     * is_object_decoding_allowed}.
     *
     * @return what was set, false at first
     */
    public final boolean isObjectDecodingAllowed() {
        return objectDecodingAllowed;
    }

    /**
     * Lets every {@link #getVar()} have full objects: Godot 3's {@code set_allow_object_decoding},
     * which Godot 4 has not; {@link #getVar(boolean)} says it for one.
     *
     * @param enable true to allow them
     */
    public final void setAllowObjectDecoding(boolean enable) {
        objectDecodingAllowed = enable;
    }

    /**
     * The size that an encoded value may have: Godot's {@code get_encode_buffer_max_size}. Packets
     * that are bytes already are not bounded by it.
     *
     * @return the size in bytes, a power of two; 8 MiB unless it was set
     */
    public final int getEncodeBufferMaxSize() {
        return encodeBufferMaxSize;
    }

    /**
     * Bounds the size of an encoded value: Godot's {@code set_encode_buffer_max_size}. Any thread
     * may call it.
     *
     * @param maxSize the size in bytes, 1,024 to 268,435,456 (256 MiB), which is rounded up to a
     *     power of two; any other number, as in Godot, leaves it as it was
     */
    public final void setEncodeBufferMaxSize(int maxSize) {
        if (maxSize >= MIN_ENCODE_BUFFER_MAX_SIZE && maxSize <= MAX_ENCODE_BUFFER_MAX_SIZE) {
            int below = Integer.highestOneBit(maxSize);
            encodeBufferMaxSize = below == maxSize ? below : below << 1;
        }
    }

    /**
     * For subclasses: whether a packet can be taken. Called by the receiving thread; does not
     * block, and takes nothing.
     *
     * @return {@link ErrorCode#OK} when {@link #takePacket()} will give one, {@link
     *     ErrorCode#UNAVAILABLE} when none waits, or why there can be none
     */
    protected abstract ErrorCode checkPacket();

    /**
     * For subclasses: takes the oldest packet. Called by the receiving thread, right after {@link
     * #checkPacket()} answered {@link ErrorCode#OK}.
     *
     * @return the packet, perhaps of length 0; nobody else may hold the array
     */
    protected abstract byte[] takePacket();

    /**
     * For subclasses: sends a packet, all of it or nothing. May be called by any thread for which
     * the subclass documents it.
     *
     * @param packet the bytes, at least one; the caller may change the array after the return
     * @return {@link ErrorCode#OK} when it was taken, otherwise why not
     */
    protected abstract ErrorCode sendPacket(byte[] packet);
}
