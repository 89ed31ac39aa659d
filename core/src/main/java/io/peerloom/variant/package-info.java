/**
 * Values that Godot can send, its {@code Variant}, and how they are encoded, for Godot 3 and 4.
 *
 * <p>{@link io.peerloom.variant.Variant} is the sealed type of all values, and {@link
 * io.peerloom.variant.VariantCodec} encodes and decodes them. Values are plain data: immutable,
 * safe for all threads, and the same for all dialects. A dialect says which types there are, and
 * which numbers they have on the wire.
 *
 * <h2>The bytes</h2>
 *
 * All numbers are little-endian, and the length of every value is a multiple of four bytes. The
 * first four are a header: the type in the low byte, and from bit 16 on flags, whose meaning
 * depends on the type.
 *
 * <table>
 * <caption>what follows the header</caption>
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
 *     property a string and a value, {@code script} first</td></tr>
 * <tr><td>Signal</td><td></td><td>a string and the object's number</td></tr>
 * <tr><td>Array</td><td>bits 16 and 17, since 4.3: kind of elements</td><td>what they have to be (a
 *     type's number, or a string), a count, values</td></tr>
 * <tr><td>Dictionary</td><td>the same for keys, 18 and 19 for values, since 4.4</td><td>likewise,
 *     keys and values in turn</td></tr>
 * <tr><td>packed arrays</td><td>bit 16 for vectors as above</td><td>a count, the elements; strings
 *     with a NUL that their lengths include</td></tr>
 * </table>
 *
 * <h2>How it works</h2>
 *
 * {@code VariantWriter} first measures a value, which finds everything that can be wrong with it,
 * and then writes it into an array of just that size. A packed array keeps its elements as they are
 * sent, so that they are copied once in either direction and take no more memory than on the wire.
 *
 * <p>{@code VariantReader} reads from the given array itself. Besides the limits on depth, values
 * and bytes, two things protect it:
 *
 * <ul>
 *   <li>No count is believed that the bytes at hand could not hold. While an element of an array is
 *       read, the least that the elements behind it need is set aside. Otherwise arrays within
 *       arrays could each claim the same rest of the message, and memory would be allocated for
 *       each.
 *   <li>A sender can easily find keys that have one {@code hashCode} as records of Java, and they
 *       would make a hash map slow. {@code Entries}, the map within a dictionary, uses a hash that
 *       nobody can predict ({@code VariantHash}): SipHash with a secret key. It keeps the hashes of
 *       its keys, so that keys within keys are not hashed again at each level.
 * </ul>
 *
 * <h2>What the engines do</h2>
 *
 * Seen with Godot 4.6.3 unless a line says otherwise:
 *
 * <ul>
 *   <li>Which keys of a dictionary are the same is said at {@link
 *       io.peerloom.variant.Variant.Dictionary}. {@code {"a": 1, &"a": 2}} is one entry with the
 *       key {@code "a"} and the value 2. Godot 3.2.3 compares dictionaries that are keys as
 *       objects, and packed floats by their bits; here both are compared as in Godot 4.
 *   <li>An object with {@code script} behind the properties that the script declares arrives
 *       without them: they are set on nothing. An engine sends {@code script} first, and so does
 *       the codec.
 *   <li>Without {@code full_objects} an object is sent by its number, and arrives as an {@code
 *       EncodedObjectAsID}. If an engine sends that on, it sends the number of the new object and
 *       not the one that it holds: engines cannot pass objects on. Here the number stays.
 *   <li>An engine leaves out an element of a typed array that is of another type, and reports an
 *       error; here the whole value is refused.
 *   <li>A string that is read ends at its first NUL. An engine's own strings have U+FFFD for it.
 *   <li>Values may be nested 1,024 deep, in both directions.
 *   <li>Godot 3.2.3 does not clear the bytes that pad the names of a path.
 * </ul>
 */
package io.peerloom.variant;
