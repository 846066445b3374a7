/** The frame of every page: navigation, who is signed in, and whether what is shown is live. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { NavLink, useLocation, useNavigationType } from 'react-router';
import { useSession } from '../session/session';
import { initials } from '../session/sign-in';
import { words } from '../ui/format';
import { Icon, type IconName } from '../ui/icons';
import { Logo } from '../ui/logo';
import { LiveStatus } from './live-status';

const GROUPS: { title?: string; links: [string, string, IconName, string | undefined][] }[] = [
  {
    links: [
      ['/dashboard', 'Dashboard', 'dashboard', 'analytics.read'],
      ['/orders', 'Orders', 'box', 'orders.read'],
      ['/shipments', 'Shipments', 'truck', 'shipments.read'],
      ['/wallet', 'Wallet', 'wallet', 'wallet.read'],
    ],
  },
  {
    title: 'Administration',
    links: [
      ['/admin/rates', 'Rate cards', 'rates', 'admin.rates'],
      ['/admin/roles', 'Roles', 'shield', 'admin.roles'],
      ['/operations', 'Operations', 'pulse', undefined],
    ],
  },
];

export function Shell({ children }: { children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const { pathname } = useLocation();
  const kind = useNavigationType();
  const main = useRef<HTMLElement>(null);
  useEffect(() => setOpen(false), [pathname]);
  // As a browser does for a new page. Going back, it finds the place by itself.
  useEffect(() => {
    if (kind === 'POP') return;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname, kind]);
  useEffect(() => {
    if (!isOpen) return;
    const close = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') setOpen(false);
    };
    window.addEventListener('keydown', close);
    return () => window.removeEventListener('keydown', close);
  }, [isOpen]);
  return (
    <div className={isOpen ? 'shell menu-open' : 'shell'}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <button type="button" className="icon-button menu-button" aria-label={isOpen ? 'Close the menu' : 'Open the menu'} aria-expanded={isOpen} aria-controls="side" onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? 'close' : 'menu'} />
        </button>
        <span className="top-logo">
          <Logo />
        </span>
        <LiveStatus />
      </header>
      <aside className="side" id="side">
        <Logo />
        <Navigation />
        <Account />
      </aside>
      {isOpen && <div className="scrim" onClick={() => setOpen(false)} />}
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
    </div>
  );
}

function Navigation() {
  const { can, user } = useSession();
  return (
    <nav aria-label="Main">
      {GROUPS.map(({ title, links }) => (
        <div key={title ?? 'main'} className="nav-group">
          {title !== undefined && <h2>{title}</h2>}
          <ul>
            {links
              .filter(([path, , , permission]) => permission === undefined || (can(permission) && (user.companyId !== null || path.startsWith('/admin'))))
              .map(([path, name, icon]) => (
                <li key={path}>
                  <NavLink to={path}>
                    <Icon name={icon} />
                    {name}
                  </NavLink>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function Account() {
  const { user, signOut } = useSession();
  return (
    <div className="account">
      <span className="avatar" aria-hidden="true">
        {initials(user.name)}
      </span>
      <span className="account-name">
        <strong>{user.name}</strong>
        <small title={user.companyName ?? undefined}>{user.companyName ?? 'Shipcrowd'}</small>
        <small>{words(user.role)}</small>
      </span>
      <button type="button" className="icon-button" aria-label="Sign out" title="Sign out" onClick={signOut}>
        <Icon name="exit" />
      </button>
    </div>
  );
}
