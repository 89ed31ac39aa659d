package io.peerloom.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.peerloom.testing.Certificates;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be told, and keys and certificates as text. */
class TLSOptionsTest {

    @TempDir Path folder;

    private static String pem(String label, byte[] der) {
        String base64 =
                Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                        .encodeToString(der);
        return "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n".formatted(label, base64);
    }

    private static KeyPair pair(String algorithm, String parameter) throws Exception {
        var generator = KeyPairGenerator.getInstance(algorithm);
        if (parameter == null) {
            generator.initialize(2048);
        } else if (!parameter.isEmpty()) {
            generator.initialize(new ECGenParameterSpec(parameter));
        }
        return generator.generateKeyPair();
    }

    // ---- DER, written here from X.690 and the RFCs ----

    private static byte[] der(int tag, byte[]... contents) {
        var content = new ByteArrayOutputStream();
        for (byte[] each : contents) {
            content.writeBytes(each);
        }
        var out = new ByteArrayOutputStream();
        out.write(tag);
        int n = content.size();
        if (n >= 0x100) {
            out.writeBytes(new byte[] {(byte) 0x82, (byte) (n >> 8), (byte) n});
        } else if (n >= 0x80) {
            out.writeBytes(new byte[] {(byte) 0x81, (byte) n});
        } else {
            out.write(n);
        }
        out.writeBytes(content.toByteArray());
        return out.toByteArray();
    }

    private static byte[] number(BigInteger value) {
        return der(0x02, value.toByteArray());
    }

    /** RFC 8017 appendix A.1.2. */
    private static byte[] pkcs1(RSAPrivateCrtKey key) {
        return der(
                0x30,
                number(BigInteger.ZERO),
                number(key.getModulus()),
                number(key.getPublicExponent()),
                number(key.getPrivateExponent()),
                number(key.getPrimeP()),
                number(key.getPrimeQ()),
                number(key.getPrimeExponentP()),
                number(key.getPrimeExponentQ()),
                number(key.getCrtCoefficient()));
    }

    private static final byte[] P256 = {6, 8, 42, (byte) 134, 72, (byte) 206, 61, 3, 1, 7};

    /** RFC 5915 section 3. */
    private static byte[] sec1(ECPrivateKey key, boolean named) {
        byte[] scalar = new byte[32];
        byte[] s = key.getS().toByteArray();
        int n = Math.min(32, s.length);
        System.arraycopy(s, s.length - n, scalar, 32 - n, n);
        return der(
                0x30,
                number(BigInteger.ONE),
                der(0x04, scalar),
                named ? der(0xA0, P256) : new byte[0]);
    }

    // ---- keys ----

    @ParameterizedTest
    @CsvSource({"RSA,", "EC, secp256r1", "EC, secp521r1", "Ed25519, ''"})
    void pkcs8(String algorithm, String parameter) throws Exception {
        PrivateKey key = pair(algorithm, parameter).getPrivate();
        assertThat(TLSOptions.privateKey(pem("PRIVATE KEY", key.getEncoded()))).isEqualTo(key);
    }

    /** What Godot's CryptoKey.save writes. */
    @Test
    void rsaInPkcs1() throws Exception {
        var key = (RSAPrivateCrtKey) pair("RSA", null).getPrivate();
        assertThat(TLSOptions.privateKey(pem("RSA PRIVATE KEY", pkcs1(key)))).isEqualTo(key);
    }

    @Test
    void ecByItself() throws Exception {
        var key = (ECPrivateKey) pair("EC", "secp256r1").getPrivate();
        String unnamed = pem("EC PRIVATE KEY", sec1(key, false));
        for (String text :
                new String[] {
                    pem("EC PRIVATE KEY", sec1(key, true)), pem("EC PARAMETERS", P256) + unnamed
                }) {
            var read = (ECPrivateKey) TLSOptions.privateKey(text);
            assertThat(read.getS()).isEqualTo(key.getS());
            assertThat(read.getParams().getCurve()).isEqualTo(key.getParams().getCurve());
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.privateKey(unnamed))
                .withMessage("PEM, line 1, EC PRIVATE KEY: it names no curve");
    }

