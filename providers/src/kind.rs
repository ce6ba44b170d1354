//! What is known of a kind of provider before one is built.

use crate::credentials::Access;

/// A kind of provider, as configuration, detection and documentation need it.
#[derive(Debug)]
pub struct Kind {
    /// The word used in configuration.
    pub kind: &'static str,
    /// The vendor's own spelling, for people.
    pub display_name: &'static str,
    /// Where requests go unless the operator says otherwise; `None` if they must say.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds the key; `None` if there is no custom.
    pub key_variable: Option<&'static str>,
    /// The vendor's name in the price catalog; `None` if calls are not priced.
    pub price_provider: Option<&'static str>,
    /// Whether nothing can be asked of a provider of this kind without a credential.
    pub needs_key: bool,
    /// How its credentials are written down and found.
    pub access: Access,
    /// The loopback port of a server people run themselves; `None` for hosted vendors.
    pub default_port: Option<u16>,
    /// The names of the settings this kind understands.
    pub settings: &'static [&'static str],
}
