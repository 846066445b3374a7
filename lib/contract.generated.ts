/** What the core and the facade agree on. Written from src/contract by `npm run contract`; a test of `cargo test` compares it. */

/** Places in a link's state array. The core fills it in every call. */
export const enum LinkSlot {
  /** The number of the first command that was answered. */
  FirstId = 0,
  /** Bits of `LinkFlag`. */
  Flags = 1,
  /** Milliseconds until `tick()` wants to be called; -1: never. */
  WakeIn = 2,
  /** Connections lost or not made since the link was last ready. */
  Attempts = 3,
  /** The database that callers' commands go to. */
  Database = 4,
  /** The protocol that the connection speaks: 2 or 3. */
  Protocol = 5,
  /** Commands that wait or are in flight. */
  Queued = 6,
  /** The moment of `WakeIn` on the core's clock, in milliseconds; -1: never. Equal moments need no new timer. */
  WakeAt = 7,
}

/** What is left to do after a call to a link. */
export const enum LinkFlag {
  /** Some replies are errors: see `errors()`. */
  Errors = 1,
  /** The commands that were answered are not numbered consecutively: see `ids()`. */
  Sparse = 2,
  /** The core wants bytes written: see `output()`. */
  Output = 4,
  /** The link has something to tell: see `events()`. */
  Events = 8,
}

/** What has happened to a connection that the socket thread serves. */
export const enum WireFlag {
  /** Bytes have arrived: see `receiveWire`. */
  Input = 1,
  /** The connection carries commands, or did so: its TLS handshake is over. */
  Open = 2,
  /** The socket thread has let go of the socket. */
  Over = 4,
  /** An error was the reason: see `failure`. */
  Failed = 8,
}

/** The kinds of a link's events: the first slot. The documentation of each kind names the other slots. */
export const enum LinkEvent {
  /** Open a socket. */
  Connect = 0,
  /** Close the socket: 1 to destroy it. */
  Close = 1,
  /** The handshake is done. */
  Ready = 2,
  /** The connection is gone: attempts since it was last ready. Answer with `reconnectAfter`. */
  Closed = 3,
  /** The link has ended and does not reconnect by itself. */
  Ended = 4,
  /** A command will get no reply: its number, then an error. */
  Rejected = 5,
  /** A subscriber's message: `MessageKind`, pattern, channel, payload. */
  Message = 6,
  /** A line of MONITOR. */
  Monitor = 7,
  /** The server unsubscribed this shard channel: its slot moved. */
  Moved = 8,
  /** An error that belongs to no command: 0, then the error. */
  Failed = 9,
  /** A warning for the log. */
  Warning = 10,
  /** Make a second connection to the same node and write these bytes to it. Answer with `probeReceived` or `probeFailed`. */
  Probe = 11,
  /** The server is ready and said this to INFO. Answer with `checked`. */
  Check = 12,
  /** Ask the transport about bytes that wait to be acknowledged. Answer with `transport`. */
  AskTransport = 13,
  /** The link gives up a command, which may be sent elsewhere: its number, 1 if the server may have run it, the milliseconds until its deadline if it has one. */
  HandedBack = 14,
  /** The server does not prepare a fieldset for HIMPORT SET: its index, then the error. */
  FieldsetRefused = 15,
  /** The server refuses the credentials that were to replace those in use: 0, then the error. */
  CredentialsRefused = 16,
  /** Callers are in another database than they have selected last: that SELECT was not carried out. */
  Database = 17,
  /** The commands of a transaction have not run, so the server has learned nothing from them. */
  NothingRan = 18,
}

/** The kinds of subscriptions that deliver messages. */
export const enum MessageKind {
  /** SUBSCRIBE */
  Channel = 0,
  /** PSUBSCRIBE */
  Pattern = 1,
  /** SSUBSCRIBE */
  Shard = 2,
}

