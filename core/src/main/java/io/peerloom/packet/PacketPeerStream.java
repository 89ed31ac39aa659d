package io.peerloom.packet;

import io.peerloom.ErrorCode;
import io.peerloom.stream.StreamPeer;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Packets over a stream: Godot's {@code PacketPeerStream}. Each is its length, four bytes
 * little-endian whatever the stream's byte order, and its bytes.
 *
 * <pre>{@code
 * var packets = new PacketPeerStream(stream);
 * while (packets.getAvailablePacketCount() > 0) game.apply(packets.getVar());
 * packets.putVar(Variant.of(Map.of("x", 3.5)));
 * }</pre>
 *
 * <p>The stream is the caller's to connect, to poll and to close. What it gives is read as far as
 * the input buffer has room, in {@link #getAvailablePacketCount()} and {@link #getPacket()}; the
 * rest stays in the stream, and so the other side has to wait. The memory of the buffer is taken as
 * the bytes come, and let go of when it is empty.
 *
 * <p><b>A length that cannot be.</b> Nothing behind a length that is negative or larger than {@link
 * #getInputBufferMaxSize()} makes sense any more. The packets before it can still be taken; then
 * {@link #getPacket()} tells {@link ErrorCode#INVALID_DATA}, nothing is read from the stream any
 * more, and only {@link #setStreamPeer} with another one (or null and the same again) begins anew.
 * Godot waits for such a packet for ever, also for one that is only a byte larger than it can take
 * though its own kind may send it; here every packet of {@link #getOutputBufferMaxSize()} bytes
 * fits into an input buffer of the same setting.
 *
 * <p><b>Outcomes</b> of {@link #getPacket()}: {@link ErrorCode#UNCONFIGURED} without a stream;
 * {@link ErrorCode#UNAVAILABLE} when no packet is complete; if the stream is not connected, {@link
 * ErrorCode#FILE_EOF} after a part of a packet, else {@link ErrorCode#FAILED}, where Godot says
 * {@code ERR_UNAVAILABLE} to both; {@link ErrorCode#INVALID_DATA} as above. Of {@link #putPacket}:
 * {@link ErrorCode#UNCONFIGURED} without a stream, {@link ErrorCode#INVALID_PARAMETER} for a packet
 * larger than {@link #getOutputBufferMaxSize()}, or what the stream's {@code putData} tells, which
 * may block as that does.
 *
 * <p><b>Threads</b>: {@link #putPacket} is for any thread for which the stream's {@code putData}
 * is, and packets do not mix where its calls do not. Everything else belongs to one receiving
 * thread.
 */
public final class PacketPeerStream extends PacketPeer {
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int HEADER = Integer.BYTES;

    /** With its headers; Godot's {@code network/limits/packet_peer_stream/max_buffer_po2}. */
    private static final int DEFAULT_BUFFER = 1 << 16;

    private static final int LARGEST_BUFFER = 1 << 30;

    private static final int SMALL = 1 << 12;

    /** Written by the receiving thread, read by whichever threads put. */
    private volatile StreamPeer stream;

    /** How much a packet with its header may have. Written by anyone, read by all that put. */
    private volatile int outputSize = DEFAULT_BUFFER;

    // The rest is the receiving thread's.

    /** How much the buffer may hold. */
    private int inputSize = DEFAULT_BUFFER;

    /** What was read: taken up to {@link #from}, complete packets up to {@link #whole}. */
    private byte[] buffer = {};

    private int from;
    private int whole;
    private int to;

    /** The number of complete packets. */
    private int count;

    /** At {@link #whole} is a length that cannot be. */
    private boolean broken;

    /** The stream said so when it was last read. */
    private boolean ended;

    /** Creates one without a stream. */
    public PacketPeerStream() {}

    /**
     * Creates one over a stream.
     *
     * @param stream the stream
     */
    public PacketPeerStream(StreamPeer stream) {
        this.stream = stream;
    }

    /** {@return the stream, or null} Godot: {@code get_stream_peer}. */
    public StreamPeer getStreamPeer() {
        return stream;
    }

    /**
     * Chooses the stream. With another one than before, what was read and not taken is dropped.
     * Godot: {@code set_stream_peer}.
     *
     * @param peer the stream, or null for none
     */
    public void setStreamPeer(StreamPeer peer) {
        if (peer != stream) {
            buffer = new byte[0];
            from = 0;
            whole = 0;
            to = 0;
            count = 0;
            broken = false;
            ended = false;
        }
        stream = peer;
    }

    /**
     * The largest packet that is received. Godot: {@code get_input_buffer_max_size}.
     *
     * @return the size in bytes; 65,532 unless it was set
     */
    public int getInputBufferMaxSize() {
        return inputSize - HEADER;
    }

    /**
     * Sets how much is read ahead, and so the largest packet that is received. Godot: {@code
     * set_input_buffer_max_size}.
     *
     * @param maxSizeBytes the size in bytes, 0 to 1,073,741,820, rounded up so that with four more
     *     it is a power of two; any other number, or while something is read and not taken, leaves
     *     it as it was, as in Godot
     */
    public void setInputBufferMaxSize(int maxSizeBytes) {
        if (from == to) {
            inputSize = bufferSize(maxSizeBytes, inputSize);
            buffer = new byte[0];
            from = 0;
            whole = 0;
            to = 0;
        }
    }

    /**
     * The largest packet that is sent. A Godot with an input buffer of the same size receives one
     * byte less. Godot: {@code get_output_buffer_max_size}.
     *
     * @return the size in bytes; 65,532 unless it was set
     */
    public int getOutputBufferMaxSize() {
        return outputSize - HEADER;
    }

    /**
     * Sets the largest packet that is sent. Any thread. Godot: {@code set_output_buffer_max_size}.
     *
     * @param maxSizeBytes the size in bytes, 0 to 1,073,741,820, rounded up so that with four more
     *     it is a power of two; any other number leaves it as it was
     */
    public void setOutputBufferMaxSize(int maxSizeBytes) {
        outputSize = bufferSize(maxSizeBytes, outputSize);
    }

    private static int bufferSize(int payload, int otherwise) {
        if (payload < 0 || payload > LARGEST_BUFFER - HEADER) {
            return otherwise;
        }
        int least = payload + HEADER;
        int below = Integer.highestOneBit(least);
        return below == least ? below : below << 1;
    }

    /**
     * {@inheritDoc}
     *
     * <p>Reads from the stream first.
     */
    @Override
    public int getAvailablePacketCount() {
        fill();
        return count;
    }

    @Override
    protected ErrorCode checkPacket() {
        if (stream == null) {
            return ErrorCode.UNCONFIGURED;
        }
        if (count == 0) {
            fill();
        }
        if (count > 0) {
            return ErrorCode.OK;
        }
        if (broken) {
            return ErrorCode.INVALID_DATA;
        }
        if (ended) {
            return from == to ? ErrorCode.FAILED : ErrorCode.FILE_EOF;
        }
        return ErrorCode.UNAVAILABLE;
    }

    @Override
    protected byte[] takePacket() {
        int start = from + HEADER;
        int end = start + (int) INT.get(buffer, from);
        byte[] packet = Arrays.copyOfRange(buffer, start, end);
        from = end;
        count--;
        if (from == to) {
            from = 0;
            whole = 0;
            to = 0;
            if (buffer.length > SMALL) {
                buffer = new byte[0];
            }
        }
        return packet;
    }

    @Override
    protected ErrorCode sendPacket(byte[] packet) {
        StreamPeer current = stream;
        if (current == null) {
            return ErrorCode.UNCONFIGURED;
        }
        if (packet.length > getOutputBufferMaxSize()) {
            return ErrorCode.INVALID_PARAMETER;
        }
        var frame = new byte[HEADER + packet.length];
        INT.set(frame, 0, packet.length);
        System.arraycopy(packet, 0, frame, HEADER, packet.length);
        return current.putData(frame);
    }

    /** Reads as much as there is and fits, and finds the packets in it. */
    private void fill() {
        while (stream != null && !broken && makeRoom()) {
            int n = stream.getPartialData(buffer, to, buffer.length - to);
            ended = n < 0;
            if (n <= 0) {
                return;
            }
            to += n;
            findPackets();
        }
    }

    private void findPackets() {
        while (to - whole >= HEADER) {
            int length = (int) INT.get(buffer, whole);
            if (length < 0 || length > getInputBufferMaxSize()) {
                broken = true;
                return;
            }
            if (length > to - whole - HEADER) {
                return;
            }
            whole += HEADER + length;
            count++;
        }
    }

    /**
     * Sees to it that there is room behind what was read: in a larger buffer, or by moving what was
     * read to the front. The latter has to be worth it as long as there are packets to take.
     */
    private boolean makeRoom() {
        if (to < buffer.length) {
            return true;
        }
        int held = to - from;
        int size = buffer.length;
        if (held > size / 2 || size == 0) {
            int more = Math.max(held, Math.max(SMALL, stream.getAvailableBytes()));
            size = held + Math.min(inputSize - held, more);
        }
        if (size > buffer.length) {
            var larger = new byte[size];
            System.arraycopy(buffer, from, larger, 0, held);
            buffer = larger;
        } else if (from > 0 && (from >= held || count == 0)) {
            System.arraycopy(buffer, from, buffer, 0, held);
        } else {
            return false;
        }
        whole -= from;
        to = held;
        from = 0;
        return true;
    }
}
