// swift-tools-version: 6.0
import PackageDescription

// Each folder is a program, by the name that it has in every language.
let programs = ["chat", "parallel", "cancel", "json", "tools", "embed", "plan", "score", "ask_docs"]

let package = Package(
    name: "examples",
    platforms: [.macOS(.v13)],
    // By a link, since a package is known by the name of its folder, and both would be "swift".
    dependencies: [.package(path: "qask")],
    targets: programs.map {
        .executableTarget(name: $0, dependencies: [.product(name: "Qask", package: "qask")], path: $0)
    },
    swiftLanguageModes: [.v6]
)
