//! What a model can do, as far as somebody says so.
//!
//! The table has it beside the prices, from the same packages and models.dev. Where these differ the more
//! generous one was taken: whoever passes a model over for what it cannot do should be wrong rarely,
//! and a call that its vendor refuses can still go to another.

use serde::Deserialize;

use super::moment;

/// What a model can do. `None` is that nobody says, which is no reason to pass a model over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The most tokens of a prompt and its answer together; of the prompt alone where no source says more.
    ///
    /// No prompt can be longer than this either way.
    pub context: Option<u64>,
    /// The most tokens of an answer, thoughts included.
    pub max_output: Option<u64>,
    /// Whether it calls functions.
    pub tools: Option<bool>,
    /// Whether it takes pictures.
    pub vision: Option<bool>,
    /// Whether it takes sound.
    pub audio: Option<bool>,
    /// Whether its vendor holds answers to a JSON schema.
    pub schema: Option<bool>,
    /// Whether it can think before it answers.
    pub reasoning: Option<bool>,
    /// The day from which its vendor may no longer serve it, in Unix seconds at midnight UTC.
    ///
    /// Of this very version: another name of the model may have moved on to the next.
    pub deprecated_unix_s: Option<i64>,
}

/// Something that a model can do or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It calls functions.
    Tools,
    /// It takes pictures.
    Vision,
    /// It takes sound.
    Audio,
    /// Its vendor holds answers to a JSON schema.
    Schema,
    /// It can think before it answers.
    Reasoning,
}

impl Ability {
    /// Every ability, in the order of their bits in the table.
    pub const ALL: [Self; 5] = [
        Self::Tools,
        Self::Vision,
        Self::Audio,
        Self::Schema,
        Self::Reasoning,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Schema => "schema",
            Self::Reasoning => "reasoning",
        }
    }
}

impl Capabilities {
    /// Whether it has an ability. `None`: nobody says.
    pub const fn can(&self, ability: Ability) -> Option<bool> {
        match ability {
            Ability::Tools => self.tools,
            Ability::Vision => self.vision,
            Ability::Audio => self.audio,
            Ability::Schema => self.schema,
            Ability::Reasoning => self.reasoning,
        }
    }
}

/// Capabilities as they are stored: bits, context, output, date; zero is unknown, zeros at the end are left out.
///
/// Bits 0 to 4: whether somebody says of an [`Ability`]. 5 to 9: what. 10 to 16: whether the sources differ on
/// context, output and each ability.
#[derive(Deserialize, Default)]
pub(super) struct Stored(Vec<u64>);

/// Where the bits of what is said begin.
const SAID: usize = 5;
/// Where the bits of what the sources differ on begin.
const DISPUTED: usize = 10;
/// One more than the highest bit.
const BITS: usize = 17;

impl Stored {
    /// `None`: there is something in it that this release does not know.
    pub(super) fn read(&self) -> Option<Capabilities> {
        if self.0.len() > 4 || self.bits() >> BITS > 0 {
            return None;
        }
        let some = |place: usize| self.0.get(place).copied().filter(|it| *it > 0);
        let can = |ability: Ability| {
            let place = ability as usize;
            self.bit(place).then(|| self.bit(SAID + place))
        };
        let deprecated_unix_s = match some(3) {
            Some(digits) => Some(moment::parse(&digits.to_string())?),
            None => None,
        };
        Some(Capabilities {
            context: some(1),
            max_output: some(2),
            tools: can(Ability::Tools),
            vision: can(Ability::Vision),
            audio: can(Ability::Audio),
            schema: can(Ability::Schema),
            reasoning: can(Ability::Reasoning),
            deprecated_unix_s,
        })
    }

    /// What the sources did not agree on, by the names of the fields of [`Capabilities`].
    pub(super) fn disputed(&self) -> Vec<&'static str> {
        let names = ["context", "max_output"].into_iter();
        let names = names.chain(Ability::ALL.map(Ability::name)).enumerate();
        names
            .filter(|(place, _)| self.bit(DISPUTED + place))
            .map(|(_, name)| name)
            .collect()
    }

    fn bits(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }

    fn bit(&self, place: usize) -> bool {
        self.bits() >> place & 1 == 1
    }
}

#[cfg(test)]
mod tests;
