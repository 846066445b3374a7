/** Reads the journal of invalidations on a server: creates it, keeps it alive, and notices when something is missing. */
import { setTimeout } from '../clock';
import { LATE, within } from '../manager/budget';
import { logger, openClient, type Client } from '../manager/connections';
import { rest } from '../manager/cluster';
import { messageOf } from '../observe/errors';
import { entryOf, JOURNAL_KEY, JOURNAL_LENGTH, ORIGIN_KEY, type Entry } from './event';

/** What a reader tells. */
export interface JournalReader {
  /** The journal as it is, from the oldest entry on. `now`: the server's time. Again after a gap. */
  begins(entries: Entry[], now: number): void;
  /** Entries that follow. */
  follow(entries: Entry[]): void;
  /** Everything that is in the journal now has been told. */
  caughtUp(now: number): void;
}

/** How long the journal outlives the last instance that reads it. */
const KEEP_MS = 600_000;
/** How long one read waits for something new. */
const BLOCK_MS = 2_000;
/** How often the journal is looked after, at least. */
const TEND_MS = 2_000;
/** How long an answer may take beyond that. */
const ANSWER_MS = 5_000;
const COUNT = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/**
 * KEYS: the journal; the key of its server's reign. ARGV: the last id that the reader has seen, or ''; milliseconds to keep both; the journal's length.
 * Creates the journal if it is missing, and marks in it that another reign has begun: a server that was promoted or restored may have lost entries.
 * Returns the server's time in milliseconds, 1 if the id is in the journal, and the journal's last id.
 */
const TEND = `
local info = redis.pcall('INFO', 'replication')
local origin = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
local written = redis.call('GET', KEYS[2])
local mark = false
if redis.call('EXISTS', KEYS[1]) == 0 then mark = 'created' end
if written and written ~= origin and origin ~= '' then mark = mark or 'origin' end
if mark then redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'm', mark) end
redis.call('SET', KEYS[2], origin ~= '' and origin or written or '', 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local seen = 0
if ARGV[1] ~= '' and #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 1 then seen = 1 end
local time = redis.call('TIME')
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
return { string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)), seen, last[1][1] }
`;

type Row = [id: string, fields: string[]];

export class Journal {
  private redis: Client | undefined;
  private isOver = false;
  private last = '';
  private tendedAt = -Infinity;
  private failures = 0;

  constructor(private readonly reader: JournalReader) {}

  /** Opens a connection of its own: a read that waits would hold up everybody else. Errors: settings that are of no use. */
  start(): void {
    this.redis = openClient('stream');
    // Sockets of listeners keep the process alive, this does not.
    rest(this.redis, true);
    void this.run(this.redis);
  }

  stop(): void {
    this.isOver = true;
    this.redis?.disconnect();
  }

  private async run(redis: Client): Promise<void> {
    while (!this.isOver) {
      try {
        if (performance.now() - this.tendedAt >= TEND_MS) await this.tend(redis);
        await this.read(redis);
        if (this.failures > 0) logger().info('[hawser] the journal of invalidations is read again');
        this.failures = 0;
      } catch (error) {
        if (this.isOver) return;
        await this.failed(redis, error);
      }
    }
  }

  private async tend(redis: Client): Promise<void> {
    const answer = (await inTime(redis.eval(TEND, 2, JOURNAL_KEY, ORIGIN_KEY, this.last, KEEP_MS, JOURNAL_LENGTH))) as [string, number | string, string];
    const now = Number(answer[0]);
    if (Number(answer[1]) === 1) {
      this.tendedAt = performance.now();
      if (String(answer[2]) === this.last) this.reader.caughtUp(now);
      return;
    }
    const rows = rowsOf(await inTime(redis.xrevrange(JOURNAL_KEY, '+', '-', 'COUNT', JOURNAL_LENGTH)));
    if (rows.length === 0) return; // It went in this moment.
    this.tendedAt = performance.now();
    const entries = rows.reverse().map(entry);
    this.last = entries[entries.length - 1].id;
    this.reader.begins(entries, now);
  }

  private async read(redis: Client): Promise<void> {
    if (this.last === '') return;
    const reply: unknown = await inTime(redis.xread('COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', JOURNAL_KEY, this.last), BLOCK_MS + ANSWER_MS);
    if (this.isOver || reply === null) return;
    const entries = rowsOf(streamOf(reply)).map(entry);
    if (entries.length === 0) return;
    this.last = entries[entries.length - 1].id;
    this.reader.follow(entries);
  }

  private async failed(redis: Client, error: unknown): Promise<void> {
    if (this.failures++ === 0) logger().warn(`[hawser] the journal of invalidations cannot be read; streams wait for it: ${messageOf(error as Error)}`);
    this.tendedAt = -Infinity;
    if (error === SILENT && !redis.isCluster) redis.disconnect(true);
    await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** Math.min(this.failures, 6), LONGEST_PAUSE_MS)).unref());
  }
}

const SILENT = new Error('the server is silent');

/** A server that is silent is left. */
async function inTime<T>(promise: Promise<T>, ms = ANSWER_MS): Promise<T> {
  promise.catch(() => undefined);
  const result = await within(promise, ms);
  if (result === LATE) throw SILENT;
  return result;
}

/** The rows of the one stream in a reply, in RESP2's form or in RESP3's. */
function streamOf(reply: unknown): unknown {
  if (reply instanceof Map) return reply.get(JOURNAL_KEY);
  if (Array.isArray(reply)) return (reply as [string, unknown][])[0]?.[1];
  return (reply as Record<string, unknown>)[JOURNAL_KEY];
}

function rowsOf(rows: unknown): Row[] {
  return Array.isArray(rows) ? (rows as Row[]) : [];
}

function entry([id, fields]: Row): Entry {
  const named = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) named.set(fields[i], fields[i + 1]);
  return entryOf(id, named);
}
