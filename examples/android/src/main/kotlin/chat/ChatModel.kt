// The conversation, apart from the screen: it outlives a rotation, and its answers end with it.
package io.github.qask.chat

import android.app.Application
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateListOf
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.viewModelScope
import io.github.qask.Chat
import io.github.qask.ContextPolicy
import io.github.qask.EngineOptions
import io.github.qask.Event
import io.github.qask.Model
import io.github.qask.QaskException
import io.github.qask.android.AppEngine
import io.github.qask.android.load
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch

/** One line of the screen. */
data class Line(val mine: Boolean, val text: String)

class ChatModel(application: Application) : AndroidViewModel(application) {
    val lines = mutableStateListOf<Line>()

    /** What goes on: a load's share, an error; null when there is nothing to say. */
    var notice by mutableStateOf<String?>("loading")
        private set

    var answering by mutableStateOf(false)
        private set

    private var engine: AppEngine? = null
    private var chat: Chat? = null
    private var answer: Job? = null

    init {
        viewModelScope.launch {
            try {
                val model = application.assets.openFd("model.gguf").use { file ->
                    Model.load(file) { share -> notice = "loading ${(share * 100).toInt()}%" }
                }
                engine = AppEngine(application, model, EngineOptions().apply { contextTokens = 2048 })
                notice = null
            } catch (e: QaskException) {
                notice = e.message
            } catch (e: java.io.IOException) {
                notice = "put a model into src/main/assets/model.gguf"
            }
        }
    }

    /** Says something; the answer grows in the last line. */
    fun say(text: String) {
        answer = viewModelScope.launch {
            answering = true
            lines += listOf(Line(true, text), Line(false, ""))
            try {
                conversation().send(text).collect { event ->
                    if (event is Event.Text) lines[lines.lastIndex] = lines.last().let { it.copy(text = it.text + event.text) }
                }
            } catch (e: QaskException) {
                notice = e.message
            } finally {
                answering = false
            }
        }
    }

    /** Ends the answer; what was said stays. */
    fun stop() {
        answer?.cancel()
    }

    /** The conversation, over a new engine when memory was short in between. */
    private suspend fun conversation(): Chat {
        val engine = engine!!.get()
        val before = chat?.takeUnless { it.isClosed }
        if (before != null && engine === current) return before
        current = engine
        return engine.chat {
            system("You are brief.")
            contextPolicy = ContextPolicy.DROP_OLDEST
        }.also { new ->
            before?.let {
                new.importJson(it.exportJson())
                it.close()
            }
            chat = new
        }
    }

    private var current: io.github.qask.Engine? = null

    override fun onCleared() {
        chat?.close()
        engine?.close()
    }
}
