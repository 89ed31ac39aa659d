package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerloom.testing.NamedTests;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where the cases of Godot's own tests of these classes are found here, and the conformance vectors
 * that were made beside them. Not here, since they are about Godot's insides: that a stream peer
 * makes an accepted socket non-blocking, and that there is no TLS before its module is loaded.
 */
class GodotCasesTest {

    private static List<String> cases() {
        return """
        StreamPeer: little-endian at first: `StreamPeerTest.littleEndianByDefault`
        StreamPeer: round trips of numbers, strings and UTF-8, both byte orders: `StreamPeerTest.godotsRoundTrips`
        StreamPeer: a variant there and back: `StreamPeerTest.valuesInBothByteOrders`
        StreamPeer: strings of an empty stream are empty: `StreamPeerTest.stringsOfAnEmptyStreamAreEmpty`
        StreamPeerBuffer: size, position and available are 0: `StreamPeerBufferTest.isEmptyAtFirst`
        StreamPeerBuffer: seek inside; -1 and 5 of 3 leave the position: `StreamPeerBufferTest.seekMovesInsideTheDataOnly`
        StreamPeerBuffer: resize to 42, seek to 21: `StreamPeerBufferTest.resizeMakesBytesAvailable`
        StreamPeerBuffer: data_array; set, it resets the position: `StreamPeerBufferTest.theDataArrayIsACopyInBothDirections`
        StreamPeerBuffer: a duplicate reads from the start: `StreamPeerBufferTest.aDuplicateStartsAtTheStartAndIsIndependent`
        StreamPeerBuffer: put_data of nothing: `StreamPeerBufferTest.putDataOfNothingIsNothing`
        StreamPeerBuffer: get_data of 3 with 1 there: `StreamPeerBufferTest.getDataOfTooMuchTakesWhatThereIs`
        StreamPeerTCP: ports -901 and 70000 cannot be bound: `StreamPeerTCPTest.refusesToBindWhatCannotBe`
        StreamPeerTCP: binds 127.0.4.1 and a port, exactly: `StreamPeerTCPTest.bindsALocalPort`
        StreamPeerTCP: disconnecting closes the socket: `StreamPeerTCPTest.disconnectingUnbinds`
        StreamPeerTCP: poll with bytes there is OK and CONNECTED: `StreamPeerSocketTest.whatCameBeforeTheEndIsReadFirst`
        StreamPeerTCP: poll at the end is OK and the socket closed: `StreamPeerSocketTest.theOtherSideCloses`
        StreamPeerTCP: all is put and got, a byte at a time: `StreamPeerSocketTest.allIsPutAndGotHoweverTheBytesCome`
        TCPServer, UDSServer: listens, accepts, "Hello World!" and 3.1415: `StreamPeerSocketTest.aServerListensAndAccepts`
        TCPServer: connected host and port tell the target at once: `StreamPeerTCPTest.tellsTheOtherSide`
        TCPServer, UDSServer: five clients at once: `StreamPeerSocketTest.fiveClientsAtOnce`
        TCPServer, UDSServer: nobody connects after stop: `StreamPeerSocketTest.aStoppedServerAcceptsNoMore`
        TCPServer, UDSServer: the server disconnects: `StreamPeerSocketTest.theServerDisconnects`
        UDSServer: get_connected_path: `StreamPeerUDSTest.tellsThePath`
        UDSServer: connecting where there is no file: `StreamPeerUDSTest.connectsToNothing`
        UDSServer: another path, 42: `StreamPeerUDSTest.anotherPath`
        PacketPeer: encode_buffer_max_size: `PacketPeerTest.encodeBufferMaxSize`
        PacketPeerStream: a stream's value is a packet's, and the reverse: `PacketPeerStreamTest.aStreamsValueIsAPacketsAndTheReverse`
        PacketPeerStream: without a stream: `PacketPeerStreamTest.withoutAStream`
        PacketPeerStream: put_var of 1025 characters where 1024 fit: `PacketPeerStreamTest.aValueOverTheEncodeBufferIsNotSent`
        PacketPeerStream: get_packet, none, put_packet, put of none: `PacketPeerStreamTest.packetsAsTheyTravel`
        Marshalls: values, encoded and decoded: `VariantCodecTest.godotsMarshalls`
        Marshalls: one byte, and a type that is none: `VariantCodecTest.godotsMarshallsThatFail`
        Marshalls: numbers and a C string: `StreamPeerTest.godotsPrimitives`
        vector: the key of RFC 6455: `WebSocketServerTest.theHandshakeSampleOfTheStandard`
        vector: SYS_ID and a payload of Godot 3's multiplayer: `WebSocketMultiplayerPeerTest.theHeaderOfGodot3IsNineLittleEndianBytes`
        vector: the id message of Godot 4: `WebSocketMultiplayerPeerTest.theFirstMessagesOfAServerAreGodots`
        vector: "abc" of a PacketPeerStream: `PacketPeerStreamTest.lengthsAreAlwaysLittleEndian`
        vector: a close frame of Godot 3, with its NUL: `FramingTest.theNulThatGodot3SendsIsTakenOff`
        """
                .lines()
                .toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void hasItsTest(String name) {
        assertThat(NamedTests.count(name)).isEqualTo(1);
        assertThat(NamedTests.missing(name)).isEmpty();
    }
}
