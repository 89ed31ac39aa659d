package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Walks the bounds by reflection: fifteen of a kind are easily swapped or left out. */
class LimitsTest {

    /** A bound: its accessor, and the method that changes it. */
    record Bound(Method accessor, Method changing) {
        Class<?> type() {
            return accessor.getReturnType();
        }

        Object of(Limits limits) throws ReflectiveOperationException {
            return accessor.invoke(limits);
        }

        Limits with(Object value) throws ReflectiveOperationException {
            try {
                return (Limits) changing.invoke(Limits.defaults(), value);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw e;
            }
        }

        @Override
        public String toString() {
            return accessor.getName();
        }
    }

    static List<Bound> bounds() throws ReflectiveOperationException {
        var bounds = new ArrayList<Bound>();
        for (Method method : Limits.class.getMethods()) {
            if (method.getName().startsWith("with")) {
                String name = method.getName().substring("with".length());
                String accessor = name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1);
                bounds.add(new Bound(Limits.class.getMethod(accessor), method));
            }
        }
        return bounds;
    }

    @Test
    void everyFieldIsABound() throws Exception {
        assertThat(bounds())
                .hasSize(15)
                .hasSameSizeAs(
                        Stream.of(Limits.class.getDeclaredFields())
                                .filter(field -> !Modifier.isStatic(field.getModifiers()))
                                .toList());
    }

    @ParameterizedTest
    @MethodSource("bounds")
    void theMethodOfABoundChangesItAndNothingElse(Bound changed) throws Exception {
        Object value = changed.type() == int.class ? (Object) 77 : Duration.ofMillis(77);

        Limits after = changed.with(value);

        for (Bound each : bounds()) {
            Object expected = each.equals(changed) ? value : each.of(Limits.defaults());
            assertThat(each.of(after)).as(each.toString()).isEqualTo(expected);
        }
        assertThat(after).isNotEqualTo(Limits.defaults()).isEqualTo(changed.with(value));
        assertThat(after).hasSameHashCodeAs(changed.with(value));
        assertThat(after.toString()).contains(changed + "=" + value);
    }

    @ParameterizedTest
    @MethodSource("bounds")
    void aBoundIsNotLiftedByANumberAndTheMessageNamesIt(Bound bound) {
        List<Object> refused =
                bound.type() == int.class
                        ? List.of(0, -1, Integer.MIN_VALUE)
                        : List.of(Duration.ZERO, Duration.ofNanos(-1), Limits.NEVER.plusNanos(1));
        for (Object value : refused) {
            assertThatIllegalArgumentException()
                    .as("%s", value)
                    .isThrownBy(() -> bound.with(value))
                    .withMessageContaining(bound.toString());
        }
    }

    @ParameterizedTest
    @MethodSource("bounds")
    void everyBoundHasAWordForNoBound(Bound bound) throws Exception {
        Object word = bound.type() == int.class ? (Object) Limits.UNBOUNDED : Limits.NEVER;

        assertThat(bound.of(Limits.unbounded())).isEqualTo(word);
        assertThat(bound.of(bound.with(word))).isEqualTo(word);
        assertThat(bound.of(Limits.defaults())).isNotEqualTo(word);
    }

    @Test
    void noTimeOverflowsWhenCountedInNanoseconds() {
        assertThat(Limits.NEVER.toNanos()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void aMissingDurationIsRefused() {
        assertThatNullPointerException().isThrownBy(() -> Limits.defaults().withCloseTimeout(null));
    }
}
