"""What makes a wheel out of the sources: the raw layer from the header, and the library beside it.

The library is built by `make lib` of the repository, or is the file that QASK_LIBRARY names. The wheel fits every
CPython, since nothing in it is compiled against one, and one platform.
"""
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


def library():
    given = os.environ.get("QASK_LIBRARY")
    if given:
        if not Path(given).is_file():
            raise SystemExit(f"QASK_LIBRARY: there is no file {given}")
        return Path(given)
    made = REPOSITORY / "target/lib"
    subprocess.run(["make", "--no-print-directory", "-C", str(REPOSITORY), "lib"], check=True)
    for name in ("libqask.so", "libqask.dylib", "qask.dll"):
        if (made / name).exists():
            return made / name
    raise SystemExit(f"make lib left no library in {made}")


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        from generate import generate

        package = Path(self.root) / "src/qask"
        generate(REPOSITORY / "include/qask.h", package)
        build_data["artifacts"] += ["src/qask/_cdef.py", "src/qask/_library.pyi"]
        if version != "editable":
            source = library()
            build_data["force_include"][str(source.resolve())] = "qask/" + source.name
        else:
            # An editable install runs from the sources, so the library lies there too.
            source = library()
            shutil.copy2(source.resolve(), package / source.name)
        build_data["pure_python"] = False
        platform = os.environ.get("QASK_PLATFORM") or sysconfig.get_platform()
        build_data["tag"] = "py3-none-" + platform.replace("-", "_").replace(".", "_")
