/** The first page: by address, or as one of the people of the demonstration. */
import { useEffect, useState, type FormEvent } from 'react';
import { ApiError, get, request } from '../api/http';
import type { DemoPerson, User } from '../api/types';
import { Logo } from '../ui/logo';
import { words } from '../ui/format';
import { RouteMap } from '../ui/route-map';
import type { StoredSession } from './session';

export function SignIn({ onSignedIn }: { onSignedIn: (session: StoredSession) => void }) {
  const [people, setPeople] = useState<DemoPerson[]>();
  const [email, setEmail] = useState('');
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    get<DemoPerson[]>('/api/demo/users').then(setPeople, () => setPeople([]));
  }, []);

  async function signIn(address: string): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const { token, user } = await request<{ token: string; user: User }>('POST', '/api/auth/login', { body: { email: address } });
      onSignedIn({ token, user, at: Date.now() });
    } catch (failure) {
      setError(failure instanceof ApiError ? failure.message : 'Signing in failed.');
      setBusy(false);
    }
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (email.trim() !== '') void signIn(email.trim());
  }

  return (
    <div className="sign-in">
      <title>Sign in · Shipcrowd</title>
      <aside className="sign-in-brand">
        <Logo />
        <RouteMap />
        <p className="sign-in-claim">Every order, parcel and rupee of your company, as it is this second.</p>
      </aside>
      <main className="sign-in-main">
        <h1>Sign in</h1>
        <form onSubmit={submit} className="sign-in-form">
          <label htmlFor="email">Work email</label>
          <div className="row">
            <input id="email" type="email" autoComplete="email" value={email} onChange={(event) => setEmail(event.target.value)} placeholder="name@company.example" required />
            <button className="button primary" disabled={isBusy}>
              Sign in
            </button>
          </div>
          {error !== undefined && (
            <p role="alert" className="field-error">
              {error}
            </p>
          )}
        </form>
        <section aria-labelledby="people">
          <h2 id="people">People of this demonstration</h2>
          <People people={people} isBusy={isBusy} onChoose={(person) => void signIn(person.email)} />
        </section>
      </main>
    </div>
  );
}

function People({ people, isBusy, onChoose }: { people: DemoPerson[] | undefined; isBusy: boolean; onChoose: (person: DemoPerson) => void }) {
  if (people === undefined) return <p className="muted">Loading…</p>;
  if (people.length === 0) return <p className="muted">The list cannot be loaded. Sign in by email.</p>;
  const companies = [...new Set(people.map(({ company }) => company?.name ?? 'Shipcrowd'))];
  return (
    <div className="people">
      {companies.map((company) => (
        <div key={company} className="people-company">
          <h3>{company}</h3>
          <ul>
            {people
              .filter((person) => (person.company?.name ?? 'Shipcrowd') === company)
              .map((person) => (
                <li key={person.id}>
                  <button type="button" className="person" disabled={isBusy} onClick={() => onChoose(person)}>
                    <span className="avatar" aria-hidden="true">
                      {initials(person.name)}
                    </span>
                    <span>
                      <span className="hidden">Sign in as</span>
                      <strong>{person.name}</strong>
                      <small>{words(person.role)}</small>
                      <span className="hidden">of {company}</span>
                    </span>
                  </button>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

export function initials(name: string): string {
  return name
    .split(/\s+/)
    .map((part) => part[0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase();
}
