#!/usr/bin/env python3
"""An AAR without Gradle: assemble.py CLASSES.jar JNI_FOLDER OUT.aar. JNI_FOLDER has a folder for each ABI."""
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="io.github.qask">
    <uses-sdk android:minSdkVersion="{}" />
</manifest>
"""


def min_sdk():
    text = (HERE / "qask/build.gradle.kts").read_text(encoding="utf-8")
    return text.split("minSdk = ")[1].split()[0]


def main(classes, jni, out):
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as aar:
        aar.writestr("AndroidManifest.xml", MANIFEST.format(min_sdk()))
        aar.write(classes, "classes.jar")
        aar.writestr("R.txt", "")
        aar.write(HERE / "qask/consumer-rules.pro", "proguard.txt")
        for library in sorted(Path(jni).glob("*/*.so")):
            aar.write(library, f"jni/{library.parent.name}/{library.name}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
