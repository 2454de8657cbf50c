// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "bench",
    platforms: [.macOS(.v13)],
    dependencies: [.package(path: "..")],
    targets: [.executableTarget(name: "worker", dependencies: [.product(name: "Qask", package: "swift")], path: "worker")],
    swiftLanguageModes: [.v6]
)
