/**
 * The peers of core, seen through {@link java.util.concurrent.CompletableFuture}. A code that core
 * would return becomes a future that failed with {@link io.peerloom.async.PeerException}; a clean
 * close is not a failure.
 */
package io.peerloom.async;
