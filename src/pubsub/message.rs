//! A message of the bus: the JSON `{ "type", "target", "source"? }` that instances exchange, including older versions of the
//! application. Anybody can publish, so a message is checked before a listener sees it, and an error never quotes it.

use serde_json::{json, Map, Value};

use crate::error::{Error, ErrorKind};

/// The kind of a message's targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Tags to invalidate.
    Tags,
    /// Patterns of keys to delete.
    Pattern,
    /// Keys to delete.
    Key,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The kind of the targets.
    pub kind: MessageKind,
    /// At least one target; none is empty.
    pub targets: Vec<String>,
    /// Whether the target was a single string; `to_json` keeps that form.
    pub single: bool,
    /// The sender, for logs.
    pub source: Option<String>,
    /// Members that this version does not know, kept unchanged.
    rest: Map<String, Value>,
}

impl Message {
    /// Parses a message.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |what: &str| Error::new(ErrorKind::BadOption, what);
        let value: Value = serde_json::from_str(text).map_err(|_| bad("it is not JSON"))?;
        let Value::Object(mut members) = value else { return Err(bad("it is not an object { type, target, source? }")) };
        let kind = match members.remove("type").as_ref().and_then(Value::as_str) {
            Some("tags") => MessageKind::Tags,
            Some("pattern") => MessageKind::Pattern,
            Some("key") => MessageKind::Key,
            _ => return Err(bad("its type is not 'tags', 'pattern' or 'key'")),
        };
        let (targets, single) = match members.remove("target") {
            Some(Value::String(one)) => (vec![one], true),
            Some(Value::Array(many)) => {
                let targets: Option<Vec<String>> = many.iter().map(|one| one.as_str().map(str::to_owned)).collect();
                (targets.unwrap_or_default(), false)
            }
            _ => (Vec::new(), false),
        };
        if targets.is_empty() || targets.iter().any(String::is_empty) {
            return Err(bad("its target is not a non-empty string or an array of them"));
        }
        let source = match members.remove("source") {
            // Older instances may write null if they have no source.
            None | Some(Value::Null) => None,
            Some(Value::String(source)) => Some(source),
            Some(_) => return Err(bad("its source is not a string")),
        };
        Ok(Self { kind, targets, single, source, rest: members })
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut members = self.rest.clone();
        let kind = match self.kind {
            MessageKind::Tags => "tags",
            MessageKind::Pattern => "pattern",
            MessageKind::Key => "key",
        };
        members.insert("type".to_owned(), json!(kind));
        members.insert("target".to_owned(), if self.single { json!(self.targets[0]) } else { json!(self.targets) });
        if let Some(source) = &self.source {
            members.insert("source".to_owned(), json!(source));
        }
        Value::Object(members).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was() {
        for text in [
            r#"{"source":"OrderService","target":["company:1:orders"],"type":"tags"}"#,
            r#"{"target":"order:*","type":"pattern"}"#,
            r#"{"later":{"__proto__":1},"target":["é€😀","{a}"],"type":"key"}"#,
        ] {
            let message = Message::parse(text).unwrap();
            assert_eq!(message.to_json(), text);
        }
    }

    #[test]
    fn a_source_that_is_null_is_none() {
        let message = Message::parse(r#"{"type":"key","target":"a","source":null}"#).unwrap();
        assert_eq!(message.to_json(), r#"{"target":"a","type":"key"}"#);
    }

    #[test]
    fn an_invalid_message_is_refused_without_quoting_it() {
        for text in [
            "",
            "secret",
            "null",
            "[]",
            r#"{"type":"tags"}"#,
            r#"{"type":"secret","target":"a"}"#,
            r#"{"type":"tags","target":[]}"#,
            r#"{"type":"tags","target":["a",""]}"#,
            r#"{"type":"tags","target":["secret",1]}"#,
            r#"{"type":"key","target":"a","source":1}"#,
        ] {
            let error = Message::parse(text).unwrap_err();
            assert!(!error.message().contains("secret"), "{text}");
        }
    }
}
