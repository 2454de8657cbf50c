// The raw layer, made from include/qask.h by tools/generate.py: do not edit.
package io.github.qask

/** The header's functions, each by its own name. How types come over: tools/generate.py. */
internal object Raw {
    init {
        Library.load()
    }

    const val OK = 0
    const val DONE = 1
    const val TIMEOUT = 2
    const val ERR_NULL = 100
    const val ERR_UTF8 = 101
    const val ERR_RANGE = 102
    const val ERR_HANDLE = 103
    const val ERR_BUSY = 104
    const val ERR_CLOSED = 105
    const val ERR_FORKED = 106
    const val ERR_JSON = 107
    const val ERR_NOT_FOUND = 200
    const val ERR_INVALID = 201
    const val ERR_UNSUPPORTED_ARCH = 202
    const val ERR_TOO_LARGE = 203
    const val ERR_TEMPLATE = 204
    const val ERR_CONTEXT_FULL = 300
    const val ERR_GRAMMAR = 301
    const val ERR_TOO_LONG = 302
    const val ERR_MEDIA = 303
    const val ERR_CANCELLED = 304
    const val ERR_DEADLINE = 305
    const val ERR_QUEUE_FULL = 306
    const val ERR_IO = 400
    const val ERR_STATE_INVALID = 401
    const val ERR_STATE_MISMATCH = 402
    const val ERR_CHECKSUM = 403
    const val ERR_NETWORK = 404
    const val ERR_PANIC = 900
    const val ERR_ENGINE_FAULT = 901
    const val ERR_UNSUPPORTED = 902
    const val ERR_OUT_OF_MEMORY = 903
    const val ABI_VERSION = 1
    const val ADAPTER_LORA = 1
    const val ADAPTER_ACTIVATED_LORA = 2
    const val ADAPTER_CONTROL_VECTOR = 3
    const val CONTEXT_ERROR = 0
    const val CONTEXT_SHIFT = 1
    const val CONTEXT_DROP_OLDEST = 2
    const val CACHE_F16 = 0
    const val CACHE_Q8_0 = 1
    const val CACHE_Q4_0 = 2
    const val FLASH_AUTO = 0
    const val FLASH_OFF = 1
    const val FLASH_ON = 2
    const val TRIM_CACHE = 1
    const val TRIM_CONTEXT = 2
    const val TRIM_WEIGHTS = 3
    const val EVENT_NONE = 0
    const val EVENT_TEXT = 1
    const val EVENT_REASONING = 2
    const val EVENT_TOOL_CALL_DELTA = 3
    const val EVENT_TOOL_CALL = 4
    const val EVENT_DONE = 5
    const val FINISH_STOP = 1
    const val FINISH_LENGTH = 2
    const val FINISH_TOOL_CALLS = 3
    const val FINISH_CANCELLED = 4
    const val FINISH_DEADLINE = 5
    const val FINISH_ERROR = 6
    const val LOG_OFF = 0
    const val LOG_ERROR = 1
    const val LOG_WARN = 2
    const val LOG_INFO = 3
    const val LOG_DEBUG = 4
    const val POOLING_NONE = 0
    const val POOLING_MEAN = 1
    const val POOLING_CLS = 2
    const val POOLING_LAST = 3
    const val POOLING_RANK = 4
    const val TRUNCATE_REFUSE = 0
    const val TRUNCATE_END = 1
    const val TRUNCATE_START = 2
    const val PURPOSE_PLAIN = 0
    const val PURPOSE_QUERY = 1
    const val PURPOSE_DOCUMENT = 2
    const val PART_MAPPED = 0
    const val PART_WEIGHTS = 1
    const val PART_KV = 2
    const val PART_STATE = 3
    const val PART_COMPUTE = 4
    const val PART_OUTPUT = 5
    const val PART_OTHER = 6
    const val NORMALIZE_NONE = 0
    const val NORMALIZE_TOKENS = 1
    const val NORMALIZE_BYTES = 2

