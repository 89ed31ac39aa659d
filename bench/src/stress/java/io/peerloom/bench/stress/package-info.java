/**
 * What threads may do to each other, tried out: jcstress runs each test some million times, with
 * its actors on threads of their own, and knows which outcomes are right. Lincheck walks through
 * the interleavings of the queue.
 */
package io.peerloom.bench.stress;
