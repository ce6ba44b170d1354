"""Reads the price packages into one form. They are data here: nothing of them is imported.

A price is a dict from a short class name (see CLASSES) to an integer in pico-dollars, with
`f` (from when), `u` (where it was read), `t` (tiers), `v` (tiers of service), `g` (regions,
in millionths of the price) and `k` (the price outside of the peak hours).
"""

import ast
from decimal import Decimal

# Pico-dollars per unit, from the sources' units.
PER_MTOK, PER_TOKEN, PER_THOUSAND, PER_HOUR = Decimal(10) ** 6, Decimal(10) ** 12, Decimal(10) ** 9, Decimal(10) ** 12 / 3600
# Our class: its key in genai-prices and its unit there, its key in LiteLLM (always per one).
CLASSES = {
    "i": ("input_mtok", PER_MTOK, "input_cost_per_token"),
    "o": ("output_mtok", PER_MTOK, "output_cost_per_token"),
    "r": ("cache_read_mtok", PER_MTOK, "cache_read_input_token_cost"),
    "w": ("cache_write_mtok", PER_MTOK, "cache_creation_input_token_cost"),
    "w1": ("cache_write_1h_mtok", PER_MTOK, "cache_creation_input_token_cost_above_1hr"),
    "re": ("output_reasoning_mtok", PER_MTOK, "output_cost_per_reasoning_token"),
    "ai": ("input_audio_mtok", PER_MTOK, "input_cost_per_audio_token"),
    "ao": ("output_audio_mtok", PER_MTOK, "output_cost_per_audio_token"),
    "ar": ("cache_audio_read_mtok", PER_MTOK, "cache_read_input_audio_token_cost"),
    "ii": ("input_image_mtok", PER_MTOK, "input_cost_per_image_token"),
    "io": ("output_image_mtok", PER_MTOK, "output_cost_per_image_token"),
    "ir": ("cache_image_read_mtok", PER_MTOK, "cache_read_input_image_token_cost"),
    "vi": ("input_video_mtok", PER_MTOK, "input_cost_per_video_token"),
    "vo": ("output_video_mtok", PER_MTOK, "output_cost_per_video_token"),
    "im": (None, None, "output_cost_per_image"),
    "si": ("input_audio_hours", PER_HOUR, "input_cost_per_second"),
    "so": (None, None, "output_cost_per_second"),
    "ci": ("input_mchars", PER_MTOK, "input_cost_per_character"),
    "pg": ("input_document_kpages", PER_THOUSAND, "ocr_cost_per_page"),
    "su": (None, None, "input_cost_per_query"),
    "ws": ("web_searches_kcount", PER_THOUSAND, None),
    "rq": ("requests_kcount", PER_THOUSAND, "input_cost_per_request"),
}
TOKENS = ("i", "o", "r", "w", "w1", "re", "ai", "ao", "ar", "ii", "io", "ir", "vi", "vo")
LITELLM_OVER = {f"above_{size}k_tokens": size * 1000 for size in (100, 128, 200, 256, 272)}
# Tiers of service, by the suffixes that LiteLLM gives them.
LITELLM_SERVICE = {"flex": "flex", "priority": "priority", "batches": "batch", "ultrafast": "ultrafast"}
LITELLM_MODES = ("chat", "completion", "responses", "embedding", "rerank", "image_generation", "image_edit",
                 "audio_transcription", "audio_speech", "ocr", "realtime")


def pico(amount, factor):
    """An exact integer, or the next one above: never less than what is billed."""
    return int((Decimal(str(amount)) * factor).to_integral_value(rounding="ROUND_CEILING"))


def tidy(rates):
    """Drops zeros that are holes in the source: only text input may cost nothing, and only alone."""
    rates = {key: value for key, value in rates.items() if value is not None}
    paid = {key: value for key, value in rates.items() if value}
    return paid if paid else {key: value for key, value in rates.items() if key == "i"}


def moment(text):
    """A date, with the time only when it is not midnight."""
    return text.removesuffix("T00:00:00Z") if text else None


def timeline(steps):
    """Sorted by start, without steps that change nothing. A step is (start or None, price)."""
    steps = sorted(steps, key=lambda step: step[0] or "")
    without_source = lambda price: {key: value for key, value in price.items() if key != "u"}
    out = []
    for start, price in steps:
        if out and out[-1][0] == start:
            out.pop()
        if not (out and without_source(out[-1][1]) == without_source(price)):
            out.append((start, price))
    return [({"f": moment(start)} if start else {}) | price for start, price in out]


def in_force(steps, day):
    """The step at a time; steps are (start or None, price) or priced dicts."""
    begin = lambda step: (step[0] if isinstance(step, tuple) else step.get("f")) or ""
    begun = [step for step in steps if begin(step) <= day]
    return begun[-1] if begun else None


# --- model-prices: a dated history of the labs' own prices --------------------------------------

