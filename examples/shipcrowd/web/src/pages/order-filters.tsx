import { useEffect, useState } from 'react';
import { COURIERS } from '../../../server/database/words';
import { Icon } from '../ui/icons';

const SORTS = [
  ['', 'Newest first'],
  ['createdAt', 'Oldest first'],
  ['-value', 'Highest value'],
  ['value', 'Lowest value'],
] as const;

/** What hides orders, besides the search and the status. */
const NARROWING = ['courier', 'from', 'to'] as const;

/** Typing waits this long before it searches. */
const TYPING_MS = 250;

export function OrderFilters({ params, onChange }: { params: URLSearchParams; onChange: (changes: Record<string, string>) => void }) {
  const current = params.get('search') ?? '';
  const [search, setSearch] = useState(current);
  /** On a narrow screen, where all but the search is behind a button. */
  const [isOpen, setOpen] = useState(false);
  const active = NARROWING.filter((name) => params.has(name)).length;
  useEffect(() => setSearch(current), [current]);
  useEffect(() => {
    if (search === current) return;
    const timer = setTimeout(() => onChange({ search: search.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  });
  return (
    <form className={isOpen ? 'filters open' : 'filters'} role="search" aria-label="Orders" onSubmit={(event) => event.preventDefault()}>
      <label className="search">
        <span className="hidden">Search orders</span>
        <Icon name="search" size={18} />
        <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} placeholder="Customer or order number" />
      </label>
      <button type="button" className="button filter-toggle" aria-expanded={isOpen} aria-controls="filter-fields" onClick={() => setOpen(!isOpen)}>
        Filters{active > 0 ? ` (${active})` : ''}
      </button>
      <div className="filter-fields" id="filter-fields">
        <label>
          <span className="hidden">Courier</span>
          <select value={params.get('courier') ?? ''} onChange={(event) => onChange({ courier: event.target.value })}>
            <option value="">All couriers</option>
            {COURIERS.map((courier) => (
              <option key={courier}>{courier}</option>
            ))}
          </select>
        </label>
        <label className="date-range">
          <span>From</span>
          <input type="date" value={params.get('from') ?? ''} max={params.get('to') ?? undefined} onChange={(event) => onChange({ from: event.target.value })} />
        </label>
        <label className="date-range">
          <span>to</span>
          <input type="date" value={params.get('to') ?? ''} min={params.get('from') ?? undefined} onChange={(event) => onChange({ to: event.target.value })} />
        </label>
        <label>
          <span className="hidden">Sort</span>
          <select value={params.get('sort') ?? ''} onChange={(event) => onChange({ sort: event.target.value })}>
            {SORTS.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {active > 0 && (
          <button type="button" className="button" onClick={() => onChange(Object.fromEntries(NARROWING.map((name) => [name, ''])))}>
            Clear
          </button>
        )}
      </div>
    </form>
  );
}
