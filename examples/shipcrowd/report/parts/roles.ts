/** A permission is taken from a role: how long until the last instance refuses? */
import { percentile } from '../figures';
import type { Session, Site } from '../site';
import { until } from '../wait';

export interface Revocations {
  readonly rounds: number;
  /** From the answer to the administrator until the last instance refuses, in milliseconds. */
  readonly p50: number;
  readonly max: number;
  /** Requests that were sent after the administrator had the answer, and were permitted. */
  readonly permittedLate: number;
}

const PERMISSION = 'orders.read';

export async function revocations(site: Site, admin: Session, viewer: Session, instances: number, rounds: number): Promise<Revocations> {
  const { role } = viewer.user;
  const all = viewer.user.permissions;
  const put = (permissions: string[]): Promise<unknown> => site.need(`/api/admin/roles/${role}/permissions`, { method: 'PUT', body: { permissions }, token: admin.token });
  const numbers = Array.from({ length: instances }, (_, index) => index + 1);
  const asks = (instance: number): Promise<number> => site.call('/api/orders?page=1&limit=20', { token: viewer.token, instance }).then(({ status }) => status);
  const times: number[] = [];
  let permittedLate = 0;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(numbers.map((instance) => until(async () => (await asks(instance)) === 200, `instance ${instance} to permit`, 60_000, 2)));
    await put(all.filter((permission) => permission !== PERMISSION));
    const answered = performance.now();
    const refused = async (instance: number): Promise<number> => {
      await until(async () => {
        const status = await asks(instance);
        if (status === 200) permittedLate++;
        return status === 403;
      }, `instance ${instance} to refuse`, 60_000, 1);
      return performance.now() - answered;
    };
    times.push(Math.max(...(await Promise.all(numbers.map(refused)))));
    await put(all);
  }
  return { rounds, p50: percentile(times, 0.5), max: percentile(times, 1), permittedLate };
}
