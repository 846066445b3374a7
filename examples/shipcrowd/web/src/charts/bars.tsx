/** Horizontal bars with their names and figures: a table that shows its proportions. */
import type { ReactNode } from 'react';

export interface Bar {
  name: string;
  value: number;
  text: string;
  tone?: string;
  note?: ReactNode;
}

export function Bars({ bars, caption, max }: { bars: readonly Bar[]; caption: string; max?: number }) {
  const top = max ?? Math.max(...bars.map(({ value }) => value), 1);
  return (
    <table className="bars">
      <caption className="hidden">{caption}</caption>
      <tbody>
        {bars.map(({ name, value, text, tone = 'teal', note }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="bar-cell">
              <span className={`bar ${tone}`} style={{ width: `${Math.max((100 * value) / top, value > 0 ? 1 : 0)}%` }} />
            </td>
            <td className="bar-text">{text}</td>
            {note !== undefined && <td className="bar-note">{note}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
