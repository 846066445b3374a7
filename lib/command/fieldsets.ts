/**
 * `himportFieldsets`: named lists of fields, so that HIMPORT SET sends only values. A fieldset is state of one connection. Each connection
 * prepares all of them in its handshake, which is the core's. This file holds a HIMPORT SET back while its fieldset is missing, prepares
 * that, and once more if the server has lost it. The behaviour is ioredis's.
 *
 * There is one `Fieldsets` for each connection. The nodes of a cluster get the cluster's definitions.
 */
import { Command } from './command';
import type { LinkSettings } from '../contract.generated';
import type { HimportFieldset } from '../options/options';

/** Checks and copies the option. Errors: TypeError with ioredis's messages. */
export function checkedFieldsets(option: unknown): readonly HimportFieldset[] {
  if (!Array.isArray(option)) throw new TypeError('himportFieldsets must be an array');
  const names = new Set<string>();
  return Object.freeze(
    option.map((item: unknown) => {
      const fieldset = checked(item);
      const name = bytesOf(fieldset.name);
      if (names.has(name)) throw new TypeError('Duplicate HIMPORT fieldset name');
      names.add(name);
      return fieldset;
    }),
  );
}

function checked(item: unknown): HimportFieldset {
  if (typeof item !== 'object' || item === null) throw new TypeError('Each HIMPORT fieldset must be an object');
  const { name, fields } = item as { name: unknown; fields: unknown };
  if (!isArgument(name)) throw new TypeError('Each HIMPORT fieldset name must be a string or Buffer');
  if (!Array.isArray(fields)) throw new TypeError('Each HIMPORT fieldset fields value must be an array');
  if (!fields.every(isArgument)) throw new TypeError('Each HIMPORT field must be a string or Buffer');
  return Object.freeze({ name: copyOf(name), fields: Object.freeze(fields.map(copyOf)) });
}

const isArgument = (value: unknown): value is string | Buffer => typeof value === 'string' || Buffer.isBuffer(value);
const copyOf = (value: string | Buffer): string | Buffer => (typeof value === 'string' ? value : Buffer.from(value));
/** One character for each byte. */
const bytesOf = (value: string | Buffer): string => (typeof value === 'string' ? Buffer.from(value) : value).toString('latin1');

/** The subcommand of HIMPORT; empty for other commands. */
function subcommand({ meta, args }: Command): string {
  return meta.lower === 'himport' && args.length > 0 ? String(args[0]).toUpperCase() : '';
}

/** Whether a command changes the fieldsets of its connection. A cluster sends it to all masters. */
export function isFieldsetControl(command: Command): boolean {
  return ['PREPARE', 'DISCARD', 'DISCARDALL'].includes(subcommand(command));
}

export class Fieldsets {
  /** The core's setting, for the handshake. */
  readonly settings: NonNullable<LinkSettings['himportFieldsets']>;
  private readonly byName: ReadonlyMap<string, HimportFieldset>;
  /** What the connection has: fieldsets that are prepared, and preparations under way. */
  private prepared = new Map<string, true | Promise<void>>();
  /** The fieldsets that the server refused in the handshake under way. */
  private readonly refused = new Set<string>();
  /** Counts the connections. */
  private connection = 0;
  /** Commands that the server has answered with an error for a missing fieldset once. */
  private readonly recovered = new WeakSet<Command>();

  constructor(
    readonly definitions: readonly HimportFieldset[],
    /** Sends a command of the client's own on the connection. Resolves with the reply. */
    private readonly send: (command: Command) => unknown,
  ) {
    this.settings = definitions.map(({ name, fields }) => [name, ...fields].map(bytesOf));
    this.byName = new Map(definitions.map((fieldset) => [bytesOf(fieldset.name), fieldset]));
  }

  // ---- the connection

  /** The connection is gone, and its fieldsets with it. */
  forget(): void {
    this.connection++;
    this.prepared.clear();
    this.refused.clear();
  }

