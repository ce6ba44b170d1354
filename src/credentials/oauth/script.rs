//! A token service on loopback that answers as it is told and remembers what it was asked.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::credentials::fetcher::Fetcher;
use crate::task::Tasks;
use crate::upstream::client::Client;
use crate::upstream::trust::Trust;

pub(in crate::credentials) struct Script {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// It answers as long as this is kept.
    _tasks: Tasks,
}

pub(in crate::credentials) fn answer(status: u16, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

pub(in crate::credentials) fn fetcher() -> Fetcher {
    let client = Client::new(Duration::from_secs(1), Trust::load(None).unwrap());
    Fetcher::new(client, Tasks::new(Counter::default()))
}

impl Script {
    /// One answer for each connection, in order.
    pub(in crate::credentials) async fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let serve = async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = request(&mut stream).await;
                heard.lock().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let tasks = Tasks::new(Counter::default());
        tasks.spawn("script", serve);
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    pub(in crate::credentials) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(in crate::credentials) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

/// Head and body of a request, as they came.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        let Some((head, body)) = read.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        if count == 0 || body.len() >= length.map_or(0, |it| it.parse().unwrap()) {
            return read;
        }
    }
}
