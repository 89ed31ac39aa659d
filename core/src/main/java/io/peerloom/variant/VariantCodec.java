package io.peerloom.variant;

import io.peerloom.variant.Variant.*;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;

/**
 * Encodes values into bytes and decodes them, byte for byte as Godot does: its {@code var_to_bytes}
 * and {@code bytes_to_var}, {@code encode_variant} and {@code decode_variant}.
 *
 * <pre>{@code
 * byte[] bytes = VariantCodec.GODOT4.encode(Variant.of(List.of(1, "two", new Vector3(1, 2, 3))));
 * Variant value = VariantCodec.GODOT4.withMaxBytes(65_536).decode(bytes);
 * }</pre>
 *
 * <p>A codec is a dialect and limits. It is immutable, and any thread may use it; the {@code with}
 * methods return a changed copy. Two codecs with the same settings are equal.
 *
 * <p>The bytes are those of the engine, with two exceptions. Padding within a node path is zero,
 * where engines leave what was in their memory. The {@code script} of a {@link FullObject} comes
 * first, because an engine can set the properties that a script declares only once the object has
 * the script.
 *
 * <p>Decoding trusts nothing: every length is compared with the bytes that are there and with the
 * limits before memory is allocated for it.
 */
public final class VariantCodec {
    /**
     * The versions of the format. Types beyond the first six, {@code null} to {@code Vector2}, have
     * other numbers in Godot 3 than in Godot 4.
     */
    public enum Dialect {
        /** Godot 3. */
        GODOT_3(Type::godot3),
        /** Godot 4.0 to 4.2: containers travel without their types. */
        GODOT_4_0(type -> type == Type.PACKED_VECTOR4_ARRAY ? -1 : type.godot4()),
        /** Godot 4.3: arrays travel with their types, and there is {@link PackedVector4Array}. */
        GODOT_4_3(Type::godot4),
        /** Godot 4.4 and later: dictionaries travel with their types too. */
        GODOT_4_4(Type::godot4);

        @SuppressWarnings("ImmutableEnumChecker") // none of them has state
        private final ToIntFunction<Type> ids;

        /** The types by their numbers, which have no gap. */
        @SuppressWarnings("ImmutableEnumChecker") // an unmodifiable list
        private final List<Type> types;

        Dialect(ToIntFunction<Type> ids) {
            this.ids = ids;
            types =
                    Stream.of(Type.values())
                            .filter(type -> ids.applyAsInt(type) >= 0)
                            .sorted(Comparator.comparingInt(ids))
                            .toList();
        }

        /** The number of a type, or -1 if the dialect does not have it. */
        int id(Type type) {
            return ids.applyAsInt(type);
        }

        /** The type with a number, or null if there is none. */
        Type type(int id) {
            return id >= 0 && id < types.size() ? types.get(id) : null;
        }
    }

    /**
     * The largest {@link #maxDepth()} of any codec, which is Godot's own limit: 1,024. It is not
     * the default, because values so deep need more stack than a thread usually has.
     */
    public static final int MAX_DEPTH = 1024;

    /** Godot 4.4 and later, with the limits of {@link #of(Dialect)}. */
    public static final VariantCodec GODOT4 = of(Dialect.GODOT_4_4);

    /** Godot 3, with the limits of {@link #of(Dialect)}. */
    public static final VariantCodec GODOT3 = of(Dialect.GODOT_3);

    // What the writer and the reader have to agree on

    /** In the header: eight bytes where four are usual, or an object by its number. */
    static final int FLAG = 1 << 16;

    /** Where the header says how the elements of an array, or the keys, are typed. */
    static final int KIND_SHIFT = 16;

    /** Where it says so of a dictionary's values. */
    static final int VALUE_KIND_SHIFT = 18;

    static final int KIND_MASK = 3;

    /** Set in the number of a path's names. */
    static final int TOP_BIT = 1 << 31;

    static final int PATH_ABSOLUTE = 1;

    private final Dialect dialect;
    private final boolean fullObjects;
    private final boolean doublePrecision;
    private final int maxDepth;
    private final int maxValues;
    private final int maxBytes;

    private VariantCodec(
            Dialect dialect,
            boolean fullObjects,
            boolean doublePrecision,
            int maxDepth,
            int maxValues,
            int maxBytes) {
        this.dialect = Objects.requireNonNull(dialect, "dialect");
        this.fullObjects = fullObjects;
        this.doublePrecision = doublePrecision;
        this.maxDepth = atLeast(0, maxDepth, "maxDepth");
        this.maxValues = atLeast(1, maxValues, "maxValues");
        this.maxBytes = atLeast(Integer.BYTES, maxBytes, "maxBytes");
        if (maxDepth > MAX_DEPTH) {
            throw new IllegalArgumentException("maxDepth of " + maxDepth);
        }
    }

    private static int atLeast(int least, int limit, String name) {
        if (limit < least) {
            throw new IllegalArgumentException(name + " of " + limit);
        }
        return limit;
    }

    /**
     * Returns the codec of a dialect with the default settings: no full objects, single precision,
     * 256 levels, 1,048,576 values, 8 MiB.
     *
     * @param dialect the version of the format
     * @return the codec
     */
    public static VariantCodec of(Dialect dialect) {
        return new VariantCodec(dialect, false, false, 256, 1 << 20, 8 << 20);
    }

    /** {@return the version of the format} */
    public Dialect dialect() {
        return dialect;
    }

    /** {@return whether objects with their properties are encoded and decoded} */
    public boolean fullObjects() {
        return fullObjects;
    }

