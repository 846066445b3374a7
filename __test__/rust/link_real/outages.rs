//! Connections that are killed, servers that die, freeze, or are not there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use hawser::conn::{LinkOptions, Resend, State};
use hawser::error::ErrorKind;
use hawser::resp::Reply;
use hawser::tokio_io::{Batch, Client};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clients::{bulk, call, client_of, client_with, close, kill_connections_named, ok, patient, tcp};
use crate::support::{until, RedisServer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_in_mid_traffic_lose_nothing_that_may_be_sent_twice() {
    let server = RedisServer::start();
    let options = LinkOptions { resend: Resend::Idempotent, connection_name: Some("victim".into()), db: 3, ..patient() };
    let client = client_with(&server, options);
    let killer = client_of(&server);
    call(&client, "PING").await;
    let mut writers = JoinSet::new();
    for n in 0..20 {
        let client = client.clone();
        writers.spawn(async move {
            for m in 0..200 {
                assert_eq!(call(&client, &format!("SET k{n} {m}")).await, ok());
                assert_eq!(call(&client, &format!("GET k{n}")).await, bulk(&m.to_string()));
            }
        });
    }
    for _ in 0..10 {
        until("it is connected", async || client.state() == State::Ready).await;
        let ready = call(&client, "PING").await;
        assert_eq!(ready, Reply::Simple(b"PONG".to_vec()));
        kill_connections_named(&killer, "victim").await;
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    assert_eq!(call(&killer, "DBSIZE").await, Reply::Integer(0), "the database was restored each time");
    close(&client).await;
    close(&killer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_restarted_counts_no_more_than_was_answered_or_left_open() {
    const COUNTERS: usize = 8;
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let client = client_with(&server, LinkOptions { resend: Resend::Idempotent, ..patient() });
    let tallies: Arc<Vec<[AtomicU64; 2]>> = Arc::new((0..COUNTERS).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect());
    let rounds = Arc::new(AtomicU64::new(0));
    let mut counting = JoinSet::new();
    for n in 0..COUNTERS {
        let (client, tallies, rounds) = (client.clone(), Arc::clone(&tallies), Arc::clone(&rounds));
        counting.spawn(async move {
            while rounds.load(Ordering::Relaxed) < 3 {
                let batch = Batch::new().with(&["INCR", &format!("n{n}")]).with(&["INCR", &format!("n{n}")]);
                for outcome in client.send(batch).await.unwrap() {
                    match outcome {
                        Ok(Reply::Integer(_)) => tallies[n][0].fetch_add(1, Ordering::Relaxed),
                        Ok(other) => panic!("{other:?}"),
                        Err(error) if error.is_maybe_executed() => tallies[n][1].fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error}: what was not sent waits"),
                    };
                }
            }
        });
    }
    let total = || tallies.iter().map(|t| t[0].load(Ordering::Relaxed)).sum::<u64>();
    for _ in 0..3 {
        let before = total();
        until("traffic", async || total() > before + 200).await;
        tokio::task::block_in_place(|| {
            server.kill();
            server.restart();
        });
        let before = total();
        until("traffic after the restart", async || total() > before + 50).await;
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    while let Some(counter) = counting.join_next().await {
        counter.unwrap();
    }
    for (n, tally) in tallies.iter().enumerate() {
        let Reply::Bulk(digits) = call(&client, &format!("GET n{n}")).await else { panic!("no counter") };
        let counted: u64 = String::from_utf8(digits).unwrap().parse().unwrap();
        let (answered, open) = (tally[0].load(Ordering::Relaxed), tally[1].load(Ordering::Relaxed));
        assert!(counted >= answered, "{counted} counted, {answered} answered: one was lost");
        assert!(counted <= answered + open, "{counted} counted, {answered} answered and {open} open: one ran twice");
    }
    assert!(tallies.iter().any(|t| t[1].load(Ordering::Relaxed) > 0), "the kills met traffic");
    close(&client).await;
}

#[tokio::test]
async fn a_frozen_server_is_waited_for_and_callers_are_not() {
    let server = RedisServer::start();
    let options = LinkOptions { watchdog: Duration::from_millis(100), ..patient() };
    let client = client_with(&server, options.clone());
    let hasty = client_with(&server, LinkOptions { command_timeout: Some(Duration::from_millis(200)), ..options });
    call(&client, "SET k v").await;
    call(&hasty, "PING").await;
    let id = call(&client, "CLIENT ID").await;
    server.freeze();
    let patient = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "GET k").await }
    });
    let error = hasty.call(&["GET", "k"]).await.unwrap_err();
    assert_eq!((error.kind(), error.is_maybe_executed()), (ErrorKind::Timeout, true));
    assert!(error.message().contains("GET") && error.message().contains(&server.port().to_string()), "{error}");
    // Long enough for probes: each takes a second to find the node silent.
    let probed = timeout(Duration::from_millis(2500), patient);
    assert!(probed.await.is_err(), "nothing is answered meanwhile");
    server.thaw();
    until("it answers", async || hasty.call(&["GET", "k"]).await == Ok(bulk("v"))).await;
    assert_eq!(call(&client, "CLIENT ID").await, id, "on the same connection");
    close(&client).await;
    close(&hasty).await;
}

#[tokio::test]
async fn a_client_waits_for_a_server_that_is_not_there_yet() {
    let mut server = RedisServer::start();
    server.kill();
    let client = client_of(&server);
    let early = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "SET k v").await }
    });
    until("it has tried", async || matches!(client.state(), State::Closed | State::Connecting)).await;
    server.restart();
    assert_eq!(early.await.unwrap(), ok());
    close(&client).await;
}

#[tokio::test]
async fn a_policy_that_gives_up_rejects_what_waits() {
    let mut server = RedisServer::start();
    server.kill();
    let client = Client::start(tcp(&server), patient(), Box::new(|attempts| (attempts < 3).then_some(Duration::from_millis(1))));
    let error = client.call(&["GET", "k"]).await.unwrap_err();
    assert_eq!((error.kind(), error.is_maybe_executed()), (ErrorKind::ConnectionClosed, false));
    assert_eq!(client.call(&["GET", "k"]).await.map_err(|e| e.kind()), Err(ErrorKind::ConnectionClosed));
    close(&client).await;
}
