// Options that are kept until an object of the library is made with them.
package io.github.qask

import kotlin.properties.ReadWriteProperty
import kotlin.reflect.KProperty

/** Options: each is kept, and checked by the library when it is used. */
abstract class Settings internal constructor() {
    internal val values = HashMap<String, Any>()
    internal val steps = LinkedHashMap<String, (Long) -> Unit>()
    private var count = 0

    /** Does something to the library's object; later ones go last, and one of the same key takes the other's place. */
    internal fun step(key: String = "#${count++}", step: (Long) -> Unit) {
        steps.remove(key)
        steps[key] = step
    }

    internal fun applyTo(handle: Long) = steps.values.forEach { it(handle) }

    internal fun takeOver(other: Settings) {
        values.putAll(other.values)
        steps.putAll(other.steps)
        count = other.count
    }
}

/** One option: its function in the library. */
internal class Setting<T : Any>(private val set: (Long, T) -> Unit) : ReadWriteProperty<Settings, T?> {
    @Suppress("UNCHECKED_CAST")
    override fun getValue(thisRef: Settings, property: KProperty<*>): T? = thisRef.values[property.name] as T?

    override fun setValue(thisRef: Settings, property: KProperty<*>, value: T?) {
        if (value == null) {
            thisRef.values.remove(property.name)
            thisRef.steps.remove(property.name)
        } else {
            thisRef.values[property.name] = value
            thisRef.step(property.name) { set(it, value) }
        }
    }
}

/** An option that counts something. */
internal fun count(set: (Long, Long) -> Unit) = Setting<Int> { to, it -> set(to, it.toLong()) }

/** Makes the library's object of these options, for as long as `block` runs. */
internal inline fun <T> Settings.with(new: () -> Long, free: (Long) -> Unit, block: (Long) -> T): T {
    val handle = new()
    try {
        applyTo(handle)
        return block(handle)
    } finally {
        free(handle)
    }
}

internal inline fun <T> ModelOptions.use(block: (Long) -> T) = with(Raw::modelOptionsNew, Raw::modelOptionsFree, block)

internal inline fun <T> EngineOptions.use(block: (Long) -> T) = with(Raw::engineOptionsNew, Raw::engineOptionsFree, block)

internal inline fun <T> EmbedderOptions.use(block: (Long) -> T) =
    with(Raw::embedderOptionsNew, Raw::embedderOptionsFree, block)

internal inline fun <T> ScorerOptions.use(block: (Long) -> T) = with(Raw::scorerOptionsNew, Raw::scorerOptionsFree, block)
