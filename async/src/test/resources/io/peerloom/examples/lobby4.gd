# A player of io.peerloom.examples.LobbyServer for Godot 4, in one file that needs no project:
#
#   godot --headless --script lobby4.gd -- --url=ws://127.0.0.1:9080/ --name=Ann
#
# It joins, lists who is there, is matched, counts to --turns=6 with its opponent, and leaves. In a game of your own, make
# the class Lobby below an autoload of that name, so that its path is /root/Lobby, and write what the answers do.
extends SceneTree

func _initialize() -> void:
	var lobby := Lobby.new()
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		match parts[0]:
			"url": lobby.url = parts[1]
			"name": lobby.nickname = parts[1]
			"turns": lobby.turns = int(parts[1])
	Engine.max_fps = 60
	lobby.name = "Lobby"
	lobby.finished.connect(quit)
	root.add_child(lobby)


class Lobby extends Node:
	signal finished

	var url := "ws://127.0.0.1:9080/"
	var nickname := "Godot"
	var turns := 6

	func _ready() -> void:
		var peer := WebSocketMultiplayerPeer.new()
		if peer.create_client(url) != OK:
			over("not a WebSocket's URL")
			return
		multiplayer.multiplayer_peer = peer
		multiplayer.connected_to_server.connect(func(): join.rpc_id(1, nickname))
		multiplayer.connection_failed.connect(over.bind("nobody there"))
		multiplayer.server_disconnected.connect(over.bind("the server has gone"))

	func over(reason: String) -> void:
		print("over: ", reason)
		finished.emit()

	# What the server answers. Nothing of it runs here, but both ends need the same list of methods.
	@rpc("any_peer") func join(_who: String) -> void: pass
	@rpc("any_peer") func list() -> void: pass
	@rpc("any_peer") func play() -> void: pass
	@rpc("any_peer") func turn(_state: Dictionary) -> void: pass
	@rpc("any_peer") func leave() -> void: pass

	# What the server calls.
	@rpc func joined(who: String) -> void:
		print("joined ", who)
		list.rpc_id(1)
		play.rpc_id(1)

	@rpc func listed(names: Array) -> void:
		print("listed ", names)

	@rpc func matched(opponent: String, begins: bool) -> void:
		print("matched ", opponent, " ", begins)
		if begins:
			turn.rpc_id(1, {"count": 1, "by": nickname})

	@rpc func turned(state: Dictionary) -> void:
		print("turned ", state.by, " ", state.count)
		if state.count < turns:
			turn.rpc_id(1, {"count": state.count + 1, "by": nickname})
		else:
			leave.rpc_id(1)

	@rpc func ended(reason: String) -> void:
		over(reason)

	@rpc func refused(reason: String) -> void:
		over("refused, " + reason)
