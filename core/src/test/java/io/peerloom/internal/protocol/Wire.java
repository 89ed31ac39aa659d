package io.peerloom.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.internal.protocol.FrameDecoder.Event;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Bytes as they stand on the wire, what a decoder makes of them, and a plain way to make them. */
final class Wire {
    /** Limits that are in nobody's way. */
    static final int AMPLE = 1 << 28;

    private Wire() {}

    /** Bytes from hexadecimal digits; spaces are for the reader. */
    static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] join(byte[]... parts) {
        int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
        ByteBuffer joined = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            joined.put(part);
        }
        return joined.array();
    }

    /**
     * A frame, written byte by byte from RFC 6455 section 5.2 so that it shares nothing with the
     * encoder under test. The key is null for none, else four bytes.
     */
    static byte[] frame(int firstByte, byte[] payload, byte[] key) {
        int n = payload.length;
        ByteBuffer out = ByteBuffer.allocate(n + 14);
        out.put((byte) firstByte);
        int mask = key == null ? 0 : 0x80;
        if (n < 126) {
            out.put((byte) (mask | n));
        } else if (n < 65536) {
            out.put((byte) (mask | 126)).putShort((short) n);
        } else {
            out.put((byte) (mask | 127)).putLong(n);
        }
        if (key != null) {
            out.put(key);
        }
        for (int i = 0; i < n; i++) {
            out.put(key == null ? payload[i] : (byte) (payload[i] ^ key[i % 4]));
        }
        return Arrays.copyOf(out.array(), out.position());
    }

    /** What came out of a decoder: an event, or the code of a failure with no event. */
    record Seen(Event event, ByteBuffer payload, int code, String reason) {
        static Seen text(String text) {
            return new Seen(Event.TEXT, ByteBuffer.wrap(utf8(text)), 0, null);
        }

        static Seen binary(byte... payload) {
            return new Seen(Event.BINARY, ByteBuffer.wrap(payload), 0, null);
        }

        static Seen ping(byte... payload) {
            return new Seen(Event.PING, ByteBuffer.wrap(payload), 0, null);
        }

        static Seen pong(byte... payload) {
            return new Seen(Event.PONG, ByteBuffer.wrap(payload), 0, null);
        }

        static Seen close(int code, String reason) {
            return new Seen(Event.CLOSE, null, code, reason);
        }

        static Seen failure(int code) {
            return new Seen(null, null, code, null);
        }

        boolean ends() {
            return event == null || event == Event.CLOSE;
        }
    }

    /** Feeds a decoder as a read loop would, and writes down what it says. */
    static final class Reader {
        final FrameDecoder decoder;
        final List<Seen> seen = new ArrayList<>();

        /** The message of the failure, if there was one. */
        String failure;

        /** Whether to write into the message where that is offered. */
        private final boolean direct;

        /** What the decoder left of the input so far. */
        private byte[] kept = {};

        private boolean ended;

        Reader(FrameDecoder decoder, boolean direct) {
            this.decoder = decoder;
            this.direct = direct;
        }

        static Reader server() {
            return new Reader(new FrameDecoder(true, AMPLE, AMPLE), false);
        }

        static Reader client() {
            return new Reader(new FrameDecoder(false, AMPLE, AMPLE), false);
        }

        /** Takes bytes off the network; those after the end are dropped. */
        Reader read(byte[] bytes) {
            int at = 0;
            while (at < bytes.length && !ended) {
                int room = direct && kept.length == 0 ? decoder.directCapacity() : 0;
                if (room > 0) {
                    int part = Math.min(room, bytes.length - at);
                    byte[] message = decoder.directArray();
                    System.arraycopy(bytes, at, message, decoder.directOffset(), part);
                    note(() -> decoder.directFilled(part));
                    at += part;
                } else {
                    decodeAll(join(kept, Arrays.copyOfRange(bytes, at, bytes.length)));
                    at = bytes.length;
                }
            }
            return this;
        }

        /** What was seen, after a check that no byte is left over. */
        List<Seen> all() {
            assertThat(kept).as("bytes left over").isEmpty();
            return seen;
        }

        byte[] kept() {
            return kept;
        }

        private void decodeAll(byte[] input) {
            // Not at the array's front and not up to its end, where a wrong index would not show.
            byte[] buf = join(new byte[3], input, new byte[5]);
            byte[] before = buf.clone();
            int to = 3 + input.length;
            int[] from = {3};
            while (true) {
                boolean message = !decoder.inMessage() && decoder.isMessageNext(buf, from[0], to);
                int soFar = seen.size();
                boolean more = note(() -> decoder.decode(buf, from[0], to));
                if (message) { // it is one, or it is bad, and nothing is waited for
                    assertThat(seen).as("isMessageNext").hasSize(soFar + 1);
                    assertThat(seen.getLast().event()).isIn(Event.TEXT, Event.BINARY, null);
                }
                if (!more) {
                    break;
                }
                assertThat(decoder.consumed()).as("progress").isGreaterThan(from[0]);
                from[0] = decoder.consumed();
            }
            assertThat(buf).as("the caller's buffer").isEqualTo(before);
            kept = ended ? new byte[0] : Arrays.copyOfRange(buf, decoder.consumed(), to);
        }

        /** Writes down what a call says; returns whether another event may follow. */
        private boolean note(Call call) {
            try {
                Event event = call.make();
                assertThat((long) decoder.directArray().length)
                        .as("memory held for %d bytes", decoder.directOffset())
                        .isLessThanOrEqualTo(Math.max(65_536, 32L * decoder.directOffset()));
                if (event == Event.NEED_INPUT) {
                    return false;
                }
                boolean close = event == Event.CLOSE;
                byte[] payload = decoder.payload();
                assertThat(decoder.payload()).as("a second reference to a payload").isNull();
                seen.add(
                        new Seen(
                                event,
                                payload == null ? null : ByteBuffer.wrap(payload),
                                close ? decoder.closeCode() : 0,
                                close ? decoder.closeReason() : null));
                ended = close;
            } catch (ProtocolException e) {
                assertThat(decoder.payload()).as("payload after a failure").isNull();
                seen.add(Seen.failure(e.closeCode()));
                failure = e.getMessage();
                ended = true;
            }
            return !ended;
        }

        private interface Call {
            Event make() throws ProtocolException;
        }
    }
}
