/** The command's options. */
import { parseArgs } from 'node:util';

export const PARTS = ['traffic', 'space', 'restart', 'queues', 'faults', 'readback', 'failover', 'cluster', 'switches'] as const;
export type Part = (typeof PARTS)[number];
/** What the report has if no parts are named. The others are about faults: `npm run example:faults`. */
const REPORT: readonly Part[] = ['traffic', 'space', 'restart', 'queues', 'failover', 'cluster'];

/** How much of everything. */
export interface Size {
  readonly companies: number;
  readonly orders: number;
  readonly pincodes: number;
  readonly instances: number;
  readonly sellers: number;
  /** Requests that are sent as fast as they are answered, so many at once; and those that are sent at a rate. */
  readonly rush: number;
  readonly atOnce: number;
  readonly requests: number;
  readonly creations: number;
  readonly checks: number;
  /** Loads of each of the users of the dashboard. */
  readonly dashboardLoads: number;
  readonly dashboardUsers: number;
  readonly rounds: number;
  readonly keys: number;
  readonly jobOrders: number;
  readonly readBacks: number;
  readonly fault: { readonly seconds: number; readonly answers: number };
  readonly frozen: { readonly seconds: number; readonly answers: number };
}

export const WHOLE: Size = {
  companies: 200, orders: 100_000, pincodes: 30_000, instances: 3, sellers: 40, rush: 3_000, atOnce: 16, requests: 10_000, creations: 1_000, checks: 10_000, dashboardLoads: 10, dashboardUsers: 100, rounds: 10,
  keys: 100_000, jobOrders: 200, readBacks: 10_000, fault: { seconds: 5, answers: 20 }, frozen: { seconds: 20, answers: 20 },
};

export const QUICK: Size = {
  companies: 12, orders: 2_000, pincodes: 1_000, instances: 2, sellers: 12, rush: 200, atOnce: 8, requests: 1_500, creations: 60, checks: 500, dashboardLoads: 2, dashboardUsers: 30, rounds: 2,
  keys: 5_000, jobOrders: 20, readBacks: 200, fault: { seconds: 0, answers: 12 }, frozen: { seconds: 2, answers: 12 },
};

export interface Options {
  readonly quick: boolean;
  readonly seed: number;
  /** The folder of the three files. */
  readonly out: string;
  readonly parts: ReadonlySet<Part>;
  readonly size: Size;
  /** Prints JSON instead of text. */
  readonly json: boolean;
}

export const USAGE = `npm run example:report -- [--quick] [--seed <n>] [--only <parts>] [--out <folder>] [--json]

  --quick          a reduced size, for a look at it
  --seed <n>       of the traffic and of the data (1)
  --only <parts>   some of: ${PARTS.join(',')} (${REPORT.join(',')})
  --requests <n>   requests of the traffic, besides those that are sent as fast as they are answered
  --out <folder>   where report.txt, report.json and report.html go (shipcrowd-report)
  --json           prints JSON instead of text`;

export function optionsOf(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' },
      out: { type: 'string', default: 'shipcrowd-report' }, only: { type: 'string', default: REPORT.join(',') }, requests: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  const named = values.only.split(',');
  const unknown = named.filter((part) => !(PARTS as readonly string[]).includes(part));
  if (unknown.length > 0) throw new Error(`--only: no part is called ${unknown.join(', ')}; there are ${PARTS.join(', ')}`);
  const size = values.quick ? QUICK : WHOLE;
  const requests = values.requests === undefined ? size.requests : whole('--requests', values.requests);
  return { quick: values.quick, json: values.json, seed: whole('--seed', values.seed), out: values.out, parts: new Set(named as Part[]), size: { ...size, requests } };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number from 1, got ${text}`);
  return value;
}
