//! Tools that a vendor runs itself: every caller's way to ask, in every vendor's words.

use serde_json::{Value, json};

use super::{Sent, try_write};
use crate::chat::{Searching, Traits};
use crate::dialect::Dialect;

fn searching(web_search: Searching) -> Traits {
    Traits {
        web_search,
        ..Traits::default()
    }
}

/// A request of the caller's with these members.
fn request(caller: Dialect, members: &Value) -> Value {
    let mut request = match caller {
        Dialect::OpenAiResponses => json!({"model": "m", "input": "a"}),
        Dialect::Anthropic => {
            json!({"max_tokens": 99, "messages": [{"role": "user", "content": "a"}]})
        }
        _ => json!({"messages": [{"role": "user", "content": "a"}]}),
    };
    for (name, value) in members.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

fn by(way: (Dialect, Dialect), members: &Value, web_search: Searching) -> Result<Sent, String> {
    try_write(way, &request(way.0, members), searching(web_search))
}

fn of_tool(way: (Dialect, Dialect), members: &Value) -> Sent {
    by(way, members, Searching::ByTool).unwrap()
}

fn function(caller: Dialect) -> Value {
    match caller {
        Dialect::OpenAiResponses => json!({"type": "function", "name": "f"}),
        Dialect::Anthropic => json!({"name": "f", "input_schema": {"type": "object"}}),
        _ => json!({"type": "function", "function": {"name": "f"}}),
    }
}

fn search(caller: Dialect) -> Value {
    match caller {
        Dialect::OpenAiResponses => json!({"type": "web_search"}),
        Dialect::Anthropic => json!({"type": "web_search_20250305", "name": "web_search"}),
        _ => json!({"type": "openrouter:web_search"}),
    }
}

const CALLERS: [Dialect; 3] = [
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::OpenAiChat,
];

#[test]
fn a_search_reaches_every_vendor_that_has_one() {
    let place = json!({"type": "approximate", "country": "DE"});
    let tool = json!({"type": "web_search_preview", "search_context_size": "low",
        "user_location": place, "filters": {"allowed_domains": ["a.example"]}});
    let members = json!({"tools": [tool]});
    let sent = of_tool((Dialect::OpenAiResponses, Dialect::Anthropic), &members);
    assert_eq!(
        sent.body["tools"],
        json!([{"type": "web_search_20250305", "name": "web_search",
            "allowed_domains": ["a.example"], "user_location": place}])
    );
    assert_eq!(sent.dropped, ["tools[0].search_context_size"]);
    let sent = of_tool((Dialect::OpenAiResponses, Dialect::OpenAiChat), &members);
    assert_eq!(
        sent.body["tools"],
        json!([{"type": "openrouter:web_search", "parameters": {"allowed_domains": ["a.example"],
            "search_context_size": "low", "user_location": place}}])
    );
    assert!(sent.dropped.is_empty());
    let tool = json!({"type": "web_search_20260318", "name": "web_search", "max_uses": 3,
        "blocked_domains": ["b.example"], "allowed_callers": ["direct"], "user_location": null});
    let members = json!({"tools": [tool]});
    let sent = of_tool((Dialect::Anthropic, Dialect::OpenAiChat), &members);
    assert_eq!(
        sent.body["tools"],
        json!([{"type": "openrouter:web_search", "parameters": {"excluded_domains": ["b.example"], "max_uses": 3}}])
    );
    assert_eq!(sent.dropped, ["tools[0].allowed_callers"]);
    let plain = json!({"tools": [search(Dialect::Anthropic)]});
    let sent = of_tool((Dialect::Anthropic, Dialect::OpenAiResponses), &plain);
    assert_eq!(sent.body["tools"], json!([{"type": "web_search"}]));
    let sent = of_tool((Dialect::Anthropic, Dialect::Gemini), &plain);
    assert_eq!(sent.body["tools"], json!([{"googleSearch": {}}]));
    assert!(sent.dropped.is_empty());
}

#[test]
fn the_options_of_openais_search_models_are_a_search_like_any_other() {
    let place = json!({"type": "approximate", "approximate": {"city": "Ulm"}});
    let options = json!({"search_context_size": "low", "user_location": place});
    let members = json!({"web_search_options": options});
    let sent = of_tool((Dialect::OpenAiChat, Dialect::Anthropic), &members);
    assert_eq!(
        sent.body["tools"][0]["user_location"],
        json!({"type": "approximate", "city": "Ulm"})
    );
    assert_eq!(sent.dropped, ["web_search_options.search_context_size"]);
    let flat = json!({"type": "approximate", "city": "Ulm"});
    let tool = json!({"type": "web_search", "user_location": flat, "search_context_size": "low"});
    let way = (Dialect::OpenAiResponses, Dialect::OpenAiChat);
    let sent = by(way, &json!({"tools": [tool]}), Searching::Always).unwrap();
    assert_eq!(sent.body["web_search_options"], options);
    assert_eq!(sent.body.get("tools"), None);
    // Nobody sends them by habit, so that tools beside them change nothing.
    let beside = json!({"web_search_options": {}, "tools": [function(Dialect::OpenAiChat)]});
    for vendor in [Dialect::Converse, Dialect::Ollama, Dialect::Gemini] {
        let refused = by((Dialect::OpenAiChat, vendor), &beside, Searching::ByTool);
        assert_eq!(refused.unwrap_err(), "web_search_options");
    }
}

#[test]
fn a_tool_that_the_vendor_lacks_is_left_out_beside_others_and_refused_alone() {
    let vendors = [
        Dialect::OpenAiChat,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Converse,
        Dialect::Ollama,
        Dialect::OpenAiResponses,
    ];
    for caller in CALLERS {
        let tool = search(caller);
        let kind = tool["type"].as_str().unwrap();
        let beside = json!({"tools": [function(caller), tool]});
        let alone = json!({"tools": [tool]});
        for vendor in vendors {
            let way = (caller, vendor);
            let sent = by(way, &beside, Searching::No).unwrap();
            assert_eq!(sent.dropped, [format!("tools[1]:{kind}")], "{way:?}");
            let refused = by(way, &alone, Searching::No);
            assert_eq!(refused.unwrap_err(), "tools[0].type", "{way:?}");
        }
    }
}

#[test]
fn the_same_rule_holds_for_every_tool_that_only_one_vendor_has() {
    let kinds = [
        (Dialect::Anthropic, "code_execution_20250825"),
        (Dialect::Anthropic, "web_fetch_20250910"),
        (Dialect::Anthropic, "tool_search_tool_regex_20251119"),
        (Dialect::Anthropic, "mcp_toolset"),
        (Dialect::Anthropic, "computer_toolset_20260801"),
        (Dialect::OpenAiResponses, "code_interpreter"),
        (Dialect::OpenAiResponses, "file_search"),
        (Dialect::OpenAiResponses, "computer"),
        (Dialect::OpenAiResponses, "mcp"),
        (Dialect::OpenAiResponses, "local_shell"),
        (Dialect::OpenAiResponses, "image_generation"),
        (Dialect::OpenAiChat, "openrouter:datetime"),
    ];
    for (caller, kind) in kinds {
        let tool = json!({"type": kind});
        let way = (caller, Dialect::Gemini);
        let beside = json!({"tools": [tool, function(caller)]});
        let sent = of_tool(way, &beside);
        assert_eq!(sent.dropped, [format!("tools[0]:{kind}")]);
        let refused = by(way, &json!({"tools": [tool]}), Searching::ByTool);
        assert_eq!(refused.unwrap_err(), "tools[0].type");
    }
    let odd = json!({"type": "x y\r\nz"});
    let beside = json!({"tools": [odd, function(Dialect::Anthropic)]});
    let sent = of_tool((Dialect::Anthropic, Dialect::Gemini), &beside);
    assert_eq!(sent.dropped, ["tools[0]:unknown"]);
}

#[test]
fn a_search_is_never_made_without_its_bounds() {
    let offline = json!({"type": "web_search", "external_web_access": false});
    let within = json!({"type": "web_search", "filters": {"allowed_domains": ["a.example"]}});
    for (tool, vendor) in [
        (offline.clone(), Dialect::Anthropic),
        (within, Dialect::Gemini),
    ] {
        let way = (Dialect::OpenAiResponses, vendor);
        let refused = by(way, &json!({"tools": [tool]}), Searching::ByTool);
        assert_eq!(refused.unwrap_err(), "tools[0].type");
    }
    let way = (Dialect::OpenAiResponses, Dialect::OpenAiResponses);
    let sent = of_tool(way, &json!({"tools": [offline]}));
    assert_eq!(
        sent.body["tools"],
        json!([{"type": "web_search", "external_web_access": false}])
    );
    let twice = json!({"tools": [{"type": "web_search"}, {"type": "web_search_preview"}]});
    let refused = by(way, &twice, Searching::ByTool);
    assert_eq!(refused.unwrap_err(), "tools[1].type");
}

#[test]
fn a_search_that_must_be_made_is_made_or_refused() {
    let chosen = |caller: Dialect| match caller {
        Dialect::Anthropic => json!({"type": "tool", "name": "web_search"}),
        Dialect::OpenAiResponses => json!({"type": "web_search_preview"}),
        _ => json!({"type": "openrouter:web_search"}),
    };
    for caller in CALLERS {
        let members =
            json!({"tools": [function(caller), search(caller)], "tool_choice": chosen(caller)});
        let sent = of_tool((caller, Dialect::Anthropic), &members);
        assert_eq!(
            sent.body["tool_choice"],
            json!({"type": "tool", "name": "web_search"})
        );
        let refused = by((caller, Dialect::Ollama), &members, Searching::No);
        assert_eq!(refused.unwrap_err(), "tools[1].type");
        let refused = by((caller, Dialect::OpenAiChat), &members, Searching::ByTool);
        assert_eq!(refused.unwrap_err(), "tool_choice");
        let none = json!({"tools": [search(caller)], "tool_choice": match caller {
            Dialect::Anthropic => json!({"type": "none"}),
            _ => json!("none"),
        }});
        let sent = of_tool((caller, Dialect::Gemini), &none);
        assert_eq!(sent.body.get("tools"), None);
    }
}

#[test]
fn of_the_tools_that_may_be_used_a_search_is_one() {
    let choice = |allowed: Value| {
        json!({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": allowed}})
    };
    let way = (Dialect::OpenAiResponses, Dialect::Anthropic);
    let only_search = of_tool(way, &choice(json!([{"type": "web_search_preview"}])));
    assert_eq!(
        only_search.body["tools"],
        json!([{"type": "web_search_20250305", "name": "web_search"}])
    );
    let only_function = of_tool(way, &choice(json!([{"type": "function", "name": "f"}])));
    assert_eq!(only_function.body["tools"][0]["name"], "f");
    assert_eq!(only_function.body["tools"].as_array().unwrap().len(), 1);
    assert!(only_function.dropped.is_empty());
}

#[test]
fn a_function_of_the_same_name_takes_the_place_of_anthropics_search() {
    let tools = json!([{"type": "function", "name": "web_search"}, {"type": "web_search"}]);
    let way = (Dialect::OpenAiResponses, Dialect::Anthropic);
    let sent = of_tool(way, &json!({"tools": tools}));
    assert_eq!(sent.body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(sent.dropped, ["tools[1]:web_search"]);
}
