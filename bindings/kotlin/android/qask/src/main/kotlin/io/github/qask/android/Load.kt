// Models out of what Android has in the place of paths.
package io.github.qask.android

import android.content.res.AssetFileDescriptor
import android.os.ParcelFileDescriptor
import io.github.qask.Model
import io.github.qask.ModelOptions
import io.github.qask.Progress

/**
 * Loads a model that lies in the app's package: `assets.openFd("model.gguf")`, stored without compression
 * (`androidResources { noCompress += "gguf" }`). The descriptor stays the caller's, who may close it afterwards. It is mapped
 * when it lies on a multiple of 32 bytes, as the packager aligns it to 4 at least; otherwise it is read.
 */
suspend fun Model.Companion.load(
    asset: AssetFileDescriptor, options: ModelOptions = ModelOptions(), progress: Progress? = null,
): Model = load(asset.parcelFileDescriptor.fd, asset.startOffset, asset.declaredLength.coerceAtLeast(0), options, progress)

/** Loads a model that another app gives: `contentResolver.openFileDescriptor(uri, "r")`. The descriptor stays the caller's. */
suspend fun Model.Companion.load(
    file: ParcelFileDescriptor, options: ModelOptions = ModelOptions(), progress: Progress? = null,
): Model = load(file.fd, 0, 0, options, progress)
