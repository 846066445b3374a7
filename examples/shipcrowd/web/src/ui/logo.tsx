export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <path d="M4 9.5 16 3l12 6.5v13L16 29 4 22.5z" fill="none" stroke="currentColor" strokeWidth="2" strokeLinejoin="round" opacity=".9" />
        <path d="m4 9.5 12 6.5 12-6.5M16 16v13" fill="none" stroke="var(--orange)" strokeWidth="2.4" strokeLinejoin="round" />
      </svg>
      Shipcrowd
    </span>
  );
}
