"""embed MODEL.gguf QUERY TEXT...: how near each text is to the query in meaning."""

import sys

import qask

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: embed MODEL.gguf QUERY TEXT...")
    model, query, texts = qask.Model(sys.argv[1]), sys.argv[2], sys.argv[3:]
    # The vectors have length 1, so this is the cosine of the angle between them.
    near = model.embed(texts, purpose="document") @ model.embed(query, purpose="query")
    for value, text in zip(near, texts):
        print(f"{value:.3f} {text}")
