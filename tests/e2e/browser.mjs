// tests/e2e/browser.mjs MODULES REPORT.html SHOT.png: looks at a report in a headless browser, with the keyboard, in the dark, on paper and on a
// small screen, and prints what it found as NAME=VALUE lines. MODULES: a node_modules folder with playwright-core.
import { createRequire } from 'node:module';
const [modules, report, shot] = process.argv.slice(2);
const { chromium } = createRequire(modules + '/').call(null, 'playwright-core');
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, reducedMotion: 'reduce' });
let complaints = 0, requests = 0;
page.on('console', (m) => { complaints++; console.error(m.text()); });
page.on('pageerror', (e) => { complaints++; console.error(e.message); });
page.on('request', () => requests++);
const say = (name, value) => console.log(`${name}=${value}`);
await page.goto('file://' + report);
say('title', await page.title());
say('charts', await page.evaluate(() => document.documentElement.dataset.charts ?? 0));
say('canvas', await page.evaluate(() => { const c = document.querySelector('canvas'); return c && c.width > 500 && c.height > 100 ? 'drawn' : 'none'; }));
say('flames', await page.locator('.d3-flame-graph g.frame').count());
await page.screenshot({ path: shot, fullPage: true });

// Findings unfold by the keyboard; the first is open.
const first = page.locator('details').first();
await first.locator('summary').focus();
await page.keyboard.press('Enter');
say('folded', await first.evaluate((d) => !d.open));
await page.keyboard.press('Enter');
say('unfolded', await first.evaluate((d) => d.open));

// A place of the flame graph, by the keyboard too: it takes the whole width.
const frame = page.locator('.d3-flame-graph g.frame').last();
const before = await frame.evaluate((g) => g.getBoundingClientRect().width);
await frame.focus();
await page.keyboard.press('Enter');
await page.waitForTimeout(100);
say('zoomed', await frame.evaluate((g, w) => g.getBoundingClientRect().width >= w, before));

const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const light = await ground();
await page.emulateMedia({ colorScheme: 'dark' });
say('dark', await ground() !== light);
await page.emulateMedia({ media: 'print', colorScheme: 'light' });
say('paper', await page.evaluate(() => getComputedStyle(document.getElementById('over-time')).display !== 'none' &&
	getComputedStyle(document.querySelector('.chart')).display === 'none'));
say('printed', await page.evaluate(() => {
	const open = () => document.querySelectorAll('details[open]').length, all = document.querySelectorAll('details').length, before = open();
	dispatchEvent(new Event('beforeprint'));
	const there = open();
	dispatchEvent(new Event('afterprint'));
	return there === all && before < all && open() === before;
}));
await page.emulateMedia({ media: 'screen' });
await page.setViewportSize({ width: 390, height: 800 });
await page.waitForTimeout(400);
say('fits', await page.evaluate(() => document.documentElement.scrollWidth <= 390 + 1));
say('complaints', complaints);
say('requests', requests);
await browser.close();
