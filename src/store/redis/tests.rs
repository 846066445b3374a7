use std::time::Duration;

use super::*;
use crate::store::{Found, Held, Id, Inspected, Key, Op, ReadEntry, Value};

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn text(commands: &Commands) -> Vec<String> {
    commands.iter().map(|command| String::from_utf8_lossy(command).replace("\r\n", " ")).collect()
}

#[test]
fn a_batch_of_reads_is_one_command_and_ages_follow() {
    let mut store = RedisStore::new();
    let entries =
        vec![ReadEntry { key: key("a"), with_age: false, head_bytes: None }, ReadEntry { key: key("b"), with_age: true, head_bytes: None }];
    let commands = store.submit(Ticket(1), Op::Read { entries, versions: vec![key("v")] }.into());
    assert_eq!(text(&commands), ["*4 $4 MGET $1 a $1 b $1 v ", "*2 $4 PTTL $1 b "]);
    let values = Reply::Array(vec![Reply::Null, Reply::Bulk(b"x".to_vec()), Reply::Bulk(b"junk".to_vec())]);
    assert!(store.on_reply(values).done.is_none());
    let done = store.on_reply(Reply::Integer(5)).done.unwrap();
    let found = |value: Option<&[u8]>, pttl| Found { value: value.map(|value| Value::new(value.to_vec())).into(), pttl, is_head: false };
    let entries = vec![found(None, None), found(Some(b"x"), Some(5))];
    assert_eq!(done, (Ticket(1), Ok(StoreReply::Read { entries, versions: vec![None], atomic: true })));
    assert_eq!(store.outstanding(), 0);
}

#[test]
fn keys_of_several_slots_are_read_by_a_command_each() {
    let mut store = RedisStore::new();
    let entries =
        vec![ReadEntry { key: key("a"), with_age: false, head_bytes: None }, ReadEntry { key: key("b"), with_age: true, head_bytes: None }];
    let op = NodeOp { reads_apart: true, ..Op::Read { entries, versions: vec![key("v")] }.into() };
    let commands = store.submit(Ticket(1), op);
    assert_eq!(text(&commands), ["*2 $4 MGET $1 a ", "*2 $4 MGET $1 b ", "*2 $4 MGET $1 v ", "*2 $4 PTTL $1 b "]);
    store.on_reply(Reply::Array(vec![Reply::Null]));
    store.on_reply(Reply::Array(vec![Reply::Bulk(b"x".to_vec())]));
    store.on_reply(Reply::Array(vec![Reply::Bulk(b"junk".to_vec())]));
    let done = store.on_reply(Reply::Integer(5)).done.unwrap();
    let found = |value: Option<&[u8]>, pttl| Found { value: value.map(|value| Value::new(value.to_vec())).into(), pttl, is_head: false };
    let entries = vec![found(None, None), found(Some(b"x"), Some(5))];
    assert_eq!(done, (Ticket(1), Ok(StoreReply::Read { entries, versions: vec![None], atomic: true })));
}

