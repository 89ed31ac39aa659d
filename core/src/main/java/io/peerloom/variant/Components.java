package io.peerloom.variant;

import io.peerloom.variant.Variant.*;

/** The numbers that vectors, matrices, boxes and colors consist of, in the order of the wire. */
final class Components {
    private Components() {}

    /** Those of a value whose components are floating-point numbers; a float widened is exact. */
    static double[] reals(Variant value) {
        return switch (value) {
            case Vector2 v -> new double[] {v.x(), v.y()};
            case Vector3 v -> new double[] {v.x(), v.y(), v.z()};
            case Vector4 v -> new double[] {v.x(), v.y(), v.z(), v.w()};
            case Quaternion v -> new double[] {v.x(), v.y(), v.z(), v.w()};
            case Color v -> new double[] {v.r(), v.g(), v.b(), v.a()};
            case Plane(Vector3 n, double d) -> new double[] {n.x(), n.y(), n.z(), d};
            case Rect2(Vector2 p, Vector2 s) -> new double[] {p.x(), p.y(), s.x(), s.y()};
            case AABB(Vector3 p, Vector3 s) ->
                    new double[] {p.x(), p.y(), p.z(), s.x(), s.y(), s.z()};
            case Transform2D(Vector2 x, Vector2 y, Vector2 o) ->
                    new double[] {x.x(), x.y(), y.x(), y.y(), o.x(), o.y()};
            case Basis b -> transform(b, new double[9]);
            case Transform3D(Basis b, Vector3 o) -> {
                double[] numbers = transform(b, new double[12]);
                numbers[9] = o.x();
                numbers[10] = o.y();
                numbers[11] = o.z();
                yield numbers;
            }
            case Projection(Vector4 x, Vector4 y, Vector4 z, Vector4 w) -> {
                var numbers = new double[16];
                Vector4[] columns = {x, y, z, w};
                for (int i = 0; i < columns.length; i++) {
                    numbers[4 * i] = columns[i].x();
                    numbers[4 * i + 1] = columns[i].y();
                    numbers[4 * i + 2] = columns[i].z();
                    numbers[4 * i + 3] = columns[i].w();
                }
                yield numbers;
            }
            default -> throw new AssertionError(value.type());
        };
    }

    /** A basis is sent by its rows, and kept by its columns. */
    private static double[] transform(Basis basis, double[] numbers) {
        Vector3[] columns = {basis.x(), basis.y(), basis.z()};
        for (int i = 0; i < columns.length; i++) {
            numbers[i] = columns[i].x();
            numbers[3 + i] = columns[i].y();
            numbers[6 + i] = columns[i].z();
        }
        return numbers;
    }

    /** Those of a value whose components are whole numbers. */
    static int[] ints(Variant value) {
        return switch (value) {
            case Vector2i v -> new int[] {v.x(), v.y()};
            case Vector3i v -> new int[] {v.x(), v.y(), v.z()};
            case Vector4i v -> new int[] {v.x(), v.y(), v.z(), v.w()};
            case Rect2i(Vector2i p, Vector2i s) -> new int[] {p.x(), p.y(), s.x(), s.y()};
            default -> throw new AssertionError(value.type());
        };
    }
}
