/** Decoration: lines between places, drawn as a network of hubs. */
const HUBS = [
  { x: 96, y: 78, name: 'DEL' },
  { x: 40, y: 206, name: 'BOM' },
  { x: 118, y: 310, name: 'BLR' },
  { x: 176, y: 286, name: 'MAA' },
  { x: 270, y: 150, name: 'CCU' },
  { x: 152, y: 212, name: 'HYD' },
  { x: 54, y: 142, name: 'AMD' },
] as const;
const ROUTES = [[0, 6], [6, 1], [1, 5], [5, 2], [2, 3], [0, 4], [5, 4], [0, 5], [3, 4]] as const;

export function RouteMap() {
  return (
    <svg className="route-map" viewBox="0 0 320 350" aria-hidden="true">
      {ROUTES.map(([from, to], i) => {
        const [a, b] = [HUBS[from], HUBS[to]];
        const bend = i % 2 === 0 ? 22 : -22;
        return <path key={i} d={`M${a.x} ${a.y} Q ${(a.x + b.x) / 2 + bend} ${(a.y + b.y) / 2 - bend} ${b.x} ${b.y}`} className={i % 3 === 0 ? 'route hot' : 'route'} />;
      })}
      {HUBS.map(({ x, y, name }) => (
        <g key={name}>
          <circle cx={x} cy={y} r="9" className="hub-halo" />
          <circle cx={x} cy={y} r="3.5" className="hub" />
          <text x={x + 13} y={y + 4}>
            {name}
          </text>
        </g>
      ))}
    </svg>
  );
}
