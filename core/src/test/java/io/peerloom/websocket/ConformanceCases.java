package io.peerloom.websocket;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * What a peer that echoes has to answer, case by case: families as the Autobahn Testsuite has them,
 * each with its section of RFC 6455. A case says nothing of masks, which follow from the role.
 */
final class ConformanceCases {

    /** The message limit that family 9 is run with, and the one of a case over it. */
    static final int LIMIT = 16 << 20;

    static final int FRAGMENTS = LIMIT / 64 + 1;

    /** A step of the other side's. */
    sealed interface Step permits Send, Echo, Close {}

    /**
     * It sends a frame.
     *
     * @param first the first byte
     * @param payload all of the payload that is announced
     * @param sent how many bytes of the payload are sent
     * @param chop in writes of that many bytes; 0 for one
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Send(int first, byte[] payload, int sent, int chop) implements Step {}

    /** It awaits a frame: an echo or a pong. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Echo(int first, byte[] payload) implements Step {}

    /** It awaits the close frame, with that code or none, 1005. */
    record Close(int code) implements Step {}

    /**
     * A case.
     *
     * @param id family, and number in it
     * @param section of RFC 6455
     * @param steps what happens; it ends with a close frame of the side under test
     * @param code what the side under test says of the end
     */
    record Case(String id, String section, List<Step> steps, int code) {
        @Override
        public String toString() {
            return id + " (section " + section + ")";
        }
    }

    private final List<Case> cases = new ArrayList<>();
    private String family = "";
    private String section = "";
    private int number;

    private ConformanceCases() {}

    static List<Case> family(int family) {
        return all().stream().filter(c -> c.id().startsWith(family + ".")).toList();
    }

    static List<Case> all() {
        var table = new ConformanceCases();
        table.framing();
        table.pings();
        table.reserved();
        table.opcodes();
        table.fragments();
        table.utf8();
        table.closing();
        table.sizes();
        return table.cases;
    }

    // ---- how cases are written ----

    private void family(int number, String ofRfc) {
        family = number + ".";
        section = ofRfc;
        this.number = 0;
    }

    /** A case that the other side ends with 1000 after the steps. */
    private void good(Step... steps) {
        var all = new ArrayList<>(List.of(steps));
        all.add(send(0x88, code(1000)));
        all.add(new Close(1000));
        add(all, 1000);
    }

    /** A case in which the side under test gives up with a code. */
    private void bad(int code, Step... steps) {
        var all = new ArrayList<>(List.of(steps));
        all.add(new Close(code));
        add(all, code);
    }

    private void add(List<Step> steps, int code) {
        cases.add(new Case(family + ++number, section, List.copyOf(steps), code));
    }

    private static Send send(int first, byte[] payload) {
        return new Send(first, payload, payload.length, 0);
    }