/** Bits of a command's class. The lowest eight belong to its name, those from bit 16 on to one call. */
export const enum ClassBit {
  /** Sending it twice has the effect of sending it once. */
  Idempotent = 1,
  /** May block at the server for as long as its caller asked. */
  Blocking = 2,
  /** The class depends on the arguments; the core looks at them. */
  Inspect = 4,
  /** The server runs it while it loads its data. */
  Loading = 8,
  /** A read that servers call fast and that no module implements. */
  Quick = 16,
  /** What the command does to its connection. Most commands have none of these bits. */
  Kind = 65280,
  /** The caller wants the reply as Buffers. */
  Buffers = 65536,
  /** Not the first command of its pipeline. */
  PipelineTail = 131072,
  /** Between MULTI and EXEC, including EXEC. */
  InTransaction = 262144,
}

/** Node numbers that are no nodes. `route()` takes the commands of slots with these. */
export const enum ClusterNodeNumber {
  /** The slot is held: its commands wait for a redirect, a lost node or a delay. */
  Wait = 65534,
  /** No map covers the slot. */
  Uncovered = 65535,
}

/** Places in a cluster's state array. The core fills it in every call. */
export const enum ClusterState {
  /** How many actions wait: see `actions()`. */
  Actions = 0,
  /** Milliseconds until `tick()` wants to be called; -1: never. */
  WakeIn = 1,
  /** The moment of `WakeIn` on the core's clock, in milliseconds; -1: never. Equal moments need no new timer. */
  WakeAt = 2,
}

/** What is true of a command that the cluster is given. */
export const enum TicketFlag {
  /** A node may have run it already. */
  MaybeExecuted = 1,
}

/** The kinds of a cluster's actions: the first slot. The documentation of each kind names the other slots. */
export const enum ClusterAction {
  /** Make a client for a node: number, address, 1 for a replica. It connects with its first command. Also for a node whose link has ended. */
  Open = 0,
  /** Close a node that has left, or whose address another number has now, and forget its number: number, address. */
  Close = 1,
  /** A node has another role: number, 1 for a replica. */
  Role = 2,
  /** Ask for the slot map on a connection of its own: request, number or `Uncovered`, address, 1 to ask for the epoch first. Answer with `mapReceived` or `mapFailed`. */
  AskMap = 3,
  /** The answer to this request is not wanted any more: close its connection. */
  DropMap = 4,
  /** Send a command: ticket, node, 1 for behind an ASKING, its trail. Keep the trail with the command for `refused` and `handedBack`. */
  Send = 5,
  /** Reject a command: ticket, `ClusterRejection`, text of the last error, 1 if a node may have run it. */
  Reject = 6,
  /** A command is the driver's again, because the cluster was stopped: ticket. */
  Back = 7,
  /** Say what a node's present link has not answered: fence, node. Answer with `answered`, or with `pending` now and `answered` later. */
  Fence = 8,
  /** The slot map is known: 1 if it is another one than before. */
  Refreshed = 9,
  /** No node has given a usable slot map: text and address of the last failure. */
  RefreshFailed = 10,
  /** A node did not give its map, or sent something that is not allowed: number or `Uncovered`, address, text, 1 for the latter. */
  NodeError = 11,
  /** Shards are others than before: see `groups()`. */
  Mapped = 12,
  /** Drop a node's connection now, so that its commands are handed back: number. */
  Cut = 13,
}

/** Why a cluster rejects a command. */
export const enum ClusterRejection {
  /** It was refused, or its node was lost, too many times. */
  TooManyRedirections = 0,
  /** A node sent a redirect that is not allowed. */
  Protocol = 1,
}

/** Places in an error, within an event or a decision. */
export const enum ErrorSlot {
  /** Its code, a text of `ErrorCode`. */
  Code = 0,
  /** Its message; `undefined` where the code says all. */
  Message = 1,
  /** 1 if the server may have run the command anyway. */
  MaybeExecuted = 2,
  /** Only of a decision: the address of the server that it is about, where there are several. */
  Node = 3,
}

