/**
 * The methods of commands: `x` and `xBuffer` for every command of the table, `call`, scripts. One function per name in the process, shared by
 * clients, clusters and pipelines, so that `a.set === b.set`.
 */
import { badOption } from '../errors';
import type { AutoPipeline } from './auto_pipeline';
import { Command, type Callback, type CommandOptions } from './command';
import type { ResolvedOptions } from './options';
import { scriptOf, type Script } from './script';
import { builtinCommands } from './table';

/** What happens to commands of a target between their call and `sendCommand`, by options that few have. */
export interface Detours {
  /** `showFriendlyErrorStack`: where they were called is kept. */
  readonly keepsStacks: boolean;
  /** `enableAutoPipelining`. */
  readonly autoPipeline: AutoPipeline | undefined;
}

/** Of a pipeline, which is not held. */
export const STACKS: Detours = { keepsStacks: true, autoPipeline: undefined };

/** What has commands: a client or a pipeline. */
export interface CommandTarget {
  options: ResolvedOptions;
  scriptsSet: Record<string, Script>;
  /** @internal */ utf8Options: CommandOptions;
  /** @internal */ bufferOptions: CommandOptions;
  /** @internal Undefined, as with most: then nothing is looked for per command. */ readonly detours: Detours | undefined;
  sendCommand(command: Command): unknown;
}

type Method = (this: CommandTarget, ...args: unknown[]) => unknown;

function make(name: string, args: unknown[], options: CommandOptions): Command {
  let callback: Callback | undefined;
  if (args.length > 0 && typeof args[args.length - 1] === 'function') callback = args.pop() as Callback;
  return new Command(name, args, options, callback, true);
}

function withStack(options: CommandOptions, detours: Detours | undefined): CommandOptions {
  return detours?.keepsStacks === true ? { ...options, errorStack: new Error() } : options;
}

/** `heldAs` is what `autoPipeliningIgnoredCommands` calls the command. */
function send(target: CommandTarget, command: Command, heldAs: string): unknown {
  const held = target.detours?.autoPipeline;
  return held?.takes(heldAs) === true ? held.add(command) : target.sendCommand(command);
}

function method(name: string): Method {
  return function (...args) {
    if (this.detours !== undefined) return send(this, make(name, args, withStack(this.utf8Options, this.detours)), name);
    return this.sendCommand(make(name, args, this.utf8Options));
  };
}

function bufferMethod(name: string): Method {
  return function (...args) {
    if (this.detours !== undefined) return send(this, make(name, args, withStack(this.bufferOptions, this.detours)), name);
    return this.sendCommand(make(name, args, this.bufferOptions));
  };
}

// ---- scripts

const scriptMethods = new Map<string, Method>();

/** The method of a script name; which script it is, the target knows. */
function scriptMethod(name: string, isBuffer: boolean): Method {
  const key = isBuffer ? `${name}Buffer` : name;
  let found = scriptMethods.get(key);
  if (found === undefined) {
    found = function (...args) {
      const script = this.scriptsSet[name];
      return send(this, makeScriptCommand(this, script, args, isBuffer ? this.bufferOptions : this.utf8Options), name);
    };
    scriptMethods.set(key, found);
  }
  return found;
}

function makeScriptCommand(target: CommandTarget, script: Script, args: unknown[], options: CommandOptions): Command {
  const callback = typeof args[args.length - 1] === 'function' ? (args.pop() as Callback) : undefined;
  let flat = args.flat();
  if (script.numberOfKeys !== undefined) flat = [script.numberOfKeys, ...flat];
  const command = make('evalsha', [script.sha, ...flat], { ...withStack(options, target.detours), readOnly: script.readOnly });
  command.callback = callback;
  command.script = script;
  return command;
}

/** A Lua script that becomes a method: sent as EVAL once per connection, as EVALSHA from then on. */
export interface ScriptDefinition {
  /** Its source. */
  lua: string;
  /** How many of the arguments are keys. Left out: the first argument of each call says it. */
  numberOfKeys?: number | undefined;
  /** Whether it may run on a replica. */
  readOnly?: boolean | undefined;
}

/** Gives `target` the methods `name` and `nameBuffer`. */
export function defineCommand(target: CommandTarget, name: string, definition: ScriptDefinition): void {
  if (typeof definition.lua !== 'string' && !((definition.lua as unknown) instanceof Uint8Array)) {
    badOption(`the lua of the command ${name}`, 'the source of a script', definition.lua);
  }
  target.scriptsSet[name] = scriptOf(definition.lua, definition.numberOfKeys, definition.readOnly === true);
  const own = target as unknown as Record<string, Method>;
  own[name] = scriptMethod(name, false);
  own[`${name}Buffer`] = scriptMethod(name, true);
}

// ---- installing

const call: Method = function (name, ...args) {
  return send(this, make(String(name), args, withStack(this.utf8Options, this.detours)), String(name));
};
const callBuffer: Method = function (name, ...args) {
  return send(this, make(String(name), args, withStack(this.bufferOptions, this.detours)), String(name));
};

const shared: Record<string, Method> = { call, callBuffer, send_command: call };
for (const name of builtinCommands) {
  shared[name] = method(name);
  shared[`${name}Buffer`] = bufferMethod(name);
}

/** Adds the methods of all commands to a prototype, except those it defines itself. */
export function installCommands(prototype: object): void {
  for (const [name, value] of Object.entries(shared)) {
    if (Object.hasOwn(prototype, name)) continue;
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

/** ioredis's way of adding a command at run time. */
export function addBuiltinCommand(prototype: object, name: string): void {
  Object.assign(prototype, { [name]: method(name), [`${name}Buffer`]: bufferMethod(name) });
}

/** Methods that are nobody's; `enableAutoPipelining` does not hold what they send. */
export function createBuiltinCommand(name: string): { string: Method; buffer: Method } {
  const of = (options: 'utf8Options' | 'bufferOptions'): Method =>
    function (...args) {
      return this.sendCommand(make(name, args, withStack(this[options], this.detours)));
    };
  return { string: of('utf8Options'), buffer: of('bufferOptions') };
}
