//! The format of what is stored: any bytes are read without a panic, and what is encoded is what is read.

use std::time::Duration;

use hawser::cache::packing::Packing;
use hawser::cache::Payload;
use hawser::store::entry::{self, is_repository, Algorithm, Content, Entry, Form, Header, Packed, Stored, Tag, Tags, REPOSITORY};
use hawser::store::{Id, ReplicationId, Value, Version};

use super::input::Input;

/// The longest value.
const LONGEST: usize = 1 << 16;

pub fn entries(data: &[u8]) {
    read(data);
    write(&mut Input::new(data));
}

/// The bytes are what somebody stored.
fn read(value: &[u8]) {
    let _ = (entry::parse_inner(value), entry::is_lease(value));
    if let Some(Version { id, replication_id }) = entry::parse_version(value) {
        assert_eq!(entry::encode_version(id, replication_id), value);
    }
    match entry::parse(value) {
        None => assert_eq!(entry::with_lease(value, None), None, "only an entry has a lease"),
        Some(Stored::Lease(lease)) => {
            assert_eq!((entry::name(value), entry::replication_id(value)), (Some(lease.token), Some(lease.replication_id)));
            let _ = (lease.remaining(i64::MIN), lease.remaining(i64::MAX));
            let tags = owned(lease.tags);
            let again = entry::encode_lease(lease.token, lease.tail, &tags);
            let Some(Stored::Lease(read)) = entry::parse(&again) else { panic!("a lease") };
            assert_eq!((read.token, read.tail, owned(read.tags)), (lease.token, lease.tail, tags));
        }
        Some(Stored::Entry(entry)) => {
            assert_eq!((entry::name(value), entry::replication_id(value)), (Some(entry.stamp), Some(entry.replication_id)));
            check_again(value, &entry);
            check_leases(value, &entry);
            check_unpacked(value, &entry);
        }
    }
}

fn check_again(value: &[u8], entry: &Entry<'_>) {
    let tags = owned(entry.tags);
    let added = tags.len() - entry.tags.named_by_callers().count();
    assert!(entry.life() >= entry.ttl);
    let header = Header { stamp: entry.stamp, ttl: entry.ttl, fresh: entry.fresh, keep: entry.keep, tags: &tags, added, form: entry.form };
    check_encoded(&header, &value[entry.payload..]);
}

/// What a payload is unpacked to has the length that its header says, and is never longer than the longest value.
fn check_unpacked(value: &[u8], entry: &Entry<'_>) {
    let payload = Payload::new(Value::new(value.to_vec()), entry.payload, entry.form);
    let opened = Packing::new(LONGEST).open(&payload);
    match entry.form.packed {
        None => assert_eq!(opened, payload),
        Some(_) if opened.is_unreadable() => {}
        Some(Packed { length, .. }) => {
            assert!(length <= LONGEST);
            assert_eq!((opened.as_bytes().len(), opened.form()), (length, Form::plain(entry.form.content)));
        }
    }
}

/// The lease in a header is exchanged, and the rest stays.
fn check_leases(value: &[u8], entry: &Entry<'_>) {
    let token = Id::parse(&[b't'; Id::LEN]).expect("an id");
    let tags = all(entry.tags);
    let leased = entry::with_lease(value, Some((token, &tags))).expect("an entry");
    let Some(Stored::Entry(read)) = entry::parse(&leased) else { panic!("an entry") };
    let lease = read.lease.as_ref().expect("its lease");
    assert_eq!((lease.token, lease.is_held, all(lease.tags)), (token, true, tags));
    assert_eq!((read.stamp, read.ttl, read.fresh, read.keep, read.form), (entry.stamp, entry.ttl, entry.fresh, entry.keep, entry.form));
    assert_eq!(&leased[read.payload..], &value[entry.payload..]);
    let bare = entry::with_lease(&leased, None).expect("an entry");
    assert_eq!(Some(&bare), entry::with_lease(value, None).as_ref(), "both without a lease");
    assert!(matches!(entry::parse(&bare), Some(Stored::Entry(Entry { lease: None, .. }))));
}

/// The bytes decide what is encoded.
fn write(input: &mut Input<'_>) {
    let stamp = id(input);
    let mut durations = [Duration::ZERO; 3];
    for duration in &mut durations {
        *duration = Duration::from_millis(u64::from(input.word()) << (input.byte() % 33));
    }
    let [ttl, fresh, keep] = durations;
    let mut tags: Vec<(Tag, Id)> = (0..input.byte() % 8).map(|_| (Tag::from(input.text()), id(input))).collect();
    // Only the version of the repository has such a name, which is not written, and it comes first.
    tags.retain(|(name, _)| !is_repository(name));
    let added = usize::from(input.byte()) % (tags.len() + 1);
    if input.byte().is_multiple_of(2) {
        tags.insert(0, (Tag::from(&REPOSITORY[..]), stamp));
    }
    let content = [Content::Text, Content::Buffer, Content::Uint8Array][usize::from(input.byte() % 3)];
    let algorithm = [None, Some(Algorithm::Zstd), Some(Algorithm::Lz4)][usize::from(input.byte() % 3)];
    let form = Form { content, packed: algorithm.map(|algorithm| Packed { algorithm, length: input.word() as usize + 1 }) };
    let header = Header { stamp, ttl, fresh, keep, tags: &tags, added, form };
    check_encoded(&header, input.text());
    let lease = entry::encode_lease(stamp, ttl, &tags);
    let Some(Stored::Lease(read)) = entry::parse(&lease) else { panic!("a lease") };
    assert_eq!((read.token, read.tail, all(read.tags)), (stamp, ttl, tags));
    let version = Version { id: stamp, replication_id: ReplicationId::of(input.text()) };
    assert_eq!(entry::parse_version(&entry::encode_version(version.id, version.replication_id)), Some(version));
}

fn check_encoded(header: &Header<'_>, payload: &[u8]) {
    let (value, from) = entry::encode(header, payload);
    let Some(Stored::Entry(read)) = entry::parse(&value) else { panic!("an entry") };
    assert_eq!((read.stamp, read.replication_id, read.lease.is_none()), (header.stamp, ReplicationId::EMPTY, true));
    assert_eq!((read.ttl, read.fresh, read.keep, read.form), (header.ttl, header.fresh, header.keep, header.form));
    assert_eq!((all(read.tags), read.payload), (header.tags.to_vec(), from));
    assert_eq!(read.tags.named_by_callers().count(), read.tags.len() - header.added);
    assert_eq!(&value[from..], payload);
    read_cut(&value[..from]);
}

/// A truncated header is not a header.
fn read_cut(header: &[u8]) {
    for end in [header.len() - 1, header.len() / 2, 40.min(header.len() - 1)] {
        assert_eq!(entry::parse(&header[..end]), None, "cut at {end}");
    }
}

/// The version of the repository, if there is one, and those of the tags.
fn all(tags: Tags<'_>) -> Vec<(Tag, Id)> {
    let repository = tags.repository().map(|id| (Tag::from(&REPOSITORY[..]), id));
    repository.into_iter().chain(owned(tags)).collect()
}

fn owned(tags: Tags<'_>) -> Vec<(Tag, Id)> {
    let all: Vec<(Tag, Id)> = tags.iter().map(|(name, id)| (Tag::from(name), id)).collect();
    assert_eq!(all.len(), tags.len());
    all
}

fn id(input: &mut Input<'_>) -> Id {
    let mut text = [b'-'; Id::LEN];
    let taken = input.take(Id::LEN);
    text[..taken.len()].copy_from_slice(taken);
    Id::parse(&text).expect("an id")
}
