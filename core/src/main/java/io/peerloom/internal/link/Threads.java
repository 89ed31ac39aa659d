package io.peerloom.internal.link;

/** The threads that Peerloom starts, so that a thread dump tells what each is for. */
public final class Threads {

    private Threads() {}

    /**
     * Starts a virtual thread.
     *
     * @param name what it is for
     * @param task what it runs
     * @return the thread, started
     */
    public static Thread start(String name, Runnable task) {
        return Thread.ofVirtual().name(name).inheritInheritableThreadLocals(false).start(task);
    }

    /**
     * Starts a platform thread, for calls of the system that would block a virtual thread together
     * with its carrier. It keeps no JVM alive.
     *
     * @param name what it is for
     * @param task what it runs
     * @return the thread, started
     */
    public static Thread startBlocking(String name, Runnable task) {
        return Thread.ofPlatform()
                .daemon()
                .name(name)
                .inheritInheritableThreadLocals(false)
                .start(task);
    }
}
