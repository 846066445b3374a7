//! Subscriptions: confirmations are counted, messages never taken for replies, and what was subscribed comes back.

use super::super::{LinkOptions, Output};
use super::calls::{call, quiet};
use super::rig::Rig;
use super::server::Connection;

fn resp2() -> LinkOptions {
    LinkOptions { protocol: 2, ..quiet() }
}

fn say(rig: &mut Rig, speak: impl FnOnce(&mut Connection)) {
    if let Some(connection) = &mut rig.connection {
        speak(connection);
    }
    rig.settle();
}

#[test]
fn a_subscription_to_several_channels_has_one_outcome() {
    for options in [quiet(), resp2()] {
        let mut rig = Rig::ready_with(options);
        rig.submit(&["subscribe a b a", "psubscribe p*", "unsubscribe", "unsubscribe", "punsubscribe nothing", "ping"].map(call));
        rig.settle();
        let outcomes: Vec<String> = (0..5).map(|id| rig.outcome(id)).collect();
        assert_eq!(outcomes, ["count 2", "count 3", "count 1", "count 1", "count 1"]);
        assert_ne!(rig.outcome(5), "pending", "nothing was taken for its reply, and nothing took it");
        rig.finish();
    }
}

#[test]
fn messages_between_replies_cross_nothing() {
    let mut rig = Rig::ready();
    rig.issue("subscribe a");
    rig.issue("psubscribe a*");
    rig.settle();
    let id = rig.submit(&["lrange l", "mget a b"].map(call));
    say(&mut rig, |c| c.publish("a", "1"));
    let next = rig.issue("get c");
    rig.settle();
    assert_eq!(rig.messages(), [" a 1", "a* a 1"]);
    let outcomes = [id, id + 1, next].map(|id| rig.outcome(id));
    assert_eq!(outcomes, ["db0 lrange l", "db0 mget a b|db0 mget a b", "db0 get c"]);
}

#[test]
fn an_array_that_looks_like_a_message_is_a_reply_in_resp3() {
    let mut rig = Rig::ready();
    rig.issue("subscribe a");
    rig.settle();
    rig.server.frozen = true;
    let id = rig.issue("lrange l");
    say(&mut rig, |c| c.say("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"));
    assert_eq!((rig.outcome(id).as_str(), rig.messages().len()), ("message|a|b", 0));
}

#[test]
fn an_attribute_before_a_push_does_not_make_it_a_reply() {
    let mut rig = Rig::ready();
    rig.issue("subscribe a");
    rig.settle();
    rig.server.frozen = true;
    let id = rig.issue("get b");
    say(&mut rig, |c| c.say("|1\r\n+k\r\n*1\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n|1\r\n+k\r\n+v\r\n-ERR late\r\n"));
    assert_eq!((rig.messages(), rig.outcome(id).as_str()), (vec![" a m".to_owned()], "-ERR late"));
}

#[test]
fn a_subscriber_of_resp2_takes_only_its_commands() {
    let mut rig = Rig::ready_with(resp2());
    rig.issue("subscribe a");
    rig.settle();
    let get = rig.issue("get a");
    rig.submit_core(&["get core"], 3);
    let ping = rig.submit(&["ping", "psubscribe p*", "unsubscribe", "punsubscribe", "get b"].map(call));
    rig.settle();
    assert_eq!(rig.outcome(get), "E_BAD_STATE");
    assert_eq!(rig.core_lost(), [(3, false)]);
    assert_eq!((rig.outcome(ping).as_str(), rig.outcome(ping + 4).as_str()), ("pong|", "E_BAD_STATE"), "judged when it was issued");
    let free = rig.issue("get c");
    rig.settle();
    assert_eq!(rig.outcome(free), "db0 get c");
}

#[test]
fn a_subscriber_of_resp2_is_one_before_its_channels_are_confirmed_again() {
    let mut rig = Rig::ready_with(resp2());
    rig.issue("subscribe a");
    rig.settle();
    rig.cut();
    let offline = rig.issue("get a");
    rig.settle();
    assert_eq!(rig.outcome(offline), "E_BAD_STATE");
    say(&mut rig, |c| c.publish("a", "1"));
    assert_eq!(rig.messages(), [" a 1"]);
}

