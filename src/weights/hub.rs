//! The model hub: its addresses, who may see the token, and what a file there should be.
//!
//! Redirects are followed by hand, because that is where a download goes wrong: a hub hands large files to
//! another host, and the token of the first must not reach the second. Every hop must be HTTPS; plain HTTP
//! is accepted only on this machine, for a mirror that listens on loopback.
//! Source of the addresses and headers: huggingface.co/docs/hub/api and `huggingface_hub`'s
//! `get_hf_file_metadata` (read 2026-11).

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, Method, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::weights::{fetch::FetchError, store::Expected};

/// Where the hub is unless `HF_ENDPOINT` says otherwise.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// More hops than any hub takes.
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence inside a transfer.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Largest answer to a question about a repository.
const MAX_LISTING_BYTES: usize = 8 << 20;

/// Which hub, and as whom.
#[derive(Debug, Clone)]
pub struct HubSettings {
    endpoint: Url,
    token: Option<SecretString>,
}

impl HubSettings {
    /// The hub that the values of `HF_ENDPOINT` and `HF_TOKEN` name; absent or empty ones mean the public
    /// hub and no token.
    ///
    /// # Errors
    /// The endpoint is not an HTTPS address (or an HTTP one on this machine). The text says which.
    pub fn from_variables(
        endpoint: Option<&str>,
        token: Option<String>,
    ) -> Result<Self, HubSettingsError> {
        let text = endpoint
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .unwrap_or(DEFAULT_ENDPOINT);
        let refused = |reason| HubSettingsError {
            endpoint: text.to_owned(),
            reason,
        };
        let endpoint = Url::parse(text).map_err(|_| refused("is not a URL"))?;
        if !is_safe(&endpoint) {
            return Err(refused("must be an https:// address"));
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(refused("must not carry a password; use HF_TOKEN"));
        }
        let token = token
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty());
        Ok(Self {
            endpoint,
            token: token.map(SecretString::from),
        })
    }
}

/// An `HF_ENDPOINT` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("HF_ENDPOINT `{endpoint}` {reason}")]
pub struct HubSettingsError {
    endpoint: String,
    reason: &'static str,
}

/// One file of one repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote<'a> {
    pub(crate) repo: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) file: &'a str,
}

/// What the first download of an unlisted file fixed for all later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    pub(crate) repo: String,
    pub(crate) revision: String,
    pub(crate) expected: Expected,
}

/// A connection to the hub.
pub(crate) struct Hub {
    client: Client,
    settings: HubSettings,
}

