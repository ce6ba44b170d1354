//! The price tables of this machine: the one in the binary, those that were fetched, and which is in use.
//!
//! Fetched ones are kept as `<id>.json` in the state directory's `catalog`, whole or not at all; `current`
//! beside them names the one in use and says whether somebody pinned it. Without that file, or when the
//! binary's own table is newer and nothing is pinned, the binary's is used. How a table is fetched and
//! whether it may be taken is not decided here.

pub mod packages;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tollward_config::catalog::{Catalog, CatalogError};

/// Largest table that is read, in bytes; today's has 600 KB.
pub const MAX_TABLE_BYTES: u64 = 32 << 20;

/// Older tables than this are worth a warning, in days.
pub const OLD_DAYS: i64 = 30;

/// Why a table could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no table.
    #[error("{path}: {source}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CatalogError,
    },
    /// The file is larger than any table.
    #[error("{path} is larger than {MAX_TABLE_BYTES} bytes", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// `current` is not what this program writes.
    #[error("{path} does not name a table; `tollward catalog pin shipped` starts over", path = path.display())]
    Choice {
        /// The file.
        path: PathBuf,
    },
}

/// Which table is in use, as `current` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The table's id.
    pub id: String,
    /// Whether it stays when there is a newer one.
    pub is_pinned: bool,
}

/// The folder that tables are kept in.
pub struct Shelf {
    dir: PathBuf,
    /// The table that was read last: a reload asks again, and mostly for the same.
    last: Mutex<Option<Arc<Catalog>>>,
}

impl Shelf {
    /// The shelf of a state directory, which need not exist.
    pub fn new(state_dir: &Path) -> Self {
        Self {
            dir: state_dir.join("catalog"),
            last: Mutex::new(None),
        }
    }

    /// The file that says which table is in use.
    pub fn current_file(&self) -> PathBuf {
        self.dir.join("current")
    }

    /// The table in use.
    ///
    /// # Errors
    /// The files cannot be read. The binary's own table is then still there.
    pub fn current(&self) -> Result<Arc<Catalog>, ShelfError> {
        let shipped = Catalog::embedded();
        let Some(choice) = self.choice()? else {
            return Ok(shipped);
        };
        if choice.id == shipped.id() {
            return Ok(shipped);
        }
        let chosen = self.load(&choice.id)?;
        let is_newer = shipped.built_unix_s() > chosen.built_unix_s();
        Ok(if is_newer && !choice.is_pinned {
            shipped
        } else {
            chosen
        })
    }

    /// What `current` says; `None` when nothing was ever fetched or pinned.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn choice(&self) -> Result<Option<Choice>, ShelfError> {
        let path = self.current_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ShelfError::File { path, source }),
        };
        let choice = serde_json::from_slice(&text).ok();
        let choice = choice.filter(|it: &Choice| is_id(&it.id));
        choice.map(Some).ok_or(ShelfError::Choice { path })
    }

    /// A table by its id: the binary's or a kept one.
    ///
    /// # Errors
    /// It is not there, or is not what it was.
    pub fn load(&self, id: &str) -> Result<Arc<Catalog>, ShelfError> {
        let known = [Some(Catalog::embedded()), self.last.lock().clone()];
        if let Some(known) = known.into_iter().flatten().find(|it| it.id() == id) {
            return Ok(known);
        }
        let table = Arc::new(read(&self.path(id))?);
        *self.last.lock() = Some(Arc::clone(&table));
        Ok(table)
    }

    /// The ids of the tables that are kept, oldest first.
    pub fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
        let ids = entries.filter_map(name);
        let ids = ids.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
        let mut ids: Vec<String> = ids.filter(|id| is_id(id)).collect();
        ids.sort();
        ids
    }

    /// Keeps a table under its id; it is not in use by that.
    ///
    /// # Errors
    /// It cannot be written; nothing is left of it then.
    pub fn keep(&self, table: &Catalog, text: &str) -> Result<(), ShelfError> {
        self.write(&self.path(table.id()), text.as_bytes())
    }

    /// Takes a table into use.
    ///
    /// # Errors
    /// It cannot be written; what was in use stays.
    pub fn choose(&self, choice: &Choice) -> Result<(), ShelfError> {
        let text = serde_json::to_vec(choice).unwrap_or_default();
        self.write(&self.current_file(), &text)
    }

    /// A new empty folder for whoever makes a table; it is to be removed again.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn workshop(&self) -> Result<PathBuf, ShelfError> {
        let path = self.dir.join(format!(".work-{}", std::process::id()));
        let made = fs::create_dir_all(&self.dir).and_then(|()| fs::create_dir(&path));
        made.map_err(|source| ShelfError::File {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    /// A whole file or none: a gateway may read it at any moment.
    fn write(&self, path: &Path, content: &[u8]) -> Result<(), ShelfError> {
        let unfinished = self.dir.join(format!(".{}.tmp", std::process::id()));
        let write = || {
            fs::create_dir_all(&self.dir)?;
            fs::write(&unfinished, content)?;
            fs::File::open(&unfinished)?.sync_all()?;
            fs::rename(&unfinished, path)
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&unfinished);
            ShelfError::File {
                path: path.to_owned(),
                source,
            }
        })
    }
}

/// Reads a table from any file.
///
/// # Errors
/// It cannot be read, is too large, or is none.
pub fn read(path: &Path) -> Result<Catalog, ShelfError> {
    let file_error = |source| ShelfError::File {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(file_error)?.len() > MAX_TABLE_BYTES {
        return Err(ShelfError::TooLarge {
            path: path.to_owned(),
        });
    }
    let text = fs::read_to_string(path).map_err(file_error)?;
    Catalog::parse(&text).map_err(|source| ShelfError::Table {
        path: path.to_owned(),
        source,
    })
}

/// Ids become file names: a date, a plus, hexadecimal digits.
fn is_id(id: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'+');
    !id.is_empty() && id.bytes().all(is_plain)
}

#[cfg(test)]
pub(crate) mod tests;
