package io.peerloom.examples;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.peerloom.Limits;
import io.peerloom.testing.Program;
import io.peerloom.testing.Programs;
import io.peerloom.testing.Transcript;
import io.peerloom.websocket.Message;
import io.peerloom.websocket.WebSocketOptions;
import io.peerloom.websocket.WebSocketPeer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;

/**
 * Chromium without a window, led through its DevTools protocol: JSON over a WebSocket, which is our
 * own client. One thread.
 */
final class Chromium implements AutoCloseable {

    private static final String LISTENING = "DevTools listening on ";

    private final Program program;
    private final WebSocketPeer devTools;
    private int calls;

    /** The browser did not do it. */
    private static final class Refused extends AssertionError {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** A page in the browser. */
    final class Tab implements AutoCloseable {
        private final String target;
        private final String session;

        Tab(String url) {
            // A window each: a tab in the background would be slowed down.
            var place = object("url", url);
            place.addProperty("newWindow", true);
            target = call("", "Target.createTarget", place).get("targetId").getAsString();
            var attached = object("targetId", target);
            attached.addProperty("flatten", true);
            session = call("", "Target.attachToTarget", attached).get("sessionId").getAsString();
            Awaitility.await("loading of " + url)
                    .atMost(Transcript.PATIENCE)
                    .pollInSameThread()
                    .ignoreExceptionsInstanceOf(Refused.class) // the empty page is just going
                    .until(() ->
                            evaluate(
                                            "location.href !== 'about:blank'"
                                                    + " && document.readyState === 'complete'")
                                    .getAsBoolean());
        }

        /** The value of an expression; promises are waited for. */
        JsonElement evaluate(String expression) {
            var what = object("expression", expression);
            what.addProperty("returnByValue", true);
            what.addProperty("awaitPromise", true);
            what.addProperty("userGesture", true);
            JsonObject result = call(session, "Runtime.evaluate", what);
            if (result.has("exceptionDetails")) {
                throw new AssertionError(expression + ": " + result.get("exceptionDetails"));
            }
            JsonElement value = result.getAsJsonObject("result").get("value");
            return value == null ? JsonNull.INSTANCE : value;
        }

        /** Types into the element that has the focus, as a keyboard does. */
        void type(String text) {
            call(session, "Input.insertText", object("text", text));
        }

        /** Presses a key and lets it go. */
        void press(String key, int code, String text) {
            var down = object("type", "keyDown");
            down.addProperty("key", key);
            down.addProperty("code", key);
            down.addProperty("windowsVirtualKeyCode", code);
            down.addProperty("text", text);
            call(session, "Input.dispatchKeyEvent", down);
            down.addProperty("type", "keyUp");
            down.remove("text");
            call(session, "Input.dispatchKeyEvent", down);
        }

        /** Clicks into the middle of an element. */
        void click(String selector) {
            JsonObject middle =
                    evaluate(
                                    """
                                    (() => {
                                      const r = document.querySelector('%s').getBoundingClientRect();
                                      return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
                                    })()
                                    """
                                            .formatted(selector))
                            .getAsJsonObject();
            middle.addProperty("button", "left");
            middle.addProperty("clickCount", 1);
            for (String type : List.of("mousePressed", "mouseReleased")) {
                middle.addProperty("type", type);
                call(session, "Input.dispatchMouseEvent", middle);
            }
        }

        /** Closes it as its user does. */
        @Override
        public void close() {
            call("", "Target.closeTarget", object("targetId", target));
        }
    }

    /**
     * Starts it.
     *
     * @param home for its profile, which must be new
     */
    Chromium(Path home) throws IOException {
        program =
                Program.start(
                        "Chromium",
                        home,
                        List.of(
                                Programs.chromium(),
                                "--headless=new",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-quic",
                                "--disable-dev-shm-usage",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync",
                                "--disable-renderer-backgrounding",
                                "--disable-backgrounding-occluded-windows",
                                "--window-size=1400,900",
                                "--user-data-dir=" + home.resolve("profile"),
                                "--remote-debugging-port=0"),
                        List.of());
        try {
            devTools =
                    WebSocketPeer.connect(
                            program.await(LISTENING).substring(LISTENING.length()),
                            WebSocketOptions.defaults()
                                    .withLimits(
                                            Limits.defaults()
                                                    .withMaxMessageBytes(64 << 20)
                                                    .withInboundBytes(64 << 20)));
        } catch (IOException | AssertionError e) {
            program.close();
            throw e;
        }
    }

    private static JsonObject object(String name, String value) {
        var object = new JsonObject();
        object.addProperty(name, value);
        return object;
    }

    private JsonObject call(String session, String method, JsonObject parameters) {
        var call = object("method", method);
        call.addProperty("id", ++calls);
        call.add("params", parameters);
        if (!session.isEmpty()) {
            call.addProperty("sessionId", session);
        }
        devTools.sendText(call.toString());
        long end = System.nanoTime() + Transcript.PATIENCE.toNanos();
        for (long left; (left = end - System.nanoTime()) > 0; ) {
            Message message = devTools.receive(Duration.ofNanos(left));
            if (message == null) {
                break;
            }
            JsonObject answer = JsonParser.parseString(message.text()).getAsJsonObject();
            if (!answer.has("id") || answer.get("id").getAsInt() != calls) {
                continue; // an event
            }
            if (answer.has("error")) {
                throw new Refused(call + ": " + answer);
            }
            return answer.getAsJsonObject("result");
        }
        throw new AssertionError(
                call + " was not answered; close code " + devTools.getCloseCode() + "; " + program);
    }

    @Override
    public void close() {
        try {
            call("", "Browser.close", new JsonObject()); // it knows best how to end its processes
            program.awaitExit();
        } finally {
            devTools.close();
            program.close();
        }
    }
}
