package io.peerloom.variant;

import io.peerloom.variant.Variant.*;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;

/**
 * Hashes values, and says which keys a dictionary of the engine takes for the same.
 *
 * <p>A sender who knew two values with the same hash could send a million of them and make a hash
 * map slow. The hash is therefore SipHash-1-3 (Aumasson and Bernstein, 2012) with a key that is
 * drawn once in each JVM, over words of 64 bits: each value is its type, its lengths and its parts.
 *
 * <p>There are two equalities, and a hash for each. {@code equals} is as strict as Java's. Keys are
 * compared as the engine's dictionaries do it, seen with Godot 4.6.3 and 3.2.3: see {@link
 * #sameKey}.
 */
final class VariantHash {
    private static final long KEY_0;
    private static final long KEY_1;

    static {
        var random = new SecureRandom();
        KEY_0 = random.nextLong();
        KEY_1 = random.nextLong();
    }

    /** Whether values are hashed as keys, or for {@code equals}. */
    private final boolean asKeys;

    private long v0 = KEY_0 ^ 0x736f6d6570736575L;
    private long v1 = KEY_1 ^ 0x646f72616e646f6dL;
    private long v2 = KEY_0 ^ 0x6c7967656e657261L;
    private long v3 = KEY_1 ^ 0x7465646279746573L;

    private VariantHash(boolean asKeys) {
        this.asKeys = asKeys;
    }

    /** The hash of a value for {@code hashCode}: values that are {@code equals} have the same. */
    static int of(Variant value) {
        var hash = new VariantHash(false);
        hash.value(value);
        return fold(hash.end());
    }

    /** The hash of a value as a key: keys that are {@link #sameKey} have the same. */
    static int ofKey(Variant key) {
        var hash = new VariantHash(true);
        if (key instanceof StringName(String name)) {
            hash.word(Type.STRING.godot4());
            hash.text(name);
        } else {
            hash.value(key);
        }
        return fold(hash.end());
    }

    /**
     * Whether two values are one key. They are if they are of the same type and equal, and besides:
     *
     * <ul>
     *   <li>a String and a StringName with the same text are one key, but not within an array
     *   <li>0.0 and -0.0 are equal, and NaN is equal to itself, also as components of vectors, in
     *       packed arrays and within arrays and dictionaries
     *   <li>arrays and dictionaries are equal if their elements are, whatever their declared types
     *   <li>dictionaries that are keys, or within keys, are equal if their entries also come in the
     *       same order
     * </ul>
     */
    static boolean sameKey(Variant a, Variant b) {
        String text = text(a);
        return text == null ? same(a, b) : text.equals(text(b));
    }

    private static String text(Variant value) {
        if (value instanceof Text(String text)) {
            return text;
        }
        return value instanceof StringName(String name) ? name : null;
    }

    /** As {@link #sameKey}, for a value within a key, where texts and names are two things. */
    private static boolean same(Variant a, Variant b) {
        if (a == b) {
            return true;
        }
        Type type = a.type();
        if (type != b.type()) {
            return false;
        }
        return switch (type) {
            case FLOAT -> same(((Real) a).value(), ((Real) b).value());
            case VECTOR2,
                    VECTOR3,
                    VECTOR4,
                    RECT2,
                    TRANSFORM2D,
                    PLANE,
                    QUATERNION,
                    AABB,
                    BASIS,
                    TRANSFORM3D,
                    PROJECTION,
                    COLOR ->
                    same(Components.reals(a), Components.reals(b));
            case PACKED_FLOAT32_ARRAY,
                    PACKED_FLOAT64_ARRAY,
                    PACKED_VECTOR2_ARRAY,
                    PACKED_VECTOR3_ARRAY,
                    PACKED_VECTOR4_ARRAY,
                    PACKED_COLOR_ARRAY ->
                    same((Packed) a, (Packed) b);
            case ARRAY -> same(((Array) a).elements(), ((Array) b).elements());
            case DICTIONARY -> same(Entries.of((Dictionary) a), Entries.of((Dictionary) b));
            default -> a.equals(b);
        };
    }

    private static boolean same(double a, double b) {
        return a == b || (Double.isNaN(a) && Double.isNaN(b));
    }

    private static boolean same(double[] a, double[] b) {
        for (int i = 0; i < a.length; i++) {
            if (!same(a[i], b[i])) {
                return false;
            }
        }
        return true;
    }

