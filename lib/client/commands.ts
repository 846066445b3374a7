/**
 * The types of the commands' methods: arguments are what goes on the wire, the last one may be a node-style callback. Reply types are those of
 * the commands' pages under RESP2's shapes; a command without one here resolves `unknown`.
 */
import type { Callback } from './command';

export type RedisKey = string | Buffer;
export type RedisValue = string | Buffer | number;
/** What a command takes: keys, values, options, lists of them; for mset, hset and the like also an object or a Map. */
export type CommandArgument = RedisValue | null | undefined | boolean | readonly CommandArgument[] | object | Callback<never>;

interface TextReplies {
  append: number;
  auth: 'OK';
  bitcount: number;
  bitop: number;
  bitpos: number;
  blpop: [string, string] | null;
  brpop: [string, string] | null;
  brpoplpush: string | null;
  bzpopmax: [string, string, string] | null;
  bzpopmin: [string, string, string] | null;
  client: unknown;
  config: unknown;
  copy: number;
  dbsize: number;
  decr: number;
  decrby: number;
  del: number;
  discard: 'OK';
  dump: string | null;
  echo: string;
  eval: unknown;
  evalsha: unknown;
  exists: number;
  expire: number;
  expireat: number;
  expiretime: number;
  flushall: 'OK';
  flushdb: 'OK';
  geoadd: number;
  get: string | null;
  getbit: number;
  getdel: string | null;
  getex: string | null;
  getrange: string;
  getset: string | null;
  hdel: number;
  hexists: number;
  hget: string | null;
  hgetall: Record<string, string>;
  hincrby: number;
  hincrbyfloat: string;
  hkeys: string[];
  hlen: number;
  hmget: (string | null)[];
  hmset: 'OK';
  hscan: [cursor: string, elements: string[]];
  hset: number;
  hsetnx: number;
  hstrlen: number;
  hvals: string[];
  incr: number;
  incrby: number;
  incrbyfloat: string;
  info: string;
  keys: string[];
  lindex: string | null;
  linsert: number;
  llen: number;
  lmove: string | null;
  lpop: string | string[] | null;
  lpush: number;
  lpushx: number;
  lrange: string[];
  lrem: number;
  lset: 'OK';
  ltrim: 'OK';
  mget: (string | null)[];
  mset: 'OK';
  msetnx: number;
  persist: number;
  pexpire: number;
  pexpireat: number;
  pfadd: number;
  pfcount: number;
  pfmerge: 'OK';
  ping: string;
  psetex: 'OK';
  psubscribe: number;
  pttl: number;
  publish: number;
  punsubscribe: number;
  quit: 'OK';
  randomkey: string | null;
  rename: 'OK';
  renamenx: number;
  rpop: string | string[] | null;
  rpoplpush: string | null;
  rpush: number;
  rpushx: number;
  sadd: number;
  scan: [cursor: string, keys: string[]];
  scard: number;
  script: unknown;
  sdiff: string[];
  select: 'OK';
  set: string | null;
  setbit: number;
  setex: 'OK';
  setnx: number;
  setrange: number;
  sinter: string[];
  sismember: number;
  smembers: string[];
  smismember: number[];
  smove: number;
  spop: string | string[] | null;
  spublish: number;
  srandmember: string | string[] | null;
  srem: number;
  sscan: [cursor: string, elements: string[]];
  ssubscribe: number;
  strlen: number;
  subscribe: number;
  sunion: string[];
  sunsubscribe: number;
  time: [seconds: string, microseconds: string];
  touch: number;
  ttl: number;
  type: string;
  unlink: number;
  unsubscribe: number;
  unwatch: 'OK';
  wait: number;
  watch: 'OK';
  xack: number;
  xadd: string | null;
  xdel: number;
  xlen: number;
  xrange: [id: string, fields: string[]][];
  xread: [key: string, items: [id: string, fields: string[]][]][] | null;
  xtrim: number;
  zadd: number | string | null;
  zcard: number;
  zcount: number;
  zincrby: string;
  zrange: string[];
  zrangebyscore: string[];
  zrank: number | null;
  zrem: number;
  zremrangebyrank: number;
  zremrangebyscore: number;
  zrevrange: string[];
  zscan: [cursor: string, elements: string[]];
  zscore: string | null;
}

type UntypedNames =
  | 'acl' | 'asking' | 'bgrewriteaof' | 'bgsave' | 'bitfield' | 'bitfield_ro' | 'blmove' | 'blmpop' | 'bzmpop' | 'cluster' | 'command'
  | 'debug' | 'eval_ro' | 'evalsha_ro' | 'failover' | 'fcall' | 'fcall_ro' | 'function' | 'geodist' | 'geohash' | 'geopos' | 'georadius'
  | 'georadius_ro' | 'georadiusbymember' | 'georadiusbymember_ro' | 'geosearch' | 'geosearchstore' | 'hello' | 'hrandfield' | 'lastsave'
  | 'latency' | 'lcs' | 'lmpop' | 'lolwut' | 'lpos' | 'memory' | 'migrate' | 'module' | 'move' | 'object' | 'pexpiretime' | 'pubsub'
  | 'readonly' | 'readwrite' | 'replicaof' | 'reset' | 'restore' | 'role' | 'save' | 'sdiffstore' | 'shutdown' | 'sintercard'
  | 'sinterstore' | 'slaveof' | 'slowlog' | 'sort' | 'sort_ro' | 'sunionstore' | 'swapdb' | 'waitaof' | 'xautoclaim' | 'xclaim' | 'xgroup'
  | 'xinfo' | 'xpending' | 'xreadgroup' | 'xrevrange' | 'xsetid' | 'zdiff' | 'zdiffstore' | 'zinter' | 'zintercard' | 'zinterstore'
  | 'zlexcount' | 'zmpop' | 'zmscore' | 'zpopmax' | 'zpopmin' | 'zrandmember' | 'zrangebylex' | 'zrangestore' | 'zremrangebylex'
  | 'zrevrangebylex' | 'zrevrangebyscore' | 'zrevrank' | 'zunion' | 'zunionstore';

/** Strings in a reply as Buffers. */
type Buffered<T> = T extends string ? Buffer : T extends readonly unknown[] ? { [K in keyof T]: Buffered<T[K]> } : T;

type TextMethods = { [K in keyof TextReplies]: (...args: CommandArgument[]) => Promise<TextReplies[K]> };
type BufferMethods = { [K in keyof TextReplies as `${K}Buffer`]: (...args: CommandArgument[]) => Promise<Buffered<TextReplies[K]>> };
type UntypedMethods = { [K in UntypedNames | `${UntypedNames}Buffer`]: (...args: CommandArgument[]) => Promise<unknown> };

/** Every command as a method that resolves its reply, and as `xBuffer` with Buffers for strings. */
export interface RedisCommands extends TextMethods, BufferMethods, UntypedMethods {
  /** Any command by its name, in any case. */
  call(name: string, ...args: CommandArgument[]): Promise<unknown>;
  callBuffer(name: string, ...args: CommandArgument[]): Promise<unknown>;
  send_command(name: string, ...args: CommandArgument[]): Promise<unknown>;
}

/** Every command as a method that adds it to the pipeline and returns the pipeline. */
export type ChainableCommands<Self> = { [K in Exclude<keyof RedisCommands, 'exec'>]: (...args: CommandArgument[]) => Self };
