// A chat screen over the binding: a part of bindings/kotlin/android, which has the versions.
plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
    id("org.jetbrains.kotlin.plugin.compose")
}

android {
    namespace = "io.github.qask.chat"
    compileSdk = 36
    defaultConfig {
        applicationId = "io.github.qask.chat"
        minSdk = 28
        targetSdk = 36
        versionCode = 1
        versionName = "0.1"
    }
    // A model in the package is mapped, not unpacked.
    androidResources { noCompress += "gguf" }
    buildFeatures { compose = true }
    buildTypes { release { isMinifyEnabled = true } }
}

dependencies {
    implementation(project(":qask"))
    implementation(platform("androidx.compose:compose-bom:2025.06.00"))
    implementation("androidx.compose.material3:material3")
    implementation("androidx.activity:activity-compose:1.10.1")
    implementation("androidx.lifecycle:lifecycle-viewmodel-compose:2.9.1")
}
