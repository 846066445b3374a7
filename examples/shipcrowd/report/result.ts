/** The report's result: what --json prints, and what text and page are made of. */
import type { FaultResult } from './faults';
import type { Connections, Usage } from './measure';
import type { Checks, Creations } from './parts/loads';
import type { Jobs } from './parts/jobs';
import type { Restarted } from './parts/restart';
import type { Revocations } from './parts/roles';
import type { Switches } from './parts/switches';
import type { ReadBack } from './readback';
import type { Replayed } from './replay';
import type { Verdict } from './targets';

/** One version of the backend under the traffic and the loads. */
export interface Side {
  readonly digest: string;
  readonly connections: Connections;
  /** A first part of the traffic, as fast as this version answers it. */
  readonly rush: Replayed;
  /** The rest of it, at the same moments for both versions. */
  readonly traffic: Replayed;
  readonly usage: Usage;
  /** In percent, by tier; empty if this version does not count. */
  readonly hitRates: Readonly<Record<string, number | null>>;
  readonly creations: Creations;
  readonly checks: Checks;
  readonly dashboards: Checks;
  readonly revocations: Revocations;
  /** Of Redis after the traffic, in MB. */
  readonly memoryMb: number;
}

export interface ClusterRun {
  readonly traffic: Replayed;
  readonly revocations: Revocations;
  readonly readBack: ReadBack;
}

/** Memory of 100,000 keys in the proportions of the traffic, in MB. */
export interface Space {
  readonly keys: number;
  readonly beforeMb: number;
  readonly afterMb: number;
  readonly byKind: Readonly<Record<string, number>>;
}

export interface ReportJson {
  readonly schema: 'shipcrowd.report/1';
  readonly startedAt: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly seed: number;
  readonly size: { readonly companies: number; readonly orders: number; readonly instances: number; readonly requests: number };
  readonly machine: { readonly cpus: number; readonly node: string; readonly redis: string };
  readonly before?: Side;
  readonly after?: Side;
  readonly space?: Space;
  readonly restart?: Restarted;
  readonly jobs: { readonly restart?: Jobs; readonly failover?: Jobs };
  readonly faults: readonly FaultResult[];
  readonly readBack?: ReadBack;
  readonly switches?: Switches;
  readonly cluster?: ClusterRun;
  readonly verdicts: readonly Verdict[];
  /** Parts that could not be measured, and why. */
  readonly failures: readonly { readonly part: string; readonly message: string }[];
}
