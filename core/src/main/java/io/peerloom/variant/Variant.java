package io.peerloom.variant;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.IntFunction;

/**
 * A value that Godot can send: its {@code Variant}. Values are immutable, and {@code switch} takes
 * them apart by patterns:
 *
 * <pre>{@code
 * switch (peer.getVar()) {
 *     case Text(String name) -> world.rename(name);
 *     case Vector3(double x, double y, double z) -> world.move(x, y, z);
 *     case Dictionary order -> world.obey(order.get("action"), order.get("target"));
 *     case Variant other -> log.info("unknown message: {}", other);
 * }
 * }</pre>
 *
 * <p>{@link #of(Object)} converts numbers, strings, lists, maps and so on from Java, and {@link
 * #toJava()} converts back. The types have their names of Godot 4; some have other names in Godot
 * 3, such as {@code Quat}, {@code Transform} and {@code PoolIntArray}. Where Godot's name would
 * clash with one of Java's, the type has another name here: {@link Text} for {@code String}, {@link
 * Real} for {@code float}.
 *
 * <p>The components of vectors are of type {@code double}, because an engine may be built with
 * either precision. By default they are sent as {@code float}, and a component such as 0.1 arrives
 * as the nearest {@code float}.
 *
 * <p>Two values are equal if they are of the same type and their parts are equal. Numbers are
 * compared as {@link Double#equals} does: NaN is equal to itself, 0.0 is not equal to -0.0, and the
 * integer 1 is not equal to 1.0. The keys of a {@link Dictionary} are compared less strictly, as
 * the engine does. {@code hashCode} is another in each JVM, so that nobody can send values that are
 * chosen to have the same one: received values are safe keys of any hash map. {@code toString}
 * gives JSON as far as JSON goes, and otherwise what Godot's {@code var_to_str} gives.
 *
 * <p>This file is long because it is a catalogue: one small type after another, and a sealed type
 * has to name them all. What they have in common is elsewhere: hashes in {@code VariantHash}, text
 * in {@code VariantPrinter}, a dictionary's entries in {@code Entries}.
 */
public sealed interface Variant {
    /**
     * The types of values, in Godot 4's order, with their numbers in Godot 3 and 4. Godot: {@code
     * Variant.Type}.
     */
    enum Type {
        /** {@link Nil}. */
        NIL(0, 0, "Nil"),
        /** {@link Bool}. */
        BOOL(1, 1, "bool"),
        /** {@link Int}. */
        INT(2, 2, "int"),
        /** {@link Real}; Godot 3's {@code real}. */
        FLOAT(3, 3, "float"),
        /** {@link Text}. */
        STRING(4, 4, "String"),
        /** {@link Vector2}. */
        VECTOR2(5, 5, "Vector2"),
        /** {@link Vector2i}; not in Godot 3. */
        VECTOR2I(-1, 6, "Vector2i"),
        /** {@link Rect2}. */
        RECT2(6, 7, "Rect2"),
        /** {@link Rect2i}; not in Godot 3. */
        RECT2I(-1, 8, "Rect2i"),
        /** {@link Vector3}. */
        VECTOR3(7, 9, "Vector3"),
        /** {@link Vector3i}; not in Godot 3. */
        VECTOR3I(-1, 10, "Vector3i"),
        /** {@link Transform2D}. */
        TRANSFORM2D(8, 11, "Transform2D"),
        /** {@link Vector4}; not in Godot 3. */
        VECTOR4(-1, 12, "Vector4"),
        /** {@link Vector4i}; not in Godot 3. */
        VECTOR4I(-1, 13, "Vector4i"),
        /** {@link Plane}. */
        PLANE(9, 14, "Plane"),
        /** {@link Quaternion}; Godot 3's {@code Quat}. */
        QUATERNION(10, 15, "Quaternion"),
        /** {@link AABB}. */
        AABB(11, 16, "AABB"),
        /** {@link Basis}. */
        BASIS(12, 17, "Basis"),
        /** {@link Transform3D}; Godot 3's {@code Transform}. */
        TRANSFORM3D(13, 18, "Transform3D"),
        /** {@link Projection}; not in Godot 3. */
        PROJECTION(-1, 19, "Projection"),
        /** {@link Color}. */
        COLOR(14, 20, "Color"),
        /** {@link StringName}; not in Godot 3. */
        STRING_NAME(-1, 21, "StringName"),
        /** {@link NodePath}. */
        NODE_PATH(15, 22, "NodePath"),
        /** {@link RID}. */
        RID(16, 23, "RID"),
        /** {@link EncodedObjectAsID} and {@link FullObject}. */
        OBJECT(17, 24, "Object"),
        /** {@link Callable}; not in Godot 3. */
        CALLABLE(-1, 25, "Callable"),
        /** {@link Signal}; not in Godot 3. */
        SIGNAL(-1, 26, "Signal"),
        /** {@link Dictionary}. */
        DICTIONARY(18, 27, "Dictionary"),
        /** {@link Array}. */
        ARRAY(19, 28, "Array"),
        /** {@link PackedByteArray}; Godot 3's {@code PoolByteArray}. */
        PACKED_BYTE_ARRAY(20, 29, "PackedByteArray"),
        /** {@link PackedInt32Array}; Godot 3's {@code PoolIntArray}. */
        PACKED_INT32_ARRAY(21, 30, "PackedInt32Array"),
        /** {@link PackedInt64Array}; not in Godot 3. */
        PACKED_INT64_ARRAY(-1, 31, "PackedInt64Array"),
        /** {@link PackedFloat32Array}; Godot 3's {@code PoolRealArray}. */
        PACKED_FLOAT32_ARRAY(22, 32, "PackedFloat32Array"),
        /** {@link PackedFloat64Array}; not in Godot 3. */
        PACKED_FLOAT64_ARRAY(-1, 33, "PackedFloat64Array"),
        /** {@link PackedStringArray}; Godot 3's {@code PoolStringArray}. */
        PACKED_STRING_ARRAY(23, 34, "PackedStringArray"),
        /** {@link PackedVector2Array}; Godot 3's {@code PoolVector2Array}. */
        PACKED_VECTOR2_ARRAY(24, 35, "PackedVector2Array"),
        /** {@link PackedVector3Array}; Godot 3's {@code PoolVector3Array}. */
        PACKED_VECTOR3_ARRAY(25, 36, "PackedVector3Array"),
        /** {@link PackedColorArray}; Godot 3's {@code PoolColorArray}. */
        PACKED_COLOR_ARRAY(26, 37, "PackedColorArray"),
        /** {@link PackedVector4Array}; since Godot 4.3. */
        PACKED_VECTOR4_ARRAY(-1, 38, "PackedVector4Array");

