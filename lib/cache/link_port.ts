/** A client's link, as the cache's driver sees it. */
import type { NativeLink } from '../native';

/** The part of a client's link that the driver needs. */
export interface LinkPort {
  readonly native: NativeLink;
  /** `host:port`, or the path of a unix socket. */
  readonly node: string;
  /** Writes the core's queued bytes. Returns whether there were any. */
  pump(): boolean;
  /** Takes in what has arrived. */
  look(): void;
  /** Called by the link after every crossing. */
  afterCrossing: (() => void) | undefined;
}
