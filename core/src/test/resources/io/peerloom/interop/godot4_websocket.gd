# A WebSocket client or server for Godot 4, driven by its command line, one line of output an event:
#   godot --headless --script godot4_websocket.gd -- --role=client --url=ws://127.0.0.1:9080/ --steps=text:5,await:1,close:4001:bye
#   godot --headless --script godot4_websocket.gd -- --role=server --steps=echo
# Options: --protocols=a,b  --heartbeat=SECONDS  --seconds=N (ends by itself after that long, 60 unless told)
# --ca=FILE: whom a client trusts  --key=FILE --cert=FILE: makes a server speak TLS
# Steps, done one after another once the connection is open:
#   text:N binary:N   send one message of N bytes              echo:N echo   answer N messages, or every one, in kind
#   await:N           wait for N more messages                 close:CODE:REASON   close:CODE   close
#   delay:MS          wait for a time, reading nothing
# Then it waits for the end of the connection, prints it and quits.
extends SceneTree

var options := {"role": "client", "protocols": "", "steps": "", "seconds": "60", "heartbeat": "0"}
var peer := WebSocketPeer.new()
var steps := []
var received := 0
var awaited := 0
var due := 0

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	for step in options.steps.split(",", false):
		steps.append(step.split(":"))
	run()
	quit()

func run():
	var deadline := Time.get_ticks_msec() + int(options.seconds) * 1000
	peer.inbound_buffer_size = 1 << 18
	peer.outbound_buffer_size = 1 << 18
	peer.supported_protocols = options.protocols.split(",", false)
	peer.heartbeat_interval = float(options.heartbeat)
	if options.role == "server":
		var server := TCPServer.new()
		if server.listen(0, "127.0.0.1") != OK:
			print("failed listen")
			return
		print("listening ", server.get_local_port())
		while not server.is_connection_available():
			if Time.get_ticks_msec() > deadline:
				print("timeout")
				return
			OS.delay_msec(2)
		print("accept ", peer.accept_stream(secure(server.take_connection()) if options.has("key") else server.take_connection()))
		server.stop()
	else:
		print("connect ", peer.connect_to_url(options.url, trust()))
	var state := WebSocketPeer.STATE_CONNECTING
	while true:
		peer.poll()
		if peer.get_ready_state() != state:
			state = peer.get_ready_state()
			if state == WebSocketPeer.STATE_OPEN:
				print("open ", peer.get_selected_protocol())
			elif state == WebSocketPeer.STATE_CLOSED:
				print("close ", peer.get_close_code(), " ", peer.get_close_reason())
				return
		if state == WebSocketPeer.STATE_OPEN:
			advance()
		if Time.get_ticks_msec() > deadline:
			print("timeout")
			return
		OS.delay_msec(2)

func secure(stream: StreamPeerTCP) -> StreamPeerTLS:
	var key := CryptoKey.new()
	var certificate := X509Certificate.new()
	if key.load(options.key) != OK or certificate.load(options.cert) != OK:
		print("failed load")
	var tls := StreamPeerTLS.new()
	print("tls ", tls.accept_stream(stream, TLSOptions.server(key, certificate)))
	return tls

func trust() -> TLSOptions:
	if not options.has("ca"):
		return null
	var trusted := X509Certificate.new()
	if trusted.load(options.ca) != OK:
		print("failed load")
	return TLSOptions.client(trusted)

func advance():
	while true:
		var step: Array = steps[0] if steps.size() > 0 else ["idle"]
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
				due = Time.get_ticks_msec() + int(step[1])
			if Time.get_ticks_msec() < due:
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
		var bytes := peer.get_packet()
		var text := peer.was_string_packet()
		received += 1
		print("text " if text else "binary ", bytes.size(), " ", sha256(bytes))
		if step[0] == "echo":
			awaited += 1
			send(text, bytes)
			if step.size() > 1:
				steps[0][1] = str(int(step[1]) - 1)
				if int(steps[0][1]) == 0:
					steps.pop_front()

func send(text: bool, bytes: PackedByteArray):
	var error := peer.send(bytes, WebSocketPeer.WRITE_MODE_TEXT if text else WebSocketPeer.WRITE_MODE_BINARY)
	print("sent " if error == OK else "failed %d " % error, "text " if text else "binary ", bytes.size(), " ", sha256(bytes))

func message(size: int, text: bool) -> PackedByteArray:
	var bytes := PackedByteArray()
	if text:
		bytes = "Grüße ✩ 🎮 ".to_utf8_buffer()
		while bytes.size() * 2 <= size:
			bytes.append_array(bytes)
		if bytes.size() > size:
			bytes.clear()
		while bytes.size() < size:
			bytes.append(97 + bytes.size() % 26)
	else:
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
