#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tollward_store::{
    Account, AccountId, AccountKind, KeyId, KeyRecord, NanoUsd, RollupRow, Sums, ThingCounts,
    TokenCounts, Whose, Width,
};

use super::asked::Asked;
use super::kind::Kind;
use super::owners::Owners;
use super::page::Page;

/// 2026-11-24T00:00:00Z.
const MIDNIGHT: i64 = 1_795_478_400;
const DAY: i64 = 86_400;

fn asked(kind: Kind, query: &str) -> Asked {
    Asked::parse(kind, query, MIDNIGHT + 3 * DAY + 5).unwrap()
}

#[test]
fn a_span_is_made_of_whole_buckets() {
    let noon = MIDNIGHT + DAY / 2;
    for (query, width, first, end) in [
        (
            format!("start_time={noon}"),
            Width::Day,
            MIDNIGHT,
            MIDNIGHT + 4 * DAY,
        ),
        (
            format!("start_time={noon}&end_time={noon}"),
            Width::Day,
            MIDNIGHT,
            MIDNIGHT + DAY,
        ),
        (
            format!("start_time={MIDNIGHT}&end_time={}", MIDNIGHT + DAY),
            Width::Day,
            MIDNIGHT,
            MIDNIGHT + DAY,
        ),
        (
            format!(
                "start_time={}&end_time={}&bucket_width=1h",
                noon + 1,
                noon + 3_601
            ),
            Width::Hour,
            noon,
            noon + 7_200,
        ),
        (
            format!(
                "start_time={}&end_time={}&bucket_width=1m",
                noon + 61,
                noon + 120
            ),
            Width::Minute,
            noon + 60,
            noon + 120,
        ),
    ] {
        let found = asked(Kind::Completions, &query);
        assert_eq!(
            (found.width, found.first_s, found.end_s),
            (width, first, end),
            "{query}"
        );
    }
}

#[test]
fn pages_follow_each_other_to_the_end_of_the_span() {
    let span = format!(
        "start_time={MIDNIGHT}&end_time={}&limit=3",
        MIDNIGHT + 8 * DAY
    );
    let (mut query, mut sizes) = (span.clone(), Vec::new());
    loop {
        let page = asked(Kind::Costs, &query);
        sizes.push((page.page_end_s() - page.first_s) / DAY);
        let Some(next) = page.next_page() else { break };
        query = format!("{span}&page={next}");
    }
    assert_eq!(sizes, [3, 3, 2]);
}

#[test]
fn a_question_that_cannot_be_meant_is_refused_by_the_name_of_its_parameter() {
    for (kind, query, field) in [
        (Kind::Completions, "", "start_time"),
        (Kind::Completions, "start_time=-1", "start_time"),
        (Kind::Completions, "start_time=1e9", "start_time"),
        (
            Kind::Completions,
            "start_time=99999999999999999999",
            "start_time",
        ),
        (Kind::Completions, "start_time=1&start_time=2", "start_time"),
        (Kind::Completions, "start_time=9&end_time=8", "end_time"),
        (Kind::Completions, "start_time=1&limit=0", "limit"),
        (Kind::Completions, "start_time=1&limit=32", "limit"),
        (
            Kind::Completions,
            "start_time=1&limit=169&bucket_width=1h",
            "limit",
        ),
        (
            Kind::Completions,
            "start_time=1&limit=1441&bucket_width=1m",
            "limit",
        ),
        (
            Kind::Completions,
            "start_time=1&bucket_width=2d",
            "bucket_width",
        ),
        (Kind::Costs, "start_time=1&bucket_width=1h", "bucket_width"),
        (Kind::Costs, "start_time=1&limit=181", "limit"),
        (Kind::Costs, "start_time=1&models=m", "models"),
        (
            Kind::Completions,
            "start_time=1&group_by=line_item",
            "group_by",
        ),
        (Kind::Completions, "start_time=1&project_id=p", "project_id"),
        (Kind::Completions, "start_time=1&batch=maybe", "batch"),
        (Kind::Completions, "start_time=1&page=2", "page"),
        (Kind::Completions, "start_time=1&page=page_86401", "page"),
        (Kind::Completions, "start_time=86400&page=page_0", "page"),
    ] {
        let refused = Asked::parse(kind, query, MIDNIGHT).unwrap_err();
        assert_eq!(refused.field, field, "{query}");
    }
}

