//! What Bedrock's settings say about a credential: an API key, AWS's own keys, the profile that has
//! them, and the role that is taken with them.

use secrecy::{ExposeSecret, SecretString};

use crate::account::{KeyHeader, api_key};
use crate::credentials::{AwsBase, AwsIdentity, AwsKeys, AwsRole, AwsScope, Key, Origin};
use crate::settings::{BuildError, Settings, invalid};

const ONE_TOO_MANY: &str = "is one credential too many: say which one counts";

/// The credential that is written; a role alone is taken with the keys that are found.
pub(super) fn origin(
    settings: &mut Settings,
    scope: &AwsScope,
) -> Result<Option<Origin>, BuildError> {
    let key = api_key(settings, KeyHeader::Bearer)?;
    let base = base(settings)?;
    let role = role(settings)?;
    match (key, base, role) {
        (None, None, None) => Ok(None),
        (Some(key), None, None) => Ok(Some(key)),
        (Some(_), Some(_), _) => Err(invalid("api_key", ONE_TOO_MANY)),
        (Some(_), None, Some(_)) => Err(invalid(
            "role_arn",
            "cannot be taken with an API key: write AWS's own keys, or nothing beside it",
        )),
        (None, Some(AwsBase::Written(keys)), None) => Ok(Some(Origin::Written(Key::Aws {
            keys,
            scope: scope.clone(),
        }))),
        (None, base, role) => Ok(Some(Origin::Aws(AwsIdentity {
            scope: scope.clone(),
            base: base.unwrap_or(AwsBase::Found),
            role,
        }))),
    }
}

fn base(settings: &mut Settings) -> Result<Option<AwsBase>, BuildError> {
    let [id, secret, token] =
        ["access_key_id", "secret_access_key", "session_token"].map(|it| settings.secret(it));
    let (id, secret, token) = (id?, secret?, token?);
    let profile = settings.text("profile")?;
    let exposed = |it: &SecretString| it.expose_secret().to_owned();
    match (id, secret, token, profile) {
        (None, None, None, None) => Ok(None),
        (None, None, None, Some(profile)) => Ok(Some(AwsBase::Profile(profile.into()))),
        (.., Some(_)) => Err(invalid("profile", ONE_TOO_MANY)),
        (Some(id), Some(secret), token, None) => {
            let token = token.as_ref().map(exposed);
            let keys = AwsKeys::new(&exposed(&id), &exposed(&secret), token.as_deref());
            let keys = keys.ok_or_else(|| invalid("access_key_id", "cannot be sent"))?;
            Ok(Some(AwsBase::Written(keys)))
        }
        (Some(_), None, ..) => Err(BuildError::Missing {
            field: "secret_access_key",
        }),
        (None, ..) => Err(BuildError::Missing {
            field: "access_key_id",
        }),
    }
}

fn role(settings: &mut Settings) -> Result<Option<AwsRole>, BuildError> {
    let [arn, external_id, session] =
        ["role_arn", "external_id", "role_session_name"].map(|it| settings.text(it));
    let [arn, external_id, session] = [arn?, external_id?, session?];
    let Some(arn) = arn else {
        return match external_id.or(session) {
            None => Ok(None),
            Some(_) => Err(BuildError::Missing { field: "role_arn" }),
        };
    };
    // arn:aws:iam::123456789012:role/name, in any partition.
    if !arn.starts_with("arn:") || !arn.contains(":role/") {
        return Err(invalid(
            "role_arn",
            "must be the ARN of a role, such as arn:aws:iam::123456789012:role/name",
        ));
    }
    // Source: the pattern of `roleSessionNameType` in the service model `sts` 2011-06-15.
    let is_name = |it: &String| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        (2..=64).contains(&it.len()) && it.bytes().all(is_plain)
    };
    if session.as_ref().is_some_and(|it| !is_name(it)) {
        return Err(invalid(
            "role_session_name",
            "must be 2 to 64 letters, digits, and `_+=,.@-`",
        ));
    }
    Ok(Some(AwsRole {
        arn: arn.into(),
        external_id: external_id.map(Into::into),
        session: session.map(Into::into),
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(fields: &Value) -> Result<Option<Origin>, String> {
        let fields = fields.as_object().unwrap().clone();
        let expected = super::super::KIND.access.fields;
        let mut settings = Settings::new(fields, expected).unwrap();
        let scope = AwsScope {
            region: "eu-west-1".into(),
            service: "bedrock",
        };
        origin(&mut settings, &scope).map_err(|error| error.field().unwrap_or_default().to_owned())
    }

    const ARN: &str = "arn:aws:iam::1:role/team/r";

    #[test]
    fn a_role_is_taken_with_any_keys_but_an_api_key() {
        let keys = AwsKeys::new("id", "secret", None).unwrap();
        for (fields, base) in [
            (json!({"role_arn": ARN, "external_id": "e"}), AwsBase::Found),
            (
                json!({"role_arn": ARN, "external_id": "e", "profile": "p"}),
                AwsBase::Profile("p".into()),
            ),
            (
                json!({
                    "role_arn": ARN, "external_id": "e",
                    "access_key_id": "id", "secret_access_key": "secret",
                }),
                AwsBase::Written(keys),
            ),
        ] {
            let Some(Origin::Aws(identity)) = read(&fields).unwrap() else {
                unreachable!("{fields}")
            };
            let role = AwsRole {
                arn: ARN.into(),
                external_id: Some("e".into()),
                session: None,
            };
            assert_eq!(
                (identity.base, identity.role),
                (base, Some(role)),
                "{fields}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_its_setting() {
        for (fields, at_fault) in [
            (json!({"role_arn": ARN, "api_key": "k"}), "role_arn"),
            (json!({"role_arn": "r"}), "role_arn"),
            (json!({"external_id": "e"}), "role_arn"),
            (json!({"role_session_name": "me"}), "role_arn"),
            (
                json!({"role_arn": ARN, "role_session_name": "a b"}),
                "role_session_name",
            ),
            (json!({"api_key": "k", "profile": "p"}), "api_key"),
            (json!({"access_key_id": "id"}), "secret_access_key"),
            (json!({"session_token": "t"}), "access_key_id"),
            (
                json!({"access_key_id": "id", "secret_access_key": "s", "profile": "p"}),
                "profile",
            ),
        ] {
            assert_eq!(read(&fields), Err(at_fault.to_owned()), "{fields}");
        }
    }
}
