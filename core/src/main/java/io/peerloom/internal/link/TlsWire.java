package io.peerloom.internal.link;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/**
 * TLS 1.2 and 1.3 over another wire (RFC 5246, RFC 8446).
 *
 * <p>{@link #handshake} comes first, on one thread, which reads and writes. From then on the read
 * role reads and the write role writes, and neither does the other's work: the engine lets one
 * thread unwrap while another wraps. An answer that reading makes due, to a key update, leaves
 * before the next data does (RFC 8446 section 4.6.3).
 *
 * <p>No loop goes on without using up input or handing out output, and none waits for anything but
 * the lower wire, so closing that ends all of them.
 *
 * <p>While nothing arrives it holds {@value #SMALL} bytes for it: a reader that asks for little
 * gets a small buffer, which grows to the length of a record that has begun, and to that of two
 * when what comes fills it. The buffer for writing is let go of by {@link #trim}.
 */
public final class TlsWire implements Wire {

    private static final int HEADER = 5;

    /** The longest record: RFC 8446 section 5.2, RFC 5246 section 6.2.3. */
    private static final int LONGEST = HEADER + 16 * 1024 + 2048;

    private static final int SMALL = 512;

    /** Room for what comes in while much does. */
    private static final int LARGE = 2 * LONGEST;

    /** How much plain text is encrypted before it is written. */
    private static final int BATCH = 64 * 1024;

    /**
     * How many records without data the other side may send in one go. Tickets and key updates are
     * rare, and each of the latter costs us new keys.
     */
    private static final int EMPTY_RECORDS = 64;

    /**
     * What a record without data costs, in records with data: these pay for as many, up to {@link
     * #EMPTY_RECORDS}, that were sent before. So whoever renews his keys now and then may do it for
     * ever, if he says something meanwhile (the pongs of a heartbeat are more than enough); and who
     * does nothing but that is cut off. It takes no clock: what he costs us stays in proportion to
     * what he sends.
     */
    private static final int EMPTY_COSTS = 16;

    /** How much of a stranger's input is read and dropped, so that he can read our answer. */
    private static final long STRANGER = 1 << 16;

    /** How HTTP begins. */
    private static final Pattern HTTP = Pattern.compile("HTTP/|[A-Z]{3,5}[A-Z /]{0,2}");

    private static final ByteBuffer NO_DATA = ByteBuffer.allocate(0);
    private static final byte[] NO_BYTES = {};

    private final Wire lower;
    private final SSLEngine engine;
    private final boolean client;

    /**
     * Whether hands are shaken. Written by the handshake; from then on the roles may be two
     * threads.
     */
    private volatile boolean shaken;

    // ---- the read role's ----

    /** Encrypted bytes that came, from {@link #start} to {@link #end}. */
    private byte[] in = NO_BYTES;

    private int start;
    private int end;

    /** Decrypted bytes for which the reader had no room; null if there are none. */
    private ByteBuffer spilled;

    /** The last read of the lower wire filled the buffer: bytes flow. */
    private boolean flowing;

    private boolean ended;

    /** What may be spent on records without data. */
    private int credit = EMPTY_RECORDS * EMPTY_COSTS;

    /** What went wrong behind bytes that had to be handed out first; null if nothing did. */
    private IOException deferred;

    // ---- the write role's ----

    /** Encrypted bytes to be written; null while idle. */
    private ByteBuffer out;

    private boolean closeSent;

    private TlsWire(Wire lower, SSLEngine engine) {
        this.lower = lower;
        this.engine = engine;
        this.client = engine.getUseClientMode();
    }

    /**
     * The client's side. The server's certificate must be for the host (RFC 2818 section 3.1), and
     * trusted by the context.
     *
     * @param lower what to encrypt; belongs to this from now on
     * @param context decides whom to trust, and which certificate to show if one is asked for
     * @param host the name or address that was asked for; a name is told to the server (RFC 6066
     *     section 3)
     * @param port the port that was asked for; -1 for none
     * @return the wire, to {@link #handshake} on
     * @throws IllegalArgumentException if it {@linkplain #isHost is no host}
     */
    public static TlsWire client(Wire lower, SSLContext context, String host, int port) {
        boolean literal = Connector.isLiteral(host);
        String name = literal ? withoutZone(host) : withoutDot(HostNames.toAscii(host));
        SSLEngine engine = context.createSSLEngine(name, port);
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        if (!literal) {
            parameters.setServerNames(List.of(new SNIHostName(name)));
        }
        parameters.setProtocols(modern(parameters.getProtocols()));
        engine.setSSLParameters(parameters);
        return new TlsWire(lower, engine);
    }

