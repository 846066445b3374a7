/** Warnings at a bounded rate: a kind is said at once, and then at most once a minute, with the number of those that were held back. */
import type { Logger } from '../logger';

/** The time between two warnings of one kind. */
const EVERY_MS = 60_000;
/** The number of kinds that are remembered. A forgotten kind may be said again sooner. */
const MAX_KINDS = 1_000;

const now = performance.now.bind(performance);

/** What was said to each logger, and how many were held back since. After `closeAll` there is another logger. */
const said = new WeakMap<Logger, Map<string, { at: number; held: number }>>();

/** The number of this kind to report now, including those that were held back before; 0: hold these back. */
export function due(logger: Logger, kind: string, number = 1): number {
  let kinds = said.get(logger);
  if (kinds === undefined) said.set(logger, (kinds = new Map<string, { at: number; held: number }>()));
  const last = kinds.get(kind);
  if (last !== undefined && now() - last.at < EVERY_MS) {
    last.held += number;
    return 0;
  }
  kinds.delete(kind);
  if (kinds.size >= MAX_KINDS) kinds.delete(kinds.keys().next().value as string);
  kinds.set(kind, { at: now(), held: 0 });
  return number + (last?.held ?? 0);
}
