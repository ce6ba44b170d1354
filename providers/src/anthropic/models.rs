//! What each Claude takes, by its name.
//!
//! Names are `claude-<family>-<major>[-<minor>][-<date>]`, before 4 with the version first.
//! A model that is newer than this table is taken for one of the newest here. Source:
//! Anthropic's model overview and the migration notes of Claude 4.7 (read 2026-11).

use tollward_wire::chat::{Searching, Traits};

/// What the model takes.
pub(crate) fn traits(model: &str) -> Traits {
    let version = version(model).unwrap_or((9, 9));
    let is_opus = model.contains("opus");
    Traits {
        takes_sampling: version < (4, 7),
        takes_both_sampling: version < (4, 1),
        takes_schema: version >= (4, 5) || (is_opus && version >= (4, 1)),
        takes_strict_tools: version >= (4, 5),
        thinks: version >= (4, 0) || (version == (3, 7)),
        thinks_by_effort: version >= (4, 6),
        may_not_think: true,
        takes_prefill: version < (4, 6),
        fetches_urls: true,
        web_search: if version >= (3, 5) {
            Searching::ByTool
        } else {
            Searching::No
        },
        max_output: Some(match version {
            (4, 6..) | (5.., _) => 128_000,
            (4, 5) => 64_000,
            (4, _) if is_opus => 32_000,
            (4, _) | (3, 7) => 64_000,
            (3, 5) => 8_192,
            _ => 4_096,
        }),
        ..Traits::default()
    }
}

/// Major and minor version.
fn version(model: &str) -> Option<(u32, u32)> {
    let start = model.find("claude")?;
    let numbers: Vec<u32> = model
        .get(start..)?
        .split(|it: char| !it.is_ascii_alphanumeric())
        // A date is no version.
        .filter(|it| it.len() <= 2)
        .filter_map(|it| it.parse().ok())
        .collect();
    let major = *numbers.first()?;
    Some((major, numbers.get(1).copied().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_every_style_of_name() {
        for (model, expected) in [
            ("claude-3-5-sonnet-20241022", Some((3, 5))),
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-1-20250805", Some((4, 1))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Some((4, 5))),
            ("claude-opus-5", Some((5, 0))),
            ("claude-latest", None),
        ] {
            assert_eq!(version(model), expected, "{model}");
        }
    }

    // trap 36
    #[test]
    fn newer_models_take_fewer_parameters() {
        let old = traits("claude-3-5-sonnet-20241022");
        assert!(old.takes_sampling && old.takes_both_sampling && !old.takes_schema && !old.thinks);
        let middle = traits("claude-sonnet-4-5");
        assert!(middle.takes_sampling && !middle.takes_both_sampling && !middle.thinks_by_effort);
        let new = traits("claude-opus-4-8");
        assert!(!new.takes_sampling && new.thinks_by_effort && !new.takes_prefill);
        assert_eq!(traits("claude-nova"), traits("claude-opus-9-9"));
    }
}
