"""Writes token ids of many strings as llama.cpp sees them, one JSON object a line.

usage: tokens.py URL COUNT > FILE     (URL of a llama.cpp server, e.g. http://127.0.0.1:8080)

Each line is {"text", "special", "ids"}: `special` says whether special tokens in the
text were parsed. The strings are the same on every run.
"""

import json
import random
import sys
import urllib.request

PARTS = [
    "Hello", " world", "The quick brown fox", " jumps over", " the lazy dog.", "don't", " WE'LL",
    "it's I'm you're they've he'd", "안녕하세요", " 대한민국의 수도는 서울입니다.", "토큰화 시험", "가나다라",
    "한국어", "日本語のテキスト", "中文字符", "Ελληνικά", "русский язык", "עברית", "العربية", "ไทย",
    "😀", "👩‍👩‍👧‍👦", "🇰🇷", "❤️", "🤷🏽‍♀️", " ", "  ", "   ", "    ", "        ", "\t", "\t\t", "\n", "\n\n",
    "\n\n\n\n", "\r\n", " \n", "\n ", "\u00a0", "\u3000", "\u200b", "\u200d", "e\u0301", "ﬁ", "İ",
    "0", "1", "12", "123", "1234567890", "3.14159", "1,000,000", "2026-11-24", "１２３", "½", "٣",
    "def main():\n    return 42\n", "for (int i = 0; i < n; ++i) {\n\tx[i] += 1;\n}", "fn f<'a>(x: &'a str)",
    "SELECT * FROM t WHERE a = 'b';", "{\"key\": [1, 2, null]}", "<div class=\"a\">x</div>", "https://example.com/?q=a%20b&c=d#e",
    "a_b_c", "camelCaseWord", "SCREAMING_SNAKE", "...", "!!!", "?!", "—", "“quoted”", "$^~|<=>+", "\\n", "C++", "#include",
    "\u0000", "\u0001", "\u007f", "\ufeff", "\ufffd", "\u2581", "\u2581\u2581", "Ġ", "Ċ",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\n", "<|im_", "end|>", "<repo_name>",
    "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_turn>user\n", "<unused7>", "<unk>", "<pad>", "<mask>",
    "<table>", "</td>", "<h1>", "<0x0A>", "[multimodal]",
    "supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaa", "zzzzqqqq", "x" * 70, "ab" * 40, "=" * 33, "-" * 80,
]


def strings(count):
    rng = random.Random(20261124)
    seen = [""] + PARTS
    while len(seen) < count:
        pieces = [rng.choice(PARTS) for _ in range(rng.randint(2, 9))]
        if rng.random() < 0.2:
            pieces.append("".join(chr(rng.choice([rng.randint(32, 126), rng.randint(0xA0, 0x2FFF), rng.randint(0xAC00, 0xD7A3), rng.randint(0x1F300, 0x1FAFF)])) for _ in range(rng.randint(1, 12))))
        seen.append(rng.choice(["", " "]).join(pieces))
    return seen[:count]


def main():
    url, count = sys.argv[1], int(sys.argv[2])
    for text in strings(count):
        for special in (True, False):
            body = {"content": text, "add_special": True, "parse_special": special}
            request = urllib.request.Request(url + "/tokenize", json.dumps(body).encode(), {"Content-Type": "application/json"})
            ids = json.load(urllib.request.urlopen(request))["tokens"]
            print(json.dumps({"text": text, "special": special, "ids": ids}, ensure_ascii=False))


main()
