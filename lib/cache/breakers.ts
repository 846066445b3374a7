/** Which servers the cache does not ask at the moment. The engine tells by the event `breaker`. */

const open = new Set<string>();

/** What the event says: `closed` or `open for 1000 ms`, on a cluster behind the node's address. */
const SAID = /^(?:(.*): )?(closed|open for .*)$/;

/** Takes an event of the engine. */
export function breakerSaid(text: string): void {
  const said = SAID.exec(text);
  if (said === null) return;
  const [, node = ''] = said;
  if (said[2] === 'closed') open.delete(node);
  else open.add(node);
}

/** The engine has another store, or none. */
export function forgetBreakers(): void {
  open.clear();
}

/** Whether the breaker of a node is open; of the only one without an address. */
export function isBreakerOpen(node = ''): boolean {
  return open.has(node);
}
