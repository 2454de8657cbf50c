// Stand-ins for what examples/android uses of AndroidX beside its screen, so that its compiler sees everything of qask.
package androidx.lifecycle

import android.app.Application
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.MainScope

open class AndroidViewModel(val application: Application) {
    protected open fun onCleared() = Unit
}

val AndroidViewModel.viewModelScope: CoroutineScope get() = MainScope()
