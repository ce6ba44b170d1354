//! A session of `/v1/realtime`: messages pass both ways until one side ends it.
//!
//! One task, and for each direction a loop that reads only when the other side has taken the last
//! message. Messages pass as they came, but for one of the caller that names the model
//! (`wire/src/realtime.rs`); pings are answered on each side. What responses use is booked as their
//! ends pass ([`books`]); how a session ends, and what each side is told, is in [`end`].

mod books;
mod end;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tollward_store::{KeyId, Outcome};
use tollward_wire::realtime::{EventError, client_event, error_event};

use self::books::Books;
use self::end::{End, Side, broken, part};
use crate::app::Gateway;
use crate::clock;
use crate::http::error::Problem;
use crate::pipeline::settle::Settlement;
use crate::responses::word;
use crate::snapshot::Deployment;
use crate::upstream::exchange::{Socket, Websocket, websocket};

/// Longest session. OpenAI ends one after an hour.
const MAX_SESSION: Duration = Duration::from_secs(2 * 60 * 60);
/// The caller's connection is there within this, once it was answered.
const SWITCHING: Duration = Duration::from_secs(10);

/// How often keys are looked at where no pings are sent.
const UNPINGED: Duration = Duration::from_secs(20);

/// A session that both sides agreed to.
pub struct Session {
    gateway: Arc<Gateway>,
    socket: Socket,
    books: Books,
    deployment: Arc<Deployment>,
    key: Option<KeyId>,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    /// Between two pings; nothing: none are sent, and silence means nothing.
    ping: Duration,
    /// A side that was pinged and says nothing for so long is gone, and so is one that takes no
    /// message for so long.
    idle: Duration,
}

type Sink = tokio::sync::Mutex<SplitSink<Websocket, Message>>;

/// What the loops of a session share.
struct Shared<'a> {
    session: &'a Running,
    client: &'a Sink,
    vendor: &'a Sink,
    books: &'a Mutex<Books>,
    /// Milliseconds after the beginning at which each side was heard last: the client, the vendor.
    heard: [AtomicU64; 2],
    /// Something was booked.
    turned: Notify,
}

/// What does not change while a session runs.
struct Running {
    gateway: Arc<Gateway>,
    deployment: Arc<Deployment>,
    key: Option<KeyId>,
    limits: Limits,
    began: Instant,
}

impl Session {
    /// A session with the deployment that agreed to it; nothing is read before [`Self::spawn`].
    pub fn new(
        socket: Socket,
        mut settlement: Settlement,
        deployment: &Arc<Deployment>,
        keep_alive: Duration,
    ) -> Self {
        settlement.answers_with(http::StatusCode::SWITCHING_PROTOCOLS);
        Self {
            gateway: Arc::clone(settlement.gateway()),
            socket,
            key: settlement.key(),
            books: Books::new(settlement, Arc::clone(&deployment.upstream_model)),
            deployment: Arc::clone(deployment),
            limits: Limits {
                ping: keep_alive,
                idle: deployment.timeouts.idle.max(keep_alive * 2),
            },
        }
    }

    /// The answer to the caller's nonce.
    pub fn accept(&self) -> &HeaderValue {
        &self.socket.handshake.accept
    }

    /// The subprotocol for the caller: that of the vendor if the caller offered it, or else its own first,
    /// because a browser that offered some and gets none hangs up.
    pub fn protocol(&self) -> Option<HeaderValue> {
        let offered = &self.socket.handshake.protocols;
        let chosen = self.socket.protocol.as_ref();
        let chosen = offered
            .iter()
            .find(|it| chosen.is_some_and(|chosen| chosen == **it));
        chosen
            .or(offered.first())
            .map(|it| HeaderValue::from_static(it))
    }

    /// Starts it; the caller's connection comes when the answer was sent.
    ///
    /// # Cancellation
    /// A session that is dropped closes both connections and books what was under way.
    pub fn spawn(self) {
        let tasks = self.gateway.tasks.clone();
        tasks.spawn("realtime session", self.run());
    }

