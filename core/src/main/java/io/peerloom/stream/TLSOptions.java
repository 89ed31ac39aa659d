package io.peerloom.stream;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * What one side of TLS needs to know: a client whom to trust, a server its key and certificate.
 * Godot: {@code TLSOptions} (4.x). Immutable; one object serves any number of connections, on any
 * thread.
 *
 * <p>Godot's {@code X509Certificate}, which holds a chain, is a list of the JDK's here, and its
 * {@code CryptoKey} a {@link PrivateKey}; {@link #certificates} and {@link #privateKey} read what
 * Godot's {@code save} and OpenSSL write.
 *
 * <p>There is no counterpart of Godot's {@code client_unsafe}, which trusts everybody, or whatever
 * host with a chain: who has a self-signed certificate trusts that one, for the name it bears.
 */
public final class TLSOptions {

    /** What a server wants of its clients' certificates. */
    public enum ClientAuth {
        /** Nothing. */
        NONE,
        /** They may show one. */
        WANTED,
        /** They must show one that the server's {@link SSLContext} trusts. */
        REQUIRED
    }

    private enum Role {
        CLIENT,
        SERVER
    }

    /** Of the key store that JSSE wants a key to be in; it never leaves the memory. */
    private static final char[] NO_SECRET = "unused".toCharArray();

    private final Role role;

    /** Null for the JDK's default, which is asked for where it may read files. */
    private final SSLContext context;

    private final List<X509Certificate> trusted;
    private final String commonName;
    private final PrivateKey key;
    private final List<X509Certificate> own;
    private final ClientAuth clientAuth;

    private TLSOptions(
            Role role,
            SSLContext context,
            List<X509Certificate> trusted,
            String commonName,
            PrivateKey key,
            List<X509Certificate> own,
            ClientAuth clientAuth) {
        this.role = role;
        this.context = context;
        this.trusted = trusted;
        this.commonName = commonName;
        this.key = key;
        this.own = own;
        this.clientAuth = clientAuth;
    }

    // ---- clients ----

    /**
     * A client that trusts whom the JDK trusts. Godot: {@code client}.
     *
     * @return the options
     */
    public static TLSOptions client() {
        return new TLSOptions(Role.CLIENT, null, List.of(), "", null, List.of(), ClientAuth.NONE);
    }

    /**
     * A client that trusts whom it is told to. Godot: {@code client}.
     *
     * @param trustedChain authorities, or servers' own certificates; at least one
     * @return the options
     * @throws IllegalArgumentException if there is none
     */
    public static TLSOptions client(List<X509Certificate> trustedChain) {
        return client(trustedChain, "");
    }

    /**
     * A client that trusts whom it is told to, and expects a name that is not that of the host: of
     * a server that is reached by its address, say. Godot: {@code client}.
     *
     * @param trustedChain authorities, or servers' own certificates; at least one
     * @param commonNameOverride the name or address that the server's certificate must be for, and
     *     that the server is told; {@code ""} for the one that is given when connecting
     * @return the options
     * @throws IllegalArgumentException if there is no certificate
     */
    public static TLSOptions client(List<X509Certificate> trustedChain, String commonNameOverride) {
        Objects.requireNonNull(commonNameOverride, "commonNameOverride");
        return new TLSOptions(
                Role.CLIENT,
                context(null, trust(trustedChain)),
                List.copyOf(trustedChain),
                commonNameOverride,
                null,
                List.of(),
                ClientAuth.NONE);
    }

    /**
     * A client whose trust, and whose certificate if it has one, a context decides. Not Godot's.
     *
     * @param context of the JDK
     * @return the options
     */
    public static TLSOptions client(SSLContext context) {
        Objects.requireNonNull(context, "context");
        return new TLSOptions(
                Role.CLIENT, context, List.of(), "", null, List.of(), ClientAuth.NONE);
    }

    // ---- servers ----

    /**
     * A server. Godot: {@code server}.
     *
     * @param key its key: RSA, EC or EdDSA
     * @param certificate its certificate, then who signed it and who signed that, as far as clients
     *     do not know them
     * @return the options
     * @throws IllegalArgumentException if there is no certificate, or the key does not belong to
     *     the first one
     */
    public static TLSOptions server(PrivateKey key, List<X509Certificate> certificate) {
        Objects.requireNonNull(key, "key");
        List<X509Certificate> chain = List.copyOf(certificate);
        if (chain.isEmpty()) {
            throw new IllegalArgumentException("no certificate");
        }
        checkPair(key, chain.get(0));
        return new TLSOptions(
                Role.SERVER,
                context(identity(key, chain), null),
                List.of(),
                "",
                key,
                chain,
                ClientAuth.NONE);
    }

    /**
     * A server whose key and certificate are text, as for {@link #privateKey} and {@link
     * #certificates}. Not Godot's, which loads files.
     *
     * @param keyPem the key
     * @param certificatePem the certificate, then who signed it
     * @return the options
     * @throws IllegalArgumentException if one cannot be read, or they do not belong together
     */
    public static TLSOptions server(String keyPem, String certificatePem) {
        return server(privateKey(keyPem), certificates(certificatePem));
    }

    /**
     * A server whose key and certificate are in a context. Not Godot's.
     *
     * @param context of the JDK
     * @return the options
     */
    public static TLSOptions server(SSLContext context) {
        Objects.requireNonNull(context, "context");
        return new TLSOptions(
                Role.SERVER, context, List.of(), "", null, List.of(), ClientAuth.NONE);
    }

    /**
     * These options with another demand on clients' certificates; at first it is {@link
     * ClientAuth#NONE}. Which of them are trusted is the {@link SSLContext}'s to say; without one,
     * it is whom the JDK trusts. Not Godot's.
     *
     * @param demand what a server wants
     * @return the changed copy
     * @throws IllegalStateException if these are a client's options
     */
    public TLSOptions withClientAuth(ClientAuth demand) {
        Objects.requireNonNull(demand, "demand");
        if (role != Role.SERVER) {
            throw new IllegalStateException("a client does not ask for certificates of clients");
        }
        return new TLSOptions(role, context, trusted, commonName, key, own, demand);
    }

    // ---- PEM ----

    /**
     * Reads certificates in PEM (RFC 7468 section 5), as Godot's {@code X509Certificate.save} and
     * OpenSSL write them. Text around them, and what is not a certificate, is passed over.
     *
     * @param pem the text
     * @return the certificates, in their order, at least one
     * @throws IllegalArgumentException if there is none, or one cannot be read; the message says
     *     which and where
     */
    public static List<X509Certificate> certificates(String pem) {
        return Pem.certificates(pem);
    }

    /**
     * Reads a private key in PEM, as Godot's {@code CryptoKey.save} and OpenSSL write it: RSA in
     * PKCS #1 (RFC 8017 appendix A.1.2), EC in the form of RFC 5915, and RSA, EC and EdDSA in PKCS
     * #8 (RFC 5208). Encrypted keys are not read. Text around it, and certificates, are passed
     * over.
     *
     * @param pem the text
     * @return the first key
     * @throws IllegalArgumentException if there is none, or it cannot be read; the message says why
     *     and where
     */
    public static PrivateKey privateKey(String pem) {
        return Pem.privateKey(pem);
    }

    // ---- what they are ----

    /** {@return whether they are a server's} Godot: {@code is_server}. */
    public boolean isServer() {
        return role == Role.SERVER;
    }

    /**
     * {@return the name that a client expects whatever the host, {@code ""} for none} Godot: {@code
     * get_common_name_override}.
     */
    public String getCommonNameOverride() {
        return commonName;
    }

    /**
     * {@return whom a client was told to trust; empty if it was not told} Godot: {@code
     * get_trusted_ca_chain}.
     */
    public List<X509Certificate> getTrustedCaChain() {
        return trusted;
    }

    /** {@return the key that a server was given} Godot: {@code get_private_key}. */
    public Optional<PrivateKey> getPrivateKey() {
        return Optional.ofNullable(key);
    }

    /**
     * {@return the certificate that a server was given, then who signed it; empty if none} Godot:
     * {@code get_own_certificate}.
     */
    public List<X509Certificate> getOwnCertificate() {
        return own;
    }

    /** {@return what a server wants of its clients' certificates} Not Godot's. */
    public ClientAuth clientAuth() {
        return clientAuth;
    }

    /**
     * {@return the context of the JDK that does as these options say, but for the name and the
     * demand on clients' certificates} For what takes no TLS options, such as the JDK's own HTTP
     * client. Not Godot's.
     *
     * @throws IllegalStateException if it is the JDK's default, and that cannot be made: its trust
     *     store cannot be read, say
     */
    public SSLContext getSslContext() {
        try {
            return context();
        } catch (IOException e) {
            throw new IllegalStateException(e.getMessage(), e.getCause());
        }
    }

    /** May read files, the first time. */
    SSLContext context() throws IOException {
        try {
            return context != null ? context : SSLContext.getDefault();
        } catch (NoSuchAlgorithmException e) {
            throw new IOException("no default for TLS: " + e.getMessage(), e);
        }
    }

    /** {@return which side they are for, and what was given; no key} */
    @Override
    public String toString() {
        return role == Role.CLIENT
                ? "TLSOptions[client, trusted="
                        + names(trusted)
                        + (commonName.isEmpty() ? "" : ", commonName=" + commonName)
                        + "]"
                : "TLSOptions[server, own=" + names(own) + ", clientAuth=" + clientAuth + "]";
    }

    private static List<String> names(List<X509Certificate> certificates) {
        return certificates.stream().map(one -> one.getSubjectX500Principal().getName()).toList();
    }

    // ---- contexts ----

    private static SSLContext context(KeyManager[] keys, TrustManager[] trust) {
        try {
            var made = SSLContext.getInstance("TLS");
            made.init(keys, trust, null);
            return made;
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("no TLS with these options: " + e.getMessage(), e);
        }
    }

    private static TrustManager[] trust(List<X509Certificate> certificates) {
        if (certificates.isEmpty()) {
            throw new IllegalArgumentException("nobody to trust");
        }
        try {
            KeyStore store = emptyStore();
            for (int i = 0; i < certificates.size(); i++) {
                store.setCertificateEntry("trusted-" + i, certificates.get(i));
            }
            var factory =
                    TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            return new TrustManager[] {
                new Dated((X509ExtendedTrustManager) factory.getTrustManagers()[0])
            };
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalArgumentException("cannot be trusted: " + e.getMessage(), e);
        }
    }

    private static KeyManager[] identity(PrivateKey key, List<X509Certificate> chain) {
        try {
            KeyStore store = emptyStore();
            store.setKeyEntry("own", key, NO_SECRET, chain.toArray(X509Certificate[]::new));
            var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(store, NO_SECRET);
            return factory.getKeyManagers();
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalArgumentException("not a server's key: " + e.getMessage(), e);
        }
    }

    private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    /** JSSE finds out only when a client comes, and then says that there is no cipher suite. */
    private static void checkPair(PrivateKey key, X509Certificate certificate) {
        String algorithm =
                switch (key.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    case "EdDSA", "Ed25519", "Ed448" -> "EdDSA";
                    default ->
                            throw new IllegalArgumentException(
                                    "not a key for TLS: " + key.getAlgorithm());
                };
        boolean belongs;
        try {
            var signing = Signature.getInstance(algorithm);
            signing.initSign(key);
            byte[] signature = signing.sign();
            var verifying = Signature.getInstance(algorithm);
            verifying.initVerify(certificate.getPublicKey());
            belongs = verifying.verify(signature);
        } catch (SignatureException e) {
            belongs = false; // of another length, say
        } catch (GeneralSecurityException e) { // of another kind
            throw mismatch(certificate, e);
        }
        if (!belongs) {
            throw mismatch(certificate, null);
        }
    }

    private static IllegalArgumentException mismatch(X509Certificate certificate, Exception e) {
        return new IllegalArgumentException(
                "the key does not belong to the certificate of "
                        + certificate.getSubjectX500Principal(),
                e);
    }

    /**
     * Looks at the dates of every server's certificate: the JDK's does not at those of one that is
     * trusted itself, and Godot's clients do.
     */
    private static final class Dated extends X509ExtendedTrustManager {
        private final X509ExtendedTrustManager trust;

        Dated(X509ExtendedTrustManager trust) {
            this.trust = trust;
        }

        private static void checkDates(X509Certificate[] chain) throws CertificateException {
            chain[0].checkValidity();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            trust.checkServerTrusted(chain, type, engine);
            checkDates(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            trust.checkServerTrusted(chain, type, socket);
            checkDates(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type)
                throws CertificateException {
            trust.checkServerTrusted(chain, type);
            checkDates(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            trust.checkClientTrusted(chain, type, engine);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            trust.checkClientTrusted(chain, type, socket);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type)
                throws CertificateException {
            trust.checkClientTrusted(chain, type);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return trust.getAcceptedIssuers();
        }
    }
}
