// How to load a model.
import CQask

/// How to load a model. What is nil has its default.
public struct ModelOptions: Sendable {
    /// Layers to put on the GPU. Default: all, where there is one; without a GPU in the build it has no effect.
    public var gpuLayers: Int?

    /// The GPU for what is not split, from 0. Default 0.
    public var mainGPU: Int?

    /// Map the file instead of reading it: loads faster and shares memory between processes, but the process gets SIGBUS when
    /// another one truncates the file. Default true.
    public var mmap: Bool?

    /// Keep the weights in RAM. Default false.
    public var mlock: Bool?

    /// Look at every weight for damage while loading; slow. Default false.
    public var checkTensors: Bool?

    /// Repack weights for the CPU: decodes faster, takes more memory. Default true.
    public var repack: Bool?

    /// Bytes that the model may take, on all devices together; one that would take more is refused with
    /// ``QaskError/tooLarge(_:)`` before its weights are read. 0: no limit, the default.
    public var memoryBudget: UInt64?

    /// Options with every default.
    public init() {}

    /// Options that are set here: `ModelOptions { $0.mmap = false }`.
    public init(_ set: (inout ModelOptions) throws -> Void) rethrows { try set(&self) }
}

extension ModelOptions: LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status { qask_model_options_new(object, error) }
    static func free(_ object: OpaquePointer?) { qask_model_options_free(object) }

    func apply(to object: Setter) throws {
        try object.set("gpuLayers", gpuLayers, qask_model_options_set_gpu_layers)
        try object.set("mainGPU", mainGPU, qask_model_options_set_main_gpu)
        try object.set("mmap", mmap, qask_model_options_set_mmap)
        try object.set("mlock", mlock, qask_model_options_set_mlock)
        try object.set("checkTensors", checkTensors, qask_model_options_set_check_tensors)
        try object.set("repack", repack, qask_model_options_set_repack)
        try object.set("memoryBudget", memoryBudget, qask_model_options_set_memory_budget)
    }
}
