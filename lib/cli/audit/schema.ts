/** What `hawser audit --json` prints. Lines and columns start at 1; paths are relative to the audited folder and have `/`. */

export const AUDIT_SCHEMA = 'hawser.audit/1';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** What a finding is about. */
export type FindingKind =
  | 'connection'
  | 'mixed-libraries'
  | 'keys'
  | 'flush'
  | 'smembers-del'
  | 'hand-made-cache'
  | 'literal-ttl'
  | 'no-error-handler'
  | 'no-shutdown'
  | 'request-scope'
  | 'queue-connection'
  | 'dependency';

export interface Finding extends Place {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** `possible` where the audit knows an object by its name only, or cannot follow it everywhere. */
  readonly confidence: 'sure' | 'possible';
  /** One sentence. */
  readonly message: string;
  /** The first line of the code. */
  readonly code: string;
  /** What to write in its place. */
  readonly replacement: string;
  /** Other lines that belong to it. */
  readonly related: readonly Place[];
}

export interface ConnectionJson extends Place {
  /** `ioredis`, `redis` ... */
  readonly library: string;
  /** `new Redis`, `createClient`, `duplicate` ... */
  readonly how: string;
  /** The variable or property that holds it; null if nothing does. */
  readonly name: string | null;
  readonly cluster: boolean;
  /** The options as they are written, by name. Texts that may hold a password are left out. */
  readonly options: Readonly<Record<string, string>>;
  readonly scope: 'module' | 'class' | 'function' | 'request';
  /** The calls of the function that opens it, each of which may open one. */
  readonly calledFrom: readonly Place[];
  readonly hasErrorHandler: boolean;
  readonly isClosed: boolean;
  readonly subscribes: boolean;
  readonly publishes: boolean;
}

export interface QueueJson extends Place {
  readonly library: string;
  /** `Queue`, `Worker` ... */
  readonly type: string;
  /** The queue's name, where it is written in the code. */
  readonly name: string | null;
  readonly connection: 'client' | 'options' | 'manager' | 'default' | 'module' | 'unknown';
  /** The client that it uses. */
  readonly client: Place | null;
}

export interface DependencyJson extends Place {
  readonly package: string;
  readonly range: string;
  /** `dependencies`, `devDependencies` ... */
  readonly section: string;
  /** The installed packages that depend on it, with the range that they ask for. */
  readonly dependents: readonly { readonly package: string; readonly version: string | null; readonly range: string }[];
}

export type Risk = 'low' | 'medium' | 'high' | 'critical';

/** One file of the migration. */
export interface StepJson {
  readonly file: string;
  readonly risk: Risk;
  readonly reason: string;
  readonly action: string;
  readonly replacements: readonly { readonly line: number; readonly code: string; readonly replacement: string }[];
}

export interface AuditJson {
  readonly schema: typeof AUDIT_SCHEMA;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly directory: string;
  readonly parser: { readonly version: string; readonly folder: string };
  readonly summary: {
    /** Files that were looked at. */
    readonly files: number;
    readonly connections: number;
    readonly libraries: Readonly<Record<string, number>>;
    readonly queues: number;
    /** By kind; a kind without findings is absent. */
    readonly findings: Readonly<Partial<Record<FindingKind, number>>>;
  };
  readonly connections: readonly ConnectionJson[];
  readonly queues: readonly QueueJson[];
  readonly dependencies: readonly DependencyJson[];
  readonly findings: readonly Finding[];
  readonly migration: readonly StepJson[];
  /** What was left out or could be read only in part, and why. */
  readonly notes: readonly { readonly file: string | null; readonly message: string }[];
}
