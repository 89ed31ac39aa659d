# A player of Peerloom's arena for Godot 4, in one file that needs no project:
#
#   godot --script arena.gd -- --url=ws://127.0.0.1:8080/arena
#
# Move with the mouse or the arrow keys, say hello with Enter. More options behind the "--":
#   --name=NAME  --say=TEXT (once, when joined)  --seconds=N (then leave)
#   --auto  collects orbs by itself, as it also does without a display (--headless)
#
# In a game of your own, take the class Arena below: a Node2D that keeps the connection and draws.
# The messages are described in io.peerloom.examples.ArenaServer.
extends SceneTree

var arena := Arena.new()
var seconds := 0.0


func _initialize() -> void:
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		var value := parts[1] if parts.size() > 1 else ""
		match parts[0]:
			"url": arena.url = value
			"name": arena.nickname = value
			"say": arena.greeting = value
			"seconds": seconds = float(value)
			"auto": arena.auto = true
	if DisplayServer.get_name() == "headless":
		arena.auto = true
		Engine.max_fps = 60
	root.title = "Peerloom arena"
	root.add_child(arena)
	if seconds > 0:
		create_timer(seconds).timeout.connect(arena.leave)
	arena.left.connect(quit)


class Player:
	var name := ""
	var color := Color.WHITE
	var place := Vector2.INF    # as drawn
	var target := Vector2.ZERO  # as in the last snapshot
	var speed := Vector2.ZERO
	var score := 0
	var rtt := -1.0             # milliseconds
	var said := ""
	var said_until := 0


