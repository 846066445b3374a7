/**
 * The methods of commands: `x` and `xBuffer` for every command of the table, `call`, scripts. One function per name in the process, shared by
 * clients, clusters and pipelines, so that `a.set === b.set`.
 */
import { Command, type Callback, type CommandOptions } from './command';
import type { ResolvedOptions } from './options';
import { scriptOf, type Script } from './script';
import { builtinCommands } from './table';

/** What has commands: a client or a pipeline. */
export interface CommandTarget {
  options: ResolvedOptions;
  scriptsSet: Record<string, Script>;
  /** @internal */ utf8Options: CommandOptions;
  /** @internal */ bufferOptions: CommandOptions;
  sendCommand(command: Command): unknown;
}

type Method = (this: CommandTarget, ...args: unknown[]) => unknown;

function make(target: CommandTarget, name: string, args: unknown[], options: CommandOptions): Command {
  let callback: Callback | undefined;
  if (args.length > 0 && typeof args[args.length - 1] === 'function') callback = args.pop() as Callback;
  if (target.options.showFriendlyErrorStack === true) options = { ...options, errorStack: new Error() };
  return new Command(name, args, options, callback, true);
}

function method(name: string): Method {
  return function (...args) {
    return this.sendCommand(make(this, name, args, this.utf8Options));
  };
}

function bufferMethod(name: string): Method {
  return function (...args) {
    return this.sendCommand(make(this, name, args, this.bufferOptions));
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
      return this.sendCommand(makeScriptCommand(this, script, args, isBuffer ? this.bufferOptions : this.utf8Options));
    };
    scriptMethods.set(key, found);
  }
  return found;
}

function makeScriptCommand(target: CommandTarget, script: Script, args: unknown[], options: CommandOptions): Command {
  const callback = typeof args[args.length - 1] === 'function' ? (args.pop() as Callback) : undefined;
  let flat = args.flat();
  if (script.numberOfKeys !== undefined) flat = [script.numberOfKeys, ...flat];
  const command = make(target, 'evalsha', [script.sha, ...flat], { ...options, readOnly: script.readOnly });
  command.callback = callback;
  command.script = script;
  return command;
}

export interface ScriptDefinition {
  lua: string;
  numberOfKeys?: number | undefined;
  readOnly?: boolean | undefined;
}

/** Gives `target` the methods `name` and `nameBuffer`. */
export function defineCommand(target: CommandTarget, name: string, definition: ScriptDefinition): void {
  target.scriptsSet[name] = scriptOf(definition.lua, definition.numberOfKeys, definition.readOnly === true);
  const own = target as unknown as Record<string, Method>;
  own[name] = scriptMethod(name, false);
  own[`${name}Buffer`] = scriptMethod(name, true);
}

// ---- installing

const call: Method = function (name, ...args) {
  return this.sendCommand(make(this, String(name), args, this.utf8Options));
};
const callBuffer: Method = function (name, ...args) {
  return this.sendCommand(make(this, String(name), args, this.bufferOptions));
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

export function createBuiltinCommand(name: string): { string: Method; buffer: Method } {
  return { string: method(name), buffer: bufferMethod(name) };
}
