package io.peerloom.variant;

import static io.peerloom.variant.VariantCodec.FLAG;
import static io.peerloom.variant.VariantCodec.KIND_MASK;
import static io.peerloom.variant.VariantCodec.KIND_SHIFT;
import static io.peerloom.variant.VariantCodec.PATH_ABSOLUTE;
import static io.peerloom.variant.VariantCodec.TOP_BIT;
import static io.peerloom.variant.VariantCodec.VALUE_KIND_SHIFT;
import static io.peerloom.variant.VariantCodec.padded;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant.*;
import io.peerloom.variant.VariantCodec.Dialect;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Reads one value from bytes of any origin, and allocates no memory that the bytes do not justify.
 */
final class VariantReader {
    private static final VarHandle INT = Packed.INT;
    private static final VarHandle LONG = Packed.LONG;

    /** In old paths the property is not among the subnames that are counted. */
    private static final int PATH_WITH_PROPERTY = 2;

    private final VariantCodec codec;
    private final byte[] in;
    private final int start;
    private final int limit;
    private int at;

    /** How many values were read so far. */
    private int values;

    /**
     * How many bytes the containers around the present value need at the least for their elements
     * behind it. If this were not set aside, containers within containers could claim the same
     * bytes for their elements again and again, and allocate memory each time.
     */
    private long owed;

    VariantReader(VariantCodec codec, byte[] in, int start, int end) {
        this.codec = codec;
        this.in = in;
        this.start = start;
        limit = start + Math.min(end - start, codec.maxBytes());
        at = start;
    }

    Variant read() throws VariantException {
        return value(0);
    }

    /** How many bytes the value took. */
    int consumed() {
        return at - start;
    }

    private Variant value(int depth) throws VariantException {
        if (depth > codec.maxDepth()) {
            throw failure(ErrorCode.OUT_OF_MEMORY, "deeper than " + codec.maxDepth() + " levels");
        }
        count(1);
        int header = int32();
        Type type = codec.dialect().type(header & 0xff);
        if (type == null) {
            throw malformed("no type " + (header & 0xff) + " in " + codec.dialect());
        }
        boolean flag = (header & FLAG) != 0;
        boolean wide = flag && codec.dialect() != Dialect.GODOT_3;
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
            case RID -> new RID(codec.dialect() == Dialect.GODOT_3 ? 0 : int64());
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
            keys[i] = value(depth + 1);
            check(keyType, keys[i]);
            owed -= Integer.BYTES;
            values[i] = value(depth + 1);
            check(valueType, values[i]);
        }
        return new Dictionary(new Entries(keys, values), keyType, valueType);
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
        if (codec.dialect().compareTo(since) < 0) {
            throw malformed("typed container in " + codec.dialect());
        }
        if (kind == ContainerType.Kind.BUILTIN.value()) {
            int id = int32();
            Type type = codec.dialect().type(id);
            if (type == null) {
                throw malformed("no type " + id + " in " + codec.dialect());
            }
            if (type == Type.NIL) {
                return ContainerType.ANY;
            }
            return type == Type.OBJECT && !codec.fullObjects()
                    ? ContainerType.ENCODED_OBJECT
                    : ContainerType.of(type);
        }
        String name = string();
        if (!codec.fullObjects()) {
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
        if (!codec.fullObjects()) {
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
        return new FullObject(className, properties);
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

    /** Reads strings whose number {@link #elements} has checked. */
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

    /** Reads a count, the bytes of so many elements, and as much of the padding as there is. */
    private byte[] raw(int stride) throws VariantException {
        int count = int32();
        long length = (long) count * stride;
        if (count < 0 || length > left()) {
            throw malformed(Integer.toUnsignedString(count) + " elements, " + left() + " bytes");
        }
        var raw = Arrays.copyOfRange(in, at, at + (int) length);
        at = (int) Math.min(limit, at + (length + 3 & ~3L));
        return raw;
    }

    /**
     * Checks a count of elements before memory is allocated for them, and adds what they need at
     * the least to {@link #owed}. Whoever reads an element subtracts four bytes for each of its
     * parts.
     */
    private int elements(long count, int parts) throws VariantException {
        long least = count * parts * Integer.BYTES;
        if (count < 0 || least > left()) {
            throw malformed(count + " elements, " + left() + " bytes");
        }
        if (count * parts > codec.maxValues() - values) {
            throw failure(ErrorCode.OUT_OF_MEMORY, "more than " + codec.maxValues() + " values");
        }
        owed += least;
        return (int) count;
    }

    private void count(int more) throws VariantException {
        values += more;
        if (values > codec.maxValues()) {
            throw failure(ErrorCode.OUT_OF_MEMORY, "more than " + codec.maxValues() + " values");
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

    /** It is sent by its rows. */
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
        // What is not UTF-8 has become U+FFFD. Or was U+FFFD itself sent?
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

    /** How many bytes there are for the value that is being read. */
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
                code, "value of " + (limit - start) + " bytes, at " + (at - start) + ": " + what);
    }
}
