// The binding as Java sees it.
package io.github.qask;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class JavaTest {
    @Test
    void anAnswer() {
        List<Float> shares = new ArrayList<>();
        ModelOptions how = new ModelOptions();
        how.setMmap(false);
        EngineOptions small = new EngineOptions();
        small.setContextTokens(512);
        try (Model model = Model.loadBlocking(ModelsKt.file("smollm2-135m"), how, shares::add);
                Engine engine = model.engineBlocking(small)) {
            assertEquals("llama", model.getArchitecture());
            assertTrue(shares.size() > 0);
            Request request = new Request().user("Complete the sentence: the capital of France is");
            request.setMaxTokens(8);
            request.setTemperature(0f);
            StringBuilder text = new StringBuilder();
            FinishReason reason = null;
            try (EventStream stream = engine.stream(request)) {
                for (Event event : stream) {
                    if (event instanceof Event.Text) text.append(((Event.Text) event).getText());
                    if (event instanceof Event.Done) reason = ((Event.Done) event).getReason();
                }
            }
            assertTrue(text.length() > 0 && reason != null);
            assertEquals(text.toString(), engine.askBlocking(request).getText());
            try (Chat chat = engine.chat(new Request())) {
                chat.setSystem("You are brief.");
                assertTrue(chat.askBlocking("Hi").getText().length() > 0);
                assertEquals(3, chat.getSize());
            }
            assertTrue(engine.askJsonBlocking(request.copy().user("A number?"), "{\"enum\":[1,2,3]}").length() > 0);
            Tool tool = Tool.of("now", "The time", "{\"type\":\"object\",\"properties\":{}}", arguments -> "noon");
            assertEquals("now", tool.getName());
            QaskException.Range error = assertThrows(QaskException.Range.class, () -> {
                Request bad = new Request().user("x");
                bad.setTopP(2f);
                engine.stream(bad);
            });
            assertEquals(102, error.getCode());
            assertTrue(engine.shutdownBlocking());
        }
    }

    @Test
    void vectors() {
        try (Model model = Model.loadBlocking(ModelsKt.file("minilm-l6-v2")); Embedder embedder = model.embedderBlocking()) {
            assertEquals(2, embedder.embedBlocking(Arrays.asList("a", "b")).size());
        }
        assertTrue(Qask.getVersion().length() > 0 && Qask.getLiveHandles() >= 0);
    }
}