    /** {@return whether vectors are encoded with components of eight bytes} */
    public boolean doublePrecision() {
        return doublePrecision;
    }

    /** {@return how deep values may be nested within a value; 0 allows no nesting} */
    public int maxDepth() {
        return maxDepth;
    }

    /** {@return how many values a decoded value may consist of} */
    public int maxValues() {
        return maxValues;
    }

    /** {@return how many bytes an encoded value may have} */
    public int maxBytes() {
        return maxBytes;
    }

    /**
     * Returns a codec that encodes and decodes objects with their properties, or refuses them. The
     * default is to refuse them. An engine runs the script that such an object names; here a {@link
     * FullObject} is only data.
     *
     * @param allowed whether full objects are encoded and decoded
     * @return the changed copy
     */
    public VariantCodec withFullObjects(boolean allowed) {
        return new VariantCodec(dialect, allowed, doublePrecision, maxDepth, maxValues, maxBytes);
    }

    /**
     * Returns a codec that encodes vectors with components of eight bytes, as engines built with
     * double precision do, or of four. Godot 4's dialects always decode both; in Godot 3's this
     * setting has no effect.
     *
     * @param enable whether components have eight bytes
     * @return the changed copy
     */
    public VariantCodec withDoublePrecision(boolean enable) {
        return new VariantCodec(dialect, fullObjects, enable, maxDepth, maxValues, maxBytes);
    }

    /**
     * Returns a codec with another limit on nesting, which holds for encoding and decoding. Each
     * level takes less than 2 KiB of the thread's stack, here and in {@code equals}, {@code
     * hashCode} and {@code toString} of the value.
     *
     * @param levels how deep values may be nested within a value: 0 to 1,024
     * @return the changed copy
     * @throws IllegalArgumentException if the limit is out of range
     */
    public VariantCodec withMaxDepth(int levels) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, levels, maxValues, maxBytes);
    }

    /**
     * Returns a codec with another limit on the number of values, which holds for decoding. The
     * value itself counts, and so does each string of a path or a packed array; other elements of
     * packed arrays do not.
     *
     * @param count how many values a decoded value may consist of, at least one
     * @return the changed copy
     * @throws IllegalArgumentException if the limit is out of range
     */
    public VariantCodec withMaxValues(int count) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, maxDepth, count, maxBytes);
    }

    /**
     * Returns a codec with another limit on bytes, which holds for encoding and decoding.
     *
     * @param bytes how many bytes an encoded value may have, at least four
     * @return the changed copy
     * @throws IllegalArgumentException if the limit is out of range
     */
    public VariantCodec withMaxBytes(int bytes) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, maxDepth, maxValues, bytes);
    }

    /**
     * Encodes a value.
     *
     * @param value the value
     * @return its bytes, a multiple of four
     * @throws VariantException if the dialect lacks a type of the value, if the value exceeds a
     *     limit, has text that is not Unicode, or has a full object where they are not allowed
     */
    public byte[] encode(Variant value) throws VariantException {
        return encode(value, 0);
    }

    /**
     * Encodes a value behind room for a header.
     *
     * @param value the value
     * @param room how many bytes to leave before the value; they are 0
     * @return the room and the value's bytes
     * @throws VariantException as {@link #encode(Variant)} does
     */
    public byte[] encode(Variant value, int room) throws VariantException {
        return new VariantWriter(this).write(value, room);
    }

    /**
     * Decodes the value at the start of an array. Bytes after the value are ignored, as in Godot.
     *
     * @param bytes the bytes
     * @return the value
     * @throws VariantException if no value is at the start, if the value exceeds a limit, or has a
     *     full object where they are not allowed
     */
    public Variant decode(byte[] bytes) throws VariantException {
        return new VariantReader(this, bytes, 0, bytes.length).read();
    }

    /**
     * Decodes the value at the position of a buffer, and moves the position behind it. If decoding
     * fails, the position stays where it was.
     *
     * @param bytes the bytes; the buffer's byte order does not matter
     * @return the value
     * @throws VariantException as {@link #decode(byte[])} does
     */
    public Variant decode(ByteBuffer bytes) throws VariantException {
        VariantReader reader;
        if (bytes.hasArray()) {
            int start = bytes.arrayOffset() + bytes.position();
            reader = new VariantReader(this, bytes.array(), start, start + bytes.remaining());
        } else {
            var copy = new byte[Math.min(bytes.remaining(), maxBytes)];
            bytes.get(bytes.position(), copy);
            reader = new VariantReader(this, copy, 0, copy.length);
        }
        Variant value = reader.read();
        bytes.position(bytes.position() + reader.consumed());
        return value;
    }

    /** {@return the length with the padding behind it, a multiple of four} */
    static long padded(long length) {
        return (length + 3) & ~3;
    }

    /** Codecs with the same settings are equal. */
    @Override
    public boolean equals(Object other) {
        return other instanceof VariantCodec codec
                && dialect == codec.dialect
                && fullObjects == codec.fullObjects
                && doublePrecision == codec.doublePrecision
                && maxDepth == codec.maxDepth
                && maxValues == codec.maxValues
                && maxBytes == codec.maxBytes;
    }

    @Override
    public int hashCode() {
        return Objects.hash(dialect, fullObjects, doublePrecision, maxDepth, maxValues, maxBytes);
    }

    /** {@return all settings with their names} */
    @Override
    public String toString() {
        return "VariantCodec[dialect=%s, fullObjects=%s, doublePrecision=%s, maxDepth=%d, maxValues=%d, maxBytes=%d]"
                .formatted(dialect, fullObjects, doublePrecision, maxDepth, maxValues, maxBytes);
    }
}
