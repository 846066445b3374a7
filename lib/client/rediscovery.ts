/**
 * A server that answers READONLY has become a replica. Its name may stand for another server by now, as names of managed Redis do after a
 * failover: the client looks it up again, and leaves the server if the name has another address.
 */
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** One look-up in so much time. */
const PAUSE_MS = 5000;

const now = performance.now.bind(performance);

export interface Place {
  host: string;
  family?: number | undefined;
  /** A unix socket. */
  path?: string | undefined;
  lookup?: LookupFunction | null | undefined;
}

export class Rediscovery {
  private lookedAt = -Infinity;

  /** Calls `leave` if the name in `place` does not stand for `address` any more. */
  look({ host, family, path, lookup }: Place, address: string | undefined, leave: () => void): void {
    if (path || address === undefined || isIP(host) !== 0 || now() - this.lookedAt < PAUSE_MS) return;
    this.lookedAt = now();
    try {
      (lookup ?? (dns.lookup))(host, { all: true, family: family ?? 0 }, (error, found) => {
        if (error || found === undefined) return;
        const addresses = (Array.isArray(found) ? found : [{ address: found }]).map((each) => plain(each.address));
        if (addresses.length > 0 && !addresses.includes(plain(address))) leave();
      });
    } catch {
      // The next connection reports it.
    }
  }
}

/** Without the prefix of an IPv4 address on an IPv6 socket. */
const plain = (address: string): string => address.replace(/^::ffff:/i, '');
