/** Commands and batches that an instrument hears of, from the call to the outcome, wherever they are sent on the way. */
import { hearing, type CommandFailure, type CommandPlace, type Followed, type Instrument } from '../observe/instrument';
import type { Command } from './command';

/** By command or batch. */
const followed = new WeakMap<object, Followed>();

/**
 * A client is given a command: from the application, or from the cluster that it belongs to. A command of a pipeline belongs to its batch; one that
 * was given before is sent again.
 */
export function follow(instrument: Instrument, command: Command, place?: () => CommandPlace): void {
  const { batch } = command;
  const known = followed.get(command) ?? (batch === undefined ? undefined : followed.get(batch));
  if (known !== undefined) {
    if (place !== undefined) known.at(place);
    return;
  }
  if (command.isTraced === true || command.isSettled || (batch !== undefined && batch.isAutomatic !== true)) return;
  const one = instrument.command(command, place);
  if (one === undefined) return;
  followed.set(command, one);
  command.onOutcome = (failure) => one.end(failure);
}

/** A command waits in an automatic pipeline, which has no caller. */
export function followHeld(command: Command): void {
  if (hearing.instrument !== undefined) follow(hearing.instrument, command);
}

/** Runs a batch that an instrument may hear of. */
export function followBatch<T>(batch: object, queue: readonly Command[], isTransaction: boolean, send: () => Promise<T>): Promise<T> {
  const one = hearing.instrument?.batch({ mode: isTransaction ? 'MULTI' : 'PIPELINE', commands: isTransaction ? queue.slice(1, -1) : queue });
  if (one === undefined) return send();
  followed.set(batch, one);
  const sent = send();
  sent.then(
    (outcomes) => one.end(firstError(outcomes)),
    (error: unknown) => one.end(error as CommandFailure),
  );
  return sent;
}

function firstError(outcomes: unknown): Error | undefined {
  if (!Array.isArray(outcomes)) return undefined;
  for (const [error] of outcomes as [error: Error | null, result: unknown][]) if (error) return error;
  return undefined;
}