    /**
     * The server's side.
     *
     * @param lower what to encrypt; belongs to this from now on
     * @param context has the certificate to show, and decides which clients' to trust
     * @param wantAuth whether to ask for the client's certificate
     * @param needAuth whether to go on only with one
     * @return the wire, to {@link #handshake} on
     */
    public static TlsWire server(
            Wire lower, SSLContext context, boolean wantAuth, boolean needAuth) {
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setProtocols(modern(parameters.getProtocols()));
        parameters.setUseCipherSuitesOrder(true);
        if (needAuth) {
            parameters.setNeedClientAuth(true);
        } else {
            parameters.setWantClientAuth(wantAuth);
        }
        engine.setSSLParameters(parameters);
        return new TlsWire(lower, engine);
    }

    /** Those of the context's protocols that are still thought safe (RFC 8996). */
    private static String[] modern(String[] protocols) {
        return Stream.of(protocols)
                .filter(name -> name.equals("TLSv1.3") || name.equals("TLSv1.2"))
                .toArray(String[]::new);
    }

    /** No certificate knows the zones of our machine. */
    private static String withoutZone(String address) {
        int zone = address.indexOf('%');
        return zone >= 0 ? address.substring(0, zone) : address;
    }

    /**
     * {@return whether TLS can ask for it: it is an address, or a name as hosts have them}
     *
     * @param host what may be one
     */
    public static boolean isHost(String host) {
        if (Connector.isLiteral(host)) {
            return !host.startsWith("[") && Connector.localAddress(host, 0) != null;
        }
        try {
            String name = withoutDot(HostNames.toAscii(host));
            return !new SNIHostName(name).getAsciiName().isEmpty();
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static String withoutDot(String host) {
        return host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
    }

    /** {@return what is encrypted} Any thread. */
    public Wire lower() {
        return lower;
    }

    /** {@return the session: certificates, protocol, cipher suite} Any thread, once shaken. */
    public SSLSession session() {
        return engine.getSession();
    }

    // ---- the handshake ----

    /**
     * Shakes hands. Before anything else is called, on a thread that may block.
     *
     * @throws PlaintextException if the other side does not speak TLS
     * @throws SSLPeerUnverifiedException if the server's certificate is for another host
     * @throws SSLException if it fails otherwise; the message says why
     * @throws IOException if the lower wire breaks
     */
    public void handshake() throws IOException {
        try {
            engine.beginHandshake();
            while (true) {
                HandshakeStatus status = engine.getHandshakeStatus();
                switch (status) {
                    case NEED_TASK -> runTasks();
                    case NEED_WRAP -> shakeOut();
                    case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> shakeIn();
                    case FINISHED, NOT_HANDSHAKING -> {
                        trim();
                        shaken = true;
                        return;
                    }
                }
            }
        } catch (PlaintextException e) {
            throw e;
        } catch (SSLException e) {
            sendAlert();
            if (!client) {
                linger(); // unread input would take the alert away with it
            }
            throw explain(e);
        }
    }

    private void shakeOut() throws IOException {
        wrap(NO_DATA);
        try {
            flush();
        } catch (IOException e) {
            // Who gave up while we wrote has told why before he closed.
            while (fillRecord(LARGE)) {
                unwrap(ByteBuffer.allocate(end - start));
            }
            throw e;
        }
    }

    private void shakeIn() throws IOException {
        if (!fillRecord(LARGE)) {
            throw new EOFException("the other side closed the connection during the TLS handshake");
        }
        var room = ByteBuffer.allocate(end - start);
        SSLEngineResult result = unwrap(room);
        if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
            throw new SSLHandshakeException("the other side gave up the TLS handshake");
        }
        spill(room);
    }

    private void runTasks() throws SSLException {
        Runnable task = engine.getDelegatedTask();
        if (task == null) {
            throw new SSLException("the TLS engine waits for a task that there is not");
        }
        for (; task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private void requireShaken() throws SSLException {
        if (!shaken) { // a deadline's last words, say, while the handshake goes on elsewhere
            throw new SSLException("hands are not shaken yet");
        }
    }

    /** Tells the other side why, as far as it still listens. */
    private void sendAlert() {
        try {
            while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
                if (wrap(NO_DATA).bytesProduced() == 0) {
                    break;
                }
            }
            flush();
        } catch (IOException e) {
            // then it will not hear of it
        }
    }

    /** Lets the other side read our last bytes before the socket goes. */
    private void linger() {
        try {
            lower.shutdownOutput();
            byte[] rest = new byte[SMALL];
            long most = STRANGER;
            for (int n; most > 0 && (n = lower.read(rest, 0, rest.length)) >= 0; most -= n) {
                // dropped
            }
        } catch (IOException e) {
            // it is gone
        }
    }

    /**
     * Answers, unencrypted, who does not speak TLS, and lets him read it.
     *
     * @param answer the bytes
     * @throws IOException if the lower wire breaks
     */
    public void answerInPlain(byte[] answer) throws IOException {
        for (int done = 0; done < answer.length; ) {
            done += lower.write(answer, done, answer.length - done);
        }
        linger();
    }

    // ---- reading ----

    /**
     * {@inheritDoc}
     *
     * <p>Hands out as many of the records that are here as there is room for, and waits for more
     * only if there was nothing in them.
     */
    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        requireShaken();
        while (true) {
            int n = takeSpilled(dst, offset, length);
            n += decryptWhatIsHere(dst, offset + n, length - n);
            if (n > 0) {
                return n;
            }
            if (deferred != null) {
                throw deferred;
            }
            if (ended) {
                return -1;
            }
            if (!fillRecord(length)) {
                throw new EOFException("the TLS stream was cut off: it has no close_notify");
            }
        }
    }

    private int takeSpilled(byte[] dst, int offset, int length) {
        if (spilled == null) {
            return 0;
        }
        int n = Math.min(length, spilled.remaining());
        spilled.get(dst, offset, n);
        if (!spilled.hasRemaining()) {
            spilled = null;
        }
        return n;
    }

    private int decryptWhatIsHere(byte[] dst, int offset, int length) {
        int done = 0;
        try {
            while (done < length && deferred == null && !ended && isRecordHere()) {
                done += decrypt(dst, offset + done, length - done);
            }
        } catch (IOException e) {
            deferred = e;
        }
        return done;
    }

    /** Decrypts a record, into the array as far as it fits there. */
    private int decrypt(byte[] dst, int offset, int length) throws IOException {
        int record = recordLength();
        boolean fits = length >= record;
        ByteBuffer room =
                fits ? ByteBuffer.wrap(dst, offset, length).slice() : ByteBuffer.allocate(record);
        SSLEngineResult result;
        try {
            result = unwrap(room);
        } catch (SSLException e) {
            throw explain(e);
        }
        if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
            ended = true;
            in = NO_BYTES;
            start = end = 0;
        }
        int n = result.bytesProduced();
        if (n > 0) {
            credit = Math.min(credit + 1, EMPTY_RECORDS * EMPTY_COSTS);
        } else if (!ended) {
            emptyRecord(result.getHandshakeStatus());
        }
        if (!fits) {
            spill(room);
            return takeSpilled(dst, offset, length);
        }
        return n;
    }

