package io.peerloom.multiplayer;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.Bool;
import io.peerloom.variant.Variant.Int;
import io.peerloom.variant.Variant.PackedByteArray;
import io.peerloom.variant.VariantCodec;
import io.peerloom.variant.VariantException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The bytes of calls and of the names of nodes in Godot 4's {@code SceneMultiplayer}; the tables
 * are in this package's description. Reading throws {@link IllegalArgumentException}, with a
 * sentence that names the fault, for a packet of another form; no length that it states is trusted.
 */
final class RpcPacket {

    /** The types of packets, in the lowest three bits of the first byte. */
    static final int CALL = 0;

    static final int SIMPLIFY_PATH = 1;
    static final int CONFIRM_PATH = 2;

    /** The most that the byte in front of them can count. */
    static final int MOST_ARGUMENTS = 255;

    private static final int NODE_SHIFT = 4;
    private static final int NODE_MASK = 3;
    private static final int NODE_32 = 2;
    private static final int METHOD_16 = 1 << 6;
    private static final int RAW = 1 << 7;

    /** In a node's number of four bytes: the other bits are the offset of the path. */
    private static final int PATH_FOLLOWS = 1 << 31;

    private static final int TYPE_MASK = 0x3f;
    private static final int BOOL_TRUE = 0x80;
    private static final int INT_SHIFT = 6;

    private static final int CHECKSUM = 32;

    /** Type, checksum, its NUL, number. */
    private static final int SIMPLIFY_HEADER = 1 + CHECKSUM + 1 + Integer.BYTES;

    private static final int CONFIRM_LENGTH = 1 + 1 + Integer.BYTES;

    private RpcPacket() {}

    /**
     * A call that has arrived.
     *
     * @param node the caller's number of the node, if there is no path
     * @param path of the node, or null
     */
    record Call(int node, String path, int method, List<Variant> arguments) {}

    /** A node's number that has arrived. */
    record Name(String checksum, int node, String path) {}

    /** An answer to that. */
    record Confirmation(boolean same, int node) {}

    /** Arguments as they travel; raw ones have no count. */
    static final class Arguments {
        final byte[] bytes;
        final boolean raw;

        Arguments(byte[] bytes, boolean raw) {
            this.bytes = bytes;
            this.raw = raw;
        }
    }

    // ---- writing ----

    static Arguments encode(List<Variant> arguments, VariantCodec codec) throws VariantException {
        if (arguments.isEmpty()) {
            return new Arguments(new byte[0], true);
        }
        // An engine sends a single empty array as no argument at all; with a count it arrives.
        if (arguments.size() == 1
                && arguments.getFirst() instanceof PackedByteArray bytes
                && bytes.size() > 0) {
            return new Arguments(bytes.toArray(), true);
        }
        var out = new ByteArrayOutputStream();
        out.write(arguments.size());
        for (Variant argument : arguments) {
            switch (argument) {
                case Bool(boolean value) ->
                        out.write(Variant.Type.BOOL.godot4() | (value ? BOOL_TRUE : 0));
                case Int(long value) -> {
                    int power = power(value);
                    out.write(Variant.Type.INT.godot4() | (power << INT_SHIFT));
                    for (int i = 0; i < 1 << power; i++) {
                        out.write((int) (value >> (8 * i)));
                    }
                }
                default -> out.writeBytes(codec.encode(argument));
            }
            if (out.size() > codec.maxBytes()) {
                throw new VariantException(
                        ErrorCode.OUT_OF_MEMORY,
                        "arguments of more than " + codec.maxBytes() + " bytes");
            }
        }
        return new Arguments(out.toByteArray(), false);
    }

    /** The least n for which a signed integer of 2^n bytes holds a value. */
    private static int power(long value) {
        return value == (byte) value
                ? 0
                : value == (short) value ? 1 : value == (int) value ? 2 : 3;
    }

    /** A call of a node by the number that the receiver knows. */
    static byte[] call(int node, int method, Arguments arguments) {
        int width = node >>> 8 == 0 ? 0 : node >>> 16 == 0 ? 1 : NODE_32;
        return call(width, node, method, arguments, "");
    }

    /** A call of a node by its path. */
    static byte[] call(String path, int method, Arguments arguments) {
        int offset =
                Math.addExact(
                        1 + Integer.BYTES + (method >>> 8 == 0 ? 1 : 2), arguments.bytes.length);
        return call(NODE_32, PATH_FOLLOWS | offset, method, arguments, path + '\0');
    }