#[test]
fn arrays_are_read_as_sdks_and_people_write_them() {
    let by = |query: &str| asked(Kind::Costs, &format!("start_time=0&{query}")).groups;
    let expected = by("group_by=project_id&group_by=line_item");
    assert_eq!(expected.len(), 2);
    for query in [
        "group_by[]=project_id&group_by[]=line_item",
        "group_by%5B%5D=project_id&group_by%5B%5D=line_item",
        "group_by[0]=project_id&group_by[1]=line_item&group_by[2]=project_id",
    ] {
        assert_eq!(by(query), expected, "{query}");
    }
}

#[test]
fn what_the_ledger_does_not_tell_is_asked_of_nobody() {
    let is_asked = |kind, query: &str| {
        let asked = asked(kind, &format!("start_time=0&{query}"));
        asked.rollup(Whose::All).is_some()
    };
    assert!(is_asked(Kind::Completions, "batch=false"));
    assert!(is_asked(Kind::Completions, "group_by=user_id"));
    assert!(!is_asked(Kind::Completions, "batch=true"));
    assert!(!is_asked(Kind::Completions, "user_ids=u"));
    assert!(!is_asked(Kind::Images, "sizes=256x256"));
    assert!(!is_asked(Kind::VectorStores, ""));
}

fn key(name: &str, account: Option<AccountId>) -> KeyRecord {
    KeyRecord {
        id: KeyId::new(1),
        name: name.to_owned(),
        hint: String::new(),
        allowed_models: Vec::new(),
        account,
        created_ms: 1,
        expires_ms: None,
        revoked_ms: None,
    }
}

fn row(day: i64, key: Option<KeyId>, deployment: &str, cost: i64) -> RollupRow {
    RollupRow {
        start_ms: (MIDNIGHT + day * DAY) * 1_000,
        key,
        model: format!("public-{deployment}"),
        deployment: deployment.to_owned(),
        sums: Sums {
            requests: 2,
            attempts: 3,
            tokens: TokenCounts {
                input: 10,
                cache_read: 4,
                output: 5,
                audio_output: 1,
                ..TokenCounts::default()
            },
            things: ThingCounts {
                images: 2,
                input_ms: 1_001,
                characters: 9,
            },
            cost: NanoUsd(cost),
            unpriced: 1,
            ..Sums::default()
        },
        ..RollupRow::default()
    }
}

/// Two keys of a team, one of nobody, and rows of theirs.
fn books() -> (Owners, Vec<RollupRow>, AccountId, [KeyId; 3]) {
    let team = Account {
        id: AccountId::new(1),
        kind: AccountKind::Team,
        parent: None,
        name: "web".to_owned(),
        created_ms: 1,
        closed_ms: None,
    };
    let id = team.id;
    let keys = [key("a", Some(id)), key("b", Some(id)), key("c", None)];
    let ids = [keys[0].id, keys[1].id, keys[2].id];
    let rows = vec![
        row(0, Some(ids[0]), "p/x", 1_234_567_890_123_456_789),
        row(0, Some(ids[1]), "p/x", 1),
        row(0, Some(ids[2]), "p/y", -20_000_000),
        row(2, None, "", 0),
    ];
    (Owners::new(keys.to_vec(), vec![team]), rows, id, ids)
}

fn results(kind: Kind, query: &str) -> Vec<Value> {
    let (owners, rows, ..) = books();
    let asked = asked(kind, &format!("start_time={MIDNIGHT}&{query}"));
    let page = Page::new(&asked, rows, &owners).unwrap();
    let page = serde_json::to_value(&page).unwrap();
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["results"].clone())
        .collect()
}

