package io.peerloom.websocket;

import io.peerloom.ErrorCode;
import io.peerloom.Limits;
import io.peerloom.Peer;
import io.peerloom.internal.link.ChannelWire;
import io.peerloom.internal.link.Nanos;
import io.peerloom.internal.link.TlsWire;
import io.peerloom.internal.link.Wire;
import io.peerloom.internal.protocol.ConnectionState;
import io.peerloom.internal.protocol.FrameEncoder;
import io.peerloom.internal.queue.WaitPoint;
import io.peerloom.packet.PacketPeer;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerTLS;
import io.peerloom.stream.TLSOptions;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.SSLSession;

// One file, because it is one public class: some sixty short methods and their Javadoc, which is half
// of it. What they do is elsewhere: ClientSide and ServerSide open a connection, WebSocketConnection
// is one. What is hidden here is how its facts become what the user sees from one poll to the next.

/**
 * One end of a WebSocket, client or server (RFC 6455). Godot: {@code WebSocketPeer}, the class of
 * Godot 4 and the one of Godot 3 at once.
 *
 * <p><b>Polled</b>, in a game loop: {@link #connectToUrl} or {@link #acceptStream}, then {@link
 * #poll} in every round, {@link #getReadyState}, {@link #getPacket}, {@link #send}. Nothing of it
 * ever blocks. Pings are answered, closes completed and dead connections noticed whether or not
 * anybody polls.
 *
 * <p><b>Blocking</b>, on a virtual thread: {@link #connect}, or the peer that {@link
 * WebSocketServer#serve} hands to its handler; then {@link #receive()} and {@link #send} until
 * {@code receive} returns null. The calling thread reads and writes the socket itself: so what
 * sends, {@link #putPacket} too, waits while the other side does not read.
 *
 * <p><b>What the user sees</b> moves only in {@link #poll} and in calls of his own:
 *
 * <table>
 * <caption>what a poll does with the state</caption>
 * <tr><th>before</th><th>seen</th><th>after</th><th>poll returns</th></tr>
 * <tr><td>CONNECTING</td><td>handshake done</td><td>OPEN</td><td>OK</td></tr>
 * <tr><td>CONNECTING</td><td>no address</td><td>CLOSED, status ERROR</td><td>CANT_RESOLVE</td></tr>
 * <tr><td>CONNECTING</td><td>anything else went wrong</td><td>CLOSED, status ERROR</td>
 *     <td>CONNECTION_ERROR</td></tr>
 * <tr><td>OPEN</td><td>packets to take</td><td>OPEN, whatever else happened</td><td>OK</td></tr>
 * <tr><td>OPEN</td><td>the other side begins to close</td><td>CLOSING</td><td>OK</td></tr>
 * <tr><td>OPEN, CLOSING</td><td>both close frames passed</td><td>CLOSED, status NONE</td>
 *     <td>OK</td></tr>
 * <tr><td>OPEN, CLOSING</td><td>broken, or a deadline passed</td><td>CLOSED, status ERROR, or NONE
 *     after a {@link #close} of one's own</td><td>FAILED</td></tr>
 * </table>
 *
 * So the last packets before a close are readable (in Godot they are lost), and the close is seen
 * after them. After a {@link #close} of one's own, packets stay readable too, but the state does
 * not wait for them to be taken: it is CLOSING at once, also while connecting, and CLOSED with the
 * poll that sees the end.
 *
 * <p><b>Connecting again</b> is possible in CLOSED and in CLOSING, as in Godot 4.3 and later. It
 * leaves ERROR, and it lets go of a connection that is still closing: that one sees its close
 * handshake through by itself, within its own deadline, and nothing more of it is seen here,
 * neither packets nor its end. (Godot cuts it off.)
 *
 * <p><b>Threads.</b> One thread at a time polls and receives; it is also the one to connect. Any
 * thread may {@link #send}, {@link #close}, {@link #ping} and {@link #wakeup}; the messages of one
 * thread stay in order.
 */
public final class WebSocketPeer extends PacketPeer implements Peer, AutoCloseable {

    /** How {@link #putPacket} sends. Godot: {@code WriteMode}. */
    public enum WriteMode {
        /** As text, which must be UTF-8. */
        TEXT(0),
        /** As binary. */
        BINARY(1);

        private final int value;

        WriteMode(int value) {
            this.value = value;
        }

        /** {@return Godot's number} */
        public int value() {
            return value;
        }
    }

    /** Where the connection is. Godot 4: {@code State}. */
    public enum State {
        /** Resolving, connecting, shaking hands. */
        CONNECTING(0),
        /** Messages go both ways. */
        OPEN(1),
        /** A close frame went one way; the answer is under way. */
        CLOSING(2),
        /** Closed, or could not be opened, or never was. */
        CLOSED(3);

        private final int value;

        State(int value) {
            this.value = value;
        }

        /** {@return Godot's number} */
        public int value() {
            return value;
        }
    }

    private Options options;

    /** The current or last connection; null before the first. Written by the owner. */
    private volatile WebSocketConnection connection;

    /**
     * Where {@link #awaitActivity} waits while there is no connection. Null while there always was
     * one; written by the owner, before the connection is null.
     */
    private volatile WaitPoint unconnected;

    /** Set by {@link #wakeup}, cleared by the wait that it ended. */
    private volatile boolean woken;

    // ---- what the user sees; belongs to the receiving thread ----

    private Phase phase = Phase.NEVER;

