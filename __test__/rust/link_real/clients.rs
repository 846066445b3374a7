//! Clients of a test's server, and what the tests say to it.

use std::time::Duration;

use hawser::conn::LinkOptions;
use hawser::resp::Reply;
use hawser::tokio_io::{Client, Endpoint, Policy};
use tokio::time::timeout;

use crate::support::{RedisServer, DEADLINE};

pub fn steady() -> Policy {
    Box::new(|_| Some(Duration::from_millis(20)))
}

/// Retries without a limit, because a restart takes time.
pub fn patient() -> LinkOptions {
    LinkOptions { max_retries_per_request: None, ..LinkOptions::default() }
}

pub fn tcp(server: &RedisServer) -> Endpoint {
    Endpoint::Tcp("127.0.0.1".to_owned(), server.port())
}

pub fn client_of(server: &RedisServer) -> Client {
    Client::start(tcp(server), patient(), steady())
}

pub fn client_with(server: &RedisServer, options: LinkOptions) -> Client {
    Client::start(tcp(server), options, steady())
}

pub async fn call(client: &Client, text: &str) -> Reply {
    client.call(&text.split(' ').collect::<Vec<_>>()).await.unwrap()
}

pub fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

pub fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

pub async fn close(client: &Client) {
    timeout(DEADLINE, client.close(Duration::from_secs(5))).await.expect("it closes");
}

/// Kills the connections of this name and returns when the server has none of them left.
pub async fn kill_connections_named(by: &Client, name: &str) {
    let list = call(by, "CLIENT LIST").await;
    let text = String::from_utf8_lossy(list.as_bytes().unwrap()).into_owned();
    let ids: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(&format!(" name={name} ")))
        .filter_map(|line| line.split(' ').next()?.strip_prefix("id="))
        .collect();
    assert!(!ids.is_empty(), "nobody is called {name}");
    for id in ids {
        call(by, &format!("CLIENT KILL ID {id}")).await;
    }
}

pub async fn connections(by: &Client) -> usize {
    let list = call(by, "CLIENT LIST").await;
    list.as_bytes().unwrap().split(|b| *b == b'\n').filter(|line| !line.is_empty()).count()
}
