"""Embeddings and rankings of the vendors with an API of their own, as strict as theirs.

A text's vector says how long the text is, so that a mixed-up order shows.
"""

from turns import Wrong


def vector(text):
    return [len(text) / 8, -0.25]


def need(truth, why):
    if not truth:
        raise Wrong(why)


def cohere(path, request):
    need(request["input_type"] in ("search_document", "search_query", "classification", "clustering"), "input_type")
    need(len(request["texts"]) <= 96, "too many texts")
    need(request["embedding_types"] == ["float"], "embedding_types")
    meta = {"billed_units": {"input_tokens": len(request["texts"])}}
    return {"id": "e", "embeddings": {"float": [vector(text) for text in request["texts"]]}, "meta": meta}


def bedrock(path, request):
    if "rerank" in path:
        need(request["api_version"] == 2 and "model" not in request, "malformed input request")
        return {"results": ranked(request)}
    need(set(request) <= {"inputText", "dimensions", "normalize"}, "extraneous key is not permitted")
    return {"embedding": vector(request["inputText"]), "inputTextTokenCount": 1}


def gemini(path, request):
    texts = [one["content"]["parts"][0]["text"] for one in request["requests"]]
    need(len(texts) <= 100, "at most 100 requests can be in one batch")
    need(all(f"/{one['model']}:" in path for one in request["requests"]), "models differ")
    tokens = {"promptTokenCount": len(texts)}
    return {"embeddings": [{"values": vector(text)} for text in texts], "usageMetadata": tokens}


def ollama(path, request):
    texts = request["input"]
    return {"model": request["model"], "embeddings": [vector(text) for text in texts], "prompt_eval_count": len(texts)}


def ranked(request):
    """The longest documents first."""
    need(all(isinstance(document, str) for document in request["documents"]), "documents must be strings")
    scores = [(len(text) / 100, place) for place, text in enumerate(request["documents"])]
    best = sorted(scores, reverse=True)[: request.get("top_n")]
    return [{"index": place, "relevance_score": score} for score, place in best]


def cohere_rerank(path, request):
    known = {"model", "query", "documents", "top_n", "max_tokens_per_doc"}
    need(set(request) <= known, f"unknown field: {set(request) - known}")
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "r", "results": ranked(request), "meta": meta}


ANSWERS = {
    "/v2/embed": cohere,
    "/v2/rerank": cohere_rerank,
    "/invoke": bedrock,
    ":batchEmbedContents": gemini,
    "/api/embed": ollama,
}
