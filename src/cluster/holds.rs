//! Commands that wait in the core: those of held slots in the order in which they were issued, and those that wait for a delay alone.
//!
//! A held slot has two queues. What came back was issued before the slot was held, so it goes out before what came since, by the order that it
//! has had since it first came back: it may have been sent to several nodes in the meantime, and come back from each of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::nodes::NodeId;
use super::output::{FenceId, Ticket, Traveller};
use crate::clock::Instant;

/// A command in a queue. It is void once it was forgotten; the number tells it from a later command with the same ticket.
#[derive(Debug, Clone, Copy)]
struct Place {
    traveller: Traveller,
    number: u64,
}

/// Why a slot is held, and what waits for it.
#[derive(Debug, Default)]
pub struct Hold {
    /// Links that have not answered all that they were sent for it.
    pub fences: BTreeSet<FenceId>,
    /// A delay.
    pub until: Option<Instant>,
    /// The node to ask instead of the slot's own.
    pub detour: Option<NodeId>,
    /// What came back, by its order.
    returned: BTreeMap<u64, Place>,
    fresh: VecDeque<Place>,
}

/// A command that waits for a delay alone.
#[derive(Debug, Clone, Copy)]
pub struct Delayed {
    /// Which.
    pub traveller: Traveller,
    /// Its slot.
    pub slot: Option<u16>,
    /// The node that refused it last.
    pub except: Option<NodeId>,
}

/// All commands that wait.
#[derive(Debug, Default)]
pub struct Holds {
    by_slot: BTreeMap<u16, Hold>,
    delayed: BTreeMap<u64, Delayed>,
    places: HashMap<Ticket, u64>,
    next: u64,
}

impl Holds {
    /// The hold of a slot.
    pub fn get_mut(&mut self, slot: u16) -> Option<&mut Hold> {
        self.by_slot.get_mut(&slot)
    }

    /// Whether the slot is held.
    pub fn has(&self, slot: u16) -> bool {
        self.by_slot.contains_key(&slot)
    }

    /// Holds a slot; does nothing to one that is held. Returns the hold.
    pub fn hold(&mut self, slot: u16) -> &mut Hold {
        self.by_slot.entry(slot).or_default()
    }

    /// A command that a node gave back. It has an order.
    pub fn push_returned(&mut self, slot: u16, traveller: Traveller) {
        let place = self.place(traveller);
        self.hold(slot).returned.insert(traveller.trail.order, place);
    }

    /// A command that has just been issued.
    pub fn push_fresh(&mut self, slot: u16, traveller: Traveller) {
        let place = self.place(traveller);
        self.hold(slot).fresh.push_back(place);
    }

    /// Takes what waits for a slot, in order.
    pub fn take(&mut self, slot: u16) -> Vec<Traveller> {
        let Some(hold) = self.by_slot.get_mut(&slot) else { return Vec::new() };
        let returned = std::mem::take(&mut hold.returned);
        let places: Vec<Place> = returned.into_values().chain(hold.fresh.drain(..)).collect();
        places.into_iter().filter(|place| self.vacate(place.traveller.ticket, place.number)).map(|place| place.traveller).collect()
    }

    /// Ends a hold from which everything was taken.
    pub fn release(&mut self, slot: u16) {
        self.by_slot.remove(&slot);
    }

    /// Lets a command wait. Returns the number to take it by.
    pub fn delay(&mut self, delayed: Delayed) -> u64 {
        let number = self.place(delayed.traveller).number;
        self.delayed.insert(number, delayed);
        number
    }

    /// Takes a command whose delay is over.
    pub fn take_delayed(&mut self, number: u64) -> Option<Delayed> {
        let delayed = self.delayed.remove(&number)?;
        self.vacate(delayed.traveller.ticket, number).then_some(delayed)
    }

    /// The caller does not wait for this command any more.
    pub fn forget(&mut self, ticket: Ticket) {
        if let Some(number) = self.places.remove(&ticket) {
            self.delayed.remove(&number);
        }
    }

    /// Takes all commands.
    pub fn take_all(&mut self) -> Vec<Ticket> {
        let slots: Vec<u16> = self.by_slot.keys().copied().collect();
        let mut travellers: Vec<Traveller> = slots.into_iter().flat_map(|slot| self.take(slot)).collect();
        travellers.extend(self.delayed.values().map(|delayed| delayed.traveller));
        *self = Self { next: self.next, ..Self::default() };
        travellers.into_iter().map(|traveller| traveller.ticket).collect()
    }

    fn place(&mut self, traveller: Traveller) -> Place {
        self.next += 1;
        self.places.insert(traveller.ticket, self.next);
        Place { traveller, number: self.next }
    }

    /// Whether the command of a place is still waited for. It is taken out.
    fn vacate(&mut self, ticket: Ticket, number: u64) -> bool {
        let is_current = self.places.get(&ticket) == Some(&number);
        if is_current {
            self.places.remove(&ticket);
        }
        is_current
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::Trail;
    use super::*;

    fn ordered(ticket: u32, order: u64) -> Traveller {
        Traveller { ticket: Ticket(ticket), trail: Trail { order, times: 0 } }
    }

    fn new(ticket: u32) -> Traveller {
        ordered(ticket, 0)
    }

    fn tickets(travellers: Vec<Traveller>) -> Vec<u32> {
        travellers.into_iter().map(|traveller| traveller.ticket.0).collect()
    }

    #[test]
    fn what_came_back_goes_first_by_its_order() {
        let mut holds = Holds::default();
        holds.push_returned(9, ordered(1, 12));
        holds.push_fresh(9, new(5));
        holds.push_returned(9, ordered(2, 13));
        holds.push_returned(9, ordered(8, 3));
        holds.push_fresh(9, new(6));
        holds.forget(Ticket(2));
        assert_eq!(tickets(holds.take(9)), [8, 1, 5, 6]);
        assert!(holds.has(9));
        holds.release(9);
        assert!(!holds.has(9));
    }

    #[test]
    fn a_ticket_may_be_used_again_after_its_command_was_forgotten() {
        let mut holds = Holds::default();
        holds.push_fresh(1, new(7));
        holds.forget(Ticket(7));
        holds.push_fresh(1, new(8));
        holds.push_fresh(1, new(7));
        assert_eq!(tickets(holds.take(1)), [8, 7]);
    }

    #[test]
    fn a_forgotten_command_is_not_delayed_any_more() {
        let mut holds = Holds::default();
        let number = holds.delay(Delayed { traveller: new(1), slot: None, except: None });
        holds.forget(Ticket(1));
        assert!(holds.take_delayed(number).is_none());
        holds.delay(Delayed { traveller: new(2), slot: None, except: None });
        holds.push_fresh(3, new(4));
        assert_eq!(holds.take_all(), [4, 2].map(Ticket));
        assert!(holds.take_all().is_empty());
    }
}
