# Values of all types from Godot 4.6, driven by its command line, one line of output an event:
#   godot --headless --script godot4_variant.gd -- --way=stream --port=9080
# Ways: stream (put_var of StreamPeerTCP), packet (PacketPeerStream over it), websocket (a WebSocket client)
# 1. It puts one value of each kind.
# 2. It gets as many, tells "same INDEX" or "differs INDEX GOT" of each, and puts it back.
# 3. It puts an object in full, gets one, and tells its class and id.
# 4. It gets two values more and tells them: vectors in double precision.
extends SceneTree

var options := {"way": "stream", "port": "0", "seconds": "60"}
var tcp := StreamPeerTCP.new()
var packets: PacketPeer
var deadline := 0
var object := RefCounted.new()
var values: Array

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1]
	deadline = Time.get_ticks_msec() + int(options.seconds) * 1000
	fill()
	if start():
		talk()
	print("end")
	quit()

func fill():
	var ints: Array[int] = [1, -2, 3]
	var vectors: Array[Vector3] = [Vector3(1, 2, 3)]
	var objects: Array[RefCounted] = []
	var scores: Dictionary[String, int] = {"a": 1, "b": -2}
	var names: Dictionary[int, StringName] = {1: &"x"}
	object.add_user_signal("hit")
	values = [
		null, true, 42, -9007199254740993, 0.5, 0.1, INF, NAN, "Grüße ✩ 🎮", Vector2(1.5, -2.25), Vector2i(3, -4),
		Rect2(1, 2, 3, 4), Rect2i(1, 2, 3, 4), Vector3(1, 2, 3), Vector3i(1, -2, 3),
		Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6)), Vector4(1, 2, 3, 4), Vector4i(1, 2, 3, -4),
		Plane(0, 1, 0, 2.5), Quaternion(0, 0.6, 0, 0.8), AABB(Vector3(1, 2, 3), Vector3(4, 5, 6)),
		Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)),
		Transform3D(Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)), Vector3(10, 11, 12)),
		Projection(Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8), Vector4(9, 10, 11, 12), Vector4(13, 14, 15, 16)),
		Color(0.1, 0.2, 0.3, 0.4), &"jump", ^"/root/A:position:x", rid_from_int64(5), object, Callable(object, "get"),
		Signal(object, "hit"), {"a": 1, 2: "b", 3.5: [null], true: {"n": {}}, Vector2i(1, 2): [Vector2(1, 2)]},
		[1, "two", 3.5, null, true, [4, [5]], {"k": Vector2(1, 2)}], ints, vectors, objects, scores, names,
		PackedByteArray([1, 2, 255]), PackedInt32Array([1, -2, 2147483647]),
		PackedInt64Array([1, -2, 9223372036854775807]), PackedFloat32Array([1.5, 0.1]), PackedFloat64Array([1.5, 0.1]),
		PackedStringArray(["", "a", "żółć", "long enough"]), PackedVector2Array([Vector2(1, 2), Vector2(0.1, 4)]),
		PackedVector3Array([Vector3(1, 2, 3)]), PackedColorArray([Color(1, 0, 0, 0.5)]),
		PackedVector4Array([Vector4(1, 2, 3, 4)])]

func start() -> bool:
	if options.way == "websocket":
		packets = WebSocketPeer.new()
		print("connect ", packets.connect_to_url("ws://127.0.0.1:" + options.port))
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

func connected() -> bool:
	poll()
	if options.way == "websocket":
		return packets.get_ready_state() == WebSocketPeer.STATE_OPEN
	return tcp.get_status() == StreamPeerTCP.STATUS_CONNECTED

func poll():
	if options.way == "websocket":
		packets.poll()
	else:
		tcp.poll()

func put(value, full := false):
	if packets == null:
		tcp.put_var(value, full)
	else:
		var error := packets.put_var(value, full)
		if error != OK:
			print("failed ", error)

func take(full := false):
	if packets == null:
		return tcp.get_var(full)
	while packets.get_available_packet_count() == 0:
		if late():
			return "late"
		OS.delay_msec(1)
		poll()
	return packets.get_var(full)

func late() -> bool:
	if Time.get_ticks_msec() > deadline:
		print("timeout")
		return true
	return false

func talk():
	for value in values:
		put(value)
	for i in values.size():
		var value = take()
		if same(value, values[i]):
			print("same ", i)
		else:
			print("differs ", i, " ", var_to_str(value))
		# What an engine has got in place of an object it would put as another object.
		put(object if value is EncodedObjectAsID else value)
	var whole := EncodedObjectAsID.new()
	whole.object_id = 77
	put(whole, true)
	var other = take(true)
	print("object ", other.get_class(), " ", other.object_id)
	print("wide ", var_to_str(take()))
	print("wide ", var_to_str(take()))
	print("done")
	while connected() and not late():
		OS.delay_msec(2)

func same(value, expected) -> bool:
	if expected is RefCounted:
		return value is EncodedObjectAsID and value.object_id == expected.get_instance_id()
	return typeof(value) == typeof(expected) and var_to_bytes(value) == var_to_bytes(expected)
