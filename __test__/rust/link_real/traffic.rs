//! Commands and their replies, messages, transactions, large values.

use hawser::conn::LinkOptions;
use hawser::error::ErrorKind;
use hawser::resp::Reply;
use hawser::tokio_io::{Batch, Client, Endpoint};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clients::{bulk, call, client_of, client_with, close, kill_connections_named, ok, patient, steady, tcp};
use crate::support::{until, RedisServer, DEADLINE};

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
