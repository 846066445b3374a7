/** What the example does with a database that DATABASE_URL names, whatever the server is. */
import { QUICK } from '../../examples/shipcrowd/report/options';
import { until } from '../helpers/until';
import { installExample, ORDER, Stack } from './stack';

export interface DatabaseServer {
  readonly url: string;
  stop(): Promise<unknown>;
}

interface Client {
  connect(): Promise<void>;
  query(sql: string, values?: unknown[]): Promise<{ rows: any[] }>;
  end(): Promise<void>;
}

/** Tests of the example on a server with an empty database. The example runs without Redis. */
export function databaseTests(start: () => Promise<DatabaseServer>): void {
  let server: DatabaseServer;
  let stack: Stack;
  let client: Client;
  let orderId = '';
  const rows = async (sql: string, ...values: unknown[]): Promise<any[]> => (await client.query(sql, values)).rows;
  const number = async (sql: string, ...values: unknown[]): Promise<number> => Number(Object.values((await rows(sql, ...values))[0] as object)[0]);
  const begin = async (args: string[] = []): Promise<void> => {
    stack = new Stack();
    await stack.start(['--memory', ...args], { DATABASE_URL: server.url });
  };

  beforeAll(async () => {
    const folder = await installExample();
    server = await start();
    await begin();
    const { Client: PgClient } = jest.requireActual<{ Client: new (options: object) => Client }>(require.resolve('pg', { paths: [folder] }));
    client = new PgClient({ connectionString: server.url });
    await client.connect();
  }, 400_000);

  afterAll(async () => {
    await stack?.stop();
    await client?.end();
    await server?.stop();
  }, 60_000);

  test('an empty database gets tables and data, and the backend works on it', async () => {
    expect(await number('select count(*) from orders')).toBe(QUICK.orders);
    const token = await stack.signIn('owner');
    const { status, body: order } = await stack.ask('/api/orders', { token, body: ORDER });
    expect(status).toBe(201);
    orderId = order.id;
    expect((await stack.ask('/api/orders?limit=1', { token })).body.items[0].id).toBe(orderId);
    await until(async () => (await stack.ask('/api/shipments?limit=1', { token })).body.items[0].orderId === orderId);
    const { totals, byStatus } = (await stack.ask('/api/analytics/dashboard?days=90', { token })).body;
    expect(byStatus.reduce((all: number, { count }: { count: number }) => all + count, 0)).toBe(totals.orders);
    expect((await stack.ask('/api/orders?search=test%20cust', { token })).body.items.map(({ id }: { id: string }) => id)).toContain(orderId);
  });

  test('an effect is made in the statement that takes the key of its job: once, or not at all', async () => {
    const [{ job_id: id }] = await rows(`select job_id from job_runs where queue = 'wallet-settlement' order by job_id limit 1`);
    const effects = () => rows('select * from job_effects where job_id = $1', id);
    const [attempts, charges, balances] = [
      () => number('select attempts from job_runs where job_id = $1', id),
      () => number(`select count(*) from wallet_transactions where kind = 'shipping' and reference = $1`, orderId),
      () => number('select sum(balance) from companies'),
    ];
    const isDone = async () => (await number('select count(*) from outbox')) === 0;
    const again = `insert into outbox (id, queue, payload) values ($1, 'wallet-settlement', $2)`;
    const payload = JSON.stringify({ companyId: 'c1', id: orderId });
    await until(isDone);
    const [paid, was] = [await balances(), await attempts()];
    await rows(again, id, payload);
    await until(isDone);
    expect([await attempts(), (await effects()).length, await charges(), await balances()]).toEqual([was + 1, 1, 1, paid]);

    // As if it had never run, and cannot: the key goes with the effect.
    await rows('delete from wallet_transactions where reference = $1', orderId);
    await rows('delete from job_effects where job_id = $1', id);
    await rows('delete from job_runs where job_id = $1', id);
    await rows('alter table wallet_transactions add constraint closed check (amount > 0) not valid');
    await rows(again, id, payload);
    await until(async () => (await number('select count(*) from outbox where due > now()')) === 1);
    await until(() => stack.output.includes('violates check constraint "closed"'));
    expect([(await rows('select 1 from job_runs where job_id = $1', id)).length, (await effects()).length, await balances()]).toEqual([0, 0, paid]);

    await rows('alter table wallet_transactions drop constraint closed');
    // Later on, the job would be due by itself.
    await until(async () => {
      await rows('update outbox set due = now()');
      return isDone();
    });
    const [{ price }] = await rows('select price from orders where id = $1', orderId);
    expect([await attempts(), (await effects()).length, await charges(), await balances()]).toEqual([1, 1, 1, paid - Number(price)]);
  });

  test('the next start takes it as it is', async () => {
    await stack.stop();
    await begin(['--orders', '50']);
    expect(await number('select count(*) from orders')).toBe(QUICK.orders + 1);
    expect((await stack.ask(`/api/orders/${orderId}`, { token: await stack.signIn('owner') })).body.customer).toBe(ORDER.customer);
  }, 120_000);
}
