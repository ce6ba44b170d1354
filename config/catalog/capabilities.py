"""What models can do, from the same packages and models.dev, for the models that have prices.

Facts are a dict: `context`, the readings of a limit (tokens of prompt and answer together, of the
prompt alone); `output`, the most tokens of an answer; the ABILITIES as true or false; `until`, a date.
What a source does not say is absent. Where sources differ the more generous one holds: a model that is
passed over for nothing is worse than a call that its vendor refuses.
"""

import re
import sqlite3
import tempfile
from pathlib import Path

from sources import genai_models, litellm_models

# In the order of their bits.
ABILITIES = ("tools", "vision", "audio", "schema", "reasoning")
LITELLM_ABILITIES = {"tools": "supports_function_calling", "vision": "supports_vision", "audio": "supports_audio_input",
                     "schema": "supports_response_schema", "reasoning": "supports_reasoning"}
# What else they make has another measure, such as the length of a vector.
LITELLM_WRITES = ("chat", "completion", "responses", "realtime")
# Our provider: its names in models.dev.
MODELS_DEV = {
    "openai": ["openai"], "anthropic": ["anthropic"], "gemini": ["google"], "mistral": ["mistral"], "deepseek": ["deepseek"],
    "cohere": ["cohere"], "xai": ["xai"], "perplexity": ["perplexity"], "moonshotai": ["moonshotai"], "groq": ["groq"],
    "together": ["togetherai"], "fireworks": ["fireworks-ai"], "cerebras": ["cerebras"], "huggingface": ["huggingface"],
    "openrouter": ["openrouter"], "bedrock": ["amazon-bedrock"], "vertex": ["google-vertex", "google-vertex-anthropic"],
    "azure": ["azure", "azure-cognitive-services"],
}
# Who serves another's models under the other's names, and so can do what the other says.
SERVES = {"azure": "openai"}
# Whose ids have `:` and a variant of the model at their end.
VARIANTS = ("huggingface", "openrouter")
# Above this a limit says that there is none.
NO_LIMIT = 20_000_000


def limit(value):
    return value if isinstance(value, int) and 0 < value <= NO_LIMIT else None


def known(facts):
    return {key: value for key, value in facts.items() if value not in (None, [])}


# --- The sources --------------------------------------------------------------------------------

