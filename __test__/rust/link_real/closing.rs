//! The end of a client: by `close`, and with its last handle.

use std::time::Duration;

use hawser::error::{Error, ErrorKind};
use hawser::resp::Reply;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clients::{call, client_of, close, connections, ok};
use crate::support::{until, RedisServer, DEADLINE};

#[tokio::test]
async fn close_drains_once_and_rejects_what_comes_after() {
    let server = RedisServer::start();
    let (client, other) = (client_of(&server), client_of(&server));
    let mut calls = JoinSet::new();
    for n in 0..500 {
        let client = client.clone();
        calls.spawn(async move { client.call(&["SET", &format!("k{n}"), "v"]).await });
    }
    until("some are on their way", async || call(&other, "DBSIZE").await != Reply::Integer(0)).await;
    let clone = client.clone();
    tokio::join!(close(&client), close(&clone));
    let mut answered = 0;
    while let Some(outcome) = calls.join_next().await {
        match outcome.unwrap() {
            Ok(reply) => {
                assert_eq!(reply, ok());
                answered += 1;
            }
            Err(error) => assert!(!error.is_maybe_executed(), "what was sent was drained: {error}"),
        }
    }
    assert_eq!(call(&other, "DBSIZE").await, Reply::Integer(answered));
    assert_eq!(client.call(&["PING"]).await.map_err(|e: Error| e.kind()), Err(ErrorKind::ConnectionClosed));
    close(&client).await;
    until("the connection is gone", async || connections(&other).await == 1).await;
    close(&other).await;
}

#[tokio::test]
async fn close_waits_no_longer_than_it_was_told() {
    let server = RedisServer::start();
    let client = client_of(&server);
    call(&client, "PING").await;
    server.freeze();
    let stuck = tokio::spawn({
        let client = client.clone();
        async move { client.call(&["INCR", "n"]).await }
    });
    timeout(DEADLINE, client.close(Duration::from_millis(300))).await.expect("it closes");
    let error = stuck.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionClosed);
    server.thaw();
}

#[tokio::test]
async fn the_last_handle_takes_the_connection_with_it() {
    let server = RedisServer::start();
    let other = client_of(&server);
    for _ in 0..50 {
        let client = client_of(&server);
        call(&client, "PING").await;
        drop(client);
    }
    until("all are gone", async || connections(&other).await == 1).await;
    close(&other).await;
}
