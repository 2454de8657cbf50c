// Functions of the program that a model may call.
import Foundation

/// Something that the model may call.
public struct Tool: Sendable {
    /// Its name.
    public let name: String

    /// What it is for: the model reads it.
    public let description: String

    /// The JSON schema of its arguments; a failure is told by the call that the tool is used for.
    let parameters: Result<String, QaskError>

    /// Takes the arguments' JSON and gives what the model is told; nil: the calls are the caller's to answer.
    let call: (@Sendable (String) async throws -> String)?

    /// A tool made of a closure. The schema of its arguments is that of `Input`, see ``schema(of:)``. A result that is a `String`
    /// is given to the model as it is, any other as JSON; the model is told the description of what it throws.
    ///
    ///     Tool("get_weather", "The weather in a city, now") { (place: Place) in try await forecast(place.city) }
    public init<Input: Decodable, Output: Encodable>(
        _ name: String, _ description: String, _ call: @escaping @Sendable (Input) async throws -> Output
    ) {
        (self.name, self.description) = (name, description)
        parameters = Result { try schema(of: Input.self) }.mapError { $0 as? QaskError ?? .json("\($0)") }
        self.call = { arguments in
            let result = try await call(value(Input.self, of: arguments))
            return try result as? String ?? jsonText(of: result)
        }
    }

    /// A tool with the JSON schema of its arguments, and a closure that takes their JSON. Without one its calls are the caller's
    /// to answer.
    public init(
        _ name: String, _ description: String, schema: String, call: (@Sendable (String) async throws -> String)? = nil
    ) {
        (self.name, self.description, self.call) = (name, description, call)
        parameters = .success(schema)
    }

    /// The JSON of OpenAI's API.
    var json: String {
        get throws {
            let parameters = try parameters.get()
            guard (try? JSONSerialization.jsonObject(with: Data(parameters.utf8), options: .fragmentsAllowed)) != nil else {
                throw QaskError.json("the parameters of tool \(name) are not JSON")
            }
            let (name, description) = (encoded(name), encoded(description))
            return #"{"type":"function","function":{"name":\#(name),"description":\#(description),"parameters":\#(parameters)}}"#
        }
    }
}
