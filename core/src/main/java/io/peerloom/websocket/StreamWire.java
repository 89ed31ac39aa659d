package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.internal.link.Wire;
import io.peerloom.stream.StreamPeerSocket;
import java.io.IOException;
import java.util.Optional;

/**
 * A stream peer as the wire of a WebSocket. On virtual threads its blocking calls use the socket
 * directly, so that nothing is handed over in between.
 */
final class StreamWire implements Wire {

    private final StreamPeerSocket stream;

    StreamWire(StreamPeerSocket stream) {
        this.stream = stream;
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        int n = stream.read(dst, offset, length, Limits.NEVER);
        if (n < 0) {
            Optional<Throwable> failure = stream.getFailure();
            if (failure.isPresent()) {
                throw new IOException(failure.get());
            }
        }
        return n;
    }

    @Override
    public int write(byte[] src, int offset, int length) throws IOException {
        if (stream.putData(src, offset, length) != ErrorCode.OK) {
            throw new IOException("the stream is not connected any more", cause());
        }
        return length;
    }

    private Throwable cause() {
        return stream.getFailure().orElse(null);
    }

    /**
     * A stream peer, like Godot's, has no half-open state: what was written is sent, then closed.
     */
    @Override
    public void shutdownOutput() {
        stream.disconnectFromHost();
    }

    @Override
    public void close() {
        stream.disconnectFromHost();
    }
}
