# A member of a multiplayer group (gd_mp_api) for Godot 3, driven by its command line and by what the others send, one line
# of output an event:
#   godot3-server --script godot3_multiplayer.gd --role=client --url=ws://127.0.0.1:9080/
#   godot3-server --script godot3_multiplayer.gd --role=server
# A packet "send TARGET TEXT" makes it send TEXT, "drop ID" makes it disconnect a peer, "refuse" refuse new ones, "quit" makes it close.
extends SceneTree

var options = {"role": "client", "seconds": "60"}
var peer
var failed = false

func _init():
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	run()
	quit()

func run():
	var deadline = OS.get_ticks_msec() + int(options.seconds) * 1000
	if options.role == "server":
		peer = WebSocketServer.new()
		peer.bind_ip = "127.0.0.1"
		listen_to_peers()
		var port = 20000 + (OS.get_process_id() * 7) % 30000
		while peer.listen(port, PoolStringArray(), true) != OK:
			port += 1
		print("listening ", port)
	else:
		peer = WebSocketClient.new()
		listen_to_peers()
		print("connect ", peer.connect_to_url(options.url, PoolStringArray(), true))
	while OS.get_ticks_msec() < deadline:
		peer.poll()
		if failed:
			return
		while peer.get_available_packet_count() > 0:
			var from = peer.get_packet_peer()
			var text = peer.get_packet().get_string_from_utf8()
			print("packet ", from, " ", text)
			if text == "quit":
				if options.role == "server":
					peer.stop()
				else:
					peer.disconnect_from_host()
				return
			if text.begins_with("send "):
				var words = text.split(" ", true, 2)
				peer.set_target_peer(int(words[1]))
				print("sent ", peer.put_packet(words[2].to_utf8()))
			if text == "refuse":
				peer.refuse_new_connections = true
				print("refusing")
			if text.begins_with("drop "):
				peer.disconnect_peer(int(text.substr(5, text.length())))
		OS.delay_msec(2)
	print("timeout")

func listen_to_peers():
	peer.connect("peer_connected", self, "_peer_connected")
	peer.connect("peer_disconnected", self, "_peer_disconnected")
	peer.connect("connection_succeeded", self, "_connection_succeeded")
	peer.connect("connection_failed", self, "_connection_failed")
	peer.connect("server_disconnected", self, "_server_disconnected")

func _peer_connected(id):
	print("connected ", id)

func _peer_disconnected(id):
	print("disconnected ", id)

func _connection_succeeded():
	print("status 2")
	print("id ", peer.get_unique_id())

func _connection_failed():
	print("status 0")
	failed = true

func _server_disconnected():
	print("status 0")
	failed = true
