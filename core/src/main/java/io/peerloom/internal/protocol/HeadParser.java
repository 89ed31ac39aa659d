package io.peerloom.internal.protocol;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Parses the head of an HTTP/1.1 request or response (RFC 9112) that comes in pieces. It looks at
 * each byte once, however the pieces are cut, and holds no more than the line it is in.
 *
 * <p>It is strict where leniency has let requests be smuggled: a bare LF or CR, a folded line of a
 * request, whitespace before a colon, a NUL or another control character, and a missing colon are
 * refused. Bytes beyond ASCII are let through in values, each as one character.
 *
 * <p>What the RFCs ask a recipient to pass over, it passes over: one empty line before a request
 * (RFC 9112 section 2.2), and before the response proper some with a status of 100 to 199 other
 * than 101 (RFC 9110 section 15.2). A folded line of a response is joined with a space (RFC 9112
 * section 5.2). All that counts for the limit of bytes.
 *
 * <p>Used once, by one thread at a time. After an exception, and after the head's end, more input
 * is refused with {@link IllegalStateException}.
 */
public final class HeadParser {
    private enum State {
        EMPTY_LF,
        START_LINE,
        START_LINE_LF,
        LINE,
        NAME,
        VALUE,
        VALUE_LF,
        FOLD,
        END_LF,
        COMPLETE,
        FAILED
    }

    /** How many responses may come before the one that counts; servers send one or two. */
    private static final int MAX_INTERIM = 8;

    private final boolean request;
    private final int maxBytes;
    private final int maxHeaders;

    private State state = State.START_LINE;

    /** Bytes so far, of what is passed over too, the current one included. */
    private int total;

    /** An empty line came before the request line. */
    private boolean begun;

    /** How many responses were passed over. */
    private int interim;

    private int consumed;

    /** The line under way: from 0 to {@link #used}, without what ends it. */
    private byte[] line = new byte[128];

    private int used;

    /** Where in the line the name ends; the value follows at once, without the colon. */
    private int nameEnd;

    /** Of a request: method, target, version. Of a response: version, status, reason. */
    private String[] startLine;

    private List<Header> headers = new ArrayList<>();
    private HttpHead head;

    /** See {@link #isHead}. */
    private boolean methodIsHead;

    private HeadParser(boolean request, int maxBytes, int maxHeaders) {
        if (maxBytes <= 0 || maxHeaders <= 0) {
            throw new IllegalArgumentException(
                    "limits of " + maxBytes + " bytes and " + maxHeaders + " headers");
        }
        this.request = request;
        this.maxBytes = maxBytes;
        this.maxHeaders = maxHeaders;
    }

    /**
     * A parser for the head of a request.
     *
     * @param maxBytes the longest head to take, with every line break; more is answered with 431
     * @param maxHeaders the most header lines to take; more is answered with 431
     * @return the parser
     * @throws IllegalArgumentException if a limit is not positive
     */
    public static HeadParser request(int maxBytes, int maxHeaders) {
        return new HeadParser(true, maxBytes, maxHeaders);
    }

    /**
     * A parser for the head of a response.
     *
     * @param maxBytes the longest head to take, with every line break, and with the heads that are
     *     passed over
     * @param maxHeaders the most header lines of one head to take
     * @return the parser
     * @throws IllegalArgumentException if a limit is not positive
     */
    public static HeadParser response(int maxBytes, int maxHeaders) {
        return new HeadParser(false, maxBytes, maxHeaders);
    }

    /**
     * Takes the next bytes.
     *
     * @param buf holds them; not changed and not kept
     * @param from the index of the first byte
     * @param to the index after the last byte
     * @return whether the head is complete; what stands from {@link #consumed()} on is not of it
     * @throws HandshakeException if this is no such head, or goes over a limit
     * @throws IllegalStateException if the head was complete before, or has failed
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public boolean feed(byte[] buf, int from, int to) throws HandshakeException {
        Objects.checkFromToIndex(from, to, buf.length);
        if (state == State.COMPLETE || state == State.FAILED) {
            throw new IllegalStateException("input after the end of the head");
        }
        int at = from;
        while (at < to && state != State.COMPLETE) {
            if (total == maxBytes) {
                throw fail(431, "head of more than " + maxBytes + " bytes");
            }
            total++;
            accept(buf[at++] & 0xFF);
        }
        consumed = at;
        return state == State.COMPLETE;
    }

    /**
     * Where the last {@link #feed} stopped.
     *
     * @return once the head is complete, the index in the buffer after its last byte: what follows
     *     belongs to the WebSocket
     */
    public int consumed() {
        return consumed;
    }