    @JvmStatic external fun statusName(status: Int): String?
    @JvmStatic external fun version(): String?
    @JvmStatic external fun supports(feature: String): Boolean
    @JvmStatic external fun liveHandles(): Long
    @JvmStatic external fun cancelNew(): Long
    @JvmStatic external fun cancelRaise(cancel: Long)
    @JvmStatic external fun cancelFree(cancel: Long)
    @JvmStatic external fun modelInspect(path: String): Long
    @JvmStatic external fun inspectionFree(inspection: Long)
    @JvmStatic external fun inspectionArchitecture(inspection: Long): String?
    @JvmStatic external fun inspectionName(inspection: Long): String?
    @JvmStatic external fun inspectionQuantization(inspection: Long): String?
    @JvmStatic external fun inspectionParameters(inspection: Long): Long
    @JvmStatic external fun inspectionContextLength(inspection: Long): Long
    @JvmStatic external fun inspectionVocabularySize(inspection: Long): Long
    @JvmStatic external fun inspectionFileSize(inspection: Long): Long
    @JvmStatic external fun inspectionChatTemplate(inspection: Long): String?
    @JvmStatic external fun inspectionMetadataCount(inspection: Long): Long
    @JvmStatic external fun inspectionMetadata(inspection: Long, key: String): String?
    @JvmStatic external fun inspectionMetadataKeyAt(inspection: Long, index: Long): String?
    @JvmStatic external fun modelOptionsNew(): Long
    @JvmStatic external fun modelOptionsFree(options: Long)
    @JvmStatic external fun modelOptionsSetProgress(options: Long, callback: ProgressCallback?)
    @JvmStatic external fun modelOptionsSetGpuLayers(options: Long, value: Long)
    @JvmStatic external fun modelOptionsSetMainGpu(options: Long, value: Long)
    @JvmStatic external fun modelOptionsSetMmap(options: Long, value: Boolean)
    @JvmStatic external fun modelOptionsSetMlock(options: Long, value: Boolean)
    @JvmStatic external fun modelOptionsSetCheckTensors(options: Long, value: Boolean)
    @JvmStatic external fun modelOptionsSetRepack(options: Long, value: Boolean)
    @JvmStatic external fun modelOptionsSetMemoryBudget(options: Long, value: Long)
    @JvmStatic external fun modelLoad(path: String, modelOptions: Long, cancel: Long): Long
    @JvmStatic external fun modelLoadSplits(paths: Array<String>, modelOptions: Long, cancel: Long): Long
    @JvmStatic external fun modelLoadFd(fd: Int, offset: Long, length: Long, modelOptions: Long, cancel: Long): Long
    @JvmStatic external fun modelFree(model: Long)
    @JvmStatic external fun modelTokenize(model: Long, text: String, addSpecial: Boolean, parseSpecial: Boolean, tokens: IntArray?): Long
    @JvmStatic external fun modelDetokenize(model: Long, tokens: IntArray, renderSpecial: Boolean): String
    @JvmStatic external fun modelRender(model: Long, request: Long): String
    @JvmStatic external fun modelSupportsInfill(model: Long): Boolean
    @JvmStatic external fun modelIsEog(model: Long, token: Int): Boolean
    @JvmStatic external fun modelDeviceAt(model: Long, index: Long, out: LongArray): String?
    @JvmStatic external fun modelGpuLayers(model: Long): Long
    @JvmStatic external fun modelBos(model: Long): Int
    @JvmStatic external fun modelEos(model: Long): Int
    @JvmStatic external fun modelEot(model: Long): Int
    @JvmStatic external fun modelArchitecture(model: Long): String?
    @JvmStatic external fun modelName(model: Long): String?
    @JvmStatic external fun modelQuantization(model: Long): String?
    @JvmStatic external fun modelParameters(model: Long): Long
    @JvmStatic external fun modelContextLength(model: Long): Long
    @JvmStatic external fun modelVocabularySize(model: Long): Long
    @JvmStatic external fun modelFileSize(model: Long): Long
    @JvmStatic external fun modelChatTemplate(model: Long): String?
    @JvmStatic external fun modelMetadataCount(model: Long): Long
    @JvmStatic external fun modelMetadata(model: Long, key: String): String?
    @JvmStatic external fun modelMetadataKeyAt(model: Long, index: Long): String?
    @JvmStatic external fun adapterLoad(model: Long, path: String): Long
    @JvmStatic external fun adapterFree(adapter: Long)
    @JvmStatic external fun adapterKind(adapter: Long): Int
    @JvmStatic external fun requestAddAdapter(request: Long, adapter: Long, scale: Float)
    @JvmStatic external fun requestClearAdapters(request: Long)
    @JvmStatic external fun requestNew(): Long
    @JvmStatic external fun requestFromJson(json: String): Long
    @JvmStatic external fun requestFree(request: Long)
    @JvmStatic external fun requestAddMessage(request: Long, role: String, text: String)
    @JvmStatic external fun requestAddMessageJson(request: Long, json: String)
    @JvmStatic external fun requestSetPrompt(request: Long, text: String, parseSpecial: Boolean)
    @JvmStatic external fun requestSetPromptTokens(request: Long, tokens: IntArray)
    @JvmStatic external fun requestSetInfill(request: Long, prefix: String, suffix: String)
    @JvmStatic external fun requestAddStop(request: Long, text: String)
    @JvmStatic external fun requestAddToolJson(request: Long, json: String)
    @JvmStatic external fun requestSetTemplate(request: Long, source: String)
    @JvmStatic external fun requestSetTemplateVariable(request: Long, variable: String, json: String)
    @JvmStatic external fun requestSetCacheKey(request: Long, key: String)
    @JvmStatic external fun requestSetMaxTokens(request: Long, value: Long)
    @JvmStatic external fun requestSetMinTokens(request: Long, value: Long)
    @JvmStatic external fun requestSetIgnoreEos(request: Long, value: Boolean)
    @JvmStatic external fun requestSetTopLogprobs(request: Long, value: Long)
    @JvmStatic external fun requestSetN(request: Long, value: Long)
    @JvmStatic external fun requestSetReturnTokens(request: Long, value: Boolean)
    @JvmStatic external fun requestSetPriority(request: Long, value: Int)
    @JvmStatic external fun requestSetDeadlineMs(request: Long, value: Long)
    @JvmStatic external fun requestSetContextPolicy(request: Long, value: Int)
    @JvmStatic external fun requestSetShiftKeep(request: Long, value: Long)
    @JvmStatic external fun requestSetContinueFinalMessage(request: Long, value: Boolean)
    @JvmStatic external fun requestSetTemperature(request: Long, value: Float)
    @JvmStatic external fun requestSetDynatempRange(request: Long, value: Float)
    @JvmStatic external fun requestSetDynatempExponent(request: Long, value: Float)
    @JvmStatic external fun requestSetTopP(request: Long, value: Float)
    @JvmStatic external fun requestSetMinP(request: Long, value: Float)
    @JvmStatic external fun requestSetTypicalP(request: Long, value: Float)
    @JvmStatic external fun requestSetTopNSigma(request: Long, value: Float)
    @JvmStatic external fun requestSetXtcProbability(request: Long, value: Float)
    @JvmStatic external fun requestSetXtcThreshold(request: Long, value: Float)
    @JvmStatic external fun requestSetDryMultiplier(request: Long, value: Float)
    @JvmStatic external fun requestSetDryBase(request: Long, value: Float)
    @JvmStatic external fun requestSetRepeatPenalty(request: Long, value: Float)
    @JvmStatic external fun requestSetFrequencyPenalty(request: Long, value: Float)
    @JvmStatic external fun requestSetPresencePenalty(request: Long, value: Float)
    @JvmStatic external fun requestSetMirostatTau(request: Long, value: Float)
    @JvmStatic external fun requestSetMirostatEta(request: Long, value: Float)
    @JvmStatic external fun requestSetTopK(request: Long, value: Long)
    @JvmStatic external fun requestSetDryAllowedLength(request: Long, value: Long)
    @JvmStatic external fun requestSetDryPenaltyLastN(request: Long, value: Int)
    @JvmStatic external fun requestSetPenaltyLastN(request: Long, value: Int)
    @JvmStatic external fun requestSetMirostat(request: Long, value: Long)
    @JvmStatic external fun requestSetMinKeep(request: Long, value: Long)
    @JvmStatic external fun requestSetSeed(request: Long, value: Long)
    @JvmStatic external fun requestSetDrySequenceBreakers(request: Long, breakers: Array<String>)
    @JvmStatic external fun requestAddLogitBias(request: Long, token: Int, bias: Float)
    @JvmStatic external fun requestSetJsonSchema(request: Long, schema: String)
    @JvmStatic external fun requestSetJson(request: Long, `object`: Boolean)
    @JvmStatic external fun requestSetJsonWhitespace(request: Long, value: Boolean)
    @JvmStatic external fun requestSetRegex(request: Long, source: String)
    @JvmStatic external fun requestSetGrammar(request: Long, source: String)
    @JvmStatic external fun requestSetLark(request: Long, source: String)
    @JvmStatic external fun requestAddChoice(request: Long, text: String)
    @JvmStatic external fun requestAddConstraintTrigger(request: Long, text: String)
    @JvmStatic external fun requestSetHeal(request: Long, value: Boolean)
    @JvmStatic external fun requestAccepts(request: Long, text: String): Boolean
    @JvmStatic external fun engineAskJson(engine: Long, request: Long, schema: String, cancel: Long): String
    @JvmStatic external fun requestSetToolChoice(request: Long, choice: String)
    @JvmStatic external fun requestSetToolChoiceFunction(request: Long, function: String)
    @JvmStatic external fun requestSetParallelToolCalls(request: Long, value: Boolean)
    @JvmStatic external fun requestSetToolFormat(request: Long, format: String)
    @JvmStatic external fun requestSetThinking(request: Long, value: Boolean)
    @JvmStatic external fun requestSetReasoningBudget(request: Long, value: Long)
    @JvmStatic external fun requestSetSplitReasoning(request: Long, value: Boolean)
    @JvmStatic external fun eventToolIndex(event: Long): Long
    @JvmStatic external fun eventToolId(event: Long): String?
    @JvmStatic external fun eventToolName(event: Long): String?
    @JvmStatic external fun eventToolArguments(event: Long): String?
    @JvmStatic external fun eventReasoningTokens(event: Long): Long
    @JvmStatic external fun engineOptionsNew(): Long
    @JvmStatic external fun engineOptionsFree(options: Long)
    @JvmStatic external fun engineOptionsSetNCtx(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetKvTokens(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetMaxSequences(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetMaxQueue(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetNBatch(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetNUbatch(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetThreads(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetThreadsBatch(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetAdaptThreads(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetCacheTypeK(options: Long, value: Int)
    @JvmStatic external fun engineOptionsSetCacheTypeV(options: Long, value: Int)
    @JvmStatic external fun engineOptionsSetFlashAttention(options: Long, value: Int)
    @JvmStatic external fun engineOptionsSetUnifiedKv(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetMaxStepMs(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetPrefixCache(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetDeterministic(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetOffloadKv(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetMemoryBudget(options: Long, value: Long)
    @JvmStatic external fun engineOptionsSetPrefixCacheDir(options: Long, path: String, bytes: Long)
    @JvmStatic external fun engineOptionsSetIsolated(options: Long, value: Boolean)
    @JvmStatic external fun engineOptionsSetWorker(options: Long, path: String)
    @JvmStatic external fun engineNew(model: Long, engineOptions: Long): Long
    @JvmStatic external fun engineFree(engine: Long)
    @JvmStatic external fun engineClose(engine: Long, timeoutMs: Long): Int
    @JvmStatic external fun engineSubmit(engine: Long, request: Long, cancel: Long): Long
    @JvmStatic external fun enginePrewarm(engine: Long, request: Long, pin: Boolean): Long
    @JvmStatic external fun engineUnpin(engine: Long)
    @JvmStatic external fun engineSetThreads(engine: Long, threads: Long, threadsBatch: Long)
    @JvmStatic external fun enginePause(engine: Long, timeoutMs: Long): Int
    @JvmStatic external fun engineResume(engine: Long)
    @JvmStatic external fun engineTrim(engine: Long, level: Int, timeoutMs: Long): Int
    @JvmStatic external fun engineNCtx(engine: Long): Long
    @JvmStatic external fun engineKvTokens(engine: Long): Long
    @JvmStatic external fun engineStats(engine: Long): Long
    @JvmStatic external fun statsFree(stats: Long)
    @JvmStatic external fun statsQueued(stats: Long): Long
    @JvmStatic external fun statsActive(stats: Long): Long
    @JvmStatic external fun statsKvTokensTotal(stats: Long): Long
    @JvmStatic external fun statsKvTokensUsed(stats: Long): Long
    @JvmStatic external fun statsCachedTokens(stats: Long): Long
    @JvmStatic external fun statsEvictions(stats: Long): Long
    @JvmStatic external fun statsPreemptions(stats: Long): Long
    @JvmStatic external fun statsSubmitted(stats: Long): Long
    @JvmStatic external fun statsFinished(stats: Long): Long
    @JvmStatic external fun statsFailed(stats: Long): Long
    @JvmStatic external fun statsPromptTokens(stats: Long): Long
    @JvmStatic external fun statsReusedTokens(stats: Long): Long
    @JvmStatic external fun statsDiskTokens(stats: Long): Long
    @JvmStatic external fun statsOutputTokens(stats: Long): Long
    @JvmStatic external fun statsSteps(stats: Long): Long
    @JvmStatic external fun statsPromptTokensPerSecond(stats: Long): Double
    @JvmStatic external fun statsOutputTokensPerSecond(stats: Long): Double
    @JvmStatic external fun statsLongestStepUs(stats: Long): Long
    @JvmStatic external fun statsThreads(stats: Long): Long
    @JvmStatic external fun statsThreadsBatch(stats: Long): Long
    @JvmStatic external fun statsThreadsUsed(stats: Long): Long
    @JvmStatic external fun statsThreadsBatchUsed(stats: Long): Long
    @JvmStatic external fun streamNext(stream: Long, timeoutMs: Long, out: LongArray): Int
    @JvmStatic external fun streamCancel(stream: Long)
    @JvmStatic external fun streamFree(stream: Long)
    @JvmStatic external fun eventJson(event: Long, id: String): String
    @JvmStatic external fun eventTokens(event: Long): IntArray?
    @JvmStatic external fun eventLogprobAt(event: Long, index: Long): DoubleArray?
    @JvmStatic external fun eventTopLogprobAt(event: Long, index: Long, rank: Long): DoubleArray?
    @JvmStatic external fun eventType(event: Long): Int
    @JvmStatic external fun eventChoice(event: Long): Long
    @JvmStatic external fun eventLogprobCount(event: Long): Long
    @JvmStatic external fun eventFinishReason(event: Long): Int
    @JvmStatic external fun eventErrorCode(event: Long): Int
    @JvmStatic external fun eventSeed(event: Long): Long
    @JvmStatic external fun eventPromptTokens(event: Long): Long
    @JvmStatic external fun eventCachedTokens(event: Long): Long
    @JvmStatic external fun eventForcedTokens(event: Long): Long
    @JvmStatic external fun eventOutputTokens(event: Long): Long
    @JvmStatic external fun eventPreemptions(event: Long): Long
    @JvmStatic external fun eventDroppedMessages(event: Long): Long
    @JvmStatic external fun eventQueueUs(event: Long): Long
    @JvmStatic external fun eventPrefillUs(event: Long): Long
    @JvmStatic external fun eventFirstTokenUs(event: Long): Long
    @JvmStatic external fun eventDecodeUs(event: Long): Long
    @JvmStatic external fun eventText(event: Long): String?
    @JvmStatic external fun eventErrorMessage(event: Long): String?
    @JvmStatic external fun queueNew(): Long
    @JvmStatic external fun queueAdd(queue: Long, stream: Long, tag: Long)
    @JvmStatic external fun queueNext(queue: Long, timeoutMs: Long, out: LongArray): Int
    @JvmStatic external fun chatNew(engine: Long, settings: Long): Long
    @JvmStatic external fun chatFree(chat: Long)
    @JvmStatic external fun chatSetRequest(chat: Long, request: Long)
    @JvmStatic external fun chatSetSystem(chat: Long, text: String)
    @JvmStatic external fun chatSend(chat: Long, text: String, cancel: Long): Long
    @JvmStatic external fun chatAskJson(chat: Long, text: String, schema: String, cancel: Long): String
    @JvmStatic external fun chatSendMessageJson(chat: Long, json: String, cancel: Long): Long
    @JvmStatic external fun chatRegenerate(chat: Long, cancel: Long): Long
    @JvmStatic external fun chatWait(chat: Long, timeoutMs: Long): Int
    @JvmStatic external fun chatIsBusy(chat: Long): Boolean
    @JvmStatic external fun chatCount(chat: Long): Long
    @JvmStatic external fun chatMessageJsonAt(chat: Long, index: Long): String
    @JvmStatic external fun chatCutShortAt(chat: Long, index: Long): Int
    @JvmStatic external fun chatDroppedMessages(chat: Long): Long
    @JvmStatic external fun chatAddMessageJson(chat: Long, json: String)
    @JvmStatic external fun chatSetMessageJsonAt(chat: Long, index: Long, json: String)
    @JvmStatic external fun chatDropTurnAt(chat: Long, index: Long)
    @JvmStatic external fun chatClear(chat: Long)
    @JvmStatic external fun chatExport(chat: Long): String
    @JvmStatic external fun chatImport(chat: Long, json: String)
    @JvmStatic external fun chatFork(chat: Long): Long
    @JvmStatic external fun saveOptionsNew(): Long
    @JvmStatic external fun saveOptionsFree(options: Long)
    @JvmStatic external fun saveOptionsSetCompress(options: Long, value: Boolean)
    @JvmStatic external fun chatSave(chat: Long, path: String, saveOptions: Long, cancel: Long): LongArray
    @JvmStatic external fun chatRestore(chat: Long, path: String, cancel: Long): Long
    @JvmStatic external fun engineSavePrefix(engine: Long, request: Long, path: String, saveOptions: Long, cancel: Long): LongArray
    @JvmStatic external fun engineRestorePrefix(engine: Long, request: Long, path: String, cancel: Long): Long
    @JvmStatic external fun logSet(level: Int, callback: LogCallback?)
    @JvmStatic external fun embedderOptionsNew(): Long
    @JvmStatic external fun embedderOptionsFree(options: Long)
    @JvmStatic external fun embedderOptionsSetPooling(options: Long, value: Int)
    @JvmStatic external fun embedderOptionsSetNormalize(options: Long, value: Boolean)
    @JvmStatic external fun embedderOptionsSetDimensions(options: Long, value: Long)
    @JvmStatic external fun embedderOptionsSetMaxTokens(options: Long, value: Long)
    @JvmStatic external fun embedderOptionsSetTruncation(options: Long, value: Int)
    @JvmStatic external fun embedderOptionsSetBatchTokens(options: Long, value: Long)
    @JvmStatic external fun embedderOptionsSetMaxSequences(options: Long, value: Long)
    @JvmStatic external fun embedderOptionsSetQueryPrefix(options: Long, text: String)
    @JvmStatic external fun embedderOptionsSetDocumentPrefix(options: Long, text: String)
    @JvmStatic external fun embedderOptionsSetInstruction(options: Long, text: String)
    @JvmStatic external fun embedderOptionsSetThreads(options: Long, value: Long)
    @JvmStatic external fun embedderOptionsSetAdaptThreads(options: Long, value: Boolean)
    @JvmStatic external fun embedderOptionsSetMemoryBudget(options: Long, value: Long)
    @JvmStatic external fun embedderNew(model: Long, embedderOptions: Long): Long
    @JvmStatic external fun embedderFree(embedder: Long)
    @JvmStatic external fun embedderClose(embedder: Long, timeoutMs: Long): Int
    @JvmStatic external fun embedderDimensions(embedder: Long): Long
    @JvmStatic external fun embedderPooling(embedder: Long): Int
    @JvmStatic external fun embedderMaxTokens(embedder: Long): Long
    @JvmStatic external fun embedderCountTokens(embedder: Long, text: String, purpose: Int): Long
    @JvmStatic external fun embedderEmbed(embedder: Long, texts: Array<String>, purpose: Int, cancel: Long, out: FloatArray?)
    @JvmStatic external fun embedderEmbedTokens(embedder: Long, text: String, purpose: Int, cancel: Long, out: FloatArray?): Long
    @JvmStatic external fun embedderRerank(embedder: Long, query: String, texts: Array<String>, cancel: Long, out: FloatArray?)
    @JvmStatic external fun modelPlan(path: String, modelOptions: Long, engineOptions: Long): Long
    @JvmStatic external fun modelPlanEmbedder(path: String, modelOptions: Long, embedderOptions: Long): Long
    @JvmStatic external fun enginePlan(model: Long, engineOptions: Long): Long
    @JvmStatic external fun embedderPlan(model: Long, embedderOptions: Long): Long
    @JvmStatic external fun planFree(plan: Long)
    @JvmStatic external fun planTotal(plan: Long): Long
    @JvmStatic external fun planBytes(plan: Long, part: Int): Long
    @JvmStatic external fun planNCtx(plan: Long): Long
    @JvmStatic external fun planSequenceBytes(plan: Long): Long
    @JvmStatic external fun planLargestContext(plan: Long, budget: Long): Long
    @JvmStatic external fun planDeviceCount(plan: Long): Long
    @JvmStatic external fun planDeviceNameAt(plan: Long, index: Long): String?
    @JvmStatic external fun planDeviceIsGpuAt(plan: Long, index: Long): Boolean
    @JvmStatic external fun planDeviceBytesAt(plan: Long, index: Long, part: Int): Long
    @JvmStatic external fun scorerOptionsNew(): Long
    @JvmStatic external fun scorerOptionsFree(options: Long)
    @JvmStatic external fun scorerOptionsSetMaxTokens(options: Long, value: Long)
    @JvmStatic external fun scorerOptionsSetBatchTokens(options: Long, value: Long)
    @JvmStatic external fun scorerOptionsSetMaxSequences(options: Long, value: Long)
    @JvmStatic external fun scorerOptionsSetSpecialTokens(options: Long, value: Boolean)
    @JvmStatic external fun scorerOptionsSetThreads(options: Long, value: Long)
    @JvmStatic external fun scorerOptionsSetAdaptThreads(options: Long, value: Boolean)
    @JvmStatic external fun scorerNew(model: Long, scorerOptions: Long): Long
    @JvmStatic external fun scorerFree(scorer: Long)
    @JvmStatic external fun scorerClose(scorer: Long, timeoutMs: Long): Int
    @JvmStatic external fun scorerMaxTokens(scorer: Long): Long
    @JvmStatic external fun scorerScore(scorer: Long, prompt: String, texts: Array<String>, cancel: Long, deadlineMs: Long): Long
    @JvmStatic external fun scorerPerplexity(scorer: Long, text: String, window: Long, stride: Long, context: Long, windows: Long, cancel: Long, deadlineMs: Long): DoubleArray
    @JvmStatic external fun scoresCount(scores: Long): Long
    @JvmStatic external fun scoresLogProbability(scores: Long, index: Long, normalization: Int): Double
    @JvmStatic external fun scoresLikeliest(scores: Long, normalization: Int): Long
    @JvmStatic external fun scoresTokens(scores: Long, index: Long): IntArray?
    @JvmStatic external fun scoresLogProbabilities(scores: Long, index: Long): FloatArray?
    @JvmStatic external fun scoresFree(scores: Long)
}
