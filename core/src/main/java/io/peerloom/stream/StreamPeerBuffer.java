package io.peerloom.stream;

import io.peerloom.ErrorCode;
import java.util.Arrays;
import java.util.Objects;

/**
 * A stream in memory: Godot's {@code StreamPeerBuffer}. It encodes and decodes records that travel
 * some other way, and it stands in for a socket in tests.
 *
 * <p>There is one position. Puts overwrite what follows it and append at the end; gets read on from
 * it; both advance it. Nothing blocks, and the end of the data is not the end of the stream, since
 * more may be put: {@link #getPartialData(byte[], int, int)} gives 0 there, never -1.
 *
 * <p>The storage doubles as it fills, up to a limit that is set at construction, 256 MiB by
 * default. Beyond it a put is {@link ErrorCode#OUT_OF_MEMORY}.
 *
 * <p>Not thread-safe: one thread at a time, for puts as for gets, with a safe hand-over between
 * them.
 */
public final class StreamPeerBuffer extends StreamPeer {
    private static final int DEFAULT_MAX_SIZE = 256 << 20;

    /** Beyond it a virtual machine may refuse an array for its length alone. */
    private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

    private final int maxSize;

    /** The storage. From {@link #size} on it holds zeros, so that growing never shows old bytes. */
    private byte[] data = {};

    private int size;

    /**
     * Never beyond the storage, but beyond {@link #size} after a shrinking {@link #resize(int)}.
     */
    private int position;

    /** Creates an empty buffer that may grow to 256 MiB. */
    public StreamPeerBuffer() {
        this(DEFAULT_MAX_SIZE);
    }

    /**
     * Creates an empty buffer. Godot's has no such limit.
     *
     * @param maxSize how many bytes it may grow to
     * @throws IllegalArgumentException if that is negative
     */
    public StreamPeerBuffer(int maxSize) {
        if (maxSize < 0) {
            throw new IllegalArgumentException("limit of " + maxSize + " bytes");
        }
        this.maxSize = Math.min(maxSize, MAX_ARRAY);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Never blocks. All or nothing: {@link ErrorCode#OUT_OF_MEMORY} when the data would exceed
     * the limit.
     */
    @Override
    public ErrorCode putData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        if (length > 0) {
            if (length > maxSize - position) {
                return ErrorCode.OUT_OF_MEMORY;
            }
            growTo(position + length);
            System.arraycopy(data, offset, this.data, position, length);
            position += length;
        }
        return ErrorCode.OK;
    }

    /**
     * {@inheritDoc}
     *
     * <p>All of them, or as many as the limit leaves room for, and 0 when it is reached.
     */
    @Override
    public int putPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        int fits = Math.min(length, maxSize - position);
        putData(data, offset, fits);
        return fits;
    }

    /**
     * {@inheritDoc}
     *
     * <p>Never blocks. {@link ErrorCode#INVALID_PARAMETER}, Godot's answer, when there are fewer
     * bytes; those that are left have then been read all the same.
     */
    @Override
    public ErrorCode getData(byte[] data, int offset, int length) {
        return getPartialData(data, offset, length) == length
                ? ErrorCode.OK
                : ErrorCode.INVALID_PARAMETER;
    }

    /**
     * {@inheritDoc}
     *
     * <p>Never -1.
     */
    @Override
    public int getPartialData(byte[] data, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, data.length);
        int count = Math.min(length, getAvailableBytes());
        System.arraycopy(this.data, position, data, offset, count);
        position += count;
        return count;
    }

    /**
     * The number of bytes from the position to the end of the data.
     *
     * @return the number of bytes; 0 where Godot's is negative, after shrinking below the position
     */
    @Override
    public int getAvailableBytes() {
        return Math.max(0, size - position);
    }

    /**
     * Moves the position: Godot's {@code seek}, with an outcome.
     *
     * @param position the new position, 0 to {@link #getSize()}
     * @return {@link ErrorCode#OK}, or {@link ErrorCode#INVALID_PARAMETER} outside of the data,
     *     with the position where it was
     */
    public ErrorCode seek(int position) {
        if (position < 0 || position > size) {
            return ErrorCode.INVALID_PARAMETER;
        }
        this.position = position;
        return ErrorCode.OK;
    }

    /**
     * The length of the data: Godot's {@code get_size}.
     *
     * @return the number of bytes, before and after the position
     */
    public int getSize() {
        return size;
    }

    /**
     * Where the next put or get begins: Godot's {@code get_position}.
     *
     * @return the position, from 0 on
     */
    public int getPosition() {
        return position;
    }

    /**
     * Cuts the data or extends them with zeros: Godot's {@code resize}, with an outcome. The
     * position stays, even beyond the new end; a put there fills the gap with zeros.
     *
     * @param size the new length in bytes
     * @return {@link ErrorCode#OK}; otherwise nothing has changed: {@link
     *     ErrorCode#INVALID_PARAMETER} for a negative length, {@link ErrorCode#OUT_OF_MEMORY} for
     *     one beyond the limit
     */
    public ErrorCode resize(int size) {
        if (size < 0) {
            return ErrorCode.INVALID_PARAMETER;
        }
        if (size > maxSize) {
            return ErrorCode.OUT_OF_MEMORY;
        }
        if (size < this.size) {
            Arrays.fill(data, size, this.size, (byte) 0);
            this.size = size;
        } else {
            growTo(size);
        }
        return ErrorCode.OK;
    }

    /**
     * Replaces the data and goes to their start: Godot's {@code set_data_array}.
     *
     * @param data the new data; copied
     * @throws IllegalArgumentException if they exceed the limit
     */
    public void setDataArray(byte[] data) {
        if (data.length > maxSize) {
            throw new IllegalArgumentException(
                    data.length + " bytes in a buffer limited to " + maxSize);
        }
        this.data = data.clone();
        size = data.length;
        position = 0;
    }

    /**
     * The data from start to end, wherever the position is: Godot's {@code get_data_array}.
     *
     * @return a copy
     */
    public byte[] getDataArray() {
        return Arrays.copyOf(data, size);
    }

    /** Drops the data and lets go of the storage: Godot's {@code clear}. The byte order stays. */
    public void clear() {
        data = new byte[0];
        size = 0;
        position = 0;
    }

    /**
     * A new buffer with a copy of the data, at its start: Godot's {@code duplicate}. Its limit is
     * the same; as in Godot it is little-endian, whatever this one is.
     *
     * @return the new buffer
     */
    public StreamPeerBuffer duplicate() {
        StreamPeerBuffer copy = new StreamPeerBuffer(maxSize);
        copy.data = getDataArray();
        copy.size = size;
        return copy;
    }

    /** Makes the data at least so long, with zeros. The caller has checked the limit. */
    private void growTo(int newSize) {
        if (newSize > data.length) {
            long doubled = Math.min(maxSize, 2L * data.length);
            data = Arrays.copyOf(data, (int) Math.max(newSize, doubled));
        }
        size = Math.max(size, newSize);
    }
}
