//! Profiles in the files that AWS's tools share.
//!
//! Source: "Shared config and credentials files" in the AWS SDKs and tools reference guide (read
//! 2026-11). What both files say is taken from `credentials`.

use std::collections::HashMap;
use std::io::ErrorKind;

use tollward_providers::AwsKeys;

use super::Chain;
use super::sts::WebIdentity;
use crate::credentials::fetcher::FetchError;

/// What the files say about a profile.
#[derive(Default)]
pub(super) struct Profile(HashMap<String, String>);

/// The profile of that name; `None` if neither file has it.
pub(super) async fn load(chain: &Chain, name: &str) -> Result<Option<Profile>, FetchError> {
    let mut profile: Option<Profile> = None;
    for (variable, file, prefix) in [
        ("AWS_CONFIG_FILE", "config", "profile "),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", ""),
    ] {
        let path = match (chain.variable(variable), chain.variable("HOME")) {
            (Some(path), _) => path.to_owned(),
            (None, Some(home)) => format!("{home}/.aws/{file}"),
            (None, None) => continue,
        };
        let text = match tokio::fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(FetchError::Unreachable {
                    place: "AWS's shared file of profiles",
                    reason: error.to_string(),
                });
            }
        };
        // `[default]` needs no prefix, and may have it.
        let titles = [format!("{prefix}{name}"), name.to_owned()];
        let titles = if name == "default" {
            &titles[..]
        } else {
            titles.get(..1).unwrap_or_default()
        };
        if let Some(found) = section(&text, titles) {
            profile.get_or_insert_default().0.extend(found);
        }
    }
    Ok(profile)
}

/// The settings of the sections with one of these titles; `None` if there are none.
fn section(text: &str, titles: &[String]) -> Option<HashMap<String, String>> {
    let mut found: Option<HashMap<String, String>> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let plain = line.trim();
        if let Some(title) = plain.strip_prefix('[').and_then(|it| it.split(']').next()) {
            let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
            is_inside = titles.contains(&title);
            if is_inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some(found), Some((name, value))) =
            (is_inside, &mut found, plain.split_once('='))
        {
            // An indented line belongs to a setting of another one's.
            let is_setting = !line.starts_with([' ', '\t']) && !plain.starts_with(['#', ';']);
            if is_setting {
                let value = value.split(" #").next().unwrap_or_default().trim();
                found.insert(name.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }
    found
}

impl Profile {
    /// Keys that are written in it.
    pub(super) fn keys(&self) -> Result<Option<AwsKeys>, FetchError> {
        let pair = (
            self.of("aws_access_key_id"),
            self.of("aws_secret_access_key"),
        );
        let (Some(id), Some(secret)) = pair else {
            return Ok(None);
        };
        let keys = AwsKeys::new(id, secret, self.of("aws_session_token"));
        let unusable =
            || FetchError::Unusable("the keys of an AWS profile cannot be sent".to_owned());
        keys.ok_or_else(unusable).map(Some)
    }

    /// A web identity that is described in it.
    pub(super) fn web_identity(&self) -> Result<Option<WebIdentity>, FetchError> {
        let session = self.of("role_session_name").unwrap_or("tollward");
        match (self.of("web_identity_token_file"), self.of("role_arn")) {
            (Some(file), Some(role)) => Ok(Some(WebIdentity {
                token_file: file.to_owned(),
                role: role.to_owned(),
                session: session.to_owned(),
            })),
            (None, Some(_)) => {
                let reason = "an AWS profile that takes a role from another one is not supported";
                Err(FetchError::Unusable(reason.to_owned()))
            }
            (_, None) => Ok(None),
        }
    }

    fn of(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|it| !it.is_empty())
    }
}
