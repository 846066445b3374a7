/** Commands that do not go straight to the connection, because it is not ready or because they change state that the client tracks. */
import { Command } from '../command/command';
import { CONNECTION_CLOSED_ERROR_MSG } from '../observe/errors';
import { noop, type Lifecycle } from './lifecycle';
import { needsServer } from './memory';
import type { Fieldsets } from '../command/fieldsets';
import type { Script } from '../command/script';
import { sendSource } from '../command/script_source';
import { ClassBit } from '../contract.generated';

/** Sends a command, or refuses it. */
export function sendOnSlowPath(life: Lifecycle, command: Command): void {
  const { client, link } = life;
  life.onSlowCommand?.(command);
  if (link === undefined) return refuseOnMemory(life, command);
  if (client.status === 'wait') client.connect().catch(noop);
  if (client.status === 'end' && life.owner !== undefined) return life.onHandedBack(command, false, timeoutOf(life, command));
  if (client.status === 'end') return command.reject(new Error(CONNECTION_CLOSED_ERROR_MSG));
  if (life.isMonitoring && command.meta.lower !== 'quit') {
    return command.reject(new Error("Connection is in monitoring mode, can't process commands."));
  }
  if (!life.options.enableOfflineQueue && !isTaken(life, command)) return void command.deliverFailure({ code: 'E_OFFLINE', node: link.node });
  switch (command.meta.lower) {
    case 'quit':
      if (life.quitAtOnce(command)) return;
      life.isClosingByHand = true;
      break;
    case 'select':
      life.follow(command.args[0]);
      break;
  }
  if (life.fieldsets !== undefined && isHeld(life, life.fieldsets, command)) return;
  if (isSubscription(command)) life.count(command);
  const ms = blockingTimeoutOf(life, command);
  if (ms !== undefined) command.setBlockingTimeout(ms);
  if (command.script !== undefined) chooseEval(command, command.script, link.scripts);
  link.push(command);
}

/** Whether a command of its own, not of a pipeline, waits for its fieldset. Without a connection, the handshake prepares that first. */
function isHeld(life: Lifecycle, fieldsets: Fieldsets, command: Command): boolean {
  if (command.batch !== undefined || life.client.status !== 'ready') return false;
  const isHeld = fieldsets.holds(command, () => sendOnSlowPath(life, command));
  const { commandTimeout } = life.options;
  if (isHeld && typeof commandTimeout === 'number') command.setTimeout(commandTimeout);
  return isHeld;
}

/** `commandTimeout`, which is not for commands that block. */
function timeoutOf({ options: { commandTimeout } }: Lifecycle, { meta }: Command): number | undefined {
  return typeof commandTimeout === 'number' && commandTimeout > 0 && (meta.class & ClassBit.Blocking) === 0 ? commandTimeout : undefined;
}

/** Without an offline queue, from `connect` on, commands that a loading server accepts are sent. */
function isTaken({ client: { status } }: Lifecycle, { meta }: Command): boolean {
  return status === 'ready' || (status === 'connect' && (meta.class & ClassBit.Loading) !== 0);
}

/** With `blockingTimeout`, blocking commands resolve with null on their own: after their own time-out, or after `blockingTimeout`. */
function blockingTimeoutOf(life: Lifecycle, command: Command): number | undefined {
  const { blockingTimeout, blockingTimeoutGrace } = life.options;
  if (typeof blockingTimeout !== 'number' || blockingTimeout <= 0 || !Command.checkFlag('BLOCKING_COMMANDS', command.meta.lower)) return undefined;
  if (life.client.status !== 'ready') return blockingTimeout;
  const own = command.extractBlockingTimeout();
  if (own === undefined) return undefined;
  return own === null || own === 0 ? blockingTimeout : own + (blockingTimeoutGrace ?? 100);
}

function isSubscription({ meta }: Command): boolean {
  return Command.checkFlag('ENTER_SUBSCRIBER_MODE', meta.lower) || Command.checkFlag('EXIT_SUBSCRIBER_MODE', meta.lower);
}

/** The first use of a script on a connection sends its source; `sent` holds the hashes that were sent. */
function chooseEval(command: Command, script: Script, sent: Set<string>): void {
  if (sent.has(script.sha)) return;
  sent.add(script.sha);
  sendSource(command, script);
}

function refuseOnMemory({ client }: Lifecycle, command: Command): void {
  if (command.meta.lower === 'quit') {
    command.deliver('OK', { protocol: 3, replyMapping: 'legacy' });
    client.disconnect();
    return;
  }
  command.reject(needsServer(command.name));
}
