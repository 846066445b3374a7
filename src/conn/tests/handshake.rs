//! What the server says to the first commands, and what the link makes of it.

use std::time::Duration;

use super::super::{LinkOptions, Output, State};
use super::calls::quiet;
use super::rig::Rig;
use crate::error::ErrorKind;

fn with_password() -> LinkOptions {
    LinkOptions { password: Some("secret".into()), ..quiet() }
}

fn checked() -> LinkOptions {
    LinkOptions { ready_check: true, ..quiet() }
}

/// Connects with one command waiting, lets the server answer HELLO or AUTH with `errors`, and returns what there is to see.
fn greeted(options: LinkOptions, resp3: bool, errors: &[&str]) -> (Rig, u32) {
    let mut rig = Rig::new(options);
    rig.server.resp3 = resp3;
    rig.server.handshake_errors = errors.iter().map(|e| (*e).to_owned()).collect();
    rig.retry = None;
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    (rig, id)
}

#[test]
fn hello_refused_goes_on_in_resp2_on_the_same_socket() {
    for error in ["-NOPROTO unsupported protocol version", "-ERR unknown command `HELLO`, with args beginning with: `3`,"] {
        let (rig, id) = greeted(LinkOptions { ready_check: true, db: 3, ..quiet() }, true, &[error]);
        assert_eq!((rig.link.protocol(), rig.connections, rig.outcome(id).as_str()), (2, 1, "db3 get a"), "{error}");
        assert_eq!(rig.server.heard, ["hello 3", "select 3", "info", "get a"], "{error}");
    }
}

#[test]
fn hello_refused_with_a_password_starts_over_with_auth() {
    let (rig, id) = greeted(LinkOptions { db: 3, ready_check: true, ..with_password() }, false, &[]);
    assert_eq!((rig.link.protocol(), rig.connections, rig.outcome(id).as_str()), (2, 1, "db3 get a"));
    let heard = ["hello 3 AUTH default secret", "select 3", "info", "auth secret", "select 3", "info", "get a"];
    assert_eq!(rig.server.heard, heard);
}

#[test]
fn ok_to_hello_and_info_is_enough() {
    let mut rig = Rig::new(checked());
    rig.server.handshake_errors = ["+OK".to_owned()].into();
    rig.server.info = ["+OK".to_owned()].into();
    rig.connect();
    let first = rig.issue("subscribe a");
    rig.settle();
    assert_eq!(rig.outcome(first), "count 1", "its pub/sub comes in band: it does not speak RESP3 after all");
    assert_eq!(rig.link.protocol(), 2);
    if let Some(connection) = &mut rig.connection {
        connection.publish("a", "hi");
    }
    rig.read();
    assert_eq!(rig.messages(), [" a hi"]);
}

#[test]
fn a_wrong_password_fails_what_waits_with_the_servers_words() {
    let error = "-WRONGPASS invalid username-password pair or user is disabled.";
    for (options, resp3) in [(with_password(), true), (LinkOptions { protocol: 2, ..with_password() }, true)] {
        let (rig, id) = greeted(options, resp3, &[error]);
        assert_eq!(rig.outcome(id), error);
        assert_eq!(rig.failures(), [(ErrorKind::Reply, error[1..].to_owned())]);
        assert_eq!(rig.count(|o| matches!(o, Output::Closed { attempts: 1 })), 1, "the policy is asked");
        assert_eq!(rig.count(|o| matches!(o, Output::Close { destroy: true })), 1);
        assert_eq!(rig.link.state(), State::Ended);
    }
}

#[test]
fn a_password_that_nobody_asked_for_is_a_warning() {
    for error in [
        "-ERR Client sent AUTH, but no password is set",
        "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        "-ERR wrong number of arguments for 'auth' command",
    ] {
        let (rig, id) = greeted(LinkOptions { protocol: 2, ..with_password() }, true, &[error]);
        assert_eq!(rig.count(|o| matches!(o, Output::Warning(_))), 1, "{error}");
        assert_eq!(rig.outcome(id), "db0 get a", "{error}");
    }
}

#[test]
fn a_fieldset_that_the_server_refuses_is_told_and_stops_nothing() {
    let fieldset = |parts: &[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect();
    let fieldsets = vec![fieldset(&["a", "f"]), fieldset(&["b", "f", "f"])];
    let mut rig = Rig::new(LinkOptions { fieldsets, ..quiet() });
    rig.server.refusals.insert("himport PREPARE b f f".to_owned(), ["ERR duplicate".to_owned()].into());
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!(rig.outcome(id), "db0 get a");
    assert_eq!(rig.server.heard, ["hello 3", "himport PREPARE a f", "himport PREPARE b f f", "get a"]);
    let at = |what: fn(&Output) -> bool| rig.events.iter().position(what);
    let refused = at(|o| matches!(o, Output::FieldsetRefused { index: 1, text } if text == "ERR duplicate"));
    assert!(refused.is_some() && refused < at(|o| *o == Output::Ready));
}

#[test]
fn a_loading_server_is_waited_for() {
    let mut rig = Rig::new(checked());
    rig.server.info = ["loading:1\r\nloading_eta_seconds:3", "loading:1\r\nloading_eta_seconds:600", "loading:0"].map(str::to_owned).into();
    let id = rig.issue("get a");
    rig.connect();
    rig.read();
    rig.pass(Duration::from_millis(2990));
    assert_eq!(rig.server.heard.len(), 2, "not before it said it would be done");
    rig.pass(Duration::from_millis(20));
    assert_eq!(rig.server.heard.len(), 3);
    rig.pass(Duration::from_millis(9_900));
    assert_eq!(rig.link.state(), State::Handshake);
    rig.pass(Duration::from_millis(100));
    assert_eq!((rig.link.state(), rig.outcome(id).as_str()), (State::Ready, "db0 get a"), "ten seconds are the most");
}

#[test]
fn a_cut_while_it_is_loading_ends_the_wait() {
    let mut rig = Rig::new(checked());
    rig.server.info = ["loading:1", "loading:0"].map(str::to_owned).into();
    rig.connect();
    rig.read();
    rig.cut();
    rig.pass(Duration::from_millis(60));
    assert_eq!(rig.link.state(), State::Ready);
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.server.heard.iter().filter(|c| *c == "info").count(), 2, "no INFO into the next connection");
}

