#!/usr/bin/env python3
"""assemble.py and check_aar.py, with native files that a C compiler of any Linux can make: test_aar.py CLASSES.jar"""
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import assemble
import check_aar

CLASSES = sys.argv.pop(1) if len(sys.argv) > 1 else sys.exit(__doc__)
FLAGS = ["-shared", "-fPIC", "-nostdlib", "-Wl,-z,max-page-size=16384"]


class Aar(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)
        # Named "aarch64" by the byte that says so: what is inside does not matter here.
        for abi, machine in check_aar.MACHINES.items():
            self.library(abi, "int JNI_OnLoad(void) { return 0; }", machine=machine)

    def library(self, abi, code, *flags, machine=62):
        file = self.at / "jni" / abi / "libqask_jni.so"
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-x", "c", "-", "-o", str(file), *FLAGS, *flags], input=code.encode(), check=True)
        data = bytearray(file.read_bytes())
        data[18] = machine
        file.write_bytes(data)

    def faults(self, *, classes=CLASSES, but=None):
        out = self.at / "x.aar"
        assemble.main(classes, self.at / "jni", out)
        if but:
            with zipfile.ZipFile(out) as whole, zipfile.ZipFile(self.at / "y.aar", "w") as part:
                for name in whole.namelist():
                    if name != but:
                        part.writestr(name, whole.read(name))
            out = self.at / "y.aar"
        return " ".join(check_aar.faults(out))

    def test_a_good_one(self):
        self.assertEqual("", self.faults())

    def test_what_is_missing(self):
        for name in ("AndroidManifest.xml", "classes.jar", "proguard.txt", "jni/x86_64/libqask_jni.so"):
            self.assertIn(f"no {name}", self.faults(but=name))

    def test_another_machine(self):
        self.library("arm64-v8a", "int JNI_OnLoad(void) { return 0; }")
        self.assertIn("machine 62", self.faults())

    def test_small_pages(self):
        self.library("x86_64", "int JNI_OnLoad(void) { return 0; }", "-Wl,-z,max-page-size=4096")
        self.assertIn("aligned to 4096", self.faults())

    def test_what_it_needs(self):
        self.library("x86_64", "int f(void); int JNI_OnLoad(void) { return 0; }", "-Wl,--no-as-needed", "-lstdc++")
        self.assertIn("needs libstdc++.so.6", self.faults())

    def test_what_it_exports(self):
        self.library("x86_64", "int JNI_OnLoad(void) { return 0; } int stray(void) { return 1; }")
        self.assertIn("exports JNI_OnLoad, stray", self.faults())
        self.library("x86_64", "static int x; int *hidden(void) __attribute__((visibility(\"hidden\"))); int *hidden(void) { return &x; }")
        self.assertIn("exports nothing", self.faults())

    def test_natives_among_the_classes(self):
        jar = self.at / "classes.jar"
        with zipfile.ZipFile(CLASSES) as whole, zipfile.ZipFile(jar, "w") as more:
            for name in whole.namelist():
                if "Raw" not in name and not name.endswith("/"):
                    more.writestr(name, whole.read(name))
            more.writestr("native/linux-x86_64/libqask_jni.so", b"")
        self.assertIn("belongs into jni/", self.faults(classes=jar))
        self.assertIn("no Raw", self.faults(classes=jar))


if __name__ == "__main__":
    unittest.main()
