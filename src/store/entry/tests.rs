use std::time::Duration;

use super::*;
use crate::store::ReplicationId;

const TAIL: Duration = Duration::from_secs(60);

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

/// The version of a repository, and those of tags.
fn tags(names: &[&[u8]]) -> Vec<(Tag, Id)> {
    std::iter::once((Tag::from(REPOSITORY), id(b'r'))).chain(names.iter().map(|name| (Tag::from(*name), id(b'v')))).collect()
}

fn sample(names: &[&[u8]]) -> Vec<u8> {
    let header = Header {
        stamp: id(b's'),
        ttl: Duration::from_secs(60),
        fresh: Duration::from_millis(1500),
        keep: Duration::ZERO,
        tags: &tags(names),
        added: 0,
        form: Form::TEXT,
    };
    encode(&header, b"{\"a\":1}").0
}

#[test]
fn an_entry_is_readable_text() {
    assert_eq!(
        String::from_utf8(sample(&[b"user:1", b"x"])).unwrap(),
        "hw2e ssssssssssss -------- 000000 60000/1500 - 2!rrrrrrrrrrrr6:user:1vvvvvvvvvvvv1:xvvvvvvvvvvvv\n{\"a\":1}"
    );
    assert_eq!(
        String::from_utf8(encode_lease(id(b't'), TAIL, &tags(&[b"x"]))).unwrap(),
        "hw2l tttttttttttt -------- 000000000060000 1!rrrrrrrrrrrr1:xvvvvvvvvvvvv\n"
    );
}

