package io.peerloom.internal.protocol;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** The question and the answer by which both sides know that the other speaks WebSocket. */
final class WebSocketKey {
    /** RFC 6455 section 1.3. */
    private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /**
     * Only ever cloned: {@link MessageDigest#getInstance} leaves a map of thread locals on the
     * thread, which a connection's thread would keep for as long as it lives.
     */
    private static final MessageDigest SHA1 = newSha1();

    private WebSocketKey() {}

    /** Whether this is 16 bytes in base64. */
    static boolean isKey(String key) {
        try {
            return key.length() == 24 && Base64.getDecoder().decode(key).length == 16;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** What Sec-WebSocket-Accept says to this key. */
    static String accept(String key) {
        byte[] digest = sha1().digest((key + GUID).getBytes(StandardCharsets.ISO_8859_1));
        return Base64.getEncoder().encodeToString(digest);
    }

    private static MessageDigest sha1() {
        try {
            return (MessageDigest) SHA1.clone();
        } catch (CloneNotSupportedException e) {
            return newSha1(); // from a provider other than the JDK's
        }
    }

    private static MessageDigest newSha1() {
        try {
            return MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1", e);
        }
    }
}
