package io.peerloom.internal.protocol;

/** The status codes of close frames (RFC 6455 section 7.4 and the IANA registry behind it). */
public final class CloseCode {
    /** The purpose of the connection is fulfilled. */
    public static final int NORMAL = 1000;

    /** A server goes down, or a browser leaves the page. */
    public static final int GOING_AWAY = 1001;

    /** The other side broke the protocol. */
    public static final int PROTOCOL_ERROR = 1002;

    /** A kind of data that the receiver cannot take, such as binary where only text makes sense. */
    public static final int UNSUPPORTED = 1003;

    /** Never sent: stands for a close frame without a code. */
    public static final int NO_STATUS = 1005;

    /** Never sent: stands for a connection that ended without a close frame. */
    public static final int ABNORMAL = 1006;

    /** Data that contradicts its type, such as text that is not UTF-8. */
    public static final int INVALID_DATA = 1007;

    /** A message against the receiver's policy, where no other code fits. */
    public static final int POLICY = 1008;

    /** A message over the receiver's limit. */
    public static final int TOO_BIG = 1009;

    /** A client misses an extension that the server did not accept. */
    public static final int MANDATORY_EXTENSION = 1010;

    /** Something unexpected inside the sender. */
    public static final int INTERNAL_ERROR = 1011;

    /** The server restarts: come back after a while. */
    public static final int SERVICE_RESTART = 1012;

    /** The server is overloaded: come back later. */
    public static final int TRY_AGAIN_LATER = 1013;

    /** A gateway got a bad answer from the server behind it. */
    public static final int BAD_GATEWAY = 1014;

    /** Never sent: stands for a TLS handshake that failed. */
    public static final int TLS = 1015;

    private CloseCode() {}

    /**
     * Whether a close frame may carry this code: 1000 to 1003, 1007 to 1014, and 3000 to 4999,
     * which libraries and applications share. The others are reserved, or must never be sent.
     *
     * @param code any number
     * @return whether it may stand in a frame
     */
    public static boolean isValidOnWire(int code) {
        return (code >= 1000 && code <= 1003)
                || (code >= 1007 && code <= 1014)
                || (code >= 3000 && code <= 4999);
    }
}
