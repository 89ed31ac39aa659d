/** Godot's {@code Variant}: the values of both generations, and the bytes that they travel in. */
package io.peerloom.variant;
