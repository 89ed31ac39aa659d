package io.peerloom.internal.protocol;

import static io.peerloom.internal.protocol.Wire.AMPLE;
import static io.peerloom.internal.protocol.Wire.frame;
import static io.peerloom.internal.protocol.Wire.hex;
import static io.peerloom.internal.protocol.Wire.join;
import static io.peerloom.internal.protocol.Wire.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.peerloom.internal.protocol.FrameDecoder.Event;
import io.peerloom.internal.protocol.Wire.Reader;
import io.peerloom.internal.protocol.Wire.Seen;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames in wire bytes, by the sections of RFC 6455. */
class FramingTest {
    private static final byte[] KEY = hex("37 fa 21 3d");

    /** The same key as the encoder takes it. */
    private static final int KEY_NUMBER = 0x3d21fa37;

    @Nested
    @DisplayName("5.2 Base framing protocol")
    class BaseFraming {
        @ParameterizedTest
        @CsvSource({
            "c100, reserved bit RSV1 set, C100",
            "a100, reserved bit RSV2 set, A100",
            "9100, reserved bit RSV3 set, 9100",
            "f900, reserved bit RSV1 set, F900",
            "8300, unknown opcode 3, 8300",
            "8700, unknown opcode 7, 8700",
            "8b00, unknown opcode 11, 8B00",
            "8f00, unknown opcode 15, 8F00",
            "8180, server's frame is masked, 8180",
            "8880, server's frame is masked, 8880",
        })
        void aBadHeaderEndsTheConnectionAndIsNamed(String wire, String what, String where) {
            Reader client = Reader.client().read(hex(wire));

            assertThat(client.all()).containsExactly(Seen.failure(1002));
            assertThat(client.failure).contains(what).contains("0x" + where);
        }

        /** For reading ahead. */
        @ParameterizedTest
        @CsvSource({
            "8200, true",
            "8103 616263, true",
            "8103 616263 88, true",
            "8103 6162, false",
            "81, false",
            "82fe, false",
            "827e 00, false",
            "827e 0001 61, true", // bad, which decode tells
            "827e 0002 61, false",
            "827f 0000000000000001 61, false",
            "0203 616263, false",
            "0100, false",
            "8003 616263, false",
            "c103 616263, false",
            "8800, false",
            "8900, false",
        })
        void aWholeMessageIsSeenBeforeItIsDecoded(String wire, boolean expected) {
            byte[] bytes = hex(wire);
            var client = new FrameDecoder(false, AMPLE, AMPLE);

            assertThat(client.isMessageNext(bytes, 0, bytes.length)).isEqualTo(expected);
        }

        /** Section 5.1: a server closes on a frame that is not masked. */
        @ParameterizedTest
        @ValueSource(strings = {"8105 48656c6c6f", "8900", "8800", "0000"})
        void aServerRefusesWhatIsNotMasked(String wire) {
            Reader server = Reader.server().read(hex(wire));

            assertThat(server.all()).containsExactly(Seen.failure(1002));
            assertThat(server.failure).contains("not masked");
        }

        @ParameterizedTest
        @CsvSource({
            "827e 0000, 1002, length 0 written in 16 bits",
            "827e 007d, 1002, length 125 written in 16 bits",
            "827f 0000000000000000, 1002, length 0 written in 64 bits",
            "827f 000000000000007e, 1002, length 126 written in 64 bits",
            "827f 000000000000ffff, 1002, length 65535 written in 64 bits",
            "827f 8000000000000000, 1002, top bit",
            "827f ffffffffffffffff, 1002, top bit",
            "827f 7fffffffffffffff, 1009, at most",
            "827f 0000000100000005, 1009, frame of 4294967301 bytes",
            "827f 0000000080000000, 1009, frame of 2147483648 bytes",
        })
        void lengthsAreMinimalAndNeverCutToAnInt(String wire, int code, String what) {
            Reader client = Reader.client().read(hex(wire));

            assertThat(client.all()).containsExactly(Seen.failure(code));
            assertThat(client.failure).contains(what);
        }

