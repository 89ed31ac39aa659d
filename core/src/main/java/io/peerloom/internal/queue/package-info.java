/**
 * Where threads meet: the bounded lock-free queue and the one place that parks.
 *
 * <p>Threads of Peerloom share nothing else than these queues, a few published facts that never go
 * back, and the role flags described in {@code io.peerloom.internal.link}.
 */
package io.peerloom.internal.queue;