    private void spill(ByteBuffer room) {
        if (room.position() > 0) {
            spilled = room.flip();
        }
    }

    private void emptyRecord(HandshakeStatus status) throws SSLException {
        credit -= EMPTY_COSTS;
        if (credit < 0) {
            throw new SSLException("the other side sends TLS records without data");
        }
        if (status == HandshakeStatus.NEED_TASK) {
            runTasks();
        }
        if (engine.getSession().getProtocol().equals("TLSv1.2")
                && engine.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING) {
            throw new SSLException("the other side wants to negotiate anew");
        }
    }

    /** Decrypts the record that is here. */
    private SSLEngineResult unwrap(ByteBuffer room) throws SSLException {
        var source = ByteBuffer.wrap(in, start, end - start);
        SSLEngineResult result;
        try {
            result = engine.unwrap(source, room);
        } catch (RuntimeException e) { // of a trust manager, or of input that nobody thought of
            throw new SSLException("TLS engine: " + e, e);
        }
        start += result.bytesConsumed();
        boolean stuck =
                result.bytesConsumed() == 0
                        && result.bytesProduced() == 0
                        && switch (result.getHandshakeStatus()) {
                            case NEED_TASK, NEED_WRAP, NEED_UNWRAP_AGAIN -> false;
                            default -> result.getStatus() != SSLEngineResult.Status.CLOSED;
                        };
        if (stuck || result.getStatus() == SSLEngineResult.Status.BUFFER_OVERFLOW) {
            throw new SSLException("a TLS record that makes no sense: " + result);
        }
        return result;
    }

