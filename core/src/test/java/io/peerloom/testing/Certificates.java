package io.peerloom.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Certificates of an authority of the tests' own, made by the JDK's {@code keytool} when they are
 * first needed: good ones and such as nobody should accept.
 */
public final class Certificates {

    /** For localhost, 127.0.0.1 and ::1. */
    public static final String GOOD = "good";

    /** For a host of another name. */
    public static final String OTHER_NAME = "other";

    /** For münchen.example, as name servers know it, and for strasse.example. */
    public static final String IDN = "idn";

    /** Over since last year. */
    public static final String EXPIRED = "expired";

    /** From next year on. */
    public static final String EARLY = "early";

    /** For the right host, signed by nobody else. */
    public static final String SELF_SIGNED = "self";

    /** A client's. */
    public static final String CLIENT = "client";

    private static final String AUTHORITY = "authority";

    /** Of all key stores here. */
    public static final String PASSWORD = "loom-loom";

    private static final String HERE = "SAN=dns:localhost,ip:127.0.0.1,ip:::1";

    private static final String UMLAUTS = "SAN=dns:xn--mnchen-3ya.example,dns:strasse.example";

    private static final class Holder {
        static final KeyStore ALL = make();
    }

    private Certificates() {}

    private static KeyStore make() {
        try {
            Path folder = Files.createTempDirectory("peerloom-certificates");
            Path file = folder.resolve("all.p12");
            try {
                keytool(file, AUTHORITY, "-validity", "10000", "-ext", "bc:c=ca:true");
                signed(file, GOOD, "-validity", "5000", "-ext", HERE);
                signed(file, OTHER_NAME, "-validity", "5000", "-ext", "SAN=dns:other.example");
                signed(file, IDN, "-validity", "5000", "-ext", UMLAUTS);
                signed(file, EXPIRED, "-startdate", "-400d", "-validity", "20", "-ext", HERE);
                signed(file, EARLY, "-startdate", "+400d", "-validity", "20", "-ext", HERE);
                signed(file, CLIENT, "-validity", "5000");
                keytool(file, SELF_SIGNED, "-validity", "5000", "-ext", HERE);
                var store = KeyStore.getInstance("PKCS12");
                try (InputStream in = Files.newInputStream(file)) {
                    store.load(in, PASSWORD.toCharArray());
                }
                return store;
            } finally {
                Files.deleteIfExists(file);
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void signed(Path file, String alias, String... more) throws IOException {
        var arguments = new ArrayList<>(List.of("-signer", AUTHORITY));
        arguments.addAll(List.of(more));
        keytool(file, alias, arguments.toArray(String[]::new));
    }

    private static void keytool(Path file, String alias, String... more) throws IOException {
        var command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-keystore",
                                file.toString(),
                                "-storepass",
                                PASSWORD,
                                "-alias",
                                alias,
                                "-keyalg",
                                "EC",
                                "-dname",
                                "CN=" + alias));
        command.addAll(List.of(more));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException("keytool: " + said);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** A certificate. */
    public static X509Certificate certificate(String alias) {
        try {
            return (X509Certificate) Holder.ALL.getCertificate(alias);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A certificate and its key. */
    public static KeyStore.PrivateKeyEntry entry(String alias) {
        try {
            return (KeyStore.PrivateKeyEntry)
                    Holder.ALL.getEntry(
                            alias, new KeyStore.PasswordProtection(PASSWORD.toCharArray()));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The authority's certificate. */
    public static X509Certificate authority() {
        return certificate(AUTHORITY);
    }

    /** Trusts the authority and has no certificate. */
    public static SSLContext trusting() {
        return context("TLS", null);
    }

    /** Trusts the authority and shows a certificate. */
    public static SSLContext showing(String alias) {
        return context("TLS", alias);
    }

    /**
     * Trusts the authority.
     *
     * @param protocol {@code TLS}, or {@code TLSv1.2} for a client that knows no newer one
     * @param alias of the certificate to show; null for none
     */
    public static SSLContext context(String protocol, String alias) {
        try {
            var trusted = empty();
            trusted.setCertificateEntry(AUTHORITY, authority());
            var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
            KeyManager[] keys = null;
            if (alias != null) {
                var factory =
                        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
                factory.init(only(alias), PASSWORD.toCharArray());
                keys = factory.getKeyManagers();
            }
            var context = SSLContext.getInstance(protocol);
            context.init(keys, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes a PKCS #12 file with a certificate and its key, or with the authority alone. */
    public static Path save(Path file, String alias) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            KeyStore store;
            if (alias == null) {
                store = empty();
                store.setCertificateEntry(AUTHORITY, authority());
            } else {
                store = only(alias);
            }
            store.store(out, PASSWORD.toCharArray());
            return file;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Writes PEM as OpenSSL reads it: a certificate, who signed it, and its key; or the authority's
     * certificate alone.
     */
    public static Path savePem(Path file, String alias) throws IOException {
        var text = new StringBuilder();
        try {
            if (alias == null) {
                text.append(pem("CERTIFICATE", authority().getEncoded()));
            } else {
                for (Certificate each : Holder.ALL.getCertificateChain(alias)) {
                    text.append(pem("CERTIFICATE", each.getEncoded()));
                }
                Key key = Holder.ALL.getKey(alias, PASSWORD.toCharArray());
                text.append(pem("PRIVATE KEY", key.getEncoded()));
            }
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        return Files.writeString(file, text);
    }

    /** RFC 7468. */
    private static String pem(String what, byte[] der) {
        String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + what + "-----\n" + base64 + "\n-----END " + what + "-----\n";
    }

    private static KeyStore only(String alias) throws GeneralSecurityException, IOException {
        KeyStore store = empty();
        store.setKeyEntry(
                alias,
                Holder.ALL.getKey(alias, PASSWORD.toCharArray()),
                PASSWORD.toCharArray(),
                Holder.ALL.getCertificateChain(alias));
        return store;
    }

    private static KeyStore empty() throws GeneralSecurityException, IOException {
        var store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }
}
