//! What each model takes, by its name: `gemini-<version>-<size>`, `gemma-<version>-<size>`.
//!
//! A model that is newer than this table is taken for the newest here. Source: Google's
//! model pages and the thinking guide (read 2026-11).

use tollward_wire::chat::{Effort, Searching, Traits};

/// What the model takes.
pub(super) fn traits(model: &str) -> Traits {
    let is_gemma = model.contains("gemma");
    let version = version(model).unwrap_or((9, 9));
    let is_third = version >= (3, 0);
    let is_pro = model.contains("pro");
    Traits {
        takes_call_ids: true,
        takes_service_tier: true,
        fetches_urls: false,
        takes_system: !is_gemma,
        web_search: if is_gemma || version < (2, 0) {
            Searching::No
        } else {
            Searching::ByTool
        },
        takes_schema_with_tools: is_third,
        thinks: !is_gemma && version >= (2, 5),
        thinks_by_effort: is_third,
        may_not_think: !is_third && !is_pro,
        least_effort: Effort::Low,
        // Of the second generation only Pro takes a budget above 24,576.
        most_effort: if is_third || !is_pro {
            Effort::High
        } else {
            Effort::Max
        },
        max_output: (version >= (2, 5)).then_some(65_536),
        ..Traits::default()
    }
}

/// Major and minor version.
fn version(model: &str) -> Option<(u32, u32)> {
    let number = model.split('-').find_map(|it| {
        let (major, minor) = it.split_once('.').unwrap_or((it, "0"));
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    number.filter(|_| model.contains("gemini"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_differ_in_how_they_are_told_to_think() {
        let second = traits("gemini-2.5-flash");
        assert!(second.thinks && !second.thinks_by_effort && second.may_not_think);
        assert!(!second.takes_schema_with_tools);
        assert!(!traits("gemini-2.5-pro").may_not_think);
        assert_eq!(second.most_effort, Effort::High);
        assert_eq!(traits("gemini-2.5-pro").most_effort, Effort::Max);
        assert!(!traits("gemini-2.0-flash").thinks);
        let third = traits("gemini-3-pro-preview");
        assert!(third.thinks_by_effort && third.takes_schema_with_tools);
        assert!(!traits("gemma-3-27b-it").takes_system);
        assert_eq!(version("gemini-3.7-flash"), Some((3, 7)));
    }
}