    /**
     * Reads until a record is here.
     *
     * @param wanted how much plain text is asked for: who asks for little gets a small buffer,
     *     until bytes flow
     * @return false if the lower stream ends before the record begins or inside it
     */
    private boolean fillRecord(int wanted) throws IOException {
        while (!isRecordHere()) {
            int needed = end - start < HEADER ? HEADER : recordLength();
            makeRoom(Math.max(needed, wanted > SMALL || flowing ? LARGE : SMALL));
            int n = lower.read(in, end, in.length - end);
            if (n < 0) {
                return false;
            }
            end += n;
            flowing = end == in.length;
        }
        return true;
    }

    /**
     * Has a buffer of that size, or of a larger one that is in use, with what came at its start.
     */
    private void makeRoom(int size) {
        int left = end - start;
        boolean keep = left == 0 ? in.length == size : in.length >= size;
        byte[] array = keep ? in : new byte[size];
        if (!keep || start > 0) {
            System.arraycopy(in, start, array, 0, left);
        }
        in = array;
        start = 0;
        end = left;
    }

    private boolean isRecordHere() throws SSLException {
        return end - start >= HEADER && end - start >= recordLength();
    }

    /** The length of the record whose header is here. */
    private int recordLength() throws SSLException {
        int type = in[start] & 0xFF;
        int length = HEADER + ((in[start + 3] & 0xFF) << 8 | (in[start + 4] & 0xFF));
        // change_cipher_spec, alert, handshake, application_data
        if (type < 20 || type > 23 || in[start + 1] != 3) {
            if (shaken) {
                throw new SSLException("not a TLS record: it begins with " + firstBytes());
            }
            var text = new String(in, start, HEADER, StandardCharsets.US_ASCII);
            throw new PlaintextException(
                    (client ? "the server" : "the client")
                            + " does not speak TLS: it begins with "
                            + firstBytes(),
                    HTTP.matcher(text).matches(),
                    text.equals("HEAD "));
        }
        if (length > LONGEST) {
            throw new SSLException("TLS record of " + length + " bytes");
        }
        return length;
    }

    private String firstBytes() {
        var text = new StringBuilder("\"");
        for (int i = start; i < start + HEADER; i++) {
            char c = (char) (in[i] & 0xFF);
            if (c >= ' ' && c < 0x7F) {
                text.append(c);
            } else {
                text.append(String.format(Locale.ROOT, "\\x%02X", (int) c));
            }
        }
        return text.append('"').toString();
    }

    // ---- writing ----

    @Override
    public int write(byte[] src, int offset, int length) throws IOException {
        int n = Math.min(length, BATCH);
        encrypt(ByteBuffer.wrap(src, offset, n), NO_DATA);
        return n;
    }

    @Override
    public int write(byte[] head, int headLength, byte[] src, int offset, int length)
            throws IOException {
        int n = Math.min(length, BATCH);
        encrypt(ByteBuffer.wrap(head, 0, headLength), ByteBuffer.wrap(src, offset, n));
        return headLength + n;
    }

