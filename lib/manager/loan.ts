/**
 * One loan of a connection: what the borrower holds, and what it leaves behind. The borrower gets a view of the client that ends with the
 * loan, so that nobody uses a connection that somebody else has borrowed in the meantime.
 */
import { EventEmitter } from 'node:events';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import type { Command } from '../command/command';
import { HawserError } from '../errors';

/** Commands that change a connection in a way that is not worth undoing. */
const SPOILERS = new Set([
  'subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe', 'punsubscribe', 'sunsubscribe', 'monitor', 'reset', 'hello', 'auth', 'readonly', 'readwrite',
  'asking', 'quit', 'sync', 'psync', 'replconf', 'debug',
]);
/** Subcommands of CLIENT that do the same. */
const CLIENT_SPOILERS = new Set(['reply', 'tracking', 'caching', 'setname', 'setinfo', 'no-evict', 'no-touch', 'import-source', 'capa']);
/** The methods of Node's emitter, which add listeners. */
const ADDERS = new Set(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener']);
/** Methods that act on the connection itself: after the loan it is no longer the borrower's. */
const OWN = new Set(['connect', 'disconnect', 'end', 'ref', 'unref', 'defineCommand', 'addBuiltinCommand', 'nodes']);

/** Members after whose use nobody knows the connection's state. */
const ENDERS = new Set(['disconnect', 'end', 'nodes']);

type Member = (...args: unknown[]) => unknown;

export class Loan {
  /** What the borrower sees. */
  readonly view: Redis | Cluster;
  /** WATCH without an EXEC, DISCARD or UNWATCH. */
  isWatching = false;
  /** MULTI without an EXEC or DISCARD. */
  isInTransaction = false;
  hasSelected = false;
  /** The connection must not be lent again. */
  isSpoilt = false;
  private isOver = false;
  private readonly listeners: [event: string | symbol, listener: (...args: unknown[]) => void][] = [];

  constructor(readonly client: Redis | Cluster) {
    this.view = this.viewOf(client);
  }

  /** Ends the loan: the view is of no use any more, and its listeners are gone. */
  end(): void {
    this.isOver = true;
    for (const [event, listener] of this.listeners) this.client.removeListener(event, listener);
  }

  private viewOf(client: Redis | Cluster): Redis | Cluster {
    const sendCommand = (command: Command, pipeline?: unknown): unknown => this.send(command, pipeline);
    return new Proxy(client, {
      get: (target, name, view) => {
        if (name === 'sendCommand') return sendCommand;
        if (this.isOver && typeof name === 'string' && (OWN.has(name) || ADDERS.has(name))) throw loanOver(name);
        if (typeof name === 'string' && ENDERS.has(name)) this.isSpoilt = true;
        const member: unknown = Reflect.get(target, name, view);
        return typeof member === 'function' && name in EventEmitter.prototype ? this.emitterMethod(name, member as Member) : member;
      },
      set: (target, name, value) => {
        if (this.isOver) throw loanOver(String(name));
        this.isSpoilt = true;
        return Reflect.set(target, name, value);
      },
      defineProperty: (target, name, descriptor) => {
        if (this.isOver) throw loanOver(String(name));
        this.isSpoilt = true;
        return Reflect.defineProperty(target, name, descriptor);
      },
    });
  }

  /** Runs on the client itself, which keeps the emitter's state. */
  private emitterMethod(name: string | symbol, method: Member): Member {
    return (...args) => {
      if (ADDERS.has(String(name))) this.listeners.push([args[0] as string, args[1] as () => void]);
      // The manager's own listeners would go, too.
      if (name === 'removeAllListeners') this.isSpoilt = true;
      const result: unknown = Reflect.apply(method, this.client, args);
      return result === this.client ? this.view : result;
    };
  }

  private send(command: Command, pipeline: unknown): unknown {
    if (this.isOver) {
      command.reject(loanOver(command.name));
      return pipeline === undefined ? command.promise : undefined;
    }
    this.note(command);
    return this.client.sendCommand(command, pipeline);
  }

  private note({ meta: { lower }, args }: Command): void {
    switch (lower) {
      case 'watch':
        this.isWatching = true;
        return;
      case 'multi':
        this.isInTransaction = true;
        return;
      case 'exec':
      case 'discard':
        this.isWatching = this.isInTransaction = false;
        return;
      case 'unwatch':
        // Within a transaction it waits for EXEC, which unwatches in any case.
        if (!this.isInTransaction) this.isWatching = false;
        return;
      case 'select':
        this.hasSelected = true;
        return;
      case 'client':
        this.isSpoilt ||= CLIENT_SPOILERS.has(String(args[0]).toLowerCase());
        return;
      default:
        this.isSpoilt ||= SPOILERS.has(lower);
    }
  }
}

function loanOver(what: string): HawserError {
  const message = `${what}: the connection went back when the function given to RedisManager.withConnection was over; await its commands inside the function`;
  return new HawserError('E_BAD_STATE', message, { command: what });
}
