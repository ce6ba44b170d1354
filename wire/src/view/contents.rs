//! The fields of Google's `generateContent`, each in either spelling of its name.

use super::{MAX_CHOICES, MAX_MESSAGES, MAX_OUTPUT, MAX_TOOLS, integer_of};
use crate::document::{Document, FieldError};
use crate::walk::Walker;

/// The two spellings of a field that is read here.
type Spellings = [&'static str; 2];

const CONFIG: Spellings = ["generationConfig", "generation_config"];

/// Checks that there is something to answer, and not more than may be.
pub(super) fn check(document: &Document) -> Result<(), FieldError> {
    let expected = "a non-empty array of content objects";
    let contents = document.objects("contents").unwrap_or_default();
    if contents.is_empty() {
        return Err(FieldError::new("contents", expected));
    }
    if contents.len() > MAX_MESSAGES {
        return Err(FieldError::new("contents", "at most 2048 contents"));
    }
    let groups = document.objects("tools").unwrap_or_default();
    let functions = ["functionDeclarations", "function_declarations"];
    let lists = groups
        .iter()
        .flat_map(|group| functions.iter().filter_map(|it| group.raw(document, it)));
    let tools = lists.filter_map(|raw| Some(Walker::new(raw).array()?.count()));
    if tools.sum::<usize>() > MAX_TOOLS {
        return Err(FieldError::new("tools", "at most 512 functions"));
    }
    Ok(())
}

/// The bound on output tokens.
pub(super) fn max_output(document: &Document) -> Result<Option<u64>, FieldError> {
    let names = ["maxOutputTokens", "max_output_tokens"];
    let is_usable = |it: &u64| (1..=MAX_OUTPUT).contains(it);
    setting(
        document,
        names,
        "a number of tokens within reason",
        is_usable,
    )
}

/// How many candidates are asked for.
pub(super) fn choices(document: &Document) -> Result<u32, FieldError> {
    let names = ["candidateCount", "candidate_count"];
    let is_usable = |it: &u64| (1..=u64::from(MAX_CHOICES)).contains(it);
    let choices = setting(document, names, "an integer from 1 to 128", is_usable)?;
    Ok(choices.map_or(1, |it| u32::try_from(it).unwrap_or(MAX_CHOICES)))
}

/// A whole number in `generationConfig`.
fn setting(
    document: &Document,
    names: Spellings,
    expected: &'static str,
    is_usable: impl Fn(&u64) -> bool,
) -> Result<Option<u64>, FieldError> {
    let [camel, snake] = CONFIG;
    if document.raw(camel).is_some() && document.raw(snake).is_some() {
        return Err(twice(camel.to_owned()));
    }
    let config = document.object(camel).or_else(|| document.object(snake));
    let Some(config) = config else {
        return Ok(None);
    };
    let [name, other] = names;
    let raw = match (config.raw(document, name), config.raw(document, other)) {
        (Some(_), Some(_)) => return Err(twice(format!("generationConfig.{name}"))),
        (raw, None) | (None, raw) => raw,
    };
    let number = integer_of(raw).ok();
    let number = number.filter(|it| it.as_ref().is_none_or(&is_usable));
    number.ok_or_else(|| FieldError::new(format!("generationConfig.{name}"), expected))
}

/// Which of two spellings the vendor reads, nobody says.
fn twice(field: String) -> FieldError {
    FieldError::new(field, "written once, in one of its two spellings")
}
