/** One line that says what has just been done. */
import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from 'react';

interface Notice {
  text: string;
  kind: 'done' | 'failed';
}

const NoticeContext = createContext<(text: string, kind?: Notice['kind']) => void>(() => undefined);

export const useNotice = () => useContext(NoticeContext);

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<Notice>();
  const show = useCallback((text: string, kind: Notice['kind'] = 'done') => setNotice({ text, kind }), []);
  useEffect(() => {
    if (notice === undefined) return;
    const timer = setTimeout(() => setNotice(undefined), 6_000);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <NoticeContext value={show}>
      {children}
      <div className="notice-place" role="status" aria-live="polite">
        {notice !== undefined && (
          <div className={`notice ${notice.kind}`}>
            <span>{notice.text}</span>
            <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => setNotice(undefined)}>
              ×
            </button>
          </div>
        )}
      </div>
    </NoticeContext>
  );
}
