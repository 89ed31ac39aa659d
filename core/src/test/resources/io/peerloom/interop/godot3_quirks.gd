# What SEMANTICS says of PacketPeerStream and of depth from reading its source, to be seen in Godot 3 itself:
#   godot3-server --script godot3_quirks.gd --quirk=packets
#   godot3-server --script godot3_quirks.gd --quirk=depth
#   godot3-server --script godot3_quirks.gd --quirk=length --hex=ffffffff01020304 --fill=10
extends SceneTree

func _init():
	var options := {"quirk": "", "hex": "", "fill": "0"}
	for argument in OS.get_cmdline_args():
		if argument.begins_with("--") and argument.find("=") > 0:
			options[argument.substr(2, argument.find("=") - 2)] = argument.substr(argument.find("=") + 1, -1)
	if options.quirk == "packets":
		packets()
	elif options.quirk == "depth":
		depth()
	else:
		length(options.hex, int(options.fill))
	print("end")
	quit()

func packets():
	for size in [65531, 65532, 65533]:
		var stream := StreamPeerBuffer.new()
		var peer := PacketPeerStream.new()
		peer.stream_peer = stream
		var packet := PoolByteArray()
		packet.resize(size)
		var put := peer.put_packet(packet)
		stream.seek(0)
		var count := 0
		for i in 10:
			count = int(max(count, peer.get_available_packet_count()))
		var got := peer.get_packet().size()
		print("packet ", size, " put ", put, " count ", count, " got ", got, " error ", peer.get_packet_error())

func depth():
	for levels in [1025, 5000]:
		var bytes := PoolByteArray()
		for i in levels:
			bytes.append_array(PoolByteArray([19, 0, 0, 0, 1, 0, 0, 0]))
		bytes.append_array(PoolByteArray([0, 0, 0, 0]))
		print("depth ", levels, " type ", typeof(bytes2var(bytes)))

func length(hex: String, fill: int):
	var bytes := PoolByteArray()
	for i in range(0, hex.length(), 2):
		bytes.append(("0x" + hex.substr(i, 2)).hex_to_int())
	for i in fill:
		bytes.append(0)
	var stream := StreamPeerBuffer.new()
	stream.data_array = bytes
	var peer := PacketPeerStream.new()
	peer.stream_peer = stream
	print("count ", peer.get_available_packet_count())
	for i in 4:
		var got := peer.get_packet()
		print("got ", got.size(), " error ", peer.get_packet_error(), " count ", peer.get_available_packet_count())
