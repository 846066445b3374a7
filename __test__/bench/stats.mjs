// Numbers from rounds: medians, and ratios of measurements of the same round.

/** The median of `values`; undefined if there are none. */
export function median(values) {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The median over rounds of `own / reference`. The two of a pair were measured within seconds of each other, so a machine that slows down
 * between rounds affects both. A round in which one of them failed does not count.
 */
export function ratio(own, reference) {
  return median(own.map((value, round) => pair(value, reference[round])));
}

function pair(value, reference) {
  return value === undefined || reference === undefined || reference === 0 ? undefined : value / reference;
}

/** The samples of one contender by quantity: `{ throughput: [..], cpu: [..], ... }`, a slot per round. */
export function series(samples) {
  const of = (name) => samples.map((sample) => sample?.[name]);
  return { throughput: of('throughput'), cpu: of('cpu'), lag: of('lag'), others: of('others') };
}

/** Medians of a contender's series, and ratios against the reference's. */
export function compared(own, reference) {
  return {
    throughput: short(median(own.throughput)),
    cpu: short(median(own.cpu)),
    lag: short(median(own.lag)),
    throughputRatio: short(ratio(own.throughput, reference.throughput)),
    cpuRatio: short(ratio(own.cpu, reference.cpu)),
  };
}

/** The median share of the machine that other processes had, over all series of a tree of samples. */
export function neighbours(samples) {
  const found = [];
  const walk = (node) => {
    if (Array.isArray(node?.others)) found.push(...node.others);
    else if (typeof node === 'object' && node !== null) Object.values(node).forEach(walk);
  };
  walk(samples);
  return median(found);
}

/** Three significant digits, as a number. */
export function short(value) {
  return value === undefined ? undefined : Number(value.toPrecision(3));
}
