/** Names of metrics for OpenTelemetry, made of those for Prometheus. */

/** `hawser_cache_loads_running_seconds` and its like: the unit is not part of the name. */
const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/_seconds$/, 's'],
  [/_bytes$/, 'By'],
];

/** Where the names of a metric and of its attributes begin. */
export const spaceOf = (name: string): string => (name.startsWith('hawser_cache_') ? 'hawser.cache.' : 'hawser.');

/** The name and the unit of a metric. */
export function described(name: string): { name: string; unit: string } {
  const base = name.replace(/_total$/, '');
  const [ending, unit] = UNITS.find(([end]) => end.test(base)) ?? [undefined, '1'];
  const own = unit === 's' && ending !== undefined ? base.replace(ending, '_time') : base;
  const space = spaceOf(name);
  return { name: space + own.slice(space.length), unit };
}
