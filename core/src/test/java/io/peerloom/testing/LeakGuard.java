package io.peerloom.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.lifecycle.AroundPropertyHook;
import net.jqwik.api.lifecycle.PropagationMode;
import net.jqwik.api.lifecycle.PropertyExecutionResult;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails every test that leaves a thread, platform or virtual, or an open socket behind, and every
 * class whose tests together do. Nobody has to ask for it: {@code META-INF/services} names it to
 * JUnit, and {@link ForJqwik} to jqwik.
 *
 * <p>What is on its way out gets the time to go ({@link Patience}). What the JDK itself starts once
 * and keeps (carriers, pollers, cleaners) does not count. Tests of one JVM must not run in
 * parallel.
 */
public final class LeakGuard
        implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {

    /** How long what a test left behind may take to go: on a class or on a method. */
    @Target({ElementType.TYPE, ElementType.METHOD})
    @Retention(RetentionPolicy.RUNTIME)
    public @interface Patience {
        /**
         * Returns the time, 10 seconds where nothing is said.
         *
         * @return milliseconds
         */
        int millis();
    }

    private static final int PATIENCE_MILLIS = 10_000;
    private static final ExtensionContext.Namespace NAMESPACE =
            ExtensionContext.Namespace.create(LeakGuard.class);

    @Override
    public void beforeAll(ExtensionContext context) {
        before(context);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        before(context);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        after(context);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        after(context);
    }

    private static void before(ExtensionContext context) {
        context.getStore(NAMESPACE).put(Here.class, Here.now());
    }

    private static void after(ExtensionContext context) {
        Here left = leftSince(before(context.getStore(NAMESPACE)), patience(context.getElement()));
        if (left.isEmpty()) {
            return;
        }
        // Each leak is told of once, by the test that has it and not by its class again.
        for (var c = context.getParent(); c.isPresent(); c = c.get().getParent()) {
            Here outer = before(c.get().getStore(NAMESPACE));
            if (outer != null) {
                outer.add(left);
            }
        }
        throw new AssertionError(left.describe());
    }

    private static Here before(ExtensionContext.Store store) {
        return store.get(Here.class, Here.class);
    }

    /** The same for the properties and examples of jqwik. */
    public static final class ForJqwik implements AroundPropertyHook {
        @Override
        public PropagationMode propagateTo() {
            return PropagationMode.ALL_DESCENDANTS;
        }

        /** Outside of everything else, so that a property's own clean-up has been. */
        @Override
        public int aroundPropertyProximity() {
            return -1000;
        }

        @Override
        public PropertyExecutionResult aroundProperty(
                PropertyLifecycleContext context, PropertyExecutor property) {
            Here before = Here.now();
            PropertyExecutionResult result = property.execute();
            Here left = leftSince(before, patience(context.optionalElement()));
            if (left.isEmpty()) {
                return result;
            }
            AssertionError failure = new AssertionError(left.describe());
            result.throwable().ifPresent(failure::addSuppressed);
            return result.mapToFailed(failure);
        }
    }

    private static Duration patience(Optional<AnnotatedElement> test) {
        AnnotatedElement element = test.orElse(null);
        while (element != null) {
            Patience patience = element.getAnnotation(Patience.class);
            if (patience != null) {
                return Duration.ofMillis(patience.millis());
            }
            element =
                    element instanceof Method method
                            ? method.getDeclaringClass()
                            : ((Class<?>) element).getEnclosingClass();
        }
        return Duration.ofMillis(PATIENCE_MILLIS);
    }

    private static Here leftSince(Here before, Duration patience) {
        Here left = Here.now().without(before);
        if (left.isEmpty()) {
            return left;
        }
        try {
            await().pollInSameThread()
                    .pollInterval(Duration.ofMillis(10))
                    .atMost(patience)
                    .until(() -> Here.now().without(before).isEmpty());
        } catch (ConditionTimeoutException e) {
            // then what the last look finds is left
        }
        return Here.now().without(before);
    }

    /** Which threads live here, and which sockets are open. */
    private record Here(Set<Thread> threads, Set<String> sockets) {
        private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
        private static final int FRAMES = 12;

        static {
            // The JDK opens a socket of its own with the first of each kind, and keeps it.
            try {
                new Socket().close();
                new ServerSocket().close();
                SocketChannel.open().close();
                ServerSocketChannel.open().close();
                DatagramChannel.open().close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        static Here now() {
            return new Here(AllThreads.now(), openSockets());
        }

        boolean isEmpty() {
            return threads.isEmpty() && sockets.isEmpty();
        }

        Here without(Here other) {
            Set<Thread> moreThreads = new HashSet<>(threads);
            moreThreads.removeAll(other.threads);
            Set<String> moreSockets = new HashSet<>(sockets);
            moreSockets.removeAll(other.sockets);
            return new Here(moreThreads, moreSockets);
        }

        void add(Here other) {
            threads.addAll(other.threads);
            sockets.addAll(other.sockets);
        }

        String describe() {
            StringBuilder text = new StringBuilder("Left behind:");
            for (Thread thread : threads) {
                text.append("\n  ").append(thread).append(' ').append(thread.getState());
                Arrays.stream(thread.getStackTrace())
                        .limit(FRAMES)
                        .forEach(frame -> text.append("\n    at ").append(frame));
            }
            for (String socket : sockets) {
                text.append("\n  ").append(socket).append(' ').append(inSystemTables(socket));
            }
            return text.toString();
        }

        /** By inode, such as {@code socket:[4711]}; none where the system has no such folder. */
        private static Set<String> openSockets() {
            Set<String> sockets = new HashSet<>();
            if (!Files.isDirectory(DESCRIPTORS)) {
                return sockets;
            }
            try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
                for (Path descriptor : descriptors) {
                    try {
                        String target = Files.readSymbolicLink(descriptor).toString();
                        if (target.startsWith("socket:")) {
                            sockets.add(target);
                        }
                    } catch (IOException e) {
                        // closed since
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return sockets;
        }

        /** What the kernel's tables say of a socket: addresses in hexadecimal, or a path. */
        private static String inSystemTables(String socket) {
            String inode = socket.replaceAll("\\D", "");
            return Stream.of("tcp", "tcp6", "udp", "udp6", "unix")
                    .flatMap(table -> {
                        try {
                            return Files.readAllLines(Path.of("/proc/self/net", table)).stream()
                                    .filter(line -> line.matches(".*\\b" + inode + "\\b.*"))
                                    .map(line -> table + " " + line.strip());
                        } catch (IOException e) {
                            return Stream.empty();
                        }
                    })
                    .collect(Collectors.joining("; "));
        }
    }

    /**
     * All threads, virtual ones as well, which {@link Thread#getAllStackTraces} does not have. The
     * JDK keeps account of them for its thread dumps; there they could be read without {@code
     * --add-exports}, but at ten milliseconds a look.
     */
    private static final class AllThreads {
        private static final Method CHILDREN;
        private static final Method THREADS;
        private static final Object ROOT;

        static {
            try {
                Class<?> container = Class.forName("jdk.internal.vm.ThreadContainer");
                CHILDREN = container.getMethod("children");
                THREADS = container.getMethod("threads");
                ROOT =
                        Class.forName("jdk.internal.vm.ThreadContainers")
                                .getMethod("root")
                                .invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(
                        "run tests with --add-exports java.base/jdk.internal.vm=ALL-UNNAMED", e);
            }
        }

        private AllThreads() {}

        static Set<Thread> now() {
            Set<Thread> threads = new HashSet<>();
            try {
                collect(ROOT, threads);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("cannot list threads", e);
            }
            return threads;
        }

        private static void collect(Object container, Set<Thread> to)
                throws ReflectiveOperationException {
            ((Stream<?>) THREADS.invoke(container))
                    .map(Thread.class::cast)
                    .filter(thread -> thread.isAlive() && !belongsToTheSystem(thread))
                    .forEach(to::add);
            for (Object child : ((Stream<?>) CHILDREN.invoke(container)).toList()) {
                collect(child, to);
            }
        }

        /** Whether the JDK or JUnit starts a thread when first needed, and keeps it. */
        private static boolean belongsToTheSystem(Thread thread) {
            String name = thread.getName();
            if (thread.isVirtual()) {
                return name.matches("(Read-|Write-|Sub)Poller.*");
            }
            ThreadGroup group = thread.getThreadGroup();
            return group == null // it has just ended
                    || group.getName().equals("system") // the VM's own
                    || thread.getClass().getName().startsWith("jdk.internal.") // pollers, cleaners
                    || group.getName().equals("CarrierThreads")
                    || name.startsWith("ForkJoinPool.commonPool-")
                    || name.equals("CompletableFutureDelayScheduler")
                    || name.startsWith("junit-")
                    || (name.startsWith("JFR ") && !name.startsWith("JFR Event Stream"));
        }
    }
}
