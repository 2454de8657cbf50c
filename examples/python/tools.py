"""tools MODEL.gguf [QUESTION]: a model calls a function of this program, gets its result and answers."""

import sys
from typing import Annotated

from pydantic import Field

import qask


def get_weather(city: Annotated[str, Field(description="The city's name")]) -> str:
    """The weather in a city, now"""
    print(f'get_weather({{"city": "{city}"}})')
    return "21 degrees Celsius, clear sky" if "Paris" in city else "5 degrees Celsius, rain"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: tools MODEL.gguf [QUESTION]")
    question = sys.argv[2] if len(sys.argv) > 2 else "What is the weather in Paris?"
    chat = qask.Model(sys.argv[1]).chat(temperature=0.0, max_tokens=200)
    # A small model may call on and on: one round, and then it answers.
    reply = chat.run(question, tools=[get_weather], max_rounds=1)
    print(reply)
