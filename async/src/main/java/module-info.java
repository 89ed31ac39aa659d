/** Futures over the peers of {@code io.peerloom.core}. Nothing in core depends on this module. */
module io.peerloom.async {
    requires transitive io.peerloom.core;

    exports io.peerloom.async;
}
