// What a model says of itself.

/// What a model says of itself: of a loaded one (``Model``), and of a file (``Inspection``).
public protocol ModelFacts: Sendable {
    /// The architecture, such as "qwen2".
    var architecture: String { get }

    /// The model's own name; "" where it has none.
    var name: String { get }

    /// How the weights are stored, such as "Q4_K_M".
    var quantization: String { get }

    /// Number of weights.
    var parameters: UInt64 { get }

    /// Tokens that the model was trained for.
    var contextLength: Int { get }

    /// Tokens in the vocabulary.
    var vocabularySize: Int { get }

    /// Bytes of the file, or of all parts together.
    var fileSize: UInt64 { get }

    /// The model's own chat template (Jinja); "" where it has none.
    var chatTemplate: String { get }

    /// Every metadata key with its value as text (numbers are printed, arrays abridged).
    var metadata: [String: String] { get }
}

/// Every key with its value.
func metadata(
    count: Int, key: (Int) -> UnsafePointer<CChar>?, value: (UnsafePointer<CChar>, UnsafeMutablePointer<Int>) -> UnsafePointer<CChar>?
) -> [String: String] {
    var found: [String: String] = [:]
    for place in 0..<count {
        guard let key = key(place) else { continue }
        found[String(cString: key)] = text { value(key, $0) } ?? ""
    }
    return found
}