#[test]
fn a_refused_subscription_is_an_ordinary_error() {
    for options in [quiet(), resp2()] {
        let mut rig = Rig::ready_with(options);
        rig.server.refusals.insert("subscribe a".into(), ["NOPERM no".to_owned()].into());
        rig.submit(&["subscribe a", "get b"].map(call));
        rig.settle();
        assert_eq!((rig.outcome(0).as_str(), rig.outcome(1).as_str()), ("-NOPERM no", "db0 get b"));
        assert_eq!(rig.link.subscriptions.total(), 0);
    }
}

#[test]
fn a_subscription_that_cannot_be_restored_is_told_and_crosses_nothing() {
    for options in [quiet(), resp2()] {
        let mut rig = Rig::ready_with(options);
        rig.submit(&["subscribe a b", "psubscribe p*"].map(call));
        rig.settle();
        rig.server.refusals.insert("subscribe a b".into(), ["NOPERM no".to_owned()].into());
        rig.cut();
        let id = rig.submit(&["unsubscribe", "subscribe c"].map(call));
        rig.settle();
        assert_eq!(rig.count(|o| matches!(o, Output::Warning(_))), 1);
        assert_eq!((rig.outcome(id).as_str(), rig.outcome(id + 1).as_str()), ("count 1", "count 2"));
        assert_eq!(rig.link.subscriptions.total(), 2);
    }
}

#[test]
fn a_shard_channel_that_moved_is_told() {
    let mut rig = Rig::ready();
    rig.submit(&["ssubscribe s t", "get a"].map(call));
    rig.settle();
    let id = rig.issue("sunsubscribe t");
    rig.server.frozen = true;
    let other = rig.issue("sunsubscribe u");
    say(&mut rig, |c| c.move_slot("s"));
    rig.server.frozen = false;
    rig.settle();
    say(&mut rig, |c| c.answer(usize::MAX, &mut crate::conn::tests::server::Server::default()));
    assert_eq!(rig.count(|o| matches!(o, Output::Moved(c) if c == b"s")), 1, "also while another is being unsubscribed");
    assert_eq!((rig.outcome(id).starts_with("count"), rig.outcome(other).starts_with("count")), (true, true));
    assert_eq!(rig.link.subscriptions.total(), 0);
}

#[test]
fn a_shard_channel_that_moved_meanwhile_is_told_instead_of_restored() {
    let mut rig = Rig::ready();
    rig.issue("ssubscribe s");
    rig.settle();
    rig.server.refusals.insert("ssubscribe s".into(), ["MOVED 1 other:6379".to_owned()].into());
    rig.cut();
    rig.settle();
    assert_eq!(rig.count(|o| matches!(o, Output::Moved(c) if c == b"s")), 1);
}

#[test]
fn without_resubscription_a_cut_forgets() {
    let mut rig = Rig::ready_with(LinkOptions { auto_resubscribe: false, ..quiet() });
    rig.issue("subscribe a");
    rig.settle();
    rig.cut();
    rig.settle();
    assert_eq!(rig.link.subscriptions.total(), 0);
    assert_eq!(rig.server.heard.iter().filter(|c| c.starts_with("subscribe")).count(), 1);
}

#[test]
fn a_subscription_issued_offline_is_made_once() {
    let mut rig = Rig::new(quiet());
    rig.issue("subscribe a");
    rig.connect();
    rig.settle();
    assert_eq!(rig.server.heard, ["hello 3", "subscribe a"]);
    assert_eq!(rig.outcome(0), "count 1");
}

#[test]
fn monitor_turns_replies_into_lines() {
    let mut rig = Rig::ready();
    let id = rig.issue("monitor");
    rig.settle();
    say(&mut rig, |c| c.say("+1339518083.107412 [0 127.0.0.1:60866] \"get\" \"a\"\r\n"));
    assert_eq!(rig.outcome(id), "OK");
    assert_eq!(rig.count(|o| matches!(o, Output::Monitor(line) if line.starts_with(b"1339518083"))), 1);
    let refused = rig.issue("get a");
    rig.submit_core(&["get core"], 3);
    assert_eq!(rig.outcome(refused), "E_BAD_STATE");
    let quit = rig.issue("quit");
    rig.settle();
    assert_eq!(rig.outcome(quit), "OK");
    rig.check_ended();
}