        private final int godot3;
        private final int godot4;
        private final String text;

        Type(int godot3, int godot4, String text) {
            this.godot3 = godot3;
            this.godot4 = godot4;
            this.text = text;
        }

        /** {@return Godot 3's number of this type, or -1 if Godot 3 does not have it} */
        public int godot3() {
            return godot3;
        }

        /** {@return Godot 4's number of this type} */
        public int godot4() {
            return godot4;
        }

        /** {@return Godot 4's name of this type, such as {@code Vector2i}} */
        @Override
        public String toString() {
            return text;
        }
    }

    /** {@return the type of this value} Godot: {@code typeof}. */
    Type type();

    /**
     * Returns a boolean value.
     *
     * @param value the value
     * @return the value as a Variant
     */
    static Bool of(boolean value) {
        return new Bool(value);
    }

    /**
     * Returns an integer value.
     *
     * @param value the value
     * @return the value as a Variant
     */
    static Int of(long value) {
        return new Int(value);
    }

    /**
     * Returns a floating-point value.
     *
     * @param value the value
     * @return the value as a Variant
     */
    static Real of(double value) {
        return new Real(value);
    }

    /**
     * Converts a value of Java. Everything in it is copied.
     *
     * @param value null, a {@link Variant}, {@link Boolean}, a whole number ({@link Byte} to {@link
     *     Long}), {@link Float}, {@link Double}, a {@link CharSequence}; {@code byte[]}, {@code
     *     int[]}, {@code long[]}, {@code float[]}, {@code double[]} and {@code String[]}, which
     *     become packed arrays; a {@link Collection} or {@code Object[]} of any of these, which
     *     becomes an {@link Array}; or a {@link Map} of them, which becomes a {@link Dictionary}
     * @return the value as a Variant
     * @throws IllegalArgumentException if a part is of another class, which the message names, or
     *     if the value contains itself
     */
    static Variant of(Object value) {
        return of(value, 0);
    }

    private static Variant of(Object value, int depth) {
        if (depth > VariantCodec.MAX_DEPTH) {
            throw new IllegalArgumentException(
                    "deeper than " + VariantCodec.MAX_DEPTH + " levels, or holds itself");
        }
        if (value == null) {
            return Nil.NIL;
        } else if (value instanceof Variant variant) {
            return variant;
        } else if (value instanceof CharSequence text) {
            return new Text(text.toString());
        } else if (value instanceof Boolean truth) {
            return new Bool(truth);
        } else if (value instanceof Float || value instanceof Double) {
            return new Real(((Number) value).doubleValue());
        } else if (value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte) {
            return new Int(((Number) value).longValue());
        } else if (value instanceof byte[] array) {
            return PackedByteArray.of(array);
        } else if (value instanceof int[] array) {
            return PackedInt32Array.of(array);
        } else if (value instanceof long[] array) {
            return PackedInt64Array.of(array);
        } else if (value instanceof float[] array) {
            return PackedFloat32Array.of(array);
        } else if (value instanceof double[] array) {
            return PackedFloat64Array.of(array);
        } else if (value instanceof String[] array) {
            return new PackedStringArray(Arrays.asList(array));
        } else if (value instanceof Object[] array) {
            return of(Arrays.asList(array), depth);
        } else if (value instanceof Collection<?> elements) {
            var variants = new ArrayList<Variant>(elements.size());
            for (Object element : elements) {
                variants.add(of(element, depth + 1));
            }
            return new Array(variants);
        } else if (value instanceof Map<?, ?> entries) {
            return new Dictionary(Entries.of(entries, part -> of(part, depth + 1)));
        }
        throw new IllegalArgumentException(
                "Godot has no type for a " + value.getClass().getTypeName());
    }