        @ParameterizedTest
        @ValueSource(ints = {0, 1, 124, 125, 126, 127, 65535, 65536, 100_000})
        void everyWayToWriteALengthIsReadAndWritten(int length) {
            byte[] payload = new byte[length];
            Arrays.fill(payload, (byte) 'x');
            byte[] plain = frame(0x82, payload, null);
            byte[] masked = frame(0x82, payload, KEY);

            assertThat(Reader.client().read(plain).all()).containsExactly(Seen.binary(payload));
            assertThat(Reader.server().read(masked).all()).containsExactly(Seen.binary(payload));
            assertThat(encoded(true, Opcode.BINARY, payload, false)).isEqualTo(plain);
            assertThat(encoded(true, Opcode.BINARY, payload, true)).isEqualTo(masked);
        }

        @Test
        void theEncoderStaysWithinItsRange() {
            byte[] array = new byte[64];
            Arrays.fill(array, (byte) 0x55);

            int end =
                    FrameEncoder.encode(
                            array, 10, true, Opcode.TEXT, utf8("_Hello_"), 1, 5, true, KEY_NUMBER);

            assertThat(end).isEqualTo(21);
            assertThat(Arrays.copyOfRange(array, 10, 21)).isEqualTo(hex("818537fa213d7f9f4d5158"));
            assertThat(Arrays.copyOfRange(array, 0, 10)).containsOnly(0x55);
            assertThat(Arrays.copyOfRange(array, 21, 64)).containsOnly(0x55);
        }

        @Test
        void aFrameThatNoArrayHoldsIsRefused() {
            assertThat(FrameEncoder.frameLength(Integer.MAX_VALUE - 14, true))
                    .isEqualTo(Integer.MAX_VALUE);
            assertThatExceptionOfType(ArithmeticException.class)
                    .isThrownBy(() -> FrameEncoder.frameLength(Integer.MAX_VALUE - 13, true));
        }

        @Test
        void whatIsLeftOfTheInputIsLessThanAHeader() {
            byte[] wire = frame(0x82, new byte[70_000], KEY);
            byte[] header = Arrays.copyOf(wire, 13);

            Reader server = Reader.server().read(header);

            assertThat(server.seen).isEmpty();
            assertThat(server.kept()).isEqualTo(header);
            assertThat(server.decoder.inMessage()).isFalse();
            server.read(Arrays.copyOfRange(wire, 13, wire.length));
            assertThat(server.all()).containsExactly(Seen.binary(new byte[70_000]));
        }
    }

    @Nested
    @DisplayName("5.4 Fragmentation")
    class Fragmentation {
        @Test
        void controlFramesPassBetweenFragments() {
            Reader client =
                    Reader.client()
                            .read(hex("0103 48656c"))
                            .read(hex("8901 2a"))
                            .read(hex("0000"))
                            .read(hex("8a00"))
                            .read(hex("8002 6c6f"));

            assertThat(client.all())
                    .containsExactly(Seen.ping((byte) 42), Seen.pong(), Seen.text("Hello"));
        }

        @ParameterizedTest
        @ValueSource(strings = {"8000", "0000", "8101 61 8000", "0101 61 8001 61 8000"})
        void aContinuationNeedsAMessage(String wire) {
            Reader client = Reader.client().read(hex(wire));

            assertThat(client.all()).last().isEqualTo(Seen.failure(1002));
            assertThat(client.failure).contains("continuation without a message");
        }

        @ParameterizedTest
        @ValueSource(strings = {"0101 61 8101 61", "0101 61 0101 61", "0200 8200", "0100 0200"})
        void aMessageMustEndBeforeTheNext(String wire) {
            Reader client = Reader.client().read(hex(wire));

            assertThat(client.all()).containsExactly(Seen.failure(1002));
            assertThat(client.failure).contains("new message inside a fragmented one");
        }

        @Test
        void aMessageOfEmptyFragmentsIsEmpty() {
            assertThat(Reader.client().read(hex("0100 0000 8000")).all())
                    .containsExactly(Seen.text(""));
            assertThat(Reader.client().read(hex("0200 8000 8100")).all())
                    .containsExactly(Seen.binary(), Seen.text(""));
        }

