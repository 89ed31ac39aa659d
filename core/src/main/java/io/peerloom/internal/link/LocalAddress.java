package io.peerloom.internal.link;

import io.peerloom.internal.queue.WaitPoint;
import java.io.IOException;
import java.io.Serial;
import java.net.BindException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnsupportedAddressTypeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.Objects;

/**
 * The addresses of this machine that sockets are bound to: which are valid, how a socket gets one,
 * and what is wrong where it does not.
 *
 * <p>The system's messages are in the user's language and the JDK does not pass its numbers on, so
 * what was wrong is found by looking, after the attempt failed; not before, when it could change.
 */
public final class LocalAddress {

    /** What was wrong, in the names of the {@code ErrorCode}s that say so. */
    public enum Reason {
        /** It can be nobody's address: not one at all, out of range, too long. */
        INVALID_PARAMETER,
        /** Somebody has it. */
        ALREADY_IN_USE,
        /** A file has that name, and nobody answers there. */
        ALREADY_EXISTS,
        /** The system does not allow it to us. */
        UNAUTHORIZED,
        /** It is not of this machine: another's address, a folder that is not there. */
        UNAVAILABLE,
        /** The system has no socket for it, or none left. */
        CANT_CREATE
    }

    /** An address that could not be had. Its cause is what the system said. */
    public static final class Refusal extends BindException {
        @Serial private static final long serialVersionUID = 1;

        private final Reason reason;

        private Refusal(Reason reason, String message, Exception cause) {
            super(message);
            this.reason = reason;
            initCause(cause);
        }

        /** {@return what was wrong} */
        public Reason reason() {
            return reason;
        }
    }

    /** How many connections the system keeps for us; it may allow fewer. */
    private static final int BACKLOG = 1024;

    /**
     * The longest path: what the JDK takes, on Linux, and Godot as well; one less than would fit.
     */
    private static final int MAX_PATH_BYTES = 106;

    /** What POSIX has in a file's mode: the bits of its type, and a socket's. */
    private static final int TYPE = 0170000;

    private static final int SOCKET = 0140000;

    /** How often to bind to a path, should others make room there as we do. */
    private static final int ATTEMPTS = 16;

    /** A socket's file that is younger may be of a server that does not listen yet. */
    private static final Duration STARTUP = Duration.ofSeconds(1);

    /** How often to look whether it does. */
    private static final int STARTUP_LOOKS = 10;

    private static final long LOOK_AGAIN = Duration.ofMillis(10).toNanos();

    private LocalAddress() {}

    // ---- which are valid ----

    /**
     * Returns an address of TCP.
     *
     * @param host an address literal, or {@code "*"} for all addresses of both families
     * @param port 0 to 65535; 0 lets the system choose
     * @return the address
     * @throws Refusal if the host is no address or the port out of range
     */
    public static InetSocketAddress of(String host, int port) throws Refusal {
        InetSocketAddress address =
                port < 0 || port > 65_535 ? null : Connector.localAddress(host, port);
        if (address == null) {
            throw invalid("not an address and a port: \"" + host + "\", " + port);
        }
        return address;
    }

