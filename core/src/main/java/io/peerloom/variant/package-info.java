/**
 * Godot's {@code Variant}: the values of both generations, and the bytes that they travel in.
 *
 * <p>{@link io.peerloom.variant.Variant} is the sealed type of all values, {@link
 * io.peerloom.variant.VariantCodec} makes bytes of them and back. Values are data: immutable,
 * without a thread, and the same for all dialects. Which numbers the types have on the wire, and
 * which of them there are, is the dialect's.
 *
 * <h2>The bytes</h2>
 *
 * All numbers are little-endian, and every value is a multiple of four bytes. Its first four are
 * the type in the low byte and flags from bit 16 on; what they mean depends on the type.
 *
 * <table>
 * <caption>what stands behind the header</caption>
 * <tr><th>type</th><th>flags</th><th>bytes</th></tr>
 * <tr><td>null, Callable</td><td></td><td>none</td></tr>
 * <tr><td>bool</td><td></td><td>four, 0 or 1</td></tr>
 * <tr><td>int, float</td><td>bit 16: eight bytes</td><td>four or eight</td></tr>
 * <tr><td>String, StringName</td><td></td><td>a length, UTF-8, zeros up to a multiple of four</td></tr>
 * <tr><td>vectors, matrices and so on</td><td>bit 16, in Godot 4: in double precision</td><td>their
 *     components; a basis by its rows, others by their columns</td></tr>
 * <tr><td>those of integers; Color</td><td></td><td>four a component, always</td></tr>
 * <tr><td>NodePath</td><td></td><td>the number of names with the top bit set, of subnames, 1 if
 *     absolute, then strings</td></tr>
 * <tr><td>RID</td><td></td><td>eight; none in Godot 3</td></tr>
 * <tr><td>Object</td><td>bit 16: by its number</td><td>eight; or class name, count, and for each
 *     property a string and a value</td></tr>
 * <tr><td>Signal</td><td></td><td>a string and the object's number</td></tr>
 * <tr><td>Array</td><td>bits 16 and 17, since 4.3: kind of elements</td><td>what they have to be (a
 *     type's number, or a string), a count, values</td></tr>
 * <tr><td>Dictionary</td><td>the same for keys, 18 and 19 for values, since 4.4</td><td>likewise,
 *     keys and values in turn</td></tr>
 * <tr><td>packed arrays</td><td>bit 16 for vectors as above</td><td>a count, the elements; strings
 *     with a NUL that their lengths include</td></tr>
 * </table>
 *
 * <h2>How it is done</h2>
 *
 * Encoding measures first, which finds out all that can be wrong, and then writes into an array of
 * just that size. A packed array holds its elements as they travel, so that it is copied once in
 * either direction and takes no more memory than on the wire.
 *
 * <p>Decoding reads from the given array itself. What bounds it, besides the limits on depth,
 * values and bytes:
 *
 * <ul>
 *   <li>No count is believed that the bytes at hand could not hold. What an array still needs at
 *       the least for its other elements is set aside while one of them is read; otherwise arrays
 *       within arrays could each claim the same rest of the message, and take memory for it.
 *   <li>A dictionary is a hash map. Keys with one hash code, which are easily made, would make it
 *       slow; more than 64 of them are refused. So are keys within keys within keys beyond eight,
 *       each of which would be hashed again for all around it.
 * </ul>
 *
 * <h2>What the engines taught</h2>
 *
 * Seen with Godot 4.6.3, where nothing else is said:
 *
 * <ul>
 *   <li>An object without {@code full_objects} travels by its number, and arrives as an {@code
 *       EncodedObjectAsID}. If that is put on, it travels by its own number and not by the one that
 *       it holds: engines cannot pass objects on. Here the number stays.
 *   <li>An element of a typed array that is of another type is left out with an error; here the
 *       whole value is refused.
 *   <li>A string that is read ends at its first NUL. An engine's own strings have U+FFFD for it.
 *   <li>Values within values may be 1,024 deep, in both directions.
 *   <li>Godot 3.2.3 leaves in the bytes that pad the names of a path what was in its memory.
 * </ul>
 */
package io.peerloom.variant;
