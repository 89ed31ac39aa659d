# What Godot 3 takes for one key, driven by its command line:
#   godot3-server --script godot3_keys.gd --keys=HEX,HEX --all=HEX
# Arguments and output are those of godot4_keys.gd, without objects.
extends SceneTree

func _init():
	for argument in OS.get_cmdline_args():
		var parts = argument.trim_prefix("--").split("=", true, 1)
		if parts[0] == "keys":
			keys(parts[1])
		elif parts[0] == "all":
			print("all ", var2bytes(bytes2var(decode(parts[1]))).hex_encode())
	print("end")
	quit()

func keys(list):
	for hex in list.split(","):
		var row = ""
		for other in list.split(","):
			row += "1" if {bytes2var(decode(hex)): true}.has(bytes2var(decode(other))) else "0"
		print("row ", row)

func decode(hex):
	var bytes = PoolByteArray()
	for i in range(0, hex.length(), 2):
		bytes.append(("0x" + hex.substr(i, 2)).hex_to_int())
	return bytes