    /**
     * Returns the address of a Unix domain socket.
     *
     * @param path the socket's file
     * @return the address
     * @throws Refusal if the path is empty, or longer than an address may be
     * @throws IllegalArgumentException if it is of another file system than the default one
     */
    public static UnixDomainSocketAddress of(Path path) throws Refusal {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
        int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > MAX_PATH_BYTES) {
            throw invalid(
                    "the path of a Unix domain socket has 1 to "
                            + MAX_PATH_BYTES
                            + " bytes, not "
                            + length
                            + ": \""
                            + path
                            + "\"");
        }
        return address;
    }

    private static Refusal invalid(String why) {
        return new Refusal(Reason.INVALID_PARAMETER, why, null);
    }

    // ---- getting one ----

    /**
     * Opens a socket that listens on an address of TCP. An IPv4 address gets an IPv4 socket, so
     * that no other family is bound with it.
     *
     * @param address where
     * @return a bound channel
     * @throws Refusal if the system refuses
     */
    public static ServerSocketChannel listen(InetSocketAddress address) throws Refusal {
        ServerSocketChannel channel = null;
        try {
            channel =
                    address.getAddress() instanceof Inet4Address
                            ? ServerSocketChannel.open(StandardProtocolFamily.INET)
                            : ServerSocketChannel.open();
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            try {
                return channel.bind(address, BACKLOG);
            } catch (UnsupportedAddressTypeException e) {
                return channel.bind(Connector.withoutIpv6(address), BACKLOG);
            }
        } catch (IOException e) {
            throw refused(channel, "cannot listen on ", address, e);
        }
    }

    /**
     * Opens a socket with an address of TCP, to connect with. An IPv4 address gets an IPv4 socket.
     *
     * @param address which
     * @return a bound channel
     * @throws Refusal if the system refuses
     */
    public static SocketChannel bind(InetSocketAddress address) throws Refusal {
        SocketChannel channel = null;
        try {
            channel =
                    address.getAddress() instanceof Inet4Address
                            ? SocketChannel.open(StandardProtocolFamily.INET)
                            : SocketChannel.open();
            try {
                return channel.bind(address);
            } catch (UnsupportedAddressTypeException e) {
                return channel.bind(Connector.withoutIpv6(address));
            }
        } catch (IOException e) {
            throw refused(channel, "cannot bind to ", address, e);
        }
    }

    /**
     * Opens a Unix domain socket that listens. The file of a server that is gone is replaced. To
     * tell, it is connected to: a server that is there gets a connection that ends at once.
     *
     * @param address where
     * @return a bound channel
     * @throws Refusal if the system refuses, or somebody listens there
     */
    public static ServerSocketChannel listen(UnixDomainSocketAddress address) throws Refusal {
        ServerSocketChannel channel = null;
        try {
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            for (int attempt = 1; ; attempt++) {
                try {
                    return channel.bind(address, BACKLOG);
                } catch (BindException e) {
                    if (attempt == ATTEMPTS || !makeRoom(address)) {
                        throw e;
                    }
                }
            }
        } catch (IOException | UnsupportedOperationException e) {
            throw refused(channel, "cannot listen on ", address, e);
        }
    }

    /**
     * Opens a Unix domain socket with an address of its own, to connect with. No file is replaced:
     * whether a client's is in use cannot be told.
     *
     * @param address where no file is yet
     * @return a bound channel
     * @throws Refusal if the system refuses
     */
    public static SocketChannel bind(UnixDomainSocketAddress address) throws Refusal {
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            return channel.bind(address);
        } catch (IOException | UnsupportedOperationException e) {
            throw refused(channel, "cannot bind to ", address, e);
        }
    }

    // ---- files of Unix sockets ----

    /**
     * Which socket's file is there: the system's own number for it.
     *
     * @param path where
     * @return null if there is none, or another file
     * @throws IOException if it cannot be looked at
     */
    static Object identity(Path path) throws IOException {
        BasicFileAttributes socket = socketAt(path);
        return socket == null ? null : socket.fileKey() == null ? "unknown" : socket.fileKey();
    }

    private static BasicFileAttributes socketAt(Path path) throws IOException {
        try {
            var attributes =
                    Files.readAttributes(
                            path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return isSocket(path, attributes, LinkOption.NOFOLLOW_LINKS) ? attributes : null;
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** Not a file, folder or link; and where the system has devices and pipes, none of these. */
    private static boolean isSocket(
            Path path, BasicFileAttributes attributes, LinkOption... options) throws IOException {
        if (!attributes.isOther()
                || !path.getFileSystem().supportedFileAttributeViews().contains("unix")) {
            return attributes.isOther();
        }
        return ((int) Files.getAttribute(path, "unix:mode", options) & TYPE) == SOCKET;
    }

    /**
     * Makes room where a file is in the way, if it is a socket's and nobody answers there. Several
     * servers may do that at a time, and the file may become another's between the look and the
     * deletion. So only one may delete a certain file: the one that has given it a second name made
     * of what it is, which the system allows once. If that name is then the name of the same file,
     * nobody else has deleted it, nor put another in its place.
     *
     * @return whether another attempt to bind is worth it
     */
    private static boolean makeRoom(UnixDomainSocketAddress address) throws IOException {
        Path path = address.getPath();
        BasicFileAttributes found = socketAt(path);
        if (found == null) {
            return Files.notExists(path, LinkOption.NOFOLLOW_LINKS); // gone meanwhile
        }
        boolean answered = isAnswered(address);
        for (int i = 0; !answered && i < STARTUP_LOOKS && isYoung(found.lastModifiedTime()); i++) {
            pause(); // it may be about to listen
            answered = isAnswered(address);
        }
        if (answered) {
            return false;
        }
        int what = Objects.hash(found.fileKey(), found.lastModifiedTime());
        Path claim =
                path.resolveSibling("." + path.getFileName() + "-" + Integer.toHexString(what));
        try {
            Files.createLink(claim, path);
        } catch (NoSuchFileException e) { // another has deleted it
            return true;
        } catch (FileAlreadyExistsException e) { // another is about to, or was and came to grief
            pause();
            try {
                if (!isYoung((FileTime) Files.getAttribute(claim, "unix:ctime"))) {
                    Files.deleteIfExists(claim);
                }
            } catch (NoSuchFileException done) {
                // as it should be
            }
            return true;
        } catch (IOException | UnsupportedOperationException e) { // no such names here
            Files.deleteIfExists(path);
            return true;
        }
        try {
            BasicFileAttributes claimed = socketAt(claim);
            if (claimed != null
                    && Objects.equals(claimed.fileKey(), found.fileKey())
                    && claimed.lastModifiedTime().equals(found.lastModifiedTime())) {
                Files.delete(path);
            }
            return true;
        } finally {
            Files.deleteIfExists(claim);
        }
    }

    private static boolean isYoung(FileTime time) {
        long age = System.currentTimeMillis() - time.toMillis();
        return age >= 0 && age < STARTUP.toMillis();
    }

    private static void pause() {
        new WaitPoint().await(() -> false, LOOK_AGAIN);
    }

    /** Whether somebody has a socket there, as far as can be told without waiting for it. */
    private static boolean isAnswered(UnixDomainSocketAddress address) {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false); // where a backlog is full, this does not wait
            probe.connect(address);
            return true;
        } catch (ConnectException e) {
            return false; // refused: nobody listens
        } catch (IOException e) {
            // A full backlog, a socket of another kind, or one that is not for us: it is
            // somebody's.
            return isSocket(address.getPath());
        }
    }

    private static boolean isSocket(Path path) {
        try {
            return isSocket(path, Files.readAttributes(path, BasicFileAttributes.class));
        } catch (IOException e) {
            return false;
        }
    }

    // ---- what was wrong ----

    private static Refusal refused(
            AutoCloseable channel, String what, Object address, Exception cause) {
        Reason reason = Reason.CANT_CREATE;
        if (channel != null) {
            reason =
                    address instanceof UnixDomainSocketAddress unix
                            ? reason(unix, cause)
                            : reason((InetSocketAddress) address, cause);
            try {
                channel.close();
            } catch (Exception e) {
                cause.addSuppressed(e);
            }
        }
        return new Refusal(reason, what + address + ": " + cause.getMessage(), cause);
    }

    private static Reason reason(UnixDomainSocketAddress address, Exception cause) {
        Path path = address.getPath();
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return isAnswered(address) ? Reason.ALREADY_IN_USE : Reason.ALREADY_EXISTS;
        }
        Path folder = path.toAbsolutePath().getParent();
        boolean locked = folder != null && Files.isDirectory(folder) && !Files.isWritable(folder);
        // With no file there, only a lack of rights is the address's fault in the JDK's words.
        return locked || cause instanceof BindException ? Reason.UNAUTHORIZED : Reason.UNAVAILABLE;
    }

    private static Reason reason(InetSocketAddress address, Exception cause) {
        if (!(cause instanceof BindException) || !isOurs(address.getAddress())) {
            return Reason.UNAVAILABLE;
        }
        // The first two that may be wrong with a port are told apart by the system's own words.
        return cause.getMessage() != null && cause.getMessage().equals(wordsForInUse())
                ? Reason.ALREADY_IN_USE
                : Reason.UNAUTHORIZED;
    }

    /** Whether it is an address of this machine: then it can be bound to with another port. */
    private static boolean isOurs(InetAddress address) {
        try (var probe =
                address instanceof Inet4Address
                        ? SocketChannel.open(StandardProtocolFamily.INET)
                        : SocketChannel.open()) {
            probe.bind(new InetSocketAddress(address, 0));
            return true;
        } catch (IOException | UnsupportedAddressTypeException e) {
            return false;
        }
    }

    /** What the system says of a port that is in use; null if that cannot be found out. */
    private static String wordsForInUse() {
        try (var one = ServerSocketChannel.open();
                var other = ServerSocketChannel.open()) {
            one.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            other.bind(one.getLocalAddress());
            return null;
        } catch (IOException e) {
            return e.getMessage();
        }
    }
}
