package io.peerloom.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.PackedInt32Array;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules that {@link PacketPeer} holds for all packet peers. */
class PacketPeerTest {
    /** Packets in two queues, and a state that may forbid both directions. */
    private static final class Queues extends PacketPeer {
        final Deque<byte[]> arrived = new ArrayDeque<>();
        final List<byte[]> sent = new ArrayList<>();
        ErrorCode state = ErrorCode.OK;

        @Override
        public int getAvailablePacketCount() {
            return arrived.size();
        }

        @Override
        protected ErrorCode checkPacket() {
            return state == ErrorCode.OK && arrived.isEmpty() ? ErrorCode.UNAVAILABLE : state;
        }

        @Override
        protected byte[] takePacket() {
            return arrived.remove();
        }

        @Override
        protected ErrorCode sendPacket(byte[] packet) {
            if (state == ErrorCode.OK) {
                sent.add(packet.clone());
            }
            return state;
        }
    }

    private final Queues peer = new Queues();

    @Test
    void packetsComeInTheirOrder() {
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
        peer.arrived.add(new byte[] {1});
        peer.arrived.add(new byte[] {2, 2});
        assertThat(peer.getPacket()).containsExactly(1);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
        assertThat(peer.getPacket()).containsExactly(2, 2);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void noPacketIsEmptyAndTellsWhy() {
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);

        peer.state = ErrorCode.UNCONFIGURED;
        peer.arrived.add(new byte[] {1});
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.arrived).hasSize(1); // what cannot be given is not taken either

        peer.state = ErrorCode.OK;
        assertThat(peer.getPacket()).containsExactly(1);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void anEmptyPacketIsNotAnError() {
        peer.getPacket();
        peer.arrived.add(new byte[0]);
        assertThat(peer.getPacket()).isEmpty();
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
    }

    /** Godot's documentation names get_var too, though its code leaves that out. */
    @Test
    void onlyWhatTakesAPacketChangesTheError() {
        peer.getPacket();
        peer.putPacket(new byte[] {1});
        peer.putPacket(new byte[0]);
        peer.arrived.add(new byte[] {1});
        assertThat(peer.getAvailablePacketCount()).isEqualTo(1);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);

