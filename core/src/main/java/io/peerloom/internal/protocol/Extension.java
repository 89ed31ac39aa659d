package io.peerloom.internal.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * One element of {@code Sec-WebSocket-Extensions} (RFC 6455 section 9.1). Parsed in one pass over
 * the characters.
 *
 * @param name the extension's token
 * @param parameters in the order of the wire; a name may come twice
 */
record Extension(String name, List<Parameter> parameters) {

    static final String HEADER = "Sec-WebSocket-Extensions";

    /**
     * A parameter of an extension.
     *
     * @param name its token
     * @param value its value, without the quotes if it had them; null if there is none
     */
    record Parameter(String name, String value) {}

    /**
     * Parses the header.
     *
     * @param lines the values of all its lines, in the order of the wire
     * @param status of the exception
     * @return the extensions; empty elements are left out
     * @throws HandshakeException if the lines do not have the header's form
     */
    static List<Extension> parse(List<String> lines, int status) throws HandshakeException {
        var extensions = new ArrayList<Extension>(lines.size());
        for (String line : lines) {
            new Parser(line, status).list(extensions);
        }
        return extensions;
    }

    /** Reads one line from the front to the end. */
    private static final class Parser {
        private final String line;
        private final int status;
        private int at;

        Parser(String line, int status) {
            this.line = line;
            this.status = status;
        }

        void list(List<Extension> extensions) throws HandshakeException {
            while (true) {
                while (next(',')) {
                    // an empty element
                }
                if (at == line.length()) {
                    return;
                }
                extensions.add(extension());
                if (at < line.length() && line.charAt(at) != ',') {
                    throw malformed();
                }
            }
        }

        private Extension extension() throws HandshakeException {
            String name = token();
            var parameters = new ArrayList<Parameter>(4);
            while (next(';')) {
                String parameter = token();
                parameters.add(new Parameter(parameter, next('=') ? value() : null));
            }
            return new Extension(name, parameters);
        }

        private String token() throws HandshakeException {
            int from = at;
            while (at < line.length() && HttpSyntax.isTokenChar(line.charAt(at))) {
                at++;
            }
            if (at == from) {
                throw malformed();
            }
            String token = line.substring(from, at);
            skipBlanks();
            return token;
        }

        /** A token, or a quoted string that would be one without its quotes. */
        private String value() throws HandshakeException {
            if (at == line.length() || line.charAt(at) != '"') {
                return token();
            }
            at++;
            var value = new StringBuilder();
            while (at < line.length() && line.charAt(at) != '"') {
                if (line.charAt(at) == '\\') {
                    at++; // the next character as it is
                }
                if (at == line.length() || !HttpSyntax.isTokenChar(line.charAt(at))) {
                    throw malformed();
                }
                value.append(line.charAt(at++));
            }
            if (at == line.length() || value.isEmpty()) {
                throw malformed();
            }
            at++;
            skipBlanks();
            return value.toString();
        }

        private boolean next(char separator) {
            skipBlanks();
            if (at == line.length() || line.charAt(at) != separator) {
                return false;
            }
            at++;
            skipBlanks();
            return true;
        }

        private void skipBlanks() {
            while (at < line.length() && HttpSyntax.isBlank(line.charAt(at))) {
                at++;
            }
        }

        private HandshakeException malformed() {
            return new HandshakeException(
                    status, HEADER + " " + HttpSyntax.quote(line) + " is malformed at index " + at);
        }
    }
}
