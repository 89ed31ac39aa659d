package io.peerloom.bench;

import static org.assertj.core.api.Assertions.assertThat;

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
}
