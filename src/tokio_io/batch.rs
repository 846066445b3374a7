//! Commands that are sent in one write, encoded in the form that a link accepts.

use crate::command::{classify, Class, Kind};
use crate::resp::{push_argument, push_header};

/// Commands that are sent together, in this order. Between MULTI and EXEC they form a transaction.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Two words per command: its length in bytes, its class.
    pub(super) meta: Vec<u32>,
    in_transaction: bool,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one command: its name and its arguments.
    #[must_use]
    pub fn with<A: AsRef<[u8]>>(mut self, parts: &[A]) -> Self {
        self.push(parts);
        self
    }

    /// Appends one command: its name and its arguments.
    pub fn push<A: AsRef<[u8]>>(&mut self, parts: &[A]) {
        let start = self.bytes.len();
        push_header(&mut self.bytes, parts.len());
        for part in parts {
            push_argument(&mut self.bytes, part.as_ref());
        }
        let name = parts.first().map_or(&[][..], AsRef::as_ref);
        let class = classify(&String::from_utf8_lossy(name))
            .with(Class::PIPELINE_TAIL, !self.meta.is_empty())
            .with(Class::IN_TRANSACTION, self.in_transaction);
        self.in_transaction = match class.kind() {
            Kind::Multi => true,
            Kind::Exec | Kind::Discard => false,
            _ => self.in_transaction,
        };
        self.meta.extend([(self.bytes.len() - start) as u32, class.bits()]);
    }

    /// The number of commands.
    pub fn len(&self) -> usize {
        self.meta.len() / 2
    }

    /// Whether the batch has no command.
    pub fn is_empty(&self) -> bool {
        self.meta.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_class_says_where_it_stands_in_the_batch() {
        let batch = Batch::new().with(&["GET", "a"]).with(&["MULTI"]).with(&["INCR", "b"]).with(&["EXEC"]).with(&["GET", "c"]);
        let classes: Vec<Class> = batch.meta.chunks_exact(2).map(|words| Class::from_bits(words[1])).collect();
        let has = |bit: u32| classes.iter().map(|class| class.has(bit)).collect::<Vec<_>>();
        assert_eq!(has(Class::PIPELINE_TAIL), [false, true, true, true, true]);
        assert_eq!(has(Class::IN_TRANSACTION), [false, false, true, true, false]);
        assert_eq!(batch.meta.iter().step_by(2).sum::<u32>() as usize, batch.bytes.len());
    }
}
