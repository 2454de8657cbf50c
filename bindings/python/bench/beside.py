"""Two libraries that both carry ggml in one process: qask and llama-cpp-python, loaded in either order, generate in turn
and at once. Usage: beside.py MODEL.gguf (`make python-beside`).

Each order gets a process of its own, which has to end well; what either says must be what it says alone.
"""

import subprocess
import sys
import threading
from typing import Any, Callable

PROMPT = "The capital of France is"
TOKENS = 12


class Qask:
    def __init__(self, path: str) -> None:
        import qask

        self.model = qask.Model(path)
        self.engine = self.model.engine(n_ctx=256, deterministic=True)

    def say(self) -> str:
        return "".join(self.engine.stream([], prompt=PROMPT, max_tokens=TOKENS, temperature=0.0))

    def refuse(self) -> None:
        """A file that is no model is an error also beside the other one."""
        import qask

        try:
            qask.Model(__file__)
        except qask.QaskError:
            return
        raise SystemExit("a Python file was loaded as a model")


class LlamaCpp:
    def __init__(self, path: str) -> None:
        import llama_cpp

        self.llama = llama_cpp.Llama(path, n_ctx=256, n_threads=2, verbose=False)

    def say(self) -> str:
        return str(self.llama(PROMPT, max_tokens=TOKENS, temperature=0.0)["choices"][0]["text"])

    def refuse(self) -> None:
        import llama_cpp

        try:
            llama_cpp.Llama(__file__, verbose=False)
        except ValueError:
            return
        raise SystemExit("a Python file was loaded as a model")


SIDES: dict[str, Callable[[str], Any]] = {"qask": Qask, "llama_cpp": LlamaCpp}


def work(names: list[str], path: str) -> None:
    sides = {name: SIDES[name](path) for name in names}
    said: dict[str, list[str]] = {name: [] for name in names}
    for name, side in list(sides.items()) * 2:
        said[name].append(side.say())
        side.refuse()
    threads = [threading.Thread(target=lambda n=name: said[n].append(sides[n].say())) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        if len(said[name]) != 3 or len(set(said[name])) != 1:
            raise SystemExit(f"{name} said different things: {said[name]}")
        print(name, repr(said[name][0]), flush=True)


def run(names: list[str], path: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, __file__, path, *names], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' then '.join(names)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.split(" ", 1)[0] in SIDES)


def main() -> None:
    path = sys.argv[1]
    if len(sys.argv) > 2:
        work(sys.argv[2:], path)
        return
    alone = run(["qask"], path) | run(["llama_cpp"], path)
    for order in (["qask", "llama_cpp"], ["llama_cpp", "qask"]):
        said = run(order, path)
        if said != alone:
            raise SystemExit(f"{' then '.join(order)}: {said}, and alone {alone}")
        print(f"{' then '.join(order)}: both answer as alone")


if __name__ == "__main__":
    main()
