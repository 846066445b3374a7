/** Parses INFO, and waits for a server that is loading its data. */
import { setTimeout } from '../clock';
import type { Callback } from '../command/callback';

/** The fields of an INFO reply by name. Other lines are ignored. */
export function parseInfo(text: string): Record<string, string> {
  const info: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const at = line.indexOf(':');
    if (at > 0 && at + 1 < line.length) info[line.slice(0, at)] = line.slice(at + 1);
  }
  return info;
}

interface Client {
  options: { maxLoadingRetryTime?: number | undefined };
  info(): Promise<unknown>;
}

/**
 * Asks repeatedly until the server has loaded its data. The client's own ready check is part of the handshake; this one serves callers of
 * `_readyCheck`.
 */
export function readyCheck(client: Client, callback: Callback): void {
  client.info().then(
    (reply) => {
      if (typeof reply !== 'string') return callback(null, reply);
      const info = parseInfo(reply);
      if (!info.loading || info.loading === '0') return callback(null, info);
      const eta = Number(info.loading_eta_seconds || 1) * 1000;
      setTimeout(() => readyCheck(client, callback), Math.min(eta, client.options.maxLoadingRetryTime || Infinity));
    },
    (error: Error) => (error.message.includes('NOPERM') ? callback(null, {}) : callback(error)),
  );
}