    /**
     * The request.
     *
     * @return the head
     * @throws IllegalStateException if it is not complete, or this is a parser for responses
     */
    public RequestHead requestHead() {
        if (head instanceof RequestHead parsed) {
            return parsed;
        }
        throw new IllegalStateException("no head of a request");
    }

    /**
     * The response.
     *
     * @return the head
     * @throws IllegalStateException if it is not complete, or this is a parser for requests
     */
    public ResponseHead responseHead() {
        if (head instanceof ResponseHead parsed) {
            return parsed;
        }
        throw new IllegalStateException("no head of a response");
    }

    /**
     * Whether the request's method is HEAD: it may get no body, not even with an answer that says
     * what is wrong with it.
     *
     * @return whether it is, as far as the request has come; also after it was refused
     */
    public boolean isHead() {
        return methodIsHead;
    }

    private void accept(int c) throws HandshakeException {
        switch (state) {
            case EMPTY_LF -> {
                expectLf(c);
                state = State.START_LINE;
            }
            case START_LINE -> {
                if (c == '\r' && used == 0 && request && !begun) {
                    begun = true;
                    state = State.EMPTY_LF;
                } else if (c == '\r') {
                    startLine = request ? parseRequestLine() : parseStatusLine();
                    used = 0;
                    state = State.START_LINE_LF;
                } else {
                    keepValueChar(c);
                    if (c == ' ' && used == 5) {
                        methodIsHead = text(0, used).equals("HEAD ");
                    }
                }
            }
            case START_LINE_LF, VALUE_LF -> {
                expectLf(c);
                state = State.LINE;
            }
            case LINE -> {
                if (HttpSyntax.isBlank(c) && (request || used == 0)) {
                    throw fail(400, "folded header line");
                } else if (HttpSyntax.isBlank(c)) {
                    state = State.FOLD;
                } else {
                    line(c);
                }
            }
            case FOLD -> {
                if (c == '\r') {
                    state = State.VALUE_LF;
                } else if (!HttpSyntax.isBlank(c)) {
                    keep(' ');
                    keepValueChar(c);
                    state = State.VALUE;
                }
            }
            case NAME -> name(c);
            case VALUE -> {
                if (c == '\r') {
                    while (used > nameEnd && HttpSyntax.isBlank(line[used - 1])) {
                        used--;
                    }
                    state = State.VALUE_LF;
                } else {
                    keepValueChar(c);
                }
            }
            default -> { // END_LF: in the other states nothing is accepted
                expectLf(c);
                complete();
            }
        }
    }

    /** The first byte of a line that does not go on with the one before: that one is complete. */
    private void line(int c) throws HandshakeException {
        if (used > 0) {
            headers.add(new Header(text(0, nameEnd), HttpSyntax.trim(text(nameEnd, used))));
            used = 0;
        }
        if (c == '\r') {
            state = State.END_LF;
        } else if (headers.size() == maxHeaders) {
            throw fail(431, "more than " + maxHeaders + " header lines");
        } else {
            state = State.NAME;
            name(c);
        }
    }

    private void name(int c) throws HandshakeException {
        if (HttpSyntax.isTokenChar(c)) {
            keep(c);
        } else if (c == ':' && used > 0) {
            nameEnd = used;
            state = State.VALUE;
        } else if (c == ':') {
            throw fail(400, "header line without a name");
        } else if (HttpSyntax.isBlank(c)) {
            throw fail(400, "whitespace in or after header name " + soFar());
        } else if (c == '\r' || c == '\n') {
            throw fail(400, "header line " + soFar() + " without a colon");
        } else {
            throw fail(400, String.format("byte 0x%02X in header name %s", c, soFar()));
        }
    }

