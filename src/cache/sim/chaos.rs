//! What one history is made of: which failures there are, and what the application does often.

use super::dice::Dice;

/// The events that may occur.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chaos {
    /// Whether two loads of a key at a time are a failure.
    pub one_load: bool,
    pub writes: bool,
    pub cuts: bool,
    pub crashes: bool,
    pub evictions: bool,
    pub failovers: bool,
    pub scattered: bool,
    /// Whether loaders add tags often, and take long: what they add gets into the lease before they end.
    pub adds_tags: bool,
    /// Whether results bring tags and options, and are the value that was to be replaced.
    pub tags_results: bool,
    /// How many servers there are; more than one are a cluster.
    pub nodes: usize,
    /// Whether slots move from node to node.
    pub moves: bool,
}

impl Chaos {
    pub(super) const CALM: Self = Self {
        one_load: false,
        writes: false,
        cuts: false,
        crashes: false,
        evictions: false,
        failovers: false,
        scattered: false,
        adds_tags: false,
        tags_results: false,
        nodes: 1,
        moves: false,
    };
}

/// What the application does often in one history. Histories of one kind would miss what needs another: a result with versions that
/// were captured too late shows only where nobody loads the key again before somebody looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    pub keys: u64,
    pub tags: u64,
    /// How many calls of a hundred write.
    pub writes: u64,
    /// How many reads of a hundred bring no loader.
    pub peeks: u64,
}

impl Habits {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mut one_of = |of: [u64; 3]| of[dice.below(3) as usize];
        Self { keys: one_of([1, 2, 3]), tags: one_of([1, 2, 3]), writes: one_of([15, 35, 50]), peeks: one_of([20, 50, 80]) }
    }
}
