# Calls between the nodes of Godot 4 and others, driven by its command line and by the calls of others, one line of output an
# event:
#   godot --headless --script godot4_rpc.gd -- --role=client --url=ws://127.0.0.1:9080/
#   godot --headless --script godot4_rpc.gd -- --role=server
# With --alone a server does not relay.
# The node /root/Main has what io.peerloom.interop.RpcInteropTest declares. Its method "order" obeys.
extends SceneTree

var scene := SceneMultiplayer.new()

func _initialize():
	Engine.max_fps = 100
	var options := {"role": "client"}
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	var peer := WebSocketMultiplayerPeer.new()
	if options.role == "server":
		# Godot cannot tell which port it was given for port 0, so it tries one after another
		var port := 20000 + (OS.get_process_id() * 7) % 30000
		while peer.create_server(port, "127.0.0.1") != OK:
			port += 1
		print("listening ", port)
	else:
		peer.create_client(options.url)
	scene.server_relay = not options.has("alone")
	scene.multiplayer_peer = peer
	scene.connected_to_server.connect(func(): print("id ", scene.get_unique_id()))
	scene.peer_connected.connect(func(id): print("connected ", id))
	scene.peer_disconnected.connect(func(id): print("disconnected ", id))
	scene.peer_packet.connect(func(from, bytes): print("packet ", from, " ", bytes.get_string_from_utf8()))
	scene.server_disconnected.connect(func(): quit())
	scene.connection_failed.connect(func(): quit())
	set_multiplayer(scene)
	var main: Node
	if options.has("other"): # has other methods than the rest of the world
		main = Other.new()
	else:
		main = Main.new()
		main.rpc_config("configured", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER})
		var inner := Inner.new()
		inner.name = "Inner"
		main.add_child(inner)
	main.name = "Main"
	root.add_child(main)
	await create_timer(60).timeout
	quit()

class Base extends Node:
	@rpc("any_peer") func zebra(value): told("zebra", [value])

	func told(method, arguments):
		print("call ", multiplayer.get_remote_sender_id(), " ", name, " ", method, " ", var_to_str(arguments).replace("\n", ""))

class Main extends Base:
	# answers the caller with what it got
	@rpc("any_peer") func echo(value):
		told("echo", [value])
		rpc_id(multiplayer.get_remote_sender_id(), "answer", value, typeof(value))

	@rpc("any_peer", "unreliable") func answer(value, type): told("answer", [value, type])
	@rpc("any_peer", "unreliable_ordered", "call_remote", 2) func nothing(): told("nothing", [])
	@rpc("any_peer") func three(a, b, c): told("three", [a, b, c])
	@rpc("authority") func by_authority(value): told("by_authority", [value])
	func configured(value): told("configured", [value])

	# rpc TARGET METHOD ARGUMENTS, where the arguments are an array in GDScript
	@rpc("any_peer") func order(target: int, method: String, arguments: String):
		if method == "quit":
			get_tree().quit()
			return
		var node: Node = self if not method.begins_with("Inner.") else get_node("Inner")
		node.callv("rpc_id" if target != 0 else "rpc", ([target] if target != 0 else []) + [method.trim_prefix("Inner.")] + str_to_var(arguments))

class Inner extends Base:
	@rpc("any_peer") func aardvark(value): told("aardvark", [value])

class Other extends Node:
	@rpc("any_peer") func echo(_value): print("echo!")
	func _ready(): multiplayer.connected_to_server.connect(func(): rpc_id(1, "echo", 1))
