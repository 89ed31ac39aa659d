# Values of all types from Godot 3, driven by its command line, one line of output an event:
#   godot3-server --script godot3_variant.gd --way=stream --port=9080
# Ways and steps are those of godot4_variant.gd, but for the last one, since Godot 3 knows no double precision.
extends SceneTree

var options = {"way": "stream", "port": "0", "seconds": "60"}
var tcp = StreamPeerTCP.new()
var client = null
var packets = null
var deadline = 0
var object = Reference.new()
var values = []

func _init():
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	deadline = OS.get_ticks_msec() + int(options.seconds) * 1000
	fill()
	if start():
		talk()
	print("end")
	quit()

func fill():
	values = [
		null, true, 42, -9007199254740993, 0.5, 0.1, INF, NAN, "Grüße ✩ 🎮", Vector2(1.5, -2.25), Rect2(1, 2, 3, 4),
		Vector3(1, 2, 3), Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6)), Plane(0, 1, 0, 2.5),
		Quat(0, 0.6, 0, 0.8), AABB(Vector3(1, 2, 3), Vector3(4, 5, 6)),
		Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)),
		Transform(Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)), Vector3(10, 11, 12)),
		Color(0.1, 0.2, 0.3, 0.4), NodePath("/root/A:position:x"), RID(), object,
		{"a": 1, 2: "b", 3.5: [null], true: {"n": {}}}, [1, "two", 3.5, null, true, [4, [5]], {"k": Vector2(1, 2)}],
		PoolByteArray([1, 2, 255]), PoolIntArray([1, -2, 2147483647]), PoolRealArray([1.5, 0.1]),
		PoolStringArray(["", "a", "żółć", "long enough"]), PoolVector2Array([Vector2(1, 2), Vector2(0.1, 4)]),
		PoolVector3Array([Vector3(1, 2, 3)]), PoolColorArray([Color(1, 0, 0, 0.5)])]

func start():
	if options.way == "websocket":
		client = WebSocketClient.new()
		print("connect ", client.connect_to_url("ws://127.0.0.1:" + options.port))
		packets = client.get_peer(1)
	else:
		print("connect ", tcp.connect_to_host("127.0.0.1", int(options.port)))
		if options.way == "packet":
			packets = PacketPeerStream.new()
			packets.stream_peer = tcp
	while not connected():
		if late():
			return false
		OS.delay_msec(2)
	return true

func connected():
	poll()
	if client != null:
		return packets.is_connected_to_host()
	return tcp.get_status() == StreamPeerTCP.STATUS_CONNECTED

func poll():
	if client != null:
		client.poll()

func put(value, full = false):
	if packets == null:
		tcp.put_var(value, full)
	else:
		var error = packets.put_var(value, full)
		if error != OK:
			print("failed ", error)

func take(full = false):
	if packets == null:
		return tcp.get_var(full)
	while packets.get_available_packet_count() == 0:
		if late():
			return "late"
		OS.delay_msec(1)
		poll()
	return packets.get_var(full)

func late():
	if OS.get_ticks_msec() > deadline:
		print("timeout")
		return true
	return false

func talk():
	for value in values:
		put(value)
	for i in range(values.size()):
		var value = take()
		if same(value, values[i]):
			print("same ", i)
		else:
			print("differs ", i, " ", var2str(value))
		# What an engine has got in place of an object it would put as another object.
		put(object if value is EncodedObjectAsID else value)
	var whole = EncodedObjectAsID.new()
	whole.object_id = 77
	put(whole, true)
	var other = take(true)
	print("object ", other.get_class(), " ", other.object_id)
	print("done")
	while connected() and not late():
		OS.delay_msec(2)

func same(value, expected):
	if expected is Reference:
		return value is EncodedObjectAsID and value.object_id == expected.get_instance_id()
	if typeof(value) != typeof(expected):
		return false
	# The bytes that pad a path are whatever was in the engine's memory.
	return str(value) == str(expected) if expected is NodePath else var2bytes(value) == var2bytes(expected)
