// LoRAs and control vectors.
import CQask

/// A LoRA or a control vector, for requests of its model: ``Request/adapters``. Any task may use it.
public final class Adapter: Sendable {
    let handle: Handle

    init(_ object: OpaquePointer) { handle = Handle(object, qask_adapter_free) }

    /// What it is; nil for a kind that this binding does not know.
    public var kind: AdapterKind? { handle.use { AdapterKind(rawValue: qask_adapter_kind($0)) } }
}
