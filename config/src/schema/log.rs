//! Section `log`: what is logged and how.

use std::path::PathBuf;

/// The program's log on standard error, and the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Shape of log lines. `None`: text on a terminal, JSON otherwise. Reload: needs a restart.
    pub format: Option<LogFormat>,
    /// Least severe line that is written. Default `info`. Reload: applies at once.
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
