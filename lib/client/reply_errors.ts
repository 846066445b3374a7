/** What a client does about a server's error before the caller receives it: sends a lost script again, and asks `reconnectOnError`. */
import { ask } from '../clock';
import { Command } from '../command/command';
import { sendSource } from '../command/script_source';
import type { Fieldsets } from '../command/fieldsets';
import type { Link } from '../link/link';
import type { CommandOwner } from '../link/link_client';
import type { Rediscovery } from './rediscovery';
import type { ResolvedOptions } from '../options/options';

/** The client's state. */
interface Life {
  readonly client: { status: string; disconnect(reconnect: boolean): void };
  readonly link: Link | undefined;
  readonly options: ResolvedOptions;
  readonly fieldsets: Fieldsets | undefined;
  readonly owner: CommandOwner | undefined;
  readonly destination: { readonly rediscovery: Rediscovery | undefined };
  selected: number;
}

/** Returns true if the command, which was issued for `database`, is sent again, so that its caller hears nothing. */
export function handleReplyError(life: Life, command: Command, text: string, database: number): boolean {
  const { client, link, options } = life;
  if (link === undefined) return false;
  if (command.script !== undefined && !command.inTransaction && command.name === 'evalsha' && text.startsWith('NOSCRIPT')) {
    sendSource(command, command.script);
    link.sendAgain(command, database);
    return true;
  }
  if (life.fieldsets?.recovers(command, text, () => link.sendAgain(command, database)) === true) return true;
  if (life.owner?.onRefused(command, text) === true) return true;
  if (text.startsWith('READONLY ') && life.owner === undefined) {
    const { socket } = link;
    life.destination.rediscovery?.look(options, socket?.remoteAddress, () => {
      // A later connection is not the one that refused.
      if (link.socket === socket) client.disconnect(true);
    });
  }
  if (command.meta.lower === 'select') life.selected = link.database;
  if (typeof options.reconnectOnError !== 'function' || Command.checkFlag('IGNORE_RECONNECT_ON_ERROR', command.meta.lower)) return false;
  const verdict = ask(() => options.reconnectOnError?.(command.errorOf({ code: 'E_REPLY', node: link.node, message: text })));
  if (verdict !== true && verdict !== 1 && verdict !== 2) return false;
  if (client.status !== 'reconnecting') client.disconnect(true);
  // A command of a transaction would run outside it.
  if (verdict !== 2 || command.inTransaction || command.meta.lower === 'exec') return false;
  link.sendAgain(command, database);
  return true;
}
