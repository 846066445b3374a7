/** A share against its target. */
import { percent } from '../ui/format';

export function Meter({ value, target, label }: { value: number; target: number | null; label: string }) {
  const meets = target === null || value >= target;
  return (
    <span className={`meter ${target === null ? '' : meets ? 'met' : 'missed'}`} role="meter" aria-label={label} aria-valuenow={Math.round(value * 100)} aria-valuemin={0} aria-valuemax={100} aria-valuetext={percent(value)}>
      <span style={{ width: `${100 * value}%` }} />
      {target !== null && <i style={{ left: `${target * 100}%` }} title={`Target ${percent(target)}`} />}
    </span>
  );
}
