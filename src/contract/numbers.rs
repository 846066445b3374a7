//! The numbers that cross between the core and the facade.

/// One table of numbers, as the generated file shows it.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Its name on both sides.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Name, number and meaning of each.
    pub items: &'static [(&'static str, u32, &'static str)],
}

/// How many slots one event of a link takes.
pub const EVENT_SLOTS: usize = 5;

/// How many slots one action of a cluster takes.
pub const ACTION_SLOTS: usize = 5;

/// Declares enums whose numbers cross, and a list of them.
macro_rules! numbers {
    ($list:ident: $($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $item_doc:literal])+ $item:ident = $number:literal,)+ })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            #[repr(u32)]
            pub enum $name {
                $($(#[doc = $item_doc])+ $item = $number as u32,)+
            }

            impl $name {
                /// All of them, in the order of their declaration.
                pub const ALL: &'static [Self] = &[$(Self::$item),+];

                /// The number that crosses.
                pub const fn number(self) -> u32 {
                    self as u32
                }

                /// The one with this number.
                pub fn from_number(number: u32) -> Option<Self> {
                    Self::ALL.iter().copied().find(|one| one.number() == number)
                }
            }
        )+

        /// These tables, for the generated file.
        pub const $list: &[Numbers] = &[$(Numbers {
            name: stringify!($name),
            doc: concat!($($doc),+),
            items: &[$((stringify!($item), $number as u32, concat!($($item_doc),+))),+],
        }),+];
    };
}

