import { Link } from 'react-router';
import { PageHead } from '../ui/parts';
import { Empty } from '../ui/states';

export function NotFound() {
  return (
    <>
      <PageHead title="Not found" />
      <div className="panel">
        <Empty icon="search" title="There is no such page">
          <Link to="/">Back to the start</Link>
        </Empty>
      </div>
    </>
  );
}
