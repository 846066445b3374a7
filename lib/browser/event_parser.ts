/** Server-sent events from text that arrives in pieces (HTML standard, section 9.2.6). */

export interface ServerEvent {
  type: string;
  data: string;
  /** The latest id, also of earlier events. */
  id: string;
}

/** Longer events are refused: a server that sends them is not one of ours. */
const MAX_CHARS = 4 << 20;

export class EventParser {
  private rest = '';
  private data: string[] = [];
  private size = 0;
  private type = '';
  private id = '';
  private isFirst = true;

  /** Throws Error for an event that is too long. */
  push(text: string): ServerEvent[] {
    let all = this.rest + text;
    if (this.isFirst && all !== '') {
      all = all.replace(/^\uFEFF/, '');
      this.isFirst = false;
    }
    const events: ServerEvent[] = [];
    let from = 0;
    for (;;) {
      const end = lineEnd(all, from);
      if (end === undefined) break;
      this.line(all.slice(from, end.at), events);
      from = end.next;
    }
    this.rest = all.slice(from);
    if (this.rest.length + this.size > MAX_CHARS) throw new Error(`the stream has an event of more than ${MAX_CHARS} characters`);
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === '') return this.dispatch(events);
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') this.type = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    else if (field === 'data') {
      this.data.push(value);
      this.size += value.length;
    }
  }

  private dispatch(events: ServerEvent[]): void {
    if (this.data.length > 0) events.push({ type: this.type === '' ? 'message' : this.type, data: this.data.join('\n'), id: this.id });
    this.data = [];
    this.size = 0;
    this.type = '';
  }
}

/** A line ends with CR, LF or both. A CR at the end waits for what follows. */
function lineEnd(text: string, from: number): { at: number; next: number } | undefined {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\n') return { at: i, next: i + 1 };
    if (text[i] !== '\r') continue;
    if (i + 1 === text.length) return undefined;
    return { at: i, next: text[i + 1] === '\n' ? i + 2 : i + 1 };
  }
  return undefined;
}
