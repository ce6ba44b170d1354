//! Who may do what: tokens, roles and how far they reach.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::desk::{Desk, text, token};
use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::upstream::Upstream;

/// Two organisations with a team, a key and a budget each, and a token for each role in the first team.
struct World {
    desk: Desk,
    tokens: BTreeMap<&'static str, String>,
    ids: BTreeMap<&'static str, String>,
}

async fn world() -> World {
    let desk = Desk::open().await;
    let mut ids = BTreeMap::new();
    for [org, team, key, budget] in [
        ["acme", "web", "web-key", "web-budget"],
        ["other", "ops", "ops-key", "ops-budget"],
    ] {
        let made = desk.post("organizations", &json!({"name": org})).await;
        ids.insert(org, text(&made, "id"));
        let made = desk
            .post("teams", &json!({"name": team, "organization": org}))
            .await;
        ids.insert(team, text(&made, "id"));
        let made = desk.post("keys", &json!({"name": key, "team": team})).await;
        ids.insert(key, text(&made, "id"));
        let new = json!({"name": budget, "holder": "team", "holder_id": team, "limit": "5"});
        ids.insert(budget, text(&desk.post("budgets", &new).await, "id"));
    }
    let mut tokens = BTreeMap::new();
    for (name, body) in [
        ("gateway viewer", json!({"role": "viewer"})),
        ("gateway admin", json!({"role": "admin"})),
        (
            "org admin",
            json!({"role": "admin", "organization": "acme"}),
        ),
        ("team owner", json!({"role": "owner", "team": "web"})),
        ("team admin", json!({"role": "admin", "team": "web"})),
        ("team member", json!({"role": "member", "team": "web"})),
        ("team viewer", json!({"role": "viewer", "team": "web"})),
    ] {
        let mut body = body;
        body["name"] = json!(name);
        let made = desk.post("tokens", &body).await;
        ids.insert(name, text(&made, "id"));
        tokens.insert(name, text(&made, "token"));
    }
    World { desk, tokens, ids }
}

impl World {
    async fn status(&self, who: &str, route: (&str, &str), body: Option<&Value>) -> u16 {
        self.desk.ask(&self.tokens[who], route, body).await.status
    }

    /// The names in a list, as somebody sees it.
    async fn names(&self, who: &str, list: &str) -> Vec<String> {
        let page = self.desk.ask(&self.tokens[who], ("GET", list), None).await;
        let page = Desk::told(&page);
        let data = page["data"].as_array().unwrap();
        let mut names: Vec<String> = data.iter().map(|it| text(it, "name")).collect();
        names.sort();
        names
    }
}

/// Every route of the description with ids of things that there are, and a body that is well.
async fn routes(world: &World) -> Vec<(String, String, Option<Value>)> {
    let document = world.desk.get("openapi.json").await;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/admin/v1/").unwrap();
        let resource = path.split('/').next().unwrap();
        let id = match resource {
            "organizations" => &world.ids["acme"],
            "teams" => &world.ids["web"],
            "budgets" => &world.ids["web-budget"],
            "tokens" => &world.ids["team viewer"],
            _ => &world.ids["web-key"],
        };
        let path = path.replace("{id}", id).replace("{holder}", id);
        for method in item.as_object().unwrap().keys() {
            let new = |name: &str| json!({"name": format!("{name} of {method}")});
            let body = match (method.as_str(), resource) {
                ("get" | "delete", _) => None,
                ("post", "budgets") if path.ends_with("raise") => {
                    Some(json!({"by": "1", "until": "2199-01-01T00:00:00Z"}))
                }
                ("post", "budgets") => {
                    Some(json!({"name": "n", "holder": "gateway", "limit": "1"}))
                }
                ("patch", "budgets") => Some(json!({"limit": "2"})),
                ("patch", _) => Some(json!({"name": "another"})),
                ("put", _) => Some(json!({"parallel": 2})),
                ("post", "tokens") => Some(json!({"name": "n", "role": "viewer"})),
                ("post", "deployments") => Some(json!({"deployment": "alpha/upstream-name"})),
                ("post", "explain") => Some(json!({"model": "chat"})),
                _ => Some(new(resource)),
            };
            routes.push((method.to_uppercase(), path.clone(), body));
        }
    }
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

