/** What a client of `memory://` says to commands. */
import { HawserError } from '../errors';

/** The error of a command, `name`, that only a server can run. */
export function needsServer(name: string): HawserError {
  const hint = 'needs a Redis server, and the URL is memory://, which has a cache and a bus but no commands. Set REDIS_URL to redis://...';
  return new HawserError('E_NEEDS_SERVER', `${name} ${hint}`, { command: name, node: 'memory://' });
}
