package io.peerloom.variant;

import io.peerloom.variant.Variant.*;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Prints values: JSON as far as it goes, and for the rest what Godot 4's {@code var_to_str} gives.
 * One builder serves for the whole of a value, however deep.
 */
final class VariantPrinter {
    private final StringBuilder out = new StringBuilder();

    private VariantPrinter() {}

    static String print(Variant value) {
        var printer = new VariantPrinter();
        printer.value(value);
        return printer.out.toString();
    }

    private void value(Variant value) {
        switch (value.type()) {
            case NIL -> out.append("null");
            case BOOL -> out.append(((Bool) value).value());
            case INT -> out.append(((Int) value).value());
            case FLOAT -> out.append(number(((Real) value).value()));
            case STRING -> quote(((Text) value).value());
            case STRING_NAME -> {
                out.append('&');
                quote(((StringName) value).value());
            }
            case NODE_PATH -> {
                out.append("NodePath(");
                quote(((NodePath) value).path());
                out.append(')');
            }
            case ARRAY -> array((Array) value);
            case DICTIONARY -> dictionary((Dictionary) value);
            case PACKED_STRING_ARRAY -> {
                out.append("PackedStringArray(");
                String separator = "";
                for (String element : ((PackedStringArray) value).elements()) {
                    out.append(separator);
                    quote(element);
                    separator = ", ";
                }
                out.append(')');
            }
            case OBJECT -> object(value);
            case RID -> out.append("RID(").append(((RID) value).id()).append(')');
            case CALLABLE -> out.append("Callable()");
            case SIGNAL -> {
                Signal signal = (Signal) value;
                out.append("Signal(").append(signal.objectId()).append(", ");
                quote(signal.name());
                out.append(')');
            }
            default -> {
                out.append(value.type()).append('(');
                numbers(value);
                out.append(')');
            }
        }
    }

    private void array(Array array) {
        boolean typed = !array.elementType().equals(ContainerType.ANY);
        if (typed) {
            out.append("Array[").append(array.elementType()).append("](");
        }
        out.append('[');
        String separator = "";
        for (Variant element : array.elements()) {
            out.append(separator);
            value(element);
            separator = ", ";
        }
        out.append(typed ? "])" : "]");
    }

    private void dictionary(Dictionary dictionary) {
        boolean typed =
                !dictionary.keyType().equals(ContainerType.ANY)
                        || !dictionary.valueType().equals(ContainerType.ANY);
        if (typed) {
            out.append("Dictionary[").append(dictionary.keyType()).append(", ");
            out.append(dictionary.valueType()).append("](");
        }
        out.append('{');
        String separator = "";
        for (Map.Entry<Variant, Variant> entry : dictionary.entries().entrySet()) {
            out.append(separator);
            value(entry.getKey());
            out.append(": ");
            value(entry.getValue());
            separator = ", ";
        }
        out.append(typed ? "})" : "}");
    }

    private void object(Variant value) {
        if (value instanceof FullObject object) {
            out.append("Object(").append(object.className());
            for (Map.Entry<String, Variant> property : object.properties().entrySet()) {
                out.append(", ");
                quote(property.getKey());
                out.append(": ");
                value(property.getValue());
            }
            out.append(')');
        } else {
            out.append("EncodedObjectAsID(");
            out.append(((EncodedObjectAsID) value).objectId()).append(')');
        }
    }

    /** The numbers of a value that consists of numbers, in the order of the wire. */
    private void numbers(Variant value) {
        switch (value) {
            case Vector2i v -> ints(Components.ints(v));
            case Rect2i v -> ints(Components.ints(v));
            case Vector3i v -> ints(Components.ints(v));
            case Vector4i v -> ints(Components.ints(v));
            case PackedByteArray v -> {
                for (int i = 0; i < v.size(); i++) {
                    out.append(i == 0 ? "" : ", ").append(v.get(i));
                }
            }
            case PackedInt32Array v -> ints(v.toArray());
            case PackedInt64Array v -> {
                for (int i = 0; i < v.size(); i++) {
                    out.append(i == 0 ? "" : ", ").append(v.get(i));
                }
            }
            case PackedFloat32Array v -> {
                for (int i = 0; i < v.size(); i++) {
                    out.append(i == 0 ? "" : ", ").append(component(v.get(i)));
                }
            }
            case PackedFloat64Array v -> reals(v.toArray());
            case PackedVectorArray<?> v -> parts(v.asList());
            case PackedColorArray v -> parts(v.asList());
            default -> reals(Components.reals(value));
        }
    }

    private void parts(List<? extends Variant> parts) {
        for (Iterator<? extends Variant> part = parts.iterator(); part.hasNext(); ) {
            numbers(part.next());
            out.append(part.hasNext() ? ", " : "");
        }
    }

    private void ints(int... values) {
        for (int i = 0; i < values.length; i++) {
            out.append(i == 0 ? "" : ", ").append(values[i]);
        }
    }

    private void reals(double... values) {
        for (int i = 0; i < values.length; i++) {
            out.append(i == 0 ? "" : ", ").append(component(values[i]));
        }
    }

    /** A number without ".0". */
    private static String component(double value) {
        String text = number(value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    /** The shortest text that is parsed to the same number, as a float if it fits into one. */
    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value < 0 ? "-inf" : "inf";
        }
        return (float) value == value ? Float.toString((float) value) : Double.toString(value);
    }

    private void quote(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < ' ') {
                        out.append("\\u%04x".formatted((int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
