package io.peerloom.internal.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerloom.testing.Certificates;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TLS over a wire that splits as it likes. */
class TlsWireTest {

    private static final byte[] END = {};

    /** One side of a pipe in memory; reads and writes move a random part of what they could. */
    private static final class Half implements Wire {
        private final BlockingQueue<byte[]> in;
        private final BlockingQueue<byte[]> out;
        private final Random random;
        private byte[] current = END;
        private int at;

        /** Moves all that it can. */
        boolean whole;

        Half(BlockingQueue<byte[]> in, BlockingQueue<byte[]> out, long seed) {
            this.in = in;
            this.out = out;
            this.random = new Random(seed);
        }

        private int part(int most) {
            if (whole) {
                return most;
            }
            return switch (random.nextInt(4)) {
                case 0 -> 1;
                case 1 -> Math.min(most, 1 + random.nextInt(7));
                case 2 -> 1 + random.nextInt(most);
                default -> most;
            };
        }

        @Override
        public int read(byte[] dst, int offset, int length) throws IOException {
            try {
                if (at == current.length) {
                    current = in.poll(20, TimeUnit.SECONDS);
                    at = 0;
                    if (current == null) {
                        throw new IOException("nothing came for long");
                    }
                }
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            if (current.length == 0) {
                in.add(END);
                return -1;
            }
            int n = part(Math.min(length, current.length - at));
            System.arraycopy(current, at, dst, offset, n);
            at += n;
            return n;
        }

        @Override
        public int write(byte[] src, int offset, int length) {
            int n = part(length);
            out.add(Arrays.copyOfRange(src, offset, offset + n));
            return n;
        }

        @Override
        public void shutdownOutput() {
            out.add(END);
        }

        @Override
        public void close() {
            out.add(END);
        }
    }

    private final BlockingQueue<byte[]> up = new LinkedBlockingQueue<>();
    private final BlockingQueue<byte[]> down = new LinkedBlockingQueue<>();

    private TlsWire client(long seed, String protocol) {
        return TlsWire.client(
                new Half(down, up, seed), Certificates.context(protocol, null), "localhost", 1);
    }

    private TlsWire server(long seed) {
        return TlsWire.server(
                new Half(up, down, ~seed), Certificates.showing(Certificates.GOOD), false, false);
    }