    private void encrypt(ByteBuffer first, ByteBuffer second) throws IOException {
        requireShaken();
        var sources = new ByteBuffer[] {first, second};
        while (first.hasRemaining() || second.hasRemaining()) {
            SSLEngineResult result = wrap(sources);
            if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
                throw new ClosedChannelException();
            }
            if (result.bytesProduced() == 0) {
                if (result.getHandshakeStatus() != HandshakeStatus.NEED_TASK) {
                    throw new SSLException("cannot encrypt: " + result);
                }
                runTasks();
            }
        }
        flush();
    }

    /** Encrypts one record behind those that wait. */
    private SSLEngineResult wrap(ByteBuffer... sources) throws IOException {
        int record = engine.getSession().getPacketBufferSize();
        if (out == null) {
            out = ByteBuffer.allocate(record);
        }
        while (true) {
            SSLEngineResult result;
            try {
                result = engine.wrap(sources, out);
            } catch (RuntimeException e) { // of a key manager, say
                throw new SSLException("TLS engine: " + e, e);
            }
            if (result.getStatus() != SSLEngineResult.Status.BUFFER_OVERFLOW) {
                return result;
            }
            if (out.capacity() < BATCH + record) {
                out = ByteBuffer.allocate(BATCH + 2 * record).put(out.flip());
            } else if (out.position() > 0) {
                flush();
            } else {
                throw new SSLException("a TLS record does not fit into " + out.capacity());
            }
        }
    }

    /** Writes the records that wait. */
    private void flush() throws IOException {
        if (out == null) {
            return;
        }
        byte[] bytes = out.array();
        for (int done = 0; done < out.position(); ) {
            done += lower.write(bytes, done, out.position() - done);
        }
        out.clear();
    }

    @Override
    public void trim() {
        if (out != null && out.position() == 0) {
            out = null;
        }
    }

    /**
     * {@inheritDoc}
     *
     * <p>Sends close_notify first (RFC 8446 section 6.1).
     */
    @Override
    public void shutdownOutput() throws IOException {
        if (shaken && !closeSent) {
            closeSent = true;
            engine.closeOutbound();
            while (!engine.isOutboundDone() && wrap(NO_DATA).bytesProduced() > 0) {
                // one record: the alert
            }
            flush();
            out = null;
        }
        lower.shutdownOutput();
    }

    @Override
    public void close() {
        lower.close();
    }

    // ---- failures ----

    /** The same failure in words that name its cause. */
    private SSLException explain(SSLException e) {
        String who = client ? "the server" : "the client";
        String said = text(e);
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String text = text(cause);
            if (cause instanceof CertificateExpiredException) {
                return failure(who + "'s certificate has expired: " + text, e);
            }
            if (cause instanceof CertificateNotYetValidException) {
                return failure(who + "'s certificate is not valid yet: " + text, e);
            }
            if (client
                    && (text.startsWith("No subject alternative")
                            || text.startsWith("No name matching"))) {
                var mismatch =
                        new SSLPeerUnverifiedException(
                                "the server's certificate is not for "
                                        + engine.getPeerHost()
                                        + ": "
                                        + text);
                mismatch.initCause(e);
                return mismatch;
            }
            if (text.contains("unable to find valid certification path")
                    || text.contains("No trusted certificate")) {
                return failure(
                        who + "'s certificate is not trusted: nobody known has signed it", e);
            }
            if (cause.getCause() == null && cause != e && !text.isEmpty()) {
                said += ": " + text;
            }
        }
        if (said.contains("Empty client certificate chain")) {
            return failure("the client shows no certificate, which is required", e);
        }
        String name = alertIn(said);
        if (name != null) {
            String meaning =
                    switch (name) {
                        case "certificate_required" -> " (it wants a certificate from us)";
                        case "bad_certificate", "certificate_unknown", "unknown_ca" ->
                                " (it does not accept our certificate, or wants one)";
                        case "certificate_expired" -> " (our certificate has expired)";
                        case "unrecognized_name" -> " (it does not know the name of the host)";
                        case "handshake_failure" ->
                                " (nothing that both sides can do, or no certificate of ours)";
                        case "protocol_version" -> " (no version that both sides can do)";
                        default -> "";
                    };
            return failure(who + " gave up TLS with alert " + name + meaning, e);
        }
        return failure("TLS with " + who + " failed: " + said, e);
    }

    /** The name of the alert that the engine has heard, or null. */
    private static String alertIn(String said) {
        // The second is from who gives up TLS 1.3 before he has keys, as mbed TLS does.
        for (String before : new String[] {"fatal alert: ", "Level: fatal; Alert: "}) {
            int at = said.indexOf(before);
            if (at >= 0) {
                return said.substring(at + before.length());
            }
        }
        return null;
    }

    private static String text(Throwable e) {
        return e.getMessage() == null ? "" : e.getMessage();
    }

    private static SSLException failure(String message, SSLException cause) {
        var failure =
                cause instanceof SSLHandshakeException
                        ? new SSLHandshakeException(message)
                        : new SSLException(message);
        failure.initCause(cause);
        return failure;
    }
}