    /** How the connection ended; null before. */
    private Closing.End end;

    /** Why the connection, or the last call that was refused, failed. */
    private Optional<Throwable> failure = Optional.empty();

    private volatile WriteMode writeMode = WriteMode.BINARY;
    private boolean stringPacket;
    private String url = "";

    /** The target of a client until it is open; the remote end of the socket otherwise. */
    private String host = "";

    private int port;

    /** The stream that the WebSocket is over, or null. */
    private StreamPeer stream;

    private volatile boolean noDelay = true;

    /** What the getters of these names have returned last, to return it again. */
    private Optional<SSLSession> sslSession = Optional.empty();

    private Optional<UpgradeRequest> upgradeRequest = Optional.empty();
    private Optional<HandshakeResponse> handshakeResponse = Optional.empty();

    /** The same; any thread sets it to what it has read. */
    private volatile Optional<Duration> roundTrip = Optional.empty();

    /** What the polls have seen of the connection, from which state and status follow. */
    private enum Phase {
        NEVER,
        CONNECTING,
        OPEN,
        /** The other side's close frame was seen, the end not yet. */
        ENDING,
        ENDED
    }

    /** A peer that is not connected, with the default options. */
    public WebSocketPeer() {
        this(Options.defaults());
    }

    /**
     * A peer that is not connected.
     *
     * @param options for its connections
     */
    public WebSocketPeer(Options options) {
        this.options = Objects.requireNonNull(options, "options");
        unconnected = new WaitPoint();
    }

    // ---- opening ----

    /**
     * Connects, waiting for the outcome, for blocking use.
     *
     * @param url as for {@link #connectToUrl}
     * @return the open peer
     * @throws IOException if it could not be opened, with the cause: an {@link
     *     UpgradeFailedException} with the server's answer if it refused; an {@link
     *     InterruptedIOException} if the thread was interrupted, which stays so
     * @throws IllegalArgumentException if the URL is none
     */
    public static WebSocketPeer connect(String url) throws IOException {
        return connect(url, Options.defaults());
    }

    /**
     * Connects, waiting for the outcome, for blocking use.
     *
     * @param url as for {@link #connectToUrl}
     * @param options what to ask for
     * @return the open peer
     * @throws IOException if it could not be opened, with the cause: an {@link
     *     UpgradeFailedException} with the server's answer if it refused; an {@link
     *     InterruptedIOException} if the thread was interrupted, which stays so
     * @throws IllegalArgumentException if the URL is none, or a header or subprotocol cannot be
     *     sent
     */
    public static WebSocketPeer connect(String url, Options options) throws IOException {
        var peer = new WebSocketPeer(options);
        WebSocketUrl parsed = WebSocketUrl.parse(url);
        peer.begin(true, url, parsed, null, null);
        peer.finishOpening();
        return peer;
    }

    /**
     * Opens a WebSocket over a stream that is connected already, as the client, waiting for the
     * outcome: the way to a server behind a Unix domain socket.
     *
     * @param stream a connected stream, as for {@link #connectToStream}; belongs to the WebSocket
     *     from now on
     * @param url what the request asks for; its host is sent, not connected to
     * @param options what to ask for
     * @return the open peer
     * @throws IOException if it could not be opened, with the cause: an {@link
     *     UpgradeFailedException} with the server's answer if it refused; an {@link
     *     InterruptedIOException} if the thread was interrupted, which stays so
     * @throws IllegalArgumentException if the URL is none, the stream is of another kind, or a
     *     header or subprotocol cannot be sent
     */
    public static WebSocketPeer connect(StreamPeer stream, String url, Options options)
            throws IOException {
        var peer = new WebSocketPeer(options);
        WebSocketUrl parsed = WebSocketUrl.parse(url);
        if (!Handshaking.isCarrier(stream)) {
            throw Handshaking.notACarrier(stream);
        }
        peer.begin(true, url, parsed, null, stream);
        peer.finishOpening();
        return peer;
    }

    private void finishOpening() throws IOException {
        WebSocketConnection current = connection;
        current.claim();
        if (!current.await(() -> current.state() != ConnectionState.CONNECTING, Nanos.FOREVER)) {
            current.abort(); // interrupted: nobody will have the peer
            throw new InterruptedIOException("interrupted while opening " + url);
        }
        if (look() != ErrorCode.OK || phase == Phase.ENDED) {
            Throwable cause = getFailure().orElse(null);
            throw cause instanceof IOException e ? e : new IOException("cannot open " + url, cause);
        }
    }

    /**
     * Begins to connect, for polled use; {@link #poll} tells the outcome. Returns at once: the name
     * is resolved elsewhere. Godot: {@code connect_to_url}.
     *
     * @param target {@code ws://host:port/path?query}, or {@code wss:} for TLS, or {@code http:}
     *     and {@code https:}, which mean the same; without a scheme, {@code ws:} is meant; the
     *     default port is 80, or 443 for {@code wss:}. The host is a name as RFC 3986 has it, also
     *     one with an underscore (which TLS cannot have); a name beyond ASCII, which IDNA makes
     *     {@code xn--} of; or an address, of IPv6 in brackets and perhaps with a zone, {@code
     *     [fe80::1%25eth0]}, which is connected to and not sent
     * @return OK if connecting has begun; ALREADY_IN_USE if the state is CONNECTING or OPEN;
     *     INVALID_PARAMETER for anything that is no such URL, or a subprotocol or header that
     *     cannot be sent, with what and where it is in {@link #getFailure}; nothing else has
     *     changed then
     */
    public ErrorCode connectToUrl(String target) {
        return connectClient(null, target, null);
    }

