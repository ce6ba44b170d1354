//! How a session ends, and what each side is told (RFC 6455 §7.4).

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tollward_store::Outcome;

use crate::upstream::exchange::Websocket;

/// A side that was told gets so long to hang up.
const PARTING: Duration = Duration::from_secs(2);

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The caller.
    Client,
    /// The vendor.
    Vendor,
}

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// A side closed it.
    Closed {
        by: Side,
        /// What it said, if it said anything.
        frame: Option<CloseFrame>,
    },
    /// A side's connection broke.
    Gone(Side),
    /// A side was silent, or took nothing, for too long.
    Silent(Side),
    /// We ended it.
    Ours {
        code: CloseCode,
        reason: &'static str,
        outcome: Outcome,
    },
}

impl End {
    pub(super) fn ours(code: CloseCode, reason: &'static str, outcome: Outcome) -> Self {
        Self::Ours {
            code,
            reason,
            outcome,
        }
    }

    pub(super) fn shutdown() -> Self {
        let reason = "the gateway is shutting down";
        Self::ours(CloseCode::Away, reason, Outcome::Shutdown)
    }

    /// How the session is booked.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Closed {
                by: Side::Client, ..
            } => Outcome::Complete,
            Self::Closed {
                by: Side::Vendor,
                frame,
            } => match frame.as_ref().map(|it| it.code) {
                None | Some(CloseCode::Normal | CloseCode::Away) => Outcome::Complete,
                Some(_) => Outcome::UpstreamError,
            },
            Self::Gone(Side::Client) | Self::Silent(Side::Client) => Outcome::ClientGone,
            Self::Gone(Side::Vendor) => Outcome::UpstreamError,
            Self::Silent(Side::Vendor) => Outcome::IdleTimeout,
            Self::Ours { outcome, .. } => *outcome,
        }
    }

    /// What `side` is told; `None` if it need not be, because it ended the session itself.
    pub(super) fn told(&self, side: Side) -> Option<Message> {
        let frame = |code, reason: &'static str| {
            let reason = Utf8Bytes::from_static(reason);
            Some(Message::Close(Some(CloseFrame { code, reason })))
        };
        match (self, side) {
            (Self::Closed { by, .. } | Self::Gone(by), side) if *by == side => None,
            // Some codes stand for what was not said, and cannot be said.
            (Self::Closed { frame, .. }, _) => Some(Message::Close(
                frame.clone().filter(|it| it.code.is_allowed()),
            )),
            (Self::Silent(silent), side) if *silent == side => {
                frame(CloseCode::Away, "nothing was heard for too long")
            }
            (Self::Gone(_) | Self::Silent(_), Side::Client) => {
                frame(CloseCode::Error, "the upstream broke off")
            }
            (Self::Gone(_) | Self::Silent(_), Side::Vendor) => {
                frame(CloseCode::Away, "the client left")
            }
            (Self::Ours { code, reason, .. }, Side::Client) => frame(*code, reason),
            (Self::Ours { .. }, Side::Vendor) => frame(CloseCode::Away, ""),
        }
    }
}

/// What it means that a side cannot be read.
pub(super) fn broken(side: Side, error: &Error) -> End {
    let is_gone = matches!(
        error,
        Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    );
    match (error, side) {
        _ if is_gone => End::Gone(side),
        (Error::Capacity(_), Side::Client) => {
            let reason = "a message is larger than 16 MiB";
            End::ours(CloseCode::Size, reason, Outcome::Refused)
        }
        (Error::Utf8(_), Side::Client) => {
            let reason = "a message of text is not UTF-8";
            End::ours(CloseCode::Invalid, reason, Outcome::Refused)
        }
        (_, Side::Client) => {
            let reason = "the frames are not those of a websocket";
            End::ours(CloseCode::Protocol, reason, Outcome::Refused)
        }
        (_, Side::Vendor) => {
            let reason = "the upstream's message cannot be passed on";
            End::ours(CloseCode::Error, reason, Outcome::UpstreamError)
        }
    }
}

/// Says goodbye to a side and hangs up, in so much time at the most.
pub(super) async fn part(
    mut sink: SplitSink<Websocket, Message>,
    mut stream: SplitStream<Websocket>,
    told: Option<Message>,
) {
    let parting = async {
        if let Some(message) = told {
            // Who cannot be told any more is gone.
            let _ = sink.send(message).await;
        }
        // Also writes the answer to a goodbye of its own.
        while let Some(Ok(_)) = stream.next().await {}
        let Ok(mut whole) = sink.reunite(stream) else {
            return;
        };
        let connection = whole.get_mut();
        let _ = connection.shutdown().await;
        // What is still on its way has to be taken, or the system throws our last words away with it.
        let mut scrap = [0; 4096];
        while matches!(connection.read(&mut scrap).await, Ok(1..)) {}
    };
    let _ = tokio::time::timeout(PARTING, parting).await;
}
