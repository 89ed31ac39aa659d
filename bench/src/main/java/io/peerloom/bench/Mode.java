package io.peerloom.bench;

/** What a connection does beside carrying messages. */
enum Mode {
    /** Nothing. */
    PLAIN,

    /** TLS, without a client's certificate. */
    TLS,

    /**
     * permessage-deflate (RFC 7692), each message compressed by itself in both directions, so that
     * all do the same work: {@code server_no_context_takeover; client_no_context_takeover}.
     */
    DEFLATE
}
