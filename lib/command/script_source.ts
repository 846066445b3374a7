/** What a server that does not know a script's hash is sent. */
import type { Command } from './command';
import type { Script } from './script';
import { metaOf } from './table';

/** Turns an EVALSHA into the EVAL of the same call. */
export function sendSource(command: Command, script: Script): void {
  command.name = 'eval';
  command.meta = metaOf('eval');
  command.args = [script.lua, ...command.args.slice(1)];
}
