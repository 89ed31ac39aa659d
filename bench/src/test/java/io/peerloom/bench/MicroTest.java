package io.peerloom.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.internal.protocol.FrameDecoder;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.protocol.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The table, without the minutes that its figures take. */
class MicroTest {

    @Test
    void theReportHoldsMediansBesideTheCopyAndWhatMustBeReached() {
        Map<Micro.Key, Micro.Score> scores =
                Map.of(
                        new Micro.Key("MaskingBenchmark.arraycopy", 16),
                                Micro.Score.of(2.5, 2.0, 4.0),
                        new Micro.Key("MaskingBenchmark.arraycopy", 1_024), Micro.Score.of(10.0),
                        new Micro.Key("MaskingBenchmark.inPlace", 16), Micro.Score.of(3.5),
                        new Micro.Key("MaskingBenchmark.inPlace", 125), Micro.Score.of(6.0),
                        new Micro.Key("MaskingBenchmark.inPlace", 1_024), Micro.Score.of(9.0),
                        new Micro.Key("FrameBenchmark.decode", 1_048_576), Micro.Score.of(40_000.0),
                        new Micro.Key("Utf8Benchmark.check mixed", 125), Micro.Score.of(50.0));
        assertThat(Micro.report(new Machine("Chip", 2, "OS 1", "JDK 0", "commit 1+"), scores))
                .isEqualTo(
                        """
                        # Inner loops

                        Chip, 2 cores; OS 1; JDK 0; commit 1+

                        Nanoseconds per operation (times `arraycopy` of as many bytes), median of a short run:

                        | | 16 B | 125 B | 1 KiB | 4 KiB | 64 KiB | 1 MiB |
                        |---|---:|---:|---:|---:|---:|---:|
                        | `System.arraycopy`, the yardstick | 2.50 (1.00×) |  | 10.0 (1.00×) |  |  |  |
                        | mask in place | 3.50 (1.40×) | 6.00 | 9.00 (0.90×) |  |  |  |
                        | *must reach* | *≤ 3.00 ns* ✗ | *≤ 6.00 ns* ✓ | *≤ 1.00×* ✓ |  |  |  |
                        | decode a masked frame to a message of its own |  |  |  |  |  | 40,000 |
                        | *must reach* |  |  |  |  |  | *≤ 2.00×* ? |
                        | `Utf8.check`, mixed text |  | 50.0 |  |  |  |  |

                        | benchmark | size | least | median | most |
                        |---|---:|---:|---:|---:|
                        | MaskingBenchmark.arraycopy | 16 B | 2.00 | 2.50 | 4.00 |
                        | MaskingBenchmark.arraycopy | 1 KiB | 10.0 | 10.0 | 10.0 |
                        | MaskingBenchmark.inPlace | 16 B | 3.50 | 3.50 | 3.50 |
                        | MaskingBenchmark.inPlace | 125 B | 6.00 | 6.00 | 6.00 |
                        | MaskingBenchmark.inPlace | 1 KiB | 9.00 | 9.00 | 9.00 |
                        | FrameBenchmark.decode | 1 MiB | 40,000 | 40,000 | 40,000 |
                        | Utf8Benchmark.check mixed | 125 B | 50.0 | 50.0 | 50.0 |
                        """);
    }

    /** A benchmark that does something else measures nothing. */
    @Test
    void theLibrariesDoWhatOursDoes() throws Exception {
        for (int size : new int[] {16, 1_024, 65_536}) {
            var frames = new LibraryBenchmark();
            frames.size = size;
            frames.fill();
            int frame = FrameEncoder.frameLength(size, true);
            assertThat(frames.encodeNetty()).isEqualTo(frame);
            byte[] payload = decoded(frames.encodeJetty());
            assertThat(payload).hasSize(size);
            assertThat(decoded(frames.encodeJavaWebSocket())).isEqualTo(payload);
            assertThat(frames.decodeNetty()).isEqualTo(size);
            assertThat(frames.decodeJavaWebSocket()).hasSize(1);
            assertThat(frames.decodeJavaWebSocket().getFirst().getPayloadData())
                    .isEqualTo(ByteBuffer.wrap(payload));
            assertThat(frames.decodeOkHttp().toByteArray()).isEqualTo(payload);
            assertThat(frames.decodeHelidon().readBytes()).isEqualTo(payload);
            assertThat(frames.decodeJetty()).isEqualTo(ByteBuffer.wrap(payload)); // in place
        }
    }

    private static byte[] decoded(ByteBuffer frame) throws ProtocolException {
        byte[] bytes = new byte[frame.remaining()];
        frame.get(bytes);
        var decoder = new FrameDecoder(true, 1 << 20, 1);
        assertThat(decoder.decode(bytes, 0, bytes.length)).isEqualTo(FrameDecoder.Event.BINARY);
        return decoder.payload();
    }

    @Test
    void messagesAreDeflatedAndInflatedByAll() throws Exception {
        var deflate = new DeflateBenchmark();
        deflate.size = 4_096;
        deflate.fill();
        byte[] message = LoadGenerator.payload(4_096, Mode.DEFLATE);
        assertThat(deflate.inflate()).isEqualTo(message);
        assertThat(deflate.inflateJdk()).isEqualTo(message.length);
        assertThat(deflate.inflateNetty()).isEqualTo(message.length);
        assertThat(deflate.inflateJavaWebSocket()).isEqualTo(ByteBuffer.wrap(message));
        int length = deflate.deflateJdk() - 4; // without the tail
        assertThat(deflate.deflate()).hasSizeGreaterThanOrEqualTo(length);
        assertThat(deflate.deflateNetty()).isEqualTo(length);
        assertThat(deflate.deflateJavaWebSocket().remaining()).isEqualTo(length);
    }
}