    /**
     * Begins to connect, for polled use, with its own idea of whom to trust. Godot 4: {@code
     * connect_to_url}.
     *
     * @param target as for {@link #connectToUrl(String)}
     * @param tls a client's, for {@code wss:}, instead of {@link Options#sslContext}; null for that
     * @return as {@link #connectToUrl(String)}; also INVALID_PARAMETER if they are a server's
     */
    public ErrorCode connectToUrl(String target, TLSOptions tls) {
        return connectClient(null, target, tls);
    }

    /**
     * Begins to open a WebSocket over a stream that is connected already, as the client, for polled
     * use. Not Godot's.
     *
     * @param connected a connected {@link StreamPeerSocket}, or a {@link StreamPeerTLS} that is
     *     connected or shakes hands, which adds no TLS of its own then; belongs to the WebSocket
     *     from now on
     * @param target what the request asks for; its host is sent, not connected to
     * @return as {@link #connectToUrl}; also INVALID_PARAMETER if the stream is not connected, or
     *     is of another kind
     */
    public ErrorCode connectToStream(StreamPeer connected, String target) {
        Objects.requireNonNull(connected, "stream");
        return connectClient(connected, target, null);
    }

    /**
     * Whether a WebSocket can be opened over it now, and it is not the one on which this peer's
     * last connection is still closing.
     */
    private boolean isFree(StreamPeer carrier) {
        return carrier != stream && Handshaking.isCarrier(carrier);
    }

