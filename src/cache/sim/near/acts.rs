//! What may happen in a walk, and what may be wrong.

use crate::cache::near::Fence;

/// What may happen, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Act {
    /// The facade asks for a copy.
    Fill,
    /// A lookup meets a lease of another process, and waits.
    Wait,
    /// A server carries the next request of its lane out.
    Serve(u8),
    /// The next reply or push of a lane arrives.
    Arrive(u8),
    /// A write of this process takes effect; its caller is told.
    Own(Change),
    Told,
    /// A write of another process, whose caller is told at once.
    Other(Change),
    /// Another process loads the entry again.
    Load,
    /// The server of the entry forgets everything.
    Flush,
    /// The lane dies without a sign.
    Die,
    /// The process notices; the lane comes back.
    Notice,
    Back,
    /// Another master takes over. The lane stays with the former one.
    FailOver,
    /// A moment passes; a long time passes.
    Moment,
    Long,
}

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Change {
    Delete,
    Set,
    Invalidate,
    /// Makes every entry of the repository unusable.
    Clear,
}

/// A fault that is no fence of the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    Without(Fence),
    /// The facade serves copies although nothing proves that their lane lives.
    ServesUnproven,
    /// The facade serves copies without a look at the socket.
    ServesUnseen,
    /// Fills are read on another link than the pushes come on.
    FillsElsewhere,
}

/// What may happen in one walk.
#[derive(Debug)]
pub(super) struct Scenario {
    pub is_split: bool,
    /// Whether another process has a lease at first.
    pub is_loading: bool,
    pub budget: Vec<(Act, u8)>,
}

pub(super) const ACTS: [Act; 23] = [
    Act::Fill,
    Act::Wait,
    Act::Serve(0),
    Act::Serve(1),
    Act::Arrive(0),
    Act::Arrive(1),
    Act::Own(Change::Delete),
    Act::Own(Change::Set),
    Act::Own(Change::Invalidate),
    Act::Own(Change::Clear),
    Act::Told,
    Act::Other(Change::Delete),
    Act::Other(Change::Set),
    Act::Other(Change::Invalidate),
    Act::Other(Change::Clear),
    Act::Load,
    Act::Flush,
    Act::Die,
    Act::Notice,
    Act::Back,
    Act::FailOver,
    Act::Moment,
    Act::Long,
];
