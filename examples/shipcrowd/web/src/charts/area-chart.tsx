/** A series by day, as an area with a line. The pointer and the arrow keys show single days. */
import { useId, useState, useSyncExternalStore, type KeyboardEvent, type PointerEvent } from 'react';
import { dayOf } from '../ui/format';

interface Point {
  day: string;
  value: number;
}

const WIDE = { W: 720, H: 220, dates: 6 };
/** On a telephone: drawn narrower, so that its text is not smaller than other text. */
const NARROW = { W: 360, H: 200, dates: 4 };
const IS_NARROW = '(max-width: 720px)';
const PAD = { left: 46, right: 12, top: 14, bottom: 26 };

export function AreaChart({ points, label, format }: { points: readonly Point[]; label: string; format: (value: number) => string }) {
  const [at, setAt] = useState<number>();
  const { W, H, dates } = useIsNarrow() ? NARROW : WIDE;
  const gradient = useId();
  if (points.length === 0) return null;
  const top = niceTop(Math.max(...points.map(({ value }) => value), 1));
  const x = (i: number): number => PAD.left + (points.length === 1 ? 0.5 : i / (points.length - 1)) * (W - PAD.left - PAD.right);
  const y = (value: number): number => PAD.top + (1 - value / top) * (H - PAD.top - PAD.bottom);
  const line = points.map(({ value }, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  const move = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * W - PAD.left) / (W - PAD.left - PAD.right);
    setAt(Math.min(points.length - 1, Math.max(0, Math.round(share * (points.length - 1)))));
  };
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setAt(Math.min(points.length - 1, Math.max(0, (at ?? points.length - 1) + by)));
  };
  const chosen = at === undefined ? undefined : points[at];
  const highest = points.reduce((best, point) => (point.value > best.value ? point : best), points[0]!);
  const labels = labelled(points.length, dates);
  return (
    <figure className="chart">
      <figcaption aria-live="polite">{chosen === undefined ? `Highest on ${dayOf(highest.day)}: ${format(highest.value)}` : `${dayOf(chosen.day)}: ${format(chosen.value)}`}</figcaption>
      <svg
        viewBox={`0 0 ${W} ${H}`}
        role="img"
        aria-label={`${label}: ${points.length} days, from ${format(points[0]!.value)} to ${format(points[points.length - 1]!.value)}, highest ${format(highest.value)}`}
        tabIndex={0}
        onPointerMove={move}
        onPointerLeave={() => setAt(undefined)}
        onKeyDown={step}
        onBlur={() => setAt(undefined)}
      >
        <defs>
          <linearGradient id={gradient} x1="0" x2="0" y1="0" y2="1">
            <stop offset="0" stopColor="var(--teal)" stopOpacity=".28" />
            <stop offset="1" stopColor="var(--teal)" stopOpacity="0" />
          </linearGradient>
        </defs>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line x1={PAD.left} x2={W - PAD.right} y1={y(share * top)} y2={y(share * top)} className="grid" />
            <text x={PAD.left - 8} y={y(share * top) + 4} textAnchor="end">
              {short(share * top)}
            </text>
          </g>
        ))}
        {labels.map((i) => (
          <text key={i} x={x(i)} y={H - 6} textAnchor={i === 0 ? 'start' : i === points.length - 1 ? 'end' : 'middle'}>
            {dayOf(points[i]!.day)}
          </text>
        ))}
        <path d={`${line}L${x(points.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z`} fill={`url(#${gradient})`} />
        <path d={line} className="series" />
        {chosen !== undefined && at !== undefined && (
          <g>
            <line x1={x(at)} x2={x(at)} y1={PAD.top} y2={H - PAD.bottom} className="cursor" />
            <circle cx={x(at)} cy={y(chosen.value)} r="5" className="cursor-point" />
          </g>
        )}
      </svg>
    </figure>
  );
}

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = window.matchMedia(IS_NARROW);
      query.addEventListener('change', changed);
      return () => query.removeEventListener('change', changed);
    },
    () => window.matchMedia(IS_NARROW).matches,
  );
}

/** The days that have their date below: the latest one, and others at equal distances. */
function labelled(days: number, dates: number): number[] {
  const step = Math.max(1, Math.ceil((days - 1) / (dates - 1)));
  return Array.from({ length: Math.ceil(days / step) }, (_, n) => days - 1 - n * step);
}

/** The next number of the form 1, 2, 2.5, 4, 5 or 8 times a power of ten. */
export function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

function short(value: number): string {
  if (value >= 1e7) return `${trim(value / 1e7)} Cr`;
  if (value >= 1e5) return `${trim(value / 1e5)} L`;
  if (value >= 1e3) return `${trim(value / 1e3)}k`;
  return trim(value);
}

const trim = (value: number): string => String(Math.round(value * 10) / 10);
