"""parallel MODEL.gguf: eight requests at once over one engine, from threads and then from an event loop, with one system
prompt that is evaluated once."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import qask

SYSTEM = (
    "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, say so when "
    "you do not know, and use plain words that a child understands."
)
TOPICS = ["the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon"]


def submit(engine: qask.Engine, topic: str) -> qask.Stream:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"What is {topic}?"}]
    return engine.stream(messages, max_tokens=40)


def show(topic: str, reply: qask.Reply) -> None:
    usage = reply.usage
    assert usage is not None
    text = " ".join(reply.text.split())
    print(f"{topic}: {text} [{usage.cached_tokens} of {usage.prompt_tokens} prompt tokens cached]")


async def tasks(engine: qask.Engine) -> None:
    async def one(topic: str) -> None:
        show(topic, await submit(engine, topic))

    await asyncio.gather(*map(one, TOPICS))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: parallel MODEL.gguf")
    engine = qask.Model(sys.argv[1]).engine()
    with ThreadPoolExecutor(len(TOPICS)) as pool:
        for topic, reply in zip(TOPICS, pool.map(lambda t: submit(engine, t).reply(), TOPICS)):
            show(topic, reply)
    asyncio.run(tasks(engine))