/** Places in the cache's state array. */
export const enum CacheSlot {
  /** Decisions that wait: see `decisions()`. */
  Decisions = 0,
  /** 1 if a link of the cache has bytes to write. */
  Writable = 1,
  /** Milliseconds until `tick()` wants to be called; -1: never. */
  TickIn = 2,
  /** 1 if a server of a cluster has redirected an operation of the cache: the map of slots is out of date. */
  MapOutdated = 3,
  /** Milliseconds for which near copies may be served: until then their lanes are proven alive. Infinite where nothing can fail. */
  NearProvenIn = 4,
  /** How many hits wait in the array of hits: for each the call, the number of a parsed value, and what it counts as (`Hit`). They come after the decisions. JavaScript sets it to 0 when it has taken them. */
  Hits = 5,
  /** Payloads that wait to be packed or unpacked on another thread: call `work()`. */
  Jobs = 6,
}

/** The kinds of the cache's decisions: the first slot. The second slot is the call; the documentation of each kind names a and b. */
export const enum Decision {
  /** The value: a is its text, b what it counts as (`Hit`). */
  Hit = 0,
  /** There is no value. */
  Miss = 1,
  /** Run this call's loader: a is the load, b 1 if its result will not be offered to the store. */
  Load = 2,
  /** Run the loader of this call, which has been answered, in the background: a is the load. */
  Refresh = 3,
  /** The loader's own caller may resolve with the loader's value: a is the load, b 1 if it was stored. */
  Stored = 4,
  /** The call fails as the load a did: its own, or the one it joined. */
  FailedWith = 5,
  /** The call resolves with nothing, as the load a did. */
  Nothing = 6,
  /** Done: a is how many were deleted or invalidated; 1 where `has` is true. */
  Done = 7,
  /** The call fails: a is an error, b is 1 if the operation is kept and will be repeated. */
  Error = 8,
  /** The call waits for another's load. */
  Waiting = 9,
  /** For listeners: the second slot is the repository or 0, a the event's name, b its text. */
  Event = 10,
  /** The load a is over: no later decision names it. Or, with a call and no load: no refresh follows its stale hit. */
  LoadOver = 11,
  /** Something that the cache did not do: the second slot is the repository or 0, a a `Shortfall`, b how many. */
  Counted = 12,
  /** Keep a value: the second slot is its number among the parsed values, a its text. Decisions that name it follow. */
  Keep = 13,
  /** The value is the parsed value a: b is what it counts as (`Hit`). */
  HitParsed = 14,
  /** The fill of the second slot is done: a is the value's text, b an array: copy, stamp, age, ttl, fresh (milliseconds), tag... */
  NearFilled = 15,
  /** The fill of the second slot brings no copy. */
  NearRefused = 16,
  /** The copy of the second slot may not be served any more. */
  NearDropped = 17,
  /** Nothing can be tracked on the lane of the node in the second slot: it is not needed. */
  LaneUseless = 18,
  /** A step through the keys of a repository: a is an array: the next cursor, `undefined` after the last step, then key... */
  Scanned = 19,
  /** What is at keys: a is an array: the text of the first key's payload if it was asked for and there is one, then an array of a report for each key, see `lib/cache/inspect.ts`. */
  Inspected = 20,
  /** A packed value was stored: the second slot is the repository, a how many bytes it has, b how many were stored for it. */
  Packed = 21,
}

/** What is at an entry's key. */
export const enum EntryState {
  /** Nothing, or a lease that has run out. */
  Missing = 0,
  /** A lease: a load is under way. */
  Loading = 1,
  /** The same, but a tag of the lease was invalidated, or its origin differs: nobody will be served what it brings. */
  LoadingInVain = 2,
  /** An entry that is served. */
  Fresh = 3,
  /** An entry that is served and refreshed. */
  Stale = 4,
  /** An entry that is kept for loaders that fail. */
  Expired = 5,
  /** An entry one of whose versions is not the current one. */
  Invalidated = 6,
  /** An entry that was written under another replication id. */
  OtherOrigin = 7,
  /** A value of hawser's whose header cannot be read. */
  Damaged = 8,
  /** A value that hawser did not write. */
  Foreign = 9,
}

/** A tag's version in a header, compared with the current one. */
export const enum TagState {
  /** It is the current one. */
  Current = 0,
  /** There is another one. */
  Changed = 1,
  /** There is none. */
  Missing = 2,
  /** The one that is there was written under another replication id. */
  OtherOrigin = 3,
}

