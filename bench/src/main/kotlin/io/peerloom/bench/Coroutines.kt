package io.peerloom.bench

import io.peerloom.async.AsyncWebSocketPeer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.future.await
import kotlinx.coroutines.runBlocking

/** Receives as a Kotlin program does: a coroutine that awaits one future after the other. */
object Coroutines {
    private suspend fun receive(peer: AsyncWebSocketPeer, count: Int): Int {
        var bytes = 0
        repeat(count) { bytes += peer.receive().await().size() }
        return bytes
    }

    /** On the thread that calls, in the event loop of `runBlocking`. */
    @JvmStatic
    fun onThisThread(peer: AsyncWebSocketPeer, count: Int): Int = runBlocking { receive(peer, count) }

    /** On the threads of the default dispatcher. */
    @JvmStatic
    fun onDefaultDispatcher(peer: AsyncWebSocketPeer, count: Int): Int =
        runBlocking(Dispatchers.Default) { receive(peer, count) }
}
