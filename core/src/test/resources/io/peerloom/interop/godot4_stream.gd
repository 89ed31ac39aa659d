# A TCP or Unix socket stream for Godot 4.6, driven by its command line, one line of output an event:
#   godot --headless --script godot4_stream.gd -- --role=client --port=9080 --steps=write,values,close
#   godot --headless --script godot4_stream.gd -- --role=server --path=/tmp/x.sock --steps=big,values,write
# With --path it is a Unix socket, else TCP; a server without --path takes a free port and tells it.
# --seconds=N: ends by itself after that long, 60 unless told. Steps, done one after another once connected:
#   big little     sets the byte order                          values    reads one value of each type and tells it
#   write          writes one value of each type, those read    get:N     reads N bytes and tells their hash
#                  before or a set of its own
#   put:N          writes N bytes with put_data                 partial:N writes N bytes with put_partial_data, as they fit
#   wait:N         waits until N bytes are there, unread        gone      waits until get_status is not CONNECTED
#   close          disconnect_from_host
# Each change of status that a poll shows is told as "status STATUS ERROR", ERROR being what the poll that saw it returned.
extends SceneTree

var options := {"role": "client", "port": "0", "path": "", "steps": "", "seconds": "60"}
var stream: StreamPeerSocket
var status := -1
var deadline := 0
var v := [-128, 255, -32768, 65535, -2147483648, 4294967295, -9223372036854775808, -1, 0.333251953125, 0.15625, 1.0 / 3, "Godot", "Grüße ✩ 🎮"]

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	deadline = Time.get_ticks_msec() + int(options.seconds) * 1000
	if start():
		for step in options.steps.split(",", false):
			if not run(step.split(":")):
				break
	print("end")
	quit()

func start() -> bool:
	if options.role == "server":
		var server: SocketServer
		if options.path != "":
			server = UDSServer.new()
			print("listening ", options.path) if server.listen(options.path) == OK else print("failed listen")
		else:
			server = TCPServer.new()
			print("listening ", server.get_local_port()) if server.listen(0, "127.0.0.1") == OK else print("failed listen")
		while not server.is_connection_available():
			if late():
				return false
			OS.delay_msec(2)
		stream = server.take_socket_connection()
		server.stop()
	elif options.path != "":
		stream = StreamPeerUDS.new()
		print("connect ", stream.connect_to_host(options.path))
	else:
		stream = StreamPeerTCP.new()
		print("connect ", stream.connect_to_host("127.0.0.1", int(options.port)))
	while poll() == StreamPeerSocket.STATUS_CONNECTING:
		if late():
			return false
		OS.delay_msec(2)
	return status == StreamPeerSocket.STATUS_CONNECTED

func poll() -> int:
	var error := stream.poll()
	if stream.get_status() != status:
		status = stream.get_status()
		print("status ", status, " ", error)
	return status

func late() -> bool:
	if Time.get_ticks_msec() > deadline:
		print("timeout")
		return true
	return false

func run(step: Array) -> bool:
	match step[0]:
		"big":
			stream.big_endian = true
		"little":
			stream.big_endian = false
		"values":
			values()
		"write":
			write()
		"get":
			var answer := stream.get_data(int(step[1]))
			print("got ", answer[0], " ", answer[1].size(), " ", sha256(answer[1]))
		"put":
			print("put ", stream.put_data(message(int(step[1]))), " ", sha256(message(int(step[1]))))
		"partial":
			var bytes := message(int(step[1]))
			var sent := 0
			var calls := 0
			while sent < bytes.size():
				poll()
				var answer := stream.put_partial_data(bytes.slice(sent))
				if answer[0] != OK:
					print("failed ", answer[0])
					return true
				sent += answer[1]
				calls += 1
				if late():
					return false
				if answer[1] == 0:
					OS.delay_msec(1)
			print("put 0 ", sha256(bytes))
		"wait":
			while poll() == StreamPeerSocket.STATUS_CONNECTED and stream.get_available_bytes() < int(step[1]):
				if late():
					return false
				OS.delay_msec(2)
			print("available ", stream.get_available_bytes())
		"gone":
			while poll() == StreamPeerSocket.STATUS_CONNECTED:
				if late():
					return false
				OS.delay_msec(2)
		"close":
			stream.disconnect_from_host()
			print("status ", stream.get_status(), " closed")
	return true

func values():
	v = [stream.get_8(), stream.get_u8(), stream.get_16(), stream.get_u16(), stream.get_32(), stream.get_u32(),
		stream.get_64(), stream.get_u64(), stream.get_half(), stream.get_float(), stream.get_double(), stream.get_string(),
		stream.get_utf8_string()]
	var bits := PackedByteArray()
	bits.resize(8)
	for i in v.size():
		if v[i] is float:
			# told by its bits, so that nothing is lost in printing
			bits.encode_double(0, v[i])
			print("value ", "%016x" % bits.decode_s64(0) if bits[7] < 128 else "-%016x" % (bits.decode_s64(0) & 0x7fffffffffffffff))
		else:
			print("value ", v[i])

func write():
	stream.put_8(v[0])
	stream.put_u8(v[1])
	stream.put_16(v[2])
	stream.put_u16(v[3])
	stream.put_32(v[4])
	stream.put_u32(v[5])
	stream.put_64(v[6])
	stream.put_u64(v[7])
	stream.put_half(v[8])
	stream.put_float(v[9])
	stream.put_double(v[10])
	stream.put_string(v[11])
	stream.put_utf8_string(v[12])

func message(size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	for i in size:
		bytes[i] = (i * 7 + (i >> 8)) & 0xff
	return bytes

func sha256(bytes: PackedByteArray) -> String:
	var context := HashingContext.new()
	context.start(HashingContext.HASH_SHA256)
	if bytes.size() > 0:
		context.update(bytes)
	return context.finish().hex_encode()
