/**
 * What every peer has in common: how it is asked ({@link io.peerloom.Peer}), how it answers ({@link
 * io.peerloom.ErrorCode}), and what bounds it ({@link io.peerloom.Limits}).
 *
 * <p>A peer is one end of a connection. Its socket is read and written by virtual threads, which
 * publish facts that never go back: connecting, connected, ended and why. The thread that uses the
 * peer folds these facts in when it calls {@link io.peerloom.Peer#poll()}, so that between two
 * polls nothing moves under it.
 */
package io.peerloom;
