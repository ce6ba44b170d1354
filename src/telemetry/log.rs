//! The event log: what happened to the gateway, not to a call.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tollward_config::{LogConfig, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

use crate::telemetry::outlet::Outlet;

/// The running event log; what waits is written when it is dropped.
pub struct EventLog(Arc<Outlet>);

impl Drop for EventLog {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Starts the event log on standard error; a second call in a process changes nothing.
///
/// # Errors
/// The writer's thread cannot be started.
pub fn start(config: &LogConfig) -> io::Result<EventLog> {
    let outlet = Arc::new(Outlet::open("event-log", Box::new(io::stderr()))?);
    let builder = SubscriberBuilder::default()
        .with_max_level(level(config.level))
        .with_writer(Events(Arc::clone(&outlet)))
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
    Ok(EventLog(outlet))
}

/// Hands each event to the outlet. One that finds no room is lost: there is nowhere left to say so.
struct Events(Arc<Outlet>);

impl<'a> MakeWriter<'a> for Events {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event(&self.0)
    }
}

struct Event<'a>(&'a Outlet);

impl Write for Event<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(|buffer| buffer.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