impl Hub {
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, FetchError> {
        let client = Client::builder()
            .user_agent(concat!("tollward/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(IDLE_TIMEOUT)
            .build()
            .map_err(FetchError::Client)?;
        Ok(Self {
            client,
            settings: settings.clone(),
        })
    }

    /// The address of a file's content.
    pub(crate) fn content_url(&self, remote: Remote<'_>) -> Result<Url, FetchError> {
        let Remote {
            repo,
            revision,
            file,
        } = remote;
        self.join(&[repo, "resolve", revision, file])
    }

    fn join(&self, parts: &[&str]) -> Result<Url, FetchError> {
        let mut url = self.settings.endpoint.clone();
        let mut path = url.path_segments_mut().map_err(|()| FetchError::Address)?;
        path.pop_if_empty();
        path.extend(parts.iter().flat_map(|part| part.split('/')));
        drop(path);
        Ok(url)
    }

    /// Sends a request and follows where it leads. `extra` goes to every hop, the token only to the hub.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        extra: &header::HeaderMap,
    ) -> Result<Response, FetchError> {
        let mut url = url;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&method, &url, extra).await?;
            let Some(next) = redirect_target(&url, &response)? else {
                return Ok(response);
            };
            // A HEAD asks what the hub itself says of the file; the storage behind it does not know.
            if method == Method::HEAD && next.origin() != url.origin() {
                return Ok(response);
            }
            url = next;
        }
        Err(FetchError::Redirect {
            to: url.to_string(),
            reason: "it is one redirect too many",
        })
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &Url,
        extra: &header::HeaderMap,
    ) -> Result<Response, FetchError> {
        let mut request = self
            .client
            .request(method.clone(), url.clone())
            .headers(extra.clone());
        // A compressed transfer would have other lengths and ranges than the file.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = &self.settings.token
            && url.origin() == self.settings.endpoint.origin()
        {
            request = request.bearer_auth(token.expose_secret());
        }
        request
            .send()
            .await
            .map_err(|source| FetchError::Unreachable {
                host: host_text(url),
                source,
            })
    }

    /// Asks the hub for size, checksum and commit of a file that we list without them.
    ///
    /// # Errors
    /// The hub does not answer, or knows no sha256 for the file: then it is not fetched at all.
    pub(crate) async fn describe(&self, remote: Remote<'_>) -> Result<Pin, FetchError> {
        let url = self.content_url(remote)?;
        let response = self
            .send(Method::HEAD, url.clone(), &header::HeaderMap::new())
            .await?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(FetchError::status(response.status(), &url));
        }
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let revision = text("x-repo-commit")
            .filter(|commit| is_plain(commit))
            .unwrap_or(remote.revision)
            .to_owned();
        let sha256 = text("x-linked-etag").and_then(sha256_of_etag);
        let bytes = text("x-linked-size").and_then(|size| size.parse().ok());
        let expected = match (bytes, sha256) {
            (Some(bytes), Some(sha256)) => Expected { bytes, sha256 },
            _ => self.describe_by_listing(remote, &revision).await?,
        };
        Ok(Pin {
            repo: remote.repo.to_owned(),
            revision,
            expected,
        })
    }

    async fn describe_by_listing(
        &self,
        remote: Remote<'_>,
        revision: &str,
    ) -> Result<Expected, FetchError> {
        let folder = remote
            .file
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let mut parts = vec!["api", "models", remote.repo, "tree", revision];
        parts.extend((!folder.is_empty()).then_some(folder));
        let url = self.join(&parts)?;
        let mut response = self
            .send(Method::GET, url.clone(), &header::HeaderMap::new())
            .await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::status(response.status(), &url));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Cut)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_LISTING_BYTES {
                return Err(FetchError::NoChecksum);
            }
        }
        let entries: Vec<TreeEntry> =
            serde_json::from_slice(&body).map_err(|_| FetchError::NoChecksum)?;
        let entry = entries.into_iter().find(|entry| entry.path == remote.file);
        let large = entry
            .and_then(|entry| entry.lfs)
            .ok_or(FetchError::NoChecksum)?;
        let sha256 = sha256_of_etag(&large.oid).ok_or(FetchError::NoChecksum)?;
        Ok(Expected {
            bytes: large.size,
            sha256,
        })
    }
}

/// A row of `GET /api/models/{repo}/tree/{revision}`.
#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    oid: String,
    size: u64,
}

/// Where a response leads, or `None` when it is the answer.
fn redirect_target(from: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let refused = |to: &str, reason| FetchError::Redirect {
        to: to.to_owned(),
        reason,
    };
    let location = location.ok_or(refused("nowhere", "it has no address"))?;
    let to = from
        .join(location)
        .map_err(|_| refused(location, "it is not a URL"))?;
    // A public hub must not be able to point us at what listens on this machine.
    if to.scheme() == "https" || (is_safe(&to) && is_loopback(from)) {
        Ok(Some(to))
    } else {
        Err(refused(&host_text(&to), "it is not HTTPS"))
    }
}

fn is_safe(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn host_text(url: &Url) -> String {
    let scheme = if url.scheme() == "https" {
        ""
    } else {
        "http://"
    };
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}{}{port}", url.host_str().unwrap_or("unknown"))
}

/// The hub's entity tag of a large file is its sha256 in quotes.
fn sha256_of_etag(etag: &str) -> Option<String> {
    let bare = etag
        .trim_start_matches("W/")
        .trim_matches('"')
        .trim_start_matches("sha256:");
    let is_sha256 = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sha256.then(|| bare.to_ascii_lowercase())
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
