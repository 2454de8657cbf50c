// How to load a model.
package io.github.qask

/** How to load a model. What is not set has its default. One owner at a time. */
class ModelOptions : Settings() {
    /** Layers to put on the GPU. Default: all, where there is one; without a GPU in the build it has no effect. */
    var gpuLayers: Int? by count(Raw::modelOptionsSetGpuLayers)

    /** The GPU for what is not split, from 0. Default 0. */
    var mainGpu: Int? by count(Raw::modelOptionsSetMainGpu)

    /**
     * Map the file instead of reading it: loads faster and shares memory between processes, but the process gets
     * SIGBUS when another one truncates the file. Default true.
     */
    var mmap: Boolean? by Setting(Raw::modelOptionsSetMmap)

    /** Keep the weights in RAM. Default false. */
    var mlock: Boolean? by Setting(Raw::modelOptionsSetMlock)

    /** Look at every weight for damage while loading; slow. Default false. */
    var checkTensors: Boolean? by Setting(Raw::modelOptionsSetCheckTensors)

    /** Repack weights for the CPU: decodes faster, takes more memory. Default true. */
    var repack: Boolean? by Setting(Raw::modelOptionsSetRepack)

    /**
     * Bytes that the model may take, on all devices together; one that would take more is refused with
     * [QaskException.TooLarge] before its weights are read. 0: no limit, the default.
     */
    var memoryBudget: Long? by Setting(Raw::modelOptionsSetMemoryBudget)
}