#[test]
fn starts_of_entries_are_read_before_everything_else() {
    let entry = |name: &str, head_bytes| ReadEntry { key: key(name), with_age: name == "b", head_bytes };
    let entries = || vec![entry("a", None), entry("b", Some(4)), entry("c", Some(4)), entry("d", Some(4)), entry("e", Some(4))];
    let found = |value: &str, pttl, is_head| Found {
        value: Some(value).filter(|value| !value.is_empty()).map(|value| Value::new(value.as_bytes().to_vec())).into(),
        pttl,
        is_head,
    };
    let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
    // There may be more of it; all of it; nothing; a value of another type.
    let heads = || vec![bulk("long"), bulk("all"), bulk(""), Reply::Error(b"WRONGTYPE Operation against a key".to_vec())];
    let want = vec![
        found("whole", None, false),
        found("long", Some(5), true),
        found("all", None, false),
        found("", None, false),
        found("", None, false),
    ];
    let want = Ok(StoreReply::Read { entries: want, versions: vec![None], atomic: true });
    let mut store = RedisStore::new();
    let op = Op::Read { entries: entries(), versions: vec![key("v")] };
    let commands = store.submit(Ticket(1), op.clone().into());
    let ranges = ["b", "c", "d", "e"].map(|name| format!("*4 $8 GETRANGE $1 {name} $1 0 $1 3 "));
    assert_eq!(text(&commands)[..4], ranges);
    assert_eq!(text(&commands)[4..], ["*3 $4 MGET $1 a $1 v ", "*2 $4 PTTL $1 b "]);
    for reply in heads() {
        assert!(store.on_reply(reply).done.is_none());
    }
    store.on_reply(Reply::Array(vec![bulk("whole"), bulk("junk")]));
    assert_eq!(store.on_reply(Reply::Integer(5)).done, Some((Ticket(1), want.clone())));

    let commands = store.submit(Ticket(2), NodeOp { reads_apart: true, ..op.into() });
    assert_eq!(text(&commands)[0], "*2 $4 MGET $1 a ");
    assert_eq!(text(&commands)[1..5], ranges);
    assert_eq!(text(&commands)[5..], ["*2 $4 MGET $1 v ", "*2 $4 PTTL $1 b "]);
    store.on_reply(Reply::Array(vec![bulk("whole")]));
    for reply in heads() {
        assert!(store.on_reply(reply).done.is_none());
    }
    store.on_reply(Reply::Array(vec![bulk("junk")]));
    assert_eq!(store.on_reply(Reply::Integer(5)).done, Some((Ticket(2), want)));

    // Nothing but a start; and a refusal.
    let op = Op::Read { entries: vec![entry("c", Some(4))], versions: vec![] };
    assert_eq!(store.submit(Ticket(3), op.clone().into()).len(), 1);
    let want = StoreReply::Read { entries: vec![found("long", None, true)], versions: vec![], atomic: true };
    assert_eq!(store.on_reply(bulk("long")).done, Some((Ticket(3), Ok(want))));
    store.submit(Ticket(4), op.into());
    let refused = store.on_reply(Reply::Error(b"NOPERM this user has no permissions".to_vec())).done;
    assert_eq!(refused, Some((Ticket(4), Err(StoreError::Refused("NOPERM (GETRANGE)".to_owned())))));
}

#[test]
fn each_command_for_a_slot_that_a_node_takes_over_goes_behind_asking() {
    let mut store = RedisStore::new();
    let op = NodeOp { asks: true, ..Op::Delete { entries: vec![key("a")] }.into() };
    let commands = store.submit(Ticket(1), op);
    assert_eq!(text(&commands), ["*1 $6 ASKING ", "*4 $8 GETRANGE $1 a $1 0 $1 3 ", "*1 $6 ASKING ", "*2 $3 DEL $1 a "]);
    let ok = || Reply::Simple(b"OK".to_vec());
    store.on_reply(ok());
    store.on_reply(Reply::Bulk(b"hw2e".to_vec()));
    store.on_reply(ok());
    assert_eq!(store.on_reply(Reply::Integer(1)).done, Some((Ticket(1), Ok(StoreReply::Number(1)))));
    // It would refuse a command of two keys while it does not have both.
    let op = NodeOp { asks: true, ..Op::Invalidate { tags: vec![(key("v"), key("h"))] }.into() };
    let commands = text(&store.submit(Ticket(3), op)).join("");
    assert_eq!(commands.matches("ASKING").count(), 3);
    assert!(commands.contains("PFCOUNT $1 h ") && commands.contains("DEL $1 v *") && commands.ends_with("DEL $1 h "), "{commands}");
    for number in [7, 1, 1] {
        store.on_reply(ok());
        let step = store.on_reply(Reply::Integer(number));
        assert!(step.done.is_none_or(|done| done == (Ticket(3), Ok(StoreReply::Number(7)))));
    }
    let op = NodeOp { asks: true, ..Op::GiveBack { entry: key("a"), token: id(b't') }.into() };
    store.submit(Ticket(2), op);
    store.on_reply(ok());
    let again = store.on_reply(Reply::Error(b"NOSCRIPT".to_vec())).more.unwrap();
    assert!(text(&again)[0].contains("ASKING") && text(&again)[1].contains("EVAL "), "the text goes behind ASKING too");
    store.on_reply(ok());
    assert_eq!(store.on_reply(Reply::Integer(1)).done, Some((Ticket(2), Ok(StoreReply::Held(true)))));
}

