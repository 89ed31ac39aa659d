package io.peerloom.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.peerloom.internal.protocol.PermessageDeflate.Agreement;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 7692 sections 5 and 7.1: what is offered, chosen, declined and refused. */
class PermessageDeflateTest {

    private static final PermessageDeflate OPEN = new PermessageDeflate(false, false, 15, 15);
    private static final PermessageDeflate FRUGAL = new PermessageDeflate(true, true, 15, 15);

    private static RequestHead request(String... extensions) throws HandshakeException {
        return head(HeadParser.request(65_536, 200), "GET / HTTP/1.1", extensions).requestHead();
    }

    private static ResponseHead response(String... extensions) throws HandshakeException {
        return head(HeadParser.response(65_536, 200), "HTTP/1.1 101 OK", extensions).responseHead();
    }

    private static HeadParser head(HeadParser parser, String first, String... extensions)
            throws HandshakeException {
        var text = new StringBuilder(first).append("\r\n");
        for (String extension : extensions) {
            text.append("Sec-WebSocket-Extensions: ").append(extension).append("\r\n");
        }
        byte[] bytes = text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        assertThat(parser.feed(bytes, 0, bytes.length)).isTrue();
        return parser;
    }

    private static String answer(PermessageDeflate wish, String... offers)
            throws HandshakeException {
        return wish.accept(request(offers)).map(Agreement::text).orElse(null);
    }

