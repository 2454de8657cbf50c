// The header's numbers of the words in Choices.swift.
import CQask

/// A word for one of the header's numbers.
protocol Constant: CaseIterable {
    var rawValue: Int32 { get }
}

extension Constant {
    init?(rawValue: Int32) {
        guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }
}

extension LogLevel: Constant {
    var rawValue: Int32 {
        switch self {
        case .off: QASK_LOG_OFF
        case .error: QASK_LOG_ERROR
        case .warn: QASK_LOG_WARN
        case .info: QASK_LOG_INFO
        case .debug: QASK_LOG_DEBUG
        }
    }
}

extension ContextPolicy: Constant {
    var rawValue: Int32 {
        switch self {
        case .error: QASK_CONTEXT_ERROR
        case .shift: QASK_CONTEXT_SHIFT
        case .dropOldest: QASK_CONTEXT_DROP_OLDEST
        }
    }
}

extension CacheType: Constant {
    var rawValue: Int32 {
        switch self {
        case .f16: QASK_CACHE_F16
        case .q8_0: QASK_CACHE_Q8_0
        case .q4_0: QASK_CACHE_Q4_0
        }
    }
}

extension FlashAttention: Constant {
    var rawValue: Int32 {
        switch self {
        case .auto: QASK_FLASH_AUTO
        case .off: QASK_FLASH_OFF
        case .on: QASK_FLASH_ON
        }
    }
}

extension Trim: Constant {
    var rawValue: Int32 {
        switch self {
        case .cache: QASK_TRIM_CACHE
        case .context: QASK_TRIM_CONTEXT
        case .weights: QASK_TRIM_WEIGHTS
        }
    }
}

extension Pooling: Constant {
    var rawValue: Int32 {
        switch self {
        case .unpooled: QASK_POOLING_NONE
        case .mean: QASK_POOLING_MEAN
        case .cls: QASK_POOLING_CLS
        case .last: QASK_POOLING_LAST
        case .rank: QASK_POOLING_RANK
        }
    }
}

extension Truncation: Constant {
    var rawValue: Int32 {
        switch self {
        case .refuse: QASK_TRUNCATE_REFUSE
        case .end: QASK_TRUNCATE_END
        case .start: QASK_TRUNCATE_START
        }
    }
}

extension Purpose: Constant {
    var rawValue: Int32 {
        switch self {
        case .plain: QASK_PURPOSE_PLAIN
        case .query: QASK_PURPOSE_QUERY
        case .document: QASK_PURPOSE_DOCUMENT
        }
    }
}

extension Normalization: Constant {
    var rawValue: Int32 {
        switch self {
        case .none: QASK_NORMALIZE_NONE
        case .tokens: QASK_NORMALIZE_TOKENS
        case .bytes: QASK_NORMALIZE_BYTES
        }
    }
}

extension AdapterKind: Constant {
    var rawValue: Int32 {
        switch self {
        case .lora: QASK_ADAPTER_LORA
        case .activatedLora: QASK_ADAPTER_ACTIVATED_LORA
        case .controlVector: QASK_ADAPTER_CONTROL_VECTOR
        }
    }
}

extension MemoryPart: Constant {
    var rawValue: Int32 {
        switch self {
        case .mapped: QASK_PART_MAPPED
        case .weights: QASK_PART_WEIGHTS
        case .kv: QASK_PART_KV
        case .state: QASK_PART_STATE
        case .compute: QASK_PART_COMPUTE
        case .output: QASK_PART_OUTPUT
        case .other: QASK_PART_OTHER
        }
    }
}

extension FinishReason: Constant {
    var rawValue: Int32 {
        switch self {
        case .stop: QASK_FINISH_STOP
        case .length: QASK_FINISH_LENGTH
        case .toolCalls: QASK_FINISH_TOOL_CALLS
        case .cancelled: QASK_FINISH_CANCELLED
        case .deadline: QASK_FINISH_DEADLINE
        case .error: QASK_FINISH_ERROR
        case .other: -1
        }
    }
}
