package io.peerloom.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.ErrorCode;
import io.peerloom.Peer;
import io.peerloom.packet.PacketPeer;
import io.peerloom.packet.PacketPeerStream;
import io.peerloom.stream.StreamPeerTCP;
import io.peerloom.stream.TCPServer;
import io.peerloom.testing.Program;
import io.peerloom.testing.Transcript;
import io.peerloom.variant.Variant;
import io.peerloom.variant.Variant.*;
import io.peerloom.variant.VariantCodec;
import io.peerloom.websocket.WebSocketPeer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * One value of each type from an engine to Java, from Java to the engine, which compares it with
 * its own, and back from there, by {@code put_var} and {@code get_var} of streams, of packets over
 * streams, and of WebSockets.
 */
@Tag("interop")
class VariantInteropTest {

    private enum Way {
        STREAM,
        PACKET,
        WEBSOCKET
    }

    private static final Vector3 ONE = new Vector3(1, 2, 3);
    private static final Vector3 TWO = new Vector3(4, 5, 6);
    private static final Basis BASIS = new Basis(ONE, TWO, new Vector3(7, 8, 9));

    @TempDir Path folder;

    static Stream<Arguments> ways() {
        return Stream.of(Partner.GODOT3, Partner.GODOT4)
                .flatMap(p -> Stream.of(Way.values()).map(w -> Arguments.of(p, w)));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void everyType(Partner partner, Way way) {
        boolean old = partner == Partner.GODOT3;
        List<Variant> expected = old ? values3() : values4();
        try (var server = new TCPServer()) {
            assertThat(server.listen(0, "127.0.0.1")).isEqualTo(ErrorCode.OK);
            try (var godot =
                            partner.startScript(
                                    Partner.home(folder),
                                    old ? "godot3_variant.gd" : "godot4_variant.gd",
                                    "--way=" + way.name().toLowerCase(java.util.Locale.ROOT),
                                    "--port=" + server.getLocalPort());
                    var carrier = new Carrier(server, way, godot)) {
                carrier.use(old ? VariantCodec.GODOT3 : VariantCodec.GODOT4);
                var got = new ArrayList<Variant>();
                for (Variant value : expected) {
                    Variant one = carrier.get(false);
                    got.add(one);
                    assertThat(unnumbered(one)).as("%s", godot).isEqualTo(unnumbered(value));
                }
                // Ours, made here, and not what came; but for the numbers of the engine's objects.
                for (int i = 0; i < expected.size(); i++) {
                    boolean numbered = !unnumbered(got.get(i)).equals(got.get(i));
                    Variant sent = numbered ? got.get(i) : expected.get(i);
                    carrier.put(sent, false);
                    assertThat(carrier.get(false)).as("%s", godot).isEqualTo(sent);
                }
                var properties = new LinkedHashMap<String, Variant>();
                properties.put("object_id", Variant.of(77));
                properties.put("script", Nil.NIL);
                assertThat(carrier.get(true))
                        .as("%s", godot)
                        .isEqualTo(new FullObject("EncodedObjectAsID", properties));
                properties.put("object_id", Variant.of(78));
                carrier.put(new FullObject("EncodedObjectAsID", properties), true);
                if (!old) {
                    carrier.use(VariantCodec.GODOT4.withDoublePrecision(true));
                    carrier.put(new Projection(v4(1), v4(2), v4(3), v4(4)), false);
                    carrier.put(PackedVector3Array.of(ONE, new Vector3(0.5, 0.1, 3)), false);
                }
                godot.await("done");
                assertThat(godot.lines()).noneMatch(line -> line.startsWith("differs"));
                assertThat(godot.with("same "))
                        .isEqualTo(
                                IntStream.range(0, expected.size()).mapToObj(i -> "" + i).toList());
                assertThat(godot.with("object ")).containsExactly("EncodedObjectAsID 78");
                assertThat(godot.with("wide "))
                        .isEqualTo(
                                old
                                        ? List.of()
                                        : List.of(
                                                "Projection(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,"
                                                        + " 4, 4, 4, 4)",
                                                "PackedVector3Array(1, 2, 3, 0.5, 0.1, 3)"));
            }
        }
    }

    /** Without the number of an object, which is another in each run; null tells of none. */
    private static Variant unnumbered(Variant value) {
        if (value instanceof EncodedObjectAsID(long id)) {
            return new EncodedObjectAsID(id == 0 ? 0 : 1);
        } else if (value instanceof Signal(String name, long id)) {
            return new Signal(name, id == 0 ? 0 : 1);
        }
        return value;
    }

    private static Vector4 v4(double each) {
        return new Vector4(each, each, each, each);
    }

    private static double f(double value) {
        return (float) value;
    }

    private static List<Variant> plain() {
        return List.of(
                Nil.NIL,
                Variant.of(true),
                Variant.of(42),
                Variant.of(-9007199254740993L),
                Variant.of(0.5),
                Variant.of(0.1),
                Variant.of(Double.POSITIVE_INFINITY),
                Variant.of(Double.NaN),
                Variant.of((Object) "Grüße ✩ 🎮"),
                new Vector2(1.5, -2.25));
    }

    private static Map<Object, Object> dictionary() {
        var map = new LinkedHashMap<Object, Object>();
        map.put("a", 1);
        map.put(2, "b");
        map.put(3.5, Collections.singletonList(null));
        map.put(true, Map.of("n", Map.of()));
        return map;
    }

    private static Variant array() {
        var list = new ArrayList<Object>(List.of(1, "two", 3.5));
        list.add(null);
        list.addAll(List.of(true, List.of(4, List.of(5)), Map.of("k", new Vector2(1, 2))));
        return Variant.of(list);
    }

    private static List<Variant> values3() {
        var values = new ArrayList<>(plain());
        Collections.addAll(
                values,
                new Rect2(new Vector2(1, 2), new Vector2(3, 4)),
                ONE,
                new Transform2D(new Vector2(1, 2), new Vector2(3, 4), new Vector2(5, 6)),
                new Plane(new Vector3(0, 1, 0), 2.5),
                new Quaternion(0, f(0.6), 0, f(0.8)),
                new AABB(ONE, TWO),
                BASIS,
                new Transform3D(BASIS, new Vector3(10, 11, 12)),
                new Color(0.1f, 0.2f, 0.3f, 0.4f),
                NodePath.of("/root/A:position:x"),
                new RID(0),
                new EncodedObjectAsID(1),
                Variant.of(dictionary()),
                array(),
                PackedByteArray.of((byte) 1, (byte) 2, (byte) 255),
                PackedInt32Array.of(1, -2, Integer.MAX_VALUE),
                PackedFloat32Array.of(1.5f, 0.1f),
                PackedStringArray.of("", "a", "żółć", "long enough"),
                PackedVector2Array.of(new Vector2(1, 2), new Vector2(f(0.1), 4)),
                PackedVector3Array.of(ONE),
                PackedColorArray.of(new Color(1, 0, 0, 0.5f)));
        return values;
    }

    private static List<Variant> values4() {
        Map<Object, Object> dictionary = dictionary();
        dictionary.put(new Vector2i(1, 2), List.of(new Vector2(1, 2)));
        var scores = new LinkedHashMap<Variant, Variant>();
        scores.put(Variant.of((Object) "a"), Variant.of(1));
        scores.put(Variant.of((Object) "b"), Variant.of(-2));
        var ints = ContainerType.of(Variant.Type.INT);
        var values = new ArrayList<>(plain());
        Collections.addAll(
                values,
                new Vector2i(3, -4),
                new Rect2(new Vector2(1, 2), new Vector2(3, 4)),
                new Rect2i(new Vector2i(1, 2), new Vector2i(3, 4)),
                ONE,
                new Vector3i(1, -2, 3),
                new Transform2D(new Vector2(1, 2), new Vector2(3, 4), new Vector2(5, 6)),
                new Vector4(1, 2, 3, 4),
                new Vector4i(1, 2, 3, -4),
                new Plane(new Vector3(0, 1, 0), 2.5),
                new Quaternion(0, f(0.6), 0, f(0.8)),
                new AABB(ONE, TWO),
                BASIS,
                new Transform3D(BASIS, new Vector3(10, 11, 12)),
                new Projection(
                        new Vector4(1, 2, 3, 4),
                        new Vector4(5, 6, 7, 8),
                        new Vector4(9, 10, 11, 12),
                        new Vector4(13, 14, 15, 16)),
                new Color(0.1f, 0.2f, 0.3f, 0.4f),
                new StringName("jump"),
                NodePath.of("/root/A:position:x"),
                new RID(5),
                new EncodedObjectAsID(1),
                new Callable(),
                new Signal("hit", 1),
                Variant.of(dictionary),
                array(),
                new Array(List.of(Variant.of(1), Variant.of(-2), Variant.of(3)), ints),
                new Array(List.of(ONE), ContainerType.of(Variant.Type.VECTOR3)),
                new Array(List.of(), ContainerType.ENCODED_OBJECT),
                new Dictionary(scores, ContainerType.of(Variant.Type.STRING), ints),
                new Dictionary(
                        Map.of(Variant.of(1), new StringName("x")),
                        ints,
                        ContainerType.of(Variant.Type.STRING_NAME)),
                PackedByteArray.of((byte) 1, (byte) 2, (byte) 255),
                PackedInt32Array.of(1, -2, Integer.MAX_VALUE),
                PackedInt64Array.of(1, -2, Long.MAX_VALUE),
                PackedFloat32Array.of(1.5f, 0.1f),
                PackedFloat64Array.of(1.5, 0.1),
                PackedStringArray.of("", "a", "żółć", "long enough"),
                PackedVector2Array.of(new Vector2(1, 2), new Vector2(f(0.1), 4)),
                PackedVector3Array.of(ONE),
                PackedColorArray.of(new Color(1, 0, 0, 0.5f)),
                PackedVector4Array.of(new Vector4(1, 2, 3, 4)));
        return values;
    }

    /** Our end of a connection, polled; a stream alone waits for its values by itself. */
    private static final class Carrier implements AutoCloseable {
        private final Program godot;
        private final StreamPeerTCP stream;

        /** Null if the values are the stream's own. */
        private final PacketPeer packets;

        /** What is polled. */
        private final Peer peer;

        Carrier(TCPServer server, Way way, Program godot) {
            this.godot = godot;
            assertThat(server.awaitConnection(Transcript.PATIENCE)).as("%s", godot).isTrue();
            stream = server.takeConnection();
            if (way == Way.WEBSOCKET) {
                var webSocket = new WebSocketPeer();
                assertThat(webSocket.acceptStream(stream)).isEqualTo(ErrorCode.OK);
                packets = webSocket;
                peer = webSocket;
            } else {
                packets = way == Way.PACKET ? new PacketPeerStream(stream) : null;
                peer = stream;
            }
        }

        void use(VariantCodec codec) {
            if (packets == null) {
                stream.setVariantCodec(codec);
            } else {
                packets.setVariantCodec(codec);
            }
        }

        Variant get(boolean fullObjects) {
            if (packets == null) {
                Variant value = stream.getVar(fullObjects);
                assertThat(stream.lastResult()).as("%s", godot).isEqualTo(ErrorCode.OK);
                return value;
            }
            while (packets.getAvailablePacketCount() == 0) {
                assertThat(peer.awaitActivity(Transcript.PATIENCE)).as("%s", godot).isTrue();
                assertThat(peer.poll()).as("%s", godot).isEqualTo(ErrorCode.OK);
                assertThat(peer.getStatus()).isIn(Peer.Status.CONNECTING, Peer.Status.CONNECTED);
            }
            Variant value = packets.getVar(fullObjects);
            assertThat(packets.getPacketError()).isEqualTo(ErrorCode.OK);
            return value;
        }

        void put(Variant value, boolean fullObjects) {
            assertThat(
                            packets == null
                                    ? stream.putVar(value, fullObjects)
                                    : packets.putVar(value, fullObjects))
                    .as("%s", value)
                    .isEqualTo(ErrorCode.OK);
        }

        @Override
        public void close() {
            if (packets instanceof WebSocketPeer webSocket) {
                webSocket.close();
            }
            stream.close();
        }
    }
}