/** What the cache did not do, or does not do yet. */
export const enum Shortfall {
  /** A read went without the cache: the store was silent or away for the budget of a step. */
  ReadTimedOut = 0,
  /** A read went without the cache: after silences in a row the store is not asked for a while. */
  ReadNotAsked = 1,
  /** A read went without the cache: the store refused it. */
  ReadRefused = 2,
  /** A read went without the cache: another load took longer than its lock time-out, or the entry changed all the time. */
  ReadWaited = 3,
  /** A result was not stored: the store was silent or away. */
  NotStoredTimedOut = 4,
  /** A result was not stored: its lease was gone, because of an invalidation for example. */
  NotStoredLeaseLost = 5,
  /** A result was not stored: the store refused it. */
  NotStoredRefused = 6,
  /** A stale value was not refreshed: the store was silent or away, or refused. */
  RefreshDropped = 7,
  /** A loader has been running for 30 s. */
  SlowLoad = 8,
  /** A loader has been running for longer than a load may: its result will not be stored. */
  EndlessLoad = 9,
  /** Invalidations that could not be delivered yet. Not how many more, but how many there are. */
  PendingInvalidations = 10,
  /** A result was not stored: a tag that came with it may have been invalidated while its loader ran. */
  NotStoredUnproven = 11,
}

/** What a value that is served counts as. */
export const enum Hit {
  /** A hit. */
  Fresh = 0,
  /** A stale value. A refresh by this call's loader may follow. */
  Stale = 1,
  /** What another's load brought: a miss. */
  Joined = 2,
  /** A value kept for `staleIfError`, after this call's own loader failed or was too slow: not counted, its load was the miss. */
  Kept = 3,
  /** A hit. A refresh by this call's loader may follow. */
  Early = 4,
}

/** The first part of a message to the cache. The documentation of each letter names the other parts; an empty part is not set. */
export const enum CallLetter {
  /** In a form of its own (`cache::wire`): call key, then reader ttl keep fresh maxAge lockTimeout extras tag..., where reader is a repo, or `repo:codec` for parsed values; extras: `t` if the result brings tags, then early refresh in thousandths */
  GetOrSet = 'G',
  /** The same, of a caller who could not decode the entry: it counts as missing. */
  GetOrSetReplacing = 'N',
  /** call reader key fresh maxAge */
  Get = 'R',
  /** call repo key */
  Has = 'H',
  /** call repo key ttl keep fresh form payload tag..., where form is empty for a text, or: `b` if the value is a `Buffer`, `u` if it is a `Uint8Array`, `-` for a text; then, if it is to be packed, `z` or `l`, the level, `:` and the least number of bytes; then `?` if the message waits for `Word` */
  Set = 'S',
  /** call repo key... */
  Delete = 'D',
  /** call repo glob */
  DeletePattern = 'P',
  /** call repo tag... */
  InvalidateTags = 'T',
  /** call repo */
  Clear = 'C',
  /** load form payload: its loader returned this value. */
  Loaded = 'V',
  /** load ttl keep fresh form payload tag...: its loader returned this value, with these options. */
  LoadedOn = 'L',
  /** load ttl keep fresh tag...: the value that was to be replaced is still the right one. */
  Unmodified = 'K',
  /** load: its loader returned nothing. */
  LoadedNothing = 'U',
  /** load: its loader failed. */
  LoadFailed = 'F',
  /** call load tag... */
  AddTags = 'A',
  /** call: its caller gave it up. */
  Cancel = 'X',
  /** parsed: the parsed value with this number is not kept any longer. */
  Dropped = 'E',
  /** fill repo key tag...: makes a near copy of an entry. */
  NearFill = 'W',
  /** copy...: the facade has let these near copies go. */
  NearForget = 'Z',
  /** call: its caller would rather have the value that is being replaced than wait any longer. */
  Soften = 'Y',
  /** call repo inFull fresh maxAge keep key...: what is at these keys; inFull: 1 to have the payload too. */
  Inspect = 'I',
  /** call repo cursor glob: one step through the keys; an empty cursor begins. */
  Scan = 'Q',
  /** call word: a `set` whose form ends in `?` goes on if the word is 1, and counts as never sent if it is 0. */
  Word = 'J',
}

/* eslint-disable @typescript-eslint/no-duplicate-enum-values -- different things may have the same size */