    private static boolean same(Packed a, Packed b) {
        if (a.raw.length != b.raw.length || a.stride != b.stride) {
            return false;
        }
        for (int i = 0; i < a.reals(); i++) {
            if (!same(a.real(i), b.real(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean same(List<Variant> a, List<Variant> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!same(a.get(i), b.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** In their order: an engine hashes them so, and finds no other. */
    private static boolean same(Entries a, Entries b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!sameKey(a.key(i), b.key(i)) || !same(a.value(i), b.value(i))) {
                return false;
            }
        }
        return true;
    }

    private void value(Variant value) {
        Type type = value.type();
        word(type.godot4());
        switch (type) {
            case NIL, CALLABLE -> {}
            case BOOL -> word(((Bool) value).value() ? 1 : 0);
            case INT -> word(((Int) value).value());
            case FLOAT -> real(((Real) value).value());
            case STRING -> text(((Text) value).value());
            case STRING_NAME -> text(((StringName) value).value());
            case VECTOR2I, VECTOR3I, VECTOR4I, RECT2I -> {
                for (int number : Components.ints(value)) {
                    word(number);
                }
            }
            case NODE_PATH -> {
                NodePath path = (NodePath) value;
                texts(path.names());
                texts(path.subnames());
                word(path.absolute() ? 1 : 0);
            }
            case RID -> word(((RID) value).id());
            case OBJECT -> object(value);
            case SIGNAL -> {
                text(((Signal) value).name());
                word(((Signal) value).objectId());
            }
            case DICTIONARY -> dictionary((Dictionary) value);
            case ARRAY -> {
                Array array = (Array) value;
                word(array.size());
                for (Variant element : array.elements()) {
                    value(element);
                }
                declared(array.elementType());
            }
            case PACKED_STRING_ARRAY -> texts(((PackedStringArray) value).elements());
            case PACKED_BYTE_ARRAY, PACKED_INT32_ARRAY, PACKED_INT64_ARRAY ->
                    bytes(((Packed) value).raw);
            case PACKED_FLOAT32_ARRAY,
                    PACKED_FLOAT64_ARRAY,
                    PACKED_VECTOR2_ARRAY,
                    PACKED_VECTOR3_ARRAY,
                    PACKED_VECTOR4_ARRAY,
                    PACKED_COLOR_ARRAY ->
                    packed((Packed) value);
            default -> {
                for (double number : Components.reals(value)) {
                    real(number);
                }
            }
        }
    }

    /**
     * Within a key in order; else entries in another order are equal too, and a sum does not mind.
     * The hashes of keys are stored: however deep keys are within keys, a value is hashed once.
     */
    private void dictionary(Dictionary dictionary) {
        Entries entries = Entries.of(dictionary);
        word(entries.size());
        if (asKeys) {
            for (int i = 0; i < entries.size(); i++) {
                word(entries.keyHash(i));
                value(entries.value(i));
            }
        } else {
            word(sum(entries));
            declared(dictionary.keyType());
            declared(dictionary.valueType());
        }
    }

    /** For two maps that are equal, in whatever order, the same. */
    static int of(Entries entries) {
        return fold(sum(entries));
    }

    private static long sum(Entries entries) {
        long sum = 0;
        for (int i = 0; i < entries.size(); i++) {
            var entry = new VariantHash(false);
            entry.word(entries.keyHash(i));
            entry.value(entries.value(i));
            sum += entry.end();
        }
        return sum;
    }

    /** Objects are compared by {@code equals} as keys too: what an engine compares is not sent. */
    private void object(Variant value) {
        if (value instanceof FullObject(String className, Map<String, Variant> properties)) {
            long sum = 0;
            for (Map.Entry<String, Variant> property : properties.entrySet()) {
                var entry = new VariantHash(false);
                entry.text(property.getKey());
                entry.value(property.getValue());
                sum += entry.end();
            }
            text(className);
            word(sum);
        } else {
            word(((EncodedObjectAsID) value).objectId());
        }
    }

    private void declared(ContainerType type) {
        if (!asKeys) {
            word(type.kind().value());
            word(type.type().godot4());
            text(type.name());
        }
    }

    private void packed(Packed array) {
        if (asKeys) {
            word(array.raw.length);
            for (int i = 0; i < array.reals(); i++) {
                real(array.real(i));
            }
        } else {
            bytes(array.raw);
        }
    }

    private void bytes(byte[] bytes) {
        word(bytes.length);
        int at = 0;
        for (; at <= bytes.length - Long.BYTES; at += Long.BYTES) {
            word((long) Packed.LONG.get(bytes, at));
        }
        long last = 0;
        for (; at < bytes.length; at++) {
            last = last << 8 | (bytes[at] & 0xff);
        }
        word(last);
    }

    private void texts(List<String> texts) {
        word(texts.size());
        for (String text : texts) {
            text(text);
        }
    }

    private void text(String text) {
        int length = text.length();
        word(length);
        int at = 0;
        for (; at <= length - 4; at += 4) {
            word(
                    text.charAt(at)
                            | (long) text.charAt(at + 1) << 16
                            | (long) text.charAt(at + 2) << 32
                            | (long) text.charAt(at + 3) << 48);
        }
        long last = 0;
        for (; at < length; at++) {
            last = last << 16 | text.charAt(at);
        }
        word(last);
    }

    /** All NaN are one; so are both zeros in keys, but not for {@code equals}. */
    private void real(double value) {
        word(asKeys && value == 0 ? 0 : Double.doubleToLongBits(value));
    }

    // SipHash-1-3

    private void word(long word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }

    private long end() {
        v2 ^= 0xff;
        round();
        round();
        round();
        return v0 ^ v1 ^ v2 ^ v3;
    }

    private void round() {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
    }

    private static int fold(long hash) {
        return (int) (hash ^ hash >>> 32);
    }
}
