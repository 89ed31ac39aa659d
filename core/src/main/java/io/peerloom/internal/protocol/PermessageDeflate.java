package io.peerloom.internal.protocol;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The parameters of permessage-deflate (RFC 7692 section 7.1): what one side wishes, or what both
 * agreed on. Immutable.
 *
 * @param serverNoContextTakeover whether the server begins each message with an empty window
 * @param clientNoContextTakeover whether the client does
 * @param serverMaxWindowBits how far back the server's matches reach: 2 to this power, 8 to 15
 * @param clientMaxWindowBits how far back the client's do
 */
public record PermessageDeflate(
        boolean serverNoContextTakeover,
        boolean clientNoContextTakeover,
        int serverMaxWindowBits,
        int clientMaxWindowBits) {

    /** The smallest window that may be agreed on. */
    public static final int MIN_BITS = 8;

    /** The largest window, and the one where nothing is said. */
    public static final int MAX_BITS = 15;

    private static final String NAME = "permessage-deflate";
    private static final String SERVER_NO_CONTEXT = "server_no_context_takeover";
    private static final String CLIENT_NO_CONTEXT = "client_no_context_takeover";
    private static final String SERVER_BITS = "server_max_window_bits";
    private static final String CLIENT_BITS = "client_max_window_bits";
    private static final String PLAIN_OFFER = NAME + "; " + CLIENT_BITS;

    /**
     * What both sides agreed on.
     *
     * @param parameters of the connection
     * @param text the header's value with which the server said so
     */
    public record Agreement(PermessageDeflate parameters, String text) {}

    /**
     * Checks the parameters.
     *
     * @throws IllegalArgumentException if a window is none of RFC 7692
     */
    public PermessageDeflate {
        if (!isBits(serverMaxWindowBits) || !isBits(clientMaxWindowBits)) {
            throw new IllegalArgumentException(
                    "window bits of " + serverMaxWindowBits + " and " + clientMaxWindowBits);
        }
    }

    private static boolean isBits(int bits) {
        return bits >= MIN_BITS && bits <= MAX_BITS;
    }

    /**
     * The client's offer of these parameters, with a second offer that asks for nothing behind it:
     * there are servers that decline one for a window that they would have chosen larger.
     *
     * @return the value of the header
     */
    public String offer() {
        var offer = new StringBuilder(NAME);
        append(offer, SERVER_NO_CONTEXT, serverNoContextTakeover);
        append(offer, CLIENT_NO_CONTEXT, clientNoContextTakeover);
        append(offer, SERVER_BITS, serverMaxWindowBits, serverMaxWindowBits < MAX_BITS);
        if (clientMaxWindowBits < MAX_BITS) {
            append(offer, CLIENT_BITS, clientMaxWindowBits, true);
        } else {
            append(offer, CLIENT_BITS, true);
        }
        return offer.toString().equals(PLAIN_OFFER) ? PLAIN_OFFER : offer + ", " + PLAIN_OFFER;
    }

    /**
     * The server's choice among the client's offers, with these parameters as its wish: the first
     * that it understands. Others are declined, as RFC 7692 section 7.1 says; if all are, the
     * connection goes without.
     *
     * @param request the client's head
     * @return what to answer, if anything
     * @throws HandshakeException if the header is malformed, which fails the connection (RFC 6455
     *     section 9.1)
     */
    public Optional<Agreement> accept(RequestHead request) throws HandshakeException {
        for (Extension offer : Extension.parse(request.all(Extension.HEADER), 400)) {
            Parameters asked = Parameters.of(offer);
            if (offer.name().equals(NAME) && asked.problem == null) {
                return Optional.of(accept(asked));
            }
        }
        return Optional.empty();
    }

    private Agreement accept(Parameters asked) {
        var agreed =
                new PermessageDeflate(
                        asked.serverNoContext || serverNoContextTakeover,
                        asked.clientNoContext || clientNoContextTakeover,
                        Math.min(Parameters.bitsOr(asked.serverBits), serverMaxWindowBits),
                        asked.clientBits == Parameters.ABSENT
                                ? MAX_BITS // it would not know what we mean
                                : Math.min(
                                        Parameters.bitsOr(asked.clientBits), clientMaxWindowBits));
        var answer = new StringBuilder(NAME);
        append(answer, SERVER_NO_CONTEXT, agreed.serverNoContextTakeover);
        append(answer, CLIENT_NO_CONTEXT, agreed.clientNoContextTakeover);
        append(
                answer,
                SERVER_BITS,
                agreed.serverMaxWindowBits,
                asked.serverBits != Parameters.ABSENT || agreed.serverMaxWindowBits < MAX_BITS);
        append(
                answer,
                CLIENT_BITS,
                agreed.clientMaxWindowBits,
                asked.clientBits > 0 || agreed.clientMaxWindowBits < MAX_BITS);
        return new Agreement(agreed, answer.toString());
    }

    /**
     * The client's look at what the server chose of {@link #offer}. What narrows the offer is
     * taken, and what widens it only as far as the second offer goes.
     *
     * @param response the server's head
     * @return what was agreed on; nothing if the server declined
     * @throws HandshakeException if the server chose what was not offered (RFC 7692 section 7.1)
     */
    public Optional<Agreement> verify(ResponseHead response) throws HandshakeException {
        List<String> lines = response.all(Extension.HEADER);
        List<Extension> chosen = Extension.parse(lines, response.status());
        if (chosen.isEmpty()) {
            return Optional.empty();
        }
        Extension first = chosen.get(0);
        String problem = null;
        Parameters said = Parameters.of(first);
        if (!first.name().equals(NAME)) {
            problem = "extension " + HttpSyntax.quote(first.name()) + " that was not asked for";
        } else if (chosen.size() > 1) {
            problem = "more than one extension";
        } else if (said.problem != null) {
            problem = said.problem;
        } else if (said.clientBits == Parameters.WITHOUT_VALUE) {
            problem = CLIENT_BITS + " without a value";
        }
        if (problem != null) {
            throw new HandshakeException(response.status(), "answer with " + problem);
        }
        var agreed =
                new PermessageDeflate(
                        said.serverNoContext,
                        said.clientNoContext || clientNoContextTakeover,
                        Parameters.bitsOr(said.serverBits),
                        Math.min(Parameters.bitsOr(said.clientBits), clientMaxWindowBits));
        return Optional.of(new Agreement(agreed, String.join(", ", lines)));
    }

    private static void append(StringBuilder to, String parameter, boolean present) {
        if (present) {
            to.append("; ").append(parameter);
        }
    }

    private static void append(StringBuilder to, String parameter, int bits, boolean present) {
        if (present) {
            to.append("; ").append(parameter).append('=').append(bits);
        }
    }

    /** What one element of the header says. */
    private static final class Parameters {
        static final int ABSENT = 0;
        static final int WITHOUT_VALUE = -1;

        private boolean serverNoContext;
        private boolean clientNoContext;
        private int serverBits = ABSENT;
        private int clientBits = ABSENT;

        /** What makes it unacceptable, or null. */
        private String problem;

        static Parameters of(Extension extension) {
            var said = new Parameters();
            Set<String> seen = new HashSet<>();
            for (Extension.Parameter parameter : extension.parameters()) {
                if (!seen.add(parameter.name())) {
                    said.problem = parameter.name() + " twice";
                } else if (!said.take(parameter.name(), parameter.value())) {
                    said.problem =
                            "parameter "
                                    + HttpSyntax.quote(
                                            parameter.value() == null
                                                    ? parameter.name()
                                                    : parameter.name() + "=" + parameter.value());
                }
            }
            return said;
        }

        private boolean take(String name, String value) {
            return switch (name) {
                case SERVER_NO_CONTEXT -> {
                    serverNoContext = true;
                    yield value == null;
                }
                case CLIENT_NO_CONTEXT -> {
                    clientNoContext = true;
                    yield value == null;
                }
                case SERVER_BITS -> {
                    serverBits = bits(value);
                    yield serverBits > 0;
                }
                case CLIENT_BITS -> {
                    clientBits = value == null ? WITHOUT_VALUE : bits(value);
                    yield clientBits != ABSENT;
                }
                default -> false;
            };
        }

        /** 8 to 15 in decimal, without leading zeros; anything else is {@link #ABSENT}. */
        private static int bits(String value) {
            for (int bits = MIN_BITS; bits <= MAX_BITS; bits++) {
                if (Integer.toString(bits).equals(value)) {
                    return bits;
                }
            }
            return ABSENT;
        }

        /** The bits that were said, or what their absence means. */
        static int bitsOr(int said) {
            return said > 0 ? said : MAX_BITS;
        }
    }
}