    private ErrorCode connectClient(StreamPeer over, String target, TLSOptions tls) {
        if (isInUse()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        try {
            if (tls != null && tls.isServer()) {
                throw new IllegalArgumentException("TLS options of a server, for a client");
            }
            if (over != null && !isFree(over)) {
                throw Handshaking.notACarrier(over);
            }
            begin(false, target, WebSocketUrl.parse(target), tls, over);
            return ErrorCode.OK;
        } catch (IllegalArgumentException e) {
            return refuse(e);
        }
    }

    /** Whether it has to be closed before it can be connected. */
    private boolean isInUse() {
        State now = getReadyState();
        return now == State.CONNECTING || now == State.OPEN;
    }

    private ErrorCode refuse(IllegalArgumentException why) {
        failure = Optional.of(why);
        return ErrorCode.INVALID_PARAMETER;
    }

    /** Lets go of the last connection, which ends by itself if it has not yet. */
    private void reset() {
        if (unconnected == null) {
            unconnected = new WaitPoint();
        }
        connection = null;
        phase = Phase.NEVER;
        end = null;
        failure = Optional.empty();
        stringPacket = false;
        stream = null;
        host = "";
        port = 0;
        url = "";
    }

    /**
     * Begins the client's side of the handshake.
     *
     * @throws IllegalArgumentException if something cannot be sent; nothing has changed then
     */
    private void begin(
            boolean direct, String target, WebSocketUrl parsed, TLSOptions tls, StreamPeer over) {
        var side = new ClientSide(parsed, options, tls, noDelay, over);
        reset();
        url = target;
        host = parsed.host();
        port = parsed.port();
        stream = over;
        start(true, direct, side, target);
    }

    /** Begins a connection, which opens on a thread of its own. */
    private void start(boolean client, boolean direct, Handshaking side, String what) {
        var opening =
                new WebSocketConnection(
                        client,
                        direct,
                        options,
                        options.deflatePool(),
                        WebSocketConnection.watchdog(options.limits()),
                        null);
        connection = opening;
        phase = Phase.CONNECTING;
        side.start(opening, what);
    }

    /**
     * Begins the server's side of the handshake on an accepted stream, for polled use; {@link
     * #poll} tells the outcome. The subprotocol is the client's first that is among {@link
     * #getSupportedProtocols}; web pages may connect as {@link Options#withOrigins} says. Godot:
     * {@code accept_stream}, which takes TCP, and TLS over it.
     *
     * @param accepted a connected {@link StreamPeerSocket}, or a {@link StreamPeerTLS} that is
     *     connected or shakes hands, within the deadline of this handshake then; belongs to the
     *     WebSocket from now on
     * @return OK if the handshake has begun; ALREADY_IN_USE if the state is CONNECTING or OPEN;
     *     INVALID_PARAMETER if the stream is not connected, is of another kind, or a header cannot
     *     be sent, with the reason in {@link #getFailure}; nothing else has changed then
     */
    public ErrorCode acceptStream(StreamPeer accepted) {
        Objects.requireNonNull(accepted, "stream");
        if (isInUse()) {
            return ErrorCode.ALREADY_IN_USE;
        }
        if (!isFree(accepted)) {
            return refuse(Handshaking.notACarrier(accepted));
        }
        StreamPeerTCP tcp = Handshaking.tcp(accepted);
        String from = tcp == null ? "" : tcp.getConnectedHost();
        ServerSide side;
        try {
            side = new ServerSide(options, accepted, from);
        } catch (IllegalArgumentException e) {
            return refuse(e);
        }
        reset();
        stream = accepted;
        host = from;
        if (tcp != null) {
            tcp.setNoDelay(noDelay);
            port = tcp.getConnectedPort();
        }
        start(false, false, side, "a client " + from);
        return ErrorCode.OK;
    }

    /** For the server: a peer on an accepted channel; the connection is run by the server. */
    WebSocketPeer(Options options, WebSocketConnection accepted, String host, int port) {
        this.options = options;
        connection = accepted;
        phase = Phase.CONNECTING;
        this.host = host;
        this.port = port;
    }

    WebSocketConnection connection() {
        return connection;
    }

    // ---- polling ----

    /**
     * Looks what happened, as in the table above. Godot: {@code poll}, which returns nothing.
     *
     * @return as in the table above
     */
    @Override
    public ErrorCode poll() {
        WebSocketConnection current = connection;
        if (current != null) {
            current.watch();
        }
        return look();
    }

    private ErrorCode look() {
        fetch();
        return settle(available() > 0 && !isCloseCalled());
    }

    /**
     * First half of a poll: what was opened, and what arrived. Returns how much there is to take.
     */
    int fetch() {
        WebSocketConnection current = connection;
        if (current == null) {
            return 0;
        }
        current.doneWithTaken();
        // The state is read first: what arrived before it changed is then seen by the refill.
        ConnectionState state = current.state();
        if (phase == Phase.CONNECTING
                && state != ConnectionState.CONNECTING
                && (state != ConnectionState.CLOSED || current.wasOpened())) {
            opened();
        }
        return current.refill();
    }

    private void opened() {
        phase = Phase.OPEN;
        if (connection.isClient()) {
            InetSocketAddress remote = remote();
            if (remote != null) {
                host = remote.getAddress().getHostAddress();
                port = remote.getPort();
            }
        }
    }

    /** Second half of a poll: the end, unless it has to wait for packets to be taken. */
    ErrorCode settle(boolean packetsFirst) {
        WebSocketConnection current = connection;
        if (current == null || phase == Phase.ENDED) {
            return ErrorCode.OK;
        }
        ConnectionState state = current.state();
        if (packetsFirst || current.hasArrivals() || state == ConnectionState.CONNECTING) {
            return ErrorCode.OK;
        }
        if (state != ConnectionState.CLOSED) {
            if (phase == Phase.OPEN && state != ConnectionState.OPEN) {
                phase = Phase.ENDING;
            }
            return ErrorCode.OK;
        }
        boolean wasOpen = phase != Phase.CONNECTING;
        phase = Phase.ENDED;
        end = current.outcome();
        if (end.cause() != null) {
            failure = Optional.of(end.cause());
        }
        if (end.clean() || end.cause() == null) {
            return ErrorCode.OK;
        }
        if (wasOpen) {
            return ErrorCode.FAILED;
        }
        return end.cause() instanceof UnknownHostException
                ? ErrorCode.CANT_RESOLVE
                : ErrorCode.CONNECTION_ERROR;
    }

    /** {@return the state as of the last poll} Godot 4: {@code get_ready_state}. */
    public State getReadyState() {
        return switch (phase) {
            case NEVER, ENDED -> State.CLOSED;
            case CONNECTING -> isCloseCalled() ? State.CLOSING : State.CONNECTING;
            case OPEN -> isCloseCalled() ? State.CLOSING : State.OPEN;
            case ENDING -> State.CLOSING;
        };
    }

    @Override
    public Status getStatus() {
        return switch (phase) {
            case NEVER -> Status.NONE;
            case CONNECTING -> Status.CONNECTING;
            case OPEN, ENDING -> Status.CONNECTED;
            case ENDED -> end.cause() == null || isCloseCalled() ? Status.NONE : Status.ERROR;
        };
    }

    /** Whether the user has closed the connection; the state shows it before any poll. */
    private boolean isCloseCalled() {
        WebSocketConnection current = connection;
        return current != null && current.isCloseCalled();
    }

    /**
     * {@return whether the connection was opened and has not ended, closing included} Godot 3:
     * {@code is_connected_to_host}.
     */
    public boolean isConnectedToHost() {
        return phase == Phase.OPEN || phase == Phase.ENDING;
    }

    @Override
    public Optional<Throwable> getFailure() {
        return failure;
    }

    @Override
    public boolean awaitActivity(Duration timeout) {
        WebSocketConnection current = connection;
        long nanos = Nanos.of(timeout);
        boolean active;
        if (current == null) {
            active = unconnected.await(() -> woken, nanos);
        } else if (phase == Phase.ENDED) {
            active = current.await(() -> woken, nanos);
        } else {
            current.doneWithTaken();
            current.watch();
            Phase now = phase;
            boolean waitsForPackets = available() > 0 && !isCloseCalled();
            active =
                    current.await(
                            () ->
                                    woken
                                            || current.hasArrivals()
                                            || wouldMove(now, current.state(), waitsForPackets),
                            nanos);
        }
        woken = false;
        return active;
    }

    private static boolean wouldMove(Phase seen, ConnectionState state, boolean waitsForPackets) {
        return switch (seen) {
            case CONNECTING -> state != ConnectionState.CONNECTING;
            case OPEN -> state != ConnectionState.OPEN && !waitsForPackets;
            case ENDING -> state == ConnectionState.CLOSED && !waitsForPackets;
            case NEVER, ENDED -> false;
        };
    }

    @Override
    public void wakeup() {
        woken = true;
        WebSocketConnection current = connection;
        if (current != null) {
            current.wake();
        }
        WaitPoint idle = unconnected;
        if (idle != null) {
            idle.signal();
        }
    }

    // ---- receiving ----

    private int available() {
        WebSocketConnection current = connection;
        return current == null ? 0 : current.available();
    }

    /**
     * {@return how many packets {@link #getPacket} can take} Changes in {@link #poll} and by taking
     * only.
     */
    @Override
    public int getAvailablePacketCount() {
        return available();
    }

    /**
     * {@return OK if there is a packet; FAILED if there is none and the peer is not open;
     * UNAVAILABLE if there is none}
     */
    @Override
    protected ErrorCode checkPacket() {
        if (available() > 0) {
            return ErrorCode.OK;
        }
        return getReadyState() == State.OPEN ? ErrorCode.UNAVAILABLE : ErrorCode.FAILED;
    }

    @Override
    protected byte[] takePacket() {
        return take().bytes();
    }

    private Message take() {
        Message message = connection.take();
        stringPacket = message.isText();
        return message;
    }

    /**
     * Takes the oldest packet as a message. Never blocks. Not Godot's.
     *
     * @return the message, or null if {@link #getAvailablePacketCount} is 0
     */
    public Message takeMessage() {
        return available() > 0 ? take() : null;
    }

    /** {@return whether the last packet taken was text} Godot: {@code was_string_packet}. */
    public boolean wasStringPacket() {
        return stringPacket;
    }

    /**
     * Waits for the next message: as long as the connection lives, which the heartbeat bounds. An
     * interrupt ends the wait and stays set; the connection lives. There is one exception: a
     * virtual thread reads the socket itself here, and Java closes a socket whose reader is
     * interrupted. Where virtual threads are interrupted (structured concurrency, a time-out), use
     * {@link #receive(Duration)}, which survives it, if need be with {@link Limits#NEVER}.
     *
     * @return the message; null when the connection has ended, and {@link #getCloseCode} and {@link
     *     #getFailure} say how; null also after an interrupt, and after {@link #wakeup} unless a
     *     virtual thread is reading the socket itself
     */
    public Message receive() {
        WebSocketConnection current = connection;
        Message message = current == null ? null : current.in.receiveDirectly();
        if (message == null) {
            return receive(Nanos.FOREVER);
        }
        stringPacket = message.isText();
        if (phase == Phase.CONNECTING) {
            opened();
        }
        return message;
    }

    /**
     * Waits for the next message for a time. An interrupt ends the wait and stays set; the
     * connection lives, and nothing is lost. From the first call on, another thread reads the
     * socket for the rest of the connection, which costs a little of the speed of {@link
     * #receive()}.
     *
     * @param timeout how long to wait at the most
     * @return the message; null when the time is up, after an interrupt, and as for {@link
     *     #receive()}; {@link #isConnectedToHost} says whether the connection has ended
     */
    public Message receive(Duration timeout) {
        // Never without a bound, so that no thread but the connection's own waits in the socket.
        return receive(Math.min(Nanos.of(timeout), Nanos.FOREVER - 1));
    }

    private Message receive(long nanos) {
        WebSocketConnection current = connection;
        if (current == null) {
            return null;
        }
        Message message = current.in.receive(nanos, () -> woken);
        if (message != null) {
            stringPacket = message.isText();
            if (phase == Phase.CONNECTING) {
                opened();
            }
            return message;
        }
        if (woken) {
            woken = false;
        } else if (current.isOver()) {
            // the reply to a close frame is on its way: let the caller see how it all ended
            current.await(
                    () -> current.state() == ConnectionState.CLOSED,
                    Nanos.of(options.limits().closeTimeout()));
        }
        look();
        return null;
    }

    // ---- sending ----

    /**
     * Sends a binary message. Never blocks on a polled peer; on a blocking one it waits for an
     * other side that does not read, see {@link #send(Message)}. Any thread. Godot 4: {@code send}.
     *
     * @param message the payload, perhaps empty; not kept
     * @return as {@link #send(Message)}
     */
    public ErrorCode send(byte[] message) {
        return send(message, WriteMode.BINARY);
    }

    /**
     * Sends a message. Never blocks on a polled peer; on a blocking one it waits for an other side
     * that does not read, see {@link #send(Message)}. Any thread. Godot 4: {@code send}.
     *
     * @param message the payload, perhaps empty; UTF-8 if it is to be text; not kept
     * @param mode text or binary
     * @return as {@link #send(Message)}; INVALID_DATA if text is not UTF-8
     */
    public ErrorCode send(byte[] message, WriteMode mode) {
        boolean text = mode == WriteMode.TEXT;
        if (text
                && io.peerloom.internal.protocol.Utf8.check(
                                io.peerloom.internal.protocol.Utf8.ACCEPT,
                                message,
                                0,
                                message.length)
                        != io.peerloom.internal.protocol.Utf8.ACCEPT) {
            return ErrorCode.INVALID_DATA;
        }
        return send(new Message(message, text), true);
    }

    /**
     * Sends a text message. Never blocks on a polled peer; on a blocking one it waits for an other
     * side that does not read, see {@link #send(Message)}. Any thread. Godot 4: {@code send_text}.
     *
     * @param message any Unicode text
     * @return as {@link #send(Message)}
     * @throws IllegalArgumentException if the text has an unpaired surrogate
     */
    public ErrorCode sendText(String message) {
        return send(Message.text(message));
    }

    /**
     * Sends a message. Any thread. On a polled peer it never blocks; on a blocking one it waits for
     * room while the other side reads slowly, and up to {@link Limits#writeTimeout} (30 seconds)
     * for one that does not read at all. So a handler that sends to many peers in turn, such as a
     * chat, stands still for one client that does not read: use {@link
     * WebSocketServer#broadcast(Message)} there, which never waits and returns who missed it.
     *
     * <p>An interrupt ends neither the wait nor a connection, and stays set; except that a thread
     * that is writing to the socket of its own connection, the one it opened, serves or receives
     * from, ends that connection if it is interrupted there.
     *
     * <p>What was accepted goes out before the close frame, whoever closes, as long as the other
     * side reads it; if that cannot be, the end is not {@linkplain #wasCleanClose clean}.
     *
     * @param message the message; not copied
     * @return OK when it was accepted; FAILED when the peer is not open or is closing,
     *     OUT_OF_MEMORY, on a polled peer, when there is no room: nothing of the message is sent
     *     then, and the connection goes on. There is room when fewer than {@link
     *     Limits#outboundMessages} wait, and with the message no more than {@link
     *     Limits#outboundBytes}; a message that is larger than that by itself is accepted when less
     *     than that waits
     */
    public ErrorCode send(Message message) {
        return send(message, false);
    }

    private ErrorCode send(Message message, boolean shared) {
        WebSocketConnection current = connection;
        return current == null ? ErrorCode.FAILED : code(current.send(message, shared));
    }

    private static ErrorCode code(WebSocketConnection.Sent sent) {
        return switch (sent) {
            case OK -> ErrorCode.OK;
            case FULL -> ErrorCode.OUT_OF_MEMORY;
            case CLOSED -> ErrorCode.FAILED;
        };
    }

    /** For broadcasts: queues a frame that was encoded for many. */
    ErrorCode send(Outbound.Frame frame) {
        WebSocketConnection current = connection;
        return current == null ? ErrorCode.FAILED : code(current.send(frame));
    }

    @Override
    protected ErrorCode sendPacket(byte[] packet) {
        return send(packet, writeMode);
    }

    /** {@return how {@link #putPacket} sends} Binary at first. Godot 3: {@code get_write_mode}. */
    public WriteMode getWriteMode() {
        return writeMode;
    }

    /**
     * Chooses how {@link #putPacket} sends. Godot 3: {@code set_write_mode}.
     *
     * @param mode text or binary
     */
    public void setWriteMode(WriteMode mode) {
        writeMode = Objects.requireNonNull(mode, "mode");
    }

    /**
     * {@return how many bytes of messages were accepted and are not yet with the system; 0 unless
     * connected} Godot: {@code get_current_outbound_buffered_amount}.
     */
    public int getCurrentOutboundBufferedAmount() {
        WebSocketConnection current = connection;
        return current == null || phase == Phase.ENDED ? 0 : current.outboundBytes();
    }

    /**
     * Sends a ping. Any thread; never blocks. Not Godot's. Its answer is not an event, but moves
     * {@link #getRoundTripTime}. A heartbeat pings by itself, see {@link Limits#heartbeatInterval}.
     *
     * @return OK, or FAILED when the peer is not open
     */
    public ErrorCode ping() {
        WebSocketConnection current = connection;
        return current != null && current.ping() ? ErrorCode.OK : ErrorCode.FAILED;
    }

    /**
     * {@return the time that the last answered ping took, there and back; empty before the first}
     * Not Godot's. Any thread.
     */
    public Optional<Duration> getRoundTripTime() {
        WebSocketConnection current = connection;
        long nanos = current == null ? -1 : current.roundTripNanos();
        Optional<Duration> last = roundTrip;
        if (nanos < 0) {
            last = Optional.empty();
        } else if (last.isEmpty() || last.get().toNanos() != nanos) {
            last = Optional.of(Duration.ofNanos(nanos));
            roundTrip = last;
        }
        return last;
    }

    // ---- closing ----

    /** Closes with code 1000 and no reason, see {@link #close(int, String)}. */
    @Override
    public void close() {
        close(1000, "");
    }

    /**
     * Begins to close: what was sent before leaves first, then the close frame; the other side has
     * {@link Limits#closeTimeout} to answer it. Does not block; any thread. While connecting, it
     * gives up. Once closing, it does nothing. The status is NONE once a poll has seen the end,
     * however that went, and is NONE at once if it was ERROR. Godot: {@code close}.
     *
     * <p>What still comes in can be received. If nobody takes it for the close timeout and the
     * queue is full, everything from then on is dropped; the end is not clean then, and {@link
     * #getFailure} says how many messages that were. If the other side has not answered in time,
     * the end is 1006; the socket stays half-open for a while, so that the other side can read what
     * was sent before: see {@link Limits#lingerTimeout}.
     *
     * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999; 1005 (or 0, as in Godot 4) for a
     *     close frame without a code; a negative code drops the connection without a close frame
     * @param reason at most 123 bytes in UTF-8
     * @throws IllegalArgumentException for another code, a longer reason, or an unpaired surrogate
     *     in it. Godot sends bad codes as they are, and hangs on a reason that is too long
     */
    public void close(int code, String reason) {
        Objects.requireNonNull(reason, "reason");
        byte[] payload =
                code < 0
                        ? null
                        : code == 0
                                ? FrameEncoder.closePayload(1005, "")
                                : FrameEncoder.closePayload(code, reason);
        WebSocketConnection current = connection;
        if (current == null) {
            return;
        }
        current.closeCalled();
        if (payload == null) {
            current.abort();
        } else {
            current.close(payload);
        }
    }

    /**
     * {@return the close code: the other side's if its close frame came; the code that we sent if
     * it broke the protocol; 1005 if its close frame had none; 1006 if there was no close frame; -1
     * while not closed} RFC 6455 section 7.1.5. See {@link #getGodotCloseCode}.
     */
    public int getCloseCode() {
        return end == null || phase != Phase.ENDED ? -1 : end.code();
    }

    /**
     * {@return the close code as Godot 4 reports it: -1 instead of 1006, 0 instead of 1005} Godot:
     * {@code get_close_code}.
     */
    public int getGodotCloseCode() {
        int code = getCloseCode();
        return code == 1006 ? -1 : code == 1005 ? 0 : code;
    }

    /**
     * {@return the reason that belongs to {@link #getCloseCode}, {@code ""} if there is none}
     * Godot: {@code get_close_reason}.
     */
    public String getCloseReason() {
        return end == null || phase != Phase.ENDED ? "" : end.reason();
    }

    /**
     * {@return whether the other side ended it: by closing first, or by going away without a close
     * frame} Meaningful once closed. Not Godot's.
     */
    public boolean wasClosedByPeer() {
        return end != null && end.byPeer();
    }

    /**
     * {@return whether it ended with a close frame of the other side, and nothing is known to be
     * lost} RFC 6455 section 7.1.4. Meaningful once closed. Godot 3: {@code was_clean_close} of its
     * signals.
     */
    public boolean wasCleanClose() {
        return end != null && end.clean();
    }

    /**
     * Waits until the connection has ended, for a thread that does not receive: a handler that only
     * sends, say. It does not wait for messages to be taken; they can be taken after it, and the
     * getters agree with the end once they were and {@link #poll} or {@link #receive()} has seen
     * it. Any thread, while others receive and send. Not Godot's.
     *
     * <p>The end can only be seen behind what came before it. So where more messages wait to be
     * taken than {@link Limits#inboundBytes} and {@link Limits#inboundMessages} allow, the other
     * side's end is seen when some were taken, or when sending to it fails; one's own {@link
     * #close} and {@link WebSocketServer#stop} do not wait for that.
     *
     * @param timeout how long to wait at the most; zero or negative to look and not wait
     * @return true if it has ended, or never began; false if the time is up, or if the calling
     *     thread is or gets interrupted, which leaves its interrupt status set
     */
    public boolean awaitClosed(Duration timeout) {
        WebSocketConnection current = connection;
        return current == null
                || current.await(
                        () -> current.state() == ConnectionState.CLOSED, Nanos.of(timeout));
    }

    // ---- who and what ----

    /**
     * {@return the address of the other side; the host of the URL on a client that is connecting,
     * or is over a stream; {@code ""} where there is none} Kept after the end. Godot: {@code
     * get_connected_host}.
     */
    public String getConnectedHost() {
        return host;
    }

    /**
     * {@return the port of the other side, 0 where there is none} As {@link #getConnectedHost}.
     * Godot: {@code get_connected_port}.
     */
    public int getConnectedPort() {
        return port;
    }

    private InetSocketAddress remote() {
        SocketChannel channel = channel();
        try {
            return channel != null && channel.getRemoteAddress() instanceof InetSocketAddress remote
                    ? remote
                    : null;
        } catch (IOException e) {
            return null; // closed meanwhile
        }
    }

    private SocketChannel channel() {
        WebSocketConnection current = connection;
        Wire wire = current == null ? null : current.wire();
        if (wire instanceof TlsWire tls) {
            wire = tls.lower();
        }
        return wire instanceof ChannelWire plain ? plain.channel() : null;
    }

    /**
     * {@return the subprotocol that was agreed on, {@code ""} for none} Known once open. Godot:
     * {@code get_selected_protocol}.
     */
    public String getSelectedProtocol() {
        return phase == Phase.CONNECTING || connection == null ? "" : connection.protocol();
    }

    /**
     * {@return the TLS session of the connection, with its certificates; empty without TLS and
     * while connecting} Not Godot's.
     */
    public Optional<SSLSession> getSslSession() {
        WebSocketConnection current = connection;
        if (phase == Phase.CONNECTING || current == null || !current.wasOpened()) {
            return Optional.empty();
        }
        if (current.wire() instanceof TlsWire tls) {
            SSLSession now = tls.session();
            if (sslSession.orElse(null) != now) {
                sslSession = Optional.of(now);
            }
            return sslSession;
        }
        return stream instanceof StreamPeerTLS tls ? tls.getSslSession() : Optional.empty();
    }

    /**
     * {@return the extensions that were agreed on, as the server named them, {@code ""} for none}
     * Say {@code "permessage-deflate; server_no_context_takeover"}. Known once open. Not Godot's.
     */
    public String getExtensions() {
        return phase == Phase.CONNECTING || connection == null ? "" : connection.extensions();
    }

    /**
     * {@return the URL that was asked for: by us, or, on a server, by the client} Godot: {@code
     * get_requested_url}.
     */
    public String getRequestedUrl() {
        if (url.isEmpty()) {
            url = getUpgradeRequest().map(UpgradeRequest::url).orElse("");
        }
        return url;
    }

    /**
     * {@return the request that a server's peer was opened with; empty on clients and while
     * connecting} Not Godot's.
     */
    public Optional<UpgradeRequest> getUpgradeRequest() {
        WebSocketConnection current = connection;
        UpgradeRequest now =
                current == null || phase == Phase.CONNECTING ? null : current.request();
        if (upgradeRequest.orElse(null) != now) {
            upgradeRequest = Optional.ofNullable(now);
        }
        return upgradeRequest;
    }

    /**
     * {@return what the server answered to our handshake, whether it opened the WebSocket or
     * refused it; empty on a server's peers, while connecting, and if no answer came that can be
     * read} Of a refusal it is also in the {@link UpgradeFailedException} of {@link #getFailure}.
     * Not Godot's.
     */
    public Optional<HandshakeResponse> getHandshakeResponse() {
        WebSocketConnection current = connection;
        HandshakeResponse now =
                phase == Phase.CONNECTING || current == null
                        ? null
                        : end != null && end.cause() instanceof UpgradeFailedException refused
                                ? refused.response()
                                : current.response();
        if (handshakeResponse.orElse(null) != now) {
            handshakeResponse = Optional.ofNullable(now);
        }
        return handshakeResponse;
    }

    /**
     * Turns Nagle's algorithm off or on, for this connection and the next. It is off at first.
     * Godot: {@code set_no_delay}.
     *
     * @param enabled whether small messages are sent without waiting to be joined with others
     */
    public void setNoDelay(boolean enabled) {
        noDelay = enabled;
        StreamPeerTCP tcp = Handshaking.tcp(stream);
        if (tcp != null) {
            tcp.setNoDelay(enabled);
        }
        SocketChannel channel = channel();
        if (channel != null) {
            try {
                if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, enabled);
                }
            } catch (IOException e) {
                // the connection is over; nothing is sent on it any more
            }
        }
    }

    // ---- settings, which count for the next connection ----

    /** {@return the options of the next connection} */
    public Options getOptions() {
        return options;
    }

    /**
     * Sets the options of the next connection. The setters below are Godot's names for parts of
     * them.
     *
     * @param options the options
     */
    public void setOptions(Options options) {
        this.options = Objects.requireNonNull(options, "options");
    }

    /** {@return the subprotocols to offer or accept} Godot: {@code supported_protocols}. */
    public List<String> getSupportedProtocols() {
        return options.protocols();
    }

    /**
     * Sets the subprotocols to offer or accept. Godot: {@code supported_protocols}.
     *
     * @param protocols the preferred one first; white space around them is dropped
     */
    public void setSupportedProtocols(List<String> protocols) {
        options = options.withProtocols(protocols);
    }

    /** {@return the header lines to add to the handshake} Godot: {@code handshake_headers}. */
    public List<String> getHandshakeHeaders() {
        return options.headers();
    }

    /**
     * Sets the header lines to add to the handshake. Godot: {@code handshake_headers}.
     *
     * @param headers each {@code "Name: value"}; checked when connecting
     */
    public void setHandshakeHeaders(List<String> headers) {
        options = options.withHeaders(headers);
    }

    /**
     * {@return the bound of messages that were received and not taken, in bytes} Godot: {@code
     * inbound_buffer_size}.
     */
    public int getInboundBufferSize() {
        return options.limits().inboundBytes();
    }

    /**
     * Bounds a received message and all that were received and not taken. Godot: {@code
     * inbound_buffer_size}, 65,535 there.
     *
     * @param bytes at least 1
     */
    public void setInboundBufferSize(int bytes) {
        options = options.withInboundBufferSize(bytes);
    }

    /**
     * {@return the bound of messages that wait to be sent, in bytes} Godot: {@code
     * outbound_buffer_size}.
     */
    public int getOutboundBufferSize() {
        return options.limits().outboundBytes();
    }

    /**
     * Bounds the messages that wait to be sent. Godot: {@code outbound_buffer_size}, 65,535 there.
     *
     * @param bytes at least 1
     */
    public void setOutboundBufferSize(int bytes) {
        options = options.withOutboundBufferSize(bytes);
    }

    /**
     * {@return the bound of messages that wait, in each direction} Godot: {@code
     * max_queued_packets}.
     */
    public int getMaxQueuedPackets() {
        return options.limits().inboundMessages();
    }

    /**
     * Bounds the number of messages that wait, in each direction. Godot: {@code
     * max_queued_packets}.
     *
     * @param packets at least 1
     */
    public void setMaxQueuedPackets(int packets) {
        options = options.withMaxQueuedPackets(packets);
    }

    /**
     * {@return the silence in seconds after which a ping is sent; 0 when never} Godot: {@code
     * heartbeat_interval}.
     */
    public double getHeartbeatInterval() {
        Duration interval = options.limits().heartbeatInterval();
        return interval.compareTo(Limits.NEVER) >= 0 ? 0 : interval.toNanos() / 1e9;
    }

    /**
     * Sets the silence after which a ping is sent; after as much silence again the connection is
     * dropped. Godot: {@code heartbeat_interval}, which is off at first there, and 20 seconds here.
     *
     * @param seconds 0 to send none
     * @throws IllegalArgumentException if negative or not a number
     */
    public void setHeartbeatInterval(double seconds) {
        if (!(seconds >= 0)) {
            throw new IllegalArgumentException("heartbeat interval of " + seconds + " seconds");
        }
        Duration interval =
                seconds == 0 ? Limits.NEVER : Duration.ofNanos(Math.max(1, (long) (seconds * 1e9)));
        options =
                options.withLimits(
                        options.limits()
                                .withHeartbeatInterval(interval)
                                .withHeartbeatTimeout(interval));
    }
}
