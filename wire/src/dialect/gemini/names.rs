//! Field names as Google's JSON has them: `camelCase`, and `snake_case` all the same (the JSON mapping of proto3).

use std::borrow::Cow;

use crate::chat::fields::{Fields, within};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// The members of an object, under their names in `camelCase`.
pub(super) fn fields(value: Json<'_>) -> Result<Fields<'_>, FieldError> {
    let Json::Object(object) = value else {
        return Err(FieldError::new("", "an object"));
    };
    Fields::of(renamed(object).into())
}

/// The same of a member; `None` if it is not there.
pub(super) fn nested<'a>(
    outer: &mut Fields<'a>,
    name: &'static str,
) -> Result<Option<Fields<'a>>, FieldError> {
    let value = outer.any(name).map(fields).transpose();
    value.map_err(|error| within(name, error))
}

/// The object with all its names in `camelCase`.
pub(super) fn renamed(object: Object<'_>) -> Object<'_> {
    let mut renamed = Object::new();
    for (name, value) in object {
        renamed.push(camel(name), value);
    }
    renamed
}

/// A name in `camelCase`; an underscore in front stays.
fn camel(name: Cow<'_, str>) -> Cow<'_, str> {
    let Some(at) = name.bytes().skip(1).position(|it| it == b'_') else {
        return name;
    };
    let (head, tail) = name.split_at_checked(at + 1).unwrap_or((&name, ""));
    let mut camel = head.to_owned();
    let mut is_new_word = false;
    for letter in tail.chars() {
        match letter {
            '_' => is_new_word = true,
            letter if std::mem::take(&mut is_new_word) => camel.push(letter.to_ascii_uppercase()),
            letter => camel.push(letter),
        }
    }
    Cow::Owned(camel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_name_are_one() {
        for (name, expected) in [
            ("text", "text"),
            ("topP", "topP"),
            ("max_output_tokens", "maxOutputTokens"),
            ("_responseJsonSchema", "_responseJsonSchema"),
            ("_a_b", "_aB"),
            ("", ""),
            ("é_x", "éX"),
        ] {
            assert_eq!(camel(name.into()), expected);
        }
    }
}
