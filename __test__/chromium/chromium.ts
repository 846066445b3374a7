/** A real browser: Chromium without a window, which `scripts/setup.mjs --browser` installs. */
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { ROOT, runNode } from '../helpers/process';

/** Chromium's own traffic is off: pages load from this machine alone. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export interface BrowserOptions {
  /** Whether pages are kept for the back button, as users' browsers do. Playwright does without. */
  keepsPages?: boolean;
}

/** Installs a browser if there is none, and starts it with an empty profile. */
export async function startBrowser({ keepsPages = false }: BrowserOptions = {}): Promise<Browser> {
  const { code, stderr } = await runNode('scripts/setup.mjs', { cwd: ROOT, args: ['--browser'], deadlineMs: 300_000 });
  if (code !== 0) throw new Error(stderr);
  return chromium.launch({
    executablePath: process.env.HAWSER_TEST_BROWSER || '/usr/bin/chromium',
    headless: true,
    args: ARGS,
    ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
    timeout: 60_000,
  });
}

/** Contexts (a user's profile each) of one browser for a spec. They are closed after each test. */
export function withBrowser(options: BrowserOptions = {}): { context(): Promise<BrowserContext>; page(context?: BrowserContext): Promise<Page> } {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    browser = await startBrowser(options);
  }, 360_000);
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(() => browser?.close());
  const open = async (): Promise<BrowserContext> => {
    const made = await browser.newContext();
    made.setDefaultTimeout(60_000);
    contexts.push(made);
    return made;
  };
  return { context: open, page: async (given) => (given ?? (await open())).newPage() };
}
