package io.peerloom.testing;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * What one side of a conversation told, a line an event: {@code open PROTOCOL}, {@code text LENGTH
 * SHA-256}, {@code close CODE REASON} and so on. Any thread adds; waits are bounded.
 */
public class Transcript {

    /** Long, for a machine that is busy with other things; nothing is measured by it. */
    public static final Duration PATIENCE = Duration.ofSeconds(60);

    private final String name;
    private final List<String> lines = new CopyOnWriteArrayList<>();

    public Transcript(String name) {
        this.name = name;
    }

    public void add(String line) {
        lines.add(line);
    }

    /** Waits for a line with that beginning and returns the first. */
    public String await(String beginning) {
        until("'" + beginning + "'", this, () -> !with(beginning).isEmpty());
        return beginning + with(beginning).getFirst();
    }

    /** Waits until that many messages were received. */
    public void awaitMessages(int count) {
        until(count + " messages", this, () -> messages().size() >= count);
    }

    /** Waits for a condition; a failure shows what was told until then. */
    public static void until(String what, Transcript transcript, Callable<Boolean> condition) {
        var met = new AtomicBoolean();
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> {
                        boolean over = transcript.isOver(); // looked at before the condition
                        met.set(condition.call());
                        return met.get() || over;
                    });
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("no " + what + "; " + transcript, e);
        }
        if (!met.get()) {
            throw new AssertionError("no " + what + "; " + transcript);
        }
    }

    /** Whether nothing more will be told. */
    protected boolean isOver() {
        return false;
    }

    public List<String> lines() {
        return List.copyOf(lines);
    }

    /** The lines of received messages. */
    public List<String> messages() {
        return lines.stream()
                .filter(line -> line.startsWith("text ") || line.startsWith("binary "))
                .toList();
    }

    /** The rest of each line with that beginning. */
    public List<String> with(String beginning) {
        return lines.stream()
                .filter(line -> line.startsWith(beginning))
                .map(line -> line.substring(beginning.length()))
                .toList();
    }

    @Override
    public String toString() {
        return name + " told:\n  " + String.join("\n  ", lines);
    }
}
