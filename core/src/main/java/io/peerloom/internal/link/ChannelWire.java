package io.peerloom.internal.link;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * A socket channel in blocking mode, TCP or Unix domain: on a virtual thread its reads and writes
 * park the thread and nothing else.
 */
public final class ChannelWire implements Wire {

    /**
     * The most that one call may move. The channel copies what it moves through a direct buffer of
     * that size, which it keeps per carrier thread; without a bound, a partial write of a large
     * message would copy all of the rest again and again.
     */
    private static final int SLICE = 128 * 1024;

    private final SocketChannel channel;

    /**
     * Takes over a connected channel.
     *
     * @param channel in blocking mode, owned by this object from now on
     */
    public ChannelWire(SocketChannel channel) {
        this.channel = channel;
    }

    /** {@return the channel, for its addresses and options} */
    public SocketChannel channel() {
        return channel;
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        return channel.read(ByteBuffer.wrap(dst, offset, Math.min(length, SLICE)));
    }

    @Override
    public int write(byte[] src, int offset, int length) throws IOException {
        return channel.write(ByteBuffer.wrap(src, offset, Math.min(length, SLICE)));
    }

    @Override
    public int write(byte[] head, int headLength, byte[] src, int offset, int length)
            throws IOException {
        ByteBuffer first = ByteBuffer.wrap(head, 0, headLength);
        ByteBuffer second = ByteBuffer.wrap(src, offset, Math.min(length, SLICE));
        return (int) channel.write(new ByteBuffer[] {first, second});
    }

    @Override
    public void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException ignored) {
            // the descriptor is gone either way, and what was sent cannot be called back
        }
    }
}
