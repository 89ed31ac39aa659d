/**
 * What Peerloom's speed is judged by. Nothing here is shipped.
 *
 * <p>{@link io.peerloom.bench.Micro} runs the JMH benchmarks of the inner loops and writes them
 * beside {@code System.arraycopy} of the same size and beside other libraries. {@link
 * io.peerloom.bench.Sockets} measures {@link io.peerloom.bench.Servers} and {@link
 * io.peerloom.bench.Clients}, ours and those of other libraries, in processes of their own, beside
 * an echo of raw bytes on virtual threads. Both are ratios within one run on one machine, since
 * absolute figures move with the machine.
 */
package io.peerloom.bench;
