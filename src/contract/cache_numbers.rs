//! The numbers and letters of the cache that cross between the core and the facade.

use super::numbers::{numbers, Numbers};

/// How many slots one decision of the cache takes.
pub const DECISION_SLOTS: usize = 4;

numbers! {
    CACHE_NUMBERS:

    /// Places in the cache's state array.
    CacheSlot {
        /// Decisions that wait: see `decisions()`.
        Decisions = 0,
        /// 1 if a link of the cache has bytes to write.
        Writable = 1,
        /// Milliseconds until `tick()` wants to be called; -1: never.
        TickIn = 2,
        /// 1 if a server of a cluster has redirected an operation of the cache: the map of slots is out of date.
        MapOutdated = 3,
        /// Milliseconds for which near copies may be served: until then their lanes are proven alive. Infinite where nothing can fail.
        NearProvenIn = 4,
        /// How many hits wait in the array of hits: for each the call, the number of a parsed value, and what it counts as (`Hit`). They come after the
        /// decisions. JavaScript sets it to 0 when it has taken them.
        Hits = 5,
        /// Payloads that wait to be packed or unpacked on another thread: call `work()`.
        Jobs = 6,
    }

    /// The kinds of the cache's decisions: the first slot. The second slot is the call; the documentation of each kind names a and b.
    Decision {
        /// The value: a is its text, b what it counts as (`Hit`).
        Hit = 0,
        /// There is no value.
        Miss = 1,
        /// Run this call's loader: a is the load, b 1 if its result will not be offered to the store.
        Load = 2,
        /// Run the loader of this call, which has been answered, in the background: a is the load.
        Refresh = 3,
        /// The loader's own caller may resolve with the loader's value: a is the load, b 1 if it was stored.
        Stored = 4,
        /// The call fails as the load a did: its own, or the one it joined.
        FailedWith = 5,
        /// The call resolves with nothing, as the load a did.
        Nothing = 6,
        /// Done: a is how many were deleted or invalidated; 1 where `has` is true.
        Done = 7,
        /// The call fails: a is an error, b is 1 if the operation is kept and will be repeated.
        Error = 8,
        /// The call waits for another's load.
        Waiting = 9,
        /// For listeners: the second slot is the repository or 0, a the event's name, b its text.
        Event = 10,
        /// The load a is over: no later decision names it. Or, with a call and no load: no refresh follows its stale hit.
        LoadOver = 11,
        /// Something that the cache did not do: the second slot is the repository or 0, a a `Shortfall`, b how many.
        Counted = 12,
        /// Keep a value: the second slot is its number among the parsed values, a its text. Decisions that name it follow.
        Keep = 13,
        /// The value is the parsed value a: b is what it counts as (`Hit`).
        HitParsed = 14,
        /// The fill of the second slot is done: a is the value's text, b an array: copy, stamp, age, ttl, fresh (milliseconds), tag...
        NearFilled = 15,
        /// The fill of the second slot brings no copy.
        NearRefused = 16,
        /// The copy of the second slot may not be served any more.
        NearDropped = 17,
        /// Nothing can be tracked on the lane of the node in the second slot: it is not needed.
        LaneUseless = 18,
        /// A step through the keys of a repository: a is an array: the next cursor, `undefined` after the last step, then key...
        Scanned = 19,
        /// What is at keys: a is an array: the text of the first key's payload if it was asked for and there is one, then an array of a report for each
        /// key, see `lib/cache/inspect.ts`.
        Inspected = 20,
        /// A packed value was stored: the second slot is the repository, a how many bytes it has, b how many were stored for it.
        Packed = 21,
    }

    /// What is at an entry's key.
    EntryState {
        /// Nothing, or a lease that has run out.
        Missing = 0,
        /// A lease: a load is under way.
        Loading = 1,
        /// The same, but a tag of the lease was invalidated, or its origin differs: nobody will be served what it brings.
        LoadingInVain = 2,
        /// An entry that is served.
        Fresh = 3,
        /// An entry that is served and refreshed.
        Stale = 4,
        /// An entry that is kept for loaders that fail.
        Expired = 5,
        /// An entry one of whose versions is not the current one.
        Invalidated = 6,
        /// An entry that was written under another replication id.
        OtherOrigin = 7,
        /// A value of hawser's whose header cannot be read.
        Damaged = 8,
        /// A value that hawser did not write.
        Foreign = 9,
    }

    /// A tag's version in a header, compared with the current one.
    TagState {
        /// It is the current one.
        Current = 0,
        /// There is another one.
        Changed = 1,
        /// There is none.
        Missing = 2,
        /// The one that is there was written under another replication id.
        OtherOrigin = 3,
    }

    /// What the cache did not do, or does not do yet.
    Shortfall {
        /// A read went without the cache: the store was silent or away for the budget of a step.
        ReadTimedOut = 0,
        /// A read went without the cache: after silences in a row the store is not asked for a while.
        ReadNotAsked = 1,
        /// A read went without the cache: the store refused it.
        ReadRefused = 2,
        /// A read went without the cache: another load took longer than its lock time-out, or the entry changed all the time.
        ReadWaited = 3,
        /// A result was not stored: the store was silent or away.
        NotStoredTimedOut = 4,
        /// A result was not stored: its lease was gone, because of an invalidation for example.
        NotStoredLeaseLost = 5,
        /// A result was not stored: the store refused it.
        NotStoredRefused = 6,
        /// A stale value was not refreshed: the store was silent or away, or refused.
        RefreshDropped = 7,
        /// A loader has been running for 30 s.
        SlowLoad = 8,
        /// A loader has been running for longer than a load may: its result will not be stored.
        EndlessLoad = 9,
        /// Invalidations that could not be delivered yet. Not how many more, but how many there are.
        PendingInvalidations = 10,
        /// A result was not stored: a tag that came with it may have been invalidated while its loader ran.
        NotStoredUnproven = 11,
    }

    /// What a value that is served counts as.
    Hit {
        /// A hit.
        Fresh = 0,
        /// A stale value. A refresh by this call's loader may follow.
        Stale = 1,
        /// What another's load brought: a miss.
        Joined = 2,
        /// A value kept for `staleIfError`, after this call's own loader failed or was too slow: not counted, its load was the miss.
        Kept = 3,
        /// A hit. A refresh by this call's loader may follow.
        Early = 4,
    }
}

