//! Which models an account has, and whether its key is accepted: questions that cost nothing.
//!
//! A [`Listing`] says where a vendor is asked and in which [`ListForm`] it answers; the gateway
//! asks. Some vendors tell their list to everybody, so that it proves nothing about a key: these
//! name another address that does. Nothing here decides whether an account is well.

mod read;
#[cfg(test)]
mod tests;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Uri};
use tollward_wire::reader::{Framing, UsageChunk};
use tollward_wire::segments::Segments;

use crate::account::path_segment;
use crate::provider::Outbound;

pub use self::read::{ListForm, ListedModel, Page, UnreadableList};

/// How a vendor is asked about an account, always with `GET`.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The lists that make up the account's models; none if the vendor tells no list.
    pub lists: Vec<ModelList>,
    /// An address that refuses a wrong key, where the lists do not.
    pub proof: Option<Uri>,
    /// What the lists say about a model that they do not name.
    pub covers: Covers,
    /// Whether a right of its own is needed to see the lists, so that a 403 says nothing about calls.
    pub needs_right: bool,
    pub(crate) headers: HeaderMap,
}

/// One list, which may have pages.
#[derive(Clone, Debug)]
pub struct ModelList {
    /// Its first page.
    pub uri: Uri,
    /// How it is written.
    pub form: ListForm,
}

/// What lists say about a model that they do not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// That the account does not have it.
    Account,
    /// Nothing: they name what could be deployed, and calls name deployments.
    Offer,
    /// That Google does not have it, and nothing about models of other publishers.
    Google,
}

/// What lists say about one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The account has it.
    Listed,
    /// The account does not have it.
    Missing,
    /// Nothing.
    Nothing,
}

impl Listing {
    /// The usual case: one list, which also proves the key.
    pub(crate) fn one(uri: Option<Uri>, form: ListForm, headers: &HeaderMap) -> Self {
        let lists = uri.map(|uri| ModelList { uri, form });
        Self {
            lists: lists.into_iter().collect(),
            proof: None,
            covers: Covers::Account,
            needs_right: false,
            headers: headers.clone(),
        }
    }

    /// The address that proves the key: its own, or that of the first list.
    pub fn proving(&self) -> Option<&Uri> {
        self.proof
            .as_ref()
            .or_else(|| self.lists.first().map(|it| &it.uri))
    }

    /// The question at `uri`, all but the method and the credential.
    pub fn outbound(&self, uri: &Uri) -> Outbound {
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_TYPE);
        Outbound {
            uri: uri.clone(),
            headers,
            body: Segments::new(),
            usage_chunk: UsageChunk::Keep,
            framing: Framing::Events,
            dropped: Vec::new(),
        }
    }

    /// What the lists, which name `models`, say about the one that calls name `asked`.
    ///
    /// Vendors take more names than they list: an undated one for the newest dated one,
    /// `…-latest`, a name without its usual tag, and routers a name with a suffix of their own.
    pub fn tells(&self, models: &[ListedModel], asked: &str) -> Told {
        let asked = match self.covers {
            Covers::Offer => return Told::Nothing,
            Covers::Account => asked.strip_prefix("models/").unwrap_or(asked),
            Covers::Google => {
                let own = asked.strip_prefix("publishers/google/models/");
                let own = own.or_else(|| asked.strip_prefix("google/"));
                let own = own.unwrap_or(asked);
                if own.contains('/') || own.starts_with("claude") {
                    return Told::Nothing;
                }
                own.split('@').next().unwrap_or(own)
            }
        };
        // Of a model that the account's owner has made, only its own page tells.
        if self.lists.is_empty() || asked.starts_with("arn:") {
            return Told::Nothing;
        }
        let is_meant = |model: &ListedModel| {
            let mut names = std::iter::once(&model.id).chain(&model.aliases);
            names.any(|name| names_it(name, asked))
        };
        if models.iter().any(is_meant) {
            Told::Listed
        } else {
            Told::Missing
        }
    }
}

impl ModelList {
    /// Where the page that follows at `token` is.
    pub fn following(&self, token: &str) -> Option<Uri> {
        let field = self.form.page_field()?;
        let first = &self.uri;
        let separator = if first.query().is_some() { '&' } else { '?' };
        let token = path_segment(token);
        format!("{first}{separator}{field}={token}").parse().ok()
    }
}

/// Whether a vendor that lists `listed` takes `asked` for it.
fn names_it(listed: &str, asked: &str) -> bool {
    if listed == asked {
        return true;
    }
    if let Some(rest) = listed.strip_prefix(asked) {
        // Ollama's usual tag; the date of a release.
        return rest == ":latest" || rest.strip_prefix('-').is_some_and(is_date);
    }
    if let Some(stem) = asked.strip_suffix("-latest") {
        return listed.starts_with(stem);
    }
    // `vendor/model:nitro` of OpenRouter, `owner/model:host` of Hugging Face.
    let base = asked.rsplit_once(':').map(|(base, _)| base);
    listed.contains('/') && base == Some(listed)
}

/// `20250929` or `2025-09-29`.
fn is_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits == 8 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-')
}
