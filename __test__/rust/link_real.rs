//! The link on tokio sockets against a real redis-server: what the state machine's own tests cannot show.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use hawser::conn::{LinkOptions, Resend, State};
use hawser::error::{Error, ErrorKind};
use hawser::resp::Reply;
use hawser::tokio_io::{Batch, Client, Endpoint, Policy};
use support::{until, RedisServer, DEADLINE};
use tokio::task::JoinSet;
use tokio::time::timeout;

fn steady() -> Policy {
    Box::new(|_| Some(Duration::from_millis(20)))
}

/// Retries for as long as a restart may take.
fn patient() -> LinkOptions {
    LinkOptions { max_retries_per_request: None, ..LinkOptions::default() }
}

fn tcp(server: &RedisServer) -> Endpoint {
    Endpoint::Tcp("127.0.0.1".to_owned(), server.port())
}

fn client_of(server: &RedisServer) -> Client {
    Client::start(tcp(server), patient(), steady())
}

fn client_with(server: &RedisServer, options: LinkOptions) -> Client {
    Client::start(tcp(server), options, steady())
}

async fn call(client: &Client, text: &str) -> Reply {
    client.call(&text.split(' ').collect::<Vec<_>>()).await.unwrap()
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

async fn close(client: &Client) {
    timeout(DEADLINE, client.close(Duration::from_secs(5))).await.expect("it closes");
}

#[tokio::test]
async fn commands_have_their_replies() {
    let server = RedisServer::start();
    let client = client_of(&server);
    assert_eq!(call(&client, "SET k v").await, ok());
    assert_eq!(call(&client, "GET k").await, bulk("v"));
    assert_eq!(call(&client, "GET missing").await, Reply::Null);
    assert_eq!(call(&client, "INCR n").await, Reply::Integer(1));
    assert_eq!(call(&client, "RPUSH l a b").await, Reply::Integer(2));
    assert_eq!(call(&client, "LRANGE l 0 -1").await, Reply::Array(vec![bulk("a"), bulk("b")]));
    assert_eq!(call(&client, "HSET h f 1").await, Reply::Integer(1));
    assert_eq!(call(&client, "HGETALL h").await, Reply::Map(vec![bulk("f"), bulk("1")]));
    assert!(call(&client, "INCR l").await.error().unwrap().starts_with(b"WRONGTYPE"), "an error of the server is a reply");
    let bytes: Vec<u8> = (0..=255).collect();
    client.call(&[&b"SET"[..], &bytes, &bytes]).await.unwrap();
    assert_eq!(client.call(&[&b"GET"[..], &bytes]).await.unwrap(), Reply::Bulk(bytes));
    close(&client).await;
}

#[tokio::test]
async fn resp2_is_spoken_where_it_is_asked_for() {
    let server = RedisServer::start();
    let client = client_with(&server, LinkOptions { protocol: 2, ..patient() });
    call(&client, "HSET h f 1").await;
    assert_eq!(call(&client, "HGETALL h").await, Reply::Array(vec![bulk("f"), bulk("1")]));
    close(&client).await;
}

#[tokio::test]
async fn a_unix_socket_is_as_good() {
    let server = RedisServer::start();
    let client = Client::start(Endpoint::Unix(server.socket()), patient(), steady());
    assert_eq!(call(&client, "SET k v").await, ok());
    assert_eq!(call(&client, "GET k").await, bulk("v"));
    close(&client).await;
}

#[tokio::test]
async fn a_pipeline_of_ten_thousand_keeps_its_order() {
    let server = RedisServer::start();
    let client = client_of(&server);
    let mut batch = Batch::new();
    for _ in 0..10_000 {
        batch.push(&["INCR", "n"]);
    }
    let replies: Vec<Reply> = client.send(batch).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(replies, (1..=10_000).map(Reply::Integer).collect::<Vec<_>>());
    close(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_get_what_is_theirs() {
    let server = RedisServer::start();
    let client = client_of(&server);
    let mut callers = JoinSet::new();
    for n in 0..1000 {
        let client = client.clone();
        callers.spawn(async move {
            for m in 0..10 {
                let value = format!("{n}:{m}");
                assert_eq!(call(&client, &format!("ECHO {value}")).await, bulk(&value));
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    close(&client).await;
}

#[tokio::test]
async fn sixty_four_megabytes_come_back_as_they_went() {
    let server = RedisServer::start();
    let client = client_of(&server);
    let value: Vec<u8> = (0..64 << 20).map(|n: u32| n.to_le_bytes()[(n % 3) as usize]).collect();
    let outcomes = client.send(Batch::new().with(&["SET", "small", "1"]).with(&[&b"SET"[..], b"large", &value])).await.unwrap();
    assert_eq!(outcomes, [Ok(ok()), Ok(ok())]);
    assert!(call(&client, "GET large").await == Reply::Bulk(value), "the same bytes");
    close(&client).await;
}

#[tokio::test]
async fn a_transaction_runs_as_one() {
    let server = RedisServer::start();
    let client = client_of(&server);
    let batch = Batch::new().with(&["MULTI"]).with(&["INCR", "n"]).with(&["GET", "n"]).with(&["EXEC"]).with(&["GET", "n"]);
    let replies: Vec<Reply> = client.send(batch).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(replies[3], Reply::Array(vec![Reply::Integer(1), bulk("1")]));
    assert_eq!(replies[4], bulk("1"));
    let aborted = Batch::new().with(&["MULTI"]).with(&["INCR"]).with(&["INCR", "n"]).with(&["EXEC"]);
    let replies: Vec<Reply> = client.send(aborted).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert!(replies[3].error().unwrap().starts_with(b"EXECABORT"));
    assert_eq!(call(&client, "GET n").await, bulk("1"));
    close(&client).await;
}

#[tokio::test]
async fn a_blocking_command_delays_nothing_that_was_answered_before_it() {
    let server = RedisServer::start();
    let (client, other) = (client_of(&server), client_of(&server));
    let blocked = tokio::spawn({
        let client = client.clone();
        async move { client.send(Batch::new().with(&["BLPOP", "q", "0"])).await }
    });
    until("it is blocked", async || call(&other, "INFO clients").await.as_bytes().unwrap().windows(17).any(|w| w == b"blocked_clients:1"))
        .await;
    let behind = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "ECHO behind").await }
    });
    assert_eq!(call(&other, "ECHO beside").await, bulk("beside"));
    call(&other, "RPUSH q x").await;
    assert_eq!(blocked.await.unwrap().unwrap(), [Ok(Reply::Array(vec![bulk("q"), bulk("x")]))]);
    assert_eq!(behind.await.unwrap(), bulk("behind"));
    close(&client).await;
    close(&other).await;
}

#[tokio::test]
async fn messages_arrive_beside_replies_and_after_a_reconnect() {
    for protocol in [3, 2] {
        let server = RedisServer::start();
        let subscriber = client_with(&server, LinkOptions { protocol, connection_name: Some("subscriber".into()), ..patient() });
        let publisher = client_of(&server);
        let mut messages = subscriber.messages();
        assert_eq!(call(&subscriber, "SUBSCRIBE a b").await, Reply::Integer(2));
        assert_eq!(call(&subscriber, "PSUBSCRIBE c*").await, Reply::Integer(3));
        if protocol == 3 {
            assert_eq!(call(&subscriber, "ECHO hi").await, bulk("hi"), "RESP3 takes commands while subscribed");
        } else {
            let refused = subscriber.call(&["ECHO", "hi"]).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::BadState);
        }
        for round in 0..2 {
            for (channel, payload) in [("b", "1"), ("cc", "2"), ("a", "3")] {
                until("somebody listens", async || call(&publisher, &format!("PUBLISH {channel} {payload}")).await == Reply::Integer(1))
                    .await;
                let message = timeout(DEADLINE, messages.recv()).await.unwrap().unwrap();
                assert_eq!((message.channel, message.payload), (channel.as_bytes().to_vec(), payload.as_bytes().to_vec()), "round {round}");
            }
            kill_connections_named(&publisher, "subscriber").await;
        }
        close(&subscriber).await;
        close(&publisher).await;
    }
}

/// Kills the connections of this name and returns when the server has none of them left.
async fn kill_connections_named(by: &Client, name: &str) {
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
async fn the_password_of_the_server_is_given_first() {
    let server = RedisServer::start_with(&["--requirepass", "secret"]);
    let right = client_with(&server, LinkOptions { password: Some("secret".into()), ..patient() });
    assert_eq!(call(&right, "SET k v").await, ok());
    close(&right).await;
    for (password, says) in [(Some("wrong"), "WRONGPASS"), (None, "NOAUTH")] {
        for protocol in [2, 3] {
            let options = LinkOptions { password: password.map(str::to_owned), protocol, ..patient() };
            let wrong = Client::start(tcp(&server), options, Box::new(|_| None));
            let error = wrong.call(&["GET", "k"]).await.unwrap_err();
            assert!(error.message().contains(says), "{error}");
            close(&wrong).await;
        }
    }
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

async fn connections(by: &Client) -> usize {
    let list = call(by, "CLIENT LIST").await;
    list.as_bytes().unwrap().split(|b| *b == b'\n').filter(|line| !line.is_empty()).count()
}

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