numbers! {
    LETTERS:

    /// The first part of a message to the cache. The documentation of each letter names the other parts; an empty part is not set.
    CallLetter {
        /// In a form of its own (`cache::wire`): call key, then reader ttl keep fresh maxAge lockTimeout extras tag..., where reader is a repo, or `repo:codec` for parsed values; extras: `t` if the result brings tags, then early refresh in thousandths
        GetOrSet = b'G',
        /// The same, of a caller who could not decode the entry: it counts as missing.
        GetOrSetReplacing = b'N',
        /// call reader key fresh maxAge
        Get = b'R',
        /// call repo key
        Has = b'H',
        /// call repo key ttl keep fresh form payload tag..., where form is empty for a text, or: `b` if the value is a `Buffer`, `u` if it is a `Uint8Array`, `-` for a text; then, if it is to be packed, `z` or `l`, the level, `:` and the least number of bytes; then `?` if the message waits for `Word`
        Set = b'S',
        /// call repo key...
        Delete = b'D',
        /// call repo glob
        DeletePattern = b'P',
        /// call repo tag...
        InvalidateTags = b'T',
        /// call repo
        Clear = b'C',
        /// load form payload: its loader returned this value.
        Loaded = b'V',
        /// load ttl keep fresh form payload tag...: its loader returned this value, with these options.
        LoadedOn = b'L',
        /// load ttl keep fresh tag...: the value that was to be replaced is still the right one.
        Unmodified = b'K',
        /// load: its loader returned nothing.
        LoadedNothing = b'U',
        /// load: its loader failed.
        LoadFailed = b'F',
        /// call load tag...
        AddTags = b'A',
        /// call: its caller gave it up.
        Cancel = b'X',
        /// parsed: the parsed value with this number is not kept any longer.
        Dropped = b'E',
        /// fill repo key tag...: makes a near copy of an entry.
        NearFill = b'W',
        /// copy...: the facade has let these near copies go.
        NearForget = b'Z',
        /// call: its caller would rather have the value that is being replaced than wait any longer.
        Soften = b'Y',
        /// call repo inFull fresh maxAge keep key...: what is at these keys; inFull: 1 to have the payload too.
        Inspect = b'I',
        /// call repo cursor glob: one step through the keys; an empty cursor begins.
        Scan = b'Q',
        /// call word: a `set` whose form ends in `?` goes on if the word is 1, and counts as never sent if it is 0.
        Word = b'J',
    }
}
