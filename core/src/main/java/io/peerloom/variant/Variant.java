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
 * A value of Godot: its {@code Variant}. Immutable, comparable with {@code equals}, and to be taken
 * apart by patterns:
 *
 * <pre>{@code
 * switch (peer.getVar()) {
 *     case Text(String name) -> world.rename(name);
 *     case Vector3(double x, double y, double z) -> world.move(x, y, z);
 *     case Dictionary order -> world.obey(order.get("action"), order.get("target"));
 *     case Variant other -> log.info("not understood: {}", other);
 * }
 * }</pre>
 *
 * <p>{@link #of(Object)} makes one of what Java has for it, and {@link #toJava()} is the way back.
 * The types are those of Godot 4 by their names there, which Godot 3 partly calls otherwise: {@code
 * Quat}, {@code Transform}, {@code PoolIntArray}. Where a name of Godot is one of Java's, another
 * stands here: {@link Text} for {@code String}, {@link Real} for {@code float}.
 *
 * <p>Vectors and what is made of them have components of type {@code double}, which hold what
 * either kind of Godot sends; by default they travel as {@code float}, and a component such as 0.1
 * comes back as the nearest {@code float}.
 *
 * <p>Two values are equal if they are of the same type and their parts are; numbers are compared as
 * {@link Double#equals} does, so that NaN is equal to itself, and 1 is not equal to 1.0. The text
 * of {@code toString} is JSON as far as JSON goes, and what {@code var_to_str} prints for the rest.
 */
public sealed interface Variant {
    /**
     * The types, in Godot 4's order, with the numbers that both generations give to them. Godot:
     * {@code Variant.Type}.
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

        /** {@return what Godot 4 calls it, such as {@code Vector2i}} */
        @Override
        public String toString() {
            return text;
        }
    }

    /** {@return the type of this value} Godot: {@code typeof}. */
    Type type();

    /**
     * Makes a truth value.
     *
     * @param value the value
     * @return it
     */
    static Bool of(boolean value) {
        return new Bool(value);
    }

    /**
     * Makes an integer.
     *
     * @param value the value
     * @return it
     */
    static Int of(long value) {
        return new Int(value);
    }

    /**
     * Makes a floating-point number.
     *
     * @param value the value
     * @return it
     */
    static Real of(double value) {
        return new Real(value);
    }

    /**
     * Makes a value of one of Java's.
     *
     * @param value null, a {@link Variant}, {@link Boolean}, a whole number ({@link Byte} to {@link
     *     Long}), {@link Float}, {@link Double}, a {@link CharSequence}; {@code byte[]}, {@code
     *     int[]}, {@code long[]}, {@code float[]}, {@code double[]} and {@code String[]}, which
     *     become packed arrays; a {@link Collection} or {@code Object[]}, which become an {@link
     *     Array}, or a {@link Map}, of any of these. All of it is copied
     * @return the value
     * @throws IllegalArgumentException if it is of another class, named in the message, or holds
     *     itself
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
     * What Java has for this value: the inverse of {@link #of(Object)} as far as there is one.
     *
     * @return null, {@link Boolean}, {@link Long}, {@link Double}; a {@link String} for {@link
     *     Text} and {@link StringName}; a new {@code byte[]}, {@code int[]}, {@code long[]}, {@code
     *     float[]} or {@code double[]}; a list of strings, vectors or colors; a new {@link List}
     *     for {@link Array} and a new {@link Map} that keeps the order for {@link Dictionary}, with
     *     their elements made so too; anything else is itself
     */
    default Object toJava() {
        return this;
    }

    // Plain values

    /** No value: Godot's {@code null}. */
    record Nil() implements Variant {
        /** One for all; any other is equal to it. */
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
     * Godot's {@code bool}.
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
     * Godot's {@code int}, which has 64 bits. It travels in four bytes if they hold it, else in
     * eight.
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
     * Godot's {@code float} ({@code real} in Godot 3), which has 64 bits. It travels in four bytes
     * if nothing is lost by it, else in eight; NaN takes eight.
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
     * Godot's {@code String}. A Godot that receives it ends it at its first NUL.
     *
     * @param value the text
     */
    record Text(String value) implements Variant {
        /**
         * Makes one.
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
     * A name, as of a signal or a method; Godot 4 only.
     *
     * @param value the name
     */
    record StringName(String value) implements Variant {
        /**
         * Makes one.
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
     * Where a node is, and perhaps one of its properties: {@code /root/Main:position:x}.
     *
     * @param names the nodes on the way, {@code root} and {@code Main}
     * @param subnames the properties, {@code position} and {@code x}
     * @param absolute whether it begins at the root, with a slash
     */
    record NodePath(List<String> names, List<String> subnames, boolean absolute)
            implements Variant {
        /**
         * Makes one.
         *
         * @throws NullPointerException if a list or a name is null
         */
        public NodePath {
            names = List.copyOf(names);
            subnames = List.copyOf(subnames);
        }

        /**
         * Reads a path.
         *
         * @param path names, each behind a slash but the first, and properties, each behind a
         *     colon; empty ones are left out
         * @return it
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
     * The number of a resource of an engine's servers, which means nothing to another engine.
     *
     * @param id the number; Godot 3 does not send it, and it is 0 then
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
     * An object of an engine, by its number there; what becomes of an object that is sent without
     * {@code full_objects}. Where it is 0, {@link Nil} is received.
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
     * An object with all that it holds, which only a codec with {@link
     * VariantCodec#withFullObjects} reads and writes. An engine that takes such a thing makes an
     * object of that class, and runs the script that is among its properties.
     *
     * @param className the class, not empty
     * @param properties by their names, in order
     */
    record FullObject(String className, Map<String, Variant> properties) implements Variant {
        /**
         * Makes one.
         *
         * @throws IllegalArgumentException if the name of the class is empty
         * @throws NullPointerException if anything is null
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

    /** A method of an object, of which nothing travels but that it was one; Godot 4 only. */
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
     * @param name its name
     * @param objectId the object's number in its engine
     */
    record Signal(String name, long objectId) implements Variant {
        /**
         * Makes one.
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
     * A point or direction of the plane.
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
     * A point of a grid; Godot 4 only.
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
     * @param position its corner
     * @param size from there
     */
    record Rect2(Vector2 position, Vector2 size) implements Variant {
        /**
         * Makes one.
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
     * A rectangle of a grid; Godot 4 only.
     *
     * @param position its corner
     * @param size from there
     */
    record Rect2i(Vector2i position, Vector2i size) implements Variant {
        /**
         * Makes one.
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
     * A point or direction of space.
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
     * A point of a grid in space; Godot 4 only.
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
     * A matrix of 2 by 3, by its columns.
     *
     * @param x where the x axis goes
     * @param y where the y axis goes
     * @param origin where the origin goes
     */
    record Transform2D(Vector2 x, Vector2 y, Vector2 origin) implements Variant {
        /**
         * Makes one.
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
     * A plane of space.
     *
     * @param normal at right angles to it
     * @param d how far it is from the origin, along the normal
     */
    record Plane(Vector3 normal, double d) implements Variant {
        /**
         * Makes one.
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
     * A box, its sides along the axes.
     *
     * @param position its corner
     * @param size from there
     */
    record AABB(Vector3 position, Vector3 size) implements Variant {
        /**
         * Makes one.
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
     * A matrix of 3 by 3, by its columns, as Godot's constructor of three axes takes it; it travels
     * and is printed by its rows.
     *
     * @param x where the x axis goes
     * @param y where the y axis goes
     * @param z where the z axis goes
     */
    record Basis(Vector3 x, Vector3 y, Vector3 z) implements Variant {
        /**
         * Makes one.
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
     * @param basis where the axes go
     * @param origin where the origin goes
     */
    record Transform3D(Basis basis, Vector3 origin) implements Variant {
        /**
         * Makes one.
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
     * A matrix of 4 by 4, by its columns; Godot 4 only.
     *
     * @param x the first column
     * @param y the second one
     * @param z the third one
     * @param w the fourth one
     */
    record Projection(Vector4 x, Vector4 y, Vector4 z, Vector4 w) implements Variant {
        /**
         * Makes one.
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
     * A color; its parts are usually 0 to 1, and are of type {@code float} in every Godot.
     *
     * @param r red
     * @param g green
     * @param b blue
     * @param a how opaque it is
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
     * What the elements of an array, the keys or the values of a dictionary have to be: any, those
     * of one type, or objects of one class or script. Null where it is about objects is always
     * allowed.
     *
     * @param kind how they are bound
     * @param type the type; {@link Type#NIL} for any
     * @param name the name of the class or the path of the script; empty with the other kinds
     */
    record ContainerType(Kind kind, Type type, String name) {
        /** How the elements are bound. */
        public enum Kind {
            /** Not at all. */
            NONE(0),
            /** By a type that is not that of objects. */
            BUILTIN(1),
            /** By a class. */
            CLASS(2),
            /** By a script. */
            SCRIPT(3);

            private final int value;

            Kind(int value) {
                this.value = value;
            }

            /** {@return Godot's number for it} */
            public int value() {
                return value;
            }
        }

        /** Any elements. */
        public static final ContainerType ANY = new ContainerType(Kind.NONE, Type.NIL, "");

        /**
         * Objects by their numbers: what every class or script becomes in a codec without full
         * objects.
         */
        public static final ContainerType ENCODED_OBJECT = ofClass("EncodedObjectAsID");

        /**
         * Checks that the parts belong together.
         *
         * @throws IllegalArgumentException if they do not
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
         * Elements of one type.
         *
         * @param type the type, not {@link Type#NIL}; {@link Type#OBJECT} is the class Object
         * @return it
         * @throws IllegalArgumentException for {@link Type#NIL}
         */
        public static ContainerType of(Type type) {
            return type == Type.OBJECT
                    ? ofClass("Object")
                    : new ContainerType(Kind.BUILTIN, type, "");
        }

        /**
         * Objects of a class.
         *
         * @param name its name, not empty
         * @return it
         */
        public static ContainerType ofClass(String name) {
            return new ContainerType(Kind.CLASS, Type.OBJECT, name);
        }

        /**
         * Objects with a script.
         *
         * @param path where the script is, such as {@code res://enemy.gd}
         * @return it
         */
        public static ContainerType ofScript(String path) {
            return new ContainerType(Kind.SCRIPT, Type.OBJECT, path);
        }

        /**
         * Whether a value may be an element, as far as its type tells.
         *
         * @param value the value
         * @return false if it is of another type
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
     * @param elementType what they have to be; Godot has typed arrays since 4.0 and sends their
     *     type since 4.3
     */
    record Array(List<Variant> elements, ContainerType elementType) implements Variant {
        /**
         * Makes one of a copy of the list.
         *
         * @throws IllegalArgumentException if an element is of another type
         * @throws NullPointerException if an element is null
         */
        public Array {
            elements = List.copyOf(elements);
            elementType.check(elements);
        }

        /**
         * Makes one of any elements.
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
         * @return it
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
     * Values by their keys, which are values too, in the order in which they were put in.
     *
     * @param entries the values by their keys
     * @param keyType what the keys have to be; typed dictionaries are Godot 4.4's
     * @param valueType what the values have to be
     */
    record Dictionary(Map<Variant, Variant> entries, ContainerType keyType, ContainerType valueType)
            implements Variant {
        /**
         * Makes one of a copy of the map.
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
         * Makes one of any keys and values.
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
         * Returns the value of a key. Godot: {@code get}.
         *
         * @param key the key, of any class that {@link Variant#of(Object)} takes
         * @return its value, {@link Nil} if there is none
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
     * Many numbers, vectors or colors of one type, without an object for each. Two of them are
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

        /** The elements as they travel. Never changed. */
        final byte[] raw;

        /** How many bytes an element has. */
        final int stride;

        private Packed(byte[] raw, int stride) {
            this.raw = raw;
            this.stride = stride;
        }

        /** What {@code asList} gives. */
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

        /** Where an element begins. */
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

    /** Bytes; Godot 3's {@code PoolByteArray}. */
    final class PackedByteArray extends Packed {
        PackedByteArray(byte[] raw) {
            super(raw, Byte.BYTES);
        }

        /**
         * Makes one.
         *
         * @param values its elements; copied
         * @return it
         */
        public static PackedByteArray of(byte... values) {
            return new PackedByteArray(values.clone());
        }

        /**
         * Returns an element.
         *
         * @param index which one, from 0 on
         * @return it, 0 to 255 as in Godot
         * @throws IndexOutOfBoundsException if there is none
         */
        public int get(int index) {
            return raw[index] & 0xff;
        }

        /** {@return the elements in a new array} */
        public byte[] toArray() {
            return raw.clone();
        }

        /** {@return the elements in a buffer that cannot be written to; not a copy} */
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

    /** Numbers of type {@code int}; Godot 3's {@code PoolIntArray}. */
    final class PackedInt32Array extends Packed {
        PackedInt32Array(byte[] raw) {
            super(raw, Integer.BYTES);
        }

        /**
         * Makes one.
         *
         * @param values its elements; copied
         * @return it
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
         * @return it
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

    /** Numbers of type {@code long}; Godot 4 only. */
    final class PackedInt64Array extends Packed {
        PackedInt64Array(byte[] raw) {
            super(raw, Long.BYTES);
        }

        /**
         * Makes one.
         *
         * @param values its elements; copied
         * @return it
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
         * @return it
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

    /** Numbers of type {@code float}; Godot 3's {@code PoolRealArray}. */
    final class PackedFloat32Array extends Packed {
        PackedFloat32Array(byte[] raw) {
            super(raw, Float.BYTES);
        }

        /**
         * Makes one.
         *
         * @param values its elements; copied
         * @return it
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
         * @return it
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

    /** Numbers of type {@code double}; Godot 4 only. */
    final class PackedFloat64Array extends Packed {
        PackedFloat64Array(byte[] raw) {
            super(raw, Double.BYTES);
        }

        /**
         * Makes one.
         *
         * @param values its elements; copied
         * @return it
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
         * @return it
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
     * Strings; Godot 3's {@code PoolStringArray}.
     *
     * @param elements the strings
     */
    record PackedStringArray(List<String> elements) implements Variant {
        /**
         * Makes one of a copy of the list.
         *
         * @throws NullPointerException if a string is null
         */
        public PackedStringArray {
            elements = List.copyOf(elements);
        }

        /**
         * Makes one.
         *
         * @param values its elements
         * @return it
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
     * Many vectors. They are kept as {@code float} if that loses nothing, else as {@code double}.
     *
     * @param <V> the vectors' class
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

        /** Makes it of components in eight bytes each, unless four are enough for all of them. */
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
         * @return it, made for this call
         * @throws IndexOutOfBoundsException if there is none
         */
        public abstract V get(int index);

        /** {@return the elements as a list, which makes each one when it is asked for it} */
        public final List<V> asList() {
            return new Packed.Elements<>(size(), this::get);
        }

        @Override
        public final Object toJava() {
            return asList();
        }
    }

    /** Godot's {@code PackedVector2Array}; Godot 3's {@code PoolVector2Array}. */
    final class PackedVector2Array extends PackedVectorArray<Vector2> {
        PackedVector2Array(byte[] raw, boolean wide) {
            super(raw, wide, 2);
        }

        /**
         * Makes one.
         *
         * @param vectors its elements
         * @return it
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

    /** Godot's {@code PackedVector3Array}; Godot 3's {@code PoolVector3Array}. */
    final class PackedVector3Array extends PackedVectorArray<Vector3> {
        PackedVector3Array(byte[] raw, boolean wide) {
            super(raw, wide, 3);
        }

        /**
         * Makes one.
         *
         * @param vectors its elements
         * @return it
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

    /** Godot's {@code PackedVector4Array}, since 4.3. */
    final class PackedVector4Array extends PackedVectorArray<Vector4> {
        PackedVector4Array(byte[] raw, boolean wide) {
            super(raw, wide, 4);
        }

        /**
         * Makes one.
         *
         * @param vectors its elements
         * @return it
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

    /** Colors; Godot 3's {@code PoolColorArray}. */
    final class PackedColorArray extends Packed {
        PackedColorArray(byte[] raw) {
            super(raw, 4 * Float.BYTES);
        }

        /**
         * Makes one.
         *
         * @param colors its elements
         * @return it
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
         * @return it, made for this call
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

        /** {@return the elements as a list, which makes each one when it is asked for it} */
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