    private static byte[] call(int width, int node, int method, Arguments arguments, String path) {
        byte[] tail = path.getBytes(UTF_8);
        boolean wide = method >>> 8 != 0;
        int head = 1 + (1 << width) + (wide ? 2 : 1);
        var out = new byte[Math.addExact(head + tail.length, arguments.bytes.length)];
        ByteBuffer packet = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN);
        packet.put(
                (byte)
                        (CALL
                                | (width << NODE_SHIFT)
                                | (wide ? METHOD_16 : 0)
                                | (arguments.raw ? RAW : 0)));
        switch (width) {
            case 0 -> packet.put((byte) node);
            case 1 -> packet.putShort((short) node);
            default -> packet.putInt(node);
        }
        if (wide) {
            packet.putShort((short) method);
        } else {
            packet.put((byte) method);
        }
        packet.put(arguments.bytes).put(tail);
        return out;
    }

    /** Composes the packet that gives a node a number. */
    static byte[] simplifyPath(String checksum, int node, String path) {
        byte[] tail = (path + '\0').getBytes(UTF_8);
        return packet(SIMPLIFY_HEADER + tail.length)
                .put((byte) SIMPLIFY_PATH)
                .put(checksum.getBytes(UTF_8))
                .put((byte) 0)
                .putInt(node)
                .put(tail)
                .array();
    }

    /** Composes the answer to that. */
    static byte[] confirmPath(boolean same, int node) {
        return packet(CONFIRM_LENGTH)
                .put((byte) CONFIRM_PATH)
                .put((byte) (same ? 1 : 0))
                .putInt(node)
                .array();
    }

    private static ByteBuffer packet(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    // ---- reading ----

    static Call parseCall(byte[] packet, VariantCodec codec) {
        ByteBuffer in = ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN);
        int flags = in.get();
        int width = (flags >> NODE_SHIFT) & NODE_MASK;
        boolean wide = (flags & METHOD_16) != 0;
        if (width > NODE_32 || in.remaining() < (1 << width) + (wide ? 2 : 1)) {
            throw new IllegalArgumentException("a call without a whole head");
        }
        int node =
                switch (width) {
                    case 0 -> in.get() & 0xff;
                    case 1 -> in.getShort() & 0xffff;
                    default -> in.getInt();
                };
        int method = wide ? in.getShort() & 0xffff : in.get() & 0xff;
        String path = null;
        if ((node & PATH_FOLLOWS) != 0) {
            int offset = node & ~PATH_FOLLOWS;
            if (offset < in.position() || offset >= packet.length) {
                throw new IllegalArgumentException("a call with no path where it should be");
            }
            path = path(packet, offset);
            in.limit(offset);
        }
        return new Call(node, path, method, arguments(in, (flags & RAW) != 0, codec));
    }

    private static List<Variant> arguments(ByteBuffer in, boolean raw, VariantCodec codec) {
        if (raw) {
            var bytes = new byte[in.remaining()];
            in.get(bytes);
            return bytes.length == 0 ? List.of() : List.of(PackedByteArray.of(bytes));
        }
        int count = in.hasRemaining() ? in.get() & 0xff : 0;
        if (count == 0 || count > in.remaining()) {
            throw new IllegalArgumentException(
                    "a call with " + count + " arguments in " + in.remaining() + " bytes");
        }
        var arguments = new ArrayList<Variant>(count);
        for (int i = 0; i < count; i++) {
            try {
                arguments.add(argument(in, codec));
            } catch (VariantException e) {
                throw new IllegalArgumentException("argument " + i + ": " + e.getMessage(), e);
            }
        }
        if (in.hasRemaining()) {
            throw new IllegalArgumentException(in.remaining() + " bytes behind the arguments");
        }
        return List.copyOf(arguments);
    }

    private static Variant argument(ByteBuffer in, VariantCodec codec) throws VariantException {
        if (!in.hasRemaining()) {
            throw new VariantException(ErrorCode.INVALID_DATA, "not there");
        }
        int first = in.get(in.position()) & 0xff;
        int type = first & TYPE_MASK;
        if (type == Variant.Type.BOOL.godot4()) {
            in.get();
            return Variant.of((first & BOOL_TRUE) != 0);
        }
        if (type != Variant.Type.INT.godot4()) {
            return codec.decode(in);
        }
        int power = first >> INT_SHIFT;
        if (in.remaining() <= 1 << power) {
            throw new VariantException(ErrorCode.INVALID_DATA, "an integer that is cut off");
        }
        in.get();
        return Variant.of(
                switch (power) {
                    case 0 -> in.get();
                    case 1 -> in.getShort();
                    case 2 -> in.getInt();
                    default -> in.getLong();
                });
    }

    static Name parseName(byte[] packet) {
        if (packet.length <= SIMPLIFY_HEADER) {
            throw new IllegalArgumentException("a node's number without a path");
        }
        String checksum = new String(packet, 1, CHECKSUM, UTF_8);
        int node =
                ByteBuffer.wrap(packet)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getInt(SIMPLIFY_HEADER - Integer.BYTES);
        if (node < 0) {
            throw new IllegalArgumentException("a node's number with the top bit set");
        }
        return new Name(checksum, node, path(packet, SIMPLIFY_HEADER));
    }

    static Confirmation parseConfirmation(byte[] packet) {
        if (packet.length < CONFIRM_LENGTH) {
            throw new IllegalArgumentException("a confirmation that is cut off");
        }
        return new Confirmation(
                packet[1] != 0, ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN).getInt(2));
    }

    /** Up to the first NUL, or to the end. */
    private static String path(byte[] packet, int offset) {
        int end = offset;
        while (end < packet.length && packet[end] != 0) {
            end++;
        }
        try {
            return UTF_8.newDecoder()
                    .decode(ByteBuffer.wrap(Arrays.copyOfRange(packet, offset, end)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("a path that is not UTF-8", e);
        }
    }
}
