/** The repositories that the engine knows, by their prefixes. They are held weakly: a repository that the application dropped is forgotten. */
import { fromCore } from '../core_error';
import type { NativeCache } from '../native';
import type { Owner } from './parsed';
import { UNTIMED, type CacheTimes } from './times';

/** A repository's place in the engine. */
export interface Registration {
  readonly repo: number;
  /** Where the times of its calls are counted. */
  times: CacheTimes;
  /** Counts evictions of its values, and holds no repository. */
  readonly owner: Owner;
}

export class Registrations {
  private readonly byPrefix = new Map<string, WeakRef<Registration>>();
  private readonly prefixes = new Map<number, string>();
  private readonly dropped = new FinalizationRegistry<{ prefix: string; repo: number; ref: WeakRef<Registration> }>(({ prefix, repo, ref }) => {
    // The prefix may have been registered again meanwhile.
    if (this.byPrefix.get(prefix) === ref) this.forget(prefix, repo);
  });

  constructor(private readonly native: NativeCache) {}

  /** Registers a prefix with the engine. The registration lasts while the returned object is held. */
  register(prefix: string): Registration {
    const known = this.byPrefix.get(prefix)?.deref();
    if (known !== undefined) return known;
    const owner = { prefix, counters: { nearEvictions: 0, parsedEvictions: 0 } };
    const registration: Registration = { repo: fromCore(() => this.native.register(prefix)), times: UNTIMED, owner };
    const { repo } = registration;
    const ref = new WeakRef(registration);
    this.byPrefix.set(prefix, ref);
    this.prefixes.set(repo, prefix);
    this.dropped.register(registration, { prefix, repo, ref });
    return registration;
  }

  /** The number of registered prefixes. */
  get size(): number {
    return this.byPrefix.size;
  }

  prefixOf(repo: number): string | undefined {
    return this.prefixes.get(repo);
  }

  private forget(prefix: string, repo: number): void {
    this.byPrefix.delete(prefix);
    this.prefixes.delete(repo);
    this.native.forget(repo);
  }
}
