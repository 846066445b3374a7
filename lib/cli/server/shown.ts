/**
 * Texts of others (keys, names, arguments, what a server says) as they may be shown: shortened, and without anything that a terminal would obey. What is
 * collected is made safe at once, so that no output, JSON included, has to remember it.
 */

const MAX_CHARS = 120;

// eslint-disable-next-line no-control-regex -- these characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/g;
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/;

/** At most `max` characters of it. Bytes that are no UTF-8 are shown as `\xNN`, other unsafe characters as `\n`, `\t`, `\u001b`. */
export function shown(text: string | Buffer, max = MAX_CHARS): string {
  const safe = typeof text === 'string' ? escaped(text.length > max * 2 ? text.slice(0, max * 2) : text) : shownBytes(text, max * 4);
  const isCut = text.length > max * (typeof text === 'string' ? 2 : 4);
  const chars = [...safe];
  return chars.length > max || isCut ? `${chars.slice(0, max - 1).join('')}…` : safe;
}

function escaped(text: string): string {
  // A pair of surrogates is one character; without it each half is alone.
  const parts = PAIRS.test(text) ? text.split(/([\ud800-\udbff][\udc00-\udfff])/) : [text];
  return parts.map((part, i) => (i % 2 === 1 ? part : part.replace(UNSAFE, escapedChar))).join('');
}

function escapedChar(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function shownBytes(all: Buffer, max: number): string {
  const bytes = all.subarray(0, max);
  // A cut may have gone through a character, which has four bytes at most.
  const least = all.length > max ? bytes.length - 3 : bytes.length;
  for (let end = bytes.length; end >= least; end--) {
    try {
      return escaped(UTF8.decode(bytes.subarray(0, end)));
    } catch {
      // Shorter by a byte, or no UTF-8 at all.
    }
  }
  return bytes.toString('latin1').replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
