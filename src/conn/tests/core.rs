//! What the core hears of its own commands and of the keys it tracks: one stream, in the order of the bytes.

use super::super::{CoreEvent, Output};
use super::calls::quiet;
use super::rig::Rig;
use crate::resp::Reply;

const INVALIDATE: &str = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";

fn push() -> CoreEvent {
    let keys = Reply::Array(vec![Reply::Bulk(b"a".to_vec())]);
    CoreEvent::Push(Reply::Push(vec![Reply::Bulk(b"invalidate".to_vec()), keys]))
}

fn reply(tag: u32, text: &str) -> CoreEvent {
    CoreEvent::Reply { tag, reply: Reply::Bulk(text.into()) }
}

#[test]
fn replies_pushes_and_losses_reach_the_core_in_the_order_of_the_bytes() {
    let bytes = format!("$3\r\nold\r\n{INVALIDATE}$3\r\nnew\r\n{INVALIDATE}");
    for piece in 1..=bytes.len() {
        let mut rig = Rig::ready_with(quiet());
        rig.server.frozen = true;
        rig.submit_core(&["get a", "get a"], 1);
        rig.submit_core(&["get b"], 2);
        rig.piece = piece;
        rig.connection.as_mut().unwrap().say(&bytes);
        rig.read();
        rig.cut();
        let expected = [reply(1, "old"), push(), reply(1, "new"), push(), CoreEvent::Lost { tag: 2, sent: true }];
        assert_eq!(rig.core_events, expected, "in pieces of {piece}");
    }
}

#[test]
fn losses_are_told_before_the_end_of_the_connection() {
    let mut rig = Rig::ready_with(quiet());
    rig.server.frozen = true;
    rig.submit_core(&["get a"], 1);
    rig.link.on_closed(rig.now);
    assert_eq!(rig.link.poll_output(), Some(Output::Core(CoreEvent::Lost { tag: 1, sent: true })));
    assert_eq!(rig.link.poll_output(), Some(Output::Closed { attempts: 1 }));
}

#[test]
fn a_push_between_a_callers_replies_takes_none_of_them_away() {
    let mut rig = Rig::ready_with(quiet());
    rig.server.frozen = true;
    let first = rig.issue("get a");
    rig.issue("get b");
    rig.connection.as_mut().unwrap().say(&format!("$1\r\nx\r\n{INVALIDATE}$1\r\ny\r\n"));
    rig.read();
    assert_eq!([rig.outcome(first), rig.outcome(first + 1)], ["x", "y"]);
    assert_eq!(rig.core_events, [push()]);
}
