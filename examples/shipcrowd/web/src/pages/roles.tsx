/** Who may do what. A change takes effect in every instance and every open browser. */
import { useState } from 'react';
import { useRolePermissions, useUserRole } from '../api/mutations';
import { useRoles, useUsers } from '../api/queries';
import { PERMISSIONS } from '../../../server/types';
import type { Permission, Role } from '../api/types';
import { words } from '../ui/format';
import { Icon } from '../ui/icons';
import { useNotice } from '../ui/notice';
import { PageHead, Pages, Panel } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';

type Data = { role: Role; permissions: Permission[] }[];

export function Roles() {
  const roles = useRoles();
  return (
    <>
      <PageHead title="Roles and permissions" note="A change takes effect at once: in every instance, and in every browser that is open." />
      <Loaded query={roles} lines={10}>
        {(data) => (
          <>
            <Matrix data={data} />
            <Users roles={data.map(({ role }) => role)} />
          </>
        )}
      </Loaded>
    </>
  );
}

function Matrix({ data }: { data: Data }) {
  const change = useRolePermissions();
  const notice = useNotice();
  /** While a change is on its way, the boxes show it. */
  const shown = data.map((one) => (change.isPending && change.variables.role === one.role ? { ...one, permissions: change.variables.permissions } : one));
  const toggle = (role: Role, own: Permission[], permission: Permission): void => {
    const has = own.includes(permission);
    const permissions = has ? own.filter((one) => one !== permission) : [...own, permission];
    change.mutate(
      { role, permissions },
      {
        onSuccess: () => notice(`${words(role)}: ${permission} is ${has ? 'revoked' : 'granted'}.`),
        onError: (error) => notice(error.message, 'failed'),
      },
    );
  };
  return (
    <Panel title="Permissions" className="flush">
      <div className="scroll">
        <table className="data matrix" aria-label="Permissions of roles">
          <thead>
            <tr>
              <th scope="col">Permission</th>
              {data.map(({ role }) => (
                <th key={role} scope="col">
                  {words(role)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {PERMISSIONS.map((permission) => (
              <tr key={permission}>
                <th scope="row" className="code">
                  {permission}
                </th>
                {shown.map(({ role, permissions }) => (
                  <td key={role}>
                    <input type="checkbox" className="check" checked={permissions.includes(permission)} disabled={change.isPending} aria-label={`${words(role)}: ${permission}`} onChange={() => toggle(role, permissions, permission)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Users({ roles }: { roles: string[] }) {
  const [search, setSearch] = useState('');
  const [page, setPage] = useState(1);
  const users = useUsers(search, page);
  const change = useUserRole();
  const notice = useNotice();
  return (
    <Panel title="People" className={users.isPlaceholderData ? 'flush updating' : 'flush'}>
      <div className="filters">
        <label className="search">
          <span className="hidden">Search people</span>
          <Icon name="search" size={18} />
          <input
            type="search"
            value={search}
            placeholder="Name or email"
            onChange={(event) => {
              setSearch(event.target.value);
              setPage(1);
            }}
          />
        </label>
      </div>
      <Loaded query={users} lines={8}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty icon="search" title="Nobody matches" />
          ) : (
            <>
              <table className="data stacking" aria-label="People">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Company</th>
                    <th scope="col">Role</th>
                  </tr>
                </thead>
                <tbody>
                  {data.items.map((person) => (
                    <tr key={person.id}>
                      <th scope="row">
                        {person.name}
                        <small>{person.email}</small>
                      </th>
                      <td data-label="Company">{person.companyName ?? 'Shipcrowd'}</td>
                      <td data-label="Role">
                        <select
                          aria-label={`Role of ${person.name}`}
                          value={person.role}
                          disabled={change.isPending}
                          onChange={(event) =>
                            change.mutate(
                              { id: person.id, role: event.target.value },
                              { onSuccess: () => notice(`${person.name} is ${event.target.value} now.`), onError: (error) => notice(error.message, 'failed') },
                            )
                          }
                        >
                          {roles.map((role) => (
                            <option key={role} value={role}>
                              {words(role)}
                            </option>
                          ))}
                        </select>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <Pages page={data.page} limit={data.limit} total={data.total} onPage={setPage} what="people" />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
