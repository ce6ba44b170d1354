//! What vendors sell: classes of tokens, and things that are not tokens.

/// One thing with a price of its own.
///
/// Classes of tokens nest in usage (a cached token is an input token); here each is priced apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Tokens sent.
    Input,
    /// Tokens received.
    Output,
    /// Input read from the vendor's cache.
    CacheRead,
    /// Input written to the vendor's cache.
    CacheWrite,
    /// Input written to the cache for the longer of two times: an hour at Anthropic, twelve at `OpenAI`.
    CacheWriteLong,
    /// Tokens the model thought with.
    Reasoning,
    /// Sound sent.
    AudioInput,
    /// Sound received.
    AudioOutput,
    /// Sound read from the vendor's cache.
    AudioCacheRead,
    /// Pictures sent, as tokens.
    ImageInput,
    /// Pictures received, as tokens.
    ImageOutput,
    /// Pictures read from the vendor's cache, as tokens.
    ImageCacheRead,
    /// Film sent, as tokens.
    VideoInput,
    /// Film received, as tokens.
    VideoOutput,
    /// Pictures received, each.
    Image,
    /// Seconds of sound sent.
    SecondInput,
    /// Seconds of sound or film received.
    SecondOutput,
    /// Characters sent, to be spoken.
    Character,
    /// Pages read.
    Page,
    /// Searches of a ranking; a vendor's unit of so many documents.
    SearchUnit,
    /// Searches of the web that the vendor made.
    WebSearch,
    /// The request itself.
    Request,
}

impl Unit {
    /// Every unit, in the order in which they are declared.
    pub const ALL: [Self; 22] = [
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWriteLong,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::AudioCacheRead,
        Self::ImageInput,
        Self::ImageOutput,
        Self::ImageCacheRead,
        Self::VideoInput,
        Self::VideoOutput,
        Self::Image,
        Self::SecondInput,
        Self::SecondOutput,
        Self::Character,
        Self::Page,
        Self::SearchUnit,
        Self::WebSearch,
        Self::Request,
    ];

    /// Its name in reports and in the configuration.
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// Its key in the price table.
    pub(super) const fn key(self) -> &'static str {
        self.names().1
    }

    /// The amount for which people know its price: a million tokens, a thousand searches.
    pub const fn per(self) -> u64 {
        match self {
            Self::Image | Self::SecondInput | Self::SecondOutput => 1,
            Self::Page | Self::SearchUnit | Self::WebSearch | Self::Request => 1_000,
            _ => 1_000_000,
        }
    }

    /// Whether tokens are counted.
    pub const fn is_token(self) -> bool {
        (self as usize) < Self::Image as usize
    }

    /// What it is a kind of, whose price holds where it has none itself.
    ///
    /// A cached token is never dearer than a fresh one, and thoughts cost what is said. `None`: it
    /// has a price or is not sold.
    pub const fn whole(self) -> Option<Self> {
        match self {
            Self::CacheRead
            | Self::CacheWrite
            | Self::AudioInput
            | Self::ImageInput
            | Self::VideoInput => Some(Self::Input),
            Self::CacheWriteLong => Some(Self::CacheWrite),
            Self::AudioCacheRead | Self::ImageCacheRead => Some(Self::CacheRead),
            Self::Reasoning | Self::AudioOutput | Self::ImageOutput | Self::VideoOutput => {
                Some(Self::Output)
            }
            Self::Input
            | Self::Output
            | Self::Image
            | Self::SecondInput
            | Self::SecondOutput
            | Self::Character
            | Self::Page
            | Self::SearchUnit
            | Self::WebSearch
            | Self::Request => None,
        }
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Input => ("input", "i"),
            Self::Output => ("output", "o"),
            Self::CacheRead => ("cache_read", "r"),
            Self::CacheWrite => ("cache_write", "w"),
            Self::CacheWriteLong => ("cache_write_long", "w1"),
            Self::Reasoning => ("reasoning", "re"),
            Self::AudioInput => ("audio_input", "ai"),
            Self::AudioOutput => ("audio_output", "ao"),
            Self::AudioCacheRead => ("audio_cache_read", "ar"),
            Self::ImageInput => ("image_input", "ii"),
            Self::ImageOutput => ("image_output", "io"),
            Self::ImageCacheRead => ("image_cache_read", "ir"),
            Self::VideoInput => ("video_input", "vi"),
            Self::VideoOutput => ("video_output", "vo"),
            Self::Image => ("image", "im"),
            Self::SecondInput => ("second_input", "si"),
            Self::SecondOutput => ("second_output", "so"),
            Self::Character => ("character", "ci"),
            Self::Page => ("page", "pg"),
            Self::SearchUnit => ("search_unit", "su"),
            Self::WebSearch => ("web_search", "ws"),
            Self::Request => ("request", "rq"),
        }
    }
}

/// Pico-dollars per unit. A unit that is absent has no price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates([Option<u64>; Unit::ALL.len()]);

impl Rates {
    /// The unit's own price.
    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.0.get(unit as usize).copied().flatten()
    }

    /// The unit's price, or that of what it is a kind of. `None`: unknown, which is not zero.
    pub fn price(&self, unit: Unit) -> Option<u64> {
        self.get(unit).or_else(|| self.price(unit.whole()?))
    }

    /// The same with a price for `unit`.
    #[must_use]
    pub fn with(mut self, unit: Unit, pico: u64) -> Self {
        if let Some(place) = self.0.get_mut(unit as usize) {
            *place = Some(pico);
        }
        self
    }

    /// What has a price, in the order of [`Unit::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        Unit::ALL
            .into_iter()
            .filter_map(|unit| Some((unit, self.get(unit)?)))
    }

    /// Whether nothing has a price.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl FromIterator<(Unit, u64)> for Rates {
    fn from_iter<I: IntoIterator<Item = (Unit, u64)>>(prices: I) -> Self {
        prices
            .into_iter()
            .fold(Self::default(), |rates, (unit, pico)| {
                rates.with(unit, pico)
            })
    }
}
