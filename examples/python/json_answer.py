"""json_answer MODEL.gguf [TEXT]: reads facts out of a text, as an instance of a class.

(Not json.py: in the folder of a program that would stand in the place of the standard library's module.)
"""

import sys
from dataclasses import dataclass

import qask

TEXT = "Ada Lovelace, born in 1815 in London, wrote about the Analytical Engine."


@dataclass
class Person:
    name: str
    born: int
    places: list[str]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: json_answer MODEL.gguf [TEXT]")
    chat = qask.Model(sys.argv[1]).chat(temperature=0.0, max_tokens=200)
    text = sys.argv[2] if len(sys.argv) > 2 else TEXT
    person = chat.ask(Person, f"Who is this about, when were they born, and which places are named? {text}")
    print(person)