        peer.getPacket();
        peer.state = ErrorCode.FAILED;
        assertThat(peer.putPacket(new byte[] {1})).isEqualTo(ErrorCode.FAILED);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void valuesAsPackets() throws VariantException {
        Variant value = Variant.of(List.of(1, "two", new Variant.Vector3(1, 2, 3)));
        assertThat(peer.putVar(value)).isEqualTo(ErrorCode.OK);
        assertThat(peer.sent).containsExactly(VariantCodec.GODOT4.encode(value));
        peer.arrived.addAll(peer.sent);
        assertThat(peer.getVar()).isEqualTo(value);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);

        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAVAILABLE);
        peer.arrived.add(new byte[] {0, 0, 0, 0});
        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.OK);
    }

    /** As in Godot, the packet is gone though it was none; unlike there, one learns of it. */
    @Test
    void packetsThatAreNoValues() {
        peer.arrived.add(new byte[] {1});
        peer.arrived.add(new byte[] {(byte) 255, 0, 0, 0});
        peer.arrived.add(new byte[] {24, 0, 0, 0, 0, 0, 0, 0});
        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.INVALID_DATA);
        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(peer.arrived).isEmpty();
    }

    @Test
    void theDialectIsThatOfTheCodec() {
        assertThat(peer.getVariantCodec()).isEqualTo(VariantCodec.GODOT4);
        Variant array = PackedInt32Array.of(1);
        peer.putVar(array);
        peer.setVariantCodec(VariantCodec.GODOT3);
        peer.putVar(array);
        assertThat(peer.putVar(new Variant.Vector2i(1, 2))).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(peer.sent).extracting(packet -> packet[0]).containsExactly((byte) 30, (byte) 21);
        peer.arrived.add(peer.sent.get(1));
        assertThat(peer.getVar()).isEqualTo(array);
        assertThatNullPointerException().isThrownBy(() -> peer.setVariantCodec(null));
    }

    @Test
    void fullObjectsHaveToBeAskedFor() {
        Variant object = new Variant.FullObject("Node", Map.of("name", Variant.of("x")));
        assertThat(peer.putVar(object)).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(peer.sent).isEmpty();
        assertThat(peer.putVar(object, true)).isEqualTo(ErrorCode.OK);
        peer.arrived.add(peer.sent.get(0));
        peer.arrived.add(peer.sent.get(0));
        peer.arrived.add(peer.sent.get(0));
        assertThat(peer.getVar(true)).isEqualTo(object);
        assertThat(peer.getVar(false)).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.getPacketError()).isEqualTo(ErrorCode.UNAUTHORIZED);
        peer.setVariantCodec(VariantCodec.GODOT4.withFullObjects(true));
        assertThat(peer.getVar()).isEqualTo(object);
    }

    /** Godot 3's property, which counts for every {@code get_var}. */
    @Test
    void fullObjectsMayBeAllowedOnceForAll() {
        Variant object = new Variant.FullObject("Node", Map.of("name", Variant.of("x")));
        peer.putVar(object, true);
        assertThat(peer.isObjectDecodingAllowed()).isFalse();
        peer.setAllowObjectDecoding(true);
        assertThat(peer.isObjectDecodingAllowed()).isTrue();
        peer.arrived.add(peer.sent.get(0));
        assertThat(peer.getVar()).isEqualTo(object);
        peer.setAllowObjectDecoding(false);
        peer.arrived.add(peer.sent.get(0));
        assertThat(peer.getVar()).isEqualTo(Variant.Nil.NIL);
        assertThat(peer.putVar(object)).as("sending").isEqualTo(ErrorCode.UNAUTHORIZED);
    }

    @Test
    void emptyPacketsAreNotSent() {
        assertThat(peer.putPacket(new byte[] {1, 2})).isEqualTo(ErrorCode.OK);
        assertThat(peer.putPacket(new byte[0])).isEqualTo(ErrorCode.OK);
        peer.state = ErrorCode.UNCONFIGURED;
        assertThat(peer.putPacket(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(peer.putPacket(new byte[] {3})).isEqualTo(ErrorCode.UNCONFIGURED);
        assertThat(peer.sent).containsExactly(new byte[] {1, 2});
        assertThatNullPointerException().isThrownBy(() -> peer.putPacket(null));
    }

    /** Godot's own cases, and the edges as Godot 4.6.3 has them. */
    @ParameterizedTest
    @CsvSource({
        "42, 8388608",
        "268435498, 8388608", // 256 MiB + 42
        "2000, 2048",
        "-1, 8388608",
        "-2147483648, 8388608",
        "2147483647, 8388608",
        "1023, 8388608",
        "1024, 1024",
        "1025, 2048",
        "134217729, 268435456",
        "268435456, 268435456",
        "268435457, 8388608",
    })
    void encodeBufferMaxSize(int set, int expected) {
        assertThat(peer.getEncodeBufferMaxSize()).isEqualTo(8_388_608);
        peer.setEncodeBufferMaxSize(set);
        assertThat(peer.getEncodeBufferMaxSize()).isEqualTo(expected);
    }

    @Property
    void encodeBufferMaxSizeIsTheNextPowerOfTwo(
            @ForAll @IntRange(min = 1024, max = 1 << 28) int set) {
        peer.setEncodeBufferMaxSize(set);
        int size = peer.getEncodeBufferMaxSize();
        assertThat(Integer.bitCount(size)).isEqualTo(1);
        assertThat(size).isGreaterThanOrEqualTo(set);
        assertThat(size / 2).isLessThan(set);
    }
}