/** How many slots each thing takes. */
export const enum Slots {
  /** One event of a link. */
  Event = 5,
  /** One decision of the cache. */
  Decision = 4,
  /** One action of a cluster. */
  ClusterAction = 5,
  /** The state array of a link. */
  LinkState = 8,
  /** The state array of a cluster. */
  ClusterState = 3,
  /** The state array of the cache. */
  CacheState = 7,
}

/** Codes of errors that come from the core. */
export type ErrorCode =
  | 'E_TIMEOUT'
  | 'E_CONN_CLOSED'
  | 'E_ABORTED'
  | 'E_MAX_RETRIES'
  | 'E_OFFLINE'
  | 'E_QUEUE_FULL'
  | 'E_PROTOCOL'
  | 'E_BAD_OPTION'
  | 'E_REPLY'
  | 'E_NO_DATABASE'
  | 'E_BAD_STATE'
  | 'E_NEEDS_SERVER'
  | 'E_UNSUPPORTED'
  | 'E_INTERNAL';

/**
 * Which commands are sent again when the connection was cut after they were sent and before they were answered.
 */
export type ResendSetting = "all" | "idempotent" | "none";

/**
 * The values for CLIENT SETINFO.
 */
export type ClientInfoSettings = {
/**
 * LIB-NAME
 */
name: string,
/**
 * LIB-VER
 */
version: string, };

/**
 * The settings of a link.
 */
export type LinkSettings = {
/**
 * 3: HELLO 3 first. 2: RESP2.
 */
protocol?: number | null,
/**
 * ACL user.
 */
username?: string | null,
/**
 * Password.
 */
password?: string | null,
/**
 * Database to select.
 */
db?: number | null,
/**
 * Whether commands for a database that the server does not select are rejected.
 */
strictDatabase?: boolean | null,
/**
 * CLIENT SETNAME.
 */
connectionName?: string | null,
/**
 * READONLY in the handshake.
 */
readOnly?: boolean | null,
/**
 * CLIENT SETINFO.
 */
clientInfo?: ClientInfoSettings | null,
/**
 * Fieldsets that each connection prepares for HIMPORT SET: the name, then the fields. Each character is one byte.
 */
himportFieldsets?: Array<Array<string>> | null,
/**
 * INFO before the link counts as ready.
 */
readyCheck?: boolean | null,
/**
 * Whether the facade decides if the server is acceptable.
 */
asksDriver?: boolean | null,
/**
 * Longest wait between two looks at a loading server, in milliseconds.
 */
maxLoadingRetryMs?: number | null,
/**
 * Whether commands wait while the link is not ready.
 */
offlineQueue?: boolean | null,
/**
 * Which commands are sent again after a cut.
 */
resend?: ResendSetting | null,
/**
 * Whether commands in flight survive a cut at all.
 */
autoResend?: boolean | null,
/**
 * Waiting commands are rejected after this many reconnects in a row; null: never.
 */
maxRetriesPerRequest?: number | null,
/**
 * Deadline of every command that does not block, in milliseconds.
 */
commandTimeoutMs?: number | null,
/**
 * Whether subscriptions are restored after a reconnect.
 */
autoResubscribe?: boolean | null,
/**
 * Commands that may wait or be in flight; 0: no bound.
 */
maxQueueCommands?: number | null,
/**
 * Bytes that may wait or be in flight; 0: no bound.
 */
maxQueueBytes?: number | null,
/**
 * Silence after which the server is asked, in milliseconds; 0: never.
 */
watchdogMs?: number | null,
/**
 * Whether commands that the server refused for the moment are sent again.
 */
retryRefused?: boolean | null,
/**
 * Whether commands that lose their connection are handed back instead of sent again or rejected.
 */
handsBack?: boolean | null,
/**
 * Whether a server that says READONLY is left for another one.
 */
leavesReplicas?: boolean | null,
/**
 * Whether the facade brings the credentials for each connection.
 */
bringsCredentials?: boolean | null,
/**
 * How deep replies may be nested.
 */
maxReplyDepth?: number | null,
/**
 * How many elements a reply may have.
 */
maxReplyElements?: number | null,
/**
 * How many bytes a reply may have.
 */
maxReplyBytes?: number | null, };