    /**
     * Converts this value to what Java has for it: the inverse of {@link #of(Object)} as far as
     * there is one. Lists and maps are unmodifiable, and their elements are converted too.
     *
     * @return null, {@link Boolean}, {@link Long} or {@link Double}; a {@link String} for {@link
     *     Text} and {@link StringName}; a new {@code byte[]}, {@code int[]}, {@code long[]}, {@code
     *     float[]} or {@code double[]}; a {@link List} of strings, vectors or colors for other
     *     packed arrays; a {@link List} for an {@link Array}; a {@link Map} for a {@link
     *     Dictionary}, in its order, which finds a key as {@link Dictionary#entries()} does, by
     *     anything that {@link #of(Object)} converts to it; for other types the value itself
     */
    default Object toJava() {
        return this;
    }

    // Plain values

    /** The value of nothing: Godot's {@code null}. */
    record Nil() implements Variant {
        /** One that serves for all; any other is equal to it. */
        public static final Nil NIL = new Nil();

        @Override
        public Type type() {
            return Type.NIL;
        }

        @Override
        public Object toJava() {
            return null;
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * True or false: Godot's {@code bool}.
     *
     * @param value the value
     */
    record Bool(boolean value) implements Variant {
        @Override
        public Type type() {
            return Type.BOOL;
        }

        @Override
        public Object toJava() {
            return value;
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A whole number of 64 bits: Godot's {@code int}. It is sent in four bytes if they can hold it,
     * else in eight.
     *
     * @param value the value
     */
    record Int(long value) implements Variant {
        @Override
        public Type type() {
            return Type.INT;
        }

        @Override
        public Object toJava() {
            return value;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A floating-point number of 64 bits: Godot's {@code float}, {@code real} in Godot 3. It is
     * sent in four bytes if they can hold it exactly, else in eight; NaN takes eight.
     *
     * @param value the value
     */
    record Real(double value) implements Variant {
        @Override
        public Type type() {
            return Type.FLOAT;
        }

        @Override
        public Object toJava() {
            return value;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A text: Godot's {@code String}. An engine that receives it cuts it off at the first NUL.
     *
     * @param value the text
     */
    record Text(String value) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if the text is null
         */
        public Text {
            Objects.requireNonNull(value, "value");
        }

        @Override
        public Type type() {
            return Type.STRING;
        }

        @Override
        public Object toJava() {
            return value;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A name, for example of a signal or a method; Godot 4 only. As a key of a {@link Dictionary}
     * it is the same as a {@link Text}; since Godot 4.4, <code>{move = 7}</code> has such a key.
     *
     * @param value the name
     */
    record StringName(String value) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if the name is null
         */
        public StringName {
            Objects.requireNonNull(value, "value");
        }

        @Override
        public Type type() {
            return Type.STRING_NAME;
        }

        @Override
        public Object toJava() {
            return value;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * The path of a node, and perhaps of a property of it: {@code /root/Main:position:x}.
     *
     * @param names the names of the nodes, here {@code root} and {@code Main}
     * @param subnames the names of the properties, here {@code position} and {@code x}
     * @param absolute whether the path begins at the root, with a slash
     */
    record NodePath(List<String> names, List<String> subnames, boolean absolute)
            implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a list or a name is null
         */
        public NodePath {
            names = List.copyOf(names);
            subnames = List.copyOf(subnames);
        }

        /**
         * Parses a path.
         *
         * @param path names with slashes between them, then each property behind a colon; empty
         *     names and properties are left out
         * @return the path
         */
        public static NodePath of(String path) {
            int colon = path.indexOf(':');
            String nodes = colon < 0 ? path : path.substring(0, colon);
            return new NodePath(
                    split(nodes, '/'),
                    colon < 0 ? List.of() : split(path.substring(colon), ':'),
                    nodes.startsWith("/"));
        }

        private static List<String> split(String text, char separator) {
            var parts = new ArrayList<String>();
            for (int from = 0; from <= text.length(); ) {
                int end = text.indexOf(separator, from);
                end = end < 0 ? text.length() : end;
                if (end > from) {
                    parts.add(text.substring(from, end));
                }
                from = end + 1;
            }
            return parts;
        }

        /** {@return the path as Godot writes it} */
        public String path() {
            String nodes = (absolute ? "/" : "") + String.join("/", names);
            return subnames.isEmpty() ? nodes : nodes + ":" + String.join(":", subnames);
        }

        @Override
        public Type type() {
            return Type.NODE_PATH;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * The number of a resource within one engine, which means nothing to another engine.
     *
     * @param id the number; 0 in Godot 3, which does not send it
     */
    record RID(long id) implements Variant {
        @Override
        public Type type() {
            return Type.RID;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * The number of an object within one engine. An engine sends objects so unless it sends them
     * with {@code full_objects}. The number 0 is decoded as {@link Nil}.
     *
     * @param objectId Godot's {@code object_id}
     */
    record EncodedObjectAsID(long objectId) implements Variant {
        @Override
        public Type type() {
            return Type.OBJECT;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * An object with its properties. Only a codec with {@link VariantCodec#withFullObjects} encodes
     * and decodes it. An engine that accepts it creates an object of the class, gives it the script
     * that the property {@code script} names, and sets the other properties; the script's code
     * runs.
     *
     * @param className the class, not empty
     * @param properties the values of the properties by their names, in the order in which they are
     *     sent, except that {@code script} is sent first
     */
    record FullObject(String className, Map<String, Variant> properties) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws IllegalArgumentException if the name of the class is empty
         * @throws NullPointerException if the name, a property's name or its value is null
         */
        public FullObject {
            if (className.isEmpty()) {
                throw new IllegalArgumentException("an object without a class");
            }
            var copy = new LinkedHashMap<String, Variant>();
            properties.forEach((name, value) ->
                    copy.put(
                            Objects.requireNonNull(name, "name"),
                            Objects.requireNonNull(value, "value")));
            properties = Collections.unmodifiableMap(copy);
        }

        @Override
        public Type type() {
            return Type.OBJECT;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /** A method of an object; Godot 4 only. Nothing of it is sent but its type. */
    record Callable() implements Variant {
        @Override
        public Type type() {
            return Type.CALLABLE;
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A signal of an object; Godot 4 only.
     *
     * @param name the signal's name
     * @param objectId the object's number within its engine
     */
    record Signal(String name, long objectId) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if the name is null
         */
        public Signal {
            Objects.requireNonNull(name, "name");
        }

        @Override
        public Type type() {
            return Type.SIGNAL;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    // Geometry

    /**
     * A point or direction in the plane.
     *
     * @param x to the right
     * @param y down
     */
    record Vector2(double x, double y) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR2;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A point on a grid; Godot 4 only.
     *
     * @param x the first coordinate
     * @param y the second one
     */
    record Vector2i(int x, int y) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR2I;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A rectangle.
     *
     * @param position the corner it starts at
     * @param size its extent from there
     */
    record Rect2(Vector2 position, Vector2 size) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public Rect2 {
            Objects.requireNonNull(position, "position");
            Objects.requireNonNull(size, "size");
        }

        @Override
        public Type type() {
            return Type.RECT2;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A rectangle on a grid; Godot 4 only.
     *
     * @param position the corner it starts at
     * @param size its extent from there
     */
    record Rect2i(Vector2i position, Vector2i size) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public Rect2i {
            Objects.requireNonNull(position, "position");
            Objects.requireNonNull(size, "size");
        }

        @Override
        public Type type() {
            return Type.RECT2I;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A point or direction in space.
     *
     * @param x to the right
     * @param y up
     * @param z to the back
     */
    record Vector3(double x, double y, double z) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR3;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A point on a grid in space; Godot 4 only.
     *
     * @param x the first coordinate
     * @param y the second one
     * @param z the third one
     */
    record Vector3i(int x, int y, int z) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR3I;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * Four numbers; Godot 4 only.
     *
     * @param x the first one
     * @param y the second one
     * @param z the third one
     * @param w the fourth one
     */
    record Vector4(double x, double y, double z, double w) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR4;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * Four whole numbers; Godot 4 only.
     *
     * @param x the first one
     * @param y the second one
     * @param z the third one
     * @param w the fourth one
     */
    record Vector4i(int x, int y, int z, int w) implements Variant {
        @Override
        public Type type() {
            return Type.VECTOR4I;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A matrix of 2 by 3, given by its columns.
     *
     * @param x the image of the x axis
     * @param y the image of the y axis
     * @param origin the image of the origin
     */
    record Transform2D(Vector2 x, Vector2 y, Vector2 origin) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public Transform2D {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(y, "y");
            Objects.requireNonNull(origin, "origin");
        }

        @Override
        public Type type() {
            return Type.TRANSFORM2D;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A plane in space.
     *
     * @param normal a vector at right angles to the plane
     * @param d the plane's distance from the origin, along the normal
     */
    record Plane(Vector3 normal, double d) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if the vector is null
         */
        public Plane {
            Objects.requireNonNull(normal, "normal");
        }

        @Override
        public Type type() {
            return Type.PLANE;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A rotation; Godot 3's {@code Quat}.
     *
     * @param x the first imaginary part
     * @param y the second one
     * @param z the third one
     * @param w the real part
     */
    record Quaternion(double x, double y, double z, double w) implements Variant {
        @Override
        public Type type() {
            return Type.QUATERNION;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A box with its edges along the axes.
     *
     * @param position the corner it starts at
     * @param size its extent from there
     */
    record AABB(Vector3 position, Vector3 size) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public AABB {
            Objects.requireNonNull(position, "position");
            Objects.requireNonNull(size, "size");
        }

        @Override
        public Type type() {
            return Type.AABB;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A matrix of 3 by 3, given by its columns, as in Godot's constructor of three axes. It is sent
     * and printed by its rows.
     *
     * @param x the image of the x axis
     * @param y the image of the y axis
     * @param z the image of the z axis
     */
    record Basis(Vector3 x, Vector3 y, Vector3 z) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public Basis {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(y, "y");
            Objects.requireNonNull(z, "z");
        }

        @Override
        public Type type() {
            return Type.BASIS;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A matrix of 3 by 4; Godot 3's {@code Transform}.
     *
     * @param basis the images of the axes
     * @param origin the image of the origin
     */
    record Transform3D(Basis basis, Vector3 origin) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a part is null
         */
        public Transform3D {
            Objects.requireNonNull(basis, "basis");
            Objects.requireNonNull(origin, "origin");
        }

        @Override
        public Type type() {
            return Type.TRANSFORM3D;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A matrix of 4 by 4, given by its columns; Godot 4 only.
     *
     * @param x the first column
     * @param y the second one
     * @param z the third one
     * @param w the fourth one
     */
    record Projection(Vector4 x, Vector4 y, Vector4 z, Vector4 w) implements Variant {
        /**
         * Checks the parts.
         *
         * @throws NullPointerException if a vector is null
         */
        public Projection {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(y, "y");
            Objects.requireNonNull(z, "z");
            Objects.requireNonNull(w, "w");
        }

        @Override
        public Type type() {
            return Type.PROJECTION;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * A color. Its components are usually between 0 and 1, and are of type {@code float} in every
     * build of the engine.
     *
     * @param r red
     * @param g green
     * @param b blue
     * @param a opacity
     */
    record Color(float r, float g, float b, float a) implements Variant {
        @Override
        public Type type() {
            return Type.COLOR;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    // Containers

    /**
     * The declared type of an array's elements, or of a dictionary's keys or values: any values,
     * those of one type, or objects of one class or script. Where objects are declared, null is
     * allowed too.
     *
     * @param kind what the declaration is about
     * @param type the type; {@link Type#NIL} for any values
     * @param name the name of the class or the path of the script; empty for the other kinds
     */
    record ContainerType(Kind kind, Type type, String name) {
        /** What a declaration is about. */
        public enum Kind {
            /** Nothing: any values are allowed. */
            NONE(0),
            /** A type other than that of objects. */
            BUILTIN(1),
            /** A class of objects. */
            CLASS(2),
            /** A script of objects. */
            SCRIPT(3);

            private final int value;

            Kind(int value) {
                this.value = value;
            }

            /** {@return Godot's number of this kind} */
            public int value() {
                return value;
            }
        }

        /** Any values. */
        public static final ContainerType ANY = new ContainerType(Kind.NONE, Type.NIL, "");

        /** Objects by their numbers: what a codec without full objects makes of every class. */
        public static final ContainerType ENCODED_OBJECT = ofClass("EncodedObjectAsID");

        /**
         * Checks the parts.
         *
         * @throws IllegalArgumentException if they do not fit together
         */
        public ContainerType {
            boolean named = kind == Kind.CLASS || kind == Kind.SCRIPT;
            boolean fits =
                    named
                            ? type == Type.OBJECT
                            : (kind == Kind.NONE) == (type == Type.NIL) && type != Type.OBJECT;
            if (!fits || named == name.isEmpty()) {
                throw new IllegalArgumentException(kind + " with " + type + " \"" + name + "\"");
            }
        }

        /**
         * Returns the declaration of a type.
         *
         * @param type the type, not {@link Type#NIL}; {@link Type#OBJECT} is the class Object
         * @return the declaration
         * @throws IllegalArgumentException for {@link Type#NIL}
         */
        public static ContainerType of(Type type) {
            return type == Type.OBJECT
                    ? ofClass("Object")
                    : new ContainerType(Kind.BUILTIN, type, "");
        }

        /**
         * Returns the declaration of a class of objects.
         *
         * @param name the class, not empty
         * @return the declaration
         */
        public static ContainerType ofClass(String name) {
            return new ContainerType(Kind.CLASS, Type.OBJECT, name);
        }

        /**
         * Returns the declaration of objects with a script.
         *
         * @param path the path of the script, such as {@code res://enemy.gd}
         * @return the declaration
         */
        public static ContainerType ofScript(String path) {
            return new ContainerType(Kind.SCRIPT, Type.OBJECT, path);
        }

        /**
         * Whether a value is of the declared type. Classes and scripts of objects are not compared.
         *
         * @param value the value
         * @return whether it may be an element
         */
        public boolean accepts(Variant value) {
            return kind == Kind.NONE
                    || value.type() == type
                    || (type == Type.OBJECT && value.type() == Type.NIL);
        }

        private void check(Iterable<Variant> values) {
            if (kind != Kind.NONE) {
                for (Variant value : values) {
                    if (!accepts(value)) {
                        throw new IllegalArgumentException(value.type() + " among " + this);
                    }
                }
            }
        }

        /** {@return what stands in the brackets of Godot's {@code Array[int]}} */
        @Override
        public String toString() {
            return switch (kind) {
                case NONE -> "Variant";
                case BUILTIN -> type.toString();
                case CLASS, SCRIPT -> name;
            };
        }
    }

    /**
     * A list of values.
     *
     * @param elements the values
     * @param elementType the declared type of the elements; Godot has typed arrays since 4.0, and
     *     sends the type since 4.3
     */
    record Array(List<Variant> elements, ContainerType elementType) implements Variant {
        /**
         * Copies the list.
         *
         * @throws IllegalArgumentException if an element is of another type
         * @throws NullPointerException if an element is null
         */
        public Array {
            elements = List.copyOf(elements);
            elementType.check(elements);
        }

        /**
         * Copies the list, and declares no type.
         *
         * @param elements the values
         */
        public Array(List<Variant> elements) {
            this(elements, ContainerType.ANY);
        }

        /** {@return how many elements there are} */
        public int size() {
            return elements.size();
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element
         * @throws IndexOutOfBoundsException if there is none
         */
        public Variant get(int index) {
            return elements.get(index);
        }

        @Override
        public Type type() {
            return Type.ARRAY;
        }

        @Override
        public Object toJava() {
            var list = new ArrayList<Object>(elements.size());
            for (Variant element : elements) {
                list.add(element.toJava());
            }
            return Collections.unmodifiableList(list);
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * Values by their keys, which may be values of any type, in the order in which they were put
     * in.
     *
     * <p>A key is found as Godot 4.6 finds it, whether by {@link #get} or in {@link #entries}:
     *
     * <ul>
     *   <li>A {@link Text} and a {@link StringName} with the same text are the same key. Within an
     *       array that is a key they differ.
     *   <li>0.0 and -0.0 are the same key, and so are all NaN, also as components and elements. (In
     *       the engine, a key with a NaN within an array or a dictionary is never found.)
     *   <li>Values of other types are other keys: the integer 1 and 1.0, a {@link Vector2} and a
     *       {@link Vector2i}, an array and a packed array. What elements are declared to be does
     *       not matter.
     *   <li>Dictionaries are the same key if their entries are the same in the same order.
     * </ul>
     *
     * <p>Of several entries with the same key, the first key stays in its place, with the last
     * value. Two dictionaries are equal if they have the same keys in this sense, in any order,
     * with equal values, and the same declared types. Finding a key takes the same time whatever
     * the keys are.
     *
     * @param entries the values by their keys, as an unmodifiable map
     * @param keyType the declared type of the keys; typed dictionaries came with Godot 4.4
     * @param valueType the declared type of the values
     */
    record Dictionary(Map<Variant, Variant> entries, ContainerType keyType, ContainerType valueType)
            implements Variant {
        /**
         * Copies the map.
         *
         * @throws IllegalArgumentException if a key or value is of another type
         * @throws NullPointerException if a key or value is null
         */
        public Dictionary {
            entries = Entries.copyOf(entries);
            keyType.check(entries.keySet());
            valueType.check(entries.values());
        }

        /**
         * Copies the map, and declares no types.
         *
         * @param entries the values by their keys
         */
        public Dictionary(Map<Variant, Variant> entries) {
            this(entries, ContainerType.ANY, ContainerType.ANY);
        }

        /** {@return how many entries there are} */
        public int size() {
            return entries.size();
        }

        /**
         * Returns the value of a key. Where keys are declared to be numbers, either type of number
         * finds them, as in the engine: {@code get(1)} finds 1.0. Godot: {@code get}.
         *
         * @param key the key, of any class that {@link Variant#of(Object)} converts
         * @return its value, {@link Nil} if there is none
         * @throws IllegalArgumentException if the key is of another class
         */
        public Variant get(Object key) {
            Variant sought = of(key);
            if (keyType.type() == Type.FLOAT && sought instanceof Int(long whole)) {
                sought = new Real(whole);
            } else if (keyType.type() == Type.INT
                    && sought instanceof Real(double number)
                    && (long) number == number) {
                sought = new Int((long) number);
            }
            Variant value = entries.get(sought);
            return value == null ? Nil.NIL : value;
        }

        @Override
        public Type type() {
            return Type.DICTIONARY;
        }

        @Override
        public Object toJava() {
            return Entries.of(this).toJava();
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    // Packed arrays

    /**
     * An array of numbers, vectors or colors, which are not kept as objects. Two packed arrays are
     * equal if they are of the same type and their elements have the same bits.
     */
    abstract sealed class Packed implements Variant {
        static final VarHandle INT =
                MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
        static final VarHandle LONG =
                MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
        static final VarHandle FLOAT =
                MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);
        static final VarHandle DOUBLE =
                MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);

        /** The elements as they are sent. Never changed. */
        final byte[] raw;

        /** How many bytes an element has. */
        final int stride;

        private Packed(byte[] raw, int stride) {
            this.raw = raw;
            this.stride = stride;
        }

        /** A list that makes each element when it is asked for it. */
        private static final class Elements<V> extends AbstractList<V> implements RandomAccess {
            private final int size;
            private final IntFunction<V> get;

            Elements(int size, IntFunction<V> get) {
                this.size = size;
                this.get = get;
            }

            @Override
            public V get(int index) {
                return get.apply(index);
            }

            @Override
            public int size() {
                return size;
            }
        }

        static byte[] room(int count, int stride) {
            return new byte[Math.multiplyExact(count, stride)];
        }

        static ByteBuffer view(byte[] raw) {
            return ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** Where an element starts. */
        final int at(int index) {
            return Objects.checkIndex(index, size()) * stride;
        }

        /** {@return how many elements there are} */
        public final int size() {
            return raw.length / stride;
        }

        /** Whether the floating-point numbers of this array have eight bytes, not four. */
        boolean wide() {
            return false;
        }

        /** How many floating-point numbers an array that is made of them has. */
        final int reals() {
            return raw.length / (wide() ? Double.BYTES : Float.BYTES);
        }

        /** One of the floating-point numbers that an array is made of. */
        final double real(int index) {
            return wide()
                    ? (double) DOUBLE.get(raw, index * Double.BYTES)
                    : (float) FLOAT.get(raw, index * Float.BYTES);
        }

        @Override
        public final boolean equals(Object other) {
            return other instanceof Packed packed
                    && type() == packed.type()
                    && stride == packed.stride
                    && Arrays.equals(raw, packed.raw);
        }

        @Override
        public final int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public final String toString() {
            return VariantPrinter.print(this);
        }
    }

    /** An array of bytes; Godot 3's {@code PoolByteArray}. */
    final class PackedByteArray extends Packed {
        PackedByteArray(byte[] raw) {
            super(raw, Byte.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements; copied
         * @return the array
         */
        public static PackedByteArray of(byte... values) {
            return new PackedByteArray(values.clone());
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element, 0 to 255 as in Godot
         * @throws IndexOutOfBoundsException if there is none
         */
        public int get(int index) {
            return raw[index] & 0xff;
        }

        /** {@return the elements in a new array} */
        public byte[] toArray() {
            return raw.clone();
        }

        /** {@return the elements in a read-only buffer; not a copy} */
        public ByteBuffer asByteBuffer() {
            return ByteBuffer.wrap(raw).asReadOnlyBuffer();
        }

        @Override
        public Type type() {
            return Type.PACKED_BYTE_ARRAY;
        }

        @Override
        public Object toJava() {
            return toArray();
        }
    }

    /** An array of {@code int}; Godot 3's {@code PoolIntArray}. */
    final class PackedInt32Array extends Packed {
        PackedInt32Array(byte[] raw) {
            super(raw, Integer.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements; copied
         * @return the array
         */
        public static PackedInt32Array of(int... values) {
            byte[] raw = room(values.length, Integer.BYTES);
            view(raw).asIntBuffer().put(values);
            return new PackedInt32Array(raw);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element
         * @throws IndexOutOfBoundsException if there is none
         */
        public int get(int index) {
            return (int) INT.get(raw, at(index));
        }

        /** {@return the elements in a new array} */
        public int[] toArray() {
            int[] values = new int[size()];
            view(raw).asIntBuffer().get(values);
            return values;
        }

        @Override
        public Type type() {
            return Type.PACKED_INT32_ARRAY;
        }

        @Override
        public Object toJava() {
            return toArray();
        }
    }

    /** An array of {@code long}; Godot 4 only. */
    final class PackedInt64Array extends Packed {
        PackedInt64Array(byte[] raw) {
            super(raw, Long.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements; copied
         * @return the array
         */
        public static PackedInt64Array of(long... values) {
            byte[] raw = room(values.length, Long.BYTES);
            view(raw).asLongBuffer().put(values);
            return new PackedInt64Array(raw);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element
         * @throws IndexOutOfBoundsException if there is none
         */
        public long get(int index) {
            return (long) LONG.get(raw, at(index));
        }

        /** {@return the elements in a new array} */
        public long[] toArray() {
            long[] values = new long[size()];
            view(raw).asLongBuffer().get(values);
            return values;
        }

        @Override
        public Type type() {
            return Type.PACKED_INT64_ARRAY;
        }

        @Override
        public Object toJava() {
            return toArray();
        }
    }

    /** An array of {@code float}; Godot 3's {@code PoolRealArray}. */
    final class PackedFloat32Array extends Packed {
        PackedFloat32Array(byte[] raw) {
            super(raw, Float.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements; copied
         * @return the array
         */
        public static PackedFloat32Array of(float... values) {
            byte[] raw = room(values.length, Float.BYTES);
            view(raw).asFloatBuffer().put(values);
            return new PackedFloat32Array(raw);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element
         * @throws IndexOutOfBoundsException if there is none
         */
        public float get(int index) {
            return (float) FLOAT.get(raw, at(index));
        }

        /** {@return the elements in a new array} */
        public float[] toArray() {
            float[] values = new float[size()];
            view(raw).asFloatBuffer().get(values);
            return values;
        }

        @Override
        public Type type() {
            return Type.PACKED_FLOAT32_ARRAY;
        }

        @Override
        public Object toJava() {
            return toArray();
        }
    }

    /** An array of {@code double}; Godot 4 only. */
    final class PackedFloat64Array extends Packed {
        PackedFloat64Array(byte[] raw) {
            super(raw, Double.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements; copied
         * @return the array
         */
        public static PackedFloat64Array of(double... values) {
            byte[] raw = room(values.length, Double.BYTES);
            view(raw).asDoubleBuffer().put(values);
            return new PackedFloat64Array(raw);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element
         * @throws IndexOutOfBoundsException if there is none
         */
        public double get(int index) {
            return (double) DOUBLE.get(raw, at(index));
        }

        /** {@return the elements in a new array} */
        public double[] toArray() {
            double[] values = new double[size()];
            view(raw).asDoubleBuffer().get(values);
            return values;
        }

        @Override
        boolean wide() {
            return true;
        }

        @Override
        public Type type() {
            return Type.PACKED_FLOAT64_ARRAY;
        }

        @Override
        public Object toJava() {
            return toArray();
        }
    }

    /**
     * An array of strings; Godot 3's {@code PoolStringArray}.
     *
     * @param elements the strings
     */
    record PackedStringArray(List<String> elements) implements Variant {
        /**
         * Copies the list.
         *
         * @throws NullPointerException if a string is null
         */
        public PackedStringArray {
            elements = List.copyOf(elements);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param values the elements
         * @return the array
         */
        public static PackedStringArray of(String... values) {
            return new PackedStringArray(Arrays.asList(values));
        }

        @Override
        public Type type() {
            return Type.PACKED_STRING_ARRAY;
        }

        @Override
        public Object toJava() {
            return elements;
        }

        @Override
        public int hashCode() {
            return VariantHash.of(this);
        }

        @Override
        public String toString() {
            return VariantPrinter.print(this);
        }
    }

    /**
     * An array of vectors. Their components are kept as {@code float} if that loses nothing, else
     * as {@code double}.
     *
     * @param <V> the class of the vectors
     */
    abstract sealed class PackedVectorArray<V extends Variant> extends Packed {
        /** How many components a vector has. */
        final int dimensions;

        private PackedVectorArray(byte[] narrowed, boolean wide, int dimensions) {
            super(narrowed, dimensions * (wide ? Double.BYTES : Float.BYTES));
            this.dimensions = dimensions;
        }

        @Override
        final boolean wide() {
            return stride == dimensions * Double.BYTES;
        }

        /** Makes an array of components of eight bytes, or of four if that is enough for all. */
        static <A> A narrow(byte[] wide, Maker<A> maker) {
            for (int at = 0; at < wide.length; at += Double.BYTES) {
                double value = (double) DOUBLE.get(wide, at);
                if ((float) value != value && !Double.isNaN(value)) {
                    return maker.make(wide, true);
                }
            }
            var narrow = new byte[wide.length / 2];
            for (int at = 0; at < narrow.length; at += Float.BYTES) {
                FLOAT.set(narrow, at, (float) (double) DOUBLE.get(wide, 2 * at));
            }
            return maker.make(narrow, false);
        }

        /** A constructor. */
        interface Maker<A> {
            A make(byte[] raw, boolean wide);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element, made for this call
         * @throws IndexOutOfBoundsException if there is none
         */
        public abstract V get(int index);

        /**
         * {@return the elements as an unmodifiable list, which makes each one when it is asked for
         * it}
         */
        public final List<V> asList() {
            return new Packed.Elements<>(size(), this::get);
        }

        @Override
        public final Object toJava() {
            return asList();
        }
    }

    /** An array of {@link Vector2}; Godot 3's {@code PoolVector2Array}. */
    final class PackedVector2Array extends PackedVectorArray<Vector2> {
        PackedVector2Array(byte[] raw, boolean wide) {
            super(raw, wide, 2);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param vectors the elements
         * @return the array
         */
        public static PackedVector2Array of(Vector2... vectors) {
            byte[] raw = room(vectors.length, 2 * Double.BYTES);
            ByteBuffer buffer = view(raw);
            for (Vector2 v : vectors) {
                buffer.putDouble(v.x()).putDouble(v.y());
            }
            return narrow(raw, PackedVector2Array::new);
        }

        @Override
        public Vector2 get(int index) {
            int i = 2 * Objects.checkIndex(index, size());
            return new Vector2(real(i), real(i + 1));
        }

        @Override
        public Type type() {
            return Type.PACKED_VECTOR2_ARRAY;
        }
    }

    /** An array of {@link Vector3}; Godot 3's {@code PoolVector3Array}. */
    final class PackedVector3Array extends PackedVectorArray<Vector3> {
        PackedVector3Array(byte[] raw, boolean wide) {
            super(raw, wide, 3);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param vectors the elements
         * @return the array
         */
        public static PackedVector3Array of(Vector3... vectors) {
            byte[] raw = room(vectors.length, 3 * Double.BYTES);
            ByteBuffer buffer = view(raw);
            for (Vector3 v : vectors) {
                buffer.putDouble(v.x()).putDouble(v.y()).putDouble(v.z());
            }
            return narrow(raw, PackedVector3Array::new);
        }

        @Override
        public Vector3 get(int index) {
            int i = 3 * Objects.checkIndex(index, size());
            return new Vector3(real(i), real(i + 1), real(i + 2));
        }

        @Override
        public Type type() {
            return Type.PACKED_VECTOR3_ARRAY;
        }
    }

    /** An array of {@link Vector4}; since Godot 4.3. */
    final class PackedVector4Array extends PackedVectorArray<Vector4> {
        PackedVector4Array(byte[] raw, boolean wide) {
            super(raw, wide, 4);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param vectors the elements
         * @return the array
         */
        public static PackedVector4Array of(Vector4... vectors) {
            byte[] raw = room(vectors.length, 4 * Double.BYTES);
            ByteBuffer buffer = view(raw);
            for (Vector4 v : vectors) {
                buffer.putDouble(v.x()).putDouble(v.y()).putDouble(v.z()).putDouble(v.w());
            }
            return narrow(raw, PackedVector4Array::new);
        }

        @Override
        public Vector4 get(int index) {
            int i = 4 * Objects.checkIndex(index, size());
            return new Vector4(real(i), real(i + 1), real(i + 2), real(i + 3));
        }

        @Override
        public Type type() {
            return Type.PACKED_VECTOR4_ARRAY;
        }
    }

    /** An array of colors; Godot 3's {@code PoolColorArray}. */
    final class PackedColorArray extends Packed {
        PackedColorArray(byte[] raw) {
            super(raw, 4 * Float.BYTES);
        }

        /**
         * Returns an array of the given elements.
         *
         * @param colors the elements
         * @return the array
         */
        public static PackedColorArray of(Color... colors) {
            byte[] raw = room(colors.length, 4 * Float.BYTES);
            ByteBuffer buffer = view(raw);
            for (Color c : colors) {
                buffer.putFloat(c.r()).putFloat(c.g()).putFloat(c.b()).putFloat(c.a());
            }
            return new PackedColorArray(raw);
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return the element, made for this call
         * @throws IndexOutOfBoundsException if there is none
         */
        public Color get(int index) {
            int at = at(index);
            return new Color(
                    (float) FLOAT.get(raw, at),
                    (float) FLOAT.get(raw, at + 4),
                    (float) FLOAT.get(raw, at + 8),
                    (float) FLOAT.get(raw, at + 12));
        }

        /**
         * {@return the elements as an unmodifiable list, which makes each one when it is asked for
         * it}
         */
        public List<Color> asList() {
            return new Packed.Elements<>(size(), this::get);
        }

        @Override
        public Type type() {
            return Type.PACKED_COLOR_ARRAY;
        }

        @Override
        public Object toJava() {
            return asList();
        }
    }
}
