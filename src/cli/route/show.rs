//! Explanations as text.

use serde_json::Value;

use crate::cli::console::Console;

/// Shows where a call would go.
pub(super) fn explanation(told: &Value, console: &mut Console<'_>) -> anyhow::Result<()> {
    let of = |pointer: &str| text(told, pointer);
    writeln!(
        console.out,
        "{} is the model `{}`, by {}",
        of("/model"),
        of("/route"),
        of("/found_by")
    )?;
    for rule in items(told, "/rules") {
        let answer = answer(rule, "does not hold, for it cannot be answered");
        let (name, to) = (text(rule, "/name"), text(rule, "/use"));
        writeln!(console.out, "rule `{name}`, to `{to}`: {answer}")?;
    }
    for guard in items(told, "/guards") {
        let answer = answer(guard, "holds, for it cannot be answered");
        let only: Vec<&str> = items(guard, "/only")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let (name, only) = (text(guard, "/name"), only.join(", "));
        writeln!(console.out, "guard `{name}`, only {only}: {answer}")?;
    }
    let policies = items(told, "/groups").iter().map(|group| {
        let policies = items(group, "/policies").iter();
        let policies: Vec<&str> = policies.filter_map(Value::as_str).collect();
        format!("`{}` by {}", text(group, "/model"), policies.join(", "))
    });
    let policies: Vec<String> = policies.collect();
    writeln!(console.out, "asked: {}\n", policies.join("; then "))?;
    candidates(told, "/candidates", console)?;
    for (pointer, when) in [
        ("/context_fallbacks", "when the request is too long"),
        ("/filter_fallbacks", "when a filter refuses it"),
    ] {
        if !items(told, pointer).is_empty() {
            writeln!(console.out, "\n{when}:\n")?;
            candidates(told, pointer, console)?;
        }
    }
    if let Some(refused) = told.get("refused") {
        let (status, code) = (text(refused, "/status"), text(refused, "/code"));
        let message = text(refused, "/message");
        writeln!(console.out, "\nrefused with {status} {code}: {message}")?;
    }
    Ok(())
}

/// Shows how deployments are.
pub(super) fn deployments(told: &Value, console: &mut Console<'_>) -> anyhow::Result<()> {
    let headings = ["DEPLOYMENT", "RUNS", "FIRST", "CIRCUIT", "RESTS", "DRAINED"];
    let lines = items(told, "/deployments").iter().map(|deployment| {
        let of = |pointer: &str| text(deployment, pointer);
        // Of a stream, else of an answer in one piece.
        let mut first = items(deployment, "/first_content_ms").iter();
        let first = first.find_map(Value::as_u64);
        let rest = match deployment.pointer("/rest/left_s") {
            Some(left) => format!("{left} s, {}", of("/rest/fault")),
            None => "-".to_owned(),
        };
        let is_drained = deployment.pointer("/drained") == Some(&Value::Bool(true));
        [
            of("/deployment"),
            of("/in_flight"),
            first.map_or_else(|| "-".to_owned(), |it| format!("{it} ms")),
            of("/circuit/state"),
            rest,
            if is_drained { "yes" } else { "-" }.to_owned(),
        ]
    });
    Ok(console.table(headings, lines)?)
}

fn candidates(told: &Value, pointer: &str, console: &mut Console<'_>) -> anyhow::Result<()> {
    let has_state = text(told, "/state") == "running";
    let mut headings = vec!["#", "DEPLOYMENT", "OF", "COST", "IN $/M", "OUT $/M"];
    if has_state {
        headings.extend(["RUNS", "FIRST", "CIRCUIT", "LEFT"]);
    }
    headings.push("WHY NOT");
    let lines = items(told, pointer).iter().map(|candidate| {
        let of = |pointer: &str| text(candidate, pointer);
        let mut line = vec![
            of("/place"),
            of("/deployment"),
            of("/model"),
            of("/cost_usd"),
            of("/price/input_per_mtok"),
            of("/price/output_per_mtok"),
        ];
        if has_state {
            let first = of("/first_content_ms");
            let headroom = candidate.pointer("/headroom").and_then(Value::as_u64);
            line.extend([
                of("/in_flight"),
                if first == "-" { first } else { first + " ms" },
                of("/circuit/state"),
                headroom.map_or_else(|| "-".to_owned(), |it| format!("{} %", it / 10)),
            ]);
        }
        line.push(of("/obstacle/message"));
        line
    });
    Ok(console.table(headings, lines)?)
}

fn answer(condition: &Value, unanswered: &'static str) -> &'static str {
    match condition.get("holds").and_then(Value::as_bool) {
        Some(true) => "holds",
        Some(false) => "does not hold",
        None => unanswered,
    }
}

fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// What stands there; a dash if nothing does.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
