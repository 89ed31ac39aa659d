package io.peerloom.websocket;

import io.peerloom.internal.protocol.RequestHead;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLSession;

/** What a client asked a WebSocket server for (RFC 6455 section 4.1). Immutable; any thread. */
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

    /** {@return the method, {@code "GET"} for all upgrades} */
    public String method() {
        return head().method();
    }

    /** {@return the request target as it came: path and query, still percent-encoded} */
    public String target() {
        return head().target();
    }

    /** {@return the path of the target, still percent-encoded, without the query} */
    public String path() {
        String target = head().target();
        int scheme = target.indexOf("://");
        int from = 0;
        if (scheme >= 0 && !target.startsWith("/")) { // absolute form, RFC 9112 section 3.2.2
            from = target.indexOf('/', scheme + 3);
            if (from < 0) {
                return "/";
            }
        }
        int query = target.indexOf('?', from);
        return target.substring(from, query < 0 ? target.length() : query);
    }

    /**
     * {@return what follows the question mark of the target, still percent-encoded; empty if there
     * is none}
     */
    public String query() {
        int query = head().target().indexOf('?');
        return query < 0 ? "" : head().target().substring(query + 1);
    }

    /**
     * {@return the URL as the client must have written it} As in Godot, {@code ws://}, the Host
     * header, and path and query of the target.
     */
    public String url() {
        String target = head().target();
        int query = target.indexOf('?');
        return (isSecure() ? "wss://" : "ws://")
                + header("Host").orElse("")
                + path()
                + (query < 0 ? "" : target.substring(query));
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
     * client's certificates, if there are any; see {@link Options#clientAuth}.
     *
     * @return the session; empty without TLS
     */
    public Optional<SSLSession> sslSession() {
        return Optional.ofNullable(session);
    }

    /**
     * The name of the host that the client gave when TLS began (RFC 6066 section 3), which the
     * server's certificate was chosen by. The Host header may name another: who decides by host
     * whether a client needs a certificate must look at {@link #isMisdirected} too.
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
     * {@return whether the Host header names another host than TLS did} Such a request is to be
     * answered with 421 by servers whose hosts differ in whom they let in (RFC 9110 section
     * 15.5.20).
     */
    public boolean isMisdirected() {
        return serverName().map(said -> !said.equalsIgnoreCase(host())).orElse(false);
    }

    /**
     * {@return the host that the Host header names, without the port; {@code ""} if there is none}
     */
    public String host() {
        String host = header("Host").orElse("");
        int port = host.lastIndexOf(':');
        return port > host.lastIndexOf(']') ? host.substring(0, port) : host;
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
