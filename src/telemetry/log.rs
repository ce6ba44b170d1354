//! The event log: what happened to the gateway, not to a call.

use std::io::IsTerminal;

use tollward_config::{LogConfig, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

/// Starts the event log on standard error; a second call changes nothing.
pub fn start(config: &LogConfig) {
    let builder = SubscriberBuilder::default()
        .with_max_level(level(config.level))
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let is_json = match config.format {
        Some(LogFormat::Json) => true,
        Some(LogFormat::Text) => false,
        None => !std::io::stderr().is_terminal(),
    };
    // Another subscriber is installed only in tests; theirs stays.
    let _ = if is_json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}

fn level(configured: LogLevel) -> LevelFilter {
    match configured {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