    async fn run(self) {
        let Self {
            gateway,
            socket,
            books,
            deployment,
            key,
            limits,
        } = self;
        let switching = tokio::time::timeout(SWITCHING, socket.handshake.connection);
        let Ok(Ok(connection)) = switching.await else {
            // The caller left, which the books take for granted when they are dropped.
            return;
        };
        let (client, from_client) = websocket(connection, Role::Server).await.split();
        let (vendor, from_vendor) = socket.vendor.split();
        let (client, vendor) = (Sink::new(client), Sink::new(vendor));
        let (mut from_client, mut from_vendor) = (from_client, from_vendor);
        let books = Mutex::new(books);
        let running = Running {
            gateway,
            deployment,
            key,
            limits,
            began: clock::mono(),
        };
        let shared = Shared {
            session: &running,
            client: &client,
            vendor: &vendor,
            books: &books,
            heard: [AtomicU64::new(0), AtomicU64::new(0)],
            turned: Notify::new(),
        };
        let end = tokio::select! {
            end = shared.to_vendor(&mut from_client) => end,
            end = shared.to_client(&mut from_vendor) => end,
            end = shared.watch() => end,
        };
        books.into_inner().close(end.outcome());
        tracing::debug!(deployment.id = %running.deployment.id, ?end, "a session ended");
        tokio::join!(
            part(client.into_inner(), from_client, end.told(Side::Client)),
            part(vendor.into_inner(), from_vendor, end.told(Side::Vendor)),
        );
    }
}

