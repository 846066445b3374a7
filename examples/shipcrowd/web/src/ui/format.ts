/** Numbers and times as people in India read them. */

const rupees = new Intl.NumberFormat('en-IN', { style: 'currency', currency: 'INR', maximumFractionDigits: 0 });
const paise = new Intl.NumberFormat('en-IN', { style: 'currency', currency: 'INR', minimumFractionDigits: 2 });
const whole = new Intl.NumberFormat('en-IN');
const compactFormat = new Intl.NumberFormat('en-IN', { notation: 'compact', maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat('en-IN', { day: 'numeric', month: 'short' });
const calendarDay = new Intl.DateTimeFormat('en-IN', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dayYear = new Intl.DateTimeFormat('en-IN', { day: 'numeric', month: 'short', year: 'numeric' });
const time = new Intl.DateTimeFormat('en-IN', { hour: '2-digit', minute: '2-digit', hour12: false });

/** With a minus sign that is as wide as the digits, instead of a hyphen. */
const signed = (text: string): string => text.replace('-', '−');
export const money = (amount: number): string => signed(rupees.format(amount));
export const exactMoney = (amount: number): string => signed(paise.format(amount));
export const count = (n: number): string => whole.format(n);
export const compact = (n: number): string => compactFormat.format(n);
export const percent = (share: number, digits = 0): string => `${(share * 100).toFixed(digits)}%`;
/** `2026-11-26`, which is the same day in every place, as `26 Nov`. */
export const dayOf = (date: string): string => calendarDay.format(new Date(date));
export const dateOf = (date: string): string => dayYear.format(new Date(date));
export const timeOf = (date: string | number): string => time.format(new Date(date));
export const dateTimeOf = (date: string): string => `${day.format(new Date(date))}, ${timeOf(date)}`;
export const weight = (grams: number): string => (grams < 1000 ? `${grams} g` : `${(grams / 1000).toFixed(grams % 1000 === 0 ? 0 : 2)} kg`);

/** `in-transit` as `In transit`, and `rateCards` as `Rate cards`. */
export function words(name: string): string {
  if (name === 'rto') return 'Returned';
  const text = name.replace(/[-_.]/g, ' ').replace(/([a-z])([A-Z])/g, (_, end: string, next: string) => `${end} ${next.toLowerCase()}`);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const step = Math.min(Math.floor(Math.log2(Math.max(n, 1)) / 10), units.length - 1);
  return `${(n / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** `90061` seconds as `1 d 1 h`. */
export function duration(seconds: number): string {
  const parts = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']] as const;
  const out: string[] = [];
  let left = Math.floor(seconds);
  for (const [size, name] of parts) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0) out.push(`${n} ${name}`);
  }
  return out.slice(0, 2).join(' ') || '0 s';
}