#[test]
fn a_script_that_the_server_does_not_know_is_sent_in_full_with_the_same_random() {
    let mut store = RedisStore::new();
    let items = vec![(key("v1"), id(b'a')), (key("v2"), id(b'b'))];
    let need = Duration::from_secs(60);
    store.submit(Ticket(1), Op::Ensure { items, need }.into());
    store.submit(Ticket(2), Op::Identify.into());
    assert!(store.on_reply(Reply::Bulk([b'x'; Id::LEN].to_vec())).more.is_none());
    let replied = store.on_reply(Reply::Error(b"NOSCRIPT No matching script.".to_vec()));
    assert!(replied.done.is_none());
    let again = text(&replied.more.unwrap());
    assert_eq!(again.len(), 1, "only the one that was refused");
    assert!(again[0].contains("EVAL ") && again[0].contains("bbbbbbbbbbbb") && !again[0].contains("aaaaaaaa"));
    let identity = store.on_reply(Reply::Bulk(b"# Replication\r\nrole:slave\r\nmaster_replid:\r\n".to_vec()));
    assert_eq!(identity.done, Some((Ticket(2), Ok(StoreReply::Identity { id: crate::store::ReplicationId::EMPTY, is_master: false }))));
    let done = store.on_reply(Reply::Bulk([b'b'; Id::LEN].to_vec())).done;
    assert_eq!(done, Some((Ticket(1), Ok(StoreReply::Ensured(vec![id(b'x'), id(b'b')])))));
}

#[test]
fn invalidating_a_tag_takes_two_commands_however_many_entries_carry_it() {
    let mut store = RedisStore::new();
    let commands = store.submit(Ticket(1), Op::Invalidate { tags: vec![(key("v"), key("h"))] }.into());
    assert_eq!(text(&commands), ["*2 $7 PFCOUNT $1 h ", "*3 $3 DEL $1 v $1 h "]);
    store.on_reply(Reply::Error(b"WRONGTYPE Operation against a key".to_vec()));
    assert_eq!(store.on_reply(Reply::Integer(2)).done, Some((Ticket(1), Ok(StoreReply::Number(0)))));
}

#[test]
fn refusals_and_losses_are_told_apart() {
    let mut store = RedisStore::new();
    let set = || Op::Set { entry: key("e"), value: Value::new(vec![]), life: Duration::ZERO };
    assert_eq!(text(&store.submit(Ticket(1), set().into())), ["*5 $3 SET $1 e $0  $2 PX $1 1 "]);
    let refused = store.on_reply(Reply::Error(b"OOM command not allowed".to_vec())).done.unwrap().1.unwrap_err();
    assert!(!refused.is_passing() && !refused.is_maybe_executed());
    store.submit(Ticket(2), set().into());
    assert_eq!(store.on_lost(true).done, Some((Ticket(2), Err(StoreError::Cut { maybe_executed: true }))));
    store.submit(Ticket(3), set().into());
    assert_eq!(store.on_lost(false).done, Some((Ticket(3), Err(StoreError::NotSent))));
    store.submit(Ticket(4), Op::Delete { entries: vec![key("e")] }.into());
    store.on_reply(Reply::Bulk(vec![]));
    assert_eq!(store.on_lost(false).done, Some((Ticket(4), Err(StoreError::Cut { maybe_executed: true }))), "half of it ran");
    store.submit(Ticket(5), set().into());
    store.submit(Ticket(6), set().into());
    assert_eq!(store.on_cut(true).len(), 2);
    assert_eq!(store.outstanding(), 0);
}

#[test]
fn answers_that_make_no_sense_are_an_error_and_no_panic() {
    let ops = [
        Op::Identify,
        Op::Read { entries: vec![ReadEntry { key: key("e"), with_age: true, head_bytes: None }], versions: vec![key("v")] },
        Op::ReadVersions { versions: vec![key("v")] },
        Op::Ensure { items: vec![(key("v"), id(b'a'))], need: Duration::ZERO },
        Op::Place { entry: key("e"), expected: None, lease: vec![], life: Duration::ZERO, tail: Duration::ZERO },
        Op::PlaceInside { entry: key("e"), stamp: id(b's'), token: id(b't'), tags: vec![], life: Duration::ZERO },
        Op::GiveBack { entry: key("e"), token: id(b't') },
        Op::Scan { cursor: b"0".to_vec(), pattern: b"*".to_vec() },
        Op::Unlink { keys: vec![key("e")] },
        Op::Invalidate { tags: vec![(key("v"), key("h"))] },
    ];
    let nonsense = [
        Reply::Null,
        Reply::Integer(7),
        Reply::Bulk(b"x".to_vec()),
        Reply::Array(vec![]),
        Reply::Array(vec![Reply::Integer(2)]),
        Reply::Array(vec![Reply::Integer(0)]),
        Reply::Array(vec![Reply::Null, Reply::Null]),
        Reply::Map(vec![]),
    ];
    for op in &ops {
        for reply in &nonsense {
            let mut store = RedisStore::new();
            let count = store.submit(Ticket(1), op.clone().into()).len();
            let mut done = None;
            for _ in 0..count {
                done = store.on_reply(reply.clone()).done;
            }
            assert!(done.is_some(), "{op:?} to {reply:?}");
        }
    }
    assert!(RedisStore::new().on_reply(Reply::Null).done.is_none(), "a reply to nothing");
}

