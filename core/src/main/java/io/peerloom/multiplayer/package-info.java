/**
 * Groups of numbered peers that send packets to each other through a server, as Godot 3 and Godot 4
 * make them, and calls between the nodes of Godot 4. It stands on the public API of {@code
 * io.peerloom.websocket}, and sees nothing else of it.
 *
 * <p>A {@link io.peerloom.multiplayer.WebSocketMultiplayerPeer} is put together from a membership
 * (as the server, or as a client), a wire (how a generation of Godot writes its messages), an inbox
 * (the packets that were not taken) and the news (the events that the listener has not been told).
 * All of them belong to the thread that polls. {@code poll} looks at one message at a time and
 * tells each event before it looks further; an event leaves the list before it is told. So a
 * listener that throws loses nothing: what was not looked at stays in its connection, and the next
 * poll goes on there. {@link io.peerloom.multiplayer.SceneMultiplayer} does the same with calls.
 *
 * <h2>The wire of Godot 3</h2>
 *
 * Each binary message has a header of nine bytes: a type, the sender and the target, numbers
 * little-endian. The server's number is 1.
 *
 * <table>
 * <caption>what follows the header</caption>
 * <tr><th>type</th><th>bytes</th><th>meaning</th></tr>
 * <tr><td>0</td><td>the payload</td><td>a packet; the target is 0 for all, an id for one, a negative
 *     id for all but that one; the server relays it</td></tr>
 * <tr><td>1</td><td>id</td><td>server: a peer has come; about itself, too, once the client has its
 *     number</td></tr>
 * <tr><td>2</td><td>id</td><td>server: a peer has gone</td></tr>
 * <tr><td>3</td><td>id</td><td>server: that is your number; its first message</td></tr>
 * </table>
 *
 * <h2>The wire of Godot 4</h2>
 *
 * The first message of the server is the client's number, four bytes little-endian. All others are
 * payloads as they are: from the server to the client that they are for, from a client always to
 * the server.
 *
 * <h2>The packets of Godot 4's scenes</h2>
 *
 * {@link io.peerloom.multiplayer.SceneMultiplayer} sends these as payloads of Godot 4's wire. They
 * were seen with Godot 4.6.3; older engines were not tried. Ids have four bytes, text ends with a
 * NUL. The low three bits of the first byte are the type.
 *
 * <table>
 * <caption>what a payload of the multiplayer peer holds</caption>
 * <tr><th>bytes</th><th>meaning</th><th>how it was seen</th></tr>
 * <tr><td>0 and flags, node, method, arguments</td><td>a call, see below</td><td>{@code rpc_id}
 *     </td></tr>
 * <tr><td>1, checksum, id, path</td><td>I call that node by this number from now on; the path is
 *     relative to the root, "Main" for /root/Main, "." for the root itself, "../Out" for a node
 *     beside it</td><td>came before the first call of a node, 01 3133..6200 01000000 4d61696e00,
 *     once for each receiver; with {@code set_multiplayer} for /root/Main the others</td></tr>
 * <tr><td>2, same, id</td><td>I know the node by that number now; same is 0 if the checksum was
 *     wrong</td><td>an engine's answer was 02 01 09000000, and 02 00 0a000000 to a changed
 *     checksum; to a path without a node there came none</td></tr>
 * <tr><td>3, bytes</td><td>raw bytes</td><td>{@code send_bytes} of an engine's client and host gave
 *     03 686579 for "hey"; the same sent to a host gave {@code peer_packet}</td></tr>
 * <tr><td>7, 1, id</td><td>server: a peer has come</td><td>a host sent it to each of two Java
 *     clients about the other</td></tr>
 * <tr><td>7, 2, id</td><td>server: a peer has gone</td><td>a host sent it when one of them left
 *     </td></tr>
 * <tr><td>7, 3, target, packet</td><td>client: relay this; a target is 0 for all, an id for one, a
 *     negative id for all but that one</td><td>sent to a host with each of the three; 0 and the
 *     negative one also reached the host itself</td></tr>
 * <tr><td>7, 3, source, packet</td><td>server: relayed</td><td>what the other Java client got then
 *     </td></tr>
 * </table>
 *
 * <p>A call, one thing after the other varied in {@code rpc_id} of a client:
 *
 * <table>
 * <caption>the parts of a call</caption>
 * <tr><th>part</th><th>bytes</th><th>how it was seen</th></tr>
 * <tr><td>flags</td><td>bits 4 and 5: node of 1, 2 or 4 bytes (0, 1, 2); bit 6: method of 2 bytes
 *     instead of 1; bit 7: arguments without a count</td><td>00 for one integer, 10 from the 256th
 *     node on, 20 before a confirmation, 40 for the 257th method, 80 without arguments; bit 3 was
 *     never set, and not minded</td></tr>
 * <tr><td>node</td><td>the number that the caller gave it; with four bytes and the top bit set it
 *     is where in the packet the path begins, which ends the arguments</td><td>a0 06000080 04
 *     4d61696e00 until the confirmation came, 80 01 04 afterwards</td></tr>
 * <tr><td>method</td><td>its place among the node's names, by code points, inherited ones among
 *     them; of {@code Node.rpc_config} the same with 8000 (hexadecimal) added</td><td>Zed, _under,
 *     auth, fast, hello were 0 to 4; a name that both had was called by its place in the script
 *     </td></tr>
 * <tr><td>arguments</td><td>nothing, or the bytes of a single {@code PackedByteArray}, both with
 *     bit 7; else a count of one byte and each value</td><td>80 .. 010203 for one array, 00 .. 02
 *     1d00.. 1d00.. for two; a single empty array came as no argument</td></tr>
 * <tr><td>bool</td><td>01 or 81</td><td>81 was true</td></tr>
 * <tr><td>int</td><td>02, 42, 82 or c2, then 1, 2, 4 or 8 bytes, the fewest that hold it</td><td>02
 *     7f, 42 8000, 82 ff7fffff (-32769), c2 of 2^31; c2 of 5 was taken</td></tr>
 * <tr><td>any other value</td><td>as {@code encode_variant}</td><td>04000000 02000000 68690000 for
 *     "hi"; integers within arrays are not shortened</td></tr>
 * </table>
 *
 * <p>The checksum is the MD5 of all names, those of {@code rpc_config} first, each in order, in 32
 * digits: that of Zed_underauthfasthelloorderedäther was 1306979644b4d828efd40cb9901546fb. An
 * engine runs a call by path without one. Modes of transfer, channels and {@code call_local} left
 * the bytes as they were. A node that was renamed went on under its number; one that was made anew
 * at its path got another.
 */
package io.peerloom.multiplayer;