  /** The server has refused a fieldset in the handshake. Returns the command. */
  refuse(index: number): Command {
    const fieldset = this.definitions[index];
    this.refused.add(bytesOf(fieldset.name));
    return prepareCommand(fieldset);
  }

  /** The handshake is over. */
  ready(): void {
    this.connection++;
    this.prepared = new Map([...this.byName.keys()].filter((name) => !this.refused.has(name)).map((name) => [name, true]));
    this.refused.clear();
  }

  // ---- commands

  /** Holds a command back whose fieldset the connection does not have, until `send` or its rejection. Returns false for others. */
  holds(command: Command, send: () => void): boolean {
    if (command.meta.lower === 'reset') this.prepared.clear();
    const preparation = this.preparation([command]);
    if (preparation !== undefined) whenPrepared(preparation, command, send);
    return preparation !== undefined;
  }

  /** Prepares what these commands need. Returns undefined if nothing is missing. */
  preparation(commands: readonly Command[]): Promise<void> | undefined {
    const missing = new Set<Promise<void>>();
    for (const command of commands) {
      const fieldset = this.fieldsetOf(command);
      const preparation = fieldset === undefined ? undefined : this.prepare(fieldset);
      if (preparation !== undefined) missing.add(preparation);
    }
    return missing.size === 0 ? undefined : Promise.all(missing).then(() => undefined);
  }

  /**
   * The server has answered with this error. If it has lost the fieldset, this prepares it again and calls `send`, once for each command.
   * Commands of pipelines keep their error, as in ioredis. Returns whether the command is taken over.
   */
  recovers(command: Command, text: string, send: () => void): boolean {
    if (command.batch !== undefined || this.recovered.has(command) || !text.toLowerCase().includes('no such fieldset')) return false;
    const fieldset = this.fieldsetOf(command);
    if (fieldset === undefined) return false;
    this.recovered.add(command);
    const name = bytesOf(fieldset.name);
    if (this.prepared.get(name) === true) this.prepared.delete(name);
    whenPrepared(this.prepare(fieldset) ?? Promise.resolve(), command, send);
    return true;
  }

  /** Prepares all fieldsets that the connection does not have. */
  prepareAll(): Promise<void>[] {
    return this.definitions.map((fieldset) => this.prepare(fieldset) ?? Promise.resolve());
  }

  private fieldsetOf(command: Command): HimportFieldset | undefined {
    if (subcommand(command) !== 'SET' || command.args.length < 3) return undefined;
    return this.byName.get(bytesOf(command.args[2]));
  }

  /** Undefined if the connection has it. Commands that need it at the same time share one PREPARE. */
  private prepare(fieldset: HimportFieldset): Promise<void> | undefined {
    const name = bytesOf(fieldset.name);
    const known = this.prepared.get(name);
    if (known !== undefined) return known === true ? undefined : known;
    const { connection } = this;
    const isCurrent = (): boolean => this.prepared.get(name) === preparation;
    const preparation: Promise<void> = Promise.resolve(this.send(prepareCommand(fieldset))).then(
      () => {
        if (this.connection !== connection) return this.prepare(fieldset);
        if (isCurrent()) this.prepared.set(name, true);
        return undefined;
      },
      (error: unknown) => {
        if (this.connection !== connection) return this.prepare(fieldset);
        if (isCurrent()) this.prepared.delete(name);
        throw error;
      },
    );
    this.prepared.set(name, preparation);
    return preparation;
  }
}

function prepareCommand({ name, fields }: HimportFieldset): Command {
  return new Command('himport', ['PREPARE', name, ...fields]);
}

/** The command may be settled meanwhile, for example by its time-out. */
function whenPrepared(preparation: Promise<void>, command: Command, send: () => void): void {
  preparation
    .then(() => {
      if (!command.isSettled) send();
    })
    .catch((error: Error) => {
      if (!command.isSettled) command.reject(error);
    });
}
