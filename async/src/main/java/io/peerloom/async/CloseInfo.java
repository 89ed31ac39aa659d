package io.peerloom.async;

import java.util.Objects;
import java.util.Optional;

/**
 * How a WebSocket ended (RFC 6455 sections 7.1.4 to 7.1.6). Immutable.
 *
 * @param code the close code: the other side's if its close frame came; the one that we sent if it
 *     broke the protocol; 1005 if its close frame had none; 1006 if there was no close frame
 * @param reason the reason that belongs to the code, {@code ""} if there is none
 * @param byPeer whether the other side ended it: by closing first, or by going away without a close
 *     frame
 * @param clean whether it ended with a close frame of the other side
 * @param failure what broke it; empty if nothing did, which a connection that was given up may be
 *     without being clean
 */
public record CloseInfo(
        int code, String reason, boolean byPeer, boolean clean, Optional<Throwable> failure) {

    /**
     * Checks the components.
     *
     * @throws NullPointerException if the reason or the failure is null
     */
    public CloseInfo {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(failure, "failure");
    }
}
