# A member of a multiplayer group for Godot 4, driven by its command line and by what the others send, one line of output an
# event:
#   godot --headless --script godot4_multiplayer.gd -- --role=client --url=ws://127.0.0.1:9080/
#   godot --headless --script godot4_multiplayer.gd -- --role=server
# A packet "send TARGET TEXT" makes it send TEXT, "drop ID" makes it disconnect a peer, "refuse" refuse new ones, "quit" makes it close.
extends SceneTree

var options := {"role": "client", "seconds": "60"}
var peer := WebSocketMultiplayerPeer.new()

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	run()
	quit()

func run():
	var deadline := Time.get_ticks_msec() + int(options.seconds) * 1000
	peer.peer_connected.connect(func(id): print("connected ", id))
	peer.peer_disconnected.connect(func(id): print("disconnected ", id))
	if options.role == "server":
		# Godot cannot tell which port it was given for port 0, so it tries one after another
		var port := 20000 + (OS.get_process_id() * 7) % 30000
		while peer.create_server(port, "127.0.0.1") != OK:
			port += 1
		print("listening ", port)
	else:
		print("connect ", peer.create_client(options.url))
	var status := peer.get_connection_status()
	while Time.get_ticks_msec() < deadline:
		peer.poll()
		if peer.get_connection_status() != status:
			status = peer.get_connection_status()
			print("status ", status)
			if status == MultiplayerPeer.CONNECTION_CONNECTED:
				print("id ", peer.get_unique_id())
			else:
				return
		while peer.get_connection_status() == MultiplayerPeer.CONNECTION_CONNECTED and peer.get_available_packet_count() > 0:
			var from := peer.get_packet_peer()
			var text := peer.get_packet().get_string_from_utf8()
			print("packet ", from, " ", text)
			if text == "quit":
				peer.close()
				return
			if text.begins_with("send "):
				var words := text.split(" ", true, 2)
				peer.set_target_peer(int(words[1]))
				print("sent ", peer.put_packet(words[2].to_utf8_buffer()))
			if text == "refuse":
				peer.refuse_new_connections = true
				print("refusing")
			if text.begins_with("drop "):
				peer.disconnect_peer(int(text.substr(5)))
		OS.delay_msec(2)
	print("timeout")
