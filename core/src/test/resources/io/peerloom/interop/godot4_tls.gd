# TLS over a TCP or Unix socket for Godot 4.6, driven by its command line, one line of output an event:
#   godot --headless --script godot4_tls.gd -- --role=client --port=9080 --ca=ca.pem --name=localhost --steps=put:5,get:5,close
#   godot --headless --script godot4_tls.gd -- --role=server --generate=folder --name=localhost --steps=get:5,put:5
# With --path it is a Unix socket, else TCP; a server without --path takes a free port and tells it.
# --name is whom a client asks for, --override the name that its options have instead; --ca is whom it trusts, --unsafe that
# it does not mind. A server has --key and --cert, or makes them for the name in the folder --generate: own.key and own.crt;
# --role=make does that and no more.
# --seconds=N: ends by itself after that long, 60 unless told. Steps, done one after another once connected:
#   put:N     writes N bytes with put_data                          get:N    reads N bytes with get_data, tells their hash
#   partial:N writes N bytes with put_partial_data, as they fit     take:N   the same with get_partial_data
#   wait:N    waits until N bytes are there, unread                 gone     waits until get_status is not CONNECTED
#   close     disconnect_from_stream                                cut      disconnect_from_host of the stream beneath
#   tell      tells both statuses
# Each change of status is told as "status STATUS", that of the stream beneath as "stream STATUS".
extends SceneTree

var options := {"role": "client", "port": "0", "path": "", "steps": "", "seconds": "60", "name": "localhost"}
var stream: StreamPeerSocket
var tls := StreamPeerTLS.new()
var status := 0
var deadline := 0

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
	if options.role == "make":
		tls_server()
		return false
	if options.role == "server":
		var server: SocketServer
		var settings := tls_server()
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
		print("accept ", tls.accept_stream(stream, settings))
	else:
		if options.path != "":
			stream = StreamPeerUDS.new()
			stream.connect_to_host(options.path)
		else:
			stream = StreamPeerTCP.new()
			stream.connect_to_host("127.0.0.1", int(options.port))
		while stream.get_status() == StreamPeerSocket.STATUS_CONNECTING:
			stream.poll()
			if late():
				return false
			OS.delay_msec(2)
		print("stream ", stream.get_status())
		print("connect ", tls.connect_to_stream(stream, options.name, tls_client()))
	tell()
	while poll() == StreamPeerTLS.STATUS_HANDSHAKING:
		if late():
			return false
		OS.delay_msec(2)
	return status == StreamPeerTLS.STATUS_CONNECTED

func tls_server() -> TLSOptions:
	var key: CryptoKey
	var certificate: X509Certificate
	if options.has("generate"):
		var crypto := Crypto.new()
		key = crypto.generate_rsa(2048)
		certificate = crypto.generate_self_signed_certificate(key, "CN=" + options.name + ",O=Peerloom,C=DE")
		key.save(options.generate.path_join("own.key"))
		certificate.save(options.generate.path_join("own.crt"))
	else:
		key = CryptoKey.new()
		certificate = X509Certificate.new()
		if key.load(options.key) != OK or certificate.load(options.cert) != OK:
			print("failed load")
	return TLSOptions.server(key, certificate)

func tls_client() -> TLSOptions:
	var trusted: X509Certificate = null
	if options.has("ca"):
		trusted = X509Certificate.new()
		if trusted.load(options.ca) != OK:
			print("failed load")
	if options.has("unsafe"):
		return TLSOptions.client_unsafe(trusted)
	return TLSOptions.client(trusted, options.get("override", ""))

func tell():
	if tls.get_status() != status:
		status = tls.get_status()
		print("status ", status)

func poll() -> int:
	stream.poll()
	if tls.get_status() == StreamPeerTLS.STATUS_HANDSHAKING or tls.get_status() == StreamPeerTLS.STATUS_CONNECTED:
		tls.poll()
	tell()
	return status

func late() -> bool:
	if Time.get_ticks_msec() > deadline:
		print("timeout")
		return true
	return false

func run(step: Array) -> bool:
	match step[0]:
		"put":
			print("put ", tls.put_data(message(int(step[1]))), " ", sha256(message(int(step[1]))))
		"get":
			var answer := tls.get_data(int(step[1]))
			print("got ", answer[0], " ", answer[1].size(), " ", sha256(answer[1]))
		"partial":
			var bytes := message(int(step[1]))
			var sent := 0
			while sent < bytes.size():
				poll()
				# mbed TLS wants the same bytes again after it could not send them
				var answer := tls.put_partial_data(bytes.slice(sent, sent + 16384))
				if answer[0] != OK:
					print("failed ", answer[0])
					return true
				sent += answer[1]
				if late():
					return false
				if answer[1] == 0:
					OS.delay_msec(1)
			print("put 0 ", sha256(bytes))
		"take":
			var bytes := PackedByteArray()
			while bytes.size() < int(step[1]):
				poll()
				var answer := tls.get_partial_data(int(step[1]) - bytes.size())
				if answer[0] != OK:
					print("failed ", answer[0])
					return true
				bytes.append_array(answer[1])
				if late():
					return false
				if answer[1].size() == 0:
					OS.delay_msec(1)
			print("got 0 ", bytes.size(), " ", sha256(bytes))
		"wait":
			while poll() == StreamPeerTLS.STATUS_CONNECTED and tls.get_available_bytes() < int(step[1]):
				if late():
					return false
				OS.delay_msec(2)
			print("available ", tls.get_available_bytes())
		"gone":
			while poll() == StreamPeerTLS.STATUS_CONNECTED:
				if late():
					return false
				OS.delay_msec(2)
		"tell":
			print("status ", tls.get_status())
			print("stream ", stream.get_status())
		"close":
			tls.disconnect_from_stream()
			tell()
			print("stream ", stream.get_status())
		"cut":
			stream.disconnect_from_host()
			print("stream ", stream.get_status())
	return true

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
