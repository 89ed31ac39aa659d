# A WebSocket client or server for Godot 3, driven by its command line, one line of output an event:
#   godot3-server --script godot3_websocket.gd --role=client --url=ws://127.0.0.1:9080/ --steps=text:5,await:1,close:4001:bye
#   godot3-server --script godot3_websocket.gd --role=server --steps=echo
# Options, steps and output are those of godot4_websocket.gd, but for these: Godot 3 cannot send an empty message, and it
# learns a close code only if the other side was the first to close; "close -1" is printed otherwise.
extends SceneTree

var options = {"role": "client", "protocols": "", "steps": "", "seconds": "60"}
var host
var peer = null
var steps = []
var received = 0
var awaited = 0
var due = 0
var done = false
var code = -1
var reason = ""

func _init():
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	for step in options.steps.split(",", false):
		steps.append(Array(step.split(":")))
	run()
	quit()

func run():
	var deadline = OS.get_ticks_msec() + int(options.seconds) * 1000
	if options.role == "server":
		host = WebSocketServer.new()
		host.connect("client_connected", self, "_client_connected")
		host.connect("client_close_request", self, "_client_close_request")
		host.connect("client_disconnected", self, "_client_disconnected")
		host.connect("data_received", self, "_data_received")
		host.set_buffers(256, 1024, 256, 1024)
		host.bind_ip = "127.0.0.1"
		if options.has("key"):
			var key = CryptoKey.new()
			var certificate = X509Certificate.new()
			if key.load(options.key) != OK or certificate.load(options.cert) != OK:
				print("failed load")
			host.private_key = key
			host.ssl_certificate = certificate
		# Godot 3 cannot tell which port it was given for port 0, so it tries one after another
		var port = 20000 + (OS.get_process_id() * 7) % 30000
		while host.listen(port, options.protocols.split(",", false)) != OK:
			port += 1
		print("listening ", port)
	else:
		host = WebSocketClient.new()
		host.connect("connection_established", self, "_connection_established")
		host.connect("connection_error", self, "_connection_error")
		host.connect("connection_closed", self, "_connection_closed")
		host.connect("server_close_request", self, "_server_close_request")
		host.connect("data_received", self, "_data_received")
		host.set_buffers(256, 1024, 256, 1024)
		if options.has("ca"):
			var trusted = X509Certificate.new()
			if trusted.load(options.ca) != OK:
				print("failed load")
			host.trusted_ssl_certificate = trusted
		print("connect ", host.connect_to_url(options.url, options.protocols.split(",", false)))
	while not done:
		host.poll()
		if peer != null and peer.is_connected_to_host():
			advance()
		if OS.get_ticks_msec() > deadline:
			print("timeout")
			return
		OS.delay_msec(2)

func _connection_established(protocol):
	peer = host.get_peer(1)
	print("open ", protocol)

func _connection_error():
	print("close -1 ")
	done = true

func _connection_closed(_clean):
	print("close ", code, " ", reason)
	done = true

func _server_close_request(its_code, its_reason):
	code = its_code
	reason = its_reason

func _client_connected(id, protocol):
	peer = host.get_peer(id)
	print("open ", protocol)

func _client_close_request(_id, its_code, its_reason):
	code = its_code
	reason = its_reason

func _client_disconnected(_id, _clean):
	print("close ", code, " ", reason)
	peer = null
	done = true

func _data_received(_id = 1):
	pass

func advance():
	while true:
		var step = steps[0] if steps.size() > 0 else ["idle"]
		if step[0] == "text" or step[0] == "binary":
			steps.pop_front()
			send(step[0] == "text", message(int(step[1]), step[0] == "text"))
			continue
		if step[0] == "close":
			steps.pop_front()
			peer.close(int(step[1]) if step.size() > 1 else 1000, step[2] if step.size() > 2 else "")
			print("closing")
			return
		if step[0] == "delay":
			if due == 0:
				due = OS.get_ticks_msec() + int(step[1])
			if OS.get_ticks_msec() < due:
				return
			due = 0
			steps.pop_front()
			continue
		if step[0] == "await" and received - awaited >= int(step[1]):
			awaited += int(step[1])
			steps.pop_front()
			continue
		if peer.get_available_packet_count() == 0:
			return
		var bytes = peer.get_packet()
		var text = peer.was_string_packet()
		received += 1
		print("text " if text else "binary ", bytes.size(), " ", sha256(bytes))
		if step[0] == "echo":
			awaited += 1
			send(text, bytes)
			if step.size() > 1:
				steps[0][1] = str(int(step[1]) - 1)
				if int(steps[0][1]) == 0:
					steps.pop_front()

func send(text, bytes):
	peer.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT if text else WebSocketPeer.WRITE_MODE_BINARY)
	var error = peer.put_packet(bytes)
	print("sent " if error == OK else "failed %d " % error, "text " if text else "binary ", bytes.size(), " ", sha256(bytes))

func message(size, text):
	var bytes = PoolByteArray()
	if text:
		bytes = "Grüße ✩ 🎮 ".to_utf8()
		while bytes.size() * 2 <= size:
			bytes.append_array(bytes)
		if bytes.size() > size:
			bytes = PoolByteArray()
		while bytes.size() < size:
			bytes.append(97 + bytes.size() % 26)
	else:
		bytes.resize(size)
		for i in range(size):
			bytes[i] = (i * 7 + (i >> 8)) & 0xff
	return bytes

func sha256(bytes):
	var context = HashingContext.new()
	context.start(HashingContext.HASH_SHA256)
	if bytes.size() > 0:
		context.update(bytes)
	return context.finish().hex_encode()