#[test]
fn an_amount_is_written_from_its_integer_and_not_by_way_of_a_float() {
    let (owners, rows, ..) = books();
    let asked = asked(Kind::Costs, &format!("start_time={MIDNIGHT}&limit=1"));
    let page = Page::new(&asked, rows, &owners).unwrap();
    let text = serde_json::to_string(&page).unwrap();
    // A float would end in …12345.
    assert!(
        text.contains(r#""amount":{"value":1234567890.10345679,"currency":"usd"}"#),
        "{text}"
    );
    assert!(text.ends_with(&format!(
        r#""has_more":true,"next_page":"page_{}"}}"#,
        MIDNIGHT + DAY
    )));
}

#[test]
fn every_bucket_of_a_page_is_there_also_where_nothing_was_called() {
    let found = results(Kind::Completions, "");
    let counted = json!([{
        "object": "organization.usage.completions.result", "input_tokens": 30, "output_tokens": 15,
        "input_cached_tokens": 12, "input_audio_tokens": 0, "output_audio_tokens": 3,
        "num_model_requests": 6, "model": null, "batch": null, "service_tier": null,
        "project_id": null, "user_id": null, "api_key_id": null,
    }]);
    assert_eq!(found[0], counted);
    assert_eq!((&found[1], found.len()), (&json!([]), 4));
}

#[test]
fn results_are_told_apart_by_team_key_and_deployment() {
    let (_, _, team, keys) = books();
    let costs = |query: &str| {
        let found = results(Kind::Costs, query);
        let lines = found[0].as_array().unwrap().clone();
        lines
            .into_iter()
            .map(|it| {
                (
                    it["project_id"].is_string(),
                    it["api_key_id"].is_string(),
                    it["line_item"].as_str().map(str::to_owned),
                )
            })
            .collect::<Vec<_>>()
    };
    let _ = (team, keys);
    assert_eq!(
        costs("group_by=project_id"),
        [(false, false, None), (true, false, None)]
    );
    assert_eq!(costs("group_by=api_key_id").len(), 3);
    let by_line = [
        (false, false, Some("p/x".to_owned())),
        (false, false, Some("p/y".to_owned())),
    ];
    assert_eq!(costs("group_by=line_item"), by_line);
    // Who never reached a provider has no line.
    assert_eq!(
        results(Kind::Costs, "group_by=line_item")[2][0]["line_item"],
        Value::Null
    );
}

#[test]
fn filters_take_ids_and_names_and_never_admit_more_than_they_name() {
    let (owners, rows, team, keys) = books();
    for (filter, requests) in [
        ("project_ids=web".to_owned(), 4),
        (format!("project_ids={team}"), 4),
        ("api_key_ids=c".to_owned(), 2),
        (format!("api_key_ids[]={}&api_key_ids[]=c", keys[0]), 4),
        ("models=public-p/y".to_owned(), 2),
        ("models=public-p/y&project_ids=web".to_owned(), 0),
        ("api_key_ids=".to_owned(), 0),
        ("project_ids=nobody".to_owned(), 0),
    ] {
        let asked = asked(Kind::Embeddings, &format!("start_time={MIDNIGHT}&{filter}"));
        let page = Page::new(&asked, rows.clone(), &owners).unwrap();
        let page = serde_json::to_value(&page).unwrap();
        let found = page["data"][0]["results"][0]["num_model_requests"].as_u64();
        assert_eq!(found.unwrap_or(0), requests, "{filter}");
    }
}

#[test]
fn pictures_seconds_and_characters_are_counted_where_they_belong() {
    let first = |kind| results(kind, "api_key_ids=c")[0][0].clone();
    assert_eq!(first(Kind::Images)["images"], 2);
    assert_eq!(first(Kind::AudioSpeeches)["characters"], 9);
    assert_eq!(first(Kind::AudioTranscriptions)["seconds"], 2);
}