#[test]
fn an_inspection_reads_between_two_words_about_touching_and_takes_no_refusal_of_them_amiss() {
    let ask = |store: &mut RedisStore, head_bytes| {
        text(&store.submit(Ticket(1), Op::Inspect { keys: vec![key("a"), key("b")], head_bytes }.into()))
    };
    let (on, off) = ("*3 $6 CLIENT $8 NO-TOUCH $2 ON ", "*3 $6 CLIENT $8 NO-TOUCH $3 OFF ");
    let mut store = RedisStore::new();
    let of = |key: &str| ["STRLEN", "PTTL"].map(|verb| format!("*2 ${} {verb} $1 {key} ", verb.len()));
    let [head_a, head_b] = ["a", "b"].map(|key| format!("*4 $8 GETRANGE $1 {key} $1 0 $1 9 "));
    let commands =
        [vec![on.to_owned(), "*1 $4 TIME ".to_owned(), head_a], of("a").to_vec(), vec![head_b], of("b").to_vec(), vec![off.to_owned()]]
            .concat();
    assert_eq!(ask(&mut store, Some(10)), commands);
    let refused = || Reply::Error(b"ERR unknown subcommand".to_vec());
    let wrong = || Reply::Error(b"WRONGTYPE Operation against a key holding the wrong kind of value".to_vec());
    let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
    let replies =
        [refused(), refused(), bulk("text"), Reply::Integer(40), Reply::Integer(7), wrong(), wrong(), Reply::Integer(-1), refused()];
    let done = replies.into_iter().find_map(|reply| store.on_reply(reply).done).unwrap();
    let first = Inspected { held: Held::Text(Value::new(b"text".to_vec())), size: Some(40), pttl: 7, ..Inspected::default() };
    let second = Inspected { held: Held::Other, pttl: -1, ..Inspected::default() };
    assert_eq!(done.1, Ok(StoreReply::Inspected(vec![first, second])));

    assert_eq!(ask(&mut store, None)[2], "*2 $3 GET $1 a ");
    let time = Reply::Array(vec![bulk("12"), bulk("345678")]);
    let nothing = || [Reply::Null, Reply::Integer(0), Reply::Integer(-2)];
    let replies = [Reply::Null, time].into_iter().chain(nothing()).chain(nothing()).chain([Reply::Null]);
    let done = replies.into_iter().find_map(|reply| store.on_reply(reply).done).unwrap();
    let none = Inspected { at: Some(12_345), ..Inspected::default() };
    assert_eq!(done.1, Ok(StoreReply::Inspected(vec![none.clone(), none])));

    ask(&mut store, None);
    let denied = Reply::Error(b"NOPERM this user has no permissions".to_vec());
    let replies = [Reply::Null, Reply::Null, denied].into_iter().chain(std::iter::repeat_with(|| Reply::Integer(-2)).take(6));
    let done = replies.into_iter().find_map(|reply| store.on_reply(reply).done).unwrap();
    assert_eq!(done.1, Err(StoreError::Refused("NOPERM (GET)".to_owned())));
}

#[test]
fn the_first_count_of_a_connection_has_its_script_with_it() {
    let mut store = RedisStore::new();
    let count = || Op::Count { items: vec![(key("v1"), key("h1"), id(b'a')), (key("v2"), key("h2"), id(b'b'))], member: key("k") };
    let sent = |store: &mut RedisStore| text(&store.submit(Ticket(1), count().into()));
    let first = sent(&mut store);
    assert!(first[0].contains("$4 EVAL ") && first[1].contains("$7 EVALSHA "), "an invalidation that follows finds it: {first:?}");
    assert!(sent(&mut store).iter().all(|command| command.contains("EVALSHA")));
    store.on_cut(true);
    assert!(sent(&mut store)[0].contains("$4 EVAL "), "another server may not know it");
}
