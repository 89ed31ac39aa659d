package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.peerloom.ErrorCode;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** {@link StreamPeerBuffer}: Godot's own cases, then what Godot 4.6.3 answered, then a model. */
class StreamPeerBufferTest {
    private static StreamPeerBuffer holding(int... bytes) {
        byte[] data = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            data[i] = (byte) bytes[i];
        }
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.setDataArray(data);
        return stream;
    }

    // Godot's own cases

    @Test
    void isEmptyAtFirst() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThat(stream.getSize()).isZero();
        assertThat(stream.getPosition()).isZero();
        assertThat(stream.getAvailableBytes()).isZero();
    }

    @Test
    void seekMovesInsideTheDataOnly() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        stream.put8(1);
        stream.put8(2);
        stream.put8(3);
        assertThat(stream.seek(0)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getPosition()).isZero();
        assertThat(stream.seek(1)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getPosition()).isEqualTo(1);
        assertThat(stream.get8()).isEqualTo((byte) 2);
        stream.seek(1);
        assertThat(stream.seek(-1)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getPosition()).isEqualTo(1);
        assertThat(stream.seek(5)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getPosition()).isEqualTo(1);
        // The end is a position, and only the end.
        assertThat(stream.seek(4)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.seek(3)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getPosition()).isEqualTo(3);
    }

    @Test
    void resizeMakesBytesAvailable() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThat(stream.resize(42)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getSize()).isEqualTo(42);
        assertThat(stream.getPosition()).isZero();
        assertThat(stream.getAvailableBytes()).isEqualTo(42);
        stream.seek(21);
        assertThat(stream.getSize()).isEqualTo(42);
        assertThat(stream.getPosition()).isEqualTo(21);
        assertThat(stream.getAvailableBytes()).isEqualTo(21);
    }

    @Test
    void theDataArrayIsACopyInBothDirections() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        byte[] data = {1, 2, 3};
        stream.put64(-1);
        stream.setDataArray(data);
        assertThat(stream.getPosition()).isZero();
        assertThat(stream.getSize()).isEqualTo(3);
        data[0] = 9;
        stream.getDataArray()[1] = 9;
        assertThat(stream.getDataArray()).containsExactly(1, 2, 3);
        stream.seek(2);
        assertThat(stream.getDataArray()).containsExactly(1, 2, 3);
    }

    @Test
    void aDuplicateStartsAtTheStartAndIsIndependent() {
        StreamPeerBuffer stream = holding(1, 2, 3);
        stream.setBigEndian(true);
        stream.seek(1);
        StreamPeerBuffer copy = stream.duplicate();
        assertThat(copy.getPosition()).isZero();
        assertThat(copy.getDataArray()).containsExactly(1, 2, 3);
        assertThat(copy.isBigEndianEnabled()).isFalse(); // as in the engine
        copy.put8(7);
        stream.put8(8);
        assertThat(stream.getDataArray()).containsExactly(1, 8, 3);
        assertThat(copy.getDataArray()).containsExactly(7, 2, 3);
    }

    @Test
    void putDataOfNothingIsNothing() {
        StreamPeerBuffer stream = new StreamPeerBuffer();
        assertThat(stream.putData(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(stream.putData(new byte[] {1}, 1, 0)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getSize()).isZero();
    }

    @Test
    void getDataOfTooMuchTakesWhatThereIs() {
        StreamPeerBuffer stream = holding(7);
        byte[] three = new byte[3];
        assertThat(stream.getData(three)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(three).containsExactly(7, 0, 0);
        assertThat(stream.getPosition()).isEqualTo(1);
        assertThat(stream.getData(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(stream.getPartialData(three)).isZero();
    }

    // What the engine did

    @Test
    void putsOverwriteAndThenAppend() {
        StreamPeerBuffer stream = holding(1, 2, 3, 4, 5);
        stream.seek(2);
        stream.putData(new byte[] {9, 9});
        assertThat(stream.getDataArray()).containsExactly(1, 2, 9, 9, 5);
        assertThat(stream.getPosition()).isEqualTo(4);
        stream.put32(-1);
        assertThat(stream.getDataArray()).containsExactly(1, 2, 9, 9, -1, -1, -1, -1);
        assertThat(stream.getPosition()).isEqualTo(8);
    }

    @Test
    void thePositionOutlivesTheDataBehindIt() {
        StreamPeerBuffer stream = holding(1, 2, 3, 4, 5, 6, 7, 8);
        stream.seek(8);
        assertThat(stream.resize(3)).isEqualTo(ErrorCode.OK);
        assertThat(stream.getPosition()).isEqualTo(8);
        assertThat(stream.getSize()).isEqualTo(3);
        assertThat(stream.getAvailableBytes()).isZero(); // the engine says -5
        assertThat(stream.getData(new byte[1])).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getPartialData(new byte[1])).isZero();
        assertThat(stream.getPosition()).isEqualTo(8);
        // The engine shows the old 4 to 8 in the gap; here what was cut off is gone.
        stream.put8(9);
        assertThat(stream.getDataArray()).containsExactly(1, 2, 3, 0, 0, 0, 0, 0, 9);
        assertThat(stream.getPosition()).isEqualTo(9);
    }

    @Test
    void clearKeepsTheOrderOnly() {
        StreamPeerBuffer stream = holding(1, 2, 3);
        stream.setBigEndian(true);
        stream.seek(2);
        stream.clear();
        assertThat(stream.getSize()).isZero();
        assertThat(stream.getPosition()).isZero();
        assertThat(stream.isBigEndianEnabled()).isTrue();
        stream.put16(1);
        assertThat(stream.getDataArray()).containsExactly(0, 1);
    }

    // Limits

    @Test
    void theLimitIsAnAnswer() {
        StreamPeerBuffer stream = new StreamPeerBuffer(10);
        assertThat(stream.put64(-1)).isEqualTo(ErrorCode.OK);
        assertThat(stream.put32(1)).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(stream.getPosition()).isEqualTo(8);
        assertThat(stream.getSize()).isEqualTo(8);
        assertThat(stream.putPartialData(new byte[] {1, 2, 3})).isEqualTo(2);
        assertThat(stream.putPartialData(new byte[] {1, 2, 3})).isZero();
        assertThat(stream.put8(1)).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(stream.putData(new byte[0])).isEqualTo(ErrorCode.OK);
        assertThat(stream.getDataArray()).containsExactly(-1, -1, -1, -1, -1, -1, -1, -1, 1, 2);

        assertThat(stream.resize(11)).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(stream.resize(-1)).isEqualTo(ErrorCode.INVALID_PARAMETER);
        assertThat(stream.getSize()).isEqualTo(10);
        assertThatIllegalArgumentException().isThrownBy(() -> stream.setDataArray(new byte[11]));
        assertThat(stream.getSize()).isEqualTo(10);
        assertThat(stream.duplicate().resize(11)).isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThatIllegalArgumentException().isThrownBy(() -> new StreamPeerBuffer(-1));
        assertThat(new StreamPeerBuffer().resize((256 << 20) + 1))
                .isEqualTo(ErrorCode.OUT_OF_MEMORY);
        assertThat(new StreamPeerBuffer(Integer.MAX_VALUE).resize(Integer.MAX_VALUE))
                .isEqualTo(ErrorCode.OUT_OF_MEMORY);
    }

    // A model: the data in an array of exactly their size, and no tricks

    enum Verb {
        PUT,
        PUT_PARTIAL,
        GET,
        GET_PARTIAL,
        SEEK,
        RESIZE,
        CLEAR,
        DUPLICATE
    }

    record Step(Verb verb, int number) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        return Combinators.combine(
                        Arbitraries.of(Verb.class), Arbitraries.integers().between(-1, 40))
                .as(Step::new)
                .list()
                .ofMaxSize(80);
    }

    @Property
    void followsTheModel(@ForAll("steps") List<Step> steps) {
        int limit = 100;
        StreamPeerBuffer stream = new StreamPeerBuffer(limit);
        byte[] model = {};
        int position = 0;
        byte stamp = 0;
        for (Step step : steps) {
            int number = step.number();
            byte[] bytes = new byte[Math.max(0, number)];
            int room = limit - position;
            int there = Math.max(0, Math.min(bytes.length, model.length - position));
            switch (step.verb()) {
                case PUT, PUT_PARTIAL -> {
                    Arrays.fill(bytes, ++stamp);
                    int taken;
                    if (step.verb() == Verb.PUT) {
                        boolean fits = bytes.length <= room;
                        taken = fits ? bytes.length : 0;
                        assertThat(stream.putData(bytes))
                                .isEqualTo(fits ? ErrorCode.OK : ErrorCode.OUT_OF_MEMORY);
                    } else {
                        taken = Math.min(room, bytes.length);
                        assertThat(stream.putPartialData(bytes)).isEqualTo(taken);
                    }
                    if (taken > 0) {
                        model = Arrays.copyOf(model, Math.max(model.length, position + taken));
                        System.arraycopy(bytes, 0, model, position, taken);
                        position += taken;
                    }
                }
                case GET, GET_PARTIAL -> {
                    if (step.verb() == Verb.GET) {
                        boolean all = there == bytes.length;
                        assertThat(stream.getData(bytes))
                                .isEqualTo(all ? ErrorCode.OK : ErrorCode.INVALID_PARAMETER);
                    } else {
                        assertThat(stream.getPartialData(bytes)).isEqualTo(there);
                    }
                    for (int i = 0; i < there; i++) {
                        assertThat(bytes[i]).isEqualTo(model[position + i]);
                    }
                    position += there;
                }
                case SEEK -> {
                    boolean inside = number >= 0 && number <= model.length;
                    assertThat(stream.seek(number))
                            .isEqualTo(inside ? ErrorCode.OK : ErrorCode.INVALID_PARAMETER);
                    position = inside ? number : position;
                }
                case RESIZE -> {
                    assertThat(stream.resize(number))
                            .isEqualTo(number < 0 ? ErrorCode.INVALID_PARAMETER : ErrorCode.OK);
                    model = number < 0 ? model : Arrays.copyOf(model, number);
                }
                case CLEAR -> {
                    stream.clear();
                    model = new byte[0];
                    position = 0;
                }
                case DUPLICATE -> {
                    stream = stream.duplicate();
                    position = 0;
                }
            }
            assertThat(stream.getDataArray()).isEqualTo(model);
            assertThat(stream.getSize()).isEqualTo(model.length);
            assertThat(stream.getPosition()).isEqualTo(position);
            assertThat(stream.getAvailableBytes()).isEqualTo(Math.max(0, model.length - position));
        }
    }
}
