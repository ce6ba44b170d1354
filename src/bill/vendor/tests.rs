use super::*;

const DAY: i64 = 20_781;

type Rows = Vec<(i64, String, i64)>;

fn billed(text: &str) -> Result<(Export, Rows), BillError> {
    let (export, billed) = read_bill(text)?;
    let rows = billed
        .into_iter()
        .map(|((day, model), it)| (day, model, it.0));
    Ok((export, rows.collect()))
}

#[test]
fn openais_costs_are_read_by_day_and_model() {
    let text = "\u{feff}start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id,api_key_id,project_id,organization_id,project_name,organization_name,user_email,api_source\n\
        1795478400,1795564800,2026-11-24T00:00:00+00:00,2026-11-25T00:00:00+00:00,0.00012300000000000001,usd,,,\"gpt-5.4-mini-2026-03-17, input\",,,,org,,Acme,,\n\
        1795478400,1795564800,,,1.5,usd,,,\"gpt-5.4-mini-2026-03-17, cached input\",,,,org,,Acme,,\n\
        1795478400,1795564800,,,-0.5,usd,,,web search tool calls,,,,org,,Acme,,\n\
        1795564800,1795651200,,,,,,,,,,,org,,Acme,,\n";
    let expected = vec![
        (DAY, "gpt-5-4-mini".to_owned(), 1_500_123_001),
        (DAY, "web-search-tool-calls".to_owned(), -500_000_000),
    ];
    assert_eq!(billed(text), Ok((Export::OpenAi, expected)));
}

#[test]
fn anthropics_costs_are_read_by_day_and_model() {
    let text = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed,api_key_id,api_key_status\n\
        2026-11-24,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.05,0.05,token,not_available,,a,active\n\
        2026-11-24,Claude Haiku 4.5,Default,k,message,≤ 200k,output,0.02,0.02,token,not_available,,a,active\n\
        2026-11-24,,Default,k,,,,0.01,0.01,web_search,,,a,active\n";
    let expected = vec![
        (DAY, "claude-haiku-4-5".to_owned(), 70_000_000),
        (DAY, "web-search".to_owned(), 10_000_000),
    ];
    assert_eq!(billed(text), Ok((Export::Anthropic, expected)));
}

#[test]
fn openrouters_activity_is_read_by_day_and_model() {
    let text = "generation_id,created_at,cost_total,cost_web_search,byok_usage_inference,tokens_prompt,model_permaslug,provider_name,variant\n\
        gen-1,2026-11-24 03:46:57.713,0.0123,0,0,10,openai/gpt-oss-120b,Groq,free\n\
        gen-2,2026-11-24 23:59:59.999,0.001,0,0.002,10,openai/gpt-oss-120b:free,Groq,free\n";
    let expected = vec![(DAY, "openai/gpt-oss-120b".to_owned(), 15_300_000)];
    assert_eq!(billed(text), Ok((Export::OpenRouter, expected)));
}

#[test]
fn a_file_of_another_kind_is_refused_by_what_it_has() {
    for (text, message) in [
        ("", "there are no charges in it"),
        (
            "start_time,amount_value,amount_currency,line_item\n",
            "there are no charges in it",
        ),
        (
            "a,\"b\n1,2\n",
            "line 1: a quote is opened here and not closed",
        ),
        (
            "<!DOCTYPE html>\n<p>\n",
            "its columns (<!DOCTYPE html>) are those of no bill",
        ),
        (
            "start_time,num_model_requests,input_tokens\n1,2,3\n",
            "it tells what was used and not what it cost; export the costs of OpenAI's",
        ),
        (
            "start_time,amount_value\n1,2\n",
            "it tells what was used and not what it cost; export OpenAI's costs grouped by line item",
        ),
        (
            "usage_date_utc,model_version,usage_output_tokens\n2026-11-24,m,3\n",
            "it tells what was used and not what it cost; export the cost page",
        ),
        (
            "usage_date_utc,model,cost_usd\n24.11.2026,m,3\n",
            "line 2: `usage_date_utc` is `24.11.2026`, which is no day",
        ),
        (
            "usage_date_utc,model,cost_usd\n2026-11-24,m,\"3,00\"\n",
            "line 2: `cost_usd` is `3,00`, which is no amount",
        ),
        (
            "usage_date_utc,model,cost_usd\n2026-11-24,m,NaN\n",
            "line 2: `cost_usd` is `NaN`, which is no amount",
        ),
        (
            "usage_date_utc,model,cost_usd\n2026-11-24,m,1e30\n",
            "line 2: `cost_usd` is `1e30`, which is no amount",
        ),
        (
            "usage_date_utc,model,cost_usd\n2026-11-24,m,9000000000\n2026-11-24,m,9000000000\n",
            "the amounts add up to more",
        ),
        (
            "start_time,amount_value,amount_currency,line_item\n1795478400,1,eur,m\n",
            "line 2: `amount_currency` is `eur`, which is no currency",
        ),
    ] {
        let error = billed(text).map_err(|it| it.to_string());
        assert!(
            error.as_ref().is_err_and(|it| it.starts_with(message)),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn names_of_one_model_are_one() {
    for (name, expected) in [
        ("Claude Haiku 4.5", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("gpt-5.4-mini-2026-03-17", "gpt-5-4-mini"),
        ("gpt-5.4-mini", "gpt-5-4-mini"),
        (
            "deepseek/deepseek-v4.1-flash-20260910",
            "deepseek/deepseek-v4-1-flash",
        ),
        (
            "meta-llama/llama-3.3-70b-instruct:free",
            "meta-llama/llama-3-3-70b-instruct",
        ),
        ("o3", "o3"),
        ("20251001", "20251001"),
        ("2026-03-17", "2026-03-17"),
        ("", ""),
    ] {
        assert_eq!(normal(name), expected, "{name}");
    }
}
