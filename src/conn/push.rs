//! Parses a push, or an array of RESP2's pub/sub: a message, a confirmation, or changed keys.

use super::output::{Message, MessageKind};
use crate::command::Kind;
use crate::resp::Reply;

/// A push that the link understands.
#[derive(Debug, PartialEq)]
pub enum Push<'a> {
    /// For a subscriber.
    Message(Message),
    /// A subscription command was carried out for one channel (`None`: there was nothing to unsubscribe); `count` are left.
    Confirmation {
        /// The command.
        kind: Kind,
        /// The channel.
        channel: Option<&'a [u8]>,
        /// Subscriptions there are now.
        count: i64,
    },
    /// Tracked keys have changed.
    Tracking,
    /// It says what it is, and lacks what belongs to it: what.
    Broken(&'static str),
}

/// Reads a push. `None` if it does not concern the link.
pub fn read(push: &Reply) -> Option<Push<'_>> {
    let [word, rest @ ..] = push.items()? else { return None };
    let text = |index: usize| rest.get(index).and_then(Reply::as_bytes).unwrap_or_default().to_vec();
    let message = |kind| Some(Push::Message(Message { kind, pattern: Vec::new(), channel: text(0), payload: text(1) }));
    let kind = match word.as_bytes()? {
        b"message" => return message(MessageKind::Channel),
        b"smessage" => return message(MessageKind::Shard),
        b"pmessage" => {
            let kind = MessageKind::Pattern;
            return Some(Push::Message(Message { kind, pattern: text(0), channel: text(1), payload: text(2) }));
        }
        b"invalidate" => return Some(Push::Tracking),
        b"subscribe" => Kind::Subscribe,
        b"psubscribe" => Kind::PatternSubscribe,
        b"ssubscribe" => Kind::ShardSubscribe,
        b"unsubscribe" => Kind::Unsubscribe,
        b"punsubscribe" => Kind::PatternUnsubscribe,
        b"sunsubscribe" => Kind::ShardUnsubscribe,
        _ => return None,
    };
    let channel = rest.first().and_then(Reply::as_bytes);
    let Some(count) = rest.get(1).and_then(Reply::as_integer).filter(|count| *count >= 0) else {
        return Some(Push::Broken("a subscription without a count"));
    };
    Some(Push::Confirmation { kind, channel, count })
}

/// Reads an array as one of RESP2's pub/sub messages. Ask only where one may come: a caller's reply may look the same.
pub fn read_in_band(array: &Reply) -> Option<Push<'_>> {
    read(array).filter(|push| !matches!(push, Push::Tracking))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(words: &[&str]) -> Reply {
        Reply::Push(words.iter().map(|word| Reply::Bulk(word.as_bytes().to_vec())).collect())
    }

    #[test]
    fn messages_have_their_channel_and_payload() {
        for (words, kind, pattern) in [
            (&["message", "c", "p"][..], MessageKind::Channel, ""),
            (&["smessage", "c", "p"], MessageKind::Shard, ""),
            (&["pmessage", "c*", "c", "p"], MessageKind::Pattern, "c*"),
        ] {
            let message = Message { kind, pattern: pattern.into(), channel: "c".into(), payload: "p".into() };
            assert_eq!(read(&push(words)), Some(Push::Message(message)));
        }
    }

    #[test]
    fn confirmations_name_their_channel_if_there_is_one() {
        let of = |channel: Reply| Reply::Array(vec![Reply::Bulk(b"sunsubscribe".to_vec()), channel, Reply::Integer(4)]);
        let confirmed = |channel| Some(Push::Confirmation { kind: Kind::ShardUnsubscribe, channel, count: 4 });
        assert_eq!(read(&of(Reply::Bulk(b"c".to_vec()))), confirmed(Some(b"c")));
        assert_eq!(read(&of(Reply::Null)), confirmed(None));
    }

    #[test]
    fn a_subscription_without_a_count_is_broken() {
        assert!(matches!(read(&push(&["subscribe", "c"])), Some(Push::Broken(_))));
        for count in [Reply::Integer(-1), Reply::Bulk(b"1".to_vec()), Reply::Null] {
            let items = vec![Reply::Bulk(b"subscribe".to_vec()), Reply::Bulk(b"c".to_vec()), count];
            assert!(matches!(read(&Reply::Push(items)), Some(Push::Broken(_))));
        }
    }

    #[test]
    fn other_pushes_are_of_no_concern() {
        assert_eq!(read(&push(&["invalidate"])), Some(Push::Tracking));
        assert_eq!(read_in_band(&push(&["invalidate"])), None);
        assert_eq!(read(&push(&["server-cpu", "1"])), None);
        assert_eq!(read(&push(&[])), None);
        assert_eq!(read(&Reply::Integer(1)), None);
    }
}