// S-30, S-31
#[tokio::test]
async fn every_route_but_the_description_wants_a_token_that_works() {
    let world = world().await;
    let routes = routes(&world).await;
    let key = world
        .desk
        .gateway
        .home
        .create_key("a virtual key", &[])
        .await;
    world
        .desk
        .delete(&format!("tokens/{}", world.ids["gateway admin"]))
        .await;
    let revoked = world.tokens["gateway admin"].clone();
    let mut forged = world.desk.owner.clone();
    forged.replace_range(10..11, if &forged[10..11] == "a" { "b" } else { "a" });
    // Bad ones first without a count: an address has twenty of them a minute.
    for (method, path, body) in &routes {
        let route = (method.as_str(), path.as_str());
        let request = match body {
            Some(body) => {
                Request::with_body(method, &format!("/admin/v1/{path}"), body.to_string())
            }
            None => Request::new(method, &format!("/admin/v1/{path}")),
        };
        let answer = world.desk.send(request, None).await;
        let expected = if path == "openapi.json" { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{route:?}");
        if expected == 401 {
            answer.error(401, "invalid_admin_token");
        }
    }
    for bad in [
        &key,
        &revoked,
        &forged,
        &"twa-".to_owned(),
        &"sk-x".to_owned(),
    ] {
        let refused = world.desk.ask(bad, ("GET", "keys"), None).await;
        refused.error(401, "invalid_admin_token");
    }
    let two = Request::get("/admin/v1/keys").header("x-api-key", &world.desk.owner);
    let two = world.desk.send(two, Some(&revoked)).await;
    two.error(400, "ambiguous_credentials");
    // Nor is an admin token a key.
    let chat = Request::chat(&openai::chat()).key(&world.desk.owner);
    world
        .desk
        .gateway
        .send(&chat)
        .await
        .error(401, "invalid_api_key");
    assert_eq!(world.desk.upstream.calls(), 0);
}

// S-29
#[tokio::test]
async fn who_only_looks_changes_nothing_on_any_route() {
    let world = world().await;
    let before = world.desk.get("audit?limit=100").await;
    for (method, path, body) in routes(&world).await {
        let route = (method.as_str(), path.as_str());
        let status = world.status("gateway viewer", route, body.as_ref()).await;
        let expected = match (method.as_str(), path.split('/').next().unwrap()) {
            // Who has tokens and who changed what is for those who answer for it.
            ("GET", "tokens" | "audit") => 403,
            // The key of this world has no limits yet.
            ("GET", "limits") if path.contains('/') => 404,
            ("GET", _) => 200,
            _ => 403,
        };
        assert_eq!(status, expected, "{route:?}");
    }
    // What is refused is not changed, nor on record as a change.
    assert_eq!(world.desk.get("audit?limit=100").await, before);
}

// S-23
#[tokio::test]
async fn who_reaches_a_team_sees_that_team_and_nothing_else() {
    let world = world().await;
    for who in ["team owner", "team admin", "team member", "team viewer"] {
        assert_eq!(world.names(who, "organizations").await, [""; 0], "{who}");
        assert_eq!(world.names(who, "teams").await, ["web"], "{who}");
        assert_eq!(world.names(who, "keys").await, ["web-key"], "{who}");
        assert_eq!(world.names(who, "budgets").await, ["web-budget"], "{who}");
        // Of another team is told what is told of nothing: the name that was asked for, and no more.
        for (list, foreign) in [
            ("teams", "ops"),
            ("keys", "ops-key"),
            ("budgets", "ops-budget"),
            ("organizations", "acme"),
        ] {
            let random = "01939393-0000-7000-8000-000000000000";
            for method in ["GET", "DELETE"] {
                let ask = async |id: &str| {
                    let path = format!("{list}/{id}");
                    let told = world
                        .desk
                        .ask(&world.tokens[who], (method, &path), None)
                        .await;
                    (told.status, told.text().replace(id, "ID"))
                };
                let nothing = ask(random).await;
                assert_eq!(nothing.0, 404);
                assert_eq!(
                    ask(&world.ids[foreign]).await,
                    nothing,
                    "{who} {method} {list}"
                );
                let (by_name, _) = ask(foreign).await;
                assert_eq!(by_name, 404);
            }
        }
    }
    assert_eq!(world.names("org admin", "teams").await, ["web"]);
    assert_eq!(world.names("org admin", "organizations").await, ["acme"]);
    assert_eq!(
        world.names("gateway viewer", "keys").await,
        ["ops-key", "web-key"]
    );
    // A call of another organisation's key is in nobody's sums but theirs, and the gateway's.
    let key = json!({"name": "caller", "organization": "other"});
    let key = world.desk.post("keys", &key).await;
    let chat = Request::chat(&openai::chat()).key(&text(&key, "key"));
    assert_eq!(world.desk.gateway.send(&chat).await.status, 200);
    world.desk.gateway.home.rows(1).await;
    for (who, rows) in [("team viewer", 0), ("org admin", 0), ("gateway viewer", 1)] {
        for by in ["key", "model", "day"] {
            let path = format!("usage?by={by}");
            let sums = world
                .desk
                .ask(&world.tokens[who], ("GET", &path), None)
                .await;
            let sums = Desk::told(&sums);
            assert_eq!(sums["data"].as_array().unwrap().len(), rows, "{who} {by}");
        }
    }
    let gateway = world
        .status("team owner", ("GET", "deployments"), None)
        .await;
    assert_eq!(gateway, 403);
    // Of the log they see what happened in their team.
    let log = world
        .desk
        .ask(&world.tokens["team admin"], ("GET", "audit"), None)
        .await;
    let log = Desk::told(&log);
    let changes = log["data"].as_array().unwrap();
    assert!(!changes.is_empty());
    assert!(
        changes
            .iter()
            .all(|it| it["team"] == json!(world.ids["web"])),
        "{log}"
    );
}

// S-29
#[tokio::test]
async fn nobody_gives_or_takes_what_they_do_not_have() {
    let world = world().await;
    let issue = |role: &str, place: (&str, &str)| {
        let mut body = json!({"name": format!("{role} {}", place.1), "role": role});
        if !place.0.is_empty() {
            body[place.0] = json!(place.1);
        }
        body
    };
    let (gateway, acme, web, ops) = (
        ("", ""),
        ("organization", "acme"),
        ("team", "web"),
        ("team", "ops"),
    );
    for (who, role, place, expected) in [
        ("team member", "viewer", web, 403),
        ("team admin", "admin", web, 200),
        ("team admin", "owner", web, 403),
        ("team admin", "viewer", acme, 404),
        ("team admin", "viewer", ops, 404),
        ("team owner", "owner", web, 200),
        ("team owner", "viewer", gateway, 403),
        ("org admin", "member", web, 200),
        ("org admin", "viewer", gateway, 403),
        ("org admin", "owner", acme, 403),
        ("gateway admin", "owner", gateway, 403),
        ("gateway admin", "owner", web, 403),
        ("gateway admin", "admin", gateway, 200),
    ] {
        let body = issue(role, place);
        let status = world.status(who, ("POST", "tokens"), Some(&body)).await;
        assert_eq!(status, expected, "{who} issues {body}");
    }
    for (who, whose, expected) in [
        ("team viewer", "team viewer", 403),
        ("team member", "team viewer", 403),
        ("team admin", "team owner", 403),
        ("team admin", "org admin", 404),
        ("org admin", "team owner", 403),
        ("org admin", "gateway admin", 404),
        ("gateway admin", "team owner", 403),
        ("team admin", "team member", 200),
        ("team owner", "team admin", 200),
    ] {
        let path = format!("tokens/{}", world.ids[whose]);
        let status = world.status(who, ("DELETE", &path), None).await;
        assert_eq!(status, expected, "{who} revokes {whose}");
    }
    // A token that was revoked a moment ago does nothing.
    let status = world.status("team admin", ("GET", "keys"), None).await;
    assert_eq!(status, 401);
    // Of the gateway's own owner it takes another one, and one stays.
    let refused = world
        .desk
        .ask(&world.desk.owner, ("DELETE", "tokens/root"), None)
        .await;
    refused.error(409, "last_owner");
    let second = world
        .desk
        .issue(&json!({"name": "second", "role": "owner"}))
        .await;
    let revoked = world
        .desk
        .ask(&second, ("DELETE", "tokens/root"), None)
        .await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    let refused = world
        .desk
        .ask(&second, ("DELETE", "tokens/second"), None)
        .await;
    refused.error(409, "last_owner");
}

// S-27
#[tokio::test]
async fn nobody_loosens_what_binds_them() {
    let world = world().await;
    let budget = format!("budgets/{}", world.ids["web-budget"]);
    let raise = format!("{budget}/raise");
    let limits = format!("limits/{}", world.ids["web"]);
    let more = json!({"limit": "1000"});
    let raised = json!({"by": "1000", "until": "2199-01-01T00:00:00Z"});
    let rate = json!({"parallel": 1000});
    for (who, expected) in [
        ("team member", 403),
        ("team admin", 403),
        ("team owner", 403),
        ("org admin", 200),
        ("gateway admin", 200),
    ] {
        assert_eq!(
            world.status(who, ("PATCH", &budget), Some(&more)).await,
            expected,
            "{who}"
        );
        assert_eq!(
            world.status(who, ("POST", &raise), Some(&raised)).await,
            expected,
            "{who}"
        );
        assert_eq!(
            world.status(who, ("PUT", &limits), Some(&rate)).await,
            expected,
            "{who}"
        );
    }
    for (who, path) in [("team owner", budget.as_str()), ("team owner", &limits)] {
        assert_eq!(
            world.status(who, ("DELETE", path), None).await,
            403,
            "{path}"
        );
    }
    let close = format!("teams/{}", world.ids["web"]);
    assert_eq!(
        world.status("team owner", ("DELETE", &close), None).await,
        403
    );
    // A key is below its team: its admin binds it, and no other team's.
    for (key, expected) in [("web-key", 200), ("ops-key", 404)] {
        let new = json!({"name": key, "holder": "key", "holder_id": key, "limit": "1"});
        let status = world
            .status("team admin", ("POST", "budgets"), Some(&new))
            .await;
        assert_eq!(status, expected, "{key}");
    }
    // A key that a member makes is under the budget of the team, and of no other.
    let new = json!({"name": "mine", "team": "web"});
    assert_eq!(
        world
            .status("team member", ("POST", "keys"), Some(&new))
            .await,
        200
    );
    for new in [
        json!({"name": "free"}),
        json!({"name": "free", "organization": "acme"}),
    ] {
        let status = world
            .status("team member", ("POST", "keys"), Some(&new))
            .await;
        assert!([403, 404].contains(&status), "{new}: {status}");
    }
    // To give a key away takes an admin of where it was and of where it comes.
    let key = format!("keys/{}", world.ids["web-key"]);
    for (who, team, expected) in [
        ("team member", "web", 200),
        ("team owner", "ops", 404),
        ("org admin", "ops", 404),
        ("gateway viewer", "ops", 403),
        ("gateway admin", "ops", 200),
        ("org admin", "web", 404),
    ] {
        let given = json!({"team": team});
        let status = world.status(who, ("PATCH", &key), Some(&given)).await;
        assert_eq!(status, expected, "{who} gives it to {team}");
    }
    let hooked = json!({"name": "h", "holder": "key", "holder_id": "mine", "limit": "1",
        "webhook": "http://169.254.169.254/latest"});
    let status = world
        .status("org admin", ("POST", "budgets"), Some(&hooked))
        .await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn without_any_token_an_operator_has_what_they_had_and_nothing_is_governed() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let ask = async |gateway: &Gateway, path: &str| {
        let request = Request::get(path).header("host", &gateway.admin.to_string());
        Client::connect(gateway.admin).await.send(&request).await
    };
    assert_eq!(ask(&gateway, "/admin/v1/deployments").await.status, 200);
    let refused = ask(&gateway, "/admin/v1/keys").await;
    let message = refused.error(401, "invalid_admin_token")["message"].to_string();
    assert!(message.contains("tollward token create"), "{message}");

    let owner = token(&gateway.home, "root", &["--role", "owner"]).await;
    crate::support::until("the token is asked for", async || {
        let status = ask(&gateway, "/admin/v1/deployments").await.status;
        (status == 401).then_some(())
    })
    .await;
    assert_eq!(ask(&gateway, "/metrics").await.status, 200);
    let url = format!("http://{}", gateway.admin);
    let list = ["route", "list", "--url", &url, "--json"];
    assert!(!gateway.home.run(&list).await.status.success());
    let mut command = gateway.home.command(&list);
    let output = command.env("TOLLWARD_ADMIN_TOKEN", &owner).output().await;
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

// P-28
#[tokio::test]
async fn an_admin_listener_that_others_reach_needs_a_token_to_start() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream));
    let flags = ["--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"];
    let output = home.run(&[&["serve"], &flags[..]].concat()).await;
    assert!(!output.status.success());
    let advice = "tollward token create NAME --role owner";
    assert!(output.stderr.contains(advice), "{}", output.stderr);
    token(&home, "root", &["--role", "owner"]).await;
    let gateway = home.serve_with(&flags).await;
    assert_ne!(gateway.admin.port(), 0);
}

