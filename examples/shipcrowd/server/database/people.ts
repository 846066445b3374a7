/** Queries about users, roles and sessions. */
import type { Access, Page, Pagination, Permission, Person, Role } from '../types';
import { pageOf } from './parts';
import type { Database } from './pool';

const PERSON = `users.id, users.name, email, role, company_id as "companyId", (select name from companies where id = company_id) as "companyName"`;

export class People {
  constructor(private readonly db: Database) {}

  async byEmail(email: string): Promise<Person | null> {
    return (await this.db.one<Person>(`select ${PERSON} from users where email = $1`, [email])) ?? null;
  }

  async byId(id: string): Promise<Person | null> {
    return (await this.db.one<Person>(`select ${PERSON} from users where id = $1`, [id])) ?? null;
  }

  /** Somebody of each role, and managers of the companies with the most orders. */
  async toSignInAs(): Promise<Person[]> {
    return this.db.query<Person>(
      `select ${PERSON} from users where role = 'admin' or (company_id = 'c1') or (role = 'manager' and company_id = any(array(
        select company_id from orders group by 1 order by count(*) desc, 1 limit 12
      ))) order by role = 'admin' desc, company_id = 'c1' desc, company_id, role`,
    );
  }

  async access(userId: string): Promise<Access | null> {
    const row = await this.db.one<Access>(
      `select role, array(select permission from role_permissions where role = users.role order by 1) as permissions from users where id = $1`,
      [userId],
    );
    return row ?? null;
  }

  async list({ search }: { search?: string | undefined }, pagination: Pagination): Promise<Page<Person>> {
    const select = {
      columns: PERSON,
      table: 'users',
      where: search === undefined ? 'true' : '(users.name ilike $1 or email ilike $1)',
      values: search === undefined ? [] : [`%${search.replace(/[\\%_]/g, '\\$&')}%`],
      order: 'users.id',
    };
    return pageOf<Person>(this.db, select, pagination);
  }

  async setRole(userId: string, role: Role): Promise<boolean> {
    return (await this.db.query('update users set role = $2 where id = $1 returning id', [userId, role])).length > 0;
  }

  roles(): Promise<{ role: Role; permissions: Permission[] }[]> {
    return this.db.query(`select role, array_agg(permission order by permission) as permissions from role_permissions group by role order by role`);
  }

  async setPermissions(role: Role, permissions: Permission[]): Promise<void> {
    await this.db.query(
      `with gone as (delete from role_permissions where role = $1 and permission <> all($2))
       insert into role_permissions (role, permission) select $1, unnest($2::text[]) on conflict do nothing`,
      [role, permissions],
    );
  }

  async beginSession(id: string, userId: string): Promise<void> {
    await this.db.query('insert into sessions (id, user_id) values ($1, $2)', [id, userId]);
  }

  async endSession(id: string): Promise<void> {
    await this.db.query('update sessions set ended_at = now() where id = $1', [id]);
  }

  async hasEnded(id: string): Promise<boolean> {
    const row = await this.db.one<{ ended: boolean }>('select ended_at is not null as ended from sessions where id = $1', [id]);
    return row?.ended ?? true;
  }
}
