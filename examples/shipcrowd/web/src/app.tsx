import { useCallback, useEffect, useState } from 'react';
import { Navigate, Route, Routes, useNavigate } from 'react-router';
import { authorize } from './api/http';
import { Shell } from './layout/shell';
import { Dashboard } from './pages/dashboard';
import { NewOrder } from './pages/new-order';
import { NotFound } from './pages/not-found';
import { Operations } from './pages/operations';
import { Order } from './pages/order';
import { Orders } from './pages/orders';
import { Rates } from './pages/rates';
import { Roles } from './pages/roles';
import { Shipment } from './pages/shipment';
import { Shipments } from './pages/shipments';
import { Wallet } from './pages/wallet';
import { useSession, storedSession, storeSession, watchStoredSession, type StoredSession } from './session/session';
import { SignIn } from './session/sign-in';
import { SignedIn } from './session/signed-in';
import { Boundary } from './ui/boundary';
import { NoAccess } from './ui/states';
import { NoticeProvider } from './ui/notice';

export function App() {
  const [session, setSession] = useState<StoredSession | null>(storedSession);
  const navigate = useNavigate();
  const isSignedIn = session !== null;
  // Somebody who is signed in watches for themselves.
  useEffect(() => (isSignedIn ? undefined : watchStoredSession(setSession)), [isSignedIn]);

  const signedIn = useCallback((next: StoredSession) => {
    storeSession(next);
    setSession(next);
  }, []);
  const ended = useCallback(
    (next: StoredSession | null) => {
      authorize(null, () => undefined);
      setSession(next);
      void navigate('/', { replace: true });
    },
    [navigate],
  );

  if (session === null) return <SignIn onSignedIn={signedIn} />;
  return (
    <SignedIn key={session.token} session={session} onEnded={ended}>
      <NoticeProvider>
        <Shell>
          <Boundary>
            <Pages />
          </Boundary>
        </Shell>
      </NoticeProvider>
    </SignedIn>
  );
}

/** Each page with the permission that it needs. */
const PAGES = [
  ['/dashboard', 'analytics.read', <Dashboard />],
  ['/orders', 'orders.read', <Orders />],
  ['/orders/new', 'orders.write', <NewOrder />],
  ['/orders/:id', 'orders.read', <Order />],
  ['/shipments', 'shipments.read', <Shipments />],
  ['/shipments/:id', 'shipments.read', <Shipment />],
  ['/wallet', 'wallet.read', <Wallet />],
  ['/admin/rates', 'admin.rates', <Rates />],
  ['/admin/roles', 'admin.roles', <Roles />],
  ['/operations', undefined, <Operations />],
] as const;

function Pages() {
  const { can, user } = useSession();
  // People of Shipcrowd itself have no orders.
  const home = user.companyId === null ? '/operations' : can('analytics.read') ? '/dashboard' : '/orders';
  return (
    <Routes>
      <Route path="/" element={<Navigate to={home} replace />} />
      {PAGES.map(([path, permission, page]) => (
        <Route key={path} path={path} element={permission === undefined || can(permission) ? page : <NoAccess permission={permission} />} />
      ))}
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
