package io.peerloom.variant;

import static io.peerloom.variant.VariantCodec.FLAG;
import static io.peerloom.variant.VariantCodec.KIND_SHIFT;
import static io.peerloom.variant.VariantCodec.PATH_ABSOLUTE;
import static io.peerloom.variant.VariantCodec.TOP_BIT;
import static io.peerloom.variant.VariantCodec.VALUE_KIND_SHIFT;
import static io.peerloom.variant.VariantCodec.padded;

import io.peerloom.ErrorCode;
import io.peerloom.variant.Variant.*;
import io.peerloom.variant.VariantCodec.Dialect;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Map;

/**
 * Writes one value. It measures the value first, which finds everything that could be wrong with
 * it, and then writes into an array of just that size, where nothing can fail any more.
 */
final class VariantWriter {
    private static final VarHandle INT = Packed.INT;
    private static final VarHandle LONG = Packed.LONG;

    /** The property that an object needs before its others. */
    private static final String SCRIPT = "script";

    private final Dialect dialect;
    private final boolean fullObjects;
    private final int maxDepth;
    private final int maxBytes;

    /** Whether components have eight bytes. */
    private final boolean wide;

    /** What was measured so far. */
    private long size;

    private byte[] out;
    private int at;

    VariantWriter(VariantCodec codec) {
        dialect = codec.dialect();
        fullObjects = codec.fullObjects();
        maxDepth = codec.maxDepth();
        maxBytes = codec.maxBytes();
        wide = codec.doublePrecision() && dialect != Dialect.GODOT_3;
    }

    /** Returns so many zeros and the value's bytes. */
    byte[] write(Variant value, int room) throws VariantException {
        measure(value, 0);
        out = new byte[Math.toIntExact(room + size)];
        at = room;
        value(value);
        return out;
    }

