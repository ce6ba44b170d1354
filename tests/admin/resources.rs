//! Every resource: made, listed, shown, changed and ended, with effect at once.

use serde_json::{Value, json};

use super::desk::{Desk, text};
use crate::support::client::Request;
use crate::support::openai;

#[tokio::test]
async fn keys_work_at_once_and_stop_at_once_and_their_text_is_told_once() {
    let desk = Desk::open().await;
    desk.post("organizations", &json!({"name": "acme"})).await;
    let team = desk
        .post("teams", &json!({"name": "web", "organization": "acme"}))
        .await;
    let wanted = json!({
        "name": "app", "team": "web", "models": ["chat", "gpt-*"],
        "expires_at": "2199-01-01T00:00:00+09:00",
    });
    let made = desk.post("keys", &wanted).await;
    let key = text(&made, "key");
    assert_eq!(made["team"], team["id"]);
    assert_eq!(made["organization"], Value::Null);
    assert_eq!(made["expires_at"], "2198-12-31T15:00:00Z");
    assert_eq!(
        (&made["state"], &made["object"]),
        (&json!("active"), &json!("key"))
    );
    let chat = Request::chat(&openai::chat()).key(&key);
    // Without any wait: the answer is sent when the key works.
    assert_eq!(desk.gateway.send(&chat).await.status, 200);

    let id = text(&made, "id");
    for path in [format!("keys/{id}"), "keys/app".to_owned()] {
        let shown = desk.get(&path).await;
        assert_eq!(shown["id"], made["id"]);
        assert_eq!(shown.get("key"), None);
    }
    let listed = desk.get("keys").await;
    assert_eq!(listed["data"][0]["name"], "app");
    assert!(!listed.to_string().contains(&key));

    let path = format!("keys/{id}");
    let change = json!({"name": "mine", "models": ["other"]});
    let changed = Desk::told(&desk.ask(&desk.owner, ("PATCH", &path), Some(&change)).await);
    assert_eq!(
        (&changed["id"], &changed["name"]),
        (&made["id"], &json!("mine"))
    );
    assert_eq!(changed["team"], team["id"]);
    desk.gateway.send(&chat).await.error(404, "model_not_found");
    let change = json!({"models": ["*"]});
    Desk::told(&desk.ask(&desk.owner, ("PATCH", &path), Some(&change)).await);
    assert_eq!(desk.gateway.send(&chat).await.status, 200);

    let revoked = desk.delete(&format!("keys/{id}")).await;
    assert_eq!(revoked["state"], "revoked");
    let late = desk.ask(&desk.owner, ("PATCH", &path), Some(&change)).await;
    late.error(409, "key_revoked");
    assert_eq!(desk.gateway.send(&chat).await.status, 401);
    // Again changes nothing.
    assert_eq!(desk.delete(&format!("keys/{id}")).await, revoked);
    assert!(!desk.gateway.printed().contains(&key), "a key is in a log");
}

#[tokio::test]
async fn closing_an_organization_stops_the_keys_of_its_teams_at_once() {
    let desk = Desk::open().await;
    let acme = desk.post("organizations", &json!({"name": "acme"})).await;
    desk.post("teams", &json!({"name": "web", "organization": "acme"}))
        .await;
    let made = desk
        .post("keys", &json!({"name": "app", "team": "web"}))
        .await;
    let chat = Request::chat(&openai::chat()).key(&text(&made, "key"));
    assert_eq!(desk.gateway.send(&chat).await.status, 200);
    for (path, name) in [("organizations/acme", "Acme"), ("teams/web", "Web")] {
        let (list, old) = path.split_once('/').unwrap();
        for (path, name) in [(path, name), (&format!("{list}/{name}"), old)] {
            let wanted = json!({"name": name});
            let renamed = desk.ask(&desk.owner, ("PATCH", path), Some(&wanted)).await;
            assert_eq!(Desk::told(&renamed)["name"], name);
        }
    }
    let closed = desk
        .delete(&format!("organizations/{}", text(&acme, "id")))
        .await;
    assert!(closed["closed_at"].is_string());
    assert_eq!(desk.gateway.send(&chat).await.status, 401);
    for (path, body) in [
        (
            "teams",
            json!({"name": "new", "organization": closed["id"]}),
        ),
        ("keys", json!({"name": "new", "team": "web"})),
        (
            "tokens",
            json!({"name": "new", "role": "viewer", "organization": closed["id"]}),
        ),
    ] {
        let refused = desk.ask(&desk.owner, ("POST", path), Some(&body)).await;
        refused.error(409, "account_closed");
    }
}

