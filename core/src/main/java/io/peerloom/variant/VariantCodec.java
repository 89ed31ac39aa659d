package io.peerloom.variant;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant.*;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;

/**
 * Makes bytes of values and values of bytes as Godot does: its {@code var_to_bytes} and {@code
 * bytes_to_var}, {@code encode_variant} and {@code decode_variant}. Immutable; {@code with} methods
 * give a changed one.
 *
 * <pre>{@code
 * byte[] bytes = VariantCodec.GODOT4.encode(Variant.of(List.of(1, "two", new Vector3(1, 2, 3))));
 * Variant value = VariantCodec.GODOT4.withMaxBytes(65_536).decode(bytes);
 * }</pre>
 *
 * <p>The bytes are those of the engine, except that a path's padding is zero, where engines leave
 * what was in their memory. Decoding believes nothing: every length is compared with what is there
 * and with the limits before memory is taken for it.
 *
 * @param dialect whose bytes they are
 * @param fullObjects whether objects travel with all that they hold, in both directions. An engine
 *     runs the scripts of such objects; {@link FullObject} is but data here
 * @param doublePrecision whether vectors are written with components of eight bytes, as engines
 *     built so do it. Both are always read in Godot 4's dialects; Godot 3 has no such thing
 * @param maxDepth how deep values may be within values, in both directions; 0 is none. Each level
 *     takes some of the thread's stack, less than 2 KiB, here and in {@code equals}, {@code
 *     hashCode} and {@code toString}
 * @param maxValues how many values one may consist of when it is decoded, itself and each string of
 *     a path or a packed array included; the other elements of packed arrays do not count
 * @param maxBytes how many bytes a value may have, in both directions
 */