// C-29
#[tokio::test]
async fn who_guesses_tokens_is_slowed_down() {
    let desk = Desk::open().await;
    for _ in 0..20 {
        let guess = desk.ask("twa-guess", ("GET", "keys"), None).await;
        guess.error(401, "invalid_admin_token");
    }
    let slowed = desk.ask("twa-guess", ("GET", "keys"), None).await;
    slowed.error(429, "rate_limit_exceeded");
    assert_eq!(slowed.header("retry-after"), Some("60"));
}

// S-08, S-20
#[tokio::test]
async fn what_looks_like_a_statement_is_a_token_that_is_not_valid() {
    let desk = Desk::open().await;
    for bad in [
        "twa-' OR '1'='1",
        "twa-'; DROP TABLE admin_token; --",
        "\"; select pg_sleep(8)--",
        "twa-%00",
        "../../etc/passwd",
        "twa-\u{130}\u{131}",
        &"x".repeat(60_000),
    ] {
        let started = std::time::Instant::now();
        let refused = desk.ask(bad, ("GET", "keys"), None).await;
        refused.error(401, "invalid_admin_token");
        assert!(
            started.elapsed() < std::time::Duration::from_secs(2),
            "{bad:.40}"
        );
        assert!(!refused.text().contains("passwd"), "{}", refused.text());
    }
    for name in [
        "%27;%20DROP%20TABLE%20x",
        "..%2F..%2Fkeys",
        "%00",
        "a%0d%0ab",
    ] {
        let path = format!("keys/{name}");
        let nothing = desk.ask(&desk.owner, ("GET", &path), None).await;
        nothing.error(404, "resource_not_found");
    }
    let garbled = desk.ask(&desk.owner, ("GET", "keys/%ff%fe"), None).await;
    garbled.error(400, "invalid_value");
    desk.get("tokens").await;
}

