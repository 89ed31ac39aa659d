/**
 * WebSockets (RFC 6455): a peer that is client or server, polled or blocking, and Godot 3's client
 * and server with their events.
 */
package io.peerloom.websocket;
