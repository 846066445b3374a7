import { Link } from 'react-router';
import { Empty } from '../ui/states';

export function NotFound() {
  return (
    <div className="panel">
      <Empty icon="search" title="There is no such page">
        <Link to="/">Back to the start</Link>
      </Empty>
    </div>
  );
}
