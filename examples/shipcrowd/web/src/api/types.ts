/** What the API answers: the server's own types, and those of the operations page. */
export type * from '../../../server/types';

/** Somebody to sign in as. */
export interface DemoPerson {
  id: string;
  name: string;
  email: string;
  role: string;
  company: { id: string; name: string } | null;
}

export interface OrderQuery {
  status?: string;
  search?: string;
  courier?: string;
  from?: string;
  to?: string;
  sort?: string;
  page?: number;
  limit?: number;
}

export interface Operations {
  instance: string;
  uptime: number;
  memory?: boolean;
  flags: Record<string, 'before' | 'after'>;
  connections: { name: string; library: string; state: string }[];
  redis: { usedMemory: number | null; clients: number | null; version: string | null; mode: string } | null;
  tiers: { name: string; reads: number; hitRate: number | null; target: number | null; meets: boolean }[];
  queues: { name: string; waiting: number; active: number; completed: number; failed: number }[];
  jobs: { outbox: number; runs: number; twice: number };
  database: { queries: number; background: number };
}

/** An instance as the balancer knows it. */
export interface Instance {
  instance: number;
  state: string;
  flags: Record<string, 'before' | 'after'>;
  pid: number | null;
  requests: number;
  errors: number;
}
