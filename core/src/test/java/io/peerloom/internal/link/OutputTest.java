package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What an output gathers, and in how many calls it writes it, on a wire that is an array. */
class OutputTest {

    private static final int MOST = 128 * 1024;

    /** Takes at most so many bytes a call. */
    private static final class MemoryWire implements Wire {
        private final ByteArrayOutputStream all = new ByteArrayOutputStream();
        private final int most;
        private int calls;
        private boolean broken;

        MemoryWire(int most) {
            this.most = most;
        }

        @Override
        public int read(byte[] dst, int offset, int length) {
            return -1;
        }

        @Override
        public int write(byte[] src, int offset, int length) throws IOException {
            if (broken) {
                throw new IOException("broken");
            }
            int n = Math.min(most, length);
            all.write(src, offset, n);
            calls++;
            return n;
        }

        @Override
        public int write(byte[] head, int headLength, byte[] src, int offset, int length)
                throws IOException {
            int first = write(head, 0, headLength);
            if (first < headLength) {
                return first;
            }
            int second = Math.min(most - first, length);
            all.write(src, offset, second);
            return first + second;
        }

        @Override
        public void shutdownOutput() {}

        @Override
        public void close() {}
    }

    private final Watchdog watchdog = new Watchdog(Duration.ofMinutes(10));

    /** Only to have a wire and a clock. */
    private static final class WiredLink extends Link<byte[]> {
        WiredLink(Watchdog watchdog, Wire wire) {
            super(watchdog, 1, 1, Duration.ofMinutes(10));
            connected(wire);
        }

        @Override
        protected void ended() {}

        @Override
        protected void encode(byte[] element, Output out) {}

        @Override
        protected int weight(byte[] element) {
            return element.length;
        }
    }

    private Output output(MemoryWire wire) {
        return new Output(new WiredLink(watchdog, wire));
    }

    private static byte[] bytes(int length, int first) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (first + i * 7);
        }
        return bytes;
    }

    /** As an encoder does that needs its place in one piece. */
    private static void gather(Output output, byte[] bytes) throws IOException {
        byte[] to = output.room(bytes.length);
        System.arraycopy(bytes, 0, to, output.filled(), bytes.length);
        output.filled(output.filled() + bytes.length);
    }

    @Test
    void keepsTheOrderOfAllSizesHoweverLittleTheWireTakes() throws IOException {
        int[] sizes = {0, 1, 511, 512, 513, 16_383, 16_384, 16_385, 65_536, MOST, MOST + 1};
        for (int most : new int[] {1_000, 20_000, Integer.MAX_VALUE}) {
            var random = new Random(most);
            var wire = new MemoryWire(most);
            Output output = output(wire);
            var expected = new ByteArrayOutputStream();
            for (int i = 0; i < 300; i++) {
                byte[] bytes = bytes(sizes[random.nextInt(sizes.length)], i);
                expected.writeBytes(bytes);
                if (random.nextBoolean()) {
                    output.write(bytes, 0, bytes.length);
                } else {
                    gather(output, bytes);
                }
                if (random.nextInt(10) == 0) {
                    output.flush();
                }
            }
            output.flush();
            assertThat(wire.all.toByteArray()).isEqualTo(expected.toByteArray());
            assertThat(output.written()).isEqualTo(expected.size());
            assertThat(output.isWriting()).isFalse();
        }
    }

    @Test
    void littleIsGatheredAndMuchGoesFromItsOwnArray() throws IOException {
        var wire = new MemoryWire(Integer.MAX_VALUE);
        Output output = output(wire);
        for (int i = 0; i < 100; i++) {
            output.write(bytes(100, i), 0, 100);
        }
        assertThat(wire.calls).isZero();
        output.write(bytes(1 << 20, 0), 0, 1 << 20);
        assertThat(wire.calls).as("together with what was gathered").isEqualTo(1);
        output.flush();
        assertThat(wire.calls).as("nothing was left").isEqualTo(1);
    }

    @Test
    void whatWasHeldBackIsCountedUntilItIsWritten() throws IOException {
        var wire = new MemoryWire(Integer.MAX_VALUE);
        Output output = output(wire);
        output.holdBack();
        assertThat(output.isHeldBack()).as("nothing is there").isFalse();
        gather(output, bytes(10, 0));
        output.holdBack();
        gather(output, bytes(10, 10));
        output.holdBack();
        assertThat(output.held()).isEqualTo(2);
        assertThat(output.isHeldBack()).isTrue();
        output.flush();
        assertThat(output.held()).isZero();
        assertThat(output.isHeldBack()).isFalse();
    }

    @Test
    void aBufferIsHeldWhileSomethingIsInIt() throws IOException {
        Output output = output(new MemoryWire(Integer.MAX_VALUE));
        assertThat(output.hasBuffer()).isFalse();
        gather(output, bytes(10, 0));
        output.trim();
        assertThat(output.hasBuffer()).isTrue();
        output.flush();
        output.trim();
        assertThat(output.hasBuffer()).isFalse();
        gather(output, bytes(MOST + 1, 0));
        output.flush();
        assertThat(output.hasBuffer()).as("one that is too large goes at once").isFalse();
    }

    @Test
    void aWriteThatFailsStalls() throws IOException {
        var wire = new MemoryWire(Integer.MAX_VALUE);
        wire.broken = true;
        Output output = output(wire);
        gather(output, bytes(10, 0));
        long now = watchdog.now();
        assertThatThrownBy(output::flush).hasMessage("broken");
        assertThat(output.isWriting()).isTrue();
        assertThat(output.isStalled(now + 1_000, 1_000)).isFalse();
        assertThat(output.isStalled(now + 1_002, 1_000)).isTrue();
        output.failed();
        output.drop();
        assertThat(output.isWriting()).isFalse();
        assertThat(output.isStalled(now + 1_002, 1_000)).isFalse();
        assertThat(output.filled()).isZero();
    }
}
