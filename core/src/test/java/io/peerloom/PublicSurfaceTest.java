package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.PublicSurface;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The public surface is a file, so that a change of it is seen as one. {@code mvn -pl core test
 * -Dtest=PublicSurfaceTest -Dpeerloom.api.write=true} writes the file anew.
 */
class PublicSurfaceTest {

    @Test
    void isAsTheFileSays() throws IOException {
        List<List<String>> both =
                PublicSurface.compare(
                        Peer.class, Path.of("src/test/resources/io/peerloom/api.txt"));
        assertThat(both.get(0))
                .as("public surface, which -Dpeerloom.api.write=true writes anew")
                .containsExactlyElementsOf(both.get(1));
    }

    /** What is open to subclasses says so by its abstract methods; everything else is closed. */
    @Test
    void whatCanBeExtendedWasMeantToBe() throws IOException {
        List<String> surface =
                PublicSurface.compare(Peer.class, Path.of("src/test/resources/io/peerloom/api.txt"))
                        .get(0);
        assertThat(surface)
                .filteredOn(line -> line.matches("(public|protected) (abstract )?class .*"))
                .extracting(line -> line.replaceFirst(" (extends|implements) .*", ""))
                .containsExactlyInAnyOrder(
                        "public abstract class io.peerloom.packet.PacketPeer",
                        "public abstract class io.peerloom.stream.StreamPeer");
        boolean open = false;
        for (String line : surface) {
            if (!line.startsWith(" ")) {
                open = line.startsWith("public abstract class ");
            } else if (open && line.contains("(")) {
                assertThat(line)
                        .matches(" +(public|protected) (static |abstract |final |\\w+\\().*");
            }
        }
    }

    /** Settings grow; who has them as records can neither add to them nor reorder them. */
    @Test
    void nothingWithSettersOfCopiesIsARecord() throws IOException {
        String type = "";
        for (String line :
                PublicSurface.compare(Peer.class, Path.of("src/test/resources/io/peerloom/api.txt"))
                        .get(0)) {
            if (!line.startsWith(" ")) {
                type = line;
            }
            if (line.contains(" with") && !line.contains("static")) {
                assertThat(type).doesNotStartWith("public record");
            }
        }
    }
}