def from_model_prices(data, name):
    keys = {"input": "i", "output": "o", "cache_read": "r", "cache_write": "w"}

    def rates(raw):
        found = {short: pico(raw[long], PER_MTOK) for long, short in keys.items() if long in raw}
        if "cache_write_1h_multiple" in raw and "w" in found:
            found["w1"] = pico(Decimal(str(raw["input"])) * Decimal(str(raw["cache_write_1h_multiple"])), PER_MTOK)
        return tidy(found)

    def price(raw):
        if raw is None:
            return {}
        tiers = [{"over": tier["above"]} | rates(raw | tier) for tier in raw.get("tiers", [])]
        return rates(raw) | ({"t": tiers} if tiers else {})

    models = {}
    for model, variants in data["prices"][name].items():
        if "standard" not in variants:
            continue
        # OpenAI's fast answers are billed and named as priority.
        service = {"fast": "priority" if name == "openai" else "fast", "flex": "flex", "batch": "batch", "ultrafast": "ultrafast"}
        steps = []
        for index, (start, raw) in enumerate(standard := [(step["start"], step["rates"]) for step in variants["standard"]]):
            step = price(raw)
            if raw:
                # The tiers of service as they were when this price ended.
                end = standard[index + 1][0] if index + 1 < len(standard) else "9999"
                last = lambda kind: [it["rates"] for it in variants.get(kind, []) if (it["start"] or "") < end and it["rates"]][-1:]
                others = {service[kind]: price(rates) for kind in service for rates in last(kind)}
                step |= {"u": raw["source"]} | ({"v": others} if others else {})
            steps.append((start, step))
        models[model] = timeline(peak(steps, model, name, data["schedules"]["schedule"]))
    aliases = {alias: target.split("/", 1)[1] for alias, target in data["aliases"]["models"].items()
               if target.startswith(name + "/")}
    return models, {alias: target for alias, target in aliases.items() if alias not in models}


def peak(steps, model, provider, schedules):
    """In a schedule with a peak the listed prices are those outside of it; the peak's come first here."""
    for schedule in schedules:
        factor = schedule.get("peak_multiplier")
        if schedule["provider"] != provider or factor is None:
            continue
        factor = factor.get(model, 1) if isinstance(factor, dict) else factor
        begin, end = schedule["valid_from"], schedule.get("valid_until")
        before = [price for start, price in steps if (start or "") <= begin]
        steps = list(steps) + ([(begin, before[-1])] if before else [])
        inside = lambda start: start and start >= begin and (not end or start < end)
        steps = [(start, dearer(price, factor) if price and inside(start) else price) for start, price in steps]
    return steps


def dearer(price, factor):
    low = {key: price[key] for key in TOKENS if key in price}
    high = {key: pico(Decimal(value) * Decimal(str(factor)), 1) for key, value in low.items()}
    return price | high | {"k": low}


def peak_hours(data, name):
    """When the peak is, as the gateway needs it; `None` without one."""
    found = [it for it in data["schedules"]["schedule"] if it["provider"] == name and "peak_multiplier" in it]
    if not found:
        return None
    holidays = data["schedules"]["holidays"][found[-1]["holidays"]]
    seconds = lambda text: int(text[:2]) * 3600 + int(text[3:]) * 60
    return {"hours_utc": [[seconds(begin), seconds(end)] for begin, end in found[-1]["peak_hours_utc"]],
            "weekdays_only": found[-1]["weekdays_only"], "utc_offset_s": holidays["utc_offset_hours"] * 3600,
            "days_off": holidays["dates"], "days_off_until": holidays["covers_through"]}


# --- genai-prices -------------------------------------------------------------------------------

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
    for provider, model, identity, others in genai_models(data, name):
        steps = genai_steps(model, (provider.get("pricing_urls") or [None])[0])
        if steps:
            models[identity] = steps
            aliases |= {other: identity for other in others}
    return models, {alias: target for alias, target in aliases.items() if alias not in models}


def genai_models(data, name):
    """What is listed of a provider: the provider, the model, its id and its other names."""
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
            identity = fold(model["id"]) + suffix
            others = [fold(alias) + suffix for alias in equals(model["match"])]
            yield provider, model, identity, [other for other in others if other != identity]


def equals(match):
    """The names a clause takes literally; prefixes and substrings are not followed."""
    match match["_"]:
        case "ClauseEquals":
            return [match["equals"]]
        case "ClauseOr":
            return [name for clause in match["or_"] if clause["_"] == "ClauseEquals" for name in equals(clause)]
    return []