#[test]
fn a_server_busy_with_a_script_is_waited_for() {
    let mut rig = Rig::new(checked());
    rig.server.info = ["-BUSY Redis is busy running a script.", "loading:0"].map(str::to_owned).into();
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("db0 get a", 1));
}

#[test]
fn too_many_clients_does_not_fail_what_waits() {
    let mut rig = Rig::new(quiet());
    rig.server.handshake_errors = ["-ERR max number of clients reached".to_owned()].into();
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("db0 get a", 2));
}

#[test]
fn info_without_permission_is_ready_with_a_warning() {
    let mut rig = Rig::new(checked());
    rig.server.info = ["-NOPERM this user has no permissions to run the 'info' command".to_owned()].into();
    rig.connect();
    rig.settle();
    assert_eq!(rig.link.state(), State::Ready);
    let warned =
        |o: &Output| matches!(o, Output::Warning(text) if text.starts_with("Skipping the ready check because INFO command fails: NOPERM"));
    assert_eq!(rig.count(warned), 1);
}

#[test]
fn info_refused_is_as_a_wrong_password() {
    let mut rig = Rig::new(checked());
    rig.server.info = ["-NOAUTH Authentication required.".to_owned()].into();
    rig.retry = None;
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.link.state()), ("-NOAUTH Authentication required.", State::Ended));
}

#[test]
fn a_database_out_of_range_is_told_and_no_more() {
    let mut rig = Rig::new(LinkOptions { db: 99, ..quiet() });
    rig.connect();
    rig.settle();
    assert_eq!(rig.link.state(), State::Ready);
    assert_eq!(rig.failures(), [(ErrorKind::Reply, "ERR DB index is out of range".to_owned())]);
}

#[test]
fn no_command_of_a_caller_goes_before_the_handshake_is_over() {
    let mut rig = Rig::new(LinkOptions { db: 1, ready_check: true, connection_name: Some("me".into()), ..quiet() });
    rig.issue("get a");
    rig.connect();
    rig.issue("get b");
    while rig.link.state() == State::Handshake {
        assert_eq!(rig.server.heard, ["hello 3", "select 1", "client setname me", "info"]);
        rig.deliver(1);
    }
    assert_eq!(rig.server.heard[4..], ["get a", "get b"]);
}

#[test]
fn a_handshake_without_commands_is_over_at_once() {
    let mut rig = Rig::new(LinkOptions { protocol: 2, ..quiet() });
    rig.connect();
    assert_eq!(rig.link.state(), State::Ready);
}

#[test]
fn a_driver_that_asks_for_it_sees_the_info_and_decides() {
    for (accepted, connections) in [(true, 1), (false, 2)] {
        let mut rig = Rig::new(LinkOptions { asks_driver: true, ..checked() });
        rig.server.info = ["role:slave".to_owned()].into();
        rig.connect();
        let id = rig.issue("get a");
        rig.settle();
        assert!(rig.events.contains(&Output::Check(b"role:slave".to_vec())), "{:?}", rig.events);
        assert_eq!(rig.link.state(), State::Handshake, "nothing is written before the driver has answered");
        rig.link.on_checked(accepted, rig.now);
        rig.drain();
        rig.settle();
        assert_eq!((rig.connections, rig.link.state() == State::Ready), (connections, accepted));
        if accepted {
            assert_eq!(rig.outcome(id), "db0 get a");
        }
    }
}

#[test]
fn an_answer_to_a_question_that_was_not_asked_makes_no_link_ready() {
    let mut rig = Rig::new(LinkOptions { asks_driver: true, ..checked() });
    rig.server.info = ["role:master".to_owned()].into();
    rig.link.on_checked(true, rig.now);
    rig.connect();
    rig.link.on_checked(true, rig.now);
    assert_eq!(rig.link.state(), State::Handshake, "the server has not been asked");
    rig.settle();
    assert_eq!(rig.link.state(), State::Handshake, "the driver has not answered");
    rig.link.on_checked(true, rig.now);
    rig.link.on_checked(false, rig.now);
    assert_eq!(rig.link.state(), State::Ready, "the first answer counts");
}

#[test]
fn options_that_changed_count_from_the_next_connection_on() {
    let mut rig = Rig::new(quiet());
    rig.link.configure(LinkOptions { db: 2, connection_name: Some("later".into()), ..quiet() });
    rig.connect();
    let first = rig.issue("get a");
    rig.settle();
    assert_eq!(rig.outcome(first), "db2 get a");
    rig.link.configure(LinkOptions { db: 3, ..quiet() });
    rig.link.disconnect(true, rig.now);
    rig.drain();
    rig.settle();
    let second = rig.issue("get a");
    rig.settle();
    assert_eq!(rig.outcome(second), "db2 get a", "callers stay where they are");
    assert_eq!(rig.server.heard, ["hello 3", "select 2", "client setname later", "get a", "hello 3", "select 3", "select 2", "get a"]);
}
