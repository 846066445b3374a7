/** Small parts that pages share. */
import type { ReactNode } from 'react';
import { Icon } from './icons';
import { count, dateTimeOf, words } from './format';

export function PageHead({ title, note, children }: { title: string; note?: ReactNode; children?: ReactNode }) {
  return (
    <header className="page-head">
      <title>{`${title} · Shipcrowd`}</title>
      <div>
        <h1>{title}</h1>
        {note !== undefined && <p className="muted">{note}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </header>
  );
}

export function Panel({ title, note, children, className = '' }: { title?: string; note?: ReactNode; children: ReactNode; className?: string }) {
  const id = title === undefined ? undefined : `panel-${title.toLowerCase().replace(/\W+/g, '-')}`;
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      {title !== undefined && (
        <div className="panel-head">
          <h2 id={id}>{title}</h2>
          {note !== undefined && <span className="muted">{note}</span>}
        </div>
      )}
      {children}
    </section>
  );
}

const TONES: Record<string, string> = {
  new: 'blue',
  packed: 'violet',
  created: 'blue',
  'picked-up': 'violet',
  shipped: 'amber',
  'in-transit': 'amber',
  'out-for-delivery': 'amber',
  delivered: 'green',
  recharge: 'green',
  refund: 'blue',
  rto: 'red',
  cancelled: 'grey',
  shipping: 'grey',
  lost: 'red',
};

export function Status({ value }: { value: string }) {
  return <span className={`status ${TONES[value] ?? 'grey'}`}>{words(value)}</span>;
}

export function Pages({ page, limit, total, onPage, what }: { page: number; limit: number; total: number; onPage: (page: number) => void; what: string }) {
  const last = Math.max(1, Math.ceil(total / limit));
  const from = total === 0 ? 0 : (page - 1) * limit + 1;
  return (
    <nav className="pages" aria-label={`Pages of ${what}`}>
      <span className="muted">
        {count(from)}–{count(Math.min(page * limit, total))} of {count(total)}
      </span>
      <span className="row">
        <button type="button" className="button small" disabled={page <= 1} onClick={() => onPage(page - 1)} aria-label="Previous page">
          <Icon name="back" size={16} />
        </button>
        <span className="page-number">
          {page} / {count(last)}
        </span>
        <button type="button" className="button small" disabled={page >= last} onClick={() => onPage(page + 1)} aria-label="Next page">
          <Icon name="arrow" size={16} />
        </button>
      </span>
    </nav>
  );
}

export function Field({ id, label, hint, error, children }: { id: string; label: string; hint?: string; error?: string | undefined; children: ReactNode }) {
  return (
    <div className={error === undefined ? 'field' : 'field wrong'}>
      <label htmlFor={id}>{label}</label>
      {children}
      {error !== undefined ? (
        <p className="field-error" id={`${id}-note`} role="alert">
          {error}
        </p>
      ) : (
        hint !== undefined && (
          <p className="hint" id={`${id}-note`}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

/** From place to place. */
export function Lane({ from, to }: { from: string; to: string }) {
  return (
    <span className="lane">
      <span>{from}</span>
      <Icon name="arrow" size={14} />
      <span>{to}</span>
    </span>
  );
}

export function Timeline({ steps }: { steps: readonly { at: string; status: string; note?: string | null }[] }) {
  return (
    <ol className="timeline">
      {steps.map((step, i) => (
        <li key={`${step.at}-${step.status}`} className={i === steps.length - 1 ? 'now' : ''} aria-current={i === steps.length - 1 ? 'step' : undefined}>
          <strong>{words(step.status)}</strong>
          <time dateTime={step.at}>{dateTimeOf(step.at)}</time>
          {step.note != null && <p>{step.note}</p>}
        </li>
      ))}
    </ol>
  );
}
