package io.peerloom.examples;

import io.peerloom.ErrorCode;
import io.peerloom.Peer.Status;
import io.peerloom.stream.StreamPeerUDS;
import java.nio.file.Path;
import java.util.OptionalInt;

/** Streams in a game loop: TCP and Unix sockets alike. */
public final class StreamGame {

    private StreamGame() {}

    /** Tells a score server who plays, and waits for the score while the game goes on. */
    public static OptionalInt score(Path socket, String player, Runnable tick) {
        try (var stream = new StreamPeerUDS()) {
            stream.connectToHost(socket);
            while (stream.poll() == ErrorCode.OK && stream.getStatus() == Status.CONNECTING) {
                tick.run();
            }
            stream.putUtf8String(player);
            while (stream.poll() == ErrorCode.OK && stream.getStatus() == Status.CONNECTED) {
                if (stream.getAvailableBytes() >= Integer.BYTES) {
                    return OptionalInt.of(stream.get32());
                }
                tick.run();
            }
            return OptionalInt.empty(); // it went away; why is in stream.getFailure()
        }
    }
}
