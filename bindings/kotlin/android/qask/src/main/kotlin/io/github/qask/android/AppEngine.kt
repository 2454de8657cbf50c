// An engine that behaves in an app: it is made when it is needed, slow in the background and when the device is hot, and small
// when memory is short.
package io.github.qask.android

import android.app.Activity
import android.app.Application
import android.content.ComponentCallbacks2
import android.content.Context
import android.content.res.Configuration
import android.os.Build
import android.os.Bundle
import android.os.PowerManager
import io.github.qask.Engine
import io.github.qask.EngineOptions
import io.github.qask.Model
import io.github.qask.QaskException
import io.github.qask.Trim
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * The engine of an app over one model. Ask for it with [get] each time it is used; what was computed is lost when it had to
 * go, conversations are not when they are kept by [io.github.qask.Chat.exportJson].
 *
 *     val engine = AppEngine(application, model, EngineOptions().apply { contextTokens = 2048 })
 *     engine.get().generate { user("Hello!") }.collect { … }
 *
 * - In the background one thread computes, so that an answer may end without a warm pocket.
 * - From THERMAL_STATUS_MODERATE on half of the threads compute, from SEVERE on one (Android 10 and newer).
 * - When memory is short, kept prefixes go; in the background, or when it is critical, the whole context of an idle engine and
 *   the model's pages go too, and the next request brings them back.
 */
class AppEngine(
    private val application: Application,
    private val model: Model,
    private val options: EngineOptions = EngineOptions(),
) : ComponentCallbacks2, Application.ActivityLifecycleCallbacks, AutoCloseable {
    private val making = Mutex()
    private val most = options.threads ?: (Runtime.getRuntime().availableProcessors() / 2).coerceAtLeast(1)
    private val power = application.getSystemService(Context.POWER_SERVICE) as PowerManager

    @Volatile
    private var engine: Engine? = null

    @Volatile
    private var heat = 0
    private var visible = 0
    private val hotter = if (Build.VERSION.SDK_INT >= 29) PowerManager.OnThermalStatusChangedListener { heat = it; adapt() } else null

    init {
        application.registerComponentCallbacks(this)
        application.registerActivityLifecycleCallbacks(this)
        if (Build.VERSION.SDK_INT >= 29) hotter?.let { power.addThermalStatusListener(it) }
    }

    /** The engine, made anew when there is none. */
    suspend fun get(): Engine = making.withLock {
        engine?.takeUnless { it.isClosed } ?: model.engine(options).also {
            engine = it
            adapt()
        }
    }

    private fun threads() = when {
        visible == 0 || heat >= SEVERE -> 1
        heat >= MODERATE -> (most / 2).coerceAtLeast(1)
        else -> most
    }

    private fun adapt() = tolerant { it.setThreads(threads()) }

    /** An engine that was closed meanwhile has nothing to adapt. */
    private fun tolerant(block: (Engine) -> Unit) {
        try {
            engine?.let(block)
        } catch (e: QaskException) {
            engine = null
        }
    }

    /** Called by Android when memory is short. */
    override fun onTrimMemory(level: Int) = tolerant { engine ->
        engine.unpin()
        @Suppress("DEPRECATION") // Newer systems send fewer levels, not others.
        val critical = level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL
        val all = critical || level >= ComponentCallbacks2.TRIM_MEMORY_BACKGROUND
        // On the main thread: it is told, and not waited for.
        engine.trimBlocking(if (all) Trim.WEIGHTS else Trim.CACHE, 0)
    }

    @Deprecated("Deprecated by Android")
    override fun onLowMemory() = onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_COMPLETE)

    override fun onConfigurationChanged(configuration: Configuration) = Unit

    override fun onActivityStarted(activity: Activity) {
        visible++
        adapt()
    }

    override fun onActivityStopped(activity: Activity) {
        visible--
        adapt()
    }

    override fun onActivityCreated(activity: Activity, state: Bundle?) = Unit

    override fun onActivityResumed(activity: Activity) = Unit

    override fun onActivityPaused(activity: Activity) = Unit

    override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit

    override fun onActivityDestroyed(activity: Activity) = Unit

    /** Closes the engine, and follows the app no longer. */
    override fun close() {
        application.unregisterComponentCallbacks(this)
        application.unregisterActivityLifecycleCallbacks(this)
        if (Build.VERSION.SDK_INT >= 29) hotter?.let { power.removeThermalStatusListener(it) }
        engine?.close()
    }

    private companion object {
        /** PowerManager's, which older systems do not have. */
        const val MODERATE = 2
        const val SEVERE = 3
    }
}