    @Test
    void aWindowIsOneOfTheStandard() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PermessageDeflate(false, false, 7, 15))
                .withMessage("window bits of 7 and 15");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PermessageDeflate(false, false, 15, 16));
        assertThat(new PermessageDeflate(false, false, 8, 15).serverMaxWindowBits()).isEqualTo(8);
    }

    @Nested
    @DisplayName("7.1 Offers")
    class Offers {
        @Test
        void whatIsWished() {
            assertThat(OPEN.offer()).isEqualTo("permessage-deflate; client_max_window_bits");
            assertThat(FRUGAL.offer())
                    .isEqualTo(
                            "permessage-deflate; server_no_context_takeover;"
                                    + " client_no_context_takeover; client_max_window_bits,"
                                    + " permessage-deflate; client_max_window_bits");
            assertThat(new PermessageDeflate(false, false, 10, 11).offer())
                    .isEqualTo(
                            "permessage-deflate; server_max_window_bits=10;"
                                    + " client_max_window_bits=11,"
                                    + " permessage-deflate; client_max_window_bits");
            assertThat(new PermessageDeflate(false, true, 15, 9).offer())
                    .isEqualTo(
                            "permessage-deflate; client_no_context_takeover;"
                                    + " client_max_window_bits=9,"
                                    + " permessage-deflate; client_max_window_bits");
        }

        @Test
        void everyOfferIsUnderstoodByOurServer() throws HandshakeException {
            for (int bits = 9; bits <= 15; bits++) {
                for (boolean keep : new boolean[] {true, false}) {
                    var wish = new PermessageDeflate(!keep, keep, bits, 24 - bits);
                    Agreement agreed = OPEN.accept(request(wish.offer())).orElseThrow();

                    assertThat(agreed.parameters()).isEqualTo(wish);
                    assertThat(wish.verify(response(agreed.text())).orElseThrow().parameters())
                            .as(agreed.text())
                            .isEqualTo(wish);
                }
            }
        }
    }

    @Nested
    @DisplayName("7.1 The server's choice")
    class Choice {
        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "permessage-deflate | permessage-deflate",
                    "permessage-deflate; client_max_window_bits | permessage-deflate",
                    "permessage-deflate;client_max_window_bits=10"
                            + " | permessage-deflate; client_max_window_bits=10",
                    "permessage-deflate; client_max_window_bits=15"
                            + " | permessage-deflate; client_max_window_bits=15",
                    "permessage-deflate; client_max_window_bits=8"
                            + " | permessage-deflate; client_max_window_bits=8",
                    "permessage-deflate; server_max_window_bits=8"
                            + " | permessage-deflate; server_max_window_bits=8",
                    "permessage-deflate; server_max_window_bits=15"
                            + " | permessage-deflate; server_max_window_bits=15",
                    "permessage-deflate; server_max_window_bits=\"12\""
                            + " | permessage-deflate; server_max_window_bits=12",
                    "permessage-deflate; server_max_window_bits=\"1\\2\""
                            + " | permessage-deflate; server_max_window_bits=12",
                    "permessage-deflate; server_no_context_takeover"
                            + " | permessage-deflate; server_no_context_takeover",
                    "permessage-deflate; client_no_context_takeover"
                            + " | permessage-deflate; client_no_context_takeover",
                    "permessage-deflate ; server_max_window_bits = 9 ;"
                            + " server_no_context_takeover , permessage-deflate"
                            + " | permessage-deflate; server_no_context_takeover;"
                            + " server_max_window_bits=9",
                    "x-other; a=b, permessage-deflate | permessage-deflate",
                    "x-other; a=\"b\", , permessage-deflate | permessage-deflate",
                })
        void aGoodOfferIsTakenAndWhatWasAcceptedIsNamed(String offer, String answer)
                throws HandshakeException {
            assertThat(answer(OPEN, offer)).isEqualTo(answer);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "permessage-deflate; unknown",
                    "permessage-deflate; unknown=1",
                    "permessage-deflate; server_no_context_takeover=1",
                    "permessage-deflate; client_no_context_takeover=true",
                    "permessage-deflate; server_max_window_bits",
                    "permessage-deflate; server_max_window_bits=7",
                    "permessage-deflate; server_max_window_bits=16",
                    "permessage-deflate; server_max_window_bits=08",
                    "permessage-deflate; server_max_window_bits=+9",
                    "permessage-deflate; server_max_window_bits=99999999999999999999",
                    "permessage-deflate; server_max_window_bits=x",
                    "permessage-deflate; client_max_window_bits=7",
                    "permessage-deflate; client_max_window_bits=010",
                    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                    "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
                    "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
                    "permessage-inflate",
                    "x-webkit-deflate-frame",
                    "Permessage-Deflate",
                    "",
                    " , ,",
                })
        void otherOffersAreDeclined(String offer) throws HandshakeException {
            assertThat(answer(OPEN, offer)).isNull();
            assertThat(answer(OPEN, offer, "permessage-deflate"))
                    .as("the next one is looked at")
                    .isEqualTo("permessage-deflate");
        }

        @Test
        void withoutAnOfferThereIsNoCompression() throws HandshakeException {
            assertThat(FRUGAL.accept(request())).isEqualTo(Optional.empty());
        }

        @Test
        void theServersOwnWishesAreSaid() throws HandshakeException {
            var wish = new PermessageDeflate(true, true, 11, 10);

            assertThat(answer(wish, "permessage-deflate"))
                    .as("a window that the client did not speak of cannot be asked for")
                    .isEqualTo(
                            "permessage-deflate; server_no_context_takeover;"
                                    + " client_no_context_takeover; server_max_window_bits=11");
            assertThat(answer(wish, "permessage-deflate; client_max_window_bits"))
                    .endsWith("; server_max_window_bits=11; client_max_window_bits=10");
            assertThat(
                            answer(
                                    wish,
                                    "permessage-deflate; client_max_window_bits=9;"
                                            + " server_max_window_bits=10"))
                    .endsWith("; server_max_window_bits=10; client_max_window_bits=9");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "permessage-deflate;",
                    "permessage-deflate; =9",
                    "permessage-deflate; a=",
                    "permessage-deflate; a=\"",
                    "permessage-deflate; a=\"b",
                    "permessage-deflate; a=\"\"",
                    "permessage-deflate; a=\"b c\"",
                    "permessage-deflate; a=\"b\\",
                    "permessage-deflate; a=b c",
                    "permessage-deflate a",
                    "; a",
                    "\"permessage-deflate\"",
                    "permessage-deflate, x; y=\u00e9",
                })
        void aMalformedHeaderFailsTheConnection(String offer) throws HandshakeException {
            RequestHead request = request("permessage-deflate", offer);

            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> OPEN.accept(request))
                    .withMessageContaining("is malformed at index")
                    .satisfies(e -> assertThat(e.status()).isEqualTo(400));
        }

        /** The header is read once from front to end, and what it names is kept nowhere. */
        @Test
        void aHugeHeaderIsReadInOnePass() throws HandshakeException {
            String many = "permessage-deflate; unknown, ".repeat(2_000);

            assertThat(answer(OPEN, many + "permessage-deflate")).isEqualTo("permessage-deflate");
        }
    }

    @Nested
    @DisplayName("7.1 The client's look at the answer")
    class Look {
        private Agreement verify(PermessageDeflate wish, String... answer)
                throws HandshakeException {
            return wish.verify(response(answer)).orElseThrow();
        }

        @Test
        void theServerMayDecline() throws HandshakeException {
            assertThat(OPEN.verify(response())).isEmpty();
            assertThat(OPEN.verify(response("", " , "))).isEmpty();
        }

        @Test
        void whatNarrowsTheOfferIsTaken() throws HandshakeException {
            assertThat(verify(OPEN, "permessage-deflate").parameters()).isEqualTo(OPEN);
            assertThat(
                            verify(
                                            OPEN,
                                            "permessage-deflate; server_no_context_takeover;"
                                                    + " client_no_context_takeover;"
                                                    + " server_max_window_bits=8;"
                                                    + " client_max_window_bits=\"8\"")
                                    .parameters())
                    .isEqualTo(new PermessageDeflate(true, true, 8, 8));
            assertThat(verify(OPEN, "permessage-deflate; server_max_window_bits=9").text())
                    .isEqualTo("permessage-deflate; server_max_window_bits=9");
        }

        @Test
        void whatTheSecondOfferAllowsIsTaken() throws HandshakeException {
            var wish = new PermessageDeflate(true, true, 10, 10);

            assertThat(verify(wish, "permessage-deflate").parameters())
                    .as("the server keeps its context; ours is as we wish")
                    .isEqualTo(new PermessageDeflate(false, true, 15, 10));
            assertThat(verify(wish, "permessage-deflate; client_max_window_bits=12").parameters())
                    .isEqualTo(new PermessageDeflate(false, true, 15, 10));
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "x-other | extension \"x-other\" that was not asked for",
                    "permessage-deflate, permessage-deflate | more than one extension",
                    "permessage-deflate, x-other | more than one extension",
                    "permessage-deflate; unknown | parameter \"unknown\"",
                    "permessage-deflate; unknown=5 | parameter \"unknown=5\"",
                    "permessage-deflate; client_max_window_bits | client_max_window_bits without",
                    "permessage-deflate; client_max_window_bits=7 | \"client_max_window_bits=7\"",
                    "permessage-deflate; server_max_window_bits"
                            + " | parameter \"server_max_window_bits\"",
                    "permessage-deflate; server_max_window_bits=1000000"
                            + " | parameter \"server_max_window_bits=1000000\"",
                    "permessage-deflate; server_no_context_takeover=0"
                            + " | \"server_no_context_takeover=0\"",
                    "permessage-deflate; server_no_context_takeover; server_no_context_takeover"
                            + " | server_no_context_takeover twice",
                    "permessage-deflate; | is malformed at index",
                })
        void whatWasNotOfferedIsRefused(String answer, String why) throws HandshakeException {
            ResponseHead head = response(answer);

            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> OPEN.verify(head))
                    .withMessageContaining(why)
                    .satisfies(e -> assertThat(e.status()).isEqualTo(101));
        }

        @Test
        void twoLinesAreOneList() throws HandshakeException {
            ResponseHead head = response("permessage-deflate", "permessage-deflate");

            assertThatExceptionOfType(HandshakeException.class)
                    .isThrownBy(() -> OPEN.verify(head))
                    .withMessageContaining("more than one extension");
        }

        @Test
        void theHandshakeCarriesIt() throws HandshakeException {
            ClientHandshake plain =
                    ClientHandshake.of("a", "/", List.of(), List.of(), new byte[16]);
            ClientHandshake client =
                    ClientHandshake.of("a", "/", List.of(), List.of(), FRUGAL, new byte[16]);

            String request = new String(client.request(), StandardCharsets.ISO_8859_1);
            assertThat(request)
                    .contains("\r\nSec-WebSocket-Extensions: " + FRUGAL.offer() + "\r\n");
            assertThat(new String(plain.request(), StandardCharsets.ISO_8859_1))
                    .doesNotContain("Sec-WebSocket-Extensions");
            HeadParser parser = HeadParser.request(65_536, 100);
            byte[] bytes = client.request();
            assertThat(parser.feed(bytes, 0, bytes.length)).isTrue();
            RequestHead head = parser.requestHead();
            String chosen = OPEN.accept(head).orElseThrow().text();
            byte[] answer = ServerHandshake.accept(head, null, chosen, List.of());
            HeadParser answered = HeadParser.response(65_536, 100);
            assertThat(answered.feed(answer, 0, answer.length)).isTrue();
            assertThat(client.verify(answered.responseHead())).isEmpty();
            assertThat(client.deflate(answered.responseHead()).orElseThrow().parameters())
                    .isEqualTo(FRUGAL);
            assertThat(plain.deflate(answered.responseHead())).isEmpty();
        }
    }
}