    /** The type of elements as it is written: without full objects no class is named. */
    private ContainerType written(ContainerType type, Dialect since) {
        if (dialect.compareTo(since) < 0) {
            return ContainerType.ANY;
        }
        return type.type() == Type.OBJECT && !fullObjects ? ContainerType.ENCODED_OBJECT : type;
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

    // Measuring

    private void measure(Variant value, int depth) throws VariantException {
        if (depth > maxDepth) {
            throw new VariantException(
                    ErrorCode.OUT_OF_MEMORY, "value deeper than " + maxDepth + " levels");
        }
        Type type = value.type();
        if (dialect.id(type) < 0) {
            throw new VariantException(ErrorCode.INVALID_PARAMETER, dialect + " has no " + type);
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
            case STRING -> measureString(((Text) value).value(), 0);
            case STRING_NAME -> measureString(((StringName) value).value(), 0);
            case VECTOR2I -> grow(8);
            case VECTOR3I -> grow(12);
            case RECT2I, VECTOR4I, COLOR -> grow(16);
            case NODE_PATH -> {
                NodePath path = (NodePath) value;
                grow(12);
                measureStrings(path.names(), 0);
                measureStrings(path.subnames(), 0);
            }
            case RID -> grow(dialect == Dialect.GODOT_3 ? 0 : 8);
            case OBJECT -> measureObject(value, depth);
            case SIGNAL -> {
                measureString(((Signal) value).name(), 0);
                grow(8);
            }
            case DICTIONARY -> {
                Dictionary dictionary = (Dictionary) value;
                measureContainer(written(dictionary.keyType(), Dialect.GODOT_4_4));
                measureContainer(written(dictionary.valueType(), Dialect.GODOT_4_4));
                grow(4);
                Entries entries = Entries.of(dictionary);
                for (int i = 0; i < entries.size(); i++) {
                    measure(entries.key(i), depth + 1);
                    measure(entries.value(i), depth + 1);
                }
            }
            case ARRAY -> {
                Array array = (Array) value;
                measureContainer(written(array.elementType(), Dialect.GODOT_4_3));
                grow(4);
                for (Variant element : array.elements()) {
                    measure(element, depth + 1);
                }
            }
            case PACKED_STRING_ARRAY -> {
                grow(4);
                measureStrings(((PackedStringArray) value).elements(), 1);
            }
            case PACKED_VECTOR2_ARRAY, PACKED_VECTOR3_ARRAY, PACKED_VECTOR4_ARRAY -> {
                PackedVectorArray<?> array = (PackedVectorArray<?>) value;
                grow(4 + (long) array.size() * array.dimensions * (wide ? 8 : 4));
            }
            case PACKED_BYTE_ARRAY,
                    PACKED_INT32_ARRAY,
                    PACKED_INT64_ARRAY,
                    PACKED_FLOAT32_ARRAY,
                    PACKED_FLOAT64_ARRAY,
                    PACKED_COLOR_ARRAY ->
                    grow(4 + padded(((Packed) value).raw.length));
            default -> grow((long) reals(type) * (wide ? 8 : 4));
        }
    }

    private void grow(long bytes) throws VariantException {
        size += bytes;
        if (size > maxBytes) {
            throw new VariantException(
                    ErrorCode.OUT_OF_MEMORY, "value larger than " + maxBytes + " bytes");
        }
    }

    private void measureContainer(ContainerType type) throws VariantException {
        switch (type.kind()) {
            case NONE -> {}
            case BUILTIN -> grow(4);
            case CLASS, SCRIPT -> measureString(type.name(), 0);
        }
    }

    private void measureObject(Variant value, int depth) throws VariantException {
        if (!(value instanceof FullObject object)) {
            grow(8);
            return;
        }
        if (!fullObjects) {
            throw new VariantException(
                    ErrorCode.UNAUTHORIZED, "full object, which this codec does not write");
        }
        measureString(object.className(), 0);
        grow(4);
        for (Map.Entry<String, Variant> property : object.properties().entrySet()) {
            measureString(property.getKey(), 0);
            measure(property.getValue(), depth + 1);
        }
    }

    private void measureStrings(List<String> texts, int ends) throws VariantException {
        for (String text : texts) {
            measureString(text, ends);
        }
    }

    private void measureString(String text, int end) throws VariantException {
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

    // Writing

    private void value(Variant value) {
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
                Entries entries = Entries.of(dictionary);
                for (int i = 0; i < entries.size(); i++) {
                    value(entries.key(i));
                    value(entries.value(i));
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
            case VECTOR2I, VECTOR3I, VECTOR4I, RECT2I -> {
                int32(id);
                for (int number : Components.ints(value)) {
                    int32(number);
                }
            }
            case COLOR -> {
                Color color = (Color) value;
                int32(id);
                float32(color.r());
                float32(color.g());
                float32(color.b());
                float32(color.a());
            }
            case VECTOR2 -> {
                Vector2 v = (Vector2) value;
                int32(wide ? id | FLAG : id);
                real(v.x());
                real(v.y());
            }
            case VECTOR3 -> {
                Vector3 v = (Vector3) value;
                int32(wide ? id | FLAG : id);
                real(v.x());
                real(v.y());
                real(v.z());
            }
            case RECT2,
                    TRANSFORM2D,
                    VECTOR4,
                    PLANE,
                    QUATERNION,
                    AABB,
                    BASIS,
                    TRANSFORM3D,
                    PROJECTION -> {
                int32(wide ? id | FLAG : id);
                for (double number : Components.reals(value)) {
                    real(number);
                }
            }
        }
    }

    private void object(int id, Variant value) {
        if (value instanceof FullObject object) {
            int32(id);
            string(object.className(), 0);
            int32(object.properties().size());
            Variant script = object.properties().get(SCRIPT);
            if (script != null) {
                string(SCRIPT, 0);
                value(script);
            }
            for (Map.Entry<String, Variant> property : object.properties().entrySet()) {
                if (!property.getKey().equals(SCRIPT)) {
                    string(property.getKey(), 0);
                    value(property.getValue());
                }
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
            for (int i = 0; i < array.reals(); i++) {
                real(array.real(i));
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