def genai_steps(model, source):
    prices = model["prices"]
    entries = [dict(constraint=None, prices=prices)] if isinstance(prices, dict) else prices
    dated, timed = [], []
    for entry in entries:
        constraint, price = entry.get("constraint"), genai_price(entry["prices"])
        if constraint and constraint["_"] == "TimeOfDateConstraint":
            timed.append(price)
        else:
            dated.append((constraint["start_date"] if constraint else None, price))
    if timed and dated:
        # Where it depends on the hour and nobody says when exactly, the dearer price is taken.
        dearest = max([dated[-1][1], *timed], key=lambda price: (price.get("i", 0), price.get("o", 0)))
        dated[-1] = (dated[-1][0], dearest)
    # The tiers of service are given for the present only.
    if dated and dated[-1][1]:
        service = genai_service(model.get("price_variants") or [])
        dated[-1] = (dated[-1][0], dated[-1][1] | ({"v": service} if service else {}))
    steps = timeline(dated)
    return [step | ({"u": source} if source and rated(step) else {}) for step in steps] if any(map(rated, steps)) else []


def rated(price):
    return any(key in CLASSES for key in price)


def genai_service(variants):
    names = {("processing", "batch"): "batch", ("service_tier", "flex"): "flex",
             ("service_tier", "priority"): "priority", ("speed", "fast"): "fast"}
    found = {}
    for variant in variants:
        when = list(variant["when"].items())
        price = genai_price(variant["prices"])
        if len(when) == 1 and when[0] in names and rated(price):
            found[names[when[0]]] = price
    return found


def genai_price(prices):
    prices = {key: value for key, value in prices.items() if key != "_"}
    thresholds = sorted({tier["start"] for value in prices.values() if isinstance(value, Made) for tier in value["tiers"]})

    def at(value, tokens):
        if not isinstance(value, Made):
            return value
        fitting = [tier["price"] for tier in value["tiers"] if tier["start"] <= tokens]
        return fitting[-1] if fitting else value["base"]

    def rates(tokens):
        return tidy({short: pico(at(prices[long], tokens), unit) for short, (long, unit, _) in CLASSES.items() if long in prices})

    tiers = [{"over": over} | rates(over) for over in thresholds]
    return rates(-1) | ({"t": tiers} if tiers else {})


# --- LiteLLM ------------------------------------------------------------------------------------

def from_litellm(data, name):
    models = {}
    for model, raw in litellm_models(data, name):
        price = litellm_price(raw)
        if rated(price):
            source = raw.get("source")
            models[model] = [price | ({"u": source} if source else {})]
    return models, {}


def litellm_models(data, name):
    """What is listed of a provider, by our id. Several keys may name one model."""
    for key, raw in data.items():
        vendor = raw.get("litellm_provider", "")
        is_ours = (vendor.startswith(name[:-1]) if name.endswith("*") else vendor == name) and not key.startswith("ft:")
        # Models without a mode are old text models.
        if not is_ours or raw.get("mode", "chat") not in LITELLM_MODES:
            continue
        model = key.removeprefix(name.rstrip("*-") + "/").removeprefix("vertex_ai/")
        # A region or a commitment in the path is a contract of its own.
        if name == "bedrock*" and "/" in model:
            continue
        yield model, raw


def litellm_price(raw):
    def rates(suffix, beneath):
        found = {}
        for short, (_, _, long) in CLASSES.items():
            # A price per second beside one per token is the same price once more.
            if long and raw.get(long + suffix) is not None and isinstance(raw[long + suffix], (int, Decimal)):
                found[short] = pico(raw[long + suffix], PER_TOKEN)
        return tidy(beneath | found) if found else {}

    def with_tiers(service, beneath):
        base = rates(service, beneath)
        tiers = [{"over": over} | above for suffix, over in LITELLM_OVER.items()
                 if (above := rates(f"_{suffix}{service}", base))]
        return base | ({"t": tiers} if base and tiers else {})

    # OpenAI keeps the longer of its two caches for twelve hours, the others for one.
    raw = {key.replace("_above_12hr", "_above_1hr"): value for key, value in raw.items()}
    price = with_tiers("", {})
    if not price:
        return {}
    if any(key in price for key in ("i", "o")):
        for key in ("si", "so", "ci", "im"):
            price.pop(key, None)
    searches = raw.get("search_context_cost_per_query")
    if searches and searches.get("search_context_size_medium"):
        price["ws"] = pico(searches["search_context_size_medium"], PER_TOKEN)
    service = {name: found for suffix, name in LITELLM_SERVICE.items() if (found := with_tiers(f"_{suffix}", {})) and "i" in found}
    multiples = raw.get("provider_specific_entry") or {}
    if "fast" in multiples:
        service["fast"] = {key: pico(price[key], Decimal(str(multiples["fast"]))) for key in TOKENS if key in price}
    regions = {"us": multiples.get("us"), "eu": multiples.get("eu")}
    regions = {name: found or raw.get(f"regional_processing_uplift_multiplier_{name}") for name, found in regions.items()}
    regions = {name: pico(found, Decimal(10) ** 6) for name, found in regions.items() if found}
    return price | ({"v": service} if service else {}) | ({"g": regions} if regions else {})
