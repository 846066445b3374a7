/** Sends a script's source to a server that does not know its hash. */
import type { Command } from './command';
import type { Script } from './script';
import { metaOf } from './table';

/** Turns an EVALSHA into the EVAL of the same call. */
export function sendSource(command: Command, script: Script): void {
  command.name = 'eval';
  command.meta = metaOf('eval');
  command.args = [script.lua, ...command.args.slice(1)];
}
