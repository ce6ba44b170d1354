"""Writes what llama.cpp continues greedily, one JSON object a line.

usage: greedy.py URL > FILE     (URL of a llama.cpp server, e.g. http://127.0.0.1:8080)

Each line is {"prompt", "ids"}: 48 tokens, or fewer where the model ended.
"""

import json
import sys
import urllib.request

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a little",
    "def fibonacci(n):\n    ",
    "Water boils at",
    "1, 2, 3, 4, 5,",
    "The three primary colors are",
    "In 1969, humans first",
    "A recipe for bread: flour, water,",
    "The meaning of the word 'gateway' is",
    "Dear Sir or Madam,\n\n",
    "<html>\n<head>\n<title>",
    "SELECT name, age FROM users WHERE",
    "The largest planet in the solar system",
    "대한민국의 수도는",
    "Roses are red, violets are",
    "Q: What is 2 + 2?\nA:",
    "To be, or not to be,",
    "The quick brown fox jumps over the lazy dog. The quick brown fox",
    "In machine learning, a transformer is",
    "import numpy as np\n\ndef softmax(x):\n",
]

for prompt in PROMPTS:
    body = {"prompt": prompt, "n_predict": 48, "temperature": 0, "return_tokens": True, "cache_prompt": False}
    request = urllib.request.Request(sys.argv[1] + "/completion", json.dumps(body).encode(), {"Content-Type": "application/json"})
    ids = json.load(urllib.request.urlopen(request))["tokens"]
    print(json.dumps({"prompt": prompt, "ids": ids}, ensure_ascii=False))
