package io.peerloom.stream;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;

/**
 * Certificates and private keys as text (RFC 7468). The JDK reads keys in PKCS #8 alone; the older
 * forms hold the same with less around it, and are put into it here.
 */
final class Pem {

    private static final String BEGIN = "-----BEGIN ";
    private static final String END = "-----END ";
    private static final String DASHES = "-----";

    // Tags of DER (X.690): the types that keys are made of.
    private static final int INTEGER = 0x02;
    private static final int OCTET_STRING = 0x04;
    private static final int OBJECT_IDENTIFIER = 0x06;
    private static final int SEQUENCE = 0x30;
    private static final int CONTEXT_0 = 0xA0;

    private static final byte[] VERSION_0 = {INTEGER, 1, 0};

    /** The algorithm rsaEncryption, 1.2.840.113549.1.1.1, without parameters (RFC 8017). */
    private static final byte[] RSA = {
        OBJECT_IDENTIFIER, 9, 42, (byte) 134, 72, (byte) 134, (byte) 247, 13, 1, 1, 1, 5, 0
    };

    /** The algorithm id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480); the curve follows. */
    private static final byte[] EC = {
        OBJECT_IDENTIFIER, 7, 42, (byte) 134, 72, (byte) 206, 61, 2, 1
    };

    /** A block of the text. */
    private static final class Block {
        /** What it says it is, and the line where it begins, from 1. */
        final String label;

        final int line;

        /** What it holds; nothing if that is encrypted. */
        final byte[] der;

        Block(String label, int line, byte[] der) {
            this.label = label;
            this.line = line;
            this.der = der;
        }

        IllegalArgumentException failure(String why, Exception cause) {
            return new IllegalArgumentException(
                    "PEM, line " + line + ", " + label + ": " + why, cause);
        }
    }

    private Pem() {}

    static List<X509Certificate> certificates(String pem) {
        var found = new ArrayList<X509Certificate>();
        for (Block block : blocks(pem)) {
            if (block.label.equals("CERTIFICATE")) {
                try {
                    found.add(
                            (X509Certificate)
                                    CertificateFactory.getInstance("X.509")
                                            .generateCertificate(
                                                    new ByteArrayInputStream(block.der)));
                } catch (CertificateException e) {
                    throw block.failure("not a certificate: " + e.getMessage(), e);
                }
            }
        }
        if (found.isEmpty()) {
            throw new IllegalArgumentException("PEM: no certificate in it");
        }
        return List.copyOf(found);
    }

    static PrivateKey privateKey(String pem) {
        byte[] curve = {};
        for (Block block : blocks(pem)) {
            String label = block.label;
            if (label.equals("ENCRYPTED PRIVATE KEY")
                    || (label.endsWith("PRIVATE KEY") && block.der.length == 0)) {
                throw block.failure("encrypted keys are not read", null);
            }
            switch (label) {
                case "EC PARAMETERS" -> curve = block.der;
                case "PRIVATE KEY" -> {
                    return parse(block, block.der, "RSA", "EC", "EdDSA");
                }
                case "RSA PRIVATE KEY" -> {
                    return parse(block, inPkcs8(block, RSA, new byte[0]), "RSA");
                }
                case "EC PRIVATE KEY" -> {
                    return parse(block, inPkcs8(block, EC, curveOf(block, curve)), "EC");
                }
                default -> {}
            }
        }
        throw new IllegalArgumentException("PEM: no private key in it");
    }

