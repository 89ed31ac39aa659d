package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import io.peerloom.multiplayer.WebSocketMultiplayerPeer;
import io.peerloom.packet.PacketPeer;
import io.peerloom.packet.PacketPeerStream;
import io.peerloom.stream.SocketServer;
import io.peerloom.stream.StreamPeer;
import io.peerloom.stream.StreamPeerBuffer;
import io.peerloom.stream.StreamPeerSocket;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.StreamPeerTLS;
import io.peerloom.stream.StreamPeerUDS;
import io.peerloom.stream.TCPServer;
import io.peerloom.stream.TLSOptions;
import io.peerloom.stream.UDSServer;
import io.peerloom.variant.Variant;
import io.peerloom.websocket.WebSocketClient;
import io.peerloom.websocket.WebSocketPeer;
import io.peerloom.websocket.WebSocketServer;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Every member of Godot's classes, as the engines 3.2.3 and 4.6.3 list them, has its counterpart
 * here by the naming rules, or stands among the exceptions with a reason. Inherited members count
 * for each heir.
 *
 * <p>The rules: {@code get_status} is {@code getStatus}, once with all of its arguments and once
 * without those that have defaults, and returns the like; a property is its getter and its setter;
 * a signal is a method of the nested {@code Listener}, with as many arguments; {@code
 * Status.STATUS_CONNECTED} is {@code Status.CONNECTED} of a nested enum, with Godot's number in
 * {@code value()}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GodotSurfaceTest {

    private static final List<String> LISTINGS = List.of("api-3.2.json", "api-4.6.json");

    /** What a class of Godot is here. A second class has what the first one does not inherit. */
    private static final Map<String, List<Class<?>>> CLASSES =
            Map.ofEntries(
                    Map.entry("StreamPeer", List.of(StreamPeer.class)),
                    Map.entry("StreamPeerBuffer", List.of(StreamPeerBuffer.class)),
                    Map.entry("StreamPeerSocket", List.of(StreamPeerSocket.class)),
                    Map.entry("StreamPeerTCP", List.of(StreamPeerTCP.class)),
                    Map.entry("StreamPeerUDS", List.of(StreamPeerUDS.class)),
                    Map.entry("StreamPeerSSL", List.of(StreamPeerTLS.class)),
                    Map.entry("StreamPeerTLS", List.of(StreamPeerTLS.class)),
                    Map.entry("TLSOptions", List.of(TLSOptions.class)),
                    Map.entry("SocketServer", List.of(SocketServer.class)),
                    Map.entry("TCP_Server", List.of(TCPServer.class)),
                    Map.entry("TCPServer", List.of(TCPServer.class)),
                    Map.entry("UDSServer", List.of(UDSServer.class)),
                    Map.entry("PacketPeer", List.of(PacketPeer.class)),
                    Map.entry("PacketPeerStream", List.of(PacketPeerStream.class)),
                    Map.entry("NetworkedMultiplayerPeer", List.of(WebSocketMultiplayerPeer.class)),
                    Map.entry("MultiplayerPeer", List.of(WebSocketMultiplayerPeer.class)),
                    Map.entry("WebSocketMultiplayerPeer", List.of(WebSocketMultiplayerPeer.class)),
                    Map.entry("WebSocketPeer", List.of(WebSocketPeer.class)),
                    Map.entry(
                            "WebSocketClient",
                            List.of(WebSocketClient.class, WebSocketMultiplayerPeer.class)),
                    Map.entry(
                            "WebSocketServer",
                            List.of(WebSocketServer.class, WebSocketMultiplayerPeer.class)));

    /** Has no counterpart, and why. */
    private static final Map<String, String> EXCEPTIONS = new LinkedHashMap<>();

    static {
        String group = "gd_mp_api is a class of its own, WebSocketMultiplayerPeer";
        EXCEPTIONS.put("WebSocketClient.connect_to_url/4", group);
        EXCEPTIONS.put("WebSocketServer.listen/3", group);

        String everybody = "it would trust everybody";
        EXCEPTIONS.put("TLSOptions.client_unsafe/0", everybody);
        EXCEPTIONS.put("TLSOptions.client_unsafe/1", "it would not check the host's name");
        EXCEPTIONS.put("TLSOptions.is_unsafe_client/0", "it would always be false");
        EXCEPTIONS.put("StreamPeerSSL.connect_to_stream/1", everybody);
        EXCEPTIONS.put("WebSocketClient.set_verify_ssl_enabled/1", everybody);
        EXCEPTIONS.put("WebSocketClient.is_verify_ssl_enabled/0", "it would always be true");

        EXCEPTIONS.put("TYPE_MAX", "it counts the types, and is none");

        String elsewhere = "of other classes; none of these returns it";
        Stream.of(
                        "PARAMETER_RANGE_ERROR",
                        "FILE_NOT_FOUND",
                        "FILE_BAD_DRIVE",
                        "FILE_BAD_PATH",
                        "FILE_NO_PERMISSION",
                        "FILE_ALREADY_IN_USE",
                        "FILE_CANT_OPEN",
                        "FILE_CANT_WRITE",
                        "FILE_CANT_READ",
                        "FILE_UNRECOGNIZED",
                        "FILE_CORRUPT",
                        "FILE_MISSING_DEPENDENCIES",
                        "CANT_OPEN",
                        "QUERY_FAILED",
                        "LOCKED",
                        "CANT_CONNECT",
                        "CANT_ACQUIRE_RESOURCE",
                        "CANT_FORK",
                        "DOES_NOT_EXIST",
                        "DATABASE_CANT_READ",
                        "DATABASE_CANT_WRITE",
                        "COMPILATION_FAILED",
                        "METHOD_NOT_FOUND",
                        "LINK_FAILED",
                        "SCRIPT_FAILED",
                        "CYCLIC_LINK",
                        "INVALID_DECLARATION",
                        "DUPLICATE_SYMBOL",
                        "PARSE_ERROR",
                        "SKIP",
                        "HELP",
                        "BUG",
                        "PRINTER_ON_FIRE")
                .forEach(name -> EXCEPTIONS.put("ERR_" + name, elsewhere));
    }

    /** Godot 3's names of types that have Godot 4's here. */
    private static final Map<String, String> TYPES_OF_GODOT3 =
            Map.of(
                    "REAL", "FLOAT",
                    "QUAT", "QUATERNION",
                    "TRANSFORM", "TRANSFORM3D",
                    "RAW_ARRAY", "PACKED_BYTE_ARRAY",
                    "INT_ARRAY", "PACKED_INT32_ARRAY",
                    "REAL_ARRAY", "PACKED_FLOAT32_ARRAY",
                    "STRING_ARRAY", "PACKED_STRING_ARRAY",
                    "VECTOR2_ARRAY", "PACKED_VECTOR2_ARRAY",
                    "VECTOR3_ARRAY", "PACKED_VECTOR3_ARRAY",
                    "COLOR_ARRAY", "PACKED_COLOR_ARRAY");

    /** Getters of properties that are called neither {@code get_} nor {@code is_..._enabled}. */
    private static final Map<String, String> GETTERS =
            Map.of(
                    "allow_object_decoding", "is_object_decoding_allowed",
                    "refuse_new_connections", "is_refusing_new_connections");

    private record Listing(String engine, List<GodotClass> classes) {}

    private record GodotClass(
            @com.google.gson.annotations.SerializedName("class") String name,
            String inherits,
            Map<String, Map<String, Integer>> enums,
            Map<String, Integer> constants,
            List<Member> methods,
            List<Member> signals,
            List<String> properties) {}

    /** A method or a signal; an argument with a default is {@code "int code = 1000"}. */
    private record Member(String name, List<String> args, String returns) {}

    private final Map<String, List<GodotClass>> listings = new TreeMap<>();

    /** What has no counterpart: its key, and what was looked for. */
    private final Map<String, String> missing = new TreeMap<>();

    /** What was looked for, each once in each listing. */
    private final Set<String> checked = new TreeSet<>();

    @BeforeAll
    void compare() {
        for (String file : LISTINGS) {
            try (Reader text =
                    new InputStreamReader(
                            GodotSurfaceTest.class.getResourceAsStream("godot/" + file),
                            StandardCharsets.UTF_8)) {
                listings.put(file, new Gson().fromJson(text, Listing.class).classes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        listings.forEach((file, classes) -> {
            for (GodotClass heir : classes) {
                if (heir.constants != null) {
                    constants(file, heir.constants);
                    continue;
                }
                List<Class<?>> here = CLASSES.get(heir.name);
                assertThat(here).as("the counterpart of " + heir.name).isNotNull();
                for (GodotClass from = heir; from != null; from = parent(classes, from)) {
                    members(file, from, here);
                }
            }
        });
    }

    private static GodotClass parent(List<GodotClass> classes, GodotClass child) {
        return classes.stream()
                .filter(other -> other.name.equals(child.inherits))
                .findFirst()
                .orElse(null);
    }

    private void members(String file, GodotClass from, List<Class<?>> here) {
        for (Member method : from.methods) {
            int all = method.args.size();
            int least = (int) method.args.stream().filter(arg -> !arg.contains(" = ")).count();
            for (int count : new TreeSet<>(List.of(least, all))) {
                String key = from.name + "." + method.name + "/" + count;
                String name = camel(method.name);
                expect(
                        file,
                        key,
                        here.stream()
                                .flatMap(type -> Stream.of(type.getMethods()))
                                .anyMatch(candidate ->
                                        candidate.getName().equals(name)
                                                && candidate.getParameterCount() == count
                                                && returns(candidate, method.returns)),
                        here);
            }
        }
        for (Member signal : from.signals) {
            expect(
                    file,
                    from.name + "." + signal.name,
                    here.stream()
                            .flatMap(type -> nested(type, "Listener"))
                            .flatMap(type -> Stream.of(type.getMethods()))
                            .anyMatch(method ->
                                    method.getName().equals(camel(signal.name))
                                            && method.getParameterCount() == signal.args.size()),
                    here);
        }
        for (String property : from.properties) {
            String name = property.substring(property.indexOf(' ') + 1);
            String getter = GETTERS.get(name);
            // Its accessors are methods of the listing, which were compared above.
            assertThat(from.methods)
                    .as(from.name + "." + name)
                    .extracting(Member::name)
                    .containsAnyOf("set_" + name, "set_" + name + "_enabled")
                    .containsAnyOf(
                            getter == null ? "get_" + name : getter, "is_" + name + "_enabled");
            checked.add(file + " " + from.name + "." + name);
        }
        from.enums.forEach((name, constants) -> {
            int prefix = commonPrefix(constants.keySet());
            constants.forEach((constant, value) ->
                    expect(
                            file,
                            from.name + "." + constant,
                            here.stream()
                                    .flatMap(type -> nested(type, name))
                                    .anyMatch(type -> has(type, constant.substring(prefix), value)),
                            here));
        });
    }

    private void constants(String file, Map<String, Integer> constants) {
        constants.forEach((name, value) -> {
            boolean found;
            if (name.startsWith("TYPE_")) {
                String type = name.substring("TYPE_".length());
                String renamed = TYPES_OF_GODOT3.getOrDefault(type, type);
                found =
                        Stream.of(Variant.Type.values())
                                .anyMatch(known ->
                                        known.name().equals(renamed) && known.godot3() == value);
            } else {
                found = has(ErrorCode.class, name.replaceFirst("^ERR_", ""), value);
            }
            expect(file, name, found, List.of());
        });
    }

    private void expect(String file, String key, boolean found, List<Class<?>> here) {
        checked.add(file + " " + key);
        if (!found) {
            missing.put(key, key + " of " + file + " in " + here);
        }
    }

    private static boolean has(Class<?> type, String constant, int value) {
        try {
            Method number = type.getMethod("value");
            for (Object each : type.getEnumConstants()) {
                if (((Enum<?>) each).name().equals(constant)) {
                    return number.invoke(each).equals(value);
                }
            }
            return false;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    /** Whether a method gives what Godot's does, as far as Godot's types have one counterpart. */
    private static boolean returns(Method method, String godot) {
        Class<?> type = method.getReturnType();
        String last = godot.substring(Math.max(godot.lastIndexOf('.'), godot.lastIndexOf(':')) + 1);
        return switch (last) {
            case "int" -> Set.of("int", "long", "short", "byte").contains(type.getName());
            case "float" -> type == float.class || type == double.class;
            case "bool" -> type == boolean.class;
            case "String" -> type == String.class;
            case "Error" -> type == ErrorCode.class;
            case "PackedByteArray", "PoolByteArray" -> type == byte[].class;
            case "Variant" -> type == Variant.class;
            // an error and what was moved: java.nio's count, or the error for all or nothing
            case "Array" -> type == int.class || type == ErrorCode.class;
            case "Status", "ConnectionStatus", "TransferMode", "WriteMode", "State" ->
                    type.isEnum() && type.getSimpleName().equals(last);
            default -> true;
        };
    }

    /** The nested types of that name, of a class and all that it inherits from. */
    private static Stream<Class<?>> nested(Class<?> type, String name) {
        if (type == null) {
            return Stream.of();
        }
        return Stream.of(
                        Stream.of(type.getDeclaredClasses())
                                .filter(inner -> inner.getSimpleName().equals(name)),
                        nested(type.getSuperclass(), name),
                        Stream.of(type.getInterfaces()).flatMap(up -> nested(up, name)))
                .flatMap(found -> found);
    }

    private static String camel(String name) {
        var camel = new StringBuilder();
        for (String word : name.split("_")) {
            camel.append(
                    camel.isEmpty()
                            ? word
                            : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return camel.toString();
    }

    /** How much all names begin with, up to an underscore. */
    private static int commonPrefix(Set<String> names) {
        String first = names.iterator().next();
        int length = first.length();
        while (true) {
            length = first.lastIndexOf('_', length - 1) + 1;
            String prefix = first.substring(0, length);
            if (names.stream().allMatch(name -> name.startsWith(prefix))) {
                return length;
            }
            length--;
        }
    }

    @Test
    void everyMemberHasItsCounterpart() {
        var unexplained = new TreeMap<>(missing);
        unexplained.keySet().removeAll(EXCEPTIONS.keySet());
        assertThat(unexplained.values()).as("without a counterpart and a reason").isEmpty();
    }

    @Test
    void noExceptionIsOutOfDate() {
        var needless = new ArrayList<>(EXCEPTIONS.keySet());
        needless.removeAll(missing.keySet());
        assertThat(needless).as("exceptions that have a counterpart, or do not exist").isEmpty();
    }

    /** An empty listing would have nothing missing. */
    @Test
    void theListingsAreWhole() {
        assertThat(checked).hasSizeGreaterThan(450);
        assertThat(
                        listings.values().stream()
                                .flatMap(List::stream)
                                .filter(listed -> listed.constants == null)
                                .map(GodotClass::name))
                .containsAll(CLASSES.keySet());
    }

    /** The table "Names" of core/docs/godot.md has each class, and what it is here. */
    @Test
    void theTableOfNamesHasEveryClass() throws IOException {
        List<String> rows =
                Files.readString(Path.of("docs", "godot.md"))
                        .transform(text -> text.split("\n## Names\n", 2)[1])
                        .transform(text -> text.split("\n## ", 2)[0])
                        .lines()
                        .filter(line -> line.startsWith("| `"))
                        .toList();
        var unnamed = new TreeMap<>(CLASSES);
        for (String row : rows) {
            String[] cells = row.split("\\|");
            unnamed.entrySet()
                    .removeIf(entry ->
                            cells[1].contains("`" + entry.getKey() + "`")
                                    && cells[2].matches(
                                            ".*[`.]"
                                                    + entry.getValue().getFirst().getSimpleName()
                                                    + "`.*"));
        }
        assertThat(unnamed).as("not in a row of the table").isEmpty();
    }
}
