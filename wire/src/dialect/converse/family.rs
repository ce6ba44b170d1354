//! Whose model an id names, as far as requests differ by it.

/// Whose model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's.
    Claude,
    /// Amazon's own.
    Nova,
    /// `OpenAI`'s open ones.
    Gpt,
    /// Mistral's.
    Mistral,
    /// Anybody else's.
    Other,
}

impl Family {
    /// Reads a model id, the id of an inference profile, or an ARN.
    ///
    /// The ARN of an account's own profile or of provisioned throughput names no family. It is
    /// taken for a Claude, whose abilities [`crate::chat::Traits`] tell one by one.
    pub(super) fn of(model: &str) -> Self {
        const WORDS: [(&str, Family); 5] = [
            ("claude", Family::Claude),
            ("anthropic.", Family::Claude),
            ("amazon.nova", Family::Nova),
            ("openai.", Family::Gpt),
            ("mistral.", Family::Mistral),
        ];
        const SILENT: [&str; 2] = [":application-inference-profile/", ":provisioned-model/"];
        let named = WORDS.iter().find(|(word, _)| model.contains(word));
        match named {
            Some((_, family)) => *family,
            None if SILENT.iter().any(|it| model.contains(it)) => Self::Claude,
            None => Self::Other,
        }
    }

    /// Whether the prompt can have points up to which it is cached.
    pub(super) const fn takes_cache_points(self) -> bool {
        matches!(self, Self::Claude | Self::Nova)
    }

    /// Whether a tool's result can be marked as a failure.
    pub(super) const fn takes_status(self) -> bool {
        matches!(self, Self::Claude | Self::Nova)
    }

    /// Whether recordings are refused for certain.
    pub(super) const fn is_deaf(self) -> bool {
        matches!(self, Self::Claude | Self::Gpt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_whose_model_it_is_wherever_it_stands() {
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:";
        let cases = [
            ("anthropic.claude-sonnet-4-6", Family::Claude),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Family::Claude),
            ("global.amazon.nova-2-lite-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::Gpt),
            ("eu.mistral.pixtral-large-2502-v1:0", Family::Mistral),
            ("us.meta.llama4-maverick-17b-instruct-v1:0", Family::Other),
            (
                &format!("{arn}inference-profile/eu.amazon.nova-pro-v1:0"),
                Family::Nova,
            ),
            (
                &format!("{arn}application-inference-profile/a1b2c3"),
                Family::Claude,
            ),
            (&format!("{arn}imported-model/a1b2c3d4e5f6"), Family::Other),
        ];
        for (model, family) in cases {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
