/** Calls that were answered with a stale value. The engine may ask one of them to run its loader, for a refresh. */
import type { Call } from './call';

/** If the engine has not decided on a refresh after this time, the caller's loader will not run for it. */
const REFRESH_PATIENCE_MS = 30_000;

const now = performance.now.bind(performance);

export class StaleCalls {
  /** In the order of their answers. */
  private readonly kept = new Map<number, { call: Call; at: number }>();

  keep(call: Call): void {
    const at = now();
    for (const [id, kept] of this.kept) {
      if (at - kept.at < REFRESH_PATIENCE_MS) break;
      this.kept.delete(id);
    }
    this.kept.set(call.id, { call, at });
  }

  take(id: number): Call | undefined {
    const call = this.kept.get(id)?.call;
    this.kept.delete(id);
    return call;
  }

  forget(id: number): void {
    this.kept.delete(id);
  }
}
