"""What makes a wheel out of the sources: the raw layer from the header, and the library beside it.

The library is built by `make lib` of the repository, or is the file that QASK_LIBRARY names. The wheel fits every
CPython, since nothing in it is compiled against one, and one platform.
"""
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
sys.path.insert(0, str(HERE))


WORKER = "qask-worker"
NAME = {"win32": "qask.dll", "darwin": "libqask.dylib"}.get(sys.platform, "libqask.so")


@functools.cache
def library():
    given = os.environ.get("QASK_LIBRARY")
    if given:
        if not Path(given).is_file():
            raise SystemExit(f"QASK_LIBRARY: there is no file {given}")
        return Path(given).resolve()
    subprocess.run(["make", "--no-print-directory", "-C", str(REPOSITORY), "lib"], check=True)
    made = REPOSITORY / ("target-portable" if os.environ.get("PORTABLE") == "1" else "target") / "lib" / NAME
    if not made.exists():
        raise SystemExit(f"make lib left no {made}")
    return made.resolve()


def worker():
    """The program of isolated engines, which lies beside the library."""
    made = library().with_name(WORKER)
    if not made.exists():
        raise SystemExit(f"there is no {made}: make lib builds it")
    return made


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        from generate import generate

        package = Path(self.root) / "src/qask"
        generate(REPOSITORY / "include/qask.h", package)
        build_data["artifacts"] += ["src/qask/_cdef.py", "src/qask/_library.pyi"]
        for name in ("LICENSE-MIT", "LICENSE-APACHE"):
            build_data["force_include"][str(REPOSITORY / name)] = f"qask/{name}"
        if version == "editable":
            # It runs from the sources, so the library lies there too.
            shutil.copy2(library(), package / NAME)
            shutil.copy2(worker(), package / WORKER)
        else:
            build_data["force_include"][str(library())] = f"qask/{NAME}"
            # The wheel keeps that it can be run.
            build_data["force_include"][str(worker())] = f"qask/{WORKER}"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
