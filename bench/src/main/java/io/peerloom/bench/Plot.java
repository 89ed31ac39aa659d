package io.peerloom.bench;

import java.util.List;
import java.util.Locale;

/**
 * Bars beside each other in a grid of panels, as SVG that a browser and a README show without a
 * script or a font of their own. Every panel has a scale of its own.
 */
final class Plot {
    private static final int COLUMNS = 3;
    private static final int MARGIN = 16;
    private static final int PANEL = 316;

    /** Of a panel, from its left: where names end, where bars begin, where the longest ends. */
    private static final int NAMES = 124;

    private static final int BARS = 130;
    private static final int LONGEST = 258;

    private static final int TITLE = 44;
    private static final int HEAD = 24;
    private static final int ROW = 17;
    private static final int BAR = 12;

    /** What a bar is, which is its colour. */
    enum Kind {
        OURS("#0b7a75"),
        LIBRARY("#8aa0b8"),
        CEILING("#c9c9c9");

        private final String colour;

        Kind(String colour) {
            this.colour = colour;
        }
    }

    /**
     * A bar.
     *
     * @param name stands before it
     * @param value its length; NaN for none
     */
    record Bar(String name, Kind kind, double value) {}

    /**
     * One of the grid.
     *
     * @param name stands above it
     * @param bars from above
     */
    record Panel(String name, List<Bar> bars) {}

    private Plot() {}

    /** The whole picture. */
    static String svg(String title, List<Panel> panels) {
        int rows = panels.stream().mapToInt(panel -> panel.bars().size()).max().orElse(0);
        int height = HEAD + rows * ROW + MARGIN;
        int lines = (panels.size() + COLUMNS - 1) / COLUMNS;
        int columns = Math.min(COLUMNS, Math.max(1, panels.size()));
        var svg = new StringBuilder();
        svg.append(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                        .formatted(2 * MARGIN + columns * PANEL, TITLE + lines * height + MARGIN));
        svg.append("font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">\n");
        svg.append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        text(svg, MARGIN, 26, "start", " font-size=\"15\" font-weight=\"bold\"", title);
        for (int i = 0; i < panels.size(); i++) {
            int x = MARGIN + i % COLUMNS * PANEL;
            int y = TITLE + i / COLUMNS * height;
            panel(svg, x, y, panels.get(i));
        }
        return svg.append("</svg>\n").toString();
    }

    private static void panel(StringBuilder svg, int x, int y, Panel panel) {
        text(svg, x + BARS, y + 12, "start", " font-weight=\"bold\"", panel.name());
        double most =
                panel.bars().stream()
                        .mapToDouble(Bar::value)
                        .filter(Double::isFinite)
                        .max()
                        .orElse(1);
        int top = y + HEAD;
        for (Bar bar : panel.bars()) {
            String bold = bar.kind() == Kind.OURS ? " font-weight=\"bold\"" : "";
            text(svg, x + NAMES, top + BAR - 2, "end", bold, bar.name());
            double length =
                    Double.isFinite(bar.value()) ? bar.value() / most * (LONGEST - BARS) : 0;
            svg.append(
                    String.format(
                            Locale.ROOT,
                            "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                            x + BARS,
                            top,
                            length,
                            BAR,
                            bar.kind().colour));
            int end = x + BARS + (int) Math.ceil(length) + 4;
            text(svg, end, top + BAR - 2, "start", bold, SocketReport.figure(bar.value()));
            top += ROW;
        }
    }

    private static void text(
            StringBuilder svg, int x, int y, String anchor, String style, String text) {
        svg.append(
                "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\"%s>%s</text>\n"
                        .formatted(x, y, anchor, style, escape(text)));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
