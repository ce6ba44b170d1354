//! The pepper: the secret that turns a presented key into the hash it is stored as.
//!
//! It lives in a file beside the database and never inside it, so a stolen
//! database or backup lets nobody test guesses. Keys carry 256 random bits, so
//! one HMAC-SHA256 is enough and no slow password hash is needed.
//! Comparison of hashes is constant-time.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::StoreError;

const LENGTH: usize = 32;

/// The keyed hash function for client keys. The inner state is prepared once.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

/// HMAC-SHA256 of a key under the pepper; what the database stores.
#[derive(Clone, Copy)]
pub struct KeyHash(pub(crate) [u8; 32]);

impl Pepper {
    /// Reads the pepper file, or creates it with 32 random bytes that only the owner may read.
    ///
    /// Two processes that create it at once end with the same pepper: the file
    /// appears complete or not at all, and the first one wins.
    ///
    /// # Errors
    /// The file cannot be read or written, has the wrong length, or there is no randomness.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        if let Some(pepper) = Self::load(path)? {
            return Ok(pepper);
        }
        let bytes = random()?;
        create(path, &bytes)
            .map_err(|source| StoreError::file("create pepper file", path, source))?;
        Self::load(path)?.ok_or_else(|| StoreError::PepperMissing {
            path: path.to_owned(),
        })
    }

    /// Reads the pepper file; `None` when there is none.
    ///
    /// # Errors
    /// The file cannot be read or has the wrong length.
    pub fn load(path: &Path) -> Result<Option<Self>, StoreError> {
        match fs::read(path) {
            Ok(bytes) if bytes.len() == LENGTH => Self::from_bytes(&bytes).map(Some),
            Ok(_) => Err(StoreError::PepperInvalid {
                path: path.to_owned(),
                reason: "does not hold 32 bytes",
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::file("read pepper file", path, source)),
        }
    }

    /// Makes a pepper that lives as long as the process.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn ephemeral() -> Result<Self, StoreError> {
        Self::from_bytes(&random()?)
    }

    /// The pepper that a secret text is, the same on every machine.
    ///
    /// # Errors
    /// None for any text; the hash function takes keys of every length.
    pub(crate) fn of(secret: &SecretString) -> Result<Self, StoreError> {
        Self::from_bytes(secret.expose_secret().as_bytes())
    }

    /// Hashes a key as the client presented it.
    pub fn hash(&self, presented: &[u8]) -> KeyHash {
        let mut mac = self.0.clone();
        mac.update(presented);
        KeyHash(mac.finalize().into_bytes().into())
    }

    /// A secret key of its own for a purpose; the same one as long as the pepper is.
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        *self.hash(purpose.as_bytes()).as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        Hmac::new_from_slice(bytes)
            .map(Self)
            .map_err(|error| StoreError::Random(error.to_string()))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

impl KeyHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn random() -> Result<[u8; LENGTH], StoreError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Writes a private temporary file and links it into place; an existing file stays.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let unique = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_added_extension(format!("new-{}-{}", unique.0, unique.1));
    // A leftover of a crashed process that had our id.
    let _ = fs::remove_file(&temporary);
    let written = write_private(&temporary, bytes).and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    match written {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
