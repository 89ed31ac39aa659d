package io.peerloom.async;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.PublicSurface;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The public surface is a file, as core's is. {@code mvn -pl core,async test
 * -Dtest=PublicSurfaceTest -Dpeerloom.api.write=true} writes both anew.
 */
class PublicSurfaceTest {

    @Test
    void isAsTheFileSays() throws IOException {
        List<List<String>> both =
                PublicSurface.compare(
                        AsyncWebSocketPeer.class,
                        Path.of("src/test/resources/io/peerloom/async/api.txt"));
        assertThat(both.get(0))
                .as("public surface, which -Dpeerloom.api.write=true writes anew")
                .containsExactlyElementsOf(both.get(1));
    }
}
