"""cancel MODEL.gguf: stops a generation from another thread, after a deadline, by leaving its loop, and with its task."""

import asyncio
import sys
import threading

import qask

QUESTION = "Count from one to a thousand."


def tell(reply: qask.Reply) -> None:
    print(f"{reply.finish_reason}: {reply.usage.output_tokens if reply.usage else 0} tokens")


async def with_its_task(engine: qask.Engine) -> None:
    try:
        await asyncio.wait_for(engine.stream(QUESTION, ignore_eos=True), 0.3)
    except asyncio.TimeoutError:
        print("its task was cancelled")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: cancel MODEL.gguf")
    engine = qask.Model(sys.argv[1]).engine()

    stream = engine.stream(QUESTION, ignore_eos=True)
    threading.Timer(0.3, stream.cancel).start()
    tell(stream.reply())

    tell(engine.generate(QUESTION, ignore_eos=True, deadline=0.3))

    with engine.stream(QUESTION, ignore_eos=True) as stream:
        for piece in stream:
            break
    print("left its loop: the stream was closed")

    asyncio.run(with_its_task(engine))
