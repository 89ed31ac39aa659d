# A client of Godot 4's SceneMultiplayer, driven by its command line and by what the others send, one line of output an event:
#   godot --headless --script godot4_scene.gd -- --url=ws://127.0.0.1:9080/
# Bytes "send TARGET TEXT" make it send TEXT, "quit" makes it leave.
extends SceneTree

var scene := SceneMultiplayer.new()

func _initialize():
	var url := ""
	for argument in OS.get_cmdline_user_args():
		url = argument.trim_prefix("--url=")
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	var socket := peer.get_peer(1)
	scene.multiplayer_peer = peer
	scene.connected_to_server.connect(func(): print("id ", scene.get_unique_id()))
	scene.peer_connected.connect(func(id): print("connected ", id))
	scene.peer_disconnected.connect(func(id): print("disconnected ", id))
	var end := func():
		print("closed ", socket.get_close_code(), " ", socket.get_close_reason())
		quit()
	scene.server_disconnected.connect(end)
	scene.connection_failed.connect(end)
	scene.peer_packet.connect(_peer_packet)
	set_multiplayer(scene)
	await create_timer(60).timeout
	quit()

func _peer_packet(from: int, bytes: PackedByteArray):
	var text := bytes.get_string_from_utf8()
	print("packet ", from, " ", text)
	if text == "quit":
		quit()
	if text.begins_with("send "):
		var words := text.split(" ", true, 2)
		print("sent ", scene.send_bytes(words[2].to_utf8_buffer(), int(words[1])))