    private static List<Block> blocks(String pem) {
        var found = new ArrayList<Block>();
        String label = null;
        int begin = 0;
        int at = 0;
        boolean encrypted = false;
        var base64 = new StringBuilder();
        for (String line : pem.lines().map(String::strip).toList()) {
            at++;
            if (line.startsWith(BEGIN) && line.endsWith(DASHES)) {
                if (label != null) {
                    throw new IllegalArgumentException(
                            "PEM, line " + at + ": begins before " + label + " has ended");
                }
                label = line.substring(BEGIN.length(), line.length() - DASHES.length());
                begin = at;
                encrypted = false;
                base64.setLength(0);
            } else if (line.startsWith(END) && label != null) {
                if (!line.equals(END + label + DASHES)) {
                    throw new IllegalArgumentException(
                            "PEM, line " + at + ": not the end of " + label);
                }
                found.add(block(label, begin, encrypted, base64.toString()));
                label = null;
            } else if (label != null && line.indexOf(':') >= 0) { // a header of RFC 1421
                encrypted |= line.startsWith("Proc-Type:") && line.endsWith("ENCRYPTED");
            } else if (label != null) {
                base64.append(line);
            }
        }
        if (label != null) {
            throw new IllegalArgumentException("PEM, line " + begin + ", " + label + ": no end");
        }
        return found;
    }

    private static Block block(String label, int line, boolean encrypted, String base64) {
        if (encrypted) {
            return new Block(label, line, new byte[0]);
        }
        try {
            return new Block(label, line, Base64.getDecoder().decode(base64));
        } catch (IllegalArgumentException e) {
            throw new Block(label, line, new byte[0]).failure("not Base64: " + e.getMessage(), e);
        }
    }

    private static PrivateKey parse(Block block, byte[] pkcs8, String... algorithms) {
        GeneralSecurityException last = null;
        for (String algorithm : algorithms) {
            try {
                return KeyFactory.getInstance(algorithm)
                        .generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (InvalidKeySpecException e) {
                last = e; // of another algorithm, or of none
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e); // every JDK has these
            }
        }
        throw block.failure("not a key of " + String.join(", ", algorithms), last);
    }

    // ---- DER ----

    /** A PrivateKeyInfo (RFC 5208 section 5) of the key that the block holds. */
    private static byte[] inPkcs8(Block block, byte[] algorithm, byte[] parameters) {
        return element(
                SEQUENCE,
                VERSION_0,
                element(SEQUENCE, algorithm, parameters),
                element(OCTET_STRING, block.der));
    }

    private static byte[] element(int tag, byte[]... contents) {
        int length = 0;
        for (byte[] content : contents) {
            length += content.length;
        }
        var out = new ByteArrayOutputStream(length + 6);
        out.write(tag);
        if (length < 0x80) {
            out.write(length);
        } else {
            int bytes = (Integer.SIZE - Integer.numberOfLeadingZeros(length) + 7) / 8;
            out.write(0x80 | bytes);
            for (int i = bytes - 1; i >= 0; i--) {
                out.write(length >> (8 * i));
            }
        }
        for (byte[] content : contents) {
            out.writeBytes(content);
        }
        return out.toByteArray();
    }

    /** The curve that an ECPrivateKey (RFC 5915 section 3) names, or else the one given. */
    private static byte[] curveOf(Block block, byte[] otherwise) {
        byte[] der = block.der;
        try {
            int at = contentOf(der, 0, SEQUENCE);
            at = after(der, at); // the version
            at = after(der, at); // the key
            if (at < der.length && (der[at] & 0xFF) == CONTEXT_0) {
                int from = contentOf(der, at, CONTEXT_0);
                return Arrays.copyOfRange(der, from, after(der, at));
            }
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            throw block.failure("broken off", e);
        }
        if (otherwise.length == 0) {
            throw block.failure("it names no curve", null);
        }
        return otherwise;
    }

    private static int contentOf(byte[] der, int at, int tag) {
        if ((der[at] & 0xFF) != tag) {
            throw new IndexOutOfBoundsException("no element " + tag + " at " + at);
        }
        int first = der[at + 1] & 0xFF;
        return at + 2 + (first < 0x80 ? 0 : first & 0x7F);
    }

    /** Where the element that begins here ends. */
    private static int after(byte[] der, int at) {
        int from = contentOf(der, at, der[at] & 0xFF);
        int length = der[at + 1] & 0xFF;
        if (length >= 0x80) {
            length = 0;
            for (int i = at + 2; i < from; i++) {
                length = Math.addExact(Math.multiplyExact(length, 256), der[i] & 0xFF);
            }
        }
        return Objects.checkIndex(from + length, der.length + 1);
    }
}
