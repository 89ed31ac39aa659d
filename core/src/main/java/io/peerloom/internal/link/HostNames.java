package io.peerloom.internal.link;

import java.net.IDN;

/** Names of hosts in the form in which name servers and TLS know them. */
public final class HostNames {

    /**
     * Letters that IDNA 2003, which the JDK has, makes others or nothing of, and IDNA 2008, which
     * browsers have, keeps: sharp s, its capital, the final sigma, and the joiners.
     */
    private static final String DISPUTED = "\u00DF\u1E9E\u03C2\u200C\u200D";

    private HostNames() {}

    /**
     * Makes ASCII of a name (IDNA, RFC 3490): {@code münchen.example} is {@code
     * xn--mnchen-3ya.example}. A name in ASCII stays as it is.
     *
     * @param host a name
     * @return the name, in ASCII without spaces and control characters
     * @throws IllegalArgumentException if there is no such name; the message is printable
     */
    public static String toAscii(String host) {
        boolean ascii = true;
        for (int i = 0; i < host.length(); i++) {
            char c = host.charAt(i);
            if (c <= ' ' || c == 0x7F) {
                throw new IllegalArgumentException(at("cannot be in its name", c, i));
            }
            if (DISPUTED.indexOf(c) >= 0) {
                throw new IllegalArgumentException(
                        at("is read in two ways: give the name as xn--", c, i));
            }
            ascii &= c < 0x80;
        }
        if (ascii) {
            return host;
        }
        String name;
        try {
            name = IDN.toASCII(host, IDN.ALLOW_UNASSIGNED);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("no name of a host by IDNA: " + printable(e), e);
        }
        for (int i = 0; i < name.length(); i++) { // some letters fall apart, into a slash even
            char c = name.charAt(i);
            if (!Character.isLetterOrDigit(c) && "-._".indexOf(c) < 0) {
                throw new IllegalArgumentException(
                        at("comes of IDNA, and cannot be in its name", c, i));
            }
        }
        return name;
    }

    private static String at(String what, char c, int index) {
        return String.format("character U+%04X at index %d of a host %s", (int) c, index, what);
    }

    private static String printable(Exception e) {
        return String.valueOf(e.getMessage()).replaceAll("[^ -~]", "?");
    }
}