    private static CompletableFuture<Throwable> shaking(TlsWire wire) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                wire.handshake();
                return null;
            } catch (IOException e) {
                return e;
            }
        });
    }

    /** Writes pieces of these lengths on another thread. */
    private static CompletableFuture<Void> writing(TlsWire wire, List<Integer> pieces, byte[] all) {
        return CompletableFuture.runAsync(() -> {
            try {
                int at = 0;
                for (int piece : pieces) {
                    int end = at + piece;
                    if (piece > 3 && piece % 2 == 0) { // the first bytes as a header
                        byte[] head = Arrays.copyOfRange(all, at, at + 3);
                        at += wire.write(head, 3, all, at + 3, piece - 3);
                    }
                    while (at < end) {
                        at += wire.write(all, at, end - at);
                    }
                    wire.trim();
                }
                wire.shutdownOutput();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
    }

    private static byte[] readAll(TlsWire wire, int expected, Random random) throws IOException {
        byte[] all = new byte[expected];
        for (int at = 0; at < expected; ) {
            byte[] buffer = new byte[random.nextBoolean() ? 512 : 1 + random.nextInt(70_000)];
            int n = wire.read(buffer, 0, buffer.length);
            System.arraycopy(buffer, 0, all, at, n);
            at += n;
        }
        return all;
    }

    @Property(tries = 60)
    void allBytesArriveHoweverTheyAreSplit(
            @ForAll long seed,
            @ForAll boolean old,
            @ForAll @Size(max = 8) List<@IntRange(min = 1, max = 150_000) Integer> there,
            @ForAll @Size(max = 8) List<@IntRange(min = 1, max = 20_000) Integer> back)
            throws IOException {
        up.clear();
        down.clear();
        var random = new Random(seed);
        byte[] sent = new byte[there.stream().mapToInt(n -> n).sum()];
        byte[] answer = new byte[back.stream().mapToInt(n -> n).sum()];
        random.nextBytes(sent);
        random.nextBytes(answer);
        TlsWire client = client(seed, old ? "TLSv1.2" : "TLS");
        TlsWire server = server(seed);
        var shaken = shaking(server);
        client.handshake();
        assertThat(shaken.join()).isNull();
        assertThat(client.session().getProtocol()).isEqualTo(old ? "TLSv1.2" : "TLSv1.3");
        var writes = List.of(writing(client, there, sent), writing(server, back, answer));

        assertThat(readAll(server, sent.length, random)).isEqualTo(sent);
        assertThat(readAll(client, answer.length, random)).isEqualTo(answer);
        writes.forEach(CompletableFuture::join);
        // In TLS 1.2 who receives a close_notify may send nothing but his own.
        client.shutdownOutput();
        assertThat(server.read(new byte[10], 0, 10)).isEqualTo(-1);
        server.shutdownOutput();
        assertThat(client.read(new byte[10], 0, 10)).isEqualTo(-1);
        assertThat(client.read(new byte[10], 0, 10)).as("and so it stays").isEqualTo(-1);
    }

    @Test
    void aCutIsSeenWhereverItIs() throws IOException {
        for (int cut = 0; cut < 40; cut++) {
            up.clear();
            down.clear();
            TlsWire client = client(cut, "TLS");
            TlsWire server = server(cut);
            var shaken = shaking(server);
            client.handshake();
            assertThat(shaken.join()).isNull();
            up.clear(); // the server has read all of it
            client.write(new byte[100], 0, 100);
            client.lower().shutdownOutput();
            var record = new ArrayList<Byte>();
            for (byte[] part; (part = up.poll()) != null && part.length > 0; ) {
                for (byte b : part) {
                    record.add(b);
                }
            }
            for (int i = 0; i < Math.min(cut, record.size() - 1); i++) {
                up.add(new byte[] {record.get(i)});
            }
            up.add(END);

            assertThatExceptionOfType(EOFException.class)
                    .as("cut at %d", cut)
                    .isThrownBy(() -> server.read(new byte[1000], 0, 1000))
                    .withMessage("the TLS stream was cut off: it has no close_notify");
        }
    }

    @Test
    void aByteThatWasChangedIsSeen() throws IOException {
        TlsWire client = client(1, "TLS");
        TlsWire server = server(1);
        var shaken = shaking(server);
        client.handshake();
        assertThat(shaken.join()).isNull();
        up.clear();
        client.write(new byte[100], 0, 100);
        byte[] first = up.remove();
        var rest = new ArrayList<>(up);
        up.clear();
        rest.add(0, first);
        byte[] last = rest.get(rest.size() - 1);
        last[last.length - 1] ^= 1;
        up.addAll(rest);

        assertThatExceptionOfType(SSLException.class)
                .isThrownBy(() -> server.read(new byte[1000], 0, 1000))
                .withMessageStartingWith("TLS with the client failed: ");
    }

    /** RFC 6066 section 3: names, not addresses, and without the dot at the end. */
    @ParameterizedTest
    @CsvSource({
        "node1, true, node1",
        "localhost., true, localhost",
        "game.example, true, game.example",
        "127.0.0.1, false, 127.0.0.1",
        "::1, false, ::1",
    })
    void theNameOfTheServerIsSent(String host, boolean sent, String name) {
        TlsWire client = TlsWire.client(new Half(down, up, 1), Certificates.trusting(), host, 443);
        down.add(END);
        assertThatExceptionOfType(EOFException.class).isThrownBy(client::handshake);
        var hello = new StringBuilder();
        for (byte[] part : up) {
            hello.append(new String(part, StandardCharsets.ISO_8859_1));
        }
        if (sent) {
            assertThat(hello.toString()).contains((char) name.length() + name);
        } else {
            assertThat(hello.toString()).doesNotContain(name);
        }
        assertThat(hello.toString()).doesNotContain(name + ".");
    }

    @Test
    void nothingIsReadOrWrittenBeforeHandsAreShaken() {
        TlsWire client = client(1, "TLS");
        assertThatExceptionOfType(SSLException.class)
                .isThrownBy(() -> client.write(new byte[10], 0, 10))
                .withMessage("hands are not shaken yet");
        assertThatExceptionOfType(SSLException.class)
                .isThrownBy(() -> client.read(new byte[10], 0, 10))
                .withMessage("hands are not shaken yet");
        assertThat(up).isEmpty();
    }

    @Test
    void anEndInsideTheHandshakeIsNamed() {
        TlsWire client = client(1, "TLS");
        down.add(new byte[] {22, 3});
        down.add(END);

        assertThatExceptionOfType(EOFException.class)
                .isThrownBy(client::handshake)
                .withMessage("the other side closed the connection during the TLS handshake");
    }

    /** Two ends whose hands are shaken, the server's, the client's. */
    private TlsWire[] shaken() throws IOException {
        TlsWire client = client(1, "TLS");
        TlsWire server = server(1);
        var shaken = shaking(server);
        client.handshake();
        assertThat(shaken.join()).isNull();
        return new TlsWire[] {server, client};
    }

    /** All that waits, as the reader's wire would have it, from one write after another. */
    private static byte[] all(BlockingQueue<byte[]> queue) {
        var bytes = new ByteArrayOutputStream();
        for (byte[] part; (part = queue.poll()) != null; ) {
            bytes.writeBytes(part);
        }
        return bytes.toByteArray();
    }

    /** How long the records are, and that they are nothing but records. */
    private static List<Integer> records(byte[] bytes) {
        var lengths = new ArrayList<Integer>();
        for (int at = 0; at < bytes.length; ) {
            assertThat(bytes[at]).isEqualTo((byte) 23);
            int length = ((bytes[at + 3] & 0xFF) << 8) | (bytes[at + 4] & 0xFF);
            lengths.add(length);
            at += 5 + length;
        }
        return lengths;
    }

    /** A batch is as few records as can be, wherever its pieces come from. */
    @ParameterizedTest
    @CsvSource({"1, 0, 1", "10, 100, 1", "5, 16000, 1", "5, 16380, 2", "10, 65536, 5"})
    void aBatchIsAsFewRecordsAsCanBe(int head, int rest, int records) throws IOException {
        TlsWire client = shaken()[1];
        up.clear();
        if (rest == 0) {
            assertThat(client.write(new byte[head], 0, head)).isEqualTo(head);
        } else {
            assertThat(client.write(new byte[head], head, new byte[rest], 0, rest))
                    .isEqualTo(head + rest);
        }
        assertThat(records(all(up))).hasSize(records);
    }

    /** Small records that are here leave in one read; none waits once something was read. */
    @Test
    void recordsThatAreHereLeaveTogether() throws IOException {
        TlsWire[] ends = shaken();
        up.clear();
        for (int i = 0; i < 500; i++) {
            ends[1].write(new byte[] {(byte) i}, 0, 1);
        }
        byte[] bytes = all(up);
        assertThat(records(bytes)).hasSize(500);
        up.add(bytes);
        var half = (Half) ends[0].lower();
        half.whole = true;
        byte[] buffer = new byte[1000];
        int n = ends[0].read(buffer, 0, buffer.length);
        assertThat(n).as("what one read brought").isEqualTo(500);
        for (int i = 0; i < n; i++) {
            assertThat(buffer[i]).isEqualTo((byte) i);
        }
    }
}
