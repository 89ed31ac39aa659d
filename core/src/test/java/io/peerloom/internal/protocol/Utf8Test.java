package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.hex;
import static io.peerloom.internal.protocol.Wire.join;
import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;

/** RFC 6455 section 8.1 and RFC 3629, measured against the JDK's own strict decoder. */
class Utf8Test {
    /** What may follow a cut character so that it is one: enough for every first byte there is. */
    private static final List<byte[]> ENDINGS =
            List.of(
                    hex(""),
                    hex("80"),
                    hex("bf"),
                    hex("8080"),
                    hex("bfbf"),
                    hex("808080"),
                    hex("bfbfbf"));

    private final CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();

    @Example
    void everyCodePointPasses() {
        StringBuilder all = new StringBuilder();
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
                all.appendCodePoint(c);
            }
        }
        byte[] text = utf8(all.toString());

        assertThat(Utf8.check(Utf8.ACCEPT, text, 0, text.length)).isEqualTo(Utf8.ACCEPT);
        assertThat(byteByByte(text)).isEqualTo(Utf8.ACCEPT);
    }

    /** All sequences of four out of the bytes at which RFC 3629 section 4 draws its lines. */
    @Example
    void everyBoundaryAgreesWithTheJdk() {
        byte[] edges = hex("007f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff");
        byte[] bare = new byte[4];
        byte[] padded = utf8("0123456789....0123456789");
        for (int i = 0; i < edges.length * edges.length * edges.length * edges.length; i++) {
            int rest = i;
            for (int k = 0; k < 4; k++) {
                bare[k] = edges[rest % edges.length];
                padded[10 + k] = bare[k];
                rest /= edges.length;
            }
            int expected = isValid(bare) ? Utf8.ACCEPT : Utf8.REJECT;
            if (complete(Utf8.check(Utf8.ACCEPT, bare, 0, 4)) != expected
                    || complete(Utf8.check(Utf8.ACCEPT, padded, 0, padded.length)) != expected) {
                assertThat(bare).as("should be %d", expected).isEmpty();
            }
        }
    }

    /** What is in the middle of a character at the end is no text. */
    private static int complete(int state) {
        return state == Utf8.ACCEPT ? Utf8.ACCEPT : Utf8.REJECT;
    }

    @Property
    void anyBytesAgreeWithTheJdk(@ForAll("nearlyText") byte[] bytes) {
        boolean accepted = Utf8.check(Utf8.ACCEPT, bytes, 0, bytes.length) == Utf8.ACCEPT;

        assertThat(accepted).isEqualTo(isValid(bytes));
    }

    @Property
    void anySplitGivesTheSameState(
            @ForAll("nearlyText") byte[] bytes, @ForAll("cuts") List<Integer> cuts) {
        int whole = Utf8.check(Utf8.ACCEPT, bytes, 0, bytes.length);
        int state = Utf8.ACCEPT;
        int at = 0;
        for (int cut : cuts) {
            int to = Math.min(at + cut, bytes.length);
            state = Utf8.check(state, bytes, at, to);
            at = to;
        }
        state = Utf8.check(state, bytes, at, bytes.length);

        assertThat(state).isEqualTo(whole);
        assertThat(byteByByte(bytes)).isEqualTo(whole);
    }

    /** It fails at the byte after which nothing could make it text, not later and not sooner. */
    @Property
    void itFailsAtTheFirstByteThatCannotBe(@ForAll("nearlyText") byte[] bytes) {
        int failsAt = 0;
        int state = Utf8.ACCEPT;
        while (failsAt < bytes.length && state != Utf8.REJECT) {
            state = Utf8.check(state, bytes, failsAt, failsAt + 1);
            failsAt++;
        }

        assertThat(canBecomeText(Arrays.copyOf(bytes, failsAt))).isEqualTo(state != Utf8.REJECT);
        if (state == Utf8.REJECT) {
            assertThat(canBecomeText(Arrays.copyOf(bytes, failsAt - 1))).isTrue();
            // In one go as well: the whole piece up to that byte is refused, one less is not.
            assertThat(Utf8.check(Utf8.ACCEPT, bytes, 0, failsAt)).isEqualTo(Utf8.REJECT);
            assertThat(Utf8.check(Utf8.ACCEPT, bytes, 0, failsAt - 1)).isNotEqualTo(Utf8.REJECT);
        }
    }

    @Example
    void onceRejectedAlwaysRejected() {
        assertThat(Utf8.check(Utf8.REJECT, utf8("fine, else"), 0, 10)).isEqualTo(Utf8.REJECT);
        assertThat(Utf8.check(Utf8.REJECT, new byte[0], 0, 0)).isEqualTo(Utf8.REJECT);
    }

    @Example
    void onlyTheRangeIsRead() {
        byte[] bytes = join(hex("ff"), utf8("text of 16 bytes"), hex("ff"));

        assertThat(Utf8.check(Utf8.ACCEPT, bytes, 1, 17)).isEqualTo(Utf8.ACCEPT);
        assertThat(Utf8.check(Utf8.ACCEPT, bytes, 0, 17)).isEqualTo(Utf8.REJECT);
        assertThat(Utf8.check(Utf8.ACCEPT, bytes, 1, 18)).isEqualTo(Utf8.REJECT);
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> Utf8.check(Utf8.ACCEPT, bytes, 1, 19));
    }

    /** Text of every script with ASCII between, now and then with a byte changed or cut off. */
    @Provide
    Arbitrary<byte[]> nearlyText() {
        Arbitrary<String> pieces =
                Arbitraries.oneOf(
                        Arbitraries.strings().ascii().ofMaxLength(40),
                        Arbitraries.strings().withCharRange('\u0080', '\u07ff').ofMaxLength(12),
                        Arbitraries.strings().withCharRange('\u0800', '\ud7ff').ofMaxLength(12),
                        Arbitraries.integers()
                                .between(0x10000, 0x10FFFF)
                                .map(Character::toString)
                                .list()
                                .ofMaxSize(6)
                                .map(list -> String.join("", list)));
        Arbitrary<byte[]> text =
                pieces.list().ofMaxSize(6).map(list -> utf8(String.join("", list)));
        Arbitrary<byte[]> damaged =
                Combinators.combine(
                                text,
                                Arbitraries.integers().between(0, 400),
                                Arbitraries.bytes(),
                                Arbitraries.integers().between(0, 3))
                        .as((bytes, index, value, cut) -> {
                            byte[] copy = bytes.clone();
                            if (copy.length > 0) {
                                copy[index % copy.length] = value;
                            }
                            return Arrays.copyOf(copy, Math.max(0, copy.length - cut));
                        });
        return Arbitraries.oneOf(
                text, damaged, Arbitraries.bytes().array(byte[].class).ofMaxSize(40));
    }

    @Provide
    Arbitrary<List<Integer>> cuts() {
        return Arbitraries.integers().between(0, 20).list().ofMaxSize(12);
    }

    private static int byteByByte(byte[] bytes) {
        int state = Utf8.ACCEPT;
        for (int i = 0; i < bytes.length; i++) {
            state = Utf8.check(state, bytes, i, i + 1);
        }
        return state;
    }

    private boolean canBecomeText(byte[] prefix) {
        return ENDINGS.stream().anyMatch(ending -> isValid(join(prefix, ending)));
    }

    private boolean isValid(byte[] bytes) {
        try {
            strict.decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    @Example
    void textIsEncodedWholeOrNotAtAll() {
        String whole = "a\uD83D\uDE00\uFFFD\u00e9";
        assertThat(Utf8.encode(whole)).isEqualTo(utf8(whole));
        assertThat(Utf8.encode("")).isEmpty();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Utf8.encode(whole + "x\uDC00"))
                .withMessage("unpaired surrogate at index 6");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Utf8.encode("\uD83Dx"))
                .withMessage("unpaired surrogate at index 0");
    }

    /** As the JDK's strict encoder, with what it would replace and with what it replaces it by. */
    @Property
    void textIsEncodedAsTheJdkDoesOrRefusedWhereItWould(
            @ForAll
                    @CharRange(from = 'a', to = 'b')
                    @Chars({'?', '\u00e9', '\u4e00', '\ud83d', '\ude00'})
                    String text) {
        byte[] expected;
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            expected = new byte[bytes.remaining()];
            bytes.get(expected);
        } catch (CharacterCodingException e) {
            assertThatIllegalArgumentException().isThrownBy(() -> Utf8.encode(text));
            return;
        }
        assertThat(Utf8.encode(text)).isEqualTo(expected);
    }
}
