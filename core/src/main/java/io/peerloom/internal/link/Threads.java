package io.peerloom.internal.link;

/** The virtual threads that Peerloom starts, so that a thread dump tells what each is for. */
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
}