#[test]
fn what_is_encoded_is_parsed_whatever_the_names_hold() {
    let names: &[&[u8]] = &[b"a b", b"\n", b"1:x vvvv", b"\0", "\u{1f600}".as_bytes(), b"{}", &[0xff; 1024]];
    let value = sample(names);
    let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
    assert_eq!((entry.stamp, entry.replication_id, entry.lease.is_none()), (id(b's'), ReplicationId::EMPTY, true));
    assert_eq!(entry.life(), Duration::from_secs(60));
    assert_eq!(entry.fresh, Duration::from_millis(1500));
    assert_eq!(entry.tags.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
    assert_eq!(&value[entry.payload..], b"{\"a\":1}");
    assert!(entry.tags.has(b"{}") && !entry.tags.has(b"{"));
    let any_order: &[&[u8]] = &[b"{}", b"\n", b"{}", b"a b"];
    assert!(entry.tags.cover(names) && entry.tags.cover(any_order) && entry.tags.cover::<&[u8]>(&[]));
    assert!(!entry.tags.cover(&[&b"a b"[..], b"{"]) && !entry.tags.cover(&[&b"a b"[..], b"\n", b"b"]));
    let lease = encode_lease(id(b't'), TAIL, &tags(names));
    let Some(Stored::Lease(lease)) = parse(&lease) else { panic!("a lease") };
    assert_eq!((lease.token, lease.tags.len()), (id(b't'), names.len()));
}

#[test]
fn a_header_says_what_its_payload_is() {
    for (content, word) in [(Content::Text, "-"), (Content::Buffer, "b"), (Content::Uint8Array, "u")] {
        let header = Header { stamp: id(b's'), ttl: TAIL, fresh: TAIL, keep: TAIL, tags: &[], added: 0, form: Form::plain(content) };
        let (value, from) = encode(&header, b"\n\xff\0 - 0\n");
        assert_eq!(value[..from], *format!("hw2e ssssssssssss -------- 000000 60000+60000 {word} 0\n").as_bytes());
        let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
        assert_eq!((entry.form.content, entry.payload), (content, from));
    }
    for unknown in ["", "x", "bb", "-b", "B", &"b".repeat(100)] {
        let value = format!("hw2e ssssssssssss -------- 000000 60000+60000 {unknown} 0\n1");
        assert_eq!(parse(value.as_bytes()), None, "{unknown}");
        assert_eq!(name(value.as_bytes()), Some(id(b's')), "it can be replaced");
    }
}

#[test]
fn an_inner_lease_is_parsed() {
    let mut value = sample(&[b"x"]);
    let inner = b"h tttttttttttt 000000000012345 02 1 1:xvvvvvvvvvvvv";
    value.splice(COMMON..LEASE, format!("{:06} ", inner.len()).into_bytes());
    value.splice(LEASE..LEASE, inner.iter().copied());
    let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
    let lease = entry.lease.unwrap();
    assert_eq!((lease.token, lease.is_held, lease.deadline, lease.level), (id(b't'), true, 12345, 2));
    assert!(lease.tags.has(b"x"));
}

#[test]
fn the_lease_in_a_header_is_exchanged_and_the_rest_stays() {
    let unleased = sample(&[b"x"]);
    let tags = [(Tag::from(b"y".as_slice()), id(b'v'))];
    let leased = with_lease(&unleased, Some((id(b't'), &tags))).unwrap();
    let Some(Stored::Entry(entry)) = parse(&leased) else { panic!("an entry") };
    let lease = entry.lease.unwrap();
    assert_eq!((lease.token, lease.is_held, lease.deadline, lease.level, lease.tags.has(b"y")), (id(b't'), true, 0, 0, true));
    assert!(entry.tags.has(b"x"));
    assert_eq!(with_lease(&leased, None), Some(unleased));
    assert_eq!(with_lease(&encode_lease(id(b't'), TAIL, &tags), None), None, "a lease is no entry");
}

#[test]
fn versions_round_trip_and_nothing_else_is_one() {
    let value = encode_version(id(b'v'), ReplicationId::of(b"x"));
    assert_eq!(parse_version(&value), Some(Version { id: id(b'v'), replication_id: ReplicationId::of(b"x") }));
    for bad in [&b""[..], b"hw2v", &value[..25], &sample(&[])] {
        assert_eq!(parse_version(bad), None);
    }
}

#[test]
fn foreign_and_damaged_values_are_none_and_never_a_panic() {
    for foreign in [&b""[..], b"{\"a\":1}", b"hw2e", b"hw3e ssssssssssss -------- 000000 1 1 0 - 0\n", b"\xff\xfe"] {
        assert_eq!(parse(foreign), None, "{}", foreign.escape_ascii());
    }
    let whole = sample(&[b"user:1", b"x"]);
    let header = whole.len() - 7;
    for end in 0..header {
        assert_eq!(parse(&whole[..end]), None, "cut at {end}");
    }
    let mut with_lease = whole.clone();
    let inner = b"h tttttttttttt 000000000012345 02 1 1:xvvvvvvvvvvvv";
    with_lease.splice(COMMON..LEASE, format!("{:06} ", inner.len()).into_bytes());
    with_lease.splice(LEASE..LEASE, inner.iter().copied());
    let lease = encode_lease(id(b't'), TAIL, &tags(&[b"x"]));
    for value in [&whole, &with_lease, &lease] {
        for at in 0..value.len() {
            for byte in [0, b'0', b'9', b' ', b':', b'\n', 0xff] {
                let mut damaged = value.clone();
                damaged[at] = byte;
                let _ = parse(&damaged);
                let _ = parse_inner(&damaged);
                let _ = name(&damaged);
            }
        }
    }
    let huge = b"hw2l tttttttttttt -------- 18446744073709551615 18446744073709551615:xvvvvvvvvvvvv\n";
    assert_eq!(parse(huge), None);
}

#[test]
fn a_value_with_a_damaged_rest_still_has_its_name() {
    let mut value = sample(&[]);
    value.truncate(LEASE);
    assert_eq!(parse(&value), None);
    assert_eq!(name(&value), Some(id(b's')));
    assert_eq!(replication_id(&value), Some(ReplicationId::EMPTY));
}

#[test]
fn a_node_writes_its_replication_id_at_the_fixed_place() {
    let own = ReplicationId::of(b"x");
    for value in [sample(&[b"user:1"]), encode_lease(id(b't'), TAIL, &tags(&[b"x"]))] {
        let filled = with_replication_id(&value, &own).concat();
        assert_eq!((replication_id(&filled), filled.len()), (Some(own), value.len()));
        assert_eq!(name(&filled), name(&value));
        assert_eq!(with_replication_id(&filled, &ReplicationId::EMPTY).concat(), value, "nothing else has changed");
    }
    assert_eq!(with_replication_id(b"short", &own).concat(), b"short");
}

#[test]
fn tags_that_a_loader_added_are_told_from_those_that_callers_named() {
    let all = tags(&[b"a", b"b", b"c"]);
    let header = Header { stamp: id(b's'), ttl: TAIL, fresh: TAIL, keep: TAIL, tags: &all, added: 1, form: Form::TEXT };
    let value = encode(&header, b"1").0;
    let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
    assert_eq!(entry.tags.len(), 3);
    assert!(entry.tags.has(b"c"), "compared like every other");
    assert_eq!(entry.tags.named_by_callers().collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(encode_tags(&all, 3).starts_with(b"0+3!"));
    for damaged in [&b"+1"[..], b"1+", b"2+2", b"1+99999999999999999999"] {
        let value = [b"hw2l tttttttttttt -------- 000000000060000 ", damaged, b" 1:xvvvvvvvvvvvv\n"].concat();
        assert_eq!(parse(&value), None, "{}", String::from_utf8_lossy(damaged));
    }
}

#[test]
fn a_lease_has_run_out_once_less_than_its_tail_is_left() {
    let value = encode_lease(id(b't'), TAIL, &[]);
    let Some(Stored::Lease(lease)) = parse(&value) else { panic!("a lease") };
    assert_eq!(lease.remaining(70_000), Some(Duration::from_secs(10)));
    assert_eq!(lease.remaining(60_000), Some(Duration::ZERO));
    for gone in [59_999, 0, -1, -2] {
        assert_eq!(lease.remaining(gone), None);
    }
}

#[test]
fn the_version_of_the_repository_is_in_every_list_and_is_no_tag() {
    for (names, added) in [(&[][..], 0), (&[&b"a"[..], b"b"][..], 1)] {
        let all = tags(names);
        let (value, _) = encode(&Header { stamp: id(b's'), ttl: TAIL, fresh: TAIL, keep: TAIL, tags: &all, added, form: Form::TEXT }, b"1");
        let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
        assert_eq!((entry.tags.repository(), entry.tags.len()), (Some(id(b'r')), names.len()));
        assert_eq!(entry.tags.named_by_callers().count(), names.len() - added);
        assert!(!entry.tags.has(&REPOSITORY));
        let leased = with_lease(&value, Some((id(b't'), &all))).unwrap();
        let Some(Stored::Entry(entry)) = parse(&leased) else { panic!("an entry") };
        assert_eq!(entry.lease.map(|lease| lease.tags.repository()), Some(Some(id(b'r'))));
    }
    let older = b"hw2l tttttttttttt -------- 000000000060000 1 1:xvvvvvvvvvvvv\n";
    assert!(matches!(parse(older), Some(Stored::Lease(lease)) if lease.tags.repository().is_none()));
    for damaged in [&b"1!"[..], b"1!rrr", b"!rrrrrrrrrrrr", b"1!!rrrrrrrrrrrrrrr"] {
        let value = [b"hw2l tttttttttttt -------- 000000000060000 ", damaged, b"\n"].concat();
        assert_eq!(parse(&value), None, "{}", String::from_utf8_lossy(damaged));
    }
}

#[test]
fn periods_are_written_where_they_differ_from_the_time_to_live() {
    let secs = Duration::from_secs;
    for (ttl, fresh, keep, text) in
        [(60, 60, 0, "60000 "), (60, 0, 0, "60000/0 "), (60, 60, 5, "60000+5000 "), (60, 30, 5, "60000/30000+5000 ")]
    {
        let header =
            Header { stamp: id(b's'), ttl: secs(ttl), fresh: secs(fresh), keep: secs(keep), tags: &tags(&[]), added: 0, form: Form::TEXT };
        let (value, _) = encode(&header, b"1");
        assert!(value[LEASE..].starts_with(text.as_bytes()), "{}", value.escape_ascii());
        let Some(Stored::Entry(entry)) = parse(&value) else { panic!("an entry") };
        assert_eq!((entry.ttl, entry.fresh, entry.keep), (secs(ttl), secs(fresh), secs(keep)));
    }
    for damaged in ["", "/1", "60000/", "60000+", "60000/+1", "60000 1500 0", "99999999999999999999999"] {
        let value = format!("hw2e ssssssssssss -------- 000000 {damaged} - 0!rrrrrrrrrrrr\n1");
        assert_eq!(parse(value.as_bytes()), None, "{damaged}");
    }
}
