/**
 * Asks servers within bounds: so many commands a second on all servers together, and until a deadline. What a server refuses, or what there was no time
 * for, is kept and reported, and the rest goes on.
 */
import { setTimeout } from '../../clock';
import { messageOf } from '../exit_codes';
import { within, type Node } from './connect';
import { shown } from './shown';

/** A command that a server refused. */
export interface Refusal {
  readonly node: string;
  readonly command: string;
  readonly reason: string;
  times: number;
}

export interface Bounds {
  /** Commands a second, all servers together. */
  readonly perSecond: number;
  /** `performance.now()` when it has to end. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a command that has no answer in time waits for. */
const PATIENCE_MS = 5_000;
/** How far commands may run ahead of their turn after a pause. */
const AHEAD_MS = 50;
/** What opening a connection sends: AUTH, CLIENT SETNAME, CLIENT SETINFO twice, SELECT, PING, INFO. */
const HANDSHAKE = 7;

const now = performance.now.bind(performance);

export class Asker {
  /** Commands that were sent. */
  sent = 0;
  readonly refused = new Map<string, Refusal>();
  /** Commands that there was no time for, by name. */
  readonly unasked = new Map<string, number>();
  private next = 0;

  constructor(private readonly bounds: Bounds) {}

  get isLate(): boolean {
    return now() >= this.bounds.deadline || this.bounds.signal?.aborted === true;
  }

  /** Takes the commands of these connections into account. */
  noteConnections(count: number): void {
    this.sent += count * HANDSHAKE;
    this.next = now() + (count * HANDSHAKE * 1_000) / this.bounds.perSecond;
  }

  /** The reply; undefined if the server refused, the connection was lost, or the time is over. `as`: bytes instead of texts. */
  async ask<T>(node: Node, args: readonly [string, ...(string | Buffer | number)[]], as: 'text' | 'bytes' = 'text', onSent?: () => void): Promise<T | undefined> {
    const command = nameOf(args);
    const known = this.refused.get(`${node.name} ${command}`);
    // It refuses the command itself, whatever its arguments are.
    if (known !== undefined && !isOfKey(known.reason)) return void known.times++;
    if (!(await this.turn())) return void this.unasked.set(command, (this.unasked.get(command) ?? 0) + 1);
    this.sent++;
    onSent?.();
    try {
      const [name, ...rest] = args;
      const reply = as === 'text' ? node.redis.call(name, ...rest) : node.redis.callBuffer(name, ...rest);
      return (await within(reply, Math.min(PATIENCE_MS, Math.max(this.bounds.deadline - now(), 100)), this.bounds.signal)) as T;
    } catch (error) {
      this.refuse(node.name, command, messageOf(error));
      return undefined;
    }
  }

  /** How long a command takes from here and back, in milliseconds. */
  async time(node: Node, args: readonly [string, ...string[]]): Promise<number | undefined> {
    let began = 0;
    const reply = await this.ask(node, args, 'text', () => (began = now()));
    return reply === undefined ? undefined : now() - began;
  }

  refuse(node: string, command: string, reason: string): void {
    const key = `${node} ${command}`;
    const known = this.refused.get(key);
    if (known === undefined) this.refused.set(key, { node, command, reason: shown(reason, 200), times: 1 });
    else known.times++;
  }

  /** Resolves when the next command may go; false if there is no time left for it. */
  private async turn(): Promise<boolean> {
    const { perSecond, deadline, signal } = this.bounds;
    const at = (this.next = Math.max(this.next, now() - AHEAD_MS) + 1_000 / perSecond);
    if (at >= deadline || signal?.aborted === true) return false;
    const wait = at - now();
    if (wait > 1) await new Promise<void>((resolve) => void setTimeout(resolve, wait));
    return !this.isLate;
  }
}

const isOfKey = (reason: string): boolean => /\bkeys?\b/i.test(reason) || /^(MOVED|ASK|TRYAGAIN|WRONGTYPE)\b/.test(reason);

const CONTAINERS = new Set(['client', 'config', 'slowlog', 'memory', 'cluster', 'acl', 'latency', 'info', 'command']);

/** `config get save`, `client list`; a command on keys without them. */
function nameOf([name, ...rest]: readonly (string | Buffer | number)[]): string {
  const command = String(name).toLowerCase();
  if (!CONTAINERS.has(command)) return command;
  return [command, ...rest.slice(0, command === 'config' ? 2 : 1).map(String)].join(' ').toLowerCase();
}