    @Test
    void whatStandsAroundIsPassedOver() throws Exception {
        PrivateKey key = pair("EC", "secp256r1").getPrivate();
        String text =
                "Bag Attributes\r\n    friendlyName: x\r\n"
                        + pem("CERTIFICATE", Certificates.authority().getEncoded())
                        + "\r\n  \n"
                        + pem("PRIVATE KEY", key.getEncoded()).replace("\n", "  \r\n")
                        + pem("CERTIFICATE", Certificates.authority().getEncoded())
                        + "the end";
        assertThat(TLSOptions.privateKey(text)).isEqualTo(key);
        assertThat(TLSOptions.certificates(text))
                .containsExactly(Certificates.authority(), Certificates.authority());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1"
                        + "\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            })
    void encryptedKeysAreNamed(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.privateKey("\n" + text))
                .withMessageStartingWith("PEM, line 2, ")
                .withMessageEndingWith(" PRIVATE KEY: encrypted keys are not read");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | PEM: no private key in it",
                "'-----BEGIN PRIVATE KEY-----\nAAAA' | PEM, line 1, PRIVATE KEY: no end",
                "'\n-----BEGIN PRIVATE KEY-----\nA!AA\n-----END PRIVATE KEY-----' | PEM, line 2,"
                        + " PRIVATE KEY: not Base64: ",
                "'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' | PEM, line 1,"
                        + " PRIVATE KEY: not a key of RSA, EC, EdDSA",
                "'-----BEGIN EC PRIVATE KEY-----\nMII=\n-----END EC PRIVATE KEY-----' | PEM, line"
                        + " 1, EC PRIVATE KEY: broken off",
                "'-----BEGIN EC PRIVATE KEY-----\nMAj//////////w==\n-----END EC PRIVATE KEY-----' |"
                        + " PEM, line 1, EC PRIVATE KEY: broken off",
                "'-----BEGIN PRIVATE KEY-----\n-----END CERTIFICATE-----' | PEM, line 2: not the"
                        + " end of PRIVATE KEY",
                "'-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----' | PEM, line 2: begins"
                        + " before PRIVATE KEY has ended",
            })
    void badKeysAreNamedWithTheirPlace(String text, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.privateKey(text))
                .withMessageStartingWith(why);
    }

    /** Whatever stands there, the answer is a key or says why not. */
    @Property(tries = 300)
    void brokenKeysFailInOrder(
            @ForAll @IntRange(max = 120) int at,
            @ForAll byte change,
            @ForAll boolean cut,
            @ForAll boolean ec)
            throws Exception {
        byte[] bytes =
                sec1((ECPrivateKey) Certificates.entry(Certificates.GOOD).getPrivateKey(), ec);
        if (cut) {
            bytes = Arrays.copyOf(bytes, Math.min(at, bytes.length));
        } else {
            bytes[at % bytes.length] ^= change;
        }
        String text = pem("EC PRIVATE KEY", bytes);
        try {
            assertThat(TLSOptions.privateKey(text)).isNotNull();
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageStartingWith("PEM, line 1, EC PRIVATE KEY: ");
        }
    }

    // ---- certificates ----

    @Test
    void certificatesKeepTheirOrder() throws Exception {
        String text = Files.readString(Certificates.savePem(folder.resolve("x"), "good"));
        assertThat(TLSOptions.certificates(text))
                .containsExactly(
                        Certificates.certificate(Certificates.GOOD), Certificates.authority());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | PEM: no certificate in it",
                "'\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' | PEM, line 2,"
                        + " CERTIFICATE: not a certificate: ",
            })
    void badCertificatesAreNamed(String text, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.certificates(text))
                .withMessageStartingWith(why);
    }

    // ---- options ----

    @Test
    void theyTellWhatTheyAre() throws Exception {
        List<X509Certificate> authority = List.of(Certificates.authority());
        TLSOptions client = TLSOptions.client();
        assertThat(client.isServer()).isFalse();
        assertThat(client.getTrustedCaChain()).isEmpty();
        assertThat(client.getSslContext()).isSameAs(javax.net.ssl.SSLContext.getDefault());
        TLSOptions named = TLSOptions.client(authority, "game.example");
        assertThat(named.getTrustedCaChain()).isEqualTo(authority);
        assertThat(named.getCommonNameOverride()).isEqualTo("game.example");
        assertThat(named.getPrivateKey()).isEmpty();
        String text = Files.readString(Certificates.savePem(folder.resolve("x"), "good"));
        TLSOptions server = TLSOptions.server(text, text);
        assertThat(server.isServer()).isTrue();
        assertThat(server.getOwnCertificate()).hasSize(2);
        assertThat(server.getPrivateKey()).contains(TLSOptions.privateKey(text));
    }

    @Test
    void nobodyIsTrustedJustLikeThat() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.client(List.of()))
                .withMessage("nobody to trust");
    }

    @ParameterizedTest
    @CsvSource({"RSA,", "EC, secp256r1", "EC, secp384r1", "Ed25519, ''", "DSA,"})
    void aKeyMustBelongToTheCertificate(String algorithm, String parameter) throws Exception {
        PrivateKey key = pair(algorithm, parameter).getPrivate();
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        TLSOptions.server(
                                key, List.of(Certificates.certificate(Certificates.GOOD))))
                .withMessage(
                        algorithm.equals("DSA")
                                ? "not a key for TLS: DSA"
                                : "the key does not belong to the certificate of CN=good");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TLSOptions.server(key, List.of()))
                .withMessage("no certificate");
    }
}
