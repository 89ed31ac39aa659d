package io.peerloom.variant;

import io.peerloom.variant.Variant.Dictionary;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.IntFunction;

/**
 * The entries of a dictionary: an unmodifiable map in the order in which its keys were first put
 * in, which finds keys as the engine does ({@link VariantHash#sameKey}). Of several entries with
 * the same key it keeps the first one's key and place, and the last one's value.
 *
 * <p>Few keys are compared one by one. More are found by their hashes, through a table with open
 * addressing that is at most half full. Nobody can choose keys by their hashes, so what it takes to
 * build the table and to find a key does not depend on what the keys are.
 *
 * <p>Two of these maps are equal if each has the keys of the other, in any order, and their values
 * are {@code equals}.
 */
final class Entries extends AbstractMap<Variant, Variant> {
    /** Up to so many keys are compared one by one, which is faster than hashing them. */
    private static final int FEW = 8;

    private static final int[] NONE = {};

    private final Variant[] keys;
    private final Variant[] values;
    private final int size;

    /** The hashes of the keys; empty if there are few. */
    private final int[] hashes;

    /**
     * The places of keys, counted from 1, each in the slot of its hash or the next free one; 0 is a
     * free slot. Its length is a power of two; empty if there are few keys.
     */
    private final int[] table;

    /** Makes a map of keys and values that belong together by their places; keeps the arrays. */
    Entries(Variant[] keys, Variant[] values) {
        int count = keys.length;
        boolean few = count <= FEW;
        this.keys = keys;
        this.values = values;
        hashes = few ? NONE : new int[count];
        table = few ? NONE : new int[4 * Integer.highestOneBit(count)];
        int added = 0;
        for (int i = 0; i < count; i++) {
            int hash = few ? 0 : VariantHash.ofKey(keys[i]);
            int slot = few ? 0 : slot(hash, keys[i]);
            int place = few ? scan(keys[i], added) : table[slot] - 1;
            if (place < 0) {
                place = added++;
                keys[place] = keys[i];
                if (!few) {
                    hashes[place] = hash;
                    table[slot] = added;
                }
            }
            values[place] = values[i];
        }
        size = added;
        Arrays.fill(keys, size, count, null);
        Arrays.fill(values, size, count, null);
    }

    /** The entries of a dictionary. */
    static Entries of(Dictionary dictionary) {
        return (Entries) dictionary.entries();
    }

    /** A copy of a map, or the map itself if it is one of these. */
    static Entries copyOf(Map<Variant, Variant> map) {
        if (map instanceof Entries entries) {
            return entries;
        }
        return of(map, part -> (Variant) Objects.requireNonNull(part, "a key or value is null"));
    }

    /** The entries of a map of another kind, with what their keys and values are made into. */
    static Entries of(Map<?, ?> map, Function<Object, Variant> convert) {
        Map.Entry<?, ?>[] entries = map.entrySet().toArray(new Map.Entry<?, ?>[0]);
        var keys = new Variant[entries.length];
        var values = new Variant[entries.length];
        for (int i = 0; i < entries.length; i++) {
            keys[i] = convert.apply(entries[i].getKey());
            values[i] = convert.apply(entries[i].getValue());
        }
        return new Entries(keys, values);
    }

    Variant key(int place) {
        return keys[place];
    }

    Variant value(int place) {
        return values[place];
    }

    int keyHash(int place) {
        return hashes.length == 0 ? VariantHash.ofKey(keys[place]) : hashes[place];
    }

    /** Where a key is, or a negative number. */
    private int place(Variant key) {
        return table.length == 0 ? scan(key, size) : table[slot(VariantHash.ofKey(key), key)] - 1;
    }

    private int scan(Variant key, int end) {
        for (int i = 0; i < end; i++) {
            if (VariantHash.sameKey(keys[i], key)) {
                return i;
            }
        }
        return -1;
    }

    /** The slot that a key has, or would get. */
    private int slot(int hash, Variant key) {
        int slot = hash & table.length - 1;
        for (int place = table[slot]; place != 0; place = table[slot]) {
            if (hashes[place - 1] == hash && VariantHash.sameKey(keys[place - 1], key)) {
                break;
            }
            slot = slot + 1 & table.length - 1;
        }
        return slot;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Variant get(Object key) {
        int place = key instanceof Variant sought ? place(sought) : -1;
        return place < 0 ? null : values[place];
    }

    @Override
    public boolean containsKey(Object key) {
        return get(key) != null;
    }

    @Override
    public void forEach(BiConsumer<? super Variant, ? super Variant> action) {
        for (int i = 0; i < size; i++) {
            action.accept(keys[i], values[i]);
        }
    }

    @Override
    public Set<Entry<Variant, Variant>> entrySet() {
        return entrySet(size, i -> keys[i], i -> values[i]);
    }

    private static <V> Set<Entry<V, V>> entrySet(
            int size, IntFunction<? extends V> key, IntFunction<? extends V> value) {
        return new AbstractSet<>() {
            @Override
            public Iterator<Entry<V, V>> iterator() {
                return new Iterator<>() {
                    private int next;

                    @Override
                    public boolean hasNext() {
                        return next < size;
                    }

                    @Override
                    public Entry<V, V> next() {
                        if (next >= size) {
                            throw new NoSuchElementException();
                        }
                        int place = next++;
                        return new SimpleImmutableEntry<>(key.apply(place), value.apply(place));
                    }
                };
            }

            @Override
            public int size() {
                return size;
            }
        };
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Entries that)) {
            return super.equals(other);
        }
        if (this == that) {
            return true;
        }
        for (int i = 0; i < size; i++) {
            if (size != that.size || !values[i].equals(that.get(keys[i]))) {
                return false;
            }
        }
        return size == that.size;
    }

    @Override
    public int hashCode() {
        return VariantHash.of(this);
    }

    /** These entries as Java has them, in an unmodifiable map that finds keys as this one does. */
    Map<Object, Object> toJava() {
        var javas = new Object[size];
        for (int i = 0; i < size; i++) {
            javas[i] = values[i].toJava();
        }
        return new JavaEntries(this, javas);
    }

    /**
     * A hash map of Java would not do: {@code hashCode} of its numbers, strings and lists is known
     * to everybody, and arrays are not even equal to their copies.
     */
    private static final class JavaEntries extends AbstractMap<Object, Object> {
        private final Entries entries;
        private final Object[] values;

        JavaEntries(Entries entries, Object[] values) {
            this.entries = entries;
            this.values = values;
        }

        private int place(Object key) {
            try {
                return entries.place(Variant.of(key));
            } catch (IllegalArgumentException e) {
                return -1; // no key is of such a class
            }
        }

        @Override
        public Object get(Object key) {
            int place = place(key);
            return place < 0 ? null : values[place];
        }

        @Override
        public boolean containsKey(Object key) {
            return place(key) >= 0;
        }

        @Override
        public int size() {
            return values.length;
        }

        @Override
        public Set<Entry<Object, Object>> entrySet() {
            return Entries.entrySet(values.length, i -> entries.keys[i].toJava(), i -> values[i]);
        }
    }
}