def load_models_dev(database):
    """By provider and model. The file is read as data; SQLite wants to open it by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models.sqlite"
        path.write_bytes(database)
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM models").fetchall()
        modalities = connection.execute("SELECT * FROM model_modalities").fetchall()
        generated_at = connection.execute("SELECT value FROM metadata WHERE key = 'generated_at'").fetchone()[0]
        connection.close()
    directions = {}
    for row in modalities:
        directions.setdefault(row["model_full_id"], {}).setdefault(row["direction"], set()).add(row["value"])
    providers = {}
    for row in rows:
        providers.setdefault(row["provider_id"], {})[row["id"]] = models_dev_facts(row, directions.get(row["full_id"], {}))
    return {"updated_at": generated_at, "providers": providers}


def models_dev_facts(row, directions):
    takes, makes = directions.get("input", set()), directions.get("output", set())
    is_vector = "embed" in f"{row['family']} {row['id']}".lower()
    says = lambda value: None if value is None else bool(value)
    return known({
        "context": [value for value in (limit(row["limit_context"]), limit(row["limit_input"])) if value],
        "output": limit(row["limit_output"]) if "text" in makes and not is_vector else None,
        "tools": says(row["tool_call"]), "schema": says(row["structured_output"]), "reasoning": says(row["reasoning"]),
        "vision": "image" in takes if takes else None, "audio": "audio" in takes if takes else None,
    })


def from_models_dev(data, provider):
    found = {}
    for name in MODELS_DEV.get(provider, []):
        for model, facts in data["providers"].get(name, {}).items():
            found.setdefault(model.lower() if provider == "huggingface" else model, []).append(facts)
    return found


def from_litellm(data, name):
    found = {}
    for model, raw in litellm_models(data, name):
        writes = raw.get("mode", "chat") in LITELLM_WRITES
        says = lambda key: raw[key] if isinstance(raw.get(key), bool) else None
        until = str(raw.get("deprecation_date", ""))
        found.setdefault(model, []).append(known({
            "context": [value for value in [limit(raw.get("max_input_tokens"))] if value],
            "output": limit(raw.get("max_output_tokens")) if writes else None,
            "until": until if re.fullmatch(r"20\d\d-\d\d-\d\d", until) else None,
        } | {ability: says(key) for ability, key in LITELLM_ABILITIES.items()}))
    return found


def from_genai(data, name):
    found = {}
    for _, model, identity, _ in genai_models(data, name):
        window = limit(model.get("context_window"))
        if window:
            found.setdefault(identity, []).append({"context": [window]})
    return found


# --- Putting them together ----------------------------------------------------------------------

def is_near(one, other):
    """Whether two limits are the same up to how they were rounded: 128,000 and 131,072."""
    return abs(one - other) * 20 <= max(one, other)


def agree(name, one, other, answer):
    if name == "context":
        # One may mean prompt and answer, another the prompt alone, which is shorter by the longest answer.
        return any(is_near(a, b) or abs(a - b) == answer for a in one for b in other)
    return is_near(one, other) if name == "output" else one == other


def merge(sources):
    """One answer per fact, the more generous, and the facts on which the sources do not agree."""
    facts, disputed = {}, set()
    for name in ("output", "context", *ABILITIES, "until"):
        says = [said[name] for said in sources if name in said]
        if says:
            facts[name] = max(map(max, says)) if name == "context" else max(says)
        if not all(agree(name, one, other, facts.get("output")) for one in says for other in says):
            disputed.add(name)
    return facts, disputed


def undated(model):
    found = re.fullmatch(r"(.+)-(20\d{6}|20\d\d-\d\d-\d\d)", model)
    return found[1] if found else model


def said_of(model, others, found, has_variants):
    """What a source says of a model by its id and other names, or else without the date or variant at its end."""
    exact = found.get(model, [])
    named = [facts for name in others for facts in found.get(name, [])]
    if not exact and not named:
        named = found.get(model.rsplit(":", 1)[0] if has_variants else undated(model), [])
    # The date is that of one version, and another name may have moved on to the next.
    return exact + [{key: value for key, value in facts.items() if key != "until"} for facts in named]


def add(provider, table, sources, lent):
    """Adds `a` to a provider's models: bits, context, output, date (0 if unknown), without zeros at the end.

    The bits of ABILITIES from the lowest: whether somebody says, then what; then on which of context,
    output and ABILITIES the sources differ. Returns each model's facts, for who serves them too.
    """
    others, all_facts = {}, {}
    for alias, target in table["aliases"].items():
        others.setdefault(target, []).append(alias)
    for model, entry in table["models"].items():
        names = others.get(model, ())
        facts, disputed = merge([facts for found in sources for facts in said_of(model, names, found, provider in VARIANTS)])
        # A path before the name is a region or a kind of deployment.
        borrowed = lent.get(name := model.rsplit("/", 1)[-1]) or lent.get(undated(name), {})
        facts = {key: value for key, value in borrowed.items() if key != "until"} | facts
        all_facts[model] = facts
        bits = sum((ability in facts) << place for place, ability in enumerate(ABILITIES))
        bits |= sum(facts.get(ability, False) << 5 + place for place, ability in enumerate(ABILITIES))
        bits |= sum((name in disputed) << 10 + place for place, name in enumerate(("context", "output", *ABILITIES)))
        stored = [bits, facts.get("context", 0), facts.get("output", 0), int(facts.get("until", "0").replace("-", ""))]
        while stored and not stored[-1]:
            stored.pop()
        if stored:
            entry["a"] = stored
    return all_facts
