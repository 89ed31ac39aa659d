# A player of io.peerloom.examples.LobbyServer for Godot 3, in one file that needs no project:
#
#   godot3-server --script lobby3.gd --url=ws://127.0.0.1:9081/ --name=Ben
#
# It joins, lists who is there, is matched, counts to --turns=6 with its opponent, and leaves. In a game of your own, take
# the class Lobby below as a node, and write what the answers do.
extends SceneTree

func _initialize():
	var lobby = Lobby.new()
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		match parts[0]:
			"url": lobby.url = parts[1]
			"name": lobby.nickname = parts[1]
			"turns": lobby.turns = int(parts[1])
	lobby.connect("finished", self, "quit")
	root.add_child(lobby)


class Lobby extends Node:
	signal finished

	var url = "ws://127.0.0.1:9081/"
	var nickname = "Godot"
	var turns = 6
	var peer = WebSocketClient.new()

	func _ready():
		peer.connect("connection_succeeded", self, "tell", ["join", nickname])
		peer.connect("connection_failed", self, "over", ["the connection failed or is over"])
		if peer.connect_to_url(url, PoolStringArray(), true) != OK: # true: gd_mp_api
			over("not a WebSocket's URL")

	func _process(_delta):
		peer.poll()
		while peer.get_available_packet_count() > 0:
			var answer = peer.get_var()
			callv(answer[0], answer.slice(1, answer.size() - 1) if answer.size() > 1 else [])

	# A call is an array: its name, and what with.
	func tell(call, argument = null):
		peer.set_target_peer(1)
		peer.put_var([call] if argument == null else [call, argument])

	func over(reason):
		print("over: ", reason)
		set_process(false)
		emit_signal("finished")

	# What the server calls.
	func joined(who):
		print("joined ", who)
		tell("list")
		tell("play")

	func listed(names):
		print("listed ", names)

	func matched(opponent, begins):
		print("matched ", opponent, " ", begins)
		if begins:
			tell("turn", {"count": 1, "by": nickname})

	func turned(state):
		print("turned ", state.by, " ", state.count)
		if state.count < turns:
			tell("turn", {"count": state.count + 1, "by": nickname})
		else:
			tell("leave")

	func ended(reason):
		over(reason)

	func refused(reason):
		over("refused, " + reason)
