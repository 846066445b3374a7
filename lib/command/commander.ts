/**
 * The methods of commands: `x` and `xBuffer` for every command of the table, `call`, scripts. One function per name in the process, shared by
 * clients, clusters and pipelines, so that `a.set === b.set`.
 */
import { define } from '../names';
import { badOption } from '../errors';
import type { Callback } from './callback';
import { Command, type CommandOptions } from './command';
import { DEFAULTS, type CommandDefaults, type SlowPath } from './command_defaults';
import { scriptOf, type Script } from './script';
import type { TargetOptions } from './target_options';
import { builtinCommands } from './table';

/** An object with command methods: a client or a pipeline. */
export interface CommandTarget {
  options: TargetOptions;
  scriptsSet: Record<string, Script>;
  /** @internal */ readonly [DEFAULTS]: CommandDefaults;
  sendCommand(command: Command): unknown;
}

type Method = (this: CommandTarget, ...args: unknown[]) => unknown;

function make(name: string, args: unknown[], options: CommandOptions): Command {
  let callback: Callback | undefined;
  if (args.length > 0 && typeof args[args.length - 1] === 'function') callback = args.pop() as Callback;
  return new Command(name, args, options, callback, true);
}

function withStack(options: CommandOptions, slowPath: SlowPath | undefined): CommandOptions {
  return slowPath?.keepsStacks === true ? { ...options, errorStack: new Error() } : options;
}

/** `heldAs` is the command's name in `autoPipeliningIgnoredCommands`. */
function send(target: CommandTarget, command: Command, heldAs: string): unknown {
  const held = target[DEFAULTS].slowPath?.autoPipeline;
  return held?.takes(heldAs) === true ? held.add(command) : target.sendCommand(command);
}

function method(name: string): Method {
  return function (...args) {
    const { utf8, slowPath } = this[DEFAULTS];
    if (slowPath !== undefined) return send(this, make(name, args, withStack(utf8, slowPath)), name);
    return this.sendCommand(make(name, args, utf8));
  };
}

function bufferMethod(name: string): Method {
  return function (...args) {
    const { buffers, slowPath } = this[DEFAULTS];
    if (slowPath !== undefined) return send(this, make(name, args, withStack(buffers, slowPath)), name);
    return this.sendCommand(make(name, args, buffers));
  };
}

// ---- scripts

const scriptMethods = new Map<string, Method>();

/** The method of a script name. The target provides the script. */
function scriptMethod(name: string, isBuffer: boolean): Method {
  const key = isBuffer ? `${name}Buffer` : name;
  let found = scriptMethods.get(key);
  if (found === undefined) {
    found = function (...args) {
      const script = this.scriptsSet[name];
      return send(this, makeScriptCommand(this, script, args, this[DEFAULTS][isBuffer ? 'buffers' : 'utf8']), name);
    };
    scriptMethods.set(key, found);
  }
  return found;
}

function makeScriptCommand(target: CommandTarget, script: Script, args: unknown[], options: CommandOptions): Command {
  const callback = typeof args[args.length - 1] === 'function' ? (args.pop() as Callback) : undefined;
  let flat = args.flat();
  if (script.numberOfKeys !== undefined) flat = [script.numberOfKeys, ...flat];
  const command = make('evalsha', [script.sha, ...flat], { ...withStack(options, target[DEFAULTS].slowPath), readOnly: script.readOnly });
  command.callback = callback;
  command.script = script;
  return command;
}

/** A Lua script that becomes a method. It is sent as EVAL once per connection, and as EVALSHA from then on. */
export interface ScriptDefinition {
  /** Its source. */
  lua: string;
  /** The number of arguments that are keys. If absent, the first argument of each call is this number. */
  numberOfKeys?: number | undefined;
  /** Whether it may run on a replica. */
  readOnly?: boolean | undefined;
}

/** Gives `target` the methods `name` and `nameBuffer`. */
export function defineCommand(target: CommandTarget, name: string, definition: ScriptDefinition): void {
  if (typeof definition.lua !== 'string' && !((definition.lua as unknown) instanceof Uint8Array)) {
    badOption(`the lua of the command ${name}`, 'the source of a script', definition.lua);
  }
  const { lua, numberOfKeys } = definition;
  target.scriptsSet[name] = scriptOf(lua, typeof numberOfKeys === 'number' ? numberOfKeys : undefined, definition.readOnly === true);
  addMethods(target, name, scriptMethod(name, false), scriptMethod(name, true));
}

// ---- installing

/** Sends a command by its name. A name that is not a string throws a TypeError before anything is sent, as in ioredis. */
function callAs(encoding: 'utf8' | 'buffers'): Method {
  return function (name, ...args) {
    if (typeof name !== 'string') badOption("a command's name", 'a string', name);
    const defaults = this[DEFAULTS];
    return send(this, make(name, args, withStack(defaults[encoding], defaults.slowPath)), name);
  };
}
const call = callAs('utf8');
const callBuffer = callAs('buffers');

const shared: Record<string, Method> = { call, callBuffer, send_command: call };
for (const name of builtinCommands) {
  shared[name] = method(name);
  shared[`${name}Buffer`] = bufferMethod(name);
}

/** Adds the methods of all commands to a prototype, except those that it defines. */
export function installCommands(prototype: object): void {
  for (const [name, value] of Object.entries(shared)) {
    if (Object.hasOwn(prototype, name)) continue;
    // Enumerable, as in ioredis, because some code wraps the methods that `for ... in` finds.
    define(prototype, name, value, true);
  }
}

/** ioredis's way of adding a command at run time. */
export function addBuiltinCommand(target: object, name: string): void {
  addMethods(target, name, method(name), bufferMethod(name));
}

/** Defines the methods, because assignment fails if the prototype has a getter with the name. */
function addMethods(target: object, name: string, text: Method, buffer: Method): void {
  for (const [key, value] of [[name, text], [`${name}Buffer`, buffer]] as const) {
    define(target, key, value, true);
  }
}

/** Methods without a target. `enableAutoPipelining` does not hold their commands. */
export function createBuiltinCommand(name: string): { string: Method; buffer: Method } {
  const of = (encoding: 'utf8' | 'buffers'): Method =>
    function (...args) {
      const defaults = this[DEFAULTS];
      return this.sendCommand(make(name, args, withStack(defaults[encoding], defaults.slowPath)));
    };
  return { string: of('utf8'), buffer: of('buffers') };
}