#[tokio::test]
async fn a_budget_binds_at_once_and_is_changed_raised_and_ended() {
    let desk = Desk::open().await;
    let key = desk.post("keys", &json!({"name": "app"})).await;
    let chat = Request::chat(&openai::chat()).key(&text(&key, "key"));
    let wanted = json!({
        "name": "daily", "holder": "key", "holder_id": key["id"], "limit": "0.00",
        "period": "day", "zone": "Asia/Seoul", "warn_at": [80, 100],
        "webhook": "https://user:secret@hooks.example.com/T0/B1",
    });
    let made = desk.post("budgets", &wanted).await;
    assert_eq!(made["limit"], "0.00");
    assert_eq!(
        (&made["spent"], &made["held"]),
        (&json!("0.00"), &json!("0.00"))
    );
    assert_eq!(made["webhook"], "hooks.example.com");
    assert!(text(&made, "resets_at").ends_with("15:00:00Z"));
    // No price is known of this model: it is refused for the budget that there is now.
    desk.gateway.send(&chat).await.error(400, "model_unpriced");

    let path = format!("budgets/{}", text(&made, "id"));
    let change = json!({"limit": "25.000000001", "models": ["gpt-*"], "webhook": ""});
    let changed = desk.ask(&desk.owner, ("PATCH", &path), Some(&change)).await;
    let changed = Desk::told(&changed);
    assert_eq!(changed["limit"], "25.000000001");
    assert_eq!(
        (&changed["webhook"], &changed["period"]),
        (&Value::Null, &json!("day"))
    );
    // It counts other models now.
    assert_eq!(desk.gateway.send(&chat).await.status, 200);
    let raise = json!({"by": "1", "until": "2199-01-01T00:00:00Z"});
    let raised = desk.post(&format!("{path}/raise"), &raise).await;
    assert_eq!(raised["limit_now"], "26.000000001");
    assert_eq!(
        raised["raise"],
        json!({"by": "1.00", "until": "2199-01-01T00:00:00Z"})
    );
    assert!(desk.delete(&path).await["ended_at"].is_string());
    let late = desk.ask(&desk.owner, ("PATCH", &path), Some(&change)).await;
    late.error(409, "budget_ended");
    assert!(!desk.get("audit").await.to_string().contains("secret"));
}

#[tokio::test]
async fn limits_bind_at_once_and_are_taken_back() {
    let desk = Desk::open().await;
    let key = desk.post("keys", &json!({"name": "app"})).await;
    let chat = Request::chat(&openai::chat()).key(&text(&key, "key"));
    let path = format!("limits/{}", text(&key, "id"));
    let none = desk.ask(&desk.owner, ("GET", &path), None).await;
    none.error(404, "resource_not_found");
    let wanted = json!({"requests_per_minute": 1, "parallel": 5});
    let set = Desk::told(&desk.ask(&desk.owner, ("PUT", &path), Some(&wanted)).await);
    assert_eq!(set["holder"], "key");
    assert_eq!(set["requests_per_minute"], 1);
    assert_eq!(desk.get(&path).await, set);
    assert_eq!(desk.gateway.send(&chat).await.status, 200);
    desk.gateway
        .send(&chat)
        .await
        .error(429, "rate_limit_exceeded");
    let cleared = desk.delete(&path).await;
    assert_eq!(cleared["requests_per_minute"], Value::Null);
    assert_eq!(desk.gateway.send(&chat).await.status, 200);
    let all = Desk::told(
        &desk
            .ask(&desk.owner, ("PUT", "limits/gateway"), Some(&wanted))
            .await,
    );
    assert_eq!(
        (&all["holder"], &all["holder_id"]),
        (&json!("gateway"), &Value::Null)
    );
    assert_eq!(desk.get("limits").await["data"], json!([all]));
}