class Arena extends Node2D:
	signal left

	var url := "ws://127.0.0.1:8080/arena"
	var nickname := "Godot"
	var greeting := ""
	var auto := false

	var peer := WebSocketPeer.new()
	var id := 0
	var size := Vector2(1400, 1000)
	var players := {}
	var orbs := PackedVector2Array()
	var moon := Vector2(700, 500)
	var well := Vector2(1050, 300)
	var tick := 0

	var leaving := false
	var was_open := false
	var attempts := 0
	var retry_at := 0
	var steered_at := 0
	var status := "connecting"


	func _ready() -> void:
		connect_now()


	func connect_now() -> void:
		status = "connecting"
		if peer.connect_to_url(url) != OK:
			printerr("not a WebSocket's URL: ", url)
			left.emit()


	func leave() -> void:
		leaving = true
		if peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
			left.emit()
		peer.close(1000, "bye")


	func _process(delta: float) -> void:
		peer.poll()
		match peer.get_ready_state():
			WebSocketPeer.STATE_OPEN:
				was_open = true
				while peer.get_available_packet_count() > 0:
					var packet := peer.get_packet()
					if peer.was_string_packet():
						heard(packet.get_string_from_utf8())
					else:
						snapshot(packet)
				steer()
			WebSocketPeer.STATE_CLOSED:
				closed()
		for player: Player in players.values():
			if player.place == Vector2.INF:
				player.place = player.target
			player.place = player.place.lerp(player.target, 1.0 - exp(-25.0 * delta))
		queue_redraw()


	func closed() -> void:
		if retry_at == 0:
			if was_open:
				print("closed ", peer.get_close_code(), " ", peer.get_close_reason())
			was_open = false
			id = 0
			if leaving:
				left.emit()
				return
			var pause := minf(8.0, 0.5 * pow(1.7, attempts))
			attempts += 1
			retry_at = Time.get_ticks_msec() + int(pause * 1000)
			status = "closed with code %d; trying again in %.1f s" % [peer.get_close_code(), pause]
		elif Time.get_ticks_msec() >= retry_at:
			retry_at = 0
			connect_now()


	func heard(message: String) -> void:
		var word := message.get_slice(" ", 0)
		var rest := message.substr(word.length() + 1)
		var who := rest.get_slice(" ", 0).to_int()
		var text := rest.substr(rest.get_slice(" ", 0).length() + 1)
		match word:
			"welcome":
				id = who
				size = Vector2(text.get_slice(" ", 0).to_float(), text.get_slice(" ", 1).to_float())
				players.clear()
				attempts = 0
				status = ""
				peer.send_text("join " + nickname)
				if greeting != "":
					peer.send_text("chat " + greeting)
				print("welcome ", id)
			"player":
				var player: Player = players.get_or_add(who, Player.new())
				var hue := text.get_slice(" ", 0)
				player.color = Color.from_hsv(hue.to_float() / 360.0, 0.55, 0.95)
				player.name = text.substr(hue.length() + 1)
				print("player ", player.name)
			"left":
				players.erase(who)
			"chat":
				if players.has(who):
					players[who].said = text
					players[who].said_until = Time.get_ticks_msec() + 5000
					print(players[who].name, ": ", text)
			"fell":
				print("the moon fell")
			"won":
				if players.has(who):
					print(players[who].name, " wins the round")
			"note":
				print(rest)


	func snapshot(packet: PackedByteArray) -> void:
		if packet.size() < 24 or packet.decode_u8(0) != 1:
			return
		tick = packet.decode_u32(4)
		moon = vector(packet, 8)
		well = vector(packet, 16)
		var offset := 24
		for i in packet.decode_u8(1):
			var player: Player = players.get(packet.decode_u32(offset))
			if player != null:
				player.target = vector(packet, offset + 4)
				player.speed = vector(packet, offset + 12)
				player.score = packet.decode_u16(offset + 20)
				var rtt := packet.decode_u16(offset + 22)
				player.rtt = -1.0 if rtt == 65535 else rtt / 10.0
			offset += 24
		orbs.resize(packet.decode_u8(2))
		for i in orbs.size():
			orbs[i] = vector(packet, offset + 8 * i)


	func vector(packet: PackedByteArray, offset: int) -> Vector2:
		return Vector2(packet.decode_float(offset), packet.decode_float(offset + 4))


	func steer() -> void:
		if id == 0 or not players.has(id) or Time.get_ticks_msec() < steered_at + 33:
			return
		steered_at = Time.get_ticks_msec()
		var message := PackedByteArray()
		message.resize(9)
		var keys := Input.get_vector("ui_left", "ui_right", "ui_up", "ui_down")
		var aim := nearest_orb() if auto else get_local_mouse_position()
		if keys != Vector2.ZERO:
			aim = keys
		message.encode_u8(0, 1 if keys == Vector2.ZERO else 2)
		message.encode_float(1, aim.x)
		message.encode_float(5, aim.y)
		peer.send(message)


	func nearest_orb() -> Vector2:
		var here: Vector2 = players[id].target
		var nearest := here
		for orb in orbs:
			if nearest == here or here.distance_to(orb) < here.distance_to(nearest):
				nearest = orb
		return nearest


	func _unhandled_key_input(event: InputEvent) -> void:
		if event.is_action_pressed("ui_accept") and peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
			peer.send_text("chat hello from Godot")


	func _draw() -> void:
		var window := get_viewport_rect().size
		var zoom := minf(window.x / size.x, window.y / size.y)
		scale = Vector2(zoom, zoom)
		position = (window - size * zoom) / 2
		RenderingServer.set_default_clear_color(Color("0b1013"))
		draw_rect(Rect2(Vector2.ZERO, size), Color("0e1519"))
		for x in range(32, int(size.x), 32):
			draw_line(Vector2(x, 0), Vector2(x, size.y), Color(0.5, 0.6, 0.65, 0.15), 1.5)
		draw_circle(well, 64, Color("04080a"))
		draw_arc(well, 64, 0, TAU, 64, Color(0.8, 0.9, 0.93, 0.5), 2.0, true)
		for orb in orbs:
			draw_circle(orb, 16, Color(1, 0.77, 0.42, 0.15))
			draw_circle(orb, 7, Color("ffcf86"))
		draw_circle(moon, 44, Color("cfdbe0"))
		for player: Player in players.values():
			if player.place != Vector2.INF:
				draw_player(player)
		write(size / 2, status, 28, Color.WHITE)


	func draw_player(player: Player) -> void:
		var ahead := player.speed.normalized() * 12
		draw_circle(player.place, 34, Color(player.color, 0.12))
		draw_circle(player.place, 20, player.color)
		draw_line(player.place - ahead, player.place + ahead, player.color.darkened(0.7), 7, true)
		if player == players.get(id):
			draw_arc(player.place, 25, 0, TAU, 48, Color.WHITE, 2.0, true)
		write(player.place + Vector2(0, 42), "%s  %d" % [player.name, player.score], 16, Color("c9d6db"))
		if Time.get_ticks_msec() < player.said_until:
			write(player.place - Vector2(0, 32), player.said, 18, Color.WHITE)


	func write(place: Vector2, text: String, height: int, color: Color) -> void:
		var wide := 600.0
		draw_string(ThemeDB.fallback_font, place - Vector2(wide / 2, 0), text, HORIZONTAL_ALIGNMENT_CENTER, wide, height, color)
