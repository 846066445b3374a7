/** Tracing and debug lines of the commands that waited for a connection. */
import type { Command } from '../command/command';
import { logCommand, logConnection, logRedis } from '../observe/debug';
import { isTracing, traceCommand, type Place } from '../observe/tracing';

interface Sender {
  readonly client: Parameters<typeof logCommand>[0];
  readonly link: { pending(): Command[] } | undefined;
  readonly selected: number;
  place(): Place;
}

/** Reports the commands that waited for the connection and are written now. */
export function showWaiting(sender: Sender): void {
  const isTraced = isTracing();
  if (!isTraced && !logRedis.enabled && !logConnection.enabled) return;
  const waiting = sender.link?.pending() ?? [];
  if (waiting.length > 0) logConnection('send %d commands in offline queue', waiting.length);
  for (const command of waiting) {
    if (logRedis.enabled) logCommand(sender.client, 'write', command, sender.selected);
    if (isTraced) void traceCommand(command, sender.place());
  }
}
