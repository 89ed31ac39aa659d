/**
 * What Peerloom's speed is judged by. Nothing here is shipped.
 *
 * <p>{@link io.peerloom.bench.Micro} runs the JMH benchmarks of the inner loops, in minutes, and
 * writes them beside {@code System.arraycopy} of the same size. {@link io.peerloom.bench.Sockets}
 * measures echo servers in processes of their own, and writes them beside an echo of raw bytes on
 * virtual threads. Both are ratios within one run on one machine, since absolute figures move with
 * the machine.
 */
package io.peerloom.bench;
