// The screen: a list, a field, a button.
package io.github.qask.chat

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.lazy.rememberLazyListState
import androidx.compose.material3.Button
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.dp
import androidx.lifecycle.viewmodel.compose.viewModel

class ChatActivity : ComponentActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContent { MaterialTheme { Surface(Modifier.fillMaxSize()) { Screen() } } }
    }
}

@Composable
private fun Screen(model: ChatModel = viewModel()) {
    var draft by rememberSaveable { mutableStateOf("") }
    val list = rememberLazyListState()
    LaunchedEffect(model.lines.size, model.lines.lastOrNull()) {
        if (model.lines.isNotEmpty()) list.scrollToItem(model.lines.lastIndex)
    }
    Column(Modifier.padding(12.dp), Arrangement.spacedBy(8.dp)) {
        LazyColumn(Modifier.weight(1f), list, verticalArrangement = Arrangement.spacedBy(8.dp)) {
            items(model.lines) { Bubble(it) }
        }
        model.notice?.let { Text(it, color = MaterialTheme.colorScheme.error) }
        Row(horizontalArrangement = Arrangement.spacedBy(8.dp), verticalAlignment = Alignment.CenterVertically) {
            OutlinedTextField(draft, { draft = it }, Modifier.weight(1f))
            if (model.answering) {
                Button(model::stop) { Text("Stop") }
            } else {
                Button({ model.say(draft); draft = "" }, enabled = draft.isNotBlank() && model.notice == null) { Text("Send") }
            }
        }
    }
}

@Composable
private fun Bubble(line: Line) {
    Row(Modifier.fillMaxWidth(), if (line.mine) Arrangement.End else Arrangement.Start) {
        val colors = MaterialTheme.colorScheme
        Surface(color = if (line.mine) colors.primaryContainer else colors.surfaceVariant, shape = MaterialTheme.shapes.medium) {
            Text(line.text.ifEmpty { "…" }, Modifier.padding(10.dp))
        }
    }
}
