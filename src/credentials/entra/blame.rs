//! What Entra's own numbers of errors say is wrong.
//!
//! Source: "Microsoft Entra authentication and authorization error codes" and its list `AADSTS error
//! codes` at learn.microsoft.com (read 2026-11).

use serde_json::Value;

use crate::credentials::fetcher::{Blame, FetchError};

/// The same refusal with its number, and with what that is about.
pub(super) fn numbered(error: FetchError, body: &[u8]) -> FetchError {
    let FetchError::Refused {
        place,
        status,
        code,
        ..
    } = error
    else {
        return error;
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = body.pointer("/error_codes/0").and_then(Value::as_u64);
    let named = number.map(|number| format!("AADSTS{number}"));
    let words: Vec<String> = code.into_iter().chain(named).collect();
    FetchError::Refused {
        place,
        status,
        code: (!words.is_empty()).then(|| words.join(", ")),
        blame: number.and_then(blame),
    }
}

fn blame(number: u64) -> Option<Blame> {
    let (setting, variable, why) = match number {
        90_002 | 900_023 => ("tenant_id", "AZURE_TENANT_ID", "there is no such directory"),
        700_016 => (
            "client_id",
            "AZURE_CLIENT_ID",
            "the directory has no such application",
        ),
        7_000_215 => (
            "client_secret",
            "AZURE_CLIENT_SECRET",
            "it is none of the application's secrets; its value is meant, not its id",
        ),
        7_000_222 => (
            "client_secret",
            "AZURE_CLIENT_SECRET",
            "the secret has expired",
        ),
        700_027 => (
            "client_certificate",
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "it is none of the application's certificates, or it has expired",
        ),
        70_011 | 500_011 => (
            "tenant_id",
            "AZURE_TENANT_ID",
            "the directory does not know the service that the token would be for (its scope)",
        ),
        _ => return None,
    };
    Some(Blame {
        setting,
        variable,
        why,
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_number_says_which_setting_is_wrong() {
        let refused = || FetchError::Refused {
            place: "Microsoft Entra",
            status: StatusCode::UNAUTHORIZED,
            code: Some("invalid_client".to_owned()),
            blame: None,
        };
        for (number, setting) in [
            (90_002, "tenant_id"),
            (900_023, "tenant_id"),
            (700_016, "client_id"),
            (7_000_215, "client_secret"),
            (7_000_222, "client_secret"),
            (700_027, "client_certificate"),
            (70_011, "tenant_id"),
            (500_011, "tenant_id"),
        ] {
            let body = format!(r#"{{"error":"invalid_client","error_codes":[{number}]}}"#);
            let error = numbered(refused(), body.as_bytes());
            assert_eq!(
                error.blame().map(|it| it.setting),
                Some(setting),
                "{number}"
            );
            let text = error.to_string();
            assert!(
                text.contains(&format!("(invalid_client, AADSTS{number})")),
                "{text}"
            );
        }
        let body = br#"{"error":"invalid_client","error_codes":[1]}"#;
        assert_eq!(numbered(refused(), body).blame(), None);
        assert_eq!(numbered(refused(), b"<html>"), refused());
    }
}