impl Shared<'_> {
    /// Passes on what the caller says.
    async fn to_vendor(&self, from: &mut SplitStream<Websocket>) -> End {
        loop {
            let message = match self.next(from, Side::Client).await {
                Ok(message) => message,
                Err(end) => return end,
            };
            let is_text = message.is_text();
            let data = message.into_data();
            let data = match self.read(&data) {
                Ok(renamed) => renamed.unwrap_or(data),
                Err(error) => {
                    let told = self.refusal(error, &data);
                    if let Err(end) = self.send(Side::Client, Message::text(told)).await {
                        return end;
                    }
                    continue;
                }
            };
            let message = framed(is_text, data);
            if let Err(end) = self.send(Side::Vendor, message).await {
                return end;
            }
        }
    }

    /// Looks at an event of the caller; the bytes to send instead, if others are to be.
    ///
    /// Whatever the frame says that it is: servers may take bytes for an event, too.
    fn read(&self, data: &Bytes) -> Result<Option<Bytes>, EventError> {
        let deployment = &self.session.deployment;
        let asked = self.books.lock().model();
        let event = client_event(data, &asked, &deployment.upstream_model)?;
        self.books.lock().sent(&event);
        Ok(event.renamed)
    }

    fn refusal(&self, error: EventError, event: &Bytes) -> String {
        let problem = Problem::from(error);
        let id = format!("event_{}", word(self.books.lock().request()));
        error_event(&problem.body, &id, event)
    }

    /// Passes on what the vendor says.
    async fn to_client(&self, from: &mut SplitStream<Websocket>) -> End {
        loop {
            let message = match self.next(from, Side::Vendor).await {
                Ok(message) => message,
                Err(end) => return end,
            };
            let is_text = message.is_text();
            let data = message.into_data();
            // In the books before anybody can hang up on it.
            let is_booked = self.books.lock().heard(&data);
            if let Err(end) = self.send(Side::Client, framed(is_text, data)).await {
                return end;
            }
            if is_booked {
                self.turned.notify_one();
            }
        }
    }

    /// The next text or binary message of a side.
    async fn next(&self, from: &mut SplitStream<Websocket>, side: Side) -> Result<Message, End> {
        loop {
            let message = match from.next().await {
                None => return Err(End::Gone(side)),
                Some(Err(error)) => return Err(broken(side, &error)),
                Some(Ok(message)) => message,
            };
            self.hear(side);
            match message {
                Message::Text(_) | Message::Binary(_) => return Ok(message),
                Message::Close(frame) => return Err(End::Closed { by: side, frame }),
                // The library answers pings, and frames by themselves are not read.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn send(&self, side: Side, message: Message) -> Result<(), End> {
        let sink = self.sink(side);
        let idle = self.session.limits.idle;
        let sending = async { sink.lock().await.send(message).await };
        match tokio::time::timeout(idle, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                // Why it takes nothing more is what it said last, which the other loop reads.
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(End::Gone(side))
            }
            Err(_) => Err(End::Silent(side)),
        }
    }

    /// Ends the session for reasons of time, of the process, of the key or of its budgets.
    async fn watch(&self) -> End {
        let session = self.session;
        let (gateway, limits) = (&session.gateway, session.limits);
        let stopping = gateway.tasks.stopping();
        let has_pings = !limits.ping.is_zero();
        let mut pings = tokio::time::interval(if has_pings { limits.ping } else { UNPINGED });
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        pings.reset();
        let over = tokio::time::sleep_until((session.began + MAX_SESSION).into());
        tokio::pin!(over);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                () = &mut over => {
                    return End::ours(CloseCode::Away, "the session was open for too long", Outcome::Deadline);
                }
                () = gateway.cut_calls.cancelled() => return End::shutdown(),
                () = stopping.cancelled(), if !is_stopping => is_stopping = true,
                () = self.turned.notified() => {}
                _ = pings.tick() => {
                    if let Some(side) = self.silent() {
                        return End::Silent(side);
                    }
                    if has_pings {
                        self.ping().await;
                    }
                }
            }
            // An answer may be heard to its end.
            if is_stopping && !self.is_responding() {
                return End::shutdown();
            }
            let is_active = |key| gateway.keyring.is_active(key, clock::unix_ms());
            if session.key.is_some_and(|key| !is_active(key)) {
                return End::ours(
                    CloseCode::Policy,
                    "the API key is not valid any more",
                    Outcome::Refused,
                );
            }
            if self.books.lock().are_used_up() {
                return End::ours(CloseCode::Policy, "the budget is used up", Outcome::Refused);
            }
        }
    }

    fn is_responding(&self) -> bool {
        self.books.lock().is_responding()
    }

    /// Asks both sides for a sign of life; one that takes nothing at the moment is busy.
    async fn ping(&self) {
        for side in [Side::Client, Side::Vendor] {
            if let Ok(mut sink) = self.sink(side).try_lock() {
                // The loop that reads from it finds out.
                let sending = sink.send(Message::Ping(Bytes::new()));
                let _ = tokio::time::timeout(Duration::from_secs(1), sending).await;
            }
        }
    }

    /// The side that was pinged and says nothing.
    fn silent(&self) -> Option<Side> {
        let limits = self.session.limits;
        if limits.ping.is_zero() {
            return None;
        }
        let now = self.session.elapsed_ms();
        let [client, vendor] = &self.heard;
        let is_silent = |heard: &AtomicU64| {
            let silence = now.saturating_sub(heard.load(Ordering::Relaxed));
            Duration::from_millis(silence) >= limits.idle
        };
        let sides = [(Side::Client, client), (Side::Vendor, vendor)];
        let found = sides.into_iter().find(|(_, heard)| is_silent(heard));
        found.map(|(side, _)| side)
    }

    fn hear(&self, side: Side) {
        let [client, vendor] = &self.heard;
        let heard = match side {
            Side::Client => client,
            Side::Vendor => vendor,
        };
        heard.store(self.session.elapsed_ms(), Ordering::Relaxed);
    }

    fn sink(&self, side: Side) -> &Sink {
        match side {
            Side::Client => self.client,
            Side::Vendor => self.vendor,
        }
    }
}

impl Running {
    fn elapsed_ms(&self) -> u64 {
        let elapsed = clock::mono().saturating_duration_since(self.began);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A message of the kind that it was.
fn framed(is_text: bool, data: Bytes) -> Message {
    if !is_text {
        return Message::Binary(data);
    }
    match Utf8Bytes::try_from(data.clone()) {
        Ok(text) => Message::Text(text),
        // It was text when it came, and a name in JSON is text.
        Err(_) => Message::Binary(data),
    }
}
