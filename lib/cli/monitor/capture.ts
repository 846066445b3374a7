/**
 * A capture of what clients send, from MONITOR, within limits: commands by name, and patterns of the keys that they name. No argument is kept but masked keys;
 * of the others only their sizes, because any of them may be a secret.
 */
import { getKeyIndexes } from '@ioredis/commands';
import { setTimeout, clearTimeout } from '../../clock';
import { CliError } from '../exit_codes';
import { maskedParts } from '../inspect/mask';
import { patternsOf } from '../inspect/patterns';
import type { Following } from '../server/following';
import { shown } from '../server/shown';
import { Monitors, type Gap } from './monitors';

export interface CaptureLimits {
  readonly ms: number;
  readonly commands: number;
  readonly bytes: number;
}

/** What `hawser monitor --sample` writes. */
export interface CaptureJson {
  readonly schema: 'hawser.capture/1';
  /** ISO 8601. */
  readonly takenAt: string;
  readonly server: string;
  readonly limits: { readonly seconds: number; readonly commands: number; readonly bytes: number };
  readonly endedBy: 'time' | 'commands' | 'bytes' | 'interrupted';
  readonly seconds: number;
  readonly commands: number;
  /** Of all arguments. */
  readonly bytes: number;
  readonly byCommand: readonly { command: string; count: number }[];
  readonly patterns: readonly CapturedPattern[];
  /** The first commands of each kind, with masked keys and the sizes of the other arguments. */
  readonly examples: readonly string[];
  /** Servers that refused MONITOR. */
  readonly refused: readonly { node: string; reason: string }[];
  /** Times in which a server was not captured: its connection was lost, or it became a master during the capture. */
  readonly gaps: readonly Gap[];
}

export interface CapturedPattern {
  readonly pattern: string;
  readonly count: number;
  readonly perSecond: number;
  readonly commands: Readonly<Record<string, number>>;
}

const MOST_KEYS = 50_000;
const MOST_PATTERNS = 200;
const MOST_EXAMPLES = 100;
const KEY_CHARS = 256;
const MOST_ARGUMENTS = 12;

const now = performance.now.bind(performance);

/** Errors: `CliError` if no server allows MONITOR. */
export async function capture(servers: Following, limits: CaptureLimits, signal: AbortSignal): Promise<CaptureJson> {
  const takenAt = new Date().toISOString();
  const collected = new Collected();
  let stop: (why: CaptureJson['endedBy']) => void = () => undefined;
  let isOver = false;
  const monitors = new Monitors(servers, (args) => {
    // What has arrived already is not taken any more.
    if (isOver) return;
    collected.add(args);
    if (collected.bytes >= limits.bytes) stop('bytes');
    else if (collected.commands >= limits.commands) stop('commands');
  });
  const started = now();
  const ended = new Promise<CaptureJson['endedBy']>((resolve) => {
    const timer = setTimeout(() => stop('time'), limits.ms);
    stop = (why) => {
      isOver = true;
      clearTimeout(timer);
      resolve(why);
    };
    signal.addEventListener('abort', () => stop('interrupted'), { once: true });
  });
  const isAllowed = await Promise.race([monitors.start(), ended.then(() => true)]);
  if (!isAllowed) stop('interrupted');
  const endedBy = await ended;
  const gaps = monitors.close();
  const { refused } = monitors;
  if (!isAllowed) throw new CliError(`no server allows MONITOR: ${refused.map(({ node, reason }) => `${node}: ${reason}`).join('; ')}`);
  const seconds = Math.max(now() - started, 1) / 1_000;
  return {
    schema: 'hawser.capture/1',
    takenAt,
    server: servers.place,
    limits: { seconds: limits.ms / 1_000, commands: limits.commands, bytes: limits.bytes },
    endedBy,
    seconds: Math.round(seconds * 1_000) / 1_000,
    ...collected.result(seconds),
    refused,
    gaps,
  };
}

/** What was seen, in bounded memory. */
class Collected {
  commands = 0;
  bytes = 0;
  private readonly byCommand = new Map<string, number>();
  /** Masked key: how often by command. */
  private readonly keys = new Map<string, Map<string, number>>();
  private readonly examples = new Map<string, string>();

  add(args: readonly string[]): void {
    const [name = '', ...rest] = args;
    const command = shown(name.toLowerCase(), 40);
    this.commands++;
    for (const arg of args) this.bytes += arg.length;
    this.byCommand.set(command, (this.byCommand.get(command) ?? 0) + 1);
    const places = keyPlaces(command, rest);
    for (const at of places) this.addKey(command, maskedKey(rest[at] ?? ''));
    const shape = `${command} ${places.map((at) => maskedKey(rest[at] ?? '')).join(' ')}`;
    if (this.examples.size < MOST_EXAMPLES && !this.examples.has(shape)) this.examples.set(shape, exampleOf(command, rest, places));
  }

  result(seconds: number): Pick<CaptureJson, 'commands' | 'bytes' | 'byCommand' | 'patterns' | 'examples'> {
    const masked = [...this.keys.keys()];
    const patterns = patternsOf(masked, MOST_PATTERNS).map(({ pattern, members }): CapturedPattern => {
      const commands: Record<string, number> = {};
      for (const at of members) for (const [command, times] of this.keys.get(masked[at] ?? '') ?? []) commands[command] = (commands[command] ?? 0) + times;
      const count = Object.values(commands).reduce((sum, times) => sum + times, 0);
      return { pattern, count, perSecond: Math.round((count / seconds) * 100) / 100, commands };
    });
    return {
      commands: this.commands,
      bytes: this.bytes,
      byCommand: [...this.byCommand].map(([command, count]) => ({ command, count })).sort((a, b) => b.count - a.count),
      patterns: patterns.sort((a, b) => b.count - a.count),
      examples: [...this.examples.values()],
    };
  }

  private addKey(command: string, masked: string): void {
    const key = this.keys.has(masked) || this.keys.size < MOST_KEYS ? masked : '(other)';
    const commands = this.keys.get(key) ?? new Map<string, number>();
    this.keys.set(key, commands);
    commands.set(command, (commands.get(command) ?? 0) + 1);
  }
}

/** Which arguments are keys. */
function keyPlaces(command: string, args: readonly string[]): number[] {
  try {
    return getKeyIndexes(command, [...args]).filter((at) => at >= 0 && at < args.length);
  } catch {
    // A command that the table does not know, or that takes no keys.
    return [];
  }
}

const maskedKey = (key: string): string => maskedParts(shown(key, KEY_CHARS)).join('');

/** `set user:* (120 bytes) (2 bytes) (3 bytes)` */
function exampleOf(command: string, args: readonly string[], places: readonly number[]): string {
  const parts = args.slice(0, MOST_ARGUMENTS).map((arg, at) => (places.includes(at) ? maskedKey(arg) : `(${arg.length} bytes)`));
  const more = args.length > MOST_ARGUMENTS ? [`… (${args.length - MOST_ARGUMENTS} more)`] : [];
  return [command, ...parts, ...more].join(' ');
}