#[tokio::test]
async fn lists_come_in_pages_and_miss_nothing() {
    let desk = Desk::open().await;
    for number in 0..7 {
        desk.post("keys", &json!({"name": format!("k{number}")}))
            .await;
    }
    for resource in ["keys", "audit"] {
        let mut seen = Vec::new();
        let mut path = format!("{resource}?limit=3");
        loop {
            let page = desk.get(&path).await;
            let data = page["data"].as_array().unwrap();
            seen.extend(data.iter().map(|it| text(it, "id")));
            assert_eq!(page["first_id"], data[0]["id"]);
            if page["has_more"] == false {
                break;
            }
            assert_eq!(data.len(), 3);
            path = format!("{resource}?limit=3&after={}", text(&page, "last_id"));
        }
        let mut sorted = seen.clone();
        sorted.sort_by(|one, other| other.cmp(one));
        sorted.dedup();
        assert_eq!(seen, sorted, "{resource}");
        // The token's own issue is on record too.
        assert_eq!(seen.len(), if resource == "keys" { 7 } else { 8 });
    }
}

// S-28
#[tokio::test]
async fn amounts_that_cannot_be_are_refused_with_their_name() {
    let desk = Desk::open().await;
    let budget = |limit: Value| json!({"name": "b", "holder": "gateway", "limit": limit});
    for limit in [
        json!(-1),
        json!("-1"),
        json!("1e30"),
        json!("NaN"),
        json!(0.1),
        json!("9223372036.854775808"),
        json!("99999999999999999999"),
        json!("0.0000000001"),
        json!(null),
        json!([]),
    ] {
        let refused = desk
            .ask(
                &desk.owner,
                ("POST", "budgets"),
                Some(&budget(limit.clone())),
            )
            .await;
        let error = refused.error(400, "invalid_value");
        assert_eq!(error["param"], "limit", "{limit}");
    }
    // The edge itself is an amount, and no raise takes it over.
    let made = desk
        .post("budgets", &budget(json!("9223372036.854775807")))
        .await;
    let raise = json!({"by": "0.000000001", "until": "2199-01-01T00:00:00Z"});
    let path = format!("budgets/{}/raise", text(&made, "id"));
    let refused = desk.ask(&desk.owner, ("POST", &path), Some(&raise)).await;
    refused.error(400, "invalid_value");
    for by in ["0", "-1", "1e30"] {
        let raise = json!({"by": by, "until": "2199-01-01T00:00:00Z"});
        let refused = desk.ask(&desk.owner, ("POST", &path), Some(&raise)).await;
        refused.error(400, "invalid_value");
    }
}

