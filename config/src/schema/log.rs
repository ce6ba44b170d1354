//! Section `log`: what is logged and how.

use std::path::PathBuf;

use crate::reader::{Reader, SwitchOrPath, Table};

/// The program's log on standard error, and the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Shape of log lines. `None`: text on a terminal, JSON otherwise. Reload: needs a restart.
    pub format: Option<LogFormat>,
    /// Least severe line that is written. Default `info`. Reload: needs a restart.
    pub level: LogLevel,
    /// One JSON line per request. Default `on`. Reload: needs a restart.
    pub access: AccessLog,
}

/// Shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

/// Severity threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what someone must act on.
    Error,
    /// And what may need a look.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Standard error.
    On,
    /// Nowhere.
    Off,
    /// Appended to this file.
    File(PathBuf),
}

impl LogLevel {
    /// The name as it is written in the file, such as `info`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: None,
            level: LogLevel::Info,
            access: AccessLog::On,
        }
    }
}

/// How [`LogFormat`] is written; `auto` decides by the terminal.
const FORMAT: [(&str, Option<LogFormat>); 3] = [
    ("auto", None),
    ("text", Some(LogFormat::Text)),
    ("json", Some(LogFormat::Json)),
];

/// How [`LogLevel`] is written.
const LEVEL: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl LogConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let access = table.field("access");
        let access_read = access.switch_or_path(reader).map(|written| match written {
            SwitchOrPath::On => AccessLog::On,
            SwitchOrPath::Off => AccessLog::Off,
            SwitchOrPath::Path(path) => AccessLog::File(path),
        });
        let log = Self {
            format: table
                .field("format")
                .choice(reader, default.format, &FORMAT),
            level: table.field("level").choice(reader, default.level, &LEVEL),
            access: access.settle(reader, access_read, default.access, |access| match access {
                AccessLog::On => String::from("on"),
                AccessLog::Off => String::from("off"),
                AccessLog::File(path) => path.display().to_string(),
            }),
        };
        table.finish(reader);
        log
    }
}