    private void keepValueChar(int c) throws HandshakeException {
        if (c == '\n') {
            throw fail(400, "line feed without a carriage return after " + soFar());
        }
        if (!HttpSyntax.isValueChar(c)) {
            if (state == State.START_LINE && used == 0 && c >= 0x14 && c <= 0x17) {
                throw fail( // the first byte of all records of TLS (RFC 8446 section 5.1)
                        400,
                        request
                                ? "the client speaks TLS, on a port that does not"
                                : "the server speaks TLS: use wss:");
            }
            throw fail(400, String.format("byte 0x%02X after %s", c, soFar()));
        }
        keep(c);
    }

    private void expectLf(int c) throws HandshakeException {
        if (c != '\n') {
            throw fail(400, "carriage return without a line feed");
        }
    }

    private void keep(int c) {
        if (used == line.length) {
            line = Arrays.copyOf(line, (int) Math.min(2L * used, Integer.MAX_VALUE - 8));
        }
        line[used++] = (byte) c;
    }

    /** RFC 9112 section 3, with exactly one space between the parts. */
    private String[] parseRequestLine() throws HandshakeException {
        String text = text(0, used);
        int first = text.indexOf(' ');
        int second = text.indexOf(' ', first + 1);
        if (first < 0 || second < 0) {
            throw fail(400, "request line " + soFar() + " has not three parts");
        }
        String method = text.substring(0, first);
        String target = text.substring(first + 1, second);
        String version = text.substring(second + 1);
        if (!HttpSyntax.isToken(method)) {
            throw fail(400, "method " + HttpSyntax.quote(method) + " is not a token");
        }
        if (target.isEmpty() || !target.chars().allMatch(HttpSyntax::isTargetChar)) {
            throw fail(400, "target " + HttpSyntax.quote(target) + " is not printable ASCII");
        }
        return new String[] {method, target, checkVersion(version)};
    }

    /** RFC 9112 section 4. Without a reason the space before it may be missing too. */
    private String[] parseStatusLine() throws HandshakeException {
        String text = text(0, used);
        int space = text.indexOf(' ');
        String version = checkVersion(space < 0 ? text : text.substring(0, space));
        int digits = 0;
        while (isDigit(text, space + 1 + digits)) {
            digits++;
        }
        int end = space + 1 + digits;
        boolean delimited = end == text.length() || text.charAt(end) == ' ';
        if (space < 0 || digits != 3 || text.charAt(space + 1) == '0' || !delimited) {
            throw fail(400, "status line " + soFar() + " without a status");
        }
        String reason = HttpSyntax.trim(text.substring(end));
        return new String[] {version, text.substring(space + 1, end), reason};
    }

    private String checkVersion(String version) throws HandshakeException {
        boolean good =
                version.length() == 8
                        && version.startsWith("HTTP/")
                        && isDigit(version, 5)
                        && version.charAt(6) == '.'
                        && isDigit(version, 7);
        if (!good) {
            throw fail(400, HttpSyntax.quote(version) + " is not a version of HTTP");
        }
        return version;
    }

    private void complete() throws HandshakeException {
        if (request) {
            head = new RequestHead(startLine[0], startLine[1], startLine[2], headers);
        } else {
            int status = Integer.parseInt(startLine[1]);
            if (status < 200 && status != 101) {
                if (++interim > MAX_INTERIM) {
                    throw fail(0, "more than " + MAX_INTERIM + " answers before the answer");
                }
                headers = new ArrayList<>();
                state = State.START_LINE;
                return;
            }
            head = new ResponseHead(startLine[0], status, startLine[2], headers);
        }
        release(State.COMPLETE);
    }

    private HandshakeException fail(int status, String what) {
        release(State.FAILED);
        return new HandshakeException(request ? status : 0, what);
    }

    private void release(State last) {
        state = last;
        line = null;
        headers = null;
        startLine = null;
    }

    private String text(int from, int to) {
        return new String(line, from, to - from, StandardCharsets.ISO_8859_1);
    }

    private String soFar() {
        return HttpSyntax.quote(text(0, used));
    }

    private static boolean isDigit(String text, int index) {
        return index < text.length() && text.charAt(index) >= '0' && text.charAt(index) <= '9';
    }
}
