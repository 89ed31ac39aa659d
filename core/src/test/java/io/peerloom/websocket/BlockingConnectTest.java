package io.peerloom.websocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerloom.stream.StreamPeerTCP;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.concurrent.FutureTask;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** The calls that connect and wait for it: how they end when they are interrupted, and after. */
class BlockingConnectTest {

    /** Runs a call on a thread that is interrupted from the start. */
    private static void interrupted(ThrowingCallable call) throws Exception {
        var task =
                new FutureTask<>(() -> {
                    Thread.currentThread().interrupt();
                    assertThatThrownBy(call).isInstanceOf(InterruptedIOException.class);
                    assertThat(Thread.interrupted()).isTrue(); // it stays so
                    return null;
                });
        Thread.startVirtualThread(task);
        task.get();
    }

    /** The other side is there but never answers; nobody would ever have the peer. */
    @Test
    void anInterruptedHandshakeIsGivenUp() throws Exception {
        try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var connecting =
                    new FutureTask<>(() -> {
                        assertThatThrownBy(() ->
                                        WebSocketPeer.connect(
                                                "ws://127.0.0.1:" + silent.getLocalPort()))
                                .isInstanceOf(InterruptedIOException.class);
                        return null;
                    });
            Thread thread = Thread.startVirtualThread(connecting);
            try (Socket accepted = silent.accept()) {
                thread.interrupt();
                accepted.getInputStream().readAllBytes(); // up to the end: it was closed
            }
            connecting.get();
        }
    }

    /** Where the backlog is full, the system does not answer at all. */
    @Test
    void anInterruptedConnectIsGivenUp() throws Exception {
        try (var full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = full.getLocalPort();
            var fillers = new ArrayList<SocketChannel>();
            for (int i = 0; i < 8; i++) { // more than any system adds to a backlog of 1
                SocketChannel filler = SocketChannel.open();
                filler.configureBlocking(false);
                filler.connect(full.getLocalSocketAddress());
                fillers.add(filler);
            }
            interrupted(() -> StreamPeerTCP.connect("127.0.0.1", port));
            interrupted(() -> WebSocketPeer.connect("ws://127.0.0.1:" + port));
            for (SocketChannel filler : fillers) {
                filler.close();
            }
        }
    }

    /** By name, so that the address is one that only connecting can have found out. */
    @Test
    void aStreamKnowsItsAddressOnceConnected() throws Exception {
        try (var listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var peer = StreamPeerTCP.connect("localhost", listening.getLocalPort());
                Socket accepted = listening.accept()) {
            assertThat(peer.getConnectedHost())
                    .isEqualTo(accepted.getLocalAddress().getHostAddress());
            assertThat(peer.getConnectedPort()).isEqualTo(listening.getLocalPort());
        }
    }
}