        @Test
        void theEndOfTheInputInsideAMessageCanBeTold() {
            Reader client = Reader.client();

            assertThat(client.decoder.inMessage()).isFalse();
            client.read(hex("0101 61"));
            assertThat(client.decoder.inMessage()).as("between fragments").isTrue();
            client.read(hex("8900 8002 62"));
            assertThat(client.decoder.inMessage()).as("inside a frame").isTrue();
            client.read(hex("63"));
            assertThat(client.decoder.inMessage()).isFalse();
            assertThat(client.all()).containsExactly(Seen.ping(), Seen.text("abc"));
        }
    }

    @Nested
    @DisplayName("5.5 Control frames")
    class ControlFrames {
        @ParameterizedTest
        @ValueSource(strings = {"8800", "8900", "8a00"})
        void theyAreFinalAndShort(String wire) {
            byte[] good = hex(wire);
            byte[] notFinal = {(byte) (good[0] & 0x7F), 0};
            byte[] tooLong = {good[0], 126};

            Reader fragmented = Reader.client().read(notFinal);
            Reader long16 = Reader.client().read(tooLong);

            assertThat(fragmented.all()).containsExactly(Seen.failure(1002));
            assertThat(fragmented.failure).contains("control frame is not final");
            assertThat(long16.all()).containsExactly(Seen.failure(1002));
            assertThat(long16.failure).contains("control frame over 125 bytes");
            assertThat(Reader.client().read(good).all()).hasSize(1);
        }

        @Test
        void theyAreTakenWholeOrNotAtAll() {
            byte[] payload = new byte[125];
            Arrays.fill(payload, (byte) 7);
            byte[] wire = frame(0x89, payload, KEY);

            Reader server = Reader.server().read(Arrays.copyOf(wire, 130));

            assertThat(server.seen).isEmpty();
            assertThat(server.kept()).hasSize(130);
            assertThat(server.read(new byte[] {wire[130]}).all())
                    .containsExactly(Seen.ping(payload));
        }

