/**
 * WebSockets (RFC 6455, RFC 7692): a peer that is client or server, polled or blocking; a server
 * that is polled or runs a handler for each connection; Godot 3's client and server with their
 * events; and groups of peers as both Godots make them, with calls of methods.
 *
 * <p>A connection is an internal object that belongs to no thread. Its roles (see {@code
 * io.peerloom.internal.link}) publish facts that never go back: the protocol's state, the other
 * side's close frame, the cause of the end. A {@link io.peerloom.websocket.WebSocketPeer} is what
 * its user sees of it: {@code poll()} folds the facts in, so that between two polls every getter
 * agrees with every other.
 *
 * <p>With {@code wss:} the same bytes go through TLS, over TCP, Unix sockets and streams alike: a
 * client by its URL, a server by {@link io.peerloom.websocket.WebSocketOptions#tls}. TLS begins and
 * ends within the deadlines of the handshake and of closing; both sides send close_notify behind
 * their close frames, and whether the other side's came is of no interest once both frames passed.
 *
 * <p>Closing, from our side: {@code close()} queues a close frame behind all that was sent; what
 * arrives until the other side's close frame is still delivered; then the server ends the stream
 * first (RFC 6455 section 7.1.1). From the other side: its close frame is answered at once, whether
 * or not anybody polls. After a broken protocol the other side is told why by a close frame, and
 * its input is read and dropped for a while, since a socket that is closed with unread input resets
 * the connection and takes the close frame away with it. Every one of these waits has a deadline.
 *
 * <h2>The packets of Godot 4's scenes</h2>
 *
 * What {@link io.peerloom.websocket.SceneMultiplayer} sends as payloads of a {@link
 * io.peerloom.websocket.WebSocketMultiplayerPeer}, whose own wire is told there. That was seen with
 * Godot 4.6.3; older engines have not been asked. Numbers are little-endian, ids have four bytes,
 * text ends with a NUL. Of the first byte the low three bits are the type.
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
package io.peerloom.websocket;
