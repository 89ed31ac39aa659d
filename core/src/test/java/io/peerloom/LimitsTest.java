package io.peerloom;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Walks the components by reflection: fourteen of a kind are easily swapped or left out. */
class LimitsTest {
    static Stream<RecordComponent> components() {
        return Stream.of(Limits.class.getRecordComponents());
    }

    @ParameterizedTest
    @MethodSource("components")
    void theMethodOfAComponentChangesItAndNothingElse(RecordComponent changed) throws Exception {
        Object value = changed.getType() == int.class ? (Object) 77 : Duration.ofMillis(77);

        Limits after = with(changed, value);

        for (RecordComponent each : Limits.class.getRecordComponents()) {
            Object expected =
                    each.getName().equals(changed.getName())
                            ? value
                            : each.getAccessor().invoke(Limits.defaults());
            assertThat(each.getAccessor().invoke(after)).as(each.getName()).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("components")
    void aBoundIsNotLiftedByANumberAndTheMessageNamesIt(RecordComponent component) {
        List<Object> refused =
                component.getType() == int.class
                        ? List.of(0, -1, Integer.MIN_VALUE)
                        : List.of(Duration.ZERO, Duration.ofNanos(-1), Limits.NEVER.plusNanos(1));
        for (Object value : refused) {
            assertThatIllegalArgumentException()
                    .as("%s", value)
                    .isThrownBy(() -> with(component, value))
                    .withMessageContaining(component.getName());
        }
    }

    @ParameterizedTest
    @MethodSource("components")
    void everyBoundHasAWordForNoBound(RecordComponent component) throws Exception {
        Object word = component.getType() == int.class ? (Object) Limits.UNBOUNDED : Limits.NEVER;

        assertThat(component.getAccessor().invoke(Limits.unbounded())).isEqualTo(word);
        assertThat(component.getAccessor().invoke(with(component, word))).isEqualTo(word);
        assertThat(component.getAccessor().invoke(Limits.defaults())).isNotEqualTo(word);
    }

    @Test
    void noTimeOverflowsWhenCountedInNanoseconds() {
        assertThat(Limits.NEVER.toNanos()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void aMissingDurationIsRefused() {
        assertThatNullPointerException().isThrownBy(() -> Limits.defaults().withCloseTimeout(null));
    }

    private static Limits with(RecordComponent component, Object value) throws Exception {
        String name = component.getName();
        String method = "with" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
        try {
            return (Limits)
                    Limits.class
                            .getMethod(method, component.getType())
                            .invoke(Limits.defaults(), value);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }
}