        @Test
        void theEncoderRefusesWhatTheOtherSideWould() {
            byte[] array = new byte[200];

            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            FrameEncoder.putHeader(array, 0, true, Opcode.PING, 126, false, 0));
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            FrameEncoder.putHeader(array, 0, false, Opcode.PONG, 0, false, 0));
        }
    }

    /** The bytes of the RFC's own examples, both ways. */
    @Nested
    @DisplayName("5.7 Examples")
    class Examples {
        @Test
        void aSingleFrameOfUnmaskedText() {
            byte[] wire = hex("81 05 48 65 6c 6c 6f");

            assertThat(Reader.client().read(wire).all()).containsExactly(Seen.text("Hello"));
            assertThat(encoded(true, Opcode.TEXT, utf8("Hello"), false)).isEqualTo(wire);
        }

        @Test
        void aSingleFrameOfMaskedText() {
            byte[] wire = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");

            assertThat(Reader.server().read(wire).all()).containsExactly(Seen.text("Hello"));
            assertThat(encoded(true, Opcode.TEXT, utf8("Hello"), true)).isEqualTo(wire);
        }

        @Test
        void fragmentedUnmaskedText() {
            byte[] wire = hex("01 03 48 65 6c 80 02 6c 6f");

            assertThat(Reader.client().read(wire).all()).containsExactly(Seen.text("Hello"));
            assertThat(
                            join(
                                    encoded(false, Opcode.TEXT, utf8("Hel"), false),
                                    encoded(true, Opcode.CONTINUATION, utf8("lo"), false)))
                    .isEqualTo(wire);
        }

        @Test
        void pingAndMaskedPong() {
            byte[] ping = hex("89 05 48 65 6c 6c 6f");
            byte[] pong = hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58");

            assertThat(Reader.client().read(ping).all()).containsExactly(Seen.ping(utf8("Hello")));
            assertThat(Reader.server().read(pong).all()).containsExactly(Seen.pong(utf8("Hello")));
            assertThat(encoded(true, Opcode.PING, utf8("Hello"), false)).isEqualTo(ping);
            assertThat(encoded(true, Opcode.PONG, utf8("Hello"), true)).isEqualTo(pong);
        }

        @Test
        void binaryOf256BytesAndOf64KiB() {
            byte[] small = join(hex("82 7e 01 00"), new byte[256]);
            byte[] large = join(hex("82 7f 00 00 00 00 00 01 00 00"), new byte[65536]);

            assertThat(Reader.client().read(join(small, large)).all())
                    .containsExactly(Seen.binary(new byte[256]), Seen.binary(new byte[65536]));
            assertThat(encoded(true, Opcode.BINARY, new byte[256], false)).isEqualTo(small);
            assertThat(encoded(true, Opcode.BINARY, new byte[65536], false)).isEqualTo(large);
        }
    }

    @Nested
    @DisplayName("7 Closing the connection")
    class Closing {
        @Test
        void codeAndReasonAreRead() {
            assertThat(Reader.client().read(hex("8805 03e8 627965")).all())
                    .containsExactly(Seen.close(1000, "bye"));
            assertThat(Reader.client().read(hex("8802 0bb8")).all())
                    .containsExactly(Seen.close(3000, ""));
        }

        /** Section 7.1.5: no code is 1005, which never stands in a frame itself. */
        @Test
        void anEmptyBodyHasNoStatus() {
            assertThat(Reader.client().read(hex("8800")).all())
                    .containsExactly(Seen.close(1005, ""));
        }

        /** Godot 3 sends the length of its C string, one more than that of its text. */
        @Test
        void theNulThatGodot3SendsIsTakenOff() {
            assertThat(Reader.client().read(hex("8806 03e8 627965 00")).all())
                    .containsExactly(Seen.close(1000, "bye"));
            assertThat(Reader.client().read(hex("8803 03e8 00")).all())
                    .containsExactly(Seen.close(1000, ""));
            assertThat(Reader.client().read(hex("8806 03e8 61006200")).all())
                    .as("one NUL, and only at the end")
                    .containsExactly(Seen.close(1000, "a\0b"));
        }

        @Test
        void aBodyOfOneByteIsNoCode() {
            Reader client = Reader.client().read(hex("8801 03"));

            assertThat(client.all()).containsExactly(Seen.failure(1002));
            assertThat(client.failure).isEqualTo("close frame with a payload of 1 byte");
        }

        /** Section 7.4.1 and the registry: every number that two bytes can say. */
        @Test
        void onlyCodesThatMayBeSentAreTaken() {
            List<Integer> misjudged = new ArrayList<>();
            for (int code = 0; code <= 0xFFFF; code++) {
                boolean good =
                        (code >= 1000 && code <= 1003)
                                || (code >= 1007 && code <= 1014)
                                || (code >= 3000 && code <= 4999);
                byte[] wire = {(byte) 0x88, 2, (byte) (code >> 8), (byte) code};
                Seen seen = Reader.client().read(wire).seen.get(0);
                if (CloseCode.isValidOnWire(code) != good
                        || !seen.equals(good ? Seen.close(code, "") : Seen.failure(1002))) {
                    misjudged.add(code);
                }
            }
            assertThat(misjudged).isEmpty();
            assertThat(CloseCode.isValidOnWire(-1)).isFalse();
            assertThat(CloseCode.isValidOnWire(5000)).isFalse();
            assertThat(CloseCode.isValidOnWire(1000 + 65536)).isFalse();
        }

        @ParameterizedTest
        @ValueSource(strings = {"8803 03e8 ff", "8804 03e8 61c3", "8805 03e8 eda080"})
        void theReasonIsUtf8(String wire) {
            assertThat(Reader.client().read(hex(wire)).all()).containsExactly(Seen.failure(1007));
        }

        @Test
        void aClosePayloadIsWritten() {
            assertThat(FrameEncoder.closePayload(1000, "bye")).isEqualTo(hex("03e8 627965"));
            assertThat(FrameEncoder.closePayload(4999, "")).isEqualTo(hex("1387"));
            assertThat(FrameEncoder.closePayload(CloseCode.NO_STATUS, "")).isEmpty();
            assertThat(FrameEncoder.closePayload(1001, "\u00e9\ud83d\ude00"))
                    .isEqualTo(hex("03e9 c3a9 f09f9880"));
        }

        @ParameterizedTest
        @ValueSource(ints = {-1, 0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 66536})
        void aCodeThatMayNotBeSentIsRefused(int code) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.closePayload(code, ""))
                    .withMessageContaining("close code " + code);
        }

        @Test
        void aReasonThatDoesNotFitIsRefused() {
            assertThat(FrameEncoder.closePayload(1000, "x".repeat(123))).hasSize(125);
            assertThat(FrameEncoder.closePayload(1000, "\u00e9".repeat(61))).hasSize(124);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.closePayload(1000, "x".repeat(124)))
                    .withMessageContaining("124 bytes");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.closePayload(1000, "\u00e9".repeat(62)))
                    .withMessageContaining("124 bytes");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.closePayload(CloseCode.NO_STATUS, "x"));
        }

        @ParameterizedTest
        @ValueSource(strings = {"\ud800", "ab\udc00", "\ud83dx", "\ude00\ud83d"})
        void aReasonThatIsNotUnicodeIsRefused(String reason) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.closePayload(1000, reason))
                    .withMessageContaining("unpaired surrogate");
        }

        @Test
        void nothingIsReadAfterAClose() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] wire = hex("8800 8101 61");

            assertThat(decoder.decode(wire, 0, wire.length)).isEqualTo(Event.CLOSE);
            assertThat(decoder.consumed()).isEqualTo(2);
            assertThatIllegalStateException()
                    .isThrownBy(() -> decoder.decode(wire, 2, wire.length));
            assertThatIllegalStateException().isThrownBy(() -> decoder.directFilled(0));
        }

        @Test
        void nothingIsReadOrHeldAfterAFailure() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] wire = hex("8101 61 c100 8101 61");
            assertThat(decoder.decode(wire, 0, wire.length)).isEqualTo(Event.TEXT);

            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> decoder.decode(wire, 3, wire.length))
                    .satisfies(e -> assertThat(e.getStackTrace()).isEmpty());
            assertThatIllegalStateException()
                    .isThrownBy(() -> decoder.decode(wire, 5, wire.length));
            assertThat(decoder.payload()).isNull();
        }

        /** What came before the bad frame was good, and is not lost. */
        @Test
        void messagesBeforeAFailureAreHandedOut() {
            assertThat(Reader.client().read(hex("8101 61 8201 00 8901 62 8300")).all())
                    .containsExactly(
                            Seen.text("a"),
                            Seen.binary((byte) 0),
                            Seen.ping((byte) 'b'),
                            Seen.failure(1002));
        }
    }

    @Nested
    @DisplayName("8.1 UTF-8 in text")
    class TextIsUtf8 {
        @Test
        void aMessageInOneFrame() {
            assertThat(Reader.client().read(hex("8102 c3a9")).all())
                    .containsExactly(Seen.text("\u00e9"));
            assertThat(Reader.client().read(hex("8102 c328")).all())
                    .containsExactly(Seen.failure(1007));
            assertThat(Reader.client().read(hex("8101 c3")).all())
                    .containsExactly(Seen.failure(1007));
            assertThat(Reader.client().read(hex("8202 c328")).all())
                    .as("binary is anything")
                    .containsExactly(Seen.binary(hex("c328")));
        }

        @Test
        void aCharacterMayBeCutByFragmentsAndControlFrames() {
            assertThat(Reader.client().read(hex("0101f0 00029f98 8901f0 800180")).all())
                    .containsExactly(Seen.ping((byte) 0xF0), Seen.text("\ud83d\ude00"));
        }

        @Test
        void aMessageMayNotEndInsideACharacter() {
            Reader client = Reader.client().read(hex("0101f0 80029f98"));

            assertThat(client.all()).containsExactly(Seen.failure(1007));
            assertThat(client.failure).contains("ends inside");
            assertThat(Reader.client().read(hex("0101c3 8000")).all())
                    .as("an empty last fragment ends it too")
                    .containsExactly(Seen.failure(1007));
        }

        /** Not at the end of the frame, nor of the message, but when the byte is here. */
        @Test
        void theFirstBadByteFailsAtOnce() {
            Reader client = Reader.client().read(hex("8105 6162"));

            assertThat(client.seen).isEmpty();
            assertThat(client.read(hex("ff")).all()).containsExactly(Seen.failure(1007));
            assertThat(client.failure).contains("bytes 2 to 3");
        }

        @Test
        void theStateDoesNotPassFromOneMessageToTheNext() {
            assertThat(Reader.client().read(hex("0101 61 8001 62 0201c3 8000 0102c3a9 8000")).all())
                    .containsExactly(
                            Seen.text("ab"), Seen.binary((byte) 0xC3), Seen.text("\u00e9"));
        }
    }

    @Nested
    @DisplayName("10.4 Limits")
    class Limits {
        @ParameterizedTest
        @CsvSource({"8105 6162636465, 1009", "0103616263 8002, 1009", "0104 61626364 8001, 1009"})
        void aMessageIsCountedWhole(String wire, int code) {
            Reader client = new Reader(new FrameDecoder(false, 4, 9), false).read(hex(wire));

            assertThat(client.all()).containsExactly(Seen.failure(code));
            assertThat(client.failure).contains("at most 4 in a message");
        }

        @Test
        void theLimitItselfIsAllowedAndEachMessageHasItAnew() {
            Reader client = new Reader(new FrameDecoder(false, 4, 9), false);

            client.read(hex("8104 61626364 0102 6162 0002 6364 8000 8104 61626364"));

            assertThat(client.all())
                    .containsExactly(Seen.text("abcd"), Seen.text("abcd"), Seen.text("abcd"));
        }

        /** Control frames are no part of the message; 125 bytes are always allowed. */
        @Test
        void controlFramesAreNotUnderTheMessageLimit() {
            Reader client = new Reader(new FrameDecoder(false, 4, 1), false);

            client.read(hex("8905 6162636465 8105"));

            assertThat(client.all()).containsExactly(Seen.ping(utf8("abcde")), Seen.failure(1009));
        }

        /** Before the key, and before a byte of payload. */
        @Test
        void anAnnouncedLengthFailsAsSoonAsItIsRead() {
            Reader server = new Reader(new FrameDecoder(true, 1000, 9), false);

            assertThat(server.read(hex("82fe 03e9")).all()).containsExactly(Seen.failure(1009));
        }

        @Test
        void fragmentsAreCountedEmptyOnesToo() {
            Reader client = new Reader(new FrameDecoder(false, 100, 3), false);

            client.read(hex("0100 0000 8000"));
            client.read(hex("8100"));
            client.read(hex("0100 0000 8900 0000"));
            assertThat(client.all()).containsExactly(Seen.text(""), Seen.text(""), Seen.ping());
            assertThat(client.read(hex("8000")).all()).last().isEqualTo(Seen.failure(1009));
            assertThat(client.failure).contains("more than 3 frames");
        }

        @Test
        void limitsAreNotLiftedByANumber() {
            assertThatIllegalArgumentException().isThrownBy(() -> new FrameDecoder(true, 0, 1));
            assertThatIllegalArgumentException().isThrownBy(() -> new FrameDecoder(true, 1, 0));
            assertThatIllegalArgumentException().isThrownBy(() -> new FrameDecoder(true, -1, 1));
        }

        /** No JVM makes an array of 2^31 - 1 bytes; the limit must not let one be asked for. */
        @Test
        void noLimitIsBeyondTheLongestArray() {
            FrameDecoder decoder = new FrameDecoder(false, Integer.MAX_VALUE, 1);
            Reader client = new Reader(decoder, false).read(hex("827f 000000007fffffff"));

            assertThat(client.all()).containsExactly(Seen.failure(1009));
            assertThat(client.failure).contains("at most 2147483639");
        }

        /**
         * Memory follows what arrived: 256 MiB are announced, at most 32 times the rest is held.
         */
        @Test
        void anAnnouncedLengthAllocatesLittle() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, 1);
            byte[] header = hex("827f 0000000010000000");

            assertThat(decoder.decode(header, 0, header.length)).isEqualTo(Event.NEED_INPUT);

            long arrived = 0;
            int arrays = 1;
            byte[] array = decoder.directArray();
            assertThat(array).hasSize(64 * 1024);
            while (arrived < 20_000_000) {
                assertThat((long) decoder.directArray().length)
                        .isLessThanOrEqualTo(Math.max(64 * 1024, 32 * arrived));
                if (array != decoder.directArray()) {
                    array = decoder.directArray();
                    arrays++;
                }
                assertThat(decoder.directOffset()).isEqualTo((int) arrived);
                int part = Math.min(10_000, decoder.directCapacity());
                assertThat(part).isPositive();
                assertThat(decoder.directFilled(part)).isEqualTo(Event.NEED_INPUT);
                arrived += part;
            }
            assertThat(arrays).as("64 KiB, 2 MiB, 64 MiB").isEqualTo(3);
        }

        @Test
        void aFrameThatIsMostlyHereIsAllocatedAtOnce() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, 1);
            byte[] wire = Arrays.copyOf(frame(0x82, new byte[1 << 20], null), 65_600);

            decoder.decode(wire, 0, wire.length);

            assertThat(decoder.directArray()).hasSize(1 << 20);
        }

        /** Joining fragments takes a few arrays, not one for each. */
        @Test
        void fragmentsGrowTheMessageGeometrically() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] first = frame(0x02, new byte[100], null);
            byte[] more = frame(0x00, new byte[100], null);
            decoder.decode(first, 0, first.length);
            int arrays = 0;
            byte[] array = decoder.directArray();
            for (int i = 0; i < 10_000; i++) {
                decoder.decode(more, 0, more.length);
                if (array != decoder.directArray()) {
                    array = decoder.directArray();
                    arrays++;
                }
            }

            assertThat(arrays).isLessThanOrEqualTo(14);
        }

        @Test
        void aHandedOutMessageIsNotHeld() throws Exception {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] wire = hex("0201 00 8001 01");
            assertThat(decoder.decode(wire, 0, wire.length)).isEqualTo(Event.BINARY);
            WeakReference<byte[]> message = new WeakReference<>(decoder.payload());

            for (int i = 0; i < 100 && message.get() != null; i++) {
                System.gc();
            }

            assertThat(message.get()).isNull();
            assertThat(decoder.inMessage()).isFalse();
        }
    }

    /** The way of large payloads from the socket into the message. */
    @Nested
    @DisplayName("Reading straight into the message")
    class Direct {
        @Test
        void itIsOfferedInsideALargePayloadOnly() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] wire = frame(0x82, new byte[4098], null);

            assertThat(decoder.directCapacity()).as("between frames").isZero();
            decoder.decode(wire, 0, 4 + 1);
            assertThat(decoder.directCapacity()).as("4,097 bytes are missing").isEqualTo(4097);
            decoder.decode(wire, 5, 6);
            assertThat(decoder.directCapacity()).as("4,096 bytes are missing").isZero();
            assertThat(decoder.decode(wire, 6, wire.length)).isEqualTo(Event.BINARY);
            assertThat(decoder.directCapacity()).isZero();
        }

        @Test
        void theMessageEndsByIt() {
            byte[] payload = utf8("\u20ac".repeat(30_000));
            byte[] wire = join(frame(0x81, payload, KEY), frame(0x89, new byte[0], KEY));
            Reader server = new Reader(new FrameDecoder(true, AMPLE, AMPLE), true);

            server.read(Arrays.copyOf(wire, 15));
            assertThat(server.decoder.directCapacity()).isEqualTo(64 * 1024 - 1);
            server.read(Arrays.copyOfRange(wire, 15, wire.length));

            assertThat(server.all())
                    .containsExactly(Seen.text("\u20ac".repeat(30_000)), Seen.ping());
        }

        @Test
        void badTextFailsThereToo() {
            byte[] payload = new byte[10_000];
            payload[9_000] = (byte) 0xC0;
            byte[] wire = frame(0x81, payload, KEY);
            Reader server = new Reader(new FrameDecoder(true, AMPLE, AMPLE), true);

            server.read(Arrays.copyOf(wire, 8)).read(Arrays.copyOfRange(wire, 8, wire.length));

            assertThat(server.all()).containsExactly(Seen.failure(1007));
        }

        @Test
        void moreThanWasOfferedIsRefused() throws ProtocolException {
            FrameDecoder decoder = new FrameDecoder(false, AMPLE, AMPLE);
            byte[] wire = frame(0x82, new byte[10_000], null);
            decoder.decode(wire, 0, 4);

            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> decoder.directFilled(10_001));
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> decoder.directFilled(-1));
            assertThat(decoder.directFilled(10_000)).isEqualTo(Event.BINARY);
        }
    }

    private static byte[] encoded(boolean fin, int opcode, byte[] payload, boolean masked) {
        byte[] frame = new byte[FrameEncoder.frameLength(payload.length, masked)];
        int end =
                FrameEncoder.encode(
                        frame, 0, fin, opcode, payload, 0, payload.length, masked, KEY_NUMBER);
        assertThat(end).isEqualTo(frame.length);
        return frame;
    }
}
