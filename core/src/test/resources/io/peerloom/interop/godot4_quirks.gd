# What SEMANTICS says of Godot 4 from reading its source, to be seen in the engine itself:
#   godot --headless --script godot4_quirks.gd -- --quirk=NAME
# uds --path=P       binds P.own, connects to a server at P   packets   the largest packets of a PacketPeerStream
# length --hex=H     a PacketPeerStream reads these bytes,    values    var_to_bytes of the values that were derived
#   --fill=N and N zeros
# depth              arrays in arrays, decoded
# settings           the connect timeouts                     server    a WebSocketPeer as a server on a free port:
#   --reason=N closes with a reason of N bytes once open; "tick N" after every 100 polls, until --seconds (60) are over
# reconnect --url=U  a WebSocketPeer that connects to U, and to U again in each state; "STATE again CODE now STATE"
extends SceneTree

var options := {"quirk": "", "path": "", "hex": "", "fill": "0", "reason": "", "seconds": "60", "url": ""}

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	call(options.quirk)
	print("end")
	quit()

func uds():
	var server := UDSServer.new()
	print("listen ", server.listen(options.path))
	var peer := StreamPeerUDS.new()
	print("bind ", peer.bind(options.path + ".own"))
	print("connect ", peer.connect_to_host(options.path))
	print("available ", server.is_connection_available())
	print("unbound connect ", StreamPeerUDS.new().connect_to_host(options.path))

func packets():
	for size in [65531, 65532, 65533]:
		var stream := StreamPeerBuffer.new()
		var peer := PacketPeerStream.new()
		peer.stream_peer = stream
		var packet := PackedByteArray()
		packet.resize(size)
		var put := peer.put_packet(packet)
		stream.seek(0)
		var count := 0
		for i in 10:
			count = maxi(count, peer.get_available_packet_count())
		var got := peer.get_packet().size()
		print("packet ", size, " put ", put, " count ", count, " got ", got, " error ", peer.get_packet_error())

func length():
	var stream := StreamPeerBuffer.new()
	var bytes: PackedByteArray = options.hex.hex_decode()
	bytes.resize(bytes.size() + int(options.fill))
	stream.data_array = bytes
	var peer := PacketPeerStream.new()
	peer.stream_peer = stream
	print("count ", peer.get_available_packet_count())
	for i in 4:
		var got := peer.get_packet()
		print("got ", got.size(), " error ", peer.get_packet_error(), " count ", peer.get_available_packet_count())

func values():
	for value in [true, "Godot", Vector2(1, 2), [42, "Hi"], {1: 2}, PackedByteArray([1, 2, 3]), PackedStringArray(["a"]),
			NodePath("/root/A:x"), NAN, null]:
		print("value ", var_to_bytes(value).hex_encode())
	print("object ", bytes_to_var("180001000500000000000000".hex_decode()).object_id)

func depth():
	for levels in [1024, 1025]:
		var bytes := PackedByteArray()
		for i in levels:
			bytes.append_array("1c00000001000000".hex_decode())
		bytes.append_array("00000000".hex_decode())
		print("depth ", levels, " type ", typeof(bytes_to_var(bytes)))

func settings():
	for name in ["tcp", "unix"]:
		print(name, " ", ProjectSettings.get_setting("network/limits/" + name + "/connect_timeout_seconds"))

func server():
	var listener := TCPServer.new()
	print("listen ", listener.listen(0, "127.0.0.1"))
	print("listening ", listener.get_local_port())
	var deadline := Time.get_ticks_msec() + int(options.seconds) * 1000
	while not listener.is_connection_available() and Time.get_ticks_msec() < deadline:
		OS.delay_msec(2)
	var peer := WebSocketPeer.new()
	print("accept ", peer.accept_stream(listener.take_connection()))
	var state := -1
	var polls := 0
	while Time.get_ticks_msec() < deadline:
		peer.poll()
		polls += 1
		if peer.get_ready_state() != state:
			state = peer.get_ready_state()
			print("state ", state, " code ", peer.get_close_code())
			if state == WebSocketPeer.STATE_OPEN and options.reason != "":
				peer.close(1000, "x".repeat(int(options.reason)))
		while peer.get_available_packet_count() > 0:
			var packet := peer.get_packet()
			print("packet ", packet.size(), " ", packet.get_string_from_utf8().left(80))
		if polls % 100 == 0:
			print("tick ", polls)
		OS.delay_msec(2)

func again(peer: WebSocketPeer, url: String):
	var before := peer.get_ready_state()
	var code := peer.connect_to_url(url)
	print(before, " again ", code, " now ", peer.get_ready_state(), " packets ", peer.get_available_packet_count(), " code ", peer.get_close_code())

func poll_until(peer: WebSocketPeer, state: int):
	var deadline := Time.get_ticks_msec() + int(options.seconds) * 1000
	while peer.get_ready_state() != state and Time.get_ticks_msec() < deadline:
		OS.delay_msec(2)
		peer.poll()
	print("state ", peer.get_ready_state())

func reconnect():
	var peer := WebSocketPeer.new()
	again(peer, options.url + "/one")
	again(peer, options.url + "/never")
	poll_until(peer, WebSocketPeer.STATE_OPEN)
	again(peer, options.url + "/never")
	peer.send_text("last of one")
	peer.close(4001, "one")
	again(peer, "ftp://nobody")
	peer.close(4001, "one")
	again(peer, options.url + "/two")
	poll_until(peer, WebSocketPeer.STATE_OPEN)
	peer.close(4002, "two")
	again(peer, options.url + "/three")
	peer.close() # while connecting
	again(peer, options.url + "/four")
	poll_until(peer, WebSocketPeer.STATE_OPEN)
	peer.close(4004, "four")
	poll_until(peer, WebSocketPeer.STATE_CLOSED)
	again(peer, "ws://127.0.0.1:1/")
	poll_until(peer, WebSocketPeer.STATE_CLOSED)
	again(peer, options.url + "/five")
	poll_until(peer, WebSocketPeer.STATE_OPEN)
