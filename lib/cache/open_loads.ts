/** The loads that the engine has opened in this process and not yet closed. */
import type { Load, LoadOutcome } from './call';
import { loadBegan, loadEnded } from './running';

const now = performance.now.bind(performance);

export class OpenLoads {
  private readonly byId = new Map<number, Load>();

  begin(id: number, prefix: string): Load {
    const load: Load = { id, prefix, startedAt: now() };
    this.byId.set(id, load);
    loadBegan(load);
    return load;
  }

  end(id: number): void {
    const load = this.byId.get(id);
    if (load === undefined) return;
    this.byId.delete(id);
    loadEnded(load);
  }

  outcomeOf(id: number): LoadOutcome | undefined {
    return this.byId.get(id)?.outcome;
  }
}
