# TLS over TCP for Godot 3, driven by its command line, one line of output an event:
#   godot3-server --script godot3_tls.gd --role=client --port=9080 --ca=ca.pem --name=localhost --steps=put:5,get:5,close
#   godot3-server --script godot3_tls.gd --role=server --generate=folder --name=localhost --steps=get:5,put:5
# Options, steps and output are those of godot4_tls.gd, but for these: there are no Unix sockets, no partial and no take, and
# no --override; --unsafe is validate_certs = false. --blocking leaves blocking_handshake on, as it is at first.
extends SceneTree

var options = {"role": "client", "port": "0", "steps": "", "seconds": "60", "name": "localhost"}
var stream
var tls = StreamPeerSSL.new()
var status = 0
var deadline = 0

func _init():
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		options[parts[0]] = parts[1] if parts.size() > 1 else ""
	deadline = OS.get_ticks_msec() + int(options.seconds) * 1000
	if start():
		for step in options.steps.split(",", false):
			if not run(Array(step.split(":"))):
				break
	print("end")
	quit()

func start():
	if options.role == "make":
		own()
		return false
	tls.blocking_handshake = options.has("blocking")
	if options.role == "server":
		var own = own()
		var server = TCP_Server.new()
		# Godot 3 cannot tell which port it was given for port 0, so it tries one after another
		var port = 20000 + (OS.get_process_id() * 7) % 30000
		while server.listen(port, "127.0.0.1") != OK:
			port += 1
		print("listening ", port)
		while not server.is_connection_available():
			if late():
				return false
			OS.delay_msec(2)
		stream = server.take_connection()
		server.stop()
		while stream.get_status() == StreamPeerTCP.STATUS_CONNECTING:
			OS.delay_msec(2)
		print("accept ", tls.accept_stream(stream, own[0], own[1]))
	else:
		stream = StreamPeerTCP.new()
		stream.connect_to_host("127.0.0.1", int(options.port))
		while stream.get_status() == StreamPeerTCP.STATUS_CONNECTING:
			if late():
				return false
			OS.delay_msec(2)
		print("stream ", stream.get_status())
		var trusted = null
		if options.has("ca"):
			trusted = X509Certificate.new()
			if trusted.load(options.ca) != OK:
				print("failed load")
		print("connect ", tls.connect_to_stream(stream, not options.has("unsafe"), options.name, trusted))
	tell()
	while poll() == StreamPeerSSL.STATUS_HANDSHAKING:
		if late():
			return false
		OS.delay_msec(2)
	return status == StreamPeerSSL.STATUS_CONNECTED

func own():
	var key
	var certificate
	if options.has("generate"):
		var crypto = Crypto.new()
		key = crypto.generate_rsa(2048)
		certificate = crypto.generate_self_signed_certificate(key, "CN=" + options.name + ",O=Peerloom,C=DE")
		key.save(options.generate.plus_file("own.key"))
		certificate.save(options.generate.plus_file("own.crt"))
	else:
		key = CryptoKey.new()
		certificate = X509Certificate.new()
		if key.load(options.key) != OK or certificate.load(options.cert) != OK:
			print("failed load")
	return [key, certificate]

func tell():
	if tls.get_status() != status:
		status = tls.get_status()
		print("status ", status)

func poll():
	if tls.get_status() == StreamPeerSSL.STATUS_HANDSHAKING or tls.get_status() == StreamPeerSSL.STATUS_CONNECTED:
		tls.poll()
	tell()
	return status

func late():
	if OS.get_ticks_msec() > deadline:
		print("timeout")
		return true
	return false

func run(step):
	match step[0]:
		"put":
			print("put ", tls.put_data(message(int(step[1]))), " ", sha256(message(int(step[1]))))
		"get":
			var answer = tls.get_data(int(step[1]))
			print("got ", answer[0], " ", answer[1].size(), " ", sha256(answer[1]))
		"wait":
			while poll() == StreamPeerSSL.STATUS_CONNECTED and tls.get_available_bytes() < int(step[1]):
				if late():
					return false
				OS.delay_msec(2)
			print("available ", tls.get_available_bytes())
		"gone":
			while poll() == StreamPeerSSL.STATUS_CONNECTED:
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

func message(size):
	var bytes = PoolByteArray()
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
