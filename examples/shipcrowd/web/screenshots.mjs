// Takes pictures of the pages for the documentation: of a company's owner and of an administrator, on a wide and on a narrow screen.
//
//     npm run screenshots -- http://127.0.0.1:4000 ../../docs/screenshots
//
// The address is that of a running stack (`npm run example`). The browser is Debian's chromium, or the one that HAWSER_TEST_BROWSER names.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [base, folder = 'screenshots'] = process.argv.slice(2);
if (base === undefined) {
  console.error('usage: node web/screenshots.mjs <address> [folder]');
  process.exit(1);
}

const OWNER = { role: 'owner', pages: ['dashboard', 'orders', 'order', 'orders/new', 'shipments', 'wallet'] };
const ADMIN = { role: 'admin', pages: ['admin/rates', 'admin/roles', 'operations'] };
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };

/** Signs in as the first person with a role, and takes a picture of each page when it has its data. */
async function take(browser, { role, pages }, viewport, suffix) {
  const context = await browser.newContext({ viewport, timezoneId: 'Asia/Kolkata', locale: 'en-IN' });
  const page = await context.newPage();
  await page.goto(base);
  const person = page.getByRole('button', { name: new RegExp(`^Sign in as .* ${role} of `, 'i') }).first();
  await person.waitFor();
  const shot = async (name) => {
    const file = path.join(folder, `${name.replaceAll('/', '-')}${suffix}.png`);
    await page.screenshot({ path: file, animations: 'disabled' });
    console.log(file);
  };
  if (role === 'owner') await shot('sign-in');
  await person.click();
  await page.getByRole('status', { name: 'Live updates: Live' }).waitFor();
  for (const name of pages) {
    await go(page, name);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForFunction(() => globalThis.document.querySelector('.skeleton') === null);
    await page.getByRole('status', { name: 'Live updates: Live' }).waitFor();
    await page.evaluate(() => globalThis.document.fonts.ready.then(() => undefined));
    // Its figures are further down.
    if (name === 'operations') await page.setViewportSize({ ...viewport, height: await page.evaluate(() => globalThis.document.documentElement.scrollHeight) });
    await shot(name);
  }
  await context.close();
}

async function go(page, name) {
  if (name !== 'order') {
    await page.goto(new URL(name, base).href);
    if (name === 'orders/new') await fill(page);
    return;
  }
  await page.goto(new URL('orders?status=delivered', base).href);
  await page.getByRole('table', { name: 'Orders' }).getByRole('link').first().click();
}

/** An order that is almost ready, with what each courier would cost. */
async function fill(page) {
  const values = { Customer: 'Meera Iyer', 'Phone (optional)': '+91 98200 41172', 'Pickup pincode': '110000', 'Delivery pincode': '400010', 'Weight in grams': '750', 'Value in rupees': '1499' };
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
  await page.locator('.quotes').waitFor();
}

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.HAWSER_TEST_BROWSER || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const [viewport, suffix] of [[WIDE, ''], [NARROW, '-narrow']]) {
  await take(browser, OWNER, viewport, suffix);
  await take(browser, ADMIN, viewport, suffix);
}
await browser.close();
