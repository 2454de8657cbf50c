// LoRAs and control vectors.
package io.github.qask

/** A LoRA or a control vector, for requests of its model: [Request.adapter]. */
class Adapter internal constructor(handle: Long) : Owned("adapter", handle, Raw::adapterFree) {
    /** What it is. */
    val kind: AdapterKind get() = call { value -> AdapterKind.entries.first { it.value == Raw.adapterKind(value) } }
}