#[tokio::test]
async fn no_name_of_the_host_lets_anybody_in_or_keeps_a_page_out() {
    let desk = Desk::open().await;
    for (name, value) in [
        ("x-forwarded-host", "localhost"),
        ("x-original-url", "/livez"),
        ("x-rewrite-url", "/admin/v1/openapi.json"),
        ("x-forwarded-prefix", "/metrics"),
        ("forwarded", "for=127.0.0.1;host=localhost"),
    ] {
        let request = Request::get("/admin/v1/keys").header(name, value);
        desk.send(request, None)
            .await
            .error(401, "invalid_admin_token");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io:80",
    ] {
        let request = Request::get("/admin/v1/keys")
            .header("host", host)
            .key(&desk.owner);
        let refused = Client::connect(desk.gateway.admin)
            .await
            .send(&request)
            .await;
        refused.error(403, "cross_site_request");
    }
    let page = Request::get("/admin/v1/keys").header("origin", "https://evil.example");
    let page = desk.send(page, Some(&desk.owner)).await;
    page.error(403, "cross_site_request");
    // What a page can send without being asked for leave is not taken.
    let form = Request::post("/admin/v1/keys", r#"{"name":"a"}"#).without("content-type");
    let form = form.header("content-type", "text/plain");
    desk.send(form, Some(&desk.owner))
        .await
        .error(415, "unsupported_media_type");
}
