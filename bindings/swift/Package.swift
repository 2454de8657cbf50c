// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Apple systems take the library from what `make xcframework` builds; others from where `make install` put it.
let framework = "CQask.xcframework"
let built = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)")

let package = Package(
    name: "qask",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Qask", targets: ["Qask"])],
    targets: [
        built
            ? .binaryTarget(name: "CQask", path: framework)
            : .systemLibrary(name: "CQask", path: "Sources/CQask", pkgConfig: "qask"),
        .target(
            name: "Qask",
            dependencies: ["CQask"],
            linkerSettings: [
                // What the static library in the framework needs.
                .linkedLibrary("c++", .when(platforms: [.iOS, .macOS])),
                .linkedFramework("Accelerate", .when(platforms: [.iOS, .macOS])),
                .linkedFramework("Metal", .when(platforms: [.iOS, .macOS])),
                .linkedFramework("MetalKit", .when(platforms: [.iOS, .macOS])),
            ]
        ),
        .systemLibrary(name: "CQaskHooks", path: "Tests/CQaskHooks"),
        .testTarget(name: "QaskTests", dependencies: ["Qask", "CQask", "CQaskHooks"]),
    ],
    swiftLanguageModes: [.v6]
)
