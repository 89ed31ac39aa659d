package io.peerloom.websocket;

import io.peerloom.internal.protocol.Utf8;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * A whole WebSocket message, text or binary (RFC 6455 section 5.6). Immutable as long as nobody
 * writes into its {@link #bytes}, which are not copied on the way in or out. Any thread.
 */
public final class Message {

    private final byte[] data;
    private final boolean text;

    /** Whether to compress it; null to leave that to the threshold. */
    private final Boolean compressed;

    /** {@code data} must be valid UTF-8 if {@code text}. */
    Message(byte[] data, boolean text) {
        this(data, text, null);
    }

    private Message(byte[] data, boolean text, Boolean compressed) {
        this.data = data;
        this.text = text;
        this.compressed = compressed;
    }

    /**
     * A text message.
     *
     * @param text any Unicode text
     * @return the message
     * @throws IllegalArgumentException if the text has an unpaired surrogate, which UTF-8 cannot
     *     express
     */
    public static Message text(String text) {
        return new Message(Utf8.encode(text), true);
    }

    /**
     * A binary message.
     *
     * @param data its payload; belongs to the message from now on, do not change it
     * @return the message
     */
    public static Message binary(byte[] data) {
        return new Message(Objects.requireNonNull(data, "data"), false);
    }

    /**
     * This message with a choice of its own about compression, where the connection has it: not for
     * secrets beside what an attacker chose (RFC 7692 section 8), not for what is compressed
     * already.
     *
     * @param choice true to compress it however short it is, if that makes it shorter; false to
     *     send it as it is
     * @return a message with the same payload
     */
    public Message compressed(boolean choice) {
        return new Message(data, text, choice);
    }

    boolean wantsCompression(int threshold) {
        return compressed == null ? data.length >= threshold : compressed;
    }

    /** A message of its own bytes. */
    Message copy() {
        return new Message(data.clone(), text, compressed);
    }

    /** {@return whether it is text rather than binary} */
    public boolean isText() {
        return text;
    }

    /**
     * {@return the text} Of a binary message: its bytes read as UTF-8, with replacement characters
     * where they are none.
     */
    public String text() {
        return new String(data, StandardCharsets.UTF_8);
    }

    /**
     * {@return the payload itself, not a copy; the UTF-8 bytes of a text} Do not change it unless
     * nobody else has the message.
     */
    public byte[] bytes() {
        return data;
    }

    /** {@return the length of the payload in bytes} */
    public int size() {
        return data.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Message m && m.text == text && Arrays.equals(m.data, data);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(data) + Boolean.hashCode(text);
    }

    /** {@return kind and length, and the beginning of a text} */
    @Override
    public String toString() {
        if (!text) {
            return "binary[" + data.length + " bytes]";
        }
        String all = text();
        return "text[" + (all.length() <= 64 ? all : all.substring(0, 64) + "…") + "]";
    }
}
