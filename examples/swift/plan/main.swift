// plan MODEL.gguf [MEGABYTES]: how much memory an engine over a model would take, before anything is loaded; and the largest
// context that fits into so much.
import Foundation
import Qask

guard CommandLine.arguments.count > 1 else { fatalError("usage: plan MODEL.gguf [MEGABYTES]") }
let plan = try await Plan.engine(CommandLine.arguments[1])
print("\(plan.total / 1_000_000) MB for a context of \(plan.contextTokens) tokens")
for part in MemoryPart.allCases { print("  \(part): " + String(format: "%.1f MB", Double(plan.bytes(part)) / 1e6)) }
if let megabytes = CommandLine.arguments.dropFirst(2).first.flatMap({ UInt64($0) }) {
    print("largest context: \(try plan.largestContext(budget: megabytes * 1_000_000))")
}