public record VariantCodec(
        Dialect dialect,
        boolean fullObjects,
        boolean doublePrecision,
        int maxDepth,
        int maxValues,
        int maxBytes) {

    /** The generations of the format. Only the types 0 to 5 have the same numbers in 3 and 4. */
    public enum Dialect {
        /** Godot 3. */
        GODOT_3(Type::godot3),
        /** Godot 4.0 to 4.2: no types of arrays. */
        GODOT_4_0(type -> type == Type.PACKED_VECTOR4_ARRAY ? -1 : type.godot4()),
        /** Godot 4.3: arrays have types, and there is {@link PackedVector4Array}. */
        GODOT_4_3(Type::godot4),
        /** Godot 4.4 and later: dictionaries have types. */
        GODOT_4_4(Type::godot4);

        @SuppressWarnings("ImmutableEnumChecker") // all of them have no state
        private final ToIntFunction<Type> ids;

        /** By their numbers, without a gap. */
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

        /** The number of a type, or -1. */
        private int id(Type type) {
            return ids.applyAsInt(type);
        }

        /** The type with a number, or null. */
        private Type type(int id) {
            return id >= 0 && id < types.size() ? types.get(id) : null;
        }
    }

    /**
     * The deepest that any codec goes, which is Godot's own limit: 1,024. It is not the default,
     * since it needs much of the stack that a thread usually has.
     */
    public static final int MAX_DEPTH = 1024;

    /** Godot 4.4 and later, with the limits of {@link #of(Dialect)}. */
    public static final VariantCodec GODOT4 = of(Dialect.GODOT_4_4);

    /** Godot 3, with the limits of {@link #of(Dialect)}. */
    public static final VariantCodec GODOT3 = of(Dialect.GODOT_3);

    /** Eight bytes where four are usual; an object by its number. */
    private static final int FLAG = 1 << 16;

    private static final int KIND_SHIFT = 16;
    private static final int VALUE_KIND_SHIFT = 18;
    private static final int KIND_MASK = 3;

    private static final int TOP_BIT = 1 << 31;

    /** A path of the days when the property was not a part of it. */
    private static final int PATH_WITH_PROPERTY = 2;

    private static final int PATH_ABSOLUTE = 1;

    /** No honest dictionary has so many keys with one hash code, which would make it slow. */
    private static final int MOST_OF_ONE_HASH = 64;

    /** How deep keys may be within keys: all of a key is hashed again for the one that it is in. */
    private static final int MOST_KEYS_AROUND = 8;

    private static final VarHandle INT = Packed.INT;
    private static final VarHandle LONG = Packed.LONG;

    /**
     * Checks the limits.
     *
     * @throws IllegalArgumentException if one is out of its range: a depth of 0 to 1,024, at least
     *     one value and four bytes
     */
    public VariantCodec {
        Objects.requireNonNull(dialect, "dialect");
        if (maxDepth < 0 || maxDepth > MAX_DEPTH) {
            throw new IllegalArgumentException("maxDepth of " + maxDepth);
        }
        if (maxValues < 1) {
            throw new IllegalArgumentException("maxValues of " + maxValues);
        }
        if (maxBytes < Integer.BYTES) {
            throw new IllegalArgumentException("maxBytes of " + maxBytes);
        }
    }

    /**
     * The codec of a dialect, with what is usual: no full objects, single precision, 256 levels,
     * 1,048,576 values, 8 MiB.
     *
     * @param dialect whose bytes
     * @return it
     */
    public static VariantCodec of(Dialect dialect) {
        return new VariantCodec(dialect, false, false, 256, 1 << 20, 8 << 20);
    }

    /**
     * Returns a codec that allows full objects, or does not.
     *
     * @param allowed whether they are read and written
     * @return it
     */
    public VariantCodec withFullObjects(boolean allowed) {
        return new VariantCodec(dialect, allowed, doublePrecision, maxDepth, maxValues, maxBytes);
    }

    /**
     * Returns a codec that writes vectors in double precision, or does not.
     *
     * @param enable whether it does; without effect in Godot 3's dialect
     * @return it
     */
    public VariantCodec withDoublePrecision(boolean enable) {
        return new VariantCodec(dialect, fullObjects, enable, maxDepth, maxValues, maxBytes);
    }

    /**
     * Returns a codec with another limit.
     *
     * @param levels how deep values may be within values, 0 to 1,024
     * @return it
     */
    public VariantCodec withMaxDepth(int levels) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, levels, maxValues, maxBytes);
    }

    /**
     * Returns a codec with another limit.
     *
     * @param count how many values one may consist of when it is decoded, at least one
     * @return it
     */
    public VariantCodec withMaxValues(int count) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, maxDepth, count, maxBytes);
    }

    /**
     * Returns a codec with another limit.
     *
     * @param bytes how many a value may have, at least four
     * @return it
     */
    public VariantCodec withMaxBytes(int bytes) {
        return new VariantCodec(dialect, fullObjects, doublePrecision, maxDepth, maxValues, bytes);
    }

    /**
     * Makes bytes of a value.
     *
     * @param value the value
     * @return the bytes, a multiple of four
     * @throws VariantException if the dialect does not have a type of it, it is beyond a limit, or
     *     has text that is not Unicode, or a full object where they are not allowed
     */
    public byte[] encode(Variant value) throws VariantException {
        return encode(value, 0);
    }

    /**
     * Makes bytes of a value, with room for a header before them.
     *
     * @param value the value
     * @param room how many bytes of the array come before the value's; they are 0
     * @return the header's bytes and the value's
     * @throws VariantException as of {@link #encode(Variant)}
     */
    public byte[] encode(Variant value, int room) throws VariantException {
        var measure = new Measure();
        measure.add(value, 0);
        var writer = new Writer(new byte[Math.toIntExact(room + measure.size)], room);
        writer.value(value);
        return writer.out;
    }

    /**
     * Makes a value of bytes. What comes behind it is ignored, as in Godot.
     *
     * @param bytes the bytes
     * @return the value
     * @throws VariantException if there is none at their start, or it is beyond a limit, or holds a
     *     full object where they are not allowed
     */
    public Variant decode(byte[] bytes) throws VariantException {
        return new Reader(bytes, 0, bytes.length).value(0);
    }

    /**
     * Makes a value of the bytes at a buffer's position, which is moved behind it. If it fails, the
     * position stays.
     *
     * @param bytes the bytes; their order is of no matter
     * @return the value
     * @throws VariantException as of {@link #decode(byte[])}
     */
    public Variant decode(ByteBuffer bytes) throws VariantException {
        Reader reader;
        if (bytes.hasArray()) {
            int start = bytes.arrayOffset() + bytes.position();
            reader = new Reader(bytes.array(), start, start + bytes.remaining());
        } else {
            var copy = new byte[Math.min(bytes.remaining(), maxBytes)];
            bytes.get(bytes.position(), copy);
            reader = new Reader(copy, 0, copy.length);
        }
        Variant value = reader.value(0);
        bytes.position(bytes.position() + reader.at - reader.start);
        return value;
    }

    private boolean writesWide() {
        return doublePrecision && dialect != Dialect.GODOT_3;
    }

    /** The type of elements as it is written: without full objects no class is named. */
    private ContainerType written(ContainerType type, Dialect since) {
        if (dialect.compareTo(since) < 0) {
            return ContainerType.ANY;
        }
        return type.type() == Type.OBJECT && !fullObjects ? ContainerType.ENCODED_OBJECT : type;
    }

    private static long padded(long length) {
        return (length + 3) & ~3;
    }

    /** How many floating-point numbers of the engine's precision a value of a type has, or 0. */
    private static int reals(Type type) {
        return switch (type) {
            case VECTOR2 -> 2;
            case VECTOR3 -> 3;
            case RECT2, VECTOR4, PLANE, QUATERNION -> 4;
            case TRANSFORM2D, AABB -> 6;
            case BASIS -> 9;
            case TRANSFORM3D -> 12;
            case PROJECTION -> 16;
            default -> 0;
        };
    }

    private static boolean fitsFloat(double value) {
        return (float) value == value;
    }

    /** Counts the bytes that a value takes, and finds out all that could be wrong with it. */
    private final class Measure {
        long size;

        void add(Variant value, int depth) throws VariantException {
            if (depth > maxDepth) {
                throw new VariantException(
                        ErrorCode.OUT_OF_MEMORY, "value deeper than " + maxDepth + " levels");
            }
            Type type = value.type();
            if (dialect.id(type) < 0) {
                throw new VariantException(
                        ErrorCode.INVALID_PARAMETER, dialect + " has no " + type);
            }
            grow(Integer.BYTES);
            switch (type) {
                case NIL, CALLABLE -> {}
                case BOOL -> grow(4);
                case INT -> {
                    long number = ((Int) value).value();
                    grow(number == (int) number ? 4 : 8);
                }
                case FLOAT -> grow(fitsFloat(((Real) value).value()) ? 4 : 8);
                case STRING -> string(((Text) value).value(), 0);
                case STRING_NAME -> string(((StringName) value).value(), 0);
                case VECTOR2I -> grow(8);
                case VECTOR3I -> grow(12);
                case RECT2I, VECTOR4I, COLOR -> grow(16);
                case NODE_PATH -> {
                    NodePath path = (NodePath) value;
                    grow(12);
                    strings(path.names(), 0);
                    strings(path.subnames(), 0);
                }
                case RID -> grow(dialect == Dialect.GODOT_3 ? 0 : 8);
                case OBJECT -> object(value, depth);
                case SIGNAL -> {
                    string(((Signal) value).name(), 0);
                    grow(8);
                }
                case DICTIONARY -> {
                    Dictionary dictionary = (Dictionary) value;
                    container(written(dictionary.keyType(), Dialect.GODOT_4_4));
                    container(written(dictionary.valueType(), Dialect.GODOT_4_4));
                    grow(4);
                    for (Map.Entry<Variant, Variant> entry : dictionary.entries().entrySet()) {
                        add(entry.getKey(), depth + 1);
                        add(entry.getValue(), depth + 1);
                    }
                }
                case ARRAY -> {
                    Array array = (Array) value;
                    container(written(array.elementType(), Dialect.GODOT_4_3));
                    grow(4);
                    for (Variant element : array.elements()) {
                        add(element, depth + 1);
                    }
                }
                case PACKED_STRING_ARRAY -> {
                    grow(4);
                    strings(((PackedStringArray) value).elements(), 1);
                }
                case PACKED_VECTOR2_ARRAY, PACKED_VECTOR3_ARRAY, PACKED_VECTOR4_ARRAY -> {
                    PackedVectorArray<?> array = (PackedVectorArray<?>) value;
                    grow(4 + (long) array.size() * array.dimensions * (writesWide() ? 8 : 4));
                }
                case PACKED_BYTE_ARRAY,
                        PACKED_INT32_ARRAY,
                        PACKED_INT64_ARRAY,
                        PACKED_FLOAT32_ARRAY,
                        PACKED_FLOAT64_ARRAY,
                        PACKED_COLOR_ARRAY ->
                        grow(4 + padded(((Packed) value).raw.length));
                default -> grow((long) reals(type) * (writesWide() ? 8 : 4));
            }
        }

        private void grow(long bytes) throws VariantException {
            size += bytes;
            if (size > maxBytes) {
                throw new VariantException(
                        ErrorCode.OUT_OF_MEMORY, "value larger than " + maxBytes + " bytes");
            }
        }

        private void container(ContainerType type) throws VariantException {
            switch (type.kind()) {
                case NONE -> {}
                case BUILTIN -> grow(4);
                case CLASS, SCRIPT -> string(type.name(), 0);
            }
        }

        private void object(Variant value, int depth) throws VariantException {
            if (!(value instanceof FullObject object)) {
                grow(8);
                return;
            }
            if (!fullObjects) {
                throw new VariantException(
                        ErrorCode.UNAUTHORIZED, "full object, which this codec does not write");
            }
            string(object.className(), 0);
            grow(4);
            for (Map.Entry<String, Variant> property : object.properties().entrySet()) {
                string(property.getKey(), 0);
                add(property.getValue(), depth + 1);
            }
        }

        private void strings(List<String> texts, int ends) throws VariantException {
            for (String text : texts) {
                string(text, ends);
            }
        }

        private void string(String text, int end) throws VariantException {
            long length = (long) text.length() + end;
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c >= 0x80) {
                    if (c < 0x800) {
                        length++;
                    } else {
                        length += 2;
                        if (Character.isSurrogate(c)) {
                            int codePoint = text.codePointAt(i);
                            if (Character.charCount(codePoint) == 1) {
                                throw new VariantException(
                                        ErrorCode.INVALID_PARAMETER,
                                        "unpaired surrogate at index " + i + " of a string");
                            }
                            i++;
                        }
                    }
                }
            }
            grow(4 + padded(length));
        }
    }

    /** Writes a value that was measured into an array that has room for it. */
    private final class Writer {
        final byte[] out;
        private final boolean wide = writesWide();
        private int at;

        Writer(byte[] out, int at) {
            this.out = out;
            this.at = at;
        }

        void value(Variant value) {
            Type type = value.type();
            int id = dialect.id(type);
            switch (type) {
                case NIL, CALLABLE -> int32(id);
                case BOOL -> {
                    int32(id);
                    int32(((Bool) value).value() ? 1 : 0);
                }
                case INT -> {
                    long number = ((Int) value).value();
                    if (number == (int) number) {
                        int32(id);
                        int32((int) number);
                    } else {
                        int32(id | FLAG);
                        int64(number);
                    }
                }
                case FLOAT -> {
                    double number = ((Real) value).value();
                    if (fitsFloat(number)) {
                        int32(id);
                        float32((float) number);
                    } else {
                        int32(id | FLAG);
                        int64(Double.doubleToRawLongBits(number));
                    }
                }
                case STRING -> {
                    int32(id);
                    string(((Text) value).value(), 0);
                }
                case STRING_NAME -> {
                    int32(id);
                    string(((StringName) value).value(), 0);
                }
                case NODE_PATH -> {
                    NodePath path = (NodePath) value;
                    int32(id);
                    int32(path.names().size() | TOP_BIT);
                    int32(path.subnames().size());
                    int32(path.absolute() ? PATH_ABSOLUTE : 0);
                    strings(path.names(), 0);
                    strings(path.subnames(), 0);
                }
                case RID -> {
                    int32(id);
                    if (dialect != Dialect.GODOT_3) {
                        int64(((RID) value).id());
                    }
                }
                case OBJECT -> object(id, value);
                case SIGNAL -> {
                    int32(id);
                    string(((Signal) value).name(), 0);
                    int64(((Signal) value).objectId());
                }
                case DICTIONARY -> {
                    Dictionary dictionary = (Dictionary) value;
                    ContainerType keys = written(dictionary.keyType(), Dialect.GODOT_4_4);
                    ContainerType values = written(dictionary.valueType(), Dialect.GODOT_4_4);
                    int kinds = keys.kind().value() << KIND_SHIFT;
                    kinds |= values.kind().value() << VALUE_KIND_SHIFT;
                    int32(id | kinds);
                    container(keys);
                    container(values);
                    int32(dictionary.size());
                    for (Map.Entry<Variant, Variant> entry : dictionary.entries().entrySet()) {
                        value(entry.getKey());
                        value(entry.getValue());
                    }
                }
                case ARRAY -> {
                    Array array = (Array) value;
                    ContainerType elements = written(array.elementType(), Dialect.GODOT_4_3);
                    int32(id | elements.kind().value() << KIND_SHIFT);
                    container(elements);
                    int32(array.size());
                    for (Variant element : array.elements()) {
                        value(element);
                    }
                }
                case PACKED_STRING_ARRAY -> {
                    List<String> elements = ((PackedStringArray) value).elements();
                    int32(id);
                    int32(elements.size());
                    strings(elements, 1);
                }
                case PACKED_VECTOR2_ARRAY, PACKED_VECTOR3_ARRAY, PACKED_VECTOR4_ARRAY ->
                        vectors(id, (PackedVectorArray<?>) value);
                case PACKED_BYTE_ARRAY,
                        PACKED_INT32_ARRAY,
                        PACKED_INT64_ARRAY,
                        PACKED_FLOAT32_ARRAY,
                        PACKED_FLOAT64_ARRAY,
                        PACKED_COLOR_ARRAY ->
                        packed(id, (Packed) value);
                default -> {
                    int32(wide && reals(type) > 0 ? id | FLAG : id);
                    numbers(value);
                }
            }
        }

        private void numbers(Variant value) {
            switch (value.type()) {
                case VECTOR2 -> vector((Vector2) value);
                case VECTOR2I -> vector((Vector2i) value);
                case RECT2 -> {
                    vector(((Rect2) value).position());
                    vector(((Rect2) value).size());
                }
                case RECT2I -> {
                    vector(((Rect2i) value).position());
                    vector(((Rect2i) value).size());
                }
                case VECTOR3 -> vector((Vector3) value);
                case VECTOR3I -> {
                    Vector3i v = (Vector3i) value;
                    int32(v.x());
                    int32(v.y());
                    int32(v.z());
                }
                case TRANSFORM2D -> {
                    vector(((Transform2D) value).x());
                    vector(((Transform2D) value).y());
                    vector(((Transform2D) value).origin());
                }
                case VECTOR4 -> vector((Vector4) value);
                case VECTOR4I -> {
                    Vector4i v = (Vector4i) value;
                    int32(v.x());
                    int32(v.y());
                    int32(v.z());
                    int32(v.w());
                }
                case PLANE -> {
                    vector(((Plane) value).normal());
                    real(((Plane) value).d());
                }
                case QUATERNION -> {
                    Quaternion q = (Quaternion) value;
                    real(q.x());
                    real(q.y());
                    real(q.z());
                    real(q.w());
                }
                case AABB -> {
                    vector(((AABB) value).position());
                    vector(((AABB) value).size());
                }
                case BASIS -> basis((Basis) value);
                case TRANSFORM3D -> {
                    basis(((Transform3D) value).basis());
                    vector(((Transform3D) value).origin());
                }
                case PROJECTION -> {
                    vector(((Projection) value).x());
                    vector(((Projection) value).y());
                    vector(((Projection) value).z());
                    vector(((Projection) value).w());
                }
                case COLOR -> {
                    Color color = (Color) value;
                    float32(color.r());
                    float32(color.g());
                    float32(color.b());
                    float32(color.a());
                }
                default -> throw new AssertionError(value.type());
            }
        }

        private void vector(Vector2 v) {
            real(v.x());
            real(v.y());
        }

        private void vector(Vector2i v) {
            int32(v.x());
            int32(v.y());
        }

        private void vector(Vector3 v) {
            real(v.x());
            real(v.y());
            real(v.z());
        }

        private void vector(Vector4 v) {
            real(v.x());
            real(v.y());
            real(v.z());
            real(v.w());
        }

        /** By its rows. */
        private void basis(Basis b) {
            real(b.x().x());
            real(b.y().x());
            real(b.z().x());
            real(b.x().y());
            real(b.y().y());
            real(b.z().y());
            real(b.x().z());
            real(b.y().z());
            real(b.z().z());
        }

        private void object(int id, Variant value) {
            if (value instanceof FullObject object) {
                int32(id);
                string(object.className(), 0);
                int32(object.properties().size());
                for (Map.Entry<String, Variant> property : object.properties().entrySet()) {
                    string(property.getKey(), 0);
                    value(property.getValue());
                }
            } else {
                int32(id | FLAG);
                int64(((EncodedObjectAsID) value).objectId());
            }
        }

        private void container(ContainerType type) {
            switch (type.kind()) {
                case NONE -> {}
                case BUILTIN -> int32(dialect.id(type.type()));
                case CLASS, SCRIPT -> string(type.name(), 0);
            }
        }

        private void packed(int id, Packed array) {
            int32(id);
            int32(array.size());
            System.arraycopy(array.raw, 0, out, at, array.raw.length);
            at += (int) padded(array.raw.length);
        }

        private void vectors(int id, PackedVectorArray<?> array) {
            int32(wide ? id | FLAG : id);
            int32(array.size());
            if (array.wide() == wide) {
                System.arraycopy(array.raw, 0, out, at, array.raw.length);
                at += array.raw.length;
            } else {
                for (int i = 0; i < array.size() * array.dimensions; i++) {
                    real(array.component(i));
                }
            }
        }

        private void strings(List<String> texts, int ends) {
            for (String text : texts) {
                string(text, ends);
            }
        }

        /** Length, UTF-8, so many zeros at its end, and those that make it a multiple of four. */
        private void string(String text, int end) {
            int start = at + Integer.BYTES;
            int to = start;
            for (int i = 0; i < text.length(); i++) {
                int c = text.charAt(i);
                if (c < 0x80) {
                    out[to++] = (byte) c;
                } else if (c < 0x800) {
                    out[to++] = (byte) (0xc0 | c >> 6);
                    out[to++] = (byte) (0x80 | (c & 0x3f));
                } else {
                    if (Character.isSurrogate((char) c)) {
                        c = text.codePointAt(i++);
                        out[to++] = (byte) (0xf0 | c >> 18);
                        out[to++] = (byte) (0x80 | (c >> 12 & 0x3f));
                    } else {
                        out[to++] = (byte) (0xe0 | c >> 12);
                    }
                    out[to++] = (byte) (0x80 | (c >> 6 & 0x3f));
                    out[to++] = (byte) (0x80 | (c & 0x3f));
                }
            }
            int32(to - start + end);
            at = start + (int) padded(to - start + end);
        }

        private void real(double value) {
            if (wide) {
                int64(Double.doubleToRawLongBits(value));
            } else {
                float32((float) value);
            }
        }

        private void float32(float value) {
            int32(Float.floatToRawIntBits(value));
        }

        private void int32(int value) {
            INT.set(out, at, value);
            at += Integer.BYTES;
        }

        private void int64(long value) {
            LONG.set(out, at, value);
            at += Long.BYTES;
        }
    }

    /** Reads one value. */
    private final class Reader {
        private final byte[] in;
        final int start;
        private final int limit;
        int at;

        /** How many values there were so far. */
        private int values;

        /**
         * The bytes that are needed at the least for those elements of the containers around the
         * present value that come behind it. Without them, containers within containers could claim
         * the same bytes for their elements again and again, and take memory each time.
         */
        private long owed;

        /** How many keys the present value is within. */
        private int keysAround;

        Reader(byte[] in, int start, int end) {
            this.in = in;
            this.start = start;
            limit = start + Math.min(end - start, maxBytes);
            at = start;
        }

        Variant value(int depth) throws VariantException {
            if (depth > maxDepth) {
                throw failure(ErrorCode.OUT_OF_MEMORY, "deeper than " + maxDepth + " levels");
            }
            count(1);
            int header = int32();
            Type type = dialect.type(header & 0xff);
            if (type == null) {
                throw malformed("no type " + (header & 0xff) + " in " + dialect);
            }
            boolean flag = (header & FLAG) != 0;
            boolean wide = flag && dialect != Dialect.GODOT_3;
            return switch (type) {
                case NIL -> Nil.NIL;
                case CALLABLE -> new Callable();
                case BOOL -> new Bool(int32() != 0);
                case INT -> new Int(flag ? int64() : int32());
                case FLOAT -> new Real(flag ? Double.longBitsToDouble(int64()) : float32());
                case STRING -> new Text(string());
                case STRING_NAME -> new StringName(string());
                case VECTOR2 -> vector2(wide);
                case VECTOR2I -> vector2i();
                case RECT2 -> new Rect2(vector2(wide), vector2(wide));
                case RECT2I -> new Rect2i(vector2i(), vector2i());
                case VECTOR3 -> vector3(wide);
                case VECTOR3I -> new Vector3i(int32(), int32(), int32());
                case TRANSFORM2D -> new Transform2D(vector2(wide), vector2(wide), vector2(wide));
                case VECTOR4 -> vector4(wide);
                case VECTOR4I -> new Vector4i(int32(), int32(), int32(), int32());
                case PLANE -> new Plane(vector3(wide), real(wide));
                case QUATERNION -> new Quaternion(real(wide), real(wide), real(wide), real(wide));
                case AABB -> new AABB(vector3(wide), vector3(wide));
                case BASIS -> basis(wide);
                case TRANSFORM3D -> new Transform3D(basis(wide), vector3(wide));
                case PROJECTION ->
                        new Projection(vector4(wide), vector4(wide), vector4(wide), vector4(wide));
                case COLOR -> new Color(float32(), float32(), float32(), float32());
                case NODE_PATH -> nodePath();
                case RID -> new RID(dialect == Dialect.GODOT_3 ? 0 : int64());
                case OBJECT -> object(flag, depth);
                case SIGNAL -> new Signal(string(), int64());
                case DICTIONARY -> dictionary(header, depth);
                case ARRAY -> array(header, depth);
                case PACKED_BYTE_ARRAY -> new PackedByteArray(raw(Byte.BYTES));
                case PACKED_INT32_ARRAY -> new PackedInt32Array(raw(Integer.BYTES));
                case PACKED_INT64_ARRAY -> new PackedInt64Array(raw(Long.BYTES));
                case PACKED_FLOAT32_ARRAY -> new PackedFloat32Array(raw(Float.BYTES));
                case PACKED_FLOAT64_ARRAY -> new PackedFloat64Array(raw(Double.BYTES));
                case PACKED_STRING_ARRAY -> strings();
                case PACKED_VECTOR2_ARRAY -> vectors(wide, 2, PackedVector2Array::new);
                case PACKED_VECTOR3_ARRAY -> vectors(wide, 3, PackedVector3Array::new);
                case PACKED_VECTOR4_ARRAY -> vectors(wide, 4, PackedVector4Array::new);
                case PACKED_COLOR_ARRAY -> new PackedColorArray(raw(4 * Float.BYTES));
            };
        }

        // Containers

        private Array array(int header, int depth) throws VariantException {
            ContainerType type = container(header >> KIND_SHIFT & KIND_MASK, Dialect.GODOT_4_3);
            int count = elements(int32() & ~TOP_BIT, 1);
            var elements = new Variant[count];
            for (int i = 0; i < count; i++) {
                owed -= Integer.BYTES;
                elements[i] = value(depth + 1);
                check(type, elements[i]);
            }
            return new Array(List.of(elements), type);
        }

        private Dictionary dictionary(int header, int depth) throws VariantException {
            ContainerType keyType = container(header >> KIND_SHIFT & KIND_MASK, Dialect.GODOT_4_4);
            ContainerType valueType =
                    container(header >> VALUE_KIND_SHIFT & KIND_MASK, Dialect.GODOT_4_4);
            int count = elements(int32() & ~TOP_BIT, 2);
            var keys = new Variant[count];
            var values = new Variant[count];
            for (int i = 0; i < count; i++) {
                owed -= Integer.BYTES;
                keys[i] = key(keyType, depth);
                owed -= Integer.BYTES;
                values[i] = value(depth + 1);
                check(valueType, values[i]);
            }
            checkHashes(keys);
            var entries = LinkedHashMap.<Variant, Variant>newLinkedHashMap(count);
            for (int i = 0; i < count; i++) {
                entries.put(keys[i], values[i]);
            }
            return new Dictionary(Dictionary.adopt(entries), keyType, valueType);
        }

        private Variant key(ContainerType type, int depth) throws VariantException {
            if (++keysAround > MOST_KEYS_AROUND) {
                throw malformed("keys within keys, more than " + MOST_KEYS_AROUND);
            }
            Variant key = value(depth + 1);
            check(type, key);
            keysAround--;
            return key;
        }

        /** Refuses keys that were chosen to make a hash map slow. */
        private void checkHashes(Variant[] keys) throws VariantException {
            if (keys.length <= MOST_OF_ONE_HASH) {
                return;
            }
            var hashes = new int[keys.length];
            for (int i = 0; i < keys.length; i++) {
                hashes[i] = keys[i].hashCode();
            }
            Arrays.sort(hashes);
            for (int i = MOST_OF_ONE_HASH; i < hashes.length; i++) {
                if (hashes[i] == hashes[i - MOST_OF_ONE_HASH]) {
                    throw malformed("more than " + MOST_OF_ONE_HASH + " keys of one hash code");
                }
            }
        }

        private void check(ContainerType type, Variant value) throws VariantException {
            if (!type.accepts(value)) {
                throw malformed(value.type() + " where " + type.type() + " has to be");
            }
        }

        private ContainerType container(int kind, Dialect since) throws VariantException {
            if (kind == 0) {
                return ContainerType.ANY;
            }
            if (dialect.compareTo(since) < 0) {
                throw malformed("typed container in " + dialect);
            }
            if (kind == ContainerType.Kind.BUILTIN.value()) {
                int id = int32();
                Type type = dialect.type(id);
                if (type == null) {
                    throw malformed("no type " + id + " in " + dialect);
                }
                if (type == Type.NIL) {
                    return ContainerType.ANY;
                }
                return type == Type.OBJECT && !fullObjects
                        ? ContainerType.ENCODED_OBJECT
                        : ContainerType.of(type);
            }
            String name = string();
            if (!fullObjects) {
                return ContainerType.ENCODED_OBJECT;
            }
            if (name.isEmpty()) {
                throw malformed("container of a class without a name");
            }
            return kind == ContainerType.Kind.CLASS.value()
                    ? ContainerType.ofClass(name)
                    : ContainerType.ofScript(name);
        }

        private Variant object(boolean byId, int depth) throws VariantException {
            if (byId) {
                long id = int64();
                return id == 0 ? Nil.NIL : new EncodedObjectAsID(id);
            }
            if (!fullObjects) {
                throw failure(ErrorCode.UNAUTHORIZED, "full object, which this codec refuses");
            }
            String className = string();
            if (className.isEmpty()) {
                return Nil.NIL;
            }
            int count = elements(int32(), 2);
            var properties = LinkedHashMap.<String, Variant>newLinkedHashMap(count);
            for (int i = 0; i < count; i++) {
                owed -= Integer.BYTES;
                count(1);
                String name = string();
                owed -= Integer.BYTES;
                properties.put(name, value(depth + 1));
            }
            return new FullObject(className, Dictionary.adopt(properties));
        }

        private NodePath nodePath() throws VariantException {
            int names = int32();
            if (names >= 0) {
                throw malformed("node path of an unknown format");
            }
            long subnames = Integer.toUnsignedLong(int32());
            int flags = int32();
            if ((flags & PATH_WITH_PROPERTY) != 0) {
                subnames++;
            }
            names = elements(names & ~TOP_BIT, 1);
            String[] parts = strings(names);
            return new NodePath(
                    List.of(parts),
                    List.of(strings(elements(subnames, 1))),
                    (flags & PATH_ABSOLUTE) != 0);
        }

        private PackedStringArray strings() throws VariantException {
            String[] strings = strings(elements(int32(), 1));
            for (int i = 0; i < strings.length; i++) {
                String s = strings[i];
                if (!s.isEmpty() && s.charAt(s.length() - 1) == 0) {
                    strings[i] = s.substring(0, s.length() - 1);
                }
            }
            return new PackedStringArray(List.of(strings));
        }

        /** Reads strings that {@link #elements} allowed. */
        private String[] strings(int count) throws VariantException {
            count(count);
            var strings = new String[count];
            for (int i = 0; i < count; i++) {
                owed -= Integer.BYTES;
                strings[i] = string();
            }
            return strings;
        }

        private <A extends Variant> Variant vectors(
                boolean wide, int dimensions, PackedVectorArray.Maker<A> maker)
                throws VariantException {
            return wide
                    ? PackedVectorArray.narrow(raw(dimensions * Double.BYTES), maker)
                    : maker.make(raw(dimensions * Float.BYTES), false);
        }

        /**
         * Reads a count and the bytes of so many elements, and the padding as far as it is there.
         */
        private byte[] raw(int stride) throws VariantException {
            int count = int32();
            long length = (long) count * stride;
            if (count < 0 || length > left()) {
                throw malformed(
                        Integer.toUnsignedString(count) + " elements, " + left() + " bytes");
            }
            var raw = Arrays.copyOfRange(in, at, at + (int) length);
            at = (int) Math.min(limit, at + (length + 3 & ~3L));
            return raw;
        }

        /**
         * Checks a count of elements before anything is taken for them, and notes that they are to
         * come: each is to take four bytes for each of its parts off {@link #owed}.
         */
        private int elements(long count, int parts) throws VariantException {
            long least = count * parts * Integer.BYTES;
            if (count < 0 || least > left()) {
                throw malformed(count + " elements, " + left() + " bytes");
            }
            if (count * parts > maxValues - values) {
                throw failure(ErrorCode.OUT_OF_MEMORY, "more than " + maxValues + " values");
            }
            owed += least;
            return (int) count;
        }

        private void count(int more) throws VariantException {
            values += more;
            if (values > maxValues) {
                throw failure(ErrorCode.OUT_OF_MEMORY, "more than " + maxValues + " values");
            }
        }

        // Parts

        private Vector2 vector2(boolean wide) throws VariantException {
            return new Vector2(real(wide), real(wide));
        }

        private Vector2i vector2i() throws VariantException {
            return new Vector2i(int32(), int32());
        }

        private Vector3 vector3(boolean wide) throws VariantException {
            return new Vector3(real(wide), real(wide), real(wide));
        }

        private Vector4 vector4(boolean wide) throws VariantException {
            return new Vector4(real(wide), real(wide), real(wide), real(wide));
        }

        /** From its rows. */
        private Basis basis(boolean wide) throws VariantException {
            Vector3 a = vector3(wide);
            Vector3 b = vector3(wide);
            Vector3 c = vector3(wide);
            return new Basis(
                    new Vector3(a.x(), b.x(), c.x()),
                    new Vector3(a.y(), b.y(), c.y()),
                    new Vector3(a.z(), b.z(), c.z()));
        }

        private String string() throws VariantException {
            int length = int32();
            if (length < 0 || padded(length) > left()) {
                throw failure(
                        ErrorCode.FILE_EOF,
                        "string of "
                                + Integer.toUnsignedString(length)
                                + " bytes, of which there are "
                                + left());
            }
            if (length == 0) {
                return "";
            }
            String text = new String(in, at, length, StandardCharsets.UTF_8);
            // What is not UTF-8 has become U+FFFD. Was this one sent?
            if (text.indexOf('\ufffd') >= 0) {
                try {
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(in, at, length));
                } catch (CharacterCodingException e) {
                    throw malformed("string that is not UTF-8");
                }
            }
            at += (int) padded(length);
            return text;
        }

        private double real(boolean wide) throws VariantException {
            return wide ? Double.longBitsToDouble(int64()) : float32();
        }

        private float float32() throws VariantException {
            return Float.intBitsToFloat(int32());
        }

        private int int32() throws VariantException {
            need(Integer.BYTES);
            int value = (int) INT.get(in, at);
            at += Integer.BYTES;
            return value;
        }

        private long int64() throws VariantException {
            need(Long.BYTES);
            long value = (long) LONG.get(in, at);
            at += Long.BYTES;
            return value;
        }

        /** How many bytes there are for the present value. */
        private long left() {
            return limit - at - owed;
        }

        private void need(int bytes) throws VariantException {
            if (bytes > left()) {
                throw malformed("number of " + bytes + " bytes, of which there are " + left());
            }
        }

        private VariantException malformed(String what) {
            return failure(ErrorCode.INVALID_DATA, what);
        }

        private VariantException failure(ErrorCode code, String what) {
            return new VariantException(
                    code,
                    "value of " + (limit - start) + " bytes, at " + (at - start) + ": " + what);
        }
    }
}