numbers! {
    NUMBERS:

    /// Places in a link's state array. The core fills it in every call.
    LinkSlot {
        /// The number of the first command that was answered.
        FirstId = 0,
        /// Bits of `LinkFlag`.
        Flags = 1,
        /// Milliseconds until `tick()` wants to be called; -1: never.
        WakeIn = 2,
        /// Connections lost or not made since the link was last ready.
        Attempts = 3,
        /// The database that callers' commands go to.
        Database = 4,
        /// The protocol that the connection speaks: 2 or 3.
        Protocol = 5,
        /// Commands that wait or are in flight.
        Queued = 6,
        /// The moment of `WakeIn` on the core's clock, in milliseconds; -1: never. Equal moments need no new timer.
        WakeAt = 7,
    }

    /// What is left to do after a call to a link.
    LinkFlag {
        /// Some replies are errors: see `errors()`.
        Errors = 1,
        /// The commands that were answered are not numbered consecutively: see `ids()`.
        Sparse = 2,
        /// The core wants bytes written: see `output()`.
        Output = 4,
        /// The link has something to tell: see `events()`.
        Events = 8,
    }

    /// What has happened to a connection that the socket thread serves.
    WireFlag {
        /// Bytes have arrived: see `receiveWire`.
        Input = 1,
        /// The connection carries commands, or did so: its TLS handshake is over.
        Open = 2,
        /// The socket thread has let go of the socket.
        Over = 4,
        /// An error was the reason: see `failure`.
        Failed = 8,
    }

    /// The kinds of a link's events: the first slot. The documentation of each kind names the other slots.
    LinkEvent {
        /// Open a socket.
        Connect = 0,
        /// Close the socket: 1 to destroy it.
        Close = 1,
        /// The handshake is done.
        Ready = 2,
        /// The connection is gone: attempts since it was last ready. Answer with `reconnectAfter`.
        Closed = 3,
        /// The link has ended and does not reconnect by itself.
        Ended = 4,
        /// A command will get no reply: its number, then an error.
        Rejected = 5,
        /// A subscriber's message: `MessageKind`, pattern, channel, payload.
        Message = 6,
        /// A line of MONITOR.
        Monitor = 7,
        /// The server unsubscribed this shard channel: its slot moved.
        Moved = 8,
        /// An error that belongs to no command: 0, then the error.
        Failed = 9,
        /// A warning for the log.
        Warning = 10,
        /// Make a second connection to the same node and write these bytes to it. Answer with `probeReceived` or `probeFailed`.
        Probe = 11,
        /// The server is ready and said this to INFO. Answer with `checked`.
        Check = 12,
        /// Ask the transport about bytes that wait to be acknowledged. Answer with `transport`.
        AskTransport = 13,
        /// The link gives up a command, which may be sent elsewhere: its number, 1 if the server may have run it, the milliseconds until its
        /// deadline if it has one.
        HandedBack = 14,
        /// The server does not prepare a fieldset for HIMPORT SET: its index, then the error.
        FieldsetRefused = 15,
        /// The server refuses the credentials that were to replace those in use: 0, then the error.
        CredentialsRefused = 16,
        /// Callers are in another database than they have selected last: that SELECT was not carried out.
        Database = 17,
        /// The commands of a transaction have not run, so the server has learned nothing from them.
        NothingRan = 18,
    }

    /// The kinds of subscriptions that deliver messages.
    MessageKind {
        /// SUBSCRIBE
        Channel = 0,
        /// PSUBSCRIBE
        Pattern = 1,
        /// SSUBSCRIBE
        Shard = 2,
    }

    /// Bits of a command's class. The lowest eight belong to its name, those from bit 16 on to one call.
    ClassBit {
        /// Sending it twice has the effect of sending it once.
        Idempotent = 0x1,
        /// May block at the server for as long as its caller asked.
        Blocking = 0x2,
        /// The class depends on the arguments; the core looks at them.
        Inspect = 0x4,
        /// The server runs it while it loads its data.
        Loading = 0x8,
        /// A read that servers call fast and that no module implements.
        Quick = 0x10,
        /// What the command does to its connection. Most commands have none of these bits.
        Kind = 0xff00,
        /// The caller wants the reply as Buffers.
        Buffers = 0x1_0000,
        /// Not the first command of its pipeline.
        PipelineTail = 0x2_0000,
        /// Between MULTI and EXEC, including EXEC.
        InTransaction = 0x4_0000,
    }

    /// Node numbers that are no nodes. `route()` takes the commands of slots with these.
    ClusterNodeNumber {
        /// The slot is held: its commands wait for a redirect, a lost node or a delay.
        Wait = 65534,
        /// No map covers the slot.
        Uncovered = 65535,
    }

    /// Places in a cluster's state array. The core fills it in every call.
    ClusterState {
        /// How many actions wait: see `actions()`.
        Actions = 0,
        /// Milliseconds until `tick()` wants to be called; -1: never.
        WakeIn = 1,
        /// The moment of `WakeIn` on the core's clock, in milliseconds; -1: never. Equal moments need no new timer.
        WakeAt = 2,
    }

    /// What is true of a command that the cluster is given.
    TicketFlag {
        /// A node may have run it already.
        MaybeExecuted = 1,
    }

    /// The kinds of a cluster's actions: the first slot. The documentation of each kind names the other slots.
    ClusterAction {
        /// Make a client for a node: number, address, 1 for a replica. It connects with its first command. Also for a node whose link has ended.
        Open = 0,
        /// Close a node that has left, or whose address another number has now, and forget its number: number, address.
        Close = 1,
        /// A node has another role: number, 1 for a replica.
        Role = 2,
        /// Ask for the slot map on a connection of its own: request, number or `Uncovered`, address, 1 to ask for the epoch first. Answer with `mapReceived` or `mapFailed`.
        AskMap = 3,
        /// The answer to this request is not wanted any more: close its connection.
        DropMap = 4,
        /// Send a command: ticket, node, 1 for behind an ASKING, its trail. Keep the trail with the command for `refused` and `handedBack`.
        Send = 5,
        /// Reject a command: ticket, `ClusterRejection`, text of the last error, 1 if a node may have run it.
        Reject = 6,
        /// A command is the driver's again, because the cluster was stopped: ticket.
        Back = 7,
        /// Say what a node's present link has not answered: fence, node. Answer with `answered`, or with `pending` now and `answered` later.
        Fence = 8,
        /// The slot map is known: 1 if it is another one than before.
        Refreshed = 9,
        /// No node has given a usable slot map: text and address of the last failure.
        RefreshFailed = 10,
        /// A node did not give its map, or sent something that is not allowed: number or `Uncovered`, address, text, 1 for the latter.
        NodeError = 11,
        /// Shards are others than before: see `groups()`.
        Mapped = 12,
        /// Drop a node's connection now, so that its commands are handed back: number.
        Cut = 13,
    }

    /// Why a cluster rejects a command.
    ClusterRejection {
        /// It was refused, or its node was lost, too many times.
        TooManyRedirections = 0,
        /// A node sent a redirect that is not allowed.
        Protocol = 1,
    }

    /// Places in an error, within an event or a decision.
    ErrorSlot {
        /// Its code, a text of `ErrorCode`.
        Code = 0,
        /// Its message; `undefined` where the code says all.
        Message = 1,
        /// 1 if the server may have run the command anyway.
        MaybeExecuted = 2,
        /// Only of a decision: the address of the server that it is about, where there are several.
        Node = 3,
    }
}

pub(super) use numbers;