/**
 * The settings of a cluster. Durations are in milliseconds.
 */
export type ClusterSettings = {
/**
 * How many times a command is sent elsewhere or again.
 */
maxRedirections?: number | null,
/**
 * Delay before a command follows its slot.
 */
retryDelayOnMoved?: number | null,
/**
 * Delay before the commands of a lost node are sent again; 0: they are not taken.
 */
retryDelayOnFailover?: number | null,
/**
 * Delay after CLUSTERDOWN; 0: such commands are not taken.
 */
retryDelayOnClusterDown?: number | null,
/**
 * Delay after TRYAGAIN.
 */
retryDelayOnTryAgain?: number | null,
/**
 * How long a node may take to give its slot map.
 */
slotsRefreshTimeout?: number | null,
/**
 * How often the slot map is read without a reason; absent: never.
 */
slotsRefreshInterval?: number | null, };

/**
 * What entries of a former master are worth.
 */
export type AfterFailoverSetting = "cold" | "trust";

/**
 * The settings of the cache.
 */
export type CacheSettings = {
/**
 * Budget of all store steps of one read before its loader, in milliseconds.
 */
commandTimeoutMs?: number | null,
/**
 * The same while the first connection is being made.
 */
connectBudgetMs?: number | null,
/**
 * Budget of a write, in milliseconds.
 */
writeTimeoutMs?: number | null,
/**
 * How long a lease lives, in milliseconds.
 */
leaseMs?: number | null,
/**
 * How often it is renewed, in milliseconds.
 */
renewMs?: number | null,
/**
 * How long a call waits for another's load, in milliseconds.
 */
lockTimeoutMs?: number | null,
/**
 * How long a load may run for its result to be stored, in milliseconds.
 */
longestLoadMs?: number | null,
/**
 * How many undelivered invalidations are kept.
 */
maxUndelivered?: number | null,
/**
 * Bound of the store in this process, in bytes.
 */
memoryBytes?: number | null,
/**
 * The longest value, in bytes: one that claims to be longer is not unpacked.
 */
maxValueBytes?: number | null,
/**
 * Bound of the parsed values that JavaScript keeps, in bytes: twice their length. 0: it keeps none.
 */
parsedBytes?: number | null,
/**
 * Whether stale entries are served while they are refreshed.
 */
swr?: boolean | null,
/**
 * What entries of a former master are worth.
 */
afterFailover?: AfterFailoverSetting | null, };

/**
 * What a connection URL names.
 */
export type UrlKind = "memory" | "tcp" | "unix" | "sentinel";

/**
 * A host of a URL that names several.
 */
export type UrlHost = {
/**
 * Host, without the brackets of an IPv6 address.
 */
host: string,
/**
 * Port.
 */
port: number | null, };

/**
 * The parts of a connection URL. A part that the URL does not name is null.
 */
export type UrlParts = {
/**
 * What the URL names.
 */
kind: UrlKind,
/**
 * Whether to use TLS.
 */
tls: boolean,
/**
 * ACL user, decoded.
 */
username: string | null,
/**
 * Password, decoded.
 */
password: string | null,
/**
 * Host, without the brackets of an IPv6 address.
 */
host: string | null,
/**
 * Port.
 */
port: number | null,
/**
 * The Sentinels, instead of host and port.
 */
hosts: Array<UrlHost>,
/**
 * A unix socket's path, decoded. Of other URLs what follows the host: `/3` for database 3, `/group/3` behind Sentinels.
 */
path: string,
/**
 * Names and values of the query, decoded.
 */
query: Array<[string, string]>, };

/**
 * The address of a server or of a Sentinel.
 */
export type ServerAddress = {
/**
 * A name or an IP address.
 */
host: string,
/**
 * From 1 on.
 */
port: number, };

/**
 * A Sentinel that the application names.
 */
export type StartSentinel = {
/**
 * A name or an IP address.
 */
host: string,
/**
 * From 1 on.
 */
port: number,
/**
 * 4 or 6; absent: any.
 */
family?: number | null, };

/**
 * A replica that the application prefers.
 */
