# What Godot 4.6 takes for one key, and what it makes of an object with a script, driven by its command line:
#   godot --headless --script godot4_keys.gd -- --keys=HEX,HEX --all=HEX --object=HEX
# keys    values; tells "row " and, for each of them, 1 if a dictionary with the row's key finds it
# all     a dictionary; tells "all " and its bytes when it is encoded again
# object  an object with a script "res://hero.gd"; tells "object " and its properties life and title
extends SceneTree

func _init():
	for argument in OS.get_cmdline_user_args():
		var parts := argument.trim_prefix("--").split("=", true, 1)
		match parts[0]:
			"keys":
				keys(parts[1])
			"all":
				print("all ", var_to_bytes(bytes_to_var(parts[1].hex_decode())).hex_encode())
			"object":
				var object = bytes_to_var_with_objects(parts[1].hex_decode())
				print("object ", object.life, " ", object.title)
	print("end")
	quit()

func keys(list: String):
	var values := []
	for hex in list.split(","):
		values.append(bytes_to_var(hex.hex_decode()))
	for a in values:
		var row := ""
		for hex in list.split(","): # made anew: an array is not to be found because it is the same one
			row += "1" if {a: true}.has(bytes_to_var(hex.hex_decode())) else "0"
		print("row ", row)
