package io.peerloom.packet;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerBuffer;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.variant.Variant;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Godot's own cases of {@code PacketPeerStream}, and what Godot's does not do. */
class PacketPeerStreamTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final int DEFAULT = 65_532;

    private final StreamPeerBuffer stream = new StreamPeerBuffer();
    private final PacketPeerStream peer = new PacketPeerStream(stream);

    /** Appends to what the peer will read, which reads on from where it was. */
    private void arrive(byte[] bytes) {
        int position = stream.getPosition();
        stream.seek(stream.getSize());
        stream.putData(bytes);
        stream.seek(position);
    }

    private static byte[] frame(byte[] payload) {
        return ByteBuffer.allocate(4 + payload.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(payload.length)
                .put(payload)
                .array();
    }

    private static byte[] length(int length) {
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(length).array();
    }

    private static byte[] payload(int size) {
        var bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8));
        }
        return bytes;
    }

    @Test
    void aStreamsValueIsAPacketsAndTheReverse() {
        stream.putVar(Variant.of("Godot Rules!!!"));
        stream.seek(0);
        assertThat(peer.getVar()).isEqualTo(Variant.of("Godot Rules!!!"));
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);

        stream.clear();
        assertThat(peer.putVar(Variant.of("Godot Rules!!!"))).isEqualTo(ErrorCode.OK);
        stream.seek(0);
        assertThat(stream.getVar()).isEqualTo(Variant.of("Godot Rules!!!"));
    }

    @Test
    void withoutAStream() {
        var none = new PacketPeerStream();
        assertThat(none.getStreamPeer()).isNull();
        assertThat(none.getAvailablePacketCount()).isZero();
        assertThat(none.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(none.getPacketError()).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(none.getPacket()).isEmpty();
        assertThat(none.getPacketError()).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(none.putPacket(new byte[1])).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(none.putPacket(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(none.putVar(Variant.of(1))).isEqualTo(ErrorCode.UNCONFIGURED);
    }

    /** Godot: 1,025 characters where 1,024 bytes are allowed. */
    @Test
    void aValueOverTheEncodeBufferIsNotSent() {
        peer.setEncodeBufferMaxSize(1024);
        assertThat(peer.putVar(Variant.of("a".repeat(1025)))).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(peer.putVar(Variant.of("a".repeat(1017)))).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(stream.getSize()).isZero();
        assertThat(peer.putVar(Variant.of("a".repeat(1016)))).isEqualTo(ErrorCode.OK);
        assertThat(stream.getSize()).isEqualTo(4 + 1024);
    }

    @Test
    void packetsAsTheyTravel() {
        assertThat(peer.putPacket("Hello, World!\0".getBytes(StandardCharsets.US_ASCII)))
                .isEqualTo(ErrorCode.OK);
        assertThat(HEX.formatHex(stream.getDataArray()))
                .isEqualTo("0e00000048656c6c6f2c20576f726c642100");
        assertThat(peer.putPacket(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(stream.getSize()).isEqualTo(18);

        stream.seek(0);
        assertThat(peer.getAvailablePacketCount()).isEqualTo(1);
        assertThat(peer.getPacket())
                .isEqualTo("Hello, World!\0".getBytes(StandardCharsets.US_ASCII));
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    /** The byte order of the stream is ignored. */
    @Test
    void lengthsAreAlwaysLittleEndian() {
        stream.setBigEndian(true);
        peer.putPacket(new byte[] {'a', 'b', 'c'});
        assertThat(HEX.formatHex(stream.getDataArray())).isEqualTo("03000000616263");
        stream.seek(0);
        assertThat(peer.getPacket()).containsExactly('a', 'b', 'c');
    }

    /** The largest packet that may be sent can be received, which Godot's waits for for ever. */
    @Test
    void noOffByOne() {
        assertThat(peer.getOutputBufferMaxSize()).isEqualTo(DEFAULT);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo(DEFAULT);
        assertThat(peer.putPacket(payload(DEFAULT + 1))).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getSize()).isZero();
        for (int size : new int[] {DEFAULT, DEFAULT - 1, 1, DEFAULT}) {
            assertThat(peer.putPacket(payload(size))).isEqualTo(ErrorCode.OK);
        }
        stream.seek(0);
        for (int size : new int[] {DEFAULT, DEFAULT - 1, 1, DEFAULT}) {
            assertThat(peer.getPacket()).isEqualTo(payload(size));
        }
        assertThat(peer.getAvailablePacketCount()).isZero();
        assertThat(stream.getAvailableBytes()).isZero();
    }

    /** What is before it can be taken; what is behind it is left in the stream. */
    @ParameterizedTest
    @CsvSource({"65533", "16777216", "2147483647", "-2147483648", "-1", "-4"})
    void aLengthThatCannotBeIsRefusedAtOnce(int length) {
        arrive(frame(new byte[] {1}));
        arrive(frame(new byte[] {2, 2}));
        arrive(length(length));
        assertThat(peer.getAvailablePacketCount()).isEqualTo(2);
        assertThat(peer.getPacket()).containsExactly(1);
        assertThat(peer.getPacket()).containsExactly(2, 2);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
        arrive(frame(new byte[] {3}));
        for (int i = 0; i < 2; i++) {
            assertThat(peer.getPacket()).isEmpty();
            assertThat(peer.getPacketError()).isEqualTo(ErrorCode.INVALID_DATA);
            assertThat(peer.getAvailablePacketCount()).isZero();
        }
        assertThat(stream.getAvailableBytes()).isEqualTo(5);

        peer.setStreamPeer(stream); // the same: nothing changes
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.INVALID_DATA);
        peer.setStreamPeer(null);
        peer.setStreamPeer(stream);
        assertThat(peer.getPacket()).containsExactly(3);
    }

    @Test
    void anotherStreamDropsWhatWasRead() {
        arrive(frame(new byte[] {1}));
        arrive(new byte[] {9, 0, 0, 0, 1});
        assertThat(peer.getAvailablePacketCount()).isEqualTo(1);
        var other = new StreamPeerBuffer();
        other.setDataArray(frame(new byte[] {2}));
        peer.setStreamPeer(other);
        assertThat(peer.getStreamPeer()).isSameAs(other);
        assertThat(peer.getPacket()).containsExactly(2);
    }

    @Test
    void anEmptyPacketCanArrive() {
        arrive(length(0));
        arrive(frame(new byte[] {1}));
        assertThat(peer.getAvailablePacketCount()).isEqualTo(2);
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getPacket()).containsExactly(1);
    }

    /** Reading ahead ends at the size of the buffer; the rest waits in the stream. */
    @Test
    void noMoreIsReadThanTheBufferHolds() {
        peer.setInputBufferMaxSize(28);
        for (int i = 0; i < 100; i++) {
            arrive(frame(new byte[] {(byte) i}));
        }
        assertThat(peer.getAvailablePacketCount()).isEqualTo(6);
        assertThat(stream.getAvailableBytes()).isEqualTo(500 - 32);
        for (int i = 0; i < 100; i++) {
            assertThat(peer.getPacket()).containsExactly(i);
            assertThat(peer.getAvailablePacketCount()).isLessThanOrEqualTo(6);
        }
        assertThat(peer.getAvailablePacketCount()).isZero();
    }

    /** The edges as Godot 4.6.3 has them, but that it takes a negative output size for 0. */
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "1, 4",
        "4, 4",
        "5, 12",
        "1000, 1020",
        "1020, 1020",
        "1021, 2044",
        "65532, 65532",
        "65533, 131068",
        "-1, 65532",
        "-2147483648, 65532",
    })
    void sizesArePowersOfTwoWithTheHeader(int set, int expected) {
        peer.setInputBufferMaxSize(set);
        peer.setOutputBufferMaxSize(set);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo(expected);
        assertThat(peer.getOutputBufferMaxSize()).isEqualTo(expected);
    }

    @Test
    void sizesThatNoArrayHasAreRefused() {
        peer.setOutputBufferMaxSize(Integer.MAX_VALUE);
        peer.setInputBufferMaxSize((1 << 30) - 3);
        assertThat(peer.getOutputBufferMaxSize()).isEqualTo(DEFAULT);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo(DEFAULT);
        peer.setInputBufferMaxSize((1 << 30) - 4);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo((1 << 30) - 4);
        arrive(length((1 << 30) - 4)); // a claim takes no memory
        assertThat(peer.getAvailablePacketCount()).isZero();
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void theInputBufferKeepsItsSizeWhileItHoldsSomething() {
        arrive(new byte[] {5, 0});
        peer.getAvailablePacketCount();
        peer.setInputBufferMaxSize(4);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo(DEFAULT);
        arrive(new byte[] {0, 0, 1, 2, 3, 4, 5});
        assertThat(peer.getPacket()).containsExactly(1, 2, 3, 4, 5);
        peer.setInputBufferMaxSize(4);
        assertThat(peer.getInputBufferMaxSize()).isEqualTo(4);
        arrive(frame(new byte[5]));
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.INVALID_DATA);
    }

    /** A stream without a connection, and one that ends within a packet. */
    @Test
    void theEndOfTheStream() {
        peer.setStreamPeer(new StreamPeerTCP());
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.putPacket(new byte[1])).isEqualTo(ErrorCode.FAILED);

        arrive(frame(new byte[] {7}));
        arrive(new byte[] {9, 0, 0, 0, 1});
        var ending =
                new Pieces(stream, new int[] {100}) {
                    @Override
                    public int getPartialData(byte[] data, int offset, int length) {
                        int n = super.getPartialData(data, offset, length);
                        return n == 0 ? -1 : n;
                    }
                };
        peer.setStreamPeer(ending);
        assertThat(peer.getPacket()).containsExactly(7);
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.FILE_EOF);
    }

    /** Whatever the pieces, the sizes and the buffer, packets come out as they went in. */
    @Property(tries = 500)
    void anyPiecesAndSizes(
            @ForAll @Size(max = 30) List<@IntRange(max = 300) Integer> sizes,
            @ForAll @Size(min = 1, max = 8) List<@IntRange(max = 50) Integer> pieces,
            @ForAll boolean count,
            @ForAll boolean small) {
        var data = new StreamPeerBuffer();
        var sender = new PacketPeerStream(data);
        var expected = new ArrayList<byte[]>();
        for (int size : sizes) {
            if (size > 0) {
                byte[] payload = payload(size);
                expected.add(payload);
                assertThat(sender.putPacket(payload)).isEqualTo(ErrorCode.OK);
            }
        }
        data.seek(0);
        int[] lengths = pieces.stream().mapToInt(n -> n).toArray();
        if (Arrays.stream(lengths).sum() == 0) {
            lengths[0] = 1;
        }
        var receiver = new PacketPeerStream(new Pieces(data, lengths));
        if (small) {
            receiver.setInputBufferMaxSize(300);
        }
        var received = new ArrayList<byte[]>();
        for (int i = 0; i < 100_000 && received.size() < expected.size(); i++) {
            int available = count ? receiver.getAvailablePacketCount() : 1;
            for (int j = 0; j < available; j++) {
                byte[] packet = receiver.getPacket();
                if (receiver.getPacketError() == ErrorCode.OK) {
                    received.add(packet);
                } else {
                    assertThat(count).isFalse();
                }
            }
        }
        assertThat(received.toArray(new byte[0][])).isDeepEqualTo(expected.toArray(new byte[0][]));
        assertThat(receiver.getAvailablePacketCount()).isZero();
        assertThat(data.getAvailableBytes()).isZero();
    }

    /** Gives another stream's bytes in pieces of given lengths, over and over again. */
    private static class Pieces extends StreamPeer {
        private final StreamPeer stream;
        private final int[] lengths;
        private int next;

        Pieces(StreamPeer stream, int[] lengths) {
            this.stream = stream;
            this.lengths = lengths;
        }

        @Override
        public int getPartialData(byte[] data, int offset, int length) {
            int n = Math.min(length, lengths[next++ % lengths.length]);
            return stream.getPartialData(data, offset, n);
        }

        @Override
        public ErrorCode putData(byte[] data, int offset, int length) {
            return stream.putData(data, offset, length);
        }

        @Override
        public int putPartialData(byte[] data, int offset, int length) {
            return stream.putPartialData(data, offset, length);
        }

        @Override
        public ErrorCode getData(byte[] data, int offset, int length) {
            return stream.getData(data, offset, length);
        }

        @Override
        public int getAvailableBytes() {
            return stream.getAvailableBytes();
        }
    }
}