export type PreferredReplica = {
/**
 * As Sentinel announces it.
 */
ip: string,
/**
 * As Sentinel announces it.
 */
port: string,
/**
 * The lowest one is taken first.
 */
prio: number, };

/**
 * Which server to find.
 */
export type WantedRole = "master" | "slave";

/**
 * The settings of the search.
 */
export type SentinelSettings = {
/**
 * The name of the master group.
 */
name: string,
/**
 * Which server to find.
 */
role: WantedRole,
/**
 * The Sentinels that the application names.
 */
sentinels: Array<StartSentinel>,
/**
 * Whether to learn of other Sentinels from those that answer.
 */
learns: boolean,
/**
 * Whether to listen to Sentinels all the time; otherwise only during an outage.
 */
watches: boolean,
/**
 * How many Sentinels to listen to at most.
 */
maxWatched: number,
/**
 * The replicas that the application prefers.
 */
preferred: Array<PreferredReplica>,
/**
 * Whether a function of the application chooses among the replicas.
 */
chooses: boolean, };

/**
 * What the driver reports. Sentinels are named by their numbers.
 */
export type SentinelInput = { "type": "find" } | { "type": "cancel" } | { "type": "answer",
/**
 * Which one.
 */
sentinel: number,
/**
 * The reply.
 */
server: unknown,
/**
 * The reply.
 */
sentinels: unknown, } | { "type": "failed",
/**
 * Which one.
 */
sentinel: number,
/**
 * Why, for messages.
 */
reason: string, } | { "type": "chosen",
/**
 * Which Sentinel they came from.
 */
sentinel: number,
/**
 * Absent: no preference.
 */
address: ServerAddress | null, } | { "type": "announced",
/**
 * In the same order.
 */
addresses: Array<ServerAddress>, } | { "type": "retryAfter",
/**
 * Milliseconds.
 */
ms: number | null, } | { "type": "connected" } | { "type": "role",
/**
 * `master` or `slave`.
 */
role: string | null, } | { "type": "ready" } | { "type": "lost",
/**
 * Milliseconds until the next `Find`; absent: there is none.
 */
waitsMs: number | null, } | { "type": "switched",
/**
 * Which Sentinel sent it.
 */
sentinel: number,
/**
 * The message.
 */
text: string, } | { "type": "timer" } | { "type": "close" };

/**
 * What the driver has to do.
 */
export type SentinelStep = { "type": "ask",
/**
 * Its number.
 */
sentinel: number,
/**
 * Its address.
 */
host: string,
/**
 * Its port.
 */
port: number,
/**
 * 4 or 6.
 */
family?: number | null, } | { "type": "dismiss",
/**
 * Its number.
 */
sentinel: number, } | { "type": "choose",
/**
 * The Sentinel that they came from.
 */
sentinel: number,
/**
 * The replicas.
 */
replicas: Array<Record<string, string>>, } | { "type": "announced",
/**
 * Their addresses.
 */
addresses: Array<ServerAddress>, } | { "type": "learned",
/**
 * Its address.
 */
address: ServerAddress, } | { "type": "bad",
/**
 * Why.
 */
message: string, } | { "type": "exhausted",
/**
 * How often, since `Find`.
 */
attempts: number, } | { "type": "failing",
/**
 * Why.
 */
message: string, } | { "type": "giveUp",
/**
 * Why.
 */
message: string, } | { "type": "found",
/**
 * As Sentinel announces it.
 */
address: ServerAddress, } | { "type": "verdict",
/**
 * If not, connect to another one.
 */
accepted: boolean, } | { "type": "watch",
/**
 * Its number.
 */
sentinel: number,
/**
 * Its address.
 */
host: string,
/**
 * Its port.
 */
port: number,
/**
 * 4 or 6.
 */
family?: number | null, } | { "type": "unwatch",
/**
 * Its number.
 */
sentinel: number, } | { "type": "switch" };

/**
 * The steps that follow from an input.
 */
export type SentinelSteps = {
/**
 * In this order.
 */
steps: Array<SentinelStep>,
/**
 * Milliseconds until `Timer` is due; absent: never.
 */
wakeInMs?: number | null, };
