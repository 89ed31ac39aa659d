package io.peerloom.async;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A future of a peer, or one that was derived from it. A stage that is added when it is done runs
 * at once, as with any future, unless stages are nested too deep already: then it runs on another
 * thread, so that a chain of any length has a stack of bounded depth, see {@link Nesting}.
 *
 * <p>Threads: any, as for every future.
 */
class Stage<T> extends CompletableFuture<T> {
    private final Nesting nesting;

    Stage(Nesting nesting) {
        this.nesting = nesting;
    }

    /** One that is done. */
    static <T> Stage<T> done(Nesting nesting, T value) {
        var stage = new Stage<T>(nesting);
        stage.complete(value);
        return stage;
    }

    /** One that has failed. */
    static <T> Stage<T> failed(Nesting nesting, Throwable cause) {
        var stage = new Stage<T>(nesting);
        stage.completeExceptionally(cause);
        return stage;
    }

    /** What is derived from it is of its kind. */
    @Override
    public final <U> CompletableFuture<U> newIncompleteFuture() {
        return new Stage<>(nesting);
    }

    // ---- every method that may run what it is given within the call; spelled out, since they are
    // on the way of each message, and one that is given what to do would allocate it ----

    @Override
    public final <U> CompletableFuture<U> thenApply(Function<? super T, ? extends U> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenApplyAsync(fn, nesting);
        }
        try {
            return super.thenApply(fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<Void> thenAccept(Consumer<? super T> action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenAcceptAsync(action, nesting);
        }
        try {
            return super.thenAccept(action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<Void> thenRun(Runnable action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenRunAsync(action, nesting);
        }
        try {
            return super.thenRun(action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final <U, V> CompletableFuture<V> thenCombine(
            CompletionStage<? extends U> other, BiFunction<? super T, ? super U, ? extends V> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenCombineAsync(other, fn, nesting);
        }
        try {
            return super.thenCombine(other, fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final <U> CompletableFuture<Void> thenAcceptBoth(
            CompletionStage<? extends U> other, BiConsumer<? super T, ? super U> action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenAcceptBothAsync(other, action, nesting);
        }
        try {
            return super.thenAcceptBoth(other, action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<Void> runAfterBoth(CompletionStage<?> other, Runnable action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return runAfterBothAsync(other, action, nesting);
        }
        try {
            return super.runAfterBoth(other, action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final <U> CompletableFuture<U> applyToEither(
            CompletionStage<? extends T> other, Function<? super T, U> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return applyToEitherAsync(other, fn, nesting);
        }
        try {
            return super.applyToEither(other, fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<Void> acceptEither(
            CompletionStage<? extends T> other, Consumer<? super T> action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return acceptEitherAsync(other, action, nesting);
        }
        try {
            return super.acceptEither(other, action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<Void> runAfterEither(CompletionStage<?> other, Runnable action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return runAfterEitherAsync(other, action, nesting);
        }
        try {
            return super.runAfterEither(other, action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final <U> CompletableFuture<U> thenCompose(
            Function<? super T, ? extends CompletionStage<U>> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return thenComposeAsync(fn, nesting);
        }
        try {
            return super.thenCompose(fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<T> whenComplete(
            BiConsumer<? super T, ? super Throwable> action) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return whenCompleteAsync(action, nesting);
        }
        try {
            return super.whenComplete(action);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final <U> CompletableFuture<U> handle(BiFunction<? super T, Throwable, ? extends U> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return handleAsync(fn, nesting);
        }
        try {
            return super.handle(fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<T> exceptionally(Function<Throwable, ? extends T> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return exceptionallyAsync(fn, nesting);
        }
        try {
            return super.exceptionally(fn);
        } finally {
            nesting.exit(level);
        }
    }

    @Override
    public final CompletableFuture<T> exceptionallyCompose(
            Function<Throwable, ? extends CompletionStage<T>> fn) {
        Nesting.Level level = nesting.enter();
        if (level == null) {
            return exceptionallyComposeAsync(fn, nesting);
        }
        try {
            return super.exceptionallyCompose(fn);
        } finally {
            nesting.exit(level);
        }
    }
}
