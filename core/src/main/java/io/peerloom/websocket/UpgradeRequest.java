package io.peerloom.websocket;

import io.peerloom.internal.protocol.HttpSyntax;
import io.peerloom.internal.protocol.RequestHead;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLSession;

/**
 * What a client asked a WebSocket server for (RFC 6455 section 4.1), or somebody else: the plain
 * HTTP request of a browser, or of a load balancer that looks whether the server lives. Of the body
 * of a plain request nothing is read. Immutable; any thread.
 */
public final class UpgradeRequest {

    /**
     * What it says; null from {@link #pack} on, which writes the bytes first. A thread that finds
     * neither would have had to see the second write before the first.
     */
    private volatile RequestHead head;

    /** The same as bytes, to be parsed when somebody asks. Connections keep it while they live. */
    private volatile byte[] packed;

    private final String address;
    private final boolean upgrade;

    /** Null without TLS. */
    private final SSLSession session;

    UpgradeRequest(RequestHead head, String address, boolean upgrade, SSLSession session) {
        this.head = head;
        this.address = address;
        this.upgrade = upgrade;
        this.session = session;
    }

    /**
     * {@return whether it asks for a WebSocket, and correctly; otherwise it is a plain HTTP
     * request}
     */
    public boolean isUpgrade() {
        return upgrade;
    }

    /** {@return the method, in its own case: {@code "GET"} for all upgrades} */
    public String method() {
        return head().method();
    }

    /**
     * {@return the request target as it came, still percent-encoded} Path and query; or a whole
     * URL, as proxies are asked; or {@code *} of an OPTIONS; or host and port of a CONNECT.
     */
    public String target() {
        return head().target();
    }

    /**
     * {@return the path of the target, still percent-encoded, without the query} Empty for the
     * targets that have none: {@code *}, and the host and port of a CONNECT.
     */
    public String path() {
        String target = head().pathAndQuery();
        int query = target.indexOf('?');
        return query < 0 ? target : target.substring(0, query);
    }

    /**
     * {@return what follows the question mark of the target, still percent-encoded; empty if there
     * is none}
     */
    public String query() {
        String target = head().pathAndQuery();
        int query = target.indexOf('?');
        return query < 0 ? "" : target.substring(query + 1);
    }

    /**
     * {@return the URL as the client must have written it} As in Godot, {@code ws://}, the host and
     * port that were asked for, and path and query of the target.
     */
    public String url() {
        RequestHead asked = head();
        return (isSecure() ? "wss://" : "ws://") + asked.authority() + asked.pathAndQuery();
    }

    /**
     * {@return the first header of a name}
     *
     * @param name the name, in any case
     */
    public Optional<String> header(String name) {
        return head().first(name);
    }

    /**
     * {@return the values of all headers of a name, in order}
     *
     * @param name the name, in any case
     */
    public List<String> headers(String name) {
        return head().all(name);
    }

    /** {@return the address of the other side, {@code ""} over a Unix domain socket} */
    public String remoteAddress() {
        return address;
    }

    /** {@return whether the request came over TLS} */
    public boolean isSecure() {
        return session != null;
    }

    /**
     * The TLS session the request came in. Its {@link SSLSession#getPeerCertificates} are the
     * client's certificates, if there are any; see {@link
     * io.peerloom.stream.TLSOptions#withClientAuth}.
     *
     * @return the session; empty without TLS
     */
    public Optional<SSLSession> sslSession() {
        return Optional.ofNullable(session);
    }

    /**
     * The name of the host that the client gave when TLS began (RFC 6066 section 3), which the
     * server's certificate was chosen by. The request may name another: who decides by host whether
     * a client needs a certificate must look at {@link #isMisdirected} too.
     *
     * @return the name; empty without TLS, or if the client gave none, as for an IP address
     */
    public Optional<String> serverName() {
        if (session instanceof ExtendedSSLSession extended) {
            for (SNIServerName name : extended.getRequestedServerNames()) {
                if (name instanceof SNIHostName host) {
                    return Optional.of(host.getAsciiName());
                }
            }
        }
        return Optional.empty();
    }

    /**
     * {@return whether the request names another {@linkplain #host host} than TLS did, or none}
     * Case and a dot at the end make no difference. Such a request is to be answered with 421 by
     * servers whose hosts differ in whom they let in (RFC 9110 section 15.5.20).
     */
    public boolean isMisdirected() {
        return serverName().map(said -> !plainName(said).equals(plainName(host()))).orElse(false);
    }

    /**
     * {@return the host that is asked for, without the port; {@code ""} if there is none} It is
     * that of the Host header, unless the target is a whole URL, whose host counts more (RFC 9112
     * section 3.2.2).
     */
    public String host() {
        return HttpSyntax.host(head().authority());
    }

    /** In lower case, and without the dot at the end, which TLS never has (RFC 6066 section 3). */
    static String plainName(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
    }

    RequestHead head() {
        RequestHead parsed = head;
        return parsed != null ? parsed : RequestHead.of(packed);
    }

    /** Keeps less memory from now on; asking takes longer. */
    void pack() {
        packed = head.toBytes();
        head = null;
    }

    /** {@return method and target} */
    @Override
    public String toString() {
        return head().method() + ' ' + head().target();
    }
}
