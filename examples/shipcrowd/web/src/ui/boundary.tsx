/** Where a page fails while it is drawn, for example by stored data that it cannot read: the frame stays, and the data is dropped and fetched again. */
import { useQueryClient } from '@tanstack/react-query';
import { Component, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { Empty } from './states';

interface Props {
  onDrop: () => void;
  children: ReactNode;
}

class Catcher extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };
  private hasTriedAgain = false;

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
    if (!this.hasTriedAgain) this.again();
    this.hasTriedAgain = true;
  }

  private readonly again = (): void => {
    this.props.onDrop();
    this.setState({ hasFailed: false });
  };

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="panel" role="alert">
        <Empty icon="alert" title="This page cannot be shown">
          Its data is not what it expects.{' '}
          <button type="button" className="button" onClick={this.again}>
            Fetch it again
          </button>
        </Empty>
      </div>
    );
  }
}

export function Boundary({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const { pathname } = useLocation();
  return (
    <Catcher key={pathname} onDrop={() => client.removeQueries({ predicate: ({ queryKey: [name] }) => name !== 'me' })}>
      {children}
    </Catcher>
  );
}