#[tokio::test]
async fn fields_that_cannot_be_are_refused_with_their_name() {
    let desk = Desk::open().await;
    for (path, body, code, param) in [
        (
            "keys",
            json!({"name": "a", "model": ["x"]}),
            "unknown_field",
            "model",
        ),
        ("keys", json!({}), "invalid_value", "name"),
        (
            "keys",
            json!({"name": "a", "models": []}),
            "invalid_value",
            "models",
        ),
        (
            "keys",
            json!({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}),
            "invalid_value",
            "expires_at",
        ),
        (
            "keys",
            json!({"name": "a", "expires_at": 5}),
            "invalid_value",
            "expires_at",
        ),
        (
            "keys",
            json!({"name": "a", "team": "t", "organization": "o"}),
            "invalid_value",
            "organization",
        ),
        (
            "tokens",
            json!({"name": "a", "role": "root"}),
            "invalid_value",
            "role",
        ),
        (
            "budgets",
            json!({"name": "b", "holder": "team", "limit": "1"}),
            "invalid_value",
            "holder_id",
        ),
        (
            "budgets",
            json!({"name": "b", "holder": "gateway", "limit": "1", "zone": "Seoul"}),
            "invalid_value",
            "zone",
        ),
    ] {
        let refused = desk.ask(&desk.owner, ("POST", path), Some(&body)).await;
        assert_eq!(refused.error(400, code)["param"], param, "{body}");
    }
    for (path, param) in [
        ("keys?limit=0", "limit"),
        ("keys?limit=101", "limit"),
        ("keys?limit=x", "limit"),
        ("keys?lmit=5", "lmit"),
        ("audit?after=x", "after"),
        ("usage?by=colour", "by"),
        ("usage?since=yesterday", "since"),
    ] {
        let refused = desk.ask(&desk.owner, ("GET", path), None).await;
        assert_eq!(refused.status, 400, "{path}");
        assert_eq!(refused.json()["error"]["param"], param, "{path}");
    }
    let message = desk
        .ask(&desk.owner, ("POST", "keys"), Some(&json!({"nme": "a"})))
        .await;
    let message = text(&message.json()["error"], "message");
    assert!(message.contains("did you mean `name`?"), "{message}");
    let twice = Request::post("/admin/v1/keys", r#"{"name":"a","name":"b"}"#);
    desk.send(twice, Some(&desk.owner))
        .await
        .error(400, "duplicate_key");
    let long = Request::post(
        "/admin/v1/keys",
        format!("{{\"name\":\"{}\"}}", "x".repeat(70_000)),
    );
    let long = desk.send(long, Some(&desk.owner)).await;
    long.error(413, "request_too_large");
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let deep = Request::post("/admin/v1/keys", deep);
    let deep = desk.send(deep, Some(&desk.owner)).await;
    deep.error(400, "invalid_json");
    assert_eq!(desk.get("keys").await["data"], json!([]));
    let named = Request::get("/admin/v1/keys").header("x-request-id", "mine-1");
    let named = desk.send(named, Some(&desk.owner)).await;
    assert_eq!(named.header("x-request-id"), Some("mine-1"));
}

#[tokio::test]
async fn usage_is_summed_up_by_what_is_asked_for() {
    let desk = Desk::open().await;
    let key = desk.post("keys", &json!({"name": "app"})).await;
    let chat = Request::chat(&openai::chat()).key(&text(&key, "key"));
    assert_eq!(desk.gateway.send(&chat).await.status, 200);
    desk.gateway.home.rows(1).await;
    let by_key = desk.get("usage?by=key").await;
    assert_eq!(
        (&by_key["object"], &by_key["by"]),
        (&json!("usage"), &json!("key"))
    );
    let row = &by_key["data"][0];
    assert_eq!((&row["key"], &row["group"]), (&key["id"], &json!("app")));
    assert_eq!(row["requests"], 1);
    let later = desk.get("usage?since=2199-01-01T00:00:00Z").await;
    assert_eq!(later["data"], json!([]));
}

#[tokio::test]
async fn names_are_given_once_and_commands_and_the_api_see_each_other() {
    let desk = Desk::open().await;
    desk.gateway.home.create_key("ci", &[]).await;
    let refused = desk
        .ask(&desk.owner, ("POST", "keys"), Some(&json!({"name": "ci"})))
        .await;
    assert_eq!(refused.error(409, "name_taken")["param"], "name");
    desk.post("keys", &json!({"name": "app"})).await;
    let listed = desk.gateway.home.json(&["key", "list", "--json"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let changes = desk.gateway.home.json(&["audit", "--json"]).await;
    let told: Vec<_> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                text(it, "action"),
                text(it, "outcome"),
                text(&it["author"], "kind"),
            )
        })
        .collect();
    let expected = [
        ("key.create", "done", "token"),
        ("key.create", "failed", "token"),
        ("key.create", "done", "command"),
        ("token.create", "done", "command"),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(told, expected);
    let over_http = desk.get("audit").await;
    assert_eq!(over_http["data"][0]["author"]["name"], "root");
    assert_eq!(over_http["data"][0]["author"]["origin"], "127.0.0.1");
    assert_eq!(over_http["data"][0]["after"]["name"], "app");
}
