//! Credentials that the driver brings: where AUTH is written, and what becomes of a refusal.

use std::time::Duration;

use super::super::{LinkOptions, Output, State};
use super::calls::{call, quiet, transaction};
use super::rig::Rig;

fn bringing() -> LinkOptions {
    LinkOptions { brings_credentials: true, ..quiet() }
}

fn bring(rig: &mut Rig, username: Option<&str>, password: &str) {
    rig.link.authenticate(username.map(str::to_owned), password.to_owned(), rig.now);
    rig.drain();
}

fn heard(rig: &mut Rig) -> Vec<String> {
    rig.read();
    std::mem::take(&mut rig.server.heard)
}

#[test]
fn the_next_handshake_has_them() {
    for (protocol, username, want) in
        [(3, Some("u"), "hello 3 AUTH u p1"), (3, None, "hello 3 AUTH default p1"), (2, Some("u"), "auth u p1")]
    {
        let mut rig = Rig::new(LinkOptions { protocol, ..bringing() });
        bring(&mut rig, username, "p1");
        rig.connect();
        rig.settle();
        assert_eq!(heard(&mut rig), [want]);
        assert_eq!(rig.link.state(), State::Ready);
    }
}

#[test]
fn they_count_until_others_come_also_for_a_second_connection() {
    let mut rig = Rig::ready_with(bringing());
    bring(&mut rig, None, "p1");
    rig.settle();
    rig.cut();
    heard(&mut rig);
    rig.settle();
    assert_eq!(heard(&mut rig), ["hello 3 AUTH default p1"]);
}

#[test]
fn a_ready_connection_takes_them_over_between_two_commands() {
    let mut rig = Rig::ready_with(bringing());
    heard(&mut rig);
    rig.server.eager = false;
    let first = rig.issue("incr a");
    bring(&mut rig, Some("u"), "p2");
    let second = rig.issue("incr b");
    assert_eq!(heard(&mut rig), ["incr a", "auth u p2", "incr b"]);
    assert_eq!((rig.outcome(first), rig.outcome(second), rig.connections), ("db0 incr a".to_owned(), "db0 incr b".to_owned(), 1));
    rig.finish();
}

#[test]
fn never_inside_a_transaction() {
    let mut rig = Rig::ready_with(bringing());
    heard(&mut rig);
    rig.submit(&[call("multi"), call("incr a")]);
    bring(&mut rig, None, "p2");
    bring(&mut rig, None, "p3");
    rig.submit(&[call("incr b")]);
    assert_eq!(heard(&mut rig), ["multi", "incr a", "incr b"]);
    rig.submit(&[call("exec"), call("incr c")]);
    assert_eq!(heard(&mut rig), ["exec", "auth p3", "incr c"], "once, with the latest");
    rig.submit(&transaction(&["set t0 1"]));
    assert_eq!(heard(&mut rig), ["multi", "set t0 1", "exec"]);
    rig.finish();
}

#[test]
fn a_transaction_that_the_server_refuses_to_open_does_not_hold_them_up() {
    let mut rig = Rig::ready_with(bringing());
    heard(&mut rig);
    rig.server.refusals.insert("multi".into(), ["ERR no".to_owned()].into());
    rig.server.eager = false;
    rig.submit(&[call("multi")]);
    bring(&mut rig, None, "p2");
    assert_eq!(heard(&mut rig), ["multi", "auth p2"]);
}

#[test]
fn what_comes_during_the_handshake_is_taken_over_once_it_is_done() {
    let mut rig = Rig::new(LinkOptions { ready_check: true, ..bringing() });
    rig.server.info = ["loading:1", "loading:0"].map(str::to_owned).into();
    bring(&mut rig, None, "p1");
    let id = rig.issue("get a");
    rig.connect();
    rig.read();
    bring(&mut rig, None, "p2");
    rig.settle();
    assert_eq!(heard(&mut rig), ["hello 3 AUTH default p1", "info", "info", "auth p2", "get a"]);
    assert_eq!(rig.outcome(id), "db0 get a");
}

#[test]
fn a_subscriber_takes_them_over_in_resp3_and_connects_again_in_resp2() {
    for (protocol, subscribed_first) in [(3, true), (2, true), (2, false)] {
        let mut rig = Rig::new(LinkOptions { protocol, ..bringing() });
        bring(&mut rig, None, "p1");
        rig.connect();
        rig.settle();
        heard(&mut rig);
        let id = rig.issue("subscribe a");
        if subscribed_first {
            rig.settle();
        }
        bring(&mut rig, None, "p2");
        rig.settle();
        let want: &[&str] = if protocol == 3 { &["subscribe a", "auth p2"] } else { &["subscribe a", "auth p2", "subscribe a"] };
        assert_eq!(heard(&mut rig), want);
        assert_eq!((rig.outcome(id).as_str(), rig.connections), ("count 1", if protocol == 3 { 1 } else { 2 }));
        if let Some(connection) = &mut rig.connection {
            connection.publish("a", "hi");
        }
        rig.read();
        assert_eq!(rig.messages(), [" a hi"]);
        assert_eq!(rig.count(|o| matches!(o, Output::Close { destroy: true })), 0);
    }
}

#[test]
fn a_refusal_of_new_ones_is_told_and_the_connection_stays() {
    let mut rig = Rig::ready_with(bringing());
    rig.server.handshake_errors = ["-WRONGPASS no".to_owned()].into();
    bring(&mut rig, None, "p2");
    let id = rig.issue("get a");
    rig.settle();
    assert_eq!(rig.events, [Output::CredentialsRefused { text: "WRONGPASS no".into() }]);
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("db0 get a", 1));
}

#[test]
fn commands_wait_while_others_may_be_brought() {
    for (refusals, want) in [(1, "db0 get a"), (3, "db0 get a"), (4, "-WRONGPASS no")] {
        let mut rig = Rig::new(bringing());
        rig.server.handshake_errors = vec!["-WRONGPASS no".to_owned(); refusals].into();
        bring(&mut rig, None, "p1");
        let id = rig.issue("get a");
        rig.connect();
        rig.pass(Duration::from_secs(10));
        assert_eq!((rig.outcome(id).as_str(), rig.failures().len()), (want, refusals), "{refusals}");
    }
}

#[test]
fn an_error_that_shows_the_arguments_is_cut() {
    let mut rig = Rig::new(LinkOptions { protocol: 2, password: Some("secret".into()), ..quiet() });
    rig.server.handshake_errors = ["-ERR unknown command 'auth', with args beginning with: 'secret' ".to_owned()].into();
    rig.retry = None;
    rig.connect();
    rig.settle();
    assert_eq!(rig.failures().iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["ERR unknown command 'auth'"]);
}
