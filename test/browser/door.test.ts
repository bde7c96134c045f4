/** The door on a phone: a camera that films a ticket, a code that is typed, an entry taken back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { create as createQr } from 'qrcode';
import { launchChromium } from '../support/chromium';
import { type Market, openMarket } from '../support/market';

let market: Market;
let chrome: Browser;
let folder: string;
let doorPath: string;
let tickets: { id: string; code: string }[];
let cookies: { name: string; value: string; url: string }[];
const complaints: string[] = [];

beforeAll(async () => {
  market = await openMarket();
  const sale = await market.eventOnSale();
  await market.buy(sale.slug, 2);
  doorPath = `/organizer/events/${sale.id}/check-in`;
  const rows = await market.db('tickets').where({ event_id: sale.id }).orderBy('seq');
  tickets = rows.map(({ id }) => ({
    id,
    code: market.testApp.dependencies.ticketCodes.sign({ id, eventId: sale.id }),
  }));
  cookies = [...sale.browser.cookies(new URL(market.baseUrl).host)].map(([name, value]) => ({
    name,
    value,
    url: market.baseUrl,
  }));
  folder = mkdtempSync(join(tmpdir(), 'foyer-camera-'));
  writeFileSync(join(folder, 'ticket.y4m'), film(tickets[0]!.code));
  chrome = await launchChromium({
    args: [
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${join(folder, 'ticket.y4m')}`,
    ],
  });
});
afterAll(async () => {
  await chrome.close();
  await market.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openDoor(options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const context = await chrome.newContext({
    viewport: { width: 360, height: 740 },
    permissions: ['camera'],
    ...options,
  });
  await context.addCookies(cookies);
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(market.at(doorPath));
  return page;
}

const answer = '[data-door-answer]';

test('the camera reads a ticket, lets it in, counts it, and a second phone says that it is in', async () => {
  const phone = await openDoor();
  await phone.click('[data-door-start]');
  await phone.waitForSelector(`${answer}.door-good`);
  expect(await phone.textContent(answer)).toMatch(/Come in[\s\S]*Charles[\s\S]*Standard · 1 of 2/);
  expect(await phone.textContent('[data-door-count]')).toMatch(/1\s+of\s+2/);
  expect(await market.db('tickets').whereNotNull('checked_in_at')).toHaveLength(1);

  const second = await openDoor();
  await second.click('[data-door-start]');
  await second.waitForSelector(`${answer}.door-bad`);
  expect(await second.textContent(answer)).toMatch(/Already in/);
  await phone.close();

  await second.click('text=Take this entry back');
  await second.waitForSelector(`${answer}.door-plain`);
  expect(await market.db('tickets').whereNotNull('checked_in_at')).toEqual([]);
  await second.close();
  expect(complaints).toEqual([]);
});

test.each([true, false])(
  'a code is typed and a name is found (JavaScript: %s)',
  async (javaScriptEnabled) => {
    await market.db('tickets').update({ checked_in_at: null });
    const page = await openDoor({ javaScriptEnabled });
    await page.fill('[name=code]', tickets[1]!.id.replaceAll('-', '').slice(-8));
    await page.press('[name=code]', 'Enter');
    await page.waitForSelector(`${answer}.door-good`);
    expect(await page.textContent(answer)).toMatch(/2 of 2/);
    await page.fill('[name=q]', 'charles');
    await page.click('text=Search');
    await page.waitForURL(/q=charles/);
    await page.click('button:has-text("Let in")');
    await page.waitForSelector(`${answer}.door-good`);
    expect(await market.db('tickets').whereNotNull('checked_in_at')).toHaveLength(2);
    expect(
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    ).toBe(0);
    await page.close();
    expect(complaints).toEqual([]);
  },
);

/** Three frames of YUV4MPEG2 with the code in the middle of a white sheet. */
function film(text: string): Buffer {
  const [width, height, dot] = [640, 480, 6];
  const { modules } = createQr(text, { errorCorrectionLevel: 'M' });
  const light = Buffer.alloc(width * height, 235);
  const left = Math.floor((width - modules.size * dot) / 2);
  const top = Math.floor((height - modules.size * dot) / 2);
  for (let y = 0; y < modules.size * dot; y += 1)
    for (let x = 0; x < modules.size * dot; x += 1)
      if (modules.get(Math.floor(y / dot), Math.floor(x / dot))) light[(top + y) * width + left + x] = 16;
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, Buffer.alloc((width * height) / 2, 128)]);
  return Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`),
    frame,
    frame,
    frame,
  ]);
}
