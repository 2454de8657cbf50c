// The Kotlin binding as an Android library: `../../../make android` builds the native files first.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}
dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
rootProject.name = "qask-android"
include(":qask", ":chat")
project(":chat").projectDir = file("../../../examples/android")
