package io.peerloom.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/**
 * Runs tests that leak in engines of their own. What they leak is in {@link #LEAKED}, closed after
 * each, or else the guard that watches this very class would fail it.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "sockets are found in /proc")
class LeakGuardTest {
    private static final Deque<AutoCloseable> LEAKED = new ArrayDeque<>();

    @AfterEach
    void cleanUp() throws Exception {
        while (!LEAKED.isEmpty()) {
            LEAKED.pop().close();
        }
    }

    @Test
    void aLeakFailsTheTestThatHasItAndOnlyThat() {
        List<Event> failed = failures("junit-jupiter", Leaking.class);

        assertThat(failed)
                .extracting(event -> event.getTestDescriptor().getLegacyReportingName())
                .containsExactlyInAnyOrder(
                        "aPlatformThread()",
                        "aVirtualThread()",
                        "aThreadOfAnExecutor()",
                        "aSocket()",
                        "aUnixSocket()",
                        "inANestedClass()",
                        "oneOfTwo(String)[2]");
        assertThat(messageOf(failed, "aPlatformThread"))
                .contains("by-the-platform")
                .contains("LeakGuardTest.lambda$threadThatWaits")
                .contains("CountDownLatch.await");
        assertThat(messageOf(failed, "aVirtualThread"))
                .contains("VirtualThread")
                .contains("by-a-carrier")
                .contains("CountDownLatch.await");
        assertThat(messageOf(failed, "aSocket")).contains("socket:[").contains("tcp");
        assertThat(messageOf(failed, "aUnixSocket")).contains("socket:[").contains("leak.sock");
    }

    @Test
    void aLeakOfAClassFailsTheClass() {
        assertThat(failures("junit-jupiter", LeakingBeforeAll.class))
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getTestDescriptor().isContainer()).isTrue();
                    assertThat(message(event)).contains("by-the-class");
                });
    }

    @Test
    void aLeakFailsAPropertyOfJqwik() {
        List<Event> failed = failures("jqwik", LeakingProperties.class);

        assertThat(failed)
                .extracting(event -> event.getTestDescriptor().getDisplayName())
                .containsExactlyInAnyOrder("leaks", "leaksAndFails");
        assertThat(messageOf(failed, "leaks")).contains("by-a-property");
        assertThat(failed)
                .filteredOn(event -> event.getTestDescriptor().getDisplayName().endsWith("Fails"))
                .singleElement()
                .extracting(event -> throwable(event).getSuppressed()[0].getMessage())
                .isEqualTo("its own failure");
    }

    @LeakGuard.Patience(millis = 50)
    static class Leaking {
        @Test
        void nothing() throws Exception {
            try (ServerSocket ended = new ServerSocket(0)) {
                assertThat(ended.isBound()).isTrue();
            }
            Thread.ofVirtual().start(() -> {}).join();
        }

        @Test
        void whatTheJdkKeeps() throws Exception {
            assertThat(ForkJoinPool.commonPool().submit(() -> 1).get()).isEqualTo(1);
            assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
            new CompletableFuture<Void>().orTimeout(1, TimeUnit.HOURS).complete(null);
        }

        /** It ends after the test has, but well within the patience. */
        @Test
        @LeakGuard.Patience(millis = 10_000)
        void whatIsOnItsWayOut() {
            CountDownLatch never = new CountDownLatch(1);
            Thread.startVirtualThread(() -> awaitQuietly(never, 100));
        }

        @Test
        void aPlatformThread() {
            threadThatWaits(Thread.ofPlatform().name("by-the-platform"));
        }

        @Test
        void aVirtualThread() {
            threadThatWaits(Thread.ofVirtual().name("by-a-carrier"));
        }

        @Test
        void aThreadOfAnExecutor() {
            CountDownLatch end = new CountDownLatch(1);
            var executor = Executors.newVirtualThreadPerTaskExecutor();
            executor.execute(() -> awaitQuietly(end, Long.MAX_VALUE));
            LEAKED.push(executor);
            LEAKED.push(end::countDown);
        }

        @Test
        void aSocket() throws Exception {
            LEAKED.push(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        }

        @Test
        void aUnixSocket() throws Exception {
            Path folder = Files.createTempDirectory("leak");
            Path file = folder.resolve("leak.sock");
            LEAKED.push(() -> Files.delete(folder));
            LEAKED.push(() -> Files.delete(file));
            var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            LEAKED.push(server.bind(UnixDomainSocketAddress.of(file)));
        }

        @ParameterizedTest
        @ValueSource(strings = {"tidy", "leaking"})
        void oneOfTwo(String which) {
            if (which.equals("leaking")) {
                threadThatWaits(Thread.ofVirtual());
            }
        }

        @Nested
        class Inner {
            @Test
            void inANestedClass() {
                threadThatWaits(Thread.ofVirtual());
            }
        }
    }

    @LeakGuard.Patience(millis = 50)
    static class LeakingBeforeAll {
        @BeforeAll
        static void start() {
            threadThatWaits(Thread.ofPlatform().name("by-the-class"));
        }

        @Test
        void nothingOfItsOwn() {}
    }

    @LeakGuard.Patience(millis = 50)
    static class LeakingProperties {
        @Property(tries = 3)
        void leaks(@ForAll int any) {
            threadThatWaits(Thread.ofVirtual().name("by-a-property" + any));
        }

        @Example
        void leaksAndFails() {
            threadThatWaits(Thread.ofVirtual());
            throw new AssertionError("its own failure");
        }

        @Property(tries = 3)
        void nothing(@ForAll int any) throws Exception {
            Thread.ofVirtual().name("tidy" + any).start(() -> {}).join();
        }
    }

    private static void threadThatWaits(Thread.Builder builder) {
        CountDownLatch started = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        builder.start(() -> {
            started.countDown();
            awaitQuietly(end, Long.MAX_VALUE);
        });
        awaitQuietly(started, Long.MAX_VALUE);
        LEAKED.push(end::countDown);
    }

    private static void awaitQuietly(CountDownLatch latch, long millis) {
        try {
            boolean unused = latch.await(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static List<Event> failures(String engine, Class<?> testClass) {
        return EngineTestKit.engine(engine)
                .configurationParameter("junit.jupiter.extensions.autodetection.enabled", "true")
                .configurationParameter("jqwik.database", "target/jqwik-database-of-leaks")
                .configurationParameter("jqwik.reporting.usejunitplatform", "true")
                .selectors(selectClass(testClass))
                .execute()
                .allEvents()
                .failed()
                .list();
    }

    private static String messageOf(List<Event> failed, String test) {
        return failed.stream()
                .filter(event ->
                        event.getTestDescriptor().getDisplayName().matches(test + "(\\(\\))?"))
                .map(LeakGuardTest::message)
                .findFirst()
                .orElseThrow();
    }

    private static String message(Event event) {
        return throwable(event).getMessage();
    }

    private static Throwable throwable(Event event) {
        return event.getPayload(TestExecutionResult.class)
                .flatMap(TestExecutionResult::getThrowable)
                .orElseThrow();
    }
}
