package io.peerloom.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The certificate of all servers that speak TLS: made by the JDK's keytool when it is first needed,
 * and told to the processes by the property {@value #PROPERTY}.
 */
final class Certificate {
    /** The path of the PKCS #12 file. */
    static final String PROPERTY = "bench.certificate";

    static final String PASSWORD = "benchmarks";

    private static final String ALIAS = "bench";
    private static final String FILE = "certificate.p12";

    private Certificate() {}

    /** Makes a file for 127.0.0.1 and localhost, with an elliptic key as servers have today. */
    static Path make(Path folder) throws IOException, InterruptedException {
        Path file = folder.resolve(FILE);
        Process keytool =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-keystore",
                                file.toString(),
                                "-storepass",
                                PASSWORD,
                                "-alias",
                                ALIAS,
                                "-keyalg",
                                "EC",
                                "-groupname",
                                "secp256r1",
                                "-dname",
                                "CN=localhost",
                                "-ext",
                                "san=ip:127.0.0.1,dns:localhost",
                                "-validity",
                                "30")
                        .redirectErrorStream(true)
                        .start();
        String said = new String(keytool.getInputStream().readAllBytes(), UTF_8);
        if (keytool.waitFor() != 0) {
            throw new IOException("keytool: " + said);
        }
        return file;
    }

    /** Deletes the folder, with or without a certificate. */
    static void delete(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(FILE));
        Files.delete(folder);
    }

    /** Where it is, in a process that was told so. */
    static Path path() {
        return Path.of(System.getProperty(PROPERTY));
    }

    /** With the certificate as one's own, and as the only one that is trusted. */
    static SSLContext sslContext() throws IOException {
        try {
            var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            trusted.setCertificateEntry(ALIAS, store().getCertificate(ALIAS));
            trust.init(trusted);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys().getKeyManagers(), trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("the certificate " + path(), e);
        }
    }

    /** The server's side of it. */
    static KeyManagerFactory keys() throws IOException {
        try {
            var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store(), PASSWORD.toCharArray());
            return keys;
        } catch (GeneralSecurityException e) {
            throw new IOException("the certificate " + path(), e);
        }
    }

    private static KeyStore store() throws IOException, GeneralSecurityException {
        try (InputStream in = Files.newInputStream(path())) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(in, PASSWORD.toCharArray());
            return store;
        }
    }
}