    private static Send send(int first, String text) {
        return send(first, utf8(text));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    private static byte[] code(int code) {
        return ByteBuffer.allocate(2).putShort((short) code).array();
    }

    private static byte[] join(byte[]... parts) {
        var all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private static byte[] filled(int length) {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++) {
            data[i] = (byte) ('a' + i % 26);
        }
        return data;
    }

    private static Step[] steps(List<Step> steps) {
        return steps.toArray(Step[]::new);
    }

    // ---- the families ----

    private void framing() {
        family(1, "5.2");
        for (int first : new int[] {0x81, 0x82}) {
            for (int length : new int[] {0, 1, 125, 126, 127, 128, 65_535, 65_536}) {
                good(send(first, filled(length)), new Echo(first, filled(length)));
            }
            byte[] data = filled(65_536);
            good(new Send(first, data, data.length, 997), new Echo(first, data));
            good(new Send(first, filled(300), 300, 1), new Echo(first, filled(300)));
        }
    }

    private void pings() {
        family(2, "5.5.2");
        for (byte[] payload :
                List.of(new byte[0], utf8("Hello"), hex("00fffefdfcfb"), filled(125))) {
            good(send(0x89, payload), new Echo(0x8A, payload));
            good(new Send(0x89, payload, payload.length, 1), new Echo(0x8A, payload));
        }
        bad(1002, send(0x89, filled(126)));
        bad(1002, send(0x8A, filled(126)));
        good(send(0x8A, ""));
        good(send(0x8A, "unasked"), send(0x89, "x"), new Echo(0x8A, utf8("x")));
        var many = new ArrayList<Step>();
        for (int i = 0; i < 10; i++) {
            many.add(send(0x89, "ping " + i));
        }
        for (int i = 0; i < 10; i++) {
            many.add(new Echo(0x8A, utf8("ping " + i)));
        }
        good(steps(many));
    }

    private void reserved() {
        family(3, "5.2");
        for (int bits = 0x10; bits <= 0x70; bits += 0x10) {
            for (int first : new int[] {0x81, 0x82, 0x89, 0x8A, 0x88}) {
                bad(1002, send(first | bits, ""));
                bad(
                        1002,
                        send(0x81, "before"),
                        send(first | bits, "x"),
                        send(0x89, "after"),
                        new Echo(0x81, utf8("before")));
            }
        }
        bad(1002, send(0x01, "a"), send(0xC0, "b"));
    }

    private void opcodes() {
        family(4, "5.2");
        for (int opcode : new int[] {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
            bad(1002, send(0x80 | opcode, ""));
            bad(1002, send(0x80 | opcode, "payload"));
            bad(1002, send(opcode, ""));
            bad(
                    1002,
                    send(0x82, "before"),
                    send(0x80 | opcode, "x"),
                    send(0x89, ""),
                    new Echo(0x82, utf8("before")));
        }
    }

    private void fragments() {
        family(5, "5.4");
        bad(1002, send(0x09, "a"), send(0x80, "b"));
        bad(1002, send(0x0A, "a"), send(0x80, "b"));
        bad(1002, send(0x08, code(1000)));
        for (int chop : new int[] {0, 1}) {
            good(
                    new Send(0x01, utf8("one"), 3, chop),
                    new Send(0x80, utf8("two"), 3, chop),
                    new Echo(0x81, utf8("onetwo")));
            good(
                    new Send(0x02, utf8("one"), 3, chop),
                    new Send(0x89, utf8("p"), 1, chop),
                    new Echo(0x8A, utf8("p")),
                    new Send(0x00, utf8("two"), 3, chop),
                    new Send(0x8A, utf8("q"), 1, chop),
                    new Send(0x80, new byte[0], 0, chop),
                    new Echo(0x82, utf8("onetwo")));
        }
        for (String[] parts :
                new String[][] {
                    {"", ""}, {"", "a"}, {"a", ""}, {"", "", ""}, {"", "middle", ""}, {"a", "", "b"}
                }) {
            var steps = new ArrayList<Step>();
            for (int i = 0; i < parts.length; i++) {
                int fin = i == parts.length - 1 ? 0x80 : 0;
                steps.add(send(fin | (i == 0 ? 1 : 0), parts[i]));
            }
            steps.add(new Echo(0x81, utf8(String.join("", parts))));
            good(steps(steps));
        }
        bad(1002, send(0x80, "continuation"));
        bad(1002, send(0x00, "continuation"), send(0x80, ""));
        bad(1002, send(0x81, "a"), send(0x00, "b"), new Echo(0x81, utf8("a")));
        bad(1002, send(0x01, "a"), send(0x81, "b"));
        bad(1002, send(0x01, "a"), send(0x01, "b"));
        bad(1002, send(0x01, "a"), send(0x82, "b"));
        good(
                send(0x01, "a"),
                send(0x80, "b"),
                send(0x02, "c"),
                send(0x80, "d"),
                new Echo(0x81, utf8("ab")),
                new Echo(0x82, utf8("cd")));
    }

    private void utf8() {
        family(6, "8.1");
        String[] valid = {
            "48656c6c6f",
            "ceba e1bdb9 cf83 cebc ceb5",
            "00",
            "7f",
            "c280",
            "dfbf",
            "e0a080",
            "ed9fbf",
            "ee8080",
            "efbfbd",
            "efbfbe",
            "efbfbf",
            "f0908080",
            "f09f9880",
            "f48fbfbf"
        };
        for (String digits : valid) {
            byte[] text = hex(digits);
            good(send(0x81, text), new Echo(0x81, text));
            var steps = new ArrayList<Step>();
            for (int i = 0; i < text.length; i++) { // every character cut everywhere
                steps.add(send(i == 0 ? 0x01 : 0x00, new byte[] {text[i]}));
            }
            steps.add(send(0x80, ""));
            steps.add(new Echo(0x81, text));
            good(steps(steps));
        }
        String[] invalid = {
            "80",
            "bf",
            "c0",
            "c1",
            "c080",
            "c1bf",
            "c328",
            "e08080",
            "e09fbf",
            "eda080",
            "edbfbf",
            "f08080",
            "f0808080",
            "f08fbfbf",
            "f4908080",
            "f5",
            "f888808080",
            "fc8480808080",
            "fe",
            "ff",
            "e28228",
            "f09f9828",
            "ce48",
            "6162ff6364"
        };
        for (String digits : invalid) {
            byte[] text = hex(digits);
            bad(1007, send(0x81, join(text, utf8("z"))));
            bad(1007, send(0x01, "ok"), send(0x80, join(text, utf8("z"))));
            // At the byte that makes it invalid, though much more is announced and never comes.
            byte[] much = join(utf8("valid: "), text, utf8("z"), filled(5_000));
            bad(1007, new Send(0x81, much, 7 + text.length + 1, 0));
            bad(1007, send(0x01, "ok"), new Send(0x00, much, 7 + text.length + 1, 1));
        }
        for (String digits : new String[] {"c3", "e2", "e282", "f0", "f09f", "f09f98"}) {
            bad(1007, send(0x81, hex(digits)));
            bad(1007, send(0x01, hex(digits)), send(0x80, ""));
            good(send(0x82, hex(digits)), new Echo(0x82, hex(digits)));
        }
    }

    private void closing() {
        family(7, "7");
        add(List.of(send(0x88, ""), new Close(1005)), 1005);
        for (int code :
                new int[] {
                    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
                    3999, 4000, 4999
                }) {
            add(List.of(send(0x88, code(code)), new Close(code)), code);
        }
        for (int code :
                new int[] {
                    0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32_768, 65_535
                }) {
            bad(1002, send(0x88, code(code)));
        }
        bad(1002, send(0x88, hex("03")));
        for (int length : new int[] {1, 122, 123}) {
            add(List.of(send(0x88, join(code(3000), filled(length))), new Close(3000)), 3000);
        }
        bad(1002, send(0x88, join(code(1000), filled(124))));
        for (String digits : new String[] {"ff", "c328", "e282", "61c3"}) {
            bad(1007, send(0x88, join(code(1000), hex(digits))));
        }
        good(send(0x81, "last"), new Echo(0x81, utf8("last")));
        // What comes after a close frame is not looked at, whatever it is.
        byte[] normal = code(1000);
        for (Send after :
                new Send[] {
                    send(0x88, code(1001)), send(0x89, "ping"), send(0x81, "text"), send(0xFF, "x")
                }) {
            add(List.of(send(0x88, normal), after, new Close(1000)), 1000);
        }
        // Inside a fragmented message, which then never ends.
        add(List.of(send(0x01, "begun"), send(0x88, normal), new Close(1000)), 1000);
        add(
                List.of(
                        send(0x01, "begun"),
                        send(0x88, normal),
                        send(0x80, "ended"),
                        new Close(1000)),
                1000);
        add(
                List.of(
                        send(0x82, filled(262_144)),
                        send(0x88, normal),
                        new Echo(0x82, filled(262_144)),
                        new Close(1000)),
                1000);
    }

    private void sizes() {
        family(9, "10.4");
        for (int first : new int[] {0x81, 0x82}) {
            for (int length : new int[] {262_144, 1 << 20, 4 << 20}) {
                good(send(first, filled(length)), new Echo(first, filled(length)));
            }
            for (int part : new int[] {64, 1_300, 65_536}) {
                byte[] all = filled(1 << 20);
                var steps = new ArrayList<Step>();
                for (int at = 0; at < all.length; at += part) {
                    int end = Math.min(all.length, at + part);
                    int fin = end == all.length ? 0x80 : 0;
                    steps.add(
                            send(
                                    fin | (at == 0 ? first & 0x0F : 0),
                                    Arrays.copyOfRange(all, at, end)));
                }
                steps.add(new Echo(first, all));
                good(steps(steps));
            }
        }
        good(send(0x82, new byte[LIMIT]), new Echo(0x82, new byte[LIMIT]));
        bad(1009, new Send(0x82, new byte[LIMIT + 1], 0, 0));
        bad(1009, send(0x02, new byte[1000]), new Send(0x80, new byte[LIMIT - 999], 0, 0));
    }
}
